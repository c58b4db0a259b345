"""What `skvoz report` is asked for: settings with the options put in their place, and the period. Every mistake is told at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, get_args

from functions.report.marts.dates import PAYMENT, REQUEST, TOUCH
from functions.report.marts.questions import Period, period_of
from shared.errors import BadInput, FieldError
from shared.models import MARKOV, PATH_MODELS
from shared.report_settings import Language
from shared.times import local_day

BASES = (REQUEST, PAYMENT, TOUCH)
FIRST_DAY = date(1970, 1, 1)
MOST_DAYS = 1500  # as far back as report.history_days may reach


class Asked(NamedTuple):
    """Options as they were typed; empty: as the settings have it."""

    first: str = ""
    last: str = ""
    model: str = ""
    basis: str = ""
    language: str = ""
    scope: str = ""


def settings_as_asked(settings: Mapping[str, Any], asked: Asked) -> Mapping[str, Any]:
    """The site's settings with model, date basis and language as asked. BadInput names every option that is none."""
    wrong = []
    if asked.model == MARKOV:
        wrong.append(
            FieldError(
                "--model",
                "markov splits a month's totals over channels and credits no touch; use markov_path, which splits every request "
                "by the same chain (every report shows markov beside the other models)",
            )
        )
    elif asked.model and asked.model not in PATH_MODELS:
        wrong.append(FieldError("--model", f"there is no model {asked.model}; there are {', '.join(PATH_MODELS)}"))
    if asked.basis and asked.basis not in BASES:
        wrong.append(FieldError("--basis", f"there is no date basis {asked.basis}; there are {', '.join(BASES)}"))
    if asked.language and asked.language not in get_args(Language):
        wrong.append(FieldError("--language", f"reports are written in {', '.join(get_args(Language))}, not in {asked.language}"))
    scopes = [scope["name"] for scope in settings["report"].get("scopes", [])]
    if asked.scope and asked.scope not in scopes:
        wrong.append(FieldError("--scope", f"report.scopes has no {asked.scope}; it has {', '.join(scopes) or 'none'}"))
    if wrong:
        raise BadInput("this report cannot be made", wrong)
    report = {**settings["report"]}
    report |= {"date_basis": asked.basis} if asked.basis else {}
    report |= {"language": asked.language} if asked.language else {}
    attribution = {**settings["attribution"], **({"default_model": asked.model} if asked.model else {})}
    return {**settings, "report": report, "attribution": attribution}


def period_asked(settings: Mapping[str, Any], asked: Asked, now: datetime) -> Period:
    """Whole local days, both ends included; without --from and --to the period of the site's own daily report. BadInput for days
    that are none, that are the wrong way round, or that have not come yet."""
    if not asked.first and not asked.last:
        return period_of(settings, now)
    if not asked.first or not asked.last:
        raise BadInput("give both --from and --to, or neither")
    first, last = _day("--from", asked.first), _day("--to", asked.last)
    if first > last:
        raise BadInput(f"--from {first} is after --to {last}")
    today = local_day(now, settings["time_zone"])
    if last > today:
        raise BadInput(f"--to {last} has not come yet: it is {today} in {settings['time_zone']}")
    if last - first >= timedelta(days=MOST_DAYS):
        raise BadInput(f"{(last - first).days + 1} days are more than a report has; at most {MOST_DAYS}")
    return Period(first, last)


def _day(option: str, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise BadInput(f"{option} {text}: a day is written like 2026-11-01")
    if day < FIRST_DAY:
        raise BadInput(f"{option} {text}: no report reaches back before {FIRST_DAY.year}")
    return day
