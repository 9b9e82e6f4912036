"""What questions over a long history cost on DuckDB and on Spark: seconds, memory, and whether they agree.

    lake(town, folder)              an invented town (``impact.generator``) in the form of an export
    measure(folder, ...)            each question on each engine, in a process of its own, whose memory is then known

``koinon bench trace`` prints it beside tracing.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

QUESTIONS = ("flows", "turnover_by_sector", "by_zone", "concentration")
"""What is measured unless somebody asks for others: those that a report of many towns is made of."""

ROWS = 1 << 20


@dataclass(frozen=True, slots=True)
class Run:
    """One question on one engine. ``seconds`` are of the question alone, without the start of the engine."""

    method: str
    transfers: int
    accounts: int
    seconds: float
    transfers_per_second: int
    peak_mb: int
    rows: int
    digest: str


def lake(town: Any, folder: Path) -> None:
    """Write an invented town (``generator.Town``) as an export of its own: a file a month, no seal."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from koinon.impact import generator
    from koinon.impact.export import layout
    from koinon.impact.export.layout import File, Manifest, Seal

    def write(path: str, columns: dict[str, str], tables: Iterable[Any]) -> File:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        rows = 0
        with pq.ParquetWriter(
            target,
            layout.schema(columns),
            compression="lz4",
            use_dictionary=[name for name, kind in columns.items() if kind == "string"],
        ) as writer:
            for table in tables:
                rows += table.num_rows
                writer.write_table(table, row_group_size=ROWS)
        return File(path, rows, target.stat().st_size, "0" * 64)

    found = generator.accounts(town)
    number = list(range(len(found.names)))
    attribute = {
        name: pa.DictionaryArray.from_arrays(pa.array(one.codes, mask=one.codes < 0), pa.array(list(one.labels))).cast(
            pa.string()
        )
        for name, one in found.attributes.items()
    }
    kinds = pa.array(["purse", "escrow", "redemption", "reserve", "till"])
    kind = [1, 2, 3, *(4 if code == 1 else 0 for code in found.attributes["kind"].codes[generator.FIRST :].tolist())]
    values = {
        "account": number,
        "kind": pa.DictionaryArray.from_arrays(pa.array(kind, pa.int32()), kinds).cast(pa.string()),
        "role": found.role.astype("int32"),
        "holder": number,
        "place": number,
        "trades": [each == 4 for each in kind],
        "fund": pa.nulls(len(number), pa.string()),
        "party": attribute["kind"],
        **{name: attribute[name] for name in layout.ATTRIBUTES[1:]},
    }
    accounts = write(
        "accounts/town=1/accounts.parquet", layout.ACCOUNTS, [pa.table(values, schema=layout.schema(layout.ACCOUNTS))]
    )
    begins = _month_begins(town)
    periods = {
        "period": [name for name, _ in begins[:-1]],
        "starts": [begin for _, begin in begins[:-1]],
        "ends": [begin for _, begin in begins[1:]],
    }
    transfers: list[File] = []
    for name, tables in _by_month(town, begins):
        path = f"transfers/town=1/month={name // 100}-{name % 100:02}/transfers.parquet"
        transfers.append(write(path, layout.TRANSFERS, tables))
    manifest = Manifest(
        town=1,
        slug="invented",
        name="Invented",
        country="ES",
        unit="LOC",
        exponent=2,
        time_zone="UTC",
        seal=Seal(0, "0" * 64, town.transfers),
        rows=sum(one.rows for one in transfers),
        amount_minor=0,
        transfers=tuple(transfers),
        accounts=accounts,
        periods=write(
            "periods/town=1/periods.parquet", layout.PERIODS, [pa.table(periods, schema=layout.schema(layout.PERIODS))]
        ),
    )
    place = layout.manifest_path(folder, 1)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(manifest.content())


def _month_begins(town: Any) -> list[tuple[int, int]]:
    """YYYYMM and the first microsecond of each month, and of the one after the last."""
    found = []
    for month in range(town.months + 1):
        year, number = town.first_year + month // 12, month % 12 + 1
        found.append((year * 100 + number, int(datetime(year, number, 1, tzinfo=UTC).timestamp()) * 1_000_000))
    return found


