"""The invented ledger is the same however it is asked for, and nobody in it pays what is not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from koinon.impact import generator
from koinon.impact.generator import FIRST, ISSUER, REDEEMER, Town
from koinon.impact.tracing.types import Transfers

COLUMNS = ("time", "source", "target", "amount", "cohort", "undoes")
TOWN = Town(transfers=20_000, accounts=200, cohorts=24)


def rows(transfers: Transfers) -> list[tuple[int, ...]]:
    return list(zip(*(getattr(transfers, name).tolist() for name in COLUMNS), strict=True))


@pytest.mark.parametrize("size", [1, 997, 20_000])
def test_the_same_rows_come_in_one_piece_and_in_many(size: int) -> None:
    town = Town(transfers=3_000, accounts=100) if size == 1 else TOWN
    whole = rows(generator.ledger(town).transfers)

    assert [row for piece in generator.pieces(town, size) for row in rows(piece)] == whole


def test_nobody_pays_what_is_not_there_and_time_runs_forward() -> None:
    ledger = generator.ledger(TOWN)
    balance = [0] * len(ledger.accounts.names)
    last = 0
    for time, source, target, amount, cohort, _ in rows(ledger.transfers):
        assert time >= last
        assert amount > 0
        assert (cohort >= 0) == (source == ISSUER)
        last = time
        balance[source] -= amount
        balance[target] += amount
        assert source == ISSUER or balance[source] >= 0
    assert sum(balance) == 0
    assert set(ledger.transfers.cohort.tolist()) == {-1, *range(24)}
    assert ledger.cohorts[:3] == ("fund 1 2027-01", "fund 2 2027-01", "fund 1 2027-02")


def test_it_has_the_shape_of_a_town() -> None:
    ledger = generator.ledger(Town(transfers=100_000, accounts=1_000))
    moved, role = ledger.transfers, ledger.accounts.role
    within = (role[moved.source] == 0) & (role[moved.target] == 0)
    shops = np.sort(np.bincount(moved.target[within], minlength=len(role))[FIRST + 900 :])[::-1]

    assert 0.78 < within.mean() < 0.88
    assert 0.04 < (moved.target == REDEEMER).mean() < 0.09
    assert 0.001 < moved.undoes.mean() < 0.006
    assert shops[0] > 3 * shops[50] > 0  # Zipf's law: few shops have most customers.


def test_files_hold_the_same_rows(tmp_path: Path) -> None:
    town = Town(transfers=2_500, accounts=50)
    generator.write_parquet(town, tmp_path / "town.parquet", rows=1_000)
    generator.write_csv(town, tmp_path / "town.csv")
    generator.write_accounts(town, tmp_path / "accounts.csv")

    ledger = generator.ledger(town)
    file = pq.ParquetFile(tmp_path / "town.parquet")
    columns = file.read().to_pydict()
    assert list(zip(*(columns[name] for name in COLUMNS), strict=True)) == rows(ledger.transfers)
    assert [file.metadata.row_group(index).num_rows for index in range(3)] == [1_000, 1_000, 500]

    lines = (tmp_path / "town.csv").read_text().splitlines()
    first = ledger.transfers
    assert lines[1] == (
        f"2027-01-01T00:00:00Z,0,issue,town,resident-0000000,{int(first.amount[0]) / 100:.2f},fund 1 2027-01"
    )
    assert len(lines) == 2_501
    assert (tmp_path / "accounts.csv").read_text().splitlines()[1:5] == [
        "town,,,,,,",
        "bank,,,,,,",
        "lapsed,,,,,,",
        "resident-0000000,resident,old town,,,,",
    ]
