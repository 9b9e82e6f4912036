"""The bank's pages: what the banks hold, what their statements say, and what an entry is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from koinon.banking import operations, queries
from koinon.banking.bank_csv import HEADINGS
from koinon.banking.errors import FileNotFound
from koinon.banking.types import Details, Entry, Imported, KnownPayment, MatchKind
from koinon.banking.xml_reading import LARGEST_FILE
from koinon.db.transactions import savepoint
from koinon.kernel.decisions import Ground
from koinon.kernel.errors import FindingsError, KoinonError
from koinon.kernel.money import Amount
from koinon.parties.connection import raw
from koinon.parties.models import Role, RoleGrant
from koinon.parties.secrets import Secrets
from koinon.programmes import queries as programmes
from koinon.treasury.references import in_groups
from koinon.web import bank_words, formats, names, refusals, tables, words
from koinon.web.access import seat_of, seen_by
from koinon.web.snapshots import in_one_snapshot, of_one_moment
from koinon.web.tables import Column, Kind, Table

ENTRIES = Table(
    name="bank-entries",
    title=gettext_lazy("Entries"),
    hint=gettext_lazy("What was matched is on the books; the rest waits here with its reasons, and nothing is lost."),
    columns=[
        Column("booked_on", gettext_lazy("Day"), Kind.DAY, link="bank-entry", link_to="id"),
        Column("account", gettext_lazy("Account"), Kind.CODE, hidden=True),
        Column("reference", gettext_lazy("The bank's reference"), Kind.CODE),
        Column("standing", gettext_lazy("State"), Kind.CODE, words=bank_words.STANDING),
        Column("what", gettext_lazy("What it is, or why it is listed"), Kind.TEXT),
        Column("amount", gettext_lazy("Amount"), Kind.MONEY, national=True, signed=True),
    ],
    sort="-booked_on",
    empty=gettext_lazy("No statement has been imported yet."),
)
OF_A_FILE = replace(ENTRIES, empty=gettext_lazy("Every movement of this file was known before; none counts twice."))
MOST_ENTRIES = 5_000


class UploadForm(forms.Form):
    """A file from the bank; ``account`` for a table that does not say whose it is."""

    file = forms.FileField(
        label=gettext_lazy("The bank's file"),
        help_text=gettext_lazy("Statement (camt.053), status report (pain.002) or table (CSV), up to 10 MB."),
    )

    def __init__(self, *args: Any, accounts: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["account"] = forms.ChoiceField(
            label=gettext_lazy("Account"),
            choices=[("", _("As the file says")), *((code, code) for code in accounts)],
            required=False,
        )


class MatchForm(forms.Form):
    """What a listed entry is, and why."""

    def __init__(
        self, *args: Any, entry: Entry, funds: list[tuple[str, str]], payments: list[tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        kinds = bank_words.COMES if entry.amount_minor > 0 else bank_words.LEAVES
        self.fields["kind"] = forms.ChoiceField(
            label=gettext_lazy("What it is"), choices=[(kind, bank_words.KINDS[kind]) for kind in kinds]
        )
        if payments:
            self.fields["payment"] = forms.ChoiceField(
                label=gettext_lazy("Payment"), choices=[("", "–"), *payments], required=False
            )
        self.fields["fund"] = forms.ChoiceField(label=gettext_lazy("Fund"), choices=[("", "–"), *funds], required=False)
        if entry.amount_minor > 0:
            self.fields["reference"] = forms.CharField(
                label=gettext_lazy("Reference of the top-up"), max_length=40, required=False
            )
        self.fields["reason"] = forms.CharField(
            label=gettext_lazy("Why"), max_length=200, help_text=gettext_lazy("In a few words. No names.")
        )


@seen_by(Role.TREASURER, Role.AUDITOR)
@in_one_snapshot
def bank(request: HttpRequest) -> HttpResponse:
    """What the banks hold and what the books say, with every entry."""
    return _bank(request)


def _bank(request: HttpRequest, form: UploadForm | None = None, findings: Any = (), status: int = 200) -> HttpResponse:
    seat = seat_of(request)
    conn = raw()
    entries = queries.entries(conn, town_id=seat.town_id, limit=MOST_ENTRIES)
    accounts = queries.accounts(conn, town_id=seat.town_id)
    funds = {fund.id: fund.name for fund in programmes.funds(conn, town_id=seat.town_id)}
    references = queries.fund_references(conn, town_id=seat.town_id)
    context = {
        "may_act": seat.role == Role.TREASURER,
        "form": form or UploadForm(accounts=[one.code for one in accounts]),
        "findings": [(one, *bank_words.FINDINGS.get(one.code, (one.message, one.remedy))) for one in findings],
        "reserve": (reserve := queries.reserve(conn, town_id=seat.town_id)),
        "parts": [(bank_words.PARTS[part.code], part) for part in reserve.parts],
        "listed": sum(not one.is_matched for one in entries),
        "entries": ENTRIES.read(request, [_row(one) for one in entries]),
        "references": [(funds[fund], in_groups(reference)) for reference, fund in references.items()],
    }
    return tables.render(request, "koinon/bank/bank.html", context, status=status)


def _row(entry: Entry) -> dict[str, Any]:
    said = bank_words.kinds(match.kind for match in entry.matches)
    said += [bank_words.ground(ground) for ground in entry.grounds]
    return {
        "id": entry.id,
        "booked_on": entry.booked_on,
        "account": entry.account_code,
        "reference": entry.bank_reference,
        "standing": "matched" if entry.is_matched else "listed",
        "what": " · ".join(dict.fromkeys(said)),
        "amount": entry.amount_minor,
    }


@seen_by(Role.TREASURER)
@require_POST
@transaction.non_atomic_requests
def upload(request: HttpRequest) -> HttpResponse:
    """Read a file from the bank and show what importing it would do; nothing is imported yet.

    Where it is refused, the bank's page is read again in a transaction of its own, of one snapshot.
    """
    seat = seat_of(request)
    with _own_transaction():
        accounts = [one.code for one in queries.accounts(raw(), town_id=seat.town_id)]
    form = UploadForm(request.POST, request.FILES, accounts=accounts)
    findings: Any = ()
    if form.is_valid():
        sent: UploadedFile = form.cleaned_data["file"]
        content = sent.read(LARGEST_FILE + 1) if (sent.size or 0) <= LARGEST_FILE else b" " * (LARGEST_FILE + 1)
        try:
            with _own_transaction():
                shown = operations.look(
                    raw(), **_here(seat), content=content, account=form.cleaned_data["account"], secrets=Secrets.load()
                )
                if shown.replayed:
                    messages.info(request, _imported_before(seat, shown))
            return redirect("bank-file", file=shown.file_id)
        except FindingsError as refused:
            refusals.note(request, refused)
            findings = refused.findings
    with of_one_moment():
        return _bank(request, form, findings, status=422)


def _imported_before(seat: RoleGrant, found: Imported) -> str:
    assert found.imported_at is not None, "a file that is imported has its day"
    return _("This file was imported on %(day)s by %(who)s; nothing changed.") % {
        "day": formats.day(found.imported_at, seat.town.time_zone),
        "who": words.staff_name(found.imported_by),
    }


@seen_by(Role.TREASURER)
def file(request: HttpRequest, file: UUID) -> HttpResponse:
    """A file from the bank: what importing it would do, or what became of it."""
    seat = seat_of(request)
    conn = raw()
    found = queries.file(conn, town_id=seat.town_id, file_id=file)
    if found is None:
        raise FileNotFound(file=file)
    if found.imported_at is not None:
        entries = queries.entries(conn, town_id=seat.town_id, file=file, limit=MOST_ENTRIES)
        context = {
            "file": found,
            "entries": OF_A_FILE.read(request, [_row(one) for one in entries]),
            "listed": sum(not one.is_matched for one in entries),
            "matched": sum(one.is_matched for one in entries),
            "answers": _answers(queries.answers(conn, town_id=seat.town_id, file=file)),
        }
        return tables.render(request, "koinon/bank/file.html", context)
    shown = operations.look_again(conn, **_here(seat), file_id=file, secrets=Secrets.load())
    outcomes = [
        (
            one,
            bank_words.kinds(one.kinds),
            [bank_words.ground(g) for g in one.grounds],
        )
        for one in shown.outcomes
    ]
    context = {"file": found, "shown": shown, "outcomes": outcomes, "answers": _answers(shown.answers)}
    return render(request, "koinon/bank/preview.html", context)


def _answers(answers: Any) -> list[tuple[Any, Any]]:
    return [(one, bank_words.OUTCOMES.get(one.outcome, one.outcome)) for one in answers]


class AccountForm(forms.Form):
    """An account of the town, and how its bank's tables call their columns."""

    code = forms.RegexField(
        r"^[a-z0-9][a-z0-9-]{0,29}$", label=gettext_lazy("Short name"),
        help_text=gettext_lazy("Small letters, digits and dashes, such as main."),
    )  # fmt: skip
    number = forms.CharField(
        label=gettext_lazy("Account number (IBAN)"), max_length=60,
        help_text=gettext_lazy("Only its end is kept readable."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "ltr"}),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in HEADINGS:
            self.fields[f"column.{name}"] = forms.CharField(
                label=bank_words.COLUMNS[name], max_length=80, required=False
            )

    @property
    def columns(self) -> dict[str, str]:
        return {name: said for name in HEADINGS if (said := self.cleaned_data[f"column.{name}"].strip())}


