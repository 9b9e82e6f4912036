"""What the outbox may refuse.

OutboxError
├── EndpointNotFound        outbox.endpoint-not-found
├── NoticeNotFound          outbox.notice-not-found
├── DeliveryNotFound        outbox.delivery-not-found
├── AddressRefused          outbox.address-refused
├── KindUnknown             outbox.kind-unknown
├── TooManyListeners        outbox.too-many-listeners
└── SecretNotReadable       outbox.secret-not-readable
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from koinon.kernel.errors import KoinonError


class OutboxError(KoinonError):
    """Nothing was written to or read from the outbox."""

    code = "outbox.refused"


class EndpointNotFound(OutboxError):
    """The town, or the party that asks, has no such webhook endpoint, or it was removed."""

    code = "outbox.endpoint-not-found"

    def __init__(self, *, endpoint: UUID) -> None:
        self.endpoint = endpoint
        super().__init__(f"there is no webhook endpoint {endpoint}")


class NoticeNotFound(OutboxError):
    """The town, or the party that asks, has no such e-mail notice, or it was removed."""

    code = "outbox.notice-not-found"

    def __init__(self, *, notice: UUID) -> None:
        self.notice = notice
        super().__init__(f"there is no e-mail notice {notice}")


class DeliveryNotFound(OutboxError):
    """This event was never for this listener, or its retention is over."""

    code = "outbox.delivery-not-found"

    def __init__(self, *, listener: UUID, event: UUID) -> None:
        self.listener = listener
        self.event = event
        super().__init__(f"event {event} has no delivery to {listener}")


class AddressRefused(OutboxError):
    """A webhook address that nothing is sent to: not https, with a user name in it, or of an inner network."""

    code = "outbox.address-refused"

    def __init__(self, *, url: str, reason: str) -> None:
        self.reason = reason
        self._url = url
        super().__init__(f"webhooks are not sent to this address: {reason}")


class KindUnknown(OutboxError):
    """Nothing of this kind ever happens here, or none was named; the kinds there are are said."""

    code = "outbox.kind-unknown"

    def __init__(self, *, unknown: Sequence[str], known: Sequence[str]) -> None:
        self.unknown = list(unknown)
        self.known = list(known)
        asked = ", ".join(unknown) or "no kind of event"
        super().__init__(f"cannot tell about {asked}; kinds of events are {', '.join(known)}")


class TooManyListeners(OutboxError):
    """The town or the party has as many endpoints or notices as it may have; remove one first."""

    code = "outbox.too-many-listeners"

    def __init__(self, *, most: int) -> None:
        self.most = most
        super().__init__(f"there are {most} already; remove one first")


class SecretNotReadable(OutboxError):
    """The key that sealed an endpoint's secret is not on this machine; rotate the secret to make a new one."""

    code = "outbox.secret-not-readable"

    def __init__(self, *, key_id: str, endpoint: UUID) -> None:
        self.key_id = key_id
        self.endpoint = endpoint
        super().__init__(
            f"the secret of webhook {endpoint} was sealed by key {key_id}, which is not here or does not open it"
        )
