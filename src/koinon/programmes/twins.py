"""Looking for households that stand in the register twice, and keeping what a person decided about each pair.

A pair that nobody has decided takes aid from nobody, unless the programme says
that it holds such lines back. A pair that somebody found to be one household is
paid once: to the household that was registered first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record as to_trail
from koinon.db.statements import execute, many, maybe, scalar, statement
from koinon.kernel.identifiers import new_id
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.programmes import queries
from koinon.programmes.duplicates import PersonFacts, pairs
from koinon.programmes.eligibility import grounds_as_json
from koinon.programmes.errors import DuplicateNotFound
from koinon.programmes.steps import PACKAGE, Id, record
from koinon.programmes.types import DuplicateView

_PIECE = 2000  # People whose data are opened at a time.
_FIELDS = ("name", "identifier", "born_on", "phone", "email", "iban")
SAME, DIFFERENT = "same", "different"


@dataclass(frozen=True, slots=True)
class Looked:
    """What a search found: how many people it compared, pairs in all, and of them new."""

    people: int
    found: int
    added: int


@dataclass(frozen=True, slots=True)
class _Member:
    party_id: UUID
    household_id: UUID


def look_for_duplicates(conn: Connection[Any], secrets: Secrets, *, town_id: int, actor: str, now: datetime) -> Looked:
    """Compare everybody of the register with everybody, and keep the pairs of households that are alike.

    Names and identifiers are opened in memory for as long as it takes; kept are
    opaque ids, a score and the kinds of likeness. What a person has decided stays;
    undecided pairs that are alike no longer are forgotten.
    """
    people = list(_people(conn, Vault(conn, secrets), town_id))
    found = pairs(people)
    kept, others = [pair.kept for pair in found], [pair.other for pair in found]
    execute(conn, statement(PACKAGE, "drop_duplicates"), town_id=town_id, kept=kept, others=others)
    added = scalar(
        conn,
        statement(PACKAGE, "put_duplicates"),
        town_id=town_id,
        now=now,
        ids=[new_id() for _ in found],
        kept=kept,
        others=others,
        scores=[pair.score for pair in found],
        grounds=[json.dumps(grounds_as_json(pair.grounds)) for pair in found],
    )
    looked = Looked(len(people), len(found), int(added or 0))
    after = {"people": looked.people, "found": looked.found, "added": looked.added}
    to_trail(
        conn, town_id=town_id, actor=actor, action="duplicates.looked", subject=f"town:{town_id}", at=now, after=after
    )
    return looked


def decide_duplicate(
    conn: Connection[Any], *, town_id: int, pair_id: UUID, same: bool, reason: str, actor: str, now: datetime
) -> DuplicateView:
    """Say whether two households are one, and why; it can be decided anew. Cycles prepared later follow it.

    Refuses with ``DuplicateNotFound``. The same decision again changes nothing.
    """
    if maybe(conn, statement(PACKAGE, "lock_duplicate"), Id, town_id=town_id, pair_id=pair_id) is None:
        raise DuplicateNotFound(pair=str(pair_id))
    before = queries.duplicate(conn, town_id=town_id, pair_id=pair_id)
    state = SAME if same else DIFFERENT
    if before.state == state:
        return before
    execute(
        conn, statement(PACKAGE, "decide_duplicate"),
        pair_id=pair_id, state=state, actor=actor, now=now, reason=reason,
    )  # fmt: skip
    record(
        conn, town_id, actor, "duplicate.decided", pair_id, now, kind="duplicate", reason=reason,
        before={"state": before.state},
        after={"state": state, "kept": str(before.kept), "other": str(before.other)},
    )  # fmt: skip
    return queries.duplicate(conn, town_id=town_id, pair_id=pair_id)


def _people(conn: Connection[Any], vault: Vault, town_id: int) -> Iterator[PersonFacts]:
    after: UUID | None = None
    while True:
        members = many(
            conn, statement(PACKAGE, "people_of_households"), _Member, town_id=town_id, after=after, size=_PIECE
        )
        held = vault.get_many([member.party_id for member in members], _FIELDS)
        for member in members:
            yield _person(member, held.get(member.party_id, {}))
        if len(members) < _PIECE:
            return
        after = members[-1].party_id


def _person(member: _Member, held: dict[str, str]) -> PersonFacts:
    born_on = held.get("born_on", "")
    return PersonFacts(
        party=member.party_id,
        household=member.household_id,
        name=held.get("name", ""),
        identifier=held.get("identifier", ""),
        born_on=date.fromisoformat(born_on) if born_on else None,
        phone=held.get("phone", ""),
        email=held.get("email", ""),
        iban=held.get("iban", ""),
    )