def _by_month(town: Any, begins: Sequence[tuple[int, int]]) -> Iterator[tuple[int, Iterator[Any]]]:
    """The generator's pieces, cut where months begin: of each month its tables."""
    import numpy as np

    from koinon.impact import generator

    at, seq = 0, 0
    pieces = generator.pieces(town, ROWS)
    piece: Any = next(pieces, None)
    for (name, _), (_, end) in itertools.pairwise(begins):

        def tables(name: int = name, end: int = end) -> Iterator[Any]:
            nonlocal at, seq, piece
            while piece is not None:
                stop = int(np.searchsorted(piece.time, end, side="left"))
                if stop > at:
                    yield _table(piece, at, stop, seq, name)
                    seq += stop - at
                    at = stop
                if at < len(piece):
                    return
                piece, at = next(pieces, None), 0

        yield name, tables()


def _table(piece: Any, start: int, stop: int, seq: int, period: int) -> Any:
    import numpy as np
    import pyarrow as pa

    from koinon.impact import generator
    from koinon.impact.export import layout

    cut = slice(start, stop)
    source, target, count = piece.source[cut], piece.target[cut], stop - start
    code = np.select(
        [source == generator.ISSUER, target == generator.REDEEMER, target == generator.EXPIRY], [0, 2, 3], 1
    ).astype(np.int32)
    codes = pa.DictionaryArray.from_arrays(code, pa.array(["issue", "pay", "redeem", "expire"])).cast(pa.string())
    number = np.arange(seq, seq + count, dtype=np.int64)
    zeros = np.zeros(count, dtype=np.int64)
    columns = {
        "seq": number,
        "time": piece.time[cut],
        "period": np.full(count, period, dtype=np.int32),
        "source": source,
        "target": target,
        "amount": piece.amount[cut],
        "code": codes,
        "undoes": piece.undoes[cut],
        "cycle": zeros.astype(np.int32),
        "purchase": number,
        "original": zeros,
    }
    return pa.table([pa.array(columns[name]) for name in layout.TRANSFERS], schema=layout.schema(layout.TRANSFERS))


def measure(
    folder: Path,
    *,
    questions: Sequence[str] = QUESTIONS,
    engines: Sequence[str] = ("duckdb", "spark"),
    memory_mb: int = 800,
    spark_memory_mb: int = 4096,
    say: Callable[[str], None] = lambda told: None,
) -> dict[str, Any]:
    """Each question on each engine, in processes of their own: ``runs``, and for each question ``peers``.

    ``peers`` say how much longer Spark took than DuckDB, and whether both gave the same whole numbers.
    """
    runs: list[Run] = []
    for question in questions:
        for engine in engines:
            say(f"{question} on {engine}")
            memory = spark_memory_mb if engine == "spark" else memory_mb
            done = subprocess.run(
                [sys.executable, "-m", "koinon.bench.aggregates", str(folder), engine, question, str(memory)],
                stdout=subprocess.PIPE,
                check=True,
                text=True,
            )
            runs.append(Run(**json.loads(done.stdout.splitlines()[-1])))
    found = {run.method: run for run in runs}
    peers = [
        {
            "peer": "spark",
            "work": question,
            "ratio": round(found[f"spark {question}"].seconds / found[f"duckdb {question}"].seconds, 2),
            "agreement": found[f"spark {question}"].digest == found[f"duckdb {question}"].digest,
        }
        for question in questions
        if {f"spark {question}", f"duckdb {question}"} <= found.keys()
    ]
    return {"runs": runs, "peers": peers}


def one(folder: Path, engine: str, question: str, memory_mb: int) -> Run:
    """One question on one engine, in this process."""
    from koinon.impact.export.layout import opened
    from koinon.impact.scale import engines

    export = opened(folder)
    with engines.of(engine, export, memory_mb=memory_mb) as running:
        began = time.perf_counter()
        rows = engines.ask(running, question)
        seconds = time.perf_counter() - began
        processes = [os.getpid(), *([running.java] if engine == "spark" else [])]
        peak = sum(_most_kb(process) for process in processes) // 1024
    import pyarrow.parquet as pq

    transfers = sum(town.rows for town in export.towns)
    return Run(
        method=f"{engine} {question}",
        transfers=transfers,
        accounts=sum(pq.read_metadata(folder / town.accounts.path).num_rows for town in export.towns),
        seconds=round(seconds, 3),
        transfers_per_second=round(transfers / seconds),
        peak_mb=peak,
        rows=len(rows),
        digest=hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest(),
    )


def _most_kb(process: int) -> int:
    """The most memory that a process ever had. What the kernel tells parents counts what was before it began, too."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    from dataclasses import asdict

    sys.stdout.write(json.dumps(asdict(one(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])))) + "\n")
