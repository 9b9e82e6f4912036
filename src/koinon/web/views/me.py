"""A resident's own corner of the wallet: how to read and be told, what the town knows of them, asking for erasure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from allauth.account.decorators import reauthentication_required
from django import forms
from django.conf import settings as installation
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils import timezone, translation
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from koinon.casework import rules as casework
from koinon.casework.types import ComplaintState
from koinon.helpdesk import own_data
from koinon.helpdesk.own_data import Look, Registered
from koinon.kernel.identifiers import new_id
from koinon.parties import preferences
from koinon.parties.connection import raw
from koinon.parties.models import NoticeTopic, NoticeWay, Role, RoleGrant, Town, User
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.payments import queries as payments
from koinon.web import context as pages
from koinon.web import formats, looks, wallet, words
from koinon.web.access import ROLE_NAMES, party_of, seat_of, seen_by

USUAL = "usual"
MASKED = ("identifier", "phone", "texts", "iban", "tax_id")
TITLES: dict[str, Any] = {
    "name": gettext_lazy("Name"),
    "identifier": gettext_lazy("Identifier"),
    "born_on": gettext_lazy("Born on"),
    "phone": gettext_lazy("Telephone"),
    "email": gettext_lazy("E-mail"),
    "address": gettext_lazy("Address"),
    "language": gettext_lazy("Language"),
    "texts": gettext_lazy("Telephone whose text messages are answered"),
    "large_print": gettext_lazy("Letters in large print"),
    "sex": gettext_lazy("Sex"),
    "tax_id": gettext_lazy("Tax number"),
    "iban": gettext_lazy("Bank account"),
}


SEXES: dict[str, Any] = {
    "female": gettext_lazy("woman"),
    "male": gettext_lazy("man"),
    "other": gettext_lazy("other"),
    "unsaid": gettext_lazy("not said"),
}


class ReadingForm(forms.Form):
    """Language, light or dark, size of text."""

    language = forms.ChoiceField(label=gettext_lazy("Language"))
    theme = forms.ChoiceField(
        label=gettext_lazy("Light or dark"),
        choices=[
            ("device", gettext_lazy("As this device")),
            ("light", gettext_lazy("Light")),
            ("dark", gettext_lazy("Dark")),
        ],
    )
    text = forms.ChoiceField(
        label=gettext_lazy("Size of text"),
        choices=[("usual", gettext_lazy("Usual")), ("large", gettext_lazy("Large"))],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = [(code, pages.OWN_NAMES[code]) for code, _name in installation.LANGUAGES]
        self.fields["language"].choices = own  # type: ignore[attr-defined]


class NoticesForm(forms.Form):
    """By which way to be told of each topic. Without a choice the town tells as it always does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for topic in NoticeTopic:
            always = topic.value in preferences.ALWAYS
            ways: list[tuple[str, Any]] = [
                (way.value, way.label) for way in NoticeWay if not (always and way is NoticeWay.NONE)
            ]
            if topic is not NoticeTopic.PAYMENT:
                ways = [(USUAL, _("as the town does it")), *ways]
            self.fields[topic.value] = forms.ChoiceField(label=capfirst(topic.label), choices=ways)


class ErasureForm(forms.Form):
    form_id = forms.UUIDField(widget=forms.HiddenInput)
    words = forms.CharField(
        label=gettext_lazy("What shall be erased, and is there something to know?"),
        help_text=gettext_lazy("Sealed: few can read it, and it ends with your data."),
        widget=forms.Textarea(attrs={"rows": 4, "dir": "auto"}),
        max_length=casework.MOST_LETTERS,
    )


