"""Units in circulation: issued, spent, redeemed, expired and what is outstanding."""

from __future__ import annotations

from koinon.impact.types import Flows


def outstanding(flows: Flows) -> int:
    """Units in escrows, purses and tills at the end of the period, in minor units.

    What was outstanding at the start, and issued, less redeemed and expired: each
    unit issued is in one of three places, and nothing else makes or destroys one.
    """
    return flows.outstanding_start + flows.issued - flows.redeemed - flows.expired
