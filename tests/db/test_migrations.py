"""Migrations run once, in order, wholly or not at all, and one start at a time."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from koinon.db import embedded, migrations, setup
from koinon.db.connections import Database, connect
from koinon.db.errors import MigrationChanged, RolesMissing

OPENING = "SET LOCAL lock_timeout = '5s';\n"


class Package:
    """A package of SQL files, written for one test."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.folder = folder / name / "sql" / "migrations"
        self.folder.mkdir(parents=True)
        (folder / name / "__init__.py").write_text('"""For one test."""')

    def write(self, name: str, sql: str) -> None:
        (self.folder / f"{name}.sql").write_text(OPENING + sql)

    def apply(self, conn: psycopg.Connection[Any]) -> list[str]:
        return [migration.name for migration in migrations.apply(conn, [self.name])]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Package]:
    monkeypatch.syspath_prepend(tmp_path)
    yield Package(tmp_path, "migrations_of_a_test")
    sys.modules.pop("migrations_of_a_test", None)


@pytest.fixture
def owner(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with connect(database.owner_url) as conn:
        yield conn


def columns(conn: psycopg.Connection[Any], table: str) -> list[str]:
    found = conn.execute(
        "SELECT column_name::text FROM information_schema.columns WHERE table_name = %s ORDER BY 1", [table]
    ).fetchall()
    conn.rollback()
    return [row[0] for row in found]


def test_migrations_run_in_the_order_of_their_numbers_and_once(
    package: Package, owner: psycopg.Connection[Any]
) -> None:
    package.write("0002_add_beds", "ALTER TABLE garden ADD COLUMN beds int;")
    package.write("0001_open_gardens", "CREATE TABLE garden (name text);")
    assert package.apply(owner) == ["0001_open_gardens", "0002_add_beds"]
    assert package.apply(owner) == []
    assert columns(owner, "garden") == ["beds", "name"]


def test_what_a_migration_makes_belongs_to_the_owner_and_the_application_may_work_with_it(
    package: Package, owner: psycopg.Connection[Any], conn: psycopg.Connection[Any]
) -> None:
    package.write("0001_open_gardens", "CREATE TABLE garden (id int GENERATED ALWAYS AS IDENTITY, name text);")
    package.apply(owner)
    assert owner.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'garden'").fetchone() == ("koinon_owner",)
    assert owner.execute("SELECT current_user").fetchone() == ("postgres",)
    conn.execute("INSERT INTO garden (name) VALUES ('Can Peguera')")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("DROP TABLE garden")


def test_a_migration_that_was_edited_after_it_ran_is_refused_before_anything_runs(
    package: Package, owner: psycopg.Connection[Any]
) -> None:
    package.write("0001_open_gardens", "CREATE TABLE garden (name text);")
    package.apply(owner)
    package.write("0001_open_gardens", "CREATE TABLE garden (name text, beds int);")
    package.write("0002_open_orchards", "CREATE TABLE orchard (name text);")
    with pytest.raises(MigrationChanged) as refused:
        package.apply(owner)
    assert refused.value.fields == {"package": package.name, "name": "0001_open_gardens"}
    assert columns(owner, "orchard") == []


def test_a_migration_that_fails_leaves_nothing_and_can_be_run_again(
    package: Package, owner: psycopg.Connection[Any]
) -> None:
    package.write("0001_open_gardens", "CREATE TABLE garden (name text);")
    package.write("0002_add_beds", "ALTER TABLE garden ADD COLUMN beds int; SELECT 1 / 0;")
    with pytest.raises(psycopg.errors.DivisionByZero):
        package.apply(owner)
    assert columns(owner, "garden") == ["name"]
    package.write("0002_add_beds", "ALTER TABLE garden ADD COLUMN beds int;")
    assert package.apply(owner) == ["0002_add_beds"]


def test_two_starts_at_once_take_turns_and_run_each_migration_once(package: Package, database: Database) -> None:
    package.write("0001_open_gardens", "SELECT pg_sleep(0.3); CREATE TABLE garden (name text);")
    ran: list[list[str]] = []

    def start() -> None:
        with connect(database.owner_url) as conn:
            ran.append(package.apply(conn))

    starts = [threading.Thread(target=start) for _ in range(4)]
    for each in starts:
        each.start()
    for each in starts:
        each.join()
    assert sorted(ran) == [[], [], [], ["0001_open_gardens"]]


# A PostgreSQL that somebody else runs


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Callable[[str], Database]]:
    """A database without roles and tables, owned by a role with these attributes, as a hosting company gives it."""
    with (
        embedded.running(tmp_path / "elsewhere", durable=False) as server,
        psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as admin,
    ):
        admin.execute("DROP DATABASE koinon")
        admin.execute("DROP ROLE koinon_owner, koinon_app")

        def make(attributes: str) -> Database:
            admin.execute(f"CREATE ROLE town_hall LOGIN {attributes}")
            admin.execute("CREATE DATABASE town_hall OWNER town_hall TEMPLATE template0")
            return Database(
                app_url=server.url("koinon_app", "town_hall"), owner_url=server.url("town_hall", "town_hall")
            )

        yield make


