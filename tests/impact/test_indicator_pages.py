"""Every indicator has a page, and the page's example is true."""

from __future__ import annotations

import doctest
import pkgutil
import re
from pathlib import Path

import pytest

from koinon.db.statements import statement
from koinon.impact import indicators
from koinon.impact.indicators.catalogue import BY_KEY, CATALOGUE

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


def test_catalogue_lists_each_indicator_once():
    assert sorted(entry.key for entry in CATALOGUE) == NAMES
    assert set(BY_KEY) == set(NAMES)


def test_index_links_each_indicator_with_its_question():
    index = (PAGES / "index.md").read_text(encoding="utf-8")

    assert [entry.key for entry in CATALOGUE if f"]({entry.key}.md)" not in index or entry.asks not in index] == []


def test_what_the_catalogue_says_an_indicator_is_computed_from_is_there():
    assert [name for entry in CATALOGUE for name in entry.statements if not statement("koinon.impact", name)] == []
