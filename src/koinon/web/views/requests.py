"""A shop asks a customer to pay by phone, and has a code of its own on the counter."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from koinon.db.transactions import savepoint
from koinon.documents import qr
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount, to_decimal
from koinon.parties.connection import raw
from koinon.parties.models import Role, RoleGrant
from koinon.parties.secrets import Secrets
from koinon.payments import paper as printed
from koinon.payments import requesting, shifts, tills
from koinon.payments.errors import RequestPaid
from koinon.payments.types import Asked, PayeeCode, RequestState
from koinon.web import paper, paying, refusals, till
from koinon.web.access import party_of, seat_of, seen_by
from koinon.web.forms import AmountField
from koinon.web.views.paying import own_request
from koinon.web.views.till import till_page

AT_THE_TILL = timedelta(minutes=10)


class RequestForm(forms.Form):
    """How much a customer is to pay; ``form_id`` makes sending it twice harmless."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, exponent: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"] = AmountField(exponent=exponent, label=gettext_lazy("Amount"))
        self.fields["amount"].widget.attrs["autofocus"] = True


@till_page
def ask(request: HttpRequest) -> HttpResponse:
    """Type an amount and show its code to a customer who pays by phone."""
    grant = seat_of(request)
    form = RequestForm(_typed(request, grant) or None, initial={"form_id": new_id()}, exponent=grant.town.exponent)
    if request.method == "POST" and form.is_valid():
        try:
            with savepoint(raw()):
                made = requesting.ask(
                    raw(),
                    town_id=grant.town_id,
                    payee=party_of(grant),
                    amount=Amount(form.cleaned_data["amount"], grant.town.unit_code),
                    lasts=AT_THE_TILL,
                    idempotency_key=f"web:{form.cleaned_data['form_id']}",
                    actor=_work(request).actor(grant),
                    at=timezone.now(),
                    secrets=Secrets.load(),
                )
            return redirect("till-requested", bill=made.id)
        except KoinonError as refused:
            refusals.note(request, refused)
            form.add_error("amount", refusals.sentences(refused)[0])
    found = requesting.asked_by(raw(), town_id=grant.town_id, payee=party_of(grant), at=timezone.now(), limit=10)
    context = {"form": form, "asked": found}
    return till.show(request, "koinon/paying/till.html", context, status=422 if form.errors else 200)


def _typed(request: HttpRequest, grant: RoleGrant) -> dict[str, str]:
    """What was typed on this page; or on the till's keypad, which counts in minor units."""
    given = request.POST.dict()
    if (minor := given.get("minor", "")).isdecimal():
        given["amount"] = str(to_decimal(int(minor[:15]), grant.town.exponent))
    return given


@till_page
@require_GET
def asked(request: HttpRequest, bill: UUID) -> HttpResponse:
    """The code that the customer scans; the page says by itself when it is paid."""
    grant = seat_of(request)
    found = own_request(grant, bill)
    address = paying.link(request, paying.token_of(grant.town_id, found.request))
    is_open = found.state == RequestState.OPEN
    if found.payment is not None:
        _count(request, grant, found)
    context = {"asked": found, "svg": qr.drawing(address, error="l") if is_open else ""}
    return till.show(request, "koinon/paying/requested.html", context)


@till_page
@require_GET
def state(request: HttpRequest, bill: UUID) -> HttpResponse:
    """What became of a request, for the page that shows its code; once it is paid it counts in the shift."""
    grant = seat_of(request)
    found = own_request(grant, bill)
    if found.payment is not None:
        _count(request, grant, found)
    return JsonResponse({"state": found.state})


@till_page
@require_POST
def withdraw(request: HttpRequest, bill: UUID) -> HttpResponse:
    """Take a request back: the customer pays another way."""
    grant = seat_of(request)
    own_request(grant, bill)
    try:
        with savepoint(raw()):
            requesting.withdraw(
                raw(), town_id=grant.town_id, request_id=bill, actor=_work(request).actor(grant), at=timezone.now()
            )
    except RequestPaid:  # In the very moment: then that is what the page says.
        return redirect("till-requested", bill=bill)
    return redirect("till-request")


def _work(request: HttpRequest) -> till.AtWork:
    return cast(till.AtWork, till.at_work(request))


def _count(request: HttpRequest, grant: RoleGrant, found: Asked) -> None:
    """Count what was paid in the shift of whoever asked for it, once."""
    assert found.payment is not None
    conn, cashier = raw(), _work(request).cashier
    shift = shifts.open_shift_of(conn, town_id=grant.town_id, payee=party_of(grant), cashier_id=cashier)
    tills.note_payment(conn, town_id=grant.town_id, payment=found.payment, key=found.request.id, shift=shift)


@seen_by(Role.SHOP)
def code(request: HttpRequest) -> HttpResponse:
    """The shop's own code: a POST makes the first one, or another one in place of ``replaced``."""
    grant = seat_of(request)
    found = _code(grant)
    if request.method == "POST":
        who: dict[str, Any] = {
            "town_id": grant.town_id, "payee": party_of(grant), "actor": grant.user.actor, "at": timezone.now()
        }  # fmt: skip
        if found is not None and str(found.id) == request.POST.get("replaced"):
            requesting.replace_code(raw(), replaced=found.id, **who)
            messages.success(request, _("You have a new code. The old one pays nobody: take it down."))
        elif found is None:
            requesting.have_code(raw(), **who)
        return redirect("shop-code")
    context = {"code": found, "svg": qr.drawing(paying.link(request, found.token), error="q") if found else ""}
    return render(request, "koinon/paying/code.html", context)


@seen_by(Role.SHOP)
@require_GET
def poster(request: HttpRequest) -> HttpResponse:
    """The code on A4, for the counter or the window."""
    grant = seat_of(request)
    found = _code(grant)
    if found is None:
        return redirect("shop-code")
    sign = requesting.shop_sign(raw(), town_id=grant.town_id, party=party_of(grant))
    pdf = printed.poster(
        found, sign=sign, town=grant.town.name, unit=grant.town.unit_name,
        address=request.build_absolute_uri("/").rstrip("/"), language=get_language() or "en",
    )  # fmt: skip
    return paper.answer(pdf, "pay-here")


def _code(grant: RoleGrant) -> PayeeCode | None:
    return requesting.code_of(raw(), town_id=grant.town_id, payee=party_of(grant))
