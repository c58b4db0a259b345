"""New requests on their way into a CRM, for tests: the tasks' sender over fakes and moto, with doubles of the CRMs behind HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import orjson

from functions.crm_webhook.api.crm import Tools
from functions.crm_webhook.api.http import Http
from functions.crm_webhook.api.pace import Pace
from functions.crm_webhook.requests.sent import SentStore
from functions.crm_webhook.tasks.orders import Order, order_of
from functions.crm_webhook.tasks.send import Sends
from infra.doubles.amocrm.server import AmoServer
from infra.doubles.bitrix24.server import Bitrix24Server
from shared.errors import TryLater
from shared.handing_over import HandingOver
from shared.identity import email_hash, phone_hash
from shared.lake import Rejected
from shared.secrets import Secrets
from shared.settings import parse_settings, published
from shared.vault import Vault, contacts_of
from tests.api.dynamo import dynamodb
from tests.fakes import FakeClients

LAKE, QUEUE = "lake", "crm-tasks"
KEY = b"key-of-the-hashes"
NOW = datetime(2026, 10, 12, 7, 55, tzinfo=UTC)
BEGAN = NOW - timedelta(minutes=3)
PHONE, EMAIL = "+79000000017", "vera@post.example"
REQUEST = "0199d7a1-5c30-7d44-8a55-7f0a1b2c3d4e"
WAY = {
    "visitor_id": "0199d7a1-5c2e-7b6a-9c11-2f6d3e4a5b60", "utm_source": "yandex", "utm_medium": "cpc", "utm_campaign": "kuhni",
    "click_id_name": "yclid", "click_id": "18446744073709551617", "page_url": "https://kvartal.example/kuhni",
    "landing": "https://kvartal.example/akcii", "first_source": "vk.com", "last_source": "yandex / cpc / kuhni",
    "first_at": "2026-10-02T08:00:00+00:00", "form_name": "Расчёт",
}  # fmt: skip
SITE = {
    "site_id": "kvartal", "name": "Квартал", "hosts": ["kvartal.example"], "pii": "vault", "forms": {"contacts": True},
}  # fmt: skip


class World:
    """`now` is the clock of everything; waiting for a CRM's pace moves it."""

    def __init__(self, dynamo: Any) -> None:
        self.now = NOW
        self.clients, self.dynamodb = FakeClients(), dynamo
        self.site: dict[str, Any] = {}
        self.sent_names: list[str] = []
        pace = Pace(lambda: dynamo, "crm", self._millis, lambda seconds: self.later(seconds=seconds))
        self.secrets: dict[str, str] = {}
        self.manager = Manager()
        secrets = Secrets(lambda name: self.secrets.get(name))
        self.tools = Tools(Http(2.0), pace, secrets, lambda: self.now, "test", lambda: self.manager)
        self.vault = Vault(dynamo, "contacts")
        self.store = SentStore(lambda: dynamo, "crm", lambda: self.now)
        self.sends = Sends(self._body, self.tools, lambda: self.vault, self.store)

    def _millis(self) -> int:
        return int(self.now.timestamp() * 1000)

    def _body(self, key: str) -> bytes | None:
        return self.clients.s3.body(LAKE, key) if key in self.clients.s3.keys(LAKE) else None

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)

    def settle(self, new_requests: Mapping[str, Any], **sections: Any) -> None:
        """The site's settings."""
        self.site = json.loads(orjson.dumps(published(parse_settings({**SITE, "crm": {**sections, "new_requests": new_requests}}))))

    def put(
        self,
        request_id: str = REQUEST,
        *,
        phone: str = PHONE,
        email: str = "",
        name: str = "",
        channel: str = "form",
        **changes: Any,
    ) -> Order:
        """A request as the doors leave it: contacts in the vault, object, message."""
        contacts = contacts_of([phone] if phone else [], [email] if email else [], KEY)
        self.vault.keep(self.site, contacts, name, self.now)
        hashes = {"phone_hash": phone_hash(phone, KEY), "email_hash": email_hash(email, KEY)}
        head = {"site_id": "kvartal", "request_id": request_id, "contact_channel": channel, "started_at": BEGAN.isoformat()}
        handing = HandingOver(self.clients.s3, LAKE, lambda: (self.clients.sqs, QUEUE))
        handing.put(BEGAN, {**WAY, **head, **hashes, **changes}, self.now)
        order = order_of(self.clients.sqs.messages[QUEUE][-1])
        assert isinstance(order, Order)
        return order

    def send(self, order: Order) -> Rejected | str | None:
        """None: done; `later`: back to the queue for any reason; else why never."""
        try:
            return self.sends.send(self.site, order)
        except TryLater:
            return "later"

    def until_done(self, order: Order, most: int = 40) -> Rejected | None:
        """As the queue does it: again and again, later and later."""
        for attempt in range(most):
            outcome = self.send(order)
            if outcome is None or isinstance(outcome, Rejected):
                return outcome
            self.later(seconds=min(30 * 2**attempt, 3600))
        raise AssertionError("it never ended")

    def item(self, request_id: str = REQUEST, channel: str = "form") -> dict[str, Any]:
        """What is remembered of a request, attributes as plain values."""
        key = {"pk": {"S": "sent#kvartal"}, "sk": {"S": f"{channel}#{request_id}"}}
        found = self.dynamodb.get_item(TableName="crm", Key=key).get("Item", {})
        return {name: next(iter(value.values())) for name, value in found.items()}


