"""The auditor's pages: are the books in order, are the seals unbroken, who did what. No names, no people."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from koinon.audit import queries as trail_queries
from koinon.audit.queries import Entry
from koinon.db import checks
from koinon.ledger import queries as books
from koinon.ledger import seals as ledger_seals
from koinon.ledger.errors import SealBroken
from koinon.parties.connection import raw
from koinon.parties.models import Role
from koinon.treasury import queries as treasury
from koinon.web import words
from koinon.web.access import seat_of, seen_by

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


@dataclass(frozen=True, slots=True)
class TrailLine:
    """An act; ``times`` counts those that one step did to many at once."""

    entry: Entry
    act: str
    facts: str
    times: int


@seen_by(Role.AUDITOR)
def trail(request: HttpRequest) -> HttpResponse:
    """Who did what, newest first."""
    town = seat_of(request).town
    before = request.GET.get("before")
    entries = trail_queries.entries(raw(), town_id=town.pk, before=_id_or_none(before), size=PAGE + 1)
    shown = entries[:PAGE]
    lines = []
    for _same, group in groupby(shown, key=lambda entry: (entry.at, entry.actor, entry.action)):
        together = list(group)
        first = together[0]
        lines.append(TrailLine(first, words.act(first.action), _facts(first, len(together)), len(together)))
    more = shown[-1].id if len(entries) > PAGE else None
    return render(request, "koinon/audit/trail.html", {"lines": lines, "more": more, "paged": before})


def _facts(entry: Entry, times: int) -> str:
    """What changed, on one line; of many at once only why."""
    if times > 1:
        return entry.reason
    parts = [_plain(entry.before), _plain(entry.after)]
    facts = " → ".join(part for part in parts if part)
    return f"{facts} ({entry.reason})" if entry.reason and facts else facts or entry.reason


def _plain(kept: Any) -> str:
    facts = json.loads(kept) if isinstance(kept, str) else kept
    return ", ".join(f"{name}: {_value(value)}" for name, value in facts.items()) if facts else ""


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "(" + ", ".join(f"{name} {inner}" for name, inner in value.items()) + ")"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def _id_or_none(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
