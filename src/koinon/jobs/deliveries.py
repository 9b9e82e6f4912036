"""A thread that sends what the outbox holds: webhooks and mails, many at once, each tried again until it arrives.

It claims a few due rows of each listener, sends them side by side, and writes
down how they ended together with the next claim. No transaction is open
while it waits for anybody. A claimed row whose worker dies comes back when its lease is over; one
whose outcome could not be written is sent twice rather than not at all.

While there is nothing to do it holds an advisory lock and listens: whoever commits
something to tell then notifies it. While it is busy nobody needs to, for it looks by itself.
"""

from __future__ import annotations

import asyncio
import os
import random
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg import Connection, Notify, OperationalError

from koinon.db.connections import connect
from koinon.db.statements import scalar
from koinon.db.transactions import transaction
from koinon.jobs import metrics, webhooks
from koinon.jobs.metrics import figures
from koinon.jobs.webhooks import NotSent
from koinon.kernel.errors import KoinonError
from koinon.outbox import operations as outbox
from koinon.outbox import queries, rules
from koinon.outbox.errors import SecretNotReadable
from koinon.outbox.types import Channel, Claimed, Outcome
from koinon.parties import queries as parties
from koinon.parties.secrets import Secrets

log = structlog.get_logger("koinon.jobs")

MOST_AT_ONCE = 64
MOST_OF_ONE_LISTENER = 8
LEASE_SECONDS = 60  # More than any attempt may take.
LOOK_EVERY_SECONDS = 1.0
LOOK_SOON_SECONDS = 0.2
LOOK_AGAIN_SECONDS = 1.0  # Where the database was away.
LOOK_AFTER_A_DEFECT_SECONDS = 5.0
MEASURE_EVERY_SECONDS = 15.0
PATIENCE_AT_THE_END_SECONDS = 5.0
KEPT_DAYS = 30
_ASLEEP = 7_012_018_101  # The advisory lock that outbox/sql/tell.sql asks about.


@dataclass(frozen=True, slots=True)
class Manner:
    """How deliveries are sent: what the environment says, and what tests make shorter."""

    inside: bool = False
    timeout_seconds: float = webhooks.TIMEOUT_SECONDS
    lease_seconds: int = LEASE_SECONDS
    most_at_once: int = MOST_AT_ONCE
    most_of_one_listener: int = MOST_OF_ONE_LISTENER
    context: ssl.SSLContext = field(default_factory=webhooks.tls, repr=False)
    secrets: Secrets | None = None

    @classmethod
    def from_environment(cls) -> Manner:
        return cls(inside=os.environ.get("KOINON_WEBHOOKS_INSIDE") == "1")


class Deliverer(threading.Thread):
    """Sends until it is told to stop. A database that went away is found again."""

    def __init__(self, url: str, manner: Manner | None = None) -> None:
        super().__init__(name="koinon deliveries", daemon=True)
        self._url = url
        self._manner = manner or Manner.from_environment()
        self._stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: asyncio.Event | None = None
        self._begun = threading.Event()

    def run(self) -> None:
        asyncio.run(self._live())

    def stop(self) -> None:
        """Send nothing new, let what is under way end if it is quick, and end."""
        self._begun.wait(5)
        self._stopping = True
        if self._loop is not None and self._wake is not None:
            with suppress(RuntimeError):  # The loop has ended by itself.
                self._loop.call_soon_threadsafe(self._wake.set)
        if self.is_alive():
            self.join(timeout=PATIENCE_AT_THE_END_SECONDS + 10)

    async def _live(self) -> None:
        self._loop, self._wake = asyncio.get_running_loop(), asyncio.Event()
        self._begun.set()
        with (
            ThreadPoolExecutor(1, "koinon outbox") as books,
            ThreadPoolExecutor(32, "koinon names") as resolver,
            ThreadPoolExecutor(4, "koinon mail") as post,
        ):
            worker = _Worker(self._url, self._manner, self._wake, books, resolver, post)
            while not self._stopping:
                try:
                    await worker.work(lambda: self._stopping)
                except Exception as failed:  # noqa: BLE001  A dead worker would tell nobody anything.
                    figures.add(metrics.FAILED, job="deliver")
                    log.error("job failed", job="deliver", error=type(failed).__name__)
                    await worker.let_go()
                    away = isinstance(failed, KoinonError | OperationalError)
                    pause = LOOK_AGAIN_SECONDS if away else LOOK_AFTER_A_DEFECT_SECONDS
                    await asyncio.sleep(0 if self._stopping else pause)
            await worker.end()


