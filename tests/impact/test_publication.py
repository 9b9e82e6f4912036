"""What is published gives nobody away, even to somebody who subtracts."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koinon.impact import publication
from koinon.impact.indicators.active_shops import active_shops
from koinon.impact.indicators.days_to_first_spend import days_to_first_spend
from koinon.impact.indicators.multiplier import multiplier
from koinon.impact.indicators.recirculation import recirculation
from koinon.impact.indicators.share_by_sse import share_by_sse
from koinon.impact.indicators.share_by_zone import share_by_zone
from koinon.impact.publication import PublicReport, PublicTable, Rules, publish
from koinon.impact.types import Flows, MonthPaid, MonthReport, MonthTraded, Payers, ShopReceipts, Wait
from koinon.kernel.periods import Month
from tests.impact.story import told

ZONES = {code: code.title() for code in ("east", "north", "south", "west")}


def shop(number: int, zone: str | None, minor: int, *, sse: bool = False, payers: int = 20) -> ShopReceipts:
    return ShopReceipts(UUID(int=number), zone, sse, minor, payments=payers, payers=payers)


def report_of(shops: Sequence[ShopReceipts], waits: Sequence[Wait] = (), payers: int = 50) -> MonthReport:
    """A report whose cells have all as many payers as is asked."""
    total = sum(row.receipts_minor for row in shops)
    flows = Flows(
        issued=1_000_00,
        spent=total,
        refunded=0,
        redeemed=500_03,
        expired=0,
        business_income=total,
        business_spending=total // 3,
        outstanding_start=0,
        outstanding_end=499_97,
        outstanding_mean=Fraction(750_00),
    )
    cells: list[tuple[str, str | None]] = [("all", None), ("zone", None), ("sse", "sse"), ("sse", "other")]
    cells += [("zone", code) for code in ZONES]
    return MonthReport(
        town_id=1,
        month=Month(2026, 10),
        start=datetime(2026, 10, 1, tzinfo=UTC),
        until=datetime(2026, 11, 1, tzinfo=UTC),
        complete=True,
        unit="REC",
        exponent=2,
        flows=flows,
        multiplier=multiplier(flows),
        recirculation=recirculation(flows),
        velocity=Fraction(12345, 1000),
        first_spend=days_to_first_spend(waits),
        by_zone=share_by_zone(shops, ZONES),
        by_sse=share_by_sse(shops),
        active_shops=active_shops(shops),
        shops=len(shops),
        zones=ZONES,
        receipts=tuple(shops),
        payers=tuple(Payers(name, code, payers) for name, code in cells),
        paid=(month_of(shops, payers),),
        traded=traded_of(shops),
    )


def month_of(shops: Sequence[ShopReceipts], payers: int = 50, day: date = date(2026, 10, 1)) -> MonthPaid:
    amounts = [row.receipts_minor for row in shops]
    wages = [row.to_residents // row.residents_paid for row in shops for _ in range(row.residents_paid)]
    largest, second, *_ = *sorted(map(abs, amounts), reverse=True), 0, 0
    most, next_most, *_ = *sorted(map(abs, wages), reverse=True), 0, 0
    return MonthPaid(
        first_day=day,
        shops=sum(amount != 0 for amount in amounts),
        payers=payers,
        amount=sum(amounts),
        gross=sum(map(abs, amounts)),
        largest=largest,
        second=second,
        people=sum(row.residents_paid for row in shops),
        people_amount=sum(wages),
        people_gross=sum(map(abs, wages)),
        people_largest=most,
        people_second=next_most,
    )


def traded_of(
    shops: Sequence[ShopReceipts], covered: Sequence[int] = (), day: date = date(2026, 10, 1)
) -> tuple[MonthTraded, ...]:
    """What the month of these businesses was made of; each resident whom one of them paid got the same."""
    wages = [row.to_residents for row in shops]
    earned = [row.to_residents // row.residents_paid for row in shops for _ in range(row.residents_paid)]
    kinds = {
        "spent": [row.from_residents for row in shops],
        "sold": [row.from_businesses for row in shops],
        "bought": [row.to_businesses for row in shops],
        "wages": wages,
        "paying": wages,
        "earned": earned,
        "covered": covered,
    }
    return tuple(
        MonthTraded(day, kind, sum(map(bool, found)), sum(found), sum(map(abs, found)), *_two_largest(found))
        for kind, found in kinds.items()
        if any(found)
    )


def _two_largest(amounts: Sequence[int]) -> tuple[int, int]:
    first, second, *_ = *sorted(map(abs, amounts), reverse=True), 0, 0
    return first, second


def in_zones(**counts: int) -> list[ShopReceipts]:
    """So many shops in each zone, each with a different amount."""
    numbers = iter(range(1, 1000))
    return [shop(next(numbers), zone, 100_00 + place) for zone, count in counts.items() for place in range(count)]


def hidden(table: PublicTable) -> list[str | None]:
    return [cell.code for cell in table.cells if cell.hidden]


def test_a_town_with_enough_shops_everywhere_shows_everything_rounded():
    public = publish(report_of(in_zones(north=12, south=31, east=14, west=18)))

    assert hidden(public.by_zone) == []
    assert [(cell.code, cell.amount_minor, cell.shops) for cell in public.by_zone.cells] == [
        ("east", 1_400_00, 15),
        ("north", 1_200_00, 10),
        ("south", 3_105_00, 30),
        ("west", 1_800_00, 20),
    ]
    assert public.by_zone.cells[0].share == Fraction(1_400_00, 7_510_00)
    assert (public.redeemed_minor, public.outstanding_minor, public.velocity) == (500_00, 500_00, Fraction(1234, 100))


def test_a_single_small_cell_takes_another_one_with_it():
    public = publish(report_of(in_zones(north=4, south=31, east=14, west=18)))

    assert hidden(public.by_zone) == ["east", "north"]


def test_the_second_largest_shop_does_not_know_the_largest_from_their_sum():
    """It takes its own share off: what is left is the largest, within the little that the others took."""
    shops = in_zones(north=31, south=31, east=14, west=18)
    shops += [shop(900, "west", 9_000_00), shop(901, "west", 8_000_00)]
    shops = [
        replace(row, receipts_minor=10_00 + row.holder.int) if row.receipts_minor < 200_00 else row for row in shops
    ]

    assert "west" in hidden(publish(report_of(shops)).by_zone)


def test_which_cell_protects_another_does_not_depend_on_amounts():
    """That it was the smallest would bound it: the sum less the smallest cell that is shown is then the least of north."""
    shops = in_zones(north=1, south=31, east=14, west=18)
    poor = [replace(row, receipts_minor=1_00) if row.zone == "south" else row for row in shops]

    assert hidden(publish(report_of(shops)).by_zone) == hidden(publish(report_of(poor)).by_zone) == ["east", "north"]


def test_small_cells_that_are_many_enough_together_hide_nobody_else():
    public = publish(report_of(in_zones(north=6, south=31, east=7, west=18)))

    assert hidden(public.by_zone) == ["east", "north"]


def test_a_zone_without_shops_protects_nobody_and_needs_no_protection():
    """West has no shop, as everybody can see in the register: hiding it beside north would hide nothing."""
    public = publish(report_of(in_zones(north=4, south=31, east=14)))

    assert hidden(public.by_zone) == ["east", "north"]
    assert [(cell.amount_minor, cell.shops) for cell in public.by_zone.cells if cell.code == "west"] == [(0, 0)]


def test_a_zone_whose_shops_sold_nothing_cannot_protect_another():
    """West's two shops took nothing: north would be all that is hidden."""
    shops = [*in_zones(north=4, south=31, east=14), shop(901, "west", 0), shop(902, "west", 0)]

    assert hidden(publish(report_of(shops)).by_zone) == ["east", "north", "west"]


