"""What coordinators do on a phone, typed as commands: a collection point, its rewards, and hours of a time bank."""

from __future__ import annotations

import json
from typing import Any

import pytest
from psycopg import Connection

from koinon.cli.main import run
from koinon.db.connections import Database
from tests.coproduction import garden_town


@pytest.fixture
def town(conn: Connection[Any], database: Database) -> garden_town.GardenTown:
    built = garden_town.build(conn)
    built.fund("lixo")
    built.receive("lixo", "100.00")
    for name, role in (("olga", "officer"), ("carla", "coordinator"), ("dora", "coordinator")):
        built.user(name, role, email=f"{name}@example.org")
    for name in ("ana", "rui"):
        built.person(name)
    conn.commit()
    return built


def test_an_activity_is_set_rewarded_and_corrected_by_commands(
    town: garden_town.GardenTown, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    def typed(*arguments: str) -> tuple[int, Any]:
        """In this process: what processes are for, other tests of commands show."""
        status = run([*arguments, "--json", "--database", database.app_url])
        return status, json.loads(capsys.readouterr().out)

    def done(*arguments: str) -> Any:
        status, document = typed(*arguments)
        assert status == 0, document
        return document

    ana, rui = str(town.parties["ana"]), str(town.parties["rui"])
    done(
        "activity",
        "set",
        "punt",
        "--name",
        "Punt verd",
        "--counts",
        "kilogram",
        "--fund",
        "lixo",
        "--second-above",
        "20",
        "--as",
        "olga",
    )
    assert done(
        "activity",
        "rate",
        "punt",
        "--stream",
        "glass",
        "--pays",
        "1,00",
        "--per",
        "3",
        "--from",
        "2026-01-01",
        "--as",
        "olga",
    )["changed"]
    done("activity", "cap", "punt", "--within", "month", "--quantity", "10", "--from", "2026-01-01", "--as", "olga")

    status, refused = typed("activity", "record", "punt", ana, "6", "--stream", "glass", "--as", "olga")
    assert (status, refused["refused"]["code"]) == (1, "cli.role-missing")
    first = done("activity", "record", "punt", ana, "6", "--stream", "glass", "--as", "carla")["contributions"][0]
    assert (first["state"], first["reward"]) == ("verified", 2_00)
    much = done("activity", "record", "punt", ana, "21", "--stream", "glass", "--as", "carla")["contributions"][0]
    assert much["state"] == "confirmed"
    assert [one["id"] for one in done("activity", "show", "punt")["waiting"]] == [much["id"]]
    second = done("activity", "verify", much["id"], "--as", "dora")["contributions"][0]
    assert (second["rewarded_quantity"], second["reward"], second["grounds"]) == (4_000, 1_33, ["reward.cap-month"])
    anew = done("activity", "correct", first["id"], "0.6", "--reason", "a comma too far", "--as", "carla")
    assert anew["contributions"][0]["reward"] == 20
    assert done("activity", "list")["activities"][0]["paid"] == 1_53

    done("time-bank", "set", "bela", "--name", "Bela Flor", "--unit", "HORA", "--credit-limit", "2", "--as", "olga")
    numbers = [done("time-bank", "join", "bela", party, "--as", "carla")["member"]["number"] for party in (ana, rui)]
    done("time-bank", "exchange", "bela", *numbers, "1:30", "--as", "carla")
    _status, short = typed("time-bank", "exchange", "bela", *numbers, "1:00", "--as", "carla")
    assert short["refused"]["code"] == "coproduction.time-limit"
    assert done("time-bank", "statement", "bela", numbers[1])["member"]["balance"] == -90
    assert done("check")["failed"] == 0
