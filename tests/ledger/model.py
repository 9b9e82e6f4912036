"""The books as one would keep them on paper: one request at a time, nothing clever, obviously right.

The real ledger must agree with this on every outcome, with its grounds, on every
balance and on every line of the journal. Of several reasons to refuse, the first
one met below is the answer; docs/algorithms/posting.md gives the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from koinon.ledger.types import Capture, Hold, Release, Request, Reversal, Transfer

LARGEST = 10**15
AHEAD = timedelta(days=1)
ROUTES = {
    ("receive", "issuance", "reserve"),
    ("withdraw", "reserve", "issuance"),
    ("issue", "reserve", "escrow"),
    ("unissue", "escrow", "reserve"),
    ("disburse", "escrow", "purse"),
    ("pay", "purse", "till"),
    ("pay", "purse", "purse"),
    ("pay", "till", "till"),
    ("pay", "till", "purse"),
    ("redeem", "till", "redemption"),
    ("payout", "redemption", "issuance"),
    ("expire", "purse", "reserve"),
    ("topup", "escrow", "purse"),
    ("topup", "escrow", "till"),
    ("bonus", "escrow", "purse"),
    ("reward", "escrow", "purse"),
    ("fee", "till", "till"),
    ("unbind", "till", "till"),
    ("exchange", "member", "member"),
    ("cover", "escrow", "till"),
}


class Answer(NamedTuple):
    """What becomes of a request: posted, replayed or the reason, and what it met (in minor units)."""

    said: str
    account: int | None = None
    available: int | None = None
    asked: int | None = None


POSTED, REPLAYED, GROUP_REFUSED = Answer("posted"), Answer("replayed"), Answer("group-refused")


@dataclass(slots=True)
class ModelAccount:
    kind: str
    floor: int | None = 0
    ceiling: int | None = None
    balance: int = 0
    held_out: int = 0
    held_in: int = 0
    closed: bool = False
    unit: str = "LOC"


@dataclass(slots=True)
class ModelHold:
    debit: int
    credit: int
    amount: int
    code: str
    lapses_at: datetime
    state: str = "open"
    captured: int = 0


@dataclass(slots=True)
class Line:
    """An accepted request as the journal keeps it.

    ``kind`` is t transfer, h hold, c capture of an amount, C of all, g release,
    r reversal of an amount, R of all that was left; ``leg`` of ``legs`` is its
    place in its group.
    """

    kind: str
    id: UUID
    debit: int
    credit: int
    amount: int
    code: str
    reference: str
    target: UUID | None
    leg: int = 0
    legs: int = 1
    reversed: int = 0

    @property
    def moves_money(self) -> bool:
        return self.kind not in "hg"


@dataclass
class Books:
    """Accounts by number, holds and journal lines by id, and what each accepted id asked."""

    accounts: dict[int, ModelAccount] = field(default_factory=dict)
    journal: list[Line] = field(default_factory=list)
    lines: dict[UUID, Line] = field(default_factory=dict)
    holds: dict[UUID, ModelHold] = field(default_factory=dict)
    asked: dict[UUID, object] = field(default_factory=dict)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    _before: list[tuple[Any, str, Any]] = field(default_factory=list)

    def post(self, requests: Sequence[Request]) -> list[Answer]:
        """What becomes of a batch. Neighbours with one group post wholly or not at all."""
        answers: list[Answer] = []
        place = 0
        while place < len(requests):
            group, size = requests[place].group, 1
            while group is not None and place + size < len(requests) and requests[place + size].group == group:
                size += 1
            answers += self._post_group(requests[place : place + size])
            place += size
        return answers

    def _post_group(self, group: Sequence[Request]) -> list[Answer]:
        self._before, written = [], len(self.journal)
        answers: list[Answer] = []
        for request in group:
            answer = self._post_one(request, answers)
            if answer not in (POSTED, REPLAYED):
                self._undo(written)
                return [GROUP_REFUSED] * len(answers) + [answer] + [GROUP_REFUSED] * (len(group) - len(answers) - 1)
            answers.append(answer)
        for leg, line in enumerate(self.journal[written:]):
            line.leg, line.legs = leg, len(group)
        return answers

    def _post_one(self, request: Request, earlier: list[Answer]) -> Answer:
        """``earlier``: of the same group. A group is replayed as a whole or new as a whole."""
        answer = self._answer(request, earlier)
        if answer.asked is None and answer not in (POSTED, REPLAYED):
            answer = answer._replace(asked=wanted_minor(request))
        return answer

    def _answer(self, request: Request, earlier: list[Answer]) -> Answer:
        if request.id in self.asked:
            same = self.asked[request.id] == what_is_asked(request)
            return REPLAYED if same and POSTED not in earlier else Answer("key-reused")
        if REPLAYED in earlier:
            return Answer("key-reused")
        if is_from_the_future(request.id, self.now):
            return Answer("key-from-the-future")
        return self._apply(request)

    def _apply(self, request: Request) -> Answer:
        wanted = wanted_minor(request)
        if wanted is not None and wanted <= 0:
            return Answer("amount-not-positive")
        if wanted is not None and wanted > LARGEST:
            return Answer("amount-too-large")

        hold = original = None
        if isinstance(request, Capture | Release):
            hold = self.holds.get(request.hold)
            if hold is None:
                return Answer("hold-not-found")
            if hold.state != "open" or (isinstance(request, Capture) and request.effective_at >= hold.lapses_at):
                return Answer("hold-not-open")
            debit, credit, code = hold.debit, hold.credit, hold.code
            amount = hold.amount if wanted is None else wanted
        elif isinstance(request, Reversal):
            original = self.lines.get(request.original)
            if original is None or not original.moves_money:
                return Answer("original-not-found")
            if original.kind in "rR":
                return Answer("reversal-of-reversal")
            debit, credit, code = original.credit, original.debit, original.code
            amount = original.amount - original.reversed if wanted is None else wanted
        else:
            debit, credit, code = request.debit, request.credit, request.code
            amount = request.amount.minor

        for number in (debit, credit):
            if number not in self.accounts:
                return Answer("account-not-found", number, asked=amount)
        if debit == credit:
            return Answer("same-account", debit, asked=amount)
        payer, payee = self.accounts[debit], self.accounts[credit]
        for number, account in ((debit, payer), (credit, payee)):
            if account.closed:
                return Answer("account-not-open", number, asked=amount)
        if payer.unit != payee.unit or (wanted is not None and request.amount.unit != payer.unit):
            return Answer("unit-mismatch", debit, asked=amount)
        if isinstance(request, Transfer | Hold) and (code, payer.kind, payee.kind) not in ROUTES:
            return Answer("route-not-allowed", asked=amount)

        if hold is not None and amount > hold.amount:
            return Answer("amount-exceeds-hold", available=hold.amount, asked=amount)
        if original is not None and not 0 < amount <= original.amount - original.reversed:
            return Answer("amount-exceeds-original", available=original.amount - original.reversed, asked=amount)
        if hold is None:  # What was held is there.
            if payer.floor is not None:
                available = payer.balance - payer.held_out - payer.floor
                if amount > available:
                    return Answer("insufficient-funds", debit, available, amount)
            if payee.ceiling is not None:
                room = payee.ceiling - payee.balance - payee.held_in
                if amount > room:
                    return Answer("ceiling-reached", credit, room, amount)

        if hold is not None:
            self._set(payer, "held_out", payer.held_out - hold.amount)
            self._set(payee, "held_in", payee.held_in - hold.amount)
            if isinstance(request, Capture):
                self._set(hold, "state", "captured")
                self._set(hold, "captured", amount)
            else:
                self._set(hold, "state", "released")
        if isinstance(request, Hold):
            self._set(payer, "held_out", payer.held_out + amount)
            self._set(payee, "held_in", payee.held_in + amount)
            self.holds[request.id] = ModelHold(debit, credit, amount, code, request.lapses_at)
        elif not isinstance(request, Release):
            self._set(payer, "balance", payer.balance - amount)
            self._set(payee, "balance", payee.balance + amount)
        if original is not None:
            self._set(original, "reversed", original.reversed + amount)

        line = Line(kind_of(request), request.id, debit, credit, amount, code, request.reference, target_of(request))
        self.journal.append(line)
        self.lines[request.id] = line
        self.asked[request.id] = what_is_asked(request)
        return POSTED

    def _set(self, thing: Any, name: str, value: Any) -> None:
        """Change something, remembering what it was in case the group is refused."""
        self._before.append((thing, name, getattr(thing, name)))
        setattr(thing, name, value)

    def _undo(self, written: int) -> None:
        """Take back what the group in hand has done, last first."""
        for thing, name, value in reversed(self._before):
            setattr(thing, name, value)
        for line in self.journal[written:]:
            del self.lines[line.id], self.asked[line.id]
            self.holds.pop(line.id, None)
        del self.journal[written:]

    def lapse(self, now: datetime) -> int:
        due = [hold for hold in self.holds.values() if hold.state == "open" and hold.lapses_at <= now]
        for hold in due:
            hold.state = "lapsed"
            self.accounts[hold.debit].held_out -= hold.amount
            self.accounts[hold.credit].held_in -= hold.amount
        return len(due)

    def close(self, number: int) -> str:
        account = self.accounts[number]
        if account.closed:
            return "account-not-open"
        if account.balance or account.held_out or account.held_in:
            return "account-not-empty"
        account.closed = True
        return "closed"

    def statement(self, number: int) -> list[tuple[UUID, int]]:
        """An account's movements, newest first: the id and the signed amount."""
        return [
            (line.id, line.amount if line.credit == number else -line.amount)
            for line in reversed(self.journal)
            if line.moves_money and number in (line.debit, line.credit)
        ]


