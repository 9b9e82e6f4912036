"""Payments without a network: who pays what a till accepted, and who bears what nobody can pay."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from koinon.accounting.queries import shop_statement
from koinon.instruments import operations as instruments
from koinon.instruments.types import Why
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.ledger import operations as ledger
from koinon.offline import operations, queries
from koinon.offline.errors import (
    DeviceNotFound,
    DeviceRevoked,
    KeyReused,
    NotSwitchedOn,
    TermsNotPossible,
    TooManyDevices,
)
from koinon.offline.types import Algorithm, Bearer
from koinon.parties.vault import Vault
from koinon.payments import operations as payments
from koinon.payments import queries as sales
from tests.db.processes import until
from tests.offline import outage
from tests.offline.outage import CASHIER, NOON, TREASURER, Outage

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def field(conn: Any) -> Outage:
    return outage.build(conn)


@pytest.fixture
def town(field: Outage) -> Outage:
    field.terms()
    field.switch_on("forn", "farina", "bar")
    return field


def test_what_a_till_accepted_is_paid_from_the_purses_when_it_is_back(town):
    till = town.till("forn")
    sent = till.takes(town.card("ana"), "12.50")
    assert town.became(till, sent) == ["paid 12.50"]
    assert (town.town.balance("ana", "aid"), town.town.balance("forn")) == ("87.50", "12.50")
    [voucher] = queries.vouchers(town.conn, town_id=town.town.id)
    assert (voucher.name, voucher.accepted_at, voucher.received_at) == ("1-1", NOON, NOON + 2 * HOUR)
    assert town.town.broken() == []


def test_a_browser_without_ed25519_signs_with_p256(town):
    till = town.till("forn", algorithm=Algorithm.P256)
    assert town.became(till, till.takes(town.card("ana"), "12.50")) == ["paid 12.50"]


def test_sent_again_in_any_order_it_is_paid_once(town):
    till, card = town.till("forn"), town.card("ana")
    first, second = till.takes(card, "5.00"), till.takes(card, "6.00")
    assert town.became(till, second) == ["paid 6.00"]
    assert [gap.last for gap in queries.gaps(town.conn, town_id=town.town.id)] == [1]
    assert town.became(till, second, first, first) == ["paid 6.00", "paid 5.00", "paid 5.00"]
    assert town.town.balance("ana", "aid") == "89.00"
    assert queries.gaps(town.conn, town_id=town.town.id) == []


def test_two_tills_accept_one_card_beyond_its_cap_and_the_town_bears_what_neither_could_know(town):
    ours, theirs, card = town.till("forn"), town.till("farina"), town.card("ana")
    first, second = ours.takes(card, "20.00"), theirs.takes(card, "18.00", at=NOON + HOUR)
    assert town.became(theirs, second) == ["paid 18.00"]
    assert town.became(ours, first) == ["paid 12.00 town 8.00 over-card"]
    assert (town.town.balance("ana", "aid"), town.town.balance("forn"), town.town.balance("farina")) == (
        "70.00", "20.00", "18.00",
    )  # fmt: skip
    assert town.town.reserve("risk") == "52.00"
    report = town.report()
    assert [(loss.name, [other.name for other in others]) for loss, others in report.lossy] == [("1-1", ["2-1"])]
    assert report.lossy[0][0].grounds[0].fields["earlier"] == ["2-1"]
    assert (report.totals.amount_minor, report.totals.paid_minor, report.totals.covered_minor) == (38_00, 30_00, 8_00)
    assert town.town.broken() == []


def test_where_the_shop_bears_it_the_town_pays_nothing(field):
    field.terms(bearer=Bearer.SHOP)
    field.switch_on("forn", "farina")
    ours, theirs, card = field.till("forn"), field.till("farina"), field.card("ana")
    assert field.became(ours, ours.takes(card, "20.00")) == ["paid 20.00"]
    assert field.became(theirs, theirs.takes(card, "18.00")) == ["paid 10.00 shop 8.00 over-card"]
    assert field.town.reserve("risk") == "60.00"
    assert field.town.broken() == []


def test_what_the_purses_lack_is_a_loss_and_never_a_debt_of_the_holder(town):
    till = town.till("forn")
    assert town.became(till, till.takes(town.card("pere"), "20.00")) == ["paid 12.00 town 8.00 not-enough"]
    assert town.town.balance("pere", "aid") == "0.00"
    assert town.town.broken() == []


def test_a_fund_that_pays_half_a_price_pays_half_of_what_can_be_paid(town):
    town.town.fund("half", rule={"share_of_price": "1/2"})
    town.town.household("laia")
    town.town.give("laia", "half", "50.00")
    town.town.give("laia", "aid", "4.00")
    till = town.till("forn")
    assert town.became(till, till.takes(town.card("laia"), "20.00")) == ["paid 8.00 town 12.00 not-enough"]
    assert (town.town.balance("laia", "half"), town.town.balance("laia", "aid")) == ("46.00", "0.00")


@pytest.mark.parametrize(
    ("amount", "at", "came"),
    [
        ("20.01", NOON, "paid 12.00 shop 8.01 over-voucher not-enough"),
        ("20.00", NOON - 4 * DAY, "shop 20.00 till-not-registered not-switched-on"),
        ("20.00", NOON + DAY, "paid 12.00 shop 8.00 ahead not-enough"),
    ],
    ids=["over the cap of a payment", "before it was switched on", "by a clock that runs ahead"],
)
def test_what_the_till_could_have_known_is_its_shops_to_bear(town, amount, at, came):
    till = town.till("forn")
    assert town.became(till, till.takes(town.card("pere"), amount, at=at)) == [came]
    assert town.town.reserve("risk") == "60.00"
    assert town.town.broken() == []


def test_a_till_counts_what_a_card_paid_there_on_the_day(town):
    till, card = town.till("forn"), town.card("ana")
    sent = [till.takes(card, "20.00"), till.takes(card, "15.00")]
    assert town.became(till, *sent) == ["paid 20.00", "paid 10.00 shop 5.00 over-card-here over-card"]
    assert town.became(till, till.takes(card, "20.00", at=NOON + DAY), at=NOON + DAY) == ["paid 20.00"]


def test_dating_back_charges_a_card_no_more_than_its_cap_on_the_day_of_arrival(town):
    till, card = town.till("forn"), town.card("ana")
    sent = [till.takes(card, "19.80", at=NOON + days * DAY) for days in range(5)]
    came = [
        "paid 19.80 late", "paid 10.20 shop 9.60 late over-card-arrived", *["shop 19.80 over-card-arrived"] * 3,
    ]  # fmt: skip
    assert town.became(till, *sent, at=NOON + 4 * DAY + HOUR) == came
    assert (town.town.balance("ana", "aid"), town.town.reserve("risk")) == ("70.00", "60.00")
    [second, *_] = [loss for loss in town.report().lossy if loss[0].paid_minor]
    assert second[0].grounds[-1].fields == {"most_minor": 30_00, "left_minor": 10_20, "earlier": ["1-1"]}
    assert [other.name for other in second[1]] == ["1-1", "1-3", "1-4", "1-5"]
    assert town.became(till, *sent, at=NOON + 5 * DAY) == came
    assert town.became(till, till.takes(card, "20.00", at=NOON + 5 * DAY), at=NOON + 5 * DAY) == ["paid 20.00"]
    assert town.town.broken() == []


def test_what_several_shops_send_of_several_days_on_one_charges_a_card_its_cap_once(town):
    ours, theirs, card = town.till("forn"), town.till("farina"), town.card("ana")
    first, second = ours.takes(card, "20.00"), theirs.takes(card, "18.00", at=NOON + DAY)
    assert town.became(theirs, second, at=NOON + DAY) == ["paid 18.00"]
    assert town.became(ours, first, at=NOON + DAY) == ["paid 12.00 shop 8.00 over-card-arrived"]
    assert town.town.reserve("risk") == "60.00"
    assert town.town.broken() == []


def test_what_a_fund_bears_takes_turns_with_approvals_against_its_budget(database, town, connect_again):
    till, card = town.till("forn"), town.card("pere")
    sent, risk = till.takes(card, "20.00"), town.town.funds["risk"]
    came: list[str] = []
    town.conn.commit()
    approving, settling, watching = connect_again(), connect_again(), connect_again()
    approving.execute("SELECT id FROM programmes_fund WHERE id = %s FOR NO KEY UPDATE", [risk])
    thread = threading.Thread(target=lambda: came.extend(town.became(till, sent, conn=settling)))
    thread.start()
    waits = "SELECT cardinality(pg_blocking_pids(%s))"

    def blocked() -> bool:
        [by] = watching.execute(waits, [settling.info.backend_pid]).fetchone()
        watching.rollback()
        return by == 1

    until(blocked, seconds=60)
    with psycopg.connect(database.owner_url) as owner:
        owner.execute("SELECT id FROM ledger.account FOR UPDATE NOWAIT")  # It waits before it touches the books.
    approving.rollback()
    thread.join()
    assert came == ["paid 12.00 town 8.00 not-enough"]
    assert town.town.broken() == []


def test_what_the_town_bears_waits_for_its_fund_with_no_purse_in_hand(database, town, connect_again):
    """A sweep of the same fund holds its reserve and goes on to purses: whoever held a purse here would never be done."""
    till, card = town.till("forn"), town.card("pere")
    sent, came = till.takes(card, "20.00"), []
    town.conn.commit()
    settling, watching = connect_again(), connect_again()
    with psycopg.connect(database.owner_url) as sweeping:
        sweeping.execute("SELECT id FROM ledger.account WHERE kind = 'reserve' FOR NO KEY UPDATE")
        thread = threading.Thread(target=lambda: came.extend(town.became(till, sent, conn=settling)))
        thread.start()

        def blocked() -> bool:
            [by] = watching.execute("SELECT cardinality(pg_blocking_pids(%s))", [settling.info.backend_pid]).fetchone()
            watching.rollback()
            return by == 1

        until(blocked, seconds=60)
        purses = sweeping.execute("SELECT id FROM ledger.account WHERE kind = 'purse' FOR NO KEY UPDATE NOWAIT")
        assert (purses.rowcount > 0, town.town.balance("pere", "aid")) == (True, "0.00")
    thread.join()
    assert came == ["paid 12.00 town 8.00 not-enough"]
    assert town.town.broken() == []


def test_a_till_keeps_no_more_than_its_cap_until_it_is_back(field):
    field.terms(device_most_minor=30_00)
    field.switch_on("forn")
    till, ana, pere = field.till("forn"), field.card("ana"), field.card("pere")
    sent = [till.takes(ana, "20.00"), till.takes(pere, "20.00")]
    assert field.became(till, *sent) == ["paid 20.00", "paid 12.00 shop 8.00 over-till not-enough"]
    later = till.takes(pere, "20.00", at=NOON + DAY)
    assert field.became(till, later, at=NOON + DAY + HOUR) == ["town 20.00 not-enough"]


def test_a_till_that_sends_backwards_evades_no_cap_of_its_own(field):
    field.terms(device_most_minor=50_00)
    field.switch_on("forn")
    till, pere, ana = field.till("forn"), field.card("pere"), field.card("ana")
    sent = [till.takes(ana, "20.00"), *(till.takes(pere, "20.00") for _ in range(3))]
    assert field.became(till, *reversed(sent)) == [
        "paid 12.00 town 8.00 not-enough",
        "shop 20.00 over-card-here over-card not-enough",
        "shop 20.00 over-card-here over-till over-card not-enough",
        "paid 20.00 over-till",
    ]
    assert field.town.reserve("risk") == "52.00"
    assert field.town.broken() == []


@pytest.mark.parametrize("year", [1, 9999])
def test_a_time_that_no_calendar_of_the_town_has_is_not_taken_and_keeps_nothing_else_waiting(town, year):
    till, card = town.till("forn"), town.card("ana")
    odd = till.takes(card, "5.00", at=datetime(year, 1, 1, tzinfo=UTC) + (year > 1) * 364 * DAY + 23 * HOUR)
    [refused, paid] = town.sync(till, odd, till.takes(card, "6.00"))
    assert (refused.code, paid.paid_minor) == ("offline.voucher-malformed", 6_00)


def test_what_comes_too_late_is_still_paid_but_its_loss_is_the_shops(town):
    till = town.till("forn")
    sent = till.takes(town.card("pere"), "20.00")
    assert town.became(till, sent, at=NOON + 3 * DAY + HOUR) == ["paid 12.00 shop 8.00 late not-enough"]


def test_a_card_that_was_blocked_before_pays_nothing_and_one_blocked_after_pays(town):
    till = town.till("forn")
    lost, found = town.give("ana"), town.give("ana")
    for card in (lost, found):
        instruments.block(
            town.conn, town_id=town.town.id, card_id=card.id, why=Why.LOST, actor=CASHIER, at=NOON + HOUR
        )  # fmt: skip
    before = till.takes(town.desk.tokens[lost.id], "10.00")
    after = till.takes(town.desk.tokens[found.id], "10.00", at=NOON + HOUR)
    assert town.became(till, before, after) == ["paid 10.00", "town 10.00 card-blocked"]
    assert town.town.balance("ana", "aid") == "90.00"


def steps(town: Outage, card: Any, *taken: tuple[Any, timedelta], **more: Any) -> None:
    """What the counter does with a card, one thing after the other; ``more`` belongs to the last of them."""
    for place, (operation, after) in enumerate(taken, start=1):
        operation(
            town.conn, town_id=town.town.id, card_id=card.id, why=Why.LOST, actor=CASHIER, at=NOON + after,
            **(more if place == len(taken) else {}),
        )  # fmt: skip


def test_a_card_that_was_blocked_when_it_was_accepted_pays_nothing_whatever_became_of_it_since(town):
    till, names = town.till("forn"), ("found", "replaced", "withdrawn")
    cards = {name: town.give("ana") for name in names}
    sent = [till.takes(town.desk.tokens[card.id], "5.00", at=NOON + 2 * HOUR) for card in cards.values()]
    [drawer] = town.desk.make()
    steps(town, cards["found"], (instruments.block, HOUR), (instruments.unblock, 3 * HOUR))
    steps(town, cards["replaced"], (instruments.block, HOUR), (instruments.replace, 3 * HOUR), by=drawer.id)
    steps(town, cards["withdrawn"], (instruments.block, HOUR), (instruments.withdraw, 3 * HOUR))
    assert town.became(till, *sent, at=NOON + 4 * HOUR) == ["town 5.00 card-blocked"] * 3
    assert town.town.balance("ana", "aid") == "100.00"
    assert town.town.broken() == []


def test_a_card_that_is_blocked_again_and_again_pays_for_what_was_accepted_in_between(town):
    till, card = town.till("forn"), town.give("ana")
    when = [NOON + hours * HOUR + HOUR / 2 for hours in range(5)]
    sent = [till.takes(town.desk.tokens[card.id], "5.00", at=at) for at in when]
    turns = (instruments.block, instruments.unblock) * 2
    steps(town, card, *((turn, hours * HOUR) for hours, turn in enumerate(turns, start=1)))
    came = ["paid 5.00", "town 5.00 card-blocked", "paid 5.00", "town 5.00 card-blocked", "paid 5.00"]
    assert town.became(till, *sent, at=NOON + 5 * HOUR) == came
    assert town.town.balance("ana", "aid") == "85.00"


def test_of_a_card_and_the_one_in_its_place_each_pays_for_its_own_time_and_within_its_own_cap(town):
    """Two shops without a network on one day; the holder's new card is not short of what a finder took with the old."""
    ours, theirs, old = town.till("forn"), town.till("farina"), town.give("ana")
    [new] = town.desk.make()
    steps(town, old, (instruments.replace, HOUR), by=new.id)
    before, after = NOON + HOUR / 2, NOON + 2 * HOUR

    def takes(till: Any, card: Any, amount: str, at: datetime) -> Any:
        return till.takes(town.desk.tokens[card.id], amount, at=at)

    sent = [
        takes(ours, old, "20.00", before), takes(ours, old, "5.00", after), takes(ours, new, "20.00", after),
        takes(ours, new, "5.00", before),
    ]  # fmt: skip
    came = ["paid 20.00", "town 5.00 card-ended", "paid 20.00", "town 5.00 card-not-handed-over"]
    assert town.became(ours, *sent, at=NOON + 3 * HOUR) == came
    sent = [takes(theirs, old, "15.00", before), takes(theirs, new, "15.00", after)]
    came = ["paid 10.00 town 5.00 over-card"] * 2
    assert town.became(theirs, *sent, at=NOON + 3 * HOUR) == came
    assert (town.town.balance("ana", "aid"), town.town.reserve("risk")) == ("40.00", "40.00")
    assert town.town.broken() == []


