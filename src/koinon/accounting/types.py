"""Frozen values of a town's accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from koinon.kernel.money import Amount


class Convertible(StrEnum):
    """Who may turn a fund's money into the national currency."""

    NOBODY = "nobody"
    SHOPS = "shops"
    ANYBODY = "anybody"


class Purpose(StrEnum):
    """Why the town pays out of its till: ISO 20022 external purpose codes."""

    SUPPLIER = "SUPP"
    SALARY = "SALA"
    SERVICES = "SCVE"
    GOVERNMENT = "GOVT"


class TownPaymentState(StrEnum):
    PREPARED = "prepared"
    PAID = "paid"
    CANCELLED = "cancelled"


class Place(StrEnum):
    """A kind of account of the books, as the town's accounting meets it."""

    BANK = "issuance"
    RESERVE = "reserve"
    ESCROW = "escrow"
    PURSE = "purse"
    TILL = "till"
    TOWN_TILL = "town-till"
    REDEMPTION = "redemption"
    CLEARING = "clearing"


@dataclass(frozen=True, slots=True)
class Threshold:
    """Above ``amount_minor`` in ``months`` months the authority is notified, says the act."""

    act: str
    article: str
    from_day: date
    amount_minor: int
    currency: str
    months: int
    source: str


@dataclass(frozen=True, slots=True)
class MonthVolume:
    """What was paid in a local month, or the part of it that lies in the rolling period."""

    month: date
    payments: int
    minor: int


class Standing(StrEnum):
    """How near a town is to its threshold."""

    NO_THRESHOLD = "no-threshold"
    BELOW = "below"
    NEAR = "near"
    ABOVE = "above"
    NOTIFIED = "notified"


@dataclass(frozen=True, slots=True)
class NetworkView:
    """Whether the currency is still a limited network that nobody need be told of.

    ``used`` is the share of the threshold, as a whole number of per cent, rounded down. ``reached_on`` is the day on
    which the threshold is passed if payments go on as in the last 91 days; None where they do not reach it.
    """

    threshold: Threshold | None
    since: datetime
    until: datetime
    volume: Amount
    payments: int
    months: tuple[MonthVolume, ...]
    standing: Standing
    used: int | None
    reached_on: date | None


@dataclass(frozen=True, slots=True)
class Notification:
    """That the authority was told."""

    id: UUID
    sent_on: date
    authority: str
    reference: str
    volume_minor: int
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class FundRecord:
    """What is on record for a fund; None where nothing is."""

    fund: UUID
    code: str
    name: str
    from_day: date | None
    convertible_by: str | None
    limited_to: str | None
    source: str | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """An organisation and the agreement that holds; None where none does."""

    party: UUID
    trade_name: str
    active: bool
    signed_on: date | None
    until_day: date | None
    reference: str | None


@dataclass(frozen=True, slots=True)
class TownPayment:
    """What the town pays out of its own till."""

    id: UUID
    payee: UUID
    amount: Amount
    purpose: Purpose
    reference: str
    state: TownPaymentState
    prepared_by: str
    prepared_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    cancelled_by: str | None
    cancelled_at: datetime | None


@dataclass(frozen=True, slots=True)
class TillLine:
    """One transfer on a till; positive where money came. ``beside`` is the payment of a sale that the town covers the rest of."""

    seq: int
    group_id: UUID
    effective_at: datetime
    code: str
    is_reversal: bool
    signed_minor: int
    reference: str
    beside: UUID | None = None


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One payment, refund, request or fee on a shop's statement, and what was in the till after it.

    What the town covers of a sale has the id of the sale's payment.
    """

    id: UUID
    at: datetime
    what: str
    signed_minor: int
    balance_minor: int
    reference: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A shop's statement over local days, in minor units of ``unit``.

    ``sold`` less ``refunded`` and what else moved is the difference between the balances: opening + sold - refunded
    - spent + returned - redeemed + given_back - fees + fees_back + fees_received - fees_returned + topped_up
    - topups_returned + other_in - other_out = closing. ``sales`` counts each sale once, on the day on which it was first paid.
    """

    party: UUID
    first_day: date
    last_day: date
    unit: str
    opening_minor: int
    closing_minor: int
    sales: int
    sums: dict[str, int]
    lines: tuple[StatementLine, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the journal: an amount from the credit side's point of view of the town's books.

    The account of ``debit_place`` is debited and that of ``credit_place`` credited: a reversal stands as a transfer the other way.
    """

    day: date
    seq: int
    code: str
    is_reversal: bool
    debit_place: str
    debit_fund: str
    credit_place: str
    credit_fund: str
    amount_minor: int
    transfers: int
    reference: str


@dataclass(frozen=True, slots=True)
class ChartAccount:
    """Number and name of an account of the town's accounting."""

    number: str
    name: str


@dataclass(frozen=True, slots=True)
class Stock:
    """What stood in a kind of account, of one fund."""

    place: str
    fund: str
    minor: int
