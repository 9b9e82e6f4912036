"""The generated town holds the published figures, and comes out the same every time."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from schwifty import IBAN

from koinon.pilots import besos_data, townfolder
from koinon.pilots.townfolder_types import Role, TownPlan

TOWNS = Path(__file__).parents[2] / "towns"


@pytest.fixture(scope="module")
def besos() -> TownPlan:
    return townfolder.read(TOWNS / "besos")


def test_the_committed_folders_are_what_the_generator_writes() -> None:
    assert besos_data.differences(TOWNS) == []


def test_the_figures_are_those_that_were_published(besos: TownPlan) -> None:
    first = [one for one in besos.awards if one.from_day == date(2026, 10, 1) and one.monthly_minor > 100_00]
    (programme,) = besos.programmes

    assert len(besos.zones) == 10
    assert len(besos.awards) == 533
    assert sum(one.monthly_minor for one in besos.awards) == 533 * 568_00
    assert len(first) == 315
    assert (
        sum(one.monthly_minor * programme.share.numerator // programme.share.denominator for one in first) == 42_590_39
    )
    assert programme.floor_monthly_minor == 100_00
    assert len(besos.businesses) == 175
    assert not any(one.is_chain for one in besos.businesses)


def test_families_join_month_by_month_and_some_stay_below_the_floor(besos: TownPlan) -> None:
    begun = Counter(one.from_day for one in besos.awards)
    low = Counter(one.from_day for one in besos.awards if one.monthly_minor <= 100_00)
    joined = {one.key: one.joined_on for one in besos.households}

    assert begun == {date(2026, 10, 1): 323, date(2026, 11, 1): 177, date(2026, 12, 1): 33}
    assert low == {date(2026, 10, 1): 8, date(2026, 11, 1): 6, date(2026, 12, 1): 4}
    assert {100_00, 100_01} <= {one.monthly_minor for one in besos.awards}  # at the floor, and just above it
    assert all(joined[one.household] <= one.from_day for one in besos.awards)


def test_the_people_whom_the_files_are_about_have_the_published_profile(besos: TownPlan) -> None:
    references = [one for one in besos.people if one.role is Role.REFERENCE]
    sexes = Counter(one.sex for one in references)
    decades = Counter(_age(one.born_on) // 10 for one in references)

    assert len(references) == 533
    assert (round(100 * sexes["female"] / 533), round(100 * sexes["male"] / 533)) == (72, 27)
    assert (round(100 * decades[3] / 533), round(100 * decades[4] / 533)) == (36, 32)
    assert 1_400 < len(besos.people) < 1_600


def _age(born_on: date) -> int:
    return 2026 - born_on.year - ((born_on.month, born_on.day) > (10, 1))


def test_money_can_go_round_because_suppliers_and_social_enterprises_take_part(besos: TownPlan) -> None:
    suppliers = [one for one in besos.businesses if one.is_supplier]
    social = [one for one in besos.businesses if one.is_sse]

    assert len(suppliers) >= 20
    assert {one.sector_group for one in suppliers} >= {"food", "household", "services", "clothing"}
    assert len(social) == 22
    assert all(one.registry_number for one in social)
    assert {one.legal_form for one in social} >= {"cooperative", "special-employment-centre", "insertion-company"}
    assert {one.zone for one in besos.businesses} == {one.code for one in besos.zones}


def test_no_identifier_or_account_belongs_to_anybody(besos: TownPlan) -> None:
    national = [one.identifier for one in besos.people if one.identifier_kind == "national" and one.identifier]
    companies = [one.tax_id for one in besos.businesses if one.legal_form != "self-employed"]

    assert national
    assert companies
    assert all(number.startswith(("99", "Z99")) for number in national)
    assert all(number[1:3] == "00" for number in companies)
    assert all(one.iban[8:12] == "9999" for one in besos.businesses)
    assert all(
        one.phone.replace(" ", "").replace(".", "").removeprefix("+34")[:2] in ("", "79") for one in besos.people
    )


def test_the_folder_says_that_its_people_are_generated() -> None:
    assert "are generated" in (TOWNS / "besos" / "town.toml").read_text(encoding="utf-8")


@given(st.sampled_from(["2100", "0182", "3025"]), st.integers(0, 10**10 - 1))
def test_the_check_digits_of_accounts_are_right(bank: str, account: int) -> None:
    IBAN(besos_data.spanish_iban(bank, "9999", f"{account:010d}"), validate_bban=True)
