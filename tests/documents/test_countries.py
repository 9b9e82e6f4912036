"""Amounts and days as people of each country write them, three decimals where their money has three."""

from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
from django.utils.translation import override

from koinon.documents import formats
from koinon.kernel.money import Amount

# The country, its language, unit and decimals; then 1,234,567.89 of it, a day, a month of the list, a share.
COUNTRIES = [
    ("GR", "el", "EUR", 2, "1.234.567,89 €", "31 Ιανουαρίου 2026", "31 Ιαν", "12,5%"),
    ("ES", "es", "EUR", 2, "1.234.567,89 €", "31 de enero de 2026", "31 ene", "12,5 %"),
    ("PT", "pt", "EUR", 2, "1 234 567,89 €", "31 de janeiro de 2026", "31/01", "12,5%"),
    ("FR", "fr", "EUR", 2, "1 234 567,89 €", "31 janvier 2026", "31 janv.", "12,5 %"),
    ("TN", "fr", "TND", 3, "1 234 567,890 DT", "31 janvier 2026", "31 janv.", "12,5 %"),
    ("TN", "ar", "TND", 3, "1.234.567,890 د.ت.", "31 جانفي 2026", "31 جانفي", "12,5%"),
    ("JO", "ar", "JOD", 3, "1,234,567.890 د.أ.", "31 كانون الثاني 2026", "31 كانون الثاني", "12.5%"),
    ("PS", "ar", "ILS", 2, "1,234,567.89 ₪", "31 كانون الثاني 2026", "31 كانون الثاني", "12.5%"),
    ("JO", "en", "JOD", 3, "1,234,567.890 JOD", "31 January 2026", "31 Jan", "12.5%"),
]


def bare(text: str) -> str:
    """Without direction marks, every kind of space alike."""
    return " ".join(text.translate({0x200E: None, 0x200F: None, 0x061C: None}).split())


@pytest.mark.parametrize(("country", "language", "unit", "exponent", "amount", "day", "short", "share"), COUNTRIES)
def test_each_country_reads_its_own_way_of_writing(
    country: str, language: str, unit: str, exponent: int, amount: str, day: str, short: str, share: str
) -> None:
    minor = 123456789 * 10 ** (exponent - 2)
    with override(language), formats.in_country(country):
        assert bare(formats.amount(Amount(minor, unit), exponent=exponent)) == amount
        assert bare(formats.day(date(2026, 1, 31))) == day
        assert bare(formats.short_day(date(2026, 1, 31))) == short
        assert bare(formats.percent(Fraction(1, 8))) == share
        assert formats.instant(datetime(2026, 1, 31, 9, 5, tzinfo=UTC)).count("09:05") <= 1


def test_a_country_is_forgotten_with_its_block() -> None:
    with override("ar"):
        with formats.in_country("TN"):
            assert formats.number(1000) == "1.000"
        assert formats.number(1000) == "1,000"


@pytest.mark.parametrize(("minor", "written"), [(5, "0.005"), (1234500, "1,234.500"), (-5, "\N{MINUS SIGN}0.005")])
def test_thousandths_are_never_dropped(minor: int, written: str) -> None:
    with override("en"):
        assert bare(formats.amount(Amount(minor, "JOD"), exponent=3, country="JO")) == f"{written} JOD"
