"""What purchases and top-ups earn, what nobody earns, and what refunds undo."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import pytest
from psycopg import Cursor

from koinon.audit import queries as trail
from koinon.campaigns import operations, queries
from koinon.campaigns.errors import SamePerson
from koinon.campaigns.types import CampaignState
from koinon.kernel.identifiers import new_id
from koinon.ledger.errors import InsufficientFunds
from koinon.payments import operations as payments
from koinon.payments.commands import Pay, RefundPayment
from koinon.programmes import queries as programmes
from koinon.programmes.spending import SpendingRule
from koinon.treasury import topups
from koinon.treasury.errors import TopUpReturnTooLarge
from tests.campaigns.bonus_town import APPROVER, NOON, OFFICER, BonusTown, build, money


@pytest.fixture
def town(conn) -> BonusTown:
    town = build(conn)
    town.fund("aid")
    town.household("lopez")
    town.person("ana", household="lopez")
    town.person("marc", household="lopez")
    town.person("noa")
    town.shop("forn")
    town.shop("llibres", sector="47.61", sector_group="culture")
    for who in ("ana", "marc", "noa", "lopez"):
        town.top_up(who, "500.00")
    return town


def test_a_purchase_earns_its_share_at_once_in_the_campaigns_fund(town):
    campaign = town.campaign(percent=20)

    assert town.pay("noa", "forn", "12.34") == "posted"

    assert town.balance("noa", "gift") == "2.46"  # 2.468, rounded down
    assert town.balance("noa") == "487.66"
    assert town.granted(campaign) == "2.46"
    [bonus] = queries.bonuses(town.conn, town_id=town.id, campaign_id=campaign.id)
    assert (bonus.paid_minor, bonus.earning_minor, bonus.amount_minor) == (12_34, 12_34, 2_46)
    assert town.broken() == []


def test_the_last_one_gets_what_is_left_and_nobody_after(town):
    campaign = town.campaign(percent=20, ceiling="10.00")

    assert [town.pay("noa", "forn", amount) for amount in ("30.00", "30.00", "30.00")] == ["posted"] * 3

    amounts = [bonus.amount_minor for bonus in queries.bonuses(town.conn, town_id=town.id, campaign_id=campaign.id)]
    assert amounts == [4_00, 6_00]
    assert town.granted(campaign) == "10.00"
    assert town.broken() == []


def test_aid_that_is_left_out_and_bonus_money_earn_nothing(town):
    town.give("lopez", "aid", "30.00")
    campaign = town.campaign(percent=50, excluded=("aid",))

    town.pay("lopez", "forn", "40.00")  # 30 of aid first, then 10 of free money
    assert town.balance("lopez", "gift") == "5.00"
    town.pay("lopez", "forn", "5.00")  # all of it bonus money
    assert town.balance("lopez", "gift") == "0.00"
    assert town.granted(campaign) == "5.00"
    assert town.broken() == []


def test_aid_earns_where_the_campaign_lets_it(town):
    town.give("lopez", "aid", "30.00")
    town.campaign(percent=50)

    town.pay("lopez", "forn", "40.00")

    assert town.balance("lopez", "gift") == "20.00"


def test_the_most_counts_over_ones_own_purse_and_the_households(town):
    town.campaign(percent=50, most="10.00")

    town.pay("ana", "forn", "12.00")
    assert town.balance("ana", "gift") == "6.00"
    town.pay("lopez", "forn", "20.00")  # Ana has 4.00 left, Marc 10.00: the household's purse counts for both.
    assert town.balance("lopez", "gift") == "4.00"
    town.pay("ana", "forn", "12.00")
    assert town.balance("ana", "gift") == "0.00"  # Spent in her last purchase, and nothing more granted.
    town.pay("marc", "forn", "20.00")
    assert town.balance("marc", "gift") == "6.00"
    assert town.broken() == []


def test_smaller_purchases_than_the_minimum_earn_nothing(town):
    town.campaign(percent=20, minimum="10.00")

    town.pay("noa", "forn", "9.99")
    assert town.balance("noa", "gift") == "0.00"
    town.pay("noa", "forn", "10.00")
    assert town.balance("noa", "gift") == "2.00"


def test_only_on_its_days_only_where_it_says_and_only_in_shops(town):
    town.campaign(
        percent=20,
        first_day=date(2026, 10, 5),
        last_day=date(2026, 10, 6),
        shops=SpendingRule(sectors=frozenset({"culture"})),
    )

    town.pay("noa", "llibres", "10.00", at=NOON - timedelta(days=1))
    town.pay("noa", "forn", "10.00")
    town.pay("noa", "marc", "10.00")
    assert town.balance("noa", "gift") == "0.00"
    town.pay("noa", "llibres", "10.00")
    assert town.balance("noa", "gift") == "2.00"


def test_shops_that_buy_from_shops_earn_nothing(town):
    town.campaign(percent=20)
    town.fill_till("forn", "50.00")

    assert town.pay("forn", "llibres", "20.00") == "posted"
    assert town.broken() == []


def relate_by_grants(town: BonusTown) -> None:
    user = town.user("ana", "resident", party="ana")
    town.conn.execute(
        "INSERT INTO parties_rolegrant (user_id, town_id, role, party_id) VALUES (%s, %s, 'shop', %s)",
        [user, town.id, town.parties["forn"]],
    )


def relate_by_account(town: BonusTown) -> None:
    for who in ("forn", "ana"):
        town.conn.execute(
            "INSERT INTO parties_vaultlookup (town_id, kind, digest, party_id) VALUES (%s, 'iban', %s, %s)",
            [town.id, b"same account", town.parties[who]],
        )


@pytest.mark.parametrize("relate", [relate_by_grants, relate_by_account])
def test_nobody_earns_in_a_shop_that_is_their_own_or_their_households(town, relate):
    relate(town)
    town.campaign(percent=20)

    for who in ("ana", "marc", "lopez", "noa"):
        assert town.pay(who, "forn", "10.00") == "posted"
        town.pay(who, "llibres", "5.00")

    found = {who: town.balance(who, "gift") for who in ("ana", "marc", "lopez", "noa")}
    assert found == {"ana": "1.00", "marc": "1.00", "lopez": "1.00", "noa": "0.60"}  # Noa's first bonus paid 2.00.


def test_a_refund_undoes_the_bonus_in_proportion_and_wholly_in_the_end(town):
    campaign = town.campaign(percent=33)
    payment = town.pay_for("noa", "forn", "10.00")
    assert town.balance("noa", "gift") == "3.30"

    town.give_back(payment, "3.00")
    assert town.balance("noa", "gift") == "2.31"
    town.give_back(payment, "0.01")
    assert town.balance("noa", "gift") == "2.30"
    town.give_back(payment, None)
    assert town.balance("noa", "gift") == "0.00"
    assert town.granted(campaign) == "0.00"
    assert town.balance("noa") == "500.00"
    assert town.broken() == []


def test_what_was_spent_before_is_taken_when_bonus_money_comes_again(town):
    campaign = town.campaign(percent=50, ceiling="40.00")
    first = town.pay_for("noa", "forn", "20.00")  # earns 10.00
    second = town.pay_for("noa", "llibres", "8.00")  # spends 8.00 of it, earns nothing
    assert town.balance("noa", "gift") == "2.00"

    town.give_back(first, None)  # takes the 2.00 that are there; 8.00 stay due
    assert town.balance("noa", "gift") == "0.00"
    assert town.now(campaign).lost_minor == 8_00
    assert town.granted(campaign) == "8.00"

    town.pay("noa", "forn", "6.00")  # earns 3.00, which are taken at once
    assert (town.balance("noa", "gift"), town.now(campaign).lost_minor) == ("0.00", 5_00)
    town.give_back(second, "4.00")  # bonus money comes back to the purse
    assert (town.balance("noa", "gift"), town.now(campaign).lost_minor) == ("0.00", 1_00)
    town.give_back(second, None)
    assert (town.balance("noa", "gift"), town.now(campaign).lost_minor) == ("3.00", 0)
    assert town.granted(campaign) == "3.00"
    assert town.broken() == []


@pytest.mark.parametrize("how", ["let go", "captured in part"])
def test_a_hold_keeps_no_bonus_from_being_taken_back(town, how):
    campaign = town.campaign(percent=50, ceiling="40.00")
    first = town.pay_for("noa", "forn", "20.00")
    held = town.hold_for("noa", "llibres", "10.00")  # All of the bonus.
    operations.end(town.conn, town_id=town.id, campaign_id=campaign.id, at=NOON, actor=OFFICER)
    town.give_back(first, None)
    assert town.now(campaign).lost_minor == 10_00

    if how == "let go":
        town.let_go(held)
    else:
        town.capture(held, "4.00")
    spent = 0 if how == "let go" else 4_00
    assert (town.balance("noa", "gift"), town.now(campaign).lost_minor) == ("0.00", spent)
    assert town.broken() == []


def test_what_refunds_bring_back_can_be_granted_again_and_counts_no_more_for_the_person(town):
    campaign = town.campaign(percent=50, ceiling="10.00", most="10.00")
    payment = town.pay_for("noa", "forn", "30.00")
    assert town.granted(campaign) == "10.00"

    town.give_back(payment, "15.00")
    assert (town.granted(campaign), town.balance("noa", "gift")) == ("5.00", "5.00")
    town.pay("ana", "forn", "30.00")
    assert town.balance("ana", "gift") == "5.00"
    assert town.granted(campaign) == "10.00"
    assert town.broken() == []


def test_a_payment_sent_again_earns_once(town):
    campaign = town.campaign(percent=20)
    first = town.pay_for("noa", "forn", "10.00", key="receipt 1")
    again = town.pay_for("noa", "forn", "10.00", key="receipt 1")

    assert again.id == first.id
    assert town.granted(campaign) == "2.00"


def test_a_payment_that_is_refused_earns_nothing(town):
    campaign = town.campaign(percent=20)

    assert town.pay("noa", "forn", "500.01") == "payments.not-payable"
    assert town.granted(campaign) == "0.00"
    assert town.broken() == []


def test_a_captured_hold_earns_for_what_was_paid(town):
    town.campaign(percent=20)
    hold = town.hold_for("noa", "forn", "50.00")
    assert town.balance("noa", "gift") == "0.00"

    payment = town.capture(hold, "30.00")
    assert town.balance("noa", "gift") == "6.00"
    town.give_back(payment, None)
    assert town.balance("noa", "gift") == "0.00"
    assert town.broken() == []


def test_topping_up_earns(town):
    campaign = town.campaign(on="topup", percent=10, ceiling="12.00", most="8.00")

    town.top_up("noa", "50.00")
    assert (town.balance("noa", "gift"), town.balance("noa")) == ("5.00", "550.00")
    town.top_up("noa", "50.00")
    town.top_up("ana", "100.00")
    assert (town.balance("noa", "gift"), town.balance("ana", "gift")) == ("8.00", "4.00")
    town.pay("noa", "forn", "100.00")  # purchases earn nothing here
    assert town.granted(campaign) == "12.00"
    assert town.broken() == []


def test_a_top_up_that_goes_back_takes_its_units_and_its_bonus_with_it(town):
    campaign = town.campaign(on="topup", percent=10)
    asked = town.top_up("noa", "50.00")

    def back(amount: str | None, source: str):
        return topups.give_back(
            town.conn, town_id=town.id, topup_id=asked.id, amount=money(amount) if amount else None,
            bank_reference=source, at=NOON, actor="user:9",
        )  # fmt: skip

    first, again = back("20.00", "OUT/1"), back("20.00", "OUT/1")
    assert (first.returned, first.left, again.replayed) == (money("20.00"), money("30.00"), True)
    assert (town.balance("noa"), town.balance("noa", "gift"), town.granted(campaign)) == ("530.00", "3.00", "3.00")
    assert town.broken() == []
    with pytest.raises(TopUpReturnTooLarge):
        back("30.01", "OUT/2")
    town.pay("noa", "forn", "530.00")  # 3.00 of bonus money first: 3.00 stay.
    with pytest.raises(InsufficientFunds):
        back(None, "OUT/2")
    town.top_up("noa", "27.00")
    assert back(None, "OUT/2").left == money("0.00")
    assert (town.balance("noa"), town.balance("noa", "gift")) == ("0.00", "0.00")
    assert town.broken() == []


def test_a_shop_that_tops_up_gets_no_bonus(town):
    campaign = town.campaign(on="topup", percent=10)
    town.top_up("forn", "50.00")

    assert (town.balance("forn"), town.granted(campaign)) == ("50.00", "0.00")


def test_two_campaigns_may_reward_one_purchase(town):
    town.campaign("autumn", percent=20)
    town.campaign("books", fund="culture", percent=10, shops=SpendingRule(sectors=frozenset({"culture"})))

    town.pay("noa", "llibres", "50.00")

    assert (town.balance("noa", "gift"), town.balance("noa", "culture")) == ("10.00", "5.00")
    assert town.broken() == []


def test_what_one_campaign_grants_pays_what_is_owed_to_another_of_its_fund(town):
    autumn = town.campaign(percent=50, ceiling="40.00")
    first = town.pay_for("noa", "forn", "20.00")  # earns 10.00
    town.pay("noa", "llibres", "10.00")  # spends them, earns nothing
    town.give_back(first, None)  # 10.00 are due, and nothing is there
    market = town.campaign("market", percent=25)

    assert town.pay("noa", "forn", "8.00") == "posted"  # earns 4.00 and 2.00, and all of it is taken
    assert (town.balance("noa", "gift"), town.now(autumn).lost_minor, town.granted(market)) == ("0.00", 4_00, "2.00")
    assert town.broken() == []


def test_in_a_batch_what_one_person_gives_back_is_granted_to_the_next(town):
    campaign = town.campaign(percent=50, ceiling="10.00")
    first = town.pay_for("noa", "forn", "16.00")  # earns 8.00 and leaves 2.00
    town.pay("noa", "llibres", "8.00")  # spends them
    town.give_back(first, None)
    buys = [
        Pay(new_id(), town.parties[who], town.parties["forn"], money("6.00"), NOON, "till:1") for who in ("noa", "ana")
    ]

    outcomes = payments.perform(town.conn, town_id=town.id, commands=buys)
    assert [one.amount for one in outcomes] == [money("6.00")] * 2
    # Of the 2.00 that were left she earned all, gave them back, and they were left for the next one.
    assert (town.balance("noa", "gift"), town.balance("ana", "gift")) == ("0.00", "2.00")
    assert (town.now(campaign).lost_minor, town.broken()) == (6_00, [])


def test_a_town_is_told_once_that_most_is_granted_and_again_after_refunds(town):
    campaign = town.campaign(percent=50, ceiling="10.00", alert=80)
    town.pay("noa", "forn", "15.00")
    assert town.now(campaign).alerted_at is None
    payment = town.pay_for("ana", "forn", "1.00")
    assert town.now(campaign).alerted_at == NOON
    town.pay("marc", "forn", "2.00", at=NOON + timedelta(hours=1))
    assert town.now(campaign).alerted_at == NOON
    town.give_back(payment, None)
    assert town.now(campaign).alerted_at == NOON  # 8.50 of 10.00 still.


def test_after_its_end_refunds_still_undo_and_the_rest_goes_back_once_more(town):
    campaign = town.campaign(percent=50, ceiling="40.00")
    payment = town.pay_for("noa", "forn", "20.00")
    ended = operations.end(town.conn, town_id=town.id, campaign_id=campaign.id, at=NOON, actor=OFFICER, reason="enough")
    assert (ended.state, town.reserve("gift")) == (CampaignState.ENDED, "990.00")

    town.pay("noa", "llibres", "20.00")
    assert town.balance("noa", "gift") == "0.00"  # Spent; nothing earned any more.
    payment_again = town.pay_for("ana", "forn", "1.00")
    town.give_back(payment_again, None)
    town.give_back(payment, None)
    assert town.now(campaign).lost_minor == 10_00
    assert operations.over(town.conn, town_id=town.id, today=date(2026, 11, 1)) == []
    assert town.broken() == []


def test_what_comes_back_after_the_end_goes_to_the_reserve_by_itself(town):
    campaign = town.campaign(percent=50, ceiling="40.00")
    payment = town.pay_for("noa", "forn", "20.00")
    operations.end(town.conn, town_id=town.id, campaign_id=campaign.id, at=NOON, actor=OFFICER)
    town.give_back(payment, "10.00")

    assert operations.over(town.conn, town_id=town.id, today=date(2026, 10, 6)) == [campaign.id]
    operations.end(town.conn, town_id=town.id, campaign_id=campaign.id, at=NOON, actor=operations.TIMER)
    assert town.reserve("gift") == "995.00"
    assert town.broken() == []


def commands(town: BonusTown) -> list[Pay | RefundPayment]:
    def pays(who: str, shop: str, amount: str) -> Pay:
        return Pay(new_id(), town.parties[who], town.parties[shop], money(amount), NOON, "till:1")

    def back(of: UUID, amount: str | None) -> RefundPayment:
        return RefundPayment(new_id(), of, money(amount) if amount else None, NOON, "till:1")

    one, two, three = pays("noa", "forn", "30.00"), pays("ana", "llibres", "20.00"), pays("lopez", "forn", "500.00")
    return [
        one, two, three, pays("noa", "llibres", "505.00"), pays("noa", "llibres", "400.00"), back(one.id, "10.00"),
        pays("marc", "forn", "60.00"), back(one.id, None), back(three.id, None), pays("ana", "forn", "5.00"),
    ]  # fmt: skip


def test_a_batch_comes_to_what_one_by_one_comes_to(conn, town):
    campaign = town.campaign(percent=20, ceiling="30.00", most="9.00")
    asked = commands(town)

    def left() -> list[str]:
        who = ("noa", "ana", "marc", "lopez")
        return [town.granted(campaign), *(town.balance(one, fund) for one in who for fund in ("", "gift"))]

    with conn.transaction(force_rollback=True):
        together = payments.perform(conn, town_id=town.id, commands=asked)
        told = [str(getattr(done, "code", None) or done.amount) for done in together]
        all_at_once = left()
        assert town.broken() == []
    with conn.transaction(force_rollback=True):
        alone = [payments.perform(conn, town_id=town.id, commands=[one])[0] for one in asked]
        assert [str(getattr(done, "code", None) or done.amount) for done in alone] == told
        assert left() == all_at_once


def test_nobody_releases_what_they_drew_up(town):
    drawn = town.draft()
    town.receive("gift", "100.00")
    operations.submit(town.conn, town_id=town.id, campaign_id=drawn.id, at=NOON, actor="user:7")
    for actor in (OFFICER, "user:7"):
        with pytest.raises(SamePerson):
            operations.release(town.conn, town_id=town.id, campaign_id=drawn.id, at=NOON, actor=actor)
    released = operations.release(town.conn, town_id=town.id, campaign_id=drawn.id, at=NOON, actor=APPROVER)
    assert (released.state, town.reserve("gift")) == (CampaignState.RUNNING, "0.00")
    assert town.broken() == []


def test_a_campaigns_ceiling_counts_against_the_budget_that_cycles_of_its_fund_share(town) -> None:
    campaign = town.campaign(ceiling="80.00")
    assert programmes.committed_of_fund(town.conn, fund_id=campaign.terms.fund_id) == 80_00


def test_nobody_releases_what_they_changed_and_the_trail_says_all_that_changed(town):
    drawn = town.draft()
    town.receive("gift", "100.00")
    step = {"town_id": town.id, "campaign_id": drawn.id, "at": NOON}
    terms = town.terms(shops=SpendingRule(sectors=frozenset({"47.61"})), alert=60)
    operations.change(town.conn, **step, terms=terms, actor="user:7")
    operations.submit(town.conn, **step, actor=OFFICER)

    with pytest.raises(SamePerson):
        operations.release(town.conn, **step, actor="user:7")
    assert operations.release(town.conn, **step, actor=APPROVER).state is CampaignState.RUNNING

    written = trail.entries_of_subject(town.conn, town_id=town.id, subject=f"campaign:{drawn.id}")
    changed = next(line for line in written if line.action == "campaign.changed")
    assert (changed.before["shops"], changed.before["alert_percent"]) == ({}, 80)
    assert (changed.after["shops"], changed.after["alert_percent"]) == ({"sectors": ["47.61"]}, 60)


def test_bonuses_take_four_statements_more_than_purchases_alone_however_many_they_are(town, monkeypatch):
    def asked(*payers: str) -> int:
        commands = [
            Pay(new_id(), town.parties[who], town.parties["forn"], money("10.00"), NOON, "till:1") for who in payers
        ]
        sent: list[object] = []
        known = Cursor.execute
        with monkeypatch.context() as watched:
            watched.setattr(Cursor, "execute", lambda *a, **said: sent.append(a[1]) or known(*a, **said))
            payments.attempt(town.conn, town_id=town.id, commands=commands)
        return sum("meet_actors" not in str(query) for query in sent)  # Those of somebody new to the process.

    payers = ("ana", "noa", "lopez")
    asked(*payers)
    without = asked(*payers)
    town.campaign(percent=20)
    asked(*payers)  # Opens their purses.
    # What the campaigns are, who earns, what is kept, who listens; psycopg ends a savepoint without a cursor.
    assert {asked(*payers), asked("ana"), asked("noa", "lopez")} == {without + 4}
    assert town.broken() == []
