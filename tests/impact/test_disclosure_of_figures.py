"""Of every figure of a period only what gives nobody away is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest

from koinon.impact.disclosure import Shown, disclosed
from koinon.impact.figures import COMPUTED, Figure
from koinon.impact.indicators import zone_equity
from koinon.impact.indicators.catalogue import BY_KEY, CATALOGUE, Unit
from koinon.impact.measures import Contributors, Ends
from koinon.impact.publication import PublicReport, publish
from koinon.impact.types import MonthTraded, Wait
from tests.impact.test_flow import business
from tests.impact.test_publication import in_zones, month_of, report_of

WIDE = publish(report_of(in_zones(north=12, south=31, east=14, west=18), [Wait(0, 40)]))
LIVING = {"north": 300, "south": 2000, "east": 40, "west": 70}
NARROW = publish(report_of(in_zones(north=4, south=31, east=14, west=18)))
TINY = publish(report_of(in_zones(north=3, south=2)))


def figure(key: str, value: Fraction | int | str, part: str = "", unit: Unit | None = None) -> Figure:
    return Figure(key, part, "", Fraction(value), unit or BY_KEY[key].unit)


EQUITY = [
    figure("zone_equity", "0.1234"),
    figure("zone_equity", "2.5", "most"),
    *(figure("zone_equity", 77, f"zone:{zone}", Unit.MONEY_PER_PERSON) for zone in LIVING),
]


def received(month: PublicReport) -> dict[str | None, int]:
    return {cell.code: cell.amount_minor or 0 for cell in month.by_zone.cells}


def one(shown: tuple[Shown, ...]) -> Fraction | str | None:
    (found,) = shown
    return "hidden" if found.hidden else found.value


def test_every_public_indicator_is_hidden_unless_a_rule_lets_it_through():
    """Of a town of five shops nothing that is made of payments is told."""
    told = {
        entry.key
        for entry in CATALOGUE
        if entry.public and entry.key in COMPUTED and one(disclosed([figure(entry.key, 5)], [TINY])) != "hidden"
    }

    assert told == {"units"}


def test_what_is_not_public_is_not_even_named():
    assert disclosed([figure("price_signals", 3)], [WIDE]) == ()


def test_a_month_that_is_hidden_hides_the_ratios_of_the_whole_period():
    assert one(disclosed([figure("multiplier", "1.2345")], [WIDE, WIDE])) == Fraction("1.234")
    assert one(disclosed([figure("multiplier", "1.2345")], [TINY, WIDE])) == "hidden"


def test_a_payment_that_came_late_is_not_what_a_period_has_more_than_its_months():
    """The books have 40.00 more than was published of two months: an offline payment that arrived since."""
    assert WIDE.spent_minor is not None
    both = Fraction(2 * WIDE.spent_minor, 100)
    now = [
        figure("units", both + 40, "spent"),
        figure("units", 10_000, "issued"),
        figure("multiplier", (both + 40) / 10_000),
    ]

    told = {(row.figure.indicator, row.figure.part): row.value for row in disclosed(now, [WIDE, WIDE])}

    assert told["units", "spent"] == both
    assert told["multiplier", ""] == Fraction(round(both / 10), 1000)


def test_a_neighbourhood_hidden_in_one_month_is_hidden_in_the_period():
    figures = [figure("share_by_zone", "0.2", "zone:north"), figure("share_by_zone", "0.4", "zone:south")]

    north, south = disclosed(figures, [WIDE, NARROW])

    assert north.hidden
    assert south.value is not None
    assert abs(south.value - Fraction(2 * 3105_00, 7510_00 + NARROW.by_zone.total_minor)) < Fraction(1, 1000)


def test_the_index_over_all_neighbourhoods_is_hidden_when_one_of_them_is():
    """Two hidden receipts with a known sum and one equation more: both would follow."""
    told = {row.figure.part: row for row in disclosed(EQUITY, [WIDE], residents=LIVING)}
    narrow = {row.figure.part: row for row in disclosed(EQUITY, [NARROW], residents=LIVING)}

    assert told[""].value == round(Fraction(zone_equity.equity_of(received(WIDE), LIVING).theil or 0), 3)
    assert [narrow[part].hidden for part in ("", "most", "zone:north", "zone:south")] == [True, True, True, False]


def test_receipts_for_each_resident_are_those_of_the_published_table():
    """Of the books as they are now they would be what a shop took that has moved since, beside the tables of before."""
    told = {row.figure.part: row.value for row in disclosed(EQUITY, [WIDE, WIDE], residents=LIVING)}

    assert told["zone:north"] == round(Fraction(2 * (received(WIDE)["north"] or 0), 100 * LIVING["north"]))


def test_what_few_businesses_sell_each_other_hides_what_is_computed_from_it():
    few = [
        business(number, between=10_00 if number < 4 else 0, on=10_00 if number < 4 else 0) for number in range(1, 31)
    ]

    for key in ("lm3", "retention", "leakage", "b2b_depth", "recirculation"):
        assert one(disclosed([figure(key, "0.5")], [publish(report_of(few))])) == "hidden", key


def people(count: int, *, activity="compost", stream="bio", month=10, largest=1_000, gross=20_000) -> Contributors:
    return Contributors(
        date(2026, month, 1),
        activity,
        "kilogram",
        stream,
        count,
        gross,
        largest,
        largest if largest < gross // 2 else 0,
    )


@pytest.mark.parametrize("count", [9, 10])
def test_what_fewer_than_ten_people_contributed_is_hidden(count: int):
    shown = disclosed([figure("environment", "20", "stream:bio"), figure("environment", "20")], [WIDE], [people(count)])

    assert [one((found,)) for found in shown] == (["hidden"] * 2 if count < 10 else [Fraction(20)] * 2)


def test_what_one_person_contributed_nearly_alone_is_hidden():
    done = [people(12, largest=19_000)]

    assert one(disclosed([figure("environment", "20", "stream:bio")], [WIDE], done)) == "hidden"


def test_totals_are_hidden_beside_small_streams_however_many_they_are():
    """Kilograms and CO2 with known factors: two sums, and two hidden streams would follow from them."""
    done = [people(40), people(8, activity="glass", stream="glass"), people(9, activity="paper", stream="paper")]

    for part in ("", "co2e", "reused"):
        assert one(disclosed([figure("environment", "23", part)], [WIDE], done)) == "hidden"
    assert one(disclosed([figure("environment", "20", "stream:bio")], [WIDE], done)) == 20


def test_a_stream_is_hidden_where_one_of_its_activities_is():
    """The other activity's figures are told: the stream less it would be two people's."""
    done = [people(40), people(2, activity="garden")]

    assert one(disclosed([figure("environment", "20", "stream:bio")], [WIDE], done)) == "hidden"
    assert one(disclosed([figure("cost_per_unit", "2", "activity:compost")], [WIDE], done)) == 2


def test_what_few_were_not_paid_for_hides_the_cost_and_not_the_kilograms():
    """The rate is public: kilograms times it, less the rewards, is what lay above two people's caps."""
    done = [people(40), replace(people(2), kind="short")]

    assert one(disclosed([figure("cost_per_unit", "2", "activity:compost")], [WIDE], done)) == "hidden"
    assert one(disclosed([figure("environment", "20", "stream:bio")], [WIDE], done)) == 20
    assert one(disclosed([figure("cost_per_unit", "2", "activity:compost")], [WIDE], done[:1])) == 2


