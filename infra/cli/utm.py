"""`skvoz utm`: tagged links with one naming scheme, and what is wrong with links that exist."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from infra.cli.files import read_settings, read_yaml
from infra.utm.build import BadTags, Form, Made, Wish, make, system_of
from infra.utm.check import Mistake
from infra.utm.links import host_of, mistakes_of_link
from infra.utm.rows import Row, read_rows, table
from infra.utm.scheme import Scheme, parse_scheme
from infra.utm.systems import SYSTEMS
from infra.utm.words import Words, words_of
from shared.errors import BadInput, FieldError
from shared.settings import published

app = typer.Typer(no_args_is_help=True)

System = Annotated[str, typer.Option(help=f"one of {', '.join(SYSTEMS)}")]
SchemeFile = Annotated[Path | None, typer.Option("--scheme", help="naming scheme, YAML")]
SettingsFile = Annotated[Path | None, typer.Option("--settings", help="settings of the site: its hosts and own sources")]
AsTable = Annotated[bool, typer.Option("--csv", help="a table instead of lines")]


class _Site(NamedTuple):
    words: Words
    hosts: Sequence[str]


@app.command()
def build(
    addresses: Annotated[list[str] | None, typer.Argument(help="pages to tag, with https://")] = None,
    system: System = "",
    campaign: Annotated[str, typer.Option(help="utm_campaign; default: the system's macro")] = "",
    content: Annotated[str, typer.Option(help="utm_content; default: the system's macro of the ad")] = "",
    term: Annotated[str, typer.Option(help="utm_term; default: the system's macro of the keyword")] = "",
    source: Annotated[str, typer.Option(help="utm_source, where it is not the system's")] = "",
    medium: Annotated[str, typer.Option(help="utm_medium, where it is not the system's")] = "",
    scheme: SchemeFile = None,
    settings: SettingsFile = None,
    from_: Annotated[str, typer.Option("--from", help="file with addresses, one a line or as a table; - = standard input")] = "",
    form: Annotated[Form, typer.Option(help="link, or for the fields of an ad system: suffix (tags alone), template")] = "link",
    replace: Annotated[bool, typer.Option(help="take tags out that an address has already")] = False,
    as_table: AsTable = False,
) -> None:
    """Make tagged links: all of them, or none and every reason why."""
    rows = [Row(_text(address), {"address": address}) for address in addresses or ()]
    rows += read_rows(from_) if from_ else []
    if system:
        system_of(system)
    if form != "link" and rows:
        raise BadInput(f"--form {form} is the same for every page; leave the addresses out")
    if form == "link" and not rows:
        raise BadInput("say which pages: skvoz utm build https://shop.example/page --system yandex_direct, or --from FILE")
    told = {"source": source, "medium": medium, "campaign": campaign, "content": content, "term": term}
    told = {name: _text(value) for name, value in told.items()}
    makes = partial(_made, system=system, told=told, scheme=_scheme(scheme), site=_site(settings), form=form, replace=replace)
    made = _all_or_none(makes, rows or [Row(form, {"address": ""})])
    for advice in dict.fromkeys(mistake.message for each in made for mistake in each.advice):
        print(f"note: {advice}", file=sys.stderr)
    if as_table:
        pages = [row.address for row in rows] or [""]
        print(table(("address", "link"), zip(pages, (each.text for each in made), strict=True)), end="")
    else:
        print("\n".join(each.text for each in made))


@app.command()
def check(
    links: Annotated[list[str], typer.Argument(help="links, or files of links; - = standard input")],
    system: System = "",
    scheme: SchemeFile = None,
    settings: SettingsFile = None,
    found_on: Annotated[str, typer.Option(help="host of the page that the links stand on")] = "",
    as_table: AsTable = False,
) -> None:
    """Say what is wrong with tagged links; ends with 1 where something is."""
    if system:
        system_of(system)
    rules, site = _scheme(scheme), _site(settings)
    rows = [row for link in links for row in _rows_of(link)]
    found = [(row, _mistakes(row, system, found_on, rules, site)) for row in rows]
    bad = [(row, each) for row, each in found if each]
    if as_table:
        lines = [(_shown(row.address), m.code, m.tag, m.message, m.suggestion) for row, each in bad for m in each]
        print(table(("link", "code", "tag", "message", "suggestion"), lines), end="")
    else:
        for row, each in bad:
            print(_shown(row.address) if row.place == row.address else f"{row.place}  {_shown(row.address)}")
            print("\n".join(f"  {mistake.message}" for mistake in each))
        print(f"links to mend: {len(bad)} of {len(rows)}")
    if bad:
        raise typer.Exit(1)


@app.command()
def systems(system: Annotated[str, typer.Argument(help="one of them, with its macros")] = "") -> None:
    """List the ad systems with their tags; with the name of one, all macros that it fills in."""
    for each in [system_of(system)] if system else SYSTEMS.values():
        tags = " ".join(text for text in (each.campaign, each.content, each.term) if text)
        print(f"{each.id:14} {each.source or '(say --source)'}/{each.medium}  {tags}".rstrip())
        if system:
            print("\n".join(f"  {macro.text:24} {macro.meaning.replace('_', ' ')}" for macro in each.macros))


def _made(row: Row, *, system: str, told: Mapping[str, str], scheme: Scheme | None, site: _Site, form: Form, replace: bool) -> Made:
    """The link of one row; its own cells come before what was `told` for all."""
    wish = Wish(**{name: row.cells.get(name) or default for name, default in told.items()})
    chosen = row.cells.get("system") or system or _no_system()
    return make(row.address, chosen, wish, scheme, words=site.words, own_hosts=site.hosts, form=form, replace=replace)


def _all_or_none(makes: Callable[[Row], Made], rows: Sequence[Row]) -> list[Made]:
    made: list[Made] = []
    wrong: list[FieldError] = []
    for row in rows:
        try:
            made.append(makes(row))
        except BadInput as error:
            reasons = [mistake.message for mistake in error.mistakes] if isinstance(error, BadTags) else [error.message]
            wrong += [FieldError(_shown(row.place), reason) for reason in reasons]
    if wrong:
        raise BadInput("no link was made; mend these places:", list(dict.fromkeys(wrong)))
    return made


def _scheme(path: Path | None) -> Scheme | None:
    return parse_scheme(read_yaml(path)) if path else None


def _site(path: Path | None) -> _Site:
    if path is None:
        return _Site(words_of({}), ())
    settings = read_settings(path)
    site: dict[str, Any] = published(settings)
    return _Site(words_of(site), settings.hosts)


def _no_system() -> str:
    raise BadInput(f"say for which ad system: --system {'|'.join(SYSTEMS)}")


def _rows_of(link: str) -> list[Row]:
    if link == "-" or ("://" not in link and _is_file(link)):
        return read_rows(link, others=True)
    if "://" in link or "?" in link:
        return [Row(_text(link), {"address": link})]
    raise BadInput(f"{link} is neither a link (https://…) nor a file")


def _is_file(name: str) -> bool:
    try:
        return Path(name).exists()
    except OSError:  # a name longer than a file's may be
        return False


def _shown(address: str) -> str:
    """An address without the password that somebody may have left in it."""
    return re.sub(r"//[^/?#@\s]*@", "//…@", address)


def _text(told: str) -> str:
    """What was said at the terminal. BadInput where it is no UTF-8."""
    try:
        told.encode()
    except UnicodeEncodeError as error:
        raise BadInput(f"{told.encode(errors='replace').decode()} is not written in UTF-8; type it anew") from error
    return told


def _mistakes(row: Row, system: str, found_on: str, rules: Scheme | None, site: _Site) -> list[Mistake]:
    chosen = row.cells.get("system", "")
    chosen = chosen if chosen in SYSTEMS else system  # an export names its systems in its own words
    where = row.cells.get("found_on") or found_on
    return mistakes_of_link(
        row.address,
        words=site.words,
        scheme=rules,
        system=chosen,
        own_hosts=site.hosts,
        found_on=host_of(where) if where else "",
    )
