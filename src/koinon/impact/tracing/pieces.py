"""Transfers in pieces: out of memory, or out of Parquet files whose rows are never in memory together."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from koinon.impact.tracing.types import Transfers

PIECE: Final = 1 << 20
"""Rows of a piece out of memory; out of files a piece is a row group."""

COLUMNS: Final = ("time", "source", "target", "amount", "cohort", "undoes")


class Source(Protocol):
    """Transfers in pieces, each of which may be asked for more than once."""

    @property
    def rows(self) -> int: ...

    @property
    def pieces(self) -> int: ...

    def piece(self, index: int) -> Transfers: ...


class InMemory:
    """A ledger's transfers, a million at a time."""

    def __init__(self, transfers: Transfers, rows: int = PIECE) -> None:
        self._columns = {name: _read_only(getattr(transfers, name)) for name in COLUMNS}
        self._rows = rows

    @property
    def rows(self) -> int:
        return len(self._columns["time"])

    @property
    def pieces(self) -> int:
        return -(-self.rows // self._rows)

    def piece(self, index: int) -> Transfers:
        here = slice(index * self._rows, (index + 1) * self._rows)
        return Transfers(**{name: column[here] for name, column in self._columns.items()})


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """What comes from a file cannot be written to; kernels are compiled once if nothing that they read can be."""
    view = array.view()
    view.flags.writeable = False
    return view


class ParquetFiles:
    """Parquet files one after the other, a row group at a time.

    Columns ``time`` (int64 microseconds or a timestamp), ``source`` and ``target`` (indices of accounts, integers),
    ``amount`` (int64 minor units), ``cohort`` (-1 for none), ``undoes`` (boolean): ``generator.write_parquet`` writes such
    a file. A row group is worked on while the next one is read: a million rows are 29 MB.
    """

    def __init__(self, files: Path | Sequence[Path]) -> None:
        import pyarrow.parquet as pq

        paths = [files] if isinstance(files, Path) else list(files)
        self._reading = threading.Lock()
        self._opened = [pq.ParquetFile(path) for path in paths]
        self._groups = [
            (number, group) for number, one in enumerate(self._opened) for group in range(one.metadata.num_row_groups)
        ]

    @property
    def rows(self) -> int:
        return sum(one.metadata.num_rows for one in self._opened)

    @property
    def pieces(self) -> int:
        return len(self._groups)

    def piece(self, index: int) -> Transfers:
        import pyarrow as pa

        number, group = self._groups[index]
        with self._reading:  # An open file is read by one thread at a time.
            table = self._opened[number].read_row_group(group, columns=list(COLUMNS), use_threads=False)

        def column(name: str, kind: type[np.generic]) -> NDArray[Any]:
            found = table.column(name).combine_chunks()
            if isinstance(found, pa.ChunkedArray):
                found = pa.concat_arrays(found.chunks)
            if pa.types.is_timestamp(found.type):
                found = found.cast(pa.timestamp("us", found.type.tz)).cast(pa.int64())
            array: NDArray[Any] = found.to_numpy(zero_copy_only=False)
            return _read_only(array.astype(kind, copy=False))

        return Transfers(
            column("time", np.int64),
            column("source", np.int32),
            column("target", np.int32),
            column("amount", np.int64),
            column("cohort", np.int32),
            column("undoes", np.bool_),
        )


def ahead(source: Source, order: Sequence[int]) -> Iterator[tuple[int, Transfers]]:
    """The pieces in this order, the next one being read while the last one is worked on."""
    if isinstance(source, InMemory):
        for index in order:
            yield index, source.piece(index)
        return
    ready: queue.Queue[tuple[int, Transfers] | BaseException | None] = queue.Queue(maxsize=1)
    over = threading.Event()

    def put(found: tuple[int, Transfers] | BaseException | None) -> None:
        while not over.is_set():
            try:
                return ready.put(found, timeout=0.1)
            except queue.Full:
                continue

    def read() -> None:
        try:
            for index in order:
                if over.is_set():
                    return
                put((index, source.piece(index)))
            put(None)
        except BaseException as failed:  # noqa: BLE001  It is raised where the pieces are asked for.
            put(failed)

    reader = threading.Thread(target=read, name="reads ahead", daemon=True)
    reader.start()
    try:
        while (found := ready.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found
    finally:
        over.set()
        reader.join()
