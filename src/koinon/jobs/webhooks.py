"""One webhook over the wire: to public addresses only, within a time and a size, following nothing.

The name is resolved once and the connection goes to the very address that was
judged, so that a name which answers differently the second time leads nowhere.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Mapping
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from koinon.outbox.rules import is_outside

TIMEOUT_SECONDS = 15.0
LONGEST_HEAD = 16 * 1024
LONGEST_BODY_READ = 64 * 1024
PATIENCE_FOR_BODY_SECONDS = 1.0
ADDRESSES_TRIED = 2
USER_AGENT = "Koinon-Webhooks/1"

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)[ \r]")
_RETRY_AFTER = re.compile(rb"\r\nretry-after:[ \t]*([^\r\n]{1,60})", re.IGNORECASE)


class NotSent(Exception):
    """The attempt ended without an answer; ``code`` says how (docs/reference/webhooks.md)."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of an HTTP answer and after how many seconds the receiver asks to be tried again."""

    status: int
    retry_after: float | None = None


def tls() -> ssl.SSLContext:
    """The machine's certificate authorities, names checked, nothing older than TLS 1.2."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


async def post(
    url: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    context: ssl.SSLContext,
    resolver: Executor,
    inside: bool = False,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Answer:
    """Send one message and read the status of its answer, or raise ``NotSent``.

    ``timeout_seconds`` bounds everything from the name to the answer's head, however slowly it drips.
    ``inside`` also sends to inner networks, for tests and sandboxes.
    """
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    sent = {"Host": parts.netloc, **headers, "Content-Length": str(len(body)), "Connection": "close"}
    head = f"POST {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in sent.items()) + "\r\n"
    try:
        async with asyncio.timeout(timeout_seconds):
            addresses = await _resolve(host, port, resolver)
            if not inside and not all(is_outside(address) for address in addresses):
                raise NotSent("address-refused")
            reader, writer = await _connect(addresses, port, context if secure else None, host)
            try:
                writer.write(head.encode("ascii") + body)
                with suppress(ConnectionError):  # Who has heard enough may have answered and closed.
                    await writer.drain()
                return await _answer(reader)
            finally:
                writer.transport.abort()
    except TimeoutError:
        raise NotSent("timeout") from None
    except ssl.SSLCertVerificationError:
        raise NotSent("certificate") from None
    except ssl.SSLError:
        raise NotSent("tls") from None
    except (OSError, EOFError):
        raise NotSent("connection") from None


async def _resolve(host: str, port: int, resolver: Executor) -> list[str]:
    def ask() -> list[str]:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        return list(dict.fromkeys(str(row[4][0]) for row in found))

    try:
        addresses = await asyncio.get_running_loop().run_in_executor(resolver, ask)
    except (socket.gaierror, UnicodeError):
        raise NotSent("name") from None
    if not addresses:
        raise NotSent("name")
    return addresses


async def _connect(
    addresses: list[str], port: int, context: ssl.SSLContext | None, host: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    for number, address in enumerate(addresses[:ADDRESSES_TRIED], start=1):
        try:
            return await asyncio.open_connection(
                address, port, ssl=context, server_hostname=host if context else None, limit=LONGEST_HEAD
            )
        except ssl.SSLError:
            raise
        except OSError:
            if number == min(len(addresses), ADDRESSES_TRIED):
                raise
    raise AssertionError("there is at least one address")


async def _answer(reader: asyncio.StreamReader) -> Answer:
    for _ in range(5):  # Some say 100 Continue, or 103 Early Hints, before they say what they mean.
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            raise NotSent("answer-too-long") from None
        except asyncio.IncompleteReadError as cut:
            raise NotSent("answer-not-http" if cut.partial else "connection") from None
        line = _STATUS_LINE.match(head)
        if line is None:
            raise NotSent("answer-not-http")
        status = int(line[1])
        if status >= 200:
            await _hear_out(reader)
            asked = _RETRY_AFTER.search(head)
            return Answer(status, _seconds(asked[1]) if asked and status in (429, 503) else None)
    raise NotSent("answer-not-http")


async def _hear_out(reader: asyncio.StreamReader) -> None:
    """Read a little of what follows, so that a receiver is not cut off in its sentence; nothing of it is kept."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(PATIENCE_FOR_BODY_SECONDS):
            left = LONGEST_BODY_READ
            while left > 0 and (read := await reader.read(left)):
                left -= len(read)


def _seconds(asked: bytes) -> float | None:
    """What ``Retry-After`` says, when it says seconds; a date is left to our own schedule.

    >>> _seconds(b"120"), _seconds(b"Wed, 21 Oct 2026 07:28:00 GMT"), _seconds(b"soon"), _seconds(b"12\\xb2")
    (120.0, None, None, None)
    """
    figures = asked.strip()  # Of bytes, only 0 to 9 are digits.
    return float(figures) if figures.isdigit() and len(figures) < 9 else None
