"""How values that identify somebody are compared: no database, no clock."""

from __future__ import annotations

import unicodedata

from koinon.kernel.text import normal_identifier

LOOKUP_KINDS = ("identifier", "phone", "email", "iban")

# Country codes of the telephone numbering plan (ITU-T E.164) for the towns Koinon is made for,
# and the trunk prefix people dial inside the country (empty where there is none).
CALLING_CODES: dict[str, tuple[str, str]] = {
    "AL": ("355", "0"),
    "CY": ("357", ""),
    "DZ": ("213", "0"),
    "EG": ("20", "0"),
    "ES": ("34", ""),
    "FR": ("33", "0"),
    "GR": ("30", ""),
    "HR": ("385", "0"),
    "IL": ("972", "0"),
    "IT": ("39", ""),
    "JO": ("962", "0"),
    "LB": ("961", "0"),
    "MA": ("212", "0"),
    "MT": ("356", ""),
    "PS": ("970", "0"),
    "PT": ("351", ""),
    "SI": ("386", "0"),
    "TN": ("216", ""),
    "TR": ("90", "0"),
}


def normal(kind: str, value: str, *, country: str = "") -> str:
    """A value as lookups compare it, however it was typed; empty when nothing is left.

    >>> normal("identifier", "12.345.678-z"), normal("email", " Ana@Example.ORG ")
    ('12345678Z', 'ana@example.org')
    >>> normal("phone", "600 11 22 33", country="ES") == normal("phone", "0034-600112233", country="ES")
    True
    >>> normal("phone", "٠٧٩ ١٢٣ ٤٥٦٧", country="JO")
    '+962791234567'
    """
    assert kind in LOOKUP_KINDS
    text = ascii_digits(value)
    if kind == "phone":
        return normal_phone(text, country=country)
    if kind == "email":
        return unicodedata.normalize("NFKC", text).strip().casefold()
    return normal_identifier(text)


def normal_phone(text: str, *, country: str) -> str:
    """A telephone number with its country code (ITU-T E.164 form); a number without one gets the country's."""
    bare = unicodedata.normalize("NFKC", text)
    digits = "".join(mark for mark in bare if mark.isdecimal())
    if not digits:
        return ""
    if "+" in bare:
        return f"+{digits}"
    if digits.startswith("00"):
        return f"+{digits[2:]}"
    code, trunk = CALLING_CODES.get(country.upper(), ("", ""))
    return f"+{code}{digits.removeprefix(trunk) if trunk else digits}"


def ascii_digits(text: str) -> str:
    """Arabic-Indic, Persian and other decimal digits as 0 to 9.

    >>> ascii_digits("٤٢ و ۴۲")
    '42 و 42'
    """
    return "".join(str(unicodedata.decimal(mark)) if mark.isdecimal() else mark for mark in text)
