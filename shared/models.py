"""Names of the attribution models (docs/method.md, models): the same in settings, SQL, JSON and reports."""

from __future__ import annotations

from typing import Literal, get_args

RuleModel = Literal["first", "last", "last_non_direct", "last_significant", "linear", "position", "time_decay", "custom"]
FittedModel = Literal["markov_path", "shapley", "marginal"]

RULE_MODELS: tuple[str, ...] = get_args(RuleModel)
# Made together, for whole months: markov_path and marginal lean on all paths of the request's month.
FITTED_MODELS: tuple[str, ...] = get_args(FittedModel)
# Every model that splits a request over the touches of its path: rows in `credits`.
PATH_MODELS = (*RULE_MODELS, *FITTED_MODELS)
# Global: it splits a month's totals over channels, so it has no touches (`removal_effects`).
MARKOV = "markov"
MODELS = (*PATH_MODELS, MARKOV)

PathModel = Literal[RuleModel, FittedModel]
