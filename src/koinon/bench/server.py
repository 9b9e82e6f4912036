"""A database server of the measurement's own, durable, in a folder that is removed afterwards."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from koinon.bench import machine
from koinon.bench.errors import NotDurable
from koinon.db import embedded
from koinon.db.connections import Database
from koinon.db.embedded import EmbeddedServer

SHOWN_SETTINGS = (
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_sync_method",
    "wal_level",
    "wal_compression",
    "shared_buffers",
    "max_wal_size",
    "min_wal_size",
    "checkpoint_timeout",
    "commit_delay",
    "max_connections",
    "work_mem",
    "autovacuum",
    "jit",
    "data_checksums",
)
_MUST_BE_ON = ("fsync", "synchronous_commit", "full_page_writes")


@dataclass(slots=True)
class Server:
    """The running server, seen by its administrator."""

    embedded: EmbeddedServer
    folder: Path
    admin: Connection[Any]
    postmaster: int
    _clones: int = field(default=0)

    @property
    def data(self) -> Path:
        return self.folder / "pg"

    def database(self, name: str) -> Database:
        return Database(
            app_url=self.embedded.url("koinon_app", name), owner_url=self.embedded.url(embedded.ADMINISTRATOR, name)
        )

    def create(self, name: str, *, template: str = "template0") -> Database:
        """A database of this name, empty or a copy of another one."""
        if template == "template0":
            how = SQL("ENCODING 'UTF8' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'PG_UNICODE_FAST' LOCALE 'C'")
        else:
            how = SQL("STRATEGY FILE_COPY")
        self.admin.execute(SQL("CREATE DATABASE {} TEMPLATE {} {}").format(Identifier(name), Identifier(template), how))
        return self.database(name)

    def clone(self, template: str) -> tuple[str, Database]:
        """A copy that one workload has for itself."""
        self._clones += 1
        name = f"{template}_{self._clones}"
        return name, self.create(name, template=template)

    def drop(self, name: str) -> None:
        self.admin.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))

    def checkpoint(self) -> None:
        """So that every round begins with the same work behind it."""
        self.admin.execute("CHECKPOINT")

    def cpu_seconds(self) -> float:
        """Processor time of all the server's processes, those that have ended included."""
        processes = [self.postmaster, *machine.children_of(self.postmaster)]
        return sum(machine.cpu_seconds_of(process) for process in processes)

    def wal_position(self) -> int:
        row = self.admin.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint").fetchone()
        assert row is not None
        return int(row[0])

    def settings(self) -> dict[str, str]:
        """What the server says of itself. Raises ``NotDurable`` where it might lose what it acknowledges."""
        found: dict[str, str] = {}
        for name in SHOWN_SETTINGS:
            row = self.admin.execute("SELECT current_setting(%s, true)", [name]).fetchone()
            found[name] = row[0] if row and row[0] is not None else ""
        for name in _MUST_BE_ON:
            if found[name] != "on":
                raise NotDurable(setting=name, value=found[name])
        version = self.admin.execute("SHOW server_version").fetchone()
        assert version is not None
        return {"postgresql": version[0], **found}


@contextmanager
def running(root: Path) -> Iterator[Server]:
    """Start a server on a new folder beneath ``root``, on the disk where the installation keeps its books."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=root))
    try:
        with (
            embedded.running(folder) as started,
            psycopg.connect(started.url(embedded.ADMINISTRATOR, "postgres"), autocommit=True) as admin,
        ):
            yield Server(started, folder, admin, machine.parent_of(admin.info.backend_pid))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
