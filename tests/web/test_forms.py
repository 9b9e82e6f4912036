"""What people type and what they are shown."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from django.template import engines
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

import koinon.web
from koinon.kernel.money import Amount, to_decimal
from koinon.pilots.townfolder_cells import amount_minor
from koinon.web import formats
from koinon.web.forms import AmountField, typed_amount

LANGUAGES = ["en", "el", "es", "fr", "pt", "ar"]
COUNTRIES = {2: ["ES", "GR", "FR", "PS"], 3: ["JO", "TN"]}


@given(
    minor=st.integers(1, 10**12),
    language=st.sampled_from(LANGUAGES),
    place=st.sampled_from([(exponent, country) for exponent, found in COUNTRIES.items() for country in found]),
)
def test_a_shown_amount_typed_back_is_the_same_amount(minor: int, language: str, place: tuple[int, str]) -> None:
    """In every language and country; the unit is left off, as people leave it off."""
    exponent, country = place
    with override(language), formats.in_country(country):
        shown = formats.amount(Amount(minor, "REC"), exponent=exponent)
        assert typed_amount(shown.replace("REC", ""), exponent, formats.thousands_mark()) == minor


@pytest.mark.parametrize("country", ["ES", "JO", "TN"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_amount_that_stands_in_a_field_is_sent_back_as_it_is(language: str, country: str) -> None:
    exponent = 2 if country == "ES" else 3
    field = AmountField(exponent=exponent)
    with override(language), formats.in_country(country):
        assert field.clean(field.prepare_value(to_decimal(15000, exponent))) == 15000


@pytest.mark.parametrize(
    ("language", "country", "text", "minor"),
    [
        ("ar", "JO", "1.234", 1234),
        ("fr", "TN", "1,234", 1234),
        ("ar", "TN", "1,234", 1234),
        ("ar", "TN", "1.234,5", 1234500),
    ],
)
def test_a_thousandth_is_read_as_the_country_writes_it(language: str, country: str, text: str, minor: int) -> None:
    with override(language), formats.in_country(country):
        assert typed_amount(text, 3, formats.thousands_mark()) == minor


@pytest.mark.parametrize(("language", "country", "text"), [("ar", "TN", "1.234"), ("ar", "JO", "1,234")])
def test_what_could_be_a_thousand_dinars_or_one_is_refused(language: str, country: str, text: str) -> None:
    with override(language), formats.in_country(country), pytest.raises(ValueError, match=r"1[.,]234"):
        typed_amount(text, 3, formats.thousands_mark())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "-5",
        "12,505",
        "1,2,3",
        "0x10",
        "1e3",
        "٫",
        ".",
        ",",
        "5 REC",
        "12.34.56,7",
        "½",
        "1.2,3.4",
        "4,22,1",
        "1,2 3",
        "1 2 3",
        "1.234'5",
    ],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        typed_amount(text, 2)


MARKS = st.sampled_from([" ", ".", ",", "'"])


@given(
    st.lists(st.tuples(MARKS, st.text("0123456789", min_size=1, max_size=4)), min_size=1, max_size=4),
    st.integers(0, 2000),
)
def test_figures_with_marks_are_groups_of_three_and_then_decimals_or_refused(
    parts: list[tuple[str, str]], first: int
) -> None:
    """In a form and in a spreadsheet alike: a mark in any other place is never passed over."""
    written = str(first) + "".join(mark + figures for mark, figures in parts)
    *groups, (last_mark, last) = parts
    marks = {mark for mark, _ in groups}
    in_threes = len(marks) <= 1 and all(len(figures) == 3 for _, figures in groups) and (not groups or first < 1000)
    as_decimals = in_threes and last_mark in ".," and last_mark not in marks and len(last.rstrip("0")) <= 2
    # 0.010 alone is a fraction in any reading: no number of thousands begins with nothing.
    as_group = (
        in_threes
        and len(last) == 3
        and first < 1000
        and marks <= {last_mark}
        and bool(first or groups or last_mark not in ".,")
    )

    for read in (lambda: typed_amount(written, 2), lambda: amount_minor(written, exponent=2)):
        try:
            minor = read()
        except ValueError:
            continue
        assert as_decimals or as_group, written
        figures = str(first) + "".join(figures for _, figures in groups)
        whole, cents = (figures + last, "") if as_group else (figures, last)
        assert minor == int(whole) * 100 + int(f"{cents:0<2}"[:2])


@pytest.mark.parametrize("language", LANGUAGES)
def test_amounts_stand_apart_from_the_text_around_them(language: str) -> None:
    from django.template import Context, Engine

    engine = Engine(libraries={"koinon": "koinon.web.templatetags.koinon"}, builtins=["koinon.web.templatetags.koinon"])
    with override(language):
        shown = engine.from_string("{% money 123456 %}").render(Context({}))
    assert shown.startswith('<bdi class="money">')
    assert "," in shown
    assert any(mark in shown for mark in (".", "\u202f", "1\xa0234"))  # Between thousands or before decimals.


def test_the_sign_of_a_movement_is_a_sign_and_not_a_dash() -> None:
    with override("en"):
        spent = formats.amount(Amount(-6_43, "REC"), signed=True, country="ES")
        came = formats.amount(Amount(6_43, "REC"), signed=True, country="ES")
    assert spent == "−6.43\xa0REC"
    assert came == "+6.43\xa0REC"


def test_a_day_stands_in_its_field_in_every_language() -> None:
    """A browser shows nothing where a day is not written as 2026-11-23; Django writes it as the language does unless told."""
    found = [
        (path.name, call)
        for path in Path(koinon.web.__file__).parent.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("DateInput")
    ]

    wrong = [
        f"{name}:{call.lineno}"
        for name, call in found
        if {one.arg: ast.unparse(one.value) for one in call.keywords}.get("format") != "'%Y-%m-%d'"
    ]
    assert len(found) > 10
    assert wrong == []


@pytest.mark.parametrize(
    ("language", "told"), [("en", "1,527 rows"), ("el", "1.527 γραμμές"), ("es", "1.527 filas"), ("ar", "1,527 صفًا")]
)
def test_a_count_in_a_sentence_has_the_marks_and_the_grammar_of_its_language(language: str, told: str) -> None:
    template = engines["django"].from_string(
        "{% load koinon i18n %}{% blocktrans count count=found|counted %}{{ count }} row{% plural %}{{ count }} rows{% endblocktrans %}"
    )
    with override(language), formats.in_country("JO" if language == "ar" else "ES"):
        assert template.render({"found": 1527}) == told


def test_every_sentence_that_counts_writes_its_count_as_the_language_does() -> None:
    bare = [
        f"{path.name}: {found}"
        for path in (Path(koinon.web.__file__).parent / "templates").rglob("*.html")
        for found in re.findall(r"{% blocktrans (?:trimmed )?count \w+=\S+", path.read_text(encoding="utf-8"))
        if not found.endswith("|counted")
    ]
    assert bare == []
