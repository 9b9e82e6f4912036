"""Statements by letter: who wants one each month, which wait, and printing them, many in one file.

A letter is a row until it is printed: what it says is written at that moment and kept nowhere. Letters carry names and
addresses, so that printing takes the right to see who people are, and each look is recorded. Every function is part of
its caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import override
from psycopg import Connection

from koinon.audit.operations import record
from koinon.db.statements import execute, many, scalar, statement
from koinon.db.transactions import savepoint
from koinon.documents.formats import in_country
from koinon.helpdesk import statements
from koinon.helpdesk.errors import BatchNotFound, MonthNotOver, NothingToPrint
from koinon.helpdesk.types import Batch, Chosen, Letter, PaperWishes
from koinon.kernel.periods import Month
from koinon.parties import naming
from koinon.parties import queries as parties
from koinon.parties.naming import Reader
from koinon.parties.types import TownFacts
from koinon.parties.vault import Vault
from koinon.payments import queries as payments
from koinon.payments.types import PartyMovement

_PACKAGE = "koinon.helpdesk"
MOST_AT_ONCE = 500
MOST_MOVEMENTS = 2000
_LARGE = "large_print"


@dataclass(frozen=True, slots=True)
class _WrittenTo:
    party: UUID
    person: UUID
    language: str


@dataclass(frozen=True, slots=True)
class _Id:
    id: UUID


def wishes(conn: Connection[Any], *, town_id: int, party: UUID, vault: Vault) -> PaperWishes:
    """How a party wants paper. Language and large print are of the person a household is written to."""
    reached = _written_to(conn, town_id, [party]).get(party)
    kept = vault.get(reached.person, ("language", _LARGE)) if reached else {}
    monthly = bool(scalar(conn, statement(_PACKAGE, "is_subscribed"), town_id=town_id, party=party))
    return PaperWishes(_spoken(kept, reached), bool(kept.get(_LARGE)), monthly)


def set_wishes(
    conn: Connection[Any], *, town_id: int, party: UUID, wanted: PaperWishes, actor: str, at: datetime, vault: Vault
) -> None:
    """Keep how a party wants paper. Refuses with ``PartyNotFound`` and ``PartyErased``."""
    parties.party_facts(conn, town_id, party)
    reached = _written_to(conn, town_id, [party]).get(party)
    with savepoint(conn):
        vault.put(
            reached.person if reached else party,
            {"language": wanted.language, _LARGE: "yes" if wanted.large_print else ""},
        )
        name = "subscribe" if wanted.monthly else "unsubscribe"
        more = {"at": at, "actor": actor} if wanted.monthly else {}
        execute(conn, statement(_PACKAGE, name), town_id=town_id, party=party, **more)
        record(
            conn,
            town_id=town_id,
            actor=actor,
            action="helpdesk.paper-wishes-set",
            subject=f"party:{party}",
            after={"monthly": wanted.monthly},
            at=at,
        )


def queue(
    conn: Connection[Any],
    *,
    town_id: int,
    month: Month,
    chosen: Chosen,
    today: date,
    actor: str,
    at: datetime,
    zone: str = "",
    fund: UUID | None = None,
) -> int:
    """Queue a statement of a month for everybody who is chosen and has none of it yet; how many were queued.

    ``zone`` is a neighbourhood's code and ``fund`` money that they have had. Repeated, it queues nobody twice. Refuses with
    ``MonthNotOver``.
    """
    if month.last_day >= today:
        raise MonthNotOver(last_day=month.last_day)
    with savepoint(conn):
        queued = execute(
            conn,
            statement(_PACKAGE, "queue_letters"),
            town_id=town_id,
            first_day=month.first_day,
            last_day=month.last_day,
            chosen=chosen.value,
            zone=zone,
            fund=fund,
            at=at,
            actor=actor,
        )
        record(
            conn,
            town_id=town_id,
            actor=actor,
            action="helpdesk.letters-queued",
            subject=f"town:{town_id}",
            after={"month": str(month), "chosen": chosen.value, "zone": zone, "letters": queued},
            at=at,
        )
    return queued


def waiting(conn: Connection[Any], *, town_id: int) -> int:
    """How many letters wait to be printed."""
    return int(scalar(conn, statement(_PACKAGE, "letters_waiting"), town_id=town_id))


def batches(conn: Connection[Any], *, town_id: int, most: int = 20) -> list[Batch]:
    """What was printed in one go, the newest first."""
    return many(conn, statement(_PACKAGE, "batches"), Batch, town_id=town_id, most=most)


def people_of(conn: Connection[Any], *, town_id: int, party: UUID) -> list[UUID]:
    """The people of a household, whom the town writes to first; of a resident without one, the resident."""
    return [found.id for found in many(conn, statement(_PACKAGE, "people_of"), _Id, town_id=town_id, party=party)]


def printed(
    conn: Connection[Any],
    *,
    town_id: int,
    batch: UUID,
    reader: Reader,
    at: datetime,
    vault: Vault,
    most: int = 200,
    again: bool = False,
) -> tuple[bytes, int]:
    """The letters that have waited longest as one PDF, as the batch of this id; and how many.

    The same id prints the same letters again, with what is true by then: a printer jams. With ``again`` it does nothing
    else. Refuses with ``PersonalDataNotAllowed``, ``NothingToPrint`` and ``BatchNotFound``.
    """
    naming.needs_personal_data(reader)
    assert 1 <= most <= MOST_AT_ONCE
    with savepoint(conn):
        taken = many(conn, statement(_PACKAGE, "letters_of_batch"), Letter, town_id=town_id, batch=batch)
        if not taken:
            if again:
                raise BatchNotFound(batch=batch)
            sql = statement(_PACKAGE, "take_letters")
            taken = many(conn, sql, Letter, town_id=town_id, batch=batch, most=most, at=at, actor=reader.actor)
        if not taken:
            raise NothingToPrint
        record(
            conn,
            town_id=town_id,
            actor=reader.actor,
            action="helpdesk.letters-printed",
            subject=f"letters:{batch}",
            after={"letters": len(taken)},
            at=at,
        )
        said = written(conn, town_id=town_id, letters=taken, reader=reader, at=at, vault=vault)
    return statements.many(said), len(said)


def written(
    conn: Connection[Any], *, town_id: int, letters: Sequence[Letter], reader: Reader, at: datetime, vault: Vault
) -> list[dict[str, Any]]:
    """What these letters say, each in its reader's language; whose names and addresses were opened is recorded."""
    naming.needs_personal_data(reader)
    town = parties.town(conn, town_id)
    reached = _written_to(conn, town_id, [letter.party for letter in letters])
    fields = ("name", "address", "language", _LARGE)
    kept = vault.reveal({each.person for each in reached.values()}, fields, actor=reader.actor, reason="letters", at=at)
    said = []
    for letter in letters:
        person = reached[letter.party]
        held = kept.get(person.person, {})
        to = [held.get("name", "") or naming.pseudonym(letter.party), *held.get("address", "").splitlines()]
        with override(_spoken(held, person)), in_country(town.country):
            said.append(
                statements.statement(
                    town,
                    to=[line for line in to if line.strip()],
                    purses=[
                        purse
                        for purse in payments.purses(conn, town_id=town_id, payer=letter.party, at=at)
                        if purse.fund is not None or purse.available_minor
                    ],
                    found=between(conn, town, letter.party, letter.first_day, letter.last_day),
                    first_day=letter.first_day,
                    last_day=letter.last_day,
                    day=at.astimezone(town.zone).date(),
                    large=bool(held.get(_LARGE)),
                )
            )
    return said


