"""What pages hand out on paper: the words of each document in the reader's language, and its figures as pages show them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from koinon.documents.rendering import render
from koinon.helpdesk import letters, statements
from koinon.helpdesk.statements import head, money
from koinon.helpdesk.types import PaperWishes
from koinon.instruments import paper as instruments
from koinon.instruments.types import Printable
from koinon.parties.connection import raw
from koinon.parties.models import Town
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.payments.types import PartyMovement, PurseView
from koinon.web import formats

__all__ = ["answer", "as_they_read", "cards", "complaint_letter", "head", "money", "pin_letter", "statement"]


@contextmanager
def as_they_read(town: Town, party: UUID) -> Iterator[PaperWishes]:
    """Write what follows in the language in which this party wants letters, and say whether in large print."""
    wished = letters.wishes(raw(), town_id=town.pk, party=party, vault=Vault(raw(), Secrets.load()))
    with override(wished.language):
        yield wished


def answer(pdf: bytes, name: str) -> HttpResponse:
    """A PDF to save or print; kept by nobody on the way."""
    response = HttpResponse(pdf, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
    response["Cache-Control"] = "no-store"
    return response


def cards(town: Town, printed: Sequence[Printable], *, sheet: bool) -> bytes:
    """Cards, one a page or ten to a sheet."""
    return instruments.cards(printed, town=town.name, unit=town.unit_name, sheet=sheet, language=_language())


def pin_letter(town: Town, *, number: str, pin: str, to: Sequence[str], day: date, large: bool = False) -> bytes:
    """A letter that tells somebody their PIN."""
    data = {
        "title": _("Your PIN"),
        "town": head(town),
        "to": list(to),
        "date": formats.day(day),
        "paragraphs": [
            _("This is the PIN of your card. Learn it by heart, then destroy this letter."),
            _(
                "Nobody from the town hall or a shop will ever ask you for it. You can choose another one at the counter."
            ),
        ],
        "facts": [[_("Card"), number], [_("PIN"), pin]],
        "large": large,
        "footer": town.name,
    }
    return render("letter", data, _language())


def complaint_letter(
    town: Town,
    *,
    number: str,
    due_day: date,
    outcome: str,
    words: Sequence[str],
    to: Sequence[str],
    day: date,
    large: bool = False,
) -> bytes:
    """A letter that says that a complaint was taken in, or with ``outcome`` what came of it and why."""
    if outcome:
        opening = _("We have looked at your complaint %(number)s.") % {"number": number}
        facts = [[_("Complaint"), number], [_("What came of it"), outcome]]
        closing = _("If you disagree, the town's counter takes your complaint up again and tells you who else can.")
    else:
        opening = _("We have your complaint %(number)s.") % {"number": number}
        facts = [[_("Complaint"), number], [_("You will be answered by"), formats.day(due_day)]]
        closing = _("You can add to it, or take it back, at the town's counter.")
    data = {
        "title": _("Answer to your complaint") if outcome else _("Your complaint"),
        "town": head(town),
        "to": list(to),
        "date": formats.day(day),
        "paragraphs": [opening, *words],
        "facts": facts,
        "after": [closing],
        "large": large,
        "footer": town.name,
    }
    return render("letter", data, _language())


def statement(
    town: Town,
    *,
    to: Sequence[str],
    purses: Sequence[PurseView],
    found: Sequence[PartyMovement],
    first_day: date,
    last_day: date,
    day: date,
    large: bool = False,
) -> bytes:
    """What somebody has, and what moved between two days."""
    said = statements.statement(
        town, to=to, purses=purses, found=found, first_day=first_day, last_day=last_day, day=day, large=large
    )
    return statements.one(said)


def _language() -> str:
    return get_language() or "en"
