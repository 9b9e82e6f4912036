"""What an officer types about funds: what holds, a change announced with three decimals, findings, and taking it back.

The commands of docs/guides/change-what-money-may-buy.md.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from koinon.cli.main import run
from tests.cli.test_bank_answers import Desk
from tests.programmes.small_town import build


@pytest.fixture
def desk(database, conn, tmp_path, monkeypatch, capsys) -> Desk:
    monkeypatch.setenv("KOINON_VAR", str(tmp_path))
    for name in ("KOINON_DATABASE_URL", "KOINON_USER", "KOINON_SECRETS"):
        monkeypatch.delenv(name, raising=False)
    town = build(conn)
    conn.execute("UPDATE parties_town SET country = 'JO', exponent = 3, national_currency = 'JOD'")
    town.fund("aid", rule={"sectors": ["food"]}, last_day=date(2999, 12, 31))
    town.household("ana")
    town.give("ana", "aid", "20.00")
    town.user("anna", "officer")
    conn.commit()
    return Desk(town, database.app_url, capsys)


def test_a_change_is_announced_shown_and_taken_back(desk: Desk):
    day = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
    of = ("--fund", "aid", "--from", day, "--reason", "voted")

    wrong = desk("fund", "announce", *of, "--set", "zones=nowhere", "--set", "hours=always", by="anna")
    assert [one["code"] for one in wrong["findings"]] == ["rule.unknown-zone", "rule.not-hours"]
    settings = ("--set", "sectors=", "--set", "per_day=1,250", "--set", "hours=mon-fri 08:00-20:00;sat 09:00-14:00")
    change = desk("fund", "announce", *of, *settings, "--set", "chain=true", by="anna")["change"]
    assert change["rule"] == {
        "chain": True,
        "hours": ["mon-fri 08:00-20:00", "sat 09:00-14:00"],
        "per_day_minor": 1250,
    }
    soon = datetime.now(UTC).date().isoformat()
    refused = desk("fund", "announce", "--fund", "aid", "--from", soon, "--reason", "now", by="anna")["refused"]
    assert [one["code"] for one in refused["fields"]["grounds"]] == [
        "change.too-soon",
        "change.another-follows",
        "change.nothing",
    ]

    desk.capsys.readouterr()
    assert run(["fund", "show", "--fund", "aid", "--json", "--database", desk.url]) == 0
    shown = json.loads(desk.capsys.readouterr().out)
    assert (shown["rule"], shown["issued"], shown["left"], shown["spent"]) == ({"sectors": ["food"]}, 2000, 2000, 0)
    assert [one["what"] for one in shown["notices"]] == ["changing"]
    assert "per_day 1.250 REC" in desk.told("fund", "show", "--fund", "aid", by="")
    assert desk("fund", "withdraw", *of, by="anna")["change"]["withdrawn_by"]
    assert "taken back" in desk.told("fund", "show", "--fund", "aid", by="")
    assert "2.000 REC" in desk.told("fund", "list", by="")
    assert desk("fund", "notice", "--fund", "aid", "--change", "30", by="anna")["change_days"] == 30
    assert run(["fund", "announce", *of, "--set", "colour=blue", "--as", "anna", "--database", desk.url]) == 2
