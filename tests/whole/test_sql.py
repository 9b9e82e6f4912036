"""Facts about every SQL file: it says what it is for, waits politely, and describes what it makes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest

from koinon.db import checks, migrations

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "koinon"
FILES = sorted(SOURCE.rglob("*.sql"))
MIGRATIONS = [file for file in FILES if file.parent.name == "migrations"]
CHECKS = [file for file in FILES if file.parent.name == "checks"]


def name(file: Path) -> str:
    return str(file.relative_to(SOURCE))


@pytest.mark.parametrize("file", FILES, ids=name)
def test_every_sql_file_opens_by_saying_what_it_is_for(file: Path) -> None:
    first = file.read_text(encoding="utf-8").splitlines()[0]
    assert re.match(r"-- \S.{9,}", first), f"{name(file)} needs a header comment"


@pytest.mark.parametrize("file", MIGRATIONS, ids=name)
def test_every_migration_gives_up_rather_than_block_a_town(file: Path) -> None:
    statements = [line for line in file.read_text(encoding="utf-8").splitlines() if line and not line.startswith("--")]
    assert statements[0] == "SET LOCAL lock_timeout = '5s';"
    assert re.fullmatch(r"\d{4}_[a-z0-9_]+\.sql", file.name)


@pytest.mark.parametrize("package", sorted({file.parent for file in MIGRATIONS}), ids=name)
def test_migrations_of_a_package_are_numbered_without_a_gap(package: Path) -> None:
    numbers = [int(file.name[:4]) for file in sorted(package.iterdir())]
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_migration_is_found_by_the_runner() -> None:
    found = {f"{each.package.removeprefix('koinon.')}/sql/migrations/{each.name}.sql" for each in migrations.found()}
    assert found == {name(file) for file in MIGRATIONS}


@pytest.mark.parametrize("file", CHECKS, ids=name)
def test_every_invariant_says_what_always_holds(file: Path) -> None:
    assert file.read_text(encoding="utf-8").startswith("-- Invariant: ")


def test_every_invariant_runs_on_an_empty_database_and_names_the_town_first(conn: psycopg.Connection[Any]) -> None:
    results = checks.run_checks(conn)
    assert {(result.package, result.name): result.failures for result in results if not result.passed} == {}
    assert len(results) == len(CHECKS) > 0
    for check in checks.every_check():
        cursor = conn.execute(f"SELECT * FROM ({check.sql}) AS found LIMIT 0")
        assert cursor.description is not None
        assert cursor.description[0].name == "town_id", f"{check.package}/checks/{check.name}.sql"


def test_every_table_of_a_migration_is_described(owner_conn: psycopg.Connection[Any]) -> None:
    undescribed = owner_conn.execute(
        """
        SELECT n.nspname || '.' || c.relname
        FROM pg_class AS c INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm') AND obj_description(c.oid, 'pg_class') IS NULL
          AND n.nspname NOT IN ('public', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
        ORDER BY 1
        """
    ).fetchall()
    assert undescribed == []


def test_application_role_can_change_no_table_that_holds_money(owner_conn: psycopg.Connection[Any]) -> None:
    changeable = owner_conn.execute(
        """
        SELECT n.nspname || '.' || c.relname, p.privilege
        FROM pg_class AS c INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
        CROSS JOIN unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) AS p (privilege)
        WHERE c.relkind IN ('r', 'p') AND n.nspname = 'ledger'
          AND has_table_privilege('koinon_app', c.oid, p.privilege)
        ORDER BY 1, 2
        """
    ).fetchall()
    assert changeable == []


def test_no_function_with_its_owners_rights_looks_names_up_in_the_callers_path(
    owner_conn: psycopg.Connection[Any],
) -> None:
    loose = owner_conn.execute(
        """
        SELECT p.oid::regprocedure::text
        FROM pg_proc AS p INNER JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema')
          AND NOT coalesce(p.proconfig, '{}')::text LIKE '%search_path=%'
        """
    ).fetchall()
    assert loose == []


FLOATING = re.compile(r"\bfloat\(|\bmath\.|\bdouble precision\b|\breal\b|::float|\bFloatField\b")
MONEY = ("ledger", "programmes", "campaigns", "payments", "treasury", "banking", "kernel", "clearing")


@pytest.mark.parametrize("package", MONEY)
def test_no_float_comes_near_money(package: str) -> None:
    found = [
        f"{name(file)}:{number}: {line.strip()}"
        for file in sorted((SOURCE / package).rglob("*"))
        if file.suffix in {".py", ".sql"}
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if FLOATING.search(line.split("--")[0] if file.suffix == ".sql" else line)
    ]
    assert found == []
