"""A table in which each coin is put down once, for tests of what writes in batches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import psycopg

from koinon.db.connections import Database

Conn = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Coin:
    """Something to be put down once; its database refuses those worth nothing."""

    id: UUID = field(default_factory=uuid4)
    worth: int = 1


@contextmanager
def coin_table(database: Database) -> Iterator[Conn]:
    """The table, and its owner's connection."""
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute("CREATE TABLE public.coin (id uuid PRIMARY KEY, worth integer NOT NULL CHECK (worth > 0))")
        owner.execute("GRANT SELECT, INSERT, UPDATE ON public.coin TO koinon_app")
        yield owner


def coins_in(owner: Conn) -> dict[UUID, int]:
    return dict(owner.execute("SELECT id, worth FROM public.coin"))
