"""``koinon bench payments``: the document has the shape that its page describes. Nothing here is about how fast."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from koinon.bench.catalogue import NAMES
from koinon.bench.server import Server
from koinon.bench.workloads import TOO_MUCH, Collected, Ground, half_refused
from koinon.cli.bench import show
from koinon.ledger.types import Request, Transfer
from tests.cli.command import Said, koinon

QUICK = ("--seconds", "0.4", "--warm-up", "0.05", "--wallets", "200", "--json")
HISTORY = 30_000  # Three batches. A thousand times as many are posted by hand: docs/explanation/benchmarks.md.
WORKLOAD_KEYS = {
    "name", "clients", "seconds", "payments", "payments_per_second", "p50_ms", "p95_ms", "p99_ms", "p999_ms", "refused",
    "bytes_per_transfer", "checked", "wal_bytes", "server_cpu", "client_cpu", "load_average",
}  # fmt: skip
# An installation that a peer's users would have: accounts with a balance, a function that moves money and refuses.
LITTLE_LEDGER = """
CREATE TABLE pgledger_accounts (
    id text PRIMARY KEY DEFAULT uuid_to_ulid(gen_random_uuid()), name text NOT NULL, currency text NOT NULL,
    balance numeric NOT NULL, version bigint NOT NULL, allow_negative_balance boolean NOT NULL,
    allow_positive_balance boolean NOT NULL, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL
);
CREATE TABLE pgledger_transfers (id bigint GENERATED ALWAYS AS IDENTITY, payer text, payee text, amount numeric);
CREATE TABLE pgledger_entries (id bigint);
CREATE FUNCTION pgledger_create_transfer(payer text, payee text, amount numeric) RETURNS SETOF pgledger_transfers
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM pgledger_accounts WHERE id IN (payer, payee) ORDER BY id FOR UPDATE;
    UPDATE pgledger_accounts AS a SET balance = balance + CASE a.id WHEN payee THEN amount ELSE -amount END
    WHERE a.id IN (payer, payee);
    RETURN QUERY INSERT INTO pgledger_transfers (payer, payee, amount) VALUES (payer, payee, amount) RETURNING *;
END $$;
"""


def bench(var: Path, *arguments: str) -> Said:
    return koinon("bench", "payments", *QUICK, *arguments, var=var)


@pytest.fixture(scope="module")
def every_workload(tmp_path_factory: pytest.TempPathFactory) -> Any:
    var = tmp_path_factory.mktemp("bench")
    said = bench(var, "--transfers", str(HISTORY), "--rounds", "1")
    assert said.status == 0, said.err
    assert [path.name for path in var.iterdir() if path.name.startswith("bench-")] == []  # Nothing is left behind.
    return said.document


def test_every_workload_is_measured_and_its_books_are_checked(every_workload: Any) -> None:
    workloads = {one["name"]: one for one in every_workload["workloads"]}

    assert tuple(workloads) == NAMES
    for one in workloads.values():
        assert one.keys() >= WORKLOAD_KEYS
        assert one["payments"] > 0
        assert one["checked"] > 0
        assert one["p50_ms"] <= one["p95_ms"] <= one["p99_ms"] <= one["p999_ms"]


def test_nothing_is_refused_where_nobody_asks_for_too_much(every_workload: Any) -> None:
    refused = {one["name"]: one["refused"] for one in every_workload["workloads"] if one["name"] != "refused"}

    assert set(refused.values()) == {0}


@pytest.mark.parametrize("place", [0, 1])
def test_every_other_payment_asks_for_too_much(place: int) -> None:
    asked: list[Transfer] = []

    class Heard(Collected):
        async def ask(self, request: Request) -> bool:
            assert isinstance(request, Transfer)
            asked.append(request)
            return True

    ask = half_refused(Heard(Ground(cast(Server, None), list(range(9)), print), "refused", 2), place, seed=1)

    async def ask_ten_times() -> None:
        for _ in range(10):
            await ask()

    asyncio.run(ask_ten_times())

    assert [request.amount == TOO_MUCH for request in asked] == [(place + number) % 2 == 1 for number in range(10)]


def test_the_machine_its_limits_and_the_settings_stand_beside_the_figures(every_workload: Any) -> None:
    assert {"cpu", "cores", "memory_bytes", "kernel", "disk"} <= every_workload["machine"].keys()
    settings = every_workload["settings"]
    assert (settings["fsync"], settings["synchronous_commit"]) == ("on", "on")
    assert all(value > 0 for value in every_workload["limits"].values())
    assert every_workload["peers"] == []


def test_books_with_a_history_are_compared_with_empty_ones(every_workload: Any) -> None:
    history = every_workload["history"]

    assert history["transfers"] == HISTORY
    assert history["checked"] > HISTORY
    assert history["share_of_empty"] > 0
    assert history["statement_p99_ms"] > 0


def test_a_peer_plays_the_same_rounds_in_turn(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sql"
    file.write_text(LITTLE_LEDGER, encoding="utf-8")

    said = bench(tmp_path / "var", "--workload", "uniform", "--rounds", "2", "--peer", f"pgledger={file}")

    assert said.status == 0, said.err
    (peer,) = said.document["peers"]
    assert (peer["name"], peer["workload"], len(peer["rounds"])) == ("pgledger", "uniform", 2)
    assert peer["payments_per_second"] > 0
    assert peer["ratio"] > 0
    assert said.document["workloads"][0]["rounds"] == 2


def test_figures_are_printed_for_people_too(every_workload: Any) -> None:
    console = Console(record=True, width=160, file=io.StringIO())

    show(console, every_workload)

    told = console.export_text()
    assert "synchronous_commit on" in told
    assert all(name in told for name in NAMES)
    assert "fsync per second" in told
    assert f"with {HISTORY:,} transfers in the books" in told


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--workload", "sprint"], "bench.unknown-workload"),
        (["--peer", "tigerbeetle"], "bench.unknown-peer"),
        (["--peer", "pgledger"], "bench.unknown-peer"),
        (["--peer", "pgledger=/nowhere.sql"], "bench.peer-not-usable"),
    ],
)
def test_what_cannot_be_measured_is_refused(arguments: list[str], code: str, tmp_path: Path) -> None:
    said = bench(tmp_path, *arguments)

    assert (said.status, said.document["refused"]["code"]) == (1, code)
