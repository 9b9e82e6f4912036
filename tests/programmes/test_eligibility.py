"""Conditions over registered facts, amounts and waiting lists, without a database."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koinon.kernel.periods import Month
from koinon.programmes.amounts import Formula, kept_amounts, oldest_counted, read_amounts
from koinon.programmes.eligibility import EVERYBODY, HouseholdFacts, Not, Reading, Status, kept, read
from koinon.programmes.rules import ExceptionFacts, ProgrammeTerms, entitlement
from koinon.programmes.waiting import Candidate, fill, kept_waiting, read_waiting

OCTOBER = Month(2026, 10)
FAMILY = HouseholdFacts(
    members=4,
    children=(Month(2024, 2), Month(2010, 10)),
    zone="besos",
    income_band="low",
    resident_since=date(2025, 10, 20),
    statuses=(Status("disability", date(2026, 1, 1), date(2026, 9, 30)), Status("single-parent")),
)


def codes(rule: dict, facts: HouseholdFacts = FAMILY, month: Month = OCTOBER) -> tuple[bool, list[str]]:
    found = kept(rule).of(facts, month)
    return found.holds, [ground.code.removeprefix("entitlement.") for ground in found.grounds]


@pytest.mark.parametrize(
    ("rule", "holds", "grounds"),
    [
        ({}, True, []),
        ({"zones": ["besos"], "income_bands": ["low"]}, True, ["in-zone", "has-income-band"]),
        ({"zones": ["x"], "income_bands": ["y"]}, False, ["not-in-zone", "income-band"]),
        ({"members": 4}, True, ["has-members"]),
        ({"members": {"at_most": 3}}, False, ["members"]),
        ({"children": {"at_least": 2}}, True, ["has-children"]),
        ({"children": {"younger_than": 3, "at_least": 2}}, False, ["children"]),
        ({"children": {"from_age": 16, "younger_than": 18, "at_least": 1}}, False, ["children"]),
        ({"resident": {"at_least_months": 12}}, True, ["is-resident"]),
        ({"resident": {"at_least_months": 13}}, False, ["residence"]),
        ({"statuses": ["disability"]}, False, ["status"]),
        ({"statuses": ["disability", "single-parent"]}, True, ["has-status"]),
        ({"statuses": {"any_of": ["single-parent"], "at_least_months": 1}}, False, ["status"]),
        ({"any": [{"members": 9}, {"zones": ["besos"]}, {"children": 2}]}, True, ["in-zone", "has-children"]),
        ({"any": [{"members": 9}, {"zones": ["x"]}]}, False, ["none-of"]),
        ({"not": {"zones": ["besos"]}}, False, ["excluded"]),
        ({"not": {"zones": ["x"]}, "members": 4}, True, ["has-members", "not-excluded"]),
        ({"all": [{"members": {"at_least": 5}}, {"members": {"at_most": 9}}]}, False, ["members"]),
    ],
)
def test_a_rule_answers_with_every_ground(rule, holds, grounds):
    assert codes(rule) == (holds, grounds)


def test_what_is_within_a_no_is_told_too():
    ground = kept({"any": [{"members": 9}, {"zones": ["x"], "children": 3}]}).of(FAMILY, OCTOBER).grounds[0]
    tried = [[one["code"] for one in option] for option in ground.fields["tried"]]
    assert tried == [["entitlement.members"], ["entitlement.not-in-zone", "entitlement.children"]]


def test_a_condition_counts_for_the_month_in_which_it_holds_on_any_day():
    until = {"statuses": ["disability"]}
    assert [codes(until, month=Month(2026, month))[0] for month in (8, 9, 10)] == [True, True, False]
    year = {"resident": {"at_least_months": 12}}
    assert [codes(year, month=Month(2026, month))[0] for month in (9, 10)] == [False, True]
    child = {"children": {"younger_than": 16, "from_age": 15, "at_least": 1}}  # Born in October 2010.
    assert [codes(child, month=Month(2026, month))[0] for month in (10, 11)] == [True, False]


def test_nothing_said_is_no():
    assert codes({"resident": {"at_least_months": 0}}, HouseholdFacts()) == (False, ["residence-not-said"])


condition = st.deferred(
    lambda: st.one_of(
        st.fixed_dictionaries({"zones": st.lists(st.sampled_from("abc"), min_size=1)}),
        st.fixed_dictionaries({"income_bands": st.lists(st.sampled_from("abc"), min_size=1)}),
        st.fixed_dictionaries({"members": st.integers(0, 9)}),
        st.fixed_dictionaries(
            {"children": st.fixed_dictionaries({"younger_than": st.integers(9, 20), "at_least": st.integers(0, 3)})}
        ),
        st.fixed_dictionaries({"resident": st.fixed_dictionaries({"at_least_months": st.integers(0, 30)})}),
        st.fixed_dictionaries({"statuses": st.lists(st.sampled_from("abc"), min_size=1)}),
        st.fixed_dictionaries({"not": condition}),
        st.fixed_dictionaries({"any": st.lists(condition, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"all": st.lists(condition, min_size=1, max_size=3)}),
    )
)
households = st.builds(
    HouseholdFacts,
    members=st.integers(1, 9),
    children=st.lists(st.builds(Month, st.integers(2006, 2026), st.integers(1, 12)), max_size=4).map(tuple),
    zone=st.sampled_from("abc"),
    income_band=st.sampled_from("abc"),
    resident_since=st.none() | st.dates(date(2020, 1, 1), date(2027, 1, 1)),
    statuses=st.lists(st.builds(Status, st.sampled_from("abc")), max_size=2).map(tuple),
)


@given(condition, households)
def test_what_is_kept_decides_as_what_was_written_and_no_answer_is_without_ground(rule, facts):
    reading = Reading()
    written = read(rule, reading)
    if reading.problems:  # Too deep.
        return
    again = kept(written.as_json())
    assert again.as_json() == written.as_json()
    one, other = written.of(facts, OCTOBER), again.of(facts, OCTOBER)
    assert (one.holds, one.grounds) == (other.holds, other.grounds)
    assert one.grounds
    assert Not(written).of(facts, OCTOBER).holds is not one.holds


def test_every_mistake_is_found_at_its_place():
    reading = Reading()
    read(
        {
            "zones": [],
            "colour": 1,
            "members": {"at_least": 3, "at_most": 2},
            "children": {"younger_than": 3, "from_age": 5},
            "resident": {"years": 1},
            "any": [{"statuses": "x"}, {"not": {"members": -1}}],
            "all": [],
        },
        reading,
    )
    assert [(problem.path, problem.code) for problem in reading.problems] == [
        (("colour",), "rule.unknown-key"),
        (("zones",), "rule.not-a-list"),
        (("members", "at_most"), "rule.reversed"),
        (("children",), "rule.says-nothing"),
        (("children", "younger_than"), "rule.reversed"),
        (("resident", "years"), "rule.unknown-key"),
        (("all",), "rule.not-a-list-of-tables"),
        (("any", 0, "statuses"), "rule.not-a-list"),
        (("any", 1, "not", "members"), "rule.not-a-number"),
    ]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["zones", "members", "children", "all", "any", "not", "statuses", "resident", "table", "formula", "pays", "score", "points", "each", "x"]), inner), max_leaves=20))  # fmt: skip
def test_whatever_is_written_is_read_or_found(written):
    for reader in (read, read_amounts, read_waiting):
        reader(written, Reading())


# Amounts


def aid(rule: dict, facts: HouseholdFacts = FAMILY, award: int | None = None) -> int | None:
    return kept_amounts(rule).of(facts, OCTOBER, award).minor


def test_a_table_pays_what_its_first_fitting_row_says():
    rows = [{"children": {"at_least": 2}, "income_bands": ["none"], "pays": 300}, {"children": 2, "pays": 200}]
    assert aid({"table": rows}) == 200
    assert aid({"table": [rows[0]]}) is None
    assert aid({"table": [rows[0], {"pays": 50}]}) == 50


def test_a_formula_adds_its_steps_and_keeps_its_limits():
    formula = {
        "base": 100_00,
        "each_member": 10_00,
        "each_further_adult": 50_00,
        "each_child": [{"younger_than": 3, "pays": 40_00}, {"from_age": 3, "pays": 25_00}],
        "supplements": [{"statuses": ["single-parent"], "pays": 15_50}, {"zones": ["x"], "pays": 99_00}],
        "share_of_award": "1/2",
    }
    whole = 100_00 + 40_00 + 50_00 + 40_00 + 25_00 + 15_50 + 20_00
    assert aid({"formula": formula}, award=40_00) == whole
    assert aid({"formula": formula}) is None
    assert aid({"formula": {**formula, "at_most": 200_00}}, award=40_00) == 200_00
    assert aid({"formula": {**formula, "at_least": 400_00}}, award=40_00) == 400_00
    assert aid({"formula": {**formula, "round_down_to": 10_00}}, award=40_00) == 290_00


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "base": st.integers(0, 10**6),
            "each_member": st.integers(0, 10**5),
            "each_child": st.integers(0, 10**5),
            "at_most": st.integers(10**5, 10**6),
            "at_least": st.integers(0, 10**5),
            "round_down_to": st.integers(1, 1000),
        },
    ).filter(lambda one: one.keys() & {"base", "each_member", "each_child"}),
    households,
)
def test_the_steps_that_are_told_add_up_to_the_aid_before_its_limits(written, facts):
    rule = kept_amounts({"formula": written})
    assert isinstance(rule, Formula)
    assert kept_amounts(rule.as_json()) == rule
    found = rule.of(facts, OCTOBER, None)
    assert found.minor is not None
    told = sum(step["minor"] for step in found.ground.fields["steps"])
    assert found.ground.fields.get("before_limits_minor", found.minor) == told
    assert found.minor % rule.round_down_to == 0
    assert rule.at_most is None or found.minor <= rule.at_most


def test_months_of_birth_are_asked_for_only_as_far_as_a_rule_counts():
    assert oldest_counted(EVERYBODY, kept_amounts({})) == 0
    assert oldest_counted(kept({"not": {"children": {"younger_than": 3, "at_least": 1}}}), kept_amounts({})) == 3
    assert oldest_counted(EVERYBODY, kept_amounts({"formula": {"each_further_adult": 1}})) == 18
    assert ProgrammeTerms(Fraction(1), waiting=kept_waiting({"score": [{"points": 1, "each": "child", "younger_than": 6}]})).counts_children_below == 6  # fmt: skip


# Exceptions


def test_an_exception_pays_what_the_rules_refuse_and_says_what_it_outweighs():
    terms = ProgrammeTerms(
        Fraction(1, 2), eligibility=kept({"zones": ["x"]}), amounts=kept_amounts({"table": [{"pays": 100_00}]})
    )
    made = ExceptionFacts(UUID(int=5), "pay", 80_00)
    found = entitlement(FAMILY, None, terms=terms, month=OCTOBER, exception=made)
    assert found.amount_minor == 40_00
    outweighed = [ground["code"] for ground in found.grounds[0].fields["outweighed"]]
    assert outweighed == ["entitlement.no-award", "entitlement.not-in-zone"]
    assert [ground.code for ground in found.grounds][1:] == ["entitlement.amount-of-exception"]


def test_no_exception_pays_somebody_twice_or_without_an_amount():
    terms = ProgrammeTerms(Fraction(1))
    pay = ExceptionFacts(UUID(int=5), "pay", None)
    found = entitlement(FAMILY, None, terms=terms, month=OCTOBER, exception=pay, same_as=UUID(int=7))
    assert [ground.code for ground in found.grounds] == ["entitlement.same-household", "entitlement.no-award"]


def test_terms_are_kept_as_they_are():
    terms = ProgrammeTerms(
        Fraction(1, 3),
        floor_monthly_minor=5,
        eligibility=kept({"any": [{"members": 2}, {"zones": ["a"]}]}),
        amounts=kept_amounts({"formula": {"base": 5, "each_child": 7, "share_of_award": "1/3"}}),
        waiting=kept_waiting({"score": [{"points": 5, "zones": ["a"]}], "monthly_budget": 7, "continued_first": False}),
        for_whom="households",
        holds_duplicates=True,
    )
    assert terms.as_json() == {
        "share": "1/3",
        "floor_monthly_minor": 5,
        "eligibility": {"any": [{"members": {"at_least": 2, "at_most": 2}}, {"zones": ["a"]}]},
        "amounts": {
            "formula": {"base": 5, "each_child": [{"pays": 7, "younger_than": 18}], "share_of_award": "1/3"},
        },
        "waiting": {"score": [{"points": 5, "zones": ["a"]}], "monthly_budget": 7, "continued_first": False},
        "for_whom": "households",
        "holds_duplicates": True,
    }


# Waiting lists


candidates = st.lists(
    st.builds(
        Candidate,
        party=st.uuids(),
        amount_minor=st.integers(1, 100),
        score=st.integers(0, 5),
        months_waited=st.integers(0, 3),
        continued=st.booleans(),
    ),
    unique_by=lambda one: one.party,
)


@given(candidates, st.integers(0, 300))
def test_nobody_overtakes_and_the_budget_is_never_exceeded(found, budget):
    filled = fill(found, budget_minor=budget, month=OCTOBER)
    reached = [placed.reached for placed in filled]
    assert reached == sorted(reached, reverse=True)
    spent = sum(placed.candidate.amount_minor for placed in filled if placed.reached)
    assert spent <= budget
    first_waiting = next((placed for placed in filled if not placed.reached), None)
    assert first_waiting is None or spent + first_waiting.candidate.amount_minor > budget
    assert [placed.place for placed in filled] == list(range(1, len(found) + 1))
    assert fill(list(reversed(found)), budget_minor=budget, month=OCTOBER) == filled
