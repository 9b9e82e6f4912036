"""The treasury's pages: what stands behind the units, and paying shops out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from koinon.db.transactions import savepoint
from koinon.kernel.errors import KoinonError
from koinon.kernel.money import Amount
from koinon.ledger import queries as books
from koinon.ledger.types import Kind as Account
from koinon.parties import naming
from koinon.parties.connection import raw
from koinon.parties.models import Role, RoleGrant
from koinon.parties.secrets import Secrets
from koinon.programmes import queries as programmes
from koinon.programmes.types import FundView
from koinon.treasury import operations, queries
from koinon.treasury.rules import next_run_day
from koinon.treasury.types import PaymentState, RunState
from koinon.web import bank_words, names, refusals, tables, words
from koinon.web.access import seat_of, seen_by
from koinon.web.forms import AmountField
from koinon.web.snapshots import in_one_snapshot
from koinon.web.tables import Column, Kind, Table


class ReceiptForm(forms.Form):
    """Euros that arrived for a fund, as the bank statement says it; ``form_id`` makes sending it twice harmless."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, funds: list[FundView], exponent: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["fund"] = forms.ChoiceField(
            label=gettext_lazy("Fund"), choices=[(str(fund.id), fund.name) for fund in funds]
        )
        self.fields["amount"] = AmountField(exponent=exponent, label=gettext_lazy("Amount"))
        self.fields["bank_reference"] = forms.RegexField(
            r"^[A-Za-z0-9:._/#-]{1,64}$",
            label=gettext_lazy("The bank's reference"),
            help_text=gettext_lazy("As on the statement: letters, figures and signs, without spaces. No names."),
        )


@seen_by(Role.TREASURER)
@in_one_snapshot
def treasury(request: HttpRequest) -> HttpResponse:
    """Euros behind the units, and what came in; a POST puts a receipt on the books."""
    seat = seat_of(request)
    town = seat.town
    conn = raw()
    funds = programmes.funds(conn, town_id=town.pk)
    form = ReceiptForm(request.POST or None, initial={"form_id": uuid4()}, funds=funds, exponent=town.exponent)
    if request.method == "POST" and form.is_valid() and _received(request, seat, form):
        return redirect("treasury")
    called: dict[UUID | None, str] = {fund.id: fund.name for fund in funds}
    held = {
        account.fund: account.available.minor
        for account in books.accounts_of_kind(conn, town_id=town.pk, kind=Account.RESERVE)
        if account.holder == town.party_id
    }
    context = {
        "totals": books.totals(conn, town_id=town.pk),
        "reserves": [(fund, held.get(fund.id, 0)) for fund in funds],
        "receipts": [(receipt, called.get(receipt.fund, "–")) for receipt in queries.receipts(conn, town_id=town.pk)],
        "form": form,
    }
    return render(request, "koinon/treasury/reserve.html", context)


def _received(request: HttpRequest, seat: RoleGrant, form: ReceiptForm) -> bool:
    conn = raw()
    try:
        with savepoint(conn):
            operations.receive_budget(
                conn,
                town_id=seat.town_id,
                fund=UUID(form.cleaned_data["fund"]),
                amount=Amount(form.cleaned_data["amount"], seat.town.unit_code),
                bank_reference=form.cleaned_data["bank_reference"],
                idempotency_key=f"web:receipt:{form.cleaned_data['form_id']}",
                at=timezone.now(),
                actor=seat.user.actor,
            )
    except KoinonError as refused:
        refusals.note(request, refused)
        form.add_error(None, refusals.sentences(refused)[0])
        return False
    messages.success(request, _("The receipt is on the books."))
    return True


