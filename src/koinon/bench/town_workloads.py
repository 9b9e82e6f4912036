"""The workloads in a whole town: purses with rules, shops of which few have most of the customers.

town          32 clients in the process, through koinon.payments.engine
http          64 connections to the running site, one payment a request, with a real API key
http-batches  the same with 100 payments a request
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from koinon.api import operations as api
from koinon.api.types import Scope
from koinon.bench import books, closed_loop, machine, town
from koinon.bench.closed_loop import Ask
from koinon.bench.errors import HttpFailed
from koinon.bench.figures import Run
from koinon.bench.http_client import HttpPlan, ask_over_http
from koinon.bench.town import Town
from koinon.bench.traffic import HIGHEST_MINOR, tosses, zipf
from koinon.bench.workloads import Workload
from koinon.db.connections import connect
from koinon.db.statements import scalar
from koinon.db.transactions import transaction
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.payments.commands import Pay
from koinon.payments.engine import Engine

ACTOR = "till:1"
RATE = 1_000_000  # Requests a second that the key allows: as many as can be given, since the limit is not measured.
STARTED_WITHIN_SECONDS = 60


@dataclass(slots=True)
class InTown(Workload):
    """A workload whose payments have one or more legs each, so that rows and payments differ."""

    template: str = town.TEMPLATE

    @property
    def here(self) -> Town:
        assert self.ground.town is not None
        return self.ground.town

    def checked(self) -> int:
        """Rows over which every invariant holds; also that the books hold each acknowledged payment once."""
        checked = books.check(self.database, workload=self.name, expected_rows=None)
        with connect(self.database.app_url, statement_timeout_seconds=0) as conn:
            there = int(scalar(conn, "SELECT count(*) FROM ledger.transfer WHERE code = 'pay' AND leg = 0"))
        books.compare(self.name, booked=there, acknowledged=sum(run.posted_in_all for run in self.runs))
        return checked


@dataclass(slots=True)
class TownLike(InTown):
    """Households pay shops, drawn by Zipf's law, through the engine that the site and the API share."""

    engine: Engine | None = None

    def open(self) -> None:
        Workload.open(self)
        self.engine = Engine(self.database.app_url)
        self.engine.start()

    def _round(self, *, warm_up: float, seconds: float, seed: int) -> Run:
        def client(place: int) -> Ask:
            return self._client(seed * 1000 + place)

        return asyncio.run(
            closed_loop.run(self.ground.server, client, clients=self.clients, warm_up=warm_up, seconds=seconds)
        )

    def _client(self, seed: int) -> Ask:
        here, engine = self.here, self.engine
        assert engine is not None
        toss, shop = tosses(seed), zipf(len(here.shops), seed)

        async def ask() -> bool:
            pay = Pay(
                new_id(),
                here.households[int(toss() * len(here.households))],
                here.shops[shop()],
                Amount(1 + int(toss() * HIGHEST_MINOR), town.UNIT),
                datetime.now(UTC),
                ACTOR,
            )
            try:
                await engine.perform(here.id, pay)
            except KoinonError:
                return False
            return True

        return ask

    def close(self) -> None:
        if self.engine is not None:
            self.engine.stop()
        Workload.close(self)


@dataclass(slots=True)
class OverHttp(InTown):
    """The site runs as ``koinon serve`` does, in a process of its own, and so does the load generator."""

    payments_a_request: int = 1
    _site: _Site | None = None
    _secret: str = ""

    def open(self) -> None:
        Workload.open(self)
        with connect(self.database.app_url) as conn, transaction(conn):
            made = api.add_key(
                conn,
                town_id=self.here.id,
                name="bench",
                scopes=[Scope.PAYMENTS_WRITE],
                actor=town.OFFICER,
                at=datetime.now(UTC),
                requests_per_second=RATE,
            )
        self._secret = made.secret
        self._site = _Site(self.ground.server.folder, self.database.app_url, self.database.owner_url)

    def _round(self, *, warm_up: float, seconds: float, seed: int) -> Run:
        assert self._site is not None
        plan = HttpPlan(
            host="127.0.0.1",
            port=self._site.port,
            secret=self._secret,
            connections=self.clients,
            payments_a_request=self.payments_a_request,
            payers=[str(household) for household in self.here.households],
            payees=[str(shop) for shop in self.here.shops],
            unit=town.UNIT,
        )
        # The load generator begins when it has started; what is read at both ends of this window is scaled to its own.
        cpu, wal, began = self._spent(), self.ground.server.wal_position(), time.perf_counter()
        run, _counted_from = ask_over_http(plan, warm_up=warm_up, seconds=seconds, seed=seed)
        took = time.perf_counter() - began
        share = seconds / took
        postgres, site = (after - before for after, before in zip(self._spent(), cpu, strict=True))
        run.server_cpu_seconds = (postgres + site) * share
        run.wal_bytes = int((self.ground.server.wal_position() - wal) * share)
        run.notes["site_cpu"] = round(site / took, 2)
        run.notes["payments_a_request"] = self.payments_a_request
        return run

    def _spent(self) -> tuple[float, float]:
        assert self._site is not None
        return self.ground.server.cpu_seconds(), machine.cpu_seconds_of(self._site.process.pid)

    def close(self) -> None:
        if self._site is not None:
            self._site.stop()
        Workload.close(self)


class _Site:
    """``koinon serve`` on a free port, with a folder of its own for what it writes."""

    def __init__(self, folder: Path, app_url: str, owner_url: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port = found.getsockname()[1]
        environment = {
            **os.environ,
            "KOINON_DATABASE_URL": app_url,
            "KOINON_OWNER_DATABASE_URL": owner_url,
            "KOINON_VAR": str(folder / "var"),
        }
        self._log = (folder / "site.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "koinon", "serve", "--port", str(self.port)],
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
            text=True,
        )
        too_long = threading.Timer(STARTED_WITHIN_SECONDS, self.process.kill)
        too_long.start()
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        too_long.cancel()
        if not said:
            self.stop()
            told = (folder / "site.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise HttpFailed(answer=f"nothing; it did not start: {' '.join(told[-2:]) or 'it said nothing'}")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._log.close()
