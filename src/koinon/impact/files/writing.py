"""Results in a folder: whole or not at all, and never over somebody's files."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from koinon.impact.files.errors import FolderNotOurs, FolderNotWritten

RESULT = "trace.json"
OURS = frozenset(
    {RESULT, "report.html", "cohorts.parquet", "hops.parquet", "reach.parquet", "flows.parquet", "paths.parquet"}
)


def may_write(folder: Path) -> None:
    """Refuse before the work begins: a folder that is there holds an earlier trace, or nothing."""
    try:
        if folder.exists() and not folder.is_dir():
            raise FolderNotOurs(folder=folder)
        there = {each.name for each in folder.iterdir()} if folder.exists() else set()
        parent = folder.absolute().parent
        if not parent.is_dir():
            raise FolderNotWritten(folder=folder, reason=f"{parent} is no folder")
        if not os.access(parent, os.W_OK):
            raise FolderNotWritten(folder=folder, reason=f"nobody lets us write in {parent}")
    except OSError as failed:
        raise FolderNotWritten(folder=folder, reason=failed.strerror or str(failed)) from failed
    if there and not (RESULT in there and there <= OURS):
        raise FolderNotOurs(folder=folder)


def write(folder: Path, fill: Callable[[Path], None]) -> None:
    """Let ``fill`` write into a folder beside, and put it in the place of the one that was there."""
    may_write(folder)
    place = folder.absolute()
    try:
        with tempfile.TemporaryDirectory(prefix=f".{place.name}-", dir=place.parent) as beside:
            new, old = Path(beside, "new"), Path(beside, "old")
            new.mkdir()
            fill(new)
            if place.exists():
                place.rename(old)
            try:
                new.rename(place)
            except OSError:
                if old.exists():
                    old.rename(place)
                raise
            shutil.rmtree(old, ignore_errors=True)
    except OSError as failed:
        raise FolderNotWritten(folder=folder, reason=failed.strerror or str(failed)) from failed
