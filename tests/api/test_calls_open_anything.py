"""Whatever comes to the doors of UIS, Calltouch, MikoPBX and Asterisk, there is a stated outcome: stored, passed over, refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.cli.calls.pulling import FIELDS
from tests.api.numbers_door import Numbers, moto_dynamodb
from tests.api.open_calls import SECRET, TOKEN, at, example, publish, rejects, send, send_signed, stream

STATED = (200, 400)
UIS = json.loads(example("uis/call_finished.json"))
TOLD = json.loads(example("uis/get_calls_report.response.json"))["result"]["data"][0]
ROW = {name: TOLD[name] for name in FIELDS if name in TOLD}  # what is read of a row
CALLTOUCH = {"callerphone": "79000000017", "phonenumber": "74950000031", "calltime": "2026-10-12 10:52:07", "status": "successful"}
MIKOPBX = {"caller": "79000000017", "called": "74950000031", "linkedid": "mikopbx-1791791527.118", "channel": "PJSIP/1"}
AMI = stream("ami_call_answered.stream.txt", ["2026-10-12T10:52:07+03:00"] * 6)
ARI = json.loads(example("asterisk/ari_stasis_start.json"))

odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=30),
    st.sampled_from(
        [
            "<unknown>", "sip:79000000017@198.51.100.14:5060", "8 (900) 000-00-17", "0", "-1", "1791791527.118", "9" * 400,
            "0001-01-01 00:00:00", "9999-12-31 23:59:59", "2026-10-12T10:52:07", "\x00", "\ufffd", "74950000031", "9999999999.1",
        ]
    ),
    st.lists(st.text(max_size=5), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)  # fmt: skip


def changed(body: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The body with some fields told in an odd way, or left out."""
    swapped = st.dictionaries(st.sampled_from(sorted(body)), odd, max_size=4)
    lost = st.sets(st.sampled_from(sorted(body)), max_size=2)
    return st.builds(lambda new, gone: {name: value for name, value in {**body, **new}.items() if name not in gone}, swapped, lost)


def form(body: dict[str, Any]) -> bytes:
    return urlencode({name: str(value) for name, value in body.items()}, errors="replace").encode()


def as_json(body: Any) -> bytes:
    return json.dumps(body).encode()


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    with moto_dynamodb(monkeypatch) as dynamodb:
        made = Numbers(monkeypatch, dynamodb)
        made.clients.ssm.parameters["/skvoz/test/kvartal/calls-asterisk"] = SECRET
        made.now = at("2026-10-28T12:00:00+03:00")
        yield made


BODIES: list[tuple[str, str, st.SearchStrategy[bytes]]] = [
    ("uis", TOKEN, changed(UIS).map(as_json)),
    (
        "uis",
        f"{TOKEN}/route",
        changed({"cdr_id": "1", "numa": "79000000017", "numb": "74950000031", "input_result": "123456"}).map(form),
    ),
    ("uis", f"{TOKEN}/report", st.lists(changed(ROW), max_size=2).map(lambda rows: as_json({"result": {"data": rows}}))),
    ("calltouch", TOKEN, changed(CALLTOUCH).map(form)),
    ("calltouch", TOKEN, changed(CALLTOUCH).map(as_json)),
    ("mikopbx", TOKEN, changed(MIKOPBX).map(form)),
    ("asterisk", "", st.lists(st.one_of([changed(event) for event in AMI[:5]]), max_size=3).map(lambda e: as_json({"events": e}))),
    ("asterisk", "", changed(ARI).map(as_json)),
]


@pytest.mark.parametrize(("provider", "rest", "bodies"), BODIES)
def test_odd_fields_have_a_stated_outcome(numbers: Numbers, provider: str, rest: str, bodies: st.SearchStrategy[bytes]) -> None:
    publish(numbers, provider)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(bodies)
    def run(body: bytes) -> None:
        before = len(rejects(numbers, provider))
        answer = send_signed(numbers, body) if provider == "asterisk" else send(numbers, provider, body, rest=rest)
        assert answer["statusCode"] in STATED, answer["body"]
        numbers.now = numbers.now.replace(microsecond=(numbers.now.microsecond + 1000) % 1_000_000)  # another rejects' file
        told = json.loads(answer["body"])
        if answer["statusCode"] == 400:
            assert told["error"]["fields"]
            assert len(rejects(numbers, provider)) == before + 1

    run()
    for record in numbers.stored():
        assert set(record["number"]) <= set("+0123456789")


@pytest.mark.parametrize(("provider", "rest"), sorted({(provider, rest) for provider, rest, _ in BODIES}))
def test_bytes_that_are_nothing_have_a_stated_outcome(numbers: Numbers, provider: str, rest: str) -> None:
    publish(numbers, provider)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.binary(min_size=1, max_size=60))
    def run(body: bytes) -> None:
        answer = send_signed(numbers, body) if provider == "asterisk" else send(numbers, provider, body, rest=rest)
        assert answer["statusCode"] == 400, answer["body"]

    run()
    assert numbers.stored() == []
