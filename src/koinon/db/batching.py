"""Collect what many ask for at the same time, and write it as one batch.

    with Batcher(url, write) as batcher:
        result = batcher.submit(item).result()      # from a thread
        result = await batcher.collect(item)        # from asyncio

There is no timer: a writer takes whatever waits, and the next batch fills while it
commits. An item that comes alone goes at once. Nothing is told before it is
committed. ``write`` must be idempotent by what its items carry: a batch whose
connection broke, before its commit or after, is written again until what became
of it is known.

What is collected from asyncio need not wake a thread: with ``quick``, the event loop writes it itself through
lanes (koinon.db.lanes). A lane has no patience: whatever does not go as usual, it leaves to the
writers, who find out what became of it. docs/algorithms/batching.md tells the whole story.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import structlog
from psycopg import Connection, Error, InterfaceError, OperationalError

from koinon.db.connections import connect
from koinon.db.errors import NotSettled, QueueFull, Unreachable
from koinon.db.lanes import ROLLBACK, Lane
from koinon.kernel.errors import KoinonError

log = structlog.get_logger("koinon.batching")

Item = TypeVar("Item")
Result = TypeVar("Result")
Write = Callable[[Connection[Any], Sequence[Item]], Sequence[Result]]
Quick = Callable[[Lane, Sequence[Item]], Awaitable[Sequence[Result]]]

_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 1.0
_CONFLICTS = 5  # Deadlocks and the like are over at the next try; what is not, has another cause.
_LANES_CLOSE_WITHIN_SECONDS = 5.0
_OPEN_A_LANE_AGAIN_AFTER_SECONDS = 0.5
_LANES = 2  # One batch is decided while the other one is committed.
_WORTH_SPLITTING = 12  # As few items as this are not shared among lanes: a batch has its price, too.


class NotQuick(Exception):
    """Raised by ``quick`` before it has ended a transaction: it takes more than a lane can do."""


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Item, Result]):
    """An item and whoever waits for it: a thread's future, or one of an event loop."""

    item: Item
    future: Future[Result] | asyncio.Future[Result]
    loop: asyncio.AbstractEventLoop | None


@dataclass(frozen=True, slots=True)
class _Raised:
    """Instead of a result: refusals that ``write`` returns are results, what it raises is not."""

    error: BaseException


