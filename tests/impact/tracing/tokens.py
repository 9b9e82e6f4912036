"""Lots followed the slow and obvious way: every minor unit is a token in a list, which remembers where it has been."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from koinon.impact.tracing.types import HOPS, REACH, UNKNOWN, Convention, Ledger, Role

NOBODY = -1


@dataclass(eq=False)
class Token:
    cohort: int
    issued: int  # tick
    began: int  # the account
    arrived: int  # tick
    journey: list[tuple[int, int]] = field(default_factory=list)  # each payment: payer, payee
    left_from: int = -1

    @property
    def hops(self) -> int:
        return len(self.journey)


class Tokens:
    def __init__(self, ledger: Ledger, convention: Convention, tick_us: int) -> None:
        self.ledger = ledger
        self.fifo = convention is Convention.FIFO
        self.tick_us = tick_us
        self.purses: list[list[Token]] = [[] for _ in ledger.accounts.role]
        self.all: list[Token] = []
        self.issued: Counter[int] = Counter()
        self.volume: Counter[int] = Counter()
        self.waits: Counter[tuple[int, int]] = Counter()
        self.waited: Counter[tuple[int, int]] = Counter()
        self.reach: Counter[tuple[int, str, str, int]] = Counter()
        self.flows: Counter[tuple[str, str, str]] = Counter()
        self.outside = 0
        for row in zip(*(getattr(ledger.transfers, name).tolist() for name in COLUMNS), strict=True):
            self.carry_out(*row)

    def label(self, dimension: str, account: int) -> str:
        attribute = self.ledger.accounts.attributes[dimension]
        code = int(attribute.codes[account])
        return attribute.labels[code] if code >= 0 else UNKNOWN

    def count_flow(self, rows: str | int, columns: str | int, amount: int) -> None:
        for dimension in self.ledger.accounts.attributes:
            row = rows if isinstance(rows, str) else self.label(dimension, rows)
            column = columns if isinstance(columns, str) else self.label(dimension, columns)
            self.flows[dimension, row, column] += amount

    def create(self, cohort: int, account: int, count: int, tick: int) -> list[Token]:
        made = [Token(cohort, tick, account, tick) for _ in range(count)]
        self.all += made
        self.issued[cohort] += count
        self.count_flow("issued" if cohort != NOBODY else "unknown origin", account, count)
        return made

    def carry_out(self, time: int, source: int, target: int, amount: int, cohort: int, undoes: bool) -> None:
        tick = time // self.tick_us
        giver, taker = Role(self.ledger.accounts.role[source]), Role(self.ledger.accounts.role[target])
        if giver is Role.HOLDER and source == target:
            return
        if giver is not Role.HOLDER and taker is not Role.HOLDER:
            self.outside += amount
            return
        if giver is Role.ISSUER and not undoes:
            self.purses[target] += self.create(cohort, target, amount, tick)
            return
        purse = self.purses[source]
        returns = giver is not Role.HOLDER
        missing = self.create(NOBODY, target if returns else source, max(0, amount - len(purse)), tick)
        some = amount - len(missing)
        if self.fifo and not undoes and not returns:
            moved, self.purses[source] = purse[:some], purse[some:]
            moved += missing
        else:
            moved, self.purses[source] = purse[len(purse) - some :], purse[: len(purse) - some]
            moved = missing + moved
        for token in moved:
            if returns:
                if token not in missing:
                    self.count_flow(target, ENDS[giver], -1)
                token.left_from = -1
            elif taker is Role.HOLDER and undoes:
                self.give_back(token, source, target)
            elif taker is Role.HOLDER:
                self.wait(token, tick)
                self.pay(token, source, target)
            else:
                if taker is not Role.ISSUER:
                    self.wait(token, tick)
                token.left_from = source
                self.count_flow(source, ENDS[taker], 1)
            token.arrived = tick
        if self.fifo and taker is Role.HOLDER and (undoes or returns):
            self.purses[target] = moved + self.purses[target]
        else:
            self.purses[target] += moved

    def wait(self, token: Token, tick: int) -> None:
        self.waits[token.cohort, min(token.hops, HOPS)] += 1
        self.waited[token.cohort, min(token.hops, HOPS)] += tick - token.arrived

    def pay(self, token: Token, payer: int, payee: int) -> None:
        token.journey.append((payer, payee))
        self.volume[token.cohort] += 1
        self.count_flow(payer, payee, 1)
        self.count_reach(token, payee, 1)

    def give_back(self, token: Token, payee: int, payer: int) -> None:
        self.volume[token.cohort] -= 1
        self.count_flow(payer, payee, -1)
        if token.journey:
            self.count_reach(token, payee, -1)
            token.journey.pop()

    def count_reach(self, token: Token, account: int, amount: int) -> None:
        if token.hops <= REACH:
            for dimension in self.ledger.accounts.attributes:
                self.reach[token.cohort, dimension, self.label(dimension, account), token.hops] += amount

    # --- What it says ---------------------------------------------------------------------------

    def at(self, role: Role) -> list[Token]:
        return [
            token
            for purse, kind in zip(self.purses, self.ledger.accounts.role, strict=True)
            if kind == role
            for token in purse
        ]

    def through_sse(self, token: Token) -> bool:
        return any(self.label("sse", payee) == "sse" for _, payee in token.journey)

    def stayed(self, token: Token) -> bool:
        zones = [{self.label("zone", payer), self.label("zone", payee)} for payer, payee in token.journey]
        return bool(zones) and all(len(zone) == 1 and UNKNOWN not in zone for zone in zones)

    def way(self, dimension: str, token: Token) -> tuple[str, ...]:
        told = [self.label(dimension, account) for account in [token.began, *(payee for _, payee in token.journey)]]
        return tuple(told[: REACH + 1] + (["…"] if len(told) > REACH + 1 else []))

    def ways(self, dimension: str) -> Counter[tuple[tuple[str, ...], str]]:
        ends = {Role.REDEEMER: "redeemed", Role.EXPIRY: "expired", Role.HOLDER: "held"}
        return Counter((self.way(dimension, token), end) for role, end in ends.items() for token in self.at(role))


ENDS = {Role.ISSUER: "withdrawn", Role.REDEEMER: "redeemed", Role.EXPIRY: "expired"}
COLUMNS = ("time", "source", "target", "amount", "cohort", "undoes")