def test_a_cell_that_one_shop_makes_is_hidden_however_many_shops_it_has():
    shops = [*in_zones(north=12, south=31, east=14, west=18), shop(900, "north", 9_000_00)]

    public = publish(report_of(shops))

    assert "north" in hidden(public.by_zone)
    assert len(hidden(public.by_zone)) == 2


def test_a_cell_with_few_payers_is_hidden():
    """The register of shops is public; who spends in them is not."""
    report = report_of(in_zones(north=12, south=31, east=14, west=18), payers=9)

    public = publish(report)

    assert public.by_zone.withheld
    assert (public.by_zone.total_minor, public.spent_minor, public.multiplier, public.recirculation) == (None,) * 4


def test_a_town_with_few_shops_publishes_no_receipts_at_all():
    public = publish(report_of(in_zones(north=5, south=4)))

    assert (public.by_zone.withheld, public.by_sse.withheld, public.active_shops) == (True, True, None)
    assert (public.by_zone.total_minor, public.by_sse.total_minor, public.spent_minor) == (None, None, None)
    assert public.issued_minor == 1_000_00


def test_a_table_that_would_give_a_shop_away_beside_another_table_is_withheld():
    """All ten SSE entities are in the north, with one other shop: north less SSE is that shop."""
    shops = [shop(number, "north", 100_00 + number, sse=number <= 10) for number in range(1, 12)]
    shops += [shop(100 + number, "south", 100_00 + number) for number in range(30)]

    public = publish(report_of(shops))

    assert (public.by_zone.withheld, public.by_sse.withheld) == (False, True)
    assert derivable_groups(shops, public) == []


