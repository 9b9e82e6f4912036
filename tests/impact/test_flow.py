"""The way of a month's units adds up, and what is shown of it gives nobody away."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from koinon.db.statements import many, statement
from koinon.impact import flow as flows
from koinon.impact.flow import CameIn, Held, MonthFlow, Source
from koinon.impact.publication import PublicReport, publish
from koinon.impact.types import MonthTraded, ShopReceipts
from tests.impact.story import told
from tests.impact.test_publication import follows, month_of, report_of, traded_of

FUND = UUID(int=77)


def business(number: int, *, receipts: int = 100_00, between: int = 0, on: int = 0, wages: int = 0, people: int = 0):
    return ShopReceipts(
        UUID(int=number), "north", False, receipts, payments=20, payers=20,
        from_businesses=between, to_businesses=on, to_residents=wages, residents_paid=people,
    )  # fmt: skip


def aid(receivers: int = 40, minor: int = 4_000_00, largest: int = 200_00, code: str = "disburse") -> CameIn:
    return CameIn(code, FUND, minor, receivers, largest, minor)


def flow_of(rows: Sequence[ShopReceipts], came_in: Sequence[CameIn] = (aid(),)) -> MonthFlow:
    report = report_of(rows)
    return MonthFlow(
        month=report.month, exponent=2, came_in=tuple(came_in), businesses=tuple(rows),
        before=Held(0, 300_00, 200_00), after=Held(0, 400_00, 100_00), redeemed=500_00, expired=0,
    )  # fmt: skip


def shown(rows: Sequence[ShopReceipts], came_in: Sequence[CameIn] = (aid(),)):
    return flows.publish(flow_of(rows, came_in), publish(report_of(rows)))


def test_what_people_had_and_got_is_what_they_gave_and_have(django_db):
    story = told(
        django_db,
        """
        shop bakery zone=north
        shop mill zone=south
        home ana
        home ben
        2026-10-30 00:00  issue 50.00
        2026-10-30 00:00  give ana 50.00
        2026-10-31 12:00  pay ana bakery 20.00
        2026-11-01 00:00  issue 100.00
        2026-11-01 00:00  give ana 60.00
        2026-11-01 00:00  give ben 40.00
        2026-11-02 10:00  p: pay ana bakery 70.00
        2026-11-03 10:00  pay bakery mill 25.00
        2026-11-04 10:00  refund p 10.00
        2026-11-05 10:00  pay mill ben 5.00
        2026-11-06 00:00  redeem bakery 30.00
        2026-11-21 00:00  expire ben 15.00
        """,
    )

    found = flows.month_flow(story.place.conn, story.month("2026-11"))

    assert found.came_in == (CameIn("disburse", story.place.fund, 100_00, 2, 60_00, 100_00, second=40_00),)
    assert (found.before, found.after) == (Held(0, 30_00, 20_00), Held(0, 60_00, 45_00))
    assert (found.from_residents, found.between_businesses, found.to_residents) == (60_00, 25_00, 5_00)
    assert (found.redeemed, found.expired) == (30_00, 15_00)
    assert 30_00 + 100_00 + found.to_residents == found.from_residents + found.expired + found.after.residents
    assert 20_00 + found.from_residents == found.to_residents + found.redeemed + found.after.businesses


def test_a_way_with_enough_of_everybody_is_shown_whole():
    rows = [business(number, between=10_00, on=10_00, wages=5_00, people=1) for number in range(1, 31)]

    public = shown(rows)

    assert public.told
    assert (public.spent_by_residents, public.between_businesses, public.paid_to_residents) == (2700_00, 300_00, 150_00)
    assert (public.carried_by_residents, public.kept_by_businesses) == (300_00, 100_00)
    assert public.sources == (Source("disburse", FUND, 4_000_00),)


def test_three_businesses_that_buy_from_each_other_are_not_shown_by_what_residents_spent():
    """Receipts are published; what residents spent, beside them, would be what the three paid each other."""
    rows = [
        business(number, between=10_00 if number < 4 else 0, on=10_00 if number < 4 else 0) for number in range(1, 31)
    ]

    public, report = shown(rows), publish(report_of(rows))

    assert (public.told, public.spent_by_residents, public.kept_by_residents) == (False, None, None)
    assert report.recirculation is None
    assert report.by_zone.total_minor is not None


def test_one_wage_does_not_follow_from_all_payments_less_what_businesses_received():
    rows = [business(number, wages=900_00 if number == 1 else 0, people=int(number == 1)) for number in range(1, 31)]

    report = publish(report_of(rows))

    assert (report.spent_minor, report.multiplier, report.velocity, report.recirculation) == (None, None, None, None)
    assert not report.paid_to_date
    assert not shown(rows).told


def test_what_was_ever_paid_is_not_shown_after_a_month_that_was_hidden():
    """Two sums to date, less the month between them, would be the hidden month: three shops."""
    many = [business(number) for number in range(1, 31)]
    few = month_of([business(number) for number in range(1, 4)], day=date(2026, 9, 1))
    report = report_of(many)

    assert publish(report).paid_to_date
    assert not publish(replace(report, paid=(few, *report.paid))).paid_to_date


def test_one_employers_wages_do_not_follow_from_all_payments_less_what_businesses_received():
    """Twenty people were paid: many enough for them, and all by one co-operative."""
    rows = [business(number, wages=900_00 if number == 1 else 0, people=20 * (number == 1)) for number in range(1, 31)]

    report = publish(report_of(rows))

    assert (report.spent_minor, report.multiplier, report.recirculation, report.paid_to_date) == (
        None,
        None,
        None,
        False,
    )


def test_what_residents_spent_at_one_shop_does_not_follow_from_trade():
    """Thirty trade with each other, and residents buy from one: receipts over the depth of supply would be that one."""
    rows = [
        business(number, receipts=200_00 if number == 1 else 100_00, between=100_00, on=100_00)
        for number in range(1, 31)
    ]

    report = publish(report_of(rows))

    assert (report.trade_told, report.recirculation) == (False, None)
    assert not flows.publish(flow_of(rows), report).told


def test_a_hidden_month_does_not_follow_from_what_was_held_before_and_after_it():
    """Carried over, plus what came in, less what was kept is what residents spent: at three shops, two months ago."""
    many = [business(number, between=10_00, on=10_00) for number in range(1, 31)]
    few = [business(number) for number in range(1, 4)]
    day = date(2026, 9, 1)
    report = report_of(many)
    after = replace(
        report, paid=(month_of(few, day=day), *report.paid), traded=(*traded_of(few, day=day), *report.traded)
    )

    public = flows.publish(flow_of(many), publish(after))

    assert (public.told, public.held) == (True, False)
    assert (public.carried_by_residents, public.carried_by_businesses) == (None, None)
    assert (public.kept_by_residents, public.kept_by_businesses) == (None, None)


def test_a_hidden_trade_does_not_follow_from_what_was_held_before_and_after_it():
    """The same of a month whose receipts are shown, and in which three businesses bought from each other."""
    many = [business(number, between=10_00, on=10_00) for number in range(1, 31)]
    trade = [MonthTraded(date(2026, 9, 1), kind, 3, 30_00, 30_00, 10_00, 10_00) for kind in ("sold", "bought")]
    report = report_of(many)

    public = publish(replace(report, traded=(*trade, *report.traded)))

    assert (public.paid_to_date, public.trade_told, public.held_to_date) == (True, True, False)


def test_what_the_town_covered_of_one_shop_does_not_follow_from_what_businesses_held():
    many = [business(number, between=10_00, on=10_00) for number in range(1, 31)]
    report = replace(report_of(many), traded=traded_of(many, covered=[250_00]))

    public = flows.publish(flow_of(many), publish(report))

    assert (public.told, public.held) == (True, False)


def test_what_one_resident_gave_another_does_not_follow_from_payments_receipts_and_wages():
    many = [business(number, wages=5_00, people=1) for number in range(1, 31)]
    gift = [MonthTraded(date(2026, 10, 1), kind, 1, 40_00, 40_00, 40_00, 0) for kind in ("gave", "got")]
    report = replace(report_of(many), traded=(*traded_of(many), *gift))

    public = flows.publish(flow_of(many), publish(report))

    assert publish(report).spent_minor is not None
    assert (public.told, public.paid_to_residents) == (False, None)


def test_what_one_resident_spent_does_not_follow_from_what_all_of_them_did():
    """Thirty shops sold, and a purse of one association paid for nearly all of it."""
    many = [business(number, between=10_00, on=10_00) for number in range(1, 31)]
    spending = MonthTraded(date(2026, 10, 1), "spending", 40, 2700_00, 2700_00, 2600_00, 10_00)
    report = publish(replace(report_of(many), traded=(*traded_of(many), spending)))

    assert (report.trade_told, report.recirculation, report.held_to_date) == (False, None, False)


def test_who_made_up_each_kind_of_payment_is_counted_from_the_books(django_db):
    story = told(
        django_db,
        """
        shop bakery zone=north
        shop mill zone=south
        home ana
        home ben
        2026-10-30 00:00  issue 50.00
        2026-10-30 00:00  give ana 50.00
        2026-10-31 12:00  pay ana bakery 20.00
        2026-11-02 10:00  p: pay ana bakery 25.00
        2026-11-03 10:00  pay bakery mill 15.00
        2026-11-04 10:00  refund p 10.00
        2026-11-05 10:00  pay mill ben 5.00
        """,
    )

    found = story.month("2026-11").traded

    october, november = date(2026, 10, 1), date(2026, 11, 1)
    assert found == (
        MonthTraded(october, "spending", 1, 20_00, 20_00, 20_00, 0),
        MonthTraded(october, "spent", 1, 20_00, 20_00, 20_00, 0),
        MonthTraded(november, "bought", 1, 15_00, 15_00, 15_00, 0),
        MonthTraded(november, "earned", 1, 5_00, 5_00, 5_00, 0),
        MonthTraded(november, "paying", 1, 5_00, 5_00, 5_00, 0),
        MonthTraded(november, "sold", 1, 15_00, 15_00, 15_00, 0),
        MonthTraded(november, "spending", 1, 15_00, 15_00, 15_00, 0),
        MonthTraded(november, "spent", 1, 15_00, 15_00, 15_00, 0),
        MonthTraded(november, "wages", 1, 5_00, 5_00, 5_00, 0),
    )


def test_who_paid_from_aid_and_who_from_free_money_is_counted_from_the_books(django_db):
    """The bakery pays from its till; ben pays ana 2.00 and the mill 1.00 of the 5.00 that he earned."""
    story = told(
        django_db,
        """
        shop bakery zone=north
        shop mill zone=south
        home ana
        home ben
        2026-10-30 00:00  issue 50.00
        2026-10-30 00:00  give ana 50.00
        2026-10-31 12:00  p: pay ana bakery 20.00
        2026-11-02 10:00  pay ana mill 8.00
        2026-11-04 10:00  refund p 3.00
        2026-11-05 10:00  pay bakery ben 5.00
        2026-11-06 10:00  pay ben ana 2.00 own
        2026-11-07 10:00  pay ben mill 1.00 own
        """,
    )
    report = story.month("2026-11")
    asked = {"town_id": report.town_id, "until": report.until, "time_zone": "Europe/Madrid"}

    found = many(story.place.conn, statement("koinon.impact", "months_spent"), MonthTraded, **asked)

    october, november = date(2026, 10, 1), date(2026, 11, 1)
    assert found == [
        MonthTraded(october, "bound", 1, 20_00, 20_00, 20_00, 0),
        MonthTraded(november, "bound", 1, 5_00, 5_00, 5_00, 0),
        MonthTraded(november, "own", 1, 3_00, 3_00, 3_00, 0),
    ]


def test_a_source_of_few_is_shown_with_another_one():
    came_in = [
        aid(),
        aid(receivers=3, minor=30_00, largest=12_00, code="reward"),
        aid(receivers=25, minor=500_00, largest=40_00, code="topup"),
    ]

    public = shown([business(number) for number in range(1, 31)], came_in)

    assert public.sources == (Source("disburse", FUND, 4_000_00), Source(None, None, 530_00))


def test_a_source_of_which_two_got_nearly_all_is_shown_with_another_one():
    """Ten bought units: two for 1,000 and 900, eight for 10. The second, less its own, would know the first within 8 %."""
    bought = CameIn("topup", None, 1_980_00, 10, 1_000_00, 1_980_00, second=900_00)

    assert shown([], [aid(), bought]).sources == (Source(None, None, 5_980_00),)
    assert len(shown([], [aid(), replace(bought, second=200_00)]).sources) == 2


def test_a_source_of_few_alone_is_the_whole_and_the_towns_own_account():
    assert shown([], [aid(receivers=2, minor=30_00, largest=20_00)]).sources == (Source(None, None, 30_00),)


# The attack: unknown are, for each business, what it had from residents and from businesses, and paid to businesses and
# to residents; known is every published sum, as if it were exact, and linear algebra.

KINDS = ("from_residents", "from_businesses", "to_businesses", "to_residents")


def known(rows: Sequence[ShopReceipts], report: PublicReport, public: flows.PublicFlow) -> list[list[int]]:
    def total(*kinds: str) -> list[int]:
        return [int(kind in kinds) for _ in rows for kind in KINDS]

    sums = []
    if report.by_zone.total_minor is not None:
        sums.append(total("from_residents", "from_businesses"))
    if report.spent_minor is not None:
        sums.append(total("from_residents", "from_businesses", "to_residents"))
    if report.recirculation is not None:
        sums.append(total("to_businesses", "to_residents"))
    if public.told:
        sums += [total("from_residents"), total("from_businesses"), total("to_businesses"), total("to_residents")]
    # They are equal.
    sums.append([a - b for a, b in zip(total("from_businesses"), total("to_businesses"), strict=True)])
    return sums


def trading(seed: int) -> list[ShopReceipts]:
    chance = random.Random(seed)
    count, traders, employers = chance.randint(5, 40), chance.choice([0, 2, 9, 40]), chance.choice([0, 1, 8, 40])
    rows = []
    for number in range(1, count + 1):
        between = chance.randint(1, 500_00) if number <= traders else 0
        wages = chance.randint(1, 500_00) if number <= employers else 0
        rows.append(
            business(
                number,
                receipts=between + chance.randint(0, 2_000_00),
                between=between,
                on=chance.randint(1, 500_00) if number <= traders else 0,
                wages=wages,
                people=int(wages > 0),
            )
        )
    return rows


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32).map(trading))
def test_no_sum_of_a_few_businesses_or_people_follows_from_what_is_published(rows):
    report = publish(report_of(rows))
    public = flows.publish(flow_of(rows), report)
    sums = known(rows, report, public)

    def few(kind: str) -> bool:
        amounts = [getattr(row, kind) for row in rows if getattr(row, kind)]
        return bool(amounts) and (len(amounts) < 10 or max(amounts) > Fraction(85, 100) * sum(amounts))

    targets = [[int(kind == wanted) for _ in rows for kind in KINDS] for wanted in KINDS if few(wanted)]
    assert [target for target in targets if follows(target, sums)] == []
