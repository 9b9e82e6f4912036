"""Bank files for tests, as a bank would write them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from xml.sax.saxutils import escape

CAMT_02, CAMT_08 = "camt.053.001.02", "camt.053.001.08"


@dataclass(frozen=True)
class Line:
    """One movement; ``amount`` is negative for money out."""

    amount: str
    reference: str = ""
    end_to_end_id: str = ""
    message_id: str = ""
    structured: str = ""
    text: str = ""
    name: str = ""
    returned: str = ""
    code: str = ""
    day: date = date(2026, 11, 3)
    status: str = "BOOK"


def camt(
    *lines: Line,
    account: str = "ES7921000813610123456789",
    version: str = CAMT_02,
    opening: str = "0.00",
    closing: str | None = None,
    currency: str = "EUR",
    ident: str = "S1",
) -> bytes:
    booked = sum((Decimal(line.amount) for line in lines if line.status == "BOOK"), Decimal(opening))
    balances = _balance("OPBD", Decimal(opening), currency) + _balance(
        "CLBD", booked if closing is None else Decimal(closing), currency
    )
    entries = "".join(_entry(line, version, currency) for line in lines)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:{version}">'
        f"<BkToCstmrStmt><GrpHdr><MsgId>M</MsgId><CreDtTm>2026-11-04T06:00:00</CreDtTm></GrpHdr><Stmt><Id>{ident}</Id>"
        f"<Acct><Id><IBAN>{account}</IBAN></Id><Ccy>{currency}</Ccy></Acct>{balances}{entries}</Stmt></BkToCstmrStmt>"
        "</Document>"
    ).encode()


def _balance(kind: str, amount: Decimal, currency: str) -> str:
    direction = "CRDT" if amount >= 0 else "DBIT"
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy="{currency}">{abs(amount)}</Amt>'
        f"<CdtDbtInd>{direction}</CdtDbtInd><Dt><Dt>2026-11-03</Dt></Dt></Bal>"
    )


def _entry(line: Line, version: str, currency: str) -> str:
    out = line.amount.startswith("-")
    amount = f'<Amt Ccy="{currency}">{line.amount.lstrip("-")}</Amt>'
    direction = f"<CdtDbtInd>{'DBIT' if out else 'CRDT'}</CdtDbtInd>"
    status = f"<Sts>{line.status}</Sts>" if version == CAMT_02 else f"<Sts><Cd>{line.status}</Cd></Sts>"
    code = f"<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>{line.code or 'ESCT'}</SubFmlyCd></Fmly></Domn></BkTxCd>"
    who = "Cdtr" if out else "Dbtr"
    name = f"<Nm>{escape(line.name)}</Nm>"
    party = f"<{who}>{name if version == CAMT_02 else f'<Pty>{name}</Pty>'}</{who}>"
    reference = f"<AcctSvcrRef>{line.reference}</AcctSvcrRef>" if line.reference else ""
    refs = "".join(
        f"<{tag}>{said}</{tag}>"
        for tag, said in (("PmtInfId", line.message_id), ("EndToEndId", line.end_to_end_id))
        if said
    )
    remittance = (f"<Ustrd>{escape(line.text)}</Ustrd>" if line.text else "") + (
        f"<Strd><CdtrRefInf><Ref>{line.structured}</Ref></CdtrRefInf></Strd>" if line.structured else ""
    )
    back = f"<RtrInf><Rsn><Cd>{line.returned}</Cd></Rsn></RtrInf>" if line.returned else ""
    return (
        f"<Ntry>{amount}{direction}{status}<BookgDt><Dt>{line.day}</Dt></BookgDt><ValDt><Dt>{line.day}</Dt></ValDt>"
        f"{reference}{code}<NtryDtls><TxDtls><Refs>{refs}</Refs>"
        f"{'' if version == CAMT_02 else amount + direction}<RltdPties>{party if line.name else ''}</RltdPties>"
        f"<RmtInf>{remittance}</RmtInf>{back}</TxDtls></NtryDtls></Ntry>"
    )


def report(message_id: str, *payments: tuple[str, str, str], group: str = "PART") -> bytes:
    """A pain.002: end-to-end id, status and reason of each payment."""
    lines = "".join(
        f"<TxInfAndSts><OrgnlEndToEndId>{one}</OrgnlEndToEndId><TxSts>{status}</TxSts>"
        f"<StsRsnInf><Rsn><Cd>{reason}</Cd></Rsn></StsRsnInf></TxInfAndSts>"
        for one, status, reason in payments
    )
    inner = (
        f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{message_id}-1</OrgnlPmtInfId>{lines}</OrgnlPmtInfAndSts>" if lines else ""
    )
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"><CstmrPmtStsRpt><GrpHdr><MsgId>R</MsgId></GrpHdr>'
        f"<OrgnlGrpInfAndSts><OrgnlMsgId>{message_id}</OrgnlMsgId><GrpSts>{group}</GrpSts></OrgnlGrpInfAndSts>{inner}"
        "</CstmrPmtStsRpt></Document>"
    ).encode()
