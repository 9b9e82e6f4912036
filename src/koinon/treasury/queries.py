"""Reading the treasury."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import many, maybe, one, statement
from koinon.kernel.money import Amount
from koinon.parties import queries as parties
from koinon.treasury import rules
from koinon.treasury.errors import RunNotFound
from koinon.treasury.types import (
    BankPayment,
    Direction,
    Euros,
    FileFormat,
    PaidRedemption,
    PaymentState,
    Receipt,
    Redemption,
    RedemptionState,
    Run,
    RunState,
    Terms,
)

_PACKAGE = "koinon.treasury"


@dataclass(frozen=True, slots=True)
class _TermsRow:
    from_day: date
    minimum_minor: int
    file_format: str
    execution_days: int
    source: str
    fee_minor: int
    fee_bps: int
    cooling_days: int
    schedule: str


@dataclass(frozen=True, slots=True)
class _NotPaidRow:
    run_id: UUID
    amount_minor: int


@dataclass(frozen=True, slots=True)
class _ReceiptRow:
    id: UUID
    direction: str
    fund: UUID | None
    amount_minor: int
    bank_reference: str
    key: str
    transfer_id: UUID
    effective_at: datetime


@dataclass(frozen=True, slots=True)
class _RedemptionRow:
    id: UUID
    party: UUID
    amount_minor: int
    transfer_id: UUID
    requested_at: datetime
    fee_minor: int
    fee_transfer_id: UUID | None
    payable_from: date | None


@dataclass(frozen=True, slots=True)
class _PaidRow(_RedemptionRow):
    payment_id: UUID
    run_id: UUID


@dataclass(frozen=True, slots=True)
class _StateRow:
    id: UUID
    amount_minor: int
    fee_minor: int
    requested_at: datetime
    payable_from: date | None
    run_id: UUID | None
    paid_at: datetime | None
    state: str


@dataclass(frozen=True, slots=True)
class _RunRow:
    id: UUID
    state: str
    total_minor: int
    payments: int
    execution_day: date | None
    file_format: str | None
    file_digest: bytes | None
    prepared_by: str
    prepared_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    exported_by: str | None
    exported_at: datetime | None
    settled_by: str | None
    settled_at: datetime | None
    cancelled_by: str | None
    cancelled_at: datetime | None


@dataclass(frozen=True, slots=True)
class _PaymentRow:
    id: UUID
    run_id: UUID
    party: UUID
    amount_minor: int
    state: str
    transfer_id: UUID | None
    paid_at: datetime | None
    returned_at: datetime | None
    reason: str
    payee_digest: bytes | None


def terms(conn: Connection[Any], *, town_id: int, day: date) -> Terms:
    """The redemption terms in force on a local day; the defaults where the town has not said."""
    row = maybe(conn, statement(_PACKAGE, "terms_on"), _TermsRow, town_id=town_id, day=day)
    if row is None:
        return rules.default_terms(currency=parties.town(conn, town_id).national_currency)
    return _terms(row)


def terms_after(conn: Connection[Any], *, town_id: int, day: date) -> list[Terms]:
    """The redemption terms that were promised and do not hold yet on a local day, the next ones first."""
    return [_terms(row) for row in many(conn, statement(_PACKAGE, "terms_after"), _TermsRow, town_id=town_id, day=day)]


def _terms(row: _TermsRow) -> Terms:
    return Terms(
        row.from_day,
        row.minimum_minor,
        FileFormat(row.file_format),
        row.execution_days,
        row.source,
        row.fee_minor,
        row.fee_bps,
        row.cooling_days,
        row.schedule,
    )


def receipts(conn: Connection[Any], *, town_id: int, fund: UUID | None = None) -> list[Receipt]:
    """What came in from the budget and went back, newest first; of one fund, or of all."""
    unit = parties.town(conn, town_id).unit_code
    rows = many(conn, statement(_PACKAGE, "receipts"), _ReceiptRow, town_id=town_id, fund=fund)
    return [_receipt(row, unit) for row in rows]


def known_receipts(
    conn: Connection[Any], *, town_id: int, key: str, bank_reference: str, unit: str
) -> dict[str, Receipt]:
    """The receipts that carry this key or this bank reference, by which of the two: "key", "bank_reference"."""
    rows = many(
        conn,
        statement(_PACKAGE, "known_receipts"),
        _ReceiptRow,
        town_id=town_id,
        key=key,
        bank_reference=bank_reference,
    )
    return {"key" if row.key == key else "bank_reference": _receipt(row, unit) for row in rows}


def open_redemptions(
    conn: Connection[Any],
    *,
    town_id: int,
    before: datetime | None = None,
    only: Collection[UUID] | None = None,
    payable_on: date | None = None,
) -> list[Redemption]:
    """Requests that no run has taken, oldest first; ``payable_on`` leaves out those that still wait on that local day,
    and those of parties whose data were erased."""
    unit = parties.town(conn, town_id).unit_code
    rows = many(
        conn,
        statement(_PACKAGE, "open_redemptions"),
        _RedemptionRow,
        town_id=town_id,
        before=before,
        only=None if only is None else list(only),
        payable=payable_on,
    )
    return [_redemption(row, unit) for row in rows]


def redemption_by_key(conn: Connection[Any], *, town_id: int, key: str, unit: str) -> Redemption | None:
    """The request that carries this key."""
    row = maybe(conn, statement(_PACKAGE, "redemption_by_key"), _RedemptionRow, town_id=town_id, key=key)
    return None if row is None else _redemption(row, unit)


def redemptions_of_payments(conn: Connection[Any], *, town_id: int, payments: Collection[UUID]) -> list[PaidRedemption]:
    """The requests that these payments pay, in the order in which they were made."""
    unit = parties.town(conn, town_id).unit_code
    sql = statement(_PACKAGE, "redemptions_of_payments")
    rows = many(conn, sql, _PaidRow, town_id=town_id, payments=list(payments))
    return [
        PaidRedemption(
            _redemption(row, unit),
            row.payment_id,
            row.run_id,
        )
        for row in rows
    ]


def redemptions_of(conn: Connection[Any], *, town_id: int, party: UUID, limit: int = 50) -> list[RedemptionState]:
    """A business's requests and how far each has come, newest first."""
    unit = parties.town(conn, town_id).unit_code
    rows = many(conn, statement(_PACKAGE, "redemptions_of"), _StateRow, town_id=town_id, party=party, size=limit)
    return [
        RedemptionState(
            row.id,
            Amount(row.amount_minor, unit),
            row.requested_at,
            row.state,
            row.run_id,
            row.paid_at,
            row.fee_minor,
            row.payable_from,
        )
        for row in rows
    ]


