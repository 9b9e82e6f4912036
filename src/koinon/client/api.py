"""The client: one method for each thing the API can do."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

from koinon.client.errors import Refused, refused
from koinon.client.transport import Answered, Transport, segment
from koinon.client.types import (
    Delivery,
    Hold,
    Movement,
    NewPayment,
    NewWebhook,
    Payment,
    Purses,
    Refund,
    Webhook,
    WhoAmI,
    read,
)

T = TypeVar("T")
LARGEST_BATCH = 1000


def new_key() -> str:
    """A fresh idempotency key: a UUID version 7, which the service finds fastest.

    >>> UUID(new_key()).version
    7
    """
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    number = number & ~(0xF << 76) | 7 << 76
    return str(UUID(int=number & ~(0x3 << 62) | 0x2 << 62))


class Client:
    """A town's service, with one credential: a key, or the name and secret of an OAuth2 client.

    Every method that moves money takes a ``key``. Give one of your own (a receipt's number, an order's id) and keep
    it before you ask: then a program that was killed can repeat the request and learns what became of it. Without
    one, the method makes one and repeats its own tries with it; ``OutcomeUnknown`` names it.

    Raises ``Refused`` and its kinds where the service says no, ``OutcomeUnknown`` where no answer came.

    Parameters
    ----------
    url
        Of the service, without ``/api/v1``. Plain http is taken for this machine only.
    """

    def __init__(self, url: str, **how: Any) -> None:
        self._transport = Transport(url, **how)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:  # fmt: skip
        self.close()

    def close(self) -> None:
        self._transport.close()

    # Oneself

    def whoami(self) -> WhoAmI:
        """Which town, which party, which scopes, and whether it is a sandbox."""
        return read(WhoAmI, self._transport.get("/whoami").told)

    # Payments

    def pay(
        self,
        *,
        payer: UUID,
        payee: UUID,
        amount_minor: int,
        unit: str,
        reference: str = "",
        category: str = "",
        key: str = "",
    ) -> Payment:
        """Pay from the payer's purses as their rules allow; when it returns, the money has moved for good.

        ``category`` says what is bought, where the town's rules ask for it.
        """
        asked = {"payer": str(payer), "payee": str(payee), "amount_minor": amount_minor, "unit": unit}
        if reference:
            asked["reference"] = reference
        if category:
            asked["category"] = category
        return _made(Payment, self._transport.post("/payments", asked, key=key or new_key()))

    def pay_many(self, payments: Sequence[NewPayment]) -> list[Payment | Refused]:
        """Make payments in this order; one that is refused leaves the others be and is a value of the list.

        More than 1,000 are sent in several requests. Those without a key get one; give your own to be able to repeat
        the call as a whole.
        """
        outcomes: list[Payment | Refused] = []
        for start in range(0, len(payments), LARGEST_BATCH):
            asked = [
                {
                    "key": one.key or new_key(),
                    "payer": str(one.payer),
                    "payee": str(one.payee),
                    "amount_minor": one.amount_minor,
                    "unit": one.unit,
                    **({"reference": one.reference} if one.reference else {}),
                    **({"category": one.category} if one.category else {}),
                }
                for one in payments[start : start + LARGEST_BATCH]
            ]
            told = self._transport.post("/payments/batch", {"payments": asked}, repeat=True).told
            for one in told["outcomes"]:
                if one["status"] == "posted":
                    outcomes.append(read(Payment, one["payment"], replayed=one["replayed"]))
                else:
                    outcomes.append(refused(one["problem"]["status"], one["problem"]))
        return outcomes

    def payment(self, payment: UUID) -> Payment:
        """A payment, with what was given back of it so far."""
        return read(Payment, self._transport.get(f"/payments/{segment(payment)}").told)

    def refund(self, payment: UUID, *, amount_minor: int | None = None, key: str = "") -> Refund:
        """Give back some of a payment, or all that is left of it."""
        asked = {} if amount_minor is None else {"amount_minor": amount_minor}
        path = f"/payments/{segment(payment)}/refunds"
        return _made(Refund, self._transport.post(path, asked, key=key or new_key()))

    def refunds(self, payment: UUID) -> list[Refund]:
        """What was given back of a payment, oldest first."""
        told = self._transport.get(f"/payments/{segment(payment)}/refunds").told
        return [read(Refund, one) for one in told["refunds"]]

    # Holds

    def place_hold(
        self,
        *,
        payer: UUID,
        payee: UUID,
        amount_minor: int,
        unit: str,
        lapses_at: datetime,
        reference: str = "",
        category: str = "",
        key: str = "",
    ) -> Hold:
        """Reserve money until ``lapses_at``, an instant with its offset."""
        if lapses_at.tzinfo is None:
            raise ValueError("lapses_at is an instant: give it an offset")
        asked = {
            "payer": str(payer),
            "payee": str(payee),
            "amount_minor": amount_minor,
            "unit": unit,
            "lapses_at": lapses_at.isoformat(),
            **({"reference": reference} if reference else {}),
            **({"category": category} if category else {}),
        }
        return _made(Hold, self._transport.post("/holds", asked, key=key or new_key()))

    def hold(self, hold: UUID) -> Hold:
        return read(Hold, self._transport.get(f"/holds/{segment(hold)}").told)

    def capture(self, hold: UUID, *, amount_minor: int | None = None, key: str = "") -> Payment:
        """Pay from a hold, once: some of it or all. The rest is free again."""
        asked = {} if amount_minor is None else {"amount_minor": amount_minor}
        return _made(Payment, self._transport.post(f"/holds/{segment(hold)}/capture", asked, key=key or new_key()))

    def release(self, hold: UUID, *, key: str = "") -> Hold:
        """Give back all that a hold reserved."""
        return _made(Hold, self._transport.post(f"/holds/{segment(hold)}/release", {}, key=key or new_key()))

    # Parties

    def purses(self, party: UUID) -> Purses:
        """What a party has for which purpose and until when."""
        return read(Purses, self._transport.get(f"/parties/{segment(party)}/purses").told)

    def movements(self, party: UUID, *, page: int = 50) -> Iterator[Movement]:
        """Everything that came in and went out, newest first; pages are fetched as you go."""
        for told in self._pages(f"/parties/{segment(party)}/movements", page):
            for one in told["movements"]:
                yield read(Movement, one)

    def _pages(self, path: str, page: int, **parameters: str) -> Iterator[Any]:
        cursor = ""
        while True:
            told = self._transport.get(path, limit=page, cursor=cursor, **parameters).told
            yield told
            cursor = told["next"] or ""
            if not cursor:
                return

    # Webhooks

    def add_webhook(self, url: str, events: Iterable[str], *, party: UUID | None = None) -> NewWebhook:
        """Tell an address of events from now on. The secret in the answer is shown this once."""
        asked = {"url": url, "events": list(events), **({"party": str(party)} if party else {})}
        return read(NewWebhook, self._transport.post("/webhooks", asked).told)

    def webhooks(self) -> list[Webhook]:
        return [read(Webhook, one) for one in self._transport.get("/webhooks").told["webhooks"]]

    def remove_webhook(self, webhook: UUID) -> None:
        self._transport.delete(f"/webhooks/{segment(webhook)}")

    def change_webhook_secret(self, webhook: UUID) -> NewWebhook:
        """A new signing secret. For a day messages carry both signatures."""
        return read(NewWebhook, self._transport.post(f"/webhooks/{segment(webhook)}/secret", None).told)

    def resume_webhook(self, webhook: UUID) -> Webhook:
        """Begin again with a webhook that was disabled."""
        return read(Webhook, self._transport.post(f"/webhooks/{segment(webhook)}/resume", None, repeat=True).told)

    def deliveries(self, webhook: UUID, *, state: str = "", page: int = 50) -> Iterator[Delivery]:
        """What a webhook was told and is to be told, newest first."""
        for told in self._pages(f"/webhooks/{segment(webhook)}/deliveries", page, state=state):
            for one in told["deliveries"]:
                yield read(Delivery, one)

    def send_again(self, webhook: UUID, event: UUID) -> int:
        """Send an event once more; how many deliveries go out."""
        path = f"/webhooks/{segment(webhook)}/deliveries/{segment(event)}/send-again"
        return int(self._transport.post(path, None, repeat=True).told["deliveries"])


def _made(kind: type[T], answered: Answered) -> T:
    return read(kind, answered.told, replayed=answered.headers.get("idempotency-replayed") == "true")
