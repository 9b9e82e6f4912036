"""Who trades with whom, and whom a shop could pay: small towns that can be followed with a finger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from itertools import permutations
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koinon.impact import published
from koinon.impact.reports import trade
from koinon.impact.town import advice, network
from koinon.impact.town.advice import Ground
from koinon.impact.town.network import Circle, Link, Network, Trader
from koinon.kernel.periods import Month
from tests.impact.story import MADRID, told

START, UNTIL = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)


def holder(number: int) -> UUID:
    return UUID(int=number)


def trader(number: int, **facts: object) -> Trader:
    plain = Trader(holder(number), f"shop {number}", "food", "47.24", "north", "North", False, None, None, True, 0)
    return replace(plain, **facts)  # type: ignore[arg-type]


def pays(payer: int | None, payee: int | None, minor: int, people: int = 1) -> Link:
    return Link(None if payer is None else holder(payer), None if payee is None else holder(payee), minor, 1, people)


def of(traders: Sequence[Trader], links: Sequence[Link]) -> Network:
    return network.network(traders, links, start=START, until=UNTIL)


def test_circle_is_found_once_with_the_smallest_of_its_payments():
    found = of([trader(n) for n in (1, 2, 3, 4)], [pays(2, 3, 50), pays(3, 1, 40), pays(1, 2, 70), pays(3, 4, 10)])

    assert found.strongest == (Circle((holder(1), holder(2), holder(3)), 40),)
    assert [(one.length, one.found) for one in found.circles] == [(2, 0), (3, 1), (4, 0), (5, 0)]
    assert (found.between_minor, found.in_circles_minor) == (170, 160)


@settings(max_examples=60, deadline=None)
@given(st.sets(st.tuples(st.integers(1, 6), st.integers(1, 6)).filter(lambda pair: pair[0] != pair[1]), max_size=18))
def test_circles_are_those_that_trying_every_order_finds(pairs: set[tuple[int, int]]):
    found = of([trader(n) for n in range(1, 7)], [pays(payer, payee, 1) for payer, payee in sorted(pairs)])

    tried = {
        length: sum(
            order[0] == min(order) and all((order[at], order[(at + 1) % length]) in pairs for at in range(length))
            for order in permutations(range(1, 7), length)
        )
        for length in range(2, 6)
    }
    assert {one.length: one.found for one in found.circles} == tried
    on_a_way_back = sum((payee, payer) in _reachable(pairs) for payer, payee in pairs)
    assert found.in_circles_minor == on_a_way_back


def _reachable(pairs: set[tuple[int, int]]) -> set[tuple[int, int]]:
    ways = set(pairs)
    while more := {(a, d) for a, b in ways for c, d in pairs if b == c} - ways:
        ways |= more
    return ways


def test_onward_counts_the_payments_that_a_unit_still_makes():
    """The bakery redeems half and pays the mill half; the mill redeems half and pays the farm half, which redeems all.

    From the farm 0, from the mill 1/2 (1 + 0) = 0.5, from the bakery 1/2 (1 + 0.5) = 0.75.
    """
    bakery, mill, farm = (
        trader(1, redeemed_minor=100), trader(2, redeemed_minor=50), trader(3, redeemed_minor=50),
    )  # fmt: skip
    found = of([bakery, mill, farm], [pays(None, 1, 200, 20), pays(1, 2, 100), pays(2, 3, 50)])

    onward = {one.trader.holder: one.onward for one in found.standings}
    assert onward == {holder(1): 0.75, holder(2): 0.5, holder(3): 0.0}
    assert [(one.payer, one.payee, one.minor) for one in found.streams] == [(None, "food", 200), ("food", "food", 150)]
    first = found.standings[0]
    assert (first.trader.holder, first.received_minor, first.passed_on) == (holder(1), 200, Fraction(1, 2))


def test_what_the_bank_sent_back_of_an_earlier_month_makes_no_units_that_go_on():
    """The mill got 50, paid the farm 100 and had 60 sent back: each unit it paid makes one payment more, not two."""
    mill, farm = trader(1, redeemed_minor=-60), trader(2, redeemed_minor=100)
    found = of([mill, farm], [pays(None, 1, 50), pays(1, 2, 100)])

    assert [(one.trader.holder, one.onward) for one in found.standings] == [(holder(1), 1.0), (holder(2), 0.0)]


def test_few_businesses_or_one_that_pays_nearly_all_are_not_published():
    ring = [pays(n, n % 12 + 1, 100) for n in range(1, 13)]
    twelve = [trader(n) for n in range(1, 13)]

    told = network.publish(of(twelve, ring))
    assert (told.businesses, told.links, told.in_circles, told.keepers) == (10, 10, Fraction(1), 10)
    assert {one.found for one in told.circles} == {None}
    assert network.publish(of(twelve, [*ring[1:], pays(1, 2, 100_000)])).in_circles is None
    nine = network.publish(of(twelve[:9], [pays(n, n % 9 + 1, 100) for n in range(1, 10)]))
    assert nine == network.PublicNetwork()


def test_what_is_paid_outside_circles_is_told_only_where_it_is_nobodys_own():
    """Twelve pay in a ring; what one more pays into it is all the rest, and would follow."""
    ring = [pays(n, n % 12 + 1, 100) for n in range(1, 13)]
    traders = [trader(n) for n in range(1, 26)]

    assert network.publish(of(traders, [*ring, pays(13, 1, 300)])).in_circles is None
    others = [pays(n, n - 12, 100) for n in range(13, 25)]
    assert network.publish(of(traders, [*ring, *others])).in_circles == Fraction(1, 2)


def test_twelve_pairs_are_the_commonest_circles():
    pairs = [pays(a, b, 100) for n in range(1, 25, 2) for a, b in ((n, n + 1), (n + 1, n))]

    told = network.publish(of([trader(n) for n in range(1, 25)], pairs))

    assert told.commonest == network.PublicCircles(2, 10)


def test_a_sector_of_few_is_hidden_and_another_beside_it():
    """Food redeems half, clothing 30 % and health 20 %, which two shops make: with one hidden alone, it would follow."""
    shops = [
        *(trader(n, redeemed_minor=100, sector="food") for n in range(1, 21)),
        *(trader(n, redeemed_minor=100, sector="clothing") for n in range(21, 33)),
        *(trader(n, redeemed_minor=400, sector="health") for n in range(33, 35)),
    ]

    found = {one.sector: one.share for one in network.publish(of(shops, [])).stops}

    assert found == {"food": Fraction(1, 2), "clothing": None, "health": None}
    assert network.publish(of(shops[20:], [])).stops == ()


def test_a_month_published_before_there_was_a_network_stays_without_one(django_db):
    story = told(django_db, "shop bakery\nhome ana\n2026-11-01 00:00  issue 100.00\n2026-11-01 00:00  give ana 60.00")
    found = published.compute(django_db, town_id=story.place.town.pk, month=Month(2026, 11))
    before = json.loads(published.packed(found))
    del before["network"]

    assert published.unpacked(json.dumps(before)).network is None
    shown = network.PublicNetwork(175, 110, Fraction(1, 3), (network.PublicCircles(2, None),), 80)
    again = published.unpacked(published.packed(replace(found, network=shown)))
    assert again.network == shown
    (sheet,) = trade.sheets(shown, "")
    assert [row.value or row.hidden for row in sheet.rows] == ["175", "110", "33%", True, "80"]


def test_network_is_read_from_the_books_with_residents_as_one(django_db):
    story = told(
        django_db,
        """
        shop    bakery zone=north
        shop    mill   zone=south
        home    ana
        home    ben
        2026-11-01 00:00  issue    100.00
        2026-11-01 00:00  give     ana 60.00
        2026-11-01 00:00  give     ben 40.00
        2026-11-02 10:00  p: pay   ana bakery 40.00
        2026-11-03 10:00  refund   p 5.00
        2026-11-05 10:00  pay      ben bakery 30.00
        2026-11-07 10:00  pay      bakery mill 30.00
        2026-11-08 10:00  pay      mill bakery 10.00
        2026-11-09 10:00  pay      mill ana 5.00
        2026-11-11 00:00  redeem   bakery 20.00
        """,
    )
    parties, town = story.place.parties, story.place.town.pk
    until = datetime(2026, 12, 1, tzinfo=MADRID)

    links, traders = network.read(django_db, town_id=town, start=datetime(2026, 11, 1, tzinfo=MADRID), until=until)

    bakery, mill = parties["bakery"], parties["mill"]
    assert {(link.payer, link.payee, link.minor, link.people) for link in links} == {
        (None, bakery, 65_00, 2), (bakery, mill, 30_00, 1), (mill, bakery, 10_00, 1), (mill, None, 5_00, 1),
    }  # fmt: skip
    assert {one.holder: one.redeemed_minor for one in traders} == {bakery: 20_00, mill: 0}
    people = {parties["ana"], parties["ben"]}
    assert not people & {end for link in links for end in (link.payer, link.payee)}


def test_shop_is_told_whom_it_could_pay_and_why():
    baker = trader(1, redeemed_minor=500_00, latitude=41.40, longitude=2.20)
    wholesaler = trader(2, nace="46.39", latitude=41.4018, longitude=2.20, zone="south")
    accountant = trader(3, nace="69.20", sector="services", is_sse=True)
    closed = trader(4, nace="46.31", accepts=False)
    rival = trader(5)
    supplier = trader(6, nace="10.61")

    found = advice.advice(
        holder(1),
        [baker, wholesaler, accountant, closed, rival, supplier],
        [pays(None, 1, 900_00, 40), pays(1, 6, 50_00)],
    )

    assert (found.received_minor, found.paid_minor, found.redeemed_minor) == (900_00, 50_00, 500_00)
    assert found.pays_already == (supplier,)
    assert [(one.trader, one.grounds, one.what, one.metres) for one in found.proposals] == [
        (wholesaler, (Ground.USUAL_SUPPLY, Ground.NEARBY), "food-and-drink", 200),
        (
            accountant,
            (Ground.ANY_BUSINESS_NEEDS, Ground.SAME_NEIGHBOURHOOD, Ground.SOCIAL_ECONOMY),
            "accounts",
            None,
        ),
    ]


@pytest.mark.parametrize(("buyers", "told"), [(9, False), (10, True)])
def test_what_similar_shops_buy_is_told_of_ten_of_them_and_never_by_how_much(buyers: int, told: bool):
    own, seller = trader(1), trader(99, nace="28.93", sector="other")
    similar = [trader(number) for number in range(2, buyers + 2)]
    links = [pays(one.holder.int, 99, 7 * one.holder.int) for one in similar]

    found = advice.advice(holder(1), [own, seller, *similar], links)

    assert bool([one for one in found.proposals if Ground.SIMILAR_SHOPS_BUY_THERE in one.grounds]) is told
    larger = [replace(link, minor=link.minor * 1000, payments=50) for link in links]
    assert advice.advice(holder(1), [own, seller, *similar], larger) == found  # Their amounts leave no trace in it.
    redeeming = [replace(one, redeemed_minor=12345) for one in similar]
    told_of = {one.trader.holder for one in advice.advice(holder(1), [own, seller, *redeeming], links).proposals}
    assert told_of == {one.trader.holder for one in found.proposals}


def test_every_supply_has_words_on_the_page():
    from koinon.web.views.impact import SUPPLIES

    assert {one.what for one in advice.supplies()} == set(SUPPLIES)
