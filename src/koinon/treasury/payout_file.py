"""Putting a run's file together: the only place where payees' names and accounts are read.

An approval covers them as well. What is kept of each payee is a digest under a
key outside the database, so that whoever can write to the database, or change
a shop's account, can neither read it nor make another.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.kernel.decisions import Ground
from koinon.kernel.money import Amount, total
from koinon.kernel.text import normal_identifier
from koinon.parties.secrets import Secrets
from koinon.parties.types import TownFacts
from koinon.parties.vault import Vault
from koinon.treasury import pain001, payout_csv, rules
from koinon.treasury.errors import CurrencyNotSepa, PayeeChanged, PayeesNotPayable
from koinon.treasury.types import BankPayment, CreditTransfer, FileFormat, Payee, PaymentFile, Run

_FIELDS = ("name", "iban")


def assemble(
    conn: Connection[Any],
    *,
    town: TownFacts,
    run: Run,
    payments: Sequence[BankPayment],
    file_format: FileFormat,
    execution_day: date,
    created_at: datetime,
    secrets: Secrets,
    actor: str,
    at: datetime,
) -> PaymentFile:
    """The bank's file for a run. That accounts were read, whose and by whom, goes into the audit trail.

    Refuses with ``CurrencyNotSepa``, with ``PayeeChanged`` when the first file
    would pay otherwise than approved, and with ``PayeesNotPayable`` listing every
    payee (and the town itself) that a bank would turn away.
    """
    if file_format is not FileFormat.CSV and town.national_currency != rules.EURO:
        raise CurrencyNotSepa(currency=town.national_currency)
    parties = [payment.party for payment in payments]
    sealed = Vault(conn, secrets).reveal(
        [*parties, town.party_id], _FIELDS, actor=actor, reason=f"payout run {run.id}", at=at
    )
    if run.exported_at is None:  # Later files are compared with the first one as a whole.
        # From what was just read, so that nothing can change between the comparison and the file.
        needs_same_payees(run, payments, {one.id: _payee_digest(secrets, town.id, one, sealed) for one in payments})
    grounds: list[Ground] = []
    debtor: Payee | None = None
    if file_format is not FileFormat.CSV:  # A CSV file is uploaded to the town's own account; it names no debtor.
        fields = {"name": town.name, **sealed.get(town.party_id, {})}
        debtor, missing = rules.payee(town.party_id, fields, file_format)
        grounds += missing
    transfers = []
    for payment in payments:
        payee, missing = rules.payee(payment.party, sealed.get(payment.party, {}), file_format)
        grounds += missing
        if payee is not None:
            transfers.append(
                CreditTransfer(
                    end_to_end_id=payment.id.hex,
                    payee=payee,
                    amount_minor=payment.amount.minor,
                    remittance=f"{town.name} {town.unit_code} {run.prepared_at.astimezone(town.zone):%Y-%m-%d}",
                )
            )
    if grounds:
        raise PayeesNotPayable(grounds=grounds)
    if debtor is None:
        content = payout_csv.write(
            currency=town.national_currency, exponent=town.exponent, execution_day=execution_day, transfers=transfers
        )
    else:
        content = pain001.write(
            file_format=file_format,
            message_id=run.id.hex,
            created_at=created_at.astimezone(town.zone),
            execution_day=execution_day,
            debtor=debtor,
            transfers=transfers,
        )
    whole = total((payment.amount for payment in payments), town.unit_code)
    assert whole == run.total
    assert len(transfers) == run.payments
    is_csv = file_format is FileFormat.CSV
    return PaymentFile(
        name=f"{town.slug}-payout-{run.id.hex[-12:]}.{'csv' if is_csv else 'xml'}",
        media_type="text/csv; charset=utf-8" if is_csv else "application/xml",
        content=content,
        sha256=hashlib.sha256(content).hexdigest(),
        payments=len(transfers),
        total=Amount(whole.minor, town.national_currency),
    )


def digest(secrets: Secrets, content: bytes) -> bytes:
    """What is kept of a file to know it again. Keyed, because a plain hash of a file with
    one payment would let the account be found by trying."""
    return hmac.new(secrets.lookup, b"koinon-payout-file-1|" + content, hashlib.sha256).digest()


def payee_digests(
    conn: Connection[Any], *, town_id: int, payments: Sequence[BankPayment], secrets: Secrets
) -> dict[UUID, bytes]:
    """What is kept of whom each payment pays as things stand; nobody gets to see a name or an account."""
    sealed = Vault(conn, secrets).get_many([payment.party for payment in payments], _FIELDS)
    return {payment.id: _payee_digest(secrets, town_id, payment, sealed) for payment in payments}


def needs_same_payees(run: Run, payments: Sequence[BankPayment], now: Mapping[UUID, bytes]) -> None:
    """Refuse with ``PayeeChanged`` unless every payment still pays as it was approved to."""
    changed = [payment.party for payment in payments if payment.payee_digest != now[payment.id]]
    if changed:
        raise PayeeChanged(run=run.id, parties=changed)


def fingerprint(digests: Mapping[UUID, bytes]) -> str:
    """Sixteen digits that two people can compare: the same as long as names, accounts and amounts are.

    >>> fingerprint({UUID(int=1): b"one", UUID(int=2): b"two"})
    '25b6 746d 5172 ed63'
    """
    digits = hashlib.sha256(b"".join(digests[payment] for payment in sorted(digests))).hexdigest()
    return " ".join(digits[place : place + 4] for place in range(0, 16, 4))


def _payee_digest(
    secrets: Secrets, town_id: int, payment: BankPayment, sealed: Mapping[UUID, Mapping[str, str]]
) -> bytes:
    fields = sealed.get(payment.party, {})
    said = [
        town_id,
        str(payment.run_id),
        str(payment.id),
        str(payment.party),
        payment.amount.minor,
        payment.amount.unit,
        " ".join(fields.get("name", "").split()),
        normal_identifier(fields.get("iban", "")),
    ]
    return hmac.new(secrets.lookup, b"koinon-payee-1|" + json.dumps(said).encode(), hashlib.sha256).digest()


def keep(folder: Path, name: str, content: bytes) -> Path:
    """Write a file for the bank where only its owner can read it, whole or not at all.

    It is written under a new name and then takes its own: a link that lies there
    is replaced and not followed, and so is an older file with wider permissions.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, part = tempfile.mkstemp(prefix=f".{name}.", dir=folder)  # O_EXCL, O_NOFOLLOW and mode 0600.
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, folder / name)
    except BaseException:
        os.unlink(part)
        raise
    listing = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(listing)
    finally:
        os.close(listing)
    return folder / name
