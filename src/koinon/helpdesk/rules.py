"""What a text message means: no clock, no database."""

from __future__ import annotations

import re
from datetime import timedelta

from koinon.helpdesk.types import Asked, Wish
from koinon.kernel.text import fold
from koinon.parties.rules import ascii_digits

# Answers to one person: a telephone in other hands cannot be made to cost the town more than these.
ANSWERS_AN_HOUR = 5
ANSWERS_A_DAY = 15
MOST_LETTERS_OF_A_TEXT = 480

# What people write, word by word, as they write it on keys without accents, too. Words are no part of the catalogues:
# whoever learnt one from a leaflet goes on using it.
_WORDS: dict[Wish, dict[str, tuple[str, ...]]] = {
    Wish.BALANCE: {
        "en": ("balance",),
        "el": ("υπόλοιπο", "ypoloipo", "ipolipo"),
        "es": ("saldo",),
        "pt": ("saldo",),
        "fr": ("solde",),
        "ar": ("رصيد", "الرصيد", "رصيدي"),
    },
    Wish.LOCK: {
        "en": ("lock", "block", "lost"),
        "el": ("κλείδωμα", "κλείδωσε", "χάθηκε", "kleidoma"),
        "es": ("bloquear", "bloqueo"),
        "pt": ("bloquear", "bloqueio"),
        "fr": ("bloquer", "perdue"),
        "ar": ("قفل", "إيقاف", "ايقاف"),
    },
    Wish.STOP: {
        "en": ("stop",),
        "el": ("στοπ", "τέλος"),
        "es": ("alto", "baja"),
        "pt": ("parar", "sair"),
        "fr": ("arret",),
        "ar": ("توقف", "الغاء"),
    },
    Wish.HELP: {
        "en": ("help",),
        "el": ("βοήθεια", "voithia"),
        "es": ("ayuda",),
        "pt": ("ajuda",),
        "fr": ("aide",),
        "ar": ("مساعدة",),
    },
}


def word(wish: Wish, language: str) -> str:
    """The word by which a language asks for something, as a leaflet tells it; English where we have none.

    >>> word(Wish.BALANCE, "el"), word(Wish.LOCK, "fr")
    ('ΥΠΟΛΟΙΠΟ', 'BLOQUER')
    """
    first = _WORDS[wish].get(language, _WORDS[wish]["en"])[0]
    return fold(first).upper() if language != "ar" else first


def _known() -> dict[str, tuple[Wish, tuple[str, ...]]]:
    found: dict[str, tuple[Wish, tuple[str, ...]]] = {}
    for wish, languages in _WORDS.items():
        for language, words in languages.items():
            for one in words:
                held = found.get(fold(one), (wish, ()))
                assert held[0] is wish, "a word means one thing"
                found[fold(one)] = (wish, (*held[1], language))
    return found


_KNOWN = _known()


def read(text: str) -> Asked:
    """What a text message asks for: its first word that we know, whatever stands around it; help where there is none.

    Four digits after a lock are the last ones of the card that is meant.

    >>> read("Saldo, por favor!")
    Asked(wish=<Wish.BALANCE: 'balance'>, languages=('es', 'pt'), digits='')
    >>> read("ΚΛΕΙΔΩΜΑ 9092").digits, read("hello").wish.value
    ('9092', 'help')
    """
    words = re.findall(r"\w+", fold(ascii_digits(text[:MOST_LETTERS_OF_A_TEXT])))
    for one in words:
        if one in _KNOWN:
            wish, languages = _KNOWN[one]
            digits = next((each for each in words if re.fullmatch(r"[0-9]{4}", each)), "")
            return Asked(wish, languages, digits if wish is Wish.LOCK else "")
    return Asked(Wish.HELP, ())


def language_of(asked: Asked, *, own: str, spoken: tuple[str, ...]) -> str:
    """In which language to answer: that of the word; among several the person's own, then the town's; without a word their own.

    >>> language_of(read("SALDO"), own="pt", spoken=("es",)), language_of(read("SALDO"), own="", spoken=("es", "ca"))
    ('pt', 'es')
    >>> language_of(read("?"), own="", spoken=("el",))
    'el'
    """
    order = [own, *spoken]
    fitting = [one for one in order if one and (not asked.languages or one in asked.languages)]
    return (fitting or list(asked.languages) or [""])[0]


def may_answer(*, within_an_hour: int, within_a_day: int) -> bool:
    """Whether one more answer may go to somebody who has had so many."""
    return within_an_hour < ANSWERS_AN_HOUR and within_a_day < ANSWERS_A_DAY


HOUR, DAY = timedelta(hours=1), timedelta(days=1)
