"""The till: charge, scan, confirm, paid. The page is a shell; everything it asks is answered here as JSON.

Codes and PINs come in the body of a request and stand in no address and no log.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import wraps
from typing import Any, cast

from django import forms
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, override
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from psycopg import Connection

from koinon.instruments.errors import CardNotFound
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import id_under
from koinon.kernel.money import Amount
from koinon.outbox import messages
from koinon.parties import queries as parties
from koinon.parties.connection import raw
from koinon.parties.models import Role, RoleGrant
from koinon.parties.secrets import Secrets
from koinon.payments import queries, shifts, tills
from koinon.payments.types import Payment
from koinon.web import formats, installable, refusals, tries, warm
from koinon.web import till as words
from koinon.web.access import View, party_of, seat_of, seen_by
from koinon.web.till import AtWork

TOO_MANY = gettext_lazy(
    "Too many numbers of cards that the town does not have were tried at this shop. Wait an hour, or ask the town."
)
MOST_MINOR = 10**12  # What fits the display; the books' own limit is higher.

manifest = installable.manifest(words.TILL)
worker = installable.worker(words.TILL)


@contextmanager
def opened() -> Iterator[Connection[Any]]:
    """A transaction of its own, committed at the end of its block: what asking a PIN takes."""
    with transaction.atomic():
        yield raw()


def till_page(view: View) -> View:
    """A page of the till, which a cashier may open who may open nothing else; whoever is there has said who they are."""

    @seen_by(Role.SHOP)
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if words.at_work(request) is None:
            with opened() as conn:
                grant = seat_of(request)
                there = shifts.has_cashiers(conn, town_id=grant.town_id, payee=party_of(grant))
            if there:
                if "application/json" in request.headers.get("Accept", ""):
                    return JsonResponse({"code": "till.who", "sentences": []}, status=401)
                return redirect("till-who")
            words.begin(request, grant, None)
        return view(request, *args, **kwargs)

    guarded.at_till = True  # type: ignore[attr-defined]
    return guarded


def _work(request: HttpRequest) -> AtWork:
    return cast(AtWork, words.at_work(request))


def _sign(grant: RoleGrant) -> str:
    return str(grant.party.organisation.trade_name)  # type: ignore[union-attr]


@till_page
@require_GET
@installable.scans
def till(request: HttpRequest) -> HttpResponse:
    """The till's one page. Kept on the device, so that it opens without a network: nothing about a person is on it."""
    grant, conn, now = seat_of(request), raw(), timezone.now()
    town = grant.town
    context = {
        "sign": _sign(grant),
        "given": {
            "language": (get_language() or "en").split("-")[0],
            "languages": words.spoken(),
            "most": min(10 ** (town.exponent + 6), MOST_MINOR),
            "pattern": words.pattern(town),
            "shop": str(grant.party_id),
        },
        "payer": words.payer_words(conn, town, party_of(grant), now),
        "categories": words.categories(conn, town, now.date()),
    }
    return words.show(request, "koinon/till/till.html", context)


@till_page
@require_GET
def state(request: HttpRequest) -> HttpResponse:
    """Who is at the till, and what was taken in their shift."""
    grant, work = seat_of(request), _work(request)
    conn = raw()
    how: dict[str, Any] = {"town_id": grant.town_id, "payee": party_of(grant)}
    shift = shifts.open_shift_of(conn, cashier_id=work.cashier, **how)
    taken = shifts.shift(conn, shift_id=shift, **how).taken_minor if shift else 0
    name = ""
    if work.cashier:
        name = shifts.cashier(conn, cashier_id=work.cashier, secrets=Secrets.load(), **how).name
    return JsonResponse({"cashier": name, "taken": words.money(taken, grant.town), "role": work.role.value})


# --- Charging ------------------------------------------------------------------------------------


class AmountForm(forms.Form):
    """What every charge says: its key, the amount in minor units, the language its payer reads."""

    key = forms.UUIDField()
    amount = forms.IntegerField(min_value=1, max_value=MOST_MINOR)
    language = forms.ChoiceField(choices=settings.LANGUAGES, required=False)


class CardForm(AmountForm):
    card = forms.CharField(max_length=100)


class PayForm(CardForm):
    pin = forms.CharField(max_length=12, required=False)
    category = forms.RegexField(r"^[a-z0-9][a-z0-9-]{0,39}$", required=False)


class BalanceForm(forms.Form):
    card = forms.CharField(max_length=100)
    pin = forms.CharField(max_length=12)
    language = forms.ChoiceField(choices=settings.LANGUAGES, required=False)


def asked(form_class: type[forms.Form]) -> Callable[[Callable[..., Any]], View]:
    """A question of the till: its fields checked, its refusals told in the payer's language with every ground."""

    def guard(view: Callable[..., dict[str, Any]]) -> View:
        @till_page
        @transaction.non_atomic_requests
        @require_POST
        @wraps(view)
        def answered(request: HttpRequest) -> HttpResponse:
            form = form_class(request.POST)
            if not form.is_valid():
                return JsonResponse({"code": "request.invalid", "fields": form.errors.get_json_data()}, status=422)
            language = form.cleaned_data.get("language") or get_language() or "en"
            shop, now = party_of(seat_of(request)), time.time()
            with override(language):
                if "card" in form.fields and not tries.are_left(tries.AT_TILL, shop, now=now):
                    return JsonResponse({"code": "till.too-many-tries", "sentences": [TOO_MANY]}, status=429)
                try:
                    return JsonResponse(view(request, form.cleaned_data))
                except KoinonError as refused:
                    if isinstance(
                        refused, CardNotFound
                    ):  # A misread digit is none of a card's, and tells nobody anything.
                        tries.count(tries.AT_TILL, shop, now=now)
                    refusals.note(request, refused)
                    told = {"code": refused.code, "sentences": words.why_not(refused, seat_of(request).town)}
                    return JsonResponse(told, status=refusals.status(refused))

        return answered

    return guard


