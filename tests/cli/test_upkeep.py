"""What the doctor sees, and the bundled towns written again."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import psycopg
import pytest

from koinon.cli import serving, upkeep
from koinon.cli.errors import NoRoom
from koinon.cli.main import run

TOWNS = Path(__file__).resolve().parents[2] / "towns"


@pytest.fixture
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KOINON_VAR", str(tmp_path))
    return tmp_path


def test_doctor_finds_a_healthy_installation_well(var, database_url, capsys):
    status = run(["doctor", "--json", "--database", database_url])

    document = json.loads(capsys.readouterr().out)
    assert (status, document["well"]) == (0, True)
    assert [found["name"] for found in document["found"]] == [
        "Python", "folder", "disk", "secrets", "database", "port",
    ]  # fmt: skip


def test_doctor_says_everything_that_is_wrong_with_its_remedy(var, capsys, monkeypatch):
    (var / "secrets").mkdir()
    (var / "secrets" / "vault.json").write_text("{}")
    (var / "secrets" / "vault.json").chmod(0o644)
    usage = shutil.disk_usage(var)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10 * 2**20))

    status = run(["doctor", "--json", "--database", "postgresql://nobody@/none?host=/nowhere"])

    document = json.loads(capsys.readouterr().out)
    wrong = {found["name"]: found["remedy"] for found in document["found"] if not found["well"]}
    assert status == 1
    assert set(wrong) == {"disk", "secrets", "database"}
    assert all(wrong.values())
    assert "chmod 600" in wrong["secrets"]


def test_demo_refuses_a_disk_without_room_before_it_writes(var, monkeypatch):
    usage = shutil.disk_usage(var)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10 * 2**20))

    with pytest.raises(NoRoom) as refused:
        upkeep.room_for_demo(var / "not" / "there" / "yet")

    assert refused.value.free_megabytes == 10


def test_demo_data_writes_the_folders_that_are_in_the_project(tmp_path, capsys):
    status = run(["demo-data", str(tmp_path), "--json"])

    written = {Path(file).relative_to(tmp_path) for file in json.loads(capsys.readouterr().out)["files"]}
    assert status == 0
    assert written == {path.relative_to(TOWNS) for path in TOWNS.rglob("*") if path.is_file()}


def test_site_takes_the_next_port_that_is_free_and_says_so(capsys, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(serving, "PORT", taken.getsockname()[1])
        with serving.listening_on("127.0.0.1", None) as listening:
            port = listening.getsockname()[1]

    assert port > serving.PORT
    assert f"using {port}" in capsys.readouterr().err


def test_a_check_of_books_that_an_earlier_version_wrote_says_so(database, capsys):
    ours, djangos = "koinon.offline.0003_returned_covers", "koinon.parties.0008_authorised_people"
    with psycopg.connect(database.owner_url) as owner:
        owner.execute("DELETE FROM koinon_migration WHERE package || '.' || name = %s", [ours])
        owner.execute("DELETE FROM django_migrations WHERE 'koinon.' || app || '.' || name = %s", [djangos])
    assert run(["check", "--json", "--database", database.app_url]) == 1
    told = json.loads(capsys.readouterr().out)["refused"]
    assert (told["code"], told["fields"]["waiting"]) == ("cli.not-up-to-date", [ours, djangos])
