"""What a bank writes into its fields: amounts and days. Nothing is guessed."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, timedelta
from decimal import Decimal

from koinon.kernel.money import to_minor

LARGEST_MINOR = 10**13
_PLAIN = re.compile(r"[0-9]{1,13}(\.[0-9]{1,5})?")
_DAY_FIRST = re.compile(r"([0-9]{1,2})[./-]([0-9]{1,2})[./-]([0-9]{4})")


def xml_amount(text: str, exponent: int) -> int | None:
    """Minor units of an ISO 20022 amount, which is never negative; None for what is none.

    >>> xml_amount("12.5", 2), xml_amount("-12.50", 2), xml_amount("1e9", 2), xml_amount("0.001", 2)
    (1250, None, None, None)
    """
    if not _PLAIN.fullmatch(text):
        return None
    try:
        minor = to_minor(Decimal(text), exponent)
    except ValueError:
        return None
    return minor if minor < LARGEST_MINOR else None


def table_amount(text: str, exponent: int) -> int | None:
    """Minor units of an amount in a table, with a sign before or after and marks of any kind.

    Of a point and a comma the last one is the decimal mark. One of them alone with
    three digits behind it is read as thousands only where it stands more than once.

    >>> [table_amount(said, 2) for said in ("-1.234,56", "1,234.56 EUR", "12,5-", "(7.00)", "+3", "1.234")]
    [-123456, 123456, -1250, -700, 300, None]
    >>> table_amount("١٢٫٥٠٠", 3)
    12500
    """
    digits = "".join(str(unicodedata.decimal(mark)) if mark.isdecimal() else mark for mark in text)
    bare = digits.replace("٬", "'").replace("٫", ".").replace("−", "-").replace("’", "'")
    bare = re.sub(r"(?i)[\s\u200e\u200f\u00a0\u202f]|[A-Z]{3}$|^[A-Z]{3}|€", "", bare)
    sign = 1
    if bare.startswith("(") and bare.endswith(")"):
        sign, bare = -1, bare[1:-1]
    elif bare[:1] in ("+", "-"):
        sign, bare = (-1 if bare[0] == "-" else 1), bare[1:]
    elif bare[-1:] in ("+", "-"):
        sign, bare = (-1 if bare[-1] == "-" else 1), bare[:-1]
    plain = _without_groups(bare, exponent)
    minor = None if plain is None else xml_amount(plain, exponent)
    return None if minor is None else sign * minor


def _without_groups(bare: str, exponent: int) -> str | None:
    whole, mark, fraction = bare, "", ""
    last = max(bare.rfind("."), bare.rfind(","))
    if last >= 0 and bare.count(bare[last]) == 1:
        mark, whole, fraction = bare[last], bare[:last], bare[last + 1 :]
        other = set(whole) & {".", ",", "'"}
        if not fraction or (len(fraction) == 3 and exponent < 3 and not other):
            return None
    groups = re.split(r"[.,']", whole)
    marks = set(re.findall(r"[.,']", whole))
    if len(marks) > 1 or mark in marks or not all(group.isascii() and group.isdecimal() for group in groups):
        return None
    if len(groups) > 1 and (not 1 <= len(groups[0]) <= 3 or any(len(group) != 3 for group in groups[1:])):
        return None
    return "".join(groups) + (f".{fraction}" if fraction else "")


def day(text: str) -> date | None:
    """A day as 2026-12-31 (perhaps with a time behind it), or as 31/12/2026.

    >>> day("2026-12-31T10:00:00+02:00"), day("31.12.2026"), day("12/31/2026"), day("20261231")
    (datetime.date(2026, 12, 31), datetime.date(2026, 12, 31), None, datetime.date(2026, 12, 31))
    """
    bare = "".join(str(unicodedata.decimal(mark)) if mark.isdecimal() else mark for mark in text.strip())
    try:
        if found := _DAY_FIRST.fullmatch(bare):
            return date(int(found[3]), int(found[2]), int(found[1]))
        if re.fullmatch(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}", bare):
            return date.fromisoformat(bare)
        if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]", bare):
            return datetime.fromisoformat(bare).date()
    except ValueError:
        return None
    return None


def is_possible(booked_on: date, today: date) -> bool:
    """Whether a bank can have booked on this day: until tomorrow (its clock may be ahead), and not ten years ago."""
    return today - timedelta(days=3653) <= booked_on <= today + timedelta(days=1)
