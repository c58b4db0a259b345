"""Small lakes for the tests of the marts: records as a door would store them, a folder to keep them in, marts to look into.

Times are UTC; the shop's day is Moscow's (UTC+3 the whole year).
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from functions.attribution.refresh import Refresh
from functions.attribution.standing import State
from functions.attribution.table import Table
from functions.attribution.tables import MARTS
from functions.attribution.working_tables import WORKING
from infra.warehouse.duckdb import DuckDbWarehouse
from infra.warehouse.local import walk
from shared.ids import derived_id
from shared.records import CALL, COST, CRM_EVENT, HIT, KINDS, LEASE, PAYMENT, REQUEST, encode
from shared.settings import SiteSettings, parse_settings
from shared.times import to_millis
from shared.warehouse import Row, Warehouse

SITE = "shop"
HOST = "shop.example"
NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"
# Columns that identify a row. `touches` is a view.
KEYS = {t.name: ("site_id", *t.key) for t in (*WORKING, *MARTS)} | {"touches": ("site_id", "touch_id")}
# Tables by which two ways to the same records are compared; restatements tell of the way itself.
COMPARED = {table: key for table, key in KEYS.items() if table != "restatements"}


class Record(NamedTuple):
    """One raw record before it is encoded."""

    kind: str
    values: dict[str, Any]


def utc(text: str) -> datetime:
    """`10-05 12:00[:00[.000]]` of 2026, in UTC."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


def shop(**changes: Any) -> SiteSettings:
    """Settings of the shop; `changes` replace parts of them."""
    return parse_settings({"site_id": SITE, "name": "Shop", "hosts": [HOST], **changes})


def record(kind: str, at: datetime, via: str, /, **values: Any) -> Record:
    """A record of that kind. Its id follows from its content, it was received two seconds later: both unless given."""
    head = {"site_id": SITE, "occurred_at": at, "received_at": at + timedelta(seconds=2), "via": via}
    values = {name: _plain(name, value) for name, value in (head | values).items() if value is not None}
    values.setdefault("record_id", derived_id(at, kind, repr(sorted(values.items(), key=lambda pair: pair[0]))))
    return Record(kind, values)


def hit(visitor: str | None, at: datetime, ad: str = "", **more: Any) -> Record:
    """A page view; `ad` = `source/medium[/campaign]`."""
    page = {"kind": "page_view", "page_host": HOST, "page_path": "/", "user_agent": BROWSER}
    return record(HIT.name, at, "tracker", visitor_id=visitor, **(page | _marks(ad) | more))


def request(request_id: str, at: datetime, ad: str = "", **more: Any) -> Record:
    """A form, unless `contact_channel` says otherwise; `phone`, `email` and `visitor` are keys in short."""
    values = {"contact_channel": "form"} | _marks(ad) | _keys(more)
    return record(REQUEST.name, at, "tracker", request_id=request_id, **values)


def call(request_id: str, at: datetime, talk_seconds: int = 90, **more: Any) -> Record:
    """An answered call; talk of 0 seconds = nobody answered."""
    told: dict[str, Any] = {"contact_channel": "call", "is_answered": bool(talk_seconds), "talk_seconds": talk_seconds}
    return request(request_id, at, **(told | more))


def rang(call_id: str, at: datetime, talk_seconds: int | None = 90, ad: str = "", **more: Any) -> Record:
    """What the telephony told of a call: an incoming one, answered unless there was no talk; it makes the request `call-<id>`."""
    values = _marks(ad) | _keys(more)
    is_incoming = values.get("direction", "in") == "in"
    told = {"provider": "pbx", "call_id": call_id, "direction": "in", "number": "+74950000031", "wait_seconds": 12}
    told |= {
        "is_answered": bool(talk_seconds),
        "talk_seconds": talk_seconds,
        "request_id": f"call-{call_id}" if is_incoming else None,
    }
    told["resolved_by"] = ("lease" if values.get("visitor_id") else "nothing") if is_incoming else None
    return record(CALL.name, at, "pbx", **(told | values))


