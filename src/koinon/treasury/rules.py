"""Decisions of the treasury: no clock, no database."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction
from uuid import UUID

from schwifty import IBAN
from schwifty.exceptions import SchwiftyException

from koinon.kernel.decisions import Decision, Ground
from koinon.kernel.money import share_rounded_down
from koinon.kernel.text import normal_identifier
from koinon.treasury.sepa_text import sepa_text
from koinon.treasury.types import FileFormat, Payee, Terms

EURO = "EUR"


def default_terms(*, currency: str) -> Terms:
    """What holds in a town that has not said: any amount, by SEPA in euros, by CSV elsewhere."""
    return Terms(
        from_day=date.min,
        minimum_minor=1,
        file_format=FileFormat.PAIN_001_09 if currency == EURO else FileFormat.CSV,
        execution_days=1,
        source="",
    )


def fee_minor(asked_minor: int, terms: Terms) -> int:
    """What the town keeps of a request, in minor units: the fixed part and the share, the share rounded down.

    >>> from dataclasses import replace
    >>> fee_minor(100_05, replace(default_terms(currency="EUR"), fee_minor=50, fee_bps=150))
    200
    """
    return terms.fee_minor + share_rounded_down(asked_minor, Fraction(terms.fee_bps, 10_000))


def is_schedule(text: str) -> bool:
    """Whether these are days on which runs are made.

    >>> is_schedule(""), is_schedule("weekly:5"), is_schedule("monthly:1,15"), is_schedule("monthly:31")
    (True, True, True, False)
    """
    day = r"([1-9]|1[0-9]|2[0-8])"
    return bool(re.fullmatch(rf"|weekly:[1-7](,[1-7])*|monthly:{day}(,{day})*", text))


def may_be_terms(terms: Terms, *, currency: str, today: date) -> Decision:
    """Whether a town can promise its shops this from ``terms.from_day`` on; what held before today stays as it was."""
    wrong = {
        "terms.in-the-past": terms.from_day < today,
        "terms.minimum-not-positive": terms.minimum_minor <= 0,
        "terms.fee-too-high": not (0 <= terms.fee_bps <= 2000 and 0 <= terms.fee_minor < max(terms.minimum_minor, 1)),
        "terms.cooling-too-long": not 0 <= terms.cooling_days <= 60,
        "terms.execution-too-late": not 0 <= terms.execution_days <= 30,
        "terms.schedule-unknown": not is_schedule(terms.schedule),
        "terms.not-sepa": currency != EURO and terms.file_format is not FileFormat.CSV,
    }
    return Decision(tuple(Ground(code) for code, is_wrong in wrong.items() if is_wrong))


def next_run_day(day: date, terms: Terms) -> date:
    """The first day from this one on, this one included, on which the town makes a run.

    >>> from dataclasses import replace
    >>> fridays, middle = (replace(default_terms(currency="EUR"), schedule=s) for s in ("weekly:5", "monthly:1,15"))
    >>> next_run_day(date(2026, 11, 3), fridays), next_run_day(date(2026, 11, 16), middle)
    (datetime.date(2026, 11, 6), datetime.date(2026, 12, 1))
    """
    return scheduled_day(day, terms.schedule) if terms.schedule else day


def scheduled_day(day: date, schedule: str) -> date:
    """The first day from this one on that a schedule such as ``weekly:5`` or ``monthly:1,15`` names."""
    every, listed = schedule.split(":")
    days = {int(number) for number in listed.split(",")}
    while (day.isoweekday() if every == "weekly" else day.day) not in days:
        day += timedelta(days=1)
    return day


def payout_day(payable_from: date, terms: Terms) -> date:
    """The day on which the bank pays a request, as the town has promised it: a run on schedule, then the bank's days."""
    return execution_day(next_run_day(payable_from, terms), terms)


def easter(year: int) -> date:
    """Easter Sunday of the Western churches.

    Source: the anonymous Gregorian algorithm (Meeus, Astronomical Algorithms, chapter 8).

    >>> easter(2026), easter(2038)
    (datetime.date(2026, 4, 5), datetime.date(2038, 4, 25))
    """
    golden, century, in_century = year % 19, year // 100, year % 100
    leap, rest = divmod(century, 4)
    moon = (19 * golden + century - leap - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    sunday = (32 + 2 * rest + 2 * (in_century // 4) - moon - in_century % 4) % 7
    late = (golden + 11 * moon + 22 * sunday) // 451
    month, day = divmod(moon + sunday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def bank_day(day: date) -> date:
    """This day, or the next one on which euro banks settle (T2, formerly TARGET).

    Closed: Saturdays, Sundays, 1 January, Good Friday, Easter Monday, 1 May, 25 and
    26 December. Source: European Central Bank, T2 calendar.

    >>> bank_day(date(2026, 4, 3)), bank_day(date(2026, 11, 2))
    (datetime.date(2026, 4, 7), datetime.date(2026, 11, 2))
    """
    while True:
        sunday = easter(day.year)
        closed = {(1, 1), (5, 1), (12, 25), (12, 26)}
        moving = {sunday - timedelta(days=2), sunday + timedelta(days=1)}
        if day.weekday() < 5 and (day.month, day.day) not in closed and day not in moving:
            return day
        day += timedelta(days=1)


def execution_day(exported: date, terms: Terms) -> date:
    """The day on which the bank shall pay a file that leaves on ``exported``; a T2 day for SEPA.

    Outside SEPA the days are counted as they come: weekends differ, and the bank moves the day itself.
    """
    day = exported + timedelta(days=terms.execution_days)
    return day if terms.file_format is FileFormat.CSV else bank_day(day)


def bank_account(text: str, file_format: FileFormat) -> tuple[str, str]:
    """An account number as the bank takes it and, when it does not, the code of the reason.

    >>> bank_account("ES91 2100 0418 4502 0005 1332", FileFormat.PAIN_001_09)
    ('ES9121000418450200051332', '')
    >>> bank_account("ES91 2100 0418 4502 0005 1333", FileFormat.PAIN_001_09)[1]
    'treasury.account-invalid'
    >>> bank_account("JO94CBJO0010000000000131000302", FileFormat.PAIN_001_09)[1]
    'treasury.account-outside-sepa'
    >>> bank_account("10 006 0351835984788 31", FileFormat.CSV)
    ('10006035183598478831', '')
    """
    account = normal_identifier(text)
    if not account:
        return "", "treasury.account-missing"
    if file_format is FileFormat.CSV and account.isdecimal():
        return account, ""  # A national number, as Tunisian banks use; its form is the bank's to check.
    try:
        iban = IBAN(account)
    except SchwiftyException:
        return "", "treasury.account-invalid"
    if file_format is not FileFormat.CSV and not iban.in_sepa_zone:
        return "", "treasury.account-outside-sepa"
    return str(iban), ""


def payee(party: UUID, fields: Mapping[str, str], file_format: FileFormat) -> tuple[Payee | None, list[Ground]]:
    """Whom the bank shall pay, or every reason why it could not; the reasons name the party by its id only."""
    grounds = []
    name = " ".join(fields.get("name", "").split())
    readable = name if file_format is FileFormat.CSV else sepa_text(name, longest=70).strip(". ")
    if not readable:
        grounds.append(Ground("treasury.name-missing", {"party": str(party)}))
    account, reason = bank_account(fields.get("iban", ""), file_format)
    if reason:
        grounds.append(Ground(reason, {"party": str(party)}))
    return (None if grounds else Payee(name=name, account=account)), grounds
