"""A real Trino server on a local folder, for the proofs: `with TrinoServer(folder) as trino: trino.port`.

Catalog `lake` (Hive: raw JSON lines) and catalog `marts` (Iceberg) share one file metastore, as they share one Glue database
in AWS. `lake` and `marts` see `folder` as `local:///`.
"""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.servers import java
from infra.servers.fetch import Artefact, copy_artefact, install, unpack
from infra.servers.process import Process, free_port
from infra.servers.trino_security import Security

# Of the server archives, Maven repositories still hold 352, 356, 368, 470 and 476. 476 wants Java 24 or newer.
ARCHIVE = Artefact("io.trino", "trino-server", "476", "tar.gz", "cfd5accde17e8ebd251eeeb78aed1f490e77bb3a164d95a0f454bf8a7c1cbd3f")
OLDEST_JAVA = 24
START_SECONDS = 180
HEAP = "3G"
KEPT_PLUGINS = ("hive", "iceberg", "password-authenticators")

_JVM = f"""
-Xmx{HEAP} -XX:+UseG1GC -XX:G1HeapRegionSize=32M -XX:+ExplicitGCInvokesConcurrent -XX:+ExitOnOutOfMemoryError
-XX:-OmitStackTraceInFastThrow -XX:ReservedCodeCacheSize=256M -XX:TieredStopAtLevel=1
-Djdk.attach.allowAttachSelf=true -Djdk.nio.maxCachedBufferSize=2000000 -Duser.timezone=UTC -Dfile.encoding=UTF-8
--add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow
""".split()


class TrinoServer:
    """Context manager. `data_dir` holds everything: `etc/`, `trino.log`, `metastore/`, the raw files and the marts.

    With `security` clients come through TLS (`tls_port`, certificate `ca`) with a password or a token.
    """

    host = "127.0.0.1"
    user = "skvoz"
    lake_catalog = "lake"
    marts_catalog = "marts"

    def __init__(self, data_dir: Path, security: Security | None = None) -> None:
        self.data_dir = data_dir.resolve()
        self.port = self.tls_port = 0
        self._security = security
        self._process: Process | None = None

    def __enter__(self) -> Self:
        program = java.require(OLDEST_JAVA)
        home = install_trino()
        self.port, self.tls_port = free_port(), free_port() if self._security else 0
        etc = self._write_etc()
        command = [
            str(program),
            *_JVM,
            "-cp", f"{home / 'lib'}/*",
            "-Dnode.environment=proof",
            "-Dnode.id=proof",
            f"-Dnode.data-dir={self.data_dir}",
            f"-Dplugin.dir={home / 'plugin'}",
            f"-Dconfig={etc / 'config.properties'}",
            f"-Dlog.levels-file={etc / 'log.properties'}",
            "-Dlog.enable-console=true",
            "io.trino.server.TrinoServer",
        ]  # fmt: skip
        self._process = Process("Trino", command, self.data_dir, self.data_dir / "trino.log")
        self._process.start()
        try:
            self._process.wait_until(self._is_ready, START_SECONDS)
        except BaseException:
            self._process.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process is not None:
            self._process.stop()

    @property
    def ca(self) -> Path:
        """The certificate that clients of a server with `security` trust."""
        return self.data_dir / "etc" / "ca.pem"

    def _is_ready(self) -> bool:
        with urllib.request.urlopen(f"http://{self.host}:{self.port}/v1/info", timeout=5) as answer:
            return json.load(answer)["starting"] is False

    def _write_etc(self) -> Path:
        etc = self.data_dir / "etc"
        (self.data_dir / "metastore").mkdir(parents=True, exist_ok=True)
        (etc / "catalog").mkdir(parents=True, exist_ok=True)
        storage = {
            "fs.native-local.enabled": "true",
            "local.location": str(self.data_dir),
            "hive.metastore.catalog.dir": "local:///metastore",
        }
        _properties(
            etc / "config.properties",
            {
                "coordinator": "true",
                "node-scheduler.include-coordinator": "true",
                "node.internal-address": self.host,
                "http-server.http.port": str(self.port),
                "node.bind-ip": self.host,
                "discovery.uri": f"http://{self.host}:{self.port}",
                "catalog.config-dir": str(etc / "catalog"),
                "query.max-memory": "1GB",
                "query.max-memory-per-node": "1GB",
                # One writer a statement: the limit of open partitions, which is a writer's, holds for the statement then.
                "task.min-writer-count": "1",
                "task.max-writer-count": "1",
                **(self._security.write(etc, self.tls_port, self.host) if self._security else {}),
            },
        )
        _properties(etc / "log.properties", {"io.trino": "WARN", "org": "WARN", "com": "WARN"})
        _properties(
            etc / "catalog" / f"{self.lake_catalog}.properties",
            {
                "connector.name": "hive",
                "hive.metastore": "file",
                "hive.recursive-directories": "true",
                "hive.ignore-absent-partitions": "true",
                "hive.non-managed-table-writes-enabled": "false",
                "hive.security": "allow-all",
                **storage,
            },
        )
        _properties(
            etc / "catalog" / f"{self.marts_catalog}.properties",
            {
                "connector.name": "iceberg",
                "iceberg.catalog.type": "TESTING_FILE_METASTORE",
                "iceberg.security": "allow-all",
                "iceberg.hive-catalog-name": self.lake_catalog,
                "iceberg.unique-table-location": "true",
                "iceberg.max-partitions-per-writer": "100",
                **storage,
            },
        )
        return etc


def install_trino() -> Path:
    """The unpacked server in the cache, fetched and verified once (820 MB; only some of its plugins are kept)."""
    return install("-".join(("trino-server", ARCHIVE.version, *KEPT_PLUGINS)), _unpack_trino)


def _unpack_trino(folder: Path) -> None:
    scratch = folder.parent / "archive"
    scratch.mkdir()
    archive = copy_artefact(ARCHIVE, scratch)
    unpack(archive, folder.parent, _is_kept)
    (folder.parent / f"trino-server-{ARCHIVE.version}").rename(folder)


def _is_kept(path: str) -> bool:
    parts = path.split("/")
    return parts[0] == "lib" or (parts[0] == "plugin" and len(parts) > 1 and parts[1] in KEPT_PLUGINS)


def _properties(path: Path, values: dict[str, str]) -> None:
    path.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
