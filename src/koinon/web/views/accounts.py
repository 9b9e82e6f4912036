"""What a town must be able to show: the limited network, its own till, the journal, the year, shops' statements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from koinon.accounting import journal as written_out
from koinon.accounting import operations, queries
from koinon.accounting import year as yearly
from koinon.accounting.rules import CHART
from koinon.accounting.types import Convertible, Place, Purpose
from koinon.db.transactions import savepoint
from koinon.kernel.errors import KoinonError
from koinon.kernel.money import Amount
from koinon.ledger import queries as books
from koinon.ledger.types import Kind
from koinon.parties.connection import raw
from koinon.parties.models import Organisation, Role, RoleGrant, Town
from koinon.programmes import queries as programmes
from koinon.web import names, papers, refusals, tables, words
from koinon.web.access import party_of, seat_of, seen_by
from koinon.web.forms import AmountField
from koinon.web.snapshots import in_one_snapshot

EARLIEST = date(2000, 1, 1)
LONGEST = timedelta(days=3 * 366)
OPAQUE = r"^[A-Za-z0-9:._/#-]{1,80}$"


def today_in(town: Town) -> date:
    return timezone.now().astimezone(ZoneInfo(town.time_zone)).date()


def day_field(label: Any, **more: Any) -> forms.DateField:
    """A day to choose, with the browser's own picker."""
    return forms.DateField(label=label, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"), **more)


class PeriodForm(forms.Form):
    """Two local days, both included."""

    first = day_field(gettext_lazy("From"))
    last = day_field(gettext_lazy("Until"))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last and not (EARLIEST <= first <= last <= date(9998, 12, 31) and last - first <= LONGEST):
            self.add_error(
                "last", _("The last day comes before the first one, or the period is longer than three years.")
            )
        return cleaned


def last_month(town: Town) -> tuple[date, date]:
    """The month before this one, first and last day."""
    last = today_in(town).replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last


def done(request: HttpRequest, form: forms.Form, write: Callable[[], Any], said: str) -> bool:
    """Write in a savepoint and say so, or put what stands in the way on the form."""
    try:
        with savepoint(raw()):
            write()
    except KoinonError as refused:
        refusals.note(request, refused)
        for sentence in refusals.sentences(refused):
            form.add_error(None, sentence)
        return False
    messages.success(request, said)
    return True


# --- The limited network ----------------------------------------------------------------------


class NotificationForm(forms.Form):
    """That the authority was told."""

    sent_on = day_field(gettext_lazy("Sent on"))
    authority = forms.CharField(label=gettext_lazy("Authority"), max_length=120)
    reference = forms.RegexField(OPAQUE, label=gettext_lazy("Reference of the letter"))


class FundRecordForm(forms.Form):
    """Who may turn a fund's money into the national currency, and to what its use is limited."""

    from_day = day_field(gettext_lazy("From"))
    convertible_by = forms.ChoiceField(
        label=gettext_lazy("Who may turn it into the national currency"),
        choices=[(one.value, words.CONVERTIBLE[one.value]) for one in Convertible],
    )
    limited_to = forms.CharField(label=gettext_lazy("Limited to"), max_length=300)
    source = forms.CharField(label=gettext_lazy("Regulation or agreement"), max_length=300)

    def __init__(self, *args: Any, funds: list[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["fund"] = forms.ChoiceField(
            label=gettext_lazy("Fund"), choices=[(str(fund.id), fund.name) for fund in funds]
        )
        self.order_fields(["fund"])


class AgreementForm(forms.Form):
    """A signed agreement with an organisation."""

    signed_on = day_field(gettext_lazy("Signed on"))
    until_day = day_field(
        gettext_lazy("Holds until"), required=False, help_text=gettext_lazy("Empty: until further notice.")
    )
    reference = forms.RegexField(
        OPAQUE, label=gettext_lazy("Where the paper lies"), help_text=gettext_lazy("A file number, without names.")
    )

    def __init__(self, *args: Any, shops: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["party"] = forms.ChoiceField(label=gettext_lazy("Shop"), choices=shops)
        self.order_fields(["party"])


AGREEMENTS = tables.Table(
    name="agreements",
    title=gettext_lazy("Agreements with shops"),
    columns=[
        tables.Column("party", gettext_lazy("Shop"), tables.Kind.PARTY),
        tables.Column("state", gettext_lazy("State"), tables.Kind.STATE, words=words.AGREEMENT_STATES),
        tables.Column("signed_on", gettext_lazy("Signed on"), tables.Kind.DAY),
        tables.Column("until_day", gettext_lazy("Holds until"), tables.Kind.DAY),
        tables.Column("reference", gettext_lazy("Where the paper lies"), tables.Kind.CODE),
    ],
    key="party",
    sort="-state",  # Those without one first.
)


@seen_by(Role.TREASURER, Role.AUDITOR)
@in_one_snapshot
def network(request: HttpRequest) -> HttpResponse:
    """Whether the currency is still a limited network; a POST of the treasurer's puts something on record."""
    seat = seat_of(request)
    town, conn, now = seat.town, raw(), timezone.now()
    today = today_in(town)
    asked = request.POST.get("what", "") if request.method == "POST" and seat.role == Role.TREASURER else ""
    notified = NotificationForm(
        request.POST if asked == "notified" else None, initial={"sent_on": today}, auto_id="n_%s"
    )
    fund = FundRecordForm(
        request.POST if asked == "fund" else None, initial={"from_day": today}, auto_id="f_%s",
        funds=programmes.funds(conn, town_id=town.pk),
    )  # fmt: skip
    agreement = AgreementForm(
        request.POST if asked == "agreement" else None, initial={"signed_on": today}, auto_id="a_%s",
        shops=_shops(request),
    )  # fmt: skip
    by: dict[str, Any] = {"town_id": town.pk, "at": now, "actor": seat.user.actor}
    if asked == "notified" and notified.is_valid():
        told = notified.cleaned_data
        if done(request, notified, lambda: operations.record_notification(conn, **by, **told), _("It is on record.")):
            return redirect("accounts-network")
    if asked == "fund" and fund.is_valid():
        kept = fund.cleaned_data | {"fund": UUID(fund.cleaned_data["fund"])}
        kept["convertible_by"] = Convertible(kept["convertible_by"])
        if done(request, fund, lambda: operations.set_fund_record(conn, **by, **kept), _("It is on record.")):
            return redirect("accounts-network")
    if asked == "agreement" and agreement.is_valid():
        signed = agreement.cleaned_data | {"party": UUID(agreement.cleaned_data["party"])}
        if done(request, agreement, lambda: operations.record_agreement(conn, **by, **signed), _("It is on record.")):
            return redirect("accounts-network")
    seen = queries.network(conn, town_id=town.pk, at=now)
    held = queries.agreements(conn, town_id=town.pk, day=today)
    context = {
        "network": seen,
        "standing": words.STANDINGS[seen.standing],
        "notifications": queries.notifications(conn, town_id=town.pk),
        "records": [
            {**asdict(one), "who": words.CONVERTIBLE.get(one.convertible_by or "", "")}
            for one in queries.fund_records(conn, town_id=town.pk, day=today)
        ],
        "agreements": AGREEMENTS.read(
            request, [{**asdict(one), "state": "held" if one.signed_on else "missing"} for one in held]
        ),
        "without": sum(1 for one in held if one.signed_on is None),
        "may_write": seat.role == Role.TREASURER,
        "notified_form": notified,
        "fund_form": fund,
        "agreement_form": agreement,
    }
    return tables.render(request, "koinon/accounts/network.html", context)


def _shops(request: HttpRequest) -> list[tuple[str, str]]:
    """Who takes part, as this reader may know them."""
    ids = list(
        Organisation.objects.filter(party__town=seat_of(request).town, active=True).values_list("party_id", flat=True)
    )
    called = names.called(request, ids)
    return sorted(((str(party), called[party].text) for party in ids), key=lambda shop: shop[::-1])


# --- The town's own till ----------------------------------------------------------------------


class TownPaymentForm(forms.Form):
    """A payment out of the town's till; ``form_id`` makes sending it twice harmless."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)
    purpose = forms.ChoiceField(
        label=gettext_lazy("What for"), choices=[(one.value, words.PURPOSES[one.value]) for one in Purpose]
    )
    reference = forms.RegexField(
        OPAQUE, label=gettext_lazy("Contract or invoice"), help_text=gettext_lazy("Its number, without names.")
    )

    def __init__(self, *args: Any, shops: list[tuple[str, str]], exponent: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["payee"] = forms.ChoiceField(
            label=gettext_lazy("Enterprise"), required=False, choices=[("", "–"), *shops]
        )
        self.fields["person"] = forms.UUIDField(
            label=gettext_lazy("Or the number of a person"), required=False,
            help_text=gettext_lazy("For wages: the number that the directory shows."),
        )  # fmt: skip
        self.fields["amount"] = AmountField(exponent=exponent, label=gettext_lazy("Amount"))
        self.order_fields(["payee", "person", "amount", "purpose", "reference"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if bool(cleaned.get("payee")) == bool(cleaned.get("person")) and "person" not in self.errors:
            self.add_error("payee", _("Choose an enterprise, or give the number of a person."))
        return cleaned


@seen_by(Role.TREASURER, Role.APPROVER, Role.AUDITOR)
@in_one_snapshot
def till(request: HttpRequest) -> HttpResponse:
    """What the town takes in its own currency and pays out of it; a POST of the treasurer's prepares a payment."""
    seat = seat_of(request)
    town, conn = seat.town, raw()
    preparing = request.method == "POST" and seat.role == Role.TREASURER
    form = TownPaymentForm(
        request.POST if preparing else None, initial={"form_id": uuid4()}, exponent=town.exponent,
        shops=_shops(request),
    )  # fmt: skip
    if preparing and form.is_valid():
        asked = form.cleaned_data

        def prepare() -> None:
            operations.prepare_town_payment(
                conn, town_id=town.pk, payee=UUID(asked["payee"]) if asked["payee"] else asked["person"],
                amount=Amount(asked["amount"], town.unit_code), purpose=Purpose(asked["purpose"]),
                reference=asked["reference"], idempotency_key=f"web:{asked['form_id']}", at=timezone.now(),
                actor=seat.user.actor,
            )  # fmt: skip

        if done(request, form, prepare, _("Prepared. Another person approves it.")):
            return redirect("accounts-till")
    assert town.party_id is not None, "only a town that is being created has no party"
    account = books.account(conn, town_id=town.pk, kind=Kind.TILL, holder=town.party_id)
    payments = queries.town_payments(conn, town_id=town.pk)
    called = names.called(request, {one.payee for one in payments})
    context = {
        "available": account.available.minor if account else 0,
        "payments": [(one, called[one.payee], words.PURPOSES[one.purpose]) for one in payments],
        "form": form if seat.role == Role.TREASURER else None,
        "may_approve": seat.role == Role.APPROVER,
        "may_cancel": seat.role == Role.TREASURER,
        "me": seat.user.actor,
    }
    return render(request, "koinon/accounts/till.html", context)


@seen_by(Role.APPROVER)
@require_POST
def approve_town_payment(request: HttpRequest, payment: UUID) -> HttpResponse:
    """The second person's yes; it is paid at once."""
    seat = seat_of(request)
    operations.approve_town_payment(
        raw(), town_id=seat.town_id, payment_id=payment, at=timezone.now(), actor=seat.user.actor
    )
    messages.success(request, _("It is paid."))
    return redirect("accounts-till")


@seen_by(Role.TREASURER)
@require_POST
def cancel_town_payment(request: HttpRequest, payment: UUID) -> HttpResponse:
    """Take a payment back before it is approved."""
    seat = seat_of(request)
    operations.cancel_town_payment(
        raw(), town_id=seat.town_id, payment_id=payment, at=timezone.now(), actor=seat.user.actor
    )
    messages.success(request, _("It is cancelled."))
    return redirect("accounts-till")


# --- Journal, chart, wording ------------------------------------------------------------------


class WordingForm(forms.Form):
    """What shops' statements say about taxes."""

    from_day = day_field(gettext_lazy("From"))
    body = forms.CharField(label=gettext_lazy("Text"), max_length=4000, widget=forms.Textarea({"rows": 4}))

    def __init__(self, *args: Any, languages: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"] = forms.ChoiceField(label=gettext_lazy("Language"), choices=languages)
        self.order_fields(["language"])


class AccountForm(forms.Form):
    """An account of the town's own chart."""

    place = forms.ChoiceField(
        label=gettext_lazy("In the books"), choices=[(one.value, words.PLACES[one.value]) for one in Place]
    )
    number = forms.RegexField(r"^[0-9A-Za-z.-]{1,20}$", label=gettext_lazy("Number in the town's accounts"))
    name = forms.CharField(label=gettext_lazy("Name in the town's accounts"), max_length=120)


@seen_by(Role.TREASURER, Role.AUDITOR)
def journal(request: HttpRequest) -> HttpResponse:
    """The journal and the trial balance as files; a POST of the treasurer's changes the chart or the wording."""
    seat = seat_of(request)
    town, conn = seat.town, raw()
    first, last = last_month(town)
    asked_file = request.GET.get("file", "")
    period = PeriodForm(request.GET if asked_file else None, initial={"first": first, "last": last})
    if asked_file and period.is_valid():
        return _journal_file(town, asked_file, period.cleaned_data["first"], period.cleaned_data["last"])
    asked = request.POST.get("what", "") if request.method == "POST" and seat.role == Role.TREASURER else ""
    from django.conf import settings

    wording = WordingForm(
        request.POST if asked == "wording" else None, auto_id="w_%s",
        initial={"from_day": today_in(town), "language": papers.language()},
        languages=[(code, str(name)) for code, name in settings.LANGUAGES],
    )  # fmt: skip
    account = AccountForm(request.POST if asked == "account" else None, auto_id="c_%s")
    by: dict[str, Any] = {"town_id": town.pk, "at": timezone.now(), "actor": seat.user.actor}
    if asked == "wording" and wording.is_valid():
        said = wording.cleaned_data
        if done(
            request,
            wording,
            lambda: operations.set_wording(conn, **by, **said),
            _("Statements say so from that day on."),
        ):
            return redirect("accounts-journal")
    if asked == "account" and account.is_valid():
        kept = account.cleaned_data
        if done(request, account, lambda: operations.set_account(conn, **by, **kept), _("The chart is changed.")):
            return redirect("accounts-journal")
    context = {
        "period": period,
        "chart": [
            (
                words.PLACES[place],
                found.number,
                words.ACCOUNTS[place] if found.name == CHART[place].name else found.name,
            )
            for place, found in queries.chart(conn, town_id=town.pk).items()
        ],
        "wording": wording,
        "now_says": wording_of(town, today_in(town)),
        "account": account,
        "may_write": seat.role == Role.TREASURER,
    }
    return render(request, "koinon/accounts/journal.html", context)


def _journal_file(town: Town, what: str, first: date, last: date) -> HttpResponse:
    conn = raw()
    chart = queries.chart(conn, town_id=town.pk)
    money: dict[str, Any] = {"chart": chart, "currency": town.national_currency, "exponent": town.exponent}
    if what == "balance":
        stocks = queries.stock(conn, town_id=town.pk, day=last + timedelta(days=1))
        rows: Any = written_out.balance_rows(stocks, **money)
        return papers.csv(written_out.BALANCE, rows, written_out.name(town.slug, "balance", first, last))
    if what not in ("days", "each"):
        raise Http404
    # Read here and not while it is sent: the request's transaction ends before that.
    entries = list(queries.journal(conn, town_id=town.pk, first_day=first, last_day=last, by_day=what == "days"))
    rows = written_out.journal_rows(entries, **money)
    return papers.csv(written_out.JOURNAL, rows, written_out.name(town.slug, "journal", first, last))


def wording_of(town: Town, day: date) -> str:
    """What a statement says about taxes: in the town's own words, or in ours where it has none."""
    language = (get_language() or "en").split("-")[0]
    own = queries.wording(raw(), town_id=town.pk, language=language, day=day)
    if own is not None:
        return own
    return _(
        "%(unit)s are a means of payment at par with %(currency)s: a sale paid in them is taxed like one paid in money. "
        "This statement is no invoice. Redemption itself is no supply and bears no VAT."
    ) % {"unit": town.unit_name, "currency": town.national_currency}


# --- The year ---------------------------------------------------------------------------------


@seen_by(Role.TREASURER, Role.AUDITOR)
@in_one_snapshot
def year(request: HttpRequest) -> HttpResponse:
    """A year in figures that add up, on screen, as PDF and as CSV."""
    town, conn = seat_of(request).town, raw()
    this_year = today_in(town).year
    asked = request.GET.get("year", "")
    number = int(asked) if asked.isascii() and asked.isdecimal() and 2000 <= int(asked[:5]) <= this_year else this_year
    found = yearly.year(conn, town_id=town.pk, year=number)
    name = f"{town.slug}-{number}"
    if request.GET.get("file") == "pdf":
        return papers.pdf(papers.year(found, town=town), name)
    if request.GET.get("file") == "csv":
        funds: list[tuple[str, dict[str, int]]] = [
            ("", found.moved),
            *((one.fund or "-", one.moved) for one in found.funds),
        ]
        rows = ((fund, what, str(minor)) for fund, moved in funds for what, minor in moved.items())
        return papers.csv(("fund", "figure", "minor_units"), rows, f"{name}.csv")
    fund_names = {fund.code: fund.name for fund in programmes.funds(conn, town_id=town.pk)}
    shown = [what for what in yearly.MOVED if found.moved[what]]
    context = {
        "found": found,
        "lines": papers.year_lines(found, town),
        "years": range(this_year, max(this_year - 10, town.created_at.year - 1), -1),
        "headings": [words.YEAR_FIGURES[what] for what in shown],
        "funds": [
            (fund_names.get(one.fund) or _("Free money"), [one.moved[what] for what in shown]) for one in found.funds
        ],
    }
    return render(request, "koinon/accounts/year.html", context)


# --- Shops' statements ------------------------------------------------------------------------


@seen_by(Role.SHOP)
def own_statement(request: HttpRequest) -> HttpResponse:
    """The shop's own statement over some days, on screen, as PDF and as CSV."""
    grant = seat_of(request)
    return _statement(request, grant, party_of(grant), [])


@seen_by(Role.TREASURER, Role.AUDITOR)
def statements(request: HttpRequest) -> HttpResponse:
    """Any shop's statement, the town's own till's too."""
    grant = seat_of(request)
    shops = [(str(grant.town.party_id), _("The town's own till")), *_shops(request)]
    try:
        party = UUID(request.GET.get("shop", shops[0][0]))
    except ValueError:
        raise Http404 from None
    if str(party) not in dict(shops):
        raise Http404
    return _statement(request, grant, party, shops)


def _statement(request: HttpRequest, grant: RoleGrant, party: UUID, shops: list[tuple[str, str]]) -> HttpResponse:
    town = grant.town
    first, last = last_month(town)
    given = request.GET if "first" in request.GET else {"first": first.isoformat(), "last": last.isoformat()}
    form = PeriodForm(given)
    if form.is_valid():
        first, last = form.cleaned_data["first"], form.cleaned_data["last"]
    found = queries.shop_statement(raw(), town_id=town.pk, party=party, first_day=first, last_day=last)
    shop = (
        dict(shops).get(str(party))
        or Organisation.objects.filter(party_id=party).values_list("trade_name", flat=True).first()
    )
    wording = wording_of(town, last)
    name = f"{town.slug}-statement-{first.isoformat()}-{last.isoformat()}"
    if request.GET.get("file") == "pdf":
        return papers.pdf(papers.shop_statement(found, town=town, shop=str(shop or ""), wording=wording), name)
    if request.GET.get("file") == "csv":
        rows = (
            (
                line.at.isoformat(), line.what, line.reference, str(line.signed_minor), str(line.balance_minor),
                papers.receipt_number(line.id),
            )
            for line in found.lines
        )  # fmt: skip
        header = ("at", "what", "reference", "minor_units", "balance_minor_units", "number")
        return papers.csv(header, rows, f"{name}.csv")
    context = {
        "form": form,
        "found": found,
        "lines": [(line, words.STATEMENT_LINES[line.what]) for line in found.lines],
        "sums": [
            (words.STATEMENT_LINES[what], -minor if what in papers.TAKEN_OFF else minor)
            for what, minor in found.sums.items()
            if minor
        ],
        "wording": wording,
        "shops": shops,
        "party": str(party),
        "query": f"first={first.isoformat()}&last={last.isoformat()}" + (f"&shop={party}" if shops else ""),
    }
    return render(request, "koinon/accounts/statement.html", context)
