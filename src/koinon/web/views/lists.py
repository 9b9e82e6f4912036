"""Taking a list in: send it, say which column is which, look at what it would do, and only then do it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from koinon.kernel.decisions import Finding
from koinon.kernel.errors import FindingsError
from koinon.office import operations, queries
from koinon.office.types import ColumnMapping, Upload
from koinon.parties.connection import raw
from koinon.parties.models import Role
from koinon.parties.secrets import Secrets
from koinon.pilots import lists
from koinon.pilots.townfolder_findings import closest
from koinon.programmes import queries as programmes
from koinon.web.access import seat_of, seen_by
from koinon.web.uploads import LARGEST_FILE, folder_for_one

KINDS: dict[str, Any] = {
    "awards": gettext_lazy("Awards of a programme"),
    "households": gettext_lazy("Households"),
    "businesses": gettext_lazy("Shops and organisations"),
}
FIELDS: dict[str, Any] = {
    "household": gettext_lazy("Number of the household's file"),
    "monthly": gettext_lazy("Amount a month"),
    "from_day": gettext_lazy("First day"),
    "to_day": gettext_lazy("Last day, inclusive"),
    "zone": gettext_lazy("Neighbourhood"),
    "members": gettext_lazy("Members"),
    "income_band": gettext_lazy("Income band"),
    "joined_on": gettext_lazy("Taken in on"),
    "resident_since": gettext_lazy("Resident since"),
    "tax_id": gettext_lazy("Tax number"),
    "legal_name": gettext_lazy("Legal name"),
    "trade_name": gettext_lazy("Name on the sign"),
    "sector": gettext_lazy("Class of activity (NACE)"),
    "legal_form": gettext_lazy("Legal form"),
    "chain": gettext_lazy("Belongs to a chain"),
    "accepts_since": gettext_lazy("Accepts since"),
    "iban": gettext_lazy("Bank account (IBAN)"),
    "workers": gettext_lazy("Workers"),
    "sse": gettext_lazy("Social economy"),
    "registry_number": gettext_lazy("Number in the register"),
}
COUNTS: tuple[tuple[str, Any], ...] = (
    ("_new", gettext_lazy("New")),
    ("_changed", gettext_lazy("Changed")),
    ("_personal_changed", gettext_lazy("Personal data changed")),
)
SUFFIXES = (".csv", ".txt", ".xlsx", ".xls", ".ods")


class SendForm(forms.Form):
    """A list, and what is in it."""

    kind = forms.ChoiceField(label=gettext_lazy("What is in the list"), choices=list(KINDS.items()))
    file = forms.FileField(
        label=gettext_lazy("The list"),
        help_text=gettext_lazy("XLSX, ODS or CSV, as your programme writes it. At most 10 MB."),
    )

    def clean_file(self) -> Any:
        sent = self.cleaned_data["file"]
        if (sent.size or 0) > LARGEST_FILE:
            raise forms.ValidationError(_("The file is larger than 10 MB."))
        if not sent.name.lower().endswith(SUFFIXES):
            raise forms.ValidationError(_("Send an XLSX, ODS or CSV file."))
        return sent


@seen_by(Role.OFFICER)
def send(request: HttpRequest) -> HttpResponse:
    """Send a list; it is kept sealed, for its sender, for an hour."""
    form = SendForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        seat, sent = seat_of(request), form.cleaned_data["file"]
        upload = operations.keep_upload(
            raw(),
            town_id=seat.town_id,
            user_id=seat.user_id,
            kind=form.cleaned_data["kind"],
            file_name=f"list{Path(sent.name).suffix.lower()}",
            content=sent.read(),
            secrets=Secrets.load(),
            at=timezone.now(),
        )
        return redirect("office-list", upload)
    return render(request, "koinon/office/send_list.html", {"form": form})


class MappingForm(forms.Form):
    """Which column is which, and what its words mean."""

    def __init__(
        self,
        *args: Any,
        kind: str,
        found: lists.Sheet,
        mapping: ColumnMapping,
        asked: dict[str, list[str]],
        options: dict[str, tuple[str, ...]],
        choices: list[tuple[str, str]],
        told: set[tuple[str, str]],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        if kind == "awards":
            self.fields["programme"] = forms.ChoiceField(label=gettext_lazy("Programme"), choices=choices)
        headings = [(heading, heading) for heading in dict.fromkeys(found.headings) if heading]
        for name, required in lists.KINDS[kind].items():
            self.fields[f"column.{name}"] = forms.ChoiceField(
                label=FIELDS.get(name, name),
                required=False,
                choices=[("", _("choose a column") if required else _("not in the list")), *headings],
                initial=mapping.columns.get(name, ""),
            )
        self.words: dict[str, tuple[str, str]] = {}
        for name, words in asked.items():
            for number, word in enumerate(words):
                key = f"word.{name}.{number}"
                self.words[key] = (name, word)
                # Whoever left a word without a meaning has said so; what was probably meant is chosen once.
                likely = closest(word, options[name]) if name == "zone" and (name, word) not in told else ""
                self.fields[key] = forms.ChoiceField(
                    label=_("“%(word)s” (%(column)s) means") % {"word": word, "column": FIELDS.get(name, name)},
                    required=False,
                    choices=[("", "–"), *((option, option) for option in options[name])],
                    initial=mapping.values.get(name, {}).get(word, "") or likely,
                    help_text=_('Did you mean "%(word)s"?') % {"word": escape(likely)} if likely else "",
                )


def _mapping_sent(request: HttpRequest, kind: str, found: lists.Sheet, before: ColumnMapping) -> ColumnMapping:
    """What the form says, on top of what was known; words travel with their own text, so that none is mistaken."""
    if request.method != "POST":
        return before
    columns = {
        name: heading
        for name in lists.KINDS[kind]
        if (heading := request.POST.get(f"column.{name}", "")) in found.headings and heading
    }
    values = {name: dict(words) for name, words in before.values.items()}
    for name, word, meaning in _words_sent(request):
        if meaning:
            values.setdefault(name, {})[word] = meaning
    return ColumnMapping(columns, values)


def _words_sent(request: HttpRequest) -> Iterator[tuple[str, str, str]]:
    """Field, word and meaning of each word that the form asked for; the meaning is empty where nobody said it."""
    for key, meaning in request.POST.items():
        told = re.fullmatch(r"word\.([a-z_]+)\.([0-9]+)", key)
        word = request.POST.get(f"text.{told[1]}.{told[2]}", "") if told else ""
        if told and word:
            yield told[1], word, str(meaning)


@seen_by(Role.OFFICER)
def one(request: HttpRequest, upload: UUID) -> HttpResponse:
    """Say which column is which; ``look`` shows what the list would do, ``confirm`` does it."""
    seat, conn, secrets = seat_of(request), raw(), Secrets.load()
    now = timezone.now()
    sent = queries.upload(conn, town_id=seat.town_id, upload_id=upload, user_id=seat.user_id, secrets=secrets, at=now)
    if sent.kind not in KINDS:
        raise Http404
    town = lists.town_facts(conn, seat.town_id)
    context: dict[str, Any] = {"upload": upload, "kind": KINDS[sent.kind]}
    with _file(sent) as file:
        try:
            found = lists.sheet(file, town.country)
        except FindingsError as refused:
            context |= {"findings": refused.findings, "errors": len(refused.findings)}
            return render(request, "koinon/office/list.html", context)
        before = lists.guessed(conn, town_id=seat.town_id, kind=sent.kind, found=found)
        mapping = _mapping_sent(request, sent.kind, found, before)
        bands = lists.bands(conn, seat.town_id)
        zones = lists.zones(conn, seat.town_id)
        asked = lists.unknown_words(sent.kind, found, mapping, bands, zones)
        views = programmes.programmes(conn, town_id=seat.town_id)
        form = MappingForm(
            initial={"programme": request.POST.get("programme", "")},
            kind=sent.kind,
            found=found,
            mapping=mapping,
            asked=asked,
            options=lists.meanings(sent.kind, bands, zones),
            choices=[(str(view.id), view.name) for view in views],
            told={(name, word) for name, word, _meaning in _words_sent(request)},
        )
        context |= {
            "form": form,
            "rows": found.rows,
            "words": [(f"text.{key.removeprefix('word.')}", word) for key, (_name, word) in form.words.items()]
            + [
                (f"{part}.{name}.{1000 + number}", value)
                for name, words in mapping.values.items()
                for number, (word, meaning) in enumerate(words.items())
                for part, value in (("text", word), ("word", meaning))
            ],
        }
        if request.method != "POST":
            return render(request, "koinon/office/list.html", context)
        if any(key not in request.POST for key in form.words):  # Words that were not asked for yet.
            messages.info(request, _("Say what these words mean, then look again."))
            return render(request, "koinon/office/list.html", context)
        chosen = request.POST.get("programme", "")
        programme = next((view.id for view in views if str(view.id) == chosen), None)
        if sent.kind == "awards" and programme is None:
            messages.error(request, _("Choose the programme."))
            return render(request, "koinon/office/list.html", context)
        told: dict[str, Any] = {
            "town": town,
            "kind": sent.kind,
            "file": file,
            "mapping": mapping,
            "programme_id": programme,
            "secrets": secrets,
            "at": now,
            "actor": seat.user.actor,
        }
        if "confirm" in request.POST:
            lists.take_in(conn, fingerprint=request.POST.get("fingerprint", ""), **told)
            operations.forget_upload(conn, town_id=seat.town_id, user_id=seat.user_id, upload_id=upload)
            messages.success(request, _("The list is taken in."))
            return redirect("office-awards" if sent.kind == "awards" else f"office-{_page(sent.kind)}")
        looked = lists.look(conn, **told)
        context |= {
            "looked": looked,
            "findings": _named(looked.findings),
            "errors": looked.errors,
            "warnings": looked.warnings,
        }
        if looked.applied is not None:
            context |= {
                "counts": _counts(sent.kind, looked.applied.counts),
                "changes": [
                    (change.subject.partition(":")[2][-6:], change.before, change.after, change.vault_fields)
                    for change in looked.applied.changes[:200]
                ],
                "anything": looked.changes_anything,
            }
    return render(request, "koinon/office/list.html", context)


def _named(findings: tuple[Finding, ...]) -> list[Finding]:
    """Findings in the words of this page: a field by its name, and what can be said here and not in a town.toml."""

    def named(one: Finding) -> Finding:
        if one.code == "town.column-missing":
            return replace(one, column=str(FIELDS.get(one.column, one.column)))
        if one.code in ("town.zone-unknown", "town.value-unknown"):
            return replace(one, remedy=_("Say above what it means, or put the list right."))
        return one

    return [named(one) for one in findings]


@seen_by(Role.OFFICER)
@require_POST
def discard(request: HttpRequest, upload: UUID) -> HttpResponse:
    """Forget a list that is not to be taken in."""
    seat = seat_of(request)
    operations.forget_upload(raw(), town_id=seat.town_id, user_id=seat.user_id, upload_id=upload)
    messages.success(request, _("The list is forgotten. Nothing was changed."))
    return redirect("office-lists")


def _page(kind: str) -> str:
    return {"households": "households", "businesses": "organisations"}[kind]


def _counts(kind: str, counts: dict[str, int]) -> list[tuple[str, int]]:
    shown = [(_("In the list"), counts.get(kind, 0))]
    shown += [(str(title), counts.get(f"{kind}{end}", 0)) for end, title in COUNTS]
    return shown


@contextmanager
def _file(sent: Upload) -> Iterator[Path]:
    """The list as a file of its own folder, for as long as it is read."""
    with folder_for_one(settings.UPLOADS) as folder:
        path = folder / sent.file_name
        path.write_bytes(sent.content)
        yield path
