"""Who gets what: a programme's rules in words, one household's line with its facts, exceptions, possible duplicates."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
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
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from koinon.kernel.identifiers import new_id
from koinon.kernel.periods import Month
from koinon.parties.connection import raw
from koinon.parties.models import Role, Zone
from koinon.parties.secrets import Secrets
from koinon.programmes import excepting, preparing, queries, twins
from koinon.programmes.eligibility import EVERYBODY
from koinon.programmes.errors import HouseholdNotFound
from koinon.programmes.preparing import Line
from koinon.programmes.types import ExceptionView
from koinon.web import formats, names, tables, words
from koinon.web.access import seat_of, seen_by
from koinon.web.aid import DUPLICATE_STATES, EXCEPTION_KINDS, EXCEPTION_STATES, Speaker, Told, likeness
from koinon.web.forms import AmountField
from koinon.web.tables import Column, Kind, Table

DECISIONS: dict[str, Any] = {
    "due": gettext_lazy("Gets it"),
    "waiting": gettext_lazy("Waiting list"),
    "refused": gettext_lazy("Gets nothing"),
    "": gettext_lazy("Not on the list"),
}


def speaker(request: HttpRequest) -> Speaker:
    town = seat_of(request).town
    return Speaker(town, dict(Zone.objects.filter(town=town).values_list("code", "name")))


def _this_month(request: HttpRequest) -> Month:
    return Month.of(timezone.now().astimezone(ZoneInfo(seat_of(request).town.time_zone)).date())


def _month_asked(request: HttpRequest) -> Month:
    try:
        return Month.parse(request.GET.get("month", ""))
    except ValueError:
        return _this_month(request)


def _for(request: HttpRequest, table: Table) -> Table:
    """The table as this reader can follow it: the directory is the officer's."""
    if seat_of(request).role == Role.OFFICER:
        return table
    return replace(table, columns=[replace(column, link="") for column in table.columns])


# --- Rules ----------------------------------------------------------------------------------------

TRIED = Table(
    name="aid-tried",
    title=gettext_lazy("What the rules would decide today"),
    hint=gettext_lazy("Nothing is written. Preparing the month decides anew and keeps the answer."),
    columns=[
        Column("party", gettext_lazy("Household"), Kind.PARTY, link="office-household"),
        Column("state", gettext_lazy("Answer"), Kind.STATE, words=DECISIONS),
        Column("amount_minor", gettext_lazy("Amount"), Kind.MONEY),
        Column("place", gettext_lazy("Place"), Kind.NUMBER),
        Column("score", gettext_lazy("Points"), Kind.NUMBER, hidden=True),
        Column("reasons", gettext_lazy("Reason")),
    ],
    key="party",
    sort="party",
)


def _row(line: Line) -> dict[str, Any]:
    return {
        "party": line.party_id,
        "state": line.state,
        "amount_minor": line.amount_minor,
        "place": line.snapshot.get("place"),
        "score": line.snapshot.get("score"),
        "reasons": "" if line.state == "due" else " ".join(words.ground(ground) for ground in line.grounds),
    }


@seen_by(Role.OFFICER, Role.APPROVER)
def rules(request: HttpRequest, programme: UUID) -> HttpResponse:
    """A programme's rules in words, and with ``?try=1`` what they would decide for a month."""
    town = seat_of(request).town
    found = queries.programme(raw(), town_id=town.pk, programme_id=programme)
    said, terms = speaker(request), found.terms
    month = _month_asked(request)
    context: dict[str, Any] = {
        "programme": found,
        "terms": terms,
        "fund": queries.fund(raw(), town_id=town.pk, fund_id=found.fund_id),
        "whom": [said.condition(terms.eligibility)],
        "everybody": terms.eligibility == EVERYBODY,
        "rows": said.rows(terms.amounts),
        "formula": said.formula(terms.amounts),
        "points": [said.points(entry) for entry in terms.waiting.score] if terms.waiting else [],
        "month": month,
        "months": _months(month, _this_month(request)),
        "trying": request.GET.get("try") == "1",
    }
    if context["trying"]:
        lines = preparing.preview(raw(), town_id=town.pk, programme_id=programme, month=month)
        counted = Counter(line.state for line in lines)
        context |= {
            "due": counted["due"],
            "waiting": counted["waiting"],
            "refused": counted["refused"],
            "total": sum(line.amount_minor for line in lines),
            "listing": _for(request, TRIED).read(request, [_row(line) for line in lines]),
        }
    return tables.render(request, "koinon/aid/rules.html", context)


