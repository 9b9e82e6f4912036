"""The workloads on the ledger itself: each on a copy of the wallets of its own.

uniform     32 clients, anybody pays anybody
lone        1 client
hot         32 clients, one wallet pays everybody
refused     32 clients, every other payment is more than its payer has
holds       32 clients reserve, then capture nine times of ten and release once
batches     one writer, exact batches one after the other, a sealer beside
verify      what was posted is sealed and recomputed from the rows alone
statements  4 readers, the last 50 movements of an account
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from koinon.bench import books, closed_loop
from koinon.bench.closed_loop import Ask
from koinon.bench.figures import Latencies, Run, together
from koinon.bench.probe import Probe
from koinon.bench.server import Server
from koinon.bench.town import Town
from koinon.bench.traffic import PATTERNS, Payment, tosses
from koinon.db.batching import Batcher
from koinon.db.connections import Database, connect
from koinon.db.statements import scalar, statement
from koinon.db.transactions import transaction
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.ledger import operations as ledger
from koinon.ledger import queries, seal_workers, seals
from koinon.ledger.types import Capture, Code, Hold, Release, Request, Transfer

LEDGER_CHECKS = ("koinon.db", "koinon.audit", "koinon.ledger")
TOO_MUCH = Amount(10**15 - 1, books.UNIT)
SEAL_EVERY_SECONDS = 1.0
BATCH = 1_500
STATEMENT_ROWS = 50


@dataclass(slots=True)
class Ground:
    """What every workload stands on."""

    server: Server
    accounts: list[int]
    say: Callable[[str], None]
    town: Town | None = None


@dataclass(slots=True)
class Workload:
    """One workload in rounds: ``open``, any number of ``run``, ``finish``, ``close``."""

    ground: Ground
    name: str
    clients: int
    template: str = books.TEMPLATE
    runs: list[Run] = field(default_factory=list)
    _database: Database | None = None
    _database_name: str = ""
    rows_before: int = 0

    @property
    def database(self) -> Database:
        assert self._database is not None, "open comes first"
        return self._database

    def open(self) -> None:
        self._database_name, self._database = self.ground.server.clone(self.template)
        with connect(self.database.app_url) as conn:
            self.rows_before = books.rows(conn)

    def run(self, *, warm_up: float, seconds: float, seed: int) -> Run:
        run = self._round(warm_up=warm_up, seconds=seconds, seed=seed)
        self.runs.append(run)
        return run

    def _round(self, *, warm_up: float, seconds: float, seed: int) -> Run:
        raise NotImplementedError

    def together(self) -> Run:
        return together(self.runs)

    def checked(self) -> int:
        """Rows over which the invariants hold; raises ``BooksBroken``."""
        expected = self.rows_before + sum(run.posted_in_all for run in self.runs)
        return books.check(self.database, workload=self.name, expected_rows=expected, packages=LEDGER_CHECKS)

    def bytes_per_transfer(self) -> float | None:
        with connect(self.database.app_url, statement_timeout_seconds=0) as conn:
            return books.bytes_per_transfer(conn)

    def close(self) -> None:
        if self._database is not None:
            self.ground.server.drop(self._database_name)
            self._database = None


@dataclass(slots=True)
class Collected(Workload):
    """Clients whose requests are collected into exact batches, as the site and the API do."""

    make: Callable[[Collected, int, int], Ask] | None = None
    batcher: Batcher[Request, bool] | None = None

    def open(self) -> None:
        Workload.open(self)
        self.batcher = Batcher(self.database.app_url, books.write, quick=books.quick)
        self.batcher.start()

    def _round(self, *, warm_up: float, seconds: float, seed: int) -> Run:
        assert self.make is not None
        make = self.make

        def client(place: int) -> Ask:
            return make(self, place, seed)

        return asyncio.run(
            closed_loop.run(self.ground.server, client, clients=self.clients, warm_up=warm_up, seconds=seconds)
        )

    async def ask(self, request: Request) -> bool:
        assert self.batcher is not None
        return await self.batcher.collect(request)

    def close(self) -> None:
        if self.batcher is not None:
            self.batcher.stop()
        Workload.close(self)


def paying(pattern: str) -> Callable[[Collected, int, int], Ask]:
    """A client that pays as the pattern says."""

    def make(workload: Collected, place: int, seed: int) -> Ask:
        accounts, unit = workload.ground.accounts, books.UNIT
        draw = PATTERNS[pattern](len(accounts), seed * 1000 + place)
        batcher = workload.batcher
        assert batcher is not None
        collect = batcher.collect

        async def ask() -> bool:
            payer, payee, minor = draw()
            return await collect(
                Transfer(
                    new_id(),
                    accounts[payer],
                    accounts[payee],
                    Amount(minor, unit),
                    Code.PAY,
                    datetime.now(UTC),
                    books.ACTOR,
                )
            )

        return ask

    return make


def half_refused(workload: Collected, place: int, seed: int) -> Ask:
    """Every other payment asks for more than anybody has."""
    accounts = workload.ground.accounts
    draw = PATTERNS["uniform"](len(accounts), seed * 1000 + place)
    too_much = place % 2 == 0

    async def ask() -> bool:
        nonlocal too_much
        payer, payee, minor = draw()
        too_much = not too_much
        amount = TOO_MUCH if too_much else Amount(minor, books.UNIT)
        return await workload.ask(
            Transfer(new_id(), accounts[payer], accounts[payee], amount, Code.PAY, datetime.now(UTC), books.ACTOR)
        )

    return ask


def holding(workload: Collected, place: int, seed: int) -> Ask:
    """Reserve, then capture all of it, or one time in ten give it back."""
    accounts = workload.ground.accounts
    draw = PATTERNS["uniform"](len(accounts), seed * 1000 + place)
    toss = tosses(seed * 1000 + place)
    placed: UUID | None = None

    async def ask() -> bool:
        nonlocal placed
        now = datetime.now(UTC)
        if placed is None:
            payer, payee, minor = draw()
            hold = new_id()
            accepted = await workload.ask(
                Hold(
                    hold,
                    accounts[payer],
                    accounts[payee],
                    Amount(minor, books.UNIT),
                    Code.PAY,
                    now,
                    now + timedelta(days=7),
                    books.ACTOR,
                )
            )
            placed = hold if accepted else None
            return accepted
        hold, placed = placed, None
        if toss() < 0.1:
            return await workload.ask(Release(new_id(), hold, now, books.ACTOR))
        return await workload.ask(Capture(new_id(), hold, now, books.ACTOR))

    return ask


@dataclass(slots=True)
class Batches(Workload):
    """One writer posts exact batches one after the other; a sealer closes blocks beside it."""

    size: int = BATCH
    seal: bool = True

    def _round(self, *, warm_up: float, seconds: float, seed: int) -> Run:
        stop = threading.Event()
        sealing = _Sealing(self.database, stop)
        if self.seal:
            sealing.start()
        try:
            run = self._post(warm_up=warm_up, seconds=seconds, seed=seed)
        finally:
            stop.set()
            if self.seal:
                sealing.join()
        if sealing.failed is not None:
            raise sealing.failed
        run.notes.update(batch=self.size, sealed=sealing.sealed, blocks=sealing.blocks)
        return run

    def _post(self, *, warm_up: float, seconds: float, seed: int) -> Run:
        draw = PATTERNS["uniform"](len(self.ground.accounts), seed)
        clock = time.perf_counter
        latencies = Latencies()
        payments = posted_in_all = 0
        with (
            connect(self.database.app_url, application_name="koinon bench") as conn,
            closing(self.batches(draw)) as batches,
        ):
            counts_from = clock() + warm_up
            bell = counts_from + seconds
            probe = Probe(self.ground.server, begins=counts_from, ends=bell)
            now = clock()
            while now < bell or not payments:
                batch = next(batches)
                asked = clock()
                with transaction(conn):
                    accepted = sum(books.write(conn, batch))
                now = clock()
                posted_in_all += accepted
                if counts_from <= now < bell or (now >= bell and not payments):
                    payments += len(batch)
                    latencies.add(now - asked, len(batch))
            probe.wait()
        return Run(
            seconds=max(seconds, now - counts_from) if len(latencies) == self.size else seconds,
            payments=payments,
            latencies=latencies,
            posted_in_all=posted_in_all,
            server_cpu_seconds=probe.server_cpu_seconds,
            client_cpu_seconds=probe.client_cpu_seconds,
            wal_bytes=probe.wal_bytes,
        )

    def batches(self, draw: Callable[[], Payment]) -> Generator[list[Request], None, None]:
        """Batches without end; the next one is drawn up while the database works on the one before."""
        with ThreadPoolExecutor(1) as drawing:
            ahead = drawing.submit(self.batch, draw)
            while True:
                batch = ahead.result()
                ahead = drawing.submit(self.batch, draw)
                yield batch

    def batch(self, draw: Callable[[], Payment]) -> list[Request]:
        accounts, unit, now = self.ground.accounts, books.UNIT, datetime.now(UTC)
        return [
            Transfer(new_id(), accounts[payer], accounts[payee], Amount(minor, unit), Code.PAY, now, books.ACTOR)
            for payer, payee, minor in (draw() for _ in range(self.size))
        ]


class _Sealing(threading.Thread):
    """Closes a block every second, as the site does every minute, until it is told to stop."""

    def __init__(self, database: Database, stop: threading.Event) -> None:
        super().__init__(name="sealer")
        self._database = database
        self._told_to_stop = stop
        self.sealed = self.blocks = 0
        self.failed: Exception | None = None

    def run(self) -> None:
        try:
            with connect(self._database.app_url, application_name="koinon bench sealer") as conn:
                while not self._told_to_stop.wait(SEAL_EVERY_SECONDS):
                    with transaction(conn):
                        block = ledger.seal(conn, town_id=books.TOWN, at=datetime.now(UTC))
                    if block is not None:
                        self.sealed += block.transfers
                        self.blocks += 1
        except Exception as failed:  # noqa: BLE001  Raised again by the thread that waits for this one.
            self.failed = failed


@dataclass(slots=True)
class Verify(Batches):
    """Posts for the stated time without counting, seals all of it, then recomputes every block from the rows."""

    def _round(self, *, warm_up: float, seconds: float, seed: int) -> Run:
        run = Batches._round(self, warm_up=warm_up, seconds=seconds, seed=seed)
        clock = time.perf_counter
        with connect(self.database.app_url, statement_timeout_seconds=0) as conn:
            began = clock()
            with transaction(conn):
                transfers = sum(
                    block.transfers for block in ledger.seal_all(conn, town_id=books.TOWN, at=datetime.now(UTC))
                )
            sealed_in = clock() - began
            with transaction(conn):
                sealed = sum(block.transfers for block in queries.blocks(conn, town_id=books.TOWN))
                bytes_per_row = float(scalar(conn, statement("koinon.bench", "bytes_per_row")))
            began, cpu = clock(), self.ground.server.cpu_seconds()
            client_cpu = time.process_time()
            seals.verify(conn, town_id=books.TOWN, processes=seal_workers.cores())
            took = clock() - began
        latencies = Latencies()
        latencies.add(took, sealed)
        return Run(
            seconds=took,
            payments=sealed,
            latencies=latencies,
            posted_in_all=run.posted_in_all,
            server_cpu_seconds=self.ground.server.cpu_seconds() - cpu,
            client_cpu_seconds=time.process_time() - client_cpu,
            notes={
                "last_seal_seconds": round(sealed_in, 3),
                "last_seal_rows": transfers,
                "bytes_per_row": round(bytes_per_row, 1),
            },
        )


@dataclass(slots=True)
class Statements(Workload):
    """Reads the last 50 movements of accounts drawn at random; each read is a transaction of its own."""

    history: int = 20  # Payments a wallet has behind it, on the average, before anybody reads.

    def open(self) -> None:
        Workload.open(self)
        wanted = min(self.history * len(self.ground.accounts), 200_000)
        posting = Batches(self.ground, self.name, 1, seal=False, size=10_000)
        posting._database = self._database
        with connect(self.database.app_url, statement_timeout_seconds=600) as conn:
            draw = PATTERNS["uniform"](len(self.ground.accounts), 7)
            while wanted > 0:
                with transaction(conn):
                    self.rows_before += sum(books.write(conn, posting.batch(draw)))
                wanted -= posting.size

    def _round(self, *, warm_up: float, seconds: float, seed: int) -> Run:
        return read_statements(
            self.ground, self.database, readers=self.clients, warm_up=warm_up, seconds=seconds, seed=seed
        )


def read_statements(
    ground: Ground, database: Database, *, readers: int, warm_up: float, seconds: float, seed: int
) -> Run:
    """Readers in threads, each with a connection; the read is the one that till and API make."""
    clock = time.perf_counter
    counts_from = clock() + warm_up
    bell = counts_from + seconds
    parts = [Latencies() for _ in range(readers)]

    def read(place: int) -> None:
        toss = tosses(seed * 1000 + place)
        with connect(database.app_url, application_name="koinon bench reader") as conn:
            now = clock()
            while now < bell or not parts[place]:
                asked = now
                account = ground.accounts[int(toss() * len(ground.accounts))]
                with transaction(conn):
                    queries.statement_of(conn, town_id=books.TOWN, account=account, limit=STATEMENT_ROWS)
                now = clock()
                if counts_from <= now < bell or (now >= bell and not parts[place]):
                    parts[place].add(now - asked)

    threads = [threading.Thread(target=read, args=(place,)) for place in range(readers)]
    probe = Probe(ground.server, begins=counts_from, ends=bell)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    probe.wait()
    latencies = Latencies.together(parts)
    return Run(
        seconds=seconds,
        payments=len(latencies),
        latencies=latencies,
        server_cpu_seconds=probe.server_cpu_seconds,
        client_cpu_seconds=probe.client_cpu_seconds,
        wal_bytes=probe.wal_bytes,
    )
