"""Bonus campaigns: an officer draws one up, an approver releases its money, everybody sees how far it has come."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_POST

from koinon.campaigns import operations, queries
from koinon.campaigns.types import Campaign, CampaignState, Terms, Trigger
from koinon.db.transactions import savepoint
from koinon.kernel.errors import FindingsError, KoinonError
from koinon.kernel.text import fold
from koinon.parties.connection import raw
from koinon.parties.models import Role, RoleGrant, Town
from koinon.parties.rules import ascii_digits
from koinon.programmes import queries as programmes
from koinon.programmes.spending import SpendingRule
from koinon.web import refusals, tables, words
from koinon.web.access import seat_of, seen_by
from koinon.web.forms import AmountField
from koinon.web.tables import Column, Kind, Table

STAFF = (Role.OFFICER, Role.APPROVER, Role.TREASURER)
STATES: dict[str, Any] = {
    CampaignState.DRAFT: pgettext_lazy("campaign", "Draft"),
    CampaignState.SUBMITTED: pgettext_lazy("campaign", "Waiting for approval"),
    CampaignState.RUNNING: pgettext_lazy("campaign", "Running"),
    CampaignState.ENDED: pgettext_lazy("campaign", "Ended"),
    CampaignState.CANCELLED: pgettext_lazy("campaign", "Cancelled"),
}
TRIGGERS: dict[str, Any] = {
    Trigger.PURCHASE: pgettext_lazy("campaign", "On purchases in shops"),
    Trigger.TOPUP: pgettext_lazy("campaign", "On top-ups"),
}
FINDINGS = {
    "campaign.no-name": gettext_lazy("Give it a name."),
    "campaign.no-share": gettext_lazy("The share lies above zero and goes up to 100 %."),
    "campaign.no-ceiling": gettext_lazy("Say what it may cost at most."),
    "campaign.most-per-person": gettext_lazy("The most for one person lies above zero and goes up to the ceiling."),
    "campaign.ends-before-it-begins": gettext_lazy("The last day is before the first."),
    "campaign.over": gettext_lazy("The last day has passed."),
    "campaign.fund-ends-before": gettext_lazy("The fund ends before the campaign: bonuses could not be spent."),
    "campaign.alert": gettext_lazy("The warning comes at 1 to 100 %."),
    "campaign.fund-pays-aid": gettext_lazy("A programme pays aid from this fund. Take one for campaigns alone."),
}
FIELDS = {"name": "name", "share": "share", "minimum": "minimum", "ceiling": "ceiling", "fund": "fund",
          "most_per_person": "most", "last_day": "last_day", "alert_at": "alert"}  # fmt: skip


def _sectors() -> list[tuple[str, str]]:
    named = [(code, str(name)) for code, name in words.SECTORS.items()]
    return sorted(named, key=lambda pair: fold(pair[1]))


class PercentField(forms.CharField):
    """A percentage with up to two decimals, as typed; its clean value is a fraction of the whole."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=10, **kwargs)
        self.widget.attrs |= {"inputmode": "decimal", "autocomplete": "off"}

    def clean(self, value: Any) -> Any:
        text = ascii_digits(str(super().clean(value))).replace("\u066b", ".").replace(",", ".")
        read = re.fullmatch(r"(\d{1,3}(?:\.\d{1,2})?)\s*[%\u066a]?", text.strip())
        if read is None:
            raise ValidationError(_("Write the share like 20 or 12,5."))
        return Fraction(Decimal(read[1])) / 100


