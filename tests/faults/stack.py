"""The one place where the operations of this harness become requests of the ledger, and its rows become operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection

from koinon.db.statements import many
from koinon.kernel.money import Amount
from koinon.ledger import operations
from koinon.ledger.types import Capture, Hold, Posted, Release, Request, Reversal, Transfer
from tests.faults.history import Leg

TOWN = 1
UNIT = "LOC"


def requests(asked: dict[str, Any]) -> list[Request]:
    """What the ledger is asked for an operation of the history."""
    legs = asked["legs"]
    at = datetime.fromisoformat(asked["at"])
    group = uuid4() if len(legs) > 1 else None  # Another one each time: the same payment may be asked twice in a batch.
    found: list[Request] = []
    for leg in legs:
        told: dict[str, Any] = {
            "id": UUID(leg["id"]),
            "effective_at": at,
            "actor": asked["actor"],
            "reference": leg["reference"],
            "group": group,
        }
        amount = Amount(leg["amount"], UNIT) if leg.get("amount") is not None else None
        match leg["kind"]:
            case "transfer":
                request: Request = Transfer(
                    debit=leg["debit"], credit=leg["credit"], amount=amount, code=leg["code"], **told
                )
            case "hold":
                lapses_at = datetime.fromisoformat(asked["lapses"])
                request = Hold(
                    debit=leg["debit"],
                    credit=leg["credit"],
                    amount=amount,
                    code=leg["code"],
                    lapses_at=lapses_at,
                    **told,
                )
            case "capture":
                request = Capture(hold=UUID(leg["target"]), amount=amount, **told)
            case "release":
                request = Release(hold=UUID(leg["target"]), **told)
            case _:
                request = Reversal(original=UUID(leg["target"]), amount=amount, **told)
        found.append(request)
    return found


def post(conn: Connection[Any], batch: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Post several operations as one batch; the answer for each."""
    asked = [requests(each) for each in batch]
    outcomes = iter(operations.post(conn, town_id=TOWN, requests=[request for each in asked for request in each]))
    answers: list[dict[str, Any]] = []
    for each in asked:
        answer: dict[str, Any] = {"said": "ok", "replayed": False}
        for outcome in [next(outcomes) for _ in each]:
            if isinstance(outcome, Posted):
                answer["replayed"] = outcome.replayed
            elif answer["said"] == "ok" or answer["code"] == "group-refused":
                answer = {"said": "refused", "code": outcome.error.code.removeprefix("ledger.")}
        answers.append(answer)
    return answers


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the books; ``kind`` and the absence of an amount are as they were asked."""

    id: UUID
    kind: str
    debit: int
    credit: int
    amount: int
    code: str
    target: UUID | None
    effective_at: datetime
    actor: str
    reference: str
    leg: int
    legs: int


_JOURNAL = """
SELECT line.id, line.kind::text AS kind, line.debit_account::integer AS debit, line.credit_account::integer AS credit,
       line.amount_minor AS amount, code.name AS code, target.target, line.effective_at, actor.name AS actor,
       line.reference, line.leg::integer, line.legs::integer
FROM ledger.journal AS line
LEFT JOIN ledger.code AS code ON code.number = line.code
LEFT JOIN ledger.actor AS actor ON actor.town_id = line.town_id AND actor.number = line.actor
LEFT JOIN ledger.target AS target ON target.town_id = line.town_id AND target.seq = line.seq
WHERE line.town_id = %(town_id)s
ORDER BY line.seq
"""
_KIND = {"t": "transfer", "h": "hold", "c": "capture", "C": "capture", "g": "release", "r": "reversal", "R": "reversal"}


def books(conn: Connection[Any]) -> list[Row]:
    """Every row of the books, in the order of the books."""
    return many(conn, _JOURNAL, Row, town_id=TOWN)


def leg_of(row: Row, *, over_http: bool = False) -> Leg:
    """What must have been asked for this row to be there. Over HTTP, amounts are always given and references seldom."""
    kind = _KIND[row.kind]
    leg: Leg = {"kind": kind, "id": str(row.id), "reference": row.reference}
    if kind in ("transfer", "hold"):
        return {**leg, "debit": row.debit, "credit": row.credit, "amount": row.amount, "code": row.code}
    leg["target"] = str(row.target)
    if over_http:
        del leg["reference"]
    if kind != "release":
        leg["amount"] = row.amount if over_http or row.kind in ("c", "r") else None
    return leg
