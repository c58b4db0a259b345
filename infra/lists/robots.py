"""From the published list of robots (crawler-user-agents.json, MIT) and our own words (robot_words.tsv) to shared/robots.tsv.

`python -m infra.lists.robots FILE` makes shared/robots.tsv anew from a newer file of the list and prints what comes and goes.
Nothing is downloaded: a person gets the newer file. Our words are tried first; of the list only those names are taken whose agents
the words do not find, so that the pattern stays short and people's words stay out. Every agent that the list gives as an example
must then be found, apart from those of patterns that robot_words.tsv names as `unlisted` (they would take people), or nothing is
written.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from shared.errors import BadInput, FieldError
from shared.robots import Rules, any_of, browser_pattern, cleaned, robot_pattern

WORDS = Path(__file__).with_name("robot_words.tsv")
RULES = Path(__file__).parents[2] / "shared/robots.tsv"
KINDS = ("person", "word", "name", "begin", "shape", "compatible", "bare", "browser")
_UNLISTED = "unlisted"
_HEADER = "kind\ttext"
_HINTS = ("bot", "bsalsa")
_EITHER_CASE = re.compile(r"\[([a-zA-Z])([a-zA-Z])\]")
# What is left of a pattern after its escapes is more than a text.
_MORE_THAN_TEXT = re.compile(r"(?<!\\)[\[\](){}*+?|^$]|\\[a-zA-Z]")


class Listed(NamedTuple):
    """One entry of the published list: its pattern and the agents it was seen with."""

    pattern: str
    agents: tuple[str, ...]


class Finder:
    """Agents tried with a set of rules."""

    def __init__(self, rules: Rules) -> None:
        self._robot = re.compile(robot_pattern(rules))
        self._browser = re.compile(browser_pattern(rules))
        self._people = rules["person"]

    def names(self, agent: str) -> bool:
        """Found by what it says, and not only by its lack of a browser: it may come inside of a browser's agent tomorrow."""
        return self._robot.search(cleaned(agent, self._people)) is not None

    def finds(self, agent: str) -> bool:
        """A robot's by these rules."""
        return self.names(agent) or self._browser.search(cleaned(agent, self._people)) is None


def read_words(path: Path = WORDS) -> dict[str, list[str]]:
    """robot_words.tsv: kind → texts. BadInput names a line that cannot be one."""
    words: dict[str, list[str]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()[1:], start=2):
        parts = line.split("\t")
        if len(parts) != 3 or parts[0] not in (*KINDS, _UNLISTED) or not all(parts):
            raise _bad(f"line {number} of {path.name}", "a line is a kind, a text and why, separated by tabs")
        if parts[0] == "person" and not any(hint in parts[1] for hint in _HINTS):
            raise _bad(
                f"line {number} of {path.name}", f"shared/robots.py takes out words with {' or '.join(_HINTS)} only; teach it"
            )
        words.setdefault(parts[0], []).append(parts[1])
    return words


def read_list(path: Path) -> list[Listed]:
    """The published file. BadInput where it is not a list of objects with a pattern."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        listed = [Listed(str(entry["pattern"]), tuple(entry.get("instances", ()))) for entry in entries]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _bad(path.name, f"not a list of robots as crawler-user-agents publishes it ({error})") from None
    if not listed:
        raise _bad(path.name, "a list without a robot")
    return listed


def make(listed: Sequence[Listed], words: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The rules: our words, and the names of the list that they do not find. BadInput tells agents that nothing finds."""
    rules = {kind: list(words.get(kind, ())) for kind in KINDS}
    unlisted = set(words.get(_UNLISTED, ()))
    taken = [entry for entry in listed if entry.pattern not in unlisted]
    ours = Finder(rules)
    for entry in taken:
        texts = _texts(entry.pattern)
        if not all(ours.names(agent) for agent in entry.agents or [text for text, _ in texts]):
            for text, begins in texts:
                rules[_kind_of(text, begins, entry.agents)].append(text)
    found = Finder(rules)
    lost = [agent for entry in taken for agent in entry.agents if not found.finds(agent)]
    if lost:
        raise _bad(WORDS.name, f"{len(lost)} agents of the list are found by no rule; add words: {'; '.join(lost[:5])}")
    return rules


def written(rules: Rules) -> str:
    """The rules as the file has them: sorted, so that a newer list shows as the lines that came and went."""
    lines = [f"{kind}\t{text}" for kind in KINDS for text in sorted(set(rules.get(kind, ())))]
    return "\n".join([_HEADER, *lines]) + "\n"


def _texts(pattern: str) -> list[tuple[str, bool]]:
    """The plain texts that a pattern of the list stands for, in lower case, each with: only at the agent's beginning?

    The list's patterns are texts with escapes, letters in either case (`[pP]ing`), anchors and alternatives. What is more than that
    gives none: our own words must find its agents.
    """
    texts = []
    for part in pattern.removeprefix("(^| )").split("|"):
        text = _EITHER_CASE.sub(lambda pair: pair[1] if pair[1].lower() == pair[2].lower() else pair[0], part)
        begins, text = text.startswith("^"), text.removeprefix("^").removesuffix("$")
        if not _MORE_THAN_TEXT.search(text):
            texts.append((re.sub(r"\\(.)", r"\1", text).lower(), begins))
    return texts


def _kind_of(text: str, begins: bool, agents: Iterable[str]) -> str:
    """At the agent's beginning if the list says so; else where a word begins, if that finds the agents; else anywhere."""
    if begins:
        return "begin"
    name = re.compile(f"[^a-z0-9](?:{any_of((text,))})")
    return "name" if text[0].isalnum() and all(name.search(cleaned(agent, ())) for agent in agents) else "word"


def _bad(field: str, message: str) -> BadInput:
    return BadInput("the list of robots cannot be taken", [FieldError(field, message)])


def main(arguments: Sequence[str]) -> int:
    """Rewrite shared/robots.tsv from the list's file; print the lines that came and went."""
    if len(arguments) != 1:
        print("usage: python -m infra.lists.robots FILE (crawler-user-agents.json)", file=sys.stderr)
        return 2
    before = set(RULES.read_text(encoding="utf-8").splitlines()) if RULES.exists() else set()
    text = written(make(read_list(Path(arguments[0])), read_words()))
    after = set(text.splitlines())
    RULES.write_text(text, encoding="utf-8")
    for sign, lines in (("-", before - after), ("+", after - before)):
        print("".join(f"{sign} {line}\n" for line in sorted(lines)), end="")
    print(f"{len(after) - 1} rules in {RULES.name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
