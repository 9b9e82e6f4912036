"""A server's data with all migrations, made once in a run and copied: making it takes four seconds, a copy a tenth.

What a first start makes is tested where nothing lies: tests/db/test_embedded.py, the tutorial, and the first
demonstration in tests/journeys/test_demo.py.
"""

from __future__ import annotations

import os
import shutil
import time
from functools import cache
from pathlib import Path

from koinon.db import embedded
from koinon.db.connections import Database
from koinon.db.locks import LockFile

MAKING_SECONDS = 120


def copy_to(var: Path) -> None:
    """Put prepared data where ``embedded.running(var)`` will find them, as an earlier command would have left them."""
    var.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copytree(_made() / "pg", var / "pg")


def folder_of_run(scratch: Path) -> Path:
    """One folder for all processes of a run; the number is that of the one that lives longest."""
    controller = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    return scratch / f"koinon-test-prepared-{controller}"


@cache
def _made() -> Path:
    folder = folder_of_run(Path(os.environ["KOINON_VAR"]).parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    alone, until = LockFile(folder / "making.lock"), time.monotonic() + MAKING_SECONDS
    while not alone.take():
        assert time.monotonic() < until, f"somebody has been preparing {folder} for {MAKING_SECONDS} seconds"
        time.sleep(0.05)
    try:
        if not (folder / "made").exists():
            _make(folder)
            (folder / "made").touch()
    finally:
        alone.let_go()
    return folder


def _make(folder: Path) -> None:
    from koinon.server.prepare import prepare

    before = os.environ.get("KOINON_DATABASE_URL")
    with embedded.running(folder, durable=False) as server:
        prepare(Database(app_url=server.url("koinon_app"), owner_url=server.url(embedded.ADMINISTRATOR)))
    os.environ.pop("KOINON_DATABASE_URL", None)
    if before is not None:
        os.environ["KOINON_DATABASE_URL"] = before
