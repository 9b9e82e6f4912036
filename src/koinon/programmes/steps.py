"""What every step of a programme's month needs: a lock on its cycle, an account, a line in the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record as to_trail
from koinon.db.statements import maybe, statement
from koinon.ledger import operations as ledger
from koinon.ledger.types import Kind, NewAccount
from koinon.parties.types import TownFacts
from koinon.programmes import queries
from koinon.programmes.errors import CycleNotFound
from koinon.programmes.types import CycleView

PACKAGE = "koinon.programmes"
PIECE = 500  # Entitlements or purses in one call of the ledger.


@dataclass(frozen=True, slots=True)
class Id:
    id: UUID


def locked(conn: Connection[Any], town_id: int, cycle_id: UUID) -> CycleView:
    if maybe(conn, statement(PACKAGE, "lock_cycle"), Id, town_id=town_id, cycle_id=cycle_id) is None:
        raise CycleNotFound(cycle=str(cycle_id))
    return queries.cycle(conn, town_id=town_id, cycle_id=cycle_id)


def open_account(
    conn: Connection[Any], town: TownFacts, kind: Kind, holder: UUID, fund_id: UUID, *, at: datetime, actor: str
) -> int:
    account = NewAccount(kind, town.unit_code, holder, fund_id)
    return ledger.open_accounts(conn, town_id=town.id, accounts=[account], at=at, actor=actor)[0]


def record(
    conn: Connection[Any],
    town_id: int,
    actor: str,
    action: str,
    subject_id: UUID,
    at: datetime,
    *,
    kind: str = "cycle",
    reason: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    to_trail(
        conn, town_id=town_id, actor=actor, action=action, subject=f"{kind}:{subject_id}", at=at,
        reason=reason, before=before, after=after,
    )  # fmt: skip
