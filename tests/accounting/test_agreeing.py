"""Whatever happens in a town, all its papers say the same of it: statements, journal, trial balance, year, treasury, bank."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from koinon.accounting import operations as accounting
from koinon.accounting import queries
from koinon.accounting.types import Purpose
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.payments import operations as payments
from koinon.treasury import operations as treasury
from koinon.treasury import queries as euros
from koinon.treasury import topups
from koinon.treasury.types import FileFormat, Way
from tests.accounting import audit
from tests.treasury import place as places
from tests.treasury.place import APPROVER, TREASURER, Place

BEGAN = datetime(
    2025, 12, 28, 22, 30, tzinfo=UTC
)  # Half an hour before midnight there; the year ends within the story.
BEFORE = BEGAN - timedelta(days=40)
SHOPS = ("bakery", "mill")

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["buy", "supply", "fee", "refund", "redeem", "undo", "run", "back", "topup", "return", "town"]),
        st.integers(1, 40_00),
        st.integers(0, 30),  # Hours until the next step, many of them over midnight.
    ),
    min_size=4,
    max_size=14,
)


class _Undo(Exception):
    pass


class Story:
    """What may happen to a bakery, a mill, a household and a town; what is refused leaves nothing, and the story goes on."""

    def __init__(self, place: Place) -> None:
        self.place, self.at = place, BEGAN
        self.paid: list[Any] = []
        self.asked: list[Any] = []
        self.sent: list[Any] = []
        self.bought: list[Any] = []

    @property
    def how(self) -> dict[str, Any]:
        return {"town_id": self.place.town.pk, "at": self.at, "actor": TREASURER}

    def _pay(self, payer: str, payee: str, minor: int) -> None:
        paid = payments.pay(
            self.place.conn, town_id=self.place.town.pk, payment_id=new_id(), payer=self.place.parties[payer],
            payee=self.place.parties[payee], amount=Amount(minor, "REC"), effective_at=self.at, actor="till:1",
        )  # fmt: skip
        self.paid.append(paid.id)

    def buy(self, minor: int) -> None:
        self._pay("ana", SHOPS[minor % 2], minor)

    def supply(self, minor: int) -> None:
        self._pay(SHOPS[minor % 2], SHOPS[1 - minor % 2], minor)

    def fee(self, minor: int) -> None:
        self._pay("bakery", "town", minor)

    def refund(self, minor: int) -> None:
        payments.refund(
            self.place.conn, town_id=self.place.town.pk, refund_id=new_id(), payment_id=self.paid[minor % len(self.paid)],
            amount=Amount(minor, "REC"), effective_at=self.at, actor="till:1",
        )  # fmt: skip

    def redeem(self, minor: int) -> None:
        self.asked.append(self.place.redeem(SHOPS[minor % 2], f"{minor / 100:.2f}", at=self.at))

    def undo(self, minor: int) -> None:
        treasury.undo_redemption(self.place.conn, **self.how, redemption_id=self.asked[minor % len(self.asked)].id)

    def run(self, minor: int) -> None:
        made = treasury.prepare_run(self.place.conn, **self.how, idempotency_key=f"run-{minor}-{self.at}")
        step = {**self.how, "run_id": made.id, "secrets": self.place.secrets}
        treasury.approve_run(self.place.conn, **{**step, "actor": APPROVER})
        treasury.export_run(self.place.conn, **step)
        treasury.settle_run(self.place.conn, **self.how, run_id=made.id)
        self.sent += euros.payments(self.place.conn, town_id=self.place.town.pk, run_id=made.id)

    def back(self, minor: int) -> None:
        treasury.return_payment(
            self.place.conn, **self.how, payment_id=self.sent[minor % len(self.sent)].id, reason="AC04"
        )

    def topup(self, minor: int) -> None:
        amount, number = Amount(minor, "REC"), next(self.place.keys)
        asked = topups.request(
            self.place.conn, **{**self.how, "actor": "user:9"}, party=self.place.parties["mill"], amount=amount,
            way=Way.BANK, idempotency_key=f"topup-{number}",
        )  # fmt: skip
        came = {"reference": asked.reference, "amount": amount, "way": Way.BANK, "source_reference": f"NTRY/{number}"}
        self.bought.append(topups.confirm(self.place.conn, **self.how, **came))

    def return_(self, minor: int) -> None:
        topups.give_back(
            self.place.conn, **self.how, topup_id=self.bought[minor % len(self.bought)].id, amount=None,
            bank_reference=f"BACK/{next(self.place.keys)}",
        )  # fmt: skip

    def town(self, minor: int) -> None:
        asked = accounting.prepare_town_payment(
            self.place.conn, **self.how, payee=self.place.parties["mill"], amount=Amount(minor, "REC"),
            purpose=Purpose.SUPPLIER, reference="contract:7", idempotency_key=f"town-{next(self.place.keys)}",
        )  # fmt: skip
        accounting.approve_town_payment(self.place.conn, **{**self.how, "actor": APPROVER}, payment_id=asked.id)

    def go_on(self, step: str, minor: int, hours: int) -> None:
        self.at += timedelta(hours=hours * 3)
        does: Callable[[int], None] = getattr(self, "return_" if step == "return" else step)
        needs = {"refund": self.paid, "undo": self.asked, "back": self.sent, "return": self.bought}
        if needs.get(step, [1]):
            with suppress(KoinonError), self.place.conn.transaction():
                does(minor)


@pytest.fixture
def place(django_db) -> Place:
    """A town that keeps 2 % of what is redeemed; Ana has 150.00."""
    place = places.build(django_db)
    for name, iban in zip(SHOPS, (places.IBANS[0], places.IBANS[2]), strict=True):
        place.shop(name, iban=iban)
    treasury.set_terms(
        place.conn, town_id=place.town.pk, from_day=BEFORE.date(), minimum=place.money("1.00"), fee_bps=200,
        file_format=FileFormat.PAIN_001_09, execution_days=1, source="Regulation 7", at=BEFORE, actor=TREASURER,
    )  # fmt: skip
    place.receive("200.00", at=BEFORE)
    place.grant("ana", "150.00", at=BEFORE)
    return place


def told(place: Place) -> list[str]:
    return audit.disagreements(
        place.conn, town_id=place.town.pk, first_day=date(2025, 11, 1), last_day=date(2026, 3, 31)
    )


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_after_any_story_every_paper_of_the_town_says_the_same(place: Place, steps: list[tuple[str, int, int]]) -> None:
    story = Story(place)
    with suppress(_Undo), place.conn.transaction():
        for step in [("buy", 40_00, 1), ("buy", 40_01, 20), *steps]:
            story.go_on(*step)
        assert told(place) == []
        raise _Undo


def test_every_step_of_a_story_is_possible_and_in_every_paper(place: Place) -> None:
    """What a redemption that came back and a top-up that was given back move is named, in the shop's statement and the town's."""
    story = Story(place)
    amounts = {"supply": 3_00, "refund": 1_00, "town": 1_00, "fee": 2_00, "redeem": 10_00}
    steps = ("buy", "supply", "fee", "town", "refund", "topup", "return", "redeem", "undo", "redeem", "run", "back")
    for step in steps:
        story.go_on(step, amounts.get(step, 20_00), 20)
    assert (len(story.paid), len(story.asked), len(story.sent), len(story.bought)) == (3, 2, 1, 1)
    sums: dict[str, dict[str, int]] = {}
    for name in (*SHOPS, "town"):
        found = queries.shop_statement(
            place.conn, town_id=place.town.pk, party=place.parties[name], first_day=BEGAN.date(),
            last_day=date(2026, 3, 31),
        )  # fmt: skip
        sums[name] = {what: minor for what, minor in found.sums.items() if minor}

    assert sums == {
        "bakery": {
            "sold": 20_00, "spent": 5_00, "returned": 1_00, "redeemed": 19_60, "given_back": 19_60, "fees": 40,
            "fees_back": 20,
        },
        "mill": {"sold": 4_00, "refunded": 1_00, "topped_up": 20_00, "topups_returned": 20_00},
        "town": {"sold": 2_00, "spent": 1_00, "fees_received": 40, "fees_returned": 20},
    }  # fmt: skip
    assert told(place) == []
