"""The file with the vault's keys."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from koinon.parties.errors import SecretsNotUsable
from koinon.parties.secrets import FILE_NAME, Secrets, default_folder


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
    before.rotated()
    after = Secrets.load(tmp_path)
    assert after.current != before.current
    assert after.lookup == before.lookup
    assert after.keys[before.current] == before.keys[before.current]
    assert Secrets.load(tmp_path).without(before.current) == Secrets.load(tmp_path)
    assert list(Secrets.load(tmp_path).keys) == [after.current]


def test_the_folder_comes_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("KOINON_VAR", str(tmp_path / "var"))
    monkeypatch.delenv("KOINON_SECRETS", raising=False)
    assert default_folder() == tmp_path / "var" / "secrets"
    monkeypatch.setenv("KOINON_SECRETS", str(tmp_path / "elsewhere"))
    assert default_folder() == tmp_path / "elsewhere"
