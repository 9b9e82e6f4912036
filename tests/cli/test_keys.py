"""The key outside the database is turned over from the command line, killed on the way, and gone on with."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from koinon.cli.main import run
from koinon.cli.output import INTERRUPTED
from koinon.parties.errors import KeyMissing
from koinon.parties.secrets import FILE_NAME, Secrets
from koinon.parties.vault import Vault
from tests.programmes import small_town

PEOPLE = 400
Command = Callable[..., tuple[int, Any]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: Any) -> Path:
    folder = tmp_path / "keys"
    monkeypatch.setenv("KOINON_SECRETS", str(folder))
    Secrets.load()
    return folder


@pytest.fixture
def town(database: Any, conn: Any, folder: Path) -> small_town.SmallTown:
    town = small_town.build(conn)
    people = {town.person(f"p{number}"): facts(number) for number in range(PEOPLE)}
    Vault(conn, Secrets.load()).put_many(people)
    conn.commit()
    return town


def facts(number: int) -> dict[str, str]:
    return {"name": f"Puigdevall {number}", "identifier": f"{99000000 + number}C"}


@pytest.fixture
def said() -> list[str]:
    """All that the commands of a test printed."""
    return []


@pytest.fixture
def koinon(database: Any, town: Any, capsys: Any, said: list[str]) -> Command:
    def command(*arguments: str, as_json: bool = True, without_database: bool = False) -> tuple[int, Any]:
        capsys.readouterr()
        where = [] if without_database else ["--database", database.app_url]
        status = run(["keys", *arguments, *(["--json"] if as_json else []), *where])
        told = capsys.readouterr()
        said.extend([told.out, told.err])
        assert not as_json or told.out[:1] in ("", "{"), "what another program reads is the document and nothing else"
        return status, json.loads(told.out) if as_json and told.out else told.out

    return command


def everybody(town: Any, secrets: Secrets) -> dict[str, dict[str, str]]:
    found = Vault(town.conn, secrets).get_many(town.parties.values())
    town.conn.commit()
    return {name: found[party] for name, party in town.parties.items() if name.startswith("p")}


def test_the_key_is_turned_over_step_by_step_and_a_second_time_there_is_nothing_to_do(koinon, town, folder, said):
    old = Secrets.load().current
    status, added = koinon("add", without_database=True)
    assert (status, added["current"], added["new"]) == (0, old, True)
    new = added["next"]
    assert koinon("add", without_database=True) == (0, {**added, "new": False})
    listed = koinon("list")[1]["keys"]
    assert [(one["key"], one["state"], one["under_it"]) for one in listed] == [
        (old, "current", {"people": PEOPLE}), (new, "next", {}),
    ]  # fmt: skip

    status, turned = koinon("rotate", "--batch", "150")
    assert (status, turned["current"], turned["rewrapped"], turned["kinds"]["people"]) == (0, new, PEOPLE, PEOPLE)
    assert [(one["key"], one["state"], one["under_it"]) for one in turned["keys"]] == [
        (old, "old", {}), (new, "current", {"people": PEOPLE}),
    ]  # fmt: skip
    assert turned["keys"][0]["may_be_destroyed_from"]
    assert "keys of people, households and bodies: 400 of 400" in said[-1]
    status, again = koinon("rotate")
    assert (status, again["rewrapped"], again["keys"]) == (0, 0, turned["keys"])
    status, refused = koinon("destroy", old, "--yes")
    assert (status, refused["refused"]["code"]) == (1, "parties.key-in-use")
    assert everybody(town, Secrets.load()) == {f"p{number}": facts(number) for number in range(PEOPLE)}
    assert town.broken() == []


def test_it_says_in_words_how_many_were_wrapped_and_when_the_old_key_may_be_destroyed(
    koinon, town, folder, said, monkeypatch
):
    old = Secrets.load().current
    koinon("add", without_database=True)
    status, told = koinon("rotate", as_json=False)
    assert status == 0
    assert f"400 keys of people, households and bodies wrapped by {Secrets.load().current}" in told
    assert f"Nothing is wrapped by {old} any more. It may be destroyed from " in told
    assert "was wrapped by" in koinon("rotate", as_json=False)[1]
    a_day_passes(folder)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    status, _ = koinon("destroy", old, as_json=False)  # Nobody is there to say yes.
    assert (status, "cli.not-confirmed" in said[-1], next(iter(Secrets.load().keys))) == (1, True, old)
    assert koinon("destroy", old)[1]["refused"]["code"] == "cli.not-confirmed"
    assert koinon("destroy", old, "--yes")[1]["keys"] == [Secrets.load().current]
    status, refused = koinon("destroy", old, "--yes")
    assert (status, refused["refused"]["code"]) == (1, "parties.key-unknown")
    assert len(everybody(town, Secrets.load())) == PEOPLE


def test_a_destruction_that_ended_as_the_file_was_replaced_is_ended_by_the_same_command_and_asks_no_more(
    koinon, town, folder, monkeypatch
):
    old, without = Secrets.load().current, Secrets.without
    koinon("add", without_database=True)
    koinon("rotate")
    a_day_passes(folder)

    def cut_off(secrets: Secrets, key_id: str) -> Secrets:
        without(secrets, key_id)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Secrets, "without", cut_off)
        assert koinon("destroy", old, "--yes")[0] == INTERRUPTED
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    status, ended = koinon("destroy", old)
    assert (status, ended["destroyed"], ended["keys"]) == (0, old, [Secrets.load().current])
    assert koinon("destroy", old)[1]["refused"]["code"] == "parties.key-unknown"


def a_day_passes(folder: Path) -> None:
    document = json.loads((folder / FILE_NAME).read_text())
    document["turned_at"] = "2026-01-01T00:00:00+00:00"  # A day and more ago.
    (folder / FILE_NAME).write_text(json.dumps(document))


def test_killed_in_the_middle_it_goes_on_and_everybody_is_read_on_the_way(koinon, town, folder, database):
    koinon("add", without_database=True)
    server = Secrets.load()  # As one that runs has them: the new key is there, the old one is current.
    arguments = ["keys", "rotate", "--batch", "1", "--database", database.app_url]
    program = subprocess.Popen(
        [sys.executable, "-m", "koinon", *arguments],
        env={**os.environ, "KOINON_SECRETS": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while under(town).get(server.next, 0) < 20:
        assert program.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
    program.send_signal(signal.SIGKILL)
    program.wait()

    moved = under(town)
    assert 20 <= moved[server.next] < PEOPLE
    assert moved[server.current] == PEOPLE - moved[server.next]
    wanted = {f"p{number}": facts(number) for number in range(PEOPLE)}
    assert everybody(town, server) == wanted
    assert everybody(town, Secrets.load()) == wanted

    status, turned = koinon("rotate")
    assert (status, turned["current"], turned["rewrapped"]) == (0, server.next, PEOPLE - moved[server.next])
    assert under(town) == {server.next: PEOPLE}
    assert everybody(town, server) == everybody(town, Secrets.load().without(server.current)) == wanted


def under(town: Any) -> dict[str, int]:
    found = dict(town.conn.execute("SELECT key_id, count(*) FROM parties_vaultentry GROUP BY key_id").fetchall())
    town.conn.commit()
    return found


@pytest.mark.parametrize(
    ("spoilt", "code"),
    [
        (lambda document: document, "parties.next-key-missing"),
        (lambda document: {**document, "next": document["current"]}, "parties.next-key-unfit"),
        (lambda document: {**document, "next": "n"}, "parties.next-key-unfit"),
        (lambda document: with_key(document, document["keys"][document["current"]]), "parties.next-key-unfit"),
        (lambda document: with_key(document, "c2hvcnQ="), "parties.secrets-not-usable"),
        (lambda document: with_key(document, "***"), "parties.secrets-not-usable"),
        (lambda document: None, "parties.secrets-not-usable"),
    ],
)
def test_a_new_key_that_is_missing_the_same_or_malformed_is_refused_and_nothing_changes(
    koinon, town, folder, spoilt, code
):
    path = folder / FILE_NAME
    before, changed = under(town), spoilt(json.loads(path.read_text()))
    path.unlink() if changed is None else path.write_text(json.dumps(changed))
    status, refused = koinon("rotate")
    assert (status, refused["refused"]["code"]) == (1, code)
    assert path.exists() == (changed is not None)
    assert changed is None or json.loads(path.read_text()) == changed
    assert under(town) == before


def with_key(document: dict[str, Any], key: str) -> dict[str, Any]:
    return {**document, "keys": {**document["keys"], "n": key}, "next": "n"}


def test_nothing_personal_and_no_key_is_printed_logged_or_put_into_the_trail(koinon, town, folder, said, caplog):
    koinon("add", without_database=True)
    koinon("list", as_json=False)
    for as_json in (True, False):
        koinon("rotate", "--batch", "7", as_json=as_json)
    koinon("list")
    secrets = Secrets.load()
    a_day_passes(folder)
    assert koinon("destroy", next(iter(secrets.keys)), "--yes")[0] == 0
    trail = town.conn.execute("SELECT string_agg(e::text, ' ') FROM audit.entry AS e").fetchone()
    town.conn.commit()
    told = " ".join([*said, caplog.text, str(trail)])
    assert all(act in told for act in ("parties.key-turned", "parties.key-destroyed"))
    for number in range(PEOPLE):
        assert not any(value in told for value in facts(number).values())
    for party in town.parties.values():
        assert str(party) not in " ".join(said)
    for key in (*secrets.keys.values(), secrets.lookup):
        assert not any(form in told for form in (key.hex(), base64.b64encode(key).decode(), str(key)))


def test_with_the_wrong_files_key_nobody_is_wrapped_by_it(koinon, town, folder):
    (folder / FILE_NAME).unlink()
    stranger = Secrets("20200101-1", {"20200101-1": b"x" * 32}, b"y" * 32)
    Secrets.load()
    path = folder / FILE_NAME
    document = json.loads(path.read_text())
    path.write_text(
        json.dumps(
            {
                **document,
                "current": stranger.current,
                "keys": {stranger.current: base64.b64encode(stranger.key(stranger.current)).decode()},
            }
        )
    )
    koinon("add", without_database=True)
    before = under(town)
    status, refused = koinon("rotate")
    assert (status, refused["refused"]["code"]) == (1, KeyMissing.code)
    assert (under(town), Secrets.load().current) == (before, stranger.current)
