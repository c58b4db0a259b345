"""Documentation is tested against the code: every example runs, every list and limit is the code's own."""

from __future__ import annotations

import http.server
import json
import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args, get_origin
from zoneinfo import ZoneInfo

import pytest
import typer
import yaml
from pydantic import BaseModel

from functions.attribution import left_over, markov, refresh, steps
from functions.collect import batch, hits
from functions.collect.imports import door as import_door
from functions.collect.imports import lines as import_lines
from functions.collect.imports import unpack
from functions.collect.people import contacts
from functions.costs import inbox, messages, parse
from functions.costs.columns import NAMES
from functions.crm_webhook import door as crm_door
from functions.crm_webhook import forms, generic, reading, writing
from functions.crm_webhook.amocrm import adapter as amocrm
from functions.crm_webhook.outcome import Arrival
from functions.numberpool import lease
from functions.numberpool.pbx import calls
from functions.numberpool.pbx.adapter import Heard, Refused
from functions.numberpool.pbx.adapter import Reason as CallReason
from functions.numberpool.pbx.event import CallEvent
from functions.numberpool.pbx.providers.generic import GENERIC
from functions.numberpool.pbx.reading import read_phone
from functions.report import render
from functions.report.view import mail as view_mail
from infra.build.assemble import MOST_BYTES as MOST_BUILT_BYTES
from infra.cli import numbers, replay
from infra.cli.main import app
from infra.cli.sites import warnings_of
from infra.local.gateway import MOST_HEAD_BYTES
from infra.template.model import load
from shared import athena, secrets, sites
from shared.crm_settings import CrmApi, CrmFields, CrmNames
from shared.forms import MOST_NAME, MOST_PAIRS
from shared.http import Request
from shared.money import LARGEST
from shared.number_settings import Numbers
from shared.security import LEAST_KEY_BYTES, REPLAY_WINDOW, verify_webhook
from shared.settings import AMO_CLOSED, SiteSettings, parse_settings
from shared.texts import LIMITS, Reason
from shared.times import from_millis
from tests.requires import missing

ROOT = Path(__file__).parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
METHOD = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {
    "README.md": README,
    "docs/operations.md": OPERATIONS,
    "docs/method.md": METHOD,
    "docs/crm.md": (ROOT / "docs" / "crm.md").read_text(encoding="utf-8"),
    "docs/reports.md": (ROOT / "docs" / "reports.md").read_text(encoding="utf-8"),
}
NOW = datetime(2026, 11, 6, 9, 0, tzinfo=UTC)
SECRET = "whsec_gur9KClSBqm3AbzbYDo8lDxrS3NoIeMy"
KEY = b"identity key of the tests"


def examples(name: str) -> list[str]:
    """Fenced blocks of operations.md that are marked `<!-- example: name -->`."""
    found = re.findall(rf"<!-- example: {name} -->\n```\w*\n(.*?)```", OPERATIONS, re.DOTALL)
    assert found, name
    return list(found)


def rows_of(heading: str) -> list[list[str]]:
    """Rows of the first table under a heading of operations.md, without its head."""
    section = re.split(r"\n## ", OPERATIONS[OPERATIONS.index(f"\n## {heading}\n") + 1 :])[0]
    table = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert table is not None, heading
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[0].splitlines()[2:]]


def names_in(text: str) -> set[str]:
    """What stands in `code`, fenced blocks left out."""
    return set(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))


@pytest.mark.parametrize("body", examples("crm"))
def test_a_crm_example_becomes_records(body: str) -> None:
    result = generic.records_of(body.encode(), Arrival("shop", "msg-1", NOW, KEY), {})
    assert not result.rejected
    kinds = [kind.name for kind, _ in result.records]
    assert kinds == (["payment"] if json.loads(body)["type"].startswith("payment.") else ["crm_event"])


