"""The language that a page is written in: its words by gettext, its numbers and days by Babel.

Needs no Django and no settings, and English needs neither a catalogue nor Babel, whose loading costs more than a
small file's trace; a test holds English numbers against Babel's.
"""

from __future__ import annotations

import gettext as catalogues
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

import koinon

LANGUAGES: Final = ("en", "el", "es", "pt", "fr", "ar")
_IN: Final = "\x04"  # Stands between context and message, as in a catalogue.
_AT_HOME: Final = {"el": "el_GR", "es": "es_ES", "pt": "pt_PT", "fr": "fr_FR", "ar": "ar"}


@dataclass(frozen=True, slots=True)
class Speech:
    code: str = "en"
    words: catalogues.NullTranslations = field(default_factory=catalogues.NullTranslations)

    @property
    def right_to_left(self) -> bool:
        return self.code == "ar"


_spoken: ContextVar[Speech] = ContextVar("spoken", default=Speech())  # noqa: B039 (never changed)


@contextmanager
def speaking(language: str) -> Iterator[Speech]:
    """Write in this language until the block ends.

    >>> with speaking("fr"): decimal(12345.678, 2), percent(33.333, 1), decimal(-3, 0)
    ('12\\u202f345,68', '33,3\\xa0%', '−3')
    """
    before = _spoken.set(_speech(language))
    try:
        yield _spoken.get()
    finally:
        _spoken.reset(before)


@cache
def _speech(language: str) -> Speech:
    if language == "en":
        return Speech()
    folder = Path(koinon.__file__).parent / "server" / "locale"
    return Speech(language, catalogues.translation("django", folder, [language], fallback=True))


def current() -> Speech:
    return _spoken.get()


def gettext(message: str) -> str:
    """The words of a message, which ``pgettext_noop`` may have marked."""
    context, mark, said = message.rpartition(_IN)
    return pgettext(context, said) if mark else _spoken.get().words.gettext(said)


def ngettext(one: str, many: str, count: int) -> str:
    return _spoken.get().words.ngettext(one, many, count)


def pgettext(context: str, message: str) -> str:
    return _spoken.get().words.pgettext(context, message)


def gettext_noop(message: str) -> str:
    """Words for translators that are looked up where they are written."""
    return message


def pgettext_noop(context: str, message: str) -> str:
    """The same for words that mean several things.

    >>> gettext(pgettext_noop("units", "taken back"))
    'taken back'
    """
    return f"{context}{_IN}{message}"


@cache
def _locale(language: str) -> Any:
    from babel import Locale

    return Locale.parse(_AT_HOME[language])


def decimal(value: float | Decimal, places: int) -> str:
    """A number with so many decimals.

    >>> decimal(1234567.891, 2), decimal(-0.5, 1), decimal(Decimal("12345678901234567.89"), 2)
    ('1,234,567.89', '−0.5', '12,345,678,901,234,567.89')
    """
    speech = _spoken.get()
    if speech.code == "en":
        written = f"{value:,.{places}f}"
    else:
        from babel.numbers import format_decimal

        # The rounding is ours in every language.
        pattern = "#,##0." + "0" * places if places else "#,##0"
        written = format_decimal(Decimal(f"{value:.{places}f}"), format=pattern, locale=_locale(speech.code))
    return written.replace("-", "−")


def percent(value: float, places: int) -> str:
    """A percentage, from per cents.

    >>> percent(33.333, 1)
    '33.3%'
    """
    speech = _spoken.get()
    if speech.code == "en":
        return f"{value:.{places}f}%"
    import copy

    from babel.numbers import format_percent

    locale = _locale(speech.code)
    pattern = copy.copy(locale.percent_formats[None])
    pattern.frac_prec = (places, places)
    return format_percent(Decimal(f"{value:.{places}f}") / 100, format=pattern, locale=locale)


def duration(value: float, unit: str, places: int) -> str:
    """So many days, hours or minutes.

    >>> duration(31.24, "day", 1), duration(4, "minute", 0)
    ('31.2 days', '4 minutes')
    >>> with speaking("el"): duration(31.24, "day", 1)
    '31,2 ημέρες'
    >>> with speaking("ar"): duration(31.24, "day", 1)
    '31.2 يوم'
    """
    speech = _spoken.get()
    if speech.code == "en":
        return f"{decimal(value, places)} {unit}s"
    from babel.units import format_unit

    pattern = "#,##0." + "0" * places if places else "#,##0"
    exact, name, locale = Decimal(f"{value:.{places}f}"), f"duration-{unit}", _locale(speech.code)
    written = format_unit(exact, name, "long", format=pattern, locale=locale)
    if name in written:  # Babel has the words of a language that shortens nothing under "short" only.
        written = format_unit(exact, name, "short", format=pattern, locale=locale)
    return written


def day(value: date) -> str:
    speech = _spoken.get()
    if speech.code == "en":
        return value.isoformat()
    from babel.dates import format_date

    return format_date(value, format="medium", locale=_locale(speech.code))


def listed(parts: Sequence[str]) -> str:
    """One thing after another.

    >>> listed(["half", "a third", "the rest"]), listed(["all"])
    ('half, a third and the rest', 'all')
    """
    speech = _spoken.get()
    if speech.code != "en":
        from babel.lists import format_list

        return format_list(list(parts), locale=_locale(speech.code))
    return " and ".join([*([", ".join(parts[:-1])] if parts[:-1] else []), *parts[-1:]])


def arrow() -> str:
    return "←" if _spoken.get().right_to_left else "→"
