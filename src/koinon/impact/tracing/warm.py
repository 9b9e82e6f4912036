"""Compile kernels in processes of their own: ``python -m koinon.impact.tracing.warm lots``.

The compiler works on one core and holds all threads of its process. Two kernels are compiled beside each other in half
the time, and a site that has them compiled beside it goes on taking payments.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from koinon.impact.tracing.compiled import waits_for_compiler

MODULES = ("lots", "mixing")
PATIENCE_SECONDS = 300


def start(modules: Sequence[str]) -> list[subprocess.Popen[bytes]]:
    """A process for each of these that is still to be compiled on this machine."""
    return [
        subprocess.Popen([sys.executable, "-m", "koinon.impact.tracing.warm", module], stdout=subprocess.DEVNULL)
        for module in modules
        if waits_for_compiler(module)
    ]


def finish(started: Sequence[subprocess.Popen[bytes]]) -> None:
    """Wait for them. One that failed is no harm: whoever calls the kernel compiles it then."""
    for process in started:
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def compile_all(modules: Sequence[str]) -> None:
    """Trace a ledger of three rows, which compiles everything that tracing calls."""
    import numpy as np

    from koinon.impact.tracing.api import trace
    from koinon.impact.tracing.types import Accounts, Attribute, Convention, Ledger, Transfers

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
    ledger = Ledger(transfers, accounts, ("a 2026-01",))
    if "lots" in modules:
        trace(ledger, Convention.FIFO, paths=("sector",))
    if "mixing" in modules:
        trace(ledger, Convention.MIXING)


if __name__ == "__main__":
    compile_all(sys.argv[1:] or MODULES)
