"""What may be taken away is what the public page shows, described column by column."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

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


HIDDEN_HERE = {
    *(("redeemed_by_sector", column) for column in ("month", "sector", "share")),
    *(("trade", column) for column in ("in_circles", *(f"circles_of_{length}" for length in range(2, 6)))),
}
"""Columns that have no value in this town's months: too few businesses trade. The test of trade has values for them."""


def package() -> dict:
    return json.loads(Client().get(reverse("data-package")).content)


def content(name: str) -> str:
    answer = Client().get(reverse("data-table", args=[name]))
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    return answer.content.decode()


def table(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content(name))))


def test_each_table_of_the_package_is_there_with_the_columns_and_kinds_it_promises(site: Database) -> None:
    found = package()

    assert found["licenses"][0]["name"] == "CC-BY-4.0"
    assert len(found["resources"]) == 8
    told = set()
    for resource in found["resources"]:
        rows = table(resource["name"])
        fields = resource["schema"]["fields"]
        assert resource["path"] == f"{resource['name']}.csv"
        assert content(resource["name"]).splitlines()[0] == ",".join(field["name"] for field in fields)
        keys = [tuple(row[name] for name in resource["schema"]["primaryKey"]) for row in rows]
        assert len(set(keys)) == len(keys)
        for field in fields:
            values = [row[field["name"]] for row in rows if row[field["name"]]]
            told |= {(resource["name"], field["name"])} if values else set()
            if field["type"] in {"integer", "number"}:
                assert [value for value in values if float(value) < 0] == [], field
            if field["type"] == "integer":
                assert [value for value in values if not value.isdigit()] == [], field
    promised = {(one["name"], field["name"]) for one in found["resources"] for field in one["schema"]["fields"]}
    assert promised - told == HIDDEN_HERE


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


def test_trade_and_where_money_stops_are_told_as_they_were_published(site: Database) -> None:
    from django.db import transaction

    from koinon.impact import opendata
    from koinon.impact.town.network import PublicCircles, PublicNetwork, PublicStop
    from koinon.kernel.periods import Month
    from koinon.parties.connection import raw
    from koinon.parties.models import Town
    from koinon.web import published

    circles = PublicCircles(2, 15), PublicCircles(3, None), PublicCircles(4, 5), PublicCircles(5, 0)
    stops = PublicStop("food", Fraction(7, 20)), PublicStop("", None)
    network = PublicNetwork(40, 95, Fraction(2, 3), circles, 10, stops)
    month = table("months")[-1]["month"]
    with transaction.atomic():
        found = published.published(raw(), Town.objects.get(), Month.parse(month))

    made = opendata.tables([opendata.Published(found.report, found.flow, network)], {})
    told = {one.name: one.csv().splitlines()[1:] for one in made}
    assert told["trade"] == [f"{month},40,95,0.667,15,,5,0,10"]
    assert told["redeemed_by_sector"] == [f"{month},food,0.350", f"{month},,"]


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


def test_only_what_programs_read_is_english_on_the_page_of_the_data(site: Database) -> None:
    page = Client().get(reverse("data"), headers={"Accept-Language": "ar"}).content.decode()
    main = page.partition("<main")[2].partition("</main>")[0]

    tables = len(package()["resources"])
    assert main.count('<dl lang="en" dir="ltr">') == tables
    assert len(re.findall(r'<h2 id="table-', main)) == tables
    assert Counter(re.findall(r'<(\w+)[^>]* lang="en"', main)) == {"dl": tables, "bdi": 1}, "its columns; the licence"


def test_a_table_that_is_none_is_not_found(site: Database) -> None:
    assert Client().get(reverse("data-table", args=["households"])).status_code == 404


def test_the_way_of_the_month_is_drawn_and_tabled_in_the_direction_of_reading(site: Database) -> None:
    page = Client().get("/", headers={"Accept-Language": "en"}).content.decode()
    arabic = Client().get("/", headers={"Accept-Language": "ar"}).content.decode()

    assert 'class="chart sankey"' in page
    assert page.index(">Redeemed<") < page.index("Every unit, to the cent")
    first = {text: text.split('class="box" x="')[1].split('"')[0] for text in (page, arabic)}
    assert (first[page], first[arabic]) == ("0", "984")
