"""What a real account could break: the stack, its catalog, its work group, and one small question that is billed."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from functions.attribution.ddl import ALL
from infra.template.model import load
from shared.athena import AthenaWarehouse
from shared.errors import BadInput, WarehouseError

Clients = Callable[[str], Any]
ROOT = Path(__file__).resolve().parents[2]
DOLLARS_A_GIB = 5 / 1024  # Athena's price in most regions: $5 a TiB
LEAST_BILLED_BYTES = 10 * 2**20


class Check(NamedTuple):
    """One line of the answer. `words` say what was found, or what is wrong and what to do."""

    name: str
    is_ok: bool
    words: str


class Stack(NamedTuple):
    """A stack in AWS and its outputs."""

    name: str
    status: str
    outputs: Mapping[str, str]

    def warehouse(self, clients: Clients) -> AthenaWarehouse:
        database, work_group, bucket = (self.outputs[name] for name in ("DatabaseName", "WorkGroupName", "LakeBucketName"))
        return AthenaWarehouse(clients("athena"), clients("s3"), database, work_group, bucket)


def stack_name(stage: str, samconfig: Path = ROOT / "samconfig.toml") -> str:
    """The stack that `samconfig.toml` deploys for a stage, else skvoz-{stage}, which is what the documents call it."""
    told: Mapping[str, Any] = tomllib.loads(samconfig.read_text(encoding="utf-8")) if samconfig.is_file() else {}
    for environment in told.values():
        if not isinstance(environment, dict):
            continue
        given = {name: part.get("parameters", {}) for name, part in environment.items()}
        overrides = given.get("deploy", {}).get("parameter_overrides", [])
        listed = overrides.split() if isinstance(overrides, str) else overrides
        if f"Stage={stage}" in [item.replace('"', "") for item in listed]:
            return str(given.get("deploy", {}).get("stack_name") or given.get("global", {}).get("stack_name") or f"skvoz-{stage}")
    return f"skvoz-{stage}"


def find_stack(clients: Clients, name: str) -> Stack:
    """BadInput where there is no such stack in this account and region."""
    from botocore.exceptions import ClientError

    try:
        (told,) = clients("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        raise BadInput(
            f"this account and region have no stack {name}; deploy it, or name it: make smoke STAGE=… STACK=…"
        ) from error
    return Stack(name, told["StackStatus"], {o["OutputKey"]: o["OutputValue"] for o in told.get("Outputs", [])})


def check_stack(stack: Stack) -> Check:
    """It is settled, and has every output that this version of the template gives unconditionally."""
    wanted = {name for name, output in load().document["Outputs"].items() if "Condition" not in output}
    if missing := sorted(wanted - stack.outputs.keys()):
        return Check(
            "stack", False, f"{stack.name} lacks the outputs {', '.join(missing)}: another version is deployed; deploy this one"
        )
    if not stack.status.endswith("_COMPLETE") or stack.status.startswith("DELETE"):
        return Check("stack", False, f"{stack.name} is in {stack.status}; wait, or mend the deployment first")
    return Check("stack", True, f"{stack.name}: {stack.status}, {len(stack.outputs)} outputs")


def check_catalog(clients: Clients, stack: Stack) -> Check:
    """Glue has every table with every column that this version reads or writes, and the view."""
    pages = clients("glue").get_paginator("get_tables").paginate(DatabaseName=stack.outputs["DatabaseName"])
    found = {table["Name"]: _columns(table) for page in pages for table in page["TableList"]}
    raw = {t.name: {name for name, _ in t.columns} for t in load().glue_tables()}
    marts = {table.name: set(table.column_names) for table in ALL} | {"touches": set[str]()}
    if absent := sorted(raw.keys() - found.keys()):
        return Check("catalog", False, f"no table {', '.join(absent)}; the template makes them: deploy this version")
    if not marts.keys() & found.keys():
        return Check("catalog", False, f"no marts yet: run skvoz refresh --stack {stack.name}, and this again when it is complete")
    wrong = [name for name, columns in {**raw, **marts}.items() if not columns <= found.get(name, set())]
    wrong += sorted(marts.keys() - found.keys() - set(wrong))
    if wrong:
        names = ", ".join(sorted(wrong))
        words = f"missing or of another version: {names}; deploy this version, then run skvoz refresh --stack {stack.name}"
        return Check("catalog", False, words)
    return Check("catalog", True, f"{len(found)} tables in {stack.outputs['DatabaseName']}")


def _columns(table: Mapping[str, Any]) -> set[str]:
    return {column["Name"] for column in table.get("StorageDescriptor", {}).get("Columns", [])}


def check_work_group(clients: Clients, stack: Stack) -> Check:
    """It is on, bounds what a query may read, and nobody's own settings go round that."""
    name = stack.outputs["WorkGroupName"]
    group = clients("athena").get_work_group(WorkGroup=name)["WorkGroup"]
    told = group.get("Configuration", {})
    most, engine = told.get("BytesScannedCutoffPerQuery"), told.get("EngineVersion", {})
    wrong = [
        words
        for is_wrong, words in (
            (group.get("State", "ENABLED") != "ENABLED", "it is switched off"),
            (not most, "no bound of bytes a query (MostBytesPerQuery)"),
            (not told.get("EnforceWorkGroupConfiguration"), "who asks may go round its settings"),
            (not told.get("ResultConfiguration", {}).get("OutputLocation"), "no place for results"),
            (
                "3" not in engine.get("EffectiveEngineVersion", engine.get("SelectedEngineVersion", "3")),
                f"not engine version 3: {engine}",
            ),
        )
        if is_wrong
    ]
    if wrong:
        return Check("work group", False, f"{name}: {'; '.join(wrong)}. Somebody changed it by hand: deploy this version again")
    return Check("work group", True, f"{name}: a query is cut off at {_bytes(most)} (about ${most / 2**30 * DOLLARS_A_GIB:.2f})")


def check_question(warehouse: AthenaWarehouse) -> Check:
    """One real SELECT over the smallest of the rule tables: rights on catalog, lake and results, and what is billed."""
    try:
        answer = warehouse.rows("SELECT count(*) AS n FROM rule_money")
    except WarehouseError as error:
        return Check("question", False, error.message)
    read = warehouse.bytes_scanned
    billed = max(read, LEAST_BILLED_BYTES)
    return Check("question", True, f"{answer[0]['n']} rows counted, {read:,} bytes read, {_bytes(billed)} billed")


def _bytes(count: int) -> str:
    return f"{count / 2**30:,.1f} GiB" if count >= 2**30 / 10 else f"{count / 2**20:,.0f} MiB"


def all_checks(clients: Clients, stack: Stack) -> Sequence[Check]:
    """In the order in which they build on each other; the first one that fails is the last one asked."""
    asked: tuple[Callable[[], Check], ...] = (
        lambda: check_stack(stack),
        lambda: check_catalog(clients, stack),
        lambda: check_work_group(clients, stack),
        lambda: check_question(stack.warehouse(clients)),
    )
    done: list[Check] = []
    for ask in asked:
        done.append(ask())
        if not done[-1].is_ok:
            break
    return done
