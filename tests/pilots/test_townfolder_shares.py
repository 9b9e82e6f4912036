"""Shares, limits and conditions in a programme's file, whatever somebody writes there."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from koinon.pilots.townfolder_findings import Findings
from koinon.pilots.townfolder_settings import Section
from tests.pilots import small_town


def share_of(written: Any) -> tuple[Fraction | None, list[str]]:
    findings = Findings()
    share = Section("aid.toml", {"share": written}, findings, {}).share("share")
    return share, [finding.code for finding in findings.found]


@pytest.mark.parametrize(
    ("written", "share"),
    [
        ("1/4", Fraction(1, 4)),
        ("25 %", Fraction(1, 4)),
        ("33,5 %", Fraction(67, 200)),
        (0.25, Fraction(1, 4)),
        (1, 1),
        (Decimal("0.00001"), Fraction(1, 100_000)),
        (Decimal("0.5000000"), Fraction(1, 2)),
        (Decimal("1.0"), 1),
    ],
)
def test_a_share_is_two_numbers_or_decimals_or_per_cent(written: Any, share: Fraction) -> None:
    assert share_of(written) == (share, [])


@settings(deadline=timedelta(milliseconds=200))
@given(st.text(alphabet="0123456789eE_+-./,%  ١٢٣٫٪") | st.text() | st.floats() | st.integers())
@example("1e3000000")
@example("0.1e-3000000")
@example("1/" + "9" * 100_000)
def test_any_text_is_answered_at_once_with_a_share_or_a_finding(written: Any) -> None:
    share, codes = share_of(written)
    if share is None:
        assert codes in (["town.setting-invalid"], ["town.setting-missing"])
    else:
        assert (codes, 0 < share <= 1) == ([], True)


def test_a_limit_of_nothing_a_day_is_found(tmp_path: Path) -> None:
    programme = small_town.PROGRAMME.replace("per_day = 50", "per_day = 0").encode()
    found = small_town.findings(small_town.write(tmp_path, {"programmes/epidoma.toml": programme}))
    assert [(finding.column, finding.code) for finding in found if "per_day" in finding.column] == [
        ("rules.per_day", "town.setting-invalid")
    ]


def test_every_mistake_in_whom_a_programme_is_for_is_found_at_its_place(tmp_path: Path) -> None:
    conditions = """
[programmes.eligibility]
zones = ["Νέα Πέραμος", "Atlantis"]
income_bands = ["low", "none"]
age = 18
"""
    programme = (small_town.PROGRAMME + conditions).encode()
    found = small_town.findings(small_town.write(tmp_path, {"programmes/epidoma.toml": programme}))
    lines = (small_town.PROGRAMME + conditions).splitlines()
    assert {(finding.column, finding.code, lines[finding.row - 1].split(" ")[0]) for finding in found} == {
        ("programmes.eligibility.zones", "town.zone-unknown", "zones"),
        ("programmes.eligibility.income_bands", "town.setting-invalid", "income_bands"),
        ("programmes.eligibility.age", "town.setting-unknown", "age"),
    }


def test_a_condition_that_is_no_list_of_texts_is_found(tmp_path: Path) -> None:
    programme = (small_town.PROGRAMME + "[programmes.eligibility]\nincome_bands = 'none'\nzones = [1]\n").encode()
    found = small_town.findings(small_town.write(tmp_path, {"programmes/epidoma.toml": programme}))
    assert [finding.code for finding in found] == ["town.setting-invalid"] * 2


@pytest.mark.parametrize("written", ["0.49999999999999999999", "0.50000000000000000001", "1.00000000000000000001"])
def test_a_share_with_more_decimals_than_are_kept_is_not_taken_for_the_one_beside_it(written: str) -> None:
    assert share_of(Decimal(written)) == (None, ["town.setting-invalid"])


def test_a_fraction_that_cannot_be_kept_is_found_in_its_line(tmp_path: Path) -> None:
    programme = small_town.PROGRAMME.replace("per_day = 50", "per_day = -1e-999")
    found = small_town.findings(small_town.write(tmp_path, {"programmes/epidoma.toml": programme.encode()}))
    lines = programme.splitlines()
    assert [(one.code, lines[one.row - 1]) for one in found if one.code == "town.toml-invalid"] == [
        ("town.toml-invalid", "per_day = -1e-999")
    ]


@pytest.mark.parametrize(
    "number",
    ["9" * 5000, hex(16**5000), str(2**63), "1e999999999", "1e99999999999999999999", "nan"],
    ids=["decimal", "hexadecimal", "65 bits", "exponent", "no exponent", "no number"],
)
def test_a_number_that_is_too_long_is_found(tmp_path: Path, number: str) -> None:
    programme = small_town.PROGRAMME.replace("per_day = 50", f"per_day = {number}").encode()
    found = small_town.findings(small_town.write(tmp_path, {"programmes/epidoma.toml": programme}))
    assert "town.toml-invalid" in [finding.code for finding in found]
