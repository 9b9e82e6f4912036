"""What is done without a telephone that shows pages can be done from the command line, too."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pypdf
import pytest

from koinon.cli.main import run
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from tests.payments import paying_town
from tests.payments.paying_town import PayingTown

Command = Callable[..., tuple[int, Any]]
OLGA = ("--as", "olga")


@pytest.fixture
def town(database: Any, conn: Any) -> PayingTown:
    town = paying_town.build_with_money(conn)
    user = town.user("olga", "officer")
    conn.execute("UPDATE parties_rolegrant SET sees_personal_data = true WHERE user_id = %s", [user])
    conn.commit()
    return town


@pytest.fixture
def koinon(database: Any, town: Any, capsys: Any, monkeypatch: Any) -> Command:
    monkeypatch.setenv("KOINON_OWNER_DATABASE_URL", database.owner_url)

    def command(*arguments: str, typed: str = "") -> tuple[int, Any]:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        capsys.readouterr()
        status = run([*arguments, "--json", "--database", database.app_url])
        said = capsys.readouterr().out
        return status, json.loads(said) if said else None

    return command


def test_somebody_is_let_pay_and_ended(koinon, town):
    until = (datetime.now(UTC) + timedelta(days=200)).date().isoformat()
    ana, limits = str(town.parties["ana"]), ("--per-day", "20", "--until", until, "--key", "spring", *OLGA)
    status, made = koinon("helper", "authorise", ana, *limits, typed="Rosa Vidal\n")
    assert (status, koinon("helper", "authorise", ana, *limits, typed="Rosa Vidal\n")[1]) == (0, made)
    held = made["authorisation"]
    card = koinon("card", "make", "1", *OLGA)[1]["cards"][0]["number"]
    koinon("helper", "give", held, card, *OLGA)
    shown = koinon("card", "balance", card, *OLGA)[1]
    assert (shown["left_today_minor"], sum(purse["available_minor"] for purse in shown["purses"])) == (20_00, 100_00)
    assert koinon("helper", "change", held, "--per-day", "5", "--until", until, *OLGA)[1]["per_day_minor"] == 5_00
    assert koinon("helper", "end", held, *OLGA)[1]["ended_at"]
    assert [one["authorisation"] for one in koinon("helper", "list", ana, *OLGA)[1]["helpers"]] == [held]
    assert koinon("card", "balance", card, *OLGA)[0] == 1
    assert koinon("helper", "authorise", ana, *limits[:4], *OLGA, typed="\n")[0] == 1
    assert town.broken() == []


def test_letters_are_queued_and_printed_and_a_leaflet_is_written(koinon, town, tmp_path):
    Vault(town.conn, Secrets.load()).put(town.parties["ana"], {"name": "Ana Martí"})
    town.conn.commit()
    ana = str(town.parties["ana"])
    assert (
        koinon("letter", "wishes", ana, "--language", "es", "--monthly", "--large-print", *OLGA)[1]["monthly"] is True
    )
    queued = koinon("letter", "queue", "2026-09", *OLGA)[1]
    assert (queued["queued"], queued["waiting"]) == (1, 1)
    file = tmp_path / "letters.pdf"
    done = koinon("letter", "print", str(file), *OLGA)[1]
    assert "Ana Martí" in pypdf.PdfReader(file).pages[0].extract_text()
    again = tmp_path / "again.pdf"
    assert koinon("letter", "print", str(again), "--batch", done["batch"], *OLGA)[1]["letters"] == 1
    assert koinon("letter", "print", str(tmp_path / "none.pdf"), *OLGA)[0] == 1
    for language in ("el", "ar"):
        leaflet = tmp_path / f"{language}.pdf"
        assert koinon("letter", "leaflet", str(leaflet), "--language", language)[0] == 0
        assert len(pypdf.PdfReader(leaflet).pages) == 1


def test_a_telephone_is_answered_and_a_document_kept(koinon, town, tmp_path, monkeypatch):
    ana = str(town.parties["ana"])
    assert koinon("text", "bind", ana, *OLGA, typed="600 11 22 33\n")[1]["changed"] is True
    monkeypatch.setenv("KOINON_SMS_INBOX", str(tmp_path))
    (tmp_path / "1.json").write_text(json.dumps({"reference": "1", "from": "+34600112233", "text": "SALDO"}))
    assert koinon("text", "inbox")[1] == {"taken_in": {"balance": 1}}
    assert koinon("text", "unbind", ana, *OLGA)[1]["changed"] is True

    paper = tmp_path / "paper.txt"
    paper.write_text("Lives here.")
    kept = koinon("document", "keep", ana, str(paper), "--about", "residence", *OLGA)[1]["document"]
    assert [each["about"] for each in koinon("document", "list", ana, *OLGA)[1]["documents"]] == ["residence"]
    koinon("document", "save", ana, kept, str(tmp_path / "out"), *OLGA)
    assert (tmp_path / "out").read_text() == "Lives here."
    assert koinon("document", "destroy", ana, kept, *OLGA)[0] == 0
    assert koinon("document", "save", ana, kept, str(tmp_path / "gone"), *OLGA)[0] == 1
    assert town.broken() == []