def test_what_a_period_says_less_one_of_its_months_is_not_the_contribution_of_two_people():
    done = [people(2, month=10), people(40, month=11)]

    assert one(disclosed([figure("environment", "20", "stream:bio")], [WIDE, WIDE], done)) == "hidden"
    assert one(disclosed([figure("environment", "20", "stream:bio")], [WIDE], done[1:])) == 20


def test_the_largest_shop_does_not_follow_from_the_index_of_concentration():
    """0.72 with a largest share of at most 85 %: the share is above 83 %."""
    assert one(disclosed([figure("concentration", "0.72")], [WIDE])) == "hidden"
    assert one(disclosed([figure("concentration", "1.38", "equals", Unit.COUNT)], [WIDE])) == "hidden"
    assert one(disclosed([figure("concentration", "0.12")], [WIDE])) == Fraction(12, 100)


def test_rounds_that_one_shop_may_have_paid_alone_are_not_even_named():
    """What was paid a third and fourth time is the product of the rounds and what was issued, to the cent. What left after
    three and more is told together."""
    told = {
        (key, part)
        for key in ("retention", "leakage")
        for part in ("", *(f"hop:{hop}" for hop in range(5)))
        if disclosed([figure(key, "0.5", part)], [WIDE])
    }

    assert told == {
        *(("retention", part) for part in ("", "hop:0", "hop:1")),
        *(("leakage", part) for part in ("", "hop:0", "hop:1", "hop:2")),
    }


