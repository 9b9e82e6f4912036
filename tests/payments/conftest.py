"""Fixtures of the tests that pay: a town with money in it, its card desk, and PINs that take no time."""

from __future__ import annotations

from typing import Any

import pytest
from argon2 import PasswordHasher

from koinon.instruments import pins
from koinon.parties.secrets import Secrets
from koinon.payments import shifts
from tests.instruments.desk import Desk
from tests.payments import paying_town
from tests.payments.paying_town import PayingTown


@pytest.fixture(autouse=True)
def quick(monkeypatch: Any) -> None:
    """Argon2id with less memory: how long a look takes is not what these tests are about."""
    for module in (pins, shifts):
        monkeypatch.setattr(module, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def town(database: Any, conn: Any) -> PayingTown:
    return paying_town.build_with_money(conn)


@pytest.fixture
def desk(town: PayingTown) -> Desk:
    return Desk(town, Secrets.fresh())
