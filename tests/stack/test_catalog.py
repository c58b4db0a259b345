"""Glue's tables read exactly what the functions write."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from functions.attribution import ddl
from functions.attribution.refresh import FIRST_ARRIVAL
from functions.attribution.rules import RULE_TABLES
from infra.template.model import GlueTable, Template
from shared.records import KINDS, Column, RecordKind

HIVE = {"varchar": "string"}
HIVE_JSON = "org.apache.hive.hcatalog.data.JsonSerDe"


def hive(columns: Iterable[Column]) -> list[tuple[str, str]]:
    return [(column.name, HIVE.get(column.type, column.type)) for column in columns]


def table(template: Template, name: str) -> GlueTable:
    return next(t for t in template.glue_tables() if t.name == name)


def test_every_kind_and_every_rule_table_has_a_table_and_nothing_else_has(template: Template) -> None:
    wanted = sorted([*(kind.table for kind in KINDS.values()), *(kind.name for kind in RULE_TABLES)])
    assert sorted(t.name for t in template.glue_tables()) == wanted


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_raw_columns_are_those_of_the_records(template: Template, kind: RecordKind) -> None:
    assert list(table(template, kind.table).columns) == hive(kind.columns)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_raw_partitions_are_projected_over_the_arrival_days_of_the_keys(template: Template, kind: RecordKind) -> None:
    found = table(template, kind.table)
    parameters = found.raw["Parameters"]
    assert found.partition_keys == (("arrival_day", "string"),)
    assert parameters["projection.enabled"] == "true"
    assert parameters["projection.arrival_day.type"] == "date"
    assert parameters["projection.arrival_day.format"] == "yyyy/MM/dd"
    assert parameters["projection.arrival_day.range"] == f"{FIRST_ARRIVAL},NOW"  # what is not projected cannot be read
    assert parameters["storage.location.template"] == {"Fn::Sub": f"s3://${{LakeBucket}}/raw/{kind.name}/${{!arrival_day}}"}
    assert found.raw["StorageDescriptor"]["Location"] == {"Fn::Sub": f"s3://${{LakeBucket}}/raw/{kind.name}/"}


@pytest.mark.parametrize("kind", RULE_TABLES, ids=lambda kind: kind.name)
def test_rule_columns_are_those_that_attribution_writes(template: Template, kind: RecordKind) -> None:
    found = table(template, kind.name)
    assert list(found.columns) == hive(kind.columns)
    assert found.partition_keys == ()
    assert found.raw["StorageDescriptor"]["Location"] == {"Fn::Sub": f"s3://${{LakeBucket}}/rules/{kind.name}/"}


def test_all_tables_read_json_lines_the_same_way(template: Template) -> None:
    # Athena's documentation calls OpenX' results non-deterministic; Trino's format JSON is the Hive reader too.
    for found in template.glue_tables():
        storage = found.raw["StorageDescriptor"]
        assert storage["SerdeInfo"] == {"SerializationLibrary": HIVE_JSON}, found.name
        assert storage["InputFormat"] == "org.apache.hadoop.mapred.TextInputFormat", found.name


def test_no_statement_that_makes_a_table_seems_to_end_before_its_end() -> None:
    assert [sql for sql in ddl.create_statements("iceberg_athena", "s3://lake/marts/") if ";" in sql] == []


def test_the_work_group_bounds_and_encrypts_every_query(template: Template) -> None:
    groups = dict(template.of_type("AWS::Athena::WorkGroup"))
    assert set(groups) == {"WorkGroup", "BiWorkGroup"}
    for group in groups.values():
        configuration = group["WorkGroupConfiguration"]
        assert configuration["EnforceWorkGroupConfiguration"] is True
        assert configuration["BytesScannedCutoffPerQuery"] == {"Ref": "MostBytesPerQuery"}
        assert configuration["EngineVersion"]["SelectedEngineVersion"] == "Athena engine version 3"
        assert configuration["ResultConfiguration"]["EncryptionConfiguration"]["EncryptionOption"] == "SSE_S3"


def test_answers_to_bi_tools_lie_apart_from_the_stacks_own(template: Template) -> None:
    places = {
        name: group["WorkGroupConfiguration"]["ResultConfiguration"]["OutputLocation"]["Fn::Sub"]
        for name, group in template.of_type("AWS::Athena::WorkGroup")
    }
    assert places == {"WorkGroup": "s3://${LakeBucket}/athena/", "BiWorkGroup": "s3://${LakeBucket}/bi/"}
