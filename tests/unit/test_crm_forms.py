"""Form bodies with PHP's brackets: what they say, what they cannot do to us."""

from __future__ import annotations

import inspect
import sys
import time
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.crm_webhook.forms import MOST_DEPTH, REASONS, form_of, path_of
from shared.forms import MOST_NAME, MOST_PAIRS, FormRefused, pairs_of
from tests.api.crm_amocrm import php_form

MOST_BODY = 256 * 1024


def tree(body: bytes) -> dict[str, Any]:
    form = form_of(body)
    assert form.collided == 0
    return form.tree


def refused(body: bytes) -> str:
    with pytest.raises(FormRefused) as error:
        form_of(body)
    return error.value.reason


def taken_or_reason(body: bytes) -> str:
    try:
        form_of(body)
    except FormRefused as error:
        return error.reason
    return "taken"


@pytest.mark.parametrize("body", [b"a[b][0][c]=x", b"a%5Bb%5D%5B0%5D%5Bc%5D=x", b"a%5bb%5d[0][c]=x", b"a[b]%5B0][c%5D=x"])
def test_raw_and_percent_encoded_brackets_are_the_same(body: bytes) -> None:
    assert tree(body) == {"a": {"b": {"0": {"c": "x"}}}}


def test_a_plus_is_a_space_and_escapes_are_what_they_stand_for() -> None:
    assert tree("a=4+шт+%2B+монтаж&b=Zm9v%2BYmFy/MQ==&c=x%26y%3Dz".encode()) == {
        "a": "4 шт + монтаж",
        "b": "Zm9v+YmFy/MQ==",
        "c": "x&y=z",
    }


def test_empty_values_are_kept_and_empty_parts_are_not_values() -> None:
    assert tree(b"&a=&b[c]=&&d&") == {"a": "", "b": {"c": ""}, "d": ""}
    assert tree(b"") == tree(b"&&&") == {}


def test_repeated_names_are_kept_in_the_pairs_and_the_last_counts_in_the_tree() -> None:
    body = b"a[b]=1&a[b]=2&a[b]="
    assert pairs_of(body) == [("a[b]", "1"), ("a[b]", "2"), ("a[b]", "")]
    assert tree(body) == {"a": {"b": ""}}


def test_a_number_in_brackets_is_a_name_and_allocates_no_list() -> None:
    assert tree(b"linked_leads_id[41870233][ID]=41870233&linked_leads_id[9999999999999999999]=1") == {
        "linked_leads_id": {"41870233": {"ID": "41870233"}, "9999999999999999999": "1"}
    }


def test_date_fields_have_their_value_right_under_the_index() -> None:
    assert tree(b"values[0]=1791925200") == {"values": {"0": "1791925200"}}


def test_empty_brackets_add_an_item_each() -> None:
    assert list(tree(b"a[]=1&a[]=2&a[0]=3")["a"].values()) == ["1", "2", "3"]


@pytest.mark.parametrize("body", [b"n[type]=10&n[type][uuid]=u&n[id]=7", b"n[type][uuid]=u&n[type]=10&n[id]=7"])
def test_a_text_that_is_also_a_parent_stays_and_what_is_under_it_goes_counted(body: bytes) -> None:
    assert form_of(body) == ({"n": {"type": "10", "id": "7"}}, 1)


@pytest.mark.parametrize("name", ["a[b", "a]b[", "[a]", "a[b]c", "a[b[c]]", "a[b]]", "[", "]", "a[b]c[d]", ""])
def test_brackets_that_do_not_pair_make_a_plain_name(name: str) -> None:
    assert path_of(name, 0) == [name]
    assert form_of(name.encode() + b"=1").tree == {name: "1"}


def test_broken_escapes_and_bytes_that_are_no_utf8_survive() -> None:
    assert tree(b"a=100%&b=%zz%4&c=\xff\xd0&d=%FF%D0%90&e\xff=1") == {
        "a": "100%",
        "b": "%zz%4",
        "c": "\ufffd\ufffd",
        "d": "\ufffdА",
        "e\ufffd": "1",
    }


