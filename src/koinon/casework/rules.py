"""Until when a complaint is answered, and what may be attached to it: no clock, no database."""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Iterable
from datetime import date, timedelta

from koinon.casework.errors import (
    DocumentKindRefused,
    DocumentTooLarge,
    TermNotUsable,
    WordsMissing,
    WordsTooLong,
)
from koinon.casework.types import About, Count, Term

MOST_LETTERS = 8000
MOST_BYTES = 5 * 2**20
MOST_DOCUMENTS = 20
_KINDS = ((b"%PDF-", "application/pdf"), (b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"))

# Which days of the week nobody works, Monday being 0; Saturday and Sunday where a country is not named.
_WEEKENDS = {"DZ": {4, 5}, "EG": {4, 5}, "JO": {4, 5}, "PS": {4, 5}}

# Dated law and, where there is none, what the project holds to be fair; a town's own terms come before these.
TERMS = (
    Term("", "", date(2000, 1, 1), 30, Count.DAYS, "Default of this software; set the town's own"),
    Term("", About.CARD, date(2018, 1, 13), 15, Count.WORKING_DAYS, "After Directive (EU) 2015/2366, article 101(2)"),
    Term(
        "", About.PAYMENT, date(2018, 1, 13), 15, Count.WORKING_DAYS, "After Directive (EU) 2015/2366, article 101(2)"
    ),
    Term("", About.DATA, date(2018, 5, 25), 1, Count.MONTHS, "Regulation (EU) 2016/679, article 12(3)"),
    Term("GR", "", date(1999, 3, 9), 50, Count.DAYS, "Law 2690/1999, article 4(1)"),
    Term("ES", "", date(2016, 10, 2), 3, Count.MONTHS, "Ley 39/2015, article 21(3)"),
)


def term(*, country: str, about: About, day: date, own: Iterable[Term] = ()) -> Term:
    """Which term holds for a complaint received on a day.

    The town's own term comes first; then the shortest of those that the software knows for the
    country or everywhere: a duty to answer sooner is not undone by one to answer later. The default
    holds where nothing else does. Of several versions of one term the last that has begun holds.

    >>> term(country="GR", about=About.AID, day=date(2026, 11, 2)).source
    'Law 2690/1999, article 4(1)'
    >>> term(country="GR", about=About.DATA, day=date(2026, 11, 2)).source
    'Regulation (EU) 2016/679, article 12(3)'
    """

    def fitting(terms: Iterable[Term]) -> list[Term]:
        newest: dict[tuple[str, str], Term] = {}
        for each in sorted(terms, key=lambda one: one.from_day):
            if each.country in ("", country) and each.about in ("", about) and each.from_day <= day:
                newest[each.country, each.about] = each
        return list(newest.values())

    if mine := fitting(own):
        return max(mine, key=lambda one: (one.about != "", one.country != ""))
    known = fitting(TERMS)
    special = [one for one in known if one.country or one.about]
    return min(special or known, key=lambda one: due_day(day, one, country=country))


def due_day(received: date, limit: Term, *, country: str) -> date:
    """The last local day on which an answer is in time.

    The day of receipt does not count. A term that ends on a day on which nobody works
    ends on the next on which somebody does (Regulation (EEC, Euratom) 1182/71, article 3). Holidays other than
    weekends are not known here.

    >>> due_day(date(2026, 11, 2), Term("", "", date(2000, 1, 1), 15, Count.WORKING_DAYS, "-"), country="GR")
    datetime.date(2026, 11, 23)
    >>> due_day(date(2027, 1, 31), Term("", "", date(2000, 1, 1), 1, Count.MONTHS, "-"), country="GR")
    datetime.date(2027, 3, 1)
    """
    weekend = _WEEKENDS.get(country, {5, 6})
    if limit.count is Count.MONTHS:
        years, month = divmod(received.month - 1 + limit.number, 12)
        year, month = received.year + years, month + 1
        last = date(year, month, min(received.day, calendar.monthrange(year, month)[1]))
    elif limit.count is Count.DAYS:
        last = received + timedelta(days=limit.number)
    else:
        last = received
        for _ in range(limit.number):
            last = _next_working(last + timedelta(days=1), weekend)
    return _next_working(last, weekend)


def _next_working(day: date, weekend: set[int]) -> date:
    while day.weekday() in weekend:
        day += timedelta(days=1)
    return day


def usable_term(number: int, source: str) -> None:
    """Refuse with ``TermNotUsable`` what no town can mean."""
    if not 1 <= number <= 366 or not source.strip() or len(source) > 200:
        raise TermNotUsable


def written(words: str) -> str:
    """Words as they are kept, or the refusal."""
    bare = unicodedata.normalize("NFC", words.replace("\x00", "")).strip()
    if not bare:
        raise WordsMissing
    if len(bare) > MOST_LETTERS:
        raise WordsTooLong(most=MOST_LETTERS, letters=len(bare))
    return bare


def media_type(content: bytes) -> str:
    """What a file is by how it begins, never by its name; the refusal for anything else.

    >>> media_type(b"%PDF-1.7 ..."), media_type("Καλημέρα".encode())
    ('application/pdf', 'text/plain')
    >>> media_type(b"MZ\\x90\\x00")
    Traceback (most recent call last):
    koinon.casework.errors.DocumentKindRefused: only PDF, JPEG, PNG and plain text are kept
    """
    if len(content) > MOST_BYTES:
        raise DocumentTooLarge(most_bytes=MOST_BYTES, bytes_given=len(content))
    for beginning, kind in _KINDS:
        if content.startswith(beginning):
            return kind
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise DocumentKindRefused from None
    if not text.strip() or any(unicodedata.category(mark) == "Cc" and mark not in "\t\r\n\f" for mark in text):
        raise DocumentKindRefused
    return "text/plain"


def file_name(given: str, kind: str) -> str:
    """A name that can be saved anywhere, with the ending of what the file is.

    >>> file_name("../../Αίτηση\\x00 1.exe", "application/pdf")
    'Αίτηση 1.pdf'
    """
    ending = {"application/pdf": ".pdf", "image/jpeg": ".jpg", "image/png": ".png", "text/plain": ".txt"}[kind]
    bare = re.split(r"[\\/]", unicodedata.normalize("NFC", given))[-1].rpartition(".")
    stem = re.sub(r"[^\w .()-]", "", bare[0] or bare[2]).strip(" .")
    return (stem[:100] or "document") + ending
