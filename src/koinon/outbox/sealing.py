"""Sealing the secrets of webhooks: AES-256-GCM under a key derived from the installation's, bound to town and endpoint."""

from __future__ import annotations

import hashlib
import hmac
import os
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from koinon.kernel.errors import KoinonError
from koinon.outbox.errors import SecretNotReadable
from koinon.outbox.types import Keys

_NONCE_BYTES = 12


def seal(keys: Keys, *, town_id: int, endpoint: UUID, secret: bytes) -> tuple[str, bytes]:
    """The id of the key it was sealed by, and nonce and ciphertext."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = AESGCM(_own_key(keys, keys.current)).encrypt(nonce, secret, _place(town_id, endpoint))
    return keys.current, nonce + sealed


def unseal(keys: Keys, *, town_id: int, endpoint: UUID, key_id: str, sealed: bytes) -> bytes:
    """The secret, or ``SecretNotReadable`` where the key is not here or is not the one."""
    try:
        own = _own_key(keys, key_id)
        return AESGCM(own).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _place(town_id, endpoint))
    except (InvalidTag, ValueError, KeyError, KoinonError):
        raise SecretNotReadable(key_id=key_id, endpoint=endpoint) from None


def _own_key(keys: Keys, key_id: str) -> bytes:
    # A key of its own for each use, so that nothing sealed here opens as something of the vault.
    return hmac.new(keys.key(key_id), b"koinon-outbox-1", hashlib.sha256).digest()


def _place(town_id: int, endpoint: UUID) -> bytes:
    return f"koinon-outbox-1|{town_id}|{endpoint}".encode()
