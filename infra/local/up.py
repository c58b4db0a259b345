"""`make up`: the local stack kept running on the machine's own clock."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from infra.local.clock import RealClock
from infra.local.expressions import is_due
from infra.local.stack import LocalStack
from shared.errors import BadInput, FieldError

PUMP_SECONDS = 1.0
HOST = "127.0.0.1"


def check_ports(ports: Mapping[str, int]) -> None:
    """Option → port that it asks for; 0 takes a free one. BadInput names each that cannot be had, before anything is started."""
    wrong = [FieldError(f"{option} {port}", why) for option, port in ports.items() if (why := _trouble(port))]
    asked = [port for port in ports.values() if port]
    if len(set(asked)) < len(asked):
        wrong.append(FieldError(" and ".join(ports), "must be different ports"))
    if wrong:
        options = " ".join(f"{option} {port + 10_000 if port < 50_000 else 0}" for option, port in ports.items())
        raise BadInput(f'not every port of {HOST} can be had; choose others, for example: make up UP="{options}"', wrong)


def _trouble(port: int) -> str:
    """Why a port cannot be listened on; empty when it can."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers themselves do
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError as error:
            return "is in use by another program" if error.errno == errno.EADDRINUSE else f"cannot be opened: {error.strerror}"
    return ""


def up(
    port: int, root: Path, *, on_ready: Callable[[LocalStack], None] = lambda stack: None, stop: threading.Event | None = None
) -> None:
    """Serve until Ctrl-C, or until `stop` is set. `on_ready` gets the running stack: publish sites, print where things are."""
    stop = stop or threading.Event()
    with LocalStack(root, RealClock(), port=port, on_crash=_say) as stack:
        on_ready(stack)
        pumping = threading.Thread(target=_keep_pumping, args=(stack, stop), daemon=True)
        pumping.start()
        try:
            # In slices: a wait without an end does not see Ctrl-C everywhere.
            while not stop.wait(0.5):
                pass
        except KeyboardInterrupt:
            print("\nstopping …")
        stop.set()
        pumping.join()


def _keep_pumping(stack: LocalStack, stop: threading.Event) -> None:
    last = {schedule.logical_id: stack.clock.now() for schedule in stack.schedules()}
    while not stop.wait(PUMP_SECONDS):
        try:
            stack.pump()
        except Exception as error:
            _say("the queues", error)
        run_due(stack, last)


def run_due(stack: LocalStack, last: dict[str, datetime]) -> list[str]:
    """Fire every schedule that fell due since `last` (kept up to date here); gives their names.

    One that fails is told, and waits for its next time.
    """
    fired = []
    now = stack.clock.now()
    for schedule in stack.schedules():
        zone, expression = stack.aws.resolver.text(schedule.time_zone), stack.aws.resolver.text(schedule.expression)
        if now - last[schedule.logical_id] < timedelta(seconds=1) or not is_due(expression, zone, last[schedule.logical_id], now):
            continue
        last[schedule.logical_id] = now
        fired.append(schedule.logical_id)
        try:
            stack.run_schedule(schedule.logical_id)
        except Exception as error:
            _say(schedule.logical_id, error)
    return fired


def _say(name: str, error: Exception) -> None:
    print(f"{name}: {type(error).__name__}: {error} (the trace is in functions.log)", flush=True)
