"""The coordinator's pages: what waits, the code at the place, people without a telephone, time banks. Made for a phone."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from koinon.coproduction import activities, certificates, codes, contributions, queries, rules, timebank
from koinon.coproduction.streams import STREAM_NAMES
from koinon.coproduction.types import (
    Activity,
    ActivityTerms,
    BankTerms,
    Cap,
    Contribution,
    Expected,
    Measure,
    Period,
    Rate,
    State,
)
from koinon.db.statements import statement
from koinon.db.transactions import savepoint
from koinon.documents import qr
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import id_for_key, new_id
from koinon.kernel.money import to_decimal
from koinon.parties.connection import raw
from koinon.parties.models import Role, Town, Zone
from koinon.parties.rules import LOOKUP_KINDS
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.programmes import queries as programmes
from koinon.web import certifying, doing, names, paper, refusals, tables
from koinon.web.access import seat_of, seen_by
from koinon.web.forms import AmountField
from koinon.web.tables import Column, Kind, Table
from koinon.web.views.contributing import PeriodForm

SHOWN = 60

CONTRIBUTIONS = Table(
    name="contributions",
    title=gettext_lazy("What residents did"),
    source=statement("koinon.coproduction", "contributions_listed"),
    columns=[
        Column("id", gettext_lazy("Contribution"), Kind.CODE, link="contribution"),
        Column("party", gettext_lazy("Whose"), Kind.PARTY),
        Column("activity", gettext_lazy("Activity")),
        Column("stream", gettext_lazy("What"), words=STREAM_NAMES),
        Column("day", gettext_lazy("Day"), Kind.DAY),
        Column(
            "said", gettext_lazy("Quantity"), value=lambda row: doing.plain_quantity(row["quantity"], row["measure"])
        ),
        Column("measure", gettext_lazy("Counted in"), words=doing.MEASURES),
        Column("quantity", gettext_lazy("Minutes, grams or sessions"), Kind.NUMBER, hidden=True),
        Column("state", gettext_lazy("State"), Kind.STATE, words=doing.STATES),
        Column("reward_minor", gettext_lazy("Earned"), Kind.MONEY),
        Column("taken_back", gettext_lazy("Came back"), Kind.MONEY, hidden=True),
        Column("registered_at", gettext_lazy("Registered"), Kind.INSTANT, hidden=True),
        Column("verified_at", gettext_lazy("Verified on"), Kind.INSTANT, hidden=True),
    ],
    sort="-day",
)


def _today(town: Town) -> date:
    return timezone.now().astimezone(ZoneInfo(town.time_zone)).date()


def _refused(request: HttpRequest, form: forms.Form, field: str | None, refused: KoinonError) -> None:
    refusals.note(request, refused)
    form.add_error(field, refusals.sentences(refused)[0])


# --- What waits -----------------------------------------------------------------------------------


@seen_by(Role.COORDINATOR, Role.OFFICER)
def overview(request: HttpRequest) -> HttpResponse:
    """What waits for a coordinator, and every activity."""
    grant = seat_of(request)
    conn = raw()
    waits = queries.waiting(conn, town_id=grant.town_id)
    today = _today(grant.town)
    context = {
        "waiting": waits,
        "activities": queries.activities(conn, town_id=grant.town_id),
        "totals": queries.totals(conn, town_id=grant.town_id, first_day=rules.month_of(today)[0], last_day=today),
        "month": today,
        "may_verify": grant.role == Role.COORDINATOR,
    }
    return render(request, "koinon/activities/overview.html", context)


@seen_by(Role.COORDINATOR)
@require_POST
def verify_many(request: HttpRequest) -> HttpResponse:
    """What was picked: first what verifying it would do, then, when that was seen, doing it."""
    grant = seat_of(request)
    conn = raw()
    picked = _picked(request)
    if not picked:
        messages.error(request, _("Choose at least one line."))
        return redirect("activities")
    if "sure" not in request.POST:
        lines = [_previewed(grant.town, each) for each in picked]
        context = {"lines": lines, "total": sum(line["minor"] for line in lines)}
        return render(request, "koinon/activities/preview.html", context)
    outcomes = contributions.verify_many(
        conn, town_id=grant.town_id, contribution_ids=picked, actor=grant.user.actor, at=timezone.now()
    )
    done = [each.contribution for each in outcomes if each.contribution is not None]
    for refused in (each.refused for each in outcomes if each.refused is not None):
        refusals.note(request, refused)
        messages.error(request, refusals.sentences(refused)[0])
    if done:
        paid = sum(each.reward_minor or 0 for each in done)
        messages.success(
            request,
            _("%(count)s verified, %(amount)s paid.") % {"count": len(done), "amount": doing.money(paid, grant.town)},
        )
    return redirect("activities")


def _picked(request: HttpRequest) -> list[UUID]:
    found = []
    for text in request.POST.getlist("pick")[:500]:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found


def _previewed(town: Town, contribution_id: UUID) -> dict[str, Any]:
    """What verifying a contribution would do. Lines of one person share a cap: together they may earn less."""
    conn = raw()
    found = queries.contribution(conn, town_id=town.pk, contribution_id=contribution_id)
    expected = _expected(town, found)
    first = found.needs_second and found.state == State.REGISTERED
    return {
        "found": found,
        "reward": expected.reward,
        "minor": 0 if first or _earns_hours(town, found) else expected.reward.minor,
        "first": first,
        "hours": _earns_hours(town, found),
    }


def _earns_hours(town: Town, found: Contribution) -> bool:
    return queries.activity(raw(), town_id=town.pk, activity_id=found.activity_id).bank_id is not None


def _expected(town: Town, found: Contribution) -> Expected:
    conn = raw()
    activity = queries.activity(conn, town_id=town.pk, activity_id=found.activity_id)
    return contributions.expected(
        conn, town_id=town.pk, activity=activity, party=found.party, stream=found.stream, quantity=found.quantity,
        day=found.day,
    )  # fmt: skip


@seen_by(Role.COORDINATOR, Role.OFFICER, Role.AUDITOR)
def listed(request: HttpRequest) -> HttpResponse:
    """Everything residents did, to filter, sort and take along."""
    return tables.render(request, "koinon/activities/list.html", {"listed": CONTRIBUTIONS.read(request)})


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Why"), max_length=200, help_text=gettext_lazy("A few words, nothing about the person.")
    )


class CorrectForm(ReasonForm):
    """The right quantity; ``form_id`` makes sending it twice harmless."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)
    field_order = ("form_id", "quantity", "reason")

    def __init__(self, *args: Any, measure: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["quantity"] = doing.QuantityField(
            measure=measure, label=gettext_lazy("The right quantity"), help_text=doing.EXAMPLES[measure]
        )
        self.order_fields(self.field_order)


@seen_by(Role.COORDINATOR, Role.OFFICER, Role.AUDITOR)
def contribution(request: HttpRequest, contribution: UUID) -> HttpResponse:
    """One contribution: what it is worth, who has seen it, and what can be done about it."""
    grant = seat_of(request)
    conn = raw()
    found = queries.contribution(conn, town_id=grant.town_id, contribution_id=contribution)
    what = request.POST.get("do", "")
    reason = ReasonForm(request.POST if what in ("reject", "undo") else None, prefix="why")
    correction = CorrectForm(
        request.POST if what == "correct" else None, measure=found.measure, initial={"form_id": new_id()}
    )
    if request.method == "POST" and grant.role == Role.COORDINATOR:
        done = _decide(request, found, what, reason, correction)
        if done is not None:
            return done
    waits = found.state in (State.REGISTERED, State.CONFIRMED)
    context = {
        "found": found,
        "name": names.called(request, [found.party])[found.party],
        "expected": _expected(grant.town, found) if waits else None,
        "earns_hours": _earns_hours(grant.town, found),
        "waits": waits,
        "reason": reason,
        "correction": correction,
        "may_verify": grant.role == Role.COORDINATOR,
    }
    return render(request, "koinon/activities/contribution.html", context)


def _decide(
    request: HttpRequest, found: Contribution, what: str, reason: ReasonForm, correction: CorrectForm
) -> HttpResponse | None:
    grant = seat_of(request)
    how: dict[str, Any] = {
        "town_id": grant.town_id, "contribution_id": found.id, "actor": grant.user.actor, "at": timezone.now(),
    }  # fmt: skip
    form: forms.Form = correction if what == "correct" else reason
    try:
        with savepoint(raw()):
            if what == "verify":
                done = contributions.verify(raw(), **how)
            elif what == "reject" and reason.is_valid():
                done = contributions.reject(raw(), reason=reason.cleaned_data["reason"], **how)
            elif what == "undo" and reason.is_valid():
                done = contributions.undo(raw(), reason=reason.cleaned_data["reason"], **how)
            elif what == "correct" and correction.is_valid():
                done = contributions.correct(
                    raw(),
                    quantity=correction.cleaned_data["quantity"],
                    reason=correction.cleaned_data["reason"],
                    new_id=id_for_key("web:correct", str(correction.cleaned_data["form_id"])),
                    **how,
                )
            else:
                return None
    except KoinonError as refused:
        if what == "verify":
            raise
        _refused(request, form, None, refused)
        return None
    _say(request, grant.town, done)
    return redirect("contribution", contribution=done.id)


def _say(request: HttpRequest, town: Town, done: Contribution) -> None:
    """What came of it, in one sentence."""
    if done.state == State.CONFIRMED:
        messages.success(request, _("Confirmed. A second coordinator verifies it, because it is much."))
    elif done.state == State.VERIFIED:
        earned = doing.earned(done, town)
        messages.success(
            request, _("Verified: %(amount)s.") % {"amount": earned} if earned else _("Verified. It earns no more.")
        )
    elif done.state == State.UNDONE:
        messages.success(request, _("Undone. What was still there went back."))
    else:
        messages.success(request, _("Not accepted. Nothing was paid."))


# --- An activity ----------------------------------------------------------------------------------


class OccasionForm(forms.Form):
    """Where, and for how long."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)
    place = forms.CharField(label=gettext_lazy("Place"), max_length=120, required=False)
    hours = forms.TypedChoiceField(
        label=gettext_lazy("Open for"),
        coerce=int,
        choices=[
            (2, gettext_lazy("two hours")),
            (4, gettext_lazy("four hours")),
            (10, gettext_lazy("the whole day")),
            (7 * 24, gettext_lazy("a week")),
            (31 * 24, gettext_lazy("a month")),
        ],
    )


class RateForm(forms.Form):
    """What a stream earns from a day on."""

    from_day = forms.DateField(
        label=gettext_lazy("From"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    source = forms.CharField(label=gettext_lazy("Decided by"), max_length=200, required=False)
    field_order = ("stream", "pays", "per", "from_day", "source")

    def __init__(self, *args: Any, activity: Activity, exponent: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if activity.measure == "kilogram":
            self.fields["stream"] = forms.ChoiceField(
                label=gettext_lazy("What is brought"), choices=list(STREAM_NAMES.items())
            )
        self.fields["pays"] = AmountField(exponent=exponent, label=gettext_lazy("Pays"))
        self.fields["per"] = doing.QuantityField(
            measure=activity.measure, label=gettext_lazy("For"), help_text=doing.EXAMPLES[activity.measure]
        )
        self.order_fields(self.field_order)


class CapForm(forms.Form):
    """The most one person is rewarded for."""

    period = forms.ChoiceField(label=gettext_lazy("In"), choices=list(doing.PERIODS.items()))
    from_day = forms.DateField(
        label=gettext_lazy("From"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    source = forms.CharField(label=gettext_lazy("Decided by"), max_length=200, required=False)
    field_order = ("period", "quantity", "amount", "from_day", "source")

    def __init__(self, *args: Any, activity: Activity, exponent: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["quantity"] = doing.QuantityField(
            measure=activity.measure, label=gettext_lazy("At most"), required=False,
            help_text=doing.EXAMPLES[activity.measure],
        )  # fmt: skip
        self.fields["amount"] = AmountField(
            exponent=exponent, label=gettext_lazy("Or at most this amount"), required=False
        )
        self.order_fields(self.field_order)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors and cleaned.get("quantity") is None and cleaned.get("amount") is None:
            self.add_error("quantity", _("Write a quantity or an amount."))
        return cleaned


@seen_by(Role.COORDINATOR, Role.OFFICER)
def activity(request: HttpRequest, activity: UUID) -> HttpResponse:
    """What it earns, where it takes place, and what waits."""
    grant = seat_of(request)
    conn = raw()
    found = queries.activity(conn, town_id=grant.town_id, activity_id=activity)
    officer = grant.role == Role.OFFICER
    what, now, today = request.POST.get("do", ""), timezone.now(), _today(grant.town)
    opening = OccasionForm(
        request.POST if what == "open" else None, initial={"form_id": new_id(), "place": found.place, "hours": 4}
    )
    how: dict[str, Any] = {"activity": found, "exponent": grant.town.exponent, "initial": {"from_day": today}}
    rate = RateForm(request.POST if what == "rate" else None, prefix="rate", **how)
    cap = CapForm(request.POST if what == "cap" else None, prefix="cap", **how)
    if request.method == "POST":
        done = None
        if what == "open" and not officer and opening.is_valid():
            done = _open(request, found, opening, now)
        elif what == "rate" and officer and rate.is_valid():
            done = _set_rate(request, found, rate)
        elif what == "cap" and officer and cap.is_valid():
            done = _set_cap(request, found, cap)
        if done is not None:
            return done
    context = {
        "activity": found,
        "fund": programmes.fund(conn, town_id=grant.town_id, fund_id=found.fund_id) if found.fund_id else None,
        "bank": queries.time_bank(conn, town_id=grant.town_id, bank_id=found.bank_id) if found.bank_id else None,
        "rates": queries.rates(conn, town_id=grant.town_id, activity_id=activity),
        "caps": queries.caps(conn, town_id=grant.town_id, activity_id=activity),
        "occasions": queries.occasions(conn, town_id=grant.town_id, activity_id=activity, limit=10),
        "recent": queries.contributions(conn, town_id=grant.town_id, activity_id=activity, limit=15),
        "now": now,
        "opening": opening,
        "rate_form": rate,
        "cap_form": cap,
        "may_verify": not officer,
        "may_set": officer,
    }
    return render(request, "koinon/activities/activity.html", context)


def _open(request: HttpRequest, found: Activity, form: OccasionForm, now: datetime) -> HttpResponse | None:
    grant = seat_of(request)
    occasion = activities.open_occasion(
        raw(),
        town_id=grant.town_id,
        occasion_id=id_for_key(f"web:occasion:{grant.pk}", str(form.cleaned_data["form_id"])),
        activity_id=found.id,
        place=form.cleaned_data["place"],
        opens_at=now,
        closes_at=now + timedelta(hours=form.cleaned_data["hours"]),
        actor=grant.user.actor,
        at=now,
    )
    return redirect("occasion", occasion=occasion.id)


def _set_rate(request: HttpRequest, found: Activity, form: RateForm) -> HttpResponse | None:
    grant = seat_of(request)
    said = form.cleaned_data
    try:
        with savepoint(raw()):
            activities.set_rate(
                raw(),
                town_id=grant.town_id,
                activity_id=found.id,
                rate=Rate(said.get("stream", ""), said["from_day"], said["pays"], said["per"], said["source"]),
                actor=grant.user.actor,
                at=timezone.now(),
            )
    except KoinonError as refused:
        _refused(request, form, "from_day", refused)
        return None
    messages.success(request, _("The rate is set."))
    return redirect("activity", activity=found.id)


def _set_cap(request: HttpRequest, found: Activity, form: CapForm) -> HttpResponse | None:
    grant = seat_of(request)
    said = form.cleaned_data
    try:
        with savepoint(raw()):
            activities.set_cap(
                raw(),
                town_id=grant.town_id,
                activity_id=found.id,
                cap=Cap("", Period(said["period"]), said["from_day"], said["quantity"], said["amount"], said["source"]),
                actor=grant.user.actor,
                at=timezone.now(),
            )
    except KoinonError as refused:
        _refused(request, form, "from_day", refused)
        return None
    messages.success(request, _("The limit is set."))
    return redirect("activity", activity=found.id)


class ActivityForm(forms.Form):
    """An activity: what it counts and where its reward comes from stay as they began."""

    code = forms.SlugField(
        label=gettext_lazy("Short code"), max_length=40, help_text=gettext_lazy("Small letters, digits and dashes.")
    )
    name = forms.CharField(label=gettext_lazy("What people call it"), max_length=120)
    measure = forms.ChoiceField(label=gettext_lazy("Counts"), choices=list(doing.MEASURES.items()))
    pays = forms.ChoiceField(label=gettext_lazy("Paid from"))
    place = forms.CharField(label=gettext_lazy("Place"), max_length=120, required=False)
    zones = forms.MultipleChoiceField(
        label=gettext_lazy("Only for residents of"),
        help_text=gettext_lazy("Nothing chosen: for all."),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    first_day = forms.DateField(
        label=gettext_lazy("First day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    last_day = forms.DateField(
        label=gettext_lazy("Last day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    second_above = forms.CharField(
        label=gettext_lazy("Two coordinators above"),
        help_text=gettext_lazy("A quantity, such as 25 kilograms or 8:00 hours; empty: one is enough."),
        max_length=16,
        required=False,
    )

    def __init__(self, *args: Any, town: Town, known: Activity | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        conn = raw()
        funds = [(f"fund:{fund.id}", fund.name) for fund in programmes.funds(conn, town_id=town.pk)]
        banks = [(f"bank:{bank.code}", bank.name) for bank in queries.time_banks(conn, town_id=town.pk)]
        pays = [*funds, *banks, ("", _("nothing: a certificate only"))]
        self.fields["pays"].choices = pays  # type: ignore[attr-defined]
        self.fields["pays"].required = False
        self.fields["zones"].choices = Zone.objects.filter(town=town).order_by("name").values_list("code", "name")  # type: ignore[attr-defined]
        self.fields["budget"] = AmountField(
            exponent=town.exponent, label=gettext_lazy("Budget"), help_text=gettext_lazy("Empty: the fund's alone."),
            required=False,
        )  # fmt: skip
        if known is not None:
            for fixed in ("code", "measure", "pays"):
                del self.fields[fixed]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, last = cleaned.get("first_day"), cleaned.get("last_day")
        if first and last and last < first:
            self.add_error("last_day", _("The last day comes before the first."))
        return cleaned


@seen_by(Role.OFFICER)
def new_activity(request: HttpRequest) -> HttpResponse:
    """Begin an activity."""
    grant = seat_of(request)
    form = ActivityForm(request.POST or None, town=grant.town)
    if request.method == "POST" and form.is_valid() and (done := _put(request, form, None)):
        return done
    return render(request, "koinon/activities/change.html", {"form": form})


@seen_by(Role.OFFICER)
def change_activity(request: HttpRequest, activity: UUID) -> HttpResponse:
    """Change an activity's name, place, days, neighbourhoods, threshold or budget."""
    grant = seat_of(request)
    found = queries.activity(raw(), town_id=grant.town_id, activity_id=activity)
    initial = {
        "name": found.name,
        "place": found.place,
        "zones": found.zones,
        "first_day": found.first_day,
        "last_day": found.last_day,
        "second_above": "" if found.second_above is None else doing.plain_quantity(found.second_above, found.measure),
        "budget": "" if found.budget_minor is None else to_decimal(found.budget_minor, grant.town.exponent),
    }
    form = ActivityForm(request.POST or None, town=grant.town, known=found, initial=initial)
    if request.method == "POST" and form.is_valid() and (done := _put(request, form, found)):
        return done
    return render(request, "koinon/activities/change.html", {"form": form, "activity": found})


def _put(request: HttpRequest, form: ActivityForm, known: Activity | None) -> HttpResponse | None:
    grant, said = seat_of(request), form.cleaned_data
    conn = raw()
    measure = Measure(known.measure if known else said["measure"])
    kind, _colon, which = ("", "", "") if known else said["pays"].partition(":")
    bank = which if kind == "bank" else ""
    if known is not None and known.bank_id is not None:
        bank = queries.time_bank(conn, town_id=grant.town_id, bank_id=known.bank_id).code
    if bank and measure is not Measure.HOUR:
        form.add_error("pays", _("A time bank credits hours only."))
        return None
    try:
        second = doing.typed_quantity(said["second_above"], measure) if said["second_above"] else None
    except ValueError:
        form.add_error("second_above", doing.HOW_TO_WRITE[measure])
        return None
    terms = ActivityTerms(
        code=known.code if known else said["code"].lower(),
        name=said["name"],
        measure=measure,
        fund_id=known.fund_id if known else UUID(which) if kind == "fund" else None,
        bank=bank,
        place=said["place"],
        zones=tuple(said["zones"]),
        first_day=said["first_day"],
        last_day=said["last_day"],
        second_above=second,
        budget_minor=said["budget"],
    )
    try:
        with savepoint(conn):
            done = activities.put_activity(
                conn, town_id=grant.town_id, terms=terms, actor=grant.user.actor, at=timezone.now()
            )
    except KoinonError as refused:
        _refused(request, form, None, refused)
        return None
    messages.success(request, _("The activity is set."))
    return redirect("activity", activity=done.id)


# --- The code at the place ------------------------------------------------------------------------


@seen_by(Role.COORDINATOR)
def occasion(request: HttpRequest, occasion: UUID) -> HttpResponse:
    """The code, as large as a phone shows it, and who has registered by it."""
    grant = seat_of(request)
    conn = raw()
    found = queries.occasion(conn, town_id=grant.town_id, occasion_id=occasion)
    address = _address(request, occasion)
    context = {
        "occasion": found,
        "is_open": found.is_open(timezone.now()),
        "svg": _of_any_size(qr.svg(address)),
        "address": address,
        "registered": queries.contributions(conn, town_id=grant.town_id, occasion_id=occasion, limit=SHOWN),
    }
    return render(request, "koinon/activities/occasion.html", context)


def _of_any_size(svg: str) -> str:
    """The same picture, as wide as its place on the page."""
    return re.sub(r'width="([0-9.]+)" height="([0-9.]+)"', r'viewBox="0 0 \1 \2"', svg, count=1)


def _address(request: HttpRequest, occasion: UUID) -> str:
    return request.build_absolute_uri(reverse("join", args=[codes.token(Secrets.load(), codes.OCCASION, occasion)]))


@seen_by(Role.COORDINATOR)
def poster(request: HttpRequest, occasion: UUID) -> HttpResponse:
    """The code on paper, to hang up at the place."""
    grant = seat_of(request)
    found = queries.occasion(raw(), town_id=grant.town_id, occasion_id=occasion)
    return paper.answer(certifying.poster(grant.town, found, _address(request, occasion)), "code")


@seen_by(Role.COORDINATOR)
@require_POST
def close_occasion(request: HttpRequest, occasion: UUID) -> HttpResponse:
    grant = seat_of(request)
    activities.close_occasion(
        raw(), town_id=grant.town_id, occasion_id=occasion, actor=grant.user.actor, at=timezone.now()
    )
    messages.success(request, _("Closed. The code is worth nothing any more."))
    return redirect("occasion", occasion=occasion)


# --- People without a telephone -------------------------------------------------------------------


class FindForm(forms.Form):
    """Whom the coordinator has before them. What is typed travels in no address."""

    who = forms.CharField(
        label=gettext_lazy("Identity number, telephone or e-mail"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "ltr"}),
    )


