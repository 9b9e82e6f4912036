"""Starts the whole stack, breaks it again and again, and asks the checker what everybody was told."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

import psycopg
from psycopg import Connection

from koinon.db import checks, migrations, setup
from koinon.db.connections import Database, connect
from koinon.db.errors import DatabaseError
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.ledger import operations, queries, seals
from koinon.ledger.errors import SealBroken
from koinon.ledger.types import NewAccount, Transfer
from tests.faults import checker, history, over_http, stack
from tests.faults.books import Account, Opened
from tests.faults.checker import Anomaly
from tests.faults.client import PATIENCE_SECONDS as PATIENCE_OF_CLIENTS
from tests.faults.client import Wish
from tests.faults.database import SOCKET, DatabaseUnderFire
from tests.faults.proxy import Loop, Plan, Proxy

PROJECT = Path(__file__).resolve().parent.parent.parent
OF_THE_BOOKS = ("koinon.audit", "koinon.ledger")  # The town has no people here, only accounts.
ACTOR = "harness:setup"
START_MINOR = 400  # What each account begins with: little, so that many payments are refused.
CEILING_MINOR = 900
PATIENCE_SECONDS = 60
LOOK_SECONDS = 3
MOMENT_SECONDS = 5.0  # How long a plan waits for its moment.


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is like. The same seed makes the same choices; when they meet is the machine's affair."""

    seed: int
    kills: int = 10
    clients: int = 2
    askers: int = 6
    applications: int = 1
    writers: int = 1
    over_http: bool = False  # Through the API with a key, instead of the ledger's own requests.
    accounts: int = 10
    pause_seconds: float = 0.01
    between_seconds: float = 0.6  # At most, from one fault's mending to the next fault.
    faults: tuple[str, ...] = ()  # By name; none are all of them.
    sabotage_application: str = ""
    sabotage_database: Callable[[Connection[Any]], None] | None = None
    at_most_seconds: float = 3600
    look_for: frozenset[str] = frozenset()  # Check on the way as well, and stop at the first of these anomalies.

    @property
    def one_writer(self) -> bool:
        return self.writers == 1 and self.applications == 1


