"""The journal and the trial balance of some days, as rows for the town's own accounting.

Every entry is two rows with the same number, one debit and one credit, so each file balances by itself; the books'
accounts are the town's by its chart (``queries.chart``). Nobody is named: residents and shops stand together
in one account each.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from io import StringIO

from koinon.accounting.types import ChartAccount, Entry, Place, Stock
from koinon.kernel.money import to_decimal

JOURNAL = (
    "date",
    "entry",
    "account",
    "account_name",
    "debit",
    "credit",
    "currency",
    "fund",
    "code",
    "reference",
    "transfers",
)
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
BALANCE = ("account", "account_name", "fund", "debit", "credit", "currency")


def journal_rows(
    entries: Iterable[Entry], *, chart: Mapping[Place, ChartAccount], currency: str, exponent: int
) -> Iterator[tuple[str, ...]]:
    """Two rows for each entry: what is debited, then what is credited; amounts are decimals with a point."""
    for number, entry in enumerate(entries, start=1):
        amount = _written(entry.amount_minor, exponent)
        code = f"{entry.code}-reversed" if entry.is_reversal else entry.code
        for place, fund, debit, credit in (
            (entry.debit_place, entry.debit_fund, amount, ""),
            (entry.credit_place, entry.credit_fund, "", amount),
        ):
            account = chart[Place(place)]
            yield (
                entry.day.isoformat(), str(number), account.number, account.name, debit, credit, currency, fund, code,
                entry.reference, str(entry.transfers),
            )  # fmt: skip


def balance_rows(
    stocks: Sequence[Stock], *, chart: Mapping[Place, ChartAccount], currency: str, exponent: int
) -> list[tuple[str, ...]]:
    """What stands in each account, on the side on which it stands. Both sides add up to the same.

    The account that mirrors the bank is debited by what came in, so its balance in the books is below zero.
    """
    rows: list[tuple[str, ...]] = []
    for found in stocks:
        account = chart[Place(found.place)]
        amount = _written(abs(found.minor), exponent)
        debit, credit = (amount, "") if found.minor < 0 else ("", amount)
        rows.append((account.number, account.name, found.fund, debit, credit, currency))
    return rows


def as_csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Lines of a CSV file (RFC 4180), a few hundred at a time."""
    text = StringIO()
    write = csv.writer(text, lineterminator="\r\n")
    write.writerow(header)
    for number, row in enumerate(rows, start=1):
        write.writerow([_harmless(cell) for cell in row])
        if number % 500 == 0:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def _harmless(cell: str) -> str:
    """A cell that a spreadsheet would take for a formula is made text; a number below zero stays one.

    >>> _harmless("-12.50"), _harmless("-1+cmd"), _harmless("=A1"), _harmless("A1")
    ('-12.50', "'-1+cmd", "'=A1", 'A1')
    """
    looks_active = cell[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{cell}" if looks_active and not _NUMBER.fullmatch(cell) else cell


def _written(minor: int, exponent: int) -> str:
    return str(to_decimal(minor, exponent))


def name(slug: str, what: str, first_day: date, last_day: date) -> str:
    """A file name that says what is in it."""
    return f"{slug}-{what}-{first_day.isoformat()}-{last_day.isoformat()}.csv"
