"""The tables of docs/algorithms/bonuses.md, walked row by row."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from uuid import UUID

import pytest

from koinon.campaigns import rules
from koinon.campaigns.types import Earner, Terms, Trigger
from koinon.parties.types import PartyFacts
from tests.campaigns.bonus_town import BonusTown, build, money

PAGE = Path(__file__).resolve().parents[2] / "docs" / "algorithms" / "bonuses.md"
AID, GIFT = UUID(int=1), UUID(int=2)


def table(heading: str) -> list[dict[str, str]]:
    """The rows of the table that begins with this heading."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    names = cells(lines[start])
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(dict(zip(names, cells(line), strict=True)))
    assert rows
    return rows


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def minor(text: str) -> int:
    return int(Decimal(text) * 100)


def test_the_rules_give_every_bonus_of_the_page():
    terms = Terms(
        "Autumn", GIFT, Trigger.PURCHASE, Fraction(1, 5), 5_00, 10_00, 25_00, date(2026, 10, 1), date(2026, 10, 31),
        excluded_funds=frozenset({AID}),
    )  # fmt: skip
    has = {"Ana": 0, "Marc": 0, "Noa": 0, "Pau": 0}
    granted = 0
    for row in table("purchase"):
        persons = ["Ana", "Marc"] if row["by"] == "household" else [row["by"]]
        parts = [(None, minor(row["free"])), (AID, minor(row["aid"])), (GIFT, minor(row["bonus money"]))]
        earns = rules.earning(parts, excluded=terms.excluded_funds, bonus_funds=[GIFT])
        most = max(has[person] for person in persons)
        related = row["at"] == "bakery" and row["by"] in ("Ana", "Marc", "household")
        earner = Earner(UUID(int=9), UUID(int=8), True, True, related, ())
        shop = PartyFacts(UUID(int=8), "organisation")
        allowed = rules.may_earn(terms, earner, day=date(2026, 10, 5), payee=shop, earning_minor=earns)
        amount = rules.bonus(terms, earning_minor=earns, person_has_minor=most, granted_minor=granted) if allowed else 0
        found = [earns, earns * 20 // 100, 10_00 - most, 25_00 - granted, amount]
        columns = ("earns", "20 %", "left for the person", "left of the ceiling", "bonus")
        assert found == [minor(row[name]) for name in columns], row
        granted += amount
        for person in persons:
            has[person] += amount
    assert granted == 25_00


def test_refunds_undo_what_the_page_says():
    for row in table("given back"):
        left = minor(row["stays paid"])
        undone = rules.due_back(3_33, paid_minor=20_00, left_minor=left)
        assert (20_00 - left, 3_33 - undone, undone) == (
            minor(row["given back"]), minor(row["bonus that stays"]), minor(row["undone in all"]),
        )  # fmt: skip


@pytest.fixture
def town(conn) -> BonusTown:
    town = build(conn)
    town.person("noa")
    town.shop("grocer")
    town.top_up("noa", "100.00")
    return town


def test_what_was_spent_before_comes_back_as_the_page_says(town):
    campaign = town.campaign(percent=50, ceiling="40.00")
    first = second = None
    rows = table("step")
    for number, row in enumerate(rows):
        match number:
            case 0:
                first = town.pay_for("noa", "grocer", "20.00")
            case 1:
                second = town.pay_for("noa", "grocer", "8.00")
            case 2:
                town.give_back(first, None)
            case 3:
                town.pay_for("noa", "grocer", "6.00")
            case 4:
                town.give_back(second, "4.00")
            case 5:
                town.give_back(second, None)
        now = town.now(campaign)
        assert (town.balance("noa", "gift"), now.lost_minor, now.granted_minor) == (
            row["in the purse"], minor(row["still owed"]), minor(row["granted, net"]),
        ), row  # fmt: skip
    assert number == 5
    assert re.fullmatch(r"\d+\.\d\d", rows[0]["bonus"])
    assert money("3.00").minor == town.now(campaign).granted_minor
    assert town.broken() == []
