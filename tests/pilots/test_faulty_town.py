"""Applying a folder with faults from the command line: one list, and nothing written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from koinon.db.connections import Database

TOWNS = Path(__file__).parents[2] / "towns"


def dump(conn: psycopg.Connection[Any]) -> dict[str, Any]:
    """Every row of every table, and where every sequence stands."""
    tables = conn.execute(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    ).fetchall()
    rows: dict[str, Any] = {}
    for schema, table in tables:
        query = sql.SQL("SELECT t::text FROM {} AS t ORDER BY 1").format(sql.Identifier(schema, table))
        rows[f"{schema}.{table}"] = conn.execute(query).fetchall()
    rows["sequences"] = conn.execute(
        "SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2"
    ).fetchall()
    return rows


def town_apply(database: Database, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "KOINON_DATABASE_URL": database.app_url,
        "KOINON_OWNER_DATABASE_URL": database.owner_url,
    }
    command = [sys.executable, "-m", "koinon", "town", "apply", *arguments, "--json"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_a_faulty_folder_is_refused_with_every_fault_and_the_database_stays_as_it_was(
    database: Database, owner_conn: psycopg.Connection[Any]
) -> None:
    before = dump(owner_conn)

    ended = town_apply(database, str(TOWNS / "besos-faulty"))

    assert ended.returncode == 1, ended.stderr
    said = json.loads(ended.stdout)
    planted = json.loads((TOWNS / "besos-faulty" / "planted.json").read_text(encoding="utf-8"))
    assert _places(said["findings"]) == _places(planted)
    assert all(one["message"] and one["remedy"] for one in said["findings"])
    assert dump(owner_conn) == before


def _places(findings: list[dict[str, Any]]) -> list[tuple[str, int, str, str]]:
    return sorted((one["file"], one["row"], one["column"], one["code"]) for one in findings)


def test_a_dry_run_from_the_command_line_writes_nothing_and_the_real_one_does(
    database: Database, owner_conn: psycopg.Connection[Any]
) -> None:
    before = dump(owner_conn)

    dry = town_apply(database, str(TOWNS / "besos"), "--dry-run")

    assert dry.returncode == 0, dry.stderr
    assert dump(owner_conn) == before

    real = town_apply(database, str(TOWNS / "besos"))
    after = dump(owner_conn)
    again = town_apply(database, str(TOWNS / "besos"))

    assert (real.returncode, again.returncode) == (0, 0), real.stderr + again.stderr
    assert json.loads(real.stdout)["counts"] == json.loads(dry.stdout)["counts"]
    assert len(after["public.parties_household"]) == 533
    assert dump(owner_conn) == after
