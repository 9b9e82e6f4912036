"""A database is prepared by whoever may do it, and then served by a role that may not."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from koinon.db.connections import Database
from koinon.db.errors import RolesMissing
from koinon.server.prepare import prepare


@pytest.fixture(autouse=True)
def _address_of_the_environment(monkeypatch: pytest.MonkeyPatch, database: Database) -> None:
    """Preparing writes the address into the environment; the tests that follow find none there."""
    monkeypatch.setenv("KOINON_DATABASE_URL", database.app_url)


def test_a_prepared_database_is_served_with_the_applications_address_alone(database: Database) -> None:
    assert prepare(Database(app_url=database.app_url, owner_url=database.app_url)) == 0


def test_the_applications_address_is_not_enough_when_a_migration_is_due(
    database: Database, owner_conn: psycopg.Connection[Any]
) -> None:
    owner_conn.execute("DELETE FROM koinon_migration WHERE package = 'koinon.audit'")
    with pytest.raises(RolesMissing) as refused:
        prepare(Database(app_url=database.app_url, owner_url=database.app_url))
    assert "membership in koinon_owner" in refused.value.missing


def test_preparing_twice_changes_nothing(database: Database, owner_conn: psycopg.Connection[Any]) -> None:
    had = owner_conn.execute("SELECT * FROM koinon_migration, django_migrations ORDER BY 1, 2").fetchall()
    assert prepare(database) == 0
    assert owner_conn.execute("SELECT * FROM koinon_migration, django_migrations ORDER BY 1, 2").fetchall() == had
