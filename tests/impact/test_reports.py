"""A period's report: the same figures on a page, on paper and as tables, and nothing of them half written."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pyarrow.parquet as parquet
import pytest
from django.db import transaction
from django.utils.translation import override
from pypdf import PdfReader

from koinon.audit import queries as trail
from koinon.db.connections import Database
from koinon.impact import aims, published
from koinon.impact.aims import Target
from koinon.impact.disclosure import Shown
from koinon.impact.figures import Figure, Period
from koinon.impact.flow import PublicFlow
from koinon.impact.indicators.catalogue import BY_KEY, Unit
from koinon.impact.reports import build, compose, drawings, folder, page, paper
from koinon.impact.reports.errors import FolderInUse, MonthNotOver
from koinon.impact.reports.types import Audience, Report, Section
from koinon.impact.town import months
from koinon.kernel.periods import Month
from koinon.parties.connection import raw
from koinon.parties.naming import Reader
from tests.impact.story import Story
from tests.impact.test_following import Town
from tests.treasury.place import build as build_place

NOVEMBER = Month(2026, 11)
STORY = """
    2026-11-01 00:00  issue 100.00
    2026-11-01 00:00  give ana 100.00
    2026-11-02 10:00  pay ana bakery 60.00
    2026-11-03 10:00  pay bakery mill 30.00
    2026-11-09 10:00  redeem mill 10.00
    2026-12-05 10:00  redeem mill 20.00
