"""Euros in, euros out. Every function is part of its caller's transaction.

A run goes prepared → approved (by another person) → exported → settled; its
approval can be withdrawn, and it can be cancelled, until it was exported. Each step can be repeated and then answers
as the first time. A run is locked before its payments and the redemptions
before the books, so that two treasurers at once take turns.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record
from koinon.db.statements import execute, scalar, statement
from koinon.db.transactions import savepoint
from koinon.kernel.identifiers import id_under, new_id
from koinon.kernel.money import Amount
from koinon.ledger import operations as ledger
from koinon.ledger import queries as books
from koinon.ledger.errors import AmountNotPositive
from koinon.ledger.types import Code, Kind, NewAccount, Reversal, Transfer
from koinon.outbox import operations as outbox
from koinon.outbox import queries as listeners
from koinon.outbox.types import Event
from koinon.parties import queries as parties
from koinon.parties.secrets import Secrets
from koinon.parties.types import TownFacts
from koinon.treasury import payout_file, queries, rules
from koinon.treasury.errors import (
    BankReferenceReused,
    BelowMinimum,
    FileWouldDiffer,
    FundNotFound,
    KeyReused,
    NothingToPay,
    NoTill,
    PaymentInOtherState,
    PaymentNotFound,
    RedemptionNotFound,
    RedemptionNotOpen,
    RunInOtherState,
    RunNotFound,
    SamePerson,
)
from koinon.treasury.types import (
    BankPayment,
    Direction,
    FileFormat,
    PaymentFile,
    PaymentState,
    Receipt,
    Redemption,
    Run,
    RunState,
)

_PACKAGE = "koinon.treasury"


def set_terms(
    conn: Connection[Any],
    *,
    town_id: int,
    from_day: date,
    minimum: Amount,
    file_format: FileFormat,
    execution_days: int,
    source: str,
    at: datetime,
    actor: str,
) -> bool:
    """Say what holds for redemptions from a local day on; False when it was so already."""
    changed = execute(
        conn,
        statement(_PACKAGE, "set_terms"),
        town_id=town_id,
        from_day=from_day,
        minimum_minor=minimum.minor,
        file_format=file_format.value,
        execution_days=execution_days,
        source=source,
        set_by=actor,
        set_at=at,
    )
    if changed:
        _record(
            conn,
            town_id,
            actor,
            "treasury.terms-set",
            f"town:{town_id}",
            at,
            from_day=from_day.isoformat(),
            minimum_minor=minimum.minor,
            file_format=file_format.value,
            execution_days=execution_days,
        )
    return bool(changed)


# --- Budget -----------------------------------------------------------------------------------


def receive_budget(
    conn: Connection[Any],
    *,
    town_id: int,
    fund: UUID,
    amount: Amount,
    bank_reference: str,
    idempotency_key: str,
    at: datetime,
    actor: str,
) -> Receipt:
    """Euros arrived in the bank for a fund: as many units may now be issued from its reserve.

    The same key, or the same reference of the bank with the same content, gives
    the first receipt again. Refuses with ``FundNotFound``, ``KeyReused``,
    ``BankReferenceReused`` and what the ledger refuses.
    """
    return _move(conn, Direction.RECEIVED, town_id, fund, amount, bank_reference, idempotency_key, at, actor)


def withdraw(
    conn: Connection[Any],
    *,
    town_id: int,
    fund: UUID,
    amount: Amount,
    bank_reference: str,
    idempotency_key: str,
    at: datetime,
    actor: str,
) -> Receipt:
    """Euros went back to the town's budget: never more than the fund's reserve has not issued.

    Repeatable and refusing as ``receive_budget``; what is issued cannot be
    withdrawn (``ledger.insufficient-funds``).
    """
    return _move(conn, Direction.WITHDRAWN, town_id, fund, amount, bank_reference, idempotency_key, at, actor)


def _move(
    conn: Connection[Any],
    direction: Direction,
    town_id: int,
    fund: UUID,
    amount: Amount,
    bank_reference: str,
    key: str,
    at: datetime,
    actor: str,
) -> Receipt:
    _above_zero(amount, key)
    town = parties.town(conn, town_id)
    if not scalar(conn, statement(_PACKAGE, "fund_exists"), town_id=town_id, fund=fund):
        raise FundNotFound(fund=fund)
    receipt = Receipt(
        id=new_id(),
        direction=direction,
        fund=fund,
        amount=amount,
        bank_reference=bank_reference,
        transfer_id=new_id(),
        effective_at=at,
    )
    with savepoint(conn):
        issuance, reserve = ledger.open_accounts(
            conn,
            town_id=town_id,
            accounts=[
                NewAccount(Kind.ISSUANCE, town.unit_code, town.party_id, floor_minor=None),
                NewAccount(Kind.RESERVE, town.unit_code, town.party_id, fund=fund),
            ],
            at=at,
            actor=actor,
        )
        received = direction is Direction.RECEIVED
        request = Transfer(
            id=receipt.transfer_id,
            debit=issuance if received else reserve,
            credit=reserve if received else issuance,
            amount=amount,
            code=Code.RECEIVE if received else Code.WITHDRAW,
            effective_at=at,
            actor=actor,
            reference=bank_reference,
        )
        is_new = execute(
            conn,
            statement(_PACKAGE, "add_receipt"),
            town_id=town_id,
            id=receipt.id,
            direction=direction.value,
            fund=fund,
            amount_minor=amount.minor,
            bank_reference=bank_reference,
            key=key,
            transfer_id=receipt.transfer_id,
            effective_at=at,
            actor=actor,
        )
        if not is_new:
            return _first_receipt(conn, town, receipt, key)
        ledger.post_all(conn, town_id=town_id, requests=[request])
    _record(
        conn,
        town_id,
        actor,
        f"treasury.budget-{direction}",
        f"receipt:{receipt.id}",
        at,
        fund=str(fund),
        amount_minor=amount.minor,
        bank_reference=bank_reference,
    )
    return receipt


def _first_receipt(conn: Connection[Any], town: TownFacts, asked: Receipt, key: str) -> Receipt:
    known = queries.known_receipts(
        conn, town_id=town.id, key=key, bank_reference=asked.bank_reference, unit=town.unit_code
    )
    by_key, by_reference = known.get("key"), known.get("bank_reference")
    first = by_key or by_reference
    assert first is not None
    if (first.direction, first.fund, first.amount) != (asked.direction, asked.fund, asked.amount) or (
        by_key is not None and by_key.bank_reference != asked.bank_reference
    ):
        if by_key is not None:
            raise KeyReused(key=key)
        raise BankReferenceReused(bank_reference=asked.bank_reference)
    return replace(first, replayed=True)


# --- Redemption -------------------------------------------------------------------------------


def request_redemption(
    conn: Connection[Any],
    *,
    town_id: int,
    party: UUID,
    amount: Amount,
    idempotency_key: str,
    at: datetime,
    actor: str,
) -> Redemption:
    """A business asks for euros: its units leave circulation now, a run pays it later.

    Refuses with ``NoTill``, ``BelowMinimum`` (the town's terms on the local day),
    ``KeyReused`` and what the ledger refuses.
    """
    _above_zero(amount, idempotency_key)
    town = parties.town(conn, town_id)
    first = queries.redemption_by_key(conn, town_id=town_id, key=idempotency_key, unit=town.unit_code)
    if first is not None:
        return _same_redemption(first, party, amount, idempotency_key)
    till = books.account(conn, town_id=town_id, kind=Kind.TILL, holder=party)
    if till is None:
        raise NoTill(party=party)
    minimum = Amount(
        queries.terms(conn, town_id=town_id, day=at.astimezone(town.zone).date()).minimum_minor, town.unit_code
    )
    if amount < minimum:
        raise BelowMinimum(minimum=minimum, asked=amount)
    redemption = Redemption(id=new_id(), party=party, amount=amount, transfer_id=new_id(), requested_at=at)
    with savepoint(conn):
        is_new = execute(
            conn,
            statement(_PACKAGE, "add_redemption"),
            town_id=town_id,
            id=redemption.id,
            party=party,
            amount_minor=amount.minor,
            key=idempotency_key,
            transfer_id=redemption.transfer_id,
            requested_at=at,
            actor=actor,
        )
        if not is_new:
            first = queries.redemption_by_key(conn, town_id=town_id, key=idempotency_key, unit=town.unit_code)
            assert first is not None
            return _same_redemption(first, party, amount, idempotency_key)
        (owed,) = ledger.open_accounts(
            conn,
            town_id=town_id,
            accounts=[NewAccount(Kind.REDEMPTION, town.unit_code, town.party_id)],
            at=at,
            actor=actor,
        )
        ledger.post_all(
            conn,
            town_id=town_id,
            requests=[
                Transfer(
                    id=redemption.transfer_id,
                    debit=till.id,
                    credit=owed,
                    amount=amount,
                    code=Code.REDEEM,
                    effective_at=at,
                    actor=actor,
                    reference=f"redemption:{redemption.id}",
                )
            ],
        )
    _record(
        conn,
        town_id,
        actor,
        "treasury.redemption-requested",
        f"redemption:{redemption.id}",
        at,
        party=str(party),
        amount_minor=amount.minor,
    )
    told: dict[str, str | int] = {"party": str(party), "amount_minor": amount.minor, "unit": amount.unit}
    outbox.tell(conn, town_id=town_id, events=[Event("redemption.requested", redemption.id, at, told)])
    return redemption


def _same_redemption(first: Redemption, party: UUID, amount: Amount, key: str) -> Redemption:
    if (first.party, first.amount) != (party, amount):
        raise KeyReused(key=key)
    return replace(first, replayed=True)


def undo_redemption(conn: Connection[Any], *, town_id: int, redemption_id: UUID, at: datetime, actor: str) -> None:
    """Give the units back to the till, as long as no run has taken the request.

    Refuses with ``RedemptionNotFound`` and ``RedemptionNotOpen``.
    """
    execute(conn, statement(_PACKAGE, "lock_redemptions"), town_id=town_id, redemptions=[redemption_id])
    found = queries.open_redemptions(conn, town_id=town_id, only=[redemption_id])
    if not found:
        known = scalar(conn, statement(_PACKAGE, "redemption_exists"), town_id=town_id, redemption=redemption_id)
        raise RedemptionNotOpen(redemption=redemption_id) if known else RedemptionNotFound(redemption=redemption_id)
    with savepoint(conn):
        (posted,) = ledger.post_all(
            conn,
            town_id=town_id,
            requests=[
                Reversal(
                    id=id_under(redemption_id, "undo"),
                    original=found[0].transfer_id,
                    effective_at=at,
                    actor=actor,
                    reference=f"redemption:{redemption_id}",
                )
            ],
        )
        execute(
            conn,
            statement(_PACKAGE, "undo_redemption"),
            town_id=town_id,
            redemption=redemption_id,
            undo_transfer_id=posted.id,
            undone_at=at,
            undone_by=actor,
        )
    _record(conn, town_id, actor, "treasury.redemption-undone", f"redemption:{redemption_id}", at)


# --- Payout runs ------------------------------------------------------------------------------


def prepare_run(
    conn: Connection[Any],
    *,
    town_id: int,
    idempotency_key: str,
    at: datetime,
    actor: str,
    requested_before: datetime | None = None,
    leave_out: Collection[UUID] = (),
) -> Run:
    """Collect the open redemptions into a run, one payment for each business.

    ``leave_out`` names businesses whose requests wait, for instance because
    their account is being put right. The same key gives the first run again, as
    it now stands. Refuses with ``NothingToPay``.
    """
    first = scalar(conn, statement(_PACKAGE, "run_id_by_key"), town_id=town_id, key=idempotency_key)
    if first is not None:
        return queries.run(conn, town_id=town_id, run_id=first)
    with savepoint(conn):
        candidates = [
            redemption.id
            for redemption in queries.open_redemptions(conn, town_id=town_id, before=requested_before)
            if redemption.party not in leave_out
        ]
        execute(conn, statement(_PACKAGE, "lock_redemptions"), town_id=town_id, redemptions=candidates)
        # Asked again under the lock: another run may have taken some while this one waited.
        taken = queries.open_redemptions(conn, town_id=town_id, only=candidates)
        if not taken:
            first = scalar(conn, statement(_PACKAGE, "run_id_by_key"), town_id=town_id, key=idempotency_key)
            if first is None:
                raise NothingToPay
            return queries.run(conn, town_id=town_id, run_id=first)
        owed: dict[UUID, int] = {}
        for redemption in taken:
            owed[redemption.party] = owed.get(redemption.party, 0) + redemption.amount.minor
        payment_of = {party: new_id() for party in owed}
        run_id = new_id()
        is_new = execute(
            conn,
            statement(_PACKAGE, "add_run"),
            town_id=town_id,
            id=run_id,
            key=idempotency_key,
            total_minor=sum(owed.values()),
            payments=len(owed),
            prepared_by=actor,
            prepared_at=at,
        )
        if not is_new:
            first = scalar(conn, statement(_PACKAGE, "run_id_by_key"), town_id=town_id, key=idempotency_key)
            return queries.run(conn, town_id=town_id, run_id=first)
        execute(
            conn,
            statement(_PACKAGE, "add_payments"),
            town_id=town_id,
            run=run_id,
            payments=[payment_of[party] for party in owed],
            parties=list(owed),
            amounts=list(owed.values()),
            of_payments=[payment_of[redemption.party] for redemption in taken],
            redemptions=[redemption.id for redemption in taken],
        )
    _record(
        conn,
        town_id,
        actor,
        "treasury.run-prepared",
        f"run:{run_id}",
        at,
        total_minor=sum(owed.values()),
        payments=len(owed),
    )
    return queries.run(conn, town_id=town_id, run_id=run_id)


def cancel_run(conn: Connection[Any], *, town_id: int, run_id: UUID, at: datetime, actor: str) -> Run:
    """Give up a run that the bank does not have yet; its requests are open again.

    Refuses with ``RunInOtherState`` once it was exported.
    """
    run = _locked(conn, town_id, run_id)
    if run.state is RunState.CANCELLED:
        return run
    _needs(run, RunState.PREPARED, RunState.APPROVED)
    payments = [payment.id for payment in queries.payments(conn, town_id=town_id, run_id=run_id)]
    execute(conn, statement(_PACKAGE, "cancel_run"), town_id=town_id, run=run_id, actor=actor, at=at)
    execute(conn, statement(_PACKAGE, "release_redemptions"), town_id=town_id, payments=payments, at=at)
    _record(conn, town_id, actor, "treasury.run-cancelled", f"run:{run_id}", at)
    return queries.run(conn, town_id=town_id, run_id=run_id)


def payees(conn: Connection[Any], *, town_id: int, run_id: UUID, secrets: Secrets) -> str:
    """The fingerprint of whom a run pays as things stand, for two people to compare."""
    payments = queries.payments(conn, town_id=town_id, run_id=run_id)
    return payout_file.fingerprint(payout_file.payee_digests(conn, town_id=town_id, payments=payments, secrets=secrets))


def approve_run(
    conn: Connection[Any], *, town_id: int, run_id: UUID, secrets: Secrets, at: datetime, actor: str
) -> Run:
    """A second person agrees that the bank may have this run: these amounts to these names and accounts.

    Refuses with ``SamePerson`` and ``RunInOtherState``; an approval that is
    repeated after a payee changed, with ``PayeeChanged``.
    """
    run = _locked(conn, town_id, run_id)
    payments = queries.payments(conn, town_id=town_id, run_id=run_id)
    if run.approved_by == actor and run.state is not RunState.CANCELLED:
        if run.state is RunState.APPROVED:
            now = payout_file.payee_digests(conn, town_id=town_id, payments=payments, secrets=secrets)
            payout_file.needs_same_payees(run, payments, now)
        return run
    _needs(run, RunState.PREPARED)
    if run.prepared_by == actor:
        raise SamePerson(run=run_id, actor=actor)
    digests = payout_file.payee_digests(conn, town_id=town_id, payments=payments, secrets=secrets)
    with savepoint(conn):
        execute(conn, statement(_PACKAGE, "approve_run"), town_id=town_id, run=run_id, actor=actor, at=at)
        execute(
            conn,
            statement(_PACKAGE, "keep_payees"),
            town_id=town_id,
            payments=list(digests),
            digests=list(digests.values()),
        )
    _record(
        conn, town_id, actor, "treasury.run-approved", f"run:{run_id}", at, total_minor=run.total.minor,
        payees=payout_file.fingerprint(digests),
    )  # fmt: skip
    return queries.run(conn, town_id=town_id, run_id=run_id)


def withdraw_approval(conn: Connection[Any], *, town_id: int, run_id: UUID, at: datetime, actor: str) -> Run:
    """Take the yes to a run back, as long as the bank does not have it; a second person can approve it anew.

    Refuses with ``RunInOtherState`` once it was exported, settled or cancelled.
    """
    run = _locked(conn, town_id, run_id)
    if run.state is RunState.PREPARED:
        return run
    _needs(run, RunState.APPROVED)
    payments = [payment.id for payment in queries.payments(conn, town_id=town_id, run_id=run_id)]
    with savepoint(conn):
        execute(conn, statement(_PACKAGE, "withdraw_approval"), town_id=town_id, run=run_id)
        execute(
            conn,
            statement(_PACKAGE, "keep_payees"),
            town_id=town_id,
            payments=payments,
            digests=[None for _ in payments],
        )
    assert run.approved_by is not None
    _record(conn, town_id, actor, "treasury.run-approval-withdrawn", f"run:{run_id}", at, approved_by=run.approved_by)
    return queries.run(conn, town_id=town_id, run_id=run_id)


def export_run(
    conn: Connection[Any], *, town_id: int, run_id: UUID, secrets: Secrets, at: datetime, actor: str
) -> PaymentFile:
    """The file for the bank, in the format of the town's terms; the same bytes each time.

    Refuses with ``RunInOtherState`` before approval, ``CurrencyNotSepa``,
    ``PayeeChanged`` when a name or account changed since the approval,
    ``PayeesNotPayable`` with every reason, and ``FileWouldDiffer`` when one
    changed since the first export.
    """
    town = parties.town(conn, town_id)
    run = _locked(conn, town_id, run_id)
    _needs(run, RunState.APPROVED, RunState.EXPORTED, RunState.SETTLED)
    if run.exported_at is None:
        today = at.astimezone(town.zone).date()
        terms = queries.terms(conn, town_id=town_id, day=today)
        file_format, day, created_at = terms.file_format, rules.execution_day(today, terms), at
    else:
        assert run.file_format is not None
        assert run.execution_day is not None
        file_format, day, created_at = run.file_format, run.execution_day, run.exported_at
    with savepoint(conn):
        file = payout_file.assemble(
            conn,
            town=town,
            run=run,
            payments=queries.payments(conn, town_id=town_id, run_id=run_id),
            file_format=file_format,
            execution_day=day,
            created_at=created_at,
            secrets=secrets,
            actor=actor,
            at=at,
        )
        digest = payout_file.digest(secrets, file.content)
        if run.file_digest is not None:
            if run.file_digest != digest:
                raise FileWouldDiffer(run=run_id)
            return file
        execute(
            conn,
            statement(_PACKAGE, "export_run"),
            town_id=town_id,
            run=run_id,
            actor=actor,
            at=at,
            file_format=file_format.value,
            execution_day=day,
            file_digest=digest,
        )
    _record(
        conn,
        town_id,
        actor,
        "treasury.run-exported",
        f"run:{run_id}",
        at,
        file_format=file_format.value,
        payments=file.payments,
        total_minor=file.total.minor,
    )
    return file


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
    run = _locked(conn, town_id, run_id)
    _needs(run, RunState.EXPORTED, RunState.SETTLED)
    due = _due(queries.payments(conn, town_id=town_id, run_id=run_id), payment_ids)
    with savepoint(conn):
        if due:
            _pay_out(conn, town, run, due, at, actor)
            _tell(conn, town_id, "redemption.paid", due, at)
        settled = execute(conn, statement(_PACKAGE, "settle_run"), town_id=town_id, run=run_id, actor=actor, at=at)
    if due:
        _record(
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
        statement(_PACKAGE, "pay_payments"),
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
    if execute(conn, statement(_PACKAGE, "settle_run"), town_id=town_id, run=payment.run_id, actor=actor, at=at):
        _record(conn, town_id, actor, "treasury.run-settled", f"run:{payment.run_id}", at, payments=0, paid_minor=0)


def return_payment(
    conn: Connection[Any], *, town_id: int, payment_id: UUID, reason: str, at: datetime, actor: str
) -> None:
    """The money came back from the payee's bank: the payout is reversed and its requests are open again.

    ``reason`` as in ``reject_payment``. Refuses with ``PaymentNotFound`` and ``PaymentInOtherState``.
    """
    payment = _locked_payment(conn, town_id, payment_id, needed=PaymentState.PAID, done=PaymentState.RETURNED)
    if payment is None:
        return
    assert payment.transfer_id is not None
    with savepoint(conn):
        (posted,) = ledger.post_all(
            conn,
            town_id=town_id,
            requests=[
                Reversal(
                    id=id_under(payment.id, "return"),
                    original=payment.transfer_id,
                    effective_at=at,
                    actor=actor,
                    reference=f"run:{payment.run_id}",
                )
            ],
        )
        _unpay(conn, town_id, payment, PaymentState.RETURNED, posted.id, reason, at, actor)


def _locked_payment(
    conn: Connection[Any], town_id: int, payment_id: UUID, *, needed: PaymentState, done: PaymentState
) -> BankPayment | None:
    """The payment under its run's lock; None when it is ``done`` already."""
    payment = queries.payment(conn, town_id=town_id, payment_id=payment_id)
    if payment is None:
        raise PaymentNotFound(payment=payment_id)
    run = _locked(conn, town_id, payment.run_id)
    _needs(run, RunState.EXPORTED, RunState.SETTLED)
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
        statement(_PACKAGE, "unpay_payment"),
        town_id=town_id,
        payment=payment.id,
        state=state.value,
        return_transfer_id=return_transfer_id,
        at=at,
        reason=reason,
    )
    _tell(conn, town_id, "redemption.returned", [payment], at, state=state.value, reason=reason)
    execute(conn, statement(_PACKAGE, "release_redemptions"), town_id=town_id, payments=[payment.id], at=at)
    _record(
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


def _locked(conn: Connection[Any], town_id: int, run_id: UUID) -> Run:
    if not execute(conn, statement(_PACKAGE, "lock_run"), town_id=town_id, run=run_id):
        raise RunNotFound(run=run_id)
    return queries.run(conn, town_id=town_id, run_id=run_id)


def _needs(run: Run, *states: RunState) -> None:
    if run.state not in states:
        raise RunInOtherState(run=run.id, state=run.state, needed=states)


def _above_zero(amount: Amount, key: str) -> None:
    if amount.minor <= 0:
        raise AmountNotPositive(key=key, asked=amount)


def _record(
    conn: Connection[Any], town_id: int, actor: str, action: str, subject: str, at: datetime, **after: str | int
) -> None:
    record(
        conn, town_id=town_id, actor=actor, action=action, subject=subject, at=at, after=dict(after) if after else None
    )
