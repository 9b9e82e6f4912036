"""Complaints, what was written on them, and what is attached."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID


class About(StrEnum):
    """What a complaint is about: decides until when it is answered."""

    CARD = "card"
    PAYMENT = "payment"
    AID = "aid"
    SHOP = "shop"
    STAFF = "staff"
    DATA = "data"
    OTHER = "other"


class ComplaintState(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"


class Outcome(StrEnum):
    """Whether whoever complained was right."""

    UPHELD = "upheld"
    PARTLY = "partly"
    NOT_UPHELD = "not-upheld"


class Count(StrEnum):
    """How the days of a term are counted."""

    DAYS = "days"
    WORKING_DAYS = "working-days"
    MONTHS = "months"


@dataclass(frozen=True, slots=True)
class Term:
    """How long an answer may take: a dated rule with its source. ``country`` and ``about`` empty: for every one."""

    country: str
    about: str
    from_day: date
    number: int
    count: Count
    source: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "count", Count(self.count))


@dataclass(frozen=True, slots=True)
class Complaint:
    """A complaint without its words."""

    id: UUID
    number: str
    party: UUID | None
    about: About
    subject: str
    state: ComplaintState
    opened_at: datetime
    opened_by: str
    due_day: date
    term_source: str
    assigned_to: str
    outcome: str
    closed_at: datetime | None
    closed_by: str | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "about", About(self.about))
        object.__setattr__(self, "state", ComplaintState(self.state))


@dataclass(frozen=True, slots=True)
class Note:
    """Something written on a complaint: what it says, a note for colleagues, or the answer."""

    id: UUID
    kind: str
    at: datetime
    by: str
    words: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Document:
    """A document attached to a complaint, without its content."""

    id: UUID
    media_type: str
    size_bytes: int
    added_at: datetime
    added_by: str
    name: str = field(repr=False)
