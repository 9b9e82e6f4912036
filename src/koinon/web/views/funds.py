"""The officer's pages of funds: what their money may buy, where it is, what changes and since when."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from koinon.audit import queries as trail
from koinon.kernel.money import Amount
from koinon.parties import queries as parties
from koinon.parties.connection import raw
from koinon.parties.models import Role, Town
from koinon.programmes import funds, operations, queries, sweeping
from koinon.programmes.errors import ChangeRefused
from koinon.programmes.funds import FundTotals, FundVersionView
from koinon.programmes.spending import LONGEST_REASON, SIZES, SpendingRule, Version
from koinon.programmes.types import FundView
from koinon.web import acts, formats, names, spending, words
from koinon.web.access import seat_of, seen_by
from koinon.web.forms import AmountField
from koinon.web.paying import opened

READERS = (Role.OFFICER, Role.APPROVER, Role.TREASURER, Role.AUDITOR)
ACTS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class FundLine:
    """A fund in the list: what holds today, what is announced, where its units are."""

    fund: FundView
    held: Version
    coming: date | None
    totals: FundTotals


@dataclass(frozen=True, slots=True)
class Told:
    """A version as the fund's page tells it."""

    from_day: date | None
    last_day: date | None
    sentences: list[str]
    holds: bool
    ahead: bool
    last: bool
    record: FundVersionView | None = None
    announced_by: str = ""


def _today(town: Town) -> date:
    return timezone.now().astimezone(ZoneInfo(town.time_zone)).date()


@seen_by(*READERS)
def listed(request: HttpRequest) -> HttpResponse:
    town = seat_of(request).town
    conn, today = raw(), _today(town)
    ours = queries.funds(conn, town_id=town.pk)
    totals = funds.totals_of(conn, town_id=town.pk, fund_ids=[fund.id for fund in ours])
    lines = [FundLine(fund, fund.on(today), _coming(fund, today), totals[fund.id]) for fund in ours]
    return render(request, "koinon/office/funds.html", {"lines": lines})


def _coming(fund: FundView, today: date) -> date | None:
    """From which day on something else holds that was announced."""
    return next((one.from_day for one in fund.versions if one.from_day is not None and one.from_day > today), None)


@seen_by(*READERS)
def shown(request: HttpRequest, fund: UUID) -> HttpResponse:
    seat = seat_of(request)
    conn, today = raw(), _today(seat.town)
    found = queries.fund(conn, town_id=seat.town_id, fund_id=fund)
    entries = trail.entries_of_subject(conn, town_id=seat.town_id, subject=f"fund:{fund}", size=ACTS_SHOWN)
    notices = funds.notices(conn, town_id=seat.town_id, fund_id=fund)
    who = words.staff_names(notice.told_by for notice in notices)
    context = {
        "fund": found,
        "held": found.on(today),
        "totals": funds.totals(conn, town_id=seat.town_id, fund_id=fund),
        "told": _told(request, found, today),
        "notices": [(notice, who[notice.told_by]) for notice in notices],
        "acts": acts.acts(entries),
        "may": "officer" if seat.role == Role.OFFICER else "look",
        "over": (last := found.on(today).last_day) is not None and last < today,
    }
    return render(request, "koinon/office/fund.html", context)


def _told(request: HttpRequest, fund: FundView, today: date) -> list[Told]:
    """Every version from the first on; the ones that were taken back stand where they would have begun."""
    seat = seat_of(request)
    records = funds.versions(raw(), town_id=seat.town_id, fund_id=fund.id)
    who = words.staff_names(record.announced_by for record in records)
    say = _sayer(request, [fund.rule, *(record.rule for record in records)])
    held = fund.on(today)
    newest = fund.versions[-1].from_day
    told = [Told(None, fund.last_day, say(fund.rule), held.from_day is None, ahead=False, last=False)]
    for record in records:
        told.append(
            Told(
                record.from_day, record.last_day, say(record.rule),
                holds=record.withdrawn_at is None and held.from_day == record.from_day,
                ahead=record.withdrawn_at is None and record.from_day > today,
                last=record.withdrawn_at is None and record.from_day == newest,
                record=record, announced_by=who[record.announced_by],
            )
        )  # fmt: skip
    return told


