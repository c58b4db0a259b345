"""The report's templates: Jinja2 with autoescape, and the filters that keep names from outside harmless."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from functions.report.view.formats import clean

TEMPLATES = Path(__file__).parent / "templates"
MOST_NAME = 60
LONG_WORD = 9  # characters; longer ones may be wider than a column of a mail on a phone


@cache
def templates() -> Environment:
    """All templates of mail and pages. A name that a template does not know is an error."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(_filters())
    return environment


def _filters() -> dict[str, Callable[..., str]]:
    return {"short": lambda text: clean(text, MOST_NAME), "cut": clean, "unlinked": unlinked, "breaking": _breaking}


def _breaking(text: str) -> str:
    """The style that lets long words break, only where there are any: a mail over 102 KB is clipped."""
    return ";word-break:break-word" if any(len(word) > LONG_WORD for word in text.split()) else ""


def unlinked(text: str) -> str:
    """Mail programs turn addresses into links; a campaign's name must not become one that nobody of us wrote."""
    return text.replace("://", ":\u2060/\u2060/").replace("www.", "www\u2060.")
