"""Reading the books of a demonstration as two installations can be compared: by places, and by the ids and keys that chance does not make."""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql

ACCOUNTS = """
    WITH holder AS (
        SELECT id, kind || ' ' || row_number() OVER (PARTITION BY kind ORDER BY id) AS name FROM parties_party
        UNION ALL
        SELECT id, 'programme ' || code FROM programmes_programme
        UNION ALL
        SELECT id, 'campaign ' || code FROM campaigns.campaign
    )
    SELECT a.id, concat_ws('/', h.name, a.kind, f.code) AS name, a.debits_posted, a.credits_posted,
           a.debits_held, a.credits_held
    FROM ledger.account AS a
    INNER JOIN holder AS h ON h.id = a.holder
    LEFT JOIN programmes_fund AS f ON f.id = a.fund
    ORDER BY name
"""
TRANSFERS = """
    SELECT t.debit_account, t.credit_account, t.amount_minor, t.code, t.effective_at, t.reverses IS NOT NULL,
           CASE t.code WHEN 'pay' THEN t.id::text ELSE coalesce(q.key, c.key, '') END
    FROM ledger.transfer AS t
    LEFT JOIN treasury.redemption AS q ON q.town_id = t.town_id AND q.transfer_id = t.id
    LEFT JOIN treasury.receipt AS c ON c.town_id = t.town_id AND c.transfer_id = t.id
"""


def canonical(conn: Connection[Any]) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Every account with its sums, and every transfer by name, accounts, amount and time."""
    accounts = conn.execute(ACCOUNTS).fetchall()
    name = {row[0]: row[1] for row in accounts}
    transfers = [(name[row[0]], name[row[1]], *row[2:]) for row in conn.execute(TRANSFERS).fetchall()]
    conn.rollback()
    return [row[1:] for row in accounts], sorted(transfers, key=str)


def everything(conn: Connection[Any]) -> dict[str, list[str]]:
    """Every row of every table there is, as text: what a dump would hold."""
    tables = conn.execute(
        "SELECT schemaname, tablename FROM pg_catalog.pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"
    ).fetchall()
    found = {}
    for schema, table in tables:
        rows = conn.execute(sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(schema, table))).fetchall()
        found[f"{schema}.{table}"] = sorted(row[0] for row in rows)
    return found
