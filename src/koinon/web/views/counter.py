"""The counter: find a person by card or document, see what they have, and help with cards and PINs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from koinon.audit import queries as trail
from koinon.casework import queries as complaints
from koinon.db.transactions import savepoint
from koinon.helpdesk import letters, looking
from koinon.instruments import operations, pins, queries, rules
from koinon.instruments.errors import InstrumentsError, PinWeak
from koinon.instruments.types import Card, Why
from koinon.kernel.identifiers import new_id
from koinon.outbox import messages as told
from koinon.parties import naming
from koinon.parties import queries as parties
from koinon.parties.connection import raw
from koinon.parties.models import Person, Role, Town
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.payments import queries as payments
from koinon.web import acts, helping, movements, names, paper, refusals, words
from koinon.web.access import seat_of, seen_by

RECENT = 8

WHYS = {
    Why.LOST: gettext_lazy("lost"),
    Why.STOLEN: gettext_lazy("stolen"),
    Why.DAMAGED: gettext_lazy("damaged"),
    Why.ASKED: gettext_lazy("its holder asked"),
    Why.SUSPECTED: gettext_lazy("misuse is suspected"),
    Why.SPOILED: gettext_lazy("spoiled in the printer"),
    Why.FOUND: gettext_lazy("found again"),
}
PIN_GROUNDS = {
    "pin.not-six-digits": gettext_lazy("A PIN has six digits."),
    "pin.in-a-row": gettext_lazy("The digits follow each other."),
    "pin.repeats": gettext_lazy("The digits repeat."),
    "pin.few-digits": gettext_lazy("It needs at least three different digits."),
    "pin.well-known": gettext_lazy("Many people choose this one."),
    "pin.a-year": gettext_lazy("It is made of a year."),
    "pin.from-the-card": gettext_lazy("It stands in the card's own number."),
}


def whys(*chosen: Why) -> list[tuple[str, Any]]:
    return [(why.value, WHYS[why]) for why in chosen]


class FindForm(forms.Form):
    """Whom the officer looks for, in one field. What is typed travels in no address."""

    wanted = forms.CharField(
        label=gettext_lazy("Card or document"),
        help_text=gettext_lazy(
            "Scan a card or type its twelve digits; or type an identity number, a telephone or an e-mail."
        ),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True, "dir": "ltr", "spellcheck": "false"}),
    )


class WhyForm(forms.Form):
    why = forms.ChoiceField(label=gettext_lazy("Why"))

    def __init__(self, *args: Any, chosen: list[tuple[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["why"].choices = chosen  # type: ignore[attr-defined]


class ReplaceForm(WhyForm):
    new_card = forms.CharField(
        label=gettext_lazy("The new card"),
        help_text=gettext_lazy("Take one from the drawer: scan its code, or type the twelve digits."),
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "code", "dir": "ltr"}),
    )


class GiveForm(forms.Form):
    new_card = ReplaceForm.base_fields["new_card"]


class PinForm(forms.Form):
    """Typed by the card's holder, twice, out of the officer's sight."""

    pin = forms.CharField(
        label=gettext_lazy("New PIN, six digits"),
        max_length=12,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "inputmode": "numeric", "dir": "ltr"}),
    )
    again = forms.CharField(
        label=gettext_lazy("The same once more"),
        max_length=12,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "inputmode": "numeric", "dir": "ltr"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, second = cleaned.get("pin", ""), cleaned.get("again", "")
        if first and second and rules.pin(first) != rules.pin(second):
            self.add_error("again", _("The two PINs are not the same."))
        return cleaned


class MakeForm(forms.Form):
    form_id = forms.UUIDField(widget=forms.HiddenInput)
    count = forms.IntegerField(
        label=gettext_lazy("How many cards"), min_value=1, max_value=rules.MOST_MADE_AT_ONCE, initial=10
    )


class PeriodForm(forms.Form):
    first_day = forms.DateField(
        label=gettext_lazy("From"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    last_day = forms.DateField(
        label=gettext_lazy("Until"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


@seen_by(Role.OFFICER)
def counter(request: HttpRequest) -> HttpResponse:
    """Find somebody: by their card, by a document, by a telephone. One search leads to all there is to help with."""
    town = seat_of(request).town
    form = FindForm(request.POST or None)
    if not names.may_see(request):
        form.fields["wanted"].label = _("Card")
        form.fields["wanted"].help_text = _("Scan its code, or type the twelve digits.")
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data["wanted"]
        found = _by_card(town, wanted)
        if found is not None:
            return _to_card(found)
        party = _by_document(request, town, wanted) if names.may_see(request) else None
        if party is not None:
            return redirect("counter-person", party=party)
        form.add_error("wanted", _not_found(request, town, wanted))
    waiting = complaints.waiting(raw(), town_id=town.pk)
    context = {
        "form": form,
        "stock": queries.stock(raw(), town_id=town.pk),
        "waiting": len(waiting),
        "letters": letters.waiting(raw(), town_id=town.pk),
        "languages": settings.LANGUAGES,
        "language": get_language(),
    }
    return render(request, "koinon/counter/counter.html", context)


def _by_card(town: Town, wanted: str) -> Card | None:
    try:
        return queries.presented(raw(), town_id=town.pk, text=wanted, secrets=Secrets.load()).card
    except InstrumentsError:
        return None


def _not_found(request: HttpRequest, town: Town, wanted: str) -> str:
    """Why nothing was found: what looks like a card is answered as one."""
    digits = sum(mark.isdecimal() for mark in wanted)
    if digits < 10 and names.may_see(request):
        return _("Nobody is found by this, or several people share it.")
    try:
        queries.presented(raw(), town_id=town.pk, text=wanted, secrets=Secrets.load())
    except InstrumentsError as refused:
        refusals.note(request, refused)
        if names.may_see(request):
            return _("Neither a card nor a person is found by this. A digit may be wrong, or several people share it.")
        return refusals.sentences(refused)[0]
    raise AssertionError("it would have been found")


def _to_card(found: Card) -> HttpResponse:
    """A card that works, or may again, leads to its holder; any other one to itself."""
    if found.party is None or not found.is_open:
        return redirect("counter-card", card=found.id)
    return redirect(f"{reverse('counter-person', args=[found.party])}?{urlencode({'card': str(found.id)})}")


def _by_document(request: HttpRequest, town: Town, typed: str) -> UUID | None:
    """The person's household, whose purses they pay from; without one, the person. Who looked is recorded."""
    naming.needs_personal_data(names.reader_of(request))
    vault, seat = Vault(raw(), Secrets.load()), seat_of(request)
    for kind in ("identifier", "email", "phone"):
        found = vault.find(town.pk, kind, typed)
        if found is None:
            continue
        vault.reveal([found], [kind], actor=seat.user.actor, reason=f"page:counter-{kind}", at=timezone.now())
        household = Person.objects.filter(pk=found).values_list("household_id", flat=True).first()
        return household or found
    return None


