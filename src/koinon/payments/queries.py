"""Reading payments: for tills, purses and pages. Lists page on by key, never by offset."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import many, maybe, statement
from koinon.parties import queries as parties
from koinon.parties.errors import PartyNotFound
from koinon.parties.types import PartyFacts
from koinon.payments import rules
from koinon.payments.errors import PaymentNotFound
from koinon.payments.types import (
    DaySales,
    PartyMovement,
    Payment,
    PaymentLeg,
    Place,
    PurseView,
    Refund,
)
from koinon.programmes.rules import FREE, SpendingRule, may_spend, spending_rule

_PACKAGE = "koinon.payments"


@dataclass(frozen=True, slots=True)
class Side:
    """A payer or payee, with what its town says about money and time. ``account`` is where it is paid."""

    party_id: UUID
    kind: str
    zone: str
    sector: str
    sector_group: str
    legal_form: str
    is_sse: bool
    is_chain: bool
    accepts_since: date | None
    active: bool
    erased: bool
    account: int | None
    unit_code: str
    time_zone: str
    local_day: date

    @property
    def facts(self) -> PartyFacts:
        return PartyFacts(
            self.party_id, self.kind, self.zone, self.sector, self.sector_group, self.legal_form, self.is_sse,
            self.is_chain, self.accepts_since, self.active,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Purse:
    account: int
    available_minor: int
    fund: UUID | None
    fund_code: str
    fund_name: str
    rule_json: str
    spend_from: date | None
    last_day: date | None


@dataclass(frozen=True, slots=True)
class _Spent:
    account: int
    minor: int


@dataclass(frozen=True, slots=True)
class _Shop:
    party_id: UUID
    trade_name: str
    zone: str
    zone_name: str
    sector: str
    sector_group: str
    legal_form: str
    is_sse: bool
    is_chain: bool
    accepts_since: date | None


@lru_cache(maxsize=256)
def _rule(kept: str) -> SpendingRule:
    return spending_rule(json.loads(kept))


def sides(conn: Connection[Any], *, town_id: int, payer: UUID, payee: UUID, at: datetime) -> tuple[Side, Side]:
    """Payer and payee, or ``PartyNotFound``."""
    rows = many(conn, statement(_PACKAGE, "sides"), Side, town_id=town_id, parties=[payer, payee], at=at)
    found = {side.party_id: side for side in rows}
    for party_id in (payer, payee):
        if party_id not in found:
            raise PartyNotFound(party_id=party_id)
    return found[payer], found[payee]


def purses(conn: Connection[Any], *, town_id: int, payer: UUID, at: datetime) -> list[PurseView]:
    """A party's open purses, or its till, in the order in which they pay; empty ones too."""
    rows = many(conn, statement(_PACKAGE, "purses"), _Purse, town_id=town_id, payer=payer)
    views = [
        PurseView(
            account=row.account,
            available_minor=row.available_minor,
            rule=_rule(row.rule_json) if row.fund else FREE,
            fund=row.fund,
            fund_code=row.fund_code,
            fund_name=row.fund_name,
            spend_from=row.spend_from,
            last_day=row.last_day,
        )
        for row in rows
    ]
    limited = [view.account for view in views if view.rule.per_day_minor is not None]
    if limited:
        spent = {
            row.account: row.minor
            for row in many(
                conn, statement(_PACKAGE, "spent_of_day"), _Spent,
                town_id=town_id, payer=payer, accounts=limited, at=at,
            )
        }  # fmt: skip
        views = [replace(view, spent_today_minor=spent.get(view.account, 0)) for view in views]
    return sorted(views, key=rules.order)


def payment(conn: Connection[Any], *, town_id: int, payment_id: UUID) -> Payment:
    """One payment, or ``PaymentNotFound``."""
    found = maybe(
        conn, statement(_PACKAGE, "payment"), Payment, town_id=town_id, payment_id=payment_id, key=None
    )  # fmt: skip
    if found is None:
        raise PaymentNotFound(payment_id=payment_id)
    return found


def payment_by_key(conn: Connection[Any], *, town_id: int, key: str) -> Payment | None:
    """The payment that was made under a key, if one was."""
    return maybe(conn, statement(_PACKAGE, "payment"), Payment, town_id=town_id, payment_id=None, key=key)


def refund_by_key(conn: Connection[Any], *, town_id: int, key: str) -> Refund | None:
    """The refund that was made under a key, if one was."""
    return maybe(conn, statement(_PACKAGE, "refund_by_key"), Refund, town_id=town_id, key=key)


