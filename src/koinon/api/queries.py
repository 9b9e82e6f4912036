"""Reading credentials. What tells a right secret from a wrong one stands here and nowhere else."""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import Any

from psycopg import Connection

from koinon.api import rules
from koinon.api.types import Credential, CredentialFacts
from koinon.db.statements import many, maybe, statement

_PACKAGE = "koinon.api"


def credential_of(conn: Connection[Any], secret: str) -> Credential | None:
    """Whose secret this is: a key in force, or the client of an access token in force; None for any other."""
    town_id = rules.town_of(secret)
    if town_id is None:
        return None
    name = "credential_of_token" if rules.is_token(secret) else "credential_of_key"
    digest = rules.digest(secret)
    found = maybe(conn, statement(_PACKAGE, name), Credential, town_id=town_id, secret_digest=digest)
    if found is None or not hmac.compare_digest(found.secret_digest, digest):
        return None
    return replace(found, scopes=tuple(found.scopes))


def client(conn: Connection[Any], *, client_id: str, secret: str) -> Credential | None:
    """The client that has this name and this secret; None where either is wrong."""
    called = rules.client_of(client_id)
    if called is None or rules.is_token(secret) or rules.town_of(secret) != called[0]:
        return None
    found = maybe(conn, statement(_PACKAGE, "client"), Credential, town_id=called[0], id=called[1])
    if found is None or not hmac.compare_digest(found.secret_digest, rules.digest(secret)):
        return None
    return replace(found, scopes=tuple(found.scopes))


def credentials(conn: Connection[Any], *, town_id: int) -> list[CredentialFacts]:
    """Every credential of a town, newest first."""
    return many(conn, statement(_PACKAGE, "credentials"), CredentialFacts, town_id=town_id)
