"""Taking a bank's file in: looked at first, then imported as it was shown. Part of the caller's transaction.

An import keeps every entry that no earlier statement had; what each is, is for
``matching`` to say afterwards. Accounts are locked before anything is compared, so
that two imports at once take turns and the second finds what the first has kept.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.types.json import Jsonb

from koinon.audit.operations import record
from koinon.banking import queries, reading, rules, sealing
from koinon.banking.errors import AccountTaken, FileNotFound, PreviewOutdated
from koinon.banking.findings import finding
from koinon.banking.queries import PACKAGE
from koinon.banking.references import our_ids
from koinon.banking.types import (
    AnswerOutcome,
    BankAccount,
    FileKind,
    Imported,
    Outcome,
    ReadAnswer,
    ReadEntry,
    ReadFile,
    ReadStatement,
)
from koinon.db.statements import execute, many, scalar, statement
from koinon.db.transactions import savepoint
from koinon.kernel.errors import FindingsError, KoinonError
from koinon.kernel.identifiers import new_id
from koinon.kernel.text import normal_identifier
from koinon.parties import queries as parties
from koinon.parties.secrets import Secrets
from koinon.parties.types import TownFacts
from koinon.parties.vault import Vault
from koinon.treasury import operations as treasury
from koinon.treasury.types import PaymentState

KEPT_HOURS = 24
"""For so long a file that was looked at can be imported without sending it again."""
MAIN = "main"


@dataclass(frozen=True, slots=True)
class _Kept:
    identity: bytes
    kept: int


@dataclass(frozen=True, slots=True)
class _Fresh:
    """An entry of a file: kept under ``id`` unless an earlier statement had it."""

    id: UUID
    entry: ReadEntry
    identity: bytes
    occurrence: int
    is_known: bool


@dataclass(frozen=True, slots=True)
class _Taken:
    """A file with its accounts found and its entries compared with what is kept."""

    file: ReadFile
    accounts: tuple[BankAccount, ...]
    statements: tuple[tuple[ReadStatement, BankAccount, tuple[_Fresh, ...]], ...]


def add_account(
    conn: Connection[Any],
    *,
    town_id: int,
    code: str,
    number: str,
    columns: Mapping[str, str] | None = None,
    secrets: Secrets,
    at: datetime,
    actor: str,
) -> BankAccount:
    """Write down an account of the town at a bank, or how its CSV's headings are called.

    The same account again is left as it is. Refuses with ``AccountTaken``.
    """
    bare = normal_identifier(number)
    digest = sealing.number_digest(secrets, town_id, bare)
    is_new = execute(
        conn,
        statement(PACKAGE, "add_account"),
        town_id=town_id,
        id=new_id(),
        code=code,
        number_digest=digest,
        number_end=bare[-4:] if bare.isascii() else "",
        currency=parties.town(conn, town_id).national_currency,
        opened_at=at,
        opened_by=actor,
    )
    found = queries.account_by_number(conn, town_id=town_id, number=bare, secrets=secrets)
    if found is None or found.code != code:
        raise AccountTaken(account=code)
    if is_new:
        record(
            conn, town_id=town_id, actor=actor, action="banking.account-added", subject=f"bank-account:{found.id}",
            after={"code": code}, at=at,
        )  # fmt: skip
    if columns and execute(
        conn, statement(PACKAGE, "set_columns"), town_id=town_id, account=found.id, columns=Jsonb(dict(columns))
    ):
        record(
            conn, town_id=town_id, actor=actor, action="banking.columns-set", subject=f"bank-account:{found.id}",
            before={"columns": dict(found.columns)}, after={"columns": dict(columns)}, at=at,
        )  # fmt: skip
    return queries.account(conn, town_id=town_id, code=code)


def look(
    conn: Connection[Any],
    *,
    town_id: int,
    content: bytes,
    account: str = "",
    secrets: Secrets,
    at: datetime,
    actor: str,
) -> Imported:
    """What importing a file would do. Nothing of it is done; the file is kept, sealed, until it is imported or a day is over.

    A file that was imported before is answered as that import, whatever account is named now.
    ``account`` is the code of the account a CSV is of. Refuses with ``FindingsError``, every
    finding in its place, and ``AccountNotFound``.
    """
    before = _imported_before(conn, town_id, content, secrets)
    if before is not None:
        return _again(conn, town_id, before)
    town = parties.town(conn, town_id)
    taken = _taken(conn, town, content, account, secrets, at, actor)
    file = _keep(conn, town_id, taken, content, secrets, at, actor, sealed=True)
    return _shown(conn, town_id, file, taken, _answered(conn, town_id, taken.file.answers, None, at, actor))


def forget_lapsed(conn: Connection[Any], *, town_id: int, at: datetime) -> int:
    """Forget the content of files that were looked at more than a day ago and not imported; how many."""
    return execute(
        conn, statement(PACKAGE, "forget_previews"), town_id=town_id, before=at - timedelta(hours=KEPT_HOURS)
    )


def look_again(
    conn: Connection[Any], *, town_id: int, file_id: UUID, secrets: Secrets, at: datetime, actor: str
) -> Imported:
    """``look`` for a file that is kept. Refuses with ``FileNotFound`` too."""
    content, account = _content(conn, town_id, file_id, secrets)
    taken = _taken(conn, parties.town(conn, town_id), content, account, secrets, at, actor)
    return _shown(conn, town_id, file_id, taken, _answered(conn, town_id, taken.file.answers, None, at, actor))


def import_looked_at(
    conn: Connection[Any],
    *,
    town_id: int,
    file_id: UUID,
    fingerprint: str,
    secrets: Secrets,
    at: datetime,
    actor: str,
) -> Imported:
    """Import a file that was looked at, as long as it would still do what was shown.

    Refuses with ``FileNotFound``, ``PreviewOutdated`` and as ``look``.
    """
    found = queries.file(conn, town_id=town_id, file_id=file_id)
    if found is not None and found.imported_at is not None:
        return _again(conn, town_id, file_id)
    content, account = _content(conn, town_id, file_id, secrets)
    return import_file(
        conn, town_id=town_id, content=content, account=account, secrets=secrets, at=at, actor=actor,
        fingerprint=fingerprint,
    )  # fmt: skip


def import_file(
    conn: Connection[Any],
    *,
    town_id: int,
    content: bytes,
    account: str = "",
    fingerprint: str | None = None,
    secrets: Secrets,
    at: datetime,
    actor: str,
) -> Imported:
    """Keep what a file says: entries that no earlier statement had, and the bank's answers to payments.

    The same file a second time changes nothing, and says when and by whom it was imported. ``fingerprint`` is that
    of what was shown; another outcome is refused with ``PreviewOutdated``. Refuses as ``look``.
    """
    before = _imported_before(conn, town_id, content, secrets)
    if before is not None:
        return _again(conn, town_id, before)
    town = parties.town(conn, town_id)
    taken = _taken(conn, town, content, account, secrets, at, actor)
    file = _keep(conn, town_id, taken, content, secrets, at, actor, sealed=False)
    found = queries.file(conn, town_id=town_id, file_id=file)
    assert found is not None
    if found.imported_at is not None:
        return _again(conn, town_id, file)
    if fingerprint is not None:
        expected = _answered(conn, town_id, taken.file.answers, None, at, actor)
        if _shown(conn, town_id, file, taken, expected).fingerprint != fingerprint:
            raise PreviewOutdated(file=file)
    with savepoint(conn):
        for number, (read, owner, entries) in enumerate(taken.statements, start=1):
            _write(conn, town_id, file, number, read, owner, entries, secrets)
        answers = _answered(conn, town_id, taken.file.answers, file, at, actor)
        execute(conn, statement(PACKAGE, "close_file"), town_id=town_id, file=file, at=at, actor=actor)
    fresh = sum(not one.is_known for _, _, entries in taken.statements for one in entries)
    record(
        conn, town_id=town_id, actor=actor, action="banking.file-imported", subject=f"bank-file:{file}",
        after={"kind": taken.file.kind.value, "entries": fresh, "answers": len(answers)}, at=at,
    )  # fmt: skip
    return _shown(conn, town_id, file, taken, answers)


# --- From bytes to accounts and entries -------------------------------------------------------


def _taken(
    conn: Connection[Any], town: TownFacts, content: bytes, account: str, secrets: Secrets, at: datetime, actor: str
) -> _Taken:
    chosen = queries.account(conn, town_id=town.id, code=account) if account else None
    if chosen is None and account == "":
        known = queries.accounts(conn, town_id=town.id)
        chosen_for_table = known[0] if len(known) == 1 else None
    else:
        chosen_for_table = chosen
    file = reading.read(
        content,
        columns=chosen_for_table.columns if chosen_for_table else {},
        currency=town.national_currency,
        exponent=town.exponent,
        country=town.country,
        today=at.astimezone(town.zone).date(),
    )
    owners = []
    wrong = []
    for number, read in enumerate(file.statements, start=1):
        owner = chosen_for_table if file.kind is FileKind.CSV else _owner(conn, town, read.account, secrets, at, actor)
        if owner is None:
            wrong.append(
                finding("bank.account-needed" if file.kind is FileKind.CSV else "bank.account-unknown", row=number)
            )
        elif chosen is not None and owner.id != chosen.id:
            wrong.append(finding("bank.account-differs", row=number))
        else:
            owners.append(owner)
    if wrong:
        raise FindingsError(wrong)
    execute(conn, statement(PACKAGE, "lock_accounts"), town_id=town.id, accounts=[owner.id for owner in owners])
    seen: Counter[tuple[UUID, bytes]] = Counter()
    statements = []
    for number, (read, owner) in enumerate(zip(file.statements, owners, strict=True), start=1):
        if read.from_day and scalar(
            conn, statement(PACKAGE, "other_kind_overlaps"), town_id=town.id, account=owner.id, kind=read.kind.value,
            from_day=read.from_day, to_day=read.to_day,
        ):  # fmt: skip
            wrong.append(finding("bank.format-mixed", row=number))
            continue
        statements.append((read, owner, _compared(conn, town.id, owner.id, read, seen, secrets)))
    if wrong:
        raise FindingsError(wrong)
    return _Taken(file, tuple({owner.id: owner for owner in owners}.values()), tuple(statements))


def _owner(
    conn: Connection[Any], town: TownFacts, number: str, secrets: Secrets, at: datetime, actor: str
) -> BankAccount | None:
    """The town's account with this number; the one that its payouts leave from needs no introduction."""
    found = queries.account_by_number(conn, town_id=town.id, number=number, secrets=secrets)
    if found is not None:
        return found
    own = Vault(conn, secrets).get(town.party_id, ("iban",)).get("iban", "")
    if (
        not own
        or normal_identifier(own) != number
        or any(one.code == MAIN for one in queries.accounts(conn, town_id=town.id))
    ):
        return None
    return add_account(conn, town_id=town.id, code=MAIN, number=number, secrets=secrets, at=at, actor=actor)


