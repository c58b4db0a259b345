"""Fetching and running the servers of the proofs, without any server: sums, whole-or-nothing cache, hard links, Java's version."""

from __future__ import annotations

import hashlib
import io
import socket
import sys
import tarfile
import time
from pathlib import Path

import pytest

from infra.servers import java
from infra.servers.errors import ServerError
from infra.servers.fetch import check_sum, install, maven, unpack
from infra.servers.process import Process, free_port


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "skvoz"


def test_a_file_that_is_not_the_pinned_one_is_not_used(tmp_path: Path) -> None:
    jar = tmp_path / "server.jar"
    jar.write_bytes(b"as pinned")
    check_sum(jar, hashlib.sha256(b"as pinned").hexdigest())
    jar.write_bytes(b"as pinned, and a little more")
    with pytest.raises(ServerError, match=r"server\.jar has SHA-256 [0-9a-f]{64}, pinned is .*not used"):
        check_sum(jar, hashlib.sha256(b"as pinned").hexdigest())


def test_a_server_is_built_once_and_then_taken_from_the_cache(cache: Path) -> None:
    built = []

    def build(folder: Path) -> None:
        built.append(folder)
        (folder / "lib").mkdir()

    assert install("server-1", build) == install("server-1", build) == cache / "server-1"
    assert len(built) == 1
    assert (cache / "server-1" / "lib").is_dir()
    assert [path.name for path in cache.iterdir()] == ["server-1"]


def test_a_failed_build_leaves_nothing_behind(cache: Path) -> None:
    def build(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise ServerError("the network went away")

    with pytest.raises(ServerError):
        install("server-1", build)
    assert list(cache.iterdir()) == []


def test_a_server_that_somebody_else_finished_meanwhile_is_taken(cache: Path) -> None:
    def build(folder: Path) -> None:
        (folder / "mine").touch()
        (cache / "server-1").mkdir()
        (cache / "server-1" / "theirs").touch()

    assert [path.name for path in install("server-1", build).iterdir()] == ["theirs"]


def test_wanted_members_keep_their_content_when_they_are_links_to_unwanted_ones(tmp_path: Path) -> None:
    archive = tmp_path / "server.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in ("server-1/plugin/other/shared.jar", "server-1/plugin/other/own.jar", "server-1/lib/main.jar"):
            info = tarfile.TarInfo(name)
            info.size = len(name)
            tar.addfile(info, io.BytesIO(name.encode()))
        link = tarfile.TarInfo("server-1/plugin/hive/shared.jar")
        link.type, link.linkname = tarfile.LNKTYPE, "server-1/plugin/other/shared.jar"
        tar.addfile(link)
    unpack(archive, tmp_path / "out", lambda path: path.startswith(("lib/", "plugin/hive/")))
    files = {str(path.relative_to(tmp_path / "out")): path.read_text() for path in (tmp_path / "out").rglob("*.jar")}
    assert files == {
        "server-1/lib/main.jar": "server-1/lib/main.jar",
        "server-1/plugin/hive/shared.jar": "server-1/plugin/other/shared.jar",
    }
    assert not (tmp_path / "out" / "server-1" / "plugin" / "other").exists()


def test_an_archive_that_reaches_outside_its_folder_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "server.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("../outside"))
    with pytest.raises(tarfile.FilterError):
        unpack(archive, tmp_path / "out", lambda _path: True)
    assert not (tmp_path / "outside").exists()


def test_without_maven_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerError, match="needs Maven"):
        maven([], "a server")


def fake_java(home: Path, version: str) -> Path:
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2026-01-01' >&2\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(("version", "feature"), [("17.0.15", 17), ("25", 25), ("24-ea", 24), ("1.8.0_292", 8), ("what", None)])
def test_the_feature_version_is_read_from_what_java_says(tmp_path: Path, version: str, feature: int | None) -> None:
    assert java.feature_version(fake_java(tmp_path, version)) == feature


def test_a_java_that_is_not_there_has_no_version(tmp_path: Path) -> None:
    assert java.feature_version(tmp_path / "java") is None


def test_the_oldest_java_that_is_new_enough_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {version: fake_java(tmp_path / version, version) for version in ("17.0.1", "24.0.2", "25.0.3")}
    monkeypatch.setattr(java, "_candidates", lambda: iter(found.values()))
    assert java.find(24) == found["24.0.2"]
    assert java.find(17) == found["17.0.1"]
    assert java.find(26) is None
    with pytest.raises(ServerError, match="needs Java 26 or newer"):
        java.require(26)


def test_java_is_found_by_a_versioned_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = fake_java(tmp_path / "jdk", "99.0.1")
    monkeypatch.setenv("JAVA_HOME_99_X64", str(tmp_path / "jdk"))
    assert java.find(99) == program.resolve()


def test_a_process_that_ends_by_itself_tells_the_end_of_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('port is taken'); raise SystemExit(3)"]
    process = Process("Server", command, tmp_path, tmp_path / "log")
    process.start()
    with pytest.raises(ServerError, match=r"Server ended while it was starting; its log ends:\nport is taken"):
        process.wait_until(lambda: False, seconds=30)
    process.stop()


def test_a_process_that_is_never_ready_is_given_up_and_stopped_with_its_children(tmp_path: Path) -> None:
    port = free_port()
    child = f"import socket; s = socket.create_server(('127.0.0.1', {port})); print('listening', flush=True); s.accept()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    process = Process("Server", [sys.executable, "-c", parent], tmp_path, tmp_path / "log")
    process.start()
    process.wait_until(lambda: "listening" in process.log_end(), seconds=30)
    with pytest.raises(ServerError, match="was not ready after 0 s"):
        process.wait_until(lambda: False, seconds=0.1)
    process.stop()
    process.stop()  # a second time does nothing
    assert closes(port)


def closes(port: int) -> bool:
    """Bounded wait: the kernel takes a moment to end what was killed."""
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return True
        time.sleep(0.05)
    return False