class Batcher(Generic[Item, Result]):
    """Writers with a connection each, and one bounded queue before them.

    Parameters
    ----------
    write
        Writes a batch within the transaction of its connection and gives one result for each item, in
        order. Results are told once the transaction has committed. If it raises, nothing is
        kept, and the items are written one by one, so that a poisoned one fails alone.
    quick
        Writes a batch through a lane, to the same effect as ``write``, and ends its transaction; what it raises, be it
        ``NotQuick``, sends the items to ``write``, whether or not they have been written.
    weigh
        How much of a batch an item is, where they differ: lanes share the weight, and ``most_in_a_batch`` is theirs by weight.
    most_waiting
        How many items may wait; one more is refused with ``QueueFull``.
    patience_seconds
        How long a batch is tried again while the database is away, before ``NotSettled`` is raised.
    """

    def __init__(
        self,
        url: str,
        write: Write[Item, Result],
        *,
        writers: int = 1,
        most_waiting: int = 10_000,
        most_in_a_batch: int = 1_000,
        patience_seconds: float = 30.0,
        quick: Quick[Item, Result] | None = None,
        weigh: Callable[[Item], int] = lambda _item: 1,
        application_name: str = "koinon batches",
    ) -> None:
        self.url = url
        self._write = write
        self._most_waiting = most_waiting
        self.most_in_a_batch = most_in_a_batch
        self._patience = patience_seconds
        self.name = application_name
        self._queue: deque[_Waiting[Item, Result]] = deque()
        self._changed = threading.Condition()
        self._idle = 0
        self._open = False
        self._over = False
        self._quick = quick
        self.weigh = weigh
        self._lanes: _Lanes[Item, Result] | None = None
        self._seconds_an_item = 0.001
        self._threads = [
            threading.Thread(target=self._work, name=f"{application_name} {number}", daemon=True)
            for number in range(writers)
        ]

    def start(self) -> None:
        """Begin to write. The first connection is made when the first item comes."""
        self._open = True
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Take nothing more, finish what was taken, and return."""
        lanes, self._lanes, self._quick = self._lanes, None, None
        if lanes is not None:
            lanes.close()
        with self._changed:
            self._open = False
            self._changed.notify_all()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        with self._changed:
            self._over = True
            left = list(self._queue)
            self._queue.clear()
        self.leave(left)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def submit(self, item: Item) -> Future[Result]:
        """The future of an item's result; raises ``QueueFull``."""
        future: Future[Result] = Future()
        future.set_running_or_notify_cancel()  # It will be written whoever gives up waiting for it.
        self._take(_Waiting(item, future, None))
        return future

    async def collect(self, item: Item) -> Result:
        """An item's result; raises ``QueueFull``. Whoever stops waiting does not stop the writing."""
        return await asyncio.shield(self.ask(item))

    def ask(self, item: Item) -> asyncio.Future[Result]:
        """The future of an item's result in the running event loop, not to be cancelled; raises ``QueueFull``."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        waiting = _Waiting(item, future, loop)
        lanes = self._lanes_of(loop)
        if lanes is None or not lanes.are_open():
            self._take(waiting)  # Until there is a lane, or when there is none to be had.
        elif lanes.waiting + len(self._queue) < self._most_waiting:
            lanes.take(waiting)
        else:
            raise QueueFull(retry_after_seconds=max(0.1, lanes.waiting * self._seconds_an_item))
        return future

    def _lanes_of(self, loop: asyncio.AbstractEventLoop) -> _Lanes[Item, Result] | None:
        """The lanes belong to the first loop that asks, until it is closed; any other goes by the writers."""
        quick, lanes = self._quick, self._lanes  # A thread may be stopping us.
        if quick is None or not self._open:
            return None
        if lanes is not None and lanes.loop.is_closed():
            lanes.close()
            lanes = None
        if lanes is None:
            lanes = self._lanes = _Lanes(loop, self, quick)
        return lanes if lanes.loop is loop else None

    def leave(self, batch: Sequence[_Waiting[Item, Result]]) -> None:
        """What a lane has left goes to the writers; it was taken, so the bound of the queue is not for it.

        Where the writers have ended already, because an event loop was too busy to give its lanes up in time, ``NotSettled``.
        """
        with self._changed:
            if not self._over:
                self._queue.extend(batch)
                self._changed.notify_all()
                return
        _tell(batch, [_Raised(NotSettled(reason="stopped"))] * len(batch))

    def _take(self, waiting: _Waiting[Item, Result]) -> None:
        with self._changed:
            if not self._open or len(self._queue) >= self._most_waiting:
                raise QueueFull(retry_after_seconds=max(0.1, len(self._queue) * self._seconds_an_item))
            self._queue.append(waiting)
            if self._idle:
                self._changed.notify()

    def _work(self) -> None:
        connection = _Connection(self.url, self.name)
        while batch := self._next():
            started = time.monotonic()
            try:
                self._settle(connection, batch)
            except BaseException as defect:
                # Only our own code could get here; whoever waits must hear of it, and the next batch must be written.
                connection.drop()
                _tell(batch, [_Raised(defect)] * len(batch))
                with suppress(Exception):  # A log that cannot be written must not end the writing of payments.
                    log.error("batch_failed", exc_info=defect)
            self._seconds_an_item += 0.1 * ((time.monotonic() - started) / len(batch) - self._seconds_an_item)
        connection.drop()

    def _next(self) -> list[_Waiting[Item, Result]]:
        with self._changed:
            while not self._queue:
                if not self._open:
                    return []
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
            return [self._queue.popleft() for _ in range(min(len(self._queue), self.most_in_a_batch))]

    def _settle(self, connection: _Connection, batch: list[_Waiting[Item, Result]]) -> None:
        until = time.monotonic() + self._patience
        pause, conflicts = _PAUSE_SECONDS, 0
        while True:
            try:
                conn = connection.get()
                results = self._write(conn, [waiting.item for waiting in batch])
                conn.commit()
                assert len(results) == len(batch), "one result for each item"
                break
            except (OperationalError, InterfaceError, Unreachable) as lost:
                if connection.rolled_back():
                    conflicts += 1
                    if conflicts >= _CONFLICTS:
                        self._one_by_one(connection, batch, lost)
                        return
                if time.monotonic() > until:
                    _tell(batch, [_Raised(NotSettled(reason=type(lost).__name__))] * len(batch))
                    return
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            except Exception as refused:  # noqa: BLE001  # Whatever it is, it is told to whom it concerns.
                connection.rolled_back()
                self._one_by_one(connection, batch, refused)
                return
        _tell(batch, results)

    def _one_by_one(self, connection: _Connection, batch: list[_Waiting[Item, Result]], refused: BaseException) -> None:
        if len(batch) == 1:
            _tell(batch, [_Raised(refused)])
            return
        with suppress(Exception):
            log.warning("batch_taken_apart", items=len(batch), reason=type(refused).__name__)
        for waiting in batch:
            self._settle(connection, [waiting])


class _Lanes(Generic[Item, Result]):
    """The lanes of one event loop, and the items that wait for one to be free. Only that loop touches them."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, batcher: Batcher[Item, Result], quick: Quick[Item, Result]
    ) -> None:
        self.loop = loop
        self._batcher = batcher
        self._quick = quick
        self._queue: deque[_Waiting[Item, Result]] = deque()
        self._free: list[Lane] = []
        self._under_way: dict[Lane, list[_Waiting[Item, Result]]] = {}
        self._weight = 0  # Of all that waits and is under way.
        self._crowd = 0.0  # What it has lately been at most.
        self._opening = 0
        self._open_from = 0.0  # By the loop's clock.
        self._going = False
        self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def are_open(self) -> bool:
        """Whether there is a lane; those that are missing are opened meanwhile."""
        missing = _LANES - len(self._free) - len(self._under_way) - self._opening
        if missing > 0 and self.loop.time() >= self._open_from:
            for _ in range(missing):
                self._opening += 1
                self._start(self._open())
        return bool(self._free or self._under_way)

    def take(self, waiting: _Waiting[Item, Result]) -> None:
        self._queue.append(waiting)
        self._weight += self._batcher.weigh(waiting.item)
        self._go_soon()

    def _go_soon(self) -> None:
        """In a turn of the loop of its own: whoever else asks in this one comes along."""
        if not self._going:
            self._going = True
            self.loop.call_soon(self._go)

    def _go(self) -> None:
        self._going = False
        if not (self._free or self._under_way):  # They have broken, or have been closed.
            self._leave(self._queue)
            self._queue.clear()
        self._crowd = max(self._weight, 0.95 * self._crowd)
        share = min(max(ceil(self._crowd / _LANES), _WORTH_SPLITTING), self._batcher.most_in_a_batch)
        while self._queue and self._free:
            batch: list[_Waiting[Item, Result]] = []
            weight = 0
            while self._queue and weight < share:
                batch.append(self._queue.popleft())
                weight += self._batcher.weigh(batch[-1].item)
            lane = self._free.pop()
            self._under_way[lane] = batch
            self._start(self._write(lane, batch))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _open(self) -> None:
        try:
            lane = await Lane.open(self._batcher.url, self._batcher.name)
        except Exception:  # noqa: BLE001  The writers have the patience to wait for a database, and say what it says.
            self._opening -= 1
            self._open_from = self.loop.time() + _OPEN_A_LANE_AGAIN_AFTER_SECONDS
            return
        self._opening -= 1
        self._free_again(lane)

    async def _write(self, lane: Lane, batch: list[_Waiting[Item, Result]]) -> None:
        try:
            results = await self._quick(lane, [waiting.item for waiting in batch])
            assert len(results) == len(batch), "one result for each item"
        except NotQuick:
            self._give_up(lane, batch)
            await self._roll_back(lane)
        except BaseException as lost:
            self._give_up(lane, batch)
            lane.close()
            if not isinstance(lost, Exception):
                raise
            if not isinstance(lost, Error | KoinonError):  # The writers say what the database or the rules refuse.
                with suppress(Exception):
                    log.error("lane_failed", exc_info=lost)
        else:
            if self._under_way.pop(lane, None) is not None:
                self._weight -= sum(self._batcher.weigh(waiting.item) for waiting in batch)
            for waiting, result in zip(batch, results, strict=True):
                _resolve(waiting.future, result)
            self._free_again(lane)
        finally:
            if self._queue:
                self._go_soon()

    async def _roll_back(self, lane: Lane) -> None:
        self._under_way[lane] = []
        try:
            await lane.ask(ROLLBACK, ends=True)
        except Exception:  # noqa: BLE001  Whatever it is, another lane will do.
            lane.close()
            self._under_way.pop(lane, None)
        else:
            self._free_again(lane)

    def _free_again(self, lane: Lane) -> None:
        self._under_way.pop(lane, None)
        if self._closed:
            lane.close()
        else:
            self._free.append(lane)

    def _give_up(self, lane: Lane, batch: list[_Waiting[Item, Result]]) -> None:
        if self._under_way.pop(lane, None) is not None:  # Otherwise they were left when the lanes were closed.
            self._leave(batch)

    def _leave(self, batch: Sequence[_Waiting[Item, Result]]) -> None:
        if batch:
            self._weight -= sum(self._batcher.weigh(waiting.item) for waiting in batch)
            self._batcher.leave(batch)

    def close(self) -> None:
        """Leave everything to the writers. What a lane has just sent is theirs, too: they find out what became of it."""
        closed = threading.Event()

        def close() -> None:
            self._close()
            closed.set()

        if self.loop.is_running() and not _is_running_here(self.loop):
            with suppress(RuntimeError):  # It has been closed just now, and drives nothing any more.
                self.loop.call_soon_threadsafe(close)
                closed.wait(_LANES_CLOSE_WITHIN_SECONDS)
                return
        close()

    def _close(self) -> None:
        self._closed = True
        left = [waiting for batch in self._under_way.values() for waiting in batch] + list(self._queue)
        lanes = [*self._free, *self._under_way]
        self._queue.clear()
        self._free.clear()
        self._under_way.clear()
        self._leave(left)
        for lane in lanes:
            lane.close()


