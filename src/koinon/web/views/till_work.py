"""Work at the till beside charging: who stands there, sales and refunds, shifts, and what the town allows without a PIN."""

from __future__ import annotations

import time
from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from allauth.account.internal.flows.login import get_authentication_records
from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from koinon.accounting import queries as accounting
from koinon.db.transactions import savepoint
from koinon.instruments import small
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount, to_decimal
from koinon.offline import operations as offline
from koinon.parties.connection import raw
from koinon.parties.models import Role, RoleGrant, Town
from koinon.parties.secrets import Secrets
from koinon.payments import queries, shifts, tills
from koinon.payments.errors import ManagerNeeded, PaymentNotFound
from koinon.payments.shifts import Duty
from koinon.payments.types import Payment
from koinon.web import formats, movements, papers, refusals
from koinon.web import till as words
from koinon.web.access import party_of, seat_of, seen_by
from koinon.web.forms import AmountField
from koinon.web.snapshots import in_one_snapshot
from koinon.web.till import AtWork, at_work
from koinon.web.views.accounts import wording_of
from koinon.web.views.till import opened, till_page

JUST_SECONDS = 300
PIN = {"autocomplete": "off", "inputmode": "numeric", "dir": "ltr"}
DUTIES = [(Duty.CASHIER.value, gettext_lazy("Cashier")), (Duty.MANAGER.value, gettext_lazy("Manager"))]


def _shop(request: HttpRequest) -> dict[str, Any]:
    grant = seat_of(request)
    return {"town_id": grant.town_id, "payee": party_of(grant)}


def _refused(request: HttpRequest, form: forms.Form, field: str | None, refused: KoinonError) -> None:
    refusals.note(request, refused)
    for sentence in words.why_not(refused, seat_of(request).town):
        form.add_error(field, sentence)


# --- Who stands here -----------------------------------------------------------------------------


class WhoForm(forms.Form):
    """Which of the shop's cashiers it is, and the PIN that says so."""

    cashier = forms.UUIDField(label=gettext_lazy("Who is at the till?"))
    pin = forms.CharField(label=gettext_lazy("Your PIN"), max_length=12, widget=forms.PasswordInput(attrs=PIN))


def _at_till(view: Any) -> Any:
    view.at_till = True
    return view


@_at_till
@transaction.non_atomic_requests
@seen_by(Role.SHOP)
def who(request: HttpRequest) -> HttpResponse:
    """Say who is at the till; in a shop without cashiers it is whoever signed in."""
    grant, now = seat_of(request), timezone.now()
    with opened() as conn:
        there = shifts.cashiers(conn, secrets=Secrets.load(), **_shop(request))
    if not there:
        words.begin(request, grant, None)
        if request.method == "POST":
            return redirect("till")
    form = WhoForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            found = shifts.ask(
                opened, cashier_id=form.cleaned_data["cashier"], pin=form.cleaned_data["pin"], at=now,
                secrets=Secrets.load(), **_shop(request),
            )  # fmt: skip
        except KoinonError as refused:
            _refused(request, form, "pin", refused)
        else:
            with opened() as conn:
                shifts.open_shift(conn, cashier_id=found.id, actor=found.actor, at=now, **_shop(request))
            words.begin(request, grant, found)
            return redirect("till")
    status = 422 if form.errors else 200
    return words.show(request, "koinon/till/who.html", {"form": form, "cashiers": there}, status=status)


