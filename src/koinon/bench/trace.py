"""``koinon bench trace``: how fast every unit is followed, in how much memory, and beside whom.

Ledgers of a town's shape are invented (``impact.generator``) and written once for each size; every figure is then taken in a
process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from koinon.bench import machine
from koinon.bench.errors import BooksBroken, UnknownPeer, UnknownWorkload
from koinon.bench.figures import median

if TYPE_CHECKING:
    from collections.abc import Iterator

    from koinon.impact.generator import Town

EVERY_LABEL = "fifo and mixing, every label"
METHODS = ("fifo", "lifo", "mixing", "mixing, no reach", "mixing, streamed", "fifo and mixing", EVERY_LABEL)
SIZES = (100_000, 1_000_000, 10_000_000, 100_000_000)
COHORTS, MANY_COHORTS = 12, 12_000
PARTS = ("sizes", "cohorts", "day", "first call", "command", "aggregates")
PEERS = ("followthemoney", "spark")

# What a run takes at the most, by transfer: the ledger is 29 bytes; lots and reach come on top of it.
_BYTES = {
    EVERY_LABEL: 150, "fifo and mixing": 130, "fifo": 90, "lifo": 90, "mixing": 70, "mixing, no reach": 45,
    "mixing, streamed": 10,
}  # fmt: skip
_LARGEST = 100_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What to measure. ``peers`` by name: the folder of follow-the-money; nothing for Spark, which is installed."""

    sizes: tuple[int, ...] = SIZES
    cohorts: int = COHORTS
    methods: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    rounds: int = 2
    seed: int = 1


def measure(asked: Asked, *, root: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure what was asked, in a folder of its own beneath ``root``; the document that the command prints.

    Raises ``BooksBroken`` where something is not conserved, or does not come out the same twice.
    """
    methods, parts = asked.methods or METHODS, asked.parts or PARTS
    for name, known in [*((one, METHODS) for one in methods), *((one, PARTS) for one in parts)]:
        if name not in known:
            raise UnknownWorkload(name=name, known=known)
    peers = dict(_peer(given) for given in asked.peers)
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=root) as folder:
        work = Path(folder)
        document: dict[str, Any] = {
            "measured_at": datetime.now(UTC),
            "asked": asdict(asked),
            "machine": machine.machine(work),
            "runs": [],
            "skipped": [],
            "peers": [],
        }
        if "sizes" in parts:
            for size in asked.sizes:
                _size(document, asked, work, size, methods, say)
        if "cohorts" in parts:
            document["cohorts"] = _cohorts(asked, work, say)
        if "day" in parts:
            document["day"] = _day(asked, work, say)
        if "first call" in parts:
            say("the first call of a newcomer")
            document["first_call"] = _first_call(work)
        if "command" in parts:
            document["command"] = _command(asked, work, say)
        if "aggregates" in parts:
            _aggregates(document, asked, work, "spark" in peers, say)
        if "followthemoney" in peers:
            _follow_the_money(document, asked, work, Path(peers["followthemoney"]), say)
        document["targets"] = targets(document)
        document["load_average_after"] = machine.load_average()
    return document


def _peer(given: str) -> tuple[str, str]:
    name, _, place = given.partition("=")
    if name not in PEERS or (name == "followthemoney") != bool(place):
        raise UnknownPeer(given=given, usual="followthemoney=FOLDER or spark")
    return name, place


# --- Ledgers and runs ----------------------------------------------------------------------------


def _town(asked: Asked, transfers: int, cohorts: int | None = None) -> Town:
    from koinon.impact.generator import Town

    accounts = max(20, transfers // 100)
    return Town(transfers=transfers, accounts=accounts, cohorts=cohorts or asked.cohorts, seed=asked.seed)


@contextmanager
def _file(work: Path, town: Town, say: Callable[[str], None]) -> Iterator[Path]:
    """The town's transfers as a Parquet file, for as long as it is measured."""
    from koinon.impact import generator

    say(f"inventing {town.transfers:,} transfers of {town.accounts:,} accounts in {len(town.cohort_labels):,} cohorts")
    file = work / f"{town.transfers}-{town.cohorts}.parquet"
    generator.write_parquet(town, file)
    try:
        yield file
    finally:
        file.unlink()


def _run(method: str, file: Path, town: Town, **environment: str) -> dict[str, Any]:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "koinon.bench.trace_run",
            json.dumps({"method": method, "file": str(file), "town": asdict(town)}),
        ],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        env={**os.environ, **environment},
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _size(
    document: dict[str, Any], asked: Asked, work: Path, size: int, methods: Sequence[str], say: Callable[[str], None]
) -> None:
    if size * _BYTES["mixing, streamed"] > _available():
        document["skipped"].append({"transfers": size, "method": "all", "reason": "too little memory"})
        return
    town = _town(asked, size)
    found: dict[str, dict[str, Any]] = {}
    with _file(work, town, say) as file:
        for method in methods:
            if size * _BYTES[method] > _available():
                document["skipped"].append({"transfers": size, "method": method, "reason": "too little memory"})
                continue
            load = machine.load_average()
            one = found[method] = {**_run(method, file, town), "load_average": load}
            say(
                f"{method}: {one['seconds']:.2f} s, {one['transfers_per_second']:,.0f} a second, {one['peak_mb']:,.0f} MB"
            )
            document["runs"].append(one)
    _holds(found)


