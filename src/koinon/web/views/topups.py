"""Buying units: how much, by which way, and what to write on the transfer; and what the treasury sees of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import segno
from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from koinon.campaigns import queries as campaigns
from koinon.campaigns.types import Campaign, CampaignState, Trigger
from koinon.db.transactions import savepoint
from koinon.kernel.errors import KoinonError
from koinon.kernel.money import Amount, to_decimal
from koinon.parties.connection import raw
from koinon.parties.models import Role, RoleGrant, Town
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.treasury import cards, topups
from koinon.treasury.cards import CardProvider, SandboxCards
from koinon.treasury.errors import TopUpNotFound
from koinon.treasury.references import in_groups
from koinon.treasury.types import TopUp, TopUpState, Way
from koinon.web import refusals, tables
from koinon.web.access import everyone, party_of, seat_of, seen_by
from koinon.web.forms import AmountField
from koinon.web.tables import Column, Kind, Table

WAYS: dict[str, Any] = {Way.BANK: gettext_lazy("By bank transfer"), Way.CARD: gettext_lazy("By card")}
STATES: dict[str, Any] = {
    TopUpState.PENDING: pgettext_lazy("top-up", "Waiting for the money"),
    TopUpState.RECEIVED: pgettext_lazy("top-up", "Received"),
    TopUpState.CANCELLED: pgettext_lazy("top-up", "Given up"),
}


class TopUpForm(forms.Form):
    """How much and by which way; ``form_id`` makes sending it twice harmless."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, exponent: int, by_card: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"] = AmountField(exponent=exponent, label=gettext_lazy("How much"))
        ways = [Way.BANK, *([Way.CARD] if by_card else [])]
        self.fields["way"] = forms.ChoiceField(
            label=gettext_lazy("How you pay"), choices=[(way.value, WAYS[way]) for way in ways], initial=Way.BANK.value
        )


@seen_by(Role.RESIDENT, Role.SHOP)
def top_up(request: HttpRequest) -> HttpResponse:
    """Ask for a top-up; what one asked for before."""
    seat = seat_of(request)
    provider = _provider(seat.town)
    form = TopUpForm(
        request.POST or None, initial={"form_id": uuid4()}, exponent=seat.town.exponent, by_card=provider is not None
    )
    if request.method == "POST" and form.is_valid():
        asked = _asked(request, seat, form)
        if asked is not None:
            return redirect("top-up-pay", topup=asked.id)
    context = {
        "form": form,
        "asked": [
            (one, STATES[one.state])
            for one in topups.topups(raw(), town_id=seat.town_id, party=party_of(seat), limit=20)
        ],
        "campaigns": running(seat.town, Trigger.TOPUP) if seat.role == Role.RESIDENT else [],
    }
    return render(request, "koinon/topup/ask.html", context)


def _asked(request: HttpRequest, seat: RoleGrant, form: TopUpForm) -> TopUp | None:
    conn = raw()
    try:
        with savepoint(conn):
            return topups.request(
                conn,
                town_id=seat.town_id,
                party=party_of(seat),
                amount=Amount(form.cleaned_data["amount"], seat.town.unit_code),
                way=Way(form.cleaned_data["way"]),
                idempotency_key=f"web:top-up:{form.cleaned_data['form_id']}",
                at=timezone.now(),
                actor=seat.user.actor,
            )
    except KoinonError as refused:
        refusals.note(request, refused)
        form.add_error(None, refusals.sentences(refused)[0])
        return None


@seen_by(Role.RESIDENT, Role.SHOP)
def pay(request: HttpRequest, topup: UUID) -> HttpResponse:
    """What to write on the transfer, to print or to scan; or where to enter the card."""
    seat = seat_of(request)
    asked = _own(seat, topup)
    town = seat.town
    account = Vault(raw(), Secrets.load()).get(town.party_id, ["name", "iban"]) if town.party_id else {}
    checkout = None
    if asked.way is Way.CARD and asked.state is TopUpState.PENDING and (provider := _provider(town)) is not None:
        checkout = provider.checkout(asked, currency=town.national_currency)
    context = {
        "asked": asked,
        "state": STATES[asked.state],
        "reference": in_groups(asked.reference),
        "name": account.get("name", town.name),
        "iban": in_groups(account.get("iban", "")),
        "code": _code(asked, town, account),
        "checkout": checkout,
    }
    return render(request, "koinon/topup/pay.html", context)


