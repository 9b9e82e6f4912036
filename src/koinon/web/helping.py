"""What the counter's page of a person shows besides money and cards: who may pay for them, letters, text messages, documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from koinon.helpdesk import documents, letters, texts
from koinon.helpdesk.types import DocumentAbout
from koinon.instruments import authorised, rules
from koinon.instruments.types import Authorisation, Card
from koinon.kernel.identifiers import new_id
from koinon.parties import queries as parties
from koinon.parties.connection import raw
from koinon.parties.models import Town
from koinon.parties.naming import Name, pseudonym
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.payments import authorised as paying
from koinon.web import names
from koinon.web.access import seat_of
from koinon.web.attaching import DocumentForm
from koinon.web.forms import AmountField

USUAL_LENGTH = timedelta(days=365)

ABOUT: dict[DocumentAbout, Any] = {
    DocumentAbout.APPLICATION: gettext_lazy("application"),
    DocumentAbout.IDENTITY: gettext_lazy("who they are"),
    DocumentAbout.RESIDENCE: gettext_lazy("where they live"),
    DocumentAbout.INCOME: gettext_lazy("income"),
    DocumentAbout.FAMILY: gettext_lazy("family"),
    DocumentAbout.AUTHORISATION: gettext_lazy("letter that lets somebody else pay"),
    DocumentAbout.OTHER: gettext_lazy("something else"),
}
AUTHORISED_GROUNDS: dict[str, Any] = {
    "authorised.limit-not-positive": gettext_lazy("The amount for a day must be above zero."),
    "authorised.last-day-past": gettext_lazy("This day has passed."),
    "authorised.last-day-too-far": gettext_lazy("Two years are the longest."),
}


class LimitsForm(forms.Form):
    """How much a day and until when."""

    last_day = forms.DateField(
        label=gettext_lazy("Last day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, *args: Any, exponent: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["per_day"] = AmountField(exponent=exponent, label=gettext_lazy("At the most each day"))
        self.order_fields(["form_id", "name", "per_day", "last_day"])


class AuthoriseForm(LimitsForm):
    form_id = forms.UUIDField(widget=forms.HiddenInput)
    name = forms.CharField(
        label=gettext_lazy("Name of the person who will pay"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class PaperForm(forms.Form):
    """How somebody wants letters."""

    language = forms.ChoiceField(label=gettext_lazy("Language of letters"))
    large_print = forms.BooleanField(label=gettext_lazy("Large print"), required=False)
    monthly = forms.BooleanField(label=gettext_lazy("A printed statement each month"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"].choices = settings.LANGUAGES  # type: ignore[attr-defined]


class NumberForm(forms.Form):
    """Whose telephone is answered. ``people`` are pairs of an id and what to call it."""

    person = forms.ChoiceField(label=gettext_lazy("Whose telephone"))
    number = forms.CharField(
        label=gettext_lazy("Telephone number"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "tel", "dir": "ltr"}),
    )

    def __init__(self, *args: Any, people: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["person"].choices = people  # type: ignore[attr-defined]


class KeepForm(DocumentForm):
    about = forms.ChoiceField(
        label=gettext_lazy("What it is"), choices=[(about.value, name) for about, name in ABOUT.items()]
    )
    field_order = ("form_id", "about", "document")


@dataclass(frozen=True, slots=True)
class Helper:
    """Somebody who may pay, as a page shows them."""

    authorisation: Authorisation
    name: Name
    cards: tuple[Card, ...]
    left_minor: int

    @property
    def over(self) -> bool:
        return not self.authorisation.is_open


@dataclass(frozen=True, slots=True)
class Answered:
    """A person of a household, and whether their text messages are answered."""

    person: UUID
    name: Name
    bound: bool


def helpers(town: Town, party: UUID, cards: Sequence[Card], called: dict[UUID, Name]) -> list[Helper]:
    """Who may pay for a party, and who might until lately; those who may first."""
    conn, now = raw(), timezone.now()
    found = [
        Helper(
            held,
            called.get(held.person, Name(pseudonym(held.person), False)),
            tuple(card for card in cards if card.authorisation == held.id),
            paying.room(conn, town_id=town.pk, authorisation_id=held.id, at=now).left_minor if held.is_open else 0,
        )
        for held in authorised.authorisations_of(conn, town_id=town.pk, party=party)
    ]
    return sorted(found, key=lambda helper: helper.over)


def sections(request: HttpRequest, party: UUID, kind: str, cards: Sequence[Card]) -> dict[str, Any]:
    """What the page of a person needs for them. Documents are listed for those who may see who people are."""
    seat, conn, vault = seat_of(request), raw(), Vault(raw(), Secrets.load())
    town = seat.town
    today = timezone.now().astimezone(ZoneInfo(town.time_zone)).date()
    held = authorised.authorisations_of(conn, town_id=town.pk, party=party)
    called = names.called(request, [one.person for one in held])
    context: dict[str, Any] = {
        "helpers": helpers(town, party, cards, called),
        "most_helpers": rules.MOST_AUTHORISED_BY_A_PARTY,
        "about": ABOUT,
    }
    if kind not in ("household", "person"):
        return context
    wished = letters.wishes(conn, town_id=town.pk, party=party, vault=vault)
    people = answered(request, party, vault)
    context |= {
        "authorise_form": AuthoriseForm(
            exponent=town.exponent,
            initial={"form_id": new_id(), "last_day": (today + USUAL_LENGTH).isoformat()},
            auto_id="authorise_%s",
        ),
        "paper_form": PaperForm(
            initial={"language": wished.language, "large_print": wished.large_print, "monthly": wished.monthly},
            auto_id="paper_%s",
        ),
        "wished": wished,
        "answered": people,
        "number_form": NumberForm(people=choices(people), auto_id="number_%s"),
        "keep_form": KeepForm(initial={"form_id": new_id()}, auto_id="keep_%s"),
    }
    if names.may_see(request):
        context["documents"] = [
            (document, ABOUT[document.about])
            for document in documents.documents(
                conn, town_id=town.pk, party=party, reader=names.reader_of(request), vault=vault
            )
        ]
    return context


def answered(request: HttpRequest, party: UUID, vault: Vault) -> list[Answered]:
    """The people of a household, and whose text messages are answered."""
    seat, conn = seat_of(request), raw()
    town = parties.town(conn, seat.town_id)
    people = letters.people_of(conn, town_id=seat.town_id, party=party)
    called, kept = names.called(request, people), vault.get_many(people, ("phone", texts.BOUND))
    return [Answered(one, called[one], texts.is_bound(kept.get(one, {}), town)) for one in people]


def choices(people: Sequence[Answered]) -> list[tuple[str, str]]:
    return [(str(one.person), one.name.text) for one in people]


def say_ground(code: str) -> str:
    """Why an authorisation cannot be, in a sentence."""
    return str(AUTHORISED_GROUNDS.get(code, _("This cannot be.")))
