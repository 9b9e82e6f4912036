"""Local multiplier: what was paid for each unit put into circulation."""

from __future__ import annotations

from fractions import Fraction

from koinon.impact.types import Flows


def multiplier(flows: Flows) -> Fraction | None:
    """M = V / I: value of all payments over units issued in the same period.

    Dimensionless. ``None`` when nothing was issued in the period, net of what
    was taken back: payments with older units would then be divided by nothing.

    V leaves out issue, disbursement, redemption, expiry, a holder's payments to
    itself and what was refunded; the query that builds ``Flows`` has removed them.

    Source
    ------
    "Global value of transactions operated in REC" over "amount of REC introduced
    in the system", JRFM 14(9):430, section 3.1.
    """
    if flows.issued <= 0:
        return None
    return Fraction(flows.spent, flows.issued)