@seen_by(Role.TREASURER)
def account(request: HttpRequest) -> HttpResponse:
    """Add an account of the town, or say how the headings of its bank's table are called."""
    seat, conn = seat_of(request), raw()
    form = AccountForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            with savepoint(conn):
                kept = operations.add_account(
                    conn, **_here(seat), code=form.cleaned_data["code"], number=form.cleaned_data["number"],
                    columns=form.columns, secrets=Secrets.load(),
                )  # fmt: skip
            messages.success(request, _("The account %(code)s is kept.") % {"code": kept.code})
            return redirect("bank-account")
        except KoinonError as refused:
            refusals.note(request, refused)
            form.add_error(None, refusals.sentences(refused)[0])
    accounts = queries.accounts(conn, town_id=seat.town_id)
    context = {"form": form, "accounts": accounts}
    return render(request, "koinon/bank/account.html", context, status=422 if form.errors else 200)


@seen_by(Role.TREASURER)
@require_POST
@transaction.non_atomic_requests
def import_file(request: HttpRequest, file: UUID) -> HttpResponse:
    """Import a file as it was shown; then match what can be, each entry in a transaction of its own."""
    seat = seat_of(request)
    with _own_transaction():
        done = operations.import_looked_at(
            raw(),
            **_here(seat),
            file_id=file,
            fingerprint=request.POST.get("fingerprint", ""),
            secrets=Secrets.load(),
        )
    matched = _match(seat)  # After an import that was interrupted here, too.
    if not done.replayed:
        messages.success(request, _("The file is imported."))
    elif matched:
        messages.success(request, _("%(count)s matched.") % {"count": formats.number(matched)})
    else:
        messages.info(request, _imported_before(seat, done))
    return redirect("bank-file", file=file)


