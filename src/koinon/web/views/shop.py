"""The shop's pages: today's sales, giving money back, being paid out in euros."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID
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
from koinon.kernel.identifiers import id_for_key, new_id
from koinon.kernel.money import Amount
from koinon.ledger import queries as books
from koinon.ledger.types import Kind
from koinon.parties.connection import raw
from koinon.parties.models import Role, RoleGrant
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.payments import operations, queries
from koinon.payments.types import Payment, PurseView
from koinon.treasury import operations as treasury
from koinon.treasury import queries as treasury_queries
from koinon.treasury import standing
from koinon.treasury.rules import payout_day
from koinon.web import formats, movements, refusals
from koinon.web.access import party_of, seat_of, seen_by
from koinon.web.forms import AmountField, typed_amount
from koinon.web.snapshots import in_one_snapshot

RECENT = timedelta(days=60)
EARLIEST = date(2000, 1, 1)  # Before any town's books.
PAGE = 40


@seen_by(Role.SHOP)
@in_one_snapshot
def shop(request: HttpRequest) -> HttpResponse:
    """A day's sales, today's unless another is asked for; the days before to choose from."""
    grant = seat_of(request)
    conn = raw()
    today = timezone.now().astimezone(ZoneInfo(grant.town.time_zone)).date()
    day = _asked_day(request, today)
    days = queries.sales_by_day(
        conn, town_id=grant.town_id, payee=party_of(grant), first_day=day - RECENT, last_day=today
    )
    context = {
        "organisation": grant.party.organisation,  # type: ignore[union-attr]
        "day": day,
        "is_today": day == today,
        **movements.sales(town_id=grant.town_id, payee=party_of(grant), day=day),
        "sum": next((found for found in days if found.day == day), None),
        "days": [found for found in days if found.day != day][:14],
        "available": _available(grant),
        "bound": _bound(grant),
    }
    return render(request, "koinon/shop/day.html", context)


@seen_by(Role.SHOP)
def shop_movements(request: HttpRequest) -> HttpResponse:
    grant = seat_of(request)
    context = movements.page(request, grant.town, party_of(grant), PAGE, shop=True)
    return render(request, "koinon/shop/movements.html", context)


class RefundForm(forms.Form):
    """How much of a sale goes back; ``form_id`` makes sending it twice harmless."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, exponent: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"] = AmountField(exponent=exponent, label=gettext_lazy("Amount to give back"))


@seen_by(Role.SHOP)
def sale(request: HttpRequest, payment: UUID) -> HttpResponse:
    """One sale; a POST gives it back, in part or whole. Only the shop's own sales are found."""
    grant = seat_of(request)
    found = _own_sale(grant, payment)
    initial = {"form_id": new_id()}
    form = RefundForm(request.POST or None, initial=initial, exponent=grant.town.exponent)
    if request.method == "POST":
        whole = "whole" in request.POST
        if whole:
            form.fields["amount"].required = False
        if form.is_valid() and (done := _refund(request, grant, found, form, whole=whole)):
            return done
    context = {
        "sale": found,
        "refunds": queries.refunds_of(raw(), town_id=grant.town_id, payment_id=payment),
        "form": form,
        "available": _available(grant),
    }
    return render(request, "koinon/shop/sale.html", context)


def _refund(
    request: HttpRequest, grant: RoleGrant, sale: Payment, form: RefundForm, *, whole: bool
) -> HttpResponse | None:
    conn = raw()
    amount = None if whole else Amount(form.cleaned_data["amount"], grant.town.unit_code)
    try:
        with savepoint(conn):
            done = operations.refund(
                conn,
                town_id=grant.town_id,
                refund_id=id_for_key(f"web:refund:{sale.id}", str(form.cleaned_data["form_id"])),
                payment_id=sale.id,
                amount=amount,
                effective_at=timezone.now(),
                actor=grant.user.actor,
            )
    except KoinonError as refused:
        refusals.note(request, refused)
        for sentence in refusals.sentences(refused)[:1]:
            form.add_error("amount", sentence)
        return None
    given = formats.amount(done.amount, exponent=grant.town.exponent, country=grant.town.country)
    messages.success(request, _("%(amount)s went back to the customer.") % {"amount": given})
    return redirect("shop-sale", payment=sale.id)


