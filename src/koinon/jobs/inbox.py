"""Text messages that came in: from a folder where a provider's program leaves them, each answered by itself.

The way in for the provider that can call is a page of the site; both come to ``koinon.helpdesk.texts.receive``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import structlog
from psycopg import Connection

from koinon.db import embedded
from koinon.db.transactions import transaction
from koinon.helpdesk import texts
from koinon.helpdesk.types import Answer
from koinon.parties import queries as parties
from koinon.parties.secrets import Secrets
from koinon.parties.types import TownName
from koinon.parties.vault import Vault

log = structlog.get_logger("koinon.jobs")

MOST_AT_ONCE = 200
KEPT = timedelta(days=30)
_LARGEST_BYTES = 20_000


@dataclass(frozen=True, slots=True)
class Came:
    """A text message that came in. Who sent it and what it says never shows in ``repr``."""

    name: str
    reference: str
    town: str
    sender: str = field(repr=False)
    text: str = field(repr=False)


class Inbox(Protocol):
    """Where text messages come in. A provider's own is a class with these three functions."""

    def waiting(self, most: int) -> Iterator[Came | str]:
        """What waits, oldest first; the bare name of what cannot be read."""

    def done(self, name: str) -> None:
        """Forget a message: it was taken in."""

    def put_aside(self, name: str) -> None:
        """Keep what cannot be read for somebody to look at, and show it no more."""


class FolderInbox:
    """One JSON document a message, ``reference``, ``from`` and ``text``, and ``town`` where there are several towns.

    Whoever leaves one writes it under another ending first and renames it to ``.json``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def waiting(self, most: int) -> Iterator[Came | str]:
        try:
            found = sorted(self._folder.glob("*.json"), key=lambda path: (path.stat().st_mtime_ns, path.name))
        except OSError:
            return
        for path in found[:most]:
            yield _read(path)

    def done(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)

    def put_aside(self, name: str) -> None:
        os.replace(self._folder / name, (self._folder / name).with_suffix(".unreadable"))


def from_environment() -> Inbox:
    """The inbox of this installation: a folder, ``sms-inbox`` under KOINON_VAR unless KOINON_SMS_INBOX names one."""
    given = os.environ.get("KOINON_SMS_INBOX")
    return FolderInbox(Path(given) if given else embedded.default_root() / "sms-inbox")


def inbox_round(
    conn: Connection[Any],
    *,
    now: datetime,
    inbox: Inbox | None = None,
    secrets: Secrets | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> dict[Answer, int]:
    """Take in what came, each in a transaction of its own, and leave the answers to be sent; how many of each.

    A message goes from the inbox once its answer is committed: whoever dies in between meets it again, and its reference
    answers it once.
    """
    source, counted = inbox or from_environment(), dict[Answer, int]()
    towns: list[TownName] | None = None
    for came in source.waiting(MOST_AT_ONCE):
        if stopping():
            break
        if isinstance(came, str):
            log.error("text message not readable")
            _away(source.put_aside, came)
            continue
        if towns is None:
            with transaction(conn):
                towns = parties.towns(conn)
        town = next((one for one in towns if came.town in (one.slug, "") and (came.town or len(towns) == 1)), None)
        if town is None:
            log.error("text message for no town of ours")
            _away(source.put_aside, came.name)
            continue
        try:
            with transaction(conn):
                answer = texts.receive(
                    conn,
                    town_id=town.id,
                    reference=came.reference,
                    sender=came.sender,
                    text=came.text,
                    at=now,
                    vault=Vault(conn, secrets or Secrets.load()),
                )
        except Exception as failed:  # noqa: BLE001  Ours to mend; it waits, and holds up no other.
            log.error("text message failed", error=type(failed).__name__)
            continue
        _away(source.done, came.name)
        counted[answer] = counted.get(answer, 0) + 1
    if counted:
        log.info("text messages taken in", **{answer.value: count for answer, count in counted.items()})
    with transaction(conn):
        texts.forget(conn, before=now - KEPT)
    return counted


def _away(take: Callable[[str], None], name: str) -> None:
    """Take a message out of the inbox; one that stays is met again, and its reference answers it once."""
    try:
        take(name)
    except OSError as failed:
        log.error("text message cannot be taken away", error=type(failed).__name__)


def _read(path: Path) -> Came | str:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            return path.name
        given = json.loads(path.read_bytes())
        reference, sender, text = given["reference"], given["from"], given["text"]
        town = given.get("town", "")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return path.name
    if not all(isinstance(each, str) for each in (reference, sender, text, town)) or not reference:
        return path.name
    return Came(path.name, reference, town, sender, text)
