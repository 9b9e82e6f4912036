"""Reading complaints. What was written on them is opened by ``notes`` and ``document`` alone, which record who looked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record
from koinon.casework.errors import ComplaintNotFound, DocumentNotFound
from koinon.casework.types import Complaint, Document, Note, Term
from koinon.db.statements import many, maybe, statement
from koinon.parties import naming
from koinon.parties.errors import SealBroken
from koinon.parties.naming import Reader
from koinon.parties.vault import Vault

_PACKAGE = "koinon.casework"


@dataclass(frozen=True, slots=True)
class _Note:
    id: UUID
    kind: str
    key_party: UUID
    sealed: bytes
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class _Document:
    id: UUID
    key_party: UUID
    media_type: str
    size_bytes: int
    sealed_name: bytes
    added_at: datetime
    added_by: str


@dataclass(frozen=True, slots=True)
class _Content:
    id: UUID
    key_party: UUID
    media_type: str
    sealed_name: bytes
    sealed: bytes


def complaint(conn: Connection[Any], *, town_id: int, complaint_id: UUID) -> Complaint:
    """A complaint without its words, or ``ComplaintNotFound``."""
    found = maybe(conn, statement(_PACKAGE, "complaint"), Complaint, town_id=town_id, complaint=complaint_id)
    if found is None:
        raise ComplaintNotFound(complaint=complaint_id)
    return found


def complaints_of(conn: Connection[Any], *, town_id: int, party: UUID) -> list[Complaint]:
    """The complaints of a party, the newest first."""
    return many(conn, statement(_PACKAGE, "complaints_of"), Complaint, town_id=town_id, party=party)


def waiting(conn: Connection[Any], *, town_id: int, most: int = 200) -> list[Complaint]:
    """The complaints that wait for an answer, the most urgent first."""
    return many(conn, statement(_PACKAGE, "waiting"), Complaint, town_id=town_id, most=most)


def terms(conn: Connection[Any], *, town_id: int) -> list[Term]:
    """The town's own times for answers."""
    return many(conn, statement(_PACKAGE, "terms"), Term, town_id=town_id)


def notes(
    conn: Connection[Any], *, town_id: int, complaint_id: UUID, reader: Reader, at: datetime, vault: Vault
) -> list[Note]:
    """What was written on a complaint, oldest first; that the reader looked is recorded.

    What was sealed for somebody who was erased since is gone, and is left out.
    Refuses with ``PersonalDataNotAllowed`` and ``ComplaintNotFound``.
    """
    _looked(conn, town_id, complaint_id, reader, "words", at)
    rows = many(conn, statement(_PACKAGE, "notes"), _Note, town_id=town_id, complaint=complaint_id)
    return [
        Note(row.id, row.kind, row.at, row.by, words)
        for row in rows
        if (words := _opened(vault, row.key_party, f"note:{row.id}", row.sealed)) is not None
    ]


def documents(
    conn: Connection[Any], *, town_id: int, complaint_id: UUID, reader: Reader, vault: Vault
) -> Sequence[Document]:
    """What is attached to a complaint, without its content. Refuses with ``PersonalDataNotAllowed``."""
    naming.needs_personal_data(reader)
    rows = many(conn, statement(_PACKAGE, "documents"), _Document, town_id=town_id, complaint=complaint_id)
    return [
        Document(row.id, row.media_type, row.size_bytes, row.added_at, row.added_by, name)
        for row in rows
        if (name := _opened(vault, row.key_party, f"name:{row.id}", row.sealed_name)) is not None
    ]


def document(
    conn: Connection[Any],
    *,
    town_id: int,
    complaint_id: UUID,
    document_id: UUID,
    reader: Reader,
    at: datetime,
    vault: Vault,
) -> tuple[str, str, bytes]:
    """Name, media type and content of a document; that the reader opened it is recorded.

    Refuses with ``PersonalDataNotAllowed``, ``ComplaintNotFound`` and ``DocumentNotFound``.
    """
    _looked(conn, town_id, complaint_id, reader, "document", at)
    row = maybe(
        conn,
        statement(_PACKAGE, "document"),
        _Content,
        town_id=town_id,
        complaint=complaint_id,
        document=document_id,
    )
    name = _opened(vault, row.key_party, f"name:{row.id}", row.sealed_name) if row else None
    if row is None or name is None:
        raise DocumentNotFound(document=document_id)
    return name, row.media_type, vault.unseal_for(row.key_party, f"document:{row.id}", bytes(row.sealed))


def _looked(conn: Connection[Any], town_id: int, complaint_id: UUID, reader: Reader, what: str, at: datetime) -> None:
    naming.needs_personal_data(reader)
    complaint(conn, town_id=town_id, complaint_id=complaint_id)
    record(
        conn,
        town_id=town_id,
        actor=reader.actor,
        action="casework.looked",
        subject=f"complaint:{complaint_id}",
        reason=what,
        at=at,
    )


def _opened(vault: Vault, party: UUID, place: str, sealed: bytes) -> str | None:
    try:
        return vault.unseal_for(party, place, bytes(sealed)).decode()
    except SealBroken:
        return None
