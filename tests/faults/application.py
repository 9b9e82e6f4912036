"""The posting server: ``python -m tests.faults.application SOCKET DATABASE-URL [WRITERS] [SABOTAGE]``.

Asks come as lines of JSON and are answered line by line. Payments of all connections
are collected by the same batcher that the product uses. ``SABOTAGE`` plants a bug:

- ``early``   tells the client before the batch is committed
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from psycopg import Connection

from koinon.db.batching import Batcher
from koinon.db.connections import connect
from koinon.db.errors import QueueFull
from koinon.kernel.errors import KoinonError
from tests.faults import stack

LINE_LIMIT = 2**20
Answer = dict[str, Any]


class Item:
    """What was asked, and how to tell its client early."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked = asked
        self.early: Callable[[Answer], None] = lambda answer: None
        self.sent = threading.Event()  # The answer is on its way to the client, or nobody is there to take it.


def write(conn: Connection[Any], items: Sequence[Item]) -> list[Answer]:
    return stack.post(conn, [item.asked for item in items])


def write_and_tell_early(conn: Connection[Any], items: Sequence[Item]) -> list[Answer]:
    answers = write(conn, items)
    for item, answer in zip(items, answers, strict=True):
        item.early(answer)
    for item in items:
        item.sent.wait(1)  # The commit begins when the answers are out, however busy the machine is.
    return answers


class Reader:
    """Answers what accounts hold, on connections of its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._own = threading.local()
        self.pool = ThreadPoolExecutor(2)

    def read(self, accounts: list[int]) -> Answer:
        conn = getattr(self._own, "conn", None)
        try:
            if conn is None or conn.closed:
                conn = self._own.conn = connect(self._url, application_name="faults reader")
                conn.autocommit = True
            rows = conn.execute(
                "SELECT id, credits_posted - debits_posted, debits_held, credits_held FROM ledger.account "
                "WHERE town_id = %s AND id = ANY(%s) ORDER BY id",
                [stack.TOWN, accounts],
            ).fetchall()
        except Exception:
            self._own.conn = None
            raise
        return {"said": "read", "values": [[int(value) for value in row] for row in rows]}


class Server:
    """Everything that one connection after the other may ask."""

    def __init__(self, url: str, writers: int, sabotage: str) -> None:
        self.early = sabotage == "early"
        self.batcher: Batcher[Item, Answer] = Batcher(
            url, write_and_tell_early if self.early else write, writers=writers
        )
        self.reader = Reader(url)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError):
            while (line := await reader.readline()).endswith(b"\n"):
                item = Item(json.loads(line))
                try:
                    answer = await self._answer(item)
                except QueueFull as full:
                    answer = {"said": "busy", "retry_after": full.retry_after_seconds}
                except Exception as broken:  # noqa: BLE001 - a server says that it failed and lives on
                    refused = isinstance(broken, KoinonError)
                    answer = {"said": "failed", "why": f"{type(broken).__name__}: {broken}", "refused": refused}
                try:
                    writer.write(json.dumps(answer).encode() + b"\n")
                    await writer.drain()
                finally:
                    item.sent.set()
        writer.close()

    async def _answer(self, item: Item) -> Answer:
        asked, loop = item.asked, asyncio.get_running_loop()
        if asked["do"] == "read":
            return await loop.run_in_executor(self.reader.pool, self.reader.read, asked["accounts"])
        if not self.early:
            return await self.batcher.collect(item)
        told: asyncio.Future[Answer] = loop.create_future()

        def tell(answer: Answer) -> None:
            if not told.done():
                told.set_result(answer)

        item.early = lambda answer: loop.call_soon_threadsafe(tell, answer)  # type: ignore[assignment,return-value]
        real = asyncio.ensure_future(self.batcher.collect(item))
        await asyncio.wait([told, real], return_when=asyncio.FIRST_COMPLETED)
        return told.result() if told.done() else real.result()


async def main(socket: str, url: str, writers: int, sabotage: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(socket)
    server = Server(url, writers, sabotage)
    server.batcher.start()
    listening = await asyncio.start_unix_server(server.serve, socket, limit=LINE_LIMIT)
    async with listening:
        await listening.serve_forever()


if __name__ == "__main__":
    arguments = sys.argv[1:] + ["", "", "1", ""][len(sys.argv) - 1 :]
    asyncio.run(main(arguments[0], arguments[1], int(arguments[2] or 1), arguments[3]))
