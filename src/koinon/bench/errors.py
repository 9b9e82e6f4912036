"""What a measurement may refuse.

BenchError
├── UnknownWorkload         bench.unknown-workload
├── UnknownPeer             bench.unknown-peer
├── PeerNotUsable           bench.peer-not-usable
├── NotDurable              bench.not-durable
├── HttpFailed              bench.http-failed
├── BrowserMissing          bench.browser-missing
└── BooksBroken             bench.books-broken
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from koinon.kernel.errors import KoinonError


class BenchError(KoinonError):
    """The measurement cannot be made, or says nothing."""

    code = "bench.refused"


class UnknownWorkload(BenchError):
    """There is no workload of this name."""

    code = "bench.unknown-workload"

    def __init__(self, *, name: str, known: Sequence[str]) -> None:
        self.name = name
        self.known = list(known)
        super().__init__(f"there is no workload {name!r}; there are {', '.join(known)}")


class UnknownPeer(BenchError):
    """No peer is known by this name, or its file was not given."""

    code = "bench.unknown-peer"

    def __init__(self, *, given: str, usual: str = "pgledger=FILE.sql or hordak") -> None:
        self.given = given
        super().__init__(f"{given!r} names no peer: give {usual}")


class PeerNotUsable(BenchError):
    """A peer's program or file is missing or does not run here; the message says what to install."""

    code = "bench.peer-not-usable"

    def __init__(self, *, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"{name} cannot be measured: {reason}")


class NotDurable(BenchError):
    """The database does not promise to keep what it acknowledges, so its speed would say nothing."""

    code = "bench.not-durable"

    def __init__(self, *, setting: str, value: str) -> None:
        self.setting = setting
        self.value = value
        super().__init__(f"{setting} is {value}: acknowledged payments might be lost")


class HttpFailed(BenchError):
    """The server did not start, or answered a payment with something that is neither yes nor no."""

    code = "bench.http-failed"

    def __init__(self, *, answer: str) -> None:
        self.answer = answer
        super().__init__(f"the server answered: {answer}")


class BrowserMissing(BenchError):
    """What is measured in a browser needs one."""

    code = "bench.browser-missing"

    def __init__(self, *, what: str) -> None:
        self.what = what
        super().__init__(f"this is measured in a browser, and {what} is not here")


class BooksBroken(BenchError):
    """After a workload an invariant failed, or the books hold another number of payments than were acknowledged."""

    code = "bench.books-broken"

    def __init__(self, *, workload: str, failures: Sequence[dict[str, Any]]) -> None:
        self.workload = workload
        self.failures = list(failures)
        names = ", ".join(str(failure["name"]) for failure in failures)
        super().__init__(f"after {workload} the books do not hold: {names}")