@seen_by(Role.TREASURER)
@in_one_snapshot
def runs(request: HttpRequest) -> HttpResponse:
    """Shops waiting for their euros, and the runs that pay them."""
    town = seat_of(request).town
    conn = raw()
    today = timezone.now().astimezone(ZoneInfo(town.time_zone)).date()
    terms = queries.terms(conn, town_id=town.pk, day=today)
    waiting = queries.open_redemptions(conn, town_id=town.pk, payable_on=today)
    cooling = sum(one.amount.minor for one in queries.open_redemptions(conn, town_id=town.pk)) - sum(
        one.amount.minor for one in waiting
    )
    listed = queries.runs(conn, town_id=town.pk)
    not_paid = queries.not_paid(conn, town_id=town.pk, runs=[one.id for one in listed])
    context = {
        "cooling_minor": cooling,
        "run_day": next_run_day(today, terms) if terms.schedule else None,
        "today": today,
        "waiting": len({redemption.party for redemption in waiting}),
        "requests": len(waiting),
        "waiting_minor": sum(redemption.amount.minor for redemption in waiting),
        "runs": [(one, not_paid.get(one.id, 0)) for one in listed],
        "form_id": uuid4(),
    }
    return render(request, "koinon/treasury/runs.html", context)


class PrepareForm(forms.Form):
    """``form_id`` alone: sent twice it prepares one run."""

    form_id = forms.UUIDField()


@seen_by(Role.TREASURER)
@require_POST
def prepare_run(request: HttpRequest) -> HttpResponse:
    seat = seat_of(request)
    form = PrepareForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("The page was open for too long. Go back, load it again and send it once more."))
        return redirect("treasury-runs")
    run = operations.prepare_run(
        raw(),
        town_id=seat.town_id,
        idempotency_key=f"web:run:{form.cleaned_data['form_id']}",
        at=timezone.now(),
        actor=seat.user.actor,
    )
    messages.success(request, _("The run is prepared. A second person approves it now."))
    return redirect("treasury-run", run=run.id)


PAYMENTS = Table(
    name="run-payments",
    title=gettext_lazy("Every payment of the run"),
    hint=gettext_lazy("Accounts are only in the bank's file."),
    columns=[
        Column("id", gettext_lazy("Payment"), Kind.CODE, link="treasury-payment", link_to="id"),
        Column("party", gettext_lazy("Shop"), Kind.PARTY),
        Column("state", gettext_lazy("State"), Kind.STATE, words=words.PAYMENT_STATES),
        Column("amount", gettext_lazy("Amount"), Kind.MONEY, national=True),
        Column("reason", gettext_lazy("Reason"), Kind.CODE, hidden=True),
    ],
    sort="-amount",
)


@seen_by(Role.TREASURER)
def run(request: HttpRequest, run: UUID) -> HttpResponse:
    return tables.render(request, "koinon/treasury/run.html", {**run_facts(request, run), "may": "treasurer"})


def run_facts(request: HttpRequest, run: UUID) -> dict[str, Any]:
    """One run: its state and its payments.

    Until the bank's file is made it comes with the fingerprint of whom it pays as things stand.
    """
    town = seat_of(request).town
    conn = raw()
    found = queries.run(conn, town_id=town.pk, run_id=run)
    today = timezone.now().astimezone(ZoneInfo(town.time_zone)).date()
    table = PAYMENTS
    if seat_of(request).role != Role.TREASURER:
        table = replace(PAYMENTS, columns=[replace(column, link="") for column in PAYMENTS.columns])
    is_open = found.state in (RunState.PREPARED, RunState.APPROVED)
    return {
        "run": found,
        "not_paid_minor": queries.not_paid(conn, town_id=town.pk, runs=[run]).get(run, 0),
        "sees_people": names.may_see(request),
        "payments": table.read(request, queries.payments(conn, town_id=town.pk, run_id=run)),
        "payees": operations.payees(conn, town_id=town.pk, run_id=run, secrets=Secrets.load()) if is_open else "",
        "terms": queries.terms(conn, town_id=town.pk, day=today),
        "people": [
            (_("Prepared"), words.staff_name(found.prepared_by), found.prepared_at),
            (_("Approved"), words.staff_name(found.approved_by or ""), found.approved_at),
            (_("File made"), words.staff_name(found.exported_by or ""), found.exported_at),
            (_("Paid by the bank"), words.staff_name(found.settled_by or ""), found.settled_at),
        ],
    }


