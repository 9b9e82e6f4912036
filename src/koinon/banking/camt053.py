"""Bank to customer statement: camt.053.001.02 and .08."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import date

from koinon.banking import cells
from koinon.banking.findings import finding
from koinon.banking.types import Details, FileKind, ReadEntry, ReadStatement
from koinon.banking.xml_reading import first, text
from koinon.kernel.decisions import Finding
from koinon.kernel.text import normal_identifier

NAMESPACES = frozenset(f"urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}" for version in ("02", "08"))
MOST_ENTRIES = 20_000
_LONGEST_REFERENCE = 140
_LONGEST_TEXT = 1000
# Bank transaction codes (ISO 20022 external code set): families of returned and of reversed credit transfers.
_RETURNS = ("RRTN", "RPCR", "UPCT")


class Reader:
    """Reads one document; every finding is kept with the number of its movement."""

    def __init__(self, *, exponent: int, today: date) -> None:
        self._exponent, self._today = exponent, today
        self._count = 0
        self.findings: list[Finding] = []

    def statements(self, root: ET.Element) -> list[ReadStatement]:
        found = root.findall("BkToCstmrStmt/Stmt")
        if not found:
            self._wrong("bank.field-missing", "Stmt")
        return [statement for each in found if (statement := self._statement(each)) is not None]

    def _statement(self, stmt: ET.Element) -> ReadStatement | None:
        account = normal_identifier(first(stmt, "Acct/Id/IBAN", "Acct/Id/Othr/Id"))
        if not account:
            self._wrong("bank.field-missing", "Acct")
        currency = text(stmt, "Acct/Ccy")
        opening, closing = self._balance(stmt, "OPBD", "PRCD"), self._balance(stmt, "CLBD")
        balances = [amount.get("Ccy", "") for amount in stmt.findall("Bal/Amt")]
        currency = currency or next(iter(balances), "")
        entries: list[ReadEntry] = []
        pending = total = 0
        for ntry in stmt.findall("Ntry"):
            self._count += 1
            if self._count > MOST_ENTRIES:
                self._wrong("bank.entries-too-many")
                return None
            if first(ntry, "Sts/Cd", "Sts") != "BOOK":
                pending += 1
                continue
            amount = self._amount(ntry.find("Amt"), currency, text(ntry, "CdtDbtInd"))
            booked = self._day(ntry, "BookgDt")
            if amount is None or booked is None:
                continue
            total += amount
            entries += self._entries(ntry, amount, booked, currency)
        if not self.findings and None not in (opening, closing) and opening + total != closing:  # type: ignore[operator]
            self._wrong("bank.balance-differs", "Bal")
        return ReadStatement(
            kind=FileKind.CAMT_053,
            account=account,
            currency=currency,
            reference=text(stmt, "Id")[:_LONGEST_REFERENCE],
            from_day=cells.day(text(stmt, "FrToDt/FrDtTm")) or min((one.booked_on for one in entries), default=None),
            to_day=cells.day(text(stmt, "FrToDt/ToDtTm")) or max((one.booked_on for one in entries), default=None),
            opening_minor=opening,
            closing_minor=closing,
            entries=tuple(entries),
            pending=pending,
        )

    def _entries(self, ntry: ET.Element, amount: int, booked: date, currency: str) -> list[ReadEntry]:
        """One for each payment of a batch where the bank tells them apart, else the entry as a whole."""
        value_on = cells.day(first(ntry, "ValDt/Dt", "ValDt/DtTm"))
        details = ntry.findall("NtryDtls/TxDtls")
        if len(details) < 2:
            return [self._entry(ntry, details[0] if details else None, amount, booked, value_on)]
        parts = []
        for detail in details:
            given = detail.find("Amt")
            given = detail.find("AmtDtls/TxAmt/Amt") if given is None else given
            direction = text(detail, "CdtDbtInd") or text(ntry, "CdtDbtInd")
            part = None if given is None else self._amount(given, currency, direction)
            if part is None:  # The bank does not say how much each is: the batch stays one movement.
                return [self._entry(ntry, None, amount, booked, value_on)]
            parts.append(part)
        if sum(parts) != amount:
            self._wrong("bank.details-differ", "TxDtls")
            return []
        return [self._entry(ntry, detail, part, booked, value_on) for detail, part in zip(details, parts, strict=True)]

    def _entry(
        self, ntry: ET.Element, detail: ET.Element | None, amount: int, booked: date, value_on: date | None
    ) -> ReadEntry:
        reason = first(detail, "RtrInf/Rsn/Cd")
        code = "/".join(text(ntry, f"BkTxCd/Domn/{step}") for step in ("Cd", "Fmly/Cd", "Fmly/SubFmlyCd")).strip(
            "/"
        ) or text(ntry, "BkTxCd/Prtry/Cd")
        other = "Dbtr" if amount > 0 else "Cdtr"
        remittance = [] if detail is None else [line.text or "" for line in detail.findall("RmtInf/Ustrd")]
        return ReadEntry(
            place=self._count,
            booked_on=booked,
            value_on=value_on,
            amount_minor=amount,
            bank_reference=self._reference(first(detail, "Refs/AcctSvcrRef") or first(ntry, "AcctSvcrRef", "NtryRef")),
            message_id=self._reference(
                first(detail, "Refs/PmtInfId", "Refs/MsgId")
                or first(ntry, "NtryDtls/Btch/PmtInfId", "NtryDtls/Btch/MsgId")
            ),
            end_to_end_id=self._reference(first(detail, "Refs/EndToEndId")).removeprefix("NOTPROVIDED"),
            structured_reference=self._reference(first(detail, "RmtInf/Strd/CdtrRefInf/Ref")),
            is_return=bool(reason)
            or (detail is not None and detail.find("RtrInf") is not None)
            or text(ntry, "RvslInd") in ("true", "1")
            or code.rsplit("/", 1)[-1] in _RETURNS,
            return_code=reason
            if len(reason) == 4 and reason.isascii() and reason.isalnum() and reason.isupper()
            else "",
            bank_code=code[:_LONGEST_REFERENCE],
            details=Details(
                name=first(detail, f"RltdPties/{other}/Pty/Nm", f"RltdPties/{other}/Nm")[:_LONGEST_REFERENCE],
                account=first(detail, f"RltdPties/{other}Acct/Id/IBAN", f"RltdPties/{other}Acct/Id/Othr/Id")[:40],
                text=" ".join(" ".join([*remittance, text(ntry, "AddtlNtryInf")]).split())[:_LONGEST_TEXT],
            ),
        )

    def _balance(self, stmt: ET.Element, *kinds: str) -> int | None:
        for kind in kinds:
            for balance in stmt.findall("Bal"):
                if text(balance, "Tp/CdOrPrtry/Cd") == kind:
                    minor = cells.xml_amount(text(balance, "Amt"), self._exponent)
                    if minor is None:
                        self._wrong("bank.amount-invalid", "Bal")
                        return None
                    return -minor if text(balance, "CdtDbtInd") == "DBIT" else minor
        return None

    def _amount(self, given: ET.Element | None, currency: str, direction: str) -> int | None:
        minor = None if given is None else cells.xml_amount((given.text or "").strip(), self._exponent)
        if not minor:
            self._wrong("bank.amount-invalid", "Amt")
        elif given is not None and currency and given.get("Ccy", "") != currency:
            self._wrong("bank.currency-differs", "Amt")
        elif direction not in ("CRDT", "DBIT"):
            self._wrong("bank.direction-invalid", "CdtDbtInd")
        else:
            return minor if direction == "CRDT" else -minor
        return None

    def _day(self, ntry: ET.Element, name: str) -> date | None:
        said = first(ntry, f"{name}/Dt", f"{name}/DtTm")
        found = cells.day(said)
        if found is None:
            self._wrong("bank.day-invalid" if said else "bank.field-missing", name)
        elif not cells.is_possible(found, self._today):
            self._wrong("bank.day-in-future", name)
        else:
            return found
        return None

    def _reference(self, said: str) -> str:
        if len(said) > _LONGEST_REFERENCE:
            self._wrong("bank.text-too-long", "Refs")
        return said[:_LONGEST_REFERENCE]

    def _wrong(self, code: str, column: str = "") -> None:
        self.findings.append(finding(code, row=self._count, column=column))
