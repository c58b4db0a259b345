"""What one site's trouble, a dropped table or a sum beyond reason must not do to the rest."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from functions.attribution.ddl import drop_statements, model_version, upkeep_statements
from functions.attribution.refresh import LEASE, MOST_RESUMES, TABLE_MODEL, UPKEEP_EVERY
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.errors import WarehouseError
from shared.money import LARGEST
from tests.lakes import NOW, Marts, Record, deal, hit, request, shop, utc, write

MORE = timedelta(hours=1)


def records(site_id: str) -> list[Record]:
    told = [
        hit("v", utc("10-05 10:00"), "yandex/cpc"),
        request("r", utc("10-05 10:10"), visitor="v"),
        deal("d", utc("10-05 11:00"), "won", "100", request_id="r"),
    ]
    return [Record(r.kind, {**r.values, "site_id": site_id}) for r in told]


class Poisoned(DuckDbWarehouse):
    """Refuses the statements of one site."""

    poison = ""

    def start(self, sql: str, token: str = "") -> str:
        if self.poison and f"'{self.poison}'" in sql and "FROM money_events" in sql:
            raise WarehouseError("this site's money cannot be computed")
        return super().start(sql, token)


def test_a_site_that_fails_is_named_and_the_others_are_refreshed(tmp_path: Path) -> None:
    sites = [shop(site_id="alpha"), shop(site_id="omega")]
    warehouse = Poisoned(tmp_path, None, threads=1)
    marts = Marts(tmp_path, *sites, warehouse=warehouse)
    write(tmp_path, [*records("alpha"), *records("omega")], NOW)
    warehouse.poison = "alpha"
    with pytest.raises(WarehouseError, match=r"alpha: this site's money cannot be computed"):
        marts.refresh()
    assert marts.ledger.last_complete("omega")["refresh_id"] == marts.ledger.begun["omega"]
    assert not marts.ledger.last_complete("alpha")
    assert marts.rows("requests", "site_id", "revenue") == [("omega", Decimal(100))]

    warehouse.poison = ""
    assert marts.refresh(NOW + MORE)["status"] == "complete"
    assert marts.ledger.last_complete("alpha")["refresh_id"] == marts.ledger.begun["alpha"]
    assert sorted(marts.rows("requests", "site_id", "revenue")) == [("alpha", Decimal(100)), ("omega", Decimal(100))]


def test_a_run_that_dies_again_and_again_is_begun_anew(tmp_path: Path) -> None:
    write(tmp_path, records("shop"), NOW)
    marts = Marts(tmp_path)
    first = marts.machine().advance({}, NOW)["refresh_id"]
    begun = [marts.machine().advance({}, NOW + LEASE * 2 * n)["refresh_id"] for n in range(1, MOST_RESUMES + 2)]
    assert begun[:MOST_RESUMES] == [first] * MOST_RESUMES
    assert begun[MOST_RESUMES] != first


def test_a_table_dropped_by_hand_is_made_again_and_a_forgotten_refresh_fills_it(tmp_path: Path) -> None:
    write(tmp_path, records("shop"), NOW)
    marts = Marts(tmp_path)
    marts.refresh()
    expected = marts.everything()
    marts.warehouse.start("DROP TABLE sessions")
    marts.ledger.last.pop("shop")  # what docs/operations.md tells to do: forget the last complete run
    marts.refresh(NOW + MORE)
    assert [row["session_id"] for row in marts.everything()["sessions"]] == [row["session_id"] for row in expected["sessions"]]


def test_another_table_model_begins_the_marts_anew(tmp_path: Path) -> None:
    write(tmp_path, records("shop"), NOW)
    marts = Marts(tmp_path)
    marts.refresh()
    assert marts.ledger.last_complete(TABLE_MODEL) == {"version": model_version("duckdb")}
    marts.warehouse.start("ALTER TABLE requests DROP COLUMN revenue")  # as an older version had made it
    marts.ledger.complete(TABLE_MODEL, {"version": "older"})
    marts.refresh(NOW + MORE)
    assert marts.rows("requests", "revenue") == [Decimal(100)]


def test_marts_of_each_model_lie_in_a_folder_of_their_own() -> None:
    assert model_version("iceberg_athena") != model_version("duckdb")
    assert "DROP TABLE IF EXISTS sessions" in drop_statements()


def test_tables_are_kept_small_once_a_week_and_a_table_that_resists_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Noting(DuckDbWarehouse):
        """Notes the upkeep; the first table resists."""

        def start(self, sql: str, token: str = "") -> str:
            if not sql.startswith("VACUUM"):
                return super().start(sql, token)
            asked.append(sql)
            if len(asked) == 1:
                raise WarehouseError("too many files for one statement")
            return "done"

    monkeypatch.setattr("functions.attribution.refresh.upkeep_statements", lambda dialect: ["VACUUM hits", "VACUUM costs"])
    marts = Marts(tmp_path, warehouse=Noting(tmp_path, None, threads=1))
    marts.refresh()
    assert asked == []  # nothing to keep small in new tables
    marts.refresh(NOW + UPKEEP_EVERY - MORE)
    assert asked == []
    assert marts.refresh(NOW + UPKEEP_EVERY)["status"] == "complete"
    assert asked == ["VACUUM hits", "VACUUM costs"]
    marts.refresh(NOW + UPKEEP_EVERY + MORE)
    assert len(asked) == 2


def test_upkeep_joins_files_and_forgets_snapshots_of_every_table() -> None:
    assert [s.split()[0] for s in upkeep_statements("iceberg_athena")][:2] == ["OPTIMIZE", "VACUUM"]
    assert len(upkeep_statements("iceberg_trino")) == len(upkeep_statements("iceberg_athena"))
    assert upkeep_statements("duckdb") == []


def test_the_largest_sum_that_a_door_takes_is_cut_to_the_kopeck(tmp_path: Path) -> None:
    told = [hit("v", utc(f"10-0{n} 10:00"), f"source{n}/cpc") for n in range(1, 4)]
    told += [request("r", utc("10-03 10:10"), visitor="v"), deal("d", utc("10-03 11:00"), "won", str(LARGEST), request_id="r")]
    write(tmp_path, told, NOW)
    marts = Marts(tmp_path)
    marts.refresh()
    for model in ("linear", "position", "time_decay", "last"):
        assert sum(marts.rows("credits", "revenue", model=model)) == LARGEST


def test_a_product_of_sum_and_rate_beyond_reason_stays_empty_and_stops_nothing(tmp_path: Path) -> None:
    rates = [{"currency": "USD", "day": "2026-10-03", "rate": 999999}]
    told = [
        request("r", utc("10-03 10:10")),
        deal("d", utc("10-03 11:00"), "won", str(LARGEST), request_id="r", currency="USD"),
        request("q", utc("10-03 10:10")),
        deal("e", utc("10-03 11:00"), "won", "5", request_id="q"),
    ]
    write(tmp_path, told, NOW)
    marts = Marts(tmp_path, shop(rates=rates))
    marts.refresh()
    found = {deal_id: rest for deal_id, *rest in marts.rows("money_events", "deal_id", "amount", "original_amount")}
    assert found == {"crm:d": [None, LARGEST], "crm:e": [Decimal(5), Decimal(5)]}