def leased(visitor: str, at: datetime, lease_id: str | None = None, after: str | None = None, **more: Any) -> Record:
    """What a visitor was answered who asked for a number: a lease of his own after the number's lease `after` (which then ended two
    minutes before, confirmed, unless told otherwise), or the default number because none was free."""
    told: dict[str, Any] = {
        "visitor_id": visitor,
        "pool": "main",
        "kind": "default",
        "reason": "pool_full",
        "number": "+74950000010",
    }
    told |= {"held_numbers": 2, "pool_numbers": 2}
    if lease_id:
        told |= {"kind": "dynamic", "reason": "new", "number": "+74950000031", "lease_id": lease_id, "held_numbers": 1}
    if after:
        told |= {"former_lease_id": after, "former_until": at - timedelta(minutes=2), "former_is_confirmed": True}
    return record(LEASE.name, at, "tracker", **(told | more))


def deal(deal_id: str, at: datetime, stage: str | None = None, amount: str | None = None, ad: str = "", **more: Any) -> Record:
    """What the CRM tells of a deal at a moment."""
    values = {"provider": "crm", "deal_id": deal_id, "stage": stage, "amount": amount} | _marks(ad) | _keys(more)
    return record(CRM_EVENT.name, at, "crm", **values)


def payment(deal_id: str, at: datetime, amount: str, payment_id: str | None = None, **more: Any) -> Record:
    """Money received (+) or given back (−)."""
    return record(PAYMENT.name, at, "crm", provider="crm", deal_id=deal_id, amount=amount, payment_id=payment_id, **more)


def cost(day: str, ad: str, amount: str, import_id: str = "import-1", **more: Any) -> Record:
    """A line of spend of a day (`10-05`); its scope is account × day unless given; VAT is included."""
    first = date.fromisoformat(f"2026-{day}")
    told = {"account": "main", "scope": f"main:{first}", "import_id": import_id, "day": first, "cost": amount}
    told["is_vat_included"] = True
    at = more.pop("at", datetime(first.year, first.month, first.day, 20, tzinfo=UTC))
    return record(COST.name, at, "file", **(told | _marks(ad) | more))


def _marks(ad: str) -> dict[str, str]:
    return {f"utm_{name}": part for name, part in zip(("source", "medium", "campaign"), ad.split("/"), strict=False) if part}


def _keys(values: Mapping[str, Any]) -> dict[str, Any]:
    names = {"visitor": "visitor_id", "phone": "phone_hash", "email": "email_hash", "contact": "contact_id"}
    return {names.get(name, name): value for name, value in values.items()}


def _plain(name: str, value: Any) -> Any:
    return Decimal(value) if name in ("amount", "cost", "cost_price", "products_cost", "receivable", "vat_percent") else value


def write(root: Path, records: Iterable[Record], arrival: datetime, packed: bool = False) -> None:
    """Store records as one object per kind that arrived at that moment."""
    lines: dict[str, list[bytes]] = {}
    for kind, values in records:
        lines.setdefault(kind, []).append(encode(KINDS[kind], values) + b"\n")
    for kind, those in lines.items():
        body = b"".join(those)
        name = f"{hashlib.sha256(body).hexdigest()[:12]}.jsonl" + (".gz" if packed else "")
        path = root / "raw" / kind / f"{arrival:%Y/%m/%d/%H}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(body) if packed else body)


class MemoryLedger:
    """The refresh ledger of a test."""

    def __init__(self) -> None:
        self.lock: tuple[str, int] | None = None
        self.run: State | None = None
        self.last: dict[str, Mapping[str, str]] = {}
        self.begun: dict[str, str] = {}

    def acquire(self, owner: str, now: datetime, until: datetime) -> bool:
        if self.lock and self.lock[0] != owner and self.lock[1] > to_millis(now):
            return False
        self.lock = (owner, to_millis(until))
        return True

    def release(self, owner: str) -> None:
        if self.lock and self.lock[0] == owner:
            self.lock = None

    def load_run(self) -> State | None:
        return self.run

    def save_run(self, state: State | None) -> None:
        self.run = state

    def begin(self, site_id: str, refresh_id: str) -> None:
        self.begun[site_id] = refresh_id

    def last_complete(self, site_id: str) -> Mapping[str, str]:
        return self.last.get(site_id, {})

    def complete(self, site_id: str, run: Mapping[str, str]) -> None:
        self.last[site_id] = dict(run)


