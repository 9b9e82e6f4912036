"""What shops ask of customers can be done from the command line: requests, their keys, and a shop's own code."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pypdf
import pytest

from koinon.cli.main import run
from koinon.parties.secrets import Secrets
from koinon.payments import signing
from tests.payments.verifying import is_signed_by
from tests.programmes import small_town

Command = Callable[..., tuple[int, Any]]


@pytest.fixture
def town(database: Any, conn: Any) -> small_town.SmallTown:
    town = small_town.build(conn)
    town.shop("forn")
    town.user("olga", "officer")
    conn.commit()
    return town


@pytest.fixture
def koinon(database: Any, town: Any, capsys: Any) -> Command:
    def command(*arguments: str) -> tuple[int, Any]:
        capsys.readouterr()
        status = run([*arguments, "--json", "--database", database.app_url])
        said = capsys.readouterr().out
        return status, json.loads(said) if said else None

    return command


def test_a_shop_is_asked_for_followed_and_taken_back(koinon, town):
    forn, olga = str(town.parties["forn"]), ("--as", "olga")
    status, made = koinon("request", "make", forn, "12,50", "--key", "a", *olga)
    assert (status, made["amount"], made["state"], len(made["number"])) == (0, 1250, "open", 8)
    assert koinon("request", "make", forn, "12,50", "--key", "a", *olga)[1] == made
    keys = koinon("request", "keys")[1]
    assert is_signed_by(keys["keys"][keys["current"]], signing.read(Secrets.load(), made["token"]))
    assert koinon("request", "withdraw", made["request"], *olga)[1]["state"] == "withdrawn"
    assert koinon("request", "show", made["request"])[1]["state"] == "withdrawn"
    assert [one["request"] for one in koinon("request", "list", forn)[1]["requests"]] == [made["request"]]
    status, refused = koinon("request", "make", forn, "0", *olga)
    assert (status, refused["refused"]["code"]) == (1, "cli.amount-not-understood")
    assert town.broken() == []


def test_a_shops_code_is_made_printed_and_replaced(koinon, town, tmp_path, database, monkeypatch):
    monkeypatch.setenv("KOINON_OWNER_DATABASE_URL", database.owner_url)
    forn, olga = str(town.parties["forn"]), ("--as", "olga")
    assert koinon("payee-code", "show", forn)[1]["code"] is None
    made = koinon("payee-code", "make", forn, *olga)[1]
    assert koinon("payee-code", "make", forn, *olga)[1] == made == koinon("payee-code", "show", forn)[1]
    file = tmp_path / "forn.pdf"
    asked = ("payee-code", "poster", forn, str(file), "--site", "https://vila.example", "--language", "el")
    assert koinon(*asked)[1]["file"] == str(file)
    printed = pypdf.PdfReader(file).pages[0].extract_text().replace("\u00a0", "").replace(" ", "")
    assert made["number"] in printed
    assert "Forn" in printed
    assert koinon("payee-code", "make", forn, "--replace", *olga)[1]["number"] != made["number"]
    assert town.broken() == []
