"""A period's report for the council, a funder or the house, to be taken away as a PDF, a page or tables."""

from __future__ import annotations

import io
import zipfile
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, override
from django.utils.translation import gettext as _

from koinon.documents import formats
from koinon.impact.reports import build, folder
from koinon.impact.reports.types import Audience
from koinon.kernel.periods import Month
from koinon.parties.connection import raw
from koinon.parties.models import Role, Town
from koinon.web import names, published
from koinon.web.access import seat_of, seen_by
from koinon.web.context import OWN_NAMES
from koinon.web.snapshots import in_one_snapshot

AUDIENCES = (
    (Audience.COUNCIL.value, gettext_lazy("The council and everybody: what may be published")),
    (Audience.FUNDER.value, gettext_lazy("A funder: what may be published")),
    (Audience.HOUSE.value, gettext_lazy("The town's own use: everything, exactly")),
)
KINDS = {
    "pdf": ("report.pdf", "application/pdf"),
    "page": ("report.html", "text/html; charset=utf-8"),
    "tables": ("", "application/zip"),
}


class ReportForm(forms.Form):
    """Which months, for whom, in which language, as what."""

    first = forms.ChoiceField(label=gettext_lazy("From"))
    last = forms.ChoiceField(label=gettext_lazy("Until"))
    audience = forms.ChoiceField(label=gettext_lazy("For whom"), choices=AUDIENCES)
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=tuple(OWN_NAMES.items()))
    kind = forms.ChoiceField(
        label=gettext_lazy("As"),
        choices=(
            ("pdf", gettext_lazy("PDF, to print")),
            ("page", gettext_lazy("Page, to read on a screen")),
            ("tables", gettext_lazy("Tables, as CSV and Parquet with their description")),
        ),
    )

    def __init__(self, *args: Any, months: list[Month], **options: Any) -> None:
        super().__init__(*args, **options)
        choices = [(str(month), formats.month(month)) for month in months]
        for name in ("first", "last"):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = choices

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if "first" in found and "last" in found and found["last"] < found["first"]:
            self.add_error("last", _("The last month is before the first."))
        return found


@seen_by(Role.OFFICER, Role.APPROVER, Role.TREASURER, Role.AUDITOR)
@in_one_snapshot
def report(request: HttpRequest) -> HttpResponse:
    """Choose a report; with ``kind`` asked for, the file itself."""
    seat = seat_of(request)
    now = timezone.now()
    months = published.months(seat.town, now)
    chosen = {"language": (get_language() or "en")[:2]} | (
        {"first": str(months[0]), "last": str(months[0])} if months else {}
    )
    form = ReportForm(request.GET if "kind" in request.GET else None, months=months, initial=chosen)
    if form.is_bound and form.is_valid():
        look = build.Look(names.reader_of(request), now, form.cleaned_data["kind"])
        return _file(seat.town, form.cleaned_data, look)
    return render(request, "koinon/impact/report.html", {"form": form, "months": months})


def _file(town: Town, asked: dict[str, str], look: build.Look) -> HttpResponse:
    from koinon.impact.town import months

    conn, language, now = raw(), asked["language"], look.at
    assert language in dict(settings.LANGUAGES)
    with override(language):
        made = build.build(
            conn,
            town_id=town.pk,
            first=Month.parse(asked["first"]),
            last=Month.parse(asked["last"]),
            audience=Audience(asked["audience"]),
            language=language,
            last_over=months.last_month_over(conn, town_id=town.pk, now=now),
            today=now.astimezone(ZoneInfo(town.time_zone)).date(),
            look=look,
        )
        files = folder.contents(made)
    name, kind = KINDS[asked["kind"]]
    content = files[name] if name else _packed(files)
    stem = f"{made.slug}-{asked['first']}" + (f"-{asked['last']}" if asked["last"] != asked["first"] else "")
    response = HttpResponse(content, content_type=kind)
    ending = name.rpartition(".")[2] if name else "zip"
    response["Content-Disposition"] = f'attachment; filename="{stem}-{made.audience.value}.{ending}"'
    return response


def _packed(files: dict[str, bytes]) -> bytes:
    """The tables and what describes them; the same bytes for the same tables."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("datapackage.json", "figures.csv", "figures.parquet"):
            archive.writestr(zipfile.ZipInfo(name), files[name])
    return out.getvalue()
