"""Reach: the part of the businesses that accept the currency which received any of it."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from koinon.impact.indicators.active_shops import active_shops
from koinon.impact.types import ShopReceipts


def shop_reach(receipts: Iterable[ShopReceipts]) -> Fraction | None:
    """Businesses with receipts above zero over businesses with a till.

    Dimensionless. ``None`` when no business has a till.
    """
    rows = list(receipts)
    return Fraction(active_shops(rows), len(rows)) if rows else None
