"""Running a programme's month: prepare, submit, approve, disburse; take back; sweep back what was not spent.

    prepared ──submit──► submitted ──approve──► approved ──disburse──► disbursing ──► disbursed
       ▲  │                 │  │                   │                    │    ▲           │
       │  │                 │  │                   │               stop └────┘ resume    │
       └──┼────return───────┘  │                   │                    ▲                │
          └───────cancel───────┴───────────────────┴──► cancelled       └─────retry──────┘

Every step is part of its caller's transaction, may be repeated, and writes an
audit line. Paying out may be cut into pieces (``disburse_some``), each in a
transaction of its own: killed in between, the next call goes on where the last
commit ended, and ends in the same books. ``pay_out`` does so to the end, over several connections.
"""

from __future__ import annotations

from koinon.programmes.approving import approve_cycle, cancel_cycle, return_cycle, schedule_cycle, submit_cycle
from koinon.programmes.disbursing import (
    cycles_to_disburse,
    disburse_cycle,
    disburse_some,
    next_piece,
    note_problem,
    resume_cycle,
    retry_cycle,
    stop_cycle,
)
from koinon.programmes.preparing import prepare_cycle
from koinon.programmes.running import pay_out
from koinon.programmes.steps import PIECE
from koinon.programmes.sweeping import sweep_fund

__all__ = [
    "PIECE",
    "approve_cycle",
    "cancel_cycle",
    "cycles_to_disburse",
    "disburse_cycle",
    "disburse_some",
    "next_piece",
    "note_problem",
    "pay_out",
    "prepare_cycle",
    "resume_cycle",
    "retry_cycle",
    "return_cycle",
    "schedule_cycle",
    "stop_cycle",
    "submit_cycle",
    "sweep_fund",
]
