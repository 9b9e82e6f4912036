"""What can come of a request besides its answer.

ClientError
├── Refused                 the service said no: ``code``, ``status``, grounds and findings say why
│   ├── NotAllowed          401 or 403: the credential is not valid, or not for this
│   ├── NotThere            404
│   ├── KeyReused           422: the idempotency key was used for something else
│   └── Busy                429 or 503: nothing was done, and ``retry_after`` says when to ask again
├── OutcomeUnknown          no answer came: send it again with the same ``key`` to learn what happened
└── NotVerified             a webhook message that was not signed by the secret, or is too old
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class ClientError(Exception):
    """The request has no good answer."""


@dataclass(frozen=True, slots=True)
class Ground:
    """One reason for a no."""

    code: str
    text: str
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing in a request that makes no sense, with its place."""

    code: str
    message: str
    pointer: str = ""
    parameter: str = ""


class Refused(ClientError):
    """The service refused: nothing was done. ``code`` is stable and meant for programs."""

    def __init__(self, status: int, problem: dict[str, Any], retry_after: float | None = None) -> None:
        self.status = status
        self.problem = problem
        self.code = str(problem.get("code", ""))
        self.title = str(problem.get("title", ""))
        self.detail = str(problem.get("detail", ""))
        self.request_id = str(problem.get("request_id", ""))
        self.fields: dict[str, Any] = problem.get("fields", {})
        self.grounds = tuple(
            Ground(one.get("code", ""), one.get("text", ""), one.get("fields", {}))
            for one in problem.get("grounds", ())
        )
        self.findings = tuple(
            Finding(one.get("code", ""), one.get("message", ""), one.get("pointer", ""), one.get("parameter", ""))
            for one in problem.get("findings", ())
        )
        self.retry_after = retry_after
        super().__init__(f"{status} {self.code}: {self.detail or self.title}")


class NotAllowed(Refused):
    """The credential is not valid, or was not made for this."""


class NotThere(Refused):
    """There is no such thing that the credential may see."""


class KeyReused(Refused):
    """The idempotency key was used before, for something else."""


class Busy(Refused):
    """Nothing was done; ask again in ``retry_after`` seconds."""


class OutcomeUnknown(ClientError):
    """No answer came, however often it was asked. With the same ``key`` the request can be repeated at any time."""

    def __init__(self, key: str, cause: BaseException | None) -> None:
        self.key = key
        why = type(cause).__name__ if cause else "server error"
        super().__init__(f"no answer came ({why})" + (f"; repeat it with key {key!r}" if key else ""))


class NotVerified(ClientError):
    """A webhook message is not what it claims to be."""


def refused(status: int, problem: dict[str, Any], retry_after: float | None = None) -> Refused:
    """The right kind of refusal."""
    code = str(problem.get("code", ""))
    if status in (401, 403):
        return NotAllowed(status, problem)
    if status == 404:
        return NotThere(status, problem)
    if status in (429, 503):
        return Busy(status, problem, retry_after)
    if code.endswith(".key-reused"):
        return KeyReused(status, problem)
    return Refused(status, problem)
