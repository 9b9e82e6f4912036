"""Writing a town's sealed books as Parquet: month by month, atomically, resumably and always with the same bytes.

Sealed rows never change, so a month that is over and sealed is written once; only the month that still runs is written
anew when more of it is sealed. Whoever is interrupted goes on after the months that were finished.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.sql import SQL, Literal

from koinon.db.locks import LockFile
from koinon.db.statements import many, statement
from koinon.db.transactions import transaction
from koinon.impact.export import layout
from koinon.impact.export.errors import ExportNotWritten, ExportOfOtherBooks, ExportUnderWay, NothingSealed
from koinon.impact.export.layout import File, Manifest, Seal
from koinon.impact.town import books
from koinon.ledger import queries as ledger
from koinon.ledger.types import Block
from koinon.parties.types import TownFacts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PACKAGE = "koinon.impact"
ROWS = 1 << 18
"""Rows of a row group: what is in memory at once, 13 MB as arrays."""

ROLE = {"purse": 0, "till": 0, "clearing": 0, "escrow": 1, "redemption": 2, "reserve": 3, "issuance": 3}
"""``tracing.types.Role`` by the kind of account; what leaves for the reserve or for issuance is out of circulation."""

_HEADER = len(b"PGCOPY\n\xff\r\n\x00") + 8
_Y2K_MICROS = 946_684_800_000_000  # PostgreSQL's binary times count from here.
_LONG = 120  # Months in which nothing moves: no town lives ten years without a payment.
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = (
    ("seq", 8), ("time", 8), ("amount", 8), ("purchase", 8), ("original", 8), ("source", 4), ("target", 4), ("cycle", 4),
    ("code", 2), ("undoes", 1),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export came to: ``written`` files are new, ``kept`` ones were there already."""

    manifest: Manifest
    written: tuple[str, ...]
    kept: int


@dataclass(frozen=True, slots=True)
class _BookMonth:
    month: int

    @property
    def name(self) -> str:
        return f"{1970 + self.month // 12:04d}-{self.month % 12 + 1:02d}"


@dataclass(frozen=True, slots=True)
class _Code:
    number: int
    name: str


def export(
    conn: Connection[Any], town: TownFacts, folder: Path, *, say: Callable[[str], None] = lambda told: None
) -> Exported:
    """Bring the export of a town's books in ``folder`` to what is sealed now.

    Raises ``ExportOfOtherBooks`` where the folder's seal of this town is not in these books, ``NothingSealed``,
    ``ExportUnderWay``, ``ExportNotWritten``. The connection waits as long as a month takes to read.
    """
    with transaction(conn):
        head = ledger.head(conn, town_id=town.id)
        if head is None:
            raise NothingSealed(town=town.id)
        accounts = books.accounts(conn, town_id=town.id, unit=town.unit_code)
        months = many(conn, statement(_PACKAGE, "book_months"), _BookMonth, town_id=town.id)
        codes = many(conn, statement(_PACKAGE, "codes"), _Code)
    try:
        with _alone(folder, town.id):
            return _export(conn, town, folder, head, accounts, months, codes, say)
    except OSError as refused:
        raise ExportNotWritten(folder=folder, reason=refused.strerror or type(refused).__name__) from None


