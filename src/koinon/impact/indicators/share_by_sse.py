"""The share of receipts that reached the social and solidarity economy."""

from __future__ import annotations

from collections.abc import Iterable

from koinon.impact.shares import shares
from koinon.impact.types import Share, ShopReceipts

SSE = "sse"
OTHER = "other"


def share_by_sse(receipts: Iterable[ShopReceipts]) -> tuple[Share, ...]:
    """Receipts of SSE entities, and of all others, over the receipts of all businesses.

    Dimensionless, summing to one. Whether a business is an SSE entity is what
    its record says when the report is made, not when it was paid. Shares are
    ``None`` when nothing was received, net of refunds.
    """
    return shares(
        list(receipts),
        of=lambda row: SSE if row.is_sse else OTHER,
        cells=[(SSE, SSE), (OTHER, OTHER)],
    )