def _code(asked: TopUp, town: Town, account: dict[str, str]) -> str:
    """What a banking app scans, as a picture; empty where the transfer is none in euros.

    Source: European Payments Council, EPC069-12 version 3.1, Quick Response Code: guidelines to enable data capture for the
    initiation of a SEPA credit transfer.
    """
    if town.national_currency != "EUR" or not account.get("iban") or asked.state is not TopUpState.PENDING:
        return ""
    lines = [
        "BCD", "002", "1", "SCT", "", account.get("name", town.name)[:70], account["iban"],
        f"EUR{to_decimal(asked.amount.minor, town.exponent):f}", "", asked.reference, "", "",
    ]  # fmt: skip
    return str(segno.make("\n".join(lines), error="m", micro=False).svg_data_uri(scale=4, border=2))


@seen_by(Role.RESIDENT, Role.SHOP)
@require_POST
def cancel(request: HttpRequest, topup: UUID) -> HttpResponse:
    seat = seat_of(request)
    asked = _own(seat, topup)
    topups.cancel(raw(), town_id=seat.town_id, topup_id=asked.id, at=timezone.now(), actor=seat.user.actor)
    messages.success(request, _("It is given up. Should the money come all the same, it is credited to you."))
    return redirect("top-up")


@seen_by(Role.RESIDENT, Role.SHOP)
def sandbox_card(request: HttpRequest, topup: UUID) -> HttpResponse:
    """The sandbox's own page: somebody says whether the card is good, and the provider tells the town so."""
    seat = seat_of(request)
    asked = _own(seat, topup)
    provider = _provider(seat.town)
    if not isinstance(provider, SandboxCards):
        raise Http404
    if request.method == "POST":
        now, currency = timezone.now(), seat.town.national_currency
        headers, body = provider.sent(asked, currency=currency, paid="good" in request.POST, now=now)
        done = cards.heard(raw(), town_id=seat.town_id, provider=provider, headers=headers, body=body, at=now)
        if done is None:
            messages.warning(request, _("The card was refused. Nothing was taken."))
        return redirect("top-up-pay", topup=asked.id)
    return render(request, "koinon/topup/sandbox.html", {"asked": asked})


@csrf_exempt
@everyone
@require_POST
def card_callback(request: HttpRequest, town: str) -> JsonResponse:
    """A card provider's message; who it is from is said by its signature alone."""
    found = Town.objects.filter(slug=town).first()
    if found is None:
        raise Http404
    if len(request.body) > 65536:
        return JsonResponse({"code": "request.too-large"}, status=413)
    done = cards.heard(
        raw(), town_id=found.pk, provider=_provider(found), headers=dict(request.headers), body=request.body,
        at=timezone.now(),
    )  # fmt: skip
    return JsonResponse({"received": done is not None})


def _own(seat: RoleGrant, topup: UUID) -> TopUp:
    try:
        found = topups.topup(raw(), town_id=seat.town_id, topup_id=topup)
    except KoinonError:
        raise Http404 from None
    if found.party != party_of(seat):
        raise Http404
    return found


def _provider(town: Town) -> CardProvider | None:
    return cards.provider_of(demonstration=town.demonstrated_until is not None, secrets=Secrets.load())


def running(town: Town, *triggers: Trigger) -> list[Campaign]:
    """The campaigns that grant something today, for residents to know."""
    today = timezone.now().astimezone(ZoneInfo(town.time_zone)).date()
    return [
        one
        for one in campaigns.campaigns(raw(), town_id=town.pk)
        if one.state is CampaignState.RUNNING
        and one.terms.trigger in triggers
        and one.terms.first_day <= today <= one.terms.last_day
        and one.left_minor > 0
    ]


# --- The treasury's side ------------------------------------------------------------------------------------

TOPUPS = Table(
    name="top-ups",
    title=gettext_lazy("Top-ups"),
    hint=gettext_lazy("Units are made when the money is there, whether the bank or the card provider says so first."),
    empty=gettext_lazy("Nobody has topped up yet."),
    columns=[
        Column("requested_at", gettext_lazy("Asked for"), Kind.INSTANT),
        Column("party", gettext_lazy("Who"), Kind.PARTY),
        Column("reference", gettext_lazy("Reference"), Kind.TEXT),
        Column("way", gettext_lazy("How"), Kind.STATE, words=WAYS),
        Column("state", gettext_lazy("State"), Kind.STATE, words=STATES),
        Column("bank_reference", gettext_lazy("The bank's reference"), Kind.TEXT),
        Column("card_reference", gettext_lazy("The card provider's reference"), Kind.TEXT, hidden=True),
        Column("amount_minor", gettext_lazy("Announced"), Kind.MONEY, national=True),
        Column("received_minor", gettext_lazy("Received"), Kind.MONEY, national=True),
        Column("returned_minor", gettext_lazy("Given back"), Kind.MONEY, national=True),
    ],
    source=(
        "SELECT t.id, t.requested_at, t.party, t.reference, t.way, t.state, t.bank_reference, t.card_reference,"
        " t.amount_minor, t.received_minor, (SELECT sum(r.amount_minor)::bigint FROM treasury.topup_return AS r"
        " WHERE r.town_id = t.town_id AND r.topup_id = t.id) AS returned_minor FROM treasury.topup AS t WHERE t.town_id = %(town_id)s"
    ),
    sort="-requested_at",
)


