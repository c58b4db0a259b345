"""The template gives every function what its code asks for, and the handlers it names are there."""

from __future__ import annotations

import importlib
import re

import pytest

from infra.template.model import Template, load
from tests.stack.code import ROOT, module_path, reached, texts_given_to

FUNCTIONS = sorted(load().functions())


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_handler_can_be_called(template: Template, function: str) -> None:
    module, _, name = template.functions()[function].handler.rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_environment_holds_what_the_code_asks_for(template: Template, function: str) -> None:
    given = template.functions()[function]
    module = given.handler.rpartition(".")[0]
    assert module_path(module) is not None, f"{module} does not exist"
    asked = texts_given_to("env", reached(module))
    assert asked, "every function asks for something"
    assert asked <= given.environment.keys()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_environment_holds_nothing_that_the_documentation_does_not_name(template: Template, function: str) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`([A-Z_]+)`", text[text.index("Environment of the functions") :]))
    assert template.functions()[function].environment.keys() <= documented


def test_services_are_called_by_names_of_their_own(template: Template) -> None:
    services = [f.environment["SERVICE"] for f in template.functions().values()]
    assert len(set(services)) == len(services)