def test_the_limits_hold_to_the_one() -> None:
    assert len(tree(b"&".join(b"a%d=" % n for n in range(MOST_PAIRS)))) == MOST_PAIRS
    assert refused(b"&".join(b"a%d=" % n for n in range(MOST_PAIRS + 1))) == "too_many_fields"
    assert tree(b"n" * MOST_NAME + b"=1")
    assert refused(b"n" * (MOST_NAME + 1) + b"=1") == "long_name"
    assert tree(b"a" + b"[b]" * (MOST_DEPTH - 1) + b"=1")
    assert refused(b"a" + b"[b]" * MOST_DEPTH + b"=1") == "too_deep"
    assert refused(b"a" + b"%5Bb%5D" * MOST_DEPTH + b"=1") == "too_deep"


@pytest.mark.parametrize(
    "bomb",
    [
        b"a" + b"[b]" * 80_000 + b"=1",
        b"a" + b"[" * 200_000,
        b"[" * 200_000 + b"]" * 50_000,
        b"&" * MOST_BODY,
        b"a[]&" * (MOST_BODY // 4),
        b"%" * MOST_BODY,
        b"a=" + b"%5B" * 80_000,
    ],
)
def test_bracket_bombs_end_at_once_with_a_reason_or_as_text(bomb: bytes) -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 60)
    try:
        begun = time.process_time()
        assert taken_or_reason(bomb) in ("taken", *REASONS)
        assert time.process_time() - begun < 1
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize(
    "part",
    [b"a%d[b]=x", b"a[%d][b][c]=xyz", b"a[]=%d", b"a=1&a[%d]=1", b"a[%d]=1&a=1", b"%%D0%%90=%d", b"a" + b"[b]" * 15 + b"=%d"],
)
def test_twice_the_body_takes_about_twice_the_time(part: bytes) -> None:
    def seconds(count: int) -> float:
        body = b"&".join(part % n for n in range(count))
        taken = []
        for _ in range(5):
            begun = time.process_time()
            form_of(body)
            taken.append(time.process_time() - begun)
        return min(taken)

    assert seconds(4_000) < 10 * seconds(1_000) + 0.01  # sixteen times, were it quadratic


NAME = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="[]"), min_size=1, max_size=8)
TREE: Any = st.recursive(
    st.dictionaries(NAME, st.text(st.characters(blacklist_categories=("Cs",)), max_size=10), min_size=1, max_size=4),
    lambda inner: st.dictionaries(
        NAME, inner | st.text(st.characters(blacklist_categories=("Cs",)), max_size=10), min_size=1, max_size=4
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(told=TREE, is_raw=st.booleans())
def test_what_php_encodes_comes_back(told: dict[str, Any], is_raw: bool) -> None:
    if is_raw and any(c in str(told) for c in "=&%+;#"):
        is_raw = False  # such names cannot be written raw
    assert form_of(php_form(told, is_raw)) == (told, 0)


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=300)
    | st.lists(st.sampled_from([b"a", b"[", b"]", b"=", b"&", b"%5B", b"%5D", b"%", b"+", b"\xff", b"0"])).map(b"".join)
)
def test_no_bytes_raise_anything_but_a_refusal_and_nothing_grows(body: bytes) -> None:
    if (outcome := taken_or_reason(body)) != "taken":
        assert outcome in REASONS
        return
    form = form_of(body)
    told = [part for part in body.split(b"&") if part]
    assert _leaves(form.tree) <= len(told)
    assert _size(form.tree) <= 2 * len(unquote_to_bytes(body)) + 10 * len(told)


def _leaves(node: Any) -> int:
    return sum(map(_leaves, node.values())) if isinstance(node, dict) else 1


def _size(node: Any) -> int:
    return sum(len(name) + _size(child) for name, child in node.items()) if isinstance(node, dict) else len(node)
