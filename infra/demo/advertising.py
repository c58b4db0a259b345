"""Where the visits of the demo come from: its advertising and free sources, and the links as they really are tagged. Data.

Contractors spell the same source in their own ways, some links carry a click id only or nothing, some a tag that nobody knows.
"""

from __future__ import annotations

import random
from decimal import Decimal
from typing import NamedTuple

from infra.demo.shop import CYRILLIC_HOST

UNDECIDED = "undecided_tag"  # an obstacle of infra/demo/month.py


class Link(NamedTuple):
    """One way in: `query` on the shop's address ({ad}, {word}, {click} are filled in), and the page or app it stands on.

    `source`: the id that the rules must give it. `share`: of its campaign's visits, in relation to the other links. `channel`:
    where it is counted although it truly belongs elsewhere; `obstacle` says why.
    """

    name: str
    query: str
    referrer: str
    source: str
    share: float = 1.0
    channel: str = ""
    obstacle: str = ""


class Campaign(NamedTuple):
    """One line of advertising, or a free source: its links, what a click costs, how many visits come and how they sell."""

    channel: str  # the rule table's name: the truth that a deal is judged by
    links: tuple[Link, ...]
    visits: int
    click_cost: Decimal = Decimal(0)  # roubles; 0 = free
    source: str = ""  # as the cost file names it
    medium: str = ""
    campaign: str = ""
    request_rate: float = 0.02  # share of first visits that end in a request
    sale_rate: float = 0.3  # share of requests that pay


_SEARCH = "utm_campaign=tp-poisk-msk&utm_content=ad-{ad}&utm_term={word}"
_NETWORK = "utm_campaign=tp-rsya&utm_content=ad-{ad}"
_VK = "utm_campaign=vk-remont&utm_content=ad-{ad}"
_GOOGLE = "utm_campaign=g-search&utm_term={word}"