class _Worker:
    """What the thread's loop works with. Only ``books``, a single thread, touches the connection."""

    def __init__(
        self,
        url: str,
        manner: Manner,
        wake: asyncio.Event,
        books: ThreadPoolExecutor,
        resolver: ThreadPoolExecutor,
        post: ThreadPoolExecutor,
    ) -> None:
        self._url = url
        self._manner = manner
        self._loop = asyncio.get_running_loop()
        self._wake = wake
        self._books = books
        self._resolver = resolver
        self._post = post
        self._conn: Connection[Any] | None = None
        self._asleep = False
        self._ended: list[Outcome] = []
        self._under_way: dict[asyncio.Task[None], Claimed] = {}
        self._towns: dict[int, str] = {}
        self._measured = 0.0

    async def work(self, stopping: Any) -> None:
        loop = asyncio.get_running_loop()
        while not stopping():
            self._wake.clear()
            claimed = await self._turn(claiming=True)
            for one in claimed:
                task = loop.create_task(self._deliver(one))
                self._under_way[task] = one
                task.add_done_callback(self._done)
            if claimed:
                await loop.run_in_executor(self._books, self._wake_up)
                continue
            if self._ended:
                continue
            if not self._asleep and await loop.run_in_executor(self._books, self._fall_asleep):
                continue  # Look once more: what was committed before we slept notified nobody.
            await self._wait(LOOK_EVERY_SECONDS if self._asleep else LOOK_SOON_SECONDS)

    async def end(self) -> None:
        """Wait a little for what is under way and write down how it ended; the rest comes back when its lease is over."""
        if self._under_way:
            _ended, late = await asyncio.wait(list(self._under_way), timeout=PATIENCE_AT_THE_END_SECONDS)
            for task in late:
                task.cancel()
        with suppress(KoinonError, psycopg.Error):
            await self._turn(claiming=False)
        await self.let_go()

    async def let_go(self) -> None:
        def close() -> None:
            if self._conn is not None:
                self._conn.close()
            self._conn, self._asleep = None, False

        await asyncio.get_running_loop().run_in_executor(self._books, close)

    async def _wait(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        conn = self._conn
        assert conn is not None
        wire = conn.fileno()
        loop.add_reader(wire, self._wake.set)  # A notification, or the server has gone: the next turn finds out.
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), seconds)
        finally:
            loop.remove_reader(wire)

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        self._wake.set()

    # In the thread of the books

    async def _turn(self, *, claiming: bool) -> list[Claimed]:
        outcomes, self._ended = self._ended, []
        busy = Counter(one.listener_id for one in self._under_way.values())
        room = self._manner.most_at_once - len(self._under_way) if claiming else 0
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._books, self._finish_and_claim, outcomes, room, busy
            )
        except BaseException:
            self._ended = outcomes + self._ended  # Written again on the next connection; twice does no harm.
            raise

    def _connection(self) -> Connection[Any]:
        if self._conn is None:
            conn = connect(self._url, application_name="koinon deliver")
            conn.add_notify_handler(self._told)
            try:
                with transaction(conn):
                    conn.execute("LISTEN koinon_outbox")
            except BaseException:
                conn.close()
                raise
            self._conn = conn
        return self._conn

    def _told(self, _notification: Notify) -> None:
        """One that comes with the answer to a statement leaves nothing on the wire to wake us."""
        self._loop.call_soon_threadsafe(self._wake.set)

    def _finish_and_claim(self, outcomes: list[Outcome], room: int, busy: Counter[UUID]) -> list[Claimed]:
        conn = self._connection()
        with transaction(conn):
            disabled = outbox.finish(conn, outcomes, at=datetime.now(UTC))
            claimed = (
                outbox.claim(
                    conn,
                    most=room,
                    each=self._manner.most_of_one_listener,
                    busy=busy,
                    lease_seconds=self._manner.lease_seconds,
                )
                if room > 0
                else []
            )
            if {one.town_id for one in claimed} - self._towns.keys():
                self._towns = {town.id: town.slug for town in parties.towns(conn)}
            if time.monotonic() >= self._measured + MEASURE_EVERY_SECONDS:
                _measure(conn)
                self._measured = time.monotonic()
        for one in outcomes:
            ended = "delivered" if not one.error else "failed" if one.wait_seconds is None else "again"
            figures.add(metrics.DELIVERIES, channel=one.claimed.channel, ended=ended)
        for one_disabled in disabled:
            log.warning("webhook endpoint disabled", town=one_disabled.town_id, endpoint=str(one_disabled.id))
        return claimed

    def _fall_asleep(self) -> bool:
        """Whether whoever tells something from now on will notify us."""
        conn = self._connection()
        with transaction(conn):
            self._asleep = bool(scalar(conn, "SELECT pg_try_advisory_lock(%(key)s)", key=_ASLEEP))
        return self._asleep

    def _wake_up(self) -> None:
        if self._asleep:
            conn = self._connection()
            with transaction(conn):
                conn.execute("SELECT pg_advisory_unlock(%s)", [_ASLEEP])
            self._asleep = False

    def _prepared(self, claimed: Claimed) -> Any:
        """The letter of a mail, or None where it was for a whole role and has become one for each."""
        from koinon.jobs import mails  # Django is needed for mails only.

        conn = self._connection()
        with transaction(conn):
            if claimed.recipient.startswith("role:"):
                outbox.fan_out(conn, claimed, mails.recipients(conn, claimed))
                return None
            return mails.letter(conn, claimed, town=parties.town(conn, claimed.town_id), secrets=self._secrets())

    def _secrets(self) -> Secrets:
        return self._manner.secrets or Secrets.load()

    # On the way to others

    async def _deliver(self, claimed: Claimed) -> None:
        began = time.monotonic()
        status, error, asked = None, "", None
        try:
            if claimed.channel == Channel.WEBHOOK:
                answer = await self._send_webhook(claimed)
                status, asked = answer.status, answer.retry_after
                error = _error_of(status)
            else:
                await self._send_mail(claimed)
        except NotSent as failed:
            error = failed.code
        except SecretNotReadable:
            error = "secret"
        except (KoinonError, OperationalError):
            return  # The database is away: the row comes back by itself.
        except Exception as failed:  # noqa: BLE001  Ours to mend; the message is tried again all the same.
            log.error("delivery failed", error=type(failed).__name__)
            error = "defect"
        never_again = error in _NEVER_AGAIN
        wait = rules.wait_seconds(claimed.tries, chance=random.random(), asked=asked)  # noqa: S311  No secret.
        self._ended.append(
            Outcome(
                claimed,
                took_ms=int((time.monotonic() - began) * 1000),
                status=status,
                error=error,
                wait_seconds=None if not error or never_again else wait,
                gone=status == 410,
            )
        )

    async def _send_webhook(self, claimed: Claimed) -> webhooks.Answer:
        body = rules.message(
            event_id=claimed.event_id,
            kind=claimed.kind,
            subject=claimed.subject,
            at=claimed.at,
            town=self._towns.get(claimed.town_id, ""),
            data=claimed.data,
            party=claimed.party,
        )
        seconds = int(time.time())
        secrets = outbox.signing_secrets(claimed, self._secrets())
        return await webhooks.post(
            claimed.url,
            body=body,
            headers={
                "User-Agent": webhooks.USER_AGENT,
                "Content-Type": "application/json",
                "webhook-id": str(claimed.event_id),
                "webhook-timestamp": str(seconds),
                "webhook-signature": rules.signature(secrets, message_id=claimed.event_id, seconds=seconds, body=body),
            },
            context=self._manner.context,
            resolver=self._resolver,
            inside=self._manner.inside,
            timeout_seconds=self._manner.timeout_seconds,
        )

    async def _send_mail(self, claimed: Claimed) -> None:
        from koinon.jobs import mails

        loop = asyncio.get_running_loop()
        letter = await loop.run_in_executor(self._books, self._prepared, claimed)
        if letter is not None:
            await loop.run_in_executor(self._post, mails.send, letter)


