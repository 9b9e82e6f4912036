"""The resident's pages: what I have and until when, what moved, where to spend it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from koinon.campaigns.types import Trigger
from koinon.kernel.text import fold
from koinon.ledger import queries as books
from koinon.parties import queries as parties
from koinon.parties.connection import raw
from koinon.parties.models import Household, Role, RoleGrant, Zone
from koinon.payments import queries
from koinon.payments.types import Place, PurseView
from koinon.programmes import queries as plans
from koinon.programmes.spending import SpendingRule, Version
from koinon.programmes.types import FundView
from koinon.web import formats, movements, spending, wallet, words
from koinon.web.access import party_of, seat_of, seen_by
from koinon.web.views.topups import running

ENDS_SOON = timedelta(days=21)
PAGE = 40


@dataclass(frozen=True, slots=True)
class PurseCard:
    """One purse as its owner sees it."""

    purse: PurseView
    begins: date | None
    soon: bool
    over: bool
    sentences: list[str] = field(default_factory=list)
    coming: Version | None = None
    later: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        return _money_key(self.purse.fund)


@seen_by(Role.RESIDENT)
def purse(request: HttpRequest) -> HttpResponse:
    grant = seat_of(request)
    conn = raw()
    now = timezone.now()
    found = queries.purses(conn, town_id=grant.town_id, payer=party_of(grant), at=now)
    today = now.astimezone(ZoneInfo(grant.town.time_zone)).date()
    names = dict(Zone.objects.filter(town=grant.town).values_list("code", "name"))
    funds = {fund.id: fund for fund in plans.funds(conn, town_id=grant.town_id)}
    named = spending.named(version.rule for fund in funds.values() for version in fund.versions)
    signs = (
        {one.party_id: one.trade_name for one in parties.organisations(conn, town_id=grant.town_id)} if named else {}
    )

    def say(rule: SpendingRule) -> list[str]:
        return spending.sentences(rule, town=grant.town, zones=names, payees=signs)

    cards = [
        _card(view, today, say, funds.get(view.fund) if view.fund else None)
        for view in found
        if view.fund is not None or view.available_minor
    ]
    recent = queries.movements(conn, town_id=grant.town_id, party_id=party_of(grant), limit=5)
    context = {
        "total": sum(card.purse.available_minor for card in cards if not card.over),
        "cards": cards,
        "days": movements.by_day(recent, grant.town),
        "campaigns": running(grant.town, Trigger.PURCHASE, Trigger.TOPUP),
        "seen": _seen(grant, now),
    }
    return wallet.show(request, "koinon/purse/purse.html", context)


def _seen(grant: RoleGrant, now: datetime) -> dict[str, Any]:
    """When the page was made, in words, and the number that the town shows to everybody: what a device may keep."""
    head = books.head(raw(), town_id=grant.town_id)
    return {
        "at": formats.instant(now, grant.town.time_zone),
        "day": now.astimezone(ZoneInfo(grant.town.time_zone)).date().isoformat(),
        "town": grant.town.slug,
        "whose": wallet.whose(grant.user),
        "head": {"block": head.number, "hash": head.hash.hex()} if head is not None else None,
    }


def _card(view: PurseView, today: date, say: Callable[[SpendingRule], list[str]], fund: FundView | None) -> PurseCard:
    last = view.last_day
    later = fund.versions if fund is not None else ()
    coming = next((one for one in later if one.from_day is not None and one.from_day > today), None)
    return PurseCard(
        purse=view,
        begins=view.spend_from if view.spend_from and view.spend_from > today else None,
        soon=last is not None and today <= last <= today + ENDS_SOON,
        over=last is not None and last < today,
        sentences=say(view.rule) if fund is not None else [],
        coming=coming,
        later=say(coming.rule) if coming is not None else [],
    )


@seen_by(Role.RESIDENT)
def purse_movements(request: HttpRequest) -> HttpResponse:
    grant = seat_of(request)
    return wallet.show(
        request, "koinon/purse/movements.html", movements.page(request, grant.town, party_of(grant), PAGE)
    )


@seen_by(Role.RESIDENT)
def where(request: HttpRequest) -> HttpResponse:
    """Every shop where some of the money is good today, by neighbourhood and on the map."""
    grant = seat_of(request)
    conn, now = raw(), timezone.now()
    places = queries.where_to_spend(conn, town_id=grant.town_id, payer=party_of(grant), at=now)
    mine = [
        view
        for view in queries.purses(conn, town_id=grant.town_id, payer=party_of(grant), at=now)
        if view.available_minor > 0
    ]
    zone, kind, money = (request.GET.get(name, "") for name in ("zone", "kind", "money"))
    shown = [
        place
        for place in places
        if (not zone or place.zone == zone)
        and (not kind or place.sector_group == kind)
        and (not money or money in {_money_key(fund) for fund in place.funds})
    ]
    context = {
        "count": len(shown),
        "groups": _by_zone(shown, _own_zone(grant), all_open=bool(zone or kind)),
        "zones": _choices((place.zone, place.zone_name) for place in places),
        "kinds": _choices((place.sector_group, words.sector(place.sector_group)) for place in places),
        "moneys": [(_money_key(view.fund), view.fund_name) for view in mine] if len(mine) > 1 else [],
        "zone": zone,
        "kind": kind,
        "money": money,
        "some_by_share": any(place.by_share for place in shown),
        "map": _map(grant, shown),
    }
    return wallet.show(request, "koinon/purse/where.html", context)


def _money_key(fund: UUID | None) -> str:
    """How an address names money: by its fund, or as free."""
    return "free" if fund is None else fund.hex


def _map(grant: RoleGrant, places: list[Place]) -> dict[str, Any] | None:
    """What the map draws; None where the town has drawn none, or none of these shops stands on it."""
    drawn = Zone.objects.filter(town=grant.town, outline__isnull=False).values_list("code", "name", "outline")
    own = _own_zone(grant)
    shops = [
        {
            "id": place.party_id.hex,
            "name": place.trade_name,
            "kind": str(words.sector(place.sector_group)),
            "sse": place.is_sse,
            "at": [float(place.latitude), float(place.longitude)],
        }
        for place in places
        if place.latitude is not None and place.longitude is not None
    ]
    if not shops:
        return None
    zones = [{"name": name, "own": code == own, "outline": outline} for code, name, outline in drawn]
    return {"zones": zones, "shops": shops}


@dataclass(frozen=True, slots=True)
class ZoneGroup:
    """The shops of a neighbourhood; the reader's own one lies open."""

    name: str
    places: list[dict[str, Any]]
    open: bool


def _by_zone(places: list[Place], own: str, *, all_open: bool) -> list[ZoneGroup]:
    """One's own neighbourhood first, the others by name."""
    ordered = sorted(places, key=lambda place: (place.zone != own, fold(place.zone_name), fold(place.trade_name)))
    return [
        ZoneGroup(
            name,
            [{"place": place, "kind": words.sector(place.sector_group)} for place in group],
            all_open or zone == own,
        )
        for (zone, name), group in groupby(ordered, key=lambda place: (place.zone, place.zone_name))
    ]


def _own_zone(grant: RoleGrant) -> str:
    """Where the household lives; empty where nobody has said."""
    household = Household.objects.filter(pk=party_of(grant)).select_related("zone").first()
    return household.zone.code if household is not None and household.zone is not None else ""


def _choices(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted({pair for pair in pairs if pair[0]}, key=lambda pair: fold(pair[1]))
