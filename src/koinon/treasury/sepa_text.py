"""Writing names in the letters that every SEPA bank can read."""

from __future__ import annotations

import re
import unicodedata

from text_unidecode import unidecode  # type: ignore[import-untyped]

_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-?:().,'+ ")

_GREEK = {
    "Α": "A", "Β": "V", "Γ": "G", "Δ": "D", "Ε": "E", "Ζ": "Z", "Η": "I", "Θ": "TH",
    "Ι": "I", "Κ": "K", "Λ": "L", "Μ": "M", "Ν": "N", "Ξ": "X", "Ο": "O", "Π": "P",
    "Ρ": "R", "Σ": "S", "Τ": "T", "Υ": "Y", "Φ": "F", "Χ": "CH", "Ψ": "PS", "Ω": "O",
}  # fmt: skip
_MARKS = {"&": "+", "·": ".", "«": "'", "»": "'", "“": "'", "”": "'", "‘": "'", "’": "'", '"': "'", "_": "-"}
_MARKS |= {"–": "-", "—": "-", "ß": "s", "ª": "a", "º": "o", "€": "E"}
_LETTERS = _MARKS | _GREEK | {greek.lower(): latin.lower() for greek, latin in _GREEK.items()} | {"ς": "s"}


def sepa_text(text: str, *, longest: int) -> str:
    """A text in the SEPA character set, cut to ``longest`` characters.

    Accents fall away, Greek letters follow the EPC's conversion letter by
    letter (those of two letters keep the case of their neighbour), "&" becomes
    "+", other scripts are transliterated, and what has no reading becomes a full
    stop. A slash neither begins nor ends the text nor stands doubled, which
    SEPA's rules forbid.

    Source
    ------
    EPC217-08, SEPA requirements for an extended character set: best practices.

    Examples
    --------
    >>> sepa_text("Forn de pa L'Espiga d'Or, Núñez & Vilà, S.L.", longest=70)
    "Forn de pa L'Espiga d'Or, Nunez + Vila, S.L."
    >>> sepa_text("ΦΑΡΜΑΚΕΙΟ Θεοδώρα Ψύχα", longest=70)
    'FARMAKEIO Theodora Psycha'
    >>> sepa_text("Cel·la //Ñ/", longest=7)
    'Cel.la'
    """
    composed = unicodedata.normalize("NFC", text)
    bare = "".join(mark for mark in unicodedata.normalize("NFD", composed) if not unicodedata.combining(mark))
    letters = []
    for place, letter in enumerate(bare):
        latin = _LETTERS.get(letter)
        if latin is None:
            latin = letter if letter in _ALLOWED else unidecode(letter)
        if len(latin) == 2 and letter.isupper() and bare[place + 1 : place + 2].islower():
            latin = latin.capitalize()
        letters.append("".join(mark if mark in _ALLOWED else "." for mark in latin) if latin else "")
    tidy = re.sub(r"//+", "/", " ".join("".join(letters).split()))
    return tidy.strip("/ ")[:longest].rstrip("/ ")
