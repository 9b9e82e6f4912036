"""Who begins, who ends, and what may be undone in between.

The way in (a request, a job, a command) opens one transaction and ends it;
docs/decisions says why. Beneath it only ``savepoint`` is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection
from psycopg.pq import TransactionStatus


@contextmanager
def transaction(conn: Connection[Any], *, one_snapshot: bool = False) -> Iterator[None]:
    """One transaction from here to the end of the block: committed, or undone by an exception.

    With ``one_snapshot`` all it reads is of one moment, for figures of several statements that must agree.
    """
    assert conn.info.transaction_status == TransactionStatus.IDLE, "a transaction is already open"
    with conn.transaction():
        if one_snapshot:
            conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


@contextmanager
def savepoint(conn: Connection[Any]) -> Iterator[None]:
    """Undo this block alone when an exception leaves it; the transaction around it goes on.

    psycopg's own ``conn.transaction()`` looks the same, but as the first
    statement inside Django's ``atomic()`` it becomes the outer transaction and
    commits: the payment would outlive the request's rollback.
    """
    if conn.info.transaction_status == TransactionStatus.IDLE:
        assert not conn.autocommit, "a savepoint needs a transaction around it"
        conn.execute("SELECT 1")  # Sends the BEGIN, so that the block below nests.
    with conn.transaction():
        yield
