"""What is made once in a run, by whichever process needs it first, and copied by the others.

A server's data with all migrations: making them takes four seconds, a copy a tenth.
A town that has lived a month (web/town.py): half a minute, and a copy a tenth of a second.
The keys of an installation, the same for all processes, so that each can open what is in that town.
The kernels that follow money, compiled.

What a first start makes is tested where nothing lies: tests/db/test_embedded.py, the tutorial, and the first
demonstration in tests/journeys/test_demo.py.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from koinon.db import embedded
from koinon.db.connections import Database
from koinon.db.locks import LockFile

MAKING_SECONDS = 600


def copy_to(var: Path) -> None:
    """Put prepared data where ``embedded.running(var)`` will find them, as an earlier command would have left them."""
    copied(once("migrated", _migrate), var, "pg")


def keys_to(var: Path) -> None:
    """Give an installation the keys that all processes of this run have."""
    copied(once("keys", _make_keys), var, "secrets")


def kernels() -> None:
    """Have the kernels that follow money compiled, by two processes for all that would each begin to."""
    once("kernels", _compile)


def copied(made: Path, var: Path, *names: str) -> None:
    """The same folders, with the same modes, somewhere else."""
    var.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in names:
        shutil.copytree(made / name, var / name)


def folder_of_run(scratch: Path) -> Path:
    """One folder for all processes of a run; the number is that of the one that lives longest."""
    controller = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    return scratch / f"koinon-test-prepared-{controller}"


@cache
def once(name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first process to come made; the others wait for it."""
    run = folder_of_run(Path(os.environ["KOINON_VAR"]).parent)
    folder = run / name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    alone, until = LockFile(run / f"{name}.lock"), time.monotonic() + MAKING_SECONDS
    while not alone.take():
        assert time.monotonic() < until, f"somebody has been preparing {folder} for {MAKING_SECONDS} seconds"
        time.sleep(0.05)
    try:
        if not (run / f"{name}.made").exists():
            make(folder)
            (run / f"{name}.made").touch()
    finally:
        alone.let_go()
    return folder


def _migrate(folder: Path) -> None:
    from koinon.server.prepare import prepare

    before = os.environ.get("KOINON_DATABASE_URL")
    with embedded.running(folder, durable=False) as server:
        prepare(Database(app_url=server.url("koinon_app"), owner_url=server.url(embedded.ADMINISTRATOR)))
    os.environ.pop("KOINON_DATABASE_URL", None)
    if before is not None:
        os.environ["KOINON_DATABASE_URL"] = before


def _make_keys(folder: Path) -> None:
    from koinon.parties.secrets import Secrets

    Secrets.load(folder / "secrets")


def _compile(_folder: Path) -> None:
    from koinon.impact.town.compiling import compile_beside

    compile_beside()
