"""What a cell of a municipality's spreadsheet means: text, amounts, dates, identifiers.

Pure functions on the value as the spreadsheet library gives it (str, int,
float, bool, date, datetime or None), or TOML (whose fractions are Decimal). What cannot be understood without
guessing is a ``CellProblem``, never a guess: 1.234 may be a thousand or one.
docs/reference/town-folder.md lists what is understood.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import stdnum.es.cif
import stdnum.es.dni
import stdnum.es.nie
import stdnum.es.nif
import stdnum.fr.nir
import stdnum.fr.siren
import stdnum.gr.amka
import stdnum.gr.vat
import stdnum.il.hp
import stdnum.il.idnr
import stdnum.it.codicefiscale
import stdnum.it.iva
import stdnum.pt.cc
import stdnum.pt.nif
import stdnum.tn.mf
from schwifty import IBAN
from schwifty.exceptions import SchwiftyException
from stdnum.exceptions import ValidationError

from koinon.kernel.money import to_minor
from koinon.kernel.text import normal_identifier
from koinon.pilots.townfolder_findings import said as _

Cell = str | int | float | Decimal | bool | date | datetime | None

NOTHING_SAID = frozenset({"", "-", "--", "?", "/"})
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
_INVISIBLE |= dict.fromkeys(
    mark for mark in range(0xA0) if unicodedata.category(chr(mark)) == "Cc" and mark not in (9, 10, 13)
)
LARGEST_AMOUNT_MINOR = 10**15
_LARGEST_EXPONENT = 40
_DASHES = {ord(mark): "-" for mark in "‐‑‒–—―−"}
_CURRENCY = re.compile(r"(?i)€|EUR(OS?)?\b|\bEUROS?\b")
# Latin, Greek, Cyrillic, Hebrew, Arabic, typographic marks and the euro: what garbled text turns out to be.
_LIKELY_LETTER = re.compile("[\u00a0-\u017f\u0384-\u03ce\u0400-\u045f\u05d0-\u05ea\u0600-\u06ff\u2010-\u203a\u20ac]")
_GROUP = r"[ .,'’]"


class CellProblem(ValueError):
    """A cell that cannot be understood: the code of the finding, and why."""

    def __init__(self, code: str, why: str) -> None:
        self.code = code
        self.why = why
        super().__init__(f"{code}: {why}")


class NumberNotKept(ValueError):
    """A number of a TOML file that nobody can mean: without end, or far too large or small."""

    def __init__(self, written: str) -> None:
        self.written = written
        super().__init__(f'"{written[:24]}" is no number that can be kept')


def toml_fraction(written: str) -> Decimal:
    """A number of a TOML file to its last digit, for ``tomllib``; ``NumberNotKept`` where nobody could mean it.

    >>> toml_fraction("0.00001"), toml_fraction("1_000.50")
    (Decimal('0.00001'), Decimal('1000.50'))
    """
    try:
        number = Decimal(written)
    except ArithmeticError:
        number = Decimal("inf")
    if not number.is_finite() or abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise NumberNotKept(written)
    return number


def text(value: Cell) -> str:
    """The words of a cell: one kind of space, no invisible marks; "" when it says nothing.

    >>> text("  el Bon\\u00a0Pastor "), text(8019.0), text(None), text(" – ")
    ('el Bon Pastor', '8019', '', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, Decimal) and value.is_finite():
        return str(int(value)) if value == int(value) else format(value, "f")
    words = " ".join(unicodedata.normalize("NFC", str(value)).translate(_INVISIBLE).split())
    return "" if words.translate(_DASHES) in NOTHING_SAID else words


def mask(value: str) -> str:
    """Enough of a personal value to find the cell, and no more.

    >>> mask("ES9121000418450200051332"), mask("99000001C"), mask("12")
    ('ES…32', '99…1C', '…')
    """
    return f"{value[:2]}…{value[-2:]}" if len(value) >= 6 else "…"


def is_garbled(words: str) -> bool:
    """Whether letters were lost, or UTF-8 was read as Windows-1252 on the way.

    >>> is_garbled("Martínez"), is_garbled("MartÃ\\u00adnez"), is_garbled("Mart\\ufffdnez")
    (False, True, True)
    """
    if "\ufffd" in words:
        return True
    if words.isascii():
        return False
    for encoding in ("cp1252", "latin-1"):
        try:
            meant = words.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
        return all(mark.isascii() or _LIKELY_LETTER.match(mark) for mark in meant)
    return False


def plain_digits(words: str) -> str:
    """Decimal digits of any script as ASCII, Arabic separators as comma and dot.

    >>> plain_digits("١٬٢٣٤٫٥٠")
    '1.234,50'
    """
    digits = "".join(str(unicodedata.decimal(mark)) if mark.isdecimal() else mark for mark in words)
    return digits.replace("٬", ".").replace("٫", ",")


