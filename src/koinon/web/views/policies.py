"""Taking a town folder in, and drawing up a programme: looked at first, then written wholly or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from koinon.kernel.errors import FindingsError
from koinon.office import operations as office
from koinon.office import queries as kept
from koinon.parties import queries as parties
from koinon.parties.connection import raw
from koinon.parties.models import Role, Zone
from koinon.parties.secrets import Secrets
from koinon.pilots import lists, policies
from koinon.pilots.looking import Looked
from koinon.pilots.townfolder_types import FundSpec, ProgrammeSpec
from koinon.programmes import queries as programmes
from koinon.programmes.eligibility import EVERYBODY
from koinon.web import composing, formats
from koinon.web.access import seat_of, seen_by
from koinon.web.aid import Speaker, Told
from koinon.web.uploads import UploadRefused, folder_for_one, unpack

FOLDER = "town-folder"
LONGEST = 64_000
RECORDS: dict[str, Any] = {
    "zones": gettext_lazy("Neighbourhoods"),
    "households": gettext_lazy("Households"),
    "people": gettext_lazy("Residents"),
    "businesses": gettext_lazy("Shops and organisations"),
    "funds": gettext_lazy("Funds"),
    "programmes": gettext_lazy("Programmes"),
    "awards": gettext_lazy("Awards"),
    "activities": gettext_lazy("Activities"),
    "time_banks": gettext_lazy("Time banks"),
    "accounts": gettext_lazy("Accounts of the books"),
    "terms": gettext_lazy("Payout terms"),
}


class FolderForm(forms.Form):
    """A town folder as one file."""

    folder = forms.FileField(
        label=gettext_lazy("Town folder as a ZIP file"),
        help_text=gettext_lazy("town.toml with its spreadsheets and programmes. At most 10 MB."),
    )


@seen_by(Role.OFFICER)
def send_folder(request: HttpRequest) -> HttpResponse:
    """Send a folder; it is kept sealed, for its sender, for an hour."""
    form = FolderForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        seat, sent = seat_of(request), form.cleaned_data["folder"]
        try:
            with folder_for_one(settings.UPLOADS) as own:
                unpack(sent, own)
        except UploadRefused as refused:
            form.add_error("folder", str(refused))
        else:
            sent.seek(0)
            upload = office.keep_upload(
                raw(), town_id=seat.town_id, user_id=seat.user_id, kind=FOLDER, file_name="town.zip",
                content=sent.read(), secrets=Secrets.load(), at=timezone.now(),
            )  # fmt: skip
            return redirect("office-folder-look", upload)
    return render(request, "koinon/policies/send.html", {"form": form})


@seen_by(Role.OFFICER)
def folder(request: HttpRequest, sent: UUID) -> HttpResponse:
    """Everything wrong in a folder and all that it would change; a POST takes in what was shown."""
    seat, conn, secrets = seat_of(request), raw(), Secrets.load()
    now = timezone.now()
    found = kept.upload(conn, town_id=seat.town_id, upload_id=sent, user_id=seat.user_id, secrets=secrets, at=now)
    if found.kind != FOLDER:
        raise Http404
    told: dict[str, Any] = {
        "town": parties.town(conn, seat.town_id), "secrets": secrets, "at": now, "actor": seat.user.actor,
    }  # fmt: skip
    with folder_for_one(settings.UPLOADS) as own:
        place = unpack(composing.as_upload(found.content), own)
        if request.method == "POST":
            policies.take_folder_in(conn, folder=place, shown=request.POST.get("shown", ""), **told)
            office.forget_upload(conn, town_id=seat.town_id, user_id=seat.user_id, upload_id=sent)
            messages.success(request, _("The folder is taken in."))
            return redirect("office")
        looked = policies.look_at_folder(conn, folder=place, **told)
    counts = looked.applied.counts if looked.applied else {}
    context = {
        "sent": sent,
        "looked": looked,
        "counts": [
            (title, counts[name], counts.get(f"{name}_new", 0), counts.get(f"{name}_changed", 0))
            for name, title in RECORDS.items()
            if counts.get(name)
        ],
        "changes": _changes(looked),
    }
    return render(request, "koinon/policies/folder.html", context)


@seen_by(Role.OFFICER)
@require_POST
def discard_folder(request: HttpRequest, sent: UUID) -> HttpResponse:
    """Forget a folder that is not to be taken in."""
    seat = seat_of(request)
    office.forget_upload(raw(), town_id=seat.town_id, user_id=seat.user_id, upload_id=sent)
    messages.success(request, _("The folder is forgotten. Nothing was changed."))
    return redirect("office-folder")


def _changes(looked: Looked) -> list[tuple[str, Any, Any, Any]]:
    if looked.applied is None:
        return []
    return [
        (f"{kind} {name[-6:]}" if kind in ("household", "party", "resident") else f"{kind} {name}", one.before, one.after, one.vault_fields)
        for one in looked.applied.changes[:200]
        for kind, _sign, name in [one.subject.partition(":")]
    ]  # fmt: skip


# --- A programme ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Said:
    """A fund or programme of the text in plain words."""

    name: str
    new: bool
    is_fund: bool = False
    sentences: tuple[str, ...] = ()
    for_whom: str = ""
    everybody: bool = False
    whom: tuple[Told, ...] = ()
    rows: Any = ()
    formula: Any = ()
    share: Fraction = Fraction(1)
    fund: str = ""


@seen_by(Role.OFFICER)
def new_programme(request: HttpRequest) -> HttpResponse:
    """Draw a programme and its fund up, with a form or as a text; look; write it down."""
    seat, conn, secrets = seat_of(request), raw(), Secrets.load()
    town = parties.town(conn, seat.town_id)
    form = composing.ProgrammeForm(
        request.POST if "compose" in request.POST else None,
        town=seat.town,
        zones=dict(Zone.objects.filter(town=seat.town).values_list("code", "name")),
        bands=lists.bands(conn, seat.town_id),
        funds=programmes.funds(conn, town_id=seat.town_id),
    )
    told: dict[str, Any] = {"town": town, "secrets": secrets, "at": timezone.now(), "actor": seat.user.actor}
    text = request.POST.get("text", "").replace("\r\n", "\n")[:LONGEST]
    if "compose" in request.POST:
        text = form.written() if form.is_valid() else ""
    if "confirm" in request.POST:
        policies.take_in(conn, text=text, shown=request.POST.get("shown", ""), **told)
        messages.success(
            request, _("It is written down. The treasury books what pays for it, then months can be prepared.")
        )
        return redirect("office")
    context: dict[str, Any] = {"form": form, "text": text}
    if text:
        looked = policies.look(conn, text=text, **told)
        context |= {"looked": looked, "changes": _changes(looked), "said": _said(request, text)}
    return render(request, "koinon/policies/rules.html", context, status=422 if form.errors else 200)


def _said(request: HttpRequest, text: str) -> list[Said]:
    """What the text means; nothing where it cannot be understood."""
    seat, conn = seat_of(request), raw()
    try:
        plan = policies.read(conn, parties.town(conn, seat.town_id), text)
    except FindingsError:
        return []
    funds = {fund.code: fund.name for fund in programmes.funds(conn, town_id=seat.town_id)}
    there = {one.code for one in programmes.programmes(conn, town_id=seat.town_id)}
    speaker = Speaker(seat.town, dict(Zone.objects.filter(town=seat.town).values_list("code", "name")))
    names = funds | {fund.code: fund.name for fund in plan.funds}
    return [
        *(_fund(one, new=one.code not in funds, speaker=speaker) for one in plan.funds),
        *(_programme(one, new=one.code not in there, fund=names[one.fund], speaker=speaker) for one in plan.programmes),
    ]


def _fund(fund: FundSpec, *, new: bool, speaker: Speaker) -> Said:
    sentences = [_("At most %(amount)s in all.") % {"amount": speaker.money(fund.budget_minor)}]
    if fund.last_day:
        sentences.append(_("Good until %(when)s.") % {"when": formats.day(fund.last_day)})
    return Said(fund.name, new, is_fund=True, sentences=(fund.source, *sentences))


def _programme(one: ProgrammeSpec, *, new: bool, fund: str, speaker: Speaker) -> Said:
    return Said(
        one.name,
        new,
        for_whom=one.for_whom,
        everybody=one.eligibility == EVERYBODY,
        whom=(speaker.condition(one.eligibility),),
        rows=speaker.rows(one.amounts),
        formula=speaker.formula(one.amounts),
        share=one.share,
        fund=fund,
    )
