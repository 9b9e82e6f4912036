"""Paying, holding and giving back. The API, the till, the simulation and the tests all come through here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row, tuple_row

from koinon.campaigns import granting
from koinon.db import arrays
from koinon.db.arrays import TextArray, TimeArray, UuidArray
from koinon.db.batching import NotQuick
from koinon.db.lanes import BEGIN, COMMIT, Lane
from koinon.db.statements import scalar, statement
from koinon.db.transactions import savepoint
from koinon.kernel.errors import KoinonError
from koinon.kernel.money import Amount
from koinon.ledger import errors as books
from koinon.ledger import operations as ledger
from koinon.ledger.types import NewAccount, Posted
from koinon.ledger.types import Outcome as Booked
from koinon.outbox import operations as outbox
from koinon.outbox import queries as listeners
from koinon.outbox.types import Event
from koinon.payments import bonuses, groups, queries
from koinon.payments.batch import Batch, Gathered, Told
from koinon.payments.commands import CaptureHold, Command, Pay, PlaceHold, RefundPayment, ReleaseHold
from koinon.payments.errors import KeyReused
from koinon.payments.types import HeldPayment, HoldState, Payment, Refund

_PACKAGE = "koinon.payments"
_GATHERED = class_row(Gathered)
_KINDS = ("payment.posted", "payment.refunded", "hold.placed", "hold.captured", "hold.released")

Done = Payment | Refund | HeldPayment
Outcome = Done | KoinonError


def perform(conn: Connection[Any], *, town_id: int, commands: Sequence[Command]) -> list[Outcome]:
    """Do what is asked, in order; one outcome for each command: what came of it, or its refusal as a value.

    The outcomes are exactly those of performing the commands one by one in this order, whatever they have to
    do with each other: a payer who pays twice, a payee who pays on, a hold and its capture, the same id twice.
    The number of statements does not grow with the batch. Part of the caller's transaction.

    A payer pays from its purses (an organisation from its till) as ``rules.plan`` says, in one group of transfers
    that post wholly or not at all; a payee is paid at its till, or into the free purse.

    Every purse of every party involved stays locked until the transaction ends, lowest id first, so that limits by the
    day hold however many tills ask at once; tills, which have higher ids, are locked as they are posted to, or from the
    beginning where one of them pays or a command names a payment or hold. Locks are ordered within a call and not
    between two: call it once in a transaction where many write at a time.

    Refusals: those of koinon.payments.errors, ``PartyNotFound``, ``UnitMismatch``, and the ledger's own where an
    account is closed or full or an id comes from the future.
    """
    if not commands:
        return []
    if len(commands) == 1:
        return attempt(conn, town_id=town_id, commands=commands)
    try:
        with savepoint(conn):
            return attempt(conn, town_id=town_id, commands=commands)
    except PlanRefusedError:
        return [attempt(conn, town_id=town_id, commands=[command])[0] for command in commands]


class PlanRefusedError(Exception):
    """The books refused what the plan of a batch allowed; what came after may have built on it, so nothing counts."""


def attempt(conn: Connection[Any], *, town_id: int, commands: Sequence[Command]) -> list[Outcome]:
    """``perform`` without a savepoint, for whoever undoes a whole transaction and performs one by one.

    Raises ``PlanRefusedError`` where that must be done; never for a single command.

    Where a bonus campaign has to do with it, what it grants and undoes is posted in the same call.
    """
    ledger.meet(conn, town_id=town_id, actors=[command.actor for command in commands])  # Before anything is locked.
    campaigns = bonuses.locked(conn, town_id=town_id, commands=commands)
    batch = _planned(conn, town_id, commands)
    if not batch.requests:
        return _answers(batch, town_id, None)
    grants = None
    if campaigns:
        grants = bonuses.of_batch(conn, town_id=town_id, batch=batch, commands=commands, campaigns=campaigns)
        if grants is None:
            raise PlanRefusedError
    if (outcomes := _posted(conn, town_id, batch, grants)) is not None:
        if len(commands) > 1:
            raise PlanRefusedError
        return [_refused(commands[0], outcomes)]
    posted_at = scalar(conn, statement(_PACKAGE, "posted_at"), town_id=town_id, id=batch.requests[0].id)
    if (said := _said(batch, town_id, commands)) is not None:
        with arrays.cursor(conn, tuple_row) as cursor:
            cursor.execute(statement(_PACKAGE, "note_bought"), said)
    if scalar(conn, statement(_PACKAGE, "listened"), town_id=town_id, targets=[]):
        _tell(conn, town_id, commands, batch)
    return _answers(batch, town_id, posted_at)


class _Undone(Exception):
    """Not everything could be posted, so nothing was."""


def _posted(
    conn: Connection[Any], town_id: int, batch: Batch, grants: granting.Grants | None
) -> Sequence[Booked] | None:
    """Post what was planned; the outcomes where some of it was refused or there already, else None.

    A bonus is a transfer of its own and would be posted although its payment is refused: then both are undone.
    """
    if grants is None or not grants.requests:
        outcomes = ledger.post(conn, town_id=town_id, requests=batch.requests)
        if grants is not None and not _odd(outcomes):
            grants.keep()
        return outcomes if _odd(outcomes) else None
    try:
        with savepoint(conn):
            outcomes = ledger.post(conn, town_id=town_id, requests=[*batch.requests, *grants.requests])
            if _odd(outcomes):
                raise _Undone
            grants.keep()
    except _Undone:
        own = outcomes[: len(batch.requests)]
        assert _odd(own), "a bonus is decided so that the books take it"
        return own
    return None


def _odd(outcomes: Sequence[Booked]) -> bool:
    return any(not isinstance(outcome, Posted) or outcome.replayed for outcome in outcomes)


async def attempt_by(lane: Lane, *, town_id: int, commands: Sequence[Command]) -> list[Outcome]:
    """``attempt`` through a lane, as a transaction of its own: three trips to the database.

    Raises ``NotQuick`` where it takes more than posting: accounts to open, an actor nobody has met, somebody who
    listens, a bonus campaign, books that refuse.
    """
    if ledger.strangers(town_id, (command.actor for command in commands)):
        raise NotQuick
    looked_at = _looked_at(town_id, commands)
    _, gathered, listened = await lane.ask(
        BEGIN,
        (statement(_PACKAGE, "gather"), looked_at),
        (statement(_PACKAGE, "listened"), {"town_id": town_id, "targets": looked_at["targets"]}),
    )
    batch = Batch(Gathered(**gathered.only()), commands)
    if batch.to_open:
        raise NotQuick
    if not batch.requests:
        await lane.ask(COMMIT, ends=True)
        return _answers(batch, town_id, None)
    more = listened.only()
    if more["listened"] or more["rewarded"]:
        raise NotQuick
    [booked] = await lane.ask(ledger.asking(town_id=town_id, requests=batch.requests))
    if booked.values:
        raise NotQuick
    said = _said(batch, town_id, commands)
    told, *_ = await lane.ask(
        (statement(_PACKAGE, "posted_at"), {"town_id": town_id, "id": batch.requests[0].id}),
        *([(statement(_PACKAGE, "note_bought"), said)] if said is not None else []),
        COMMIT,
        ends=True,
    )
    return _answers(batch, town_id, told.only()["posted_at"])


def _planned(conn: Connection[Any], town_id: int, commands: Sequence[Command]) -> Batch:
    """The plan of a batch; the accounts that it needs are opened, and it is planned again.

    Money that came in between may let another command through, whose payee needs one too. Every turn opens some.
    """
    while True:
        batch = Batch(_gather(conn, town_id, commands), commands)
        if not batch.to_open:
            return batch
        first = commands[0]
        ledger.open_accounts(
            conn,
            town_id=town_id,
            accounts=sorted(batch.to_open.values(), key=_holder),
            at=first.effective_at,
            actor=first.actor,
        )


def _holder(account: NewAccount) -> tuple[UUID, str]:
    return account.holder, str(account.fund or "")


def _gather(conn: Connection[Any], town_id: int, commands: Sequence[Command]) -> Gathered:
    with arrays.cursor(conn, _GATHERED) as cursor:
        found = cursor.execute(statement(_PACKAGE, "gather"), _looked_at(town_id, commands), prepare=True).fetchone()
    assert found is not None
    return found


def _looked_at(town_id: int, commands: Sequence[Command]) -> dict[str, Any]:
    payers, payees, at, targets = set(), set(), set(), set()
    for command in commands:
        match command:
            case Pay() | PlaceHold():
                payers.add(command.payer)
                payees.add(command.payee)
                at.add(command.effective_at)
            case RefundPayment():
                targets.add(command.payment)
            case CaptureHold() | ReleaseHold():
                targets.add(command.hold)
    return {
        "town_id": town_id,
        "payers": UuidArray(list(payers)),
        "payees": UuidArray(list(payees)),
        "at": TimeArray(list(at)),
        "ids": UuidArray([command.id for command in commands]),
        "targets": UuidArray(list(targets)),
    }


def _said(batch: Batch, town_id: int, commands: Sequence[Command]) -> dict[str, Any] | None:
    """What tills said was bought with what has been posted now; None where none said anything, which is usual."""
    said = [
        (command.id, command.category)
        for command, told in zip(commands, batch.decided, strict=True)
        if isinstance(command, Pay | PlaceHold) and command.category and isinstance(told, Told) and told.fresh
    ]
    if not said:
        return None
    ids, categories = zip(*said, strict=True)
    return {"town_id": town_id, "ids": UuidArray(list(ids)), "categories": TextArray(list(categories))}


def _answers(batch: Batch, town_id: int, posted_at: datetime | None) -> list[Outcome]:
    return [_answer(told, town_id, posted_at) if isinstance(told, Told) else told for told in batch.decided]


def _answer(told: Told, town_id: int, posted_at: datetime | None) -> Done:
    group = told.group
    at = group.posted_at or posted_at
    assert at is not None
    if group.what == "payment":
        return groups.payment(town_id, group, refunded_minor=told.minor, posted_at=at)
    if group.what == "refund":
        return groups.refund(town_id, group, posted_at=at)
    return groups.held(town_id, group, captured_minor=told.minor, state=told.state, posted_at=at)


def _refused(command: Command, outcomes: Sequence[Booked]) -> KoinonError:
    """Why the ledger did not post what a single command came to, in the words of payments where they have any."""
    reasons = [outcome.error for outcome in outcomes if not isinstance(outcome, Posted)]
    own = [reason for reason in reasons if not isinstance(reason, books.GroupRefused)]
    if not own or isinstance(own[0], books.KeyReused):
        return KeyReused(key=str(command.id))
    return own[0]


def _tell(conn: Connection[Any], town_id: int, commands: Sequence[Command], batch: Batch) -> None:
    heard = listeners.heard(conn, town_id=town_id, kinds=_KINDS)
    if not heard:
        return
    events = []
    for command, told in zip(commands, batch.decided, strict=True):
        if isinstance(told, Told) and told.fresh:
            events += [event for event in _events(command, told) if event.kind in heard]
    outbox.tell(conn, town_id=town_id, events=events, heard=heard)


def _events(command: Command, told: Told) -> list[Event]:
    group = told.group
    data: dict[str, str | int] = {
        "payer": str(group.payer),
        "payee": str(group.payee),
        "amount_minor": group.amount_minor,
        "unit": group.unit,
    }
    at = command.effective_at
    match command:
        case Pay():
            return [Event("payment.posted", group.id, at, data | {"reference": group.reference})]
        case RefundPayment():
            return [Event("payment.refunded", group.id, at, data | {"payment": str(command.payment)})]
        case PlaceHold():
            return [Event("hold.placed", group.id, at, data | {"reference": group.reference})]
        case CaptureHold():
            more: dict[str, str | int] = {"reference": group.reference, "hold": str(command.hold)}
            return [
                Event("hold.captured", command.hold, at, data | {"payment": str(group.id)}),
                Event("payment.posted", group.id, at, data | more),
            ]
        case ReleaseHold():
            return [Event("hold.released", group.id, at, data)]


def pay(
    conn: Connection[Any],
    *,
    town_id: int,
    payment_id: UUID,
    payer: UUID,
    payee: UUID,
    amount: Amount,
    effective_at: datetime,
    actor: str,
    reference: str = "",
    category: str = "",
) -> Payment:
    """Pay ``amount`` from the purses whose rules allow it, or raise the refusal.

    The same id with the same payer, payee, amount, reference and category gives the first payment back, whatever has
    happened since; with anything else it is ``KeyReused``. ``category`` is what is bought, as the till says it. ``NotPayable`` carries every ground at once.

    Refuses besides with ``AmountNotPositive``, ``SameParty``, ``PartyNotFound``, ``UnitMismatch``, ``TooFarAhead``,
    and the ledger's own refusals where an account is closed or full.
    """
    asked = Pay(payment_id, payer, payee, amount, effective_at, actor, reference, category)
    done = _one(conn, town_id, asked)
    assert isinstance(done, Payment)
    return done


def refund(
    conn: Connection[Any],
    *,
    town_id: int,
    refund_id: UUID,
    payment_id: UUID,
    amount: Amount | None,
    effective_at: datetime,
    actor: str,
) -> Refund:
    """Give back part of a payment, or with ``amount`` None all that is left of it, or raise the refusal.

    Each purse gets its part in proportion to what it paid: aid becomes aid
    again, with its rule and last day. All refunds together never exceed the
    payment, however many run at once. The same id with the same payment and
    amount gives the first refund back.

    Refuses with ``AmountNotPositive``, ``PaymentNotFound``, ``KeyReused`` for an id
    that stands for something else, ``UnitMismatch``, ``TooFarAhead``, ``RefundTooLarge`` for more than is left,
    ``RefundNotCovered`` when the payee's till no longer has it, and the ledger's
    ``AccountNotOpen`` and ``CeilingReached`` for a purse that is closed or full.
    """
    done = _one(conn, town_id, RefundPayment(refund_id, payment_id, amount, effective_at, actor))
    assert isinstance(done, Refund)
    return done


def place_hold(
    conn: Connection[Any],
    *,
    town_id: int,
    hold_id: UUID,
    payer: UUID,
    payee: UUID,
    amount: Amount,
    lapses_at: datetime,
    effective_at: datetime,
    actor: str,
    reference: str = "",
    category: str = "",
) -> HeldPayment:
    """Reserve ``amount`` in the purses that would pay it, until ``lapses_at``, or raise the refusal.

    What is reserved cannot be spent otherwise, and counts on limits by the day from the day it is placed on.
    Refuses like ``pay``, and with ``LapsesTooSoon``.
    """
    asked = PlaceHold(hold_id, payer, payee, amount, lapses_at, effective_at, actor, reference, category)
    done = _one(conn, town_id, asked)
    assert isinstance(done, HeldPayment)
    return done


def capture_hold(
    conn: Connection[Any],
    *,
    town_id: int,
    payment_id: UUID,
    hold_id: UUID,
    amount: Amount | None,
    effective_at: datetime,
    actor: str,
) -> Payment:
    """Pay from a hold, or raise the refusal; with ``amount`` None all of it. What is not paid is free again.

    A hold is captured once. Part of it is taken from the purses in proportion to what each reserved.
    Refuses with ``AmountNotPositive``, ``HoldNotFound``, ``KeyReused``, ``UnitMismatch``, ``TooFarAhead``,
    ``HoldNotOpen`` and ``CaptureTooLarge``.
    """
    done = _one(conn, town_id, CaptureHold(payment_id, hold_id, amount, effective_at, actor))
    assert isinstance(done, Payment)
    return done


def release_hold(
    conn: Connection[Any], *, town_id: int, release_id: UUID, hold_id: UUID, effective_at: datetime, actor: str
) -> HeldPayment:
    """Give back what a hold reserved, or raise ``HoldNotFound``, ``KeyReused``, ``TooFarAhead`` or ``HoldNotOpen``."""
    done = _one(conn, town_id, ReleaseHold(release_id, hold_id, effective_at, actor))
    assert isinstance(done, HeldPayment)
    return done


def lapse_holds(conn: Connection[Any], *, town_id: int, now: datetime) -> int:
    """Give back what is held by holds whose time is over, and tell who listens; how many there were."""
    due = queries.due_holds(conn, town_id=town_id, now=now)
    if not due:
        return 0
    ledger.lapse_holds(conn, town_id=town_id, now=now)
    lapsed = [
        hold
        for hold in queries.holds(conn, town_id=town_id, hold_ids=[hold.id for hold in due])
        if hold.state == HoldState.LAPSED  # The others were captured or released before they were locked.
    ]
    outbox.tell(
        conn,
        town_id=town_id,
        events=[
            Event(
                "hold.lapsed",
                hold.id,
                now,
                {
                    "payer": str(hold.payer),
                    "payee": str(hold.payee),
                    "amount_minor": hold.amount_minor,
                    "unit": hold.unit,
                },
            )
            for hold in lapsed
        ],
    )
    return len(lapsed)


def _one(conn: Connection[Any], town_id: int, command: Command) -> Done:
    (outcome,) = perform(conn, town_id=town_id, commands=[command])
    if isinstance(outcome, KoinonError):
        raise outcome
    return outcome
