"""What `skvoz attribute` may be told: models, paths and their transforms, under our names and those of other systems."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from shared.attribution_settings import PathTransform
from shared.errors import BadInput, SettingsError
from shared.models import MARKOV, MODELS, PATH_MODELS
from shared.settings import SiteSettings, parse_settings

SITE = "attribute"
FITS = ("all", "month")
TRANSFORMS: tuple[str, ...] = ("none", *get_args(PathTransform))
# Snowplow's and Google's fractribution call them so; their two removals take the channel direct here.
OTHER_NAMES = {
    "exposure_path": "exposure",
    "first_path": "first",
    "unique_path": "unique",
    "remove_if_not_all": "drop_direct",
    "remove_if_last_and_not_all": "drop_last_direct",
}
# Ready paths know neither times nor media, so only the models that need neither apply.
READY_MODELS = tuple(model for model in MODELS if model not in ("last_significant", "time_decay"))
MARKOV_MODELS = (MARKOV, "markov_path")
_SHARES = re.compile(r"([0-9]{1,3})-([0-9]{1,3})-([0-9]{1,3})")
_OPTION_OF = {
    "reset_after": "reset",
    "path_transforms": "path-transform",
    "lookback_touches": "lookback-steps",
    "excluded_channels": "exclude-channel",
    "significant_media": "significant",
}


@dataclass(frozen=True)
class Options:
    """`site` holds the settings of attribution, `fit` what one fit of the models over all paths covers (all, month)."""

    models: tuple[str, ...]
    site: SiteSettings
    fit: str

    @property
    def path_models(self) -> tuple[str, ...]:
        """Those that split a conversion over touches."""
        return tuple(model for model in self.models if model in PATH_MODELS)

    @property
    def needs_chain(self) -> bool:
        return bool(set(MARKOV_MODELS) & set(self.models))


def options(models: Sequence[str], known: Sequence[str] = MODELS, fit: str = "all", **attribution: Any) -> Options:
    """`attribution`: fields of shared/attribution_settings.py; what is not given keeps its default. BadInput names the option."""
    if fit not in FITS:
        raise BadInput(f"--fit {fit}: choose from {', '.join(FITS)}")
    unknown = sorted(set(models) - {*known, "all"})
    if unknown or not models:
        raise BadInput(f"there is no model {', '.join(unknown) or '(none named)'} here; choose from all, {', '.join(known)}")
    chosen = known if "all" in models else tuple(model for model in known if model in models)
    told = {name: value for name, value in attribution.items() if value is not None and value != []}
    least = {"site_id": SITE, "name": SITE, "hosts": ["localhost"], "time_zone": "UTC"}
    try:
        return Options(tuple(chosen), parse_settings({**least, "attribution": told}), fit)
    except SettingsError as error:
        wrong = "; ".join(f"--{_option(field.path)}: {field.message}" for field in error.fields)
        raise BadInput(wrong) from error


def transforms(told: Sequence[str]) -> list[str]:
    """Names as given, perhaps several by commas → our names in that order. BadInput on an unknown or a repeated one."""
    names = [name.strip() for part in told for name in part.split(",") if name.strip()]
    if unknown := [name for name in names if name not in TRANSFORMS and name not in OTHER_NAMES]:
        choices = f"{', '.join(TRANSFORMS)} (or {', '.join(OTHER_NAMES)})"
        raise BadInput(f"there is no path transform {unknown[0]}; choose from {choices}")
    ours = [OTHER_NAMES.get(name, name) for name in names]
    if twice := sorted({name for name in ours if ours.count(name) > 1}):
        raise BadInput(f"--path-transform names {twice[0]} twice; each is applied once, in the order given")
    if "none" in ours and len(ours) > 1:
        raise BadInput("--path-transform none stands alone")
    return [name for name in ours if name != "none"]


def shares(option: str, told: str | None) -> tuple[int, ...] | None:
    """`40-20-40` → percents of the first, the middle and the last touch. BadInput on anything else; None keeps the default."""
    if told is None:
        return None
    found = _SHARES.fullmatch(told.strip())
    if found is None:
        raise BadInput(f"--{option} {told}: give the shares of the first, middle and last touch as three whole percents, 40-20-40")
    return tuple(int(part) for part in found.groups())


def _option(path: str) -> str:
    name = path.split(".")[1] if "." in path else path
    return _OPTION_OF.get(name, name.replace("_", "-"))
