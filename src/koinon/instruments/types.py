"""Cards and the ways of presenting them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID


class CardState(StrEnum):
    """Made and active and blocked may go on; replaced and withdrawn are for good."""

    MADE = "made"
    ACTIVE = "active"
    BLOCKED = "blocked"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"


class Why(StrEnum):
    """Why a card was blocked, replaced or withdrawn. Codes, so that no story about a person stands in the trail."""

    LOST = "lost"
    STOLEN = "stolen"
    DAMAGED = "damaged"
    ASKED = "asked"
    SUSPECTED = "suspected"
    SPOILED = "spoiled"
    FOUND = "found"


class InstrumentKind(StrEnum):
    """What stands among the cards: cards on paper, and phones, each an account of the site."""

    CARD = "card"
    PHONE = "phone"


class Way(StrEnum):
    """How a card was presented. Each way has tries of its own: who knows a number only cannot lock the card itself."""

    SCANNED = "scanned"
    TYPED = "typed"


@dataclass(frozen=True, slots=True)
class Card:
    """A card as it stands. Its number shows in no ``repr``, and so in no log."""

    id: UUID
    state: CardState
    party: UUID | None
    number: str = field(repr=False)
    batch: UUID
    made_at: datetime
    handed_at: datetime | None
    blocked_at: datetime | None
    ended_at: datetime | None
    why: str
    replaced_by: UUID | None
    replaces: UUID | None
    authorisation: UUID | None
    has_pin: bool
    holder_erased: bool
    kind: InstrumentKind = InstrumentKind.CARD
    account: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", CardState(self.state))
        object.__setattr__(self, "kind", InstrumentKind(self.kind))

    @property
    def grouped(self) -> str:
        """The number as it is printed, in fours joined by no-break spaces."""
        return "\u00a0".join(self.number[place : place + 4] for place in range(0, len(self.number), 4))

    @property
    def is_open(self) -> bool:
        """Whether it works or may work again."""
        return self.state in (CardState.ACTIVE, CardState.BLOCKED)


@dataclass(frozen=True, slots=True)
class Authorisation:
    """That ``person`` may pay from the purses of ``party``, so much a day and until ``last_day``, inclusive."""

    id: UUID
    party: UUID
    person: UUID
    per_day_minor: int
    last_day: date
    made_at: datetime
    made_by: str
    ended_at: datetime | None
    ended_by: str | None
    person_erased: bool

    @property
    def is_open(self) -> bool:
        return self.ended_at is None and not self.person_erased


@dataclass(frozen=True, slots=True)
class Presented:
    """A card at a till or a counter, and whether its code was scanned or its number typed.

    ``code`` is the digest of the code that a phone showed; None for a card.
    """

    card: Card
    way: Way
    code: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ShownCode:
    """What a phone shows at a till: a code to scan and ten digits to type, good once."""

    token: str = field(repr=False)
    number: str = field(repr=False)
    shown_until: datetime

    @property
    def grouped(self) -> str:
        """The digits as they are read out, in twos joined by no-break spaces."""
        return "\u00a0".join(self.number[place : place + 2] for place in range(0, len(self.number), 2))


@dataclass(frozen=True, slots=True)
class Printable:
    """What is printed on a card: the one moment at which its token leaves the database."""

    card: Card
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Try:
    """A PIN about to be looked at; it has been counted already."""

    card: Card
    way: Way
    place: str
    hash: str = field(repr=False)
    tries_left: int


@dataclass(frozen=True, slots=True)
class Stock:
    """How many cards a town has in each state; ``promised`` of those made are for a person already."""

    made: int
    promised: int
    active: int
    blocked: int
    replaced: int
    withdrawn: int
