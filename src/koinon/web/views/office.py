"""The officer's pages: programmes and their months."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from koinon.kernel.periods import Month
from koinon.parties.connection import raw
from koinon.parties.models import Role
from koinon.programmes import operations, queries
from koinon.programmes.types import CycleView, FundView, ProgrammeView
from koinon.web import cycles, formats, tables
from koinon.web.access import seat_of, seen_by


@dataclass(frozen=True, slots=True)
class ProgrammeCard:
    """A programme with its fund and its months, as the officer's first page shows it."""

    programme: ProgrammeView
    fund: FundView
    last_day: date | None
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
        ProgrammeCard(programme, fund, fund.on(today).last_day, found, months_to_prepare(found, today))
        for programme in queries.programmes(conn, town_id=town.pk)
        if programme.kind != "coproduction"
        for found, fund in [(of_programme[programme.id], funds[programme.fund_id])]
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
        request, _("%(month)s is prepared. Look at the list, then submit it.") % {"month": formats.month(month)}
    )
    return redirect("office-cycle", cycle=cycle.id)


@seen_by(Role.OFFICER)
def cycle(request: HttpRequest, cycle: UUID) -> HttpResponse:
    context = cycles.review(request, cycle)
    return tables.render(request, "koinon/office/cycle.html", {**context, "may": "officer"})


@seen_by(Role.OFFICER)
@require_POST
def submit(request: HttpRequest, cycle: UUID) -> HttpResponse:
    """Hand a draft in for approval."""
    seat = seat_of(request)
    done = operations.submit_cycle(
        raw(), town_id=seat.town_id, cycle_id=cycle, actor=seat.user.actor, now=timezone.now()
    )
    messages.success(
        request,
        ngettext(
            "%(month)s is submitted. %(people)d other person approves it now.",
            "%(month)s is submitted. %(people)d other people approve it now.",
            done.approvers_needed,
        )
        % {"month": formats.month(done.period), "people": done.approvers_needed},
    )
    return redirect("office-cycle", cycle=cycle)


class ScheduleForm(forms.Form):
    """From when on a month is paid."""

    at = forms.DateTimeField(input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"], required=False)


@seen_by(Role.OFFICER)
@require_POST
def schedule(request: HttpRequest, cycle: UUID) -> HttpResponse:
    """Leave a month to the timer, or take it back from it."""
    seat = seat_of(request)
    form = ScheduleForm(request.POST)
    wanted = form.cleaned_data["at"] if form.is_valid() else None
    if wanted is None and "off" not in request.POST:
        messages.error(request, _("Choose a day and an hour."))
        return redirect("office-cycle", cycle=cycle)
    # The form is in the town's time, whatever the site's own is.
    at = None if wanted is None else wanted.replace(tzinfo=ZoneInfo(seat.town.time_zone))
    operations.schedule_cycle(
        raw(), town_id=seat.town_id, cycle_id=cycle, at=at, actor=seat.user.actor, now=timezone.now()
    )
    messages.success(request, _("The payment is scheduled.") if at else _("The payment is no longer scheduled."))
    return redirect("office-cycle", cycle=cycle)


@seen_by(Role.OFFICER)
@require_POST
def disburse(request: HttpRequest, cycle: UUID) -> HttpResponse:
    """Pay an approved month out: whole or not at all, or by the timer where it is a long list."""
    seat = seat_of(request)
    asked: dict[str, Any] = {
        "town_id": seat.town_id,
        "cycle_id": cycle,
        "actor": seat.user.actor,
        "now": timezone.now(),
    }
    found = queries.cycle(raw(), town_id=seat.town_id, cycle_id=cycle)
    under_way = found.state == "disbursing" and found.stopped_at is None
    if found.count > cycles.AT_ONCE and (found.state == "approved" or under_way):
        if not under_way:  # Otherwise somebody else has pressed as well, and the timer is at it.
            operations.schedule_cycle(raw(), **asked, at=timezone.now())
        messages.success(request, _("%(month)s is being paid.") % {"month": formats.month(found.period)})
        return redirect("office-cycle", cycle=cycle)
    done = operations.disburse_cycle(raw(), **asked)
    messages.success(request, _("%(month)s is paid.") % {"month": formats.month(done.period)})
    return redirect("office-cycle", cycle=cycle)


@seen_by(Role.OFFICER)
@require_POST
def stop(request: HttpRequest, cycle: UUID) -> HttpResponse:
    seat = seat_of(request)
    operations.stop_cycle(
        raw(), town_id=seat.town_id, cycle_id=cycle, actor=seat.user.actor, now=timezone.now(),
        reason=request.POST.get("reason", "").strip()[:200],
    )  # fmt: skip
    messages.success(request, _("The payment is stopped. What is paid stays paid."))
    return redirect("office-cycle", cycle=cycle)


@seen_by(Role.OFFICER)
@require_POST
def resume(request: HttpRequest, cycle: UUID) -> HttpResponse:
    seat = seat_of(request)
    operations.resume_cycle(raw(), town_id=seat.town_id, cycle_id=cycle, actor=seat.user.actor, now=timezone.now())
    messages.success(request, _("The payment goes on."))
    return redirect("office-cycle", cycle=cycle)


@seen_by(Role.OFFICER)
@require_POST
def retry(request: HttpRequest, cycle: UUID) -> HttpResponse:
    """Pay again what could not be paid."""
    seat = seat_of(request)
    asked: dict[str, Any] = {
        "town_id": seat.town_id,
        "cycle_id": cycle,
        "actor": seat.user.actor,
        "now": timezone.now(),
    }
    begun = operations.retry_cycle(raw(), **asked)
    if begun.count - begun.paid > cycles.AT_ONCE:
        messages.success(request, _("%(month)s is being paid.") % {"month": formats.month(begun.period)})
        return redirect("office-cycle", cycle=cycle)
    done = operations.disburse_cycle(raw(), **asked)
    messages.success(
        request,
        _("Tried again: %(paid)d paid, %(failed)d still not.")
        % {"paid": done.paid - begun.paid, "failed": done.failed},
    )
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
