"""Paying an approved cycle out, whole or in pieces.

Every piece may be repeated and may run in a transaction of its own: killed in
between, the next call goes on where the last commit ended, and ends in the same
books.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import execute, many, scalar, statement
from koinon.db.transactions import savepoint
from koinon.kernel.decisions import Ground
from koinon.kernel.identifiers import id_under
from koinon.kernel.money import Amount
from koinon.ledger import operations as ledger
from koinon.ledger.errors import AccountNotOpen, CeilingReached, InsufficientFunds, RequestRefused
from koinon.ledger.types import Code, Kind, NewAccount, Refused, Transfer
from koinon.outbox.operations import tell
from koinon.outbox.types import Event
from koinon.parties import queries as parties
from koinon.parties.types import TownFacts
from koinon.programmes import queries, rules
from koinon.programmes.errors import CycleNotInState, ReserveShort
from koinon.programmes.steps import PACKAGE, PIECE, locked, record
from koinon.programmes.types import CycleView


@dataclass(frozen=True, slots=True)
class _Due:
    id: UUID
    party_id: UUID
    amount_minor: int
    erased: bool


def disburse_cycle(conn: Connection[Any], *, town_id: int, cycle_id: UUID, actor: str, now: datetime) -> CycleView:
    """Pay an approved cycle out, wholly within the caller's transaction. Refuses as ``disburse_some`` does."""
    while True:
        cycle = disburse_some(conn, town_id=town_id, cycle_id=cycle_id, actor=actor, now=now)
        if cycle.state == "disbursed":
            return cycle


def disburse_some(
    conn: Connection[Any], *, town_id: int, cycle_id: UUID, actor: str, now: datetime, at_most: int = PIECE
) -> CycleView:
    """Pay out the next piece of an approved cycle; finished when the state is ``disbursed``.

    The first piece issues the whole total from the fund's reserve into the
    programme's escrow; each piece pays households from there; the last returns to
    the reserve what could not be paid. All transfers carry the time at which the
    first piece began. Call it again until it is finished, each time in a
    transaction of its own where a long one would be in the way.

    A household that was erased, or whose purse is closed or full, is refused and
    the run goes on. Anything else that the books refuse stops the run, and its
    households stay due: when the cause is mended, call it again.

    Refuses with ``CycleNotFound``, ``CycleNotInState`` before the approval and
    after a cancellation, ``ReserveShort`` where the reserve lacks the total, and
    the ledger's own refusals where the escrow or the reserve is not as this run
    left it (``InsufficientFunds``, ``AccountNotOpen``) or an id of this cycle was
    used for something else (``KeyReused``).
    """
    assert at_most > 0
    cycle = locked(conn, town_id, cycle_id)
    if cycle.state == "disbursed":
        return cycle
    if cycle.state not in ("approved", "disbursing"):
        raise CycleNotInState(cycle_id=cycle_id, state=cycle.state, wanted={"approved"})
    town = parties.town(conn, town_id)
    reserve, escrow = _reserve_and_escrow(conn, town, cycle, at=now, actor=actor)
    if cycle.state == "approved":
        _issue(conn, town, cycle, reserve=reserve, escrow=escrow, actor=actor, now=now)
        cycle = locked(conn, town_id, cycle_id)
    due = many(conn, statement(PACKAGE, "entitlements_due"), _Due, cycle_id=cycle_id, size=at_most)
    _pay(conn, town, cycle, due, escrow=escrow, actor=actor)
    if len(due) < at_most:
        _finish(conn, town, cycle, reserve=reserve, escrow=escrow, actor=actor, now=now)
    return queries.cycle(conn, town_id=town_id, cycle_id=cycle_id)


def _reserve_and_escrow(
    conn: Connection[Any], town: TownFacts, cycle: CycleView, *, at: datetime, actor: str
) -> tuple[int, int]:
    """The fund's reserve and the programme's own escrow, which is held under the programme's id:

    a programme that pays out then holds up no other one.
    """
    wanted = [
        NewAccount(Kind.RESERVE, town.unit_code, town.party_id, cycle.fund_id),
        NewAccount(Kind.ESCROW, town.unit_code, cycle.programme_id, cycle.fund_id),
    ]
    reserve, escrow = ledger.open_accounts(conn, town_id=town.id, accounts=wanted, at=at, actor=actor)
    return reserve, escrow


