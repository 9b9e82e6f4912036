"""The town's public page: the numbers first, each with how it was computed."""

from __future__ import annotations

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from koinon.ledger import queries as ledger
from koinon.parties.connection import raw
from koinon.web.access import everyone
from koinon.web.context import the_town


@everyone
def town(request: HttpRequest) -> HttpResponse:
    shown = the_town(request)
    if shown is None:
        return render(request, "koinon/no_town.html")
    conn = raw()
    totals = ledger.totals(conn, town_id=shown.pk)
    head = ledger.head(conn, town_id=shown.pk)
    return render(request, "koinon/town.html", {"totals": totals, "head": head})


@everyone
def how(request: HttpRequest, indicator: str) -> HttpResponse:
    return HttpResponse(indicator)


@everyone
def check(request: HttpRequest) -> HttpResponse:
    return HttpResponse("")


@everyone
def healthz(request: HttpRequest) -> HttpResponse:
    """Whether the site and its database answer; for the machines that watch."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok", content_type="text/plain")
