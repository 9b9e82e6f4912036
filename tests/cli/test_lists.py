"""Lists and many records from a terminal: shown first, done with --yes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from koinon.cli.main import run
from koinon.db.connections import Database
from tests.pilots import small_town


def test_what_to_do_about_a_list_can_be_done_from_the_terminal(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KOINON_DATABASE_URL", raising=False)

    def typed(*arguments: str) -> tuple[int, Any]:
        capsys.readouterr()
        status = run([*arguments, "--json", "--database", database.app_url])
        return status, json.loads(capsys.readouterr().out)

    small_town.write(tmp_path / "town")
    assert typed("town", "apply", str(tmp_path / "town"), "--accept-warnings")[0] == 0
    assert typed("town", "staff", "add", "anna", "--role", "officer")[0] == 0
    file, mapping = tmp_path / "shops.csv", tmp_path / "mapping.json"
    file.write_text("ΑΦΜ;Μορφή;Οικισμός;ΚΑΔ\n094014201;Κάτι;Αλλού;99999\n", encoding="utf-8")
    command = ["list", "take-in", "businesses", str(file), "--mapping", str(mapping), "--as", "anna"]

    def remedies(columns: dict[str, str]) -> dict[str, str]:
        mapping.write_text(json.dumps({"columns": columns}), encoding="utf-8")
        status, document = typed(*command)
        assert status == 1
        return {one["code"]: one["remedy"] for one in document["findings"]}

    columns = {"tax_id": "ΑΦΜ", "legal_form": "Μορφή", "zone": "Οικισμός", "sector": "ΚΑΔ"}
    missing = remedies(columns)
    columns |= dict.fromkeys(("legal_name", "trade_name", "chain", "accepts_since", "iban"), "ΑΦΜ")
    said = remedies(columns)

    assert missing == {"town.column-missing": 'Say in the file of --mapping, under "columns", which heading it is.'}
    means = 'Say in the file of --mapping, under "values", what it means, or put the list right.'
    assert (said["town.value-unknown"], said["town.zone-unknown"]) == (means, means)
    assert said["town.sector-unknown"] == "Use a class of NACE, such as 47.21."
    assert "town.toml" not in str((missing, said))


def test_a_list_and_many_records_are_shown_before_they_are_done(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KOINON_DATABASE_URL", raising=False)

    def typed(*arguments: str) -> tuple[int, Any]:
        capsys.readouterr()
        status = run([*arguments, "--json", "--database", database.app_url])
        said = capsys.readouterr()
        assert said.out, said.err
        return status, json.loads(said.out)

    small_town.write(tmp_path / "town")
    assert typed("town", "apply", str(tmp_path / "town"), "--accept-warnings")[0] == 0
    assert typed("town", "staff", "add", "anna", "--role", "officer")[0] == 0
    file = tmp_path / "october.csv"
    file.write_text("Αρ. φακέλου;Ποσό;Από;Έως\nΦ-1/2026;500,00;01/10/2026;31/03/2027\n", encoding="cp1253")
    command = ["list", "take-in", "awards", str(file), "--programme", "epidoma", "--as", "anna"]

    _, shown = typed(*command)
    assert (shown["done"], shown["counts"]["awards_changed"]) == (False, 1)
    assert shown["columns"]["household"] == "Αρ. φακέλου"
    assert typed(*command, "--yes")[1]["done"]
    with psycopg.connect(database.app_url) as conn:
        row = conn.execute("SELECT id FROM programmes_award WHERE monthly_minor = 50000").fetchone()
    assert row is not None

    ending = [
        "many",
        "change",
        "awards-end",
        str(row[0]),
        "--last-day",
        "2026-12-31",
        "--reason",
        "D-7",
        "--as",
        "anna",
    ]
    assert not typed(*ending)[1]["done"]
    assert typed(*ending, "--yes")[1]["changes"][0]["after"] == {"last_day": "2026-12-31"}
    status, refused = typed(*ending, "--yes")
    assert (status, refused["refused"]["code"]) == (1, "office.nothing-to-do")

    file.write_text("Αρ. φακέλου;Ποσό;Από\nΦ-77;5;01/10/2026\n", encoding="utf-8")
    status, refused = typed(*command, "--yes")
    assert (status, refused["refused"]["code"]) == (1, "kernel.findings")