def _months(chosen: Month, this: Month) -> list[Month]:
    return sorted({chosen, this, this.next()})


# --- One line of a month --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that a decision was made on."""

    title: str
    value: str


@seen_by(Role.OFFICER, Role.APPROVER)
def why(request: HttpRequest, entitlement: UUID) -> HttpResponse:
    """Why a household gets what it gets in a month, or nothing: the facts as they were, and every ground."""
    town = seat_of(request).town
    line = queries.line(raw(), town_id=town.pk, entitlement_id=entitlement)
    said = speaker(request)
    context = {
        "cycle": queries.cycle(raw(), town_id=town.pk, cycle_id=line.cycle_id),
        "line": line,
        "state_word": DECISIONS[line.decision],
        "called": names.called(request, [line.party_id])[line.party_id],
        "may_see": names.may_see(request),
        "names_shown": names.names_asked(request),
        "facts": _facts(said, line.snapshot),
        "grounds": said.grounds(line.grounds),
        "back": "office-cycle" if seat_of(request).role == Role.OFFICER else "approve-look",
    }
    return tables.render(request, "koinon/aid/why.html", context)


def _facts(said: Speaker, kept: dict[str, Any]) -> list[Fact]:
    facts = [
        Fact(_("Neighbourhood"), said.zones.get(kept.get("zone", ""), kept.get("zone", "")) or "–"),
        Fact(_("Members"), str(kept.get("members", "–"))),
        Fact(_("Income band"), said.band(kept.get("income_band", ""))),
    ]
    if "ages" in kept:
        facts.append(Fact(_("Age of the children"), ", ".join(str(age) for age in kept["ages"])))
    if "resident_since" in kept:
        facts.append(Fact(_("Resident since"), said._day(kept["resident_since"])))
    if "statuses" in kept:
        listed = ", ".join(
            one["code"] + (f" ({said._day(one['from_day'])} – {said._day(one['to_day'])})" if one["from_day"] else "")
            for one in kept["statuses"]
        )
        facts.append(Fact(_("On record"), listed))
    if kept.get("monthly_minor") is not None:
        facts.append(Fact(_("Award a month"), said.money(kept["monthly_minor"])))
    if kept.get("aid_minor"):
        facts.append(Fact(_("Aid a month"), said.money(kept["aid_minor"])))
    if "place" in kept:
        facts.append(Fact(_("Place and points"), f"{kept['place']} · {kept['score']}"))
    return facts


DIFFERENT = Table(
    name="aid-recheck",
    title=gettext_lazy("Lines that would be decided otherwise today"),
    empty=gettext_lazy("Nothing has changed: today the list would be the same."),
    columns=[
        Column("party", gettext_lazy("Household"), Kind.PARTY, link="office-household"),
        Column("was", gettext_lazy("On the list"), Kind.STATE, words=DECISIONS),
        Column("was_minor", gettext_lazy("Amount on the list"), Kind.MONEY),
        Column("now", gettext_lazy("Today"), Kind.STATE, words=DECISIONS),
        Column("now_minor", gettext_lazy("Amount today"), Kind.MONEY),
        Column("reasons", gettext_lazy("Reason today")),
    ],
    key="party",
    sort="party",
)