@seen_by(Role.OFFICER)
def person(request: HttpRequest, party: UUID) -> HttpResponse:
    """Everything to help somebody with: what they have, their cards, who may pay for them, letters, documents, complaints."""
    return person_page(request, party)


def person_page(request: HttpRequest, party: UUID, status: int = 200, **filled: Any) -> HttpResponse:
    """``person``, with forms that were filled in wrongly. Who looked is recorded."""
    seat = seat_of(request)
    town, conn, now = seat.town, raw(), timezone.now()
    kind = parties.party_facts(conn, town.pk, party).kind
    looking.looked(conn, town_id=town.pk, party=party, actor=seat.user.actor, at=now)
    purses = payments.purses(conn, town_id=town.pk, payer=party, at=now)
    recent = payments.movements(conn, town_id=town.pk, party_id=party, limit=RECENT)
    today, cards = _today(town), queries.cards_of(conn, town_id=town.pk, party=party)
    context = {
        "party": party,
        "record": {"household": "office-household", "organisation": "office-organisation"}.get(kind, ""),
        "is_resident": kind in ("household", "person"),
        "name": names.called(request, [party])[party],
        "may_see": names.may_see(request),
        "names_asked": names.names_asked(request),
        "purses": [purse for purse in purses if purse.fund is not None or purse.available_minor],
        "total": sum(purse.available_minor for purse in purses if purse.last_day is None or purse.last_day >= today),
        "cards": cards,
        "presented": next((card for card in cards if str(card.id) == request.GET.get("card")), None),
        "days": movements.by_day(movements.as_called(request, recent), town),
        "give": GiveForm(),
        "make_id": new_id(),
        "period": PeriodForm(initial={"first_day": today.replace(day=1), "last_day": today}),
        "complaints": complaints.complaints_of(conn, town_id=town.pk, party=party),
        "told": told.of_party(conn, town_id=town.pk, party=party),
        **helping.sections(request, party, kind, cards),
        **filled,
    }
    return render(request, "koinon/counter/person.html", context, status=status)