@seen_by(Role.TREASURER)
@require_POST
@transaction.non_atomic_requests
def try_again(request: HttpRequest) -> HttpResponse:
    """Try to match everything that is listed."""
    matched = _match(seat_of(request))
    messages.success(request, _("%(count)s matched.") % {"count": formats.number(matched)})
    return redirect("bank")


def _match(seat: RoleGrant) -> int:
    with _own_transaction():
        conn = raw()
    return operations.match_listed(conn, **_here(seat), in_transaction=_own_transaction).matched


@contextmanager
def _own_transaction() -> Iterator[None]:
    with transaction.atomic():
        raw()  # Sends the BEGIN.
        yield


@seen_by(Role.TREASURER, Role.AUDITOR)
def entry(request: HttpRequest, entry: UUID) -> HttpResponse:
    """One entry: what it was matched with, or why it is listed and what it could be."""
    return _entry(request, queries.entry(raw(), town_id=seat_of(request).town_id, entry_id=entry))


def _entry(
    request: HttpRequest, found: Entry, form: MatchForm | None = None, details: Details | None = None, status: int = 200
) -> HttpResponse:
    seat = seat_of(request)
    context = {
        "entry": found,
        "grounds": [_ground(ground) for ground in found.grounds],
        "matches": [(bank_words.KINDS[match.kind], match) for match in found.matches],
        "may_act": seat.role == Role.TREASURER,
        "may_undo": found.is_matched and not any(match.kind.is_booked for match in found.matches),
        "may_see": names.may_see(request) and found.has_details,
        "details": details,
        "form": form or _match_form(request, found),
    }
    return render(request, "koinon/bank/entry.html", context, status=status)


