"""Rights of the town's staff: who gives them, and which take a second person.

Rights over money (treasurer, approver), the right to see who people are, and
setting a colleague's second factor anew are asked for by one person and given
by another, an approver, who neither asked nor gets it. Taking a right away
takes one person: that way lies no danger that waiting would be the cure for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record
from koinon.db.statements import execute, many, maybe, scalar, statement
from koinon.kernel.identifiers import new_id
from koinon.parties import operations, queries
from koinon.parties.errors import LastOfficer, NotStaff, OwnRight, RightDecided, RightNotFound, SamePerson

_PACKAGE = "koinon.parties"
STAFF_ROLES = ("officer", "approver", "treasurer", "auditor", "coordinator")
OVER_MONEY = frozenset({"treasurer", "approver"})
SECOND_PERSON = "approver"


class What(StrEnum):
    """What somebody asks for on behalf of a colleague."""

    ROLE = "role"
    PEOPLE = "people"  # Seeing who people are, in a role they have.
    FACTOR = "factor"  # Their second factor is lost: they set up a new one at the next sign-in.


@dataclass(frozen=True, slots=True)
class Request:
    """A right that was asked for; ``outcome`` is empty while it waits."""

    id: UUID
    user_id: int
    username: str
    what: str
    role: str
    asked_by: int
    asked_at: datetime
    decided_by: int | None
    decided_at: datetime | None
    outcome: str


def takes_two(what: What, role: str) -> bool:
    """Whether a right is given by a second person.

    >>> takes_two(What.ROLE, "treasurer"), takes_two(What.ROLE, "auditor"), takes_two(What.PEOPLE, "auditor")
    (True, False, True)
    """
    return what is not What.ROLE or role in OVER_MONEY


def ask(
    conn: Connection[Any], *, town_id: int, user_id: int, what: What, role: str, asked_by: int, at: datetime
) -> UUID | None:
    """Give a colleague a right, or where it takes two people ask for it; the request's id, None where it was given.

    Refuses with ``OwnRight``, ``NotStaff`` (a right to see people needs the role it is for, and a role is one of
    ``STAFF_ROLES``) and ``RightDecided`` (it waits already). What somebody has already changes nothing.
    """
    if user_id == asked_by:
        raise OwnRight
    if what is not What.FACTOR and role not in STAFF_ROLES:
        raise NotStaff(name=str(user_id), role=role)
    if what is not What.ROLE:
        _must_be_staff(conn, town_id, user_id, role if what is What.PEOPLE else "")
    if not takes_two(what, role):
        operations.grant_role(
            conn, town_id=town_id, user_id=user_id, role=role, party_id=None, actor=f"user:{asked_by}", at=at
        )
        return None
    request = new_id()
    made = execute(
        conn,
        statement(_PACKAGE, "add_right_request"),
        id=request,
        town_id=town_id,
        user_id=user_id,
        what=str(what),
        role=role,
        asked_by=asked_by,
        at=at,
    )
    if not made:
        raise RightDecided(outcome="")
    _record(conn, town_id, "parties.right-asked", f"user:{asked_by}", user_id, what, role, request, at)
    return request


def decide(conn: Connection[Any], *, town_id: int, request: UUID, decided_by: int, give: bool, at: datetime) -> Request:
    """Give or decline what was asked for; of two who decide at once, one does.

    Refuses with ``RightNotFound``, ``RightDecided``, ``SamePerson`` (whoever asked or would have it) and
    ``NotStaff`` (whoever decides is no approver).
    """
    found = _locked(conn, town_id, request)
    if decided_by in (found.asked_by, found.user_id):
        raise SamePerson
    _must_be_staff(conn, town_id, decided_by, SECOND_PERSON)
    actor = f"user:{decided_by}"
    if give:
        _give(conn, town_id, found, actor, at)
    _finish(conn, request, decided_by, "given" if give else "declined", at)
    action = "parties.right-given" if give else "parties.right-declined"
    _record(conn, town_id, action, actor, found.user_id, What(found.what), found.role, request, at)
    return found


def withdraw(conn: Connection[Any], *, town_id: int, request: UUID, asked_by: int, at: datetime) -> None:
    """Take back what one asked for; ``RightNotFound``, ``RightDecided``, and ``SamePerson`` for anybody else."""
    found = _locked(conn, town_id, request)
    if found.asked_by != asked_by:
        raise SamePerson
    _finish(conn, request, asked_by, "withdrawn", at)
    actor = f"user:{asked_by}"
    _record(conn, town_id, "parties.right-withdrawn", actor, found.user_id, What(found.what), found.role, request, at)


def end(conn: Connection[Any], *, town_id: int, user_id: int, role: str, actor: str, at: datetime) -> None:
    """Take a role away, at once; ``NotStaff``, and ``LastOfficer`` where nobody could give a right any more."""
    staff = queries.staff(conn, town_id=town_id)
    found = next((one for one in staff if one.id == user_id and role in one.roles), None)
    if found is None:
        raise NotStaff(name=str(user_id), role=role)
    if role == "officer":
        execute(conn, statement(_PACKAGE, "lock_town"), town_id=town_id)  # Two who end each other's role take turns.
        if not any("officer" in one.roles for one in queries.staff(conn, town_id=town_id) if one.id != user_id):
            raise LastOfficer
    operations.revoke_role(conn, town_id=town_id, user_id=user_id, role=role, party_id=None, actor=actor, at=at)


def new_factor(conn: Connection[Any], *, town_id: int, user_id: int, actor: str, at: datetime) -> int:
    """Forget a colleague's second factors and end their sessions: the next sign-in sets one up anew; how many.

    Refuses with ``NotStaff``. What a page does after a second person, an operator does by command.
    """
    _must_be_staff(conn, town_id, user_id, "")
    execute(conn, statement(_PACKAGE, "end_sessions_of_user"), user_id=user_id)
    gone = execute(conn, statement(_PACKAGE, "forget_factors_of_user"), user_id=user_id)
    record(
        conn,
        town_id=town_id,
        actor=actor,
        action="parties.factor-forgotten",
        subject=f"user:{user_id}",
        after={"factors": gone},
        at=at,
    )
    return gone


def requests(conn: Connection[Any], *, town_id: int, waiting: bool = True) -> list[Request]:
    """What was asked for, the newest first; only what waits, unless told otherwise."""
    return many(conn, statement(_PACKAGE, "right_requests"), Request, town_id=town_id, waiting=waiting)


def _give(conn: Connection[Any], town_id: int, found: Request, actor: str, at: datetime) -> None:
    if found.what == What.ROLE:
        operations.grant_role(
            conn, town_id=town_id, user_id=found.user_id, role=found.role, party_id=None, actor=actor, at=at
        )
        return
    # Who asked, or gets it, may have lost their role since.
    _must_be_staff(conn, town_id, found.user_id, found.role if found.what == What.PEOPLE else "")
    if found.what == What.PEOPLE:
        operations.set_personal_data_right(
            conn, town_id=town_id, user_id=found.user_id, role=found.role, sees=True, actor=actor, at=at
        )
    else:
        new_factor(conn, town_id=town_id, user_id=found.user_id, actor=actor, at=at)


def _locked(conn: Connection[Any], town_id: int, request: UUID) -> Request:
    found = maybe(conn, statement(_PACKAGE, "lock_right_request"), Request, town_id=town_id, id=request)
    if found is None:
        raise RightNotFound(request=request)
    if found.outcome:
        raise RightDecided(outcome=found.outcome)
    return found


def _finish(conn: Connection[Any], request: UUID, who: int, outcome: str, at: datetime) -> None:
    execute(conn, statement(_PACKAGE, "finish_right_request"), id=request, who=who, outcome=outcome, at=at)


def _must_be_staff(conn: Connection[Any], town_id: int, user_id: int, role: str) -> None:
    roles = scalar(conn, statement(_PACKAGE, "staff_roles_of_user"), town_id=town_id, user_id=user_id)
    if not roles or (role and role not in roles):
        raise NotStaff(name=str(user_id), role=role)


def _record(
    conn: Connection[Any],
    town_id: int,
    action: str,
    actor: str,
    user_id: int,
    what: What,
    role: str,
    request: UUID,
    at: datetime,
) -> None:
    after = {"right": str(what), "role": role, "request": str(request)}
    record(conn, town_id=town_id, actor=actor, action=action, subject=f"user:{user_id}", after=after, at=at)