@seen_by(Role.OFFICER)
@require_POST
def give(request: HttpRequest, party: UUID) -> HttpResponse:
    """Hand a card from the drawer to somebody."""
    seat = seat_of(request)
    conn = raw()
    found = queries.presented(conn, town_id=seat.town_id, text=request.POST.get("new_card", ""), secrets=Secrets.load())
    operations.hand_over(
        conn, town_id=seat.town_id, card_id=found.card.id, party=party, actor=seat.user.actor, at=timezone.now()
    )
    messages.success(request, _("The card is handed over. Its holder chooses a PIN now."))
    return redirect("counter-card", card=found.card.id)


@seen_by(Role.OFFICER)
@require_POST
def make_for(request: HttpRequest, party: UUID) -> HttpResponse:
    """Make one card for one person, to be printed here."""
    seat = seat_of(request)
    [made] = operations.make_cards(
        raw(),
        town_id=seat.town_id,
        count=1,
        idempotency_key=f"web:{_form_id(request)}",
        actor=seat.user.actor,
        at=timezone.now(),
        secrets=Secrets.load(),
        party=party,
    )
    messages.success(request, _("A card is made for this person. Print it, then hand it over."))
    return redirect("counter-card", card=made.id)


@seen_by(Role.OFFICER)
@require_POST
def statement(request: HttpRequest, party: UUID) -> HttpResponse:
    """A statement as PDF; with the name, for those who may see it and have asked for names."""
    town = seat_of(request).town
    conn = raw()
    parties.party_facts(conn, town.pk, party)
    form = PeriodForm(request.POST)
    if not form.is_valid() or form.cleaned_data["first_day"] > form.cleaned_data["last_day"]:
        messages.error(request, _("Choose the first and the last day of the statement."))
        return redirect("counter-person", party=party)
    first, last, now = form.cleaned_data["first_day"], form.cleaned_data["last_day"], timezone.now()
    purses = payments.purses(conn, town_id=town.pk, payer=party, at=now)
    found = letters.between(conn, parties.town(conn, town.pk), party, first, last)
    with paper.as_they_read(town, party):
        pdf = paper.statement(
            town,
            to=_addressed(request, party),
            purses=[purse for purse in purses if purse.fund is not None or purse.available_minor],
            found=movements.as_called(request, found),
            first_day=first,
            last_day=last,
            day=_today(town),
            large=_large(request),
        )
    return paper.answer(pdf, f"statement-{naming.pseudonym(party)}-{last}")


@seen_by(Role.OFFICER)
def card(request: HttpRequest, card: UUID) -> HttpResponse:
    """One card: how it stands, what can be done, and who did what."""
    seat = seat_of(request)
    conn = raw()
    found = queries.card(conn, town_id=seat.town_id, card_id=card)
    return _card_page(request, found)


def _card_page(request: HttpRequest, found: Card, status: int = 200, **filled: Any) -> HttpResponse:
    seat = seat_of(request)
    conn = raw()
    now = timezone.now()
    locked = [
        each.locked_until
        for each in queries.tries(conn, town_id=seat.town_id, card_id=found.id)
        if each.locked_until and each.locked_until > now
    ]
    entries = trail.entries_of_subject(conn, town_id=seat.town_id, subject=f"card:{found.id}", size=30)
    context = {
        "card": found,
        "name": names.called(request, [found.party])[found.party] if found.party else None,
        "why": WHYS.get(Why(found.why)) if found.why else "",
        "locked_until": max(locked, default=None),
        "pin_form": PinForm(),
        "block_form": WhyForm(chosen=whys(Why.LOST, Why.STOLEN, Why.SUSPECTED, Why.ASKED), auto_id="block_%s"),
        "replace_form": ReplaceForm(chosen=whys(Why.LOST, Why.STOLEN, Why.DAMAGED, Why.ASKED), auto_id="replace_%s"),
        "acts": acts.acts(entries),
        "make_id": new_id(),
        **filled,
    }
    return render(request, "koinon/counter/card.html", context, status=status)


