"""Reading payments: for tills, purses and pages. Lists page on by key, never by offset."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import many, statement
from koinon.kernel.periods import bounds
from koinon.parties import queries as parties
from koinon.parties.types import PartyFacts
from koinon.payments import groups, rules
from koinon.payments.batch import compiled
from koinon.payments.errors import HoldNotFound, PaymentNotFound
from koinon.payments.groups import Line
from koinon.payments.types import (
    Covered,
    DaySales,
    HeldPayment,
    PartyMovement,
    Payment,
    PaymentLeg,
    Place,
    PurseView,
    Receipt,
    ReceiptLine,
    Refund,
)
from koinon.programmes.spending import FREE, in_force, may_spend, versions_of

_PACKAGE = "koinon.payments"


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
    later: str | None
    bound: bool
    spent_today_minor: int
    spent_cycle_minor: int


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
    size: str
    latitude: Decimal | None
    longitude: Decimal | None


def purses(conn: Connection[Any], *, town_id: int, payer: UUID, at: datetime) -> list[PurseView]:
    """A party's open purses, or its tills, in the order in which they pay; empty ones too.

    Rules and last days are those that hold on the local day of ``at``.
    """
    rows = many(conn, statement(_PACKAGE, "purses"), _Purse, town_id=town_id, payer=payer, at=at)
    day = at.astimezone(parties.town(conn, town_id).zone).date()
    return sorted((_view(row, day) for row in rows), key=rules.order)


def _view(row: _Purse, day: date) -> PurseView:
    rule, last_day, spend_from = FREE, None, None
    if row.fund:
        version = in_force(versions_of(compiled(row.rule_json), row.last_day, row.later), day)
        rule = version.rule.passed_on() if row.bound else version.rule
        last_day, spend_from = (None, None) if row.bound else (version.last_day, row.spend_from)
    return PurseView(
        account=row.account,
        available_minor=row.available_minor,
        rule=rule,
        fund=row.fund,
        fund_code=row.fund_code,
        fund_name=row.fund_name,
        spend_from=spend_from,
        last_day=last_day,
        spent_today_minor=row.spent_today_minor,
        spent_cycle_minor=row.spent_cycle_minor,
        bound=row.bound,
    )


def payment(conn: Connection[Any], *, town_id: int, payment_id: UUID) -> Payment:
    """One payment, or ``PaymentNotFound``."""
    found = payments(conn, town_id=town_id, payment_ids=[payment_id])
    if not found:
        raise PaymentNotFound(payment_id=payment_id)
    return found[0]


def payments(conn: Connection[Any], *, town_id: int, payment_ids: Collection[UUID]) -> list[Payment]:
    """The payments among these ids, in the order of the books."""
    return groups.payments(town_id, _lines_of(conn, town_id, payment_ids))


def refund(conn: Connection[Any], *, town_id: int, refund_id: UUID) -> Refund | None:
    """One refund, if there is one with this id."""
    found = groups.refunds(town_id, _lines_of(conn, town_id, [refund_id]))
    return found[0] if found else None


def hold(conn: Connection[Any], *, town_id: int, hold_id: UUID) -> HeldPayment:
    """One hold as it stands now, or ``HoldNotFound``."""
    found = holds(conn, town_id=town_id, hold_ids=[hold_id])
    if not found:
        raise HoldNotFound(hold_id=hold_id)
    return found[0]


def holds(conn: Connection[Any], *, town_id: int, hold_ids: Collection[UUID]) -> list[HeldPayment]:
    """The holds among these ids as they stand now, in the order of the books."""
    return groups.holds(town_id, _lines_of(conn, town_id, hold_ids))


def _lines_of(conn: Connection[Any], town_id: int, ids: Collection[UUID]) -> list[Line]:
    return many(conn, statement(_PACKAGE, "lines_of"), Line, town_id=town_id, ids=list(ids))


def due_holds(conn: Connection[Any], *, town_id: int, now: datetime) -> list[HeldPayment]:
    """The holds that are still open although their time is over, oldest first."""
    return groups.holds(town_id, many(conn, statement(_PACKAGE, "due_holds"), Line, town_id=town_id, now=now))


def refunds_of(conn: Connection[Any], *, town_id: int, payment_id: UUID) -> list[Refund]:
    """What was given back of a payment, oldest first."""
    lines = many(conn, statement(_PACKAGE, "lines_of_refunds"), Line, town_id=town_id, payment_id=payment_id)
    return groups.refunds(town_id, lines)


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
    """A payee's payments of a local day, newest in the books first; ``before`` (the last one shown) pages on."""
    start, until = bounds(day, day, parties.town(conn, town_id).zone)
    lines = many(
        conn,
        statement(_PACKAGE, "sales"),
        Line,
        town_id=town_id,
        payee=payee,
        start=start,
        until=until,
        before=before.id if before else None,
        size=limit,
    )
    return groups.payments(town_id, lines)[::-1]


