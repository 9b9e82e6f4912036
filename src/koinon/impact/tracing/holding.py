"""Who holds which lots: the state that a trace by lots grows by each transfer, and what it says.

A ``LotsState`` is extended by a day, a month or a whole history; any division of the same history gives the same state, to
the bit. It is saved as one file: the lots that are held, what was counted, and a digest over both.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import tempfile
import time as clocks
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from koinon.impact.tracing import lots, results
from koinon.impact.tracing.errors import (
    AmountsTooLarge,
    NotTraceable,
    StateDoesNotFit,
    StateUnreadable,
    TooManyAttributes,
)
from koinon.impact.tracing.types import REACH, Accounts, Convention, Ledger, Trace, Transfers

DAY: Final = 86_400_000_000
"""Microseconds of a day: times of lots are differences of whole UTC days unless another grain is asked for."""

VERSION: Final = 2  # of the saved form, which has the layout of ``lots``: one more whenever either changes
PIECE: Final = 1 << 20  # Transfers between two reports of progress.
MOST_LABELS: Final = 30_000
FEW: Final = 1 << 16  # Figures of cohorts that stay in the processor's own cache: half a megabyte.
NOTED: Final = 1 << 19  # Lots that moved and are counted together: 16 MB.
WAITING: Final = 2  # So many times as many may wait to be counted.

Progress = Callable[[int, int], None]
WHY = {
    1: "it is earlier than the one before",
    2: "its account is not one of the ledger's",
    3: "its amount is not greater than nothing",
    4: "a cohort is due where the source is an issuer, and nowhere else",
}


@dataclass(frozen=True, slots=True)
class Frame:
    """What stays the same while a state grows."""

    convention: Convention
    tick_us: int
    unit: str
    exponent: int
    labels: dict[str, tuple[str, ...]]
    paths: tuple[str, ...]


class LotsState:
    """Lots by account, and everything that was counted of them so far.

    Extended by one caller at a time. Memory: 64 bytes an account, 32 a lot with room to grow (128 at least for an account
    that ever held anything), 8 for each figure of a cohort (0.8 kB, 6 kB of ages, 32 bytes a label).
    """

    def __init__(self, frame: Frame, first_tick: int) -> None:
        self.frame = frame
        self.first_tick = first_tick
        self.first_at: int | None = None
        self.last_at: int | None = None
        self.transfers = 0
        self.moved = 0.0
        self.seconds = 0.0
        self.cohorts: tuple[str, ...] = ()
        self.heads = np.zeros((0, 8), np.int64)
        self.profile = np.zeros(0, np.int32)
        self.pool = np.zeros((1024, 4), np.int64)
        self.marks = np.zeros(64, np.int64)
        self.marks[lots.USED] = 1
        counts = [len(labels) + 1 for labels in frame.labels.values()]
        self.widths = np.zeros((len(counts), 3), np.int64)
        self.widths[:, 1] = counts
        self.widths[:, 0] = np.cumsum([0, *counts])[: len(counts)]
        matrices = [(count + 2) * (count + 3) for count in counts]
        self.widths[:, 2] = np.cumsum([0, *matrices])[: len(counts)]
        self.labels_of = np.zeros((0, len(counts) + 1), np.int64)
        self.flows = np.zeros(sum(matrices), np.int64)
        self.book = _table(1, lots.REACHED + REACH * sum(counts))
        self.ages = _table(1, lots.AGES)
        followed = [list(frame.labels).index(name) for name in frame.paths]
        self.path_dimensions = np.array(followed, np.int64)
        self.nodes = np.zeros((16, 3 + max((counts[at] for at in followed), default=0) + 1), np.int32)
        self.marks[lots.NODES] = 3
        self.entries = _empty_map(64)

    @classmethod
    def begin(
        cls,
        ledger: Ledger,
        convention: Convention = Convention.FIFO,
        *,
        paths: Sequence[str] = (),
        tick_us: int = DAY,
    ) -> LotsState:
        """A state that has seen nothing yet, for a ledger's accounts. ``paths`` names up to two attributes."""
        if convention is Convention.MIXING:
            raise ValueError("lots are traced first in first out or last in first out")
        attributes = ledger.accounts.attributes
        if len(attributes) > lots.DIMENSIONS or any(len(a.labels) > MOST_LABELS for a in attributes.values()):
            raise TooManyAttributes(most=lots.DIMENSIONS)
        assert len(paths) <= 2 and set(paths) <= set(attributes), paths  # noqa: PT018
        assert tick_us >= 60_000_000, "ticks are counted in 32 bits"
        frame = Frame(
            convention,
            tick_us,
            ledger.unit,
            ledger.exponent,
            {name: tuple(attribute.labels) for name, attribute in attributes.items()},
            tuple(paths),
        )
        first = int(ledger.transfers.time[0]) // tick_us if len(ledger.transfers) else 0
        state = cls(frame, first)
        state._fit(ledger)
        return state

    def _fit(self, ledger: Ledger) -> None:
        """Take up accounts and cohorts that are new; those that were there must be what they were."""
        labels = {name: tuple(attribute.labels) for name, attribute in ledger.accounts.attributes.items()}
        if list(labels.items()) != list(self.frame.labels.items()):
            raise StateDoesNotFit("the attributes of accounts have other labels")
        if (ledger.unit, ledger.exponent) != (self.frame.unit, self.frame.exponent):
            raise StateDoesNotFit("it is in another unit")
        if ledger.cohorts[: len(self.cohorts)] != self.cohorts:
            raise StateDoesNotFit("the cohorts are others")
        known = len(self.heads)
        heads = _heads(ledger.accounts)
        if len(heads) < known or not _same(self.heads, heads):
            raise StateDoesNotFit("accounts have gone, or have another role or other attributes")
        if len(heads) > known:
            heads[:known] = self.heads
            self.heads = heads
            self._describe(known)
        if len(ledger.cohorts) >= len(self.book):
            rows = len(ledger.cohorts) + 1
            for name in ("book", "ages"):
                before = getattr(self, name)
                after = _table(rows, before.shape[1])
                after[: len(before)] = before
                setattr(self, name, after)
        self.cohorts = tuple(ledger.cohorts)

    def extend(self, ledger: Ledger, progress: Progress | None = None) -> None:
        """Carry out a ledger's transfers after all that were before. ``ledger`` has the accounts and cohorts so far and
        may have more of both, at the end. Nothing is changed when it is refused.
        """
        started = clocks.perf_counter()
        rows = ledger.transfers
        since = self.last_at if self.last_at is not None else np.iinfo(np.int64).min
        moved = self._look_over(ledger, since)
        if len(rows):
            begins = int(rows.time[0]) if self.first_at is None else self.first_at
            first_tick = begins // self.frame.tick_us if self.first_at is None else self.first_tick
            ticks = int(rows.time[-1]) // self.frame.tick_us - first_tick + 1
            if (self.moved + moved) * max(ticks, 2) >= 2.0**62 or ticks >= 2**31:
                raise AmountsTooLarge
        self._fit(ledger)
        if len(rows):
            self.first_tick = first_tick
            self.first_at = begins
            self.last_at = int(rows.time[-1])
            self._carry_out(ledger, progress)
            self.transfers += len(rows)
            self.moved += moved
        self.seconds += clocks.perf_counter() - started

    def _carry_out(self, ledger: Ledger, progress: Progress | None) -> None:
        """Move the lots, and beside it count those that have moved."""
        rows = ledger.transfers
        together = np.empty((NOTED if self.book.size > FEW else 0, 4), np.int64)  # Room to sort what is noted.
        ends = np.empty(257, np.int64)
        counting: deque[tuple[Future[None], NDArray[np.int64]]] = deque()
        noted = np.empty((NOTED, 4), np.int64)

        def count(noted: NDArray[np.int64], notes: int) -> None:
            nonlocal together
            if 0 < len(together) < notes:
                together = np.empty((notes, 4), np.int64)
            lots.tally(noted, notes, together, ends, self.book, self.ages, self.labels_of)

        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="counts lots") as beside:
            for begin, (time, source, target, amount, cohort, undoes) in _pieces(rows):
                start, stop = 0, len(time)
                while start < stop:
                    start = lots.move(
                        start,
                        stop,
                        time,
                        source,
                        target,
                        amount,
                        cohort,
                        undoes,
                        self.frame.convention is Convention.LIFO,
                        self.frame.tick_us,
                        self.first_tick,
                        self.heads,
                        self.pool,
                        self.marks,
                        self.book,
                        self.widths,
                        self.profile,
                        noted,
                        self.flows,
                        self.path_dimensions,
                        self.nodes,
                        self.entries,
                    )
                    counting.append((beside.submit(count, noted, int(self.marks[lots.NOTES])), noted))
                    touched = 0
                    if start < stop:
                        next_one = source[start], target[start]
                        touched = sum(int(self.heads[account, lots.COUNT]) for account in next_one)
                        self._make_room(touched)
                    noted = _free(counting, touched)
                if progress:
                    progress(begin + stop, len(rows))
            for done, _ in counting:
                done.result()

    def _describe(self, first: int) -> None:
        """Take up what accounts from ``first`` on are: all attributes of one in one number, and for each such number where
        its labels stand in a row of reach, with the length of such a row.
        """
        words = [np.unique(self.heads[first:, lots.CODES + at], return_inverse=True) for at in (0, 1)]
        both = words[0][1] * len(words[1][0]) + words[1][1]
        _, one, profile = np.unique(both, return_index=True, return_inverse=True)
        labels_of = np.zeros((len(one), len(self.widths) + 1), np.int64)
        for d, begins in enumerate(self.widths[:, 0]):
            codes = self.heads[first + one, lots.CODES + (d >> 2)] >> ((d & 3) << 4) & 0xFFFF
            labels_of[:, d] = begins + codes
        labels_of[:, -1] = self.widths[:, 1].sum()
        self.profile = np.concatenate([self.profile, (len(self.labels_of) + profile).astype(np.int32)])
        self.labels_of = np.concatenate([self.labels_of, labels_of])

    def _look_over(self, ledger: Ledger, since: int) -> float:
        """The sum of the amounts; refused where a row cannot be traced."""
        moved = 0.0
        role = _plain(ledger.accounts.role, np.uint8)
        for begin, (time, source, target, amount, cohort, _undoes) in _pieces(ledger.transfers):
            row, why, part = lots.first_fault(time, source, target, amount, cohort, role, len(ledger.cohorts), since)
            if why:
                raise NotTraceable(row=begin + int(row), why=WHY[int(why)])
            since = int(time[-1])
            moved += part
        return moved

    def _make_room(self, touched: int) -> None:
        """Larger arrays where the next transfer, between accounts of so many lots, might find too little room."""
        used = int(self.marks[lots.USED])
        if len(self.pool) - used < 6 * touched + 64:
            pool = np.empty((used + used // 2 + 12 * touched + 1024, 4), np.int64)
            pool[:used] = self.pool[:used]
            self.pool = pool
        if self.frame.paths:
            nodes = int(self.marks[lots.NODES])
            if len(self.nodes) - nodes < 2 * touched + 8:
                tree = np.zeros((2 * nodes + 4 * touched + 16, self.nodes.shape[1]), np.int32)
                tree[:nodes] = self.nodes[:nodes]
                self.nodes = tree
            counted = int(self.marks[lots.ENTRIES])
            if len(self.entries) < 2 * (counted + 6 * touched + 8):
                entries = _empty_map(4 * (counted + 6 * touched + 8))
                lots.enter(self.entries, entries)
                self.entries = entries

    def trace(self) -> Trace:
        """What was found so far."""
        started = clocks.perf_counter()
        found = results.of_lots(self)
        return replace(found, seconds=self.seconds + clocks.perf_counter() - started, peak_mb=peak_mb())

    # --- As one file ------------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """The state in its canonical form: equal histories give equal bytes, however they were divided."""
        counts = np.ascontiguousarray(self.heads[:, lots.COUNT])
        held = np.zeros((int(counts.sum()), 4), np.int64)
        lots.gather(self.heads, self.pool, held)
        entries = self.entries[(self.entries[:, 0] != lots.NEVER) & (self.entries[:, 1] != 0)]
        arrays = {
            "fixed": self.heads[:, [lots.ROLE, *range(lots.CODES, lots.CODES + 2)]],
            "counts": counts.astype(np.int32),
            "held": held,
            "flows": self.flows,
            "book_at": (book_at := np.flatnonzero(self.book)),
            "book": self.book.reshape(-1)[book_at],
            "ages_at": (ages_at := np.flatnonzero(self.ages)),
            "ages": self.ages.reshape(-1)[ages_at],
            "nodes": self.nodes[: self.marks[lots.NODES]],
            "entries": entries[np.argsort(entries[:, 0], kind="stable")],
        }
        head = {
            "frame": asdict(self.frame),
            "first_tick": self.first_tick,
            "first_at": self.first_at,
            "last_at": self.last_at,
            "transfers": self.transfers,
            "moved": self.moved,
            "outside": int(self.marks[lots.OUTSIDE]),
            "cohorts": self.cohorts,
            "arrays": {name: [array.dtype.str, array.shape] for name, array in arrays.items()},
        }
        written = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()
        parts = [MAGIC, len(written).to_bytes(8, "little"), written]
        parts += [np.ascontiguousarray(array).tobytes() for array in arrays.values()]
        body = b"".join(parts)
        return body + hashlib.sha256(body).digest()

    @classmethod
    def from_bytes(cls, kept: bytes) -> LotsState:
        """The state that was kept; refused when it is not whole or not of this version."""
        view = memoryview(kept)
        if bytes(view[: len(MAGIC)]) != MAGIC or len(view) < len(MAGIC) + 40:
            raise StateUnreadable("it is not a state of lots of this version")
        if hashlib.sha256(view[:-32]).digest() != bytes(view[-32:]):
            raise StateUnreadable("it was damaged")
        at = len(MAGIC) + 8
        length = int.from_bytes(view[at - 8 : at], "little")
        head: dict[str, Any] = json.loads(bytes(view[at : at + length]))
        at += length
        arrays: dict[str, NDArray[Any]] = {}
        for name, (dtype, shape) in head["arrays"].items():
            count = int(np.prod(shape))
            arrays[name] = np.frombuffer(view, dtype, count, at).reshape(shape)
            at += count * np.dtype(dtype).itemsize
        frame = head["frame"]
        state = cls(
            Frame(
                Convention(frame["convention"]),
                frame["tick_us"],
                frame["unit"],
                frame["exponent"],
                {name: tuple(labels) for name, labels in frame["labels"].items()},
                tuple(frame["paths"]),
            ),
            head["first_tick"],
        )
        state.first_at, state.last_at = head["first_at"], head["last_at"]
        state.transfers, state.moved = head["transfers"], head["moved"]
        state.cohorts = tuple(head["cohorts"])
        rows = len(state.cohorts) + 1
        for name in ("book", "ages"):
            table = _table(rows, getattr(state, name).shape[1])
            table.reshape(-1)[arrays[f"{name}_at"]] = arrays[name]
            setattr(state, name, table)
        state.flows = arrays["flows"].copy()
        state.marks[lots.OUTSIDE] = head["outside"]
        state.marks[lots.NODES] = len(arrays["nodes"])
        state.nodes = np.zeros((2 * len(arrays["nodes"]), arrays["nodes"].shape[1]), np.int32)
        state.nodes[: len(arrays["nodes"])] = arrays["nodes"]
        state.heads = _table(len(arrays["counts"]), 8)
        state.heads[:, [lots.ROLE, *range(lots.CODES, lots.CODES + 2)]] = arrays["fixed"]
        state._describe(0)
        used = lots.make_room(state.heads, arrays["counts"])
        state.pool = np.empty((used + used // 4 + 1024, 4), np.int64)
        lots.lay_out(state.heads, arrays["counts"], arrays["held"], state.pool)
        state.marks[lots.USED] = used
        state.entries = _empty_map(4 * len(arrays["entries"]))
        state.marks[lots.ENTRIES] = lots.enter(arrays["entries"], state.entries)
        return state

    def save(self, place: Path) -> None:
        """Write the state to a file, which holds either the old or the new one at any moment."""
        handle, part = tempfile.mkstemp(prefix=f".{place.name}.", suffix=".part", dir=place.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(self.to_bytes())
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, place)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, place: Path) -> LotsState:
        return cls.from_bytes(place.read_bytes())

    def digest(self) -> str:
        """The SHA-256 of the canonical form."""
        return self.to_bytes()[-32:].hex()


MAGIC: Final = f"koinon lots {VERSION}\n".encode()


COLUMNS: Final = (
    ("time", np.int64),
    ("source", np.int32),
    ("target", np.int32),
    ("amount", np.int64),
    ("cohort", np.int32),
    ("undoes", np.bool_),
)


def _pieces(rows: Transfers) -> Iterator[tuple[int, list[NDArray[Any]]]]:
    """The columns a million rows at a time, with the number of the first."""
    for begin in range(0, len(rows), PIECE):
        here = slice(begin, begin + PIECE)
        yield begin, [_plain(getattr(rows, name)[here], dtype) for name, dtype in COLUMNS]


def _free(counting: deque[tuple[Future[None], NDArray[np.int64]]], touched: int) -> NDArray[np.int64]:
    """An array for notes that are not waiting to be counted any more; large enough for a transfer of so many lots."""
    noted = None
    if len(counting) > WAITING or (counting and counting[0][0].done()):
        done, noted = counting.popleft()
        done.result()
    if noted is None or len(noted) <= touched:
        noted = np.empty((max(NOTED, 2 * touched), 4), np.int64)
    return noted


def _plain(array: NDArray[Any], dtype: type[np.generic]) -> NDArray[Any]:
    """The array as kernels were compiled for; what was mapped from a file or lies otherwise is copied."""
    if array.dtype == dtype and array.flags.c_contiguous and array.flags.writeable:
        return array
    return np.array(array, dtype)


def peak_mb() -> float:
    """The most memory this process has had, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _table(rows: int, columns: int) -> NDArray[np.int64]:
    """Zeros whose rows begin at a cache line each."""
    wide = -(-columns // 8) * 8
    raw = np.zeros(rows * wide + 8, np.int64)
    skip = -(raw.ctypes.data // 8) % 8
    return raw[skip : skip + rows * wide].reshape(rows, wide)


def _empty_map(at_least: int) -> NDArray[np.int64]:
    """A map of paths without rows, of a power of two."""
    empty = np.zeros((1 << max(at_least - 1, 63).bit_length(), 2), np.int64)
    empty[:, 0] = lots.NEVER
    return empty


def _heads(accounts: Accounts) -> NDArray[np.int64]:
    """The fixed part of each account's row; lots come into it by transfers."""
    heads = _table(len(accounts.role), 8)
    heads[:, lots.MASK] = -1
    role = heads[:, lots.ROLE]
    role |= accounts.role.astype(np.int64)
    sse = accounts.attributes.get("sse")
    if sse is not None and "sse" in sse.labels:
        role |= (sse.codes == sse.labels.index("sse")).astype(np.int64) << 8
    zone = accounts.attributes.get("zone")
    if zone is not None:
        role |= (zone.codes.astype(np.int64) + 1) << 16
    for at, attribute in enumerate(accounts.attributes.values()):
        heads[:, lots.CODES + (at >> 2)] |= (attribute.codes.astype(np.int64) + 1) << ((at & 3) << 4)
    return heads


def _same(known: NDArray[np.int64], heads: NDArray[np.int64]) -> bool:
    return all(
        np.array_equal(known[:, word], heads[: len(known), word]) for word in (lots.ROLE, lots.CODES, lots.CODES + 1)
    )
