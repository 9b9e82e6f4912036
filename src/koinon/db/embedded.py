"""The PostgreSQL that Koinon starts and stops by itself: one server a folder, shared by the commands that need it.

Whoever uses the server holds a shared lock on ``pg.users.lock``; the kernel lets
go of it however the process ends. A guardian (``koinon.db.guardian``) runs the
server and stops it when nobody holds the lock any more. docs/decisions/0001 tells
why, and what else was tried.

Everything lies in one folder:

    pg/                the data
    pg.socket/         the server's socket, for this user only
    pg.users.lock      who uses the server
    pg.guardian.lock   that a guardian lives
    pg.state.json      what the guardian last said
    pg.log             what server and guardian have to tell
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

from koinon.db.errors import EmbeddedFailed, FolderNotUsable, NoServerPrograms
from koinon.db.locks import Held, LockFile

DATABASE = "koinon"
ADMINISTRATOR = "postgres"
READY_WITHIN_SECONDS = 120
FULL_BELOW_MB = 32  # The server writes its log ahead in pieces of 16 MB.
STOPPED_WITHIN_SECONDS = 20
_PAUSE_SECONDS = 0.05
_LOG_BYTES = 10_000_000
_guardians: list[subprocess.Popen[bytes]] = []  # Those this process started, until they are seen to have ended.


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A running server, for as long as the block that started it lasts."""

    socket_folder: Path

    def url(self, role: str, database: str = DATABASE) -> str:
        """The address for libpq, psycopg and Django.

        >>> EmbeddedServer(Path("/srv/a town/var/pg.socket")).url("koinon_app")
        'postgresql://koinon_app@/koinon?host=%2Fsrv%2Fa%20town%2Fvar%2Fpg.socket'
        """
        host = quote(str(self.socket_folder), safe="")
        return f"postgresql://{quote(role, safe='')}@/{quote(database, safe='')}?host={host}"


