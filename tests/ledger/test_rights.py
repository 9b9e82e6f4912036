"""What the application may do with the books: call the posting functions and read. Nothing else."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.ledger.story import TOWN, check

Conn = psycopg.Connection[Any]


@pytest.mark.parametrize(
    "attempt",
    [
        "UPDATE ledger.transfer SET amount_minor = 1",
        "DELETE FROM ledger.transfer",
        "TRUNCATE ledger.transfer",
        "INSERT INTO ledger.accepted VALUES (1, 'k', '', '00000000-0000-0000-0000-000000000000')",
        "UPDATE ledger.account SET credits_posted = credits_posted + 1",
        "UPDATE ledger.chain SET number = 0",
        "DELETE FROM ledger.block",
        "INSERT INTO ledger.route VALUES ('pay', 'issuance', 'purse')",
        "UPDATE ledger.tx_base SET base = 0",
        "ALTER TABLE ledger.transfer DISABLE TRIGGER ALL",
        "ALTER FUNCTION ledger.seal RESET search_path",
        "DROP TABLE ledger.hold",
        "SELECT nextval('ledger.account_number')",
        "SET ROLE koinon_owner",
        "SET session_replication_role = replica",
        "CREATE FUNCTION ledger.evil() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "UPDATE audit.entry SET actor = 'test:x'",
        "DELETE FROM audit.entry",
        "TRUNCATE audit.entry",
    ],
)
def test_the_application_cannot_rewrite_the_books(conn: Conn, attempt: str) -> None:
    check(conn, TOWN)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(attempt)


def test_the_posting_functions_find_nothing_that_a_caller_put_in_their_way(conn: Conn) -> None:
    conn.execute("CREATE TEMP TABLE account (town_id integer, id bigint, closed_at timestamptz)")
    conn.execute("SET LOCAL search_path = pg_temp, public")
    check(conn, TOWN + "pay ana shop 1.00")