@seen_by(Role.RESIDENT)
def settings(request: HttpRequest) -> HttpResponse:
    """How to read, how to be told, what this phone remembers."""
    grant = seat_of(request)
    now = looks.looks(request)
    chosen = preferences.notices(raw(), party_id=party_of(grant))
    told = {topic: chosen.get(topic, "none" if topic == NoticeTopic.PAYMENT else USUAL) for topic in NoticeTopic.values}
    at_hand = {
        "language": (translation.get_language() or "en").split("-")[0],
        "theme": now.theme or "device",
        "text": now.text or "usual",
    }
    which = request.POST.get("form", "")
    reading = ReadingForm(request.POST if which == "reading" else None, initial=at_hand)
    notices = NoticesForm(request.POST if which == "notices" else None, initial=told)
    if which == "reading" and reading.is_valid():
        return _keep_reading(request, reading)
    if which == "notices" and notices.is_valid():
        return _keep_notices(request, grant, notices, told)
    context = {"reading": reading, "notices": notices, "whose": wallet.whose(grant.user)}
    return wallet.show(request, "koinon/purse/settings.html", context)


def _keep_reading(request: HttpRequest, form: ReadingForm) -> HttpResponse:
    language, theme, text = (form.cleaned_data[name] for name in ("language", "theme", "text"))
    user = seat_of(request).user
    User.objects.filter(pk=user.pk).update(
        language=language, theme="" if theme == "device" else theme, text_size="" if text == "usual" else text
    )
    translation.activate(language)
    messages.success(request, _("Saved."))
    answer = redirect("wallet-settings")
    looks.keep(answer, theme=theme, text=text)
    answer.set_cookie(
        installation.LANGUAGE_COOKIE_NAME, language, max_age=installation.LANGUAGE_COOKIE_AGE,
        secure=installation.LANGUAGE_COOKIE_SECURE, httponly=installation.LANGUAGE_COOKIE_HTTPONLY, samesite="Lax",
    )  # fmt: skip
    return answer


def _keep_notices(request: HttpRequest, grant: RoleGrant, form: NoticesForm, told: dict[str, str]) -> HttpResponse:
    ways = {topic: way for topic, way in form.cleaned_data.items() if way != told[topic]}
    preferences.choose_notices(
        raw(),
        town_id=grant.town_id,
        party_id=party_of(grant),
        ways={topic: "" if way == USUAL else way for topic, way in ways.items()},
        actor=grant.user.actor,
        at=timezone.now(),
    )
    messages.success(request, _("Saved."))
    return redirect("wallet-settings")


@seen_by(Role.RESIDENT)
@require_GET
def data(request: HttpRequest) -> HttpResponse:
    """What the town knows of this party, in words, and who looked at it."""
    grant = seat_of(request)
    conn, party = raw(), party_of(grant)
    facts = own_data.registered(conn, town_id=grant.town_id, party=party)
    kept = own_data.personal(_vault(), party, facts.people)
    context = {
        "facts": facts,
        "household": _shown(kept.get(str(party), {})) if facts.kind == "household" else [],
        "people": [_shown(fields) for one, fields in kept.items() if fields and (facts.kind != "household" or one != str(party))],
        "register": _register(facts, grant.town),
        "looks": _looks(grant, own_data.looks(
            conn, town_id=grant.town_id, party=party, people=facts.people, own=grant.user.actor
        )),
        "erasure": own_data.asked_for_erasure(conn, town_id=grant.town_id, party=party),
    }  # fmt: skip
    return wallet.show(request, "koinon/purse/data.html", context)


def _shown(fields: dict[str, str]) -> list[tuple[str, str]]:
    """Values in a fixed order; of numbers only the end, for whoever looks over a shoulder."""
    said: dict[str, Callable[[str], str]] = {
        **dict.fromkeys(MASKED, lambda value: f"… {value[-3:]}"),
        "born_on": _day,
        "language": _language,
        "sex": lambda code: str(SEXES.get(code, code)),
        "large_print": lambda _code: _("yes"),
    }
    return [(str(title), said.get(name, str)(fields[name])) for name, title in TITLES.items() if fields.get(name)]


def _language(tag: str) -> str:
    code = tag.partition("-")[0]
    return str(pages.OWN_NAMES.get(code) or formats.current_locale().languages.get(code, tag))


