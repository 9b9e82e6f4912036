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

import functools
import hashlib
import itertools
import json
import time as clocks
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
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

# Three kinds of numbers are carried backwards, each in a walk that needs nothing of the others: two go side by side. Where
# each number stands in an account's row: what is to be expected of a unit that lies there now. Numbers by hop begin with a
# place for -1, since what was paid before and will be given back counts one payment less than what will not.
_FATE, _WAY, _ARRIVALS = 0, 1, 2

# What will become of it, and when.
_REDEEMED, _EXPIRED, _WITHDRAWN, _HELD = 0, 1, 2, 3  # The shares of what will become of it.
_PAID = 4  # How many payments it will be part of.
_PAID_LEFT = 5  # The same, of the share that will leave.
_LEFT_AT = 6  # The day on which it will leave, times the share that will.
_MOVES = 7  # The share that will move on from here, by payment or by leaving.
_ON = 9  # _ON + k: the share that will move on after k payments; -1 to HOLDING_HOPS - 1.
_STAY = 17  # _STAY + k: the days that it will have lain before it moves on after k payments; -1 to HOLDING_HOPS - 1.
_FATE_WIDTH = 24
assert _STAY == _ON + HOLDING_HOPS + 1
assert _STAY + HOLDING_HOPS == _FATE_WIDTH

# By whom it will go, and after how many payments.
_SSE = 0  # The share that will reach a social enterprise by a payment.
_ZONE = 1  # The share that no payment will take from one zone to another.
_RESTS = 2  # The share that no payment will be made with.
_BACK_SSE, _BACK_ZONE, _BACK_RESTS = 3, 4, 5  # What will be given back, and from there on does (not) so.
_HOP = 7  # _HOP + k: the share that will leave after k payments; -1 to HOPS - 1.
_WAY_WIDTH = 23
assert _HOP + HOPS == _WAY_WIDTH

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
                if len(widths) > 0:
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
def _fate_paid(mine: Any, theirs: Any, share: float, day: float) -> None:
    """A payment: the payer's row becomes a mix of its own and of the payee's, one payment further on."""
    rest = 1.0 - share
    moves, on, stay = mine[_MOVES] * rest, mine[_ON - 1] * rest, mine[_STAY - 1] * rest
    left = theirs[_REDEEMED] + theirs[_EXPIRED]
    for place in range(_MOVES):
        mine[place] = rest * mine[place] + share * theirs[place]
    for place in range(_ON, _FATE_WIDTH):
        mine[place] = rest * mine[place] + share * theirs[place - 1]
    mine[_PAID] += share
    mine[_PAID_LEFT] += share * left
    mine[_MOVES], mine[_ON - 1], mine[_STAY - 1] = moves + share, on, stay
    mine[_ON] += share
    mine[_STAY] += share * day
    mine[_STAY + 1] -= share * day * theirs[_MOVES]


@inlined
def _fate_given_back(mine: Any, theirs: Any, share: float, day: float) -> None:
    """A payment given back, from its payee (who pays here) to its payer: it will have made one payment less."""
    rest = 1.0 - share
    left = theirs[_REDEEMED] + theirs[_EXPIRED]
    for place in range(_MOVES):
        mine[place] = rest * mine[place] + share * theirs[place]
    _shifted_back(mine, theirs, rest, share, _ON - 1, _STAY - 2)
    _shifted_back(mine, theirs, rest, share, _STAY - 1, _FATE_WIDTH - 1)
    mine[_PAID] -= share
    mine[_PAID_LEFT] -= share * left
    mine[_MOVES] *= rest
    mine[_STAY - 1] -= share * day * theirs[_MOVES]


@inlined
def _shifted_back(mine: Any, theirs: Any, rest: float, share: float, first: int, last: int) -> None:
    mine[first] = rest * mine[first] + share * (theirs[first] + theirs[first + 1])
    for place in range(first + 1, last):
        mine[place] = rest * mine[place] + share * theirs[place + 1]
    mine[last] *= rest


