"""Collecting what is wrong with a file, by row, without keeping a finding for each of a million rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from koinon.impact.files.errors import SAID, LedgerFileRefused
from koinon.kernel.decisions import Finding


class Findings:
    """What was found so far. ``row`` is a data row, counted from 1; None the file as a whole.

    ``place_of`` says in which file a row stands, and on which line: a folder of parts is read as one.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.place_of: Callable[[int], tuple[str, int]] = lambda row: (file, row)
        self.count = 0
        self._kept: list[tuple[int, Finding]] = []

    def add(self, row: int | None, column: str, code: str, message: str, remedy: str) -> None:
        self.count += 1
        self._keep(row, column, code, message, remedy)

    def add_rows(
        self,
        rows: npt.NDArray[np.bool_],
        column: str,
        code: str,
        told: Callable[[int], str],
        remedy: str,
    ) -> None:
        """A finding for each row that is marked; ``told`` gives the message for an index from 0."""
        marked = np.flatnonzero(rows)
        self.count += len(marked)
        for index in marked[:SAID].tolist():
            self._keep(index + 1, column, code, told(index), remedy)

    def _keep(self, row: int | None, column: str, code: str, message: str, remedy: str) -> None:
        file, line = (self.file, 0) if row is None else self.place_of(row)
        self._kept.append((row or 0, Finding(file, line, column, code, message, remedy)))

    def raise_if_any(self, *others: Findings) -> None:
        """Refuse the file, and what belongs to it, if anything was found."""
        collected = [self, *others]
        count = sum(each.count for each in collected)
        if not count:
            return
        kept = [finding for each in collected for _, finding in sorted(each._kept, key=lambda placed: placed[0])]
        raise LedgerFileRefused(kept[:SAID], found=count)


def shortly(value: Any) -> str:
    """A value for a message: enough to find the cell.

    >>> shortly("2027-13-01T00:00:00+01:00 and then a lot more than that")
    '“2027-13-01T00:00:00+01:00 and t…”'
    """
    text = " ".join(str(value).split())
    return f"“{text[:31]}…”" if len(text) > 32 else f"“{text}”"
