"""The report's map: what the page shows of neighbourhoods, with its table, in each language, on paper as on a screen."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from django.db import transaction
from django.utils.translation import override
from playwright.sync_api import Browser
from pypdf import PdfReader

from koinon.db.connections import Database
from koinon.impact import mapping
from koinon.impact.publication import PublicCell, PublicReport, PublicTable, publish
from koinon.impact.reports import build, drawings, page, paper, places
from koinon.impact.reports.types import Audience, Picture, Report, Sheet
from koinon.impact.town import months
from koinon.kernel.periods import Month
from koinon.parties.connection import raw
from koinon.parties.models import Zone
from tests.impact.story import Story
from tests.impact.test_following import Town
from tests.impact.test_publication import report_of, shop
from tests.treasury.place import build as build_place

NOVEMBER = Month(2026, 11)
AT = datetime(2026, 12, 8, tzinfo=UTC)
LANGUAGES = ("en", "el", "es", "fr", "pt", "ar")
SVG = "{http://www.w3.org/2000/svg}"


def square(west: int) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": [[[west, 0], [west + 1, 0], [west + 1, 1], [west, 1], [west, 0]]]}


ZONES = [(code, code.title(), square(at)) for at, code in enumerate(("east", "north", "south", "west"))]


def month_of(**minor: int | None) -> PublicReport:
    """A month as published, with what each zone's shops received; None is hidden."""
    whole = publish(report_of([shop(number, "north", 100_00) for number in range(20)]))
    told = [amount for amount in minor.values() if amount is not None]
    cells = tuple(
        PublicCell(code, code.title(), amount, None if amount is None else Fraction(amount, 1000_00), 10)
        for code, amount in minor.items()
    )
    table = PublicTable("zone", cells, sum(told) if len(told) == len(cells) else None, withheld=not told)
    return replace(whole, by_zone=table)


def sheet_of(*reports: PublicReport, language: str = "en") -> Sheet | None:
    with override(language):
        return places.sheet(
            reports, ZONES, unit="REC", exponent=2, money=lambda minor: f"{minor // 100} REC", asks="Where?", command="koinon impact"
        )  # fmt: skip


def picture_of(sheet: Sheet | None) -> Picture:
    assert sheet is not None
    assert sheet.picture is not None
    return sheet.picture


def test_the_table_and_the_map_hide_what_the_page_hides():
    report = publish(
        report_of(
            [shop(number, "north", 100_00) for number in range(20)]
            + [shop(20 + number, "east", 50_00) for number in range(12)]
            + [shop(40 + number, "south", 50_00) for number in range(3)]
            + [shop(50 + number, "west", 60_00) for number in range(9)]
        )
    )
    hidden = {cell.code for cell in report.by_zone.cells if cell.hidden}

    sheet = sheet_of(report)

    assert sheet is not None
    assert hidden == {"south", "west"}
    assert [(row.label, row.value, row.hidden) for row in sheet.rows] == [
        ("1 · North", "2000 REC", False),
        ("2 · East", "600 REC", False),
        ("3 · South", "", True),
        ("4 · West", "", True),
        ("Together", f"{(report.by_zone.total_minor or 0) // 100} REC", False),
    ]
    shapes = ElementTree.fromstring(drawings.svg(picture_of(sheet), for_page=False)).iter(f"{SVG}path")
    fills = [shape.get("fill") for shape in shapes]  # By code, as on the page: east, north, south, west.
    assert fills == [drawings.SHADES[1], drawings.SHADES[4], "url(#hatched)", "url(#hatched)"]


def test_a_neighbourhood_that_one_month_hides_is_hidden_in_all_of_them():
    sheet = sheet_of(
        month_of(east=100_00, north=200_00, south=30_00, west=40_00),
        month_of(east=100_00, north=300_00, south=None, west=None),
    )

    assert sheet is not None
    assert [(row.label, row.value, row.hidden) for row in sheet.rows] == [
        ("1 · North", "500 REC", False),
        ("2 · East", "200 REC", False),
        ("3 · South", "", True),
        ("4 · West", "", True),
    ]


def test_where_no_neighbourhood_may_be_told_there_is_neither_map_nor_table():
    assert sheet_of(month_of(east=None, north=None, south=None, west=None)) is None


def test_a_town_without_outlines_has_the_table_alone():
    sheet = places.sheet(
        [month_of(east=100_00, north=200_00)], [(code, name, None) for code, name, _ in ZONES], unit="REC",
        exponent=2, money=str, asks="Where?", command="koinon impact",
    )  # fmt: skip

    assert sheet is not None
    assert (sheet.picture, sheet.asks, sheet.rows[0].label) == (None, "Where?", "North")


def brightness(colour: str) -> float:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue


