"""Deals of amoCRM come out the same however its webhooks come: lost, repeated, shuffled, or not at all. What they miss is found by
the regular check through the API. One month of one account is played in several worlds by the same chance."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from infra.doubles.amocrm import Hooks
from tests.api.crm_amocrm_api import LOST, QUALIFIED, START, WON, WORKING, World, clients, stories, world

STAGES = ("58113402", WORKING, QUALIFIED, WON, LOST)
DEALS, STEPS = 12, 60


def play(told: World, seed: int, *, checks_every: int = 0, is_merging: bool = True, same_second: bool = False) -> None:
    """Leads are made, moved, priced, deleted, restored and merged; in the end a check. `checks_every` steps there is one as
    well."""
    chance, account = random.Random(seed), told.account
    leads: list[int] = []
    deleted: list[int] = []
    for step in range(STEPS):
        told.now += timedelta(seconds=0 if same_second and chance.random() < 0.4 else chance.randint(1, 40_000))
        if len(leads) < 3 or (len(leads) < DEALS and chance.random() < 0.3):
            phone = f"+7900{chance.randint(0, 9_999_999):07d}"
            fields = {"skvoz_request_id": f"r-{step}"} if chance.random() < 0.5 else {}
            leads.append(
                account.add_lead(
                    phone=phone, price=chance.choice([0, 100]), fields=fields, tags=["форма"], creator_id=chance.choice([0, 7])
                )
            )
        else:
            one = chance.choice(leads)
            price = chance.choice([None, chance.randint(1, 9) * 1000])
            change = chance.random()
            if change < 0.5:
                account.move(one, chance.choice(STAGES), price=price, loss_reason_id=chance.choice(["", "11938870"]))
            elif change < 0.7:
                account.change(one, price=price, manager_id="8830152")
            elif change < 0.8:
                account.change_contact(account.leads[one].contacts[0], phones=[f"+7900{step:07d}"], email=f"c{step}@post.example")
            elif change < 0.87:
                account.delete(one)
                leads.remove(one)
                deleted.append(one)
            elif change < 0.94 and deleted:
                leads.append(deleted.pop())
                account.restore(leads[-1])
            elif is_merging and len(leads) > 3:
                other = chance.choice([lead for lead in leads if lead != one])
                account.merge(one, other)
                leads.remove(other)
        if checks_every and step % checks_every == 0:
            check(told)
    told.now += timedelta(minutes=30)
    account.hooks.flush()
    check(told)


def check(told: World) -> None:
    assert told.reconcile().is_done


def outcome(seed: int, hooks: Hooks | None = None, **how: Any) -> tuple[Any, Any]:
    """How the deals stood, and who their clients are in the end."""
    with world(hooks) as told:
        play(told, seed, **how)
        assert told.rejects == []
        assert {call.status for call in told.amo.limit.calls} <= {200, 204}
        ways, told_clients = stories(told.records), clients(told.records)
    # Of a lead that is deleted amoCRM tells when it was made, moved and deleted; where it never moved, neither stage nor sum. It
    # is cleaning, and brings no money.
    gone = {deal for deal, way in ways.items() if way[-1][4]}
    ways |= {deal: [(ways[deal][0][0],), *((one[0], bool(one[4]), one[5]) for one in ways[deal] if one[4])] for deal in gone}
    return ways, {deal: told for deal, told in told_clients.items() if deal not in gone}


def dropping(seed: int, share: float) -> Callable[[int, str], bool]:
    chance = random.Random(seed)
    return lambda entity, what: chance.random() < share


@pytest.mark.parametrize("seed", range(3))
def test_dropped_hooks_are_restored_with_the_same_stage_times_and_sums(seed: int) -> None:
    whole = outcome(seed)
    assert len(whole[0]) > 5
    lossy = Hooks(drop=dropping(seed, 0.5))
    assert outcome(seed, lossy) == whole
    assert len(lossy.dropped) > 20
    assert outcome(seed, Hooks(drop=lambda entity, what: True)) == whole
    assert outcome(seed, Hooks(drop=dropping(seed, 0.5)), checks_every=7) == whole


@pytest.mark.parametrize("seed", range(4))
def test_repeated_late_and_shuffled_hooks_change_nothing(seed: int) -> None:
    whole = outcome(seed, same_second=True)
    assert outcome(seed, Hooks(shuffle=random.Random(seed), repeats=lambda entity, what: 1 + entity % 3), same_second=True) == whole
    assert outcome(seed, Hooks(shuffle=random.Random(seed), drop=dropping(seed, 0.3)), same_second=True) == whole


def test_hooks_alone_tell_what_the_check_finds_where_none_is_lost() -> None:
    with world() as told:
        play(told, 1, is_merging=False)
        complete = stories(told.records)
        told.fakes.firehose.records.clear()
        told.now += timedelta(minutes=1)
        told.reconciler().backfill(told.site, "amocrm", START.date(), told.now.date(), lambda: True)
        alive = stories(told.records)
    assert alive
    assert all(complete[deal] == way for deal, way in alive.items())


def test_every_loss_of_the_first_of_two_moves_is_mended_at_its_own_time() -> None:
    """Won and paid after a lost hook: without the history the deal would jump, and its money fall on another day."""
    hooks = Hooks(drop=lambda entity, what: what == "leads.status")
    with world(hooks) as told:
        number = told.account.add_lead(price=100)
        told.after(days=2)
        told.account.move(number, WON, price=900)
        told.after(days=3)
        told.account.change(number, fields={"Себестоимость": "50"})
        told.after(minutes=5)
        check(told)
        way = stories(told.records)[str(number)]
    assert [one[0][:10] for one in way] == ["2026-10-12", "2026-10-14"]
    assert [(one[2], one[3]) for one in way] == [("58113402", 100.0), ("won", 900.0)]
