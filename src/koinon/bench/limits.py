"""What this machine could do at most: how often its disk says "kept", how fast rows go in, how fast it hashes.

A figure of a workload beside its limit says what is left to gain.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from koinon.bench.server import Server

_PAGE = 8192
_ROWS = 20_000


def limits(server: Server, *, seconds: float) -> dict[str, float]:
    """Each measured for ``seconds``, in the server's own folder or database."""
    one_core = sha256_bytes_per_second(seconds=seconds, threads=1)
    cores = len(os.sched_getaffinity(0))
    return {
        "fsync_per_second": round(fsync_per_second(server.data, seconds=seconds), 1),
        "copy_rows_per_second": round(copy_rows_per_second(server, seconds=seconds), 1),
        "sha256_bytes_per_second": round(one_core),
        "sha256_bytes_per_second_all_cores": round(sha256_bytes_per_second(seconds=seconds, threads=cores)),
    }


def fsync_per_second(folder: Path, *, seconds: float) -> float:
    """How often a page of 8 kB can be written over and made durable by fdatasync, as PostgreSQL does with its log."""
    path = folder / "koinon-bench-fsync"
    page = os.urandom(_PAGE)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.pwrite(descriptor, page * 2048, 0)  # Allocated beforehand, as pieces of the log are.
        os.fsync(descriptor)
        done, place, began = 0, 0, time.perf_counter()
        while (passed := time.perf_counter() - began) < seconds:
            os.pwrite(descriptor, page, place)
            os.fdatasync(descriptor)
            place = (place + _PAGE) % (_PAGE * 2048)
            done += 1
        return done / passed
    finally:
        os.close(descriptor)
        path.unlink()


def copy_rows_per_second(server: Server, *, seconds: float) -> float:
    """Rows a second that one connection copies into a bare table shaped like a row of the journal, without any index.

    The rows are made beforehand and each COPY of 20,000 is committed durably, so what is
    counted is the server's own work and nothing else.
    """
    name = "koinon_bench_copy"
    server.drop(name)
    database = server.create(name)
    try:
        with psycopg.connect(database.owner_url, autocommit=True) as conn:
            conn.execute(
                "CREATE TABLE bare (seq bigint, amount_minor bigint, effective_at timestamptz, posted_at timestamptz, "
                "debit_prev bigint, credit_prev bigint, town_id integer, debit_account integer, credit_account integer, "
                'actor integer, code smallint, leg smallint, legs smallint, kind "char", id uuid, reference text)'
            )
            rows = _binary_rows(conn)
            done, began = 0, time.perf_counter()
            while (passed := time.perf_counter() - began) < seconds:
                with conn.cursor() as cursor, cursor.copy("COPY bare FROM STDIN (FORMAT binary)") as copy:
                    copy.write(rows)
                done += _ROWS
            return done / passed
    finally:
        server.drop(name)


def _binary_rows(conn: psycopg.Connection[Any]) -> bytes:
    """The rows as COPY takes them, made by the server itself from a first filling."""
    now = datetime.now(UTC)
    conn.execute(
        "INSERT INTO bare SELECT (671::bigint << 50) + g, 250 + g %% 500, %(now)s, %(now)s, g, g, 1, g %% 100000, "
        "(g * 7) %% 100000, 1, 6, 0, 1, 't', gen_random_uuid(), 'r-' || g FROM generate_series(1, %(rows)s) AS g",
        {"now": now, "rows": _ROWS},
    )
    with conn.cursor() as cursor, cursor.copy("COPY bare TO STDOUT (FORMAT binary)") as copy:
        rows = b"".join(bytes(part) for part in copy)
    conn.execute("TRUNCATE bare")
    return rows


def sha256_bytes_per_second(*, seconds: float, threads: int) -> float:
    """Bytes a second through SHA-256 in blocks of 64 kB; several threads at once, since hashing lets go of the lock."""
    block = UUID(int=0).bytes * 4096
    ends = time.perf_counter() + seconds

    def hash_until_then() -> int:
        done = 0
        while time.perf_counter() < ends:
            sha256(block)
            done += len(block)
        return done

    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        total = sum(pool.map(lambda _: hash_until_then(), range(threads)))
    return total / (time.perf_counter() - began)
