"""A complaint has a number, a day and an answer; its words and documents are for few, and end with the person's key."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koinon.audit import queries as trail
from koinon.casework import operations, queries, rules
from koinon.casework.errors import (
    ComplaintClosed,
    DocumentKindRefused,
    DocumentNotFound,
    DocumentTooLarge,
    KeyReused,
    TermNotUsable,
    TooManyDocuments,
    WordsMissing,
    WordsTooLong,
)
from koinon.casework.types import About, Complaint, ComplaintState, Count, Outcome, Term
from koinon.outbox import messages
from koinon.parties.errors import PersonalDataNotAllowed
from koinon.parties.naming import Reader
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from tests.programmes import small_town
from tests.programmes.small_town import NOON, SmallTown

OFFICER = "user:1"
SEES, SEES_NOT = Reader(OFFICER, True), Reader("user:9", False)
WORDS = "The shop asked me for two euros more, and the owner laughed."
PDF = b"%PDF-1.7\n" + b"x" * 100


class Desk:
    def __init__(self, town: SmallTown, secrets: Secrets) -> None:
        self.town, self.vault, self.count = town, Vault(town.conn, secrets), 0

    def open(self, name: str = "ana", *, about: About = About.SHOP, words: str = WORDS, key: str = "") -> Complaint:
        self.count += 1
        return operations.open_complaint(
            self.town.conn, town_id=self.town.id, about=about, words=words, idempotency_key=key or str(self.count),
            actor=OFFICER, at=NOON, vault=self.vault, party=self.town.parties[name] if name else None,
        )  # fmt: skip

    def answer(self, complaint: Complaint, words: str = "You are right.") -> Complaint:
        return operations.answer(
            self.town.conn, town_id=self.town.id, complaint_id=complaint.id, outcome=Outcome.UPHELD, words=words,
            actor=OFFICER, at=NOON, vault=self.vault,
        )  # fmt: skip

    def attach(self, complaint: Complaint, content: bytes, *, name: str = "a.pdf", key: str = "k") -> UUID:
        return operations.attach(
            self.town.conn, town_id=self.town.id, complaint_id=complaint.id, name=name, content=content,
            idempotency_key=key, actor=OFFICER, at=NOON, vault=self.vault,
        )  # fmt: skip

    def words(self, complaint: Complaint, reader: Reader = SEES) -> list[tuple[str, str]]:
        found = queries.notes(
            self.town.conn, town_id=self.town.id, complaint_id=complaint.id, reader=reader, at=NOON, vault=self.vault
        )
        return [(note.kind, note.words) for note in found]

    def document(self, complaint: Complaint, document: UUID, reader: Reader = SEES) -> tuple[str, str, bytes]:
        return queries.document(
            self.town.conn, town_id=self.town.id, complaint_id=complaint.id, document_id=document, reader=reader,
            at=NOON, vault=self.vault,
        )  # fmt: skip


@pytest.fixture
def desk(conn: Any) -> Desk:
    town = small_town.build(conn)
    town.household("ana")
    return Desk(town, Secrets.fresh())


def test_a_complaint_gets_a_number_and_a_day_and_its_answer_is_told(desk):
    complaint = desk.open()
    assert (complaint.number, complaint.due_day, complaint.term_source) == (
        "C-2026-0001", date(2027, 1, 5), "Ley 39/2015, article 21(3)",
    )  # fmt: skip
    done = desk.answer(complaint)
    assert (done.state, done.outcome, done.closed_by) == (ComplaintState.ANSWERED, "upheld", OFFICER)
    assert desk.words(complaint) == [("words", WORDS), ("answer", "You are right.")]
    told = messages.of_party(desk.town.conn, town_id=desk.town.id, party=desk.town.parties["ana"])
    assert [each.kind for each in reversed(told)] == ["complaint.received", "complaint.answered"]
    with pytest.raises(ComplaintClosed):
        desk.answer(complaint)
    operations.reopen(desk.town.conn, town_id=desk.town.id, complaint_id=complaint.id, actor=OFFICER, at=NOON)
    assert desk.answer(complaint, "Once more.").due_day == complaint.due_day
    assert desk.town.broken() == []


def test_the_same_form_sent_twice_is_one_complaint(desk):
    first = desk.open(key="form")
    assert desk.open(key="form") == first
    with pytest.raises(KeyReused):
        desk.open(key="form", about=About.AID)


def test_no_word_of_a_complaint_stands_in_the_database_or_the_trail(desk):
    complaint = desk.open()
    desk.attach(complaint, b"secret words", name="letter of ana.txt")
    kept = desk.town.conn.execute(
        "SELECT (SELECT string_agg(to_jsonb(n)::text, '') FROM casework.note AS n)"
        " || (SELECT string_agg(to_jsonb(d)::text, '') FROM casework.document AS d)"
        " || (SELECT string_agg(to_jsonb(e)::text, '') FROM audit.entry AS e)"
        " || (SELECT string_agg(to_jsonb(m)::text, '') FROM outbox.message AS m)"
    ).fetchone()[0]
    for secret in (WORDS, "laughed", "secret words", "letter of ana"):
        assert secret not in kept
        assert secret.encode().hex() not in kept


def test_who_may_not_see_people_sees_that_there_is_a_complaint_and_not_what_it_says(desk):
    complaint = desk.open()
    document = desk.attach(complaint, PDF)
    assert queries.waiting(desk.town.conn, town_id=desk.town.id) == [complaint]
    for look in (lambda: desk.words(complaint, SEES_NOT), lambda: desk.document(complaint, document, SEES_NOT)):
        with pytest.raises(PersonalDataNotAllowed):
            look()
    desk.words(complaint)
    desk.document(complaint, document)
    entries = trail.entries_of_subject(desk.town.conn, town_id=desk.town.id, subject=f"complaint:{complaint.id}")
    looks = [(entry.actor, entry.reason) for entry in entries if entry.action == "casework.looked"]
    assert sorted(looks) == [(OFFICER, "document"), (OFFICER, "words")]


def test_erasing_a_person_ends_their_words_and_documents_and_keeps_the_count(desk):
    complaint = desk.open()
    document = desk.attach(complaint, PDF)
    nameless = desk.open("", words="Nobody answers the telephone.")
    desk.vault.erase(desk.town.parties["ana"], actor=OFFICER, reason="asked", at=NOON)
    assert desk.words(complaint) == []
    with pytest.raises(DocumentNotFound):
        desk.document(complaint, document)
    assert desk.words(nameless) == [("words", "Nobody answers the telephone.")]
    assert queries.complaint(desk.town.conn, town_id=desk.town.id, complaint_id=complaint.id).number == "C-2026-0001"
    assert desk.town.broken() == []


def test_a_document_is_what_its_content_says_and_comes_back_whole(desk):
    complaint = desk.open()
    document = desk.attach(complaint, PDF, name="../photo.exe")
    assert desk.attach(complaint, PDF, name="../photo.exe") == document
    assert desk.document(complaint, document) == ("photo.pdf", "application/pdf", PDF)
    operations.remove_document(
        desk.town.conn, town_id=desk.town.id, complaint_id=complaint.id, document_id=document, reader=SEES, at=NOON
    )
    with pytest.raises(DocumentNotFound):
        desk.document(complaint, document)


def test_documents_are_bounded_in_kind_size_and_number(desk):
    complaint = desk.open()
    for content, refusal in (
        (b"MZ\x90\x00", DocumentKindRefused),
        (b"", DocumentKindRefused),
        (b"<html>\x00</html>", DocumentKindRefused),
        (b"%PDF-" + b"x" * rules.MOST_BYTES, DocumentTooLarge),
    ):
        with pytest.raises(refusal):
            desk.attach(complaint, content)
    for number in range(rules.MOST_DOCUMENTS):
        desk.attach(complaint, PDF, key=str(number))
    with pytest.raises(TooManyDocuments):
        desk.attach(complaint, PDF, key="more")


def test_words_are_bounded(desk):
    with pytest.raises(WordsMissing):
        desk.open(words=" \x00 ")
    with pytest.raises(WordsTooLong):
        desk.open(words="x" * (rules.MOST_LETTERS + 1))
    assert desk.words(desk.open(words="😀" * rules.MOST_LETTERS))[0][1] == "😀" * rules.MOST_LETTERS


def test_a_document_of_one_place_does_not_open_in_another(desk):
    one, other = desk.open(), desk.open()
    first, second = desk.attach(one, PDF), desk.attach(other, b"plain")
    desk.town.conn.execute(
        "UPDATE casework.document SET sealed = (SELECT sealed FROM casework.document WHERE id = %s) WHERE id = %s",
        [first, second],
    )
    with pytest.raises(Exception, match="seal"):
        desk.document(other, second)


def test_the_towns_own_term_comes_first_and_changes_no_day_that_was_given(desk):
    before = desk.open()

    def set_term(number: int, source: str = "Council decision 17/2026") -> bool:
        return operations.set_term(
            desk.town.conn, town_id=desk.town.id, about=About.SHOP, from_day=date(2026, 10, 1), number=number,
            count=Count.WORKING_DAYS, source=source, actor=OFFICER, at=NOON,
        )  # fmt: skip

    assert (set_term(5), set_term(5)) == (True, False)
    after = desk.open()
    assert (before.due_day, after.due_day) == (date(2027, 1, 5), date(2026, 10, 12))
    assert desk.open(about=About.AID).due_day == before.due_day
    for number, source in ((0, "x"), (400, "x"), (5, " ")):
        with pytest.raises(TermNotUsable):
            set_term(number, source)


def test_eight_complaints_at_once_have_eight_numbers(database, conn, connect_again):
    town = small_town.build(conn)
    town.household("ana")
    secrets = Secrets.fresh()
    Vault(conn, secrets).put(town.parties["ana"], {"name": "Ana"})
    conn.commit()
    numbers: list[str] = []

    def complain(key: int) -> None:
        own = connect_again()
        with own.transaction():
            made = operations.open_complaint(
                own, town_id=town.id, about=About.OTHER, words=WORDS, idempotency_key=str(key), actor=OFFICER, at=NOON,
                vault=Vault(own, secrets), party=town.parties["ana"],
            )  # fmt: skip
        numbers.append(made.number)

    threads = [threading.Thread(target=complain, args=[key]) for key in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == [f"C-2026-{place:04}" for place in range(1, 9)]
    assert town.broken() == []


@given(
    st.dates(date(2026, 1, 1), date(2030, 1, 1)),
    st.sampled_from(list(Count)),
    st.integers(1, 366),
    st.sampled_from(["GR", "JO"]),
)
def test_every_term_ends_after_the_day_of_receipt_on_a_day_on_which_somebody_works(day, count, number, country):
    if count is Count.MONTHS:
        number = min(number, 24)
    last = rules.due_day(day, Term("", "", date(2000, 1, 1), number, count, "-"), country=country)
    assert last > day
    assert last.weekday() not in ({4, 5} if country == "JO" else {5, 6})


@given(st.binary(max_size=200))
def test_any_bytes_are_a_known_kind_or_refused(content):
    with suppress(DocumentKindRefused):
        assert rules.media_type(content) in {"application/pdf", "image/jpeg", "image/png", "text/plain"}


@given(st.text(max_size=300))
def test_any_name_becomes_one_that_can_be_saved(given_name):
    name = rules.file_name(given_name, "application/pdf")
    assert name.endswith(".pdf")
    assert not set(name) & set('/\\\x00\n\r"<>:')
    assert name not in (".pdf",)
