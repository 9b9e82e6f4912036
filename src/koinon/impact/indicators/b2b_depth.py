"""Depth of supply: how far a unit spent in a shop goes from business to business."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from koinon.impact.measures import Supply


@dataclass(frozen=True, slots=True)
class Depth:
    """``depth`` payments between businesses for each unit from residents; ``of_spending``: their share of what
    businesses spend; ``buying``: businesses that buy from another, of those that received anything; ``suppliers``:
    how many each of them pays, on average. Each ``None`` where nothing stands below the line.
    """

    depth: Fraction | None
    of_spending: Fraction | None
    buying: Fraction | None
    suppliers: Fraction | None


def b2b_depth(supply: Supply) -> Depth:
    """Value of payments between businesses over value of residents' payments to businesses.

    Dimensionless. If each business passed the same part p of its receipts on to others, a unit spent in a shop would
    be paid p + p^2 + p^3 + ... = p / (1 - p) times between businesses, and that is this ratio.
    """
    spending = supply.between_businesses + supply.to_residents
    return Depth(
        depth=_over(supply.between_businesses, supply.from_residents),
        of_spending=_over(supply.between_businesses, spending),
        buying=_over(supply.buyers, supply.active),
        suppliers=_over(supply.links, supply.buyers),
    )


def _over(above: int, below: int) -> Fraction | None:
    return Fraction(above, below) if below > 0 else None
