"""Write the figures of docs/explanation/benchmarks.md from runs of ``koinon bench payments --json``.

    python tools/benchmarks.py "the command" RUN.json [RUN.json ...]

The last file gives the table of workloads and peers; the targets are shown for every file, so that runs in a
row can be compared. Nothing is rounded to look better than it was: what was missed is said to be missed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "benchmarks.md"
HEADING, NEXT = "## Figures\n", "\n## The document\n"


def figures(command: str, runs: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(
        [*_taken(command, runs[-1]), *_workloads(runs[-1]), *_peers(runs[-1]), *_history(runs[-1]), *_targets(runs)]
    )


def _taken(command: str, run: Mapping[str, Any]) -> Iterator[str]:
    machine, settings, limits = run["machine"], run["settings"], run["limits"]
    loads = [one["load_average"][0] for one in run["workloads"]]
    yield ""
    yield (
        f"Taken on {run['measured_at'][:10]} with `{command}` on {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['memory_bytes'] / 2**30:.0f} GiB, {machine['kernel']}, {machine['disk']['file_system']}; PostgreSQL "
        f"{settings['postgresql']} with shared_buffers {settings['shared_buffers']}, max_wal_size "
        f"{settings['max_wal_size']}. Load average {min(loads):.1f} to {max(loads):.1f}; clients and server share the cores."
    )
    yield ""
    yield (
        f"Limits of the machine at the time: {limits['fsync_per_second']:,.0f} fsync/s, {limits['copy_rows_per_second']:,.0f} "
        f"rows/s by COPY into the bare table, SHA-256 {limits['sha256_bytes_per_second'] / 1e6:,.0f} MB/s on one core."
    )


def _workloads(run: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield "| workload | clients | seconds | payments/s | p50 ms | p95 | p99 | p99.9 | refused | CPU µs server + client | WAL B | row B | of its limit | checked rows |"
    yield "| --- |" + " ---: |" * 13
    for one in run["workloads"]:
        limit = f"{one['limit']['fraction']:.0%}" if "limit" in one else ""
        yield (
            f"| `{one['name']}` | {one['clients']} | {one['seconds']:.0f} | {one['payments_per_second']:,.0f} | "
            + " | ".join(_number(one[name]) for name in ("p50_ms", "p95_ms", "p99_ms", "p999_ms"))
            + f" | {one['refused']:,} | {_number(one['server_cpu_us_per_payment'])} + "
            f"{_number(one['client_cpu_us_per_payment'])} | {_number(one['wal_bytes_per_payment'])} | "
            f"{_number(one['bytes_per_transfer'])} | {limit} | {one['checked']:,} |"
        )


def _peers(run: Mapping[str, Any]) -> Iterator[str]:
    if not run["peers"]:
        return
    yield ""
    yield "| peer | workload | clients | ours/s | theirs/s | ratio | their p50 ms | their p99 | rounds, ours : theirs |"
    yield "| --- | --- |" + " ---: |" * 6 + " --- |"
    for peer in run["peers"]:
        for one in (peer, *peer["others"]):
            if "workload" in one:
                rounds = ", ".join(f"{each['ours']:,.0f} : {each['theirs']:,.0f}" for each in one["rounds"])
                yield (
                    f"| {peer['name']} | `{one['workload']}` | {one['clients']} | {one['ours_per_second']:,.0f} | "
                    f"{one['payments_per_second']:,.0f} | {one['ratio']:.1f} | {_number(one['p50_ms'])} | "
                    f"{_number(one['p99_ms'])} | {rounds} |"
                )
    yield ""
    sizes = ", ".join(f"{peer['name']} {_number(peer['bytes_per_transfer'])} B" for peer in run["peers"])
    yield f"A transfer of theirs with all indexes: {sizes}."


def _history(run: Mapping[str, Any]) -> Iterator[str]:
    if "history" not in run:
        return
    found = run["history"]
    yield ""
    yield (
        f"On top of {found['transfers']:,} transfers (posted at {found['loaded_per_second']:,.0f}/s, sealed on the way): "
        f"{found['payments_per_second']:,.0f} payments/s against {found['payments_per_second_when_empty']:,.0f} on empty books in "
        f"alternated rounds, a share of {found['share_of_empty']:.2f}; a statement in {_number(found['statement_p50_ms'])} ms, "
        f"p99 {_number(found['statement_p99_ms'])} ms; {_number(found['bytes_per_transfer'])} bytes a transfer; every invariant over "
        f"{found['checked']:,} rows in {found['check_seconds']:,.0f} s."
    )


def _targets(runs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield ""
    numbers = " | ".join(f"run {number}" for number in range(1, len(runs) + 1))
    yield f"| target | wanted | {numbers} |"
    yield "| --- |" + " ---: |" * (len(runs) + 1)
    for target in runs[-1]["targets"]:
        found = [next((one for one in run["targets"] if one["name"] == target["name"]), None) for run in runs]
        told = " | ".join(
            "" if one is None else f"{one['found']:,.1f} {'met' if one['met'] else 'missed'}" for one in found
        )
        yield f"| {target['name'].replace('_', ' ')} | {target['wanted']} | {told} |"
    yield ""


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def main() -> None:
    command, files = sys.argv[1], sys.argv[2:]
    runs = [json.loads(Path(file).read_text(encoding="utf-8")) for file in files]
    before, rest = PAGE.read_text(encoding="utf-8").split(HEADING)
    _old, after = rest.split(NEXT)
    PAGE.write_text(before + HEADING + figures(command, runs) + NEXT + after, encoding="utf-8")


if __name__ == "__main__":
    main()
