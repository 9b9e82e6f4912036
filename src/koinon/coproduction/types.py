"""Activities, contributions, time banks and certificates as operations and pages read them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from koinon.kernel.decisions import Ground


class Measure(StrEnum):
    """What an activity counts. Quantities are whole steps of it: minutes, grams, sessions."""

    HOUR = "hour"
    KILOGRAM = "kilogram"
    SESSION = "session"


STEPS = {Measure.HOUR: 60, Measure.KILOGRAM: 1000, Measure.SESSION: 1}

# What households sort; the first five are those of a village, the rest those that towns weigh as well.
STREAMS = ("organic", "paper", "metal", "plastic", "glass", "packaging", "textile", "oil", "electronics", "mixed")


class Period(StrEnum):
    """How long a cap counts before it begins anew; ``activity``: never."""

    DAY = "day"
    MONTH = "month"
    ACTIVITY = "activity"


class State(StrEnum):
    """How far a contribution has come."""

    REGISTERED = "registered"
    CONFIRMED = "confirmed"
    VERIFIED = "verified"
    REJECTED = "rejected"
    UNDONE = "undone"


WAITING = (State.REGISTERED, State.CONFIRMED)


@dataclass(frozen=True, slots=True)
class Activity:
    """Something residents do. Of ``programme_id`` and ``bank_id`` at most one says what it earns."""

    id: UUID
    code: str
    name: str
    place: str
    measure: str
    programme_id: UUID | None
    fund_id: UUID | None
    bank_id: UUID | None
    zones: list[str]
    first_day: date | None
    last_day: date | None
    second_above: int | None
    budget_minor: int | None
    granted_minor: int

    @property
    def step(self) -> int:
        """Smallest steps in one hour, kilogram or session."""
        return STEPS[Measure(self.measure)]


@dataclass(frozen=True, slots=True)
class ActivityTerms:
    """What a town says about an activity, before it is compared with what is there."""

    code: str
    name: str
    measure: Measure
    fund_id: UUID | None = None
    bank: str = ""
    place: str = ""
    zones: tuple[str, ...] = ()
    first_day: date | None = None
    last_day: date | None = None
    second_above: int | None = None
    budget_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """``pays_minor`` for every ``per_quantity``, from a local day on until the next rate of the stream."""

    stream: str
    from_day: date
    pays_minor: int
    per_quantity: int
    source: str = ""


@dataclass(frozen=True, slots=True)
class Cap:
    """The most one person is rewarded for in a period. ``stream`` empty: all streams together."""

    stream: str
    period: str
    from_day: date
    most_quantity: int | None
    most_minor: int | None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Rewarded:
    """What was rewarded so far, of one stream, in the day, the month and the activity."""

    stream: str
    day_quantity: int
    day_minor: int
    month_quantity: int
    month_minor: int
    activity_quantity: int
    activity_minor: int


@dataclass(frozen=True, slots=True)
class Occasion:
    """A time at a place in which people register themselves."""

    id: UUID
    activity_id: UUID
    activity_name: str
    place: str
    opens_at: datetime
    closes_at: datetime
    opened_by: str
    closed_at: datetime | None
    contributions: int

    def is_open(self, at: datetime) -> bool:
        return self.closed_at is None and self.opens_at <= at < self.closes_at


@dataclass(frozen=True, slots=True)
class Contribution:
    """What somebody did, and what became of it."""

    id: UUID
    activity_id: UUID
    activity_code: str
    activity_name: str
    measure: str
    occasion_id: UUID | None
    party: UUID
    payee: UUID
    stream: str
    quantity: int
    day: date
    state: str
    needs_second: bool
    replaces: UUID | None
    registered_by: str
    registered_at: datetime
    confirmed_by: str | None
    confirmed_at: datetime | None
    verified_by: str | None
    verified_at: datetime | None
    rewarded_quantity: int | None
    reward_minor: int | None
    reward_minutes: int | None
    grounds_json: str
    ended_by: str | None
    ended_at: datetime | None
    taken_back: int | None
    reason: str
    replayed: bool = False

    @property
    def grounds(self) -> tuple[Ground, ...]:
        return tuple(Ground(kept["code"], kept["fields"]) for kept in json.loads(self.grounds_json))

    @property
    def short_code(self) -> str:
        """Four signs by which a resident and a coordinator who stand together know that they mean the same line."""
        alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
        number = self.id.int & 0xFFFFF
        return "".join(alphabet[number >> shift & 31] for shift in (15, 10, 5, 0))


@dataclass(frozen=True, slots=True)
class Reward:
    """What a quantity earns: how much of it counts, and why not all. ``minor`` in the unit it is paid in."""

    rewarded_quantity: int
    minor: int
    grounds: tuple[Ground, ...] = ()


@dataclass(frozen=True, slots=True)
class Expected:
    """What a contribution would earn if it were verified now."""

    reward: Reward
    needs_second: bool


@dataclass(frozen=True, slots=True)
class TimeBank:
    """A circle of members who give each other time. ``credit_limit`` and ``most`` in minutes."""

    id: UUID
    code: str
    name: str
    unit: str
    credit_limit: int
    most: int
    account: int
    members: int
    exchanged: int


@dataclass(frozen=True, slots=True)
class BankTerms:
    """What a town says about a time bank."""

    code: str
    name: str
    unit: str
    credit_limit: int
    most: int


@dataclass(frozen=True, slots=True)
class Member:
    """Who takes part in a time bank, with the minutes they have (negative: owe)."""

    bank_id: UUID
    bank_code: str
    bank_name: str
    unit: str
    party: UUID
    number: int
    account: int
    balance: int
    credit_limit: int
    most: int
    joined_at: datetime
    left_at: datetime | None

    @property
    def shown_number(self) -> str:
        from koinon.coproduction.rules import with_check_digit

        return with_check_digit(self.number)


@dataclass(frozen=True, slots=True)
class Exchange:
    """Time that one member received from another."""

    id: UUID
    bank_id: UUID
    payer: UUID
    payer_number: int
    payee: UUID
    payee_number: int
    minutes: int
    actor: str
    at: datetime
    undone_at: datetime | None
    reason: str
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a member's statement, with the minutes left after it."""

    id: UUID
    at: datetime
    minutes: int
    balance: int
    other: int | None
    activity: str
    undone: bool


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was certified to somebody."""

    id: UUID
    party: UUID
    first_day: date
    last_day: date
    totals_json: str
    issued_by: str
    issued_at: datetime

    @property
    def totals(self) -> list[dict[str, Any]]:
        kept: list[dict[str, Any]] = json.loads(self.totals_json)
        return kept


@dataclass(frozen=True, slots=True)
class StreamTotal:
    """What was verified of an activity and stream in a period."""

    activity_id: UUID
    activity_name: str
    measure: str
    stream: str
    contributors: int
    times: int
    quantity: int
    reward_minor: int
