"""Does it stay as fast? Books with a long history beside empty ones, in alternated rounds."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from koinon.bench import books
from koinon.bench.catalogue import BY_NAME
from koinon.bench.figures import median, milliseconds, ratio_of_medians
from koinon.bench.making import make
from koinon.bench.traffic import PATTERNS
from koinon.bench.workloads import Batches, Ground, Workload, read_statements
from koinon.db.connections import connect
from koinon.db.transactions import transaction
from koinon.ledger import operations as ledger

BATCH = 10_000
SEAL_EACH = 500_000
READERS = 4


def history(ground: Ground, transfers: int, *, warm_up: float, seconds: float, rounds: int) -> dict[str, Any]:
    """Post so many transfers in large batches, then compare; raises ``BooksBroken`` where the books do not hold.

    Nothing is bypassed but HTTP: every transfer goes through the ledger's one way in.
    """
    full = make(BY_NAME["uniform"], ground)
    full.open()
    empty = make(BY_NAME["uniform"], ground)
    empty.open()
    try:
        loaded_in = _load(ground, full, transfers)
        with connect(full.database.app_url, statement_timeout_seconds=0) as conn:
            size = books.bytes_per_transfer(conn)
        on_full: list[float] = []
        on_empty: list[float] = []
        for number in range(1, rounds + 1):
            turns = [(full, on_full), (empty, on_empty)]
            for workload, rates in turns if number % 2 else reversed(turns):
                run = workload.run(warm_up=warm_up, seconds=seconds, seed=number)
                rates.append(run.payments_per_second)
            ground.say(
                f"history, round {number} of {rounds}: {on_full[-1]:,.0f}/s on {transfers:,} transfers, "
                f"{on_empty[-1]:,.0f}/s on none"
            )
        reads = read_statements(
            ground, full.database, readers=READERS, warm_up=warm_up, seconds=seconds, seed=rounds + 1
        )
        ground.say("history: checking the books")
        began = time.perf_counter()
        checked = full.checked()
        took = time.perf_counter() - began
    finally:
        empty.close()
        full.close()
    ratio = ratio_of_medians(on_full, on_empty)
    p50, p99, p999 = (milliseconds(value) for value in reads.latencies.percentiles([0.5, 0.99, 0.999]))
    return {
        "transfers": transfers,
        "loaded_per_second": round(transfers / loaded_in, 1),
        "payments_per_second": round(median(on_full), 1),
        "payments_per_second_when_empty": round(median(on_empty), 1),
        "share_of_empty": None if ratio is None else round(ratio, 3),
        "rounds": [
            {"full": round(mine, 1), "empty": round(other, 1)} for mine, other in zip(on_full, on_empty, strict=True)
        ],
        "statement_p50_ms": p50,
        "statement_p99_ms": p99,
        "statement_p999_ms": p999,
        "statements_per_second": round(reads.payments_per_second, 1),
        "bytes_per_transfer": size,
        "checked": checked,
        "check_seconds": round(took, 1),
    }


def _load(ground: Ground, workload: Workload, transfers: int) -> float:
    """Seconds it took, blocks sealed on the way as they are in a town."""
    batches = Batches(ground, workload.name, 1, size=BATCH)
    draw = PATTERNS["uniform"](len(ground.accounts), 11)
    began, posted, sealed_at, said_at = time.perf_counter(), 0, 0, time.perf_counter()
    with (
        connect(workload.database.app_url, statement_timeout_seconds=600) as conn,
        closing(batches.batches(draw)) as drawn,
    ):
        while posted < transfers:
            batch = next(drawn)[: transfers - posted]
            with transaction(conn):
                accepted = sum(books.write(conn, batch))
            posted += len(batch)
            workload.rows_before += accepted
            if posted - sealed_at >= SEAL_EACH or posted >= transfers:
                with transaction(conn):
                    ledger.seal_all(conn, town_id=books.TOWN, at=datetime.now(UTC))
                sealed_at = posted
            if time.perf_counter() - said_at > 30:
                said_at = time.perf_counter()
                ground.say(f"history: {posted:,} of {transfers:,} posted, {posted / (said_at - began):,.0f}/s")
    return time.perf_counter() - began
