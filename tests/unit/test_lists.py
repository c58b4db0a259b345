"""Bundled lists of referring hosts: what the rule files have, how they are made of the published lists, how they are refreshed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.lists.check import Place, above, nearest, of_any_country, place_mistake, row_mistakes
from infra.lists.names import CATEGORIES, LEFT_OUT, plain_name
from infra.lists.places import KINDS, Kind, Note, place_of, places
from infra.lists.refresh import LISTS, ROBOTS, origins, read_places, rebuild
from shared.errors import BadInput
from shared.sources import standard_sources

DATA = Path(__file__).parents[1] / "data/referrers"
PUBLISHED: dict[Kind, Path] = {
    "ai": DATA / "matomo-AIAssistants.yml",
    "search": DATA / "matomo-SearchEngines.yml",
    "social": DATA / "matomo-Socials.yml",
    "hosts": DATA / "aws-clickstream-traffic_source_category_rule_v0.json",
}
SPAM = LISTS.parent / "spam.tsv"
DAY = date(2027, 1, 15)
BUNDLED = {kind: read_places(LISTS / f"{kind}.tsv") for kind in KINDS}
BY_PLACE = {row.place: row for kind in reversed(KINDS) for row in BUNDLED[kind]}


def told(kind: Kind, place: str) -> Place | None:
    return next((row for row in BUNDLED[kind] if row.place == place), None)


def answer(place: str) -> Place | None:
    """What the four files say of a host: the longest place wins, as in the rules."""
    return BY_PLACE.get(place) or nearest(place, BY_PLACE)


def of_yaml(text: str, kind: Kind = "search", believed: tuple[Place, ...] = ()) -> list[Place]:
    return list(places(kind, text, "list.yml", believed).rows)


def of_json(*rows: dict[str, Any], believed: tuple[Place, ...] = ()) -> list[Place]:
    return list(places("hosts", json.dumps(rows), "list.json", believed).rows)


def notes_of(kind: Kind) -> tuple[Note, ...]:
    believed = [row for earlier in KINDS[: KINDS.index(kind)] for row in BUNDLED[earlier]]
    return places(kind, PUBLISHED[kind].read_text(encoding="utf-8"), PUBLISHED[kind].name, believed).notes


# The committed files


@pytest.mark.parametrize("kind", KINDS)
def test_a_rule_file_is_what_the_published_list_makes(kind: Kind) -> None:
    believed = [row for earlier in KINDS[: KINDS.index(kind)] for row in BUNDLED[earlier]]
    made = places(kind, PUBLISHED[kind].read_text(encoding="utf-8"), PUBLISHED[kind].name, believed)
    assert made.rows == BUNDLED[kind], "after a refresh, the newer list belongs into tests/data/referrers too"


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_of_a_rule_file_is_sound_and_sorted(kind: Kind) -> None:
    rows = BUNDLED[kind]
    assert list(row_mistakes(rows)) == []
    assert list(rows) == sorted(rows)
    assert len(rows) >= 20


def test_no_place_stands_in_two_lists() -> None:
    found = [row.place for rows in BUNDLED.values() for row in rows]
    assert len(found) == len(set(found))


def test_sources_of_the_standard_list_have_its_ids_and_categories() -> None:
    standard = standard_sources()
    meant = {synonym: source.id for source in standard.values() for synonym in source.synonyms}
    rows = [row for rows in BUNDLED.values() for row in rows]
    assert {row.source: meant[row.source] for row in rows if row.source in meant and row.source not in standard} == {}
    assert {
        (row.place, row.category) for row in rows if row.source in standard and row.category != standard[row.source].category
    } == set()
    assert {"yandex", "google", "bing", "yahoo", "mail.ru", "vk", "ok", "x", "chatgpt", "telegram"} <= {row.source for row in rows}


def test_categories_that_the_lists_do_not_know_are_those_of_the_standard_list() -> None:
    standard = standard_sources()
    assert {s: c for s, c in CATEGORIES.items() if s in standard and standard[s].category != c} == {}


@pytest.mark.parametrize(
    ("host", "source", "category"),
    [
        ("google.ru", "google", "search"),
        ("google.co.uk", "google", "search"),
        ("images.google.com.tr", "google", "search"),
        ("google.com/imgres", "google", "search"),
        ("yandex.kz", "yandex", "search"),
        ("clck.yandex.ru", "yandex", "search"),
        ("ya.ru", "yandex", "search"),
        ("ar.search.yahoo.com", "yahoo", "search"),
        ("m.vk.com", "vk", "social"),
        ("l.facebook.com", "facebook", "social"),
        ("tr.pinterest.com", "pinterest", "social"),
        ("m.youtube.com", "youtube", "video"),
        ("youtu.be", "youtube", "video"),
        ("t.me", "telegram", "messenger"),
        ("chat.openai.com", "chatgpt", "ai"),
        ("x.com/i/grok", "grok", "ai"),
        ("x.com/i", "x", "social"),
        ("smile.amazon.com", "amazon", "shopping"),
        ("app:com.google.android.googlequicksearchbox", "google", "search"),
        ("app:com.linkedin.android", "linkedin", "social"),
    ],
)
def test_a_host_is_found_under_its_source(host: str, source: str, category: str) -> None:
    found = answer(host)
    assert found is not None
    assert (found.source, found.category) == (source, category)


@pytest.mark.parametrize(
    "host",
    [
        "notgoogle.ru",
        "google.com.evil.example",
        "google.shop",
        "notya.ru",
        "vk.com.example",
        "edition.cnn.com",
        "stripe.com",
        "app:com.google",
    ],
)
def test_look_alikes_and_what_was_left_out_are_not_found(host: str) -> None:
    assert answer(host) is None


def test_parameters_of_the_phrase_keep_the_case_of_the_engine() -> None:
    assert [told("search", place) for place in ("arcor.de", "yandex.*", "lookany.com")] == [
        Place("arcor.de", "arcor", "search", ("Keywords",)),
        Place("yandex.*", "yandex", "search", ("text",)),
        Place("lookany.com", "lookany", "search", ()),
    ]


def test_terms_that_are_patterns_over_the_path_are_counted_and_not_read() -> None:
    patterns = [note for note in notes_of("search") if note.what == "pattern"]
    assert len(patterns) == 14
    assert not [term for row in BUNDLED["search"] for term in row.terms if "/" in term]


def test_conflicts_between_lists_are_told_and_the_earlier_list_wins() -> None:
    conflicts = {note.place for note in notes_of("hosts") if note.what == "conflict"}
    assert {"facebook.com", "so.com"} <= conflicts
    assert told("hosts", "facebook.com") is None
    assert {note.place for note in notes_of("search") if note.what == "conflict"} == {
        "chat.openai.com", "chatgpt.com", "perplexity.ai", "you.com",
    }  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_left_out_is_still_in_the_published_list(kind: Kind) -> None:
    assert set(LEFT_OUT[kind]) == {note.place for note in notes_of(kind) if note.what == "left out"}


def test_spam_is_spam_and_no_other_list_has_it() -> None:
    rows = read_places(SPAM)
    assert list(row_mistakes(rows)) == []
    assert {(row.source == row.place, row.category, row.terms) for row in rows} == {(True, "spam", ())}
    assert [row.place for row in rows if answer(row.place)] == []
    assert {"semalt.com", "buttons-for-website.com", "darodar.com", "ilovevitaly.com"} <= {row.place for row in rows}
    assert list(rows) == sorted(rows)


def test_origins_tell_every_list_with_its_licence_and_rows() -> None:
    told_of = {row["file"]: row for row in origins()}
    assert {f"{kind}.tsv" for kind in KINDS} <= set(told_of)
    for kind in KINDS:
        row = told_of[f"{kind}.tsv"]
        assert int(row["rows"]) == len(BUNDLED[kind])
        assert row["licence"] == ("Apache-2.0" if kind == "hosts" else "CC0-1.0")
        assert date.fromisoformat(row["date"]) >= date(2026, 1, 1)
        assert row["revision"] in (DATA / "README.md").read_text(encoding="utf-8")
    robots = told_of["shared/robots.tsv"]
    assert (robots["licence"], int(robots["rows"])) == ("MIT", len(ROBOTS.read_text(encoding="utf-8").splitlines()) - 1)
    assert (LISTS / "LICENSE.Apache-2.0.txt").read_bytes() == (DATA / "LICENSE.Apache-2.0.txt").read_bytes()


# How a place is made


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("www.Example.com", "example.com"),
        ("google.{}", "google.*"),
        ("www.yandex.{}", "yandex.*"),
        ("{}.bing.com", "bing.com"),
        ("images.{}.ask.com", "ask.com"),
        ("{}.bing.com/images/search", "bing.com/images/search"),
        ("apollo.lv/portal/search/", "apollo.lv/portal/search"),
        ("example.com/s?q=1", "example.com/s"),
        ("https://Example.com.", "example.com"),
        ("поиск.рф", "xn--h1aekdm.xn--p1ai"),
        ("com.reddit.frontpage", "app:com.reddit.frontpage"),
        ("android-app//com.google.android.x/https/www.google.com", "app:com.google.android.x"),
        ("android-app://com.google.android.x", "app:com.google.android.x"),
        ("linkedin.android", "app:com.linkedin.android"),
    ],
)
def test_an_address_of_a_list_becomes_a_place(url: str, place: str) -> None:
    assert place_of(url) == place
    assert place_mistake(place) is None


@pytest.mark.parametrize(
    "place",
    [
        "", "com", "localhost", "co.uk", "com.tr", "github.io", "www.example.com", "127.0.0.1", "a b.example", "-x.example",
        "exa_mple.com", "example..com", "example.com/", "example.com/a//b", "*", "*.*", "a.*", ".*", "{}.example", "app:",
        "app:chrome", "google+.com", "поиск.рф", "x" * 64 + ".com",
    ],
)  # fmt: skip
def test_what_is_no_place_is_refused(place: str) -> None:
    assert place_mistake(place) is not None


@given(st.text(max_size=60))
def test_any_text_is_a_place_or_refused(text: str) -> None:
    try:
        place = place_of(text)
    except UnicodeError:
        return
    if place_mistake(place) is None:
        assert place == place.lower()
        assert place.isascii()
        assert not set(place) & set("\t\n |")
        assert place not in above(place)


def test_a_star_stands_for_a_country_and_nothing_else() -> None:
    assert list(of_any_country("google.co.uk/maps")) == ["google.co.*/maps", "google.*/maps"]
    assert list(of_any_country("google.com")) == ["google.*"]
    assert list(of_any_country("google.shop")) == []
    assert list(of_any_country("google.com.ru")) == ["google.com.*"]
    assert list(of_any_country("co.uk")) == ["co.*"]


def test_names_become_ids() -> None:
    named = ["Yahoo! Images", "ABCsøk", "Cốc Cốc", "Google%2B", "1.cz", "묻지마 검색"]
    assert [plain_name(name) for name in named] == ["yahoo-images", "abcsok", "coc-coc", "google-plus", "1.cz", ""]


def test_pictures_videos_and_news_of_an_engine_are_the_engine() -> None:
    text = "Yahoo! Images:\n  - urls: [images.yahoo.example]\n    params: [va]\nGoogle News:\n  - urls: [news.google.example]\n"
    assert [(row.source, row.category) for row in of_yaml(text)] == [("yahoo", "search"), ("google", "search")]


def test_one_place_of_several_groups_has_the_terms_of_all() -> None:
    groups = ("{urls: [find.example, www.find.example], params: [q, Q]}", "{urls: [find.example], params: [text, '/s/(.*)/', ' ']}")
    assert of_yaml("Find:\n" + "".join(f"  - {group}\n" for group in groups)) == [
        Place("find.example", "find", "search", ("q", "Q", "text"))
    ]


def test_two_names_of_one_place_are_a_conflict_and_the_first_is_kept() -> None:
    text = "Find:\n  - urls: ['find.{}']\nSeek:\n  - urls: [find.ru]\n    params: [q]\n"
    made = places("search", text, "list.yml")
    assert made.rows == (Place("find.*", "find", "search", ("q",)),)
    assert [(note.place, note.what) for note in made.notes] == [("find.ru", "conflict")]


def test_a_row_that_says_nothing_more_than_the_one_above_is_left_away() -> None:
    groups = ("{urls: [find.com, m.find.com, 'find.{}', other.find.com/x], params: [q]}", "{urls: [news.find.com], params: [n]}")
    assert [row.place for row in of_yaml("Find:\n" + "".join(f"  - {group}\n" for group in groups))] == ["find.*", "news.find.com"]


def test_hosts_called_by_themselves_are_of_the_brand_above() -> None:
    rows = of_json(
        {"url": "m.brand.com", "source": "m.brand", "category": "Social", "params": []},
        {"url": "brand.com", "source": "brand", "category": "Social", "params": []},
        {"url": "shop.brand.com", "source": "shop.brand", "category": "Shopping", "params": []},
        {"url": "mix.com", "source": "mix", "category": "Social", "params": []},
    )
    assert rows == [
        Place("brand.com", "brand", "social"),
        Place("mix.com", "mix.com", "social"),
        Place("shop.brand.com", "shop.brand", "shopping"),
    ]


def test_rows_of_lists_that_are_believed_first_are_not_repeated() -> None:
    believed = (Place("google.*", "google", "search", ("q",)), Place("vk.com", "vk", "social"))
    rows = of_json(
        {"url": "google.com", "source": "google", "category": "Search", "params": []},
        {"url": "m.vk.com", "source": "m.vk", "category": "Social", "params": []},
        {"url": "vk.com", "source": "Other", "category": "Video", "params": []},
        {"url": "groups.google.com", "source": "groups.google", "category": "Social", "params": []},
        believed=believed,
    )
    assert rows == [Place("groups.google.com", "groups.google", "social")]


@given(st.permutations(["a.find.com", "b.a.find.com", "find.com", "find.com/x", "other.com", "www.find.com"]))
def test_hosts_in_any_order_make_the_same_rows(hosts: list[str]) -> None:
    rows = [{"url": host, "source": host.rpartition(".")[0], "category": "Social", "params": []} for host in hosts]
    assert [row.place for row in of_json(*rows)] == ["find.com", "other.com"]


# Broken files


@pytest.mark.parametrize(
    ("kind", "text", "where"),
    [
        ("search", "Google:\n  - urls: [google.com\n", "line 3, column 1"),
        ("search", "Google: &a\n  - urls: [google.com]\nBing: *a\n", "line 3"),
        ("search", "Google:\n  - urls: [google.com]\nGoogle:\n  - urls: [a.com]\n", "line 3, column 1"),
        ("search", "", "the file"),
        ("search", "- google.com\n", "the file"),
        ("search", "Google: google.com\n", "Google"),
        ("search", "Google:\n  - google.com\n", "Google[0]"),
        ("search", "Google:\n  - params: [q]\n", "Google[0]"),
        ("search", "Google:\n  - urls: [google.com, [a]]\n", "Google[0].urls[1]"),
        ("search", "Google:\n  - urls: [google.com]\n    params: q\n", "Google[0].params"),
        ("search", "Google:\n  - urls: [google.com, com.tr]\n", "Google[0].urls[1]"),
        ("search", "a: \x00", "the file"),
        ("search", "[" * 5000, "the file"),
        ("social", "VK:\n  - vk.com\n  - {a: b}\n", "VK[1]"),
        ("social", "VK:\n  - 'not a host'\n", "VK[0]"),
        ("ai", "Claude: {a: b}\n", "Claude"),
        ("hosts", '[{"url": "a.com"', "line 1, column 17"),
        ("hosts", "{}", "the file"),
        ("hosts", "[" * 100_000, "the file"),
        ("hosts", "[1]", "[0]"),
        ("hosts", '[{"url": "a.com", "source": "A"}]', "[0].category"),
        ("hosts", '[{"url": "a.com", "source": "A", "category": "Games", "params": []}]', "[0].category"),
        ("hosts", '[{"url": "a.com", "source": 1, "category": "Search", "params": []}]', "[0].source"),
        ("hosts", '[{"url": "a.com", "source": "A", "category": "Search", "params": [1]}]', "[0].params[0]"),
        ("hosts", '[{"url": "github.io", "source": "A", "category": "Social", "params": []}]', "[0].url"),
    ],
)
def test_a_broken_list_is_refused_with_its_name_and_place(kind: Kind, text: str, where: str) -> None:
    with pytest.raises(BadInput) as caught:
        places(kind, text, "newer.list")
    assert caught.value.message.startswith(f"newer.list: {where}")
    assert caught.value.fields


@given(st.sampled_from(KINDS), st.text(max_size=200))
def test_any_text_is_a_list_or_refused(kind: Kind, text: str) -> None:
    try:
        told, rows = "newer.list: ", places(kind, text, "newer.list").rows
    except BadInput as error:
        told, rows = error.message, ()
    assert told.startswith("newer.list: ")
    assert list(row_mistakes(rows)) == []


# Refreshing


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    """A copy of the bundled lists."""
    return Path(shutil.copytree(LISTS, tmp_path / "lists"))


def newer(folder: Path, kind: Kind, change: Callable[[str], str]) -> Path:
    """A newer published list."""
    path = folder / PUBLISHED[kind].name
    path.write_text(change(PUBLISHED[kind].read_text(encoding="utf-8")), encoding="utf-8")
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_newer_list_is_told_by_what_it_adds_removes_and_changes(lists: Path, tmp_path: Path) -> None:
    before = contents(lists)
    path = newer(
        tmp_path,
        "search",
        lambda text: text.replace("      - szukaj.wp.pl\n", "      - nowe.wp.pl\n")
        .replace("    params:\n      - szukaj\n", "    params:\n      - fraza\n")
        .replace("      - zoohoo.cz\n    params:\n      - q\n", "      - zoohoo.cz\n    params:\n      - w\n"),
    )  # fmt: skip
    (change,) = rebuild(search=path, revision="abc1234", taken=DAY, out=lists)
    assert (change.file, change.rows) == ("search.tsv", len(BUNDLED["search"]))
    assert change.added == ("nowe.wp.pl\twirtualna-polska\tsearch\tfraza",)
    assert change.removed == ("szukaj.wp.pl\twirtualna-polska\tsearch\tszukaj",)
    assert change.changed == (("zoohoo.cz\tzoohoo\tsearch\tq", "zoohoo.cz\tzoohoo\tsearch\tw"),)
    assert {name for name, content in contents(lists).items() if content != before[name]} == {"search.tsv", "ORIGINS.tsv"}
    told_of = {row["file"]: row for row in origins(lists)}
    assert (told_of["search.tsv"]["revision"], told_of["search.tsv"]["date"]) == ("abc1234", "2027-01-15")
    assert told_of["social.tsv"] == {row["file"]: row for row in origins()}["social.tsv"]


def test_the_same_list_changes_nothing_but_its_revision(lists: Path) -> None:
    changes = rebuild(
        ai=PUBLISHED["ai"], search=PUBLISHED["search"], social=PUBLISHED["social"], revision="abc1234", taken=DAY, out=lists
    )
    assert [(c.added, c.removed, c.changed) for c in changes] == [((), (), ())] * 3
    assert {name for name, content in contents(lists).items() if content != (LISTS / name).read_bytes()} == {"ORIGINS.tsv"}


def test_a_refresh_can_be_tried_without_writing(lists: Path, tmp_path: Path) -> None:
    before = contents(lists)
    path = newer(tmp_path, "social", lambda text: text + "\nNew Network:\n  - new-network.example\n")
    (change,) = rebuild(social=path, revision="abc1234", taken=DAY, out=lists, write=False)
    assert change.added == ("new-network.example\tnew-network\tsocial\t",)
    assert contents(lists) == before


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (change,) = rebuild(ai=PUBLISHED["ai"], revision="abc1234", taken=DAY, out=tmp_path / "new")
    assert len(change.added) == change.rows == len(BUNDLED["ai"])
    assert read_places(tmp_path / "new/ai.tsv") == BUNDLED["ai"]
    assert [row["file"] for row in origins(tmp_path / "new")] == ["ai.tsv"]


def test_lists_of_one_call_know_of_each_other(tmp_path: Path) -> None:
    rebuild(ai=PUBLISHED["ai"], search=PUBLISHED["search"], revision="abc1234", taken=DAY, out=tmp_path)
    assert read_places(tmp_path / "search.tsv") == BUNDLED["search"]
    rebuild(search=PUBLISHED["search"], revision="abc1234", taken=DAY, out=tmp_path / "alone")
    assert {row.place for row in read_places(tmp_path / "alone/search.tsv")} - {row.place for row in BUNDLED["search"]} == {
        "chat.openai.com", "chatgpt.com", "perplexity.ai", "you.com",
    }  # fmt: skip


def half(text: str) -> str:
    return text[: text.index("\nMamma:") + 1]


def test_a_list_that_was_cut_off_is_refused_and_nothing_is_written(lists: Path, tmp_path: Path) -> None:
    before = contents(lists)
    path = newer(tmp_path, "search", half)
    with pytest.raises(BadInput, match="was the download cut off") as caught:
        rebuild(ai=PUBLISHED["ai"], search=path, revision="abc1234", taken=DAY, out=lists)
    assert str(path) in caught.value.message
    assert contents(lists) == before
    (change,) = rebuild(search=path, revision="abc1234", taken=DAY, out=lists, fewer=True)
    assert len(change.removed) > 100
    assert len(read_places(lists / "search.tsv")) == change.rows


def test_a_broken_list_among_good_ones_writes_nothing(lists: Path, tmp_path: Path) -> None:
    before = contents(lists)
    path = newer(tmp_path, "social", lambda text: text + "Broken:\n  - [\n")
    with pytest.raises(BadInput, match="is no YAML of a list"):
        rebuild(
            ai=newer(tmp_path, "ai", lambda t: t + "\nNew:\n  - new.example\n"), social=path, revision="a", taken=DAY, out=lists
        )
    assert contents(lists) == before


def test_a_file_that_cannot_be_read_is_refused(lists: Path, tmp_path: Path) -> None:
    (tmp_path / "latin.yml").write_bytes("Søk:\n  - søk.example\n".encode("latin-1"))
    for name in ("latin.yml", "missing.yml", "."):
        with pytest.raises(BadInput, match="cannot be read"):
            rebuild(social=tmp_path / name, revision="abc1234", taken=DAY, out=lists)


def test_a_rule_file_of_another_shape_is_refused(lists: Path) -> None:
    with (lists / "ai.tsv").open("a", encoding="utf-8") as file:
        file.write("one.example\tone\n")
    with pytest.raises(BadInput, match=r"ai\.tsv: line \d+ has not the columns place, source, category, terms"):
        rebuild(social=PUBLISHED["social"], revision="abc1234", taken=DAY, out=lists)


def test_a_call_names_a_list_and_a_version_of_one_author(lists: Path) -> None:
    with pytest.raises(BadInput, match="No list is given"):
        rebuild(revision="abc1234", taken=DAY, out=lists)
    with pytest.raises(BadInput, match="one author's version"):
        rebuild(ai=PUBLISHED["ai"], hosts=PUBLISHED["hosts"], revision="abc1234", taken=DAY, out=lists)
    for revision in ("", "a\tb", "a b", "x" * 81):
        with pytest.raises(BadInput, match="names no version"):
            rebuild(ai=PUBLISHED["ai"], revision=revision, taken=DAY, out=lists)


def test_a_newer_list_of_robots_is_told_and_written_where_robots_are(lists: Path, tmp_path: Path) -> None:
    path, into = tmp_path / "crawler-user-agents.json", tmp_path / "robots.tsv"
    agent = (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 qvzthing/1"
    )
    path.write_text(json.dumps([{"pattern": "qvzthing", "instances": [agent]}]))
    into.write_text("kind\ttext\n" + "".join(f"word\tours{n}\n" for n in range(3)))
    with pytest.raises(BadInput, match="was the download cut off"):
        rebuild(robots=path, revision="abc1234", taken=DAY, out=lists, robots_out=into)
    (change,) = rebuild(robots=path, revision="abc1234", taken=DAY, out=lists, robots_out=into, fewer=True)
    assert any("qvzthing" in row for row in change.added)
    assert change.removed == ("word\tours0", "word\tours1", "word\tours2")
    assert change.rows == len(into.read_text(encoding="utf-8").splitlines()) - 1
    assert [(row["origin"], row["rows"]) for row in origins(lists) if row["file"] == change.file] == [
        ("monperrus/crawler-user-agents", str(change.rows))
    ]


def test_a_broken_list_of_robots_is_refused(lists: Path, tmp_path: Path) -> None:
    path = tmp_path / "crawler-user-agents.json"
    path.write_text("[{")
    for broken in (path, tmp_path / "missing.json"):
        with pytest.raises(BadInput):
            rebuild(robots=broken, revision="abc1234", taken=DAY, out=lists, robots_out=tmp_path / "robots.tsv")
    assert not (tmp_path / "robots.tsv").exists()
