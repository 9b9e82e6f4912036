"""The town's public page: the numbers first, each with how it was computed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg import Connection

from koinon.impact import opendata
from koinon.impact.indicators.catalogue import BY_KEY
from koinon.impact.mapping import Map, drawn
from koinon.impact.published import MonthPublished
from koinon.kernel.periods import Month
from koinon.ledger import queries as ledger
from koinon.parties.connection import raw
from koinon.parties.models import Town, Zone
from koinon.programmes.models import Fund
from koinon.web import formats, published
from koinon.web.access import everyone
from koinon.web.context import the_town
from koinon.web.explained import BY_SLUG, slug_of
from koinon.web.snapshots import in_one_snapshot
from koinon.web.way import way

# The address of each explanation; its text is the template of the same name.
INDICATORS = (
    "multiplier",
    "recirculation",
    "velocity",
    "days-to-first-spend",
    "share-by-neighbourhood",
    "share-by-social-economy",
    "units",
    "the-way-of-a-month",
    "who-trades-with-whom",
    "hidden-figures",
)


@everyone
@in_one_snapshot
def town(request: HttpRequest) -> HttpResponse:
    shown = the_town(request)
    if shown is None:
        return render(request, "koinon/no_town.html")
    conn = raw()
    months = published.months(shown, timezone.now())
    context: dict[str, Any] = {"months": months, "head": ledger.head(conn, town_id=shown.pk)}
    month = _asked_month(request, months)
    if month is not None:
        found = published.published(conn, shown, month)
        report = found.report
        drawing, by_zone = _on_the_map(shown, published.bars(report.by_zone))
        sse = {"sse": _("Social economy"), "other": _("Other businesses")}
        context |= {
            "month": month,
            "report": report,
            "totals": found.units,
            "paid_minor": found.paid_minor,
            "totals_day": month.last_day,
            "by_zone": by_zone,
            "by_sse": published.bars(report.by_sse, sse),
            "sse": next((cell for cell in report.by_sse.cells if cell.code == "sse"), None),
            "waits": published.waits(report.waits),
            "indicators": _indicators(conn, shown, found),
            "wanted": {
                key: sheet.rows[0] for key, sheet in published.sheets(conn, shown, found, FIRST) if sheet.rows[0].target
            },
            "trade": published.trade_sheets(shown, found),
            "way": way(found.flow, town_id=shown.pk),
            "map": drawing,
            "series": published.series(conn, shown, [one for one in months if one <= month]),
        }
    return render(request, "koinon/town.html", context)


FIRST = ("multiplier", "recirculation", "velocity", "days_to_first_spend", "share_by_sse")
# What has no place of its own on the page, in the order in which it is read.
FURTHER = (
    "lm3", "retention", "leakage", "b2b_depth", "unspent", "shop_reach", "active_shops", "concentration", "zone_equity",
    "cost_per_unit", "environment",
)  # fmt: skip


def _indicators(conn: Connection[Any], town: Town, found: MonthPublished) -> list[dict[str, Any]]:
    sheets = published.sheets(conn, town, found, FURTHER)
    return [
        {"slug": slug_of(key), "sheet": sheet}
        for key, sheet in sheets
        if any(row.value or row.hidden for row in sheet.rows)
    ]


def _on_the_map(town: Town, rows: list[published.Bar]) -> tuple[Map | None, list[published.Bar]]:
    """The map, and the rows with the numbers that stand for them on it."""
    zones = list(Zone.objects.filter(town=town).order_by("code").values_list("code", "name", "outline"))
    outlined = {code for code, _name, outline in zones if outline}
    rows = [
        replace(row, number=formats.number(at, country=town.country)) if row.code in outlined else row
        for at, row in enumerate(rows, 1)
    ]
    amounts = {row.code: row.amount_minor for row in rows if row.code}
    numbers = {row.code: row.number for row in rows if row.number}
    return drawn(zones, amounts, whole=5 * 10**town.exponent, numbers=numbers), rows


def _asked_month(request: HttpRequest, months: list[Month]) -> Month | None:
    asked = request.GET.get("month")
    found = next((month for month in months if str(month) == asked), None)
    return found or (months[0] if months else None)


@everyone
@in_one_snapshot
def how(request: HttpRequest, indicator: str) -> HttpResponse:
    explained = BY_SLUG.get(indicator)
    if indicator not in INDICATORS and explained is None:
        raise Http404
    context: dict[str, Any] = {"indicator": indicator}
    shown = the_town(request)
    months = published.months(shown, timezone.now()) if shown is not None else []
    if shown is not None and months:
        found = published.published(raw(), shown, months[0])
        context |= {"month": months[0], "report": found.report}
        if explained is not None:
            sheets = published.sheets(raw(), shown, found, [explained.key])
            context |= {"sheet": sheets[0][1] if sheets else None}
    if explained is None:
        return render(request, f"koinon/how/{indicator}.html", context)
    title = _(explained.entry.title)
    return render(request, "koinon/how/indicator.html", context | {"explained": explained, "title": title})


@everyone
@in_one_snapshot
def data(request: HttpRequest) -> HttpResponse:
    """What may be taken away: every published month as tables, with what each column means and the licence."""
    shown = the_town(request)
    context: dict[str, Any] = {"months": published.months(shown, timezone.now()) if shown is not None else []}
    if shown is not None and context["months"]:
        tables = opendata.tables(_every_month(shown, context["months"]), _fund_codes(shown))
        context |= {"tables": [{"table": table, "how": _explained(table)} for table in tables]}
    return render(request, "koinon/data.html", context | {"licence": opendata.LICENCE})


def _explained(table: opendata.OpenTable) -> list[tuple[str, str]]:
    """The pages that explain a table's indicators: their addresses and titles."""
    return [(slug_of(key), _(BY_KEY[key].title)) for key in table.indicators]


