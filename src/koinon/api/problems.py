"""Refusals meet HTTP in one table, and are told as RFC 9457 has it."""

from __future__ import annotations

import inspect
import traceback
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from logging import getLogger
from typing import Any
from uuid import UUID

from koinon.api import errors, words
from koinon.api.messages import FindingTold, GroundTold, Problem, encode
from koinon.db import errors as db
from koinon.kernel.decisions import Ground
from koinon.kernel.errors import KoinonError, UnitMismatch
from koinon.kernel.money import Amount
from koinon.ledger import errors as ledger
from koinon.outbox import errors as outbox
from koinon.parties import errors as parties
from koinon.payments import errors as payments

PREFIX = "/api/v1"
MEDIA_TYPE = b"application/problem+json"

# The nearest type above a refusal decides. 404: not there. 409: cannot be done as things stand. 422: makes no sense,
# which a key that was used for something else does not (draft-ietf-httpapi-idempotency-key-header-07, 2.7).
STATUS: dict[type[KoinonError], int] = {
    KoinonError: 409,
    UnitMismatch: 422,
    db.DatabaseError: 503,
    db.NotSettled: 504,  # It may have been done: 503 promises that nothing was.
    errors.CredentialRefused: 401,
    errors.ScopeMissing: 403,
    errors.OutsideOfParty: 403,
    errors.TownCredentialNeeded: 403,
    errors.KeyMissing: 400,
    errors.KeyMalformed: 400,
    errors.NoSuchRoute: 404,
    errors.NoSuchThing: 404,
    errors.MethodNotAllowed: 405,
    errors.MediaTypeUnsupported: 415,
    errors.BodyTooLarge: 413,
    errors.BodyNotJson: 400,
    errors.HeadersAmbiguous: 400,
    errors.RequestInvalid: 422,
    errors.TooManyRequests: 429,
    errors.NotReady: 503,
    errors.ScopeUnknown: 400,
    errors.CredentialUnknown: 404,
    errors.CredentialInvalid: 422,
    ledger.LedgerError: 409,
    ledger.AccountNotFound: 404,
    ledger.HoldNotFound: 404,
    ledger.OriginalNotFound: 404,
    ledger.KeyReused: 422,
    ledger.AmountNotPositive: 422,
    ledger.AmountTooLarge: 422,
    ledger.AmountUnitMismatch: 422,
    ledger.BatchMalformed: 422,
    outbox.OutboxError: 409,
    outbox.EndpointNotFound: 404,
    outbox.NoticeNotFound: 404,
    outbox.DeliveryNotFound: 404,
    outbox.AddressRefused: 422,
    outbox.KindUnknown: 422,
    parties.PartiesError: 409,
    parties.PartyNotFound: 404,
    parties.TownNotFound: 404,
    payments.PaymentsError: 409,
    payments.AmountNotPositive: 422,
    payments.SameParty: 422,
    payments.KeyReused: 422,
    payments.PaymentNotFound: 404,
    payments.HoldNotFound: 404,
    payments.RequestNotFound: 404,
    payments.CashierNotFound: 404,
    payments.ShiftNotFound: 404,
    payments.RequestTooLong: 422,
    payments.Busy: 503,
}


def status_of(kind: type[KoinonError]) -> int:
    """The HTTP status of a kind of refusal."""
    return next(STATUS[above] for above in kind.__mro__ if above in STATUS)


def every() -> dict[str, type[KoinonError]]:
    """Each kind of refusal that the API may answer with, by its code."""
    found: dict[str, type[KoinonError]] = {}

    def below(kind: type[KoinonError]) -> None:
        children = kind.__subclasses__()
        if not children:
            found[kind.code] = kind
        for child in children:
            below(child)

    for root in (errors.ApiError, ledger.LedgerError, outbox.OutboxError, payments.PaymentsError, db.DatabaseError):
        below(root)
    found[UnitMismatch.code] = UnitMismatch
    found[parties.PartyNotFound.code] = parties.PartyNotFound
    found[parties.PartyErased.code] = parties.PartyErased
    return found


