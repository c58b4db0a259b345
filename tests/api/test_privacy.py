"""Ordinary and hostile traffic through every door, then a look into every bucket, queue, table, mart and log.

Plain phones, e-mails and names may be found in the quarantine of raw bodies, in the vault of a site that has one, and in cost files
as their owner uploaded them. Secrets are found nowhere (docs/method.md, privacy).
"""

from __future__ import annotations

import email
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from infra.local.clock import SimulatedClock
from infra.local.stack import LocalStack
from shared.aws import client
from shared.engines import engine
from shared.leases import pool_key
from shared.security import sign_webhook, token_sha256
from shared.settings import parse_settings
from shared.times import to_millis
from tests.api.openapi import signature_headers_of_a_get
from tests.api.people import Person, places, queues, traced

NOW = datetime(2026, 10, 29, 13, 20, 41, 250_000, tzinfo=UTC)
SITES = ("hash", "vault", "quiet")  # quiet: its forms tell no contacts
DOORS = (
    *("form", "hits", "pixel", "import", "crm", "crm_refused", "amocrm", "amocrm_junk"),
    *("call", "call_refused", "numbers", "page", "costs"),
)
PEOPLE = {(site, door): Person(f"{site} {door}", n) for n, (site, door) in enumerate((s, d) for s in SITES for d in DOORS)}
READER = Person("reader", 300)
# Raw bodies wait in the quarantine: the doors that keep them, and whom each of them names.
RAW = {"crm-generic": {"crm"}, "crm-amocrm": {"amocrm", "amocrm_junk"}, "calls-generic": {"call", "call_refused"}}
SECRETS = {
    "crm path token": "canary-path-token-4f1c",
    "import": "whsec_Y2FuYXJ5LWltcG9ydC1jYW5hcnktaW1wb3J0LWNhbg==",
    "crm-generic": "whsec_Y2FuYXJ5LWNybS1jYW5hcnktY3JtLWNhbmFyeS1jcg==",
    "calls-generic": "whsec_Y2FuYXJ5LWNhbGxzLWNhbmFyeS1jYWxscy1jYW5hcg==",
    "identity": "canary-identity-key-77ab",
    "visitor": "canary-visitor-secret-90de",
    "proxy": "canary-proxy-token-51be",
}
VIEWER = "198.51.100.77"  # the address that the site's proxy tells of each caller; kept masked
IDS = count(1)


