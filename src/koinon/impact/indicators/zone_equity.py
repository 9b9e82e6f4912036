"""Equity between neighbourhoods: what reaches each, for each of its residents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

from koinon.impact.types import ShopReceipts

_PLACES = Decimal("0.000001")
_CONTEXT = Context(prec=40, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class Equity:
    """``per_resident`` in minor units by zone; ``theil`` 0 where all are equal, to six places.

    ``most`` is the highest value the index could take with these residents (everything to the smallest zone).
    ``left_out`` are the zones without a number of residents, and None for what arrived outside the zones.
    """

    per_resident: Mapping[str, Fraction]
    theil: Decimal | None
    most: Decimal | None
    left_out: tuple[str | None, ...]


def zone_equity(receipts: Iterable[ShopReceipts], residents: Mapping[str, int]) -> Equity:
    """Receipts per resident of each zone, and Theil's index T of them between zones.

    T = sum over zones of s ln(s/p), where s is the zone's share of receipts and p its share of residents; a zone
    without receipts adds nothing. In nats, from 0 to ``most``. Logarithms are taken to forty digits and the sum
    rounded to six places, so that every machine prints the same. ``None`` when nothing was received in zones whose
    residents are known.

    Source
    ------
    Theil, "Economics and Information Theory", 1967, chapter 4.
    """
    amounts: dict[str | None, int] = {}
    for row in receipts:
        amounts[row.zone] = amounts.get(row.zone, 0) + row.receipts_minor
    return equity_of(amounts, residents)


def equity_of(amounts: Mapping[str | None, int], residents: Mapping[str, int]) -> Equity:
    """The same of receipts by zone, None for what arrived outside the zones."""
    received: dict[str, int] = {zone: 0 for zone, people in sorted(residents.items()) if people > 0}
    left_out: set[str | None] = {zone for zone, people in residents.items() if people <= 0}
    for zone, amount in amounts.items():
        if zone in received:
            received[zone] += amount
        elif amount:
            left_out.add(zone)
    counted = {zone: max(amount, 0) for zone, amount in received.items()}
    whole, people = sum(counted.values()), sum(residents[zone] for zone in counted)
    theil = most = None
    if whole > 0:
        theil = sum(
            (
                _decimal(Fraction(amount, whole)) * _log(Fraction(amount * people, whole * residents[zone]))
                for zone, amount in counted.items()
                if amount
            ),
            Decimal(0),
        ).quantize(_PLACES, context=_CONTEXT)
        most = _log(Fraction(people, min(residents[zone] for zone in counted))).quantize(_PLACES, context=_CONTEXT)
    return Equity(
        per_resident={zone: Fraction(amount, residents[zone]) for zone, amount in received.items()},
        theil=theil,
        most=most,
        left_out=tuple(sorted(left_out, key=lambda zone: (zone is None, zone or ""))),
    )


def _decimal(value: Fraction) -> Decimal:
    return _CONTEXT.divide(Decimal(value.numerator), Decimal(value.denominator))


def _log(value: Fraction) -> Decimal:
    return _CONTEXT.ln(_decimal(value))
