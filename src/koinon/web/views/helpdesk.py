"""Help without a telephone that shows pages: who may pay for somebody, letters to many, text messages, documents."""

from __future__ import annotations

import json
import os
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from koinon.client import webhooks
from koinon.client.errors import NotVerified
from koinon.db.transactions import savepoint
from koinon.helpdesk import documents, leaflet, letters, people, texts
from koinon.helpdesk.errors import HelpdeskError
from koinon.helpdesk.types import Chosen, DocumentAbout, PaperWishes
from koinon.instruments import authorised, operations, queries
from koinon.instruments.errors import AuthorisationNotFound, AuthorisationNotSound, CardNotFound, InstrumentsError
from koinon.instruments.types import Authorisation, InstrumentKind, Why
from koinon.kernel.identifiers import new_id
from koinon.kernel.periods import Month
from koinon.parties import queries as parties
from koinon.parties.connection import raw
from koinon.parties.errors import TownNotFound
from koinon.parties.models import Role, RoleGrant, Town, Zone
from koinon.parties.naming import Reader
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.programmes import queries as plans
from koinon.web import attaching, formats, helping, names, paper, refusals, wallet, words
from koinon.web.access import everyone, party_of, seat_of, seen_by
from koinon.web.views.counter import GiveForm, person_page

MOST_PRINTED = 200
LARGEST_TEXT = 20_000

CHOSEN: dict[Chosen, Any] = {
    Chosen.ASKED: gettext_lazy("who asked for a letter each month"),
    Chosen.UNREACHABLE: gettext_lazy("who has neither telephone nor e-mail"),
    Chosen.EVERYBODY: gettext_lazy("everybody who has a purse"),
}


