"""User agents of the big lake: people's with versions and models varied, and robots that write their names in the usual places."""

from __future__ import annotations

import random

AGENTS = 3_000
ROBOT_PERCENT = 8  # of hits and of agents
_KIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_PEOPLE = (
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_KIT} Chrome/{{v}}.0.0.0 Safari/537.36",
    f"Mozilla/5.0 (Linux; Android {{a}}; {{model}}) {_KIT} Chrome/{{v}}.0.{{b}}.{{c}} Mobile Safari/537.36",
    f"Mozilla/5.0 (Linux; arm_64; Android {{a}}; {{model}}) {_KIT} Chrome/{{v}}.0.{{b}}.{{c}} YaBrowser/25.{{a}}.2.{{c}}.00 SA/3 "
    "Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS {i}_{a} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{i}.{a} "
    "Mobile/15E148 Safari/604.1",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_KIT} Chrome/{{v}}.0.0.0 YaBrowser/25.{{a}}.0.0 Safari/537.36",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_KIT} Chrome/{{v}}.0.0.0 Safari/537.36 Edg/{{v}}.0.{{b}}.{{c}}",
    "Mozilla/5.0 (X11; Linux x86_64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0",
    # From here on those that no quick pattern knows: browsers in apps, phones with "bot" in their names, TVs.
    f"Mozilla/5.0 (Linux; Android {{a}}; {{model}}; wv) {_KIT} Version/4.0 Chrome/{{v}}.0.{{b}}.{{c}} Mobile Safari/537.36 "
    "Instagram 390.0.0.{c} Android ({a}/34; 420dpi; 1080x2400)",
    f"Mozilla/5.0 (SMART-TV; Linux; Tizen 7.{{a}}) {_KIT} SamsungBrowser/3.0 Chrome/{{v}}.0.{{b}}.{{c}} TV Safari/537.36",
    f"Mozilla/5.0 (Linux; Android {{a}}; CUBOT_{{model}}) {_KIT} Chrome/{{v}}.0.{{b}}.{{c}} Mobile Safari/537.36",
)
_PEOPLE_SHARES = (30, 22, 14, 14, 7, 4, 3, 4, 1, 1)
_ROBOTS = (
    f"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) {_KIT} Chrome/{{v}}.0.{{b}}.{{c}} Mobile Safari/537.36 "
    "(compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; YandexBot/3.{a}; +http://yandex.com/bots)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.{a}; +http://ahrefs.com/robot/)",
    f"Mozilla/5.0 {_KIT}; compatible; GPTBot/1.{{a}}; +https://openai.com/gptbot)",
    f"Mozilla/5.0 (X11; Linux x86_64) {_KIT} HeadlessChrome/{{v}}.0.{{b}}.{{c}} Safari/537.36",
    "python-requests/2.{v}.{a}",
    "Go-http-client/{a}.1",
    f"Mozilla/5.0 (Windows NT 10.0) {_KIT} Chrome/{{v}}.0.{{b}}.{{c}} Safari/537.36 SomeCrawler/{{a}}.{{c}}",
)


def agents(count: int = AGENTS) -> list[tuple[int, str]]:
    """(place, agent), all different; the first `ROBOT_PERCENT` in a hundred are robots', the others people's."""
    chance, robots = random.Random(3), count * ROBOT_PERCENT // 100
    found: dict[str, None] = {}
    while len(found) < count:
        shape = chance.choice(_ROBOTS) if len(found) < robots else chance.choices(_PEOPLE, _PEOPLE_SHARES)[0]
        numbers = {"v": chance.randint(90, 144), "a": chance.randint(8, 16), "b": chance.randint(4000, 7400)}
        model = f"SM-A{chance.randint(100, 999)}{chance.choice('FBEGN')}"
        found[shape.format(**numbers, c=chance.randint(20, 250), i=chance.randint(15, 18), model=model)] = None
    return list(enumerate(found))