def _compared(
    conn: Connection[Any],
    town_id: int,
    account: UUID,
    read: ReadStatement,
    seen: Counter[tuple[UUID, bytes]],
    secrets: Secrets,
) -> tuple[_Fresh, ...]:
    """Each entry with its identity. Of several that look the same, as many are known as were kept before."""
    references = [
        "" if entry.bank_reference.upper() in rules.NO_REFERENCE else entry.bank_reference for entry in read.entries
    ]
    identities = [
        sealing.identity(secrets, town_id, account, entry, reference)
        for entry, reference in zip(read.entries, references, strict=True)
    ]
    rows = many(
        conn, statement(PACKAGE, "known_entries"), _Kept, town_id=town_id, account=account, identities=identities
    )
    kept = {bytes(row.identity): row.kept for row in rows}
    found = []
    for entry, identity, reference in zip(read.entries, identities, references, strict=True):
        seen[account, identity] += 1
        occurrence = seen[account, identity]
        found.append(
            _Fresh(
                id=new_id(),
                entry=replace(entry, bank_reference=reference),
                identity=identity,
                occurrence=occurrence,
                is_known=occurrence <= kept.get(identity, 0),
            )
        )
    return tuple(found)


# --- Writing ----------------------------------------------------------------------------------


def _keep(
    conn: Connection[Any],
    town_id: int,
    taken: _Taken,
    content: bytes,
    secrets: Secrets,
    at: datetime,
    actor: str,
    *,
    sealed: bool,
) -> UUID:
    """The file's id: the first one, where the content is known."""
    forget_lapsed(conn, town_id=town_id, at=at)
    digest = sealing.file_digest(secrets, town_id, content)
    known = queries.files(conn, town_id=town_id, digest=digest)
    file = known[0].id if known else new_id()
    execute(
        conn,
        statement(PACKAGE, "add_file"),
        town_id=town_id,
        id=file,
        digest=digest,
        name=f"{taken.file.kind.value} {at:%Y-%m-%d}",
        account=taken.accounts[0].id if taken.accounts else None,
        sealed=sealing.seal_file(secrets, town_id, file, content) if sealed else None,
        uploaded_at=at,
        uploaded_by=actor,
    )
    execute(conn, statement(PACKAGE, "lock_file"), town_id=town_id, digest=digest)
    # Asked again under the lock: another connection may have brought the same content.
    return queries.files(conn, town_id=town_id, digest=digest)[0].id