@seen_by(Role.OFFICER)
@require_POST
def set_pin(request: HttpRequest, card: UUID) -> HttpResponse:
    """The holder has typed a new PIN at the counter."""
    seat = seat_of(request)
    conn = raw()
    form = PinForm(request.POST)
    if form.is_valid():
        try:
            pins.set_pin(
                conn,
                town_id=seat.town_id,
                card_id=card,
                pin=form.cleaned_data["pin"],
                actor=seat.user.actor,
                at=timezone.now(),
                secrets=Secrets.load(),
            )
        except PinWeak as refused:
            refusals.note(request, refused)
            for ground in refused.grounds:
                form.add_error("pin", str(PIN_GROUNDS.get(ground.code, ground.code)))
        else:
            messages.success(request, _("The PIN is set. Nobody but its holder knows it."))
            return redirect("counter-card", card=card)
    return _card_page(request, queries.card(conn, town_id=seat.town_id, card_id=card), 422, pin_form=form)


@seen_by(Role.OFFICER)
@require_POST
def pin_letter(request: HttpRequest, card: UUID) -> HttpResponse:
    """Draw a PIN by chance, set it, and print the letter that tells it: for somebody who cannot come."""
    seat = seat_of(request)
    conn = raw()
    found = queries.card(conn, town_id=seat.town_id, card_id=card)
    holder = rules.usable(found)
    drawn = pins.drawn_pin(known=found.number)
    pins.set_pin(
        conn,
        town_id=seat.town_id,
        card_id=card,
        pin=drawn,
        actor=seat.user.actor,
        at=timezone.now(),
        secrets=Secrets.load(),
    )
    to = _addressed(request, holder)
    with paper.as_they_read(seat.town, holder) as wished:
        large = wished.large_print or _large(request)
        pdf = paper.pin_letter(seat.town, number=found.grouped, pin=drawn, to=to, day=_today(seat.town), large=large)
    return paper.answer(pdf, f"pin-{naming.pseudonym(card)}")


@seen_by(Role.OFFICER)
@require_POST
def block(request: HttpRequest, card: UUID) -> HttpResponse:
    seat = seat_of(request)
    operations.block(
        raw(), town_id=seat.town_id, card_id=card, why=_posted_why(request), actor=seat.user.actor, at=timezone.now()
    )
    messages.success(request, _("The card is blocked. What its holder has is untouched."))
    if request.POST.get("back") == "person" and (
        holder := queries.card(raw(), town_id=seat.town_id, card_id=card).party
    ):
        return redirect("counter-person", party=holder)
    return redirect("counter-card", card=card)


@seen_by(Role.OFFICER)
@require_POST
def unblock(request: HttpRequest, card: UUID) -> HttpResponse:
    seat = seat_of(request)
    operations.unblock(
        raw(), town_id=seat.town_id, card_id=card, why=Why.FOUND, actor=seat.user.actor, at=timezone.now()
    )
    messages.success(request, _("The card works again."))
    return redirect("counter-card", card=card)


@seen_by(Role.OFFICER)
@require_POST
def withdraw(request: HttpRequest, card: UUID) -> HttpResponse:
    seat = seat_of(request)
    found = queries.card(raw(), town_id=seat.town_id, card_id=card)
    why = Why.SPOILED if found.handed_at is None else Why.ASKED
    operations.withdraw(raw(), town_id=seat.town_id, card_id=card, why=why, actor=seat.user.actor, at=timezone.now())
    messages.success(request, _("The card is withdrawn."))
    return redirect("counter-card", card=card)


