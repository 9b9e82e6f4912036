"""Tracing an export town by town: in this process, or each town in a task of its own on Spark, by the same kernels.

No unit of one town is ever in another, so towns are traced apart and nothing is shuffled: a task reads its own town's files.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from koinon.impact.export import layout
from koinon.impact.export.layout import Export, Manifest
from koinon.impact.town import books, results

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from koinon.impact.tracing.types import Ledger

OUTSIDE = ("receive", "withdraw", "issue", "unissue", "payout", "exchange")
"""Codes of what moves outside circulation: euros, and the reserve filling an escrow."""

_SCHEMA = "town int, convention string, transfers bigint, accounts int, digest string, result string, seconds double"


@dataclass(frozen=True, slots=True)
class TownTrace:
    """What became of a town's units under a convention. ``result`` is JSON as ``koinon.impact.town.results`` packs it."""

    town: int
    convention: str
    transfers: int
    accounts: int
    digest: str
    result: str
    seconds: float


def here(export: Export, conventions: Sequence[str] = ("fifo", "mixing")) -> Iterator[TownTrace]:
    """Each town in turn, in this process."""
    for town in export.towns:
        for convention in conventions:
            yield traced(export.folder, town, convention)


def on_spark(session: Any, export: Export, conventions: Sequence[str] = ("fifo", "mixing")) -> list[TownTrace]:
    """Each town and convention in a task of its own. Koinon must be installed where the executors run."""
    largest_first = sorted(export.towns, key=lambda town: (-town.rows, town.town))
    work = [(town, convention) for town in largest_first for convention in conventions]
    folder = export.folder

    def trace(batches: Iterable[Any]) -> Iterator[Any]:
        import pyarrow as pa

        for batch in batches:
            for number in batch.column(0).to_pylist():
                town, convention = work[number]
                found = traced(folder, town, convention)
                row = {name: [getattr(found, name)] for name in TownTrace.__slots__}
                schema = pa.schema(
                    [
                        ("town", pa.int32()),
                        ("convention", pa.string()),
                        ("transfers", pa.int64()),
                        ("accounts", pa.int32()),
                        ("digest", pa.string()),
                        ("result", pa.string()),
                        ("seconds", pa.float64()),
                    ]
                )
                yield pa.RecordBatch.from_pydict(row, schema=schema)

    rows = session.range(0, len(work), 1, len(work)).mapInArrow(trace, _SCHEMA).collect()
    return sorted((TownTrace(**row.asDict()) for row in rows), key=lambda found: (found.town, found.convention))


def traced(folder: Path, town: Manifest, convention: str) -> TownTrace:
    """One town under one convention."""
    from koinon.impact.tracing.api import trace
    from koinon.impact.tracing.types import Convention

    began = time.perf_counter()
    ledger = ledger_of(folder, town)
    paths = ("sector", "zone") if convention != Convention.MIXING else ()
    found = results.packed(trace(ledger, Convention(convention), paths=paths))
    return TownTrace(
        town=town.town,
        convention=convention,
        transfers=len(ledger.transfers),
        accounts=len(ledger.accounts.names),
        digest=results.digest(found),
        result=found,
        seconds=time.perf_counter() - began,
    )


def ledger_of(folder: Path, town: Manifest) -> Ledger:
    """A town of an export as a ledger to be traced: the one that ``town.books`` reads from the database.

    Places and cohorts are numbered in the order in which the books first name them. 45 bytes of memory a transfer.
    """
    import numpy as np
    import pyarrow.parquet as pq

    from koinon.impact.tracing.types import Accounts, Attribute, Ledger, Transfers

    accounts = pq.read_table(folder / town.accounts.path, partitioning=None)
    ids, role = accounts["account"].to_numpy(), accounts["role"].to_numpy().astype(np.uint8)
    place, funds = accounts["place"].to_numpy(), accounts["fund"].to_pylist()
    found = _rows(folder, town)
    source, target = np.searchsorted(ids, found.pop("source")), np.searchsorted(ids, found.pop("target"))
    inside = (role[source] == 0) | (role[target] == 0)
    found = {name: column[inside] for name, column in found.items()}
    source, target = source[inside], target[inside]

    places, of_place = _in_order(np.stack((place[source], place[target]), axis=1).ravel())
    first_account = {int(number): at for at, number in reversed(list(enumerate(place)))}
    shown = np.array([first_account[int(number)] for number in places], dtype=np.int64)

    cohort = np.full(len(source), -1, dtype=np.int32)
    issues = np.flatnonzero(role[source] == 1)
    month = np.where(found["cycle"] != 0, found["cycle"], found["period"])
    keys, of_key = _in_order(source[issues].astype(np.int64) * 1_000_000 + month[issues])
    labels: dict[str, int] = {}
    numbers = np.array([labels.setdefault(_label(funds, int(key)), len(labels)) for key in keys], dtype=np.int32)
    if len(issues):
        cohort[issues] = numbers[of_key]

    attributes = {}
    for name, column in zip(books.ATTRIBUTES, layout.ATTRIBUTES, strict=True):
        values = accounts[column].to_pylist()
        known = sorted({value for value in values if value is not None})
        code = {label: number for number, label in enumerate(known)} | {None: -1}
        attributes[name] = Attribute(np.array([code[values[at]] for at in shown], dtype=np.int16), tuple(known))
    return Ledger(
        Transfers(
            time=np.maximum.accumulate(found["time"]) if len(source) else found["time"],
            source=of_place[0::2].astype(np.int32),
            target=of_place[1::2].astype(np.int32),
            amount=found["amount"],
            cohort=cohort,
            undoes=found["undoes"],
        ),
        Accounts(tuple(f"account:{number}" for number in places), role[shown], attributes),
        tuple(labels),
        town.unit,
        town.exponent,
    )


def _rows(folder: Path, town: Manifest) -> dict[str, NDArray[Any]]:
    """The columns that tracing needs of what moved inside or across the boundary, in the order of the books."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    names = ("time", "source", "target", "amount", "cycle", "period", "undoes")
    pieces: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
    for file in town.transfers:
        with pq.ParquetFile(folder / file.path) as content:
            for batch in content.iter_batches(columns=[*names, "code"]):
                inside = batch.filter(pc.invert(pc.is_in(batch.column("code"), pa.array(OUTSIDE))))
                for name in names:
                    pieces[name].append(inside.column(name).to_numpy(zero_copy_only=False))
    empty = {"time": np.int64, "amount": np.int64, "undoes": np.bool_}
    return {
        name: np.concatenate(pieces.pop(name)) if pieces[name] else np.empty(0, empty.get(name, np.int32))
        for name in names
    }


def _in_order(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The different values in the order in which they first appear, and of each value its place there."""
    import numpy as np

    each, first, back = np.unique(values, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(each), dtype=np.int64)
    rank[order] = np.arange(len(each))
    return each[order], rank[back]


def _label(funds: Sequence[str | None], key: int) -> str:
    """A cohort's name, of an escrow and a month."""
    escrow, month = divmod(key, 1_000_000)
    return f"{funds[escrow] or books.OWN_MONEY} {month // 100:04}-{month % 100:02}"