def between(conn: Connection[Any], town: TownFacts, party: UUID, first: date, last: date) -> list[PartyMovement]:
    """What moved between two local days, both inclusive, the newest first; at the most two thousand movements."""
    found: list[PartyMovement] = []
    before = None
    while len(found) < MOST_MOVEMENTS:
        page = payments.movements(conn, town_id=town.id, party_id=party, before=before, limit=200)
        days = [(movement, movement.effective_at.astimezone(town.zone).date()) for movement in page]
        found += [movement for movement, day in days if first <= day <= last]
        # The books are in the order of posting: a payment of an evening may stand behind one of the next morning.
        if len(page) < 200 or days[-1][1] < first - timedelta(days=1):
            break
        before = page[-1].id
    return found


def _written_to(conn: Connection[Any], town_id: int, of: Sequence[UUID]) -> dict[UUID, _WrittenTo]:
    sql = statement(_PACKAGE, "people_written_to")
    return {row.party: row for row in many(conn, sql, _WrittenTo, town_id=town_id, parties=list(of))}


def _spoken(kept: dict[str, str], reached: _WrittenTo | None) -> str:
    """The language a letter is written in: the person's own, then that of whoever signs in, then the town's."""
    ours = dict(settings.LANGUAGES)
    for wanted in (kept.get("language", ""), reached.language if reached else ""):
        for candidate in (wanted, wanted.replace("_", "-").partition("-")[0].lower()):
            if candidate in ours:
                return candidate
    return settings.LANGUAGE_CODE
