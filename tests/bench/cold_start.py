"""Budgets of the doors that a visitor waits for: a fresh process up to its first accepted hit and to its first lease of a number,
and CPU per hit once warm.

Measured with what the function ships and nothing else on the path (the development environment holds awscrt and pyOpenSSL, which
botocore imports where it finds them). The network is cut at botocore's HTTP session; everything above it runs as in Lambda.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from shared.leases import pool_key
from shared.times import from_millis
from shared.visitors import sign_visitor

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "build" / "host"
SHIPPED = ("boto3", "orjson")  # what both import; requirements/runtime.in
USUAL = ("boto3", "aws-lambda-powertools", "pydantic")
RUNS, WARM_BATCHES, HITS_A_BATCH = 9, 400, 5
COLD_BUDGET_MS, WARM_BUDGET_MS = 300, 0.3
SECRET = "whsec_RaocZ9JpqOgtqpIgTOeVI+n/F8swopiv"
VISITOR = "0199d7a1-5c2e-7b6a-9c11-2f6d3e4a5b60"

_STUB = """
import io
import botocore.awsrequest, botocore.httpsession
class Raw(io.BytesIO):
    def stream(self, **_):
        yield self.read()
def send(self, request):
    target = request.headers.get("X-Amz-Target", b"").rpartition(b".")[2]
    body = SETTINGS if request.method == "GET" else ANSWERS.get(target, b'{"RecordId":"1"}')
    return botocore.awsrequest.AWSResponse(request.url, 200, {"content-length": str(len(body))}, Raw(body))
botocore.httpsession.URLLib3Session.send = send
"""
_COLD = (
    """
import json
from functions.collect.handler import lambda_handler
"""
    + _STUB
    + """
answer = lambda_handler(json.loads(EVENT), None)
told = json.loads(answer["body"])
assert answer["statusCode"] == 202 and told["accepted"] == 1 and told["token"], answer
"""
)
_LEASE = (
    """
import json
from functions.numberpool.handler import lambda_handler
"""
    + _STUB
    + """
answer = lambda_handler(json.loads(EVENT), None)
told = json.loads(answer["body"])
assert answer["statusCode"] == 200 and told["kind"] == "dynamic" and told["lease"], answer
"""
)
_WARM = (
    """
import json, sys, time, uuid
from functions.collect.handler import lambda_handler
"""
    + _STUB
    + """
event = json.loads(EVENT)
batch = json.loads(event["body"])
def post():
    batch["hits"] = [{**batch["hits"][0], "id": str(uuid.uuid4())} for _ in range(HITS)]
    event["body"] = json.dumps(batch)
    started = time.process_time_ns()
    answer = lambda_handler(event, None)
    spent = time.process_time_ns() - started
    told = json.loads(answer["body"])
    assert told["accepted"] == HITS, answer
    batch["visitor"] = told["token"]
    return spent
for _ in range(50):
    post()
