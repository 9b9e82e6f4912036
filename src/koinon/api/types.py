"""Who may use the API, and what for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Scope(StrEnum):
    """What a credential may be used for. ``WORDS`` says it to people."""

    PAYMENTS_WRITE = "payments:write"
    PAYMENTS_CHARGE = "payments:charge"
    PAYMENTS_READ = "payments:read"
    REFUNDS_WRITE = "refunds:write"
    HOLDS_WRITE = "holds:write"
    ACCOUNTS_READ = "accounts:read"
    WEBHOOKS_MANAGE = "webhooks:manage"


WORDS: dict[Scope, str] = {
    Scope.PAYMENTS_WRITE: "Make payments: from the credential's own party, or between any of the town without one.",
    Scope.PAYMENTS_CHARGE: "Take payments and place holds on others' purses, in favour of the credential's own party.",
    Scope.PAYMENTS_READ: "Read payments, refunds and holds.",
    Scope.REFUNDS_WRITE: "Give back payments that the credential's own party received, or any of the town without one.",
    Scope.HOLDS_WRITE: "Place, capture and release holds.",
    Scope.ACCOUNTS_READ: "Read purses, balances and movements.",
    Scope.WEBHOOKS_MANAGE: "Say where events are sent, and see how that went.",
}


class CredentialKind(StrEnum):
    """A key is sent with each request; a client's secret only buys access tokens that expire."""

    KEY = "key"
    CLIENT = "client"


@dataclass(frozen=True, slots=True)
class Credential:
    """A key, or the client that an access token was given to: of one town, and perhaps of one party.

    ``scopes`` and ``expires_at`` are those of the token where one was used. ``secret_digest``
    is what the secret that was sent must hash to. ``town_party`` is the town itself, as it pays and is paid.
    """

    town_id: int
    id: UUID
    kind: str
    name: str
    secret_digest: bytes
    scopes: tuple[str, ...]
    party: UUID | None
    requests_per_second: int
    expires_at: datetime | None
    town: str
    unit: str
    exponent: int
    sandbox: bool
    town_party: UUID | None

    @property
    def actor(self) -> str:
        """How the books and the audit trail name it."""
        return f"api:{self.id}"


@dataclass(frozen=True, slots=True)
class CredentialFacts:
    """A credential as lists show it; its secret is not kept anywhere."""

    id: UUID
    kind: str
    name: str
    scopes: list[str]
    party: UUID | None
    requests_per_second: int
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewCredential:
    """A credential just made; ``secret`` is shown this once."""

    id: UUID
    client_id: str
    secret: str


@dataclass(frozen=True, slots=True)
class NewToken:
    """An access token just made (RFC 6749, 5.1)."""

    access_token: str
    expires_in: int
    scopes: tuple[str, ...]
