"""A batch comes out as if its commands had been performed one by one."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import id_under, new_id
from koinon.kernel.money import Amount
from koinon.ledger import operations as ledger
from koinon.ledger.types import NewAccount
from koinon.payments import operations, queries
from koinon.payments.commands import CaptureHold, Command, Pay, PlaceHold, RefundPayment, ReleaseHold
from koinon.payments.types import HeldPayment, Payment
from koinon.programmes import funds
from koinon.programmes.spending import SpendingRule
from tests.payments.paying_town import NOON, UNIT, PayingTown, build, money


@pytest.fixture
def town(conn) -> PayingTown:
    town = build(conn)
    town.fund("aid", rule={"per_day_minor": 10_00, "peers_allowed": True})
    town.household("ana")
    town.household("pere")
    for shop in ("forn", "farina", "mill"):
        town.shop(shop)
    town.give("ana", "aid", "20.00")
    return town


def performed(town: PayingTown, *commands: Command) -> list[Any]:
    return [
        outcome.code if isinstance(outcome, KoinonError) else type(outcome).__name__
        for outcome in operations.perform(town.conn, town_id=town.id, commands=commands)
    ]


def test_nothing_asked_is_nothing_done(town):
    assert operations.perform(town.conn, town_id=town.id, commands=[]) == []


def test_a_payee_pays_on_with_what_it_received_in_the_same_batch(town):
    assert performed(
        town,
        town.asks("forn", "farina", "4.00"),
        town.asks("ana", "forn", "5.00"),
        town.asks("forn", "farina", "4.00"),
        town.asks("farina", "mill", "4.00"),
        town.asks("farina", "mill", "0.01"),
    ) == ["payments.not-payable", "Payment", "Payment", "Payment", "payments.not-payable"]
    assert (town.balance("forn"), town.balance("farina"), town.balance("mill")) == ("1.00", "0.00", "4.00")
    assert town.broken() == []


def test_a_payer_who_pays_twice_meets_the_limit_of_the_day_in_the_batch(town):
    asked = [town.asks("ana", "forn", "6.00"), town.asks("ana", "farina", "6.00"), town.asks("ana", "farina", "4.00")]
    assert performed(town, *asked) == ["Payment", "payments.not-payable", "Payment"]


def test_the_same_id_twice_is_done_once_and_another_content_is_refused(town):
    asked = town.asks("ana", "forn", "3.00")
    other = Pay(asked.id, asked.payer, asked.payee, money("3.01"), NOON, "till:1")
    first, again, refused = operations.perform(town.conn, town_id=town.id, commands=[asked, asked, other])
    assert isinstance(first, Payment)
    assert again == first
    assert isinstance(refused, KoinonError)
    assert refused.code == "payments.key-reused"
    assert operations.perform(town.conn, town_id=town.id, commands=[asked, other])[0] == first
    assert town.balance("forn") == "3.00"


def test_an_id_that_was_refused_first_may_be_used_later_in_the_batch(town):
    too_much = town.asks("ana", "forn", "99.00")
    less = Pay(too_much.id, too_much.payer, too_much.payee, money("1.00"), NOON, "till:1")
    assert performed(town, too_much, less) == ["payments.not-payable", "Payment"]


def test_payment_and_two_refunds_and_hold_and_capture_and_refund_in_one_batch(town):
    sale = town.asks("ana", "forn", "5.00")
    hold_id, taken_id = new_id(), new_id()
    outcomes = operations.perform(
        town.conn,
        town_id=town.id,
        commands=[
            sale,
            RefundPayment(new_id(), sale.id, money("3.00"), NOON, "till:1"),
            RefundPayment(new_id(), sale.id, money("2.01"), NOON, "till:1"),
            RefundPayment(new_id(), sale.id, None, NOON, "till:1"),
            PlaceHold(hold_id, sale.payer, sale.payee, money("10.00"), NOON + timedelta(hours=1), NOON, "till:1"),
            CaptureHold(taken_id, hold_id, money("4.00"), NOON, "till:1"),
            RefundPayment(new_id(), taken_id, money("1.00"), NOON, "till:1"),
            sale,
            ReleaseHold(new_id(), hold_id, NOON, "till:1"),
        ],
    )
    said = [outcome.code if isinstance(outcome, KoinonError) else outcome.amount_minor for outcome in outcomes]
    assert said == [500, 300, "payments.refund-too-large", 200, 1000, 400, 100, 500, "payments.hold-not-open"]
    assert [outcomes[0].refunded_minor, outcomes[7].refunded_minor] == [0, 500]
    assert isinstance(outcomes[4], HeldPayment)
    assert outcomes[4].state == "open"
    assert town.balance("forn") == "3.00"
    assert queries.payment(town.conn, town_id=town.id, payment_id=taken_id).refunded_minor == 100
    assert town.broken() == []


def test_an_outcome_is_what_a_query_then_says(town):
    asked = [town.asks("ana", "forn", "1.00", reference="R1"), town.asks("ana", "pere", "2.00")]
    outcomes = operations.perform(town.conn, town_id=town.id, commands=asked)
    for one, outcome in zip(asked, outcomes, strict=True):
        assert queries.payment(town.conn, town_id=town.id, payment_id=one.id) == outcome


def test_the_number_of_statements_does_not_grow_with_the_batch(town, monkeypatch):
    counted = []
    execute = psycopg.Cursor.execute

    def counting(cursor, *args, **kwargs):
        counted.append(args[0])
        return execute(cursor, *args, **kwargs)

    town.fill_till("forn", "50.00")
    town.pay("forn", "farina", "1.00")
    monkeypatch.setattr(psycopg.Cursor, "execute", counting)
    numbers = []
    for size in (2, 20):
        counted.clear()
        assert performed(town, *[town.asks("forn", "farina", "0.10") for _ in range(size)]) == ["Payment"] * size
        numbers.append(len(counted))
    assert numbers[0] == numbers[1] <= 8


def test_what_the_ledger_refuses_although_the_plan_allowed_it_is_refused_alone(town):
    """A payment from two purses whose second transfer would have an id that is somebody's already."""
    town.fund("bonus")
    town.give("ana", "bonus", "2.00")
    asked = [town.asks("ana", "forn", "1.00"), town.asks("ana", "forn", "10.00"), town.asks("ana", "forn", "1.00")]
    taken = Pay(id_under(asked[1].id, 1), asked[0].payer, asked[0].payee, money("0.50"), NOON, "till:1")
    assert performed(town, taken, *asked) == ["Payment", "Payment", "payments.key-reused", "Payment"]
    assert town.balance("forn") == "2.50"
    assert town.broken() == []