@inlined
def _way_paid(mine: Any, theirs: Any, share: float, to_sse: bool, same_zone: bool) -> None:
    rest = 1.0 - share
    sse, zone = mine[_SSE] * rest, mine[_ZONE] * rest
    rests = mine[_RESTS] * rest + share * theirs[_BACK_RESTS]
    back_sse, back_zone, back_rests = mine[_BACK_SSE] * rest, mine[_BACK_ZONE] * rest, mine[_BACK_RESTS] * rest
    hop = mine[_HOP - 1] * rest
    sse += share * (1.0 - theirs[_BACK_SSE] if to_sse else theirs[_SSE])
    zone += share * (theirs[_ZONE] if same_zone else theirs[_BACK_ZONE])
    for place in range(_HOP, _WAY_WIDTH):
        mine[place] = rest * mine[place] + share * theirs[place - 1]
    mine[_SSE], mine[_ZONE], mine[_RESTS] = sse, zone, rests
    mine[_BACK_SSE], mine[_BACK_ZONE], mine[_BACK_RESTS] = back_sse, back_zone, back_rests
    mine[_HOP - 1] = hop


@inlined
def _way_given_back(mine: Any, theirs: Any, share: float) -> None:
    rest = 1.0 - share
    mine[_BACK_SSE] = rest * mine[_BACK_SSE] + share * (1.0 - theirs[_SSE])
    mine[_BACK_ZONE] = rest * mine[_BACK_ZONE] + share * theirs[_ZONE]
    mine[_BACK_RESTS] = rest * mine[_BACK_RESTS] + share * theirs[_RESTS]
    for place in range(_BACK_SSE):
        mine[place] = rest * mine[place] + share * theirs[place]
    _shifted_back(mine, theirs, rest, share, _HOP - 1, _WAY_WIDTH - 1)


@inlined
def _arrivals_paid(mine: Any, theirs: Any, share: float, width: int, used: int, arrives: Any, first: int) -> None:
    """``first`` is the block of the first payment from here."""
    rest = 1.0 - share
    for place in range(width):
        mine[place] *= rest
    for place in range(width, used):
        mine[place] = rest * mine[place] + share * theirs[place - width]
    for dimension in range(len(arrives)):
        if arrives[dimension] >= 0:
            mine[first + arrives[dimension]] += share


@inlined
def _arrivals_given_back(mine: Any, theirs: Any, share: float, width: int, used: int, arrived: Any) -> None:
    """In the block before the first payment's, what will be given back is taken off."""
    rest = 1.0 - share
    for place in range(used - width):
        mine[place] = rest * mine[place] + share * theirs[place + width]
    for place in range(used - width, used):
        mine[place] *= rest
    for dimension in range(len(arrived)):
        if arrived[dimension] >= 0:
            mine[arrived[dimension]] -= share


@inlined
def _came(kind: int, sums: Any, value: Any, used: int, minor: Any, day: float) -> None:
    """What will become of so much that comes into being here, into its cohort's row."""
    weight = float(minor)
    for place in range(used):
        sums[place] += weight * value[place]
    if kind == _FATE:
        sums[_STAY] -= weight * day * value[_MOVES]
        sums[_LEFT_AT] -= weight * day * (value[_REDEEMED] + value[_EXPIRED])


@inlined
def _begun(issued: Any, issued_at: Any, cohort: Any, minor: Any, time: Any) -> None:
    issued[cohort] += minor
    issued_at[cohort, 0] = time
    if issued_at[cohort, 1] < time:
        issued_at[cohort, 1] = time


@inlined
def _left(of: int, mine: Any, share: float, day: float, became: int) -> None:
    """What leaves: into the row of whoever had it, which is already scaled to what stays."""
    if of == _FATE:
        mine[became] += share
        mine[_MOVES] += share
        mine[_ON] += share
        mine[_STAY] += share * day
        if became != _WITHDRAWN:
            mine[_LEFT_AT] += share * day
    elif of == _WAY:
        mine[_ZONE] += share
        mine[_RESTS] += share
        if became != _WITHDRAWN:
            mine[_HOP] += share


