"""The lake as a local folder: DuckDB reads files, so new objects are brought over before each refresh.

Firehose locally delivers one object per batch; a month would be tens of thousands of files of a kilobyte. Objects of one folder
(`raw/hit/2026/10/12/07/`) become one file there, `part.jsonl`, decompressed; SQL sees the same lines under the same folders.
"""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

PREFIXES = ("raw/", "rules/")
PART = "part.jsonl"
_GZIP = b"\x1f\x8b"


class LakeMirror:
    """`objects()` gives key → stored object (`.value` bytes); `folder` is where `raw/…` and `rules/…` appear."""

    def __init__(self, objects: Callable[[], Mapping[str, Any]], folder: Path) -> None:
        self._objects, self._folder = objects, folder
        self._known: dict[str, dict[str, Any]] = {}

    def sync(self) -> int:
        """Bring the folder up to date; how many objects were written. New objects are appended to their folder's file;
        a folder in which one was replaced or deleted is written anew.
        """
        wanted: dict[str, dict[str, Any]] = defaultdict(dict)
        for key, stored in self._objects().items():
            if key.startswith(PREFIXES):
                wanted[key.rpartition("/")[0]][key] = stored
        written = sum(self._sync_folder(name, wanted[name]) for name in wanted)
        for name in self._known.keys() - wanted.keys():
            (self._folder / name / PART).unlink(missing_ok=True)
            del self._known[name]
        return written

    def _sync_folder(self, name: str, wanted: dict[str, Any]) -> int:
        known = self._known.get(name, {})
        is_grown = all(wanted.get(key) is stored for key, stored in known.items())
        fresh = [stored for key, stored in wanted.items() if not is_grown or key not in known]
        if fresh or not is_grown:
            _write(self._folder / name / PART, fresh, append=is_grown and bool(known))
            self._known[name] = wanted
        return len(fresh)


def _write(path: Path, objects: Sequence[Any], append: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab" if append else "wb") as file:
        for stored in objects:
            content = stored.value
            if content.startswith(_GZIP):
                content = gzip.decompress(content)
            file.write(content if content.endswith(b"\n") or not content else content + b"\n")
