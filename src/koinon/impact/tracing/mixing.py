"""Proportional mixing: whoever pays, pays in the mix that the purse has at that moment. Every cohort in one walk.

Following each cohort forwards would take a number for each account and cohort. Here the ledger is walked backwards
instead, with a row of numbers for each account: what is to be expected of a unit that lies there now. A payment of ``a``
out of a balance ``b`` is the share ``f = a / b`` of whatever lies at the payer, so

    value(payer) becomes f * value after the payment, at the payee + (1 - f) * value(payer)

and at an issue the value of the account that received is what becomes of that issue. Time grows with
transfers, memory with accounts; the number of cohorts changes neither (docs/algorithms/tracing.md).

Balances are whole minor units throughout: they are found by one walk forwards and taken back exactly on the way back. The
values are floats, whose sums over redeemed, expired, withdrawn and held meet what was issued within 1e-9.

Of money that was given back after payments the places of ``by_hops`` and ``days_by_hop`` are exact as long as the same money
was not given back twice in a row; everything else is exact always.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import threading
import time as clocks
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from koinon.impact.tracing.compiled import inlined, kernel, prefetch
from koinon.impact.tracing.errors import AmountsTooLarge, NotTraceable
from koinon.impact.tracing.holding import WHY, Progress, peak_mb
from koinon.impact.tracing.lots import first_fault
from koinon.impact.tracing.pieces import InMemory, ParquetFiles, Source, ahead
from koinon.impact.tracing.results import Reach
from koinon.impact.tracing.types import (
    HOPS,
    REACH,
    UNKNOWN,
    UNKNOWN_ORIGIN,
    Accounts,
    CohortTrace,
    Convention,
    Days,
    FlowMatrix,
    Ledger,
    Trace,
    Transfers,
)

HOLDING_HOPS = 7
"""``days_by_hop`` of mixing tells how long money was held that had made 0 to 6 payments."""

_AHEAD = 12  # Transfers ahead of which rows are fetched into the cache.
_DAY = 86_400_000_000.0

# Where each number stands in an account's row: what is to be expected of a unit that lies there now. Numbers by hop begin
# with a place for -1, since what was paid before and will be given back counts one payment less than what will not.
_REDEEMED, _EXPIRED, _WITHDRAWN, _HELD = 0, 1, 2, 3  # The shares of what will become of it.
_PAID = 4  # How many payments it will be part of.
_PAID_LEFT = 5  # The same, of the share that will leave.
_LEFT_AT = 6  # The day on which it will leave, times the share that will.
_SSE = 7  # The share that will reach a social enterprise by a payment.
_ZONE = 8  # The share that no payment will take from one zone to another.
_RESTS = 9  # The share that no payment will be made with.
_BACK_SSE, _BACK_ZONE, _BACK_RESTS = (
    10,
    11,
    12,
)  # What will be given back, and from there on do (not) what the three above say.
_MOVES = 13  # The share that will move on from here, by payment or by leaving.
_HOP = 15  # _HOP + k: the share that will leave after k payments; -1 to HOPS - 1.
_ON = 32  # _ON + k: the share that will move on after k payments; -1 to HOLDING_HOPS - 1.
_STAY = 40  # _STAY + k: the days that it will have lain before it moves on after k payments; -1 to HOLDING_HOPS - 1.
_HAS = 47  # What the account has, in whole minor units: fetched with the row. It is no expectation.
_WIDTH, _LINES = 48, 6  # A row is six cache lines of 64 bytes.
assert _ON == _HOP + HOPS + 1
assert _STAY == _ON + HOLDING_HOPS + 1
assert _STAY + HOLDING_HOPS == _HAS

# What a row of the ledger is.
_NOTHING, _PAYMENT, _GIVEN_BACK, _ISSUE, _EXIT, _RETURN, _OUTSIDE = 0, 1, 2, 3, 4, 5, 6


@inlined
def _kind(source: Any, target: Any, from_role: Any, to_role: Any, undoes: Any) -> int:
    if from_role == 0:
        if to_role == 0:
            if source == target:
                return _NOTHING
            return _GIVEN_BACK if undoes else _PAYMENT
        return _EXIT
    if to_role != 0:
        return _OUTSIDE
    if from_role == 1 and not undoes:
        return _ISSUE
    return _RETURN


# --- Forwards: what everybody has in the end, and what was paid without being there ---------------------


@kernel
def _settle(
    source: Any, target: Any, amount: Any, undoes: Any, role: Any, balance: Any, codes: Any, widths: Any, flows: Any,
    missing_row: Any, missing_amount: Any, counted: Any,
) -> int:  # fmt: skip
    """Move the balances on by these rows and add to the flow matrices; what a payer lacked is written down.

    Of an account at the boundary the balance is what has left by it and may come back. ``codes`` and ``widths`` say for each
    dimension which label an account has, how many there are, and where its matrix begins in ``flows``.
    """
    missing = 0
    for at in range(len(source)):
        soon = at + _AHEAD
        if soon < len(source):
            for account in (source[soon], target[soon]):
                prefetch(balance, account)
                prefetch(role, account)
                prefetch(codes, account)
        payer, payee, minor = source[at], target[at], amount[at]
        kind = _kind(payer, payee, role[payer] & 3, role[payee] & 3, undoes[at])
        counted[kind] += minor if kind == _OUTSIDE else 1
        if kind in (_NOTHING, _OUTSIDE):
            continue
        lacks = 0
        if kind != _ISSUE:
            has = balance[payer]
            if has < minor:
                lacks = minor - has
                missing_row[missing], missing_amount[missing] = at, lacks
                missing += 1
                has = minor
            balance[payer] = has - minor
        balance[payee] += minor
        holder = payee if kind in (_ISSUE, _RETURN) else payer
        for d in range(len(widths)):
            count, start = widths[d, 0], widths[d, 1]
            wide = count + 3
            label = codes[holder, d]
            if kind == _PAYMENT:
                flows[start + label * wide + codes[payee, d]] += minor
            elif kind == _GIVEN_BACK:
                flows[start + codes[payee, d] * wide + label] -= minor
            elif kind == _ISSUE:
                flows[start + count * wide + label] += minor
            else:  # Issuers are 1, redeemers 2, expiry is 3; the columns begin with redeemed.
                column = count + ((role[payee] & 3) + (role[payer] & 3) + 1) % 3
                flows[start + label * wide + column] += minor if kind == _EXIT else lacks - minor
            if lacks > 0:
                flows[start + (count + 1) * wide + label] += lacks
    return missing


# --- Backwards: what will become of a unit -------------------------------------------------------


@inlined
def _paid(values: Any, payer: Any, payee: Any, share: float, day: float, to_sse: bool, same_zone: bool) -> None:
    """A payment: the payer's row becomes a mix of its own and of the payee's, one payment further on."""
    rest = 1.0 - share
    mine, theirs = values[payer], values[payee]
    sse, zone, moves = mine[_SSE] * rest, mine[_ZONE] * rest, mine[_MOVES] * rest
    rests = mine[_RESTS] * rest + share * theirs[_BACK_RESTS]
    back_sse, back_zone, back_rests = mine[_BACK_SSE] * rest, mine[_BACK_ZONE] * rest, mine[_BACK_RESTS] * rest
    hop, on, stay = mine[_HOP - 1] * rest, mine[_ON - 1] * rest, mine[_STAY - 1] * rest
    left = theirs[_REDEEMED] + theirs[_EXPIRED]
    for place in range(_BACK_SSE):
        mine[place] = rest * mine[place] + share * theirs[place]
    for place in range(_HOP, _HAS):
        mine[place] = rest * mine[place] + share * theirs[place - 1]
    mine[_PAID] += share
    mine[_PAID_LEFT] += share * left
    if to_sse:
        mine[_SSE] = sse + share * (1.0 - theirs[_BACK_SSE])
    if not same_zone:
        mine[_ZONE] = zone + share * theirs[_BACK_ZONE]
    mine[_RESTS] = rests
    mine[_BACK_SSE], mine[_BACK_ZONE], mine[_BACK_RESTS] = back_sse, back_zone, back_rests
    mine[_MOVES] = moves + share
    mine[_HOP - 1], mine[_ON - 1], mine[_STAY - 1] = hop, on, stay
    mine[_ON] += share
    mine[_STAY] += share * day
    mine[_STAY + 1] -= share * day * theirs[_MOVES]


@inlined
def _given_back(values: Any, payer: Any, payee: Any, share: float, day: float) -> None:
    """A payment given back, from its payee (who pays here) to its payer: it will have made one payment less."""
    rest = 1.0 - share
    mine, theirs = values[payer], values[payee]
    left = theirs[_REDEEMED] + theirs[_EXPIRED]
    mine[_BACK_SSE] = rest * mine[_BACK_SSE] + share * (1.0 - theirs[_SSE])
    mine[_BACK_ZONE] = rest * mine[_BACK_ZONE] + share * theirs[_ZONE]
    mine[_BACK_RESTS] = rest * mine[_BACK_RESTS] + share * theirs[_RESTS]
    for place in range(_BACK_SSE):
        mine[place] = rest * mine[place] + share * theirs[place]
    for first, last in ((_HOP - 1, _ON - 2), (_ON - 1, _STAY - 2), (_STAY - 1, _HAS - 1)):
        mine[first] = rest * mine[first] + share * (theirs[first] + theirs[first + 1])
        for place in range(first + 1, last):
            mine[place] = rest * mine[place] + share * theirs[place + 1]
        mine[last] *= rest
    mine[_PAID] -= share
    mine[_PAID_LEFT] -= share * left
    mine[_MOVES] *= rest
    mine[_STAY - 1] -= share * day * theirs[_MOVES]


@inlined
def _exits(mine: Any, share: float, day: float, became: int) -> None:
    """What leaves: into the row of whoever had it, which is already scaled to what stays."""
    mine[became] += share
    mine[_ZONE] += share
    mine[_RESTS] += share
    mine[_MOVES] += share
    mine[_ON] += share
    mine[_STAY] += share * day
    if became != _WITHDRAWN:
        mine[_LEFT_AT] += share * day
        mine[_HOP] += share


@inlined
def _read(sums: Any, cohort: Any, value: Any, minor: Any, day: float) -> None:
    """What will become of so much that comes into being here, into its cohort's row."""
    weight = float(minor)
    row = sums[cohort]
    for place in range(_HAS):
        row[place] += weight * value[place]
    row[_STAY] -= weight * day * value[_MOVES]
    row[_LEFT_AT] -= weight * day * (value[_REDEEMED] + value[_EXPIRED])


