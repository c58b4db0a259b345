"""What a server of the proofs can fail with."""

from __future__ import annotations


class ServerError(Exception):
    """A server could not be fetched, verified or started; says what is missing and what to do."""
