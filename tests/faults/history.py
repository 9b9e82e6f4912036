"""What clients asked and what they were told: lines of JSON, each written to the file before anything else happens.

A line is one ``write`` to a file opened for appending: whoever is killed after it
has left the whole line behind. Times are those of the machine's monotonic clock,
which all processes share.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Leg = dict[str, Any]
NEVER = 1 << 62


@dataclass
class Operation:
    """One thing a client wanted, however often it had to ask.

    ``said`` is ok, refused, read or empty while nobody told; ``answered`` is
    then still ``NEVER``, because it may take effect at any time.
    """

    name: str
    invoked: int
    asked: dict[str, Any]
    answered: int = NEVER
    said: str = ""
    code: str = ""
    values: list[list[int]] = field(default_factory=list)
    tries: int = 1
    unknown: int = 0

    @property
    def is_read(self) -> bool:
        return bool(self.asked["do"] == "read")

    @property
    def legs(self) -> list[Leg]:
        found: list[Leg] = self.asked["legs"]
        return found


class Journal:
    """A client's own history."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def invoke(self, name: str, asked: dict[str, Any], *, attempt: int) -> None:
        self._write({"op": name, "say": "invoke", "try": attempt} | ({"ask": asked} if attempt == 1 else {}))

    def told(self, name: str, said: str, **more: Any) -> None:
        self._write({"op": name, "say": said, **more})

    def _write(self, line: dict[str, Any]) -> None:
        os.write(self._file, json.dumps({"at": time.monotonic_ns(), **line}, separators=(",", ":")).encode() + b"\n")


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Every whole line; the last one may have been cut short by a full disk, but not by a kill."""
    if path.exists():
        with path.open(encoding="utf-8") as file:
            for line in file:
                if line.endswith("\n"):
                    yield json.loads(line)


def operations(told: Iterable[dict[str, Any]]) -> dict[str, Operation]:
    """The operations that lines of history tell of, in the order in which they were first asked."""
    found: dict[str, Operation] = {}
    for line in told:
        name, say = line["op"], line["say"]
        if say == "invoke":
            if name in found:
                found[name].tries += 1
            else:
                found[name] = Operation(name, line["at"], line["ask"])
            continue
        operation = found[name]
        if say == "unknown":
            operation.unknown += 1
        elif say in ("ok", "refused", "read"):
            operation.said, operation.answered = say, line["at"]
            operation.code, operation.values = line.get("code", ""), line.get("values", [])
    return found


def read(paths: Sequence[Path]) -> list[Operation]:
    """Every operation of several clients."""
    return [operation for path in paths for operation in operations(lines(path)).values()]
