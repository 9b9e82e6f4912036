"""The embedded server is shared, leaves nothing behind, and survives every kill."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from koinon.db import embedded, guardian
from koinon.db.errors import FolderNotUsable
from tests.db.processes import (
    Command,
    command,
    guardian_of,
    in_a_child,
    kill,
    processes,
    refuse_user_namespaces,
    server_of,
    until,
)

GONE_WITHIN_SECONDS = 60  # A second, where nothing else is to be done.


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "var"


def ask(url: str, sql: str) -> Any:
    with psycopg.connect(url, autocommit=True) as conn:
        row = conn.execute(sql).fetchone()
    assert row is not None
    return row[0]


def started_at(url: str) -> str:
    return str(ask(url, "SELECT pg_postmaster_start_time()::text"))


# What it gives


def test_application_role_can_sign_in_and_is_no_superuser(root: Path) -> None:
    with embedded.running(root, durable=False) as server:
        found = ask(
            server.url("koinon_app"),
            "SELECT (rolname, rolsuper, rolcreatedb, rolcreaterole)::text FROM pg_roles WHERE rolname = current_user",
        )
        owner_signs_in = ask(server.url("postgres"), "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'koinon_owner'")
    assert (found, owner_signs_in) == ("(koinon_app,f,f,f)", False)
    assert processes(root) == []


def test_text_is_sorted_and_folded_by_unicode_on_every_machine(root: Path) -> None:
    with embedded.running(root, durable=False) as server:
        assert ask(server.url("koinon_app"), "SELECT upper('straße άς')") == "STRASSE ΆΣ"


def test_commits_wait_for_the_disk_unless_a_test_asks_otherwise(root: Path) -> None:
    with embedded.running(root) as server:
        url = server.url("koinon_app")
        assert [ask(url, f"SHOW {name}") for name in ("fsync", "synchronous_commit", "full_page_writes")] == ["on"] * 3


def test_server_is_reached_through_a_socket_that_only_this_user_may_use(root: Path) -> None:
    with embedded.running(root, durable=False) as server:
        assert ask(server.url("koinon_app"), "SHOW listen_addresses") == ""
        assert stat.S_IMODE(server.socket_folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((server.socket_folder / guardian.SOCKET_FILE).stat().st_mode) == 0o700


def test_what_was_committed_is_there_at_the_next_start(root: Path) -> None:
    with embedded.running(root, durable=False) as server:
        psycopg.connect(server.url("postgres"), autocommit=True).execute("CREATE TABLE kept AS SELECT 42 AS answer")
    with embedded.running(root, durable=False) as server:
        assert ask(server.url("postgres"), "SELECT answer FROM kept") == 42


# Sharing


def test_two_commands_share_one_server_and_the_first_to_leave_does_not_stop_it(root: Path) -> None:
    with command(root) as first, command(root) as second:
        first_url = first.url()
        server = started_at(first_url)
        assert started_at(second.url()) == server
        first.end()
        assert started_at(first_url) == server
        second.end()
        assert processes(root) == []


def test_four_first_starts_at_once_make_one_server(root: Path) -> None:
    commands = [Command(root) for _ in range(4)]
    try:
        assert len({started_at(each.url()) for each in commands}) == 1
    finally:
        for each in commands:
            each.process.stdin.close()  # type: ignore[union-attr]
        for each in commands:
            each.process.wait(60)
            each.process.stdout.close()  # type: ignore[union-attr]
    assert processes(root) == []


# Kills


def test_killing_the_only_command_leaves_no_process_behind(root: Path) -> None:
    with command(root) as only:
        only.url()
        only.kill()
        until(lambda: processes(root) == [], seconds=GONE_WITHIN_SECONDS)


def test_killing_the_guardian_stops_the_server_and_the_next_command_starts_another(root: Path) -> None:
    with command(root) as first:
        first.url()
        kill(guardian_of(root))
        until(lambda: processes(root) == [], seconds=GONE_WITHIN_SECONDS)
        second = Command(root)
        assert ask(second.url(), "SELECT 1") == 1
        first.end()
        second.end()


def test_what_was_committed_survives_killing_everything_at_once(root: Path) -> None:
    with command(root, durable=True) as first:
        url = first.url()
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute("CREATE TABLE paid (number int)")
            conn.execute("INSERT INTO paid SELECT generate_series(1, 1000)")
        first.process.kill()
        kill(*sorted(processes(root)))
        with command(root, durable=True) as second:
            assert ask(second.url(), "SELECT count(*)::int FROM paid") == 1000


def test_a_server_that_dies_by_itself_is_started_again_for_the_commands_that_use_it(root: Path) -> None:
    with command(root) as first:
        url = first.url()
        before = started_at(url)
        kill(server_of(root))

        def another_answers() -> bool:
            try:
                return started_at(url) != before
            except psycopg.OperationalError:
                return False

        until(another_answers, seconds=60)


def test_a_kill_in_the_middle_of_making_the_data_leaves_nothing_half_made(root: Path) -> None:
    with command(root) as first:
        until(lambda: any(root.glob("pg.new.*")), seconds=60)
        kill(guardian_of(root))
        first.kill()
    assert not (root / "pg").exists()
    with command(root) as second:
        assert ask(second.url(), "SELECT 1") == 1
    assert list(root.glob("pg.new.*")) == []


def test_a_pid_file_whose_number_now_belongs_to_another_program_is_no_obstacle(root: Path) -> None:
    with embedded.running(root, durable=False):
        pass
    (root / "pg" / "postmaster.pid").write_text(f"{os.getpid()}\n{root / 'pg'}\n0\n5432\n{root / 'pg.socket'}\n\n\n")
    with embedded.running(root, durable=False) as server:
        assert ask(server.url("koinon_app"), "SELECT 1") == 1


# Places


def test_a_path_too_long_for_a_socket_gets_a_short_private_folder_that_goes_with_the_server(tmp_path: Path) -> None:
    root = tmp_path / ("a-municipality-with-a-very-long-name" * 3) / "var"
    with embedded.running(root, durable=False) as server:
        folder = server.socket_folder
        assert ask(server.url("koinon_app"), "SELECT 1") == 1
        assert len(str(folder)) < 40
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not folder.exists()


def test_a_killed_guardians_private_folder_goes_with_the_next_one(tmp_path: Path) -> None:
    root = tmp_path / ("a-municipality-with-a-very-long-name" * 3) / "var"
    with command(root) as first:
        first.url()
        left = Path((root / "pg.socket.path").read_text())
        first.process.kill()
        kill(*sorted(processes(root)))
        with command(root) as second:
            second.url()
            assert not left.exists()


@pytest.mark.parametrize("name", ["a town", "town, province", "Ωραιόκαστρο", '100%\'s "town"'])
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    with embedded.running(tmp_path / name, durable=False) as server:
        assert ask(server.url("koinon_app"), "SELECT 1") == 1


def test_a_folder_that_only_its_owner_may_enter_stays_one_and_no_user_is_made(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    parents = [private, *private.parents]
    before = [parent.stat().st_mode for parent in parents], Path("/etc/passwd").read_bytes()
    with embedded.running(private / "var", durable=False) as server:
        assert ask(server.url("koinon_app"), "SELECT 1") == 1
        assert stat.S_IMODE((private / "var" / "pg").stat().st_mode) == 0o700
    assert ([parent.stat().st_mode for parent in parents], Path("/etc/passwd").read_bytes()) == before


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("not a folder")
    with pytest.raises(FolderNotUsable, match="a file of that name is in the way"), embedded.running(tmp_path / "var"):
        pass


def test_a_folder_that_is_no_data_of_ours_is_left_alone(root: Path) -> None:
    (root / "pg").mkdir(parents=True)
    (root / "pg" / "thesis.txt").write_text("do not touch")
    with pytest.raises(FolderNotUsable, match="holds no PostgreSQL data"), embedded.running(root):
        pass
    assert (root / "pg" / "thesis.txt").read_text() == "do not touch"


def test_data_of_another_major_version_are_named_and_left_alone(root: Path) -> None:
    (root / "pg").mkdir(parents=True)
    (root / "pg" / "PG_VERSION").write_text("12\n")
    with pytest.raises(FolderNotUsable, match="made by PostgreSQL 12 and this is 18"), embedded.running(root):
        pass


def test_a_full_disk_is_said_before_anything_is_made(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root.mkdir()
    usage = type("Usage", (), {"free": 3 * 2**20})
    monkeypatch.setattr(guardian.shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(FolderNotUsable, match="3 MB are free on its disk and 200 MB are needed"):
        guardian.find_place(embedded.Folder(root))


# As whom


def ordinary_user() -> None:
    """For the rest of this process's life it is not root: for a test run by root, in a namespace."""
    if os.geteuid() == 0:
        guardian.enter_user_namespace()


