"""Numbers, codes and PINs of cards: no clock, no database."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from uuid import UUID

from stdnum.iso7064 import mod_97_10

from koinon.instruments.errors import CardBlocked, CardEnded, CardNotHandedOver, NotACard
from koinon.instruments.types import Card, CardState, Way
from koinon.kernel.decisions import Ground
from koinon.parties.rules import ascii_digits

MOST_CARDS_OF_A_PARTY = 5
MOST_MADE_AT_ONCE = 1000
MOST_AUTHORISED_BY_A_PARTY = 3
LONGEST_AUTHORISATION = timedelta(days=2 * 366)
# How long after its end the name of who was authorised is kept: a payment that nobody allowed can be disputed for
# thirteen months (Directive (EU) 2015/2366, article 71).
AUTHORISED_KEPT = timedelta(days=400)

# A token is 160 random bits in base 32; the two signs before it say which code this is.
TOKEN_BYTES = 20
TOKEN_MARK = "K1"  # noqa: S105  Not a secret: what every token begins with.
_TOKEN = re.compile(r"K1[A-Z2-7]{32}")
SHOWN_MARK = "K2"  # What the codes begin with that a phone shows.
_SHOWN = re.compile(r"K2[A-Z2-7]{32}")
_SHOWN_FIGURES = 8
# How long a till may take a code, and how long it may then pay by it: the payer reads, and types the PIN.
SHOWN_FOR = timedelta(seconds=60)
TAKEN_FOR = timedelta(minutes=5)
KEPT_FOR = timedelta(days=1)
_FIGURES = 10
_BETWEEN = re.compile(r"[\s\u00a0\u200e\u200f.-]+")

# Which tries are free, and how long each further one waits after the one before (docs/algorithms/pin.md).
FREE_TRIES = 5
WAITS = (timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=30), timedelta(minutes=60))
FORGOTTEN_AFTER = timedelta(hours=24)
MOST_WRONG_AT_A_PLACE = 30
PLACE_WINDOW = timedelta(hours=1)

_ROWS = ("0123456789", "9876543210", "01234567890", "1234567890", "0987654321")
# Paths of keypads (down a column and up the next, corners, the cross) that people take for random.
_PATHS = frozenset(
    {
        "147258", "258369", "369258", "258147", "147369", "369147", "159753", "753159", "159357",
        "357159", "951753", "753951", "456789", "789456", "123456", "654321", "741852", "852963",
        "963852", "852741", "147852", "741258", "258963", "321654", "654987", "789654", "142536",
        "415263", "135790", "246800", "024680", "135791", "112358", "314159", "271828", "696969",
        "520520", "131420", "007007", "420420",
    }
)  # fmt: skip


def number_of(figures: int) -> str:
    """The twelve digits of a card: ten, and two by which a wrong one is noticed (ISO/IEC 7064, MOD 97-10).

    They find every single wrong digit and every two neighbours that changed places.

    >>> number_of(1234567890)
    '123456789092'
    """
    assert 0 <= figures < 10**_FIGURES
    bare = f"{figures:0{_FIGURES}d}"
    return bare + str(mod_97_10.calc_check_digits(bare))


def read(text: str) -> tuple[Way, str]:
    """What was scanned or typed: the token, or the number without what stands between its digits.

    >>> read("1234 5678-9092")
    (<Way.TYPED: 'typed'>, '123456789092')
    >>> read("١٢٣٤ ٥٦٧٨ ٩٠٩٢")[1]
    '123456789092'
    >>> read("1234 5678 9029")
    Traceback (most recent call last):
    koinon.instruments.errors.NotACard: this is not the code or number of a card
    """
    if len(text) > 100:
        raise NotACard
    bare = _BETWEEN.sub("", ascii_digits(text)).upper()
    if _TOKEN.fullmatch(bare):
        return Way.SCANNED, bare
    if re.fullmatch(r"[0-9]{12}", bare) and mod_97_10.is_valid(bare):
        return Way.TYPED, bare
    raise NotACard


def shown_number(figures: int) -> str:
    """The ten digits of a code that a phone shows: eight, and two by which a wrong one is noticed.

    >>> shown_number(12345678)
    '1234567889'
    """
    bare = f"{figures:0{_SHOWN_FIGURES}d}"
    return bare + str(mod_97_10.calc_check_digits(bare))


def read_shown(text: str) -> tuple[Way, str] | None:
    """What a phone showed, as it was scanned or typed; None where it is something else, such as a card.

    >>> read_shown("12 34 56 78 89"), read_shown("12 34 56 78 98"), read_shown("123456789092")
    ((<Way.TYPED: 'typed'>, '1234567889'), None, None)
    """
    if len(text) > 100:
        return None
    bare = _BETWEEN.sub("", ascii_digits(text)).upper()
    if _SHOWN.fullmatch(bare):
        return Way.SCANNED, bare
    if re.fullmatch(r"[0-9]{10}", bare) and mod_97_10.is_valid(bare):
        return Way.TYPED, bare
    return None


def usable(card: Card) -> UUID:
    """The holder of a card that may be paid with; the refusal that says why not otherwise.

    A card whose holder's data were erased leads to nobody any more, and has ended with them.
    """
    if card.state is CardState.MADE:
        raise CardNotHandedOver(card=card.id)
    if card.state is CardState.BLOCKED:
        raise CardBlocked(card=card.id)
    if card.state is not CardState.ACTIVE or card.holder_erased:
        raise CardEnded(card=card.id)
    assert card.party is not None
    return card.party


def pin(text: str) -> str | None:
    """The six digits of a PIN however they were typed; None where there are not six.

    >>> pin(" ٤٧١٩٣٠ "), pin("12345")
    ('471930', None)
    """
    bare = ascii_digits(text).strip()
    return bare if re.fullmatch(r"[0-9]{6}", bare) else None


def why_weak(typed: str, *, known: Iterable[str] = ()) -> tuple[Ground, ...]:
    """Every ground on which a PIN is refused; empty where it is good enough.

    ``known`` are numbers that a thief may know, such as the card's own: no six
    digits in a row of theirs are taken.

    >>> [ground.code for ground in why_weak("111111")], why_weak("471930")
    (['pin.repeats', 'pin.few-digits'], ())
    >>> [ground.code for ground in why_weak("567890", known=["123456789092"])]
    ['pin.in-a-row', 'pin.from-the-card']
    """
    six = pin(typed)
    if six is None:
        return (Ground("pin.not-six-digits"),)
    grounds = []
    if any(six in row for row in _ROWS):
        grounds.append(Ground("pin.in-a-row"))
    if six == six[:2] * 3 or six == six[:3] * 2 or six == six[0] * 2 + six[2] * 2 + six[4] * 2 or six == six[::-1]:
        grounds.append(Ground("pin.repeats"))
    if len(set(six)) < 3:
        grounds.append(Ground("pin.few-digits"))
    if six in _PATHS:
        grounds.append(Ground("pin.well-known"))
    if _is_year_twice(six):
        grounds.append(Ground("pin.a-year"))
    if any(six in re.sub(r"\D", "", ascii_digits(number)) for number in known):
        grounds.append(Ground("pin.from-the-card"))
    return tuple(grounds)


def _is_year_twice(six: str) -> bool:
    """A year of somebody's life with one of its halves once more: 198484, 841984, 201919."""
    for year, rest in ((six[:4], six[4:]), (six[2:], six[:2])):
        if 1920 <= int(year) <= 2039 and rest in (year[:2], year[2:]):
            return True
    return False