def _imported_before(conn: Connection[Any], town_id: int, content: bytes, secrets: Secrets) -> UUID | None:
    """The file of this content, where it was imported."""
    known = queries.files(conn, town_id=town_id, digest=sealing.file_digest(secrets, town_id, content))
    return known[0].id if known and known[0].imported_at is not None else None


def _content(conn: Connection[Any], town_id: int, file_id: UUID, secrets: Secrets) -> tuple[bytes, str]:
    found = queries.file(conn, town_id=town_id, file_id=file_id)
    if found is None or found.sealed is None:
        raise FileNotFound(file=file_id)
    code = next((one.code for one in queries.accounts(conn, town_id=town_id) if one.id == found.account_id), "")
    return sealing.unseal_file(secrets, town_id, file_id, bytes(found.sealed)), code


def _write(
    conn: Connection[Any],
    town_id: int,
    file: UUID,
    number: int,
    read: ReadStatement,
    owner: BankAccount,
    entries: Sequence[_Fresh],
    secrets: Secrets,
) -> None:
    fresh = [one for one in entries if not one.is_known]
    statement_id = new_id()
    execute(
        conn,
        statement(PACKAGE, "add_statement"),
        town_id=town_id,
        id=statement_id,
        file=file,
        account=owner.id,
        number=number,
        kind=read.kind.value,
        reference=read.reference,
        from_day=read.from_day,
        to_day=read.to_day,
        opening_minor=read.opening_minor,
        closing_minor=read.closing_minor,
        entries=len(entries),
        fresh=len(fresh),
        pending=read.pending,
    )
    execute(
        conn,
        statement(PACKAGE, "add_entries"),
        town_id=town_id,
        account=owner.id,
        statement=statement_id,
        ids=[one.id for one in fresh],
        numbers=[one.entry.place for one in fresh],
        identities=[one.identity for one in fresh],
        occurrences=[one.occurrence for one in fresh],
        booked_on=[one.entry.booked_on for one in fresh],
        value_on=[one.entry.value_on for one in fresh],
        amounts=[one.entry.amount_minor for one in fresh],
        bank_references=[one.entry.bank_reference for one in fresh],
        message_ids=[one.entry.message_id for one in fresh],
        end_to_end_ids=[one.entry.end_to_end_id for one in fresh],
        structured_references=[rules.creditor_reference(one.entry) for one in fresh],
        returns=[one.entry.is_return for one in fresh],
        return_codes=[one.entry.return_code for one in fresh],
        bank_codes=[one.entry.bank_code for one in fresh],
        mentions=[",".join(map(str, rules.mentioned(one.entry))) for one in fresh],
        sealed=[sealing.seal_details(secrets, town_id, one.id, one.entry.details) for one in fresh],
    )


