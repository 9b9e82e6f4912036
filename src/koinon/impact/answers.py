"""Reading a survey's answers from a CSV file: every finding with its row, exact amounts, nothing guessed."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from io import StringIO
from itertools import count
from pathlib import Path

from koinon.impact.measures import Answer
from koinon.kernel.decisions import Finding
from koinon.kernel.errors import FindingsError

LARGEST = 10 * 1024 * 1024
SAID = 20
REQUIRED = ("spent", "local")
PLACES = 6
_Found = Callable[[int, str, str, str, str], None]
_Alone = Callable[[str, str, str], None]
_AMOUNT = re.compile(r"(\d{1,12})(?:[.,](\d{1,6}))?")


def read_answers(file: Path) -> tuple[Answer, ...]:
    """The answers of a file with the columns ``spent``, ``local`` and perhaps ``stratum``, in millionths of their unit.

    Separated by commas, semicolons or tabs, in UTF-8; decimals by a point or a comma. Refuses with ``FindingsError``:
    twenty findings at most are said.
    """
    findings: list[Finding] = []

    def found(row: int, column: str, code: str, message: str, remedy: str) -> None:
        findings.append(Finding(file.name, row, column, f"survey.{code}", message, remedy))

    content = _content(file, found_alone=lambda code, message, remedy: found(0, "", code, message, remedy))
    answers: list[Answer] = []
    if content is not None:
        first = content.splitlines()[0] if content else ""
        mark = max(",;\t", key=first.count)
        rows = _rows(csv.reader(StringIO(content, newline=""), delimiter=mark), found)
        headings = [heading.strip().casefold() for heading in next(rows, (1, []))[1]]
        for column in REQUIRED if not findings else ():
            if headings.count(column) != 1:
                found(
                    1, column, "column", f"there is no one column {column}", "Head the columns spent, local, stratum."
                )
        if not findings:
            for row, cells in rows:
                if any(cell.strip() for cell in cells):
                    _answer(dict(zip(headings, cells, strict=False)), row, answers, found)
    if findings:
        raise FindingsError(findings[:SAID])
    return tuple(answers)


def _rows(reader: Iterator[list[str]], found: _Found) -> Iterator[tuple[int, list[str]]]:
    """Each row with its number, up to one that is none."""
    for row in count(1):
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:  # A cell without end, mostly.
            found(row, "", "row", "this row cannot be read", "Close every quotation mark that was opened.")
            return
        yield row, cells


def _content(file: Path, *, found_alone: _Alone) -> str | None:
    try:
        if file.stat().st_size > LARGEST:
            found_alone("too-large", "the file has more than 10 MB", "Keep the columns spent, local and stratum.")
            return None
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        found_alone("encoding", "the file is not written in UTF-8", "Save it as CSV in UTF-8.")
    except OSError as failed:
        found_alone("unreadable", str(failed.strerror), "Name a CSV file.")
    return None


def _answer(cells: Mapping[str, str], row: int, answers: list[Answer], found: _Found) -> None:
    spent, local = (_amount(cells.get(column, ""), row, column, found) for column in REQUIRED)
    if spent is None or local is None:
        return
    if local > spent:
        found(row, "local", "local", "more was spent in the town than in all", "Correct one of the two.")
        return
    answers.append(Answer(cells.get("stratum", "").strip(), spent, local))


def _amount(written: str, row: int, column: str, found: _Found) -> int | None:
    number = _AMOUNT.fullmatch(written.strip())
    if number is None:
        what = "the cell is empty" if not written.strip() else "this is no amount"
        found(row, column, "amount", what, "Write an amount such as 1234.56, without marks between thousands.")
        return None
    return int(Decimal(f"{number[1]}.{number[2] or 0}").scaleb(PLACES))