@seen_by(Role.COORDINATOR)
def find(request: HttpRequest) -> HttpResponse:
    """Find somebody by what they show or say; that it was looked up is recorded. Their name is shown by right alone."""
    grant = seat_of(request)
    form = FindForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        vault = Vault(raw(), Secrets.load())
        kinds = [kind for kind in LOOKUP_KINDS if kind != "iban"]
        said = form.cleaned_data["who"]
        for kind in kinds:
            party = vault.find(grant.town_id, kind, said)
            if party is None:
                continue
            vault.reveal([party], [kind], actor=grant.user.actor, reason="page:activities-find", at=timezone.now())
            return redirect("activities-person", party=party)
        form.add_error("who", _("Nobody is found by this, or several are."))
    return render(request, "koinon/activities/find.html", {"form": form})


class RecordForm(forms.Form):
    """What somebody did, told by a coordinator who saw it."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)
    day = forms.DateField(label=gettext_lazy("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    field_order = ("form_id", "stream", "quantity", "day")

    def __init__(self, *args: Any, activity: Activity, streams: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if streams and streams != ("",):
            self.fields["stream"] = forms.ChoiceField(
                label=gettext_lazy("What was brought"), choices=doing.stream_choices(list(streams))
            )
        self.fields["quantity"] = doing.QuantityField(
            measure=activity.measure, label=gettext_lazy("How much"), help_text=doing.EXAMPLES[activity.measure]
        )
        self.order_fields(self.field_order)


@seen_by(Role.COORDINATOR)
def person(request: HttpRequest, party: UUID) -> HttpResponse:
    """Somebody at the place: choose what they did, see what they have done, print a certificate, join a time bank."""
    grant = seat_of(request)
    conn = raw()
    queries.payee(conn, town_id=grant.town_id, party=party)
    mine = queries.memberships(conn, town_id=grant.town_id, party=party)
    today = _today(grant.town)
    initial = {"first_day": (today - timedelta(days=365)).isoformat(), "last_day": today.isoformat()}
    period = PeriodForm(request.POST or None, initial=initial)
    if request.method == "POST" and period.is_valid():
        issued = certificates.issue(
            conn, town_id=grant.town_id, certificate_id=new_id(), party=party, actor=grant.user.actor, at=timezone.now(),
            first_day=period.cleaned_data["first_day"], last_day=period.cleaned_data["last_day"],
        )  # fmt: skip
        called = names.called(request, [party], names=True)[party]
        name = called.text if called.is_name else ""
        return paper.answer(certifying.printed(request, grant.town, issued, name=name), "certificate")
    context = {
        "party": party,
        "name": names.called(request, [party])[party],
        "activities": queries.activities(conn, town_id=grant.town_id),
        "found": queries.contributions(conn, town_id=grant.town_id, payee=party, limit=15),
        "members": mine,
        "banks": [
            bank
            for bank in queries.time_banks(conn, town_id=grant.town_id)
            if bank.id not in {one.bank_id for one in mine}
        ],
        "period": period,
    }
    return render(request, "koinon/activities/person.html", context)


@seen_by(Role.COORDINATOR)
def record(request: HttpRequest, party: UUID, activity: UUID) -> HttpResponse:
    """Write down what somebody did; who saw it verifies it in the same breath."""
    grant = seat_of(request)
    conn = raw()
    found = queries.activity(conn, town_id=grant.town_id, activity_id=activity)
    today = _today(grant.town)
    rates = queries.rates(conn, town_id=grant.town_id, activity_id=activity)
    streams = queries.streams_on(found, rates, today)
    form = RecordForm(
        request.POST or None, activity=found, streams=streams, initial={"form_id": new_id(), "day": today}
    )
    if request.method == "POST" and form.is_valid():
        try:
            with savepoint(conn):
                done = contributions.record_for(
                    conn,
                    town_id=grant.town_id,
                    contribution_id=id_for_key(f"web:record:{grant.pk}", str(form.cleaned_data["form_id"])),
                    activity_id=activity,
                    party=party,
                    stream=form.cleaned_data.get("stream", ""),
                    quantity=form.cleaned_data["quantity"],
                    day=form.cleaned_data["day"],
                    actor=grant.user.actor,
                    at=timezone.now(),
                )
        except KoinonError as refused:
            _refused(request, form, None, refused)
        else:
            _say(request, grant.town, done)
            return redirect("contribution", contribution=done.id)
    left = [
        each
        for stream in streams[:1]
        for each in queries.caps_left(
            conn, town_id=grant.town_id, activity=found, party=party, stream=stream, day=today
        )
    ]
    context = {
        "activity": found,
        "party": party,
        "name": names.called(request, [party])[party],
        "form": form,
        "rates": [known for stream in streams if (known := rules.rate_on(rates, stream=stream, day=today))],
        "caps": left,
    }
    return render(request, "koinon/activities/record.html", context)


# --- Time banks -----------------------------------------------------------------------------------


class BankForm(forms.Form):
    """A time bank; what is set of it later holds for new members."""

    code = forms.SlugField(
        label=gettext_lazy("Short code"), max_length=40, help_text=gettext_lazy("Small letters, digits and dashes.")
    )
    name = forms.CharField(label=gettext_lazy("What people call it"), max_length=120)
    unit = forms.RegexField(
        r"^[A-Z][A-Z0-9]{1,11}$",
        label=gettext_lazy("Unit"),
        help_text=gettext_lazy("A code of its own in capital letters, such as HOURS."),
    )
    credit_limit = doing.QuantityField(measure="hour", label=gettext_lazy("A new member may owe"), initial="10:00")
    most = doing.QuantityField(measure="hour", label=gettext_lazy("And have"), initial="40:00")


@seen_by(Role.OFFICER)
def new_time_bank(request: HttpRequest) -> HttpResponse:
    """Found a time bank; with the code of one that is there, change its name and the limits of new members."""
    grant = seat_of(request)
    form = BankForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        terms = BankTerms(said["code"].lower(), said["name"], said["unit"], said["credit_limit"], said["most"])
        try:
            with savepoint(raw()):
                timebank.found_bank(
                    raw(), town_id=grant.town_id, terms=terms, actor=grant.user.actor, at=timezone.now()
                )
        except KoinonError as refused:
            _refused(request, form, "unit", refused)
        else:
            messages.success(request, _("The time bank is set."))
            return redirect("time-banks")
    return render(request, "koinon/activities/new_time_bank.html", {"form": form})


@seen_by(Role.COORDINATOR)
@require_POST
def leave_time_bank(request: HttpRequest, bank: UUID, party: UUID) -> HttpResponse:
    grant = seat_of(request)
    timebank.leave(raw(), town_id=grant.town_id, bank_id=bank, party=party, actor=grant.user.actor, at=timezone.now())
    messages.success(request, _("They have left the time bank."))
    return redirect("activities-person", party=party)


@seen_by(Role.COORDINATOR, Role.OFFICER)
def time_banks(request: HttpRequest) -> HttpResponse:
    grant = seat_of(request)
    return render(
        request,
        "koinon/activities/time_banks.html",
        {"banks": queries.time_banks(raw(), town_id=grant.town_id), "may_set": grant.role == Role.OFFICER},
    )


class ExchangeForm(forms.Form):
    """Time that one member gave another, told by both to a coordinator."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)
    giver = forms.CharField(
        label=gettext_lazy("Who gave time"), max_length=12,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "dir": "ltr"}),
    )  # fmt: skip
    receiver = forms.CharField(
        label=gettext_lazy("Who received it"), max_length=12,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "dir": "ltr"}),
    )  # fmt: skip
    minutes = doing.QuantityField(measure="hour", label=gettext_lazy("How long"), help_text=doing.EXAMPLES["hour"])


