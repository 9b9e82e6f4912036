"""What every unit did, for the town's staff: what became of each fund's months, and who trades with whom.

Exact figures; the public sees what disclosure control lets through. Residents stand here as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language_bidi, gettext_lazy, pgettext_lazy
from django.utils.translation import gettext as _

from koinon.impact.lettering import Letters
from koinon.impact.mapping import Map, drawn
from koinon.impact.sankey import Drawing, Link, Node, layout
from koinon.impact.town import advice, network, queries
from koinon.impact.town.advice import Advice, Ground
from koinon.impact.town.network import Network, Standing
from koinon.impact.town.types import Cohort, Flows, Followed
from koinon.kernel.periods import Month
from koinon.parties.connection import raw
from koinon.parties.models import Role, Town, Zone
from koinon.programmes.models import Fund
from koinon.web import names, words
from koinon.web.access import party_of, seat_of, seen_by
from koinon.web.published import FULL, Bar
from koinon.web.snapshots import in_one_snapshot

LOOKED_BACK = timedelta(days=90)
KEEPERS = 15
WAYS = ("kind", "zone", "sector", "sse")

WAY_NAMES = {
    "kind": pgettext_lazy("those who hold money", "Who"),
    "zone": gettext_lazy("Neighbourhood"),
    "sector": gettext_lazy("Sector"),
    "sse": gettext_lazy("Social economy"),
}
LABELS = {
    "kind": {
        "residents": gettext_lazy("residents"),
        "businesses": gettext_lazy("businesses"),
        "town": gettext_lazy("the town"),
    },
    "zone": {},
    "sector": {"residents": gettext_lazy("residents"), "town": gettext_lazy("the town")},
    "sse": {"sse": gettext_lazy("social economy"), "other": pgettext_lazy("enterprises", "others")},
}
UNKNOWN = {"unknown": gettext_lazy("not known")}
BEGINS = {"issued": gettext_lazy("given out"), "unknown origin": gettext_lazy("of unknown origin")}
ENDS = {
    "redeemed": gettext_lazy("redeemed"),
    "expired": gettext_lazy("expired"),
    "withdrawn": pgettext_lazy("units", "taken back"),
    "held": gettext_lazy("still held"),
}
SUPPLIES = {
    "produce": gettext_lazy("fruit, vegetables, meat and fish"),
    "food-and-drink": gettext_lazy("food and drink"),
    "food-nearby": gettext_lazy("fresh food from a shop nearby"),
    "textiles": gettext_lazy("clothes and textiles"),
    "household-goods": gettext_lazy("furniture, tools and household goods"),
    "health-and-care": gettext_lazy("health and care products"),
    "paper-and-games": gettext_lazy("books, paper and games"),
    "printing": gettext_lazy("printing and advertising"),
    "accounts": gettext_lazy("accounts and advice"),
    "cleaning": gettext_lazy("cleaning and laundry"),
    "repairs": gettext_lazy("repairs and building work"),
    "transport": gettext_lazy("transport and deliveries"),
    "computers": gettext_lazy("computers and repairs of them"),
    "training": gettext_lazy("courses and training"),
    "shop-supplies": gettext_lazy("tools, paper and supplies"),
    "catering": gettext_lazy("catering"),
}


@dataclass(frozen=True, slots=True)
class CohortRow:
    """A fund's month on the page: lots, and beside the multiplier what mixing says."""

    fund: str
    month: Month | None
    lots: Cohort
    multiplier: Fraction | None
    mixed: Fraction | None
    days: Fraction | None
    hops: Fraction | None


