"""The auditor's pages: are the books in order, are the seals unbroken, who did what. No names, no people."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy

from koinon.db import checks
from koinon.db.statements import statement
from koinon.ledger import queries as books
from koinon.ledger import seals as ledger_seals
from koinon.ledger.errors import SealBroken
from koinon.parties.connection import raw
from koinon.parties.models import Role
from koinon.treasury import queries as treasury
from koinon.web import acts, tables, words
from koinon.web.access import seat_of, seen_by
from koinon.web.tables import Column, Kind, Row, Table

PAGE = 120


@seen_by(Role.AUDITOR)
def audit(request: HttpRequest) -> HttpResponse:
    """Totals, and what every invariant said when it was last run; a POST runs them now."""
    town = seat_of(request).town
    conn = raw()
    if request.method == "POST":
        checks.keep(conn, town_id=town.pk, results=checks.run_checks(conn, town_id=town.pk), at=timezone.now())
        return redirect("audit")
    results = checks.last(conn, town_id=town.pk)
    context = {
        "totals": books.totals(conn, town_id=town.pk),
        "euros": treasury.euros(conn, town_id=town.pk),
        "results": results,
        "failed": [result for result in results if not result.passed],
        "at": min((result.checked_at for result in results), default=None),
    }
    return render(request, "koinon/audit/books.html", context)


@seen_by(Role.AUDITOR)
def seals(request: HttpRequest) -> HttpResponse:
    """The chain of sealed blocks; a POST computes all of it again from the rows."""
    town = seat_of(request).town
    conn = raw()
    blocks = books.blocks(conn, town_id=town.pk)
    context: dict[str, Any] = {
        "blocks": list(reversed(blocks))[:PAGE],
        "count": len(blocks),
        "unsealed": books.unsealed(conn, town_id=town.pk),
    }
    if request.method == "POST":
        try:
            context["verified"] = ledger_seals.verify(conn, town_id=town.pk)
        except SealBroken as broken:
            context["broken"] = broken
        context["at"] = timezone.now()
    return render(request, "koinon/audit/seals.html", context)


def _facts(row: Row) -> str:
    """What an act changed, on one line."""
    changed = acts.differences(row["before"], row["after"])
    return "; ".join(
        f"{one.name}: {one.before} → {one.after}" if one.before else f"{one.name}: {one.after or '–'}"
        for one in changed
    )


TRAIL = Table(
    name="audit-trail",
    title=gettext_lazy("What was done"),
    source=statement("koinon.office", "trail_listed"),
    columns=[
        Column("at", gettext_lazy("When"), Kind.INSTANT, nullable=False),
        Column("who", gettext_lazy("Who")),
        Column("action", gettext_lazy("What"), words=words.ACTS),
        Column("subject", gettext_lazy("To what"), Kind.CODE),
        Column("reason", gettext_lazy("Why")),
        Column("facts", gettext_lazy("Facts"), value=_facts),
    ],
    sort="-id",
    size=100,
    empty=gettext_lazy("Nothing has been recorded yet."),
)


@seen_by(Role.AUDITOR)
def trail(request: HttpRequest) -> HttpResponse:
    """Who did what, newest first."""
    return tables.render(request, "koinon/audit/trail.html", {"trail": TRAIL.read(request)})
