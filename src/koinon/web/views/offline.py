"""Payments without a network: what the treasury sets and sees, what a shop sees of its own, what tills ask."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from koinon.db.transactions import savepoint
from koinon.kernel.errors import KoinonError
from koinon.kernel.money import to_decimal
from koinon.ledger import queries as books
from koinon.ledger.types import Kind
from koinon.offline import operations, queries, rules
from koinon.offline.errors import OfflineError, TermsNotPossible
from koinon.offline.types import Algorithm, Bearer, Sent, Terms
from koinon.parties import queries as parties
from koinon.parties.connection import raw
from koinon.parties.models import Role, Town
from koinon.parties.secrets import Secrets
from koinon.payments.errors import ManagerNeeded
from koinon.programmes import queries as programmes
from koinon.programmes.types import FundView
from koinon.web import installable, refusals
from koinon.web import offline as words
from koinon.web import till as tills
from koinon.web.access import party_of, seat_of, seen_by
from koinon.web.forms import AmountField
from koinon.web.snapshots import in_one_snapshot
from koinon.web.views.accounts import PeriodForm, day_field, today_in
from koinon.web.views.till import opened

_PAGE = 100
_LONGEST = 600_000  # Signs of a request with as many vouchers as are taken at once.

BEARERS = [
    (Bearer.SHOP.value, gettext_lazy("the shop that accepted it")),
    (Bearer.TOWN.value, gettext_lazy("the town, out of a fund")),
]


# The treasury


@seen_by(Role.TREASURER, Role.AUDITOR)
@require_GET
@in_one_snapshot
def overview(request: HttpRequest) -> HttpResponse:
    """What holds, which shops and tills may, what arrived in a period and who bore what."""
    seat, conn = seat_of(request), raw()
    town, today = seat.town, today_in(seat.town)
    period = PeriodForm(request.GET if "first" in request.GET else None)
    first, last = today - timedelta(days=30), today
    if period.is_bound and period.is_valid():
        first, last = period.cleaned_data["first"], period.cleaned_data["last"]
    elif not period.is_bound:
        period = PeriodForm(initial={"first": first, "last": last})
    known = queries.terms_from(conn, town_id=town.pk, day=today)
    held = known[0] if known and known[0].from_day <= today else None
    on = queries.shops(conn, town_id=town.pk)
    found = queries.report(conn, town_id=town.pk, first_day=first, last_day=last)
    funds = {fund.id: fund for fund in programmes.funds(conn, town_id=town.pk)}
    may = {shop.party for shop in on}
    context = {
        "acts": seat.role == Role.TREASURER,
        "terms": held,
        "fund": funds.get(held.fund_id) if held and held.fund_id else None,
        "ready_minor": _reserve(town, held.fund_id) if held and held.fund_id else None,
        "announced": [one for one in known if one.from_day > today],
        "shops": on,
        "others": [
            one for one in parties.organisations(conn, town_id=town.pk) if one.active and one.party_id not in may
        ],
        "tills": queries.devices(conn, town_id=town.pk),
        "period": period,
        "first": first,
        "last": last,
        "totals": found.totals,
        "losses": words.losses(found.lossy),
        "clashes": found.clashes,
        "gaps": found.gaps,
    }
    return render(request, "koinon/offline/overview.html", context)


def _reserve(town: Town, fund_id: UUID) -> int:
    holder = parties.town(raw(), town.pk).party_id
    account = books.account(raw(), town_id=town.pk, kind=Kind.RESERVE, holder=holder, fund=fund_id)
    return account.available.minor if account else 0


class TermsForm(forms.Form):
    """What shall hold from a day on."""

    def __init__(self, *args: Any, town: Town, funds: list[FundView], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["from_day"] = day_field(gettext_lazy("From"))
        self.fields["voucher_most"] = AmountField(exponent=town.exponent, label=gettext_lazy("One payment at the most"))
        self.fields["card_most"] = AmountField(
            exponent=town.exponent, label=gettext_lazy("One card a day at the most"),
            help_text=gettext_lazy("Over all tills together. More is never taken from its holder without a PIN."),
        )  # fmt: skip
        self.fields["device_most"] = AmountField(
            exponent=town.exponent, label=gettext_lazy("One till at the most, until it has sent what it keeps")
        )
        self.fields["sync_days"] = forms.IntegerField(
            label=gettext_lazy("Days in which it must be sent"), min_value=1, max_value=rules.MOST_SYNC_DAYS
        )
        self.fields["devices_most"] = forms.IntegerField(
            label=gettext_lazy("Tills that a shop may register"), min_value=1, max_value=rules.MOST_DEVICES
        )
        self.fields["bearer"] = forms.ChoiceField(
            label=gettext_lazy("What cannot be paid, and no till could know, is borne by"), choices=BEARERS
        )
        self.fields["fund"] = forms.ChoiceField(
            label=gettext_lazy("Where the town bears it: out of this fund"),
            choices=[("", "–"), *((str(fund.id), fund.name) for fund in funds)],
            required=False,
        )
        self.fields["month_most"] = AmountField(
            exponent=town.exponent, label=gettext_lazy("and this much in a month at the most"), required=False
        )
        self.fields["source"] = forms.CharField(
            label=gettext_lazy("Regulation or agreement that says so"), max_length=200
        )


@seen_by(Role.TREASURER)
def terms(request: HttpRequest) -> HttpResponse:
    """Say what holds from a day on."""
    seat, conn = seat_of(request), raw()
    town, today = seat.town, today_in(seat.town)
    held = queries.terms(conn, town_id=town.pk, day=today)
    first: dict[str, Any] = {"from_day": today, "sync_days": 3, "devices_most": 3, "bearer": Bearer.SHOP.value}
    if held:
        first = {
            "from_day": today + timedelta(days=held.sync_days),
            "voucher_most": to_decimal(held.voucher_most_minor, town.exponent),
            "card_most": to_decimal(held.card_most_minor, town.exponent),
            "device_most": to_decimal(held.device_most_minor, town.exponent),
            "sync_days": held.sync_days,
            "devices_most": held.devices_most,
            "bearer": held.bearer.value,
            "fund": str(held.fund_id or ""),
            "month_most": to_decimal(held.month_most_minor, town.exponent) if held.month_most_minor else "",
            "source": held.source,
        }
    funds = programmes.funds(conn, town_id=town.pk)
    form = TermsForm(request.POST or None, initial=first, town=town, funds=funds)
    status = 200
    if request.method == "POST":
        if form.is_valid() and _set_terms(request, form):
            return redirect("treasury-offline")
        status = 422
    context = {"form": form, "terms": held, "earliest": today + timedelta(days=held.sync_days) if held else today}
    return render(request, "koinon/offline/terms.html", context, status=status)


def _set_terms(request: HttpRequest, form: TermsForm) -> bool:
    seat, said, conn = seat_of(request), form.cleaned_data, raw()
    try:
        with savepoint(conn):
            operations.set_terms(
                conn,
                town_id=seat.town_id,
                terms=Terms(
                    from_day=said["from_day"],
                    voucher_most_minor=said["voucher_most"],
                    card_most_minor=said["card_most"],
                    device_most_minor=said["device_most"],
                    sync_days=said["sync_days"],
                    devices_most=said["devices_most"],
                    bearer=Bearer(said["bearer"]),
                    fund_id=UUID(said["fund"]) if said["fund"] else None,
                    month_most_minor=said["month_most"] or 0,
                    source=said["source"],
                ),
                at=timezone.now(),
                actor=seat.user.actor,
            )
    except TermsNotPossible as refused:
        refusals.note(request, refused)
        for ground in refused.grounds:
            form.add_error(None, words.TERMS_GROUNDS[ground.code])
        return False
    messages.success(request, _("The terms hold from that day on."))
    return True


class PartyForm(forms.Form):
    party = forms.UUIDField(widget=forms.HiddenInput)


class DeviceForm(forms.Form):
    device = forms.UUIDField(widget=forms.HiddenInput)


@seen_by(Role.TREASURER)
@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Switch a shop on or off."""
    seat, form = seat_of(request), PartyForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose a shop first."))
        return redirect("treasury-offline")
    how: dict[str, Any] = {
        "town_id": seat.town_id, "party": form.cleaned_data["party"], "at": timezone.now(), "actor": seat.user.actor,
    }  # fmt: skip
    if "off" in request.POST:
        operations.switch_off(raw(), **how)
        messages.success(request, _("The shop is switched off. What its tills accepted before is settled as promised."))
    else:
        operations.switch_on(raw(), **how)
        messages.success(request, _("The shop may register its tills now."))
    return redirect("treasury-offline")


