"""The letter by which a resident or a shop opens an account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from koinon.documents import qr
from koinon.documents.rendering import render
from koinon.parties.models import Town
from koinon.web import formats, paper


def letter(town: Town, *, code: str, address: str, until: date, to: Sequence[str], day: date) -> bytes:
    """The letter with the code. Its picture carries the code behind ``#``, where no server and no log sees it."""
    data = {
        "title": _("Open your account"),
        "town": paper.head(town),
        "to": list(to),
        "date": formats.day(day),
        "paragraphs": [
            _("With this code you open an account: to see what you have and where to spend it, and to pay."),
            _("It works once, for one person. Give it to nobody outside your household or shop."),
        ],
        "facts": [[_("Code"), code], [_("Address"), address], [_("Good until"), formats.day(until)]],
        "code": {"svg": qr.svg(f"{address}#{code}"), "alt": _("Code to open the account"), "caption": address},
        "after": [
            _(
                "Aid is paid without an account, too. If you lose this letter, tell the counter: its code is ended at once."
            )
        ],
        "footer": town.name,
    }
    return render("letter", data, get_language() or "en")
