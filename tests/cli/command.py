"""The command as a person types it: a process of its own, its exit status and both of its outputs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE = 600  # Seconds, for a command that hangs; no promise about how fast one is.


@dataclass(frozen=True, slots=True)
class Said:
    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as the one JSON document it is; anything else on it is an error here."""
        return json.loads(self.out)


def environment(var: Path, url: str | None = None, owner_url: str | None = None, **more: str) -> dict[str, str]:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("KOINON_", "PYTEST_", "DJANGO_"))
    }
    clean |= {"KOINON_VAR": str(var), "COLUMNS": "120", "TERM": "dumb", **more}
    if url:
        clean |= {"KOINON_DATABASE_URL": url, "KOINON_OWNER_DATABASE_URL": owner_url or url}
    return clean


def koinon(
    *arguments: str, var: Path, url: str | None = None, owner_url: str | None = None, timeout: float = PATIENCE
) -> Said:
    """Run ``koinon ARGUMENTS`` to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "koinon", *arguments],
        env=environment(var, url, owner_url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)