class Marts:
    """The marts of a folder on some engine (DuckDB in memory unless given), refreshed when told to."""

    def __init__(self, root: Path, *sites: SiteSettings, warehouse: Warehouse | None = None) -> None:
        self.root, self.sites = root, list(sites) or [shop()]
        self.warehouse = warehouse or DuckDbWarehouse(root, None, threads=1)
        self.ledger = MemoryLedger()

    def refresh(self, now: datetime = NOW) -> State:
        """One refresh to its end."""
        return walk(self.machine(), now)

    def machine(self) -> Refresh:
        """The refresh of these marts; its ids are told by the clock alone."""
        return Refresh(self.warehouse, self.ledger, lambda: self.sites, "", lambda: bytes(16))

    def rows(self, table: str, *columns: str, **where: str) -> list[Any]:
        """Rows in the order of the table's key: whole ones, tuples of `columns`, or bare values of one column."""
        chosen = [row for row in self._sorted(table) if all(row[name] == value for name, value in where.items())]
        if not columns:
            return chosen
        return [row[columns[0]] if len(columns) == 1 else tuple(row[c] for c in columns) for row in chosen]

    def row(self, table: str, **where: str) -> Row:
        """The one row with these values."""
        (found,) = self.rows(table, **where)
        row: Row = found
        return row

    def people(self) -> list[set[str]]:
        """Keys (`kind:key`) by person, those of several keys or none alone."""
        people: dict[str, set[str]] = {}
        for row in self.rows("persons"):
            people.setdefault(row["person_id"], set()).add(f"{row['key_kind']}:{row['key']}")
        return sorted(people.values(), key=sorted)

    def credits(self, request_id: str, model: str) -> dict[str, float]:
        """Weights by channel of a request."""
        shares: dict[str, float] = {}
        for channel, weight in self.rows("credits", "channel", "weight", request_id=request_id, model=model):
            shares[channel] = shares.get(channel, 0.0) + weight
        return shares

    def everything(self) -> dict[str, list[Row]]:
        """Every compared table without `refresh_id`, which tells when a row was written and not what it says."""
        return {table: [without(row, "refresh_id") for row in self._sorted(table)] for table in COMPARED}

    def _sorted(self, table: str) -> list[Row]:
        rows = self.warehouse.rows(f"SELECT * FROM {table}")
        return sorted(rows, key=lambda row: [str(row[name]) for name in KEYS[table]])


def without(row: Row, *names: str) -> Row:
    """A row without some columns."""
    return {name: value for name, value in row.items() if name not in names}


def marts_of(root: Path, records: Iterable[Record], settings: SiteSettings | None = None, now: datetime = NOW) -> Marts:
    """Records in a folder, refreshed once."""
    write(root, records, now)
    marts = Marts(root, settings or shop())
    marts.refresh(now)
    return marts


def assert_same(one: Mapping[str, Sequence[Row]], other: Mapping[str, Sequence[Row]], approximate: bool = False) -> None:
    """Tables equal row by row; DOUBLE to 10⁻⁹ where the engines differ. The message names the table and the first difference."""
    for table in COMPARED:
        for place, (a, b) in enumerate(zip(one[table], other[table], strict=False)):
            differing = [n for n in a if not is_same(a[n], b[n], 1e-9 if approximate else 0.0)]
            assert not differing, f"{table} row {place}, {differing}: {a} ≠ {b}"
        left, right = _only(one[table], other[table]), _only(other[table], one[table])
        assert len(one[table]) == len(other[table]), f"{table}: {left} ≠ {right}"


def is_same(a: Any, b: Any, off: float = 1e-9) -> bool:
    """Equal, or two floats that are at most `off` apart."""
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= off
    return bool(a == b)


def _only(rows: Sequence[Row], others: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row not in others][:3]


def model_of(table: str) -> Table:
    """The table model by name."""
    return next(t for t in (*WORKING, *MARTS) if t.name == table)
