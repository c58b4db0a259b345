"""In-memory AWS clients with the few methods that the functions use: real behaviour, no recorded expectations.

`client.fail("put_object")` makes an operation refuse from now on (or `times` times), `client.heal()` ends that.
Errors are botocore's own classes, so the code under test cannot tell the difference.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from botocore.exceptions import ClientError


class NoSuchKey(ClientError):
    """The object is not there."""


class NoSuchVersion(ClientError):
    """That version of the object is not there."""


class ParameterNotFound(ClientError):
    """There is no such parameter."""


class _Exceptions:
    ClientError = ClientError
    NoSuchKey = NoSuchKey
    ParameterNotFound = ParameterNotFound


def _error(kind: type[ClientError], operation: str, code: str = "") -> ClientError:
    return kind({"Error": {"Code": code or kind.__name__, "Message": "fake"}}, operation)


class _Fake:
    """Failures that can be switched on, and the log of calls."""

    exceptions = _Exceptions

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._failing: dict[str, list[Any]] = {}

    def fail(self, operation: str, times: int | None = None, code: str = "ServiceUnavailable", **where: Any) -> None:
        """Refuse `operation`: always, or the next `times` times; `where` narrows it to calls with those arguments."""
        self._failing[operation] = [times, code, where]

    def heal(self) -> None:
        self._failing.clear()

    def _called(self, operation: str, arguments: dict[str, Any]) -> None:
        self.calls.append((operation, arguments))
        rule = self._failing.get(operation)
        if rule is None or rule[0] == 0 or any(arguments.get(name) != value for name, value in rule[2].items()):
            return
        if rule[0] is not None:
            rule[0] -= 1
        raise _error(ClientError, operation, rule[1])


@dataclass
class StoredObject:
    body: bytes
    version: str
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.body, usedforsecurity=False).hexdigest()}"'


class FakeS3(_Fake):
    """Buckets are versioned: every put adds a version, a delete without a version hides the object."""

    def __init__(self) -> None:
        super().__init__()
        self._versions: dict[tuple[str, str], list[StoredObject | None]] = {}
        self._number = 0

    # What tests ask

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """Visible keys, sorted."""
        return sorted(k for (b, k), kept in self._versions.items() if b == bucket and k.startswith(prefix) and kept and kept[-1])

    def body(self, bucket: str, key: str) -> bytes:
        """Latest body."""
        return self._find(bucket, key, None, "GetObject").body

    def all_bytes(self, bucket: str) -> bytes:
        """Everything that every version of every object holds, for searching."""
        return b"\n".join(o.body for (b, _), kept in self._versions.items() if b == bucket for o in kept if o)

    def latest(self, bucket: str, key: str) -> StoredObject:
        return self._find(bucket, key, None, "GetObject")

    # The client

    def put_object(self, *, Bucket: str, Key: str, Body: Any = b"", **extra: Any) -> dict[str, Any]:
        self._called("put_object", {"Bucket": Bucket, "Key": Key, **extra})
        body = Body if isinstance(Body, bytes) else Body.encode() if isinstance(Body, str) else Body.read()
        return self._put(Bucket, Key, body, extra)

    def get_object(self, *, Bucket: str, Key: str, VersionId: str | None = None, **_: Any) -> dict[str, Any]:
        self._called("get_object", {"Bucket": Bucket, "Key": Key, "VersionId": VersionId})
        found = self._find(Bucket, Key, VersionId, "GetObject")
        return {
            "Body": io.BytesIO(found.body),
            "ContentLength": len(found.body),
            "ETag": found.etag,
            "VersionId": found.version,
            **found.extra,
        }

    def head_object(self, *, Bucket: str, Key: str, VersionId: str | None = None, **_: Any) -> dict[str, Any]:
        self._called("head_object", {"Bucket": Bucket, "Key": Key, "VersionId": VersionId})
        try:
            found = self._find(Bucket, Key, VersionId, "HeadObject")
        except ClientError as error:
            raise _error(ClientError, "HeadObject", "404") from error
        return {"ContentLength": len(found.body), "ETag": found.etag, "VersionId": found.version, **found.extra}

    def copy_object(self, *, Bucket: str, Key: str, CopySource: Any, **extra: Any) -> dict[str, Any]:
        self._called("copy_object", {"Bucket": Bucket, "Key": Key, "CopySource": CopySource, **extra})
        if isinstance(CopySource, str):
            path, _, version = CopySource.lstrip("/").partition("?versionId=")
            bucket, _, key = path.partition("/")
            CopySource = {"Bucket": bucket, "Key": unquote(key), **({"VersionId": version} if version else {})}
        found = self._find(CopySource["Bucket"], CopySource["Key"], CopySource.get("VersionId"), "CopyObject")
        return {"CopyObjectResult": {"ETag": self._put(Bucket, Key, found.body, {**found.extra, **extra})["ETag"]}}

    def delete_object(self, *, Bucket: str, Key: str, VersionId: str | None = None, **_: Any) -> dict[str, Any]:
        self._called("delete_object", {"Bucket": Bucket, "Key": Key, "VersionId": VersionId})
        kept = self._versions.get((Bucket, Key), [])
        if VersionId is None:
            kept.append(None)
        else:
            kept[:] = [o for o in kept if o is None or o.version != VersionId]
        return {}

    def list_objects_v2(self, *, Bucket: str, Prefix: str = "", **_: Any) -> dict[str, Any]:
        self._called("list_objects_v2", {"Bucket": Bucket, "Prefix": Prefix})
        found = [(key, self.latest(Bucket, key)) for key in self.keys(Bucket, Prefix)]
        contents = [{"Key": key, "Size": len(o.body), "ETag": o.etag} for key, o in found]
        return {"Contents": contents, "KeyCount": len(contents), "IsTruncated": False}

    def _put(self, bucket: str, key: str, body: bytes, extra: dict[str, Any]) -> dict[str, Any]:
        self._number += 1
        stored = StoredObject(body, f"v{self._number}", dict(extra))
        self._versions.setdefault((bucket, key), []).append(stored)
        return {"ETag": stored.etag, "VersionId": stored.version}

    def _find(self, bucket: str, key: str, version: str | None, operation: str) -> StoredObject:
        kept = self._versions.get((bucket, key), [])
        if version is not None:
            for stored in kept:
                if stored is not None and stored.version == version:
                    return stored
            raise _error(NoSuchVersion, operation)
        if not kept or kept[-1] is None:
            raise _error(NoSuchKey, operation)
        return kept[-1]


class FakeFirehose(_Fake):
    """`records[stream]` are the blobs as put."""

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, list[bytes]] = {}

    def lines(self, stream: str) -> list[bytes]:
        """JSON lines of a stream, in order of arrival."""
        return [line for blob in self.records.get(stream, []) for line in blob.splitlines() if line]

    def put_record(self, *, DeliveryStreamName: str, Record: dict[str, Any]) -> dict[str, Any]:
        self._called("put_record", {"DeliveryStreamName": DeliveryStreamName})
        self.records.setdefault(DeliveryStreamName, []).append(bytes(Record["Data"]))
        return {"RecordId": str(len(self.calls))}

    def put_record_batch(self, *, DeliveryStreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:
        self._called("put_record_batch", {"DeliveryStreamName": DeliveryStreamName})
        for record in Records:
            self.records.setdefault(DeliveryStreamName, []).append(bytes(record["Data"]))
        return {"FailedPutCount": 0, "RequestResponses": [{"RecordId": "1"} for _ in Records]}


class FakeSqs(_Fake):
    """`messages[queue_url]` are the bodies as sent."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, list[str]] = {}
        self.postponed: dict[str, int] = {}  # receipt handle → seconds

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:
        self._called("change_message_visibility", {"QueueUrl": QueueUrl})
        self.postponed[ReceiptHandle] = VisibilityTimeout

    def send_message(self, *, QueueUrl: str, MessageBody: str, **extra: Any) -> dict[str, Any]:
        self._called("send_message", {"QueueUrl": QueueUrl, **extra})
        self.messages.setdefault(QueueUrl, []).append(MessageBody)
        return {"MessageId": f"message-{len(self.calls)}"}


