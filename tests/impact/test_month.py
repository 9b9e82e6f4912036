"""A hand-made month whose figures anybody can compute with a pencil."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from uuid import UUID

import pytest

from koinon.impact import queries
from koinon.impact.indicators.units import outstanding
from koinon.impact.types import Flows, Wait
from koinon.kernel.identifiers import new_id
from koinon.kernel.periods import Month
from koinon.ledger import operations as ledger
from koinon.ledger import queries as books
from koinon.ledger.types import Transfer
from tests.impact.story import MADRID, Story, told
from tests.treasury.place import build

NOVEMBER = """
    shop    bakery zone=north
    shop    mill   zone=south sse
    shop    idle   zone=south
    home    ana
    home    ben
    home    cleo
    2026-11-01 00:00  issue    100.00
    2026-11-01 00:00  give     ana 60.00
    2026-11-01 00:00  give     ben 35.00
    2026-11-01 00:00  give     cleo 5.00
    2026-11-02 10:00  pay      ana bakery 40.00
    2026-11-05 10:00  p: pay   ben bakery 30.00
    2026-11-06 10:00  refund   p 10.00
    2026-11-07 10:00  pay      bakery mill 30.00
    2026-11-08 10:00  pay      mill ana 5.00
    2026-11-09 10:00  pay      ana ben 5.00 own
    2026-11-11 00:00  redeem   bakery 20.00
    2026-11-21 00:00  expire   ben 10.00
"""


@pytest.fixture
def november(django_db) -> Story:
    return told(django_db, NOVEMBER)


def test_month_has_the_figures_computed_by_hand(november):
    """Issued I = 100. Nobody took anything back.

    Payments: ana-bakery 40, ben-bakery 30 less 10 refunded, bakery-mill 30,
    mill-ana 5 (wage), ana-ben 5. V = 40 + 20 + 30 + 5 + 5 = 100, so M = V/I = 1.

    Businesses' income: bakery 40 + 20, mill 30: 90. Their spending: bakery 30,
    mill 5: 35. R = 35/90 = 7/18.

    Outstanding: 100 from the 1st, 80 from the 11th, 70 from the 21st, ten days
    each: A = (100 + 80 + 70)/3 = 250/3. v = V/A x 12 = 100 x 3/250 x 12 = 14.4.
    """
    report = november.month("2026-11")

    assert report.flows == Flows(
        issued=100_00,
        spent=100_00,
        refunded=10_00,
        redeemed=20_00,
        expired=10_00,
        business_income=90_00,
        business_spending=35_00,
        outstanding_start=0,
        outstanding_end=70_00,
        outstanding_mean=Fraction(250_00, 3),
    )
    assert (report.multiplier, report.recirculation, report.velocity) == (Fraction(1), Fraction(7, 18), Fraction(72, 5))
    assert outstanding(report.flows) == report.flows.outstanding_end
    # The story posts transfers by themselves, without the cycles and payments they would belong to.
    assert november.place.broken("ledger", "treasury") == []


def test_wait_is_in_local_days_and_keeps_who_has_not_spent(november):
    """ana waits one day, ben four, cleo has not spent: the middle one of three waits four days."""
    report = november.month("2026-11")

    assert report.first_spend.waits == (Wait(1, 1), Wait(4, 1), Wait(None, 1))
    assert (report.first_spend.median, report.first_spend.purses, report.first_spend.spent) == (Fraction(4), 3, 2)


def test_receipts_are_shared_by_zone_and_by_social_economy(november):
    """bakery (north) 60 of 90, mill (south, SSE) 30 of 90, idle (south) nothing."""
    report = november.month("2026-11")

    assert [(share.code, share.receipts_minor, share.share, share.shops) for share in report.by_zone] == [
        ("north", 60_00, Fraction(2, 3), 1),
        ("south", 30_00, Fraction(1, 3), 1),
    ]
    assert [(share.code, share.share) for share in report.by_sse] == [
        ("sse", Fraction(1, 3)),
        ("other", Fraction(2, 3)),
    ]
    assert (report.active_shops, report.shops) == (2, 3)


def test_distinct_payers_are_counted_by_cell(november):
    payers = {(row.cells, row.code): row.payers for row in november.month("2026-11").payers}

    assert payers == {
        ("all", None): 3,
        ("zone", "north"): 2,
        ("zone", "south"): 1,
        ("sse", "sse"): 1,
        ("sse", "other"): 2,
    }


def test_a_later_refund_counts_in_its_own_month_and_leaves_the_closed_one_as_it_was(november):
    before = november.month("2026-11")
    november.tell("2026-12-03 10:00 refund p 10.00")

    december = november.month("2026-12")

    assert november.month("2026-11") == before
    assert (december.flows.spent, december.flows.refunded, december.flows.business_income) == (-10_00, 10_00, -10_00)
    assert (december.multiplier, december.recirculation) == (None, None)
    assert december.flows.outstanding_start == december.flows.outstanding_end == 70_00


def test_nothing_is_defined_in_a_month_without_units(django_db):
    report = told(django_db, "shop bakery zone=north").month("2026-11")

    assert (report.multiplier, report.recirculation, report.velocity) == (None,) * 3
    assert (report.first_spend.median, report.active_shops, report.shops) == (None, 0, 1)
    assert [share.share for share in (*report.by_zone, *report.by_sse)] == [None, None, None]


def test_first_instant_of_the_month_is_local(django_db):
    """The 1st of November begins at 23:00 UTC on the 31st of October in Madrid."""
    story = told(
        django_db,
        """
        shop bakery
        home ana
        2026-10-31 23:59  issue 10.00
        2026-10-31 23:59  give ana 10.00
        2026-10-31 23:59  pay ana bakery 1.00
        2026-11-01 00:00  pay ana bakery 2.00
        2026-11-30 23:59  pay ana bakery 3.00
        2026-12-01 00:00  pay ana bakery 4.00
        """,
    )

    assert [story.month(month).flows.spent for month in ("2026-10", "2026-11", "2026-12")] == [1_00, 5_00, 4_00]


def test_what_is_taken_back_before_anyone_has_it_was_never_issued(django_db):
    story = told(
        django_db,
        """
        shop bakery
        home ana
        2026-11-01 00:00  issue 100.00
        2026-11-01 00:00  give ana 60.00
        2026-11-16 00:00  unissue 40.00
        2026-11-20 10:00  pay ana bakery 30.00
        """,
    )
    report = story.month("2026-11")

    assert (report.flows.issued, report.flows.outstanding_end) == (60_00, 60_00)
    assert report.flows.outstanding_mean == Fraction(100_00 * 15 + 60_00 * 15, 30)
    assert report.multiplier == Fraction(1, 2)


def test_an_undone_redemption_and_a_reversed_issue_never_happened(django_db):
    story = told(
        django_db,
        """
        shop bakery
        home ana
        2026-11-01 00:00  issue 50.00
        2026-11-01 00:00  wrong: issue 50.00
        2026-11-01 00:00  refund wrong
        2026-11-01 00:00  give ana 50.00
        2026-11-02 10:00  pay ana bakery 30.00
        2026-11-03 10:00  r: redeem bakery 30.00
        2026-11-03 10:00  refund r
        """,
    )
    flows = story.month("2026-11").flows

    assert (flows.issued, flows.redeemed, flows.outstanding_end) == (50_00, 0, 50_00)


def test_payments_to_oneself_move_nothing(django_db):
    """A co-operative with a purse of its own fills its till from it: neither income nor spending."""
    story = told(
        django_db,
        """
        shop coop
        home ana
        2026-11-01 00:00  issue 50.00
        2026-11-01 00:00  give ana 50.00
        2026-11-02 10:00  pay ana coop 20.00
        """,
    )
    place, coop = story.place, story.place.parties["coop"]
    at = datetime(2026, 11, 3, tzinfo=MADRID)
    place.move("pay", ("till", coop, None), ("purse", coop, None), place.money("20.00"), at)
    place.move("pay", ("purse", coop, None), ("till", coop, None), place.money("20.00"), at)

    report = story.month("2026-11")
    flows, units = report.flows, queries.units_at(place.conn, place.town.pk, report.until)

    assert (flows.spent, flows.business_income, flows.business_spending) == (20_00, 20_00, 0)
    assert units.paid == 20_00  # Else all that was paid, less the months' payments, were this co-operative's own money.


def test_what_a_business_puts_into_its_till_itself_is_not_told_by_what_businesses_hold(django_db):
    """Held before, plus receipts, less what was spent and redeemed and is held after, is that co-operative's own money."""
    story = told(
        django_db,
        """
        shop coop
        home ana
        2026-11-01 00:00  issue 50.00
        2026-11-01 00:00  give ana 50.00
        2026-11-02 10:00  pay ana coop 20.00
        """,
    )
    place, coop = story.place, story.place.parties["coop"]
    place.move(
        "pay", ("till", coop, None), ("purse", coop, None), place.money("15.00"), datetime(2026, 11, 3, tzinfo=MADRID)
    )

    found = {row.kind: (row.holders, row.gross) for row in story.month("2026-11").traded}

    assert found == {"spent": (1, 20_00), "spending": (1, 20_00), "covered": (1, 15_00)}


