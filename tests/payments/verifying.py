"""Whoever has only the town's public key verifies a request as docs/algorithms/payment-requests.md says."""

from __future__ import annotations

import base64

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from koinon.payments.signing import canonical
from koinon.payments.types import SignedRequest


def is_signed_by(public_key: str, request: SignedRequest) -> bool:
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key))
    try:
        key.verify(request.signature, b"koinon-payment-request-1|" + canonical(request))
    except InvalidSignature:
        return False
    return True
