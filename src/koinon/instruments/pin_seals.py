"""The hash of a PIN, sealed under a key outside the database that can be turned over without asking for the PIN again.

Nobody can make the hash of a PIN anew without the PIN. Its last part is therefore sealed by AES-256-GCM under a key that
follows from the current key of the installation: whoever has the database and an old copy of the keys tries no PIN.
docs/algorithms/pin.md has the whole; docs/decisions/0042 says why there are two keys.

The form stays that of Argon2's hashes (PHC string format), with the key's name among the parameters::

    $argon2id$v=19$m=19456,t=2,p=1,keyid=20261123-1$<salt>$<sealed hash>
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from koinon.parties import crypto
from koinon.parties.errors import SealBroken
from koinon.parties.secrets import Secrets

_SEALED = re.compile(r"(\$argon2id\$[^$]+\$[^$,]+(?:,[^$,]+)*),keyid=([A-Za-z0-9.-]+)\$([^$]+)\$([^$]+)")


def sealed(secrets: Secrets, place: bytes, plain: str) -> str:
    """An Argon2id hash as it may stand in the database, under the current key, good at this place alone.

    >>> keys = Secrets(current="a", keys={"a": b"x" * 32}, lookup=b"y" * 32)
    >>> plain = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"
    >>> kept = sealed(keys, b"here", plain)
    >>> kept.rpartition("$")[0]
    '$argon2id$v=19$m=8,t=1,p=1,keyid=a$c2FsdHNhbHQ'
    >>> opened(keys, b"here", kept) == plain
    True
    """
    head, salt, hashed = plain.rsplit("$", 2)
    raw = base64.b64decode(hashed + "=" * (-len(hashed) % 4))
    return f"{head},keyid={secrets.current}${salt}${_text(crypto.seal(_key(secrets, secrets.current), raw, place))}"


def opened(secrets: Secrets, place: bytes, kept: str) -> str:
    """The Argon2id hash; one from before hashes were sealed is given back as it stands.

    Refuses with ``SealBroken`` for one that was moved or changed, and with ``KeyMissing``.
    """
    parts = _SEALED.fullmatch(kept)
    if parts is None:
        if ",keyid=" in kept:
            raise SealBroken
        return kept
    head, key_id, salt, closed = parts.groups()
    try:
        raw = base64.b64decode(closed + "=" * (-len(closed) % 4), validate=True)
    except ValueError:
        raise SealBroken from None
    return f"{head}${salt}${_text(crypto.unseal(_key(secrets, key_id), raw, place))}"


def check_key(secrets: Secrets, kept: str) -> None:
    """Refuses with ``KeyMissing`` where a hash cannot be opened here whoever types what: that is nobody's wrong PIN."""
    if (parts := _SEALED.fullmatch(kept)) is not None:
        secrets.key(parts.group(2))


def sealed_anew(secrets: Secrets, place: bytes, kept: str, *, of: str) -> str:
    """The same hash under the current key; ``of`` names whose it is, by an opaque id, where it does not open."""
    try:
        plain = opened(secrets, place, kept)
    except SealBroken:
        raise SealBroken(place=of) from None
    return sealed(secrets, place, plain)


def mark(secrets: Secrets) -> str:
    """By which a hash under the current key is told from others."""
    return f",keyid={secrets.current}$"


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode().rstrip("=")


def _key(secrets: Secrets, key_id: str) -> bytes:
    return hmac.new(secrets.key(key_id), b"koinon-pin-seal-1", hashlib.sha256).digest()
