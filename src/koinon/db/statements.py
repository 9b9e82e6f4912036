"""SQL that lives in files, and rows that come back as frozen dataclasses."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

from psycopg import Connection
from psycopg.rows import class_row, tuple_row

Row = TypeVar("Row")


@cache
def statement(package: str, name: str) -> str:
    """The text of ``<package>/sql/<name>.sql``, without the lines that are comments.

    The comments go because psycopg would take a per cent sign in them for a parameter.
    """
    text = files(package).joinpath("sql").joinpath(f"{name}.sql").read_text(encoding="utf-8")
    return without_comment_lines(text)


def without_comment_lines(sql: str) -> str:
    """SQL without the lines that hold nothing but a comment.

    >>> without_comment_lines("-- 13 % of them\\nSELECT 1\\n  -- more\\nFROM t;\\n")
    'SELECT 1\\nFROM t;'
    """
    return "\n".join(line for line in sql.splitlines() if not line.lstrip().startswith("--")).strip()


def many(conn: Connection[Any], sql: str, row_type: type[Row], **params: Any) -> list[Row]:
    """Every row, as ``row_type``; columns and fields have the same names."""
    with conn.cursor(row_factory=class_row(row_type)) as cursor:
        return cursor.execute(sql, params or None).fetchall()


def maybe(conn: Connection[Any], sql: str, row_type: type[Row], **params: Any) -> Row | None:
    """The only row, or None where there is none."""
    rows = many(conn, sql, row_type, **params)
    assert len(rows) <= 1, f"{len(rows)} rows where at most one was expected"
    return rows[0] if rows else None


def one(conn: Connection[Any], sql: str, row_type: type[Row], **params: Any) -> Row:
    """The only row; that there is exactly one is for our own code to know."""
    rows = many(conn, sql, row_type, **params)
    assert len(rows) == 1, f"{len(rows)} rows where one was expected"
    return rows[0]


def scalar(conn: Connection[Any], sql: str, **params: Any) -> Any:
    """The first column of the first row, or None where there is no row."""
    with conn.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(sql, params or None).fetchone()
    return None if row is None else row[0]


def execute(conn: Connection[Any], sql: str, **params: Any) -> int:
    """Run a statement whose rows do not matter; the number of rows it touched."""
    with conn.cursor(row_factory=tuple_row) as cursor:
        return cursor.execute(sql, params or None).rowcount
