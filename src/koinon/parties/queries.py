"""Reading towns, parties and roles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import many, maybe, scalar, statement
from koinon.parties.errors import PartyErased, PartyNotFound, TownNotFound
from koinon.parties.types import OrganisationName, PartyFacts, StaffFacts, TownFacts, TownName, UserFacts

_PACKAGE = "koinon.parties"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a user may do, and for which party."""

    town_id: int
    role: str
    party_id: UUID | None


@dataclass(frozen=True, slots=True)
class _Signing:
    kind: str
    erased: bool


def towns(conn: Connection[Any]) -> list[TownName]:
    """Every town of this installation, oldest first."""
    return many(conn, statement(_PACKAGE, "towns"), TownName)


def town(conn: Connection[Any], town_id: int) -> TownFacts:
    """A town by its number, or ``TownNotFound``."""
    found = maybe(conn, statement(_PACKAGE, "town"), TownFacts, town_id=town_id, slug=None)
    if found is None:
        raise TownNotFound(town=str(town_id))
    return found


def town_by_slug(conn: Connection[Any], slug: str) -> TownFacts:
    """A town by its short name, or ``TownNotFound``."""
    found = maybe(conn, statement(_PACKAGE, "town"), TownFacts, town_id=None, slug=slug)
    if found is None:
        raise TownNotFound(town=slug)
    return found


def language_of(conn: Connection[Any], *, town_id: int, party_id: UUID) -> str:
    """The language that whoever signs in for a party chose to read; empty where nobody chose any."""
    return str(scalar(conn, statement(_PACKAGE, "language_of"), town_id=town_id, party_id=party_id) or "")


def party_facts(conn: Connection[Any], town_id: int, party_id: UUID) -> PartyFacts:
    """What rules may look at about a party, or ``PartyNotFound``."""
    found = maybe(conn, statement(_PACKAGE, "party_facts"), PartyFacts, town_id=town_id, party_id=party_id)
    if found is None:
        raise PartyNotFound(party_id=party_id)
    return found


def must_be_there(conn: Connection[Any], town_id: int, party_id: UUID) -> None:
    """Refuse with ``PartyNotFound`` or ``PartyErased``; nobody erases the party until the transaction ends."""
    found = maybe(conn, statement(_PACKAGE, "party_signing"), _Signing, town_id=town_id, party_id=party_id)
    if found is None:
        raise PartyNotFound(party_id=party_id)
    if found.erased:
        raise PartyErased(party_id=party_id)


def grants(conn: Connection[Any], user_id: int) -> list[Grant]:
    """Everything a user may do, town by town."""
    return many(conn, statement(_PACKAGE, "grants_of_user"), Grant, user_id=user_id)


def users_called(conn: Connection[Any], names: Sequence[str]) -> list[UserFacts]:
    """Who signs in by one of these names: user names and addresses, in whatever case."""
    return many(conn, statement(_PACKAGE, "users_called"), UserFacts, names=list(names))


def staff(conn: Connection[Any], *, town_id: int) -> list[StaffFacts]:
    """Who works for a town, by user name."""
    return many(conn, statement(_PACKAGE, "staff_of_town"), StaffFacts, town_id=town_id)


def organisations(conn: Connection[Any], *, town_id: int) -> list[OrganisationName]:
    """The organisations of a town, by trade name."""
    return many(conn, statement(_PACKAGE, "organisations"), OrganisationName, town_id=town_id)
