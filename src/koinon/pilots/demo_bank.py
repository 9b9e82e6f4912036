"""What the demonstration's bank writes: statements (camt.053) and reports on payment files (pain.002)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.banking import queries as bank_books
from koinon.banking.importing import MAIN
from koinon.kernel.text import normal_identifier
from koinon.parties.secrets import Secrets
from koinon.parties.types import TownFacts
from koinon.parties.vault import Vault
from koinon.treasury.types import BankPayment, Run

CLOSED_ACCOUNT = "AC04"  # ISO 20022's external code of a reason.


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of a statement; ``minor`` is negative for money that left, ``returned`` says why it came back."""

    day: date
    minor: int
    reference: str
    message_id: str = ""
    end_to_end_id: str = ""
    text: str = ""
    returned: str = ""


def account_of(conn: Connection[Any], town: TownFacts, secrets: Secrets) -> str:
    """The account that the town's payouts leave from; empty where it has none that a statement could name."""
    return normal_identifier(Vault(conn, secrets).get(town.party_id, ("iban",)).get("iban", ""))


def last_closing(conn: Connection[Any], town: TownFacts) -> int | None:
    """What the last statement ended with, in minor units; None before the first one."""
    kept = {one.code: one.closing_minor for one in bank_books.reserve(conn, town_id=town.id).accounts}
    return kept.get(MAIN)


def kept(file: Path, run: Run) -> bytes | None:
    """A file that an earlier run of the demonstration wrote, where it speaks of this payout and not of a town since deleted."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    return content if run.id.hex.encode() in content else None


def camt053(account: str, town: TownFacts, name: str, opening: int, movements: Sequence[Movement]) -> bytes:
    """A statement that ends on the day of its last movement."""

    def amount(parent: ET.Element, minor: int) -> None:
        whole = Decimal(abs(minor)).scaleb(-town.exponent)
        _child(parent, "Amt", f"{whole:.{town.exponent}f}").set("Ccy", town.national_currency)
        _child(parent, "CdtDbtInd", "DBIT" if minor < 0 else "CRDT")

    document = ET.Element("Document", xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08")
    told = _child(document, "BkToCstmrStmt")
    last = movements[-1].day
    header = _child(told, "GrpHdr")
    _child(header, "MsgId", name)
    _child(header, "CreDtTm", f"{last}T20:00:00")
    stmt = _child(told, "Stmt")
    _child(stmt, "Id", name)
    acct = _child(stmt, "Acct")
    _child(_child(acct, "Id"), "IBAN", account)
    _child(acct, "Ccy", town.national_currency)
    for kind, minor in (("OPBD", opening), ("CLBD", opening + sum(one.minor for one in movements))):
        balance = _child(stmt, "Bal")
        _child(_child(_child(balance, "Tp"), "CdOrPrtry"), "Cd", kind)
        amount(balance, minor)
        _child(_child(balance, "Dt"), "Dt", last.isoformat())
    for one in movements:
        entry = _child(stmt, "Ntry")
        amount(entry, one.minor)
        _child(_child(entry, "Sts"), "Cd", "BOOK")
        _child(_child(entry, "BookgDt"), "Dt", one.day.isoformat())
        _child(_child(entry, "ValDt"), "Dt", one.day.isoformat())
        _child(entry, "AcctSvcrRef", one.reference)
        details = _child(_child(entry, "NtryDtls"), "TxDtls")
        named = {"MsgId": one.message_id, "EndToEndId": one.end_to_end_id}
        if any(named.values()):
            refs = _child(details, "Refs")
            for tag, words in named.items():
                if words:
                    _child(refs, tag, words)
        if one.text:
            _child(_child(details, "RmtInf"), "Ustrd", one.text)
        if one.returned:
            _child(_child(_child(details, "RtrInf"), "Rsn"), "Cd", one.returned)
    return _written(document)


def pain002(name: str, day: date, run: Run, payments: Sequence[BankPayment], refused: Collection[UUID]) -> bytes:
    """The bank will pay these payments of a run, but for those whose account is closed."""
    document = ET.Element("Document", xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10")
    told = _child(document, "CstmrPmtStsRpt")
    header = _child(told, "GrpHdr")
    _child(header, "MsgId", name)
    _child(header, "CreDtTm", f"{day}T20:00:00")
    group = _child(told, "OrgnlGrpInfAndSts")
    _child(group, "OrgnlMsgId", run.id.hex)
    _child(group, "OrgnlMsgNmId", "pain.001.001.09")
    _child(group, "GrpSts", "PART" if refused else "ACCP")
    paid = _child(told, "OrgnlPmtInfAndSts")
    _child(paid, "OrgnlPmtInfId", run.id.hex)
    for one in payments:
        answer = _child(paid, "TxInfAndSts")
        _child(answer, "OrgnlEndToEndId", one.id.hex)
        _child(answer, "TxSts", "RJCT" if one.id in refused else "ACCP")
        if one.id in refused:
            _child(_child(_child(answer, "StsRsnInf"), "Rsn"), "Cd", CLOSED_ACCOUNT)
    return _written(document)


def _child(parent: ET.Element, name: str, words: str = "") -> ET.Element:
    made = ET.SubElement(parent, name)
    made.text = words or None
    return made


def _written(document: ET.Element) -> bytes:
    return str(ET.tostring(document, encoding="unicode", xml_declaration=True)).encode()