@kernel
def _unwind(
    time: Any, source: Any, target: Any, amount: Any, cohort: Any, undoes: Any,
    role: Any, epoch: int, values: Any, lines: Any, missing_row: Any, missing_amount: Any,
    top: Any, below: Any, back_amount: Any, back_day: Any, back_values: Any, spare: Any,
    sums: Any, issued: Any, issued_at: Any,
) -> None:  # fmt: skip
    """Walk these rows backwards. ``role`` also carries whether an account is a social enterprise (4) and its zone (8 ...).

    Returned money waits on a pile for each account at the boundary (``top``, ``below``) until the walk meets the exit
    that it undoes: what left last comes back first.
    """
    unknown = len(sums) - 1
    missing_left = len(missing_row)
    for back in range(len(time)):
        at = len(time) - 1 - back
        soon = at - _AHEAD
        if soon >= 0:
            payer, payee = source[soon], target[soon]
            for line in range(_LINES):
                prefetch(lines, payer * _LINES + line)
                prefetch(lines, payee * _LINES + line)
        payer, payee, minor = source[at], target[at], amount[at]
        payer_is, payee_is = role[payer], role[payee]
        kind = _kind(payer, payee, payer_is & 3, payee_is & 3, undoes[at])
        if kind in (_NOTHING, _OUTSIDE):
            continue
        day = (time[at] - epoch) / _DAY
        if kind == _ISSUE:
            of = cohort[at]
            _read(sums, of, values[payee], minor, day)
            issued[of] += minor
            issued_at[of, 0] = time[at]
            if issued_at[of, 1] < time[at]:
                issued_at[of, 1] = time[at]
            values[payee, _HAS] -= minor
            continue
        if kind == _RETURN:
            if missing_left > 0 and missing_row[missing_left - 1] == at:
                missing_left -= 1  # It stays on the pile, where no exit is found for it.
            place = spare[0] - 1
            spare[0] = place
            place = spare[1 + place]
            below[place], top[payer] = top[payer], place
            back_amount[place], back_day[place] = minor, time[at]
            row = back_values[place]
            for number in range(_WIDTH):
                row[number] = values[payee, number]
            row[_STAY] -= day * row[_MOVES]
            values[payee, _HAS] -= minor
            continue
        if kind != _EXIT:
            values[payee, _HAS] -= minor
        missing = 0
        if missing_left > 0 and missing_row[missing_left - 1] == at:
            missing_left -= 1
            missing = missing_amount[missing_left]
        had = values[payer, _HAS] + minor
        share = minor / had
        if kind == _PAYMENT:
            _paid(
                values, payer, payee, share, day, (payee_is & 4) != 0,
                payer_is >> 3 == payee_is >> 3 and payee_is >> 3 != 0,
            )  # fmt: skip
        elif kind == _GIVEN_BACK:
            _given_back(values, payer, payee, share, day)
        else:
            mine = values[payer]
            rest = 1.0 - share
            for number in range(_HAS):
                mine[number] *= rest
            gone = minor
            while gone > 0 and top[payee] >= 0:
                place = top[payee]
                taken = min(gone, back_amount[place])
                part = taken / had
                moves = mine[_MOVES] + part
                for number in range(_HAS):
                    mine[number] += part * back_values[place, number]
                mine[_MOVES] = moves
                mine[_ON] += part
                mine[_STAY] += part * day
                gone -= taken
                back_amount[place] -= taken
                if back_amount[place] == 0:
                    top[payee] = below[place]
                    spare[1 + spare[0]] = place
                    spare[0] += 1
            if gone > 0:
                to = payee_is & 3
                _exits(mine, gone / had, day, _REDEEMED if to == 2 else _EXPIRED if to == 3 else _WITHDRAWN)
        if missing > 0:
            _read(sums, unknown, values[payer], missing, day)
            issued[unknown] += missing
            issued_at[unknown, 0] = time[at]
            if issued_at[unknown, 1] < time[at]:
                issued_at[unknown, 1] = time[at]
        values[payer, _HAS] = had - missing