@kernel
def _walk_back(
    of: int, time: Any, source: Any, target: Any, amount: Any, cohort: Any, undoes: Any, role: Any, epoch: int,
    values: Any, lines: Any, has: Any, used: int, columns: Any, width: int, blocks: int,
    missing_row: Any, missing_amount: Any,
    top: Any, below: Any, back_amount: Any, back_day: Any, back_values: Any, spare: Any,
    sums: Any, issued: Any, issued_at: Any,
) -> None:  # fmt: skip
    """Walk these rows backwards with one kind of numbers: ``of`` is _FATE, _WAY or _ARRIVALS, ``used`` how many they are.

    ``role`` also carries whether an account is a social enterprise (4) and its zone (8 ...). What an account has stands in
    the last column of ``has``, which is a column of ``values`` where that has room.

    For arrivals there is a column for each label and a block of columns for each payment to come, 1 to REACH from here; where
    anything is given back there is one before them. ``columns`` says for each account in which it counts; -1 in none.

    Returned money waits on a pile for each account at the boundary (``top``, ``below``) until the walk meets the exit
    that it undoes: what left last comes back first.
    """
    unknown = len(sums) - 1
    each = lines.shape[0] // len(values)
    at_has = has.shape[1] - 1
    flat_sums = sums.reshape(-1)
    missing_left = len(missing_row)
    for back in range(len(time)):
        at = len(time) - 1 - back
        soon = at - _AHEAD
        if soon >= 0:
            payer, payee = source[soon], target[soon]
            if of == _FATE:
                prefetch(has, payer)
                prefetch(has, payee)
            elif of == _ARRIVALS:
                prefetch(columns, payee)
            for line in range(each):
                prefetch(lines, payer * each + line)
                prefetch(lines, payee * each + line)
            if cohort[soon] >= 0:
                for line in range(0, used, 8):
                    prefetch(flat_sums, cohort[soon] * used + line)
        payer, payee, minor = source[at], target[at], amount[at]
        payer_is, payee_is = role[payer], role[payee]
        kind = _kind(payer, payee, payer_is & 3, payee_is & 3, undoes[at])
        if kind in (_NOTHING, _OUTSIDE):
            continue
        day = (time[at] - epoch) / _DAY
        if kind == _ISSUE:
            _came(of, sums[cohort[at]], values[payee], used, minor, day)
            if of == _FATE:
                _begun(issued, issued_at, cohort[at], minor, time[at])
            has[payee, at_has] -= minor
            continue
        if kind == _RETURN:
            if missing_left > 0 and missing_row[missing_left - 1] == at:
                missing_left -= 1  # It stays on the pile, where no exit is found for it.
            place = spare[0] - 1
            spare[0] = place
            place = spare[1 + place]
            below[place], top[payer] = top[payer], place
            back_amount[place], back_day[place] = minor, time[at]
            for number in range(used):
                back_values[place, number] = values[payee, number]
            if of == _FATE:
                back_values[place, _STAY] -= day * back_values[place, _MOVES]
            has[payee, at_has] -= minor
            continue
        if kind != _EXIT:
            has[payee, at_has] -= minor
        missing = 0
        if missing_left > 0 and missing_row[missing_left - 1] == at:
            missing_left -= 1
            missing = missing_amount[missing_left]
        had = has[payer, at_has] + minor
        share = minor / had
        mine, theirs = values[payer], values[payee]
        if kind == _PAYMENT:
            if of == _FATE:
                _fate_paid(mine, theirs, share, day)
            elif of == _WAY:
                same_zone = payer_is >> 3 == payee_is >> 3 and payee_is >> 3 != 0
                _way_paid(mine, theirs, share, (payee_is & 4) != 0, same_zone)
            else:
                _arrivals_paid(mine, theirs, share, width, used, columns[payee], width * (blocks - REACH))
        elif kind == _GIVEN_BACK:
            if of == _FATE:
                _fate_given_back(mine, theirs, share, day)
            elif of == _WAY:
                _way_given_back(mine, theirs, share)
            else:
                _arrivals_given_back(mine, theirs, share, width, used, columns[payer])
        else:
            rest = 1.0 - share
            for number in range(used):
                mine[number] *= rest
            gone = minor
            while gone > 0 and top[payee] >= 0:
                place = top[payee]
                taken = min(gone, back_amount[place])
                part = taken / had
                moves = mine[_MOVES] + part
                for number in range(used):
                    mine[number] += part * back_values[place, number]
                if of == _FATE:
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
                _left(of, mine, gone / had, day, _REDEEMED if to == 2 else _EXPIRED if to == 3 else _WITHDRAWN)
        if missing > 0:
            _came(of, sums[unknown], mine, used, missing, day)
            if of == _FATE:
                _begun(issued, issued_at, unknown, missing, time[at])
        has[payer, at_has] = had - missing


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
    fate, way, reached = walk.back()
    labels = {name: (UNKNOWN, *accounts.attributes[name].labels) for name in chosen}
    issued = fate.issued.tolist()
    traces = [
        _cohort(
            label, fate.sums[at], way.sums[at], issued[at], tuple(fate.issued_at[at].tolist()),
            Reach(labels, reached[at]), walk,
        )
        for at, label in enumerate([*cohorts, UNKNOWN_ORIGIN])
    ]  # fmt: skip
    spans = [one.issued_at for one in traces if one.issued_at is not None]
    span = (min(first for first, _ in spans), max(last for _, last in spans)) if spans else (-1, -1)
    everything = Reach(labels, reached.sum(axis=0))
    became = fate.sums[:, [_REDEEMED, _EXPIRED, _WITHDRAWN, _HELD]].sum(axis=1)
    errors = np.abs(became - fate.issued) / np.maximum(fate.issued, 1)
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
        total=_cohort("total", fate.sums.sum(axis=0), way.sums.sum(axis=0), sum(issued), span, everything, walk),
        outside=int(walk.counted[_OUTSIDE]),
        flows=walk.flows(),
        paths={},
        conservation_error=float(errors.max()),
        tick_us=1,
        digest=_digest(walk, fate, way, reached, labels, cohorts, unit, exponent),
        seconds=clocks.perf_counter() - started,
        peak_mb=peak_mb(),
    )


