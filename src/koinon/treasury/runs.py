"""A payout run until the bank has its file: prepared → approved (by another person) → exported.

Its approval can be withdrawn, and it can be cancelled, until it was exported.
Each step can be repeated and then answers as the first time. A run is locked
before its payments and the redemptions before the books, so that two treasurers
at once take turns.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import execute, scalar, statement
from koinon.db.transactions import savepoint
from koinon.kernel.identifiers import new_id
from koinon.parties import queries as parties
from koinon.parties.secrets import Secrets
from koinon.treasury import payout_file, queries, rules
from koinon.treasury.errors import (
    FileWouldDiffer,
    NothingToPay,
    OtherThanShown,
    SamePerson,
)
from koinon.treasury.steps import PACKAGE, locked, needs, record
from koinon.treasury.types import (
    PaymentFile,
    Run,
    RunState,
)


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
    their account is being put right; a request that still cools waits too, and one of a party whose data were
    erased until somebody undoes it. The same key gives the first run again, as
    it now stands. Refuses with ``NothingToPay``.
    """
    first = scalar(conn, statement(PACKAGE, "run_id_by_key"), town_id=town_id, key=idempotency_key)
    if first is not None:
        return queries.run(conn, town_id=town_id, run_id=first)
    town = parties.town(conn, town_id)
    with savepoint(conn):
        candidates = [
            redemption.id
            for redemption in queries.open_redemptions(
                conn, town_id=town_id, before=requested_before, payable_on=at.astimezone(town.zone).date()
            )
            if redemption.party not in leave_out
        ]
        execute(conn, statement(PACKAGE, "lock_redemptions"), town_id=town_id, redemptions=candidates)
        # Asked again under the lock: another run may have taken some while this one waited.
        taken = queries.open_redemptions(conn, town_id=town_id, only=candidates)
        if not taken:
            first = scalar(conn, statement(PACKAGE, "run_id_by_key"), town_id=town_id, key=idempotency_key)
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
            statement(PACKAGE, "add_run"),
            town_id=town_id,
            id=run_id,
            key=idempotency_key,
            total_minor=sum(owed.values()),
            payments=len(owed),
            prepared_by=actor,
            prepared_at=at,
        )
        if not is_new:
            first = scalar(conn, statement(PACKAGE, "run_id_by_key"), town_id=town_id, key=idempotency_key)
            return queries.run(conn, town_id=town_id, run_id=first)
        execute(
            conn,
            statement(PACKAGE, "add_payments"),
            town_id=town_id,
            run=run_id,
            payments=[payment_of[party] for party in owed],
            parties=list(owed),
            amounts=list(owed.values()),
            of_payments=[payment_of[redemption.party] for redemption in taken],
            redemptions=[redemption.id for redemption in taken],
        )
    record(
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
    run = locked(conn, town_id, run_id)
    if run.state is RunState.CANCELLED:
        return run
    needs(run, RunState.PREPARED, RunState.APPROVED)
    payments = [payment.id for payment in queries.payments(conn, town_id=town_id, run_id=run_id)]
    execute(conn, statement(PACKAGE, "cancel_run"), town_id=town_id, run=run_id, actor=actor, at=at)
    execute(conn, statement(PACKAGE, "release_redemptions"), town_id=town_id, payments=payments, at=at)
    record(conn, town_id, actor, "treasury.run-cancelled", f"run:{run_id}", at)
    return queries.run(conn, town_id=town_id, run_id=run_id)


def payees(conn: Connection[Any], *, town_id: int, run_id: UUID, secrets: Secrets) -> str:
    """The fingerprint of whom a run pays as things stand, for two people to compare."""
    payments = queries.payments(conn, town_id=town_id, run_id=run_id)
    return payout_file.fingerprint(payout_file.payee_digests(conn, town_id=town_id, payments=payments, secrets=secrets))


def approve_run(
    conn: Connection[Any],
    *,
    town_id: int,
    run_id: UUID,
    secrets: Secrets,
    at: datetime,
    actor: str,
    shown: str | None = None,
) -> Run:
    """A second person agrees that the bank may have this run: these amounts to these names and accounts.

    ``shown`` is the fingerprint of what the person looked at (``payees``); a page sends back what it showed.
    ``None`` is whatever stands. Refuses with ``SamePerson``, ``RunInOtherState``, and ``OtherThanShown`` when
    a payee changed since the person looked; an approval that is
    repeated after a payee changed, with ``PayeeChanged``.
    """
    run = locked(conn, town_id, run_id)
    payments = queries.payments(conn, town_id=town_id, run_id=run_id)
    if run.approved_by == actor and run.state is not RunState.CANCELLED:
        if run.state is RunState.APPROVED:
            now = payout_file.payee_digests(conn, town_id=town_id, payments=payments, secrets=secrets)
            payout_file.needs_same_payees(run, payments, now)
        return run
    needs(run, RunState.PREPARED)
    if run.prepared_by == actor:
        raise SamePerson(run=run_id, actor=actor)
    digests = payout_file.payee_digests(conn, town_id=town_id, payments=payments, secrets=secrets)
    if shown is not None and shown != payout_file.fingerprint(digests):
        raise OtherThanShown(run=run_id)
    with savepoint(conn):
        execute(conn, statement(PACKAGE, "approve_run"), town_id=town_id, run=run_id, actor=actor, at=at)
        execute(
            conn,
            statement(PACKAGE, "keep_payees"),
            town_id=town_id,
            payments=list(digests),
            digests=list(digests.values()),
        )
    record(
        conn, town_id, actor, "treasury.run-approved", f"run:{run_id}", at, total_minor=run.total.minor,
        payees=payout_file.fingerprint(digests),
    )  # fmt: skip
    return queries.run(conn, town_id=town_id, run_id=run_id)


def withdraw_approval(conn: Connection[Any], *, town_id: int, run_id: UUID, at: datetime, actor: str) -> Run:
    """Take the yes to a run back, as long as the bank does not have it; a second person can approve it anew.

    Refuses with ``RunInOtherState`` once it was exported, settled or cancelled.
    """
    run = locked(conn, town_id, run_id)
    if run.state is RunState.PREPARED:
        return run
    needs(run, RunState.APPROVED)
    payments = [payment.id for payment in queries.payments(conn, town_id=town_id, run_id=run_id)]
    with savepoint(conn):
        execute(conn, statement(PACKAGE, "withdraw_approval"), town_id=town_id, run=run_id)
        execute(
            conn,
            statement(PACKAGE, "keep_payees"),
            town_id=town_id,
            payments=payments,
            digests=[None for _ in payments],
        )
    assert run.approved_by is not None
    record(conn, town_id, actor, "treasury.run-approval-withdrawn", f"run:{run_id}", at, approved_by=run.approved_by)
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
    run = locked(conn, town_id, run_id)
    needs(run, RunState.APPROVED, RunState.EXPORTED, RunState.SETTLED)
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
            statement(PACKAGE, "export_run"),
            town_id=town_id,
            run=run_id,
            actor=actor,
            at=at,
            file_format=file_format.value,
            execution_day=day,
            file_digest=digest,
        )
    record(
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
