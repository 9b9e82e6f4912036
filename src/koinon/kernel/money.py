"""Money as whole minor units that know their unit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from koinon.kernel.errors import UnitMismatch

_MOST_DIGITS = 30  # More than all the money there is, in any unit.


@dataclass(frozen=True, slots=True)
class Unit:
    """A town's unit, or the national currency it is at par with.

    ``exponent`` is the number of decimals (EUR 2, ILS 2, JOD 3, TND 3; ISO 4217).
    """

    code: str
    exponent: int = 2
    name: str = ""
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class Amount:
    """Whole minor units of one unit: ``Amount(1250, "LOC")`` is 12.50 LOC.

    Adding or comparing two units raises ``UnitMismatch``. ``str`` prints with two
    decimals and serves logs and tests; people see amounts through Babel.

    >>> Amount(1250, "LOC") + Amount(50, "LOC")
    Amount(minor=1300, unit='LOC')
    >>> str(Amount(-5, "LOC"))
    '-0.05 LOC'
    """

    minor: int
    unit: str

    def _same(self, other: Amount) -> None:
        if self.unit != other.unit:
            raise UnitMismatch(left=self.unit, right=other.unit)

    def __add__(self, other: Amount) -> Amount:
        self._same(other)
        return Amount(self.minor + other.minor, self.unit)

    def __sub__(self, other: Amount) -> Amount:
        self._same(other)
        return Amount(self.minor - other.minor, self.unit)

    def __neg__(self) -> Amount:
        return Amount(-self.minor, self.unit)

    def __lt__(self, other: Amount) -> bool:
        self._same(other)
        return self.minor < other.minor

    def __le__(self, other: Amount) -> bool:
        self._same(other)
        return self.minor <= other.minor

    def __gt__(self, other: Amount) -> bool:
        return other < self

    def __ge__(self, other: Amount) -> bool:
        return other <= self

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        return f"{to_decimal(self.minor, 2)} {self.unit}"


def to_decimal(minor: int, exponent: int) -> Decimal:
    """The exact decimal of a number of minor units.

    >>> to_decimal(1250, 2), to_decimal(1250, 3)
    (Decimal('12.50'), Decimal('1.250'))
    """
    return Decimal(minor).scaleb(-exponent)


def to_minor(value: Decimal, exponent: int) -> int:
    """The minor units of an exact decimal; ``ValueError`` where a digit would be lost, and for no amount at all.

    >>> to_minor(Decimal("12.5"), 2)
    1250
    >>> to_minor(Decimal("0.001"), 2)
    Traceback (most recent call last):
    ValueError: 0.001 has more than 2 decimals
    """
    if not value.is_finite() or value.adjusted() > _MOST_DIGITS:
        raise ValueError("this is no amount of money")
    numerator, denominator = value.as_integer_ratio()  # A context would round it to 28 digits.
    scaled: int = numerator * 10**exponent
    minor, rest = divmod(scaled, denominator)
    if rest:
        raise ValueError(f"{value} has more than {exponent} decimals")
    return minor


def share_rounded_down(minor: int, share: Fraction) -> int:
    """A share of a non-negative number of minor units, rounded towards zero.

    >>> share_rounded_down(568_01, Fraction(1, 4))
    14200
    """
    assert minor >= 0
    return minor * share.numerator // share.denominator


def total(amounts: Iterable[Amount], unit: str) -> Amount:
    """The sum, zero of ``unit`` when there is nothing to add."""
    result = Amount(0, unit)
    for amount in amounts:
        result = result + amount
    return result


def split_by_weight(whole: Amount, weights: Sequence[int]) -> list[Amount]:
    """Share a total in proportion to whole-number weights, losing nothing.

    Each share is rounded down and the minor units left over go one each to the
    shares with the largest remainders, earliest first on a tie.

    Parameters
    ----------
    whole
        A non-negative amount.
    weights
        Dimensionless, non-negative, not all zero. Only their ratios matter.

    Source
    ------
    Largest-remainder (Hamilton) apportionment; docs/algorithms/splitting.md
    works the table by hand.

    Examples
    --------
    >>> [str(share) for share in split_by_weight(Amount(10_00, "LOC"), [1, 1, 1])]
    ['3.34 LOC', '3.33 LOC', '3.33 LOC']
    """
    assert whole.minor >= 0
    assert min(weights, default=0) >= 0
    assert sum(weights) > 0
    divisor = sum(weights)
    floors = [whole.minor * weight // divisor for weight in weights]
    remainders = [whole.minor * weight % divisor for weight in weights]
    left_over = whole.minor - sum(floors)
    by_remainder = sorted(range(len(weights)), key=lambda place: (-remainders[place], place))
    for place in by_remainder[:left_over]:
        floors[place] += 1
    return [Amount(minor, whole.unit) for minor in floors]