@seen_by(Role.COORDINATOR)
def time_bank(request: HttpRequest, bank: UUID) -> HttpResponse:
    """Members by number, what they have, and what was exchanged."""
    grant = seat_of(request)
    conn = raw()
    found = queries.time_bank(conn, town_id=grant.town_id, bank_id=bank)
    form = ExchangeForm(request.POST or None, initial={"form_id": new_id()})
    if request.method == "POST" and form.is_valid():
        try:
            with savepoint(conn):
                giver, receiver = (
                    queries.member_by_number(conn, town_id=grant.town_id, bank_id=bank, said=form.cleaned_data[name])
                    for name in ("giver", "receiver")
                )
                timebank.exchange(
                    conn,
                    town_id=grant.town_id,
                    exchange_id=id_for_key(f"web:exchange:{grant.pk}", str(form.cleaned_data["form_id"])),
                    bank_id=bank,
                    payer=receiver.party,
                    payee=giver.party,
                    minutes=form.cleaned_data["minutes"],
                    actor=grant.user.actor,
                    at=timezone.now(),
                )
        except KoinonError as refused:
            _refused(request, form, None, refused)
        else:
            messages.success(request, _("It is written down."))
            return redirect("time-bank", bank=bank)
    context = {
        "bank": found,
        "members": queries.members(conn, town_id=grant.town_id, bank_id=bank),
        "exchanges": queries.exchanges(conn, town_id=grant.town_id, bank_id=bank, limit=40),
        "form": form,
    }
    return render(request, "koinon/activities/time_bank.html", context)


