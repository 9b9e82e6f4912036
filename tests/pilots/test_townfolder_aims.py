"""What targets.toml says is read exactly, applied once, and what is wrong with it is found in its line."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from koinon.impact import aims, targets
from koinon.impact.measures import ConversionFactor, RunningCost, ZoneResidents
from koinon.kernel.errors import FindingsError
from koinon.kernel.identifiers import new_id
from koinon.pilots import apply, townfolder
from tests.pilots import small_besos

FROM, BY = date(2026, 10, 1), date(2027, 9, 30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_besos.write(tmp_path_factory.mktemp("aims"), households=60, shops=20)


def said(folder: Path, content: str) -> tuple[aims.Aim, ...]:
    (folder / "targets.toml").write_text(content, encoding="utf-8")
    return tuple(townfolder.read(folder).aims)


def target(value: str, indicator: str = "recirculation", more: str = "") -> str:
    return f'[[targets]]\nindicator = "{indicator}"\nvalue = {value}\nfrom = 2026-10-01\nby = 2027-09-30\n{more}\n'


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('"25 %"', "0.25"),
        ('"0,25"', "0.25"),
        ("0.25", "0.25"),
        ('"٢٥٪"', "0.25"),
        ("0", "0"),
        ("1", "1"),
        ("0.00001", "0.00001"),
        ("0.250", "0.25"),
    ],
)
def test_a_value_is_read_as_people_write_it(folder: Path, written: str, value: str) -> None:
    assert said(folder, target(written)) == (aims.Target("recirculation", "", FROM, BY, Decimal(value), ""),)


def test_every_kind_of_row_is_read(folder: Path) -> None:
    content = """
[[targets]]
indicator = "share_by_zone"
part = "zone:Trini Nova"
value = "1/10"
from = 2026-10-01
by = 2027-09-30

[[residents]]
zone = "Trini Nova"
number = 7000
from = 2026-01-01
source = "Register"

[[factors]]
stream = "glass"
grams_per_kilogram = 300
from = 2026-01-01
source = "Inventory"

[[costs]]
activity = "hort-comunitari"
amount = "3.650,00"
from = 2026-10-01
until = 2027-09-30
source = "Budget"

