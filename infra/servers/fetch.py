"""Archives through the Maven client into a cache outside the repository, checked against pinned SHA-256 sums.

The cache is `$XDG_CACHE_HOME/skvoz` (else `~/.cache/skvoz`). What the local Maven repository holds already needs no network.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

from infra.servers.errors import ServerError

FETCH_SECONDS = 1200
DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"


class Artefact(NamedTuple):
    """A file of a Maven repository and its pinned sum."""

    group: str
    name: str
    version: str
    packaging: str
    sha256: str

    @property
    def file_name(self) -> str:
        return f"{self.name}-{self.version}.{self.packaging}"


def cache_home() -> Path:
    """Where servers are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "skvoz"


def maven(arguments: Collection[str], what: str) -> None:
    """Run the Maven client (what its local repository holds needs no network). ServerError with its last lines."""
    mvn = shutil.which("mvn")
    if mvn is None:
        raise ServerError(f"needs Maven (mvn) on PATH to fetch {what}")
    try:
        done = subprocess.run(
            [mvn, "--batch-mode", "--quiet", *arguments], capture_output=True, text=True, timeout=FETCH_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ServerError(f"fetching {what} through Maven took longer than {FETCH_SECONDS} s") from error
    if done.returncode != 0:
        raise ServerError(f"Maven could not get {what}:\n" + "\n".join((done.stdout + done.stderr).splitlines()[-15:]))


def check_sum(path: Path, sha256: str) -> None:
    """ServerError when the file is not the pinned one."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ServerError(f"{path.name} has SHA-256 {found}, pinned is {sha256}; it is not used")


def install(name: str, build: Callable[[Path], None]) -> Path:
    """The finished folder `name` of the cache; `build(folder)` fills it once. Appears whole or not at all (rename)."""
    home = cache_home()
    ready = home / name
    if ready.is_dir():
        return ready
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home, prefix=f".{name}-") as scratch:
        fresh = Path(scratch) / "fresh"
        fresh.mkdir()
        build(fresh)
        try:
            fresh.rename(ready)
        except OSError:
            if not ready.is_dir():  # else: somebody else finished first, and theirs is as good
                raise
    return ready


def copy_artefact(artefact: Artefact, folder: Path) -> Path:
    """Put the artefact's file into `folder` and check its sum."""
    coordinates = f"{artefact.group}:{artefact.name}:{artefact.version}:{artefact.packaging}"
    maven(
        [f"{DEPENDENCY_PLUGIN}:copy", f"-Dartifact={coordinates}", f"-DoutputDirectory={folder}", "-Dmdep.useBaseVersion=true"],
        coordinates,
    )
    path = folder / artefact.file_name
    if not path.is_file():
        raise ServerError(f"Maven said it copied {coordinates}, but {path.name} is not there")
    check_sum(path, artefact.sha256)
    return path


def unpack(archive: Path, folder: Path, keep: Callable[[str], bool]) -> None:
    """Unpack the members that `keep(path without the first folder)` wants. Hard links may point to members that are not
    wanted (Trino's plugins share their jars so), so those are unpacked too and taken away afterwards; the link keeps the data."""
    with tarfile.open(archive) as tar:
        members = {m.name: m for m in tar.getmembers()}
        wanted = {name for name in members if keep(_inner(name))}
        targets = {members[name].linkname for name in wanted if members[name].islnk()} - wanted
        for member in members.values():
            if member.name in wanted or member.name in targets:
                tar.extract(member, folder, filter="data")
    for name in targets:
        (folder / name).unlink()
    for directory in sorted((d for d in folder.rglob("*") if d.is_dir()), reverse=True):
        if not any(directory.iterdir()):
            directory.rmdir()


def _inner(name: str) -> str:
    return name.partition("/")[2]