ROUNDS = ("", "hop:0", "hop:1", "hop:2", "beyond")


def ended(left: Sequence[tuple[int, int]], held: Sequence[tuple[int, int]] = ((40, 400),) * 3) -> list[Ends]:
    """So many holders and so much of it, by payments made; each has about as much as the others."""

    def row(kind: str, payments: int | None, holders: int, amount: int) -> Ends:
        each = -(-amount // holders) if holders else 0
        return Ends(kind, payments, holders, amount, each, min(each, amount - each))

    parts = [("left", left), ("held", held)]
    wholes = [row(kind, None, max(count for count, _ in of), sum(amount for _, amount in of)) for kind, of in parts]
    return [*wholes, *(row(kind, number, *each) for kind, of in parts for number, each in enumerate(of))]


@pytest.mark.parametrize(
    ("left", "held", "told"),
    [
        ([(0, 0), (40, 400), (20, 200), (12, 60)], 40, ROUNDS),
        ([(3, 30), (40, 400), (20, 200), (12, 60)], 40, ("", "hop:1", "hop:2")),
        ([(0, 0), (40, 400), (9, 200), (4, 60)], 40, ("", "hop:0")),
        ([(0, 0), (40, 400), (0, 0), (4, 60)], 40, ("", "hop:0")),
        ([(0, 0), (4, 400), (0, 0), (0, 0)], 40, ()),
        ([(0, 0), (40, 400), (20, 200), (12, 60)], 1, ("",)),
    ],
)
def test_what_left_in_a_round_is_told_where_it_was_of_many(left, held, told):
    """A round of few is hidden with another, so that what is left over is of many; what lies somewhere follows from what left."""
    found = ended(left, ((40, 400), (held, 300), (40, 200)))
    figures = [figure("leakage", "0.1", part) for part in ROUNDS]

    assert [
        part for part, row in zip(ROUNDS, disclosed(figures, [WIDE], ends=found), strict=True) if not row.hidden
    ] == [*told]
    assert not any(not row.hidden for row in disclosed(figures, [TINY], ends=found))


def test_leakage_by_round_is_told_of_no_period_for_which_nobody_counted():
    figures = [figure("leakage", "0.1", part) for part in ROUNDS]

    assert [row.hidden for row in disclosed(figures, [WIDE, WIDE])] == [False, True, True, True, True]


@pytest.mark.parametrize("key", ["lm3", "retention", "leakage"])
def test_what_few_households_did_with_what_they_were_given_is_hidden(key: str):
    """The town trades as ever, with the money of other months."""
    few = publish(report_of(in_zones(north=12, south=31, east=14, west=18), [Wait(0, 3)]))

    assert few.trade_told
    assert one(disclosed([figure(key, "0.5")], [few])) == "hidden"
    assert one(disclosed([figure(key, "0.5")], [WIDE, few])) == "hidden"
    assert one(disclosed([figure(key, "0.5")], [WIDE])) == Fraction(1, 2)


def test_numbers_of_businesses_do_not_follow_from_how_many_buy_from_each_other():
    buying = figure("b2b_depth", Fraction(13, 29), "buying", Unit.SHARE)

    assert one(disclosed([buying], [WIDE])) == Fraction(9, 20)
    assert one(disclosed([buying, figure("active_shops", 29)], [WIDE])[:1]) == Fraction(1, 2)
    assert one(disclosed([figure("b2b_depth", Fraction(37, 13), "suppliers", Unit.COUNT)], [WIDE])) == 3


def test_what_few_households_have_left_of_their_aid_is_hidden():
    assert (
        one(disclosed([figure("unspent", "0.25")], [publish(report_of(in_zones(north=40), [Wait(0, 3)]))])) == "hidden"
    )


def test_what_a_few_paid_from_their_own_does_not_follow_from_what_is_unspent_of_aid():
    """All that residents paid, less what was paid from aid this month, is what three of them paid from what they bought."""
    aid, own = (
        MonthTraded(date(2026, 10, 1), kind, holders, 900_00, 900_00, 300_00, 300_00)
        for kind, holders in (("bound", 40), ("own", 3))
    )

    assert one(disclosed([figure("unspent", "0.25")], [WIDE], purses=[aid])) == Fraction(1, 4)
    assert one(disclosed([figure("unspent", "0.25")], [WIDE], purses=[aid, own])) == "hidden"


def test_those_who_have_not_spent_do_not_follow_from_those_who_have():
    public = publish(report_of(in_zones(north=40), [Wait(0, 200), Wait(1, 12), Wait(None, 4)]))

    assert one(disclosed([figure("days_to_first_spend", "212", "spent", Unit.COUNT)], [public])) == "hidden"


def test_fewer_may_not_have_spent_in_two_months_than_in_each():
    """Ten and more had not in each month, and all but two of them had by the end of the second."""
    public = publish(report_of(in_zones(north=40), [Wait(0, 200), Wait(None, 12)]))
    counts = [
        figure("days_to_first_spend", count, part, Unit.COUNT) for part, count in (("purses", 212), ("spent", 210))
    ]

    assert [one((found,)) for found in disclosed(counts, [public, public])] == [210, "hidden"]


@pytest.mark.parametrize("key", ["days_to_first_spend", "recirculation", "unspent"])
def test_that_there_is_no_figure_is_told_where_the_figure_would_be(key: str):
    """Of three households most have not spent: then there is no median."""
    undefined = replace(figure(key, 0), value=None)

    assert one(disclosed([undefined], [TINY])) == "hidden"
    assert one(disclosed([undefined], [WIDE])) is None


@pytest.mark.parametrize(("active", "shops"), [(10, 12), (11, 12), (12, 12), (13, 14), (173, 180)])
def test_the_number_of_shops_does_not_follow_from_their_share(active: int, shops: int):
    reach = Fraction(active, shops)
    told, count = disclosed([figure("shop_reach", reach), figure("active_shops", active)], [WIDE])
    alone = disclosed([figure("shop_reach", reach)], [WIDE])

    assert count.value == round(Fraction(active, 5)) * 5
    assert told.value is not None
    assert abs(told.value - min(Fraction(1), count.value / shops)) <= Fraction(1, 2000)
    assert one(alone) == Fraction(round(reach * 20), 20)


def test_how_many_businesses_were_reached_is_told_in_fives_where_payments_are():
    counts = [figure("shop_reach", count, part, Unit.COUNT) for part, count in (("reached", 173), ("accepting", 182))]

    assert [row.value for row in disclosed(counts, [WIDE])] == [175, 180]
    assert [row.hidden for row in disclosed(counts, [TINY])] == [True, True]


def test_what_was_ever_unspent_is_hidden_after_a_month_that_was():
    few = month_of([business(number) for number in range(1, 4)], day=date(2026, 9, 1))
    report = report_of(in_zones(north=12, south=31, east=14, west=18), [Wait(0, 40)])
    after = publish(replace(report, paid=(few, *report.paid)))

    assert one(disclosed([figure("unspent", "0.25")], [publish(report)])) == Fraction(1, 4)
    assert one(disclosed([figure("unspent", "0.25")], [after])) == "hidden"