@everyone
@in_one_snapshot
def data_package(request: HttpRequest) -> HttpResponse:
    """The description of the tables, as Frictionless tools read it: the tables lie beside it."""
    shown, tables = _open_tables(request)
    months = published.months(shown, timezone.now())
    package = opendata.package(
        tables,
        name=f"{shown.slug}-{months[0]}",
        title=f"{shown.name}: {shown.unit_name}",
        unit=shown.unit_code,
        created=published.last_day(months).isoformat(),
        homepage=request.build_absolute_uri(reverse("data")),
        demonstration=published.is_demo(shown),
    )
    return JsonResponse(package, json_dumps_params={"indent": 2, "ensure_ascii": False})


@everyone
@in_one_snapshot
def data_table(request: HttpRequest, table: str) -> HttpResponse:
    """One of the tables as CSV."""
    shown, tables = _open_tables(request)
    found = next((one for one in tables if one.name == table), None)
    if found is None:
        raise Http404
    response = HttpResponse(found.csv(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{shown.slug}-{found.name}.csv"'
    return response


def _open_tables(request: HttpRequest) -> tuple[Town, tuple[opendata.OpenTable, ...]]:
    shown = the_town(request)
    months = published.months(shown, timezone.now()) if shown is not None else []
    if shown is None or not months:
        raise Http404
    return shown, opendata.tables(_every_month(shown, months), _fund_codes(shown))


def _every_month(town: Town, months: list[Month]) -> list[opendata.Published]:
    found = (published.published(raw(), town, month) for month in months)
    return [opendata.Published(one.report, one.flow, one.network, one.shown) for one in found]


def _fund_codes(town: Town) -> dict[UUID, str]:
    return dict(Fund.objects.filter(town=town).values_list("pk", "code"))


@everyone
def check(request: HttpRequest) -> HttpResponse:
    """What the seal is and how anybody checks it."""
    shown = the_town(request)
    head = ledger.head(raw(), town_id=shown.pk) if shown is not None else None
    return render(request, "koinon/check.html", {"head": head})


@everyone
def seal_head(request: HttpRequest) -> HttpResponse:
    """The newest block's hash, in the form ``koinon seal verify --from`` reads; ``?town=`` says whose where there are several."""
    shown = Town.objects.filter(slug=request.GET["town"]).first() if "town" in request.GET else the_town(request)
    head = ledger.head(raw(), town_id=shown.pk) if shown is not None else None
    if shown is None or head is None:
        raise Http404
    found = {"town": shown.slug, "block": head.number, "hash": head.hash.hex(), "sealed_at": head.sealed_at.isoformat()}
    response = JsonResponse(found)
    response["Content-Disposition"] = f'attachment; filename="{shown.slug}-seal-{head.number}.json"'
    return response


@everyone
def healthz(request: HttpRequest) -> HttpResponse:
    """Whether the site and its database answer; for the machines that watch."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok", content_type="text/plain")
