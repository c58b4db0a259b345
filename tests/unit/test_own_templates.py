"""Templates of own sections: what they may do, that they end, and that what they write is plain markup."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from functions.report.own.filters import filters_of
from functions.report.own.markup import safe_markup
from functions.report.own.record import records
from functions.report.own.section import mistakes_of
from functions.report.own.template import MOST_OUTPUT, render_template
from functions.report.view.formats import Formats
from shared.errors import BadInput
from shared.report_settings import OwnSection
from shared.warehouse import Row
from tests.own_cases import one, rendered, sections

FILTERS = filters_of(Formats("ru", "RUB", "Europe/Moscow"))
ROWS: list[Row] = [
    {"manager": "Анна <b>", "revenue": Decimal("1234.40"), "deals": 3, "items": "x", "day": date(2026, 10, 2)},
    {"manager": None, "revenue": None, "deals": 0, "items": "y", "day": None},
]


def test_a_template_shows_rows_with_the_formats_of_the_reader() -> None:
    shown = rendered(
        "<table>{% for row in rows %}<tr><td>{{ loop.index }}</td><td>{{ row.manager or '?' }}</td><td>{{ row.revenue|money }}</td>"
        "<td>{{ row.day|day }}</td><td>{{ (row.deals / 2)|number(1) }}</td><td>{{ row['items'] }}</td></tr>{% endfor %}"
        "</table><p>{{ rows|sum('revenue')|money }} {{ rows|length }} {{ columns|first }} {{ 1 / 0 }}</p>",
        ROWS,
    ).replace("\u00a0", " ")
    assert "<td>1</td><td>Анна &lt;b&gt;</td><td>1 234 ₽</td><td>02.10.2026</td><td>1,5</td><td>x</td>" in shown.replace(
        "1 235", "1 234"
    )
    assert "<td>2</td><td>?</td><td>—</td><td>—</td><td>0,0</td><td>y</td>" in shown
    assert "2 manager —</p>" in shown


TEMPLATES_REFUSED = {
    "{{ rows.__class__ }}": "names do not begin with _",
    "{{ ''['__class__']|length }}": "does not fit",
    "{{ row['_values'] }}": "there are manager, revenue",
    "{{ row.manger }}": "asks for the column manger; there are manager, revenue",
    "{{ row }}": "name a column of a row",
    "{{ row ~ 'x' }}": "must name one of its columns",
    "{{ rows ~ 'x' }}": "must name one of its columns",
    "{{ rows[0:1] }}": "name a column of a row",
    "{{ rows[2].manager }}": "there is no [2]: the list has 2",
    "{{ title.upper }}": "only rows have columns",
    "{{ rows|length.real }}": "no filter length.real",
    "{% for a in rows %}{{ loop.cycle }}{% endfor %}": "only rows have columns, and loop has first",
    "{% for a in rows %}{{ loop.changed }}{% endfor %}": "only rows have columns, and loop has first",
    "{% for a, b in rows %}{% endfor %}": "not iterable",
    "{% for a in rows if rows|sum('deals') > 9 %}{% endfor %}": "no if of its own",
    "{{ 1|round(16000000) }}": "0 to 9 digits",
    "{{ 1|round(16000000, 'ceil') }}": "no other method than common",
    "{{ 1.5|round(-1) }}": "0 to 9 digits",
    "{{ 1|number(16000000) }}": "0 to 9 digits",
    "{{ title|center(99999999) }}": "no filter center",
    "{{ '%99999999s'|format(1) }}": "no filter format",
    "{{ rows|join(title) }}": "no filter join",
    "{{ rows|sort }}": "no filter sort",
    "{{ " + "9" * 5000 + " }}": "too many digits",
    "{{ " + "9" * 4000 + " * " + "9" * 4000 + " }}": "a number in it is too large",
    "{{ 5|day }}": "filter day takes a day or a time, not a number",
    "{{ title|money }}": "filter money takes a number, not the text «t»",
    "{{ rows|sum('manager') }}": "filter sum takes a number, not the text «Анна <b>»",
    "{{ rows|sum('x') }}": "asks for the column x",
    "{{ range(10) }}": "call is not taken",
    "{{ rows|map('upper') }}": "no filter map",
    "{{ title|safe }}": "no filter safe",
    "{% autoescape false %}{{ title }}{% endautoescape %}": "is not taken",
    "{% macro m() %}{{ m() }}{% endmacro %}": "macro is not taken",
    "{% set x = 1 %}": "assign is not taken",
    "{% include 'page.html.j2' %}": "include is not taken",
    "{% extends 'page.html.j2' %}": "extends is not taken",
    "{% import 'page.html.j2' as p %}": "import is not taken",
    "{{ '%999999999d' % 1 }}": "mod is not taken",
    "{{ 9 ** 999999999 }}": "pow is not taken",
    "{{ title * 999999999 }}": "takes two numbers",
    "{{ title.format(1) }}": "call is not taken",
    "{{ rows": "line 1",
    "{% for a in rows recursive %}{{ loop(a) }}{% endfor %}": "no recursive",
    "{% for _step in rows %}{% endfor %}": "names do not begin with _",
    "{{ nothing }}": "'nothing' is undefined",
    "<script>alert(1)</script>": "<script> is no element",
    "<img src='https://tracker.example'>": "<img> is no element",
    "<p onclick='x()'>a</p>": "attribute onclick",
    "<a href='javascript:alert(1)'>a</a>": "attribute href that is not taken",
    "<p style='position:fixed'>a</p>": "attribute style that is not taken",
    "<p style='background-color:url(x)'>a</p>": "attribute style that is not taken",
    "</section><section>": "closes what is not open",
    "<table><tr></table>": "closes what is not open",
    "<div>": "<div> is not closed",
    "<!-- a -->": "comment",
    "<!DOCTYPE html>": "declaration",
    "<?php x ?>": "instruction",
}


@pytest.mark.parametrize("template", TEMPLATES_REFUSED)
def test_a_template_that_could_do_more_than_show_rows_makes_no_section(template: str) -> None:
    with pytest.raises(BadInput) as refused:
        render_template(template, {"rows": records(ROWS), "title": "t", "row": records(ROWS)[0]}, FILTERS, lambda: 0.0)
    assert TEMPLATES_REFUSED[template] in refused.value.message


def test_hostile_values_stay_text_wherever_a_template_puts_them() -> None:
    hostile = "\"><script>alert(1)</script> onmouseover=x 'y' javascript:z"
    rows = [{"manager": hostile}]
    shown = rendered('<p title="{{ rows[0].manager }}">{{ rows[0].manager }}</p>', rows)
    assert "<script" not in shown
    assert shown.count("<p title=") == 1
    assert sections(rows, one(template="<a href='{{ rows[0].manager }}'>x</a>")).failed == ("Менеджеры",)
    assert sections(rows, one(template="<p {{ rows[0].manager }}>x</p>")).failed == ("Менеджеры",)
    assert "&lt;script&gt;" in str(sections(rows).made[0].html)


def test_loops_and_output_end() -> None:
    rows: list[Row] = [{"n": number} for number in range(1000)]
    for template in (
        "{% for a in rows %}{% for b in rows %}{% for c in rows %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in rows %}{% for b in 'xxxxxxxxxx' %}{% for c in 'xxxxxxxxxx' %}{% endfor %}{% endfor %}{% endfor %}",
    ):
        assert sections(rows, one(template=template)).failed == ("Менеджеры",)
    many = "{% for a in rows %}" + "x" * (MOST_OUTPUT // 1000 + 1) + "{% endfor %}"
    assert sections(rows, one(template=many)).failed == ("Менеджеры",)


def test_a_template_that_takes_too_long_is_stopped_by_the_clock() -> None:
    seconds = iter([0.0, 1.0, 7.0])
    with pytest.raises(BadInput, match="go on for too long"):
        render_template("{% for a in 'abc' %}{% endfor %}", {}, {}, lambda: next(seconds))


def test_links_open_apart_and_markup_is_written_anew() -> None:
    assert safe_markup("<A HREF=https://shop.example/?a=1&amp;b=2>x</A><BR/>&lt;i&gt;") == (
        '<a href="https://shop.example/?a=1&amp;b=2" rel="noopener noreferrer" target="_blank">x</a><br>&lt;i&gt;'
    )


NOT_APPLIED = {
    "<div>{{ rows|length }}": "<div> is not closed",
    "{% for row in rows %}<script>{{ row.x }}</script>{% endfor %}": "<script> is no element",
    "{{ title|day }}": "filter day takes a day",
    "{{ nothing }}": "'nothing' is undefined",
    "{{ rows[0] }}": "name a column of a row",
}


@pytest.mark.parametrize("template", NOT_APPLIED)
def test_a_template_is_tried_on_an_invented_row_before_it_is_applied(template: str) -> None:
    (told,) = mistakes_of(OwnSection(name="x", title="X", sql="SELECT 1 AS n", template=template))
    assert NOT_APPLIED[template] in told


@pytest.mark.parametrize(
    "template",
    [
        "<a href='{{ rows[0].url }}' style='width:{{ rows[0].share }}%'>{{ rows[0].name[0:9]|upper }}</a>",
        "{% for r in rows %}{% if r.a > 'x' and 'y' in r.b and r.c == 3 or r.d is none %}{{ r.e|day }}{% endif %}{% endfor %}",
        "{{ rows|sum('a')|round(2)|money }}{{ (100 * rows[0].a / rows[1].b)|number(1) }}{{ -rows[0].c|abs }}{{ rows[0].d ~ '!' }}",
        "{% for c in columns %}{{ rows[0][c] }}{% endfor %}{% for w in rows[0].tags %}{{ w|trim }}{% endfor %}{{ first_day|day }}",
    ],
)
def test_a_template_that_may_fit_rows_is_applied(template: str) -> None:
    assert mistakes_of(OwnSection(name="x", title="X", sql="SELECT 1 AS n", template=template)) == []
