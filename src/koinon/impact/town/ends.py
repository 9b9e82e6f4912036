"""With whom a month's units ended, by the payments they had made: what has to be known before leakage is told by round.

A trace counts what left after so many payments and not whose it was. Here each holder is given a place of its own behind
the boundary: what it redeems, or what expires in its purse, is paid there and stays. The lots in these places then
say whose they were, from which cohort, and how many payments they had made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from koinon.impact.measures import ROUNDS_TOLD, Ends

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from koinon.impact.tracing.types import Ledger


def ends(ledger: Ledger, month: str, holders: Mapping[str, UUID]) -> tuple[Ends, ...]:
    """Where the units given out in ``month`` had ended by the end of the ledger, first in first out.

    ``holders`` says by the name of an account whose it is: one that keeps several counts once.
    """
    import numpy as np

    from koinon.impact.tracing import lots
    from koinon.impact.tracing.holding import LotsState

    places = len(ledger.accounts.names)
    state = LotsState.begin(behind := _behind(ledger, month))
    state.extend(behind)
    counts = state.heads[:, lots.COUNT]
    held = np.zeros((int(counts.sum()), 4), np.int64)
    lots.gather(state.heads, state.pool, held)

    place = np.repeat(np.arange(2 * places), counts)
    # The book's first cohort is of unknown origin, this month's the last.
    mine = held[:, 1] >> 32 == len(behind.cohorts)
    place, held = place[mine], held[mine]
    owner = _owners(ledger, holders)[place % places]
    gone, payments = place >= places, held[:, 3] >> 48
    payments = payments - gone  # The last one was that to the place behind the boundary.
    return tuple(
        Ends(kind, told, *_sizes(owner[chosen], held[chosen, 0])) for kind, told, chosen in _cells(gone, payments)
    )


def _behind(ledger: Ledger, month: str) -> Ledger:
    """The same ledger with a place behind the boundary for each account, and two cohorts: this month's and the others."""
    import numpy as np

    from koinon.impact.tracing.types import Accounts

    moved, role = ledger.transfers, ledger.accounts.role
    places = len(role)
    source, target = role[moved.source], role[moved.target]
    leaves, returns = (source == 0) & (target >= 2), (source >= 2) & (target == 0)
    given = np.array([label.endswith(month) for label in ledger.cohorts] + [False])
    return replace(
        ledger,
        transfers=replace(
            moved,
            source=np.where(returns, moved.target + places, moved.source).astype(np.int32),
            target=np.where(leaves, moved.source + places, moved.target).astype(np.int32),
            cohort=np.where(moved.cohort < 0, -1, given[moved.cohort]).astype(np.int32),
            undoes=moved.undoes | returns,
        ),
        accounts=Accounts(tuple(ledger.accounts.names) * 2, np.concatenate([role, np.zeros_like(role)])),
        cohorts=("others", month),
    )


def _owners(ledger: Ledger, holders: Mapping[str, UUID]) -> NDArray[np.int64]:
    """Of each account a number that all accounts of its holder have."""
    import numpy as np

    found = [str(holders.get(name, name)) for name in ledger.accounts.names]
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


def _cells(gone: NDArray[np.bool_], payments: NDArray[np.int64]) -> Iterator[tuple[str, int | None, NDArray[np.bool_]]]:
    yield "left", None, gone
    yield "held", None, ~gone
    for kind, of, last in (("left", gone, ROUNDS_TOLD), ("held", ~gone, ROUNDS_TOLD - 1)):
        for told in range(last):
            yield kind, told, of & (payments == told)
        yield kind, last, of & (payments >= last)


def _sizes(owner: NDArray[np.int64], amount: NDArray[np.int64]) -> tuple[int, int, int, int]:
    """How many, all of them, the largest, the next."""
    import numpy as np

    _, back = np.unique(owner, return_inverse=True)
    each = np.zeros(int(back.max(initial=-1)) + 1, np.int64)
    np.add.at(each, back, amount)
    first, second, *_ = *sorted(each.tolist(), reverse=True), 0, 0
    return len(each), int(each.sum()), first, second
