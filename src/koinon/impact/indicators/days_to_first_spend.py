"""Days from disbursement to the first payment out of the purse."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from koinon.impact.types import FirstSpend, Wait


def days_to_first_spend(waits: Iterable[Wait]) -> FirstSpend:
    """Median and distribution of the wait, one observation a purse.

    Local calendar days: 0 is the day of the disbursement itself. A purse that
    has not spent within the period counts as later than every purse that has
    (right-censored), so leaving it out cannot make the wait look shorter. The
    median of an even number is the mean of the two in the middle. It is ``None``
    when there is no purse, or when a purse in the middle has not spent: then
    more than half wait longer than anyone has yet waited.

    >>> days_to_first_spend([Wait(0, 2), Wait(3, 1), Wait(None, 1)]).median
    Fraction(3, 2)
    >>> days_to_first_spend([Wait(0, 2), Wait(None, 3)]).median is None
    True
    """
    counted: dict[int | None, int] = {}
    for wait in waits:
        counted[wait.days] = counted.get(wait.days, 0) + wait.purses
    known = sorted((days, purses) for days, purses in counted.items() if days is not None and purses)
    unspent = counted.get(None, 0)
    spent = sum(purses for _, purses in known)
    purses = spent + unspent

    def at(place: int) -> int | None:
        for days, count in known:
            if place < count:
                return days
            place -= count
        return None

    median = None
    if purses:
        lower, upper = at((purses - 1) // 2), at(purses // 2)
        if lower is not None and upper is not None:
            median = Fraction(lower + upper, 2)
    rows = [Wait(days, count) for days, count in known]
    if unspent:
        rows.append(Wait(None, unspent))
    return FirstSpend(median=median, purses=purses, spent=spent, waits=tuple(rows))
