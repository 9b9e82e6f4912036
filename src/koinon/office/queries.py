"""Reading what the back office keeps, and the records it lists."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import many, maybe, statement
from koinon.office import rules
from koinon.office.errors import UploadNotFound
from koinon.office.types import ColumnMapping, SavedFilter, Upload
from koinon.parties import crypto
from koinon.parties.errors import PartyNotFound
from koinon.parties.secrets import Secrets

_PACKAGE = "koinon.office"
KEPT_FOR = timedelta(hours=1)


def filters(conn: Connection[Any], *, town_id: int, user_id: int, table_name: str) -> list[SavedFilter]:
    """The saved filters that somebody sees above a list, by name."""
    sql = statement(_PACKAGE, "filters")
    return many(conn, sql, SavedFilter, town_id=town_id, user_id=user_id, table_name=table_name)


@dataclass(frozen=True, slots=True)
class _Mapping:
    columns: str
    meanings: str


def mapping(conn: Connection[Any], *, town_id: int, kind: str, headings: Sequence[str]) -> ColumnMapping | None:
    """What is remembered of lists of this kind with these headings."""
    found = maybe(
        conn,
        statement(_PACKAGE, "mapping"),
        _Mapping,
        town_id=town_id,
        kind=kind,
        headings_digest=rules.headings_digest(headings),
    )
    return None if found is None else ColumnMapping(json.loads(found.columns), json.loads(found.meanings))


@dataclass(frozen=True, slots=True)
class _Upload:
    kind: str
    file_name: str
    key_id: str
    sealed: bytes
    sent_at: datetime


def upload(
    conn: Connection[Any], *, town_id: int, upload_id: UUID, user_id: int, secrets: Secrets, at: datetime
) -> Upload:
    """A file that this user sent within the hour, or ``UploadNotFound``."""
    found = maybe(
        conn,
        statement(_PACKAGE, "upload"),
        _Upload,
        town_id=town_id,
        id=upload_id,
        user_id=user_id,
        since=at - KEPT_FOR,
    )
    if found is None:
        raise UploadNotFound(upload_id=upload_id)
    content = crypto.unseal(secrets.key(found.key_id), bytes(found.sealed), rules.place_of_upload(town_id, upload_id))
    return Upload(upload_id, found.kind, found.file_name, content, found.sent_at)


@dataclass(frozen=True, slots=True)
class Record:
    """A household or organisation as its page shows it. No name: that is for ``parties.naming``."""

    party: UUID
    kind: str
    created_at: datetime
    erased_at: datetime | None
    zone: str
    members: int | None
    income_band: str
    joined_on: date | None
    sector: str
    sector_group: str
    legal_form: str
    is_sse: bool
    is_chain: bool
    accepts_since: date | None
    active: bool
    people: list[UUID] | None


def record(conn: Connection[Any], *, town_id: int, party: UUID) -> Record:
    """One household or organisation of the town, or ``PartyNotFound``."""
    found = maybe(conn, statement(_PACKAGE, "record"), Record, town_id=town_id, party=party)
    if found is None:
        raise PartyNotFound(party_id=party)
    return found
