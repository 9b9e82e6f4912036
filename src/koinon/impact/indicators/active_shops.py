"""How many of the town's businesses took the currency."""

from __future__ import annotations

from collections.abc import Iterable

from koinon.impact.types import ShopReceipts


def active_shops(receipts: Iterable[ShopReceipts]) -> int:
    """Number of businesses whose receipts in the period, net of refunds, are above zero."""
    return sum(row.receipts_minor > 0 for row in receipts)
