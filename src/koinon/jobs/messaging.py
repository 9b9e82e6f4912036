"""A thread of its own that takes text messages in and sends messages: a mail server that is slow holds up no seal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import structlog

from koinon.db.connections import connect
from koinon.jobs import metrics
from koinon.jobs.metrics import figures

log = structlog.get_logger("koinon.jobs")

LOOK_EVERY_SECONDS = 20.0


class Messenger(threading.Thread):
    """Sends what is due until it is told to stop. A database that went away is found again."""

    def __init__(self, url: str, *, look_every: float = LOOK_EVERY_SECONDS) -> None:
        super().__init__(name="koinon messages", daemon=True)
        self._url = url
        self._look_every = look_every
        self._told = threading.Event()

    def run(self) -> None:
        while not self._told.is_set():
            self._round()
            self._told.wait(self._look_every)

    def stop(self) -> None:
        """Finish the message under way and end; those taken up and not sent come back by themselves."""
        self._told.set()
        if self.is_alive():
            self.join(timeout=30)

    def _round(self) -> None:
        from koinon.jobs import inbox, messages  # Django is needed for what is said to people only.

        for take in (inbox.inbox_round, messages.messages_round):
            try:
                with connect(self._url, application_name="koinon messages") as conn:
                    take(conn, now=datetime.now(UTC), stopping=self._told.is_set)
            except Exception as failed:  # noqa: BLE001  The next round tries again; a dead thread would tell nobody anything.
                figures.add(metrics.FAILED, job="messages")
                log.error("job failed", job="messages", error=type(failed).__name__)


@contextmanager
def messaging(url: str) -> Iterator[Messenger]:
    """The messenger, for as long as the block lasts."""
    messenger = Messenger(url)
    messenger.start()
    try:
        yield messenger
    finally:
        messenger.stop()
