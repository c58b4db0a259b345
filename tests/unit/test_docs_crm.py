"""docs/crm.md against the code: its settings can be published, its lists are those of the code, its commands are understood."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from functions.crm_webhook.adapters import WITH_API
from functions.crm_webhook.amocrm.v4.line import PER_SECOND as AMOCRM
from functions.crm_webhook.bitrix24.calls import AT_ONCE
from functions.crm_webhook.bitrix24.calls import PER_SECOND as BITRIX24
from functions.crm_webhook.hubspot.api import PER_SECOND as HUBSPOT
from functions.crm_webhook.mapped import hooks
from functions.crm_webhook.pipedrive.api import PER_SECOND as PIPEDRIVE
from functions.crm_webhook.providers import BUILT_IN
from functions.crm_webhook.reading import MOST_ID
from infra.cli.main import app
from infra.cli.sites import warnings_of
from shared.crm_settings import CrmNames, Mapped
from shared.mapped_paths import ATTRIBUTE, FIELDS, mistake_of
from shared.settings import MEANING_RANK, parse_settings

TEXT = (Path(__file__).parents[2] / "docs" / "crm.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"<!-- example: ([\w ]+) -->\n```yaml\n(.*?)```", TEXT, re.DOTALL))
HEAD = {"site_id": "shop", "name": "Shop", "hosts": ["shop.example"]}


def table(head: str) -> list[list[str]]:
    """Rows of the table whose first row begins so."""
    found = re.search(rf"^\| {re.escape(head)}.*\n(\|.*\n)+", TEXT, re.MULTILINE)
    assert found, head
    return [re.split(r"(?<!\\)\|", line.strip())[1:-1] for line in found[0].splitlines()[2:]]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_yaml_block_is_an_example() -> None:
    assert len(EXAMPLES) == TEXT.count("```yaml")


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_settings_of_an_example_can_be_published(name: str) -> None:
    warnings = warnings_of(parse_settings({**HEAD, **yaml.safe_load(EXAMPLES[name])}))
    assert [one for one in warnings if "pipeline lead means paid" not in one] == []  # leads bring no money of their own


def test_every_crm_with_an_api_has_an_example_that_opens_it() -> None:
    for provider in WITH_API:
        crm = parse_settings({**HEAD, **yaml.safe_load(EXAMPLES[f"settings {provider}"])}).crm
        assert getattr(crm, provider).api is not None


def test_the_crms_and_the_pace_of_their_apis_are_those_of_the_code() -> None:
    rows = {(names(row[0]) or [row[0].strip()])[0]: row[-1].strip() for row in table("provider")}
    assert rows.keys() - {"a name of yours"} == BUILT_IN.keys()
    paces = {"amocrm": f"{AMOCRM:.0f}", "bitrix24": f"{BITRIX24}, and {AT_ONCE} at once", "hubspot": f"{HUBSPOT:.0f}"}
    assert {name: rows[name] for name in WITH_API} == {**paces, "pipedrive": f"{PIPEDRIVE:.0f}"}


def test_every_field_of_a_map_is_documented_and_no_other() -> None:
    told = [name for row in table("field of `map`") for name in names(row[0])]
    assert sorted(told) == sorted([*FIELDS, f"{ATTRIBUTE}NAME"])
    assert f"at most {MOST_ID} characters" in TEXT


@pytest.mark.parametrize("path", [name.replace("\\|", "|") for row in table("path |") for name in names(row[0])])
def test_a_documented_path_can_be_read(path: str) -> None:
    assert mistake_of(path) == ""


def test_every_setting_beside_the_map_is_documented() -> None:
    told = {name for row in table("setting |") for name in names(row[0])}
    assert told == Mapped.model_fields.keys() - {"map"}
    assert CrmNames.model_fields.keys() <= told


def test_every_reason_of_a_mapped_body_is_listed() -> None:
    assert {name for row in table("rejected |") for name in names(row[0])} == set(hooks.REASONS)
    assert {name for row in table("passed over |") for name in names(row[0])} == set(hooks.PASSED_OVER)
    assert f"more than {hooks.MOST_DEALS:,} deals" in TEXT


def test_every_meaning_of_a_stage_is_told() -> None:
    assert {name for row in table("meaning |") for name in names(row[0])} == MEANING_RANK.keys()


def commands() -> list[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    return [shlex.split(line)[1:] for block in blocks for line in block.splitlines() if line.strip().startswith("skvoz ")]


@pytest.mark.parametrize("words", commands())
def test_a_documented_command_is_understood(words: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    context = command.make_context("skvoz", list(words), resilient_parsing=True)
    while hasattr(command, "commands"):
        command = command.commands[words[0]]
        words = words[1:]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= known
    given = dict(command.make_context(command.name, list(words), parent=context, resilient_parsing=True).params)
    assert all(given[p.name] is not None for p in command.params if p.required)


def test_every_command_of_the_group_is_told() -> None:
    group: Any = typer.main.get_command(app)
    assert {words[1] for words in commands() if words[0] == "crm"} == group.commands["crm"].commands.keys()
