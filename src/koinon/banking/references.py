"""References that a bank carries back to us: our own ids, and creditor references."""

from __future__ import annotations

import re
from uuid import UUID

from koinon.kernel.text import normal_identifier
from koinon.treasury.references import creditor_reference, read_reference

_OURS = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{32}(?![0-9a-fA-F])")
_CREDITOR = re.compile(r"(?<![A-Za-z0-9])[Rr][Ff][0-9]{2}(?:[ -]?[A-Za-z0-9]){1,21}")
_FUND = "FUND"


def our_ids(*texts: str) -> tuple[UUID, ...]:
    """The ids of ours that stand in these texts: 32 hexadecimal signs, whatever is around them.

    A 128-bit id is met by chance never; a bank that adds a prefix or puts the id
    into the free text is understood all the same.

    >>> our_ids("E2E/0190a0000000700080000000000a1b2c/OK", "12345")
    (UUID('0190a000-0000-7000-8000-0000000a1b2c'),)
    """
    found = [UUID(hex=text) for place in texts for text in _OURS.findall(place)]
    return tuple(dict.fromkeys(found))


def creditor_reference_in(structured: str, text: str) -> str:
    """The creditor reference of a movement: the structured one, else the only sound one in the free text.

    In free text the end of a reference is not marked, so of what could be one the longest with right
    check digits is taken.

    >>> creditor_reference_in("", "Ingreso RF18 5390 0754 7034 gracias")
    'RF18539007547034'
    """
    if sound := read_reference(structured):
        return sound
    found = set()
    for place in _CREDITOR.findall(text):
        bare = normal_identifier(place)
        longest = next((sound for end in range(len(bare), 4, -1) if (sound := read_reference(bare[:end]))), None)
        if longest:
            found.add(longest)
    return found.pop() if len(found) == 1 else ""


def fund_reference(code: str) -> str:
    """What a town's finance office writes on a transfer for a fund; "" for a code without letters or digits.

    >>> fund_reference("inclusion-2026")
    'RF62FUNDINCLUSION2026'
    """
    body = re.sub(r"[^A-Z0-9]", "", code.upper())[:17]
    return creditor_reference(_FUND + body) if body else ""