@seen_by(Role.OFFICER, Role.APPROVER)
def recheck(request: HttpRequest, cycle: UUID) -> HttpResponse:
    """What has changed since a month was prepared."""
    town = seat_of(request).town
    rows = [
        {
            "party": one.party_id,
            "was": one.frozen.state if one.frozen else "",
            "was_minor": one.frozen.amount_minor if one.frozen else 0,
            "now": one.today.state if one.today else "",
            "now_minor": one.today.amount_minor if one.today else 0,
            "reasons": " ".join(words.ground(ground) for ground in one.today.grounds)
            if one.today and one.today.state != "due"
            else "",
        }
        for one in preparing.recheck(raw(), town_id=town.pk, cycle_id=cycle)
    ]
    context = {
        "cycle": queries.cycle(raw(), town_id=town.pk, cycle_id=cycle),
        "listing": _for(request, DIFFERENT).read(request, rows),
        "changed": len(rows),
        "back": "office-cycle" if seat_of(request).role == Role.OFFICER else "approve-look",
    }
    return tables.render(request, "koinon/aid/recheck.html", context)


# --- Exceptions -----------------------------------------------------------------------------------

EXCEPTIONS = Table(
    name="exceptions",
    title=gettext_lazy("All exceptions"),
    empty=gettext_lazy("Nobody has asked for an exception yet."),
    columns=[
        Column("household", gettext_lazy("Household"), Kind.PARTY, link="office-household"),
        Column("programme_name", gettext_lazy("Programme")),
        Column("kind", gettext_lazy("What"), words=EXCEPTION_KINDS),
        Column("aid_minor", gettext_lazy("Aid a month"), Kind.MONEY, national=True),
        Column("first_month", gettext_lazy("From"), Kind.MONTH),
        Column("last_month", gettext_lazy("Last month"), Kind.MONTH),
        Column("reason", gettext_lazy("Reason")),
        Column("state", gettext_lazy("State"), Kind.STATE, words=EXCEPTION_STATES),
        Column("proposed", gettext_lazy("Proposed by")),
        Column("decided", gettext_lazy("Decided by")),
    ],
    sort="-first_month",
)


