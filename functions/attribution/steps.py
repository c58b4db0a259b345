"""The one list of steps of a refresh, in the order that data flows. Step Functions and the local stack both walk it.

A step plans its parts (small, JSON-able), and makes one statement of each. Most tables are computed whole per site and written
by a MERGE that touches only what differs; hits and visits, which come by the million, by what arrived since the last run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from functions.attribution import tables, visit_tables, working_tables
from functions.attribution.customer_steps import CUSTOMER_STEPS
from functions.attribution.hits import hits_query
from functions.attribution.own_parameters import PROPER_ESCAPES, decoded
from functions.attribution.path_steps import PATH_STEPS
from functions.attribution.restatement_steps import RESTATEMENT_STEPS
from functions.attribution.statements import append, insert, merge, render, update
from functions.attribution.table import Table
from functions.attribution.work import Part, Step, Work, scoped, whole
from shared.sql import Value

# What was searched for: the engine's parameter in the query of the referrer. The patterns of most visits stand in the statement as
# they are: one made of a column is compiled for every row, which took a quarter of all the time of visits.
_FAMILIAR = ("text|query", "text", "q|as_q|query|oq", "q", "query")  # Yandex, Google, Mail.ru, Bing and most others


def _phrase() -> str:
    def term(names: str) -> str:
        return f"regexp_extract(h.referrer_query, '(?i)(^|&)(' || {names} || ')=([^&]*)', 3)"

    cases = " ".join(f"WHEN '{names}' THEN {term(repr(names))}" for names in _FAMILIAR)
    return decoded(f"coalesce(CASE s.term_parameters {cases} ELSE {term('s.term_parameters')} END, '')")


_PHRASE = {"phrase": _phrase()}
_ESCAPES: Mapping[str, Value] = {"proper_escapes": PROPER_ESCAPES}
_DEALS = ("deals_scope_all", "deals_scope_changed")
_EXPLICIT = ("request_id", "call_id")
_WEAK_KEYS = {"visitor": "visitor_id", "phone": "phone_hash", "email": "email_hash"}  # strongest first
MOST_ROUNDS = 64
MOST_MERGES = 6  # rounds: each doubles the reach of a chain of merged deals; a circle of them has no end
MOST_CHUNK_DAYS = 90  # leaves room below the engines' bound of 100 partitions a statement
# The mark of a source on a request, a deal or a cost: utm_source | utm_medium | | | campaign, as in the entry key of a hit.
_MARK = "replace(translate(lower(coalesce({0}, {1})), chr(30) || chr(31), '  '), '|', '/')"  # those two part channels in paths
_SOURCE_KEY = (
    f"CASE WHEN utm_source IS NOT NULL OR utm_medium IS NOT NULL THEN {_MARK.format('utm_source', chr(39) * 2)} || '|' "
    f"|| {_MARK.format('utm_medium', '{medium}')} || '|||' || {_MARK.format('utm_campaign', chr(39) * 2)} "
    "{else}END AS source_key,"
)
# The CRM's own source field is judged as a utm_source without a medium.
_CRM_SOURCE = f"WHEN crm_source IS NOT NULL THEN {_MARK.format('crm_source', chr(39) * 2)} || '||||' "


def _staged(kind: str) -> Step:
    table = working_tables.STAGED[kind]
    key = ""
    if "source_key" in table.column_names:
        key = " " + _SOURCE_KEY.replace("{medium}", "'cpc'" if kind == "cost" else "''")
        key = key.replace("{else}", _CRM_SOURCE if kind == "crm_event" else "")
    columns = ", ".join(c for c in table.column_names if c not in ("refresh_id", "source_key"))

    def statement(work: Work, part: Part) -> str:
        work.warehouse.open_raw(kind, work.first_arrival, work.last_arrival)
        text = work.bind(render("staged", columns=columns, source_key=key, key=", ".join(table.key), raw_table=f"raw_{kind}"))
        if part["is_first"]:
            return insert(table, text)
        if work.is_full:
            return merge(table, text, work.bind(f"SELECT * FROM {table.name} WHERE site_id = :site_id"))  # noqa: S608 (model's name)
        return append(table, text)

    return Step(table.name, lambda work: [{"is_first": work.holds_nothing(table)}], statement)


def _hits() -> Step:
    table = visit_tables.HITS

    def plan(work: Work) -> list[Part]:
        is_first = work.holds_nothing(table)
        if not work.warehouse.most_partitions:
            return [{"is_first": is_first, "first_day": None, "last_day": None}]
        work.warehouse.open_raw("hit", work.first_arrival, work.last_arrival)
        return [{"is_first": is_first, **chunk} for chunk in _chunks(work, "hits_days")]

    def statement(work: Work, part: Part) -> str:
        work.warehouse.open_raw("hit", work.first_arrival, work.last_arrival)
        query, values = hits_query(work.site)
        text, days = work.bind(query, **values), "TRUE"
        if part["first_day"]:
            days = work.bind("day BETWEEN :a AND :b", a=_day(part["first_day"]), b=_day(part["last_day"]))
            text = f"{text} AND {days}"
        if part["is_first"]:
            return insert(table, text)
        if work.is_full:
            return merge(table, text, work.bind(f"SELECT * FROM hits WHERE site_id = :site_id AND {days}"))  # noqa: S608
        return append(table, text)

    return Step("hits", plan, statement)


def _sources() -> Step:
    """Only combinations that are not known yet, unless everything is made anew."""
    table = visit_tables.SOURCES

    def statement(work: Work, part: Part) -> str:
        text = work.bind(render("sources"))
        if part["is_first"]:
            return insert(table, text)
        return merge(table, text, work.bind("SELECT * FROM sources WHERE site_id = :site_id AND :is_full"))

    return Step(table.name, lambda work: [{"is_first": work.holds_nothing(table)}], statement)


def _excluded_visitors() -> Step:
    table = visit_tables.EXCLUDED_VISITORS

    def statement(work: Work, part: Part) -> str:
        return merge(table, work.bind(render("excluded_visitors")), work.bind(render("excluded_visitors_old")))

    return Step(table.name, lambda work: [{}], statement)


def _sessions() -> Step:
    table = visit_tables.SESSIONS

    def plan(work: Work) -> list[Part]:
        if not work.warehouse.most_partitions and work.is_full:
            return [{"scope": "sessions_scope_all", "is_first": work.holds_nothing(table)}]
        return [{"scope": "sessions_scope_changed", **chunk} for chunk in _chunks(work, "sessions_days")]

    def statement(work: Work, part: Part) -> str:
        if part["scope"] == "sessions_scope_all":
            ever: dict[str, Value] = {"reach_day": date.min, "until_day": date.max}
            text = work.bind(render("sessions", scope=part["scope"], **_PHRASE), **ever, **_ESCAPES)
            everything = work.bind("SELECT * FROM sessions WHERE site_id = :site_id")
            return insert(table, text) if part["is_first"] else merge(table, text, everything)
        first, last = _day(part["first_day"]), _day(part["last_day"])
        days: dict[str, Value] = {"first_day": first, "last_day": last}
        reach = work.ask(render("sessions_reach"), **days)["reach_day"] or first
        values = {**days, "reach_day": min(reach, first), "until_day": last if work.is_full else date.max}
        return merge(
            table,
            work.bind(render("sessions", scope=part["scope"], **_PHRASE), **values, **_ESCAPES),
            work.bind(render("sessions_old"), **values),
        )

    return Step("sessions", plan, statement)


def _matches(query: str, *methods: str) -> Step:
    """One level of matching deals, strongest first. In one statement they would be too many stages for Athena and Trino (150),
    which compute a WITH anew wherever it is named."""
    old = f"SELECT * FROM deal_matches WHERE site_id = :site_id AND match_method IN ({_listed(methods)})"  # noqa: S608 (our own names)

    def statement(work: Work, part: Part) -> str:
        return merge(working_tables.DEAL_MATCHES, work.bind(render(query)), work.bind(old))

    return Step(query, lambda work: [{}], statement)


def _weak_matches(kind: str, is_deleted: bool) -> Step:
    """One weak key for deals that are alive, and after all of these for deals that stand deleted: they take what is left."""
    kinds = tuple(_WEAK_KEYS)
    stronger = (*_EXPLICIT, *kinds[: kinds.index(kind)])
    before = (*_EXPLICIT, *kinds) if is_deleted else stronger
    parts = {"kind": kind, "column": _WEAK_KEYS[kind], "stronger": _listed(stronger), "before": _listed(before)}
    parts["is_deleted"] = str(is_deleted).upper()

    def statement(work: Work, part: Part) -> str:
        new, old = (work.bind(render(query, **parts)) for query in ("deal_matches_weak", "deal_matches_weak_old"))
        return merge(working_tables.DEAL_MATCHES, new, old)

    return Step(f"deal_matches_{kind}{'_deleted' if is_deleted else ''}", lambda work: [{}], statement)


def _listed(methods: Sequence[str]) -> str:
    return ", ".join(f"'{method}'" for method in methods)


def _rounds(query: str, stops_at: int = MOST_ROUNDS, table: Table = working_tables.JOINTS) -> Step:
    """A query repeated until a round changes nothing: rounds of joining persons, or of following merges."""

    def statement(work: Work, part: Part) -> str:
        return update(table, work.bind(render(query), round=part["round"]))

    def again(work: Work, part: Part) -> Part | None:
        text = f"SELECT count(*) AS n FROM {table.name} WHERE site_id = :site_id AND round = :round"  # noqa: S608 (our own names)
        changed = work.ask(text, round=part["round"])["n"]
        return {"round": part["round"] + 1} if changed and part["round"] < stops_at else None

    return Step(query, lambda work: [{"round": 1}], statement, again)


STEPS: tuple[Step, ...] = (
    *(_staged(kind) for kind in working_tables.STAGED),
    _hits(),
    _sources(),
    _excluded_visitors(),
    _sessions(),
    scoped("leases", tables.LEASES, ("leases_scope_all", "leases_scope_changed"), "leases_old"),
    scoped("deal_states", working_tables.DEAL_STATES, _DEALS, "deals_old"),
    scoped("deal_own", working_tables.DEAL_OWN, _DEALS, "deals_old"),
    whole(working_tables.DEAL_MERGES),
    _rounds("deal_merges_followed", stops_at=MOST_MERGES, table=working_tables.DEAL_MERGES),
    whole(working_tables.DEAL_FACTS),
    whole(working_tables.REQUEST_FACTS),
    whole(tables.CALLS),
    _matches("deal_matches_explicit", *_EXPLICIT),
    whole(working_tables.HUB_KEYS),
    *(_weak_matches(kind, is_deleted) for is_deleted in (False, True) for kind in _WEAK_KEYS),
    _matches("deal_matches_implied", "implied"),
    _matches("deal_matches_merged", "merged"),
    whole(working_tables.JOINT_KEYS),
    whole(working_tables.JOINTS, "joints_start"),
    _rounds("joints_own"),
    _rounds("joints_join"),
    _rounds("joints_unsettled", stops_at=1),
    whole(tables.PERSONS),
    scoped("money_events", tables.MONEY_EVENTS, ("deals_scope_all", "deals_scope_money"), "deals_old"),
    whole(tables.DEALS),
    whole(tables.REQUESTS),
    *PATH_STEPS,
    *CUSTOMER_STEPS,
    whole(tables.COSTS),
    *RESTATEMENT_STEPS,
)


def _chunks(work: Work, query: str) -> list[dict[str, str]]:
    """Spans with as many days of data as one statement may write: at most 90 where the engine bounds partitions at 100."""
    days = [row["day"] for row in work.warehouse.rows(work.bind(render(query)))]
    most = min(work.warehouse.most_partitions, MOST_CHUNK_DAYS) or len(days)
    starts = range(0, len(days), max(most, 1))
    return [{"first_day": days[n].isoformat(), "last_day": days[min(n + most, len(days)) - 1].isoformat()} for n in starts]


def _day(text: str) -> date:
    return date.fromisoformat(text)
