"""The command line's manners: exit status, one JSON document, refusals without tracebacks."""

from __future__ import annotations

import resource
import socket
import subprocess
import sys

import pytest

from koinon.cli import main
from koinon.cli.errors import TownUnknown
from koinon.cli.main import run
from tests.cli.command import koinon


def test_help_names_every_command_and_ends_well(capsys):
    status = run(["--help"])

    told = capsys.readouterr().out
    assert status == 0
    for command in ("demo", "serve", "town", "cycle", "redeem", "check", "seal", "demo-data", "doctor"):
        assert f" {command} " in told


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["town", "apply"], ["demo", "--months", "0"], ["cycle", "prepare", "aid", "October", "--as", "x"]],
)
def test_command_line_that_makes_no_sense_ends_with_2(arguments, capsys):
    status = run(arguments)

    said = capsys.readouterr()
    assert status == 2
    assert said.out == ""
    assert "Traceback" not in said.err


def test_defect_is_said_in_one_line_and_kept_in_a_file(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("KOINON_VAR", str(tmp_path))

    def broken(**_):
        raise RuntimeError("a wire came loose")

    monkeypatch.setattr(main, "_commands", lambda *_: broken)

    status = run(["doctor"])

    said = capsys.readouterr()
    (log,) = (tmp_path / "log").iterdir()
    assert status == 70
    assert "a wire came loose" in said.err
    assert "Traceback" not in said.err
    assert str(log) in said.err
    assert "Traceback" in log.read_text()


def test_full_disk_is_a_refusal_with_a_remedy(monkeypatch, capsys):
    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(main, "_commands", lambda *_: full)

    assert run(["doctor"]) == 1
    assert "Free some space" in capsys.readouterr().err


def test_database_that_cannot_be_reached_is_refused_in_json(tmp_path):
    said = koinon("check", "--json", "--database", "postgresql://nobody@/none?host=/nowhere", var=tmp_path)

    assert said.status == 1
    assert said.document["refused"]["code"] == "db.unreachable"
    assert "Traceback" not in said.err


def test_commands_start_quickly():
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, koinon.cli.main; print(*sorted(sys.modules))"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip

    assert not {"django", "psycopg", "rich.table", "xmlschema", "uvicorn"} & set(loaded)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime - before.ru_utime < 2  # Of the processor: how busy it is with others is not ours to say.


def test_refusal_says_which_towns_there_are():
    assert "arganzuela" in str(TownUnknown(asked="", towns=["arganzuela", "besos"]))


def test_explicit_port_that_is_taken_is_refused_before_anything_is_written(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = koinon("demo", "--port", str(port), "--json", var=tmp_path / "var")

    assert said.status == 1
    assert said.document["refused"]["code"] == "server.port-taken"
    assert not (tmp_path / "var" / "pg").exists()


def test_fresh_refuses_a_database_that_is_not_the_embedded_one(tmp_path, database):
    said = koinon("demo", "--fresh", "--no-serve", "--json", var=tmp_path, url=database.app_url)

    assert said.status == 1
    assert said.document["refused"]["code"] == "cli.not-our-database"


def test_interrupted_command_ends_with_130_and_without_a_traceback(monkeypatch, capsys):
    def stopped():
        raise KeyboardInterrupt

    monkeypatch.setattr("koinon.cli.upkeep.examine", lambda _url: stopped())

    assert run(["doctor"]) == 130
    assert "Traceback" not in capsys.readouterr().err
