"""What the indicators beyond the month's flows are computed from: small frozen values, exact, free of any database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, Protocol
from uuid import UUID

REACH = 4
"""As ``tracing.types.REACH``, which a test compares: how many payments a trace tells apart by where they arrived."""


class Traced(Protocol):
    """A cohort as the tracing engine gives it, or as it was kept of a town's books."""

    @property
    def label(self) -> str: ...
    @property
    def issued(self) -> int | float: ...
    @property
    def withdrawn(self) -> int | float: ...
    @property
    def by_hops(self) -> tuple[int | float, ...]: ...
    @property
    def reach(self) -> Mapping[str, Mapping[str, Mapping[Any, int | float]]]: ...


@dataclass(frozen=True, slots=True)
class Hops:
    """What became of units that were issued, by the number of payments they made; minor units.

    ``reached[k]`` made at least k payments: ``reached[0]`` is what was issued less what was withdrawn before anybody
    had it. ``left[k]`` was redeemed or expired after exactly k payments. The rest is still held.
    """

    reached: tuple[Fraction, ...]
    left: tuple[Fraction, ...]

    def __add__(self, other: Hops) -> Hops:
        return Hops(_added(self.reached, other.reached), _added(self.left, other.left))


def hops_of(cohorts: Iterable[Traced]) -> Hops:
    """Hops of traced cohorts together. Exact for lots; for mixing as exact as the trace's floats.

    What reached the k-th payment is the sum of the cohort's ``reach`` over the labels of one dimension, whichever:
    each payment arrives at one account. A trace without dimensions does not know it: ``reached`` then ends with what was
    issued.
    """
    total = Hops((), ())
    for cohort in cohorts:
        reached = [Fraction(cohort.issued) - Fraction(cohort.withdrawn)]
        for labels in list(cohort.reach.values())[:1]:
            reached += [Fraction(0)] * REACH
            for amounts in labels.values():
                for hop, amount in amounts.items():
                    reached[int(hop)] += Fraction(amount)
        total += Hops(tuple(reached), tuple(Fraction(amount) for amount in cohort.by_hops))
    return total


ROUNDS_TOLD = 3
"""Leakage tells 0, 1 and 2 payments apart; what left after three or more is told together."""


@dataclass(frozen=True, slots=True)
class Ends:
    """With how many holders units of one month's cohorts ended, in minor units: all of them, the most of one, the next.

    ``kind`` "left": they were redeemed or expired after so many ``payments`` (``ROUNDS_TOLD``: that many or more; None: any
    number); "held": they lie there, and one payment less than ``ROUNDS_TOLD`` is that many or more.
    """

    kind: str
    payments: int | None
    holders: int
    amount: int
    largest: int
    second: int


@dataclass(frozen=True, slots=True)
class FundUse:
    """What came into purses of a fund since its first unit, and where it is; minor units, net of what was undone.

    given = spent + expired + held, to the minor unit.
    """

    fund: UUID
    code: str
    name: str
    given: int
    spent: int
    expired: int
    held: int


@dataclass(frozen=True, slots=True)
class ZoneResidents:
    """How many people live in a neighbourhood, as a dated, named source counts them."""

    zone: str
    residents: int
    from_day: date
    source: str


@dataclass(frozen=True, slots=True)
class Supply:
    """Businesses as buyers in a period; minor units, net of refunds.

    ``buyers`` paid at least one other business, along ``links`` (pairs of payer and payee); ``active`` businesses
    received anything at all.
    """

    from_residents: int
    between_businesses: int
    to_residents: int
    active: int
    buyers: int
    links: int


@dataclass(frozen=True, slots=True)
class Baskets:
    """A shop's purchases in a period, net of refunds, in minor units, each list ascending.

    ``aid``: paid at least in part with money bound to a purpose; ``own``: paid with free money only.
    """

    shop: UUID
    aid: Sequence[int]
    own: Sequence[int]


@dataclass(frozen=True, slots=True)
class Delivered:
    """What was verified of one activity and stream on one day, and what it earned.

    ``quantity`` in whole steps of the measure (minutes, grams, sessions); ``reward_minor`` less what was taken back.
    """

    activity: str
    name: str
    measure: str
    stream: str
    day: date
    quantity: int
    reward_minor: int
    contributions: int


@dataclass(frozen=True, slots=True)
class Contributors:
    """Of how many people what was verified of one activity and stream in one calendar month was made, at the same rate and
    conversion factor.

    ``kind`` "done": ``gross`` is the quantity in whole steps of the measure, ``largest`` the most of it that one of them
    did, ``second`` the next. "short": the same of what they were paid less (or more) than the rate says, in minor units.
    """

    first_day: date
    activity: str
    measure: str
    stream: str
    people: int
    gross: int
    largest: int
    second: int
    kind: str = "done"


@dataclass(frozen=True, slots=True)
class RunningCost:
    """What an activity costs beside its rewards, over local days, both included."""

    activity: str
    from_day: date
    until_day: date
    amount_minor: int
    source: str

    def within(self, first: date, last: date) -> Fraction:
        """The part of it that falls on the days from ``first`` to ``last``, in minor units: evenly by day."""
        days = (min(last, self.until_day) - max(first, self.from_day)).days + 1
        return Fraction(self.amount_minor * max(days, 0), (self.until_day - self.from_day).days + 1)


@dataclass(frozen=True, slots=True)
class ConversionFactor:
    """What a kilogram of a stream spares, in grams of CO2 equivalent, from a day on until the stream's next factor."""

    stream: str
    from_day: date
    grams_per_kilogram: int
    source: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a survey: what a business or household spent, and how much of it in the town, in one small unit.

    ``stratum`` is the group it was drawn from, such as a sector; "" where the sample has none.
    """

    stratum: str
    spent: int
    local: int


def _added(one: tuple[Fraction, ...], other: tuple[Fraction, ...]) -> tuple[Fraction, ...]:
    longest = max(len(one), len(other))
    padded = [(*values, *[Fraction(0)] * (longest - len(values))) for values in (one, other)]
    return tuple(first + second for first, second in zip(*padded, strict=True))