class ExceptionForm(forms.Form):
    """An exception as an officer proposes it."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)
    programme = forms.ChoiceField(label=gettext_lazy("Programme"))
    household = forms.CharField(
        label=gettext_lazy("Household"),
        max_length=36,
        help_text=gettext_lazy("The last signs of its number, as lists show them."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "ltr", "class": "code"}),
    )
    kind = forms.ChoiceField(label=gettext_lazy("What"), choices=list(EXCEPTION_KINDS.items()))
    aid = AmountField(
        label=gettext_lazy("Aid a month"),
        required=False,
        help_text=gettext_lazy("Whole aid before the programme's share; empty: what the rules give."),
    )
    first_month = forms.CharField(
        label=gettext_lazy("First month"), max_length=7, widget=forms.TextInput(attrs={"type": "month"})
    )
    last_month = forms.CharField(
        label=gettext_lazy("Last month"),
        max_length=7,
        required=False,
        help_text=gettext_lazy("Empty: until somebody withdraws it."),
        widget=forms.TextInput(attrs={"type": "month"}),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=excepting.LONGEST_REASON,
        help_text=gettext_lazy("In words that name nobody: the second person and the auditor read it."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *given: Any, programmes: list[tuple[str, str]], exponent: int, **named: Any) -> None:
        super().__init__(*given, **named)
        self.fields["programme"].choices = programmes  # type: ignore[attr-defined]
        self.fields["aid"].exponent = exponent  # type: ignore[attr-defined]

    def _month(self, name: str) -> Month | None:
        text = self.cleaned_data[name]
        try:
            return Month.parse(text) if text else None
        except ValueError:
            raise ValidationError(_("Choose a month.")) from None

    def clean_first_month(self) -> Month | None:
        return self._month("first_month")

    def clean_last_month(self) -> Month | None:
        return self._month("last_month")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, last = cleaned.get("first_month"), cleaned.get("last_month")
        if first and last and last < first:
            self.add_error("last_month", _("The last month comes before the first."))
        if cleaned.get("kind") == excepting.REFUSE and cleaned.get("aid"):
            self.add_error("aid", _("An amount belongs only to an exception that pays."))
        return cleaned


def _exception_row(found: ExceptionView) -> dict[str, Any]:
    row = {name: getattr(found, name) for name in found.__slots__}
    return {**row, "proposed": words.staff_name(found.proposed_by), "decided": words.staff_name(found.decided_by)}


@seen_by(Role.OFFICER, Role.APPROVER)
def exceptions(request: HttpRequest) -> HttpResponse:
    """Exceptions: an officer proposes one, a second person decides."""
    seat = seat_of(request)
    town, conn = seat.town, raw()
    officer = seat.role == Role.OFFICER
    choices = [(str(one.id), one.name) for one in queries.programmes(conn, town_id=town.pk) if one.kind == "aid"]
    form = None
    if officer:
        first = {
            "form_id": new_id(),
            "household": request.GET.get("household", ""),
            "first_month": _this_month(request),
        }
        form = ExceptionForm(
            request.POST or None, programmes=choices, exponent=town.exponent, initial=first,
        )  # fmt: skip
        if request.method == "POST" and form.is_valid() and _propose(request, form):
            messages.success(request, _("The exception is proposed. A second person decides on it now."))
            return redirect("exceptions")
    found = queries.exceptions(conn, town_id=town.pk)
    waiting = [one for one in found if one.state == "proposed"]
    context = {
        "form": form,
        "officer": officer,
        "waiting": [(one, words.staff_name(one.proposed_by), EXCEPTION_KINDS[one.kind]) for one in waiting],
        "in_force": [(one, EXCEPTION_KINDS[one.kind]) for one in found if one.state == "approved"],
        "called": names.called(request, [one.household for one in found if one.state in ("proposed", "approved")]),
        "listing": _for(request, EXCEPTIONS).read(request, [_exception_row(one) for one in found]),
        "own": seat.user.actor,
    }
    return tables.render(request, "koinon/aid/exceptions.html", context)


def _propose(request: HttpRequest, form: ExceptionForm) -> bool:
    seat, asked = seat_of(request), form.cleaned_data
    try:
        household = queries.household_ending(raw(), town_id=seat.town_id, ending=asked["household"])
    except HouseholdNotFound:
        form.add_error("household", _("The town has no household with this number, or several end so."))
        return False
    wanted = excepting.Wanted(
        programme_id=UUID(asked["programme"]),
        household=household,
        kind=asked["kind"],
        first_month=asked["first_month"],
        last_month=asked["last_month"],
        reason=asked["reason"],
        aid_minor=asked["aid"],
    )
    excepting.propose_exception(
        raw(), town_id=seat.town_id, exception_id=asked["form_id"], wanted=wanted, actor=seat.user.actor,
        now=timezone.now(),
    )  # fmt: skip
    return True


@seen_by(Role.APPROVER)
@require_POST
def decide_exception(request: HttpRequest, exception: UUID) -> HttpResponse:
    seat = seat_of(request)
    approve = request.POST.get("answer") == "yes"
    excepting.decide_exception(
        raw(), town_id=seat.town_id, exception_id=exception, approve=approve, actor=seat.user.actor, now=timezone.now()
    )
    said = _("The exception is in force for months prepared from now on.") if approve else _("It was not accepted.")
    messages.success(request, said)
    return redirect("exceptions")


@seen_by(Role.OFFICER)
@require_POST
def withdraw_exception(request: HttpRequest, exception: UUID) -> HttpResponse:
    seat = seat_of(request)
    excepting.withdraw_exception(
        raw(), town_id=seat.town_id, exception_id=exception, actor=seat.user.actor, now=timezone.now()
    )
    messages.success(request, _("The exception is withdrawn. Months that were prepared with it keep it."))
    return redirect("exceptions")


# --- Duplicates -----------------------------------------------------------------------------------

DUPLICATES = Table(
    name="duplicates",
    title=gettext_lazy("Decided before"),
    columns=[
        Column("kept", gettext_lazy("Registered first"), Kind.PARTY, link="office-household"),
        Column("other", gettext_lazy("Registered later"), Kind.PARTY, link="office-household"),
        Column("score", gettext_lazy("Alike"), Kind.NUMBER),
        Column("state", gettext_lazy("State"), Kind.STATE, words=DUPLICATE_STATES),
        Column("reason", gettext_lazy("Reason")),
        Column("decided", gettext_lazy("Decided by")),
        Column("decided_at", gettext_lazy("When"), Kind.INSTANT),
    ],
    sort="-decided_at",
)
SHOWN_AT_ONCE = 25


@seen_by(Role.OFFICER, Role.APPROVER)
def duplicates(request: HttpRequest) -> HttpResponse:
    """Households that may stand in the register twice, and what was decided about them."""
    seat = seat_of(request)
    found = queries.duplicates(raw(), town_id=seat.town_id)
    undecided = [one for one in found if one.state == "open"]
    shown = undecided[:SHOWN_AT_ONCE]
    decided = [
        {
            "id": one.id, "kept": one.kept, "other": one.other, "score": one.score, "state": one.state,
            "reason": one.reason, "decided": words.staff_name(one.decided_by), "decided_at": one.decided_at,
        }
        for one in found
        if one.state != "open"
    ]  # fmt: skip
    called = names.called(request, [party for one in shown for party in (one.kept, one.other)])
    context = {
        "officer": seat.role == Role.OFFICER,
        "pairs": [
            (one, called[one.kept], called[one.other], sorted({likeness(ground) for ground in one.grounds}))
            for one in shown
        ],
        "more": len(undecided) - len(shown),
        "listing": _for(request, DUPLICATES).read(request, decided) if decided else None,
        "may_see": names.may_see(request),
        "names_shown": names.names_asked(request),
    }
    return tables.render(request, "koinon/aid/duplicates.html", context)


@seen_by(Role.OFFICER)
@require_POST
def look_for_duplicates(request: HttpRequest) -> HttpResponse:
    seat = seat_of(request)
    looked = twins.look_for_duplicates(
        raw(), Secrets.load(), town_id=seat.town_id, actor=seat.user.actor, now=timezone.now()
    )
    said = {
        "people": formats.number(looked.people, country=seat.town.country),
        "found": formats.number(looked.found, country=seat.town.country),
        "added": formats.number(looked.added, country=seat.town.country),
    }
    messages.success(request, _("People compared: %(people)s. Pairs alike: %(found)s, new: %(added)s.") % said)
    return redirect("duplicates")


@seen_by(Role.OFFICER)
@require_POST
def decide_duplicate(request: HttpRequest, pair: UUID) -> HttpResponse:
    seat = seat_of(request)
    reason = " ".join(request.POST.get("reason", "").split())[: excepting.LONGEST_REASON]
    answer = request.POST.get("answer")
    if answer not in ("same", "different") or not reason:
        messages.error(request, _("Choose an answer and say why."))
        return redirect("duplicates")
    twins.decide_duplicate(
        raw(), town_id=seat.town_id, pair_id=pair, same=answer == "same", reason=reason, actor=seat.user.actor,
        now=timezone.now(),
    )  # fmt: skip
    messages.success(request, _("The decision is kept. Months prepared from now on follow it."))
    return redirect("duplicates")


__all__ = [
    "Told",
    "decide_duplicate",
    "decide_exception",
    "duplicates",
    "exceptions",
    "look_for_duplicates",
    "recheck",
    "rules",
    "why",
    "withdraw_exception",
]
