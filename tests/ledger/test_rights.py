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
        "UPDATE ledger.journal SET amount_minor = 1",
        "DELETE FROM ledger.journal",
        "TRUNCATE ledger.journal",
        "INSERT INTO ledger.journal SELECT * FROM ledger.journal LIMIT 1",
        "UPDATE {month} SET amount_minor = 1",
        "DELETE FROM {month}",
        "TRUNCATE {month}",
        "INSERT INTO {month} SELECT * FROM {month} LIMIT 1",
        "ALTER TABLE ledger.journal DETACH PARTITION {month}",
        "DROP TABLE {month}",
        "DELETE FROM ledger.target",
        "UPDATE ledger.hold SET state = 'open'",
        "INSERT INTO ledger.actor VALUES (1, 0, 'test:x')",
        "UPDATE ledger.actor SET name = 'test:x'",
        "UPDATE ledger.code SET name = 'gift' WHERE number = 6",
        "INSERT INTO ledger.period VALUES (1, 0, now())",
        "DELETE FROM ledger.period",
        "SELECT nextval('ledger.batch_number')",
        "SELECT setval('ledger.batch_number', 1)",
        "SELECT setval('ledger.actor_number', 1)",
        "SELECT ledger.open_month(9000)",
        "SELECT ledger.turn_month(1, 0)",
        "SELECT ledger.actor_numbers(1, ARRAY['test:x'])",
        "SELECT ledger.lock_accounts(1, ARRAY[1])",
        "UPDATE ledger.account SET credits_posted = credits_posted + 1",
        "UPDATE ledger.chain SET number = 0",
        "DELETE FROM ledger.block",
        "INSERT INTO ledger.route VALUES ('pay', 'issuance', 'purse')",
        "UPDATE ledger.chain SET seq_to = 0, mark_seq = 9000",
        "ALTER TABLE ledger.journal DISABLE TRIGGER ALL",
        "ALTER FUNCTION ledger.seal RESET search_path",
        "DROP TABLE ledger.hold",
        "SELECT nextval('ledger.account_number')",
        "SELECT nextval('ledger.purse_number')",
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
    (month,) = conn.execute("SELECT tableoid::regclass FROM ledger.journal LIMIT 1").fetchone() or ("",)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(attempt.format(month=month).encode())


def test_the_posting_functions_find_nothing_that_a_caller_put_in_their_way(conn: Conn) -> None:
    conn.execute("CREATE TEMP TABLE account (town_id integer, id bigint, closed_at timestamptz)")
    conn.execute("SET LOCAL search_path = pg_temp, public")
    check(conn, TOWN + "pay ana shop 1.00")
