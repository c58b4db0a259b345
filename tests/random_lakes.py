"""A random small lake (seeded) with everything that the rules of the marts tell apart, and the settings that go with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from shared.records import CRM_EVENT
from shared.settings import SiteSettings
from tests.lakes import HOST, Record, call, cost, deal, hit, leased, payment, rang, request, shop, utc

FIRST = utc("10-01 00:00")
LAST = utc("10-24 00:00")
BOT = "Mozilla/5.0 (compatible; YandexBot/3.0)"
GAPS = (0.0, 0.001, 5.0, 60.0, 1799.0, 1799.999, 1800.0, 1800.001, 7200.0)
ADS = ("yandex/cpc/brand", "yandex/cpc/brand", "yandex/cpc/sale", "Google/CPC/shoes", "vk/cpc", "foo/bar/x|y", "(direct)/(none)")
REFERRERS = ("yandex.ru", "www.google.de", "notyandex.ru", "google.com.evil.example", "vk.com", "mail.yandex.ru", "chatgpt.com")
OWN_REFERRERS = (HOST, f"blog.{HOST}", "pay.example")
STAGES = ("new", "new", "work", "meet", "contract", "won", "paid", "paid", "lost", "spam", "claim", "mystery")
PIPELINES = (None, None, "sales", "sales", "service", "delivery", "warming")
CHANNELS = ("form", "email", "chat", "messenger", "visit", "manual")


def random_shop(**changes: Any) -> SiteSettings:
    """Settings under which every rule of the random lake has something to decide."""
    stages = {
        "new": "unsorted", "work": "working", "meet": "qualified", "contract": "contract", "won": "won", "paid": "paid",
        "lost": "lost", "spam": "cleaning", "claim": "claim",
    }  # fmt: skip
    rules = [
        {"stages": stages, "money_stage": "paid"},
        {"pipeline": "service", "stages": stages, "money_stage": "won"},
        {"pipeline": "service", "valid_from": "2026-10-12", "stages": {**stages, "mystery": "working"}, "money_stage": "contract"},
    ]
    rules += [{"pipeline": "delivery", "kind": "auxiliary"}, {"pipeline": "warming", "kind": "marketing"}]
    rules += [{"pipeline": "warming", "valid_from": "2026-10-14", "stages": stages, "money_stage": "won"}]
    margins = [{"valid_from": "2026-10-03", "percent": "35.5"}, {"valid_from": "2026-10-15", "percent": "-5"}]
    rates = [{"currency": "USD", "day": f"2026-10-{day:02d}", "rate": f"{80 + day / 7:.4f}"} for day in range(1, 31) if day % 4]
    told = {"stages": rules, "margins": margins, "rates": rates, "payment_hosts": ["pay.example"]}
    told["qualification"] = [
        {"filled": ["place", "budget"]},
        {"valid_from": "2026-10-11", "equal": {"place": ["МОСКВА", "Тула"]}},
        {"valid_from": "2026-10-11", "filled": ["budget"], "equal": {"place": ["x"]}},
    ]
    told["loss_reasons"] = [{"group": "money", "reasons": ["Price"]}, {"group": "d", "reasons": ["double"], "is_duplicate": True}]
    told["calls"] = {"spam": {"calls": 2, "talk_seconds": 60}}
    return shop(**(told | {"costs": {"show": "net", "vat_percent": "20"}, "attribution": {"lookback_days": 9}} | changes))


def random_records(seed: int, visitors: int = 60) -> list[Record]:
    """Records in no particular order; some are there twice, received again a little later."""
    maker = _Maker(Random(seed))
    for number in range(visitors):
        maker.visitor(f"v{number}")
    maker.strangers(visitors // 6)
    maker.hubs()
    maker.chain()
    maker.costs()
    maker.calls(visitors)
    maker.leases(visitors)
    maker.merges(visitors // 2)
    repeats = [_repeat(r, maker.random) for r in maker.records if maker.random.random() < 0.1]
    return [*maker.records, *repeats]


def shuffled(records: Sequence[Record], seed: int, batches: int) -> list[list[Record]]:
    """The records in a random order, cut into batches; some records are in two of them."""
    random = Random(seed)
    delivered: list[list[Record]] = [[] for _ in range(batches)]
    for record in random.sample(list(records), len(records)):
        delivered[random.randrange(batches)].append(record)
        if random.random() < 0.05:
            delivered[random.randrange(batches)].append(record)
    return delivered


def _repeat(record: Record, random: Random) -> Record:
    """Told again later; a state of a deal perhaps by another way."""
    later = timedelta(seconds=random.choice((1, 600, 90_000)))
    via = random.choice(("crm", "api", record.values["via"])) if record.kind == CRM_EVENT.name else record.values["via"]
    return Record(record.kind, {**record.values, "received_at": record.values["received_at"] + later, "via": via})


class _Maker:
    def __init__(self, random: Random) -> None:
        self.random, self.records = random, list[Record]()
        self._requests = self._deals = self._payments = 0
        self._deal_ids: list[str] = []

    def visitor(self, visitor: str) -> None:
        """A visitor with visits, requests and what came of them. One in eight is a robot, a tester or reads mail only."""
        random = self.random
        extra: dict[str, Any] = random.choice([{}] * 21 + [{"user_agent": BOT}, {"is_test": True}, {"kind": "email_open"}])
        for _ in range(random.randint(0, 4)):
            at = self._moment()
            self._visit(visitor, at, extra)
            if random.random() < 0.35:
                self._request(visitor, at + timedelta(seconds=random.choice((0, 30, 1799, 1800, 90_000))))

    def strangers(self, number: int) -> None:
        """Requests without a visitor, deals without a request, money without a deal."""
        for place in range(number):
            self._request(None, self._moment())
            self._deal(f"lonely-{place}", self._moment(), {"phone": f"+{place}"} if place % 2 else {})
        self.records.append(payment("unknown", self._moment(), "10.00", "p-unknown"))

    def hubs(self) -> None:
        """A phone that twelve visitors give, and an e-mail of six clients."""
        for place in range(12):
            self.records.append(request(f"hub-{place}", self._moment(), visitor=f"hv{place}", phone="hub-phone"))
        for place in range(6):
            self._deal(f"hub-{place}", self._moment(), {"email": "hub-email", "contact": f"hc{place}"})
        self._deal("hub-phone", LAST, {"phone": "hub-phone"})

    def chain(self) -> None:
        """Seven requests, each sharing a key with the next; two of their deals belong to different clients."""
        for place in range(7):
            self.records.append(request(f"chain-{place}", self._moment(), phone=f"ck{place}", email=f"ck{place + 1}@"))
            self.records.append(request(f"link-{place}", self._moment(), phone=f"ck{place + 1}", email=f"ck{place + 1}@"))
        for place in (0, 6):
            self._deal(f"chain-{place}", self._moment(), {"request_id": f"chain-{place}", "contact": f"chain-client-{place}"})

    def costs(self) -> None:
        """Spend by day, corrected, cleared and deleted; sums of periods; foreign money with and without a rate."""
        random = self.random
        for day in range(1, 21):
            text = f"10-{day:02d}"
            for ad in random.sample(["yandex/cpc/brand", "google/cpc/shoes", "vk", "radio/offline"], random.randint(0, 3)):
                told = {"clicks": random.randint(0, 90), "is_vat_included": random.choice((True, False, None))}
                for number in range(random.choice((1, 1, 2))):
                    at = utc(f"{text} 20:00") + timedelta(days=number)
                    amount = f"{random.uniform(0, 5000):.{random.choice((0, 2, 6))}f}"
                    self.records.append(cost(text, ad, amount, f"import-{number}", at=at, **told))
        self.records.append(cost("10-07", "", "0", "import-9", at=utc("10-25 08:00"), is_scope_mark=True))
        self.records.append(cost("10-08", "vk", "0", "import-9", at=utc("10-25 08:00")))
        period: dict[str, Any] = {"scope": "radio.csv:2026-10", "last_day": utc("10-31 00:00").date(), "clicks": 100}
        for currency in ("RUB", "USD"):
            self.records.append(cost("10-01", "radio/offline", "100000", currency=currency, is_vat_included=False, **period))
        self.records.append(cost("10-09", "vk", "12.345678", scope="usd", currency="USD", vat_percent="22"))

    def calls(self, number: int) -> None:
        """What a telephony told: calls in and out, corrected ones, test traffic, and calls that an import told as well."""
        for place in range(number):
            self._call(f"pbx-{place}", self._moment(), f"v{self.random.randrange(number)}")

    def merges(self, number: int) -> None:
        """Deals that others took over: chains, circles, unknown survivors, and some that are restored."""
        random = self.random
        for place in range(number):
            absorbed, survivor = (random.choice([*self._deal_ids, "unheard"]) for _ in range(2))
            at = self._moment() + timedelta(days=2)
            self.records.append(deal(absorbed, at, is_deleted=random.choice((True, True, None)), merged_into=survivor))
            if place % 7 == 0:
                self.records.append(deal(absorbed, at + timedelta(hours=9), is_deleted=False))
        for one, other in (("deal-1", "deal-2"), ("deal-2", "deal-3"), ("deal-3", "deal-4"), ("circle-1", "circle-2")):
            self._deal(one, self._moment(), {"phone": f"+{number}", "visitor": "v1"})
            self.records.append(deal(one, LAST, is_deleted=True, merged_into=other))
        self._deal("deal-4", self._moment(), {})
        self.records.append(deal("circle-2", LAST, merged_into="circle-1"))

    def leases(self, number: int) -> None:
        """Numbers leased one after another, given back, refused to robots and where none was free."""
        random = self.random
        last: dict[str, tuple[str, datetime]] = {}
        for place, at in enumerate(sorted(self._moment() for _ in range(number))):
            visitor, phone = f"v{random.randrange(number)}", f"+7495000003{random.randrange(4)}"
            told: dict[str, Any] = {
                "pool": random.choice(("main", "main", "spb", None)),
                "is_test": random.choice([None] * 20 + [True]),
            }
            if random.random() < 0.3:
                self.records.append(leased(visitor, at, reason=random.choice(("pool_full", "robot", "busy")), **told))
                continue
            former, until = last.get(phone, (None, at))
            told |= {"former_until": until, "former_is_confirmed": random.random() < 0.7} if former else {}
            lease_id, until = f"lease-{place}", at + timedelta(seconds=random.choice((90, 300, 4000)))
            told |= {"number": phone, "reason": random.choice(("new", "again")), "held_numbers": len(last)}
            self.records.append(leased(visitor, at, lease_id, former, **told))
            last[phone] = lease_id, until

    def _call(self, call_id: str, at: datetime, visitor: str) -> None:
        random = self.random
        found = random.choice(("lease", "code", "late_lease", "caller", "number", "nothing"))
        phone = random.choice((f"+{random.randrange(25)}", f"+{random.randrange(25)}", None))
        if random.random() < 0.2:
            self.records.append(rang(call_id, at, direction="out", phone=phone))
            return
        told: dict[str, Any] = {
            "phone": phone,
            "visitor": None if found in ("number", "nothing") else visitor,
            "resolved_by": found,
        }
        told |= {"ad": "flyer/offline" if found == "number" else "", "provider": random.choice(("pbx", "uis"))}
        self.records.append(rang(call_id, at, random.choice((0, 29, 30, 300)), is_test=random.choice([None] * 20 + [True]), **told))
        if random.random() < 0.2:
            later = at + timedelta(seconds=random.choice((2, 600, 100_000)))
            self.records.append(rang(call_id, at, random.choice((0, 45)), received_at=later, **told))
        if random.random() < 0.15:
            keys: dict[str, Any] = {"phone": phone, "email": "imported@", "call_id": random.choice(("own", None))}
            self.records.append(call(f"call-{call_id}", at, random.choice((0, 31)), ad=random.choice(("", "crm/form")), **keys))
        if random.random() < 0.4:
            ids: list[dict[str, Any]] = [{"call_id": call_id}, {"request_id": f"call-{call_id}"}, {"phone": phone}]
            self._deal(f"rang-{call_id}", at + timedelta(seconds=random.choice((0, 90, 90_000))), random.choice(ids))

    def _moment(self) -> datetime:
        """Any millisecond, but often close to Moscow's midnight, and often the very same one."""
        at = FIRST + timedelta(days=self.random.randrange(20), milliseconds=self.random.randrange(86_400_000))
        near = at.replace(hour=20, minute=self.random.randrange(55, 60), second=0, microsecond=0)
        return self.random.choice((at, at, near, near.replace(minute=59)))

    def _visit(self, visitor: str, at: datetime, extra: dict[str, Any]) -> None:
        random = self.random
        for place in range(random.randint(1, 5)):
            told = dict(extra)
            if place == 0 or random.random() < 0.2:
                told |= self._origin()
            if random.random() < 0.03:
                told["received_at"] = at - timedelta(minutes=6)
            self.records.append(hit(visitor, at, page_path=f"/{place}", utm_term=random.choice((None, "red shoes")), **told))
            at += timedelta(seconds=random.choice(GAPS))

    def _origin(self) -> dict[str, Any]:
        random = self.random
        ad, click = {"ad": random.choice(ADS)}, {"click_id_name": "yclid", "click_id": str(random.randrange(5))}
        origins: list[dict[str, Any]] = [ad, ad, click, {}]
        origins += [{"referrer_host": random.choice(hosts)} for hosts in (REFERRERS, OWN_REFERRERS)]
        return random.choice(origins)

    def _request(self, visitor: str | None, at: datetime) -> None:
        random = self.random
        self._requests += 1
        request_id, caller = f"r{self._requests}", random.randrange(25)
        phone, email = random.choice((f"+{caller}", None)), random.choice((f"{caller}@", None, None))
        keys: dict[str, Any] = {"visitor": visitor, "phone": phone, "email": email}
        ad = random.choice(("", "", "yandex/cpc/phone", "flyer/offline"))
        if random.random() < 0.4:
            talk = random.choice((0, 29, 30, 300))
            self.records.append(call(request_id, at, talk, ad=ad, call_id=f"call-{request_id}", **keys))
            if random.random() < 0.3:
                again = at + timedelta(seconds=random.choice((86_400, 86_401, 3_600)))
                self.records.append(call(f"{request_id}-again", again, talk, **keys))
        else:
            told = {"contact_channel": random.choice(CHANNELS), "is_test": random.choice([None] * 15 + [True])}
            self.records.append(request(request_id, at, ad, **keys, **told))
        for _ in range(random.choice((0, 1, 1, 1, 2))):
            names: list[dict[str, Any]] = [{"request_id": request_id}, {"call_id": f"call-{request_id}"}, {"visitor": visitor}, {}]
            client = {"contact": random.choice((f"client-{caller}", f"client-{caller % 7}", None))}
            later = timedelta(seconds=random.choice((-60, 0, 3600, 30 * 86_400, 30 * 86_400 + 1)))
            self._deals += 1
            self._deal(f"d{self._deals}", at + later, {**random.choice([keys, keys, *names]), **client})

    def _deal(self, deal_id: str, at: datetime, keys: dict[str, Any]) -> None:
        random = self.random
        self._deal_ids.append(deal_id)
        pipeline, currency = random.choice(PIPELINES), random.choice((None, None, None, "USD"))
        told: dict[str, Any] = {"pipeline": pipeline, "currency": currency, "deal_created_at": random.choice((at, None)), **keys}
        for place in range(random.randint(1, 5)):
            amount = random.choice((None, f"{random.randrange(1, 10**7) / 100:.2f}", "0", "300.00"))
            told |= {
                "ad": random.choice([""] * 6 + ["crm/form", "avito/crm"]),
                "loss_reason": random.choice((None, "price", "Double")),
            }
            told["cost_price"] = random.choice((None, None, "111.11", "0.01"))
            told["products_cost"] = random.choice((None, None, "77"))
            told["is_deleted"] = random.choice([None] * 20 + [True])
            told |= self._particulars()
            self.records.append(deal(deal_id, at, random.choice(STAGES), amount, **told))
            told = {
                "pipeline": random.choice([None] * 5 + list(PIPELINES)),
                "currency": random.choice([None] * 9 + ["USD"]),
                "request_id": random.choice([None] * 20 + ["r1"]),
            }
            at += timedelta(seconds=random.choice((0, 1, 3600, 200_000)) + place)
        if random.random() < 0.4:
            self._payments_of(deal_id, at)

    def _particulars(self) -> dict[str, Any]:
        random = self.random
        told: dict[str, Any] = {
            "via": random.choice(("crm", "crm", "api", "history")),
            "crm_source": random.choice([None] * 5 + ["Яндекс", "avito", "a|b"]),
            "is_handmade": random.choice((None, None, True, False)),
            "product": random.choice((None, "boots")),
            "tags": random.choice((None, '["a","b"]')),
            "communications": random.choice((None, 3)),
            "receivable": random.choice((None, "10.50")),
        }
        attributes = [
            None,
            None,
            '{"place":"Москва"}',
            '{"budget":"5","place":"москва"}',
            '{"budget":"5","place":"\\"X"}',
            '{"place":"x"}',
        ]
        return {**told, "attributes": random.choice(attributes)}

    def _payments_of(self, deal_id: str, at: datetime) -> None:
        random = self.random
        for _ in range(random.randint(1, 3)):
            self._payments += 1
            name, amount = random.choice((f"p{self._payments}", None)), random.choice(("100.00", "0.01", "-50.00", "33333.33", "0"))
            currency = random.choice((None, "RUB", "USD", "EUR"))
            self.records.append(payment(deal_id, at, amount, name, currency=currency))
            if name and random.random() < 0.3:
                self.records.append(payment(deal_id, at + timedelta(hours=30), "77.70", name, currency=currency))
            at += timedelta(seconds=random.choice((0, 3600, 100_000)))
