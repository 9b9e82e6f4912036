"""The file with the vault's keys."""

from __future__ import annotations

import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from koinon.parties.errors import KeyMissing, KeysBusy, NextKeyMissing, SecretsNotUsable
from koinon.parties.secrets import FILE_NAME, Secrets, default_folder

NOON = datetime(2026, 10, 5, 10, 0, tzinfo=UTC)


def test_secrets_are_made_once_and_for_their_owner_only(tmp_path):
    folder = tmp_path / "secrets"
    first = Secrets.load(folder)
    assert Secrets.load(folder) == first
    assert [len(key) for key in (*first.keys.values(), first.lookup)] == [32, 32]
    assert (folder / FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert os.listdir(folder) == [FILE_NAME]


def test_eight_that_start_at_once_agree_on_the_secrets(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        loaded = list(pool.map(lambda _: Secrets.load(tmp_path / "secrets"), range(8)))
    assert all(secrets == loaded[0] for secrets in loaded)
    assert os.listdir(tmp_path / "secrets") == [FILE_NAME]


def test_a_file_that_everybody_may_read_is_refused(tmp_path):
    Secrets.load(tmp_path)
    (tmp_path / FILE_NAME).chmod(0o644)
    with pytest.raises(SecretsNotUsable):
        Secrets.load(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda document: "not json",
        lambda document: "[]",
        lambda document: json.dumps({**document, "current": "other"}),
        lambda document: json.dumps({**document, "lookup": "c2hvcnQ="}),
        lambda document: json.dumps({**document, "keys": {**document["keys"], "n": "c2hvcnQ="}, "next": "n"}),
        lambda document: json.dumps({**document, "keys": {**document["keys"], "n": "no base64!"}, "next": "n"}),
        lambda document: json.dumps({**document, "keys": {**document["keys"], "a$b": document["lookup"]}}),
        lambda document: json.dumps({**document, "turned_at": "yesterday"}),
        lambda document: json.dumps({**document, "turned_at": "2026-11-23T10:00:00"}),
        lambda document: json.dumps({**document, "keys": {}}),
        lambda document: json.dumps({name: value for name, value in document.items() if name != "lookup"}),
    ],
)
def test_a_damaged_file_is_refused_and_not_replaced(tmp_path, damage):
    Secrets.load(tmp_path)
    path = tmp_path / FILE_NAME
    path.write_text(damage(json.loads(path.read_text())))
    damaged = path.read_bytes()
    with pytest.raises(SecretsNotUsable):
        Secrets.load(tmp_path)
    assert path.read_bytes() == damaged


def test_rotation_adds_a_key_and_keeps_the_old_one_and_the_lookups(tmp_path):
    before = Secrets.load(tmp_path)
    before.with_next().turned(at=NOON)
    after = Secrets.load(tmp_path)
    assert after.current != before.current
    assert after.lookup == before.lookup
    assert after.keys[before.current] == before.keys[before.current]
    assert Secrets.load(tmp_path).without(before.current) == Secrets.load(tmp_path)
    assert list(Secrets.load(tmp_path).keys) == [after.current]


def test_a_key_that_is_cut_short_is_named_and_not_shown(tmp_path):
    Secrets.load(tmp_path)
    path = tmp_path / FILE_NAME
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "keys": {**document["keys"], "20261123-2": "c2hvcnQ="}}))
    with pytest.raises(SecretsNotUsable, match="cut short or mistyped: 20261123-2") as refused:
        Secrets.load(tmp_path)
    assert "c2hvcnQ=" not in str(refused.value)


def test_a_new_key_waits_without_being_used_and_a_second_call_makes_no_second_one(tmp_path):
    before = Secrets.load(tmp_path)
    waiting = before.with_next()
    assert Secrets.load(tmp_path) == waiting
    assert (waiting.current, waiting.lookup, len(waiting.keys)) == (before.current, before.lookup, 2)
    assert waiting.with_next() == waiting
    turned = waiting.turned(at=NOON)
    assert Secrets.load(tmp_path) == turned
    assert (turned.current, turned.next, turned.turned_at) == (waiting.next, "", NOON)
    with pytest.raises(NextKeyMissing):
        turned.turned(at=NOON)


