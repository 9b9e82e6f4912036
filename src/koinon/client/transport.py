"""HTTP by the standard library: a connection for each thread, kept open, and tries that repeat nothing harmful."""

from __future__ import annotations

import base64
import email.utils
import http.client
import json
import random
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus, urlencode, urlsplit

from koinon.client.errors import Busy, OutcomeUnknown, refused

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_EARLY_SECONDS = 60  # A token is replaced this long before its end.


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer: its status, headers with lower-case names, and what its JSON says."""

    status: int
    headers: Mapping[str, str]
    told: Any


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long a request is tried: ``tries`` at the most, waiting between them for
    ``first_wait_seconds``, doubled each time and spread by chance, or as long as the service says, within ``seconds``.
    """

    tries: int = 6
    first_wait_seconds: float = 0.1
    seconds: float = 60.0


class Transport:
    """Requests to one service with one credential. May be used by many threads."""

    def __init__(
        self,
        url: str,
        *,
        key: str = "",
        client_id: str = "",
        client_secret: str = "",
        timeout_seconds: float = 15.0,
        patience: Patience | None = None,
        language: str = "",
        allow_http: bool = False,
        context: ssl.SSLContext | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"{url!r} is no address of a service")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK and not allow_http:
            raise ValueError("a key is not sent over http, where others can read it; give an https address")
        if bool(key) == bool(client_id and client_secret):
            raise ValueError("give either a key, or client_id and client_secret")
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._base = parts.path.rstrip("/") + "/api/v1"
        self._key = key
        self._client = (client_id, client_secret)
        self._timeout = timeout_seconds
        self._patience = patience or Patience()
        self._language = language
        self._context = context
        self._sleep = sleep
        self._own = threading.local()
        self._opened: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        self._token, self._token_ends = "", 0.0

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for conn in self._opened:
                conn.close()
            self._opened.clear()
        self._own = threading.local()

    def get(self, path: str, **parameters: str | int) -> Answered:
        given = {name: value for name, value in parameters.items() if value not in ("", None)}
        query = f"?{urlencode(given)}" if given else ""
        return self._tried("GET", path + query, None, {}, repeat=True, key="")

    def post(self, path: str, content: Any, *, key: str = "", repeat: bool = False) -> Answered:
        """``repeat``: the request is harmless when sent twice, because of its key or by itself."""
        headers = {"Idempotency-Key": f'"{key}"'} if key else {}
        body = None if content is None else json.dumps(content).encode()
        return self._tried("POST", path, body, headers, repeat=repeat or bool(key), key=key)

    def delete(self, path: str) -> Answered:
        return self._tried("DELETE", path, None, {}, repeat=True, key="")

    def _tried(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], *, repeat: bool, key: str
    ) -> Answered:
        began, wait, waited = time.monotonic(), self._patience.first_wait_seconds, 0.0
        renewed = lost = False  # Lost: a try may have done what was asked without our hearing of it.
        for number in range(1, self._patience.tries + 1):
            failed: BaseException | None = None
            hint = 0.0
            try:
                answered = self._once(method, path, body, {**headers, "Authorization": f"Bearer {self._bearer()}"})
            except (OSError, http.client.HTTPException) as cut:
                failed, lost = cut, True
            else:
                if answered.status < 400:
                    return answered
                problem = answered.told if isinstance(answered.told, dict) else {}
                told = refused(answered.status, problem, _retry_after(answered.headers))
                if answered.status == 401 and self._client[0] and not renewed:
                    renewed, self._token_ends = True, 0.0  # The token ended or was revoked; ask for another, once.
                    continue
                if isinstance(told, Busy):
                    hint = told.retry_after or 0.0
                elif answered.status < 500:
                    raise told
                else:
                    lost = True
                failed = told
            last = number == self._patience.tries
            pause = max(hint, wait * random.uniform(0.5, 1.5))  # noqa: S311  Spreads tries; nothing secret.
            if last or max(time.monotonic() - began, waited) + pause > self._patience.seconds:
                break
            if lost and not repeat:
                break
            self._sleep(pause)
            waited += pause
            wait *= 2
        if isinstance(failed, Busy) and not lost:
            raise failed
        raise OutcomeUnknown(key, failed) from failed

    def _once(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answered:
        told = {"Accept": "application/json", "User-Agent": "koinon-client", **headers}
        if self._language:
            told["Accept-Language"] = self._language
        if body is not None:
            told.setdefault("Content-Type", "application/json")
        elif method == "POST":
            told["Content-Length"] = "0"
        conn = self._connection()
        try:
            conn.request(method, self._base + path, body=body, headers=told)
            response = conn.getresponse()
            content = response.read()
        except BaseException:
            self._forget(conn)
            raise
        listed = {name.lower(): value for name, value in response.getheaders()}
        if listed.get("connection", "").lower() == "close":
            self._forget(conn)
        try:
            read = json.loads(content) if content else None
        except ValueError:
            if response.status < 400:
                raise http.client.HTTPException("the answer is no JSON") from None
            read = {"title": response.reason}
        return Answered(response.status, listed, read)

    def _connection(self) -> http.client.HTTPConnection:
        conn: http.client.HTTPConnection | None = getattr(self._own, "conn", None)
        if conn is None:
            if self._secure:
                context = self._context or ssl.create_default_context()
                conn = http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=context)
            else:
                conn = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
            self._own.conn = conn
            with self._lock:
                self._opened.append(conn)
        return conn

    def _forget(self, conn: http.client.HTTPConnection) -> None:
        conn.close()
        self._own.conn = None
        with self._lock:
            if conn in self._opened:
                self._opened.remove(conn)

    def _bearer(self) -> str:
        if self._key:
            return self._key
        with self._lock:
            if time.monotonic() < self._token_ends:
                return self._token
        name, secret = (quote_plus(part) for part in self._client)
        basic = base64.b64encode(f"{name}:{secret}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
        answered = self._once("POST", "/oauth2/token", b"grant_type=client_credentials", headers)
        if answered.status != 200:
            told = answered.told if isinstance(answered.told, dict) else {}
            problem = {"code": told.get("error", ""), "detail": told.get("error_description", ""), **told}
            status = 401 if answered.status == 400 else answered.status
            raise refused(status, problem, _retry_after(answered.headers))
        with self._lock:
            self._token = answered.told["access_token"]
            lasts = float(answered.told["expires_in"])
            self._token_ends = time.monotonic() + max(1.0, lasts - _EARLY_SECONDS)
            return self._token


def segment(value: object) -> str:
    """One part of a path."""
    return quote(str(value), safe="")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, given as such or as a date (RFC 9110, 10.2.3)."""
    given = headers.get("retry-after", "")
    if given.isdigit():
        return float(given)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(given).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
