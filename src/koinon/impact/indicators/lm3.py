"""LM3: what public money makes of local income in its first three rounds."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from koinon.impact.measures import Hops


@dataclass(frozen=True, slots=True)
class Rounds:
    """The three rounds, in minor units, and their ratio.

    ``beyond`` is the part of the third round that the ledger does not see: what businesses that redeemed spend in
    the town in euros, by the survey.
    """

    first: Fraction
    second: Fraction
    third: Fraction
    beyond: Fraction
    lm3: Fraction | None


def lm3(hops: Hops, *, local_share: Fraction | None = None) -> Rounds:
    """(R1 + R2 + R3) / R1.

    R1 is what was issued and not withdrawn; R2 what of it was paid once; R3 what of it was paid a second time.
    ``local_share`` is the share of redeemed euros that their receivers spend in the town: what left the currency
    after its first payment is spent there in that proportion and joins R3. Without it the ledger's own LM3 stands:
    a lower bound, as if every euro redeemed left the town.

    Dimensionless, from 1 to 3. ``None`` when nothing was issued, or the trace does not say what was paid twice.

    Source
    ------
    Sacks, "The Money Trail", New Economics Foundation, 2002.
    """
    first, second, third = (_at(hops.reached, place) for place in range(3))
    beyond = _at(hops.left, 1) * local_share if local_share is not None else Fraction(0)
    ratio = (first + second + third + beyond) / first if first > 0 and len(hops.reached) > 2 else None
    return Rounds(first, second, third, beyond, ratio)


def _at(amounts: tuple[Fraction, ...], place: int) -> Fraction:
    return amounts[place] if place < len(amounts) else Fraction(0)