class Play:
    """Posts as the doors' callers do, all of them about one site's people."""

    def __init__(self, stack: LocalStack, site: str) -> None:
        self.stack, self.site, self.token, self.cookie = stack, site, "", ""

    def person(self, door: str) -> Person:
        return PEOPLE[self.site, door]

    def post(self, path: str, content_type: str, body: bytes, secret: str = "", webhook_id: str = "", **headers: str) -> Any:
        signed = sign_webhook(body, webhook_id or f"msg-{next(IDS)}", SECRETS[secret], NOW) if secret else {}
        through = {"origin": f"https://{self.site}.example", "x-skvoz-proxy": SECRETS["proxy"], "x-skvoz-viewer": VIEWER}
        return self.stack.call("POST", path, {"content-type": content_type, **through, **signed, **headers}, body)

    def hits(self, *hits: Mapping[str, Any], status: int = 202, text: str = "", **batch: Any) -> Any:
        sent = {"site": self.site, "sent_at": to_millis(NOW), **({"visitor": self.token} if self.token else {}), **batch}
        full = [
            {"id": _uuid(), "kind": "page_view", "t": to_millis(NOW), "url": f"https://{self.site}.example/", **h} for h in hits
        ]
        ascii_text = text.encode("ascii", "replace").decode()
        told = ("user-agent", "accept-language", "cloudfront-viewer-city", "cloudfront-viewer-country-region-name", "x-skvoz-host")
        answer = self.post("/v1/hits", "text/plain", json.dumps({**sent, "hits": full}).encode(), **dict.fromkeys(told, ascii_text))
        assert answer.status == status, answer.body
        return answer

    def play(self) -> None:
        for part in (
            self.form,
            self.free_text,
            self.pixel,
            self.imports,
            self.crm,
            self.amocrm,
            self.calls,
            self.numbers,
            self.page,
        ):
            part()
        self.costs()

    def form(self) -> None:
        """A form with contacts; the answer's token is a secret from here on."""
        person = self.person("form")
        contact = {"phones": [person.phones()[8], "нет"], "emails": [person.email.upper()]}
        answer = self.hits({"kind": "form", "form": "Замер", "request_id": f"{self.site}-r1", "contact": contact})
        self.token, self.cookie = answer.json()["token"], str(answer.header("set-cookie"))
        assert self.token in self.cookie
        self.hits({"kind": "form", "form": "Замер", "contact": contact})  # without a request
        self.hits({"kind": "form", "form": "Замер", "request_id": f"{self.site}-r2", "contact": contact}, consent="denied")
        for bad in ([person.phone], {"phones": person.phone}, {"phones": [{person.phone: person.email}]}, person.email):
            self.hits({"kind": "form", "request_id": f"{self.site}-r3", "contact": bad})

    def free_text(self) -> None:
        person, uuid = self.person("hits"), "0199d7a1-5c30-7d44-8a55-7f0a1b2c3d"
        texts = person.texts() if self.site == "hash" else person.texts()[::5]
        for text in texts:
            value = text.removeprefix("звоните ")
            common = {**dict.fromkeys(("title", "name", "screen", "lang", "form"), text), **_addresses(self.site, value)}
            self.hits(
                {**common, "kind": "event"},
                {**common, "kind": "form"},
                {**common, "kind": "form", "request_id": text},
                {**common, "id": text},
                {
                    **common,
                    "kind": "form",
                    "request_id": f"r-{next(IDS)}",
                    "contact": {"phones": [text], "emails": [text], "name": text},
                },
                {**common, "id": f"{uuid}05", "title": [f"a\n{text}"], "ref": {"a": f"a\t{text}"}},
                {"kind": text, "contact": {"phones": [text]}, text: text},
                text=text,
                lease={"number": text, "id": text},
            )
            self.hits({"title": text}, status=400, consent=text)
            self.post("/v1/hits", "text/plain", f'{{"site": "{self.site}", "{text}'.encode())
            self.post(
                "/v1/hits", "text/plain", json.dumps({"site": text, "hits": [text]}).encode(), referer=f"https://{quote(text)}"
            )

    def pixel(self) -> None:
        person = self.person("pixel")
        for text in person.texts()[:: 1 if self.site == "hash" else 7]:
            addresses = _addresses(self.site, text.removeprefix("звоните "))
            for more in (
                {},
                {"id": text},
                {"kind": text},
                {"consent": text},
                {"visitor": text},
                {"visitor": self.token, "consent": text},
            ):
                query = {"site": self.site, "url": addresses["url"], "ref": addresses["ref"], "title": text, **more}
                through = {"x-skvoz-proxy": SECRETS["proxy"], "x-skvoz-viewer": VIEWER}
                assert self.stack.call("GET", f"/v1/hit.gif?{urlencode(query)}", through).status == 200

    def imports(self) -> None:
        person, head = self.person("import"), {"occurred_at": "2026-10-12T10:40:26+03:00"}
        request = {**head, "type": "request", "contact_channel": "form"}
        lines: list[Any] = [{**request, "phone": person.phone, "email": person.email}]
        for text in person.texts()[:: 1 if self.site == "hash" else 7]:
            words = dict.fromkeys(("page_title", "event_name", "user_agent", "language", "screen", "region", "city"), text)
            page = _addresses(self.site, text.removeprefix("звоните "))
            lines += [
                {**head, "type": "hit", **words, "page_url": page["url"], "referrer": page["ref"]},
                {**request, "form_name": text, "page_url": page["url"]},
                {**request, "request_id": text},
                {**head, "type": "hit", "visitor_id": text},
                {**head, "type": "hit", **words, "page_url": page["url"], "consent": f"a\n{text}"},
                {**head, "type": "hit", text: 1},
                {**head, "type": "payment", "deal_id": _uuid(), "amount": 1, "provider": text},
                text,
            ]
        body = "\n".join(line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines).encode()
        assert self.post(f"/v1/import?site={self.site}", "application/octet-stream", body, "import").status == 202
        assert self.post(f"/v1/import?site={self.site}", "application/octet-stream", body, "crm-generic").status == 401

    def crm(self) -> None:
        person, path = self.person("crm"), f"/v1/crm/generic/{self.site}/{SECRETS['crm path token']}"
        texts = person.texts()[:: 1 if self.site == "hash" else 7]
        for text in texts:
            contact = {"id": text, "name": person.name, "phones": [person.phone, text], "emails": [person.email]}
            words = dict.fromkeys(
                ("pipeline", "stage", "loss_reason", "manager", "branch", "visitor_id", "request_id", "order_id"), text
            )
            data = {"deal_id": _uuid(), **words, "contact": contact, "utm": {"source": person.email}, "comment": person.name}
            for kind in ("deal.updated", f"deal.{text}"):
                body = json.dumps({"type": kind, "timestamp": NOW.isoformat(), "data": data}, ensure_ascii=False).encode()
                webhook_id = f"{text} {next(IDS)}".encode("ascii", "replace").decode()
                assert self.post(path, "application/json", body, "crm-generic", webhook_id).status == 202
        refused = self.person("crm_refused")
        body = json.dumps({"data": {"name": refused.name, "phone": refused.phone}}).encode()
        assert self.post(path, "application/json", body, "import").status == 401
        assert self.post(path, "application/json", body[:-5], "crm-generic").status == 400
        assert (
            self.post(f"/v1/crm/generic/{self.site}/{quote(refused.phone)}", "application/json", body, "crm-generic").status == 401
        )

    def amocrm(self) -> None:
        person, junk = self.person("amocrm"), self.person("amocrm_junk")
        path, at = f"/v1/crm/amocrm/{self.site}/{SECRETS['crm path token']}", str(int(NOW.timestamp()))
        lead = {
            "id": "7",
            "name": f"Заявка: {person.name} {person.phone}",
            "status_id": "142",
            "pipeline_id": "1",
            "last_modified": at,
        }
        fields = {f"leads[add][0][{name}]": value for name, value in lead.items()}
        who = {"id": "9", "name": person.name, "type": "contact", "last_modified": at, "linked_leads_id][7][ID": "7"}
        fields |= {f"contacts[update][0][{name}]": value for name, value in who.items()}
        for number, (code, value) in enumerate((("PHONE", person.phones()[8]), ("EMAIL", person.email), ("", person.phone))):
            field = f"contacts[update][0][custom_fields][{number}]"
            fields |= {f"{field}[code]": code, f"{field}[name]": person.name, f"{field}[values][0][value]": value}
        for number, name in enumerate(("skvoz_request_id", "skvoz_visitor_id", "UTM_SOURCE")):
            field = f"leads[add][0][custom_fields][{number}]"
            fields |= {f"{field}[code]": name, f"{field}[name]": name, f"{field}[values][0][value]": person.email}
        fields |= {
            "leads[note][0][note][text]": f"{person.name} {person.email}",
            "leads[add][0][tags][0][name]": f"{person.phone} {person.email}",
        }
        form = "application/x-www-form-urlencoded"
        assert self.post(path, form, urlencode(fields).encode(), **{"user-agent": person.email}).status == 202
        for body in (f"{junk.phone}={junk.email}", f"leads[add][0][id]={junk.email}&x={junk.name}", f"{junk.name}[" + "a][" * 40):
            assert self.post(path, form, body.encode()).status == 202

    def calls(self) -> None:
        person, refused = self.person("call"), self.person("call_refused")
        times = {"start_time": NOW.isoformat(), "agent_answer_time": None, "hangup_time": NOW.isoformat(), "duration": 0}
        call = {
            "our_number": "+74950000031",
            "is_outgoing": 0,
            "user_data": {"lead": person.name},
            "session_data": [person.email],
            **times,
        }
        for number, phone in enumerate(person.phones()):
            body = json.dumps({**call, "call_id": f"c{number}", "client_number": phone}, ensure_ascii=False).encode()
            assert self.post(f"/v1/calls/generic/{self.site}", "application/json", body, "calls-generic").status == 200
        for wrong in (
            {"start_time": refused.phone},
            {"our_number": refused.email},
            {"is_outgoing": refused.name},
            {"duration": refused.email},
        ):
            told = {**call, "call_id": "c", "client_number": refused.phone, "agent_answer_time": NOW.isoformat(), **wrong}
            body = json.dumps(told).encode()
            assert self.post(f"/v1/calls/generic/{self.site}", "application/json", body, "calls-generic").status == 400

    def numbers(self) -> None:
        person = self.person("numbers")
        marks = {
            "page_url": f"https://{self.site}.example/?q={person.phone}",
            "utm_source": person.email,
            "utm_campaign": person.phone,
        }
        for visitor in (self.token, person.phone, f"{person.email}.1.x"):
            body = json.dumps({"site": self.site, "visitor": visitor, **marks}).encode()
            answer = self.post("/v1/numbers/lease", "text/plain", body, referer=marks["page_url"])
            assert answer.status == (200 if visitor == self.token else 401)
            lost = json.dumps(
                {"site": self.site, "visitor": visitor, "lease": {"number": person.phone, "id": person.email}}
            ).encode()
            assert self.post("/v1/numbers/renew", "text/plain", lost).status in (200, 401)
        path, query = f"/v1/numbers/{quote(person.phone)}", urlencode({"site": self.site, "caller": person.phone})
        headers = _lookup(path, query)
        assert self.stack.call("GET", f"{path}?{query}", headers).status == 200
        assert self.stack.call("GET", f"{path}?{query}x", headers).status == 401

    def page(self) -> None:
        person = self.person("page")
        for method, end in (("GET", ""), ("GET", "/unsubscribe"), ("POST", "/unsubscribe")):
            for text in (person.phone, person.email):
                assert self.stack.call(method, f"/v1/reports/{quote(text)}{end}?x={quote(text)}").status == 404

    def costs(self) -> None:
        """Files; what people upload stays as it is, beside what became of it."""
        person = self.person("costs")
        files = {"plain": f"day,account,source,campaign,cost\n2026-10-28,a,{person.email},from {person.email},1\n"}
        for text in person.texts()[:: 1 if self.site == "hash" else 7]:
            files[f"bad {len(files)}"] = f"day,source,cost\n{text},{text},{text}\n"
            files[f"{text} 1"] = "month,source,cost\n2026-10,vk,1\n"
            if "@" in text or "%" in text:
                files[f"marks {len(files)}"] = f"month,account,source,term,cost\n2026-10,a,{text},buy {text},1\n"
            if "+7" in text or "@" in text:  # digits alone may be the id of an account
                files[f"account {len(files)}"] = f"day,account,cost\n2026-10-28,{text},1\n"
        for name, content in files.items():
            self.stack.put_file(f"costs/inbox/{self.site}/{name}.csv", content.encode())


