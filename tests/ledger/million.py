"""A million random operations against the books on paper: every outcome, every balance and every line must agree.

    python -m tests.ledger.million [--operations 1000000] [--seed N] [--database URL]

Posts exact batches of random size (one batch of the largest size among them for
every quarter of a million) in many small towns, and prints how it goes on
stderr. The seed is printed first; the same seed asks the same again. Starts a PostgreSQL
of its own in a folder that is thrown away, unless ``--database`` names an empty
database in which it may create everything.

A disagreement ends with status 1 and the shortest story of it on stdout, as a
text table that ``tests/ledger/story.py`` can tell again.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import psycopg
from psycopg import Connection

from koinon.db import embedded, setup
from koinon.db.checks import every_check
from koinon.db.connections import Database, connect
from tests.ledger import duel
from tests.ledger.traffic import Post

LARGEST_BATCH = 65_536
IN_A_TOWN = 20_000


def run(
    conn: Connection[Any],
    owner: Connection[Any],
    operations: int,
    seed: str,
    *,
    in_a_town: int = IN_A_TOWN,
    few_every: int = 3,
    largest_every: int = 250_000,
    tell: Callable[[str], None] = lambda line: None,
) -> Counter[str]:
    """So many random operations, committed batch by batch; how often each outcome came. Raises ``Disagreement``."""
    began, made, batches, said = time.monotonic(), 0, 0, Counter[str]()
    town, next_largest = 0, largest_every // 4
    while made < operations:
        town += 1
        largest = made >= next_largest
        if largest:
            next_largest += largest_every
        # One or two at a time, as tills ask: the ledger has a shorter way for these.
        few = few_every > 0 and town % few_every == few_every - 1
        size = min(LARGEST_BATCH * 5 // 4 if largest else in_a_town // 4 if few else in_a_town, operations - made)
        most = LARGEST_BATCH if largest else 2 if few else 3000
        real = duel.RealBooks(conn, town, commit=True, owner=owner)
        played = duel.play(Random(f"{seed}/{town}"), real, size, largest_batch=most)
        made += size
        posts = [step for step in played.steps if isinstance(step, Post)]
        batches += len(posts)
        said.update(played.said)
        rate = made / (time.monotonic() - began)
        largest_seen = max(len(post.requests) for post in posts)
        tell(
            f"{made:>9,} operations in {batches:,} batches agree (town {town}, {len(played.numbers)} accounts, "
            f"largest batch {largest_seen:,}); {rate:,.0f} operations/s"
        )
    for check in every_check():
        if check.package == "koinon.ledger":
            wrong = conn.execute(check.sql.encode()).fetchmany(5)
            conn.commit()
            assert wrong == [], f"{check.name}: {wrong}"
    return said


def in_other_towns(conn: Connection[Any], owner: Connection[Any], first: int = 10**6) -> duel.Fresh:
    """Towns in which a disagreement can be tried again and again; nothing of them stays but their calendars."""
    towns = count(first)

    @contextmanager
    def fresh() -> Iterator[duel.Kept]:
        conn.rollback()
        try:
            yield duel.RealBooks(conn, next(towns), owner=owner)
        finally:
            conn.rollback()

    return fresh


@contextmanager
def own_server() -> Iterator[Database]:
    """A PostgreSQL in a folder of its own, durable like any other."""
    with tempfile.TemporaryDirectory(prefix="koinon-million-") as folder, embedded.running(Path(folder)) as server:
        yield Database(app_url=server.url("koinon_app"), owner_url=server.url("postgres"))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--operations", type=int, default=1_000_000)
    parser.add_argument("--seed", default=secrets.token_hex(4))
    parser.add_argument("--database", help="an empty database of a superuser's; default: a server of its own")
    given = parser.parse_args()
    print(f"seed {given.seed}, {given.operations:,} operations", file=sys.stderr, flush=True)
    where: AbstractContextManager[Database] = (
        nullcontext(Database(given.database, given.database)) if given.database else own_server()
    )
    with where as database:
        setup.prepare(database)
        with connect(database.app_url) as conn, psycopg.connect(database.owner_url, autocommit=True) as owner:
            try:
                said = run(
                    conn,
                    owner,
                    given.operations,
                    given.seed,
                    tell=lambda line: print(line, file=sys.stderr, flush=True),
                )
            except duel.Disagreement as found:
                print(f"disagreement after {duel.size(found.steps):,} steps in a town; shrinking", file=sys.stderr)
                print(duel.shrink(in_other_towns(conn, owner), found))
                return 1
    for outcome, times in said.most_common():
        print(f"{times:>9,}  {outcome}")
    print(
        f"{given.operations:>9,}  operations agree on every outcome, balance and line of the journal (seed {given.seed})"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
