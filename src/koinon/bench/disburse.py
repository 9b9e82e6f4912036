"""``koinon bench disburse``: a whole town is paid its aid, while its tills go on, beside paying one household at a time.

The town is made on a durable server of the command's own. One household's line is decided by the
programme's rules, as a cycle is prepared; all the others get the same line with other amounts. Then the months are submitted,
approved by a second person, and paid out as ``koinon cycle disburse`` does. Every invariant is asked afterwards.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import tuple_row

from koinon.bench import books, machine, server, town
from koinon.bench.figures import Latencies, milliseconds
from koinon.bench.server import Server
from koinon.bench.traffic import tosses, zipf
from koinon.db.connections import Database, connect
from koinon.db.statements import execute, scalar, statement
from koinon.db.transactions import transaction
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.kernel.periods import Month
from koinon.ledger import operations as ledger
from koinon.ledger.types import Code, Kind, NewAccount
from koinon.payments.commands import Pay
from koinon.payments.engine import Engine
from koinon.programmes import operations as programmes
from koinon.programmes import queries as plans
from koinon.programmes.running import SIDE_BY_SIDE
from koinon.programmes.types import CycleView
from koinon.treasury import operations as treasury

TOWN, UNIT, OFFICER, APPROVER = 1, town.UNIT, "user:1", "user:2"
AWARD_MINOR = 400_00
SHOPS = 200
PAYERS = 20_000  # Households that pay at tills, drawn from all of them.
TILLS = 16
WANTED_PER_SECOND, WANTED_TIMES, WANTED_P99_MS = 80_000.0, 25.0, 200.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What to measure. ``tills_per_second`` is how many payments are asked for each second, whatever comes back.

    ``piece`` 0 lets the run find its own size, as ``koinon cycle disburse`` does.
    """

    wallets: int = 1_000_000
    sample: int = 2_000
    tills_per_second: float = 100.0
    piece: int = 0


@dataclass(slots=True)
class _Place:
    """The town as far as it is made: its database, its fund, its shops."""

    running: Server
    database: Database
    say: Callable[[str], None]
    fund: UUID = field(default_factory=new_id)
    shops: list[UUID] = field(default_factory=list)
    months: int = 0


def measure(
    asked: Asked, *, root: Path, prepare: Callable[[Database], int], say: Callable[[str], None]
) -> dict[str, Any]:
    """Measure what was asked, on a server of its own beneath ``root``; the document that the command prints.

    Raises ``NotDurable``, or ``BooksBroken`` where anything does not hold afterwards.
    """
    with server.running(root) as running:
        document: dict[str, Any] = {
            "measured_at": datetime.now(UTC),
            "asked": {
                "wallets": asked.wallets,
                "sample": asked.sample,
                "tills_per_second": asked.tills_per_second,
                "piece": asked.piece,
            },
            "machine": machine.machine(running.data),
            "settings": running.settings(),
        }
        place = _found(running, asked, prepare, say)
        document["small"] = _month(
            place, asked, asked.wallets // 10 or 1, "a tenth of them, to see what memory grows with"
        )
        document["first"] = _month(place, asked, asked.wallets, "the first month: purses are opened")
        document["again"] = _month(place, asked, asked.wallets, "the second month: the purses are there")
        document["single"] = _one_by_one(place, asked)
        document["beside_tills"] = _month(place, asked, asked.wallets, "the third month, and tills go on", tills=True)
        say("every invariant, and the seals")
        document["checked"] = _checked(place)
        document["ratio"] = document["first"]["wallets_per_second"] / document["single"]["wallets_per_second"]
        document["targets"] = _targets(document)
        document["load_average_after"] = machine.load_average()
    return document


def _targets(document: dict[str, Any]) -> list[dict[str, Any]]:
    first, again = document["first"]["wallets_per_second"], document["again"]["wallets_per_second"]
    p99 = document["beside_tills"]["tills"]["p99_ms"]
    wanted = [
        ("wallets per second, purses opened", ">=", WANTED_PER_SECOND, first),
        ("wallets per second, purses there", ">=", WANTED_PER_SECOND, again),
        ("times as fast as one at a time", ">=", WANTED_TIMES, document["ratio"]),
        ("p99 at tills meanwhile, ms", "<=", WANTED_P99_MS, p99),
    ]
    return [
        {
            "name": name,
            "wanted": f"{how} {limit:,g}",
            "found": found,
            "met": found is not None and (found >= limit if how == ">=" else found <= limit),
        }
        for name, how, limit, found in wanted
    ]


