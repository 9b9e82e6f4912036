"""Text messages: the right person is answered in the language of their word, nobody else learns anything, and a lost card is blocked."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from koinon.db.transactions import transaction
from koinon.helpdesk import rules, texts
from koinon.helpdesk.errors import NumberNotUsable, NumberShared
from koinon.helpdesk.types import Answer, Wish
from koinon.instruments import queries as instruments
from koinon.jobs.inbox import FolderInbox, inbox_round
from koinon.jobs.messages import messages_round
from koinon.jobs.sms import FileGateway
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from tests.instruments.desk import NOON, OFFICER, PIN, Desk
from tests.payments import paying_town
from tests.payments.paying_town import PayingTown

NUMBER, AS_THE_GATEWAY_SAYS = "600 11 22 33", "+34600112233"


@pytest.fixture
def town(database: Any, conn: Any) -> PayingTown:
    return paying_town.build_with_money(conn)


@pytest.fixture
def desk(town: PayingTown) -> Desk:
    desk = Desk(town, Secrets.fresh())
    bind(desk)
    return desk


def vault(desk: Desk) -> Vault:
    return Vault(desk.conn, desk.secrets)


def bind(desk: Desk, name: str = "ana", number: str = NUMBER) -> bool:
    return texts.bind(
        desk.conn, town_id=desk.town.id, person=desk.town.parties[name], number=number, actor=OFFICER, at=NOON,
        vault=vault(desk),
    )  # fmt: skip


def writes(
    desk: Desk, text: str, *, reference: str = "", sender: str = AS_THE_GATEWAY_SAYS, minutes: int = 0
) -> Answer:
    return texts.receive(
        desk.conn, town_id=desk.town.id, reference=reference or f"{text} {minutes}", sender=sender, text=text,
        at=NOON + timedelta(minutes=minutes), vault=vault(desk),
    )  # fmt: skip


def sent(desk: Desk, folder: Path) -> list[str]:
    """What telephones are sent by now, without the town's name before it, the welcome left out; in no order."""
    desk.conn.commit()
    messages_round(desk.conn, now=NOON, gateway=FileGateway(folder), secrets=desk.secrets)
    found = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    assert all(each["to"] == AS_THE_GATEWAY_SAYS for each in found)
    said = [each["text"].partition(": ")[2] for each in found]
    return sorted(each for each in said if "from now on" not in each and "A partir" not in each)


@pytest.mark.parametrize("text", ["BALANCE", " balance please", "ΥΠΟΛΟΙΠΟ", "υπόλοιπο", "Saldo", "solde?", "رصيد"])
def test_the_word_for_what_one_has_is_known_in_all_our_languages(text):
    assert rules.read(text).wish is Wish.BALANCE


def test_the_answer_says_the_amount_and_no_name_and_comes_once(desk, tmp_path):
    vault(desk).put(desk.town.parties["ana"], {"name": "Ana Martí", "phone": NUMBER})
    assert [writes(desk, "BALANCE", reference="m1") for _ in range(2)] == [Answer.BALANCE, Answer.REPEATED]
    [said] = sent(desk, tmp_path)
    assert said.startswith("You have")
    assert "100.00" in said
    assert "Ana" not in said


def test_a_number_nobody_bound_is_answered_by_nothing_and_kept_nowhere(desk):
    desk.town.household("rosa")
    vault(desk).put(desk.town.parties["rosa"], {"phone": "600 99 88 77"})
    assert writes(desk, "BALANCE", sender="+34600998877") is Answer.UNKNOWN
    assert writes(desk, "BALANCE", sender="+34600000000") is Answer.UNKNOWN
    assert desk.conn.execute("SELECT count(*) FROM helpdesk.text").fetchone() == (0,)
    # A number that is no longer the person's telephone is not theirs any more.
    vault(desk).put(desk.town.parties["ana"], {"phone": "600 55 55 55"})
    assert writes(desk, "BALANCE", sender="+34600555555") is Answer.UNKNOWN
    assert writes(desk, "BALANCE") is Answer.UNKNOWN


def test_a_number_that_several_have_cannot_be_bound(desk):
    desk.town.household("rosa")
    with pytest.raises(NumberShared):
        bind(desk, "rosa")
    with pytest.raises(NumberNotUsable):
        bind(desk, "rosa", "12")
    assert bind(desk) is False


