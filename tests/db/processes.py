"""Commands that use an embedded server, as processes of their own, so that a test can kill them."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

USE = """
import sys
from pathlib import Path
from koinon.db import embedded
from koinon.kernel.errors import KoinonError
try:
    with embedded.running(Path(sys.argv[1]), durable=sys.argv[2] == "durable") as server:
        print("ready", server.url("postgres"), flush=True)
        sys.stdin.read()
except KoinonError as refused:
    print("refused", refused.code, refused, flush=True)
"""


class Command:
    """A command that uses the server until ``end`` or ``kill``."""

    def __init__(self, root: Path, *, durable: bool = False, before: Callable[[], None] | None = None) -> None:
        self.root = root
        self.process = subprocess.Popen(
            [sys.executable, "-c", USE, str(root), "durable" if durable else "throwaway"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=before,
        )
        self._complaints = ""

    def answer(self) -> list[str]:
        """Wait for what it says: ``["ready", url]`` or ``["refused", code, message]``."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n").split(" ", 2)

    def url(self) -> str:
        said = self.answer()
        assert said[0] == "ready", said
        return said[1]

    def end(self) -> None:
        _, self._complaints = self.process.communicate(timeout=60)

    def complaints(self) -> str:
        """What it wrote for the person who called it, once it has ended."""
        return self._complaints

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=60)


@contextmanager
def command(root: Path, *, durable: bool = False, before: Callable[[], None] | None = None) -> Iterator[Command]:
    started = Command(root, durable=durable, before=before)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.kill()
        until(lambda: processes(root) == [], seconds=60)


def processes(root: Path) -> list[int]:
    """Guardian, server and the server's own processes on the data under ``root``."""
    mine = os.fsencode(root)
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or entry.name == str(os.getpid()):
            continue
        try:
            line = (entry / "cmdline").read_bytes().split(b"\0")
            cwd = os.readlink(entry / "cwd") if line[0].startswith(b"postgres:") else ""
        except OSError:
            continue
        is_guardian = b"koinon.db.guardian" in line and mine in line
        is_server = line[0].endswith(b"/postgres") and any(part.startswith(mine) for part in line)
        if is_guardian or is_server or cwd.startswith(str(root)):
            found.append(int(entry.name))
    return found


def guardian_of(root: Path) -> int:
    return next(number for number in processes(root) if b"koinon.db.guardian" in command_line(number))


def server_of(root: Path) -> int:
    return next(number for number in processes(root) if b"-D" in command_line(number))


def command_line(number: int) -> list[bytes]:
    return Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")


def kill(*numbers: int) -> None:
    for number in numbers:
        with suppress(ProcessLookupError):  # The server's children end by themselves once it is gone.
            os.kill(number, signal.SIGKILL)


def until(found: Callable[[], Any], *, seconds: float) -> Any:
    """What it answers once that is something."""
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < deadline, f"not so within {seconds} seconds"
        time.sleep(0.01)
    return answer


def in_a_child(work: Callable[[], str], *, user: int) -> str:
    """What ``work`` returns when this user does it, in a copy of this process."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
            said = work()
        except BaseException as raised:  # noqa: BLE001 - a copy of the test run must not go on with the tests
            said = f"raised {raised!r}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        said = stream.read().decode()
    os.waitpid(child, 0)
    return said


class Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.POINTER(Instruction))]


def refuse_user_namespaces() -> None:
    """For the rest of this process's life ``unshare`` answers EPERM, as in most containers (seccomp)."""
    unshare = {"x86_64": 272, "aarch64": 97}[platform.machine()]
    load_number = Instruction(0x20, 0, 0, 0)
    if_unshare = Instruction(0x15, 0, 1, unshare)
    refuse = Instruction(0x06, 0, 0, 0x00050000 | 1)
    allow = Instruction(0x06, 0, 0, 0x7FFF0000)
    instructions = (Instruction * 4)(load_number, if_unshare, refuse, allow)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(22, 2, ctypes.byref(Program(4, instructions)), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")
