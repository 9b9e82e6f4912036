"""What comes of commands by a lane is what comes of them by a connection; what takes more is left with nothing done."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from koinon.db.batching import NotQuick
from koinon.db.lanes import Lane
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import id_under, new_id
from koinon.ledger import operations as ledger
from koinon.payments import engine as engines
from koinon.payments import operations
from koinon.payments.commands import CaptureHold, Command, Pay, PlaceHold, RefundPayment, ReleaseHold
from koinon.programmes import funds
from koinon.programmes.spending import SpendingRule
from tests.payments.paying_town import NOON, PayingTown, build_with_money, money


@pytest.fixture
def town(database, conn) -> PayingTown:
    town = build_with_money(conn)
    # A lane leaves to the writers whom this process has not met, and which tests it ran before is nobody's to know.
    ledger.meet(conn, town_id=town.id, actors=["till:1"])
    conn.commit()
    return town


def by_lane(url: str, work: Any) -> Any:
    async def ask() -> Any:
        lane = await Lane.open(url, "koinon test lanes")
        try:
            return await work(lane)
        finally:
            lane.close()

    return asyncio.run(ask())


def attempted(url: str, town: PayingTown, *commands: Command) -> list[Any]:
    outcomes = by_lane(url, lambda lane: operations.attempt_by(lane, town_id=town.id, commands=commands))
    return [one.code if isinstance(one, KoinonError) else one for one in outcomes]


def test_commands_of_every_kind_come_out_as_by_a_connection(town, database_url):
    ana, forn = town.parties["ana"], town.parties["forn"]
    sale = town.asks("ana", "forn", "10.00", reference="r/1")
    holds = [PlaceHold(new_id(), ana, forn, money("4.00"), NOON.replace(hour=20), NOON, "till:1") for _ in range(2)]
    commands = [
        sale,
        *holds,
        RefundPayment(new_id(), sale.id, money("2.00"), NOON, "till:1"),
        CaptureHold(new_id(), holds[0].id, money("3.00"), NOON, "till:1"),
        ReleaseHold(new_id(), holds[1].id, NOON, "till:1"),
        town.asks("ana", "forn", "40.00"),
    ]
    first = attempted(database_url, town, *commands)
    assert [type(one).__name__ for one in first] == [
        "Payment", "HeldPayment", "HeldPayment", "Refund", "Payment", "HeldPayment", "str",
    ]  # fmt: skip
    assert town.balance("forn") == "111.00"
    again = operations.perform(town.conn, town_id=town.id, commands=commands)
    town.conn.commit()
    assert [one.code if isinstance(one, KoinonError) else one for one in again] == attempted(
        database_url, town, *commands
    )
    assert town.balance("forn") == "111.00"
    assert town.broken() == []


def test_what_a_till_says_is_bought_is_kept_by_a_lane_and_under_a_rule_that_changes(town, database_url):
    funds.announce_change(
        town.conn, town_id=town.id, fund_id=town.funds["aid"], from_day=NOON.date(), last_day=None, reason="voted",
        rule=SpendingRule(categories=frozenset({"food"}), per_cycle_minor=30_00), actor="user:1",
        now=NOON - timedelta(days=20),
    )  # fmt: skip
    town.conn.commit()
    sale = replace(town.asks("ana", "forn", "30.00"), category="food")
    commands = [sale, replace(town.asks("ana", "forn", "1.00"), category="toys"), replace(sale, category="toys"), sale]
    first = attempted(database_url, town, *commands)
    assert first == [first[0], "payments.not-payable", "payments.key-reused", first[0]]
    more = replace(town.asks("ana", "forn", "0.01"), category="food")
    assert attempted(database_url, town, more, sale) == ["payments.not-payable", first[0]]
    said = town.conn.execute("SELECT id, category FROM payments.bought").fetchall()
    assert said == [(sale.id, "food")]
    assert town.broken() == []


def unopened(town: PayingTown, _owner: Any) -> list[Command]:
    return [town.asks("ana", "forn", "1.00"), town.asks("ana", "farina", "1.00")]


def unmet(town: PayingTown, _owner: Any) -> list[Command]:
    return [replace(town.asks("ana", "forn", "1.00"), actor="till:nobody-has-met")]


def heard(town: PayingTown, owner: Any) -> list[Command]:
    owner.execute(
        "INSERT INTO outbox.subscription VALUES (%s, 'payment.posted', gen_random_uuid(), gen_random_uuid(), 0, '')",
        [town.id],
    )
    return [town.asks("ana", "forn", "1.00")]


def refused_by_the_books(town: PayingTown, _owner: Any) -> list[Command]:
    """A payment from two purses whose second transfer would have an id that is somebody's already."""
    town.fund("bonus")
    town.give("ana", "bonus", "2.00")
    asked = town.asks("ana", "forn", "51.00")
    other = Pay(id_under(asked.id, 1), asked.payer, asked.payee, money("0.50"), NOON, "till:1")
    operations.perform(town.conn, town_id=town.id, commands=[other])
    return [asked]


@pytest.mark.parametrize("difficult", [unopened, unmet, heard, refused_by_the_books])
def test_what_takes_more_than_posting_is_left_with_nothing_done(town, database_url, owner_conn, difficult):
    commands = difficult(town, owner_conn)
    town.conn.commit()
    before = town.balance("forn")
    with pytest.raises(NotQuick):
        attempted(database_url, town, *commands)
    assert town.balance("forn") == before


def test_each_who_asked_is_given_its_own_answers(town, database_url):
    asked = [(town.id, tuple(town.asks("ana", "forn", "1.00") for _ in range(many))) for many in (2, 1, 3)]
    answered = by_lane(database_url, lambda lane: engines.write_by(lane, asked))
    assert [[one.id for one in answers] for answers in answered] == [
        [command.id for command in commands] for _, commands in asked
    ]


def test_several_towns_or_too_many_commands_are_for_the_writers(town, database_url, monkeypatch):
    monkeypatch.setattr(engines, "MOST_AT_ONCE", 2)
    one = (town.asks("ana", "forn", "1.00"),)
    for asked in ([(town.id, one), (town.id + 1, one)], [(town.id, one * 3)]):
        with pytest.raises(NotQuick):
            by_lane(database_url, lambda lane, asked=asked: engines.write_by(lane, asked))
    assert town.balance("forn") == "100.00"
