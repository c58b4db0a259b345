"""Every CRM's webhook at the one door, over HTTP: what is proved is kept, what is forged, replayed or hostile is not."""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from infra.cli.crm.queues import waiting
from infra.local.clock import SimulatedClock
from infra.local.gateway import Answer
from infra.local.stack import LocalStack
from shared.security import sign_webhook
from tests.api.crm_senders import FORM, JSON, PROVIDERS, SIGNING, SITE, TOKEN, Hook, hook, kept, open_doors

NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
SIGNED = ("generic", "signed", "hubspot")
# What a hostile or broken sender may put after good proof. The generic door alone judges bodies before it keeps them.
HOSTILE = {
    "brackets without end": b"[" * 100_000,
    "objects without end": b'{"a":' * 40_000,
    "a form of brackets": b"a" + b"[x]" * 60_000 + b"=1",
    "a form of ten thousand fields": b"&".join(b"a[%d]=1" % number for number in range(10_001)),
    "no UTF-8": b"\xff\xfe\x00leads",
    "windows-1251": "leads[add][0][name]=Сделка".encode("cp1251"),
    "escapes of windows-1251": b"leads[add][0][name]=" + quote("Сделка".encode("cp1251")).encode(),
    "nothing": b"",
    "an index of 41 million": b"leads[add][41870233][id]=7",
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with LocalStack(tmp_path_factory.mktemp("senders"), SimulatedClock(NOW)) as stack:
        open_doors(stack)
        yield stack


@pytest.fixture(autouse=True)
def _empty(stack: LocalStack) -> None:
    kept(stack)


def send(stack: LocalStack, hook: Hook, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    return stack.call(
        "POST", hook.path, {"host": "localhost", **hook.headers, **(headers or {})}, hook.body if body is None else body
    )


def test_a_handful_of_every_crm_over_http_is_kept_and_queued(stack: LocalStack) -> None:
    host = stack.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=10)
    hooks = [hook(provider, number, NOW, host) for number, provider in enumerate(PROVIDERS * 3)]
    for one in hooks:
        connection.request("POST", one.path, one.body, dict(one.headers))
        answer = connection.getresponse()
        assert (answer.status, one.provider) == (202, one.provider), answer.read()
        answer.read()
    connection.close()
    assert kept(stack) == sorted(one.body for one in hooks)


@pytest.mark.parametrize("provider", SIGNED)
def test_a_changed_body_and_a_late_repeat_are_refused(stack: LocalStack, provider: str) -> None:
    good = hook(provider, 7, NOW)
    assert send(stack, good, good.body.replace(b"7", b"8")).status == 401
    for shift in (timedelta(minutes=5, seconds=1), timedelta(minutes=-5, seconds=-1)):
        assert send(stack, hook(provider, 7, NOW + shift)).status == 401
    assert kept(stack) == []
    assert send(stack, good).status == send(stack, good).status == 202  # a repeat in time does no harm: records are equal
    assert len(kept(stack)) == 2


@pytest.mark.parametrize("provider", SIGNED)
def test_proof_of_one_door_opens_no_other(stack: LocalStack, provider: str) -> None:
    good = hook(provider, 7, NOW)
    for other in SIGNED:
        if other != provider and not {provider, other} <= {"generic", "signed"}:
            assert send(stack, good._replace(path=good.path.replace(f"/{provider}/", f"/{other}/"))).status == 401


def test_hubspots_signature_holds_for_its_own_address_alone(stack: LocalStack) -> None:
    assert send(stack, hook("hubspot", 7, NOW, "elsewhere.example")).status == 401
    good = hook("hubspot", 7, NOW)
    assert send(stack, good._replace(path=good.path + "?x=1")).status == 401
    assert send(stack, good, headers={"host": "elsewhere.example"}).status == 401


def test_a_password_that_is_another_is_refused_and_so_is_none(stack: LocalStack) -> None:
    good = hook("pipedrive", 7, NOW)
    for told in ("", "Basic !!!", "Basic Y3JtOndyb25n", "Bearer x", "Basic"):
        assert send(stack, good, headers={"authorization": told}).status == 401


def test_a_portals_token_is_looked_for_in_the_body_alone(stack: LocalStack) -> None:
    good = hook("bitrix24", 7, NOW)
    assert send(stack, good, good.body.replace(b"application-token", b"other")).status == 401
    assert send(stack, good, b"event=ONCRMDEALADD").status == 401


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x"])
def test_without_the_paths_token_good_proof_is_none(stack: LocalStack, provider: str, token: str) -> None:
    good = hook(provider, 7, NOW)
    assert send(stack, good._replace(path=f"/v1/crm/{provider}/{SITE}/{token}")).status in (401, 404)
    assert kept(stack) == []


@pytest.mark.parametrize("kind", [JSON, FORM, "text/plain", "application/octet-stream"])
@pytest.mark.parametrize("provider", ["amocrm", "shop", "pipedrive", "generic"])
def test_a_body_of_five_megabytes_is_413(stack: LocalStack, provider: str, kind: str) -> None:
    answer = send(stack, hook(provider, 7, NOW), b"x" * 5_000_000, {"content-type": kind})
    assert answer.status == 413
    assert kept(stack) == []


def test_a_body_of_five_megabytes_over_http_is_413(stack: LocalStack) -> None:
    connection = http.client.HTTPConnection(stack.url.removeprefix("http://"), timeout=10)
    connection.request("POST", f"/v1/crm/amocrm/{SITE}/{TOKEN}", b"x" * 5_000_000, {"content-type": FORM})
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("provider", ["amocrm", "pipedrive", "shop"])
def test_a_hostile_body_with_good_proof_is_kept_worked_and_rejected(stack: LocalStack, provider: str, what: str) -> None:
    before = {place: len(stack.objects("LakeBucket", place)) for place in (f"rejected/crm-{provider}/", "raw/crm_event/")}
    answer = send(stack, hook(provider, 7, NOW), HOSTILE[what], {"content-type": "application/octet-stream"})
    assert answer.status == 202
    stack.pump()
    assert waiting(stack.aws.queue_url("CrmQueue")) == (0, 0)  # nothing circles in the queue
    rejected, stored = (len(stack.objects("LakeBucket", place)) - count for place, count in before.items())
    # amoCRM's forms have an id under any index: the one body that tells a deal.
    is_deal = provider == "amocrm" and what == "an index of 41 million"
    assert (rejected, stored) == ((0, 1) if is_deal else (1, 0))


@pytest.mark.parametrize("what", HOSTILE)
def test_the_generic_door_tells_its_sender_what_is_wrong_with_a_signed_body(stack: LocalStack, what: str) -> None:
    body = HOSTILE[what]
    told = {"content-type": "application/octet-stream", **sign_webhook(body, "msg-1", SIGNING, NOW)}
    answer = stack.call("POST", f"/v1/crm/generic/{SITE}/{TOKEN}", told, body)
    assert answer.status == 400
    assert kept(stack) == []


def test_a_body_that_a_gateway_took_the_letters_of_is_rejected_with_what_to_do(stack: LocalStack) -> None:
    """JSON is text to the gateway: what is no UTF-8 is lost before anybody can read it."""
    body = '{"id": "7", "stage": "Оплачен"}'.encode("cp1251")
    assert send(stack, hook("shop", 7, NOW), body).status == 202
    before = set(stack.objects("LakeBucket", "rejected/crm-shop/"))
    stack.pump()
    new = [text for key, text in stack.objects("LakeBucket", "rejected/crm-shop/").items() if key not in before]
    assert len(new) == 1
    assert b'"reason":"wrong_encoding"' in new[0]
    assert b"application/octet-stream" in new[0]
