"""Reading bank accounts, entries and the reserve they stand for."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record
from koinon.banking import sealing
from koinon.banking.errors import AccountNotFound, EntryNotFound
from koinon.banking.references import fund_reference
from koinon.banking.rules import NO_REFERENCE, Facts
from koinon.banking.types import (
    AccountBalance,
    AnswerOutcome,
    BankAccount,
    Details,
    Entry,
    Known,
    KnownPayment,
    KnownReceipt,
    KnownTopUp,
    Match,
    MatchKind,
    Part,
    Reserve,
)
from koinon.db.statements import many, maybe, scalar, statement
from koinon.kernel.decisions import Ground
from koinon.ledger import queries as books
from koinon.parties.naming import Reader, needs_personal_data
from koinon.parties.secrets import Secrets
from koinon.programmes import queries as programmes

PACKAGE = "koinon.banking"


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file from the bank."""

    id: UUID
    name: str
    account_id: UUID | None
    sealed: bytes | None
    imported_at: datetime | None
    imported_by: str | None


@dataclass(frozen=True, slots=True)
class _EntryRow:
    id: UUID
    account_id: UUID
    account_code: str
    booked_on: date
    amount_minor: int
    bank_reference: str
    message_id: str
    end_to_end_id: str
    structured_reference: str
    is_return: bool
    return_code: str
    bank_code: str
    mentions: list[UUID]
    grounds: str
    has_details: bool
    matches: str


@dataclass(frozen=True, slots=True)
class _AccountRow:
    id: UUID
    code: str
    number_end: str
    currency: str
    columns: str


@dataclass(frozen=True, slots=True)
class _ReceiptRow:
    bank_reference: str
    id: UUID
    is_received: bool
    amount_minor: int
    seen: bool


@dataclass(frozen=True, slots=True)
class _TopUpRow:
    reference: str
    id: UUID
    asked_minor: int
    received_minor: int | None
    seen: bool


@dataclass(frozen=True, slots=True)
class _ReferenceRow:
    bank_reference: str


def accounts(conn: Connection[Any], *, town_id: int) -> list[BankAccount]:
    """The town's bank accounts, by code."""
    return _accounts(conn, town_id, None, None)


def account(conn: Connection[Any], *, town_id: int, code: str) -> BankAccount:
    """One bank account, or ``AccountNotFound``."""
    found = _accounts(conn, town_id, code, None)
    if not found:
        raise AccountNotFound(account=code)
    return found[0]


def account_by_number(conn: Connection[Any], *, town_id: int, number: str, secrets: Secrets) -> BankAccount | None:
    """The account with this number, however it is typed."""
    found = _accounts(conn, town_id, None, sealing.number_digest(secrets, town_id, number))
    return found[0] if found else None


def _accounts(conn: Connection[Any], town_id: int, code: str | None, digest: bytes | None) -> list[BankAccount]:
    sql = statement(PACKAGE, "accounts")
    rows = many(conn, sql, _AccountRow, town_id=town_id, code=code, number_digest=digest)
    return [BankAccount(row.id, row.code, row.number_end, row.currency, json.loads(row.columns)) for row in rows]


def files(
    conn: Connection[Any], *, town_id: int, file: UUID | None = None, digest: bytes | None = None, limit: int = 50
) -> list[FileRow]:
    """Files from the bank, newest first."""
    sql = statement(PACKAGE, "files")
    return many(conn, sql, FileRow, town_id=town_id, file=file, digest=digest, size=limit)


def entries(
    conn: Connection[Any], *, town_id: int, listed: bool | None = None, file: UUID | None = None, limit: int = 1000
) -> list[Entry]:
    """Entries, newest first: all, those that are listed or matched, or those a file brought."""
    return _entries(conn, town_id, None, file, listed, limit)


def entry(conn: Connection[Any], *, town_id: int, entry_id: UUID) -> Entry:
    """One entry, or ``EntryNotFound``."""
    found = _entries(conn, town_id, entry_id, None, None, 1)
    if not found:
        raise EntryNotFound(entry=entry_id)
    return found[0]


def _entries(
    conn: Connection[Any], town_id: int, entry_id: UUID | None, file: UUID | None, listed: bool | None, limit: int
) -> list[Entry]:
    rows = many(
        conn,
        statement(PACKAGE, "entries"),
        _EntryRow,
        town_id=town_id,
        entry=entry_id,
        file=file,
        listed=listed,
        size=limit,
    )
    return [_entry(row) for row in rows]


def details(
    conn: Connection[Any], *, town_id: int, entry_id: UUID, reader: Reader, secrets: Secrets, at: datetime
) -> Details:
    """Who is on the other side of a listed entry and what they wrote; that somebody looked is recorded.

    Refuses with ``PersonalDataNotAllowed`` and ``EntryNotFound``; empty once the entry is matched.
    """
    needs_personal_data(reader)
    found = entry(conn, town_id=town_id, entry_id=entry_id)
    sealed = scalar(conn, statement(PACKAGE, "sealed_details"), town_id=town_id, entry=found.id)
    if sealed is None:
        return Details()
    record(
        conn, town_id=town_id, actor=reader.actor, action="banking.details-revealed", subject=f"entry:{entry_id}", at=at
    )
    return sealing.unseal_details(secrets, town_id, entry_id, bytes(sealed))