def _day(value: str) -> str:
    try:
        return formats.day(date.fromisoformat(value))
    except ValueError:
        return value


def _register(facts: Registered, town: Town) -> list[tuple[str, str]]:
    rows = [
        (_("Neighbourhood"), facts.zone),
        (_("People in the household"), str(facts.members or "")),
        (
            _("Income band, as the town calls it"),
            words.income_band(town, facts.income_band) if facts.income_band else "",
        ),
        (_("Joined on"), _day(facts.joined_on or "")),
        (_("Registered as living here since"), _day(facts.resident_since or "")),
    ]
    return [(title, value) for title, value in rows if value]


def _looks(grant: RoleGrant, found: list[Look]) -> list[dict[str, Any]]:
    """Who looked, by the role and never by the name: whoever asks is told which office, not which clerk."""
    roles: dict[str, list[str]] = {}
    for role_grant in RoleGrant.objects.filter(
        town=grant.town, user__pk__in={int(one.actor[5:]) for one in found if one.actor[5:].isdecimal()}
    ).exclude(role__in=[Role.RESIDENT, Role.SHOP]):
        roles.setdefault(f"user:{role_grant.user_id}", []).append(str(ROLE_NAMES[Role(role_grant.role)]))

    def who(look: Look) -> str:
        if look.own:
            return _("yourself")
        if look.actor.startswith("job:"):
            return _("a scheduled job")
        return ", ".join(sorted(set(roles.get(look.actor, [])))) or _("somebody at the town hall")

    def what(look: Look) -> str:
        titles = [str(TITLES[name]) for name in look.fields if name in TITLES]
        if look.action == "casework.looked":
            return _("what was written on a complaint or request")
        return ", ".join(titles) or words.act(look.action)

    counted: Counter[tuple[datetime, str, str]] = Counter()
    for look in found:
        counted[look.at.replace(second=0, microsecond=0), who(look), what(look)] += 1
    return [{"at": at, "who": by, "what": seen, "times": times} for (at, by, seen), times in counted.items()]


@seen_by(Role.RESIDENT)
@reauthentication_required
def export(request: HttpRequest) -> HttpResponse:
    """All of it as a file. Whoever takes it shows once more who they are."""
    grant = seat_of(request)
    found = own_data.everything(
        raw(), town_id=grant.town_id, party=party_of(grant), vault=_vault(), actor=grant.user.actor, at=timezone.now()
    )
    answer = JsonResponse(found.document(), json_dumps_params={"indent": 1, "ensure_ascii": False})
    answer["Content-Disposition"] = f'attachment; filename="{grant.town.slug}-my-data.json"'
    return answer


@seen_by(Role.RESIDENT)
def erasure(request: HttpRequest) -> HttpResponse:
    """Ask the town to erase one's data; says before what goes, what stays, and what is lost."""
    grant = seat_of(request)
    conn, party = raw(), party_of(grant)
    form = ErasureForm(request.POST or None, initial={"form_id": new_id()})
    if request.method == "POST" and form.is_valid():
        made = own_data.ask_for_erasure(
            conn,
            town_id=grant.town_id,
            party=party,
            words=form.cleaned_data["words"],
            idempotency_key=f"web:{form.cleaned_data['form_id']}",
            actor=grant.user.actor,
            at=timezone.now(),
            vault=_vault(),
        )
        messages.success(request, _("Your request has the number %(number)s.") % {"number": made.number})
        return redirect("my-data")
    before = own_data.asked_for_erasure(conn, town_id=grant.town_id, party=party)
    now = timezone.now()
    purses = payments.purses(conn, town_id=grant.town_id, payer=party, at=now)
    context = {
        "form": form,
        "left": sum(view.available_minor for view in purses),
        "waiting": before if before is not None and before.state is ComplaintState.OPEN else None,
    }
    return wallet.show(request, "koinon/purse/erasure.html", context)


def _vault() -> Vault:
    return Vault(raw(), Secrets.load())