CAMPAIGNS = (
    Campaign("Yandex Direct", (
        Link("as agreed", f"utm_source=yandex&utm_medium=cpc&{_SEARCH}&yclid={{click}}", "https://yandex.ru/", "yandex", 50),
        Link("a contractor: ya", f"utm_source=ya&utm_medium=CPC&{_SEARCH}&yclid={{click}}", "https://yandex.ru/", "yandex", 18),
        Link("a contractor: Yandex.Direct", f"UTM_SOURCE=Yandex.Direct&UTM_MEDIUM=cpc&{_SEARCH}", "https://yandex.kz/", "yandex",
             12),
        Link("a contractor: yandex_agency", f"utm_source=yandex_agency&utm_medium=CPC&{_SEARCH}", "", "yandex", 10),
        Link("mistyped, mended by a synonym", f"utm_source=yandx&utm_medium=cpc&{_SEARCH}", "https://yandex.ru/", "yandex", 4),
        Link("mistyped, not mended yet", f"utm_source=yadnex&utm_medium=cpc&{_SEARCH}", "https://yandex.ru/", "yadnex", 2,
             "yadnex / cpc", UNDECIDED),
        Link("click id only", "yclid={click}", "https://yandex.ru/", "yandex", 4),
    ), 2900, Decimal("96.40"), "yandex", "cpc", "tp-poisk-msk", 0.042, 0.36),
    Campaign("Yandex Direct", (
        Link("as agreed", f"utm_source=yandex&utm_medium=cpc&{_NETWORK}&yclid={{click}}", "https://yandex.ru/", "yandex", 70),
        Link("a contractor: yandex_agency", f"utm_source=yandex_agency&utm_medium=CPC&{_NETWORK}&yclid={{click}}",
             "https://an.yandex.ru/", "yandex", 20),
        Link("untagged, from the ad network", "", "https://yabs.yandex.ru/count/", "yandex", 3, "Ads without tags", "no_tags"),
    ), 2300, Decimal("38.20"), "yandex", "cpc", "tp-rsya", 0.012, 0.16),
    Campaign("VK Ads", (
        Link("as agreed", f"utm_source=vk&utm_medium=cpc&{_VK}&rb_clickid={{click}}", "https://vk.com/", "vk", 60),
        Link("a contractor: vkads", f"utm_source=vkads&{_VK}&rb_clickid={{click}}", "https://away.vk.com/", "vk", 20),
        Link("a contractor: myTarget", f"utm_source=myTarget&utm_medium=CPC&{_VK}", "", "vk", 12),
        Link("click id only", "rb_clickid={click}", "https://vk.com/", "vk", 8),
    ), 2300, Decimal("47.30"), "vk", "cpc", "vk-remont", 0.016, 0.17),
    Campaign("Google Ads", (
        Link("as agreed", f"utm_source=google&utm_medium=cpc&{_GOOGLE}&gclid={{click}}", "https://www.google.com/", "google", 70),
        Link("a contractor: AdWords", f"utm_source=AdWords&utm_medium=PPC&{_GOOGLE}", "https://www.google.kz/", "google", 15),
        Link("click id only", "gclid={click}", "https://www.google.com/", "google", 10),
        Link("click id of an iPhone", "gbraid={click}", "", "google", 5),
    ), 1300, Decimal("84.50"), "google", "cpc", "g-search", 0.030, 0.31),
    Campaign("Telegram Ads", (
        Link("as agreed", "utm_source=telegram&utm_medium=cpm&utm_campaign=tg-remont", "", "telegram", 80),
        Link("a contractor: tg", "utm_source=tg&utm_medium=CPM&utm_campaign=tg-remont", "android-app://org.telegram.messenger/",
             "telegram", 20),
    ), 700, Decimal("62.00"), "telegram", "cpm", "tg-remont", 0.014, 0.22),
    Campaign("Organic search", (
        Link("Yandex", "", "https://yandex.ru/search/?text={word}", "yandex", 60),
        Link("Yandex, query hidden", "", "https://yandex.ru/", "yandex", 15),
        Link("Yandex of Kazakhstan", "", "https://yandex.kz/search/touch/?text={word}", "yandex", 8),
        Link("mark of the search only", "ysclid={click}", "", "yandex", 10),
        Link("app of Yandex", "", "android-app://ru.yandex.searchplugin/", "yandex", 7),
    ), 3000, source="yandex", medium="organic", request_rate=0.030, sale_rate=0.34),
    Campaign("Organic search", (
        Link("Google", "", "https://www.google.com/", "google", 70),
        Link("Google of Russia", "", "https://www.google.ru/search?q={word}", "google", 15),
        Link("Google of Uzbekistan", "", "https://www.google.co.uz/", "google", 5),
        Link("app of Google", "", "android-app://com.google.android.googlequicksearchbox/", "google", 10),
    ), 1400, source="google", medium="organic", request_rate=0.026, sale_rate=0.33),
    Campaign("Organic search", (
        Link("Mail.ru", "", "https://go.mail.ru/search?q={word}", "mail.ru"),
        Link("Bing", "", "https://www.bing.com/", "bing"),
        Link("DuckDuckGo", "", "https://duckduckgo.com/", "duckduckgo"),
    ), 150, request_rate=0.026, sale_rate=0.33),
    Campaign("E-mail", (
        Link("as agreed", "utm_source=newsletter&utm_medium=email&utm_campaign=oct-sale", "", "newsletter", 65),
        Link("words of the mailer", "utm_source=%D0%E0%F1%F1%FB%EB%EA%E0&utm_medium=E-Mail&utm_campaign=oct-sale",
             "https://e.mail.ru/", "email", 20),
        Link("untagged, Mail.ru", "", "https://e.mail.ru/inbox/", "mail.ru-mail", 8),
        Link("untagged, app of Gmail", "", "android-app://com.google.android.gm/", "gmail", 7),
    ), 700, source="newsletter", medium="email", campaign="oct-sale", request_rate=0.040, sale_rate=0.42),
    Campaign("Social networks", (
        Link("post on VK", "", "https://vk.com/wall-4187_12", "vk", 50),
        Link("VK, through its exit", "", "https://away.vk.com/away.php", "vk", 20),
        Link("app of VK", "", "android-app://com.vkontakte.android/", "vk", 15),
        Link("mark of a post", "fbclid={click}", "https://l.facebook.com/", "facebook", 5),
        Link("Odnoklassniki", "utm_source=OK.ru&utm_medium=smm", "https://ok.ru/", "ok", 10),
    ), 450, request_rate=0.010, sale_rate=0.2),
    Campaign("Messengers", (
        Link("Telegram in a browser", "", "https://web.telegram.org/", "telegram", 40),
        Link("app of Telegram", "", "android-app://org.telegram.messenger/", "telegram", 40),
        Link("WhatsApp", "utm_source=WhatsApp", "", "whatsapp", 20),
    ), 250, request_rate=0.030, sale_rate=0.35),
    Campaign("Maps", (
        Link("2GIS", "", "https://2gis.ru/moscow/firm/70000001", "2gis", 45),
        Link("Yandex Maps", "", "https://yandex.ru/maps/213/moscow/", "yandex-maps", 30),
        Link("app of Yandex Maps", "", "android-app://ru.yandex.yandexmaps/", "yandex-maps", 10),
        Link("card, tagged", "utm_source=2gis&utm_medium=organic", "", "2gis", 15),
    ), 250, request_rate=0.045, sale_rate=0.4),
    Campaign("Marketplaces", (
        Link("Avito", "", "https://www.avito.ru/moskva/remont", "avito", 70),
        Link("app of Avito", "", "android-app://com.avito.android/", "avito", 30),
    ), 200, request_rate=0.030, sale_rate=0.25),
    Campaign("AI assistants", (
        Link("ChatGPT", "utm_source=chatgpt.com", "", "chatgpt", 40),
        Link("ChatGPT, by its page", "", "https://chatgpt.com/", "chatgpt", 30),
        Link("Alice", "", "https://alice.yandex.ru/", "alice", 20),
        Link("Perplexity", "", "https://www.perplexity.ai/", "perplexity", 10),
    ), 200, request_rate=0.035, sale_rate=0.35),
    Campaign("Affiliate", (
        Link("a partner's own parameter", "from=mastera-msk", "", "mastera", 60),
        Link("a partner's own click id", "mclick={click}", "", "mastera", 25),
        Link("a partner's page", "", "https://mastera-msk.example/teply-pol", "mastera", 15),
    ), 250, request_rate=0.035, sale_rate=0.35),
    Campaign("Referral", (
        Link("forum", "", "https://forum-remont.example/topic/81", "forum-remont.example", 60),
        Link("Cyrillic site", "", "https://xn----7sbbsb2beiiqbini.xn--80akhbyknj4f/otzyvy", "мастер-ремонта.испытание", 25),
        Link("looks like Yandex, is not", "", "https://yandex.ru.skidki.example/", "yandex.ru.skidki.example", 15),
        Link("a tag nobody has decided on", "utm_source=stroy-jurnal&utm_medium=nativka", "", "stroy-jurnal", 15,
             "stroy-jurnal / nativka", UNDECIDED),
    ), 420, request_rate=0.022, sale_rate=0.3),
    Campaign("direct", (Link("address typed in", "", "", "(direct)"),), 1050, request_rate=0.030, sale_rate=0.38),
)  # fmt: skip