def meaning(kind: type[KoinonError]) -> str:
    """The first paragraph of its docstring."""
    return " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split()).replace("``", "`")


def problem(refusal: KoinonError, *, language: str, request_id: str, discreet: bool = False) -> Problem:
    """A refusal as a problem document.

    ``discreet`` leaves out what it says about the purses of somebody else: how much is in them, and for what.
    """
    grounds = [] if discreet else [one for one in getattr(refusal, "grounds", ()) if isinstance(one, Ground)]
    findings = refusal.findings if isinstance(refusal, errors.RequestInvalid) else ()
    retry = getattr(refusal, "retry_after_seconds", None)
    title = words.title(refusal.code, language)
    return Problem(
        type=f"{PREFIX}/problems/{refusal.code}",
        title=title,
        status=status_of(type(refusal)),
        detail=title if discreet else _detail(refusal),
        code=refusal.code,
        request_id=request_id,
        fields={} if discreet else _fields(refusal),
        grounds=[GroundTold(one.code, words.ground(one.code, language), plain(one.fields)) for one in grounds],
        findings=[FindingTold(one.code, one.message, one.pointer, one.parameter) for one in findings],  # type: ignore[arg-type]
        retry_after_seconds=None if retry is None else whole(retry),
    )


def whole(seconds: float) -> int:
    """Seconds to wait, as a header takes them: whole ones, at least one."""
    return max(1, -(-int(seconds * 1000) // 1000))


def _detail(refusal: KoinonError) -> str:
    if isinstance(refusal, db.DatabaseError) and not isinstance(refusal, db.NotSettled):
        return "the database does not answer"  # Its own words name hosts and folders.
    return str(refusal)


def _fields(refusal: KoinonError) -> dict[str, Any]:
    if isinstance(refusal, db.DatabaseError):
        return {}
    found = {
        name: value
        for name, value in refusal.fields.items()
        if name not in ("grounds", "findings", "retry_after_seconds", "account_id") and value is not None
    }
    return plain(found)  # type: ignore[no-any-return]


def plain(value: Any) -> Any:
    """A field of a refusal in JSON's own types; amounts as minor units with their unit."""
    if isinstance(value, Amount):
        return {"amount_minor": value.minor, "unit": value.unit}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return value if isinstance(value, str | int | bool | None) else str(value)


def encoded(told: Problem) -> bytes:
    return encode(told)


def headers_of(refusal: KoinonError, told: Problem, language: str) -> list[tuple[bytes, bytes]]:
    """What a problem says in headers too."""
    headers = [(b"content-language", language.encode())]
    if told.retry_after_seconds is not None:
        headers.append((b"retry-after", b"%d" % told.retry_after_seconds))
    match refusal:
        case errors.CredentialRefused():
            error = b', error="invalid_token"' if refusal.given else b""
            headers.append((b"www-authenticate", b'Bearer realm="koinon"' + error))
        case errors.ScopeMissing():
            told_scope = f'Bearer realm="koinon", error="insufficient_scope", scope="{refusal.scope}"'
            headers.append((b"www-authenticate", told_scope.encode()))
        case errors.MethodNotAllowed():
            headers.append((b"allow", ", ".join(refusal.allowed).encode()))
        case errors.BodyTooLarge() | errors.HeadersAmbiguous():
            headers.append((b"connection", b"close"))
        case _:
            pass
    return headers


def defect(failed: Exception, *, language: str, request_id: str) -> Problem:
    """What a client is told of a defect of ours, and the log where it was.

    What kind, and where in the code; not its message, which may quote what somebody wrote.
    """
    frames = traceback.extract_tb(failed.__traceback__)[-8:]
    where = [f"{frame.filename.rsplit('/site-packages/')[-1]}:{frame.lineno} {frame.name}" for frame in frames]
    getLogger("koinon.api").error(
        "failed: %s.%s at %s (request %s)",
        type(failed).__module__,
        type(failed).__qualname__,
        "; ".join(where),
        request_id,
    )
    return Problem(
        type="about:blank",
        title=words.said(words.DEFECT_TITLE, language),
        status=500,
        detail="Something went wrong here. With the same Idempotency-Key, a request that moves money can be repeated.",
        code="api.defect",
        request_id=request_id,
    )
