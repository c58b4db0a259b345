"""`make smoke`: that no statement is left out, what a stack in a real account could have wrong, and how it is told."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import sqlglot
from moto import mock_aws
from moto.athena.models import QueryResults, athena_backends
from moto.core import DEFAULT_ACCOUNT_ID

from functions.attribution.ddl import ALL
from functions.attribution.statements import athena_type
from functions.attribution.steps import STEPS
from functions.report.marts.questions import OTHER_QUESTIONS, TREE_QUESTIONS
from infra.publish import publish_settings
from infra.smoke.__main__ import run
from infra.smoke.explain import AT_ONCE, EXPLAIN, MOST_POLLS, Answer, explained, table_of
from infra.smoke.stack import Check, Stack, check_catalog, check_question, check_stack, check_work_group, find_stack, stack_name
from infra.smoke.statements import NOT_AT_ATHENA, Statement, every_file, form_of, samples, statements
from infra.template.model import load
from shared.errors import BadInput, WarehouseBusy, WarehouseError
from shared.warehouse import QueryState
from tests.athena_functions import ATHENA_FUNCTIONS, called
from tests.lakes import shop

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
REGION = "eu-central-1"
MOST_QUERY_BYTES = 262_144  # Athena's quota of the text of a query
OUTPUTS = {
    name: name.lower() for name, output in load().document["Outputs"].items() if "Condition" not in output
} | {"DatabaseName": "skvoz_test", "WorkGroupName": "skvoz-test", "LakeBucketName": "lake", "FilesBucketName": "files"}  # fmt: skip


OWN = shop(site_id="own", sources={"parameters": {"utm_term": ["word"]}})


# --- the statements ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def asked() -> list[Statement]:
    return statements([OWN], NOW)


def test_every_sql_file_is_among_the_statements(asked: list[Statement]) -> None:
    seen = {name for statement in asked for name in statement.files}
    assert set(every_file()) - seen == NOT_AT_ATHENA.keys()


def test_files_are_those_of_the_folders() -> None:
    folders = ("functions/attribution", "functions/report", "infra/sources")
    paths = [path for folder in folders for path in (ROOT / folder / "sql").glob("*.sql")]
    assert every_file() == sorted(f"{path.parent.parent.name}/{path.name}" for path in paths)


def test_every_step_and_question_sends_something(asked: list[Statement]) -> None:
    assert {step.name for step in STEPS} - {statement.what for statement in asked} == set()
    files = {name for statement in asked for name in statement.files}
    assert {f"report/{name}.sql" for name in TREE_QUESTIONS + OTHER_QUESTIONS} <= files


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_every_table_is_filled_and_changed(asked: list[Statement], table: Any) -> None:
    """By the first refresh and by a later one, however few records there are."""
    begin = {statement.sql.split("\n")[0].split(" (")[0] for statement in asked}
    assert f"MERGE INTO {table.name} AS t USING" in begin
    merged_only = {"deal_matches", "excluded_visitors", "sessions", "removal_effects", "restatements"}
    assert table.name in merged_only or f"INSERT INTO {table.name}" in begin


def test_statements_can_be_parsed_are_bound_and_short_enough_for_athena(asked: list[Statement]) -> None:
    for statement in asked:
        assert re.match(r"(?:--[^\n]*\n|\s)*(?:SELECT|WITH|INSERT|MERGE)\b", statement.sql), statement.sql[:80]
        assert sqlglot.parse_one(statement.sql, read="athena")
        assert len((EXPLAIN + statement.sql).encode()) < MOST_QUERY_BYTES


def test_statements_call_no_functions_but_those_that_athena_documents(asked: list[Statement]) -> None:
    assert {name: s.what for s in asked for name in called(s.sql) - ATHENA_FUNCTIONS} == {}


def test_each_form_of_a_statement_comes_once(asked: list[Statement]) -> None:
    forms = [form_of(statement.sql) for statement in asked]
    assert len(forms) == len(set(forms))
    assert len(forms) < 400


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("SELECT 'a', 1.5", "SELECT 'it''s', 20", True),
        ("SELECT x -- it's\nWHERE s = 'a'", "SELECT x -- its\nWHERE s = 'b'", True),
        ("x IN ('a', 'b')", "x IN ('c', 'd', 'e')", True),
        ("VALUES ('a', 1)", "VALUES ('a', 1), ('b', 2)", True),
        ("SELECT path_1", "SELECT path_2", False),
        ("SELECT lower(a)", "SELECT upper(a)", False),
    ],
)
def test_literals_make_no_other_form(one: str, other: str, is_same: bool) -> None:
    assert (form_of(one) == form_of(other)) == is_same


def test_a_site_of_the_stage_adds_the_statements_that_its_settings_change(asked: list[Statement]) -> None:
    own = [s for s in asked if "'own'" in s.sql]
    assert {s.what for s in own} == {"hits"}
    assert any("word" in s.sql for s in own)


def test_a_sites_own_sections_are_asked_too(asked: list[Statement]) -> None:
    assert [s.what for s in asked if "WITH deals AS (SELECT * FROM deals WHERE site_id" in s.sql and "manager" in s.sql] == [
        "report"
    ]


def test_samples_differ_in_what_they_set() -> None:
    plain, rich = samples()
    assert plain.attribution.path_transforms == []
    assert set(rich.attribution.path_transforms) == {"exposure", "first", "drop_direct", "drop_last_direct"}


# --- explaining -------------------------------------------------------------------------------------------------------------------


class Engine:
    """Explains: what has a word of `refused` in it is refused, after as many polls as `slow` says."""

    def __init__(self, refused: str = "nope", slow: int = 1) -> None:
        self.refused, self.slow = refused, slow
        self.asked: list[str] = []
        self.polls: dict[str, int] = {}
        self.most_at_once = 0
        self.cancelled: list[str] = []

    def start(self, sql: str, token: str = "") -> str:
        if sql.endswith("at once"):
            raise WarehouseError("refused at the door")
        if sql.endswith("busy"):
            raise WarehouseBusy("busy")
        self.asked.append(sql)
        self.polls[sql] = 0
        self.most_at_once = max(self.most_at_once, len(self.polls))
        return sql

    def poll(self, query_id: str) -> QueryState:
        self.polls[query_id] += 1
        if self.polls[query_id] <= self.slow:
            return QueryState(is_done=False)
        del self.polls[query_id]
        if self.refused in query_id:
            raise WarehouseError(f"FUNCTION_NOT_FOUND: {self.refused}")
        return QueryState(is_done=True)

    def cancel(self, query_id: str) -> None:
        self.cancelled.append(query_id)


def said(engine: Any, *texts: str) -> dict[str, str]:
    pauses: list[float] = []
    found = explained(engine, [Statement(f"step {text}", text, (f"{text}.sql",)) for text in texts], pauses.append)
    return {answer.statement.sql: answer.words for answer in found}


def test_every_statement_is_explained_and_none_run() -> None:
    engine = Engine()
    assert said(engine, *"abcdefghij") == dict.fromkeys("abcdefghij", "")
    assert engine.asked == [EXPLAIN + letter for letter in "abcdefghij"]
    assert engine.most_at_once == AT_ONCE


def test_a_refusal_is_told_in_the_engines_words_and_the_others_go_on() -> None:
    assert said(Engine(), "a", "nope(b)", "at once", "c") == {
        "a": "",
        "nope(b)": "FUNCTION_NOT_FOUND: nope",
        "at once": "refused at the door",
        "c": "",
    }


def test_an_engine_that_does_not_answer_ends_it() -> None:
    with pytest.raises(WarehouseBusy):
        said(Engine(), "a", "busy", "c")


def test_what_is_never_explained_is_stopped() -> None:
    engine = Engine(slow=MOST_POLLS + 5)
    assert "not explained after 240 s" in said(engine, "a")["a"]
    assert engine.cancelled == [EXPLAIN + "a"]


def test_the_table_names_each_file_with_what_is_wrong() -> None:
    one = Statement("hits", "a", ("x/hits.sql", "x/part.sql"))
    answers = [Answer(one, ""), Answer(one._replace(what="paths"), "wrong"), Answer(Statement("hits", "c", ()), "")]
    assert table_of(answers) == [
        ("step hits", 1, []),
        ("x/hits.sql", 2, ["paths: wrong"]),
        ("x/part.sql", 2, ["paths: wrong"]),
    ]


# --- the stack --------------------------------------------------------------------------------------------------------------------


def client(service: str) -> Any:
    return botocore.session.get_session().create_client(
        service, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
    )


TABLES: dict[str, list[tuple[str, str]]] = {
    **{t.name: list(t.columns) for t in load().glue_tables()},
    **{t.name: [(c.name, athena_type(c)) for c in t.columns] for t in ALL},
    "touches": [],
}


@pytest.fixture
def stack() -> Iterator[Stack]:
    """A sound stack in moto, but for its tables."""
    with mock_aws():
        outputs = {name: {"Value": value} for name, value in OUTPUTS.items()}
        body = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": outputs}
        client("cloudformation").create_stack(StackName="skvoz-test", TemplateBody=json.dumps(body))
        for bucket in ("lake", "files"):
            client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        work_group(100 * 2**30)
        publish_settings(client("s3"), "files", shop(), NOW)
        yield find_stack(client, "skvoz-test")


def create_tables() -> None:
    glue = client("glue")
    glue.create_database(DatabaseInput={"Name": "skvoz_test"})
    for name, columns in TABLES.items():
        glue.create_table(DatabaseName="skvoz_test", TableInput=described(name, columns))


def described(name: str, columns: list[tuple[str, str]]) -> dict[str, Any]:
    return {"Name": name, "StorageDescriptor": {"Columns": [{"Name": column, "Type": kind} for column, kind in columns]}}


def catalog(tables: dict[str, list[tuple[str, str]]]) -> Check:
    """What is said of a catalog with these tables, told in two pages."""

    class Glue:
        def get_paginator(self, operation: str) -> Glue:
            assert operation == "get_tables"
            return self

        def paginate(self, DatabaseName: str) -> list[dict[str, Any]]:
            assert DatabaseName == "skvoz_test"
            listed = [described(name, columns) for name, columns in tables.items()]
            return [{"TableList": listed[:9]}, {"TableList": listed[9:]}]

    return check_catalog(lambda service: Glue(), Stack("skvoz-test", "CREATE_COMPLETE", OUTPUTS))


def work_group(most: int | None, **more: Any) -> None:
    athena = client("athena")
    known = [group["Name"] for group in athena.list_work_groups()["WorkGroups"]]
    if "skvoz-test" in known:
        athena.delete_work_group(WorkGroup="skvoz-test")
    settings = {"EnforceWorkGroupConfiguration": True, "ResultConfiguration": {"OutputLocation": "s3://lake/athena/"}}
    settings |= {"EngineVersion": {"SelectedEngineVersion": "Athena engine version 3"}}
    settings |= {"BytesScannedCutoffPerQuery": most} if most else {}
    athena.create_work_group(Name="skvoz-test", Configuration={**settings, **more})


def count_answer() -> None:
    cells = [{"Data": [{"VarCharValue": "n"}]}, {"Data": [{"VarCharValue": "3"}]}]
    info = [{"Name": "n", "Type": "bigint", "Precision": 19, "Scale": 0, "Nullable": "UNKNOWN"}]
    athena_backends[DEFAULT_ACCOUNT_ID][REGION].query_results_queue.append(QueryResults(rows=cells, column_info=info))


def test_a_sound_stack_is_told_so_line_by_line(
    stack: Stack, asked: list[Statement], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []

    def made(sites: Any, now: datetime) -> list[Statement]:
        seen.append([site.site_id for site in sites])
        return asked

    monkeypatch.setattr("infra.smoke.__main__.statements", made)
    create_tables()
    count_answer()
    assert run(client, stack, NOW, lambda _: None) == 0
    lines = capsys.readouterr().out.splitlines()
    told = [re.sub(r"\s+", " ", line) for line in lines if not line.startswith("{")]
    assert told[:4] == [
        f"ok stack skvoz-test: CREATE_COMPLETE, {len(OUTPUTS)} outputs",
        f"ok catalog {len(load().glue_tables()) + len(ALL) + 1} tables in skvoz_test",
        "ok work group skvoz-test: a query is cut off at 100.0 GiB (about $0.49)",
        "ok question 3 rows counted, 0 bytes read, 10 MiB billed",
    ]
    assert "(1 sites and 2 samples)" in told[4]
    assert [line.split()[1] for line in told[5:-1] if "/" in line] == sorted(set(every_file()) - NOT_AT_ATHENA.keys())
    assert told[-1] == f"all {len(asked)} are understood"
    assert seen == [["shop"]]
    sent = [e.query for e in athena_backends[DEFAULT_ACCOUNT_ID][REGION].executions.values()]
    assert len(sent) == len(asked) + 1
    assert [sql for sql in sent if not sql.startswith(EXPLAIN)] == ["SELECT count(*) AS n FROM rule_money"]


def test_a_statement_that_athena_refuses_fails_the_smoke_test_with_its_words(
    stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.smoke.__main__.statements", lambda sites, now: [Statement("hits", "nope", ("x/hits.sql",))])
    monkeypatch.setattr(Stack, "warehouse", lambda self, clients: Engine())
    monkeypatch.setattr("infra.smoke.__main__.all_checks", lambda clients, stack: [])
    assert run(client, stack, NOW, lambda _: None) == 1
    out = capsys.readouterr().out
    assert re.search(r"^FAIL  x/hits\.sql +1\n      hits: FUNCTION_NOT_FOUND: nope$", out, re.MULTILINE)
    assert "1 statements, 1 that Athena does not understand" in out


def test_statements_are_not_explained_where_the_stack_is_not_sound(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(client, stack._replace(status="UPDATE_IN_PROGRESS"), NOW, lambda _: None) == 1
    assert capsys.readouterr().out.startswith("FAIL  stack        skvoz-test is in UPDATE_IN_PROGRESS")


def test_a_stack_that_is_missing_or_of_another_version_is_named(stack: Stack) -> None:
    with pytest.raises(BadInput, match="no stack skvoz-none"):
        find_stack(client, "skvoz-none")
    older = {name: value for name, value in OUTPUTS.items() if name != "LedgerTableName"}
    assert "lacks the outputs LedgerTableName" in check_stack(stack._replace(outputs=older)).words
    assert not check_stack(stack._replace(status="DELETE_COMPLETE")).is_ok


def test_a_catalog_without_marts_says_to_refresh_first() -> None:
    check = catalog({t.name: list(t.columns) for t in load().glue_tables()})
    assert (check.is_ok, "no marts yet: run skvoz refresh --stack skvoz-test" in check.words) == (False, True)


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ("raw_hit", "the template makes them"),
        ("sessions", "of another version: sessions;"),
        ("touches", "of another version: touches;"),
    ],
)
def test_a_table_that_is_missing_is_named(table: str, what: str) -> None:
    assert catalog(TABLES).is_ok
    check = catalog({name: columns for name, columns in TABLES.items() if name != table})
    assert not check.is_ok
    assert table in check.words
    assert what in check.words


def test_a_table_of_an_older_model_is_named() -> None:
    check = catalog({**TABLES, "requests": [("site_id", "string")]})
    assert check.words.startswith("missing or of another version: requests;")


def test_a_work_group_without_its_bound_is_told(stack: Stack) -> None:
    work_group(None)
    check = check_work_group(client, stack)
    assert (check.is_ok, "no bound of bytes a query (MostBytesPerQuery)" in check.words) == (False, True)
    work_group(10**9, EnforceWorkGroupConfiguration=False)
    assert "who asks may go round its settings" in check_work_group(client, stack).words


def test_a_question_that_is_refused_is_told(stack: Stack) -> None:
    broken = stack._replace(outputs={**stack.outputs, "WorkGroupName": "nobody"})
    check = check_question(broken.warehouse(client))
    assert (check.name, check.is_ok) == ("question", False)
    assert "What to do" in check.words


def test_the_name_of_a_stack_is_that_of_samconfig(tmp_path: Path) -> None:
    assert [stack_name(stage) for stage in ("test", "production", "other")] == ["skvoz-test", "skvoz-production", "skvoz-other"]
    config = tmp_path / "samconfig.toml"
    config.write_text(
        'version = 0.1\n[a.global.parameters]\nstack_name = "mine"\n[a.deploy.parameters]\n'
        'parameter_overrides = "Stage=\\"one\\" AlarmMail=a@b.example"\n'
    )
    assert stack_name("one", config) == "mine"
    assert stack_name("one", tmp_path / "none.toml") == "skvoz-one"


@pytest.mark.parametrize(
    ("environment", "stage", "said"),
    [
        ({}, "", "error: say which stage: make smoke STAGE=test\n"),
        ({}, "test", "error: no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY\n"),
        ({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}, "test", "error: no region: set AWS_REGION\n"),
        ({"AWS_PROFILE": "nobody"}, "test", "error: no AWS credentials: The config profile (nobody) could not be found\n"),
    ],
)
def test_without_access_one_line_says_what_is_missing(environment: dict[str, str], stage: str, said: str, tmp_path: Path) -> None:
    bare = {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path), "PATH": "", **environment}
    command = [sys.executable, "-m", "infra.smoke", "--stage", stage, "--stack", ""]
    done = subprocess.run(command, cwd=ROOT, env=bare, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)