def _uuid() -> str:
    return f"0199d7a1-5c30-7d44-8a55-{next(IDS):012x}"


def _addresses(site: str, value: str) -> dict[str, str]:
    spaced = value.replace(" ", "%20")
    return {
        "url": f"https://{site}.example/u/{value}?x={value}&{value}&q={value.replace(' ', '+')}#{value}",
        "ref": f"https://{site}.example/call%20me%20{spaced}?{value}={quote(value)}#/u/{value}?b={value}",
    }


def _lookup(path: str, query: str) -> dict[str, str]:
    return signature_headers_of_a_get(path, query, f"msg-{next(IDS)}", NOW, SECRETS["calls-generic"])


class Played:
    """What is kept after all of it; `tokens` were given away."""

    def __init__(self, stack: LocalStack) -> None:
        plays = [Play(stack, site) for site in SITES]
        for play in plays:
            play.play()
        self.waiting = queues()
        stack.pump()
        assert isinstance(stack.clock, SimulatedClock)
        stack.clock.advance(timedelta(hours=20))
        assert stack.refresh()["status"] == "complete"
        stack.send_report()
        self.mails = stack.sent_mail()
        self.places = places(stack)
        tables = [row["name"] for row in engine().rows("SELECT table_name AS name FROM information_schema.tables")]
        self.marts = {
            name: json.dumps(list(map(dict, engine().rows(f"SELECT * FROM {name}"))), default=str, ensure_ascii=False)
            for name in tables
        }
        self.tokens = [play.token for play in plays]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    with LocalStack(tmp_path_factory.mktemp("privacy"), SimulatedClock(NOW)) as stack:
        for name in ("identity", "visitor"):
            stack.put_secret(name, SECRETS[name])
        for site in SITES:
            for name in ("import", "crm-generic", "calls-generic"):
                stack.put_secret(f"{site}/{name}", SECRETS[name])
            settings = {
                "site_id": site,
                "name": site,
                "hosts": [f"{site}.example"],
                "pii": "vault" if site == "vault" else "hash",
                "forms": {"contacts": site != "quiet"},
                "crm": {"token_sha256": [token_sha256(SECRETS["crm path token"])], "amocrm": {}},
                "proxy_token_sha256": [token_sha256(SECRETS["proxy"])],
                "numbers": {"default": "+74950000001"},
                "report": {"recipients": [READER.email], "language": "en", "until": "today"},
            }
            stack.publish(parse_settings(settings))
        item = {"pk": {"S": pool_key("hash")}, "sk": {"S": "+74950000031"}}
        client("dynamodb").put_item(TableName=stack.environment["NUMBERS_TABLE"], Item=item)
        yield Played(stack)


