"""A resident pays by scanning or typing, asks others for money, and shows codes at a till.

What a QR code says reaches the server in the body of a request and is kept by no page: addresses, logs and the history
of a browser hold none of it.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from allauth.account.internal.flows.reauthentication import get_reauthentication_flows, is_reauthentication_required
from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from koinon.db.transactions import savepoint
from koinon.documents import qr
from koinon.instruments import operations as instruments
from koinon.instruments import phones
from koinon.instruments import queries as cards
from koinon.instruments.errors import PinWeak
from koinon.instruments.types import Card, CardState, ShownCode, Why
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import id_for_key, new_id
from koinon.kernel.money import Amount
from koinon.parties.connection import raw
from koinon.parties.models import Role, RoleGrant
from koinon.parties.secrets import Secrets
from koinon.payments import by_phone, queries, requesting, rules
from koinon.payments.errors import NotACodeToPay, NotPayable
from koinon.payments.types import Asked, PayeeCode, PaymentRequest, RequestState
from koinon.web import paying, refusals, tries, wallet
from koinon.web.access import everyone, party_of, seat_of, seen_by
from koinon.web.forms import AmountField
from koinon.web.installable import scans
from koinon.web.till import why_not
from koinon.web.views.counter import PIN_GROUNDS

WAITING = "to_pay"
"""Where a session keeps what was scanned until its owner has signed in."""
LASTING = {"1h": timedelta(hours=1), "1d": timedelta(days=1), "7d": timedelta(days=7)}


# --- What a QR code opens -------------------------------------------------------------------------


class CodeForm(forms.Form):
    """What was scanned, or typed by who cannot scan."""

    code = forms.CharField(
        label=gettext_lazy("Number"),
        help_text=gettext_lazy("The eight digits below the code."),
        max_length=600,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "inputmode": "numeric", "class": "code", "dir": "ltr", "maxlength": "600"}
        ),
    )


@everyone
def land(request: HttpRequest) -> HttpResponse:
    """Where a code leads that was scanned with a telephone's own camera: on to the wallet, after signing in."""
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            rules.read_payable(form.cleaned_data["code"])
        except NotACodeToPay as refused:
            form.add_error("code", refusals.sentences(refused)[0])
        else:
            request.session[WAITING] = form.cleaned_data["code"].strip().rpartition("#")[2]
            return redirect("purse-pay")
    return render(request, "koinon/paying/land.html", {"form": form}, status=422 if form.errors else 200)


# --- Paying ---------------------------------------------------------------------------------------