def test_the_map_is_read_without_colour():
    """In shades of grey each step is a good deal darker than the one before, and every neighbourhood has its number."""
    sheet = sheet_of(month_of(east=100_00, north=200_00, south=None, west=40_00))
    picture = picture_of(sheet)

    assert sheet is not None
    greys = [brightness(shade) for shade in drawings.SHADES]
    assert all(lighter - darker > 20 for lighter, darker in pairwise(greys))
    numbered = {row.label.split(" · ")[0]: row.label.split(" · ")[1] for row in sheet.rows if " · " in row.label}
    assert numbered == {"1": "North", "2": "East", "3": "West", "4": "South"}
    assert [label.words for label in picture.labels if label.middle] == ["2", "1", "4", "3"]
    assert "hidden" in [label.words for label in picture.labels]
    assert 'stroke-dasharray="8 6"' in picture.shapes


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_map_and_its_key_stand_in_the_direction_of_reading(language: str):
    picture = picture_of(sheet_of(month_of(east=100_00, north=200_00, south=None, west=40_00), language=language))

    numbers = [label.x for label in picture.labels if label.middle]
    key = [label for label in picture.labels if not label.middle]
    assert all(label.ends == (language == "ar") for label in key)
    assert all((min(numbers) > label.x) if language == "ar" else (max(numbers) < label.x) for label in key)
    assert all(0 <= label.x <= picture.width and 0 <= label.y <= picture.height for label in picture.labels)


def test_arabic_words_on_the_map_begin_at_their_right_whatever_stands_among_them(browser: Browser):
    """Above the key they are two Arabic words with a Latin unit and a full stop: the first letter is the rightmost one."""
    with override("ar"):
        picture = picture_of(sheet_of(month_of(east=100_00, north=200_00, south=None, west=40_00), language="ar"))
        drawn = str(drawings.svg(picture))
    page = browser.new_page()
    page.set_content(f'<!doctype html><html lang="ar" dir="rtl"><body>{drawn}')
    (above,) = page.evaluate(
        """[...document.querySelectorAll("text")].filter(one => one.textContent.includes("REC")).map(one => {
            const box = one.getBBox(), at = number => one.getExtentOfChar(number).x;
            const letters = [...one.textContent].map((letter, number) => [letter, number]);
            const place = letter => at(letters.find(one => one[0] === letter)[1]);
            return {from_right: box.x + box.width - place("ب"), from_left: place(".") - box.x, width: box.width};
        })"""
    )
    page.close()

    assert above["from_right"] < above["width"] / 4
    assert above["from_left"] < above["width"] / 4


def test_the_map_fits_its_frame_however_long_a_town_is():
    tall = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 9], [0, 9], [0, 0]]]}

    found = mapping.drawn([("a", "A", tall)], {"a": 100}, frame=drawings.MAP)

    assert found is not None
    assert (found.height, found.width < 100) == (drawings.MAP[1], True)


@pytest.fixture
def story(django_fresh: Database) -> Iterator[Story]:
    """A November in which a dozen shops each in the north and the south were paid, and one in the port."""
    with transaction.atomic():
        found = Story(build_place(raw()))
        for number in range(12):
            found.tell(f"shop n{number} zone=north\nshop s{number} zone=south\nhome h{number}")
        found.tell("shop p0 zone=port")
        for at, code in enumerate(("north", "south", "port")):
            Zone.objects.filter(town=found.place.town, code=code).update(outline=square(at))
    town = Town(found)
    paid = "\n".join(
        f"2026-11-01 00:00  give h{number} 100.00\n2026-11-02 10:00  pay h{number} n{number} 60.00\n"
        f"2026-11-03 10:00  pay h{number} s{number} 20.00"
        for number in range(12)
    )
    town.tell(f"2026-11-01 00:00  issue 1200.00\n{paid}\n2026-11-04 10:00  pay h1 p0 20.00")
    town.seal()
    with transaction.atomic():
        assert months.trace_months(raw(), town_id=town.id, at=AT, actor="test") == (NOVEMBER,)
        yield found


def report_in(story: Story, language: str) -> Report:
    with override(language):
        return build.build(
            story.place.conn, town_id=story.place.town.pk, first=NOVEMBER, last=NOVEMBER, audience=Audience.COUNCIL,
            language=language, last_over=NOVEMBER, today=date(2026, 12, 8),
        )  # fmt: skip


def test_a_councils_report_has_the_map_on_its_page_and_on_paper_in_every_language(story):
    for language in LANGUAGES:
        report = report_in(story, language)
        (sheet,) = [one for section in report.sections for one in section.sheets if one.rows[0].label == "1 · South"]

        with override(language):
            told, on_paper = page.html(report), paper.pdf(report)

        # The port would follow from the total and the two others: one of them is hidden too.
        assert [row.hidden for row in sheet.rows[:3]] == [False, True, True]
        assert told.count("url(#hatched)") == 3  # Two neighbourhoods, and the key.
        assert told.index('id="hatched"') < told.index("1 · South")
        words = "".join(one.extract_text() for one in PdfReader(io.BytesIO(on_paper)).pages)
        assert "South" in words
        assert "240" in words
