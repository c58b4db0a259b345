"""The matcher of user agents: what it finds on lists it is not made of, engines that agree, speed, where its rules come from."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.lists.robots import KINDS, RULES, Finder, main, make, read_list, read_words, written
from infra.warehouse.duckdb import DuckDbWarehouse
from shared import robots
from shared.errors import BadInput
from shared.robots import BROWSER_PATTERN, NOT_ROBOTS, PLAIN_BROWSER_PATTERN, ROBOT_PATTERN, clean, is_robot, parameters
from tests.robot_cases import LIST, differences, everything, judged, listed, question, sample

ROOT = Path(__file__).parents[2]
FRAGMENTS = (
    "Mozilla/5.0 ", "(", ")", "; ", "compatible; ", "bot", "BOT", "cubot", "Cubot ", "; M bot", "http://bsalsa", "Linux; Android 9",
    "K", "U; ", "msie", "msi", "m", "konqueror", " AppleWebKit/537.36 (KHTML, like Gecko)", " Chrome/1.0", " Safari/1", "1",
    "Windows NT 10.0", "iPhone; CPU iPhone OS 17_0 like Mac OS X", "spider", "seo", "seo-", "java/1", "www.", "@a.b",
    "\u212a", "\u0130", "i\u0307", "ß", "\ufb00", "Ａ", "паук", " ", "\t", "\n", "\r", "\u2028", "\x85",
    "'", "\\", "/", "-", "_", "🤖", ":bot_pattern", "%",
)  # fmt: skip


@pytest.fixture(scope="module")
def duckdb(tmp_path_factory: pytest.TempPathFactory) -> DuckDbWarehouse:
    return DuckDbWarehouse(tmp_path_factory.mktemp("robots"), threads=1)


def test_agents_judged_one_by_one_are_judged_so() -> None:
    assert [agent for agent, robot in judged() if is_robot(agent) is not robot] == []


def test_at_least_95_of_100_robots_of_other_lists_are_found() -> None:
    agents = sample("bots_other.txt")
    assert len(agents) == 500
    assert sum(map(is_robot, agents)) / len(agents) >= 0.95


def test_at_most_2_of_1000_people_of_other_lists_are_taken_for_robots() -> None:
    agents = sample("people.txt")
    assert len(agents) == 3000
    assert sum(map(is_robot, agents)) / len(agents) <= 0.002


def test_the_words_alone_find_robots_of_a_list_that_they_were_not_told() -> None:
    words = read_words()
    finder = Finder({kind: words.get(kind, []) for kind in KINDS})
    agents = listed()
    assert sum(map(finder.finds, agents)) / len(agents) >= 0.95


def test_every_agent_of_the_list_is_found_but_for_the_patterns_left_out() -> None:
    unlisted = set(read_words()["unlisted"])
    taken = [entry for entry in read_list(LIST) if entry.pattern not in unlisted]
    assert len(taken) > 1400
    assert [agent for entry in taken for agent in entry.agents if not is_robot(agent)] == []


def test_patterns_left_out_are_patterns_of_the_list() -> None:
    assert set(read_words()["unlisted"]) <= {entry.pattern for entry in read_list(LIST)}


def test_no_robot_of_the_list_passes_as_an_ordinary_browser() -> None:
    plain = robots._matchers().plain
    assert [agent for agent in listed() if plain.fullmatch(agent)] == []


def test_most_of_todays_browsers_pass_the_cheap_pattern() -> None:
    lines = (ROOT / "tests/data/robots/people.txt").read_text(encoding="utf-8").split("\n")
    agents = [line.partition("\t")[2] for line in lines if line.startswith("user-agents\t")]
    plain = robots._matchers().plain
    assert sum(plain.fullmatch(agent) is not None for agent in agents) / len(agents) >= 0.9


def test_the_rules_are_what_the_generator_makes_of_the_list() -> None:
    assert RULES.read_text(encoding="utf-8") == written(make(read_list(LIST), read_words()))


@pytest.mark.parametrize("pattern", [ROBOT_PATTERN, BROWSER_PATTERN, PLAIN_BROWSER_PATTERN])
def test_the_patterns_hold_only_what_all_engines_read_alike(pattern: str) -> None:
    assert not [
        text for text in ("(?=", "(?!", "(?<", "(?P", "*+", "++", "?+", "\\b", "\\d", "\\s", "\\w", "\\1") if text in pattern
    ]
    assert pattern.isascii()
    assert "\n" not in pattern


def test_the_whole_pattern_finds_what_its_parts_find() -> None:
    whole = Finder(robots._rules())
    plain = robots._matchers().plain
    for agent in everything():
        assert is_robot(agent) is (not agent or (not plain.fullmatch(agent) and whole.finds(agent))), agent


def test_words_of_people_are_taken_out_before_looking() -> None:
    assert "cubot" in NOT_ROBOTS
    assert clean("CUBOT X18 bot") == "   x18 bot "


def test_only_latin_capitals_are_lowered() -> None:
    assert clean("BOT\u212a\u0130") == " bot\u212a\u0130 "


def test_duckdb_says_the_same_of_every_agent(duckdb: DuckDbWarehouse) -> None:
    agents = everything()
    rows = duckdb.rows(question(agents))
    assert len(rows) == len(agents) > 5000
    assert differences(rows) == []


def test_duckdb_says_nothing_of_no_agent(duckdb: DuckDbWarehouse) -> None:
    asked = question(["-"]).replace("('-')", "(CAST(NULL AS varchar))")
    assert duckdb.rows(asked) == [{"agent": None, "is_robot": None}]


@settings(max_examples=60, deadline=None)
@given(
    st.sets(
        st.lists(
            st.sampled_from(FRAGMENTS) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4),
            max_size=9,
        ).map("".join),
        min_size=1,
        max_size=40,
    )
)
def test_duckdb_says_the_same_of_any_text(duckdb: DuckDbWarehouse, agents: set[str]) -> None:
    assert differences(duckdb.rows(question(sorted(agents)))) == []


def test_an_agent_takes_ten_microseconds_on_average() -> None:
    agents = [*sample("people.txt"), *sample("bots_other.txt"), *listed()]
    is_robot("once")

    def seconds() -> float:
        started = time.thread_time()
        for agent in agents:
            is_robot(agent)
        return (time.thread_time() - started) / len(agents)

    assert min(seconds() for _ in range(5)) < 10e-6


@pytest.mark.parametrize(
    "agent",
    [
        "a" * 512, " a" * 256, "Mozilla " + "se " * 168, "mozilla" + "@a" * 250, "Mozilla (" + "compatible; msi" * 33,
        "mozilla/5.0 " + "q" * 500,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)" + " Chrome/1.1.1.1" * 28 + "!",
        "Mozilla/5.0 (Linux; Android 1; " + "b" * 480, "Mozilla/5.0 (Linux; Android 1; " + "bo" * 240,
        "Mozilla/5.0 (Windows NT " + "1" * 488,
    ],
)  # fmt: skip
def test_no_agent_of_512_characters_takes_a_millisecond(agent: str) -> None:
    is_robot("once")

    def seconds() -> float:
        started = time.perf_counter()
        is_robot(agent)
        return time.perf_counter() - started

    assert min(seconds() for _ in range(20)) < 1e-3


def test_it_loads_in_a_fresh_process_within_50_ms() -> None:
    program = (
        "import time; s = time.perf_counter(); from shared.robots import is_robot; is_robot('Foo/1.0'); "
        "print((time.perf_counter() - s) * 1000)"
    )
    times = [
        float(subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True).stdout)
        for _ in range(5)
    ]
    assert min(times) <= 50


def test_nothing_is_read_at_import() -> None:
    program = "import shared.robots as r; print(r._rules.cache_info().currsize, r._matchers.cache_info().currsize)"
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["0", "0"]


def test_the_parameters_are_the_patterns() -> None:
    assert parameters() == {
        "robot_pattern": ROBOT_PATTERN,
        "browser_pattern": BROWSER_PATTERN,
        "plain_browser_pattern": PLAIN_BROWSER_PATTERN,
    }
    with pytest.raises(AttributeError, match="no attribute 'OTHER'"):
        robots.OTHER  # noqa: B018


@pytest.mark.parametrize("text", ["{}", "[1]", "no json", '[{"instances": []}]', "[]"])
def test_a_file_that_is_no_list_of_robots_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "list.json"
    path.write_text(text)
    with pytest.raises(BadInput):
        read_list(path)


def test_a_list_with_an_agent_that_no_rule_finds_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text(json.dumps([{"pattern": "(quiet|still)+", "instances": ["Mozilla/5.0 (Windows NT 10.0) Quiet/1.0"]}]))
    with pytest.raises(BadInput) as refused:
        make(read_list(path), read_words())
    assert "Quiet/1.0" in refused.value.fields[0].message


def test_a_newer_list_brings_its_new_names(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    entries = [
        {"pattern": "^Newcomer\\/", "instances": ["Newcomer/1.0 (Windows NT 10.0)"]},
        {"pattern": "[qQ]uiet\\.example", "instances": ["Mozilla/5.0 (X11) Quiet.Example/2"]},
        {"pattern": "somebot", "instances": ["somebot/1.0"]},
    ]
    path.write_text(json.dumps(entries))
    words = read_words()
    rules = make(read_list(path), words)
    assert set(rules["begin"]) - set(words.get("begin", ())) == {"newcomer/"}
    assert set(rules["name"]) - set(words["name"]) == {"quiet.example"}
    assert set(rules["word"]) == set(words["word"])


def test_the_command_tells_what_comes_and_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "robots.tsv"
    rules.write_text(RULES.read_text(encoding="utf-8") + "name\tgone by now\n", encoding="utf-8")
    monkeypatch.setattr("infra.lists.robots.RULES", rules)
    assert main([str(LIST)]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "- name\tgone by now"
    assert rules.read_text(encoding="utf-8") == RULES.read_text(encoding="utf-8")
    assert main([]) == 2


def test_a_line_of_words_without_a_reason_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.tsv"
    path.write_text("kind\ttext\twhy\nword\tbot\n")
    with pytest.raises(BadInput) as refused:
        read_words(path)
    assert "line 2" in refused.value.fields[0].path


def test_a_word_of_people_that_would_never_be_taken_out_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.tsv"
    path.write_text("kind\ttext\twhy\nperson\tspiderman\ta telephone\n")
    with pytest.raises(BadInput) as refused:
        read_words(path)
    assert "line 2" in refused.value.fields[0].path
