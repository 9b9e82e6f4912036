"""How much a town folder may hold, and what reading it may cost.

A town of a million fits with ease. A file that was made to tie a machine up
does not: every limit that it meets becomes a finding (docs/reference/findings.md).
"""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 2**20

LARGEST_SETTINGS = MEGABYTE // 4
MOST_DOTS_IN_A_LINE = 200  # tomllib's work grows with the square of the parts of a dotted key.
LARGEST_TABLE = 32 * MEGABYTE
LARGEST_MAP = 4 * MEGABYTE
MOST_MAP_POSITIONS = 50_000  # A telephone draws them all.
MOST_ROWS = 200_000
MOST_COLUMNS = 1_000
MOST_CELLS = 3_000_000
MOST_LETTERS = 64_000_000  # of all cells of a table: a workbook may repeat one long text without end

WORKBOOK_MEMORY = 1024 * MEGABYTE
WORKBOOK_SECONDS = 20

MOST_FINDINGS = 1_000  # kept of each severity; the others are counted
LONGEST_MESSAGE = 400


@dataclass(slots=True)
class Allowance:
    """What the tables of one folder may cost together: the same file may be named again and again."""

    size: int = 4 * LARGEST_TABLE
    cells: int = 2 * MOST_CELLS
    seconds: float = 3.0 * WORKBOOK_SECONDS
