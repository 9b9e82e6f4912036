"""From a draft to an approved cycle: submitted by an officer, approved by as many others as its total asks for.

What is approved is bound to a fingerprint of the whole list. It is taken when
the cycle is submitted, again whenever somebody approves, and again before
anything is paid: a list that is not the one people saw is refused.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import execute, statement
from koinon.kernel.money import Amount
from koinon.parties import queries as parties
from koinon.parties.types import TownFacts
from koinon.programmes import queries
from koinon.programmes.approvals import people_needed
from koinon.programmes.errors import BudgetExceeded, CycleChanged, CycleNotInState, SamePerson
from koinon.programmes.steps import PACKAGE, locked, record
from koinon.programmes.types import CycleView

LANES = 4  # At the most, and no more than one for so many lines:
LINES_OF_A_LANE = 10_000


def submit_cycle(conn: Connection[Any], *, town_id: int, cycle_id: UUID, actor: str, now: datetime) -> CycleView:
    """Hand a draft in for approval; from now on its list has a fingerprint. May be repeated.

    How many people must approve it follows from its total and the programme's
    steps, and stays with the cycle.

    Refuses with ``CycleNotFound``, and ``CycleNotInState`` unless it is a draft.
    """
    cycle = locked(conn, town_id, cycle_id)
    if cycle.state == "submitted" and cycle.submitted_by == actor:
        return cycle
    if cycle.state != "prepared":
        raise CycleNotInState(cycle_id=cycle_id, state=cycle.state, wanted={"prepared"})
    programme = queries.programme(conn, town_id=town_id, programme_id=cycle.programme_id)
    people = people_needed(cycle.total_minor, programme.approval_steps)
    fingerprint = queries.fingerprint(conn, cycle_id=cycle_id)
    execute(
        conn, statement(PACKAGE, "submit_cycle"),
        cycle_id=cycle_id, actor=actor, now=now, fingerprint=fingerprint, people=people,
        checksum=queries.checksum(conn, cycle_id=cycle_id),
    )  # fmt: skip
    execute(conn, statement(PACKAGE, "lay_lanes"), cycle_id=cycle_id, lanes=lanes_for(cycle.count))
    after = {
        "state": "submitted",
        "fingerprint": fingerprint,
        "total_minor": cycle.total_minor,
        "count": cycle.count,
        "approvers_needed": people,
    }
    record(conn, town_id, actor, "cycle.submitted", cycle_id, now, before={"state": cycle.state}, after=after)
    return queries.cycle(conn, town_id=town_id, cycle_id=cycle_id)


def approve_cycle(
    conn: Connection[Any], *, town_id: int, cycle_id: UUID, actor: str, now: datetime, fingerprint: str | None = None
) -> CycleView:
    """Say yes to the submitted list; the cycle is approved once as many people have as are needed. May be repeated.

    ``fingerprint`` is that of the list the person looked at; a page sends back
    what it showed. ``None`` is whatever was submitted.

    Refuses with ``CycleNotFound``, ``SamePerson`` for whoever prepared or
    submitted it, ``CycleChanged`` for a list that was not looked at,
    ``BudgetExceeded`` for more than the fund's budget, and ``CycleNotInState``
    unless it was submitted.
    """
    cycle = locked(conn, town_id, cycle_id)
    given = {approval.actor for approval in queries.approvals(conn, cycle_id=cycle_id)}
    seen = cycle.fingerprint if fingerprint is None else fingerprint
    if actor in given and cycle.state != "cancelled" and seen == cycle.fingerprint:
        return cycle
    if cycle.state != "submitted":
        raise CycleNotInState(cycle_id=cycle_id, state=cycle.state, wanted={"submitted"})
    if actor in (cycle.prepared_by, cycle.submitted_by):
        raise SamePerson(cycle_id=cycle_id, actor=actor)
    verify(conn, cycle, seen)
    keep_within_budget(conn, parties.town(conn, town_id), cycle, cycle.total_minor)
    execute(conn, statement(PACKAGE, "insert_approval"), cycle_id=cycle_id, actor=actor, now=now)
    after: dict[str, Any] = {
        "fingerprint": cycle.fingerprint,
        "total_minor": cycle.total_minor,
        "count": cycle.count,
        "approvals": f"{len(given) + 1}/{cycle.approvers_needed}",
    }
    if len(given) + 1 < cycle.approvers_needed:
        record(conn, town_id, actor, "cycle.approval-given", cycle_id, now, after=after)
    else:
        execute(conn, statement(PACKAGE, "approve_cycle"), cycle_id=cycle_id, actor=actor, now=now)
        after = {"state": "approved", **after}
        record(conn, town_id, actor, "cycle.approved", cycle_id, now, before={"state": cycle.state}, after=after)
    return queries.cycle(conn, town_id=town_id, cycle_id=cycle_id)


def return_cycle(
    conn: Connection[Any], *, town_id: int, cycle_id: UUID, actor: str, now: datetime, reason: str = ""
) -> CycleView:
    """Send a submitted cycle back: a draft again, and whoever approved it is asked anew. May be repeated.

    Refuses with ``CycleNotFound``, and ``CycleNotInState`` unless it was submitted or is a draft.
    """
    cycle = locked(conn, town_id, cycle_id)
    if cycle.state == "prepared":
        return cycle
    if cycle.state != "submitted":
        raise CycleNotInState(cycle_id=cycle_id, state=cycle.state, wanted={"submitted"})
    execute(conn, statement(PACKAGE, "return_cycle"), cycle_id=cycle_id)
    execute(conn, statement(PACKAGE, "lift_lanes"), cycle_id=cycle_id)
    record(
        conn, town_id, actor, "cycle.returned", cycle_id, now, reason=reason,
        before={"state": "submitted", "fingerprint": cycle.fingerprint}, after={"state": "prepared"},
    )  # fmt: skip
    return queries.cycle(conn, town_id=town_id, cycle_id=cycle_id)


def cancel_cycle(
    conn: Connection[Any], *, town_id: int, cycle_id: UUID, actor: str, now: datetime, reason: str = ""
) -> CycleView:
    """Take a cycle back before any of it is paid out; its month can then be prepared anew. May be repeated.

    Refuses with ``CycleNotFound``, and ``CycleNotInState`` from the first payment on.
    """
    cycle = locked(conn, town_id, cycle_id)
    if cycle.state == "cancelled":
        return cycle
    if cycle.state not in ("prepared", "submitted", "approved"):
        raise CycleNotInState(cycle_id=cycle_id, state=cycle.state, wanted={"prepared", "submitted", "approved"})
    execute(conn, statement(PACKAGE, "cancel_cycle"), cycle_id=cycle_id, actor=actor, now=now)
    record(
        conn, town_id, actor, "cycle.cancelled", cycle_id, now, reason=reason,
        before={"state": cycle.state}, after={"state": "cancelled"},
    )  # fmt: skip
    return queries.cycle(conn, town_id=town_id, cycle_id=cycle_id)


def schedule_cycle(
    conn: Connection[Any], *, town_id: int, cycle_id: UUID, at: datetime | None, actor: str, now: datetime
) -> CycleView:
    """Have a cycle paid out by the timer from ``at`` on, once it is approved; ``None`` takes that back. May be repeated.

    A time that is over means as soon as can be.

    Refuses with ``CycleNotFound``, and ``CycleNotInState`` before it was submitted and once paying has begun.
    """
    cycle = locked(conn, town_id, cycle_id)
    if cycle.state not in ("submitted", "approved"):
        raise CycleNotInState(cycle_id=cycle_id, state=cycle.state, wanted={"submitted", "approved"})
    if cycle.scheduled_at == at:
        return cycle
    execute(conn, statement(PACKAGE, "schedule_cycle"), cycle_id=cycle_id, actor=actor if at else "", at=at)
    record(
        conn, town_id, actor, "cycle.scheduled" if at else "cycle.unscheduled", cycle_id, now,
        before={"scheduled_at": cycle.scheduled_at.isoformat() if cycle.scheduled_at else None},
        after={"scheduled_at": at.isoformat() if at else None},
    )  # fmt: skip
    return queries.cycle(conn, town_id=town_id, cycle_id=cycle_id)


# --- Steps ----------------------------------------------------------------------------------------


def lanes_for(lines: int) -> int:
    """Into how many lanes a list is divided, so that several connections can pay it side by side.

    >>> lanes_for(0), lanes_for(19_999), lanes_for(20_000), lanes_for(1_000_000)
    (1, 1, 2, 4)
    """
    return max(1, min(LANES, lines // LINES_OF_A_LANE))


def verify(conn: Connection[Any], cycle: CycleView, seen: str) -> None:
    """Refuse with ``CycleChanged`` unless the list as it is now, as it was submitted and as it was seen are one."""
    found = queries.fingerprint(conn, cycle_id=cycle.id)
    if not seen == cycle.fingerprint == found:
        raise CycleChanged(cycle_id=cycle.id, seen=seen if seen != found else cycle.fingerprint, found=found)


def keep_within_budget(
    conn: Connection[Any], town: TownFacts, cycle: CycleView, asked_minor: int, *, counted: bool = False
) -> None:
    """Refuse with ``BudgetExceeded`` where the fund's cycles would issue more than its budget together.

    ``counted``: what is asked is among what they issue already.
    """
    execute(conn, statement(PACKAGE, "lock_fund"), fund_id=cycle.fund_id)  # Two approvals take turns.
    fund = queries.fund(conn, town_id=town.id, fund_id=cycle.fund_id)
    if fund.budget_minor is None:
        return
    committed = queries.committed_of_fund(conn, fund_id=cycle.fund_id)
    committed -= asked_minor if counted else 0
    if committed + asked_minor > fund.budget_minor:
        raise BudgetExceeded(
            fund_id=fund.id,
            budget=Amount(fund.budget_minor, town.unit_code),
            committed=Amount(committed, town.unit_code),
            asked=Amount(asked_minor, town.unit_code),
        )