class QueueForm(forms.Form):
    """For whom a month's statements are written."""

    month = forms.ChoiceField(label=gettext_lazy("Month"))
    chosen = forms.ChoiceField(
        label=gettext_lazy("For whom"), choices=[(chosen.value, name) for chosen, name in CHOSEN.items()]
    )
    zone = forms.ChoiceField(label=gettext_lazy("Neighbourhood"), required=False)
    fund = forms.ChoiceField(label=gettext_lazy("Who has had money of"), required=False)

    def __init__(self, *args: Any, town: Town, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zone = ZoneInfo(town.time_zone)
        founded, month = (Month.of(at.astimezone(zone).date()) for at in (town.created_at, timezone.now()))
        over: list[Month] = []
        while len(over) < 13 and month > founded:
            month = Month(month.year - 1, 12) if month.number == 1 else Month(month.year, month.number - 1)
            over.append(month)
        zones = Zone.objects.filter(town=town).order_by("name").values_list("code", "name")
        funds = plans.funds(raw(), town_id=town.pk)
        every = ("", _("all"))
        self.fields["month"].choices = [(str(each), formats.month(each)) for each in over]  # type: ignore[attr-defined]
        self.fields["zone"].choices = [every, *zones]  # type: ignore[attr-defined]
        self.fields["fund"].choices = [every, *((str(fund.id), fund.name) for fund in funds)]  # type: ignore[attr-defined]


# --- Somebody else who pays -----------------------------------------------------------------------------------------


@seen_by(Role.OFFICER)
@require_POST
def authorise(request: HttpRequest, party: UUID) -> HttpResponse:
    """Let somebody else pay for a household, with a name, a limit by the day and a last day."""
    seat = seat_of(request)
    form = helping.AuthoriseForm(request.POST, exponent=seat.town.exponent, auto_id="authorise_%s")
    if form.is_valid():
        try:
            with savepoint(raw()):
                people.authorise(
                    raw(),
                    town_id=seat.town_id,
                    authorisation_id=form.cleaned_data["form_id"],
                    party=party,
                    name=form.cleaned_data["name"],
                    per_day_minor=form.cleaned_data["per_day"],
                    last_day=form.cleaned_data["last_day"],
                    today=_today(seat.town),
                    actor=seat.user.actor,
                    at=timezone.now(),
                    vault=_vault(),
                )
        except AuthorisationNotSound as refused:
            _to_form(request, form, refused)
        except (InstrumentsError, HelpdeskError) as refused:
            refusals.note(request, refused)
            form.add_error("name", refusals.sentences(refused)[0])
        else:
            messages.success(request, _("They may pay from now on. Hand them a card of their own now."))
            return redirect("counter-person", party=party)
    return person_page(request, party, 422, authorise_form=form)


@seen_by(Role.OFFICER)
@require_POST
def authorised_give(request: HttpRequest, authorisation: UUID) -> HttpResponse:
    """Hand a card from the drawer to who is let pay; they choose their own PIN next."""
    seat, conn = seat_of(request), raw()
    form = GiveForm(request.POST)
    held = authorised.authorisation(conn, town_id=seat.town_id, authorisation_id=authorisation)
    if form.is_valid():
        try:
            with savepoint(conn):
                text = form.cleaned_data["new_card"]
                found = queries.presented(conn, town_id=seat.town_id, text=text, secrets=Secrets.load())
                authorised.give(
                    conn,
                    town_id=seat.town_id,
                    authorisation_id=authorisation,
                    card_id=found.card.id,
                    actor=seat.user.actor,
                    at=timezone.now(),
                )
        except InstrumentsError as refused:
            refusals.note(request, refused)
            form.add_error("new_card", refusals.sentences(refused)[0])
        else:
            messages.success(request, _("The card is handed over. Its bearer chooses a PIN now."))
            return redirect("counter-card", card=found.card.id)
    return person_page(request, held.party, 422, helper_form=form, helper_of=authorisation)


@seen_by(Role.OFFICER)
@require_POST
def authorised_change(request: HttpRequest, authorisation: UUID) -> HttpResponse:
    """Another limit or last day; it holds from the next payment on."""
    seat = seat_of(request)
    held = authorised.authorisation(raw(), town_id=seat.town_id, authorisation_id=authorisation)
    form = helping.LimitsForm(request.POST, exponent=seat.town.exponent, auto_id=f"limits_{authorisation.hex[-6:]}_%s")
    if form.is_valid():
        try:
            with savepoint(raw()):
                authorised.change(
                    raw(),
                    town_id=seat.town_id,
                    authorisation_id=authorisation,
                    per_day_minor=form.cleaned_data["per_day"],
                    last_day=form.cleaned_data["last_day"],
                    today=_today(seat.town),
                    actor=seat.user.actor,
                    at=timezone.now(),
                )
        except AuthorisationNotSound as refused:
            _to_form(request, form, refused)
        else:
            messages.success(request, _("The new limit holds from the next payment on."))
            return redirect("counter-person", party=held.party)
    return person_page(request, held.party, 422, limits_form=form, limits_of=authorisation)


@seen_by(Role.OFFICER)
@require_POST
def authorised_end(request: HttpRequest, authorisation: UUID) -> HttpResponse:
    """End it at once, at the counter."""
    seat = seat_of(request)
    held = authorised.end(
        raw(), town_id=seat.town_id, authorisation_id=authorisation, actor=seat.user.actor, at=timezone.now()
    )
    messages.success(request, _("They may not pay any more. Their cards are dead."))
    return redirect("counter-person", party=held.party)


def _to_form(request: HttpRequest, form: forms.Form, refused: AuthorisationNotSound) -> None:
    refusals.note(request, refused)
    for ground in refused.grounds:
        field = "per_day" if ground.code == "authorised.limit-not-positive" else "last_day"
        form.add_error(field, helping.say_ground(ground.code))


# --- What a resident does about cards by themselves -----------------------------------------------------------------


@seen_by(Role.RESIDENT)
def own_cards(request: HttpRequest) -> HttpResponse:
    """My cards and who may pay for me, each to be stopped at once."""
    grant, conn = seat_of(request), raw()
    party = party_of(grant)
    held = queries.cards_of(conn, town_id=grant.town_id, party=party)
    mine = authorised.authorisations_of(conn, town_id=grant.town_id, party=party)
    reader = Reader(grant.user.actor, sees_personal_data=True)  # Whom one lets pay is known to oneself.
    called = names.called_as(request, reader, [one.person for one in mine if one.is_open])
    found = helping.helpers(grant.town, party, held, called)
    context = {
        "cards": [
            card for card in held if card.is_open and card.authorisation is None and card.kind is InstrumentKind.CARD
        ],
        "helpers": [helper for helper in found if not helper.over],
    }
    return wallet.show(request, "koinon/purse/cards.html", context)


@seen_by(Role.RESIDENT)
@require_POST
def block_own(request: HttpRequest, card: UUID) -> HttpResponse:
    """My card is lost: it is dead until the counter says otherwise."""
    grant = seat_of(request)
    found = queries.card(raw(), town_id=grant.town_id, card_id=card)
    if found.party != party_of(grant):
        raise CardNotFound(card=card)
    operations.block(
        raw(), town_id=grant.town_id, card_id=card, why=Why.LOST, actor=grant.user.actor, at=timezone.now()
    )
    messages.success(request, _("The card is blocked. What you have is untouched. The counter gives you another card."))
    return redirect("purse-cards")


@seen_by(Role.RESIDENT)
@require_POST
def end_own(request: HttpRequest, authorisation: UUID) -> HttpResponse:
    """Somebody may not pay for me any more, from now on."""
    grant = seat_of(request)
    _own(grant, authorisation)
    authorised.end(
        raw(), town_id=grant.town_id, authorisation_id=authorisation, actor=grant.user.actor, at=timezone.now()
    )
    messages.success(request, _("They may not pay any more. Their cards are dead."))
    return redirect("purse-cards")


def _own(grant: RoleGrant, authorisation: UUID) -> Authorisation:
    held = authorised.authorisation(raw(), town_id=grant.town_id, authorisation_id=authorisation)
    if held.party != party_of(grant):
        raise AuthorisationNotFound(authorisation=authorisation)
    return held


# --- Letters --------------------------------------------------------------------------------------------------------


@seen_by(Role.OFFICER)
@require_POST
def paper_wishes(request: HttpRequest, party: UUID) -> HttpResponse:
    """How somebody wants letters: language, size, one each month."""
    seat = seat_of(request)
    form = helping.PaperForm(request.POST, auto_id="paper_%s")
    if not form.is_valid():
        return person_page(request, party, 422, paper_form=form)
    letters.set_wishes(
        raw(),
        town_id=seat.town_id,
        party=party,
        wanted=PaperWishes(
            form.cleaned_data["language"], form.cleaned_data["large_print"], form.cleaned_data["monthly"]
        ),
        actor=seat.user.actor,
        at=timezone.now(),
        vault=_vault(),
    )
    messages.success(request, _("Letters will be written like this from now on."))
    return redirect("counter-person", party=party)


@seen_by(Role.OFFICER)
def queue(request: HttpRequest) -> HttpResponse:
    """The letters that wait, and queueing a month's statements."""
    seat, conn = seat_of(request), raw()
    form = QueueForm(request.POST or None, town=seat.town)
    if request.method == "POST" and form.is_valid():
        fund = form.cleaned_data["fund"]
        queued = letters.queue(
            conn,
            town_id=seat.town_id,
            month=Month.parse(form.cleaned_data["month"]),
            chosen=Chosen(form.cleaned_data["chosen"]),
            zone=form.cleaned_data["zone"],
            fund=UUID(fund) if fund else None,
            today=_today(seat.town),
            actor=seat.user.actor,
            at=timezone.now(),
        )
        if queued:
            messages.success(request, _("Letters that were added: %(count)s.") % {"count": formats.number(queued)})
        else:
            messages.info(request, _("Nobody is chosen by this who does not have that letter already."))
        return redirect("counter-letters")
    context = {
        "form": form,
        "waiting": letters.waiting(conn, town_id=seat.town_id),
        "next": min(letters.waiting(conn, town_id=seat.town_id), MOST_PRINTED),
        "batch": new_id(),
        "batches": [
            (batch, words.staff_name(batch.printed_by)) for batch in letters.batches(conn, town_id=seat.town_id)
        ],
        "may_see": names.may_see(request),
    }
    return render(request, "koinon/counter/letters.html", context, status=422 if request.method == "POST" else 200)


@seen_by(Role.OFFICER)
@require_POST
def print_letters(request: HttpRequest, batch: UUID) -> HttpResponse:
    """The letters that have waited longest as one PDF; or the same ones again."""
    seat = seat_of(request)
    pdf, _count = letters.printed(
        raw(),
        town_id=seat.town_id,
        batch=batch,
        reader=names.reader_of(request),
        at=timezone.now(),
        vault=_vault(),
        most=MOST_PRINTED,
        again=request.POST.get("again") == "1",
    )
    return paper.answer(pdf, f"letters-{batch.hex[-6:]}")


@everyone
@require_GET
def leaflet_of(request: HttpRequest, town: str, language: str) -> HttpResponse:
    """How to pay with the card, on paper; the same for everybody."""
    if language not in dict(settings.LANGUAGES):
        raise Http404
    facts = parties.town_by_slug(raw(), town)
    return paper.answer(leaflet.leaflet(facts, language, large=request.GET.get("large") == "1"), f"card-{language}")


# --- Text messages --------------------------------------------------------------------------------------------------


@seen_by(Role.OFFICER)
@require_POST
def bind(request: HttpRequest, party: UUID) -> HttpResponse:
    """Answer somebody's telephone from now on."""
    seat = seat_of(request)
    found = helping.answered(request, party, _vault())
    form = helping.NumberForm(request.POST, people=helping.choices(found), auto_id="number_%s")
    if form.is_valid():
        try:
            with savepoint(raw()):
                texts.bind(
                    raw(),
                    town_id=seat.town_id,
                    person=UUID(form.cleaned_data["person"]),
                    number=form.cleaned_data["number"],
                    actor=seat.user.actor,
                    at=timezone.now(),
                    vault=_vault(),
                )
        except HelpdeskError as refused:
            refusals.note(request, refused)
            form.add_error("number", refusals.sentences(refused)[0])
        else:
            messages.success(request, _("This telephone is answered from now on. A first message tells what to write."))
            return redirect("counter-person", party=party)
    return person_page(request, party, 422, number_form=form)


@seen_by(Role.OFFICER)
@require_POST
def unbind(request: HttpRequest, party: UUID) -> HttpResponse:
    """Answer somebody's telephone no more."""
    seat = seat_of(request)
    people_there = letters.people_of(raw(), town_id=seat.town_id, party=party)
    for person in people_there:
        if request.POST.get("person") == str(person):
            texts.unbind(
                raw(), town_id=seat.town_id, person=person, actor=seat.user.actor, at=timezone.now(), vault=_vault()
            )
            messages.success(request, _("This telephone is answered no more."))
    return redirect("counter-person", party=party)


@everyone
@csrf_exempt
@require_POST
def text_came(request: HttpRequest, town: str) -> HttpResponse:
    """A provider hands in a text message, signed (Standard Webhooks); what comes of it is answered to nobody but the sender.

    What is signed names the town: a message that was heard on its way to one town is not taken in another.
    """
    secret = os.environ.get("KOINON_SMS_SECRET", "")
    if not secret:
        raise Http404
    try:
        facts = parties.town_by_slug(raw(), town)
    except TownNotFound:
        raise Http404 from None
    body = request.body if len(request.body) <= LARGEST_TEXT else b""
    try:
        came = webhooks.verify(secret, request.headers, body)
        meant, sender, text = came.content["town"], came.content["from"], came.content["text"]
        reference = came.content.get("reference", came.id)
    except (NotVerified, json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        return JsonResponse({"code": "helpdesk.text-not-genuine"}, status=400)
    if meant != town or not all(isinstance(each, str) for each in (sender, text, reference)):
        return JsonResponse({"code": "helpdesk.text-not-genuine"}, status=400)
    texts.receive(
        raw(),
        town_id=facts.id,
        reference=reference,
        sender=sender,
        text=text,
        at=timezone.now(),
        vault=_vault(),
    )
    return JsonResponse({"taken": True}, status=202)


# --- Documents ------------------------------------------------------------------------------------------------------


@seen_by(Role.OFFICER)
@require_POST
def keep_document(request: HttpRequest, party: UUID) -> HttpResponse:
    """Keep a document of a household."""
    seat = seat_of(request)
    form = helping.KeepForm(request.POST, request.FILES, auto_id="keep_%s")

    def keep(name: str, content: bytes, key: str) -> None:
        documents.attach(
            raw(), town_id=seat.town_id, party=party, about=DocumentAbout(form.cleaned_data["about"]), name=name,
            content=content, idempotency_key=key, reader=names.reader_of(request), at=timezone.now(), vault=_vault(),
        )  # fmt: skip

    if attaching.is_kept(request, form, keep):
        messages.success(request, _("The document is kept."))
        return redirect("counter-person", party=party)
    return person_page(request, party, 422, keep_form=form)


@seen_by(Role.OFFICER)
@require_POST
def kept_document(request: HttpRequest, party: UUID, document: UUID) -> HttpResponse:
    """A document to save, or its end; who opened it is recorded."""
    seat, reader = seat_of(request), names.reader_of(request)
    if "remove" in request.POST:
        documents.remove(
            raw(), town_id=seat.town_id, party=party, document_id=document, reader=reader, at=timezone.now()
        )
        messages.success(request, _("The document is destroyed."))
        return redirect("counter-person", party=party)
    name, kind, content = documents.document(
        raw(), town_id=seat.town_id, party=party, document_id=document, reader=reader, at=timezone.now(), vault=_vault()
    )
    return attaching.to_save(name, kind, content)


def _vault() -> Vault:
    return Vault(raw(), Secrets.load())


def _today(town: Town) -> Any:
    return timezone.now().astimezone(ZoneInfo(town.time_zone)).date()
