"""Random requests that get in each other's way, as far as requests can.

Few accounts with little money; ids that come again, with the same content or
another; amounts that are exactly what is there, or one more; groups whose later
leg fails; holds that are captured, released and undone in one batch; requests that
name what does not exist yet. Everything follows from the chance that is handed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from koinon.kernel.money import Amount
from koinon.ledger.types import Capture, Hold, Release, Request, Reversal, Transfer
from tests.ledger.model import LARGEST, ROUTES, Books

NOON = datetime.fromisoformat("2026-10-01T12:00+00:00")
UNIT, OTHER_UNIT = "LOC", "EUR"
CODES = [*sorted({code for code, _, _ in ROUTES}), "bribe"]
ACTORS = ("test:one", "test:two", "test:three")
MONTHS = 4
REFERENCES = ("", "", "", "r/1", "r/2")


@dataclass(frozen=True, slots=True)
class Opened:
    """An account to begin with."""

    name: str
    kind: str
    unit: str = UNIT
    floor: int | None = 0
    ceiling: int | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """A batch in one call."""

    requests: list[Request]


@dataclass(frozen=True, slots=True)
class Lapse:
    """Holds whose time is over give back what they held."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Close:
    """An account is closed, if it can be."""

    account: int


@dataclass(frozen=True, slots=True)
class NextMonth:
    """The books go on in a new month."""


Step = Post | Lapse | Close | NextMonth


def some_accounts(chance: Random) -> list[Opened]:
    """The accounts of a small town, some with ceilings, some in another unit."""
    kinds = ["escrow"] * chance.randint(1, 2) + ["clearing"] * chance.randint(0, 1)
    kinds += ["purse"] * chance.randint(2, chance.choice((4, 8, 40))) + ["till"] * chance.randint(2, 6) + ["member"] * 2
    opened = [
        Opened("bank", "issuance", floor=None),
        Opened("credit", "issuance", floor=-chance.randint(0, 2000)),
        Opened("reserve", "reserve"),
        Opened("owed", "redemption"),
        Opened("ebank", "issuance", OTHER_UNIT, floor=None),
        Opened("ereserve", "reserve", OTHER_UNIT),
        Opened("epurse", "purse", OTHER_UNIT),
        Opened("etill", "till", OTHER_UNIT),
    ]
    for number, kind in enumerate(kinds):
        ceiling = chance.randint(0, 400) if chance.random() < 0.25 else None
        opened.append(Opened(f"{kind}{number}", kind, ceiling=ceiling))
    return opened