def _export(
    conn: Connection[Any],
    town: TownFacts,
    folder: Path,
    head: Block,
    accounts: Sequence[books.AccountRow],
    months: Sequence[_BookMonth],
    codes: Sequence[_Code],
    say: Callable[[str], None],
) -> Exported:
    before = layout.manifest(folder, town.id)
    if before is not None:
        _must_be_the_same_books(conn, folder, before)
        said = (before.version, before.unit, before.exponent, before.time_zone)
        if said != (layout.VERSION, town.unit_code, town.exponent, town.time_zone):
            before = None  # What was written says other things of the same rows.
    at_hand = {(one.seq_from, one.seq_to): one for one in before.transfers} if before else {}
    at_hand |= _finished(folder, town)
    written: list[str] = []
    kept = 0
    transfers: list[File] = []
    for each in months:
        begin, end = each.month << 50, (each.month + 1) << 50
        until = min(end, head.seq_to)
        if until <= begin:
            continue
        found = at_hand.get((begin, until))
        if found is None or not layout.is_there(folder, found):
            say(f"{town.slug}: month {each.name} of the books")
            stretch = _read(conn, town, seq_from=begin, seq_to=until)
            target = f"transfers/town={town.id}/month={each.name}"
            found = _write_transfers(folder, target, stretch, codes, ZoneInfo(town.time_zone))
            found = replace(found, seq_from=begin, seq_to=until, complete=until == end)
            if found.rows:
                _remember(folder, town, found)
                written.append(found.path)
        else:
            kept += 1
        if found.rows:
            transfers.append(found)
    manifest = Manifest(
        town=town.id,
        slug=town.slug,
        name=town.name,
        country=town.country,
        unit=town.unit_code,
        exponent=town.exponent,
        time_zone=town.time_zone,
        seal=Seal(head.number, head.hash.hex(), head.seq_to),
        rows=sum(one.rows for one in transfers),
        amount_minor=sum(one.amount_minor for one in transfers),
        transfers=tuple(transfers),
        accounts=_write(folder, f"accounts/town={town.id}", layout.ACCOUNTS, _known(accounts)),
        periods=_write(folder, f"periods/town={town.id}", layout.PERIODS, _periods(folder, transfers, town.zone)),
    )
    _commit(folder, manifest)
    _tidy(folder, manifest)
    return Exported(manifest, tuple(written), kept)


def _must_be_the_same_books(conn: Connection[Any], folder: Path, before: Manifest) -> None:
    """``ExportOfOtherBooks`` unless what was exported is the beginning of these: its seal is in their chain."""
    with transaction(conn):
        found = ledger.blocks(conn, town_id=before.town, first=before.seal.number, most=1)
    if not found or (found[0].number, found[0].hash.hex()) != (before.seal.number, before.seal.hash):
        raise ExportOfOtherBooks(folder=folder, town=before.town, block=before.seal.number)


# --- Reading the books ----------------------------------------------------------------------------


def _read(conn: Connection[Any], town: TownFacts, *, seq_from: int, seq_to: int) -> Iterator[NDArray[Any]]:
    """A stretch of the books by the bytes of COPY, ``ROWS`` rows at a time."""
    import numpy as np

    row = np.dtype(
        [("columns", ">i2")]
        + [part for name, width in _COLUMNS for part in ((f"{name}_width", ">i4"), (name, f">i{width}"))]
    )
    text = statement(_PACKAGE, "exported_rows")
    values = {"town_id": town.id, "unit": town.unit_code, "seq_from": seq_from, "seq_to": seq_to}
    for name, value in values.items():
        text = text.replace(f"%({name})s", SQL("{}").format(Literal(value)).as_string(conn))
    piece, content, skip = ROWS * row.itemsize, bytearray(), _HEADER
    with transaction(conn), conn.cursor() as cursor, cursor.copy(f"COPY ({text}) TO STDOUT (FORMAT binary)") as copy:
        for received in copy:
            content += received
            if len(content) >= skip + piece + 2:  # The last two bytes of all end the stream.
                yield np.frombuffer(bytes(content[skip : skip + piece]), dtype=row)
                del content[: skip + piece]
                skip = 0
    rest = bytes(content[skip:-2])
    if rest:
        yield np.frombuffer(rest, dtype=row)


def _known(accounts: Sequence[books.AccountRow]) -> dict[str, list[Any]]:
    """What is known of each account. A holder is the lowest number among its accounts, a place that of where it trades."""
    holder: dict[Any, int] = {}
    place: dict[str, int] = {}
    for row in accounts:  # Lowest id first.
        holder.setdefault(row.holder, row.id)
        place.setdefault(row.place, row.id)
    columns: dict[str, list[Any]] = {name: [] for name in layout.ACCOUNTS}
    for row in accounts:
        values: Mapping[str, Any] = {
            "account": row.id,
            "kind": row.kind,
            "role": ROLE[row.kind],
            "holder": holder[row.holder],
            "place": place[row.place],
            "trades": row.trades,
            "fund": row.fund,
            **dict(zip(layout.ATTRIBUTES, row.known(), strict=True)),
        }
        for name, column in columns.items():
            column.append(values[name])
    return columns


