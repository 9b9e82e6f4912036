"""CSV and XLSX files as rows of cells, wherever the headings stand and whatever the encoding.

Row numbers are those that a spreadsheet shows. Bytes that do not belong to the
declared encoding become U+FFFD in their cell, so that one bad name hides
nothing else; whoever reads the cell reports it.
"""

from __future__ import annotations

import codecs
import csv
import io
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from koinon.kernel.text import fold
from koinon.pilots.townfolder_cells import Cell, text
from koinon.pilots.townfolder_findings import Findings
from koinon.pilots.townfolder_findings import said as _
from koinon.pilots.townfolder_limits import (
    LARGEST_TABLE,
    MEGABYTE,
    MOST_CELLS,
    MOST_COLUMNS,
    MOST_ROWS,
    WORKBOOK_SECONDS,
    Allowance,
)
from koinon.pilots.townfolder_workbook import WorkbookProblem, rows_of

WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods")
SEPARATORS = ";,\t|"
ROWS_SEARCHED_FOR_HEADINGS = 25
LONGEST_LINE_OF_HEADINGS = 100_000
LEGACY_ENCODING = {"GR": "cp1253", "CY": "cp1253", "JO": "cp1256", "PS": "cp1256", "TN": "cp1256", "IL": "cp1255"}


@dataclass(frozen=True, slots=True)
class Source:
    """How town.toml says a file is to be read. ``None`` means: find out."""

    file: str
    sheet: str | None = None
    encoding: str | None = None
    separator: str | None = None
    ignore_rows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows below the headings, and the place of each wanted column."""

    file: str
    headings_row: int
    headings: tuple[str, ...]
    places: dict[str, int]
    lines: tuple[Line, ...]


class _TooLarge(Exception):
    """The table has more rows, columns or cells than a table may have."""


def read_table(
    folder: Path, source: Source, wanted: dict[str, str], country: str, findings: Findings, allowance: Allowance
) -> Table | None:
    """The table of a file, or None with a finding when there is none to be had.

    ``wanted`` gives the heading of each field as town.toml maps it. Headings are
    compared without case, accents and surplus spaces, and looked for in the first
    25 rows, because titles and dates of export like to stand above them.
    What the table costs is taken from the folder's ``allowance``.
    """
    path = folder / source.file
    if not path.is_file():
        there = [str(other.relative_to(folder)) for other in folder.rglob("*") if other.is_file()]
        findings.add(
            "town.file-missing",
            _('There is no file "%(file)s".', file=source.file) + findings.did_you_mean(source.file, there),
            file=source.file,
        )
        return None
    size = path.stat().st_size
    allowance.size -= size
    if size > LARGEST_TABLE or allowance.size < 0:
        findings.add(
            "town.file-too-large",
            _(
                "The file has %(size)s MB; a table may have %(most)s and all tables together %(all)s.",
                size=-(-size // MEGABYTE),
                most=LARGEST_TABLE // MEGABYTE,
                all=Allowance().size // MEGABYTE,
            ),
            file=source.file,
        )
        return None
    try:
        if path.suffix.lower() in WORKBOOKS:
            lines = _sheet_lines(path, source, findings, allowance)
        else:
            lines = _csv_lines(path, source, wanted, country, findings)
        allowance.cells -= sum(len(line.cells) for line in lines or ())
        if allowance.cells < 0:
            raise _TooLarge
    except _TooLarge:
        findings.add(
            "town.table-too-large",
            _(
                "The table has more than %(rows)s rows, %(columns)s columns or %(cells)s cells.",
                rows=MOST_ROWS,
                columns=MOST_COLUMNS,
                cells=MOST_CELLS,
            ),
            file=source.file,
        )
        return None
    return None if lines is None else _find_headings(source, wanted, lines, findings)


def lines_of_file(
    path: Path, source: Source, country: str, findings: Findings, allowance: Allowance
) -> list[Line] | None:
    """Every row of a file, before its headings are known; None with a finding when there is none to be had."""
    try:
        if path.stat().st_size > LARGEST_TABLE:
            raise _TooLarge
        if path.suffix.lower() in WORKBOOKS:
            return _sheet_lines(path, source, findings, allowance)
        return _csv_lines(path, source, {}, country, findings)
    except _TooLarge:
        findings.add("town.table-too-large", _("The file is larger than a table may be."), file=source.file)
        return None


def _sheet_lines(path: Path, source: Source, findings: Findings, allowance: Allowance) -> list[Line] | None:
    began = time.monotonic()
    try:
        rows = rows_of(path, source.sheet, seconds=min(WORKBOOK_SECONDS, allowance.seconds))
    except WorkbookProblem as problem:
        _say_what_is_wrong(problem, source, findings)
        return None
    finally:
        allowance.seconds -= time.monotonic() - began
    return [Line(number, row) for number, row in enumerate(rows, start=1)]


def _say_what_is_wrong(problem: WorkbookProblem, source: Source, findings: Findings) -> None:
    match problem.kind:
        case "too-large":
            raise _TooLarge
        case "too-costly":
            findings.add(
                "town.file-too-costly",
                _("Reading the file takes more memory or time than a table may."),
                file=source.file,
            )
        case "sheet-missing":
            findings.add(
                "town.sheet-missing",
                _('There is no sheet "%(name)s"; there are: %(names)s.', name=source.sheet, names=problem.told),
                file=source.file,
            )
        case _:
            findings.add(
                "town.file-unreadable",
                _("The file cannot be opened: %(reason)s.", reason=problem.told),
                file=source.file,
            )


def _csv_lines(
    path: Path, source: Source, wanted: dict[str, str], country: str, findings: Findings
) -> list[Line] | None:
    content = _decoded(path.read_bytes(), source, country, findings)
    if content is None:
        return None
    separator = source.separator or _sniffed_separator(content, wanted)
    written = _Written(content, separator)
    lines: list[Line] = []
    cells = 0
    try:
        for number, row in enumerate(csv.reader(written, delimiter=separator), start=1):
            written.separators = 0
            cells += len(row)
            if number > MOST_ROWS or cells > MOST_CELLS or len(row) > MOST_COLUMNS:
                raise _TooLarge
            lines.append(Line(number, tuple(row)))
        return lines
    except csv.Error as broken:
        findings.add(
            "town.file-unreadable", _("The file is not a table: %(reason)s.", reason=str(broken)), file=source.file
        )
        return None


class _Written:
    """The lines of a file, counting the separators met since the last whole row: a row may have no end."""

    def __init__(self, content: str, separator: str) -> None:
        self._lines = io.StringIO(content, newline="")
        self._separator = separator
        self.separators = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.separators += line.count(self._separator)
            if self.separators > 10 * MOST_COLUMNS:  # Some may stand in quoted text.
                raise _TooLarge
            yield line


def _decoded(raw: bytes, source: Source, country: str, findings: Findings) -> str | None:
    """The text of a file. A byte order mark outweighs what is declared; what is not declared is found out."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if raw.startswith(mark):
            return raw[len(mark) :].decode(encoding, errors="replace")
    if source.encoding:
        try:
            return raw.decode(source.encoding, errors="replace")
        except LookupError:
            findings.add(
                "town.encoding-unknown",
                _('There is no encoding "%(name)s".', name=source.encoding),
                file="town.toml",
                column="encoding",
            )
            return None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode(LEGACY_ENCODING.get(country, "cp1252"), errors="replace")


