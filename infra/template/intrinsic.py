"""CloudFormation's own YAML: short tags become the long form (`!Ref A` → `{"Ref": "A"}`), references become text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

# What a reference means is the caller's to say: `LakeBucket` for !Ref, `CrmQueue.Arn` for !GetAtt, `AWS::Region` for pseudo ones.
Reference = Callable[[str], str]

_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]+)\}")
_NO_VALUE = object()


class _Loader(yaml.SafeLoader):
    """SafeLoader that knows the short tags."""


def _tag(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _tag)


def read(path: Path) -> dict[str, Any]:
    """The template's document, intrinsic functions in long form."""
    document: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a SafeLoader with tags
    return document


class Resolver:
    """Turns values of the template into plain ones: `parameters` are the stack's, with defaults, `reference` names the rest."""

    def __init__(self, document: Mapping[str, Any], parameters: Mapping[str, str], reference: Reference) -> None:
        self._conditions = document.get("Conditions", {})
        self._mappings = document.get("Mappings", {})
        self._parameters = parameters
        self._reference = reference

    def text(self, value: Any) -> str:
        """A value that ends as text: environment variables, names, prefixes."""
        plain = self.value(value)
        return "" if plain is None else str(plain)

    def value(self, value: Any) -> Any:
        """Any value, resolved through and through; `AWS::NoValue` is left out. ValueError on an unknown function."""
        plain = self._value(value)
        return None if plain is _NO_VALUE else plain

    def _value(self, value: Any) -> Any:
        if isinstance(value, list):
            return [plain for plain in map(self._value, value) if plain is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._call(name, argument)
        return {key: plain for key, inner in value.items() if (plain := self._value(inner)) is not _NO_VALUE}

    def _call(self, name: str, argument: Any) -> Any:
        match name:
            case "Ref":
                return _NO_VALUE if argument == "AWS::NoValue" else self._ref(argument)
            case "Fn::GetAtt":
                return self._reference(".".join(argument))
            case "Fn::Sub":
                return self._sub(argument)
            case "Fn::If":
                condition, then, otherwise = argument
                return self._value(then if self.holds({"Condition": condition}) else otherwise)
            case "Fn::Join":
                separator, parts = argument
                return separator.join(str(part) for part in self._value(parts))
            case "Fn::Select":
                index, items = argument
                return self._value(items)[int(index)]
            case "Fn::Split":
                separator, text = argument
                return self.text(text).split(separator)
            case "Fn::FindInMap":
                table, first, second = map(self.text, argument)
                return self._mappings[table][first][second]
        raise ValueError(f"template.yaml uses {name}, which infra/template/intrinsic.py does not know yet")

    def _ref(self, name: str) -> Any:
        return self._parameters[name] if name in self._parameters else self._reference(name)

    def _sub(self, argument: Any) -> str:
        text, own = argument if isinstance(argument, list) else (argument, {})

        def one(found: re.Match[str]) -> str:
            literal, name = found.groups()
            if literal:
                return f"${{{name}}}"
            return self.text(own[name]) if name in own else str(self._ref(name))

        return _PLACEHOLDER.sub(one, text)

    def holds(self, condition: Any) -> bool:
        """Whether a condition (by name or as an expression) is true with these parameters."""
        if isinstance(condition, str):
            condition = {"Condition": condition}
        ((name, argument),) = condition.items()
        match name:
            case "Condition":
                return self.holds(self._conditions[argument])
            case "Fn::Equals":
                left, right = map(self.text, argument)
                return left == right
            case "Fn::Not":
                return not self.holds(argument[0])
            case "Fn::And":
                return all(map(self.holds, argument))
            case "Fn::Or":
                return any(map(self.holds, argument))
        raise ValueError(f"template.yaml has the condition function {name}, which infra/template/intrinsic.py does not know yet")
