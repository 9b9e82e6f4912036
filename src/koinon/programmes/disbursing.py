"""Paying an approved cycle out, in pieces that PostgreSQL pays as a whole.

First the whole total is issued from the fund's reserve into the programme's own
escrows; nothing else can take it from there. Then each piece opens purses and
moves units in one statement (``ledger.disburse``) and says how far it came, all
of it or none. The last one returns what could not be paid.

A long list is divided into lanes, each a part of it with an escrow of its own, so that
several connections can pay side by side (``pay_out`` in ``running.py`` does).

A piece may run in a transaction of its own: it locks its lane with its escrow and its own
purses only, for as long as it takes, so tills go on meanwhile. Killed in between, the
next call goes on where the last commit ended, and ends in the same books.
docs/algorithms/disbursement.md says what holds at every moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import execute, many, maybe, one, scalar, statement
from koinon.db.transactions import savepoint
from koinon.kernel.identifiers import id_under
from koinon.kernel.money import Amount
from koinon.ledger import operations as ledger
from koinon.ledger.errors import InsufficientFunds
from koinon.ledger.types import Code, Kind, NewAccount
from koinon.outbox.operations import tell
from koinon.outbox.types import Event
from koinon.parties import queries as parties
from koinon.parties.types import TownFacts
from koinon.programmes import queries
from koinon.programmes.approving import keep_within_budget, verify
from koinon.programmes.errors import CycleNotInState, CycleStopped, NothingToRetry, ReserveShort
from koinon.programmes.steps import PACKAGE, Id, locked, record
from koinon.programmes.types import CycleView

PIECE = 2_000  # Lines at once, to begin with: whoever pays from a purse among them waits for as long as they take.
PIECE_SECONDS = 0.06
SMALLEST, LARGEST = 250, 16_000
_FIRST = UUID(int=0)
_LAST = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class _Lane:
    id: int
    number: int
    after: UUID | None
    upto: UUID | None
    total_minor: int
    escrow: int | None
    paid_upto: UUID | None
    paid: int
    paid_minor: int
    failed: int
    done: bool


@dataclass(frozen=True, slots=True)
class _LaneId:
    id: int


@dataclass(frozen=True, slots=True)
class _Piece:
    lines: int
    upto: UUID | None
    paid: int
    paid_minor: int
    failed: int
    outcome: str | None
    transfer_id: UUID | None
    account_id: int | None
    available_minor: int | None
    asked_minor: int | None


@dataclass(frozen=True, slots=True)
class _Again:
    lines: int
    minor: int


def disburse_cycle(conn: Connection[Any], *, town_id: int, cycle_id: UUID, actor: str, now: datetime) -> CycleView:
    """Pay an approved cycle out, wholly within the caller's transaction. Refuses as ``disburse_some`` does."""
    while True:
        cycle = disburse_some(conn, town_id=town_id, cycle_id=cycle_id, actor=actor, now=now)
        if cycle.state == "disbursed":
            return cycle