@seen_by(Role.TREASURER)
@require_POST
def withdraw(request: HttpRequest) -> HttpResponse:
    """Withdraw a till of any shop."""
    return _withdraw(request, None, "treasury-offline")


@seen_by(Role.TREASURER)
@require_POST
def cover(request: HttpRequest) -> HttpResponse:
    """Pay what the town owes, as far as its funds have it."""
    seat = seat_of(request)
    paid = operations.cover_owed(raw(), town_id=seat.town_id, at=timezone.now(), actor=seat.user.actor)
    if paid:
        messages.success(request, _("The shops have their money."))
    else:
        messages.error(request, _("The fund does not have the money yet. Nothing was paid."))
    return redirect("treasury-offline")


def _withdraw(request: HttpRequest, party: UUID | None, back: str) -> HttpResponse:
    seat, form = seat_of(request), DeviceForm(request.POST)
    if form.is_valid():
        operations.revoke_device(
            raw(), town_id=seat.town_id, device_id=form.cleaned_data["device"], party=party, at=timezone.now(),
            actor=seat.user.actor,
        )  # fmt: skip
        messages.success(request, _("The till is withdrawn. What it accepted before counts; nothing after does."))
    return redirect(back)


# The shop


@seen_by(Role.SHOP)
@require_GET
def own(request: HttpRequest) -> HttpResponse:
    """A shop's tills, and what became of what they accepted without a network."""
    seat, conn = seat_of(request), raw()
    town, party = seat.town, party_of(seat)
    try:
        before = UUID(request.GET["before"]) if "before" in request.GET else None
    except ValueError:
        before = None
    found = queries.vouchers(conn, town_id=town.pk, party=party, before=before, limit=_PAGE + 1)
    context = {
        "on": queries.was_on(conn, town_id=town.pk, party=party, at=timezone.now()),
        "terms": queries.terms(conn, town_id=town.pk, day=today_in(town)),
        "tills": queries.devices(conn, town_id=town.pk, party=party),
        "vouchers": [(one, words.became(one, town), words.why(one.grounds)) for one in found[:_PAGE]],
        "older": found[_PAGE - 1].id if len(found) > _PAGE else None,
    }
    return render(request, "koinon/offline/own.html", context)


