"""Which groups a report names: none of a few accounts, and none that one account makes up alone.

A report is read by more people than the file it was made from. Groups of fewer accounts than ``least``, and those of
which one account takes nearly all, are told together; where not even that suffices, the dimension is left out.
A town's own figures are published under stricter rules (docs/algorithms/disclosure-control.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from koinon.impact.tracing.types import UNKNOWN, CohortTrace, FlowMatrix, Ledger, Path, Role

SMALL = "small groups"
FURTHER = "further cohorts"
OTHERS = "other groups"
DOMINANT = 0.85


@dataclass(frozen=True, slots=True)
class Groups:
    """Under which name each label of a dimension is told, and how many accounts each name stands for."""

    names: Mapping[str, str]
    accounts: Mapping[str, int]


def groups(ledger: Ledger, dimension: str, least: int, *, never: frozenset[str] = frozenset()) -> Groups | None:
    """The groups to tell apart; None where there would be fewer than two. ``never``: labels that are not told apart."""
    attribute = ledger.accounts.attributes[dimension]
    labels = (*attribute.labels, UNKNOWN)
    holders = ledger.accounts.role == Role.HOLDER
    codes = np.where(attribute.codes < 0, len(attribute.labels), attribute.codes).astype(np.int64)
    count = np.bincount(codes[holders], minlength=len(labels))
    transfers = ledger.transfers
    taken = np.bincount(transfers.target, weights=transfers.amount, minlength=len(holders)) * holders
    total = np.bincount(codes, weights=taken, minlength=len(labels))
    largest = np.zeros(len(labels))
    np.maximum.at(largest, codes, taken)
    there = [place for place in range(len(labels)) if count[place]]
    small = [
        place
        for place in there
        if labels[place] in never
        or count[place] < least
        or (least > 1 and total[place] > 0 and largest[place] > DOMINANT * total[place])
    ]
    # Those of the fewest accounts first and not of the least money: that it had least would bound it, and what it protects.
    others = sorted((place for place in there if place not in small), key=lambda place: (count[place], labels[place]))
    while small and others and not _enough(small, count, total, largest, least):
        small.append(others.pop(0))
    if small and not _enough(small, count, total, largest, least):
        return None
    names = {labels[place]: SMALL if place in small else labels[place] for place in there}
    accounts: dict[str, int] = {}
    for place in there:
        accounts[names[labels[place]]] = accounts.get(names[labels[place]], 0) + int(count[place])
    return Groups(names, accounts) if len(accounts) > 1 else None


def _enough(
    small: Sequence[int],
    count: NDArray[Any],
    total: NDArray[Any],
    largest: NDArray[Any],
    least: int,
) -> bool:
    """Whether what is told together may be told: enough accounts, more than one group, and none that dominates."""
    places = list(small)
    whole = float(total[places].sum())
    return (
        len(places) > 1
        and int(count[places].sum()) >= least
        and (whole <= 0 or float(largest[places].max()) <= DOMINANT * whole)
    )


def groups_of_all(ledger: Ledger, dimensions: Sequence[str], least: int) -> dict[str, Groups | None]:
    """The groups of each dimension, so that none less one of another dimension is a few accounts.

    Where the pupils of a school are a kind of holder, and all of them but three live in a zone where nobody else does,
    the zone taken off the kind is those three. The group of the later dimension is then told together with small ones.
    """
    found: dict[str, Groups | None] = {}
    for dimension in dimensions:
        never: frozenset[str] = frozenset()
        told = groups(ledger, dimension, least)
        while told is not None and least > 1:
            names = {
                name
                for other, before in found.items()
                if before is not None
                for name in _given_away(ledger, (other, before), (dimension, told), least)
            }
            more = never | {label for label, name in told.names.items() if name in names}
            if more == never:
                told = None if names else told
                break
            never = more
            told = groups(ledger, dimension, least, never=never)
        found[dimension] = told
    return found


def _given_away(ledger: Ledger, one: tuple[str, Groups], other: tuple[str, Groups], least: int) -> set[str]:
    """The groups of the second that, with one of the first, give away what is of few."""
    holders = np.flatnonzero(ledger.accounts.role == Role.HOLDER)
    transfers = ledger.transfers
    taken = np.bincount(transfers.target, weights=transfers.amount, minlength=len(ledger.accounts.role))[holders]
    places = []
    for dimension, told in (one, other):
        attribute, called = ledger.accounts.attributes[dimension], list(told.accounts)
        of = [called.index(told.names[label]) if label in told.names else 0 for label in (*attribute.labels, UNKNOWN)]
        places.append(np.asarray(of, np.int64)[attribute.codes[holders].astype(np.int64)])
    shape = len(one[1].accounts), len(other[1].accounts)
    both = places[0] * shape[1] + places[1]
    size = shape[0] * shape[1]
    count = np.bincount(both, minlength=size).reshape(shape)
    total = np.bincount(both, taken, size).reshape(shape)
    largest = np.zeros(size)
    np.maximum.at(largest, both, taken)
    largest = largest.reshape(shape)
    rows, columns = np.arange(shape[0])[:, None], np.arange(shape[1])[None, :]

    def few(people: NDArray[Any], most: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.bool_]:
        return (people > 0) & ((people < least) | ((whole > 0) & (most > DOMINANT * whole)))

    # One within the other, either way round; and what is in neither, where nothing is in both.
    of_row, of_column = count.sum(axis=1)[:, None] - count, count.sum(axis=0)[None, :] - count
    neither = count.sum() - count.sum(axis=1)[:, None] - count.sum(axis=0)[None, :] + count
    beside_row = _largest_beside(largest.T)[columns, rows]
    beside_column = _largest_beside(largest)[rows, columns]
    without = total.sum() - total.sum(axis=1)[:, None] - total.sum(axis=0)[None, :] + total
    most = np.minimum(largest.max(), without)  # At most: to find the largest of each rest would take a table each.
    found = (of_row == 0) & few(of_column, beside_column, total.sum(axis=0)[None, :] - total)
    found |= (of_column == 0) & few(of_row, beside_row, total.sum(axis=1)[:, None] - total)
    found |= (count == 0) & few(neither, most, without)
    return {name for column, name in enumerate(other[1].accounts) if found[:, column].any()}


def _largest_beside(values: NDArray[Any]) -> NDArray[Any]:
    """For each place, the largest value of its column that stands elsewhere in it.

    >>> _largest_beside(np.array([[3, 1], [2, 5]])).tolist()
    [[2, 5], [3, 1]]
    """
    if len(values) == 1:
        return np.zeros_like(values)
    ordered = np.sort(values, axis=0)
    found = np.broadcast_to(ordered[-1], values.shape).copy()
    found[values.argmax(axis=0), np.arange(values.shape[1])] = ordered[-2]
    return found


def reach(cohort: CohortTrace, dimension: str, told: Groups) -> dict[str, dict[int, float]]:
    """What arrived at each group with its first, second ... payment."""
    found: dict[str, dict[int, float]] = {name: {} for name in told.accounts}
    for label, hops in cohort.reach.get(dimension, {}).items():
        name = told.names.get(label, label)
        for hop, amount in hops.items():
            of = found.setdefault(name, {})
            of[hop] = of.get(hop, 0) + amount
    return found


def paths(found: Sequence[Path], told: Groups, shown: FlowMatrix | None, least: int) -> list[Path]:
    """Ways of money between groups that are named, taken by enough different accounts, over flows that are shown.

    Where all ways over a hidden flow are told, their sum would be that flow.
    """
    if shown is None:
        return []
    return [
        path
        for path in found
        if min(
            path.holders, path.payers if len(path.labels) > 1 else least, path.payees if len(path.labels) > 1 else least
        )
        >= least
        and (least == 1 or path.largest <= DOMINANT * path.amount)
        and all(told.names.get(label, label) != SMALL for label in path.labels)
        and (least == 1 or _is_shown(path, shown))
    ]


def _is_shown(path: Path, shown: FlowMatrix) -> bool:
    """Whether each flow on a way is one that the matrix shows; groups that are told together count as one."""

    def place(label: str, labels: Sequence[str]) -> int:
        return labels.index(label) if label in labels else labels.index(OTHERS)

    steps = [label for label in path.labels if label != "…"]
    rows = ["issued", *steps]
    columns = [*steps, path.end]
    hidden = np.ma.getmaskarray(shown.amounts)
    return not any(
        hidden[place(row, shown.rows), place(column, shown.columns)]
        for row, column in zip(rows, columns, strict=True)
        if column != path.end or len(steps) == len(path.labels)
    )


def small_cohorts(ledger: Ledger, least: int) -> set[int]:
    """Cohorts that were issued to fewer accounts than ``least``; told together with the next larger ones."""
    transfers = ledger.transfers
    rows = np.flatnonzero(
        (ledger.accounts.role[transfers.source] == Role.ISSUER)
        & (ledger.accounts.role[transfers.target] == Role.HOLDER)
        & ~transfers.undoes
    )
    pairs = np.unique(transfers.cohort[rows].astype(np.int64) * len(ledger.accounts.names) + transfers.target[rows])
    receivers = np.bincount(pairs // max(1, len(ledger.accounts.names)), minlength=len(ledger.cohorts))
    small = {int(place) for place in np.flatnonzero(receivers < least)}
    if small:
        for place in np.argsort(receivers, kind="stable").tolist():
            different = np.unique(
                pairs[np.isin(pairs // len(ledger.accounts.names), list(small))] % len(ledger.accounts.names)
            )
            if len(small) > 1 and len(different) >= least:
                break
            small.add(int(place))
    return small
