"""The main job: a town's first month, from its folder to shops that were paid in euros.

    apply the folder → receive the budget → prepare, approve, disburse
    → the days of the month, with a bonus campaign and contributions
    → redemption run, two signatures, pain.001, settled by the bank's statement
    → a payout that waits for a second person, and the bank's answers to it
    → every invariant → the month's indicators

Every step looks at what is there before it does anything, and commits by itself
in pieces: a second run does nothing twice, and a run after kill -9 ends in the
same books as an undisturbed one. Times are those of the simulated calendar.

People and their behaviour are generated (``pilots.simulate``); operations,
books, files and checks are the real ones.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as clock
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection

from koinon.db import checks
from koinon.db.connections import Database, connect
from koinon.db.statements import execute, one, statement
from koinon.db.transactions import transaction
from koinon.impact import published
from koinon.impact import queries as impact
from koinon.impact.town import compiling, following, months
from koinon.kernel.money import Amount
from koinon.kernel.periods import Month
from koinon.ledger import operations as ledger
from koinon.ledger import queries as books
from koinon.ledger.types import Totals
from koinon.parties import queries as parties
from koinon.parties.secrets import Secrets
from koinon.parties.types import TownFacts
from koinon.pilots import apply as applying
from koinon.pilots import (
    demo_bank,
    demo_card,
    demo_life,
    demo_people,
    demo_waiting,
    simulate,
    simulate_run,
    townfolder,
)
from koinon.pilots.demo_card import DemoCard
from koinon.pilots.demo_errors import BooksBroken, FileInvalid, TownFolderMissing
from koinon.pilots.demo_people import SignIn
from koinon.pilots.demo_waiting import Waiting
from koinon.pilots.simulate_run import ACTOR, DayLived
from koinon.programmes import operations as programmes
from koinon.programmes import queries as plans
from koinon.treasury import operations as treasury
from koinon.treasury import pain001, payout_file
from koinon.treasury import queries as treasury_books
from koinon.treasury.errors import NothingToPay
from koinon.treasury.types import FileFormat, Run, RunState

FIRST_MONTH = Month(2026, 10)
BUNDLED = Path(__file__).resolve().parents[3] / "towns" / "besos"
PIECE = 40  # Households paid in one transaction: small, so that a kill in the middle is met by the tests.


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to show. ``folder`` is a town folder; files for the bank go under ``var``.

    ``aid_alone`` leaves out what ``demo_life`` and ``demo_waiting`` add to it: campaign, contributions, the bank's
    statement, and what is left to do.
    """

    var: Path
    folder: Path = BUNDLED
    first: Month = FIRST_MONTH
    months: int = 1
    aid_alone: bool = False

    @property
    def calendar(self) -> list[Month]:
        months = [self.first]
        while len(months) < self.months:
            months.append(months[-1].next())
        return months


class Telling:
    """Who wants to know how far the job is; this one listens to nobody."""

    def stage(self, name: str) -> None:
        """A stage begins."""

    def step(self, told: str, done: int, of: int) -> None:
        """Within a stage: so many of so many are done."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What the books hold at the end; amounts in minor units, ratios exact and None where undefined."""

    town: str
    town_name: str
    unit: str
    exponent: int
    national_currency: str
    month: Month
    residents: int
    households: int
    shops: int
    totals: Totals
    multiplier: Fraction | None
    recirculation: Fraction | None
    velocity: Fraction | None
    days_to_first_spend: Fraction | None
    by_zone: tuple[tuple[str, Fraction | None], ...]
    by_sse: tuple[tuple[str, Fraction | None], ...]
    done: Mapping[str, int]
    refused: Mapping[str, int]
    seal_head: str | None
    blocks: int
    checked: int
    failed: tuple[str, ...]
    files: tuple[Path, ...]
    sign_ins: tuple[SignIn, ...] = field(repr=False)
    card: DemoCard | None = field(repr=False)
    waiting: Waiting | None
    aid_ended_on: date | None
    seconds: Mapping[str, float] = field(compare=False)

    def as_json(self) -> dict[str, Any]:
        """The document of ``koinon demo --json``."""
        return {
            "generated": True,
            "note": "People, shops and their behaviour are generated; operations, books, files and checks are real.",
            "residents": self.residents,
            "shops": self.shops,
            "issued": self.totals.issued,
            "paid": self.totals.paid,
            "redeemed": self.totals.redeemed,
            "expired": self.totals.expired,
            "outstanding": self.totals.outstanding,
            "reserve": self.totals.reserve,
            "M": self.multiplier,
            "R": self.recirculation,
            "v": self.velocity,
            "seal_head": self.seal_head,
            "invariants": {"checked": self.checked, "failed": len(self.failed)},
            "files": [str(file) for file in self.files],
            "seconds": {name: round(seconds, 2) for name, seconds in self.seconds.items()},
        }