class CampaignForm(forms.Form):
    """What a campaign promises."""

    def __init__(self, *args: Any, town: Town, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        funds = programmes.funds(raw(), town_id=town.pk)
        self.funds = {str(fund.id): fund for fund in funds}
        named = [(str(fund.id), fund.name) for fund in funds]
        amount: dict[str, Any] = {"exponent": town.exponent}
        day: dict[str, Any] = {
            "widget": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "input_formats": ["%Y-%m-%d"],
        }
        self.fields["name"] = forms.CharField(max_length=120, label=gettext_lazy("Name"))
        self.fields["code"] = forms.RegexField(
            r"^[a-z0-9-]{1,50}$", label=gettext_lazy("Short name"),
            help_text=gettext_lazy("Small letters, figures and hyphens; it does not change any more."),
        )  # fmt: skip
        self.fields["trigger"] = forms.ChoiceField(
            label=gettext_lazy("Bonus"), choices=[(one.value, TRIGGERS[one]) for one in Trigger]
        )
        self.fields["fund"] = forms.ChoiceField(
            label=gettext_lazy("Paid from"), choices=named,
            help_text=gettext_lazy("A fund for campaigns alone: its rule says where the bonus can be spent, and until when."),
        )  # fmt: skip
        self.fields["share"] = PercentField(label=gettext_lazy("Share in per cent"))
        self.fields["minimum"] = AmountField(**amount, label=gettext_lazy("Smallest amount that earns"), required=False)
        self.fields["most"] = AmountField(
            **amount, label=gettext_lazy("At most for one person"), required=False,
            help_text=gettext_lazy("Over all their purses, and the household's."),
        )  # fmt: skip
        self.fields["ceiling"] = AmountField(
            **amount, label=gettext_lazy("Ceiling"),
            help_text=gettext_lazy("For everybody together; the last one gets what is left."),
        )  # fmt: skip
        self.fields["first_day"] = forms.DateField(label=gettext_lazy("First day"), **day)
        self.fields["last_day"] = forms.DateField(label=gettext_lazy("Last day"), **day)
        self.fields["alert"] = forms.IntegerField(
            label=gettext_lazy("Warn when so many per cent are granted"), initial=80, min_value=1, max_value=100
        )
        self.fields["excluded"] = forms.MultipleChoiceField(
            label=gettext_lazy("Money of these funds earns nothing"), choices=named, required=False,
            initial=[number for number, _name in named], widget=forms.CheckboxSelectMultiple,
            help_text=gettext_lazy("Bonus money never earns anything."),
        )  # fmt: skip
        self.fields["sectors"] = forms.MultipleChoiceField(
            label=gettext_lazy("Only for purchases of"), required=False, widget=forms.CheckboxSelectMultiple,
            choices=_sectors(),
            help_text=gettext_lazy("Nothing chosen means: everything."),
        )  # fmt: skip
        self.fields["sse_only"] = forms.BooleanField(
            required=False, label=gettext_lazy("Only at co-operatives and other social economy shops")
        )

    def terms(self) -> Terms:
        said = self.cleaned_data
        return Terms(
            name=said["name"].strip(),
            fund_id=UUID(said["fund"]),
            trigger=Trigger(said["trigger"]),
            share=said["share"],
            minimum_minor=said["minimum"] or 0,
            person_most_minor=said["most"] or None,
            ceiling_minor=said["ceiling"],
            first_day=said["first_day"],
            last_day=said["last_day"],
            alert_percent=said["alert"],
            excluded_funds=frozenset(UUID(number) for number in said["excluded"]),
            shops=SpendingRule(sectors=frozenset(said["sectors"]) or None, sse_only=said["sse_only"]),
        )

    def refuse(self, refused: KoinonError) -> None:
        """Put every finding beside its field."""
        if not isinstance(refused, FindingsError):
            self.add_error(None, refusals.sentences(refused)[0])
            return
        for finding in refused.findings:
            self.add_error(FIELDS.get(finding.column), str(FINDINGS.get(finding.code, finding.message)))


CAMPAIGNS = Table(
    name="campaigns",
    title=gettext_lazy("Bonus campaigns"),
    empty=gettext_lazy("The town has no campaigns yet."),
    columns=[
        Column("name", gettext_lazy("Campaign"), Kind.TEXT, link="campaign", link_to="id"),
        Column("trigger", gettext_lazy("Bonus"), Kind.STATE, words=TRIGGERS),
        Column("state", gettext_lazy("State"), Kind.STATE, words=STATES),
        Column("first_day", gettext_lazy("First day"), Kind.DAY),
        Column("last_day", gettext_lazy("Last day"), Kind.DAY),
        Column("ceiling_minor", gettext_lazy("Ceiling"), Kind.MONEY),
        Column("granted_minor", gettext_lazy("Granted"), Kind.MONEY),
    ],
    source=(
        "SELECT c.id, c.name, c.trigger, c.state, c.first_day, c.last_day, c.ceiling_minor, c.granted_minor"
        " FROM campaigns.campaign AS c WHERE c.town_id = %(town_id)s"
    ),
    sort="-first_day",
)
BONUSES = Table(
    name="campaign-bonuses",
    title=gettext_lazy("Bonuses granted"),
    empty=gettext_lazy("Nobody has got a bonus yet."),
    columns=[
        Column("granted_at", gettext_lazy("When"), Kind.INSTANT),
        Column("party", gettext_lazy("Who"), Kind.PARTY),
        Column("source", gettext_lazy("Payment"), Kind.CODE),
        Column("paid_minor", gettext_lazy("Paid"), Kind.MONEY),
        Column("earning_minor", gettext_lazy("Earned on"), Kind.MONEY),
        Column("amount_minor", gettext_lazy("Bonus"), Kind.MONEY),
        Column("due_back_minor", gettext_lazy("Undone by refunds"), Kind.MONEY),
        Column("undone_minor", pgettext_lazy("units", "Taken back"), Kind.MONEY),
    ],
    source=(
        "SELECT b.id, b.granted_at, b.party, b.source::text AS source, b.paid_minor, b.earning_minor, b.amount_minor,"
        " b.due_back_minor, b.undone_minor FROM campaigns.bonus AS b"
        " WHERE b.town_id = %(town_id)s AND b.campaign_id = %(campaign_id)s"
    ),
    sort="-granted_at",
)


@seen_by(*STAFF)
def campaigns(request: HttpRequest) -> HttpResponse:
    seat = seat_of(request)
    warned = [one for one in queries.campaigns(raw(), town_id=seat.town_id) if _is_warned(one)]
    context = {"campaigns": CAMPAIGNS.read(request), "warned": warned, "may": seat.role}
    return tables.render(request, "koinon/campaigns/list.html", context)


def _is_warned(one: Campaign) -> bool:
    return one.state is CampaignState.RUNNING and one.nearly_spent


@seen_by(Role.OFFICER)
def new(request: HttpRequest) -> HttpResponse:
    seat = seat_of(request)
    form = CampaignForm(request.POST or None, town=seat.town)
    if request.method == "POST" and form.is_valid():
        try:
            with savepoint(conn := raw()):
                drawn = operations.draft(
                    conn, town_id=seat.town_id, code=form.cleaned_data["code"], terms=form.terms(), at=timezone.now(),
                    actor=seat.user.actor,
                )  # fmt: skip
        except KoinonError as refused:
            refusals.note(request, refused)
            form.refuse(refused)
        else:
            messages.success(request, _("The campaign is drawn up. Look at it, and hand it in."))
            return redirect("campaign", campaign=drawn.id)
    return tables.render(request, "koinon/campaigns/form.html", {"form": form, "campaign": None})


@seen_by(Role.OFFICER)
def change(request: HttpRequest, campaign: UUID) -> HttpResponse:
    """The terms of a draft."""
    seat = seat_of(request)
    found = queries.campaign(raw(), town_id=seat.town_id, campaign_id=campaign)
    form = CampaignForm(request.POST or None, town=seat.town, initial=_initial(found, seat.town))
    form.fields["code"].disabled = True
    if request.method == "POST" and form.is_valid():
        try:
            with savepoint(conn := raw()):
                operations.change(
                    conn, town_id=seat.town_id, campaign_id=campaign, terms=form.terms(), at=timezone.now(),
                    actor=seat.user.actor,
                )  # fmt: skip
        except KoinonError as refused:
            refusals.note(request, refused)
            form.refuse(refused)
        else:
            messages.success(request, _("The draft is changed."))
            return redirect("campaign", campaign=campaign)
    return tables.render(request, "koinon/campaigns/form.html", {"form": form, "campaign": found})


def _initial(found: Campaign, town: Town) -> dict[str, Any]:
    terms = found.terms

    def typed(minor: int | None) -> str:
        return f"{Decimal(minor).scaleb(-town.exponent):f}" if minor else ""

    percent = terms.share * 100
    return {
        "name": terms.name, "code": found.code, "trigger": terms.trigger.value, "fund": str(terms.fund_id),
        "share": f"{Decimal(percent.numerator) / Decimal(percent.denominator):f}", "minimum": typed(terms.minimum_minor),
        "most": typed(terms.person_most_minor), "ceiling": typed(terms.ceiling_minor), "first_day": terms.first_day,
        "last_day": terms.last_day, "alert": terms.alert_percent, "excluded": [str(one) for one in terms.excluded_funds],
        "sectors": sorted(terms.shops.sectors or ()), "sse_only": terms.shops.sse_only,
    }  # fmt: skip


@seen_by(*STAFF)
def campaign(request: HttpRequest, campaign: UUID) -> HttpResponse:
    """One campaign: what it promises, how far it has come, what is next."""
    seat = seat_of(request)
    conn = raw()
    found = queries.campaign(conn, town_id=seat.town_id, campaign_id=campaign)
    names = {fund.id: fund.name for fund in programmes.funds(conn, town_id=seat.town_id)}
    context = {
        "campaign": found,
        "terms": found.terms,
        "state": STATES[found.state],
        "trigger": TRIGGERS[found.terms.trigger],
        "fund": names.get(found.terms.fund_id, "–"),
        "excluded": sorted((names.get(one, "–") for one in found.terms.excluded_funds), key=fold),
        "sectors": sorted((words.sector(code) for code in found.terms.shops.sectors or ()), key=fold),
        "width": found.percent_granted * 10,
        "granted": Fraction(found.percent_granted, 100),
        "bonuses": BONUSES.read(request, campaign_id=campaign),
        "may": seat.role,
        "own": seat.user.actor in (found.drafted_by, found.submitted_by),
        "today": _today(seat.town),
        "people": [
            (_("Drawn up"), words.staff_name(found.drafted_by), found.drafted_at),
            (_("Handed in"), words.staff_name(found.submitted_by or ""), found.submitted_at),
            (_("Money released"), words.staff_name(found.approved_by or ""), found.approved_at),
            (_("Ended"), words.staff_name(found.ended_by or ""), found.ended_at),
        ],
    }
    return tables.render(request, "koinon/campaigns/campaign.html", context)


def _today(town: Town) -> date:
    return timezone.now().astimezone(ZoneInfo(town.time_zone)).date()


class ReasonForm(forms.Form):
    """Why something is handed back or stopped."""

    reason = forms.CharField(max_length=200)


def _step(seat: RoleGrant, campaign: UUID) -> dict[str, Any]:
    return {
        "town_id": seat.town_id,
        "campaign_id": campaign,
        "at": timezone.now(),
        "actor": seat.user.actor,
    }


@seen_by(Role.OFFICER)
@require_POST
def submit(request: HttpRequest, campaign: UUID) -> HttpResponse:
    operations.submit(raw(), **_step(seat_of(request), campaign))
    messages.success(request, _("The campaign is handed in. A second person releases its money now."))
    return redirect("campaign", campaign=campaign)


@seen_by(Role.APPROVER)
@require_POST
def release(request: HttpRequest, campaign: UUID) -> HttpResponse:
    operations.release(raw(), **_step(seat_of(request), campaign))
    messages.success(request, _("The money is released. The campaign runs from its first day on."))
    return redirect("campaign", campaign=campaign)


@seen_by(Role.APPROVER)
@require_POST
def hand_back(request: HttpRequest, campaign: UUID) -> HttpResponse:
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say why, so that it can be put right."))
    else:
        operations.hand_back(raw(), **_step(seat_of(request), campaign), reason=form.cleaned_data["reason"])
        messages.success(request, _("The campaign is a draft again."))
    return redirect("campaign", campaign=campaign)


@seen_by(Role.OFFICER, Role.TREASURER)
@require_POST
def end(request: HttpRequest, campaign: UUID) -> HttpResponse:
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say why it ends."))
    else:
        done = operations.end(raw(), **_step(seat_of(request), campaign), reason=form.cleaned_data["reason"])
        if done.state is CampaignState.ENDED:
            messages.success(request, _("The campaign has ended. What was left went back to its fund's reserve."))
        else:
            messages.success(request, _("The campaign is cancelled."))
    return redirect("campaign", campaign=campaign)
