"""Compile what following needs in a process of its own: ``python -m koinon.impact.town.compiling``.

A compiler holds all threads of its process for seconds. In a site that would hold up payments, so the timer has it done
beside the site; the kernels lie on disk from then on.
"""

from __future__ import annotations

import subprocess
import sys
from functools import cache

KERNELS = ("lots", "mixing")
PATIENCE_SECONDS = 300


@cache
def compile_beside() -> bool:
    """Have what is not compiled on this machine compiled by a process of its own; whether there was anything to do.

    Tried once: where it fails, following compiles for itself.
    """
    from koinon.impact.tracing.compiled import waits_for_compiler

    if not waits_for_compiler(*KERNELS):
        return False
    subprocess.run(
        [sys.executable, "-m", "koinon.impact.town.compiling"],
        check=True,
        timeout=PATIENCE_SECONDS,
        capture_output=True,
    )
    return True


def main() -> None:
    """Trace a ledger of three rows under both conventions, which compiles everything that following calls."""
    import numpy as np

    from koinon.impact.tracing.api import trace_each
    from koinon.impact.tracing.types import Accounts, Attribute, Ledger, Transfers

    transfers = Transfers(
        time=np.arange(3, dtype=np.int64),
        source=np.array([0, 1, 2], dtype=np.int32),
        target=np.array([1, 2, 3], dtype=np.int32),
        amount=np.full(3, 100, dtype=np.int64),
        cohort=np.array([0, -1, -1], dtype=np.int32),
        undoes=np.zeros(3, dtype=np.bool_),
    )
    sector = Attribute(np.array([-1, 0, 0, -1], dtype=np.int16), ("one",))
    accounts = Accounts(("i", "a", "b", "r"), np.array([1, 0, 0, 2], dtype=np.uint8), {"sector": sector})
    trace_each(Ledger(transfers, accounts, ("a 2026-01",)), paths=("sector",))


if __name__ == "__main__":
    main()