def _periods(folder: Path, transfers: Sequence[File], zone: ZoneInfo) -> dict[str, list[int]]:
    """The calendar months of the town from the first transfer to the last, with the instants that bound them.

    Where nothing moved for more than ``_LONG`` months, nobody lived those between: a year is mistyped.
    """
    import numpy as np
    import pyarrow.parquet as pq

    moved: set[int] = set()
    for one in transfers:
        with pq.ParquetFile(folder / one.path) as content:
            column = list(layout.TRANSFERS).index("period")
            for group in range(content.num_row_groups):
                statistics = content.metadata.row_group(group).column(column).statistics
                edges = {_month(statistics.min), _month(statistics.max)}
                if max(edges) - min(edges) > _LONG:
                    edges = {
                        _month(int(each)) for each in np.unique(content.read_row_group(group, columns=["period"])[0])
                    }
                moved |= edges
    months = sorted(moved)
    lived = [
        month
        for begin, end in zip(months, [*months[1:], None], strict=True)
        for month in (range(begin, end) if end is not None and end - begin <= _LONG else [begin])
    ]
    return {
        "period": [_period(month) for month in lived],
        "starts": [_start(month, zone) for month in lived],
        "ends": [_start(month + 1, zone) for month in lived],
    }


def _period_of(time: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int32]:
    """YYYYMM of the town's calendar month in which each instant lies."""
    import numpy as np

    of_utc = time.view("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    # Local months begin some hours before those of UTC, or after.
    months = np.arange(of_utc.min() - 1, of_utc.max() + 2)
    if len(months) > _LONG:
        near = np.unique(of_utc)
        months = np.unique(np.concatenate((near - 1, near, near + 1)))
    starts = np.array([_start(int(month), zone) for month in months], dtype=np.int64)
    names = np.array([_period(int(month)) for month in months], dtype=np.int32)
    return names[np.searchsorted(starts, time, side="right") - 1]


def _period(month: int) -> int:
    """YYYYMM of a month that is counted from January 1970."""
    return (1970 + month // 12) * 100 + month % 12 + 1


def _month(period: int) -> int:
    return (period // 100 - 1970) * 12 + period % 100 - 1


def _start(month: int, zone: ZoneInfo) -> int:
    """The instant in which a month begins, by the town's clock; by UTC where the calendar knows no clocks."""
    import numpy as np

    year = 1970 + month // 12
    if MINYEAR < year < MAXYEAR:
        return (datetime(year, month % 12 + 1, 1, tzinfo=zone).astimezone(UTC) - _EPOCH) // _MICROSECOND
    return int(np.datetime64(month, "M").astype("datetime64[us]").astype(np.int64))


# --- Writing files --------------------------------------------------------------------------------


def _write_transfers(
    folder: Path, target: str, stretch: Iterator[NDArray[Any]], codes: Sequence[_Code], zone: ZoneInfo
) -> File:
    import numpy as np
    import pyarrow as pa

    names = pa.array([code.name for code in codes])
    numbers = np.array([code.number for code in codes])
    minor = 0

    def tables(schema: Any) -> Iterator[Any]:
        nonlocal minor
        for rows in stretch:
            time = rows["time"].astype(np.int64) + _Y2K_MICROS
            minor += int(rows["amount"].astype(np.int64).sum())
            place = np.searchsorted(numbers, rows["code"]).astype(np.int32)
            columns = {
                **{
                    name: rows[name].astype(kind)
                    for name, kind in layout.TRANSFERS.items()
                    if kind.startswith("int") and name != "period"
                },
                "time": time,
                "period": _period_of(time, zone),
                "code": pa.DictionaryArray.from_arrays(place, names).cast(pa.string()),
                "undoes": rows["undoes"] != 0,
            }
            yield pa.table([pa.array(columns[name]) for name in layout.TRANSFERS], schema=schema)

    found = _write_tables(folder, target, layout.TRANSFERS, tables)
    return replace(found, amount_minor=minor)


def _write(folder: Path, target: str, columns: dict[str, str], values: Mapping[str, list[Any]]) -> File:
    import pyarrow as pa

    return _write_tables(folder, target, columns, lambda schema: iter([pa.table(dict(values), schema=schema)]))


def _write_tables(folder: Path, target: str, columns: dict[str, str], tables: Callable[[Any], Iterator[Any]]) -> File:
    """One file, called by the beginning of its SHA-256: the same rows always have the same name."""
    import pyarrow.parquet as pq

    into = folder / target
    into.mkdir(parents=True, exist_ok=True)
    part = into / ".writing"
    schema, rows = layout.schema(columns), 0
    packed = [name for name in ("seq", "time", "purchase", "starts", "ends") if name in columns]
    layout.begin(part)
    try:
        with pq.ParquetWriter(
            part,
            schema,
            compression="zstd",
            use_dictionary=[name for name in columns if name not in {*packed, "amount"}],
            column_encoding=dict.fromkeys(packed, "DELTA_BINARY_PACKED"),
        ) as writer:
            for table in tables(schema):
                rows += table.num_rows
                writer.write_table(table, row_group_size=ROWS)
        digest = layout.sha256(part)
        path = into / f"{digest[:16]}.parquet"
        size = part.stat().st_size
        layout.put(part, path)
    finally:
        part.unlink(missing_ok=True)
    return File(path=str(path.relative_to(folder)), rows=rows, bytes=size, sha256=digest)


# --- What is finished, and what counts ------------------------------------------------------------


@contextmanager
def _alone(folder: Path, town: int) -> Iterator[None]:
    (folder / "manifests").mkdir(parents=True, exist_ok=True)
    lock = LockFile(folder / "manifests" / f".town={town}.lock")
    try:
        if not lock.take():
            raise ExportUnderWay(folder=folder, town=town)
        yield
    finally:
        lock.let_go()


def _journal(folder: Path, town: TownFacts) -> Path:
    """What an export that did not end had finished: a manifest's lines before there is a manifest."""
    said = f"{layout.VERSION}.{town.unit_code}.{town.time_zone.replace('/', '-')}"
    return folder / "manifests" / f".town={town.id}.{said}.finished"


def _remember(folder: Path, town: TownFacts, found: File) -> None:
    journal = _journal(folder, town)
    if not journal.exists():
        layout.begin(journal)
    with journal.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(asdict(found)) + "\n")
        lines.flush()
        os.fsync(lines.fileno())


def _finished(folder: Path, town: TownFacts) -> dict[tuple[int, int], File]:
    try:
        lines = _journal(folder, town).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    found = {}
    for line in lines:
        try:
            one = File(**json.loads(line))
        except (ValueError, TypeError):
            continue  # Half a line: it was interrupted there.
        found[one.seq_from, one.seq_to] = one
    return found


def _commit(folder: Path, manifest: Manifest) -> None:
    path = layout.manifest_path(folder, manifest.town)
    content = manifest.content()
    if path.exists() and path.read_bytes() == content:
        return
    part = path.with_name(f".{path.name}.writing")
    layout.begin(part)
    part.write_bytes(content)
    layout.put(part, path)


def _tidy(folder: Path, manifest: Manifest) -> None:
    """Remove what the manifest no longer names. Whoever has such a file open reads on."""
    named = {folder / one.path for one in manifest.files}
    for table in ("transfers", "accounts", "periods"):
        for path in (folder / table / f"town={manifest.town}").glob("**/*.parquet"):
            if path not in named:
                path.unlink()
    for path in (folder / "manifests").glob(f".town={manifest.town}.*.finished"):
        path.unlink()
