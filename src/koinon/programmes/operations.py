"""Running a programme's month: prepare, approve, disburse; cancel; sweep back what was not spent.

    prepared ──approve──► approved ──disburse──► disbursing ──► disbursed
        └───────cancel───────┴──► cancelled

Every step is part of its caller's transaction, may be repeated, and writes an
audit line. Paying out may be cut into pieces (``disburse_some``), each in a
transaction of its own: killed in between, the next call goes on where the last
commit ended, and ends in the same books.
"""

from __future__ import annotations

from koinon.programmes.approving import approve_cycle, cancel_cycle
from koinon.programmes.disbursing import disburse_cycle, disburse_some
from koinon.programmes.preparing import prepare_cycle
from koinon.programmes.steps import PIECE
from koinon.programmes.sweeping import sweep_fund

__all__ = [
    "PIECE",
    "approve_cycle",
    "cancel_cycle",
    "disburse_cycle",
    "disburse_some",
    "prepare_cycle",
    "sweep_fund",
]
