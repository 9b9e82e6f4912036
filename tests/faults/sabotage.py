"""Bugs to plant, for the harness to find."""

from __future__ import annotations

from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Identifier


def drop_the_unique_key(owner: Connection[Any]) -> None:
    """Ids may come twice: the index that forbids it is gone from every month."""
    dropped = owner.execute(
        "SELECT indexrelid::regclass::text FROM pg_index "
        "WHERE indrelid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'ledger.journal'::regclass) "
        "AND indisunique AND NOT indisprimary"
    ).fetchall()
    assert dropped, "no month has a unique index on its ids"
    for (name,) in dropped:
        owner.execute(SQL("DROP INDEX {}").format(Identifier(*name.split("."))))


def sum_before_the_lock(owner: Connection[Any]) -> None:
    """Balances are read first and locked afterwards, so that two may spend the same money."""
    edit(
        owner,
        "ledger.post",
        "ORDER BY locked.id FOR NO KEY UPDATE\n        ) AS acc;",
        "ORDER BY locked.id\n        ) AS acc;\n        PERFORM ledger.lock_accounts(p_town, a_id);",
    )


def edit(owner: Connection[Any], function: str, old: str, new: str) -> None:
    """Change the text of a function, as a careless hand would."""
    definition = owner.execute("SELECT pg_get_functiondef(%s::regproc)", (function,)).fetchone()
    assert definition is not None
    assert definition[0].count(old) == 1, f"{function} no longer says {old!r}"
    owner.execute(definition[0].replace(old, new))