def amount_minor(value: Cell, *, exponent: int, decimal: str = ",") -> int:
    """An amount of money as whole minor units.

    Parameters
    ----------
    value
        A number, or text such as ``1.234,56 €``. Whole numbers and those of a TOML file
        are exact; a spreadsheet's are read to 15 significant digits, which is all that it keeps.
    exponent
        Decimals of the currency.
    decimal
        The mark before the decimals where three digits follow a single mark
        and the currency has three decimals.

    Refuses
    -------
    ``CellProblem`` with ``town.amount-invalid``, ``-ambiguous`` (one mark and
    three digits: a thousand, or thousandths?), ``-too-fine``.

    Examples
    --------
    >>> [amount_minor(text, exponent=2) for text in ("1.234,56", "1 234,56 €", "1234.56", "(12,5)", 568.45)]
    [123456, 123456, 123456, -1250, 56845]
    >>> amount_minor("1.234", exponent=2)
    Traceback (most recent call last):
    koinon.pilots.townfolder_cells.CellProblem: town.amount-ambiguous: "1.234" may be 1234 or 1,234.
    """
    if isinstance(value, bool) or value is None:
        raise CellProblem("town.amount-invalid", _("This is not an amount."))
    if isinstance(value, date):
        raise CellProblem("town.amount-invalid", _("The spreadsheet holds a date here."))
    if isinstance(value, int | float | Decimal):
        exact = not isinstance(value, float) or value.is_integer()
        return _exact(Decimal(value) if exact else Decimal(f"{value:.15g}"), exponent, str(value))
    shown = text(value)
    figures = _CURRENCY.sub("", plain_digits(unicodedata.normalize("NFKC", shown)).translate(_DASHES)).strip()
    sign = 1
    bracketed = re.fullmatch(r"\((.*)\)", figures)
    if bracketed:
        sign, figures = -1, bracketed[1].strip()
    elif figures[:1] in ("-", "+"):
        sign, figures = (-1 if figures[0] == "-" else 1), figures[1:].strip()
    elif figures.endswith("-"):
        sign, figures = -1, figures[:-1].strip()
    whole, fraction = _split_figures(figures, shown, exponent, decimal)
    return sign * _exact(Decimal(f"{whole}.{fraction or '0'}"), exponent, shown)


def _split_figures(figures: str, shown: str, exponent: int, decimal: str) -> tuple[str, str]:
    if re.fullmatch(r"\d+", figures):
        return figures, ""
    single = re.fullmatch(r"(\d+)([.,])(\d*)", figures)
    if single:
        whole, mark, fraction = single.groups()
        could_be_thousands = len(fraction) == 3 and re.fullmatch(r"[1-9]\d{0,2}", whole) is not None
        if could_be_thousands and not (exponent >= 3 and mark == decimal):
            raise CellProblem(
                "town.amount-ambiguous",
                _(
                    '"%(written)s" may be %(thousands)s or %(decimals)s.',
                    written=shown[:24],
                    thousands=whole + fraction,
                    decimals=f"{whole},{fraction}",
                ),
            )
        return whole, fraction
    # Groups of three with one kind of mark, then perhaps the other mark and decimals.
    grouped = re.fullmatch(rf"(\d{{1,3}})({_GROUP})(\d{{3}}(?:\2\d{{3}})*)(?:([.,])(\d*))?", figures)
    if grouped and grouped[4] != grouped[2]:
        return grouped[1] + grouped[3].replace(grouped[2], ""), grouped[5] or ""
    raise CellProblem("town.amount-invalid", _('"%(written)s" is not an amount.', written=shown[:24]))


def _exact(value: Decimal, exponent: int, shown: str) -> int:
    if not value.is_finite() or value.copy_abs() > Decimal(LARGEST_AMOUNT_MINOR).scaleb(-exponent):
        raise CellProblem("town.amount-invalid", _("The amount is too large."))
    try:
        return to_minor(value, exponent)
    except ValueError:
        raise CellProblem(
            "town.amount-too-fine",
            _('"%(written)s" has more than %(decimals)s decimals.', written=shown[:24], decimals=exponent),
        ) from None


def day(value: Cell) -> date:
    """A calendar day: a real date of the spreadsheet, 31/12/2026, 31-12-2026, 31.12.2026 or 2026-12-31.

    >>> day("1/9/2026"), day(" 2026-09-01 "), day("٠١/٠٩/٢٠٢٦")
    (datetime.date(2026, 9, 1), datetime.date(2026, 9, 1), datetime.date(2026, 9, 1))
    >>> day("31/02/2026")
    Traceback (most recent call last):
    koinon.pilots.townfolder_cells.CellProblem: town.date-invalid: There is no day 31/02/2026.
    """
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    shown = text(value)
    figures = plain_digits(shown).translate(_DASHES)
    day_first = re.fullmatch(r"(\d{1,2})\s*[/.\- ]\s*(\d{1,2})\s*[/.\- ]\s*(\d{4})", figures)
    year_first = re.fullmatch(r"(\d{4})[/.-](\d{1,2})[/.-](\d{1,2})(?:[T ]00:00(?::00)?)?", figures)
    if day_first:
        number, month, year = map(int, day_first.groups())
    elif year_first:
        year, month, number = map(int, year_first.groups())
    elif re.fullmatch(r"\d{1,2}\s*[/.\-]\s*\d{1,2}\s*[/.\-]\s*\d{2}", figures):
        raise CellProblem("town.date-invalid", _("The year of %(written)s has two digits.", written=shown))
    else:
        raise CellProblem("town.date-invalid", _('"%(written)s" is not a day.', written=shown[:24]))
    try:
        return date(year, month, number)
    except ValueError:
        raise CellProblem("town.date-invalid", _("There is no day %(written)s.", written=shown)) from None