# What will not be otherwise in a day or in three.
_NEVER_AGAIN = frozenset({"nobody", "no-address", "recipient-refused"})


def _error_of(status: int) -> str:
    """What an answer's status means; empty where the message arrived.

    >>> [_error_of(status) for status in (204, 302, 410, 500)]
    ['', 'redirect', 'gone', 'status']
    """
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return "redirect"
    return "gone" if status == 410 else "status"


def _measure(conn: Connection[Any]) -> None:
    backlog = queries.backlog(conn)
    figures.set(metrics.BACKLOG, backlog.due)
    figures.set(metrics.BACKLOG_AGE, max(backlog.oldest_seconds, 0))


def purge_round(conn: Connection[Any], *, now: datetime, kept: timedelta = timedelta(days=KEPT_DAYS)) -> int:
    """Delete what ended longer ago than logs are kept, in small pieces; how many deliveries."""
    gone = 0
    while True:
        with transaction(conn):
            piece = outbox.purge(conn, before=now - kept)
        gone += piece
        if piece == 0:
            return gone


@contextmanager
def delivering(url: str, manner: Manner | None = None) -> Iterator[Deliverer]:
    """The deliverer, for as long as the block lasts."""
    deliverer = Deliverer(url, manner)
    deliverer.start()
    try:
        yield deliverer
    finally:
        deliverer.stop()
