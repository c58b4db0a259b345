"""The whole product on this machine, built from template.yaml: `make up`, `make demo` and the stack tests use it.

with LocalStack(Path("out/local"), SimulatedClock(start)) as stack:
    stack.publish(settings)
    stack.call("POST", "/v1/hits", {"content-type": "text/plain"}, body)     # or over the socket: stack.url
    stack.pump()                                                             # queues and new objects
    stack.refresh()
    stack.send_report()
    stack.sent_mail()
"""

from __future__ import annotations

import secrets
import shutil
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from functions.attribution.ledger import DynamoLedger
from infra.local.aws import LocalAws, sent_messages, stored_objects
from infra.local.clock import Clock, RealClock
from infra.local.drive import Driver
from infra.local.environment import function_environments
from infra.local.functions import Functions, cold_start, restore_stdout
from infra.local.gateway import Answer, Gateway, Headers, HttpRequest, Route
from infra.local.lake_mirror import LakeMirror
from infra.local.server import HttpServer
from infra.publish import publish_settings
from infra.template.model import PATH, Schedule, load
from shared import engines
from shared.aws import client
from shared.errors import WarehouseError
from shared.settings import SiteSettings
from shared.warehouse import Warehouse

STAGE = "local"
ENGINE = "duckdb"
# What the template asks an installation for; those that it does not declare are left out.
PARAMETERS = {"Stage": STAGE, "MailFrom": "reports@skvoz.example", "MailIdentity": "skvoz.example"}
SECRETS = ("identity", "visitor")  # what every installation has; those of the sites come with the sites


