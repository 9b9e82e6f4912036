"""Complaints at the counter: taking them in, writing on them, attaching, answering."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from koinon.audit import queries as trail
from koinon.casework import operations, queries, rules
from koinon.casework.types import About, ComplaintState, Count, Outcome
from koinon.db.statements import statement
from koinon.db.transactions import savepoint
from koinon.helpdesk.own_data import ERASURE
from koinon.helpdesk.types import PaperWishes
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import new_id
from koinon.parties.connection import raw
from koinon.parties.models import Role
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.web import acts, attaching, names, paper, refusals, tables, words
from koinon.web.access import seat_of, seen_by
from koinon.web.attaching import DocumentForm
from koinon.web.tables import Column, Kind, Table

ABOUTS: dict[str, Any] = {
    About.CARD: gettext_lazy("a card or its PIN"),
    About.PAYMENT: gettext_lazy("a payment"),
    About.AID: gettext_lazy("aid, or a decision about it"),
    About.SHOP: gettext_lazy("a shop"),
    About.STAFF: gettext_lazy("how somebody was treated"),
    About.DATA: gettext_lazy("personal data"),
    About.OTHER: gettext_lazy("something else"),
}
OUTCOMES: dict[str, Any] = {
    Outcome.UPHELD: gettext_lazy("They are right"),
    Outcome.PARTLY: gettext_lazy("They are right in part"),
    Outcome.NOT_UPHELD: gettext_lazy("They are not right"),
}
STATES: dict[str, Any] = {
    ComplaintState.OPEN: gettext_lazy("Waiting for an answer"),
    ComplaintState.ANSWERED: gettext_lazy("Answered"),
    ComplaintState.WITHDRAWN: gettext_lazy("Taken back"),
}
NOTE_KINDS = {
    "words": gettext_lazy("The complaint"),
    "note": gettext_lazy("Note for colleagues"),
    "answer": gettext_lazy("The answer"),
}
COMPLAINTS = Table(
    name="complaints",
    title=gettext_lazy("Complaints"),
    source=statement("koinon.casework", "complaints_listed"),
    columns=[
        Column("number", gettext_lazy("Number"), Kind.CODE, link="complaint", link_to="id"),
        Column("about", gettext_lazy("About"), words=ABOUTS),
        Column("state", gettext_lazy("State"), Kind.STATE, words=STATES),
        Column("due_day", gettext_lazy("To be answered by"), Kind.DAY),
        Column("overdue", gettext_lazy("Late"), Kind.FLAG),
        Column("party", gettext_lazy("Who complains"), Kind.PARTY, link="counter-person"),
        Column("opened_at", gettext_lazy("Taken in"), Kind.INSTANT, hidden=True),
        Column("assigned_to", gettext_lazy("Answered by"), Kind.CODE, hidden=True),
    ],
    sort="due_day",
    empty=gettext_lazy("Nobody has complained yet."),
)


class ComplaintForm(forms.Form):
    """What somebody complains about, in their own words."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)
    party = forms.UUIDField(widget=forms.HiddenInput, required=False)
    about = forms.ChoiceField(label=gettext_lazy("About"), choices=list(ABOUTS.items()))
    words = forms.CharField(
        label=gettext_lazy("In their words"),
        help_text=gettext_lazy("Sealed: few can read it, and it ends with the person's data."),
        widget=forms.Textarea(attrs={"rows": 6, "dir": "auto"}),
        max_length=rules.MOST_LETTERS,
    )


class NoteForm(forms.Form):
    words = forms.CharField(
        label=gettext_lazy("Note for colleagues"),
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
        max_length=rules.MOST_LETTERS,
    )


class AnswerForm(forms.Form):
    outcome = forms.ChoiceField(label=gettext_lazy("What came of it"), choices=list(OUTCOMES.items()))
    words = forms.CharField(
        label=gettext_lazy("The answer"),
        widget=forms.Textarea(attrs={"rows": 5, "dir": "auto"}),
        max_length=rules.MOST_LETTERS,
    )


@seen_by(Role.OFFICER)
def complaints(request: HttpRequest) -> HttpResponse:
    """Every complaint, those to be answered first."""
    town = seat_of(request).town
    today = timezone.now().astimezone(ZoneInfo(town.time_zone)).date()
    waiting = queries.waiting(raw(), town_id=town.pk)
    context = {
        "complaints": COMPLAINTS.read(request, today=today),
        "waiting": len(waiting),
        "late": sum(complaint.due_day < today for complaint in waiting),
    }
    return tables.render(request, "koinon/counter/complaints.html", context)


@seen_by(Role.OFFICER)
def new(request: HttpRequest) -> HttpResponse:
    """Take a complaint in; of a person where one was found at the counter."""
    seat = seat_of(request)
    initial = {"form_id": new_id(), "party": request.GET.get("party", "")}
    form = ComplaintForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        made = operations.open_complaint(
            raw(),
            town_id=seat.town_id,
            about=About(form.cleaned_data["about"]),
            words=form.cleaned_data["words"],
            idempotency_key=f"web:{form.cleaned_data['form_id']}",
            actor=seat.user.actor,
            at=timezone.now(),
            vault=_vault(),
            party=form.cleaned_data["party"],
        )
        messages.success(request, _("Complaint %(number)s is taken in.") % {"number": made.number})
        return redirect("complaint", complaint=made.id)
    return render(request, "koinon/counter/complaint_new.html", {"form": form})


