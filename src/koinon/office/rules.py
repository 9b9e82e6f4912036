"""Small decisions of the back office: no clock, no database."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from uuid import UUID

from koinon.kernel.text import fold

LIKE_ENOUGH = 0.72


def headings_digest(headings: Sequence[str]) -> bytes:
    """The same for lists whose headings are the same but for case, accents and surplus spaces.

    >>> headings_digest(["Núm. expediente", "Importe"]) == headings_digest(["núm.  EXPEDIENTE", "importe "])
    True
    """
    return hashlib.sha256("\n".join(fold(heading) for heading in headings).encode()).digest()


def guessed_columns(fields: Mapping[str, Sequence[str]], headings: Sequence[str]) -> dict[str, str]:
    """Which heading may be which field: the same word first, then the likest one; each heading once.

    ``fields`` gives for each field the words by which it is known.

    >>> guessed_columns({"household": ["household", "expediente"], "monthly": ["monthly", "importe"]},
    ...                 ["Importe mensual", "Nº expediente"])
    {'household': 'Nº expediente', 'monthly': 'Importe mensual'}
    """
    scored = sorted(
        (
            (-_likeness(known, heading), number, field)
            for field, known in fields.items()
            for number, heading in enumerate(headings)
            if heading
        ),
    )
    found: dict[str, str] = {}
    taken: set[int] = set()
    for score, number, field in scored:
        if -score < LIKE_ENOUGH or field in found or number in taken:
            continue
        found[field] = headings[number]
        taken.add(number)
    return {field: found[field] for field in fields if field in found}


def _likeness(known: Sequence[str], heading: str) -> float:
    folded = fold(heading)
    words = set(folded.replace(".", " ").replace("_", " ").split())
    return max(
        (
            1.0
            if fold(one) == folded
            else 0.9
            if fold(one) in words
            else SequenceMatcher(None, fold(one), folded).ratio()
            for one in known
        ),
        default=0.0,
    )


def place_of_upload(town_id: int, upload_id: UUID) -> bytes:
    """What a sealed file is bound to, so that it opens nowhere else."""
    return f"office.upload:{town_id}:{upload_id}".encode()