def _answered(
    conn: Connection[Any], town_id: int, answers: Sequence[ReadAnswer], file: UUID | None, at: datetime, actor: str
) -> list[AnswerOutcome]:
    """What a status report's lines do; done only under a ``file``.

    A refusal opens the payment's requests for the next run. That the bank will pay is noted: paid is what the
    statement shows. A report speaks of one run, so runs are never locked in two orders.
    """
    found: list[AnswerOutcome] = []
    runs: list[UUID | None] = []
    for answer in answers:
        run = next(iter(our_ids(answer.message_id)), None)
        named = next(iter(our_ids(answer.end_to_end_id)), None)
        asked = named or run
        members = queries.known(conn, town_id=town_id, facts=(), also=[asked] if asked else [])
        payments = [one for one in members.payments.values() if named is None or one.id == named]
        if not payments:
            found.append(AnswerOutcome(len(found) + 1, None, answer.status, answer.reason, "answer.payment-unknown"))
            runs.append(None)
        for payment in payments:
            outcome = "noted"
            if answer.status == "RJCT":
                outcome = "rejected"
                if payment.state == PaymentState.REJECTED:
                    outcome = "answer.rejected-already"
                elif payment.state != PaymentState.DUE or payment.run_state != "exported":
                    outcome = "answer.payment-not-due"
                elif file is not None:
                    outcome = _rejected(conn, town_id, payment.id, answer.reason, at, actor)
            found.append(AnswerOutcome(len(found) + 1, payment.id, answer.status, answer.reason, outcome))
            runs.append(payment.run_id)
    if file is not None and found:
        execute(
            conn,
            statement(PACKAGE, "add_answers"),
            town_id=town_id,
            file=file,
            numbers=[one.place for one in found],
            payments=[one.payment_id for one in found],
            runs=runs,
            statuses=[one.status for one in found],
            reasons=[one.reason for one in found],
            outcomes=[one.outcome for one in found],
        )
    return found