def whole_number(value: Cell) -> int:
    """A count: 4, 4.0 or "4".

    >>> whole_number("4 "), whole_number(4.0)
    (4, 4)
    """
    figures = plain_digits(text(value))
    if isinstance(value, bool | date) or not re.fullmatch(r"\d{1,9}", figures):
        raise CellProblem("town.number-invalid", _('"%(written)s" is not a whole number.', written=figures[:24]))
    return int(figures)


def bare_identifier(value: Cell) -> str:
    """An identifier without spaces, dashes of any length, dots and case.

    >>> bare_identifier(" 99.000.001–c"), bare_identifier("es91 2100 0418 4502 0005 1332")
    ('99000001C', 'ES9121000418450200051332')
    """
    return normal_identifier(plain_digits(text(value)).translate(_DASHES))


# Who checks an identifier where. A country that is not here has none that can be checked.
Check = Callable[[str], Any]
PERSON_CHECKS: Mapping[str, tuple[Check, ...]] = {
    "ES": (stdnum.es.dni.validate, stdnum.es.nie.validate),
    "FR": (stdnum.fr.nir.validate,),
    "GR": (stdnum.gr.amka.validate, stdnum.gr.vat.validate),
    "IL": (stdnum.il.idnr.validate,),
    "IT": (stdnum.it.codicefiscale.validate,),
    "PT": (stdnum.pt.nif.validate, stdnum.pt.cc.validate),
}
BUSINESS_CHECKS: Mapping[str, tuple[Check, ...]] = {
    "ES": (stdnum.es.nif.validate,),
    "FR": (stdnum.fr.siren.validate,),
    "GR": (stdnum.gr.vat.validate,),
    "IL": (stdnum.il.hp.validate, stdnum.il.idnr.validate),
    "IT": (stdnum.it.iva.validate, stdnum.it.codicefiscale.validate),
    "PT": (stdnum.pt.nif.validate,),
    "TN": (stdnum.tn.mf.validate,),
}


def person_identifier(value: Cell, *, country: str, kind: str = "national") -> str:
    """A person's identifier in its one spelling; ``kind`` is ``national`` or ``passport``.

    A Spanish number that a spreadsheet robbed of its leading zeros gets them back.

    >>> person_identifier("99 000.001-c", country="ES"), person_identifier("1234567-L", country="ES")
    ('99000001C', '01234567L')
    """
    bare = bare_identifier(value)
    if kind == "passport":
        if re.fullmatch(r"[A-Z0-9]{5,20}", bare):
            return bare
        raise CellProblem("town.identifier-invalid", _("%(ends)s is not a passport number.", ends=mask(bare)))
    return _checked(bare, country, PERSON_CHECKS, "town.identifier-invalid")


def tax_identifier(value: Cell, *, country: str) -> str:
    """A business's tax identifier in its one spelling, without the country's prefix.

    >>> tax_identifier("ES b-00.000.00 0", country="ES")
    'B00000000'
    """
    bare = bare_identifier(value)
    prefix = {"GR": "EL"}.get(country, country)
    if bare.startswith(prefix) and country in ("ES", "GR", "PT", "IT", "FR"):
        bare = bare.removeprefix(prefix)
    return _checked(bare, country, BUSINESS_CHECKS, "town.tax-id-invalid")


def _checked(bare: str, country: str, checks: Mapping[str, tuple[Check, ...]], code: str) -> str:
    if country == "ES" and re.fullmatch(r"\d{5,7}[A-Z]", bare):
        bare = bare.zfill(9)
    for check in checks.get(country, ()):
        try:
            check(bare)
        except ValidationError:
            continue
        return bare
    if country not in checks and bare:
        return bare
    raise CellProblem(code, _("%(ends)s does not pass its check.", ends=mask(bare)))


def iban(value: Cell) -> str:
    """An IBAN in its one spelling; its check digits and those of the country hold.

    >>> iban("es91 2100 0418 4502 0005 1332")
    'ES9121000418450200051332'
    """
    bare = bare_identifier(value)
    try:
        return str(IBAN(bare, validate_bban=True).compact)
    except SchwiftyException:
        raise CellProblem("town.iban-invalid", _("%(ends)s does not pass its check.", ends=mask(bare))) from None