@dataclass
class Traffic:
    """What a town's people ask for, one step after another.

    ``born`` is when ids are made: a real moment, because an id from the future is refused.
    """

    chance: Random
    books: Books
    accounts: list[int]
    born: datetime
    largest_batch: int = 3000
    clock: datetime = NOON
    asked: list[Request] = field(default_factory=list)
    groups: deque[list[Request]] = field(default_factory=lambda: deque(maxlen=50))
    holds: deque[UUID] = field(default_factory=lambda: deque(maxlen=40))
    moves: deque[UUID] = field(default_factory=lambda: deque(maxlen=80))
    promised: deque[UUID] = field(default_factory=lambda: deque(maxlen=20))
    held: list[UUID] = field(default_factory=list)
    paid: list[UUID] = field(default_factory=list)
    _made: int = 0

    def __post_init__(self) -> None:
        by_kind: dict[str, list[int]] = {}
        for number in self.accounts:
            account = self.books.accounts[number]
            if account.unit == UNIT:
                by_kind.setdefault(account.kind, []).append(number)
        self.by_kind = by_kind
        self.spenders = by_kind["purse"] + by_kind["till"]
        self.hot = self.chance.choice(self.spenders)

    def steps(self, operations: int) -> Iterator[Step]:
        """Steps until so many requests were made. The books have to be kept up to date between them."""
        yield Post(list(self.money_comes_in()))
        made = months = 0
        if self.largest_batch > 3000:  # Somebody wants to see the largest.
            yield Post(self.batch(made := min(self.largest_batch, operations)))
        while made < operations:
            happens = self.chance.random()
            if happens < 0.06:
                self.clock += timedelta(minutes=self.chance.randint(0, 3))
                yield Lapse(self.clock)
            elif happens < 0.09:
                yield Close(self.some_account_to_close())
            elif happens < 0.1 and months < MONTHS:
                months += 1
                yield NextMonth()
            else:
                batch = self.batch(min(self.size(), operations - made))
                made += len(batch)
                yield Post(batch)

    def some_account_to_close(self) -> int:
        """Often one that is empty, as long as most can still pay."""
        open_ones = [number for number in self.spenders if not self.books.accounts[number].closed]
        empty = [n for n in open_ones if not self.books.accounts[n].balance and not self.books.accounts[n].held_in]
        if empty and 4 * len(open_ones) > 3 * len(self.spenders) and self.chance.random() < 0.6:
            return self.chance.choice(empty)
        return self.chance.choice(self.accounts)

    def size(self) -> int:
        """How many requests come at once: often one, sometimes thousands."""
        sort = self.chance.random()
        most = 1 if sort < 0.25 else 10 if sort < 0.55 else 100 if sort < 0.85 else 1000 if sort < 0.97 else 10**9
        return self.chance.randint(1, min(most, self.largest_batch))

    def batch(self, size: int) -> list[Request]:
        newest = self.books.journal[-200:]
        self.held = [line.id for line in newest if line.kind == "h" and self.books.holds[line.id].state == "open"]
        self.paid = [line.id for line in newest if line.kind in "tcC" and line.reversed < line.amount]
        batch: list[Request] = []
        while len(batch) < size:
            batch += self.some_requests()
        del batch[size:]
        self.asked += batch
        return batch

    def some_requests(self) -> list[Request]:
        """One request, a chain of them, or a group."""
        sort = self.chance.random()
        if sort < 0.78:
            return [self.one()]
        if sort < 0.90:
            return self.chain()
        if sort < 0.925 and self.groups:
            return self.a_group_again()
        size = self.chance.choice((1, 2, 2, 2, 3, 4, self.chance.randint(1, 20)))
        group, sensible = self.id(), self.chance.random() < 0.6
        requests = [
            self.pay(payer := self.payer(), self.other(payer), Amount(self.chance.randint(1, 20), UNIT))
            if sensible
            else self.one()
            for _ in range(size)
        ]
        requests = [replace(request, group=group) for request in requests]
        self.groups.append(requests)
        return requests

    def a_group_again(self) -> list[Request]:
        """A group that was asked for before: the same, a part of it, or with another order or member."""
        again = [replace(request, group=self.id()) for request in self.chance.choice(self.groups)]
        group = again[0].group
        sort = self.chance.random()
        if sort < 0.2:
            again = again[: self.chance.randint(1, len(again))]
        elif sort < 0.4:
            self.chance.shuffle(again)
        elif sort < 0.6:
            again.insert(self.chance.randint(0, len(again)), self.one())
        return [replace(request, group=group) for request in again]

    def chain(self) -> list[Request]:
        """Requests that live on what the ones before them did, in a group or not."""
        chance = self.chance
        group = self.id() if chance.random() < 0.5 else None
        payer = self.payer()
        middle = self.other(payer)
        last = self.other(middle)
        amount = self.amount(payer)
        match chance.randrange(4):
            case 0:  # Received, then spent.
                chain: list[Request] = [self.pay(payer, middle, amount), self.pay(middle, last, amount)]
            case 1:  # Spent twice.
                chain = [self.pay(payer, middle, amount), self.pay(payer, last, amount)]
            case 2:  # Held, captured, undone and undone again.
                hold = self.hold(payer, middle, amount)
                capture = Capture(hold=hold.id, amount=chance.choice((None, self.amount(payer))), **self.told())
                chain = [hold, capture, *(self.reversal(capture.id) for _ in range(chance.randint(1, 3)))]
                if chance.random() < 0.2:
                    chain.append(Release(hold=hold.id, **self.told()))
            case _:  # Paid, undone, and paid again under the first id.
                first = self.pay(payer, middle, amount)
                chain = [first, self.reversal(first.id), replace(first, effective_at=self.moment())]
        if chance.random() < 0.15:
            chance.shuffle(chain)
        return [replace(request, group=group) for request in chain]

    def one(self) -> Request:
        chance = self.chance
        sort = chance.random()
        if sort < 0.42:
            return self.pay(payer := self.payer(), self.other(payer), None)
        if sort < 0.52:
            return self.hold(payer := self.payer(), self.other(payer), None)
        if sort < 0.59:
            some = chance.choice((None, self.amount(self.hot)))
            return Capture(hold=self.target(self.holds, self.held), amount=some, **self.told())
        if sort < 0.62:
            return Release(hold=self.target(self.holds, self.held), **self.told())
        if sort < 0.71:
            return self.reversal(self.target(self.moves, self.paid))
        if sort < 0.83:
            return self.again()
        if sort < 0.96:
            return self.on_a_route()
        return self.nonsense()

    def again(self) -> Request:
        """A request that was made before: the same, or another one under its id."""
        chance = self.chance
        if not self.asked:
            return self.nonsense()
        before = self.asked[-chance.randint(1, min(len(self.asked), chance.choice((5, 200, 10**9))))]
        sort = chance.random()
        told = self.told() | {"id": before.id}
        if sort < 0.70:
            return replace(before, effective_at=self.moment(), actor=chance.choice(ACTORS), group=None)
        if sort < 0.76:
            return replace(before, reference=chance.choice(REFERENCES), group=None)
        if sort < 0.90:
            if isinstance(before, Transfer | Hold):
                return replace(before, amount=self.amount(before.debit), group=None)
            if isinstance(before, Capture | Reversal):
                line = self.books.lines.get(before.id)
                same = None if line is None else Amount(line.amount, UNIT)
                return replace(before, amount=chance.choice((None, same, self.amount(self.hot))), group=None)
        if sort < 0.93:
            return self.pay(payer := self.payer(), self.other(payer), None, **told)
        if sort < 0.95:
            return self.hold(payer := self.payer(), self.other(payer), None, **told)
        if sort < 0.97:
            return Capture(hold=self.target(self.holds, self.held), amount=None, **told)
        if sort < 0.98:
            return Release(hold=self.target(self.holds, self.held), **told)
        return Reversal(original=self.target(self.moves, self.paid), amount=None, **told)

    def on_a_route(self) -> Request:
        """Money on any way it may take, so that purses fill and tills empty."""
        chance = self.chance
        code, debit, credit = (
            chance.choice(sorted(ROUTES)) if chance.random() < 0.5 else ("disburse", "escrow", "purse")
        )
        payer = chance.choice(self.by_kind[debit])
        amount = Amount(chance.randint(1, 400), UNIT) if chance.random() < 0.8 else self.amount(payer)
        return self.pay(payer, chance.choice(self.by_kind[credit]), amount, code)

    def nonsense(self) -> Request:
        chance = self.chance
        anywhere = [*self.accounts, -1, 2_000_000_000]
        debit, credit = chance.choice(anywhere), chance.choice(anywhere)
        amount = self.amount(debit)
        told: dict[str, Any] = {"debit": debit, "credit": credit, "amount": amount, "code": chance.choice(CODES)}
        if chance.random() < 0.3:
            return Hold(lapses_at=self.moment() + timedelta(minutes=5), **told, **self.told())
        return Transfer(**told, **self.told())

    def money_comes_in(self) -> Iterator[Request]:
        (bank, *_), (reserve, *_) = self.by_kind["issuance"], self.by_kind["reserve"]
        yield self.pay(bank, reserve, Amount(100_000, UNIT), "receive")
        for escrow in self.by_kind["escrow"]:
            yield self.pay(reserve, escrow, Amount(30_000, UNIT), "issue")
        for purse in self.by_kind["purse"]:
            yield self.pay(escrow, purse, Amount(self.chance.randint(1, 1500), UNIT), "disburse")

    # Parts of a request

    def pay(self, debit: int, credit: int, amount: Amount | None, code: str = "pay", **told: Any) -> Transfer:
        amount = amount or self.amount(debit)
        made = Transfer(debit=debit, credit=credit, amount=amount, code=code, **(told or self.told()))
        self.moves.append(made.id)
        return made

    def hold(self, debit: int, credit: int, amount: Amount | None, **told: Any) -> Hold:
        lapses_at = self.clock + timedelta(minutes=self.chance.randint(0, 10))
        amount = amount or self.amount(debit)
        made = Hold(debit=debit, credit=credit, amount=amount, code="pay", lapses_at=lapses_at, **(told or self.told()))
        self.holds.append(made.id)
        return made

    def reversal(self, original: UUID) -> Reversal:
        chance = self.chance
        line = self.books.lines.get(original)
        left = None if line is None else Amount(line.amount - line.reversed, UNIT)
        amount = chance.choice((None, None, left, self.amount(self.hot)))
        made = Reversal(original=original, amount=amount, **self.told())
        if chance.random() < 0.1:
            self.moves.append(made.id)
        return made

    def told(self) -> dict[str, Any]:
        """What every request carries."""
        chance = self.chance
        return {
            "id": self.id(),
            "effective_at": self.moment(),
            "actor": chance.choice(ACTORS),
            "reference": chance.choice(REFERENCES),
        }

    def moment(self) -> datetime:
        return self.clock + timedelta(minutes=self.chance.randint(0, 3))

    def payer(self) -> int:
        """Somebody who has money, mostly; often the one whom all want to be paid by."""
        chance = self.chance
        if chance.random() < 0.3:
            return self.hot
        payers = chance.sample(self.spenders, 2)
        return max(payers, key=lambda number: self.books.accounts[number].balance)

    def other(self, payer: int) -> int:
        """Somebody to be paid: hardly ever the payer."""
        payee = self.chance.choice(self.spenders)
        return payee if payee != payer or self.chance.random() < 0.1 else self.chance.choice(self.spenders)

    def amount(self, payer: int) -> Amount:
        """Little, or exactly what the payer had before this batch, or one more; sometimes what cannot be."""
        chance = self.chance
        sort = chance.random()
        minor = chance.randint(1, 40)
        unit = UNIT
        if sort < 0.12 and payer in self.books.accounts:
            account = self.books.accounts[payer]
            minor = account.balance - account.held_out + chance.choice((0, 0, 1))
        elif sort < 0.2:
            minor = chance.randint(1, 400)
        elif sort < 0.24:
            minor = chance.randint(-1, 0)
        elif sort < 0.243:
            minor = LARGEST + 1
        elif sort < 0.2432:
            minor = LARGEST
        elif sort < 0.255:
            unit = OTHER_UNIT
        return Amount(minor, unit)

    def target(self, among: deque[UUID], likely: list[UUID]) -> UUID:
        """What to capture, release or undo: mostly something of the right sort, seldom something never heard of."""
        chance = self.chance
        sort = chance.random()
        if sort < 0.6 and likely:
            return chance.choice(likely)
        if sort < 0.66 and self.books.journal:
            return self.books.journal[-chance.randint(1, min(len(self.books.journal), 50))].id
        if sort < 0.90 and among:
            return among[-chance.randint(1, min(len(among), chance.choice((3, 80))))]
        if sort < 0.96 and self.asked:
            return chance.choice(self.asked).id
        unheard = self.fresh_id()
        self.promised.append(unheard)
        return unheard

    def id(self) -> UUID:
        return self.promised.popleft() if self.promised and self.chance.random() < 0.2 else self.fresh_id()

    def fresh_id(self) -> UUID:
        """Mostly of version 7 and of now; also of other versions, of long ago, and of the future."""
        chance = self.chance
        self._made += 1
        sort = chance.random()
        random = chance.getrandbits(128)
        if sort < 0.80:
            born = self.born + timedelta(milliseconds=self._made)
        elif sort < 0.86:
            return of_version(chance.choice((1, 3, 4, 5, 6, 8)), random)
        elif sort < 0.87:
            return UUID(int=random)  # Of any version, or of none.
        elif sort < 0.97:
            born = self.born - timedelta(days=chance.choice((1, 30, 31, 70, 400, 20000)), seconds=random % 100)
        elif sort < 0.985:
            born = self.born + timedelta(hours=23)
        else:
            born = self.born + timedelta(days=chance.choice((2, 40, 400, 2_000_000)))
        milliseconds = int(born.timestamp() * 1000) & ((1 << 48) - 1)
        return of_version(7, (milliseconds << 80) | (random & ((1 << 80) - 1)))


def of_version(version: int, number: int) -> UUID:
    return UUID(int=(number & ~(0xF << 76) & ~(3 << 62)) | (version << 76) | (2 << 62))
