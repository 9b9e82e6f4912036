"""Beside us: follow-the-money (Mattsson and Takes), which turns transactions into trajectories of money.

https://github.com/carolinamattsson/follow-the-money, as whoever measures has fetched it. Both read the same CSV file of a
kind ledger: nothing is given back and nobody pays what is not there. For LIFO its money goes round about as often as aid
that was paid in Barcelona's REC did, 2.09 payments for each unit (docs/indicators/lm3.md). The peer's mixing takes more than
ten minutes of a core for such a ledger of 100,000 transfers, so there businesses redeem all they have, and it goes round
half as often. Of the peer the whole process counts, from the file to its list of trajectories; of ours too, from the
file to tables and a report. It is told not to look for balances at the beginning, which saves it a pass.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from koinon.bench.errors import PeerNotUsable
from koinon.bench.figures import median, ratio_of_medians
from koinon.impact import generator
from koinon.impact.generator import Town

NAME = "followthemoney"
PLAYED = (("lifo", 1_000_000, 60.0), ("mixing", 100_000, 50.0))
"""What is measured beside it, on how many transfers, and how many times as fast we want to be."""

_THEIRS = {"lifo": "lifo", "mixing": "mixed"}
_HOPS = 17


def program(folder: Path) -> Path:
    """The peer's script in the folder that was given."""
    found = folder / "follow_the_money.py"
    if not found.is_file():
        raise PeerNotUsable(name=NAME, reason=f"there is no follow_the_money.py in {folder}")
    return found


def measure(
    folder: Path, work: Path, *, rounds: int, most: int, seed: int, by_hops: Callable[[str, Town], list[float]],
    say: Callable[[str], None],
) -> list[dict[str, Any]]:  # fmt: skip
    """Both on the same file in alternation: seconds, the ratio of the medians, and how far the results agree."""
    script, found = program(folder), []
    for method, transfers, wanted in PLAYED:
        for player in (_ours, _theirs):  # Whatever comes second finds its libraries in memory: so do both.
            player(method, script, *_written(work, method, _town(method, 5_000, seed)))
        count = min(transfers, most)
        town = _town(method, count, seed)
        files = _written(work, method, town)
        ours: list[float] = []
        theirs: list[float] = []
        for turn in range(rounds):
            order = (_ours, _theirs) if turn % 2 == 0 else (_theirs, _ours)
            for player in order:
                say(f"{method} on {count:,} transfers: {'ours' if player is _ours else NAME}, round {turn + 1}")
                seconds = player(method, script, *files)
                (ours if player is _ours else theirs).append(seconds)
        flows = work / f"{method}-theirs" / f"nbal_flows_{_THEIRS[method]}.csv"
        found.append(
            {
                "peer": NAME,
                "work": f"{method}, from CSV to result",
                "transfers": count,
                "accounts": town.accounts,
                "seconds": median(ours),
                "peer_seconds": median(theirs),
                "rounds": [{"ours": a, "theirs": b} for a, b in zip(ours, theirs, strict=True)],
                "ratio": ratio_of_medians(theirs, ours),
                **({"wanted": wanted} if count == transfers else {}),  # Of fewer, our start is most of the time.
                "agreement": _agreement(by_hops(method, town), flows),
            }
        )
    return found


def whole_command(file: Path, attributes: Path, out: Path, convention: str) -> tuple[float, float]:
    """``koinon impact trace`` from the CSV file to its tables and report: seconds, and the most memory in MB."""
    command = [
        sys.executable, "-m", "koinon", "impact", "trace", str(file), "--issuers", "town", "--redeemers", "bank",
        "--expiry", "lapsed", "--accounts", str(attributes), "--convention", convention, "--out", str(out), "--json",
    ]  # fmt: skip
    return timed(command)


def timed(command: list[str], **environment: str) -> tuple[float, float]:
    """Run a program to its end: seconds, and the most memory it had in MB."""
    os.sync()  # What the program before it wrote is not written at this one's expense.
    began = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, **environment}
    ) as running:
        assert running.stderr is not None
        said = running.stderr.read()
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    if running.returncode:
        raise PeerNotUsable(name=Path(command[1]).name, reason=said.decode(errors="replace")[-400:].strip())
    return seconds, used.ru_maxrss / 1024


def _town(method: str, transfers: int, seed: int) -> Town:
    """Its multiplier is 2.08 for LIFO at a million transfers, 1.19 for mixing at a hundred thousand."""
    kind = Town(transfers=transfers, accounts=max(100, transfers // 100), seed=seed, refunds_per_mille=0)
    if method == "mixing":
        return replace(kind, redeemed_percent=100)
    return replace(kind, paid_on_percent=100, redemptions_per_mille=17)


def _written(work: Path, method: str, town: Town) -> tuple[Path, Path, Path]:
    """The ledger and what its accounts are, and what the peer must know of them."""
    file, attributes, config = work / f"{method}.csv", work / f"{method}-accounts.csv", work / f"{method}.json"
    generator.write_csv(town, file)
    generator.write_accounts(town, attributes)
    config.write_text(json.dumps(_config(town)), encoding="utf-8")
    return file, attributes, config


def _ours(method: str, _script: Path, file: Path, attributes: Path, _config: Path) -> float:
    return whole_command(file, attributes, file.with_name(f"{method}-ours-{time.monotonic_ns()}"), method)[0]


def _theirs(method: str, script: Path, file: Path, _attributes: Path, config: Path) -> float:
    out = file.with_name(f"{method}-theirs")
    out.mkdir(exist_ok=True)
    for old in out.iterdir():
        old.unlink()
    return timed(
        [sys.executable, str(script), str(file), str(config), str(out), f"--{_THEIRS[method]}", "--no_balance"]
    )[0]


def _config(town: Town) -> dict[str, Any]:
    return {
        "transaction_header": ["timestamp", "txn_ID", "type", "src_ID", "tgt_ID", "amt", "cohort"],
        "timeformat": "%Y-%m-%dT%H:%M:%SZ",
        "timewindow_beg": f"{town.first_year - 1}-12-31T00:00:00Z",
        "timewindow_end": f"{town.first_year + 1 + town.months // 12}-01-01T00:00:00Z",
        "boundary_type": "transactions",
        "transaction_categories": {
            "issue": "deposit",
            "payment": "transfer",
            "redeem": "withdraw",
            "expire": "withdraw",
        },
    }


def _agreement(ours: list[float], flows: Path) -> dict[str, Any]:
    """Of what left, how much had made 0, 1, 2 ... payments, by each; and which share the peer has lost sight of."""
    theirs = [0.0] * _HOPS
    before = csv.field_size_limit(1 << 30)
    try:
        with flows.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                last = row["txn_types"].rstrip("]").rsplit(",", 1)[-1]
                if last in ("redeem", "expire") and row["trj_categ"].startswith("(deposit"):
                    theirs[min(int(row["trj_len"]), _HOPS - 1)] += 100 * float(row["trj_amt"])
    finally:
        csv.field_size_limit(before)  # It holds for the whole process.
    whole = sum(ours)
    return {
        "by_hops": ours,
        "peer_by_hops": theirs,
        "differ": sum(abs(a - b) for a, b in zip(ours, theirs, strict=True)) / whole if whole else 0.0,
        "peer_lost": 1 - sum(theirs) / whole if whole else 0.0,
    }
