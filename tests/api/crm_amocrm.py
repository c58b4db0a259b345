"""amoCRM as it calls the door: its forms, the recorded bodies, and the story's four clients told in its shapes.

`tests/data/amocrm/*.form.txt` are invented: five bodies hold one trap each; those that begin with `story_` complete the clients of
`tests/data/story.json`. They name requests as tests/api/test_story_doors.py does (form-C, A's call by its telephony id).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote_plus

DATA = Path(__file__).parents[1] / "data" / "amocrm"
# Settings of the shop: its account, the fields that it made, and what its pipeline's stages mean.
AMOCRM = {
    "account_id": "31720446",
    "subdomain": "kvartal-example",
    "fields": {"order_id": "2210463", "cost_price": "Себестоимость"},
    "loss_reasons": {"11938870": "Не дозвонились"},
    "managers": {"8830151": "Анна Серова"},
}
STAGES = {"58113402": "unsorted", "58113406": "working", "58113410": "qualified", "won": "won", "lost": "lost"}


class Hook(NamedTuple):
    """One body, and when amoCRM sends it (unix seconds)."""

    at: int
    body: bytes


# Moments are the hooks' own `last_modified`, the latest of a body's items.
_STORY = (
    (1791791762, "lead_add"),  # A: the lead of the call
    (1791791770, "story_lead_update_a"),  # the telephony's id of the call is put into its field
    (1791994405, "story_contact_add_b"),
    (1792000805, "story_lead_status_b_working"),
    (1792478652, "multi_entity"),  # B's and C's leads, A's sum, a deletion; B's part comes late
    (1792478660, "story_lead_update_c"),  # the form's request id
    (1792478661, "story_contact_update_c"),
    (1792571409, "story_lead_status_b_lost"),
    (1793180400, "story_lead_add_d"),
    (1793180401, "story_contact_add_d"),
    (1793280031, "lead_status_won_raw_brackets"),  # A
    (1793280035, "contact_update"),
    (1793280100, "story_lead_update_a_cost"),
    (1794042300, "story_lead_status_c_qualified"),
    (1794215100, "story_lead_status_c_won"),
    (1794325642, "story_lead_status_d_qualified"),
    (1794498442, "story_lead_status_d_won"),
)


def story() -> list[Hook]:
    """The hooks of clients A to D, in order."""
    return [Hook(at, payload(name)) for at, name in _STORY]


def payload(name: str) -> bytes:
    """A recorded body."""
    return (DATA / f"{name}.form.txt").read_bytes()


def php_form(tree: Mapping[str, Any], is_raw: bool = False) -> bytes:
    """A form as PHP builds it of nested dictionaries; `is_raw` leaves brackets and all that a form may hold as they are."""
    return "&".join(_pairs(tree, is_raw)).encode()


def hook(entity: str = "leads", action: str = "update", /, account: Mapping[str, Any] | None = None, **item: Any) -> bytes:
    """A body with one item; without `account`, the shop's."""
    told = {"subdomain": "kvartal-example", "id": "31720446"} if account is None else account
    return php_form({entity: {action: {"0": item}}, "account": told})


def custom(*fields: tuple[str, str]) -> dict[str, Any]:
    """`custom_fields` of (name or CODE, value) pairs; a code is what is written in upper case."""
    return {
        str(number): {
            "id": str(9000 + number),
            "name": name.lower() if name.isupper() else name,
            "values": {"0": {"value": value}},
            **({"code": name} if name.isupper() else {}),
        }
        for number, (name, value) in enumerate(fields)
    }


def _pairs(tree: Mapping[str, Any], is_raw: bool, parents: tuple[str, ...] = ()) -> Iterator[str]:
    for name, value in tree.items():
        path = (*parents, str(name))
        if isinstance(value, Mapping):
            yield from _pairs(value, is_raw, path)
            continue
        written = path[0] + "".join(f"[{part}]" for part in path[1:])
        yield f"{written}={_raw(str(value))}" if is_raw else f"{quote_plus(written)}={quote_plus(str(value))}"


def _raw(value: str) -> str:
    return value.replace("%", "%25").replace("+", "%2B").replace("&", "%26").replace(" ", "+")