class PayoutForm(forms.Form):
    """How much the shop wants in euros."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, exponent: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"] = AmountField(exponent=exponent, label=gettext_lazy("Amount to pay out"))


@seen_by(Role.SHOP)
def payout(request: HttpRequest) -> HttpResponse:
    """Turn units into euros on the shop's account."""
    grant = seat_of(request)
    conn = raw()
    form = PayoutForm(request.POST or None, initial={"form_id": new_id()}, exponent=grant.town.exponent)
    if request.method == "POST" and form.is_valid() and (done := _request_payout(request, grant, form)):
        return done
    today = timezone.now().astimezone(ZoneInfo(grant.town.time_zone)).date()
    terms = treasury_queries.terms(conn, town_id=grant.town_id, day=today)
    context = {
        "form": form,
        "available": _available(grant),
        "terms": terms,
        "fee_share": Fraction(terms.fee_bps, 10_000),
        "paid_on": payout_day(today + timedelta(days=terms.cooling_days), terms),
        "iban": _iban_ending(grant),
        "order": standing.order_of(conn, town_id=grant.town_id, party=party_of(grant)),
        "requests": treasury_queries.redemptions_of(conn, town_id=grant.town_id, party=party_of(grant)),
    }
    return render(request, "koinon/shop/payout.html", context)


def _request_payout(request: HttpRequest, grant: RoleGrant, form: PayoutForm) -> HttpResponse | None:
    conn = raw()
    try:
        with savepoint(conn):
            done = treasury.request_redemption(
                conn,
                town_id=grant.town_id,
                party=party_of(grant),
                amount=Amount(form.cleaned_data["amount"], grant.town.unit_code),
                idempotency_key=f"web:payout:{form.cleaned_data['form_id']}",
                at=timezone.now(),
                actor=grant.user.actor,
            )
    except KoinonError as refused:
        refusals.note(request, refused)
        for sentence in refusals.sentences(refused)[:1]:
            form.add_error("amount", sentence)
        return None
    asked = formats.amount(
        Amount(done.amount.minor, grant.town.national_currency),
        exponent=grant.town.exponent,
        country=grant.town.country,
    )
    messages.success(request, _("%(amount)s will come to your bank account.") % {"amount": asked})
    return redirect("shop-payout")


@seen_by(Role.SHOP)
@require_POST
def standing_order(request: HttpRequest) -> HttpResponse:
    """Be paid out on every run whatever the till holds above an amount; or not any more."""
    grant = seat_of(request)
    told: dict[str, Any] = {
        "town_id": grant.town_id,
        "party": party_of(grant),
        "actor": grant.user.actor,
        "at": timezone.now(),
    }
    if "end" in request.POST:
        standing.end_order(raw(), **told)
        messages.success(request, _("You are paid out when you ask for it."))
        return redirect("shop-payout")
    text = request.POST.get("keep", "").strip()
    try:
        keep = typed_amount(text, grant.town.exponent, formats.thousands_mark()) if text else 0
    except ValueError:
        messages.error(request, _("Write the amount with figures, such as 12,50."))
        return redirect("shop-payout")
    standing.set_order(raw(), **told, keep_minor=keep)
    messages.success(request, _("You are paid out on every run from now on."))
    return redirect("shop-payout")


@seen_by(Role.SHOP)
@require_POST
def undo_payout(request: HttpRequest, redemption: UUID) -> HttpResponse:
    """Take a request back while no run has it."""
    grant = seat_of(request)
    conn = raw()
    own = treasury_queries.redemptions_of(conn, town_id=grant.town_id, party=party_of(grant), limit=500)
    if redemption not in {found.id for found in own}:
        raise Http404
    treasury.undo_redemption(
        conn, town_id=grant.town_id, redemption_id=redemption, at=timezone.now(), actor=grant.user.actor
    )
    messages.success(request, _("The request is taken back. The money is in your till again."))
    return redirect("shop-payout")


def _own_sale(grant: RoleGrant, payment: UUID) -> Payment:
    found = queries.payment(raw(), town_id=grant.town_id, payment_id=payment)
    if found.payee != party_of(grant):
        raise Http404
    return found


def _available(grant: RoleGrant) -> int:
    account = books.account(raw(), town_id=grant.town_id, kind=Kind.TILL, holder=party_of(grant))
    return account.available.minor if account else 0


def _bound(grant: RoleGrant) -> list[PurseView]:
    """What the shop was paid and may only pay on, by the fund that binds it."""
    found = queries.purses(raw(), town_id=grant.town_id, payer=party_of(grant), at=timezone.now())
    return [purse for purse in found if purse.bound and purse.available_minor]


def _iban_ending(grant: RoleGrant) -> str:
    """The last four signs of the shop's account: enough for its owner to know it again."""
    kept = Vault(raw(), Secrets.load()).get(party_of(grant), ["iban"]).get("iban", "")
    return kept[-4:] if len(kept) > 8 else ""


def _asked_day(request: HttpRequest, today: date) -> date:
    """The day in the address; today where none is given, or one on which nothing can have been sold."""
    try:
        asked = date.fromisoformat(request.GET.get("day", ""))
    except ValueError:
        return today
    return asked if EARLIEST <= asked <= today else today
