"""Saved filters of the table component."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from koinon.office import operations
from koinon.parties.connection import raw
from koinon.web.access import seat_of, seen_by
from koinon.web.views.directory import STAFF


class FilterForm(forms.Form):
    """A filter with the name its owner gives it."""

    table = forms.RegexField(r"^[a-z][a-z0-9-]{1,60}$")
    name = forms.CharField(max_length=60)
    query = forms.CharField(max_length=4000, required=False)
    shared = forms.BooleanField(required=False)


@seen_by(*STAFF)
@require_POST
def save(request: HttpRequest) -> HttpResponse:
    seat = seat_of(request)
    form = FilterForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Give the filter a name of at most 60 letters."))
        return _back(request)
    kept = form.cleaned_data
    operations.save_filter(
        raw(),
        town_id=seat.town_id,
        user_id=seat.user_id,
        table_name=kept["table"],
        name=kept["name"],
        query=kept["query"],
        shared=kept["shared"],
        at=timezone.now(),
    )
    messages.success(request, _("The filter is saved."))
    return _back(request, kept["query"])


@seen_by(*STAFF)
@require_POST
def forget(request: HttpRequest, saved: UUID) -> HttpResponse:
    seat = seat_of(request)
    operations.forget_filter(raw(), town_id=seat.town_id, user_id=seat.user_id, filter_id=saved)
    messages.success(request, _("The filter is forgotten."))
    return _back(request)


def _back(request: HttpRequest, query: str = "") -> HttpResponse:
    onward = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(
        onward, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        onward = "/home/"
    return HttpResponseRedirect(f"{onward}?{query}" if query else onward)
