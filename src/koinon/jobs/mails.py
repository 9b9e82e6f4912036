"""Notices by e-mail: a few words in the reader's language, to an address that is looked up only now.

The outbox knows parties and amounts. Addresses stand in the vault; they are read
when a mail is sent, kept in no row and no log.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from smtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException
from typing import Any
from uuid import UUID

from babel import Locale
from babel.dates import format_date
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, override
from psycopg import Connection

from koinon.db.statements import many, maybe, statement
from koinon.documents.formats import locale_of
from koinon.jobs import sms
from koinon.jobs.webhooks import NotSent
from koinon.kernel.money import Amount, to_decimal
from koinon.outbox.types import Claimed
from koinon.parties import preferences
from koinon.parties.errors import PartiesError
from koinon.parties.rules import normal_phone
from koinon.parties.secrets import Secrets
from koinon.parties.types import TownFacts
from koinon.parties.vault import Vault

_PACKAGE = "koinon.jobs"

# What is said to whom: the party's side of the event ("" where it has none, as for the staff).
WORDS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("payment.posted", "payee"): (
        gettext_noop("You were paid %(amount)s"),
        gettext_noop("A payment to you was posted."),
    ),
    ("payment.posted", "payer"): (gettext_noop("You paid %(amount)s"), gettext_noop("A payment of yours was posted.")),
    ("payment.posted", ""): (gettext_noop("Payment of %(amount)s"), gettext_noop("A payment was posted in the town.")),
    ("payment.refunded", "payer"): (
        gettext_noop("%(amount)s came back to you"),
        gettext_noop("A payment of yours was given back, wholly or in part."),
    ),
    ("payment.refunded", ""): (
        gettext_noop("Refund of %(amount)s"),
        gettext_noop("A payment was given back, wholly or in part."),
    ),
    ("hold.placed", ""): (
        gettext_noop("%(amount)s reserved"),
        gettext_noop("An amount was reserved for a later payment."),
    ),
    ("hold.captured", ""): (
        gettext_noop("%(amount)s paid from a reservation"),
        gettext_noop("A reserved amount was paid, wholly or in part."),
    ),
    ("hold.released", ""): (
        gettext_noop("Reservation of %(amount)s let go"),
        gettext_noop("A reserved amount is free again."),
    ),
    ("hold.lapsed", ""): (
        gettext_noop("Reservation of %(amount)s has ended"),
        gettext_noop("Nobody took the reserved amount in time, so it is free again."),
    ),
    ("cycle.disbursed", ""): (
        gettext_noop("A programme's month was paid out: %(amount)s"),
        gettext_noop("The aid of the month lies in the purses of all households that were due it."),
    ),
    ("contribution.rewarded", "party"): (
        gettext_noop("You received %(amount)s"),
        gettext_noop("What you did for the neighbourhood was verified. The reward is in your purse."),
    ),
    ("contribution.rewarded", ""): (
        gettext_noop("Reward of %(amount)s"),
        gettext_noop("What somebody did was verified, and its reward paid."),
    ),
    ("contribution.undone", ""): (
        gettext_noop("Reward of %(amount)s taken back"),
        gettext_noop("A contribution was undone. What was still in the purse went back to the fund."),
    ),
    ("network.near-threshold", ""): (
        gettext_noop("Twelve months of payments: %(amount)s"),
        gettext_noop("That is near the volume above which the authority must be told. Prepare the notification."),
    ),
    ("network.above-threshold", ""): (
        gettext_noop("Twelve months of payments: %(amount)s"),
        gettext_noop(
            "That is above the volume of which the authority must be told. Send the notification, and put it on record."
        ),
    ),
    ("topup.received", "party"): (
        gettext_noop("You have topped up %(amount)s"),
        gettext_noop("Your euros have come, and your money is there."),
    ),
    ("topup.received", ""): (
        gettext_noop("Top-up of %(amount)s"),
        gettext_noop("Euros came for a top-up, and its units were made."),
    ),
    ("bonus.granted", "party"): (
        gettext_noop("You got a bonus of %(amount)s"),
        gettext_noop("A bonus campaign of the town added it to what you have."),
    ),
    ("bonus.granted", ""): (
        gettext_noop("Bonus of %(amount)s"),
        gettext_noop("A bonus was granted on a purchase or a top-up."),
    ),
    ("campaign.nearly-spent", ""): (
        gettext_noop("A bonus campaign has granted %(amount)s"),
        gettext_noop("Most of its ceiling is granted. When all of it is, purchases earn nothing more."),
    ),
    ("campaign.ended", ""): (
        gettext_noop("A bonus campaign ended with %(amount)s granted"),
        gettext_noop("What was left of its ceiling went back to its fund's reserve."),
    ),
    ("redemption.requested", ""): (
        gettext_noop("%(amount)s handed in"),
        gettext_noop("A shop asked to be paid out; the amount waits for the next run to the bank."),
    ),
    ("redemption.requested", "party"): (
        gettext_noop("We have your request for %(amount)s"),
        gettext_noop("The amount waits for the town's next run to the bank."),
    ),
    ("redemption.paid", ""): (
        gettext_noop("%(amount)s paid out by the bank"),
        gettext_noop("The bank has paid what a shop handed in."),
    ),
    ("redemption.paid", "party"): (
        gettext_noop("%(amount)s is on its way to your bank account"),
        gettext_noop("The town's bank has paid what you handed in."),
    ),
    ("redemption.returned", ""): (
        gettext_noop("A payout of %(amount)s came back"),
        gettext_noop("The bank could not pay a shop; what came back is in its till again."),
    ),
    ("redemption.returned", "party"): (
        gettext_noop("Your payout of %(amount)s came back"),
        gettext_noop("The bank could not pay into your account. Please look whether the town has its right number."),
    ),
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail ready to go. What it says and to whom never shows in ``repr``."""

    to: str = field(repr=False)
    subject: str = field(repr=False)
    body: str = field(repr=False)
    language: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A text message ready to go. What it says and to whom never shows in ``repr``."""

    to: str = field(repr=False)
    words: str = field(repr=False)
    reference: UUID


@dataclass(frozen=True, slots=True)
class _Reader:
    email: str
    language: str
    party_ids: list[UUID]


@dataclass(frozen=True, slots=True)
class _User:
    id: int


def recipients(conn: Connection[Any], claimed: Claimed) -> list[str]:
    """Each person to be written to where a delivery is for a whole role."""
    role = claimed.recipient.removeprefix("role:")
    users = many(conn, statement(_PACKAGE, "users_with_role"), _User, town_id=claimed.town_id, role=role)
    return [f"user:{user.id}" for user in users]


def letter(conn: Connection[Any], claimed: Claimed, *, town: TownFacts, secrets: Secrets) -> Letter | Text:
    """What is to be sent, and to which address; ``NotSent`` where the reader has none, or is gone.

    A party that chose to be told of its payments by text message is, where it has a number.
    """
    kind, _colon, name = claimed.recipient.partition(":")
    party: UUID | None = None
    if kind == "user":
        reader = maybe(conn, statement(_PACKAGE, "reader_user"), _Reader, town_id=town.id, user_id=int(name))
    else:
        party = UUID(name)
        reader = maybe(conn, statement(_PACKAGE, "reader_party"), _Reader, town_id=town.id, party_id=party)
    if reader is None:
        raise NotSent("nobody")
    if party is not None and preferences.notices(conn, party_id=party).get(preferences.topic_of(claimed.kind)) == "sms":
        number = normal_phone(_from_vault(conn, reader, secrets, "phone"), country=town.country)
        if number:
            heading, _body, _language = written(claimed, town=town, party=party, language=reader.language)
            return Text(number, heading[: sms.LONGEST], claimed.event_id)
    address = _from_vault(conn, reader, secrets, "email") or reader.email
    if not address:
        raise NotSent("no-address")
    subject, body, language = written(claimed, town=town, party=party, language=reader.language)
    return Letter(address, subject, body, language)


def _from_vault(conn: Connection[Any], reader: _Reader, secrets: Secrets, name: str) -> str:
    if not reader.party_ids:
        return ""
    try:
        kept = Vault(conn, secrets).get_many(reader.party_ids, [name])
    except PartiesError:
        raise NotSent("vault") from None
    return next((kept[one][name] for one in reader.party_ids if kept.get(one, {}).get(name)), "")


def written(claimed: Claimed, *, town: TownFacts, party: UUID | None, language: str) -> tuple[str, str, str]:
    """Subject and text of a mail, and the language it is in."""
    spoken = spoken_language(language)
    data = json.loads(claimed.data)
    side = next((key for key in ("payee", "payer", "party") if party and data.get(key) == str(party)), "")
    heading, says = WORDS.get((claimed.kind, side)) or WORDS[claimed.kind, ""]
    with override(spoken):
        locale = locale_of(spoken, town.country)
        amount = written_amount(Amount(int(data.get("amount_minor", 0)), town.unit_code), town, locale)
        subject = _(heading) % {"amount": amount}
        lines = [
            f"{town.name}: {subject}",
            "",
            _(says),
            "",
            _("Day: %(day)s") % {"day": _day(claimed.at, town, locale)},
            _("Number: %(number)s") % {"number": claimed.subject},
            "",
            "-- ",
            _("This was sent because %(town)s was asked to tell you. To be told no more, ask the town.")
            % {"town": town.name},
        ]
    # An address list or a second header cannot be smuggled in: a heading is one line.
    return " ".join(f"{town.name}: {subject}".split("\n")), "\n".join(lines) + "\n", spoken


def send(letter: Letter | Text) -> None:
    """Hand a mail to the mail server or a text message to the gateway, or raise ``NotSent``."""
    if isinstance(letter, Text):
        sms.from_environment().send(to=letter.to, text=letter.words, reference=letter.reference)
        return
    mail = EmailMessage(
        letter.subject,
        letter.body,
        settings.DEFAULT_FROM_EMAIL,
        [letter.to],
        headers={"Content-Language": letter.language, "Auto-Submitted": "auto-generated"},
        connection=get_connection(),
    )
    try:
        mail.send()
    except SMTPRecipientsRefused as refused:
        codes = [code for code, _text in refused.recipients.values()]
        raise NotSent("recipient-refused" if all(code >= 500 for code in codes) else "mail-server") from None
    except SMTPResponseException as refused:
        raise NotSent("recipient-refused" if refused.smtp_code in (550, 551, 553) else "mail-server") from None
    except (SMTPException, OSError):
        raise NotSent("mail-server") from None
    except ValueError:  # Django's word for an address with a line break in it.
        raise NotSent("no-address") from None


def spoken_language(language: str) -> str:
    """The language of ours that comes nearest; the installation's own otherwise."""
    ours = dict(settings.LANGUAGES)
    return next((one for one in (language, language.partition("-")[0]) if one in ours), settings.LANGUAGE_CODE)


def written_amount(value: Amount, town: TownFacts, locale: Locale) -> str:
    """An amount in a mail or a text message, where direction marks would be noise."""
    pattern = copy.copy(locale.currency_formats["standard"])
    pattern.frac_prec = (town.exponent, town.exponent)
    text: str = pattern.apply(
        to_decimal(value.minor, town.exponent), locale, currency=value.unit, currency_digits=False
    )
    # Direction marks keep an amount together on a page; in a mail's subject they are noise.
    return text.replace("\u200f", "").replace("\u200e", "").strip()


def _day(at: datetime, town: TownFacts, locale: Locale) -> str:
    return format_date(at.astimezone(town.zone).date(), format="long", locale=locale)