def test_a_month_that_still_runs_is_annualised_by_the_time_that_passed(november):
    """After ten days: 100 outstanding all the time, V = 100. v = 100/100 x 12 x 3 = 36."""
    report = november.month("2026-11", until=datetime(2026, 11, 11, tzinfo=MADRID))

    assert (report.flows.outstanding_mean, report.flows.redeemed) == (Fraction(100_00), 0)
    assert (report.velocity, report.complete) == (Fraction(36), False)


def test_towns_do_not_see_each_other(november, django_db):
    other = build(django_db, slug="other")
    report = queries.month(django_db, other.town.pk, Month(2026, 11), MADRID)

    assert report.flows.issued == report.flows.spent == report.shops == 0
    assert november.month("2026-11").shops == 3


def test_a_payment_from_two_purses_is_one_purchase(django_db):
    story = told(
        django_db,
        """
        shop bakery
        home ana
        2026-11-01 00:00  issue 50.00
        2026-11-01 00:00  give ana 50.00
        2026-11-02 10:00  pay ana bakery 20.00
        2026-11-02 10:00  pay bakery ana 5.00
        """,
    )
    place, group = story.place, UUID(int=7)
    ana, bakery = place.parties["ana"], place.parties["bakery"]

    def account(kind: str, holder: UUID, fund: UUID | None) -> int:
        found = books.account(place.conn, town_id=place.town.pk, kind=kind, holder=holder, fund=fund)
        assert found is not None
        return found.id

    till = account("till", bakery, None)
    at = datetime(2026, 11, 4, tzinfo=MADRID)
    ledger.post_all(
        place.conn,
        town_id=place.town.pk,
        requests=[
            Transfer(
                new_id(), account("purse", ana, fund), till, place.money("5.00"), "pay", at,
                actor="test", group=group,
            )
            for fund in (place.fund, None)
        ],
    )  # fmt: skip

    (receipts,) = story.month("2026-11").receipts

    assert (receipts.payments, receipts.payers, receipts.receipts_minor) == (2, 1, 30_00)
