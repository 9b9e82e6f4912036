"""A folder that was made to tie the machine up gets findings like any other, soon and in little memory."""

from __future__ import annotations

import io
import resource
import threading
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import xlsxwriter

from koinon.kernel.decisions import Severity
from koinon.kernel.errors import FindingsError
from koinon.pilots import townfolder, townfolder_workbook
from koinon.pilots.townfolder_limits import (
    LARGEST_SETTINGS,
    LARGEST_TABLE,
    LONGEST_MESSAGE,
    MEGABYTE,
    MOST_COLUMNS,
    MOST_FINDINGS,
    MOST_ROWS,
)
from tests.pilots import small_town

Files = dict[str, bytes | None]
SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'
)
CELL = '<row r="%(row)s"><c r="%(column)s%(row)s" t="inlineStr"><is><t>%(text)s</t></is></c></row>'
HEADINGS, RESIDENTS = "noikokyria.csv", "melh.xlsx"


def workbook(sheet: str) -> Files:
    """The residents in a workbook whose sheet is written by hand."""
    plain, spoilt = io.BytesIO(), io.BytesIO()
    with xlsxwriter.Workbook(plain, {"in_memory": True}) as book:
        book.add_worksheet()
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(spoilt, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, sheet if "worksheets/sheet" in name else source.read(name))
    return {
        "town.toml": small_town.FILES["town.toml"].replace(b"melh.csv", b"melh.xlsx"),
        "melh.csv": None,
        RESIDENTS: spoilt.getvalue(),
    }


def far_apart(column: str, row: int) -> Files:
    cells = ({"column": "A", "row": 1, "text": "x"}, {"column": column, "row": row, "text": "y"})
    return workbook(SHEET % "".join(CELL % cell for cell in cells))


def households(more: bytes) -> Files:
    return {HEADINGS: small_town.FILES[HEADINGS] + more}


HOSTILE: dict[str, tuple[Callable[[], Files], tuple[str, str]]] = {
    "two cells in opposite corners": (lambda: far_apart("XFD", 1_048_576), (RESIDENTS, "town.file-too-costly")),
    "two cells a page of 10 million apart": (lambda: far_apart("GGG", 2_000), (RESIDENTS, "town.table-too-large")),
    "a cell in the last row": (lambda: far_apart("B", 1_048_576), (RESIDENTS, "town.table-too-large")),
    "a sheet of 300 MB of nothing": (
        lambda: workbook(SHEET % (" " * 300_000_000)),
        (RESIDENTS, "town.file-empty"),
    ),
    "nine million rows": (lambda: households(b"x;y;z\n" * 9_000_000), (HEADINGS, "town.file-too-large")),
    "as many bytes as may be": (
        lambda: households(b"\n" * (LARGEST_TABLE - 1000)),
        (HEADINGS, "town.table-too-large"),
    ),
    "one row that is too many": (lambda: households(b"x;y;z\n" * MOST_ROWS), (HEADINGS, "town.table-too-large")),
    "one column that is too many": (lambda: households(b"x;" * MOST_COLUMNS), (HEADINGS, "town.table-too-large")),
    "a row without end": (lambda: households(b'"\n";;;;;;;;;;;;' * 1_000_000), (HEADINGS, "town.table-too-large")),
    "settings of a megabyte": (
        lambda: {"town.toml": small_town.FILES["town.toml"] + b"#" * LARGEST_SETTINGS},
        ("town.toml", "town.file-too-large"),
    ),
    "a key of a hundred thousand parts": (
        lambda: {"town.toml": small_town.FILES["town.toml"] + b".".join([b"a"] * 100_000) + b" = 1\n"},
        ("town.toml", "town.toml-invalid"),
    ),
    "rows that are all wrong": (
        lambda: households(b"x;y;z;w;v\n" * (MOST_ROWS - 10)),
        (HEADINGS, "town.more-errors"),
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_folder_is_answered_with_findings(tmp_path: Path, case: str) -> None:
    make, expected = HOSTILE[case]
    small_town.write(tmp_path, make())
    highest_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    began = time.process_time()
    found = small_town.findings(tmp_path)

    assert expected in {(finding.file, finding.code) for finding in found}
    assert all(len(finding.message) <= LONGEST_MESSAGE for finding in found)
    assert len(found) <= 2 * MOST_FINDINGS + 2
    assert time.process_time() - began < 60
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - highest_before < 1024 * MEGABYTE // 1024


def test_the_same_large_file_named_again_and_again_is_read_a_few_times_only(tmp_path: Path) -> None:
    aid = small_town.FILES["programmes/epidoma.toml"].decode()
    programme = aid[aid.index("[[programmes]]") :]
    again = "".join(programme.replace('"epidoma"', f'"aid-{number}"') for number in range(60))
    awards = b"\n".join([small_town.FILES["programmes/enisxyseis.csv"], *[b" " * 1_000_000] * 20])
    small_town.write(tmp_path, {"programmes/epidoma.toml": (aid + again).encode(), "programmes/enisxyseis.csv": awards})

    assert "town.file-too-large" in {finding.code for finding in small_town.findings(tmp_path)}


def test_many_workbooks_at_once_are_read_a_few_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each may take a gigabyte: however many are sent at once, the machine holds a few of them."""
    path = tmp_path / "list.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet().write_string(0, 0, "x")
    real, lock, counts = townfolder_workbook.subprocess.run, threading.Lock(), [0, 0]

    def counted(*arguments: object, **more: object) -> object:
        with lock:
            counts[0] += 1
            counts[1] = max(counts)
        try:
            return real(*arguments, **more)
        finally:
            with lock:
                counts[0] -= 1

    monkeypatch.setattr(townfolder_workbook.subprocess, "run", counted)
    with ThreadPoolExecutor(6) as readers:
        read = list(readers.map(lambda _number: townfolder_workbook.rows_of(path, None, seconds=120), range(6)))
    assert read == [[("x",)]] * 6
    assert counts[1] <= 2


def test_the_first_thousand_findings_are_listed_and_the_others_counted(tmp_path: Path) -> None:
    wrong = "Φ-1/2026;ΕΛΕΥΘΕΡΟΥΠΟΛΗ;2;χωρίς;01/09/2026\n".encode("cp1253")
    small_town.write(tmp_path, households(wrong * (MOST_FINDINGS + 234)))

    with pytest.raises(FindingsError) as refused:
        townfolder.read(tmp_path)

    *listed, last = refused.value.findings
    assert len(listed) == MOST_FINDINGS
    assert {finding.code for finding in listed} == {"town.household-twice"}
    assert (last.file, last.code, last.severity) == (HEADINGS, "town.more-errors", Severity.ERROR)
    assert last.message.startswith("234 more")


def test_more_warnings_than_are_listed_stay_warnings(tmp_path: Path) -> None:
    """Two thousand people in households that say to have one more member than they have."""
    count = MOST_FINDINGS + 7
    lines = "".join(f"Φ-{number}/2025;Νέα Πέραμος;2;χωρίς;1.9.2026\n" for number in range(count))
    people = "".join(f"Φ-{number}/2025||Νίκος|Παπαδόπουλος|2/2/2016|υπόχρεος\n" for number in range(count))
    small_town.write(
        tmp_path,
        {
            HEADINGS: small_town.FILES[HEADINGS] + lines.encode("cp1253"),
            "melh.csv": (small_town.RESIDENTS + people).encode("utf-16"),
        },
    )

    warnings = townfolder.read(tmp_path).warnings

    assert len(warnings) == MOST_FINDINGS + 1
    assert warnings[-1].code == "town.more-warnings"
    assert warnings[-1].message.startswith("7 more")
