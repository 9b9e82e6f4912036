"""Documents of a household or a resident: an application for aid, a proof of address. Sealed under their key.

Seeing them takes the right to see who people are; who opened which is recorded. Every function is part of its caller's
transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record
from koinon.casework import rules
from koinon.casework.errors import TooManyDocuments
from koinon.db.statements import execute, many, maybe, statement
from koinon.db.transactions import savepoint
from koinon.helpdesk.errors import DocumentNotFound
from koinon.helpdesk.types import Document, DocumentAbout
from koinon.kernel.identifiers import id_under
from koinon.parties import naming
from koinon.parties import queries as parties
from koinon.parties.errors import SealBroken
from koinon.parties.naming import Reader
from koinon.parties.vault import Vault

_PACKAGE = "koinon.helpdesk"


@dataclass(frozen=True, slots=True)
class _Document:
    id: UUID
    about: str
    media_type: str
    size_bytes: int
    sealed_name: bytes
    added_at: datetime
    added_by: str


@dataclass(frozen=True, slots=True)
class _Content:
    id: UUID
    media_type: str
    sealed_name: bytes
    sealed: bytes


def attach(
    conn: Connection[Any],
    *,
    town_id: int,
    party: UUID,
    about: DocumentAbout,
    name: str,
    content: bytes,
    idempotency_key: str,
    reader: Reader,
    at: datetime,
    vault: Vault,
) -> UUID:
    """Keep a document of a party. What it is follows from its content, never from its name.

    The same key keeps it once. Refuses with ``PersonalDataNotAllowed``, ``DocumentTooLarge``, ``DocumentKindRefused``,
    ``TooManyDocuments``, ``PartyNotFound`` and ``PartyErased``.
    """
    naming.needs_personal_data(reader)
    parties.party_facts(conn, town_id, party)
    kind = rules.media_type(content)
    document = id_under(party, "document", idempotency_key)
    with savepoint(conn):
        sealed_name = vault.seal_for(party, f"name:{document}", rules.file_name(name, kind).encode())
        held = documents(conn, town_id=town_id, party=party, reader=reader, vault=vault)
        if document in {each.id for each in held}:
            return document
        if len(held) >= rules.MOST_DOCUMENTS:
            raise TooManyDocuments(most=rules.MOST_DOCUMENTS)
        execute(
            conn,
            statement(_PACKAGE, "add_document"),
            town_id=town_id,
            id=document,
            party=party,
            about=about.value,
            media_type=kind,
            size_bytes=len(content),
            sealed_name=sealed_name,
            sealed=vault.seal_for(party, f"document:{document}", content),
            at=at,
            actor=reader.actor,
        )
        _record(conn, town_id, party, "added", document, reader.actor, at)
    return document


def documents(conn: Connection[Any], *, town_id: int, party: UUID, reader: Reader, vault: Vault) -> list[Document]:
    """What is kept of a party, without its content. Refuses with ``PersonalDataNotAllowed``."""
    naming.needs_personal_data(reader)
    rows = many(conn, statement(_PACKAGE, "documents"), _Document, town_id=town_id, party=party)
    return [
        Document(row.id, DocumentAbout(row.about), row.media_type, row.size_bytes, row.added_at, row.added_by, name)
        for row in rows
        if (name := _opened(vault, party, f"name:{row.id}", row.sealed_name)) is not None
    ]


def document(
    conn: Connection[Any], *, town_id: int, party: UUID, document_id: UUID, reader: Reader, at: datetime, vault: Vault
) -> tuple[str, str, bytes]:
    """Name, media type and content of a document; that the reader opened it is recorded.

    Refuses with ``PersonalDataNotAllowed`` and ``DocumentNotFound``.
    """
    naming.needs_personal_data(reader)
    sql = statement(_PACKAGE, "document")
    row = maybe(conn, sql, _Content, town_id=town_id, party=party, document=document_id)
    name = _opened(vault, party, f"name:{row.id}", row.sealed_name) if row else None
    if row is None or name is None:
        raise DocumentNotFound(document=document_id)
    _record(conn, town_id, party, "opened", document_id, reader.actor, at)
    return name, row.media_type, vault.unseal_for(party, f"document:{row.id}", bytes(row.sealed))


def remove(
    conn: Connection[Any], *, town_id: int, party: UUID, document_id: UUID, reader: Reader, at: datetime
) -> None:
    """Destroy a document; that it was there stays on record.

    Refuses with ``PersonalDataNotAllowed`` and ``DocumentNotFound``.
    """
    naming.needs_personal_data(reader)
    with savepoint(conn):
        gone = execute(
            conn,
            statement(_PACKAGE, "remove_document"),
            town_id=town_id,
            party=party,
            document=document_id,
            at=at,
            actor=reader.actor,
        )
        if not gone:
            raise DocumentNotFound(document=document_id)
        _record(conn, town_id, party, "removed", document_id, reader.actor, at)


def _record(
    conn: Connection[Any], town_id: int, party: UUID, what: str, document_id: UUID, actor: str, at: datetime
) -> None:
    record(
        conn,
        town_id=town_id,
        actor=actor,
        action=f"helpdesk.document-{what}",
        subject=f"party:{party}",
        after={"document": str(document_id)},
        at=at,
    )


def _opened(vault: Vault, party: UUID, place: str, sealed: bytes) -> str | None:
    try:
        return vault.unseal_for(party, place, bytes(sealed)).decode()
    except SealBroken:
        return None
