"""A few threads, each with a connection of its own, that read (and write credentials) away from the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import psycopg
from psycopg import Connection

from koinon.api.errors import NotReady
from koinon.db.connections import connect
from koinon.db.errors import DatabaseError
from koinon.db.transactions import transaction

T = TypeVar("T")
PATIENCE_SECONDS = 10


class Readers:
    """At most ``threads`` reads at a time and ``most_waiting`` behind them; more are refused as ``NotReady``."""

    def __init__(self, url: str, *, threads: int, most_waiting: int, name: str) -> None:
        self._url = url
        self._name = name
        self._most = threads + most_waiting
        self._under_way = 0
        self._own = threading.local()
        self._opened: list[Connection[Any]] = []
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def run(self, read: Callable[[Connection[Any]], T]) -> T:
        """``read`` in a transaction on one of the connections. A broken connection is replaced, once."""
        if self._under_way >= self._most:
            raise NotReady
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._read, read)
        finally:
            self._under_way -= 1

    def _read(self, read: Callable[[Connection[Any]], T]) -> T:
        for again in (True, False):
            conn = None
            try:
                conn = self._connection()
                with transaction(conn):
                    return read(conn)
            except (psycopg.OperationalError, DatabaseError) as failed:
                if conn is not None and not (conn.closed or conn.broken):
                    raise NotReady from failed  # It took too long, or waits for a lock.
                self._forget(conn)
                if not again:
                    raise NotReady from failed
        raise AssertionError("the second try returns or raises")

    def _connection(self) -> Connection[Any]:
        conn: Connection[Any] | None = getattr(self._own, "conn", None)
        if conn is None or conn.closed:
            conn = connect(self._url, application_name=self._name, statement_timeout_seconds=PATIENCE_SECONDS)
            self._own.conn = conn
            self._opened.append(conn)
        return conn

    def _forget(self, conn: Connection[Any] | None) -> None:
        self._own.conn = None
        if conn is not None:
            conn.close()
            self._opened.remove(conn)

    def stop(self) -> None:
        """Finish what is under way and close the connections."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        for conn in self._opened:
            conn.close()
        self._opened.clear()