@seen_by(Role.OFFICER)
def complaint(request: HttpRequest, complaint: UUID) -> HttpResponse:
    """One complaint; its words for those who may see them, once they ask to."""
    return _page(request, complaint)


def _page(request: HttpRequest, complaint_id: UUID, status: int = 200, **filled: Any) -> HttpResponse:
    seat = seat_of(request)
    conn = raw()
    found = queries.complaint(conn, town_id=seat.town_id, complaint_id=complaint_id)
    today = timezone.now().astimezone(ZoneInfo(seat.town.time_zone)).date()
    answers = (found.closed_by if found.state is ComplaintState.ANSWERED else "") or found.assigned_to
    context: dict[str, Any] = {
        "complaint": found,
        "about": ABOUTS[found.about],
        "state": STATES[found.state],
        "outcome": OUTCOMES.get(found.outcome, ""),
        "late": found.state is ComplaintState.OPEN and found.due_day < today,
        "name": names.called(request, [found.party])[found.party] if found.party else None,
        "assigned": words.staff_name(answers) if answers else "",
        "mine": found.assigned_to == seat.user.actor,
        "may_see": names.may_see(request),
        "asked": names.names_asked(request),
        "erasure": found.subject.startswith(f"{ERASURE}:"),
        "note_form": NoteForm(auto_id="note_%s"),
        "answer_form": AnswerForm(auto_id="answer_%s"),
        "document_form": DocumentForm(initial={"form_id": new_id()}, auto_id="document_%s"),
        "acts": acts.acts(
            trail.entries_of_subject(conn, town_id=seat.town_id, subject=f"complaint:{complaint_id}", size=100)
        ),
        **filled,
    }
    if context["asked"]:
        reader, vault = names.reader_of(request), _vault()
        context["notes"] = [
            (note, NOTE_KINDS[note.kind], words.staff_name(note.by))
            for note in queries.notes(
                conn, town_id=seat.town_id, complaint_id=complaint_id, reader=reader, at=timezone.now(), vault=vault
            )
        ]
        context["documents"] = queries.documents(
            conn, town_id=seat.town_id, complaint_id=complaint_id, reader=reader, vault=vault
        )
    return render(request, "koinon/counter/complaint.html", context, status=status)


@seen_by(Role.OFFICER)
@require_POST
def note(request: HttpRequest, complaint: UUID) -> HttpResponse:
    seat = seat_of(request)
    form = NoteForm(request.POST, auto_id="note_%s")
    if not form.is_valid():
        return _page(request, complaint, 422, note_form=form)
    operations.add_note(
        raw(),
        town_id=seat.town_id,
        complaint_id=complaint,
        words=form.cleaned_data["words"],
        actor=seat.user.actor,
        at=timezone.now(),
        vault=_vault(),
    )
    messages.success(request, _("The note is kept."))
    return redirect("complaint", complaint=complaint)


@seen_by(Role.OFFICER)
@require_POST
def answer(request: HttpRequest, complaint: UUID) -> HttpResponse:
    seat = seat_of(request)
    form = AnswerForm(request.POST, auto_id="answer_%s")
    if not form.is_valid():
        return _page(request, complaint, 422, answer_form=form)
    operations.answer(
        raw(),
        town_id=seat.town_id,
        complaint_id=complaint,
        outcome=Outcome(form.cleaned_data["outcome"]),
        words=form.cleaned_data["words"],
        actor=seat.user.actor,
        at=timezone.now(),
        vault=_vault(),
    )
    messages.success(request, _("The complaint is answered. Whoever complained is told that there is an answer."))
    return redirect("complaint", complaint=complaint)


@seen_by(Role.OFFICER)
@require_POST
def step(request: HttpRequest, complaint: UUID) -> HttpResponse:
    """Take it on, note that it was taken back, or open it again."""
    seat = seat_of(request)
    how: dict[str, Any] = {
        "town_id": seat.town_id,
        "complaint_id": complaint,
        "actor": seat.user.actor,
        "at": timezone.now(),
    }
    match request.POST.get("step"):
        case "take":
            operations.assign(raw(), to=seat.user.actor, **how)
            messages.success(request, _("The complaint is yours to answer."))
        case "withdraw":
            operations.withdraw(raw(), **how)
            messages.success(request, _("The complaint was taken back."))
        case "reopen":
            operations.reopen(raw(), **how)
            messages.success(request, _("The complaint is open again."))
        case _:
            messages.error(request, _("Choose what to do."))
    return redirect("complaint", complaint=complaint)


