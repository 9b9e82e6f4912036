"""A town's trace as it stood when each month ended: kept once, so that what is published of the month does not change.

Following goes on minute by minute; a unit of October that is redeemed in December is redeemed in what it says. A month
is traced by the books up to the first movement that happened after it ended. What was posted behind that one, for whatever
day, is no part of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from psycopg import Connection

from koinon.db.statements import execute, many, scalar, statement
from koinon.impact.measures import ROUNDS_TOLD, Ends
from koinon.impact.town import books, results
from koinon.impact.town.books import Known
from koinon.impact.town.ends import ends
from koinon.impact.town.types import Cohort
from koinon.kernel.periods import Month
from koinon.parties import queries as parties

if TYPE_CHECKING:
    from koinon.impact.tracing.types import Ledger, Trace

_PACKAGE = "koinon.impact"


@dataclass(frozen=True, slots=True)
class MonthTrace:
    """What became of each cohort by the end of a month, under one convention. Exact, so for the town's staff.

    ``ends`` says with how many the month's own units ended; None where nobody counted.
    """

    convention: str
    rows: int
    digest: str
    traced_at: datetime
    total: Cohort
    cohorts: tuple[Cohort, ...]
    ends: tuple[Ends, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    convention: str
    rows: int
    digest: str
    traced_at: datetime
    result: str
    ends: str | None


@dataclass(frozen=True, slots=True)
class _Month:
    month: str


def trace_months(conn: Connection[Any], *, town_id: int, at: datetime, actor: str) -> tuple[Month, ...]:
    """Trace every month that is over and sealed and was not traced yet; which they were.

    Whoever calls opens and ends the transaction; two that trace the same town take turns.
    """
    execute(conn, statement(_PACKAGE, "following_alone"), town_id=town_id)
    town = parties.town(conn, town_id)
    due = many(conn, statement(_PACKAGE, "months_to_trace"), _Month, town_id=town_id, time_zone=str(town.zone), at=at)
    if not due:
        return ()
    from koinon.impact.tracing.api import trace_each
    from koinon.impact.tracing.types import Convention

    sealed = books.sealed_until(conn, town_id=town_id)
    rows = books.accounts(conn, town_id=town_id, unit=town.unit_code)
    whole = books.read(
        conn,
        town_id=town_id,
        unit=town.unit_code,
        exponent=town.exponent,
        time_zone=str(town.zone),
        known=Known.of(rows),
        rows=rows,
        seq_from=0,
        seq_to=sealed,
    )
    for one in due:
        stopped = _until(whole.ledger, Month.parse(one.month).bounds(town.zone)[1])
        found = trace_each(stopped, (Convention.FIFO, Convention.MIXING))
        counted = ends(stopped, one.month, {row.place: row.holder for row in rows})
        if not _agree(counted, found[Convention.FIFO], one.month):
            counted = ()
        for convention, trace in found.items():
            content = results.packed(trace)
            execute(
                conn,
                statement(_PACKAGE, "keep_month"),
                town_id=town_id,
                month=one.month,
                convention=convention.value,
                seq_to=sealed,
                rows=len(stopped.transfers),
                result=content,
                digest=results.digest(content),
                ends=json.dumps([asdict(each) for each in counted])
                if counted and convention is Convention.FIFO
                else None,
                at=at,
                actor=actor,
            )
    return tuple(Month.parse(one.month) for one in due)


def _agree(counted: Sequence[Ends], trace: Trace, month: str) -> bool:
    """Whether what was counted by holder is what the trace says: a redemption that was taken back may end elsewhere."""
    mine = [cohort.by_hops for cohort in trace.cohorts if cohort.label.endswith(month)]
    by_hops = [sum(hops) for hops in zip(*mine, strict=True)] or [0]
    told = {each.payments: each.amount for each in counted if each.kind == "left"}
    said = {None: sum(by_hops), ROUNDS_TOLD: sum(by_hops[ROUNDS_TOLD:])}
    return told == said | {hop: sum(by_hops[hop : hop + 1]) for hop in range(ROUNDS_TOLD)}


def last_over(now: datetime, time_zone: ZoneInfo, demonstrated_until: date | None) -> Month:
    """The newest month that is over by the clock, or by the calendar that a demonstration has lived.

    >>> from datetime import UTC
    >>> str(last_over(datetime(2027, 3, 31, 22, 30, tzinfo=UTC), ZoneInfo("Europe/Madrid"), None))
    '2027-03'
    """
    today = now.astimezone(time_zone).date()
    if demonstrated_until is not None:
        today = max(today, demonstrated_until + timedelta(days=1))
    return Month.of(today.replace(day=1) - timedelta(days=1))


def last_month_over(conn: Connection[Any], *, town_id: int, now: datetime) -> Month:
    """The same of a town."""
    town = parties.town(conn, town_id)
    return last_over(now, town.zone, demonstrated_until(conn, town_id=town_id))


def demonstrated_until(conn: Connection[Any], *, town_id: int) -> date | None:
    """Up to which day a demonstration has lived in a town; None where its people are real."""
    found: date | None = scalar(conn, statement(_PACKAGE, "demonstrated_until"), town_id=town_id)
    return found


def _until(ledger: Ledger, end: datetime) -> Ledger:
    """The books up to, not including, the first movement that happened at ``end`` or later: a stretch from the first
    row, in which no purse was ever below zero."""
    import numpy as np

    moved = ledger.transfers
    stop = int(np.searchsorted(moved.time, int(end.timestamp()) * 1_000_000))
    cut = {field.name: getattr(moved, field.name)[:stop] for field in fields(moved)}
    return replace(ledger, transfers=replace(moved, **cut))


def month_trace(conn: Connection[Any], *, town_id: int, month: Month) -> dict[str, MonthTrace]:
    """What was kept of a month, by convention; empty where it was not traced."""
    found = {}
    for row in many(conn, statement(_PACKAGE, "month_trace"), _Row, town_id=town_id, month=str(month)):
        kept = json.loads(row.result)
        found[row.convention] = MonthTrace(
            convention=row.convention,
            rows=row.rows,
            digest=row.digest,
            traced_at=row.traced_at,
            total=results.cohort(kept["total"]),
            cohorts=tuple(map(results.cohort, kept["cohorts"])),
            ends=None if row.ends is None else tuple(Ends(**each) for each in json.loads(row.ends)),
        )
    return found
