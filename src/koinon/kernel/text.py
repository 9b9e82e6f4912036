"""Comparing what people typed: identifiers with stray marks, names with accents."""

from __future__ import annotations

import re
import unicodedata

_MARKS = re.compile(r"[\s\-./_·\u200e\u200f\u00a0]+")


def normal_identifier(text: str) -> str:
    """An identifier without spaces, dashes, dots and case.

    >>> normal_identifier(" 12.345.678-z ")
    '12345678Z'
    """
    return _MARKS.sub("", unicodedata.normalize("NFKC", text)).upper()


def fold(text: str) -> str:
    """A name as people compare it: no case, no accents, single spaces.

    Arabic loses its vowel marks, tatweel and the variants of alef, ya and ta
    marbuta, so that a name is found however it was typed.

    >>> fold("  Sant Andreu "), fold("ΆΘΉΝΑΣ") == fold("αθηνας"), fold("أحمد") == fold("احمد")
    ('sant andreu', True, True)
    """
    decomposed = unicodedata.normalize("NFKD", text.replace("\u0640", ""))
    bare = "".join(mark for mark in decomposed if not unicodedata.combining(mark)).casefold()
    bare = bare.translate(str.maketrans("ىةς", "يهσ"))
    return " ".join(bare.split())
