"""Spending rules and entitlements, without a database."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from koinon.kernel.periods import Month
from koinon.parties.types import PartyFacts
from koinon.programmes.eligibility import HouseholdFacts
from koinon.programmes.rules import AwardFacts, ProgrammeTerms, entitlement
from koinon.programmes.spending import SpendingRule, may_spend, parse, parse_share, spending_rule

DAY = date(2026, 10, 5)


def shop(**facts) -> PartyFacts:
    return PartyFacts(UUID(int=1), "organisation", **facts)


def codes(rule: SpendingRule, payee: PartyFacts, **days) -> list[str]:
    return [ground.code for ground in may_spend(rule, payee=payee, day=DAY, **days).grounds]


def test_a_rule_says_every_ground_at_once():
    rule = SpendingRule(
        zones=frozenset({"besos"}),
        sectors=frozenset({"food"}),
        legal_forms=frozenset({"cooperative"}),
        sse_only=True,
        exclude_chains=True,
    )
    payee = shop(
        zone="centre", sector_group="books", legal_form="limited", is_chain=True, accepts_since=date(2026, 11, 1)
    )
    assert codes(rule, payee, spend_from=date(2026, 10, 6), last_day=date(2026, 10, 4)) == [
        "spending.not-accepting-yet",
        "spending.not-yet",
        "spending.last-day-passed",
        "spending.not-in-zone",
        "spending.not-in-sector",
        "spending.legal-form",
        "spending.only-social-economy",
        "spending.no-chains",
    ]


def test_first_and_last_day_are_good_days():
    assert codes(SpendingRule(), shop(), spend_from=DAY, last_day=DAY) == []


@pytest.mark.parametrize(
    ("listed", "sector", "allowed"),
    [
        ("47", "47.11", True),
        ("47.1", "47.11", True),
        ("47.11", "47.11", True),
        ("47.2", "47.11", False),
        ("4", "47.11", False),
        ("food", "47.11", False),
        ("47", "", False),
    ],
)
def test_a_sector_is_a_group_or_the_beginning_of_a_nace_code(listed, sector, allowed):
    assert (codes(SpendingRule(sectors=frozenset({listed})), shop(sector=sector)) == []) is allowed


def test_a_town_that_is_paid_a_fee_is_paid_like_a_shop():
    assert codes(SpendingRule(), PartyFacts(UUID(int=2), "public_body")) == []
    assert codes(SpendingRule(), PartyFacts(UUID(int=3), "person")) == ["spending.only-at-shops"]


def test_every_mistake_in_a_rule_is_found_with_its_place():
    _, findings = parse(
        {
            "zones": ["besos", "atlantis"],
            "sectors": "food",
            "legal_forms": [],
            "sse_only": 1,
            "share_of_price": "3/2",
            "per_day": "5.00",
            "per_day_minor": "ten",
            "colour": "blue",
        },
        file="aid.toml",
        zones=frozenset({"besos"}),
    )
    assert {(finding.file, finding.column, finding.code) for finding in findings} == {
        ("aid.toml", "spending.zones", "rule.unknown-zone"),
        ("aid.toml", "spending.sectors", "rule.not-a-list"),
        ("aid.toml", "spending.legal_forms", "rule.empty-list"),
        ("aid.toml", "spending.sse_only", "rule.not-true-or-false"),
        ("aid.toml", "spending.share_of_price", "rule.not-a-share"),
        ("aid.toml", "spending.per_day", "rule.unknown-key"),
        ("aid.toml", "spending.per_day_minor", "rule.not-an-amount"),
        ("aid.toml", "spending.colour", "rule.unknown-key"),
    }


@pytest.mark.parametrize("written", ["ten", "5", 0, -5, 1.5, True, []])
def test_an_amount_a_day_that_is_no_number_of_minor_units_is_found(written):
    assert [finding.code for finding in parse({"per_day_minor": written})[1]] == ["rule.not-an-amount"]


@pytest.mark.parametrize(
    "given_share",
    [
        "1/0",
        "abc",
        "0",
        "-1/2",
        "101 %",
        True,
        None,
        [],
        float("nan"),
        float("inf"),
        pytest.param(10**5000, id="long"),
        "1/4" + " " * 40 + "9",
    ],
)
def test_a_share_that_is_none_is_none(given_share):
    assert parse_share(given_share) is None


@settings(deadline=timedelta(milliseconds=200))
@given(st.text(alphabet="0123456789eE_+-./,٫%٪ ١٢٣") | st.text() | st.floats() | st.integers())
@example("1e3000000")
@example("1e-3000000")
@example("1/" + "9" * 100_000)
@example(" " * 1_000_000 + "%")
def test_whatever_is_written_as_a_share_is_answered_at_once_and_is_above_zero_and_at_most_one(written):
    share = parse_share(written)
    assert share is None or (0 < share <= 1 and share.denominator < 10**6)


@given(st.integers(1, 999_999), st.integers(1, 999_999))
def test_a_share_is_read_exactly_as_it_is_written(numerator, denominator):
    share = Fraction(numerator, denominator)
    assert parse_share(f"{numerator} / {denominator}") == (share if share <= 1 else None)


rules = st.builds(
    SpendingRule,
    zones=st.one_of(st.none(), st.frozensets(st.sampled_from(["besos", "centre"]), min_size=1)),
    sectors=st.one_of(st.none(), st.frozensets(st.sampled_from(["food", "47"]), min_size=1)),
    sse_only=st.booleans(),
    exclude_chains=st.booleans(),
    share_of_price=st.one_of(st.none(), st.fractions(Fraction(1, 1000), Fraction(999, 1000), max_denominator=1000)),
    per_day_minor=st.one_of(st.none(), st.integers(1, 10**9)),
    peers_allowed=st.booleans(),
    peers_bound=st.booleans(),
)


@given(rules)
def test_a_rule_that_is_kept_is_read_back_as_it_was(rule):
    assert spending_rule(rule.as_json()) == rule


@given(
    st.integers(0, 10**9), st.fractions(Fraction(1, 1000), 1, max_denominator=1000), st.integers(0, 10**6)
)  # fmt: skip
def test_an_entitlement_is_the_share_rounded_down_and_only_above_the_floor(monthly, share, floor):
    award = AwardFacts(monthly, date(2026, 1, 1), None)
    found = entitlement(HouseholdFacts(), award, terms=ProgrammeTerms(share, floor), month=Month(2026, 10))
    if found.decision:
        assert monthly > floor
        assert 0 <= monthly * share - found.amount_minor < 1
    else:
        assert found.amount_minor == 0
        assert monthly <= floor or monthly * share < 1


@pytest.mark.parametrize(
    ("since", "until", "holds"),
    [
        (date(2026, 10, 31), None, True),
        (date(2026, 11, 1), None, False),
        (date(2026, 1, 1), date(2026, 10, 1), True),
        (date(2026, 1, 1), date(2026, 9, 30), False),
    ],
)
def test_an_award_counts_when_it_holds_on_a_day_of_the_month(since, until, holds):
    award = AwardFacts(50000, since, until)
    assert (
        bool(entitlement(HouseholdFacts(), award, terms=ProgrammeTerms(Fraction(1)), month=Month(2026, 10)).decision)
        is holds
    )
