"""The checker knows each kind of wrong when it sees one, and takes what is merely concurrent for right."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from tests.faults import checker
from tests.faults.books import Account, Opened
from tests.faults.history import NEVER, Operation
from tests.faults.stack import Row

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
BANK, ANA, SHOP = 1, 2, 3
OPENED = {BANK: Opened(floor=None), ANA: Opened(), SHOP: Opened()}


class Story:
    """Operations and rows; times are small numbers, an operation that is answered at once takes one."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.rows: list[Row] = []

    def asked(self, number: int, debit: int, credit: int, amount: int, at: int, **told: Any) -> Operation:
        leg = {"kind": "transfer", "id": str(UUID(int=number)), "debit": debit, "credit": credit, "amount": amount}
        leg |= {"code": "pay", "reference": ""}
        name = f"{number}.{len(self.operations)}"
        asked = {"do": "post", "legs": [leg], "at": NOON.isoformat(), "actor": "test:story"}
        operation = Operation(name, at, asked, **{"answered": at + 1, "said": "ok", **told})
        self.operations.append(operation)
        return operation

    def stands(self, number: int, debit: int, credit: int, amount: int) -> None:
        self.rows.append(
            Row(UUID(int=number), "t", debit, credit, amount, "pay", None, NOON, "test:story", "", leg=0, legs=1)
        )

    def posted(self, number: int, debit: int, credit: int, amount: int, at: int, **told: Any) -> None:
        self.asked(number, debit, credit, amount, at, **told)
        self.stands(number, debit, credit, amount)

    def read(self, account: int, balance: int, at: int, answered: int | None = None) -> None:
        self.read_several({account: balance}, at, answered)

    def read_several(self, balances: dict[int, int], at: int, answered: int | None = None) -> None:
        name = f"read.{len(self.operations)}"
        operation = Operation(name, at, {"do": "read", "accounts": list(balances)}, answered or at + 1, "read")
        values = [[account, balance, 0, 0] for account, balance in balances.items()]
        self.operations.append(replace(operation, values=values))

    def wrong(self, *, one_writer: bool = True) -> list[str]:
        balances = dict.fromkeys(OPENED, 0)
        for row in self.rows:
            balances[row.debit] -= row.amount
            balances[row.credit] += row.amount
        accounts = {number: Account(balance) for number, balance in balances.items()}
        found = checker.check(self.operations, self.rows, accounts, OPENED, one_writer=one_writer)
        return [anomaly.kind for anomaly in found]


@pytest.fixture
def story() -> Story:
    """Ana has 10; the bank gave it."""
    told = Story()
    told.posted(100, BANK, ANA, 10, at=0)
    return told


def test_payments_refusals_and_readings_in_their_order_are_right(story: Story) -> None:
    story.posted(1, ANA, SHOP, 7, at=10)
    story.asked(2, ANA, SHOP, 7, at=20, said="refused", code="insufficient-funds")
    story.asked(1, ANA, SHOP, 7, at=30)
    story.asked(1, ANA, SHOP, 6, at=40, said="refused", code="key-reused")
    story.read(SHOP, 7, at=50)
    assert story.wrong() == []


def test_what_was_acknowledged_and_is_not_there_is_lost(story: Story) -> None:
    story.asked(1, ANA, SHOP, 7, at=10)
    assert story.wrong() == ["lost"]


def test_what_stands_twice_is_told(story: Story) -> None:
    story.posted(1, ANA, SHOP, 3, at=10)
    story.stands(1, ANA, SHOP, 3)
    assert "twice" in story.wrong()


def test_what_stands_with_another_amount_was_changed(story: Story) -> None:
    story.asked(1, ANA, SHOP, 3, at=10)
    story.stands(1, ANA, SHOP, 4)
    assert "changed" in story.wrong()


def test_what_was_refused_or_never_asked_and_stands_is_a_ghost(story: Story) -> None:
    story.posted(1, ANA, SHOP, 3, at=10, said="refused", code="insufficient-funds")
    story.stands(2, ANA, SHOP, 3)
    assert story.wrong().count("ghost") == 2


def test_an_attempt_on_its_way_through_another_writer_may_overtake_a_refusal(story: Story) -> None:
    story.asked(1, ANA, SHOP, 11, at=10, answered=20, said="refused", code="insufficient-funds", tries=2)
    story.posted(2, BANK, ANA, 10, at=30)
    story.stands(1, ANA, SHOP, 11)
    assert story.wrong(one_writer=False) == ["overtaken"]
    assert story.wrong(one_writer=True) == ["ghost"]


