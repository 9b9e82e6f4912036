"""What may be taken away is what the public page shows, described column by column."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse

from koinon.db.connections import Database
from koinon.web.explained import slug_of
from tests.conftest import django_on


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    with django_on(town_database):
        yield town_database


def package() -> dict:
    return json.loads(Client().get(reverse("data-package")).content)


def table(name: str) -> list[dict[str, str]]:
    answer = Client().get(reverse("data-table", args=[name]))
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def test_each_table_of_the_package_is_there_with_the_columns_and_kinds_it_promises(site: Database) -> None:
    found = package()

    assert found["licenses"][0]["name"] == "CC-BY-4.0"
    for resource in found["resources"]:
        rows = table(resource["name"])
        fields = resource["schema"]["fields"]
        assert resource["path"] == f"{resource['name']}.csv"
        assert all(list(row) == [field["name"] for field in fields] for row in rows)
        keys = [tuple(row[name] for name in resource["schema"]["primaryKey"]) for row in rows]
        assert len(set(keys)) == len(keys)
        for field in fields:
            told = [row[field["name"]] for row in rows if row[field["name"]]]
            if field["type"] in {"integer", "number"}:
                assert all(float(value) >= 0 for value in told), field
            if field["type"] == "integer":
                assert all(value.isdigit() for value in told), field


def test_the_page_and_its_data_say_the_same_of_the_month(site: Database) -> None:
    from django.db import transaction

    from koinon.kernel.periods import Month
    from koinon.parties.connection import raw
    from koinon.parties.models import Town
    from koinon.web import published

    month = table("months")[-1]
    with transaction.atomic():
        shown = published.published(raw(), Town.objects.get(), Month.parse(month["month"])).report

    def minor(text: str) -> int | None:
        return round(float(text) * 100) if text else None

    assert (minor(month["issued"]), minor(month["paid"])) == (shown.issued_minor, shown.spent_minor)
    zones = {row["zone"]: minor(row["received"]) for row in table("receipts_by_zone") if row["month"] == month["month"]}
    assert zones == {cell.code or "elsewhere": cell.amount_minor for cell in shown.by_zone.cells}
    assert any(value is None for value in zones.values()), "this town has neighbourhoods that are hidden"


def test_every_column_with_a_method_names_a_page_that_is_there(site: Database, pytestconfig: pytest.Config) -> None:
    pages = {
        word
        for resource in package()["resources"]
        for field in resource["schema"]["fields"]
        for word in field["description"].split()
        if word.startswith("docs/")
    }

    assert pages
    assert [page for page in pages if not (pytestconfig.rootpath / page).is_file()] == []


def test_every_indicator_of_the_public_page_is_in_the_open_data_as_it_is_shown(site: Database) -> None:
    from django.db import transaction

    from koinon.impact.indicators.catalogue import CATALOGUE
    from koinon.kernel.periods import Month
    from koinon.parties.connection import raw
    from koinon.parties.models import Town
    from koinon.web import published
    from koinon.web.views.town import FIRST, FURTHER

    rows = table("indicators")
    newest = [row for row in rows if row["month"] == rows[-1]["month"]]
    with transaction.atomic():
        found = published.published(raw(), Town.objects.get(), Month.parse(rows[-1]["month"]))

    assert {row["indicator"] for row in newest} >= {*FIRST, *FURTHER} - {"cost_per_unit"}
    assert {row["indicator"] for row in newest} <= {entry.key for entry in CATALOGUE if entry.public}
    assert [(row["indicator"], row["part"], row["state"], float(row["value"] or 0)) for row in newest] == [
        (one.figure.indicator, one.figure.part, one.state, round(float(one.value or 0), 6)) for one in found.shown
    ]
    assert [row for row in newest if row["state"] != "told" and (row["value"] or row["low"] or row["high"])] == []
    assert {row["state"] for row in newest} >= {"told", "hidden"}


def test_the_page_of_the_data_leads_to_what_explains_each_indicator(site: Database) -> None:
    page = Client().get(reverse("data")).content.decode()
    shown = {row["indicator"] for row in table("indicators")}

    assert [key for key in shown if reverse("how", args=[slug_of(key)]) not in page] == []
    assert {Client().get(reverse("how", args=[slug_of(key)])).status_code for key in shown} == {200}


def test_a_table_that_is_none_is_not_found(site: Database) -> None:
    assert Client().get(reverse("data-table", args=["households"])).status_code == 404


def test_the_way_of_the_month_is_drawn_and_tabled_in_the_direction_of_reading(site: Database) -> None:
    page = Client().get("/", headers={"Accept-Language": "en"}).content.decode()
    arabic = Client().get("/", headers={"Accept-Language": "ar"}).content.decode()

    assert 'class="chart sankey"' in page
    assert page.index(">Redeemed<") < page.index("Every unit, to the cent")
    first = {text: text.split('class="box" x="')[1].split('"')[0] for text in (page, arabic)}
    assert (first[page], first[arabic]) == ("0", "984")
