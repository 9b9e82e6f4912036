"""From a bare database to one that has the roles and every SQL migration."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.errors import InsufficientPrivilege

from koinon.db import migrations
from koinon.db.connections import Database, connect
from koinon.db.errors import RolesMissing
from koinon.db.migrations import Migration
from koinon.db.statements import execute, many, statement


@dataclass(frozen=True, slots=True)
class _Missing:
    missing: str


def prepare(database: Database) -> list[Migration]:
    """Make the roles where they are missing and run the migrations that are; say which were run.

    Raises ``RolesMissing``, with the statements for an administrator, where this
    connection may not make them itself. Where nothing is due, nothing is asked of
    the connection but to read.
    """
    with connect(database.owner_url, application_name="koinon prepare") as conn:
        if not migrations.pending(conn):
            return []
        prepare_roles(conn)
        return migrations.apply(conn)


@contextmanager
def one_at_a_time(database: Database) -> Iterator[None]:
    """Hold the migrations' lock, for other migrations than ours, on a connection of its own."""
    with connect(database.owner_url, application_name="koinon prepare") as conn, migrations.alone(conn):
        yield


def prepare_roles(conn: Connection[Any]) -> None:
    """Make the roles and their rights in this database, unless all are there already."""
    with conn.transaction():
        missing = [row.missing for row in many(conn, statement("koinon.db", "missing_preparations"), _Missing)]
    if not missing:
        return
    statements = statement("koinon.db", "create_roles")
    try:
        with conn.transaction():
            execute(conn, statements)
    except InsufficientPrivilege as refused:
        membership = f"GRANT koinon_owner TO {conn.info.user};"
        raise RolesMissing(missing=missing, statements=f"{statements}\n{membership}") from refused
    except (psycopg.errors.UniqueViolation, psycopg.errors.DuplicateObject, psycopg.errors.InternalError_):
        prepare_roles(conn)  # Another start made them in the same moment.
