"""What the bank says of a run's payments: paid, rejected or returned. A run is locked before its payments."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import execute, statement
from koinon.db.transactions import savepoint
from koinon.kernel.identifiers import id_under
from koinon.ledger import operations as ledger
from koinon.ledger.types import Code, Kind, NewAccount, Reversal, Transfer
from koinon.outbox import operations as outbox
from koinon.outbox import queries as listeners
from koinon.outbox.types import Event
from koinon.parties import queries as parties
from koinon.parties.types import TownFacts
from koinon.treasury import queries, redemptions
from koinon.treasury.errors import (
    PaymentInOtherState,
    PaymentNotFound,
)
from koinon.treasury.steps import PACKAGE, locked, needs, record
from koinon.treasury.types import (
    BankPayment,
    PaymentState,
    Run,
    RunState,
)


def settle_run(
    conn: Connection[Any],
    *,
    town_id: int,
    run_id: UUID,
    at: datetime,
    actor: str,
    payment_ids: Collection[UUID] | None = None,
) -> Run:
    """The bank has paid: all payments of the run, or those named. The run settles when none is due any more.

    Payments already paid are left as they are. Refuses with ``RunInOtherState``,
    ``PaymentNotFound``, and ``PaymentInOtherState`` for a named payment that was
    rejected or returned.
    """
    town = parties.town(conn, town_id)
    run = locked(conn, town_id, run_id)
    needs(run, RunState.EXPORTED, RunState.SETTLED)
    due = _due(queries.payments(conn, town_id=town_id, run_id=run_id), payment_ids)
    with savepoint(conn):
        if due:
            _pay_out(conn, town, run, due, at, actor)
            _tell(conn, town_id, "redemption.paid", due, at)
        settled = execute(conn, statement(PACKAGE, "settle_run"), town_id=town_id, run=run_id, actor=actor, at=at)
    if due:
        record(
            conn,
            town_id,
            actor,
            "treasury.run-settled" if settled else "treasury.run-paid-in-part",
            f"run:{run_id}",
            at,
            payments=len(due),
            paid_minor=sum(payment.amount.minor for payment in due),
        )
    return queries.run(conn, town_id=town_id, run_id=run_id)


def _due(payments: Sequence[BankPayment], wanted: Collection[UUID] | None) -> list[BankPayment]:
    if wanted is None:
        return [payment for payment in payments if payment.state is PaymentState.DUE]
    by_id = {payment.id: payment for payment in payments}
    chosen = []
    for payment_id in wanted:
        payment = by_id.get(payment_id)
        if payment is None:
            raise PaymentNotFound(payment=payment_id)
        if payment.state in (PaymentState.REJECTED, PaymentState.RETURNED):
            raise PaymentInOtherState(
                payment=payment_id, state=payment.state, needed=[PaymentState.DUE, PaymentState.PAID]
            )
        if payment.state is PaymentState.DUE:
            chosen.append(payment)
    return chosen


def _pay_out(
    conn: Connection[Any], town: TownFacts, run: Run, due: Sequence[BankPayment], at: datetime, actor: str
) -> None:
    issuance, owed = ledger.open_accounts(
        conn,
        town_id=town.id,
        accounts=[
            NewAccount(Kind.ISSUANCE, town.unit_code, town.party_id, floor_minor=None),
            NewAccount(Kind.REDEMPTION, town.unit_code, town.party_id),
        ],
        at=at,
        actor=actor,
    )
    posted = ledger.post_all(
        conn,
        town_id=town.id,
        requests=[
            Transfer(
                id=id_under(payment.id, "payout"),
                debit=owed,
                credit=issuance,
                amount=payment.amount,
                code=Code.PAYOUT,
                effective_at=at,
                actor=actor,
                reference=f"run:{run.id}",
            )
            for payment in due
        ],
    )
    execute(
        conn,
        statement(PACKAGE, "pay_payments"),
        town_id=town.id,
        payments=[payment.id for payment in due],
        transfers=[one.id for one in posted],
        at=at,
    )


def reject_payment(
    conn: Connection[Any], *, town_id: int, payment_id: UUID, reason: str, at: datetime, actor: str
) -> None:
    """The bank never made this payment: its requests are open again for the next run.

    ``reason`` is the bank's ISO 20022 code, such as AC04, or empty. Refuses with
    ``PaymentNotFound`` and ``PaymentInOtherState``.
    """
    payment = _locked_payment(conn, town_id, payment_id, needed=PaymentState.DUE, done=PaymentState.REJECTED)
    if payment is None:
        return
    _unpay(conn, town_id, payment, PaymentState.REJECTED, None, reason, at, actor)
    if execute(conn, statement(PACKAGE, "settle_run"), town_id=town_id, run=payment.run_id, actor=actor, at=at):
        record(conn, town_id, actor, "treasury.run-settled", f"run:{payment.run_id}", at, payments=0, paid_minor=0)


def return_payment(
    conn: Connection[Any], *, town_id: int, payment_id: UUID, reason: str, at: datetime, actor: str
) -> None:
    """The money came back from the payee's bank: the payout is reversed and its units go back to the shop's till.

    The shop puts its account right and asks again; paid as it stands, the money would only come back once more.
    A fee stays with the town. ``reason`` as in ``reject_payment``. Refuses with ``PaymentNotFound`` and
    ``PaymentInOtherState``.
    """
    payment = _locked_payment(conn, town_id, payment_id, needed=PaymentState.PAID, done=PaymentState.RETURNED)
    if payment is None:
        return
    assert payment.transfer_id is not None
    paid = [one.redemption for one in queries.redemptions_of_payments(conn, town_id=town_id, payments=[payment.id])]
    execute(conn, statement(PACKAGE, "lock_redemptions"), town_id=town_id, redemptions=[one.id for one in paid])
    with savepoint(conn):
        reversal = Reversal(
            id=id_under(payment.id, "return"),
            original=payment.transfer_id,
            effective_at=at,
            actor=actor,
            reference=f"run:{payment.run_id}",
        )
        # One call, so that its locks are in order and what is owed again goes on to the tills.
        requests = [reversal, *(redemptions.back(one, at, actor) for one in paid)]
        ledger.post_all(conn, town_id=town_id, requests=requests)
        _unpay(conn, town_id, payment, PaymentState.RETURNED, reversal.id, reason, at, actor)
        for one in paid:
            redemptions.undone(conn, town_id, one, at, actor, fee_undo=None)


def _locked_payment(
    conn: Connection[Any], town_id: int, payment_id: UUID, *, needed: PaymentState, done: PaymentState
) -> BankPayment | None:
    """The payment under its run's lock; None when it is ``done`` already."""
    payment = queries.payment(conn, town_id=town_id, payment_id=payment_id)
    if payment is None:
        raise PaymentNotFound(payment=payment_id)
    run = locked(conn, town_id, payment.run_id)
    needs(run, RunState.EXPORTED, RunState.SETTLED)
    payment = queries.payment(conn, town_id=town_id, payment_id=payment_id)
    assert payment is not None
    if payment.state is done:
        return None
    if payment.state is not needed:
        raise PaymentInOtherState(payment=payment_id, state=payment.state, needed=[needed])
    return payment


