"""Every indicator has a page, and the page's example is true."""

from __future__ import annotations

import doctest
import pkgutil
import re
from pathlib import Path

import pytest

from koinon.impact import indicators

PAGES = Path(__file__).parents[2] / "docs" / "indicators"
NAMES = sorted(module.name for module in pkgutil.iter_modules(indicators.__path__) if module.name != "catalogue")
MUST_SAY = ["| Unit |", "| Period |", "**Left out", "**Undefined", "**How it can mislead**", "**Source.**"]


def test_every_indicator_has_a_page_and_every_page_an_indicator():
    assert sorted(page.stem for page in PAGES.glob("*.md") if page.stem != "index") == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_page_says_what_a_reader_must_know(name):
    text = (PAGES / f"{name}.md").read_text(encoding="utf-8")

    assert [words for words in MUST_SAY if words not in text] == []


@pytest.mark.parametrize("name", NAMES)
def test_worked_example_of_the_page_gives_what_it_prints(name):
    text = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    example = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, name, f"{name}.md", 0)
    said: list[str] = []

    result = doctest.DocTestRunner().run(example, out=said.append)

    assert (result.failed, said) == (0, [])
    assert result.attempted > 0