@seen_by(Role.OFFICER)
@require_POST
def attach(request: HttpRequest, complaint: UUID) -> HttpResponse:
    """Attach a document."""
    seat = seat_of(request)
    form = DocumentForm(request.POST, request.FILES, auto_id="document_%s")

    def keep(name: str, content: bytes, key: str) -> None:
        operations.attach(
            raw(), town_id=seat.town_id, complaint_id=complaint, name=name, content=content, idempotency_key=key,
            actor=seat.user.actor, at=timezone.now(), vault=_vault(),
        )  # fmt: skip

    if attaching.is_kept(request, form, keep):
        messages.success(request, _("The document is attached."))
        return redirect("complaint", complaint=complaint)
    return _page(request, complaint, 422, document_form=form)


@seen_by(Role.OFFICER)
@require_POST
def document(request: HttpRequest, complaint: UUID, document: UUID) -> HttpResponse:
    """A document to save, or its end; who opened it is recorded."""
    seat = seat_of(request)
    reader = names.reader_of(request)
    if "remove" in request.POST:
        operations.remove_document(
            raw(),
            town_id=seat.town_id,
            complaint_id=complaint,
            document_id=document,
            reader=reader,
            at=timezone.now(),
        )
        messages.success(request, _("The document is destroyed."))
        return redirect("complaint", complaint=complaint)
    name, kind, content = queries.document(
        raw(),
        town_id=seat.town_id,
        complaint_id=complaint,
        document_id=document,
        reader=reader,
        at=timezone.now(),
        vault=_vault(),
    )
    return attaching.to_save(name, kind, content)


@seen_by(Role.OFFICER)
@require_POST
def letter(request: HttpRequest, complaint: UUID) -> HttpResponse:
    """On paper, for those without telephone or e-mail: that it was taken in, or the answer."""
    seat = seat_of(request)
    conn, reader, now = raw(), names.reader_of(request), timezone.now()
    found = queries.complaint(conn, town_id=seat.town_id, complaint_id=complaint)
    told: list[str] = []
    if found.state is ComplaintState.ANSWERED:
        written = queries.notes(
            conn, town_id=seat.town_id, complaint_id=complaint, reader=reader, at=now, vault=_vault()
        )
        told = next((note.words.splitlines() for note in reversed(written) if note.kind == "answer"), [])
    to: list[str] = []
    reading: AbstractContextManager[PaperWishes | None] = nullcontext()
    if found.party is not None:
        to = [names.called(request, [found.party], names=reader.sees_personal_data)[found.party].text]
        reading = paper.as_they_read(seat.town, found.party)
    with reading as wished:
        pdf = paper.complaint_letter(
            seat.town,
            number=found.number,
            due_day=found.due_day,
            outcome=str(OUTCOMES.get(found.outcome, "")),
            words=[line for line in told if line.strip()],
            to=to,
            day=now.astimezone(ZoneInfo(seat.town.time_zone)).date(),
            large=wished is not None and wished.large_print,
        )
    return paper.answer(pdf, found.number)


def _vault() -> Vault:
    return Vault(raw(), Secrets.load())


COUNTS: dict[str, Any] = {
    "days": gettext_lazy("days"),
    "working-days": gettext_lazy("working days"),
    "months": gettext_lazy("months"),
}


class TermForm(forms.Form):
    """How long an answer may take, from a day on, and who says so."""

    about = forms.ChoiceField(
        label=gettext_lazy("About"), choices=[("", gettext_lazy("everything")), *ABOUTS.items()], required=False
    )
    from_day = forms.DateField(
        label=gettext_lazy("From"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    number = forms.IntegerField(label=gettext_lazy("How many"), min_value=1, max_value=365)
    count = forms.ChoiceField(label=gettext_lazy("What is counted"), choices=list(COUNTS.items()))
    source = forms.CharField(label=gettext_lazy("Decision or law that says so"), max_length=200)


@seen_by(Role.OFFICER)
def terms(request: HttpRequest) -> HttpResponse:
    """How long answers may take, and by which rule; a POST sets the town's own time from a day on."""
    seat, conn = seat_of(request), raw()
    today = timezone.now().astimezone(ZoneInfo(seat.town.time_zone)).date()
    form = TermForm(request.POST or None, initial={"from_day": today})
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            with savepoint(conn):
                operations.set_term(
                    conn, town_id=seat.town_id, about=About(said["about"]) if said["about"] else None,
                    from_day=said["from_day"], number=said["number"], count=Count(said["count"]),
                    source=said["source"], actor=seat.user.actor, at=timezone.now(),
                )  # fmt: skip
            messages.success(request, _("The time for answers is set. Complaints that are in keep theirs."))
            return redirect("complaint-terms")
        except KoinonError as refused:
            refusals.note(request, refused)
            form.add_error(None, refusals.sentences(refused)[0])
    own = queries.terms(conn, town_id=seat.town_id)
    held = [(ABOUTS[about], rules.term(country=seat.town.country, about=about, day=today, own=own)) for about in About]
    context = {
        "form": form,
        "held": [(title, term, COUNTS[term.count], term in own) for title, term in held],
        "ahead": [
            (ABOUTS.get(term.about, _("everything")), term, COUNTS[term.count]) for term in own if term.from_day > today
        ],
    }
    return render(request, "koinon/counter/terms.html", context, status=422 if form.errors else 200)
