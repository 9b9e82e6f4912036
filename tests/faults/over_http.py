"""The same traffic through the HTTP API: a town of shops, a key, and asks as requests.

As a program (``python -m tests.faults.over_http SOCKET DATABASE-URL``) it is the API on the real server.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from psycopg import Connection

from tests.faults.history import Leg

UNIT = "REC"
REFUSALS = {
    "payments.not-payable": "insufficient-funds",
    "payments.refund-not-covered": "insufficient-funds",
    "payments.refund-too-large": "amount-exceeds-original",
    "payments.capture-too-large": "amount-exceeds-hold",
    "payments.hold-not-open": "hold-not-open",
    "payments.key-reused": "key-reused",
    "ledger.key-reused": "key-reused",
}
_NOT_FOUND = {"capture": "hold-not-found", "release": "hold-not-found", "reversal": "original-not-found"}


@dataclass(frozen=True, slots=True)
class Town:
    """Who may be paid, by account, and the key of whoever pays for all of them."""

    id: int
    parties: dict[int, str]
    secret: str
    actor: str


def found_town(conn: Connection[Any], shops: int, minor: int) -> Town:
    """Shops that pay each other from their tills: free money, one purse each, no rule."""
    # Here, because clients need none of this to be started again.
    from koinon.api.operations import add_key
    from koinon.api.types import Scope
    from koinon.ledger import queries as books
    from tests.programmes.small_town import build

    town = build(conn, slug="faults")
    parties: dict[int, str] = {}
    for number in range(shops):
        name = f"shop {number}"
        party = town.shop(name)
        town.fill_till(name, f"{minor // 100}.{minor % 100:02}")
        till = books.account(conn, town_id=town.id, kind="till", holder=party)
        assert till is not None
        parties[till.id] = str(party)
    key = add_key(
        conn,
        town_id=town.id,
        name="faults",
        scopes=tuple(Scope),
        actor="harness:setup",
        at=datetime.now(UTC),
        requests_per_second=1_000_000,
    )
    conn.commit()
    return Town(town.id, parties, key.secret, f"api:{key.id}")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an ask becomes a request, and its response an answer."""

    secret: str
    parties: dict[str, str]  # By number of account, as text.

    def request(self, asked: dict[str, Any]) -> bytes:
        if asked["do"] == "read":
            return self._http("GET", f"/parties/{self.parties[str(asked['accounts'][0])]}/purses")
        (leg,) = asked["legs"]
        return self._http("POST", *self._body(leg, asked), key=leg["key"])

    def _body(self, leg: Leg, asked: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        amount = {"amount_minor": leg["amount"]} if "amount" in leg else {}
        match leg["kind"]:
            case "capture":
                return f"/holds/{quote(leg['target'])}/capture", amount
            case "release":
                return f"/holds/{quote(leg['target'])}/release", {}
            case "reversal":
                return f"/payments/{quote(leg['target'])}/refunds", amount
        body = {
            "payer": self.parties[str(leg["debit"])],
            "payee": self.parties[str(leg["credit"])],
            "unit": UNIT,
            "reference": leg["reference"],
            **amount,
        }
        return ("/holds", {**body, "lapses_at": asked["lapses"]}) if leg["kind"] == "hold" else ("/payments", body)

    def _http(self, method: str, path: str, body: dict[str, Any] | None = None, *, key: str = "") -> bytes:
        content = json.dumps(body).encode() if body is not None else b""
        head = [f"{method} /api/v1{path} HTTP/1.1", "Host: faults", f"Authorization: Bearer {self.secret}"]
        if body is not None:
            head += ["Content-Type: application/json", f"Content-Length: {len(content)}", f"Idempotency-Key: {key}"]
        return "\r\n".join([*head, "", ""]).encode() + content

    async def response(self, reader: asyncio.StreamReader, asked: dict[str, Any]) -> dict[str, Any]:
        """The answer, or ``EOFError`` where the connection ended before it."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(head[0].split(" ")[1])
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        told: Any = json.loads(await reader.readexactly(int(headers["content-length"])))
        if status in (200, 201):
            if asked["do"] == "read":
                return {"said": "read", "values": [[asked["accounts"][0], told["available_minor"]]]}
            return {"said": "ok", "replayed": "idempotency-replayed" in headers, "id": told["id"]}
        if status in (429, 503):
            return {"said": "busy", "retry_after": float(headers.get("retry-after", 1))}
        code = str(told.get("code", ""))
        if status == 404 and asked["do"] == "post":
            return {"said": "refused", "code": _NOT_FOUND.get(asked["legs"][0]["kind"], code)}
        if status < 500:
            return {"said": "refused", "code": REFUSALS.get(code, code)}
        return {"said": "failed", "why": f"{status} {code}"}


def main(socket: str, url: str) -> None:
    import uvicorn

    from koinon.api.application import application

    uvicorn.run(application(url, log=False), uds=socket, log_level="warning", lifespan="on")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