def answers(conn: Connection[Any], *, town_id: int, file: UUID) -> list[AnswerOutcome]:
    """What a status report said, and what became of it."""
    return many(conn, statement(PACKAGE, "answers"), AnswerOutcome, town_id=town_id, file=file)


def reserve(conn: Connection[Any], *, town_id: int) -> Reserve:
    """What the banks hold by account, what the books say they hold, and every part of the difference.

    Read in a transaction of one snapshot: what is matched between two of its questions would stand unexplained.
    """
    found = many(conn, statement(PACKAGE, "balances"), AccountBalance, town_id=town_id)
    parts = many(conn, statement(PACKAGE, "difference"), Part, town_id=town_id)
    opening = sum(one.opening_minor for one in found)
    gap = sum(one.gap_minor for one in found)
    before = [Part("opening", opening, sum(bool(one.opening_minor) for one in found))] if opening else []
    missing = [Part("statements-missing", gap, sum(bool(one.gap_minor) for one in found))] if gap else []
    return Reserve(tuple(found), books.totals(conn, town_id=town_id).reserve, (*before, *parts, *missing))


def fund_references(conn: Connection[Any], *, town_id: int) -> dict[str, UUID]:
    """The reference to write on a transfer for each fund; a reference that two funds would share is nobody's."""
    found: dict[str, UUID] = {}
    shared: set[str] = set()
    for fund in programmes.funds(conn, town_id=town_id):
        reference = fund_reference(fund.code)
        if reference in found:
            shared.add(reference)
        if reference:
            found[reference] = fund.id
    return {reference: fund for reference, fund in found.items() if reference not in shared}


def candidates(conn: Connection[Any], *, town_id: int, amount_minor: int) -> list[KnownPayment]:
    """Payments that an entry of this amount could be, for a person to choose from."""
    return many(
        conn,
        statement(PACKAGE, "payments_of_amount"),
        KnownPayment,
        town_id=town_id,
        amount_minor=abs(amount_minor),
        back=amount_minor > 0,
    )


def known(
    conn: Connection[Any],
    *,
    town_id: int,
    facts: Iterable[Facts],
    also: Collection[UUID] = (),
    reused: Collection[str] = (),
) -> Known:
    """Everything that these entries mention, as it stands. ``also`` names payments that a person chose."""
    asked = list(facts)
    ids = {one for each in asked for one in each.mentions} | set(also)
    references = {each.bank_reference for each in asked} - NO_REFERENCE
    structured = {each.structured_reference for each in asked} - {""}
    payments = many(conn, statement(PACKAGE, "known_payments"), KnownPayment, town_id=town_id, ids=list(ids))
    receipts = many(
        conn, statement(PACKAGE, "known_receipts"), _ReceiptRow, town_id=town_id, references=list(references)
    )
    topups = many(conn, statement(PACKAGE, "known_topups"), _TopUpRow, town_id=town_id, references=list(structured))
    doubtful = many(
        conn, statement(PACKAGE, "references_reused"), _ReferenceRow, town_id=town_id, references=list(references)
    )
    runs: dict[UUID, tuple[KnownPayment, ...]] = {}
    for payment in payments:
        runs[payment.run_id] = (*runs.get(payment.run_id, ()), payment)
    return Known(
        payments={payment.id: payment for payment in payments},
        runs={run: members for run, members in runs.items() if run in ids},
        receipts={
            row.bank_reference: KnownReceipt(row.id, row.is_received, row.amount_minor, row.seen) for row in receipts
        },
        funds=fund_references(conn, town_id=town_id) if structured else {},
        topups={row.reference: KnownTopUp(row.id, row.asked_minor, row.received_minor, row.seen) for row in topups},
        reused_references=frozenset({row.bank_reference for row in doubtful} | set(reused)),
    )


def file(conn: Connection[Any], *, town_id: int, file_id: UUID) -> FileRow | None:
    """One file, whether it was imported or not."""
    return maybe(conn, statement(PACKAGE, "files"), FileRow, town_id=town_id, file=file_id, digest=None, size=1)


def _entry(row: _EntryRow) -> Entry:
    return Entry(
        id=row.id,
        account_id=row.account_id,
        account_code=row.account_code,
        booked_on=row.booked_on,
        amount_minor=row.amount_minor,
        bank_reference=row.bank_reference,
        message_id=row.message_id,
        end_to_end_id=row.end_to_end_id,
        structured_reference=row.structured_reference,
        is_return=row.is_return,
        return_code=row.return_code,
        bank_code=row.bank_code,
        mentions=tuple(row.mentions),
        grounds=tuple(Ground(one["code"], one["fields"]) for one in json.loads(row.grounds)),
        matches=tuple(
            Match(
                kind=MatchKind(one["kind"]),
                target=UUID(one["target"]),
                amount_minor=one["amount_minor"],
                matched_at=datetime.fromisoformat(one["matched_at"]),
                matched_by=one["matched_by"],
                by_hand=one["by_hand"],
                reason=one["reason"],
            )
            for one in json.loads(row.matches)
        ),
        has_details=row.has_details,
    )
