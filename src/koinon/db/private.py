"""What an installation writes is for its own user alone: the mode of files, and rows of people in error texts."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

# What Koinon writes under its folder (docs/reference/settings.md); anything else there is somebody else's affair.
# The data under pg/ are not looked through: PostgreSQL itself refuses to start when others may read them.
OURS = ("pg.*", "pg", "log", "secrets", "mail", "sms", "uploads", "static", "demo")

# Messages of PostgreSQL go on like this below their first line, each with values of the row or the statement.
_BELOW = re.compile(
    r"^(?P<before>[ |]*)(?P<label>DETAIL|CONTEXT|QUERY|STATEMENT|LINE \d+):.*?"
    r"(?=^[ |]*\n[ |]*(?:The above exception|During handling of the above)|\Z)",
    re.MULTILINE | re.DOTALL,
)


def keep_to_owner() -> None:
    """From now on this process and its children make files that only their owner may read.

    Every way into a process of Koinon calls this first: the command, the guardian, the site.
    """
    os.umask(0o077)


def close_to_others(root: Path) -> None:
    """Take group's and others' rights from the folder and from what an earlier version left open in it."""
    found = root.lstat()
    if found.st_mode & stat.S_ISVTX:
        return  # A folder that everybody is meant to share, such as /tmp.
    _close(root)
    for pattern in OURS:
        for path in root.glob(pattern):
            for each in (path, *_below(path)):
                _close(each)


def _below(path: Path) -> Iterator[Path]:
    if path.name == "pg":
        return
    for folder, folders, files in os.walk(path):  # Follows no links.
        yield from (Path(folder) / name for name in (*folders, *files))


def _close(path: Path) -> None:
    with suppress(FileNotFoundError, PermissionError):  # Gone meanwhile, or another user's.
        mode = path.lstat().st_mode
        if (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) and mode & 0o077:
            path.chmod(stat.S_IMODE(mode) & ~0o077)


def without_rows(told: str) -> str:
    """An error text without what PostgreSQL quotes of a row or a statement.

    >>> print(without_rows('null value in column "zone"\\nDETAIL:  Failing row contains (7, Maria).'))
    null value in column "zone"
    DETAIL:  (left out)
    """
    return _BELOW.sub(r"\g<before>\g<label>:  (left out)\n", told).removesuffix("\n") + (
        "\n" if told[-1:] == "\n" else ""
    )