def administrator(database: Database) -> psycopg.Connection[Any]:
    return psycopg.connect(database.owner_url.replace("town_hall@", "postgres@"), autocommit=True)


def test_a_role_that_may_create_roles_sets_a_bare_database_up_without_being_superuser(
    bare: Callable[[str], Database],
) -> None:
    database = bare("CREATEROLE")
    ran = setup.prepare(database)
    assert [migration.name for migration in ran] == [migration.name for migration in migrations.found()]
    assert setup.prepare(database) == []
    with connect(database.app_url) as conn:
        assert conn.execute("SELECT count(*)::int FROM koinon_migration").fetchone() == (len(ran),)


def test_a_role_that_may_not_is_told_what_an_administrator_has_to_run(bare: Callable[[str], Database]) -> None:
    database = bare("NOCREATEROLE")
    with pytest.raises(RolesMissing) as refused:
        setup.prepare(database)
    assert refused.value.missing == ["role koinon_owner", "role koinon_app"]
    with administrator(database) as admin:
        admin.execute(refused.value.statements)
    ran = setup.prepare(database)
    assert [migration.name for migration in ran] == [migration.name for migration in migrations.found()]


# From a version before


def test_months_that_were_there_before_an_update_and_those_after_it_are_found_by_their_days(
    database: Database,
) -> None:
    """The ledger's 0012 and accounting's 0003 on a database that has not had them, with a month in the books."""

    def indexes(conn: psycopg.Connection[Any], table: str) -> set[str]:
        rows = conn.execute("SELECT indexdef FROM pg_indexes WHERE schemaname = 'ledger' AND tablename = %s", [table])
        return {definition.split(" USING ")[1] for (definition,) in rows.fetchall()}

    with connect(database.owner_url) as conn:
        conn.execute("DROP INDEX ledger.journal_by_day; DROP FUNCTION ledger.paid_beside")
        conn.execute("DROP INDEX coproduction.contribution_by_what_it_corrects")
        conn.execute("CREATE INDEX hold_open_by_payee ON ledger.hold (town_id, credit_account) WHERE state = 'open'")
        conn.execute("SELECT ledger.open_month(600)")
        conn.execute(
            "DELETE FROM koinon_migration WHERE (package, left(name, 4)) IN (VALUES ('koinon.ledger', '0012'),"
            " ('koinon.accounting', '0003'))"
        )
        conn.commit()
        ran = [(migration.package, migration.name[:4]) for migration in migrations.apply(conn)]
        conn.execute("SELECT ledger.open_month(601)")
        by_day = (
            "brin (town_id, effective_at timestamptz_minmax_multi_ops) WITH (pages_per_range='32', autosummarize='on')"
        )
        assert ran == [("koinon.ledger", "0012"), ("koinon.accounting", "0003")]
        assert by_day in indexes(conn, "journal_2020_01") & indexes(conn, "journal_2020_02")
        assert [one for one in indexes(conn, "hold") if "credit_account" in one] == []
        conn.rollback()
