"""Addresses and referrers as they are seen, and what the rule table makes of them; both engines are asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.landings import Landing

REFERRERS = Path(__file__).parent / "data/referrers"  # origins and licences in its README
HERE = "https://shop.example/"
OTHER = "https://blog.example/post"


def here(query: str = "") -> str:
    return f"{HERE}?{query}" if query else HERE


# url, referrer → channel, source, medium
SEEN: list[tuple[str, str | None, tuple[str, str, str]]] = [
    # Tags in any case and spelling.
    (here("utm_source=yandex&utm_medium=cpc"), None, ("Yandex Direct", "yandex", "cpc")),
    (here("UTM_SOURCE=Yandex.Direct&Utm_Medium=CPC"), None, ("Yandex Direct", "yandex", "cpc")),
    (here("utm_source=yandex_direct&utm_medium=rsya"), None, ("Yandex Direct", "yandex", "cpc")),
    (here("utm_source=ya&utm_medium=cpm"), None, ("Yandex Direct", "yandex", "cpc")),
    (here("utm_source=%D0%AF%D0%BD%D0%B4%D0%B5%D0%BA%D1%81&utm_medium=cpc"), None, ("Yandex Direct", "yandex", "cpc")),
    (here("utm_source=%FF%ED%E4%E5%EA%F1&utm_medium=cpc"), None, ("Yandex Direct", "yandex", "cpc")),  # windows-1251
    (here("utm_source=direct.yandex.ru"), None, ("Yandex Direct", "yandex", "cpc")),  # the name itself means ads
    (here("utm_source=google&utm_medium=cpc&gclid=Cj0"), "https://www.google.com/", ("Google Ads", "google", "cpc")),
    (here("utm_source=adwords"), None, ("Google Ads", "google", "cpc")),
    (here("utm_source=vk&utm_medium=target"), "https://m.vk.com/", ("VK Ads", "vk", "cpc")),
    (here("utm_source=mytarget&utm_medium=cpc"), None, ("VK Ads", "vk", "cpc")),
    (here("utm_source=facebook&utm_medium=paid_social&fbclid=x"), None, ("Meta Ads", "facebook", "cpc")),
    (here("utm_source=avito&utm_medium=cpc"), None, ("Paid marketplaces", "avito", "cpc")),
    (here("utm_source=2gis&utm_medium=cpc"), None, ("Paid maps", "2gis", "cpc")),
    (here("utm_source=telegram&utm_medium=posev"), None, ("Telegram Ads", "telegram", "cpc")),
    (here("utm_source=telegram&utm_medium=post"), None, ("Messengers", "telegram", "messenger")),
    (here("utm_source=tg"), None, ("Messengers", "telegram", "messenger")),
    (here("utm_source=unisender&utm_medium=email"), None, ("E-mail", "unisender", "email")),
    (here("utm_source=%D1%80%D0%B0%D1%81%D1%81%D1%8B%D0%BB%D0%BA%D0%B0"), None, ("E-mail", "email", "email")),
    (here("utm_source=sms&utm_medium=sms"), None, ("SMS", "sms", "sms")),
    (here("utm_source=site&utm_medium=web-push"), None, ("Push notifications", "site", "push")),
    (here("utm_source=flyer&utm_medium=qr"), None, ("Offline ads", "flyer", "offline")),
    (here("utm_source=blogger&utm_medium=cpa"), None, ("blogger / cpa", "blogger", "cpa")),
    (here("utm_source=foo&utm_medium=bar"), None, ("foo / bar", "foo", "bar")),
    (here("utm_source=(direct)&utm_medium=(none)"), None, ("direct", "(direct)", "(none)")),
    # Click ids without tags; a free one never makes a visit an ad.
    (here("yclid=123456789012345678"), "https://yandex.ru/", ("Yandex Direct", "yandex", "cpc")),
    (here("YCLID=1&ysclid=2"), None, ("Yandex Direct", "yandex", "cpc")),
    (here("ysclid=lx1"), "https://ya.ru/", ("Organic search", "yandex", "organic")),
    (here("gbraid=0A"), None, ("Google Ads", "google", "cpc")),
    (here("wbraid=0A"), None, ("Google Ads", "google", "cpc")),
    (here("msclkid=1"), None, ("Microsoft Ads", "bing", "cpc")),
    (here("ttclid=1"), None, ("TikTok Ads", "tiktok", "cpc")),
    (here("fbclid=1"), "https://l.facebook.com/", ("Social networks", "facebook", "social")),
    (here("rb_clickid=1"), None, ("VK Ads", "vk", "cpc")),
    (here("utm_source=yandex&yclid=1"), None, ("Yandex Direct", "yandex", "cpc")),  # no medium: the click id tells
    # A medium that says nothing known does not silence a paid click or a name of ads.
    (here("utm_source=yandex&utm_medium=geo_msk&yclid=1"), None, ("Yandex Direct", "yandex", "cpc")),
    (here("utm_source=yandex&utm_medium=rsya_msk"), None, ("Yandex Direct", "yandex", "cpc")),
    (here("utm_source=yandex_direct&utm_medium=brand"), None, ("Yandex Direct", "yandex", "cpc")),
    (here("utm_source=google&utm_medium=shopping"), None, ("Google Ads", "google", "cpc")),
    (here("utm_source=direct&utm_medium=cpc"), None, ("Yandex Direct", "direct", "cpc")),
    (here("twclid=1"), None, ("Paid social", "x", "cpc")),
    (here("admitad_uid=77"), None, ("Affiliate", "admitad", "affiliate")),
    (here("mt_click_id=1"), "https://ok.ru/", ("VK Ads", "vk", "cpc")),
    (here("gad_source=1&gad_campaignid=2"), "https://www.google.com/", ("Google Ads", "google", "cpc")),  # somebody cut the gclid
    (here("mc_cid=1f&mc_eid=2"), None, ("E-mail", "mailchimp", "email")),
    (here("_openstat=ZGlyZWN0LnlhbmRleC5ydTsxOzI7eWE"), None, ("Yandex Direct", "yandex", "cpc")),
    (here("_openstat=market.yandex.ru;1;2;3"), OTHER, ("Referral", "blog.example", "referral")),
    # Matomo's names of the marks.
    (here("mtm_source=vk&mtm_medium=cpc&mtm_campaign=a"), None, ("VK Ads", "vk", "cpc")),
    (here("pk_source=letter&pk_medium=email"), None, ("E-mail", "letter", "email")),
    (here("mtm_source=letter&utm_source=vk&utm_medium=cpc"), None, ("VK Ads", "vk", "cpc")),
    # Free or paid? The medium tells.
    (here("utm_source=google&utm_medium=search_organic"), None, ("Organic search", "google", "organic")),
    (here("utm_source=yandex&utm_medium=search-organic"), None, ("Organic search", "yandex", "organic")),
    (here("utm_source=bing&utm_medium=search"), None, ("Organic search", "bing", "organic")),
    (here("utm_source=yandex&utm_medium=search"), None, ("Yandex Direct", "yandex", "cpc")),  # what its macro writes
    (here("utm_source=google&utm_medium=search_ads"), None, ("Google Ads", "google", "cpc")),
    (here("utm_source=google&utm_medium=seminar"), None, ("Organic search", "google", "organic")),
    (here("utm_source=facebook&utm_medium=shopping"), None, ("Social networks", "facebook", "social")),
    (here("utm_source=vk&utm_medium=video_ads"), None, ("VK Ads", "vk", "cpc")),
    (here("utm_source=youtube&utm_medium=instream"), None, ("Google Ads", "youtube", "cpc")),
    (here("utm_source=ivi&utm_medium=preroll"), None, ("Paid video", "ivi", "preroll")),
    (here("utm_source=radio-x&utm_medium=podcast_ad"), None, ("Audio", "radio-x", "audio")),
    (here("utm_source=linkedin&utm_medium=sponsored-content"), None, ("Paid social", "linkedin", "sponsored-content")),
    (here("utm_source=taboola&utm_medium=referral"), None, ("taboola / referral", "taboola", "referral")),
    # Names that ad systems and mailers write.
    (here("utm_source=an&utm_medium=paid"), None, ("Meta Ads", "facebook", "cpc")),
    (here("utm_source=th&utm_medium=paid"), None, ("Meta Ads", "threads", "cpc")),
    (here("utm_source=Instagram_Stories&utm_medium=paid"), None, ("Meta Ads", "instagram", "cpc")),
    (here("utm_source=Facebook_Mobile_Feed"), None, ("Meta Ads", "facebook", "cpc")),
    (here("utm_source=fb-retargeting"), None, ("Meta Ads", "facebook", "cpc")),
    (here("utm_source=vk_ads_manager"), None, ("VK Ads", "vk", "cpc")),
    (here("utm_source=yandex-dzen"), None, ("Social networks", "dzen", "social")),
    (here("utm_source=hs_email"), None, ("E-mail", "hubspot", "email")),
    (here("utm_source=google_discover"), None, ("Organic search", "google", "organic")),
    (here("utm_source=google&utm_medium=gmb"), None, ("Maps", "google", "maps")),
    (here("utm_source=yandex_maps&utm_medium=geo"), None, ("Maps", "yandex-maps", "maps")),
    (here("utm_source=google&utm_medium=surfaces"), None, ("Organic search", "google", "organic")),
    (here("utm_source=site&utm_medium=llm"), None, ("AI assistants", "site", "ai")),
    # Free click ids ride on every link: a better referrer is believed, our own pages and payment pages too.
    (here("fbclid=1"), "https://l.instagram.com/", ("Social networks", "instagram", "social")),
    (here("ysclid=1"), "https://vk.com/", ("Social networks", "vk", "social")),
    (here("ysclid=1"), "https://alice.yandex.ru/", ("AI assistants", "alice", "ai")),
    (here("srsltid=1"), "https://chatgpt.com/", ("AI assistants", "chatgpt", "ai")),
    (here("ysclid=1"), "https://blog.example/", ("Organic search", "yandex", "organic")),
    (here("ysclid=1"), "https://shop.example/", ("direct", "(direct)", "(none)")),
    (here("fbclid=1"), "https://yookassa.ru/", ("direct", "(direct)", "(none)")),
    (here("gclid=1"), "https://www.youtube.com/", ("Google Ads", "google", "cpc")),
    # Search engines by country.
    (HERE, "https://www.google.co.uk/", ("Organic search", "google", "organic")),
    (HERE, "https://yandex.kz/", ("Organic search", "yandex", "organic")),
    (HERE, "https://yandex.com.tr/search/?text=soba", ("Organic search", "yandex", "organic")),
    (HERE, "https://go.mail.ru/search?q=a", ("Organic search", "mail.ru", "organic")),
    (HERE, "https://images.google.ru/imgres?q=a", ("Organic search", "google", "organic")),
    (HERE, "https://es.search.yahoo.com/search;_ylt=A7?p=CARDS&ei=utf-8", ("Organic search", "yahoo", "organic")),
    (HERE, "https://cn.bing.com/search?q=a", ("Organic search", "bing", "organic")),
    # Social networks, messengers, video, maps, marketplaces, assistants, mail, apps.
    (HERE, "https://away.vk.com/away.php?to=x", ("Social networks", "vk", "social")),
    (HERE, "https://dzen.ru/a/1", ("Social networks", "dzen", "social")),
    (HERE, "https://t.co/chrgFZDb", ("Social networks", "x", "social")),
    (HERE, "https://t.me/s/channel", ("Messengers", "telegram", "messenger")),
    (HERE, "https://web.whatsapp.com/", ("Messengers", "whatsapp", "messenger")),
    (HERE, "https://m.youtube.com/watch?v=1", ("Video", "youtube", "referral")),
    (HERE, "https://yandex.ru/maps/org/1", ("Maps", "yandex-maps", "maps")),
    (HERE, "https://www.google.com/maps/place/x", ("Maps", "google-maps", "maps")),
    (HERE, "https://2gis.ru/moscow/firm/1", ("Maps", "2gis", "maps")),
    (HERE, "https://www.avito.ru/moskva/1", ("Marketplaces", "avito", "referral")),
    (HERE, "https://market.yandex.ru/product/1", ("Marketplaces", "yandex-market", "referral")),
    (HERE, "https://chatgpt.com/", ("AI assistants", "chatgpt", "ai")),
    (HERE, "https://gemini.google.com/app", ("AI assistants", "gemini", "ai")),
    (HERE, "https://x.com/i/grok?conversation=1", ("AI assistants", "grok", "ai")),
    (HERE, "https://alice.yandex.ru/", ("AI assistants", "alice", "ai")),
    (HERE, "https://e.mail.ru/inbox/", ("E-mail", "mail.ru-mail", "email")),
    (HERE, "https://mail.google.com/", ("E-mail", "gmail", "email")),
    (HERE, "http://co106w.col106.mail.live.com/default.aspx?rru=inbox", ("E-mail", "outlook", "email")),
    (HERE, "https://webmail.company.example/inbox", ("E-mail", "webmail", "email")),
    (HERE, "https://mail.example/", ("Referral", "mail.example", "referral")),
    (HERE, "android-app://com.google.android.gm/", ("E-mail", "gmail", "email")),
    (HERE, "android-app://org.telegram.messenger/", ("Messengers", "telegram", "messenger")),
    (HERE, "android-app://com.google.android.googlequicksearchbox/https/www.google.com", ("Organic search", "google", "organic")),
    (HERE, "android-app://com.vkontakte.android/", ("Social networks", "vk", "social")),
    (HERE, "android-app://com.example.news/", ("Apps", "app:com.example.news", "referral")),
    (HERE, "https://yabs.yandex.ru/count/x", ("Ads without tags", "yandex", "cpc")),
    (HERE, "https://tpc.googlesyndication.com/safeframe", ("Ads without tags", "google", "cpc")),
    (HERE, "http://paid.outbrain.com/network/redir?key=9", ("Ads without tags", "outbrain", "cpc")),
    (HERE, "https://an.facebook.com/", ("Ads without tags", "facebook", "cpc")),
    (HERE, "https://static.criteo.net/", ("Ads without tags", "criteo", "cpc")),
    (HERE, "https://click.klaviyomail.com/", ("E-mail", "klaviyo", "email")),
    (HERE, "https://abc.sendsay.ru/", ("E-mail", "sendsay", "email")),
    (HERE, "https://us1.campaign-archive.com/", ("E-mail", "mailchimp", "email")),
    (HERE, "https://urldefense.com/v3/", ("E-mail", "email", "email")),
    (HERE, "https://nam01.safelinks.protection.outlook.com/", ("E-mail", "outlook", "email")),
    (HERE, "https://g.page/company", ("Maps", "google-maps", "maps")),
    (HERE, "https://www.bing.com/maps/x", ("Maps", "bing-maps", "maps")),
    (HERE, "https://www.idealo.de/x", ("Marketplaces", "idealo", "referral")),
    (HERE, "https://diary.ru/", ("Social networks", "diary.ru", "social")),
    (HERE, "https://presearch.org/search?q=a", ("Organic search", "presearch", "organic")),
    (HERE, "https://mail.seznam.cz/", ("E-mail", "seznam-mail", "email")),
    (HERE, "https://goo.gl/maps/x", ("Maps", "google-maps", "maps")),
    (HERE, "https://toloka.yandex.ru/task/1", ("Referral", "yandex-services", "referral")),
    (HERE, "android-app://m.facebook.com/", ("Social networks", "facebook", "social")),
    (HERE, "https://cpg.sbp.ru/", ("direct", "(direct)", "(none)")),
    (HERE, "https://pay.google.com/", ("direct", "(direct)", "(none)")),
    (HERE, OTHER, ("Referral", "blog.example", "referral")),
    # What is not taken for the real one.
    (HERE, "https://notyandex.ru/", ("Referral", "notyandex.ru", "referral")),
    (HERE, "https://google.com.evil.example/", ("Referral", "google.com.evil.example", "referral")),
    (HERE, "https://google.com.ru/", ("Referral", "google.com.ru", "referral")),
    (HERE, "https://yandex.ru.com/", ("Referral", "yandex.ru.com", "referral")),
    (HERE, "https://evil.example/google.com", ("Referral", "evil.example", "referral")),
    (HERE, "https://evil.example/?u=https://www.google.com/", ("Referral", "evil.example", "referral")),
    (HERE, "https://vk.com.evil.example/", ("Referral", "vk.com.evil.example", "referral")),
    (HERE, "https://mygoogle.com/", ("Referral", "mygoogle.com", "referral")),
    (HERE, "https://www.google.com@evil.example/", ("Referral", "evil.example", "referral")),
    (HERE, "https://" + "gоgle.com".encode("idna").decode() + "/", ("Referral", "gоgle.com", "referral")),  # a Cyrillic о
    (HERE, "android-app://com.evil.google.com/", ("Apps", "app:com.evil.google.com", "referral")),
    (HERE, "https://support.google.com/", ("Referral", "google-services", "referral")),
    (HERE, "https://google/", ("Referral", "google", "referral")),  # a host of somebody's own network
    (HERE, "https://business.google.com/", ("Referral", "google-services", "referral")),
    # The first label of a company's mail, but not beneath a domain of somebody else's, nor where names are open to everybody.
    (HERE, "https://mail.company.co.uk/inbox", ("E-mail", "webmail", "email")),
    (HERE, "https://mail.evil.example/", ("E-mail", "webmail", "email")),  # a decision: any company's mail is so named
    (HERE, "https://mail.google.com.evil.example/", ("Referral", "mail.google.com.evil.example", "referral")),
    (HERE, "https://mail.yandex.ru.evil.example/", ("Referral", "mail.yandex.ru.evil.example", "referral")),
    (HERE, "https://mail.google.com.ru/", ("Referral", "mail.google.com.ru", "referral")),
    (
        here("utm_source=mail.google.com.evil.example&utm_medium=x"),
        None,
        ("mail.google.com.evil.example / x", "mail.google.com.evil.example", "x"),
    ),
    # Ourselves, payment and sign-in pages keep the visit's source.
    (HERE, "https://oauth.yandex.ru/authorize", ("direct", "(direct)", "(none)")),
    (HERE, "https://id.vk.com/auth", ("direct", "(direct)", "(none)")),
    (HERE, "https://esia.gosuslugi.ru/login", ("direct", "(direct)", "(none)")),
    (HERE, "https://www.shop.example/cart", ("direct", "(direct)", "(none)")),
    (HERE, "https://m.shop.example:8443/cart", ("direct", "(direct)", "(none)")),
    (HERE, "https://yookassa.ru/checkout/1", ("direct", "(direct)", "(none)")),
    (HERE, "https://securepay.tinkoff.ru/x", ("direct", "(direct)", "(none)")),
    (HERE, "https://auth.robokassa.ru/x", ("direct", "(direct)", "(none)")),
    (HERE, None, ("direct", "(direct)", "(none)")),
]


TERMS = [
    ("https://www.google.com/search?q=gateway+oracle+cards+denise+linn&hl=en", "gateway oracle cards denise linn"),
    ("https://yandex.ru/search/?lr=213&text=%D0%BA%D0%BE%D1%82%D0%BB%D1%8B", "котлы"),
    ("https://yandex.ru/search/?text=%EA%EE%F2%EB%FB", "котлы"),  # windows-1251: the door writes it anew
    ("https://go.mail.ru/search?Q=boiler", "boiler"),
    ("https://it.search.yahoo.com/search?p=a%2Bb", "a+b"),
    ("https://www.bing.com/images/search?view=large&q=psychic+oracle", "psychic oracle"),
    ("https://hledani.tiscali.cz/web.php?query=mystic+meg", "mystic meg"),
    ("https://www.google.com/", None),
    ("https://blog.example/?q=boiler", None),  # no search engine
    ("https://yandex.ru/search/?text=%00a%0Ab", "a b"),
    ("https://yandex.ru/search/?text=%zz", "%zz"),
]

# utm_source, utm_medium → Google Analytics' default channel group (its help, 2026), as far as it goes by these two.
GROUPED = [
    ("google", "cpc", "Paid Search"), ("bing", "ppc", "Paid Search"), ("yahoo", "retargeting", "Paid Search"),
    ("duckduckgo", "paidsearch", "Paid Search"), ("baidu", "cpm", "Paid Search"),
    ("facebook", "cpc", "Paid Social"), ("linkedin", "paid_social", "Paid Social"), ("pinterest", "cpm", "Paid Social"),
    ("reddit", "ppc", "Paid Social"), ("twitter", "paid", "Paid Social"), ("tiktok", "cpv", "Paid Social"),
    ("youtube", "cpv", "Paid Video"), ("vimeo", "paid-video", "Paid Video"), ("twitch", "cpc", "Paid Video"),
    ("amazon", "cpc", "Paid Shopping"), ("ebay.com", "ppc", "Paid Shopping"),
    ("acme", "display", "Display"), ("acme", "banner", "Display"), ("acme", "expandable", "Display"),
    ("acme", "interstitial", "Display"), ("acme", "cpm", "Display"),
    ("acme", "cpc", "Paid Other"), ("acme", "ppc", "Paid Other"), ("acme", "retargeting", "Paid Other"),
    ("acme", "paid_native", "Paid Other"), ("acme", "cpa", "Paid Other"),
    ("facebook", "", "Organic Social"), ("acme", "social", "Organic Social"), ("acme", "social-network", "Organic Social"),
    ("acme", "social-media", "Organic Social"), ("acme", "sm", "Organic Social"), ("acme", "social network", "Organic Social"),
    ("acme", "social media", "Organic Social"), ("instagram", "referral", "Organic Social"),
    ("youtube", "", "Organic Video"), ("acme", "video", "Organic Video"), ("acme", "online-video", "Organic Video"),
    ("amazon", "", "Organic Shopping"), ("google", "", "Organic Search"), ("google", "organic", "Organic Search"),
    ("acme", "organic", "Organic Search"),
    ("acme", "referral", "Referral"), ("acme", "app", "Referral"), ("acme", "link", "Referral"),
    ("email", "x", "Email"), ("e-mail", "x", "Email"), ("e_mail", "", "Email"), ("e mail", "", "Email"),
    ("acme", "email", "Email"), ("acme", "e-mail", "Email"), ("acme", "e_mail", "Email"), ("acme", "e mail", "Email"),
    ("acme", "affiliate", "Affiliates"), ("acme", "affiliates", "Affiliates"),
    ("acme", "audio", "Audio"), ("sms", "", "SMS"), ("acme", "sms", "SMS"),
    ("acme", "push", "Mobile Push Notifications"), ("acme", "web-push", "Mobile Push Notifications"),
    ("acme", "mobile", "Mobile Push Notifications"), ("acme", "app-notification", "Mobile Push Notifications"),
    ("firebase", "x", "Mobile Push Notifications"),
    ("(direct)", "(none)", "Direct"), ("(direct)", "(not set)", "Direct"), ("acme", "whatever", "Unassigned"),
    # A known source is asked before words like these, and after paid and display.
    ("google", "display", "Display"), ("facebook", "banner", "Display"), ("amazon", "display", "Display"),
    ("amazon", "cpm", "Paid Shopping"), ("youtube", "cpm", "Paid Video"), ("youtube", "display", "Display"),
    ("amazon", "social", "Organic Shopping"), ("amazon", "video", "Organic Shopping"), ("amazon", "email", "Organic Shopping"),
    ("amazon", "referral", "Organic Shopping"), ("IGShopping", "Social", "Organic Shopping"),
    ("facebook", "video", "Organic Social"), ("linkedin", "video", "Organic Social"), ("x", "video", "Organic Social"),
    ("facebook", "organic", "Organic Social"), ("vk", "email", "Organic Social"), ("facebook", "affiliate", "Organic Social"),
    ("youtube", "social", "Organic Social"), ("youtube", "organic", "Organic Video"), ("youtube", "email", "Organic Video"),
    ("google", "social", "Organic Social"), ("google", "video", "Organic Video"), ("google", "email", "Organic Search"),
    ("google", "sms", "Organic Search"), ("bing", "referral", "Organic Search"), ("yandex", "affiliate", "Organic Search"),
    ("email", "referral", "Email"), ("email", "cpc", "Paid Other"), ("sms", "cpc", "Paid Other"),
    ("acme", "mobile_video", "Organic Video"), ("acme", "ai-assistant", "AI Assistant"), ("chatgpt", "", "AI Assistant"),
    ("chatgpt.com", "ai-assistant", "AI Assistant"), ("acme", "qr", "Unassigned"),
    # Words that only we know; what they say of money is believed.
    ("yandex", "rsya", "Paid Search"), ("google", "sem", "Paid Search"), ("vk", "target", "Paid Social"),
    ("youtube", "preroll", "Paid Video"), ("acme", "video_ads", "Paid Video"), ("acme", "audio_ad", "Audio"),
    ("facebook", "instream", "Paid Social"), ("acme", "affiliate_marketing", "Affiliates"), ("acme", "text_message", "SMS"),
]  # fmt: skip
# utm_source, utm_medium, utm_campaign → the same.
GROUPED_BY_CAMPAIGN = [
    ("acme", "cpc", "summer-shop", "Paid Shopping"), ("google", "cpc", "shopping_brand", "Paid Shopping"),
    ("facebook", "paid_social", "Shop", "Paid Shopping"), ("acme", "display", "shop", "Display"),
    ("acme", "cpc", "workshop", "Paid Other"), ("google", "cpc", "workshop", "Paid Search"),
    ("acme", "email", "summer-shop", "Organic Shopping"), ("google", "organic", "shopping", "Organic Shopping"),
    ("acme", "whatever", "shop", "Organic Shopping"),
    ("google", "cpc", "Cross-Network 1", "Cross-network"), ("acme", "email", "cross-network", "Cross-network"),
]  # fmt: skip
# What a medium is, kind → words.
MEDIA = {
    "paid": "cpc ppc ppc_brand cpa cpv cpl sem sem-brand pla plas performance performance-max pmax demand_gen demandgen "
    "retargeting retargeting_display remarketing target target_vk targeting таргет таргетинг ads ad fb_ads fbads tgads tg-ads "
    "vkads social-ads social_paid smm_paid stories_ads search_ads shopping_ads text_ads lead_ads sponsored sponsored-content "
    "promoted paid paid_social paidsearch boosted посев posev bloggers native_ads Facebook_Mobile_Feed audience_network",
    "cpm": "cpm",
    "display": "display display_ads banner banner_top expandable interstitial programmatic kms медийка",
    "video-ads": "video_ads video-ad instream in-stream outstream preroll pre-roll trueview bumper ctv ott connected_tv",
    "audio-ads": "audio_ad audio-ads podcast_ad радиореклама",
    "email": "email e-mail e_mail e%20mail emails mailing newsletter email-newsletter email_campaign emailmarketing edm рассылка "
    "email-marketing trigger_email",
    "sms": "sms text text_message text-messaging смс mms",
    "push": "push web-push mobile app-notification mobile-app",
    "affiliate": "affiliate affiliates affiliate_marketing partner partners партнерка",
    "audio": "audio podcast",
    "video": "video online-video mobile_video video_push видео",
    "messenger": "messenger live-chat telegram tg_channel telegram-bot viber chatbot",
    "social": "social social-media sm smm social_organic organic_social post stories fb_post vk_group link_in_bio",
    "organic": "organic organic_search search_organic search-organic seo free_listings merchant_center surfaces",
    "search": "search search_engine",
    "network": "rsya rsya_msk poisk search_brand network context shopping geo",
    "ai": "ai llm ai-assistant ai_chat",
    "maps": "gmb gbp maps local google_maps",
    "referral": "referral referral_link app link website",
    "offline": "qr flyer radio direct_mail banner_offline листовка",
    "direct": "(none) none",
    "unknown": "non-paid unpaid leads semantic seminar semrush blog threads adapter targetx-free whatever",
}


def grouped_addresses() -> list[str]:
    """Addresses of GROUPED and GROUPED_BY_CAMPAIGN, in their order."""
    told = [(s, m, "") for s, m, _ in GROUPED] + [(s, m, c) for s, m, c, _ in GROUPED_BY_CAMPAIGN]
    return [here(f"utm_source={s}&utm_medium={m}&utm_campaign={c}".replace(" ", "%20")) for s, m, c in told]


def media_addresses(source: str) -> list[tuple[str, str]]:
    """(address, kind of its medium) for every word of MEDIA."""
    return [(here(f"utm_source={source}&utm_medium={word}"), kind) for kind, words in MEDIA.items() for word in words.split()]


def clickstream_cases() -> list[dict[str, Any]]:
    """Cases of Clickstream Analytics on AWS: addresses with what its authors expect."""
    cases: list[dict[str, Any]] = json.loads((REFERRERS / "aws-clickstream-traffic-source-cases.json").read_text(encoding="utf-8"))
    return cases


def clickstream_landing(case: dict[str, Any]) -> Landing:
    """Their page and the referrer that they go by: the visit's last outside one, else the page's.

    They take addresses without a scheme; of ours, imports do (docs/tracker.md), so they come here as the import stores them.
    """
    pages = [text if not text or "://" in text else f"https://{text}" for text in (case["page_url"], case["page_referrer"])]
    return Landing(pages[0] or "https://example.com/", case["latest_referrer"] or pages[1] or None)
