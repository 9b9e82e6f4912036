"""The resident's pages of co-production: register at a place by its code, see what came of it, time given and received."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from koinon.coproduction import certificates, codes, contributions, queries, timebank
from koinon.coproduction.types import Activity, Occasion
from koinon.db.transactions import savepoint
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import id_for_key, new_id
from koinon.parties.connection import raw
from koinon.parties.models import Role, RoleGrant
from koinon.parties.secrets import Secrets
from koinon.web import certifying, doing, paper, refusals
from koinon.web.access import everyone, party_of, seat_of, seen_by

SHOWN = 60


class JoinForm(forms.Form):
    """What somebody did or brought; ``form_id`` makes sending it twice harmless."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, activity: Activity, streams: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if streams != ("",):
            self.fields["stream"] = forms.ChoiceField(
                label=gettext_lazy("What you bring"),
                choices=doing.stream_choices(list(streams)),
                widget=forms.RadioSelect,
            )
        if activity.measure != "session":
            self.fields["quantity"] = doing.QuantityField(
                measure=activity.measure, label=gettext_lazy("How much"), help_text=doing.EXAMPLES[activity.measure]
            )


@seen_by(Role.RESIDENT)
def join(request: HttpRequest, token: str) -> HttpResponse:
    """The page that the code at a place opens."""
    grant = seat_of(request)
    conn = raw()
    now = timezone.now()
    occasion = queries.occasion(
        conn, town_id=grant.town_id, occasion_id=codes.subject_of(Secrets.load(), codes.OCCASION, token)
    )
    activity = queries.activity(conn, town_id=grant.town_id, activity_id=occasion.activity_id)
    today = now.astimezone(ZoneInfo(grant.town.time_zone)).date()
    rates = queries.rates(conn, town_id=grant.town_id, activity_id=activity.id)
    streams = queries.streams_on(activity, rates, today)
    form = JoinForm(request.POST or None, initial={"form_id": new_id()}, activity=activity, streams=streams)
    is_open = occasion.is_open(now)
    if (
        request.method == "POST"
        and form.is_valid()
        and (done := _register(request, grant, occasion, activity, form, today))
    ):
        return done
    shown = [found for stream in streams if (found := doing_rate(rates, stream, today)) is not None]
    left = [
        found
        for stream in streams[:1]
        for found in queries.caps_left(
            conn, town_id=grant.town_id, activity=activity, party=party_of(grant), stream=stream, day=today
        )
    ]
    context = {
        "activity": activity, "occasion": occasion, "form": form, "rates": shown, "caps": left, "is_open": is_open,
    }  # fmt: skip
    return render(request, "koinon/contributing/join.html", context)


def doing_rate(rates: Any, stream: str, day: date) -> Any:
    from koinon.coproduction.rules import rate_on

    return rate_on(rates, stream=stream, day=day)


def _register(
    request: HttpRequest, grant: RoleGrant, occasion: Occasion, activity: Activity, form: JoinForm, today: date
) -> HttpResponse | None:
    conn = raw()
    try:
        with savepoint(conn):
            done = contributions.register(
                conn,
                town_id=grant.town_id,
                contribution_id=id_for_key(f"web:join:{grant.pk}", str(form.cleaned_data["form_id"])),
                activity_id=activity.id,
                party=party_of(grant),
                stream=form.cleaned_data.get("stream", ""),
                quantity=form.cleaned_data.get("quantity", 1),
                day=today,
                occasion_id=occasion.id,
                actor=grant.user.actor,
                at=timezone.now(),
            )
    except KoinonError as refused:
        refusals.note(request, refused)
        form.add_error(None, refusals.sentences(refused)[0])
        return None
    messages.success(
        request, _("It is registered. Show the coordinator this code: %(code)s") % {"code": done.short_code}
    )
    return redirect("contributions")