times = sorted(post() for _ in range(BATCHES))
print(times[len(times) // 2] / HITS / 1e6)
"""
)
# The same work as it is usually written: the three libraries' imports and a client, without a single hit.
_USUAL_WAY = """
import boto3
import pydantic
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
boto3.client("firehose")
"""


def cold_start() -> dict[str, Any]:
    """Milliseconds from the start of the interpreter to the first accepted hit; the peer is the usual way's imports alone."""
    with _only(SHIPPED, BUILT / "CollectFunction") as path:
        value = _median_ms(_program(_COLD), path)
    with _only(USUAL) as path:
        peer = _median_ms(_USUAL_WAY, path)
    return _figure("collect cold start, process to first accepted hit", value, "ms", peer)


def cold_lease() -> dict[str, Any]:
    """Milliseconds from the start of the interpreter to the first number leased; the peer is the budget."""
    with _only(SHIPPED, BUILT / "NumberpoolFunction") as path:
        value = _median_ms(_program(_LEASE, "numbers_lease_post"), path)
    return _figure("numberpool cold start, process to first lease", value, "ms", COLD_BUDGET_MS)


def warm_hit() -> dict[str, Any]:
    """CPU milliseconds of one hit in a batch of five, signing of the Firehose call included; the peer is the budget."""
    with _only(SHIPPED, BUILT / "CollectFunction") as path:
        value = float(_run(_program(_WARM), path))
    return _figure("collect CPU per hit, batch of 5, warm", value, "ms", WARM_BUDGET_MS)


def figures() -> list[dict[str, Any]]:
    """All, for `make bench`."""
    return [cold_start(), cold_lease(), warm_hit()]


def _figure(name: str, value: float, unit: str, peer: float) -> dict[str, Any]:
    return {"name": name, "value": round(value, 3), "unit": unit, "peer": round(peer, 3), "ratio": round(value / peer, 3)}


def _program(text: str, recorded: str = "collect_hits_post") -> str:
    event = json.loads((ROOT / "tests" / "events" / f"{recorded}.json").read_text("utf-8"))
    if recorded == "numbers_lease_post":
        now = from_millis(event["requestContext"]["timeEpoch"])
        event["body"] = json.dumps({**json.loads(event["body"]), "visitor": sign_visitor("kvartal", VISITOR, now, [SECRET])})
    settings = json.dumps({"site_id": "kvartal", "currency": "RUB", "origins": ["https://kvartal.example"]}).encode()
    pool = [{"pk": {"S": pool_key("kvartal")}, "sk": {"S": f"+749500000{n}"}} for n in range(10, 60)]
    answers = {"GetParameter": {"Parameter": {"Value": SECRET}}, "Query": {"Items": pool}, "TransactWriteItems": {}}
    given = {
        "EVENT": json.dumps(event),
        "SETTINGS": settings,
        "ANSWERS": {name.encode(): json.dumps(answer).encode() for name, answer in answers.items()},
        "HITS": HITS_A_BATCH,
        "BATCHES": WARM_BATCHES,
    }
    return "".join(f"{name} = {value!r}\n" for name, value in given.items()) + text


def _median_ms(program: str, path: str) -> float:
    """Median wall time of fresh interpreters, after two that fill the caches of byte code and disk."""
    times = []
    for _ in range(RUNS + 2):
        started = time.perf_counter()
        _run(program, path)
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times[2:])


def _run(program: str, path: str) -> str:
    aws = {"AWS_DEFAULT_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}
    streams = {"HIT_STREAM": "hits", "REQUEST_STREAM": "requests", "PAYMENT_STREAM": "payments"}
    tables = {"NUMBERS_TABLE": "numbers", "CONTACTS_TABLE": "contacts", "CALL_STREAM": "calls", "LEASE_STREAM": "leases"}
    given = {"STAGE": "bench", "SERVICE": "bench", "LAKE_BUCKET": "lake", "FILES_BUCKET": "files", **streams, **tables, **aws}
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": "/nonexistent", "PYTHONPATH": path, **given}
    # -S: no site-packages but those on the path.
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        raise RuntimeError(f"the measured program failed:\n{done.stderr[-2000:]}")
    return done.stdout.splitlines()[-1] if done.stdout else ""


@contextmanager
def _only(names: tuple[str, ...], built: Path | None = None) -> Iterator[str]:
    """A search path with these distributions and what they need, and our code: the built function where there is one."""
    if built is not None and (built / "functions").is_dir():
        yield str(built)
        return
    with tempfile.TemporaryDirectory() as folder:
        for distribution in _closure(names):
            for file in distribution.files or ():
                top = file.parts[0]
                link = Path(folder) / top
                if top not in ("..", "__pycache__") and not link.exists():
                    link.symlink_to(Path(str(distribution.locate_file(top))).resolve())
        yield f"{folder}{os.pathsep}{ROOT}"


def _closure(names: tuple[str, ...]) -> list[metadata.Distribution]:
    found: dict[str, metadata.Distribution] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = metadata.distribution(name)
        waiting += [re.split(r"[^\w.-]", need, maxsplit=1)[0] for need in found[name].requires or () if "extra ==" not in need]
    return list(found.values())


if __name__ == "__main__":
    print(json.dumps(figures(), indent=1))
