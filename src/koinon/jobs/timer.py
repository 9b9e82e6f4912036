"""A thread that seals every minute and follows what was sealed, lapses holds, pays out what is scheduled, runs the
invariants, sweeps every day and clears old logs away.

Each round opens a connection of its own, does one town at a time in one
transaction each, and closes it: a database that went away is found again at the
next round, and no error of one town keeps another from being sealed. Two
processes that seal at once take turns at the head of the chain.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import structlog
from psycopg import Connection

from koinon.accounting import operations as accounting
from koinon.banking import operations as banking
from koinon.campaigns import operations as campaigns
from koinon.db import checks
from koinon.db.connections import connect
from koinon.db.transactions import transaction
from koinon.helpdesk import people
from koinon.jobs import deliveries, disbursing, following, metrics
from koinon.jobs.messaging import messaging
from koinon.jobs.metrics import figures
from koinon.kernel.errors import KoinonError
from koinon.ledger import operations as ledger
from koinon.office import operations as office
from koinon.offline import operations as offline
from koinon.parties import operations as accounts
from koinon.parties import queries as parties
from koinon.parties.secrets import Secrets
from koinon.parties.types import TownName
from koinon.parties.vault import Vault
from koinon.payments import operations as payments
from koinon.programmes import funds, sweeping
from koinon.programmes import operations as programmes
from koinon.programmes import queries as plans
from koinon.programmes.types import FundView
from koinon.treasury import standing

log = structlog.get_logger("koinon.jobs")

SEAL_EVERY_SECONDS = 60.0
CHECK_EVERY_SECONDS = 900.0
SWEEP_EVERY_SECONDS = 86400.0
PURGE_EVERY_SECONDS = 3600.0
DISBURSE_EVERY_SECONDS = 15.0

SWEEPER = "job:sweep"
COVERER = "job:cover"


def seal_round(conn: Connection[Any], *, now: datetime) -> int:
    """Lapse what is due and seal what was posted, in every town; the number of transfers sealed."""
    sealed = 0
    for town in _towns(conn):
        with transaction(conn):
            lapsed = payments.lapse_holds(conn, town_id=town.id, now=now)
        if lapsed:
            figures.add(metrics.LAPSED, lapsed, town=town.slug)
            log.info("holds lapsed", town=town.slug, holds=lapsed)
        _collect(conn, town, now=now)
        with transaction(conn):
            blocks = ledger.seal_all(conn, town_id=town.id, at=now)
        for block in blocks:
            sealed += block.transfers
            figures.add(metrics.SEALED, block.transfers, town=town.slug)
            log.info("block sealed", town=town.slug, block=block.number, transfers=block.transfers)
        with transaction(conn):
            funds.mark_reserves(conn, town_id=town.id)
    figures.set(metrics.SEALED_AT, time.time())
    return sealed


def _collect(conn: Connection[Any], town: TownName, *, now: datetime) -> None:
    """Take back bonuses that were undone while a hold kept them from being taken."""
    with transaction(conn):
        owing = campaigns.owing(conn, town_id=town.id)
    for party in owing:
        with _by_itself("campaigns", "bonus not taken back", town=town.slug, party=str(party)), transaction(conn):
            campaigns.collect(conn, town_id=town.id, party=party, at=now, actor=campaigns.TIMER)


def check_round(conn: Connection[Any]) -> list[str]:
    """Run every invariant and keep what it says; the names of those that failed."""
    with transaction(conn):
        results = checks.run_checks(conn)
        failed = [result for result in results if not result.passed]
    for town in _towns(conn):
        with transaction(conn):
            # Of several towns, the first rows that fail may all be another one's: then each is asked by itself.
            own = checks.run_checks(conn, town_id=town.id) if failed else results
            checks.keep(conn, town_id=town.id, results=own, at=datetime.now(UTC))
    for result in failed:
        log.error("invariant failed", invariant=result.name, package=result.package, rows=result.failures[:3])
    figures.set(metrics.CHECKS_FAILED, len(failed))
    figures.set(metrics.CHECKED_AT, time.time())
    log.info("invariants checked", failed=len(failed))
    return [result.name for result in failed]


def sweep_round(conn: Connection[Any], *, now: datetime) -> int:
    """Return what lies unspent in purses to the reserve of every fund whose last day is over; minor units in all.

    Whoever has money of a fund is told before, and what shops could only pay on becomes free after.

    Each fund has a transaction of its own: one that cannot be swept is logged and counted, and holds up no other.
    """
    swept_minor = 0
    for town in _towns(conn):
        with transaction(conn):
            today = now.astimezone(parties.town(conn, town.id).zone).date()
            ours = plans.funds(conn, town_id=town.id)
        for fund in ours:
            held = fund.on(today)
            over = held.last_day is not None and today > held.last_day
            with _by_itself("sweep", "sweep refused", town=town.slug, fund=fund.code):
                with transaction(conn):
                    funds.tell_ending(conn, town_id=town.id, fund_id=fund.id, actor=SWEEPER, now=now)
                if over:
                    swept_minor += _sweep(conn, town, fund, now=now)
                if over or not held.rule.chain:
                    _unbind(conn, town, fund, now=now)
    figures.set(metrics.SWEPT_AT, time.time())
    return swept_minor


def _sweep(conn: Connection[Any], town: TownName, fund: FundView, *, now: datetime) -> int:
    with transaction(conn):
        swept = programmes.sweep_fund(conn, town_id=town.id, fund_id=fund.id, actor=SWEEPER, now=now)
    if swept.purses:
        figures.add(metrics.SWEPT, swept.minor, town=town.slug)
        log.info("fund swept", town=town.slug, fund=fund.code, purses=swept.purses, minor=swept.minor)
    return swept.minor


def _unbind(conn: Connection[Any], town: TownName, fund: FundView, *, now: datetime) -> None:
    more = True
    while more:
        with transaction(conn):
            freed = sweeping.unbind(conn, town_id=town.id, fund_id=fund.id, actor=SWEEPER, now=now)
        more = freed.more
        if freed.tills:
            log.info("money unbound", town=town.slug, fund=fund.code, tills=freed.tills, minor=freed.minor)


def campaigns_round(conn: Connection[Any], *, now: datetime) -> int:
    """End every bonus campaign whose last day is over, and return what lies in those that ended; how many there were.

    Each campaign has a transaction of its own: one that cannot be ended holds up no other.
    """
    ended = 0
    for town in _towns(conn):
        with transaction(conn):
            today = now.astimezone(parties.town(conn, town.id).zone).date()
            over = campaigns.over(conn, town_id=town.id, today=today)
        for campaign in over:
            with _by_itself("campaigns", "campaign not ended", town=town.slug, campaign=str(campaign)):
                with transaction(conn):
                    campaigns.end(conn, town_id=town.id, campaign_id=campaign, at=now, actor=campaigns.TIMER)
                ended += 1
                log.info("campaign ended", town=town.slug, campaign=str(campaign))
    return ended


def standing_orders_round(conn: Connection[Any], *, now: datetime) -> int:
    """Ask to be paid out for every business that wants so before each run; how many asked.

    Each has a transaction of its own: one that is refused holds up no other, and is tried again the next day.
    """
    asked = 0
    for town in _towns(conn):
        with transaction(conn):
            waiting = standing.orders(conn, town_id=town.id)
        for order in waiting:
            with _by_itself("standing-orders", "standing order refused", town=town.slug), transaction(conn):
                asked += standing.ask_due(conn, town_id=town.id, party=order.party, at=now) is not None
    return asked


def cover_round(conn: Connection[Any], *, now: datetime) -> int:
    """Pay shops what towns owe them for payments without a network, as far as there is money; how many were paid.

    Before that, take back what towns covered of sales that were given back since.

    Each town has transactions of its own: one in which it is refused is logged and counted, and holds up no other.
    """
    paid = 0
    for town in _towns(conn):
        with _by_itself("cover", "covers not returned", town=town.slug):
            with transaction(conn):
                returned = offline.take_back(conn, town_id=town.id, at=now, actor=COVERER)
            if returned:
                log.info("covers returned", town=town.slug, sales=returned)
        with _by_itself("cover", "losses not covered", town=town.slug):
            with transaction(conn):
                covered = offline.cover_owed(conn, town_id=town.id, at=now, actor=COVERER)
            if covered:
                log.info("losses covered", town=town.slug, vouchers=covered)
            paid += covered
    return paid


def watch_round(conn: Connection[Any], *, now: datetime) -> dict[str, str]:
    """See in every town whether its payments come near what the authority is told of; where each stands."""
    seen = {}
    for town in _towns(conn):
        with transaction(conn):
            seen[town.slug] = str(accounting.watch_network(conn, town_id=town.id, at=now))
    return seen


def forget_round(conn: Connection[Any], *, now: datetime) -> int:
    """Forget bank files and lists that were looked at and never taken in: they hold names. How many.

    Sessions that are over go as well: they hold by which name somebody signed in.

    So ends, thirteen months after their authorisation, the name of who was let pay for somebody.
    """
    with transaction(conn):
        forgotten = office.forget_stale_uploads(conn, at=now)
    with transaction(conn):
        accounts.forget_ended_sessions(conn, at=now)
    for town in _towns(conn):
        with transaction(conn):
            forgotten += banking.forget_lapsed(conn, town_id=town.id, at=now)
        with transaction(conn):
            people.forget_long_over(conn, town_id=town.id, now=now, vault=Vault(conn, Secrets.load()))
    return forgotten


class Timer(threading.Thread):
    """Runs the rounds until it is told to stop. The first sweep is at the start: the site may not run all night."""

    def __init__(
        self,
        url: str,
        *,
        seal_every: float = SEAL_EVERY_SECONDS,
        check_every: float = CHECK_EVERY_SECONDS,
        sweep_every: float = SWEEP_EVERY_SECONDS,
        purge_every: float = PURGE_EVERY_SECONDS,
        disburse_every: float = DISBURSE_EVERY_SECONDS,
    ) -> None:
        super().__init__(name="koinon jobs", daemon=True)
        self._url = url
        self._seal_every = seal_every
        self._check_every = check_every
        self._sweep_every = sweep_every
        self._purge_every = purge_every
        self._disburse_every = disburse_every
        self._told = threading.Event()

    def run(self) -> None:
        seal_at = time.monotonic() + self._seal_every
        check_at = time.monotonic() + self._check_every
        sweep_at = purge_at = disburse_at = time.monotonic()
        while True:
            next_at = min(seal_at, check_at, sweep_at, purge_at, disburse_at)
            if self._told.wait(max(next_at - time.monotonic(), 0)):
                return
            if time.monotonic() >= sweep_at:
                self._once("sweep", lambda conn: sweep_round(conn, now=datetime.now(UTC)))
                self._once("campaigns", lambda conn: campaigns_round(conn, now=datetime.now(UTC)))
                self._once("standing orders", lambda conn: standing_orders_round(conn, now=datetime.now(UTC)))
                self._once("watch", lambda conn: watch_round(conn, now=datetime.now(UTC)))
                sweep_at = time.monotonic() + self._sweep_every
            if time.monotonic() >= seal_at:
                self._once("seal", lambda conn: seal_round(conn, now=datetime.now(UTC)))
                self._once("impact", lambda conn: following.follow_round(conn, _towns(conn), now=datetime.now(UTC)))
                seal_at = time.monotonic() + self._seal_every
            if time.monotonic() >= check_at:
                self._once("check", check_round)
                check_at = time.monotonic() + self._check_every
            if time.monotonic() >= disburse_at:
                self._once("disburse", lambda conn: disbursing.disburse_round(conn, now=datetime.now(UTC)))
                disburse_at = time.monotonic() + self._disburse_every
            if time.monotonic() >= purge_at:
                self._once("forget", lambda conn: forget_round(conn, now=datetime.now(UTC)))
                self._once("cover", lambda conn: cover_round(conn, now=datetime.now(UTC)))
                self._once("purge", lambda conn: deliveries.purge_round(conn, now=datetime.now(UTC)))
                purge_at = time.monotonic() + self._purge_every
            self._write_figures()

    def stop(self) -> None:
        """Finish the round under way and end."""
        self._told.set()
        if self.is_alive():
            self.join(timeout=30)

    def _write_figures(self) -> None:
        try:
            figures.write(metrics.file_from_environment())
        except OSError as failed:
            log.error("figures not written", error=type(failed).__name__)

    def _once(self, job: str, work: Callable[[Connection[Any]], object]) -> None:
        try:
            # A check of a whole history may take longer than an ordinary statement.
            conn = connect(self._url, application_name=f"koinon {job}", statement_timeout_seconds=300)
            try:
                work(conn)
            finally:
                conn.close()
        except Exception as failed:  # noqa: BLE001  The next round tries again; a dead timer would seal nothing.
            figures.add(metrics.FAILED, job=job)
            log.error("job failed", job=job, error=type(failed).__name__, message=str(failed)[:200])


@contextmanager
def running(url: str) -> Iterator[Timer]:
    """The timer, and beside it what sends webhooks and mails, for as long as the block lasts."""
    timer = Timer(url)
    timer.start()
    try:
        with deliveries.delivering(url), messaging(url):
            yield timer
    finally:
        timer.stop()


@contextmanager
def _by_itself(job: str, refused: str, **about: str) -> Iterator[None]:
    """Log and count a refusal of what the block does, and go on behind it; anything else ends the round."""
    try:
        yield
    except KoinonError as refusal:
        figures.add(metrics.FAILED, job=job)
        log.error(refused, **about, code=refusal.code)


def _towns(conn: Connection[Any]) -> list[TownName]:
    with transaction(conn):
        return parties.towns(conn)
