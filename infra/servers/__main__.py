"""`python -m infra.servers`: fetch the servers of the proofs into the cache and say which Java runs each; 1 when one is missing."""

from __future__ import annotations

import sys
import time

from infra.servers import dynamodb_local, java, trino
from infra.servers.errors import ServerError


def main() -> int:
    """One line a server: its folder, its Java, seconds taken; or what is missing."""
    failed = 0
    for name, oldest, install in (
        ("DynamoDB Local", dynamodb_local.OLDEST_JAVA, dynamodb_local.install_dynamodb_local),
        ("Trino", trino.OLDEST_JAVA, trino.install_trino),
    ):
        begun = time.monotonic()
        try:
            program = java.require(oldest)
            home = install()
        except ServerError as error:
            failed = 1
            print(f"{name}: {error}", file=sys.stderr)
        else:
            print(f"{name}: {home} on {program} ({time.monotonic() - begun:.1f} s)")
    return failed


if __name__ == "__main__":
    sys.exit(main())
