"""Paying for a top-up by card: what a card provider has to do, and a sandbox that does it.

A provider is asked once, for the address where the card is entered; later it says by a signed
message what came of it. Whatever it is called and however it signs, this is all that the rest of the
treasury knows of it. Another provider is a class with these two functions, named in ``provider_of``.

The sandbox moves no euros. It serves demonstrations and tests alone: in any other town its
messages would make units without euros behind them, and ``provider_of`` never answers with it there.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from psycopg import Connection

from koinon.kernel.identifiers import id_under
from koinon.kernel.money import Amount
from koinon.outbox.rules import signature
from koinon.parties import queries as parties
from koinon.parties.secrets import Secrets
from koinon.treasury import topups
from koinon.treasury.errors import CallbackNotGenuine, CardsNotOffered
from koinon.treasury.types import TopUp, Way

OLDEST_SECONDS = 300
"""How old a message may be: a copy of an older one is somebody else's."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """Where a card is entered; ``payment`` is the provider's own name for it."""

    payment: str
    url: str


@dataclass(frozen=True, slots=True)
class CardNotice:
    """What a provider says came of a payment. Amounts in minor units of the national currency, at par with the unit."""

    payment: str
    reference: str
    minor: int
    currency: str
    paid: bool


class CardProvider(Protocol):
    """What Koinon asks of whoever takes cards for a town."""

    @property
    def code(self) -> str:
        """Its name in addresses and in the books."""

    def checkout(self, asked: TopUp, *, currency: str) -> Checkout:
        """Announce a payment of this amount and reference. May call the provider: only the way in asks it."""

    def read(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> CardNotice:
        """What a message says, once its signature has been looked at; else ``CallbackNotGenuine``."""


class SandboxCards:
    """A provider without cards: whoever opens its page says themselves whether the card is good.

    Signs as Standard Webhooks does. ``sent`` is the message that the provider would send.
    """

    code = "sandbox"

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def checkout(self, asked: TopUp, *, currency: str) -> Checkout:
        return Checkout(f"sbx-{id_under(asked.id, 'card').hex[:20]}", f"/top-up/{asked.id}/card/")

    def sent(self, asked: TopUp, *, currency: str, paid: bool, now: datetime) -> tuple[dict[str, str], bytes]:
        """Headers and body of the message about a payment that was made, or was not."""
        payment = self.checkout(asked, currency=currency).payment
        said = {
            "type": "payment.paid" if paid else "payment.failed",
            "payment": payment,
            "reference": asked.reference,
            "amount_minor": asked.amount.minor,
            "currency": currency,
        }
        body = json.dumps(said, sort_keys=True).encode()
        seconds = int(now.timestamp())
        headers = {
            "webhook-id": payment,
            "webhook-timestamp": str(seconds),
            "webhook-signature": signature([self._secret], message_id=payment, seconds=seconds, body=body),
        }
        return headers, body

    def read(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> CardNotice:
        given = {name.lower(): value for name, value in headers.items()}
        message_id, sent_at = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
        if not (sent_at.isascii() and sent_at.isdecimal() and len(sent_at) <= 12):
            raise CallbackNotGenuine(reason="it does not say when it was sent")
        expected = signature([self._secret], message_id=message_id, seconds=int(sent_at), body=body)
        signed = given.get("webhook-signature", "").split(" ")
        if not any(hmac.compare_digest(one.encode(), expected.encode()) for one in signed):
            raise CallbackNotGenuine(reason="its signature is not the provider's")
        if abs(now.timestamp() - int(sent_at)) > OLDEST_SECONDS:
            raise CallbackNotGenuine(reason="it is too old")
        try:
            said: dict[str, Any] = json.loads(body)
            return CardNotice(
                str(said["payment"]), str(said["reference"]), int(said["amount_minor"]), str(said["currency"]),
                said["type"] == "payment.paid",
            )  # fmt: skip
        except (ValueError, KeyError, TypeError):
            raise CallbackNotGenuine(reason="it cannot be read") from None


def provider_of(*, demonstration: bool, secrets: Secrets) -> CardProvider | None:
    """Who takes cards for a town: the sandbox in a demonstration, nobody elsewhere."""
    if not demonstration:
        return None
    return SandboxCards(hmac.new(secrets.lookup, b"koinon sandbox cards", hashlib.sha256).digest())


def heard(
    conn: Connection[Any],
    *,
    town_id: int,
    provider: CardProvider | None,
    headers: Mapping[str, str],
    body: bytes,
    at: datetime,
) -> TopUp | None:
    """A message of the provider: a payment that was made is confirmed, once; of one that was not nothing comes.

    Refuses with ``CardsNotOffered``, ``CallbackNotGenuine`` and as ``topups.confirm`` does.
    """
    if provider is None:
        raise CardsNotOffered
    notice = provider.read(headers=headers, body=body, now=at)
    town = parties.town(conn, town_id)
    if notice.currency != town.national_currency:
        raise CallbackNotGenuine(reason=f"it speaks of {notice.currency}")
    if not notice.paid:
        return None
    return topups.confirm(
        conn,
        town_id=town_id,
        reference=notice.reference,
        amount=Amount(notice.minor, town.unit_code),
        way=Way.CARD,
        source_reference=f"{provider.code}:{notice.payment}",
        at=at,
        actor=f"card:{provider.code}",
    )