def test_an_id_from_the_future_is_refused_and_holds_nobody_up(town, monkeypatch):
    from_the_future = UUID(int=(0xF00000000000 << 80) | (7 << 76) | (2 << 62) | 5)
    asked = [town.asks("ana", "forn", "1.00") for _ in range(3)]
    asked[1] = Pay(from_the_future, asked[1].payer, asked[1].payee, asked[1].amount, NOON, "till:1")
    attempts = []
    attempt = operations.attempt
    monkeypatch.setattr(operations, "attempt", lambda conn, **how: attempts.append(1) or attempt(conn, **how))
    assert performed(town, *asked) == ["Payment", "ledger.key-from-the-future", "Payment"]
    assert len(attempts) == 1


# Random batches in one town, and the same commands one by one in its twin

PEOPLE = ("ana", "pere", "forn", "farina", "kiosk")
CENTS = st.one_of(st.integers(1, 1200), st.sampled_from([1, 100, 333, 700]), st.sampled_from([0, -1, 999_999]))
KINDS = st.sampled_from(["pay", "pay", "pay", "hold", "hold", "refund", "refund", "capture", "capture", "release"])
# Kind, payer, payee (how far from the payer), cents or all, half days from noon, which earlier id to use again if
# any, and which earlier payment or hold is meant.
ACTS = st.tuples(
    KINDS,
    st.sampled_from([0, 0, 1, 1, 2, 3, 4]),
    st.sampled_from([1, 2, 3, 4, 1, 2, 3, 4, 0]),
    st.one_of(CENTS, st.none()),
    st.integers(0, 2),
    st.one_of(st.none(), st.none(), st.none(), st.none(), st.integers(0, 50)),
    st.integers(0, 50),
)


