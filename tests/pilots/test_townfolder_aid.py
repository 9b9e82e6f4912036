"""Whom a programme is for, how much it gives and who waits, as a town folder says it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from koinon.kernel.periods import Month
from koinon.parties.secrets import Secrets
from koinon.pilots import townfolder
from koinon.pilots.apply import apply
from koinon.pilots.townfolder_settings import lines_of
from koinon.programmes import preparing, queries
from koinon.programmes.eligibility import Status
from tests.pilots import small_families, small_town

NOW = datetime(2026, 10, 5, 10, tzinfo=UTC)
LIST = """
[programmes.waiting_list]
monthly_budget = "150,00"
score = [{ points = 30, income_bands = ["none"] }, { points = 5, each = "child", younger_than = 6 }]
"""


def test_rules_amounts_and_facts_are_read_as_they_are_written(tmp_path: Path) -> None:
    plan = townfolder.read(small_families.write(tmp_path, programme=small_families.PROGRAMME + LIST))
    (programme,) = plan.programmes
    assert programme.eligibility.as_json() == {
        "resident": {"at_least_months": 12},
        "any": [{"income_bands": ["none"]}, {"statuses": ["monogoneiki"]}],
    }
    assert programme.amounts.as_json() == {
        "table": [
            {"children": {"younger_than": 18, "at_least": 2}, "pays": 20000},
            {"children": {"younger_than": 18, "at_least": 1}, "pays": 10000},
            {"pays": 5000},
        ]
    }
    assert programme.waiting is not None
    assert programme.waiting.as_json() == {
        "score": [
            {"income_bands": ["none"], "points": 30},
            {"points": 5, "each": "child", "younger_than": 6},
        ],
        "monthly_budget": 15000,
    }
    facts = {one.key: (one.resident_since, one.children_born, one.statuses) for one in plan.households}
    assert facts["Φ12026"] == (date(2019, 5, 1), ("2016-02", "2020-07"), ())
    assert facts["Φ32026"] == (date(2020, 6, 1), ("2018-01",), (Status("monogoneiki", date(2024, 1, 1), None),))


def test_months_of_birth_are_kept_only_of_those_whom_a_programme_counts(tmp_path: Path) -> None:
    def born(folder: str, age: str) -> list[tuple[str, ...]]:
        text = small_families.PROGRAMME.replace("younger_than = 18", age)
        return [one.children_born for one in townfolder.read(small_families.write(tmp_path / folder, programme=text)).households]  # fmt: skip

    assert born("a", "younger_than = 9")[:3] == [("2020-07",), (), ("2018-01",)]
    nobody = small_families.PROGRAMME.split("[programmes.amounts]")[0] + '[programmes.amounts]\nformula = { base = "50" }\n'  # fmt: skip
    plan = townfolder.read(small_families.write(tmp_path / "b", programme=nobody))
    assert {one.children_born for one in plan.households} == {()}


def test_a_folder_that_is_applied_twice_changes_nothing_and_decides_as_it_says(
    conn: psycopg.Connection[Any], tmp_path: Path
) -> None:
    secrets = Secrets.load(tmp_path / "keys")
    plan = townfolder.read(small_families.write(tmp_path / "town", programme=small_families.PROGRAMME + LIST))

    def applied() -> dict[str, int]:
        counts = apply(conn, plan, at=NOW, actor="cli:test", accept_warnings=True, secrets=secrets).counts
        return {name: count for name, count in counts.items() if count and name.endswith(("_new", "_changed"))}

    assert applied()["households_new"] == 5
    assert applied() == {}
    town_id = conn.execute("SELECT id FROM parties_town").fetchone()[0]  # type: ignore[index]
    (programme,) = queries.programmes(conn, town_id=town_id)
    lines = preparing.preview(conn, town_id=town_id, programme_id=programme.id, month=Month(2026, 10))
    answers = sorted((line.state, line.amount_minor, line.snapshot.get("score")) for line in lines)
    assert answers == [
        ("due", 2500, 30),
        ("due", 10000, 30),
        ("refused", 0, None),
        ("refused", 0, None),
        ("waiting", 0, 0),
    ]


@pytest.mark.parametrize(
    ("wrong", "right", "column", "code", "line"),
    [
        ("zones = ['Ατλαντίδα']", "resident =", "programmes.eligibility.zones", "town.zone-unknown", "zones"),
        ("colour = 1", "resident =", "programmes.eligibility.colour", "town.setting-unknown", "colour"),
        ("members = { at_leest = 2 }", "resident =", "programmes.eligibility.members.at_leest", "town.setting-unknown", "members"),
        ("members = { at_least = 3, at_most = 2 }", "resident =", "programmes.eligibility.members.at_most", "town.setting-invalid", "members"),
        ("members = {}", "resident =", "programmes.eligibility.members", "town.setting-invalid", "members"),
        ("not = ['x']", "resident =", "programmes.eligibility.not", "town.setting-invalid", "not"),
        ("all = []", "resident =", "programmes.eligibility.all", "town.setting-invalid", "all"),
        ("  { income_bands = ['nune'] },", "  { statuses", "programmes.eligibility.any[2].income_bands", "town.setting-invalid", "{"),
        ("  { not = { any = [\n { members = 2 }, { statuses = ['x'] } ] } },", "  { statuses", "programmes.eligibility.any[2].not.any[2].statuses", "town.setting-invalid", "{ members"),
        ('  { pays = "1,00" },', '  { children = { younger_than = 18, at_least = 1', "programmes.amounts.table[2]", "town.setting-invalid", "{ pays"),
        ("  { members = 2 },", '  { pays = "50,00"', "programmes.amounts.table[3].pays", "town.setting-missing", "{ members"),
        ('  { members = 2, pays = "1.234" },', '  { pays = "50,00"', "programmes.amounts.table[3].pays", "town.amount-ambiguous", "{ members"),
    ],
)  # fmt: skip
def test_every_mistake_is_found_on_its_line(
    tmp_path: Path, wrong: str, right: str, column: str, code: str, line: str
) -> None:
    text = small_families.PROGRAMME.replace(right, wrong + "\n" + right, 1)
    found = small_town.findings(small_families.write(tmp_path, programme=text))
    assert [(one.column, one.code) for one in found] == [(column, code)]
    assert text.splitlines()[found[0].row - 1].strip().startswith(line)


def test_facts_that_no_list_gives_are_asked_for(tmp_path: Path) -> None:
    town = small_families.TOWN.replace('resident_since = "Κάτοικος από"', "").split("[files.statuses]")[0]
    found = small_town.findings(small_families.write(tmp_path, town=town))
    assert {(one.column, one.code) for one in found} == {
        ("programmes.eligibility", "town.setting-invalid"),
        ("programmes.eligibility.any[2].statuses", "town.setting-invalid"),
    }
    without = small_families.PROGRAMME.split("[programmes.amounts]")[0]
    found = small_town.findings(small_families.write(tmp_path, programme=without))
    assert [(one.column, one.code) for one in found] == [("programmes.for", "town.setting-invalid")]


def test_every_mistake_in_the_list_of_statuses_is_found_at_its_cell(tmp_path: Path) -> None:
    rows = """Φάκελος;Κατάσταση;Από;Έως
Φ-9/2026;μονογονεϊκή;01/01/2024;
Φ-1/2026;ανεργία;01/01/2024;
Φ-1/2026;μονογονεϊκή;01/01/2026;31/12/2025
"""
    found = small_town.findings(small_families.write(tmp_path, statuses=rows))
    assert [(one.file, one.row, one.column, one.code) for one in found] == [
        ("katastaseis.csv", 2, "Φάκελος", "town.household-unknown"),
        ("katastaseis.csv", 3, "Κατάσταση", "town.value-unknown"),
        ("katastaseis.csv", 4, "Έως", "town.dates-reversed"),
    ]


def test_lines_are_counted_through_strings_comments_and_lists_of_any_kind() -> None:
    text = '''a = [ # [ { "
  "x, ]", 'y = {', """
  many } lines
""", { b = [
    1,
    { c = 2 } ] },
]
d = { "e f" = [1, 2], g = { h = 3 } }
i = 5
'''
    places = lines_of(text)
    assert places["a", 2] == 2
    assert places["a", 3, "b"] == 4
    assert places["a", 3, "b", 1, "c"] == 6
    assert places["d", "g", "h"] == 8
    assert places["i",] == 9
