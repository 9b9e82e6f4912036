"""The real books and the ones on paper, given the same steps; where they part, the shortest story of it.

play(chance, real)     random steps until the two disagree, or not
shrink(...)            what is left of the steps when everything that need not be there is gone
table(...)             that as text, which tests/ledger/story.py can tell again
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random
from typing import Any, Protocol, TypeVar
from uuid import UUID, uuid4

import psycopg
from psycopg import Connection

from koinon.kernel.money import Amount
from koinon.ledger import operations
from koinon.ledger.errors import LedgerError
from koinon.ledger.types import Capture, Hold, NewAccount, Posted, Refused, Release, Request, Reversal, Transfer
from tests.ledger import story
from tests.ledger.model import Answer, Books, Line, ModelAccount
from tests.ledger.traffic import NOON, UNIT, Close, Lapse, NextMonth, Opened, Post, Step, Traffic

Item = TypeVar("Item")
SHOWN = 60  # Lines of a disagreement that nobody has shrunk.
Balances = dict[int, tuple[int, int, int]]


class Kept(Protocol):
    """Books that can be asked to do something: the real ones, or others for a test of this test."""

    def open(self, accounts: Sequence[Opened]) -> list[int]: ...
    def post(self, requests: Sequence[Request]) -> list[Answer]: ...
    def lapse(self, now: datetime) -> int: ...
    def close(self, account: int) -> str: ...
    def next_month(self) -> None: ...
    def balances(self) -> Balances: ...
    def journal(self) -> list[tuple[Any, ...]]: ...


@dataclass
class RealBooks:
    """The ledger, in a town of its own."""

    conn: Connection[Any]
    town_id: int
    commit: bool = False
    owner: Connection[Any] | None = None

    def open(self, accounts: Sequence[Opened]) -> list[int]:
        wanted = [NewAccount(a.kind, a.unit, uuid4(), floor_minor=a.floor, ceiling_minor=a.ceiling) for a in accounts]
        opened = operations.open_accounts(
            self.conn, town_id=self.town_id, accounts=wanted, at=NOON, actor="test:opening"
        )
        self._done()
        return opened

    def post(self, requests: Sequence[Request]) -> list[Answer]:
        outcomes = operations.post(self.conn, town_id=self.town_id, requests=requests)
        self._done()
        return [answer(outcome, request) for outcome, request in zip(outcomes, requests, strict=True)]

    def lapse(self, now: datetime) -> int:
        lapsed = operations.lapse_holds(self.conn, town_id=self.town_id, now=now)
        self._done()
        return lapsed

    def close(self, account: int) -> str:
        try:
            operations.close_account(self.conn, town_id=self.town_id, account=account, at=NOON, actor="test:closing")
        except LedgerError as refused:
            return refused.code.removeprefix("ledger.")
        finally:
            self._done()
        return "closed"

    def next_month(self) -> None:
        assert self.owner is not None, "only the owner of the books can turn the page of the calendar"
        story.next_month(self.owner, self.town_id)

    def balances(self) -> Balances:
        rows = self.conn.execute(
            "SELECT id, credits_posted - debits_posted, debits_held, credits_held FROM ledger.account WHERE town_id = %s",
            (self.town_id,),
        ).fetchall()
        self._done()
        return {number: (balance, held_out, held_in) for number, balance, held_out, held_in in rows}

    def journal(self) -> list[tuple[Any, ...]]:
        rows = self.conn.execute(
            """
            SELECT line.kind, line.id, line.debit_account, line.credit_account, line.amount_minor, code.name,
                   line.reference, target.target, line.leg, line.legs
            FROM ledger.journal AS line
            INNER JOIN ledger.code ON code.number = line.code
            LEFT JOIN ledger.target ON target.town_id = line.town_id AND target.seq = line.seq
            WHERE line.town_id = %s ORDER BY line.seq
            """,
            (self.town_id,),
        ).fetchall()
        self._done()
        return [(kind.decode() if isinstance(kind, bytes) else kind, *rest) for kind, *rest in rows]

    def _done(self) -> None:
        if self.commit:
            self.conn.commit()


def answer(outcome: Posted | Refused, request: Request) -> Answer:
    """What the ledger said, as the model says it."""
    if isinstance(outcome, Posted):
        assert outcome.id == request.id
        return Answer("replayed" if outcome.replayed else "posted")
    error = outcome.error
    said = error.code.removeprefix("ledger.")
    if said == "group-refused":
        return Answer(said)
    account = error.account_id
    if account == 0 and isinstance(request, Transfer | Hold):  # What no account can be called is said as 0.
        account = next(number for number in (request.debit, request.credit) if not 0 < number < 2**31)
    return Answer(
        said,
        account,
        None if error.available is None else error.available.minor,
        None if error.asked is None else error.asked.minor,
    )


@dataclass(eq=False)
class Disagreement(AssertionError):
    """The real books and the ones on paper part at the last of these steps.

    ``expected`` is what should have been said to each of them, ``found`` what was
    said to the last.
    """

    accounts: Sequence[Opened]
    numbers: list[int]
    steps: list[Step]
    expected: list[list[Answer]]
    found: list[Answer]
    what: str

    def __str__(self) -> str:
        lines = table(self).splitlines()
        if len(lines) > SHOWN:
            lines = ["...", *(line for line in lines if "  # said" in line), "... (shrink it, and it gets readable)"]
        return "\n".join([self.what, *lines[: SHOWN + 2]])

    def __post_init__(self) -> None:
        super().__init__(self.what)


@dataclass
class Duel:
    """One town, kept twice."""

    real: Kept
    accounts: Sequence[Opened]
    steps: list[Step] = field(default_factory=list)
    answers: list[list[Answer]] = field(default_factory=list)
    said: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.numbers = self.real.open(self.accounts)
        self.paper = Books(
            {
                number: ModelAccount(opened.kind, opened.floor, opened.ceiling, unit=opened.unit)
                for number, opened in zip(self.numbers, self.accounts, strict=True)
            }
        )

    def do(self, step: Step) -> None:
        """Take a step in both books; raises ``Disagreement``."""
        self.steps.append(step)
        self.answers.append([])
        match step:
            case Post(requests):
                self.answers[-1] = expected = self.paper.post(requests)
                try:
                    found = self.real.post(requests)
                except (LedgerError, psycopg.Error) as failed:
                    raise self._disagreement(f"the batch failed: {failed}") from failed
                if expected != found:
                    raise self._disagreement("an outcome differs", found)
                self.said.update(each.said for each in expected)
            case Lapse(at):
                if self.paper.lapse(at) != self.real.lapse(at):
                    raise self._disagreement("another number of holds lapsed")
            case Close(account):
                self.answers[-1] = expected = [Answer(self.paper.close(account))]
                if expected != (found := [Answer(self.real.close(account))]):
                    raise self._disagreement("an outcome differs", found)
            case NextMonth():
                self.real.next_month()
        paper = {n: (a.balance, a.held_out, a.held_in) for n, a in self.paper.accounts.items()}
        if paper != (balances := self.real.balances()):
            name = {number: opened.name for number, opened in zip(self.numbers, self.accounts, strict=True)}
            differ = "; ".join(
                f"{name[n]} has {paper[n]} on paper and {balances.get(n)} in the books"
                for n in paper
                if paper[n] != balances.get(n)
            )
            raise self._disagreement(f"a balance differs: {differ}")

    def end(self) -> None:
        """Compare what was written, line by line."""
        paper = [as_row(line) for line in self.paper.journal]
        journal = self.real.journal()
        for place, (expected, found) in enumerate(zip(paper, journal, strict=False)):
            if expected != found:
                raise self._disagreement(f"line {place} of the journal is {found} and should be {expected}")
        if len(paper) != len(journal):
            raise self._disagreement(f"the journal has {len(journal)} lines and should have {len(paper)}")

    def _disagreement(self, what: str, found: Sequence[Answer] = ()) -> Disagreement:
        return Disagreement(self.accounts, self.numbers, list(self.steps), list(self.answers), list(found), what)


def as_row(line: Line) -> tuple[Any, ...]:
    return (
        line.kind, line.id, line.debit, line.credit, line.amount, line.code, line.reference, line.target, line.leg,
        line.legs,
    )  # fmt: skip


def play(
    chance: Random,
    real: Kept,
    operations: int,
    *,
    largest_batch: int = 3000,
    told: Callable[[int], None] = lambda made: None,
) -> Duel:
    """Random steps on both books, so many requests long. Raises ``Disagreement``."""
    from tests.ledger.traffic import some_accounts

    duel = Duel(real, some_accounts(chance))
    traffic = Traffic(chance, duel.paper, duel.numbers, datetime.now(UTC), largest_batch)
    made = 0
    for step in traffic.steps(operations):
        duel.do(step)
        if isinstance(step, Post):
            made += len(step.requests)
            told(made)
    duel.end()
    return duel


# The shortest story


Fresh = Callable[[], AbstractContextManager[Kept]]


def disagreement(
    fresh: Fresh, accounts: Sequence[Opened], numbers: Sequence[int], steps: list[Step]
) -> Disagreement | None:
    """Where the books part when the steps are taken in a new town; told with the numbers of the old one."""
    with fresh() as real:
        duel = Duel(real, accounts)
        other = dict(zip(numbers, duel.numbers, strict=True))
        try:
            for step in steps:
                duel.do(elsewhere(step, other))
            duel.end()
        except Disagreement as found:
            back: dict[int | None, int] = {there: here for here, there in other.items()}
            expected = [[_with_account(each, back) for each in answers] for answers in found.expected]
            said = [_with_account(each, back) for each in found.found]
            return Disagreement(accounts, list(numbers), steps[: len(found.steps)], expected, said, found.what)
    return None


def _with_account(given: Answer, names: dict[int | None, int]) -> Answer:
    return given._replace(account=names.get(given.account, given.account))


def elsewhere(step: Step, other: dict[int, int]) -> Step:
    """The same step with the account numbers of another town."""
    match step:
        case Post(requests):
            return Post(
                [
                    replace(r, debit=other.get(r.debit, r.debit), credit=other.get(r.credit, r.credit))
                    if isinstance(r, Transfer | Hold)
                    else r
                    for r in requests
                ]
            )
        case Close(account):
            return Close(other[account])
        case _:
            return step


def shrink(fresh: Fresh, first: Disagreement, *, tries: int = 3000) -> Disagreement:
    """A disagreement of as few steps and requests as delta debugging finds.

    Every try takes the steps in a new town. Steps go first, then requests
    in groups of neighbours, then single requests, then accounts.
    """
    best, left = first, tries

    def fails(steps: list[Step]) -> bool:
        nonlocal best, left
        if left <= 0:
            return False
        left -= 1
        found = disagreement(fresh, best.accounts, best.numbers, steps)
        if found is not None:
            best = found
        return found is not None

    if not fails(list(first.steps)):
        return first  # It depends on more than the steps, so that there is nothing to leave out.
    while True:
        before = size(best.steps)
        fewest(list(best.steps), fails)
        for cut in (groups_of, singles_of):
            for place in range(len(best.steps)):
                while place < len(best.steps) and isinstance(step := best.steps[place], Post):
                    head, tail = list(best.steps[:place]), list(best.steps[place + 1 :])
                    length = len(step.requests)
                    fewest(
                        cut(step.requests),
                        lambda kept, head=head, tail=tail: fails([*head, *posts(kept), *tail]),
                    )
                    if place >= len(best.steps) or not isinstance(now := best.steps[place], Post):
                        break
                    if len(now.requests) == length:
                        break
        if size(best.steps) == before:
            return best


def size(steps: Iterable[Step]) -> int:
    return sum(len(step.requests) if isinstance(step, Post) else 1 for step in steps)


def posts(parts: list[list[Request]]) -> list[Step]:
    requests = [request for part in parts for request in part]
    return [Post(requests)] if requests else []


def groups_of(requests: list[Request]) -> list[list[Request]]:
    groups: list[list[Request]] = []
    for request in requests:
        if groups and request.group is not None and groups[-1][0].group == request.group:
            groups[-1].append(request)
        else:
            groups.append([request])
    return groups


def singles_of(requests: list[Request]) -> list[list[Request]]:
    return [[request] for request in requests]


def fewest(items: list[Item], fails: Callable[[list[Item]], bool]) -> list[Item]:
    """As few of the items as still fail: delta debugging by complements (Zeller and Hildebrandt, 2002).

    >>> fewest(list(range(100)), lambda kept: {17, 18, 60} <= set(kept))
    [17, 18, 60]
    """
    parts = 2
    while len(items) > 1:
        length = -(-len(items) // parts)
        for start in range(0, len(items), length):
            kept = items[:start] + items[start + length :]
            if fails(kept):
                items, parts = kept, max(parts - 1, 2)
                break
        else:
            if length == 1:
                break
            parts = min(parts * 2, len(items))
    if len(items) == 1 and fails([]):
        return []
    return items


# As text


def table(found: Disagreement) -> str:
    """The steps as tests/ledger/story.py tells them; where the books said otherwise, the line says so after a #."""
    used = {
        number
        for step in found.steps
        if isinstance(step, Post)
        for request in step.requests
        if isinstance(request, Transfer | Hold)
        for number in (request.debit, request.credit)
    } | {step.account for step in found.steps if isinstance(step, Close)}
    accounts = dict(zip(found.numbers, (opened.name for opened in found.accounts), strict=True))
    names = _Names()
    lines: list[str] = []
    for position, (step, expected) in enumerate(zip(found.steps, found.expected, strict=True)):
        said = found.found if position == len(found.steps) - 1 and found.found else expected
        match step:
            case Lapse(at):
                lines.append(f"lapse {at:%H:%M}")
            case Close(account):
                lines.append(f"close {accounts[account]}" + _outcome(expected[0], said[0]))
            case NextMonth():
                lines.append("month")
            case Post(requests):
                told = [
                    _line(request, accounts, names) + _outcome(*answers)
                    for request, *answers in zip(requests, expected, said, strict=True)
                ]
                lines += told if len(told) == 1 else ["batch", *(f"  {line}" for line in told), "end"]
    opened = [
        f"open {each.name} {each.kind}"
        + (f" unit {each.unit}" if each.unit != UNIT else "")
        + (f" floor {_money(each.floor)}" if each.floor else "")
        + (f" ceiling {_money(each.ceiling)}" if each.ceiling is not None else "")
        + (" floor none" if each.floor is None else "")
        for number, each in zip(found.numbers, found.accounts, strict=True)
        if number in used
    ]
    return "\n".join([*opened, *(f"id {name} {id}" for id, name in names.given.items() if not _ordinary(id)), *lines])


