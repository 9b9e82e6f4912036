"""Trace a ledger under one convention, or under two side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from koinon.impact.tracing.compiled import waits_for_compiler
from koinon.impact.tracing.holding import DAY, LotsState, Progress
from koinon.impact.tracing.types import Convention, Ledger, Trace

COMPILING = "Compiling for this machine, once: a few seconds. It is kept for the next time."

Say = Callable[[str], None]


def trace(
    ledger: Ledger,
    convention: Convention = Convention.FIFO,
    *,
    paths: Sequence[str] = (),
    tick_us: int = DAY,
    progress: Progress | None = None,
    say: Say | None = None,
) -> Trace:
    """What became of each cohort of a ledger.

    Parameters
    ----------
    paths
        Up to two attributes along which ways are told ("sector", "zone"). Lots only.
    tick_us
        The grain of the times of lots, a minute at least.
    progress
        Is told how many transfers of how many are done.
    say
        Is told, before, when kernels must be compiled first.
    """
    if say and waits_for_compiler("mixing" if convention is Convention.MIXING else "lots"):
        say(COMPILING)
    if convention is Convention.MIXING:
        from koinon.impact.tracing import mixing

        return mixing.trace(ledger, progress=progress)
    state = LotsState.begin(ledger, convention, paths=paths, tick_us=tick_us)
    state.extend(ledger, progress)
    return state.trace()


def trace_each(
    ledger: Ledger,
    conventions: Sequence[Convention] = (Convention.FIFO, Convention.MIXING),
    *,
    paths: Sequence[str] = (),
    tick_us: int = DAY,
    progress: Progress | None = None,
    say: Say | None = None,
) -> dict[Convention, Trace]:
    """Several conventions at once, each in a thread of its own; ``progress`` follows the first."""
    found: dict[Convention, Trace] = {}
    failed: list[BaseException] = []

    def follow(convention: Convention, told: Progress | None) -> None:
        try:
            found[convention] = trace(ledger, convention, paths=paths, tick_us=tick_us, progress=told)
        except BaseException as refused:  # noqa: BLE001  Raised below, in the caller's thread.
            failed.append(refused)

    modules = {"mixing" if each is Convention.MIXING else "lots": None for each in conventions}
    if say and waits_for_compiler(*modules):
        say(COMPILING)
    if len(modules) > 1 and waits_for_compiler(*modules):
        from koinon.impact.tracing import warm

        warm.finish(warm.start(list(modules)))  # Side by side; the compiler itself takes one kernel after the other.
    threads = [threading.Thread(target=follow, args=(each, None)) for each in conventions[1:]]
    for thread in threads:
        thread.start()
    follow(conventions[0], progress)
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return {each: found[each] for each in conventions}
