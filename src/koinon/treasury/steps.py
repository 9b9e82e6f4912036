"""What the treasury's writes share: locking a run, asking for its state, and the audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit import operations as trail
from koinon.db.statements import execute, statement
from koinon.kernel.money import Amount
from koinon.ledger.errors import AmountNotPositive
from koinon.treasury import queries
from koinon.treasury.errors import RunInOtherState, RunNotFound
from koinon.treasury.types import Run, RunState

PACKAGE = "koinon.treasury"


def locked(conn: Connection[Any], town_id: int, run_id: UUID) -> Run:
    if not execute(conn, statement(PACKAGE, "lock_run"), town_id=town_id, run=run_id):
        raise RunNotFound(run=run_id)
    return queries.run(conn, town_id=town_id, run_id=run_id)


def needs(run: Run, *states: RunState) -> None:
    if run.state not in states:
        raise RunInOtherState(run=run.id, state=run.state, needed=states)


def above_zero(amount: Amount, key: str) -> None:
    if amount.minor <= 0:
        raise AmountNotPositive(key=key, asked=amount)


def record(
    conn: Connection[Any], town_id: int, actor: str, action: str, subject: str, at: datetime, **after: str | int
) -> None:
    trail.record(
        conn, town_id=town_id, actor=actor, action=action, subject=subject, at=at, after=dict(after) if after else None
    )
