"""Taking complaints in, writing on them, attaching to them, answering. Every function is part of its caller's transaction."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record
from koinon.casework import queries, rules
from koinon.casework.errors import (
    ComplaintClosed,
    ComplaintNotFound,
    DocumentNotFound,
    KeyReused,
    TooManyDocuments,
)
from koinon.casework.types import About, Complaint, ComplaintState, Count, Outcome
from koinon.db.statements import execute, maybe, scalar, statement
from koinon.db.transactions import savepoint
from koinon.kernel.identifiers import id_for_key, id_under, new_id
from koinon.outbox import messages
from koinon.parties import naming
from koinon.parties import queries as parties
from koinon.parties.naming import Reader
from koinon.parties.vault import Vault

_PACKAGE = "koinon.casework"


def open_complaint(
    conn: Connection[Any],
    *,
    town_id: int,
    about: About,
    words: str,
    idempotency_key: str,
    actor: str,
    at: datetime,
    vault: Vault,
    party: UUID | None = None,
    subject: str = "",
) -> Complaint:
    """Take a complaint in: it gets a number and the day by which it is answered, which never changes.

    ``party`` is who complains, None where they give no name; ``subject`` what it is about as
    ``kind:<id>``. The same key gives the first complaint again. Refuses with ``WordsMissing``,
    ``WordsTooLong``, ``KeyReused``, ``PartyNotFound`` and ``PartyErased``.
    """
    kept = rules.written(words)
    complaint_id = id_for_key(f"{_PACKAGE}:{town_id}", idempotency_key)
    before = _found(conn, town_id, complaint_id)
    if before is not None:
        if (before.about, before.party, before.subject) != (about, party, subject):
            raise KeyReused(key=idempotency_key)
        return before
    town = parties.town(conn, town_id)
    if party is not None:
        parties.party_facts(conn, town_id, party)
    today = at.astimezone(town.zone).date()
    term = rules.term(country=town.country, about=about, day=today, own=queries.terms(conn, town_id=town_id))
    due = rules.due_day(today, term, country=town.country)
    with savepoint(conn):
        place = scalar(conn, statement(_PACKAGE, "next_place"), town_id=town_id, year=today.year)
        execute(
            conn,
            statement(_PACKAGE, "add_complaint"),
            town_id=town_id,
            id=complaint_id,
            year=today.year,
            place=place,
            party=party,
            about=about.value,
            subject=subject,
            at=at,
            actor=actor,
            due_day=due,
            term_source=term.source,
        )
        _write(conn, town_id, complaint_id, party or town.party_id, "words", kept, actor, at, vault)
        _record(
            conn,
            town_id,
            complaint_id,
            "opened",
            actor,
            at,
            about=about.value,
            due_day=due.isoformat(),
            source=term.source,
        )
        complaint = queries.complaint(conn, town_id=town_id, complaint_id=complaint_id)
        _tell(conn, town_id, complaint, "complaint.received", at)
    return complaint


def add_note(
    conn: Connection[Any], *, town_id: int, complaint_id: UUID, words: str, actor: str, at: datetime, vault: Vault
) -> None:
    """Write a note for colleagues on a complaint. Refuses with ``ComplaintNotFound`` and what ``words`` are refused for."""
    kept = rules.written(words)
    with savepoint(conn):
        complaint = _locked(conn, town_id, complaint_id)
        _write(conn, town_id, complaint_id, _key_party(conn, town_id, complaint), "note", kept, actor, at, vault)
        _record(conn, town_id, complaint_id, "noted", actor, at)


def assign(conn: Connection[Any], *, town_id: int, complaint_id: UUID, to: str, actor: str, at: datetime) -> Complaint:
    """Say who answers, as an actor (``user:7``). Refuses with ``ComplaintNotFound`` and ``ComplaintClosed``."""
    with savepoint(conn):
        complaint = _open(conn, town_id, complaint_id)
        if complaint.assigned_to != to:
            execute(conn, statement(_PACKAGE, "assign"), town_id=town_id, complaint=complaint_id, assigned_to=to)
            _record(conn, town_id, complaint_id, "assigned", actor, at, to=to)
    return queries.complaint(conn, town_id=town_id, complaint_id=complaint_id)


def answer(
    conn: Connection[Any],
    *,
    town_id: int,
    complaint_id: UUID,
    outcome: Outcome,
    words: str,
    actor: str,
    at: datetime,
    vault: Vault,
) -> Complaint:
    """Answer a complaint: whoever complained is told that there is an answer.

    Refuses with ``ComplaintNotFound``, ``ComplaintClosed``, ``WordsMissing`` and ``WordsTooLong``.
    """
    kept = rules.written(words)
    with savepoint(conn):
        complaint = _open(conn, town_id, complaint_id)
        _write(conn, town_id, complaint_id, _key_party(conn, town_id, complaint), "answer", kept, actor, at, vault)
        _close(conn, town_id, complaint_id, ComplaintState.ANSWERED, outcome.value, actor, at)
        _tell(conn, town_id, complaint, "complaint.answered", at)
    return queries.complaint(conn, town_id=town_id, complaint_id=complaint_id)


def withdraw(conn: Connection[Any], *, town_id: int, complaint_id: UUID, actor: str, at: datetime) -> Complaint:
    """Whoever complained takes it back. Refuses with ``ComplaintNotFound`` and ``ComplaintClosed``."""
    with savepoint(conn):
        _open(conn, town_id, complaint_id)
        _close(conn, town_id, complaint_id, ComplaintState.WITHDRAWN, "", actor, at)
    return queries.complaint(conn, town_id=town_id, complaint_id=complaint_id)


def reopen(conn: Connection[Any], *, town_id: int, complaint_id: UUID, actor: str, at: datetime) -> Complaint:
    """Open a closed complaint again; its day stays what it was. Refuses with ``ComplaintNotFound``."""
    with savepoint(conn):
        complaint = _locked(conn, town_id, complaint_id)
        if complaint.state is not ComplaintState.OPEN:
            execute(
                conn,
                statement(_PACKAGE, "set_state"),
                town_id=town_id,
                complaint=complaint_id,
                state="open",
                outcome="",
                closed_at=None,
                closed_by=None,
            )
            _record(conn, town_id, complaint_id, "reopened", actor, at)
    return queries.complaint(conn, town_id=town_id, complaint_id=complaint_id)


def attach(
    conn: Connection[Any],
    *,
    town_id: int,
    complaint_id: UUID,
    name: str,
    content: bytes,
    idempotency_key: str,
    actor: str,
    at: datetime,
    vault: Vault,
) -> UUID:
    """Attach a document, sealed. What it is follows from its content, never from its name.

    The same key attaches once. Refuses with ``ComplaintNotFound``, ``ComplaintClosed``, ``DocumentTooLarge``,
    ``DocumentKindRefused`` and ``TooManyDocuments``.
    """
    kind = rules.media_type(content)
    document_id = id_under(complaint_id, "document", idempotency_key)
    with savepoint(conn):
        complaint = _open(conn, town_id, complaint_id)
        key_party = _key_party(conn, town_id, complaint)
        reader = Reader(actor, sees_personal_data=True)
        held = queries.documents(conn, town_id=town_id, complaint_id=complaint_id, reader=reader, vault=vault)
        if document_id in {document.id for document in held}:
            return document_id
        if len(held) >= rules.MOST_DOCUMENTS:
            raise TooManyDocuments(most=rules.MOST_DOCUMENTS)
        execute(
            conn,
            statement(_PACKAGE, "add_document"),
            town_id=town_id,
            id=document_id,
            complaint=complaint_id,
            key_party=key_party,
            media_type=kind,
            size_bytes=len(content),
            sealed_name=vault.seal_for(key_party, f"name:{document_id}", rules.file_name(name, kind).encode()),
            sealed=vault.seal_for(key_party, f"document:{document_id}", content),
            at=at,
            actor=actor,
        )
        _record(conn, town_id, complaint_id, "document-added", actor, at, document=str(document_id), bytes=len(content))
    return document_id


def remove_document(
    conn: Connection[Any], *, town_id: int, complaint_id: UUID, document_id: UUID, reader: Reader, at: datetime
) -> None:
    """Destroy a document that should not be there; that it was stays on record.

    Refuses with ``PersonalDataNotAllowed`` and ``DocumentNotFound``.
    """
    naming.needs_personal_data(reader)
    with savepoint(conn):
        gone = execute(
            conn,
            statement(_PACKAGE, "remove_document"),
            town_id=town_id,
            complaint=complaint_id,
            document=document_id,
            at=at,
            actor=reader.actor,
        )
        if not gone:
            raise DocumentNotFound(document=document_id)
        _record(conn, town_id, complaint_id, "document-removed", reader.actor, at, document=str(document_id))


def set_term(
    conn: Connection[Any],
    *,
    town_id: int,
    about: About | None,
    from_day: date,
    number: int,
    count: Count,
    source: str,
    actor: str,
    at: datetime,
) -> bool:
    """Set the town's own time for answers from a day on, for one kind of complaint or with None for all; False when it was so.

    Complaints that are in keep the day they were given. Refuses with ``TermNotUsable``.
    """
    rules.usable_term(number, source)
    changed = execute(
        conn,
        statement(_PACKAGE, "set_term"),
        town_id=town_id,
        about=about.value if about else "",
        from_day=from_day,
        number=number,
        count=count.value,
        source=source.strip(),
        actor=actor,
        at=at,
    )
    if changed:
        record(
            conn,
            town_id=town_id,
            actor=actor,
            action="casework.term-set",
            subject=f"town:{town_id}",
            after={
                "about": about.value if about else "",
                "from_day": from_day.isoformat(),
                "number": number,
                "count": count.value,
            },
            at=at,
        )
    return bool(changed)


def _found(conn: Connection[Any], town_id: int, complaint_id: UUID) -> Complaint | None:
    return maybe(conn, statement(_PACKAGE, "complaint"), Complaint, town_id=town_id, complaint=complaint_id)


def _locked(conn: Connection[Any], town_id: int, complaint_id: UUID) -> Complaint:
    found = maybe(conn, statement(_PACKAGE, "lock_complaint"), Complaint, town_id=town_id, complaint=complaint_id)
    if found is None:
        raise ComplaintNotFound(complaint=complaint_id)
    return found


def _open(conn: Connection[Any], town_id: int, complaint_id: UUID) -> Complaint:
    complaint = _locked(conn, town_id, complaint_id)
    if complaint.state is not ComplaintState.OPEN:
        raise ComplaintClosed(complaint=complaint_id, state=complaint.state)
    return complaint


def _key_party(conn: Connection[Any], town_id: int, complaint: Complaint) -> UUID:
    """Under whose key it is sealed: of who complained, or the town's own where they gave no name."""
    return complaint.party or parties.town(conn, town_id).party_id


