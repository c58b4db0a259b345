"""A naming scheme: which sources and media there are, and how campaigns are called. Written by people as YAML.

```yaml
sources: [yandex, google, vk, email]        # nothing: any that the rules know
media: [cpc, email, social]
case: lower                                 # or keep
separator: "_"                              # stands for spaces
transliterate: true                         # Cyrillic letters become Latin ones
campaign:
  pattern: "{product}-{region}-{yyyymm}"
  parts: {product: [sofas, beds], region: any}
  or_macro: true                            # a macro alone, such as {campaign_id}, is a name too
content: {pattern: "{format}_{version}", parts: {format: [text, banner], version: any}}
```
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from infra.utm.check import MACRO, Mistake
from infra.utm.texts import near
from shared.errors import FieldError, SettingsError

# Parts that need no list of values.
DATES: Mapping[str, str] = {
    "yyyy": r"20\d\d", "mm": r"(?:0[1-9]|1[0-2])", "dd": r"(?:0[1-9]|[12]\d|3[01])", "yyyymm": r"20\d\d(?:0[1-9]|1[0-2])",
    "yyyymmdd": r"20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])",
}  # fmt: skip
_EXAMPLES = {"yyyy": "2026", "mm": "11", "dd": "05", "yyyymm": "202611", "yyyymmdd": "20261105"}
_PART = re.compile(r"\{([^{}]*)\}")
_LATIN = str.maketrans(dict(zip(
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґў",
    ("a b v g d e yo zh z i y k l m n o p r s t u f kh ts ch sh shch - y - e yu ya i yi ye g u").replace("-", "").split(" "),
    strict=True,
)))  # fmt: skip

# YAML reads a bare 2026 as a number.
Word = Annotated[
    str,
    BeforeValidator(lambda told: str(told) if type(told) is int else told),
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$"),
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Pattern(_Strict):
    """How a name is put together: literal text and {parts}; `parts` lists the allowed values, or `any`."""

    pattern: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
    parts: dict[Word, Annotated[list[Word], Field(min_length=1, max_length=1000)] | Literal["any"]] = Field(default_factory=dict)
    or_macro: bool = Field(default=True, description="a macro alone is a name too")

    @model_validator(mode="after")
    def _complete(self) -> Pattern:
        names = _PART.findall(self.pattern)
        if not names or re.search(r"[{}]", _PART.sub("", self.pattern)):
            raise ValueError("the pattern needs parts in braces, for example {product}-{yyyymm}")
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"the pattern has {{{twice[0]}}} twice")
        if joined := re.search(r"\}\{", self.pattern):
            raise ValueError(f"nothing stands between two parts (at letter {joined.start() + 1}), so nobody can tell them apart")
        if missing := [name for name in names if name not in self.parts and name not in DATES]:
            raise ValueError(f"the pattern has {{{missing[0]}}}, but parts does not say its values; write {missing[0]}: any")
        if unused := [name for name in self.parts if name not in names]:
            raise ValueError(f"parts has {unused[0]}, but the pattern has no {{{unused[0]}}}")
        if dates := [name for name in self.parts if name in DATES]:
            raise ValueError(f"{dates[0]} is a date; parts says nothing about it")
        return self

    @property
    def example(self) -> str:
        """A name that fits."""
        return _PART.sub(lambda match: self._one(match[1]), self.pattern)

    def mistakes(self, tag: str, value: str) -> list[Mistake]:
        """What is wrong with a name, part by part."""
        if self.or_macro and MACRO.fullmatch(value):
            return []
        if self._strict.fullmatch(value):
            return []
        split = self._loose.fullmatch(value)
        if split is None:
            return [Mistake("scheme", f"{tag} {value}: does not fit {self.pattern}; for example {self.example}", "", tag)]
        told = zip(_PART.findall(self.pattern), split.groups(), strict=True)
        wrong = [(name, said) for name, said in told if not re.fullmatch(self._allowed(name), said)]
        return [self._of_part(tag, value, name, said) for name, said in wrong]

    def _of_part(self, tag: str, value: str, name: str, said: str) -> Mistake:
        if name in DATES:
            return Mistake("scheme", f"{tag} {value}: {name} {said} is no such date; for example {_EXAMPLES[name]}", "", tag)
        allowed = self._values(name)
        meant = near(said, allowed)
        listed = ", ".join(allowed[:10]) + (" …" if len(allowed) > 10 else "")
        hint = f"did you mean {meant}?" if meant else f"allowed: {listed}"
        return Mistake("scheme", f"{tag} {value}: {name} {said}: {hint}", meant, tag)

    def _values(self, name: str) -> list[str]:
        values = self.parts.get(name, [])
        return values if isinstance(values, list) else []

    def _one(self, name: str) -> str:
        return _EXAMPLES.get(name) or next(iter(self._values(name)), name)

    def _allowed(self, name: str) -> str:
        if name in DATES:
            return DATES[name]
        values = self._values(name)
        return "|".join(sorted(map(re.escape, values), key=len, reverse=True)) if values else ".+"

    @cached_property
    def _strict(self) -> re.Pattern[str]:
        return self._expression(self._allowed)

    @cached_property
    def _loose(self) -> re.Pattern[str]:
        return self._expression(lambda name: ".*?")

    def _expression(self, of_part: Callable[[str], str]) -> re.Pattern[str]:
        """The pattern with one group for each part, in order."""
        pieces = _PART.split(self.pattern)
        texts = [f"({of_part(piece)})" if place % 2 else re.escape(piece) for place, piece in enumerate(pieces)]
        return re.compile("".join(texts))


class Scheme(_Strict):
    """What links of a business look like. The default one allows everything and changes nothing."""

    sources: list[Word] = Field(default_factory=list, max_length=1000)
    media: list[Word] = Field(default_factory=list, max_length=1000)
    case: Literal["lower", "keep"] = "lower"
    separator: Literal["_", "-", "."] = "_"
    transliterate: bool = False
    campaign: Pattern | None = None
    content: Pattern | None = None
    term: Pattern | None = None

    def written(self, value: str) -> str:
        """A value as the scheme spells it; macros as they are."""
        macros: list[str] = MACRO.findall(value)
        texts = [self._text(text) for text in MACRO.split(" ".join(unicodedata.normalize("NFC", value).split()))]
        return "".join(text + macro for text, macro in zip(texts, [*macros, ""], strict=True))

    def mistakes(self, tags: Mapping[str, str], told: Collection[Mistake] = ()) -> list[Mistake]:
        """Where tags break the scheme, but for what is `told` already; the nearest allowed value is the suggestion."""
        known = {(mistake.tag, mistake.suggestion) for mistake in told if mistake.suggestion}
        return [mistake for mistake in self._all(tags) if (mistake.tag, mistake.suggestion) not in known]

    def _all(self, tags: Mapping[str, str]) -> list[Mistake]:
        found = []
        for tag, allowed in (("utm_source", self.sources), ("utm_medium", self.media)):
            value = tags.get(tag, "")
            if value and allowed and value not in allowed:
                meant = near(value.lower(), allowed) or next((a for a in allowed if a.lower() == value.lower()), "")
                hint = f"did you mean {meant}?" if meant else f"allowed: {', '.join(allowed)}"
                found.append(Mistake("scheme", f"{tag} {value}: {hint}", meant, tag))
        for tag, pattern in (("utm_campaign", self.campaign), ("utm_content", self.content), ("utm_term", self.term)):
            value = tags.get(tag, "")
            if pattern and (value or tag == "utm_campaign"):
                found += pattern.mistakes(tag, value)
        for tag, value in tags.items():
            if value != self.written(value) and not any(mistake.tag == tag for mistake in found):
                found.append(
                    Mistake("scheme", f"{tag} {value}: the scheme writes it {self.written(value)}", self.written(value), tag)
                )
        return found

    def _text(self, text: str) -> str:
        if self.transliterate:
            text = latin(text)
        if self.case == "lower":
            text = text.lower()
        return text.replace(" ", self.separator)


def latin(text: str) -> str:
    """Cyrillic in Latin letters, as on Russian road signs and maps (BGN/PCGN, without its apostrophes; ё is yo)."""
    return "".join(_one_letter(c) for c in text)


def _one_letter(letter: str) -> str:
    lower = letter.lower().translate(_LATIN)
    return lower if letter.islower() or lower == letter else lower.capitalize()


def parse_scheme(raw: object) -> Scheme:
    """Content of a scheme's file → scheme. SettingsError lists every mistake with its place."""
    try:
        return Scheme.model_validate(raw)
    except ValidationError as error:
        fields = [FieldError(".".join(str(p) for p in e["loc"]) or "(file)", e["msg"]) for e in error.errors()]
        raise SettingsError("the naming scheme is not used; mend these places:", fields) from error
