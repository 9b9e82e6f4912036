"""Who somebody is: the one way in which names come out of the vault to be shown.

Seeing money and seeing people are two rights. Whoever has the second one
(``RoleGrant.sees_personal_data``) is shown names, and each look is recorded;
everybody else is shown a pseudonym, the end of the party's opaque number, which
is enough to speak of the same line and says nothing about anyone. What a company,
a co-operative or a public body writes on its sign is no personal data and is
shown to everyone; the sign of somebody who trades in their own name is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.types.json import Jsonb

from koinon.db.statements import execute, many, statement
from koinon.kernel.identifiers import new_id
from koinon.parties.errors import PersonalDataNotAllowed
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault

_PACKAGE = "koinon.parties"

# Forms in which natural persons trade under names of their own; an unknown form is taken for one of them.
OWN_NAME_FORMS = frozenset({"", "self-employed", "civil-partnership", "other"})


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks: the actor as the audit trail names it, and whether they may see who people are."""

    actor: str
    sees_personal_data: bool


@dataclass(frozen=True, slots=True)
class Name:
    """What a party is called before this reader: a name, or its pseudonym."""

    text: str
    is_name: bool

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class _Sign:
    party_id: UUID
    kind: str
    sign: str
    legal_form: str
    reference: UUID | None
    erased: bool


def pseudonym(party_id: UUID) -> str:
    """The end of an opaque id: enough to find a line, and nothing about whose it is.

    >>> pseudonym(UUID("0190a000-0000-7000-8000-0000000a1b2c"))
    '0a1b2c'
    """
    return party_id.hex[-6:]


def called(
    conn: Connection[Any],
    *,
    town_id: int,
    parties: Iterable[UUID],
    reader: Reader,
    reason: str,
    at: datetime,
    names: bool = True,
    secrets: Secrets | None = None,
) -> dict[UUID, Name]:
    """What to call each of these parties before this reader; every party asked for is answered.

    Names of people are opened only with the right to them and with ``names``; each
    is then recorded (``parties.revealed``, by whom, of whom, with ``reason``: a code
    such as ``table:residents``). A household is called as its reference person.
    Whoever is erased, or of another town, stays under the pseudonym.
    """
    asked = list(dict.fromkeys(parties))
    shown = {party: Name(pseudonym(party), False) for party in asked}
    if not asked:
        return shown
    sealed: dict[UUID, UUID] = {}
    for row in many(conn, statement(_PACKAGE, "signs"), _Sign, town_id=town_id, party_ids=asked):
        if row.erased:
            continue
        if row.sign and row.legal_form not in OWN_NAME_FORMS:
            shown[row.party_id] = Name(row.sign, True)
        elif names and reader.sees_personal_data:
            if row.sign:
                shown[row.party_id] = Name(row.sign, True)
            sealed[row.party_id] = row.reference or row.party_id
    if not sealed:
        return shown
    _record_looks(conn, town_id=town_id, parties=sealed, actor=reader.actor, fields=("name",), reason=reason, at=at)
    kept = Vault(conn, secrets or Secrets.load()).get_many(set(sealed.values()), ("name",))
    for party, holder in sealed.items():
        found = kept.get(holder, {}).get("name", "")
        if found and not shown[party].is_name:
            shown[party] = Name(found, True)
    return shown


def personal_data(
    conn: Connection[Any],
    *,
    town_id: int,
    party: UUID,
    fields: Iterable[str],
    reader: Reader,
    reason: str,
    at: datetime,
    secrets: Secrets | None = None,
) -> dict[str, str]:
    """What the vault keeps of one party, these fields alone; recorded.

    Refuses with ``PersonalDataNotAllowed`` without the right, and with ``PartyNotFound``.
    """
    needs_personal_data(reader)
    wanted = sorted(fields)
    _record_looks(conn, town_id=town_id, parties=[party], actor=reader.actor, fields=wanted, reason=reason, at=at)
    return Vault(conn, secrets or Secrets.load()).get(party, wanted)


def needs_personal_data(reader: Reader) -> None:
    """Refuse with ``PersonalDataNotAllowed`` whoever has no right to see who people are."""
    if not reader.sees_personal_data:
        raise PersonalDataNotAllowed


def _record_looks(
    conn: Connection[Any],
    *,
    town_id: int,
    parties: Iterable[UUID],
    actor: str,
    fields: Iterable[str],
    reason: str,
    at: datetime,
) -> None:
    """One audit line for each person, in one statement: a list of a thousand names is a thousand looks."""
    subjects = [f"party:{party}" for party in parties]
    execute(
        conn,
        statement(_PACKAGE, "record_looks"),
        town_id=town_id,
        ids=[new_id() for _ in subjects],
        subjects=subjects,
        actor=actor,
        reason=reason,
        after=Jsonb({"fields": list(fields)}),
        at=at,
    )
