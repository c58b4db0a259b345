"""What a telephony asks while a call rings is answered before it gives up, whatever the table does, or as if nothing were known."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ReadTimeoutError

from functions.numberpool import handler
from functions.numberpool.pbx.answering import LONGEST_READ
from functions.numberpool.pbx.lookup import ANSWERS_WITHIN
from functions.numberpool.pbx.providers import ADAPTERS, mango_route
from tests.api import test_calls_mango_route as mango
from tests.api import test_calls_twilio as twilio
from tests.api import test_calls_zadarma as zadarma
from tests.api.numbers_door import Numbers, body_of, counted, moto_dynamodb
from tests.api.open_calls import SETTINGS, TOKEN, open_settings, send
from tests.api.signed_calls import open_door

ROUTES = [{"to": "214"}]
BANNER, CALLER = "74950000051", "79000000099"
DOORS = ("zadarma", "uis", "mikopbx", "twilio", "mango")
FAST, JUST, TOO_SLOW, HANGING = 0.005, 0.69, 0.71, 3600.0  # seconds that each read of the table takes


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class SlowTable:
    """The client of questions: each read takes so long on the clock, or the client gives it up."""

    def __init__(self, dynamodb: Any, clock: Clock) -> None:
        self._dynamodb, self._clock = dynamodb, clock
        self.takes, self.reads = FAST, 0

    def get_item(self, **asked: Any) -> Any:
        return self._read(self._dynamodb.get_item, asked)

    def query(self, **asked: Any) -> Any:
        return self._read(self._dynamodb.query, asked)

    def _read(self, read: Callable[..., Any], asked: Mapping[str, Any]) -> Any:
        self.reads += 1
        self._clock.seconds += min(self.takes, LONGEST_READ)
        if self.takes > LONGEST_READ:
            raise ReadTimeoutError(endpoint_url="table")
        return read(**asked)


class Asked(NamedTuple):
    """What a telephony heard. `is_told`: where the call should go; `is_neutral`: its word for going on without us."""

    is_told: bool
    is_neutral: bool


class Ringing:
    """A call to the banner's number rings, which a route fits; each telephony asks in its own way."""

    def __init__(self, patch: pytest.MonkeyPatch, numbers: Numbers) -> None:
        self.numbers, self.clock = numbers, Clock()
        self.table, self.mango = SlowTable(numbers.dynamodb, self.clock), mango.Mango()
        patch.setattr(mango_route, "post", self.mango)
        patch.setattr(handler, "monotonic", self.clock)
        patch.setattr(handler, "question_client", lambda service: self.table)
        numbers.forget()

    def ask(self, provider: str) -> Asked:
        return getattr(self, f"_{provider}")()  # type: ignore[no-any-return]

    def _zadarma(self) -> Asked:
        open_door(self.numbers, "zadarma", zadarma.SECRET, ROUTES)
        self.numbers.now = zadarma.RINGS
        heard = body_of(self.numbers.call(zadarma.sent(zadarma.told("notify_start", called_did=BANNER))))
        return Asked(heard.get("redirect") == 214 and "banner" in heard["caller_name"], heard == {})

    def _uis(self) -> Asked:
        self._open("uis")
        answer = send(self.numbers, "uis", query=f"cdr_id=1&numa={CALLER}&numb={BANNER}", rest=f"{TOKEN}/route")
        return Asked(body_of(answer) == {"phones": ["214"]}, body_of(answer) == {"returned_code": 1})

    def _mikopbx(self) -> Asked:
        self._open("mikopbx")
        self.numbers.now = datetime.fromtimestamp(1791791528, UTC)
        answer = send(self.numbers, "mikopbx", query=f"caller={CALLER}&called={BANNER}&linkedid=mikopbx-1791791527.118")
        heard = body_of(answer)
        return Asked(heard.get("route") == "214", answer["statusCode"] == 200 and "route" not in heard and "kind" not in heard)

    def _twilio(self) -> Asked:
        open_door(self.numbers, "twilio", twilio.TOKEN, ROUTES)
        self.numbers.now = twilio.NOW
        answer = self.numbers.call(twilio.sent({**twilio.RINGING, "To": f"+{BANNER}"}))
        return Asked("<Sip>sip:214</Sip>" in answer["body"], answer["statusCode"] == 404)

    def _mango(self) -> Asked:
        open_door(self.numbers, "mango", f"{mango.KEY}:{mango.SALT}", ROUTES, tell_routes=True)
        self.numbers.now = mango.AT + timedelta(seconds=1)
        status = mango.tell(self.numbers, to={**mango.APPEARED["to"], "number": BANNER, "line_number": BANNER})
        return Asked(len(self.mango.came) == 1, status == 200 and self.mango.came == [])

    def _open(self, provider: str) -> None:
        settings = open_settings(provider)
        self.numbers.publish({**SETTINGS, "calls": {**settings["calls"], "routes": ROUTES}})


