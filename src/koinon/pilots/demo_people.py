"""Who signs in to the demonstration: one user for each role, with passwords of this installation only.

The passwords are made once, kept in a file that only its owner may read, and
set again when the database was started over, so that a note one made of them
stays good.

Staff sign in with a second factor. Those of the demonstration have no telephone:
the page that asks for the code shows it, and says so.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import check_password, make_password
from psycopg import Connection

from koinon.db.statements import execute, maybe, scalar, statement
from koinon.parties import factors
from koinon.parties import operations as parties
from koinon.parties.passwords import new_password
from koinon.parties.secrets import Secrets
from koinon.parties.types import TownFacts

ROLES: Mapping[str, str] = {
    "resident": "sees the household's balance, its last day and where to spend it",
    "shop": "sees today's sales and asks for euros",
    "officer": "runs the programme and prepares the month",
    "approver": "is the second person who says yes",
    "treasurer": "keeps the reserve and pays shops out",
    "coordinator": "verifies what residents do for the neighbourhood",
    "auditor": "reads everything and changes nothing",
}
STAFF = ("officer", "approver", "treasurer", "coordinator", "auditor")
SEES_PEOPLE = ("treasurer",)  # Whoever makes the bank's file reads names and accounts in it.
FILE = "sign-in.json"
_ENOUGH = 20  # Units: for the purchases that the guides suggest.
_PACKAGE = "koinon.pilots"


@dataclass(frozen=True, slots=True)
class SignIn:
    """How one role signs in; staff have the secret of an app's one-time codes as well."""

    role: str
    user: str
    password: str
    does: str
    second_factor: str = ""


@dataclass(frozen=True, slots=True)
class _Party:
    party: UUID


def kept_sign_ins(folder: Path) -> list[SignIn]:
    """The sign-in data of this installation, made at first use."""
    path = folder / FILE
    kept = _read(path)
    found = [_sign_in(role, does, kept.get(role, {})) for role, does in ROLES.items()]
    if {one.role: _secrets_of(one) for one in found} != kept:
        _write(path, found)
    return found


def _sign_in(role: str, does: str, kept: Mapping[str, str]) -> SignIn:
    factor = (kept.get("second_factor") or factors.new_secret()) if role in STAFF else ""
    return SignIn(role, f"demo-{role}", kept.get("password") or new_password(), does, factor)


def _secrets_of(one: SignIn) -> dict[str, str]:
    return {"password": one.password, "second_factor": one.second_factor}


def staff(conn: Connection[Any], town: TownFacts, sign_ins: list[SignIn], *, at: datetime) -> dict[str, str]:
    """The town's staff, able to sign in; how the books name each, by role."""
    return {one.role: f"user:{_user(conn, town, one, party=None, at=at)}" for one in sign_ins if one.role in STAFF}


def customers(conn: Connection[Any], town: TownFacts, sign_ins: list[SignIn], *, at: datetime) -> None:
    """A resident and a shop that have something to see: much bought and enough left to buy more, much sold."""
    enough = {"resident": {"enough_minor": _ENOUGH * 10**town.exponent}}
    for one in sign_ins:
        if one.role in STAFF:
            continue
        user = scalar(conn, statement(_PACKAGE, "demo_people_user_id"), name=one.user)
        if user is not None and scalar(
            conn, statement(_PACKAGE, "demo_people_has_role"), user_id=user, town_id=town.id, role=one.role
        ):
            _user(conn, town, one, party=None, at=at, grant=False)
            continue
        sql = statement(_PACKAGE, f"demo_people_{one.role}")
        chosen = maybe(conn, sql, _Party, town_id=town.id, **enough.get(one.role, {}))
        if chosen is not None:
            _user(conn, town, one, party=chosen.party, at=at)


def _user(
    conn: Connection[Any], town: TownFacts, one: SignIn, *, party: UUID | None, at: datetime, grant: bool = True
) -> int:
    hashed = scalar(conn, statement(_PACKAGE, "demo_people_password"), name=one.user)
    if hashed is None or not check_password(one.password, hashed):
        hashed = make_password(one.password)
    user_id = int(
        scalar(
            conn,
            statement(_PACKAGE, "demo_people_put_user"),
            name=one.user,
            email=f"{one.role}@{town.slug}.example",
            password=hashed,
            at=at,
        )
    )
    if one.second_factor:
        execute(
            conn,
            statement(_PACKAGE, "demo_people_put_factor"),
            user_id=user_id,
            secret=factors.seal_secret(Secrets.load(), one.second_factor),
            at=at,
        )
    if grant:
        parties.grant_role(
            conn,
            town_id=town.id,
            user_id=user_id,
            role=one.role,
            party_id=party,
            actor="job:demo",
            at=at,
            sees_personal_data=one.role in SEES_PEOPLE,
        )
    return user_id


def _read(path: Path) -> dict[str, dict[str, str]]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["sign_in"]
        return {
            str(row["role"]): {
                "password": str(row["password"]),
                "second_factor": str(row.get("second_factor", "")),
            }
            for row in rows
        }
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {}


def _write(path: Path, sign_ins: list[SignIn]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump({"sign_in": [asdict(one) for one in sign_ins]}, stream, indent=2)
        stream.write("\n")
    os.replace(part, path)
