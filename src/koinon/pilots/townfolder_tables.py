"""CSV and XLSX files as rows of cells, wherever the headings stand and whatever the encoding.

Row numbers are those that a spreadsheet shows. Bytes that do not belong to the
declared encoding become U+FFFD in their cell, so that one bad name hides
nothing else; whoever reads the cell reports it.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook

from koinon.kernel.text import fold
from koinon.pilots.townfolder_cells import Cell, text
from koinon.pilots.townfolder_findings import Findings, did_you_mean
from koinon.pilots.townfolder_findings import said as _

SEPARATORS = ";,\t|"
ROWS_SEARCHED_FOR_HEADINGS = 25
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


def read_table(folder: Path, source: Source, wanted: dict[str, str], country: str, findings: Findings) -> Table | None:
    """The table of a file, or None with a finding when there is none to be had.

    ``wanted`` gives the heading of each field as town.toml maps it. Headings are
    compared without case, accents and surplus spaces, and looked for in the first
    25 rows, because titles and dates of export like to stand above them.
    """
    path = folder / source.file
    if not path.is_file():
        there = [str(other.relative_to(folder)) for other in folder.rglob("*") if other.is_file()]
        findings.add(
            "town.file-missing",
            _('There is no file "%(file)s".', file=source.file) + did_you_mean(source.file, there),
            file=source.file,
        )
        return None
    if path.suffix.lower() in (".xlsx", ".xlsm", ".xls", ".ods"):
        lines = _sheet_lines(path, source, findings)
    else:
        lines = _csv_lines(path, source, wanted, country, findings)
    if lines is None:
        return None
    return _find_headings(source, wanted, lines, findings)


def _sheet_lines(path: Path, source: Source, findings: Findings) -> list[Line] | None:
    try:
        workbook = CalamineWorkbook.from_path(str(path))
        names = workbook.sheet_names
        by_fold = {fold(name): name for name in names}
        name = by_fold.get(fold(source.sheet)) if source.sheet else names[0]
        if name is None:
            findings.add(
                "town.sheet-missing",
                _('There is no sheet "%(name)s"; there are: %(names)s.', name=source.sheet, names=", ".join(names)),
                file=source.file,
            )
            return None
        rows = workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except (CalamineError, OSError, IndexError) as broken:
        findings.add(
            "town.file-unreadable", _("The file cannot be opened: %(reason)s.", reason=str(broken)), file=source.file
        )
        return None
    return [Line(number, tuple(_known(cell) for cell in row)) for number, row in enumerate(rows, start=1)]


def _known(cell: object) -> Cell:
    # calamine also gives time and timedelta, which nothing in a town folder asks for
    if cell is None or isinstance(cell, str | int | float | bool):
        return cell
    return cell if hasattr(cell, "year") else str(cell)  # type: ignore[return-value]


def _csv_lines(
    path: Path, source: Source, wanted: dict[str, str], country: str, findings: Findings
) -> list[Line] | None:
    content = _decoded(path.read_bytes(), source, country, findings)
    if content is None:
        return None
    separator = source.separator or _sniffed_separator(content, wanted)
    rows = csv.reader(io.StringIO(content, newline=""), delimiter=separator)
    try:
        return [Line(number, tuple(row)) for number, row in enumerate(rows, start=1)]
    except csv.Error as broken:
        findings.add(
            "town.file-unreadable", _("The file is not a table: %(reason)s.", reason=str(broken)), file=source.file
        )
        return None


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
    first_lines = content.splitlines()[:ROWS_SEARCHED_FOR_HEADINGS]
    headings = {fold(heading) for heading in wanted.values()}

    def found_with(separator: str) -> int:
        rows = csv.reader(first_lines, delimiter=separator)
        return max((len(headings & {fold(cell) for cell in row}) for row in rows), default=0)

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