ORGANIC = tuple(number for number, campaign in enumerate(CAMPAIGNS) if campaign.channel == "Organic search")[:2]
DIRECT = len(CAMPAIGNS) - 1
# How those come back who need no advertising any more: a bank's page or the shop's other host brings nobody.
RETURNS = (
    Link("address typed in", "", "", "(direct)", 80),
    Link("from paying", "", "https://yoomoney.ru/checkout/payments/v2/success", "(direct)", 10),
    Link("from the bank's check", "", "https://3dsec.sberbank.ru/", "(direct)", 5),
    Link("from the shop's other host", "", f"https://{CYRILLIC_HOST}/", "(direct)", 5),
)
SEO_MONTH = Decimal("140000.00")  # a contractor's monthly sum, spread over the days
# A banner by the road, for the month: nobody clicks on it, its own number tells who came from it.
BANNER_MONTH = {"source": "banner", "medium": "offline", "campaign": "shchit-varshavka", "cost": "45000.00"}
WORDS = ("теплый пол купить", "теплый пол цена", "радиаторы отопления", "монтаж теплого пола", "теплый пол под плитку")


def drawn(chance: random.Random, links: tuple[Link, ...]) -> Link:
    """One of the links, by their shares."""
    return links[0] if len(links) == 1 else chance.choices(links, [link.share for link in links])[0]
