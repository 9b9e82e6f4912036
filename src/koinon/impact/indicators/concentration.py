"""Concentration of receipts: whether the money goes to many businesses or to a few."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from koinon.impact.types import ShopReceipts


@dataclass(frozen=True, slots=True)
class Concentration:
    """``hhi`` from 1/n to 1; ``equals`` = 1/hhi: as many businesses of equal size would be as concentrated."""

    hhi: Fraction
    equals: Fraction
    largest: Fraction
    businesses: int


def concentration(receipts: Iterable[ShopReceipts]) -> Concentration | None:
    """Herfindahl-Hirschman index: the sum of the squared shares of receipts.

    Dimensionless, between 0 and 1 (times 10,000 in competition law). A business that gave back more than it took
    counts as zero. ``None`` when nothing was received.

    Source
    ------
    Hirschman, "The Paternity of an Index", American Economic Review 54(5), 1964; equal businesses: Adelman, Review
    of Economics and Statistics 51(1), 1969.
    """
    taken = [row.receipts_minor for row in receipts if row.receipts_minor > 0]
    whole = sum(taken)
    if not taken:
        return None
    hhi = Fraction(sum(amount * amount for amount in taken), whole * whole)
    return Concentration(hhi, 1 / hhi, Fraction(max(taken), whole), len(taken))
