"""One-time codes of an app on the telephone (TOTP, RFC 6238), and how their secrets are kept.

The secrets are sealed with a key outside the database, as personal data are: a
copy of the database makes nobody's codes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from datetime import datetime

from koinon.parties import crypto
from koinon.parties.secrets import Secrets

PERIOD_SECONDS = 30
_MARK = "k1:"
_USE = b"koinon-second-factor-1"


def new_secret() -> str:
    """A secret of 160 bits, as apps take it: in base 32."""
    return base64.b32encode(os.urandom(20)).decode()


def code_at(secret: str, at: datetime, *, step: int = 0) -> str:
    """The six figures that an app shows at a moment, or ``step`` periods of 30 seconds later.

    Source
    ------
    RFC 6238 with HMAC-SHA-1, of whose test values (appendix B) this shows the last six figures.

    Examples
    --------
    >>> from datetime import UTC
    >>> secret = base64.b32encode(b"12345678901234567890").decode()
    >>> code_at(secret, datetime(1970, 1, 1, 0, 0, 59, tzinfo=UTC)), code_at(secret, datetime(2009, 2, 13, 23, 31, 30, tzinfo=UTC))
    ('287082', '005924')
    """
    counter = int(at.timestamp()) // PERIOD_SECONDS + step
    mac = hmac.new(base64.b32decode(secret), counter.to_bytes(8, "big"), hashlib.sha1).digest()
    start = mac[-1] & 0x0F
    return f"{(int.from_bytes(mac[start : start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


def seal_secret(secrets: Secrets, text: str) -> str:
    """A secret as it may stand in the database.

    >>> kept = Secrets.fresh()
    >>> open_secret(kept, seal_secret(kept, "JBSWY3DPEHPK3PXP"))
    'JBSWY3DPEHPK3PXP'
    """
    return _MARK + base64.b64encode(crypto.seal(_key(secrets), text.encode(), _USE)).decode()


def open_secret(secrets: Secrets, kept: str) -> str:
    """What was sealed; a secret from before secrets were sealed is given back as it stands."""
    if not kept.startswith(_MARK):
        return kept
    return crypto.unseal(_key(secrets), base64.b64decode(kept.removeprefix(_MARK)), _USE).decode()


def _key(secrets: Secrets) -> bytes:
    """A key for this use alone, from the one that stays when the vault's keys are turned."""
    return hmac.new(secrets.lookup, _USE, hashlib.sha256).digest()
