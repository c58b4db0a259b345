"""Is a user agent a robot's? One matcher for Python, DuckDB and Trino: the same pattern texts in all three.

The rules are shared/robots.tsv (kind, text), made by infra/lists/robots.py. An agent is a robot's where it is empty, where it names
no browser, system or device at all (`BROWSER_PATTERN` finds nothing: a library, a tool, a name), or where `ROBOT_PATTERN` finds
something. `PLAIN_BROWSER_PATTERN` comes first: whole agents of ordinary browsers, which saves time. A hit needs a browser that runs
JavaScript, so libraries of apps (okhttp, python-requests) are robots; browsers of TVs, cars, consoles and apps are people.

A door judges each request once and writes its verdict beside the user agent (`verdict_of`). Where the rules are the same when
a refresh comes, it believes the verdict; hits of other rules, or of none, are judged anew.

In SQL (`cleaned_sql` writes <text>, `parameters` gives the patterns), where a user agent may be NULL, which says nothing:

    CASE WHEN user_agent = '' THEN TRUE
        WHEN regexp_like(user_agent, :plain_browser_pattern) THEN FALSE
        WHEN NOT regexp_like(<text>, :browser_pattern) THEN TRUE
        ELSE regexp_like(<text>, :robot_pattern) END

What engines disagree on is kept out: only A-Z is lowered (`lower` of İ or of the Kelvin sign differs), and the patterns have no
look-around, back-reference or possessive quantifier. The longest search, in 512 characters made to hurt, takes 0.1 ms.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

# Made of robots.tsv when first asked for (`__getattr__`): a door that never asks pays nothing.
BROWSER_PATTERN: str
ROBOT_PATTERN: str
NOT_ROBOTS: tuple[str, ...]  # people's words that hold a robot's; `clean` takes them out

_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LOWER = _UPPER.lower()
_TO_LOWER = str.maketrans(_UPPER, _LOWER)
_SPECIAL = re.compile(r"[\\.^$*+?{}()|\[\]]")

_DESKTOP = (
    r"Windows NT [0-9.]+(?:; Win64; x64|; WOW64)?|Macintosh; Intel Mac OS X [0-9_.]+"
    r"|X11; (?:Ubuntu; |Fedora; )?Linux (?:x86_64|i686)|X11; CrOS [a-z0-9_]+ [0-9.]+"
)
# A phone's model is any text without "bot": phones named so, and robots that write their name there, are looked at closely.
_MODEL = r"[^;()bB]*(?:[bB](?:[^oO;()]|[oO][^tT;()])[^;()bB]*)*[bB]?"  # it may end with a b: SM-A546B
_ANDROID = r"Linux; (?:arm_64; |arm; |U; )?Android [0-9.]+; (?:[a-z][a-z]-[A-Za-z][A-Za-z]; )?" + _MODEL + "(?:; wv)?"
_APPLE = r"(?:iPhone|iPad); CPU (?:iPhone )?OS [0-9_]+ like Mac OS X"
_PRODUCT = (
    r"(?:Chrome|Safari|Version|Mobile|Firefox|Edge?|EdgA|EdgiOS|CriOS|FxiOS|OPR|YaBrowser|Yowser|YaApp_Android|YaSearchBrowser"
    r"|BroPP|SamsungBrowser|GSA|Vivaldi|UCBrowser|U3)/[0-9A-Z.]+"
)
PLAIN_BROWSER_PATTERN = (
    rf"^Mozilla/5\.0 \((?:{_DESKTOP}|{_ANDROID}|{_APPLE})(?:; rv:[0-9.]+)?\) "
    rf"(?:AppleWebKit/[0-9.]+ \(KHTML, like Gecko\)|Gecko/[0-9.]+)(?: (?:{_PRODUCT}|Mobile|SA/[0-9]))+$"
)

Rules = Mapping[str, Sequence[str]]


class _Matchers(NamedTuple):
    plain: re.Pattern[str]
    browser: re.Pattern[str]
    robots: tuple[re.Pattern[str], ...]
    not_robots: Sequence[str]


def is_robot(user_agent: str) -> bool:
    """Whether the agent of a request is a robot's. An empty one is: every browser says something."""
    if not user_agent:
        return True
    if _plain().fullmatch(user_agent):
        return False
    _, browser, robots, not_robots = _matchers()
    text = cleaned(user_agent, not_robots)
    if not browser.search(text):
        return True
    return any(robot.search(text) for robot in robots)


def verdict_of(user_agent: str) -> str:
    """What a door writes into a hit: `robot` or `person`, a colon, and the version of the rules."""
    return verdicts()["robot_verdict" if is_robot(user_agent) else "person_verdict"]


@cache
def verdicts() -> Mapping[str, str]:
    """The two verdicts of these rules, by their names in SQL. The version changes with the rules and with this module."""
    here = Path(__file__)
    version = hashlib.sha256(here.with_name("robots.tsv").read_bytes() + here.read_bytes()).hexdigest()[:8]
    return {"robot_verdict": f"robot:{version}", "person_verdict": f"person:{version}"}


def clean(user_agent: str) -> str:
    """The text that `BROWSER_PATTERN` and `ROBOT_PATTERN` look at: A-Z in lower case, `NOT_ROBOTS` taken out, and a space on either
    side, so that a name at the very beginning has something before it too."""
    return cleaned(user_agent, _rules()["person"])


