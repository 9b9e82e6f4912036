"""The payments of a run as a CSV file, for banks outside SEPA."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date

from koinon.kernel.money import to_decimal
from koinon.treasury.types import CreditTransfer

COLUMNS = ("reference", "name", "account", "amount", "currency", "execution_day", "remittance")


def write(*, currency: str, exponent: int, execution_day: date, transfers: Sequence[CreditTransfer]) -> bytes:
    """UTF-8 with a byte order mark, comma-separated, one heading line, decimal points; names in their own script.

    The byte order mark makes spreadsheets show Arabic and Greek names as they are.
    A name that a spreadsheet would take for a formula loses the signs it begins with.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for transfer in transfers:
        writer.writerow(
            [
                transfer.end_to_end_id,
                " ".join(transfer.payee.name.split()).lstrip("=+-@ "),
                transfer.payee.account,
                str(to_decimal(transfer.amount_minor, exponent)),
                currency,
                execution_day.isoformat(),
                transfer.remittance,
            ]
        )
    return text.getvalue().encode("utf-8-sig")