class _Lane:
    """One kind of numbers on their way back: a row by account, and what was read of them by cohort."""

    def __init__(self, of: int, walk: _Walk, used: int, *, columns: NDArray[np.int32], width: int = 0, blocks: int = 0):
        self._of, self._role, self._used, self._epoch = of, walk.role, used, walk.last_at or 0
        self._columns, self._width, self._blocks = columns, width, blocks
        accounts, cohorts = len(walk.role), walk.cohorts + 1
        # The numbers of fate fill three cache lines whole: what an account has lies beside them.
        self._values, self._lines = _aligned(accounts, used if of == _FATE else used + 1)
        self._has = np.empty((accounts, 1)) if of == _FATE else self._values
        self._has[:, -1] = walk.balance
        if of == _FATE:
            self._values[:, _HELD] = 1.0
        elif of == _WAY:
            self._values[:, [_ZONE, _RESTS]] = 1.0
        # Room for returned money that waits for the exit it undoes; what is never used takes no memory.
        returns = int(walk.counted[_RETURN])
        self._top = np.full(accounts, -1, np.int64)
        self._below = np.empty(returns, np.int64)
        self._back_amount = np.empty(returns, np.int64)
        self._back_at = np.empty(returns, np.int64)
        self._back_values = np.empty((returns, used))
        # How many places are spare, and which: the last one is given out first.
        self._spare = np.concatenate([[returns], np.arange(returns - 1, -1, -1)]).astype(np.int64)
        self.sums = np.zeros((cohorts, used))
        self.issued = np.zeros(cohorts, np.int64)
        self.issued_at = np.full((cohorts, 2), -1, np.int64)

    def take(self, piece: Transfers, missing: tuple[NDArray[np.int64], NDArray[np.int64]]) -> None:
        _walk_back(
            self._of, piece.time, piece.source, piece.target, piece.amount, piece.cohort, piece.undoes, self._role,
            self._epoch, self._values, self._lines, self._has, self._used, self._columns, self._width, self._blocks,
            *missing, self._top, self._below, self._back_amount, self._back_at, self._back_values, self._spare,
            self.sums, self.issued, self.issued_at,
        )  # fmt: skip

    def finish(self) -> _Lane:
        """At the beginning of the ledger: what came back and found no exit to undo was not there."""
        for place in self._waiting():
            at, minor, value = int(self._back_at[place]), int(self._back_amount[place]), self._back_values[place]
            self.sums[-1] += minor * value
            if self._of == _FATE:
                self.sums[-1, _LEFT_AT] -= minor * (at - self._epoch) / _DAY * (value[_REDEEMED] + value[_EXPIRED])
            self.issued[-1] += minor
            first, last = self.issued_at[-1].tolist()
            self.issued_at[-1] = (at if first < 0 else min(first, at), max(last, at))
        assert not self._has[:, -1].any(), "the walk back does not end where the ledger begins"
        del self._values, self._lines, self._has
        return self

    def _waiting(self) -> Iterator[int]:
        for place in self._top[self._top >= 0].tolist():
            while place >= 0:
                yield place
                place = int(self._below[place])


