"""A set-based disbursement does what posting the same transfers one after the other does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from koinon.db.checks import every_check
from koinon.kernel.identifiers import id_from, id_under, new_id
from koinon.kernel.money import Amount
from koinon.ledger import operations as ledger
from koinon.ledger.types import Hold, NewAccount, Posted, Refused, Transfer

NOON = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
UNIT = "LOC"
FUND = id_from("fund")
HOLDERS = sorted(id_from("holder", number) for number in range(12))


@dataclass(frozen=True)
class Line:
    """What one holder is to get: ``id`` counts, so that two lines may ask under one id."""

    holder: int
    id: int
    minor: int


@dataclass(frozen=True)
class Purse:
    """A purse that is there before: how much is on it, its ceiling, what is held for it, whether it was closed."""

    holder: int
    minor: int
    ceiling: int | None
    coming: int
    closed: bool


lines = st.lists(
    st.builds(
        Line,
        holder=st.integers(0, len(HOLDERS) - 1),
        id=st.integers(0, 40),
        minor=st.one_of(st.integers(1, 30), st.sampled_from([0, -5, 10**15, 10**15 + 1])),
    ),
    min_size=1,
    max_size=8,
)
plain = st.lists(st.integers(0, len(HOLDERS) - 1), unique=True, min_size=1).flatmap(
    lambda chosen: st.tuples(
        *(st.builds(Line, holder=st.just(n), id=st.just(n), minor=st.integers(1, 30)) for n in chosen)
    )
)
purses = st.lists(
    st.builds(
        Purse,
        holder=st.integers(0, len(HOLDERS) - 1),
        minor=st.sampled_from([0, 0, 5]),
        ceiling=st.sampled_from([None, None, 20]),
        coming=st.sampled_from([0, 0, 4]),
        closed=st.sampled_from([False, False, True]),
    ),
    unique_by=lambda purse: purse.holder,
    max_size=8,
)


class Town:
    """One of two towns in which the same happened before."""

    def __init__(self, conn: Connection[Any], number: int, before: list[Purse], escrow: int, used: list[Line]) -> None:
        self.conn, self.id = conn, number
        self.body = id_from("town", number)
        wanted = [
            NewAccount("issuance", UNIT, self.body, None, None),
            NewAccount("reserve", UNIT, self.body, FUND),
            NewAccount("escrow", UNIT, id_from("programme"), FUND),
        ]
        self.issuance, self.reserve, self.escrow = ledger.open_accounts(
            conn, town_id=number, accounts=wanted, at=NOON, actor="test"
        )
        self.move(self.issuance, self.reserve, 10**15, "receive")
        self.move(self.reserve, self.escrow, 1000, "issue")
        for purse in before:
            self.give(purse)
        for line in used:
            self.post([line])
        rest = self.available(self.escrow)
        if rest > escrow:
            self.move(self.escrow, self.reserve, rest - escrow, "unissue")

    def give(self, purse: Purse) -> None:
        account = NewAccount("purse", UNIT, HOLDERS[purse.holder], FUND, 0, purse.ceiling)
        (number,) = ledger.open_accounts(self.conn, town_id=self.id, accounts=[account], at=NOON, actor="test")
        if purse.minor:
            self.move(self.escrow, number, purse.minor, "disburse")
        if purse.coming:
            hold = Hold(new_id(), self.escrow, number, Amount(purse.coming, UNIT), "disburse", NOON, datetime(2030, 1, 1, tzinfo=UTC), "test")  # fmt: skip
            ledger.post_all(self.conn, town_id=self.id, requests=[hold])
        if purse.closed and not purse.minor and not purse.coming:
            ledger.close_account(self.conn, town_id=self.id, account=number, at=NOON, actor="test")

    def move(self, debit: int, credit: int, minor: int, code: str) -> None:
        request = Transfer(new_id(), debit, credit, Amount(minor, UNIT), code, NOON, "test")
        ledger.post_all(self.conn, town_id=self.id, requests=[request])

    def available(self, account: int) -> int:
        row = self.conn.execute(
            "SELECT credits_posted - debits_posted - debits_held FROM ledger.account WHERE town_id = %s AND id = %s",
            [self.id, account],
        ).fetchone()
        assert row is not None
        return int(row[0])

    def post(self, asked: list[Line]) -> list[tuple[Any, ...]]:
        """One by one, as the books know it."""
        wanted = [NewAccount("purse", UNIT, HOLDERS[line.holder], FUND) for line in asked]
        found = ledger.open_accounts(self.conn, town_id=self.id, accounts=wanted, at=NOON, actor="job:pay")
        requests = [
            Transfer(_id(line), self.escrow, purse, Amount(line.minor, UNIT), "disburse", NOON, "job:pay", "cycle:1")
            for line, purse in zip(asked, found, strict=True)
        ]
        said = []
        for place, request in enumerate(requests, start=1):
            (outcome,) = ledger.post(self.conn, town_id=self.id, requests=[request])
            if isinstance(outcome, Refused):
                error = outcome.error
                said.append(
                    (
                        place,
                        error.code,
                        self.who(error.account_id),
                        None if error.available is None else error.available.minor,
                    )
                )
            elif outcome.replayed:
                said.append((place, "ledger.replayed", None, None))
        return said

    def disburse(self, asked: list[Line]) -> list[tuple[Any, ...]]:
        return [
            (place, f"ledger.{outcome}", self.who(account), available)
            for place, outcome, account, available, _ in disburse(self.conn, self.id, self.escrow, asked)
        ]

    def who(self, account: int | None) -> Any:
        return self.names().get(account)

    def names(self) -> dict[Any, Any]:
        rows = self.conn.execute("SELECT id, kind::text, holder FROM ledger.account WHERE town_id = %s", [self.id])
        return {row[0]: (row[1], None if row[2] == self.body else row[2]) for row in rows.fetchall()}

    def books(self) -> tuple[Any, ...]:
        """All that must be the same: accounts, the journal by id, the trail of refusals."""
        names = self.names()
        accounts = self.conn.execute(
            "SELECT id, debits_posted, credits_posted, debits_held, credits_held, opened_at, opened_by, ceiling_minor,"
            " floor_minor FROM ledger.account WHERE town_id = %s",
            [self.id],
        ).fetchall()
        journal = self.conn.execute(
            "SELECT line.id, line.debit_account, line.credit_account, line.amount_minor, line.code, line.leg, line.legs,"
            " line.kind::text, line.effective_at, act.name, line.reference FROM ledger.journal AS line"
            " INNER JOIN ledger.actor AS act ON act.town_id = line.town_id AND act.number = line.actor"
            " WHERE line.town_id = %s AND line.reference = 'cycle:1'",
            [self.id],
        ).fetchall()
        refused = self.conn.execute(
            # Of an id that was refused twice, one line is kept.
            "SELECT subject, at, actor FROM audit.entry WHERE town_id = %s AND action = 'request.refused'",
            [self.id],
        ).fetchall()
        return (
            sorted((names[row[0]], *row[1:]) for row in accounts),
            sorted((row[0], names[row[1]], names[row[2]], *row[3:]) for row in journal),
            sorted(map(str, refused)),
        )


def _id(line: Line) -> UUID:
    return id_under(CYCLE, "disburse", line.id)


def disburse(
    conn: Connection[Any], town: int, escrow: int, asked: list[Line], *, fund: UUID = FUND
) -> list[tuple[Any, ...]]:
    return conn.execute(
        "SELECT place, outcome, account_id, available_minor, asked_minor FROM ledger.disburse(%s, %s, %s, %s, %s,"
        " 'job:pay', 'cycle:1', %s::uuid[], %s::uuid[], %s::bigint[])",
        [town, escrow, fund, UNIT, NOON, [_id(line) for line in asked], [HOLDERS[line.holder] for line in asked],
         [line.minor for line in asked]],
    ).fetchall()  # fmt: skip


CYCLE = new_id()


def broken(conn: Connection[Any]) -> list[Any]:
    own = [check for check in every_check() if check.package == "koinon.ledger"]
    return [(check.name, rows) for check in own if (rows := conn.execute(check.sql).fetchall())]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=purses, used=st.lists(plain.map(lambda some: some[0]), max_size=2), asked=st.one_of(plain.map(list), lines),
       escrow=st.sampled_from([0, 40, 900]), again=st.booleans())  # fmt: skip
def test_a_disbursement_says_and_writes_what_posting_one_by_one_does(conn, before, used, asked, escrow, again):
    conn.execute("SAVEPOINT example")
    try:
        one, other = (Town(conn, number, before, escrow, used) for number in (71, 72))
        assert one.disburse(asked) == other.post(asked)
        if again:
            assert one.disburse(asked) == other.post(asked)
        assert one.books() == other.books()
        assert broken(conn) == []
    finally:
        conn.execute("ROLLBACK TO example")


@pytest.fixture
def town(conn):
    return Town(conn, 71, [Purse(3, 5, None, 0, False), Purse(4, 0, 20, 0, False)], 900, [])


def test_new_purses_and_old_ones_come_right_at_once_and_are_sealed(town, conn):
    asked = [Line(number, number, 10 + number) for number in range(8)]
    assert town.disburse(asked) == []
    found = conn.execute(
        "SELECT acc.holder, acc.credits_posted - acc.debits_posted FROM ledger.account AS acc"
        " WHERE acc.town_id = 71 AND acc.kind = 'purse' ORDER BY acc.holder"
    ).fetchall()
    assert found == [(HOLDERS[number], 10 + number + (5 if number == 3 else 0)) for number in range(8)]
    assert broken(conn) == []


def test_a_batch_that_makes_no_sense_is_none(town, conn):
    from psycopg import errors

    for bad in (
        lambda: disburse(conn, 71, town.escrow, [Line(0, number % 40, 1) for number in range(65_537)]),
        lambda: disburse(conn, 71, town.escrow, [Line(0, 0, 1)], fund=None),
    ):
        with pytest.raises(Exception, match="the batch makes no sense") as refused, conn.transaction():
            bad()
        assert isinstance(refused.value, errors.DatabaseError)
        assert refused.value.sqlstate == "KL004"


def test_disbursements_that_cross_each_other_and_payments_wait_for_nobody_in_a_ring(database, conn, connect_again):
    """Two programmes of one fund pay the same purses, and the purses pay a shop, all at the same time."""
    town = Town(conn, 71, [], 1000, [])
    (second,) = ledger.open_accounts(
        conn, town_id=71, accounts=[NewAccount("escrow", UNIT, id_from("second"), FUND)], at=NOON, actor="test"
    )
    (shop,) = ledger.open_accounts(
        conn, town_id=71, accounts=[NewAccount("till", UNIT, id_from("shop"))], at=NOON, actor="test"
    )
    town.move(town.reserve, second, 10_000, "issue")
    town.move(town.reserve, town.escrow, 10_000, "issue")
    conn.commit()
    ready = Barrier(6)

    def pay_out(number: int) -> int:
        escrow, done = (town.escrow, second)[number % 2], 0
        with connect_again() as own:
            ready.wait()
            for turn in range(15):
                asked = [Line(holder, 0, 2) for holder in range(len(HOLDERS))]
                ids = [id_under(CYCLE, number, turn, line.holder) for line in asked]
                rows = own.execute(
                    "SELECT outcome FROM ledger.disburse(71, %s, %s, %s, now(), %s, 'cycle:1', %s::uuid[], %s::uuid[], %s::bigint[])",
                    [escrow, FUND, UNIT, f"job:{number}", ids, HOLDERS, [2] * len(asked)],
                ).fetchall()  # fmt: skip
                own.commit()
                done += 2 * (len(asked) - len(rows))
        return done

    def spend(number: int) -> int:
        spent = 0
        with connect_again() as own:
            ready.wait()
            for _ in range(60):
                purses = own.execute("SELECT id FROM ledger.account WHERE town_id = 71 AND kind = 'purse'").fetchall()
                requests = [
                    Transfer(new_id(), purse, shop, Amount(1, UNIT), "pay", NOON, f"till:{number}")
                    for (purse,) in purses
                ]
                outcomes = ledger.post(own, town_id=71, requests=requests)
                own.commit()
                spent += sum(isinstance(outcome, Posted) for outcome in outcomes)
        return spent

    with ThreadPoolExecutor(6) as pool:
        paid = [pool.submit(pay_out, number) for number in range(4)]
        spent = [pool.submit(spend, number) for number in range(2)]
        given, gone = sum(each.result() for each in paid), sum(each.result() for each in spent)
    assert given == 4 * 15 * 2 * len(HOLDERS)
    left = conn.execute(
        "SELECT sum(credits_posted - debits_posted) FROM ledger.account WHERE town_id = 71 AND kind = 'purse'"
    ).fetchone()
    assert left == (given - gone,)
    assert broken(conn) == []
    ledger.seal_all(conn, town_id=71, at=NOON)
    conn.commit()
    assert ledger.seal_all(conn, town_id=71, at=NOON) == []
    assert broken(conn) == []