@dataclass(frozen=True, slots=True)
class ReachRow:
    """What arrived at a label with its first to fourth payment, in minor units."""

    label: str
    minor: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FlowTable:
    """From whom to whom, in words."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]


@seen_by(Role.OFFICER, Role.TREASURER, Role.AUDITOR)
@in_one_snapshot
def impact(request: HttpRequest) -> HttpResponse:
    """What became of what each fund gave out, as far as the books were followed."""
    town = seat_of(request).town
    conn = raw()
    followed = queries.followed(conn, town_id=town.pk)
    lots, mixed = followed.get("fifo"), followed.get("mixing")
    by = request.GET.get("by", "kind")
    by = by if by in WAYS else "kind"
    context: dict[str, Any] = {"lots": lots, "ways": [(way, WAY_NAMES[way]) for way in WAYS], "by": by}
    if lots is not None:
        labels = _labels(town, by)
        context |= {
            "behind": queries.unfollowed(conn, town_id=town.pk, seq_to=lots.seq_to),
            "rows": _cohorts(town, lots, mixed),
            "mixed": mixed,
            "hops": _hops(lots.total),
            "reach": _reach(lots.total, by, labels),
            "flows": _flows(lots.flows[by], labels) if by in lots.flows else None,
            "by_name": WAY_NAMES[by],
            "through_sse": _part(lots.total.through_sse, lots.total.issued),
            "stayed": _part(lots.total.stayed_in_zone, lots.total.issued),
            "out": lots.total.redeemed + lots.total.expired,
        }
    return render(request, "koinon/impact/impact.html", context)


@seen_by(Role.OFFICER, Role.TREASURER, Role.AUDITOR)
@in_one_snapshot
def trade(request: HttpRequest) -> HttpResponse:
    """Who keeps money moving, where it goes round and where it stops."""
    town = seat_of(request).town
    start, until = window(town, timezone.now())
    found = network.trade(raw(), town_id=town.pk, start=start, until=until)
    keepers = [one for one in found.standings if one.paid_minor > 0][:KEEPERS]
    ends = _ends_of_the_road(found)
    circles = [holder for circle in found.strongest for holder in circle.holders]
    shown = [*(one.trader.holder for one in keepers), *(one.trader.holder for one, _share in ends), *circles]
    called = names.called(request, shown)
    context = {
        "start": start,
        "last_day": until - timedelta(days=1),
        "network": found,
        "share": _part(found.in_circles_minor, found.between_minor),
        "keepers": [(called[one.trader.holder], one, _figure(one.onward)) for one in keepers],
        "stops": _stops(found),
        "streams": [(_sector(one.payer), _sector(one.payee), one.minor) for one in found.streams],
        "drawing": _drawing(found),
        "hoarders": [(called[one.trader.holder], one, share) for one, share in ends],
        "circles": [([called[holder] for holder in circle.holders], circle.minor) for circle in found.strongest],
        "counts": [(one.length, one.found, _figure(one.by_chance)) for one in found.circles],
        "published": network.publish(found),
        "some_unnamed": names.may_see(request) and not all(name.is_name for name in called.values()),
        "names_shown": names.names_asked(request),
    }
    return render(request, "koinon/impact/network.html", context)


@seen_by(Role.SHOP)
@in_one_snapshot
def suppliers(request: HttpRequest) -> HttpResponse:
    """Whom a shop could pay with what it redeems. Its own figures, and of others what the directory says."""
    grant = seat_of(request)
    start, until = window(grant.town, timezone.now())
    found = advice.advise(raw(), town_id=grant.town_id, party=party_of(grant), start=start, until=until)
    context = {
        "advice": found,
        "proposals": [(one, [_why(ground, one.what) for ground in one.grounds]) for one in found.proposals],
        "start": start,
        "last_day": until - timedelta(days=1),
        "left": _part(found.redeemed_minor, found.paid_minor + found.redeemed_minor),
        "map": _map_of(grant.town, found),
    }
    return render(request, "koinon/shop/suppliers.html", context)


def _map_of(town: Town, found: Advice) -> Map | None:
    """Where the proposed businesses are, by their numbers in the list; None where none of them is on the map."""
    doors = [(str(number), one.trader) for number, one in enumerate(found.proposals, 1)]
    doors += [("★", found.own)] if found.own is not None else []
    places = [
        (label, trader.latitude, trader.longitude)
        for label, trader in doors
        if trader.latitude is not None and trader.longitude is not None
    ]
    zones = Zone.objects.filter(town=town).order_by("code").values_list("code", "name", "outline")
    drawing = drawn(zones, {}, places=places)
    return drawing if drawing is not None and any(one.mark.words != "★" for one in drawing.places) else None


def window(town: Town, now: datetime) -> tuple[datetime, datetime]:
    """The ninety days up to the end of today, or of the demonstration's last day where that is ahead."""
    zone = ZoneInfo(town.time_zone)
    today = now.astimezone(zone).date()
    if town.demonstrated_until is not None:
        today = max(today, town.demonstrated_until)
    until = datetime.combine(today + timedelta(days=1), datetime.min.time(), tzinfo=zone)
    return until - LOOKED_BACK, until


def _labels(town: Town, by: str) -> dict[str, str]:
    """A dimension's labels in words: a neighbourhood may have the code of a sector, and a sector that of a neighbourhood."""
    own: dict[str, Any] = {}
    if by == "zone":
        own = dict(Zone.objects.filter(town=town).values_list("code", "name"))
    elif by == "sector":
        own = words.SECTORS
    return {code: str(name) for code, name in (UNKNOWN | own | LABELS[by]).items()}


def _cohorts(town: Town, lots: Followed, mixed: Followed | None) -> list[CohortRow]:
    """Newest month first; funds by name."""
    funds = dict(Fund.objects.filter(town=town).values_list("code", "name"))
    mixing = {one.label: one for one in mixed.cohorts} if mixed is not None else {}
    rows = [
        CohortRow(
            fund=funds.get(one.fund, _("Top-ups") if one.fund == "top-up" else one.fund),
            month=Month.parse(one.month),
            lots=one,
            multiplier=_figure(one.multiplier),
            mixed=_figure(mixing[one.label].multiplier) if one.label in mixing else None,
            days=_figure(one.quantiles.get("50")),
            hops=_figure(one.mean_hops),
        )
        for one in lots.cohorts
    ]
    return sorted(rows, key=lambda row: (-int(row.lots.month.replace("-", "")), row.fund))