@asked(CardForm)
def card(request: HttpRequest, said: dict[str, Any]) -> dict[str, Any]:
    """What lies on the till: whether it takes a PIN, and in which language its holder reads. Nothing of what they have."""
    grant = seat_of(request)
    with warm.opened() as conn:
        found = tills.look(
            conn,
            town_id=grant.town_id,
            payee=party_of(grant),
            card=said["card"],
            amount=Amount(said["amount"], grant.town.unit_code),
            now=timezone.now(),
            secrets=Secrets.load(),
        )
        language = parties.language_of(conn, town_id=grant.town_id, party_id=found.holder)
    return {"pin": found.pin, "language": language if language in words.spoken() else ""}


@asked(PayForm)
def pay(request: HttpRequest, said: dict[str, Any]) -> dict[str, Any]:
    """Have the card pay: once for each key, however often this is asked."""
    grant, work, now = seat_of(request), _work(request), timezone.now()
    how: dict[str, Any] = {"town_id": grant.town_id, "payee": party_of(grant)}
    with warm.opened() as conn:
        shift = shifts.open_shift(conn, cashier_id=work.cashier, actor=work.actor(grant), at=now, **how)
    done = tills.charge(
        warm.opened,
        key=said["key"],
        card=said["card"],
        pin=said["pin"] or None,
        amount=Amount(said["amount"], grant.town.unit_code),
        shift=shift,
        now=now,
        actor=work.actor(grant),
        secrets=Secrets.load(),
        category=said["category"],
        **how,
    )
    return _paid(grant, done)


@asked(AmountForm)
def give_up(request: HttpRequest, said: dict[str, Any]) -> dict[str, Any]:
    """End a charge whose answer never came: for certain paid, or for certain not."""
    grant = seat_of(request)
    with warm.opened() as conn:
        done = tills.give_up(
            conn,
            town_id=grant.town_id,
            payee=party_of(grant),
            key=said["key"],
            amount=Amount(said["amount"], grant.town.unit_code),
            shift=None,
            now=timezone.now(),
        )
    return _paid(grant, done) if done else {"paid": False}


def _paid(grant: RoleGrant, payment: Payment) -> dict[str, Any]:
    with warm.opened() as conn:
        return {"paid": True, **words.receipt(conn, grant.town, payment, _sign(grant))}


@asked(BalanceForm)
def balance(request: HttpRequest, said: dict[str, Any]) -> dict[str, Any]:
    """What there is on a card, for whoever knows its PIN."""
    grant, now = seat_of(request), timezone.now()
    held = tills.balance(
        warm.opened, town_id=grant.town_id, payee=party_of(grant), card=said["card"], pin=said["pin"], now=now,
        secrets=Secrets.load(),
    )  # fmt: skip
    town = grant.town
    if held.room is not None:
        last_day = formats.day(held.room.authorisation.last_day)
        return {"lines": [[_("You may still pay today, until %(day)s") % {"day": last_day},
                           words.money(held.room.left_minor, town)]]}  # fmt: skip
    return {"lines": [[_purse(purse), words.money(purse.available_minor, town)] for purse in held.purses]}


def _purse(purse: Any) -> str:
    name = purse.fund_name or _("Your own money")
    if purse.last_day is None:
        return name
    return _("%(purse)s, until %(day)s") % {"purse": name, "day": formats.day(purse.last_day)}


class ReceiptForm(forms.Form):
    payment = forms.UUIDField()


@asked(ReceiptForm)
def send_receipt(request: HttpRequest, said: dict[str, Any]) -> dict[str, Any]:
    """Send a sale's receipt to its payer, by the way the town has of reaching them; the shop is told no address."""
    grant, now = seat_of(request), timezone.now()
    with warm.opened() as conn:
        sale = queries.payment(conn, town_id=grant.town_id, payment_id=said["payment"])
        if sale.payee != party_of(grant):
            from koinon.payments.errors import PaymentNotFound

            raise PaymentNotFound(payment_id=sale.id)
        messages.leave(
            conn,
            town_id=grant.town_id,
            message_id=id_under(sale.id, "receipt"),
            party=sale.payer,
            kind="payment.receipt",
            at=now,
            data={
                "amount_minor": sale.amount_minor,
                "paid_day": _local_day(grant, sale.effective_at),
                "shop_party": str(sale.payee),
                "number": str(sale.id).replace("-", "")[-8:].upper(),
            },
        )
    return {"left": True}


def _local_day(grant: RoleGrant, at: datetime) -> str:
    from zoneinfo import ZoneInfo

    return at.astimezone(ZoneInfo(grant.town.time_zone)).date().isoformat()