"""
AT = datetime(2026, 12, 8, tzinfo=UTC)


@pytest.fixture
def story(django_fresh: Database) -> Iterator[Story]:
    """A town whose November is over, sealed and traced, inside a transaction."""
    with transaction.atomic():
        found = Story(build_place(raw()))
        found.tell("shop bakery zone=north\nshop mill zone=south sse\nhome ana")
    town = Town(found)
    town.tell(STORY)
    town.seal()
    with transaction.atomic():
        assert months.trace_months(raw(), town_id=town.id, at=AT, actor="test") == (NOVEMBER,)
        yield found


def made(
    story: Story,
    audience: Audience = Audience.HOUSE,
    language: str = "en",
    last_over: Month = NOVEMBER,
    *,
    sees: bool = False,
) -> Report:
    with override(language):
        return build.build(
            story.place.conn, town_id=story.place.town.pk, first=NOVEMBER, last=NOVEMBER, audience=audience,
            language=language, last_over=last_over, today=date(2026, 12, 8),
            look=build.Look(Reader("user:7", sees_personal_data=sees), AT, "page", story.place.secrets),
        )  # fmt: skip


def figure(report: Report, indicator: str, part: str = "") -> str:
    (found,) = [one for one in report.numbers if (one.indicator, one.part) == (indicator, part)]
    return str(found.value) if found.state == "told" else found.state


def test_a_month_is_traced_once_and_as_it_stood_when_it_ended(story):
    conn, town_id = story.place.conn, story.place.town.pk

    assert months.trace_months(conn, town_id=town_id, at=AT, actor="test") == ()

    kept = months.month_trace(conn, town_id=town_id, month=NOVEMBER)
    assert set(kept) == {"fifo", "mixing"}
    lots = kept["fifo"].total
    assert (lots.issued, lots.redeemed, lots.held) == (100_00, 10_00, 90_00)
    assert figure(made(story), "lm3") == "1.9"


def test_with_whom_the_months_units_ended_is_counted_by_the_payments_they_had_made(story):
    """Of 100 given out 40 were not spent, 60 reached the bakery and 30 of them the mill, which redeemed 10."""
    kept = months.month_trace(story.place.conn, town_id=story.place.town.pk, month=NOVEMBER)

    assert kept["mixing"].ends is None
    assert {(one.kind, one.payments): (one.holders, one.amount) for one in kept["fifo"].ends or ()} == {
        ("left", None): (1, 10_00),
        ("held", None): (3, 90_00),
        ("left", 0): (0, 0),
        ("left", 1): (0, 0),
        ("left", 2): (1, 10_00),
        ("left", 3): (0, 0),
        ("held", 0): (1, 40_00),
        ("held", 1): (1, 30_00),
        ("held", 2): (1, 20_00),
    }


def test_the_house_reads_everything_and_the_council_what_gives_nobody_away(story):
    house, council = made(story), made(story, Audience.COUNCIL)

    assert (figure(house, "multiplier"), figure(house, "units", "spent")) == ("0.9", "90")
    assert (figure(council, "multiplier"), figure(council, "units", "issued")) == ("hidden", "100")
    assert "60.00" not in page.html(council)


def test_the_house_reads_shops_by_name_where_it_may_and_leaves_a_line(story):
    conn, town_id, shop = story.place.conn, story.place.town.pk, story.place.parties["bakery"]
    story.tell("home ben")
    day = "2026-11-20"
    dear = "\n".join(f"{day} 10:00  pay ana bakery 9.{cents}" for cents in range(10, 30))
    cheap = "\n".join(f"{day} 11:00  pay ben bakery 3.{cents} own" for cents in range(10, 30))
    story.tell(f"{day} 08:00 issue 400.00\n{day} 08:00 give ana 400.00\n{day} 09:00 pay ana ben 90.00\n{dear}\n{cheap}")

    named, opaque = page.html(made(story, sees=True)), page.html(made(story, language="el"))

    assert "bakery" in named
    assert "bakery" not in opaque
    assert shop.hex[-6:] in opaque
    told = [
        (one.actor, one.action, json.loads(one.after))
        for one in trail.entries_of_subject(conn, town_id=town_id, subject="report:2026-11", size=9)
    ]
    assert told == [
        ("user:7", "impact.house-report-opened", {"as": "page", "language": language}) for language in ("el", "en")
    ]
    looked = trail.entries_of_subject(conn, town_id=town_id, subject=f"party:{shop}", size=9)
    assert [one.action for one in looked if one.reason == "report:house"] == ["parties.revealed"]
    made(story, Audience.COUNCIL)
    assert len(trail.entries_of_subject(conn, town_id=town_id, subject="report:2026-11", size=9)) == 2


def test_of_a_month_that_still_runs_only_the_house_has_a_report(story):
    with pytest.raises(MonthNotOver):
        made(story, Audience.FUNDER, last_over=Month(2026, 10))
    assert made(story, Audience.HOUSE, last_over=Month(2026, 10)).numbers


def test_page_paper_and_tables_say_the_same(story, tmp_path: Path):
    report = made(story)

    files = {path.name for path in folder.write(report, tmp_path / "november")}

    assert files == {"report.html", "report.pdf", "figures.csv", "figures.parquet", "datapackage.json"}
    here = tmp_path / "november"
    described = json.loads((here / "datapackage.json").read_text())
    rows = list(csv.DictReader(io.StringIO((here / "figures.csv").read_text())))
    assert [field["name"] for field in described["resources"][0]["schema"]["fields"]] == list(rows[0])
    kept = parquet.read_table(here / "figures.parquet").to_pylist()
    assert [(row["indicator"], row["part"], row["value"] or None) for row in rows] == [
        (row["indicator"], row["part"], None if row["value"] is None else str(row["value"].normalize() + 0))
        for row in kept
    ]
    assert all(row["page"].startswith("indicators/") and row["command"].startswith("koinon impact") for row in rows)
    told_on_page = (here / "report.html").read_text()
    on_paper = "".join(one.extract_text() for one in PdfReader(here / "report.pdf").pages)
    assert "http" not in told_on_page.replace("http-equiv", "")
    for shown in ("Local multiplier", "0.90", "90 "):
        assert shown in told_on_page
        assert shown.strip() in on_paper


def test_the_tables_call_each_figure_as_the_report_does_in_its_language(story):
    report = made(story, language="el")

    called = {row.label for section in report.sections for sheet in section.sheets for row in sheet.rows}
    assert {one.label for one in report.numbers} - called == set()
    assert {one.label for one in report.numbers} & {entry.title for entry in BY_KEY.values()} == set()


def test_what_households_sort_is_named_in_the_readers_language():
    about = compose.About(
        town="Besòs", slug="besos", country="ES", money=compose.Money("REC", 2, "€", "EUR"), audience=Audience.HOUSE,
        period=Period.of(NOVEMBER, NOVEMBER, ZoneInfo("Europe/Madrid")), language="el", flows=(), funds={}, head=None, made_on=date(2026, 12, 8),
    )  # fmt: skip
    glass = Figure("environment", "stream:glass", "Material", Fraction(31), Unit.KILOGRAMS, name="glass")

    with override("el"):
        ((_key, sheet),) = compose.sheets(about, [Shown(glass, hidden=False)], [], ["environment"])

    assert [row.label for row in sheet.rows] == ["Γυαλί: Υλικό"]


def test_the_way_is_drawn_where_it_is_told_and_what_is_drawn_stands_in_its_table(story):
    flow = PublicFlow(NOVEMBER, (), 0, 0, 60_00, 30_00, 0, 10_00, 0, 40_00, 50_00)
    drawing = drawings.way(flow, [("Inclusion", 100_00)])
    picture = drawings.sankey(drawing, "The way", lambda minor: str(minor // 100))
    sheet = replace(made(story).sections[0].sheets[0], picture=picture)
    report = replace(made(story), sections=(Section("Way", (), (sheet,)),))

    told, alone = page.html(report), ElementTree.fromstring(drawings.svg(picture))
    on_paper = paper.pdf(report)

    assert "Inclusion" in told
    assert {"Inclusion", "100", "Residents", "Redeemed", "10"} <= {text.text for text in alone.iter("text")}
    assert len(list(alone.iter("path"))) == 7
    assert "Inclusion" in PdfReader(io.BytesIO(on_paper)).pages[0].extract_text()


@pytest.mark.parametrize("language", ["en", "el"])
def test_no_page_ends_with_a_heading(story, language: str):
    report = made(story, language=language)
    long = replace(report, sections=report.sections * 3)
    headings = {
        words
        for section in report.sections
        for sheet in section.sheets
        for words in (section.title, sheet.title, sheet.asks)
    }

    with override(language):
        pages = PdfReader(io.BytesIO(paper.pdf(long))).pages

    ends = [[line.strip() for line in one.extract_text().splitlines() if line.strip()][-3:] for one in pages]
    assert len(pages) > 5
    assert [end for end in ends if headings & {*end[:-1]}] == []


def test_numbers_of_businesses_are_told_as_numbers_and_their_share_in_whole_per_cent(story):
    rows = {
        row.label: row.value
        for section in made(story).sections
        for sheet in section.sheets
        if "shop_reach" in sheet.rows[0].page
        for row in sheet.rows
    }

    assert rows == {
        "Reach of shops": "100%",
        "Businesses that were reached": "2",
        "Businesses that accept the currency": "2",
    }


def test_the_command_beside_a_figure_computes_it_of_the_same_months_and_moment():
    quarter = {key: BY_KEY[key].command("besos", "2026-10", "2026-12") for key in ("velocity", "lm3")}

    assert quarter == {
        "velocity": "koinon impact indicators velocity --town besos --month 2026-10 --to 2026-12",
        "lm3": "koinon impact report --town besos --from 2026-10 --to 2026-12 --for house --json",
    }
    assert BY_KEY["velocity"].command("besos", "2026-10", "2026-10").endswith("--month 2026-10")


@pytest.mark.parametrize(
    ("wanted", "by", "verdict"),
    [
        ("0.5", date(2027, 9, 30), "reached"),
        ("2", date(2026, 11, 30), "not reached"),
        ("2", date(2026, 12, 1), "not yet"),
    ],
)
def test_a_target_is_missed_only_when_its_day_is_over(story, wanted: str, by: date, verdict: str):
    target = Target("multiplier", "", date(2026, 10, 1), by, Decimal(wanted), "Plenary")
    aims.put(story.place.conn, town_id=story.place.town.pk, aim=target, actor="test", at=AT)

    rows = [row for section in made(story).sections for sheet in section.sheets for row in sheet.rows if row.target]

    assert [(row.label, row.verdict) for row in rows] == [("Local multiplier", verdict)]


def test_a_target_of_nine_places_is_kept_whole(story):
    report = made(story)
    finest = replace(report.numbers[0], target=Decimal("0.123456789"))

    tables = folder.contents(replace(report, numbers=(finest,)))

    assert [row["target"] for row in parquet.read_table(io.BytesIO(tables["figures.parquet"])).to_pylist()] == [
        finest.target
    ]


def test_a_folder_that_holds_something_is_left_alone(story, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("Dear all")

    with pytest.raises(FolderInUse):
        folder.write(made(story), tmp_path / "mine")
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "letter.txt"]


@pytest.mark.parametrize(("language", "direction"), [("el", "ltr"), ("ar", "rtl")])
def test_the_report_reads_in_the_language_and_direction_asked_for(story, language: str, direction: str):
    report = made(story, language=language)

    with override(language):
        assert f'<html lang="{language}" dir="{direction}">' in page.html(report)
        assert (
            PdfReader(io.BytesIO(folder.contents(report)["report.pdf"])).trailer["/Root"]["/Lang"].startswith(language)
        )


def test_a_month_stays_as_it_was_published_when_a_shop_moves_and_a_payment_comes_late(story):
    conn, town_id = story.place.conn, story.place.town.pk
    assert published.publish_months(conn, town_id=town_id, at=AT, actor="test") == (NOVEMBER,)
    assert published.publish_months(conn, town_id=town_id, at=AT, actor="test") == ()
    before = published.month(conn, town_id=town_id, month=NOVEMBER)
    assert before == published.compute(conn, town_id=town_id, month=NOVEMBER)

    story.tell("2026-11-20 10:00  pay ana bakery 40.00\n2026-11-21 00:00  redeem bakery 25.00")

    assert published.compute(conn, town_id=town_id, month=NOVEMBER) != before
    assert published.month(conn, town_id=town_id, month=NOVEMBER) == before
    assert figure(made(story, Audience.COUNCIL), "units", "redeemed") == "10"
