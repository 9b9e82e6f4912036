"""Letters, what text messages ask for, and documents."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID


class Wish(StrEnum):
    """What a text message asks for."""

    BALANCE = "balance"
    LOCK = "lock"
    STOP = "stop"
    HELP = "help"


@dataclass(frozen=True, slots=True)
class Asked:
    """What was understood of a text message: the wish, the languages its word is of, and the last digits of a card."""

    wish: Wish
    languages: tuple[str, ...]
    digits: str = ""


class Answer(StrEnum):
    """What came of a text message. ``UNKNOWN`` and ``REPEATED`` and ``LIMITED`` are answered by nothing."""

    BALANCE = "balance"
    LOCKED = "locked"
    STOPPED = "stopped"
    HELPED = "helped"
    UNKNOWN = "unknown"
    REPEATED = "repeated"
    LIMITED = "limited"


class Chosen(StrEnum):
    """Who gets a letter: those who asked for one each month, those with neither e-mail nor telephone, or everybody."""

    ASKED = "asked"
    UNREACHABLE = "unreachable"
    EVERYBODY = "everybody"


class DocumentAbout(StrEnum):
    """What a document of a household is."""

    APPLICATION = "application"
    IDENTITY = "identity"
    RESIDENCE = "residence"
    INCOME = "income"
    FAMILY = "family"
    AUTHORISATION = "authorisation"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class PaperWishes:
    """How somebody wants paper: in which language, in large print, and whether a statement each month."""

    language: str
    large_print: bool
    monthly: bool


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter to a party about a span of days, both inclusive."""

    id: UUID
    party: UUID
    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True)
class Batch:
    """Letters that were printed in one go."""

    id: UUID
    printed_at: datetime
    printed_by: str
    letters: int


@dataclass(frozen=True, slots=True)
class Document:
    """A document kept of a party, without its content."""

    id: UUID
    about: DocumentAbout
    media_type: str
    size_bytes: int
    added_at: datetime
    added_by: str
    name: str = field(repr=False)
