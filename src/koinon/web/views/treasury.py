"""The treasury's pages: what stands behind the units, and paying shops out."""

from __future__ import annotations

from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from koinon.ledger import queries as books
from koinon.ledger.types import Kind
from koinon.parties.connection import raw
from koinon.parties.models import Role, RoleGrant
from koinon.parties.secrets import Secrets
from koinon.programmes import queries as programmes
from koinon.treasury import operations, queries
from koinon.web import words
from koinon.web.access import seen_by


@seen_by(Role.TREASURER)
def treasury(request: HttpRequest) -> HttpResponse:
    """Euros behind the units, and what came in."""
    town = _seat(request).town
    conn = raw()
    funds = programmes.funds(conn, town_id=town.pk)
    names = {fund.id: fund.name for fund in funds}
    reserves = []
    for fund in funds:
        account = (
            books.account(conn, town_id=town.pk, kind=Kind.RESERVE, holder=town.party_id, fund=fund.id)
            if town.party_id
            else None
        )
        reserves.append((fund, account.available.minor if account else 0))
    context = {
        "totals": books.totals(conn, town_id=town.pk),
        "euros": queries.euros(conn, town_id=town.pk),
        "reserves": reserves,
        "receipts": [(receipt, names.get(receipt.fund, "–")) for receipt in queries.receipts(conn, town_id=town.pk)],
    }
    return render(request, "koinon/treasury/reserve.html", context)


@seen_by(Role.TREASURER)
def runs(request: HttpRequest) -> HttpResponse:
    """Shops waiting for their euros, and the runs that pay them."""
    town = _seat(request).town
    conn = raw()
    waiting = queries.open_redemptions(conn, town_id=town.pk)
    context = {
        "waiting": len({redemption.party for redemption in waiting}),
        "requests": len(waiting),
        "waiting_minor": sum(redemption.amount.minor for redemption in waiting),
        "runs": queries.runs(conn, town_id=town.pk),
        "form_id": timezone.now().strftime("%Y%m%d%H%M%S%f"),
    }
    return render(request, "koinon/treasury/runs.html", context)


@seen_by(Role.TREASURER)
@require_POST
def prepare_run(request: HttpRequest) -> HttpResponse:
    seat = _seat(request)
    key = f"web:{seat.user.pk}:{request.POST.get('form_id', '')[:40]}"
    run = operations.prepare_run(
        raw(), town_id=seat.town_id, idempotency_key=key, at=timezone.now(), actor=seat.user.actor
    )
    messages.success(request, _("The run is prepared. A second person approves it now."))
    return redirect("treasury-run", run=run.id)


@seen_by(Role.TREASURER)
def run(request: HttpRequest, run: UUID) -> HttpResponse:
    """One run: its state and its payments, each under a number and without a name."""
    town = _seat(request).town
    conn = raw()
    found = queries.run(conn, town_id=town.pk, run_id=run)
    terms = queries.terms(conn, town_id=town.pk, day=timezone.now().astimezone(ZoneInfo(town.time_zone)).date())
    context = {
        "run": found,
        "payments": queries.payments(conn, town_id=town.pk, run_id=run),
        "terms": terms,
        "people": [
            (_("Prepared"), words.staff_name(found.prepared_by), found.prepared_at),
            (_("Approved"), words.staff_name(found.approved_by or ""), found.approved_at),
            (_("File made"), words.staff_name(found.exported_by or ""), found.exported_at),
            (_("Paid by the bank"), words.staff_name(found.settled_by or ""), found.settled_at),
        ],
    }
    return render(request, "koinon/treasury/run.html", context)


@seen_by(Role.TREASURER)
@require_POST
def approve_run(request: HttpRequest, run: UUID) -> HttpResponse:
    seat = _seat(request)
    operations.approve_run(raw(), town_id=seat.town_id, run_id=run, at=timezone.now(), actor=seat.user.actor)
    messages.success(request, _("The run is approved."))
    return redirect("treasury-run", run=run)


@seen_by(Role.TREASURER)
@require_POST
def export_run(request: HttpRequest, run: UUID) -> HttpResponse:
    """The bank's file; the only answer of the site that holds names and accounts, and it is kept nowhere."""
    seat = _seat(request)
    file = operations.export_run(
        raw(), town_id=seat.town_id, run_id=run, secrets=Secrets.load(), at=timezone.now(), actor=seat.user.actor
    )
    response = HttpResponse(file.content, content_type=file.media_type)
    response["Content-Disposition"] = f'attachment; filename="{file.name}"'
    response["Cache-Control"] = "no-store"
    return response


@seen_by(Role.TREASURER)
@require_POST
def settle_run(request: HttpRequest, run: UUID) -> HttpResponse:
    seat = _seat(request)
    operations.settle_run(raw(), town_id=seat.town_id, run_id=run, at=timezone.now(), actor=seat.user.actor)
    messages.success(request, _("The bank's payments are on the books."))
    return redirect("treasury-run", run=run)


@seen_by(Role.TREASURER)
@require_POST
def cancel_run(request: HttpRequest, run: UUID) -> HttpResponse:
    seat = _seat(request)
    operations.cancel_run(raw(), town_id=seat.town_id, run_id=run, at=timezone.now(), actor=seat.user.actor)
    messages.success(request, _("The run is cancelled. Its shops wait for the next one."))
    return redirect("treasury-runs")


def _seat(request: HttpRequest) -> RoleGrant:
    return request.seat  # type: ignore[attr-defined,no-any-return]