@dataclass(frozen=True, slots=True)
class State:
    """What the guardian last said: ``ready`` with the socket's folder, or ``failed`` with the reason."""

    status: str
    guardian: int  # Its process: a state that a killed guardian left is not believed.
    socket_folder: str = ""
    code: str = ""
    message: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of one embedded server."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "pg"

    @property
    def socket(self) -> Path:
        return self.root / "pg.socket"

    @property
    def users_lock(self) -> Path:
        return self.root / "pg.users.lock"

    @property
    def guardian_lock(self) -> Path:
        return self.root / "pg.guardian.lock"

    @property
    def log(self) -> Path:
        return self.root / "pg.log"

    def state(self) -> State | None:
        try:
            return State(**json.loads((self.root / "pg.state.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def write_state(self, state: State) -> None:
        part = self.root / "pg.state.json.part"
        part.write_text(json.dumps(asdict(state)), encoding="utf-8")
        part.replace(self.root / "pg.state.json")

    def forget_state(self) -> None:
        (self.root / "pg.state.json").unlink(missing_ok=True)


def default_root() -> Path:
    """KOINON_VAR, else ``var`` in the project's folder, else ``var`` where the command was given."""
    given = os.environ.get("KOINON_VAR")
    if given:
        return Path(given).absolute()
    project = Path(__file__).resolve().parents[3]
    return (project if (project / "pyproject.toml").exists() else Path.cwd()) / "var"


@contextmanager
def running(root: Path | None = None, *, durable: bool = True) -> Iterator[EmbeddedServer]:
    """A server on the data under ``root``, started when nobody has and stopped when nobody needs it.

    ``durable=False`` switches fsync off, for data that a test throws away. It
    counts only for the one who starts the server.

    Raises ``FolderNotUsable``, ``NoServerPrograms`` or ``EmbeddedFailed``.
    """
    folder = Folder((root or default_root()).absolute())
    users = _users_lock(folder)
    try:
        _share(users, folder)
        state = _ready(folder, durable=durable)
        if state.note:
            print(f"koinon: {state.note}", file=sys.stderr, flush=True)
        yield EmbeddedServer(Path(state.socket_folder))
    finally:
        users.let_go()
        _wait_until_stopped(folder)


def _users_lock(folder: Folder) -> LockFile:
    root = folder.root
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(root, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied", str(root))
        return LockFile(folder.users_lock)
    except (PermissionError, FileExistsError, NotADirectoryError) as refused:
        raise FolderNotUsable(folder=root, reason=_why_not(folder, refused)) from refused
    except OSError as refused:
        raise FolderNotUsable(folder=root, reason=refused.strerror or str(refused)) from refused


def _why_not(folder: Folder, refused: OSError) -> str:
    if not isinstance(refused, PermissionError):
        return "a file of that name is in the way"
    owner = None
    for path in (folder.users_lock, folder.root):
        with suppress(OSError):
            owner = path.stat().st_uid
            break
    if owner is None or owner == os.geteuid():
        return "no permission to write there; set KOINON_VAR to a folder of yours"
    return (
        f"it belongs to {_user_name(owner)}, and this is {_user_name(os.geteuid())}. Run the command as the same user "
        "as the first time, or remove the folder, or set KOINON_VAR to a folder of yours"
    )


def _user_name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _share(users: LockFile, folder: Folder) -> None:
    """Wait for a guardian that is just stopping its server; it has the lock alone while it does."""
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while not users.share():
        if time.monotonic() > deadline:
            raise EmbeddedFailed(reason="the server before does not finish stopping", log=folder.log)
        time.sleep(_PAUSE_SECONDS)


def _ready(folder: Folder, *, durable: bool) -> State:
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    guardian: subprocess.Popen[bytes] | None = None
    while time.monotonic() < deadline:
        if _guardian_lives(folder):
            state = folder.state()
            if state is not None and state.status == "ready" and Path(f"/proc/{state.guardian}").exists():
                return state
        elif guardian is None:
            guardian = _start_guardian(folder, durable=durable)
        if guardian is not None and guardian.poll() is not None:
            if guardian.returncode != 0:
                raise _failure(folder)
            guardian = None  # Another client's guardian was quicker, or ours was not needed any more.
        time.sleep(_PAUSE_SECONDS)
    raise EmbeddedFailed(reason=f"it was not ready within {READY_WITHIN_SECONDS} seconds", log=folder.log)


def _guardian_lives(folder: Folder) -> bool:
    return _held(folder, folder.guardian_lock) is Held.ALONE


def _held(folder: Folder, path: Path) -> Held:
    try:
        lock = LockFile(path)
    except PermissionError as refused:
        raise FolderNotUsable(folder=folder.root, reason=_why_not(folder, refused)) from refused
    try:
        return lock.held_by_others()
    finally:
        lock.let_go()


def _start_guardian(folder: Folder, *, durable: bool) -> subprocess.Popen[bytes]:
    """In a session of its own: Ctrl-C in the terminal reaches the command, not the server."""
    with suppress(FileNotFoundError):
        if folder.log.stat().st_size > _LOG_BYTES:
            folder.log.replace(folder.root / "pg.log.1")
    command = [sys.executable, "-m", "koinon.db.guardian", str(folder.root)]
    if not durable:
        command.append("--not-durable")
    try:
        with open(folder.log, "ab", opener=_for_us_alone) as log:
            if os.geteuid() == 0:
                owner = folder.root.stat()
                os.fchown(log.fileno(), owner.st_uid, owner.st_gid)
            guardian = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
            )
    except OSError as refused:
        raise FolderNotUsable(folder=folder.root, reason=refused.strerror or str(refused)) from refused
    _guardians.append(guardian)
    return guardian


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _failure(folder: Folder) -> FolderNotUsable | NoServerPrograms | EmbeddedFailed:
    free_mb = shutil.disk_usage(folder.root).free // 2**20
    if free_mb < FULL_BELOW_MB:
        return FolderNotUsable(folder=folder.root, reason=f"its disk is full ({free_mb} MB are free)")
    state = folder.state()
    if state is None or state.status != "failed":
        return EmbeddedFailed(reason=_last_line(folder.log), log=folder.log)
    if state.code == NoServerPrograms.code:
        return NoServerPrograms(reason=state.message)
    if state.code == FolderNotUsable.code:
        return FolderNotUsable(folder=folder.root, reason=state.message)
    return EmbeddedFailed(reason=state.message, log=folder.log)


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "its guardian ended without saying why")


def _wait_until_stopped(folder: Folder) -> None:
    """Return when the server is down, or at once when somebody else still uses it."""
    deadline = time.monotonic() + STOPPED_WITHIN_SECONDS
    while time.monotonic() < deadline and _guardian_lives(folder):
        if _held(folder, folder.users_lock) is Held.SHARED:
            break
        time.sleep(_PAUSE_SECONDS)
    _guardians[:] = [guardian for guardian in _guardians if guardian.poll() is None]
