"""A counter with a drawer of cards, for tests of what is done at it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit import queries as trail
from koinon.db.transactions import transaction
from koinon.instruments import operations, pins, queries
from koinon.instruments.types import Card, Presented, Why
from koinon.kernel.errors import KoinonError
from koinon.parties.secrets import Secrets
from tests.programmes.small_town import NOON, SmallTown

OFFICER = "user:1"
PIN, OTHER_PIN = "471930", "820461"


@dataclass
class Desk:
    """What an officer does with cards in a small town; tokens are kept as a holder would keep the card."""

    town: SmallTown
    secrets: Secrets
    tokens: dict[UUID, str] = field(default_factory=dict)
    keys: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def conn(self) -> Connection[Any]:
        return self.town.conn

    def make(self, count: int = 1, *, party: UUID | None = None) -> list[Card]:
        made = operations.make_cards(
            self.conn, town_id=self.town.id, count=count, idempotency_key=f"batch {next(self.keys)}", actor=OFFICER,
            at=NOON, secrets=self.secrets, party=party,
        )  # fmt: skip
        printed = operations.printable(
            self.conn, town_id=self.town.id, cards=[card.id for card in made], actor=OFFICER, at=NOON,
            secrets=self.secrets,
        )  # fmt: skip
        self.tokens |= {each.card.id: each.token for each in printed}
        return made

    def give(self, name: str, *, pin: str = "") -> Card:
        [card] = self.make()
        card = operations.hand_over(
            self.conn, town_id=self.town.id, card_id=card.id, party=self.town.parties[name], actor=OFFICER, at=NOON
        )
        return self.set_pin(card, pin) if pin else card

    def set_pin(self, card: Card, pin: str) -> Card:
        return pins.set_pin(
            self.conn, town_id=self.town.id, card_id=card.id, pin=pin, actor=OFFICER, at=NOON, secrets=self.secrets
        )

    def step(self, operation: Any, card: Card, why: Why = Why.LOST, **more: Any) -> Card:
        return operation(self.conn, town_id=self.town.id, card_id=card.id, why=why, actor=OFFICER, at=NOON, **more)

    def scan(self, card: Card, *, conn: Connection[Any] | None = None) -> Presented:
        return queries.presented(
            conn or self.conn, town_id=self.town.id, text=self.tokens[card.id], secrets=self.secrets
        )

    def type(self, card: Card) -> Presented:
        return queries.presented(self.conn, town_id=self.town.id, text=card.grouped, secrets=self.secrets)

    def ask(
        self, presented: Presented, pin: str, *, at: datetime = NOON, minutes: int = 0, place: str = "till:1",
        conn: Connection[Any] | None = None,
    ) -> str:  # fmt: skip
        """How it ended, as a code; "right" otherwise. Whatever was open is committed first."""
        own = conn or self.conn
        own.commit()
        try:
            pins.ask(
                lambda: _open(own), town_id=self.town.id, presented=presented, pin=pin, place=place,
                at=at + timedelta(minutes=minutes), secrets=self.secrets,
            )  # fmt: skip
        except KoinonError as refused:
            return refused.code
        return "right"

    def trail_of(self, card: Card) -> list[str]:
        entries = trail.entries_of_subject(self.conn, town_id=self.town.id, subject=f"card:{card.id}")
        return [entry.action for entry in reversed(entries)]


def _open(conn: Connection[Any]) -> Any:
    from contextlib import contextmanager

    @contextmanager
    def opened() -> Any:
        with transaction(conn):
            yield conn

    return opened()
