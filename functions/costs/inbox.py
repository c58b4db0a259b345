"""The inbox: one uploaded file → cost records and `processed/`, or `rejected/` with a readable error file.

Records are written first, as one object, then the file is moved: a failure in between repeats the same object. Mistakes of a
file never raise; failures of the stores do, so that the event is delivered again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from functions.costs.messages import MOST_PROBLEMS, Problem, error_text, unused_text
from functions.costs.parse import MOST_BYTES, parse
from functions.costs.records import Import, encoded, import_id_of
from shared.errors import NotFound
from shared.identity import redact
from shared.ids import is_site_id
from shared.lake import Lake, Rejected
from shared.log import count, logger
from shared.records import COST
from shared.sites import Sites
from shared.times import local_day

DOOR = "costs"
INBOX, PROCESSED, REJECTED = "costs/inbox/", "costs/processed/", "costs/rejected/"
SUFFIXES = (".csv", ".tsv", ".txt")
SPREADSHEETS = (".xlsx", ".xls", ".xlsm", ".ods")
MOST_NAME = 200  # characters: with every prefix of ours still within S3's 1,024 bytes of a key
MOST_COPIED = 5 * 1024**3  # S3 copies up to 5 GB in one request


@dataclass(frozen=True, slots=True)
class Upload:
    """One created object. `version` is empty in a bucket without versions; `mark` tells uploads of one key apart."""

    bucket: str
    key: str
    size: int
    etag: str
    version: str
    mark: str
    uploaded_at: datetime

    @property
    def place(self) -> dict[str, str]:
        """Arguments that name exactly these bytes, whatever was put over them since."""
        return {"Bucket": self.bucket, "Key": self.key, **({"VersionId": self.version} if self.version else {})}


class Inbox:
    """`s3` is a client; the lake writes to the lake bucket, everything else stays in the upload's bucket."""

    def __init__(self, s3: Any, sites: Sites, lake: Lake) -> None:
        self._s3, self._sites, self._lake = s3, sites, lake

    def take(self, upload: Upload) -> None:
        """Import one upload, or refuse it whole. The same upload twice gives the same records under the same names."""
        site_id, _, name = upload.key.removeprefix(INBOX).partition("/")
        if not upload.key.startswith(INBOX) or upload.key.endswith("/"):
            return  # another prefix, or the marker of a folder
        if not name:
            self._refuse(upload, "", site_id, [Problem(0, "", "no_site")], ("ru", "en"))
            return
        try:
            settings = self._sites.get(site_id, upload.uploaded_at)
        except NotFound:
            self._refuse(upload, site_id, name, [Problem(0, "", "unknown_site", {"site": site_id})], ("ru", "en"))
            return
        self._import(upload, site_id, name, settings)

    def _import(self, upload: Upload, site_id: str, name: str, settings: Mapping[str, Any]) -> None:
        language = settings.get("report", {}).get("language", "ru")
        if refusal := _unreadable(name, upload.size):
            self._refuse(upload, site_id, name, [refusal], (language,))
            return
        raw = self._read(upload)
        if raw is None:
            logger().info("nothing to import: the upload was moved or replaced", extra={"site_id": site_id})
            return
        received_at = upload.uploaded_at
        parsed = parse(raw, local_day(received_at, settings["time_zone"]))
        if parsed.problems:
            self._refuse(upload, site_id, name, parsed.problems, (language,))
            return
        import_id = import_id_of(received_at, upload.key, upload.mark)
        lines = encoded(parsed.rows, Import(site_id, import_id, name, received_at, settings["time_zone"]))
        self._lake.write_object(COST, lines, import_id, received_at)
        done = f"{PROCESSED}{site_id}/{import_id}-{_flat(name)}"
        if parsed.unused:
            self._write_text(upload.bucket, f"{done}.notes.txt", unused_text(parsed.unused, language))
        self._move(upload, done)
        count({"Imported": 1, "CostRows": len(parsed.rows)}, Door=DOOR)

    def _read(self, upload: Upload) -> bytes | None:
        """The upload's bytes; None when it is gone (moved by an earlier delivery of the event) or another one lies there."""
        try:
            found = self._s3.get_object(**upload.place)
        except self._s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchVersion"):
                return None
            raise
        if not upload.version and upload.etag and found.get("ETag", "").strip('"') != upload.etag:
            return None
        body: bytes = found["Body"].read()
        return body

    def _refuse(self, upload: Upload, site_id: str, name: str, problems: Sequence[Problem], languages: Sequence[str]) -> None:
        import_id = import_id_of(upload.uploaded_at, upload.key, upload.mark)
        folder = f"{REJECTED}{_folder(site_id)}/{import_id}-{_flat(name)}"
        if not self._is_there(upload):
            return
        self._write_text(upload.bucket, f"{folder}.errors.txt", error_text(name, problems, languages))
        rejected = [Rejected(p.code, redact(p.sentence("en")), name) for p in problems[:MOST_PROBLEMS]]
        self._lake.reject(site_id, DOOR, rejected, import_id, upload.uploaded_at)
        if upload.size <= MOST_COPIED:
            self._move(upload, folder)

    def _is_there(self, upload: Upload) -> bool:
        """Whether the upload still lies in the inbox: a repeated event must not name a file that is mended since."""
        try:
            found = self._s3.head_object(**upload.place)
        except self._s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NoSuchVersion"):
                return False
            raise
        return bool(upload.version or not upload.etag or found.get("ETag", "").strip('"') == upload.etag)

    def _move(self, upload: Upload, key: str) -> None:
        """Copy, then delete exactly the version that was read: a newer upload under the same key stays."""
        self._s3.copy_object(Bucket=upload.bucket, Key=key, CopySource=upload.place)
        self._s3.delete_object(**upload.place)

    def _write_text(self, bucket: str, key: str, text: str) -> None:
        # The byte order mark lets Windows editors read Russian.
        body = text.encode("utf-8-sig", "replace")
        self._s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="text/plain; charset=utf-8")


def _unreadable(name: str, size: int) -> Problem | None:
    """What can be said without reading the file."""
    if len(name) > MOST_NAME:
        return Problem(0, "", "name_too_long", {"most": MOST_NAME})
    if redact(name) != name:
        return Problem(0, "", "personal_name")
    if name.lower().endswith(SPREADSHEETS):
        return Problem(0, "", "spreadsheet")
    if not name.lower().endswith(SUFFIXES):
        return Problem(0, "", "not_csv")
    if size > MOST_BYTES:
        return Problem(0, "", "too_large", {"most": MOST_BYTES // 1024**2})
    return None


def _flat(name: str) -> str:
    """File name without folders, its end kept where it is too long."""
    return name.replace("/", "_")[-MOST_NAME:]


def _folder(site_id: str) -> str:
    """The site's folder, or `unknown` where the path names none that could be one."""
    return site_id if is_site_id(site_id) else "unknown"
