"""Flows between named groups, attacked by somebody who knows every sum: no flow of a few accounts follows from the others."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from koinon.impact.files import cells, disclosed, tracing
from koinon.impact.files.types import Asked
from koinon.impact.tracing import api
from koinon.impact.tracing.types import Accounts, Attribute, Convention, Ledger, Trace, Transfers

LEAST = 5
GROUPS = ("Bakeries", "Cafés", "Farms", "Homes", "Repairs", "Schools")
Cell = tuple[str, str]


def town(seed: int) -> Ledger:
    """Sixty accounts in six groups; most groups trade with most, some by the hands of one or two of their accounts."""
    chance = Random(seed)
    names = ["town", "bank", *(f"{group}{place}" for group in GROUPS for place in range(10))]
    role = np.array([1, 2] + [0] * 60, np.uint8)
    codes = np.array([-1, -1, *(place // 10 for place in range(60))], np.int16)
    purse, rows = dict.fromkeys(range(62), 0), []

    def pay(source: int, target: int, amount: int) -> None:
        if source == 0 or 0 < amount <= purse[source]:
            rows.append((source, target, amount))
            purse[source] -= amount
            purse[target] += amount

    for who in range(2, 62):
        pay(0, who, chance.randrange(200_00, 900_00))
    few = {(chance.randrange(6), chance.randrange(6)) for _ in range(8)}
    for _ in range(900):
        payer, payee = chance.randrange(6), chance.randrange(6)
        hands = 2 if (payer, payee) in few else 10
        source = 2 + 10 * payer + chance.randrange(hands)
        pay(source, 2 + 10 * payee + chance.randrange(hands), round(purse[source] * chance.uniform(0.02, 0.3)))
    for who in range(2, 62):
        if chance.random() < 0.4:
            pay(who, 1, purse[who] // 2)
    sources, targets, amounts = (np.array(each) for each in zip(*rows, strict=True))
    count = len(rows)
    transfers = Transfers(
        time=np.arange(count, dtype=np.int64) * 3_600_000_000,
        source=sources.astype(np.int32),
        target=targets.astype(np.int32),
        amount=amounts.astype(np.int64),
        cohort=np.where(sources == 0, 0, -1).astype(np.int32),
        undoes=np.zeros(count, bool),
    )
    return Ledger(transfers, Accounts(names, role, {"sector": Attribute(codes, GROUPS)}), ("aid",), "euros")


def traced(ledger: Ledger) -> Trace:
    return next(iter(api.trace_each(ledger, (Convention.FIFO,)).values()))


def of_few(ledger: Ledger) -> dict[Cell, int]:
    """Flows that nobody may know, worked out transfer by transfer."""
    attribute = ledger.accounts.attributes["sector"]
    label = ["issued", "redeemed", *(attribute.labels[code] for code in attribute.codes[2:])]
    gave, took = defaultdict[Cell, dict[int, int]](dict), defaultdict[Cell, dict[int, int]](dict)
    purse = defaultdict[int, int](int)
    moved = ledger.transfers
    for source, target, amount in zip(moved.source.tolist(), moved.target.tolist(), moved.amount.tolist(), strict=True):
        if source != target:
            cell = label[source], label[target]
            gave[cell][source] = gave[cell].get(source, 0) + amount
            took[cell][target] = took[cell].get(target, 0) + amount
            purse[source], purse[target] = purse[source] - amount, purse[target] + amount
    for who in range(2, len(label)):
        if purse[who]:
            gave[label[who], "held"][who] = purse[who]
    found = {}
    for cell in gave:
        sides = [] if cell[0] == "issued" else [gave[cell]]
        sides += [] if cell[1] in ("redeemed", "held") else [took[cell]]
        if any(len(side) < LEAST or max(side.values()) > 0.85 * sum(side.values()) for side in sides):
            found[cell] = sum(gave[cell].values())
    return found


def bounds(amounts: dict[Cell, int], hidden: set[Cell], asked: Cell) -> tuple[int, int]:
    """Between what a hidden flow must lie for whoever knows all others, every sum, and that nothing is below zero."""

    def room(to_lower: bool) -> int:
        """How much the flow can change: along rows and columns of hidden flows that change to and fro (a maximal flow)."""
        capacity: dict[tuple[Any, Any], int] = {}
        for row, column in hidden - {asked}:
            down, up = (("row", row), ("column", column)), (("column", column), ("row", row))
            first, second = (up, down) if to_lower else (down, up)
            capacity[first] = amounts[row, column]
            capacity[second] = 10**15
        start, end = ("row", asked[0]), ("column", asked[1])
        found = 0
        while True:
            before: dict[Any, Any] = {start: None}
            queue = [start]
            for at in queue:
                for (one, other), left in capacity.items():
                    if one == at and left > 0 and other not in before:
                        before[other] = at
                        queue.append(other)
            if end not in before:
                return found
            way, at = [], end
            while before[at] is not None:
                way.append((before[at], at))
                at = before[at]
            most = min(capacity[step] for step in way)
            found += most
            if found >= 10**14:
                return found
            for one, other in way:
                capacity[one, other] -= most
                capacity[other, one] = capacity.get((other, one), 0) + most

    return amounts[asked] - min(amounts[asked], room(to_lower=True)), amounts[asked] + room(to_lower=False)


def cells_of(shown: cells.Shown) -> tuple[dict[Cell, int], set[Cell]]:
    matrix = shown.flows
    data, mask = np.ma.getdata(matrix.amounts), np.ma.getmaskarray(matrix.amounts)
    amounts = {
        (row, column): int(data[i, j])
        for i, row in enumerate(matrix.rows)
        for j, column in enumerate(matrix.columns)
        if data[i, j]
    }
    return amounts, {(matrix.rows[i], matrix.columns[j]) for i, j in zip(*np.nonzero(mask), strict=True)}


@pytest.mark.parametrize("seed", range(12))
def test_no_flow_of_few_follows_from_the_others(seed: int) -> None:
    ledger = town(seed)
    trace = traced(ledger)
    shown = disclosed.flows(ledger, trace, disclosed.groups(ledger, trace, LEAST), LEAST)["sector"]
    secret = of_few(ledger)

    assert shown is not None
    assert shown.others == 0
    amounts, hidden = cells_of(shown)
    assert set(secret) <= hidden
    for cell, amount in secret.items():
        low, high = bounds(amounts, hidden, cell)
        assert 2 * low <= amount, (cell, low, amount, high)
        assert 2 * high >= 3 * amount, (cell, low, amount, high)


def test_attack_finds_something_where_only_the_flows_of_few_are_hidden() -> None:
    known = 0
    for seed in range(12):
        ledger = town(seed)
        secret = of_few(ledger)
        plain = cells.shown(ledger, "sector", traced(ledger).flows["sector"], _groups(ledger), 1, None)
        assert plain is not None
        amounts, _ = cells_of(plain)
        known += sum(bounds(amounts, set(secret), cell) == (amount, amount) for cell, amount in secret.items())

    assert known > 0


def _groups(ledger: Ledger) -> Any:
    found = disclosed.groups(ledger, traced(ledger), LEAST)["sector"]
    assert found is not None
    return found


def test_what_is_hidden_of_a_row_or_column_is_together_of_enough() -> None:
    """Of each line that hides something the hidden sum is known: it is nobody's alone."""
    ledger = town(3)
    trace = traced(ledger)
    shown = disclosed.flows(ledger, trace, disclosed.groups(ledger, trace, LEAST), LEAST)["sector"]
    assert shown is not None

    _, hidden = cells_of(shown)

    assert hidden
    for line in (0, 1):
        count = defaultdict[str, int](int)
        for cell in hidden:
            count[cell[line]] += 1
        assert min(count.values()) >= 2


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    ledger = town(3)
    folder = tmp_path_factory.mktemp("town")
    moved, names = ledger.transfers, ledger.accounts.names
    rows = ["time,source,target,amount_minor,cohort"]
    rows += [
        f"{when // 1_000_000},{names[source]},{names[target]},{amount},{'aid' if source == 0 else ''}"
        for when, source, target, amount in zip(
            moved.time.tolist(), moved.source.tolist(), moved.target.tolist(), moved.amount.tolist(), strict=True
        )
    ]
    (folder / "ledger.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    known = ledger.accounts.attributes["sector"]
    lines = ["account,sector", *(f"{names[who]},{known.labels[known.codes[who]]}" for who in range(2, 62))]
    (folder / "accounts.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Asked(
        folder / "ledger.csv", issuers=("town",), redeemers=("bank",), accounts=folder / "accounts.csv", decimals=2
    )


def test_page_document_and_tables_keep_the_same_flows(file: Asked, tmp_path: Path) -> None:
    document = tracing.trace_file(file, "all", out=tmp_path / "out", least=LEAST, disclosed=True)
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    flows = json.loads((tmp_path / "out/trace.json").read_text(encoding="utf-8"))["traces"][0]["flows"]["sector"]
    table = pq.read_table(tmp_path / "out/flows.parquet").to_pylist()

    hidden = {
        (row, column)
        for row, amounts in zip(flows["rows"], flows["amounts"], strict=True)
        for column, amount in zip(flows["columns"], amounts, strict=True)
        if amount is None
    }
    secret = of_few(town(3))
    assert secret
    assert set(secret) <= hidden
    assert {(row["from"], row["to"]) for row in table if row["amount"] is None} == hidden
    assert f"{len(hidden)} flows told together" in page
    for source, target in hidden:
        assert f"<bdi>{source}</bdi> → <bdi>{target}</bdi>" not in page
    for amount in secret.values():
        assert f'<td class="figure">{amount / 100:,.2f}</td>' not in page
        assert amount not in [row["amount"] for row in table]
    for trace in document["traces"]:
        for paths in trace["paths"].values():
            for path in paths:
                steps = ["issued", *path["labels"], path["end"]]
                assert not hidden & set(pairwise(steps))
        assert all(cohort["reach"] == {} and cohort["by_hops"] == [] for cohort in trace["cohorts"])


def test_groups_without_company_are_told_together() -> None:
    """Two schools hold so much that no other flow could hide it: schools are no group of their own."""
    rows = [(0, who, 90_000_00 if who >= 52 else 500_00 + who) for who in range(2, 62)]
    rows += [(who, 52 + who % 2, 90_000_00) for who in range(54, 62)]
    rows += [(who, 2 + (who * 7) % 50, 200_00) for who in range(2, 52)]
    source, target, amount = (np.array(each) for each in zip(*rows, strict=True))
    transfers = Transfers(
        time=np.arange(len(rows), dtype=np.int64) * 3_600_000_000,
        source=source.astype(np.int32),
        target=target.astype(np.int32),
        amount=amount.astype(np.int64),
        cohort=np.where(source == 0, 0, -1).astype(np.int32),
        undoes=np.zeros(len(rows), bool),
    )
    ledger = Ledger(transfers, town(0).accounts, ("aid",), "euros")
    trace = traced(ledger)

    told = disclosed.groups(ledger, trace, LEAST)
    shown = disclosed.flows(ledger, trace, told, LEAST)["sector"]

    assert told["sector"] is not None
    assert "Schools" in told["sector"].accounts
    assert shown is None or ("Schools" not in shown.flows.rows and shown.others >= 2)


def test_no_group_less_one_of_another_dimension_is_a_few_accounts() -> None:
    """Three bakeries are in no zone: what is in no zone less the homes, which are in none either, would be those three."""
    ledger = town(1)
    codes = ledger.accounts.attributes["sector"].codes
    home = (codes == GROUPS.index("Homes")) | (np.arange(len(codes)) < 5)
    zone = np.where(home, -1, np.arange(len(codes)) % 2).astype(np.int16)
    both = {**ledger.accounts.attributes, "zone": Attribute(zone, ("North", "South"))}
    known = Ledger(
        ledger.transfers, Accounts(ledger.accounts.names, ledger.accounts.role, both), ledger.cohorts, ledger.unit
    )

    told = disclosed.groups(known, traced(known), LEAST)

    members = []
    for dimension, of in told.items():
        if of is not None:
            labels = (*both[dimension].labels, "unknown")
            named = [of.names[labels[code]] for code in both[dimension].codes[2:]]
            members += [{who for who, name in enumerate(named) if name == one} for one in of.accounts]
    assert sum(1 for of in told.values() if of is not None) == 2
    assert "unknown" not in told["zone"].accounts  # type: ignore[union-attr]
    for one in members:
        for other in members:
            assert not (one < other and len(other - one) < LEAST)
            assert one & other or not 0 < 60 - len(one) - len(other) < LEAST
