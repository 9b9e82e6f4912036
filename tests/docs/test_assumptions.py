"""The page about the simulated month prints the assumptions that the program reads."""

from __future__ import annotations

import re
from pathlib import Path

from koinon.pilots.simulate import usual_behaviour

PAGE = Path(__file__).resolve().parents[2] / "docs" / "algorithms" / "simulation.md"


def test_the_page_prints_every_assumption_with_its_value() -> None:
    habits = usual_behaviour()
    kept = {
        f"{table}.{name}": value
        for table, values in (("household", habits.household), ("shop", habits.shop), ("place", habits.place))
        for name, value in values.items()
    }

    printed = re.findall(r"^\| `([a-z_.]+)` \| ([\d.]+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert {name: float(value) for name, value in printed} == kept
