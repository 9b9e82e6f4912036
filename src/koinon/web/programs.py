"""The API's keys, of which only ``server`` knows both sides: the pages ask for them by name, here and nowhere else.

``web`` and ``api`` are two ways in that do not know each other (a test keeps the layers).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from django.utils.translation import gettext_lazy

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from psycopg import Connection


class MadeKey(Protocol):
    """``koinon.api.types.NewCredential``."""

    @property
    def id(self) -> UUID: ...

    @property
    def secret(self) -> str: ...


class KeptKey(Protocol):
    """``koinon.api.types.CredentialFacts``."""

    @property
    def id(self) -> UUID: ...

    @property
    def name(self) -> str: ...

    @property
    def scopes(self) -> list[str]: ...

    @property
    def party(self) -> UUID | None: ...

    @property
    def expires_at(self) -> datetime | None: ...

    @property
    def revoked_at(self) -> datetime | None: ...


class Keys(Protocol):
    """``koinon.api.operations``."""

    def add_key(self, conn: Connection[Any], **asked: Any) -> MadeKey: ...

    def revoke_key(self, conn: Connection[Any], **asked: Any) -> None: ...


class Kept(Protocol):
    """``koinon.api.queries``."""

    def credentials(self, conn: Connection[Any], *, town_id: int) -> list[KeptKey]: ...


def keys() -> Keys:
    return cast(Keys, import_module("koinon.api.operations"))


def kept() -> Kept:
    return cast(Kept, import_module("koinon.api.queries"))


SCOPES: dict[str, Any] = {
    "payments:write": gettext_lazy("make payments out of the accounts it may use"),
    "payments:charge": gettext_lazy("charge cards, as a till does"),
    "payments:read": gettext_lazy("read payments"),
    "refunds:write": gettext_lazy("give payments back"),
    "holds:write": gettext_lazy("reserve amounts for a later payment"),
    "accounts:read": gettext_lazy("read balances and movements"),
    "webhooks:manage": gettext_lazy("look after its own webhooks"),
}
MOVING = frozenset({"payments:write", "payments:charge", "refunds:write", "holds:write"})
"""What moves money, and is no officer's to give to a program alone."""

EVENTS: dict[str, Any] = {
    "payment.posted": gettext_lazy("a payment was posted"),
    "payment.refunded": gettext_lazy("a payment was given back"),
    "hold.placed": gettext_lazy("an amount was reserved"),
    "hold.captured": gettext_lazy("a reserved amount was paid"),
    "hold.released": gettext_lazy("a reserved amount was let go"),
    "hold.lapsed": gettext_lazy("a reservation ended by itself"),
    "cycle.disbursed": gettext_lazy("a programme's month was paid out"),
    "contribution.rewarded": gettext_lazy("a contribution was rewarded"),
    "contribution.undone": gettext_lazy("a reward was taken back"),
    "topup.received": gettext_lazy("money came for a top-up"),
    "bonus.granted": gettext_lazy("a bonus was granted"),
    "campaign.nearly-spent": gettext_lazy("a campaign has granted most of its ceiling"),
    "campaign.ended": gettext_lazy("a campaign ended"),
    "network.near-threshold": gettext_lazy("the volume comes near the one of which the authority is told"),
    "network.above-threshold": gettext_lazy("the volume is above the one of which the authority is told"),
    "redemption.requested": gettext_lazy("a shop asked for money of the bank"),
    "redemption.paid": gettext_lazy("the bank paid a shop"),
    "redemption.returned": gettext_lazy("a payment to a shop came back"),
}
