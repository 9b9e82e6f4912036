"""What a contribution earns, and what is plausible: no clock, no database, no Django."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from koinon.coproduction.types import STEPS, Cap, Measure, Period, Rate, Reward, Rewarded
from koinon.kernel.decisions import Ground

# Nobody does or brings more at once; what is more is a slip of the finger or a comma.
MOST = {Measure.HOUR: 24 * 60, Measure.KILOGRAM: 20_000 * 1000, Measure.SESSION: 20}
LONGEST_OCCASION = timedelta(days=31)
FURTHEST_BACK = timedelta(days=92)


def rate_on(rates: Iterable[Rate], *, stream: str, day: date) -> Rate | None:
    """The rate of a stream in force on a local day: the newest that has begun.

    >>> glass = [Rate("glass", date(2026, 1, 1), 2_00, 1000), Rate("glass", date(2026, 7, 1), 1_00, 3000)]
    >>> rate_on(glass, stream="glass", day=date(2026, 6, 30)).pays_minor
    200
    >>> rate_on(glass, stream="paper", day=date(2026, 6, 30)) is None
    True
    """
    begun = [rate for rate in rates if rate.stream == stream and rate.from_day <= day]
    return max(begun, key=lambda rate: rate.from_day, default=None)


def caps_on(caps: Iterable[Cap], *, stream: str, day: date) -> list[Cap]:
    """The caps that limit a stream on a local day, its own and those over all streams; those that say nothing are over."""
    newest: dict[tuple[str, str], Cap] = {}
    for cap in caps:
        known = newest.get((cap.stream, cap.period))
        if cap.stream in ("", stream) and cap.from_day <= day and (known is None or known.from_day < cap.from_day):
            newest[cap.stream, cap.period] = cap
    order = {Period.DAY: 0, Period.MONTH: 1, Period.ACTIVITY: 2}
    in_force = [cap for cap in newest.values() if cap.most_quantity is not None or cap.most_minor is not None]
    return sorted(in_force, key=lambda cap: (order[Period(cap.period)], cap.stream))


def worth(quantity: int, rate: Rate) -> int:
    """What a quantity earns at a rate, in minor units, rounded down to a whole one.

    >>> worth(7_500, Rate("glass", date(2026, 7, 1), 1_00, 3000))  # 7.5 kg, 1.00 for every 3 kg
    250
    >>> worth(1_000, Rate("glass", date(2026, 7, 1), 1_00, 3000))
    33
    """
    assert quantity >= 0
    return quantity * rate.pays_minor // rate.per_quantity


def reward(
    quantity: int,
    *,
    rate: Rate | None,
    caps: Sequence[Cap],
    rewarded: Sequence[Rewarded],
    budget_left: int | None,
) -> Reward:
    """What a contribution earns when it is verified.

    Caps in quantity first: what lies above the tightest of them is recorded and
    certified, and earns nothing. What counts is worth its rate, rounded down. Then
    caps in money, and last what is left of the budget: the last contribution gets
    what there is.

    Parameters
    ----------
    quantity
        Whole steps of the measure: minutes, grams, sessions.
    rate
        Of the stream, on the day of the contribution; None earns nothing.
    caps
        In force for the stream on that day, as ``caps_on`` gives them.
    rewarded
        What the person has been rewarded for in the day, the month and the
        activity, stream by stream.
    budget_left
        Minor units; None where nothing limits them.

    Source
    ------
    docs/algorithms/rewards.md works the table by hand.
    """
    grounds: list[Ground] = []
    if rate is None:
        return Reward(0, 0, (Ground("reward.no-rate"),))
    counted = quantity
    for cap in caps:
        if cap.most_quantity is None:
            continue
        left = max(0, cap.most_quantity - used(cap, rewarded, "quantity"))
        if counted > left:
            counted = left
            grounds.append(
                Ground(f"reward.cap-{cap.period}", {"most_quantity": cap.most_quantity, "stream": cap.stream})
            )
    minor = worth(counted, rate)
    if counted and not minor and rate.pays_minor:
        grounds.append(Ground("reward.less-than-smallest"))
    for cap in caps:
        if cap.most_minor is None:
            continue
        left = max(0, cap.most_minor - used(cap, rewarded, "minor"))
        if minor > left:
            minor = left
            grounds.append(Ground(f"reward.cap-{cap.period}", {"most_minor": cap.most_minor, "stream": cap.stream}))
    if budget_left is not None and minor > budget_left:
        minor = max(0, budget_left)
        grounds.append(Ground("reward.budget-over", {"left_minor": minor}))
    return Reward(counted, minor, tuple(grounds))


def used(cap: Cap, rewarded: Sequence[Rewarded], what: str) -> int:
    """How much of a cap is used up, in ``quantity`` or ``minor``."""
    return sum(getattr(row, f"{cap.period}_{what}") for row in rewarded if cap.stream in ("", row.stream))


def month_of(day: date) -> tuple[date, date]:
    """The first and the last day of a day's month.

    >>> month_of(date(2026, 2, 10))
    (datetime.date(2026, 2, 1), datetime.date(2026, 2, 28))
    """
    return day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])


def days_allowed(first_day: date | None, last_day: date | None, *, today: date) -> tuple[date, date]:
    """Between which days something may be registered today."""
    first = today - FURTHEST_BACK
    return max(first, first_day or first), min(today, last_day or today)


def occasion_lasts(opens_at: datetime, closes_at: datetime) -> bool:
    """Whether an occasion has an end, and one near enough that a photograph of its code is worth little."""
    return timedelta(0) < closes_at - opens_at <= LONGEST_OCCASION


def as_json(grounds: Iterable[Ground]) -> list[dict[str, Any]]:
    return [{"code": ground.code, "fields": ground.fields} for ground in grounds]


def quantity(text: str, measure: Measure) -> int:
    """Whole steps of a plainly written quantity; ``ValueError`` where a step would be cut.

    >>> quantity("1:30", Measure.HOUR), quantity("2.5", Measure.HOUR), quantity("2,5", Measure.KILOGRAM)
    (90, 150, 2500)
    """
    hours, colon, rest = text.strip().partition(":")
    if measure is Measure.HOUR and colon:
        if not (hours.isdecimal() and rest.isdecimal() and len(rest) == 2 and int(rest) < 60):
            raise ValueError(text)
        return int(hours) * 60 + int(rest)
    try:
        steps = Decimal(text.strip().replace(",", ".")) * STEPS[measure]
    except InvalidOperation:
        raise ValueError(text) from None
    if not steps.is_finite() or steps != steps.to_integral_value() or steps <= 0:
        raise ValueError(text)
    return int(steps)


# The dihedral group of the decagon: every single wrong digit and every two neighbours swapped are noticed.
_TIMES = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_TURNED = ["0123456789"]
for _round in range(7):
    _TURNED.append("".join(_TURNED[-1][int(place)] for place in "1576283094"))
_INVERSE = "0432156789"


def with_check_digit(number: int) -> str:
    """A member's number as people say it: three digits or more, and a check digit (Verhoeff).

    >>> with_check_digit(23), number_said("0232"), number_said("0322")
    ('0232', 23, None)
    """
    digits = f"{number:03d}"
    check = "0"
    for place, digit in enumerate(reversed(digits), start=1):
        check = _TIMES[int(check)][int(_turn(place, digit))]
    return digits + _INVERSE[int(check)]


def number_said(text: str) -> int | None:
    """The member's number, or None where a digit is wrong."""
    digits = "".join(text.split()).replace("-", "")
    if not (digits.isascii() and digits.isdecimal() and 4 <= len(digits) <= 9):
        return None
    number = int(digits[:-1])
    return number if with_check_digit(number) == digits else None


def _turn(place: int, digit: str) -> str:
    return _TURNED[place % 8][int(digit)]
