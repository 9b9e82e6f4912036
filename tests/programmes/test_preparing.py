"""Preparing a month on registered facts: rules, tables, exceptions, duplicates, waiting lists; each time anew."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import pytest

from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import new_id
from koinon.kernel.periods import Month
from koinon.ledger import operations as ledger
from koinon.ledger.types import Kind, NewAccount
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.programmes import excepting, preparing, queries, twins
from koinon.programmes.excepting import Wanted
from tests.programmes.small_town import APPROVER, NOON, OCTOBER, OFFICER, UNIT, build, money

NOVEMBER = Month(2026, 11)
BY_CHILDREN = {"table": [{"children": {"at_least": 3}, "pays": 20000}, {"children": {"at_least": 1}, "pays": 10000}]}
FOR_FAMILIES = {"zones": ["besos"], "any": [{"income_bands": ["none"]}, {"statuses": ["single-parent"]}]}


@pytest.fixture
def town(conn):
    town = build(conn)
    town.fund("aid", budget="1000.00")
    town.programme(
        "families", fund="aid", share=(1, 2), floor="0", rule=FOR_FAMILIES, amounts=BY_CHILDREN, for_whom="households"
    )
    town.household("ana", zone="besos", income_band="none", members=4, children=("2020-01", "2018-05", "2011-03"))
    town.household("pere", zone="besos", income_band="high", members=2, children=("2012-02",))
    town.household("laia", zone="centre", income_band="none", members=1)
    town.household("omar", zone="besos", members=2, children=("2019-09",), statuses=({"code": "single-parent"},))
    return town


def decided(town, cycle) -> dict[str, tuple[str, int, list[str]]]:
    names = {party: name for name, party in town.parties.items()}
    found = queries.entitlements(town.conn, town_id=town.id, cycle_id=cycle.id)
    return {
        names[one.party_id]: (
            one.state, one.amount_minor, [ground.code.removeprefix("entitlement.") for ground in one.grounds],
        )
        for one in found
    }  # fmt: skip


def wanted(town, household: str, kind: str = "pay", programme: str = "families", **more) -> Wanted:
    return Wanted(
        town.programmes[programme], town.parties[household], kind, OCTOBER, more.pop("last", None),
        more.pop("reason", "agreed in the session of 3 October"), **more,
    )  # fmt: skip


def except_(town, household: str, kind: str = "pay", **more):
    made = excepting.propose_exception(
        town.conn, town_id=town.id, exception_id=new_id(), wanted=wanted(town, household, kind, **more),
        actor=OFFICER, now=NOON,
    )  # fmt: skip
    return excepting.decide_exception(
        town.conn, town_id=town.id, exception_id=made.id, approve=True, actor=APPROVER, now=NOON
    )


def test_every_registered_household_gets_what_the_table_says_or_every_reason_why_not(town):
    cycle = town.prepare("families")
    assert decided(town, cycle) == {
        "ana": ("due", 10000, ["by-table", "in-zone", "has-income-band"]),
        "pere": ("refused", 0, ["none-of"]),
        "laia": ("refused", 0, ["no-row", "not-in-zone"]),
        "omar": ("due", 5000, ["by-table", "in-zone", "has-status"]),
    }
    town.receive("aid", "1000.00")
    town.disburse(town.approve(cycle))
    assert (town.balance("ana", "aid"), town.balance("omar", "aid")) == ("100.00", "50.00")
    assert town.broken() == []


def test_a_snapshot_keeps_who_and_why_and_each_month_asks_anew(town):
    first = town.prepare("families")
    town.conn.execute("UPDATE parties_household SET children_born = '[]' WHERE party_id = %s", [town.parties["ana"]])
    town.conn.execute("UPDATE programmes_programme SET rule = '{}'")
    kept = queries.entitlement(town.conn, town_id=town.id, cycle_id=first.id, party_id=town.parties["ana"])
    assert kept.snapshot == {
        "zone": "besos", "income_band": "none", "members": 4, "aid_minor": 20000, "ages": [15, 8, 6],
    }  # fmt: skip
    (terms,) = town.conn.execute("SELECT terms FROM programmes_cycle WHERE id = %s", [first.id]).fetchone()
    assert terms["eligibility"] == FOR_FAMILIES
    assert decided(town, first)["ana"][:2] == ("due", 10000)
    assert decided(town, town.prepare("families", NOVEMBER))["ana"] == ("refused", 0, ["no-row"])


def test_a_recheck_says_which_lines_would_be_decided_otherwise_today(town):
    cycle = town.prepare("families")
    assert preparing.recheck(town.conn, town_id=town.id, cycle_id=cycle.id) == []
    town.conn.execute("UPDATE parties_household SET zone_id = NULL WHERE party_id = %s", [town.parties["omar"]])
    town.household("neus", zone="besos", income_band="none", children=("2024-01",))
    found = preparing.recheck(town.conn, town_id=town.id, cycle_id=cycle.id)
    names = {party: name for name, party in town.parties.items()}
    assert {names[one.party_id]: (one.frozen and one.frozen.state, one.today and one.today.state) for one in found} == {
        "omar": ("due", "refused"),
        "neus": (None, "due"),
    }


def test_a_preview_decides_as_preparing_does_and_writes_nothing(town):
    lines = preparing.preview(town.conn, town_id=town.id, programme_id=town.programmes["families"], month=OCTOBER)
    assert queries.cycles(town.conn, town_id=town.id) == []
    cycle = town.prepare("families")
    kept = queries.entitlements(town.conn, town_id=town.id, cycle_id=cycle.id)
    assert [(line.party_id, line.state, line.amount_minor) for line in lines] == [
        (one.party_id, one.state, one.amount_minor) for one in kept
    ]


# Exceptions


def test_two_people_make_an_exception_and_the_line_says_so(town):
    made = except_(town, "laia", aid_minor=6000)
    refused = except_(town, "ana", "refuse")
    cycle = town.prepare("families")
    lines = decided(town, cycle)
    assert lines["laia"] == ("due", 3000, ["exception-pays", "amount-of-exception"])
    assert lines["ana"] == ("refused", 0, ["exception-refuses"])
    line = queries.entitlement(town.conn, town_id=town.id, cycle_id=cycle.id, party_id=town.parties["laia"])
    assert line.snapshot["exception"] == str(made.id)
    assert [one["code"] for one in line.grounds[0].fields["outweighed"]] == ["entitlement.not-in-zone"]
    excepting.withdraw_exception(town.conn, town_id=town.id, exception_id=refused.id, actor=OFFICER, now=NOON)
    assert decided(town, town.prepare("families", NOVEMBER))["ana"][0] == "due"
    assert town.audited()[-2:] == ["exception.withdrawn", "cycle.prepared"]
    assert town.broken() == []


def code_of(call, *given, **named) -> str:
    try:
        call(*given, **named)
    except KoinonError as refusal:
        return refusal.code
    return "done"


def test_an_exception_needs_a_second_person_a_reason_and_free_months(town):
    propose, decide = excepting.propose_exception, excepting.decide_exception
    at = {"town_id": town.id, "now": NOON}
    one = new_id()
    made = propose(town.conn, exception_id=one, wanted=wanted(town, "laia", aid_minor=1), actor=OFFICER, **at)
    assert propose(town.conn, exception_id=one, wanted=wanted(town, "laia", aid_minor=1), actor=OFFICER, **at) == made
    other = wanted(town, "pere", aid_minor=1)
    assert code_of(propose, town.conn, exception_id=one, wanted=other, actor=OFFICER, **at) == "programmes.exception-key-reused"  # fmt: skip
    for wrong in ({"reason": " "}, {"aid_minor": 0}, {"last": Month(2026, 9)}, {"kind": "refuse", "aid_minor": 5}):
        assert code_of(propose, town.conn, exception_id=new_id(), wanted=wanted(town, "laia", **wrong), actor=OFFICER, **at) == "programmes.exception-invalid"  # fmt: skip
    assert code_of(decide, town.conn, exception_id=one, approve=True, actor=OFFICER, **at) == "programmes.exception-same-person"  # fmt: skip
    assert decided(town, town.prepare("families"))["laia"][0] == "refused"
    yes = decide(town.conn, exception_id=one, approve=True, actor=APPROVER, **at)
    assert decide(town.conn, exception_id=one, approve=True, actor=APPROVER, **at) == yes
    assert code_of(decide, town.conn, exception_id=one, approve=False, actor=APPROVER, **at) == "programmes.exception-not-in-state"  # fmt: skip
    second = propose(town.conn, exception_id=new_id(), wanted=wanted(town, "laia"), actor=OFFICER, **at)
    assert code_of(decide, town.conn, exception_id=second.id, approve=True, actor=APPROVER, **at) == "programmes.exception-overlaps"  # fmt: skip
    assert town.broken() == []


# Duplicates


def resident(town, vault, who: str, household: str, **fields: str) -> None:
    vault.put(town.person(who, household=household), fields)


def test_a_pair_is_found_decided_and_then_paid_once(town, tmp_path):
    secrets = Secrets.load(tmp_path)
    vault = Vault(town.conn, secrets)
    resident(town, vault, "p1", "ana", name="Ana Vila Roca", identifier="12345678Z", born_on="1985-02-03")
    resident(town, vault, "p2", "omar", name="VILA ROCA ANA", identifier="X1234567L", born_on="1985-02-03")
    resident(town, vault, "p3", "pere", name="Pere Puig", born_on="1985-02-03")
    look = {"town_id": town.id, "actor": OFFICER, "now": NOON}
    looked = twins.look_for_duplicates(town.conn, secrets, **look)
    assert (looked.people, looked.found, looked.added) == (3, 1, 1)
    (pair,) = queries.duplicates(town.conn, town_id=town.id)
    assert (pair.kept, pair.other) == (town.parties["ana"], town.parties["omar"])
    assert "Vila" not in pair.grounds_json

    assert decided(town, town.prepare("families"))["omar"][0] == "due"
    town.conn.execute("UPDATE programmes_programme SET holds_duplicates = TRUE")
    november = town.prepare("families", NOVEMBER)
    assert decided(town, november)["omar"][2] == ["duplicate-undecided"]
    assert decided(town, november)["ana"][0] == "due"

    decide = {"town_id": town.id, "pair_id": pair.id, "reason": "same person, two files", "actor": OFFICER, "now": NOON}
    twins.decide_duplicate(town.conn, same=True, **decide)
    december = town.prepare("families", Month(2026, 12))
    assert decided(town, december)["omar"][2] == ["same-household"]
    again = twins.look_for_duplicates(town.conn, secrets, **look)
    assert (again.found, again.added) == (1, 0)
    assert queries.duplicate(town.conn, town_id=town.id, pair_id=pair.id).state == "same"
    twins.decide_duplicate(town.conn, same=False, **decide)
    assert decided(town, town.prepare("families", Month(2027, 1)))["omar"][0] == "due"
    assert town.broken() == []
    trail = town.conn.execute("SELECT coalesce(after::text, '') || reason FROM audit.entry").fetchall()
    assert not any("Vila" in row[0] or "12345678" in row[0] for row in trail)


# Waiting lists


@pytest.fixture
def short(town):
    """Money for two of four, by points."""
    town.programme(
        "rent", fund="aid", share=(1, 1), floor="0", for_whom="households",
        amounts={"table": [{"pays": 10000}]},
        waiting={
            "monthly_budget": 25000,
            "score": [{"points": 30, "income_bands": ["none"]}, {"points": 5, "each": "child"},
                      {"points": 2, "each": "month_waiting"}],
        },
    )  # fmt: skip
    return town


def places(town, cycle) -> list[tuple[str, int, int, str]]:
    names = {party: name for name, party in town.parties.items()}
    found = queries.entitlements(town.conn, town_id=town.id, cycle_id=cycle.id)
    return sorted(
        ((names[one.party_id], one.snapshot["place"], one.snapshot["score"], one.state) for one in found),
        key=lambda row: row[1],
    )


def test_where_the_budget_ends_the_rest_waits_in_the_order_of_points(short):
    cycle = short.prepare("rent")
    assert [(name, score, state) for name, _, score, state in places(short, cycle)[:2]] == [
        ("ana", 45, "due"), ("laia", 30, "due"),
    ]  # fmt: skip
    assert {(name, score, state) for name, _, score, state in places(short, cycle)[2:]} == {
        ("pere", 5, "waiting"), ("omar", 5, "waiting"),
    }  # fmt: skip
    assert (cycle.total_minor, cycle.count, cycle.waiting, cycle.refused) == (20000, 2, 2, 0)
    waiting = queries.entitlements(short.conn, town_id=short.id, cycle_id=cycle.id, state="waiting")
    assert {one.amount_minor for one in waiting} == {0}
    assert waiting[0].grounds[0].fields["amount_minor"] == 10000
    short.receive("aid", "500.00")
    done = short.disburse(short.approve(cycle))
    assert (done.paid, done.total_minor, done.waiting) == (2, 20000, 2)
    assert short.broken() == []


def test_waiting_earns_points_and_whoever_is_paid_stays_while_the_rules_say_yes(short):
    short.receive("aid", "1000.00")
    short.disburse(short.approve(short.prepare("rent")))
    short.conn.execute("UPDATE programmes_programme SET waiting = jsonb_set(waiting, '{monthly_budget}', '35000') WHERE waiting IS NOT NULL")  # fmt: skip
    short.household("nou", income_band="none", children=tuple(f"201{year}-01" for year in range(6)))
    found = places(short, short.prepare("rent", NOVEMBER))
    assert [(name, score, state) for name, _, score, state in found[:3]] == [
        ("ana", 45, "due"), ("laia", 30, "due"), ("nou", 60, "due"),
    ]  # fmt: skip
    assert {(name, score, state) for name, _, score, state in found[3:]} == {
        ("pere", 7, "waiting"), ("omar", 7, "waiting"),
    }  # fmt: skip


def test_who_could_not_be_paid_was_not_paid_in_the_month_before(short):
    short.receive("aid", "1000.00")
    [purse] = ledger.open_accounts(
        short.conn, town_id=short.id, accounts=[NewAccount(Kind.PURSE, UNIT, short.parties["laia"], short.funds["aid"])],
        at=NOON, actor="test",
    )  # fmt: skip
    ledger.close_account(short.conn, town_id=short.id, account=purse, at=NOON, actor="test")
    done = short.disburse(short.approve(short.prepare("rent")))
    assert (done.paid, done.failed) == (1, 1)
    short.conn.execute("UPDATE programmes_programme SET waiting = jsonb_set(waiting, '{monthly_budget}', '35000') WHERE waiting IS NOT NULL")  # fmt: skip
    short.household("nou", income_band="none", children=tuple(f"201{year}-01" for year in range(6)))
    found = places(short, short.prepare("rent", NOVEMBER))
    assert [(name, score) for name, _, score, _ in found[:3]] == [("ana", 45), ("nou", 60), ("laia", 30)]


def test_the_funds_own_budget_ends_the_list_too(short):
    short.conn.execute("UPDATE programmes_fund SET budget_minor = %s", [money("399.99").minor])
    first = short.approve(short.prepare("rent"))
    second = short.prepare("rent", NOVEMBER)
    assert (first.count, second.count, second.waiting) == (2, 1, 3)
    assert short.approve(second).state == "approved"


def test_an_application_that_ended_is_refused_though_the_table_would_pay(town):
    town.programme("asked", fund="aid", share=(1, 1), floor="0", amounts={"table": [{"pays": 100}]})
    town.award("asked", "ana", "0.00", since=date(2026, 1, 1))
    town.award("asked", "pere", "0.00", until=date(2026, 9, 30))
    assert decided(town, town.prepare("asked")) == {
        "ana": ("due", 100, ["by-table"]),
        "pere": ("refused", 0, ["award-ended"]),
    }


def test_what_is_registered_of_a_household_is_erased_with_it_and_its_months_keep_what_they_decided(town, tmp_path):
    cycle = town.prepare("families")
    vault = Vault(town.conn, Secrets.load(tmp_path))
    vault.erase(town.parties["ana"], actor=OFFICER, reason="asked", at=NOON)
    kept = town.conn.execute(
        "SELECT children_born::text, statuses::text FROM parties_household WHERE party_id = %s", [town.parties["ana"]]
    ).fetchone()
    assert kept == ("[]", "[]")
    line = queries.entitlement(town.conn, town_id=town.id, cycle_id=cycle.id, party_id=town.parties["ana"])
    assert line.snapshot["ages"] == [15, 8, 6]
    assert "ana" not in decided(town, town.prepare("families", NOVEMBER))
    assert town.broken() == []


def test_two_exceptions_for_one_month_cannot_both_be_approved_at_once(database, connect_again):
    first = connect_again()
    town = build(first)
    town.fund("aid")
    town.programme("families", fund="aid")
    town.household("ana")
    made = [
        excepting.propose_exception(
            first, town_id=town.id, exception_id=new_id(), wanted=wanted(town, "ana"), actor=OFFICER, now=NOON
        )
        for _ in range(2)
    ]
    first.commit()
    start = Barrier(2)

    def approve(exception) -> str:
        conn = connect_again()
        start.wait()
        try:
            excepting.decide_exception(
                conn, town_id=town.id, exception_id=exception.id, approve=True, actor=APPROVER, now=NOON
            )
        except KoinonError as refusal:
            conn.rollback()
            return refusal.code
        conn.commit()
        return "approved"

    with ThreadPoolExecutor(2) as both:
        assert sorted(both.map(approve, made)) == ["approved", "programmes.exception-overlaps"]
    assert town.broken() == []
