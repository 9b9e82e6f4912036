"""A bank's table of movements as CSV, under headings of its own."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import date

from koinon.banking import cells
from koinon.banking.findings import finding
from koinon.banking.types import Details, FileKind, ReadEntry, ReadStatement
from koinon.kernel.decisions import Finding
from koinon.kernel.text import fold, normal_identifier

MOST_ROWS = 20_000
_LONGEST_REFERENCE = 140
_LONGEST_CELL = 2000

# field: headings that banks around the Mediterranean use, folded
HEADINGS: dict[str, tuple[str, ...]] = {
    "day": ("date", "day", "booking date", "booked on", "transaction date", "posting date", "fecha", "fecha operacion",
            "data", "data mov.", "date operation", "date d'operation", "ημερομηνια", "ημερομηνια συναλλαγης", "التاريخ",
            "تاريخ العملية", "תאריך"),
    "value_day": ("value date", "fecha valor", "data valor", "date valeur", "date de valeur", "valeur", "ημερομηνια αξιας",
                  "تاريخ الحق", "تاريخ القيمة"),
    "amount": ("amount", "importe", "montante", "montant", "ποσο", "المبلغ", "סכום"),
    "debit": ("debit", "withdrawal", "cargo", "debito", "χρεωση", "مدين", "חובה"),
    "credit": ("credit", "deposit", "abono", "credito", "πιστωση", "دائن", "זכות"),
    "reference": ("bank reference", "reference", "transaction id", "referencia", "reference banque", "αριθμος συναλλαγης",
                  "المرجع", "رقم المرجع", "אסמכתא"),
    "end_to_end_id": ("end to end", "end-to-end id", "endtoendid", "our reference", "customer reference"),
    "structured": ("structured reference", "creditor reference", "rf"),
    "name": ("name", "counterparty", "nombre", "ordenante", "beneficiario", "nom", "ονομα", "الاسم"),
    "text": ("text", "description", "details", "narrative", "concepto", "descripcion", "descricao", "libelle", "περιγραφη",
             "αιτιολογια", "البيان", "الوصف", "תיאור"),
    "balance": ("balance", "saldo", "solde", "υπολοιπο", "الرصيد", "יתרה"),
    "currency": ("currency", "divisa", "moneda", "moeda", "devise", "νομισμα", "العملة"),
    "return_code": ("return code", "return reason"),
}  # fmt: skip
_ENCODINGS = {"GR": "cp1253", "JO": "cp1256", "PS": "cp1256", "TN": "cp1252"}


def read(
    content: bytes, *, columns: Mapping[str, str], currency: str, exponent: int, country: str, today: date
) -> tuple[ReadStatement | None, list[Finding]]:
    """The movements of a table, or every finding. ``columns`` says how this bank calls its columns.

    The row of headings is the first one that has a day and an amount; what stands
    above it (the bank's letterhead) is passed over. Rows without day and amount
    (totals, blank rows) are, too.
    """
    text = _decoded(content, country)
    if text is None:
        return None, [finding("bank.encoding-unknown")]
    rows = list(_rows(text))
    if len(rows) > MOST_ROWS + 50:
        return None, [finding("bank.entries-too-many")]
    start, places = _headings(rows, columns)
    if start < 0:
        return None, [finding("bank.heading-missing", row=1)]
    wrong: list[Finding] = []
    entries: list[ReadEntry] = []
    balances: list[int | None] = []
    for number, row in rows[start + 1 :]:
        cell = {field: row[place].strip() if place < len(row) else "" for field, place in places.items()}
        if len([one for one in row if one.strip()]) > len(rows[start][1]):
            wrong.append(finding("bank.row-uneven", row=number))
            continue
        if not cell["day"] or not any(cell.get(field) for field in ("amount", "debit", "credit")):
            continue
        entry = _entry(cell, number, currency, exponent, today, wrong)
        if entry is not None:
            entries.append(entry)
            balances.append(cells.table_amount(cell.get("balance", ""), exponent))
    opening, closing = _balances(entries, balances)
    days = [entry.booked_on for entry in entries]
    return ReadStatement(
        kind=FileKind.CSV,
        account="",
        currency=currency,
        reference="",
        from_day=min(days, default=None),
        to_day=max(days, default=None),
        opening_minor=opening,
        closing_minor=closing,
        entries=tuple(entries),
    ), wrong


def _entry(
    cell: Mapping[str, str], number: int, currency: str, exponent: int, today: date, wrong: list[Finding]
) -> ReadEntry | None:
    before = len(wrong)
    booked = cells.day(cell["day"])
    if booked is None:
        wrong.append(finding("bank.day-invalid", row=number, column="day"))
    elif not cells.is_possible(booked, today):
        wrong.append(finding("bank.day-in-future", row=number, column="day"))
    if cell.get("currency") and cell["currency"].upper() != currency:
        wrong.append(finding("bank.currency-differs", row=number, column="currency"))
    amount = _amount(cell, exponent)
    if not amount:
        wrong.append(finding("bank.amount-invalid", row=number, column="amount"))
    if any(len(said) > _LONGEST_CELL for said in cell.values()) or len(cell.get("reference", "")) > _LONGEST_REFERENCE:
        wrong.append(finding("bank.text-too-long", row=number))
    if len(wrong) > before or booked is None or not amount:
        return None
    code = normal_identifier(cell.get("return_code", ""))
    return ReadEntry(
        place=number,
        booked_on=booked,
        value_on=cells.day(cell.get("value_day", "")),
        amount_minor=amount,
        bank_reference=" ".join(cell.get("reference", "").split()),
        end_to_end_id=cell.get("end_to_end_id", "")[:_LONGEST_REFERENCE],
        structured_reference=cell.get("structured", "")[:_LONGEST_REFERENCE],
        is_return=bool(code),
        return_code=code if len(code) == 4 and code.isascii() else "",
        details=Details(name=cell.get("name", "")[:_LONGEST_REFERENCE], text=cell.get("text", "")[:1000]),
    )


def _amount(cell: Mapping[str, str], exponent: int) -> int | None:
    """One signed amount, or a debit or a credit that is written without a sign (or with the one it means)."""
    if cell.get("amount"):
        return cells.table_amount(cell["amount"], exponent)
    debit, credit = (cells.table_amount(cell.get(side, "") or "0", exponent) for side in ("debit", "credit"))
    if debit is None or credit is None or (debit and credit) or credit < 0:
        return None
    return credit or -abs(debit)


def _balances(entries: list[ReadEntry], balances: list[int | None]) -> tuple[int | None, int | None]:
    """Opening and closing balance, where every row's balance follows from the one before; in either order of days."""
    if not entries or None in balances:
        return None, None
    known = [balance for balance in balances if balance is not None]
    for rows, said in ((entries, known), (entries[::-1], known[::-1])):
        if all(said[n - 1] + rows[n].amount_minor == said[n] for n in range(1, len(rows))):
            return said[0] - rows[0].amount_minor, said[-1]
    return None, None


def _headings(rows: list[tuple[int, list[str]]], columns: Mapping[str, str]) -> tuple[int, dict[str, int]]:
    named = {fold(heading): field for field, headings in HEADINGS.items() for heading in headings}
    named |= {fold(heading): field for field, heading in columns.items()}
    for index, (_, row) in enumerate(rows[:40]):
        places: dict[str, int] = {}
        for place, heading in enumerate(row):
            field = named.get(fold(heading).strip(" :*"))
            if field is not None:
                places.setdefault(field, place)
        if "day" in places and ("amount" in places or {"debit", "credit"} <= set(places)):
            return index, places
    return -1, {}


def _rows(text: str) -> list[tuple[int, list[str]]]:
    head = text[:20_000]
    counts = {mark: head.count(mark) for mark in (";", "\t", ",", "|")}
    delimiter = max(counts, key=lambda mark: counts[mark]) if any(counts.values()) else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    found = []
    try:
        for row in reader:
            found.append((reader.line_num, row))
            if len(found) > MOST_ROWS + 50:
                break
    except csv.Error:
        return []
    return found


def _decoded(content: bytes, country: str) -> str | None:
    if b"\x00" in content[:1000] and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None
    for encoding in ("utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig",
                     _ENCODINGS.get(country, "cp1252")):  # fmt: skip
        try:
            return content.decode(encoding)
        except UnicodeError:
            continue
    return None
