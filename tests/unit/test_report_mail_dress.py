"""The mail's dress: every colour of a brand can be read, the logo travels with the mail."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.report import render
from functions.report.mailing.dress import NIGHT, READABLE, WHITE, contrast, dress_of
from tests.report_cases import figures_of, settings_of, shop
from tests.unit.test_report_render import URL, Tags, plain

PNG = b"\x89PNG\r\n\x1a\n logo"
COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@given(COLOURS)
def test_every_colour_has_an_ink_and_links_that_can_be_read(colour: str) -> None:
    dress = dress_of({"report": {"brand": {"colour": colour}}}, "Квартал")
    assert contrast(dress.ink, colour) >= 4.0  # the least that the better of white and the dark ink ever has
    assert contrast(dress.link, WHITE) >= READABLE
    assert contrast(dress.night_link, NIGHT) >= READABLE


@pytest.mark.parametrize(("colour", "ink"), [("#ffe600", "#1a2130"), ("#003366", "#ffffff"), ("#ffffff", "#1a2130")])
def test_light_colours_bear_dark_text_and_dark_ones_white(colour: str, ink: str) -> None:
    assert dress_of({"report": {"brand": {"colour": colour}}}, "Квартал").ink == ink


def test_a_colour_that_can_be_read_is_kept_as_it_is() -> None:
    assert dress_of({"report": {"brand": {"colour": "#003366"}}}, "Квартал").link == "#003366"


@pytest.mark.parametrize(("one", "other", "told"), [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48)])
def test_contrast_is_that_of_the_guidelines(one: str, other: str, told: float) -> None:
    assert contrast(one, other) == contrast(other, one) == pytest.approx(told, abs=0.005)


def test_settings_of_before_the_brand_have_the_sites_name_and_our_colour() -> None:
    assert dress_of({"report": {}}, "Квартал")[:2] == ("Квартал", "#3451b2")


def test_name_colour_and_logo_stand_on_top_of_the_mail() -> None:
    brand = {"name": "Агентство <b> \u202eтьсоньлетаварП", "colour": "#ffe600", "logo": base64.b64encode(PNG).decode()}
    settings = settings_of(report={"brand": brand})
    mail = render.mail(figures_of(shop()), settings, URL)
    ((_, picture),) = [found for found in Tags(mail.html).found if found[0] == "img"]
    assert (picture["src"], mail.logo) == ("cid:logo@skvoz", PNG)
    assert "Агентство <b> тьсоньлетаварП Отчёт по рекламе" in plain(mail.html)
    assert "background:#ffe600" in mail.html
    assert mail.text.startswith("Агентство <b> тьсоньлетаварП. ")


def test_a_mail_without_a_logo_or_a_chart_shows_no_picture() -> None:
    mail = render.mail(figures_of(shop()), settings_of(), URL)
    assert (mail.picture, mail.logo) == (None, None)
    assert not [tag for tag, _ in Tags(mail.html).found if tag in ("img", "svg")]
