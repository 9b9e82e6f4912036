"""A town whose shops accept payments without a network, and tills as their browsers keep them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from psycopg import Connection

from koinon.db.transactions import savepoint, transaction
from koinon.instruments.types import Card
from koinon.kernel.identifiers import new_id
from koinon.offline import operations, queries, vouchers
from koinon.offline.errors import OfflineError
from koinon.offline.types import Algorithm, Bearer, Content, Sent, Terms, Voucher
from koinon.parties.secrets import Secrets
from tests.instruments.desk import Desk
from tests.payments import paying_town
from tests.payments.paying_town import NOON, UNIT, PayingTown, money

TREASURER = "user:3"
CASHIER = "user:9"


@dataclass
class Till:
    """A till: it counts, signs and keeps."""

    town: PayingTown
    sealing: bytes
    id: UUID
    key: Any
    algorithm: Algorithm
    shop: str
    number: int = 0
    counter: Any = field(default_factory=lambda: itertools.count(1))

    def takes(
        self, code: str, amount: str, *, at: datetime = NOON, counter: int | None = None, town_id: int | None = None,
        unit: str = UNIT,
    ) -> Sent:  # fmt: skip
        place = counter or next(self.counter)
        box = vouchers.sealed(code, self.sealing, device=self.id, counter=place)
        content = Content(
            town_id or self.town.id, self.id, place, money(amount).minor, unit, at, vouchers.digest(box)
        )  # fmt: skip
        body = vouchers.written(content)
        return Sent(body, self.sign(body), box)

    def sign(self, body: bytes) -> bytes:
        if self.algorithm is Algorithm.ED25519:
            return bytes(self.key.sign(body))
        r, s = decode_dss_signature(self.key.sign(body, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)

    @property
    def public(self) -> bytes:
        if self.algorithm is Algorithm.ED25519:
            return bytes(self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        return bytes(self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


@dataclass
class Outage:
    """The town, its counter, and what its tills send when they are back."""

    town: PayingTown
    desk: Desk

    @property
    def conn(self) -> Connection[Any]:
        return self.town.conn

    def terms(self, **changed: Any) -> Terms:
        bearer = changed.get("bearer", Bearer.TOWN)
        by_town = {"fund_id": self.town.funds["risk"], "month_most_minor": 100_00} if bearer is Bearer.TOWN else {}
        terms = replace(
            Terms(
                from_day=date(2026, 10, 5), voucher_most_minor=20_00, card_most_minor=30_00, device_most_minor=100_00,
                sync_days=3, devices_most=2, bearer=bearer, fund_id=None, month_most_minor=0, source="council 12/2026",
            ),
            **(by_town | changed),
        )  # fmt: skip
        operations.set_terms(self.conn, town_id=self.town.id, terms=terms, at=NOON, actor=TREASURER)
        return terms

    def switch_on(self, *shops: str, at: datetime = NOON) -> None:
        for shop in shops:
            operations.switch_on(
                self.conn, town_id=self.town.id, party=self.town.parties[shop], at=at, actor=TREASURER
            )  # fmt: skip

    def till(self, shop: str, *, algorithm: Algorithm = Algorithm.ED25519, at: datetime = NOON) -> Till:
        key = (
            Ed25519PrivateKey.generate() if algorithm is Algorithm.ED25519 else ec.generate_private_key(ec.SECP256R1())
        )
        sealing = vouchers.sealing_point(self.desk.secrets, self.town.id)
        till = Till(self.town, sealing, new_id(), key, algorithm, shop)
        till.number = operations.register_device(
            self.conn, town_id=self.town.id, device_id=till.id, party=self.town.parties[shop], label="Counter",
            algorithm=algorithm, public_key=till.public, at=at, actor=CASHIER,
        ).number  # fmt: skip
        return till

    def card(self, name: str) -> str:
        """What the code of a new card of theirs says."""
        return self.desk.tokens[self.give(name).id]

    def give(self, name: str) -> Card:
        return self.desk.give(name)

    def sync(
        self, till: Till, *sent: Sent, at: datetime = NOON + timedelta(hours=2), conn: Connection[Any] | None = None
    ) -> list[Voucher | OfflineError]:
        """With ``conn`` each voucher is committed on it; else all is one transaction, which the test undoes."""

        @contextmanager
        def opened() -> Iterator[Connection[Any]]:
            with transaction(conn) if conn is not None else savepoint(self.conn):
                yield conn or self.conn

        return operations.accept(
            opened, town_id=self.town.id, device_id=till.id, party=self.town.parties[till.shop], sent=list(sent), now=at,
            actor=CASHIER, secrets=self.desk.secrets,
        )  # fmt: skip

    def became(self, till: Till, *sent: Sent, **how: Any) -> list[str]:
        """What became of each, in one line: who paid how much, and the grounds."""
        return [line(one) for one in self.sync(till, *sent, **how)]

    def report(self) -> Any:
        return queries.report(
            self.conn, town_id=self.town.id, first_day=date(2026, 10, 1), last_day=date(2026, 10, 31)
        )  # fmt: skip


def line(one: Voucher | OfflineError) -> str:
    if isinstance(one, OfflineError):
        return one.code
    parts = [
        f"{name} {minor / 100:.2f}"
        for name, minor in (
            ("paid", one.paid_minor), ("town", one.covered_minor), ("owed", one.owed_minor), ("shop", one.borne_minor),
        )
        if minor
    ]  # fmt: skip
    return " ".join([*parts, *(ground.code.removeprefix("offline.") for ground in one.grounds)])


def build(conn: Connection[Any]) -> Outage:
    """Ana has 100.00 that buy anything, Pere 12.00; three shops; a fund for the risk with 60.00 in its reserve."""
    town = paying_town.build(conn)
    town.fund("aid")
    town.fund("risk")
    for name, has in (("ana", "100.00"), ("pere", "12.00")):
        town.household(name)
        town.give(name, "aid", has)
    for shop in ("forn", "farina", "bar"):
        town.shop(shop)
    town.receive("risk", "60.00")
    return Outage(town, Desk(town, Secrets.fresh()))
