"""CSV and Parquet files as columns, with the line each row stands on."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from koinon.impact.files.findings import Findings, shortly

SEPARATORS = ",;\t|"
_PARQUET = b"PAR1"
_PARTS = (".parquet", ".csv", ".csv.gz")
_PIECE = 1 << 20

# What others call our columns; only to propose an option, never to guess.
_ELSEWHERE: Mapping[str, Sequence[str]] = {
    "time": ("timestamp", "datetime", "date", "timeset", "created_at", "effective_at", "time_unix", "block_timestamp"),
    "source": ("from", "sender", "payer", "debit", "debtor", "src", "from_address", "payer_id", "from_account"),
    "target": ("to", "receiver", "recipient", "payee", "credit", "creditor", "dst", "to_address", "payee_id", "to_account"),
    "amount": ("value", "weight", "amt", "sum", "total", "price", "amount_minor"),
    "account": ("name", "id", "account_id", "address", "party", "holder", "xdai_blockchain_address"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that were asked for and are there, under our names, and what each is called in the file."""

    columns: Mapping[str, pa.ChunkedArray]
    headings: Mapping[str, str]
    rows: int
    findings: Findings


def sha256_of(file: Path) -> str:
    """The hash of a file; of a folder, that of the hashes of its parts in their order."""
    if file.is_dir():
        return hashlib.sha256("".join(map(sha256_of, parts_of(file))).encode()).hexdigest()
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def parts_of(folder: Path) -> list[Path]:
    """The Parquet and CSV files of a folder, as programs that write in pieces leave them: in the order of their names."""
    return sorted(
        file
        for file in folder.rglob("*")
        if file.name.lower().endswith(_PARTS)
        and file.is_file()
        and not any(part[0] in "._" for part in file.relative_to(folder).parts)
    )


