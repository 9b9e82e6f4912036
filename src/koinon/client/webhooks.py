"""Checking that a webhook message comes from the service (Standard Webhooks 1.0: HMAC-SHA256 over id, time and body)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from koinon.client.errors import NotVerified

TOLERANCE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Message:
    """What a webhook was told. ``id`` is the same each time the event is sent: remember it to act once."""

    id: str
    content: dict[str, Any]


def verify(
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: float | None = None,
    tolerance_seconds: int = TOLERANCE_SECONDS,
) -> Message:
    """The message, or ``NotVerified`` where it was not signed by the secret or lies too far from now.

    ``body`` is what arrived, byte for byte: JSON that was read and written again has another signature.

    >>> secret = "whsec_" + base64.b64encode(b"0123456789abcdef").decode()
    >>> body = b'{"type":"payment.posted"}'
    >>> headers = sign(secret, "evt-1", 1_700_000_000, body)
    >>> verify(secret, headers, body, now=1_700_000_010).content
    {'type': 'payment.posted'}
    >>> verify(secret, headers, body + b" ", now=1_700_000_010)
    Traceback (most recent call last):
    koinon.client.errors.NotVerified: none of its signatures is that of the secret
    """
    given = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, stamp = given["webhook-id"], given["webhook-timestamp"]
        signatures = given["webhook-signature"].split()
        sent = int(stamp)
    except (KeyError, ValueError):
        raise NotVerified("a webhook-id, webhook-timestamp or webhook-signature is missing") from None
    if abs((time.time() if now is None else now) - sent) > tolerance_seconds:
        raise NotVerified("it was sent too long ago, or is from the future")
    expected = sign(secret, message_id, sent, body)["webhook-signature"].encode()
    if not any(hmac.compare_digest(expected, one.encode()) for one in signatures):
        raise NotVerified("none of its signatures is that of the secret")
    return Message(message_id, json.loads(body))


def sign(secret: str, message_id: str, sent: int, body: bytes) -> dict[str, str]:
    """The headers that the service would send; for tests of your own."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise NotVerified("the secret is none") from None
    signed = f"{message_id}.{sent}.".encode() + body
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(sent), "webhook-signature": f"v1,{signature}"}
