"""`python -m infra.template` passes on template.yaml, and each of its three looks finds what it is there for."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from infra.template.expand import expand
from infra.template.lint import lint, validate
from infra.template.model import PATH


def test_sam_accepts_the_template() -> None:
    assert validate() == []


def test_the_expanded_template_passes_cfn_lint(expanded: dict[str, Any]) -> None:
    assert lint(expanded) == []


def test_sam_validation_finds_an_unknown_property(tmp_path: Path) -> None:
    broken = tmp_path / "template.yaml"
    broken.write_text(PATH.read_text(encoding="utf-8").replace("      KeySchema:", "      KeySchemas:"), encoding="utf-8")
    assert any("KeySchemas" in line for line in validate(broken))


def test_expansion_names_the_resource_that_sam_refuses(tmp_path: Path) -> None:
    broken = tmp_path / "template.yaml"
    broken.write_text(
        PATH.read_text(encoding="utf-8").replace("            Bucket: !Ref FilesBucket\n            Events", "            Events"),
        encoding="utf-8",
    )
    with pytest.raises(ValueError, match="CostsFunction"):
        expand(path=broken)


@pytest.mark.parametrize(
    ("resource", "path", "value", "named"),
    [
        ("CostsFunction", ("Environment", "Variables", "LAKE_BUCKET"), {"Ref": "NoSuchBucket"}, "NoSuchBucket"),
        ("CollectFunction", ("Runtime",), "python3.7", "python3.7"),
        ("LedgerTable", ("BillingMode",), "PAY_SOMETIMES", "PAY_SOMETIMES"),
        ("RefreshMachineRefresh", ("FlexibleTimeWindow", "Mode"), "SOMETIMES", "SOMETIMES"),
        ("CollectRole", ("Policies", 0, "PolicyDocument", "Statement", 0, "Effect"), "Perhaps", "Perhaps"),
    ],
)
def test_lint_finds_what_is_wrong_in_the_expanded_template(
    expanded: dict[str, Any], resource: str, path: tuple[Any, ...], value: object, named: str
) -> None:
    broken = copy.deepcopy(expanded)
    place = broken["Resources"][resource]["Properties"]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert any(named in line for line in lint(broken))
