"""One server process: its own process group, its log in a file, a bounded wait until it answers, and its end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.servers.errors import ServerError

POLL_SECONDS = 0.2
STOP_SECONDS = 15


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    """`start`, `wait_until(is_ready, seconds)`, `stop`. `log` keeps what the server said, also after its end."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, log: Path) -> None:
        self.name, self.log = name, log
        self._command, self._folder = command, folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it in a process group of its own."""
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def wait_until(self, is_ready: Callable[[], bool], seconds: float) -> None:
        """Poll until ready. ServerError with the end of the log when it ended by itself or took longer."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise ServerError(f"{self.name} ended while it was starting; its log ends:\n{self.log_end()}")
            with contextlib.suppress(OSError):
                if is_ready():
                    return
            time.sleep(POLL_SECONDS)
        raise ServerError(f"{self.name} was not ready after {seconds:.0f} s; its log ends:\n{self.log_end()}")

    def stop(self) -> None:
        """End the process group: asked first; what is left of it after the server's end, or after 15 s, is killed."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def log_end(self, lines: int = 30) -> str:
        """The last lines of the log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"