def test_every_type_and_field_of_the_crm_door_is_documented() -> None:
    section = OPERATIONS[OPERATIONS.index("## CRM door") : OPERATIONS.index("## Cost files")]
    assert names_in(section) >= generic.TYPES.keys() | generic.DealData.model_fields.keys()
    for part in (generic.Contact, generic.Product, generic.Payment, generic.Utm):
        assert all(field in section for field in part.model_fields), part


@pytest.mark.parametrize("text", examples("costs"))
def test_a_cost_example_is_imported(text: str) -> None:
    parsed = parse.parse(text.encode(), date(2026, 11, 2))
    assert not parsed.problems, [p.sentence("en") for p in parsed.problems]
    assert parsed.rows
    assert not parsed.unused


def test_the_cost_example_with_mistakes_gives_the_documented_error_file() -> None:
    [text], [wanted] = examples("costs with mistakes"), examples("errors of the costs")
    problems = parse.parse(text.encode(), date(2026, 11, 2)).problems
    assert messages.error_text("ads.csv", problems, ("en",)) == wanted


def test_every_name_of_a_cost_column_is_documented_and_no_other() -> None:
    documented = [names_in(cells[1]) for cells in rows_of("Cost files")]
    assert documented == [set(names) for names in NAMES.values()]


@pytest.mark.parametrize("line", examples("import")[0].splitlines())
def test_an_import_example_becomes_a_record(line: str) -> None:
    kind, record = import_lines.record_of(line.encode(), import_lines.Import("shop", "RUB", NOW, lambda: KEY))
    assert kind.name == json.loads(line)["type"]
    assert record["site_id"] == "shop"


def test_the_documented_fields_of_an_import_are_those_that_are_read() -> None:
    documented = {names_in(cells[0]).pop(): names_in(cells[1]) for cells in rows_of("Import and replay")}
    assert documented == {
        name: (line_type.columns.keys() | line_type.extra) - {"site_id", "occurred_at"}
        for name, line_type in import_lines.TYPES.items()
    }


def _unshown(model: type[BaseModel], shown: Any, place: str = "") -> Iterator[str]:
    """Places of what can be set and is not shown, at every level; of a list, what none of its items shows."""
    items = shown if isinstance(shown, list) else [shown]
    for name, field in model.model_fields.items():
        here, told = f"{place}{name}", [item[name] for item in items if name in item]
        if not told:
            yield here
        for inner in (field.annotation, *get_args(field.annotation)):
            if told and isinstance(inner, type) and issubclass(inner, BaseModel):
                # Of a mapping to models, its values are what is shown.
                is_mapping = get_origin(field.annotation) is dict
                yield from _unshown(inner, list(told[0].values()) if is_mapping else told[0], f"{here}.")


def test_the_settings_example_is_right_and_shows_everything_that_can_be_set() -> None:
    [text] = examples("settings")
    raw = yaml.safe_load(text)
    assert warnings_of(parse_settings(raw)) == []
    shown = raw
    for page in ("docs/crm.md", "docs/reports.md"):  # what belongs to one CRM, and to reports, is shown there
        for part in re.findall(r"<!-- example: settings [\w ]+ -->\n```yaml\n(.*?)```", PAGES[page], re.DOTALL):
            shown = _merged(shown, yaml.safe_load(part))
    # What every CRM's section has alike is shown under amoCRM; the map of `crm.mapped` has tests of its own (test_docs_crm.py).
    alike = {*CrmNames.model_fields, *CrmFields.model_fields, *CrmApi.model_fields, "fields", "api", "mapped"}
    others = re.compile(r"crm\.(?:(?:bitrix24|hubspot|pipedrive)\.(?:fields\.|api\.)?)?(\w+)")
    missing = [one for one in _unshown(SiteSettings, shown) if (found := others.fullmatch(one)) is None or found[1] not in alike]
    assert missing == []
    defaults = Numbers().model_dump() | {"late_call_seconds": Numbers().cool_down_seconds}
    figures = {name: value for name, value in raw["numbers"].items() if name.endswith(("_seconds", "_percent"))}
    assert figures == {name: defaults[name] for name in figures}
    assert raw["crm"]["amocrm"]["fields"].items() >= {(k, v) for k, v in CrmFields().model_dump().items() if v}