@seen_by(Role.OFFICER)
@require_POST
def replace(request: HttpRequest, card: UUID) -> HttpResponse:
    """Give the holder of a card another one; the old one is dead at once."""
    seat = seat_of(request)
    conn = raw()
    chosen = whys(Why.LOST, Why.STOLEN, Why.DAMAGED, Why.ASKED)
    form = ReplaceForm(request.POST, chosen=chosen, auto_id="replace_%s")
    if form.is_valid():

        def swap() -> Card:
            new = queries.presented(
                conn, town_id=seat.town_id, text=form.cleaned_data["new_card"], secrets=Secrets.load()
            )
            return operations.replace(
                conn,
                town_id=seat.town_id,
                card_id=card,
                by=new.card.id,
                why=Why(form.cleaned_data["why"]),
                actor=seat.user.actor,
                at=timezone.now(),
            )

        done = _tried(request, form, "new_card", swap)
        if done is not None:
            messages.success(
                request, _("The old card is dead and this one takes its place. Its holder chooses a PIN now.")
            )
            return redirect("counter-card", card=done.id)
    return _card_page(request, queries.card(conn, town_id=seat.town_id, card_id=card), 422, replace_form=form)


@seen_by(Role.OFFICER)
@require_POST
def print_card(request: HttpRequest, card: UUID) -> HttpResponse:
    """One card as large as a card."""
    return _printed(request, [card], sheet=False)


@seen_by(Role.OFFICER)
def cards(request: HttpRequest) -> HttpResponse:
    """The drawer: what was made, what is left of it, and making more."""
    seat = seat_of(request)
    form = MakeForm(request.POST or None, initial={"form_id": new_id()})
    if request.method == "POST" and form.is_valid():
        made = operations.make_cards(
            raw(),
            town_id=seat.town_id,
            count=form.cleaned_data["count"],
            idempotency_key=f"web:{form.cleaned_data['form_id']}",
            actor=seat.user.actor,
            at=timezone.now(),
            secrets=Secrets.load(),
        )
        messages.success(
            request,
            ngettext(
                "%(count)s card is made. Print it, cut it and put it into the drawer.",
                "%(count)s cards are made. Print them, cut them and put them into the drawer.",
                len(made),
            )
            % {"count": len(made)},
        )
        return redirect("counter-cards")
    context = {
        "form": form,
        "stock": queries.stock(raw(), town_id=seat.town_id),
        "batches": [(batch, words.staff_name(batch.made_by)) for batch in queries.batches(raw(), town_id=seat.town_id)],
    }
    return render(request, "koinon/counter/cards.html", context)


@seen_by(Role.OFFICER)
@require_POST
def print_batch(request: HttpRequest, batch: UUID) -> HttpResponse:
    """What is left of a batch, ten to a sheet or one a page."""
    seat = seat_of(request)
    left = [
        found.id
        for found in queries.cards_of_batch(raw(), town_id=seat.town_id, batch=batch)
        if found.handed_at is None and found.ended_at is None
    ]
    if not left:
        messages.error(request, _("Nothing is left of these cards to print."))
        return redirect("counter-cards")
    return _printed(request, left, sheet=request.POST.get("layout") != "single")


def _printed(request: HttpRequest, asked: list[UUID], *, sheet: bool) -> HttpResponse:
    seat = seat_of(request)
    found = operations.printable(
        raw(), town_id=seat.town_id, cards=asked, actor=seat.user.actor, at=timezone.now(), secrets=Secrets.load()
    )
    return paper.answer(paper.cards(seat.town, found, sheet=sheet), f"cards-{naming.pseudonym(asked[0])}")


def _addressed(request: HttpRequest, party: UUID) -> list[str]:
    """To whom a paper is, where the officer may see that and has asked for it; the pseudonym otherwise."""
    wanted = names.may_see(request) and request.POST.get("names") == "1"
    return [names.called(request, [party], names=wanted)[party].text]


def _large(request: HttpRequest) -> bool:
    """Whether this paper is to be in large print."""
    return request.POST.get("large") == "1"


def _tried(request: HttpRequest, form: forms.Form, field: str, work: Callable[[], Any]) -> Any:
    """What came of it; where it is refused None, with the reason at the field."""
    try:
        with savepoint(raw()):
            return work()
    except InstrumentsError as refused:
        refusals.note(request, refused)
        form.add_error(field, refusals.sentences(refused)[0])
    return None


def _posted_why(request: HttpRequest) -> Why:
    try:
        return Why(request.POST.get("why", ""))
    except ValueError:
        return Why.ASKED


def _form_id(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("form_id", ""))
    except ValueError:
        return new_id()


def _today(town: Town) -> date:
    now: datetime = timezone.now()
    return now.astimezone(ZoneInfo(town.time_zone)).date()