class Manager:
    """Secrets Manager, as far as it is asked."""

    class exceptions:
        class ResourceNotFoundException(Exception): ...

    values: ClassVar[dict[str, str]] = {}

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:
        return {"SecretString": self.values[SecretId]}

    def put_secret_value(self, *, SecretId: str, SecretString: str) -> None:
        self.values[SecretId] = SecretString


@contextmanager
def world() -> Iterator[World]:
    with dynamodb(("numbers", "contacts", "crm")) as made:
        yield World(made)


class Amo:
    """amoCRM's double with the site's settings for it. `lose(path)` says how many answers to calls of that path get lost after the
    account did what they ask; `down` answers everything with that status."""

    def __init__(self, world: World, server: AmoServer) -> None:
        self.world, self.server = world, server
        self.down = 0
        self._losing: dict[str, int] = {}
        self.before: Callable[[str, str], None] = lambda method, path: None
        server.limit.per_second = 10_000
        world.manager.values["skvoz/test/kvartal/crm-amocrm"] = json.dumps({"access_token": server.keys.long_lived()})
        answer = server.answer

        def lossy(method: str, target: str, headers: dict[str, str], body: bytes) -> Any:
            path = target.partition("?")[0]
            self.before(method, path)
            if self.down:
                return self.down, {}
            reply = answer(method, target, headers, body)
            if self._losing.get(f"{method} {path}", 0) > 0:
                self._losing[f"{method} {path}"] -= 1
                raise ConnectionResetError("the answer is lost")
            return reply

        server.answer = lossy  # type: ignore[method-assign]

    def lose(self, call: str, times: int = 1) -> None:
        self._losing[call] = times

    def settle(self, amocrm: Mapping[str, Any] | None = None, **told: Any) -> None:
        api = {"url": self.server.url, "per_second": 50}
        self.world.settle({"to": "amocrm", "channels": ["call", "form"], **told}, amocrm={"api": api, **(amocrm or {})})

    @property
    def leads(self) -> list[Any]:
        return list(self.server.account.leads.values())

    @property
    def notes(self) -> list[str]:
        return [note["params"]["text"] for note in self.server.account.notes]

    def calls(self, method: str, path: str) -> int:
        return sum(one.method == method and one.path.partition("?")[0] == path for one in self.server.limit.calls)


class Bitrix:
    """Bitrix24's double. `lose(method)` as above, by the command's name."""

    def __init__(self, world: World, server: Bitrix24Server) -> None:
        self.world, self.portal = world, server.portal
        self.down = 0
        self._losing: dict[str, int] = {}
        self.refuses: dict[str, str] = {}
        self.asked: list[str] = []
        self._url = server.url
        world.secrets["kvartal/crm-bitrix24-api"] = server.portal.code
        answer = server.answer

        def lossy(path: str, parameters: Mapping[str, Any]) -> Any:
            commands = [str(text).partition("?")[0] for text in (parameters.get("cmd") or {}).values()]
            self.asked += commands
            if self.down:
                return self.down, {"error": "INTERNAL_SERVER_ERROR"}
            told = answer(path, parameters)
            for command in commands:
                if self._losing.get(command, 0) > 0:
                    self._losing[command] -= 1
                    return 502, {"error": "BAD_GATEWAY"}
            return told

        server.answer = lossy  # type: ignore[method-assign]

    def lose(self, method: str, times: int = 1) -> None:
        self._losing[method] = times

    def settle(self, bitrix24: Mapping[str, Any] | None = None, **told: Any) -> None:
        api = {"url": self._url, "per_second": 50, "at_once": 500}
        self.world.settle({"to": "bitrix24", "channels": ["call", "form"], **told}, bitrix24={"api": api, **(bitrix24 or {})})

    def items(self, kind: int) -> list[dict[str, Any]]:
        return list(self.portal.items[kind].values())
