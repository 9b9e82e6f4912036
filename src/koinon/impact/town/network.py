"""Who trades with whom: circles in which money comes back, who keeps it moving, where it stops.

docs/algorithms/network.md works an example. Residents are one point of the network, never a point each: nothing here can
name a person or tell what one did. Exact, so for the town's staff; ``publish`` says what of it anybody may see.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import many, statement
from koinon.impact.publication import Rules

_PACKAGE = "koinon.impact"
_STANDARD = Rules()
PAYMENTS_AHEAD = (
    64  # How many further payments ``onward`` looks ahead; what a circle without a way out adds after is lost.
)
LONGEST_CIRCLE = 5
STEPS = 400_000  # Looking for circles ends after so many steps, about a second.
CIRCLES_TOLD = 12


@dataclass(frozen=True, slots=True)
class Link:
    """What a payer paid a payee, net of refunds; None is all residents together, ``people`` how many of them."""

    payer: UUID | None
    payee: UUID | None
    minor: int
    payments: int
    people: int


@dataclass(frozen=True, slots=True)
class Trader:
    """A business with a till, what is public of it, and what it redeemed in the period."""

    holder: UUID
    name: str
    sector: str
    nace: str
    zone: str
    zone_name: str
    is_sse: bool
    latitude: float | None
    longitude: float | None
    accepts: bool
    redeemed_minor: int


@dataclass(frozen=True, slots=True)
class Standing:
    """One business in the network, in minor units.

    ``passed_on`` is the part of what left it that was paid on rather than redeemed, None where nothing left.
    ``onward`` is how many more payments a unit makes, on average, once it has arrived here.
    ``in_circle``: what it pays can come back to it through businesses alone.
    """

    trader: Trader
    received_minor: int
    from_businesses_minor: int
    paid_minor: int
    to_businesses_minor: int
    suppliers: int
    customers: int
    passed_on: Fraction | None
    onward: float
    in_circle: bool


@dataclass(frozen=True, slots=True)
class Circle:
    """Businesses of which each paid the next and the last one the first; ``minor`` is the smallest of these payments."""

    holders: tuple[UUID, ...]
    minor: int


@dataclass(frozen=True, slots=True)
class Circles:
    """How many circles of a length there are, and how many chance alone would make of as many customers and suppliers."""

    length: int
    found: int
    by_chance: float


@dataclass(frozen=True, slots=True)
class Stop:
    """Where money stops: what the businesses of a sector received, paid on and redeemed."""

    sector: str
    businesses: int
    received_minor: int
    paid_minor: int
    redeemed_minor: int


@dataclass(frozen=True, slots=True)
class Stream:
    """What businesses of a sector paid those of another (or of their own); None is residents, on either end."""

    payer: str | None
    payee: str | None
    minor: int


@dataclass(frozen=True, slots=True)
class Network:
    """A town's trade in a period. ``complete`` is false where there are more circles than were looked for.

    ``between_minor`` is what businesses paid businesses, ``in_circles_minor`` what of it was paid within circles of
    any length, ``to_residents_minor`` what businesses paid residents.
    """

    start: datetime
    until: datetime
    standings: tuple[Standing, ...]
    links: int
    between_minor: int
    in_circles_minor: int
    to_residents_minor: int
    circles: tuple[Circles, ...]
    strongest: tuple[Circle, ...]
    complete: bool
    stops: tuple[Stop, ...]
    streams: tuple[Stream, ...]
    largest_payer_minor: int
    payers_in_circles: int


@dataclass(frozen=True, slots=True)
class PublicNetwork:
    """What anybody may see: rounded, and None where it would tell about a few businesses."""

    businesses: int | None
    links: int | None
    in_circles: Fraction | None
    pairs: int | None
    triangles: int | None


def trade(conn: Connection[Any], *, town_id: int, start: datetime, until: datetime) -> Network:
    """The network of a town's trade from ``start`` (included) until ``until`` (excluded)."""
    links, traders = read(conn, town_id=town_id, start=start, until=until)
    return network(traders, links, start=start, until=until)


def read(conn: Connection[Any], *, town_id: int, start: datetime, until: datetime) -> tuple[list[Link], list[Trader]]:
    """Who paid whom, and who there is."""
    asked: dict[str, Any] = {"town_id": town_id, "start": start, "until": until}
    return (
        many(conn, statement(_PACKAGE, "trading"), Link, **asked),
        many(conn, statement(_PACKAGE, "traders"), Trader, **asked),
    )


