"""Values of the outbox: events, who listens to them, and what became of telling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

KINDS: Mapping[str, str] = {
    "payment.posted": "a payment was posted",
    "payment.refunded": "a payment was given back, wholly or in part",
    "hold.placed": "an amount was reserved for a later payment",
    "hold.captured": "a reserved amount was paid, wholly or in part",
    "hold.released": "a reserved amount was let go",
    "hold.lapsed": "a reservation ended by itself",
    "cycle.disbursed": "a programme's month was paid out to the end",
    "contribution.rewarded": "what somebody did was verified, and its reward paid",
    "contribution.undone": "a reward was taken back, as far as it was there",
    "topup.received": "euros came for a top-up, and its units were made",
    "bonus.granted": "a bonus was granted on a payment or a top-up",
    "campaign.nearly-spent": "a bonus campaign has granted most of its ceiling",
    "campaign.ended": "a bonus campaign ended, and what was left went back to its fund",
    "network.near-threshold": "the payments of twelve months come near the volume of which the authority is told",
    "network.above-threshold": "the payments of twelve months are above the volume of which the authority is told",
    "redemption.requested": "a shop handed units in for money of the bank",
    "redemption.paid": "the bank paid a redemption",
    "redemption.returned": "a redemption's bank payment was rejected and waits for the next run, or came back and is in the shop's till again",
}
"""Every kind of event there is, and what it says."""

PARTY_KEYS = ("payer", "payee", "party")
"""The keys of an event's data that name parties, by their opaque ids: who may hear of it."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to money.

    ``subject`` is the id of the payment, refund, hold, cycle or redemption. ``data`` holds opaque
    ids, codes and whole minor units, never a word about a person. A listener that is a
    party hears of the events in which it stands under one of ``PARTY_KEYS``; the amount that
    thresholds look at is ``amount_minor``.

    >>> from datetime import UTC
    >>> Event("hold.lapsed", UUID(int=1), datetime(2026, 11, 2, tzinfo=UTC), {"amount_minor": 1250, "unit": "REC"})
    Event(kind='hold.lapsed', ...)
    """

    kind: str
    subject: UUID
    at: datetime
    data: Mapping[str, str | int]


Heard = Mapping[str, frozenset[str]]
"""Which kinds are listened to, and by which parties (their ids as text); ``ANYBODY`` among them means: tell all."""

ANYBODY = "00000000-0000-0000-0000-000000000000"


class Channel(StrEnum):
    WEBHOOK = "webhook"
    MAIL = "mail"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address that is told by webhook. A ``party``'s endpoint hears only what concerns the party."""

    id: UUID
    town_id: int
    url: str
    kinds: list[str]
    party: UUID | None
    state: str
    created_at: datetime
    created_by: str
    failing_since: datetime | None
    failures: int
    disabled_at: datetime | None
    disabled_why: str
    two_secrets_until: datetime | None


@dataclass(frozen=True, slots=True)
class FreshSecret:
    """An endpoint and its new signing secret, which is shown this once."""

    endpoint: Endpoint
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Notice:
    """Somebody who is told by e-mail: a party (of what concerns it), or everybody with a role in the town."""

    id: UUID
    town_id: int
    kinds: list[str]
    party: UUID | None
    role: str
    at_least_minor: int
    state: str
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one listener. ``recipient`` is empty for a webhook, ``party:<id>`` or ``user:<id>`` else."""

    event_id: UUID
    listener_id: UUID
    recipient: str
    kind: str
    subject: UUID
    at: datetime
    state: str
    attempts: int
    next_at: datetime | None
    last_status: int | None
    last_error: str
    told_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a delivery: when it ended, how long it took, and the answer's status or the code of what failed."""

    number: int
    at: datetime
    took_ms: int
    status: int | None
    error: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that a worker has taken upon itself until its lease ends."""

    town_id: int
    event_id: UUID
    listener_id: UUID
    recipient: str
    attempt: int
    tries: int
    channel: str
    kind: str
    subject: UUID
    at: datetime
    data: str
    url: str
    party: UUID | None
    key_id: str
    secret: bytes = field(repr=False)
    old_key_id: str = ""
    old_secret: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended. ``error`` is empty where it was delivered; ``wait_seconds`` is None where it is not tried again."""

    claimed: Claimed
    took_ms: int
    status: int | None = None
    error: str = ""
    wait_seconds: float | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much is due, and for how long the oldest has been."""

    due: int
    oldest_seconds: int


class Keys(Protocol):
    """The installation's keys, from outside the database (``koinon.parties.secrets.Secrets``)."""

    @property
    def current(self) -> str: ...

    def key(self, key_id: str) -> bytes: ...
