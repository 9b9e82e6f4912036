"""The town's signature on a request to be paid: Ed25519 over canonical bytes, by a key outside the database.

A request travels: it stands in a QR code on a till, is sent from one telephone to another. What it says (whom, how much,
until when) can be read by anybody and changed by nobody: the town signs it, and pays no request that it did not sign.

The signing key of a town is derived from the installation's key of the same id (``koinon.parties.secrets``), so that it is
kept, turned and backed up with it; what verifies it is public (``koinon request keys``).
docs/algorithms/payment-requests.md writes the bytes down.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from datetime import UTC, datetime
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from koinon.kernel.money import Amount
from koinon.parties.errors import KeyMissing
from koinon.parties.secrets import Secrets
from koinon.payments.errors import RequestNotGenuine
from koinon.payments.types import SignedRequest

MARK = "R1."
"""What a request begins with in a QR code or a link, behind its ``#``."""

_PREFIX = b"koinon-payment-request-1|"
_HEAD = struct.Struct(">I16s16sQQ")
_LONGEST = 400


def sign(
    secrets: Secrets, *, town_id: int, request: UUID, payee: UUID, amount: Amount, expires_at: datetime
) -> SignedRequest:
    """A request that carries the town's signature, by the current key.

    >>> secrets = Secrets(current="a", keys={"a": b"x" * 32}, lookup=b"y" * 32)
    >>> noon = datetime(2026, 11, 2, 12, tzinfo=UTC)
    >>> signed = sign(secrets, town_id=1, request=UUID(int=1), payee=UUID(int=2), amount=Amount(12_50, "LOC"), expires_at=noon)
    >>> read(secrets, token(signed)) == signed
    True
    """
    bare = SignedRequest(town_id, request, payee, amount, expires_at, secrets.current, b"")
    signature = _key(secrets, town_id, secrets.current).sign(_PREFIX + canonical(bare))
    return SignedRequest(town_id, request, payee, amount, expires_at, secrets.current, signature)


def token(request: SignedRequest) -> str:
    """A signed request as text, for a QR code or behind the ``#`` of a link; ``read`` reads it back."""
    return MARK + base64.urlsafe_b64encode(canonical(request) + request.signature).decode().rstrip("=")


def read(secrets: Secrets, text: str) -> SignedRequest:
    """What a request says as text, its signature looked at; or ``RequestNotGenuine``."""
    content = text.strip().removeprefix(MARK)
    if len(content) > _LONGEST:
        raise RequestNotGenuine
    try:
        raw = base64.b64decode(content + "=" * (-len(content) % 4), altchars=b"-_", validate=True)
        town_id, request, payee, minor, seconds = _HEAD.unpack_from(raw)
        rest = raw[_HEAD.size :]
        unit, rest = _text(rest)
        key_id, signature = _text(rest)
        found = SignedRequest(
            town_id, UUID(bytes=request), UUID(bytes=payee), Amount(minor, unit), datetime.fromtimestamp(seconds, UTC),
            key_id, signature,
        )  # fmt: skip
    except (binascii.Error, struct.error, ValueError, IndexError, OverflowError, OSError):
        raise RequestNotGenuine from None
    verify(secrets, found)
    return found


def verify(secrets: Secrets, request: SignedRequest) -> None:
    """Whether the town signed exactly this, or ``RequestNotGenuine``."""
    try:
        key = _key(secrets, request.town_id, request.key_id).public_key()
        key.verify(request.signature, _PREFIX + canonical(request))
    except (InvalidSignature, KeyMissing, struct.error, ValueError):
        raise RequestNotGenuine from None


def public_keys(secrets: Secrets, town_id: int) -> dict[str, str]:
    """What verifies a town's requests, by the id of the key: 32 bytes in base64."""
    return {
        key_id: base64.b64encode(_key(secrets, town_id, key_id).public_key().public_bytes_raw()).decode()
        for key_id in secrets.keys
    }


def canonical(request: SignedRequest) -> bytes:
    """What is signed: town, request, payee, amount, the second until which it holds, unit and key, in this order."""
    unit, key_id = request.amount.unit.encode(), request.key_id.encode()
    return (
        _HEAD.pack(
            request.town_id, request.id.bytes, request.payee.bytes, request.amount.minor,
            int(request.expires_at.timestamp()),
        )
        + bytes([len(unit)]) + unit + bytes([len(key_id)]) + key_id
    )  # fmt: skip


def _text(raw: bytes) -> tuple[str, bytes]:
    length = raw[0]
    if len(raw) < 1 + length:
        raise ValueError(raw)
    return raw[1 : 1 + length].decode("ascii"), raw[1 + length :]


def _key(secrets: Secrets, town_id: int, key_id: str) -> Ed25519PrivateKey:
    seed = hmac.new(secrets.key(key_id), b"koinon-request-key-1|" + str(town_id).encode(), hashlib.sha256).digest()
    return Ed25519PrivateKey.from_private_bytes(seed)
