"""How to pay with the card, on one sheet, for whoever has never paid with one."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import override

from koinon.documents.rendering import render
from koinon.helpdesk import rules
from koinon.helpdesk.statements import PAPERS, TownOnPaper, head
from koinon.helpdesk.types import Wish


def leaflet(town: TownOnPaper, language: str, *, large: bool = False) -> bytes:
    """The sheet as PDF in a language of ours; the same for everybody."""
    with override(language):
        return render("leaflet", _said(town, language, large), language, folder=PAPERS)


def _said(town: TownOnPaper, language: str, large: bool) -> dict[str, Any]:
    spoken = language.partition("-")[0]
    return {
        "title": _("How to pay with your card"),
        "large": large,
        "town": head(town),
        "steps": [
            _("Tell the shop that you pay with the %(unit)s, and show your card.") % {"unit": town.unit_name},
            _("The shop scans the card. You keep it in your hand if you like."),
            _("Look at the screen: it shows the shop's name and the amount. If they are not right, say so and stop."),
            _("Type your PIN of six digits yourself. Let nobody see it."),
            _("It says that you have paid. Ask for the receipt if you want one."),
        ],
        "parts": [
            {
                "title": _("What you have"),
                "paragraphs": [
                    _("Every shop that takes the card can show you what is on it, and so can the town's counter."),
                    _("Part of your money may have a last day. Spend what ends first: the till does that by itself."),
                    _("The counter sends you a printed statement each month if you ask for it."),
                ],
            },
            {
                "title": _("By text message"),
                "paragraphs": [_("Ask the counter to answer your telephone. Then write one word:")],
                "words": [
                    [rules.word(Wish.BALANCE, spoken), _("tells you what you have")],
                    [rules.word(Wish.LOCK, spoken), _("blocks your cards at once if you lost one")],
                    [rules.word(Wish.STOP, spoken), _("ends the answers")],
                ],
            },
            {
                "title": _("If something is wrong"),
                "paragraphs": [
                    _(
                        "Card lost or stolen: tell the counter, any day. Your money stays yours, and you get another card."
                    ),
                    _(
                        "PIN forgotten: after five wrong ones the card waits. The counter sets a new one with you at once."
                    ),
                    _("Nobody from the town hall or a shop will ever ask you for your PIN."),
                    _(
                        "Somebody else can shop for you with a card of their own and a limit for each day. "
                        "Ask the counter; never lend your own card."
                    ),
                ],
            },
        ],
        "footer": town.name,
    }
