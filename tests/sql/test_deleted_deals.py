"""A deal that stands deleted keeps no request from one that is alive: CRMs merge duplicates by deleting all but one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.doubles.bitrix24.portal import DEAL
from shared.identity import phone_hash
from shared.records import CRM_EVENT
from tests.api import crm_bitrix24
from tests.histories import without_rounds
from tests.lakes import NOW, SITE, Marts, Record, assert_same, deal, marts_of, request, shop, utc, without, write

AT = utc("10-05 10:00")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
KEYS = ("visitor", "phone", "email")

ASKED = request("r", AT, visitor="v", phone="p", email="e", ad="yandex/cpc")
TWIN = deal("d1", AT + HOUR, "working", phone="p")
SECOND = deal("d2", AT + 2 * HOUR, "working", phone="p")
DELETED = deal("d1", AT + DAY, is_deleted=True)
RESTORED = deal("d1", AT + 2 * DAY, is_deleted=False)


def matched(marts: Marts) -> dict[str, tuple[str, str]]:
    """Request and method by deal."""
    rows = marts.rows("deals", "deal_id", "request_id", "match_method")
    return {deal_id.removeprefix("crm:"): (request_id, method) for deal_id, request_id, method in rows}


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)])
def test_a_duplicate_that_was_deleted_leaves_its_request_to_the_one_that_stays(order: tuple[int, ...], tmp_path: Path) -> None:
    """In whatever order they arrive. The request stays counted, with its source."""
    records = [ASKED, TWIN, SECOND, DELETED]
    arrived = [
        Record(records[n].kind, {**records[n].values, "received_at": AT + 2 * DAY + place * HOUR}) for place, n in enumerate(order)
    ]
    marts = marts_of(tmp_path, arrived)
    assert matched(marts) == {"d1": ("crm:crm:d1", "implied"), "d2": ("r", "phone")}
    assert {row["request_id"]: (row["is_counted"], row["channel"]) for row in marts.rows("requests")} == {
        "r": (True, "Yandex Direct"),
        "crm:crm:d1": (False, None),
    }


def test_whatever_key_the_deleted_deal_has_the_living_one_takes_the_request(tmp_path: Path) -> None:
    """What is named by an id may belong to several deals, so that nothing is taken from the deleted one there."""
    made: list[Record] = []
    ways = {f"{strong}-{weak}": (strong, weak) for strong in (*KEYS, "request_id") for weak in KEYS}
    for way, (strong, weak) in ways.items():
        keys = {name: f"{name}-{way}" for name in KEYS}
        named = {"request_id": way} if strong == "request_id" else {strong: keys[strong]}
        made += [request(way, AT, **keys), deal(f"gone-{way}", AT + HOUR, "working", **named)]
        made += [
            deal(f"here-{way}", AT + 2 * HOUR, "working", **{weak: keys[weak]}),
            deal(f"gone-{way}", AT + DAY, is_deleted=True),
        ]
    found = matched(marts_of(tmp_path, made))
    for way, (strong, weak) in ways.items():
        left = (way, "request_id") if strong == "request_id" else (f"crm:crm:gone-{way}", "implied")
        assert (found[f"here-{way}"], found[f"gone-{way}"]) == ((way, weak), left)


def test_a_deleted_deal_takes_what_no_living_one_asks_for(tmp_path: Path) -> None:
    earlier = request("q", AT - HOUR, phone="p")
    made = [earlier, ASKED, TWIN, SECOND, DELETED]
    assert matched(marts_of(tmp_path / "two", made)) == {"d1": ("q", "phone"), "d2": ("r", "phone")}
    assert matched(marts_of(tmp_path / "alone", [ASKED, TWIN, DELETED])) == {"d1": ("r", "phone")}


def test_a_deal_that_was_told_alive_again_chooses_as_before(tmp_path: Path) -> None:
    before = matched(marts_of(tmp_path / "before", [ASKED, TWIN, SECOND]))
    for name, told in {"restored": RESTORED, "staged": deal("d1", AT + 2 * DAY, "working")}.items():
        assert matched(marts_of(tmp_path / name, [ASKED, TWIN, SECOND, DELETED, told])) == before, name
    assert before == {"d1": ("r", "phone"), "d2": ("crm:crm:d2", "implied")}


def test_refresh_after_refresh_of_a_deletion_and_its_taking_back_is_a_rebuild(tmp_path: Path) -> None:
    """No match of an earlier run is left behind, by whatever key."""
    twins = [deal("d1", AT + HOUR, "working", phone="p", visitor="v"), deal("d3", AT + 3 * HOUR, "working", email="e", phone="p")]
    days = [
        [ASKED, request("q", AT - HOUR, phone="p"), *twins, SECOND],
        [DELETED],
        [deal("d2", AT + DAY, is_deleted=True)],
        [RESTORED],
    ]
    marts, told = Marts(tmp_path / "daily"), []
    for number, records in enumerate(days):
        told += records
        for root in (tmp_path / "daily", tmp_path / f"anew-{number}"):
            write(root, records if root == marts.root else told, NOW + number * DAY)
        marts.refresh(NOW + number * DAY)
        anew = Marts(tmp_path / f"anew-{number}")
        anew.refresh(NOW + number * DAY)
        assert_same(_tables(marts), _tables(anew))


def _tables(marts: Marts) -> dict[str, list[dict[str, Any]]]:
    return {name: [without(row, "received_at") for row in rows] for name, rows in without_rounds(marts.everything()).items()}


@pytest.mark.parametrize("way", ["webhooks", "check"])
def test_duplicates_that_bitrix24_merges_leave_their_request_counted(way: str, tmp_path: Path) -> None:
    """Bitrix24 tells a merge as the deletion of one of the two, here of the one that found the request."""
    with crm_bitrix24.opened() as world:
        if way == "webhooks":
            world.portal.deliver = lambda body, headers: world.hear(body, world.site())
        client = world.portal.client(phones=("8 900 000-00-17",))
        for number in (1, 2):
            world.sleep(3600)
            world.portal.add(DEAL, {"contactId": client}, number)
        world.sleep(60)
        if way == "check":
            assert world.reconciler().check(world.site(), "bitrix24", lambda: True).is_done
        world.portal.delete(DEAL, 1)
        world.sleep(86_400)
        if way == "check":
            assert world.reconciler().check(world.site(), "bitrix24", lambda: True).is_done
        told = [Record(CRM_EVENT.name, {**one, "site_id": SITE}) for one in world.stored()]
    asked = request("r", crm_bitrix24.BEGIN, phone=phone_hash("+79000000017", crm_bitrix24.KEY), ad="yandex/cpc")
    stages = {str(one.values["stage"]): "working" for one in told if one.values.get("stage")}
    marts = marts_of(tmp_path, [asked, *told], shop(stages=[{"stages": stages}]))
    found = marts.rows("deals", "deal_id", "request_id", "match_method", "is_confirmed")
    assert found == [("bitrix24:1", "crm:bitrix24:1", "implied", False), ("bitrix24:2", "r", "phone", True)]
    row = marts.row("requests", request_id="r")
    assert (row["is_counted"], row["channel"]) == (True, "Yandex Direct")