@seen_by(Role.TREASURER)
@require_POST
def approve_run(request: HttpRequest, run: UUID) -> HttpResponse:
    seat = seat_of(request)
    operations.approve_run(
        raw(),
        town_id=seat.town_id,
        run_id=run,
        secrets=Secrets.load(),
        at=timezone.now(),
        actor=seat.user.actor,
        shown=request.POST.get("payees", ""),
    )
    messages.success(request, _("The run is approved."))
    return redirect("treasury-run", run=run)


@seen_by(Role.TREASURER)
@require_POST
def withdraw_approval(request: HttpRequest, run: UUID) -> HttpResponse:
    seat = seat_of(request)
    operations.withdraw_approval(raw(), town_id=seat.town_id, run_id=run, at=timezone.now(), actor=seat.user.actor)
    messages.success(request, _("The approval is withdrawn. The run can be approved anew."))
    return redirect("treasury-run", run=run)


@seen_by(Role.TREASURER)
@require_POST
def export_run(request: HttpRequest, run: UUID) -> HttpResponse:
    """The bank's file: names and accounts, for those alone who may see them; it is kept nowhere."""
    seat = seat_of(request)
    naming.needs_personal_data(names.reader_of(request))
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
    seat = seat_of(request)
    operations.settle_run(raw(), town_id=seat.town_id, run_id=run, at=timezone.now(), actor=seat.user.actor)
    messages.success(request, _("The bank's payments are on the books."))
    return redirect("treasury-run", run=run)


class AnswerForm(forms.Form):
    """What the bank says of a payment, and why."""

    reason = forms.ChoiceField(
        label=gettext_lazy("The bank's reason"),
        choices=[(code, f"{code} · {said}") for code, said in bank_words.REASONS.items()],
    )


@seen_by(Role.TREASURER)
def payment(request: HttpRequest, bank_payment: UUID) -> HttpResponse:
    """One payment to a shop; a POST says that the bank refused it, or that it came back, where no file says so."""
    seat, conn = seat_of(request), raw()
    found = queries.payment(conn, town_id=seat.town_id, payment_id=bank_payment)
    if found is None:
        raise Http404
    form = AnswerForm(request.POST or None)
    can = {PaymentState.DUE: "reject", PaymentState.PAID: "return"}.get(found.state, "")
    run = queries.run(conn, town_id=seat.town_id, run_id=found.run_id)
    if run.state not in (RunState.EXPORTED, RunState.SETTLED):
        can = ""
    if request.method == "POST" and form.is_valid():
        act = operations.return_payment if request.POST.get("act") == "return" else operations.reject_payment
        act(
            conn, town_id=seat.town_id, payment_id=found.id, reason=form.cleaned_data["reason"], at=timezone.now(),
            actor=seat.user.actor,
        )  # fmt: skip
        told = {
            "reject": _("The payment is refused. What the shop asked for waits for the next run."),
            "return": _("The payment is booked back. The money is in the shop's till again."),
        }
        messages.success(request, told["return" if request.POST.get("act") == "return" else "reject"])
        return redirect("treasury-payment", bank_payment=found.id)
    context = {
        "payment": found,
        "called": names.called(request, [found.party])[found.party],
        "state": words.PAYMENT_STATES[found.state],
        "reason": bank_words.REASONS.get(found.reason or "", found.reason),
        "form": form,
        "can": can,
    }
    return render(request, "koinon/treasury/payment.html", context, status=422 if form.errors else 200)


@seen_by(Role.TREASURER)
@require_POST
def cancel_run(request: HttpRequest, run: UUID) -> HttpResponse:
    seat = seat_of(request)
    operations.cancel_run(raw(), town_id=seat.town_id, run_id=run, at=timezone.now(), actor=seat.user.actor)
    messages.success(request, _("The run is cancelled. Its shops wait for the next one."))
    return redirect("treasury-runs")