class PayForm(forms.Form):
    """What is paid, as it was shown, and the PIN. ``form_id`` makes sending it twice harmless."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)
    code = forms.CharField(widget=forms.HiddenInput, max_length=600)
    payee = forms.UUIDField(widget=forms.HiddenInput)
    pin = forms.CharField(
        label=gettext_lazy("Your PIN"),
        max_length=12,
        widget=forms.PasswordInput(
            attrs={"autocomplete": "off", "inputmode": "numeric", "dir": "ltr", "class": "code", "autofocus": True}
        ),
    )

    def __init__(self, *args: Any, exponent: int, fixed: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not fixed:
            self.fields["amount"] = AmountField(exponent=exponent, widget=forms.HiddenInput)


class HowMuchForm(forms.Form):
    """How much to pay whom a code led to."""

    code = forms.CharField(widget=forms.HiddenInput, max_length=600)

    def __init__(self, *args: Any, exponent: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"] = AmountField(exponent=exponent, label=gettext_lazy("Amount"))
        self.fields["amount"].widget.attrs["autofocus"] = True


@seen_by(Role.RESIDENT)
@scans
@transaction.non_atomic_requests
def pay(request: HttpRequest) -> HttpResponse:
    """Scan or type, look at whom and how much, confirm with the PIN. Each step is a form that needs no script."""
    grant = seat_of(request)
    code = request.POST.get("code", "") if request.method == "POST" else request.session.pop(WAITING, "")
    if not code:
        form = CodeForm(request.POST or None)
        return wallet.show(request, "koinon/paying/scan.html", {"form": form}, status=422 if form.errors else 200)
    now = time.time()
    if not tries.are_left(tries.BY_PHONE, grant.user_id, now=now):
        return _asks_again(request, code, _("There were too many numbers that pay nobody. Wait an hour."), 429)
    try:
        with paying.opened() as conn:
            found = requesting.found(conn, town_id=grant.town_id, text=code, secrets=Secrets.load())
    except KoinonError as refused:
        if not isinstance(refused, NotACodeToPay):  # A mistyped digit tells nobody anything.
            tries.count(tries.BY_PHONE, grant.user_id, now=now)
        refusals.note(request, refused)
        return _asks_again(request, code, refusals.sentences(refused)[0], 422)
    if "pin" in request.POST:
        return _confirmed(request, grant, found, code)
    return _shown(request, grant, found, code)


def _asks_again(request: HttpRequest, code: str, why: str, status: int) -> HttpResponse:
    """The field for a number once more, with what was wrong with the last one."""
    form = CodeForm({"code": code if code.strip().isdigit() else ""})
    form.is_valid()
    form.errors.clear()
    form.add_error("code", why)
    return wallet.show(request, "koinon/paying/scan.html", {"form": form}, status=status)


def _shown(request: HttpRequest, grant: RoleGrant, found: PaymentRequest | PayeeCode, code: str) -> HttpResponse:
    """Whom and how much; first how much, where the payer says it."""
    fixed = isinstance(found, PaymentRequest)
    exponent = grant.town.exponent
    if isinstance(found, PaymentRequest):
        # What is shown is what is sent back: a number may be another request's by the time that the PIN is typed.
        code = paying.token_of(grant.town_id, found)
    else:
        how_much = HowMuchForm(request.POST if "amount" in request.POST else {"code": code}, exponent=exponent)
        if "amount" not in request.POST or not how_much.is_valid():
            if "amount" not in request.POST:
                how_much.errors.clear()
            with paying.opened():
                context = {"form": how_much, "payee": _payee(grant, found)}
            return wallet.show(request, "koinon/paying/amount.html", context, status=422 if how_much.errors else 200)
    initial = {"form_id": new_id(), "code": code, "payee": found.payee, "amount": request.POST.get("amount", "")}
    return _to_confirm(request, grant, found, PayForm(initial=initial, exponent=exponent, fixed=fixed))


def _to_confirm(
    request: HttpRequest, grant: RoleGrant, found: PaymentRequest | PayeeCode, form: PayForm, status: int = 200
) -> HttpResponse:
    with paying.opened() as conn:
        amount = _amount(grant, found, form)
        state = RequestState.OPEN
        if isinstance(found, PaymentRequest):
            asked = requesting.asked(conn, town_id=grant.town_id, request_id=found.id, at=timezone.now())
            state = asked.state
        own = found.payee == party_of(grant)
        preview = None if own else paying.preview(grant, found.payee, amount)
        phone = _phone(grant)
        if not phone and status == 200:
            request.session[WAITING] = form["code"].value()  # To come back to, once a PIN is chosen.
        context = {
            "form": form,
            "payee": _payee(grant, found),
            "amount": amount.minor,
            "state": state,
            "own": own,
            "parts": preview.parts if preview else [],
            "grounds": _grounds(grant, preview, amount) if preview else [],
            "expires_at": found.expires_at if isinstance(found, PaymentRequest) else None,
            "phone": phone,
        }
    return wallet.show(request, "koinon/paying/confirm.html", context, status=status)


def _confirmed(request: HttpRequest, grant: RoleGrant, found: PaymentRequest | PayeeCode, code: str) -> HttpResponse:
    fixed = isinstance(found, PaymentRequest)
    form = PayForm(request.POST, exponent=grant.town.exponent, fixed=fixed)
    if not form.is_valid():
        if set(form.errors) - {"pin"}:  # Not as the page made it: begin anew.
            return _shown(request, grant, found, code)
        return _to_confirm(request, grant, found, form, status=422)
    if form.cleaned_data["payee"] != found.payee:
        return _shown(request, grant, found, code)
    who = {
        "town_id": grant.town_id,
        "payer": party_of(grant),
        "account": grant.user_id,
        "pin": form.cleaned_data["pin"],
        "now": timezone.now(),
        "actor": grant.user.actor,
        "secrets": Secrets.load(),
    }
    try:
        if isinstance(found, PaymentRequest):
            done = by_phone.pay_request(paying.opened, request_id=found.id, **who)
        else:
            done = by_phone.pay(
                paying.opened,
                payment_id=id_for_key(f"web:wallet:{party_of(grant)}", str(form.cleaned_data["form_id"])),
                payee=found.payee,
                amount=_amount(grant, found, form),
                **who,
            )
    except KoinonError as refused:
        refusals.note(request, refused)
        for sentence in why_not(refused, grant.town):
            form.add_error("pin", sentence)
        return _to_confirm(request, grant, found, form, status=refusals.status(refused))
    return redirect("purse-paid", payment=done.id)


def _amount(grant: RoleGrant, found: PaymentRequest | PayeeCode, form: PayForm) -> Amount:
    if isinstance(found, PaymentRequest):
        return found.amount
    minor = form.fields["amount"].clean(form["amount"].value())
    return Amount(minor, grant.town.unit_code)


def _payee(grant: RoleGrant, found: PaymentRequest | PayeeCode) -> paying.Payee:
    why = f"request:{found.id}" if isinstance(found, PaymentRequest) else f"payee-code:{found.id}"
    return paying.payee(grant.town, found.payee, actor=grant.user.actor, why=why)


def _grounds(grant: RoleGrant, preview: paying.Preview, amount: Amount) -> list[str]:
    """Why it cannot be paid, every ground a sentence; empty where it can."""
    if preview.plan.decision:
        return []
    payable = Amount(preview.plan.payable_minor, amount.unit)
    return why_not(NotPayable(asked=amount, payable=payable, grounds=preview.plan.grounds), grant.town)


@seen_by(Role.RESIDENT)
@require_GET
def paid(request: HttpRequest, payment: UUID) -> HttpResponse:
    """That it is paid: to show at the shop, and for oneself."""
    grant = seat_of(request)
    found = queries.payment(raw(), town_id=grant.town_id, payment_id=payment)
    if found.payer != party_of(grant):
        raise Http404
    who = paying.payee(grant.town, found.payee, actor=grant.user.actor, why=f"payment:{payment}")
    return wallet.show(request, "koinon/paying/paid.html", {"payment": found, "payee": who})


# --- Asking for money -----------------------------------------------------------------------------


class AskForm(forms.Form):
    """How much a resident asks for, and for how long it may be paid."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)
    lasts = forms.ChoiceField(
        label=gettext_lazy("It can be paid"),
        choices=[
            ("1h", gettext_lazy("within an hour")),
            ("1d", gettext_lazy("within a day")),
            ("7d", gettext_lazy("within a week")),
        ],
        initial="1d",
    )

    def __init__(self, *args: Any, exponent: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"] = AmountField(exponent=exponent, label=gettext_lazy("How much"))
        self.order_fields(["form_id", "amount", "lasts"])


@seen_by(Role.RESIDENT)
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for money, and what became of what was asked before."""
    grant = seat_of(request)
    form = AskForm(request.POST or None, initial={"form_id": new_id()}, exponent=grant.town.exponent)
    if request.method == "POST" and form.is_valid():
        try:
            with savepoint(raw()):
                made = requesting.ask(
                    raw(),
                    town_id=grant.town_id,
                    payee=party_of(grant),
                    amount=Amount(form.cleaned_data["amount"], grant.town.unit_code),
                    lasts=LASTING[form.cleaned_data["lasts"]],
                    idempotency_key=f"web:{form.cleaned_data['form_id']}",
                    actor=grant.user.actor,
                    at=timezone.now(),
                    secrets=Secrets.load(),
                    with_number=False,
                )
            return redirect("purse-asked", asked=made.id)
        except KoinonError as refused:
            refusals.note(request, refused)
            form.add_error("amount", refusals.sentences(refused)[0])
    context = {
        "form": form,
        "asked": requesting.asked_by(raw(), town_id=grant.town_id, payee=party_of(grant), at=timezone.now(), limit=20),
        "own_name": paying.own_short_name(grant),
    }
    return wallet.show(request, "koinon/paying/ask.html", context, status=422 if form.errors else 200)


@seen_by(Role.RESIDENT)
@require_GET
def asked(request: HttpRequest, asked: UUID) -> HttpResponse:
    """One request: the code and the link to show or send, until it is paid."""
    grant = seat_of(request)
    found = own_request(grant, asked)
    address = paying.link(request, paying.token_of(grant.town_id, found.request))
    context = {
        "asked": found,
        "address": address,
        "svg": qr.drawing(address, error="l") if found.state == RequestState.OPEN else "",
        "own_name": paying.own_short_name(grant),
    }
    return wallet.show(request, "koinon/paying/asked.html", context)


@seen_by(Role.RESIDENT)
@require_POST
def withdraw(request: HttpRequest, asked: UUID) -> HttpResponse:
    """Take a request back."""
    grant = seat_of(request)
    own_request(grant, asked)
    requesting.withdraw(raw(), town_id=grant.town_id, request_id=asked, actor=grant.user.actor, at=timezone.now())
    messages.success(request, _("The request is taken back. Nobody can pay it any more."))
    return redirect("purse-ask")


@seen_by(Role.RESIDENT)
@require_GET
def state(request: HttpRequest, asked: UUID) -> HttpResponse:
    """What became of a request, for the page that shows its code."""
    return JsonResponse({"state": own_request(seat_of(request), asked).state})


def own_request(grant: RoleGrant, request_id: UUID) -> Asked:
    """A request of the reader's own; anybody else's is not found."""
    found = requesting.asked(raw(), town_id=grant.town_id, request_id=request_id, at=timezone.now())
    if found.request.payee != party_of(grant):
        raise Http404
    return found


# --- The phone ------------------------------------------------------------------------------------


class PinForm(forms.Form):
    """A PIN for paying, typed twice."""

    pin = forms.CharField(
        label=gettext_lazy("New PIN, six digits"),
        help_text=gettext_lazy("Not a date, not a row. It may be another one than your card's."),
        max_length=12,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "inputmode": "numeric", "dir": "ltr"}),
    )
    again = forms.CharField(
        label=gettext_lazy("The same once more"),
        max_length=12,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "inputmode": "numeric", "dir": "ltr"}),
    )

    def clean_again(self) -> str:
        if self.cleaned_data.get("pin") != self.cleaned_data["again"]:
            raise forms.ValidationError(_("The two are not the same."))
        return str(self.cleaned_data["again"])


def _phone(grant: RoleGrant) -> Card | None:
    return cards.phone_of(raw(), town_id=grant.town_id, party=party_of(grant), account=grant.user_id)


@seen_by(Role.RESIDENT)
def phone(request: HttpRequest) -> HttpResponse:
    """Show a code at a till. A POST makes a new one: as JSON for the script that renews it, as a page for anybody else."""
    grant = seat_of(request)
    found = _phone(grant)
    shown = None
    if request.method == "POST":
        shown = phones.show(
            raw(), town_id=grant.town_id, party=party_of(grant), account=grant.user_id, at=timezone.now(),
            secrets=Secrets.load(),
        )  # fmt: skip
        if "application/json" in request.headers.get("Accept", ""):
            return JsonResponse(_code(shown))
    context = {
        "phone": found,
        "blocked": found is not None and found.state is CardState.BLOCKED,
        "shown": shown,
        "svg": qr.drawing(shown.token) if shown else "",
    }
    return wallet.show(request, "koinon/paying/phone.html", context)


def _code(shown: ShownCode) -> dict[str, Any]:
    left = max(0, int((shown.shown_until - timezone.now()).total_seconds()))
    return {"svg": qr.drawing(shown.token), "number": shown.grouped, "seconds": left}


@seen_by(Role.RESIDENT)
def phone_pin(request: HttpRequest) -> HttpResponse:
    """Choose the PIN for paying, the first or another one. Who has just shown who they are may; who finds a telephone may not."""
    grant = seat_of(request)
    if is_reauthentication_required(request, app=""):
        if request.method == "POST":
            return redirect("purse-phone-pin")  # What was sent is not kept for afterwards: it holds a PIN.
        first = get_reauthentication_flows(request.user)[0]["id"]
        again = reverse({"reauthenticate": "account_reauthenticate"}.get(first, first))
        to_show = {"phone": _phone(grant), "again": f"{again}?{urlencode({'next': request.path})}"}
        return wallet.show(request, "koinon/paying/pin.html", to_show)
    form = PinForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            with savepoint(raw()):
                phones.set_up(
                    raw(),
                    town_id=grant.town_id,
                    party=party_of(grant),
                    account=grant.user_id,
                    pin=form.cleaned_data["pin"],
                    actor=grant.user.actor,
                    at=timezone.now(),
                    secrets=Secrets.load(),
                )
        except PinWeak as refused:
            refusals.note(request, refused)
            for ground in refused.grounds:
                form.add_error("pin", str(PIN_GROUNDS.get(ground.code, ground.code)))
        else:
            messages.success(request, _("Your PIN is kept. This account can pay now."))
            return redirect("purse-pay" if WAITING in request.session else "purse-phone")
    context = {"form": form, "phone": _phone(grant)}
    return wallet.show(request, "koinon/paying/pin.html", context, status=422 if form.errors else 200)


@seen_by(Role.RESIDENT)
@require_POST
def phone_block(request: HttpRequest) -> HttpResponse:
    """Stop paying by this account at once; the counter lets it pay again."""
    grant = seat_of(request)
    found = _phone(grant)
    if found is None:
        raise Http404
    instruments.block(
        raw(), town_id=grant.town_id, card_id=found.id, why=Why.ASKED, actor=grant.user.actor, at=timezone.now()
    )
    messages.success(request, _("This account no longer pays. Your money is untouched."))
    return redirect("purse-phone")
