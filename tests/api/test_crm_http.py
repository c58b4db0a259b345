"""Calls of a CRM's API over real HTTP on this machine: bounds, answers that are none, and what a refusal says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from functions.crm_webhook.api.http import CrmBusy, Http
from functions.crm_webhook.api.line import CrmClosed, CrmRefused, Limits, Line, time_left
from shared.errors import TryLater

Respond = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    respond: Respond
    seen: list[tuple[str, str, Mapping[str, str], bytes]]

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        type(self).seen.append((self.command, self.path, dict(self.headers), body))
        type(self).respond(self)

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def reply(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class Held:
    """A pace that lets every call through and remembers when it was told to wait."""

    def __init__(self) -> None:
        self.taken, self.held = 0, [0.0]

    def take(self, *told: object) -> None:
        self.taken += 1

    def hold(self, site_id: str, provider: str, seconds: float) -> None:
        self.held.append(seconds)


class Crm:
    def __init__(self) -> None:
        self.handler = type("Own", (Handler,), {"seen": [], "respond": lambda handler: handler.reply(200, b"{}")})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.pace, self.renewed = Held(), [False]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answers(self, respond: Respond) -> None:
        self.handler.respond = staticmethod(respond)  # type: ignore[attr-defined]

    def line(self, http: Http | None = None) -> Line:
        pace: Any = self.pace

        def headers(is_renewed: bool) -> Mapping[str, str]:
            self.renewed.append(is_renewed)
            return {"authorization": "Bearer new" if is_renewed else "Bearer old"}

        return Line(http or Http(2.0), pace, "shop", "amocrm", self.url, Limits(7), headers)


@pytest.fixture
def crm() -> Iterator[Crm]:
    made = Crm()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_query_and_json_travel_and_the_answer_is_parsed(crm: Crm) -> None:
    crm.answers(lambda handler: handler.reply(200, '{"имя": [1]}'.encode()))
    assert crm.line().get("/api/v4/leads", {"filter[id][]": [1, 2], "with": "contacts"}) == {"имя": [1]}
    crm.line().send("/x", {"a": "б"})
    (_, path, headers, _), (method, _, _, body) = crm.handler.seen
    assert path == "/api/v4/leads?filter%5Bid%5D%5B%5D=1&filter%5Bid%5D%5B%5D=2&with=contacts"
    assert headers["authorization"] == "Bearer old"
    assert (method, body) == ("POST", '{"a":"б"}'.encode())
    assert crm.pace.taken == 2


@pytest.mark.parametrize("status", [204, 404])
def test_one_thing_that_is_gone_is_no_error(crm: Crm, status: int) -> None:
    crm.answers(lambda handler: handler.reply(status))
    assert crm.line().get("/x/1", may_be_missing=True) is None


def test_a_list_that_is_not_there_is_a_wrong_address(crm: Crm) -> None:
    crm.answers(lambda handler: handler.reply(404))
    with pytest.raises(CrmClosed, match=r"api\.url"):
        crm.line().get("/x")
    with pytest.raises(CrmRefused):
        crm.line().send("/x", {})


def test_no_call_is_made_when_the_time_of_the_run_is_up(crm: Crm) -> None:
    with time_left(-1), pytest.raises(CrmBusy, match="time of this run"):
        crm.line().get("/x")
    assert crm.handler.seen == []
    assert crm.line().get("/x") == {}


@pytest.mark.parametrize(
    ("status", "header", "seconds"), [(429, "7", 7), (503, None, 5), (429, "Mon, 02 Nov 2026 09:00:00 GMT", 5), (500, None, 5)]
)
def test_a_busy_crm_makes_all_of_us_wait(crm: Crm, status: int, header: str | None, seconds: int) -> None:
    crm.answers(lambda handler: handler.reply(status, b"", {"retry-after": header} if header else {}))
    with pytest.raises(CrmBusy) as told:
        crm.line().get("/x")
    assert isinstance(told.value, TryLater)
    # The bucket's own size on top: else as many calls as fit into it would follow at once.
    assert (told.value.seconds, crm.pace.held[-1]) == (seconds, pytest.approx(seconds + 1 / 7))


def test_a_key_that_ended_is_renewed_once(crm: Crm) -> None:
    crm.answers(lambda handler: handler.reply(200 if handler.headers["authorization"] == "Bearer new" else 401, b"{}"))
    assert crm.line().get("/x") == {}
    crm.answers(lambda handler: handler.reply(401))
    with pytest.raises(CrmClosed):
        crm.line().get("/x")
    assert crm.renewed[-2:] == [False, True]


@pytest.mark.parametrize("body", [b'{"error": "bad"}', b"<html>no</html>", b""])
def test_a_refusal_is_final_whatever_its_body(crm: Crm, body: bytes) -> None:
    crm.answers(lambda handler: handler.reply(422, body))
    with pytest.raises(CrmRefused) as told:
        crm.line().send("/x", {})
    assert told.value.status == 422
    assert told.value.told == ({"error": "bad"} if body.startswith(b"{") else None)


def test_redirects_lead_nowhere(crm: Crm) -> None:
    crm.answers(lambda handler: handler.reply(302, b"", {"location": f"{crm.url}/elsewhere"}))
    with pytest.raises(CrmRefused):
        crm.line().get("/x")
    assert [path for _, path, _, _ in crm.handler.seen] == ["/x"]


def test_a_page_in_place_of_json_is_no_answer(crm: Crm) -> None:
    crm.answers(lambda handler: handler.reply(200, b"<html>works</html>"))
    with pytest.raises(CrmBusy, match="no JSON"):
        crm.line().get("/x")


def test_a_dripping_answer_ends(crm: Crm) -> None:
    def drip(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b" " * 70_000)
            time.sleep(0.05)

    crm.answers(drip)
    began = time.monotonic()
    with pytest.raises(CrmBusy, match="does not end"):
        crm.line(Http(2.0, whole=0.3)).get("/x")
    assert time.monotonic() - began < 2


def test_no_answer_tells_no_address(crm: Crm) -> None:
    crm.server.server_close()
    crm.server.shutdown()
    with pytest.raises(CrmBusy) as told:
        crm.line(Http(0.5)).get("/rest/1/secret-code/crm.item.get")
    assert "secret-code" not in str(told.value)
    assert told.value.__suppress_context__  # a log with the trace would hold what was asked