@dataclass
class _Names:
    """A short name for each id."""

    given: dict[UUID, str] = field(default_factory=dict)

    def __call__(self, letter: str, id: UUID) -> str:
        return self.given.setdefault(id, f"{letter}{len(self.given) + 1}")


def _ordinary(id: UUID) -> bool:
    """Whether it is a version 7 id of these days, like those that a story makes itself."""
    days = abs((id.int >> 80) / 86_400_000 - datetime.now(UTC).timestamp() / 86_400)
    return id.version == 7 and days < 1


def _line(request: Request, accounts: dict[int, str], names: _Names) -> str:
    def account(number: int) -> str:
        return accounts.get(number, "nobody")

    match request:
        case Transfer():
            words = f"{request.code} {account(request.debit)} {account(request.credit)} {_amount(request.amount)}"
            label = f"{names('p', request.id)}: "
        case Hold():
            words = (
                f"hold {names('h', request.id)} {account(request.debit)} {account(request.credit)} "
                f"{_amount(request.amount)} until {request.lapses_at:%H:%M}"
            )
            words += f" as {request.code}" if request.code != "pay" else ""
            label = ""
        case Capture():
            words = f"capture {names('h', request.hold)}" + (
                f" {_amount(request.amount)}" if request.amount is not None else ""
            )
            label = f"{names('c', request.id)}: "
        case Release():
            words = f"release {names('h', request.hold)}"
            label = f"{names('g', request.id)}: "
        case Reversal():
            words = f"reverse {names('p', request.original)}" + (
                f" {_amount(request.amount)}" if request.amount is not None else ""
            )
            label = f"{names('r', request.id)}: "
    group = "" if request.group is None else f"({names('g', request.group)}) "
    words += f" for {request.reference}" if request.reference else ""
    words += f" at {request.effective_at:%H:%M}" if request.effective_at != NOON else ""
    return group + label + words


def _outcome(expected: Answer, found: Answer) -> str:
    told = "" if expected.said in ("posted", "closed") else f"  -> {expected.said}"
    return told if expected == found else f"{told}  # said {_answer(found)}, should be {_answer(expected)}"


def _answer(given: Answer) -> str:
    grounds = [f"{name} {value}" for name, value in zip(given._fields[1:], given[1:], strict=True) if value is not None]
    return f"{given.said} ({', '.join(grounds)})" if grounds else given.said


def _money(minor: int) -> str:
    sign = "-" if minor < 0 else ""
    return f"{sign}{abs(minor) // 100}.{abs(minor) % 100:02}"


def _amount(amount: Amount) -> str:
    return _money(amount.minor) + (amount.unit if amount.unit != UNIT else "")
