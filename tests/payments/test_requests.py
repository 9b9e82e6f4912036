"""Requests: what the town signed is paid, wholly and once, by whoever comes first; what it did not sign, never."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from koinon.db.transactions import transaction
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.parties.secrets import Secrets
from koinon.payments import requesting, rules, signing
from koinon.payments.types import PaymentRequest, SignedRequest
from tests.payments import paying_town
from tests.payments.paying_town import NOON, PayingTown, money
from tests.payments.verifying import is_signed_by

SECRETS = Secrets.fresh()
HOUR = timedelta(hours=1)


@pytest.fixture
def town(conn: Any) -> PayingTown:
    town = paying_town.build(conn)
    town.fund("gift", rule={"peers_allowed": True})
    for name in ("ana", "bo"):
        town.household(name)
        town.give(name, "gift", "100.00")
    town.shop("forn")
    return town


def ask(town: PayingTown, payee: str = "forn", amount: str = "12.50", *, key: str = "", at: datetime = NOON, **how: Any) -> PaymentRequest:  # fmt: skip
    return requesting.ask(
        town.conn, town_id=town.id, payee=town.parties[payee], amount=money(amount), lasts=how.pop("lasts", HOUR),
        idempotency_key=key or str(new_id()), actor="user:9", at=at, secrets=SECRETS, **how,
    )  # fmt: skip


def pay(town: PayingTown, request: UUID, payer: str = "ana", *, at: datetime = NOON, conn: Any = None) -> str:
    """ "paid", or the code of the refusal."""
    try:
        requesting.pay(
            conn or town.conn, town_id=town.id, request_id=request, payer=town.parties[payer], actor="user:1", at=at,
            secrets=SECRETS,
        )  # fmt: skip
    except KoinonError as refused:
        return refused.code
    return "paid"


def take_back(town: PayingTown, request: UUID, *, at: datetime = NOON) -> str:
    """ "taken back", or the code of the refusal."""
    try:
        requesting.withdraw(town.conn, town_id=town.id, request_id=request, actor="user:9", at=at)
    except KoinonError as refused:
        return refused.code
    return "taken back"


def state(town: PayingTown, request: UUID, at: datetime = NOON) -> str:
    return requesting.asked(town.conn, town_id=town.id, request_id=request, at=at).state


def found(town: PayingTown, text: str) -> Any:
    try:
        return requesting.found(town.conn, town_id=town.id, text=text, secrets=SECRETS)
    except KoinonError as refused:
        return refused.code


def test_a_request_is_found_by_its_code_its_link_and_its_digits_and_paid_once(town):
    request = ask(town, reference="till-3/17")
    text = signing.token(requesting.signed(request, town_id=town.id))
    assert [found(town, given) for given in (text, f"https://vila.example/pay/#{text}", request.grouped)] == [
        request
    ] * 3
    assert state(town, request.id) == "open"
    assert (pay(town, request.id), pay(town, request.id), pay(town, request.id, "bo")) == (
        "paid", "paid", "payments.request-paid",
    )  # fmt: skip
    asked = requesting.asked(town.conn, town_id=town.id, request_id=request.id, at=NOON)
    assert (asked.state, asked.payment.amount, asked.payment.reference) == ("paid", money("12.50"), "till-3/17")
    assert (town.balance("ana", "gift"), town.balance("forn")) == ("87.50", "12.50")
    assert town.broken() == []


def test_the_same_key_asks_once_and_another_amount_under_it_is_refused(town):
    first = ask(town, key="receipt 17")
    assert ask(town, key="receipt 17", at=NOON + HOUR) == first
    with pytest.raises(KoinonError) as refused:
        ask(town, amount="12.51", key="receipt 17")
    assert refused.value.code == "payments.key-reused"


def test_what_was_taken_back_or_is_over_is_not_paid_and_what_was_paid_is_not_taken_back(town):
    over, back, paid = ask(town), ask(town), ask(town)
    assert pay(town, over.id, at=NOON + HOUR) == "payments.request-expired"
    assert state(town, over.id, NOON + HOUR) == "expired"
    assert [take_back(town, back.id) for _ in range(2)] == ["taken back"] * 2
    assert (pay(town, back.id), state(town, back.id)) == ("payments.request-withdrawn", "withdrawn")
    assert pay(town, paid.id) == "paid"
    assert (pay(town, paid.id, at=NOON + 2 * HOUR), state(town, paid.id, NOON + 2 * HOUR)) == ("paid", "paid")
    assert take_back(town, paid.id) == "payments.request-paid"
    assert town.broken() == []


def test_a_refused_payment_leaves_the_request_open_and_says_every_ground(town):
    town.fund("half", rule={"share_of_price": "1/2", "sectors": ["food"]})
    town.household("eva")
    town.give("eva", "half", "50.00")
    request = ask(town, amount="60.00")
    with pytest.raises(KoinonError) as refused:
        requesting.pay(
            town.conn, town_id=town.id, request_id=request.id, payer=town.parties["eva"], actor="user:1", at=NOON,
            secrets=SECRETS,
        )  # fmt: skip
    assert [ground["code"] for ground in refused.value.fields["grounds"]] == [
        "payments.not-enough",
        "payments.share-of-price",
    ]
    assert (state(town, request.id), pay(town, request.id)) == ("open", "paid")


def test_a_resident_asks_another_who_pays_where_the_fund_allows_it(town):
    request = ask(town, "bo", "5.00", with_number=False)
    assert request.number is None
    assert (pay(town, request.id), pay(town, request.id, "bo")) == ("paid", "payments.request-paid")
    own = ask(town, "bo", "5.00")
    assert pay(town, own.id, "bo") == "payments.same-party"
    town.fund("aid")
    town.household("eva")
    town.give("eva", "aid", "50.00")
    assert pay(town, own.id, "eva") == "payments.not-payable"
    assert town.broken() == []


def test_a_row_that_somebody_changed_behind_the_towns_back_is_paid_by_nobody(database, conn, owner_conn):
    town = paying_town.build_with_money(conn)
    request = ask(town)
    conn.commit()
    text = signing.token(requesting.signed(request, town_id=town.id))
    owner_conn.execute("UPDATE payments.request SET payee = %s", [town.parties["farina"]])
    assert (pay(town, request.id), found(town, text)) == ("payments.request-not-genuine",) * 2


@pytest.mark.parametrize(
    ("lasts", "amount", "code"),
    [
        (timedelta(0), "1.00", "payments.request-too-long"),
        (timedelta(days=32), "1.00", "payments.request-too-long"),
        (HOUR, "0.00", "payments.amount-not-positive"),
    ],
)
def test_a_request_is_of_something_and_for_a_while(town, lasts, amount, code):
    with pytest.raises(KoinonError) as refused:
        ask(town, amount=amount, lasts=lasts)
    assert refused.value.code == code


def test_digits_rest_for_a_day_before_they_are_given_to_another_request(town, monkeypatch):
    monkeypatch.setattr("koinon.payments.requesting.chance.randbelow", lambda most: next(drawn))
    drawn = iter([7, 7, 8, 7])
    first, second = ask(town), ask(town)
    assert (first.number, second.number) == (rules.payable_number(500_007), rules.payable_number(500_008))
    later = NOON + HOUR + requesting.NUMBER_RESTS + timedelta(seconds=1)
    assert ask(town, at=later).number == first.number
    assert found(town, signing.token(requesting.signed(first, town_id=town.id))).number is None


# The codes of payees


def test_a_payees_code_is_one_until_it_is_replaced_and_then_pays_nobody(town):
    def replace(code: Any) -> Any:
        return requesting.replace_code(
            town.conn, town_id=town.id, payee=town.parties["forn"], replaced=code.id, actor="user:9", at=NOON
        )

    how = {"town_id": town.id, "payee": town.parties["forn"], "actor": "user:9", "at": NOON}
    first = requesting.have_code(town.conn, **how)
    assert requesting.have_code(town.conn, **how) == first
    assert [found(town, text) for text in (first.token, first.grouped, first.token.lower())] == [first] * 3
    second = replace(first)
    assert replace(first) == second != first
    assert found(town, first.token) == found(town, first.number) == "payments.payee-code-replaced"
    assert found(town, second.number) == second
    assert town.broken() == []


@pytest.mark.parametrize(
    "text", ["", "K1" + "A" * 32, "12345677", "1234567", "S1" + "A" * 25, "x" * 700, "R1." + "A" * 120]
)
def test_what_is_no_code_to_pay_is_refused(town, text):
    assert found(town, text) in {"payments.not-a-code-to-pay", "payments.request-not-genuine"}


# What is signed


SIGNED = signing.sign(
    SECRETS, town_id=1, request=new_id(), payee=new_id(), amount=Amount(12_50, "LOC"), expires_at=NOON
)


@given(at=st.integers(0, len(signing.token(SIGNED)) * 6 // 8 - 4), bit=st.integers(0, 7))
def test_no_bit_of_a_request_can_be_turned(at, bit):
    text = signing.token(SIGNED).removeprefix(signing.MARK)
    raw = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    raw[at] ^= 1 << bit
    changed = signing.MARK + base64.urlsafe_b64encode(raw).decode().rstrip("=")
    with pytest.raises(KoinonError) as refused:
        signing.read(SECRETS, changed)
    assert refused.value.code == "payments.request-not-genuine"


@given(
    town=st.integers(1, 2**31), payee=st.uuids(), minor=st.integers(1, 2**63 - 1),
    unit=st.from_regex(r"[A-Z][A-Z0-9]{1,11}", fullmatch=True), seconds=st.integers(0, 2**33),
)  # fmt: skip
@settings(max_examples=40)
def test_whatever_is_signed_is_read_back_as_it_was_and_verified_by_the_public_key(town, payee, minor, unit, seconds):
    until = datetime.fromtimestamp(seconds, NOON.tzinfo)
    signed = signing.sign(
        SECRETS, town_id=town, request=new_id(), payee=payee, amount=Amount(minor, unit), expires_at=until
    )
    assert signing.read(SECRETS, signing.token(signed)) == signed
    assert is_signed_by(signing.public_keys(SECRETS, town)[SECRETS.current], signed)
    assert not is_signed_by(signing.public_keys(SECRETS, town + 1)[SECRETS.current], signed)


def test_a_request_outlives_a_turned_key_and_not_a_forgotten_one(town):
    signed: SignedRequest = requesting.signed(ask(town), town_id=town.id)
    turned = SECRETS.with_next().turned(at=NOON)
    assert signing.read(turned, signing.token(signed)) == signed
    with pytest.raises(KoinonError):
        signing.read(turned.without(SECRETS.current), signing.token(signed))


# Many at once


def test_of_eight_who_pay_one_request_at_once_one_pays(database, conn, connect_again):
    town = paying_town.build(conn)
    town.fund("gift", rule={"peers_allowed": True})
    payers = [f"payer {number}" for number in range(8)]
    for name in payers:
        town.household(name)
        town.give(name, "gift", "20.00")
    town.shop("forn")
    request = ask(town)
    conn.commit()

    def one(name: str) -> str:
        with connect_again() as own, transaction(own):
            return pay(town, request.id, name, conn=own)

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(one, payers))
    assert sorted(outcomes) == ["paid"] + ["payments.request-paid"] * 7
    assert town.balance("forn") == "12.50"
    assert town.broken() == []


class Requests(RuleBasedStateMachine):
    """People ask, take back and pay in any order while time goes on: what is paid is what was asked, once, in time."""

    town: PayingTown

    @initialize()
    def begin(self) -> None:
        self.at = NOON
        self.requests: list[PaymentRequest] = []
        self.paid: dict[UUID, str] = {}
        self.back: set[UUID] = set()

    @rule(payee=st.sampled_from(["forn", "ana", "bo"]), minor=st.integers(1, 5_00), minutes=st.integers(1, 90))
    def ask(self, payee: str, minor: int, minutes: int) -> None:
        amount = f"{minor // 100}.{minor % 100:02d}"
        self.requests.append(ask(self.town, payee, amount, at=self.at, lasts=timedelta(minutes=minutes)))

    @rule(minutes=st.integers(1, 60))
    def wait(self, minutes: int) -> None:
        self.at += timedelta(minutes=minutes)

    @precondition(lambda self: self.requests)
    @rule(which=st.integers(0), payer=st.sampled_from(["ana", "bo"]))
    def pay(self, which: int, payer: str) -> None:
        request = self.requests[which % len(self.requests)]
        said = pay(self.town, request.id, payer, at=self.at)
        if request.id in self.paid:
            assert said == ("paid" if self.paid[request.id] == payer else "payments.request-paid")
        elif request.id in self.back:
            assert said == "payments.request-withdrawn"
        elif self.at >= request.expires_at:
            assert said == "payments.request-expired"
        elif request.payee == self.town.parties[payer]:
            assert said == "payments.same-party"
        elif said == "paid":
            self.paid[request.id] = payer
        else:
            assert said == "payments.not-payable"

    @precondition(lambda self: self.requests)
    @rule(which=st.integers(0))
    def take_back(self, which: int) -> None:
        request = self.requests[which % len(self.requests)]
        said = take_back(self.town, request.id, at=self.at)
        assert said == ("payments.request-paid" if request.id in self.paid else "taken back")
        if said == "taken back":
            self.back.add(request.id)

    @invariant()
    def what_is_paid_is_what_was_asked(self) -> None:
        for request in self.requests:
            asked = requesting.asked(self.town.conn, town_id=self.town.id, request_id=request.id, at=self.at)
            assert (asked.payment is not None) == (request.id in self.paid)
            if asked.payment is not None:
                assert (asked.payment.payee, asked.payment.amount) == (request.payee, request.amount)


def test_in_any_order_a_request_is_paid_at_most_once(town):
    Requests.town = town
    run_state_machine_as_test(Requests, settings=settings(max_examples=6, stateful_step_count=14, deadline=None))
    assert town.broken() == []
