"""A year of the currency in figures that add up: what came in, what was done with it, what is left.

From the journal alone, by the town's local days; nobody is named. docs/reference/accounting.md says what each
figure counts.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import Connection

from koinon.accounting import queries
from koinon.accounting.types import Entry, Place, Stock
from koinon.db.statements import one, statement
from koinon.parties import queries as parties

IN_CIRCULATION = frozenset({Place.ESCROW, Place.PURSE, Place.TILL, Place.TOWN_TILL, Place.CLEARING})


@dataclass(frozen=True, slots=True)
class TookPart:
    """Who took part, counted."""

    paid_enterprises: int
    payers: int
    payments: int


@dataclass(frozen=True, slots=True)
class FundYear:
    """A fund's year in minor units; the free fund has an empty code."""

    fund: str
    moved: dict[str, int]


@dataclass(frozen=True, slots=True)
class Year:
    """A town's year in minor units of ``unit``; each figure net of what was taken back.

    outstanding at the end = outstanding at the beginning + issued - redeemed - expired, and
    reserve at the end = reserve at the beginning + received - withdrawn - paid_out.
    """

    year: int
    first_day: date
    last_day: date
    unit: str
    opening: tuple[Stock, ...]
    closing: tuple[Stock, ...]
    moved: dict[str, int]
    funds: tuple[FundYear, ...]
    took_part: TookPart

    @property
    def outstanding(self) -> tuple[int, int]:
        """Units in circulation at the beginning and at the end."""
        return _sum(self.opening, IN_CIRCULATION), _sum(self.closing, IN_CIRCULATION)

    @property
    def reserve(self) -> tuple[int, int]:
        """Euros behind them, as the books say they are in the bank, at the beginning and at the end."""
        return -_sum(self.opening, {Place.BANK}), -_sum(self.closing, {Place.BANK})


MOVED = (
    "received", "withdrawn", "issued", "disbursed", "rewarded", "bonus", "topped_up", "covered", "paid", "refunded", "redeemed", "fees",
    "paid_out", "expired",
)  # fmt: skip
# Which figure each code of the books goes into, and with which sign.
_FIGURES = {
    "receive": ("received", 1), "withdraw": ("withdrawn", 1), "issue": ("issued", 1), "unissue": ("issued", -1),
    "disburse": ("disbursed", 1), "reward": ("rewarded", 1), "bonus": ("bonus", 1), "topup": ("topped_up", 1),
    "cover": ("covered", 1),
    "redeem": ("redeemed", 1), "fee": ("fees", 1), "payout": ("paid_out", 1), "expire": ("expired", 1),
}  # fmt: skip


def figures(entries: list[Entry]) -> tuple[dict[str, int], tuple[FundYear, ...]]:
    """What moved, in all and by fund. A payment given back counts as refunded; anything else taken back is taken off.

    The fund is that of the account that is not free, the giving one first: aid that is spent counts for its fund.
    """
    by_fund: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(MOVED, 0))
    for entry in entries:
        # A reversal stands the other way round: its fund is where the original's was.
        giving, taking = entry.debit_fund, entry.credit_fund
        fund = (taking or giving) if entry.is_reversal else (giving or taking)
        if entry.code == "pay":
            by_fund[fund]["refunded" if entry.is_reversal else "paid"] += entry.amount_minor
        elif entry.code in _FIGURES:
            figure, sign = _FIGURES[entry.code]
            by_fund[fund][figure] += -sign * entry.amount_minor if entry.is_reversal else sign * entry.amount_minor
    total = {figure: sum(moved[figure] for moved in by_fund.values()) for figure in MOVED}
    return total, tuple(FundYear(fund, moved) for fund, moved in sorted(by_fund.items()))


def year(conn: Connection[Any], *, town_id: int, year: int) -> Year:
    """The figures of a local calendar year, up to now where it still runs. Read in a transaction of one snapshot."""
    town = parties.town(conn, town_id)
    first_day, last_day = date(year, 1, 1), date(year, 12, 31)
    start, until = queries.bounds(town, first_day, last_day)
    total, funds = figures(list(queries.journal(conn, town_id=town_id, first_day=first_day, last_day=last_day)))
    return Year(
        year=year,
        first_day=first_day,
        last_day=last_day,
        unit=town.unit_code,
        opening=tuple(queries.stock(conn, town_id=town_id, day=first_day)),
        closing=tuple(queries.stock(conn, town_id=town_id, day=date(year + 1, 1, 1))),
        moved=total,
        funds=funds,
        took_part=one(
            conn, statement("koinon.accounting", "took_part"), TookPart, town_id=town_id, start=start, until=until
        ),
    )


def _sum(stocks: tuple[Stock, ...], places: frozenset[Place] | set[Place]) -> int:
    return sum(found.minor for found in stocks if found.place in places)
