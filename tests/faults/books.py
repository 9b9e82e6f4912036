"""The books in plain Python, remembering how they stood after each operation.

The checker replays here, in the order of the real books, what was accepted, and
asks what would have become of an operation at an earlier place.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.history import Leg

Key = str | int


@dataclass(frozen=True, slots=True)
class Opened:
    """An account as it was opened."""

    floor: int | None = 0
    ceiling: int | None = None
    balance: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    balance: int = 0
    held_out: int = 0
    held_in: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands under an id: what was asked, between whom, and what has become of it since."""

    content: tuple[Any, ...]
    debit: int
    credit: int
    amount: int
    kind: str
    open: bool = False
    reversed: int = 0


@dataclass
class Versions:
    """A value that changes: what it was after how many operations."""

    places: list[int] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def at(self, place: int) -> Any:
        found = bisect_right(self.places, place)
        return self.values[found - 1] if found else None

    def put(self, place: int, value: Any) -> None:
        self.places.append(place)
        self.values.append(value)


@dataclass
class Books:
    """Accounts by number and entries by id, each with all its versions."""

    opened: Mapping[int, Opened]
    size: int = 0
    versions: dict[Key, Versions] = field(default_factory=dict)

    def outcome(self, legs: Sequence[Leg], place: int) -> str:
        """What becomes of a group of requests after the first ``place`` operations."""
        return View(self, place).ask(legs)

    def apply(self, legs: Sequence[Leg]) -> str:
        """Post as the next operation; what is refused changes nothing but takes the place all the same."""
        view = View(self, self.size)
        outcome = view.ask(legs)
        self.size += 1
        if outcome == "posted":
            for key, value in view.changed.items():
                self.versions.setdefault(key, Versions()).put(self.size, value)
        return outcome

    def account(self, number: int, place: int) -> Account:
        return View(self, place).account(number)

    def changes(self, keys: Iterable[Key], first: int, last: int) -> list[int]:
        """The places from ``first`` to ``last`` at which something differs from the place before, and ``first`` itself."""
        found = {first}
        for key in keys:
            places = self.versions[key].places if key in self.versions else []
            found.update(places[bisect_right(places, first) : bisect_right(places, last)])
        return sorted(found)

    def keys(self, legs: Sequence[Leg]) -> set[Key]:
        """Everything that what becomes of these requests may depend on."""
        keys: set[Key] = set()
        for leg in legs:
            keys |= {leg["id"], *(leg[side] for side in ("debit", "credit", "target") if side in leg)}
            entry = self.versions[leg["target"]].values[0] if leg.get("target") in self.versions else None
            if entry is not None:
                keys |= {entry.debit, entry.credit}
        return keys


@dataclass
class View:
    """The books after some operations, and what a group of requests would change."""

    books: Books
    place: int
    changed: dict[Key, Any] = field(default_factory=dict)

    def _get(self, key: Key) -> Any:
        if key in self.changed:
            return self.changed[key]
        versions = self.books.versions.get(key)
        return None if versions is None else versions.at(self.place)

    def account(self, number: int) -> Account:
        return self._get(number) or Account(self.books.opened[number].balance)

    def ask(self, legs: Sequence[Leg]) -> str:
        outcomes: set[str] = set()
        for leg in legs:
            outcome = self._one(leg)
            if {outcome} | outcomes >= {"posted", "replayed"}:
                outcome = "key-reused"
            if outcome not in ("posted", "replayed"):
                return outcome
            outcomes.add(outcome)
        return outcomes.pop()

    def _one(self, leg: Leg) -> str:
        known = self._get(leg["id"])
        if known is not None:
            return "replayed" if known.content == content(leg) else "key-reused"
        kind, amount, target = leg["kind"], leg.get("amount"), None
        if kind in ("capture", "release"):
            target = self._get(leg["target"])
            if target is None or target.kind != "hold":
                return "hold-not-found"
            if not target.open:
                return "hold-not-open"
            debit, credit = target.debit, target.credit
            amount = target.amount if amount is None else amount
            if amount > target.amount:
                return "amount-exceeds-hold"
        elif kind == "reversal":
            target = self._get(leg["target"])
            if target is None or target.kind in ("hold", "release"):
                return "original-not-found"
            if target.kind == "reversal":
                return "reversal-of-reversal"
            debit, credit = target.credit, target.debit
            left = target.amount - target.reversed
            amount = left if amount is None else amount
            if not 0 < amount <= left:
                return "amount-exceeds-original"
        else:
            debit, credit = leg["debit"], leg["credit"]
        payer, payee = self.account(debit), self.account(credit)
        floor, ceiling = self.books.opened[debit].floor, self.books.opened[credit].ceiling
        if kind in ("transfer", "hold", "reversal"):
            if floor is not None and payer.balance - payer.held_out - amount < floor:
                return "insufficient-funds"
            if ceiling is not None and payee.balance + payee.held_in + amount > ceiling:
                return "ceiling-reached"
        self._move(leg, debit, credit, amount, target)
        return "posted"

    def _move(self, leg: Leg, debit: int, credit: int, amount: int, target: Entry | None) -> None:
        kind = leg["kind"]
        held = amount if kind == "hold" else -target.amount if target and kind in ("capture", "release") else 0
        moved = 0 if kind in ("hold", "release") else amount
        for number, sign in ((debit, -1), (credit, 1)):
            was = self.account(number)
            self.changed[number] = Account(
                was.balance + sign * moved,
                was.held_out + (held if sign < 0 else 0),
                was.held_in + (held if sign > 0 else 0),
            )
        if target is not None:
            undone = target.reversed + (amount if kind == "reversal" else 0)
            self.changed[leg["target"]] = Entry(
                target.content, target.debit, target.credit, target.amount, target.kind, False, undone
            )
        self.changed[leg["id"]] = Entry(content(leg), debit, credit, amount, kind, open=kind == "hold")


def content(leg: Leg) -> tuple[Any, ...]:
    """What an id stands for: everything but what a retry may change."""
    return tuple(leg.get(name) for name in ("kind", "debit", "credit", "amount", "code", "target", "reference"))
