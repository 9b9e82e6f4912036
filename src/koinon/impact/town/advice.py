"""Which businesses that accept the currency a shop could buy from with what it now redeems, and why each is proposed.

docs/algorithms/suppliers.md works an example. For the shop alone: it sees its own figures and, of others, what is in the
public directory. That shops of its kind pay businesses of a kind is said only where at least ten of them do, without
an amount and without a name, so that nobody's trade can be read from it.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib.resources import files
from math import asin, cos, radians, sin, sqrt
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.impact.publication import Rules
from koinon.impact.town import network
from koinon.impact.town.network import Link, Trader

TOLD = 12
NEAR_METRES = 800
EARTH_METRES = 6_371_000
_STANDARD = Rules()


class Ground(StrEnum):
    """Why a business is proposed."""

    SIMILAR_SHOPS_BUY_THERE = "similar-shops"
    USUAL_SUPPLY = "usual-supply"
    ANY_BUSINESS_NEEDS = "any-business"
    SAME_NEIGHBOURHOOD = "same-neighbourhood"
    NEARBY = "nearby"
    SOCIAL_ECONOMY = "social-economy"


WEIGHT = {
    Ground.SIMILAR_SHOPS_BUY_THERE: 4,
    Ground.USUAL_SUPPLY: 4,
    Ground.ANY_BUSINESS_NEEDS: 2,
    Ground.SAME_NEIGHBOURHOOD: 1,
    Ground.NEARBY: 1,
    Ground.SOCIAL_ECONOMY: 1,
}
"""Only the first three propose a business; the others put one before another."""


@dataclass(frozen=True, slots=True)
class Supply:
    """Activities that usually sell to others, by the beginnings of their NACE classes."""

    buyers: tuple[str, ...]
    sellers: tuple[str, ...]
    what: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A business that could supply the shop. ``what`` is a key of ``supply.toml``, empty where similar shops are the ground."""

    trader: Trader
    grounds: tuple[Ground, ...]
    what: str
    metres: int | None


@dataclass(frozen=True, slots=True)
class Advice:
    """A shop's own entry and figures in the period, whom it pays already, and whom it could pay. Minor units."""

    own: Trader | None
    received_minor: int
    paid_minor: int
    redeemed_minor: int
    pays_already: tuple[Trader, ...]
    proposals: tuple[Proposal, ...]


def advise(conn: Connection[Any], *, town_id: int, party: UUID, start: datetime, until: datetime) -> Advice:
    """What a shop could do with what it redeems, from the trade between ``start`` and ``until``."""
    links, traders = network.read(conn, town_id=town_id, start=start, until=until)
    return advice(party, traders, links)


def advice(party: UUID, traders: Sequence[Trader], links: Sequence[Link], rules: Rules = _STANDARD) -> Advice:
    """The same of what was read."""
    own = next((trader for trader in traders if trader.holder == party), None)
    paid = [link for link in links if link.payer == party]
    received = sum(link.minor for link in links if link.payee == party)
    suppliers = {link.payee for link in paid}
    candidates = [one for one in traders if one.accepts and one.holder != party and one.holder not in suppliers]
    bought = _what_similar_shops_buy(own, traders, links, rules) if own is not None else frozenset()
    proposals = [found for one in candidates if own is not None and (found := _proposal(own, one, bought))]
    return Advice(
        own=own,
        received_minor=received,
        paid_minor=sum(link.minor for link in paid),
        redeemed_minor=own.redeemed_minor if own is not None else 0,
        pays_already=tuple(sorted((one for one in traders if one.holder in suppliers), key=lambda one: one.name)),
        proposals=tuple(sorted(proposals, key=_rank)[:TOLD]),
    )


@cache
def supplies() -> tuple[Supply, ...]:
    """Who usually buys from whom; ``supply.toml``."""
    text = files("koinon.impact.town").joinpath("supply.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["supply"]
    return tuple(Supply(tuple(row["buyer"]), tuple(row["seller"]), row["what"]) for row in rows)


def usual(buyer: str, seller: str) -> Supply | None:
    """How activities usually supply each other, by NACE class; what fits the buyer closest comes first.

    >>> usual("56.11", "46.31").what, usual("47.71", "69.20").what, usual("47.71", "47.71")
    ('produce', 'accounts', None)
    """
    fitting = [
        (max(len(begin) for begin in one.buyers if buyer.startswith(begin)), -place, one)
        for place, one in enumerate(supplies())
        if seller.startswith(one.sellers)
        and buyer.startswith(one.buyers)
        and not (buyer == seller and "" in one.buyers)
    ]
    return max(fitting, key=lambda found: found[:2])[2] if fitting else None


def _proposal(own: Trader, one: Trader, bought: frozenset[str]) -> Proposal | None:
    grounds = []
    supply = usual(own.nace, one.nace) if own.nace and one.nace else None
    if one.nace and one.nace in bought:
        grounds.append(Ground.SIMILAR_SHOPS_BUY_THERE)
    if supply is not None:
        grounds.append(Ground.ANY_BUSINESS_NEEDS if "" in supply.buyers else Ground.USUAL_SUPPLY)
    if not grounds:
        return None
    metres = _metres(own, one)
    if own.zone and own.zone == one.zone:
        grounds.append(Ground.SAME_NEIGHBOURHOOD)
    elif metres is not None and metres <= NEAR_METRES:
        grounds.append(Ground.NEARBY)
    if one.is_sse:
        grounds.append(Ground.SOCIAL_ECONOMY)
    return Proposal(one, tuple(grounds), supply.what if supply is not None else "", metres)


def _rank(proposal: Proposal) -> tuple[int, int, str, UUID]:
    """The best reasons first, the nearest of equals, then by name: the same order every time."""
    weight = sum(WEIGHT[ground] for ground in proposal.grounds)
    return (
        -weight,
        proposal.metres if proposal.metres is not None else 10**9,
        proposal.trader.name,
        proposal.trader.holder,
    )


def _what_similar_shops_buy(
    own: Trader, traders: Iterable[Trader], links: Iterable[Link], rules: Rules
) -> frozenset[str]:
    """The NACE classes that at least ten other shops of the same sector pay, none of it told by how much."""
    known = {trader.holder: trader for trader in traders}
    buyers: dict[str, set[UUID]] = defaultdict(set)
    for link in links:
        if link.payer is None or link.payee is None or link.payer == own.holder:
            continue
        payer, payee = known.get(link.payer), known.get(link.payee)
        if payer is not None and payee is not None and payer.sector == own.sector != "" and payee.nace:
            buyers[payee.nace].add(payer.holder)
    return frozenset(nace for nace, shops in buyers.items() if len(shops) >= rules.least)


def _metres(one: Trader, other: Trader) -> int | None:
    """Between two doors, as the crow flies, to ten metres; None where one of them is not on the map.

    Source: haversine formula on a sphere; over a town its error is below a metre in a hundred.
    """
    if one.latitude is None or one.longitude is None or other.latitude is None or other.longitude is None:
        return None
    north, east = radians(other.latitude - one.latitude), radians(other.longitude - one.longitude)
    half = sin(north / 2) ** 2 + cos(radians(one.latitude)) * cos(radians(other.latitude)) * sin(east / 2) ** 2
    return round(2 * EARTH_METRES * asin(sqrt(half)) / 10) * 10
