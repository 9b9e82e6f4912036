"""Connections count time in UTC, give up on endless statements, and say why they could not be made."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
import pytest

from koinon.db.connections import Database, connect, database
from koinon.db.errors import Unreachable


def test_a_connection_counts_in_utc_and_begins_a_transaction_by_itself(database_url: str) -> None:
    with connect(database_url, application_name="a test") as conn:
        shown = [conn.execute(f"SHOW {name}").fetchone() for name in ("timezone", "application_name")]
        assert (shown, conn.autocommit) == ([("UTC",), ("a test",)], False)


def test_a_statement_that_takes_too_long_is_given_up(database_url: str) -> None:
    with connect(database_url, statement_timeout_seconds=1) as conn:
        with pytest.raises(psycopg.errors.QueryCanceled):
            conn.execute("SELECT pg_sleep(10)")
        conn.rollback()


def test_options_in_the_address_are_kept(database_url: str) -> None:
    with connect(f"{database_url}&options=-c%20search_path%3Dledger") as conn:
        shown = [conn.execute(f"SHOW {name}").fetchone() for name in ("search_path", "timezone")]
        assert shown == [("ledger",), ("UTC",)]


def test_a_database_that_does_not_answer_is_a_refusal_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="No such file or directory"):
        connect(f"postgresql://koinon_app@/koinon?host={tmp_path}")


def test_the_address_given_comes_before_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOINON_DATABASE_URL", "postgresql://of-the-environment")
    with database("postgresql://given") as found:
        assert found == Database("postgresql://given", "postgresql://given")
    with database() as found:
        assert found == Database("postgresql://of-the-environment", "postgresql://of-the-environment")
    monkeypatch.setenv("KOINON_OWNER_DATABASE_URL", "postgresql://owner")
    with database() as found:
        assert found == Database("postgresql://of-the-environment", "postgresql://owner")


def test_without_an_address_the_embedded_server_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOINON_VAR", str(tmp_path))
    assert "KOINON_DATABASE_URL" not in os.environ
    with database() as found, connect(found.app_url) as conn:
        assert conn.execute("SELECT current_user").fetchone() == ("koinon_app",)
