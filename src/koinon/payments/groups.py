"""Payments, refunds and holds as the rows of the books tell them.

A payment is a group of transfers, a refund a group of reversals, a hold a group of holds and a
release a group of releases; each has the id of its first row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from koinon.payments.types import HeldPayment, HoldState, Payment, Refund

What = Literal["payment", "refund", "hold", "release"]
_WHAT: dict[str, What] = {
    "t": "payment", "c": "payment", "C": "payment", "r": "refund", "R": "refund", "h": "hold", "g": "release",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the books that has to do with paying; payments.lines in the migration says what each column is."""

    first_seq: int
    seq: int
    id: UUID
    leg: int
    legs: int
    kind: str
    code: str
    debit_account: int
    credit_account: int
    debit_holder: UUID
    credit_holder: UUID
    unit: str
    fund: UUID | None
    amount_minor: int
    reversed_minor: int
    effective_at: datetime
    agreed_at: datetime
    posted_at: datetime
    actor: str
    reference: str
    target: UUID | None
    captured_minor: int
    state: str
    lapses_at: datetime | None


class Leg:
    """One row of a group: what one purse paid, held or got back."""

    __slots__ = ("amount_minor", "captured_minor", "credit", "debit", "id", "reversed_minor", "state")

    def __init__(self, id: UUID, debit: int, credit: int, amount_minor: int) -> None:
        self.id = id
        self.debit = debit
        self.credit = credit
        self.amount_minor = amount_minor
        self.reversed_minor = 0
        self.captured_minor = 0
        self.state = ""


class Group:
    """What somebody asked for, with the rows that came of it. ``payer`` and ``payee`` are those of the payment.

    ``target`` is the payment that a refund gives back, or the hold that a payment captured or a release let
    go. ``whole`` says that all was asked for, however much that was. ``posted_at`` is None until the
    books have been written. ``category`` is what was bought, where the till said so.
    """

    __slots__ = (
        "actor", "agreed_at", "category", "effective_at", "id", "lapses_at", "legs", "payee", "payer", "posted_at", "reference",
        "seq", "target", "unit", "what", "whole",
    )  # fmt: skip

    def __init__(
        self,
        what: What,
        id: UUID,
        payer: UUID,
        payee: UUID,
        unit: str,
        legs: list[Leg],
        effective_at: datetime,
        actor: str,
        reference: str,
    ) -> None:
        self.what: What = what
        self.id = id
        self.payer = payer
        self.payee = payee
        self.unit = unit
        self.legs = legs
        self.effective_at = effective_at
        self.agreed_at = effective_at
        self.actor = actor
        self.reference = reference
        self.target: UUID | None = None
        self.whole = False
        self.category = ""
        self.lapses_at: datetime | None = None
        self.posted_at: datetime | None = None
        self.seq = 0

    @property
    def amount_minor(self) -> int:
        return sum(leg.amount_minor for leg in self.legs)

    @property
    def refunded_minor(self) -> int:
        return sum(leg.reversed_minor for leg in self.legs)

    @property
    def captured_minor(self) -> int:
        return sum(leg.captured_minor for leg in self.legs)

    @property
    def state(self) -> str:
        """Of a hold: captured as soon as a part of it was, although the parts that were not are released."""
        states = {leg.state for leg in self.legs}
        return HoldState.CAPTURED if HoldState.CAPTURED in states else self.legs[0].state


def groups(lines: Iterable[Line]) -> list[Group]:
    """The groups of rows that stand in the order of the books, in that order."""
    found: list[Group] = []
    for line in lines:
        if line.leg == 0:
            what = _WHAT[line.kind]
            # A refund moves the other way round; its payer is still who had paid.
            payer, payee = line.debit_holder, line.credit_holder
            if what == "refund":
                payer, payee = payee, payer
            group = Group(what, line.id, payer, payee, line.unit, [], line.effective_at, line.actor, line.reference)
            group.agreed_at = line.agreed_at
            group.posted_at = line.posted_at
            group.lapses_at = line.lapses_at
            group.target = line.target
            group.seq = line.first_seq
            group.whole = True
            found.append(group)
        group = found[-1]
        assert group.seq == line.first_seq
        if group.what == "payment" and line.kind == "g":  # What a capture left of a hold, given back beside it.
            group.whole = False
            continue
        group.whole = group.whole and line.kind in "CR"
        leg = Leg(line.id, line.debit_account, line.credit_account, line.amount_minor)
        leg.reversed_minor = line.reversed_minor
        if group.what == "hold":
            leg.captured_minor = line.captured_minor
            leg.state = line.state
        group.legs.append(leg)
    return found


def payment(town_id: int, group: Group, *, refunded_minor: int, posted_at: datetime) -> Payment:
    return Payment(
        group.id, town_id, group.payer, group.payee, group.amount_minor, group.unit, refunded_minor,
        group.effective_at, posted_at, group.actor, group.reference, group.target,
    )  # fmt: skip


def refund(town_id: int, group: Group, *, posted_at: datetime) -> Refund:
    assert group.target is not None
    return Refund(
        group.id, town_id, group.target, group.amount_minor, group.unit, group.effective_at, posted_at, group.actor
    )


def held(town_id: int, group: Group, *, captured_minor: int, state: str, posted_at: datetime) -> HeldPayment:
    assert group.lapses_at is not None
    return HeldPayment(
        group.id, town_id, group.payer, group.payee, group.amount_minor, group.unit, captured_minor, state,
        group.lapses_at, group.effective_at, posted_at, group.actor, group.reference,
    )  # fmt: skip


def payments(town_id: int, lines: Iterable[Line]) -> list[Payment]:
    return [
        payment(town_id, group, refunded_minor=group.refunded_minor, posted_at=_posted(group))
        for group in groups(lines)
        if group.what == "payment"
    ]


def refunds(town_id: int, lines: Iterable[Line]) -> list[Refund]:
    return [refund(town_id, group, posted_at=_posted(group)) for group in groups(lines) if group.what == "refund"]


def holds(town_id: int, lines: Iterable[Line]) -> list[HeldPayment]:
    return [
        held(town_id, group, captured_minor=group.captured_minor, state=group.state, posted_at=_posted(group))
        for group in groups(lines)
        if group.what == "hold"
    ]


def _posted(group: Group) -> datetime:
    assert group.posted_at is not None
    return group.posted_at
