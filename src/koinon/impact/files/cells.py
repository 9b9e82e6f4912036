"""Which flows between named groups are told: none of a few accounts, and none that the others give away.

A flow from one group to another is a cell of a table whose sums are known: what a group received is what it passed on,
and a page tells both in other places. So a cell of few accounts does not stay hidden by itself. Others are hidden with
it until (1) what is hidden of a row or column is together of enough accounts, and (2) each cell that must not be known
stands on a cycle of hidden cells (row, column, row, ...) none of which is less than half of it: then it may be half as
large or half as large again and every sum still holds (Gusfield 1988; docs/algorithms/disclosure-control.md).

Groups for which there is no such cycle are told together with the other groups of fewest accounts.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from koinon.impact.files.disclosure import DOMINANT, OTHERS, Groups
from koinon.impact.tracing.types import UNKNOWN, UNKNOWN_ORIGIN, FlowMatrix, Ledger, Role

MOST_GROUPS = 10
_ENTRIES = ("issued", UNKNOWN_ORIGIN)
_EXITS = ("redeemed", "expired", "withdrawn", "held")

Cell = tuple[int, int]
_Values = Callable[[Sequence[Cell]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Moves:
    """Who moved how much to whom, what is given back as less of what it undoes, and what each account has in the end.

    ``lent`` is what an account paid without having it: what is of unknown origin.
    """

    payer: NDArray[np.int32]
    payee: NDArray[np.int32]
    amount: NDArray[np.float64]
    held: NDArray[np.float64]
    lent: NDArray[np.float64]


def moves(ledger: Ledger, *, lends: bool) -> Moves:
    """Prepared once for every dimension. ``lends``: whether anything is of unknown origin."""
    transfers, role = ledger.transfers, ledger.accounts.role
    payer, payee, amount = transfers.source, transfers.target, transfers.amount.astype(np.int64)
    holder = role == Role.HOLDER
    inside = (holder[payer] | holder[payee]) & (payer != payee)
    if not inside.all():
        payer, payee, amount = payer[inside], payee[inside], amount[inside]
    # What comes back: a payment undone, or units from where they had left to.
    back = ~holder[payer] & (role[payer] != Role.ISSUER)
    back |= transfers.undoes[inside] & holder[payee]
    if back.any():
        payer, payee = np.where(back, payee, payer), np.where(back, payer, payee)
        amount = np.where(back, -amount, amount)
    count = len(role)
    weight = amount.astype(np.float64)
    held = np.bincount(payee, weight, count) - np.bincount(payer, weight, count)
    lent = np.zeros(count)
    if lends:
        lent = _lent(payer, payee, amount, count) * holder
        held = held + lent
    return Moves(payer, payee, weight, held * holder, lent)


def _lent(
    payer: NDArray[np.int32], payee: NDArray[np.int32], amount: NDArray[np.int64], count: int
) -> NDArray[np.float64]:
    """How far each account would have fallen below zero."""
    account = np.stack([payer, payee], axis=1).ravel()
    change = np.stack([-amount, amount], axis=1).ravel()
    order = np.argsort(account, kind="stable")
    account, change = account[order], change[order]
    begins = np.flatnonzero(np.diff(account, prepend=-1))
    reached = np.cumsum(change)
    lowest = np.minimum.reduceat(reached, begins) - (reached[begins] - change[begins])
    found = np.zeros(count)
    found[account[begins]] = np.maximum(0, -lowest)
    return found


@dataclass(frozen=True, slots=True)
class Shown:
    """Flows as they may be told: masked where they are hidden. ``others``: how many groups are told together."""

    flows: FlowMatrix
    others: int


def shown(
    ledger: Ledger, dimension: str, matrix: FlowMatrix, told: Groups, least: int, moved: Moves | None
) -> Shown | None:
    """At most ten groups by name, the rest as one, and no flow of few accounts; None where nothing could be told.

    ``moved`` may be left out where ``least`` is 1 and nothing is hidden.
    """
    apart = _largest(matrix, told)
    fewest = sorted(apart, key=lambda name: (told.accounts[name], name))
    while len(apart) + (len(apart) < len(told.accounts)) > 1:
        labels = [*apart, *([OTHERS] if len(apart) < len(told.accounts) else [])]
        folded = _folded(matrix, told, labels)
        others = len(told.accounts) - len(apart)
        if least == 1 or moved is None:
            return Shown(folded, others)
        table = _table(ledger, dimension, told, labels, moved, folded, least)
        hidden, stuck = table.hidden()
        if stuck is None:
            mask = np.zeros(folded.amounts.shape, bool)
            for cell in hidden:
                mask[cell] = True
            return Shown(FlowMatrix(folded.rows, folded.columns, np.ma.masked_array(folded.amounts, mask)), others)
        # Where only one group is told together with nothing, a second joins it.
        for name in [labels[stuck], *fewest]:
            if name in apart:
                apart.remove(name)
                if len(told.accounts) - len(apart) > 1:
                    break
    return None


def _largest(matrix: FlowMatrix, told: Groups) -> list[str]:
    """The groups to tell apart, by what passed through them."""
    size: dict[str, int] = dict.fromkeys(told.accounts, 0)
    for labels, sums in ((matrix.rows, matrix.amounts.sum(axis=1)), (matrix.columns, matrix.amounts.sum(axis=0))):
        for label, amount in zip(labels, sums.tolist(), strict=True):
            if label in told.names:
                size[told.names[label]] += abs(amount)
    ranked = sorted(size, key=lambda name: (-size[name], name))
    return ranked if len(ranked) <= MOST_GROUPS else ranked[: MOST_GROUPS - 1]


def _folded(matrix: FlowMatrix, told: Groups, labels: Sequence[str]) -> FlowMatrix:
    rows, columns = (*labels, *_ENTRIES), (*labels, *_EXITS)

    def places(of: Sequence[str], among: Sequence[str]) -> list[int]:
        named = [told.names.get(label, label) for label in of]
        return [among.index(name) if name in among else len(labels) - 1 for name in named]

    amounts = np.zeros((len(rows), len(columns)), np.int64)
    down, across = places(matrix.rows, rows), places(matrix.columns, columns)
    np.add.at(amounts, np.ix_(down, across), matrix.amounts)
    return FlowMatrix(rows, columns, amounts)


def _table(
    ledger: Ledger,
    dimension: str,
    told: Groups,
    labels: Sequence[str],
    moved: Moves,
    folded: FlowMatrix,
    least: int,
) -> _Table:
    attribute, role = ledger.accounts.attributes[dimension], ledger.accounts.role
    known = [*attribute.labels, UNKNOWN]
    of_label = [
        labels.index(name) if (name := told.names.get(label, label)) in labels else len(labels) - 1 for label in known
    ]
    groups, count = len(labels), len(role)
    place = np.asarray(of_label, np.int32)[attribute.codes.astype(np.int64)]  # -1, not known, is the last.
    place[role != Role.HOLDER] = groups - 1 + role[role != Role.HOLDER]
    gave = _sums(moved.payer, place[moved.payee], moved.amount, count, groups + 3)
    took = _sums(moved.payee, place[moved.payer], moved.amount, count, groups + 3)
    issuer, redeemer, expiry = (groups - 1 + role for role in (Role.ISSUER, Role.REDEEMER, Role.EXPIRY))
    order = np.argsort(place, kind="stable")
    ends = np.searchsorted(place[order], np.arange(groups + 1))
    gave = np.column_stack([gave[:, [*range(groups), redeemer, expiry, issuer]], moved.held])[order]
    took = np.column_stack([took[:, [*range(groups), issuer]], moved.lent])[order]
    parts = [slice(int(ends[group]), int(ends[group + 1])) for group in range(groups)]
    return _Table(folded.amounts, groups, [gave[part] for part in parts], [took[part] for part in parts], least)


def _sums(
    account: NDArray[np.int32], at: NDArray[np.int32], amount: NDArray[np.float64], count: int, width: int
) -> NDArray[np.float64]:
    """What each account moved, by where the other side stands."""
    there: Any = account.astype(np.int32 if count * width < 1 << 31 else np.int64)
    there *= width
    there += at
    return np.bincount(there, amount, count * width).reshape(count, width).astype(np.float64, copy=False)


class _Table:
    """Amounts by row and column, with what each account of a group gave by column and took by row."""

    def __init__(
        self,
        amounts: NDArray[np.int64],
        groups: int,
        gave: list[NDArray[np.float64]],
        took: list[NDArray[np.float64]],
        least: int,
    ) -> None:
        self.amounts = amounts.tolist()
        self.groups = groups
        self.gave = gave
        self.took = took
        self.least = least
        self.cells: list[Cell] = [
            (row, column) for row, line in enumerate(self.amounts) for column, amount in enumerate(line) if amount
        ]
        self.crowd = {cell: self._crowd(*cell) for cell in self.cells}

    def hidden(self) -> tuple[set[Cell], int | None]:
        """The cells to hide; or the place of a group that has to be told together with others first."""
        first = {cell for cell in self.cells if self._must_hide(*cell)}
        hidden = set(first)
        grown = -1
        while grown != len(hidden):
            grown = len(hidden)
            for cell in sorted(first, key=lambda cell: (-abs(self._amount(cell)), cell)):
                way = self._around(cell, hidden)
                if way is None:
                    return hidden, cell[0] if cell[0] < self.groups else cell[1]
                hidden.update(way)
            for row in sorted({row for row, _ in hidden}):
                self._widen([cell for cell in self.cells if cell[0] == row], hidden, self._of_row)
            for column in sorted({column for _, column in hidden}):
                self._widen([cell for cell in self.cells if cell[1] == column], hidden, self._of_column)
        return hidden, None

    def _amount(self, cell: Cell) -> int:
        return int(self.amounts[cell[0]][cell[1]])

    def _must_hide(self, row: int, column: int) -> bool:
        """Whether a flow is of few. What is all that was issued or left is told as such anyway, whoever did it."""
        if row >= self.groups and sum(1 for cell in self.cells if cell[0] == row) == 1:
            return False
        if column >= self.groups and sum(1 for cell in self.cells if cell[1] == column) == 1:
            return False
        gave = row >= self.groups or self._passes(self.gave[row][:, column])
        took = column >= self.groups or self._passes(self.took[column][:, row])
        return not (gave and took)

    def _crowd(self, row: int, column: int) -> int:
        """How many accounts stand behind a flow, on the side that has fewer."""
        sides = []
        if row < self.groups:
            sides.append(np.count_nonzero(self.gave[row][:, column]))
        if column < self.groups:
            sides.append(np.count_nonzero(self.took[column][:, row]))
        return int(min(sides))

    def _passes(self, values: NDArray[np.float64]) -> bool:
        sizes = np.abs(values)
        return bool(
            np.count_nonzero(values > 0) >= self.least and (len(sizes) == 0 or sizes.max() <= DOMINANT * sizes.sum())
        )

    def _of_row(self, hidden: Sequence[Cell]) -> NDArray[np.float64]:
        row = hidden[0][0]
        if row < self.groups:
            return np.asarray(self.gave[row][:, [column for _, column in hidden]].sum(axis=1))
        return np.concatenate([self.took[column][:, row] for _, column in hidden])

    def _of_column(self, hidden: Sequence[Cell]) -> NDArray[np.float64]:
        column = hidden[0][1]
        if column < self.groups:
            return np.asarray(self.took[column][:, [row for row, _ in hidden]].sum(axis=1))
        return np.concatenate([self.gave[row][:, column] for row, _ in hidden])

    def _widen(self, line: list[Cell], hidden: set[Cell], values: _Values) -> None:
        """Hide more of a row or column until what is hidden of it is together of enough; else all of it."""
        open_ = sorted((cell for cell in line if cell not in hidden), key=lambda cell: (self.crowd[cell], cell))
        while open_ and not self._passes(values([cell for cell in line if cell in hidden])):
            hidden.add(open_.pop(0))

    def _around(self, cell: Cell, hidden: set[Cell]) -> list[Cell] | None:
        """The cells of the cheapest cycle through this one: those that are hidden cost nothing, others their accounts."""
        enough = abs(self._amount(cell)) / 2
        beside: dict[tuple[bool, int], list[tuple[int, tuple[bool, int], Cell]]] = {}
        for other in self.cells:
            if other != cell and self._amount(other) >= enough:
                cost = 0 if other in hidden else 1000 + self.crowd[other]
                row, column = (True, other[0]), (False, other[1])
                beside.setdefault(row, []).append((cost, column, other))
                beside.setdefault(column, []).append((cost, row, other))
        start, end = (True, cell[0]), (False, cell[1])
        best, before = {start: 0}, dict[tuple[bool, int], tuple[tuple[bool, int], Cell]]()
        queue = [(0, start)]
        while queue:
            cost, at = heapq.heappop(queue)
            if at == end:
                break
            if cost > best[at]:
                continue
            for more, to, over in beside.get(at, ()):
                if cost + more < best.get(to, 1 << 62):
                    best[to], before[to] = cost + more, (at, over)
                    heapq.heappush(queue, (cost + more, to))
        if end not in before:
            return None
        way, at = [], end
        while at != start:
            at, over = before[at]
            way.append(over)
        return way
