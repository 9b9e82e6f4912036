"""Statements on paper: what somebody has and what moved, alone or many in one file, each in its reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from koinon.documents import formats
from koinon.documents.rendering import RIGHT_TO_LEFT, render
from koinon.kernel.money import Amount
from koinon.payments.types import PartyMovement, PurseView
from koinon.payments.wording import what

PAPERS = Path(__file__).parent / "papers"


class TownOnPaper(Protocol):
    """What a letter says of its town."""

    @property
    def name(self) -> str: ...
    @property
    def country(self) -> str: ...
    @property
    def unit_code(self) -> str: ...
    @property
    def unit_name(self) -> str: ...
    @property
    def unit_symbol(self) -> str: ...
    @property
    def exponent(self) -> int: ...
    @property
    def time_zone(self) -> str: ...


def statement(
    town: TownOnPaper,
    *,
    to: Sequence[str],
    purses: Sequence[PurseView],
    found: Sequence[PartyMovement],
    first_day: date,
    last_day: date,
    day: date,
    large: bool = False,
) -> dict[str, Any]:
    """What a statement says, in the language that is active: for ``one`` or ``many``. ``found`` is newest first."""
    came = sum(movement.signed_minor for movement in found if movement.signed_minor > 0)
    went = sum(movement.signed_minor for movement in found if movement.signed_minor < 0)
    return {
        "title": _("Statement"),
        "lang": (get_language() or "en").partition("-")[0],
        "rtl": (get_language() or "en").partition("-")[0] in RIGHT_TO_LEFT,
        "large": large,
        "town": head(town),
        "to": list(to),
        "date": formats.day(day),
        "facts": [
            [_("Period"), f"{formats.day(first_day)} – {formats.day(last_day)}"],
            [_("Came in"), money(town, came, signed=True)],
            [_("Went out"), money(town, went, signed=True)],
        ],
        "columns": [
            {"title": _("Day")},
            {"title": _("What"), "wide": True},
            {"title": _("Amount"), "amount": True},
        ],
        "rows": _rows(town, found),
        "empty": _("Nothing moved in this time."),
        "totals": [
            [
                (purse.fund_name or _("Free money"))
                + (f" · {_('until')} {formats.day(purse.last_day, style='short')}" if purse.last_day else ""),
                money(town, purse.available_minor),
            ]
            for purse in purses
        ],
        "notes": [_("The amounts at the end are what can be spent on the day of this statement.")],
        "footer": town.name,
    }


def one(said: dict[str, Any]) -> bytes:
    """A statement as PDF."""
    return render("statement", said, str(said["lang"]))


def many(said: Sequence[dict[str, Any]]) -> bytes:
    """Many statements as one PDF, each on sheets of its own in its own language and size."""
    first = said[0]
    return render("statements", {"title": first["title"], "letters": list(said)}, str(first["lang"]), folder=PAPERS)


def head(town: TownOnPaper) -> dict[str, Any]:
    """What stands at the top of the town's papers."""
    return {"name": town.name, "lines": [_("The %(unit)s, our public currency") % {"unit": town.unit_name}]}


def money(town: TownOnPaper, minor: int, *, signed: bool = False) -> str:
    """An amount of the town's unit, as its pages write it."""
    return formats.amount(
        Amount(minor, town.unit_code),
        exponent=town.exponent,
        country=town.country,
        symbol=town.unit_symbol,
        signed=signed,
    )


def _rows(town: TownOnPaper, found: Sequence[PartyMovement]) -> list[list[str]]:
    zone = ZoneInfo(town.time_zone)
    days = groupby(found, key=lambda movement: movement.effective_at.astimezone(zone).date())
    return [
        [formats.day(day, style="short"), what(movement, shop=False), money(town, movement.signed_minor, signed=True)]
        for day, group in days
        for movement in group
    ]
