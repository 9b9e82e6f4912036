"""Credit transfer initiation for SEPA: pain.001.001.03 and .09."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from importlib.resources import as_file, files
from typing import Any

import xmlschema
from sepaxml import SepaTransfer

from koinon.treasury.sepa_text import sepa_text
from koinon.treasury.types import CreditTransfer, FileFormat, Payee

LONGEST_NAME = 70
LONGEST_REMITTANCE = 140
LONGEST_ID = 35


class _StableTransfer(SepaTransfer):  # type: ignore[misc]  # sepaxml carries no types
    """sepaxml's file with our own identifiers and time, so that the same run gives the same bytes.

    sepaxml itself takes the clock and random identifiers, and leaves the debtor's
    bank empty where no BIC is given; banks expect NOTPROVIDED there (EPC132-08).
    """

    def __init__(self, config: dict[str, Any], *, schema: str, message_id: str, created_at: datetime) -> None:
        super().__init__(config, schema=schema, clean=False)
        header = self._xml.find("CstmrCdtTrfInitn/GrpHdr")
        header.find("MsgId").text = self.msg_id = message_id
        header.find("CreDtTm").text = created_at.strftime("%Y-%m-%dT%H:%M:%S")

    def _finalize_batch(self) -> None:
        super()._finalize_batch()
        for number, information in enumerate(self._xml.iter("PmtInf"), start=1):
            information.find("PmtInfId").text = f"{self.msg_id}-{number}"
            institution = information.find("DbtrAgt/FinInstnId")
            if len(institution) == 0:
                other = ET.SubElement(institution, "Othr")
                ET.SubElement(other, "Id").text = "NOTPROVIDED"


def write(
    *,
    file_format: FileFormat,
    message_id: str,
    created_at: datetime,
    execution_day: date,
    debtor: Payee,
    transfers: Sequence[CreditTransfer],
) -> bytes:
    """The file of one run, in UTF-8, valid against the schema of its version.

    Amounts are euro cents. Names and remittance texts are transliterated and cut
    to the lengths SEPA allows; identifiers must already fit. What comes in again
    comes out again, byte by byte.
    """
    assert file_format in (FileFormat.PAIN_001_03, FileFormat.PAIN_001_09)
    assert transfers
    assert len(message_id) <= LONGEST_ID - 2
    assert all(0 < len(transfer.end_to_end_id) <= LONGEST_ID for transfer in transfers)
    document = _StableTransfer(
        {
            "name": sepa_text(debtor.name, longest=LONGEST_NAME),
            "IBAN": debtor.account,
            "batch": True,
            "currency": "EUR",
        },
        schema=file_format.value,
        message_id=message_id,
        created_at=created_at,
    )
    for transfer in transfers:
        document.add_payment(
            {
                "name": sepa_text(transfer.payee.name, longest=LONGEST_NAME),
                "IBAN": transfer.payee.account,
                "amount": transfer.amount_minor,
                "description": sepa_text(transfer.remittance, longest=LONGEST_REMITTANCE),
                "execution_date": execution_day,
                "endtoend_id": transfer.end_to_end_id,
            }
        )
    content: bytes = document.export(validate=False, pretty_print=True)
    errors = faults(content, file_format)
    # The reasons may quote names and accounts, so they do not go into the message.
    assert not errors, f"{len(errors)} faults against {file_format.value}"
    return content


def faults(content: bytes, file_format: FileFormat) -> list[str]:
    """Where a file breaks its schema; empty for a valid one."""
    return [str(error.reason) for error in _schema(file_format).iter_errors(content.decode())]


@cache
def _schema(file_format: FileFormat) -> xmlschema.XMLSchema:
    with as_file(files("sepaxml").joinpath("schemas", f"{file_format.value}.xsd")) as path:
        return xmlschema.XMLSchema(str(path))