def _is_parquet(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(4) == _PARQUET


def open_columns(
    file: Path,
    needed: Sequence[str | tuple[str, ...]],
    optional: Sequence[str],
    renamed: Mapping[str, str],
    *,
    option: str,
    encoding: str = "utf-8",
    names: Sequence[str] = (),
    everything: bool = False,
) -> Columns:
    """Read the columns of a file or of a folder of parts, as text from CSV and as they are from Parquet.

    ``needed`` may hold a tuple where one of several columns will do. ``names``
    are columns of account names: they are encoded while they are read.
    ``everything`` reads all other columns too, under their own headings.
    Findings are collected and not raised, but for a file that is no table at all.
    """
    findings = Findings(file.name)
    try:
        if file.is_dir():
            parts = {f"{file.name}/{part.relative_to(file)}": part for part in parts_of(file)}
        else:
            parts = {file.name: file}
        if not parts:
            raise IsADirectoryError(21, "it is a folder without Parquet or CSV files")
        parquet = {_is_parquet(part) for part in parts.values()}
    except OSError as failed:
        findings.add(
            None, "", "ledger-file.unreadable", f"the file cannot be opened: {failed.strerror}", "Check the path."
        )
        findings.raise_if_any()
    if len(parquet) > 1:
        findings.add(
            None,
            "",
            "ledger-file.parts-differ",
            "the folder holds CSV and Parquet files",
            "Leave only the ledger in it.",
        )
        findings.raise_if_any()
    if parquet == {True}:
        return _parquet([*parts.values()], needed, optional, renamed, findings, option=option, everything=everything)
    return _csv(
        parts, needed, optional, renamed, findings, option=option, encoding=encoding, names=names, everything=everything
    )


def _choose(
    there: Sequence[str],
    needed: Sequence[str | tuple[str, ...]],
    optional: Sequence[str],
    renamed: Mapping[str, str],
    findings: Findings,
    *,
    option: str,
    everything: bool,
) -> dict[str, str]:
    """Which heading of the file stands for which of our names."""
    known = [name for one in needed for name in ((one,) if isinstance(one, str) else one)] + list(optional)
    chosen: dict[str, str] = {}
    for name, heading in renamed.items():
        if heading not in there:
            findings.add(
                None,
                heading,
                "ledger-file.column-missing",
                f"there is no column {shortly(heading)} to read as {name}; there are {_listed(there)}",
                f"Correct {option} {name}=HEADING.",
            )
    for heading in sorted({heading for heading in there if there.count(heading) > 1}):
        if heading in known or heading in renamed.values():
            findings.add(None, heading, "ledger-file.column-twice", "this heading stands over two columns", "Keep one.")
    taken = set(renamed.values())
    for name in known:
        heading = renamed.get(name, name)
        if heading in there and (name in renamed or heading not in taken):
            chosen[name] = heading
    for one in needed:
        wanted = (one,) if isinstance(one, str) else one
        if any(name in chosen or name in renamed for name in wanted):
            continue
        proposed = _proposed(wanted[0], [heading for heading in there if heading not in chosen.values()])
        findings.add(
            None,
            wanted[0],
            "ledger-file.column-missing",
            f"there is no column {' or '.join(wanted)}; there are {_listed(there)}",
            f"Say which one it is: {option} {wanted[0]}={proposed or 'HEADING'}",
        )
    if everything:
        for heading in there:
            if heading not in chosen.values() and heading not in chosen:
                chosen[heading] = heading
    return chosen


def _proposed(name: str, there: Sequence[str]) -> str | None:
    lowered = {heading.strip().lower(): heading for heading in reversed(there)}
    for other in (name, *_ELSEWHERE.get(name, ())):
        if other in lowered:
            return lowered[other]
    close = get_close_matches(name, list(lowered), 1)
    return lowered[close[0]] if close else None


def _listed(there: Sequence[str]) -> str:
    if not there:
        return "none"
    return ", ".join(shortly(heading) for heading in there[:12]) + (
        f" and {len(there) - 12} more" if len(there) > 12 else ""
    )


# --- CSV ---------------------------------------------------------------------


def _csv(
    parts: Mapping[str, Path],
    needed: Sequence[str | tuple[str, ...]],
    optional: Sequence[str],
    renamed: Mapping[str, str],
    findings: Findings,
    *,
    option: str,
    encoding: str,
    names: Sequence[str],
    everything: bool,
) -> Columns:
    """The rows of all parts, one part after the other; what is wrong with a part is said with its name."""
    wrong = [Findings(name) for name in parts]
    there: list[list[str]] = []
    separators = []
    for part, of_part in zip(parts.values(), wrong, strict=True):
        heading = _first_line(part, encoding, of_part)
        separators.append(max(SEPARATORS, key=heading.count))
        there.append(_cells(heading, separators[-1]))
    chosen = _choose(there[0], needed, optional, renamed, wrong[0], option=option, everything=everything)
    for headings, of_part in zip(there, wrong, strict=True):
        if sorted(headings) != sorted(there[0]):
            of_part.add(
                1,
                "",
                "ledger-file.parts-differ",
                f"the headings are not those of {wrong[0].file}: {_listed(headings)}",
                f"Give all parts the same: {_listed(there[0])}.",
            )
    findings.raise_if_any(*wrong)
    types = {chosen[name]: pa.dictionary(pa.int32(), pa.string()) if name in names else pa.string() for name in chosen}
    tables = []
    for number, part in enumerate(parts.values()):
        try:
            tables.append(_rows_of(part, separators[number], types, encoding))
        except (pa.ArrowInvalid, UnicodeError, LookupError) as failed:
            _say_why(part, separators[number], there[number], encoding, wrong[number], str(failed))
    findings.raise_if_any(*wrong)
    findings.place_of = _Places(parts, [table.num_rows for table in tables])
    table = pa.concat_tables(tables)
    columns = {name: table.column(of) for name, of in chosen.items()}
    return Columns(columns, chosen, table.num_rows, findings)


def _rows_of(file: Path, separator: str, types: Mapping[str, pa.DataType], encoding: str) -> pa.Table:
    return pa_csv.read_csv(
        file,
        read_options=pa_csv.ReadOptions(encoding=encoding, block_size=4 << 20),
        parse_options=pa_csv.ParseOptions(delimiter=separator),
        convert_options=pa_csv.ConvertOptions(
            include_columns=list(types), column_types=types, strings_can_be_null=False, check_utf8=True
        ),
    )


def _first_line(file: Path, encoding: str, findings: Findings) -> str:
    """The line of headings: the first that is not empty."""
    try:
        with pa.input_stream(str(file)) as opened:
            began = opened.read(_PIECE)
    except (OSError, pa.ArrowInvalid):
        began = b""
    try:
        text = began.decode(encoding, errors="ignore").removeprefix("\ufeff")
    except LookupError:
        findings.add(
            None, "", "ledger-file.encoding", f"{shortly(encoding)} is the name of no encoding", "--encoding utf-8"
        )
        findings.raise_if_any()
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines or "\0" in lines[0]:
        findings.add(
            None, "", "ledger-file.no-table", "the file is neither CSV nor Parquet, or is empty", "Export it again."
        )
        findings.raise_if_any()
    first: str = lines[0]
    return first


def _cells(line: str, separator: str) -> list[str]:
    import csv

    return next(csv.reader([line], delimiter=separator))


def _say_why(file: Path, separator: str, there: Sequence[str], encoding: str, findings: Findings, failed: str) -> None:
    """Read the file once more, line by line, to say where it is broken."""
    with pa.input_stream(str(file)) as opened:
        for number, raw in enumerate(_lines_of(opened), start=1):
            try:
                line = raw.decode(encoding)
            except UnicodeError:
                findings.add(
                    number,
                    "",
                    "ledger-file.encoding",
                    f"this line is not {encoding}",
                    "Save the file as UTF-8, or say --encoding windows-1252 or whatever it is in.",
                )
                continue
            # Counting separators is enough where nothing is quoted.
            if line.strip() and (
                (found := len(_cells(line, separator)) if '"' in line else line.count(separator) + 1) != len(there)
            ):
                findings.add(
                    number,
                    "",
                    "ledger-file.row-length",
                    f"this row has {found} {'cell' if found == 1 else 'cells'} under {len(there)} headings",
                    "Put texts that contain the separator between double quotes; no cell may hold a line break.",
                )
    if not findings.count:
        findings.add(None, "", "ledger-file.no-table", f"the file cannot be read: {failed[:200]}", "Export it again.")


def _lines_of(opened: Any) -> Any:
    rest = b""
    while piece := opened.read(_PIECE):
        lines = (rest + piece).split(b"\n")
        rest = lines.pop()
        yield from lines
    if rest:
        yield rest


class _Places:
    """In which part the n-th row of all stands, and on which of its lines."""

    def __init__(self, parts: Mapping[str, Path], rows: Sequence[int]) -> None:
        self._names = list(parts)
        self._lines = [_Lines(part) for part in parts.values()]
        self._ends = list(accumulate(rows))

    def __call__(self, row: int) -> tuple[str, int]:
        at = bisect_left(self._ends, row)
        return self._names[at], self._lines[at](row - (self._ends[at - 1] if at else 0))


class _Lines:
    """Where the n-th row stands: empty lines are no rows. The file is read for it when the first finding asks."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._empty: list[int] | None = None

    def __call__(self, row: int) -> int:
        if self._empty is None:
            with pa.input_stream(str(self._file)) as opened:
                self._empty = [
                    number for number, line in enumerate(_lines_of(opened), start=1) if not line.strip(b"\r")
                ]
        place = row + 1  # The line of headings.
        for number in self._empty:
            if number > place:
                break
            place += 1
        return place


# --- Parquet -----------------------------------------------------------------


def _parquet(
    parts: Sequence[Path],
    needed: Sequence[str | tuple[str, ...]],
    optional: Sequence[str],
    renamed: Mapping[str, str],
    findings: Findings,
    *,
    option: str,
    everything: bool,
) -> Columns:
    try:
        there = list(pq.ParquetFile(parts[0]).schema_arrow.names)
        chosen = _choose(there, needed, optional, renamed, findings, option=option, everything=everything)
        findings.raise_if_any()
        wanted = list(dict.fromkeys(chosen.values()))
        table = pa.concat_tables(
            [pq.ParquetFile(part).read(columns=wanted) for part in parts], promote_options="permissive"
        )
    except (pa.ArrowInvalid, OSError) as failed:
        findings.add(
            None, "", "ledger-file.no-table", f"the Parquet file cannot be read: {str(failed)[:200]}", "Write it again."
        )
        findings.raise_if_any()
        raise AssertionError("a file that cannot be read has a finding") from failed
    return Columns({name: table.column(of) for name, of in chosen.items()}, chosen, table.num_rows, findings)
