"""Addresses and referrers as they are seen, and what the rule table makes of them; both engines are asked."""

from __future__ import annotations

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