def runs(conn: Connection[Any], *, town_id: int, limit: int = 50) -> list[Run]:
    """Payout runs, newest first."""
    return _runs(conn, town_id, None, limit)


def run(conn: Connection[Any], *, town_id: int, run_id: UUID) -> Run:
    """One payout run, or ``RunNotFound``."""
    found = _runs(conn, town_id, run_id, 1)
    if not found:
        raise RunNotFound(run=run_id)
    return found[0]


def not_paid(conn: Connection[Any], *, town_id: int, runs: Collection[UUID]) -> dict[UUID, int]:
    """What the bank refused or sent back of these runs, in minor units; a run that it paid in full is left out."""
    rows = many(conn, statement(_PACKAGE, "not_paid_of_runs"), _NotPaidRow, town_id=town_id, runs=list(runs))
    return {row.run_id: row.amount_minor for row in rows}


def payments(conn: Connection[Any], *, town_id: int, run_id: UUID) -> list[BankPayment]:
    """The payments of a run, in the order of the bank's file."""
    unit = parties.town(conn, town_id).unit_code
    rows = many(conn, statement(_PACKAGE, "payments_of_run"), _PaymentRow, town_id=town_id, run=run_id)
    return [_payment(row, unit) for row in rows]


def payment(conn: Connection[Any], *, town_id: int, payment_id: UUID) -> BankPayment | None:
    """One payment."""
    unit = parties.town(conn, town_id).unit_code
    row = maybe(conn, statement(_PACKAGE, "payment"), _PaymentRow, town_id=town_id, payment=payment_id)
    return None if row is None else _payment(row, unit)


def euros(conn: Connection[Any], *, town_id: int) -> Euros:
    """What came in, went back, was paid out and is owed, by the treasury's own tables."""
    return one(conn, statement(_PACKAGE, "euros"), Euros, town_id=town_id)


def _runs(conn: Connection[Any], town_id: int, run_id: UUID | None, limit: int) -> list[Run]:
    unit = parties.town(conn, town_id).unit_code
    rows = many(conn, statement(_PACKAGE, "runs"), _RunRow, town_id=town_id, run=run_id, size=limit)
    return [
        Run(
            id=row.id,
            state=RunState(row.state),
            total=Amount(row.total_minor, unit),
            payments=row.payments,
            execution_day=row.execution_day,
            file_format=None if row.file_format is None else FileFormat(row.file_format),
            file_digest=None if row.file_digest is None else bytes(row.file_digest),
            prepared_by=row.prepared_by,
            prepared_at=row.prepared_at,
            approved_by=row.approved_by,
            approved_at=row.approved_at,
            exported_by=row.exported_by,
            exported_at=row.exported_at,
            settled_by=row.settled_by,
            settled_at=row.settled_at,
            cancelled_by=row.cancelled_by,
            cancelled_at=row.cancelled_at,
        )
        for row in rows
    ]


def _receipt(row: _ReceiptRow, unit: str) -> Receipt:
    return Receipt(
        id=row.id,
        direction=Direction(row.direction),
        fund=row.fund,
        amount=Amount(row.amount_minor, unit),
        bank_reference=row.bank_reference,
        transfer_id=row.transfer_id,
        effective_at=row.effective_at,
    )


def _redemption(row: _RedemptionRow, unit: str) -> Redemption:
    return Redemption(
        row.id,
        row.party,
        Amount(row.amount_minor, unit),
        row.transfer_id,
        row.requested_at,
        fee_minor=row.fee_minor,
        fee_transfer_id=row.fee_transfer_id,
        payable_from=row.payable_from,
    )


def _payment(row: _PaymentRow, unit: str) -> BankPayment:
    return BankPayment(
        id=row.id,
        run_id=row.run_id,
        party=row.party,
        amount=Amount(row.amount_minor, unit),
        state=PaymentState(row.state),
        transfer_id=row.transfer_id,
        paid_at=row.paid_at,
        returned_at=row.returned_at,
        reason=row.reason,
        payee_digest=None if row.payee_digest is None else bytes(row.payee_digest),
    )