def _merged(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return {name: _merged(one.get(name), other.get(name)) for name in one.keys() | other.keys()}
    if isinstance(one, list) and isinstance(other, list):
        return one + other
    return one if other is None else other


def test_the_amocrm_example_has_a_meaning_for_every_stage_and_brings_money() -> None:
    [text] = examples("amocrm settings")
    raw = yaml.safe_load(text)
    site = parse_settings({"site_id": "shop", "name": "Shop", "hosts": ["shop.example"], **raw})
    assert warnings_of(site) == []
    assert site.crm.amocrm is not None
    [rule] = site.stages
    assert rule.stages.keys() == site.crm.amocrm.stages.keys() | AMO_CLOSED.values()
    assert rule.pipeline in site.crm.amocrm.pipelines


def heard(call: dict[str, Any], now: datetime) -> CallEvent:
    """What the generic door reads of a call."""
    request = Request("", {}, {}, {}, {}, json.dumps(call).encode(), "", now, "r")
    (event,) = GENERIC.read(Heard(request, {"site_id": "shop"}, {}, ZoneInfo("UTC"), "", "msg_1")).events
    return event


def test_the_documented_fields_of_a_call_are_those_that_are_read_and_needed() -> None:
    [text] = examples("call")
    call, now = json.loads(text), datetime(2026, 10, 12, 8, 0, tzinfo=UTC)
    documented = {names_in(cells[0]).pop(): cells[1] for cells in rows_of("Numbers and calls")}
    assert documented.keys() == call.keys()
    for name, is_needed in documented.items():
        less = {key: value for key, value in call.items() if key != name}
        if is_needed == "yes":
            with pytest.raises(Refused) as caught:
                heard(less, now)
            assert caught.value.path == name
        else:
            assert heard(less, now) != heard(call | {"duration": 7}, now)
    with pytest.raises(Refused, match="hangup_time"):
        heard({key: value for key, value in call.items() if key not in ("duration", "hangup_time")}, now)


def test_the_documented_spellings_of_a_number_are_one() -> None:
    sentence = OPERATIONS[OPERATIONS.index("Numbers may be spelled") : OPERATIONS.index("numbers of other countries")]
    spellings = names_in(sentence)
    assert len(spellings) == 7
    assert {read_phone(spelling) for spelling in spellings} == {"+74950000031"}


class Received(http.server.ThreadingHTTPServer):
    """Takes one signed event and checks it as the door does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taker)
        self.bodies: list[dict[str, Any]] = []
        self.address = f"http://127.0.0.1:{self.server_address[1]}/v1/crm/generic/shop/token"


class Taker(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        verify_webhook(body, headers, [SECRET], from_millis(int(headers["webhook-timestamp"]) * 1000))
        assert isinstance(self.server, Received)
        self.server.bodies.append(json.loads(body))
        self.send_response(202)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def received() -> Iterator[Received]:
    with Received() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_python_example_signs_what_the_door_accepts(received: Received) -> None:
    names: dict[str, Any] = {}
    exec(examples("sign in python")[0], names)  # noqa: S102 - our own document
    assert names["send"](received.address, SECRET, {"type": "deal.won"}) == 202
    assert received.bodies == [{"type": "deal.won"}]


def test_the_shell_example_signs_what_the_door_accepts(received: Received) -> None:
    if absent := [program for program in ("curl", "openssl", "base64", "od") if shutil.which(program) is None]:
        missing(f"needs {', '.join(absent)}")
    script = f"address={shlex.quote(received.address)}\nsecret={shlex.quote(SECRET)}\n{examples('sign in a shell')[0]}"
    done = subprocess.run(["sh", "-eu"], input=script, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    [body] = received.bodies
    assert not generic.records_of(json.dumps(body).encode(), Arrival("shop", "m", NOW, KEY), {}).rejected


def test_the_parameters_are_those_of_the_template() -> None:
    parameters = load().document["Parameters"]
    shown = {"": "empty", None: "–"}
    wanted = [[f"`{name}`", shown.get(p.get("Default"), str(p.get("Default")))] for name, p in parameters.items()]
    assert [cells[:2] for cells in rows_of("Parameters")] == wanted


def test_every_alarm_is_explained() -> None:
    alarms = {name for name, r in load().document["Resources"].items() if r["Type"] == "AWS::CloudWatch::Alarm"}
    assert set().union(*(names_in(cells[0]) for cells in rows_of("Alarms"))) == alarms


def test_every_metric_is_explained() -> None:
    counted = set()
    for path in [*(ROOT / "functions").rglob("*.py"), *(ROOT / "shared").rglob("*.py")]:
        for call in re.findall(r"(?:count\(|or_try_later\([^{}]*)\{([^}]*)\}", path.read_text(encoding="utf-8")):
            counted |= set(re.findall(r'"([A-Z]\w+)"', call))
    assert set().union(*(names_in(cells[0]) for cells in rows_of("Logs and metrics"))) == counted


def test_every_reason_of_a_rejection_is_listed() -> None:
    listed = {names_in(cells[0]).pop(): names_in(cells[1]) for cells in rows_of("Rejected records")}
    assert listed["hits"] | listed["import"] == set(get_args(Reason))
    assert listed["crm-generic"] - {"raw_gone", "bad_message"} == set(generic.REASONS)
    assert listed["crm-amocrm"] - {"raw_gone", "not_set_up"} == set(amocrm.REASONS)
    assert listed["calls-generic"] == set(get_args(CallReason))
    assert listed["costs"] == messages.TEXTS.keys()


def _days(span: timedelta) -> int:
    return span // timedelta(days=1)


def _minutes(span: timedelta) -> int:
    return span // timedelta(minutes=1)


def test_the_limits_are_those_of_the_code() -> None:
    wanted = {
        "body of a hit batch": f"{batch.MOST_BYTES:,} bytes",
        "hits in a batch": f"{batch.MOST_HITS}",
        "contacts for the vault, of a hit batch": f"{contacts.MOST_KEPT}",
        "age of a hit": f"{_days(hits.OLDEST)} days",
        "a clock ahead of ours": f"{_minutes(hits.CLOCK_TOLERANCE)} minutes",
        "request line and headers (hit.gif)": f"{MOST_HEAD_BYTES:,} bytes",
        "import as sent": f"{unpack.MOST_SENT_BYTES:,} bytes",
        "import unpacked": f"{unpack.MOST_INFLATED_BYTES:,} bytes",
        "lines in an import": f"{unpack.MOST_LINES:,}",
        "one line of an import": f"{unpack.MOST_LINE_BYTES:,} bytes",
        "rejected lines shown in the answer": f"{import_door.MOST_SHOWN:,}",
        "lines in a batch of `skvoz replay`": f"{replay.BATCH_LINES:,}",
        "body of a lease or a renewal": f"{lease.MOST_BYTES:,} bytes",
        "age of a token that leases a number": f"{lease.OLDEST_TOKEN // timedelta(hours=1)} hours",
        "numbers of a pool": f"{numbers.MOST_NUMBERS:,}",
        "body of a call": f"{calls.MOST_BYTES:,} bytes",
        "body of a CRM event": f"{crm_door.MOST_BYTES:,} bytes",
        "contacts for the vault, of a CRM event": f"{writing.MOST_OF_PERSON} a person, {writing.MOST_OF_BODY} in all",
        "fields of an amoCRM body": f"{MOST_PAIRS:,}",
        "name of an amoCRM field": f"{MOST_NAME} bytes, {forms.MOST_DEPTH} names deep",
        "signing key of the CRM and import doors": f"at least {LEAST_KEY_BYTES} bytes",
        "age of a signature": f"{_minutes(REPLAY_WINDOW)} minutes",
        "an id of the CRM": f"{reading.MOST_ID} characters",
        "a request or visitor id": f"{LIMITS['request_id']} characters",
        "cost file": f"{parse.MOST_BYTES:,} bytes",
        "rows in a cost file": f"{parse.MOST_ROWS:,}",
        "days of a cost period": f"{parse.MOST_DAYS}",
        "mistakes listed for a cost file": f"{messages.MOST_PROBLEMS:,}",
        "name of a cost file": f"{inbox.MOST_NAME} characters",
        "amount of money": f"{LARGEST:,}",
        "settings and secrets kept by a function": f"{sites.KEEP.seconds} seconds",
        "lease of a refresh": f"{_minutes(refresh.LEASE)} minutes",
        "time of an Athena statement, queue included": f"{_minutes(athena.MOST_QUERY_TIME)} minutes",
        "wait for a stopped statement": f"{left_over.MOST_STOPPING_TURNS * refresh.POLL_SECONDS // 60} minutes",
        "an engine that does not answer": f"{refresh.MOST_BUSY_TURNS * refresh.BUSY_SECONDS // 60} minutes, then the site is left",
        "rounds of joining persons": f"{steps.MOST_ROUNDS}",
        "states of a Markov chain": f"{markov.MOST_STATES:,}; `skvoz attribute` refuses more",
        "days that one statement writes (Athena)": f"{_longest_chunk()}",
        "wait for one answer of a report": f"{athena.MOST_WAIT_SECONDS:.0f} seconds",
        "recipients of a report": "50",
        "rows of channels in the mail": f"{view_mail.MOST_ROWS}",
        "size of the mail's HTML": f"{render.MOST_MAIL_BYTES:,} bytes",
        "a function unpacked": f"{MOST_BUILT_BYTES:,} bytes",
    }
    assert sites.KEEP == secrets.KEEP
    assert {cells[0]: cells[1] for cells in rows_of("Limits")} == wanted


def _longest_chunk() -> int:
    return min(steps.MOST_CHUNK_DAYS, athena.AthenaWarehouse.most_partitions)


def _commands() -> list[tuple[str, list[str]]]:
    """(page, words) of every `skvoz …` line in a fenced block."""
    found = []
    for page, text in PAGES.items():
        for block in re.findall(r"```(?:sh)?\n(.*?)```", text, re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                if re.match(r"(\.venv/bin/)?skvoz ", line):
                    found.append((page, shlex.split(line.partition(" #")[0])[1:]))
    return found


@pytest.mark.parametrize(("page", "words"), _commands())
def test_a_documented_command_is_understood(page: str, words: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    context = command.make_context("skvoz", list(words), resilient_parsing=True)
    while hasattr(command, "commands") and words and words[0] in command.commands:  # a group may be a command itself
        command = command.commands[words[0]]
        words = words[1:]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= known
    arguments = dict(command.make_context(command.name, list(words), parent=context, resilient_parsing=True).params)
    needed = [p.name for p in command.params if p.required]
    assert all(arguments[name] is not None for name in needed), (page, needed)


@pytest.mark.parametrize("page", PAGES)
def test_links_inside_the_repository_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", PAGES[page]):
        name, _, anchor = target.partition("#")
        path = (ROOT / page).parent / name if name else ROOT / page
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}, target


def test_documented_make_targets_exist() -> None:
    makefiles = (ROOT / "Makefile").read_text(encoding="utf-8") + (ROOT / "infra/build/functions.mk").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefiles, re.MULTILINE))
    told = {name for text in PAGES.values() for name in re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE)}
    assert told
    assert told <= targets


def test_the_map_of_the_readme_names_folders_that_exist() -> None:
    places = re.findall(r"^\| `([\w./]+)` \|", README[README.index("## The map") :], re.MULTILINE)
    assert len(places) >= 9
    assert [place for place in places if not (ROOT / place).exists()] == []
