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
from koinon.impact.publication import Part, Rules, hidden_cells, nobodys, part_of, rounded, safe

_PACKAGE = "koinon.impact"
_STANDARD = Rules()
PAYMENTS_AHEAD = 64  # How far ``onward`` looks ahead; what a circle without a way out adds after is lost.
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
    """

    trader: Trader
    received_minor: int
    paid_minor: int
    suppliers: int
    customers: int
    passed_on: Fraction | None
    onward: float


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
    any length, ``to_residents_minor`` what businesses paid residents. ``in_circles_by`` and ``elsewhere_by`` are what
    the rules of publication look at: payers and payees of what was paid within circles, and of the rest.
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
    in_circles_by: tuple[Part, Part]
    elsewhere_by: tuple[Part, Part]


@dataclass(frozen=True, slots=True)
class PublicStop:
    """What part of everything redeemed the businesses of a sector redeemed, in twentieths; None is hidden."""

    sector: str
    share: Fraction | None


@dataclass(frozen=True, slots=True)
class PublicCircles:
    """How many circles of a length there are, rounded; None is hidden."""

    length: int
    found: int | None


@dataclass(frozen=True, slots=True)
class PublicNetwork:
    """What anybody may see: rounded, and None where it would tell about a few businesses.

    ``in_circles`` is the part of what businesses paid each other that can come back to them, ``keepers`` how many pay on
    at least half of what leaves them. ``stops`` is empty where no sector can be told.
    """

    businesses: int | None = None
    links: int | None = None
    in_circles: Fraction | None = None
    circles: tuple[PublicCircles, ...] = ()
    keepers: int | None = None
    stops: tuple[PublicStop, ...] = ()

    @property
    def commonest(self) -> PublicCircles | None:
        """The circles that there are most of; the shorter ones where two are as many."""
        told = [one for one in self.circles if one.found is not None]
        return max(told, key=lambda one: (one.found or 0, -one.length), default=None)


def trade(conn: Connection[Any], *, town_id: int, start: datetime, until: datetime) -> Network:
    """The network of a town's trade from ``start`` (included) until ``until`` (excluded)."""
    links, traders = read(conn, town_id=town_id, start=start, until=until)
    return network(traders, links, start=start, until=until)


def read(conn: Connection[Any], *, town_id: int, start: datetime, until: datetime) -> tuple[list[Link], list[Trader]]:
    """Who paid whom, and who there is. Read in a transaction of one snapshot."""
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
    inside: list[Link] = []
    elsewhere: list[Link] = []
    for link in between:
        (inside if component.get(link.payer) == component.get(link.payee) else elsewhere).append(link)
    standings = _standings(traders, links, _onward(traders, links))
    found, complete = _circles(ways, component)
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
        in_circles_by=_parts(inside),
        elsewhere_by=_parts(elsewhere),
    )


def publish(found: Network, rules: Rules = _STANDARD) -> PublicNetwork:
    """What of it may be published: numbers of at least ten businesses, of which none makes nearly all.

    No business is named, no person is a point of the network, and nothing is by neighbourhood. What is paid in circles is
    told where payers and payees, there and of the rest, are many: the rest follows from it. Sectors are told by the part
    that they redeemed of all, under the rules of a table: what is hidden is of many even together.
    """
    trading = [one for one in found.standings if one.received_minor > 0 or one.paid_minor > 0]
    keepers = sum(one.paid_minor > 0 and 2 * (one.passed_on or 0) >= 1 for one in trading)
    others = len(trading) - keepers
    parts = (*found.in_circles_by, *found.elsewhere_by)
    told = found.between_minor > 0 and all(nobodys(part, rules) for part in parts)
    in_circles = Fraction(found.in_circles_minor, found.between_minor or 1)
    circles = found.circles if told and found.complete and found.in_circles_minor else ()
    return PublicNetwork(
        businesses=_count(len(trading), rules),
        links=_count(found.links, rules) if len(trading) >= rules.least else None,
        in_circles=Fraction(round(100 * in_circles), 100) if told else None,
        circles=tuple(PublicCircles(one.length, _count(one.found, rules)) for one in circles),
        keepers=_count(keepers, rules) if others == 0 or others >= rules.least else None,
        stops=_public_stops(found.standings, rules),
    )


def _public_stops(standings: Sequence[Standing], rules: Rules) -> tuple[PublicStop, ...]:
    """Largest part first, hidden ones last."""
    amounts: dict[str, list[int]] = defaultdict(list)
    for one in standings:
        amounts[one.trader.sector].append(max(one.trader.redeemed_minor, 0))
    parts: dict[str | None, Part] = {sector: _part(redeemed) for sector, redeemed in amounts.items()}
    registered: dict[str | None, int] = {sector: len(redeemed) for sector, redeemed in amounts.items()}
    total = _part([minor for redeemed in amounts.values() for minor in redeemed])
    hidden = hidden_cells(parts, registered, rules)
    if not safe(total, rules) or len(hidden) == len(parts):
        return ()
    stops = [
        PublicStop(
            sector or "", None if sector in hidden else Fraction(round(20 * Fraction(part.amount, total.amount)), 20)
        )
        for sector, part in parts.items()
    ]
    return tuple(sorted(stops, key=lambda one: (one.share is None, -(one.share or 0), one.sector)))


def _parts(links: Iterable[Link]) -> tuple[Part, Part]:
    """What the rules look at of payments between businesses: what each paid, and what each was paid."""
    paid: dict[UUID | None, int] = defaultdict(int)
    got: dict[UUID | None, int] = defaultdict(int)
    for link in links:
        paid[link.payer] += link.minor
        got[link.payee] += link.minor
    return _part(list(paid.values())), _part(list(got.values()))


def _part(amounts: Sequence[int]) -> Part:
    """Businesses as the rules look at them: as many had a part in it as have an amount."""
    return part_of(amounts, sum(amount != 0 for amount in amounts))


def _count(number: int, rules: Rules) -> int | None:
    return None if number < rules.least else rounded(number, rules.count_base)


def _standings(
    traders: Sequence[Trader],
    links: Sequence[Link],
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
                paid_minor=spent,
                suppliers=sum(link.payee is not None for link in paid),
                customers=sum(link.payer is not None for link in got),
                passed_on=Fraction(spent, gone) if gone else None,
                onward=onward.get(trader.holder, 0.0),
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
        left[trader.holder] = left.get(trader.holder, 0) + max(trader.redeemed_minor, 0)
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
