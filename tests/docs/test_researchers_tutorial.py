"""The researcher's tutorial, followed to its end: own files, a trace, and a notebook that runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.docs.walk import ROOT, Shell, follow

TUTORIAL = ROOT / "docs" / "guides" / "researchers-tutorial.md"
NOTEBOOK = ROOT / "docs" / "guides" / "researchers-tutorial" / "notebook.ipynb"


def test_the_tutorial_leads_from_a_csv_to_a_plot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = tmp_path / "result"
    monkeypatch.setenv("RESULT", str(result))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shell = Shell(ROOT, {"RESULT": str(result), "PATH": programs, "COLUMNS": "200", "TERM": "dumb"})
    try:
        # Follows researchers-tutorial.md.
        assert follow(TUTORIAL, shell, {}) == 6
    finally:
        shell.close()

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    done = NotebookClient(
        notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()

    assert (tmp_path / "waits.svg").stat().st_size > 5_000
    shown = "".join(
        output["data"].get("text/plain", "")
        for cell in done.cells
        for output in cell.get("outputs", [])
        if "data" in output
    )
    assert "aid 2027-07" in shown
    assert "Wholesale" in shown


def test_the_notebook_is_kept_without_what_it_printed() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)

    nbformat.validate(notebook)
    assert [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.get("outputs") for cell in notebook.cells)
