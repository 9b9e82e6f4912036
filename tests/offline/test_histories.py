"""Random outages: whatever tills accept and in whatever order it comes back, the books balance and each loss is where the terms put it.

What should become of each voucher is worked out a second time here, from what people would say, on figures of the test's own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from koinon.offline import queries
from koinon.offline.types import Bearer, Voucher
from tests.accounting import audit
from tests.offline import outage
from tests.offline.outage import NOON, Outage

HAS = {"ana": 100_00, "pere": 12_00}
SHOPS = ("forn", "farina")
NOBODYS = "K1" + "A" * 32

TAKES = st.tuples(
    st.sampled_from([0, 1]),
    st.sampled_from(["ana", "ana", "ana again", "pere", "nobody"]),
    st.sampled_from(["4.00", "9.00", "17.00", "20.00", "21.00"]),
    st.integers(0, 3),  # Half days after noon: the same day and the two after it.
)
OUTAGES = st.lists(TAKES, min_size=2, max_size=9)


@dataclass
class Expected:
    """The same by other means: what everybody has, worked out from the vouchers in the order in which they come."""

    bearer: Bearer
    month_most: int
    fund: int = 60_00
    has: dict[str, int] = field(default_factory=lambda: dict(HAS))
    tills: Counter[str] = field(default_factory=Counter)
    by_card: Counter[tuple[str, int]] = field(default_factory=Counter)
    arrived: Counter[tuple[str, int]] = field(default_factory=Counter)
    here: list[tuple[int, str, int, int, int, int]] = field(default_factory=list)
    towns: int = 0

    def comes(self, shop: int, card: str, amount: int, half_days: int, counter: int, came: int) -> tuple[int, int, int]:
        """Paid, the town's, the shop's."""
        day = (half_days + 1) // 2  # Half a day after noon is the next day already.
        before = [one for one in self.here if one[0] == shop]  # In whatever order it sends.
        known = sum(one[2] for one in before if one[1] == card and one[3] == day)
        kept = sum(one[2] for one in before if one[5] > half_days)
        self.here.append((shop, card, amount, day, counter, came))
        careless = (
            card == "nobody" or amount > 20_00 or known + amount > 30_00 or kept + amount > 50_00
            or came > half_days + 2 * 2
        )  # fmt: skip
        holder = card.split()[0]
        today = (came + 1) // 2
        may = min(amount, 30_00 - self.by_card[card, day])
        may_today = 30_00 - self.arrived[card, today]  # Whatever days the vouchers say.
        careless = careless or may > may_today
        paid = min(may, may_today, self.has[holder]) if card != "nobody" else 0
        self.by_card[card, day] += paid
        self.arrived[card, today] += paid
        if paid:
            self.has[holder] -= paid
        loss = amount - paid
        towns = 0 if careless or self.bearer is Bearer.SHOP else min(loss, self.month_most - self.towns)
        self.towns += towns
        now = towns if towns <= self.fund else 0
        self.fund -= now
        self.tills[SHOPS[shop]] += paid + now
        return paid, towns, loss - towns


@pytest.fixture
def town(conn) -> Outage:
    return outage.build(conn)


class _Undo(Exception):
    pass


def live(town: Outage, takes: list, order: list[int], bearer: Bearer, month_most: int) -> None:
    more = {} if bearer is Bearer.SHOP else {"month_most_minor": month_most}
    town.terms(bearer=bearer, device_most_minor=50_00, sync_days=2, **more)
    town.switch_on(*SHOPS)
    tills = [town.till(shop) for shop in SHOPS]
    codes = {name: town.card(name.split()[0]) for name in ("ana", "ana again", "pere")} | {"nobody": NOBODYS}
    sent = [
        tills[shop].takes(codes[card], amount, at=NOON + half_days * timedelta(hours=12))
        for shop, card, amount, half_days in takes
    ]
    counters: Counter[int] = Counter()
    places = []
    for shop, *_ in takes:
        counters[shop] += 1
        places.append(counters[shop])
    expected = Expected(bearer, month_most)
    seen: dict[int, tuple[int, int, int]] = {}
    for step, index in enumerate(order):
        shop, card, amount, half_days = takes[index]
        came = 4 + step // 3  # Later than all was accepted, and some of it too late.
        if index not in seen:
            minor = int(amount.replace(".", ""))
            seen[index] = expected.comes(shop, card, minor, half_days, places[index], came)
        [voucher] = town.sync(tills[shop], sent[index], at=NOON + came * timedelta(hours=12))
        assert isinstance(voucher, Voucher)
        became = (voucher.paid_minor, voucher.covered_minor + voucher.owed_minor, voucher.borne_minor)
        assert became == seen[index], (voucher.grounds, takes[index])
    for name, minor in expected.has.items():
        assert town.town.balance(name, "aid") == f"{minor / 100:.2f}"
    for shop in SHOPS:
        assert town.town.balance(shop) == f"{expected.tills[shop] / 100:.2f}"
    assert town.town.reserve("risk") == f"{expected.fund / 100:.2f}"
    came_back = {(takes[index][0], places[index]) for index in seen}
    missing = sum(max((place for shop, place in came_back if shop == one), default=0) for one in (0, 1)) - len(
        came_back
    )
    assert sum(gap.last - gap.first + 1 for gap in queries.gaps(town.conn, town_id=town.town.id)) == missing
    period = {"first_day": date(2026, 10, 1), "last_day": date(2026, 10, 31)}
    assert audit.disagreements(town.conn, town_id=town.town.id, **period) == []


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(OUTAGES, st.randoms(use_true_random=False), st.sampled_from(Bearer), st.sampled_from([10_00, 200_00]))
def test_after_any_outage_the_books_balance_and_each_loss_is_where_the_terms_put_it(
    town, takes, chance, bearer, month_most
):
    order = [index for index in range(len(takes)) for _ in range(chance.choice([0, 1, 1, 1, 2]))]
    chance.shuffle(order)
    try:
        with town.conn.transaction():
            live(town, takes, order, bearer, month_most)
            raise _Undo
    except _Undo:
        pass
