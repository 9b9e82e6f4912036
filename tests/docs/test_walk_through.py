"""The walk through the demonstration names what is there: buttons and menus of the site, files, and a person of the bundled town."""

from __future__ import annotations

import re
import tomllib

import pytest

from koinon.pilots import besos_data, demo_waiting
from tests.docs.walk import ROOT

PAGE = ROOT / "docs" / "guides" / "walk-through-the-demonstration.md"
TEXT = " ".join(PAGE.read_text(encoding="utf-8").split())
LABELS = sorted(set(re.findall(r"\*\*(.+?)\*\*", TEXT)) - {"bold"})
WEB = ROOT / "src" / "koinon" / "web"


@pytest.fixture(scope="module")
def words() -> str:
    files = [*WEB.rglob("*.py"), *WEB.rglob("*.html"), *WEB.rglob("*.js")]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


@pytest.mark.parametrize("label", LABELS)
def test_every_button_and_menu_of_the_walk_is_called_so_on_the_site(label: str, words: str) -> None:
    assert f'"{label}"' in words


def test_walk_names_the_files_that_the_demonstration_leaves() -> None:
    assert demo_waiting.FOLDER in TEXT
    assert demo_waiting.REPORT in TEXT
    assert demo_waiting.STATEMENT in TEXT


def test_walk_says_until_when_the_aid_of_the_bundled_town_can_be_spent() -> None:
    (file,) = re.findall(r"`(towns/besos/programmes/\S+\.toml)`", TEXT)
    (fund,) = tomllib.loads((ROOT / file).read_text(encoding="utf-8"))["funds"]

    assert f"{fund['last_day']:%-d %B %Y}" in TEXT


def test_identity_number_of_the_walk_is_of_a_resident_of_the_bundled_town() -> None:
    (number,) = set(re.findall(r"`(\d{8}[A-Z])`", TEXT))

    assert number in {
        person.identifier for household in besos_data.generate().households for person in household.people
    }
