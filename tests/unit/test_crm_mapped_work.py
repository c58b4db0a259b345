"""Mapped bodies that are made to cost: they are read in the time of one run, or refused; and messages quote nobody."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from time import process_time
from typing import Any

import pytest

from functions.crm_webhook.mapped import hooks
from functions.crm_webhook.mapped.tree import TooMuchWork, Tree
from functions.crm_webhook.outcome import Arrival, Outcome
from tests.unit.test_crm_mapped import ARRIVAL, NOW, mapped, read

# The worker has 60 s on a third of a core; these bodies took up to 52 s on a whole one.
SECONDS = 6.0
DEALS = [{"id": number, "s": "won"} for number in range(1_000)]


def timed(body: Any, fields: dict[str, Any], **more: Any) -> Outcome:
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    assert len(raw) <= 256 * 1024
    site, began = mapped({"stage": "s", **fields}, **more), process_time()
    outcome = hooks.records_of(raw, ARRIVAL, site, "shop")
    assert process_time() - began < SECONDS
    return outcome


def test_what_stands_at_the_root_is_looked_up_once_for_all_deals() -> None:
    fields = [{"c": f"F{number}", "v": number} for number in range(7_500)]
    names = ("branch", "product", "manager", "crm_source", "loss_reason", "utm_term", "name")
    outcome = timed({"d": DEALS, "f": fields}, {name: f"$.f[c=F{at}].v" for at, name in enumerate(names)}, items="d")
    assert outcome.rejected == []
    assert len(outcome.records) == 1_000
    assert json.loads(outcome.records[999][1])["product"] == "1"


def test_a_long_text_of_the_root_is_made_private_once() -> None:
    outcome = timed({"d": DEALS, "t": "8 900 000-00-17, " + "8 (9" * 40_000}, {"branch": "$.t"}, items="d")
    assert outcome.rejected == []
    assert {json.loads(line)["branch"][:9] for _, line in outcome.records} == {"[phone], "}


@pytest.mark.parametrize(
    ("root", "fields", "more"),
    [
        ([{"p": f"+7900{number:07}"} for number in range(3_000)], {"phone": "$.r.*.p"}, {}),
        ([{"p": f"v{number}@post.example"} for number in range(3_000)], {"email": "$.r.*.p"}, {}),
        ("a.b+c-" * 33_000, {f"attribute.a{at}": "$.r" for at in range(9)} | {"product": "$.r"}, {}),
        (";".join("abcdefgh") * 6_000, {"tags": "$.r"}, {}),
        (["x"] * 40_000, {"manager": "$.r"}, {}),
        (["x"] * 40_000, {}, {"deleted": {"$.r.*": ["y"]}}),
        ([{"n": at, "a": at, "t": "2026-10-01"} for at in range(4_000)], dict(zip(
            ("payments", "payment.id", "payment.amount", "payment.at"), ("$.r", "n", "a", "t"), strict=True)), {}),
        ("[" + ",".join("1" * 40_000) + "]", {"email": "$.r.*"}, {}),
    ],
)  # fmt: skip
def test_a_body_that_would_outlast_a_run_is_refused_whole(root: Any, fields: dict[str, Any], more: dict[str, Any]) -> None:
    outcome = timed({"d": DEALS, "r": root}, fields, items="d", **more)
    assert [one.reason for one in outcome.rejected] == ["too_much_work"]
    assert "from the body's root" in outcome.rejected[0].message
    assert (outcome.records, outcome.people, outcome.passed_over) == ([], [], {})


def test_a_large_honest_body_is_read() -> None:
    deals = [
        {"id": at, "s": "won", "c": [{"k": f"K{n}", "v": n} for n in range(4)], "p": [{"n": at, "a": 5, "t": "2026-10-01"}]}
        for at in range(1_000)
    ]
    fields = {f"attribute.a{n}": f"c[k=K{n}].v" for n in range(10)}
    fields |= {"payments": "p", "payment.id": "n", "payment.amount": "a", "payment.at": "t", "tags": "c.*.k"}
    outcome = timed(deals, fields)
    assert outcome.rejected == []
    assert len(outcome.records) == 2_000


@pytest.mark.parametrize(
    "look",
    [
        lambda tree: tree.find("a.*", tree.root),
        lambda tree: tree.find("a[b=1]", tree.root),
        lambda tree: tree.members(None, tree.root["a"]),
    ],
)
def test_looking_at_values_is_work(look: Callable[[Tree], Any]) -> None:
    tree = Tree(b'{"a": [{}, {}, {}, {}]}', "json", "utf-8", most_work=3)
    with pytest.raises(TooMuchWork):
        look(tree)


def test_what_a_path_found_at_the_root_cannot_be_changed_by_who_asked() -> None:
    tree = Tree(b'{"a": [1, 2]}', "json", "utf-8")
    tree.find("$.a.*", None).clear()
    assert tree.find("$.a.*", None) == [1, 2]


@pytest.mark.parametrize(
    "told", [{"sum": "Иванова Мария 1200"}, {"sum": 5, "cur": "ivanova@post.example"}, {"sum": "5 Анна Мария"}]
)
def test_a_refusal_quotes_nothing_that_people_wrote(told: dict[str, Any]) -> None:
    (rejected,) = read({"id": 1, **told}, mapped({"amount": "sum", "currency": "cur"})).rejected
    assert rejected.reason == "bad_field"
    assert not any(part in rejected.message for part in ("Иванова", "Мария", "Анна", "ivanova"))


# Payments that change

PAID = {"told_at": "at", "payments": "p", "payment.id": "n", "payment.amount": "s", "payment.at": "d"}


def paid(amount: Any, at: str | None, delivery: str = "1", fields: dict[str, Any] = PAID, day: str | None = "2026-10-30") -> Any:
    """The record of payment P1 as this body tells it."""
    body = {"id": 7, "at": at, "p": [{"n": "P1", "s": amount, "d": day}]}
    site = mapped(fields)
    outcome = hooks.records_of(json.dumps(body).encode(), Arrival("kvartal", delivery, NOW, b"k"), site, "shop")
    return [json.loads(line) for kind, line in outcome.records if kind.name == "payment"]


def test_a_payment_put_back_to_an_earlier_sum_is_a_record_of_its_own_and_the_latest() -> None:
    told = [paid(*one)[0] for one in ((1000, "2026-10-31T10:00Z"), (900, "2026-10-31T11:00Z"), (1000, "2026-10-31T12:00Z"))]
    ids = [one["record_id"] for one in told]
    assert sorted(set(ids)) == ids
    assert {one["via"] for one in told} == {"crm"}
    assert {one["occurred_at"] for one in told} == {"2026-10-29 21:00:00.000"}


def test_a_payment_of_a_body_without_a_time_is_known_by_its_delivery() -> None:
    first, second, first_again = (paid(1000, None, delivery)[0]["record_id"] for delivery in ("1", "2", "1"))
    assert first == first_again != second


def test_a_payment_put_back_while_its_deals_time_stays_is_news() -> None:
    at = "2026-10-31T10:00Z"
    assert paid(1000, at, "1")[0]["record_id"] != paid(1000, at, "3")[0]["record_id"]


def test_a_payment_taken_back_is_told_as_nothing() -> None:
    assert [one["amount"] for one in paid(0, "2026-10-31T10:00Z")] == [0]
    (undated,) = paid(0, "2026-10-31T10:00Z", day=None)
    assert undated["occurred_at"] == "2026-10-31 10:00:00.000"
    assert paid(None, "2026-10-31T10:00Z") == []
    assert paid(5, "2026-10-31T10:00Z", day=None) == []


def test_a_payment_that_changed_ahead_of_our_clock_is_refused() -> None:
    body = {"id": 7, "at": datetime(2027, 1, 1, tzinfo=UTC).isoformat(), "p": [{"n": "P1", "s": 5, "d": "2026-10-30"}]}
    assert [one.reason for one in read(body, mapped({name: PAID[name] for name in PAID})).rejected] == ["future"]