def _holds(found: Mapping[str, Mapping[str, Any]]) -> None:
    """Nothing was lost, and what is computed in two ways is the same."""
    failures = [
        {"name": f"{method} loses {one['conservation_error']}"}
        for method, one in found.items()
        if one["conservation_error"] > (0 if method in ("fifo", "lifo") else 1e-9)
    ]
    streamed = {found[name]["digest"] for name in ("mixing, no reach", "mixing, streamed") if name in found}
    if len(streamed) > 1:
        failures.append({"name": "streamed from a file something else comes out"})
    multipliers = [one["multiplier"] for one in found.values()]
    if any(abs(one / multipliers[0] - 1) > 1e-9 for one in multipliers):
        failures.append({"name": "the conventions do not agree on what was paid in all"})
    if failures:
        raise BooksBroken(workload="tracing", failures=failures)


def _available() -> int:
    for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


# --- Parts ---------------------------------------------------------------------------------------


def _most(asked: Asked, most: int) -> int:
    return min(most, max(asked.sizes))


def _cohorts(asked: Asked, work: Path, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Few cohorts and many, in alternation: what their number costs."""
    size = _most(asked, _LARGEST)
    few, many = _town(asked, size, COHORTS), _town(asked, size, min(MANY_COHORTS, size // 50))
    with _file(work, few, say) as one, _file(work, many, say) as other:
        found = []
        for method in ("fifo", "mixing, no reach"):
            took: dict[int, list[dict[str, Any]]] = {0: [], 1: []}
            for turn in range(max(3, asked.rounds)):
                for which in (0, 1) if turn % 2 == 0 else (1, 0):
                    took[which].append(_run(method, (one, other)[which], (few, many)[which]))
            seconds, seconds_many = (median([run["seconds"] for run in took[which]]) for which in (0, 1))
            cpu, cpu_many = (median([run["cpu_seconds"] for run in took[which]]) for which in (0, 1))
            found.append(
                {
                    "method": method,
                    "transfers": size,
                    "cohorts": len(few.cohort_labels),
                    "many": len(many.cohort_labels),
                    "seconds": seconds,
                    "seconds_many": seconds_many,
                    "ratio": seconds_many / seconds,
                    "cpu_seconds": cpu,
                    "cpu_seconds_many": cpu_many,
                    "cpu_ratio": cpu_many / cpu,
                }
            )
            say(f"{method}: {found[-1]['many']:,} cohorts cost {found[-1]['ratio']:.2f} times what {COHORTS} do")
    return found


def _day(asked: Asked, work: Path, say: Callable[[str], None]) -> dict[str, Any]:
    town = _town(asked, _most(asked, 10_000_000))
    with _file(work, town, say) as file:
        found = _run("a day", file, town)
        file.with_suffix(".state").unlink()
    if not found["same"]:
        raise BooksBroken(workload="a day appended", failures=[{"name": "a day more is not as all at once"}])
    say(f"a day appended: {found['share']:.2%} of the whole")
    return found


def _first_call(work: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=work) as empty:
        return _run("first", work / "none", _small_town(), NUMBA_CACHE_DIR=empty)


def _small_town() -> Town:
    from koinon.bench.trace_run import SMALL

    return SMALL


def _command(asked: Asked, work: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """``koinon impact trace`` on a CSV file: from its start to tables and a report of both conventions."""
    from koinon.bench.follow_the_money import whole_command
    from koinon.impact import generator

    town = _town(asked, _most(asked, 1_000_000))
    file, attributes = work / "transfers.csv", work / "accounts.csv"
    say(f"writing {town.transfers:,} transfers as CSV")
    generator.write_csv(town, file)
    generator.write_accounts(town, attributes)
    whole_command(file, attributes, work / "warm", "both")
    took = [whole_command(file, attributes, work / f"result-{turn}", "both") for turn in range(asked.rounds)]
    found = {
        "transfers": town.transfers,
        "bytes": file.stat().st_size,
        "seconds": median([seconds for seconds, _ in took]),
        "peak_mb": max(megabytes for _, megabytes in took),
    }
    file.unlink()
    say(f"the whole command on {town.transfers:,} transfers: {found['seconds']:.2f} s")
    return found


def _aggregates(document: dict[str, Any], asked: Asked, work: Path, spark: bool, say: Callable[[str], None]) -> None:
    from koinon.bench import aggregates

    town = _town(asked, _most(asked, _LARGEST))
    say(f"an export of {town.transfers:,} transfers for DuckDB{' and Spark' if spark else ''}")
    with tempfile.TemporaryDirectory(dir=work) as folder:
        aggregates.lake(town, Path(folder))
        found = aggregates.measure(Path(folder), engines=("duckdb", "spark") if spark else ("duckdb",), say=say)
    document["aggregates"] = [asdict(one) for one in found["runs"]]
    document["peers"] += found["peers"]


def _follow_the_money(
    document: dict[str, Any], asked: Asked, work: Path, folder: Path, say: Callable[[str], None]
) -> None:
    from koinon.bench import follow_the_money

    def by_hops(method: str, town: Town) -> list[float]:
        with _file(work, town, say) as file:
            found: list[float] = _run(method, file, town)["by_hops"]
            return found

    document["peers"] += follow_the_money.measure(
        folder, work, rounds=asked.rounds, most=max(asked.sizes), seed=asked.seed, by_hops=by_hops, say=say
    )


# --- Targets -------------------------------------------------------------------------------------


def targets(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each target that this run can speak of. Missing one does not fail the command: machines differ.

    >>> run = {"method": "mixing, streamed", "transfers": 100_000_000, "seconds": 17.0, "peak_mb": 800.0}
    >>> [(one["name"], one["met"]) for one in targets({"runs": [run], "peers": []})]
    [('mixing, streamed, 100M, s', True), ('mixing, streamed, 100M, MB', True)]
    """
    runs = {one["method"]: one for one in document["runs"] if one["transfers"] == _LARGEST}
    streamed, both = runs.get("mixing, streamed"), runs.get("fifo and mixing")
    found = [
        ("fifo and mixing, 100M, s", "<=", 40.0, both and both["seconds"]),
        ("mixing, streamed, 100M, s", "<=", 20.0, streamed and streamed["seconds"]),
        ("mixing, streamed, 100M, MB", "<=", 1000.0, streamed and streamed["peak_mb"]),
    ]
    for one in document.get("cohorts", ()):
        found.append((f"{one['method']}: many cohorts against few", "<=", 1.2, one["ratio"]))
    if day := document.get("day"):
        found.append(("a day appended, per cent of the whole", "<=", 1.0, 100 * day["share"]))
    if first := document.get("first_call"):
        found.append(("first call, s", "<=", 10.0, first["seconds"]))
    command = document.get("command")
    if command and command["transfers"] >= 1_000_000:
        found.append(("CSV to report, 1M, s", "<=", 5.0, command["seconds"]))
    for one in document.get("aggregates", ()):
        if one["transfers"] == _LARGEST and one["method"].startswith("duckdb"):
            found.append((f"{one['method']}, 100M, s", "<=", 25.0, one["seconds"]))
            found.append((f"{one['method']}, 100M, MB", "<=", 1000.0, one["peak_mb"]))
    for peer in document["peers"]:
        if "wanted" in peer:
            found.append((f"{peer['work']}, against {peer['peer']}", ">=", peer["wanted"], peer["ratio"]))
    return [
        {
            "name": name,
            "wanted": f"{how} {limit:g}",
            "found": value,
            "met": value <= limit if how == "<=" else value >= limit,
        }
        for name, how, limit, value in found
        if value is not None
    ]
