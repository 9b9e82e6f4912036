"""From a bank's bytes to what they say: read whole, or refused with every finding."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from koinon.banking import bank_csv, camt053, pain002
from koinon.banking.findings import finding
from koinon.banking.types import FileKind, ReadFile
from koinon.banking.xml_reading import LARGEST_FILE, Unreadable, parse
from koinon.kernel.errors import FindingsError


def read(
    content: bytes, *, columns: Mapping[str, str], currency: str, exponent: int, country: str, today: date
) -> ReadFile:
    """What a file says. Pure: no clock, no database, and nothing is looked up outside the file.

    ``currency`` and ``exponent`` are the town's national currency; ``columns`` the
    names of a CSV's headings. Refuses with ``FindingsError``.
    """
    if len(content) > LARGEST_FILE:
        raise FindingsError([finding("bank.file-too-large")])
    start = content[:200].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\x00")
    if not start:
        raise FindingsError([finding("bank.file-empty")])
    if not start.startswith(b"<"):
        statement, wrong = bank_csv.read(
            content, columns=columns, currency=currency, exponent=exponent, country=country, today=today
        )
        if wrong or statement is None:
            raise FindingsError(wrong)
        return ReadFile(FileKind.CSV, statements=(statement,))
    try:
        namespace, root = parse(content)
    except Unreadable as broken:
        raise FindingsError([finding(broken.code)]) from None
    if namespace in camt053.NAMESPACES:
        reader = camt053.Reader(exponent=exponent, today=today)
        statements = reader.statements(root)
        wrong = reader.findings + [
            finding("bank.currency-differs", column="Acct") for one in statements if one.currency != currency
        ]
        if wrong:
            raise FindingsError(wrong)
        return ReadFile(FileKind.CAMT_053, statements=tuple(statements))
    if namespace in pain002.NAMESPACES:
        answers, wrong = pain002.answers(root)
        if wrong:
            raise FindingsError(wrong)
        return ReadFile(FileKind.PAIN_002, answers=tuple(answers))
    is_near = any(part in namespace for part in ("camt.053", "pain.002"))
    raise FindingsError([finding("bank.version-unknown" if is_near else "bank.file-unknown")])