def test_a_running_month_cannot_be_watched_purchase_by_purchase():
    """Every minute of a running month looks alike, but for what the town itself issued and redeemed."""
    before = in_zones(north=12, south=31, east=14, west=18)
    waits = [Wait(0, 200), Wait(None, 40)]
    at_noon = replace(report_of(before, waits), complete=False)
    a_minute_later = replace(report_of([replace(before[0], receipts_minor=180_00), *before[1:]], waits), complete=False)

    assert publish(at_noon) == publish(a_minute_later)
    assert publish(at_noon).by_zone.withheld


def test_answer_is_the_same_each_time_and_in_any_order():
    shops = in_zones(north=4, south=31, east=31, west=18)

    assert publish(report_of(shops)) == publish(report_of(shops)) == publish(report_of(shops[::-1]))


def test_days_to_first_spend_hide_small_groups_and_one_more():
    waits = [Wait(0, 200), Wait(1, 40), Wait(2, 13), Wait(5, 30), Wait(9, 3), Wait(20, 60), Wait(None, 22)]

    public = publish(report_of(in_zones(north=12), waits))

    assert [(wait.first, wait.last, wait.purses) for wait in public.waits] == [
        (0, 0, 200),
        (1, 2, 55),
        (3, 6, 30),
        (7, 13, None),
        (14, None, 60),
        (None, None, None),
    ]
    assert (public.purses, public.days_to_first_spend) == (370, Fraction(0))


def test_which_interval_protects_another_does_not_depend_on_how_many_are_in_it():
    few = [Wait(0, 12), Wait(1, 40), Wait(2, 13), Wait(5, 30), Wait(9, 3), Wait(20, 60), Wait(None, 90)]

    public = publish(report_of(in_zones(north=12), few))

    assert [(wait.first, wait.last) for wait in public.waits if wait.purses is None] == [(7, 13), (None, None)]


def test_few_purses_say_nothing():
    public = publish(report_of(in_zones(north=12), [Wait(0, 5), Wait(None, 4)]))

    assert {wait.purses for wait in public.waits} == {None}
    assert (public.purses, public.days_to_first_spend) == (None, None)


def test_published_report_holds_no_holder(django_db):
    story = told(
        django_db,
        """
        shop bakery zone=north
        home ana
        2026-11-01 00:00  issue 10.00
        2026-11-01 00:00  give ana 10.00
        2026-11-02 10:00  pay ana bakery 9.00
        """,
    )
    public = publish(story.month("2026-11"))

    text = repr(public)
    assert [name for name, party in story.place.parties.items() if str(party) in text or party.hex in text] == []
    assert "9.00" not in text
    assert "900" not in text
    assert public.by_zone.withheld


# The attack. It knows the register (which shop is where, and which are SSE entities), every
# published figure as if it were exact, and linear algebra.


def known_sums(shops: Sequence[ShopReceipts], public: PublicReport) -> list[list[int]]:
    """For each published sum of receipts, which shops it adds up."""
    sums = []
    for cell in public.by_zone.cells:
        members = [int(row.zone == cell.code) for row in shops]
        if not cell.hidden and any(members):
            sums.append(members)
    for cell in public.by_sse.cells:
        if not cell.hidden:
            sums.append([int(("sse" if row.is_sse else "other") == cell.code) for row in shops])
    if public.by_zone.total_minor is not None or public.spent_minor is not None:
        sums.append([1] * len(shops))
    return sums


def derivable_groups(
    shops: Sequence[ShopReceipts], public: PublicReport, rules: Rules | None = None
) -> list[list[int]]:
    """Groups of shops whose receipts follow from the published sums though they should not be known."""
    return [group for group in combined(known_sums(shops, public)) if too_small(shops, group, rules)]


def too_small(shops: Sequence[ShopReceipts], group: Sequence[int], rules: Rules | None = None) -> bool:
    """Whether this group's receipts should not be known."""
    rules = rules or Rules()
    traded = [row.receipts_minor for row, part in zip(shops, group, strict=True) if part and row.receipts_minor]
    return len(traded) < rules.least or max(traded) > rules.dominance * sum(traded)


