"""The commands of the guide for the bank's statement are ones that the command line understands.

What each of them does is shown in tests/cli/test_bank_answers.py, tests/banking and tests/journeys/test_bank.py.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from koinon.cli.main import app

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "match-the-bank-statement.md"
COMMANDS = re.findall(r"^\$ koinon (.*)$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
ENTRY = "0192f000-0000-7000-8000-000000000000"  # Where the guide shortens an id.


@pytest.mark.parametrize("typed", COMMANDS)
def test_every_command_of_the_guide_is_understood(typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("statement.xml").write_text("<Document/>")
    words = [ENTRY if re.fullmatch(r"[0-9a-f]{8}-\.\.\.", word) else word for word in shlex.split(typed)]
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]

    assert command.make_context(command.name, words).params


def test_the_guide_has_commands() -> None:
    assert len(COMMANDS) == 10
