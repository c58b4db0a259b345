"""`skvoz utm` at a terminal: links are all made or none is, and every reason stands with its place."""

from __future__ import annotations

import csv
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
import yaml

from tests import terminal

PAGE = "https://shop.example/catalog"
SETTINGS = {
    "site_id": "shop",
    "name": "Shop",
    "hosts": ["shop.example"],
    "sources": {"own": [{"id": "myblog", "synonyms": ["blog of ours"]}]},
}
SCHEME = {
    "sources": ["yandex", "vk"],
    "transliterate": True,
    "campaign": {"pattern": "{product}-{yyyymm}", "parts": {"product": ["sofas", "beds"]}},
}


run, mistake = partial(terminal.run, "utm"), partial(terminal.mistake, "utm")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(SETTINGS))
    return tmp_path / "shop.yaml"


@pytest.fixture
def scheme(tmp_path: Path) -> Path:
    (tmp_path / "scheme.yaml").write_text(yaml.safe_dump(SCHEME))
    return tmp_path / "scheme.yaml"


def test_links_come_one_a_line_and_nothing_else_on_standard_output() -> None:
    told = run("build", PAGE, "https://shop.example/beds#top", "--system", "vk_ads", "--content", "Banner")
    assert told.exit_code == 0
    assert told.stdout.splitlines() == [
        f"{PAGE}?utm_source=vk&utm_medium=cpc&utm_campaign={{{{ad_plan_id}}}}&utm_content=Banner",
        "https://shop.example/beds?utm_source=vk&utm_medium=cpc&utm_campaign={{ad_plan_id}}&utm_content=Banner#top",
    ]
    assert told.stderr == ""


def test_a_list_of_pages_has_names_and_systems_of_its_own(scheme: Path) -> None:
    pages = "address;campaign;system\nhttps://shop.example/a;Sofas 202611;\nhttps://shop.example/b;;vk_ads\n"
    pages = pages.replace("Sofas 202611", "Sofas-202611")
    told = run("build", "--from", "-", "--system", "yandex_direct", "--scheme", scheme, "--csv", told=pages)
    assert told.exit_code == 0, told.stderr
    rows = list(csv.DictReader(StringIO(told.stdout)))
    assert [row["address"] for row in rows] == ["https://shop.example/a", "https://shop.example/b"]
    assert "utm_source=yandex&utm_medium=cpc&utm_campaign=sofas-202611" in rows[0]["link"]
    assert "utm_source=vk&utm_medium=cpc&utm_campaign={{ad_plan_id}}" in rows[1]["link"]


def test_one_mistake_makes_no_link_and_all_of_them_are_told(tmp_path: Path, scheme: Path) -> None:
    pages = tmp_path / "pages.csv"
    pages.write_text(f"address,campaign,source\n{PAGE},sofas-202611,\n{PAGE},sofa-202613,yandx\nshop.example/b,beds-202611,\n")
    told = mistake("build", "--from", pages, "--system", "yandex_direct", "--scheme", scheme)
    assert told.splitlines() == [
        "error: no link was made; mend these places:",
        f"  {pages}:3: utm_source yandx: did you mean yandex?",
        f"  {pages}:3: utm_campaign sofa-202613: product sofa: did you mean sofas?",
        f"  {pages}:3: utm_campaign sofa-202613: yyyymm 202613 is no such date; for example 202611",
        f"  {pages}:4: has no scheme; write https://shop.example/b",
    ]


def test_what_is_only_odd_is_a_note_and_the_link_is_made(shop: Path) -> None:
    told = run(
        "build", "https://other.example/", "--system", "email", "--source", "our_mail", "--campaign", "Весна", "--settings", shop
    )
    assert (
        told.stdout == "https://other.example/?utm_source=our_mail&utm_medium=email&utm_campaign=%D0%92%D0%B5%D1%81%D0%BD%D0%B0\n"
    )
    notes = told.stderr.splitlines()
    assert all(note.startswith("note: ") for note in notes)
    assert [word for word in ("other.example", "our_mail", "Весна") if not any(word in note for note in notes)] == []
    known = run("build", PAGE, "--system", "social", "--source", "Blog_of_ours", "--campaign", "a", "--settings", shop)
    assert "no rule knows it" not in known.stderr


