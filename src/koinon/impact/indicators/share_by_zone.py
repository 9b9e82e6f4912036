"""Where the money arrived: each zone's share of what businesses received."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from koinon.impact.shares import shares
from koinon.impact.types import Share, ShopReceipts


def share_by_zone(receipts: Iterable[ShopReceipts], zones: Mapping[str, str]) -> tuple[Share, ...]:
    """Receipts of the businesses of each zone over the receipts of all businesses.

    Dimensionless, summing to one. ``zones`` names every zone of the town, so that
    one where nothing was spent is shown with zero. Businesses outside the zones
    stand under code ``None`` and are part of the whole. Shares are ``None`` when
    nothing was received, net of refunds.
    """
    rows = list(receipts)
    codes: list[str | None] = [*sorted(zones)]
    if any(row.zone is None or row.zone not in zones for row in rows):
        codes.append(None)
    return shares(
        rows,
        of=lambda row: row.zone if row.zone in zones else None,
        cells=[(code, "" if code is None else zones[code]) for code in codes],
    )
