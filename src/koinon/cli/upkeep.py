"""``koinon doctor`` and ``koinon demo-data``: what an installation needs to keep well."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from koinon.cli import wiring
from koinon.cli.errors import NoRoom
from koinon.cli.opening import DatabaseOption, JsonOption
from koinon.cli.output import REFUSED, counted, speaking
from koinon.cli.serving import HOST, PORT
from koinon.kernel.errors import KoinonError

if TYPE_CHECKING:
    from rich.console import Console

NEEDED_MEGABYTES = 300


@dataclass(frozen=True, slots=True)
class Found:
    """One thing the doctor looked at. ``remedy`` is empty where all is well."""

    name: str
    well: bool
    says: str
    remedy: str = ""


def doctor(as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """Look whether this machine and this installation have what they need. Status 1 when something is wrong."""
    with speaking(as_json) as out:
        found = list(examine(database))
        ill = [one for one in found if not one.well]

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table, well_or_not

            table = plain_table("", "", "found", "what to do")
            for one in found:
                table.add_row(well_or_not(one.well, "well", "wrong"), one.name, one.says, one.remedy)
            console.print(table)

        out.document({"well": not ill, "found": [asdict(one) for one in found]}, show)
        if ill:
            raise typer.Exit(REFUSED)


def demo_data(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write the bundled towns again.")],
    as_json: JsonOption = False,
) -> None:
    """Write the bundled town folders (generated people and shops, seeded) into FOLDER."""
    from koinon.pilots import besos_data

    with speaking(as_json) as out:
        written = []
        for town, files in besos_data.folders().items():
            for name, holds in files.items():
                path = folder / town / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(holds)
                written.append(str(path))
        content = {"folder": folder, "files": sorted(written)}
        out.document(
            content, lambda console: console.print(f"{counted(len(written), 'file')} in {folder}", markup=False)
        )


def examine(url: str | None) -> Iterator[Found]:
    """Everything the doctor looks at, one after the other."""
    from koinon.db.embedded import default_root

    var = default_root()
    version = ".".join(map(str, sys.version_info[:3]))
    yield Found(
        "Python",
        sys.version_info >= (3, 11),
        version,
        "" if sys.version_info >= (3, 11) else "install Python 3.11 or newer",
    )
    yield _folder(var)
    yield _room(var)
    yield _secrets(var)
    yield _database(url)
    yield _port()


def room_for_demo(folder: Path) -> None:
    """Refuse before anything is written where the disk has too little left."""
    free = shutil.disk_usage(_existing(folder)).free // 2**20
    if free < NEEDED_MEGABYTES:
        raise NoRoom(folder=str(folder), free_megabytes=free, needed_megabytes=NEEDED_MEGABYTES)


def _folder(var: Path) -> Found:
    can = os.access(_existing(var), os.W_OK | os.X_OK)
    return Found("folder", can, str(var), "" if can else "give yourself the right to write there, or set KOINON_VAR")


def _room(var: Path) -> Found:
    free = shutil.disk_usage(_existing(var)).free // 2**20
    remedy = "" if free >= NEEDED_MEGABYTES else "free some space, or set KOINON_VAR to a folder on another disk"
    return Found("disk", free >= NEEDED_MEGABYTES, f"{free:,} MB free", remedy)


def _secrets(var: Path) -> Found:
    folder = Path(os.environ.get("KOINON_SECRETS") or var / "secrets")
    if not folder.exists():
        return Found("secrets", True, "not made yet")
    try:
        open_to_others = [
            path.name for path in folder.iterdir() if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077
        ]
    except PermissionError:
        return Found("secrets", False, f"{folder} cannot be read", "run as the user who runs the site")
    if open_to_others:
        return Found("secrets", False, f"others can read {', '.join(open_to_others)}", f"chmod 600 {folder}/*")
    return Found("secrets", True, str(folder))


def _database(url: str | None) -> Found:
    from koinon.db import connections

    try:
        with connections.database(url) as opened, connections.connect(opened.app_url) as conn:
            number = conn.info.server_version
            kind = "at the address given" if url or os.environ.get("KOINON_DATABASE_URL") else "embedded"
            return Found("database", True, f"PostgreSQL {number // 10000}.{number % 10000}, {kind}")
    except KoinonError as refused:
        return Found("database", False, refused.code, str(refused))


def _port() -> Found:
    try:
        wiring.site().bind(HOST, PORT).close()
    except KoinonError:
        return Found("port", True, f"{PORT} is taken; another is chosen when the site is served without --port")
    return Found("port", True, f"{PORT} is free")


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(path for path in (folder, *folder.parents) if path.exists())
