"""What each check of the doctor finds, by one thing wrong in a sound installation (tests/doctor_sound.py)."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from functions.crm_webhook.api.crm import Span
from functions.crm_webhook.reconcile.marks import Walk
from functions.report.delivery.suppressed import address_hash
from infra.doctor.checks import arrivals, crm, refresh, secrets, settings, sources, tracker
from infra.doctor.facts import (
    AmoToken,
    Fill,
    Queue,
    RefreshFacts,
    Refused,
    ReportFacts,
    Secret,
    Tag,
)
from infra.doctor.finding import Severity
from tests.doctor_sound import (
    NOW,
    Case,
    ago,
    crm_of,
    figures,
    found_by_control,
    page,
    quality,
    scoped,
    silent,
    site,
    sound_site,
    sound_stack,
    spent,
    stack,
    walked,
)

BROKEN, LOOK, NOTE = Severity.BROKEN, Severity.LOOK, Severity.NOTE
AMO = {"api": {"url": "https://shop.amocrm.ru"}}


TODAY = NOW.date()
GONE = frozenset({address_hash("owner@shop.example")})
CASES = [
    # settings
    Case(settings.published, site(settings=None, settings_error="not published"), BROKEN, "no settings are published.*sites apply"),
    Case(settings.published, site(settings=None, settings_error="stages: wrong"), BROKEN, "stages: wrong"),
    Case(settings.hosts, site(page_hosts=Counter({"blog.example": 40})), LOOK, "blog.example.*hosts"),
    Case(settings.hosts, site({"origins": ["http://shop.example"]}), LOOK, "not https"),
    Case(settings.hosts, site({"origins": ["https://other.example"]}), NOTE, "other.example may post"),
    Case(settings.stages, site(stages={("hubspot", "new-line", "won"): 4}), BROKEN, "pipeline new-line has no rule"),
    Case(
        settings.stages,
        site({"stages": [{"money_stage": "paid", "stages": {"new": "unsorted", "won": "won"}}]}),
        LOOK,
        r"means paid or later.*stages\[0\]",
    ),
    Case(
        settings.stages,
        site(
            {
                **crm_of(amocrm=AMO),
                "stages": [{"pipeline": "*", "money_stage": "won", "stages": {"58113402": "won", "lost": "lost"}}],
            }
        ),
        LOOK,
        "won has no meaning.*add won: won",
    ),
    Case(
        settings.stages,
        site(
            {**crm_of(amocrm=AMO), "stages": [{"money_stage": "won", "stages": {"done": "won", "won": "won"}}]},
            stages={("amocrm", "6904417", "lost"): 2},
        ),
        BROKEN,
        "lost has no meaning",
    ),
    Case(settings.crm_doors, site(crm_of(token_sha256=[])), BROKEN, "hubspot: no token.*skvoz secrets token"),
    Case(settings.crm_doors, site({"crm": {}}), NOTE, "no CRM is connected"),
    Case(settings.crm_doors, site(crm_of(amocrm={})), LOOK, r"amocrm: without its API.*crm\.amocrm\.api"),
    Case(
        settings.crm_doors,
        site(crm_of(hubspot={"api": {"url": "https://api.hubapi.com", "reconcile": False}})),
        LOOK,
        "switched off",
    ),
    Case(settings.people, site({"pii": "vault", "crm": {}}, pools={}), NOTE, "no form, CRM or call tells any"),
    Case(settings.numbers, site(pools={"main": Fill(5, 2)}), LOOK, "2 of 7 numbers await.*skvoz numbers test shop --pool main"),
    Case(settings.numbers, site(pools={"main": Fill(0, 2)}), BROKEN, "no number can be leased"),
    Case(
        settings.numbers,
        site(
            {"numbers": {"default": "+74950000001", "pools": [{"name": "spb", "hosts": ["spb.shop.example"]}]}},
            pools={"spb": Fill(0, 0)},
        ),
        BROKEN,
        "pool spb of the settings has no numbers.*numbers add shop",
    ),
    Case(settings.telephony, site({"numbers": {}}), LOOK, r"numbers\.default"),
    # secrets
    Case(secrets.of_stage, stack(secrets={"visitor": Secret(1, 0, NOW)}), BROKEN, "test/identity is missing.*secrets init"),
    Case(
        secrets.of_stage,
        stack(secrets={"identity": Secret(2, 0, NOW), "visitor": Secret(1, 0, NOW)}),
        BROKEN,
        "identity holds 2 values",
    ),
    Case(
        secrets.of_stage,
        stack(secrets={"identity": Secret(1, 0, NOW), "visitor": Secret(2, 0, ago(days=8))}),
        LOOK,
        "visitor holds 2 values since",
    ),
    Case(secrets.of_site, site(secrets={}), BROKEN, "test/shop/crm-hubspot is missing.*put-parameter"),
    Case(secrets.of_site, site(secrets={}), BROKEN, "crm-hubspot-api is missing"),
    Case(secrets.of_site, site(secrets={}), NOTE, "shop/import is missing"),
    Case(
        secrets.of_site,
        site(
            {**crm_of(new_requests={"url": "https://crm.example/in"}), "pii": "vault"},
            secrets={"shop/crm-outgoing": Secret(1, 0, NOW)},
        ),
        BROKEN,
        "crm-outgoing: 1 of 1 values is no key",
    ),
    Case(
        secrets.of_site,
        site(secrets={**sound_stack().secrets, "shop/crm-hubspot": Secret(2, 0, ago(days=30))}),  # type: ignore[dict-item]
        LOOK,
        "crm-hubspot holds 2 values since 2026-10-2.*leave the old one out",
    ),
    Case(secrets.amo_token, site(amo_token=AmoToken(False)), BROKEN, "not connected.*skvoz/test/shop/crm-amocrm"),
    Case(secrets.amo_token, site(amo_token=AmoToken(True)), BROKEN, "no token that can be read"),
    Case(secrets.amo_token, site(amo_token=AmoToken(True, True, True, None, ago(days=90))), BROKEN, "voids it after 90 days"),
    Case(secrets.amo_token, site(amo_token=AmoToken(True, True, True, None, ago(days=80))), LOOK, "void in 10 days"),
    Case(secrets.amo_token, site(amo_token=AmoToken(True, True, False, ago(hours=1))), BROKEN, "long-lived token ended"),
    Case(secrets.amo_token, site(amo_token=AmoToken(True, True, False, NOW + timedelta(days=5))), LOOK, "long-lived token ends on"),
    Case(secrets.amo_token, site(amo_token=AmoToken(True, True, False)), NOTE, "nobody wrote down when it ends"),
    # the tracker
    Case(tracker.on_page, page(error="the site did not answer in time"), LOOK, "could not be looked at: the site did not answer"),
    Case(tracker.on_page, page(), BROKEN, "no tag of the tracker.*docs/tracker.md"),
    Case(tracker.on_page, page(*[Tag("shop", "https://shop.example/s")] * 2), LOOK, "2 tags"),
    Case(tracker.on_page, page(Tag("other", "https://shop.example/s")), BROKEN, 'data-site="other".*data-site="shop"'),
    Case(
        tracker.on_page,
        page(Tag("shop", "https://abc.execute-api.eu-central-1.amazonaws.com")),
        LOOK,
        "before 18.4 keeps no cookie",
    ),
    Case(
        tracker.on_page,
        page(
            Tag("shop", "https://stat.shop.example"), addresses={"shop.example": ("93.1.2.3",), "stat.shop.example": ("3.1.2.3",)}
        ),
        LOOK,
        "keep its cookie for 7 days",
    ),
    Case(
        tracker.from_afar,
        site(url="https://abc.execute-api.example", page=None),
        LOOK,
        "Safari forgets.*--page https://shop.example/",
    ),
    Case(tracker.from_afar, site(page=None), NOTE, "was not looked at.*skvoz doctor --stage test --page"),
    Case(tracker.from_afar, site(networks=Counter({"5.5.5.0": 30, "6.6.6.0": 2})), LOOK, r"30 of 32 visitors.*5\.5\.5\.0"),
    Case(
        tracker.from_afar,
        site({"proxy_token_sha256": ["ab" * 32]}, networks=Counter({"5.5.5.0": 30})),
        BROKEN,
        "X-Skvoz-Proxy does not fit",
    ),
    # what arrives
    Case(arrivals.silence, silent("hit", ago(hours=7)), BROKEN, "no hits since.*6 hours"),
    Case(arrivals.silence, silent("crm_event", None), BROKEN, "no CRM events in the last 14 days.*docs/crm.md"),
    Case(arrivals.silence, silent("request", ago(hours=25)), LOOK, "no requests"),
    Case(arrivals.silence, silent("cost", ago(days=2)), LOOK, "no ad costs since.*costs/inbox"),
    Case(arrivals.ad_accounts, spent(TODAY - timedelta(days=5)), LOOK, "direct-1 had costs every day up to"),
    Case(
        arrivals.refused_records,
        site(rejected=[Refused("crm-generic", "bad_field", 7, "data.amount")]),
        LOOK,
        "7 refused.*data.amount",
    ),
    Case(
        arrivals.refused_records,
        site(rejected=[Refused("crm-amocrm", "wrong_account", 1, "")]),
        BROKEN,
        "another account.*account_id",
    ),
    Case(arrivals.refused_records, site(rejected=[Refused("costs", "bad_cost", 1, "")]), LOOK, "is no sum; write 1234.56"),
    Case(arrivals.refused_of_nobody, stack(rejected=[Refused("costs", "no_site", 1, "")]), BROKEN, "costs/inbox/SITE"),
    # CRM
    Case(crm.queues, stack(queues={"CrmDeadLetters": Queue(3)}), BROKEN, "3 CRM events failed.*crm redrive --stack skvoz-test"),
    Case(crm.queues, stack(queues={"CrmTaskDeadLetters": Queue(1)}), BROKEN, "1 tasks of a CRM's API.*skvoz crm redrive"),
    Case(crm.queues, stack(queues={"FailedEvents": Queue(1)}), BROKEN, "cost files or schedules"),
    Case(
        crm.queues, stack(queues={"CrmQueue": Queue(40, 3600)}), BROKEN, "40 messages of CrmQueue wait, the oldest for 60 minutes"
    ),
    Case(crm.queues, stack(queues={"CrmTaskQueue": Queue(4, 14_400)}), BROKEN, "4.0 hours"),
    Case(crm.checked, site(walks=[]), LOOK, "hubspot was not checked yet.*crm status --stack skvoz-test --site shop"),
    Case(
        crm.checked, site(walks=[]), LOOK, "history was never read.*crm backfill --stack skvoz-test --site shop --provider hubspot"
    ),
    Case(crm.checked, walked(done_until=ago(hours=2)), LOOK, "last checked whole since"),
    Case(crm.checked, walked(done_until=ago(hours=7)), BROKEN, "last checked whole since"),
    Case(crm.checked, walked(failed="status 401", failed_at=ago(minutes=5).isoformat()), LOOK, "status 401, last tried"),
    Case(crm.checked, walked(done_until=ago(hours=3), failed="status 401"), BROKEN, "could not be checked since.*status 401"),
    Case(
        crm.checked,
        site(walks=[Walk("shop", "hubspot#a:b", span=Span(ago(days=9), NOW, "created"), deals=17), *sound_site().walks]),  # type: ignore[misc]
        LOOK,
        "stopped after 17 deals.*goes on where it was",
    ),
    # refresh and report
    Case(refresh.refreshed, site(refresh=RefreshFacts(None)), BROKEN, "never completed|ever completed"),
    Case(refresh.refreshed, site(refresh=RefreshFacts(ago(hours=7))), BROKEN, "7 hours ago.*skvoz refresh --stack skvoz-test"),
    Case(refresh.refreshed, site(refresh=RefreshFacts(ago(hours=1), failure="cut off")), BROKEN, "gave the site up: cut off"),
    Case(refresh.refreshed, site(refresh=RefreshFacts(ago(hours=4), ago(hours=3))), BROKEN, "half done"),
    Case(refresh.reported, site({"report": {"recipients": []}}), NOTE, "nobody gets the report"),
    Case(refresh.reported, site(parameters={"Stage": "test", "MailFrom": ""}), BROKEN, "no sender.*MailFrom"),
    Case(refresh.reported, site(report=ReportFacts(ago(hours=5), 2)), LOOK, "2 mails of the report were begun"),
    Case(refresh.reported, site(report=ReportFacts(None)), LOOK, "no report was ever sent"),
    Case(refresh.reported, site(report=ReportFacts(ago(hours=40))), BROKEN, "the last report was sent on"),
    Case(
        refresh.reported,
        site({"report": {"recipients": [{"address": "owner@shop.example", "every": ["week"]}]}}, report=ReportFacts(ago(days=10))),
        BROKEN,
        "the last report was sent on",
    ),
    Case(
        refresh.reported,
        site(report=ReportFacts(ago(hours=5), 0, GONE)),
        LOOK,
        r"no report reaches o\*\*\*@shop.example.*unsuppress",
    ),
    Case(refresh.alarms, stack(alarms=[("RefreshFailedAlarm", "It stopped.")]), BROKEN, "RefreshFailedAlarm rings: It stopped."),
    Case(refresh.alarms, stack(parameters={"AlarmMail": ""}), LOOK, "nobody is told.*AlarmMail"),
    Case(refresh.unread_of_stack, stack(unread={"alarms": "AccessDenied"}), LOOK, r"could not look at alarms \(AccessDenied\)"),
    Case(refresh.unread_of_site, site(unread={"numbers": "AccessDenied"}), LOOK, "could not look at numbers"),
    # source control
    Case(sources.report_there, site(figures=None), NOTE, "no report of the last weeks"),
    Case(
        sources.control,
        found_by_control("not_passed", requests=30, share=0.3, share_before=0.1, is_jump=True),
        LOOK,
        r"30 requests \(30%, 10% the period before\) have no source.*skvoz_request_id",
    ),
    Case(
        sources.control,
        found_by_control("not_determined", requests=3, share=0.03, share_before=None, is_jump=False),
        NOTE,
        r"3 requests \(3%\)",
    ),
    Case(
        sources.control,
        found_by_control("channel_silent", channel="Email", requests=0, requests_before=40, last_day=None),
        LOOK,
        "Email brought 0 requests, 40 the period before",
    ),
    Case(
        sources.control,
        found_by_control("handmade", deals=9, without_source=5, managers=[{"manager": "Анна", "deals": 4}]),
        LOOK,
        r"5 of 9 deals made by hand have no source \(most: Анна 4\)",
    ),
    Case(
        sources.control, found_by_control("match_fell", method="request_id", deals=9, share=0.2, share_before=0.6), LOOK, "20%, 60%"
    ),
    Case(sources.control, found_by_control("unsorted", deals=9, oldest_days=4.2, pipeline="Sales", stage="new"), LOOK, "4.2 days"),
    Case(sources.control, found_by_control("unsorted", deals=9, oldest_days=0.2, pipeline="Sales", stage="new"), NOTE, "9 deals"),
    Case(
        sources.control,
        found_by_control("unknown_stage", pipeline="Sales", stage="Zzz", deals=2),
        LOOK,
        "Sales, Zzz.*settings: stages",
    ),
    Case(
        sources.control,
        found_by_control("slow_stage", pipeline="Sales", stage="call", deals=2, days=9.0, usual_days=2.0, late=2),
        NOTE,
        "usual are 2.0",
    ),
    Case(
        sources.control,
        found_by_control("new_sources", total=1, sources=[{"kind": "visit", "channel": "x", "source": "tg-ads", "arrivals": 4}]),
        NOTE,
        "never seen before: tg-ads",
    ),
    Case(sources.matching, quality(deals={"made": 40, "implied": 15, "unmatched": 5}), LOOK, "20 of 40 deals found no request"),
    Case(
        sources.unknown_values,
        quality(unknown_values={"total": 1, "values": [{"parameter": "utm_source", "value": "vkk", "visits": 9, "is_new": True}]}),
        LOOK,
        r"utm_source=vkk \(9 visits\).*skvoz source audit",
    ),
    Case(
        sources.money,
        quality(without_rate=[{"what": "costs", "currency": "USD", "lines": 30, "amount": 5.0}]),
        LOOK,
        r"30 lines of costs \(USD\).*settings: rates",
    ),
    Case(sources.money, quality(without_cost_price={"revenue": 50_000}), LOOK, "50% of the revenue has no cost price"),
    Case(sources.money, site(figures=figures(totals={"sales": 0, "revenue": 0})), LOOK, "none of 40 deals"),
    Case(
        sources.scopes,
        scoped("Yandex Direkt", "Гугл"),
        LOOK,
        r"scope Agency: none of its channels \(Yandex Direkt, Гугл\).*report\.scopes",
    ),
    Case(sources.scopes, scoped("Яндекс Директ", "Yandex Direkt"), LOOK, "nothing came of Yandex Direkt in the newest report"),
    Case(sources.scopes, scoped("yandex direct", "VK Ads"), NOTE, "nothing came of VK Ads in"),
    Case(sources.scopes, scoped("no source"), LOOK, "none of its channels"),
]
