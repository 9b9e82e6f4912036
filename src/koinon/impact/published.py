"""A month as everybody may see it: computed once when it is over, and kept as it was published.

Computed again it could differ (a shop has moved, a payment came late), and from two publications of one month the
difference would follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

import msgspec
from psycopg import Connection

from koinon.db.statements import execute, many, scalar, statement
from koinon.impact import flow, publication, queries
from koinon.impact.disclosure import Shown
from koinon.impact.figures import Period
from koinon.impact.flow import PublicFlow
from koinon.impact.periods import public_figures
from koinon.impact.publication import PublicReport
from koinon.impact.town import network
from koinon.impact.town.network import PublicNetwork
from koinon.impact.types import UnitsAt
from koinon.kernel.periods import Month
from koinon.parties import queries as parties

_PACKAGE = "koinon.impact"


@dataclass(frozen=True, slots=True)
class MonthPublished:
    """A month that is over, as anybody may see it: its report, the way of its units, the units at the end of its last
    day, and every public indicator.

    ``paid_minor`` is None where payments of this or an earlier month are hidden: they would follow from it. ``network``
    is None where who paid whom is hidden, and of months that were published without it.
    """

    month: Month
    report: PublicReport
    flow: PublicFlow
    units: UnitsAt
    paid_minor: int | None
    shown: tuple[Shown, ...]
    network: PublicNetwork | None = None


@dataclass(frozen=True, slots=True)
class _Due:
    month: str


def publish_months(conn: Connection[Any], *, town_id: int, at: datetime, actor: str) -> tuple[Month, ...]:
    """Publish every month that was traced as it was over; which they were.

    Whoever calls owns the transaction, which is of one snapshot: what is published stays, and its figures agree.
    """
    due = many(conn, statement(_PACKAGE, "months_to_publish"), _Due, town_id=town_id)
    for one in due:
        content = packed(compute(conn, town_id=town_id, month=Month.parse(one.month)))
        execute(
            conn,
            statement(_PACKAGE, "keep_published"),
            town_id=town_id,
            month=one.month,
            content=content,
            at=at,
            actor=actor,
        )
    return tuple(Month.parse(one.month) for one in due)


def month(conn: Connection[Any], *, town_id: int, month: Month) -> MonthPublished:
    """A month as it was published; one that was not yet, as it would be."""
    kept = scalar(conn, statement(_PACKAGE, "published"), town_id=town_id, month=str(month))
    return compute(conn, town_id=town_id, month=month) if kept is None else unpacked(kept)


def compute(conn: Connection[Any], *, town_id: int, month: Month) -> MonthPublished:
    """What of a month may be seen, from the books and the register as they are now. Read in a transaction of one snapshot."""
    zone = parties.town(conn, town_id).zone
    exact = queries.month(conn, town_id, month, zone)
    report = publication.publish(exact)
    units = queries.units_at(conn, town_id, month.bounds(zone)[1])
    base = publication.Rules().amount_base * 10**report.exponent
    return MonthPublished(
        month=month,
        report=report,
        flow=flow.publish(flow.month_flow(conn, exact), report),
        units=units,
        paid_minor=publication.rounded(units.paid, base) if report.paid_to_date else None,
        network=network_of(conn, town_id=town_id, report=report, bounds=month.bounds(zone)),
        shown=public_figures(conn, town_id=town_id, period=Period.of(month, month, zone), months=[report], exact=exact),
    )


def network_of(
    conn: Connection[Any], *, town_id: int, report: PublicReport, bounds: tuple[datetime, datetime]
) -> PublicNetwork | None:
    """What of a month's trade may be seen; None where its report does not tell who paid whom."""
    if not (report.complete and report.trade_told):
        return None
    return network.publish(network.trade(conn, town_id=town_id, start=bounds[0], until=bounds[1]))


def packed(found: MonthPublished) -> str:
    """A published month as JSON text; fractions as "1/3"."""
    return msgspec.json.encode(found, enc_hook=_plain).decode()


def unpacked(content: str) -> MonthPublished:
    return msgspec.json.decode(content, type=MonthPublished, dec_hook=_made)


def _plain(value: Any) -> str:
    assert isinstance(value, Fraction), f"{type(value)} cannot be kept"
    return str(value)


def _made(kind: type, value: Any) -> Any:
    assert kind is Fraction
    return Fraction(value)
