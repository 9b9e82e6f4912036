"""Who may stand in the register twice: people of different households who are alike, and how alike.

What is compared (names, identifiers, days of birth, telephones, accounts) is held in
memory while it is compared and nowhere else; what comes out is pairs of opaque ids
with likenesses. A pair is a question to a person, never an answer.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations
from uuid import UUID

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA
from text_unidecode import unidecode  # type: ignore[import-untyped]

from koinon.kernel.decisions import Ground
from koinon.kernel.text import fold, normal_identifier

THRESHOLD = 80  # A pair is shown from here on.
NAMES_ALIKE = 88
LARGEST_BLOCK = 300  # People who share a day of birth; where it is more, they are told apart by their initials too.
SHORTEST_IDENTIFIER = 6  # Shorter ones differ by one sign too often.


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """Somebody as the vault has them. Does not show in ``repr``."""

    party: UUID
    household: UUID
    name: str = field(default="", repr=False)
    identifier: str = field(default="", repr=False)
    born_on: date | None = field(default=None, repr=False)
    phone: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    iban: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two households that may be one. ``kept`` is the one that was registered first."""

    kept: UUID
    other: UUID
    score: int
    grounds: tuple[Ground, ...]


def pairs(people: Iterable[PersonFacts]) -> list[Pair]:
    """Every two households with people who are alike, the most alike first.

    The score of a pair is that of its two most similar people, and 3 more for
    each further two, up to 100. Ids are time-ordered, so the smaller one of two
    households is the one that was there first.
    """
    known = [_Known.of(person) for person in people]
    alike: dict[tuple[UUID, UUID], list[tuple[int, Ground]]] = defaultdict(list)
    seen: set[tuple[UUID, UUID]] = set()
    for one, other in _candidates(known):
        kept, later = sorted((one.household, other.household))
        both = (min(one.party, other.party), max(one.party, other.party))
        if kept == later or both in seen:
            continue
        seen.add(both)
        found = likeness(one.person, other.person)
        if found is not None:
            alike[kept, later].append(found)
    result = []
    for (kept, later), found_of_pair in alike.items():
        found_of_pair.sort(key=lambda one: (-one[0], one[1].code))
        score = min(100, found_of_pair[0][0] + 3 * (len(found_of_pair) - 1))
        if score >= THRESHOLD:
            result.append(Pair(kept, later, score, tuple(ground for _, ground in found_of_pair)))
    return sorted(result, key=lambda pair: (-pair.score, pair.kept, pair.other))


