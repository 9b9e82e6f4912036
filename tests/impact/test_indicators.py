"""Indicators beyond their pages: what is undefined, what always holds, and where a page's example would not show a mistake."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koinon.impact import measures
from koinon.impact.answers import read_answers
from koinon.impact.appraisal import read_appraisal
from koinon.impact.indicators.b2b_depth import Depth, b2b_depth
from koinon.impact.indicators.concentration import concentration
from koinon.impact.indicators.cost_per_unit import cost_per_unit
from koinon.impact.indicators.environment import environment
from koinon.impact.indicators.leakage import leakage
from koinon.impact.indicators.lm3 import lm3
from koinon.impact.indicators.local_share import local_share
from koinon.impact.indicators.price_signals import price_signals
from koinon.impact.indicators.retention import retention
from koinon.impact.indicators.shop_reach import shop_reach
from koinon.impact.indicators.sroi import ADJUSTMENTS, Judged, Outcome, sroi
from koinon.impact.indicators.unspent import Use, unspent
from koinon.impact.indicators.zone_equity import zone_equity
from koinon.impact.measures import (
    Answer,
    Baskets,
    ConversionFactor,
    Delivered,
    Hops,
    RunningCost,
    Supply,
    hops_of,
)
from koinon.impact.types import ShopReceipts
from koinon.kernel.errors import FindingsError

NOTHING = Hops((), ())
amounts = st.integers(0, 10**9)


def shop(number: int, minor: int, zone: str | None = "north") -> ShopReceipts:
    return ShopReceipts(UUID(int=number), zone, False, receipts_minor=minor, payments=1, payers=1)


def test_what_was_never_there_is_undefined_and_not_zero():
    assert (lm3(NOTHING).lm3, retention(NOTHING), leakage(NOTHING)) == (None, (), None)
    assert unspent([]) == Use(None, None, None)
    assert (shop_reach([]), concentration([shop(1, 0), shop(2, -5)])) == (None, None)
    assert b2b_depth(Supply(0, 0, 0, 0, 0, 0)) == Depth(None, None, None, None)
    assert zone_equity([shop(1, 0)], {"north": 10}).theil is None
    assert zone_equity([shop(1, 10)], {}).theil is None
    assert environment([], []).co2e is None
    assert local_share([], seed=1).value is None
    assert sroi([], investment=Fraction(0), discount_rate=Fraction(0)).ratio is None


# Rounds


def traced(rows: list[tuple[int, int, int]]):
    """A trace, first in first out, of payments between four people; 4 issues 100 to each at the start and 5 redeems."""
    import numpy as np

    from koinon.impact.tracing.api import trace
    from koinon.impact.tracing.types import Accounts, Attribute, Ledger, Transfers

    every = [(4, person, 100) for person in range(4)] + rows
    source, target, amount = (np.array(column) for column in zip(*every, strict=True))
    ledger = Ledger(
        Transfers(
            time=np.arange(len(every), dtype=np.int64) * 1_000_000,
            source=source.astype(np.int32),
            target=target.astype(np.int32),
            amount=amount.astype(np.int64),
            cohort=np.where(source == 4, 0, -1).astype(np.int32),
            undoes=np.zeros(len(every), np.bool_),
        ),
        Accounts(
            names=tuple("abcdIR"),
            role=np.array([0, 0, 0, 0, 1, 2], np.uint8),
            attributes={"zone": Attribute(np.array([0, 0, 1, -1, -1, -1], np.int16), ("north", "south"))},
        ),
        cohorts=("aid 2026-11",),
    )
    return trace(ledger, "fifo").cohorts


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 5).filter(lambda to: to != 4), st.integers(1, 60)), max_size=40
    )
)
def test_rounds_of_a_trace_are_those_of_tokens_in_purses(rows):
    """Each unit a token that counts its payments; the first to come are the first to go."""
    left: list[int] = []
    made = [0] * 400
    kept: list[tuple[int, int, int]] = []
    tokens = [[person * 100 + number for number in range(100)] for person in range(4)]
    for source, target, amount in rows:
        if source == target or amount > len(tokens[source]):
            continue
        kept.append((source, target, amount))
        moved, tokens[source] = tokens[source][:amount], tokens[source][amount:]
        if target == 5:
            left += moved
        else:
            for token in moved:
                made[token] += 1
            tokens[target] += moved

    hops = hops_of(traced(kept))

    for hop in range(5):
        assert hops.reached[hop] == sum(count >= hop for count in made)
    assert [hops.left[hop] for hop in range(10)] == [sum(made[token] == hop for token in left) for hop in range(10)]
    rounds = lm3(hops)
    assert rounds.lm3 == 1 + Fraction(sum(count >= 1 for count in made) + sum(count >= 2 for count in made), 400)
    found = leakage(hops)
    assert found is not None
    assert found.total == Fraction(len(left), 400)


def test_a_trace_without_dimensions_leaves_rounds_undefined():
    from koinon.impact.tracing.types import REACH

    (cohort,) = traced([(0, 1, 50), (1, 5, 20)])

    assert lm3(hops_of([cohort])).lm3 == 1 + Fraction(50, 400)
    assert lm3(hops_of([replace(cohort, reach={})])).lm3 is None
    assert measures.REACH == REACH


@given(st.lists(st.tuples(amounts, amounts, amounts, amounts), min_size=1, max_size=5))
def test_cohorts_together_are_their_sums(cohorts):
    each = [Hops((Fraction(a + b), Fraction(b)), (Fraction(c), Fraction(d))) for a, b, c, d in cohorts]

    total = sum(each, NOTHING)

    assert total.reached == tuple(sum((one.reached[hop] for one in each), Fraction(0)) for hop in range(2))
    assert total.left == tuple(sum((one.left[hop] for one in each), Fraction(0)) for hop in range(2))


# Concentration and equity


@given(st.lists(amounts, min_size=1, max_size=30))
def test_concentration_lies_between_equal_shares_and_one(receipts):
    found = concentration(shop(number, minor) for number, minor in enumerate(receipts))

    if found is None:
        assert not any(receipts)
    else:
        assert Fraction(1, found.businesses) <= found.hhi <= 1
        assert found.largest**2 <= found.hhi <= found.largest


@given(st.lists(st.tuples(amounts, st.integers(1, 10**6)), min_size=1, max_size=12))
def test_theils_index_is_never_below_zero_nor_above_its_most_and_does_not_care_for_the_unit(zones):
    residents = {str(number): people for number, (_, people) in enumerate(zones)}

    def of(times: int) -> tuple[Decimal | None, Decimal | None]:
        rows = [shop(number, minor * times, str(number)) for number, (minor, _) in enumerate(zones)]
        found = zone_equity(rows, residents)
        return found.theil, found.most

    theil, most = of(1)
    assert of(1000) == (theil, most)
    if theil is not None and most is not None:
        assert -Decimal("0.000001") <= theil <= most + Decimal("0.000001")


def test_equal_receipts_for_each_resident_are_no_inequality_and_strangers_are_named():
    found = zone_equity(
        [shop(1, 300), shop(2, 100, "south"), shop(3, 50, None), shop(4, 5, "port")], {"north": 30, "south": 10}
    )

    assert found.theil == 0
    assert found.left_out == ("port", None)


# A sample


def test_the_same_seed_gives_the_same_interval_in_whatever_order_answers_come():
    answers = [Answer(stratum, 100 + 7 * number, 10 * number) for number in range(10) for stratum in ("47", "56")]

    first = local_share(answers, seed=5, weights={"47": 3, "56": 1})

    assert local_share(answers[::-1], seed=5, weights={"47": 3, "56": 1}) == first
    assert first.low is not None
    assert first.high is not None
    assert first.low < first.value < first.high
    assert local_share(answers, seed=6, weights={"47": 3, "56": 1}).value == first.value


def test_one_answer_does_not_say_how_answers_differ():
    found = local_share([Answer("", 100, 40)], seed=1)

    assert (found.value, found.low, found.high) == (Fraction(2, 5), None, None)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """Of 60 samples of 40 shops whose share is 0.4 on average, the 95 % interval misses it a few times."""
    chance = Random(2026)
    missed = 0
    for seed in range(60):
        answers = [Answer("", 1000, chance.randrange(0, 801)) for _ in range(40)]
        found = local_share(answers, seed=seed, draws=200)
        assert found.low is not None
        assert found.high is not None
        missed += not found.low <= Fraction(2, 5) <= found.high
    assert 0 < missed <= 9


def test_answers_are_read_exactly_and_every_finding_has_its_row(tmp_path: Path):
    file = tmp_path / "answers.csv"
    file.write_text("\ufeffStratum;Spent;Local\n47;100,50;60\n\n;300;0,000001\n", encoding="utf-8")
    assert read_answers(file) == (Answer("47", 100_500_000, 60_000_000), Answer("", 300_000_000, 1))

    file.write_text("spent,local\n10,11\nten,1\n5\n1.5,1\n", encoding="utf-8")
    with pytest.raises(FindingsError) as refused:
        read_answers(file)
    assert [(one.row, one.column, one.code) for one in refused.value.findings] == [
        (2, "local", "survey.local"),
        (3, "spent", "survey.amount"),
        (4, "local", "survey.amount"),
    ]
    file.write_text("spent,near\n1,1\n", encoding="utf-8")
    with pytest.raises(FindingsError) as refused:
        read_answers(file)
    assert [(one.row, one.column, one.code) for one in refused.value.findings] == [(1, "local", "survey.column")]
    for text, row in (('spent,local\n10,1\n11,"' + "x" * 140_000, 3), ('"' + "x" * 140_000, 1)):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(FindingsError) as refused:
            read_answers(file)
        assert (refused.value.findings[0].row, refused.value.findings[0].code) == (row, "survey.row")


# Prices


def baskets(number: int, chance: Random, *, aid_times: float = 1.0, count: int = 60) -> Baskets:
    def one(times: float) -> tuple[int, ...]:
        return tuple(sorted(int(chance.lognormvariate(7, 0.6) * times) + 1 for _ in range(count)))

    return Baskets(UUID(int=number), aid=one(aid_times), own=one(1.0))


def test_a_shop_that_is_dearer_for_aid_stands_out_of_forty_that_are_not():
    chance = Random(7)
    shops = [baskets(number, chance) for number in range(40)] + [baskets(99, chance, aid_times=2.0)]

    found = price_signals(shops)

    assert [signal.shop.int for signal in found.compared if signal.flagged] == [99]
    assert found == price_signals(shops[::-1])


def test_a_shop_that_is_cheaper_for_aid_or_sold_too_little_is_never_flagged():
    chance = Random(8)
    found = price_signals([baskets(1, chance, aid_times=0.4), baskets(2, chance, aid_times=3.0, count=19)])

    assert ([signal.flagged for signal in found.compared], found.too_few) == ([False], 1)


# Costs and kilograms


@given(st.integers(0, 10**9), st.integers(0, 800))
def test_a_cost_spread_over_its_days_is_all_of_it_and_no_more(minor, days):
    first = date(2026, 1, 10)
    cost = RunningCost("garden", first, first + timedelta(days=days), minor, "Budget")

    bounds = [date(year, month, 1) for year in range(2025, 2030) for month in range(1, 13)]
    parts = [cost.within(start, end - timedelta(days=1)) for start, end in pairwise(bounds)]

    assert sum(parts) == minor


def test_an_activity_that_cost_something_and_delivered_nothing_is_listed():
    (found,) = cost_per_unit(
        [], [RunningCost("garden", date(2026, 6, 1), date(2026, 6, 30), 300_00, "Budget")],
        first_day=date(2026, 6, 1), last_day=date(2026, 6, 30),
    )  # fmt: skip

    assert (found.activity, found.running, found.each) == ("garden", Fraction(300_00), None)


def test_a_factor_holds_from_its_day_on_and_a_day_without_one_leaves_the_stream_undefined():
    def brought(day: date) -> Delivered:
        return Delivered("point", "Point", "kilogram", "glass", day, 1000, 0, 1)

    factors = [
        ConversionFactor("glass", date(2026, 6, 1), 300, "Old"),
        ConversionFactor("glass", date(2026, 7, 1), 200, "New"),
    ]

    both = environment([brought(date(2026, 6, 30)), brought(date(2026, 7, 1))], factors)
    early = environment([brought(date(2026, 5, 31)), brought(date(2026, 7, 1))], factors)

    assert (both.co2e, both.streams[0].sources) == (Fraction(1, 2), ("Old", "New"))
    assert (early.co2e, early.uncounted, early.kilograms) == (None, ("glass",), 2)


# Social value

TENTH = st.integers(0, 10).map(lambda tenths: Fraction(tenths, 10))


@st.composite
def judged(draw, least: int = 0, most: int = 10) -> Judged:
    return Judged(*sorted(Fraction(draw(st.integers(least, most)), 10) for _ in range(3)))


@st.composite
def outcomes(draw) -> Outcome:
    shares = {name: draw(judged()) for name in ADJUSTMENTS}
    return Outcome(
        name="n", stakeholder="s", indicator="i", quantity=draw(judged(0, 500)), baseline=Fraction(draw(st.integers(0, 30))),
        evidence="e", proxy=draw(judged(-100, 1000)), proxy_source="p", proxy_year=2025, years=draw(st.integers(1, 4)), **shares,
    )  # fmt: skip


@given(outcomes(), TENTH)
def test_the_range_holds_the_ratio_and_every_single_change(outcome, rate):
    found = sroi([outcome], investment=Fraction(100), discount_rate=rate)

    assert found.low is not None
    assert found.ratio is not None
    assert found.high is not None
    assert found.low <= found.ratio <= found.high
    for tested in found.sensitivity:
        assert found.low <= tested.low <= found.ratio <= tested.high <= found.high


@pytest.mark.parametrize("name", ADJUSTMENTS)
def test_more_of_an_adjustment_never_adds_value(name):
    half = Judged(Fraction(1, 4), Fraction(1, 2), Fraction(3, 4))
    outcome = Outcome("n", "s", "i", half, Fraction(0), "e", half, "p", 2025, half, half, half, half, years=3)

    def of(share: Fraction) -> Fraction:
        changed = replace(outcome, **{name: Judged(share, share, share)})
        return sroi([changed], investment=Fraction(1), discount_rate=Fraction(1, 20)).ratio or Fraction(0)

    assert of(Fraction(0)) > of(Fraction(1, 3)) > of(Fraction(2, 3)) > 0


OUTCOMES = Path(__file__).parents[2] / "docs" / "indicators" / "sroi.md"


def appraised(tmp_path: Path, change: str = "", to: str = "") -> Path:
    """The file of the page, perhaps changed in one place."""
    text = OUTCOMES.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    assert change in text
    file = tmp_path / "outcomes.toml"
    file.write_text(text.replace(change, to), encoding="utf-8")
    return file


def test_the_file_of_the_page_is_read_and_discounted(tmp_path: Path):
    """9,000 in the first year and 4,500 in the second, at 3.5 %: 9000/1.035 + 4500/1.035^2, over 10,000."""
    said = read_appraisal(appraised(tmp_path))

    found = sroi(said.outcomes, investment=said.investment, discount_rate=said.discount_rate)

    growth = Fraction(207, 200)
    assert found.ratio == (9000 / growth + 4500 / growth**2) / 10_000


def test_a_number_without_quotes_is_read_as_it_is_written(tmp_path: Path):
    said = read_appraisal(appraised(tmp_path, 'investment = "10000.00"', "investment = 123456789012.123456789"))
    tiny = read_appraisal(appraised(tmp_path, 'discount_rate = "0.035"', "discount_rate = 0.00001"))

    assert said.investment == Fraction(123456789012123456789, 10**9)
    assert tiny.discount_rate == Fraction(1, 100_000)


@pytest.mark.parametrize(
    ("change", "to", "place", "code"),
    [
        ('deadweight = ["0.10", "0.20", "0.30"]\n', "", "outcomes[1].deadweight", "sroi.missing"),
        ('displacement = [0, 0, "0.05"]\n', "", "outcomes[1].displacement", "sroi.missing"),
        ('attribution = ["0.25", "0.25", "0.50"]\n', "", "outcomes[1].attribution", "sroi.missing"),
        ('drop_off = ["0.20", "0.50", "0.50"]\n', "", "outcomes[1].drop_off", "sroi.missing"),
        ('drop_off = ["0.20", "0.50", "0.50"]', 'drop_off = "0.5"', "outcomes[1].drop_off", "sroi.missing"),
        ('displacement = [0, 0, "0.05"]', "displacement = [0, 0, 5]", "outcomes[1].displacement", "sroi.invalid"),
        ("quantity = [30, 40, 50]", "quantity = [40, 30, 50]", "outcomes[1].quantity", "sroi.invalid"),
        ("years = 2", "years = 0", "outcomes[1].years", "sroi.invalid"),
        ("years = 2", "years = 2\nduration = 2", "outcomes[1].duration", "sroi.unknown"),
        ('investment = "10000.00"', 'investment = "ten"', "investment", "sroi.invalid"),
        ('discount_rate = "0.035"\n', "", "discount_rate", "sroi.missing"),
        ("[[outcomes]]", "[[outcome]]", "outcomes", "sroi.missing"),
        ("years = 2", "years = ", "", "sroi.toml"),
        ("years = 2", f"years = {'9' * 5000}", "", "sroi.toml"),
        ("quantity = [30, 40, 50]", "quantity = [30, 40, nan]", "outcomes[1].quantity", "sroi.invalid"),
    ],
)  # fmt: skip
def test_nothing_is_taken_for_granted(tmp_path: Path, change: str, to: str, place: str, code: str):
    with pytest.raises(FindingsError) as refused:
        read_appraisal(appraised(tmp_path, change, to))

    assert (place, code) in [(one.column, one.code) for one in refused.value.findings]
