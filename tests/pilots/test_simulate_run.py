"""A simulated day goes through the real tills: once however often it is carried out, and the next day knows what it sold."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from koinon.parties import queries as parties
from koinon.pilots import simulate_run
from koinon.pilots.simulate import Intention, Kind, key_of
from tests.programmes.small_town import NOON, SmallTown, build

DAY = NOON.date()


@pytest.fixture
def town(conn) -> SmallTown:
    """Ana has 100.00 to spend at the bakery, which buys from the mill."""
    town = build(conn)
    town.household("ana")
    town.shop("bakery")
    town.shop("mill")
    town.fund("aid")
    town.give("ana", "aid", "100.00")
    return town


def meant(town: SmallTown, *lines: tuple[Kind, str, str, int], day: date = DAY) -> list[Intention]:
    return [
        Intention(
            kind, key_of(day, number), town.parties[party], town.parties.get(other), minor,
            NOON + timedelta(minutes=number),
        )
        for number, (kind, party, other, minor) in enumerate(lines, 1)
    ]  # fmt: skip


def balances(town: SmallTown) -> dict[str, str]:
    return {"ana": town.balance("ana", "aid"), "bakery": town.balance("bakery"), "mill": town.balance("mill")}


def test_a_day_is_carried_out_in_order_and_refusals_are_counted(town):
    facts = parties.town(town.conn, town.id)
    day = meant(
        town,
        (Kind.SUPPLY, "bakery", "mill", 5_00),  # Before anything was sold.
        (Kind.PURCHASE, "ana", "bakery", 60_00),
        (Kind.PURCHASE, "ana", "bakery", 60_00),
        (Kind.SUPPLY, "bakery", "mill", 25_00),
        (Kind.REDEMPTION, "mill", "", 20_00),
        (Kind.PURCHASE, "ana", "mill", 40_00),
    )

    done, refused = simulate_run.carry_out(town.conn, facts, day)

    assert done == {"purchase": 2, "redemption": 1, "supply": 1}
    assert refused == {"payments.not-payable": 2}
    assert balances(town) == {"ana": "0.00", "bakery": "35.00", "mill": "45.00"}
    assert town.broken() == []


def test_a_day_that_is_carried_out_again_moves_nothing_more(town):
    facts = parties.town(town.conn, town.id)
    day = meant(town, (Kind.PURCHASE, "ana", "bakery", 60_00), (Kind.REDEMPTION, "bakery", "", 20_00))
    first = simulate_run.carry_out(town.conn, facts, day)
    before = balances(town)

    assert simulate_run.carry_out(town.conn, facts, day) == first
    assert balances(town) == before == {"ana": "40.00", "bakery": "40.00", "mill": "0.00"}


def test_the_next_day_knows_what_households_bought_and_kept(town):
    facts = parties.town(town.conn, town.id)
    town.household("ben")
    town.give("ben", "aid", "50.00")
    day = meant(
        town,
        (Kind.PURCHASE, "ana", "bakery", 60_00),
        (Kind.SUPPLY, "bakery", "mill", 25_00),
        (Kind.PURCHASE, "ben", "mill", 10_00),
    )

    class Model:
        def day(self, *_args, yesterday, **_kept):
            self.yesterday = yesterday
            return ()

    class FirstDay(Model):
        def day(self, *_args, **_kept):
            return day

    simulate_run.live(town.conn, facts, model=FirstDay(), day=DAY)
    simulate_run.live(town.conn, facts, model=(second := Model()), day=DAY + timedelta(days=1))
    bought = {one.key: (one.payer, one.payee, one.minor) for one in second.yesterday}
    assert bought == {
        key_of(DAY, 1): (town.parties["ana"], town.parties["bakery"], 60_00),
        key_of(DAY, 3): (town.parties["ben"], town.parties["mill"], 10_00),
    }

    (back,) = [one for one in second.yesterday if one.payee == town.parties["mill"]]
    taken = Intention(Kind.REFUND, key_of(DAY, 4), back.payee, back.payer, 1, NOON, back.id)
    simulate_run.carry_out(town.conn, facts, [taken])
    simulate_run.live(town.conn, facts, model=(third := Model()), day=DAY + timedelta(days=1))
    assert [one.key for one in third.yesterday] == [key_of(DAY, 1)]
