"""Price signals: shops at which purchases paid with aid cost more than those paid with own money."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import exp
from uuid import UUID

from koinon.impact.measures import Baskets

LEAST = 20
FALSE_DISCOVERIES = Fraction(5, 100)


@dataclass(frozen=True, slots=True)
class Signal:
    """What the test says of one shop.

    ``above``: the largest distance by which the aid curve lies to the right of (is dearer than) the own one;
    ``below``: the largest distance the other way. ``chance``: how likely ``above`` is, were there no difference.
    ``dearer``: by how much the middle aid basket is dearer than the middle own one, as a share. ``flagged``: aid
    baskets dominate and chance is too small to explain it among so many shops.
    """

    shop: UUID
    aid: int
    own: int
    above: Fraction
    below: Fraction
    chance: float
    dearer: Fraction
    flagged: bool


@dataclass(frozen=True, slots=True)
class Signals:
    """Shops that were compared, the most suspicious first, and how many had too few purchases to say."""

    compared: tuple[Signal, ...]
    too_few: int

    @property
    def flagged(self) -> int:
        return sum(signal.flagged for signal in self.compared)


def price_signals(
    shops: Iterable[Baskets], *, least: int = LEAST, false_discoveries: Fraction = FALSE_DISCOVERIES
) -> Signals:
    """Whether, shop by shop, aid baskets are dearer than own ones all along the distribution.

    First-order dominance: of every amount x, at least as many aid baskets as own ones lie above it. ``above`` is the
    one-sided two-sample Kolmogorov-Smirnov distance, and its chance exp(-2 d^2 nm/(n+m)). A shop is flagged when
    the own curve lies nowhere to the right by more than a tenth of that, and the chance passes Benjamini and
    Hochberg's procedure over all shops compared, so that of those that pass it at most the share ``false_discoveries``
    is expected to pass by chance. Fewer than ``least`` baskets on either side are not compared.

    A flag is a reason to visit a shop and look at its price tags, and nothing more: it is never published.

    Source
    ------
    Barrett and Donald, "Consistent Tests for Stochastic Dominance", Econometrica 71(1), 2003; Benjamini and Hochberg,
    "Controlling the False Discovery Rate", JRSS B 57(1), 1995. docs/indicators/price_signals.md says what they do not say.
    """
    rows = list(shops)
    enough = [row for row in rows if len(row.aid) >= least and len(row.own) >= least]
    found = sorted(((_compare(row)) for row in enough), key=lambda signal: (signal.chance, signal.shop))
    passed = 0
    for place, signal in enumerate(found, start=1):
        if signal.chance <= false_discoveries * place / len(found):
            passed = place
    compared = tuple(
        Signal(
            one.shop, one.aid, one.own, one.above, one.below, one.chance, one.dearer,
            flagged=place < passed and one.below * 10 <= one.above and one.dearer > 0,
        )
        for place, one in enumerate(found)
    )  # fmt: skip
    return Signals(compared, len(rows) - len(enough))


def _compare(row: Baskets) -> Signal:
    aid, own = sorted(row.aid), sorted(row.own)
    gaps = [
        Fraction(bisect_right(own, amount), len(own)) - Fraction(bisect_right(aid, amount), len(aid))
        for amount in {*aid, *own}
    ]
    above, below = max(*gaps, Fraction(0)), max(*(-gap for gap in gaps), Fraction(0))
    chance = exp(-2 * float(above**2 * Fraction(len(aid) * len(own), len(aid) + len(own))))
    middle = _median(own)
    return Signal(
        row.shop, len(aid), len(own), above, below, chance, _median(aid) / middle - 1 if middle else Fraction(0), False
    )


def _median(ascending: Sequence[int]) -> Fraction:
    places = (len(ascending) - 1) // 2, len(ascending) // 2
    return Fraction(sum(ascending[place] for place in places), 2)