@seen_by(Role.COORDINATOR)
@require_POST
def join_time_bank(request: HttpRequest, bank: UUID, party: UUID) -> HttpResponse:
    grant = seat_of(request)
    member = timebank.join(
        raw(), town_id=grant.town_id, bank_id=bank, party=party, actor=grant.user.actor, at=timezone.now()
    )
    messages.success(request, _("Welcome, member %(number)s.") % {"number": member.shown_number})
    return redirect("activities-person", party=party)


@seen_by(Role.COORDINATOR)
def exchange(request: HttpRequest, exchange: UUID) -> HttpResponse:
    """One exchange, and taking it back."""
    grant = seat_of(request)
    conn = raw()
    found = queries.exchange(conn, town_id=grant.town_id, exchange_id=exchange)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            with savepoint(conn):
                timebank.undo_exchange(
                    conn, town_id=grant.town_id, exchange_id=exchange, reason=form.cleaned_data["reason"],
                    actor=grant.user.actor, at=timezone.now(),
                )  # fmt: skip
        except KoinonError as refused:
            _refused(request, form, "reason", refused)
        else:
            messages.success(request, _("Taken back."))
            return redirect("time-bank", bank=found.bank_id)
    return render(request, "koinon/activities/exchange.html", {"found": found, "form": form})
