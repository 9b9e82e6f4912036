"""Programs that work with the town: keys to the API, and webhooks by which they are told."""

from __future__ import annotations

import os
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from koinon.db.transactions import savepoint
from koinon.kernel.errors import KoinonError
from koinon.outbox import operations, queries
from koinon.parties.connection import raw
from koinon.parties.models import Role
from koinon.parties.secrets import Secrets
from koinon.web import programs as joined
from koinon.web import refusals
from koinon.web.access import seat_of, seen_by


class KeyForm(forms.Form):
    """A key for a program that reads, or is told. One that moves money is made by command, by no officer alone."""

    name = forms.CharField(
        label=gettext_lazy("What it is for"),
        help_text=gettext_lazy("A program or a till; never a person."),
        max_length=80,
    )
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("It may"),
        help_text=gettext_lazy(
            "A key that moves money is made by whoever runs the town's computers, with koinon api key add."
        ),
        choices=[(scope, said) for scope, said in joined.SCOPES.items() if scope not in joined.MOVING],
        widget=forms.CheckboxSelectMultiple,
    )
    party = forms.UUIDField(
        label=gettext_lazy("Only for one shop or household"),
        help_text=gettext_lazy("Its number, from the directory. Empty: for the whole town."),
        required=False,
        widget=forms.TextInput(attrs={"dir": "ltr", "autocomplete": "off"}),
    )
    last_day = forms.DateField(
        label=gettext_lazy("Last day"),
        help_text=gettext_lazy("A key that ends is safer than one that does not."),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )


class WebhookForm(forms.Form):
    """An address that is told."""

    url = forms.URLField(
        label=gettext_lazy("Address"),
        assume_scheme="https",
        max_length=500,
        widget=forms.URLInput(attrs={"dir": "ltr", "autocomplete": "off"}),
    )
    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("It is told when"),
        choices=list(joined.EVENTS.items()),
        widget=forms.CheckboxSelectMultiple,
    )


@seen_by(Role.OFFICER)
def programs(request: HttpRequest) -> HttpResponse:
    """Every key and webhook of the town; secrets are shown when they are made, and kept nowhere readable."""
    return _page(request)


def _page(request: HttpRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    seat = seat_of(request)
    now = datetime.now(UTC)
    conn = raw()
    keys = [
        {
            "one": one,
            "may": [joined.SCOPES.get(scope, scope) for scope in one.scopes],
            "in_force": one.revoked_at is None and (one.expires_at is None or one.expires_at > now),
        }
        for one in joined.kept().credentials(conn, town_id=seat.town_id)
    ]
    hooks = [
        {"one": one, "told": [joined.EVENTS.get(kind, kind) for kind in one.kinds]}
        for one in queries.endpoints(conn, town_id=seat.town_id)
        if one.state != "removed"
    ]
    context = {
        "keys": keys,
        "hooks": hooks,
        "key_form": KeyForm(auto_id="key_%s"),
        "hook_form": WebhookForm(auto_id="hook_%s"),
        **more,
    }
    answer = render(request, "koinon/staff/programs.html", context, status=status)
    answer["Cache-Control"] = "no-store"
    return answer


@seen_by(Role.OFFICER)
@require_POST
def add_key(request: HttpRequest) -> HttpResponse:
    """Make a key, and show its secret this once."""
    seat = seat_of(request)
    form = KeyForm(request.POST, auto_id="key_%s")
    if not form.is_valid():
        return _page(request, key_form=form, status=422)
    conn, last = raw(), form.cleaned_data["last_day"]
    zone = ZoneInfo(seat.town.time_zone)
    ends = datetime.combine(last + timedelta(days=1), time.min, zone) if last else None
    try:
        with savepoint(conn):
            made = joined.keys().add_key(
                conn, town_id=seat.town_id, name=form.cleaned_data["name"], scopes=form.cleaned_data["scopes"],
                actor=seat.user.actor, at=datetime.now(UTC), party=form.cleaned_data["party"], expires_at=ends,
            )  # fmt: skip
    except KoinonError as refused:
        refusals.note(request, refused)
        form.add_error(None, refusals.sentences(refused)[0])
        return _page(request, key_form=form, status=refusals.status(refused))
    return _page(request, secret=made.secret, secret_of=form.cleaned_data["name"])


@seen_by(Role.OFFICER)
@require_POST
def revoke_key(request: HttpRequest, key: UUID) -> HttpResponse:
    """Take a key out of force for good."""
    seat = seat_of(request)
    joined.keys().revoke_key(raw(), town_id=seat.town_id, credential=key, actor=seat.user.actor, at=datetime.now(UTC))
    messages.success(request, _("Revoked. Two seconds from now nothing takes it any more."))
    return redirect("programs")


@seen_by(Role.OFFICER)
@require_POST
def add_webhook(request: HttpRequest) -> HttpResponse:
    """Tell an address from now on, and show the secret that signs its messages this once."""
    seat = seat_of(request)
    form = WebhookForm(request.POST, auto_id="hook_%s")
    if not form.is_valid():
        return _page(request, hook_form=form, status=422)
    conn = raw()
    try:
        with savepoint(conn):
            made = operations.add_endpoint(
                conn, town_id=seat.town_id, url=form.cleaned_data["url"], kinds=form.cleaned_data["kinds"],
                keys=Secrets.load(), actor=seat.user.actor, at=datetime.now(UTC), party=None,
                inside=os.environ.get("KOINON_WEBHOOKS_INSIDE") == "1",
            )  # fmt: skip
    except KoinonError as refused:
        refusals.note(request, refused)
        form.add_error("url", refusals.sentences(refused)[0])
        return _page(request, hook_form=form, status=refusals.status(refused))
    return _page(request, secret=made.secret, secret_of=made.endpoint.url)


@seen_by(Role.OFFICER)
def webhook(request: HttpRequest, hook: UUID) -> HttpResponse:
    """What a webhook was told, when it is told again, and how attempts ended."""
    seat = seat_of(request)
    conn = raw()
    found = queries.endpoint(conn, town_id=seat.town_id, endpoint_id=hook)
    told = queries.deliveries(conn, town_id=seat.town_id, listener=hook, size=50)
    lines = [{"one": one, "what": joined.EVENTS.get(one.kind, one.kind)} for one in told]
    return render(request, "koinon/staff/webhook.html", {"hook": found, "lines": lines})


@seen_by(Role.OFFICER)
@require_POST
def change_webhook(request: HttpRequest, hook: UUID) -> HttpResponse:
    """A new secret, another start, what was given up sent once more, or an end."""
    seat = seat_of(request)
    conn = raw()
    who: dict[str, Any] = {"town_id": seat.town_id, "actor": seat.user.actor, "at": datetime.now(UTC)}
    act = request.POST.get("act", "")
    if act == "rotate":
        made = operations.rotate_secret(conn, endpoint_id=hook, keys=Secrets.load(), at_once=False, **who)
        return _page(request, secret=made.secret, secret_of=made.endpoint.url)
    if act == "resume":
        operations.resume_endpoint(conn, endpoint_id=hook, **who)
        messages.success(request, _("It is told again."))
    elif act == "again":
        number = operations.send_again(conn, listener=hook, event=None, **who)
        messages.success(request, _("%(number)s to be sent again.") % {"number": number})
    elif act == "remove":
        operations.remove_endpoint(conn, endpoint_id=hook, **who)
        messages.success(request, _("It is told nothing any more."))
        return redirect("programs")
    else:
        raise Http404
    return redirect("webhook", hook=hook)