class LocalStack:
    """One at a time in a process. `root` keeps the lake's mirror, the warehouse and the functions' log.

    `warehouse` makes the SQL engine over the mirror's folder; `new_id` names requests; `on_crash` hears of functions that raised.
    """

    def __init__(
        self,
        root: Path,
        clock: Clock | None = None,
        *,
        template: Path = PATH,
        parameters: Mapping[str, str] | None = None,
        port: int = 0,
        warehouse: Callable[[Path], Warehouse] | None = None,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
        on_crash: Callable[[str, Exception], None] = lambda name, error: None,
    ) -> None:
        self.root, self.clock = root, clock or RealClock()
        self.template = load(template)
        declared = self.template.document.get("Parameters", {})
        self._parameters = {name: value for name, value in PARAMETERS.items() if name in declared} | dict(parameters or {})
        self._port, self._warehouse, self._new_id, self._on_crash = port, warehouse or _duckdb, new_id, on_crash
        self._open = ExitStack()
        self._turn = threading.RLock()  # the driver serves one thread at a time; `make up` has several
        self.environment: dict[str, str] = {}

    def __enter__(self) -> LocalStack:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Bring everything up; the stack answers when this returns. What fails on the way is taken down again."""
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self._open.callback(restore_stdout)
        log = self._open.enter_context((self.root / "functions.log").open("w", buffering=1, encoding="utf-8"))
        functions = Functions(self.template, log, self._new_id, self._on_crash)
        self.gateway = Gateway(self._routes(), functions.invoke, self.clock.now, self._new_id)
        self.server = HttpServer(self.gateway.handle, self._port)
        self._open.callback(self.server.close)
        self.aws = LocalAws(self.template, self._parameters, self.clock, self.server.url)
        self._open.callback(self.aws.close)
        self.aws.start()
        self.aws.create()
        environments = functions.environments(self.template, self.aws.resolver, {"ENGINE": ENGINE})
        self.environment = self._open.enter_context(function_environments(environments))
        cold_start()
        self.driver = Driver(self.template, self.aws, functions, self.clock, self._new_id)
        self._start_lake()
        for name in SECRETS:
            self.put_secret(name, secrets.token_hex(32))
        self.server.start()
        self._open.callback(self.server.close)  # first of all to go: nobody may ask while the rest is taken down

    def _start_lake(self) -> None:
        lake, bucket = self.root / "lake", self.environment.get("LAKE_BUCKET")
        # The account starts empty, so what an earlier run brought over belongs to nothing any more.
        shutil.rmtree(lake, ignore_errors=True)
        self.mirror = LakeMirror(lambda: stored_objects(bucket) if bucket else {}, lake)

        def make() -> Warehouse:
            warehouse = self._warehouse(lake)
            self._open.callback(getattr(warehouse, "close", lambda: None))
            return warehouse

        engines.register(ENGINE, make)

    def _routes(self) -> list[Route]:
        keys = ((key.rpartition(" ")[0] or "ANY", key.rpartition(" ")[2], function) for key, function in self.template.routes())
        return [Route(*parts) for parts in keys]

    def close(self) -> None:
        """Stop the servers and put the process's environment back; files under `root` stay."""
        self._open.close()

    @property
    def url(self) -> str:
        """Where the gateway listens: `http://127.0.0.1:PORT`."""
        return self.server.url

    def call(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | Headers = (),
        body: bytes | str = b"",
        source_ip: str = "127.0.0.1",
    ) -> Answer:
        """One request without a socket, through the same gateway; `target` is path and query, percent-encoded."""
        pairs: Headers = list(headers.items()) if isinstance(headers, Mapping) else headers
        raw = body.encode() if isinstance(body, str) else body
        return self.gateway.handle(HttpRequest(method, target, pairs, raw, source_ip))

    def pump(self) -> int:
        """Let queues and new objects wake their functions until nothing is left; how many were handed over."""
        with self._turn:
            return self.driver.pump()

    def publish(self, settings: SiteSettings) -> None:
        """Put a site's settings in force, and keep the version."""
        publish_settings(client("s3"), self.environment["FILES_BUCKET"], settings, self.clock.now())

    def put_file(self, key: str, content: bytes) -> None:
        """Upload into the files bucket, for example `costs/inbox/{site}/october.csv`; `pump` lets the functions see it."""
        client("s3").put_object(Bucket=self.environment["FILES_BUCKET"], Key=key, Body=content)

    def put_secret(self, name: str, *values: str) -> None:
        """Set a secret (shared/secrets.py has the names); several values are all valid, the first one signs."""
        stage = self.environment.get("STAGE", STAGE)
        client("ssm").put_parameter(Name=f"/skvoz/{stage}/{name}", Value=" ".join(values), Type="SecureString", Overwrite=True)

    def objects(self, bucket: str, prefix: str = "") -> dict[str, bytes]:
        """Content by key; `bucket` is its logical id in the template (`LakeBucket`, `FilesBucket`)."""
        stored = stored_objects(self.aws.name(bucket))
        return {key: value.value for key, value in sorted(stored.items()) if key.startswith(prefix)}

    def schedules(self) -> Sequence[Schedule]:
        """The template's schedules."""
        return self.template.schedules()

    def run_schedule(self, logical_id: str) -> Any:
        """Fire one schedule now. LookupError names those that exist."""
        found = {schedule.logical_id: schedule for schedule in self.schedules()}
        if logical_id not in found:
            raise LookupError(f"template.yaml has no schedule {logical_id}; it has: {', '.join(sorted(found)) or 'none'}")
        schedule = found[logical_id]
        with self._turn:
            if schedule.target_kind == "state_machine":
                self.mirror.sync()
            return self.driver.run_schedule(schedule)

    def refresh(self) -> Any:
        """Bring the lake over and walk the refresh to its end; its last state. WarehouseError when it failed."""
        states = [self.run_schedule(s.logical_id) for s in self.schedules() if s.target_kind == "state_machine"]
        if not states:
            raise LookupError("template.yaml schedules no state machine: there is no refresh to run")
        for state in states:
            if state["status"] == "failed":
                raise WarehouseError(str(state.get("message") or state.get("error") or state))
        return states[-1]

    def last_refresh(self, site_id: str) -> Mapping[str, str]:
        """The site's last complete refresh, as the ledger keeps it."""
        return DynamoLedger(client("dynamodb"), self.environment["LEDGER_TABLE"]).last_complete(site_id)

    def send_report(self, **told: Any) -> Any:
        """Fire the schedule of the report function; its result. `told` is added to what it gets (`site_id`, `again`)."""
        functions = self.template.functions()
        for schedule in self.schedules():
            if schedule.target_kind == "function" and _mails_reports(functions[schedule.target].handler):
                with self._turn:
                    return self.driver.run_schedule(schedule, told)
        raise LookupError("template.yaml has no schedule for the report function")

    def sent_mail(self) -> list[bytes]:
        """Raw MIME messages that SES took, oldest first."""
        return [message.raw_data.encode() for message in sent_messages() if hasattr(message, "raw_data")]


def _mails_reports(handler: str) -> bool:
    parts = handler.split(".")
    return "report" in parts and "alerts" not in parts


def _duckdb(lake: Path) -> Warehouse:
    from infra.warehouse.duckdb import DuckDbWarehouse

    return DuckDbWarehouse(lake, lake / "marts.duckdb")
