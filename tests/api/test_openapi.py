"""docs/openapi.yaml says what the template routes, what the code limits, and what errors look like."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from functions.collect import batch, hits, script
from functions.collect.imports import door as imports
from functions.collect.imports import unpack
from functions.collect.people import contacts, who
from functions.crm_webhook import door as crm
from functions.numberpool import lease
from functions.numberpool.asking.outcome import Reason as LeaseReason
from functions.numberpool.pbx import calls, reading
from functions.numberpool.pbx.providers import ADAPTERS
from functions.numberpool.pbx.resolve import ResolvedBy
from functions.report import handler as report
from infra.local import gateway
from infra.template.model import load
from shared import errors, security, visitors
from shared.records import KINDS
from shared.security import LEAST_KEY_BYTES, REPLAY_WINDOW
from tests.api.openapi import document, operations

DAY = 86_400
LIMITS = {
    "hit_batch_bytes": batch.MOST_BYTES,
    "hits_in_a_batch": batch.MOST_HITS,
    "age_of_a_hit_days": hits.OLDEST.days,
    "clock_ahead_seconds": hits.CLOCK_TOLERANCE.seconds,
    "visitor_token_characters": visitors.MOST_TOKEN,
    "visitor_cookie_seconds": who.COOKIE_SECONDS,
    "import_bytes_as_sent": unpack.MOST_SENT_BYTES,
    "import_bytes_unpacked": unpack.MOST_INFLATED_BYTES,
    "import_lines": unpack.MOST_LINES,
    "import_line_bytes": unpack.MOST_LINE_BYTES,
    "import_rejected_lines_shown": imports.MOST_SHOWN,
    "lease_body_bytes": lease.MOST_BYTES,
    "age_of_a_token_that_leases_hours": lease.OLDEST_TOKEN.total_seconds() / 3600,
    "call_body_bytes": calls.MOST_BYTES,
    "id_of_a_call_characters": reading.MOST_ID,
    "crm_body_bytes": crm.MOST_BYTES,
    "signature_age_seconds": REPLAY_WINDOW.seconds,
    "signing_key_bytes": LEAST_KEY_BYTES,
    "report_token_characters": report.MOST_TOKEN,
    "script_cached_seconds": script.MAX_AGE_SECONDS,
    "gateway_head_bytes": gateway.MOST_HEAD_BYTES,
    "gateway_body_bytes": gateway.MOST_BODY_BYTES,
}


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = document()["components"]["schemas"][name]
    return found


def property_of(name: str, *path: str) -> Any:
    place: Any = schema(name)
    for step in path:
        place = place["properties"][step]
    return place


def test_the_description_is_valid_openapi() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(document()).iter_errors()] == []


def test_it_describes_every_route_of_the_template_and_no_other() -> None:
    described = sorted(f"{method.upper()} {path}" for method, path, _ in operations().values())
    assert described == sorted(route.replace("+}", "}") for route, _ in load().routes())


def test_every_parameter_of_a_path_is_described() -> None:
    parameters = document()["components"]["parameters"]
    for name, (_, path, operation) in operations().items():
        given = [parameters[p["$ref"].rpartition("/")[2]] if "$ref" in p else p for p in operation.get("parameters", ())]
        assert {p["name"] for p in given if p["in"] == "path"} == set(re.findall(r"\{(\w+)\}", path)), name


def test_its_limits_are_those_of_the_code() -> None:
    assert document()["x-limits"] == LIMITS
    assert security.REPLAY_WINDOW.days == 0


def test_limits_in_the_schemas_are_the_same() -> None:
    assert property_of("Batch", "hits")["maxItems"] == batch.MOST_HITS
    assert schema("VisitorToken")["maxLength"] == visitors.MOST_TOKEN
    assert schema("ImportTaken")["properties"]["rejected"]["maxItems"] == imports.MOST_SHOWN
    assert property_of("Call", "call_id")["maxLength"] == reading.MOST_ID
    assert property_of("Call", "duration")["maximum"] == reading.MOST_SECONDS
    for kind in ("phones", "emails"):
        assert property_of("Hit", "contact", kind)["maxItems"] == contacts.MOST_VALUES
        assert property_of("Hit", "contact", kind)["items"]["maxLength"] == contacts.MOST_LETTERS
    assert f"{gateway.MOST_HEAD_BYTES:,} bytes" in document()["components"]["responses"]["HeadTooLarge"]["description"]
    assert set(property_of("NumberGiven", "reason")["enum"]) == set(get_args(LeaseReason))
    limits = {column.name: column.limit for column in KINDS["request"].columns}
    assert property_of("Hit", "request_id")["maxLength"] == limits["request_id"]


def test_kinds_and_outcomes_are_the_code_s_own_words() -> None:
    assert set(property_of("Hit", "kind")["enum"]) == set(hits.TRACKER_KINDS)
    pixel = {p.get("name"): p for p in operations()["getPixel"][2]["parameters"]}
    assert set(pixel["kind"]["schema"]["enum"]) == set(hits.PIXEL_KINDS)
    assert set(schema("ResolvedBy")["enum"]) == set(get_args(ResolvedBy))
    assert document()["components"]["parameters"]["Provider"]["schema"]["enum"] == list(ADAPTERS)


@pytest.mark.parametrize("error", [errors.BadInput, errors.TooLarge, errors.WrongType, errors.Unauthorized, errors.Forbidden,
                                   errors.NotFound, errors.TryLater])  # fmt: skip
def test_an_error_is_described_under_its_own_status_with_its_own_code(error: type[errors.SkvozError]) -> None:
    described = document()["components"]["schemas"][error.__name__]
    assert described["allOf"][1]["properties"]["error"]["properties"]["code"] == {"const": error.code}
    assert error.code in property_of("Error", "error", "code")["enum"]
    for name, (_, _, operation) in operations().items():
        for status, response in operation["responses"].items():
            if response.get("$ref", "").endswith(f"/{error.__name__}"):
                assert status == str(error.status), name


def test_no_described_answer_is_a_5xx_but_try_later() -> None:
    statuses = {status for _, _, operation in operations().values() for status in operation["responses"]}
    assert {status for status in statuses if status.startswith("5")} == {"503"}


def test_the_cookie_outlives_a_year_as_described() -> None:
    assert LIMITS["visitor_cookie_seconds"] == 400 * DAY