@dataclass
class Report:
    """What a run did and found."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    cuts: Counter[str] = field(default_factory=Counter)
    pauses: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    attempts: int = 0
    accepted: int = 0
    refused: int = 0
    reads: int = 0
    unknown: int = 0
    overtaken: int = 0
    rows: int = 0
    blocks: int = 0
    seconds: float = 0.0
    longest_recovery: float = 0.0
    anomalies: list[Anomaly] = field(default_factory=list)

    @property
    def kinds(self) -> set[str]:
        return {anomaly.kind for anomaly in self.anomalies}

    def text(self) -> str:
        """The figures, and the first anomalies of each kind.

        >>> print(Report(seed=7).text().splitlines()[-1])
        no anomaly
        """

        def each(counter: Counter[str]) -> str:
            return ", ".join(f"{number} {name}" for name, number in sorted(counter.items())) or "none"

        found = [
            f"seed {self.seed}, {self.seconds:.0f} seconds",
            f"kills       {self.kills.total():>8}  {each(self.kills)}",
            f"cuts        {self.cuts.total():>8}  {each(self.cuts)}",
            f"pauses      {self.pauses.total():>8}  {each(self.pauses)}",
            f"operations  {self.asked:>8}  {self.accepted} accepted, {self.refused} refused, {self.reads} read",
            f"unknown     {self.unknown:>8}  of {self.attempts} attempts; each was asked again",
            *(
                [f"overtaken   {self.overtaken:>8}  refused while an earlier attempt was under way"]
                if self.overtaken
                else []
            ),
            f"books       {self.rows:>8}  rows in {self.blocks} sealed blocks",
            f"recovery    {self.longest_recovery:>7.1f}s  the longest after a kill of the database",
        ]
        if not self.anomalies:
            return "\n".join([*found, "no anomaly"])
        for kind in sorted(self.kinds):
            same = [anomaly.says for anomaly in self.anomalies if anomaly.kind == kind]
            found += [f"ANOMALY {kind}, {len(same)} times", *(f"    {says}" for says in same[:5])]
        return "\n".join(found)


class Process:
    """A program of the harness, killed and started at will."""

    def __init__(self, module: str, arguments: list[str], log: TextIO) -> None:
        self._command = [sys.executable, "-m", f"tests.faults.{module}", *arguments]
        self._log = log
        self.running = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=self._log, stderr=self._log)

    def kill(self) -> None:
        self.running.kill()

    def destroy(self) -> None:
        assert self.running.stdin is not None
        self.running.kill()
        self.running.wait(PATIENCE_SECONDS)
        with suppress(OSError):
            self.running.stdin.close()

    def again(self) -> None:
        self.destroy()
        self.running = self._start()

    def end(self) -> bool:
        """Let it finish; whether it did."""
        assert self.running.stdin is not None
        with suppress(OSError):
            self.running.stdin.close()
        try:
            return self.running.wait(PATIENCE_SECONDS) == 0
        except subprocess.TimeoutExpired:
            self.destroy()
            return False


class Sealer:
    """Seals all along and keeps every head that was committed, as an auditor would."""

    def __init__(self, database: DatabaseUnderFire) -> None:
        self._database = database
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.kept: dict[int, bytes] = {}
        self.defects: list[str] = []
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            try:
                with connect(self._database.database.app_url, application_name="faults sealer") as conn:
                    while not self._stop.wait(0.25):
                        block = operations.seal(conn, town_id=stack.TOWN, at=datetime.now(UTC))
                        conn.commit()
                        if block is not None:
                            self.kept[block.number] = block.hash
            except (psycopg.OperationalError, DatabaseError, AssertionError):
                continue  # The database was killed.
            except Exception as defect:  # noqa: BLE001 - it ends in the report
                self.defects.append(f"the sealer failed: {type(defect).__name__}: {defect}")

    def end(self) -> None:
        self._stop.set()
        self._thread.join(PATIENCE_SECONDS)


class Run:
    """One run, from nothing to its report."""

    def __init__(self, settings: Settings, folder: Path, say: Callable[[str], None]) -> None:
        self.settings = settings
        self.folder = folder
        self.say = say
        self.chance = random.Random(f"{settings.seed}/faults")
        self.report = Report(settings.seed)
        self.opened: dict[int, Opened] = {}
        self.payers: list[int] = []
        self.town: over_http.Town | None = None
        self.before = 0
        self.database = DatabaseUnderFire(folder / "db")
        self.journals: list[Path] = []
        self.applications: list[Process] = []
        self.front: list[Proxy] = []
        self.back: list[Proxy] = []
        self.clients: list[Process] = []
        self.wishes: list[Wish] = []
        self.found_it = False
        self._closing = ExitStack()

    def run(self) -> Report:
        began = time.monotonic()
        with self._closing:
            self._start()
            try:
                self._break_things()
            except TimeoutError as stuck:
                self.report.anomalies.append(Anomaly("stuck", str(stuck)))
            self._finish()
            self.report.anomalies += self._check()
        self.report.seconds = time.monotonic() - began
        return self.report

    # Start

    def _start(self) -> None:
        self.database.start()
        self._closing.callback(self.database.end)
        if self.settings.over_http:
            prepare_everything(self.database.database)
            self._found_town()
        else:
            prepare(self.database.database)
            self._open_town()
        if self.settings.sabotage_database is not None:
            with psycopg.connect(self.database.database.owner_url, autocommit=True) as owner:
                self.settings.sabotage_database(owner)
        self.loop = Loop()
        self._closing.callback(self.loop.close)
        self.log = self._closing.enter_context((self.folder / "processes.log").open("a"))
        ports = [self._start_application(number) for number in range(self.settings.applications)]
        for number in range(self.settings.clients):
            self._start_client(number, ports)
        self.sealer = Sealer(self.database)
        self._closing.callback(self.sealer.end)

    def _start_application(self, number: int) -> int:
        """An application between two proxies; the port at which clients find it."""
        back = Proxy(self.loop, self.database.socket)
        (self.folder / f"back{number}").mkdir()
        back.listen_on_socket(self.folder / f"back{number}" / SOCKET)
        socket = self.folder / f"application{number}.sock"
        front = Proxy(self.loop, socket)
        port = front.listen_on_port()
        arguments = [str(socket), f"postgresql://koinon_app@/koinon?host={self.folder / f'back{number}'}"]
        if self.settings.over_http:
            application = Process("over_http", arguments, self.log)
        else:
            more = [str(self.settings.writers), self.settings.sabotage_application]
            application = Process("application", [*arguments, *more], self.log)
        self._closing.callback(application.destroy)
        for proxy in (front, back):
            self._closing.callback(proxy.close)
        self.applications.append(application)
        self.front.append(front)
        self.back.append(back)
        return port

    def _start_client(self, number: int, ports: list[int]) -> None:
        settings, journal = self.settings, self.folder / f"client{number}.jsonl"
        wish = Wish(
            name=f"c{number}",
            seed=str(settings.seed),
            life=0,
            ports=ports,
            accounts=self.payers,
            askers=settings.askers,
            reads_of=3 if settings.one_writer and not settings.over_http else 1,
            pause_seconds=settings.pause_seconds,
            journal=str(journal),
            actor=self.town.actor if self.town else "",
            secret=self.town.secret if self.town else "",
            parties={str(number): party for number, party in self.town.parties.items()} if self.town else {},
        )
        self.journals.append(journal)
        self.wishes.append(wish)
        self._save_wish(number)
        client = Process("client", [str(self.folder / f"client{number}.json")], self.log)
        self._closing.callback(client.destroy)
        self.clients.append(client)

    def _save_wish(self, number: int) -> None:
        self.wishes[number].save(self.folder / f"client{number}.json")

    def _open_town(self) -> None:
        """Accounts with a little money each."""
        kinds = ["issuance", "reserve", "escrow"]
        kinds += ["purse" if number % 2 else "till" for number in range(self.settings.accounts)]
        with connect(self.database.database.app_url) as conn:
            numbers = operations.open_accounts(
                conn,
                town_id=stack.TOWN,
                accounts=[
                    NewAccount(
                        kind,
                        stack.UNIT,
                        uuid4(),
                        floor_minor=None if kind == "issuance" else 0,
                        ceiling_minor=CEILING_MINOR if place == len(kinds) - 1 else None,
                    )
                    for place, kind in enumerate(kinds)
                ],
                at=datetime.now(UTC),
                actor=ACTOR,
            )
            conn.commit()
        issuance, reserve, escrow, *rest = numbers
        purses = [number for number, kind in zip(numbers, kinds, strict=True) if kind == "purse"]
        total = START_MINOR * len(rest)
        moves = [("receive", issuance, reserve, total), ("issue", reserve, escrow, total)]
        moves += [("disburse", escrow, purse, total // len(purses)) for purse in purses]
        now = datetime.now(UTC)
        requests = [
            Transfer(new_id(), debit, credit, Amount(minor, stack.UNIT), code, now, ACTOR)
            for code, debit, credit, minor in moves
        ]
        with connect(self.database.database.app_url) as conn:
            operations.post_all(conn, town_id=stack.TOWN, requests=requests)
            conn.commit()
        self.payers = rest
        self._begin(ceilings={rest[-1]: CEILING_MINOR})

    def _found_town(self) -> None:
        with connect(self.database.database.app_url) as conn:
            self.town = over_http.found_town(conn, self.settings.accounts, START_MINOR)
        assert self.town.id == stack.TOWN
        self.payers = list(self.town.parties)
        self._begin(ceilings={})

    def _begin(self, *, ceilings: dict[int, int]) -> None:
        """Where the history begins: what stands already and what accounts hold."""
        with connect(self.database.database.app_url) as conn:
            self.before = len(stack.books(conn))
            for number, kind, minor in conn.execute(
                "SELECT id, kind, credits_posted - debits_posted FROM ledger.account WHERE town_id = %s", [stack.TOWN]
            ):
                floor = None if kind == "issuance" else 0
                self.opened[number] = Opened(floor, ceilings.get(number), int(minor))

    # Break

    def _faults(self) -> dict[str, tuple[float, Callable[[], bool]]]:
        """Every fault by name: how likely it is, and what it does; False when its moment did not come."""
        every: dict[str, tuple[float, Callable[[], bool]]] = {
            "kill client": (3, lambda: self._kill_client(None)),
            "kill client at answer": (2, lambda: self._kill_client("answer")),
            "kill application": (3, lambda: self._kill_application(None)),
            "kill application, commit under way": (1.5, self._kill_application_with_a_commit_under_way),
            "pause application": (0.3, self._pause_application),
            "kill backend": (1.5, lambda: self._kill_database("backend", None)),
            "kill postmaster": (1.5, lambda: self._kill_database("postmaster", None)),
            "kill everything": (1, lambda: self._kill_database("everything", None)),
            "cut clients": (1, lambda: self._cut(self.front, None)),
            "cut request": (1.5, lambda: self._cut(self.front, "request")),
            "cut answer": (2, lambda: self._cut(self.front, "answer")),
            "cut database": (1, lambda: self._cut(self.back, None)),
        }
        for moment in ("before", "during", "after"):
            every |= {
                f"kill application {moment} commit": (1, lambda moment=moment: self._kill_application(moment)),
                f"kill backend {moment} commit": (0.7, lambda moment=moment: self._kill_database("backend", moment)),
                f"kill everything {moment} commit": (
                    0.7,
                    lambda moment=moment: self._kill_database("everything", moment),
                ),
                f"cut database {moment} commit": (1.2, lambda moment=moment: self._cut(self.back, moment)),
            }
        return {
            name: fault for name, fault in every.items() if not self.settings.faults or name in self.settings.faults
        }

    def _break_things(self) -> None:
        faults = self._faults()
        names = list(faults)
        weights = [faults[name][0] for name in names]
        self._progress()
        began = checked = time.monotonic()
        told = 0
        while self.report.kills.total() < self.settings.kills:
            if time.monotonic() - began > self.settings.at_most_seconds:
                return
            time.sleep(self.chance.uniform(0.02, self.settings.between_seconds))
            name = self.chance.choices(names, weights)[0]
            if faults[name][1]():
                kind, what = name.split(" ", 1)
                {"kill": self.report.kills, "cut": self.report.cuts, "pause": self.report.pauses}[kind][what] += 1
            self._progress()
            if self.report.kills.total() >= told + 20:
                told = self.report.kills.total()
                self.say(f"{told} kills, {self.report.cuts.total()} cuts")
            if self.settings.look_for and time.monotonic() - checked > LOOK_SECONDS:
                if self.settings.look_for & {anomaly.kind for anomaly in self._compare(still_going=True)}:
                    self.found_it = True
                    return
                checked = time.monotonic()

    def _plan(self, proxies: list[Proxy], moment: str, act: Callable[[Proxy], None]) -> bool:
        """Have something happen at a moment in any of these proxies; whether it came."""
        proxy = self.chance.choice(proxies)
        plan = Plan(moment, lambda: act(proxy))
        proxy.arm(plan)
        happened = plan.happened.wait(MOMENT_SECONDS)
        proxy.arm(None)
        return happened or plan.happened.is_set()

    def _kill_client(self, moment: str | None) -> bool:
        number = self.chance.randrange(len(self.clients))
        if moment is None:
            self.clients[number].kill()
        elif not self._plan(self.front, moment, lambda _: self.clients[number].kill()):
            return False
        wish = self.wishes[number]
        self.wishes[number] = replace(wish, life=wish.life + 1)
        self._save_wish(number)
        self.clients[number].again()
        return True

    def _kill_application(self, moment: str | None) -> bool:
        number = self.chance.randrange(len(self.applications))
        application = self.applications[number]
        if moment is None:
            application.kill()
        elif not self._plan([self.back[number]], moment, lambda _: application.kill()):
            return False
        application.again()
        return True

    def _kill_application_with_a_commit_under_way(self) -> bool:
        """The backends sleep while a commit waits for them, and wake when others have asked again already."""
        number = self.chance.randrange(len(self.applications))
        asleep: list[int] = []

        def act(_: Proxy) -> None:
            asleep.extend(self.database.put_to_sleep())
            self.applications[number].kill()

        try:
            if not self._plan([self.back[number]], "slowly", act):
                return False
            self.applications[number].again()
            time.sleep(self.chance.uniform(0.5, 1.5))
        finally:
            self.database.wake(asleep)
        return True

    def _pause_application(self) -> bool:
        """Longer than clients have patience: they ask again while the first attempt lies in its queue."""
        application = self.chance.choice(self.applications).running
        application.send_signal(signal.SIGSTOP)
        time.sleep(PATIENCE_OF_CLIENTS + 0.3)
        application.send_signal(signal.SIGCONT)
        return True

    def _kill_database(self, what: str, moment: str | None) -> bool:
        if moment is None:
            self.database.kill(what)
        elif not self._plan(self.back, moment, lambda _: self.database.kill(what)):
            return False
        self.report.longest_recovery = max(self.report.longest_recovery, self.database.recover())
        for proxy in self.back:
            proxy.target = self.database.socket
        return True

    def _cut(self, proxies: list[Proxy], moment: str | None) -> bool:
        if moment is None:
            self.chance.choice(proxies).cut_all()
            return True
        return self._plan(proxies, moment, lambda _: None)

    def _progress(self) -> None:
        """Wait until clients are told something again."""
        clients = [path for path in self.journals if path.name.startswith("client")]
        began = time.monotonic()
        before = {path: path.stat().st_size if path.exists() else 0 for path in clients}
        while True:
            for path in clients:
                if path.exists() and path.stat().st_size > before[path]:
                    with path.open("rb") as file:
                        file.seek(before[path])
                        if b'"say":"ok"' in file.read():
                            return
            if time.monotonic() - began > PATIENCE_SECONDS:
                raise TimeoutError(f"nobody was told anything for {PATIENCE_SECONDS} seconds")
            time.sleep(0.02)

    # Finish

    def _finish(self) -> None:
        for number, client in enumerate(self.clients):
            if self.found_it:
                client.destroy()
            elif not client.end():
                self.report.anomalies.append(Anomaly("stuck", f"client {number} was not told everything in the end"))
        self.sealer.end()

    def _check(self) -> list[Anomaly]:
        told = history.read(self.journals)
        report = self.report
        report.asked = len(told)
        report.attempts = sum(each.tries for each in told)
        report.accepted = sum(each.said == "ok" for each in told)
        report.refused = sum(each.said == "refused" for each in told)
        report.reads = sum(each.said == "read" for each in told)
        report.unknown = sum(each.tries - bool(each.said) for each in told)
        found = self._compare(still_going=self.found_it)
        report.overtaken = sum(anomaly.kind == "overtaken" for anomaly in found)
        found = [anomaly for anomaly in found if anomaly.kind != "overtaken"]
        found += [Anomaly("defect", defect) for defect in (*self._failures(), *self.sealer.defects)]
        with connect(self.database.database.app_url, statement_timeout_seconds=0) as conn:
            report.rows = len(stack.books(conn))
            for part in (self._invariants, self._seals):
                try:
                    found += part(conn)
                except psycopg.Error as defect:
                    conn.rollback()
                    found.append(Anomaly("defect", f"{part.__name__.strip('_')}: {defect}"))
        return found

    def _invariants(self, conn: Connection[Any]) -> list[Anomaly]:
        found = []
        for check in checks.every_check():
            if self.settings.over_http or check.package in OF_THE_BOOKS:
                rows = conn.execute(check.sql.encode()).fetchmany(3)
                found += [Anomaly("invariant", f"{check.package}.{check.name}: {row}") for row in rows]
        return found

    def _seals(self, conn: Connection[Any]) -> list[Anomaly]:
        until = time.monotonic() + 30  # Autovacuum's transactions put sealing off while they run.
        while True:
            operations.seal(conn, town_id=stack.TOWN, at=datetime.now(UTC))
            conn.commit()
            left = queries.unsealed(conn, town_id=stack.TOWN)
            if not left or time.monotonic() > until:
                break
        self.report.blocks = len(queries.blocks(conn, town_id=stack.TOWN))
        try:
            seals.verify(conn, town_id=stack.TOWN, kept=dict(self.sealer.kept))
        except SealBroken as broken:
            return [Anomaly("seal", str(broken))]
        return [Anomaly("seal", f"{left} rows are not sealed though nobody posts")] if left else []

    def _compare(self, *, still_going: bool = False) -> list[Anomaly]:
        told = history.read(self.journals)  # First: whatever was acknowledged must be in the books after that.
        with connect(self.database.database.app_url) as conn:
            conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            rows = stack.books(conn)
            stands = {
                number: Account(balance, held_out, held_in)
                for number, balance, held_out, held_in in conn.execute(
                    "SELECT id, credits_posted - debits_posted, debits_held, credits_held FROM ledger.account "
                    "WHERE town_id = %s",
                    [stack.TOWN],
                )
            }
        return checker.check(
            told,
            rows[self.before :],
            stands,
            self.opened,
            one_writer=self.settings.one_writer,
            over_http=self.settings.over_http,
            still_going=still_going,
        )

    def _failures(self) -> Iterator[str]:
        """What the application could not do, other than for want of a connection."""
        excused = ("OperationalError", "AdminShutdown", "Unreachable", "InterfaceError", "CrashShutdown", "NotSettled")
        seen: Counter[str] = Counter()
        for path in self.journals:
            for line in history.lines(path):
                if line["say"] == "failed" and not line["why"].startswith(excused):
                    seen[line["why"][:300]] += 1
        for why, times in seen.most_common(5):
            yield f"{times} times: {why}"
        log = (self.folder / "db" / "pg.log").read_text(encoding="utf-8", errors="replace")
        for told in ("deadlock detected", "PANIC", "could not serialize", "corrupt"):
            if times := log.count(told):
                began = log.index(told)
                yield f"{times} times in the server's log: {told}\n{log[began : began + 3000]}"


def prepare(database: Database) -> None:
    """The tables of the books, and no others."""
    with connect(database.owner_url, application_name="faults prepare") as conn:
        setup.prepare_roles(conn)
        migrations.apply(conn, ["koinon.db", *OF_THE_BOOKS])


PREPARE = """
import sys
from koinon.db.connections import Database
from koinon.server.prepare import prepare
prepare(Database(app_url=sys.argv[1], owner_url=sys.argv[2]))
"""


def prepare_everything(database: Database) -> None:
    """Every table there is, by a process of its own: Django can be set up only once in each."""
    command = [sys.executable, "-c", PREPARE, database.app_url, database.owner_url]
    subprocess.run(command, cwd=PROJECT, check=True)


@contextmanager
def scratch(root: Path | None) -> Iterator[Path]:
    """A short path for sockets, and everything of the run beneath it; kept where ``root`` was given."""
    if root is not None:
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        yield root
        return
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def run(settings: Settings, *, root: Path | None = None, say: Callable[[str], None] = lambda text: None) -> Report:
    """One run with these settings."""
    with scratch(root) as folder:
        os.chmod(folder, 0o700)
        return Run(settings, folder, say).run()
