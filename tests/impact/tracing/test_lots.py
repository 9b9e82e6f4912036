"""Lots: the compiled kernel says what tokens moved one by one say, whatever the ledger and however it is divided."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koinon.impact.tracing import api, holding, lots
from koinon.impact.tracing.errors import AmountsTooLarge, NotTraceable, StateDoesNotFit, StateUnreadable
from koinon.impact.tracing.holding import DAY, LotsState
from koinon.impact.tracing.results import MOST_PATHS
from koinon.impact.tracing.types import (
    HOPS,
    REACH,
    UNKNOWN,
    Accounts,
    Attribute,
    CohortTrace,
    Convention,
    Ledger,
    Role,
    Trace,
    Transfers,
)
from tests.impact.tracing.tokens import NOBODY, Tokens

BOTH = pytest.mark.parametrize("convention", [Convention.FIFO, Convention.LIFO])
ROLES = [Role.ISSUER, Role.ISSUER, Role.REDEEMER, Role.EXPIRY, *[Role.HOLDER] * 6]
COHORTS = ("aid 2027-03", "aid 2027-04", "youth 2027-03")


def transfers(rows: list[tuple[int, int, int, int, int, bool]]) -> Transfers:
    time, source, target, amount, cohort, undoes = zip(*rows, strict=True) if rows else [()] * 6
    return Transfers(
        np.array(time, np.int64),
        np.array(source, np.int32),
        np.array(target, np.int32),
        np.array(amount, np.int64),
        np.array(cohort, np.int32),
        np.array(undoes, np.bool_),
    )


def part(ledger: Ledger, start: int, stop: int) -> Ledger:
    rows = ledger.transfers
    return replace(ledger, transfers=Transfers(*(getattr(rows, name)[start:stop] for name in Transfers.__slots__)))


@st.composite
def ledgers(draw: st.DrawFn) -> Ledger:
    """Short ledgers in which everything happens often: ties, refunds, returns, purses that lack what they pay."""
    account = st.integers(0, len(ROLES) - 1)
    holder = st.integers(4, len(ROLES) - 1)
    sides = st.one_of(st.tuples(holder, holder), st.tuples(st.integers(0, 1), holder), st.tuples(account, account))
    rows = draw(
        st.lists(
            st.tuples(
                sides, st.integers(1, 9), st.integers(0, 2), st.booleans(), st.sampled_from([0, 0, 0, 1, 40, 300])
            ),
            max_size=60,
        )
    )
    time, told = -3 * DAY // 2, []
    for (source, target), amount, cohort, undoes, wait in rows:
        time += wait * DAY // 2
        told.append((time, source, target, amount, cohort if ROLES[source] is Role.ISSUER else -1, undoes))
    codes = draw(st.lists(st.tuples(*[st.integers(-1, 1)] * 3), min_size=len(ROLES), max_size=len(ROLES)))
    zone, sse, sector = (np.array(column, np.int16) for column in zip(*codes, strict=True))
    return Ledger(
        transfers(told),
        Accounts(
            [f"account {number}" for number in range(len(ROLES))],
            np.array(ROLES, np.uint8),
            {
                "zone": Attribute(zone, ("north", "south")),
                "sse": Attribute(sse, ("other", "sse")),
                "sector": Attribute(sector, ("food", "care")),
            },
        ),
        COHORTS,
        "LOC",
    )


def days(ticks: int, amount: int) -> float | None:
    return ticks / amount if amount else None


def said(tokens: Tokens, cohort: int, label: str) -> dict[str, Any]:
    mine = [token for token in tokens.all if token.cohort == cohort]
    at = {role: [token for token in tokens.at(role) if token.cohort == cohort] for role in Role}
    left = at[Role.REDEEMER] + at[Role.EXPIRY]
    hops = Counter(min(token.hops, HOPS) for token in left)
    return {
        "label": label,
        "issued": tokens.issued[cohort],
        "held": len(at[Role.HOLDER]),
        "redeemed": len(at[Role.REDEEMER]),
        "expired": len(at[Role.EXPIRY]),
        "withdrawn": len(at[Role.ISSUER]),
        "by_hops": tuple(hops[k] for k in range(HOPS + 1)),
        "mean_hops": days(sum(token.hops for token in left), len(left)),
        "volume": tokens.volume[cohort],
        "days_to_exit": (len(left), days(sum(token.arrived - token.issued for token in left), len(left))),
        "days_by_hop": tuple(days(tokens.waited[cohort, k], tokens.waits[cohort, k]) for k in range(HOPS + 1)),
        "reach": {
            dimension: {
                name: {hop: tokens.reach[cohort, dimension, name, hop] for hop in range(1, REACH + 1)}
                for name in (UNKNOWN, *attribute.labels)
            }
            for dimension, attribute in tokens.ledger.accounts.attributes.items()
        },
        "through_sse": sum(map(tokens.through_sse, mine)),
        "stayed_in_zone": sum(map(tokens.stayed, mine)),
    }


def found(cohort: CohortTrace) -> dict[str, Any]:
    names = [name for name in CohortTrace.__slots__ if name not in {"multiplier", "issued_at"}]
    told = {name: getattr(cohort, name) for name in names}
    return told | {
        "reach": {dimension: dict(labels) for dimension, labels in cohort.reach.items()},
        "days_to_exit": (cohort.days_to_exit.amount, cohort.days_to_exit.mean),
    }


def flows(trace: Trace) -> dict[tuple[str, str, str], int]:
    return {
        (name, row, column): int(matrix.amounts[r, c])
        for name, matrix in trace.flows.items()
        for r, row in enumerate(matrix.rows)
        for c, column in enumerate(matrix.columns)
        if column != "held" and matrix.amounts[r, c]
    }


@BOTH
@settings(max_examples=60)
@given(ledger=ledgers())
def test_lots_say_what_tokens_say(convention: Convention, ledger: Ledger) -> None:
    trace = api.trace(ledger, convention, paths=("sector", "zone"))
    tokens = Tokens(ledger, convention, DAY)
    assert [found(cohort) for cohort in (trace.unknown_origin, *trace.cohorts)] == [
        said(tokens, number, label) for number, label in [(NOBODY, "unknown origin"), *enumerate(COHORTS)]
    ]
    assert trace.outside == tokens.outside
    assert flows(trace) == {cell: amount for cell, amount in tokens.flows.items() if amount}
    for name, ways in trace.paths.items():
        assert {(way.labels, way.end): way.amount for way in ways} == tokens.ways(name)


@BOTH
@settings(max_examples=40)
@given(ledger=ledgers())
def test_nothing_is_made_or_lost(convention: Convention, ledger: Ledger) -> None:
    trace = api.trace(ledger, convention)
    assert trace.conservation_error == 0
    role, rows = ledger.accounts.role, ledger.transfers
    paid = (role[rows.source] == 0) & (role[rows.target] == 0) & (rows.source != rows.target)
    assert trace.total.volume == int(np.where(rows.undoes, -rows.amount, rows.amount)[paid].sum())
    for matrix in trace.flows.values():
        labels = len(matrix.rows) - 2
        assert matrix.amounts[:, :labels].sum(axis=0).tolist() == matrix.amounts[:labels].sum(axis=1).tolist()


@BOTH
@settings(max_examples=40)
@given(ledger=ledgers(), cuts=st.lists(st.integers(0, 60), max_size=4), kept=st.booleans())
def test_any_division_of_a_history_gives_what_the_whole_gives(
    convention: Convention, ledger: Ledger, cuts: list[int], kept: bool
) -> None:
    whole = LotsState.begin(ledger, convention, paths=("zone",))
    whole.extend(ledger)
    rows = len(ledger.transfers)
    places = sorted(min(cut, rows) for cut in cuts)
    early = replace(  # Accounts and cohorts that are met for the first time are taken up then.
        part(ledger, 0, 0),
        accounts=Accounts(
            ledger.accounts.names[:4],
            ledger.accounts.role[:4],
            {name: Attribute(a.codes[:4], a.labels) for name, a in ledger.accounts.attributes.items()},
        ),
        cohorts=COHORTS[:1],
    )
    grown = LotsState.begin(early, convention, paths=("zone",))
    for start, stop in zip([0, *places], [*places, rows], strict=True):
        grown.extend(part(ledger, start, stop))
        if kept:
            grown = LotsState.from_bytes(grown.to_bytes())
    assert grown.to_bytes() == whole.to_bytes()
    assert grown.trace().digest == whole.trace().digest


@BOTH
@settings(max_examples=25)
@given(ledger=ledgers(), order=st.permutations(range(len(ROLES))))
def test_renaming_accounts_changes_no_figure(convention: Convention, ledger: Ledger, order: list[int]) -> None:
    place = np.array(order)
    rows, accounts = ledger.transfers, ledger.accounts
    renamed = replace(
        ledger,
        transfers=replace(
            rows,
            source=np.argsort(place)[rows.source].astype(np.int32),
            target=np.argsort(place)[rows.target].astype(np.int32),
        ),
        accounts=Accounts(
            [f"another {number}" for number in order],
            accounts.role[place],
            {name: Attribute(a.codes[place], a.labels) for name, a in accounts.attributes.items()},
        ),
    )
    assert (
        api.trace(renamed, convention, paths=("zone",)).digest == api.trace(ledger, convention, paths=("zone",)).digest
    )


def at_random(count: int) -> Ledger:
    """Few accounts and many transfers, hardly two of which are alike: queues that grow long and go round."""
    chance = np.random.default_rng(2027)
    source = chance.choice(np.array([0, 1, 4, 5, 6, 7, 8, 9, 2], np.int32), count, p=[0.2, 0.2, *[0.095] * 6, 0.03])
    target = chance.choice(np.array([2, 3, 4, 5, 6, 7, 8, 9], np.int32), count, p=[0.1, 0.05, *[0.85 / 6] * 6])
    accounts = Accounts(
        [str(number) for number in range(len(ROLES))],
        np.array(ROLES, np.uint8),
        {
            "zone": Attribute(np.array([-1] * 4 + [0, 0, 0, 1, 1, -1], np.int16), ("north", "south")),
            "sse": Attribute(np.array([-1] * 4 + [0, 1, 0, 0, 0, 0], np.int16), ("other", "sse")),
        },
    )
    rows = Transfers(
        np.sort(chance.integers(0, 400 * DAY, count)),
        source,
        target,
        chance.integers(1, 10, count),
        np.where(source < 2, chance.integers(0, 3, count), -1).astype(np.int32),
        chance.random(count) < 0.05,
    )
    return Ledger(rows, accounts, COHORTS, "LOC")


@BOTH
def test_a_long_history_is_followed_like_a_short_one(convention: Convention) -> None:
    ledger = at_random(4000)
    trace, tokens = (
        api.trace(ledger, convention, paths=("zone",), tick_us=DAY // 24),
        Tokens(ledger, convention, DAY // 24),
    )
    hours = [said(tokens, number, label) for number, label in [(NOBODY, "unknown origin"), *enumerate(COHORTS)]]
    for row in hours:
        left, mean = row["days_to_exit"]
        row["days_to_exit"] = (left, pytest.approx(mean / 24) if left else None)
        row["days_by_hop"] = tuple(None if wait is None else pytest.approx(wait / 24) for wait in row["days_by_hop"])
    assert [found(cohort) for cohort in (trace.unknown_origin, *trace.cohorts)] == hours
    ways = tokens.ways("zone")
    told = {(way.labels, way.end): way.amount for way in trace.paths["zone"]}
    assert told == {way: ways[way] for way in told}
    assert sorted(told.values(), reverse=True) == sorted(ways.values(), reverse=True)[:MOST_PATHS]


def story(*rows: tuple[int, str, str, int, str]) -> Ledger:
    """(day, from, to, amount, "undo" or nothing); the town issues, the bank redeems, "over" is expiry."""
    names = ["town", "bank", "over", "ana", "bea", "shop", "mill"]
    told = [
        (
            day * DAY,
            names.index(payer),
            names.index(payee),
            amount,
            0 if payer == "town" and not undo else -1,
            undo == "undo",
        )
        for day, payer, payee, amount, undo in rows
    ]
    told = [row if row[1] else (*row[:4], 0, row[5]) for row in told]
    zones = np.array([-1, -1, -1, 0, 0, 0, 1], np.int16)
    kinds = np.array([-1, -1, -1, 0, 0, 1, 1], np.int16)
    return Ledger(
        transfers(told),
        Accounts(
            names,
            np.array([Role.ISSUER, Role.REDEEMER, Role.EXPIRY, 0, 0, 0, 0], np.uint8),
            {"zone": Attribute(zones, ("north", "south")), "kind": Attribute(kinds, ("resident", "business"))},
        ),
        ("aid 2027-03",),
        "LOC",
    )


@BOTH
def test_what_is_given_back_at_once_lies_where_it_lay(convention: Convention) -> None:
    before = story((0, "town", "ana", 5, ""), (3, "town", "ana", 7, ""), (3, "town", "shop", 2, ""))
    after = story(
        (0, "town", "ana", 5, ""),
        (3, "town", "ana", 7, ""),
        (3, "town", "shop", 2, ""),
        (3, "ana", "shop", 8, ""),
        (3, "shop", "ana", 8, "undo"),
        (4, "ana", "shop", 6, ""),
        (9, "shop", "bank", 8, ""),
    )
    plain = replace(
        after, transfers=Transfers(*(np.delete(getattr(after.transfers, name), [3, 4]) for name in Transfers.__slots__))
    )
    refunded, never = (api.trace(ledger, convention).cohorts[0] for ledger in (after, plain))
    assert found(refunded) | {"days_by_hop": ()} == found(never) | {"days_by_hop": ()}
    assert api.trace(before, convention).cohorts[0].volume == 0


def test_a_payout_that_the_bank_sends_back_has_not_left() -> None:
    ledger = story(
        (0, "town", "ana", 10, ""),
        (1, "ana", "shop", 10, ""),
        (2, "shop", "bank", 10, ""),
        (5, "bank", "shop", 10, "undo"),
    )
    cohort = api.trace(ledger).cohorts[0]
    assert (cohort.held, cohort.redeemed, cohort.by_hops[1], cohort.days_to_exit.mean) == (10, 0, 0, None)


def test_a_purse_that_lacks_what_it_pays_is_named_in_the_result() -> None:
    trace = api.trace(story((0, "town", "ana", 4, ""), (1, "ana", "shop", 9, ""), (2, "shop", "bank", 6, "")))
    assert (trace.unknown_origin.issued, trace.unknown_origin.redeemed, trace.unknown_origin.held) == (5, 2, 3)
    assert trace.conservation_error == 0


def test_paths_say_how_many_different_accounts_stand_behind_them() -> None:
    trace = api.trace(
        story(
            (0, "town", "ana", 10, ""),
            (0, "town", "bea", 10, ""),
            (1, "ana", "shop", 10, ""),
            (1, "bea", "shop", 4, ""),
            (1, "bea", "mill", 3, ""),
            (2, "shop", "bank", 14, ""),
        ),
        paths=("kind",),
    )
    redeemed, unspent, kept = trace.paths["kind"]
    assert (redeemed.labels, redeemed.end, redeemed.amount) == (("resident", "business"), "redeemed", 14)
    assert (redeemed.holders, redeemed.largest, redeemed.payers, redeemed.payees) == (1, 14, 2, 2)
    assert (kept.labels, kept.end, kept.amount) == (("resident", "business"), "held", 3)
    assert (unspent.labels, unspent.end, unspent.payers) == (("resident",), "held", 0)


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [("time", -5, "earlier"), ("target", 99, "account"), ("amount", 0, "amount"), ("cohort", 7, "cohort")],
)
def test_a_row_that_cannot_be_traced_is_named_and_nothing_is_changed(column: str, value: int, why: str) -> None:
    ledger = story((0, "town", "ana", 5, ""), (1, "town", "ana", 5, ""))
    state = LotsState.begin(ledger)
    state.extend(part(ledger, 0, 1))
    before = state.to_bytes()
    broken = part(ledger, 1, 2)
    getattr(broken.transfers, column)[0] = value
    with pytest.raises(NotTraceable, match=f"transfer 0: .*{why}"):
        state.extend(broken)
    assert state.to_bytes() == before


def test_amounts_that_cannot_be_counted_exactly_are_refused() -> None:
    with pytest.raises(AmountsTooLarge):
        api.trace(story((0, "town", "ana", 2**61, ""), (1, "ana", "shop", 2**61, "")))


def test_a_state_is_one_file_that_is_whole_or_refused(tmp_path: Path) -> None:
    ledger = story((0, "town", "ana", 5, ""), (1, "ana", "shop", 5, ""))
    state = LotsState.begin(ledger)
    state.extend(ledger)
    place = tmp_path / "lots"
    state.save(place)
    assert LotsState.load(place).digest() == state.digest()
    assert [file.name for file in tmp_path.iterdir()] == ["lots"]
    kept = bytearray(place.read_bytes())
    kept[len(kept) // 2] ^= 1
    for broken in (
        bytes(kept),
        place.read_bytes()[:-1],
        b"",
        b"another file altogether, of some length, which is no state",
    ):
        with pytest.raises(StateUnreadable):
            LotsState.from_bytes(broken)


def test_a_state_is_not_continued_by_what_does_not_fit() -> None:
    ledger = story((0, "town", "ana", 5, ""))
    state = LotsState.begin(ledger)
    state.extend(ledger)
    accounts = ledger.accounts
    moved = Attribute(accounts.attributes["zone"].codes[::-1].copy(), ("north", "south"))
    others = [
        replace(ledger, cohorts=("another",)),
        replace(ledger, unit="EUR"),
        replace(ledger, accounts=replace(accounts, attributes={})),
        replace(ledger, accounts=replace(accounts, attributes={**accounts.attributes, "zone": moved})),
        replace(ledger, accounts=replace(accounts, role=np.zeros(7, np.uint8)), transfers=transfers([])),
    ]
    before = state.to_bytes()
    for other in others:
        with pytest.raises(StateDoesNotFit):
            state.extend(other)
    assert state.to_bytes() == before


def test_a_day_costs_what_moved_on_it_and_not_what_moved_in_the_year() -> None:
    ledger = at_random(4000)
    state = LotsState.begin(ledger)
    state.extend(part(ledger, 0, 3990))
    moved: list[tuple[int, int]] = []
    state.extend(part(ledger, 3990, 4000), lambda done, of: moved.append((done, of)))
    assert moved == [(10, 10)]
    assert state.trace().digest == api.trace(ledger).digest


def test_columns_that_were_mapped_from_a_file_are_traced_by_the_same_kernel() -> None:
    ledger = at_random(500)
    mapped = [np.asarray(getattr(ledger.transfers, name)).copy() for name in Transfers.__slots__]
    for column in mapped:
        column.flags.writeable = False
    compiled = len(lots.move.signatures)
    assert api.trace(replace(ledger, transfers=Transfers(*mapped))).digest == api.trace(ledger).digest
    assert len(lots.move.signatures) == max(compiled, 1)


@BOTH
def test_many_cohorts_are_counted_like_few(convention: Convention) -> None:
    few = at_random(2000)
    many = replace(few, cohorts=(*COHORTS, *(f"another {number}" for number in range(1200))))
    said_of_few, said_of_many = (api.trace(ledger, convention) for ledger in (few, many))
    assert [found(cohort) for cohort in said_of_many.cohorts[:3]] == [found(cohort) for cohort in said_of_few.cohorts]
    assert found(said_of_many.total) == found(said_of_few.total)
    assert not any(cohort.issued or cohort.volume for cohort in said_of_many.cohorts[3:])


@BOTH
def test_what_is_noted_in_small_parts_is_counted_like_the_whole(
    convention: Convention, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = at_random(2000)
    whole = api.trace(ledger, convention)
    monkeypatch.setattr(holding, "NOTED", 4)
    monkeypatch.setattr(holding, "FEW", 0)
    assert api.trace(ledger, convention).digest == whole.digest


def test_two_conventions_are_followed_side_by_side() -> None:
    ledger = at_random(500)
    each = api.trace_each(ledger, (Convention.FIFO, Convention.LIFO))
    assert list(each) == [Convention.FIFO, Convention.LIFO]
    assert each[Convention.FIFO].digest == api.trace(ledger).digest
    assert each[Convention.FIFO].total.volume == each[Convention.LIFO].total.volume
    with pytest.raises(AmountsTooLarge):
        api.trace_each(story((0, "town", "ana", 2**62, "")), (Convention.FIFO, Convention.LIFO))
