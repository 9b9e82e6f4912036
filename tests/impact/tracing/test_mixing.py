"""Mixing as it is defined: every purse a list of what lies in it, followed forwards in exact fractions.

What the compiled walk finds backwards must be the same within 1e-9 of what was issued.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koinon.impact import generator
from koinon.impact.generator import Town
from koinon.impact.tracing import mixing
from koinon.impact.tracing.errors import NotTraceable
from koinon.impact.tracing.pieces import COLUMNS, InMemory
from koinon.impact.tracing.types import (
    HOPS,
    REACH,
    Accounts,
    Attribute,
    CohortTrace,
    Convention,
    Ledger,
    Role,
    Trace,
    Transfers,
)

DAY = 86_400_000_000
ISSUER, REDEEMER, EXPIRY, OTHER_BANK, FIRST = 0, 1, 2, 3, 4
HOLDERS = 5
ACCOUNTS = Accounts(
    names=[f"account {number}" for number in range(FIRST + HOLDERS)],
    role=np.array([Role.ISSUER, Role.REDEEMER, Role.EXPIRY, Role.REDEEMER, *[Role.HOLDER] * HOLDERS], np.uint8),
    attributes={
        "zone": Attribute(np.array([-1, -1, -1, -1, 0, 0, 1, 1, -1], np.int16), ("hill", "harbour")),
        "sse": Attribute(np.array([-1, -1, -1, -1, -1, 1, 0, 1, 0], np.int16), ("sse", "other")),
    },
)
COHORTS = ("first", "second")
Row = tuple[int, int, int, int, int, bool]  # time, source, target, amount, cohort, undoes


def ledger_of(rows: list[Row], accounts: Accounts = ACCOUNTS) -> Ledger:
    columns = list(zip(*rows, strict=True)) or [()] * 6
    kinds = (np.int64, np.int32, np.int32, np.int64, np.int32, np.bool_)
    arrays: list[Any] = [np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    return Ledger(Transfers(*arrays), accounts, COHORTS, unit="LOC")


# --- Forwards, one purse after the other -------------------------------------------------------------


@dataclass(frozen=True)
class Lot:
    """Units that have been through the same: ``way`` are the payments that were not given back."""

    cohort: int
    issued_at: int
    came_at: int
    hops: int = 0
    way: tuple[tuple[int, int], ...] = ()


@dataclass
class Found:
    """What a cohort's figures are to be."""

    issued: int = 0
    volume: Fraction = Fraction(0)
    left: dict[str, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    by_hops: dict[int, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    hops_left: Fraction = Fraction(0)
    days_left: Fraction = Fraction(0)
    moved_on: dict[int, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    lay: dict[int, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    reach: dict[tuple[str, str, int], Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    through_sse: Fraction = Fraction(0)
    stayed: Fraction = Fraction(0)


def label(dimension: str, account: int) -> str:
    attribute = ACCOUNTS.attributes[dimension]
    code = int(attribute.codes[account])
    return attribute.labels[code] if code >= 0 else "unknown"


def same_zone(payment: tuple[int, int]) -> bool:
    return label("zone", payment[0]) == label("zone", payment[1]) != "unknown"


def forwards(rows: list[Row]) -> list[Found]:
    purses: dict[int, dict[Lot, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    gone: dict[int, list[dict[Lot, Fraction]]] = defaultdict(list)  # What left by an account, last at the end.
    found = [Found(), Found(), Found()]
    roles = ACCOUNTS.role.tolist()
    named = {Role.ISSUER: "withdrawn", Role.REDEEMER: "redeemed", Role.EXPIRY: "expired"}

    def exited(lot: Lot, share: Fraction, role: int, at: int) -> None:
        of = found[lot.cohort]
        of.left[named[Role(role)]] += share
        if role != Role.ISSUER:
            of.by_hops[lot.hops] += share
            of.hops_left += share * lot.hops
            of.days_left += share * Fraction(at - lot.issued_at, DAY)

    def moves_on(lot: Lot, share: Fraction, at: int) -> None:
        found[lot.cohort].moved_on[lot.hops] += share
        found[lot.cohort].lay[lot.hops] += share * Fraction(at - lot.came_at, DAY)

    def appears(account: int, amount: int, at: int) -> None:
        found[-1].issued += amount
        purses[account][Lot(2, at, at)] += amount

    left_at: dict[int, list[int]] = defaultdict(list)
    for at, source, target, amount, cohort, undoes in rows:
        inside = roles[source] == roles[target] == Role.HOLDER
        if source == target or (roles[source] != Role.HOLDER and roles[target] != Role.HOLDER):
            continue
        if roles[source] == Role.ISSUER and not undoes:
            found[cohort].issued += amount
            purses[target][Lot(cohort, at, at)] += amount
        elif roles[source] != Role.HOLDER:  # What left last comes back.
            wanted = Fraction(amount)
            while wanted and gone[source]:
                last = gone[source][-1]
                has = sum(last.values())
                part = min(wanted, has) / has
                for lot, share in list(last.items()):
                    back = share * part
                    last[lot] -= back
                    exited(lot, -back, roles[source], left_at[source][-1])
                    purses[target][Lot(lot.cohort, lot.issued_at, at, lot.hops, lot.way)] += back
                wanted -= has * part
                if part == 1:
                    gone[source].pop()
                    left_at[source].pop()
            if wanted:
                appears(target, int(wanted), at)
        else:
            has = sum(purses[source].values(), Fraction(0))
            if has < amount:
                appears(source, int(amount - has), at)
                has = Fraction(amount)
            went: dict[Lot, Fraction] = defaultdict(Fraction)
            for lot, lies in list(purses[source].items()):
                share = lies * amount / has
                purses[source][lot] -= share
                of = found[lot.cohort]
                if not inside:
                    moves_on(lot, share, at)
                    exited(lot, share, roles[target], at)
                    went[lot] += share
                elif undoes:
                    of.volume -= share
                    for dimension in ACCOUNTS.attributes:
                        of.reach[dimension, label(dimension, source), lot.hops] -= share
                    purses[target][Lot(lot.cohort, lot.issued_at, at, lot.hops - 1, lot.way[:-1])] += share
                else:
                    moves_on(lot, share, at)
                    of.volume += share
                    for dimension in ACCOUNTS.attributes:
                        of.reach[dimension, label(dimension, target), lot.hops + 1] += share
                    way = (*lot.way, (source, target))
                    purses[target][Lot(lot.cohort, lot.issued_at, at, lot.hops + 1, way)] += share
            if not inside:
                gone[target].append(went)
                left_at[target].append(at)
    for account, purse in purses.items():
        assert roles[account] == Role.HOLDER
        for lot, lies in purse.items():
            found[lot.cohort].left["held"] += lies
    for lots in (*purses.values(), *(went for pile in gone.values() for went in pile)):
        for lot, share in lots.items():
            if any(label("sse", payee) == "sse" for _, payee in lot.way):
                found[lot.cohort].through_sse += share
            if lot.way and all(map(same_zone, lot.way)):
                found[lot.cohort].stayed += share
    return found


def agrees(wanted: Found, got: CohortTrace, *, given_back: int) -> None:
    near = pytest.approx
    close = {"rel": 1e-9, "abs": 1e-9 * max(1, wanted.issued)}
    assert got.issued == wanted.issued
    for name in ("redeemed", "expired", "withdrawn", "held"):
        assert getattr(got, name) == near(float(wanted.left[name]), **close)
    assert got.volume == near(float(wanted.volume), **close)
    left = wanted.left["redeemed"] + wanted.left["expired"]
    assert sum(got.by_hops) == near(float(left), **close)
    if left:
        assert got.mean_hops == near(float(wanted.hops_left / left), abs=1e-8)
        assert got.days_to_exit.mean == near(float(wanted.days_left / left), abs=1e-7)
    if given_back > 1:
        return  # Hops are exact as long as the same money is not given back twice in a row.
    by_hops = [sum(share for hops, share in wanted.by_hops.items() if max(hops, 0) == hop) for hop in range(HOPS)]
    assert got.by_hops[:HOPS] == near([float(share) for share in by_hops], **close)
    for hop in range(mixing.HOLDING_HOPS - given_back):
        moved = sum(share for hops, share in wanted.moved_on.items() if max(hops, 0) == hop)
        lay = sum(days for hops, days in wanted.lay.items() if max(hops, 0) == hop)
        if moved:
            assert got.days_by_hop[hop] == near(float(lay / moved), abs=1e-6)
        else:
            assert got.days_by_hop[hop] is None
    for dimension, attribute in ACCOUNTS.attributes.items():
        for of_label in (*attribute.labels, "unknown"):
            reached = [got.reach[dimension][of_label][hop] for hop in range(1, REACH + 1 - given_back)]
            asked = [float(wanted.reach[dimension, of_label, hop]) for hop in range(1, REACH + 1 - given_back)]
            assert reached == near(asked, **close)
    assert got.through_sse == near(float(wanted.through_sse), **close)
    assert got.stayed_in_zone == near(float(wanted.stayed), **close)


holder = st.integers(FIRST, FIRST + HOLDERS - 1)
step = st.one_of(
    st.tuples(st.just("issue"), holder, st.sampled_from([0, 1])),
    st.tuples(st.just("pay"), holder, holder),
    st.tuples(st.just("pay"), holder, holder),
    st.tuples(st.just("pay"), holder, holder),
    st.tuples(st.just("give back"), holder, holder),
    st.tuples(st.just("leave"), holder, st.sampled_from([ISSUER, REDEEMER, EXPIRY, OTHER_BANK])),
    st.tuples(st.just("return"), st.sampled_from([ISSUER, REDEEMER, EXPIRY, OTHER_BANK]), holder),
    st.tuples(st.just("outside"), st.sampled_from([ISSUER, REDEEMER]), st.sampled_from([REDEEMER, EXPIRY])),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Row]:
    rows: list[Row] = []
    at = 1_800_000_000_000_000
    for (what, a, b), amount, later in draw(
        st.lists(st.tuples(step, st.integers(1, 60), st.integers(0, 3)), max_size=24)
    ):
        at += later * DAY // 2
        if what == "issue":
            rows.append((at, ISSUER, a, amount, b, False))
        else:
            cohort = 0 if what == "outside" and a == ISSUER else -1
            rows.append((at, a, b, amount, cohort, what in ("give back", "return")))
    # A return out of an issuer is marked as one; it has no cohort of its own.
    return [
        (time, source, target, amount, 0 if source == ISSUER and cohort < 0 else cohort, undoes)
        for time, source, target, amount, cohort, undoes in rows
    ]


@settings(max_examples=200, deadline=None)
@given(histories())
def test_backwards_finds_what_forwards_finds(rows: list[Row]) -> None:
    found = mixing.trace(ledger_of(rows))

    given_back = sum(undoes and source >= FIRST for _, source, _, _, _, undoes in rows)
    for wanted, got in zip(forwards(rows), (*found.cohorts, found.unknown_origin), strict=True):
        agrees(wanted, got, given_back=given_back)
    assert found.conservation_error < 1e-9


def test_what_is_given_back_was_never_spent() -> None:
    shop, neighbour, person = FIRST + 2, FIRST + 1, FIRST
    rows = [
        (0, ISSUER, person, 100, 0, False),
        (DAY, person, shop, 100, -1, False),
        (2 * DAY, shop, person, 40, -1, True),
        (4 * DAY, person, neighbour, 10, -1, False),
        (5 * DAY, shop, REDEEMER, 60, -1, False),
        (6 * DAY, REDEEMER, shop, 30, -1, False),  # The bank sent half of it back.
    ]

    (first, _) = mixing.trace(ledger_of(rows)).cohorts

    assert (first.redeemed, first.held) == pytest.approx((30, 70))
    assert (first.volume, first.through_sse, first.stayed_in_zone) == pytest.approx((70, 60, 10))
    assert first.by_hops[:3] == pytest.approx((0, 30, 0))
    assert first.reach["sse"]["sse"] == pytest.approx({1: 60, 2: 0, 3: 0, 4: 0})
    assert first.reach["sse"]["other"] == pytest.approx({1: 10, 2: 0, 3: 0, 4: 0})
    assert first.days_to_exit.mean == pytest.approx(5)
    # 100 lay a day, then 10 of what came back two days; what lies now has not moved on.
    assert first.days_by_hop[:2] == pytest.approx(((100 * 1 + 10 * 2) / 110, 4))
    agrees(forwards(rows)[0], first, given_back=1)


def told(found: Trace) -> tuple[Any, ...]:
    return (found.digest, found.cohorts, found.unknown_origin, found.total, found.outside)


@pytest.fixture(scope="module")
def town() -> Ledger:
    """A generated town without a tenth of its first issues, so that some of what is paid is of unknown origin."""
    whole = generator.ledger(Town(transfers=9_000, accounts=200, cohorts=24))
    rows = whole.transfers
    kept = (np.arange(len(rows)) % 10 != 0) | (rows.source != generator.ISSUER)
    fewer = Transfers(**{name: getattr(rows, name)[kept] for name in COLUMNS})
    return Ledger(fewer, whole.accounts, whole.cohorts, whole.unit, whole.exponent)


def test_a_whole_town_is_conserved_and_its_cohorts_add_up(town: Ledger) -> None:
    found = mixing.trace(town)

    assert found.conservation_error < 1e-12
    assert found.unknown_origin.issued > 0
    assert found.total.issued == sum(one.issued for one in (*found.cohorts, found.unknown_origin))
    for name in ("held", "redeemed", "expired", "volume", "through_sse", "stayed_in_zone"):
        parts = [getattr(one, name) for one in (*found.cohorts, found.unknown_origin)]
        assert getattr(found.total, name) == pytest.approx(sum(parts), rel=1e-12)
    rows, role = town.transfers, town.accounts.role
    paid = (role[rows.source] == 0) & (role[rows.target] == 0)
    volume = int(rows.amount[paid & ~rows.undoes].sum() - rows.amount[paid & rows.undoes].sum())
    assert found.total.volume == pytest.approx(volume, rel=1e-12)


def test_pieces_and_walks_change_nothing(town: Ledger) -> None:
    whole = mixing.trace(town)

    for rows, reach_bytes in ((500, 0), (997, 60_000), (100_000, 2**30)):
        pieces = InMemory(town.transfers, rows)
        again = mixing.trace_source(pieces, town.accounts, town.cohorts, unit=town.unit, reach_bytes=reach_bytes)
        assert told(again) == told(whole)


@pytest.mark.parametrize("instants", [pa.int64(), pa.timestamp("us", "UTC"), pa.timestamp("ms")])
def test_streamed_from_files_is_as_in_memory(town: Ledger, tmp_path: Path, instants: pa.DataType) -> None:
    arrays = {name: pa.array(getattr(town.transfers, name)) for name in COLUMNS}
    if pa.types.is_timestamp(instants):
        arrays["time"] = arrays["time"].cast(pa.timestamp("us", instants.tz)).cast(instants)
    table = pa.table(arrays)
    half = len(table) // 2
    files = [tmp_path / "one.parquet", tmp_path / "two.parquet"]
    pq.write_table(table.slice(0, half), files[0], row_group_size=1_000)
    pq.write_table(table.slice(half), files[1], row_group_size=700)

    seen: list[tuple[int, int]] = []
    streamed = mixing.trace_parquet(
        files, town.accounts, town.cohorts, unit=town.unit, progress=lambda done, of: seen.append((done, of))
    )

    assert told(streamed) == told(mixing.trace(town))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (3 * len(table), 3 * len(table))


def test_other_numbers_for_the_same_accounts_and_cohorts_change_no_figure(town: Ledger) -> None:
    whole = mixing.trace(town)
    count, cohorts = len(town.accounts.role), len(town.cohorts)
    to = np.random.default_rng(1).permutation(count)
    at = np.argsort(to)
    other = np.arange(cohorts)[::-1]
    rows = town.transfers
    renamed = Ledger(
        Transfers(
            rows.time,
            to[rows.source].astype(np.int32),
            to[rows.target].astype(np.int32),
            rows.amount,
            np.where(rows.cohort >= 0, other[rows.cohort], -1).astype(np.int32),
            rows.undoes,
        ),
        Accounts(
            [town.accounts.names[old] for old in at],
            town.accounts.role[at],
            {name: Attribute(one.codes[at], one.labels) for name, one in town.accounts.attributes.items()},
        ),
        tuple(reversed(town.cohorts)),
        unit=town.unit,
    )

    again = mixing.trace(renamed)

    assert tuple(reversed(again.cohorts)) == whole.cohorts
    assert again.flows.keys() == whole.flows.keys()
    assert all((again.flows[name].amounts == whole.flows[name].amounts).all() for name in whole.flows)


def test_flows_and_totals_are_those_of_lots(town: Ledger) -> None:
    from koinon.impact.tracing.api import trace

    mixed, lots = (trace(town, convention) for convention in (Convention.MIXING, Convention.FIFO))

    assert {name: (flow.rows, flow.columns) for name, flow in mixed.flows.items()} == {
        name: (flow.rows, flow.columns) for name, flow in lots.flows.items()
    }
    assert all((mixed.flows[name].amounts == lots.flows[name].amounts).all() for name in lots.flows)
    for name in ("issued", "held", "redeemed", "expired", "withdrawn", "volume"):
        assert getattr(mixed.total, name) == pytest.approx(getattr(lots.total, name), rel=1e-12)
    assert [one.issued for one in mixed.cohorts] == [one.issued for one in lots.cohorts]
    assert (mixed.outside, mixed.transfers, mixed.accounts) == (lots.outside, lots.transfers, lots.accounts)


def test_a_row_that_cannot_be_traced_is_named(town: Ledger) -> None:
    rows = town.transfers
    time = rows.time.copy()
    time[5_000] = 0
    broken = Ledger(
        Transfers(time, rows.source, rows.target, rows.amount, rows.cohort, rows.undoes), town.accounts, town.cohorts
    )

    with pytest.raises(NotTraceable) as refused:
        mixing.trace_source(InMemory(broken.transfers, 1_000), broken.accounts, broken.cohorts)

    assert refused.value.row == 5_000


def test_nothing_to_trace_is_no_mistake() -> None:
    found = mixing.trace(ledger_of([]))

    assert (found.transfers, found.total.issued, found.total.multiplier, found.first_at) == (0, 0, None, None)
