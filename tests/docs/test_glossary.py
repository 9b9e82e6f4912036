"""Every word the code keeps in the database or in files is in the glossary, and the routes are printed as they are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

import pytest

from koinon.banking import types as banking
from koinon.campaigns import types as campaigns
from koinon.kernel.decisions import Severity
from koinon.ledger import types as ledger
from koinon.parties import models as parties
from koinon.pilots import simulate
from koinon.programmes import models as programmes
from koinon.treasury import types as treasury

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference" / "glossary.md").read_text(encoding="utf-8")
MIGRATIONS = ROOT / "src/koinon/ledger/sql/migrations"
MIGRATION = (MIGRATIONS / "0001_books.sql").read_text(encoding="utf-8")


def rows() -> Iterable[list[str]]:
    for line in PAGE.splitlines():
        if line.startswith("| ") and not line.startswith("| ---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def words() -> set[str]:
    return {word for cells in rows() for word in re.findall(r"`([^`]+)`", cells[0])}


def members(kind: type[StrEnum] | type) -> set[str]:
    return {str(member.value) for member in kind}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "kind",
    [
        ledger.Kind,
        ledger.Code,
        parties.PartyKind,
        parties.Role,
        programmes.CycleState,
        programmes.EntitlementState,
        treasury.Direction,
        treasury.FileFormat,
        treasury.RunState,
        treasury.PaymentState,
        treasury.TopUpState,
        treasury.Way,
        campaigns.CampaignState,
        campaigns.Trigger,
        banking.FileKind,
        banking.MatchKind,
        simulate.Kind,
        Severity,
    ],
    ids=lambda kind: f"{kind.__module__}.{kind.__name__}",
)
def test_every_word_of_the_code_is_in_the_glossary(kind: type[StrEnum]) -> None:
    assert members(kind) - words() == set(), "explain these in docs/reference/glossary.md"


def test_every_state_of_a_hold_is_in_the_glossary() -> None:
    (states,) = re.findall(r"CONSTRAINT state_is_known CHECK \(state IN \(([^)]*)\)\)", MIGRATION)

    assert set(re.findall(r"'(\w+)'", states)) - words() == set()


def test_the_routes_are_printed_as_the_books_keep_them() -> None:
    inserted = "".join(
        found
        for file in sorted(MIGRATIONS.glob("*.sql"))
        for found in re.findall(r"INSERT INTO ledger\.route [^;]*;", file.read_text(encoding="utf-8"))
    )
    kept = re.findall(r"\('([\w-]+)', '(\w+)', '(\w+)'\)", inserted)
    codes = members(ledger.Code)

    printed = [tuple(cell.strip("`") for cell in cells[:3]) for cells in rows() if len(cells) == 5]

    assert [route for route in printed if route[0] in codes] == kept


def test_nothing_is_explained_twice_in_one_table() -> None:
    for table in re.split(r"\n\n", PAGE):
        named = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")]
        if "code" not in named:
            assert len(named) == len(set(named))