def may_hold_people(place: str) -> bool:
    return place == "ContactsTable" or place.startswith(("LakeBucket/quarantine/", "FilesBucket/costs/"))


def test_the_traffic_went_through_every_door(played: Played) -> None:
    prefixes = {"/".join(place.split("/")[:3]) for place in played.places if "/" in place}
    kept = {f"LakeBucket/raw/{kind}" for kind in ("hit", "request", "call", "crm_event", "payment", "cost")}
    kept |= {
        f"LakeBucket/rejected/{door}" for door in ("hits", "pixel", "import", "crm-generic", "crm-amocrm", "calls-generic", "costs")
    }
    assert prefixes >= kept | {f"LakeBucket/quarantine/{door}" for door in RAW} | {f"FilesBucket/reports/{site}" for site in SITES}
    assert len(played.mails) == len(SITES)
    assert json.loads(played.marts["requests"])
    assert all(word in played.places["log"] for word in ("crm event rejected", "refresh moved", "VisitorRefused"))


def test_plain_people_are_kept_in_the_quarantine_and_nowhere_else(played: Played) -> None:
    elsewhere = {place: text for place, text in played.places.items() if not may_hold_people(place)}
    found = {place: who for place, text in elsewhere.items() if (who := traced(PEOPLE.values(), text))}
    assert found == {}


