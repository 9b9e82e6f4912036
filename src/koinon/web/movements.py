"""Movements of a purse or a till in a person's words (``koinon.payments.wording``), by day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpRequest

from koinon.parties.connection import raw
from koinon.parties.models import Town
from koinon.payments import queries
from koinon.payments.types import PartyMovement
from koinon.payments.wording import what
from koinon.web import names

__all__ = ["Line", "as_called", "by_day", "page", "sales", "what"]

SALES_LISTED = 300


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


def sales(*, town_id: int, payee: UUID, day: date) -> dict[str, Any]:
    """What was sold on a day, the newest where it is very much; ``some_sales_unlisted`` says that the list is not all of it."""
    found = queries.sold_on(raw(), town_id=town_id, payee=payee, day=day, limit=SALES_LISTED + 1)
    return {"sales": found[:SALES_LISTED], "some_sales_unlisted": len(found) > SALES_LISTED}
