"""Whose place it is, in this project's words: ids of sources, categories that the lists do not know, what is left out. Pure.

The lists name an engine's picture, news and product searches apart, and some of them a host after itself ("m.vk"). Here one
brand is one source, under the id that shared/standard_sources.tsv gives it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from urllib.parse import unquote

SOURCE_ID = re.compile(r"[a-z0-9][a-z0-9.-]*")

# Name of a list in its plain form (`plain_name`) → id of the source.
ALIASES: Mapping[str, str] = {
    # One engine, one source: its pictures, videos, news, products and countries too.
    **dict.fromkeys(
        (
            "google-blogsearch", "google-custom-search", "google-images", "google-news", "google-scholar", "google-shopping",
            "google-syndicated-search", "google-translations", "google-video", "lens.google", "search.google",
        ),
        "google",
    ),
    **dict.fromkeys(("bing-images", "cn.bing", "msn", "ntp.msn"), "bing"),
    **dict.fromkeys(("yahoo-directory", "yahoo-images", "yahoo-japan", "yahoo-japan-images", "yahoo-japan-videos"), "yahoo"),
    "yandex-images": "yandex",
    "mailru": "mail.ru",
    "go.mail": "mail.ru",
    "360": "360search",
    "haosou": "360search",
    "auone-images": "auone",
    "biglobe-images": "biglobe",
    "conduit.com": "conduit",
    "gigablast-directory": "gigablast",
    "najdi": "najdi.si",
    "onet": "onet.pl",
    "metager2": "metager",
    "nifty-videos": "nifty",
    "seznam-videa": "seznam",
    "so-net-videos": "so-net",
    "compuserve.com-enhanced-by-google": "compuserve",
    "la-toile-du-quebec-google": "toile",
    "startpagina-google": "startpagina",
    # Social networks and messengers under the ids of the standard list.
    "vkontakte": "vk",
    "odnoklassniki": "ok",
    "twitter": "x",
    "fb": "facebook",
    "lnkd": "linkedin",
    "nicovideo": "niconico",
    "ozone": "qzone",
    "qzone.qq": "qzone",
    "haboo": "habbo",
    "googleplus": "google-plus",
    "plus.google": "google-plus",
    "plus.url.google": "google-plus",
    "b.hatena": "hatena",
    "d.hatena": "hatena",
    "chat.zalo": "zalo",
    "l.messenger": "messenger",
    "web.skype": "skype",
    "fast.wistia": "wistia",
    **dict.fromkeys(("no.shopping", "se.shopping", "uk.shopping"), "shopping.net"),
    # Assistants by the name that the others in the rules have.
    "baidu-ai": "ernie",
    "le-chat": "mistral",
    # Plain words would be taken for anything: these are called by their hosts.
    "chat-plus": "chatplus",
    "crawler": "crawler.com",
    "eo": "eo.st",
    "free": "free.fr",
    "goo": "goo.ne.jp",
    "inbox": "inbox.com",
    "url.organzier": "url.org",
    "you": "you.com",
}  # fmt: skip

# Place → source, where the name that a list gives says nothing or something else.
SOURCES_OF_PLACES: Mapping[str, str] = {
    "alice.com": "alice.com",
    "goo.gl": "goo.gl",
    "t.me": "telegram",
}

# Names that a list made of a host (blog.com → "blog") and that mean too little; two letters always do.
PLAIN_WORDS = frozenset(
    [
        "awe", "bit", "blog", "blogs", "care", "cross", "deluxe", "gather", "mix", "paper", "pocket", "redux", "reunion", "scoop",
        "shop", "social", "spoke", "toolbox", "tut", "zoo",
    ]
)  # fmt: skip

# The lists file all of these under search, social or video; source → our category.
CATEGORIES: Mapping[str, str] = {
    "google-maps": "maps",
    **dict.fromkeys(("bilibili", "douyu", "huya", "niconico", "twitcast", "twitch", "vimeo", "youtube"), "video"),
    **dict.fromkeys(
        ("kakao", "line", "messages.google", "messenger", "skype", "telegram", "viber", "wechat", "whatsapp", "zalo"),
        "messenger",
    ),
}

# Packages that a list writes as if they were hosts, without their first label.
APPS: Mapping[str, str] = {"linkedin.android": "com.linkedin.android"}

# List → place → why it is not taken over.
LEFT_OUT: Mapping[str, Mapping[str, str]] = {
    "search": {
        "cgi2.nintendo.co.jp": "a maker of games; the list means one page of it",
        "cnn.com": "a news site; the list means its search page only",
        "digg.com": "a social network; the list means its search page only",
        "facebook.com": "a social network; the list means its search page only",
        "friendfeed.com": "a social network; the list means its search page only",
        "icq.com": "a messenger; its search has a host of its own",
        "msnbc.msn.com": "a news site; the list means its search page only",
    },
    "social": {
        "login.live.com": "a page to sign in, which never sent anybody",
    },
    "ai": {},
    "hosts": {
        "aax-us-east.amazon-adsystem.com": "an ad server, no shop",
        "aax.amazon-adsystem.com": "an ad server, no shop",
        "cgi2.nintendo.co.jp": "a maker of games; the list means one page of it",
        "checkout.stripe.com": "a payment page, which never sent anybody",
        "cnn.com": "a news site",
        "google+.com": "no name of a host",
        "icq.com": "a messenger; its search has a host of its own",
        "login.live.com": "a page to sign in, which never sent anybody",
        "msnbc.msn.com": "a news site",
        "s3.amazonaws.com": "storage of anybody's files",
        "stripe.com": "a payment provider, which never sent anybody",
    },
}


def plain_name(name: str) -> str:
    """A list's name in the letters of an id: "Yahoo! Images" → yahoo-images, "ABCsøk" → abcsok. Empty where none is left."""
    text = unquote(name).lower().replace("+", "-plus").replace("ø", "o").replace("æ", "ae").replace("ß", "ss")
    letters = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.sub(r"[^a-z0-9.]+", "-", letters).strip("-.")


def source_of(name: str, place: str) -> str:
    """Id of the source that a list calls `name`; its host where the name has no letter of an id."""
    if place in SOURCES_OF_PLACES:
        return SOURCES_OF_PLACES[place]
    plain = plain_name(name)
    if plain in ALIASES:
        return ALIASES[plain]
    host = place.partition("/")[0].removesuffix(".*")
    made_of_host = host.startswith(f"{plain}.")
    return host if not plain or (made_of_host and (len(plain) < 3 or plain in PLAIN_WORDS)) else plain
