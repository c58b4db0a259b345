"""Structured logs and metrics. Logs carry ids, counts and reasons; never a body, a header, a phone or an e-mail."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import orjson


@cache
def logger() -> Any:
    """The function's Powertools logger, made on first use."""
    from aws_lambda_powertools import Logger

    stream: Any = _Stdout()  # all of IO[str] that a logger uses
    return Logger(service=os.environ.get("SERVICE", "skvoz"), stream=stream)


class _Stdout:
    """Whatever sys.stdout is when something is written: the local stack and test runners put another in its place, and close it."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


def count(metrics: Mapping[str, int], **dimensions: str) -> None:
    """Count things as CloudWatch metrics (embedded metric format, one line on stdout, namespace `Skvoz`).

    Written by hand in four lines: importing the library's metrics would cost the hit door 20 ms of every cold start.
    """
    names = [{"Name": name, "Unit": "Bytes" if name.endswith("Bytes") else "Count"} for name in metrics]
    aws = {
        "Timestamp": time.time_ns() // 1_000_000,
        "CloudWatchMetrics": [{"Namespace": "Skvoz", "Dimensions": [list(dimensions)], "Metrics": names}],
    }
    line = orjson.dumps({"_aws": aws, **dimensions, **metrics})
    sys.stdout.write(line.decode() + "\n")
