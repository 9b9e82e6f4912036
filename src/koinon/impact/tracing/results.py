"""What was counted while lots moved, told as a trace."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from koinon.impact.tracing import lots
from koinon.impact.tracing.types import (
    HOPS,
    REACH,
    UNKNOWN,
    UNKNOWN_ORIGIN,
    CohortTrace,
    Days,
    FlowMatrix,
    Path,
    Trace,
)

if TYPE_CHECKING:
    from koinon.impact.tracing.holding import LotsState

QUANTILES: Final = (10, 25, 50, 75, 90)
MOST_PATHS: Final = 200
LONGER: Final = "…"
_DAY: Final = 86_400_000_000


class Reach(Mapping[str, Mapping[str, Mapping[int, int | float]]]):
    """{dimension: {label: {hop: amount}}}, read from a row of hop x label when it is asked for."""

    __slots__ = ("_labels", "_row")

    def __init__(self, labels: Mapping[str, tuple[str, ...]], row: NDArray[Any]) -> None:
        self._labels = labels
        self._row = row

    def __getitem__(self, dimension: str) -> Mapping[str, Mapping[int, int | float]]:
        at = 0
        for name, labels in self._labels.items():
            if name == dimension:
                return {
                    label: dict(enumerate(self._row[:, at + code].tolist(), 1)) for code, label in enumerate(labels)
                }
            at += len(labels)
        raise KeyError(dimension)

    def __iter__(self) -> Iterator[str]:
        return iter(self._labels)

    def __len__(self) -> int:
        return len(self._labels)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and dict(self.items()) == dict(other.items())

    def __hash__(self) -> int:
        return hash(tuple(self._labels))

    def __repr__(self) -> str:
        return repr({name: dict(labels) for name, labels in self.items()})


def of_lots(state: LotsState) -> Trace:
    """A state's trace; ``seconds`` and ``peak_mb`` are the caller's to fill in."""
    labels = {name: (UNKNOWN, *known) for name, known in state.frame.labels.items()}
    held = np.zeros(len(state.book), np.int64)
    lying = np.zeros(sum(map(len, labels.values())), np.int64)
    lots_held = int(state.heads[:, lots.COUNT].sum())
    ways = np.zeros((lots_held * len(state.frame.paths), 3), np.int64)
    filled = lots.sum_up(state.heads, state.pool, state.widths, held, lying, ways, state.path_dimensions)

    book = np.vstack([state.book, state.book.sum(axis=0)[None]])
    whole = state.ages.sum(axis=0)
    told = max(lots.FINE, int(np.flatnonzero(whole).max(initial=0)) + 1)
    ages = np.vstack([state.ages[:, :told], whole[None, :told]])
    held = np.append(held, held.sum())
    used = np.flatnonzero(state.book[:, lots.ISSUED])
    if len(used):
        book[-1, lots.FIRST_ISSUE] = state.book[used, lots.FIRST_ISSUE].min()
        book[-1, lots.LAST_ISSUE] = state.book[used, lots.LAST_ISSUE].max()
    left = book[:, lots.EXITS : lots.HOPS_BEYOND : 2].sum(axis=1)
    left_over = book[:, lots.ISSUED] - held - left - book[:, lots.WITHDRAWN]
    cohorts = _cohorts((UNKNOWN_ORIGIN, *state.cohorts, "total"), book, ages, held, left, labels, state.frame.tick_us)
    flows = _flows(state, labels, lying)
    paths = _paths(state, labels, ways[:filled])
    return Trace(
        convention=state.frame.convention,
        unit=state.frame.unit,
        exponent=state.frame.exponent,
        transfers=state.transfers,
        accounts=len(state.heads),
        first_at=state.first_at,
        last_at=state.last_at,
        cohorts=cohorts[1:-1],
        unknown_origin=cohorts[0],
        total=cohorts[-1],
        outside=int(state.marks[lots.OUTSIDE]),
        flows=flows,
        paths=paths,
        conservation_error=int(np.abs(left_over).max()),
        tick_us=state.frame.tick_us,
        digest=_digest(state, ages[:-1], labels, held, flows, paths),
        seconds=0.0,
        peak_mb=0.0,
    )


def _cohorts(
    names: tuple[str, ...],
    book: NDArray[np.int64],
    ages: NDArray[np.int64],
    held: NDArray[np.int64],
    left: NDArray[np.int64],
    labels: Mapping[str, tuple[str, ...]],
    tick_us: int,
) -> tuple[CohortTrace, ...]:
    days = tick_us / _DAY
    hops = np.arange(HOPS + 1)
    on = lots.PAID + 2 * hops + np.where(hops < 3, 0, 2)
    exits = book[:, lots.EXITS : lots.HOPS_BEYOND : 2]
    payments = exits[:, :HOPS] @ hops[:HOPS] + book[:, lots.HOPS_BEYOND]
    ticks = ages[:, : lots.FINE] @ np.arange(lots.FINE) + book[:, lots.TICKS_BEYOND]
    volume = book[:, on].sum(axis=1) - book[:, lots.REFUNDED]
    moved_on = book[:, on] + exits + book[:, lots.RETURNED : lots.RETURNED + HOPS + 1]
    lay = book[:, on + 1] + book[:, lots.EXITS + 1 : lots.HOPS_BEYOND : 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        waits = np.where(moved_on > 0, lay / moved_on * days, np.nan)
    reached = book[:, lots.REACHED : lots.REACHED + REACH * sum(map(len, labels.values()))]
    reached = reached.reshape(len(book), REACH, -1)
    return tuple(
        CohortTrace(
            label=name,
            issued=issued,
            held=still,
            redeemed=gone - expired,
            expired=expired,
            withdrawn=withdrawn,
            by_hops=tuple(by_hops),
            mean_hops=paid / gone if gone else None,
            volume=value,
            multiplier=value / issued if issued else None,
            days_to_exit=Days(gone, waited / gone * days if gone else None, spread),
            days_by_hop=tuple(None if wait != wait else wait for wait in waited_by_hop),
            reach=Reach(labels, reached[at]),
            through_sse=through if "sse" in labels else None,
            stayed_in_zone=stayed if "zone" in labels else None,
            issued_at=(first, last) if issued else None,
        )
        for at, (
            name, issued, still, gone, expired, withdrawn, by_hops, paid, value, waited, spread, waited_by_hop, through, stayed,
            first, last,
        ) in enumerate(
            zip(
                names,
                book[:, lots.ISSUED].tolist(),
                held.tolist(),
                left.tolist(),
                book[:, lots.EXPIRED].tolist(),
                book[:, lots.WITHDRAWN].tolist(),
                exits.tolist(),
                payments.tolist(),
                volume.tolist(),
                ticks.tolist(),
                _quantiles(ages, tick_us),
                waits.tolist(),
                book[:, lots.THROUGH_SSE].tolist(),
                book[:, lots.STAYED].tolist(),
                book[:, lots.FIRST_ISSUE].tolist(),
                book[:, lots.LAST_ISSUE].tolist(),
                strict=True,
            )
        )
    )  # fmt: skip


def _lower_ends() -> NDArray[np.int64]:
    """The smallest age of each class, in ticks."""
    ends = list(range(lots.FINE))
    for doubling in range(1, (lots.AGES - lots.FINE) // 64 + 1):
        ends += [(64 + step) << doubling for step in range(64)]
    return np.array(ends, np.int64)


def _quantiles(ages: NDArray[np.int64], tick_us: int) -> list[dict[int, float] | None]:
    """For each row the smallest age by which at least so many per cent had left."""
    ends = _lower_ends() * (tick_us / _DAY)
    grown = np.cumsum(ages, axis=1)
    whole = grown[:, -1]
    found = np.empty((len(ages), len(QUANTILES)))
    for column, per_cent in enumerate(QUANTILES):
        wanted = whole // 100 * per_cent - (-(whole % 100) * per_cent) // 100  # Rounded up, without leaving 64 bits.
        found[:, column] = ends[(grown < wanted[:, None]).sum(axis=1)]
    return [
        dict(zip(QUANTILES, row, strict=True)) if some > 0 else None
        for row, some in zip(found.tolist(), whole.tolist(), strict=True)
    ]


def _flows(state: LotsState, labels: Mapping[str, tuple[str, ...]], lying: NDArray[np.int64]) -> dict[str, FlowMatrix]:
    found = {}
    for (name, known), (reach, count, start) in zip(labels.items(), state.widths.tolist(), strict=True):
        matrix = state.flows[start : start + (count + 2) * (count + 3)].reshape(count + 2, count + 3)
        stands = np.zeros((count + 2, 1), np.int64)
        stands[:count, 0] = lying[reach : reach + count]
        found[name] = FlowMatrix(
            rows=(*known, "issued", UNKNOWN_ORIGIN),
            columns=(*known, "redeemed", "expired", "withdrawn", "held"),
            amounts=np.hstack([matrix, stands]),
        )
    return found


_ENDS: Final = {lots.LEFT: "redeemed", lots.LEFT + 1: "expired", lots.LEFT + 2: "held"}


def _paths(
    state: LotsState, labels: Mapping[str, tuple[str, ...]], ways: NDArray[np.int64]
) -> dict[str, tuple[Path, ...]]:
    """The ways that most money took, by how it ended, largest first."""
    if not state.frame.paths:
        return {}
    kept = state.entries[(state.entries[:, 0] != lots.NEVER) & (state.entries[:, 1] != 0)]
    node, what, amount = kept[:, 0] >> 34, (kept[:, 0] >> 31) & 7, kept[:, 1]
    nodes = int(state.marks[lots.NODES])
    tree = state.nodes[:nodes, :3].tolist()
    crowd = [
        np.bincount(node[(what == side) & (amount > 0)], minlength=nodes).tolist() for side in (lots.PAYER, lots.PAYEE)
    ]
    ends = np.isin(what, (lots.LEFT, lots.LEFT + 1))
    held_at, place = np.unique(ways[:, :2], axis=0, return_inverse=True)
    held = np.zeros(len(held_at), np.int64)
    np.add.at(held, place.reshape(-1), ways[:, 2])
    cell = np.concatenate([node[ends] * 8 + what[ends], held_at[:, 0] * 8 + lots.LEFT + 2])
    in_it = np.concatenate([amount[ends], held])
    cells, inverse = np.unique(cell, return_inverse=True)
    # What came back to another account than it had left from is taken out of the sum and is nobody's.
    sums, largest = np.zeros(len(cells), np.int64), np.zeros(len(cells), np.int64)
    np.add.at(sums, inverse, in_it)
    np.maximum.at(largest, inverse, in_it)
    holders = np.bincount(inverse[in_it > 0], minlength=len(cells))

    found: dict[str, list[Path]] = {name: [] for name in state.frame.paths}
    more = state.nodes.shape[1] - 4
    whose = {1 + at: name for at, name in enumerate(state.frame.paths)}
    for at in np.lexsort((cells, -sums)).tolist():
        if sums[at] <= 0:
            break
        step = int(cells[at]) // 8
        told: list[int] = []
        payers: list[int] = []
        payees: list[int] = []
        while tree[step][1] > 0:
            told.append(tree[step][2])
            if tree[step][1] > 1:
                payers.append(crowd[0][step])
                payees.append(crowd[1][step])
            step = tree[step][0]
        name = whose[step]
        if len(found[name]) < MOST_PATHS:
            found[name].append(
                Path(
                    labels=tuple(LONGER if code == more else labels[name][code] for code in reversed(told)),
                    end=_ENDS[int(cells[at]) % 8],
                    amount=int(sums[at]),
                    holders=int(holders[at]),
                    largest=int(largest[at]),
                    payers=min(payers, default=0),
                    payees=min(payees, default=0),
                )
            )
    # Equal amounts by their labels, so that the order does not depend on which way was seen first.
    return {
        name: tuple(sorted(ways_of, key=lambda way: (-way.amount, way.labels, way.end)))
        for name, ways_of in found.items()
    }


def _digest(
    state: LotsState,
    ages: NDArray[np.int64],
    labels: Mapping[str, tuple[str, ...]],
    held: NDArray[np.int64],
    flows: Mapping[str, FlowMatrix],
    paths: Mapping[str, tuple[Path, ...]],
) -> str:
    """SHA-256 over everything that was found, in a form that is the same on each machine."""
    said = {
        "convention": state.frame.convention,
        "unit": state.frame.unit,
        "exponent": state.frame.exponent,
        "tick_us": state.frame.tick_us,
        "transfers": state.transfers,
        "accounts": len(state.heads),
        "outside": int(state.marks[lots.OUTSIDE]),
        "cohorts": state.cohorts,
        "labels": list(labels.items()),
        "paths": {
            name: [[way.labels, way.end, way.amount, way.holders, way.largest, way.payers, way.payees] for way in ways]
            for name, ways in paths.items()
        },
    }
    digest = hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode())
    for table in (held, *(flows[name].amounts for name in flows)):
        digest.update(np.ascontiguousarray(table, "<i8").data)
    for table in (state.book, ages):
        filled = np.flatnonzero(table)
        digest.update(filled.astype("<i8").data)
        digest.update(table.reshape(-1)[filled].astype("<i8").data)
    return digest.hexdigest()
