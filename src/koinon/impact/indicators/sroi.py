"""Social return on investment: what change is worth, after what would have happened anyway."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

ADJUSTMENTS = ("deadweight", "displacement", "attribution", "drop_off")
JUDGED = ("quantity", "proxy", *ADJUSTMENTS)


@dataclass(frozen=True, slots=True)
class Judged:
    """A number somebody had to judge: the best guess, and the lowest and highest that the evidence allows."""

    low: Fraction
    best: Fraction
    high: Fraction

    def __post_init__(self) -> None:
        assert self.low <= self.best <= self.high, "low, best and high come in this order"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One change in somebody's life. Nothing has a default: what was not thought about cannot be left out silently.

    ``quantity`` how many experienced it, ``baseline`` how many did before; ``proxy`` what one is worth a year in the
    unit of the investment, by ``proxy_source`` in prices of ``proxy_year``; ``evidence`` says where the quantity was seen.
    ``deadweight`` is the share that would have happened anyway, ``displacement`` the share that moved a harm elsewhere,
    ``attribution`` the share due to others, ``drop_off`` the share lost in each later year; ``years`` how long it lasts.
    """

    name: str
    stakeholder: str
    indicator: str
    quantity: Judged
    baseline: Fraction
    evidence: str
    proxy: Judged
    proxy_source: str
    proxy_year: int
    deadweight: Judged
    displacement: Judged
    attribution: Judged
    drop_off: Judged
    years: int


@dataclass(frozen=True, slots=True)
class Tested:
    """How far the ratio moves when one judgement of one outcome goes from its one end to the other."""

    outcome: str
    judgement: str
    low: Fraction
    high: Fraction


@dataclass(frozen=True, slots=True)
class Sroi:
    """``ratio`` by best guesses; ``low`` and ``high`` with every judgement at its worst and its best at once.

    ``present_values`` by outcome, in the investment's unit; ``sensitivity`` the judgement that matters most first.
    """

    ratio: Fraction | None
    low: Fraction | None
    high: Fraction | None
    present_values: tuple[tuple[str, Fraction], ...]
    investment: Fraction
    discount_rate: Fraction
    sensitivity: tuple[Tested, ...]


def sroi(outcomes: Iterable[Outcome], *, investment: Fraction, discount_rate: Fraction) -> Sroi:
    """Present value of all outcomes over what was invested.

    Dimensionless: "2.4" reads: 2.40 of social value for each 1.00 invested. Of each outcome

        (quantity - baseline) x proxy x (1 - deadweight) x (1 - displacement) x (1 - attribution)

    is what the first year is worth; each later year is worth (1 - drop-off) of the one before; year n is divided by
    (1 + discount rate)^n, the first being year 1. ``None`` when nothing was invested. The range is required: each
    judgement carries its lowest and highest value.

    Source
    ------
    "A Guide to Social Return on Investment", The SROI Network, 2012, stages 3 to 5.
    """
    rows = list(outcomes)
    values = tuple((row.name, _present(row, discount_rate)) for row in rows)
    if investment <= 0:
        return Sroi(None, None, None, values, investment, discount_rate, ())

    best = sum((value for _, value in values), Fraction(0)) / investment
    ends = [_ends(row, discount_rate) for row in rows]
    tested = []
    for row in rows:
        for name in JUDGED:
            judged: Judged = getattr(row, name)
            if judged.low == judged.high:
                continue
            moved = [
                best + (_present(_with(row, name, end), discount_rate) - _present(row, discount_rate)) / investment
                for end in (judged.low, judged.high)
            ]
            tested.append(Tested(row.name, name, min(moved), max(moved)))
    tested.sort(key=lambda one: (one.low - one.high, one.outcome, one.judgement))
    return Sroi(
        ratio=best,
        low=sum((low for low, _ in ends), Fraction(0)) / investment,
        high=sum((high for _, high in ends), Fraction(0)) / investment,
        present_values=values,
        investment=investment,
        discount_rate=discount_rate,
        sensitivity=tuple(tested),
    )


def _present(row: Outcome, rate: Fraction) -> Fraction:
    year = (row.quantity.best - row.baseline) * row.proxy.best
    for share in (row.deadweight, row.displacement, row.attribution):
        year *= 1 - share.best
    kept = (1 - row.drop_off.best) / (1 + rate)
    return sum((year / (1 + rate) * kept**number for number in range(row.years)), Fraction(0))


def _with(row: Outcome, name: str, value: Fraction) -> Outcome:
    changed: dict[str, Any] = {name: Judged(value, value, value)}
    return replace(row, **changed)


def _ends(row: Outcome, rate: Fraction) -> tuple[Fraction, Fraction]:
    """The lowest and highest present value: at a corner, as the value goes one way with each judgement by itself."""
    corners = [row]
    for name in JUDGED:
        judged: Judged = getattr(row, name)
        corners = [_with(corner, name, end) for corner in corners for end in {judged.low, judged.high}]
    values = [_present(corner, rate) for corner in corners]
    return min(values), max(values)
