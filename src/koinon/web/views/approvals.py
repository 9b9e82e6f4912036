"""The second person's pages: look at what will happen, and say yes."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from koinon.accounting import queries as accounting
from koinon.accounting.types import TownPaymentState
from koinon.campaigns import queries as campaigns
from koinon.campaigns.types import CampaignState
from koinon.parties import rights
from koinon.parties.connection import raw
from koinon.parties.models import Role
from koinon.parties.secrets import Secrets
from koinon.programmes import operations, queries
from koinon.treasury import operations as treasury
from koinon.treasury import queries as treasury_queries
from koinon.treasury.types import RunState
from koinon.web import cycles, formats, tables
from koinon.web.access import seat_of, seen_by
from koinon.web.views.treasury import run_facts


@seen_by(Role.APPROVER)
def approvals(request: HttpRequest) -> HttpResponse:
    town = seat_of(request).town
    conn = raw()
    found = queries.cycles(conn, town_id=town.pk)
    runs = treasury_queries.runs(conn, town_id=town.pk)
    context = {
        "waiting": [cycle for cycle in found if cycle.state == "submitted"],
        "done": [cycle for cycle in found if cycle.state not in ("prepared", "submitted", "cancelled")],
        "runs_waiting": [run for run in runs if run.state is RunState.PREPARED],
        "runs_approved": [run for run in runs if run.state is RunState.APPROVED],
        "elsewhere": _elsewhere(town.pk),
    }
    return render(request, "koinon/approvals/list.html", context)


def _elsewhere(town_id: int) -> list[tuple[str, str, int]]:
    """What waits for a second person on pages of its own: the page, what it is called, how many."""
    conn = raw()
    released = [one.state for one in campaigns.campaigns(conn, town_id=town_id)].count(CampaignState.SUBMITTED)
    excepted = [one.state for one in queries.exceptions(conn, town_id=town_id)].count("proposed")
    paid = [one.state for one in accounting.town_payments(conn, town_id=town_id)].count(TownPaymentState.PREPARED)
    asked = len(rights.requests(conn, town_id=town_id))
    waiting = [
        ("staff", _("Staff and rights"), asked),
        ("campaigns", _("Bonus campaigns"), released),
        ("exceptions", _("Exceptions"), excepted),
        ("accounts-till", _("The town's till"), paid),
    ]
    return [(page, title, count) for page, title, count in waiting if count]


@seen_by(Role.APPROVER)
def cycle(request: HttpRequest, cycle: UUID) -> HttpResponse:
    context = cycles.review(request, cycle)
    return tables.render(request, "koinon/office/cycle.html", {**context, "may": "approver"})


@seen_by(Role.APPROVER)
@require_POST
def approve(request: HttpRequest, cycle: UUID) -> HttpResponse:
    seat = seat_of(request)
    done = operations.approve_cycle(
        raw(),
        town_id=seat.town_id,
        cycle_id=cycle,
        actor=seat.user.actor,
        now=timezone.now(),
        fingerprint=request.POST.get("fingerprint", ""),  # Of the list that this person's page showed.
    )
    if done.state == "submitted":
        left = done.approvers_needed - done.approvals
        messages.success(
            request,
            ngettext(
                "Your approval of %(month)s is recorded. %(left)d more is needed.",
                "Your approval of %(month)s is recorded. %(left)d more are needed.",
                left,
            )
            % {"month": formats.month(done.period), "left": left},
        )
    else:
        messages.success(request, _("%(month)s is approved.") % {"month": formats.month(done.period)})
    return redirect("approvals")


@seen_by(Role.APPROVER)
@require_POST
def send_back(request: HttpRequest, cycle: UUID) -> HttpResponse:
    """Make a submitted month a draft again, and say why."""
    seat = seat_of(request)
    reason = request.POST.get("reason", "").strip()[:200]
    if not reason:
        messages.error(request, _("Say why in a few words."))
        return redirect("approve-look", cycle=cycle)
    done = operations.return_cycle(
        raw(), town_id=seat.town_id, cycle_id=cycle, actor=seat.user.actor, now=timezone.now(), reason=reason
    )
    messages.success(request, _("%(month)s is sent back to the office.") % {"month": formats.month(done.period)})
    return redirect("approvals")


@seen_by(Role.APPROVER)
def run(request: HttpRequest, run: UUID) -> HttpResponse:
    context = run_facts(request, run)
    return tables.render(request, "koinon/treasury/run.html", {**context, "may": "approver"})


@seen_by(Role.APPROVER)
@require_POST
def approve_run(request: HttpRequest, run: UUID) -> HttpResponse:
    seat = seat_of(request)
    treasury.approve_run(
        raw(),
        town_id=seat.town_id,
        run_id=run,
        secrets=Secrets.load(),
        at=timezone.now(),
        actor=seat.user.actor,
        shown=request.POST.get("payees", ""),
    )
    messages.success(request, _("The run is approved."))
    return redirect("approvals")


@seen_by(Role.APPROVER)
@require_POST
def withdraw_approval(request: HttpRequest, run: UUID) -> HttpResponse:
    seat = seat_of(request)
    treasury.withdraw_approval(raw(), town_id=seat.town_id, run_id=run, at=timezone.now(), actor=seat.user.actor)
    messages.success(request, _("The approval is withdrawn. The run can be approved anew."))
    return redirect("approve-run-look", run=run)
