"""Somebody bought for a household without a network, and was let less, or nothing, when the till was back."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from koinon.instruments import authorised as instruments
from koinon.instruments.types import Authorisation
from koinon.kernel.identifiers import new_id
from tests.instruments.desk import OFFICER
from tests.offline import outage
from tests.offline.outage import NOON, Outage

HOUR = timedelta(hours=1)


@pytest.fixture
def town(conn: Any) -> Outage:
    town = outage.build(conn)
    town.terms()
    town.switch_on("forn")
    return town


def authorised(town: Outage, *, per_day_minor: int) -> tuple[Authorisation, str]:
    """Who may pay for ana, and what the code of their card says."""
    held = instruments.authorise(
        town.conn, town_id=town.town.id, authorisation_id=new_id(), party=town.town.parties["ana"], person=new_id(),
        per_day_minor=per_day_minor, last_day=date(2026, 12, 24), today=NOON.date(), actor=OFFICER, at=NOON - HOUR,
    )  # fmt: skip
    [card] = town.desk.make()
    instruments.give(
        town.conn, town_id=town.town.id, authorisation_id=held.id, card_id=card.id, actor=OFFICER, at=NOON - HOUR
    )
    return held, town.desk.tokens[card.id]


def test_what_was_bought_by_somebody_who_was_ended_before_it_arrived_is_charged_to_nobody(town: Outage) -> None:
    held, card = authorised(town, per_day_minor=20_00)
    till = town.till("forn")
    bought = till.takes(card, "5.00")
    instruments.end(town.conn, town_id=town.town.id, authorisation_id=held.id, actor=OFFICER, at=NOON + HOUR)

    assert town.became(till, bought) == ["town 5.00 not-enough"]
    assert (town.town.balance("ana", "aid"), town.town.reserve("risk")) == ("100.00", "55.00")
    assert town.town.broken() == []


def test_what_was_bought_above_what_they_may_pay_on_that_day_is_not_charged(town: Outage) -> None:
    _, card = authorised(town, per_day_minor=3_00)
    till = town.till("forn")

    assert town.became(till, till.takes(card, "5.00")) == ["paid 3.00 town 2.00 not-enough"]
    assert town.town.balance("ana", "aid") == "97.00"
    assert town.town.broken() == []
