"""Connections that stay open between charges, for a till's queue.

Django opens a connection for each request. PostgreSQL then compiles the posting functions anew for each, which takes
longer than the payment itself; these have done so already. Only what pays at a till goes through here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections
from psycopg import Connection
from psycopg_pool import ConnectionPool

from koinon.db.transactions import transaction

MOST = 8  # At once; a town's till takes some fifty milliseconds.
IDLE_SECONDS = 120.0

_pools: dict[str, ConnectionPool[Connection[Any]]] = {}
_lock = threading.Lock()


def _pool() -> ConnectionPool[Connection[Any]]:
    asked = connections["default"].get_connection_params()
    kept = {name: asked[name] for name in ("dbname", "user", "password", "host", "port", "options") if asked.get(name)}
    with _lock:
        found = _pools.get(key := repr(sorted(kept.items())))
        if found is None:
            found = _pools[key] = ConnectionPool(
                kwargs={**kept, "autocommit": False, "application_name": "koinon till"},
                min_size=0,
                max_size=MOST,
                max_idle=IDLE_SECONDS,
                timeout=10,
                check=ConnectionPool.check_connection,
                open=True,
                name="koinon-till",
            )
        return found


@contextmanager
def opened() -> Iterator[Connection[Any]]:
    """A transaction of its own on a connection that is warm, committed at the end of its block."""
    with _pool().connection() as conn, transaction(conn):
        yield conn
