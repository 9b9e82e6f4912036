"""Indicators of a town's month, from the books and the parties' public attributes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection

from koinon.db.statements import many, one, statement
from koinon.impact.indicators.active_shops import active_shops
from koinon.impact.indicators.days_to_first_spend import days_to_first_spend
from koinon.impact.indicators.multiplier import multiplier
from koinon.impact.indicators.recirculation import recirculation
from koinon.impact.indicators.share_by_sse import share_by_sse
from koinon.impact.indicators.share_by_zone import share_by_zone
from koinon.impact.indicators.velocity import velocity
from koinon.impact.types import Flows, MonthPaid, MonthReport, MonthTraded, Payers, ShopReceipts, UnitsAt, Wait
from koinon.kernel.periods import Month
from koinon.parties import queries as parties

_PACKAGE = "koinon.impact"
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _FlowsRow:
    issued: int
    spent: int
    refunded: int
    redeemed: int
    expired: int
    business_income: int
    business_spending: int
    outstanding_start: int
    outstanding_end: int
    outstanding_micros: Decimal


@dataclass(frozen=True, slots=True)
class _Zone:
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class _Outline:
    code: str
    name: str
    outline: str


def month(
    conn: Connection[Any], town_id: int, month: Month, time_zone: ZoneInfo, until: datetime | None = None
) -> MonthReport:
    """Everything the indicators say about a town's month.

    ``until`` cuts a month that still runs at the moment of asking; velocity is
    then annualised by the time that has passed. Exact and complete, so for the
    town's staff: the public sees ``publication.publish`` of it. Read in a
    transaction of one snapshot: it asks several questions, and their answers agree.
    """
    start, end = month.bounds(time_zone)
    until = end if until is None else min(until, end)
    assert start < until, "the month has not begun"
    town = parties.town(conn, town_id)
    moved = flows(conn, town_id, start, until)
    receipts = tuple(
        many(conn, statement(_PACKAGE, "receipts"), ShopReceipts, town_id=town_id, start=start, until=until)
    )
    waits = many(
        conn, statement(_PACKAGE, "first_spend"), Wait, town_id=town_id, start=start, until=until,
        time_zone=str(time_zone),
    )  # fmt: skip
    named = zones(conn, town_id)
    return MonthReport(
        town_id=town_id,
        month=month,
        start=start,
        until=until,
        complete=until == end,
        unit=town.unit_code,
        exponent=town.exponent,
        flows=moved,
        multiplier=multiplier(moved),
        recirculation=recirculation(moved),
        velocity=velocity(moved, periods_per_year=12 * Fraction(_micros(start, end), _micros(start, until))),
        first_spend=days_to_first_spend(waits),
        by_zone=share_by_zone(receipts, named),
        by_sse=share_by_sse(receipts),
        active_shops=active_shops(receipts),
        shops=len(receipts),
        zones=named,
        receipts=receipts,
        payers=tuple(many(conn, statement(_PACKAGE, "payers"), Payers, town_id=town_id, start=start, until=until)),
        paid=tuple(
            many(
                conn,
                statement(_PACKAGE, "months_paid"),
                MonthPaid,
                town_id=town_id,
                until=until,
                time_zone=str(time_zone),
            )
        ),
        traded=tuple(
            many(
                conn,
                statement(_PACKAGE, "months_traded"),
                MonthTraded,
                town_id=town_id,
                until=until,
                time_zone=str(time_zone),
            )
        ),
    )


def flows(conn: Connection[Any], town_id: int, start: datetime, until: datetime) -> Flows:
    """What moved from ``start`` (included) until ``until`` (excluded), by ``effective_at``."""
    row = one(conn, statement(_PACKAGE, "flows"), _FlowsRow, town_id=town_id, start=start, until=until)
    return Flows(
        issued=row.issued,
        spent=row.spent,
        refunded=row.refunded,
        redeemed=row.redeemed,
        expired=row.expired,
        business_income=row.business_income,
        business_spending=row.business_spending,
        outstanding_start=row.outstanding_start,
        outstanding_end=row.outstanding_end,
        outstanding_mean=Fraction(int(row.outstanding_micros), _micros(start, until)),
    )


def zones(conn: Connection[Any], town_id: int) -> dict[str, str]:
    """Names of a town's neighbourhoods by their codes."""
    return {zone.code: zone.name for zone in many(conn, statement(_PACKAGE, "zones"), _Zone, town_id=town_id)}


def outlines(conn: Connection[Any], town_id: int) -> tuple[tuple[str, str, Mapping[str, Any] | None], ...]:
    """A town's neighbourhoods by code: code, name, and where it lies as GeoJSON, or None."""
    found = many(conn, statement(_PACKAGE, "outlines"), _Outline, town_id=town_id)
    return tuple((one.code, one.name, json.loads(one.outline) if one.outline else None) for one in found)


def units_at(conn: Connection[Any], town_id: int, until: datetime) -> UnitsAt:
    """The town's units just before ``until``, by ``effective_at``.

    What is published of the books' totals: as of the end of a month, because whoever
    watches live totals subtracts two of them and has a single payment, to the cent.
    """
    return one(conn, statement(_PACKAGE, "totals_at"), UnitsAt, town_id=town_id, until=until)


def _micros(start: datetime, until: datetime) -> int:
    return (until.astimezone(UTC) - start.astimezone(UTC)) // _MICROSECOND
