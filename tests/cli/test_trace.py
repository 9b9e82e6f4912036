"""``koinon impact trace`` as a person types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from koinon.cli import trace
from koinon.cli.main import run
from koinon.impact.files import speech, types
from koinon.impact.files.tracing import CONVENTIONS

FILE = """time,source,target,amount
2027-03-01T08:00:00Z,town,ana,60.00
2027-03-02T10:30:00Z,ana,bakery,40.00
2027-03-09T10:00:00Z,bakery,bank,15.00
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written = tmp_path / "ledger.csv"
    written.write_text(FILE, encoding="utf-8")
    return written


def test_options_offer_what_reading_and_tracing_know() -> None:
    assert [(each.name, each.value) for each in trace.CohortBy] == [(each.name, each.value) for each in types.CohortBy]
    assert [(each.name, each.value) for each in trace.TimeUnit] == [(each.name, each.value) for each in types.TimeUnit]
    assert {each.value for each in trace.Conventions} == set(CONVENTIONS)
    assert tuple(each.value for each in trace.Language) == speech.LANGUAGES


def test_file_is_traced_without_a_town_and_the_command_in_the_result_gives_it_again(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOINON_VAR", str(tmp_path / "var"))
    monkeypatch.chdir(file.parent)

    status = run(["impact", "trace", str(file), "--issuers", "town", "--redeemers", "b?nk", "--json"])

    said = capsys.readouterr()
    document = json.loads(said.out)
    assert status == 0
    assert run([*document["asked"]["command"][1:], "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert [each["digest"] for each in again["traces"]] == [each["digest"] for each in document["traces"]]
    assert [each["total"]["redeemed"] for each in document["traces"]] == [1500, 1500]
    assert document["written"] is None
    assert "traced" in said.err
    assert not (tmp_path / "var" / "pg").exists()


def test_people_are_shown_the_totals_and_what_to_know(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = run(["impact", "trace", str(file), "--issuers", "town", "--unit", "euros", "--out", str(tmp_path / "out")])

    said = capsys.readouterr()
    assert status == 0
    assert "60.00 euros" in said.out
    assert "No account redeems" in said.out
    assert json.loads((tmp_path / "out/trace.json").read_text(encoding="utf-8"))["unit"]["name"] == "euros"


def test_data_is_passed_on_as_the_report_tells_it_and_in_the_reader_s_language(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    options = ["--issuers", "town", "--redeemers", "bank", "--out", str(tmp_path / "out"), "--json"]

    status = run(["impact", "trace", str(file), *options, "--disclosed", "--language", "el"])

    document = json.loads(capsys.readouterr().out)
    assert status == 0
    assert document["asked"]["disclosed"] is True
    assert document["asked"]["command"][-3:] == ["--disclosed", "--least", "10"]
    assert [each["flows"] for each in document["traces"]] == [{}, {}]  # Three accounts are no group.
    assert 'lang="el"' in (tmp_path / "out/report.html").read_text(encoding="utf-8")


def test_what_is_wrong_is_said_with_its_row_and_nothing_is_written(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(FILE.replace("40.00", "forty"), encoding="utf-8")

    status = run(["impact", "trace", str(file), "--issuers", "town", "--out", str(tmp_path / "out"), "--json"])

    said = json.loads(capsys.readouterr().out)
    assert status == 1
    assert said["refused"] == {
        "code": "impact.ledger-file",
        "message": "1 finding; nothing was written",
    }
    assert [(finding["file"], finding["row"], finding["column"]) for finding in said["findings"]] == [
        ("ledger.csv", 3, "amount")
    ]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("wrong", [["--column", "time"], ["--zone", "Mars/Base"], ["--convention", "random"]])
def test_command_line_that_makes_no_sense_ends_with_2(file: Path, wrong: list[str]) -> None:
    assert run(["impact", "trace", str(file), *wrong]) == 2


def test_help_loads_nothing_heavy() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, koinon.cli.main; print(*sorted(sys.modules))"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip

    assert not {"numpy", "numba", "pyarrow", "duckdb", "ibis"} & set(loaded)
