"""Documents run: the Python in the pages is tried, and gives what the page says."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
PAGES = sorted([*ROOT.joinpath("docs").rglob("*.md"), ROOT / "README.md"])
OPTIONS = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL


def examples(page: Path) -> doctest.DocTest:
    """One test a page: what a block defines is there for the blocks after it."""
    text = page.read_text(encoding="utf-8")
    lines = [""] * (text.count("\n") + 1)  # Everything else is left blank, so that a failure has the page's line.
    for block in PYTHON_BLOCK.finditer(text):
        if ">>>" in block.group(1):
            first = text.count("\n", 0, block.start(1))
            code = block.group(1).splitlines()
            lines[first : first + len(code)] = code
    return doctest.DocTestParser().get_doctest("\n".join(lines), {}, page.name, str(page), 0)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_python_of_a_page_gives_what_the_page_says(page: Path) -> None:
    test = examples(page)
    failures: list[str] = []
    doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=failures.append)
    assert "".join(failures) == ""