def kind_of(request: Request) -> str:
    match request:
        case Transfer():
            return "t"
        case Hold():
            return "h"
        case Capture(amount=amount):
            return "C" if amount is None else "c"
        case Release():
            return "g"
        case Reversal(amount=amount):
            return "R" if amount is None else "r"


def target_of(request: Request) -> UUID | None:
    match request:
        case Capture(hold=hold) | Release(hold=hold):
            return hold
        case Reversal(original=original):
            return original
        case _:
            return None


def wanted_minor(request: Request) -> int | None:
    """The amount a request says, if it says one."""
    return None if isinstance(request, Release) or request.amount is None else request.amount.minor


def what_is_asked(request: Request) -> object:
    """What an id stands for: everything but what a retry may change, which is times, actor and group."""
    match request:
        case Transfer() | Hold():
            said: tuple[object, ...] = (request.debit, request.credit, request.amount, request.code)
        case Capture():
            said = (request.hold, request.amount)
        case Reversal():
            said = (request.original, request.amount)
        case Release():
            said = (request.hold,)
    return (type(request), *said, request.reference)


def is_from_the_future(id: UUID, now: datetime) -> bool:
    """Whether a version 7 id says it was made more than a day from now."""
    return (id.int >> 76) & 0xF == 7 and (id.int >> 80) > (now + AHEAD).timestamp() * 1000
