"""Invented people to plant, every way their phone, e-mail and name can be written, and every place of a local stack to look in."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from infra.local.aws import ACCOUNT, REGION
from infra.local.stack import LocalStack
from shared.aws import client

FRONTS = ("", "звоните ")


class Person(NamedTuple):
    """Somebody; `number` (0 to 999) makes phone, e-mail and name different from everybody else's."""

    label: str
    number: int

    @property
    def digits(self) -> str:
        return f"916{self.number + 200:03d}41{self.number % 100:02d}"

    @property
    def phone(self) -> str:
        return f"+7{self.digits}"

    @property
    def email(self) -> str:
        return f"klient.{self.number:03d}.lichno@post.example"

    @property
    def name(self) -> str:
        return f"Аграфена Долгорукова{'абвгдежзиклмнопрст'[self.number // 18]}{'абвгдежзиклмнопрст'[self.number % 18]}"

    def phones(self) -> list[str]:
        """The phone as people write it."""
        a, b, c, d = self.digits[:3], self.digits[3:6], self.digits[6:8], self.digits[8:]
        return [
            self.digits, f"({a}) {b}-{c}-{d}", f"{a} {b}-{c}-{d}", f"{a}-{b}-{c}-{d}", f"8{self.digits}", f"7{self.digits}",
            f"8 {a} {b}-{c}-{d}", self.phone, f"+7 ({a}) {b}-{c}-{d}", f"тел.8{self.digits}", f"{a}\u00a0{b}\u2011{c}\u2011{d}",
        ]  # fmt: skip

    def emails(self) -> list[str]:
        """The e-mail, also with an @ that was encoded once or more."""
        once, twice = self.email.replace("@", "%40"), self.email.replace("@", "%2540")
        return [self.email, f"{self.email[0].upper()}{self.email[1:]}".replace("@", "+shop@"), once, twice]

    def texts(self) -> list[str]:
        """All of it as free text."""
        return [f"{front}{value}" for value in (*self.phones(), *self.emails()) for front in FRONTS]

    def traces(self) -> re.Pattern[str]:
        """What must not be found in lower-cased text: parts of the phone, the e-mail's name, the name; plain, escaped, base64."""
        b, c, d = self.digits[3:6], self.digits[6:8], self.digits[8:]
        gap = r"(?:[\s().+\u2010-\u2015-]|%20|%2b|%e2%80%9\d|\\u201\d)"
        found = [
            self.digits,
            rf"(?<![0-9a-z]){b}{gap}{{0,2}}{c}{gap}{{0,2}}{d}(?![0-9a-z])",
            re.escape(self.email.partition("@")[0]),
        ]
        last = self.name.split()[1].lower()
        for spelled in (last, quote(last).lower(), json.dumps(last)[1:-1].lower()):
            found.append(re.escape(spelled))
        for text in (self.digits, self.email.partition("@")[0], self.name.split()[1], last):
            found += [re.escape(part.lower()) for part in _inside_base64(text)]
        return re.compile("|".join(found))


def _inside_base64(text: str) -> list[str]:
    """What of a text is the same wherever it stands in bytes that are base64: one form for each of the three alignments."""
    raw = text.encode()
    found = []
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        begin, end = (shift * 8 + 5) // 6, (shift + len(raw)) * 8 // 6
        found.append(whole[begin:end])
    return found


def traced(people: Iterable[Person], text: str) -> set[str]:
    """Labels of the people who can be found in a text."""
    low = text.lower()
    return {person.label for person in people if person.traces().search(low)}


def places(stack: LocalStack) -> dict[str, str]:
    """Everything that is kept, by place: objects with all their versions and names, queues, tables, marts, the functions' log."""
    found = {"log": (stack.root / "functions.log").read_text(encoding="utf-8")}
    for bucket in stack.template.buckets():
        found |= {f"{bucket.logical_id}/{key}": text for key, text in _objects(stack.aws.name(bucket.logical_id)).items()}
    for table in stack.template.tables():
        pages = client("dynamodb").get_paginator("scan").paginate(TableName=stack.aws.name(table.logical_id))
        items = [item for page in pages for item in page["Items"]]
        found[table.logical_id] = json.dumps(items, ensure_ascii=False, default=str)
    return found | queues()


def queues() -> dict[str, str]:
    """Bodies that lie in queues, taken or not."""
    from moto.sqs.models import sqs_backends

    kept: Mapping[str, Any] = sqs_backends[ACCOUNT][REGION].queues
    return {f"queue {name}": "\n".join(str(message.body) for message in queue._messages) for name, queue in kept.items()}


def _objects(bucket: str) -> dict[str, str]:
    from moto.s3.models import s3_backends

    kept = s3_backends[ACCOUNT]["aws"].get_bucket(bucket).keys
    found: dict[str, list[str]] = {}
    for key in kept:
        for version in kept.getlist(key):
            if hasattr(version, "value"):
                about = json.dumps(dict(getattr(version, "metadata", {})), default=str)
                found.setdefault(key, []).append(f"{key}\n{about}\n{_readable(version.value)}")
    return {key: "\n".join(texts) for key, texts in found.items()}


def _readable(content: bytes) -> str:
    """Text of an object; archives are opened, windows-1251 is read too."""
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    if content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            content = b"\n".join(archive.read(name) for name in archive.namelist())
    text = content.decode("utf-8", "replace")
    return text if "\ufffd" not in text else f"{text}\n{content.decode('cp1251', 'replace')}"