class PeriodForm(forms.Form):
    """From which day to which."""

    first_day = forms.DateField(
        label=gettext_lazy("From"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    last_day = forms.DateField(
        label=gettext_lazy("Until"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, last = cleaned.get("first_day"), cleaned.get("last_day")
        if first and last and last < first:
            self.add_error("last_day", _("The last day comes before the first."))
        return cleaned


@seen_by(Role.RESIDENT)
def contributed(request: HttpRequest) -> HttpResponse:
    """What I did, and what came of it."""
    grant = seat_of(request)
    conn = raw()
    today = timezone.now().astimezone(ZoneInfo(grant.town.time_zone)).date()
    found = queries.contributions(conn, town_id=grant.town_id, payee=party_of(grant), limit=SHOWN)
    verified = [each for each in found if each.state == "verified"]
    initial = {"first_day": (today - timedelta(days=365)).isoformat(), "last_day": today.isoformat()}
    context = {
        "found": found,
        "actor": grant.user.actor,
        "rewarded": sum(each.reward_minor or 0 for each in verified),
        "form": PeriodForm(initial=initial),
        "certificates": queries.certificates(conn, town_id=grant.town_id, party=party_of(grant)),
        "hours": queries.memberships(conn, town_id=grant.town_id, party=party_of(grant)),
    }
    return render(request, "koinon/contributing/contributed.html", context)


@seen_by(Role.RESIDENT)
@require_POST
def withdraw(request: HttpRequest, contribution: UUID) -> HttpResponse:
    grant = seat_of(request)
    contributions.withdraw(
        raw(), town_id=grant.town_id, contribution_id=contribution, actor=grant.user.actor, at=timezone.now()
    )
    messages.success(request, _("It is taken back."))
    return redirect("contributions")


@seen_by(Role.RESIDENT)
@require_POST
def certify(request: HttpRequest) -> HttpResponse:
    """A certificate of what I did between two days."""
    grant = seat_of(request)
    form = PeriodForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose two days, the first before the last."))
        return redirect("contributions")
    certificates.issue(
        raw(),
        town_id=grant.town_id,
        certificate_id=new_id(),
        party=party_of(grant),
        first_day=form.cleaned_data["first_day"],
        last_day=form.cleaned_data["last_day"],
        actor=grant.user.actor,
        at=timezone.now(),
    )
    messages.success(request, _("The certificate is made. You can download it below."))
    return redirect("contributions")


@seen_by(Role.RESIDENT)
def certificate(request: HttpRequest, certificate: UUID) -> HttpResponse:
    """One of my certificates, to print."""
    grant = seat_of(request)
    found = queries.certificate(raw(), town_id=grant.town_id, certificate_id=certificate)
    if found.party != party_of(grant):
        raise Http404
    return paper.answer(certifying.printed(request, grant.town, found, name=certifying.own_name(grant)), "certificate")


@everyone
def check_certificate(request: HttpRequest, seal: str) -> HttpResponse:
    """Whoever holds a certificate compares its figures with what the town certified. No name stands here."""
    return render(request, "koinon/contributing/check.html", certifying.checked(seal))


class TimeForm(forms.Form):
    """Who gave me time, and how much."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)
    number = forms.CharField(
        label=gettext_lazy("Number of the member who helped you"),
        max_length=12,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "dir": "ltr"}),
    )
    minutes = doing.QuantityField(measure="hour", label=gettext_lazy("How long"), help_text=doing.EXAMPLES["hour"])


@seen_by(Role.RESIDENT)
def hours(request: HttpRequest) -> HttpResponse:
    """My account in each time bank, and giving hours to who helped me."""
    grant = seat_of(request)
    conn = raw()
    mine = queries.memberships(conn, town_id=grant.town_id, party=party_of(grant))
    chosen = next(
        (one for one in mine if str(one.bank_id) == request.POST.get("bank", request.GET.get("bank", ""))), None
    )
    chosen = chosen or (mine[0] if mine else None)
    form = TimeForm(request.POST or None, initial={"form_id": new_id()})
    if request.method == "POST" and chosen is not None and form.is_valid():
        try:
            with savepoint(conn):
                giver = queries.member_by_number(
                    conn, town_id=grant.town_id, bank_id=chosen.bank_id, said=form.cleaned_data["number"]
                )
                timebank.exchange(
                    conn,
                    town_id=grant.town_id,
                    exchange_id=id_for_key(f"web:time:{grant.pk}", str(form.cleaned_data["form_id"])),
                    bank_id=chosen.bank_id,
                    payer=party_of(grant),
                    payee=giver.party,
                    minutes=form.cleaned_data["minutes"],
                    actor=grant.user.actor,
                    at=timezone.now(),
                )
        except KoinonError as refused:
            refusals.note(request, refused)
            form.add_error(
                "number" if refused.code.endswith("member-not-found") else "minutes", refusals.sentences(refused)[0]
            )
        else:
            given = doing.minutes(form.cleaned_data["minutes"], grant.town)
            messages.success(
                request, _("%(time)s went to member %(number)s.") % {"time": given, "number": giver.shown_number}
            )
            return redirect("hours")
    lines = queries.statement_of(conn, town_id=grant.town_id, account=chosen.account) if chosen else []
    context = {"member": chosen, "members": mine, "lines": lines, "form": form}
    return render(request, "koinon/contributing/hours.html", context)
