"""Follow a town's sealed books: what came since the last time extends what was computed then.

Lots are extended by the new rows alone. Proportional mixing runs backwards from the last row, so it is computed anew: at
once in a small town, at most every hour in a large one. Where something that was known of an account has changed (a shop
moved, a sector was corrected, a resident opened a till), the books are followed from their first row, so that what is kept
is always what one would compute from scratch.

Whoever calls opens and ends the transaction. Two that follow the same town take turns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from psycopg import Connection

from koinon.db.statements import execute, maybe, statement
from koinon.impact.town import books, results
from koinon.impact.town.books import Books, Known, NewLabel
from koinon.parties import queries as parties

if TYPE_CHECKING:
    from koinon.impact.tracing.types import Trace
    from koinon.parties.types import TownFacts

_PACKAGE = "koinon.impact"
LOTS = "fifo"
MIXING = "mixing"
PATHS = ("sector", "zone")
SMALL = 200_000  # Rows up to which mixing is computed whenever there is a new one: less than a second.
MIXING_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Step:
    """What following a town came to. ``fresh`` counts the rows that were new; ``begun`` says it began at the first one."""

    convention: str
    rows: int
    fresh: int
    begun: bool
    digest: str


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A convention computed from the first row; ``same`` compares with what following had kept of the same rows."""

    convention: str
    rows: int
    digest: str
    before: str | None

    @property
    def same(self) -> bool:
        return self.before in (None, self.digest)


@dataclass(frozen=True, slots=True)
class _Kept:
    seq_to: int
    rows: int
    known: bytes
    state: bytes
    digest: str
    began_at: datetime
    followed_at: datetime


def follow(conn: Connection[Any], *, town_id: int, at: datetime, actor: str) -> list[Step]:
    """Bring what is kept of a town up to what is sealed; empty where there was nothing new."""
    execute(conn, statement(_PACKAGE, "following_alone"), town_id=town_id)
    town = parties.town(conn, town_id)
    sealed = books.sealed_until(conn, town_id=town_id)
    if sealed == 0:
        return []
    steps = [
        _follow_lots(conn, town, sealed, at=at, actor=actor),
        _follow_mixing(conn, town, sealed, at=at, actor=actor),
    ]
    return [step for step in steps if step is not None]


def rebuild(conn: Connection[Any], *, town_id: int, at: datetime, actor: str) -> list[Rebuilt]:
    """Compute everything from the first row, keep it, and say whether it is what was kept.

    What was kept is first brought up to what is sealed, so that the same rows are compared.
    """
    follow(conn, town_id=town_id, at=at, actor=actor)
    town = parties.town(conn, town_id)
    sealed = books.sealed_until(conn, town_id=town_id)
    if sealed == 0:
        return []
    found = []
    for convention in (LOTS, MIXING):
        kept = _kept(conn, town_id, convention)
        stop = kept.seq_to if kept is not None else sealed
        known, whole = _begin(conn, town, stop)
        state, trace = _lots(whole) if convention == LOTS else (b"", _mixed(whole))
        digest = _keep(
            conn, town, convention, whole, known, state, trace, len(whole.seqs), began_at=at, at=at, actor=actor
        )
        found.append(Rebuilt(convention, len(whole.seqs), digest, None if kept is None else kept.digest))
    follow(conn, town_id=town_id, at=at, actor=actor)
    return found


def _follow_lots(
    conn: Connection[Any],
    town: TownFacts,
    sealed: int,
    *,
    at: datetime,
    actor: str,
) -> Step | None:
    kept = _kept(conn, town.id, LOTS)
    if kept is not None:
        known = Known.unpacked(kept.known)
        if known is not None and _still(conn, town, known):
            if kept.seq_to >= sealed:
                return None
            extended = _extended(conn, town, kept, known, sealed)
            if extended is not None:
                stretch, state, trace = extended
                fresh = len(stretch.seqs)
                digest = _keep(
                    conn, town, LOTS, stretch, known, state, trace, kept.rows + fresh,
                    began_at=kept.began_at, at=at, actor=actor,
                )  # fmt: skip
                return Step(LOTS, kept.rows + fresh, fresh, begun=False, digest=digest)
    known, whole = _begin(conn, town, sealed)
    state, trace = _lots(whole)
    count = len(whole.seqs)
    digest = _keep(conn, town, LOTS, whole, known, state, trace, count, began_at=at, at=at, actor=actor)
    return Step(LOTS, count, count, begun=True, digest=digest)


