"""How amounts, numbers and days are written on pages: as on paper (``koinon.documents.formats``)."""

from koinon.documents.formats import (
    AT_HOME,
    amount,
    clock,
    currency,
    current_locale,
    day,
    in_country,
    instant,
    locale_of,
    month,
    number,
    of_day,
    percent,
    short_day,
    thousands_mark,
)

__all__ = [
    "AT_HOME",
    "amount",
    "clock",
    "currency",
    "current_locale",
    "day",
    "in_country",
    "instant",
    "locale_of",
    "month",
    "number",
    "of_day",
    "percent",
    "short_day",
    "thousands_mark",
]