@dataclass(frozen=True, slots=True)
class _Counts:
    residents: int
    households: int
    shops: int


class _Watch:
    """How long each stage took."""

    def __init__(self, tell: Telling, seconds: dict[str, float]) -> None:
        self.tell = tell
        self.seconds = seconds

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.tell.stage(name)
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - began


def run(
    database: Database,
    wanted: Wanted,
    *,
    now: datetime,
    tell: Telling | None = None,
    seconds: Mapping[str, float] | None = None,
) -> Summary:
    """Do what is not done yet, and say what the books hold.

    Parameters
    ----------
    now
        The real time, for who signed what and for seals; what people do has the
        simulated calendar's.
    seconds
        What earlier stages took, to stand first in the summary.

    Refuses
    -------
    ``TownFolderMissing``, ``FindingsError`` with every finding, ``BooksBroken``
    after a day of a later month, and whatever its operations refuse.
    """
    watch = _Watch(tell or Telling(), dict(seconds or {}))
    # A check over the whole history may take longer than an ordinary statement.
    with connect(database.app_url, application_name="koinon demo", statement_timeout_seconds=300) as conn:
        return _Demo(conn, wanted, now, watch).run()


class _Demo:
    def __init__(self, conn: Connection[Any], wanted: Wanted, now: datetime, watch: _Watch) -> None:
        self.conn = conn
        self.wanted = wanted
        self.now = now
        self.watch = watch
        self.files: list[Path] = []
        self.card: DemoCard | None = None
        self.paid: Run | None = None
        self.waiting: Waiting | None = None
        self.lived: list[DayLived] = []

    def run(self) -> Summary:
        with self.watch.stage("town"):
            town = self._town()
            sign_ins = demo_people.kept_sign_ins(self.wanted.var)
            with transaction(self.conn):
                staff = demo_people.staff(self.conn, town, sign_ins, at=self.now)
        with self.watch.stage("budget"):
            self._budget(town, staff)
        for number, month in enumerate(self.wanted.calendar):
            with self.watch.stage("cycle"):
                self._cycles(town, month, staff)
            with self.watch.stage("purchases"):
                self._days(town, month, staff, check_each=number > 0)
            with self.watch.stage("redemption"):
                self.paid = self._payout(town, month, staff)
        with transaction(self.conn):
            demo_people.customers(self.conn, town, sign_ins, at=self.now)
            self.card = demo_card.made(self.conn, town, self.wanted.var, at=self.now)
            if self.paid is not None and not self.wanted.aid_alone:
                self.waiting = demo_waiting.left(
                    self.conn, town, self.wanted.calendar[-1], self.paid, self.wanted.var, staff
                )
        self._seal(town)
        with self.watch.stage("tracing"):
            self._follow(town)
        with self.watch.stage("check"), transaction(self.conn):
            results = checks.run_checks(self.conn)
            checks.keep(self.conn, town_id=town.id, results=results, at=self.now)
        with self.watch.stage("indicators"), transaction(self.conn):
            return self._summary(town, sign_ins, len(results), tuple(r.name for r in results if not r.passed))

    def _town(self) -> TownFacts:
        folder = self.wanted.folder
        if not (folder / "town.toml").is_file():
            raise TownFolderMissing(folder=folder)
        plan = townfolder.read(folder)
        with transaction(self.conn):
            applying.apply(
                self.conn,
                plan,
                at=self._moment_before(plan.town.time_zone, 21, 9),
                actor=ACTOR,
                accept_warnings=True,
                dry_run=False,
            )
            return parties.town_by_slug(self.conn, plan.town.slug)

    def _moment_before(self, zone: str, days: int, hour: int) -> datetime:
        """A moment before the first month, so that everything stands in the order of the calendar."""
        return datetime.combine(self.wanted.first.first_day - timedelta(days=days), clock(hour), ZoneInfo(zone))

    def _budget(self, town: TownFacts, staff: Mapping[str, str]) -> None:
        with transaction(self.conn):
            for fund in plans.funds(self.conn, town_id=town.id):
                if fund.budget_minor:
                    treasury.receive_budget(
                        self.conn,
                        town_id=town.id,
                        fund=fund.id,
                        amount=Amount(fund.budget_minor, town.unit_code),
                        bank_reference=f"DEMO/{self.wanted.first}/{fund.code}",
                        idempotency_key=f"demo:budget:{fund.code}",
                        at=self._moment_before(town.time_zone, 6, 11),
                        actor=staff["treasurer"],
                    )

    def _cycles(self, town: TownFacts, month: Month, staff: Mapping[str, str]) -> None:
        def moment(day: date, hour: int) -> datetime:
            return datetime.combine(day, clock(hour), town.zone)

        for programme in self._read(lambda: plans.programmes(self.conn, town_id=town.id)):
            if programme.kind == "coproduction":
                continue  # It has no months: it pays when a coordinator verifies.
            before = month.first_day - timedelta(days=2)
            with transaction(self.conn):
                cycle = programmes.prepare_cycle(
                    self.conn,
                    town_id=town.id,
                    programme_id=programme.id,
                    month=month,
                    actor=staff["officer"],
                    now=moment(before, 10),
                )
            if cycle.state == "prepared":
                with transaction(self.conn):
                    cycle = programmes.submit_cycle(
                        self.conn, town_id=town.id, cycle_id=cycle.id, actor=staff["officer"], now=moment(before, 11)
                    )
            if cycle.state == "submitted":
                with transaction(self.conn):
                    cycle = programmes.approve_cycle(
                        self.conn, town_id=town.id, cycle_id=cycle.id, actor=staff["approver"], now=moment(before, 15)
                    )
            while cycle.state != "disbursed":
                with transaction(self.conn):
                    cycle = programmes.disburse_some(
                        self.conn,
                        town_id=town.id,
                        cycle_id=cycle.id,
                        actor=staff["officer"],
                        now=moment(month.first_day, 8),
                        at_most=PIECE,
                    )
                self.watch.tell.step(f"{programme.code} {month}: paid out", cycle.paid, cycle.count)

    def _days(self, town: TownFacts, month: Month, staff: Mapping[str, str], *, check_each: bool) -> None:
        if month == self.wanted.first and not self.wanted.aid_alone:
            with transaction(self.conn):
                demo_life.release_campaign(self.conn, town, month, staff)
        self._seal(town)
        self._lived_until(town, month.first_day - timedelta(days=1))  # From now on it may live ahead of the clock.
        with transaction(self.conn):
            lived = simulate_run.days_lived(self.conn, town, month)
            model = simulate_run.model(self.conn, town, month=month, habits=simulate.usual_behaviour())
        days = month.days()
        aid_arrives = datetime.combine(month.first_day, clock(8, 30), town.zone)
        for number, day in enumerate(days, start=1):
            if day not in lived:
                with transaction(self.conn):
                    lived[day] = self._live(town, model, day, aid_arrives, staff)
                self._seal(town)
                if check_each:
                    self._check_after(day)
                self.watch.tell.step(f"{day}: {_told(lived[day])}", number, len(days))
        self._lived_until(town, days[-1])
        self.lived += [lived[day] for day in days]

    def _live(
        self, town: TownFacts, model: simulate.Model, day: date, start: datetime, staff: Mapping[str, str]
    ) -> DayLived:
        """A day of the town, from the timer's first hour to the coordinator's evening."""
        if not self.wanted.aid_alone:
            demo_life.end_campaigns(self.conn, town, day)
        lived = simulate_run.live(self.conn, town, model=model, day=day, start=start)
        if not self.wanted.aid_alone:
            demo_life.contribute(self.conn, town, day, staff)
        return lived

    def _lived_until(self, town: TownFacts, day: date) -> None:
        with transaction(self.conn):
            execute(self.conn, statement("koinon.pilots", "demo_lived_until"), town_id=town.id, day=day)

    def _check_after(self, day: date) -> None:
        with transaction(self.conn):
            failed = [result.name for result in checks.run_checks(self.conn) if not result.passed]
        if failed:
            raise BooksBroken(day=day, failed=failed)

    def _payout(self, town: TownFacts, month: Month, staff: Mapping[str, str]) -> Run | None:
        day = month.next().first_day

        def moment(hour: int, days: int = 0) -> datetime:
            return datetime.combine(day + timedelta(days=days), clock(hour), town.zone)

        def in_one(step: Callable[..., Any], **given: Any) -> Any:
            with transaction(self.conn):
                return step(self.conn, town_id=town.id, **given)

        try:
            run = in_one(
                treasury.prepare_run,
                idempotency_key=f"demo:{month}:payout",
                at=moment(9),
                actor=staff["treasurer"],
                requested_before=month.bounds(town.zone)[1],
            )
        except NothingToPay:
            return None
        secrets = Secrets.load()
        if run.state == RunState.PREPARED:
            run = in_one(treasury.approve_run, run_id=run.id, secrets=secrets, at=moment(11), actor=staff["approver"])
        file = in_one(treasury.export_run, run_id=run.id, secrets=secrets, at=moment(12), actor=staff["treasurer"])
        run = self._read(lambda: treasury_books.run(self.conn, town_id=town.id, run_id=run.id))
        if run.file_format is not None and run.file_format != FileFormat.CSV:
            faults = pain001.faults(file.content, run.file_format)
            if faults:
                raise FileInvalid(file=file.name, faults=faults)
        self.files.append(payout_file.keep(self.wanted.var / "payouts", f"{month}-{file.name}", file.content))
        file_of_bank = self.wanted.var / "statements" / f"{month}.camt053.xml"
        told = None if self.wanted.aid_alone else demo_bank.kept(file_of_bank, run)
        if told is None and not self.wanted.aid_alone and run.state == RunState.EXPORTED:
            told = self._read(lambda: demo_life.statement_of(self.conn, town, month, run, secrets))
        if told is not None:
            payout_file.keep(file_of_bank.parent, file_of_bank.name, told)
            who = staff["treasurer"]
            demo_life.take_in_statement(self.conn, town, told, secrets, at=moment(10, days=2), actor=who)
        elif run.state == RunState.EXPORTED:
            in_one(treasury.settle_run, run_id=run.id, at=moment(10, days=2), actor=staff["treasurer"])
        paid: Run = self._read(lambda: treasury_books.run(self.conn, town_id=town.id, run_id=run.id))
        return paid

    def _seal(self, town: TownFacts) -> None:
        with transaction(self.conn):
            ledger.seal(self.conn, town_id=town.id, at=self.now)

    def _follow(self, town: TownFacts) -> None:
        """What became of each unit, as the site keeps it, and as it stood when each month ended."""
        compiling.compile_beside()
        with transaction(self.conn):
            following.follow(self.conn, town_id=town.id, at=self.now, actor=ACTOR)
            months.trace_months(self.conn, town_id=town.id, at=self.now, actor=ACTOR)
        with transaction(self.conn, one_snapshot=True):
            published.publish_months(self.conn, town_id=town.id, at=self.now, actor=ACTOR)

    def _summary(self, town: TownFacts, sign_ins: list[SignIn], checked: int, failed: tuple[str, ...]) -> Summary:
        month = self.wanted.calendar[-1]
        counts = one(self.conn, statement("koinon.pilots", "demo_counts"), _Counts, town_id=town.id)
        report = impact.month(self.conn, town.id, month, town.zone)
        head = books.head(self.conn, town_id=town.id)
        done: Counter[str] = Counter()
        refused: Counter[str] = Counter()
        for day in self.lived:
            done.update(day.done)
            refused.update(day.refused)
        return Summary(
            town=town.slug,
            town_name=town.name,
            unit=town.unit_code,
            exponent=town.exponent,
            national_currency=town.national_currency,
            month=month,
            residents=counts.residents,
            households=counts.households,
            shops=counts.shops,
            totals=books.totals(self.conn, town_id=town.id),
            multiplier=report.multiplier,
            recirculation=report.recirculation,
            velocity=report.velocity,
            days_to_first_spend=report.first_spend.median,
            by_zone=tuple((share.label, share.share) for share in report.by_zone),
            by_sse=tuple((share.label, share.share) for share in report.by_sse),
            done=dict(done),
            refused=dict(refused),
            seal_head=head.hash.hex() if head else None,
            blocks=head.number if head else 0,
            checked=checked,
            failed=failed,
            files=tuple(self.files),
            sign_ins=tuple(sign_ins),
            card=self.card,
            waiting=self.waiting,
            aid_ended_on=aid_ended_on(self.conn, town, self.now.astimezone(town.zone).date()),
            seconds=self.watch.seconds,
        )

    def _read(self, query: Callable[[], Any]) -> Any:
        with transaction(self.conn):
            return query()


def aid_ended_on(conn: Connection[Any], town: TownFacts, today: date) -> date | None:
    """The last day on which aid could be spent, where it is over: the calendar of a demonstration stands still, ours does not."""
    giving = {one.fund_id for one in plans.programmes(conn, town_id=town.id) if one.kind != "coproduction"}
    last_days = [fund.on(today).last_day for fund in plans.funds(conn, town_id=town.id) if fund.id in giving]
    return min((day for day in last_days if day is not None and day < today), default=None)


_WORDS = {
    "purchase": ("purchase", "purchases"),
    "supply": ("supplier payment", "supplier payments"),
    "refund": ("refund", "refunds"),
    "redemption": ("redemption", "redemptions"),
}


def _told(lived: DayLived) -> str:
    told = [f"{lived.done[kind]} {words[lived.done[kind] > 1]}" for kind, words in _WORDS.items() if kind in lived.done]
    if lived.refused:
        told.append(f"{sum(lived.refused.values())} refused")
    return ", ".join(told) or "a quiet day"
