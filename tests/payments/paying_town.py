"""The small town of the tests, with all that payments can do to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.kernel.identifiers import id_for_key, new_id
from koinon.payments import operations
from koinon.payments.commands import Pay
from koinon.payments.types import HeldPayment, Payment
from tests.programmes import small_town
from tests.programmes.small_town import NOON, UNIT, money

__all__ = ["NOON", "UNIT", "PayingTown", "build", "money"]


class PayingTown(small_town.SmallTown):
    def asks(self, payer: str, payee: str, amount: str, *, at: datetime = NOON, reference: str = "") -> Pay:
        return Pay(new_id(), self.parties[payer], self.parties[payee], money(amount), at, "till:1", reference)

    def hold_for(
        self, payer: str, payee: str, amount: str, *, key: str = "", at: datetime = NOON,
        until: datetime = NOON + timedelta(days=1), reference: str = "", conn: Connection[Any] | None = None,
    ) -> HeldPayment:  # fmt: skip
        return operations.place_hold(
            conn or self.conn,
            town_id=self.id,
            hold_id=_id("hold", key),
            payer=self.parties[payer],
            payee=self.parties[payee],
            amount=money(amount),
            lapses_at=until,
            effective_at=at,
            actor="till:1",
            reference=reference,
        )

    def capture(
        self, hold: HeldPayment, amount: str | None, *, key: str = "", at: datetime = NOON,
        conn: Connection[Any] | None = None,
    ) -> Payment:  # fmt: skip
        return operations.capture_hold(
            conn or self.conn,
            town_id=self.id,
            payment_id=_id("capture", key),
            hold_id=hold.id,
            amount=money(amount) if amount else None,
            effective_at=at,
            actor="till:1",
        )

    def let_go(
        self, hold: HeldPayment, *, key: str = "", at: datetime = NOON, conn: Connection[Any] | None = None
    ) -> HeldPayment:
        return operations.release_hold(
            conn or self.conn,
            town_id=self.id,
            release_id=_id("release", key),
            hold_id=hold.id,
            effective_at=at,
            actor="till:1",
        )


def _id(scope: str, key: str) -> UUID:
    return id_for_key(scope, key) if key else new_id()


def build(conn: Connection[Any], *, slug: str = "vila") -> PayingTown:
    town = small_town.build(conn, slug=slug)
    return PayingTown(town.conn, town.id, town.party, town.parties)


def build_with_money(conn: Connection[Any]) -> PayingTown:
    """A household with aid that has a limit by the day, a shop with money in its till, and another one; committed."""
    town = build(conn)
    town.fund("aid", rule={"per_day_minor": 50_00})
    town.household("ana")
    town.shop("forn")
    town.shop("farina")
    town.give("ana", "aid", "100.00")
    town.fill_till("forn", "100.00")
    conn.commit()
    return town
