"""A seeded model of how residents and shops use a currency, day by day.

Pure: a day's intentions follow from the seed, the day, the town's facts, the
balances at the start of the day and the payments of the day before, and from
nothing else. The same inputs give the same day on any machine, so a month that
was interrupted continues as if nothing had happened.

People and behaviour are generated. What the model says of a town is what its
assumptions (simulate_behaviour.toml, each with its source) say, no more.

Method, in docs/algorithms/simulation.md: households make a Poisson number of
trips; sector by weight, shop by a gravity rule (rank^-s popularity times a
distance weight) with loyalty to a usual shop; basket log-normal. Shops that
re-use pay suppliers on their delivery day with a share of what is in the till
and ask for euros weekly. Only ``Random.random`` is drawn from, the one method
whose sequence Python promises to keep for a seed.
"""

from __future__ import annotations

import bisect
import itertools
import math
import tomllib
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from random import Random
from statistics import NormalDist
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from koinon.kernel.periods import Month

BEHAVIOUR_FILE = Path(__file__).with_name("simulate_behaviour.toml")
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Buyer:
    """A household that holds a purse. ``key`` is stable across installations and says nothing of a person."""

    party: UUID
    key: str
    zone: str
    members: int


@dataclass(frozen=True, slots=True)
class Shop:
    """An enterprise that accepts the unit. A wholesaler sells to enterprises only."""

    party: UUID
    key: str
    zone: str
    sector: str
    wholesale: bool = False


@dataclass(frozen=True, slots=True)
class Town:
    """What the model knows of a town. ``neighbours`` are pairs of zones that touch, in either order.

    ``smallest_redemption_minor`` is what the town's terms say; shops wait for that much at least.
    """

    time_zone: str
    exponent: int
    buyers: tuple[Buyer, ...]
    shops: tuple[Shop, ...]
    neighbours: frozenset[tuple[str, str]] = frozenset()
    smallest_redemption_minor: int = 1


@dataclass(frozen=True, slots=True)
class PastPayment:
    """A purchase of the day before, which a buyer may bring back."""

    id: UUID
    key: str
    payer: UUID
    payee: UUID
    minor: int


class Kind(StrEnum):
    """What somebody means to do."""

    PURCHASE = "purchase"
    SUPPLY = "supply"
    REFUND = "refund"
    REDEMPTION = "redemption"


@dataclass(frozen=True, slots=True)
class Intention:
    """One thing somebody means to do; the till, not the model, says whether it can be done.

    ``party`` pays, or asks for euros, or gives money back; ``other`` is paid.
    ``key`` names it for good: the same intention always has the same key, and in the books the same id.
    """

    kind: Kind
    key: str
    party: UUID
    other: UUID | None
    minor: int
    at: datetime
    payment: UUID | None = None


@dataclass(frozen=True, slots=True)
class Sector:
    """How a sector's shops are bought from; ``median`` in whole currency for two members."""

    trips: float
    median: float
    sigma: float


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The assumptions, read from a table that names the source of each."""

    seed: str
    household: Mapping[str, float]
    shop: Mapping[str, float]
    place: Mapping[str, float]
    zipf_exponent: float
    week: tuple[float, ...]
    hours: tuple[tuple[int, float], ...]
    sectors: Mapping[str, Sector]
    suppliers: Mapping[str, Mapping[str, float]]
    neighbours: Mapping[str, frozenset[tuple[str, str]]]


def behaviour(path: Path = BEHAVIOUR_FILE) -> Behaviour:
    """Read the table of assumptions."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))

    def values(rows: Mapping[str, Any]) -> dict[str, float]:
        return {name: float(row["value"]) for name, row in rows.items()}

    return Behaviour(
        seed=table["seed"],
        household=values(table["household"]),
        shop=values(table["shop"]),
        place=values(table["place"]),
        zipf_exponent=float(table["popularity"]["zipf_exponent"]["value"]),
        week=tuple(map(float, table["week"]["pace"])),
        hours=tuple((int(hour), float(weight)) for hour, weight in table["hours"]["weights"].items()),
        sectors={name: Sector(**row) for name, row in table["sectors"].items()},
        suppliers=table["suppliers"],
        neighbours={
            town: frozenset((here, there) for here, beside in zones.items() for there in beside)
            for town, zones in table["neighbours"].items()
        },
    )


