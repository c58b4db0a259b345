"""People who are still being joined after the last round are left apart, marked and told in the report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from functions.attribution import refresh, steps
from functions.report.figures import build
from functions.report.marts.questions import MOST_KEYS, ask
from functions.report.view.formats import Formats
from functions.report.view.names import Names
from functions.report.view.notes import quality_lines
from shared.settings import published
from tests.lakes import NOW, Marts, Record, deal, request, shop, utc, write
from tests.report_cases import PERIOD

AT = utc("10-01 09:00")
HOUR = timedelta(hours=1)


def chain(length: int, first: list[Record] | None = None) -> list[Record]:
    """Requests that share a phone with the next one and an e-mail with the one before, in the order of time."""
    made = [request(f"r{n:02d}", AT + n * HOUR, phone=f"p{n:02d}", email=f"p{n - 1:02d}") for n in range(length)]
    links = [request(f"s{n:02d}", AT + (40 + n) * HOUR, phone=f"p{n:02d}", email=f"p{n:02d}") for n in range(length)]
    return [*(first or []), *made, *links]


def with_rounds(patch: pytest.MonkeyPatch, rounds: int) -> None:
    """The refresh as it is, but with so few rounds of joining."""
    kept = {name: steps._rounds(name, stops_at=rounds) for name in ("joints_own", "joints_join")}
    patch.setattr(refresh, "STEPS", tuple(kept.get(step.name, step) for step in steps.STEPS))


def marts_of(root: Path, records: Sequence[Record], deliveries: int = 1) -> Marts:
    marts = Marts(root, shop())
    for number in range(deliveries):
        at = NOW - timedelta(days=deliveries - number - 1)
        write(root, records[number::deliveries], at)
        marts.refresh(at)
    return marts


def stranger() -> list[Record]:
    """Somebody who settles at once."""
    return [request("x1", AT, phone="x", visitor="y"), request("x2", AT + HOUR, phone="x", visitor="z")]


def test_a_chain_that_settles_leaves_nobody_marked(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, chain(12, stranger()))
    assert set(marts.rows("joints", "is_unsettled")) == set(marts.rows("persons", "is_unsettled")) == {False}
    assert len(set(marts.rows("requests", "person_id"))) == 2


def test_a_chain_that_has_not_settled_is_left_unjoined_and_marked_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_rounds(monkeypatch, 1)
    marts = marts_of(tmp_path, chain(12, stranger()))
    marked = {key for key, is_unsettled in marts.rows("persons", "key", "is_unsettled") if is_unsettled}
    assert marked == {"p-1", *(f"p{n:02d}" for n in range(12))}
    assert {j for j, is_unsettled in marts.rows("joints", "joint_id", "is_unsettled") if is_unsettled} == {
        *(f"r{n:02d}" for n in range(12)), *(f"s{n:02d}" for n in range(12))
    }  # fmt: skip
    assert all(
        own == label for own, label, is_unsettled in marts.rows("joints", "own_label", "label", "is_unsettled") if is_unsettled
    )
    (settled,) = set(marts.rows("requests", "person_id", visitor_id="y") + marts.rows("requests", "person_id", visitor_id="z"))
    assert settled == "phone:x"


def test_what_a_client_had_not_reached_in_time_is_marked_and_what_he_owns_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_rounds(monkeypatch, 1)
    client = [deal("d", AT - HOUR, phone="p00", contact="c")]
    marts = marts_of(tmp_path, chain(3, client))
    owned = dict(marts.rows("persons", "key", "is_unsettled"))
    assert owned["c"] is owned["p00"] is False
    assert owned["p02"] is True


def test_in_parts_or_at_once_the_same_are_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_rounds(monkeypatch, 1)
    records = chain(12, stranger())
    parts = marts_of(tmp_path / "parts", records, 3).everything()
    at_once = marts_of(tmp_path / "once", records).everything()
    for table in ("joints", "persons", "requests"):
        assert parts[table] == at_once[table], table


def test_the_report_counts_and_names_hubs_and_who_had_not_settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_rounds(monkeypatch, 1)
    crowd = [request(f"h{n:02d}", AT + n * HOUR, phone="5be1a07c3f2d9e60", visitor=f"v{n}") for n in range(12)]
    marts = marts_of(tmp_path, chain(12, crowd))
    settings = published(shop())
    quality = build(settings, PERIOD, *ask(marts.warehouse, settings, PERIOD), NOW)["data_quality"]
    assert (quality["hub_keys"], quality["hubs"]) == (1, [{"key_kind": "phone", "key": "5be1a07c3f2d9e60"}])
    assert (
        (quality["unsettled_keys"], len(quality["unsettled"]))
        == (sum(marts.rows("persons", "is_unsettled")), MOST_KEYS)
        == (25, 20)
    )
    lines = "\n".join(text for _, text in quality_lines(quality, Formats("ru", "RUB", "Europe/Moscow"), Names(settings)))
    assert "(телефон 5be1a07c…)" in lines
    assert (
        "Контактов, людей которых не удалось собрать за 64 шага: 25 (e-mail p-1, телефон p00, e-mail p00, телефон p01, e-mail p01"
        in lines
    )
    assert "и ещё 20). Их обращения посчитаны порознь." in lines