def _issue(
    conn: Connection[Any], town: TownFacts, cycle: CycleView, *, reserve: int, escrow: int, actor: str, now: datetime
) -> None:
    if cycle.total_minor:
        asked = Amount(cycle.total_minor, town.unit_code)
        try:
            with savepoint(conn):
                ledger.transfer(
                    conn,
                    town_id=town.id,
                    id=id_under(cycle.id, "issue"),
                    debit=reserve,
                    credit=escrow,
                    amount=asked,
                    code=Code.ISSUE,
                    effective_at=now,
                    actor=actor,
                    reference=f"cycle:{cycle.id}",
                )
        except InsufficientFunds as refused:
            available = refused.available or Amount(0, town.unit_code)
            raise ReserveShort(fund_id=cycle.fund_id, available=available, asked=asked) from refused
    execute(conn, statement(PACKAGE, "begin_disbursing"), cycle_id=cycle.id, actor=actor, now=now)
    record(
        conn, town.id, actor, "cycle.issued", cycle.id, now,
        before={"state": cycle.state}, after={"state": "disbursing", "issued_minor": cycle.total_minor},
    )  # fmt: skip


def _pay(
    conn: Connection[Any], town: TownFacts, cycle: CycleView, due: Sequence[_Due], *, escrow: int, actor: str
) -> None:
    assert cycle.disbursing_at is not None
    open_to_all = [entitlement for entitlement in due if not entitlement.erased]
    purses = ledger.open_accounts(
        conn,
        town_id=town.id,
        accounts=[NewAccount(Kind.PURSE, town.unit_code, owed.party_id, cycle.fund_id) for owed in open_to_all],
        at=cycle.disbursing_at,
        actor=actor,
    )
    requests = [
        Transfer(
            id_under(cycle.id, "disburse", owed.party_id),
            escrow,
            purse,
            Amount(owed.amount_minor, town.unit_code),
            Code.DISBURSE,
            cycle.disbursing_at,
            actor,
            f"cycle:{cycle.id}",
        )
        for owed, purse in zip(open_to_all, purses, strict=True)
    ]
    refused = {owed.id: Ground("entitlement.household-erased") for owed in due if owed.erased}
    with savepoint(conn):
        outcomes = ledger.post(conn, town_id=town.id, requests=requests)
        for owed, purse, outcome in zip(open_to_all, purses, outcomes, strict=True):
            if isinstance(outcome, Refused):
                if not _of_the_purse(outcome.error, purse):
                    raise outcome.error
                refused[owed.id] = Ground(outcome.error.code)
    execute(
        conn,
        statement(PACKAGE, "settle_entitlements"),
        ids=[owed.id for owed in due],
        states=["refused" if owed.id in refused else "paid" for owed in due],
        grounds=[json.dumps(rules.as_json([refused[owed.id]])) if owed.id in refused else "[]" for owed in due],
    )


def _of_the_purse(refused: RequestRefused, purse: int) -> bool:
    """Whether one household's purse stood in the way, rather than the escrow that pays them all."""
    return isinstance(refused, AccountNotOpen | CeilingReached) and refused.account_id == purse


def _finish(
    conn: Connection[Any], town: TownFacts, cycle: CycleView, *, reserve: int, escrow: int, actor: str, now: datetime
) -> None:
    assert cycle.disbursing_at is not None
    paid = int(scalar(conn, statement(PACKAGE, "paid_of_cycle"), cycle_id=cycle.id))
    back = cycle.total_minor - paid
    if back:
        ledger.transfer(
            conn,
            town_id=town.id,
            id=id_under(cycle.id, "unissue"),
            debit=escrow,
            credit=reserve,
            amount=Amount(back, town.unit_code),
            code=Code.UNISSUE,
            effective_at=cycle.disbursing_at,
            actor=actor,
            reference=f"cycle:{cycle.id}",
        )
    execute(conn, statement(PACKAGE, "finish_cycle"), cycle_id=cycle.id, now=now)
    record(
        conn, town.id, actor, "cycle.disbursed", cycle.id, now,
        before={"state": "disbursing"},
        after={"state": "disbursed", "paid_minor": paid, "returned_minor": back},
    )  # fmt: skip
    told: dict[str, str | int] = {
        "programme": str(cycle.programme_id),
        "fund": str(cycle.fund_id),
        "month": cycle.month,
        "amount_minor": paid,
        "unit": town.unit_code,
    }
    tell(conn, town_id=town.id, events=[Event("cycle.disbursed", cycle.id, now, told)])
