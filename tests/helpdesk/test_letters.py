"""Statements by letter: who is chosen gets one once, in their own language and size, and who printed it is on record."""

from __future__ import annotations

import io
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pypdf
import pytest

from koinon.helpdesk import letters, people
from koinon.helpdesk.types import Chosen, PaperWishes
from koinon.instruments import authorised
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import new_id
from koinon.kernel.periods import Month
from koinon.parties.naming import Reader
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from tests.instruments.desk import NOON
from tests.payments import paying_town
from tests.payments.paying_town import PayingTown

READER = Reader("user:1", sees_personal_data=True)
MONTH, LATER = Month.of(NOON.date()), date(2027, 6, 1)


@pytest.fixture
def town(database: Any, conn: Any) -> PayingTown:
    town = paying_town.build_with_money(conn)
    vault(town).put(
        town.parties["ana"], {"name": "Άννα Παππά", "address": "Κήπου 1\n38221 Βόλος", "phone": "600112233"}
    )
    return town


SECRETS = Secrets.fresh()


def vault(town: PayingTown) -> Vault:
    return Vault(town.conn, SECRETS)


def wants(town: PayingTown, name: str, language: str, *, large: bool = False, monthly: bool = True) -> None:
    letters.set_wishes(
        town.conn, town_id=town.id, party=town.parties[name], wanted=PaperWishes(language, large, monthly),
        actor="user:1", at=NOON, vault=vault(town),
    )  # fmt: skip


def queue(town: PayingTown, chosen: Chosen = Chosen.ASKED, **only: Any) -> int:
    return letters.queue(
        town.conn, town_id=town.id, month=MONTH, chosen=chosen, today=LATER, actor="user:1", at=NOON, **only
    )


def prints(town: PayingTown, *, batch: UUID | None = None, most: int = 200, again: bool = False) -> list[Any]:
    pdf, count = letters.printed(
        town.conn, town_id=town.id, batch=batch or new_id(), reader=READER, at=NOON, vault=vault(town), most=most,
        again=again,
    )  # fmt: skip
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    assert len(pages) >= count
    return [page.extract_text() for page in pages]


def test_whoever_asked_gets_a_statement_once_in_their_language_with_name_and_address(town):
    wants(town, "ana", "el")
    town.pay("ana", "forn", "12.34")
    assert (queue(town), queue(town)) == (1, 0)
    [said] = prints(town)
    for line in ("Άννα Παππά", "38221 Βόλος", "12,34"):
        assert line in said
    assert letters.waiting(town.conn, town_id=town.id) == 0
    with pytest.raises(KoinonError, match="no letter waits"):
        prints(town)
    assert town.broken() == []


def test_one_file_holds_letters_in_greek_arabic_and_large_print_with_page_numbers_of_their_own(town):
    for name, language, large in (("rosa", "ar", False), ("leila", "en", True)):
        town.household(name)
        vault(town).put(town.parties[name], {"name": name.title()})
        wants(town, name, language, large=large)
    wants(town, "ana", "el")
    said = [
        letters.statements.statement(
            letters.parties.town(town.conn, town.id), to=[name], purses=[], found=[], first_day=MONTH.first_day,
            last_day=MONTH.last_day, day=LATER, large=name == "leila",
        )
        for name in ("rosa", "leila")
    ]  # fmt: skip
    pdf = pypdf.PdfReader(io.BytesIO(letters.statements.many([*said, {**said[0], "lang": "ar", "rtl": True}])))
    assert len(pdf.pages) == 3
    assert pdf.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert [
        letters.wishes(town.conn, town_id=town.id, party=town.parties[name], vault=vault(town))
        for name in ("rosa", "leila")
    ] == [PaperWishes("ar", False, True), PaperWishes("en", True, True)]


def test_the_unreachable_are_those_with_neither_telephone_nor_mail_nor_sign_in(town):
    assert queue(town, Chosen.UNREACHABLE) == 1, "the other household, of whom nothing is known"
    vault(town).put(town.parties["ana"], {"phone": ""})
    assert queue(town, Chosen.UNREACHABLE, zone="nowhere") == 0
    assert queue(town, Chosen.UNREACHABLE) == 1


def test_a_batch_can_be_printed_again_and_each_letter_is_in_one_batch(town):
    queue(town, Chosen.EVERYBODY)
    batch = new_id()
    first = prints(town, batch=batch, most=1)
    assert prints(town, batch=batch, again=True) == first
    with pytest.raises(KoinonError, match="no batch"):
        prints(town, again=True)
    assert [each.letters for each in letters.batches(town.conn, town_id=town.id)] == [1]


def test_a_month_that_is_not_over_has_no_statement_and_nobody_prints_without_the_right(town):
    with pytest.raises(KoinonError, match="the month ends"):
        letters.queue(
            town.conn,
            town_id=town.id,
            month=MONTH,
            chosen=Chosen.EVERYBODY,
            today=MONTH.last_day,
            actor="user:1",
            at=NOON,
        )
    with pytest.raises(KoinonError) as refused:
        letters.printed(
            town.conn, town_id=town.id, batch=new_id(), reader=Reader("user:2", sees_personal_data=False), at=NOON,
            vault=vault(town),
        )  # fmt: skip
    assert refused.value.code == "parties.personal-data-not-allowed"


def test_who_was_erased_gets_no_letter_and_who_printed_looked_at_whom_is_on_record(town):
    queue(town, Chosen.EVERYBODY)
    prints(town)
    looked = town.conn.execute("SELECT actor, reason FROM audit.entry WHERE action = 'parties.revealed'").fetchall()
    assert looked == [("user:1", "letters")] * 2
    letters.queue(
        town.conn, town_id=town.id, month=MONTH.next(), chosen=Chosen.EVERYBODY, today=LATER, actor="user:1", at=NOON
    )
    vault(town).erase(town.parties["ana"], actor="user:1", reason="asked", at=NOON)
    assert letters.waiting(town.conn, town_id=town.id) == 1


def test_the_name_of_who_was_let_pay_is_erased_a_year_after_it_ended_or_with_the_household(town):
    def let(name: str) -> Any:
        return people.authorise(
            town.conn, town_id=town.id, authorisation_id=new_id(), party=town.parties["ana"], name=name,
            per_day_minor=500, last_day=date(2027, 6, 30), today=NOON.date(), actor="user:1", at=NOON, vault=vault(town),
        )  # fmt: skip

    ended, open_one = let("Rosa"), let("Leila")
    authorised.end(town.conn, town_id=town.id, authorisation_id=ended.id, actor="user:1", at=NOON)

    def known() -> list[str]:
        found = vault(town).get_many([ended.person, open_one.person], ("name",))
        return sorted(each["name"] for each in found.values())

    def forget(days: int) -> list[str]:
        people.forget_long_over(town.conn, town_id=town.id, now=NOON + timedelta(days=days), vault=vault(town))
        return known()

    assert (known(), forget(399), forget(401)) == (["Leila", "Rosa"], ["Leila", "Rosa"], ["Leila"])
    vault(town).erase(town.parties["ana"], actor="user:1", reason="asked", at=NOON)
    assert forget(402) == []
    assert town.broken() == []
