"""Amounts: nothing is made, nothing is lost, nothing is mixed."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koinon.kernel.errors import UnitMismatch
from koinon.kernel.money import Amount, share_rounded_down, split_by_weight, to_decimal, to_minor

weights = st.lists(st.integers(0, 10**6), min_size=1, max_size=30).filter(any)


@given(st.integers(0, 10**15), weights)
def test_splitting_neither_makes_nor_loses_a_cent(minor: int, shares: list[int]) -> None:
    parts = split_by_weight(Amount(minor, "LOC"), shares)
    assert sum(part.minor for part in parts) == minor
    for part, share in zip(parts, shares, strict=True):
        exact = Fraction(minor * share, sum(shares))
        assert abs(part.minor - exact) < 1
        assert share > 0 or part.minor == 0


@given(st.integers(-(10**15), 10**15), st.integers(0, 4))
def test_every_amount_survives_its_decimal_form(minor: int, exponent: int) -> None:
    assert to_minor(to_decimal(minor, exponent), exponent) == minor


@given(st.integers(0, 10**12), st.fractions(0, 1))
def test_a_share_is_never_more_than_its_fraction_nor_a_whole_unit_less(minor: int, share: Fraction) -> None:
    assert 0 <= minor * share - share_rounded_down(minor, share) < 1


def test_two_units_are_never_added_or_compared() -> None:
    euros, units = Amount(1, "EUR"), Amount(1, "REC")
    for attempt in (lambda: euros + units, lambda: euros - units, lambda: euros < units, lambda: euros >= units):
        with pytest.raises(UnitMismatch):
            attempt()
    assert euros != units


@pytest.mark.parametrize("written", ["1.005", "1.00" + 40 * "0" + "1", 28 * "9" + ".999"])
def test_a_digit_that_the_unit_does_not_have_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="more than 2 decimals"):
        to_minor(Decimal(written), 2)


def test_every_digit_of_a_long_amount_is_kept() -> None:
    assert to_minor(Decimal(30 * "9" + ".99"), 2) == 10**32 - 1


@pytest.mark.parametrize("written", ["nan", "inf", "1e31", "1e999999999"])
def test_what_is_no_amount_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="no amount of money"):
        to_minor(Decimal(written), 2)
