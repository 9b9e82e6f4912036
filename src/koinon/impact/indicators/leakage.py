"""Leakage: after how many payments money leaves the currency."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from koinon.impact.measures import Hops


@dataclass(frozen=True, slots=True)
class Leakage:
    """``by_hop[k]``: the share of what was issued that left after exactly k payments; ``total``: after any number."""

    by_hop: tuple[Fraction, ...]
    total: Fraction


def leakage(hops: Hops) -> Leakage | None:
    """Redeemed and expired over issued (less withdrawn), by the number of payments made before.

    Dimensionless; with what is still held it adds up to one. What left after 0 payments expired unspent. ``None``
    when nothing was issued.
    """
    issued = hops.reached[0] if hops.reached else Fraction(0)
    if issued <= 0:
        return None
    last = max((place for place, amount in enumerate(hops.left) if amount), default=-1)
    by_hop = tuple(amount / issued for amount in hops.left[: last + 1])
    return Leakage(by_hop, sum(by_hop, Fraction(0)))
