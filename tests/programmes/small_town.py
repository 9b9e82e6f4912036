"""A small invented town that tests of parties, programmes and payments build as they need it.

Everything is written through plain SQL and the operations, on whatever
connection it is given, so that the same town serves tests that roll back and
tests that commit and open eight connections more.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.checks import run_checks
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import id_for_key, new_id
from koinon.kernel.money import Amount, to_minor
from koinon.kernel.periods import Month
from koinon.ledger import operations as ledger
from koinon.ledger import queries as books
from koinon.ledger.types import NewAccount, Transfer
from koinon.parties import operations as parties
from koinon.payments import operations as payments
from koinon.payments.types import Payment, Refund
from koinon.programmes import operations as programmes
from koinon.programmes.types import CycleView
from koinon.treasury import operations as treasury

NOON = datetime(2026, 10, 5, 10, 0, tzinfo=UTC)  # Noon in Barcelona.
OCTOBER = Month(2026, 10)
OFFICER, APPROVER = "user:1", "user:2"
UNIT = "REC"


def money(text: str) -> Amount:
    return Amount(to_minor(Decimal(text), 2), UNIT)


@dataclass
class SmallTown:
    """The town; people and shops go by names that exist in the test only."""

    conn: Connection[Any]
    id: int
    party: UUID
    parties: dict[str, UUID] = field(default_factory=dict)
    funds: dict[str, UUID] = field(default_factory=dict)
    programmes: dict[str, UUID] = field(default_factory=dict)
    keys: Any = field(default_factory=lambda: itertools.count(1))

    # Who and what there is

    def zone(self, code: str) -> int:
        return self._one(
            "INSERT INTO parties_zone (town_id, code, name) VALUES (%s, %s, %s) "
            "ON CONFLICT (town_id, code) DO UPDATE SET name = excluded.name RETURNING id",
            self.id, code, code.title(),
        )  # fmt: skip

    def household(
        self,
        name: str,
        *,
        zone: str = "",
        income_band: str = "",
        members: int = 2,
        children: tuple[str, ...] = (),
        since: date | None = None,
        statuses: tuple[dict[str, Any], ...] = (),
    ) -> UUID:
        party = self._party(name, "household")
        self.conn.execute(
            "INSERT INTO parties_household (party_id, zone_id, members, income_band, resident_since, children_born, "
            "statuses) VALUES (%s, %s, %s, %s, %s, %s::jsonb, %s::jsonb)",
            [party, self.zone(zone) if zone else None, members, income_band, since, json.dumps(children),
             json.dumps(statuses)],
        )  # fmt: skip
        return party

    def person(self, name: str, *, household: str = "") -> UUID:
        party = self._party(name, "person")
        self.conn.execute(
            "INSERT INTO parties_person (party_id, household_id, is_reference) VALUES (%s, %s, FALSE)",
            [party, self.parties.get(household)],
        )
        return party

    def shop(
        self,
        name: str,
        *,
        zone: str = "",
        sector: str = "47.11",
        sector_group: str = "food",
        legal_form: str = "limited",
        is_sse: bool = False,
        is_chain: bool = False,
        accepts_since: date | None = None,
    ) -> UUID:
        party = self._party(name, "organisation")
        self.conn.execute(
            "INSERT INTO parties_organisation (party_id, trade_name, sector, sector_group, legal_form, is_sse, "
            "registry_number, size_class, zone_id, is_chain, accepts_since, active) "
            "VALUES (%s, %s, %s, %s, %s, %s, '', '', %s, %s, %s, TRUE)",
            [party, name.title(), sector, sector_group, legal_form, is_sse, self.zone(zone) if zone else None,
             is_chain, accepts_since],
        )  # fmt: skip
        return party

    def fund(
        self,
        code: str,
        *,
        rule: dict[str, Any] | None = None,
        last_day: date | None = None,
        spend_from: date | None = None,
        budget: str | None = None,
    ) -> UUID:
        self.funds[code] = new_id()
        self.conn.execute(
            "INSERT INTO programmes_fund (id, town_id, code, name, source, budget_minor, rule, spend_from, last_day) "
            "VALUES (%s, %s, %s, %s, '', %s, %s::jsonb, %s, %s)",
            [self.funds[code], self.id, code, code.title(), money(budget).minor if budget else None,
             json.dumps(rule or {}), spend_from, last_day],
        )  # fmt: skip
        return self.funds[code]

    def programme(
        self,
        code: str,
        *,
        fund: str,
        share: tuple[int, int] = (1, 4),
        floor: str = "100",
        rule: Any = None,
        amounts: Any = None,
        waiting: Any = None,
        for_whom: str = "awards",
        holds: bool = False,
    ) -> UUID:
        self.programmes[code] = new_id()
        self.conn.execute(
            "INSERT INTO programmes_programme (id, town_id, code, name, kind, fund_id, share_numerator, "
            "share_denominator, floor_monthly_minor, rule, amounts, waiting, for_whom, holds_duplicates) "
            "VALUES (%s, %s, %s, %s, 'aid', %s, %s, %s, %s, %s::jsonb, %s::jsonb, %s::jsonb, %s, %s)",
            [self.programmes[code], self.id, code, code.title(), self.funds[fund], *share, money(floor).minor,
             json.dumps(rule or {}), json.dumps(amounts or {}), json.dumps(waiting) if waiting is not None else None,
             for_whom, holds],
        )  # fmt: skip
        return self.programmes[code]

    def award(
        self, programme: str, household: str, monthly: str, *, since: date = date(2026, 1, 1), until: date | None = None
    ) -> None:
        self.conn.execute(
            "INSERT INTO programmes_award (id, programme_id, household_id, monthly_minor, from_day, to_day) "
            "VALUES (%s, %s, %s, %s, %s, %s)",
            [new_id(), self.programmes[programme], self.parties[household], money(monthly).minor, since, until],
        )

    def user(self, name: str, role: str, *, party: str = "", email: str = "") -> int:
        number = self._one(
            "INSERT INTO parties_user (password, is_superuser, username, first_name, last_name, email, is_staff, "
            "is_active, date_joined, language) VALUES ('', FALSE, %s, %s, '', %s, FALSE, TRUE, %s, '') RETURNING id",
            name, name.title(), email, NOON,
        )  # fmt: skip
        parties.grant_role(
            self.conn, town_id=self.id, user_id=int(number), role=role, party_id=self.parties.get(party), actor=OFFICER,
            at=NOON,
        )  # fmt: skip
        return int(number)

    # What happens

    def receive(self, fund: str, amount: str) -> None:
        """Euros arrive for a fund."""
        reference = f"bank/{new_id()}"
        treasury.receive_budget(
            self.conn, town_id=self.id, fund=self.funds[fund], amount=money(amount), bank_reference=reference,
            idempotency_key=reference, at=NOON, actor="test",
        )  # fmt: skip

    def give(self, household: str, fund: str, amount: str) -> None:
        """Euros arrive and lie in a purse a moment later, by a programme of their own."""
        self.receive(fund, amount)
        gift = f"gift-{next(self.keys)}"
        self.programme(gift, fund=fund, share=(1, 1), floor="0")
        self.award(gift, household, amount)
        self.disburse(self.approve(self.prepare(gift)))

    def fill_till(self, shop: str, amount: str) -> None:
        """A till holds this much, from a buyer nobody knows."""
        name = f"buyer {next(self.keys)}"
        self.household(name)
        if "plain" not in self.funds:
            self.fund("plain", rule={"peers_allowed": True})
        self.give(name, "plain", amount)
        assert self.pay(name, shop, amount) == "posted"

    def move(
        self, code: str, debit: tuple[str, UUID, UUID | None], credit: tuple[str, UUID, UUID | None], amount: str
    ) -> None:
        transfer = Transfer(new_id(), self.account(*debit), self.account(*credit), money(amount), code, NOON, "test")
        ledger.post_all(self.conn, town_id=self.id, requests=[transfer])

    def account(self, kind: str, holder: UUID, fund: UUID | None = None) -> int:
        wanted = NewAccount(kind, UNIT, holder, fund, None if kind == "issuance" else 0)
        return ledger.open_accounts(self.conn, town_id=self.id, accounts=[wanted], at=NOON, actor="test")[0]

    def pay_for(
        self, payer: str, payee: str, amount: str, *, key: str = "", at: datetime = NOON, conn: Connection[Any] | None = None,
        reference: str = "",
    ) -> Payment:  # fmt: skip
        return payments.pay(
            conn or self.conn,
            town_id=self.id,
            payment_id=id_for_key("till", key) if key else new_id(),
            payer=self.parties[payer],
            payee=self.parties[payee],
            amount=money(amount),
            effective_at=at,
            actor="till:1",
            reference=reference,
        )

    def pay(self, payer: str, payee: str, amount: str, **how: Any) -> str:
        """``posted``, or the code of the refusal."""
        try:
            self.pay_for(payer, payee, amount, **how)
        except KoinonError as refused:
            return refused.code
        return "posted"

    def grounds(self, payer: str, payee: str, amount: str, **how: Any) -> list[str]:
        """Why a payment is refused: the code of every ground."""
        try:
            self.pay_for(payer, payee, amount, **how)
        except KoinonError as refused:
            return [ground["code"] for ground in refused.fields["grounds"]]
        return []

    def give_back(
        self, payment: Payment, amount: str | None, *, key: str = "", at: datetime = NOON, conn: Connection[Any] | None = None
    ) -> Refund:  # fmt: skip
        return payments.refund(
            conn or self.conn,
            town_id=self.id,
            refund_id=id_for_key("refund", key) if key else new_id(),
            payment_id=payment.id,
            amount=money(amount) if amount else None,
            effective_at=at,
            actor="till:1",
        )

    def prepare(self, programme: str, month: Month = OCTOBER) -> CycleView:
        return programmes.prepare_cycle(
            self.conn, town_id=self.id, programme_id=self.programmes[programme], month=month, actor=OFFICER, now=NOON
        )

    def submit(self, cycle: CycleView, actor: str = OFFICER) -> CycleView:
        return programmes.submit_cycle(self.conn, town_id=self.id, cycle_id=cycle.id, actor=actor, now=NOON)

    def approve(self, cycle: CycleView, actor: str = APPROVER) -> CycleView:
        if cycle.state == "prepared":
            self.submit(cycle)
        return programmes.approve_cycle(self.conn, town_id=self.id, cycle_id=cycle.id, actor=actor, now=NOON)

    def disburse(self, cycle: CycleView) -> CycleView:
        return programmes.disburse_cycle(self.conn, town_id=self.id, cycle_id=cycle.id, actor=OFFICER, now=NOON)

    # What is true

    def balance(self, name: str, fund: str = "") -> str:
        kind = "till" if self._one("SELECT kind FROM parties_party WHERE id = %s", self.parties[name]) == "organisation" else "purse"  # fmt: skip
        found = books.account(
            self.conn, town_id=self.id, kind=kind, holder=self.parties[name], fund=self.funds[fund] if fund else None
        )
        return str(found.balance).removesuffix(f" {UNIT}") if found else "0.00"

    def reserve(self, fund: str) -> str:
        found = books.account(self.conn, town_id=self.id, kind="reserve", holder=self.party, fund=self.funds[fund])
        return str(found.balance).removesuffix(f" {UNIT}") if found else "0.00"

    def broken(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """Every invariant that does not hold, with what breaks it."""
        return [(result.name, result.failures) for result in run_checks(self.conn) if result.failures]

    def audited(self) -> list[str]:
        """What was done in the town, oldest first."""
        rows = self.conn.execute("SELECT action FROM audit.entry WHERE town_id = %s ORDER BY id", [self.id]).fetchall()
        return [row[0] for row in rows]

    def _party(self, name: str, kind: str) -> UUID:
        party = new_id()
        self.conn.execute(
            "INSERT INTO parties_party (id, town_id, kind, created_at) VALUES (%s, %s, %s, %s)",
            [party, self.id, kind, NOON],
        )
        self.parties[name] = party
        return party

    def _one(self, sql: Any, *values: Any) -> Any:
        row = self.conn.execute(sql, list(values)).fetchone()
        assert row is not None
        return row[0]


def build(conn: Connection[Any], *, slug: str = "vila") -> SmallTown:
    """A town in Spain with nobody in it yet."""
    row = conn.execute(
        "INSERT INTO parties_town (slug, name, country, unit_code, unit_name, unit_symbol, exponent, "
        "national_currency, time_zone, languages, legal_basis, created_at) "
        "VALUES (%s, %s, 'ES', %s, 'REC', '', 2, 'EUR', 'Europe/Madrid', '[]', '{}', %s) RETURNING id",
        [slug, slug.title(), UNIT, NOON],
    ).fetchone()
    assert row is not None
    town = SmallTown(conn, row[0], new_id())
    town.party = town._party("town", "public_body")
    conn.execute("UPDATE parties_town SET party_id = %s WHERE id = %s", [town.party, town.id])
    return town
