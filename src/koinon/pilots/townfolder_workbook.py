"""XLSX, XLS and ODS files, read by a process of their own: ``python -m koinon.pilots.townfolder_workbook FILE SHEET``.

A workbook of a few kilobytes may describe a sheet of a terabyte, and a library
that tries to hold it ends its whole process. So the library runs in a child
with limits of memory and time that the kernel keeps, whatever the file says of
itself; a child that dies is an answer like any other. The child's answer is
JSON, which a child that was taken over cannot make more of.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

from koinon.kernel.text import fold
from koinon.pilots.townfolder_limits import (
    MOST_CELLS,
    MOST_COLUMNS,
    MOST_LETTERS,
    MOST_ROWS,
    WORKBOOK_MEMORY,
    WORKBOOK_SECONDS,
)

Value = str | int | float | bool | date | datetime | None
SHEETS_LISTED = 20
LONGEST_SHEET_NAME = 31  # Excel's own limit.
_READ_AT_ONCE = threading.BoundedSemaphore(2)  # Each may take as much memory as one may; others wait their turn.


class WorkbookProblem(Exception):
    """No rows to be had: ``sheet-missing``, ``unreadable``, ``too-large`` or ``too-costly``, and why."""

    def __init__(self, kind: str, told: str = "") -> None:
        self.kind = kind
        self.told = told
        super().__init__(f"{kind}: {told}")


def rows_of(path: Path, sheet: str | None, *, seconds: float = WORKBOOK_SECONDS) -> list[tuple[Value, ...]]:
    """The rows of a sheet from A1 on, of the first sheet when none is named; ``WorkbookProblem`` otherwise."""
    command = [sys.executable, "-P", "-m", __name__, str(path.absolute()), sheet or ""]
    seconds = max(seconds, 0.1)
    ends = time.monotonic() + seconds
    if not _READ_AT_ONCE.acquire(timeout=seconds):
        raise WorkbookProblem("too-costly")
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # What a dying library says may quote the file.
            timeout=max(ends - time.monotonic(), 0.1),
            cwd="/",
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise WorkbookProblem("too-costly") from None
    finally:
        _READ_AT_ONCE.release()
    if done.returncode != 0:
        raise WorkbookProblem("too-costly")
    answer = json.loads(done.stdout)
    if "problem" in answer:
        raise WorkbookProblem(answer["problem"], answer["told"])
    return [tuple(_unpacked(cell) for cell in row) for row in answer["rows"]]


def _unpacked(cell: Any) -> Value:
    if not isinstance(cell, list):
        return cell  # type: ignore[no-any-return]
    kind, written = cell
    return datetime.fromisoformat(written) if kind == "datetime" else date.fromisoformat(written)


# The child


def main() -> None:
    _limit()
    try:
        answer: dict[str, Any] = {"rows": _read(sys.argv[1], sys.argv[2])}
    except WorkbookProblem as problem:
        answer = {"problem": problem.kind, "told": problem.told}
    json.dump(answer, sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # Without freeing, cell by cell, what the kernel takes back at once.


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (WORKBOOK_MEMORY, WORKBOOK_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (WORKBOOK_SECONDS, WORKBOOK_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # A core would hold the town's people.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    signal.alarm(2 * WORKBOOK_SECONDS)  # The parent waits no longer; this is for one whose parent was killed.


def _read(path: str, sheet: str) -> list[list[Any]]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        workbook = CalamineWorkbook.from_path(path)
        names = workbook.sheet_names
        name = {fold(name): name for name in names}.get(fold(sheet)) if sheet else names[0]
        if name is None:
            listed = [name[:LONGEST_SHEET_NAME] for name in names[:SHEETS_LISTED]]
            raise WorkbookProblem("sheet-missing", ", ".join(listed))
        found = workbook.get_sheet_by_name(name)
        height, width = found.total_height, found.total_width
        if height > MOST_ROWS or width > MOST_COLUMNS or height * width > MOST_CELLS:
            raise WorkbookProblem("too-large")
        return list(_packed_rows(found.to_python(skip_empty_area=False)))
    except (CalamineError, OSError, IndexError) as broken:
        raise WorkbookProblem("unreadable", str(broken)[:200]) from None


def _packed_rows(rows: list[list[Any]]) -> Iterator[list[Any]]:
    letters = 0
    for row in rows:
        letters += sum(len(cell) for cell in row if isinstance(cell, str))
        if letters > MOST_LETTERS:
            raise WorkbookProblem("too-large")
        yield [_packed(cell) for cell in row]


def _packed(cell: object) -> Any:
    match cell:
        case None | str() | int() | float() | bool():
            return cell
        case datetime():
            return ["datetime", cell.isoformat()]
        case date():
            return ["date", cell.isoformat()]
        case _:
            return str(cell)  # time and timedelta, which nothing in a town folder asks for


if __name__ == "__main__":
    main()