def cleaned_sql(column: str) -> str:
    """The same as an expression of Athena's dialect over a column."""
    return words_out_sql(lowered_sql(column))


def lowered_sql(column: str) -> str:
    """A-Z of a column in lower case, a space on either side. `lower` does the same for plain letters, and is faster on DuckDB."""
    letters = f"translate({column}, '{_UPPER}', '{_LOWER}')"
    return f"' ' || CASE WHEN regexp_like({column}, '^[ -~]*$') THEN lower({column}) ELSE {letters} END || ' '"


def words_out_sql(text: str) -> str:
    """A lowered text without `NOT_ROBOTS`: each of them holds `bot` or `bsalsa`, so most texts are left alone at little cost."""
    without = text
    for word in _rules()["person"]:
        without = f"replace({without}, '{word}', ' ')"
    return f"CASE WHEN strpos({text}, 'bot') > 0 OR strpos({text}, 'bsalsa') > 0 THEN {without} ELSE {text} END"


@cache
def parameters() -> Mapping[str, str]:
    """The patterns by their names in SQL."""
    rules = _rules()
    return {
        "plain_browser_pattern": PLAIN_BROWSER_PATTERN,
        "browser_pattern": browser_pattern(rules),
        "robot_pattern": robot_pattern(rules),
    }


def __getattr__(name: str) -> str | tuple[str, ...]:
    if name in ("ROBOT_PATTERN", "BROWSER_PATTERN"):
        return parameters()[name.lower()]
    if name == "NOT_ROBOTS":
        return tuple(_rules()["person"])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _plain() -> re.Pattern[str]:
    """Apart from the rest, which takes 20 ms to make: a door's first visitor mostly has an ordinary browser."""
    return re.compile(PLAIN_BROWSER_PATTERN)


@cache
def _matchers() -> _Matchers:
    """`ROBOT_PATTERN` in its parts: Python is fast only where all alternatives of a pattern begin alike."""
    rules = _rules()
    robots = tuple(re.compile(part) for part in _robot_parts(rules))
    return _Matchers(_plain(), re.compile(browser_pattern(rules)), robots, rules["person"])


@cache
def _rules() -> Rules:
    """shared/robots.tsv: kind → texts, in the order of the file."""
    rules: dict[str, list[str]] = {}
    for line in Path(__file__).with_name("robots.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        kind, _, text = line.partition("\t")
        rules.setdefault(kind, []).append(text)
    return rules


# From rules to patterns; the generator tries its rules with the same.


def cleaned(user_agent: str, not_robots: Iterable[str]) -> str:
    """`clean` with other words to take out."""
    text = " " + (user_agent.lower() if user_agent.isascii() else user_agent.translate(_TO_LOWER)) + " "
    if "bot" in text or "bsalsa" in text:  # every word to take out holds one of these, as the generator makes sure
        for word in not_robots:
            text = text.replace(word, " ")
    return text


def robot_pattern(rules: Rules) -> str:
    """Pattern over a cleaned text: words anywhere, names where a word begins, beginnings of the agent, shapes, and whatever stands
    after `compatible;` or bare after `Mozilla/5.0` that no browser of people writes there."""
    return "|".join(_robot_parts(rules))


def browser_pattern(rules: Rules) -> str:
    """Pattern over a cleaned text that finds a mark of a browser, a system or a device; a bare number says nothing and passes."""
    return any_of(rules["browser"]) + "|^ [0-9]+ "


def any_of(words: Iterable[str]) -> str:
    """A pattern for any of the words, common beginnings written once. As it stands it is the inside of a group."""
    return _alternatives(_trie(words))


def _robot_parts(rules: Rules) -> list[str]:
    named = f"[^a-z0-9](?:{any_of(rules['name'])})"
    begun = [f"^ (?:{any_of(rules['begin'])})"] if rules.get("begin") else []
    foreign = "compatible; *" + _none_of(_trie(rules["compatible"]), first=True)
    bare = "^ mozilla/[0-9.]+ " + _none_of(_trie(rules["bare"]), first=True) + "[^(]*$"
    return [any_of(rules["word"]), named, *begun, *rules.get("shape", ()), foreign, bare]


_Trie = dict[str, "_Trie"]


def _trie(words: Iterable[str]) -> _Trie:
    """Words by their letters; an empty node ends one. What begins with another word is left out, for the shorter one finds it."""
    root: _Trie = {}
    for word in sorted(words, key=lambda word: (len(word), word)):
        node = root
        for letter in word[:-1]:
            if letter in node and not node[letter]:
                break
            node = node.setdefault(letter, {})
        else:
            node.setdefault(word[-1], {})
    return root


def _alternatives(node: _Trie) -> str:
    return "|".join(_literal(letter) + _tail(below) for letter, below in sorted(node.items()))


def _tail(node: _Trie) -> str:
    return f"(?:{_alternatives(node)})" if len(node) > 1 else _alternatives(node)


def _none_of(node: _Trie, *, first: bool) -> str:
    """A pattern for a text that begins with a letter or digit and with none of the words, without looking ahead."""
    others = "".join(letter for letter in _LOWER + "0123456789" if letter not in node) if first else "^" + "".join(sorted(node))
    longer = [_literal(letter) + _none_of(below, first=False) for letter, below in sorted(node.items()) if below]
    return "(?:" + "|".join([f"[{others}]", *longer]) + ")"


def _literal(letter: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", letter)
