"""Reading what a town must be able to show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from koinon.accounting import rules
from koinon.accounting.errors import OrganisationNotFound, TownPaymentNotFound
from koinon.accounting.types import (
    Agreement,
    ChartAccount,
    Entry,
    FundRecord,
    MonthVolume,
    NetworkView,
    Notification,
    Place,
    Purpose,
    Standing,
    Statement,
    Stock,
    Threshold,
    TillLine,
    TownPayment,
    TownPaymentState,
)
from koinon.db.statements import many, maybe, scalar, statement
from koinon.kernel import periods
from koinon.kernel.money import Amount
from koinon.parties import queries as parties
from koinon.parties.types import TownFacts

_PACKAGE = "koinon.accounting"
_LOOK_AHEAD_DAYS = 365


@dataclass(frozen=True, slots=True)
class _Day:
    day: date
    minor: int


@dataclass(frozen=True, slots=True)
class _TillRow:
    balance_minor: int
    seq: int | None
    group_id: UUID | None
    effective_at: datetime | None
    code: str | None
    is_reversal: bool | None
    signed_minor: int | None
    reference: str | None
    beside: UUID | None


@dataclass(frozen=True, slots=True)
class _TownPaymentRow:
    id: UUID
    payee: UUID
    amount_minor: int
    purpose: str
    reference: str
    state: str
    prepared_by: str
    prepared_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    cancelled_by: str | None
    cancelled_at: datetime | None


def threshold(conn: Connection[Any], *, country: str, day: date) -> Threshold | None:
    """The threshold of a country on a day; None where its law has none on record."""
    return maybe(conn, statement(_PACKAGE, "threshold_on"), Threshold, country=country, day=day)


def network(conn: Connection[Any], *, town_id: int, at: datetime) -> NetworkView:
    """What was paid in the rolling period that ends at an instant, against the threshold of the town's country.

    The unit is at par with the national currency, so the two are compared as they stand; a threshold in another
    currency than the town's is not compared. Read in a transaction of one snapshot: the day it is passed on follows from
    the volume and the pace.
    """
    town = parties.town(conn, town_id)
    today = at.astimezone(town.zone).date()
    found = threshold(conn, country=town.country, day=today)
    if found is not None and found.currency != town.national_currency:
        found = None
    months = 12 if found is None else found.months
    since = rules.period(at.astimezone(town.zone), months)
    volumes = many(
        conn, statement(_PACKAGE, "volume"), MonthVolume,
        town_id=town_id, zone=town.time_zone, since=since, until=at,
    )  # fmt: skip
    minor = sum(volume.minor for volume in volumes)
    notified = any(told.sent_on >= since.date() for told in notifications(conn, town_id=town_id))
    limit = None if found is None else found.amount_minor * 10**town.exponent // 100
    standing, used = rules.standing(minor, limit, notified=notified)
    reached = None
    if limit is not None and standing in (Standing.BELOW, Standing.NEAR):
        reached = _reached_on(conn, town, minor, limit, since, at, today)
    return NetworkView(
        threshold=found,
        since=since,
        until=at,
        volume=Amount(minor, town.unit_code),
        payments=sum(volume.payments for volume in volumes),
        months=tuple(volumes),
        standing=standing,
        used=used,
        reached_on=reached,
    )


def _reached_on(
    conn: Connection[Any], town: TownFacts, minor: int, limit: int, since: datetime, at: datetime, today: date
) -> date | None:
    days = {
        row.day: row.minor
        for row in many(
            conn, statement(_PACKAGE, "leaving"), _Day, town_id=town.id, zone=town.time_zone, since=since, until=at
        )
    }
    recent_from = today - timedelta(days=rules.PACE_DAYS)
    recent = sum(paid for day, paid in days.items() if day > recent_from)
    first = since.date()
    leaving = [days.get(first + timedelta(days=ahead), 0) for ahead in range(1, _LOOK_AHEAD_DAYS + 1)]
    return rules.reached_on(minor, recent, leaving, limit, today)


def notifications(conn: Connection[Any], *, town_id: int) -> list[Notification]:
    """What the authority was told, newest first."""
    return many(conn, statement(_PACKAGE, "notifications"), Notification, town_id=town_id)


def fund_records(conn: Connection[Any], *, town_id: int, day: date) -> list[FundRecord]:
    """What is on record for each fund on a day."""
    return many(conn, statement(_PACKAGE, "fund_records"), FundRecord, town_id=town_id, day=day)


def agreements(conn: Connection[Any], *, town_id: int, day: date) -> list[Agreement]:
    """Every organisation that takes part with the agreement that holds on a day; those without one come first."""
    return many(conn, statement(_PACKAGE, "agreements"), Agreement, town_id=town_id, day=day)


def wording(conn: Connection[Any], *, town_id: int, language: str, day: date) -> str | None:
    """What a shop's statement says about taxes in a language on a day, in the town's own words."""
    found = scalar(
        conn, statement(_PACKAGE, "wording"), town_id=town_id, kind="shop-statement", language=language, day=day
    )
    return None if found is None else str(found)


def chart(conn: Connection[Any], *, town_id: int) -> dict[Place, ChartAccount]:
    """Number and name of the town's account for each kind of account of the books."""

    @dataclass(frozen=True, slots=True)
    class Row:
        place: str
        number: str
        name: str

    own = many(conn, statement(_PACKAGE, "chart"), Row, town_id=town_id)
    return rules.CHART | {Place(row.place): ChartAccount(row.number, row.name) for row in own}


