"""Documentation that talks to the doors: its checks and its signing example run, as they stand, against the local stack."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from infra.local.clock import RealClock
from infra.local.stack import LocalStack
from infra.shop.pool import add_numbers
from shared.security import token_sha256
from shared.settings import parse_settings
from tests.requires import missing
from tests.unit.test_docs_examples import SECRET, examples

TOKEN = "crm-token-of-the-documents"
NUMBER = "+74950000031"
SETTINGS: dict[str, Any] = {
    "site_id": "shop",
    "name": "Shop",
    "hosts": ["shop.example"],
    "crm": {"token_sha256": [token_sha256(TOKEN)], "amocrm": {}},
    "numbers": {"default": "+74950000001"},
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with LocalStack(tmp_path_factory.mktemp("doors"), RealClock()) as stack:
        stack.publish(parse_settings(SETTINGS))
        stack.put_secret("shop/calls-generic", SECRET)
        add_numbers(stack, "shop", [NUMBER])
        yield stack


def shell(name: str, site: str = "shop", **variables: str) -> str:
    """What an example prints, for another `site` if one is named; `variables` are those that its text says are set."""
    if absent := [program for program in ("curl", "python3") if shutil.which(program) is None]:
        missing(f"needs {', '.join(absent)}")
    script = examples(name)[0].replace('"site": "shop"', f'"site": "{site}"').replace("/shop/", f"/{site}/")
    head = "".join(f"{key}={shlex.quote(value)}\n" for key, value in variables.items())
    done = subprocess.run(["sh", "-eu"], input=head + script, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def python() -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(examples("sign calls in python")[0], names)  # noqa: S102 - our own document
    return names


def call(**changes: Any) -> dict[str, Any]:
    """The documented call, of this moment."""
    now = datetime.now(UTC).isoformat()
    return {**json.loads(examples("call")[0]), "start_time": now, "agent_answer_time": now, "hangup_time": now, **changes}


def test_the_check_of_the_tracker_is_answered_as_told_and_counts_as_a_test(stack: LocalStack) -> None:
    text = shell("check the tracker", api=stack.url)
    assert '"accepted":1' in text
    assert json.loads(text)["token"]
    stored = [json.loads(line) for body in stack.objects("LakeBucket", "raw/hit/").values() for line in body.splitlines()]
    assert [hit["is_test"] for hit in stored] == [True]


def test_the_check_of_the_tracker_names_what_is_wrong(stack: LocalStack) -> None:
    stack.publish(parse_settings({**SETTINGS, "site_id": "other", "hosts": ["other.example"]}))
    for site, code in (("other", "forbidden"), ("nowhere", "not_found")):
        assert json.loads(shell("check the tracker", site, api=stack.url))["error"]["code"] == code


def test_the_check_of_the_numbers_and_the_signed_examples_go_together(stack: LocalStack) -> None:
    token = json.loads(shell("check the tracker", api=stack.url))["token"]
    text = shell("check the numbers", api=stack.url, token=token)
    assert '"kind":"dynamic"' in text
    assert json.loads(text)["number"] == NUMBER
    names = python()
    asked = names["ask"](stack.url, SECRET, "shop", "74950000031", "79000000017")
    assert (asked["number"], asked["resolved_by"]) == (NUMBER, "lease")
    answer = names["tell"](stack.url, SECRET, "shop", call())
    assert answer["resolved_by"] == "lease"
    assert answer["visitor_id"] == asked["visitor_id"]
    assert answer["request_id"]


def test_a_call_signed_with_another_secret_is_refused(stack: LocalStack) -> None:
    with pytest.raises(HTTPError, match="401"):
        python()["tell"](stack.url, SECRET[:-4] + "AAAA", "shop", call())
    with pytest.raises(HTTPError, match="401"):
        python()["ask"](stack.url, SECRET[:-4] + "AAAA", "shop", "74950000031", "79000000017")


def test_a_call_that_cannot_be_read_is_kept_as_the_example_shows(stack: LocalStack) -> None:
    with pytest.raises(HTTPError, match="400"):
        python()["tell"](stack.url, SECRET, "shop", call(is_outgoing="in"))
    [body] = stack.objects("LakeBucket", "rejected/calls-generic/").values()
    kept, shown = json.loads(body), json.loads(examples("rejected call")[0])
    assert kept.keys() == shown.keys()
    same = ("site_id", "door", "reason", "message")
    assert {name: kept[name] for name in same} == {name: shown[name] for name in same}
    pattern = re.escape(shown["content"]).replace("2026/10/12/07", r"\d{4}/\d\d/\d\d/\d\d").replace("ID", r"[\w-]+")
    assert re.fullmatch(pattern, kept["content"])
    assert json.loads(stack.objects("LakeBucket", kept["content"])[kept["content"]])["is_outgoing"] == "in"


def test_the_check_of_amocrm_tells_a_good_address_and_makes_no_deal(stack: LocalStack) -> None:
    assert shell("check amocrm", api=stack.url, token=TOKEN) == "202\n"
    assert shell("check amocrm", api=stack.url, token="another") == "401\n"
    stack.publish(parse_settings({**SETTINGS, "site_id": "shut", "crm": {"token_sha256": [token_sha256(TOKEN)]}}))
    assert shell("check amocrm", api=stack.url, token=TOKEN, site="shut") == "401\n"
    stack.pump()
    assert stack.objects("LakeBucket", "quarantine/crm-amocrm/")
    assert not stack.objects("LakeBucket", "raw/crm_event/")
    assert not stack.objects("LakeBucket", "rejected/crm-amocrm/")


def test_the_commands_that_print_the_outputs_name_the_stack_of_the_page() -> None:
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    assert set(re.findall(r"(?:stack-outputs|describe-stacks) --stack-name (\S+)", text)) == {"skvoz-test"}
