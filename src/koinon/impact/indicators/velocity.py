"""Velocity: how often a unit changed hands, a year."""

from __future__ import annotations

from fractions import Fraction

from koinon.impact.types import Flows


def velocity(flows: Flows, *, periods_per_year: Fraction) -> Fraction | None:
    """v = payments of the period / average units outstanding x periods in a year.

    Per year. ``periods_per_year`` is 12 for a whole calendar month of whatever
    length. The average is weighted by time: a unit that was outstanding for a
    third of the period counts for a third. ``None`` when no unit was
    outstanding at any time.

    Source
    ------
    "Sum of transactions of each period / average money supply of the period",
    annualised, JRFM 14(9):430, section 3.1.
    """
    if flows.outstanding_mean <= 0:
        return None
    return flows.spent / flows.outstanding_mean * periods_per_year
