"""docs/bi.md is held to the views, the command and the bounds of own sections."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal

import pytest
import yaml

from functions.attribution.bi.views import VIEWS
from functions.attribution.ddl import ALL
from functions.report.marts.questions import Period
from functions.report.own import asking, cells, filters, markup, query, reading, section, template
from functions.report.own.section import mistakes_of, own_sections_of
from infra.bi.described import DOCUMENT, described
from infra.cli.report.asked import BASES
from infra.template.model import load
from shared.athena import MOST_WAIT_SECONDS
from shared.report_settings import OwnSection
from shared.warehouse import Row
from tests.report_cases import PERIOD, settings_of

TEXT = DOCUMENT.read_text(encoding="utf-8")


def test_the_tables_of_views_and_the_policy_are_those_of_the_model() -> None:
    assert described() == TEXT, "run: python -m infra.bi"


def test_every_view_is_described_with_every_column() -> None:
    for view in VIEWS:
        part = TEXT[TEXT.index(f"### {view.name}\n") :].split("\n### ")[0]
        assert re.findall(r"^\| `(\w+)`", part, re.MULTILINE) == view.column_names
        assert part.count("(key)") == 1


def policy() -> list[dict[str, object]]:
    (found,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    statements: list[dict[str, object]] = json.loads(found)["Statement"]
    return statements


def test_the_policy_reads_views_and_the_marts_under_them_and_writes_nothing_but_results() -> None:
    for statement in policy():
        actions, resources = statement["Action"], str(statement["Resource"])
        writes = [action for action in ([actions] if isinstance(actions, str) else list(actions)) if "Put" in action]  # type: ignore[call-overload]
        assert writes == [] or resources == "arn:aws:s3:::LAKE_BUCKET/bi/*"
        assert "athena/" not in resources, "the stack's own results"
        assert "raw" not in resources
        assert "rule" not in resources
        assert resources != "*" or set(actions) == {"athena:ListDataCatalogs", "athena:ListWorkGroups"}  # type: ignore[call-overload]
    (marts,) = [statement["Resource"] for statement in policy() if statement["Sid"] == "Marts"]
    named = {resource.split("/")[-2] for resource in marts}  # type: ignore[attr-defined]
    assert named == {mart for view in VIEWS for mart in view.reads}
    assert named <= {table.name for table in ALL}


def test_outputs_that_are_named_exist() -> None:
    assert {"DatabaseName", "WorkGroupName", "BiWorkGroupName", "LakeBucketName"} <= set(load().document["Outputs"])
    assert "MostBytesPerQuery" in load().document["Parameters"]


def test_queries_that_are_named_are_there_and_the_other_way_round() -> None:
    assert set(re.findall(r"\]\(bi/(\w+)\.sql\)", TEXT)) == {path.stem for path in (DOCUMENT.parent / "bi").glob("*.sql")}


@pytest.mark.parametrize("path", sorted((DOCUMENT.parent / "bi").glob("*.sql")), ids=lambda path: path.stem)
def test_an_example_query_is_an_own_section_as_it_stands(path: object) -> None:
    sql = path.read_text(encoding="utf-8")  # type: ignore[attr-defined]
    assert mistakes_of(OwnSection(name="x", title="X", sql=sql)) == []


def test_limits_that_are_told_are_the_codes() -> None:
    for told in (
        f"At most {reading.MOST_ROWS:,} rows are shown and {cells.MOST_COLUMNS} columns",
        f"at most {template.MOST_TURNS:,} turns and {template.MOST_SECONDS:.0f} seconds",
        f"{template.MOST_OUTPUT:,} characters at most",
        f"have taken {asking.MOST_SECONDS:.0f} seconds",
        f"at most {cells.MOST_CHARACTERS:,} characters",
        f"bound of bytes and {MOST_WAIT_SECONDS:.0f} seconds",
    ):
        assert told in TEXT, told
    assert (section.MOST_MAIL_ROWS, section.MOST_MAIL_COLUMNS) == (10, 6)
    assert "at most ten rows and six columns" in TEXT
    assert all(f"`:{name}`" in TEXT for name in query.PARAMETERS)
    assert all(f"`{name}`" in TEXT for name in (*filters.OWN_FILTERS, *filters.PLAIN_FILTERS[2:-2], *BASES))
    assert "img" not in markup.TAGS


class Managers:
    """An engine that knows two managers."""

    ddl_dialect = "duckdb"

    def rows(self, sql: str, most_characters: int = 0) -> Sequence[Row]:
        assert "WHERE site_id = 'kvartal'" in sql
        return [
            {"manager": "Анна", "deals": 3, "revenue": Decimal("120000.00")},
            {"manager": None, "deals": 1, "revenue": Decimal("500.50")},
        ]


def test_the_example_of_a_section_works() -> None:
    (found,) = re.findall(r"<!-- example: own section -->\n```yaml\n(.*?)```", TEXT, re.DOTALL)
    (told,) = yaml.safe_load(found)["report"]["own_sections"]
    assert mistakes_of(OwnSection(**told)) == []
    settings = settings_of(report={"own_sections": [told], "language": "en"})
    owns = own_sections_of(Managers(), settings, Period(PERIOD.first, PERIOD.last))  # type: ignore[arg-type]
    assert owns.failed == ()
    html = str(owns.made[0].html).replace("\u00a0", " ")
    assert "<td>Анна</td><td>3</td><td>₽120,000</td>" in html
    assert "<td>nobody</td>" in html
    assert "<p>2 managers, ₽120,501</p>" in html
