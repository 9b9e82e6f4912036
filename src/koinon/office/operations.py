"""Writing what the back office keeps: saved filters, remembered columns, files being looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.types.json import Jsonb

from koinon.db.statements import execute, statement
from koinon.kernel.identifiers import new_id
from koinon.office import rules
from koinon.office.errors import FilterNotFound
from koinon.office.queries import KEPT_FOR
from koinon.parties import crypto
from koinon.parties.secrets import Secrets

_PACKAGE = "koinon.office"


def save_filter(
    conn: Connection[Any],
    *,
    town_id: int,
    user_id: int,
    table_name: str,
    name: str,
    query: str,
    shared: bool,
    at: datetime,
) -> None:
    """Keep how somebody likes to see a list; the same name again replaces it."""
    execute(
        conn,
        statement(_PACKAGE, "save_filter"),
        town_id=town_id,
        id=new_id(),
        user_id=user_id,
        table_name=table_name,
        name=name,
        query=query,
        shared=shared,
        at=at,
    )


def forget_filter(conn: Connection[Any], *, town_id: int, user_id: int, filter_id: UUID) -> None:
    """Forget a filter of one's own; ``FilterNotFound`` for anybody else's."""
    if not execute(conn, statement(_PACKAGE, "forget_filter"), town_id=town_id, id=filter_id, user_id=user_id):
        raise FilterNotFound(filter_id=filter_id)


def remember_mapping(
    conn: Connection[Any],
    *,
    town_id: int,
    kind: str,
    headings: Sequence[str],
    columns: Mapping[str, str],
    meanings: Mapping[str, Mapping[str, str]],
    actor: str,
    at: datetime,
) -> None:
    """Remember for lists with these headings which is which, and what their words mean."""
    execute(
        conn,
        statement(_PACKAGE, "remember_mapping"),
        town_id=town_id,
        kind=kind,
        headings_digest=rules.headings_digest(headings),
        columns=Jsonb(dict(columns)),
        meanings=Jsonb({field: dict(words) for field, words in meanings.items()}),
        actor=actor,
        at=at,
    )


def keep_upload(
    conn: Connection[Any],
    *,
    town_id: int,
    user_id: int,
    kind: str,
    file_name: str,
    content: bytes,
    secrets: Secrets,
    at: datetime,
) -> UUID:
    """Keep a file sealed while its sender looks at it, for an hour; those forgotten by others go now."""
    forget_stale_uploads(conn, at=at)
    upload_id = new_id()
    execute(
        conn,
        statement(_PACKAGE, "keep_upload"),
        town_id=town_id,
        id=upload_id,
        user_id=user_id,
        kind=kind,
        file_name=file_name,
        key_id=secrets.current,
        sealed=crypto.seal(secrets.key(secrets.current), content, rules.place_of_upload(town_id, upload_id)),
        at=at,
    )
    return upload_id


def forget_upload(conn: Connection[Any], *, town_id: int, user_id: int, upload_id: UUID) -> None:
    """The file is not needed any more."""
    execute(conn, statement(_PACKAGE, "forget_upload"), town_id=town_id, id=upload_id, user_id=user_id)


def forget_stale_uploads(conn: Connection[Any], *, at: datetime) -> int:
    """Forget every file that was sent more than an hour ago; how many."""
    return execute(conn, statement(_PACKAGE, "forget_uploads"), before=at - KEPT_FOR)