def combined(sums: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Every group of shops that is a sum or difference of published sums."""
    for signs in product((-1, 0, 1), repeat=len(sums)):
        group = [sum(sign * row[place] for sign, row in zip(signs, sums, strict=True)) for place in range(len(sums[0]))]
        if any(group) and set(group) <= {0, 1}:
            yield group


def follows(target: Sequence[int], sums: Sequence[Sequence[int]]) -> bool:
    """Whether a sum is any linear combination of the published ones (Gaussian elimination, exact)."""
    rows = [[Fraction(value) for value in row] for row in sums]
    left = [Fraction(value) for value in target]
    for column in range(len(left)):
        pivot = next((row for row in rows if row[column]), None)
        if pivot is None:
            continue
        rows.remove(pivot)
        rows = [[a - b * row[column] / pivot[column] for a, b in zip(row, pivot, strict=True)] for row in rows]
        left = [a - b * left[column] / pivot[column] for a, b in zip(left, pivot, strict=True)]
    return not any(left)


def town_of(seed: int) -> list[tuple[str | None, bool, int]]:
    """A town of ten to seventy shops: some with a giant, some whose SSE entities nearly all stand in one zone."""
    chance = random.Random(seed)
    has_giants, has_quarter = chance.random() < 0.3, chance.random() < 0.6
    town = []
    for _ in range(chance.randint(10, 70)):
        zone = chance.choice(["north", "north", "south", "south", "east"] if has_quarter else [*ZONES, *ZONES, None])
        sse = zone == "north" and chance.random() < 0.95 if has_quarter else chance.random() < 0.4
        largest = 90_000_00 if has_giants else 2_000_00
        town.append((zone, sse, chance.choice([0, 50_00, chance.randint(1, 2_000_00), chance.randint(1, largest)])))
    return town


towns = st.integers(0, 2**32).map(town_of)


def shops_of(town: Sequence[tuple[str | None, bool, int]]) -> list[ShopReceipts]:
    return [shop(number, zone, minor, sse=sse) for number, (zone, sse, minor) in enumerate(town, start=1)]


@settings(deadline=None, max_examples=150)
@given(towns)
def test_differencing_recovers_no_small_or_dominated_group(town):
    shops = shops_of(town)
    public = publish(report_of(shops))

    if known_sums(shops, public):
        assert derivable_groups(shops, public) == []


@settings(deadline=None, max_examples=150)
@given(towns)
def test_no_linear_combination_gives_a_shop_or_a_cell_that_is_too_small(town):
    shops = shops_of(town)
    public = publish(report_of(shops))
    sums = known_sums(shops, public)

    kinds = {(row.zone, row.is_sse): number for number, row in enumerate(shops)}
    targets = [[int(place == number) for place in range(len(shops))] for number in kinds.values()]
    for cell in public.by_zone.cells:
        members = [int(row.zone == cell.code) for row in shops]
        if cell.hidden and any(members) and too_small(shops, members):
            targets.append(members)

    assert [target for target in targets if sums and follows(target, sums)] == []


def test_the_attack_finds_what_comparing_the_two_tables_prevents(monkeypatch):
    monkeypatch.setattr(publication, "_follows", lambda *tables: False)

    found = 0
    for seed in range(60):
        shops = shops_of(town_of(seed))
        public = publish(report_of(shops))
        found += bool(known_sums(shops, public) and derivable_groups(shops, public))

    assert found > 0


def test_enough_is_published_for_the_attack_to_mean_something():
    public = [publish(report_of(shops_of(town_of(seed)))) for seed in range(60)]

    assert sum(not report.by_zone.withheld for report in public) > 20
    assert sum(not report.by_sse.withheld for report in public) > 10


def test_the_attack_works_on_tables_that_are_not_protected():
    """Against rules that hide only the small cell itself, subtraction finds it."""
    shops = in_zones(north=4, south=31, east=14, west=18)
    public = publish(report_of(shops), Rules(least=1, dominance=Fraction(1)))

    assert derivable_groups(shops, public, Rules()) != []


@pytest.mark.parametrize("base", [1, 5])
def test_totals_are_rounded_from_the_true_total_and_not_from_the_cells(base):
    shops = [shop(number, zone, 2_49) for number, zone in enumerate([*["north"] * 20, *["south"] * 20])]

    public = publish(report_of(shops), Rules(amount_base=base))

    assert public.by_zone.total_minor == round(Fraction(40 * 2_49, base * 100)) * base * 100