def test_an_ordinary_user_needs_nothing_special(root: Path) -> None:
    with command(root, before=ordinary_user) as only:
        assert ask(only.url(), "SELECT 1") == 1
        only.end()
        assert processes(root) == []


@pytest.fixture
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that everybody may enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="koinon-tests-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.root
def test_another_user_is_told_whose_folder_it_is(public: Path) -> None:
    with embedded.running(public / "var", durable=False):
        pass

    def use() -> str:
        with pytest.raises(FolderNotUsable) as refused, embedded.running(public / "var"):
            pass
        return str(refused.value)

    assert "it belongs to root, and this is user 12345. Run the command as the same user" in in_a_child(use, user=12345)


def test_a_folder_that_cannot_be_made_says_what_to_do(public: Path) -> None:
    public.chmod(0o555)

    def use() -> str:
        with pytest.raises(FolderNotUsable) as refused, embedded.running(public / "var"):
            pass
        return str(refused.value)

    assert "set KOINON_VAR to a folder of yours" in in_a_child(use, user=12345)


@pytest.mark.root
def test_data_of_an_ordinary_user_stay_that_users_when_root_uses_them(public: Path) -> None:
    root = public / "var"
    root.mkdir()
    os.chown(root, 12345, 12345)
    program = guardian.find_programs() / "bin" / "postgres"
    if in_a_child(lambda: str(os.access(program, os.X_OK)), user=12345) == "True":
        with embedded.running(root, durable=False) as server:
            assert ask(server.url("koinon_app"), "SELECT 1") == 1
    else:  # The project lies where only root may enter.
        with pytest.raises(FolderNotUsable, match="user 12345, who may not run"), embedded.running(root):
            pass
    foreign = [path.name for path in root.iterdir() if path.stat().st_uid != 12345 and path.name != "pg.state.json"]
    assert foreign == []


@pytest.mark.root
def test_where_user_namespaces_are_refused_root_gets_a_server_run_by_nobody_and_is_told(public: Path) -> None:
    private = public / "private"
    private.mkdir(mode=0o700)
    root = private / "var"
    with command(root, before=refuse_user_namespaces) as first:
        url = first.url()
        psycopg.connect(url, autocommit=True).execute("CREATE TABLE kept AS SELECT 42 AS answer")
        place = Path(ask(url, "SHOW data_directory"))
        first.end()
    try:
        assert place.stat().st_uid == guardian.NOBODY
        assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        assert f"with its data in {place.parent}" in first.complaints()
        with command(root, before=refuse_user_namespaces) as second:
            assert ask(second.url(), "SELECT answer FROM kept") == 42
            second.kill()
            until(lambda: processes(place.parent) == [], seconds=GONE_WITHIN_SECONDS)
    finally:
        shutil.rmtree(place.parent.parent)