def sold_on(
    conn: Connection[Any], *, town_id: int, payee: UUID, day: date, limit: int = 100
) -> list[Payment | Covered]:
    """Everything that counts as sold on a local day, as a shop's statement does: payments, and what the town covered of
    sales without a network; newest in the books first."""
    start, until = bounds(day, day, parties.town(conn, town_id).zone)
    covered = many(
        conn, statement(_PACKAGE, "covered"), Covered,
        town_id=town_id, payee=payee, start=start, until=until, size=limit,
    )  # fmt: skip
    sales = sales_of_day(conn, town_id=town_id, payee=payee, day=day, limit=limit)
    sold: list[Payment | Covered] = [*covered, *sales]
    return sorted(sold, key=lambda one: one.posted_at, reverse=True)[:limit]


def sales_by_day(
    conn: Connection[Any], *, town_id: int, payee: UUID, first_day: date, last_day: date
) -> list[DaySales]:
    """A payee's sales and refunds by local day, newest first; days without either are left out."""
    zone = parties.town(conn, town_id).zone
    start, until = bounds(first_day, last_day, zone)
    return many(
        conn, statement(_PACKAGE, "sales_by_day"), DaySales,
        town_id=town_id, payee=payee, zone=zone.key, start=start, until=until,
    )  # fmt: skip


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
        size=limit,
    )


@dataclass(frozen=True, slots=True)
class _ReceiptRow:
    transfer_id: UUID
    code: str
    is_reversal: bool
    effective_at: datetime
    posted_at: datetime
    signed_minor: int
    fund_name: str
    unit: str
    counterparty: UUID | None
    counterparty_name: str
    reference: str
    refunded_minor: int
    original: UUID | None


def receipt(conn: Connection[Any], *, town_id: int, party_id: UUID, receipt_id: UUID) -> Receipt:
    """One movement of a party by its id, or ``PaymentNotFound``: also where it moved nothing of this party."""
    sql = statement(_PACKAGE, "receipt")
    rows = many(conn, sql, _ReceiptRow, town_id=town_id, party=party_id, receipt_id=receipt_id)
    if not rows:
        raise PaymentNotFound(payment_id=receipt_id)
    first = rows[0]
    return Receipt(
        id=receipt_id,
        code=first.code,
        is_reversal=first.is_reversal,
        effective_at=first.effective_at,
        posted_at=first.posted_at,
        unit=first.unit,
        counterparty=first.counterparty,
        counterparty_name=first.counterparty_name,
        reference=first.reference,
        lines=tuple(ReceiptLine(row.transfer_id, row.fund_name, row.signed_minor, row.refunded_minor) for row in rows),
        original=first.original,
    )


def where_to_spend(conn: Connection[Any], *, town_id: int, payer: UUID, at: datetime) -> list[Place]:
    """The shops that take part, with how much the payer may spend there on that local day, at its hours.

    Money that pays only for some categories counts: somebody has to buy these. Shops where nothing can be spent on
    that day are left out; by neighbourhood, then name.
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
            shop.is_chain, shop.accepts_since, size=shop.size,
        )  # fmt: skip
        usable = [
            purse
            for purse in mine
            if may_spend(
                replace(purse.rule, categories=None),
                payee=facts,
                day=day,
                spend_from=purse.spend_from,
                last_day=purse.last_day,
            )
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
                    latitude=shop.latitude,
                    longitude=shop.longitude,
                    funds=tuple(dict.fromkeys(purse.fund for purse in usable)),
                )
            )
    return places


def _today(purse: PurseView) -> int:
    most = purse.available_minor
    if purse.rule.per_day_minor is not None:
        most = min(most, purse.rule.per_day_minor - purse.spent_today_minor)
    if purse.rule.per_cycle_minor is not None:
        most = min(most, purse.rule.per_cycle_minor - purse.spent_cycle_minor)
    return max(0, most)