def bounds(town: TownFacts, first_day: date, last_day: date) -> tuple[datetime, datetime]:
    """The instants at which a town's days begin and, not included, end."""
    assert first_day <= last_day
    return periods.bounds(first_day, last_day, town.zone)


def shop_statement(conn: Connection[Any], *, town_id: int, party: UUID, first_day: date, last_day: date) -> Statement:
    """A shop's till over local days, first and last included; or ``OrganisationNotFound``."""
    town = parties.town(conn, town_id)
    known = party == town.party_id or scalar(
        conn, statement(_PACKAGE, "organisation_exists"), town_id=town_id, party=party
    )
    if not known:
        raise OrganisationNotFound(party=party)
    start, until = bounds(town, first_day, last_day)
    rows = many(conn, statement(_PACKAGE, "till_lines"), _TillRow, town_id=town_id, party=party, start=start)
    lines = [TillLine(*(getattr(row, each.name) for each in fields(TillLine))) for row in rows if row.seq is not None]
    opening, closing, sales, sums, told = rules.statement(lines, balance_minor=rows[0].balance_minor, until=until)
    return Statement(party, first_day, last_day, town.unit_code, opening, closing, sales, sums, told)


def journal(
    conn: Connection[Any], *, town_id: int, first_day: date, last_day: date, by_day: bool = True
) -> Iterator[Entry]:
    """The books of some local days in double entry, in order, a few thousand entries at a time.

    Read in a transaction of one snapshot where several readings must agree.
    """
    town = parties.town(conn, town_id)
    start, until = bounds(town, first_day, last_day)
    with conn.cursor(name="accounting_journal", row_factory=class_row(Entry)) as cursor:
        cursor.itersize = 5000
        cursor.execute(
            statement(_PACKAGE, "journal"),
            {"town_id": town_id, "zone": town.time_zone, "start": start, "until": until, "by_day": by_day},
        )
        yield from cursor


def stock(conn: Connection[Any], *, town_id: int, day: date) -> list[Stock]:
    """What stood in each kind of account as a local day began, by fund."""
    town = parties.town(conn, town_id)
    until = datetime.combine(day, time.min, town.zone)
    return many(conn, statement(_PACKAGE, "stock"), Stock, town_id=town_id, until=until)


def town_payments(conn: Connection[Any], *, town_id: int, limit: int = 100) -> list[TownPayment]:
    """What the town pays out of its own till, newest first."""
    return _town_payments(conn, town_id, None, limit)


def town_payment(conn: Connection[Any], *, town_id: int, payment_id: UUID) -> TownPayment:
    """One of them, or ``TownPaymentNotFound``."""
    found = _town_payments(conn, town_id, payment_id, 1)
    if not found:
        raise TownPaymentNotFound(payment=payment_id)
    return found[0]


def _town_payments(conn: Connection[Any], town_id: int, payment_id: UUID | None, size: int) -> list[TownPayment]:
    unit = parties.town(conn, town_id).unit_code
    rows = many(conn, statement(_PACKAGE, "town_payments"), _TownPaymentRow, town_id=town_id, id=payment_id, size=size)
    return [
        TownPayment(
            id=row.id,
            payee=row.payee,
            amount=Amount(row.amount_minor, unit),
            purpose=Purpose(row.purpose),
            reference=row.reference,
            state=TownPaymentState(row.state),
            prepared_by=row.prepared_by,
            prepared_at=row.prepared_at,
            approved_by=row.approved_by,
            approved_at=row.approved_at,
            cancelled_by=row.cancelled_by,
            cancelled_at=row.cancelled_at,
        )
        for row in rows
    ]