def _unpay(
    conn: Connection[Any],
    town_id: int,
    payment: BankPayment,
    state: PaymentState,
    return_transfer_id: UUID | None,
    reason: str,
    at: datetime,
    actor: str,
) -> None:
    execute(
        conn,
        statement(PACKAGE, "unpay_payment"),
        town_id=town_id,
        payment=payment.id,
        state=state.value,
        return_transfer_id=return_transfer_id,
        at=at,
        reason=reason,
    )
    _tell(conn, town_id, "redemption.returned", [payment], at, state=state.value, reason=reason)
    execute(conn, statement(PACKAGE, "release_redemptions"), town_id=town_id, payments=[payment.id], at=at)
    record(
        conn, town_id, actor, f"treasury.payment-{state}", f"payment:{payment.id}", at, run=str(payment.run_id),
        reason=reason,
    )  # fmt: skip


def _tell(
    conn: Connection[Any], town_id: int, kind: str, payments: Sequence[BankPayment], at: datetime, **more: str
) -> None:
    """Tell of each request that these payments pay, or did until now."""
    heard = listeners.heard(conn, town_id=town_id, kinds=[kind])
    if not heard:
        return
    events = [
        Event(
            kind,
            paid.redemption.id,
            at,
            {
                "party": str(paid.redemption.party),
                "amount_minor": paid.redemption.amount.minor,
                "unit": paid.redemption.amount.unit,
                "run": str(paid.run_id),
                "payment": str(paid.payment_id),
                **more,
            },
        )
        for paid in queries.redemptions_of_payments(
            conn, town_id=town_id, payments=[payment.id for payment in payments]
        )
    ]
    outbox.tell(conn, town_id=town_id, events=events, heard=heard)
