"""Of every figure of a period only what gives nobody away is shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest

from koinon.impact.disclosure import Shown, disclosed
from koinon.impact.figures import COMPUTED, Figure
from koinon.impact.indicators.catalogue import BY_KEY, CATALOGUE, Unit
from koinon.impact.measures import Delivered
from koinon.impact.publication import publish
from tests.impact.test_flow import business
from tests.impact.test_publication import in_zones, month_of, report_of

WIDE = publish(report_of(in_zones(north=12, south=31, east=14, west=18)))
NARROW = publish(report_of(in_zones(north=4, south=31, east=14, west=18)))
TINY = publish(report_of(in_zones(north=3, south=2)))


def figure(key: str, value: Fraction | int | str, part: str = "", unit: Unit | None = None) -> Figure:
    return Figure(key, part, "", Fraction(value), unit or BY_KEY[key].unit)


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


def test_a_neighbourhood_hidden_in_one_month_is_hidden_in_the_period():
    figures = [figure("share_by_zone", "0.2", "zone:north"), figure("share_by_zone", "0.4", "zone:south")]

    north, south = disclosed(figures, [WIDE, NARROW])

    assert north.hidden
    assert south.value is not None
    assert abs(south.value - Fraction(2 * 3105_00, 7510_00 + NARROW.by_zone.total_minor)) < Fraction(1, 1000)


def test_the_index_over_all_neighbourhoods_is_hidden_when_one_of_them_is():
    """Two hidden receipts with a known sum and one equation more: both would follow."""
    assert one(disclosed([figure("zone_equity", "0.1234")], [WIDE])) == Fraction("0.123")
    assert one(disclosed([figure("zone_equity", "0.1234")], [NARROW])) == "hidden"


def test_what_few_businesses_sell_each_other_hides_what_is_computed_from_it():
    few = [
        business(number, between=10_00 if number < 4 else 0, on=10_00 if number < 4 else 0) for number in range(1, 31)
    ]

    for key in ("lm3", "retention", "leakage", "b2b_depth", "recirculation"):
        assert one(disclosed([figure(key, "0.5")], [publish(report_of(few))])) == "hidden", key


@pytest.mark.parametrize("count", [9, 10])
def test_what_fewer_than_ten_contributed_is_hidden(count: int):
    day = date(2026, 10, 3)
    done = [Delivered("compost", "Compost", "kilogram", "bio", day, 20_000, 0, count)]

    shown = disclosed([figure("environment", "20", "stream:bio"), figure("environment", "20")], [WIDE], done)

    assert [one((found,)) for found in shown] == (["hidden"] * 2 if count < 10 else [Fraction(20)] * 2)


def test_a_total_is_hidden_when_one_small_stream_would_follow_from_it():
    day = date(2026, 10, 3)
    done = [
        Delivered("compost", "Compost", "kilogram", "bio", day, 20_000, 0, 40),
        Delivered("glass", "Glass", "kilogram", "glass", day, 3_000, 0, 2),
    ]

    assert one(disclosed([figure("environment", "23")], [WIDE], done)) == "hidden"


def test_the_number_of_shops_does_not_follow_from_their_share():
    assert one(disclosed([figure("shop_reach", Fraction(173, 180))], [WIDE])) == Fraction(19, 20)
    assert one(disclosed([figure("active_shops", 173)], [WIDE])) == 175


def test_what_was_ever_unspent_is_hidden_after_a_month_that_was():
    few = month_of([business(number) for number in range(1, 4)], day=date(2026, 9, 1))
    report = report_of(in_zones(north=12, south=31, east=14, west=18))
    after = publish(replace(report, paid=(few, *report.paid)))

    assert one(disclosed([figure("unspent", "0.25")], [WIDE])) == Fraction(1, 4)
    assert one(disclosed([figure("unspent", "0.25")], [after])) == "hidden"
