"""Retention: of what arrives in each round, how much is paid on in the currency."""

from __future__ import annotations

from fractions import Fraction

from koinon.impact.measures import Hops


def retention(hops: Hops) -> tuple[Fraction | None, ...]:
    """What made at least k + 1 payments over what made at least k, for k = 0, 1, 2 ...

    Dimensionless. The first is the share of what was issued that was spent at all; the second, the share of what
    its first receivers got that they paid on: the figure usually called local retention. ``None`` where nothing
    reached the round. Units still held count as not paid on, so compare cohorts of equal age.
    """
    return tuple(
        after / before if before > 0 else None for before, after in zip(hops.reached, hops.reached[1:], strict=False)
    )
