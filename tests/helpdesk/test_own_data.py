"""What a town knows of somebody is theirs to see, to take along, and to have erased; how they are told is theirs to choose."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail

from koinon.audit import queries as trail
from koinon.casework.types import About
from koinon.db.checks import run_checks
from koinon.helpdesk import own_data
from koinon.jobs.messages import messages_round
from koinon.jobs.sms import FileGateway
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.outbox import messages
from koinon.outbox import queries as listeners
from koinon.parties import naming, preferences
from koinon.parties.errors import NoticeAlwaysSent, PartyErased
from koinon.parties.naming import Reader
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.payments import requesting
from tests.programmes import small_town
from tests.programmes.small_town import NOON, UNIT, SmallTown

ANA, OFFICER = "user:4", Reader("user:1", True)


@pytest.fixture
def town(database: Any, conn: Any) -> SmallTown:
    town = small_town.build(conn)
    town.household("ana")
    town.household("leila")
    conn.commit()
    return town


@pytest.fixture
def vault(town: SmallTown) -> Vault:
    found = Vault(town.conn, Secrets.fresh())
    found.put(town.parties["ana"], {"name": "Ana Pons", "phone": "600112233", "email": "ana@example.org"})
    found.put(town.parties["leila"], {"name": "Leila Amrani"})
    return found


def choose(town: SmallTown, **ways: str) -> list[str]:
    return preferences.choose_notices(
        town.conn, town_id=town.id, party_id=town.parties["ana"], ways=ways, actor=ANA, at=NOON
    )


def everything(town: SmallTown, vault: Vault) -> own_data.OwnData:
    return own_data.everything(
        town.conn, town_id=town.id, party=town.parties["ana"], vault=vault, actor=ANA, at=NOON
    )  # fmt: skip


def ask(town: SmallTown, vault: Vault, key: str) -> Any:
    return own_data.ask_for_erasure(
        town.conn, town_id=town.id, party=town.parties["ana"], words="All of it, please.", idempotency_key=key,
        actor=ANA, at=NOON, vault=vault,
    )  # fmt: skip


def test_all_that_is_known_of_somebody_and_nothing_of_others_comes_out_and_that_it_did_is_recorded(
    town: SmallTown, vault: Vault
) -> None:
    choose(town, money="sms")
    naming.personal_data(
        town.conn, town_id=town.id, party=town.parties["ana"], fields=["phone"], reader=OFFICER, reason="page:counter",
        at=NOON, secrets=vault._secrets,
    )  # fmt: skip
    ask(town, vault, "1")
    found = everything(town, vault)
    document = found.document()
    assert json.loads(json.dumps(document)) == document
    assert document["personal"][str(town.parties["ana"])]["name"] == "Ana Pons"
    assert document["notices"] == {"money": "sms"}
    assert [(one["about"], one["words"][0]["words"]) for one in document["complaints"]] == [
        ("data", "All of it, please.")
    ]
    assert [(one["who"], one["at_what"]) for one in document["looked_at_by"]] == [("user:1", ["phone"])]
    assert "Leila" not in json.dumps(document)
    assert "Ana" not in repr(found)
    entry = trail.entries_of_subject(town.conn, town_id=town.id, subject=f"party:{town.parties['ana']}")[0]
    assert (entry.action, entry.actor, entry.after) == ("parties.own-data-exported", ANA, None)


def test_what_is_long_ago_comes_out_too_and_however_often_somebody_looked(town: SmallTown, vault: Vault) -> None:
    ana = town.parties["ana"]
    requesting.ask(
        town.conn, town_id=town.id, payee=ana, amount=Amount(5_00, UNIT), lasts=timedelta(days=1),
        idempotency_key="1", actor=ANA, at=NOON, secrets=vault._secrets,
    )  # fmt: skip
    for _ in range(201):
        naming.personal_data(
            town.conn, town_id=town.id, party=ana, fields=["phone"], reader=OFFICER, reason="page:counter", at=NOON,
            secrets=vault._secrets,
        )  # fmt: skip
    later = NOON + timedelta(days=90)
    document = own_data.everything(
        town.conn, town_id=town.id, party=ana, vault=vault, actor=ANA, at=later
    ).document()  # fmt: skip
    assert [(one["minor"], one["state"]) for one in document["asked_to_be_paid"]] == [(5_00, "expired")]
    assert len(document["looked_at_by"]) == 201


def test_erasure_is_asked_for_once_and_answered_by_a_day(town: SmallTown, vault: Vault) -> None:
    first = ask(town, vault, "1")
    assert (first.about, first.due_day > NOON.date()) == (About.DATA, True)
    assert ask(town, vault, "2") == first  # While one is open there is no other.
    vault.erase(town.parties["ana"], actor="user:1", reason="request", at=NOON)
    with pytest.raises(PartyErased):
        everything(town, vault)


def test_a_choice_is_kept_taken_back_and_ends_with_the_data(town: SmallTown, vault: Vault) -> None:
    ana = town.parties["ana"]

    def told() -> list[list[str]]:
        return [notice.kinds for notice in listeners.notices(town.conn, town_id=town.id, party=ana)]

    assert choose(town, money="none", payment="sms") == ["money", "payment"]
    assert choose(town, money="none", payment="sms") == []
    assert [set(kinds) for kinds in told()] == [set(preferences.PAYMENT_KINDS)]
    with pytest.raises(NoticeAlwaysSent):
        choose(town, money="mail", card="none")
    assert preferences.notices(town.conn, party_id=ana) == {"money": "none", "payment": "sms"}
    assert choose(town, payment="") == ["payment"]
    assert told() == []
    vault.erase(ana, actor="user:1", reason="request", at=NOON)
    assert preferences.notices(town.conn, party_id=ana) == {}
    left = [one for one in run_checks(town.conn, town_id=town.id) if not one.passed]
    assert "erased_parties_left_nothing" not in {one.name for one in left}


def test_people_are_told_by_the_way_they_chose_or_not_at_all(town: SmallTown, tmp_path: Any) -> None:
    from django.test.utils import override_settings

    secrets = Secrets.fresh()
    Vault(town.conn, secrets).put(town.parties["ana"], {"phone": "600112233", "email": "ana@example.org"})

    def leave(kind: str) -> str:
        data = {"card": "9092", "amount_minor": 12_50, "last_day": "2026-12-31"}
        messages.leave(
            town.conn, town_id=town.id, message_id=new_id(), party=town.parties["ana"], kind=kind, at=NOON, data=data
        )  # fmt: skip
        town.conn.commit()
        with override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend"):
            mail.outbox = []
            messages_round(town.conn, now=NOON, gateway=FileGateway(tmp_path), secrets=secrets)
        newest = messages.of_party(town.conn, town_id=town.id, party=town.parties["ana"])[0]
        town.conn.commit()
        return newest.channel or newest.last_error

    assert leave("card.blocked") == "mail"
    choose(town, card="sms", money="none")
    assert [leave("card.blocked"), leave("fund.ending")] == ["sms", "not-wanted"]
    choose(town, money="")
    assert leave("fund.ending") == "mail"
