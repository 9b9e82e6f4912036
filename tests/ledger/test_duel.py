"""The comparison itself: books that go wrong in one way are found out, and the story of it is short."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

import pytest

from koinon.ledger.types import Hold, Request, Transfer
from tests.ledger import duel
from tests.ledger.model import POSTED, Answer, Books, ModelAccount
from tests.ledger.traffic import Opened


class CaptureTwice(Books):
    def _undo(self, written: int) -> None:
        captured = [thing for thing, name, _ in self._before if name == "captured"]
        super()._undo(written)
        for hold in captured:
            hold.state = "captured"


class ForgetsWhatCameIn(Books):
    """Looks at what was there before the batch only."""

    def post(self, requests: Sequence[Request]) -> list[Answer]:
        self.there = {number: account.balance for number, account in self.accounts.items()}
        return super().post(requests)

    def _apply(self, request: Request) -> Answer:
        if isinstance(request, Transfer | Hold) and request.debit in self.there:
            account = self.accounts[request.debit]
            available = self.there[request.debit] - account.held_out
            if account.floor == 0 and available < request.amount.minor <= account.balance - account.held_out:
                return Answer("insufficient-funds", request.debit, available, request.amount.minor)
        return super()._apply(request)


class IgnoresCeilings(Books):
    def _apply(self, request: Request) -> Answer:
        ceilings = {number: account.ceiling for number, account in self.accounts.items()}
        for account in self.accounts.values():
            account.ceiling = None
        answer = super()._apply(request)
        for number, ceiling in ceilings.items():
            self.accounts[number].ceiling = ceiling
        return answer


class PostsAnIdTwice(Books):
    def _post_one(self, request: Request, earlier: list[Answer]) -> Answer:
        if request.id in self.asked and isinstance(request, Transfer) and len(self.journal) % 2:
            return POSTED
        return super()._post_one(request, earlier)


@dataclass
class Paper:
    """Books on paper in the place of the real ones."""

    books: Books
    opened: list[int] = field(default_factory=list)

    def open(self, accounts: Sequence[Opened]) -> list[int]:
        for number, each in enumerate(accounts, start=1):
            self.books.accounts[number] = ModelAccount(each.kind, each.floor, each.ceiling, unit=each.unit)
        return list(self.books.accounts)

    def post(self, requests: Sequence[Request]) -> list[Answer]:
        return self.books.post(requests)

    def lapse(self, now: datetime) -> int:
        return self.books.lapse(now)

    def close(self, account: int) -> str:
        return self.books.close(account)

    def next_month(self) -> None:
        pass

    def balances(self) -> duel.Balances:
        return {n: (a.balance, a.held_out, a.held_in) for n, a in self.books.accounts.items()}

    def journal(self) -> list[tuple[object, ...]]:
        return [duel.as_row(line) for line in self.books.journal]


def test_books_that_are_right_agree_with_themselves() -> None:
    played = duel.play(Random(1), Paper(Books()), 5000)
    assert len(played.paper.journal) > 1000


@pytest.mark.parametrize("wrong", [CaptureTwice, ForgetsWhatCameIn, IgnoresCeilings, PostsAnIdTwice])
def test_a_mistake_is_found_and_told_in_a_few_lines(wrong: type[Books]) -> None:
    @contextmanager
    def fresh() -> Iterator[duel.Kept]:
        yield Paper(wrong())

    with pytest.raises(duel.Disagreement) as found:
        duel.play(Random(1), Paper(wrong()), 20_000)
    shortest = duel.shrink(fresh, found.value)
    print(shortest)
    assert duel.size(shortest.steps) <= 10
