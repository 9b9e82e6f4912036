"""Sealing values and wrapping keys: AES-256-GCM and HMAC-SHA256, no database.

Everything sealed is bound to its place (town, party, field) as associated data,
so that a value copied to another row or field does not open there.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from koinon.parties.errors import SealBroken

KEY_BYTES = 32
_NONCE_BYTES = 12


def new_key() -> bytes:
    """A fresh 256-bit key."""
    return os.urandom(KEY_BYTES)


def place(town_id: int, party_id: UUID, field: str) -> bytes:
    """The associated data that binds a value to its field.

    >>> place(1, UUID(int=7), "name")
    b'koinon-vault-1|1|00000000-0000-0000-0000-000000000007|name'
    """
    return f"koinon-vault-1|{town_id}|{party_id}|{field}".encode()


def seal(key: bytes, value: bytes, associated: bytes) -> bytes:
    """Nonce and ciphertext. The nonce is random: keys are one a party, so few values share one.

    >>> key = new_key()
    >>> unseal(key, seal(key, b"Ana", b"here"), b"here")
    b'Ana'
    """
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, value, associated)


def unseal(key: bytes, sealed: bytes, associated: bytes) -> bytes:
    """The value, or ``SealBroken`` where key, place or bytes are not the ones it was sealed with."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], associated)
    except (InvalidTag, ValueError):
        raise SealBroken from None


def digest(key: bytes, town_id: int, kind: str, normal_value: str) -> bytes:
    """A keyed hash by which a value is found again.

    A plain hash would not do: national identifiers are few enough to try them all.
    """
    return hmac.new(key, f"koinon-lookup-1|{town_id}|{kind}|{normal_value}".encode(), hashlib.sha256).digest()
