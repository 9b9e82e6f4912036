"""How amounts, numbers and days are written for people: by Babel, in the town's country and the reader's language.

Django's own formats and Babel's differ (Django groups no thousands in Arabic),
so every figure a person sees goes through here. What comes out is for eyes only:
it holds direction marks and narrow spaces, and is never parsed.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, time
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_decimal, format_percent, get_currency_name
from django.utils.translation import get_language

from koinon.kernel.money import Amount, to_decimal
from koinon.kernel.periods import Month

AT_HOME = {"el": "GR", "es": "ES", "pt": "PT", "fr": "FR"}


@lru_cache
def locale_of(language: str, country: str = "") -> Locale:
    """The reader's language as written in the town's country; as at home where nobody has described that.

    >>> [str(locale_of(*pair)) for pair in [("es", "ES"), ("el", "ES"), ("ar", "JO"), ("pt", "ES"), ("en", "ES")]]
    ['es_ES', 'el_GR', 'ar_JO', 'pt_PT', 'en_150']
    """
    if language == "en" and country != "US":
        return Locale.parse("en_150")  # English as Europe writes it: days before months.
    for candidate in (country, AT_HOME.get(language, "")):
        if candidate:
            try:
                return Locale.parse(f"{language}_{candidate}")
            except (UnknownLocaleError, ValueError):
                continue
    return Locale.parse(language)


_country: ContextVar[Callable[[], str]] = ContextVar("country", default=lambda: "")


@contextmanager
def in_country(country: str | Callable[[], str]) -> Iterator[None]:
    """Write everything as in this country until the block ends; a function is asked when something is written.

    >>> from django.utils.translation import override
    >>> with override("ar"), in_country("JO"): day(date(2026, 10, 31))
    '31 تشرين الأول 2026'
    >>> with override("ar"), in_country("TN"): number(1234567)
    '1.234.567'
    """
    before = _country.set(country if callable(country) else lambda: country)
    try:
        yield
    finally:
        _country.reset(before)


def current_locale(country: str = "") -> Locale:
    """The reader's language in this country, or in the one that ``in_country`` said."""
    return locale_of((get_language() or "en").split("-")[0], country or _country.get()())


def amount(value: Amount, *, exponent: int = 2, country: str = "", symbol: str = "", signed: bool = False) -> str:
    """An amount with its unit, as the language places it.

    >>> from django.utils.translation import override
    >>> with override("es"): amount(Amount(123456, "REC"), country="ES")
    '1.234,56\\xa0REC'
    >>> with override("ar"): amount(Amount(1234567, "JOD"), exponent=3, country="JO")
    '\\u200f1,234.567\\xa0د.أ.\\u200f'
    """
    locale = current_locale(country)
    pattern = copy.copy(locale.currency_formats["standard"])
    pattern.frac_prec = (exponent, exponent)
    decimal = to_decimal(value.minor, exponent)
    text: str = pattern.apply(decimal, locale, currency=value.unit, currency_digits=False)
    if symbol:
        text = text.replace(value.unit, symbol)
    text = text.replace("-", "\N{MINUS SIGN}")
    if signed and value.minor > 0:
        start = "\u200f" if text.startswith("\u200f") else ""
        text = f"{start}+{text.removeprefix(start)}"
    if locale.text_direction == "rtl":
        # In a line that runs the other way, marks keep the sign before its number and the unit behind it.
        text = re.sub(r"([+\N{MINUS SIGN}][\d.,\u066b\u066c]+)", "\u200e\\1\u200f", text)
    return text


def number(value: int | Fraction | float, *, digits: int = 0, country: str = "") -> str:
    """A number with so many decimals; fractions are rounded half to even only here, at the eye.

    >>> from django.utils.translation import override
    >>> with override("el"): number(Fraction(5, 3), digits=2)
    '1,67'
    """
    pattern = "#,##0." + "0" * digits if digits else "#,##0"
    exact = to_decimal(round(Fraction(value) * 10**digits), digits)
    return format_decimal(exact, format=pattern, locale=current_locale(country))


def thousands_mark(country: str = "") -> str:
    """What parts the thousands of a number: a point in Tunisia's Arabic, a comma in Jordan's."""
    return str(current_locale(country).number_symbols["latn"]["group"])


def currency(code: str) -> str:
    """A national currency by its name, as in "paid out in euros".

    >>> currency("JOD")
    'Jordanian dinars'
    """
    return str(get_currency_name(code, count=100, locale=current_locale("")))


def percent(value: Fraction, *, digits: int = 1, country: str = "") -> str:
    """A share of one as a percentage."""
    exact = to_decimal(round(Fraction(value) * 10 ** (digits + 2)), digits + 2)
    pattern = copy.copy(current_locale(country).percent_formats[None])
    pattern.frac_prec = (digits, digits)
    return format_percent(exact, format=pattern, locale=current_locale(country))


def day(value: date | datetime, zone: str = "UTC", *, style: str = "long", country: str = "") -> str:
    """A day in the town's zone: "31 October 2026", or short for tables."""
    if isinstance(value, datetime):
        value = value.astimezone(ZoneInfo(zone)).date()
    return format_date(value, format=style, locale=current_locale(country))


def short_day(value: date | datetime, zone: str = "UTC") -> str:
    """A day and month for lists in which the year is plain: "31 Oct"."""
    if isinstance(value, datetime):
        value = value.astimezone(ZoneInfo(zone)).date()
    locale = current_locale()
    pattern = locale.datetime_skeletons["MMMd"].pattern
    if locale.language == "ar":
        # Arabic shortens no month. Babel would take its short names from the country that was asked for first.
        pattern = pattern.replace("MMM", "MMMM")
    return format_date(value, format=pattern, locale=locale)


def instant(value: datetime, zone: str = "UTC") -> str:
    """A day and time in the town's zone, to the minute."""
    there, locale = value.astimezone(ZoneInfo(zone)), current_locale()
    return str(locale.datetime_formats["medium"]).format(
        of_day(there.time()), format_date(there, format="medium", locale=locale)
    )


def clock(value: datetime, zone: str = "UTC") -> str:
    """The hour and minute in the town's zone."""
    return of_day(value.astimezone(ZoneInfo(zone)).time())


def of_day(value: time, country: str = "") -> str:
    """A time of the day.

    Greek counts to 24, as timetables and offices do: a sentence after "7:00 μ.μ." would end in two dots.

    >>> from django.utils.translation import override
    >>> with override("el"): of_day(time(19, 5))
    '19:05'
    """
    locale = current_locale(country)
    return format_time(value, format="HH:mm" if locale.language == "el" else "short", locale=locale)


def month(value: Month) -> str:
    """A month and its year: "October 2026"."""
    skeleton = current_locale().datetime_skeletons["yMMMM"]
    return format_date(value.first_day, format=skeleton.pattern, locale=current_locale())
