"""The officer's directory: households, residents, organisations and awards, and what can be done to many at once."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from koinon.db.statements import statement
from koinon.ledger import queries as books
from koinon.office import bulk, queries
from koinon.office.types import Plan
from koinon.parties import naming
from koinon.parties import queries as parties
from koinon.parties.connection import raw
from koinon.parties.models import Role, Town, Zone
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.programmes import queries as programmes
from koinon.web import acts, names, spending, tables, words
from koinon.web.access import seat_of, seen_by
from koinon.web.listing import COUNTED, Listing
from koinon.web.tables import Bulk, Column, Kind, Table

STAFF = (Role.OFFICER, Role.APPROVER, Role.TREASURER, Role.AUDITOR, Role.COORDINATOR)
PERSONAL = ("name", "identifier", "born_on", "phone", "email", "address", "language", "tax_id", "iban")

HOUSEHOLDS = Table(
    name="households",
    title=gettext_lazy("Households"),
    source=statement("koinon.office", "households_listed"),
    columns=[
        Column("party", gettext_lazy("Household"), Kind.PARTY, link="office-household"),
        Column("zone", gettext_lazy("Neighbourhood")),
        Column("members", gettext_lazy("Members"), Kind.NUMBER),
        Column("income_band", gettext_lazy("Income band")),
        Column("monthly_minor", gettext_lazy("Awards a month"), Kind.MONEY, national=True),
        Column("balance_minor", gettext_lazy("Has to spend"), Kind.MONEY),
        Column("joined_on", gettext_lazy("Taken in on"), Kind.DAY),
        Column("resident_since", gettext_lazy("Resident since"), Kind.DAY, hidden=True),
    ],
    bulk=[Bulk("households-move", gettext_lazy("Move to another neighbourhood"))],
)
RESIDENTS = Table(
    name="residents",
    title=gettext_lazy("Residents"),
    source=statement("koinon.office", "residents_listed"),
    columns=[
        Column("party", gettext_lazy("Resident"), Kind.PARTY, link="office-household", link_to="household"),
        Column("household", gettext_lazy("Household"), Kind.CODE, link="office-household"),
        Column("zone", gettext_lazy("Neighbourhood")),
        Column("is_reference", gettext_lazy("The town writes to this person"), Kind.FLAG),
    ],
)
ORGANISATIONS = Table(
    name="organisations",
    title=gettext_lazy("Shops and organisations"),
    source=statement("koinon.office", "organisations_listed"),
    columns=[
        Column("party", gettext_lazy("Organisation"), Kind.PARTY, link="office-organisation"),
        Column("sector_group", gettext_lazy("Sector"), words=words.SECTORS),
        Column("sector", gettext_lazy("Class of activity"), Kind.CODE, hidden=True),
        Column("legal_form", gettext_lazy("Legal form"), words=spending.FORMS),
        Column("is_sse", gettext_lazy("Social economy"), Kind.FLAG),
        Column("is_chain", gettext_lazy("Chain"), Kind.FLAG, hidden=True),
        Column("size_class", gettext_lazy("Size"), words=spending.SIZES, hidden=True),
        Column("zone", gettext_lazy("Neighbourhood")),
        Column("accepts_since", gettext_lazy("Accepts since"), Kind.DAY),
        Column("active", gettext_lazy("Takes part"), Kind.FLAG),
        Column("till_minor", gettext_lazy("In the till"), Kind.MONEY),
    ],
)
ORGANISATION_ACTS = (
    Bulk("organisations-take-part", gettext_lazy("Let them take part")),
    Bulk("organisations-leave", gettext_lazy("Let them take part no longer")),
)
AWARD_STATES: dict[str, Any] = {
    "coming": gettext_lazy("Begins later"),
    "running": gettext_lazy("Running"),
    "ended": gettext_lazy("Ended"),
}
AWARDS = Table(
    name="awards",
    title=gettext_lazy("Awards"),
    source=statement("koinon.office", "awards_listed"),
    columns=[
        Column("party", gettext_lazy("Household"), Kind.PARTY, link="office-household"),
        Column("programme", gettext_lazy("Programme")),
        Column("monthly_minor", gettext_lazy("A month"), Kind.MONEY, national=True),
        Column("from_day", gettext_lazy("From"), Kind.DAY),
        Column("to_day", gettext_lazy("Last day"), Kind.DAY),
        Column("state", gettext_lazy("State"), Kind.STATE, words=AWARD_STATES),
    ],
    bulk=[Bulk("awards-end", gettext_lazy("End on a day"))],
)
ENTITLEMENTS = Table(
    name="household-months",
    title=gettext_lazy("Months"),
    source=statement("koinon.office", "entitlements_listed"),
    columns=[
        Column("month", gettext_lazy("Month"), Kind.MONTH),
        Column("programme", gettext_lazy("Programme")),
        Column("state", gettext_lazy("State"), Kind.STATE, words=words.LINE_STATES),
        Column("amount_minor", gettext_lazy("Amount"), Kind.MONEY),
    ],
    sort="-month",
    search=False,
)


def today_in(request: HttpRequest) -> date:
    """The town's day."""
    return timezone.now().astimezone(ZoneInfo(seat_of(request).town.time_zone)).date()


