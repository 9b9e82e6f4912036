"""Documents that the counter keeps: of a household, or of a complaint. They wait in memory, are sealed, and lie nowhere else."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext_lazy

from koinon.casework import rules
from koinon.casework.errors import CaseworkError
from koinon.db.transactions import savepoint
from koinon.parties.connection import raw
from koinon.web import refusals


class DocumentForm(forms.Form):
    """A document; ``form_id`` makes sending it twice harmless."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)
    document = forms.FileField(
        label=gettext_lazy("Document"), help_text=gettext_lazy("PDF, JPEG, PNG or plain text, at most 5 MB.")
    )


def is_kept(request: HttpRequest, form: forms.Form, keep: Callable[[str, bytes, str], object]) -> bool:
    """Hand a form's document to ``keep``: its name, its content and a key. False with the reason at its field."""
    if not form.is_valid():
        return False
    given = form.cleaned_data["document"]
    try:
        with savepoint(raw()):
            keep(given.name or "", given.read(rules.MOST_BYTES + 1), str(form.cleaned_data["form_id"]))
    except CaseworkError as refused:
        refusals.note(request, refused)
        form.add_error("document", refusals.sentences(refused)[0])
        return False
    return True


def to_save(name: str, kind: str, content: bytes) -> HttpResponse:
    """A document for whoever opened it, kept by no browser."""
    response = HttpResponse(content, content_type=kind, headers={"Cache-Control": "no-store"})
    response.headers["Content-Disposition"] = (
        content_disposition_header(as_attachment=True, filename=name) or "attachment"
    )
    return response
