"""The one door of values into SQL: whatever the value is, the engine reads back exactly it, and nothing else of it is SQL."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import cache

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.sql import bind, literal

HOSTILE = [
    "'); DROP TABLE hits; --",
    "''",
    "'",
    "\\'",
    "back\\slash\\",
    "line\nend\r\n\ttab",
    '"quoted" `name`',
    "/* comment */ -- comment",
    ":name ::varchar $1 ? %s {x}",
    "😀 Ёлка — «ёлки» \u200b\u202e",
    "e'\\x41' U&'\\0041'",
    "$$text$$",
    "",
]
# What text can be: no NUL (refused) and no half surrogate (no UTF-8 form, so it cannot reach us).
texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))


@cache
def engine() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def read_row(sql: str) -> tuple[object, ...]:
    (row,) = engine().execute(sql).fetchall()
    return row


def read_back(sql: str) -> object:
    (value,) = read_row("SELECT " + sql)
    return value


@given(texts)
def test_any_text_comes_back_as_it_was(text: str) -> None:
    assert read_back(literal(text)) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_back_as_it_was(text: str) -> None:
    assert read_back(literal(text)) == text


@given(texts, texts)
def test_text_with_a_parameter_s_form_is_not_bound_again(first: str, second: str) -> None:
    row = read_row(bind("SELECT :first, :second", {"first": first + ":second", "second": second + ":first"}))
    assert row == (first + ":second", second + ":first")


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_whole_numbers_come_back_exactly(number: int) -> None:
    assert read_back(f"cast({literal(number)} AS bigint)") == number


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(5e-324)
@example(1.7976931348623157e308)
@example(-0.0)
@example(0.1)
def test_floats_come_back_to_the_last_bit(number: float) -> None:
    assert read_back(literal(number)) == number


@given(st.decimals(min_value=Decimal("-9999999999999999.99"), max_value=Decimal("9999999999999999.99"), places=2))
def test_money_comes_back_exactly(money: Decimal) -> None:
    assert read_back(literal(money)) == money
    assert read_back(f"cast({literal(money)} AS decimal(18,2))") == money


@pytest.mark.parametrize("text", ["0.000001", "-0.000001", "1E-6", "0", "-0.00", "1E+3", "12345678901234567890.123456789012345678"])
def test_decimals_keep_every_digit_and_stay_decimals(text: str) -> None:
    value = Decimal(text)
    assert read_back(literal(value)) == value
    assert str(read_back(f"typeof({literal(value)})")).startswith("DECIMAL")


def test_decimals_beyond_38_digits_are_refused() -> None:
    with pytest.raises(ValueError, match="38 digits"):
        literal(Decimal("1E+38"))


@pytest.mark.parametrize("value", [-5, Decimal("-5.5"), -5.5])
def test_a_minus_before_a_negative_number_is_no_comment(value: int | Decimal | float) -> None:
    assert read_back(bind("10 -:value", {"value": value})) == 10 - value  # type: ignore[operator]


@given(st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)), st.integers(-14 * 60, 14 * 60))
def test_instants_are_written_in_utc_to_the_millisecond(naive: datetime, offset_minutes: int) -> None:
    instant = naive.replace(tzinfo=timezone(timedelta(minutes=offset_minutes)))
    utc = instant.astimezone(UTC)
    expected = utc.replace(microsecond=utc.microsecond // 1000 * 1000, tzinfo=None)
    assert datetime.fromisoformat(literal(instant).removeprefix("TIMESTAMP '").removesuffix("'")) == expected
    assert read_back(literal(instant)) == expected


@given(st.dates())
def test_days_come_back(day: date) -> None:
    assert read_back(literal(day)) == day


@given(st.lists(texts, max_size=5), texts)
def test_a_list_of_texts_is_what_in_compares_with(items: list[str], needle: str) -> None:
    assert bool(read_back(f"{literal(needle)} IN {literal(items)}")) == (needle in items)


def test_nothing_is_in_an_empty_list() -> None:
    assert literal([]) == "(NULL)"
    assert not read_back(f"'' IN {literal([])}")


def test_absent_and_truth_values() -> None:
    assert [literal(value) for value in (None, True, False)] == ["NULL", "TRUE", "FALSE"]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), Decimal("NaN"), Decimal("Infinity")])
def test_numbers_that_are_not_finite_are_refused(number: float | Decimal) -> None:
    with pytest.raises(ValueError, match="finite"):
        literal(number)


def test_a_nul_character_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        literal("a\x00b")


@pytest.mark.parametrize("value", [b"bytes", {"a": 1}, object(), [1, 2], ["a", None]])
def test_types_without_a_safe_form_are_refused(value: object) -> None:
    with pytest.raises(TypeError, match="no literal"):
        literal(value)  # type: ignore[arg-type]


def test_a_parameter_without_a_value_is_named() -> None:
    with pytest.raises(KeyError, match="site_id"):
        bind("SELECT 1 WHERE site_id = :site_id", {"site": "x"})


@pytest.mark.parametrize(
    "text",
    [
        "SELECT ':name'",
        "SELECT 'it''s :name'",
        'SELECT 1 AS ":name"',
        'SELECT 1 AS "a "" :name"',
        "SELECT 1 -- :name\n",
        "SELECT x::varchar",
        "SELECT 1 -- it's :name",
    ],
)
def test_strings_comments_quoted_names_and_casts_are_left_alone(text: str) -> None:
    assert bind(text, {}) == text


def test_parameters_beside_strings_comments_and_casts_are_bound() -> None:
    text = "SELECT ':a' || :a, :b::varchar -- :a\n, \"c:a\", :a"
    assert bind(text, {"a": "x'y", "b": 5}) == "SELECT ':a' || 'x''y', 5::varchar -- :a\n, \"c:a\", 'x''y'"