def _read(request: HttpRequest, table: Table, query: QueryDict | None = None) -> Listing:
    """One of the directory's lists with what its statement is told."""
    told: dict[str, Any] = {"today": today_in(request)} if "%(today)s" in table.source else {}
    acting = seat_of(request).role == Role.OFFICER
    return table.read(request, query=query, bulk=None if acting else (), **told)


@seen_by(Role.OFFICER)
def households(request: HttpRequest) -> HttpResponse:
    context = {"listing": _read(request, HOUSEHOLDS), "here": "office-households", "may_find": names.may_see(request)}
    return tables.render(request, "koinon/office/directory.html", context)


@seen_by(Role.OFFICER)
def residents(request: HttpRequest) -> HttpResponse:
    context = {"listing": _read(request, RESIDENTS), "here": "office-residents", "may_find": names.may_see(request)}
    return tables.render(request, "koinon/office/directory.html", context)


@seen_by(Role.OFFICER, Role.TREASURER)
def organisations(request: HttpRequest) -> HttpResponse:
    acting = seat_of(request).role == Role.OFFICER
    listing = ORGANISATIONS.read(request, bulk=ORGANISATION_ACTS if acting else ())
    return tables.render(
        request, "koinon/office/directory.html", {"listing": listing, "here": "office-organisations", "officer": acting}
    )


@seen_by(Role.OFFICER)
def awards(request: HttpRequest) -> HttpResponse:
    return tables.render(
        request, "koinon/office/directory.html", {"listing": _read(request, AWARDS), "here": "office-awards"}
    )


@seen_by(Role.OFFICER)
def household(request: HttpRequest, party: UUID) -> HttpResponse:
    """One household: its facts, its purses, its months, and with the right who lives there."""
    context = _record(request, party)
    context["listing"] = ENTITLEMENTS.read(request, party=party)
    return tables.render(request, "koinon/office/record.html", {**context, "here": "office-households"})


@seen_by(Role.OFFICER, Role.TREASURER)
def organisation(request: HttpRequest, organisation: UUID) -> HttpResponse:
    """One shop or organisation: its facts and its till."""
    context = _record(request, organisation)
    return tables.render(request, "koinon/office/record.html", {**context, "here": "office-organisations"})


def _record(request: HttpRequest, party: UUID) -> dict[str, Any]:
    town = seat_of(request).town
    conn = raw()
    record = queries.record(conn, town_id=town.pk, party=party)
    funds = {fund.id: fund for fund in programmes.funds(conn, town_id=town.pk)}
    accounts = [
        (funds.get(account.fund) if account.fund else None, account)
        for account in books.accounts_of(conn, town_id=town.pk, holder=party)
        if account.closed_at is None and account.unit == town.unit_code  # Hours of a time bank are no money.
    ]
    people = [party, *(record.people or ())]
    called = names.called(request, people)
    return {
        "record": record,
        "called": called[party],
        "accounts": accounts,
        "sector": words.sector(record.sector_group) if record.sector_group else "",
        "people": [(called[one], _personal(request, one)) for one in record.people or (party,)]
        if names.names_asked(request) and record.erased_at is None
        else [],
        "may_see": names.may_see(request),
        "names_shown": names.names_asked(request),
        "subject": str(party),
    }


def _personal(request: HttpRequest, party: UUID) -> list[tuple[str, str]]:
    """What the vault keeps of somebody, in words and in a fixed order."""
    kept = naming.personal_data(
        raw(),
        town_id=seat_of(request).town_id,
        party=party,
        fields=PERSONAL,
        reader=names.reader_of(request),
        reason="page:record",
        at=timezone.now(),
    )
    titles = {
        "name": _("Name"),
        "identifier": _("Identifier"),
        "born_on": _("Born on"),
        "phone": _("Telephone"),
        "email": _("E-mail"),
        "address": _("Address"),
        "language": _("Language"),
        "tax_id": _("Tax number"),
        "iban": _("Bank account"),
    }
    return [(titles[name], kept[name]) for name in PERSONAL if kept.get(name)]


