"""Follow a town's sealed books: what came since the last time extends what was computed then.

Lots are extended by the new rows alone, from where they were kept the last time: in a town with many at most every quarter
of an hour, for writing them takes longer than a few more rows. Proportional mixing runs backwards from the last row, so it is
computed anew: at once in a small town, at most every hour in a large one. Where something that was known of an account has
changed (a shop moved, a sector was corrected, a resident opened a till), the books are followed from their first row, so that
what is kept is always what one would compute from scratch.

Whoever calls opens and ends the transaction. Two that follow the same town take turns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from psycopg import Connection

from koinon.db.statements import execute, maybe, scalar, statement
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
LARGE_STATE = 4 * 1024 * 1024  # Bytes of lots up to which they are written whenever there is something new.
STATE_EVERY = timedelta(minutes=15)


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
    digest: str
    began_at: datetime
    followed_at: datetime


def follow(conn: Connection[Any], *, town_id: int, at: datetime, actor: str, unchanged: bool = False) -> list[Step]:
    """Bring what is kept of a town up to what is sealed; empty where there was nothing new.

    ``unchanged``: the caller knows that nothing was written of who holds accounts since the last time (``books.mark``).
    """
    execute(conn, statement(_PACKAGE, "following_alone"), town_id=town_id)
    town = parties.town(conn, town_id)
    sealed = books.sealed_until(conn, town_id=town_id)
    if sealed == 0:
        return []
    lots = _follow_lots(conn, town, sealed, at=at, actor=actor, unchanged=unchanged)
    begun = lots is not None and lots.begun
    mixing = _follow_mixing(conn, town, sealed, begun=begun, at=at, actor=actor)
    return [step for step in (lots, mixing) if step is not None]


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
        known, whole = _begin(conn, town, stop, printed=convention == LOTS)
        state, trace = _lots(whole) if convention == LOTS else (b"", _mixed(whole))
        digest = _keep(conn, town, convention, whole, known, state, trace, began_at=at, at=at, actor=actor)
        found.append(Rebuilt(convention, len(whole.seqs), digest, None if kept is None else kept.digest))
    follow(conn, town_id=town_id, at=at, actor=actor)
    return found


def _follow_lots(
    conn: Connection[Any], town: TownFacts, sealed: int, *, at: datetime, actor: str, unchanged: bool
) -> Step | None:
    kept = _kept(conn, town.id, LOTS)
    if kept is not None:
        if unchanged and kept.seq_to >= sealed:
            return None
        # A place that is new is looked at in any case: nobody knows yet what is known of it.
        for look in (False, True) if unchanged else (True,):
            known = Known.unpacked(_asked(conn, "followed_known", town.id))
            if known is None or (look and not _still(conn, town, known)):
                break
            if kept.seq_to >= sealed:
                return None
            places = len(known.places)
            extended = _extended(conn, town, known, sealed, at=at)
            if extended is None:
                break
            if look or len(known.places) == places:
                return _gone_on(conn, town, kept, known, extended, at=at, actor=actor)
    learned, whole = _begin(conn, town, sealed, printed=True)
    state, trace = _lots(whole)
    digest = _keep(conn, town, LOTS, whole, learned, state, trace, began_at=at, at=at, actor=actor)
    return Step(LOTS, len(whole.seqs), len(whole.seqs), begun=True, digest=digest)


def _gone_on(
    conn: Connection[Any],
    town: TownFacts,
    kept: _Kept,
    known: Known,
    extended: tuple[Books, bytes | None, Trace],
    *,
    at: datetime,
    actor: str,
) -> Step:
    stretch, state, trace = extended
    rows = known.rows + len(stretch.seqs)
    digest = _keep(conn, town, LOTS, stretch, known, state, trace, began_at=kept.began_at, at=at, actor=actor)
    return Step(LOTS, rows, rows - kept.rows, begun=False, digest=digest)


def _extended(
    conn: Connection[Any], town: TownFacts, known: Known, sealed: int, *, at: datetime
) -> tuple[Books, bytes | None, Trace] | None:
    """The lots as they were kept, with the rows since; no bytes of them where they are not to be kept yet.

    None where one cannot go on with them and the books are begun again: where something came up that nothing was like
    before, or another version kept the state.
    """
    from koinon.impact.tracing.errors import StateDoesNotFit, StateUnreadable
    from koinon.impact.tracing.holding import LotsState

    try:
        stretch = _read(conn, town, known, seq_from=known.seq_to, seq_to=sealed)
        lots = _asked(conn, "followed_state", town.id)
        due = len(lots) <= LARGE_STATE or at - datetime.fromisoformat(known.kept_at) >= STATE_EVERY
        state = LotsState.from_bytes(lots)
        state.extend(stretch.ledger)
        return stretch, state.to_bytes() if due else None, state.trace()
    except (NewLabel, StateDoesNotFit, StateUnreadable):
        return None


def _follow_mixing(
    conn: Connection[Any], town: TownFacts, sealed: int, *, begun: bool, at: datetime, actor: str
) -> Step | None:
    """Computed anew where lots were, in the same transaction: so what both know of accounts is the same."""
    kept = _kept(conn, town.id, MIXING)
    if kept is not None and not begun:
        waits = kept.rows > SMALL and at - kept.followed_at < MIXING_EVERY
        if waits or kept.seq_to >= sealed:
            return None
    known, whole = _begin(conn, town, sealed, printed=False)
    count = len(whole.seqs)
    digest = _keep(conn, town, MIXING, whole, known, b"", _mixed(whole), began_at=at, at=at, actor=actor)
    return Step(MIXING, count, count - (kept.rows if kept else 0), kept is None, digest)


def _kept(conn: Connection[Any], town_id: int, convention: str) -> _Kept | None:
    return maybe(conn, statement(_PACKAGE, "followed_head"), _Kept, town_id=town_id, convention=convention)


def _asked(conn: Connection[Any], what: str, town_id: int) -> bytes:
    return bytes(scalar(conn, statement(_PACKAGE, what), town_id=town_id, convention=LOTS))


def _still(conn: Connection[Any], town: TownFacts, known: Known) -> bool:
    return books.still(conn, town_id=town.id, unit=town.unit_code, known=known)


def _begin(conn: Connection[Any], town: TownFacts, seq_to: int, *, printed: bool) -> tuple[Known, Books]:
    """The books from their first row, with what is known of all accounts now.

    The print is taken before they are read: what changes in between is another print the next time.
    """
    before = Known([])
    if printed:
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


def _lots(whole: Books) -> tuple[bytes, Trace]:
    """The lots after all of the books, and what they say."""
    from koinon.impact.tracing.holding import LotsState
    from koinon.impact.tracing.types import Convention

    state = LotsState.begin(whole.ledger, Convention.FIFO, paths=PATHS)
    state.extend(whole.ledger)
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
    state: bytes | None,
    trace: Trace,
    *,
    began_at: datetime,
    at: datetime,
    actor: str,
) -> str:
    """Keep what following came to; its digest. Without ``state`` the lots, and what is known with them, stay as they were."""
    rows = known.rows + len(stretch.seqs)
    content = results.packed(trace)
    digest = results.digest(content)
    said: dict[str, Any] = {
        "town_id": town.id, "convention": convention, "seq_to": stretch.seq_to, "rows": rows, "result": content,
        "digest": digest, "at": at, "actor": actor,
    }  # fmt: skip
    if state is None:
        execute(conn, statement(_PACKAGE, "keep_result"), **said)
    else:
        known.seq_to, known.rows, known.kept_at = stretch.seq_to, rows, at.isoformat()
        what = known.packed() if convention == LOTS else b""
        execute(conn, statement(_PACKAGE, "keep_followed"), **said, known=what, state=state, began_at=began_at)
    if convention == LOTS:
        _keep_cohorts(conn, town, trace)
    return digest


def _keep_cohorts(conn: Connection[Any], town: TownFacts, trace: Trace) -> None:
    execute(conn, statement(_PACKAGE, "keep_cohorts"), town_id=town.id, convention=LOTS, **_columns(trace))


def _columns(trace: Trace) -> Mapping[str, list[Any]]:
    cohorts = [*trace.cohorts, trace.unknown_origin]
    figures = ("issued", "held", "redeemed", "expired", "withdrawn", "volume")
    return {
        "name": [one.label for one in cohorts],
        **{name: [int(getattr(one, name)) for one in cohorts] for name in figures},
    }