@kernel
def _arrive(
    source: Any, target: Any, amount: Any, cohort: Any, undoes: Any, role: Any, values: Any, lines: Any,
    columns: Any, width: int, blocks: int, missing_row: Any, missing_amount: Any,
    top: Any, below: Any, back_amount: Any, back_values: Any, spare: Any, sums: Any,
) -> None:  # fmt: skip
    """The same walk for where money arrives: a column for each label, a block of columns for each payment to come.

    The blocks are those of the payments 1 to REACH from here; where anything is given back there is one before them, in
    which what will be given back is taken off. ``columns`` says for each account in which it counts; -1 in none.
    """
    unknown = len(sums) - 1
    used = width * blocks
    one = width * (blocks - REACH)
    each = lines.shape[0] // len(values)
    has = values.shape[1] - 1  # What the account has, as in the row of the other walk.
    missing_left = len(missing_row)
    for back in range(len(source)):
        at = len(source) - 1 - back
        soon = at - _AHEAD
        if soon >= 0:
            payer, payee = source[soon], target[soon]
            prefetch(columns, payee)
            for line in range(each):
                prefetch(lines, payer * each + line)
                prefetch(lines, payee * each + line)
        payer, payee, minor = source[at], target[at], amount[at]
        kind = _kind(payer, payee, role[payer] & 3, role[payee] & 3, undoes[at])
        if kind in (_NOTHING, _OUTSIDE):
            continue
        if kind == _ISSUE:
            row = sums[cohort[at]]
            for place in range(used):
                row[place] += minor * values[payee, place]
            values[payee, has] -= minor
            continue
        if kind == _RETURN:
            if missing_left > 0 and missing_row[missing_left - 1] == at:
                missing_left -= 1  # It stays on the pile, where no exit is found for it.
            place = spare[0] - 1
            spare[0] = place
            place = spare[1 + place]
            below[place], top[payer] = top[payer], place
            back_amount[place] = minor
            for number in range(used):
                back_values[place, number] = values[payee, number]
            values[payee, has] -= minor
            continue
        if kind != _EXIT:
            values[payee, has] -= minor
        missing = 0
        if missing_left > 0 and missing_row[missing_left - 1] == at:
            missing_left -= 1
            missing = missing_amount[missing_left]
        had = values[payer, has] + minor
        share = minor / had
        rest = 1.0 - share
        mine, theirs = values[payer], values[payee]
        if kind == _PAYMENT:
            for place in range(width):
                mine[place] *= rest
            for place in range(width, used):
                mine[place] = rest * mine[place] + share * theirs[place - width]
            for dimension in range(columns.shape[1]):
                if columns[payee, dimension] >= 0:
                    mine[one + columns[payee, dimension]] += share
        elif kind == _GIVEN_BACK:
            for place in range(used - width):
                mine[place] = rest * mine[place] + share * theirs[place + width]
            for place in range(used - width, used):
                mine[place] *= rest
            for dimension in range(columns.shape[1]):
                if columns[payer, dimension] >= 0:
                    mine[columns[payer, dimension]] -= share
        else:
            for place in range(used):
                mine[place] *= rest
            gone = minor
            while gone > 0 and top[payee] >= 0:
                place = top[payee]
                taken = min(gone, back_amount[place])
                part = taken / had
                for number in range(used):
                    mine[number] += part * back_values[place, number]
                gone -= taken
                back_amount[place] -= taken
                if back_amount[place] == 0:
                    top[payee] = below[place]
                    spare[1 + spare[0]] = place
                    spare[0] += 1
        if missing > 0:
            row = sums[unknown]
            for place in range(used):
                row[place] += missing * mine[place]
        values[payer, has] = had - missing


