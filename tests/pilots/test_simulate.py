"""The behaviour model: repeatable to the cent, and plausible without being told what to find."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import date
from random import Random
from uuid import UUID, uuid5

import pytest

from koinon.kernel.periods import Month
from koinon.pilots.simulate import (
    Behaviour,
    Buyer,
    Draws,
    Intention,
    Kind,
    Model,
    PastPayment,
    Shop,
    Town,
    behaviour,
    hops,
)

SPACE = UUID("00000000-0000-5000-8000-000000000001")
ZONES = [f"z{number}" for number in range(10)]
SECTORS = (
    ["food"] * 70 + ["hospitality"] * 35 + ["health"] * 12 + ["clothing"] * 15 + ["household"] * 14 + ["culture"] * 8
)
OCTOBER = Month(2026, 10)


def a_town() -> Town:
    draws = Random(7)
    buyers = tuple(
        Buyer(uuid5(SPACE, f"h{number}"), f"h{number}", draws.choice(ZONES), draws.choice([1, 2, 3, 3, 4, 5]))
        for number in range(300)
    )
    shops = tuple(
        Shop(uuid5(SPACE, f"s{number}"), f"s{number}", draws.choice(ZONES), sector)
        for number, sector in enumerate(SECTORS)
    )
    return Town("Europe/Madrid", 2, buyers, shops, frozenset(itertools.pairwise(ZONES)))


@dataclass
class Books:
    """Balances that refuse what cannot be paid, and what was done."""

    balances: dict[UUID, int]
    done: list[Intention] = field(default_factory=list)
    refused: int = 0

    def carry_out(self, meant: tuple[Intention, ...]) -> list[PastPayment]:
        purchases = []
        for one in meant:
            if self.balances.get(one.party, 0) < one.minor:
                self.refused += 1
                continue
            self.balances[one.party] -= one.minor
            if one.other is not None:
                self.balances[one.other] = self.balances.get(one.other, 0) + one.minor
            self.done.append(one)
            if one.kind == Kind.PURCHASE and one.other is not None:
                purchases.append(PastPayment(uuid5(SPACE, one.key), one.key, one.party, one.other, one.minor))
        return purchases

    def value(self, *kinds: Kind) -> int:
        return sum(one.minor for one in self.done if one.kind in kinds)


def a_month(town: Town, habits: Behaviour, month: Month = OCTOBER) -> tuple[int, Books]:
    draws = Random(3)
    books = Books({buyer.party: int(draws.lognormvariate(9.35, 0.55)) for buyer in town.buyers})
    issued = sum(books.balances.values())
    model, yesterday = Model(town, habits), list[PastPayment]()
    for day in month.days():
        yesterday = books.carry_out(model.day(day, balances=dict(books.balances), yesterday=yesterday))
    return issued, books


@pytest.fixture(scope="module")
def habits() -> Behaviour:
    return behaviour()


def test_same_day_from_same_facts_is_the_same_to_the_cent(habits):
    town = a_town()
    balances = {buyer.party: 15_000 for buyer in town.buyers} | {shop.party: 9_000 for shop in town.shops}
    past = [
        PastPayment(uuid5(SPACE, str(n)), f"k{n}", town.buyers[n].party, town.shops[0].party, 900) for n in range(99)
    ]
    day = date(2026, 10, 9)

    first = Model(town, habits).day(day, balances=balances, yesterday=past)
    second_model = Model(town, habits)
    second_model.day(date(2026, 10, 2), balances=balances, yesterday=[])
    shuffled = Town(town.time_zone, 2, town.buyers[::-1], town.shops[::-1], town.neighbours)

    assert first == second_model.day(day, balances=balances, yesterday=past)
    assert first == Model(shuffled, habits).day(day, balances=dict(reversed(balances.items())), yesterday=past[::-1])
    assert {one.kind for one in first} == set(Kind)


def test_another_seed_is_another_month(habits):
    town = a_town()

    one, other = a_month(town, habits)[1], a_month(town, replace(habits, seed="another"))[1]

    assert one.done != other.done


def test_month_is_plausible_without_being_told_its_recirculation(habits):
    issued, books = a_month(a_town(), habits)
    spent_by_shops = books.value(Kind.SUPPLY)
    income_of_shops = books.value(Kind.PURCHASE, Kind.SUPPLY)
    purchases = [one for one in books.done if one.kind == Kind.PURCHASE]
    refunds = [one for one in books.done if one.kind == Kind.REFUND]

    assert 2_500 < len(purchases) < 8_000
    assert 0.20 < spent_by_shops / income_of_shops < 0.45
    assert 1.0 < income_of_shops / issued < 1.7
    assert 0.008 < len(refunds) / len(purchases) < 0.025
    assert 0 < books.refused < 0.02 * len(purchases)
    assert issued == sum(books.balances.values()) + books.value(Kind.REDEMPTION)


def test_keys_name_month_day_and_place_in_the_day(habits):
    town = a_town()

    meant = Model(town, habits).day(date(2026, 10, 3), balances={b.party: 9_000 for b in town.buyers}, yesterday=[])

    assert [one.key for one in meant] == [f"demo:2026-10:03:{number}" for number in range(1, len(meant) + 1)]
    assert [one.at for one in meant] == sorted(one.at for one in meant)
    assert {one.at.date() for one in meant} == {date(2026, 10, 3)}


def test_amounts_are_whole_positive_minor_units_and_refunds_stay_below_what_was_paid(habits):
    town = a_town()
    past = [
        PastPayment(uuid5(SPACE, str(n)), f"k{n}", town.buyers[0].party, town.shops[0].party, 1 + n) for n in range(900)
    ]

    meant = Model(town, habits).day(date(2026, 10, 4), balances={}, yesterday=past)

    paid = {payment.id: payment.minor for payment in past}
    assert meant
    assert all(one.kind == Kind.REFUND and 0 < one.minor <= paid[one.payment] for one in meant if one.payment)


def test_nobody_buys_from_an_empty_purse_and_no_shop_pays_itself(habits):
    town = a_town()
    tills = {shop.party: 50_000 for shop in town.shops}

    meant = [one for day in OCTOBER.days() for one in Model(town, habits).day(day, balances=tills, yesterday=[])]

    assert {one.kind for one in meant} == {Kind.SUPPLY, Kind.REDEMPTION}
    assert all(one.party != one.other for one in meant)
    assert all(one.minor % 100 == 0 for one in meant if one.kind == Kind.REDEMPTION)


def test_shops_nearby_are_visited_more_often_than_shops_far_away(habits):
    town = a_town()
    _, books = a_month(town, habits)
    zone_of = {holder.party: holder.zone for holder in (*town.buyers, *town.shops)}
    steps = hops(town.neighbours)

    visits = [
        steps[zone_of[one.party], zone_of[one.other]] for one in books.done if one.kind == Kind.PURCHASE and one.other
    ]

    assert visits.count(0) / len(visits) > 0.3  # One zone in ten, by chance, would be a tenth.
    assert visits.count(0) > visits.count(1) > visits.count(5)


def test_town_without_shops_or_with_one_shop_has_quiet_days(habits):
    town = a_town()
    balances = {buyer.party: 10_000 for buyer in town.buyers} | {town.shops[0].party: 10_000}
    alone = Town(town.time_zone, 2, (), town.shops[:1])
    empty = Town(town.time_zone, 2, town.buyers, ())

    assert Model(empty, habits).day(date(2026, 10, 1), balances=balances, yesterday=[]) == ()
    kinds = {
        one.kind for day in OCTOBER.days() for one in Model(alone, habits).day(day, balances=balances, yesterday=[])
    }
    assert kinds <= {Kind.REDEMPTION}


def test_shop_does_not_ask_for_less_than_the_town_pays_out(habits):
    whole = a_town()
    balances = {shop.party: 3_000 + 1_000 * place for place, shop in enumerate(whole.shops)}

    def asked(smallest: int) -> list[int]:
        town = replace(whole, smallest_redemption_minor=smallest)
        found = Model(town, habits).day(OCTOBER.last_day, balances=balances, yesterday=[])
        return [one.minor for one in found if one.kind == Kind.REDEMPTION]

    assert asked(1) == asked(20_00)
    assert asked(60_00) == [minor for minor in asked(1) if minor >= 60_00] != asked(1)


def test_every_assumption_names_its_source(habits):
    import tomllib

    from koinon.pilots.simulate import BEHAVIOUR_FILE

    table = tomllib.loads(BEHAVIOUR_FILE.read_text(encoding="utf-8"))
    for section in ("household", "place", "popularity", "shop"):
        for name, row in table[section].items():
            assert row["source"].startswith(("published:", "assumed:")), name
    assert set(habits.suppliers) == set(habits.sectors)


def test_draws_have_the_means_they_are_asked_for():
    draws = Draws("means")
    counts = [draws.count(0.6) for _ in range(20_000)]
    prices = sorted(draws.log_normal(8.0, 0.5) for _ in range(20_001))

    assert abs(sum(counts) / len(counts) - 0.6) < 0.02
    assert abs(prices[10_000] - 8.0) < 0.15
