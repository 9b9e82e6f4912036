"""What is done at the counter can be done from the command line: cards, PINs and complaints."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pypdf
import pytest

from koinon.cli.main import run
from tests.programmes import small_town

Command = Callable[..., tuple[int, Any]]


@pytest.fixture
def town(database: Any, conn: Any) -> small_town.SmallTown:
    town = small_town.build(conn)
    town.household("ana")
    town.user("olga", "officer")
    town.user("tarek", "treasurer")
    conn.commit()
    return town


@pytest.fixture
def koinon(database: Any, town: Any, capsys: Any, monkeypatch: Any) -> Command:
    def command(*arguments: str, typed: str = "") -> tuple[int, Any]:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        capsys.readouterr()
        status = run([*arguments, "--json", "--database", database.app_url])
        said = capsys.readouterr().out
        return status, json.loads(said) if said else None

    return command


def test_a_card_goes_from_the_printer_to_its_replacement(koinon, town, tmp_path, database, monkeypatch):
    monkeypatch.setenv("KOINON_OWNER_DATABASE_URL", database.owner_url)
    olga = ("--as", "olga")
    status, made = koinon("card", "make", "3", "--key", "spring", *olga)
    assert (status, koinon("card", "make", "3", "--key", "spring", *olga)[1]) == (0, made)
    sheet = tmp_path / "cards.pdf"
    assert koinon("card", "print", made["batch"], str(sheet), *olga)[1]["cards"] == 3
    printed = pypdf.PdfReader(sheet).pages[0].extract_text().replace("\u00a0", "").replace(" ", "")
    first, second, third = (card["number"] for card in made["cards"])
    assert all(number in printed for number in (first, second, third))

    assert koinon("card", "give", first, str(town.parties["ana"]), *olga)[1]["state"] == "active"
    assert koinon("card", "set-pin", first, "--pin-stdin", *olga, typed="123456\n")[0] == 1
    assert koinon("card", "set-pin", first, "--pin-stdin", *olga, typed="471930\n")[1]["has_pin"] is True
    assert koinon("card", "block", first, "--why", "lost", *olga)[1]["state"] == "blocked"
    assert koinon("card", "unblock", first, *olga)[1]["state"] == "active"
    new = koinon("card", "replace", first, second, "--why", "stolen", *olga)[1]
    assert (new["state"], new["has_pin"], new["party"]) == ("active", False, str(town.parties["ana"]))
    assert koinon("card", "show", first, *olga)[1]["replaced_by"] == new["card"]
    listed = koinon("card", "list", str(town.parties["ana"]), *olga)[1]["cards"]
    assert [(one["kind"], one["state"]) for one in listed] == [("card", "active"), ("card", "replaced")]
    assert koinon("card", "withdraw", third, "--why", "spoiled", *olga)[1]["state"] == "withdrawn"
    counted = {"made": 0, "active": 1, "blocked": 0, "replaced": 1, "withdrawn": 1, "promised": 0}
    assert koinon("card", "stock")[1] == {"town": "vila", **counted}
    status, refused = koinon("card", "block", second, "--why", "lost", "--as", "tarek")
    assert (status, refused["refused"]["code"]) == (1, "cli.role-missing")
    assert town.broken() == []


def test_a_complaint_is_taken_in_and_answered(koinon, town, tmp_path):
    olga, words = ("--as", "olga"), "They asked for two euros more."
    said = koinon("complaint", "open", "--about", "shop", "--of", str(town.parties["ana"]), *olga, typed=words)[1]
    assert (said["number"][-4:], said["state"]) == ("0001", "open")
    assert [one["id"] for one in koinon("complaint", "list")[1]["waiting"]] == [said["id"]]
    bill = tmp_path / "bill.pdf"
    bill.write_bytes(b"%PDF-1.7")
    assert koinon("complaint", "attach", said["id"], str(bill), *olga)[0] == 0
    assert koinon("complaint", "note", said["id"], *olga, typed="Called.")[0] == 0
    done = koinon("complaint", "answer", said["id"], "--outcome", "upheld", *olga, typed="You are right.")[1]
    assert (done["state"], done["outcome"]) == ("answered", "upheld")
    assert koinon("complaint", "withdraw", said["id"], *olga)[1]["refused"]["code"] == "casework.complaint-closed"
    assert koinon("complaint", "reopen", said["id"], *olga)[1]["state"] == "open"
    assert koinon("complaint", "withdraw", said["id"], *olga)[1]["state"] == "withdrawn"
    term = ("complaint", "set-term", "5", "working-days", "--source", "Council 17/2026", "--from", "2026-01-01", *olga)
    assert [koinon(*term)[1]["changed"] for _ in range(2)] == [True, False]
    assert town.broken() == []