def disburse_some(
    conn: Connection[Any],
    *,
    town_id: int,
    cycle_id: UUID,
    actor: str,
    now: datetime,
    at_most: int = PIECE,
    with_others: bool = False,
) -> CycleView:
    """Pay out the next piece of an approved cycle; finished when the state is ``disbursed``.

    The first piece issues the whole total from the fund's reserve into the
    programme's escrows; each piece pays households from there; the last returns to
    the reserve what could not be paid. All transfers carry the time at which the
    first piece began. Call it again until it is finished, each time in a
    transaction of its own where a long one would be in the way.

    Whoever pays is the only one until the transaction ends, unless each says ``with_others``: then each call takes a lane that
    nobody else is paying. One such piece in a transaction: the one that ends the run waits for all others. To issue, to
    pay and to give back are then pieces apart, so that nobody who holds a reserve waits for a purse (docs/decisions/0035).

    A household that was erased, or whose purse is closed or full, fails and the
    run goes on; ``retry_cycle`` tries again. Anything else that the books refuse
    stops the run, and its households stay due: when the cause is mended, call it again.

    Refuses with ``CycleNotFound``, ``CycleNotInState`` before the approval and
    after a cancellation, ``CycleStopped``, ``CycleChanged`` for a list that is not
    the approved one, ``ReserveShort`` where the reserve lacks the total, and
    the ledger's own refusals where an escrow or the reserve is not as this run
    left it (``InsufficientFunds``, ``AccountNotOpen``) or an id of this cycle was
    used for something else (``KeyReused``).
    """
    assert at_most > 0
    together = with_others and bool(
        scalar(conn, statement(PACKAGE, "has_free_work"), town_id=town_id, cycle_id=cycle_id)
    )
    if together:
        execute(conn, statement(PACKAGE, "lock_run_with_others"), cycle_id=cycle_id)
        cycle = queries.cycle(conn, town_id=town_id, cycle_id=cycle_id)
    else:
        cycle = _alone(conn, town_id, cycle_id)
        if not with_others:
            # In one transaction it holds the reserve and goes on to purses: whoever comes the other way has this lock, too.
            execute(conn, statement(PACKAGE, "lock_fund"), fund_id=cycle.fund_id)
    if cycle.state == "disbursed" or (together and cycle.retries):
        return cycle  # Ended meanwhile; whoever tries again what failed does so alone.
    if cycle.state not in ("approved", "disbursing"):
        raise CycleNotInState(cycle_id=cycle_id, state=cycle.state, wanted={"approved"})
    if cycle.stopped_at is not None:
        raise CycleStopped(cycle_id=cycle_id, actor=cycle.stopped_by)
    town = parties.town(conn, town_id)
    if cycle.state == "approved":
        if cycle.submitted_at is not None and queries.checksum(conn, cycle_id=cycle_id) != cycle.checksum:
            verify(conn, cycle, cycle.fingerprint)
        _issue(conn, town, cycle, actor=actor, now=now)
        cycle = locked(conn, town_id, cycle_id)
        if with_others:
            return cycle
    if cycle.retries:
        lines = _pay_again(conn, town, cycle, at_most, actor=actor, now=now)
        ended = lines == 0 if with_others else lines < at_most
    else:
        paid = _pay_lane(conn, town, cycle, at_most, actor=actor)
        ended = not together and not (paid and with_others) and all(lane.done for lane in _lanes(conn, cycle))
    if ended:
        cycle = queries.cycle(conn, town_id=town_id, cycle_id=cycle_id)
        _finish(conn, town, cycle, actor=actor, now=now)
    return queries.cycle(conn, town_id=town_id, cycle_id=cycle_id)


def next_piece(size: int, seconds: float) -> int:
    """How many lines the next piece takes, after one of ``size`` took so long: as many as are paid in 60 ms.

    >>> next_piece(2_000, 0.03), next_piece(2_000, 0.6), next_piece(2_000, 60.0)
    (4000, 250, 250)
    """
    wanted = int(size * min(2.0, PIECE_SECONDS / max(seconds, 1e-6)))
    return max(SMALLEST, min(LARGEST, wanted))


def stop_cycle(
    conn: Connection[Any], *, town_id: int, cycle_id: UUID, actor: str, now: datetime, reason: str = ""
) -> CycleView:
    """Stop a run after the piece under way; what is paid stays paid. May be repeated.

    Refuses with ``CycleNotFound``, and ``CycleNotInState`` unless it is being paid out.
    """
    cycle = _alone(conn, town_id, cycle_id)
    if cycle.state != "disbursing":
        raise CycleNotInState(cycle_id=cycle_id, state=cycle.state, wanted={"disbursing"})
    if cycle.stopped_at is not None:
        return cycle
    execute(conn, statement(PACKAGE, "stop_cycle"), cycle_id=cycle_id, actor=actor, at=now)
    record(conn, town_id, actor, "cycle.stopped", cycle_id, now, reason=reason, after={"paid": cycle.paid})
    return queries.cycle(conn, town_id=town_id, cycle_id=cycle_id)


