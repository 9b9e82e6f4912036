"""What the town wants to reach: an officer proposes a target, an approver confirms it, the record stays."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_POST

from koinon.coproduction.streams import STREAM_NAMES
from koinon.documents import formats
from koinon.impact import aims
from koinon.impact import targets as operations
from koinon.impact.aims import Target
from koinon.impact.errors import TargetNotSound
from koinon.impact.indicators.catalogue import BY_KEY
from koinon.impact.reports.compose import Money, written
from koinon.impact.targets import Aimable, Proposal
from koinon.parties.connection import raw
from koinon.parties.models import Role, Town
from koinon.parties.rules import ascii_digits
from koinon.web import words
from koinon.web.access import seat_of, seen_by

STATES: dict[str, Any] = {
    "proposed": pgettext_lazy("target", "Waiting for a second person"),
    "confirmed": pgettext_lazy("target", "Confirmed"),
    "declined": pgettext_lazy("target", "Declined"),
    "withdrawn": pgettext_lazy("target", "Taken back"),
}
FINDINGS: dict[str, Any] = {
    "target.no-figure": gettext_lazy("Take a figure of the list."),
    "target.value": gettext_lazy("Write a number from zero on, such as 0.35 or 35 %."),
    "target.share": gettext_lazy("A share is at most 1: write 0.35 or 35 %."),
    "target.past": gettext_lazy("A target is dated forward: take today or a later day."),
    "target.reversed": gettext_lazy("The day by which is before the first day."),
    "target.shown": gettext_lazy("A target of this figure by this day is shown already. Take another day."),
}
FIELDS = {"indicator": "figure", "value": "value", "from": "first", "by": "by"}
PARTS: dict[str, Any] = {
    "issued": gettext_lazy("Issued"),
    "spent": gettext_lazy("Spent"),
    "refunded": gettext_lazy("Refunded"),
    "redeemed": gettext_lazy("Redeemed"),
    "expired": gettext_lazy("Expired"),
    "outstanding-start": gettext_lazy("Outstanding at the start"),
    "purses": gettext_lazy("Purses"),
    "equals": gettext_lazy("As many businesses of equal size"),
    "other": gettext_lazy("Other businesses"),
    "most": gettext_lazy("The most it could be"),
    "of-spending": gettext_lazy("Of what businesses spend"),
    "buying": gettext_lazy("Businesses that buy from another"),
    "suppliers": gettext_lazy("Suppliers each of them pays"),
    "compared": gettext_lazy("Shops compared"),
    "too-few": gettext_lazy("Shops with too few purchases"),
    "reused": gettext_lazy("Used again"),
    "co2e": gettext_lazy("CO2 equivalent spared"),
}


class TargetForm(forms.Form):
    """Which figure, what it should be, and by when."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, figures: tuple[Aimable, ...], **options: Any) -> None:
        super().__init__(*args, **options)
        day: dict[str, Any] = {
            "widget": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "input_formats": ["%Y-%m-%d"],
        }
        self.fields["figure"] = forms.ChoiceField(
            label=gettext_lazy("Figure"), choices=[(_key(one.entry.key, one.part), _called(one)) for one in figures]
        )
        self.fields["value"] = forms.CharField(
            label=gettext_lazy("What it should be"), max_length=24,
            help_text=gettext_lazy("In the figure's own unit: a share as 0.35 or 35 %, amounts in whole units."),
        )  # fmt: skip
        self.fields["first"] = forms.DateField(
            label=gettext_lazy("Shown from"), help_text=gettext_lazy("Today or a later day."), **day
        )
        self.fields["by"] = forms.DateField(label=gettext_lazy("To be reached by"), **day)
        self.fields["source"] = forms.CharField(
            label=gettext_lazy("The decision that says so"), max_length=200, required=False,
            help_text=gettext_lazy("Such as a session of the council; no names."),
        )  # fmt: skip

    def clean_value(self) -> Decimal:
        given = ascii_digits(self.cleaned_data["value"]).replace(" ", "").replace("\u00a0", "")
        percent = given.endswith(("%", "٪"))
        try:
            value = Decimal(given.rstrip("%٪").replace("٫", ".").replace(",", "."))
        except InvalidOperation:
            raise forms.ValidationError(FINDINGS["target.value"]) from None
        if not value.is_finite():
            raise forms.ValidationError(FINDINGS["target.value"])
        return value.scaleb(-2) if percent else value

    def target(self) -> Target:
        said = self.cleaned_data
        indicator, _bar, part = said["figure"].partition("|")
        return Target(indicator, part, said["first"], said["by"], said["value"], said["source"])


