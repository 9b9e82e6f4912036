"""Invariants are found wherever they lie, and a failing one shows the rows that break it."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from koinon.db import checks
from koinon.db.checks import Check, run_checks

CHECK = Check(
    package="koinon.garden",
    name="no_bed_is_empty",
    says="no bed is empty",
    sql="WITH bed AS (SELECT * FROM (VALUES (1, 'a', 0), (1, 'b', 3), (2, 'c', 0)) AS b (town_id, name, plants))\n"
    "SELECT town_id, name FROM bed WHERE plants % 100 = 0",
)


@pytest.fixture(autouse=True)
def only_one_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "every_check", lambda: (CHECK,))


def test_a_failing_check_names_itself_and_the_rows_that_break_it(conn: psycopg.Connection[Any]) -> None:
    (result,) = run_checks(conn)
    assert (result.package, result.name, result.passed) == ("koinon.garden", "no_bed_is_empty", False)
    assert result.failures == [{"town_id": 1, "name": "a"}, {"town_id": 2, "name": "c"}]


def test_a_check_can_be_asked_for_one_town(conn: psycopg.Connection[Any]) -> None:
    assert run_checks(conn, town_id=2)[0].failures == [{"town_id": 2, "name": "c"}]
    assert run_checks(conn, town_id=3)[0].passed


def test_running_the_checks_leaves_the_callers_transaction_as_it_was(conn: psycopg.Connection[Any]) -> None:
    conn.execute("CREATE TEMPORARY TABLE mine (number int)")
    run_checks(conn)
    assert conn.execute("SELECT count(*)::int FROM mine").fetchone() == (0,)


def test_a_failing_check_shows_at_most_a_hundred_rows(
    conn: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    many = Check("koinon.garden", "many", "", "SELECT n AS town_id FROM generate_series(1, 1000) AS n")
    monkeypatch.setattr(checks, "every_check", lambda: (many,))
    assert len(run_checks(conn)[0].failures) == checks.SHOWN
