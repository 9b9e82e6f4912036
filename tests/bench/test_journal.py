"""``koinon bench journal``: what a day of the journal costs does not grow with the books. Nothing here is about how fast."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from koinon.cli.bench import show_journal
from tests.cli.command import koinon


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Any:
    var: Path = tmp_path_factory.mktemp("bench")
    said = koinon("bench", "journal", "--rows", "160000", "--months", "8", "--towns", "2", "--json", var=var)
    assert said.status == 0, said.err
    assert [path.name for path in var.iterdir() if path.name.startswith("bench-")] == []
    return said.document


def test_a_day_of_the_journal_reads_few_of_the_pages_of_the_books(document: Any) -> None:
    cost = {one["what"]: one for one in document["read"]}
    assert cost["a day"]["without"]["pages"] > document["journal_pages"] > 2_000
    assert cost["a day"]["with_index"]["pages"] < document["journal_pages"] / 2
    assert document["index_bytes"] < document["journal_pages"] * 8192 / 10


def test_what_was_posted_late_is_found_with_the_index_as_without_it(document: Any) -> None:
    entries = {one["what"]: (one["with_index"]["entries"], one["without"]["entries"]) for one in document["read"]}
    assert list(entries) == ["a month", "a day", "the newest month"]
    assert all(mine == other > 0 for mine, other in entries.values())
    assert entries["a month"][0] > 9_000


def test_a_person_can_read_it(document: Any) -> None:
    out = io.StringIO()
    show_journal(Console(file=out, width=200), document)
    assert "the newest month" in out.getvalue()
