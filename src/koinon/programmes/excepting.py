"""Exceptions: what two people decide about a household against what a programme's rules say, for some months.

    proposed ──a second person──► approved ──withdraw──► withdrawn
        └──a second person──► rejected

An exception that is in force is part of every cycle prepared for its months, and
says in the frozen line which grounds it outweighed. Cycles prepared before keep
what they decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import execute, maybe, statement
from koinon.kernel.periods import Month
from koinon.programmes import queries
from koinon.programmes.errors import (
    ExceptionInvalid,
    ExceptionKeyReused,
    ExceptionNotFound,
    ExceptionNotInState,
    ExceptionOverlaps,
    ExceptionSamePerson,
    HouseholdNotFound,
)
from koinon.programmes.steps import PACKAGE, Id, record
from koinon.programmes.types import ExceptionView

PAY, REFUSE = "pay", "refuse"
LONGEST_REASON = 400


@dataclass(frozen=True, slots=True)
class Wanted:
    """An exception as somebody proposes it. ``aid_minor``: whole monthly aid instead of what the rules give."""

    programme_id: UUID
    household: UUID
    kind: str
    first_month: Month
    last_month: Month | None
    reason: str
    aid_minor: int | None = None


def propose_exception(
    conn: Connection[Any], *, town_id: int, exception_id: UUID, wanted: Wanted, actor: str, now: datetime
) -> ExceptionView:
    """Ask a second person for an exception. ``exception_id`` is the caller's: the same again gives the first one back.

    Refuses with ``ProgrammeNotFound``, ``HouseholdNotFound``, ``ExceptionInvalid``
    with every ground, and ``ExceptionKeyReused`` for other content under a known id.
    """
    _valid(wanted)
    queries.programme(conn, town_id=town_id, programme_id=wanted.programme_id)
    found = maybe(conn, statement(PACKAGE, "household_exists"), Id, town_id=town_id, household=wanted.household)
    if found is None:
        raise HouseholdNotFound(household=str(wanted.household))
    made = execute(
        conn,
        statement(PACKAGE, "insert_exception"),
        id=exception_id,
        programme_id=wanted.programme_id,
        household=wanted.household,
        kind=wanted.kind,
        aid_minor=wanted.aid_minor,
        first_month=str(wanted.first_month),
        last_month=_text(wanted.last_month),
        reason=wanted.reason.strip(),
        actor=actor,
        now=now,
    )
    if not made:
        return _the_same(conn, town_id, exception_id, wanted)
    view = queries.exception(conn, town_id=town_id, exception_id=exception_id)
    _record(conn, town_id, actor, "exception.proposed", view, now, reason=view.reason)
    return view


def decide_exception(
    conn: Connection[Any], *, town_id: int, exception_id: UUID, approve: bool, actor: str, now: datetime
) -> ExceptionView:
    """A second person says yes or no; the same person's same answer may be repeated.

    Refuses with ``ExceptionNotFound``, ``ExceptionSamePerson`` for whoever proposed
    it, ``ExceptionNotInState``, and ``ExceptionOverlaps`` where another one is in
    force for the household in one of its months.
    """
    view = _locked(conn, town_id, exception_id)
    state = "approved" if approve else "rejected"
    if view.state == state and view.decided_by == actor:
        return view
    if view.state != "proposed":
        raise ExceptionNotInState(exception_id=exception_id, state=view.state, wanted={"proposed"})
    if view.proposed_by == actor:
        raise ExceptionSamePerson(exception_id=exception_id, actor=actor)
    if approve:
        _keep_single(conn, town_id, view)
    execute(
        conn, statement(PACKAGE, "decide_exception"), exception_id=exception_id, state=state, actor=actor, now=now
    )  # fmt: skip
    _record(conn, town_id, actor, f"exception.{state}", view, now)
    return queries.exception(conn, town_id=town_id, exception_id=exception_id)


def withdraw_exception(
    conn: Connection[Any], *, town_id: int, exception_id: UUID, actor: str, now: datetime, reason: str = ""
) -> ExceptionView:
    """End an exception, or take a proposal back; cycles that were prepared keep it. May be repeated.

    Refuses with ``ExceptionNotFound`` and, for a rejected one, ``ExceptionNotInState``.
    """
    view = _locked(conn, town_id, exception_id)
    if view.state == "withdrawn":
        return view
    if view.state not in ("proposed", "approved"):
        raise ExceptionNotInState(exception_id=exception_id, state=view.state, wanted={"proposed", "approved"})
    execute(conn, statement(PACKAGE, "withdraw_exception"), exception_id=exception_id, actor=actor, now=now)
    _record(conn, town_id, actor, "exception.withdrawn", view, now, reason=reason)
    return queries.exception(conn, town_id=town_id, exception_id=exception_id)


# --- Steps ----------------------------------------------------------------------------------------


def _valid(wanted: Wanted) -> None:
    against = []
    if wanted.kind not in (PAY, REFUSE):
        against.append("kind")
    if not wanted.reason.strip() or len(wanted.reason) > LONGEST_REASON:
        against.append("reason")
    if wanted.last_month is not None and wanted.last_month < wanted.first_month:
        against.append("last_month")
    if wanted.aid_minor is not None and (wanted.aid_minor <= 0 or wanted.kind != PAY):
        against.append("aid")
    if against:
        raise ExceptionInvalid(what=against)


def _the_same(conn: Connection[Any], town_id: int, exception_id: UUID, wanted: Wanted) -> ExceptionView:
    try:
        view = queries.exception(conn, town_id=town_id, exception_id=exception_id)
    except ExceptionNotFound:
        raise ExceptionKeyReused(exception_id=exception_id) from None
    kept = (
        view.programme_id,
        view.household,
        view.kind,
        view.first_month,
        view.last_month,
        view.reason,
        view.aid_minor,
    )
    asked = (
        wanted.programme_id, wanted.household, wanted.kind, str(wanted.first_month), _text(wanted.last_month),
        wanted.reason.strip(), wanted.aid_minor,
    )  # fmt: skip
    if kept != asked:
        raise ExceptionKeyReused(exception_id=exception_id)
    return view


def _keep_single(conn: Connection[Any], town_id: int, view: ExceptionView) -> None:
    # Two approvals for one household take turns at the programme.
    maybe(conn, statement(PACKAGE, "lock_programme"), Id, town_id=town_id, programme_id=view.programme_id)
    other = maybe(
        conn,
        statement(PACKAGE, "overlapping_exception"),
        Id,
        programme_id=view.programme_id,
        household=view.household,
        exception_id=view.id,
        first_month=view.first_month,
        last_month=view.last_month,
    )
    if other is not None:
        raise ExceptionOverlaps(exception_id=view.id, other=other.id)


def _locked(conn: Connection[Any], town_id: int, exception_id: UUID) -> ExceptionView:
    if maybe(conn, statement(PACKAGE, "lock_exception"), Id, town_id=town_id, exception_id=exception_id) is None:
        raise ExceptionNotFound(exception=str(exception_id))
    return queries.exception(conn, town_id=town_id, exception_id=exception_id)


def _text(month: Month | None) -> str:
    return str(month) if month else ""


def _record(
    conn: Connection[Any],
    town_id: int,
    actor: str,
    action: str,
    view: ExceptionView,
    now: datetime,
    *,
    reason: str = "",
) -> None:
    after = {
        "programme": view.programme_code,
        "household": str(view.household),
        "kind": view.kind,
        "aid_minor": view.aid_minor,
        "first_month": view.first_month,
        "last_month": view.last_month,
    }
    record(conn, town_id, actor, action, view.id, now, kind="exception", reason=reason, after=after)
