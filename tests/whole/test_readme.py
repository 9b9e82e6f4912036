"""The page of the tests names every folder that mirrors no package, and every file of facts; and what it names is there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.conftest import LONGEST

TESTS = Path(__file__).resolve().parents[1]
PACKAGES = TESTS.parent / "src" / "koinon"
PAGE = TESTS.joinpath("README.md").read_text(encoding="utf-8")
FACTS = ("whole", "docs")


def test_every_folder_of_the_tests_mirrors_a_package_or_is_explained() -> None:
    folders = {file.parent.relative_to(TESTS).parts[0] for file in TESTS.rglob("test_*.py")}
    own = {folder for folder in folders if not (PACKAGES / folder).is_dir()}

    assert own
    assert {folder for folder in own if f"`{folder}/`" not in PAGE} == set(), "explain these in tests/README.md"


def test_every_file_of_facts_has_its_line_and_every_line_its_file() -> None:
    files = {str(file.relative_to(TESTS)) for folder in FACTS for file in TESTS.joinpath(folder).glob("test_*.py")}
    lines = re.findall(r"^\| `([^`]+)` \| \S", PAGE, re.MULTILINE)

    assert sorted(lines) == sorted(files)


def test_the_longest_files_are_there() -> None:
    assert [name for name in LONGEST if not (TESTS / name).exists()] == []
