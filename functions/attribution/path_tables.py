"""Tables from the visits to the credits: whose figures changed, the paths, what they tell of a month, and the credits."""

from __future__ import annotations

from functions.attribution.table import REFRESH, SITE, SOURCE_COLUMNS, Table
from shared.records import Column

_MONTH = Column("month", "varchar", "site-local month of the request, YYYY-MM")
_PATH = Column("path", "varchar", "channels in order, joined by the unit separator (character 31)")

PERSON_INPUTS = Table(
    "person_inputs",
    "All that the paths and the credits of a person hang on, besides visits: a changed text tells whose credits are made anew.",
    ("person_id",),
    (SITE, Column("person_id", "varchar", "person"), Column("inputs", "varchar", "visitors, requests, money"), REFRESH),
)

VISITOR_PATHS = Table(
    "visitor_paths",
    "The path of each visitor, looked back from his last visit: what did not convert, unless he is a person with requests.",
    ("visitor_id",),
    (SITE, Column("visitor_id", "varchar", "visitor"), Column("month", "varchar", "month of the last visit"), _PATH, REFRESH),
)

PATHS = Table(
    "paths",
    "The touches that led to each request, as the site's settings let them count (docs/method.md, paths).",
    ("request_id", "touch_id"),
    (
        SITE,
        Column("request_id", "varchar", "request"),
        Column("touch_id", "varchar", "session or request that is the touch"),
        Column("created_at", "timestamp", "when the request was made"),
        Column("day", "date", "site-local day of the request"),
        _MONTH,
        Column("position", "bigint", "place in the path, from 1"),
        Column("path_length", "bigint", "touches in the path"),
        Column("touched_at", "timestamp", "when"),
        Column("touch_day", "date", "site-local day of the touch"),
        *SOURCE_COLUMNS,
        Column("is_direct", "boolean", "came without a source"),
        Column("is_significant", "boolean", "may win in the model last_significant"),
        REFRESH,
    ),
)

PATH_COUNTS = Table(
    "path_counts",
    "How often each path of a month led to a sale, and how often it did not.",
    ("month", "path"),
    (
        SITE,
        _MONTH,
        _PATH,
        Column("touches", "bigint", "channels in the path"),
        Column("conversions", "bigint", "requests with a sale"),
        Column("nulls", "bigint", "requests without one, and visitors without a request"),
        REFRESH,
    ),
)

PATH_MONTHS = Table(
    "path_months",
    "All paths of a month together.",
    ("month",),
    (
        SITE,
        _MONTH,
        Column("paths", "bigint", "different paths"),
        Column("conversions", "bigint", "paths that led to a sale"),
        Column("nulls", "bigint", "paths that did not"),
        REFRESH,
    ),
)

SHORTER_PATHS = Table(
    "shorter_paths",
    "The chance that a path which sold has without one of its touches, where the month has the shorter path as well.",
    ("month", "path", "first_place"),
    (
        SITE,
        _MONTH,
        _PATH,
        Column("first_place", "bigint", "place of the touch, from 1; of several in a row that leave the same path, of the first"),
        Column("last_place", "bigint", "and of the last"),
        Column("chance", "double", "share of the shorter path's occurrences that led to a sale"),
        REFRESH,
    ),
)

TRANSITIONS = Table(
    "transitions",
    "How often a month's paths went from where they stood to the next channel, to a sale or to nothing.",
    ("month", "from_state", "outcome", "channel"),
    (
        SITE,
        _MONTH,
        Column("from_state", "varchar", "the last channels, as many as the order, joined like a path; empty at the start"),
        Column("outcome", "varchar", "touch, conversion, null"),
        Column("channel", "varchar", "channel of the touch; empty for the other outcomes"),
        Column("paths", "bigint", "how often"),
        REFRESH,
    ),
)

REMOVAL_EFFECTS = Table(
    "removal_effects",
    "What a month's sales would lose without each channel: the Markov chain of its paths, solved exactly (docs/method.md, models).",
    ("month", "channel"),
    (
        SITE,
        _MONTH,
        Column("channel", "varchar", "channel"),
        Column("removal_effect", "double", "1 - P(sale without the channel) / P(sale)"),
        Column("share", "double", "its part of the sum of all effects: what the model markov gives it of the month's totals"),
        Column("markov_order", "bigint", "how many touches back the chain looks"),
        REFRESH,
    ),
)

CREDITS = Table(
    "credits",
    "What part of a request each touch of its path gets, per model; money follows by largest remainder.",
    ("request_id", "model", "touch_id"),
    (
        SITE,
        Column("request_id", "varchar", "request"),
        Column(
            "model",
            "varchar",
            "first, last, last_non_direct, last_significant, linear, position, time_decay, custom, markov_path, shapley, marginal",
        ),
        Column("touch_id", "varchar", "session or request that is the touch"),
        Column("day", "date", "site-local day of the request"),
        Column("position", "bigint", "place in the path, from 1"),
        Column("path_length", "bigint", "touches in the path"),
        Column("touched_at", "timestamp", "when"),
        *SOURCE_COLUMNS,
        Column("is_significant", "boolean", "may win in the model last_significant"),
        Column("weight", "double", "share of the request; sums to 1 per request and model"),
        Column("revenue", "decimal(18,2)", "part of the money to date"),
        Column("gross_profit", "decimal(18,2)", "part of the gross profit; empty where none applies"),
        REFRESH,
    ),
)

CREDIT_MONEY = Table(
    "credit_money",
    "The parts of each credit by the money they come from: for figures by the day of the payment.",
    ("request_id", "model", "touch_id", "money_event_id"),
    (
        SITE,
        Column("request_id", "varchar", "request"),
        Column("model", "varchar", "model"),
        Column("touch_id", "varchar", "touch"),
        Column("money_event_id", "varchar", "money event"),
        Column("day", "date", "site-local day of the money"),
        Column("revenue", "decimal(18,2)", "part of its amount"),
        Column("gross_profit", "decimal(18,2)", "part of its gross profit; empty where none applies"),
        REFRESH,
    ),
)

# Kept for the next refresh; readers use paths, removal_effects, credits and credit_money.
PATH_WORKING = (PERSON_INPUTS, VISITOR_PATHS, PATH_COUNTS, PATH_MONTHS, SHORTER_PATHS, TRANSITIONS)
PATH_MARTS = (PATHS, REMOVAL_EFFECTS, CREDITS, CREDIT_MONEY)
