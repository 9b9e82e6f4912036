"""Processes that read sealed rows on all cores, for ``seals.verify``.

Run as ``python -m koinon.ledger.seal_workers``; told on standard input where
the database is, then stretch after stretch, a JSON document a line. Answers
``true`` for a stretch whose rows are as they were sealed. Whoever asked reads
again what was not answered with ``true``, so that a worker may fail in any way.

Processes of their own rather than forks: the one that asks may be a server
with threads, and open connections do not outlive a fork.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from queue import SimpleQueue
from types import TracebackType
from typing import Any

from psycopg import Connection
from psycopg.conninfo import make_conninfo

from koinon.db.connections import connect
from koinon.ledger.seals import GENESIS, Stretch, rows_match
from koinon.ledger.types import Block

_ENDS_WITHIN_SECONDS = 5
NEVER = datetime.min.replace(tzinfo=UTC)


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Crew:
    """Workers for one town, for as long as the block lasts."""

    def __init__(self, conn: Connection[Any], town_id: int, size: int) -> None:
        known = {**conn.info.get_parameters(), "password": conn.info.password or None}
        known.pop("application_name", None)
        self._begin = _line({"url": make_conninfo("", **known), "town_id": town_id})
        self._size = size
        self._idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        self._all: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Crew:
        self._threads = ThreadPoolExecutor(self._size)
        with suppress(OSError):  # With fewer processes, or none, the one that asks does more.
            for _ in range(self._size):
                self._start()
        return self

    def _start(self) -> None:
        worker = subprocess.Popen(
            [sys.executable, "-P", "-m", "koinon.ledger.seal_workers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._all.append(worker)
        self._tell(worker, self._begin)
        self._idle.put(worker)

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for worker in self._all:
            if kind is not None:
                worker.kill()
            with suppress(OSError):
                assert worker.stdin is not None
                worker.stdin.close()
        self._threads.shutdown(cancel_futures=True)
        for worker in self._all:
            try:
                worker.wait(_ENDS_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
            assert worker.stdout is not None
            worker.stdout.close()

    def ask(self, stretch: Stretch) -> Callable[[], bool]:
        """Give a stretch to whoever is idle next; the answer is waited for when it is called for."""
        return self._threads.submit(self._ask, stretch).result if self._all else lambda: False

    def _ask(self, stretch: Stretch) -> bool:
        worker = self._idle.get()
        try:
            self._tell(worker, _line([_plain(block) for block in stretch.blocks]))
            assert worker.stdout is not None
            return worker.stdout.readline() == b"true\n"
        finally:
            self._idle.put(worker)

    @staticmethod
    def _tell(worker: subprocess.Popen[bytes], line: bytes) -> None:
        assert worker.stdin is not None
        with suppress(OSError):
            worker.stdin.write(line)
            worker.stdin.flush()


def _line(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"


def _plain(block: Block) -> list[Any]:
    """What a worker needs to know; the hashes of the block itself were looked at before."""
    return [block.number, block.seq_from, block.seq_to, block.transfers, block.merkle_root.hex()]


def _block(given: list[Any]) -> Block:
    number, seq_from, seq_to, transfers, root = given
    return Block(number, seq_from, seq_to, transfers, bytes.fromhex(root), GENESIS, GENESIS, NEVER)


def main() -> None:
    told = json.loads(sys.stdin.buffer.readline())
    with connect(told["url"], application_name="koinon seal verify", statement_timeout_seconds=0) as conn:
        conn.autocommit = True
        for line in sys.stdin.buffer:
            stretch = Stretch(tuple(_block(given) for given in json.loads(line)))
            sys.stdout.buffer.write(_line(rows_match(conn, told["town_id"], stretch)))
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
