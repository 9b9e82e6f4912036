"""A savepoint undoes itself alone, and never commits what is around it."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db import connection
from django.db import transaction as django_transaction

from koinon.db.transactions import savepoint, transaction


class Stop(Exception):
    pass


def note(conn: psycopg.Connection[Any], text: str) -> None:
    conn.execute("INSERT INTO note VALUES (%s)", [text])


def notes(conn: psycopg.Connection[Any]) -> list[str]:
    return [row[0] for row in conn.execute("SELECT * FROM note ORDER BY 1").fetchall()]


@pytest.fixture
def note_table(owner_conn: psycopg.Connection[Any]) -> None:
    owner_conn.execute("CREATE TABLE note (text text)")
    owner_conn.execute("GRANT ALL ON note TO koinon_app")


def test_savepoint_as_first_statement_inside_atomic_does_not_outlive_the_rollback(
    note_table: None, owner_conn: psycopg.Connection[Any], django_fresh: Any
) -> None:
    connection.ensure_connection()
    conn = connection.connection  # As Django hands it over: nothing has been sent on it yet.
    with pytest.raises(Stop), django_transaction.atomic():
        with savepoint(conn):
            note(conn, "paid")
        raise Stop
    assert notes(owner_conn) == []


def test_savepoint_undoes_its_own_block_and_keeps_what_came_before_and_after(
    note_table: None, conn: psycopg.Connection[Any], owner_conn: psycopg.Connection[Any]
) -> None:
    with transaction(conn):
        note(conn, "before")
        with pytest.raises(Stop), savepoint(conn):
            note(conn, "undone")
            raise Stop
        note(conn, "later")
    assert notes(owner_conn) == ["before", "later"]


def test_savepoint_as_first_statement_opens_the_transaction_and_leaves_it_open(
    note_table: None, conn: psycopg.Connection[Any], owner_conn: psycopg.Connection[Any]
) -> None:
    with savepoint(conn):
        note(conn, "not yet")
    assert notes(owner_conn) == []
    conn.rollback()
    assert notes(conn) == []


def test_a_connection_that_commits_each_statement_is_no_place_for_a_savepoint(conn: psycopg.Connection[Any]) -> None:
    conn.autocommit = True
    with pytest.raises(AssertionError), savepoint(conn):
        pass


def test_transaction_inside_a_transaction_is_a_defect_of_ours(conn: psycopg.Connection[Any]) -> None:
    conn.execute("SELECT 1")
    with pytest.raises(AssertionError), transaction(conn):
        pass


def test_orm_and_sql_share_the_rolled_back_transaction(django_db: psycopg.Connection[Any]) -> None:
    from koinon.parties.models import User

    User.objects.create_user("ana")
    assert django_db.execute("SELECT count(*)::int FROM parties_user").fetchone() == (1,)


def test_what_a_transaction_of_one_snapshot_reads_is_of_one_moment_and_the_next_one_reads_on(
    note_table: None, conn: psycopg.Connection[Any], owner_conn: psycopg.Connection[Any]
) -> None:
    with transaction(conn, one_snapshot=True):
        before = notes(conn)
        note(owner_conn, "meanwhile")
        owner_conn.commit()
        during = notes(conn)
    with transaction(conn):
        after = notes(conn)

    assert (before, during, after) == ([], [], ["meanwhile"])


def test_what_a_page_of_one_snapshot_reads_is_of_one_moment_by_sql_and_by_django(
    note_table: None, owner_conn: psycopg.Connection[Any], django_fresh: Any
) -> None:
    from koinon.parties.connection import one_snapshot

    def read_by_django() -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT text FROM note ORDER BY 1")
            return [row[0] for row in cursor.fetchall()]

    with one_snapshot() as conn:
        before = notes(conn)
        note(owner_conn, "meanwhile")
        during = (notes(conn), read_by_django())

    assert (before, during, read_by_django()) == ([], ([], []), ["meanwhile"])


def test_a_page_of_one_snapshot_inside_a_transaction_is_a_defect_of_ours(django_fresh: Any) -> None:
    from koinon.parties.connection import one_snapshot

    with django_transaction.atomic(), pytest.raises(RuntimeError), one_snapshot():
        pass