@pytest.mark.parametrize("door", RAW)
def test_the_quarantine_holds_the_bodies_that_were_proven(played: Played, door: str) -> None:
    text = "\n".join(text for place, text in played.places.items() if place.startswith(f"LakeBucket/quarantine/{door}/"))
    assert traced(PEOPLE.values(), text) == {f"{site} {who}" for site in SITES for who in RAW[door]}


def test_the_vault_holds_people_of_the_site_that_has_one_and_nobody_else(played: Played) -> None:
    assert traced(PEOPLE.values(), played.places["ContactsTable"]) == {
        "vault form",
        "vault hits",
        "vault crm",
        "vault amocrm",
        "vault call",
    }


def test_no_mart_holds_a_plain_person(played: Played) -> None:
    assert {name: who for name, text in played.marts.items() if (who := traced([*PEOPLE.values(), READER], text))} == {}


def test_queues_carry_no_person_while_they_wait(played: Played) -> None:
    assert any(played.waiting.values())
    assert {name: who for name, text in played.waiting.items() if (who := traced(PEOPLE.values(), text))} == {}


def test_readers_of_the_report_stand_in_the_settings_alone(played: Played) -> None:
    found = {place.rpartition("/")[0] or place for place, text in played.places.items() if traced([READER], text)}
    assert {place.removesuffix("/versions") for place in found} == {f"FilesBucket/settings/{site}" for site in SITES}


def test_no_secret_is_kept_or_logged(played: Played) -> None:
    links = {link for mail in played.mails for link in _links(mail)}
    assert len(links) == len(SITES)
    canaries = {
        **SECRETS,
        **{f"visitor {n}": t for n, t in enumerate(played.tokens)},
        **{f"page {n}": t for n, t in enumerate(links)},
    }
    found = {
        (place, name) for place, text in (played.places | played.marts).items() for name, value in canaries.items() if value in text
    }
    assert found == set()


def test_the_proxy_was_believed_and_the_address_it_told_is_nowhere_whole(played: Played) -> None:
    hits = "\n".join(text for place, text in played.places.items() if place.startswith("LakeBucket/raw/hit/"))
    assert '"198.51.100.0"' in hits
    assert {place for place, text in (played.places | played.marts).items() if VIEWER in text} == set()


def _links(mail: bytes) -> set[str]:
    bodies = [part.get_payload(decode=True) for part in email.message_from_bytes(mail).walk() if not part.is_multipart()]
    text = "".join(body.decode("utf-8", "replace") for body in bodies if isinstance(body, bytes))
    return set(re.findall(r"/v1/reports/([\w-]{20,})", text))