# --- The town -------------------------------------------------------------------------------------


def _found(running: Server, asked: Asked, prepare: Callable[[Database], int], say: Callable[[str], None]) -> _Place:
    books.make_base(running, prepare)
    place = _Place(running, running.create("bench_disburse", template=books.BASE), say)
    say(f"a town of {asked.wallets:,} households")
    now = datetime.now(UTC)
    place.shops = [new_id() for _ in range(SHOPS)]
    with _owner(place) as conn, transaction(conn):
        sql = "koinon.bench"
        execute(
            conn, statement(sql, "found_town"), town_id=TOWN, unit=UNIT, body=new_id(), now=now, zones=list(town.ZONES)
        )
        execute(
            conn,
            statement(sql, "settle_many_households"),
            town_id=TOWN,
            wallets=asked.wallets,
            since=int(now.timestamp() * 1000) - 3_600_000,
            now=now,
        )
        execute(
            conn,
            statement(sql, "open_shops"),
            town_id=TOWN,
            ids=place.shops,
            groups=[town.GROUPS[number % len(town.GROUPS)] for number in range(SHOPS)],
            now=now,
        )
    return place


def _owner(place: _Place) -> Connection[Any]:
    return connect(place.database.owner_url, application_name="koinon bench", statement_timeout_seconds=0)


def _approved(place: _Place, wallets: int, now: datetime) -> UUID:
    """A month of a programme of its own, prepared by its rules, submitted and approved; the euros for it are there."""
    number, programme_id = place.months, new_id()
    place.months += 1
    with _owner(place) as conn:
        with transaction(conn):
            first = scalar(conn, "SELECT id FROM parties_party WHERE kind = 'household' ORDER BY id LIMIT 1")
            fund_id = new_id() if number else place.fund
            execute(
                conn,
                statement("koinon.bench", "begin_programme"),
                town_id=TOWN,
                fund_id=fund_id,
                programme_id=programme_id,
                code=f"aid-{number}",
                rule=json.dumps({"exclude_chains": True}),
                last_day=now.date() + timedelta(days=60),
                households=[first],
                award_ids=[new_id()],
                monthly_minor=AWARD_MINOR,
                from_day=date(now.year - 1, 1, 1),
            )
            # All months are of one fund, so that from the second on the purses are there.
            execute(
                conn,
                "UPDATE programmes_programme SET fund_id = %(fund)s, rule = %(rule)s::jsonb WHERE id = %(id)s",
                fund=place.fund,
                rule=json.dumps({"income_bands": ["low"]}),
                id=programme_id,
            )
            cycle = programmes.prepare_cycle(
                conn,
                town_id=TOWN,
                programme_id=programme_id,
                month=Month(now.year, now.month),
                actor=OFFICER,
                now=now,
            )
            execute(
                conn,
                statement("koinon.bench", "repeat_line"),
                cycle_id=cycle.id,
                town_id=TOWN,
                most=wallets,
                since=int(now.timestamp() * 1000),
            )
            cycle = plans.cycle(conn, town_id=TOWN, cycle_id=cycle.id)
            treasury.receive_budget(
                conn,
                town_id=TOWN,
                fund=place.fund,
                amount=Amount(cycle.total_minor, UNIT),
                bank_reference=f"bench/{number}",
                idempotency_key=f"bench/{number}",
                at=now,
                actor=OFFICER,
            )
            step: dict[str, Any] = {"town_id": TOWN, "cycle_id": cycle.id, "now": now}
            programmes.submit_cycle(conn, **step, actor=OFFICER)
            programmes.approve_cycle(conn, **step, actor=APPROVER)
        conn.autocommit = True
        conn.execute("VACUUM (ANALYZE) programmes_entitlement, parties_party, ledger.account")
    place.running.checkpoint()
    return cycle.id


# --- The runs -------------------------------------------------------------------------------------