class FindForm(forms.Form):
    """Somebody by a document, however it is typed."""

    kind = forms.ChoiceField(
        label=gettext_lazy("Find by"),
        choices=[
            ("identifier", gettext_lazy("Identifier")),
            ("phone", gettext_lazy("Telephone")),
            ("email", gettext_lazy("E-mail")),
        ],
    )
    value = forms.CharField(label=gettext_lazy("As on the document"), max_length=80)


@seen_by(Role.OFFICER)
@require_POST
def find(request: HttpRequest) -> HttpResponse:
    """To the page of whoever has an identifier, for those who may see people; that they asked is recorded."""
    seat = seat_of(request)
    reader = names.reader_of(request)
    naming.needs_personal_data(reader)
    form = FindForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Write what you look for."))
        return redirect("office-households")
    conn, kind = raw(), form.cleaned_data["kind"]
    found = Vault(conn, Secrets.load()).find_all(seat.town_id, kind, form.cleaned_data["value"])
    homes = {home for party in found if (home := _home(seat.town_id, party)) is not None}
    if len(homes) != 1:
        messages.error(request, _("Several households share it.") if homes else _("Nobody is found by this."))
        return redirect("office-households")
    naming.personal_data(
        conn,
        town_id=seat.town_id,
        party=found[0],
        fields=[kind],
        reader=reader,
        reason="found-by-it",
        at=timezone.now(),
    )
    address, party = homes.pop()
    return redirect(address, party)


def _home(town_id: int, party: UUID) -> tuple[str, UUID] | None:
    """The page on which a party is looked at: a person on that of the household."""
    from koinon.parties.models import Party

    found = Party.objects.filter(pk=party, town_id=town_id).values_list("kind", "person__household_id").first()
    if found is None:
        return None
    kind, household_id = found
    if kind == "person":
        return ("office-household", household_id) if household_id else None
    return ("office-organisation" if kind == "organisation" else "office-household", party)


# --- Many at once ------------------------------------------------------------------------------------

LISTS: dict[str, Table] = {
    "households-move": HOUSEHOLDS,
    "organisations-take-part": ORGANISATIONS,
    "organisations-leave": ORGANISATIONS,
    "awards-end": AWARDS,
}
BACK = {HOUSEHOLDS.name: "office-households", ORGANISATIONS.name: "office-organisations", AWARDS.name: "office-awards"}
REFUSED: dict[str, Any] = {
    "office.award-begins-later": gettext_lazy("The award begins after that day."),
    "office.award-ends-earlier": gettext_lazy("The award ends before that day already."),
    "office.zone-unknown": gettext_lazy("There is no such neighbourhood."),
}
FACTS: dict[str, Any] = {
    "active": gettext_lazy("Takes part"),
    "zone": gettext_lazy("Neighbourhood"),
    "last_day": gettext_lazy("Last day"),
}
PREVIEW = Table(
    name="preview",
    title=gettext_lazy("Record by record"),
    columns=[
        Column("party", gettext_lazy("Record"), Kind.CODE),
        Column("fact", gettext_lazy("What changes")),
        Column("before", gettext_lazy("Before")),
        Column("after", gettext_lazy("After")),
        Column("refused", gettext_lazy("Why it stays as it is")),
    ],
    exported=False,
    search=False,
)