def refunds_of(conn: Connection[Any], *, town_id: int, payment_id: UUID) -> list[Refund]:
    """What was given back of a payment, oldest first."""
    return many(conn, statement(_PACKAGE, "refunds_of_payment"), Refund, town_id=town_id, payment_id=payment_id)


def legs_of(conn: Connection[Any], *, town_id: int, payment_id: UUID) -> list[PaymentLeg]:
    """The transfers of a payment in the order they were planned, with what was given back of each."""
    return many(conn, statement(_PACKAGE, "legs_of_payment"), PaymentLeg, town_id=town_id, payment_id=payment_id)


def sales_of_day(
    conn: Connection[Any],
    *,
    town_id: int,
    payee: UUID,
    day: date,
    before: Payment | None = None,
    limit: int = 100,
) -> list[Payment]:
    """A payee's payments of a local day, newest first; ``before`` (the last one shown) pages on."""
    zone = parties.town(conn, town_id).zone
    return many(
        conn,
        statement(_PACKAGE, "sales"),
        Payment,
        town_id=town_id,
        payee=payee,
        start=datetime.combine(day, time.min, zone),
        end=datetime.combine(day + timedelta(days=1), time.min, zone),
        before_at=before.effective_at if before else None,
        before_id=before.id if before else None,
        size=limit,
    )


def sales_by_day(
    conn: Connection[Any], *, town_id: int, payee: UUID, first_day: date, last_day: date
) -> list[DaySales]:
    """A payee's sales and refunds by local day, newest first; days without either are left out."""
    zone = parties.town(conn, town_id).zone
    return many(
        conn,
        statement(_PACKAGE, "sales_by_day"),
        DaySales,
        town_id=town_id,
        payee=payee,
        zone=zone.key,
        start=datetime.combine(first_day, time.min, zone),
        end=datetime.combine(last_day + timedelta(days=1), time.min, zone),
    )


def movements(
    conn: Connection[Any], *, town_id: int, party_id: UUID, before: UUID | None = None, limit: int = 50
) -> list[PartyMovement]:
    """What came into and left a party's purses or till, newest first; ``before`` (an id shown) pages on.

    A payment from several purses is one movement with several parts. Refuses
    nothing: a party that the town does not know has no movements.
    """
    return many(
        conn,
        statement(_PACKAGE, "movements"),
        PartyMovement,
        town_id=town_id,
        party=party_id,
        before=before,
        not_after=_soon_after(before) if before else None,
        size=limit,
    )


def _soon_after(cursor: UUID) -> UUID:
    """An id a minute later than a time-ordered one.

    The transfers of a payment are numbered just after it; starting a minute
    later, an index over transfers finds all of those that belong to the page.
    """
    milliseconds = (cursor.int >> 80) + 60_000
    return UUID(int=min((milliseconds << 80) | ((1 << 80) - 1), (1 << 128) - 1))


def where_to_spend(conn: Connection[Any], *, town_id: int, payer: UUID, at: datetime) -> list[Place]:
    """The shops that take part, with how much the payer may spend there on that local day.

    Shops where nothing can be spent now are left out; by neighbourhood, then name.
    """
    town = parties.town(conn, town_id)
    day = at.astimezone(town.zone).date()
    mine = [purse for purse in purses(conn, town_id=town_id, payer=payer, at=at) if purse.available_minor > 0]
    places = []
    for shop in many(conn, statement(_PACKAGE, "shops"), _Shop, town_id=town_id, day=day):
        if shop.party_id == payer:
            continue
        facts = PartyFacts(
            shop.party_id, "organisation", shop.zone, shop.sector, shop.sector_group, shop.legal_form, shop.is_sse,
            shop.is_chain, shop.accepts_since,
        )  # fmt: skip
        usable = [
            purse
            for purse in mine
            if may_spend(purse.rule, payee=facts, day=day, spend_from=purse.spend_from, last_day=purse.last_day)
        ]
        spendable = sum(_today(purse) for purse in usable)
        if spendable > 0:
            places.append(
                Place(
                    party_id=shop.party_id,
                    trade_name=shop.trade_name,
                    sector_group=shop.sector_group,
                    zone=shop.zone,
                    zone_name=shop.zone_name,
                    is_sse=shop.is_sse,
                    spendable_minor=spendable,
                    by_share=any(purse.rule.share_of_price is not None for purse in usable),
                )
            )
    return places


def _today(purse: PurseView) -> int:
    if purse.rule.per_day_minor is None:
        return purse.available_minor
    return max(0, min(purse.available_minor, purse.rule.per_day_minor - purse.spent_today_minor))
