"""Finding cards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import many, maybe, one, scalar, statement
from koinon.instruments import rules
from koinon.instruments.errors import CardNotFound
from koinon.instruments.types import Card, InstrumentKind, Presented, Stock, Way
from koinon.parties import crypto
from koinon.parties.secrets import Secrets

_PACKAGE = "koinon.instruments"


@dataclass(frozen=True, slots=True)
class Batch:
    """Cards made in one go; ``left`` of them have not been handed over."""

    id: UUID
    made_at: datetime
    made_by: str
    cards: int
    left: int


@dataclass(frozen=True, slots=True)
class Tries:
    """How often a PIN was not right, for one way of presenting the card."""

    way: str
    counted: int
    last_at: datetime

    @property
    def locked_until(self) -> datetime | None:
        return rules.locked_until(self.counted, self.last_at)


def card(conn: Connection[Any], *, town_id: int, card_id: UUID) -> Card:
    """A card by its id, or ``CardNotFound``."""
    found = _card(conn, town_id, card=card_id)
    if found is None:
        raise CardNotFound(card=card_id)
    return found


def presented(conn: Connection[Any], *, town_id: int, text: str, secrets: Secrets) -> Presented:
    """The card of a code that was scanned or a number that was typed, whatever its state.

    Refuses with ``NotACard`` for what cannot be one and ``CardNotFound`` for what is none of the town's.
    """
    way, what = rules.read(text)
    if way is Way.SCANNED:
        found = _card(conn, town_id, digest=token_digest(secrets, town_id, what))
    else:
        found = _card(conn, town_id, number=what)
    if found is None or found.kind is not InstrumentKind.CARD:
        raise CardNotFound
    return Presented(found, way)


def phone_of(conn: Connection[Any], *, town_id: int, party: UUID, account: int) -> Card | None:
    """The phone by which an account pays for a party, blocked or not; None where it has none."""
    found = scalar(conn, statement(_PACKAGE, "phone_of"), town_id=town_id, party=party, account=account)
    return card(conn, town_id=town_id, card_id=found) if found is not None else None


def cards_of(conn: Connection[Any], *, town_id: int, party: UUID) -> list[Card]:
    """Every card a party has or had, the newest first."""
    return many(conn, statement(_PACKAGE, "cards_of_party"), Card, town_id=town_id, party=party)


def cards_of_batch(conn: Connection[Any], *, town_id: int, batch: UUID) -> list[Card]:
    """The cards made in one go, in their order."""
    return many(conn, statement(_PACKAGE, "cards_of_batch"), Card, town_id=town_id, batch=batch)


def batches(conn: Connection[Any], *, town_id: int, most: int = 20) -> list[Batch]:
    """What was made in one go, the newest first."""
    return many(conn, statement(_PACKAGE, "batches"), Batch, town_id=town_id, most=most)


def stock(conn: Connection[Any], *, town_id: int) -> Stock:
    """How many cards the town has in each state."""
    return one(conn, statement(_PACKAGE, "stock"), Stock, town_id=town_id)


def tries(conn: Connection[Any], *, town_id: int, card_id: UUID) -> list[Tries]:
    """How often a PIN of the card was not right since the last that was."""
    return many(conn, statement(_PACKAGE, "tries"), Tries, town_id=town_id, card=card_id)


def was_blocked(conn: Connection[Any], *, town_id: int, card_id: UUID, at: datetime) -> bool:
    """Whether a card was blocked at an instant, whatever was done with it later."""
    return bool(scalar(conn, statement(_PACKAGE, "was_blocked"), town_id=town_id, subject=f"card:{card_id}", at=at))


def token_digest(secrets: Secrets, town_id: int, token: str) -> bytes:
    """By what a token is found again: a keyed hash, for the token itself is kept nowhere."""
    return crypto.digest(secrets.lookup, town_id, "card-token", token)


def _card(
    conn: Connection[Any],
    town_id: int,
    *,
    card: UUID | None = None,
    number: str | None = None,
    digest: bytes | None = None,
) -> Card | None:
    return maybe(conn, statement(_PACKAGE, "card"), Card, town_id=town_id, card=card, number=number, digest=digest)
