"""Sending what was left for parties: by mail or telephone, in their language, to an address looked up only now.

Address, number and words stand in no row and no log.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from babel.dates import format_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, override
from psycopg import Connection

from koinon.db.statements import maybe, scalar, statement
from koinon.db.transactions import transaction
from koinon.documents.formats import locale_of
from koinon.jobs import mails, sms
from koinon.jobs.mails import Letter, Text
from koinon.jobs.webhooks import NotSent
from koinon.kernel.money import Amount
from koinon.outbox import messages, rules
from koinon.outbox.messages import Message
from koinon.parties import preferences
from koinon.parties import queries as parties
from koinon.parties.errors import PartiesError
from koinon.parties.rules import normal_phone
from koinon.parties.secrets import Secrets
from koinon.parties.types import TownFacts
from koinon.parties.vault import Vault

log = structlog.get_logger("koinon.jobs")

MOST_AT_ONCE = 20
LEASE_SECONDS = 600  # More than so many tries may take: a mail server is waited for fifteen seconds.
KEPT = timedelta(days=30)
_NEVER_AGAIN = frozenset({"nobody", "no-address", "not-wanted", "recipient-refused", "vault"})

# What is said, by kind: a heading, which is all a telephone is sent, and a sentence more for a mail.
WORDS: Mapping[str, tuple[str, str]] = {
    "card.handed-over": (
        gettext_noop("Your card ending in %(card)s is ready"),
        gettext_noop("Choose a PIN at the town's counter if you have not done so yet."),
    ),
    "card.blocked": (
        gettext_noop("Your card ending in %(card)s is blocked"),
        gettext_noop("Your money is untouched. The town's counter can unblock the card or give you another one."),
    ),
    "card.replaced": (
        gettext_noop("Your card ending in %(card)s was replaced and no longer works"),
        gettext_noop(
            "Your money is untouched, and your new card pays with it. If you did not ask for this, tell the town."
        ),
    ),
    "account.opened": (
        gettext_noop("Somebody can sign in for you from now on"),
        gettext_noop("If it was not you or somebody of yours, tell the town at once: the counter can end it."),
    ),
    "phone.added": (
        gettext_noop("A phone now pays with your money"),
        gettext_noop("If it was not you who set it up, tell the town at once: the counter can block it."),
    ),
    "phone.blocked": (
        gettext_noop("Your phone no longer pays"),
        gettext_noop("Your money is untouched. The town's counter can let the phone pay again."),
    ),
    "phone.changed": (
        gettext_noop("The PIN of your phone for paying was changed"),
        gettext_noop("If it was not you who chose it, tell the town at once."),
    ),
    "pin.changed": (
        gettext_noop("Your card ending in %(card)s has a new PIN"),
        gettext_noop("If it was not you who chose it, tell the town at once."),
    ),
    "payment.receipt": (
        gettext_noop("Receipt %(number)s: you paid %(amount)s to %(shop)s on %(paid_day)s"),
        gettext_noop(
            "You asked for it at the till. Your own page proves that the payment is in the town's public books."
        ),
    ),
    "fund.ending": (
        gettext_noop("%(amount)s of yours can be spent until %(last_day)s"),
        gettext_noop("What is left after that day goes back to the town's budget."),
    ),
    "fund.rule-changes": (
        gettext_noop("From %(from_day)s other rules hold for part of your money"),
        gettext_noop("Your page shows where it can be spent, now and from that day on."),
    ),
    "fund.change-withdrawn": (
        gettext_noop("The rules for part of your money stay as they are"),
        gettext_noop("A change that was announced for %(from_day)s was taken back."),
    ),
    "helper.authorised": (
        gettext_noop("Somebody may pay for you from now on: up to %(amount)s a day until %(last_day)s"),
        gettext_noop("If you did not ask for this, end it in your wallet or tell the town's counter at once."),
    ),
    "helper.ended": (
        gettext_noop("Somebody who paid for you may not pay any more"),
        gettext_noop("Their cards are dead. What you have is untouched."),
    ),
    "text.balance": (gettext_noop("You have %(amount)s."), gettext_noop("You asked by text message.")),
    "text.balance-until": (
        gettext_noop("You have %(amount)s. Of it %(part)s can be spent until %(last_day)s."),
        gettext_noop("You asked by text message."),
    ),
    "text.locked": (
        gettext_noop("Done. Cards blocked: %(cards)s. Your money is untouched; the counter gives you another card."),
        gettext_noop("You asked by text message."),
    ),
    "text.nothing-locked": (
        gettext_noop("No card of yours was in use, so none was blocked."),
        gettext_noop("You asked by text message."),
    ),
    "text.help": (
        gettext_noop(
            "Write %(balance)s to know what you have, %(lock)s if you lost your card, %(stop)s to get no more answers."
        ),
        gettext_noop("You asked by text message."),
    ),
    "text.bound": (
        gettext_noop(
            "This number is answered from now on. Write %(balance)s to know what you have, %(lock)s if you lost your "
            "card, %(stop)s to get no more answers."
        ),
        gettext_noop("You asked by text message."),
    ),
    "text.stopped": (
        gettext_noop("This number is answered no more. The town's counter can change that."),
        gettext_noop("You asked by text message."),
    ),
    "complaint.received": (
        gettext_noop("We have your complaint %(number)s"),
        gettext_noop("You will be answered by %(due_day)s."),
    ),
    "complaint.answered": (
        gettext_noop("Your complaint %(number)s is answered"),
        gettext_noop("The town's counter tells you the answer, and how to go on if you disagree."),
    ),
}


@dataclass(frozen=True, slots=True)
class _Reader:
    email: str
    language: str
    party_ids: list[UUID]


def messages_round(
    conn: Connection[Any],
    *,
    now: datetime,
    gateway: sms.Gateway | None = None,
    secrets: Secrets | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Send all that is due, each message tried by itself, a few taken up at a time; how many were sent."""
    sent = failed = 0
    while not stopping():
        with transaction(conn):
            due = messages.claim(conn, most=MOST_AT_ONCE, lease_seconds=LEASE_SECONDS)
        for message in due:
            if stopping():
                break
            arrived = _try(conn, message, gateway, secrets)
            sent, failed = sent + arrived, failed + (not arrived)
        if len(due) < MOST_AT_ONCE:
            break
    if sent or failed:
        log.info("messages sent", sent=sent, failed=failed)
    with transaction(conn):
        messages.purge(conn, before=now - KEPT)
    return sent


