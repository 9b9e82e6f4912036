"""Statements come from files and rows come back as frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from koinon.db.statements import execute, many, maybe, one, scalar, statement


@dataclass(frozen=True, slots=True)
class Bed:
    name: str
    plants: int


BEDS = "SELECT name, plants FROM (VALUES ('a', 1), ('b', 2)) AS bed (name, plants) WHERE plants >= %(at_least)s"


def test_rows_come_back_by_the_names_of_their_columns(conn: psycopg.Connection[Any]) -> None:
    assert many(conn, BEDS, Bed, at_least=1) == [Bed("a", 1), Bed("b", 2)]
    assert one(conn, BEDS, Bed, at_least=2) == Bed("b", 2)
    assert maybe(conn, BEDS, Bed, at_least=3) is None
    assert scalar(conn, BEDS, at_least=2) == "b"
    assert scalar(conn, BEDS, at_least=3) is None


def test_more_rows_than_our_code_expected_are_a_defect(conn: psycopg.Connection[Any]) -> None:
    with pytest.raises(AssertionError, match="2 rows where one was expected"):
        one(conn, BEDS, Bed, at_least=1)
    with pytest.raises(AssertionError, match="2 rows where at most one was expected"):
        maybe(conn, BEDS, Bed, at_least=1)


def test_execute_tells_how_many_rows_it_touched(conn: psycopg.Connection[Any]) -> None:
    conn.execute("CREATE TEMPORARY TABLE bed (plants int)")
    assert execute(conn, "INSERT INTO bed SELECT generate_series(1, %(many)s)", many=5) == 5


def test_a_statement_is_the_file_without_its_comments() -> None:
    assert statement("koinon.db", "applied_migrations").startswith("SELECT package, name, sha256")


def test_a_per_cent_sign_needs_no_doubling_where_there_are_no_parameters(conn: psycopg.Connection[Any]) -> None:
    assert scalar(conn, "SELECT 7 % 4") == 3