def test_more_than_five_an_hour_are_not_answered_and_a_lock_is_obeyed_all_the_same(desk):
    card = desk.give("ana", pin=PIN)
    came = [writes(desk, "BALANCE", minutes=minute) for minute in range(7)]
    assert came == [Answer.BALANCE] * 5 + [Answer.LIMITED] * 2
    assert writes(desk, "LOCK", minutes=8) is Answer.LOCKED
    assert state(desk, card) == "blocked"
    assert writes(desk, "BALANCE", minutes=70) is Answer.BALANCE


def state(desk: Desk, card: Any) -> str:
    return instruments.card(desk.conn, town_id=desk.town.id, card_id=card.id).state.value


def test_lock_blocks_every_card_or_the_one_that_is_named_and_says_who_asked(desk):
    one, other = desk.give("ana", pin=PIN), desk.give("ana", pin=PIN)
    assert writes(desk, f"lock {one.number[-4:]}") is Answer.LOCKED
    assert [state(desk, card) for card in (one, other)] == ["blocked", "active"]
    writes(desk, "bloquear", minutes=1)
    assert state(desk, other) == "blocked"
    entry = desk.conn.execute("SELECT actor FROM audit.entry WHERE action = 'instruments.card-blocked'").fetchone()
    assert entry == (f"text:{desk.town.parties['ana']}",)
    assert desk.town.broken() == []


def test_after_stop_nothing_is_answered_until_the_number_is_bound_again(desk):
    assert writes(desk, "STOP") is Answer.STOPPED
    assert writes(desk, "BALANCE", minutes=1) is Answer.UNKNOWN
    assert bind(desk) is True
    assert writes(desk, "BALANCE", minutes=2) is Answer.BALANCE


def test_eight_messages_at_once_are_answered_five_times(desk, database):
    desk.conn.commit()

    def one(number: int) -> Answer:
        with psycopg.connect(database.app_url) as own, transaction(own):
            return texts.receive(
                own, town_id=desk.town.id, reference=str(number), sender=AS_THE_GATEWAY_SAYS, text="SALDO", at=NOON,
                vault=Vault(own, desk.secrets),
            )  # fmt: skip

    with ThreadPoolExecutor(8) as pool:
        came = sorted(pool.map(one, range(8)))
    assert came == [Answer.BALANCE] * 5 + [Answer.LIMITED] * 3


def test_a_folder_of_messages_is_taken_in_and_what_cannot_be_read_is_put_aside(desk, tmp_path):
    inbox = tmp_path / "in"
    inbox.mkdir()
    for name, content in {
        "1.json": {"reference": "a", "from": AS_THE_GATEWAY_SAYS, "text": "SALDO"},
        "2.json": {"reference": "b", "from": "+34611111111", "text": "SALDO"},
        "3.json": {"reference": "c", "from": 7},
        "4.json": {"reference": "d", "from": AS_THE_GATEWAY_SAYS, "text": "SALDO", "town": "elsewhere"},
    }.items():
        (inbox / name).write_text(json.dumps(content))
    desk.conn.commit()
    counted = inbox_round(desk.conn, now=NOON, inbox=FolderInbox(inbox), secrets=desk.secrets)
    assert counted == {Answer.BALANCE: 1, Answer.UNKNOWN: 1}
    assert sorted(path.name for path in inbox.iterdir()) == ["3.unreadable", "4.unreadable"]
    assert len(sent(desk, tmp_path / "out")) == 1


class Stuck(FolderInbox):
    """A folder from which this program may take nothing away."""

    def done(self, name: str) -> None:
        raise PermissionError(name)

    def put_aside(self, name: str) -> None:
        raise PermissionError(name)


def test_a_message_that_cannot_be_taken_away_is_answered_once_and_holds_up_no_other(desk, tmp_path):
    inbox = tmp_path / "in"
    inbox.mkdir()
    (inbox / "0.json").write_text("nothing")
    for name in ("a", "b"):
        said = {"reference": name, "from": AS_THE_GATEWAY_SAYS, "text": "SALDO"}
        (inbox / f"{name}.json").write_text(json.dumps(said))
    desk.conn.commit()
    counted = [
        inbox_round(desk.conn, now=NOON, inbox=Stuck(inbox), secrets=desk.secrets) for _ in range(2)
    ]  # fmt: skip
    assert counted == [{Answer.BALANCE: 2}, {Answer.REPEATED: 2}]