def _is_running_here(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


class _Connection:
    """A writer's connection, made again when it is gone."""

    def __init__(self, url: str, name: str) -> None:
        self._url, self._name = url, name
        self._conn: Connection[Any] | None = None

    def get(self) -> Connection[Any]:
        if self._conn is None:
            self._conn = connect(self._url, application_name=self._name)
        return self._conn

    def rolled_back(self) -> bool:
        """Whether the connection lives on, and with nothing of the transaction left; otherwise it is given up."""
        if self._conn is not None:
            try:
                self._conn.rollback()
            except (OperationalError, InterfaceError):
                self.drop()
            else:
                if not self._conn.closed:
                    return True
                self.drop()
        return False

    def drop(self) -> None:
        if self._conn is not None:
            self._conn.close()
            self._conn = None


def _tell(batch: Sequence[_Waiting[Any, Any]], results: Sequence[Any]) -> None:
    """Hand results over: to threads at once, to each event loop in one call."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for waiting, result in zip(batch, results, strict=True):
        if waiting.loop is None:
            _resolve(waiting.future, result)
        else:
            by_loop.setdefault(waiting.loop, []).append((waiting.future, result))  # type: ignore[arg-type]
    for loop, told in by_loop.items():
        with suppress(RuntimeError):  # The loop is closed, and nobody waits any more.
            loop.call_soon_threadsafe(_resolve_all, told)


def _resolve_all(told: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, result in told:
        _resolve(future, result)


def _resolve(future: Future[Any] | asyncio.Future[Any], result: Any) -> None:
    if future.done():  # Whoever stopped waiting has cancelled it.
        return
    if isinstance(result, _Raised):
        future.set_exception(result.error)
    else:
        future.set_result(result)
