"""SQL migrations: ``<package>/sql/migrations/NNNN_name.sql``, in the order of the layers, once each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from typing import Any

from psycopg import Connection
from psycopg.pq import TransactionStatus

from koinon.db.errors import MigrationChanged
from koinon.db.statements import execute, many, scalar, statement

PACKAGES = (
    "koinon.db",
    "koinon.audit",
    "koinon.outbox",
    "koinon.ledger",
    "koinon.parties",
    "koinon.programmes",
    "koinon.campaigns",
    "koinon.instruments",
    "koinon.payments",
    "koinon.coproduction",
    "koinon.offline",
    "koinon.treasury",
    "koinon.banking",
    "koinon.casework",
    "koinon.helpdesk",
    "koinon.office",
    "koinon.accounting",
    "koinon.clearing",
    "koinon.procurement",
    "koinon.dialogue",
    "koinon.impact",
    "koinon.pilots",
    "koinon.api",
)
OWNER = "koinon_owner"
# Any number does, as long as nothing else in the database uses it.
_ONE_AT_A_TIME = 7_012_018_100


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: run wholly or not at all."""

    package: str
    name: str
    sql: str
    sha256: str


@dataclass(frozen=True, slots=True)
class _Applied:
    package: str
    name: str
    sha256: str


def found(packages: Sequence[str] = PACKAGES) -> Iterator[Migration]:
    """Every migration there is, in the order in which a new database gets them."""
    for package in packages:
        if find_spec(package) is None:
            continue
        folder = files(package).joinpath("sql").joinpath("migrations")
        if not folder.is_dir():
            continue
        for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if file.name.endswith(".sql"):
                content = file.read_bytes()
                yield Migration(
                    package, file.name.removesuffix(".sql"), content.decode(), hashlib.sha256(content).hexdigest()
                )


def pending(conn: Connection[Any], packages: Sequence[str] = PACKAGES) -> list[Migration]:
    """What this database has not had, in order; ``conn`` needs to do no more than read.

    A file that was edited after it ran raises ``MigrationChanged``: what a
    database holds would no longer be what its files say.
    """
    with conn.transaction():
        had: dict[tuple[str, str], str] = {}
        if scalar(conn, "SELECT to_regclass('public.koinon_migration') IS NOT NULL"):
            rows = many(conn, statement("koinon.db", "applied_migrations"), _Applied)
            had = {(row.package, row.name): row.sha256 for row in rows}
    everything = list(found(packages))
    for migration in everything:
        if had.get((migration.package, migration.name), migration.sha256) != migration.sha256:
            raise MigrationChanged(package=migration.package, name=migration.name)
    return [migration for migration in everything if (migration.package, migration.name) not in had]


def apply(owner_conn: Connection[Any], packages: Sequence[str] = PACKAGES) -> list[Migration]:
    """Run what is pending, each migration in a transaction of its own; say what was run.

    ``owner_conn`` may become ``koinon_owner`` and has no transaction open. Two
    that start at once take turns, and the second finds nothing left to do.
    """
    assert owner_conn.info.transaction_status == TransactionStatus.IDLE
    with alone(owner_conn):
        with owner_conn.transaction():
            execute(owner_conn, statement("koinon.db", "create_migration_record"))
        fresh = pending(owner_conn, packages)
        for migration in fresh:
            with owner_conn.transaction():
                owner_conn.execute(migration.sql)
                execute(
                    owner_conn,
                    statement("koinon.db", "record_migration"),
                    package=migration.package,
                    name=migration.name,
                    sha256=migration.sha256,
                )
        return fresh


@contextmanager
def alone(conn: Connection[Any]) -> Iterator[None]:
    """Hold the migrations' lock and the owner's role for the length of a block."""
    with conn.transaction():
        # Waiting for another start to finish its migrations may take long; that is no hanging statement.
        conn.execute("SET statement_timeout = 0")
        conn.execute("SELECT pg_advisory_lock(%s)", [_ONE_AT_A_TIME])
        conn.execute("SELECT set_config('role', %s, false)", [OWNER])
    try:
        yield
    finally:
        if not conn.closed:
            conn.rollback()
            with conn.transaction():
                conn.execute("RESET ROLE")
                conn.execute("RESET statement_timeout")
                conn.execute("SELECT pg_advisory_unlock(%s)", [_ONE_AT_A_TIME])
