"""Payments, refunds, holds, purses and plans."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from koinon.kernel.decisions import Decision, Ground
from koinon.kernel.money import Amount
from koinon.programmes.spending import SpendingRule


@dataclass(frozen=True, slots=True)
class PurseView:
    """What a payer has for one purpose. ``fund`` None is free money.

    ``spent_today_minor`` counts what the purse paid on the local day, ``spent_cycle_minor`` in its month, refunds taken
    off; 0 where the rule does not ask. ``bound`` is money that a till was paid and may only pay on.
    """

    account: int
    available_minor: int
    rule: SpendingRule
    fund: UUID | None = None
    fund_code: str = ""
    fund_name: str = ""
    spend_from: date | None = None
    last_day: date | None = None
    spent_today_minor: int = 0
    spent_cycle_minor: int = 0
    bound: bool = False


@dataclass(frozen=True, slots=True)
class Leg:
    """What one purse pays of a payment."""

    account: int
    fund: UUID | None
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Which purses pay how much; or every ground why the price cannot be paid.

    ``payable_minor`` is the most the purses could pay of this price.
    """

    legs: tuple[Leg, ...]
    payable_minor: int
    grounds: tuple[Ground, ...] = ()

    @property
    def decision(self) -> Decision:
        return Decision(self.grounds)


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment that was posted: neighbouring transfers of the ledger, by the id of the first.

    ``payer`` and ``payee`` are the holders of the accounts, ``amount_minor`` the sum of the
    transfers and ``refunded_minor`` that of their reversals so far. ``hold`` is the
    hold that the payment captured, where it did.
    """

    id: UUID
    town_id: int
    payer: UUID
    payee: UUID
    amount_minor: int
    unit: str
    refunded_minor: int
    effective_at: datetime
    posted_at: datetime
    actor: str
    reference: str
    hold: UUID | None = None

    @property
    def amount(self) -> Amount:
        return Amount(self.amount_minor, self.unit)

    @property
    def refunded(self) -> Amount:
        return Amount(self.refunded_minor, self.unit)

    @property
    def left(self) -> Amount:
        """What can still be refunded."""
        return Amount(self.amount_minor - self.refunded_minor, self.unit)


@dataclass(frozen=True, slots=True)
class Refund:
    """What was given back of a payment: neighbouring reversals of the ledger, by the id of the first."""

    id: UUID
    town_id: int
    payment: UUID
    amount_minor: int
    unit: str
    effective_at: datetime
    posted_at: datetime
    actor: str

    @property
    def amount(self) -> Amount:
        return Amount(self.amount_minor, self.unit)


class HoldState(StrEnum):
    """What became of a hold. ``LAPSED``: its time was over before anybody captured or released it."""

    OPEN = "open"
    CAPTURED = "captured"
    RELEASED = "released"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class HeldPayment:
    """Money reserved for a payee: neighbouring holds of the ledger, by the id of the first.

    A hold is captured once; ``captured_minor`` is what the payment took of it.
    """

    id: UUID
    town_id: int
    payer: UUID
    payee: UUID
    amount_minor: int
    unit: str
    captured_minor: int
    state: str
    lapses_at: datetime
    effective_at: datetime
    posted_at: datetime
    actor: str
    reference: str

    @property
    def amount(self) -> Amount:
        return Amount(self.amount_minor, self.unit)


@dataclass(frozen=True, slots=True)
class PaymentLeg:
    """One transfer of a payment, and how much of it was given back."""

    transfer_id: UUID
    fund: UUID | None
    fund_name: str
    amount_minor: int
    refunded_minor: int


@dataclass(frozen=True, slots=True)
class Covered:
    """What the town paid a shop in the place of others, for a sale without a network: a part of its price, or all of it."""

    id: UUID
    effective_at: datetime
    posted_at: datetime
    amount_minor: int
    unit: str
    refunded_minor: int
    reference: str
    is_covered: ClassVar[bool] = True

    @property
    def amount(self) -> Amount:
        return Amount(self.amount_minor, self.unit)


@dataclass(frozen=True, slots=True)
class DaySales:
    """A payee's local day: what was sold, by payments and by what the town covered, and what was given back on that day.

    ``payments`` counts sales: one that the town covers on a later day is counted on the day on which its card paid.
    """

    day: date
    payments: int
    sold_minor: int
    refunds: int
    refunded_minor: int


@dataclass(frozen=True, slots=True)
class PartyMovement:
    """What came into or left a party's purses and till in one go.

    ``id`` is that of the payment or refund, or of a single transfer; it pages
    on. ``code`` is the ledger's: pay, disburse, expire, redeem, ...
    ``counterparty`` is empty where the other side is the town itself, and its
    name where it has a shop sign. ``helper_card`` is, before whoever paid, the end of the number
    of the card with which somebody they let pay did it.
    """

    id: UUID
    effective_at: datetime
    code: str
    is_reversal: bool
    signed_minor: int
    unit: str
    counterparty: UUID | None
    counterparty_name: str
    reference: str
    parts_json: str
    helper_card: str = ""

    @property
    def amount(self) -> Amount:
        return Amount(self.signed_minor, self.unit)

    @property
    def parts(self) -> list[tuple[str, int]]:
        """Fund name (empty for free money) and signed minor units, for each purse that took part."""
        return [(part["fund"], part["minor"]) for part in json.loads(self.parts_json)]


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """One transfer of a movement on one of the party's accounts, and how much of it was given back."""

    transfer_id: UUID
    fund_name: str
    signed_minor: int
    refunded_minor: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """One movement of a party, transfer by transfer. ``original`` is the movement that this one undoes, if it does."""

    id: UUID
    code: str
    is_reversal: bool
    effective_at: datetime
    posted_at: datetime
    unit: str
    counterparty: UUID | None
    counterparty_name: str
    reference: str
    lines: tuple[ReceiptLine, ...]
    original: UUID | None = None

    @property
    def signed_minor(self) -> int:
        return sum(line.signed_minor for line in self.lines)

    @property
    def amount(self) -> Amount:
        return Amount(self.signed_minor, self.unit)

    @property
    def refunded(self) -> Amount:
        return Amount(sum(line.refunded_minor for line in self.lines), self.unit)

    @property
    def transfers(self) -> list[UUID]:
        """The transfers in the order of the books, each once."""
        return list(dict.fromkeys(line.transfer_id for line in self.lines))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a payer may spend, and how much there at the most on that day.

    ``by_share`` says that some of it pays only a share of a price. ``funds`` is the money that is good there, in the
    order in which it pays; None is free money. Latitude and longitude are of the shop's door, where they are known.
    """

    party_id: UUID
    trade_name: str
    sector_group: str
    zone: str
    zone_name: str
    is_sse: bool
    spendable_minor: int
    by_share: bool
    latitude: Decimal | None = None
    longitude: Decimal | None = None
    funds: tuple[UUID | None, ...] = ()


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a request says wherever it travels, with the town's signature by the key ``key_id``."""

    town_id: int
    id: UUID
    payee: UUID
    amount: Amount
    expires_at: datetime
    key_id: str
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """What a payee asks to be paid, as it is kept. Whether it was paid, the books say."""

    id: UUID
    payee: UUID
    amount_minor: int
    unit: str
    reference: str
    category: str
    number: str | None
    made_at: datetime
    made_by: str
    expires_at: datetime
    key_id: str
    signature: bytes = field(repr=False)
    withdrawn_at: datetime | None
    withdrawn_by: str | None

    @property
    def amount(self) -> Amount:
        return Amount(self.amount_minor, self.unit)

    @property
    def grouped(self) -> str:
        """The digits to type, in fours joined by a no-break space; empty where there are none."""
        return _in_fours(self.number or "")


class RequestState(StrEnum):
    """What became of a request."""

    OPEN = "open"
    PAID = "paid"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with what became of it; ``payment`` where it is paid."""

    request: PaymentRequest
    state: RequestState
    payment: Payment | None


@dataclass(frozen=True, slots=True)
class PayeeCode:
    """By what a payee is found who asks for no amount: a token to scan and eight digits to type."""

    id: UUID
    payee: UUID
    token: str
    number: str
    made_at: datetime
    ended_at: datetime | None

    @property
    def grouped(self) -> str:
        return _in_fours(self.number)


def _in_fours(digits: str) -> str:
    return "\u00a0".join(digits[place : place + 4] for place in range(0, len(digits), 4))
