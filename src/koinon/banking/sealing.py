"""What is kept of a bank's file under keys outside the database: digests to know it again, and sealed details."""

from __future__ import annotations

import hashlib
import hmac
import json
from uuid import UUID

from koinon.banking.types import Details, ReadEntry
from koinon.kernel.text import fold, normal_identifier
from koinon.parties import crypto
from koinon.parties.secrets import Secrets


def number_digest(secrets: Secrets, town_id: int, number: str) -> bytes:
    """By which an account number is known again, however it is typed."""
    return _keyed(secrets, b"koinon-bank-account-1|", [town_id, normal_identifier(number)])


def file_digest(secrets: Secrets, town_id: int, content: bytes) -> bytes:
    """By which a file is known again."""
    return hmac.new(secrets.lookup, f"koinon-bank-file-1|{town_id}|".encode() + content, hashlib.sha256).digest()


def identity(secrets: Secrets, town_id: int, account: UUID, entry: ReadEntry, reference: str) -> bytes:
    """By which a movement is known again in another statement.

    The day, the amount and the bank's reference with the payment's own; where the
    bank gives no reference (``reference`` is empty), everything else it says instead.
    """
    said: list[str | int] = [str(account), entry.booked_on.isoformat(), entry.amount_minor, entry.end_to_end_id]
    if reference:
        said += [reference]
    else:
        said += ["", entry.structured_reference, fold(entry.details.name), fold(entry.details.text)]
    return _keyed(secrets, b"koinon-bank-entry-1|", [town_id, *said])


def seal_file(secrets: Secrets, town_id: int, file: UUID, content: bytes) -> bytes:
    return crypto.seal(_key(secrets), content, crypto.place(town_id, file, "bank_file"))


def unseal_file(secrets: Secrets, town_id: int, file: UUID, sealed: bytes) -> bytes:
    return crypto.unseal(_key(secrets), sealed, crypto.place(town_id, file, "bank_file"))


def seal_details(secrets: Secrets, town_id: int, entry: UUID, details: Details) -> bytes | None:
    """None where the bank says nothing of the other side."""
    said = [details.name, details.account, details.text]
    if not any(said):
        return None
    return crypto.seal(_key(secrets), json.dumps(said).encode(), crypto.place(town_id, entry, "bank_details"))


def unseal_details(secrets: Secrets, town_id: int, entry: UUID, sealed: bytes) -> Details:
    return Details(*json.loads(crypto.unseal(_key(secrets), sealed, crypto.place(town_id, entry, "bank_details"))))


def _key(secrets: Secrets) -> bytes:
    """A key of its own, from the one that stays: what it seals lives only until an entry is matched."""
    return hmac.new(secrets.lookup, b"koinon-bank-seal-1", hashlib.sha256).digest()


def _keyed(secrets: Secrets, label: bytes, said: list[str | int]) -> bytes:
    return hmac.new(secrets.lookup, label + json.dumps(said).encode(), hashlib.sha256).digest()