class _Walk:
    """One ledger walked forwards and back; remembers between walks what everybody has in the end."""

    def __init__(
        self, source: Source, accounts: Accounts, cohorts: int, told: Sequence[str], progress: Progress | None
    ) -> None:
        self._source, self._accounts, self.cohorts, self._progress = source, accounts, cohorts, progress
        attributes = accounts.attributes
        role = accounts.role.astype(np.int32)
        self.has_sse, self.has_zone = "sse" in attributes, "zone" in attributes
        if self.has_sse and "sse" in attributes["sse"].labels:
            role |= (attributes["sse"].codes == attributes["sse"].labels.index("sse")).astype(np.int32) << 2
        if self.has_zone:
            role |= (attributes["zone"].codes.astype(np.int32) + 1) << 3
        self.role = role
        self.balance = np.zeros(len(role), np.int64)
        self._missing: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        self.counted = np.zeros(7, np.int64)
        self.rows = self._done = 0
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
            self._done += rows
            walks = 2 + -(-self._parts()[1] // LANES)
            self._progress(self._done, max(self._done, walks * self._source.rows))

    def _parts(self) -> tuple[int, int]:
        """Blocks of columns for each label, and in how many parts their walks are made."""
        blocks = REACH + (1 if self.counted[_GIVEN_BACK] else 0)
        most = max(8, self._most_bytes // (8 * blocks * max(1, len(self.role))))
        return blocks, -(-self._width // most)

    def _checked(self) -> Iterator[Transfers]:
        """The pieces from the first to the last, each looked over while the one before is worked on."""
        since, moved, rows = np.iinfo(np.int64).min, 0.0, 0

        def look_over(piece: Transfers) -> Transfers:
            nonlocal since, moved, rows
            at, fault, total = first_fault(
                piece.time, piece.source, piece.target, piece.amount, piece.cohort, self._accounts.role,
                self.cohorts, since,
            )  # fmt: skip
            if fault:
                raise NotTraceable(row=rows + int(at), why=WHY[int(fault)])
            rows += len(piece)
            since = int(piece.time[-1]) if len(piece) else since
            moved += total
            if moved >= 2.0**53:
                raise AmountsTooLarge
            return piece

        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="looks over") as beside:
            waiting: Future[Transfers] | None = None
            for _, piece in ahead(self._source, range(self._source.pieces)):
                looked, waiting = waiting, beside.submit(look_over, piece)
                if looked is not None:
                    yield looked.result()
            if waiting is not None:
                yield waiting.result()

    def settle(self) -> None:
        """Forwards: check each row, and find what everybody has in the end."""
        for piece in self._checked():
            count = len(piece)
            if count:
                self.first_at = int(piece.time[0]) if self.first_at is None else self.first_at
                self.last_at = int(piece.time[-1])
            rows, amounts = np.empty(count, np.int64), np.empty(count, np.int64)
            found = _settle(
                piece.source, piece.target, piece.amount, piece.undoes, self.role, self.balance,
                self._codes, self._widths, self._flows, rows, amounts, self.counted,
            )  # fmt: skip
            self._missing.append((rows[:found].copy(), amounts[:found].copy()))
            self.rows += count
            self._told(count)
        self.balance[self._accounts.role != 0] = 0

    def flows(self) -> dict[str, FlowMatrix]:
        """Who paid whom: the same as that of lots."""
        found = {}
        for at, (name, attribute) in enumerate(self._dimensions.items()):
            count, start = self._widths[at].tolist()
            known = (UNKNOWN, *attribute.labels)
            stands = np.zeros((count + 2, 1), np.int64)
            np.add.at(stands[:, 0], self._codes[:, at], self.balance)
            found[name] = FlowMatrix(
                rows=(*known, "issued", UNKNOWN_ORIGIN),
                columns=(*known, "redeemed", "expired", "withdrawn", "held"),
                amounts=np.hstack(
                    [self._flows[start : start + (count + 2) * (count + 3)].reshape(count + 2, -1), stands]
                ),
            )
        return found

    def back(self) -> tuple[_Lane, _Lane, NDArray[np.float64]]:
        """What becomes of each unit and by which way, and what arrives where: by cohort, number of payments, and column of
        a label.
        """
        amounts = np.zeros((self.cohorts + 1, REACH, self._width))
        blocks, parts = self._parts()
        ends = [self._width * part // parts for part in range(parts + 1)] if parts else [0]
        no_columns = np.zeros((len(self.role), 1), np.int32)
        fate, way = self._together(
            lambda: _Lane(_FATE, self, _FATE_WIDTH, columns=no_columns),
            lambda: _Lane(_WAY, self, _WAY_WIDTH, columns=no_columns),
        )
        for first in range(0, parts, LANES):
            spans = list(itertools.pairwise(ends))[first : first + LANES]
            made = [functools.partial(self._arrivals, *span, blocks) for span in spans]
            for (begin, end), lane in zip(spans, self._together(*made), strict=True):
                by_block = lane.sums.reshape(self.cohorts + 1, blocks, end - begin)
                amounts[:, :, begin:end] = by_block[:, blocks - REACH :]
        return fate, way, amounts

    def _arrivals(self, first: int, last: int, blocks: int) -> _Lane:
        """For what arrives in the columns from ``first`` to before ``last``."""
        width = last - first
        here = [np.where((one >= first) & (one < last), one - first, -1) for one in self._columns]
        columns = np.stack([one for one in here if (one >= 0).any()] or here[:1], axis=1).astype(np.int32)
        return _Lane(_ARRIVALS, self, width * blocks, columns=columns, width=width, blocks=blocks)

    def _together(self, *made: Callable[[], _Lane]) -> list[_Lane]:
        """Walk back once, a core for each lane."""
        with ThreadPoolExecutor(max_workers=LANES, thread_name_prefix="mixing") as pool:
            lanes = list(pool.map(lambda make: make(), made))
            for index, piece in ahead(self._source, range(self._source.pieces - 1, -1, -1)):
                for done in [pool.submit(lane.take, piece, self._missing[index]) for lane in lanes]:
                    done.result()
                self._told(len(piece))
        return [lane.finish() for lane in lanes]


LANES = 2
"""Kinds of numbers that are carried back at once."""

_NO_CODES = np.zeros((0, 0), np.int16)


def _aligned(rows: int, width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Zeros by account, each row from the start of a cache line on; and the same as a row for each line."""
    padded = -(-width // 8) * 8
    raw = np.zeros(rows * padded + 8)
    skip = (-raw.ctypes.data % 64) // 8
    whole = raw[skip : skip + rows * padded]
    return whole.reshape(rows, padded), whole.reshape(rows * padded // 8, 8)


def _cohort(
    label: str, fate: NDArray[np.float64], way: NDArray[np.float64], issued: int, issued_at: tuple[int, int],
    reach: Reach, walk: _Walk,
) -> CohortTrace:  # fmt: skip
    of: list[float] = fate.tolist()
    left = of[_REDEEMED] + of[_EXPIRED]
    by: list[float] = way.tolist()
    hops = by[_HOP : _HOP + HOPS]
    hops[0] += by[_HOP - 1]
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
        through_sse=by[_SSE] if walk.has_sse else None,
        stayed_in_zone=by[_ZONE] - by[_RESTS] if walk.has_zone else None,
        issued_at=issued_at if issued else None,
    )


def _digest(
    walk: _Walk, fate: _Lane, way: _Lane, reached: NDArray[np.float64], labels: Mapping[str, tuple[str, ...]],
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
    for counts in (fate.issued, fate.issued_at, *(one.amounts for one in walk.flows().values())):
        digest.update(np.ascontiguousarray(counts, "<i8").tobytes())
    for amounts in (fate.sums, way.sums, reached):
        digest.update(np.ascontiguousarray(amounts + 0.0, "<f8").tobytes())
    return digest.hexdigest()
