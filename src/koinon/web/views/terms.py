"""What the town promises its shops about redemption: shown, and changed from a day on."""

from __future__ import annotations

from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from koinon.db.transactions import savepoint
from koinon.kernel.money import Amount, to_decimal
from koinon.parties.connection import raw
from koinon.parties.models import Role, Town
from koinon.treasury import operations, queries
from koinon.treasury.errors import TermsNotPossible
from koinon.treasury.rules import payout_day
from koinon.treasury.types import FileFormat, Terms
from koinon.web import refusals
from koinon.web.access import seat_of, seen_by
from koinon.web.forms import AmountField

SCHEDULES: list[tuple[str, Any]] = [
    ("", gettext_lazy("Any day")),
    *[
        (f"weekly:{number}", day)
        for number, day in enumerate(
            [
                gettext_lazy("Every Monday"),
                gettext_lazy("Every Tuesday"),
                gettext_lazy("Every Wednesday"),
                gettext_lazy("Every Thursday"),
                gettext_lazy("Every Friday"),
            ],
            start=1,
        )
    ],
    ("monthly:1", gettext_lazy("On the 1st of the month")),
    ("monthly:15", gettext_lazy("On the 15th of the month")),
    ("monthly:1,15", gettext_lazy("On the 1st and the 15th of the month")),
    ("monthly:28", gettext_lazy("On the 28th of the month")),
]
GROUNDS: dict[str, Any] = {
    "terms.in-the-past": gettext_lazy("Terms hold from today or a later day on."),
    "terms.minimum-not-positive": gettext_lazy("The smallest amount must be above zero."),
    "terms.fee-too-high": gettext_lazy("The fee is more than a fifth, or more than the smallest amount."),
    "terms.cooling-too-long": gettext_lazy("A request waits sixty days at most."),
    "terms.execution-too-late": gettext_lazy("The bank pays within thirty days."),
    "terms.schedule-unknown": gettext_lazy("These are no days on which runs are made."),
    "terms.not-sepa": gettext_lazy("Only euros leave by SEPA. Choose CSV."),
}


class TermsForm(forms.Form):
    """What shall hold from a day on."""

    def __init__(self, *args: Any, town: Town, held: Terms, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        schedules = SCHEDULES
        if held.schedule not in dict(SCHEDULES):
            schedules = [*SCHEDULES, (held.schedule, held.schedule)]
        self.fields["from_day"] = forms.DateField(
            label=gettext_lazy("From"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        )
        self.fields["minimum"] = AmountField(exponent=town.exponent, label=gettext_lazy("Smallest amount"))
        self.fields["fee"] = AmountField(
            exponent=town.exponent, label=gettext_lazy("Fee for each request"), required=False
        )
        self.fields["fee_share"] = forms.DecimalField(
            label=gettext_lazy("And a share of it, per cent"),
            min_value=0,
            max_value=20,
            decimal_places=2,
            required=False,
            localize=True,
        )
        self.fields["cooling_days"] = forms.IntegerField(
            label=gettext_lazy("Days in which a shop can take it back"), min_value=0, max_value=60
        )
        self.fields["schedule"] = forms.ChoiceField(
            label=gettext_lazy("Runs are made"), choices=schedules, required=False
        )
        self.fields["execution_days"] = forms.IntegerField(
            label=gettext_lazy("Days until the bank pays"), min_value=0, max_value=30
        )
        self.fields["file_format"] = forms.ChoiceField(
            label=gettext_lazy("Format of the file"), choices=[(one.value, one.value) for one in FileFormat]
        )
        self.fields["source"] = forms.CharField(
            label=gettext_lazy("Regulation or agreement that says so"), max_length=200
        )


@seen_by(Role.TREASURER)
def terms(request: HttpRequest) -> HttpResponse:
    """What holds today; a POST says what holds from a day on."""
    seat = seat_of(request)
    town, conn = seat.town, raw()
    today = timezone.now().astimezone(ZoneInfo(town.time_zone)).date()
    held = queries.terms(conn, town_id=town.pk, day=today)
    first = {
        "from_day": today,
        "minimum": to_decimal(held.minimum_minor, town.exponent),
        "fee": to_decimal(held.fee_minor, town.exponent) if held.fee_minor else "",
        "fee_share": to_decimal(held.fee_bps, 2) if held.fee_bps else "",
        "cooling_days": held.cooling_days,
        "schedule": held.schedule,
        "execution_days": held.execution_days,
        "file_format": held.file_format.value,
        "source": held.source,
    }
    form = TermsForm(request.POST or None, initial=first, town=town, held=held)
    status = 200
    if request.method == "POST":
        if form.is_valid() and _set(request, form):
            return redirect("treasury-terms")
        status = 422
    context = {
        "form": form,
        "terms": held,
        "fee_share": Fraction(held.fee_bps, 10_000),
        "schedule": dict(SCHEDULES).get(held.schedule, held.schedule),
        "announced": [
            (one, Fraction(one.fee_bps, 10_000), dict(SCHEDULES).get(one.schedule, one.schedule))
            for one in queries.terms_after(conn, town_id=town.pk, day=today)
        ],
        "paid_on": payout_day(today, held),
    }
    return render(request, "koinon/treasury/terms.html", context, status=status)


def _set(request: HttpRequest, form: TermsForm) -> bool:
    seat, said, conn = seat_of(request), form.cleaned_data, raw()
    try:
        with savepoint(conn):
            operations.set_terms(
                conn,
                town_id=seat.town_id,
                from_day=said["from_day"],
                minimum=Amount(said["minimum"], seat.town.unit_code),
                file_format=FileFormat(said["file_format"]),
                execution_days=said["execution_days"],
                source=said["source"],
                fee_minor=said["fee"] or 0,
                fee_bps=int((said["fee_share"] or 0) * 100),
                cooling_days=said["cooling_days"],
                schedule=said["schedule"],
                at=timezone.now(),
                actor=seat.user.actor,
            )
    except TermsNotPossible as refused:
        refusals.note(request, refused)
        for ground in refused.grounds:
            form.add_error(None, GROUNDS[ground.code])
        return False
    messages.success(request, _("The terms hold from that day on."))
    return True