@seen_by(Role.SHOP)
@require_POST
def withdraw_own(request: HttpRequest) -> HttpResponse:
    """Withdraw a till of one's own: lost, or no longer used."""
    return _withdraw(request, party_of(seat_of(request)), "shop-offline")


# The till


@seen_by(Role.SHOP)
@installable.scans
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The till without a network. A page of the shell: it holds nothing about a person, and asks nothing to open."""
    seat = seat_of(request)
    town = seat.town
    data = {
        "town": town.pk,
        "party": str(party_of(seat)),
        "shop": seat.party.organisation.trade_name,  # type: ignore[union-attr]
        "pattern": tills.pattern(town),
        "payer": words.payer_words(town),
        "register": "register/",
        "sync": "sync/",
    }
    return tills.show(request, "koinon/till/offline.html", {"offline": data})


class RegisterForm(forms.Form):
    """A till's own id and public key; ``token`` of nothing else."""

    device = forms.UUIDField()
    algorithm = forms.ChoiceField(choices=[(one.value, one.value) for one in Algorithm])
    key = forms.CharField(max_length=100)
    label = forms.CharField(max_length=80, required=False)


@seen_by(Role.SHOP)
@require_POST
def register(request: HttpRequest) -> HttpResponse:
    """Take up the public key of a till. Whoever has the key of one can sign payments, so that it takes a manager."""
    seat, form = seat_of(request), RegisterForm(request.POST)
    if not tills.is_managed(request):
        needed = ManagerNeeded()
        refusals.note(request, needed)
        return _said(needed.code, refusals.sentences(needed)[0], refusals.status(needed))
    key = _bytes(str(form.data.get("key", "")))
    if not form.is_valid() or key is None:
        return _said("request.invalid", _("This cannot be read as a till's registration."), 422)
    now, conn = timezone.now(), raw()
    try:
        with savepoint(conn):
            device = operations.register_device(
                conn, town_id=seat.town_id, device_id=form.cleaned_data["device"], party=party_of(seat),
                label=form.cleaned_data["label"], algorithm=Algorithm(form.cleaned_data["algorithm"]), public_key=key,
                at=now, actor=seat.user.actor,
            )  # fmt: skip
    except KoinonError as refused:
        refusals.note(request, refused)
        return _said(refused.code, refusals.sentences(refused)[0], refusals.status(refused))
    told = words.for_till(conn, seat.town, party=party_of(seat), device=device, now=now, secrets=Secrets.load())
    return JsonResponse(told, status=201)