def test_fields_of_ad_systems_get_tags_without_a_page() -> None:
    assert run("build", "--form", "suffix", "--system", "vk_ads").stdout == (
        "utm_source=vk&utm_medium=cpc&utm_campaign={{ad_plan_id}}&utm_content={{banner_id}}\n"
    )
    assert run("build", "--form", "template", "--system", "google_ads").stdout.startswith("{lpurl}?utm_source=google&")
    assert "leave the addresses out" in mistake("build", PAGE, "--form", "suffix", "--system", "vk_ads")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "say which pages"),
        ((PAGE,), "say for which ad system: --system yandex_direct|google_ads|vk_ads"),
        ((PAGE, "--system", "direct"), "there is no ad system direct; choose from yandex_direct"),
        ((PAGE, "--system", "sms"), "SMS fills in no campaign of its own; say which: --campaign NAME"),
        (("--from", "no-such-file", "--system", "vk_ads"), "cannot be read"),
        ((PAGE, "--system", "vk_ads", "--scheme", "no-such-file"), "cannot be read"),
        ((f"{PAGE}?utm_source=a", "--system", "vk_ads"), "has tags already (utm_source=a)"),
        (("https://u:secret@shop.example/", "--system", "vk_ads"), "has a user or a password"),
        (("https://shop.example/\udcff", "--system", "vk_ads"), "is not written in UTF-8"),
    ],
)
def test_a_wrong_call_says_what_to_write(arguments: tuple[str, ...], told: str) -> None:
    error = mistake("build", *arguments)
    assert told in error
    assert "secret" not in error


def test_a_wrong_scheme_is_told_with_its_places(tmp_path: Path) -> None:
    (tmp_path / "scheme.yaml").write_text("colour: red\ncampaign: {pattern: '{product}'}\n")
    told = mistake("build", PAGE, "--system", "vk_ads", "--scheme", tmp_path / "scheme.yaml")
    assert told.startswith("error: the naming scheme is not used")
    assert {line.split(":")[0].strip() for line in told.splitlines()[1:]} == {"colour", "campaign"}
    (tmp_path / "scheme.yaml").write_text("case: lower\ncase: keep\n")
    assert "'case' is given twice" in mistake("build", PAGE, "--system", "vk_ads", "--scheme", tmp_path / "scheme.yaml")


def test_links_are_checked_one_by_one_and_a_mistake_ends_with_1(tmp_path: Path, shop: Path, scheme: Path) -> None:
    right = f"{PAGE}?utm_source=vk&utm_medium=cpc&utm_campaign=sofas-202611"
    wrong = f"{PAGE}?utm_source=vkk&utm_medium=cpc&utm_campaign=sofas-202611"
    (tmp_path / "links.txt").write_text(f"{right}\n{right.replace('vk&', 'yandx&')}\n")
    good = run("check", right, "--settings", shop, "--scheme", scheme)
    assert (good.exit_code, good.stdout) == (0, "links to mend: 0 of 1\n")
    told = run("check", tmp_path / "links.txt", wrong, "--settings", shop, "--scheme", scheme)
    assert told.exit_code == 1
    assert told.stdout.splitlines() == [
        f"{tmp_path}/links.txt:2  {right.replace('vk&', 'yandx&')}",
        "  utm_source yandx: did you mean yandex?",
        wrong,
        "  utm_source vkk: no rule knows it; if it is right, list it in the settings under sources.own",
        "  utm_source vkk: allowed: yandex, vk",
        "links to mend: 2 of 3",
    ]


def test_an_export_is_checked_by_its_columns_into_a_table() -> None:
    export = "Clicks,URL,found_on\n7,https://shop.example/?utm_source=vk&utm_medium=cpc&utm_campaign=a,https://shop.example/blog\n"
    told = run("check", "-", "--csv", told=export)
    assert told.exit_code == 1
    rows = list(csv.DictReader(StringIO(told.stdout)))
    assert [(row["code"], row["link"].partition("?")[0]) for row in rows] == [("internal", "https://shop.example/")]


def test_what_is_neither_link_nor_file_is_refused() -> None:
    assert "is neither a link (https://…) nor a file" in mistake("check", "nowhere")
    assert "is neither a link" in mistake("check", "a" * 5000)
    assert "there is no ad system x" in mistake("check", PAGE, "--system", "x")


def test_systems_are_listed_with_what_they_fill_in() -> None:
    listed = run("systems").stdout.splitlines()
    assert any(line.split() == ["yandex_direct", "yandex/cpc", "{campaign_id}", "{ad_id}", "{keyword}"] for line in listed)
    assert "  {{ad_plan_id}}           campaign" in run("systems", "vk_ads").stdout
    assert "there is no ad system x" in mistake("systems", "x")