def _write(
    conn: Connection[Any],
    town_id: int,
    complaint_id: UUID,
    key_party: UUID,
    kind: str,
    words: str,
    actor: str,
    at: datetime,
    vault: Vault,
) -> None:
    note_id = new_id()
    execute(
        conn,
        statement(_PACKAGE, "add_note"),
        town_id=town_id,
        id=note_id,
        complaint=complaint_id,
        kind=kind,
        key_party=key_party,
        sealed=vault.seal_for(key_party, f"note:{note_id}", words.encode()),
        at=at,
        actor=actor,
    )


def _close(
    conn: Connection[Any],
    town_id: int,
    complaint_id: UUID,
    state: ComplaintState,
    outcome: str,
    actor: str,
    at: datetime,
) -> None:
    execute(
        conn,
        statement(_PACKAGE, "set_state"),
        town_id=town_id,
        complaint=complaint_id,
        state=state.value,
        outcome=outcome,
        closed_at=at,
        closed_by=actor,
    )
    _record(conn, town_id, complaint_id, state.value, actor, at, **({"outcome": outcome} if outcome else {}))


def _tell(conn: Connection[Any], town_id: int, complaint: Complaint, kind: str, at: datetime) -> None:
    if complaint.party is not None:
        data = {"number": complaint.number, "due_day": complaint.due_day.isoformat()}
        messages.leave(conn, town_id=town_id, message_id=new_id(), party=complaint.party, kind=kind, at=at, data=data)


def _record(
    conn: Connection[Any], town_id: int, complaint_id: UUID, what: str, actor: str, at: datetime, **after: str | int
) -> None:
    action = what if what.startswith("document") else f"complaint-{what}"
    record(
        conn,
        town_id=town_id,
        actor=actor,
        action=f"casework.{action}",
        subject=f"complaint:{complaint_id}",
        after=dict(after) or None,
        at=at,
    )