@transaction.non_atomic_requests
@seen_by(Role.SHOP)
@require_POST
def sync(request: HttpRequest) -> HttpResponse:
    """Settle what a till accepted without a network, each payment by itself, and tell it what holds now."""
    seat = seat_of(request)
    read = _sent(request)
    if read is None:
        return _said("request.invalid", _("This cannot be read as payments that a till accepted."), 422)
    device_id, sent = read
    now, secrets, party = timezone.now(), Secrets.load(), party_of(seat)
    outcomes: list[Any] = []
    try:
        if device_id is not None:
            settled = operations.accept(
                opened,
                town_id=seat.town_id,
                device_id=device_id,
                party=party,
                sent=sent,
                now=now,
                actor=seat.user.actor,
                secrets=secrets,
            )
            outcomes = list(settled)
    except KoinonError as refused:
        refusals.note(request, refused)
        return _said(refused.code, refusals.sentences(refused)[0], refusals.status(refused))
    with opened() as conn:
        device = (
            None
            if device_id is None
            else queries.device(conn, town_id=seat.town_id, device_id=device_id, party=party)
        )  # fmt: skip
        told = words.for_till(conn, seat.town, party=party, device=device, now=now, secrets=secrets)
    told["outcomes"] = [_outcome(one, seat.town) for one in outcomes]
    return JsonResponse(told)


for _view in (page, sync):  # A cashier opens these, and nothing else of the shop's.
    _view.at_till = True  # type: ignore[attr-defined]


def _outcome(one: Any, town: Town) -> dict[str, Any]:
    if isinstance(one, OfflineError):
        return {"taken": False, "code": one.code, "said": refusals.sentences(one)[0], "why": []}
    return {
        "taken": True,
        "counter": one.counter,
        "name": one.name,
        "said": words.became(one, town),
        "why": words.why(one.grounds),
        "whole": one.paid_minor == one.amount_minor,
    }


def _sent(request: HttpRequest) -> tuple[UUID | None, list[Sent]] | None:
    """What a till sent: its id, which it lacks before it is registered, and the vouchers; None where that cannot be read."""
    text, device = request.POST.get("vouchers", "[]"), request.POST.get("device", "")
    if len(text) > _LONGEST:
        return None
    try:
        listed = json.loads(text)
        sent = []
        for one in listed:
            parts = [_bytes(one[part]) for part in ("body", "signature", "box")]
            if not all(parts):
                return None
            sent.append(Sent(*parts))  # type: ignore[arg-type]
        return (UUID(device) if device else None), sent
    except (ValueError, KeyError, TypeError):
        return None


def _bytes(text: Any) -> bytes | None:
    """What base64url stands for, without its padding; None for anything else."""
    if not isinstance(text, str) or len(text) > 2000:
        return None
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None


def _said(code: str, text: str, status: int) -> JsonResponse:
    return JsonResponse({"code": code, "said": text}, status=status)
