"""What the indicators are computed from, and what a report holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from uuid import UUID

from koinon.kernel.periods import Month


@dataclass(frozen=True, slots=True)
class Flows:
    """What moved in a town in a period, by ``effective_at``, in minor units, net of reversals.

    ``spent`` is the value of all payments between two different holders; what
    was refunded in the period is already taken out and stands in ``refunded``.
    A refund counts in the period in which it happens, so that the figures of a
    closed month never change. ``outstanding_mean`` is the time-weighted average
    of the units in escrows, purses and tills.
    """

    issued: int
    spent: int
    refunded: int
    redeemed: int
    expired: int
    business_income: int
    business_spending: int
    outstanding_start: int
    outstanding_end: int
    outstanding_mean: Fraction


@dataclass(frozen=True, slots=True)
class UnitsAt:
    """A town's units as they stood at an instant, since the first one, in minor units, net of reversals.

    issued = redeemed + expired + outstanding, and ``reserve``, the euros held, covers ``outstanding`` and
    ``owed``: what shops redeemed and the bank had not paid. ``paid`` is the value of payments between
    residents and businesses.
    """

    issued: int
    paid: int
    redeemed: int
    expired: int
    outstanding: int
    owed: int
    reserve: int


@dataclass(frozen=True, slots=True)
class ShopReceipts:
    """What one business received in a period and what it did with it; the report's raw rows, never published as they are.

    Amounts are in minor units, net of refunds. ``receipts_minor`` is from residents and from other businesses
    together; ``to_businesses`` and ``to_residents`` is what it paid on, ``redeemed`` what it changed into euros.
    ``zone`` is None for a business outside the town's zones or without an organisation's record. ``payers`` counts
    the distinct holders whose payments, net of refunds, reached it; ``residents_paid`` the residents it paid.
    """

    holder: UUID
    zone: str | None
    is_sse: bool
    receipts_minor: int
    payments: int
    payers: int
    from_businesses: int = 0
    to_businesses: int = 0
    to_residents: int = 0
    residents_paid: int = 0
    redeemed: int = 0

    @property
    def from_residents(self) -> int:
        return self.receipts_minor - self.from_businesses

    @property
    def spent_minor(self) -> int:
        return self.to_businesses + self.to_residents


@dataclass(frozen=True, slots=True)
class MonthPaid:
    """What the payments of the calendar month that begins on ``first_day`` were made of, in minor units, net of refunds.

    ``shops``, ``amount``, ``gross``, ``largest`` and ``second`` are of what businesses received (how many, together, together
    by size, the largest of one and the next), ``payers`` those who paid them; ``people`` and its amounts of what residents were paid
    by others.
    """

    first_day: date
    shops: int
    payers: int
    amount: int
    gross: int
    largest: int
    second: int
    people: int
    people_amount: int
    people_gross: int
    people_largest: int
    people_second: int


@dataclass(frozen=True, slots=True)
class MonthTraded:
    """Who made up one kind of payment in the calendar month that begins on ``first_day``, in minor units, net of refunds.

    ``kind`` as sql/months_traded.sql and sql/months_spent.sql list them: how many holders, their amounts together,
    together by size, the largest of one and the next.
    """

    first_day: date
    kind: str
    holders: int
    amount: int
    gross: int
    largest: int
    second: int


@dataclass(frozen=True, slots=True)
class Payers:
    """How many different holders paid the businesses of a cell: ``cells`` is "all", "zone" or "sse"."""

    cells: str
    code: str | None
    payers: int


@dataclass(frozen=True, slots=True)
class Wait:
    """How many purses waited so many local days for their first payment; ``days`` None: none yet."""

    days: int | None
    purses: int


@dataclass(frozen=True, slots=True)
class FirstSpend:
    """Days from disbursement to the first payment, over the purses that received aid in the period."""

    median: Fraction | None
    purses: int
    spent: int
    waits: tuple[Wait, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the receipts: ``share`` is None where nothing was received at all."""

    code: str | None
    label: str
    receipts_minor: int
    share: Fraction | None
    shops: int


@dataclass(frozen=True, slots=True)
class MonthReport:
    """A town's month in indicators. Exact; what the public sees goes through ``publication``.

    ``until`` is the end of the month, or earlier when it was asked for a month
    that still runs (not ``complete``). ``paid`` has every month with payments so far, this one last where it had any, and
    ``traded`` who made up each kind of them.
    """

    town_id: int
    month: Month
    start: datetime
    until: datetime
    complete: bool
    unit: str
    exponent: int
    flows: Flows
    multiplier: Fraction | None
    recirculation: Fraction | None
    velocity: Fraction | None
    first_spend: FirstSpend
    by_zone: tuple[Share, ...]
    by_sse: tuple[Share, ...]
    active_shops: int
    shops: int
    zones: Mapping[str, str]
    receipts: tuple[ShopReceipts, ...]
    payers: tuple[Payers, ...]
    paid: tuple[MonthPaid, ...]
    traded: tuple[MonthTraded, ...]
