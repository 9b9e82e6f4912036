"""Members of a time bank give each other hours: together always zero, and nobody beyond their limits."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection

from koinon.coproduction import queries, timebank
from koinon.coproduction.errors import KeyReused, MemberNotFound, OwnContribution, TimeBankDiffers, TimeLimit
from koinon.coproduction.types import BankTerms, Measure
from koinon.kernel.identifiers import new_id
from koinon.ledger.errors import AccountNotEmpty
from tests.coproduction import garden_town
from tests.coproduction.garden_town import COORDINATOR, OFFICER, GardenTown
from tests.programmes.small_town import NOON


@pytest.fixture
def town(conn: Connection[Any]) -> GardenTown:
    built = garden_town.build(conn)
    for name in ("ana", "rui", "zé"):
        built.person(name)
    return built


def joined(town: GardenTown, bank: Any, *names: str) -> list[str]:
    return [
        timebank.join(
            town.conn, town_id=town.id, bank_id=bank.id, party=town.parties[name], actor=COORDINATOR, at=NOON
        ).shown_number
        for name in names
    ]


def test_who_receives_time_owes_it_to_the_circle(town: GardenTown) -> None:
    bank = town.time_bank(limit=10, most=20)
    numbers = joined(town, bank, "ana", "rui", "ana")
    assert (numbers[0], numbers[2], len({*numbers})) == ("0018", "0018", 2)
    assert town.gives_time(bank, "ana", "rui", 90) == "done"
    assert (town.minutes(bank, "ana"), town.minutes(bank, "rui")) == (90, -90)
    assert town.gives_time(bank, "ana", "zé", 30) == "coproduction.member-not-found"
    assert town.gives_time(bank, "ana", "ana", 30) == "coproduction.same-member"
    assert town.broken() == []


def test_limits_hold_on_both_sides(town: GardenTown) -> None:
    bank = town.time_bank(limit=2, most=3)
    joined(town, bank, "ana", "rui", "zé")
    assert town.gives_time(bank, "ana", "rui", 120) == "done"
    assert town.gives_time(bank, "zé", "rui", 1) == "coproduction.time-limit"
    assert town.gives_time(bank, "ana", "zé", 61) == "coproduction.time-limit"
    assert town.gives_time(bank, "ana", "zé", 60) == "done"
    assert town.gives_time(bank, "ana", "zé", 0) == "coproduction.quantity-not-plausible"
    assert town.broken() == []


def test_nobody_writes_time_down_to_themselves_or_their_household_that_another_owes(town: GardenTown) -> None:
    town.household("silva")
    town.person("eva", household="silva")
    bank = town.time_bank()
    joined(town, bank, "eva", "rui")
    for party in ("eva", "silva"):
        own = f"user:{town.user(f'of {party}', 'resident', party=party)}"
        how: dict[str, Any] = {"town_id": town.id, "bank_id": bank.id, "minutes": 60, "at": NOON}
        eva, rui = town.parties["eva"], town.parties["rui"]
        with pytest.raises(OwnContribution):
            timebank.exchange(town.conn, exchange_id=new_id(), payer=rui, payee=eva, actor=own, **how)
        received = timebank.exchange(town.conn, exchange_id=new_id(), payer=eva, payee=rui, actor=own, **how)
        with pytest.raises(OwnContribution):
            timebank.undo_exchange(
                town.conn, town_id=town.id, exchange_id=received.id, reason="never happened", actor=own, at=NOON
            )
    assert (town.minutes(bank, "eva"), town.minutes(bank, "rui")) == (-120, 120)
    assert town.broken() == []


def test_an_exchange_is_posted_once_and_can_be_undone(town: GardenTown) -> None:
    bank = town.time_bank()
    joined(town, bank, "ana", "rui")
    how: dict[str, Any] = {
        "town_id": town.id, "exchange_id": bank.id, "bank_id": bank.id, "payer": town.parties["rui"],
        "payee": town.parties["ana"], "actor": COORDINATOR, "at": NOON,
    }  # fmt: skip
    timebank.exchange(town.conn, minutes=60, **how)
    assert timebank.exchange(town.conn, minutes=60, **how).replayed
    with pytest.raises(KeyReused):
        timebank.exchange(town.conn, minutes=61, **how)
    for replayed in (False, True):
        undone = timebank.undo_exchange(
            town.conn, town_id=town.id, exchange_id=bank.id, reason="wrong member", actor=COORDINATOR, at=NOON
        )
        assert undone.replayed is replayed
    assert (town.minutes(bank, "ana"), town.minutes(bank, "rui")) == (0, 0)
    lines = queries.statement_of(
        town.conn,
        town_id=town.id,
        account=queries.memberships(town.conn, town_id=town.id, party=town.parties["ana"])[0].account,
    )
    assert [(line.minutes, line.balance, line.other, line.undone) for line in lines] == [
        (-60, 0, 2, True), (60, 60, 2, False)
    ]  # fmt: skip
    assert town.broken() == []


def test_verified_hours_of_an_activity_are_credited_by_the_bank_itself(town: GardenTown) -> None:
    bank = town.time_bank(most=5)
    garden = town.activity("horta", Measure.HOUR, bank="bela-flor")
    town.cap(garden, "day", quantity=3)
    found = town.brings("ana", garden, 240)
    assert (found.rewarded_quantity, found.reward_minor, found.reward_minutes) == (180, 0, 180)
    assert town.minutes(bank, "ana") == 180
    joined(town, bank, "rui")
    assert town.gives_time(bank, "rui", "ana", 120) == "done"
    assert town.undoes(found).taken_back == 180
    assert town.minutes(bank, "ana") == -120
    lines = queries.statement_of(
        town.conn,
        town_id=town.id,
        account=queries.memberships(town.conn, town_id=town.id, party=town.parties["ana"])[0].account,
    )
    assert [(line.minutes, line.activity) for line in lines] == [(-180, "Horta"), (-120, ""), (180, "Horta")]
    with pytest.raises(TimeLimit):
        for day in (1, 2, 3):
            town.brings("zé", garden, 180, day=garden_town.TODAY.replace(day=day))
    assert town.broken() == []


def test_a_member_leaves_with_nothing_owed(town: GardenTown) -> None:
    bank = town.time_bank()
    joined(town, bank, "ana", "rui")
    town.gives_time(bank, "ana", "rui", 30)
    how: dict[str, Any] = {"town_id": town.id, "bank_id": bank.id, "party": town.parties["ana"], "actor": COORDINATOR}
    with pytest.raises(AccountNotEmpty):
        timebank.leave(town.conn, at=NOON, **how)
    town.gives_time(bank, "rui", "ana", 30)
    timebank.leave(town.conn, at=NOON, **how)
    with pytest.raises(MemberNotFound):
        timebank.leave(town.conn, at=NOON, **how)
    with pytest.raises(MemberNotFound):
        timebank.join(town.conn, at=NOON, **how)
    assert queries.memberships(town.conn, town_id=town.id, party=town.parties["ana"]) == []
    assert town.broken() == []


def test_a_bank_keeps_its_unit_and_may_change_the_limits_of_new_members(town: GardenTown) -> None:
    bank = town.time_bank(limit=10)
    joined(town, bank, "ana")
    assert town.time_bank(limit=4).credit_limit == 240
    joined(town, bank, "rui")
    members = queries.members(town.conn, town_id=town.id, bank_id=bank.id)
    assert [member.credit_limit for member in members] == [600, 240]
    for code, unit in (("bela-flor", "OUTRA"), ("outro", "HORA"), ("outro", "REC")):
        with pytest.raises(TimeBankDiffers):
            timebank.found_bank(
                town.conn, town_id=town.id, terms=BankTerms(code, "x", unit, 60, 60), actor=OFFICER, at=NOON
            )
    assert (
        queries.member_by_number(town.conn, town_id=town.id, bank_id=bank.id, said=members[1].shown_number)
        == members[1]
    )
    assert town.broken() == []


def test_hours_are_no_money_of_the_town(town: GardenTown) -> None:
    from koinon.ledger import queries as books

    bank = town.time_bank()
    joined(town, bank, "ana", "rui")
    town.fund("aid")
    town.receive("aid", "10.00")
    before = books.totals(town.conn, town_id=town.id)
    town.gives_time(bank, "ana", "rui", 30)
    assert books.totals(town.conn, town_id=town.id) == before
