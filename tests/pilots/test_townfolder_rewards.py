"""What rewards.toml says of activities and time banks is read in whole steps, and what is wrong is found in its line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from koinon.coproduction.types import Cap, Measure, Rate
from koinon.kernel.errors import FindingsError
from koinon.pilots import townfolder
from koinon.pilots.townfolder_types import TimeBankSpec
from tests.pilots import small_besos

FUND = """
[[funds]]
code = "lixo"
name = "Lixo"
source = "Orçamento 2016"
budget = "7.500,00"
spend_from = 2026-01-01
last_day = 2027-09-30
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_besos.write(tmp_path_factory.mktemp("rewards"), households=60, shops=20)


def test_rates_by_stream_and_day_caps_and_time_banks_are_read(folder: Path) -> None:
    (folder / "targets.toml").unlink()  # It names the activities that are replaced here.
    (folder / "rewards.toml").write_text(
        FUND
        + """
[[rewards]]
code = "campolide"
name = "Recolha de Campolide"
fund = "lixo"
measure = "kilogram"
second_above = 50
total_cap = "20,00"

[[rewards.rates]]
stream = "glass"
each = "2,00"

[[rewards.rates]]
stream = "glass"
each = "1,00"
per = 3
from_day = 2026-07-01
source = "Deliberação 7/2026"

[[rewards.caps]]
period = "day"
quantity = "2,5"

[[rewards]]
code = "agrofloresta"
name = "Agrofloresta"
measure = "hour"
time_bank = "bela-flor"
first_day = 2026-03-01

[[rewards]]
code = "conselho"
name = "Conselho de bairro"
measure = "session"

[[time_banks]]
code = "bela-flor"
name = "Bela Flor"
unit = "HORA"
credit_limit = "7:30"
most = 40
"""
    )

    plan = townfolder.read(folder)

    collection, garden, council = plan.rewards
    assert collection.rates == (
        Rate("glass", date(2026, 1, 1), 2_00, 1000),
        Rate("glass", date(2026, 7, 1), 1_00, 3000, "Deliberação 7/2026"),
    )
    assert collection.caps == (
        Cap("", "activity", date(2026, 1, 1), None, 20_00),
        Cap("", "day", date(2026, 1, 1), 2_500, None),
    )
    assert collection.second_above == 50_000
    assert (garden.time_bank, garden.fund, garden.measure, garden.first_day) == (
        "bela-flor", "", Measure.HOUR, date(2026, 3, 1)
    )  # fmt: skip
    assert (council.fund, council.time_bank, council.rates) == ("", "", ())
    assert plan.time_banks == (TimeBankSpec("bela-flor", "Bela Flor", "HORA", 450, 2400),)


def test_everything_wrong_is_found_in_its_line(folder: Path) -> None:
    (folder / "rewards.toml").write_text(
        FUND
        + """
[[rewards]]
code = "campolide"
name = "Recolha"
fund = "lixo"
measure = "kilogram"
rates = [{ stream = "glas", each = "2,00" }]

[[rewards.caps]]
period = "week"

[[rewards]]
code = "horta"
name = "Horta"
measure = "session"
time_bank = "bela"
second_above = "0,5"
first_day = 2026-03-01
last_day = 2026-02-01

[[rewards]]
code = "aula"
name = "Aula"
fund = "lixo"
measure = "hour"

[[time_banks]]
code = "bela-flor"
name = "Bela Flor"
unit = "REC"
credit_limit = 10
"""
    )

    with pytest.raises(FindingsError) as refused:
        townfolder.read(folder)

    found = [(one.row, one.column, one.code) for one in refused.value.findings if one.file == "rewards.toml"]
    assert found == [
        (15, "rewards.rates.stream", "town.setting-invalid"),
        (17, "rewards.caps.quantity", "town.setting-missing"),
        (18, "rewards.caps.period", "town.setting-invalid"),
        (24, "rewards.time_bank", "town.setting-invalid"),
        (24, "rewards.time_bank", "town.setting-invalid"),
        (25, "rewards.second_above", "town.setting-invalid"),
        (27, "rewards.last_day", "town.dates-reversed"),
        (29, "rewards.each", "town.setting-missing"),
        (35, "time_banks.most", "town.setting-missing"),
        (38, "time_banks.unit", "town.code-twice"),
    ]


def test_a_count_of_sixteen_digits_is_found_in_its_line_and_not_rounded(folder: Path) -> None:
    (folder / "rewards.toml").write_text(
        FUND
        + """
[[rewards]]
code = "conselho"
name = "Conselho de bairro"
fund = "lixo"
measure = "session"
each = "1,00"
second_above = 1000000000000001
"""
    )

    with pytest.raises(FindingsError) as refused:
        townfolder.read(folder)

    found = [(one.row, one.column, one.code) for one in refused.value.findings if one.file == "rewards.toml"]
    assert found == [(16, "rewards.second_above", "town.setting-invalid")]
