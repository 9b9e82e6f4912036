"""Following a guide as its reader would: every ``console`` block in one shell, in order, compared loosely.

In a block, a line that begins with ``$ `` is typed, one with ``> `` continues it
(a here-document), and the rest is what must appear; ``...`` stands for anything.
Lines of progress are left out. ``<!-- step: name -->`` between the blocks is where
the reader does something elsewhere, in the browser for example: the test does it
there, and may answer with shell code that is run before the next block.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PIECE = re.compile(r"^```console\n(?P<block>.*?)^```|<!-- step: (?P<step>.*?) -->", re.DOTALL | re.MULTILINE)
PROGRESS = re.compile(r"^ *\d+\.\d s  ")
END = "\x1e"
SECONDS = 300
ANYTHING = "..."

Step = Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class Typed:
    """One command of a page, with the line it stands on and what must appear."""

    page: str
    line: int
    command: str
    expected: str


def pieces(page: Path) -> Iterator[Typed | str]:
    """The commands of a page and the names of its steps, in order."""
    text = page.read_text(encoding="utf-8")
    for found in PIECE.finditer(text):
        if found["step"]:
            yield found["step"]
            continue
        first = text.count("\n", 0, found.start("block")) + 1
        command: list[str] = []
        expected: list[str] = []
        began = first
        for number, line in enumerate(found["block"].splitlines(), start=first):
            if line.startswith("$ "):
                if command:
                    yield Typed(page.name, began, "\n".join(command), "".join(expected))
                command, expected, began = [line[2:]], [], number
            elif line == ">" or line.startswith("> "):
                command.append(line[2:])
            else:
                expected.append(line + "\n")
        yield Typed(page.name, began, "\n".join(command), "".join(expected))


def agrees(expected: str, told: str) -> bool:
    """Whether the output is what the page says, whatever its spaces; ``...`` stands for anything.

    >>> agrees("paid ... of 315\\n...", "paid   40 of 315\\nand more"), agrees("paid", "paid twice")
    (True, False)
    """
    words = [" ".join(piece.split()) for piece in expected.split(ANYTHING)]
    pattern = ".*".join(map(re.escape, words))
    return re.fullmatch(pattern, " ".join(told.split()), re.DOTALL) is not None


class Shell:
    """One bash, in one folder, for as long as the reader's terminal stays open."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, **environment},
            text=True,
            start_new_session=True,
        )

    def run(self, command: str) -> tuple[str, int]:
        """What the command printed, without progress, and its exit status."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        too_long = threading.Timer(SECONDS, self._bash.kill)
        too_long.start()
        self._bash.stdin.write(f"{command}\nprintf '\\n{END}%s\\n' $?\n")
        self._bash.stdin.flush()
        said: list[str] = []
        for line in self._bash.stdout:
            if line.startswith(END):
                too_long.cancel()
                told = "".join(said).removesuffix("\n")
                return told, int(line[1:])
            if not PROGRESS.match(line):
                said.append(line)
        raise AssertionError(f"the shell ended during: {command}\n{''.join(said)}")

    def close(self) -> None:
        assert self._bash.stdin is not None
        self._bash.stdin.close()
        self._bash.wait(30)


def follow(page: Path, shell: Shell, steps: Mapping[str, Step]) -> int:
    """Follow a page to its end; how many commands were typed. Fails at the first that says something else."""
    typed = 0
    for piece in pieces(page):
        if isinstance(piece, str):
            code = steps[piece]()
            if code:
                told, status = shell.run(code)
                assert status == 0, told
            continue
        told, status = shell.run(piece.command)
        place = f"{piece.page}, line {piece.line}: {piece.command}"
        assert status == 0, f"{place}\nended with {status} and said\n{told}"
        assert agrees(piece.expected, told), f"{place}\nshould say\n{piece.expected}\nand said\n{told}"
        typed += 1
    return typed
