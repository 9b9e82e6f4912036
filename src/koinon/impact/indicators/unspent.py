"""What households were given: spent, expired, or still in their purses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from koinon.impact.measures import FundUse


@dataclass(frozen=True, slots=True)
class Use:
    """Three shares of what was given, adding up to one; ``None`` where nothing was given."""

    unspent: Fraction | None
    spent: Fraction | None
    expired: Fraction | None


def unspent(funds: Iterable[FundUse]) -> Use:
    """Held, spent and expired over what was given out of funds with a purpose, since their first unit.

    Dimensionless. All three are net: a refund lowers what was spent, a reward taken back lowers what was given.
    """
    rows = list(funds)
    given = sum(row.given for row in rows)
    if given <= 0:
        return Use(None, None, None)
    return Use(
        unspent=Fraction(sum(row.held for row in rows), given),
        spent=Fraction(sum(row.spent for row in rows), given),
        expired=Fraction(sum(row.expired for row in rows), given),
    )