def test_what_is_erased_before_it_arrives_is_charged_to_nobody(town):
    till, card = town.till("forn"), town.card("ana")
    sent = [till.takes(card, "20.00"), till.takes(card, "5.00", at=NOON + 2 * HOUR)]
    vault = Vault(town.conn, town.desk.secrets)
    vault.erase(town.town.parties["ana"], actor=TREASURER, reason="request", at=NOON + HOUR)
    assert town.became(till, *sent) == ["town 20.00 card-ended", "town 5.00 card-ended"]
    assert (town.town.balance("ana", "aid"), town.town.reserve("risk")) == ("100.00", "35.00")
    assert "parties.erased" in town.town.audited()


def test_one_voucher_sent_by_two_devices_at_once_is_paid_once_and_only_as_its_own_tills(database, town, connect_again):
    """A file that was saved for a rainy day, sent from two browsers; one of them says that it is another till."""
    till, other, card = town.till("forn"), town.till("forn"), town.card("ana")
    sent = [till.takes(card, "12.50"), till.takes(card, "7.50")]
    came: dict[int, list[str]] = {}
    town.conn.commit()
    ready = threading.Barrier(4)

    def send(place: int, as_till: Any, conn: Any) -> None:
        ready.wait()
        came[place] = town.became(as_till, *sent[:: -1 if place % 2 else 1], conn=conn)

    threads = [
        threading.Thread(target=send, args=(place, as_till, connect_again()))
        for place, as_till in enumerate((till, till, till, other))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert came[0] == came[2] == came[1][::-1] == ["paid 12.50", "paid 7.50"]
    assert came[3] == ["offline.voucher-misplaced"] * 2
    assert (town.town.balance("ana", "aid"), len(queries.vouchers(town.conn, town_id=town.town.id))) == ("80.00", 2)
    assert town.town.broken() == []


@pytest.mark.parametrize("code", ["K1" + "A" * 32, "1234 5678 9092", "something else"])
def test_a_code_that_is_no_cards_of_the_town_is_the_shops_risk(town, code):
    till = town.till("forn")
    assert town.became(till, till.takes(code, "10.00")) == ["shop 10.00 card-unknown"]
    assert town.town.broken() == []


def test_a_box_that_was_moved_to_another_voucher_opens_nothing(town):
    till, card = town.till("forn"), town.card("ana")
    first, second = till.takes(card, "5.00"), till.takes(card, "6.00")
    swapped = outage.Sent(second.body, second.signature, first.box)
    assert town.became(till, swapped) == ["shop 6.00 card-unreadable"]
    again = till.takes(card, "7.00", counter=9)
    body = again.body.replace(b"counter:9", b"counter:8")
    assert town.became(till, outage.Sent(body, till.sign(body), again.box)) == ["shop 7.00 card-unreadable"]


def test_what_the_till_did_not_sign_is_not_taken(town):
    till, other, card = town.till("forn"), town.till("farina"), town.card("ana")
    sent = till.takes(card, "5.00")
    dearer = sent.body.replace(b"amount:500", b"amount:900")
    assert (
        town.became(
            till,
            outage.Sent(dearer, sent.signature, sent.box),
            outage.Sent(sent.body, other.sign(sent.body), sent.box),
            outage.Sent(sent.body + b"\n", till.sign(sent.body + b"\n"), sent.box),
            till.takes(card, "5.00", town_id=town.town.id + 1),
            till.takes(card, "5.00", unit="EUR"),
            other.takes(card, "5.00"),
        )
        == ["offline.signature-wrong"] * 2 + ["offline.voucher-malformed"] + ["offline.voucher-misplaced"] * 3
    )
    assert queries.vouchers(town.conn, town_id=town.town.id) == []


def test_one_counter_used_twice_is_paid_once_and_both_are_named(town):
    till, card = town.till("forn"), town.card("ana")
    first, again = till.takes(card, "5.00", counter=4), till.takes(card, "6.00", counter=4)
    assert town.became(till, first, again) == ["paid 5.00", "shop 6.00 counter-reused"]
    [(one, other)] = town.report().clashes
    assert (one.amount_minor, other.amount_minor, one.name, other.name) == (5_00, 6_00, "1-4", "1-4")
    assert town.town.broken() == []


def test_one_counter_used_very_often_is_paid_once_and_keeps_no_other_voucher_waiting(town):
    till, card = town.till("forn"), town.card("ana")
    same = [till.takes(card, f"0.{cents:02}", counter=4) for cents in range(1, 100)]
    more = [till.takes(card, f"1.{cents:02}", counter=4) for cents in range(5)]
    other = till.takes(card, "5.00", counter=5)
    became = town.became(till, *same, *more, other)
    assert (became[0], became[-1]) == ("paid 0.01", "paid 5.00")
    assert {said.rpartition(" ")[2] for said in became[1:-1]} == {"counter-reused"}


def test_the_town_owes_what_its_fund_lacks_and_pays_when_it_has_it(field):
    field.terms(voucher_most_minor=90_00, card_most_minor=90_00, month_most_minor=95_00)
    field.switch_on("forn")
    till, card = field.till("forn"), field.card("pere")
    assert field.became(till, till.takes(card, "90.00")) == ["paid 12.00 owed 78.00 not-enough"]
    assert field.town.broken() == []
    how = {"town_id": field.town.id, "actor": TREASURER}
    assert operations.cover_owed(field.conn, at=NOON, **how) == 0
    field.town.receive("risk", "20.00")
    assert operations.cover_owed(field.conn, at=NOON, **how) == 1
    assert (field.town.balance("forn"), field.town.reserve("risk")) == ("90.00", "2.00")
    assert field.became(till, till.takes(card, "20.00", at=NOON + DAY), at=NOON + DAY) == [
        "owed 17.00 shop 3.00 not-enough town-has-borne-enough"
    ]  # fmt: skip
    assert field.town.broken() == []


def test_a_till_that_was_closed_meanwhile_keeps_no_other_shop_from_its_money(field):
    field.terms(voucher_most_minor=90_00, card_most_minor=180_00, device_most_minor=180_00, month_most_minor=180_00)
    field.switch_on("forn")
    field.switch_on("bar")
    card, now = field.card("pere"), {"at": NOON}
    first, second = field.till("forn"), field.till("bar")
    assert field.became(first, first.takes(card, "1.00")) == ["paid 1.00"]
    field.town.pay("forn", "bar", "1.00")
    assert field.became(second, second.takes(card, "90.00")) == ["paid 11.00 owed 79.00 not-enough"]
    assert field.became(first, first.takes(card, "70.00")) == ["owed 70.00 not-enough"]
    [till] = field.conn.execute(
        "SELECT id FROM ledger.account WHERE kind = 'till' AND holder = %s", [field.town.parties["forn"]]
    ).fetchone()
    ledger.close_account(field.conn, town_id=field.town.id, account=till, actor=TREASURER, **now)
    field.town.receive("risk", "100.00")

    assert operations.cover_owed(field.conn, town_id=field.town.id, actor=TREASURER, **now) == 1
    assert (field.town.balance("bar"), field.town.balance("forn")) == ("91.00", "0.00")
    assert field.town.broken() == []


def test_what_the_town_covered_of_a_sale_that_is_given_back_returns_to_its_fund_in_the_same_share(town):
    till = town.till("forn")
    sent = till.takes(town.card("pere"), "20.00")
    assert town.became(till, sent) == ["paid 12.00 town 8.00 not-enough"]
    [voucher] = queries.vouchers(town.conn, town_id=town.town.id)
    how: dict[str, Any] = {"town_id": town.town.id, "actor": CASHIER}

    def gives_back(minor: int | None) -> tuple[int, str, str, str]:
        payments.refund(
            town.conn, refund_id=new_id(), payment_id=voucher.payment_id, effective_at=NOON + 3 * HOUR,
            amount=Amount(minor, "REC") if minor else None, **how,
        )  # fmt: skip
        sales = operations.take_back(town.conn, at=NOON + 3 * HOUR, **how)
        assert operations.take_back(town.conn, at=NOON + 3 * HOUR, **how) == 0
        assert town.town.broken() == []
        return sales, town.town.balance("forn"), town.town.reserve("risk"), town.town.balance("pere", "aid")

    assert operations.take_back(town.conn, at=NOON + 3 * HOUR, **how) == 0
    assert gives_back(1) == (0, "19.99", "52.00", "0.01")  # A cent's share is no whole cent.
    assert gives_back(5_99) == (1, "10.00", "56.00", "6.00")
    assert gives_back(None) == (1, "0.00", "60.00", "12.00")
    [voucher] = queries.vouchers(town.conn, town_id=town.town.id)
    assert (voucher.covered_minor, voucher.returned_minor) == (8_00, 8_00)


def test_a_shops_statement_counts_what_the_town_paid_of_a_sale_as_sold(town):
    till = town.till("forn")
    assert town.became(till, till.takes(town.card("pere"), "20.00")) == ["paid 12.00 town 8.00 not-enough"]
    day = {"first_day": NOON.date(), "last_day": NOON.date()}
    told = shop_statement(town.conn, town_id=town.town.id, party=town.town.parties["forn"], **day)
    assert {what: minor for what, minor in told.sums.items() if minor} == {"sold": 20_00}


def test_a_tills_list_and_its_days_count_what_a_statement_counts_as_sold_and_given_back(town):
    till = town.till("forn")
    sent = [till.takes(town.card("pere"), "20.00"), till.takes(town.card("ana"), "5.00")]
    assert town.became(till, *sent) == ["paid 12.00 town 8.00 not-enough", "paid 5.00"]
    party: dict[str, Any] = {"town_id": town.town.id, "payee": town.town.parties["forn"]}

    def told() -> tuple[list[tuple[str, int, int]], tuple[int, int, int], dict[str, int]]:
        """What the list shows, the day's sums, and what the statement says."""
        day = NOON.date()
        (sums,) = sales.sales_by_day(town.conn, **party, first_day=day, last_day=day)
        listed = [
            (type(one).__name__, one.amount_minor, one.refunded_minor)
            for one in sales.sold_on(town.conn, **party, day=day)
        ]
        said = shop_statement(town.conn, town_id=town.town.id, party=party["payee"], first_day=day, last_day=day).sums
        return listed, (sums.payments, sums.sold_minor, sums.refunded_minor), {k: v for k, v in said.items() if v}

    assert told() == (
        [("Payment", 5_00, 0), ("Covered", 8_00, 0), ("Payment", 12_00, 0)], (2, 25_00, 0), {"sold": 25_00},
    )  # fmt: skip
    [voucher] = [one for one in queries.vouchers(town.conn, town_id=town.town.id) if one.covered_minor]
    how: dict[str, Any] = {"town_id": town.town.id, "actor": CASHIER}
    payments.refund(
        town.conn, refund_id=new_id(), payment_id=voucher.payment_id, effective_at=NOON + 3 * HOUR,
        amount=Amount(6_00, "REC"), **how,
    )  # fmt: skip
    operations.take_back(town.conn, at=NOON + 3 * HOUR, **how)
    assert told() == (
        [("Payment", 5_00, 0), ("Covered", 8_00, 4_00), ("Payment", 12_00, 6_00)], (2, 25_00, 10_00),
        {"sold": 25_00, "refunded": 10_00},
    )  # fmt: skip


def test_a_sale_that_the_town_covers_on_a_later_day_is_one_sale(town):
    """Pere's card pays 12.00 of 20.00 as of the day of the sale, the town 8.00 two days later; of the bar's sale it pays all."""
    till, bar, later = town.till("forn"), town.till("bar"), NOON + 48 * HOUR
    card = town.card("pere")
    assert town.became(till, till.takes(card, "20.00"), at=later) == ["paid 12.00 town 8.00 not-enough"]
    assert town.became(bar, bar.takes(card, "5.00", at=NOON + HOUR), at=later) == ["town 5.00 not-enough"]
    [_, voucher] = queries.vouchers(town.conn, town_id=town.town.id)
    days = [NOON.date(), later.date()]

    def told(shop: str) -> list[tuple[int, int, int, int]]:
        """Each day's sales and money by the till's list and by the statement of that day."""
        found = []
        here = {"town_id": town.town.id}
        for day in days:
            period: dict[str, Any] = {"first_day": day, "last_day": day}
            sums = sales.sales_by_day(town.conn, **here, payee=town.town.parties[shop], **period)
            said = shop_statement(town.conn, **here, party=town.town.parties[shop], **period)
            assert len(sums) <= 1
            listed = (sums[0].payments, sums[0].sold_minor) if sums else (0, 0)
            found.append((*listed, said.sales, said.sums["sold"]))
        return found

    assert told("forn") == [(1, 12_00, 1, 12_00), (0, 8_00, 0, 8_00)]
    assert told("bar") == [(0, 0, 0, 0), (1, 5_00, 1, 5_00)]
    whole = shop_statement(
        town.conn, town_id=town.town.id, party=town.town.parties["forn"], first_day=days[0], last_day=days[1]
    )
    assert whole.sales == 1
    assert {line.id for line in whole.lines} == {voucher.payment_id}
    how: dict[str, Any] = {"town_id": town.town.id, "actor": CASHIER}
    payments.refund(
        town.conn, refund_id=new_id(), payment_id=voucher.payment_id, effective_at=later, amount=None, **how
    )  # fmt: skip
    operations.take_back(town.conn, at=later, **how)
    [gave_back] = sales.sales_by_day(
        town.conn, town_id=town.town.id, payee=town.town.parties["forn"], first_day=days[1], last_day=days[1]
    )
    assert (gave_back.refunds, gave_back.refunded_minor) == (1, 20_00)
    assert town.town.broken() == []


def test_what_a_till_has_not_got_any_more_stays_due_to_the_town(town):
    till = town.till("forn")
    assert town.became(till, till.takes(town.card("pere"), "20.00")) == ["paid 12.00 town 8.00 not-enough"]
    [voucher] = queries.vouchers(town.conn, town_id=town.town.id)
    how: dict[str, Any] = {"town_id": town.town.id, "actor": CASHIER}
    town.town.pay("forn", "bar", "8.00")
    payments.refund(
        town.conn, refund_id=new_id(), payment_id=voucher.payment_id, effective_at=NOON, amount=None, **how
    )  # fmt: skip
    assert operations.take_back(town.conn, at=NOON, **how) == 0
    town.town.pay("bar", "forn", "8.00")
    assert operations.take_back(town.conn, at=NOON, payment_id=voucher.payment_id, **how) == 1
    assert (town.town.balance("forn"), town.town.reserve("risk")) == ("0.00", "60.00")
    assert town.town.broken() == []


def test_a_withdrawn_till_is_heard_for_what_it_accepted_before(town):
    till, card = town.till("forn"), town.card("ana")
    before, after = till.takes(card, "5.00"), till.takes(card, "6.00", at=NOON + HOUR)
    how = {"town_id": town.town.id, "device_id": till.id, "at": NOON + HOUR, "actor": CASHIER}
    with pytest.raises(DeviceNotFound):
        operations.revoke_device(town.conn, party=town.town.parties["bar"], **how)
    assert [operations.revoke_device(town.conn, **how) for _ in range(2)] == [True, False]
    assert town.became(till, before, after) == ["paid 5.00", "shop 6.00 till-withdrawn"]
    assert town.town.broken() == []


def test_a_shop_that_is_switched_off_is_settled_for_what_it_accepted_before(town):
    till, card = town.till("forn"), town.card("pere")
    sent = [till.takes(card, "20.00"), till.takes(card, "5.00", at=NOON + 2 * HOUR)]
    operations.switch_off(
        town.conn, town_id=town.town.id, party=town.town.parties["forn"], at=NOON + HOUR, actor=TREASURER
    )  # fmt: skip
    assert town.became(till, *sent) == ["paid 12.00 town 8.00 not-enough", "shop 5.00 not-switched-on not-enough"]
    assert town.town.broken() == []


def test_a_shop_has_as_many_tills_as_the_terms_allow_and_each_key_once(town):
    first = town.till("forn")
    town.till("forn")
    with pytest.raises(TooManyDevices):
        town.till("forn")
    how = {
        "town_id": town.town.id, "label": "", "algorithm": first.algorithm, "at": NOON, "actor": CASHIER,
        "device_id": first.id, "public_key": first.public,
    }  # fmt: skip
    again = operations.register_device(town.conn, party=town.town.parties["forn"], **how)
    assert (again.number, again.label) == (1, "Counter")
    with pytest.raises(KeyReused):
        operations.register_device(town.conn, party=town.town.parties["bar"], **how)
    with pytest.raises(KeyReused):
        operations.register_device(
            town.conn, party=town.town.parties["bar"], **(how | {"device_id": outage.new_id()})
        )  # fmt: skip
    operations.revoke_device(town.conn, town_id=town.town.id, device_id=first.id, at=NOON, actor=CASHIER)
    with pytest.raises(DeviceRevoked):
        operations.register_device(town.conn, party=town.town.parties["forn"], **how)
    assert town.till("forn").number == 3


def test_no_till_is_registered_where_nothing_is_switched_on(field):
    with pytest.raises(NotSwitchedOn):
        field.switch_on("forn")
    field.terms()
    with pytest.raises(NotSwitchedOn):
        field.till("forn")


def test_new_terms_begin_when_every_till_must_have_heard_of_them(town):
    with pytest.raises(TermsNotPossible) as refused:
        town.terms(
            from_day=date(2026, 10, 7), voucher_most_minor=40_00, sync_days=31, bearer=Bearer.SHOP, month_most_minor=1
        )  # fmt: skip
    assert [ground.code for ground in refused.value.grounds] == [
        "terms.too-soon", "terms.caps-out-of-order", "terms.sync-days", "terms.not-the-towns",
    ]  # fmt: skip
    later = town.terms(from_day=date(2026, 10, 8), voucher_most_minor=1_00)
    assert queries.terms(town.conn, town_id=town.town.id, day=date(2026, 10, 7)) == town.terms()
    assert queries.terms(town.conn, town_id=town.town.id, day=date(2026, 10, 9)) == later


def test_two_tills_that_come_back_at_once_cannot_both_use_up_one_cards_cap(database, town, connect_again):
    card = town.card("ana")
    tills = [town.till(shop) for shop in ("forn", "forn", "farina", "bar")]
    sent = [till.takes(card, "20.00") for till in tills]
    came: list[str] = []

    def back(till: Any, voucher: Any, conn: Any) -> None:
        came.extend(town.became(till, voucher, conn=conn))

    town.conn.commit()
    threads = [
        threading.Thread(target=back, args=(till, voucher, connect_again()))
        for till, voucher in zip(tills, sent, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(came) == [
        "paid 10.00 town 10.00 over-card", "paid 20.00", "town 20.00 over-card", "town 20.00 over-card",
    ]  # fmt: skip
    assert town.town.balance("ana", "aid") == "70.00"
    assert town.town.broken() == []


def test_no_code_of_a_card_is_kept_anywhere(town):
    till, card = town.till("forn"), town.card("ana")
    town.sync(till, till.takes(card, "5.00"))
    kept = town.conn.execute(
        "SELECT string_agg(v::text || encode(v.body, 'escape'), '') FROM offline.voucher AS v"
        " UNION ALL SELECT string_agg(e::text, '') FROM audit.entry AS e"
    ).fetchall()
    assert len(kept) == 2
    assert not any(code in row[0] for row in kept for code in (card, card[2:], card.encode().hex()))