def likeness(one: PersonFacts, other: PersonFacts) -> tuple[int, Ground] | None:
    """How alike two people are, 0 to 100, and the strongest reason; None where nothing says so.

    >>> born = date(1980, 5, 3)
    >>> maria = PersonFacts(UUID(int=1), UUID(int=11), "María López García", "12345678Z", born)
    >>> again = PersonFacts(UUID(int=2), UUID(int=12), "LOPEZ GARCIA, Maria", "", born)
    >>> likeness(maria, again)
    (98, Ground(code='duplicates.name-and-birth', fields={'names': 100}))
    """
    names = names_alike(one.name, other.name)
    found: list[tuple[int, Ground]] = []

    def because(score: int, code: str) -> None:
        found.append((score, Ground(f"duplicates.{code}", {"names": names})))

    identifiers = _identifiers_differ(one.identifier, other.identifier)
    same_birth = one.born_on is not None and one.born_on == other.born_on
    if identifiers == 0:
        because(100, "same-identifier")
    elif identifiers == 1 and (names >= NAMES_ALIKE or same_birth):
        because(92, "identifier-but-one-sign")
    if names >= NAMES_ALIKE:
        # Two people with documents of their own that differ wholly are two people, however they are called.
        told_apart = identifiers is not None and identifiers > 1
        if same_birth:
            because((84 if told_apart else 88) + (names - NAMES_ALIKE) * 10 // (100 - NAMES_ALIKE), "name-and-birth")
        elif _nearly(one.born_on, other.born_on):
            because(76 if told_apart else 84, "name-and-birth-but-one-sign")
        for what in ("phone", "email", "iban"):
            if getattr(one, what) and _plain(getattr(one, what)) == _plain(getattr(other, what)):
                because(78 if told_apart else 86, f"name-and-{what}")
    return max(found, key=lambda pair: (pair[0], pair[1].code), default=None)


def names_alike(one: str, other: str) -> int:
    """How alike two names are, 0 to 100: whatever the order of their words, accents, case or alphabet.

    >>> names_alike("Παπαδόπουλος Γιώργος", "Giorgos Papadopoulos"), names_alike("محمد", "Mohammed")
    (100, 95)
    >>> names_alike("Ana García", "Pere Vila") < 50
    True
    """
    if not one.strip() or not other.strip():
        return 0
    left, right = _words(one), _words(other)
    score = fuzz.token_sort_ratio(left, right)
    if min(len(left.split()), len(right.split())) >= 2:  # A second surname left out, or a second given name.
        score = max(score, fuzz.token_set_ratio(left, right) - 6)
    if _is_latin(one) != _is_latin(other):
        score = max(score, fuzz.token_sort_ratio(_bones(left), _bones(right)) * 0.95)
    return round(score)


# --- Comparing ------------------------------------------------------------------------------------


def _words(name: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", unidecode(fold(name)).lower().replace("'", "")))


def _bones(words: str) -> str:
    """A name without its vowels and doubled letters: what a transliteration from Arabic keeps."""
    return " ".join(re.sub(r"(.)\1+", r"\1", re.sub(r"[aeiouwy]", "", word)) or word for word in words.split())


def _is_latin(name: str) -> bool:
    folded = fold(name)
    return bool(unidecode(folded).lower() == folded)


_LOOKALIKES = str.maketrans("OQIL", "0011")


def _plain(text: str) -> str:
    return normal_identifier(text)


def _identifiers_differ(one: str, other: str) -> int | None:
    """By how many signs two identifiers differ: 0, 1, or 2 for more; None where one is not said.

    O and 0, I and 1 count as one sign, leading zeros do not count; a swap of two neighbours is one sign.
    """
    left, right = _compact(one), _compact(other)
    if not left or not right:
        return None
    if left == right:
        return 0
    if min(len(left), len(right)) < SHORTEST_IDENTIFIER:
        return 2
    return int(OSA.distance(left, right, score_cutoff=1))  # Above the cutoff: one more than it.


def _compact(identifier: str) -> str:
    return _plain(identifier).translate(_LOOKALIKES).lstrip("0")


def _nearly(one: date | None, other: date | None) -> bool:
    """Whether two days of birth differ by one digit, or by day and month changed over."""
    if one is None or other is None or one == other:
        return False
    if one.year == other.year and (one.day, one.month) == (other.month, other.day):
        return True
    return sum(a != b for a, b in zip(one.isoformat(), other.isoformat(), strict=True)) == 1


# --- Who is compared with whom --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Known:
    person: PersonFacts
    words: str
    identifier: str

    @property
    def party(self) -> UUID:
        return self.person.party

    @property
    def household(self) -> UUID:
        return self.person.household

    @classmethod
    def of(cls, person: PersonFacts) -> _Known:
        return cls(person, " ".join(sorted(_words(person.name).split())), _compact(person.identifier))


def _candidates(people: list[_Known]) -> Iterator[tuple[_Known, _Known]]:
    """People who share something; comparing everybody with everybody would take a town a day."""
    blocks: dict[tuple[str, str], list[_Known]] = defaultdict(list)
    for one in people:
        for key in _keys(one):
            blocks[key].append(one)
    for block in blocks.values():
        for part in _parts(block):
            yield from combinations(part, 2)


def _keys(one: _Known) -> Iterator[tuple[str, str]]:
    person = one.person
    if person.born_on:
        yield "born", person.born_on.isoformat()
    if one.words:
        yield "name", one.words
        yield "bones", _bones(one.words)
    if one.identifier:
        yield "identifier", one.identifier
    if len(one.identifier) >= SHORTEST_IDENTIFIER:
        # Two that differ by one sign have one in common that lacks it.
        for place in range(len(one.identifier)):
            yield "identifier", one.identifier[:place] + one.identifier[place + 1 :]
    for what in ("phone", "email", "iban"):
        if value := getattr(person, what):
            yield what, _plain(value)


def _parts(block: list[_Known]) -> Iterator[list[_Known]]:
    if len(block) < 2:
        return
    if len(block) <= LARGEST_BLOCK:
        yield block
        return
    by_initials: dict[str, list[_Known]] = defaultdict(list)
    for one in block:
        by_initials["".join(word[0] for word in one.words.split())[:2]].append(one)
    for part in by_initials.values():
        for begins in range(0, len(part), LARGEST_BLOCK):  # Never more than this with each other.
            if len(part[begins : begins + LARGEST_BLOCK]) > 1:
                yield part[begins : begins + LARGEST_BLOCK]