class OptionsForm(forms.Form):
    """What an act on many records needs to be told."""

    def __init__(self, *args: Any, action: str, town: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if action == "households-move":
            self.fields["zone"] = forms.ChoiceField(
                label=gettext_lazy("Neighbourhood"),
                choices=list(Zone.objects.filter(town=town).order_by("name").values_list("code", "name")),
            )
        if action == "awards-end":
            self.fields["last_day"] = forms.DateField(
                label=gettext_lazy("Last day, inclusive"),
                widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            )
        self.fields["reason"] = forms.RegexField(
            r"^[A-Za-z0-9:._/# -]{1,80}$",
            label=gettext_lazy("Reason or file number"),
            help_text=gettext_lazy("Stands in the audit trail. No names."),
        )

    @property
    def options(self) -> dict[str, str]:
        return {name: str(value) for name, value in self.cleaned_data.items() if name != "reason"}


@seen_by(Role.OFFICER)
@require_POST
def many(request: HttpRequest) -> HttpResponse:
    """What an act would do to the rows chosen; and with ``confirm``, exactly that."""
    seat = seat_of(request)
    action = request.POST.get("action", "")
    if action not in LISTS:
        messages.error(request, _("Choose what to do."))
        return redirect("office-households")
    table = LISTS[action]
    back = reverse(BACK[table.name])
    ids = _chosen(request, table)
    if not ids:
        messages.error(request, _("Choose at least one row."))
        return redirect(back)
    given = request.POST if "confirm" in request.POST or "look" in request.POST else None
    form = OptionsForm(given, action=action, town=seat.town)
    context: dict[str, Any] = {
        "form": form,
        "action": action,
        "title": next(one.title for one in (*table.bulk, *ORGANISATION_ACTS) if one.name == action),
        "ids": " ".join(map(str, ids)),
        "count": len(ids),
        "back": back,
    }
    if given is not None and form.is_valid():
        conn, fingerprint = raw(), request.POST.get("fingerprint", "")
        plan = bulk.plan(conn, town_id=seat.town_id, action=action, ids=ids, options=form.options)
        if "confirm" in request.POST and fingerprint:
            done = bulk.perform(
                conn,
                town_id=seat.town_id,
                action=action,
                ids=ids,
                options=form.options,
                fingerprint=fingerprint,
                actor=seat.user.actor,
                reason=form.cleaned_data["reason"],
                at=timezone.now(),
            )
            changed = len(done.to_change)
            told = ngettext("%(count)s record is changed.", "%(count)s records are changed.", changed)
            messages.success(request, told % {"count": changed})
            return redirect(back)
        context |= {"plan": plan, "preview": PREVIEW.read(request, _preview_rows(plan, seat.town))}
    return render(request, "koinon/office/many.html", context)


def _chosen(request: HttpRequest, table: Table) -> list[UUID]:
    """The records meant: those listed in a preview, those picked, or all of a list as it was filtered."""
    if "ids" in request.POST:
        return [found for text in request.POST["ids"].split()[:COUNTED] if (found := _uuid(text)) is not None]
    if request.POST.get("scope") == "all":
        listing = _read(request, table, QueryDict(request.POST.get("query", "")))
        return [row[table.key] for row in listing.every_row()[:COUNTED]]
    return [found for text in request.POST.getlist("pick") if (found := _uuid(text)) is not None]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _preview_rows(plan: Plan, town: Town) -> list[dict[str, Any]]:
    zones = dict(Zone.objects.filter(town=town).values_list("code", "name"))
    said = {"True": _("yes"), "False": _("no"), **(zones if "zone" in plan.options else {})}
    rows = []
    for change in plan.changes:
        for one in acts.differences(dict(change.before), dict(change.after)):
            fact = FACTS.get(one.name.replace(" ", "_"), one.name)
            rows.append(
                {
                    "id": change.id,
                    "party": change.id,
                    "fact": str(fact),
                    "before": said.get(one.before, one.before),
                    "after": said.get(one.after, one.after),
                    "refused": str(REFUSED.get(change.refused, change.refused)) if change.refused else "",
                }
            )
    return rows


class EraseForm(forms.Form):
    """Why somebody's data are erased, and that it is meant."""

    reason = forms.CharField(
        label=gettext_lazy("Why"), max_length=200, help_text=gettext_lazy("Stands in the audit trail. No names.")
    )
    sure = forms.BooleanField(label=gettext_lazy("I know that this cannot be undone"))


@seen_by(Role.OFFICER)
def erase(request: HttpRequest, party: UUID) -> HttpResponse:
    """What erasing would end, and with a reason and a word, the end of it: the books keep an opaque id."""
    seat, conn = seat_of(request), raw()
    kind = parties.party_facts(conn, seat.town_id, party).kind
    back = reverse("office-household" if kind == "household" else "office-organisation", args=[party])
    form = EraseForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        vault = Vault(conn, Secrets.load())
        vault.erase(party, actor=seat.user.actor, reason=form.cleaned_data["reason"], at=timezone.now())
        messages.success(request, _("The personal data are erased."))
        return redirect(back)
    accounts = books.accounts_of(conn, town_id=seat.town_id, holder=party)
    context = {
        "form": form,
        "back": back,
        "called": names.called(request, [party])[party],
        "left": sum(account.balance.minor for account in accounts if account.unit == seat.town.unit_code),
    }
    return render(request, "koinon/office/erase.html", context, status=422 if form.errors else 200)