def _extended(
    conn: Connection[Any], town: TownFacts, kept: _Kept, known: Known, sealed: int
) -> tuple[Books, bytes, Trace] | None:
    """What was kept, with the rows since; None where it cannot be gone on with and the books are begun again.

    That is where something came up that nothing was like before, or where another version kept the state.
    """
    from koinon.impact.tracing.errors import StateDoesNotFit, StateUnreadable

    try:
        stretch = _read(conn, town, known, seq_from=kept.seq_to, seq_to=sealed)
        return stretch, *_lots(stretch, kept.state)
    except (NewLabel, StateDoesNotFit, StateUnreadable):
        return None


def _follow_mixing(
    conn: Connection[Any],
    town: TownFacts,
    sealed: int,
    *,
    at: datetime,
    actor: str,
) -> Step | None:
    kept = _kept(conn, town.id, MIXING)
    if kept is not None:
        known = Known.unpacked(kept.known)
        changed = known is None or not _still(conn, town, known)
        waits = kept.rows > SMALL and at - kept.followed_at < MIXING_EVERY
        if not changed and (waits or kept.seq_to >= sealed):
            return None
    learned, whole = _begin(conn, town, sealed)
    count = len(whole.seqs)
    digest = _keep(conn, town, MIXING, whole, learned, b"", _mixed(whole), count, began_at=at, at=at, actor=actor)
    return Step(MIXING, count, count - (kept.rows if kept else 0), kept is None, digest)


def _kept(conn: Connection[Any], town_id: int, convention: str) -> _Kept | None:
    return maybe(conn, statement(_PACKAGE, "followed_state"), _Kept, town_id=town_id, convention=convention)


def _still(conn: Connection[Any], town: TownFacts, known: Known) -> bool:
    return books.still(conn, town_id=town.id, unit=town.unit_code, known=known)


def _begin(conn: Connection[Any], town: TownFacts, seq_to: int) -> tuple[Known, Books]:
    """The books from their first row, with what is known of all accounts now.

    The print is taken before they are read: what changes in between is another print the next time.
    """
    before = Known([])
    _still(conn, town, before)
    rows = books.accounts(conn, town_id=town.id, unit=town.unit_code)
    known = Known.of(rows)
    known.register = before.register
    return known, _read(conn, town, known, seq_from=0, seq_to=seq_to, rows=rows)


def _read(
    conn: Connection[Any],
    town: TownFacts,
    known: Known,
    *,
    seq_from: int,
    seq_to: int,
    rows: list[books.AccountRow] | None = None,
) -> Books:
    return books.read(
        conn,
        town_id=town.id,
        unit=town.unit_code,
        exponent=town.exponent,
        time_zone=str(town.zone),
        known=known,
        seq_from=seq_from,
        seq_to=seq_to,
        rows=rows,
    )


def _lots(stretch: Books, kept: bytes | None = None) -> tuple[bytes, Trace]:
    """The lots after a stretch of the books, and what they say."""
    from koinon.impact.tracing.holding import LotsState
    from koinon.impact.tracing.types import Convention

    if kept is None:
        state = LotsState.begin(stretch.ledger, Convention.FIFO, paths=PATHS)
    else:
        state = LotsState.from_bytes(kept)
    state.extend(stretch.ledger)
    return state.to_bytes(), state.trace()


def _mixed(whole: Books) -> Trace:
    from koinon.impact.tracing.api import trace
    from koinon.impact.tracing.types import Convention

    return trace(whole.ledger, Convention.MIXING)


def _keep(
    conn: Connection[Any],
    town: TownFacts,
    convention: str,
    stretch: Books,
    known: Known,
    state: bytes,
    trace: Trace,
    count: int,
    *,
    began_at: datetime,
    at: datetime,
    actor: str,
) -> str:
    content = results.packed(trace)
    digest = results.digest(content)
    execute(
        conn,
        statement(_PACKAGE, "keep_followed"),
        town_id=town.id,
        convention=convention,
        seq_to=stretch.seq_to,
        rows=count,
        known=known.packed(),
        state=state,
        result=content,
        digest=digest,
        began_at=began_at,
        at=at,
        actor=actor,
    )
    if convention == LOTS:
        execute(conn, statement(_PACKAGE, "keep_cohorts"), town_id=town.id, convention=convention, **_columns(trace))
    return digest


def _columns(trace: Trace) -> Mapping[str, list[Any]]:
    cohorts = [*trace.cohorts, trace.unknown_origin]
    figures = ("issued", "held", "redeemed", "expired", "withdrawn", "volume")
    return {
        "name": [one.label for one in cohorts],
        **{name: [int(getattr(one, name)) for one in cohorts] for name in figures},
    }