def _month(place: _Place, asked: Asked, wallets: int, told: str, *, tills: bool = False) -> dict[str, Any]:
    """Pay a month out, piece by piece, each in a transaction of its own."""
    place.say(told)
    now = datetime.now(UTC)
    cycle_id = _approved(place, wallets, now)
    people = _payers(place, wallets) if tills else []
    wal = place.running.wal_position()
    load = machine.load_average()
    told_at = piece_at = began = slowest = 0.0

    def heard(cycle: CycleView) -> None:
        nonlocal told_at, piece_at, slowest
        ended = time.perf_counter()
        slowest, piece_at = max(slowest, ended - piece_at), ended
        if ended - told_at > 1:
            place.say(f"{cycle.paid:,} of {cycle.count:,} paid, {cycle.paid / (ended - began):,.0f} a second")
            told_at = ended

    with ExitStack() as opened:
        # Opened beforehand, so that what they have used can still be read when the run has ended.
        lanes = [
            opened.enter_context(
                connect(place.database.app_url, application_name="koinon cycle", statement_timeout_seconds=300)
            )
            for _ in range(SIDE_BY_SIDE)
        ]
        others = iter(lanes[1:])
        backends = [lane.info.backend_pid for lane in lanes]
        with _Memory(backends) as memory, _Tills(place, people, asked) as beside:
            cpu = sum(map(machine.cpu_seconds_of, backends))
            began = told_at = piece_at = time.perf_counter()
            cycle = programmes.pay_out(
                lanes[0], town_id=TOWN, cycle_id=cycle_id, actor=OFFICER, now=now, size=asked.piece, told=heard,
                connect=lambda _: nullcontext(next(others)),
            )  # fmt: skip
            seconds = time.perf_counter() - began
            cpu = sum(map(machine.cpu_seconds_of, backends)) - cpu
    found: dict[str, Any] = {
        "wallets": cycle.paid,
        "seconds": seconds,
        "wallets_per_second": cycle.paid / seconds,
        "slowest_piece_ms": slowest * 1000,
        "server_cpu_us_per_wallet": cpu / cycle.paid * 1e6,
        "client_peak_bytes": memory.client,
        "client_growth_bytes": memory.client_growth,
        "server_peak_bytes": memory.server,
        "wal_bytes_per_wallet": (place.running.wal_position() - wal) / cycle.paid,
        "load_average": load,
    }
    if tills:
        found["tills"] = beside.document()
    place.say(f"{cycle.paid:,} wallets in {seconds:.2f} s: {cycle.paid / seconds:,.0f} a second")
    return found


def _one_by_one(place: _Place, asked: Asked) -> dict[str, Any]:
    """The same for a sample, one household at a time: its purse found, its transfer posted, its line settled."""
    place.say(f"{asked.sample:,} households one at a time")
    now = datetime.now(UTC)
    cycle_id = _approved(place, asked.sample, now)
    load = machine.load_average()
    with connect(place.database.app_url, application_name="koinon cycle") as conn:
        with transaction(conn):
            programmes.disburse_some(conn, town_id=TOWN, cycle_id=cycle_id, actor=OFFICER, now=now, at_most=1)
            cycle = plans.cycle(conn, town_id=TOWN, cycle_id=cycle_id)
            lines = [
                line
                for line in plans.entitlements(conn, town_id=TOWN, cycle_id=cycle_id, limit=asked.sample)
                if line.state == "due"
            ]
            wanted = [NewAccount(Kind.ESCROW, UNIT, cycle.programme_id, cycle.fund_id)]
            (escrow,) = ledger.open_accounts(conn, town_id=TOWN, accounts=wanted, at=now, actor=OFFICER)
        began = time.perf_counter()
        for line in lines:
            with transaction(conn):
                (purse,) = ledger.open_accounts(
                    conn,
                    town_id=TOWN,
                    accounts=[NewAccount(Kind.PURSE, UNIT, line.party_id, cycle.fund_id)],
                    at=now,
                    actor=OFFICER,
                )
                ledger.transfer(
                    conn,
                    town_id=TOWN,
                    id=line.transfer_id,
                    debit=escrow,
                    credit=purse,
                    amount=Amount(line.amount_minor, UNIT),
                    code=Code.DISBURSE,
                    effective_at=now,
                    actor=OFFICER,
                    reference=f"cycle:{cycle_id}",
                )
                execute(
                    conn,
                    "UPDATE programmes_lane SET paid = paid + 1, paid_minor = paid_minor + %(minor)s,"
                    " paid_upto = %(party)s WHERE cycle_id = %(cycle)s AND number = 0",
                    minor=line.amount_minor,
                    party=line.party_id,
                    cycle=cycle_id,
                )
        seconds = time.perf_counter() - began
        with transaction(conn):  # Ends the run; not part of what is measured.
            programmes.disburse_cycle(conn, town_id=TOWN, cycle_id=cycle_id, actor=OFFICER, now=now)
    return {
        "wallets": len(lines),
        "seconds": seconds,
        "wallets_per_second": len(lines) / seconds,
        "load_average": load,
    }


