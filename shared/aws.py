"""AWS clients: made on first use, never at import; one per service and process. Endpoints and region come from the environment
(AWS_ENDPOINT_URL and its kin), so the same code runs in AWS, in a compatible cloud and on the local stack."""

from __future__ import annotations

import os
from functools import cache
from typing import Any


@cache
def client(service: str) -> Any:
    """Shared low-level client. botocore directly: boto3's resources would cost every cold start and serve nothing."""
    import botocore.session
    from botocore.config import Config

    config = Config(
        retries={"mode": "standard", "total_max_attempts": 3},
        connect_timeout=2,
        read_timeout=10,
    )
    return botocore.session.get_session().create_client(service, config=config)


def env(name: str) -> str:
    """Required setting of the function; template.yaml gives it. RuntimeError names what is missing."""
    try:
        return os.environ[name]
    except KeyError as error:
        raise RuntimeError(f"environment variable {name} is not set; template.yaml must give it to this function") from error
