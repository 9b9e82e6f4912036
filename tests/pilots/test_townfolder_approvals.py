"""How many people approve a programme's month, as a town folder says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from koinon.kernel.errors import FindingsError
from koinon.pilots import townfolder
from koinon.programmes.approvals import Step
from tests.pilots import small_families

STEPS = """
[[programmes.approvals]]
from = "0"
people = 1

[[programmes.approvals]]
from = "10.000,00"
people = 2
"""


def test_steps_are_read_and_without_them_there_are_none(tmp_path: Path) -> None:
    def steps(folder: str, more: str) -> tuple[Step, ...]:
        text = small_families.PROGRAMME + more
        (programme,) = townfolder.read(small_families.write(tmp_path / folder, programme=text)).programmes
        return programme.approvals

    assert steps("none", "") == ()
    assert steps("two", STEPS) == (Step(0, 1), Step(1000000, 2))


def test_every_wrong_step_is_found_in_its_place(tmp_path: Path) -> None:
    text = small_families.PROGRAMME + STEPS.replace('"10.000,00"', '"0,00"') + STEPS.replace("people = 1", "people = 0")
    with pytest.raises(FindingsError) as refused:
        townfolder.read(small_families.write(tmp_path, programme=text))
    said = [(finding.row, finding.message) for finding in refused.value.findings]
    assert [message for _, message in said] == [
        "Another step begins at this amount already.",
        "Another step begins at this amount already.",
        "Say how many people approve, from 1 to 9.",
    ]
    assert len({row for row, _ in said}) == 3
