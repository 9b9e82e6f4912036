"""A treasurer of a small town with a bank, for tests."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from koinon.banking import operations as banking
from koinon.banking import queries
from koinon.banking.types import Entry, Imported, MatchKind
from koinon.treasury import operations as treasury
from koinon.treasury import queries as treasury_queries
from koinon.treasury.types import BankPayment
from tests.treasury.place import APPROVER, TREASURER, Place

THEN = datetime(2026, 11, 4, 8, 0, tzinfo=UTC)


@dataclass
class Desk:
    place: Place

    @property
    def here(self) -> dict[str, Any]:
        return {"town_id": self.place.town.pk, "at": THEN, "actor": TREASURER}

    def sent(self, **asked: str) -> list[BankPayment]:
        """A run with the bank: a payment to each shop, in the order of the shops."""
        for shop, amount in asked.items():
            self.place.shop(shop)
            self.place.fill_till(shop, amount)
            self.place.redeem(shop, amount)
        run = treasury.prepare_run(self.place.conn, **self.here, idempotency_key="run")
        step = {**self.here, "run_id": run.id, "secrets": self.place.secrets}
        treasury.approve_run(self.place.conn, **{**step, "actor": APPROVER})
        treasury.export_run(self.place.conn, **step)
        found = treasury_queries.payments(self.place.conn, town_id=self.place.town.pk, run_id=run.id)
        by_party = {payment.party: payment for payment in found}
        return [by_party[self.place.parties[shop]] for shop in asked]

    def bring(self, content: bytes, account: str = "") -> Imported:
        """Import a file and match what is listed."""
        done = banking.import_file(
            self.place.conn, **self.here, content=content, account=account, secrets=self.place.secrets
        )
        self.match()
        return done

    def match(self) -> None:
        @contextmanager
        def here():
            yield

        banking.match_listed(self.place.conn, **self.here, in_transaction=here)

    def entries(self, listed: bool | None = None) -> list[Entry]:
        return queries.entries(self.place.conn, town_id=self.place.town.pk, listed=listed)[::-1]

    def told(self) -> list[tuple[int, str]]:
        """Every entry's amount and what it is, or why it is listed; oldest first."""
        return [
            (one.amount_minor, ", ".join([*(match.kind for match in one.matches), *(g.code for g in one.grounds)]))
            for one in sorted(self.entries(), key=lambda one: one.id)
        ]

    def by_hand(self, entry: Entry, kind: MatchKind, target: UUID | None = None, **more: Any) -> Entry:
        return banking.match_by_hand(
            self.place.conn, **self.here, entry_id=entry.id, kind=kind, target=target, **{"reason": "looked", **more}
        )

    def payment(self, payment: BankPayment) -> str:
        found = treasury_queries.payment(self.place.conn, town_id=self.place.town.pk, payment_id=payment.id)
        assert found is not None
        return found.state.value

    def reserve(self) -> tuple[int, int, dict[str, int], int]:
        """What the banks hold, the books, the parts of the difference, and what is unexplained."""
        found = queries.reserve(self.place.conn, town_id=self.place.town.pk)
        parts = {part.code: part.amount_minor for part in found.parts}
        return found.banks_minor, found.books_minor, parts, found.unexplained_minor
