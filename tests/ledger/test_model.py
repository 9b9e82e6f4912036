"""The real books against the ones on paper, on whatever Hypothesis comes up with."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.ledger import operations, queries
from koinon.ledger.errors import BY_CODE, LedgerError
from koinon.ledger.types import Capture, Hold, NewAccount, Release, Request, Reversal, Transfer
from tests.ledger import duel, million
from tests.ledger.duel import answer
from tests.ledger.model import Books, ModelAccount
from tests.ledger.story import NOON, Story, broken

KINDS = ["issuance", "reserve", "escrow", "purse", "purse", "purse", "till", "till", "redemption"]
CODES = ["receive", "issue", "disburse", "pay", "pay", "pay", "redeem", "payout", "expire", "withdraw"]
ACTOR = "test:model"


def machine_on(conn: psycopg.Connection[Any]) -> type[RuleBasedStateMachine]:
    """A machine whose every run keeps the books of a town of its own on this connection."""
    towns = iter(range(1, 10**6))

    class Machine(RuleBasedStateMachine):
        @initialize(ceiling=st.one_of(st.none(), st.integers(50, 300)))
        def open_the_books(self, ceiling: int | None) -> None:
            self.town = next(towns)
            self.books = Books()
            self.clock = NOON
            self.known: list[UUID] = [uuid4()]
            self.asked: list[Request] = []
            for number, kind in enumerate(KINDS):
                limits: dict[str, int | None] = {"floor_minor": None if kind == "issuance" else 0}
                if number == len(KINDS) - 2:
                    limits["ceiling_minor"] = ceiling
                account = NewAccount(kind, "LOC", uuid4(), **limits)
                (opened,) = operations.open_accounts(conn, town_id=self.town, accounts=[account], at=NOON, actor=ACTOR)
                self.books.accounts[opened] = ModelAccount(kind, limits["floor_minor"], limits.get("ceiling_minor"))
            self.numbers = sorted(self.books.accounts)
            self.post([self.transfer(0, 1, 1000, "receive"), self.transfer(1, 2, 600, "issue")])
            self.post([self.transfer(2, purse, 150, "disburse") for purse in (3, 4, 5)])

        def told(self, data: st.DataObject | None = None, group: UUID | None = None) -> dict[str, Any]:
            """What every request carries; sometimes an id that was used or named before."""
            again = data is not None and data.draw(st.integers(0, 5)) == 0
            identity = data.draw(st.sampled_from(self.known)) if again and data is not None else new_id()
            self.known.append(identity)
            return {"id": identity, "effective_at": self.clock, "actor": ACTOR, "group": group}

        def transfer(self, debit: int, credit: int, minor: int, code: str) -> Transfer:
            debit, credit = self.numbers[debit], self.numbers[credit]
            return Transfer(debit=debit, credit=credit, amount=Amount(minor, "LOC"), code=code, **self.told())

        def draw(self, data: st.DataObject, group: UUID | None) -> Request:
            if self.asked and data.draw(st.integers(0, 7)) == 0:
                return replace(data.draw(st.sampled_from(self.asked)), effective_at=self.clock, group=group)
            places = st.integers(0, len(KINDS) - 1).map(self.numbers.__getitem__)
            minor = data.draw(st.integers(-1, 120))
            told = self.told(data, group)
            amount = data.draw(st.sampled_from([Amount(minor, "LOC"), None]))
            target = data.draw(st.sampled_from(self.known))
            match data.draw(st.sampled_from(["pay", "move", "hold", "capture", "release", "reverse"])):
                case "pay":
                    debit = self.numbers[data.draw(st.integers(3, 7))]
                    credit = self.numbers[data.draw(st.integers(3, 7))]
                    return Transfer(debit=debit, credit=credit, amount=Amount(minor, "LOC"), code="pay", **told)
                case "move":
                    debit, credit = data.draw(places), data.draw(st.one_of(places, st.just(2_000_000_000)))
                    code = data.draw(st.sampled_from(CODES))
                    return Transfer(debit=debit, credit=credit, amount=Amount(minor, "LOC"), code=code, **told)
                case "hold":
                    lapses_at = self.clock + timedelta(minutes=data.draw(st.integers(0, 3)))
                    debit = self.numbers[data.draw(st.integers(3, 7))]
                    credit = self.numbers[data.draw(st.integers(3, 7))]
                    return Hold(
                        debit=debit, credit=credit, amount=Amount(minor, "LOC"), code="pay", lapses_at=lapses_at, **told
                    )
                case "capture":
                    return Capture(hold=target, amount=amount, **told)
                case "release":
                    return Release(hold=target, **told)
                case _:
                    return Reversal(original=target, amount=amount, **told)

        def post(self, requests: list[Request]) -> None:
            self.asked += requests
            expected = self.books.post(requests)
            outcomes = operations.post(conn, town_id=self.town, requests=requests)
            found = [answer(outcome, request) for outcome, request in zip(outcomes, requests, strict=True)]
            table = "\n".join(f"{request}\n    {said}" for request, said in zip(requests, found, strict=True))
            assert found == expected, f"\n{table}\nexpected {expected}"

        @rule(data=st.data(), groups=st.lists(st.integers(1, 4), min_size=1, max_size=6))
        def post_a_batch(self, data: st.DataObject, groups: list[int]) -> None:
            batch: list[Request] = []
            for size in groups:
                group = uuid4() if size > 1 else None
                batch += [self.draw(data, group) for _ in range(size)]
            self.post(batch)

        @rule(data=st.data())
        def post_one(self, data: st.DataObject) -> None:
            self.post([self.draw(data, None)])

        @rule(minutes=st.integers(0, 2))
        def time_goes_by_and_holds_lapse(self, minutes: int) -> None:
            self.clock += timedelta(minutes=minutes)
            lapsed = operations.lapse_holds(conn, town_id=self.town, now=self.clock)
            assert lapsed == self.books.lapse(self.clock)

        @rule(place=st.integers(3, len(KINDS) - 1))
        def close_an_account(self, place: int) -> None:
            expected = self.books.close(self.numbers[place])
            outcome = "closed"
            try:
                operations.close_account(
                    conn, town_id=self.town, account=self.numbers[place], at=self.clock, actor=ACTOR
                )
            except LedgerError as refused:
                outcome = refused.code.removeprefix("ledger.")
            assert outcome == expected

        @invariant()
        def balances_agree(self) -> None:
            for number, paper in self.books.accounts.items():
                real = queries.account_by_id(conn, town_id=self.town, account=number)
                assert real is not None
                assert (real.balance.minor, real.debits_held, real.credits_held) == (
                    paper.balance,
                    paper.held_out,
                    paper.held_in,
                )

        def teardown(self) -> None:
            for number in self.numbers:
                shown = queries.statement_of(conn, town_id=self.town, account=number, limit=1000)
                assert [(each.transfer_id, each.signed_minor) for each in shown] == self.books.statement(number)
            assert broken(conn) == []
            conn.rollback()

    return Machine


def test_the_real_books_agree_with_the_ones_on_paper(conn: psycopg.Connection[Any]) -> None:
    run_state_machine_as_test(
        machine_on(conn),
        settings=settings(
            max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_thirty_thousand_random_operations_agree_in_exact_batches(connect_again: Any, owner_conn: Any) -> None:
    """The bounded run of ``python -m tests.ledger.million``; its seed and its shortest story are in the failure."""
    seed = secrets.token_hex(4)
    own = connect_again()
    try:
        said = million.run(own, owner_conn, 30_000, seed, in_a_town=6000, few_every=0)
    except duel.Disagreement as found:
        own.rollback()
        shortest = duel.shrink(million.in_other_towns(own, owner_conn), found, tries=300)
        pytest.fail(f"seed {seed}: {shortest}")
    assert sum(said.values()) >= 30_000
    unheard = set(BY_CODE) - {f"ledger.{outcome}" for outcome in said}
    assert len(unheard) <= 1, f"{unheard} never came, so that little was tried"


def test_a_disagreement_told_as_a_story_is_one_that_the_books_can_hear(connect_again: Any, owner_conn: Any) -> None:
    own = connect_again()
    played = duel.play(Random(7), duel.RealBooks(own, 1, commit=True, owner=owner_conn), 1500)
    text = duel.table(duel.Disagreement(played.accounts, played.numbers, played.steps, played.answers, [], ""))
    story = Story(own, town_id=2, owner=owner_conn)
    story.tell(text)
    own.commit()
    assert broken(own) == []
    for opened, number in zip(played.accounts, played.numbers, strict=True):
        if opened.name in story.accounts:
            assert story.balance(opened.name).minor == played.paper.accounts[number].balance


def test_requests_one_at_a_time_agree_as_batches_do(connect_again: Any, owner_conn: Any) -> None:
    """A transfer that stands alone takes a shorter way through the ledger."""
    seed = secrets.token_hex(4)
    own = connect_again()
    try:
        duel.play(Random(seed), duel.RealBooks(own, 1, commit=True, owner=owner_conn), 2000, largest_batch=1)
    except duel.Disagreement as found:
        own.rollback()
        shortest = duel.shrink(million.in_other_towns(own, owner_conn), found, tries=300)
        pytest.fail(f"seed {seed}: {shortest}")
