"""Recordings that somebody listened to: for a day in the files bucket, `recordings/{site}/{request id}-{mark}`, so that the
telephony gives it out once, however many parts of it a player asks for."""

from __future__ import annotations

import hashlib
from typing import Any

from functions.report.recordings.sound import Sound, saved_as
from shared.recordings import Reference


class Kept:
    """`s3` is a client. The bucket deletes what lies under `recordings/` (template.yaml)."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3, self._bucket = s3, bucket

    def size(self, key: str) -> int | None:
        """Bytes of what was put there not long ago; None where nothing was."""
        try:
            return int(self._s3.head_object(Bucket=self._bucket, Key=key)["ContentLength"])
        except self._s3.exceptions.ClientError as error:
            if error.response.get("Error", {}).get("Code") in ("404", "NoSuchKey"):
                return None
            raise

    def sound(self, key: str, request_id: str) -> Sound:
        """What was put there."""
        found = self._s3.get_object(Bucket=self._bucket, Key=key)
        return Sound(found["Body"].read(), str(found["ContentType"]), saved_as(request_id, str(found["ContentType"])))

    def put(self, key: str, sound: Sound) -> None:
        self._s3.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=sound.body,
            ContentType=sound.content_type,
            ContentDisposition=sound.disposition,
            CacheControl="no-store",
        )

    def address(self, key: str, seconds: int) -> str:
        """A signed address of it that works for so long; it serves ranges."""
        return str(self._s3.generate_presigned_url("get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=seconds))


def kept_key(site_id: str, request_id: str, told: Reference) -> str:
    """Another reference is another key: what was kept is never an earlier recording of the call."""
    mark = hashlib.sha256(f"{told.provider}\x1f{told.reference}".encode()).hexdigest()[:16]
    return f"recordings/{site_id}/{request_id}-{mark}"