class Draws:
    """Repeatable draws that belong to a name: ``Draws("seed", "2026-10-05", "household 7")``.

    >>> Draws("a", 1).chance(0.5) == Draws("a", 1).chance(0.5)
    True
    """

    __slots__ = ("_random",)

    def __init__(self, *name: object) -> None:
        self._random = Random("\x1f".join(map(str, name)))  # noqa: S311  Nothing secret: the days are meant to be the same.

    def number(self) -> float:
        return self._random.random()

    def chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def between(self, least: float, most: float) -> float:
        return least + (most - least) * self._random.random()

    def below(self, bound: int) -> int:
        return int(self._random.random() * bound)

    def count(self, mean: float) -> int:
        """A Poisson number, by inversion of its distribution."""
        left, term, count = self._random.random(), math.exp(-mean), 0
        while left > term and count < 50:
            left -= term
            count += 1
            term *= mean / count
        return count

    def log_normal(self, median: float, sigma: float) -> float:
        # Away from 0 and 1, where the inverse is not defined.
        place = min(max(self._random.random(), 1e-9), 1 - 1e-9)
        return median * math.exp(sigma * _NORMAL.inv_cdf(place))

    def pick(self, cumulative: Sequence[float]) -> int:
        """The place of a draw among cumulative weights."""
        return bisect.bisect_right(cumulative, self._random.random() * cumulative[-1], hi=len(cumulative) - 1)


@dataclass(frozen=True, slots=True)
class _Weighted:
    shops: tuple[Shop, ...]
    cumulative: tuple[float, ...]

    def pick(self, draws: Draws) -> Shop:
        return self.shops[draws.pick(self.cumulative)]


