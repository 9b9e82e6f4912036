"""The town's public page: the numbers first, each with how it was computed."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from koinon.kernel.periods import Month
from koinon.ledger import queries as ledger
from koinon.parties.connection import raw
from koinon.parties.models import Town
from koinon.web import published
from koinon.web.access import everyone
from koinon.web.context import the_town

# The address of each explanation; its text is the template of the same name.
INDICATORS = (
    "multiplier",
    "recirculation",
    "velocity",
    "days-to-first-spend",
    "share-by-neighbourhood",
    "share-by-social-economy",
    "units",
    "hidden-figures",
)


@everyone
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
        sse = {"sse": _("Social economy"), "other": _("Other businesses")}
        context |= {
            "month": month,
            "report": report,
            "totals": found.units,
            "paid_minor": found.paid_minor,
            "totals_day": month.last_day,
            "by_zone": published.bars(report.by_zone),
            "by_sse": published.bars(report.by_sse, sse),
            "sse": next((cell for cell in report.by_sse.cells if cell.code == "sse"), None),
            "waits": published.waits(report.waits),
        }
    return render(request, "koinon/town.html", context)


def _asked_month(request: HttpRequest, months: list[Month]) -> Month | None:
    asked = request.GET.get("month")
    found = next((month for month in months if str(month) == asked), None)
    return found or (months[0] if months else None)


@everyone
def how(request: HttpRequest, indicator: str) -> HttpResponse:
    if indicator not in INDICATORS:
        raise Http404
    context: dict[str, Any] = {"indicator": indicator}
    shown = the_town(request)
    months = published.months(shown, timezone.now()) if shown is not None else []
    if shown is not None and months:
        context |= {"month": months[0], "report": published.published(raw(), shown, months[0]).report}
    return render(request, f"koinon/how/{indicator}.html", context)


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
