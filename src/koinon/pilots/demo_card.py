"""A card to try at the demonstration's till: the signed-in resident's own, with its PIN, and as a PDF to hold before a camera.

Card and PIN are made once for a database and kept beside the sign-in data, in files that only their owner may read.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import Connection

from koinon.db.statements import maybe, statement
from koinon.instruments import operations, paper, pins
from koinon.parties.secrets import Secrets
from koinon.parties.types import TownFacts

FILE, PICTURE = "card.json", "card.pdf"
_PACKAGE = "koinon.pilots"
_ACTOR = "job:demo"


@dataclass(frozen=True, slots=True)
class DemoCard:
    """What to type at the till, and the file to hold before its camera."""

    number: str = field(repr=False)
    pin: str = field(repr=False)
    file: str

    @property
    def grouped(self) -> str:
        return " ".join(self.number[place : place + 4] for place in range(0, len(self.number), 4))


@dataclass(frozen=True, slots=True)
class _Party:
    party: Any


def made(conn: Connection[Any], town: TownFacts, folder: Path, *, at: datetime) -> DemoCard | None:
    """The card of the resident who signs in, made, handed over and given its PIN at first; None where there is nobody."""
    chosen = maybe(conn, statement(_PACKAGE, "demo_card_holder"), _Party, town_id=town.id)
    if chosen is None:
        return None
    how: dict[str, Any] = {"town_id": town.id, "actor": _ACTOR, "at": at}
    secrets = Secrets.load()
    [card] = operations.make_cards(conn, count=1, idempotency_key="demo:card", secrets=secrets, **how)
    kept = _read(folder)
    if kept is not None and kept.number == card.number and card.has_pin:
        return kept
    if card.handed_at is None:
        printed = operations.printable(conn, cards=[card.id], secrets=secrets, **how)
        pdf = paper.cards(printed, town=town.name, unit=town.unit_name, sheet=False, language="en")
        _write(folder / PICTURE, pdf)
        operations.hand_over(conn, card_id=card.id, party=chosen.party, **how)
    pin = pins.drawn_pin(known=card.number)
    pins.set_pin(conn, card_id=card.id, pin=pin, secrets=secrets, **how)
    found = DemoCard(card.number, pin, str(folder / PICTURE))
    _write(folder / FILE, json.dumps(asdict(found), indent=2).encode())
    return found


def _read(folder: Path) -> DemoCard | None:
    try:
        return DemoCard(**json.loads((folder / FILE).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    os.replace(part, path)
