"""Which accounts stand at the boundary of circulation: by name, by pattern, or from a file of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import translate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from koinon.impact.files.findings import Findings, shortly
from koinon.impact.tracing.types import Role

OPTION = {Role.ISSUER: "--issuers", Role.REDEEMER: "--redeemers", Role.EXPIRY: "--expiry"}
WORD = {Role.ISSUER: "issuer", Role.REDEEMER: "redeemer", Role.EXPIRY: "expiry"}


def roles(
    names: Sequence[str], asked: Iterable[tuple[Role, Sequence[str]]], given: NDArray[np.uint8], findings: Findings
) -> NDArray[np.uint8]:
    """The role of each account; ``given`` holds what the file of accounts says already."""
    found = given.copy()
    place = {name: index for index, name in enumerate(names)}
    for role, patterns in asked:
        for pattern, told in _each(role, patterns, findings):
            if pattern in place:
                matched = [place[pattern]]
            elif any(mark in pattern for mark in "*?["):
                matches = re.compile(translate(pattern)).match
                matched = [index for index, name in enumerate(names) if matches(name)]
            else:
                matched = []
            if not matched:
                findings.add(
                    None,
                    "",
                    "ledger-file.account-unknown",
                    f"no account of the file is {shortly(pattern)}{told}",
                    f"Correct {OPTION[role]}; * stands for any letters, and capitals count.",
                )
            for index in matched:
                if found[index] not in (Role.HOLDER, role):
                    findings.add(
                        None,
                        "",
                        "ledger-file.role-twice",
                        f"{shortly(names[index])} would be {WORD[Role(found[index])]} and {WORD[role]} at once",
                        "Name it once, or use two accounts in the file.",
                    )
                found[index] = role
    return found


def _each(role: Role, patterns: Sequence[str], findings: Findings) -> Iterable[tuple[str, str]]:
    for pattern in patterns:
        if not pattern.startswith("@"):
            yield pattern.strip(), ""
            continue
        file = Path(pattern[1:])
        try:
            lines = file.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeError) as failed:
            findings.add(
                None,
                "",
                "ledger-file.unreadable",
                f"{OPTION[role]} {pattern} cannot be read: {failed}",
                "Name a text file with one account or pattern a line.",
            )
            continue
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield line.strip(), f" ({file.name}, line {number})"


def candidates(source: NDArray[np.int32], target: NDArray[np.int32], names: Sequence[str], most: int = 3) -> list[str]:
    """Accounts that pay and are never paid, those with the most rows first: issuers, if the file has any."""
    out = np.bincount(source, minlength=len(names))
    into = np.bincount(target, minlength=len(names))
    only_pay = np.flatnonzero((out > 0) & (into == 0))
    ranked = only_pay[np.argsort(-out[only_pay], kind="stable")]
    return [names[index] for index in ranked[:most].tolist()]