def network(traders: Sequence[Trader], links: Sequence[Link], *, start: datetime, until: datetime) -> Network:
    """What follows from who paid whom."""
    between = [link for link in links if link.payer is not None and link.payee is not None]
    ways: dict[UUID, dict[UUID, int]] = defaultdict(dict)
    for link in links:
        if link.payer is not None and link.payee is not None:
            ways[link.payer][link.payee] = link.minor
    component = _components(ways)
    inside = [link for link in between if component.get(link.payer) == component.get(link.payee)]
    standings = _standings(traders, links, component, _onward(traders, links))
    found, complete = _circles(ways, component)
    paid_inside: dict[UUID | None, int] = defaultdict(int)
    for link in inside:
        paid_inside[link.payer] += link.minor
    return Network(
        start=start,
        until=until,
        standings=standings,
        links=len(between),
        between_minor=sum(link.minor for link in between),
        in_circles_minor=sum(link.minor for link in inside),
        to_residents_minor=sum(link.minor for link in links if link.payer is not None and link.payee is None),
        circles=tuple(
            Circles(length, sum(len(circle.holders) == length for circle in found), _by_chance(ways, length))
            for length in range(2, LONGEST_CIRCLE + 1)
        ),
        strongest=tuple(sorted(found, key=lambda circle: (-circle.minor, circle.holders))[:CIRCLES_TOLD]),
        complete=complete,
        stops=_stops(standings),
        streams=_streams(traders, links),
        largest_payer_minor=max(paid_inside.values(), default=0),
        payers_in_circles=len(paid_inside),
    )


def publish(found: Network, rules: Rules = _STANDARD) -> PublicNetwork:
    """What of it may be published: numbers of at least ten businesses, of which none makes nearly all.

    No business is named, no person is a point of the network, and no figure is by sector or neighbourhood: nothing can be
    subtracted from the published tables.
    """
    trading = sum(one.received_minor > 0 or one.paid_minor > 0 for one in found.standings)
    counted = trading >= rules.least
    many_enough = (
        found.payers_in_circles >= rules.least
        and found.largest_payer_minor <= rules.dominance * found.in_circles_minor
        and found.between_minor > 0
    )
    pairs, triangles = (next(one.found for one in found.circles if one.length == length) for length in (2, 3))
    return PublicNetwork(
        businesses=_count(trading, rules) if counted else None,
        links=_count(found.links, rules) if counted else None,
        in_circles=Fraction(round(100 * Fraction(found.in_circles_minor, found.between_minor)), 100)
        if many_enough
        else None,
        pairs=_count(pairs, rules) if many_enough else None,
        triangles=_count(triangles, rules) if many_enough and found.complete else None,
    )


def _count(number: int, rules: Rules) -> int | None:
    return None if number < rules.least else round(Fraction(number, rules.count_base)) * rules.count_base


def _standings(
    traders: Sequence[Trader],
    links: Sequence[Link],
    component: Mapping[UUID | None, int],
    onward: Mapping[UUID | None, float],
) -> tuple[Standing, ...]:
    """Every business, those that pay most on first."""
    bought: dict[UUID | None, list[Link]] = defaultdict(list)
    sold: dict[UUID | None, list[Link]] = defaultdict(list)
    for link in links:
        bought[link.payer].append(link)
        sold[link.payee].append(link)
    found = []
    for trader in traders:
        paid, got = bought[trader.holder], sold[trader.holder]
        spent = sum(link.minor for link in paid)
        gone = spent + max(trader.redeemed_minor, 0)
        found.append(
            Standing(
                trader=trader,
                received_minor=sum(link.minor for link in got),
                from_businesses_minor=sum(link.minor for link in got if link.payer is not None),
                paid_minor=spent,
                to_businesses_minor=sum(link.minor for link in paid if link.payee is not None),
                suppliers=sum(link.payee is not None for link in paid),
                customers=sum(link.payer is not None for link in got),
                passed_on=Fraction(spent, gone) if gone else None,
                onward=onward.get(trader.holder, 0.0),
                in_circle=any(
                    link.payee is not None and component.get(link.payee) == component.get(trader.holder)
                    for link in paid
                ),
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.paid_minor, one.trader.name, one.trader.holder)))


def _components(ways: Mapping[UUID, Mapping[UUID, int]]) -> dict[UUID | None, int]:
    """Each business's group of those that can reach each other along payments (strongly connected components).

    Tarjan's algorithm with a stack of its own: a chain of suppliers may be longer than Python's.
    """
    index: dict[UUID, int] = {}
    low: dict[UUID, int] = {}
    stack: list[UUID] = []
    waiting: set[UUID] = set()
    group: dict[UUID | None, int] = {}
    for root in sorted(ways):
        if root in index:
            continue
        work = [(root, iter(sorted(ways[root])))]
        index[root] = low[root] = len(index)
        stack.append(root)
        waiting.add(root)
        while work:
            at, onward = work[-1]
            for to in onward:
                if to not in index:
                    index[to] = low[to] = len(index)
                    stack.append(to)
                    waiting.add(to)
                    work.append((to, iter(sorted(ways.get(to, ())))))
                    break
                if to in waiting:
                    low[at] = min(low[at], index[to])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[at])
                if low[at] == index[at]:
                    name = len(group)
                    while True:
                        member = stack.pop()
                        waiting.discard(member)
                        group[member] = name
                        if member == at:
                            break
    return group


