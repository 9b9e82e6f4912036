"""What a run of the tests asks once more: a test in a browser that was late, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.test import failed_last, passes_alone

LATE = """
import pathlib, pytest

@pytest.mark.browser
def test_late():
    tried = pathlib.Path(__file__).with_suffix(".tried")
    late = not tried.exists()
    tried.touch()
    assert not late
"""
BROKEN = LATE.replace("assert not late", "assert False")
MONEY = LATE.replace("@pytest.mark.browser", "")


def a_run_of(root: Path, **files: str) -> None:
    """The tests of these files were run in a folder of their own, and pytest kept what failed."""
    (root / "pytest.ini").write_text("[pytest]\nmarkers = browser\n", encoding="utf-8")
    for name, text in files.items():
        (root / f"test_{name}.py").write_text(text, encoding="utf-8")
    subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=root, check=False, capture_output=True)


@pytest.fixture(autouse=True)
def outside_of_this_run(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PYTEST")]:
        monkeypatch.delenv(name)


def test_a_browser_that_was_late_is_asked_once_more_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_run_of(tmp_path, map=LATE)
    assert failed_last(tmp_path) == ["test_map.py::test_late"]
    assert passes_alone(tmp_path)
    assert "UNSTEADY: test_map.py::test_late." in capsys.readouterr().out


@pytest.mark.parametrize(
    "files",
    [
        {"map": BROKEN},
        {"money": MONEY},
        {"map": LATE, "money": MONEY},
        {"map": LATE, "till": LATE, "purse": LATE},
        {"nothing": "def test_passed():\n    pass\n"},
    ],
    ids=["broken", "without a browser", "one of each", "three", "none"],
)
def test_whatever_else_fails_the_run(tmp_path: Path, files: dict[str, str]) -> None:
    a_run_of(tmp_path, **files)
    assert not passes_alone(tmp_path)