def _try(conn: Connection[Any], message: Message, gateway: sms.Gateway | None, secrets: Secrets | None) -> bool:
    channel, error = _send(conn, message, gateway or sms.from_environment(), secrets or Secrets.load())
    wait = rules.wait_seconds(message.tries, chance=random.random())  # noqa: S311  No secret.
    with transaction(conn):
        messages.finish(
            conn, message, channel=channel, error=error, wait_seconds=None if error in _NEVER_AGAIN else wait
        )
    return not error


def _send(conn: Connection[Any], message: Message, gateway: sms.Gateway, secrets: Secrets) -> tuple[str, str]:
    """By which way it went, and why not where it did not."""
    channel = ""
    try:
        with transaction(conn):
            ready = written(conn, message, secrets=secrets)
        channel = "sms" if isinstance(ready, Text) else "mail"
        if isinstance(ready, Text):
            gateway.send(to=ready.to, text=ready.words, reference=message.id)
        else:
            mails.send(ready)
    except NotSent as failed:
        return channel, failed.code
    except Exception as failed:  # noqa: BLE001  Ours or the gateway's to mend; the message is tried again.
        log.error("message failed", error=type(failed).__name__)
        return channel, "defect"
    return channel, ""


def written(conn: Connection[Any], message: Message, *, secrets: Secrets) -> Letter | Text:
    """The message as it will be sent, by the way the party chose where it has an address or number for it.

    ``NotSent`` where the party is gone, has neither address nor number, or does not want to be told.
    """
    town = parties.town(conn, message.town_id)
    chosen = preferences.notices(conn, party_id=message.party).get(preferences.topic_of(message.kind), "")
    if chosen == "none":
        raise NotSent("not-wanted")
    prefer = chosen or message.prefer
    reader = maybe(conn, statement("koinon.jobs", "reader_party"), _Reader, town_id=town.id, party_id=message.party)
    if reader is None:
        raise NotSent("nobody")
    try:
        kept = Vault(conn, secrets).get_many(reader.party_ids, ["email", "phone"])
    except PartiesError:
        raise NotSent("vault") from None
    email = "" if _is_reply(message) else _first(reader, kept, "email") or reader.email
    phone = normal_phone(_first(reader, kept, "phone"), country=town.country)
    heading, more, language = words(_with_signs(conn, message), town, reader.language)
    if phone and (prefer == "sms" or not email):
        return Text(phone, f"{town.name}: {heading}"[: sms.LONGEST], message.id)
    if email:
        body = [f"{town.name}: {heading}", "", more, "", "-- ", town.name, ""]
        return Letter(email, f"{town.name}: {heading}", "\n".join(body), language)
    raise NotSent("no-address")


def _with_signs(conn: Connection[Any], message: Message) -> Message:
    """The shops that the data names by their ids (``shop_party``), as their signs say; no row keeps these words."""
    data = json.loads(message.data)
    for name in [name for name in data if name.endswith("_party")]:
        sign = scalar(conn, statement("koinon.jobs", "shop_sign"), town_id=message.town_id, party=UUID(data.pop(name)))
        data[name.removesuffix("_party")] = sign or "-"
    return replace(message, data=json.dumps(data))


def words(message: Message, town: TownFacts, language: str) -> tuple[str, str, str]:
    """Heading and sentence in the reader's language, and which language that is."""
    data = json.loads(message.data)
    spoken = mails.spoken_language(str(data.pop("language", "")) or language)
    heading, more = WORDS[message.kind]
    with override(spoken):
        locale = locale_of(spoken, town.country)
        said: dict[str, str] = {}
        for name, value in data.items():
            if name.endswith("_minor"):
                said[name.removesuffix("_minor")] = mails.written_amount(
                    Amount(int(value), town.unit_code), town, locale
                )
            elif name.endswith("_day"):
                said[name] = format_date(date.fromisoformat(str(value)), format="long", locale=locale)
            else:
                said[name] = " ".join(str(value).split())
        return _(heading) % said, _(more) % said, spoken


def _is_reply(message: Message) -> bool:
    """Whether it answers a text message, and so goes by telephone or not at all."""
    return message.kind.startswith("text.")


def _first(reader: _Reader, kept: Mapping[UUID, Mapping[str, str]], name: str) -> str:
    return next((kept[one][name] for one in reader.party_ids if kept.get(one, {}).get(name)), "")