class FakeSsm(_Fake):
    """`parameters` maps full names to values."""

    def __init__(self, parameters: dict[str, str] | None = None) -> None:
        super().__init__()
        self.parameters = dict(parameters or {})

    def get_parameter(self, *, Name: str, WithDecryption: bool = False) -> dict[str, Any]:
        self._called("get_parameter", {"Name": Name, "WithDecryption": WithDecryption})
        if Name not in self.parameters:
            raise _error(ParameterNotFound, "GetParameter")
        return {"Parameter": {"Name": Name, "Value": self.parameters[Name]}}

    def put_parameter(self, *, Name: str, Value: str, **extra: Any) -> dict[str, Any]:
        self._called("put_parameter", {"Name": Name, **extra})
        self.parameters[Name] = Value
        return {"Version": 1}


class FakeClients:
    """Stands in for `shared.aws.client`: one fake per service."""

    def __init__(self) -> None:
        self.s3, self.firehose, self.sqs, self.ssm = FakeS3(), FakeFirehose(), FakeSqs(), FakeSsm()

    def __call__(self, service: str) -> Any:
        return {"s3": self.s3, "firehose": self.firehose, "sqs": self.sqs, "ssm": self.ssm}[service]

    def heal(self) -> None:
        for fake in (self.s3, self.firehose, self.sqs, self.ssm):
            fake.heal()