def resume_cycle(conn: Connection[Any], *, town_id: int, cycle_id: UUID, actor: str, now: datetime) -> CycleView:
    """Let a stopped run go on: the timer takes it up, or whoever calls ``disburse_some``. May be repeated.

    Refuses with ``CycleNotFound``, and ``CycleNotInState`` unless it is being paid out.
    """
    cycle = _alone(conn, town_id, cycle_id)
    if cycle.state != "disbursing":
        raise CycleNotInState(cycle_id=cycle_id, state=cycle.state, wanted={"disbursing"})
    if cycle.stopped_at is None:
        return cycle
    execute(conn, statement(PACKAGE, "stop_cycle"), cycle_id=cycle_id, actor="", at=None)
    record(conn, town_id, actor, "cycle.resumed", cycle_id, now, after={"paid": cycle.paid})
    return queries.cycle(conn, town_id=town_id, cycle_id=cycle_id)


def retry_cycle(conn: Connection[Any], *, town_id: int, cycle_id: UUID, actor: str, now: datetime) -> CycleView:
    """Begin to pay again what failed in a cycle that was paid out; ``disburse_some`` then ends it as before.

    The same ids are used: what was paid is not paid again. What failed is issued
    anew, within the fund's budget, for it had gone back to the reserve. The
    transfers carry the time of the try. A household that was erased stays failed.

    Refuses with ``CycleNotFound``, ``CycleNotInState`` before it was paid out, ``NothingToRetry``,
    ``BudgetExceeded`` and ``ReserveShort``.
    """
    before = _alone(conn, town_id, cycle_id)
    if before.state != "disbursed":
        raise CycleNotInState(cycle_id=cycle_id, state=before.state, wanted={"disbursed"})
    town = parties.town(conn, town_id)
    with savepoint(conn):
        again = one(conn, statement(PACKAGE, "begin_retry"), _Again, cycle_id=cycle_id, now=now)
        if not again.lines:
            raise NothingToRetry(cycle_id=cycle_id)
        keep_within_budget(conn, town, before, again.minor, counted=True)
        cycle = queries.cycle(conn, town_id=town_id, cycle_id=cycle_id)
        reserve, (escrow,) = _reserve_and_escrows(conn, town, cycle, 1, at=now, actor=actor)
        _issue_units(
            conn, town, cycle, [(id_under(cycle.id, "issue", cycle.retries), escrow, again.minor)],
            reserve=reserve, actor=actor, now=now,
        )  # fmt: skip
    record(
        conn, town_id, actor, "cycle.retried", cycle_id, now,
        before={"state": "disbursed", "failed": before.failed},
        after={"state": "disbursing", "lines": again.lines, "issued_minor": again.minor},
    )  # fmt: skip
    return cycle


def note_problem(conn: Connection[Any], *, cycle_id: UUID, problem: str) -> None:
    """Keep with a cycle why the timer could not pay it out, for whoever looks at it; empty: nothing is in its way."""
    execute(conn, statement(PACKAGE, "note_problem"), cycle_id=cycle_id, problem=problem)


def cycles_to_disburse(conn: Connection[Any], *, town_id: int, now: datetime) -> list[UUID]:
    """What the timer pays out: cycles whose time has come, and those that were begun and not stopped."""
    return [found.id for found in many(conn, statement(PACKAGE, "cycles_to_disburse"), Id, town_id=town_id, now=now)]


# --- Steps ----------------------------------------------------------------------------------------


def _alone(conn: Connection[Any], town_id: int, cycle_id: UUID) -> CycleView:
    """The cycle, locked, and nobody else pays any lane of it until the transaction ends."""
    execute(conn, statement(PACKAGE, "lock_run_alone"), cycle_id=cycle_id)
    return locked(conn, town_id, cycle_id)


def _lanes(conn: Connection[Any], cycle: CycleView) -> list[_Lane]:
    return many(conn, statement(PACKAGE, "lanes"), _Lane, cycle_id=cycle.id)


def _reserve_and_escrows(
    conn: Connection[Any], town: TownFacts, cycle: CycleView, lanes: int, *, at: datetime, actor: str
) -> tuple[int, list[int]]:
    """The fund's reserve and the programme's own escrows, the first of which is held under the programme's id:

    a programme that pays out then holds up no other one, and a lane no other lane.
    """
    holders = [cycle.programme_id, *(id_under(cycle.programme_id, "lane", number) for number in range(1, lanes))]
    wanted = [NewAccount(Kind.RESERVE, town.unit_code, town.party_id, cycle.fund_id)]
    wanted += [NewAccount(Kind.ESCROW, town.unit_code, holder, cycle.fund_id) for holder in holders]
    reserve, *escrows = ledger.open_accounts(conn, town_id=town.id, accounts=wanted, at=at, actor=actor)
    return reserve, escrows


