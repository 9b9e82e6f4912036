"""Making and revoking credentials, and giving access tokens."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.api import rules
from koinon.api.errors import CredentialInvalid, CredentialUnknown
from koinon.api.types import Credential, CredentialKind, NewCredential, NewToken
from koinon.audit.operations import record
from koinon.db.statements import execute, scalar, statement
from koinon.kernel.identifiers import new_id
from koinon.parties import queries as parties

_PACKAGE = "koinon.api"
RATE = 100  # Requests per second, where nobody said otherwise.
TOKEN_LASTS = timedelta(hours=1)


def add_key(
    conn: Connection[Any],
    *,
    town_id: int,
    name: str,
    scopes: Iterable[str],
    actor: str,
    at: datetime,
    kind: str = CredentialKind.KEY,
    party: UUID | None = None,
    expires_at: datetime | None = None,
    requests_per_second: int = RATE,
) -> NewCredential:
    """Make a key, or with ``kind`` "client" a client for OAuth2. Its secret is in the answer and nowhere else.

    Refuses with ``ScopeUnknown``, ``CredentialInvalid``, ``PartyNotFound`` and ``TownNotFound``.
    """
    parties.town(conn, town_id)
    known = rules.known_scopes(scopes)
    if not known:
        raise CredentialInvalid(reason="a credential without a scope can do nothing; name one")
    if not 1 <= len(name) <= 80 or not name.isprintable():
        raise CredentialInvalid(reason="the name of a credential has 1 to 80 printable characters")
    if expires_at is not None and expires_at <= at:
        raise CredentialInvalid(reason="the credential would have ended already")
    if not 1 <= requests_per_second <= 1_000_000:
        raise CredentialInvalid(reason="a rate is between 1 and 1,000,000 requests per second")
    if party is not None:
        parties.party_facts(conn, town_id, party)
    sandbox = scalar(conn, "SELECT TRUE FROM api.sandbox WHERE town_id = %(town_id)s", town_id=town_id)
    secret = rules.new_secret("test" if sandbox else "live", town_id)
    made = NewCredential(id := new_id(), rules.client_id(town_id, id), secret)
    execute(
        conn, statement(_PACKAGE, "add_credential"), town_id=town_id, id=id, kind=str(CredentialKind(kind)), name=name,
        secret_digest=rules.digest(secret), scopes=list(known), party=party, requests_per_second=requests_per_second,
        at=at, actor=actor, expires_at=expires_at,
    )  # fmt: skip
    after = {
        "kind": str(kind),
        "scopes": list(known),
        "party": str(party) if party else None,
        "expires_at": expires_at.isoformat() if expires_at else None,
    }
    record(conn, town_id=town_id, actor=actor, action="api.key-added", subject=f"api:{id}", after=after, at=at)
    return made


def revoke_key(conn: Connection[Any], *, town_id: int, credential: UUID, actor: str, at: datetime) -> None:
    """Take a credential and its tokens out of force, or ``CredentialUnknown``.

    Processes that serve the API notice within ``koinon.api.credentials.STALE_AFTER_SECONDS``.
    """
    if not execute(conn, statement(_PACKAGE, "revoke_credential"), town_id=town_id, id=credential, at=at, actor=actor):
        raise CredentialUnknown(credential=credential)
    record(conn, town_id=town_id, actor=actor, action="api.key-revoked", subject=f"api:{credential}", at=at)


def give_token(conn: Connection[Any], *, client: Credential, scopes: Iterable[str], at: datetime) -> NewToken:
    """An access token for a client that has shown its secret; without ``scopes`` for all it has, else ``ScopeUnknown``."""
    known = rules.known_scopes(scopes, among=client.scopes) or client.scopes
    lasts = TOKEN_LASTS if client.expires_at is None else min(TOKEN_LASTS, client.expires_at - at)
    secret = rules.new_secret("token", client.town_id)
    execute(
        conn, statement(_PACKAGE, "forget_tokens"), town_id=client.town_id, credential=client.id, at=at
    )  # fmt: skip
    execute(
        conn, statement(_PACKAGE, "add_token"), town_id=client.town_id, secret_digest=rules.digest(secret),
        credential=client.id, scopes=list(known), at=at, expires_at=at + lasts,
    )  # fmt: skip
    return NewToken(secret, max(0, int(lasts.total_seconds())), known)
