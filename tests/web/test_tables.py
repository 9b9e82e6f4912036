"""The table component: what a request asks for is what it gets, page by page and as a file."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import date
from io import BytesIO, StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import transaction
from django.test import RequestFactory

from koinon.db.connections import Database
from tests.conftest import django_on
from tests.web.test_access import client_of

ROWS = 230
SOURCE = """
    SELECT
        gen.number AS id,
        'row ' || gen.number AS title,
        CASE WHEN gen.number %% 7 = 0 THEN NULL ELSE (gen.number * 37 %% 100)::bigint END AS amount_minor,
        CASE WHEN gen.number %% 2 = 0 THEN 'even' ELSE 'odd' END AS state,
        DATE '2026-01-01' + (gen.number %% 30)::integer AS day,
        gen.number %% 3 = 0 AS flag,
        %(town_id)s AS town_id
    FROM generate_series(1, 230) AS gen (number)
"""


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    with django_on(town_database):
        yield town_database


@pytest.fixture
def inside(site: Database) -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def columns() -> list[Any]:
    from koinon.web.tables import Column, Kind

    return [
        Column("id", "Number", Kind.NUMBER, nullable=False),
        Column("title", "Title"),
        Column("amount_minor", "Amount", Kind.MONEY),
        Column("state", "State", Kind.STATE, words={"even": "Even", "odd": "Odd"}),
        Column("day", "Day", Kind.DAY),
        Column("flag", "Third", Kind.FLAG),
        Column("twice", "Twice", Kind.NUMBER, value=lambda row: row["id"] * 2, hidden=True),
    ]


def table(**more: Any) -> Any:
    from koinon.web.tables import Table

    return Table(name="test", title="Test", columns=columns(), key_type="bigint", **more)


def asked(role: str = "auditor", **get: Any) -> Any:
    from koinon.parties.models import RoleGrant

    request = RequestFactory().get("/somewhere/", get)
    request.seat = RoleGrant.objects.select_related("town", "user").get(role=role)  # type: ignore[attr-defined]
    request.resolver_match = SimpleNamespace(view_name="somewhere")  # type: ignore[assignment]
    return request


def both(**get: Any) -> list[Any]:
    """The same request of the same rows: in the database, and given as they are."""
    of_sql = table(source=SOURCE, sort=get.pop("order", "")).read(asked(**get))
    rows = table(source=SOURCE, size=ROWS + 1).read(asked()).every_row()
    return [of_sql, table(sort=of_sql.table.sort).read(asked(**get), rows)]


@pytest.mark.parametrize("order", ["id", "-id", "amount_minor", "-amount_minor", "title", "-day", "flag"])
def test_pages_one_after_another_are_the_whole_list_forwards_and_back(inside: None, order: str) -> None:
    from django.http import QueryDict

    whole = [[row["id"] for row in listing.every_row()] for listing in both(sort=order)]
    assert whole[0] == whole[1]
    assert sorted(whole[0]) == list(range(1, ROWS + 1))
    for kind in (0, 1):
        seen: list[list[str]] = []
        listing = both(sort=order, size="50")[kind]
        while True:
            seen.append([line.key for line in listing.lines])
            if not listing.next_url:
                break
            following = QueryDict(listing.next_url.partition("?")[2])
            listing = both(sort=order, size="50", after=following["after"])[kind]
        assert [int(key) for page in seen for key in page] == whole[0]
        back = [[line.key for line in listing.lines]]
        while listing.previous_url:
            earlier = QueryDict(listing.previous_url.partition("?")[2])
            listing = both(sort=order, size="50", before=earlier["before"])[kind]
            back.append([line.key for line in listing.lines])
        assert back[::-1] == seen


@pytest.mark.parametrize(
    ("get", "expected"),
    [
        ({"q": "row 22"}, {22, *range(220, 230)}),
        ({"title": "ROW 230"}, {230}),
        ({"q": "100%"}, set()),
        ({"state": "even", "id.to": "6"}, {2, 4, 6}),
        ({"flag": "yes", "id.to": "10"}, {3, 6, 9}),
        ({"amount_minor.from": "0,99"}, {n for n in range(1, 231) if n % 7 and n * 37 % 100 == 99}),
        ({"day.from": "2026-01-30"}, {n for n in range(1, 231) if n % 30 == 29}),
        ({"id.from": "١٠", "id.to": "12"}, {10, 11, 12}),
        ({"state": "no such"}, set(range(1, 231))),
    ],
)
def test_a_filter_lets_through_what_it_says(inside: None, get: dict[str, str], expected: set[int]) -> None:
    for listing in both(**get):
        assert {row["id"] for row in listing.every_row()} == expected
        assert listing.count == len(expected)


def test_a_filter_that_cannot_be_read_shows_nothing_and_says_why(inside: None) -> None:
    for listing in both(**{"amount_minor.from": "much", "day.to": "2026-13-01", "id.from": "NaN"}):
        assert [filled.column.name for filled in listing.errors] == ["id", "amount_minor", "day"]
        assert listing.lines == []
        assert listing.exports == []


@pytest.mark.parametrize("cursor", ["x", "W10=", "WzEsMl0=", "WyJhIiwiYiJd", "bnVsbA==", "WyIxIiwgIlx1MDAwMCJd"])
def test_a_link_that_was_tampered_with_is_the_first_page(inside: None, cursor: str) -> None:
    for listing in both(after=cursor, sort="amount_minor"):
        assert len(listing.lines) == 50


def test_columns_are_chosen_and_exported_as_shown(inside: None) -> None:
    listing = table(source=SOURCE).read(asked(export="csv", col=["title", "twice", "amount_minor"], **{"id.to": "1"}))
    answer = listing.file()
    town = listing.request.seat.town
    assert answer.content.decode("utf-8-sig").splitlines() == [f"Title,Amount ({town.unit_code}),Twice", "row 1,0.37,2"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_three_files_hold_the_same(inside: None) -> None:
    from python_calamine import CalamineWorkbook

    files = {
        kind: table(source=SOURCE).read(asked(export=kind, state="odd")).file().content
        for kind in ("csv", "xlsx", "json")
    }
    in_csv = list(csv.reader(StringIO(files["csv"].decode("utf-8-sig"))))
    in_json = json.loads(files["json"])
    in_xlsx = CalamineWorkbook.from_filelike(BytesIO(files["xlsx"])).get_sheet_by_index(0).to_python()
    assert len(in_csv) == len(in_xlsx) == len(in_json["rows"]) + 1 == 116
    assert in_csv[1] == ["1", "row 1", "0.37", "Odd", "2026-01-02", "no"]
    assert in_xlsx[1] == [1.0, "row 1", 0.37, "Odd", date(2026, 1, 2), False]
    assert in_json["rows"][0] == {
        "id": 1, "title": "row 1", "amount_minor": "0.37", "state": "Odd", "day": "2026-01-02", "flag": False,
    }  # fmt: skip


def test_text_that_a_spreadsheet_would_compute_is_disarmed(inside: None) -> None:
    rows = [{"id": 1, "title": "=HYPERLINK(1)", "amount_minor": -5, "state": "odd", "day": None, "flag": None}]
    content = table().read(asked(export="csv"), rows).file().content.decode("utf-8-sig")
    assert content.splitlines()[1] == "1,'=HYPERLINK(1),-0.05,Odd,,"


def test_taking_a_file_is_recorded(inside: None) -> None:
    from koinon.audit import queries as trail
    from koinon.parties.connection import raw

    listing = table(source=SOURCE).read(asked(export="csv", state="odd"))
    listing.file()
    entry = trail.entries(raw(), town_id=listing.request.seat.town_id, size=1)[0]
    assert (entry.action, entry.subject, entry.actor) == (
        "office.table-exported", "table:test", listing.request.seat.user.actor,
    )  # fmt: skip
    assert json.loads(str(entry.after))["rows"] == 115


def test_keys_that_are_not_in_the_list_cannot_be_picked(inside: None) -> None:
    for listing in both():
        assert sorted(listing.keys(["3", "500", "x"])) == ["3"]


def test_a_run_is_taken_along_as_a_file(site: Database) -> None:
    from koinon.parties.connection import raw
    from koinon.parties.models import Town
    from koinon.treasury import queries as treasury

    with transaction.atomic():
        run = treasury.runs(raw(), town_id=Town.objects.get().pk)[0]
    answer = client_of("treasurer").get(f"/treasury/runs/{run.id}/", {"export": "json"})
    assert len(json.loads(answer.content)["rows"]) == run.payments
