"""Nobody but the owner reads what an installation writes, and logs quote no row."""

from __future__ import annotations

import os
import stat
import traceback
from pathlib import Path

import psycopg
import pytest

from koinon.db import embedded
from koinon.db.private import close_to_others, without_rows


def open_to_others(root: Path) -> dict[str, str]:
    paths = [root, *(path for path in root.rglob("*") if not path.is_symlink())]
    modes = {str(path.relative_to(root)): stat.S_IMODE(path.lstat().st_mode) for path in paths if not path.is_socket()}
    return {name: oct(mode) for name, mode in modes.items() if mode & 0o077}


def test_the_embedded_server_writes_for_its_owner_alone_and_closes_what_was_open(tmp_path: Path) -> None:
    root = tmp_path / "var"
    (root / "log").mkdir(parents=True)
    for left in (root / "pg.log", root / "log" / "defect-1.log"):
        left.write_text("of an earlier version\n")
        left.chmod(0o644)
    root.chmod(0o755)
    before = os.umask(0o022)
    try:
        with embedded.running(root, durable=False):
            assert open_to_others(root) == {}
        assert open_to_others(root) == {}
    finally:
        os.umask(before)


def test_the_first_start_leaves_nothing_open(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with embedded.running(tmp_path / "var", durable=False):
            assert open_to_others(tmp_path / "var") == {}
    finally:
        os.umask(before)


def test_a_shared_folder_and_files_of_others_keep_their_rights(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    (tmp_path / "somebodys.txt").touch()
    (tmp_path / "somebodys.txt").chmod(0o644)  # Whatever the umask of this process is by now.
    close_to_others(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777

    tmp_path.chmod(0o755)
    (tmp_path / "log").symlink_to(tmp_path / "somebodys.txt")
    close_to_others(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "somebodys.txt").stat().st_mode) & 0o044


def test_the_servers_log_quotes_no_row_and_no_statement(tmp_path: Path) -> None:
    root = tmp_path / "var"
    with embedded.running(root, durable=False) as server, psycopg.connect(server.url("postgres")) as conn:
        conn.execute("CREATE TEMP TABLE person (id int PRIMARY KEY, name text NOT NULL, zone int NOT NULL)")
        with pytest.raises(psycopg.errors.NotNullViolation):
            conn.execute("INSERT INTO person (id, name) VALUES (1, 'Maria Papadopoulou')")
        conn.rollback()

    told = (root / "pg.log").read_text()
    assert 'null value in column "zone"' in told
    assert "Maria" not in told


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("INSERT INTO person (id, name) VALUES (1, %s)", ["Maria\nHINT:  Papadopoulou"]),
        ("SELECT 'Maria Papadopoulou' FROM person WHERE nothing = 1", []),
    ],
)
def test_a_traceback_keeps_the_message_and_loses_the_row(
    conn: psycopg.Connection, statement: str, values: list[str]
) -> None:
    conn.execute("CREATE TEMP TABLE person (id int PRIMARY KEY, name text NOT NULL, zone int NOT NULL)")
    try:
        try:
            conn.execute(statement.encode(), values)
        except psycopg.Error as refused:
            raise RuntimeError("the import stopped") from refused
    except RuntimeError as defect:
        told = without_rows("".join(traceback.format_exception(defect)))

    assert "column" in told
    assert "Papadopoulou" not in told
    assert "The above exception was the direct cause" in told
    assert "the import stopped" in told


@pytest.mark.parametrize("told", ["", "\n", "a wire came loose", "two\nlines\n", "DETAIL of no error"])
def test_other_texts_stay_as_they_are(told: str) -> None:
    assert without_rows(told) == told
