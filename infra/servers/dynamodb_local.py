"""DynamoDB Local, AWS's own build of the engine, for proofs of concurrency: `with DynamoDbLocal() as server: server.endpoint`.

In memory, telemetry off; it listens on every interface (it has no setting for that) on a random port, as long as the test runs.
Its conditions and transactions are the real engine's; moto's are no proof of concurrency.
"""

from __future__ import annotations

import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.servers import java
from infra.servers.errors import ServerError
from infra.servers.fetch import DEPENDENCY_PLUGIN, Artefact, check_sum, install, maven
from infra.servers.process import Process, free_port

JAR = Artefact("com.amazonaws", "DynamoDBLocal", "2.6.1", "jar", "a28d8b4919999b7dee6ffa9fd4e9a08744460657a9bd3e3499e3aad00e1f2cc4")
MAIN = "com.amazonaws.services.dynamodbv2.local.main.ServerRunner"
OLDEST_JAVA = 17
START_SECONDS = 60

_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>skvoz</groupId><artifactId>dynamodb-local</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>{JAR.group}</groupId><artifactId>{JAR.name}</artifactId><version>{JAR.version}</version></dependency>
  </dependencies>
</project>
"""


class DynamoDbLocal:
    """Context manager; a server without tables. Any region and credentials do."""

    def __init__(self) -> None:
        self.port = 0
        self._process: Process | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        program = java.require(OLDEST_JAVA)
        home = install_dynamodb_local()
        self.port = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="skvoz-dynamodb-")
        folder = Path(self._folder.name)
        command = [
            str(program), "-Xmx512m", "-Djava.net.preferIPv4Stack=true", f"-Djava.library.path={home}", "-cp", f"{home}/*", MAIN,
            "-inMemory", "-disableTelemetry", "-port", str(self.port),
        ]  # fmt: skip
        self._process = Process("DynamoDB Local", command, folder, folder / "dynamodb.log")
        self._process.start()
        try:
            self._process.wait_until(self._is_ready, START_SECONDS)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process is not None:
            self._process.stop()
        if self._folder is not None:
            self._folder.cleanup()

    def _is_ready(self) -> bool:
        """It answers HTTP: a request without a signature is refused with 400, which is an answer."""
        try:
            urllib.request.urlopen(self.endpoint, timeout=5).close()
        except urllib.error.HTTPError as error:
            return error.code == 400
        return True


def install_dynamodb_local() -> Path:
    """The folder with its jars and native libraries in the cache, fetched and verified once."""
    return install(f"dynamodb-local-{JAR.version}", _collect)


def _collect(folder: Path) -> None:
    project = folder.parent / "project"
    project.mkdir()
    (project / "pom.xml").write_text(_POM)
    what = f"{JAR.group}:{JAR.name}:{JAR.version}"
    maven(
        [
            "-f",
            str(project / "pom.xml"),
            f"{DEPENDENCY_PLUGIN}:copy-dependencies",
            "-DincludeScope=runtime",
            f"-DoutputDirectory={folder}",
        ],
        what,
    )
    jar = folder / JAR.file_name
    if not jar.is_file():
        raise ServerError(f"Maven said it copied {what}, but {jar.name} is not there")
    check_sum(jar, JAR.sha256)
