"""Invariants: every ``<package>/checks/*.sql`` is a query whose empty answer is a pass.

The same files run after the tests, around a batch, on a timer and by ``koinon check``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.sql import SQL, Literal

from koinon.db.statements import execute, many, statement, without_comment_lines
from koinon.db.transactions import savepoint

SHOWN = 100  # Rows kept of a check that fails; one would be enough to know, these help to find out why.


@dataclass(frozen=True, slots=True)
class Check:
    """One file: its first column is ``town_id``, the rest says what is wrong and by how much."""

    package: str
    name: str
    says: str
    sql: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found; ``failures`` holds at most the first hundred rows."""

    name: str
    package: str
    failures: list[dict[str, Any]]
    says: str = ""

    @property
    def passed(self) -> bool:
        return not self.failures


@cache
def every_check() -> tuple[Check, ...]:
    """Every invariant of every package, by package and name."""
    return tuple(sorted(_found(), key=lambda check: (check.package, check.name)))


def _found() -> Iterator[Check]:
    for package in files("koinon").iterdir():
        folder = package.joinpath("checks")
        if not folder.is_dir():
            continue
        for file in folder.iterdir():
            if file.name.endswith(".sql"):
                text = file.read_text(encoding="utf-8")
                name = file.name.removesuffix(".sql")
                yield Check(f"koinon.{package.name}", name, _promise(text), without_comment_lines(text).rstrip(";\n "))


def _promise(text: str) -> str:
    """What the file says is always so: its ``-- Invariant:`` sentence.

    >>> _promise("-- Invariant: nothing is\\n-- lost. Returns what is.\\nSELECT 1")
    'nothing is lost'
    """
    lines = []
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    return " ".join(lines).removeprefix("Invariant:").strip().split(". ")[0].rstrip(".")


def run_checks(conn: Connection[Any], town_id: int | None = None) -> list[CheckResult]:
    """Run every invariant, for one town or for all.

    Writes nothing and locks nothing. A check of a whole history may take longer
    than an ordinary statement: connect with ``statement_timeout_seconds=0``.
    """
    return [
        CheckResult(check.name, check.package, _failures(conn, check, town_id), check.says) for check in every_check()
    ]


@dataclass(frozen=True, slots=True)
class LastResult:
    """What an invariant last said of a town; ``failures`` counts at most the first hundred rows."""

    package: str
    name: str
    failures: int
    checked_at: datetime

    @property
    def passed(self) -> bool:
        return self.failures == 0

    @property
    def says(self) -> str:
        """The invariant's own sentence; empty where the file is no longer there."""
        return next(
            (check.says for check in every_check() if (check.package, check.name) == (self.package, self.name)), ""
        )


def keep(conn: Connection[Any], *, town_id: int, results: Sequence[CheckResult], at: datetime) -> None:
    """Keep what the invariants say of a town, for pages; ``results`` may speak of other towns too."""
    execute(
        conn,
        statement("koinon.db", "keep_check_results"),
        town_id=town_id,
        packages=[result.package for result in results],
        names=[result.name for result in results],
        failures=[sum(row["town_id"] == town_id for row in result.failures) for result in results],
        at=at,
    )


def last(conn: Connection[Any], *, town_id: int) -> list[LastResult]:
    """What the invariants last said of a town; empty where none has been run."""
    return many(conn, statement("koinon.db", "last_check_results"), LastResult, town_id=town_id)


def _failures(conn: Connection[Any], check: Check, town_id: int | None) -> list[dict[str, Any]]:
    found = SQL("SELECT found.* FROM (\n{}\n) AS found").format(SQL(check.sql))
    if town_id is not None:
        found += SQL(" WHERE found.town_id = {}").format(Literal(town_id))
    found += SQL(" LIMIT {}").format(Literal(SHOWN))
    with savepoint(conn), conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(found).fetchall()