def test_a_program_that_runs_finds_a_key_that_came_into_the_file_since_it_began(tmp_path):
    running = Secrets.load(tmp_path)
    turned = Secrets.load(tmp_path).with_next().turned(at=NOON)
    assert running.key(turned.current) == turned.key(turned.current)
    with pytest.raises(KeyMissing):
        running.key("20200101-1")
    (tmp_path / FILE_NAME).unlink()
    with pytest.raises(KeyMissing):
        running.key(turned.current)


def test_a_changed_file_is_readable_by_whoever_could_read_it_before(tmp_path):
    Secrets.load(tmp_path)
    path = tmp_path / FILE_NAME
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 1234, 5678)
    before = path.stat()
    Secrets.load(tmp_path).with_next()
    after = path.stat()
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
    assert after.st_ino != before.st_ino


def _full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("step", ["fsync", "replace", "chmod"])
def test_where_the_file_cannot_be_replaced_it_is_refused_stays_as_it_was_and_no_key_is_left_beside_it(
    tmp_path, monkeypatch, step
):
    before = Secrets.load(tmp_path)
    content = (tmp_path / FILE_NAME).read_bytes()
    monkeypatch.setattr(os, step, _full)
    with pytest.raises(SecretsNotUsable, match="as it was"):
        before.with_next()
    assert os.listdir(tmp_path) == [FILE_NAME]
    assert (tmp_path / FILE_NAME).read_bytes() == content


def test_a_copy_of_the_keys_that_somebody_killed_left_is_gone_when_keys_are_next_changed(tmp_path):
    Secrets.load(tmp_path)
    left = tmp_path / f".{FILE_NAME}.k1ll3d"
    left.write_bytes((tmp_path / FILE_NAME).read_bytes())
    with Secrets.alone(tmp_path):
        assert not left.exists()
        assert (tmp_path / FILE_NAME).exists()


def test_a_file_that_is_a_link_stays_one_and_what_it_leads_to_changes(tmp_path):
    kept, used = tmp_path / "kept", tmp_path / "used"
    before = Secrets.load(kept)
    used.mkdir()
    (used / FILE_NAME).symlink_to(kept / FILE_NAME)
    with Secrets.alone(used) as secrets:
        waiting = secrets.with_next()
        with pytest.raises(KeysBusy), Secrets.alone(kept):
            pass
    assert (used / FILE_NAME).is_symlink()
    assert Secrets.load(kept) == waiting != before


def test_who_is_neither_its_owner_nor_root_does_not_take_the_file_from_the_user_who_runs_the_site(
    tmp_path, monkeypatch
):
    before = Secrets.load(tmp_path)
    (tmp_path / FILE_NAME).chmod(0o660)
    somebody = os.geteuid() + 4321
    monkeypatch.setattr(os, "geteuid", lambda: somebody)
    with pytest.raises(SecretsNotUsable, match="another user"):
        before.with_next()
    assert Secrets.load(tmp_path) == before


def test_a_group_that_could_read_the_file_is_not_locked_out_by_who_cannot_give_it_back(tmp_path, monkeypatch):
    before = Secrets.load(tmp_path)
    owner = (tmp_path / FILE_NAME).stat().st_uid or 4321
    (tmp_path / FILE_NAME).chmod(0o640)
    if os.geteuid() == 0:
        os.chown(tmp_path / FILE_NAME, owner, -1)

    def refused(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "geteuid", lambda: owner)
    monkeypatch.setattr(os, "chown", refused)
    with pytest.raises(SecretsNotUsable, match="as it was"):
        before.with_next()
    assert Secrets.load(tmp_path) == before


def test_one_program_at_a_time_changes_the_keys_and_none_makes_a_file_where_there_is_none(tmp_path):
    with pytest.raises(SecretsNotUsable), Secrets.alone(tmp_path):
        pass
    assert os.listdir(tmp_path) == []
    made = Secrets.load(tmp_path)
    with Secrets.alone(tmp_path) as mine:
        assert mine == made
        assert Secrets.load(tmp_path) == made  # Reading them waits for nobody.
        with pytest.raises(KeysBusy), Secrets.alone(tmp_path):
            pass
    with Secrets.alone(tmp_path) as again:
        assert again == made


def test_the_folder_comes_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("KOINON_VAR", str(tmp_path / "var"))
    monkeypatch.delenv("KOINON_SECRETS", raising=False)
    assert default_folder() == tmp_path / "var" / "secrets"
    monkeypatch.setenv("KOINON_SECRETS", str(tmp_path / "elsewhere"))
    assert default_folder() == tmp_path / "elsewhere"
