"""Whoever waits for another's commit decides by what stands after it, and by nothing older.

PostgreSQL checks constraints on a new row before it notices that the row it was made from has changed since the
statement began; found by two applications that paid from the same accounts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.ledger import operations
from koinon.ledger.types import Hold, NewAccount, Outcome, Posted, Release, Request, Transfer
from tests.db.processes import until

Conn = psycopg.Connection[Any]
KINDS = ("issuance", "reserve", "escrow", "purse", "purse", "till")
NOW = datetime.now(UTC)


class Town:
    """Two who post: one has money moved and not committed, the other waits for it."""

    def __init__(self, first: Conn, second: Conn) -> None:
        self.first, self.second = first, second
        accounts = [NewAccount(kind, "LOC", uuid4(), floor_minor=None if kind == KINDS[0] else 0) for kind in KINDS]
        self.numbers = operations.open_accounts(first, town_id=1, accounts=accounts, at=NOW, actor="test")
        for code, debit in (("receive", 0), ("issue", 1), ("disburse", 2)):
            self.post(self.transfer(code, debit, debit + 1, 100))
        first.commit()

    def transfer(self, code: str, debit: int, credit: int, minor: int) -> Transfer:
        amount = Amount(minor, "LOC")
        return Transfer(new_id(), self.numbers[debit], self.numbers[credit], amount, code, NOW, "test")

    def post(self, request: Request, conn: Conn | None = None) -> Outcome:
        (outcome,) = operations.post(conn or self.first, town_id=1, requests=[request])
        return outcome

    @contextmanager
    def waiting(self, request: Request) -> Iterator[Future[Outcome]]:
        """The other asks, and waits until the block, which is to commit, has ended."""
        with ThreadPoolExecutor(1) as thread:
            answer = thread.submit(self.post, request, self.second)
            pid = self.second.info.backend_pid
            with psycopg.connect(self.first.info.dsn, autocommit=True) as looking:
                waits = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s"
                until(lambda: (looking.execute(waits, [pid]).fetchone() or [False])[0] is True, seconds=20)
            yield answer


@pytest.fixture
def town(connect_again: Callable[[], Conn]) -> Town:
    return Town(connect_again(), connect_again())


def test_money_that_is_just_arriving_can_be_spent(town: Town) -> None:
    town.post(town.transfer("pay", 3, 4, 50))
    with town.waiting(town.transfer("pay", 4, 5, 20)) as answer:
        town.first.commit()
    assert isinstance(answer.result(), Posted)


def test_money_that_is_just_being_released_can_be_spent(town: Town) -> None:
    amount = Amount(95, "LOC")
    hold = Hold(new_id(), town.numbers[3], town.numbers[5], amount, "pay", NOW, NOW + timedelta(days=1), "test")
    town.post(hold)
    town.first.commit()
    town.post(Release(new_id(), hold.id, NOW, "test"))
    with town.waiting(town.transfer("pay", 3, 5, 20)) as answer:
        town.first.commit()
    assert isinstance(answer.result(), Posted)


def test_money_that_is_just_being_spent_cannot_be_spent_again(town: Town) -> None:
    town.post(town.transfer("pay", 3, 4, 95))
    with town.waiting(town.transfer("pay", 3, 5, 20)) as answer:
        town.first.commit()
    assert not isinstance(answer.result(), Posted)
