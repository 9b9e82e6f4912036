"""The units as they stood at an instant: conserved at every one of them, and unmoved by what comes later."""

from __future__ import annotations

from datetime import datetime, timedelta

from koinon.impact import queries
from koinon.impact.types import UnitsAt
from tests.impact.story import MADRID, told

STORY = """
    shop    bakery
    home    ana
    2026-11-01 00:00  issue    100.00
    2026-11-01 00:00  give     ana 60.00
    2026-11-02 10:00  p: pay   ana bakery 40.00
    2026-11-10 10:00  redeem   bakery 15.00
    2026-11-21 00:00  expire   ana 5.00
    2026-11-30 10:00  unissue  40.00
    2026-12-01 00:00  refund   p 10.00
    2026-12-01 00:00  redeem   bakery 3.00
"""


def test_units_at_the_end_of_a_month_leave_out_what_came_later(django_db):
    story = told(django_db, STORY)
    at_the_end = queries.units_at(story.place.conn, story.place.town.pk, datetime(2026, 12, 1, tzinfo=MADRID))
    assert at_the_end == UnitsAt(
        issued=60_00, paid=40_00, redeemed=15_00, expired=5_00, outstanding=40_00, owed=15_00, reserve=100_00
    )
    a_moment_later = queries.units_at(story.place.conn, story.place.town.pk, datetime(2026, 12, 1, 0, 1, tzinfo=MADRID))
    assert a_moment_later == UnitsAt(
        issued=60_00, paid=30_00, redeemed=18_00, expired=5_00, outstanding=37_00, owed=18_00, reserve=100_00
    )


def test_units_are_conserved_and_covered_at_every_instant(django_db):
    story = told(django_db, STORY)
    for hours in range(0, 32 * 24, 6):
        at = datetime(2026, 11, 1, tzinfo=MADRID) + timedelta(hours=hours)
        units = queries.units_at(story.place.conn, story.place.town.pk, at)
        assert units.issued == units.redeemed + units.expired + units.outstanding
        assert units.reserve >= units.outstanding + units.owed
        assert units.owed == units.redeemed  # No run has paid anything in this story.
