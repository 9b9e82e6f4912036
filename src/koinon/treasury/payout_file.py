"""Putting a run's file together: the only place where payees' names and accounts are read."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from psycopg import Connection

from koinon.kernel.decisions import Ground
from koinon.kernel.money import Amount, total
from koinon.parties.secrets import Secrets
from koinon.parties.types import TownFacts
from koinon.parties.vault import Vault
from koinon.treasury import pain001, payout_csv, rules
from koinon.treasury.errors import CurrencyNotSepa, PayeesNotPayable
from koinon.treasury.types import CreditTransfer, FileFormat, Payee, Payment, PaymentFile, Run

_FIELDS = ("name", "iban")


def assemble(
    conn: Connection[Any],
    *,
    town: TownFacts,
    run: Run,
    payments: Sequence[Payment],
    file_format: FileFormat,
    execution_day: date,
    created_at: datetime,
    secrets: Secrets,
    actor: str,
    at: datetime,
) -> PaymentFile:
    """The bank's file for a run. That accounts were read, whose and by whom, goes into the audit trail.

    Refuses with ``CurrencyNotSepa``, and with ``PayeesNotPayable`` listing every
    payee (and the town itself) that a bank would turn away.
    """
    if file_format is not FileFormat.CSV and town.national_currency != rules.EURO:
        raise CurrencyNotSepa(currency=town.national_currency)
    parties = [payment.party for payment in payments]
    sealed = Vault(conn, secrets).reveal(
        [*parties, town.party_id], _FIELDS, actor=actor, reason=f"payout run {run.id}", at=at
    )
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
