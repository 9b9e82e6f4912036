"""The books that are measured: one town, wallets with money, and what is asked of them afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, LiteralString

from psycopg import Connection

from koinon.bench.errors import BooksBroken
from koinon.bench.server import Server
from koinon.bench.traffic import HOT_MINOR, WALLET_MINOR
from koinon.db import checks
from koinon.db.connections import Database, connect
from koinon.db.lanes import Lane
from koinon.db.statements import scalar, statement
from koinon.db.transactions import transaction
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.ledger import operations as ledger
from koinon.ledger.types import Code, Kind, NewAccount, Posted, Request, Transfer

TOWN = 1
UNIT = "LOC"
ACTOR = "bench:clerk"
BASE, TEMPLATE = "bench_base", "bench_wallets"
_CHUNK = 10_000


def make_base(server: Server, prepare: Callable[[Database], int]) -> None:
    """A database on which Koinon runs and in which nothing is yet."""
    prepare(server.create(BASE))


def make_template(server: Server, *, wallets: int) -> list[int]:
    """A database with wallets full of money, to be copied for each workload; the wallets' accounts, in order.

    The money comes as it does in a town: euros received, units issued, paid out to the wallets.
    """
    database = server.create(TEMPLATE, template=BASE)
    with connect(database.app_url, application_name="koinon bench", statement_timeout_seconds=600) as conn:
        accounts = _open_wallets(conn, wallets)
    server.admin.execute("CHECKPOINT")
    _tidy(database, "VACUUM (FREEZE, ANALYZE)")
    return accounts


def _open_wallets(conn: Connection[Any], wallets: int) -> list[int]:
    now = datetime.now(UTC)
    town = new_id()
    total = Amount(HOT_MINOR + WALLET_MINOR * wallets, UNIT)
    with transaction(conn):
        issuance, reserve, escrow = ledger.open_accounts(
            conn,
            town_id=TOWN,
            accounts=[
                NewAccount(Kind.ISSUANCE, UNIT, town, floor_minor=None),
                NewAccount(Kind.RESERVE, UNIT, town),
                NewAccount(Kind.ESCROW, UNIT, town),
            ],
            at=now,
            actor=ACTOR,
        )
    accounts: list[int] = []
    for first in range(0, wallets, _CHUNK):
        with transaction(conn):
            accounts += ledger.open_accounts(
                conn,
                town_id=TOWN,
                accounts=[NewAccount(Kind.PURSE, UNIT, new_id()) for _ in range(first, min(first + _CHUNK, wallets))],
                at=now,
                actor=ACTOR,
            )
    with transaction(conn):
        ledger.post_all(
            conn,
            town_id=TOWN,
            requests=[
                Transfer(new_id(), issuance, reserve, total, Code.RECEIVE, now, ACTOR),
                Transfer(new_id(), reserve, escrow, total, Code.ISSUE, now, ACTOR),
            ],
        )
    for chunk in chunks(range(wallets), _CHUNK):
        with transaction(conn):
            ledger.post_all(
                conn,
                town_id=TOWN,
                requests=[
                    Transfer(
                        new_id(),
                        escrow,
                        accounts[place],
                        Amount(WALLET_MINOR if place else HOT_MINOR, UNIT),
                        Code.DISBURSE,
                        now,
                        ACTOR,
                    )
                    for place in chunk
                ],
            )
    return accounts


def _tidy(database: Database, how: LiteralString) -> None:
    """What autovacuum does within a minute: without statistics, plans over so many new rows take longer than the rounds."""
    import psycopg

    with psycopg.connect(database.owner_url, autocommit=True) as conn:
        conn.execute(how)


def chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[first : first + size] for first in range(0, len(items), size))


def write(conn: Connection[Any], requests: Sequence[Request]) -> list[bool]:
    """What the batcher does with what has gathered: one exact batch, True for each request that was accepted."""
    outcomes = ledger.post(conn, town_id=TOWN, requests=requests)
    return [isinstance(outcome, Posted) for outcome in outcomes]


async def quick(lane: Lane, requests: Sequence[Request]) -> list[bool]:
    """The same by a lane: one statement, which is its own transaction."""
    [rows] = await lane.ask(ledger.asking(town_id=TOWN, requests=requests), ends=True)
    return [isinstance(outcome, Posted) for outcome in ledger.answered(requests, rows.values)]


def rows(conn: Connection[Any]) -> int:
    return int(scalar(conn, "SELECT count(*) FROM ledger.journal"))


def bytes_per_transfer(conn: Connection[Any]) -> float | None:
    """What the money tables take with all their indexes, over the rows of the journal."""
    found = scalar(conn, statement("koinon.bench", "bytes_per_transfer"))
    return None if found is None else round(float(found), 1)


def check(database: Database, *, workload: str, expected_rows: int | None, packages: Sequence[str] = ()) -> int:
    """Run the invariants and compare the books with what was acknowledged; the number of rows they were run over.

    Raises ``BooksBroken`` with everything that does not hold. Books of the ledger alone, which
    know no parties and programmes, are asked the ledger's own questions.
    """
    _tidy(database, "ANALYZE")
    with connect(database.app_url, application_name="koinon bench", statement_timeout_seconds=0) as conn:
        with transaction(conn):
            found = [result for result in checks.run_checks(conn) if not packages or result.package in packages]
            there = rows(conn)
        failures = [
            {"name": result.name, "package": result.package, "rows": result.failures[:5]}
            for result in found
            if not result.passed
        ]
        if failures:
            raise BooksBroken(workload=workload, failures=failures)
        if expected_rows is not None:
            compare(workload, booked=there, acknowledged=expected_rows)
        return there


def compare(workload: str, *, booked: int, acknowledged: int) -> None:
    """Everything that was acknowledged is in the books, and nothing else: or ``BooksBroken``."""
    if booked != acknowledged:
        failure = {"name": "every acknowledged payment is booked once", "booked": booked, "acknowledged": acknowledged}
        raise BooksBroken(workload=workload, failures=[failure])
