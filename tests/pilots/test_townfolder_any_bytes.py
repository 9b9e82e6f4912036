"""Whatever is in a folder, reading it gives a plan or findings, and never anything else."""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from koinon.kernel.errors import FindingsError
from koinon.pilots import townfolder
from tests.pilots import small_town


def workbook() -> bytes:
    """The list of residents as a workbook."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet()
    for number, line in enumerate(small_town.RESIDENTS.splitlines()):
        sheet.write_row(number, 0, line.split("|"))
    book.close()
    return out.getvalue()


WORKBOOK = "melh.xlsx"
FILES = small_town.FILES
WITH_WORKBOOK = {
    **{name: content for name, content in FILES.items() if name != "melh.csv"},
    "town.toml": FILES["town.toml"].replace(b"melh.csv", WORKBOOK.encode()),
    WORKBOOK: workbook(),
}


@st.composite
def spoilt(draw: st.DrawFn) -> dict[str, bytes]:
    """One file with some bytes replaced, taken out or put in, as a broken disk or a careless hand would.

    A workbook is read by a process of its own each time, so it lies there only when it is the one that is spoilt.
    """
    name = draw(st.sampled_from(sorted({*FILES, WORKBOOK})))
    files = WITH_WORKBOOK if name == WORKBOOK else FILES
    content = files[name]
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        length = draw(st.integers(0, 12))
        put = draw(
            st.one_of(
                st.binary(max_size=12),
                st.text(max_size=6).map(lambda words: words.encode("utf-8", "surrogatepass")),
                st.sampled_from(
                    [b"\x00", b'"', b";;;;", b"\r\n", b"[[", b"1e400", b"-9999999999999999999", b"\xff\xfe"]
                ),
            )
        )
        content = content[:start] + put + content[start + length :]
    return {**files, name: content}


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(spoilt())
def test_a_folder_with_any_bytes_in_it_is_read_or_refused_with_findings(files: dict[str, bytes]) -> None:
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, content in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
        with suppress(FindingsError):
            townfolder.read(folder)


def test_a_carriage_return_alone_in_a_table_is_read_or_found(tmp_path: Path) -> None:
    for name, content in WITH_WORKBOOK.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\r" + content if name == "epixeiriseis.csv" else content)
    with suppress(FindingsError):
        townfolder.read(tmp_path)
