"""The embedded PostgreSQL, durable as in earnest, to be killed in several ways and started again."""

from __future__ import annotations

import os
import signal
import time
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import psycopg

from koinon.db import embedded
from koinon.db.connections import Database
from koinon.db.embedded import EmbeddedServer
from tests.db.processes import command_line, kill, processes, until

SOCKET = ".s.PGSQL.5432"
GUARDIAN_PATIENCE = 2  # How often a guardian is left to start its server again before it is killed as well.


class DatabaseUnderFire:
    """A server on the data under ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._running: AbstractContextManager[EmbeddedServer] | None = None
        self._server: EmbeddedServer | None = None
        self._died = 0

    def start(self) -> None:
        self._running = embedded.running(self.root, durable=True)
        self._server = self._running.__enter__()
        self._died = 0

    @property
    def socket(self) -> Path:
        assert self._server is not None
        return self._server.socket_folder / SOCKET

    @property
    def database(self) -> Database:
        """Its own addresses, past every proxy."""
        assert self._server is not None
        return Database(app_url=self._server.url("koinon_app"), owner_url=self._server.url("postgres"))

    def victims(self, what: str) -> list[int]:
        """Whom to kill: one ``backend`` of the application, the ``postmaster``, or ``everything``, guardian and all."""
        if what == "everything" or (what == "postmaster" and self._died >= GUARDIAN_PATIENCE):
            return processes(self.root)
        if what == "postmaster":
            return [number for number, line in self._command_lines() if b"-D" in line]
        return self._backends()[:1]

    def _backends(self) -> list[int]:
        """Those that work for the application, its readers and the sealer."""
        return [number for number, line in self._command_lines() if b" koinon_app " in line[0]]

    def put_to_sleep(self) -> list[int]:
        """Stop every backend where it is, without ending it; whom to wake again."""
        sleeping = self._backends()
        for number in sleeping:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGSTOP)
        return sleeping

    def wake(self, sleeping: list[int]) -> None:
        for number in sleeping:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGCONT)

    def kill(self, what: str) -> None:
        victims = self.victims(what)
        if what == "postmaster":
            self._died += 1
        for number in victims:
            with suppress(ProcessLookupError):
                kill(number)

    def recover(self) -> float:
        """Wait until it answers again, starting it where nobody else does; how many seconds that took."""
        began = time.monotonic()
        while not self._answers():
            if time.monotonic() - began > 90:
                raise TimeoutError("the database does not come back")
            if not any(b"koinon.db.guardian" in line for _, line in self._command_lines()):
                self.stop()
                self.start()
            time.sleep(0.03)
        return time.monotonic() - began

    def _command_lines(self) -> list[tuple[int, list[bytes]]]:
        found = []
        for number in processes(self.root):
            with suppress(OSError):
                found.append((number, command_line(number)))
        return found

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.database.owner_url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        if self._running is not None:
            running, self._running = self._running, None
            running.__exit__(None, None, None)

    def end(self) -> None:
        self.stop()
        until(lambda: processes(self.root) == [], seconds=40)
