"""Payment status report: pain.002.001.03 and .10."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from koinon.banking.findings import finding
from koinon.banking.types import ReadAnswer
from koinon.banking.xml_reading import first, text
from koinon.kernel.decisions import Finding

NAMESPACES = frozenset(f"urn:iso:std:iso:20022:tech:xsd:pain.002.001.{version}" for version in ("03", "10"))
MOST_ANSWERS = 20_000


def answers(root: ET.Element) -> tuple[list[ReadAnswer], list[Finding]]:
    """What the bank says of each payment and of whole groups; a group speaks only where its payments do not."""
    report = root.find("CstmrPmtStsRpt")
    wrong: list[Finding] = []
    if report is None:
        return [], [finding("bank.field-missing", column="CstmrPmtStsRpt")]
    message_id = text(report, "OrgnlGrpInfAndSts/OrgnlMsgId")
    if not message_id:
        wrong.append(finding("bank.field-missing", column="OrgnlMsgId"))
    payments = report.findall("OrgnlPmtInfAndSts/TxInfAndSts")
    places: list[tuple[ET.Element, str, str]] = [(one, text(one, "OrgnlEndToEndId"), "TxSts") for one in payments]
    if not payments:
        groups = [one for one in report.findall("OrgnlPmtInfAndSts") if text(one, "PmtInfSts")]
        places = [(one, "", "PmtInfSts") for one in groups]
        group = report.find("OrgnlGrpInfAndSts")
        if not places and group is not None:
            places = [(group, "", "GrpSts")]
    if len(places) > MOST_ANSWERS:
        return [], [finding("bank.entries-too-many")]
    found = []
    for place, (element, end_to_end_id, name) in enumerate(places, start=1):
        status = text(element, name)
        if not re.fullmatch(r"[A-Z]{4}", status):
            wrong.append(finding("bank.status-invalid", row=place, column=name))
            continue
        reason = first(element, "StsRsnInf/Rsn/Cd")
        found.append(
            ReadAnswer(
                place=place,
                message_id=message_id[:140],
                end_to_end_id=end_to_end_id[:140],
                status=status,
                reason=reason if re.fullmatch(r"[A-Z0-9]{1,4}", reason) else "",
            )
        )
    return found, wrong