def spelled_out(batches: list[list[tuple[Any, ...]]]) -> list[list[tuple[Any, ...]]]:
    """The acts with keys: a fresh one each, or again an earlier one, mostly with what was asked for under it."""
    asked: list[tuple[Any, ...]] = []
    meant: dict[str, list[int]] = {"pay": [0], "hold": [0]}
    spelled = []
    for batch in batches:
        acts = []
        for kind, payer, step, cents, hours, again, pick in batch:
            key = len(asked) + 1
            if again is not None and asked:
                act = asked[again % len(asked)]
                if pick % 3 == 0:  # The id of something else, then.
                    act = (kind, act[1], *act[2:]) if act[0] == kind else act
                    act = (*act[:-1], hours if act[0] in ("pay", "hold") else 7)
            elif kind in ("pay", "hold"):
                act = (kind, key, PEOPLE[payer], PEOPLE[(payer + step) % len(PEOPLE)], cents or 0, hours)
                meant[kind].append(key)
            else:
                of = meant["pay" if kind == "refund" else "hold"]
                act = (kind, key, of[pick % len(of)], cents)
                if kind == "capture":
                    meant["pay"].append(key)
            asked.append(act)
            acts.append(act)
        spelled.append(acts)
    return spelled


BASE = new_id()


def bought(cents: int) -> str:
    """What the till says of a sale of so much: mostly nothing."""
    return {0: "books", 1: "toys"}.get(cents % 5, "")


def command(town: PayingTown, act: tuple[Any, ...]) -> Command:
    match act:
        case ("pay", key, payer, payee, cents, hours):
            at = NOON + timedelta(hours=12 * hours)
            return Pay(
                id_under(BASE, key), town.parties[payer], town.parties[payee], Amount(cents, UNIT), at, "till:1", "",
                bought(cents),
            )  # fmt: skip
        case ("hold", key, payer, payee, cents, hours):
            at = NOON + timedelta(hours=12 * hours)
            return PlaceHold(
                id_under(BASE, key), town.parties[payer], town.parties[payee], Amount(cents, UNIT),
                at + timedelta(hours=13), at, "till:1", "", bought(cents),
            )  # fmt: skip
        case ("refund", key, of, cents):
            amount = None if cents is None else Amount(cents, UNIT)
            return RefundPayment(id_under(BASE, key), id_under(BASE, of), amount, NOON, "till:1")
        case ("capture", key, of, cents):
            amount = None if cents is None else Amount(cents, UNIT)
            return CaptureHold(id_under(BASE, key), id_under(BASE, of), amount, NOON + timedelta(hours=13), "till:1")
        case ("release", key, of, _):
            return ReleaseHold(id_under(BASE, key), id_under(BASE, of), NOON, "till:1")
    raise AssertionError(act)


def said(town: PayingTown, outcome: Any) -> dict[str, Any]:
    """An outcome without what differs between twins: numbers of accounts, names of parties and the clock."""
    names = {str(party): name for name, party in town.parties.items()} | {
        str(fund): name for name, fund in town.funds.items()
    }

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [plain(inner) for inner in value]
        return names.get(str(value), str(value))

    if isinstance(outcome, KoinonError):
        fields = {key: value for key, value in outcome.fields.items() if key != "account_id"}
        return {"code": outcome.code, **plain(fields)}
    fields = {name: getattr(outcome, name) for name in outcome.__slots__ if name not in ("town_id", "posted_at")}
    return {"is": type(outcome).__name__, **plain(fields)}


def books(town: PayingTown) -> list[Any]:
    names = {party: name for name, party in town.parties.items()}
    funds = {fund: name for name, fund in town.funds.items()}
    rows = town.conn.execute(
        "SELECT holder, kind, fund, credits_posted, debits_posted, credits_held, debits_held FROM ledger.account "
        "WHERE town_id = %s AND kind IN ('purse', 'till')",
        [town.id],
    ).fetchall()
    # One by one, an account may have been opened for a payment that was then refused by the ledger; it is empty.
    return sorted([names[row[0]], row[1], funds.get(row[2], ""), *row[3:]] for row in rows if any(row[3:]))


