"""One figure of ``koinon bench trace``, in a process of its own: only then is its peak memory its own.

    python -m koinon.bench.trace_run '{"method": "fifo", "file": ..., "town": {...}}'

Prints one JSON document. Kernels are compiled or fetched on a small ledger before the clock runs; ``first`` is the
method that measures how long that takes.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from koinon.impact import generator
from koinon.impact.generator import Town
from koinon.impact.tracing import api, mixing
from koinon.impact.tracing.holding import LotsState
from koinon.impact.tracing.pieces import COLUMNS, ParquetFiles
from koinon.impact.tracing.types import Convention, Ledger, Trace, Transfers

SMALL = Town(transfers=5_000, accounts=100)
_DAY = 86_400_000_000


def peak_mb() -> float:
    """The most memory that this program has had. Not what its parent had when it started it, which ``getrusage`` adds."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def loaded(file: Path, town: Town) -> Ledger:
    """The ledger of a file in memory, never twice."""
    source = ParquetFiles(file)
    kinds = (np.int64, np.int32, np.int32, np.int64, np.int32, np.bool_)
    columns: dict[str, Any] = {name: np.empty(source.rows, kind) for name, kind in zip(COLUMNS, kinds, strict=True)}
    first = 0
    for index in range(source.pieces):
        piece = source.piece(index)
        for name, column in columns.items():
            column[first : first + len(piece)] = getattr(piece, name)
        first += len(piece)
    return Ledger(Transfers(**columns), generator.accounts(town), town.cohort_labels, unit="LOC")


def _every_label(ledger: Ledger) -> Sequence[Trace]:
    return tuple(api.trace_each(ledger, (Convention.FIFO, Convention.MIXING)).values())


def _both(ledger: Ledger) -> Sequence[Trace]:
    """Lots with every figure, and mixing for each cohort, which lots tell by label too."""
    with ThreadPoolExecutor(max_workers=1) as beside:
        mixed = beside.submit(mixing.trace, ledger, dimensions=())
        return api.trace(ledger, Convention.FIFO), mixed.result()


IN_MEMORY: dict[str, Callable[[Ledger], Sequence[Trace]]] = {
    "fifo": lambda ledger: (api.trace(ledger, Convention.FIFO),),
    "lifo": lambda ledger: (api.trace(ledger, Convention.LIFO),),
    "mixing": lambda ledger: (api.trace(ledger, Convention.MIXING),),
    "mixing, no reach": lambda ledger: (mixing.trace(ledger, dimensions=()),),
    "fifo and mixing": _both,
    "fifo and mixing, every label": _every_label,
}
STREAMED = "mixing, streamed"


def run(method: str, file: Path, town: Town) -> dict[str, Any]:
    """Trace once, and say how long it took and in how much memory."""
    small = generator.ledger(SMALL)
    load_seconds = 0.0
    if method == STREAMED:
        mixing.trace(small, dimensions=())
        accounts = generator.accounts(town)
        began, cpu = time.perf_counter(), time.process_time()
        found: Sequence[Trace] = (mixing.trace_parquet(file, accounts, town.cohort_labels, unit="LOC", dimensions=()),)
    else:
        IN_MEMORY[method](small)
        began = time.perf_counter()
        ledger = loaded(file, town)
        load_seconds = time.perf_counter() - began
        began, cpu = time.perf_counter(), time.process_time()
        found = IN_MEMORY[method](ledger)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    digests = [one.digest for one in found]
    return {
        "method": method,
        "transfers": town.transfers,
        "accounts": town.accounts,
        "cohorts": len(town.cohort_labels),
        "seconds": seconds,
        "transfers_per_second": town.transfers / seconds,
        "cpu_seconds": cpu,
        "load_seconds": load_seconds,
        "peak_mb": peak_mb(),
        "conservation_error": max(one.conservation_error for one in found),
        "digest": digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest(),
        "multiplier": found[0].total.multiplier,
        "by_hops": [float(amount) for amount in found[0].total.by_hops],
    }


def first(_method: str, _file: Path, _town: Town) -> dict[str, Any]:
    """The first call of a newcomer: everything is compiled. Whoever starts this gives it an empty cache."""
    small = generator.ledger(SMALL)
    began = time.perf_counter()
    _both(small)
    return {"seconds": time.perf_counter() - began}


def a_day(_method: str, file: Path, town: Town) -> dict[str, Any]:
    """The last day of a ledger appended to the saved state of all days before, and the same in one run."""
    ledger = loaded(file, town)
    rows = ledger.transfers
    cut = int(np.searchsorted(rows.time, (int(rows.time[-1]) // _DAY) * _DAY))

    def part(here: slice) -> Ledger:
        cut_rows = Transfers(**{name: getattr(rows, name)[here] for name in COLUMNS})
        return Ledger(cut_rows, ledger.accounts, ledger.cohorts, ledger.unit, ledger.exponent)

    small = LotsState.begin(generator.ledger(SMALL))
    small.extend(generator.ledger(SMALL))
    LotsState.from_bytes(small.to_bytes()).trace()
    began = time.perf_counter()
    whole = LotsState.begin(ledger)
    whole.extend(ledger)
    full_seconds = time.perf_counter() - began
    state = LotsState.begin(ledger)
    state.extend(part(slice(0, cut)))
    kept = file.with_suffix(".state")
    state.save(kept)
    began = time.perf_counter()
    state = LotsState.load(kept)
    load_seconds = time.perf_counter() - began
    day = part(slice(cut, None))
    began = time.perf_counter()
    state.extend(day)
    day_seconds = time.perf_counter() - began
    began = time.perf_counter()
    state.save(kept)
    save_seconds = time.perf_counter() - began
    return {
        "transfers": town.transfers,
        "day": len(day.transfers),
        "full_seconds": full_seconds,
        "day_seconds": day_seconds,
        "share": day_seconds / full_seconds,
        "load_seconds": load_seconds,
        "save_seconds": save_seconds,
        "state_bytes": kept.stat().st_size,
        "same": state.trace().digest == whole.trace().digest,
    }


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    what = {"first": first, "a day": a_day}.get(asked["method"], run)
    sys.stdout.write(json.dumps(what(asked["method"], Path(asked["file"]), Town(**asked["town"]))) + "\n")
