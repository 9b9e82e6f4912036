"""Every indicator of a hand-made month, row by row, and what a town says that no book holds."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from koinon.db.statements import many, statement
from koinon.impact import aims, queries
from koinon.impact import figures as figures_module
from koinon.impact.figures import COMPUTED, Figure, Period, figures
from koinon.impact.indicators.catalogue import BY_KEY, CATALOGUE, Source, Unit
from koinon.impact.measures import Baskets, ConversionFactor, FundUse, RunningCost, ZoneResidents
from koinon.kernel.periods import Month
from tests.impact.story import MADRID, Story, told
from tests.impact.test_month import NOVEMBER

AT = datetime(2026, 12, 1, 9, tzinfo=MADRID)


def november(conn, first: str = "2026-11", last: str = "2026-11") -> tuple[Story, Period]:
    return told(conn, NOVEMBER), Period.of(Month.parse(first), Month.parse(last), MADRID)


def shown(rows: tuple[Figure, ...]) -> dict[tuple[str, str], str]:
    return {(row.indicator, row.part): "-" if row.value is None else str(row.value) for row in rows}


def test_what_the_report_of_the_month_holds_already_is_not_read_again(django_db, monkeypatch):
    story, period = november(django_db)
    conn, town_id, month = story.place.conn, story.place.town.pk, story.month("2026-11")
    read_anew = figures(conn, town_id, period)
    asked = []
    for module in (figures_module, queries):
        monkeypatch.setattr(module, "statement", lambda package, name: asked.append(name) or statement(package, name))

    assert figures(conn, town_id, period, month=month) == read_anew
    assert "supply" in asked
    assert {"flows", "receipts", "first_spend", "zones"} & set(asked) == set()


def test_every_figure_of_the_month_is_the_one_computed_by_hand(django_db):
    """Residents pay businesses 40 + 20; businesses pay businesses 30 and residents 5. Of 100 given, ana and ben spent
    40 + 30 - 10 from the fund's purses (ana paid ben from what she earned), 10 expired.
    """
    story, period = november(django_db)
    for zone, residents in (("north", 3000), ("south", 1000)):
        count = ZoneResidents(zone, residents, date(2026, 1, 1), "Register")
        aims.put(story.place.conn, town_id=story.place.town.pk, aim=count, actor="test", at=AT)

    rows = shown(figures(story.place.conn, story.place.town.pk, period))

    fund = f"fund:{fund_code(story)}"
    assert rows == {
        ("units", ""): "70",
        ("units", "issued"): "100",
        ("units", "spent"): "100",
        ("units", "refunded"): "10",
        ("units", "redeemed"): "20",
        ("units", "expired"): "10",
        ("units", "outstanding-start"): "0",
        ("multiplier", ""): "1",
        ("recirculation", ""): "7/18",
        ("velocity", ""): "72/5",
        ("lm3", ""): "-",
        ("retention", ""): "-",
        ("leakage", ""): "-",
        ("days_to_first_spend", ""): "4",
        ("days_to_first_spend", "purses"): "3",
        ("days_to_first_spend", "spent"): "2",
        ("unspent", ""): "3/10",
        ("unspent", "spent"): "3/5",
        ("unspent", "expired"): "1/10",
        ("unspent", fund): "3/10",
        ("unspent", f"{fund}:spent"): "3/5",
        ("unspent", f"{fund}:expired"): "1/10",
        ("shop_reach", ""): "2/3",
        ("shop_reach", "reached"): "2",
        ("shop_reach", "accepting"): "3",
        ("active_shops", ""): "2",
        ("concentration", ""): "5/9",
        ("concentration", "equals"): "9/5",
        ("share_by_sse", ""): "1/3",
        ("share_by_sse", "other"): "2/3",
        ("share_by_zone", "zone:north"): "2/3",
        ("share_by_zone", "zone:south"): "1/3",
        # Shares of receipts 2/3 and 1/3, of residents 3/4 and 1/4: 2/3 ln(8/9) + 1/3 ln(4/3).
        ("zone_equity", ""): str(Fraction("0.017372")),
        ("zone_equity", "most"): str(Fraction("1.386294")),
        ("zone_equity", "zone:north"): "1/50",
        ("zone_equity", "zone:south"): "3/100",
        ("b2b_depth", ""): "1/2",
        ("b2b_depth", "of-spending"): "6/7",
        ("b2b_depth", "buying"): "1/2",
        ("b2b_depth", "suppliers"): "1",
        ("price_signals", ""): "0",
        ("price_signals", "compared"): "0",
        ("price_signals", "too-few"): "1",
        ("environment", ""): "0",
        ("environment", "reused"): "0",
        ("environment", "co2e"): "-",
    }


def fund_code(story: Story) -> str:
    (use,) = fund_use(story, AT)
    return use.code


def fund_use(story: Story, until: datetime) -> list[FundUse]:
    sql = statement("koinon.impact", "fund_use")
    return many(story.place.conn, sql, FundUse, town_id=story.place.town.pk, until=until)


def test_all_but_files_is_computed_from_the_books():
    assert {entry.key for entry in CATALOGUE if entry.source not in (Source.SURVEY, Source.APPRAISAL)} == COMPUTED


def test_asking_for_one_indicator_computes_that_one(django_db):
    story, period = november(django_db)

    rows = figures(story.place.conn, story.place.town.pk, period, keys=["velocity"])

    assert rows == (Figure("velocity", "", "", Fraction(72, 5), Unit.PER_YEAR),)


def test_a_quarter_is_annualised_by_its_months(django_db):
    """One of three months has units; over the quarter V = 100, and its year has four such quarters."""
    story, quarter = november(django_db, "2026-10", "2026-12")

    (row,) = figures(story.place.conn, story.place.town.pk, quarter, keys=["velocity"])

    assert quarter.months == ("2026-10", "2026-11", "2026-12")
    # 92 days: 30 with 250/3 on average, 31 with 70, and the hour by which October is longer.
    hours = 92 * 24 + 1
    mean = Fraction(30 * 24 * 250, 3 * hours) + Fraction(31 * 24 * 70, hours)
    assert row.value == 100 / mean * 4


def test_given_is_spent_expired_or_held_at_each_instant(django_db):
    story, _ = november(django_db)

    for day in range(1, 31):
        uses = fund_use(story, datetime(2026, 11, day, 12, tzinfo=MADRID))
        assert uses
        assert [use for use in uses if use.given != use.spent + use.expired + use.held] == []


def test_a_basket_is_what_was_paid_at_once_less_its_refund(django_db):
    """ana's 40 and ben's 20 at the bakery come from aid; cleo pays 3 of her own, and 2 that are refunded."""
    story, _ = november(django_db)
    story.tell("""
        2026-11-09 11:00  pay     mill cleo 5.00
        2026-11-09 12:00  pay     cleo bakery 3.00 own
        2026-11-09 13:00  q: pay  cleo bakery 2.00 own
        2026-11-09 14:00  refund  q
    """)
    sql = statement("koinon.impact", "baskets")
    month = Month(2026, 11).bounds(MADRID)

    found = many(story.place.conn, sql, Baskets, town_id=story.place.town.pk, start=month[0], until=month[1])

    assert found == [Baskets(story.place.parties["bakery"], [20_00, 40_00], [3_00])]


def test_what_a_town_says_is_kept_once_and_read_by_day(django_db):
    story, _ = november(django_db)
    conn, town = story.place.conn, story.place.town.pk
    said: list[aims.Aim] = [
        aims.Target("recirculation", "", date(2026, 1, 1), date(2026, 12, 31), Decimal("0.35"), "Plenary 2026/4"),
        aims.Target("recirculation", "", date(2026, 1, 1), date(2027, 12, 31), Decimal("0.4"), "Plenary 2026/4"),
        ZoneResidents("north", 3000, date(2026, 1, 1), "Register"),
        ZoneResidents("north", 3100, date(2027, 1, 1), "Register"),
        ConversionFactor("glass", date(2026, 1, 1), 300, "Inventory"),
        RunningCost("garden", date(2026, 1, 1), date(2026, 12, 31), 3650_00, "Budget"),
        aims.Reuse("jars"),
    ]

    first = [aims.put(conn, town_id=town, aim=aim, actor="test", at=AT) for aim in said]
    again = [aims.put(conn, town_id=town, aim=aim, actor="test", at=AT) for aim in said]

    assert (first, again) == ([True] * 7, [False] * 7)
    assert aims.present(conn, town) == tuple(said)
    assert aims.residents_on(aims.zone_residents(conn, town), date(2026, 12, 31)) == {"north": 3000}
    assert aims.residents_on(aims.zone_residents(conn, town), date(2027, 1, 1)) == {"north": 3100}
    rows = aims.targets(conn, town)
    in_november = aims.in_force(rows, first_day=date(2026, 11, 1), last_day=date(2026, 11, 30))
    in_spring = aims.in_force(rows, first_day=date(2027, 3, 1), last_day=date(2027, 3, 31))
    assert in_november == {("recirculation", ""): said[0]}
    assert in_spring == {("recirculation", ""): said[1]}
    assert [
        aims.reached(value, rows[0], lower_is_better=False) for value in (None, Fraction(7, 20), Fraction(1, 3))
    ] == [None, True, False]


def test_a_period_that_has_not_begun_is_a_mistake_of_ours():
    with pytest.raises(AssertionError, match="not begun"):
        Period.of(Month(2027, 1), Month(2027, 1), MADRID, datetime(2026, 12, 1, tzinfo=MADRID))


def test_the_catalogue_knows_each_part_by_name(django_db):
    story, period = november(django_db)

    rows = figures(story.place.conn, story.place.town.pk, period)

    assert [row for row in rows if row.part]
    assert [row for row in rows if not BY_KEY[row.indicator].has(row.part)] == []
