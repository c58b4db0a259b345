"""How a site's mails are dressed: its name, colour and logo, with inks that can be read on them (WCAG 2.2, 1.4.3). Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, NamedTuple

from functions.report.view.formats import clean

COLOUR = "#3451b2"
WHITE, DARK = "#ffffff", "#1a2130"  # dark is the ink of the mail's texts
NIGHT = "#1a1f28"  # the ground of the mail where its reader likes it dark
READABLE = 4.5  # contrast of text
READABLE_AT_NIGHT = 6.0  # thin bright letters on a dark ground need more
STEPS = 20
MOST_NAME = 120


class Dress(NamedTuple):
    """`ink` is for text on `colour`; `link` and `night_link` are the colour as text on white and on the dark ground."""

    name: str
    colour: str
    ink: str
    link: str
    night_link: str
    logo: bytes | None = None


def dress_of(settings: Mapping[str, Any], site: str) -> Dress:
    """The dress of a site's reports; `site` is its name, for those that have no other."""
    brand: Mapping[str, Any] = settings["report"].get("brand") or {}
    colour = brand.get("colour") or COLOUR
    logo = base64.b64decode(brand.get("logo") or "") or None
    ink = max((WHITE, DARK), key=lambda ink: contrast(ink, colour))
    links = _readable(colour, WHITE, READABLE), _readable(colour, NIGHT, READABLE_AT_NIGHT)
    return Dress(clean(brand.get("name") or site, MOST_NAME), colour, ink, *links, logo)


def contrast(one: str, other: str) -> float:
    """Contrast of two colours (#rrggbb), 1 … 21."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _readable(colour: str, ground: str, least: float) -> str:
    """The colour itself where it can be read on that ground, else as little darker or lighter as it takes."""
    towards = max((WHITE, "#000000"), key=lambda end: contrast(end, ground))
    shades = (_mixed(colour, towards, step / STEPS) for step in range(STEPS + 1))
    return next(shade for shade in shades if contrast(shade, ground) >= least)


def _mixed(one: str, other: str, share: float) -> str:
    parts = (round(a + (b - a) * share) for a, b in zip(_parts(one), _parts(other), strict=True))
    return "#" + "".join(f"{part:02x}" for part in parts)


def _parts(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))


def _luminance(colour: str) -> float:
    linear = [part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in _parts(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
