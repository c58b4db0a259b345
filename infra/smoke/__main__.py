"""`make smoke STAGE=test`: does the stage's own Athena understand every statement of this version, and is the stack sound?

Ends with 0 when all is well, 1 when something is not, 2 when it could not be asked.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import orjson

from infra.smoke.explain import Answer, explained, table_of
from infra.smoke.stack import Check, Clients, Stack, all_checks, find_stack, stack_name
from infra.smoke.statements import MOST_SITES, statements
from shared.errors import SkvozError
from shared.settings import SiteSettings, parse_settings
from shared.sites import list_sites


def main(arguments: list[str] | None = None) -> int:
    from botocore.exceptions import BotoCoreError, ClientError

    from shared.aws import client

    given = _parser().parse_args(arguments)
    if "AWS_REGION" in os.environ:
        os.environ.setdefault("AWS_DEFAULT_REGION", os.environ["AWS_REGION"])  # botocore reads that name alone
    if not given.stage:
        return _cannot("say which stage: make smoke STAGE=test")
    if (missing := _missing_access()) is not None:
        return _cannot(missing)
    try:
        stack = find_stack(client, given.stack or stack_name(given.stage))
        return run(client, stack, datetime.now(UTC), time.sleep)
    except SkvozError as error:
        return _cannot(str(error))
    except (BotoCoreError, ClientError) as error:
        return _cannot(f"AWS did not answer as it should: {error}")


def run(clients: Clients, stack: Stack, now: datetime, sleep: Callable[[float], None]) -> int:
    """Check, explain and print; 0 or 1."""
    checks = all_checks(clients, stack)
    for check in checks:
        _print_check(check)
    if not all(check.is_ok for check in checks):
        return 1
    sites = _sites(clients, stack)
    asked = statements(sites, now)
    more = f" (the first {MOST_SITES} of {len(sites)} sites)" if len(sites) > MOST_SITES else f" ({len(sites)} sites and 2 samples)"
    print(f"{len(asked)} statements of refresh, report and audit{more}, explained; nothing is read or written")
    return _print_answers(explained(stack.warehouse(clients), asked, sleep))


def _sites(clients: Clients, stack: Stack) -> list[SiteSettings]:
    found = list_sites(clients("s3"), stack.outputs["FilesBucketName"])
    return [parse_settings(orjson.loads(raw)) for _, raw in sorted(found.items())]


def _print_check(check: Check) -> None:
    print(f"{'ok  ' if check.is_ok else 'FAIL'}  {check.name:12} {check.words}", flush=True)


def _print_answers(answers: list[Answer]) -> int:
    for name, count, words in table_of(answers):
        print(f"{'FAIL' if words else 'ok  '}  {name:45} {count:3}")
        for line in words:
            print(f"      {line}")
    failed = sum(1 for answer in answers if answer.words)
    print(
        f"{len(answers)} statements, {failed} that Athena does not understand" if failed else f"all {len(answers)} are understood"
    )
    return 1 if failed else 0


def _cannot(reason: str) -> int:
    print(f"error: {reason}", file=sys.stderr)
    return 2


def _missing_access() -> str | None:
    """One line that says what is missing to ask AWS at all."""
    import botocore.session

    session = botocore.session.get_session()
    try:
        region, credentials = session.get_config_variable("region"), session.get_credentials()
    except botocore.exceptions.BotoCoreError as error:  # a profile that does not exist, a login that is over
        return f"no AWS credentials: {error}"
    if credentials is None:
        return "no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    return None if region else "no region: set AWS_REGION"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.smoke", description=__doc__)
    parser.add_argument("--stage", default="", help="stage of the stack, for example test")
    parser.add_argument("--stack", default="", help="name of the stack, where samconfig.toml does not tell it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
