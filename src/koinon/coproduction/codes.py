"""What stands in the QR code at a place and at the foot of a certificate: an id, and the town's seal on it.

The key is derived from the one that lies outside the database, so that whoever reads the
database can make no code, and no code can be guessed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from uuid import UUID

from koinon.coproduction.errors import CodeNotValid
from koinon.parties.secrets import Secrets

_SEAL_BYTES = 16
OCCASION, CERTIFICATE = "occasion", "certificate"


def token(secrets: Secrets, kind: str, subject: UUID) -> str:
    """Forty-three letters, digits, dashes and underscores that stand for an occasion or a certificate.

    >>> secrets = Secrets(current="a", keys={"a": b"x" * 32}, lookup=b"y" * 32)
    >>> made = token(secrets, OCCASION, UUID(int=7))
    >>> len(made), subject_of(secrets, OCCASION, made)
    (43, UUID('00000000-0000-0000-0000-000000000007'))
    """
    return base64.urlsafe_b64encode(subject.bytes + _seal(secrets, kind, subject)).decode().rstrip("=")


def subject_of(secrets: Secrets, kind: str, text: str) -> UUID:
    """What a token stands for, or ``CodeNotValid``."""
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise CodeNotValid from None
    if len(content) != 16 + _SEAL_BYTES:
        raise CodeNotValid
    subject = UUID(bytes=content[:16])
    if not hmac.compare_digest(content[16:], _seal(secrets, kind, subject)):
        raise CodeNotValid
    return subject


def _seal(secrets: Secrets, kind: str, subject: UUID) -> bytes:
    return hmac.new(secrets.lookup, f"koinon-coproduction-1|{kind}|".encode() + subject.bytes, hashlib.sha256).digest()[
        :_SEAL_BYTES
    ]