def _sayer(request: HttpRequest, rules: list[SpendingRule]) -> Any:
    """How this page says a rule; whoever is named in one is called as this reader may see them."""
    seat = seat_of(request)
    zones = funds.zones(raw(), town_id=seat.town_id)
    named = spending.named(rules)
    called = names.called(request, named) if named else {}
    return lambda rule: spending.sentences(rule, town=seat.town, zones=zones, payees=called)


class ChangeForm(forms.Form):
    """What will hold for a fund's money, as an officer says it. Empty fields set no limit."""

    from_day = forms.DateField(
        label=gettext_lazy("From this day on"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    last_day = forms.DateField(
        label=gettext_lazy("Last day on which it can be spent"),
        required=False,
        help_text=gettext_lazy("Empty: it has no end."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    zones = forms.MultipleChoiceField(
        label=gettext_lazy("Neighbourhoods"), required=False, widget=forms.CheckboxSelectMultiple
    )
    sectors = forms.MultipleChoiceField(
        label=gettext_lazy("Trades"), required=False, widget=forms.CheckboxSelectMultiple,
        choices=list(words.SECTORS.items()),
    )  # fmt: skip
    nace = forms.CharField(
        label=gettext_lazy("Trades by their NACE codes"), required=False, help_text=gettext_lazy("Such as 47.2, 56.10")
    )
    legal_forms = forms.MultipleChoiceField(
        label=gettext_lazy("Legal forms"), required=False, widget=forms.CheckboxSelectMultiple,
        choices=list(spending.FORMS.items()),
    )  # fmt: skip
    sizes = forms.MultipleChoiceField(
        label=gettext_lazy("Size of the enterprise"), required=False, widget=forms.CheckboxSelectMultiple,
        choices=[(size, spending.SIZES[size]) for size in SIZES],
    )  # fmt: skip
    payees = forms.MultipleChoiceField(label=gettext_lazy("Only these payees"), required=False)
    except_payees = forms.MultipleChoiceField(label=gettext_lazy("Not these payees"), required=False)
    categories = forms.CharField(
        label=gettext_lazy("What may be bought, as the tills name it"),
        required=False,
        help_text=gettext_lazy("Such as food, hygiene"),
    )
    hours = forms.CharField(
        label=gettext_lazy("Days and hours"),
        required=False,
        help_text=gettext_lazy("One a line, such as mon-fri 08:00-20:00"),
        widget=forms.Textarea(attrs={"rows": 3, "dir": "ltr"}),
    )
    share_of_price = forms.CharField(
        label=gettext_lazy("Share of a price it may pay"), required=False, help_text=gettext_lazy("Such as 1/2 or 50 %")
    )
    sse_only = forms.BooleanField(label=gettext_lazy("Only social economy"), required=False)
    exclude_chains = forms.BooleanField(label=gettext_lazy("Not at chain stores"), required=False)
    peers_allowed = forms.BooleanField(label=gettext_lazy("Residents may be paid too"), required=False)
    peers_bound = forms.BooleanField(
        label=gettext_lazy("What residents are paid stays money of this fund"), required=False
    )
    chain = forms.BooleanField(
        label=gettext_lazy("What shops are paid stays bound until they have paid it on"), required=False
    )
    reason = forms.CharField(
        label=gettext_lazy("Why, as everybody is told"),
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(
        self, *args: Any, town: Town, zones: dict[str, str], shops: list[tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["per_day"] = AmountField(
            label=_("At most a day"), required=False, exponent=town.exponent
        )  # fmt: skip
        self.fields["per_cycle"] = AmountField(
            label=_("At most a calendar month"), required=False, exponent=town.exponent
        )
        self.fields["zones"].choices = list(zones.items())  # type: ignore[attr-defined]
        for name in ("payees", "except_payees"):
            self.fields[name].choices = shops  # type: ignore[attr-defined]
        self.order_fields(
            ["from_day", "last_day", "share_of_price", "per_day", "per_cycle", "zones", "sectors", "nace", "categories",
             "hours", "legal_forms", "sizes", "sse_only", "exclude_chains", "peers_allowed", "peers_bound",
             "chain", "payees", "except_payees", "reason"]
        )  # fmt: skip

    def written(self) -> dict[str, Any]:
        """The rule as a record keeps it."""
        given = self.cleaned_data
        sectors = [*given["sectors"], *_parts(given["nace"], ",")]
        lists = {
            "sectors": sectors,
            "categories": [part.lower() for part in _parts(given["categories"], ",")],
            "hours": _parts(given["hours"].replace(";", "\n"), "\n"),
            **{name: given[name] for name in ("zones", "legal_forms", "sizes", "payees", "except_payees")},
        }
        names = ("sse_only", "exclude_chains", "peers_allowed", "peers_bound", "chain")
        flags = {name: True for name in names if given[name]}
        amounts = {"per_day_minor": given["per_day"], "per_cycle_minor": given["per_cycle"]}
        return {
            **{name: value for name, value in lists.items() if value},
            **flags,
            **{name: minor for name, minor in amounts.items() if minor},
            **({"share_of_price": given["share_of_price"]} if given["share_of_price"] else {}),
        }


FIELD_OF = {"per_day_minor": "per_day", "per_cycle_minor": "per_cycle"}


@seen_by(Role.OFFICER)
def announce(request: HttpRequest, fund: UUID) -> HttpResponse:
    """Say what will hold, look at it in plain words beside what holds now, then announce it."""
    seat = seat_of(request)
    conn, today = raw(), _today(seat.town)
    found = queries.fund(conn, town_id=seat.town_id, fund_id=fund)
    newest = found.versions[-1]
    organisations = parties.organisations(conn, town_id=seat.town_id)
    called = names.called(request, [one.party_id for one in organisations])
    shops = [(str(one.party_id), str(called[one.party_id])) for one in organisations]
    form = ChangeForm(
        request.POST or None,
        initial=_initial(newest, seat.town, today + timedelta(days=max(1, found.notice_days))),
        town=seat.town,
        zones=funds.zones(conn, town_id=seat.town_id),
        shops=sorted(shops, key=lambda shop: shop[1].casefold()),
    )
    context: dict[str, Any] = {"fund": found, "form": form}
    if request.method == "POST" and form.is_valid():
        rule, findings = funds.checked_rule(conn, town_id=seat.town_id, written=form.written())
        for finding in findings:
            key = finding.column.rpartition(".")[2]
            form.add_error(FIELD_OF.get(key, key), _finding(finding.code, finding.message))
        if not findings:
            seal = _seal(form)
            try:
                if request.POST.get("seen") == seal:
                    change = funds.announce_change(
                        conn, town_id=seat.town_id, fund_id=fund, from_day=form.cleaned_data["from_day"], rule=rule,
                        last_day=form.cleaned_data["last_day"], reason=form.cleaned_data["reason"],
                        actor=seat.user.actor, now=timezone.now(),
                    )  # fmt: skip
                    messages.success(
                        request, _("Announced: it holds from %(day)s on.") % {"day": formats.day(change.from_day)}
                    )
                    return redirect("office-fund", fund=fund)
                funds.may_announce(
                    found, from_day=form.cleaned_data["from_day"], rule=rule, last_day=form.cleaned_data["last_day"],
                    reason=form.cleaned_data["reason"], today=today,
                )  # fmt: skip
                say = _sayer(request, [newest.rule, rule])
                context |= {
                    "seal": seal,
                    "before": say(newest.rule),
                    "before_last": newest.last_day,
                    "after": say(rule),
                    "after_last": form.cleaned_data["last_day"],
                    "from_day": form.cleaned_data["from_day"],
                    "totals": funds.totals(conn, town_id=seat.town_id, fund_id=fund),
                }
            except ChangeRefused as refused:
                for ground in refused.grounds:
                    form.add_error(None, spending.against(ground))
    return render(request, "koinon/office/fund_change.html", context, status=422 if form.errors else 200)


@seen_by(Role.OFFICER)
@require_POST
def withdraw(request: HttpRequest, fund: UUID, version: UUID) -> HttpResponse:
    seat = seat_of(request)
    funds.withdraw_change(
        raw(), town_id=seat.town_id, fund_id=fund, version_id=version, reason=request.POST.get("reason", "")[:200],
        actor=seat.user.actor, now=timezone.now(),
    )  # fmt: skip
    messages.success(request, _("The change is taken back, and whoever has this money is told so."))
    return redirect("office-fund", fund=fund)


@transaction.non_atomic_requests
@seen_by(Role.OFFICER)
@require_POST
def sweep(request: HttpRequest, fund: UUID) -> HttpResponse:
    """Give back what was not spent, once the last day is over; what shops had to pay on becomes free.

    Each piece in a transaction of its own, as ``sweeping.unbind`` asks: what is cut off is done by the site the next day.
    """
    seat, now = seat_of(request), timezone.now()
    told: dict[str, Any] = {"town_id": seat.town_id, "fund_id": fund, "actor": seat.user.actor, "now": now}
    with opened() as conn:
        swept = operations.sweep_fund(conn, **told)
    more = True
    while more:
        with opened() as conn:
            more = sweeping.unbind(conn, **told).more
    given = formats.amount(
        Amount(swept.minor, seat.town.unit_code), exponent=seat.town.exponent, country=seat.town.country,
        symbol=seat.town.unit_symbol,
    )  # fmt: skip
    messages.success(request, _("%(amount)s went back to the budget line.") % {"amount": given})
    return redirect("office-fund", fund=fund)


@seen_by(Role.OFFICER)
@require_POST
def set_notice(request: HttpRequest, fund: UUID) -> HttpResponse:
    seat = seat_of(request)
    try:
        days, ends = int(request.POST.get("notice_days", "")), int(request.POST.get("warn_days", ""))
    except ValueError:
        days = ends = 0
    if 1 <= days <= 365 and 1 <= ends <= 365:
        funds.set_notice(
            raw(), town_id=seat.town_id, fund_id=fund, notice_days=days, warn_days=ends, actor=seat.user.actor,
            now=timezone.now(),
        )  # fmt: skip
        messages.success(request, _("Kept."))
    else:
        messages.error(request, _("Write days as numbers from 1 to 365."))
    return redirect("office-fund", fund=fund)


def _initial(newest: Version, town: Town, from_day: date) -> dict[str, Any]:
    """The form begins with what holds last, so that what is not touched stays as it is."""
    rule = newest.rule
    kept = rule.as_json()
    sectors = kept.get("sectors", [])
    return {
        **kept,
        "from_day": from_day,
        "last_day": newest.last_day,
        "sectors": [code for code in sectors if code in words.SECTORS],
        "nace": ", ".join(code for code in sectors if code not in words.SECTORS),
        "categories": ", ".join(kept.get("categories", [])),
        "hours": "\n".join(kept.get("hours", [])),
        "per_day": _plain(rule.per_day_minor, town),
        "per_cycle": _plain(rule.per_cycle_minor, town),
    }


def _plain(minor: int | None, town: Town) -> str:
    """An amount as a field takes it back."""
    if minor is None:
        return ""
    whole, cents = divmod(minor, 10**town.exponent)
    return f"{whole},{cents:0{town.exponent}d}" if town.exponent else str(whole)


def _parts(text: str, mark: str) -> list[str]:
    return [part.strip() for part in text.split(mark) if part.strip()]


def _seal(form: ChangeForm) -> str:
    """What was looked at: a form that was changed since is shown again before anything is announced."""
    return hashlib.sha256(json.dumps(form.cleaned_data, sort_keys=True, default=str).encode()).hexdigest()[:24]


def _finding(code: str, message: str) -> str:
    known = {
        "rule.not-hours": _("Write days and hours as mon-fri 08:00-20:00, one a line."),
        "rule.not-a-share": _("Write a share as 1/2 or 50 %."),
        "rule.not-a-category": _("Categories are lower-case letters, digits and dashes."),
        "rule.unknown-zone": _("The town has no such neighbourhood."),
        "rule.unknown-payee": _("The town has no such organisation."),
    }
    return known.get(code, message)