def _ground(found: Ground) -> tuple[str, Any, Any]:
    """The sentence, and where it speaks of amounts, what was expected and what came."""
    return bank_words.ground(found), found.fields.get("due_minor"), found.fields.get("refusal") or ""


def _match_form(request: HttpRequest, found: Entry, data: Any = None) -> MatchForm:
    seat = seat_of(request)
    conn = raw()
    payments = queries.candidates(conn, town_id=seat.town_id, amount_minor=found.amount_minor)
    return MatchForm(
        data,
        entry=found,
        funds=[(str(fund.id), fund.name) for fund in programmes.funds(conn, town_id=seat.town_id)],
        payments=[(str(payment.id), _payment(seat, payment)) for payment in payments],
    )


def _payment(seat: RoleGrant, payment: KnownPayment) -> str:
    money = Amount(payment.amount_minor, seat.town.national_currency)
    amount = formats.amount(money, exponent=seat.town.exponent, country=seat.town.country)
    return f"{payment.id.hex[-6:]} · {amount}"


@seen_by(Role.TREASURER)
@require_POST
def match(request: HttpRequest, entry: UUID) -> HttpResponse:
    """Say what a listed entry is."""
    seat = seat_of(request)
    conn = raw()
    found = queries.entry(conn, town_id=seat.town_id, entry_id=entry)
    form = _match_form(request, found, request.POST)
    if not form.is_valid():
        return _entry(request, found, form, status=422)
    said = form.cleaned_data
    kind = MatchKind(said["kind"])
    target = said.get("fund") if kind in (MatchKind.RECEIPT, MatchKind.WITHDRAWAL) else said.get("payment")
    try:
        with savepoint(conn):
            operations.match_by_hand(
                conn,
                **_here(seat),
                entry_id=entry,
                kind=kind,
                target=UUID(target) if target else None,
                reference=said.get("reference", ""),
                reason=said["reason"],
            )
    except KoinonError as refused:
        refusals.note(request, refused)
        for ground in getattr(refused, "grounds", ()):
            form.add_error(None, bank_words.ground(ground))
        if not getattr(refused, "grounds", ()):
            form.add_error(None, refusals.sentences(refused)[0])
        return _entry(request, found, form, status=refusals.status(refused))
    messages.success(request, _("The entry is matched."))
    return redirect("bank-entry", entry=entry)


@seen_by(Role.TREASURER)
@require_POST
def undo(request: HttpRequest, entry: UUID) -> HttpResponse:
    """List an entry again that was set aside."""
    operations.undo_match(raw(), **_here(seat_of(request)), entry_id=entry, reason=request.POST.get("reason", "")[:200])
    messages.success(request, _("The entry is listed again."))
    return redirect("bank-entry", entry=entry)


@seen_by(Role.TREASURER)
@require_POST
def details(request: HttpRequest, entry: UUID) -> HttpResponse:
    """Who is on the other side of a listed entry, for those who may see who people are; that they looked is recorded."""
    seat = seat_of(request)
    conn = raw()
    seen = queries.details(
        conn,
        town_id=seat.town_id,
        entry_id=entry,
        reader=names.reader_of(request),
        secrets=Secrets.load(),
        at=timezone.now(),
    )
    response = _entry(request, queries.entry(conn, town_id=seat.town_id, entry_id=entry), details=seen)
    response["Cache-Control"] = "no-store"
    return response


def _here(seat: RoleGrant) -> dict[str, Any]:
    return {"town_id": seat.town_id, "at": timezone.now(), "actor": seat.user.actor}
