"""Campaigns and top-ups by command: the same operations, in the words of a terminal."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from koinon.cli.main import run
from tests.campaigns.bonus_town import BonusTown, build

TERMS = """
name = "Autumn in the shops"
code = "autumn"
fund = "gift"
share = "20 %"
minimum = "5,00"
most_per_person = "50,00"
ceiling = "100,00"
first_day = {first}
last_day = {last}
excluded_funds = ["aid"]
[shops]
sectors = ["food"]
"""


@pytest.fixture
def town(database, conn) -> BonusTown:
    town = build(conn)
    town.fund("gift")
    town.fund("aid")
    for name, role in (("anna", "officer"), ("bilal", "approver"), ("carmen", "treasurer")):
        town.user(name, role)
    town.receive("gift", "500.00")
    town.person("noa")
    town.shop("forn")
    conn.commit()
    return town


@pytest.fixture
def koinon(database_url, capsys, monkeypatch):
    monkeypatch.delenv("KOINON_USER", raising=False)

    def say(*arguments: str) -> tuple[int, Any]:
        capsys.readouterr()
        status = run([*arguments, "--json", "--database", database_url])
        return status, json.loads(capsys.readouterr().out)

    return say


def written(folder: Path, **changes: str) -> str:
    today = datetime.now(UTC).date()
    text = TERMS.format(first=today - timedelta(days=1), last=today + timedelta(days=9))
    for was, now in changes.items():
        text = text.replace(was, now)
    path = folder / "autumn.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_campaign_from_its_file_to_its_end(town, koinon, tmp_path):
    status, drawn = koinon("campaign", "draft", written(tmp_path), "--as", "anna")
    assert (status, drawn["campaign"]["state"], drawn["campaign"]["ceiling"]) == (0, "draft", 100_00)
    assert koinon("campaign", "draft", written(tmp_path), "--as", "anna")[1] == drawn
    assert koinon("campaign", "release", "autumn", "--as", "bilal")[1]["refused"]["code"] == "campaigns.in-other-state"
    assert koinon("campaign", "submit", "autumn", "--as", "anna")[0] == 0
    assert koinon("campaign", "release", "autumn", "--as", "anna")[1]["refused"]["code"] == "cli.role-missing"
    assert koinon("campaign", "release", "autumn", "--as", "bilal")[1]["campaign"]["state"] == "running"

    party = str(town.parties["noa"])
    asked = koinon("topup", "request", party, "--amount", "80", "--key", "1", "--as", "anna")[1]["topup"]
    assert koinon("topup", "list", "--waiting")[1]["topups"][0]["reference"] == asked["reference"]
    confirm = ("topup", "confirm", asked["reference"], "--amount", "80", "--reference", "NTRY/1", "--as", "carmen")
    assert [koinon(*confirm)[1]["replayed"] for _ in range(2)] == [False, True]
    town.pay_for("noa", "forn", "50.00", at=datetime.now(UTC))
    town.conn.commit()

    shown = koinon("campaign", "show", "autumn")[1]
    assert [bonus["bonus"] for bonus in shown["bonuses"]] == [10_00]
    ended = koinon("campaign", "end", "autumn", "--reason", "enough", "--as", "anna")[1]["campaign"]
    assert (ended["state"], ended["granted"], ended["reason"]) == ("ended", 10_00, "enough")
    assert koinon("campaign", "list")[1]["campaigns"] == [ended]
    town.conn.rollback()
    assert town.reserve("gift") == "490.00"
    assert town.broken() == []


def test_everything_wrong_with_a_file_is_said_at_once_and_nothing_is_kept(town, koinon, tmp_path):
    file = written(tmp_path, **{'"20 %"': '"120 %"', '"gift"': '"gifts"', '"100,00"': '"a lot"', "name": "nam"})
    status, said = koinon("campaign", "draft", file, "--as", "anna")

    assert status == 1
    found = {(finding["column"], finding["code"]) for finding in said["findings"]}
    assert found == {
        ("nam", "campaign.unknown-key"), ("name", "campaign.missing"), ("fund", "campaign.fund-unknown"),
        ("share", "campaign.no-share"), ("ceiling", "campaign.amount"),
    }  # fmt: skip
    assert koinon("campaign", "list")[1]["campaigns"] == []
