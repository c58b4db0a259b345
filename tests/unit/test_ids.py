"""Identifiers: UUIDv7 from time and given randomness; site ids that are safe anywhere."""

from __future__ import annotations

import uuid
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ids import derived_id, is_site_id, is_uuid, uuid7
from shared.times import from_millis

INSTANTS = st.integers(0, 4_102_444_800_000).map(from_millis)
RANDOM = st.binary(min_size=10, max_size=20)


def test_example_of_the_standard() -> None:
    # RFC 9562, A.6: unix milliseconds 0x017F22E279B0, rand_a 0xCC3, rand_b 0x18C4DC0C0C07398F
    randomness = (0xCC3 << 64 | 0x18C4DC0C0C07398F).to_bytes(10, "big")
    assert uuid7(from_millis(0x017F22E279B0), randomness) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@given(INSTANTS, RANDOM)
def test_version_and_variant(instant: datetime, randomness: bytes) -> None:
    made = uuid.UUID(uuid7(instant, randomness))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert is_uuid(str(made))


@given(INSTANTS, INSTANTS, RANDOM, RANDOM)
def test_ids_sort_by_time(one: datetime, other: datetime, first: bytes, second: bytes) -> None:
    if one != other:
        assert (one < other) == (uuid7(one, first) < uuid7(other, second))


@given(INSTANTS, st.lists(st.text("abc", max_size=3), max_size=4), st.lists(st.text("abc", max_size=3), max_size=4))
def test_derived_ids_are_the_same_for_the_same_parts_only(instant: datetime, parts: list[str], others: list[str]) -> None:
    same = "\x1f".join(parts) == "\x1f".join(others)
    assert (derived_id(instant, *parts) == derived_id(instant, *others)) == same


@pytest.mark.parametrize("spelling", ["{{{0}}}", "{0}\n", " {0}", "{0}0"])
def test_other_spellings_are_no_uuid(spelling: str) -> None:
    known = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
    assert is_uuid(known)
    assert not is_uuid(spelling.format(known))
    assert not is_uuid(known.upper())
    assert not is_uuid(known.replace("-", ""))
    assert not is_uuid("")


@pytest.mark.parametrize("text", ["kvartal", "a", "7", "shop-2", "a" * 40])
def test_site_ids(text: str) -> None:
    assert is_site_id(text)


@pytest.mark.parametrize("text", ["", "-a", "a-", "A", "a_b", "a/b", "..", "a" * 41, "шоп", "a\n", "a b"])
def test_no_site_ids(text: str) -> None:
    assert not is_site_id(text)
