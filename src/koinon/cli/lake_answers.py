"""Answers of an export as people read them: amounts in the town's unit, months, words; what is exact stands under --json."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from koinon.cli.output import counted
from koinon.cli.tables import money, plain_table

if TYPE_CHECKING:
    from rich.console import Console

    from koinon.impact.export.layout import Export, Manifest

MOST = 50
"""Rows of an answer that a terminal shows."""

_SHARES = {
    "by_zone": "neighbourhood",
    "by_sse": "social economy",
    "by_sector": "sector",
    "turnover_by_sector": "sector",
}
_WORDS = {"": "not known", "sse": "social economy"}


@dataclass(frozen=True, slots=True)
class Known:
    """What a row does not say: of its town name, unit and decimals; of its month how many microseconds it had."""

    towns: Mapping[int, Manifest]
    lengths: Mapping[tuple[int, int], int]

    @classmethod
    def of(cls, lake: Export, lengths: Mapping[tuple[int, int], int]) -> Known:
        return cls({one.town: one for one in lake.towns}, lengths)


Row = dict[str, Any]
_Cell = Callable[[Row, Known], str]


def month(period: int) -> str:
    """
    >>> month(202611)
    '2026-11'
    """
    return f"{period // 100:04}-{period % 100:02}"


def _amount(name: str) -> _Cell:
    def cell(row: Row, known: Known) -> str:
        return money(row[name], known.towns[row["town"]].exponent, "")

    return cell


def _mean(name: str) -> _Cell:
    """The mean of what was held over the month, of its integral by microseconds; rounded to the minor unit."""

    def cell(row: Row, known: Known) -> str:
        length = known.lengths[row["town"], row["period"]]
        return money((2 * row[name] + length) // (2 * length), known.towns[row["town"]].exponent, "")

    return cell


def _count(name: str) -> _Cell:
    return lambda row, known: f"{row[name]:,}"


def _hhi(row: Row, known: Known) -> str:
    return f"{row['squares'] / row['receipts'] ** 2:.3f}"


def _velocity(row: Row, known: Known) -> str:
    """How often, a year, what was held was paid on; "-" where nothing was held."""
    if row["held_micros"] <= 0:
        return "-"
    return f"{row['paid'] * known.lengths[row['town'], row['period']] * 12 / row['held_micros']:.3f}"


def _largest(row: Row, known: Known) -> str:
    return f"{row['largest'] / row['receipts']:.1%}"


_RECEIPTS: dict[str, _Cell] = {"received": _amount("receipts"), "businesses": _count("businesses")}
_ANSWERS: dict[str, dict[str, _Cell]] = {
    "flows": {
        "issued": _amount("issued"),
        "paid": _amount("spent"),
        "given back": _amount("refunded"),
        "to businesses": _amount("business_income"),
        "by businesses": _amount("business_spending"),
        "redeemed": _amount("redeemed"),
        "expired": _amount("expired"),
        "out at its end": _amount("outstanding_end"),
        "out on average": _mean("outstanding_micros"),
    },
    "receipts": {
        "received": _amount("receipts"),
        "of it from businesses": _amount("from_businesses"),
        "paid to businesses": _amount("to_businesses"),
        "paid to residents": _amount("to_residents"),
        "redeemed": _amount("redeemed"),
    },
    "customers": {
        "purchases": _count("payments"),
        "customers": _count("payers"),
        "residents that it paid": _count("residents_paid"),
    },
    "concentration": {
        "received": _amount("receipts"),
        "businesses": _count("businesses"),
        "concentration": _hhi,
        "share of the largest": _largest,
    },
    "by_zone": _RECEIPTS,
    "by_sse": _RECEIPTS,
    "by_sector": _RECEIPTS,
    "turnover_by_sector": {
        "paid": _amount("paid"),
        "held at its end": _amount("held_end"),
        "held on average": _mean("held_micros"),
        "velocity": _velocity,
    },
}
"""The columns of each question's answer beside town, month and whose it is."""


def show(console: Console, answers: Mapping[str, Sequence[Row]], known: Known) -> None:
    """Each answer as a table, its first rows where it is long."""
    for question, rows in answers.items():
        console.print(f"{question}: {counted(len(rows), 'row')}" + ("" if len(rows) <= MOST else f", the first {MOST}"))
        if not rows:
            continue
        columns = _ANSWERS[question]
        whose = ["business"] if "holder" in rows[0] else [_SHARES[question]] if "label" in rows[0] else []
        table = plain_table("town", "month", *whose, "unit", *columns, right=[*columns])
        for row in rows[:MOST]:
            named = [str(row["holder"])] if "holder" in row else [_word(row["label"])] if "label" in row else []
            town = known.towns[row["town"]]
            table.add_row(
                town.slug, month(row["period"]), *named, town.unit, *(cell(row, known) for cell in columns.values())
            )
        console.print(table)


def _word(label: str) -> str:
    return _WORDS.get(label, label.replace("_", " ").replace("-", " "))