class ReceivedForm(forms.Form):
    """A top-up's euros, as somebody reads them on the bank's statement."""

    def __init__(self, *args: Any, exponent: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reference"] = forms.CharField(
            label=gettext_lazy("Reference"), max_length=40, help_text=gettext_lazy("It begins with RF.")
        )
        self.fields["amount"] = AmountField(exponent=exponent, label=gettext_lazy("Amount"))
        self.fields["bank_reference"] = forms.RegexField(
            r"^[A-Za-z0-9:._/#-]{1,64}$",
            label=gettext_lazy("The bank's reference"),
            help_text=gettext_lazy("As on the statement: letters, figures and signs, without spaces. No names."),
        )
        self.fields["other_amount"] = forms.BooleanField(
            required=False, label=gettext_lazy("I have looked: credit this amount although another one was announced.")
        )


class GivenBackForm(forms.Form):
    """Euros that the bank paid back to whoever had brought them."""

    def __init__(self, *args: Any, exponent: int, **kwargs: Any) -> None:
        kwargs.setdefault("prefix", "back")
        super().__init__(*args, **kwargs)
        self.fields["reference"] = forms.CharField(
            label=gettext_lazy("Reference"), max_length=40, help_text=gettext_lazy("It begins with RF.")
        )
        self.fields["amount"] = AmountField(
            exponent=exponent, required=False, label=gettext_lazy("Amount"), help_text=gettext_lazy("Empty: all of it.")
        )
        self.fields["bank_reference"] = forms.RegexField(
            r"^[A-Za-z0-9:._/#-]{1,64}$", label=gettext_lazy("The bank's reference of the payment back")
        )


def _gave_back(request: HttpRequest, seat: RoleGrant, form: GivenBackForm) -> bool:
    conn, said = raw(), form.cleaned_data
    try:
        with savepoint(conn):
            found = topups.topup_by_reference(conn, town_id=seat.town_id, reference=said["reference"])
            if found is None:
                raise TopUpNotFound(reference=said["reference"])
            topups.give_back(
                conn,
                town_id=seat.town_id,
                topup_id=found.id,
                amount=Amount(said["amount"], seat.town.unit_code) if said["amount"] else None,
                bank_reference=said["bank_reference"],
                at=timezone.now(),
                actor=seat.user.actor,
            )
    except KoinonError as refused:
        refusals.note(request, refused)
        form.add_error(None, refusals.sentences(refused)[0])
        return False
    messages.success(request, _("The units are taken back, and a bonus on them in proportion."))
    return True


@seen_by(Role.TREASURER)
def received(request: HttpRequest) -> HttpResponse:
    """Every top-up; a POST confirms one by hand as the bank's statement shows it, or takes one back."""
    seat = seat_of(request)
    goes_back = "back-reference" in request.POST
    back = GivenBackForm(request.POST if goes_back else None, exponent=seat.town.exponent)
    if goes_back and back.is_valid() and _gave_back(request, seat, back):
        return redirect("treasury-top-ups")
    form = ReceivedForm((request.POST or None) if not goes_back else None, exponent=seat.town.exponent)
    if request.method == "POST" and not goes_back and form.is_valid():
        conn = raw()
        try:
            with savepoint(conn):
                done = topups.confirm(
                    conn,
                    town_id=seat.town_id,
                    reference=form.cleaned_data["reference"],
                    amount=Amount(form.cleaned_data["amount"], seat.town.unit_code),
                    way=Way.BANK,
                    source_reference=form.cleaned_data["bank_reference"],
                    at=timezone.now(),
                    actor=seat.user.actor,
                    other_amount=form.cleaned_data["other_amount"],
                )
        except KoinonError as refused:
            refusals.note(request, refused)
            form.add_error(None, refusals.sentences(refused)[0])
        else:
            said = _("It was credited before; nothing was added.") if done.replayed else _("The top-up is credited.")
            messages.success(request, said)
            return redirect("treasury-top-ups")
    return tables.render(
        request, "koinon/treasury/topups.html", {"topups": TOPUPS.read(request), "form": form, "back": back}
    )
