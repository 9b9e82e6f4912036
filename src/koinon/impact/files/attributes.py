"""What is known of accounts, from a file with a row for each: zone, sector, legal form, social economy, size, role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from koinon.impact.files import values
from koinon.impact.files.findings import Findings, shortly
from koinon.impact.files.tables import open_columns
from koinon.impact.files.types import DIMENSIONS
from koinon.impact.tracing.types import UNKNOWN, UNKNOWN_ORIGIN, Attribute, Role

MOST_LABELS = 1000
OURS = frozenset({"issued", UNKNOWN_ORIGIN, "redeemed", "expired", "withdrawn", "held", "small groups", "…"})
"""Words that stand for something else beside the labels; a group of that name is put between quotation marks."""
_ROLES = {
    "": Role.HOLDER,
    "holder": Role.HOLDER,
    "issuer": Role.ISSUER,
    "redeemer": Role.REDEEMER,
    "expiry": Role.EXPIRY,
    **{str(role.value): role for role in Role},  # As exports of towns write it.
}
_SOCIAL = frozenset({"true", "t", "yes", "y", "1", "sse"})
_OTHER = frozenset({"false", "f", "no", "n", "0", "other"})


@dataclass(frozen=True, slots=True)
class Known:
    """Attributes and roles of accounts in the order of the ledger's names.

    ``has_row`` says which accounts the file knows; ``unused`` rows have no account in the ledger.
    """

    attributes: Mapping[str, Attribute]
    roles: NDArray[np.uint8]
    has_row: NDArray[np.bool_]
    unused: int


def read(
    file: Path, by: Sequence[str], names: Sequence[str], renamed: Mapping[str, str], *, encoding: str
) -> tuple[Known, Findings]:
    """What the file knows of these accounts, and what is wrong with it.

    ``by`` are further columns to tell accounts apart by.
    """
    opened = open_columns(
        file,
        needed=("account", *by),
        optional=("role", *(name for name in DIMENSIONS if name not in by)),
        renamed=renamed,
        option="--account-column",
        encoding=encoding,
    )
    findings = opened.findings
    accounts, codes = values.labels(opened.columns["account"])
    findings.add_rows(
        np.array([not name for name in accounts], np.bool_)[codes],
        opened.headings["account"],
        "ledger-file.account",
        lambda _: "there is no account",
        "Fill it in, or take the row out.",
    )
    seen = np.zeros(len(codes), np.bool_)
    seen[np.unique(codes, return_index=True)[1]] = True
    findings.add_rows(
        ~seen,
        opened.headings["account"],
        "ledger-file.account-twice",
        lambda index: f"{shortly(accounts[codes[index]])} has a row above already",
        "Keep one row for each account.",
    )
    place = {name: index for index, name in enumerate(names)}
    of_row = np.array([place.get(name, -1) for name in accounts], np.int64)[codes]
    used = of_row >= 0
    attributes: dict[str, Attribute] = {}
    roles = np.zeros(len(names), np.uint8)
    for name, column in opened.columns.items():
        heading = opened.headings[name]
        if name == "account":
            continue
        if name == "role":
            roles[of_row[used]] = _roles(column, heading, findings)[used]
            continue
        words, which = values.labels(column)
        if name == "sse":
            words = _social(words, which, heading, findings)
        attribute = _attribute(words, which, of_row, used, len(names))
        if len(attribute.labels) > MOST_LABELS:
            findings.add(
                None,
                heading,
                "ledger-file.labels",
                f"there are {len(attribute.labels):,} different values, which is no way to tell groups of accounts apart",
                f"At most {MOST_LABELS:,}: group them, as by tens of hectares or by the first letters of a code.",
            )
        elif attribute.labels:
            attributes[name] = attribute
    has_row = np.zeros(len(names), np.bool_)
    has_row[of_row[used]] = True
    return Known(attributes, roles, has_row, int((~used).sum())), findings


def _attribute(
    words: Sequence[str], which: NDArray[np.int32], of_row: NDArray[np.int64], used: NDArray[np.bool_], accounts: int
) -> Attribute:
    """Labels in alphabetical order, of accounts that are in the ledger; an empty cell is unknown."""
    words = [f"“{word}”" if word in OURS else word for word in words]
    there = sorted({words[code] for code in np.unique(which[used]).tolist()} - {"", UNKNOWN})
    place = {word: index for index, word in enumerate(there)}
    to_code = np.array([min(place.get(word, -1), 32_767) for word in words], np.int16)
    codes = np.full(accounts, -1, np.int16)
    codes[of_row[used]] = to_code[which[used]]
    return Attribute(codes, tuple(there))


def _roles(column: pa.ChunkedArray, heading: str, findings: Findings) -> NDArray[np.uint8]:
    words, which = values.labels(column)
    strange = np.array([word.lower() not in _ROLES for word in words], np.bool_)
    findings.add_rows(
        strange[which],
        heading,
        "ledger-file.word",
        lambda index: f"{shortly(words[which[index]])} is no role",
        "Write issuer, redeemer, expiry or holder; an empty cell is a holder.",
    )
    return np.array([_ROLES.get(word.lower(), Role.HOLDER) for word in words], np.uint8)[which]


def _social(words: Sequence[str], which: NDArray[np.int32], heading: str, findings: Findings) -> list[str]:
    strange = np.array([bool(word) and word.lower() not in _SOCIAL | _OTHER for word in words], np.bool_)
    findings.add_rows(
        strange[which],
        heading,
        "ledger-file.word",
        lambda index: f"{shortly(words[which[index]])} does not say whether this is a social enterprise",
        "Write sse or other, yes or no, 1 or 0.",
    )
    return ["" if not word else "sse" if word.lower() in _SOCIAL else "other" for word in words]


def by_part(source: NDArray[np.int32], target: NDArray[np.int32], role: NDArray[np.uint8]) -> Attribute:
    """Where nothing is known of accounts: those that units were issued to, and those that only others paid."""
    issued_to = target[(role[source] == Role.ISSUER) & (role[target] == Role.HOLDER)]
    codes = np.ones(len(role), np.int16)
    codes[issued_to] = 0
    codes[role != Role.HOLDER] = -1
    return Attribute(codes, ("first holders", "others"))