[reuse]
activities = ["punt-verd"]
""".replace('"1/10"', '"10 %"')

    assert said(folder, content) == (
        aims.Target("share_by_zone", "zone:53", FROM, BY, Decimal("0.1"), ""),
        ZoneResidents("53", 7000, date(2026, 1, 1), "Register"),
        ConversionFactor("glass", date(2026, 1, 1), 300, "Inventory"),
        RunningCost("hort-comunitari", FROM, BY, 3650_00, "Budget"),
        aims.Reuse("punt-verd"),
    )


def test_an_amount_is_in_the_towns_unit(folder: Path) -> None:
    found = said(folder, target('"12.500,50"', "units", 'part = "spent"'))

    assert found == (aims.Target("units", "spent", FROM, BY, Decimal("12500.50"), ""),)


@pytest.mark.parametrize(
    ("content", "row", "column", "code"),
    [
        (target("0.3", "recirculacion"), 2, "targets.indicator", "town.setting-invalid"),
        (target('"35"'), 3, "targets.value", "town.setting-invalid"),
        (target('"much"'), 3, "targets.value", "town.setting-invalid"),
        (target("true"), 3, "targets.value", "town.setting-invalid"),
        (target("0.3").replace("2027", "2025"), 5, "targets.by", "town.dates-reversed"),
        (target("0.3").replace("by =", "until ="), 1, "targets.by", "town.setting-missing"),
        (target("0.3", more='part = "spent"'), 6, "targets.part", "town.setting-invalid"),
        (target("0.3", "share_by_zone", 'part = "zone:Sants"'), 6, "targets.part", "town.setting-invalid"),
        (target("0.3") + target("0.4"), 11, "targets.by", "town.setting-invalid"),
        ('[[residents]]\nzone = "Sants"\nnumber = 5\nfrom = 2026-01-01\nsource = "R"', 2, "residents.zone", "town.zone-unknown"),
        ('[[residents]]\nzone = "50"\nnumber = -5\nfrom = 2026-01-01\nsource = "R"', 3, "residents.number", "town.setting-invalid"),
        ('[[factors]]\nstream = "glas"\ngrams_per_kilogram = 5\nfrom = 2026-01-01\nsource = "R"', 2, "factors.stream", "town.setting-invalid"),
        ('[[factors]]\nstream = "glass"\ngrams_per_kilogram = 5\nfrom = 2026-01-01', 1, "factors.source", "town.setting-missing"),
        ('[[costs]]\nactivity = "hort"\namount = "5,00"\nfrom = 2026-01-01\nuntil = 2026-12-31\nsource = "B"', 2, "costs.activity", "town.setting-invalid"),
        ('[reuse]\nactivities = ["hort"]', 2, "reuse.activities", "town.setting-invalid"),
        ('[[goals]]\nindicator = "velocity"', 0, "goals", "town.setting-unknown"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found_in_its_line(folder: Path, content: str, row: int, column: str, code: str) -> None:
    with pytest.raises(FindingsError) as refused:
        said(folder, content)

    found = [(one.file, one.row, one.column, one.code) for one in refused.value.findings]
    assert ("targets.toml", row, column, code) in found
    assert {one[0] for one in found} == {"targets.toml"}


def test_a_folder_says_its_aims_once_and_a_change_is_on_record(folder: Path, django_db) -> None:
    at = datetime(2026, 9, 28, 8, tzinfo=UTC)

    def applied(content: str) -> dict[str, int]:
        said(folder, content)
        plan = townfolder.read(folder)
        done = apply.apply(django_db, plan, at=at, actor="user:1", accept_warnings=True)
        return {name: count for name, count in done.counts.items() if name.startswith("aims") and count}

    first = applied(target('"25 %"') + target("2", "multiplier"))
    again = applied(target('"25 %"') + target("2", "multiplier"))
    changed = applied(target('"30 %"'))

    assert first == {"aims": 2, "aims_new": 2}
    assert again == {"aims": 2}
    assert changed == {"aims": 1, "aims_changed": 1, "aims_not_listed": 1}
    line = django_db.execute(
        "SELECT before::jsonb ->> 'value', after::jsonb ->> 'value' FROM audit.entry"
        " WHERE action = 'impact.target-set' AND before IS NOT NULL"
    ).fetchall()
    assert line == [("0.25", "0.3")]


def test_a_target_that_two_persons_confirmed_is_not_overwritten_by_a_folder(folder: Path, django_db) -> None:
    at = datetime(2026, 9, 28, 8, tzinfo=UTC)

    def applied(content: str, *, dry_run: bool = False) -> apply.Applied:
        said(folder, content)
        plan = townfolder.read(folder)
        return apply.apply(django_db, plan, at=at, actor="user:1", accept_warnings=True, dry_run=dry_run)

    town_id = applied(target('"25 %"')).town_id
    assert town_id is not None
    agreed = aims.Target("recirculation", "", FROM, BY, Decimal("0.3"), "Plenary")
    of_town = {"town_id": town_id, "proposal_id": new_id(), "at": at}
    targets.propose(django_db, **of_town, target=agreed, actor="user:2")
    targets.confirm(django_db, **of_town, actor="user:3")

    for dry_run in (True, False):
        with pytest.raises(FindingsError) as refused:
            applied(target("2", "multiplier") + target('"25 %"'), dry_run=dry_run)
        (found,) = refused.value.findings
        assert (found.file, found.row, found.code) == ("targets.toml", 11, "town.target-confirmed")
        assert aims.targets(django_db, town_id) == (agreed,)
    applied(target("2", "multiplier") + target('"30 %"', more='source = "Plenary"'))
    assert {one.indicator: one.value for one in aims.targets(django_db, town_id)} == {
        "recirculation": Decimal("0.3"), "multiplier": Decimal(2),
    }  # fmt: skip