def _issue(conn: Connection[Any], town: TownFacts, cycle: CycleView, *, actor: str, now: datetime) -> None:
    lanes = _lanes(conn, cycle)
    if sum(lane.total_minor for lane in lanes) != cycle.total_minor or not lanes:
        # A list that was submitted when lists had no lanes, or is due nothing.
        execute(conn, statement(PACKAGE, "lift_lanes"), cycle_id=cycle.id)
        execute(conn, statement(PACKAGE, "lay_one_lane"), cycle_id=cycle.id)
        lanes = _lanes(conn, cycle)
    reserve, escrows = _reserve_and_escrows(conn, town, cycle, len(lanes), at=now, actor=actor)
    for lane, escrow in zip(lanes, escrows, strict=True):
        execute(conn, statement(PACKAGE, "open_lane"), lane=lane.id, escrow=escrow)
    issues = [
        (id_under(cycle.id, "issue", *_suffix(lane)), escrow, lane.total_minor)
        for lane, escrow in zip(lanes, escrows, strict=True)
        if lane.total_minor
    ]
    _issue_units(conn, town, cycle, issues, reserve=reserve, actor=actor, now=now)
    execute(conn, statement(PACKAGE, "begin_disbursing"), cycle_id=cycle.id, actor=actor, now=now)
    record(
        conn, town.id, actor, "cycle.issued", cycle.id, now,
        before={"state": cycle.state}, after={"state": "disbursing", "issued_minor": cycle.total_minor},
    )  # fmt: skip


def _suffix(lane: _Lane) -> list[str | int]:
    """What the ids of a lane's own transfers have beyond those of a list without lanes."""
    return ["lane", lane.number] if lane.number else []


def _issue_units(
    conn: Connection[Any], town: TownFacts, cycle: CycleView, issues: Sequence[tuple[UUID, int, int]], *, reserve: int,
    actor: str, now: datetime,
) -> None:  # fmt: skip
    """Issue into each escrow what it needs, all of it or nothing."""
    asked = Amount(sum(minor for _, _, minor in issues), town.unit_code)
    issued = 0
    try:
        with savepoint(conn):
            for id, escrow, minor in issues:
                ledger.transfer(
                    conn,
                    town_id=town.id,
                    id=id,
                    debit=reserve,
                    credit=escrow,
                    amount=Amount(minor, town.unit_code),
                    code=Code.ISSUE,
                    effective_at=now,
                    actor=actor,
                    reference=f"cycle:{cycle.id}",
                )
                issued += minor
    except InsufficientFunds as refused:
        available = refused.available or Amount(0, town.unit_code)
        available = Amount(available.minor + issued, town.unit_code)
        raise ReserveShort(fund_id=cycle.fund_id, available=available, asked=asked) from refused


def _pay_lane(conn: Connection[Any], town: TownFacts, cycle: CycleView, at_most: int, *, actor: str) -> bool:
    """Pay the next piece of a lane: one that nobody pays now, or else the first that comes free; whether there was one."""
    free = maybe(conn, statement(PACKAGE, "free_lane"), _LaneId, cycle_id=cycle.id) or maybe(
        conn, statement(PACKAGE, "next_lane"), _LaneId, cycle_id=cycle.id
    )
    if free is None:
        return False  # Whoever was waited for has paid the last of it.
    lane = next(lane for lane in _lanes(conn, cycle) if lane.id == free.id)
    assert lane.escrow is not None, "a lane that is being paid has an escrow"
    with savepoint(conn):
        piece = _pay_piece(
            conn, town, cycle, escrow=lane.escrow, after=lane.paid_upto or lane.after or _FIRST,
            upto=lane.upto or _LAST, again=False, size=at_most, at=cycle.disbursing_at, actor=actor,
        )  # fmt: skip
        execute(
            conn,
            statement(PACKAGE, "advance_lane"),
            lane=lane.id,
            upto=piece.upto,
            paid=piece.paid,
            paid_minor=piece.paid_minor,
            failed=piece.failed,
            done=piece.lines < at_most,
        )
    return True


