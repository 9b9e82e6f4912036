"""Secrets and scopes: no clock, no database.

A secret tells what it is, and to which town it belongs, before anything is looked up:

    koinon_live_7_<43 characters><6 characters>     a key of town 7
    koinon_test_7_...                               the same of a sandbox
    koinon_token_7_...                              an access token
    koinon_client_7_<32 hexadecimal digits>         a client's name (RFC 6749), which is no secret

The last six characters are a checksum, so that a slip or an invented secret is told without a
look into the database, and programs that search code for leaked secrets know one for sure.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from hashlib import sha256
from uuid import UUID

from koinon.api.errors import ScopeUnknown
from koinon.api.types import Scope

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH = 43  # 62 to the 43rd is more than 2 to the 256th.
_CHECK = 6
_SECRET = re.compile(r"koinon_(live|test|token)_([1-9][0-9]{0,9})_([0-9A-Za-z]{49})")
_CLIENT = re.compile(r"koinon_client_([1-9][0-9]{0,9})_([0-9a-f]{32})")
_LARGEST_TOWN = 2**31 - 1


def new_secret(kind: str, town_id: int) -> str:
    """A secret of 256 random bits.

    >>> secret = new_secret("live", 7)
    >>> secret[:14], len(secret), town_of(secret)
    ('koinon_live_7_', 63, 7)
    """
    begun = f"koinon_{kind}_{town_id}_" + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    return begun + _checksum(begun)


def _checksum(text: str) -> str:
    number, marks = int.from_bytes(sha256(text.encode()).digest()[:8], "big"), []
    for _ in range(_CHECK):
        number, mark = divmod(number, len(_ALPHABET))
        marks.append(_ALPHABET[mark])
    return "".join(marks)


def town_of(secret: str) -> int | None:
    """The town a secret belongs to, or None where it can be none.

    >>> town_of("koinon_live_7_" + "0" * 49) is None
    True
    """
    found = _SECRET.fullmatch(secret)
    if found is None or secret[-_CHECK:] != _checksum(secret[:-_CHECK]):
        return None
    town = int(found[2])
    return town if town <= _LARGEST_TOWN else None


def is_token(secret: str) -> bool:
    return secret.startswith("koinon_token_")


def digest(secret: str) -> bytes:
    """What is kept of a secret. It has 256 random bits, so that a plain hash cannot be turned back."""
    return sha256(secret.encode()).digest()


def client_id(town_id: int, credential: UUID) -> str:
    """What a client calls itself when it asks for a token."""
    return f"koinon_client_{town_id}_{credential.hex}"


def client_of(text: str) -> tuple[int, UUID] | None:
    """Town and credential that a client's name stands for.

    >>> client_of(client_id(7, UUID(int=5)))
    (7, UUID('00000000-0000-0000-0000-000000000005'))
    """
    found = _CLIENT.fullmatch(text)
    if found is None or int(found[1]) > _LARGEST_TOWN:
        return None
    return int(found[1]), UUID(found[2])


def known_scopes(asked: Iterable[str], among: Iterable[str] = tuple(Scope)) -> tuple[str, ...]:
    """The scopes asked for, each once and in our order, or ``ScopeUnknown`` with those that cannot be had.

    >>> known_scopes(["payments:read", "payments:write", "payments:read"])
    ('payments:write', 'payments:read')
    """
    wanted, offered = set(asked), set(map(str, among))
    if unknown := sorted(wanted - offered):
        raise ScopeUnknown(scopes=unknown)
    return tuple(scope.value for scope in Scope if scope in wanted)
