"""Movements of a purse or a till in a person's words, by day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.utils.translation import gettext as _

from koinon.parties.connection import raw
from koinon.parties.models import Town
from koinon.payments import queries
from koinon.payments.types import PartyMovement
from koinon.web import names


@dataclass(frozen=True, slots=True)
class Line:
    """One movement: what it was, and how much came or went."""

    movement: PartyMovement
    what: str


def by_day(found: list[PartyMovement], town: Town, *, shop: bool = False) -> list[tuple[date, list[Line]]]:
    """Movements under their local days, newest first, as whoever has the money sees them."""
    zone = ZoneInfo(town.time_zone)

    def day(movement: PartyMovement) -> date:
        return movement.effective_at.astimezone(zone).date()

    return [
        (when, [Line(movement, what(movement, shop=shop)) for movement in group])
        for when, group in groupby(found, key=day)
    ]


def as_called(request: HttpRequest, found: list[PartyMovement]) -> list[PartyMovement]:
    """Somebody else's movements before staff: whom they dealt with is called as this reader may call them."""
    called = names.called(request, {one.counterparty for one in found if one.counterparty is not None})
    return [
        replace(one, counterparty_name=called[one.counterparty].text)
        if one.counterparty_name and one.counterparty is not None
        else one
        for one in found
    ]


def what(movement: PartyMovement, *, shop: bool) -> str:
    """What happened, as the one whose money it is would say it."""
    other = movement.counterparty_name
    came = movement.signed_minor > 0
    if movement.code == "pay" and movement.is_reversal:
        if came:
            return _("%(shop)s gave back") % {"shop": other} if other else _("Given back to you")
        return _("Given back to a customer")
    if movement.code == "pay" and came:
        if other:
            return _("From %(shop)s") % {"shop": other}
        return _("Sale") if shop else _("Received")
    if movement.code == "pay":
        return other or _("Paid")
    if movement.code == "disburse":
        return _("Aid taken back") if movement.is_reversal else _("Aid")
    if movement.code == "reward":
        return _("Reward taken back") if movement.is_reversal else _("Reward for what you did")
    if movement.code == "topup":
        return _("Top-up given back") if movement.is_reversal else _("Topped up")
    if movement.code == "bonus":
        return _("Bonus taken back") if movement.is_reversal else _("Bonus")
    if movement.code == "redeem":
        return _("Payout undone") if movement.is_reversal else _("Asked for payout in euros")
    if movement.code == "cover":
        return _("Covered by the town: accepted without a network")
    if movement.code == "unbind":
        return _("Bound money became free")
    if movement.code == "expire":
        return _("Given again") if movement.is_reversal else _("Its last day passed: back to the town")
    return _("Movement")


def page(request: HttpRequest, town: Town, party: UUID, size: int, *, shop: bool = False) -> dict[str, Any]:
    """A page of movements, and where the next one begins."""
    try:
        before = UUID(request.GET["before"]) if "before" in request.GET else None
    except ValueError:
        before = None
    found = queries.movements(raw(), town_id=town.pk, party_id=party, before=before, limit=size + 1)
    shown = found[:size]
    return {
        "days": by_day(shown, town, shop=shop),
        "older": shown[-1].id if len(found) > size else None,
        "paged": before is not None,
    }