# --- The whole ---------------------------------------------------------------------------------


def trace(ledger: Ledger, *, dimensions: Sequence[str] | None = None, progress: Progress | None = None) -> Trace:
    """Follow every cohort of a ledger under proportional mixing.

    ``dimensions`` are the attributes by which ``reach`` and ``flows`` are told, all of them unless named: a dozen labels
    cost as much as everything else. ``progress`` is told how many rows of how many are done, over all walks.
    """
    return trace_source(
        InMemory(ledger.transfers),
        ledger.accounts,
        ledger.cohorts,
        unit=ledger.unit,
        exponent=ledger.exponent,
        dimensions=dimensions,
        progress=progress,
        reach_bytes=max(REACH_BYTES, 29 * len(ledger.transfers)),  # No more than the ledger itself takes.
    )


def trace_parquet(
    files: Path | Sequence[Path],
    accounts: Accounts,
    cohorts: Sequence[str],
    *,
    unit: str = "",
    exponent: int = 2,
    dimensions: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Trace:
    """The same of Parquet files whose rows are never in memory together, the last row group first.

    Takes some 450 bytes an account, three row groups, and ``REACH_BYTES`` at most for ``dimensions``.
    """
    return trace_source(
        ParquetFiles(files),
        accounts,
        cohorts,
        unit=unit,
        exponent=exponent,
        dimensions=dimensions,
        progress=progress,
    )


REACH_BYTES = 400 * 2**20
"""As much memory as a walk for ``reach`` takes for its values; where there is more to find there are more walks."""


def trace_source(
    source: Source,
    accounts: Accounts,
    cohorts: Sequence[str],
    *,
    unit: str = "",
    exponent: int = 2,
    dimensions: Sequence[str] | None = None,
    progress: Progress | None = None,
    reach_bytes: int = REACH_BYTES,
) -> Trace:
    """Follow every cohort of transfers that come in pieces: once forwards, once backwards, and again for ``reach``."""
    started = clocks.perf_counter()
    chosen = tuple(accounts.attributes) if dimensions is None else tuple(dimensions)
    walk = _Walk(source, accounts, len(cohorts), chosen, progress)
    walk.plan(reach_bytes)
    walk.settle()
    found, reached = walk.back()
    labels = {name: (UNKNOWN, *accounts.attributes[name].labels) for name in chosen}
    issued = found.issued.tolist()
    traces = [
        _cohort(
            label, found.sums[at], issued[at], tuple(found.issued_at[at].tolist()), Reach(labels, reached[at]), walk
        )
        for at, label in enumerate([*cohorts, UNKNOWN_ORIGIN])
    ]
    spans = [one.issued_at for one in traces if one.issued_at is not None]
    span = (min(first for first, _ in spans), max(last for _, last in spans)) if spans else (-1, -1)
    everything = Reach(labels, reached.sum(axis=0))
    became = found.sums[:, [_REDEEMED, _EXPIRED, _WITHDRAWN, _HELD]].sum(axis=1)
    errors = np.abs(became - found.issued) / np.maximum(found.issued, 1)
    return Trace(
        convention=Convention.MIXING,
        unit=unit,
        exponent=exponent,
        transfers=walk.rows,
        accounts=len(accounts.role),
        first_at=walk.first_at,
        last_at=walk.last_at,
        cohorts=tuple(traces[:-1]),
        unknown_origin=traces[-1],
        total=_cohort("total", found.sums.sum(axis=0), sum(issued), span, everything, walk),
        outside=int(walk.counted[_OUTSIDE]),
        flows=walk.flows(),
        paths={},
        conservation_error=float(errors.max()),
        tick_us=1,
        digest=_digest(walk, found, reached, labels, cohorts, unit, exponent),
        seconds=clocks.perf_counter() - started,
        peak_mb=peak_mb(),
    )


@dataclass(frozen=True, slots=True)
class _Sums:
    """By cohort, the last one of unknown origin."""

    sums: NDArray[np.float64]
    issued: NDArray[np.int64]
    issued_at: NDArray[np.int64]


class _Piles:
    """Room for returned money that waits for the exit it undoes; what is never used takes no memory."""

    def __init__(self, accounts: int, returns: int, width: int) -> None:
        self.top = np.full(accounts, -1, np.int64)
        self.below = np.empty(returns, np.int64)
        self.amount = np.empty(returns, np.int64)
        self.at = np.empty(returns, np.int64)
        self.values = np.empty((returns, width))
        # How many places are spare, and which: the last one is given out first.
        self.spare = np.concatenate([[returns], np.arange(returns - 1, -1, -1)]).astype(np.int64)

    def left(self) -> Iterator[int]:
        """What found no exit to undo: it was not there."""
        for place in self.top[self.top >= 0].tolist():
            while place >= 0:
                yield place
                place = int(self.below[place])


class _Walk:
    """One ledger walked forwards and back; remembers between walks what everybody has in the end."""

    def __init__(
        self, source: Source, accounts: Accounts, cohorts: int, told: Sequence[str], progress: Progress | None
    ) -> None:
        self._source, self._accounts, self._cohorts, self._progress = source, accounts, cohorts, progress
        attributes = accounts.attributes
        role = accounts.role.astype(np.int32)
        self.has_sse, self.has_zone = "sse" in attributes, "zone" in attributes
        if self.has_sse and "sse" in attributes["sse"].labels:
            role |= (attributes["sse"].codes == attributes["sse"].labels.index("sse")).astype(np.int32) << 2
        if self.has_zone:
            role |= (attributes["zone"].codes.astype(np.int32) + 1) << 3
        self._role = role
        self._balance = np.zeros(len(role), np.int64)
        self._missing: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        self.counted = np.zeros(7, np.int64)
        self.rows = self._done = 0
        self._lock = threading.Lock()
        self.first_at: int | None = None
        self.last_at: int | None = None
        # Matrices of who paid whom, a dimension after the other, as ``results`` tells them.
        self._dimensions = {name: attributes[name] for name in told}
        counts = [len(one.labels) + 1 for one in self._dimensions.values()]
        sizes = [(count + 2) * (count + 3) for count in counts]
        starts = np.cumsum([0, *sizes])
        self._widths = np.array(list(zip(counts, starts[:-1].tolist(), strict=True)), np.int64).reshape(len(counts), 2)
        self._flows = np.zeros(int(starts[-1]), np.int64)
        self._codes = np.stack([one.codes + 1 for one in self._dimensions.values()], axis=1) if counts else _NO_CODES

    def plan(self, most_bytes: int) -> None:
        """The columns of ``reach``."""
        self._most_bytes = most_bytes
        self._columns: list[NDArray[np.int32]] = []
        self._width = 0
        for one in self._dimensions.values():
            self._columns.append(self._width + 1 + one.codes.astype(np.int32))
            self._width += len(one.labels) + 1

    def _told(self, rows: int) -> None:
        if self._progress is not None:
            with self._lock:
                self._done += rows
                self._progress(self._done, max(self._done, (2 + self._walks()[1]) * self._source.rows))

    def _walks(self) -> tuple[int, int]:
        """Blocks of columns for each label, and how many walks it takes to find them all."""
        blocks = REACH + (1 if self.counted[_GIVEN_BACK] else 0)
        most = max(8, self._most_bytes // (8 * blocks * max(1, len(self._role))))
        return blocks, -(-self._width // most)

    def settle(self) -> None:
        """Forwards: check each row, and find what everybody has in the end."""
        since, moved = np.iinfo(np.int64).min, 0.0
        for _, piece in ahead(self._source, range(self._source.pieces)):
            count = len(piece)
            at, fault, total = first_fault(
                piece.time, piece.source, piece.target, piece.amount, piece.cohort, self._accounts.role,
                self._cohorts, since,
            )  # fmt: skip
            if fault:
                raise NotTraceable(row=self.rows + int(at), why=WHY[int(fault)])
            if count:
                self.first_at = int(piece.time[0]) if self.first_at is None else self.first_at
                since = self.last_at = int(piece.time[-1])
            moved += total
            if moved >= 2.0**53:
                raise AmountsTooLarge
            rows, amounts = np.empty(count, np.int64), np.empty(count, np.int64)
            found = _settle(
                piece.source, piece.target, piece.amount, piece.undoes, self._role, self._balance,
                self._codes, self._widths, self._flows, rows, amounts, self.counted,
            )  # fmt: skip
            self._missing.append((rows[:found].copy(), amounts[:found].copy()))
            self.rows += count
            self._told(count)
        self._balance[self._accounts.role != 0] = 0

    def flows(self) -> dict[str, FlowMatrix]:
        """Who paid whom: the same as that of lots."""
        found = {}
        for at, (name, attribute) in enumerate(self._dimensions.items()):
            count, start = self._widths[at].tolist()
            known = (UNKNOWN, *attribute.labels)
            stands = np.zeros((count + 2, 1), np.int64)
            np.add.at(stands[:, 0], self._codes[:, at], self._balance)
            found[name] = FlowMatrix(
                rows=(*known, "issued", UNKNOWN_ORIGIN),
                columns=(*known, "redeemed", "expired", "withdrawn", "held"),
                amounts=np.hstack(
                    [self._flows[start : start + (count + 2) * (count + 3)].reshape(count + 2, -1), stands]
                ),
            )
        return found

    def _backwards(self) -> Iterator[tuple[int, Transfers]]:
        for index, piece in ahead(self._source, range(self._source.pieces - 1, -1, -1)):
            yield index, piece
            self._told(len(piece))

    def _unwind(self) -> _Sums:
        """Backwards: what becomes of each unit, read at each issue."""
        count, cohorts = len(self._role), self._cohorts + 1
        values, lines = _aligned(count, _WIDTH)
        values[:, [_HELD, _ZONE, _RESTS]] = 1.0
        piles = _Piles(count, int(self.counted[_RETURN]), _WIDTH)
        found = _Sums(np.zeros((cohorts, _WIDTH)), np.zeros(cohorts, np.int64), np.full((cohorts, 2), -1, np.int64))
        values[:, _HAS] = self._balance
        epoch = self.last_at or 0
        for index, piece in self._backwards():
            _unwind(
                piece.time, piece.source, piece.target, piece.amount, piece.cohort, piece.undoes,
                self._role, epoch, values, lines, *self._missing[index],
                piles.top, piles.below, piles.amount, piles.at, piles.values, piles.spare,
                found.sums, found.issued, found.issued_at,
            )  # fmt: skip
        for place in piles.left():
            at, minor, value = int(piles.at[place]), int(piles.amount[place]), piles.values[place]
            found.sums[-1, :_HAS] += minor * value[:_HAS]
            found.sums[-1, _LEFT_AT] -= minor * (at - epoch) / _DAY * (value[_REDEEMED] + value[_EXPIRED])
            found.issued[-1] += minor
            first, last = found.issued_at[-1].tolist()
            found.issued_at[-1] = (at if first < 0 else min(first, at), max(last, at))
        assert not values[:, _HAS].any(), "the walk back does not end where the ledger begins"
        return found

    def back(self) -> tuple[_Sums, NDArray[np.float64]]:
        """What becomes of each unit, and what arrives where: by cohort, number of payments, and column of a label.

        Walks are taken two at a time, since none needs what another finds.
        """
        amounts = np.zeros((self._cohorts + 1, REACH, self._width))
        blocks, walks = self._walks()
        ends = [self._width * walk // walks for walk in range(walks + 1)] if walks else [0]
        with ThreadPoolExecutor(max_workers=2, thread_name_prefix="mixing") as pool:
            unwound = pool.submit(self._unwind)
            arrived = [pool.submit(self._arrive, first, last, blocks) for first, last in itertools.pairwise(ends)]
            for (first, last), found in zip(itertools.pairwise(ends), arrived, strict=True):
                by_block = found.result().reshape(self._cohorts + 1, blocks, last - first)
                amounts[:, :, first:last] = by_block[:, blocks - REACH :]
            return unwound.result(), amounts

    def _arrive(self, first: int, last: int, blocks: int) -> NDArray[np.float64]:
        """What arrives in the columns from ``first`` to before ``last``."""
        width = last - first
        here = [np.where((one >= first) & (one < last), one - first, -1) for one in self._columns]
        columns = np.stack([one for one in here if (one >= 0).any()] or here[:1], axis=1).astype(np.int32)
        count, used = len(self._role), width * blocks
        values, lines = _aligned(count, used + 1)
        values[:, -1] = self._balance
        piles = _Piles(count, int(self.counted[_RETURN]), used)
        sums = np.zeros((self._cohorts + 1, used))
        for index, piece in self._backwards():
            _arrive(
                piece.source, piece.target, piece.amount, piece.cohort, piece.undoes, self._role,
                values, lines, columns, width, blocks, *self._missing[index],
                piles.top, piles.below, piles.amount, piles.values, piles.spare, sums,
            )  # fmt: skip
        for place in piles.left():
            sums[-1] += piles.amount[place] * piles.values[place]
        return sums


_NO_CODES = np.zeros((0, 0), np.int16)


def _aligned(rows: int, width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Zeros by account, each row from the start of a cache line on; and the same as a row for each line."""
    padded = -(-width // 8) * 8
    raw = np.zeros(rows * padded + 8)
    skip = (-raw.ctypes.data % 64) // 8
    whole = raw[skip : skip + rows * padded]
    return whole.reshape(rows, padded), whole.reshape(rows * padded // 8, 8)


def _cohort(
    label: str, sums: NDArray[np.float64], issued: int, issued_at: tuple[int, int], reach: Reach, walk: _Walk
) -> CohortTrace:
    of: list[float] = sums.tolist()
    left = of[_REDEEMED] + of[_EXPIRED]
    hops = of[_HOP : _HOP + HOPS]
    hops[0] += of[_HOP - 1]
    on, stay = of[_ON : _ON + HOLDING_HOPS], of[_STAY : _STAY + HOLDING_HOPS]
    on[0] += of[_ON - 1]
    stay[0] += of[_STAY - 1]
    small = 1e-9 * issued
    return CohortTrace(
        label=label,
        issued=issued,
        held=of[_HELD],
        redeemed=of[_REDEEMED],
        expired=of[_EXPIRED],
        withdrawn=of[_WITHDRAWN],
        by_hops=(*hops, max(0.0, left - sum(hops))),
        mean_hops=of[_PAID_LEFT] / left if left > small else None,
        volume=of[_PAID],
        multiplier=of[_PAID] / issued if issued else None,
        days_to_exit=Days(left, of[_LEFT_AT] / left if left > small else None),
        days_by_hop=tuple(days / moved if moved > small else None for days, moved in zip(stay, on, strict=True)),
        reach=reach,
        through_sse=of[_SSE] if walk.has_sse else None,
        stayed_in_zone=of[_ZONE] - of[_RESTS] if walk.has_zone else None,
        issued_at=issued_at if issued else None,
    )


def _digest(
    walk: _Walk, found: _Sums, reached: NDArray[np.float64], labels: Mapping[str, tuple[str, ...]],
    cohorts: Sequence[str], unit: str, exponent: int,
) -> str:  # fmt: skip
    """SHA-256 over everything that was found: sums and products in a fixed order are the same on each machine."""
    said = {
        "convention": Convention.MIXING,
        "unit": unit,
        "exponent": exponent,
        "transfers": walk.rows,
        "outside": int(walk.counted[_OUTSIDE]),
        "cohorts": list(cohorts),
        "labels": list(labels.items()),
    }
    digest = hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode())
    for counts in (found.issued, found.issued_at, *(one.amounts for one in walk.flows().values())):
        digest.update(np.ascontiguousarray(counts, "<i8").tobytes())
    for amounts in (found.sums, reached):
        digest.update(np.ascontiguousarray(amounts + 0.0, "<f8").tobytes())
    return digest.hexdigest()
