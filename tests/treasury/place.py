"""A small town with a fund and shops, for tests that need euros and units."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.checks import run_checks
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount, to_minor
from koinon.kernel.periods import Month
from koinon.ledger import operations as ledger
from koinon.ledger import queries as books
from koinon.ledger.types import NewAccount, Transfer
from koinon.parties.models import Household, Organisation, Party, Town, Zone
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.payments import operations as payments
from koinon.programmes import operations as programmes
from koinon.programmes.models import Award, Fund, Programme
from koinon.treasury import operations as treasury
from koinon.treasury.types import Receipt, Redemption

NOON = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
TREASURER = "user:1"
APPROVER = "user:2"
IBANS = (
    "ES9121000418450200051332",
    "ES7921000813610123456789",
    "GR1601101250000000012300695",
    "DE89370400440532013000",
)


@dataclass
class Place:
    """A town under construction; names are for the test alone."""

    conn: Connection[Any]
    town: Town
    fund: UUID
    secrets: Secrets
    parties: dict[str, UUID] = field(default_factory=dict)
    keys: Any = field(default_factory=lambda: itertools.count(1))

    def money(self, text: str) -> Amount:
        return Amount(to_minor(Decimal(text), self.town.exponent), self.town.unit_code)

    def shop(self, name: str, *, iban: str = IBANS[0], is_sse: bool = False, zone: str = "") -> UUID:
        """An organisation with a till and, unless ``iban`` is empty, a bank account."""
        party = self._party("organisation")
        where = (
            Zone.objects.get_or_create(town=self.town, code=zone, defaults={"name": zone.title()})[0] if zone else None
        )
        Organisation.objects.create(party=party, trade_name=name, is_sse=is_sse, zone=where)
        Vault(self.conn, self.secrets).put(party.id, {"name": name, "iban": iban})
        self._open("till", party.id, None)
        self.parties[name] = party.id
        return party.id

    def household(self, name: str) -> UUID:
        """A holder with a purse of the fund."""
        party = self._party("household")
        Household.objects.create(party=party)
        self._open("purse", party.id, self.fund)
        self.parties[name] = party.id
        return party.id

    def fill_till(self, shop: str, amount: str, at: datetime = NOON) -> None:
        """Euros come in, are issued, given to a household and spent in the shop."""
        giver = f"giver of {next(self.keys)}"
        self.receive(amount, at=at)
        self.grant(giver, amount, at)
        payments.pay(
            self.conn,
            town_id=self.town.pk,
            payment_id=new_id(),
            payer=self.parties[giver],
            payee=self.parties[shop],
            amount=self.money(amount),
            effective_at=at,
            actor="till:1",
        )

    def grant(self, household: str, amount: str, at: datetime = NOON) -> None:
        """A new household gets this much from the fund, by a programme and a cycle of its own."""
        money, number = self.money(amount), next(self.keys)
        programme = Programme.objects.create(town=self.town, code=f"p{number}", name="Aid", fund_id=self.fund)
        Award.objects.create(
            programme=programme, household_id=self.household(household), monthly_minor=money.minor, from_day=at.date()
        )
        cycle = programmes.prepare_cycle(
            self.conn, town_id=self.town.pk, programme_id=programme.id, month=Month(at.year, at.month), actor="user:3",
            now=at,
        )  # fmt: skip
        step = {"town_id": self.town.pk, "cycle_id": cycle.id, "now": at}
        programmes.submit_cycle(self.conn, **step, actor="user:3")
        programmes.approve_cycle(self.conn, **step, actor=APPROVER)
        programmes.disburse_cycle(self.conn, **step, actor="user:3")

    def receive(self, amount: str, at: datetime = NOON, key: str = "", reference: str = "") -> Receipt:
        number = next(self.keys)
        return treasury.receive_budget(
            self.conn,
            town_id=self.town.pk,
            fund=self.fund,
            amount=self.money(amount),
            bank_reference=reference or f"BANK/{number}",
            idempotency_key=key or f"receipt-{number}",
            at=at,
            actor=TREASURER,
        )

    def redeem(self, shop: str, amount: str, key: str = "", at: datetime = NOON) -> Redemption:
        return treasury.request_redemption(
            self.conn,
            town_id=self.town.pk,
            party=self.parties[shop],
            amount=self.money(amount),
            idempotency_key=key or f"redeem-{next(self.keys)}",
            at=at,
            actor="user:9",
        )

    def move(
        self,
        code: str,
        debit: tuple[str, UUID, UUID | None],
        credit: tuple[str, UUID, UUID | None],
        amount: Amount,
        at: datetime,
    ) -> UUID:
        transfer = Transfer(new_id(), self._open(*debit), self._open(*credit), amount, code, at, actor="test")
        return ledger.post_all(self.conn, town_id=self.town.pk, requests=[transfer])[0].id

    def balance(self, kind: str, holder: UUID | None, fund: UUID | None = None) -> Amount:
        found = books.account(
            self.conn, town_id=self.town.pk, kind=kind, holder=holder or self.town.party_id, fund=fund
        )
        return found.balance if found else self.money("0")

    def broken(self, *packages: str) -> list[tuple[str, list[dict[str, Any]]]]:
        """Every invariant that does not hold, or of these packages, with what breaks it."""
        wanted = {f"koinon.{package}" for package in packages}
        return [
            (result.name, result.failures)
            for result in run_checks(self.conn)
            if result.failures and (not wanted or result.package in wanted)
        ]

    def _party(self, kind: str) -> Party:
        return Party.objects.create(id=new_id(), town=self.town, kind=kind, created_at=NOON)

    def _open(self, kind: str, holder: UUID, fund: UUID | None) -> int:
        account = NewAccount(
            kind, self.town.unit_code, holder, fund=fund, floor_minor=None if kind == "issuance" else 0
        )
        return ledger.open_accounts(self.conn, town_id=self.town.pk, accounts=[account], at=NOON, actor="test")[0]


def build(conn: Connection[Any], *, slug: str = "besos", **changes: Any) -> Place:
    """A town in Spain with one fund; ``changes`` are columns of the town."""
    columns: dict[str, Any] = {
        "name": "Besòs",
        "country": "ES",
        "unit_code": "REC",
        "unit_name": "REC",
        "time_zone": "Europe/Madrid",
        "created_at": NOON,
    }
    town = Town.objects.create(slug=slug, **{**columns, **changes})
    body = Party.objects.create(id=new_id(), town=town, kind="public_body", created_at=NOON)
    town.party = body
    town.save()
    fund = Fund.objects.create(id=new_id(), town=town, code="inclusion", name="Inclusion")
    secrets = Secrets.fresh()
    place = Place(conn, town, fund.id, secrets)
    Vault(conn, secrets).put(body.id, {"name": f"Ajuntament de {town.name}", "iban": IBANS[1]})
    place.parties["town"] = body.id
    return place
