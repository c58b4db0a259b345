"""Ten thousand deals read through the portal's limits: its clock and the product's are the test's, so minutes pass in seconds."""

from __future__ import annotations

from datetime import timedelta

from infra.doubles.bitrix24.portal import DEAL
from tests.api.crm_bitrix24 import BEGIN, opened

DEALS = 10_000
MOVES = ("PREPARATION", "EXECUTING", "WON")


def test_ten_thousand_deals_are_read_within_the_portals_limits() -> None:
    with opened() as world:
        portal = world.portal
        clients = [portal.client(phones=(f"+7900{number:07}",)) for number in range(500)]
        for number in range(1, DEALS + 1):
            world.sleep(5)
            portal.add(DEAL, {"contactId": clients[number % 500], "opportunity": number}, number)
            for stage in MOVES[: number % 4]:
                portal.move(number, stage)
        portal.cost = 0.1  # seconds that a method runs, as the portal's own answers tell
        begun = world.at(world.now + timedelta(minutes=1)).now
        progress = world.reconciler().backfill(
            world.site(), "bitrix24", BEGIN.date(), world.now.date() + timedelta(days=1), lambda: True
        )
        states = world.stored()
        assert (progress.deals, progress.is_done) == (DEALS, True)
        assert (portal.bucket.refused, portal.operating.blocked) == (0, 0)
        # Two calls a page and a rest of history now and then; half a second each once the first burst is over.
        assert portal.bucket.calls <= DEALS / 50 * 3
        assert world.now - begun <= timedelta(seconds=portal.bucket.calls / 2 + 1)
        assert {state["deal_id"]: state["amount"] for state in states if "amount" in state} == {
            str(number): number for number in range(1, DEALS + 1)
        }
        assert sum(state["via"] == "history" for state in states) == sum(1 + number % 4 for number in range(1, DEALS + 1))
        assert len({state["phone_hash"] for state in states if "phone_hash" in state}) == 500
