"""What the two share indicators have in common: adding up cells of one table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from koinon.impact.types import Share, ShopReceipts


def shares(
    rows: Sequence[ShopReceipts],
    *,
    of: Callable[[ShopReceipts], str | None],
    cells: Sequence[tuple[str | None, str]],
) -> tuple[Share, ...]:
    """Each cell's receipts, its number of businesses that received anything, and its share of the whole."""
    received: dict[str | None, int] = {code: 0 for code, _ in cells}
    shops: dict[str | None, int] = {code: 0 for code, _ in cells}
    for row in rows:
        received[of(row)] += row.receipts_minor
        shops[of(row)] += row.receipts_minor > 0
    whole = sum(received.values())
    return tuple(
        Share(
            code=code,
            label=label,
            receipts_minor=received[code],
            share=Fraction(received[code], whole) if whole > 0 else None,
            shops=shops[code],
        )
        for code, label in cells
    )
