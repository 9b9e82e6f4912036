"""Handing text messages to a gateway: one small protocol, and an implementation that leaves them as files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Protocol
from uuid import UUID

from koinon.db import embedded
from koinon.jobs.webhooks import NotSent

LONGEST = 459  # Three messages of the telephone network joined (GSM 03.38: 153 characters each).


class Gateway(Protocol):
    """What sends text messages. A provider's own is a class with this one function."""

    def send(self, *, to: str, text: str, reference: UUID) -> None:
        """Send ``text`` to a number in the form of ITU-T E.164 (``+302351000000``), or raise ``NotSent`` with a code.

        The same ``reference`` again is the same message: a gateway that had it sends nothing more.
        Neither number nor text may go to a log.
        """


class FileGateway:
    """Leaves each message as a file that only its owner may read, for a program of the town's provider to pick up.

    One JSON document a message, named by its reference, so that the same message twice is one file.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, *, to: str, text: str, reference: UUID) -> None:
        path = self._folder / f"{reference}.json"
        part = path.with_suffix(".part")
        content = json.dumps({"reference": str(reference), "to": to, "text": text}, ensure_ascii=False)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(part, path)
        except OSError:
            raise NotSent("sms-gateway") from None


def from_environment() -> Gateway:
    """The gateway of this installation: a folder, ``sms`` under KOINON_VAR unless KOINON_SMS_FOLDER names one."""
    given = os.environ.get("KOINON_SMS_FOLDER")
    return FileGateway(Path(given) if given else embedded.default_root() / "sms")
