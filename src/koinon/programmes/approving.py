"""A second person says yes to a prepared cycle, or somebody takes it back."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import execute, scalar, statement
from koinon.kernel.money import Amount
from koinon.parties import queries as parties
from koinon.parties.types import TownFacts
from koinon.programmes import queries
from koinon.programmes.errors import BudgetExceeded, CycleNotInState, SamePerson
from koinon.programmes.steps import PACKAGE, locked, record
from koinon.programmes.types import CycleView


def approve_cycle(conn: Connection[Any], *, town_id: int, cycle_id: UUID, actor: str, now: datetime) -> CycleView:
    """A second person says yes to the frozen list; the same person's approval may be repeated.

    Refuses with ``CycleNotFound``, ``SamePerson`` for whoever prepared it,
    ``BudgetExceeded`` for more than the fund's budget, and ``CycleNotInState``
    when it was cancelled or another person has approved it.
    """
    cycle = locked(conn, town_id, cycle_id)
    if cycle.state != "prepared":
        if cycle.state != "cancelled" and cycle.approved_by == actor:
            return cycle
        raise CycleNotInState(cycle_id=cycle_id, state=cycle.state, wanted={"prepared"})
    if cycle.prepared_by == actor:
        raise SamePerson(cycle_id=cycle_id, actor=actor)
    _keep_within_budget(conn, parties.town(conn, town_id), cycle)
    execute(conn, statement(PACKAGE, "approve_cycle"), cycle_id=cycle_id, actor=actor, now=now)
    after = {"state": "approved", "total_minor": cycle.total_minor, "count": cycle.count}
    record(conn, town_id, actor, "cycle.approved", cycle_id, now, before={"state": cycle.state}, after=after)
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
    if cycle.state not in ("prepared", "approved"):
        raise CycleNotInState(cycle_id=cycle_id, state=cycle.state, wanted={"prepared", "approved"})
    execute(conn, statement(PACKAGE, "cancel_cycle"), cycle_id=cycle_id, actor=actor, now=now)
    record(
        conn, town_id, actor, "cycle.cancelled", cycle_id, now, reason=reason,
        before={"state": cycle.state}, after={"state": "cancelled"},
    )  # fmt: skip
    return queries.cycle(conn, town_id=town_id, cycle_id=cycle_id)


def _keep_within_budget(conn: Connection[Any], town: TownFacts, cycle: CycleView) -> None:
    execute(conn, statement(PACKAGE, "lock_fund"), fund_id=cycle.fund_id)  # Two approvals take turns.
    fund = queries.fund(conn, town_id=town.id, fund_id=cycle.fund_id)
    if fund.budget_minor is None:
        return
    committed = int(scalar(conn, statement(PACKAGE, "committed_of_fund"), fund_id=cycle.fund_id))
    if committed + cycle.total_minor > fund.budget_minor:
        raise BudgetExceeded(
            fund_id=fund.id,
            budget=Amount(fund.budget_minor, town.unit_code),
            committed=Amount(committed, town.unit_code),
            asked=Amount(cycle.total_minor, town.unit_code),
        )