@seen_by(Role.OFFICER, Role.APPROVER, Role.TREASURER, Role.AUDITOR)
def targets(request: HttpRequest) -> HttpResponse:
    """What holds, what waits for a second person, and what was decided; an officer's POST proposes another."""
    seat, conn, now = seat_of(request), raw(), timezone.now()
    figures = operations.aimable(conn, town_id=seat.town_id)
    proposes = seat.role == Role.OFFICER
    form = TargetForm(
        request.POST if request.method == "POST" and proposes else None,
        figures=figures,
        initial={"form_id": uuid4()},
    )
    if form.is_bound and form.is_valid():
        try:
            operations.propose(
                conn, town_id=seat.town_id, proposal_id=form.cleaned_data["form_id"], target=form.target(), at=now,
                actor=seat.user.actor,
            )  # fmt: skip
        except TargetNotSound as refused:
            for finding in refused.findings:
                form.add_error(FIELDS.get(finding.column), FINDINGS[finding.code])
        else:
            messages.success(request, _("The target is proposed. A second person confirms it."))
            return redirect("impact-targets")
    called = {(one.entry.key, one.part): _called(one) for one in figures}
    proposed = operations.proposals(conn, town_id=seat.town_id)
    staff = words.staff_names(
        name for one in proposed for name in (one.proposed_by, one.decided_by) if name is not None
    )
    today = now.astimezone(ZoneInfo(seat.town.time_zone)).date()
    with formats.in_country(seat.town.country):
        context = {
            "form": form if proposes else None,
            "decides": seat.role == Role.APPROVER,
            "actor": seat.user.actor,
            "holding": [
                (one, _name(called, one), _value(seat.town, one), _when(one, today))
                for one in aims.targets(conn, seat.town_id)
            ],
            "waiting": [_row(seat.town, called, staff, one) for one in proposed if one.state == "proposed"],
            "decided": [_row(seat.town, called, staff, one) for one in proposed if one.state != "proposed"],
        }
    return render(request, "koinon/impact/targets.html", context)


@seen_by(Role.OFFICER, Role.APPROVER)
@require_POST
def decide(request: HttpRequest) -> HttpResponse:
    """Confirm a target or decline it; an officer takes their own back."""
    seat, now = seat_of(request), timezone.now()
    try:
        proposal = UUID(request.POST.get("target", ""))
    except ValueError:
        raise Http404 from None
    given: dict[str, Any] = {
        "town_id": seat.town_id, "proposal_id": proposal, "at": now, "actor": seat.user.actor,
    }  # fmt: skip
    reason = request.POST.get("reason", "").strip()[:200]
    if request.POST.get("answer") == "confirm" and seat.role == Role.APPROVER:
        operations.confirm(raw(), **given)
        messages.success(request, _("The target is confirmed. Figures stand beside it from its first day on."))
    elif not reason:
        messages.error(request, _("Say why, in a few words."))
    else:
        operations.decline(raw(), reason=reason, **given)
        messages.success(request, _("The target is not set. The record says why."))
    return redirect("impact-targets")


def _key(indicator: str, part: str) -> str:
    return f"{indicator}|{part}"


def _called(one: Aimable) -> str:
    title = _(one.entry.title)
    if not one.part:
        return title
    stream = STREAM_NAMES.get(one.name) if one.part.startswith("stream:") else None
    return f"{title}: {stream or PARTS.get(one.part, one.name)}"


def _name(called: dict[tuple[str, str], str], one: Target | Proposal) -> str:
    return called.get((one.indicator, one.part), f"{one.indicator} {one.part}".strip())


def _value(town: Town, one: Target | Proposal) -> str:
    """As figures are written; a part may have another unit than the whole, so it stands as the number it is."""
    entry = BY_KEY.get(one.indicator)
    if entry is None or (one.part and ":" not in one.part):
        return formats.number(Fraction(one.value), digits=2)
    return written(
        Fraction(one.value), entry.unit, Money(town.unit_code, town.exponent, town.unit_symbol, town.national_currency)
    )


def _when(one: Target, today: date) -> str:
    if one.from_day > today:
        return _("not shown yet")
    return _("shown") if one.by_day >= today else _("over")


def _row(town: Town, called: dict[tuple[str, str], str], staff: dict[str, str], one: Proposal) -> dict[str, Any]:
    return {
        "one": one,
        "name": _name(called, one),
        "value": _value(town, one),
        "state": STATES[one.state],
        "proposed_by": staff.get(one.proposed_by, one.proposed_by),
        "decided_by": staff.get(one.decided_by or "", ""),
    }