def twin(conn: Any, slug: str) -> PayingTown:
    town = build(conn, slug=slug)
    town.fund("aid", rule={"per_day_minor": 15_00}, last_day=NOON.date() + timedelta(days=1))
    town.fund("half", rule={"share_of_price": "1/2", "peers_allowed": True})
    town.fund("lent", rule={"peers_allowed": True, "peers_bound": True, "sectors": ["food"]})
    town.fund("books", rule={"sectors": ["books"]})
    town.fund("bound", rule={"chain": True, "hours": ["mon 00:00-24:00", "tue 09:00-13:00"]})
    town.fund("month", rule={"categories": ["books"], "per_cycle_minor": 8_00})
    for name in ("ana", "pere"):
        town.household(name)
        for fund, amount in (
            ("aid", "40.00"),
            ("half", "15.00"),
            ("lent", "6.00"),
            ("books", "9.00"),
            ("bound", "9.00"),
            ("month", "9.00"),
        ):
            town.give(name, fund, amount)
    # Noon, midnight and noon again are the three hours of the acts: from the second day on other rules hold.
    for fund, rule in (
        ("aid", SpendingRule(per_cycle_minor=20_00)),
        ("bound", SpendingRule(sectors=frozenset({"food"}))),
        ("half", SpendingRule(peers_allowed=True, per_day_minor=7_00, chain=True)),
    ):
        funds.announce_change(
            town.conn, town_id=town.id, fund_id=town.funds[fund], from_day=NOON.date() + timedelta(days=1), rule=rule,
            last_day=None, reason="voted", actor="user:1", now=NOON - timedelta(days=30),
        )  # fmt: skip
    town.shop("forn")
    town.shop("farina", sector="47.61", sector_group="books")
    town.shop("kiosk")
    full = NewAccount("till", UNIT, town.parties["kiosk"], ceiling_minor=700)
    ledger.open_accounts(conn, town_id=town.id, accounts=[full], at=NOON, actor="test")
    town.fill_till("forn", "12.00")
    return town


@pytest.fixture
def twins(conn) -> tuple[PayingTown, PayingTown]:
    return twin(conn, "north"), twin(conn, "south")


class _Undo(Exception):
    pass


def compare(twins: tuple[PayingTown, PayingTown], batches: list[list[tuple[Any, ...]]]) -> Counter[str]:
    """Perform the batches in the one town and their commands one by one in the other; what was said, counted."""
    north, south = twins
    counted: Counter[str] = Counter()
    try:
        with north.conn.transaction():
            for acts in batches:
                together = operations.perform(
                    north.conn, town_id=north.id, commands=[command(north, act) for act in acts]
                )
                alone = [
                    operations.perform(south.conn, town_id=south.id, commands=[command(south, act)])[0] for act in acts
                ]
                assert [said(north, one) for one in together] == [said(south, one) for one in alone]
                assert books(north) == books(south)
                counted.update(getattr(one, "code", type(one).__name__) for one in together)
            assert north.broken() == []
            raise _Undo
    except _Undo:
        return counted


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(ACTS, min_size=1, max_size=20), min_size=1, max_size=4).map(spelled_out))
def test_chosen_batches_equal_the_same_commands_one_by_one(twins, batches):
    compare(twins, batches)


def test_random_batches_equal_the_same_commands_one_by_one(twins):
    """Longer ones, in which most things happen; the seed is in the message."""
    counted: Counter[str] = Counter()
    for seed in range(6):
        rolls = random.Random(seed)
        batches = [[_act(rolls) for _ in range(rolls.randint(1, 40))] for _ in range(6)]
        try:
            counted += compare(twins, spelled_out(batches))
        except AssertionError as different:
            raise AssertionError(f"seed {seed}: {different}") from different
    assert {"Payment", "Refund", "HeldPayment", "payments.not-payable", "payments.key-reused"} < counted.keys()
    assert {"payments.refund-too-large", "payments.hold-not-open", "payments.capture-too-large"} < counted.keys()
    assert {"payments.refund-not-covered", "ledger.ceiling-reached"} < counted.keys()


def _act(rolls: random.Random) -> tuple[Any, ...]:
    kind = rolls.choice(["pay", "pay", "pay", "hold", "hold", "refund", "capture", "capture", "release"])
    cents = rolls.choice(
        [None if kind in ("refund", "capture") else 250, rolls.randint(1, 400), rolls.randint(1, 1500)]
    )
    return (
        kind, rolls.choice([0, 0, 1, 1, 2, 3]), rolls.randint(1, 4), cents, rolls.randint(0, 2),
        rolls.randint(0, 300) if rolls.random() < 0.15 else None, rolls.randint(0, 300),
    )  # fmt: skip
