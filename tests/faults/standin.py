"""A plain batcher, as long as the product has none of its own."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

import psycopg
from psycopg import Connection

from koinon.db.connections import connect
from koinon.db.errors import Unreachable

T = TypeVar("T")
R = TypeVar("R")


class QueueFull(Exception):
    """Come again later."""


class Batcher(Generic[T, R]):
    def __init__(
        self,
        url: str,
        write: Callable[[Connection[Any], list[T]], list[R]],
        *,
        writers: int = 1,
        most_waiting: int = 1000,
        most_in_a_batch: int = 500,
    ) -> None:
        self._url, self._write, self._writers, self._most = url, write, writers, most_in_a_batch
        self._queue: queue.Queue[tuple[T, Future[R]]] = queue.Queue(most_waiting)

    def start(self) -> None:
        for _ in range(self._writers):
            threading.Thread(target=self._run, daemon=True).start()

    def submit(self, item: T) -> Future[R]:
        future: Future[R] = Future()
        try:
            self._queue.put_nowait((item, future))
        except queue.Full:
            raise QueueFull from None
        return future

    async def collect(self, item: T) -> R:
        return await asyncio.wrap_future(self.submit(item))

    def _run(self) -> None:
        conn = None
        while True:
            batch = [self._queue.get()]
            while len(batch) < self._most:
                try:
                    batch.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            while True:
                try:
                    if conn is None or conn.closed:
                        conn = connect(self._url, application_name="faults")
                    answers = self._write(conn, [item for item, _ in batch])
                    conn.commit()
                    break
                except (psycopg.OperationalError, Unreachable) as broken:
                    if conn is not None:
                        conn.close()
                    conn = None
                    time.sleep(0.05)
                    print("batch again:", broken, flush=True)
            for (_, future), answer in zip(batch, answers, strict=True):
                future.set_result(answer)
