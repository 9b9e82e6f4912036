"""What the API may refuse by itself; refusals of money come from the layers below.

ApiError
├── CredentialRefused       api.credential-refused
├── ScopeMissing            api.scope-missing
├── OutsideOfParty          api.outside-of-party
├── TownCredentialNeeded    api.town-credential-needed
├── KeyMissing              api.key-missing
├── KeyMalformed            api.key-malformed
├── NoSuchRoute             api.no-such-route
├── NoSuchThing             api.no-such-thing
├── MethodNotAllowed        api.method-not-allowed
├── MediaTypeUnsupported    api.media-type-unsupported
├── BodyTooLarge            api.body-too-large
├── BodyNotJson             api.body-not-json
├── HeadersAmbiguous        api.headers-ambiguous
├── RequestInvalid          api.request-invalid
├── TooManyRequests         api.too-many-requests
├── NotReady                api.not-ready
├── ScopeUnknown            api.scope-unknown
├── CredentialUnknown       api.credential-unknown
└── CredentialInvalid       api.credential-invalid
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from koinon.kernel.errors import KoinonError


class ApiError(KoinonError):
    """The request cannot be served as it was sent."""

    code = "api.refused"


class CredentialRefused(ApiError):
    """There is no valid credential in the request: none, unknown, expired, revoked, or not for this use."""

    code = "api.credential-refused"

    def __init__(self, *, given: bool = True) -> None:
        self._given = given
        super().__init__("the request has no valid credential")

    @property
    def given(self) -> bool:
        return self._given


class ScopeMissing(ApiError):
    """The credential was not made for this."""

    code = "api.scope-missing"

    def __init__(self, *, scope: str) -> None:
        self.scope = scope
        super().__init__(f"the credential does not have the scope {scope.replace(' ', ' or ')}")


class OutsideOfParty(ApiError):
    """The credential acts for one party, and money of others was to move."""

    code = "api.outside-of-party"

    def __init__(self) -> None:
        super().__init__("the credential acts for one party only, which is neither payer nor payee here")


class TownCredentialNeeded(ApiError):
    """Only a credential of the town as a whole may do this, not one of a single party."""

    code = "api.town-credential-needed"

    def __init__(self) -> None:
        super().__init__("the credential acts for one party only; this takes one of the town as a whole")


class KeyMissing(ApiError):
    """A request that moves money names an Idempotency-Key, so that it can be repeated without harm."""

    code = "api.key-missing"

    def __init__(self) -> None:
        super().__init__("send an Idempotency-Key header: a UUID, or any text of up to 255 visible characters")


class KeyMalformed(ApiError):
    """The Idempotency-Key is longer than 255 characters, empty, or holds other than visible ASCII."""

    code = "api.key-malformed"

    def __init__(self) -> None:
        super().__init__("the Idempotency-Key has 1 to 255 visible ASCII characters, in quotes or without")


class NoSuchRoute(ApiError):
    """There is nothing at this address."""

    code = "api.no-such-route"

    def __init__(self) -> None:
        super().__init__("there is nothing at this address; /api/v1/openapi.json lists what there is")


class NoSuchThing(ApiError):
    """There is no such payment, hold, party or webhook that the credential may see."""

    code = "api.no-such-thing"

    def __init__(self) -> None:
        super().__init__("there is no such thing that this credential may see")


class MethodNotAllowed(ApiError):
    """The address takes other methods than this; they are in the Allow header."""

    code = "api.method-not-allowed"

    def __init__(self, *, allowed: Sequence[str]) -> None:
        self.allowed = list(allowed)
        super().__init__(f"this address takes {', '.join(allowed)}")


class MediaTypeUnsupported(ApiError):
    """The body is not of the media type that the address takes."""

    code = "api.media-type-unsupported"

    def __init__(self, *, expected: str) -> None:
        self.expected = expected
        super().__init__(f"send the body as {expected}")


class BodyTooLarge(ApiError):
    """The body is longer than the address takes."""

    code = "api.body-too-large"

    def __init__(self, *, limit: int) -> None:
        self.limit_bytes = limit
        super().__init__(f"a body has at most {limit} bytes here")


class BodyNotJson(ApiError):
    """The body is not one JSON document in UTF-8, or nests too deeply."""

    code = "api.body-not-json"

    def __init__(self, *, reason: str) -> None:
        self._reason = reason
        super().__init__(f"the body cannot be read as JSON: {reason}")


class HeadersAmbiguous(ApiError):
    """A header that decides something is there twice, or cannot be read."""

    code = "api.headers-ambiguous"

    def __init__(self, *, header: str) -> None:
        self.header = header
        super().__init__(f"the header {header} is there more than once, or cannot be read")


@dataclass(frozen=True, slots=True)
class Misfit:
    """One thing that makes no sense in a request: where, as a JSON pointer (RFC 6901), and why.

    For what is not in the body, ``pointer`` is empty and ``parameter`` names it.
    """

    pointer: str
    code: str
    message: str
    parameter: str = ""


class RequestInvalid(ApiError):
    """The request was read and makes no sense; every finding stands in ``findings``."""

    code = "api.request-invalid"

    def __init__(self, *, findings: Sequence[Misfit]) -> None:
        self.findings = tuple(findings)
        count = len(self.findings)
        super().__init__(f"{count} {'finding' if count == 1 else 'findings'}; nothing was done")

    @property
    def fields(self) -> dict[str, Any]:
        return {}


class TooManyRequests(ApiError):
    """The credential has used up its rate for now."""

    code = "api.too-many-requests"

    def __init__(self, *, retry_after_seconds: int) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(f"too many requests; try again in {retry_after_seconds} s")


class NotReady(ApiError):
    """The database does not answer, or too much is waiting for it. Nothing was done by this request."""

    code = "api.not-ready"

    def __init__(self, *, retry_after_seconds: int = 1) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__("the service is not ready; try again")


class ScopeUnknown(ApiError):
    """A scope that there is not, or that the client was not given."""

    code = "api.scope-unknown"

    def __init__(self, *, scopes: Sequence[str]) -> None:
        self.scopes = list(scopes)
        super().__init__(f"there is no scope {', '.join(scopes)} for this credential")


class CredentialUnknown(ApiError):
    """The town has no such credential, or it was revoked before."""

    code = "api.credential-unknown"

    def __init__(self, *, credential: UUID) -> None:
        self.credential = str(credential)
        super().__init__(f"there is no credential {credential} in force in this town")


class CredentialInvalid(ApiError):
    """A credential cannot be made as it was asked for."""

    code = "api.credential-invalid"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