class ForgottenForm(forms.Form):
    """Another PIN for a manager who has forgotten theirs."""

    manager = forms.ChoiceField(label=gettext_lazy("Manager"))
    pin = forms.CharField(
        label=gettext_lazy("New PIN, four to six digits"), max_length=12, widget=forms.PasswordInput(attrs=PIN)
    )
    again = forms.CharField(
        label=gettext_lazy("The same once more"), max_length=12, widget=forms.PasswordInput(attrs=PIN)
    )

    def __init__(self, *args: Any, managers: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["manager"].choices = managers  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("pin") != cleaned.get("again") and not self.errors:
            self.add_error("again", _("The two PINs are not the same."))
        return cleaned


@_at_till
@seen_by(Role.SHOP)
def forgotten(request: HttpRequest) -> HttpResponse:
    """A manager has forgotten their PIN: whoever has just signed in for the shop sets another one.

    Signing in is what a cashier cannot do who stands at an open till, so it has to be a moment ago, with nobody having
    stood here since.
    """
    grant, conn = seat_of(request), raw()
    there = shifts.cashiers(conn, secrets=Secrets.load(), **_shop(request))
    managers = [(str(one.id), one.name) for one in there if one.role is Duty.MANAGER]
    if not managers:
        return words.show(request, "koinon/till/forgotten.html", {"nobody": True})
    if words.SESSION in request.session or not _just_signed_in(request):
        back = f"{reverse('account_login')}?{urlencode({'next': reverse('till-forgotten')})}"
        return words.show(request, "koinon/till/forgotten.html", {"back": back})
    form = ForgottenForm(request.POST or None, managers=managers)
    if request.method == "POST" and form.is_valid():
        try:
            shifts.set_pin(
                conn, cashier_id=UUID(form.cleaned_data["manager"]), pin=form.cleaned_data["pin"],
                actor=grant.user.actor, at=timezone.now(), secrets=Secrets.load(), **_shop(request),
            )  # fmt: skip
        except KoinonError as refused:
            _refused(request, form, "pin", refused)
        else:
            messages.success(request, _("The PIN is set."))
            return redirect("till-who")
    return words.show(request, "koinon/till/forgotten.html", {"form": form}, status=422 if form.errors else 200)


def _just_signed_in(request: HttpRequest) -> bool:
    """Whether somebody showed who they are in this session within the last minutes, whichever way."""
    shown = get_authentication_records(request, request.user)  # type: ignore[arg-type]
    return any(record["at"] > time.time() - JUST_SECONDS for record in shown)


def _needs_manager(request: HttpRequest) -> AtWork:
    work = at_work(request)
    if work is None or not work.is_manager:
        raise ManagerNeeded
    return work


class CashierForm(forms.Form):
    """Somebody new at the till. The name is for the shop alone."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)
    name = forms.CharField(
        label=gettext_lazy("Name"),
        help_text=gettext_lazy("As you call them. Only this shop sees it."),
        max_length=shifts.LONGEST_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=DUTIES)
    pin = forms.CharField(
        label=gettext_lazy("PIN, four to six digits"), max_length=12, widget=forms.PasswordInput(attrs=PIN)
    )


class NewPinForm(forms.Form):
    pin = CashierForm.base_fields["pin"]


@till_page
def cashiers(request: HttpRequest) -> HttpResponse:
    """Who works at this shop's tills; a POST adds somebody."""
    work, grant, conn = _needs_manager(request), seat_of(request), raw()
    how: dict[str, Any] = {
        "actor": work.actor(grant),
        "at": timezone.now(),
        "secrets": Secrets.load(),
        **_shop(request),
    }
    there = shifts.cashiers(conn, secrets=how["secrets"], **_shop(request))
    first = {"form_id": new_id(), "role": Duty.CASHIER if there else Duty.MANAGER}
    form = CashierForm(request.POST or None, initial=first)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            with savepoint(conn):
                made = shifts.add_cashier(
                    conn, name=said["name"], role=Duty(said["role"]), pin=said["pin"], key=str(said["form_id"]), **how
                )
        except KoinonError as refused:
            _refused(request, form, "role" if isinstance(refused, ManagerNeeded) else "pin", refused)
        else:
            if not there:  # From now on somebody stands here by name: whoever made this one a manager.
                words.begin(request, grant, made)
            messages.success(request, _("%(name)s can work at the till now.") % {"name": made.name})
            return redirect("till-cashiers")
    status = 422 if form.errors else 200
    context = {"form": form, "cashiers": there, "duties": dict(DUTIES), "new_pin": NewPinForm()}
    return words.show(request, "koinon/till/cashiers.html", context, status=status)


@till_page
@require_POST
def change_cashier(request: HttpRequest, cashier: UUID) -> HttpResponse:
    """Give a cashier another PIN, or let them work here no more."""
    work, grant, conn = _needs_manager(request), seat_of(request), raw()
    how: dict[str, Any] = {"cashier_id": cashier, "actor": work.actor(grant), "at": timezone.now(), **_shop(request)}
    if "end" in request.POST:
        shifts.end_cashier(conn, **how)
        if work.cashier == cashier:
            words.leave(request)
        messages.success(request, _("They work at the till no more."))
    else:
        shifts.set_pin(conn, pin=request.POST.get("pin", ""), secrets=Secrets.load(), **how)
        messages.success(request, _("The PIN is set."))
    return redirect("till-cashiers")


# --- Sales and refunds ---------------------------------------------------------------------------


@till_page
@in_one_snapshot
def sales(request: HttpRequest) -> HttpResponse:
    """A day's sales, with what was given back; as PDF with the words about VAT, and as CSV, for the bookkeeper."""
    grant, conn = seat_of(request), raw()
    town = grant.town
    today = timezone.now().astimezone(ZoneInfo(town.time_zone)).date()
    day = _day(request, today)
    if (kind := request.GET.get("file")) in ("pdf", "csv"):
        return _day_file(request, grant, day, kind)
    days = queries.sales_by_day(conn, first_day=day - timedelta(days=13), last_day=today, **_shop(request))
    context = {
        "day": day,
        "is_today": day == today,
        **movements.sales(day=day, **_shop(request)),
        "sum": next((found for found in days if found.day == day), None),
        "before": day - timedelta(days=1),
        "after": day + timedelta(days=1) if day < today else None,
    }
    return words.show(request, "koinon/till/sales.html", context)


def _day(request: HttpRequest, today: date) -> date:
    try:
        asked = date.fromisoformat(request.GET.get("day", ""))
    except ValueError:
        return today
    return min(max(asked, date(2000, 1, 1)), today)


DAY_COLUMNS = ("day", "time", "number", "what", "amount", "unit", "at_par_with", "reference")


def _day_file(request: HttpRequest, grant: RoleGrant, day: date, kind: str) -> HttpResponse:
    town = grant.town
    found = accounting.shop_statement(raw(), town_id=town.pk, party=party_of(grant), first_day=day, last_day=day)
    wording, name = wording_of(town, day), f"{town.slug}-{day.isoformat()}"
    if kind == "pdf":
        sign = str(grant.party.organisation.trade_name)  # type: ignore[union-attr]
        return papers.pdf(papers.shop_statement(found, town=town, shop=sign, wording=wording), name)
    zone = ZoneInfo(town.time_zone)
    rows = [
        (
            line.at.astimezone(zone).date().isoformat(),
            line.at.astimezone(zone).time().isoformat("seconds"),
            papers.receipt_number(line.id),
            line.what,
            str(to_decimal(line.signed_minor, town.exponent)),
            found.unit,
            town.national_currency,
            line.reference,
        )
        for line in found.lines
    ]
    rows.append(("", "", "", "note", "", "", "", " ".join(wording.split())))
    return papers.csv(DAY_COLUMNS, rows, f"{name}.csv")


class RefundForm(forms.Form):
    """How much goes back; ``form_id`` makes sending it twice harmless. Whoever is no manager asks one for a PIN."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, exponent: int, managers: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"] = AmountField(exponent=exponent, label=gettext_lazy("Amount to give back"))
        if managers:
            self.fields["manager"] = forms.ChoiceField(label=gettext_lazy("Manager"), choices=managers)
            self.fields["pin"] = forms.CharField(
                label=gettext_lazy("The manager's PIN"), max_length=12, widget=forms.PasswordInput(attrs=PIN)
            )


@till_page
@transaction.non_atomic_requests
def sale(request: HttpRequest, payment: UUID) -> HttpResponse:
    """One sale; a POST gives it back, in part or wholly."""
    grant, work = seat_of(request), at_work(request)
    assert work is not None
    with opened() as conn:
        found = queries.payment(conn, town_id=grant.town_id, payment_id=payment)
        if found.payee != party_of(grant):
            raise PaymentNotFound(payment_id=payment)
        there = [] if work.is_manager else shifts.cashiers(conn, secrets=Secrets.load(), **_shop(request))
    managers = [(str(one.id), one.name) for one in there if one.role is Duty.MANAGER]
    form = RefundForm(
        request.POST or None, initial={"form_id": new_id()}, exponent=grant.town.exponent, managers=managers
    )
    if request.method == "POST":
        whole = "whole" in request.POST
        if whole:
            form.fields["amount"].required = False
        if form.is_valid() and (done := _give_back(request, grant, work, found, form, whole=whole)):
            return done
    with opened() as conn:
        town = grant.town
        receipt = words.receipt(conn, town, found, str(grant.party.organisation.trade_name))  # type: ignore[union-attr]
        context = {
            "sale": queries.payment(conn, town_id=grant.town_id, payment_id=payment),
            "refunds": queries.refunds_of(conn, town_id=grant.town_id, payment_id=payment),
            "form": form,
            "number": receipt["number"],
        }
    return words.show(request, "koinon/till/sale.html", context, status=422 if form.errors else 200)


def _give_back(
    request: HttpRequest, grant: RoleGrant, work: AtWork, sale: Payment, form: RefundForm, *, whole: bool
) -> HttpResponse | None:
    said, now = form.cleaned_data, timezone.now()
    try:
        allowed_by = work.cashier
        if "manager" in said:
            manager = shifts.ask(
                opened, cashier_id=UUID(said["manager"]), pin=said["pin"], at=now, secrets=Secrets.load(),
                **_shop(request),
            )  # fmt: skip
            if manager.role is not Duty.MANAGER:
                raise ManagerNeeded
            allowed_by = manager.id
        elif not work.is_manager:
            raise ManagerNeeded
        with opened() as conn:
            done = tills.give_back(
                conn,
                payment_id=sale.id,
                key=said["form_id"],
                amount=None if whole else Amount(said["amount"], grant.town.unit_code),
                shift=shifts.open_shift(
                    conn, cashier_id=work.cashier, actor=work.actor(grant), at=now, **_shop(request)
                ),
                cashier=allowed_by,
                now=now,
                actor=f"cashier:{allowed_by}" if allowed_by else work.actor(grant),
                **_shop(request),
            )
    except KoinonError as refused:
        _refused(request, form, "pin" if "cashier" in refused.code else "amount", refused)
        return None
    try:
        with opened() as conn:  # What the town had covered of it goes back to its fund: a posting of its own.
            offline.take_back(
                conn, town_id=grant.town_id, payment_id=sale.id, at=now, actor=work.actor(grant)
            )  # fmt: skip
    except KoinonError as refused:  # The customer has the money, and is told so; the timer asks for the rest again.
        refusals.note(request, refused)
    given = formats.amount(done.amount, exponent=grant.town.exponent, country=grant.town.country)
    messages.success(request, _("%(amount)s went back to the customer.") % {"amount": given})
    return redirect("till-sale", payment=sale.id)


# --- Shifts --------------------------------------------------------------------------------------


@till_page
def all_shifts(request: HttpRequest) -> HttpResponse:
    """The shift that is open at this till, and the shop's other ones: a manager sees all, a cashier their own."""
    work, conn = at_work(request), raw()
    assert work is not None
    how = _shop(request)
    names = {one.id: one.name for one in shifts.cashiers(conn, secrets=Secrets.load(), **how)}
    found = [one for one in shifts.shifts(conn, **how) if work.is_manager or one.cashier == work.cashier]
    mine = shifts.open_shift_of(conn, cashier_id=work.cashier, **how)
    context = {
        "mine": next((one for one in found if one.id == mine), None),
        "others": [(one, names.get(one.cashier, "") if one.cashier else "") for one in found if one.id != mine],
        "name": names.get(work.cashier, "") if work.cashier else "",
    }
    return words.show(request, "koinon/till/shifts.html", context)


@till_page
@require_POST
def close(request: HttpRequest) -> HttpResponse:
    """Count a shift and end it: one's own, and whoever is at the till leaves it; or, for a manager, another one."""
    work, grant, conn, now = at_work(request), seat_of(request), raw(), timezone.now()
    assert work is not None
    mine = shifts.open_shift_of(conn, cashier_id=work.cashier, **_shop(request))
    try:
        asked = UUID(request.POST.get("shift", ""))
    except ValueError:
        return redirect("till-shifts")
    if asked != mine:
        _needs_manager(request)
    closed = shifts.close_shift(conn, shift_id=asked, actor=work.actor(grant), at=now, **_shop(request))
    taken = words.money(closed.taken_minor, grant.town)
    messages.success(request, _("The shift is closed. It took %(amount)s.") % {"amount": taken})
    if asked == mine and work.cashier is not None:
        words.leave(request)
        return redirect("till-who")
    return redirect("till-shifts")


# --- Small purchases without a PIN ---------------------------------------------------------------

SMALL_GROUNDS: dict[str, Any] = {
    "small-terms.past": gettext_lazy("That day is over. Say it from today on, or later."),
    "small-terms.not-both": gettext_lazy("Say both amounts, or nought for both to switch it off."),
    "small-terms.day-below-purchase": gettext_lazy("The limit a day is less than one purchase."),
}


class SmallForm(forms.Form):
    """Up to how much without a PIN, from when on; empty amounts switch it off."""

    def __init__(self, *args: Any, town: Town, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["from_day"] = forms.DateField(
            label=gettext_lazy("From"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        )
        self.fields["most"] = AmountField(
            exponent=town.exponent, required=False, label=gettext_lazy("Largest purchase without a PIN")
        )
        self.fields["per_day"] = AmountField(
            exponent=town.exponent, required=False, label=gettext_lazy("All such purchases of a card in a day")
        )


@seen_by(Role.TREASURER)
def small_purchases(request: HttpRequest) -> HttpResponse:
    """Whether cards pay small sums without a PIN; a POST says what holds from a day on."""
    seat, conn, now = seat_of(request), raw(), timezone.now()
    town = seat.town
    today = now.astimezone(ZoneInfo(town.time_zone)).date()
    form = SmallForm(request.POST or None, initial={"from_day": today}, town=town)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            with savepoint(conn):
                small.set_terms(
                    conn,
                    town_id=town.pk,
                    from_day=said["from_day"],
                    most_minor=said["most"] or 0,
                    per_day_minor=said["per_day"] or 0,
                    today=today,
                    at=now,
                    actor=seat.user.actor,
                )
        except KoinonError as refused:
            refusals.note(request, refused)
            grounds = [SMALL_GROUNDS[one.code] for one in getattr(refused, "grounds", ()) if one.code in SMALL_GROUNDS]
            for sentence in grounds or refusals.sentences(refused)[:1]:
                form.add_error(None, sentence)
        else:
            messages.success(request, _("From that day on these terms hold."))
            return redirect("treasury-small")
    context = {
        "form": form,
        "terms": small.terms(conn, town_id=town.pk, day=today),
        "announced": small.terms_after(conn, town_id=town.pk, day=today),
    }
    return render(request, "koinon/treasury/small.html", context, status=422 if form.errors else 200)