def locked_until(counted: int, last_at: datetime) -> datetime | None:
    """Until when no PIN is looked at, after so many tries in a row that were not right; None where the next is free.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 11, 2, 12, tzinfo=UTC)
    >>> [locked_until(counted, noon) and f"{locked_until(counted, noon):%H:%M}" for counted in (4, 5, 6, 7, 8, 50)]
    [None, '12:05', '12:15', '12:30', '13:00', '13:00']
    """
    if counted < FREE_TRIES:
        return None
    return last_at + WAITS[min(counted - FREE_TRIES, len(WAITS) - 1)]


def tries_left(counted: int) -> int:
    """How many more PINs are looked at before the next wait, after this one."""
    return max(FREE_TRIES - counted, 0)


def why_not_authorised(*, per_day_minor: int, last_day: date, today: date) -> tuple[Ground, ...]:
    """Every ground against an authorisation with this limit and this last day, which is inclusive.

    >>> [ground.code for ground in why_not_authorised(
    ...     per_day_minor=0, last_day=date(2026, 10, 1), today=date(2026, 11, 2))]
    ['authorised.limit-not-positive', 'authorised.last-day-past']
    """
    grounds = []
    if per_day_minor <= 0:
        grounds.append(Ground("authorised.limit-not-positive"))
    if last_day < today:
        grounds.append(Ground("authorised.last-day-past", {"last_day": last_day.isoformat()}))
    latest = today + LONGEST_AUTHORISATION
    if last_day > latest:
        grounds.append(Ground("authorised.last-day-too-far", {"latest": latest.isoformat()}))
    return tuple(grounds)
