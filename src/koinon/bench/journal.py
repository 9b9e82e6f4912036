"""``koinon bench journal``: what the journal of a month costs in the books of years.

The rows are written by SQL and never posted: nothing but reading is measured, and the database is removed afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from koinon.accounting import queries
from koinon.bench import books, machine, server
from koinon.db.connections import Database
from koinon.db.statements import execute, scalar, statement
from koinon.kernel.identifiers import new_id
from koinon.parties import queries as parties

ROUNDS = 3
BEGAN = 2020  # The books begin with January of this year.
INDEX = "ledger.journal_by_day"


@dataclass(frozen=True, slots=True)
class Asked:
    """How many rows the books hold, in how many months, of how many towns that share the installation."""

    rows: int = 3_000_000
    months: int = 24
    towns: int = 1


@dataclass(frozen=True, slots=True)
class Cost:
    """What one reading took. A page is 8 kB; ``entries`` are transfers."""

    entries: int
    milliseconds: float
    pages: int


def measure(
    asked: Asked, *, root: Path, prepare: Callable[[Database], int], say: Callable[[str], None]
) -> dict[str, Any]:
    """The document that the command prints: a month in the middle, its tenth day and the newest month, with the index by
    day and without it."""
    with server.running(root) as running:
        books.make_base(running, prepare)
        database = running.database(books.BASE)
        with psycopg.connect(database.owner_url, autocommit=True) as conn:
            conn.execute("SET statement_timeout = 0")
            say(f"{asked.rows:,} rows in {asked.months} months")
            write(conn, asked)
            say("reading")
            with_index = _costs(conn, asked)
            size = scalar(
                conn, "SELECT sum(pg_relation_size(relid))::bigint FROM pg_partition_tree(%(name)s)", name=INDEX
            )
            with conn.transaction(force_rollback=True):
                conn.execute(f"DROP INDEX {INDEX}")
                without = _costs(conn, asked)
            return {
                "measured_at": datetime.now(UTC),
                "asked": asdict(asked),
                "machine": machine.machine(running.data),
                "settings": running.settings(),
                "index_bytes": int(size),
                "journal_pages": int(
                    scalar(
                        conn,
                        "SELECT sum(pg_relation_size(relid))::bigint / 8192 FROM pg_partition_tree('ledger.journal')",
                    )
                ),
                "read": [
                    {"what": what, "with_index": asdict(with_index[what]), "without": asdict(without[what])}
                    for what in with_index
                ],
            }


def write(conn: Connection[Any], asked: Asked) -> None:
    """Fill an empty database; ``conn`` may do everything in it, and is in no transaction."""
    for town in range(1, asked.towns + 1):
        execute(conn, statement("koinon.bench", "open_to_read"), town_id=town, body=new_id(), now=datetime.now(UTC))
    for number in range(asked.months):
        month = (BEGAN - 1970) * 12 + number
        conn.execute("SELECT ledger.open_month(%s)", [month])
        execute(
            conn, statement("koinon.bench", "write_month"),
            month=month, rows=asked.rows // asked.months, towns=asked.towns,
        )  # fmt: skip
    conn.execute("VACUUM (FREEZE, ANALYZE)")


def _costs(conn: Connection[Any], asked: Asked) -> dict[str, Cost]:
    middle, newest = _month(asked.months // 2), _month(asked.months - 1)
    tenth = middle[0] + timedelta(days=9)
    return {
        "a month": cost(conn, *middle), "a day": cost(conn, tenth, tenth), "the newest month": cost(conn, *newest),
    }  # fmt: skip


def _month(number: int) -> tuple[date, date]:
    first = date(BEGAN + number // 12, number % 12 + 1, 1)
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def cost(conn: Connection[Any], first_day: date, last_day: date, *, town_id: int = 1) -> Cost:
    """The journal of some days, summed up by day; the quickest of three readings, and the pages that it looked at."""
    town = parties.town(conn, town_id)
    start, until = queries.bounds(town, first_day, last_day)
    about = {"town_id": town_id, "zone": town.time_zone, "start": start, "until": until, "by_day": True}
    sql = statement("koinon.accounting", "journal")
    best, entries = float("inf"), 0
    for _ in range(ROUNDS):
        began = time.perf_counter()
        rows = conn.execute(sql, about).fetchall()
        best = min(best, (time.perf_counter() - began) * 1000)
        entries = sum(row[9] for row in rows)
    found = conn.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + sql, about).fetchone()
    assert found is not None
    plan = found[0][0]["Plan"]
    return Cost(entries, round(best, 1), plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
