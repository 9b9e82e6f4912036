"""The officer's pages: programmes, their months, and the check of a town folder."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from koinon.kernel.decisions import Finding, Severity
from koinon.kernel.errors import FindingsError
from koinon.kernel.periods import Month
from koinon.parties.connection import raw
from koinon.parties.models import Role
from koinon.pilots import townfolder
from koinon.programmes import operations, queries
from koinon.programmes.types import CycleView, FundView, ProgrammeView
from koinon.web import cycles, formats
from koinon.web.access import seat_of, seen_by
from koinon.web.uploads import UploadRefused, folder_for_one, unpack


@dataclass(frozen=True, slots=True)
class ProgrammeCard:
    """A programme with its fund and its months, as the officer's first page shows it."""

    programme: ProgrammeView
    fund: FundView
    cycles: list[CycleView]
    months: list[Month]


@seen_by(Role.OFFICER)
def office(request: HttpRequest) -> HttpResponse:
    town = seat_of(request).town
    conn = raw()
    funds = {fund.id: fund for fund in queries.funds(conn, town_id=town.pk)}
    today = timezone.now().astimezone(ZoneInfo(town.time_zone)).date()
    of_programme: dict[UUID, list[CycleView]] = defaultdict(list)
    for cycle in queries.cycles(conn, town_id=town.pk):
        of_programme[cycle.programme_id].append(cycle)
    cards = [
        ProgrammeCard(programme, funds[programme.fund_id], found, months_to_prepare(found, today))
        for programme in queries.programmes(conn, town_id=town.pk)
        for found in [of_programme[programme.id]]
    ]
    return render(request, "koinon/office/programmes.html", {"cards": cards})


def months_to_prepare(found: list[CycleView], today: date) -> list[Month]:
    """The months an officer may want next: after the last one prepared, this one, the one to come."""
    taken = {cycle.period for cycle in found if cycle.state != "cancelled"}
    this = Month.of(today)
    wanted = {this, this.next()}
    if taken:
        wanted.add(max(taken).next())
    return sorted(wanted - taken)


@seen_by(Role.OFFICER)
@require_POST
def prepare(request: HttpRequest, programme: UUID) -> HttpResponse:
    seat = seat_of(request)
    try:
        month = Month.parse(request.POST.get("month", ""))
    except ValueError:
        messages.error(request, _("Choose a month."))
        return redirect("office")
    cycle = operations.prepare_cycle(
        raw(), town_id=seat.town_id, programme_id=programme, month=month, actor=seat.user.actor, now=timezone.now()
    )
    messages.success(
        request, _("%(month)s is prepared. A second person approves it now.") % {"month": formats.month(month)}
    )
    return redirect("office-cycle", cycle=cycle.id)


@seen_by(Role.OFFICER)
def cycle(request: HttpRequest, cycle: UUID) -> HttpResponse:
    context = cycles.review(raw(), seat_of(request).town, cycle)
    return render(request, "koinon/office/cycle.html", {**context, "may": "officer"})


@seen_by(Role.OFFICER)
@require_POST
def disburse(request: HttpRequest, cycle: UUID) -> HttpResponse:
    """Pay an approved month out, whole or not at all."""
    seat = seat_of(request)
    done = operations.disburse_cycle(
        raw(), town_id=seat.town_id, cycle_id=cycle, actor=seat.user.actor, now=timezone.now()
    )
    messages.success(request, _("%(month)s is paid.") % {"month": formats.month(done.period)})
    return redirect("office-cycle", cycle=cycle)


@seen_by(Role.OFFICER)
@require_POST
def cancel(request: HttpRequest, cycle: UUID) -> HttpResponse:
    seat = seat_of(request)
    done = operations.cancel_cycle(
        raw(), town_id=seat.town_id, cycle_id=cycle, actor=seat.user.actor, now=timezone.now()
    )
    messages.success(
        request, _("%(month)s is cancelled. It can be prepared anew.") % {"month": formats.month(done.period)}
    )
    return redirect("office")


class FolderForm(forms.Form):
    """A town folder as one file."""

    folder = forms.FileField(
        label=gettext_lazy("Town folder as a ZIP file"),
        help_text=gettext_lazy("town.toml with its spreadsheets and programmes. At most 10 MB."),
    )


@seen_by(Role.OFFICER)
def import_check(request: HttpRequest) -> HttpResponse:
    """Read an uploaded town folder and show every finding; nothing is kept and nothing is written."""
    form = FolderForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        with folder_for_one(settings.UPLOADS) as own:
            try:
                folder = unpack(form.cleaned_data["folder"], own)
                context |= _read(folder)
            except UploadRefused as refused:
                form.add_error("folder", str(refused))
    return render(request, "koinon/office/import.html", context)


def _read(folder: Path) -> dict[str, Any]:
    try:
        plan = townfolder.read(folder)
    except FindingsError as refused:
        return {"checked": True, **_counted(refused.findings)}
    counts = {"households": len(plan.households), "residents": len(plan.people), "shops": len(plan.businesses)}
    return {"checked": True, "counts": counts, **_counted(plan.warnings)}


def _counted(findings: tuple[Finding, ...]) -> dict[str, Any]:
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    return {"findings": findings, "errors": len(errors), "warnings": len(findings) - len(errors)}