class Model:
    """The habits of one town: what does not change from day to day, worked out once."""

    def __init__(self, town: Town, habits: Behaviour) -> None:
        self.town = town
        self.habits = habits
        self.zone = ZoneInfo(town.time_zone)
        self._minor = 10**town.exponent
        self._hops = hops(town.neighbours)
        self._by_sector: dict[str, list[Shop]] = {}
        for shop in sorted(town.shops, key=lambda shop: shop.key):
            group = shop.sector if shop.sector in habits.sectors else "other"
            self._by_sector.setdefault(group, []).append(shop)
        for group, shops in self._by_sector.items():
            # Popularity is a rank drawn once: the order of a shuffled list.
            shops.sort(key=lambda shop: Draws(habits.seed, "popularity", group, shop.key).number())
        self._retail = {
            group: found
            for group, shops in self._by_sector.items()
            if (found := [shop for shop in shops if not shop.wholesale])
        }
        self._sectors = tuple(group for group in habits.sectors if group in self._retail)
        self._sector_weights = tuple(itertools.accumulate(habits.sectors[group].trips for group in self._sectors))
        self._hours = tuple(hour for hour, _ in habits.hours)
        self._hour_weights = tuple(itertools.accumulate(weight for _, weight in habits.hours))
        self._from: dict[tuple[str, str, bool], _Weighted] = {}
        self._usual: dict[tuple[str, str], Shop] = {}

    def day(
        self,
        day: date,
        *,
        balances: Mapping[UUID, int],
        yesterday: Sequence[PastPayment],
        start: datetime | None = None,
    ) -> tuple[Intention, ...]:
        """Everything that is meant to happen on a local day, in the order of its hours.

        Parameters
        ----------
        balances
            Minor units each party can spend at the start of the day; missing is zero.
        yesterday
            Purchases by buyers on the day before, in any order.
        start
            Nothing happens before this instant (the aid of the first day arrives at some hour).
        """
        meant: list[Intention] = [
            *self._supplies(day, balances),
            *self._purchases(day, balances),
            *self._refunds(day, yesterday),
            *self._redemptions(day, balances),
        ]
        meant.sort(key=lambda intention: (intention.at, intention.key))
        numbered: list[Intention] = []
        for number, one in enumerate(meant, start=1):
            at = one.at if start is None else max(one.at, start)
            numbered.append(Intention(one.kind, key_of(day, number), one.party, one.other, one.minor, at, one.payment))
        return tuple(numbered)

    def _purchases(self, day: date, balances: Mapping[UUID, int]) -> Iterable[Intention]:
        if not self._sectors:
            return
        habits = self.habits.household
        smallest = round(habits["smallest_purchase"] * self._minor)
        for buyer in self.town.buyers:
            left = balances.get(buyer.party, 0)
            if left < smallest:
                continue
            draws = Draws(self.habits.seed, day, "buyer", buyer.key)
            size = (buyer.members / 2) ** habits["members_exponent"]
            purse = left / self._minor / habits["typical_purse"]
            pace = min(max(purse ** habits["pace_exponent"], habits["pace_least"]), habits["pace_most"])
            mean = habits["trips_per_week"] / 7 * self.habits.week[day.weekday()] * size * pace
            for trip in range(draws.count(mean)):
                shop = self._shop_for(buyer, draws)
                sector = self.habits.sectors[shop.sector if shop.sector in self.habits.sectors else "other"]
                price = max(round(draws.log_normal(sector.median * size, sector.sigma) * self._minor), smallest)
                looked = not draws.chance(habits["does_not_look"])
                at = self._moment(day, draws)
                if looked and price > left:
                    if left < smallest or not draws.chance(habits["pays_what_is_left"]):
                        continue
                    price = left
                left = max(left - price, 0) if looked or price <= left else left
                yield Intention(Kind.PURCHASE, f"{buyer.key}/{trip}", buyer.party, shop.party, price, at)

    def _supplies(self, day: date, balances: Mapping[UUID, int]) -> Iterable[Intention]:
        for shop in self.town.shops:
            minor = self._order(shop, day, balances.get(shop.party, 0))
            if minor == 0:
                continue
            supplier = self._supplier_of(shop)
            if supplier is None:
                continue
            draws = Draws(self.habits.seed, day, "delivery", shop.key)
            at = datetime.combine(day, time(7), self.zone) + timedelta(seconds=draws.below(3 * 3600))
            yield Intention(Kind.SUPPLY, f"{shop.key}/supply", shop.party, supplier.party, minor, at)

    def _refunds(self, day: date, yesterday: Sequence[PastPayment]) -> Iterable[Intention]:
        habits = self.habits.household
        for payment in yesterday:
            draws = Draws(self.habits.seed, day, "return", payment.key)
            if not draws.chance(habits["returns"]):
                continue
            whole = draws.chance(habits["whole_return"])
            part = round(payment.minor * draws.between(0.15, 0.75))
            minor = payment.minor if whole else max(part, 1)
            at = self._moment(day, draws)
            yield Intention(Kind.REFUND, payment.key, payment.payee, payment.payer, minor, at, payment.id)

    def _redemptions(self, day: date, balances: Mapping[UUID, int]) -> Iterable[Intention]:
        habits = self.habits.shop
        last = day == Month.of(day).last_day
        weekly = day.weekday() == int(habits["redemption_weekday"])
        for shop in self.town.shops:
            draws = Draws(self.habits.seed, "redeems", shop.key)
            if not (weekly if draws.chance(habits["redeems_weekly"]) else last):
                continue
            balance = balances.get(shop.party, 0)
            balance -= self._order(shop, day, balance)
            keeps = habits["keeps"] if self._reuses(shop) else 0.0
            euros = int(balance * (1 - keeps)) // self._minor
            if euros < habits["smallest_redemption"] or euros * self._minor < self.town.smallest_redemption_minor:
                continue
            moment = Draws(self.habits.seed, day, "redeems", shop.key)
            at = datetime.combine(day, time(21), self.zone) + timedelta(seconds=moment.below(5400))
            yield Intention(Kind.REDEMPTION, f"{shop.key}/redeem", shop.party, None, euros * self._minor, at)

    def _order(self, shop: Shop, day: date, balance: int) -> int:
        """What a shop pays its supplier with on this day, in minor units; 0 on all but its delivery day."""
        habits = self.habits.shop
        draws = Draws(self.habits.seed, "shop", shop.key)
        reuses, delivery = draws.chance(habits["reuses"]), draws.below(5)
        share = draws.between(habits["share_least"], habits["share_most"])
        if not reuses or day.weekday() != delivery or self._supplier_of(shop) is None:
            return 0
        minor = int(balance * share)
        return minor if minor >= habits["smallest_order"] * self._minor else 0

    def _reuses(self, shop: Shop) -> bool:
        return Draws(self.habits.seed, "shop", shop.key).chance(self.habits.shop["reuses"])

    def _shop_for(self, buyer: Buyer, draws: Draws) -> Shop:
        sector = self._sectors[draws.pick(self._sector_weights)]
        if draws.chance(self.habits.household["loyalty"]):
            usual = self._usual.get((buyer.key, sector))
            if usual is None:
                usual = self._near(buyer.zone, sector, retail=True).pick(
                    Draws(self.habits.seed, "usual", buyer.key, sector)
                )
                self._usual[buyer.key, sector] = usual
            return usual
        return self._near(buyer.zone, sector, retail=True).pick(draws)

    def _supplier_of(self, shop: Shop) -> Shop | None:
        cached = self._usual.get((shop.key, "supplier"))
        if cached is None:
            weights = self.habits.suppliers.get(shop.sector, self.habits.suppliers["other"])
            groups = [group for group in weights if group in self._by_sector]
            if not groups:
                return None
            draws = Draws(self.habits.seed, "supplier", shop.key)
            group = groups[draws.pick(tuple(itertools.accumulate(weights[group] for group in groups)))]
            for _ in range(20):
                cached = self._near(shop.zone, group, retail=False).pick(draws)
                if cached.key != shop.key:
                    break
            else:
                return None
            self._usual[shop.key, "supplier"] = cached
        return cached

    def _near(self, zone: str, sector: str, *, retail: bool) -> _Weighted:
        """The shops of a sector as seen from a zone: popularity by rank times distance.

        To an enterprise that looks for a supplier distance matters no more than
        one zone does, and wholesalers come first.
        """
        seen = self._from.get((zone, sector, retail))
        if seen is None:
            shops = tuple((self._retail if retail else self._by_sector)[sector])
            weights = [
                rank**-self.habits.zipf_exponent
                * (self._distance_weight(zone, shop.zone) if retail else self._supplier_weight(zone, shop))
                for rank, shop in enumerate(shops, start=1)
            ]
            seen = _Weighted(shops, tuple(itertools.accumulate(weights)))
            self._from[zone, sector, retail] = seen
        return seen

    def _supplier_weight(self, zone: str, shop: Shop) -> float:
        distance = 1.0 if zone == shop.zone else self.habits.place["supplier_away"]
        return distance * (self.habits.place["wholesale"] if shop.wholesale else 1.0)

    def _distance_weight(self, here: str, there: str) -> float:
        if here == there:
            return 1.0
        return self.habits.place["near"] if self._hops.get((here, there)) == 1 else self.habits.place["far"]

    def _moment(self, day: date, draws: Draws) -> datetime:
        hour = self._hours[draws.pick(self._hour_weights)]
        return datetime.combine(day, time(hour), self.zone) + timedelta(seconds=draws.below(3600))


def key_of(day: date, number: int) -> str:
    """The name of a day's so-and-so-many-th intention.

    >>> key_of(date(2026, 10, 3), 17)
    'demo:2026-10:03:17'
    """
    return f"demo:{Month.of(day)}:{day.day:02d}:{number}"


def hops(neighbours: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Steps from zone to zone over borders, for every pair that is connected.

    >>> hops([("a", "b"), ("b", "c")])["a", "c"]
    2
    """
    touching: dict[str, set[str]] = {}
    for one, other in neighbours:
        touching.setdefault(one, set()).add(other)
        touching.setdefault(other, set()).add(one)
    steps: dict[tuple[str, str], int] = {}
    for origin in touching:
        steps[origin, origin] = 0
        queue = deque([origin])
        while queue:
            here = queue.popleft()
            for there in touching[here]:
                if (origin, there) not in steps:
                    steps[origin, there] = steps[origin, here] + 1
                    queue.append(there)
    return steps


@lru_cache(maxsize=1)
def usual_behaviour() -> Behaviour:
    """The table that comes with the package."""
    return behaviour()