@pytest.fixture
def rings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ringing]:
    with moto_dynamodb(monkeypatch) as dynamodb:
        yield Ringing(monkeypatch, Numbers(monkeypatch, dynamodb))


def not_answered(output: str) -> list[tuple[str, str]]:
    return [(line["Door"], line["Reason"]) for line in counted(output) if "QuestionNotAnswered" in line]


@pytest.mark.parametrize("provider", DOORS)
@pytest.mark.parametrize("takes", [FAST, JUST])
def test_a_table_that_answers_at_all_answers_in_time(rings: Ringing, provider: str, takes: float) -> None:
    rings.table.takes = takes
    assert rings.ask(provider).is_told
    assert rings.clock.seconds <= ADAPTERS[provider].answers_within


@pytest.mark.parametrize("provider", DOORS)
@pytest.mark.parametrize("takes", [TOO_SLOW, HANGING])
def test_a_table_that_does_not_answer_gives_the_neutral_reply_in_time(
    rings: Ringing, provider: str, takes: float, capsys: pytest.CaptureFixture[str]
) -> None:
    rings.table.takes = takes
    assert rings.ask(provider).is_neutral
    assert rings.clock.seconds <= ADAPTERS[provider].answers_within
    output = capsys.readouterr().out
    assert not_answered(output) == [(f"calls-{provider}", "failed")]
    assert "who calls could not be looked up" in output
    assert len(rings.numbers.stored()) == (provider != "uis"), "what was told is stored all the same"


@pytest.mark.parametrize("provider", DOORS)
def test_no_read_begins_that_could_end_too_late(
    rings: Ringing, provider: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Keeping the body took almost all the time."""
    s3, keep = rings.numbers.clients.s3, rings.numbers.clients.s3.put_object
    left = LONGEST_READ - 0.01

    def slowly(**what: Any) -> Any:
        if what["Key"].startswith("quarantine/"):
            rings.clock.seconds += ADAPTERS[provider].answers_within - left
        return keep(**what)

    monkeypatch.setattr(s3, "put_object", slowly)
    assert rings.ask(provider).is_neutral
    assert rings.table.reads == 0
    assert not_answered(capsys.readouterr().out) == [(f"calls-{provider}", "late")]


@pytest.mark.parametrize("provider", [name for name in DOORS if name != "uis"])
def test_an_answer_that_storing_made_late_is_not_given(
    rings: Ringing, provider: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The call went its way by then: Mango, for one, would be told to move a call that somebody talks on."""
    firehose, put = rings.numbers.clients.firehose, rings.numbers.clients.firehose.put_record

    def slowly(**what: Any) -> Any:
        rings.clock.seconds += 10
        return put(**what)

    monkeypatch.setattr(firehose, "put_record", slowly)
    assert rings.ask(provider).is_neutral
    assert not_answered(capsys.readouterr().out) == [(f"calls-{provider}", "late")]
    assert len(rings.numbers.stored()) == 1


@pytest.mark.parametrize(("takes", "status"), [(FAST, 200), (JUST, 200), (TOO_SLOW, 503), (HANGING, 503)])
def test_the_signed_look_up_answers_in_time_too(rings: Ringing, takes: float, status: int) -> None:
    rings.table.takes = takes
    answer = rings.numbers.ask(BANNER, f"site=kvartal&caller={CALLER}")
    assert (answer["statusCode"], rings.clock.seconds <= ANSWERS_WITHIN) == (status, True)
    assert json.loads(answer["body"]).get("kind") == ("static" if status == 200 else None)


def test_every_telephony_that_asks_waits_longer_than_a_read_may_take() -> None:
    deadlines = {name: adapter.answers_within for name, adapter in ADAPTERS.items()}
    assert (deadlines["mikopbx"], deadlines["twilio"]) == (1.5, 8.0)
    assert {deadlines[name] for name in ("zadarma", "uis", "mango")} == {2.0}
    assert min(deadlines.values()) > 2 * LONGEST_READ