def _rejected(conn: Connection[Any], town_id: int, payment: UUID, reason: str, at: datetime, actor: str) -> str:
    try:
        with savepoint(conn):
            treasury.reject_payment(conn, town_id=town_id, payment_id=payment, reason=reason, at=at, actor=actor)
    except KoinonError as refused:
        return refused.code
    return "rejected"


# --- What is shown ----------------------------------------------------------------------------


def _shown(
    conn: Connection[Any], town_id: int, file: UUID, taken: _Taken, answers: Sequence[AnswerOutcome]
) -> Imported:
    fresh = [one for _, _, entries in taken.statements for one in entries if not one.is_known]
    facts = [(one.id, rules.Facts.of(one.entry)) for one in fresh]
    known = queries.known(conn, town_id=town_id, facts=[one for _, one in facts], reused=_reused(conn, town_id, taken))
    verdicts = rules.plan(facts, known)
    outcomes = [
        Outcome(
            place=one.entry.place,
            booked_on=one.entry.booked_on,
            amount_minor=one.entry.amount_minor,
            bank_reference=one.entry.bank_reference,
            is_known=one.is_known,
            kinds=tuple(piece.kind for piece in verdicts[one.id].pieces) if one.id in verdicts else (),
            grounds=verdicts[one.id].grounds if one.id in verdicts else (),
        )
        for _, _, entries in taken.statements
        for one in entries
    ]
    said = [
        [one.place, one.booked_on.isoformat(), one.amount_minor, one.bank_reference, one.is_known, *one.kinds]
        + [[ground.code, ground.fields] for ground in one.grounds]
        for one in outcomes
    ] + [[one.place, str(one.payment_id), one.status, one.reason, one.outcome] for one in answers]
    digits = hashlib.sha256(json.dumps(said).encode()).hexdigest()
    return Imported(
        file_id=file,
        kind=taken.file.kind,
        accounts=tuple(account.code for account in taken.accounts),
        outcomes=tuple(outcomes),
        answers=tuple(answers),
        pending=sum(read.pending for read, _, _ in taken.statements),
        fingerprint=" ".join(digits[place : place + 4] for place in range(0, 16, 4)),
    )


def _reused(conn: Connection[Any], town_id: int, taken: _Taken) -> set[str]:
    """Bank references of fresh entries that stand on others of the day, kept before or in another statement of the file."""
    stands: dict[tuple[str, date], set[int]] = {}
    for number, (_, _, entries) in enumerate(taken.statements):
        for one in entries:
            if not one.is_known and one.entry.bank_reference:
                stands.setdefault((one.entry.bank_reference, one.entry.booked_on), set()).add(number)
    kept = many(
        conn,
        statement(PACKAGE, "references_kept"),
        _Reference,
        town_id=town_id,
        references=[reference for reference, _ in stands],
        days=[day for _, day in stands],
    )
    return {row.bank_reference for row in kept} | {one for (one, _), where in stands.items() if len(where) > 1}


@dataclass(frozen=True, slots=True)
class _Reference:
    bank_reference: str


def _again(conn: Connection[Any], town_id: int, file: UUID) -> Imported:
    """A file that is imported already: everything in it is known."""
    found = queries.file(conn, town_id=town_id, file_id=file)
    assert found is not None
    entries = queries.entries(conn, town_id=town_id, file=file, limit=100_000)
    return Imported(
        file_id=file,
        kind=FileKind(found.name.split(" ")[0]),
        accounts=tuple(dict.fromkeys(entry.account_code for entry in entries)),
        outcomes=tuple(
            Outcome(place, one.booked_on, one.amount_minor, one.bank_reference, True, (), ())
            for place, one in enumerate(entries, start=1)
        ),
        answers=tuple(queries.answers(conn, town_id=town_id, file=file)),
        pending=0,
        fingerprint="",
        replayed=True,
        imported_at=found.imported_at,
        imported_by=found.imported_by or "",
    )
