"""Local share after redemption: where the ledger ends, a survey goes on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random

from koinon.impact.measures import Answer

LEVEL = Fraction(95, 100)
DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure from a sample, with the interval that resampling gives it; the same seed gives the same interval.

    ``low`` and ``high`` are ``None`` when a stratum has a single answer: one answer does not say how answers differ.
    """

    value: Fraction | None
    low: Fraction | None
    high: Fraction | None
    answers: int
    seed: int
    draws: int
    level: Fraction


def local_share(
    answers: Iterable[Answer],
    *,
    seed: int,
    weights: Mapping[str, int] | None = None,
    draws: int = DRAWS,
    level: Fraction = LEVEL,
) -> Estimate:
    """What was spent in the town over all that was spent, by those who answered.

    Dimensionless. A ratio of sums, so a large shop counts for more than a small one. With ``weights`` (what each
    stratum redeemed, from the ledger) it is the mean of the strata's ratios weighted by them, so a sector that answers
    eagerly does not count for more than it redeems. A stratum without an answer is left out of the mean: what is
    not known is not guessed.

    The interval is a percentile bootstrap: answers are drawn anew with replacement within each stratum, ``draws``
    times. It tells of chance in who was asked, not of who refused to answer nor of wrong answers.

    ``None`` when nobody answered, or nothing was spent.

    Source
    ------
    Cochran, "Sampling Techniques", 1977, chapter 6 (ratio estimators); Efron, "Bootstrap methods: another look at the
    jackknife", Annals of Statistics 7(1), 1979.

    Examples
    --------
    >>> local_share([Answer("", 100, 60), Answer("", 300, 60)], seed=1).value
    Fraction(3, 10)
    """
    strata: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        strata[answer.stratum].append(answer)
    groups = [sorted(strata[name], key=lambda answer: (answer.spent, answer.local)) for name in sorted(strata)]
    by = [None if weights is None else weights.get(name, 0) for name in sorted(strata)]
    value = _ratio(groups, by)
    low = high = None
    if value is not None and all(len(group) > 1 for group in groups):
        chance = Random(seed)  # noqa: S311  A sample, not a secret: the same seed must give it again.
        found = (_ratio([chance.choices(group, k=len(group)) for group in groups], by) for _ in range(draws))
        drawn = sorted(ratio for ratio in found if ratio is not None)
        if drawn:
            tail = (1 - level) / 2
            low = drawn[int(tail * (len(drawn) - 1))]
            high = drawn[-1 - int(tail * (len(drawn) - 1))]
    return Estimate(value, low, high, sum(map(len, groups)), seed, draws, level)


def _ratio(groups: Sequence[Sequence[Answer]], weights: Sequence[int | None]) -> Fraction | None:
    top = bottom = Fraction(0)
    for group, weight in zip(groups, weights, strict=True):
        local, spent = sum(answer.local for answer in group), sum(answer.spent for answer in group)
        if weight is None:
            top, bottom = top + local, bottom + spent
        elif spent > 0:
            top, bottom = top + weight * Fraction(local, spent), bottom + weight
    return top / bottom if bottom > 0 else None