def _onward(traders: Sequence[Trader], links: Sequence[Link]) -> dict[UUID | None, float]:
    """How many further payments a unit that has arrived at each point makes on average.

    A walk that follows the payments of the period: from a point a unit goes on to each payee in the proportion of what
    was paid, and stops in the proportion of what was redeemed or is still there.
    """
    out: dict[UUID | None, int] = defaultdict(int)
    into: dict[UUID | None, int] = defaultdict(int)
    for link in links:
        out[link.payer] += link.minor
        into[link.payee] += link.minor
    left = {**out}
    for trader in traders:
        left[trader.holder] = left.get(trader.holder, 0) + trader.redeemed_minor
    # Residents are given more than they are paid: of what they have, what was not spent has not moved on.
    whole = {point: max(left.get(point, 0), into.get(point, 0)) for point in {*left, *into}}
    steps = [(link.payer, link.payee, link.minor / whole[link.payer]) for link in links if whole[link.payer]]
    ahead = dict.fromkeys(whole, 0.0)
    for _payment in range(PAYMENTS_AHEAD):
        following = dict.fromkeys(whole, 0.0)
        for payer, payee, part in steps:
            following[payer] += part * (1 + ahead[payee])
        ahead = following
    return ahead


def _circles(
    ways: Mapping[UUID, Mapping[UUID, int]], component: Mapping[UUID | None, int]
) -> tuple[list[Circle], bool]:
    """Every circle of up to five businesses, each once, beginning with its smallest id; and whether these are all."""
    found: list[Circle] = []
    steps = 0
    for first in sorted(ways):
        near: list[tuple[UUID, int, tuple[UUID, ...]]] = [
            (to, minor, (first,)) for to, minor in ways[first].items() if to > first
        ]
        while near:
            steps += 1
            if steps > STEPS:
                return found, False
            at, least, path = near.pop()
            here = (*path, at)
            for to, minor in ways.get(at, {}).items():
                if to == first:
                    found.append(Circle(here, min(least, minor)))
                elif (
                    len(here) < LONGEST_CIRCLE
                    and to > first
                    and to not in here
                    and component.get(to) == component.get(first)
                ):
                    near.append((to, min(least, minor), here))
    return found, True


def _by_chance(ways: Mapping[UUID, Mapping[UUID, int]], length: int) -> float:
    """Circles expected where everybody has as many suppliers and customers as now, but chance says whom.

    Source: Bianconi, Gulbahce & Motter, Local structure of directed networks, Phys. Rev. Lett. 100:118701 (2008):
    (1/L) (sum of in-degree times out-degree / number of links) ** L.
    """
    incoming: dict[UUID, int] = defaultdict(int)
    for payees in ways.values():
        for payee in payees:
            incoming[payee] += 1
    links = sum(map(len, ways.values()))
    if not links:
        return 0.0
    both = sum(len(payees) * incoming[payer] for payer, payees in ways.items())
    return (both / links) ** length / length


def _stops(standings: Iterable[Standing]) -> tuple[Stop, ...]:
    """Where it stops, by sector, most redeemed first."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for one in standings:
        row = sums[one.trader.sector]
        for place, minor in enumerate((1, one.received_minor, one.paid_minor, one.trader.redeemed_minor)):
            row[place] += minor
    stops = [Stop(sector, *row) for sector, row in sums.items()]
    return tuple(sorted(stops, key=lambda stop: (-stop.redeemed_minor, stop.sector)))


def _streams(traders: Iterable[Trader], links: Iterable[Link]) -> tuple[Stream, ...]:
    """Who paid whom by sector, largest first."""
    sector: dict[UUID | None, str | None] = {trader.holder: trader.sector for trader in traders}
    sums: dict[tuple[str | None, str | None], int] = defaultdict(int)
    for link in links:
        sums[sector.get(link.payer), sector.get(link.payee)] += link.minor
    found = [Stream(payer, payee, minor) for (payer, payee), minor in sums.items()]
    return tuple(sorted(found, key=lambda one: (-one.minor, one.payer or "", one.payee or "")))