def _sniffed_separator(content: str, wanted: dict[str, str]) -> str:
    """The separator that brings the most of the wanted headings to light."""
    first_lines = [line[:LONGEST_LINE_OF_HEADINGS] for line in islice(io.StringIO(content), ROWS_SEARCHED_FOR_HEADINGS)]
    headings = {fold(heading) for heading in wanted.values()}

    def found_with(separator: str) -> int:
        rows = csv.reader(first_lines, delimiter=separator)
        try:
            return max((len(headings & {fold(cell) for cell in row}) for row in rows), default=0)
        except csv.Error:
            return 0  # Read with this separator it is no table; what is wrong is said when it is read.

    return max(SEPARATORS, key=found_with)


def _find_headings(source: Source, wanted: dict[str, str], lines: Sequence[Line], findings: Findings) -> Table | None:
    by_fold = {fold(heading): name for name, heading in wanted.items()}

    def known_headings(line: Line) -> int:
        return len(by_fold.keys() & {fold(text(cell)) for cell in line.cells})

    candidates = lines[:ROWS_SEARCHED_FOR_HEADINGS]
    best = max(candidates, key=known_headings, default=None)
    if best is None or known_headings(best) < min(2, len(wanted)):
        code = (
            "town.file-empty"
            if not any(text(cell) for line in lines for cell in line.cells)
            else "town.headings-missing"
        )
        findings.add(code, _("No row with the expected headings was found."), file=source.file)
        return None
    headings = tuple(text(cell) for cell in best.cells)
    places: dict[str, int] = {}
    for place, heading in enumerate(headings):
        name = by_fold.get(fold(heading))
        if name in places:
            findings.add(
                "town.column-twice",
                _('The heading "%(heading)s" stands over two columns.', heading=heading),
                file=source.file,
                row=best.number,
                column=heading,
            )
        elif name is not None:
            places[name] = place
    ignored = tuple(fold(start) for start in source.ignore_rows)
    rows = []
    for line in lines:
        if line.number <= best.number:
            continue
        first_words = next((words for cell in line.cells if (words := text(cell))), "")
        if not first_words or (ignored and fold(first_words).startswith(ignored)):
            continue
        if any(text(cell) for cell in line.cells[len(headings) :]):
            findings.add(
                "town.row-too-long",
                _("The row has more cells than there are headings (%(headings)s).", headings=len(headings)),
                file=source.file,
                row=line.number,
            )
            continue
        rows.append(line)
    return Table(source.file, best.number, headings, places, tuple(rows))