def _payers(place: _Place, wallets: int) -> list[UUID]:
    """Some of the households that are being paid, in no order."""
    with _owner(place) as conn, conn.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(
            "SELECT id FROM parties_party WHERE kind = 'household' ORDER BY md5(id::text) LIMIT %s",
            [min(PAYERS, wallets)],
        ).fetchall()
    return [row[0] for row in rows]


def _checked(place: _Place) -> int:
    """Rows over which every invariant holds, once everything is sealed."""
    with connect(place.database.app_url, application_name="koinon seal", statement_timeout_seconds=0) as conn:
        while True:
            with transaction(conn):
                if not ledger.seal_all(conn, town_id=TOWN, at=datetime.now(UTC)):
                    break
    return books.check(place.database, workload="disburse", expected_rows=None)


# --- Beside the run -------------------------------------------------------------------------------


class _Memory:
    """The most that this process and the run's backends of the server held at a time, read every few milliseconds.

    Of the backends what is their own; the pages it shares with all others are the server's shared_buffers.
    """

    def __init__(self, backends: Sequence[int]) -> None:
        self._backends, self._over = backends, threading.Event()
        self.client = self.server = self.client_growth = 0
        self._before = _kilobytes(os.getpid(), "VmRSS") or 0
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            self.client = max(self.client, (_kilobytes(os.getpid(), "VmRSS") or 0) * 1024)
            self.server = max(self.server, sum(_kilobytes(one, "RssAnon") or 0 for one in self._backends) * 1024)

    def __enter__(self) -> _Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.client_growth = max(0, self.client - self._before * 1024)


def _kilobytes(pid: int, name: str) -> int | None:
    with suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1])
    return None


class _Tills:
    """Payments from the very purses that are being paid into, so many a second whatever comes back.

    Who has to wait begins to count when the payment was due, not when the till got round to it.
    """

    def __init__(self, place: _Place, payers: Sequence[UUID], asked: Asked) -> None:
        self._place, self._payers = place, payers
        self._every = TILLS / asked.tills_per_second if asked.tills_per_second else 0.0
        self._over = threading.Event()
        self._took = Latencies()
        self._refused = 0
        self._seconds = 0.0
        self._thread: threading.Thread | None = None

    def __enter__(self) -> _Tills:
        if self._payers and self._every:
            ready = threading.Event()
            self._thread = threading.Thread(target=self._run, args=[ready], name="tills", daemon=True)
            self._thread.start()
            ready.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join(60)

    def document(self) -> dict[str, Any]:
        shares = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99, "max_ms": 1.0}
        took = dict(zip(shares, self._took.percentiles(list(shares.values())), strict=True))
        return {
            "payments": len(self._took),
            "refused": self._refused,
            "payments_per_second": len(self._took) / self._seconds if self._seconds else 0.0,
            **{name: milliseconds(seconds) for name, seconds in took.items()},
        }

    def _run(self, ready: threading.Event) -> None:
        engine = Engine(self._place.database.app_url)
        engine.start()
        try:
            asyncio.run(self._all(engine, ready))
        finally:
            engine.stop()

    async def _all(self, engine: Engine, ready: threading.Event) -> None:
        warm = random.Random(0)  # noqa: S311  Traffic, not secrets.
        for _ in range(20):
            await self._pay(engine, warm.choice(self._payers), self._place.shops[0])
        ready.set()
        began = time.perf_counter()
        await asyncio.gather(*(self._till(engine, number, began) for number in range(TILLS)))
        self._seconds = time.perf_counter() - began

    async def _till(self, engine: Engine, number: int, began: float) -> None:
        toss, shop = tosses(number), zipf(len(self._place.shops), number)
        due = began + self._every * number / TILLS
        while not self._over.is_set():
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            accepted = await self._pay(
                engine, self._payers[int(toss() * len(self._payers))], self._place.shops[shop()], 1 + int(toss() * 100)
            )
            self._took.add(time.perf_counter() - due)
            self._refused += not accepted
            due += self._every

    async def _pay(self, engine: Engine, payer: UUID, shop: UUID, minor: int = 1) -> bool:
        try:
            await engine.perform(TOWN, Pay(new_id(), payer, shop, Amount(minor, UNIT), datetime.now(UTC), "till:1"))
        except KoinonError:
            return False
        return True
