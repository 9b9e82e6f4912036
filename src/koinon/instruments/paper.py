"""Cards on paper. Each looks like every other, whatever its holder pays with: nobody is seen to be on aid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import override

from koinon.documents import qr
from koinon.documents.rendering import pictures, render
from koinon.instruments.types import Printable


def cards(printed: Sequence[Printable], *, town: str, unit: str, sheet: bool, language: str) -> bytes:
    """A PDF with one card a page, or with ten to a sheet of A4, in the language of those who will hold them."""
    return render("cards", _faces(printed, town=town, unit=unit, sheet=sheet, language=language), language)


def seen(printed: Sequence[Printable], *, town: str, unit: str, language: str, ppi: float = 300) -> list[bytes]:
    """The same cards as pictures (PNG), one a card, as they look when they are printed."""
    return pictures("cards", _faces(printed, town=town, unit=unit, sheet=False, language=language), language, ppi=ppi)


def _faces(printed: Sequence[Printable], *, town: str, unit: str, sheet: bool, language: str) -> dict[str, Any]:
    with override(language):
        return {
            "title": _("Cards"),
            "layout": "sheet" if sheet else "single",
            "town": {"name": town},
            "name": _("Card for the %(unit)s") % {"unit": unit},
            "lines": [_("Lost? Tell the town hall: the money stays yours."), _("Nobody may ask for your PIN.")],
            "cards": [
                {"svg": qr.svg(each.token), "alt": _("Code of the card"), "number": each.card.grouped}
                for each in printed
            ],
        }
