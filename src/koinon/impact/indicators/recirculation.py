"""Recirculation: how much of what businesses take in the currency they spend in it."""

from __future__ import annotations

from fractions import Fraction

from koinon.impact.types import Flows


def recirculation(flows: Flows) -> Fraction | None:
    """R = businesses' spending in the currency / businesses' income in it.

    Dimensionless. A business is a holder of a till. Both sides are net of
    refunds and leave out payments to oneself; redemption is not spending.
    ``None`` when businesses received nothing, net of refunds.

    Source
    ------
    "Retailers' expenditure in local currency / retailers' income in local
    currency", JRFM 14(9):430, section 3.1.
    """
    if flows.business_income <= 0:
        return None
    return Fraction(flows.business_spending, flows.business_income)