def _pay_again(
    conn: Connection[Any], town: TownFacts, cycle: CycleView, at_most: int, *, actor: str, now: datetime
) -> int:
    """Pay the next of those that had failed; how many lines there were."""
    _, (escrow,) = _reserve_and_escrows(conn, town, cycle, 1, at=now, actor=actor)
    with savepoint(conn):
        piece = _pay_piece(
            conn, town, cycle, escrow=escrow, after=_FIRST, upto=_LAST, again=True, size=at_most,
            at=cycle.retried_at, actor=actor,
        )  # fmt: skip
        execute(
            conn,
            statement(PACKAGE, "advance_retry"),
            cycle_id=cycle.id,
            paid=piece.paid,
            paid_minor=piece.paid_minor,
            failed=piece.failed,
        )
    return piece.lines


def _pay_piece(
    conn: Connection[Any], town: TownFacts, cycle: CycleView, *, escrow: int, after: UUID, upto: UUID, again: bool,
    size: int, at: datetime | None, actor: str,
) -> _Piece:  # fmt: skip
    piece = one(
        conn,
        statement(PACKAGE, "pay_piece"),
        _Piece,
        town_id=town.id,
        cycle_id=cycle.id,
        fund_id=cycle.fund_id,
        unit=town.unit_code,
        escrow=escrow,
        after=after,
        upto=upto,
        again=again,
        size=size,
        at=at,
        actor=actor,
    )
    if piece.outcome is not None:
        raise ledger.refusal(
            piece.outcome,
            key=str(piece.transfer_id),
            unit=town.unit_code,
            account_id=piece.account_id,
            available_minor=piece.available_minor,
            asked_minor=piece.asked_minor,
        )
    assert piece.paid + piece.failed == piece.lines, "every line of a piece is paid or failed"
    return piece


def _finish(conn: Connection[Any], town: TownFacts, cycle: CycleView, *, actor: str, now: datetime) -> None:
    """Give back what could not be paid, and close the cycle."""
    assert cycle.disbursing_at is not None
    back = cycle.total_minor - cycle.paid_minor
    lanes = [] if cycle.retries else _lanes(conn, cycle)
    reserve, escrows = _reserve_and_escrows(conn, town, cycle, len(lanes) or 1, at=now, actor=actor)
    rests = [
        (id_under(cycle.id, "unissue", *_suffix(lane)), lane.escrow, lane.total_minor - lane.paid_minor)
        for lane in lanes
        if lane.escrow is not None
    ] or [(id_under(cycle.id, "unissue", cycle.retries), escrows[0], back)]
    assert sum(minor for _, _, minor in rests) == back, "lanes hold what their cycle has not paid"
    for id, escrow, minor in rests:
        if minor:
            ledger.transfer(
                conn,
                town_id=town.id,
                id=id,
                debit=escrow,
                credit=reserve,
                amount=Amount(minor, town.unit_code),
                code=Code.UNISSUE,
                effective_at=cycle.retried_at or cycle.disbursing_at,
                actor=actor,
                reference=f"cycle:{cycle.id}",
            )
    execute(
        conn, statement(PACKAGE, "finish_cycle"),
        cycle_id=cycle.id, now=now, paid=cycle.paid, paid_minor=cycle.paid_minor, failed=cycle.failed,
    )  # fmt: skip
    record(
        conn, town.id, actor, "cycle.retry-disbursed" if cycle.retries else "cycle.disbursed", cycle.id, now,
        before={"state": "disbursing"},
        after={"state": "disbursed", "paid_minor": cycle.paid_minor, "returned_minor": back, "failed": cycle.failed},
    )  # fmt: skip
    if cycle.retries:
        return
    told: dict[str, str | int] = {
        "programme": str(cycle.programme_id),
        "fund": str(cycle.fund_id),
        "month": cycle.month,
        "amount_minor": cycle.paid_minor,
        "unit": town.unit_code,
    }
    tell(conn, town_id=town.id, events=[Event("cycle.disbursed", cycle.id, now, told)])
