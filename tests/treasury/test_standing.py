"""Standing orders: every run is asked for once and in time, and never for more than lies above what stays."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koinon.treasury import operations as treasury
from koinon.treasury import queries, standing
from koinon.treasury.errors import NoTill
from koinon.treasury.types import FileFormat
from tests.treasury.place import NOON, TREASURER, Place, build

DAY = timedelta(days=1)


@pytest.fixture
def place(django_db) -> Place:
    place = build(django_db)
    place.shop("bakery")
    place.fill_till("bakery", "100.00")
    treasury.set_terms(
        place.conn, town_id=place.town.pk, from_day=NOON.date(), minimum=place.money("10.00"), at=NOON, cooling_days=2,
        schedule="weekly:5", file_format=FileFormat.PAIN_001_09, execution_days=1, source="Regulation 7", actor=TREASURER,
    )  # fmt: skip
    return place


def ask(place: Place, days: int) -> str:
    found = standing.ask_due(place.conn, town_id=place.town.pk, party=place.parties["bakery"], at=NOON + days * DAY)
    return "" if found is None else str(found.asked)


def order(place: Place, keep: str) -> None:
    standing.set_order(
        place.conn, town_id=place.town.pk, party=place.parties["bakery"], keep_minor=place.money(keep).minor,
        actor="user:7", at=NOON,
    )  # fmt: skip


def test_each_run_is_asked_for_once_so_early_that_the_request_has_waited(place):
    order(place, "30.00")
    friday = 8  # Tomorrow's run is too near: a request has to wait for two days.
    asked = [ask(place, day) for day in range(friday + 1) for _twice in range(2)]
    assert [amount for amount in asked if amount] == ["70.00 REC"]
    [open_] = queries.redemptions_of(place.conn, town_id=place.town.pk, party=place.parties["bakery"])
    assert open_.requested_at == NOON + (friday - 2) * DAY

    place.fill_till("bakery", "25.00")
    assert ask(place, friday + 5) == "25.00 REC"
    assert place.broken() == []


def test_a_till_with_too_little_waits_for_the_next_run_and_a_site_that_slept_asks_late(place):
    order(place, "95.00")
    assert [ask(place, day) for day in range(8)] == [""] * 8
    place.fill_till("bakery", "50.00")
    order(place, "0.00")
    assert ask(place, 20) == "150.00 REC"  # Two runs went by meanwhile; one request is made.
    assert ask(place, 20) == ""


def test_an_order_that_ended_asks_for_nothing_and_needs_a_till(place):
    order(place, "0.00")
    told = {"town_id": place.town.pk, "actor": "user:7", "at": NOON}
    assert standing.end_order(place.conn, party=place.parties["bakery"], **told)
    assert not standing.end_order(place.conn, party=place.parties["bakery"], **told)
    assert ask(place, 30) == ""
    with pytest.raises(NoTill):
        standing.set_order(place.conn, party=place.household("Ana"), keep_minor=0, **told)


@given(st.dates(max_value=date(9990, 1, 1)), st.sampled_from(["weekly:5", "monthly:1,15", "", "weekly:1,3"]))
def test_the_next_run_comes_after_the_day_and_within_a_month(day, schedule):
    assert day < standing.run_day_after(day, schedule) <= day + 31 * DAY
