"""The psycopg connection beneath Django's, so that records and money move in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections, transaction


def raw(using: str = DEFAULT_DB_ALIAS) -> psycopg.Connection:
    """The connection that Django uses, for operations that speak SQL. Commits nothing by itself.

    Only inside ``atomic()``: the request, job or command owns the transaction
    (docs/decisions/0004). Beneath it use ``koinon.db.transactions.savepoint``.

    JSON columns arrive as text on this connection, because Django decodes them
    itself; SQL files of this project therefore select them as ``::text``.
    """
    wrapper = connections[using]
    assert wrapper.in_atomic_block, "raw() is for use inside atomic(): the way in owns the transaction"
    wrapper.ensure_connection()
    conn = wrapper.connection
    assert isinstance(conn, psycopg.Connection)
    conn.execute("SELECT 1")  # Sends the BEGIN, so that a savepoint below nests inside atomic().
    return conn


@contextmanager
def one_snapshot(using: str = DEFAULT_DB_ALIAS) -> Iterator[psycopg.Connection]:
    """A transaction in which all that is read is of one moment, by SQL and by Django: for a way in that owns it.

    ``koinon.db.transactions.transaction`` does the same for those who have no Django.
    """
    with transaction.atomic(using, durable=True):
        connections[using].connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")  # Before it reads.
        yield raw(using)