def test_half_a_group_is_torn(story: Story) -> None:
    story.posted(1, ANA, SHOP, 3, at=10)
    story.rows[-1] = replace(story.rows[-1], legs=2)
    assert "torn" in story.wrong()


def test_what_nobody_ever_told_is_unsettled_and_may_stand_or_not(story: Story) -> None:
    story.asked(1, ANA, SHOP, 3, at=10, said="", answered=NEVER)
    assert story.wrong() == ["unsettled"]
    story.stands(1, ANA, SHOP, 3)
    assert story.wrong() == ["unsettled"]


def test_what_was_asked_after_an_answer_does_not_stand_before_it(story: Story) -> None:
    story.asked(1, ANA, SHOP, 3, at=10)
    story.asked(2, ANA, SHOP, 3, at=20)
    story.stands(2, ANA, SHOP, 3)
    story.stands(1, ANA, SHOP, 3)
    assert story.wrong() == ["order"]


def test_what_overlaps_may_stand_in_either_order(story: Story) -> None:
    story.asked(1, ANA, SHOP, 3, at=10, answered=30)
    story.asked(2, ANA, SHOP, 3, at=20, answered=25)
    story.stands(2, ANA, SHOP, 3)
    story.stands(1, ANA, SHOP, 3)
    assert story.wrong() == []


def test_money_spent_twice_is_impossible(story: Story) -> None:
    story.posted(1, ANA, SHOP, 7, at=10)
    story.posted(2, ANA, SHOP, 7, at=20)
    assert "impossible" in story.wrong()


def test_a_refusal_needs_a_moment_at_which_it_was_right(story: Story) -> None:
    story.asked(2, ANA, SHOP, 7, at=10, answered=20, said="refused", code="insufficient-funds")
    assert story.wrong() == ["unexplained"]
    story.posted(1, ANA, SHOP, 7, at=15, answered=40)
    assert story.wrong() == []


def test_a_reading_needs_a_moment_at_which_it_was_right(story: Story) -> None:
    story.posted(1, ANA, SHOP, 7, at=10)
    story.read(SHOP, 0, at=20)
    assert story.wrong() == ["unexplained"]


def test_two_readings_do_not_go_back_in_time(story: Story) -> None:
    story.posted(1, ANA, SHOP, 7, at=10, answered=100)
    story.read(SHOP, 7, at=20)
    assert story.wrong() == []
    story.read(SHOP, 0, at=30)
    assert story.wrong() == ["unexplained"]


def test_several_writers_may_commit_what_does_not_touch_in_another_order(story: Story) -> None:
    story.posted(1, BANK, ANA, 1, at=10, answered=100)
    story.posted(2, BANK, SHOP, 1, at=10, answered=100)
    story.read(SHOP, 1, at=20)
    story.read(ANA, 10, at=30)
    assert story.wrong(one_writer=True) == ["unexplained"]
    assert story.wrong(one_writer=False) == []


@pytest.mark.parametrize(
    ("unknown", "answered", "read", "wrong"),
    [
        (1, 100, {SHOP: 1, ANA: 10}, []),
        (0, 100, {SHOP: 1, ANA: 10}, ["unexplained"]),  # Its writer was there all the time.
        (1, 15, {SHOP: 1, ANA: 10}, ["unexplained"]),  # It was acknowledged before.
        (1, 100, {SHOP: 2, ANA: 10}, ["unexplained"]),  # The shop never had that.
    ],
)
def test_a_batch_whose_writer_was_cut_off_may_be_committed_after_what_the_next_one_wrote(
    story: Story, unknown: int, answered: int, read: dict[int, int], wrong: list[str]
) -> None:
    story.posted(1, BANK, ANA, 1, at=10, answered=answered, unknown=unknown)
    story.posted(2, BANK, SHOP, 1, at=12, answered=90)
    story.read_several(read, at=20)
    assert story.wrong() == wrong


def test_an_account_holds_what_its_history_says(story: Story) -> None:
    found = checker.check(story.operations, story.rows, {ANA: Account(11)}, OPENED)
    assert [anomaly.kind for anomaly in found] == ["balance"]
