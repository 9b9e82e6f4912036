"""Structured creditor references (ISO 11649): how a bank's statement says for what somebody paid."""

from __future__ import annotations

import re

_REFERENCE = re.compile(r"RF[0-9]{2}[0-9A-Z]{1,21}")
_SEPARATORS = re.compile(r"[\s\-./,:\u200e\u200f]")


def creditor_reference(body: str) -> str:
    """The reference that a body of up to 21 capital letters and digits has, with its check digits.

    Source: ISO 11649; the check digits are those of ISO/IEC 7064, MOD 97-10, as of an IBAN.

    >>> creditor_reference("539007547034")
    'RF18539007547034'
    """
    assert re.fullmatch(r"[0-9A-Z]{1,21}", body)
    return f"RF{98 - _number(body + 'RF00') % 97:02d}{body}"


def read_reference(text: str) -> str | None:
    """The reference that somebody typed or a bank printed, without its gaps; None where it is none.

    >>> read_reference("rf18 5390 0754 7034"), read_reference("RF19 5390 0754 7034"), read_reference("invoice 12")
    ('RF18539007547034', None, None)
    """
    bare = _SEPARATORS.sub("", text).upper()
    if not bare.isascii() or not _REFERENCE.fullmatch(bare):
        return None
    return bare if _number(bare[4:] + bare[:4]) % 97 == 1 else None


def in_groups(reference: str) -> str:
    """A reference as it is printed: groups of four, the last one shorter.

    >>> in_groups("RF18539007547034")
    'RF18 5390 0754 7034'
    """
    return " ".join(reference[start : start + 4] for start in range(0, len(reference), 4))


def _number(text: str) -> int:
    """Letters as two digits, A 10 to Z 35."""
    return int("".join(str(int(letter, 36)) for letter in text))