def _hops(total: Cohort) -> list[Bar]:
    """How often what left had been paid, up to six times and more."""
    told = [*total.by_hops[:6], sum(total.by_hops[6:])]
    out = sum(told)
    return [
        Bar(
            label=str(hops) if hops < 6 else _("6 or more"),
            amount_minor=int(minor),
            share=_part(minor, out),
            count=None,
            width=round(FULL * minor / out),
        )
        for hops, minor in enumerate(told)
        if out and (minor or hops < 4)
    ]


def _reach(total: Cohort, by: str, labels: dict[str, str]) -> list[ReachRow]:
    """Where the first four payments arrived, the most reached first."""
    rows = [
        ReachRow(labels.get(label, label), tuple(int(hops.get(str(hop), 0)) for hop in range(1, 5)))
        for label, hops in total.reach.get(by, {}).items()
    ]
    return sorted(rows, key=lambda row: (-sum(row.minor), row.label))


def _flows(found: Flows, labels: dict[str, str]) -> FlowTable:
    """The matrix without rows and columns in which nothing stands; where it begins comes first, where it ends last.

    Which rows begin and which columns end is said by their place, for a neighbourhood may have any code.
    """
    payers, payees = len(found.rows) - len(BEGINS), len(found.columns) - len(ENDS)
    rows = [labels.get(code, code) for code in found.rows[:payers]]
    rows += [str(BEGINS[code]) for code in found.rows[payers:]]
    columns = [labels.get(code, code) for code in found.columns[:payees]]
    columns += [str(ENDS[code]) for code in found.columns[payees:]]
    kept = [at for at in range(len(columns)) if any(row[at] for row in found.amounts)]
    order = sorted((at for at in range(len(rows)) if any(found.amounts[at])), key=lambda at: at != payers)
    return FlowTable(
        columns=tuple(columns[at] for at in kept),
        rows=tuple((rows[at], tuple(found.amounts[at][column] for column in kept)) for at in order),
    )


def _stops(found: Network) -> list[tuple[str, Any, Fraction | None]]:
    return [(_sector(one.sector), one, _part(one.redeemed_minor, one.received_minor)) for one in found.stops]


def _sector(code: str | None) -> str:
    """A sector in words; None is residents."""
    if code is None:
        return _("Residents")
    return words.sector(code) if code else _("not known")


def _drawing(found: Network) -> Drawing:
    """From residents to the sectors where they buy, and from there to suppliers, to people, and out.

    What a sector got of other businesses is not drawn twice: it is in the last column.
    """
    sectors = [stop.sector for stop in found.stops]
    nodes = [Node("people", _("Residents"), 0)]
    nodes += [Node(f"at {one}", _sector(one), 1) for one in sectors]
    nodes += [Node(f"to {one}", _("Suppliers: %(sector)s") % {"sector": _sector(one)}, 2) for one in sectors]
    nodes += [Node("people again", _("Paid to residents"), 2), Node("redeemed", _("Redeemed"), 2)]
    links = [Link(f"at {stop.sector}", "redeemed", stop.redeemed_minor) for stop in found.stops]
    for stream in found.streams:
        source = "people" if stream.payer is None else f"at {stream.payer}"
        target = f"at {stream.payee}" if stream.payer is None else f"to {stream.payee}"
        links.append(Link(source, "people again" if stream.payee is None else target, stream.minor))
    return layout(nodes, links, height=700, letters=Letters(below=0), mirrored=get_language_bidi())


def _ends_of_the_road(found: Network) -> list[tuple[Standing, Fraction | None]]:
    """Businesses that redeem most: where a supplier who accepts the currency would keep most of it here."""
    most = sorted(found.standings, key=lambda one: (-one.trader.redeemed_minor, one.trader.name))[:KEEPERS]
    return [
        (one, None if one.passed_on is None else 1 - one.passed_on) for one in most if one.trader.redeemed_minor > 0
    ]


def _why(ground: Ground, what: str) -> str:
    """A reason in words that name nobody else's figures."""
    match ground:
        case Ground.SIMILAR_SHOPS_BUY_THERE:
            return _("Ten or more shops like yours pay businesses of this kind.")
        case Ground.USUAL_SUPPLY:
            return _("Shops like yours usually buy this: %(what)s.") % {"what": SUPPLIES[what]}
        case Ground.ANY_BUSINESS_NEEDS:
            return _("Any business may need this: %(what)s.") % {"what": SUPPLIES[what]}
        case Ground.SAME_NEIGHBOURHOOD:
            return _("In your neighbourhood.")
        case Ground.NEARBY:
            return _("A few minutes' walk away.")
        case Ground.SOCIAL_ECONOMY:
            return _("Social economy.")


def _part(part: float | None, whole: float) -> Fraction | None:
    return None if part is None or not whole else Fraction(part) / Fraction(whole)


def _figure(number: float | None) -> Fraction | None:
    return None if number is None else Fraction(number)
