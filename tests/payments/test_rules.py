"""Plans and refund shares, whatever purses and prices come."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from koinon.kernel.money import share_rounded_down
from koinon.parties.types import PartyFacts
from koinon.payments.rules import order, plan, settle, split_refund
from koinon.payments.types import PurseView
from koinon.programmes.spending import FREE, SpendingRule, may_spend

TODAY = date(2026, 10, 5)
BAKERY = PartyFacts(UUID(int=9), "organisation", zone="besos", sector="47.24", sector_group="food")

rules = st.builds(
    SpendingRule,
    zones=st.sampled_from([None, frozenset({"besos"}), frozenset({"centre"})]),
    sectors=st.sampled_from([None, frozenset({"food"}), frozenset({"47"}), frozenset({"books"})]),
    sse_only=st.sampled_from([False, False, True]),
    share_of_price=st.sampled_from([None, Fraction(1, 2), Fraction(1, 3), Fraction(9, 10)]),
    per_day_minor=st.one_of(st.none(), st.integers(1, 3000)),
)
bound = st.builds(
    PurseView,
    account=st.integers(1, 10**6),
    available_minor=st.integers(0, 5000),
    rule=rules,
    fund=st.uuids(),
    last_day=st.one_of(st.none(), st.dates(date(2026, 9, 30), date(2026, 12, 31))),
    spent_today_minor=st.integers(0, 1000),
)
free = st.builds(PurseView, account=st.integers(1, 10**6), available_minor=st.integers(0, 5000), rule=st.just(FREE))
purses = st.builds(
    lambda some, own: [*some, *own],
    st.lists(bound, max_size=6, unique_by=lambda purse: purse.account),
    st.lists(free, max_size=1),
).filter(lambda found: len({purse.account for purse in found}) == len(found))
amounts = st.integers(1, 8000)


@given(amounts, purses)
def test_a_plan_pays_the_whole_price_or_nothing_and_then_says_why(amount, found):
    made = plan(amount, found, payee=BAKERY, day=TODAY)
    if made.decision:
        assert sum(leg.amount_minor for leg in made.legs) == amount == made.payable_minor
    else:
        assert made.legs == ()
        assert made.grounds[0].code == "payments.not-enough"
        assert made.grounds[0].fields["missing_minor"] == amount - made.payable_minor > 0


@given(amounts, purses)
def test_no_purse_gives_more_than_it_has_its_share_or_its_day_or_against_its_rule(amount, found):
    made = plan(amount, found, payee=BAKERY, day=TODAY)
    by_account = {purse.account: purse for purse in found}
    assert len({leg.account for leg in made.legs}) == len(made.legs)
    for leg in made.legs:
        purse = by_account[leg.account]
        assert 0 < leg.amount_minor <= purse.available_minor
        assert may_spend(purse.rule, payee=BAKERY, day=TODAY, last_day=purse.last_day)
        if purse.rule.share_of_price is not None:
            assert leg.amount_minor <= share_rounded_down(amount, purse.rule.share_of_price)
        if purse.rule.per_day_minor is not None:
            assert purse.spent_today_minor + leg.amount_minor <= purse.rule.per_day_minor


@given(amounts, purses)
def test_purses_pay_soonest_last_day_first_and_free_money_last(amount, found):
    made = plan(amount, found, payee=BAKERY, day=TODAY)
    by_account = {purse.account: purse for purse in found}
    places = [order(by_account[leg.account]) for leg in made.legs]
    assert places == sorted(places)
    # A later purse is touched only when every earlier one has given all it may: the last leg alone is partial.
    for leg in made.legs[:-1]:
        alone = plan(amount, [by_account[leg.account]], payee=BAKERY, day=TODAY)
        assert leg.amount_minor == alone.payable_minor


@given(amounts, purses, st.randoms())
def test_the_order_in_which_purses_are_given_does_not_matter(amount, found, random):
    shuffled = list(found)
    random.shuffle(shuffled)
    assert plan(amount, shuffled, payee=BAKERY, day=TODAY) == plan(amount, found, payee=BAKERY, day=TODAY)


@given(purses, amounts)
def test_what_is_said_to_be_payable_is_the_sum_of_what_each_purse_could_give(found, amount):
    made = plan(amount, found, payee=BAKERY, day=TODAY)
    each = [plan(amount, [purse], payee=BAKERY, day=TODAY).payable_minor for purse in found]
    assert made.payable_minor == min(amount, sum(each))


@given(
    st.lists(st.integers(0, 5000), min_size=1, max_size=6).filter(sum),
    st.lists(st.integers(1, 30000), max_size=12),
)
def test_refunds_give_each_purse_back_exactly_what_it_paid_and_never_more(paid, refunds):
    left = list(paid)
    for asked in [*refunds, sum(paid)]:
        if not (amount := min(asked, sum(left))):
            break
        shares = split_refund(amount, left)
        assert sum(shares) == amount
        assert all(0 <= share <= rest for share, rest in zip(shares, left, strict=True))
        left = [rest - share for share, rest in zip(shares, left, strict=True)]
    assert left == [0] * len(paid)


@given(amounts, purses)
def test_the_quick_way_settles_exactly_as_the_plan(amount, found):
    made = plan(amount, found, payee=BAKERY, day=TODAY)
    allowed = [
        purse
        for purse in sorted(found, key=order)
        if may_spend(purse.rule, payee=BAKERY, day=TODAY, spend_from=purse.spend_from, last_day=purse.last_day)
    ]
    settled = settle(amount, allowed)
    assert (settled is not None) == bool(made.decision)
    assert [(purse.account, given) for purse, given in settled or []] == [
        (leg.account, leg.amount_minor) for leg in made.legs
    ]
