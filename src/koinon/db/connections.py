"""Connections as Koinon wants them, and which database a command works on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict

from koinon.db.errors import ServerTooOld, Unreachable

OLDEST_VERSION = 150000
STATEMENT_TIMEOUT_SECONDS = 60  # A killed client leaves its statement running in the server until then.


@dataclass(frozen=True, slots=True)
class Database:
    """Where the application works, and where migrations do."""

    app_url: str
    owner_url: str


def connect(
    url: str,
    *,
    application_name: str = "koinon",
    statement_timeout_seconds: int = STATEMENT_TIMEOUT_SECONDS,
) -> Connection[tuple[Any, ...]]:
    """A connection that begins a transaction by itself, counts time in UTC and gives up on endless statements."""
    try:
        conn = psycopg.connect(**_parameters(url, application_name, statement_timeout_seconds))
    except psycopg.OperationalError as refused:
        raise Unreachable(reason=str(refused).strip()) from refused
    if conn.info.server_version < OLDEST_VERSION:
        version = conn.info.server_version
        conn.close()
        raise ServerTooOld(version=version)
    return conn


def another(conn: Connection[Any]) -> Connection[Any]:
    """A second connection like this one: the same server, database, role and settings."""
    given: dict[str, Any] = {**conn.info.get_parameters(), "password": conn.info.password or None}
    return psycopg.connect(**given)


def _parameters(url: str, application_name: str, statement_timeout_seconds: int) -> dict[str, Any]:
    given: dict[str, Any] = {key: value for key, value in conninfo_to_dict(url).items() if value is not None}
    ours = f"-c TimeZone=UTC -c statement_timeout={statement_timeout_seconds}s"
    given["options"] = f"{ours} {given.get('options', '')}".strip()
    given.setdefault("application_name", application_name)
    given.setdefault("connect_timeout", 10)
    return given


@contextmanager
def database(url: str | None = None) -> Iterator[Database]:
    """The database of a command: ``--database``, else KOINON_DATABASE_URL, else the embedded one.

    Migrations use KOINON_OWNER_DATABASE_URL where it is set and the same URL
    otherwise. The embedded server runs as long as the block.
    """
    given = url or os.environ.get("KOINON_DATABASE_URL")
    if given:
        yield Database(app_url=given, owner_url=os.environ.get("KOINON_OWNER_DATABASE_URL") or given)
        return
    from koinon.db import embedded

    with embedded.running() as server:
        yield Database(app_url=server.url("koinon_app"), owner_url=server.url("postgres"))
