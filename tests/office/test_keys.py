"""The key outside the database is turned over while people read and write, and what it opened it opens no more."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from argon2 import PasswordHasher

from koinon.api.application import Api
from koinon.db.transactions import transaction
from koinon.instruments import operations as cards
from koinon.instruments import pin_seals, pins
from koinon.kernel.errors import KoinonError
from koinon.kernel.money import Amount
from koinon.office import keys
from koinon.office import operations as office
from koinon.office import queries as office_queries
from koinon.outbox import operations as outbox
from koinon.outbox.errors import SecretNotReadable
from koinon.parties.errors import (
    KeyInUse,
    KeyMissing,
    KeysBusy,
    KeyUnknown,
    NextKeyMissing,
    NextKeyUnfit,
    PartyErased,
    SealBroken,
)
from koinon.parties.secrets import FILE_NAME, Secrets
from koinon.parties.vault import Vault
from koinon.payments import requesting, shifts
from koinon.payments.shifts import Duty
from tests.instruments.desk import PIN, Desk
from tests.programmes import small_town
from tests.programmes.small_town import SmallTown

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
OFFICER = "user:1"
CASHIERS_PIN = "8204"
KINDS = {"people", "pins", "cashiers-pins", "cards-in-the-drawer", "webhooks"}


@dataclass
class Installation:
    """A town with everything that stands under the key, the folder of keys, and who turns them."""

    town: SmallTown
    folder: Path
    opened: keys.Opened
    people: dict[UUID, dict[str, str]]
    card: Any
    desk: Desk
    cashier: UUID
    endpoint: UUID

    @property
    def conn(self) -> psycopg.Connection[Any]:
        return self.town.conn

    @property
    def secrets(self) -> Secrets:
        return Secrets.load(self.folder)

    def turn(self) -> Secrets:
        return keys.turn(self.opened, self.secrets.with_next(), actor="cli:keys", at=NOW)

    def rewrap(self, **how: Any) -> dict[str, int]:
        return keys.rewrap(self.opened, self.secrets, at=NOW, **{"told": lambda *_: None, **how})

    def read(self, secrets: Secrets, conn: Any = None) -> dict[UUID, dict[str, str]]:
        own = conn or self.conn
        with transaction(own):
            return Vault(own, secrets).get_many(self.people)

    def everything_opens(self, secrets: Secrets) -> None:
        assert self.read(secrets) == self.people
        self.desk.secrets = secrets
        assert self.desk.ask(self.desk.scan(self.card), PIN) == "right"
        assert self.desk.ask(self.desk.scan(self.card), "903817") == "instruments.pin-wrong"
        assert self.desk.ask(self.desk.scan(self.card), PIN) == "right"
        at_the_till = shifts.ask(
            self.opened, town_id=self.town.id, payee=self.town.parties["forn"], cashier_id=self.cashier,
            pin=CASHIERS_PIN, at=NOW, secrets=secrets,
        )  # fmt: skip
        assert at_the_till.name == "Rosa"
        with self.opened() as conn:
            printed = cards.printable(
                conn, town_id=self.town.id, cards=[self.drawer], actor=OFFICER, at=NOW, secrets=secrets
            )
            outbox.rotate_secret(
                conn, town_id=self.town.id, endpoint_id=self.endpoint, keys=secrets, actor=OFFICER, at=NOW
            )
        assert [one.token for one in printed] == [self.desk.tokens[self.drawer]]

    @property
    def drawer(self) -> UUID:
        return next(card for card in self.desk.tokens if card != self.card.id)

    def trail(self, action: str) -> list[tuple[str, str]]:
        with transaction(self.conn):
            return self.conn.execute(
                "SELECT actor, subject FROM audit.entry WHERE action = %s ORDER BY id", [action]
            ).fetchall()

    def under(self) -> dict[str, int]:
        """How many people stand under each key."""
        with transaction(self.conn):
            return dict(self.conn.execute("SELECT key_id, count(*) FROM parties_vaultentry GROUP BY key_id").fetchall())


@pytest.fixture(autouse=True)
def quick(monkeypatch: Any) -> None:
    """Argon2id with less memory: how long a look takes is not what these tests are about."""
    for module in (pins, shifts):
        monkeypatch.setattr(module, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def here(database: Any, conn: Any, tmp_path: Path) -> Installation:
    town = small_town.build(conn)
    town.shop("forn")
    names = [f"person {number}" for number in range(12)]
    for name in names:
        town.household(name)
    folder = tmp_path / "keys"
    secrets = Secrets.load(folder)
    people = {town.parties[name]: {"name": name.title(), "identifier": f"9900{name[7:]:0>4}C"} for name in names}
    Vault(conn, secrets).put_many(people)
    desk = Desk(town, secrets)
    card = desk.give("person 0", pin=PIN)
    desk.make()
    rosa = shifts.add_cashier(
        conn, town_id=town.id, payee=town.parties["forn"], name="Rosa", role=Duty.MANAGER, pin=CASHIERS_PIN, key="1",
        actor=OFFICER, at=NOW, secrets=secrets,
    )  # fmt: skip
    made = outbox.add_endpoint(
        conn, town_id=town.id, url="https://shop.example/", kinds=["payment.posted"], keys=secrets, actor=OFFICER,
        at=NOW,
    )  # fmt: skip
    conn.commit()
    return Installation(town, folder, opened_on(conn), people, card, desk, rosa.id, made.endpoint.id)


def opened_on(conn: psycopg.Connection[Any]) -> keys.Opened:
    @contextmanager
    def opened() -> Iterator[psycopg.Connection[Any]]:
        with transaction(conn):
            yield conn

    return opened


# Turning over


def test_after_a_turn_everything_opens_with_the_new_key_alone_and_nothing_with_the_old_one_alone(here):
    before = here.secrets
    sealed = here.conn.execute("SELECT party_id, sealed::text FROM parties_vaultentry ORDER BY 1").fetchall()
    here.conn.commit()
    here.turn()

    # Thirteen people: the twelve, and the shop, whose key seals the name of its cashier.
    assert here.rewrap(batch=5) == {
        "people": 13, "pins": 1, "cashiers-pins": 1, "cards-in-the-drawer": 1, "webhooks": 1,
    }  # fmt: skip

    after = here.secrets
    here.everything_opens(after)
    here.everything_opens(after.without(before.current))
    with pytest.raises(KeyMissing):
        here.read(Secrets(before.current, before.keys, before.lookup))
    unread = here.conn.execute("SELECT party_id, sealed::text FROM parties_vaultentry ORDER BY 1").fetchall()
    assert unread == sealed  # What is sealed was not touched, nor opened.
    assert here.town.broken() == []


def test_turning_and_wrapping_again_finds_nothing_to_do(here):
    turned = here.turn()
    here.rewrap()
    file = (here.folder / FILE_NAME).read_bytes()

    again = keys.turn(here.opened, here.secrets, actor="cli:keys", at=NOW + timedelta(hours=1))

    assert again == turned
    assert (here.folder / FILE_NAME).read_bytes() == file
    assert here.rewrap() == dict.fromkeys(KINDS, 0)
    assert here.trail("parties.key-turned") == [("cli:keys", f"key:{turned.current}")]


def test_a_turn_that_was_killed_as_the_file_was_replaced_is_in_the_trail_after_the_next_call(here, monkeypatch):
    turned = Secrets.turned

    def killed(secrets: Secrets, *, at: datetime) -> Secrets:
        turned(secrets, at=at)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Secrets, "turned", killed)
        with pytest.raises(Killed):
            here.turn()
    assert told_of(here, here.secrets.current) == []

    keys.turn(here.opened, here.secrets, actor="cli:keys", at=NOW)

    assert told_of(here, here.secrets.current) == ["parties.key-turned"]
    assert sum(here.rewrap().values()) == 17


@pytest.mark.parametrize("batches", [0, 1, 2, 4])
def test_a_turn_that_ended_after_any_batch_goes_on_where_it_was(here, batches):
    here.turn()
    count = 0

    def told(*_: Any) -> None:
        nonlocal count
        if count == batches:
            raise Killed
        count += 1

    with pytest.raises(Killed):
        here.rewrap(batch=3, told=told)
    here.everything_opens(here.secrets)
    moved = here.under()[here.secrets.current]
    assert moved == min(3 * (batches + 1), 13)

    keys.turn(here.opened, here.secrets, actor="cli:keys", at=NOW)
    assert here.rewrap(batch=3)["people"] == 13 - moved
    assert here.under() == {here.secrets.current: 13}


def test_people_are_read_and_taken_in_at_every_moment_by_a_server_that_knows_both_keys(here, connect_again):
    """One that read the file when the new key waited, and so goes on wrapping by the old one; and one from before that."""
    ancient = here.secrets
    server = here.secrets.with_next()
    failed: list[BaseException] = []
    rounds: list[int] = []
    stop = threading.Event()
    newcomers = [here.town.household(f"newcomer {number}") for number in range(40)]
    here.conn.commit()
    here.turn()

    def serve(secrets: Secrets, arriving: list[UUID]) -> None:
        own = connect_again()
        try:
            while not stop.is_set() or arriving:
                assert here.read(secrets, own) == here.people
                if arriving:
                    with transaction(own):
                        Vault(own, secrets).put(arriving.pop(), {"name": "Somebody New"})
                rounds.append(1)
        except BaseException as wrong:  # noqa: BLE001  Said by the test, not by the thread.
            failed.append(wrong)

    threads = [
        threading.Thread(target=serve, args=(server, newcomers[:20])),
        threading.Thread(target=serve, args=(ancient, newcomers[20:])),
    ]
    for thread in threads:
        thread.start()
    here.rewrap(batch=1)
    stop.set()
    for thread in threads:
        thread.join()

    assert (failed, len(rounds) >= 40) == ([], True)
    here.rewrap()
    assert here.under() == {here.secrets.current: 53}


def test_who_was_erased_before_or_meanwhile_stays_unreadable(here):
    gone, going = list(here.people)[:2]
    vault = Vault(here.conn, here.secrets)
    erase: dict[str, Any] = {"actor": OFFICER, "reason": "asked", "at": NOW}
    vault.erase(gone, **erase)
    here.conn.commit()
    here.turn()

    def told(what: str, *_: Any) -> None:
        if what == "people" and going in here.people:
            with here.opened() as conn:
                Vault(conn, here.secrets).erase(going, **erase)
            del here.people[going]

    assert here.rewrap(batch=1, told=told)["people"] in (11, 12)

    assert set(here.read(here.secrets)) == set(here.people) - {gone}
    with here.opened() as conn:
        for party in (gone, going):
            assert Vault(conn, here.secrets).get(party) == {}
            with pytest.raises(PartyErased):
                Vault(conn, here.secrets).put(party, {"name": "Back"})


def test_somebody_whose_entry_is_being_written_is_passed_over_and_wrapped_later(here, connect_again):
    here.turn()
    somebody, other = list(here.people)[4], connect_again()
    Vault(other, here.secrets).put(somebody, {"phone": "600112233"})

    with pytest.raises(KeysBusy) as refused:
        here.rewrap(patience=0.3)
    assert refused.value.left == 1
    other.commit()

    assert here.rewrap()["people"] == 1
    assert here.read(here.secrets)[somebody]["phone"] == "600112233"


def test_who_is_writing_is_waited_for_from_the_first_pass_on_however_long_that_took(here, connect_again):
    here.turn()
    somebody, other = list(here.people)[4], connect_again()
    Vault(other, here.secrets).put(somebody, {"phone": "600112233"})

    def told(what: str, *_: Any) -> None:
        if what == "webhooks":  # The last of the pass.
            other.commit()

    assert here.rewrap(told=told, patience=0.0)["people"] == 13
    assert here.under() == {here.secrets.current: 13}


def test_two_who_wrap_at_once_share_the_work(here, connect_again):
    here.turn()
    secrets, done = here.secrets, []

    def one() -> None:
        done.append(keys.rewrap(opened_on(connect_again()), secrets, at=NOW, told=lambda *_: None, batch=1)["people"])

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(done) == 13
    here.everything_opens(secrets)


def test_the_api_signs_and_seals_by_the_new_key_from_the_turn_on_without_a_restart(here, database, monkeypatch):
    monkeypatch.setenv("KOINON_SECRETS", str(here.folder))
    api = Api(database.app_url)
    assert api.secrets().current == here.secrets.current
    turned = here.turn()
    assert api.secrets() == turned


# What is refused


def test_without_a_key_that_waits_there_is_nothing_to_turn_to(here):
    file = (here.folder / FILE_NAME).read_bytes()
    with pytest.raises(NextKeyMissing):
        keys.turn(here.opened, here.secrets, actor="cli:keys", at=NOW)
    assert (here.folder / FILE_NAME).read_bytes() == file
    assert here.trail("parties.key-turned") == []


def test_a_key_that_is_the_old_one_again_or_is_not_there_is_refused_and_nothing_changes(here):
    path = here.folder / FILE_NAME
    document = json.loads(path.read_text())
    old = document["keys"][document["current"]]
    for changed, reason in (
        ({**document, "next": document["current"]}, "the same as"),
        ({**document, "next": "n", "keys": {**document["keys"], "n": old}}, "the same as"),
        ({**document, "next": "n", "keys": {**document["keys"], "n": document["lookup"]}}, "the key for lookups"),
        ({**document, "next": "n"}, "not among the keys"),
    ):
        path.write_text(json.dumps(changed))
        with pytest.raises(NextKeyUnfit, match=reason) as refused:
            keys.turn(here.opened, here.secrets, actor="cli:keys", at=NOW)
        assert old not in str(refused.value) + str(refused.value.fields)
        assert json.loads(path.read_text()) == changed
        here.everything_opens(here.secrets)  # The site goes on with the key it had.
    assert here.trail("parties.key-turned") == []


def test_where_the_file_lacks_a_key_that_somebody_is_under_nothing_is_begun(here):
    stranger = Secrets("other", {"other": b"x" * 32}, here.secrets.lookup).with_next()
    with pytest.raises(KeyMissing):
        keys.turn(here.opened, stranger, actor="cli:keys", at=NOW)
    assert here.under() == {here.secrets.current: 13}


def test_a_row_that_was_tampered_with_is_named_and_the_others_stay_as_they_are(here):
    ill = list(here.people)[7]
    with here.opened() as conn:
        conn.execute("UPDATE parties_vaultentry SET wrapped_key = '\\x00' WHERE party_id = %s", [ill])
    here.turn()
    with pytest.raises(SealBroken) as refused:
        here.rewrap(batch=1)
    assert refused.value.fields == {"place": f"party:{ill}"}
    del here.people[ill]
    assert here.read(here.secrets) == here.people


def test_a_cards_code_and_a_webhook_that_do_not_open_are_named_and_the_turn_ends_when_they_are_put_right(here):
    with here.opened() as conn:
        [kept] = conn.execute("SELECT sealed_token FROM instruments.card WHERE id = %s", [here.drawer]).fetchone()
        conn.execute("UPDATE instruments.card SET sealed_token = '\\x00' WHERE id = %s", [here.drawer])
        conn.execute("UPDATE outbox.listener SET secret = '\\x00' WHERE id = %s", [here.endpoint])
    here.turn()
    with pytest.raises(SealBroken) as refused:
        here.rewrap()
    assert refused.value.fields == {"place": f"card:{here.drawer}"}
    with here.opened() as conn:
        conn.execute("UPDATE instruments.card SET sealed_token = %s WHERE id = %s", [kept, here.drawer])
    with pytest.raises(SecretNotReadable) as unreadable:
        here.rewrap()
    assert unreadable.value.endpoint == here.endpoint
    with here.opened() as conn:
        outbox.remove_endpoint(conn, town_id=here.town.id, endpoint_id=here.endpoint, actor=OFFICER, at=NOW)
    here.rewrap()
    assert here.read(here.secrets) == here.people


# PINs


def test_a_pins_hash_does_not_open_without_the_key_it_is_sealed_under_nor_in_another_place(here):
    [(kept,)] = here.conn.execute("SELECT hash FROM instruments.pin").fetchall()
    here.conn.commit()
    place = pins._seal_place(here.town.id, here.card.id)
    assert f",keyid={here.secrets.current}$" in kept
    plain = pin_seals.opened(here.secrets, place, kept)
    assert plain.startswith("$argon2id$")
    assert plain.rpartition("$")[2] not in kept
    with pytest.raises(SealBroken):
        pin_seals.opened(here.secrets, pins._seal_place(here.town.id, uuid4()), kept)
    with pytest.raises(SealBroken):
        pin_seals.opened(here.secrets, place, kept[:-3])
    here.turn()
    here.rewrap()
    [(anew,)] = here.conn.execute("SELECT hash FROM instruments.pin").fetchall()
    here.conn.commit()
    assert pin_seals.opened(here.secrets, place, anew) == plain
    with pytest.raises(KeyMissing):
        pin_seals.opened(Secrets("a", {"a": b"x" * 32}, here.secrets.lookup), place, anew)


def test_a_machine_that_lacks_the_new_key_locks_nobody_out_with_tries_that_it_cannot_look_at(here):
    before = here.secrets
    elsewhere = Secrets(current=before.current, keys=before.keys, lookup=before.lookup)  # Its file was not copied yet.
    here.turn()
    here.rewrap()
    here.desk.secrets = elsewhere
    assert {here.desk.ask(here.desk.scan(here.card), PIN) for _ in range(9)} == {KeyMissing.code}
    for _ in range(9):
        with pytest.raises(KeyMissing):
            shifts.ask(
                here.opened, town_id=here.town.id, payee=here.town.parties["forn"], cashier_id=here.cashier,
                pin=CASHIERS_PIN, at=NOW, secrets=elsewhere,
            )  # fmt: skip
    here.everything_opens(here.secrets)


def test_pins_from_before_hashes_were_sealed_are_good_and_are_sealed_by_the_next_turn(here):
    secrets = here.secrets
    for table, column, place in (
        ("instruments.pin", "hash", pins._seal_place(here.town.id, here.card.id)),
        ("payments.cashier", "pin_hash", shifts._seal_place(here.town.id, here.cashier)),
    ):
        with here.opened() as conn:
            [(kept,)] = conn.execute(f"SELECT {column} FROM {table}").fetchall()
            conn.execute(f"UPDATE {table} SET {column} = %s", [pin_seals.opened(secrets, place, kept)])
    here.everything_opens(secrets)
    with here.opened() as conn:
        assert keys.left(conn, secrets, at=NOW) == {**dict.fromkeys(KINDS, 0), "pins": 1, "cashiers-pins": 1}

    here.turn()
    done = here.rewrap()

    assert (done["pins"], done["cashiers-pins"]) == (1, 1)
    here.everything_opens(here.secrets.without(secrets.current))


# When the old key may go


def free_from(here: Installation, key_id: str, at: datetime = NOW) -> datetime | None:
    with here.opened() as conn:
        return next(one.free_from for one in keys.standing(conn, here.secrets, at=at) if one.key_id == key_id)


def destroy(here: Installation, key_id: str, at: datetime) -> str:
    """ "destroyed", or the code of the refusal."""
    try:
        keys.destroy(here.opened, here.secrets, key_id=key_id, actor="cli:keys", at=at)
    except KoinonError as refused:
        return refused.code
    return "destroyed"


class Killed(Exception):
    """The program ends here."""


def killed_while_destroying(here: Installation, key_id: str, monkeypatch: Any, *, replaced: bool) -> None:
    """As the file is replaced: just before it was, or just after."""
    without = Secrets.without

    def killed(secrets: Secrets, key_id: str) -> Secrets:
        if replaced:
            without(secrets, key_id)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Secrets, "without", killed)
        with pytest.raises(Killed):
            destroy(here, key_id, NOW + timedelta(days=1))


def told_of(here: Installation, key_id: str) -> list[str]:
    """The acts on a key in the trail, in their order."""
    with transaction(here.conn):
        subject = f"key:{key_id}"
        rows = here.conn.execute("SELECT action FROM audit.entry WHERE subject = %s ORDER BY id", [subject]).fetchall()
    return [action for (action,) in rows]


def test_an_old_key_goes_a_day_after_the_turn_once_nothing_stands_under_it_and_takes_old_copies_with_it(here):
    old, later = here.secrets.current, NOW + timedelta(days=1)
    copied = here.conn.execute("SELECT party_id, wrapped_key, key_id FROM parties_vaultentry").fetchall()
    here.conn.commit()
    assert destroy(here, old, later) == KeyInUse.code
    assert destroy(here, here.secrets.with_next().next, later) == KeyInUse.code
    here.turn()
    assert (free_from(here, old), destroy(here, old, later)) == (None, KeyInUse.code)
    here.rewrap()
    assert free_from(here, old) == later
    assert destroy(here, old, later - timedelta(seconds=1)) == KeyInUse.code
    assert destroy(here, here.secrets.current, later) == KeyInUse.code
    assert destroy(here, "no-such-key", later) == KeyUnknown.code

    assert destroy(here, old, later) == "destroyed"

    assert list(here.secrets.keys) == [here.secrets.current]
    assert here.trail("parties.key-destroyed") == [("cli:keys", f"key:{old}")]
    here.everything_opens(here.secrets)
    with here.opened() as conn:  # Somebody puts the backup from before back: nobody in it can be read.
        for party, wrapped, key_id in copied:
            conn.execute(
                "UPDATE parties_vaultentry SET wrapped_key = %s, key_id = %s WHERE party_id = %s",
                [wrapped, key_id, party],
            )
    with pytest.raises(KeyMissing):
        here.read(here.secrets)


@pytest.mark.parametrize("replaced", [False, True])
def test_a_key_whose_destruction_was_killed_is_in_the_trail_at_every_moment_and_a_second_call_ends_it(
    here, monkeypatch, replaced
):
    old, later = here.secrets.current, NOW + timedelta(days=1)
    here.turn()
    here.rewrap()
    killed_while_destroying(here, old, monkeypatch, replaced=replaced)
    assert (old in here.secrets.keys) is not replaced
    assert told_of(here, old) == ["parties.key-destruction-begun"]

    assert destroy(here, old, later) == "destroyed"

    assert list(here.secrets.keys) == [here.secrets.current]
    assert told_of(here, old) == ["parties.key-destruction-begun", "parties.key-destroyed"]
    assert destroy(here, old, later) == KeyUnknown.code


def test_a_key_that_is_missing_in_another_file_is_not_told_to_be_destroyed(here, monkeypatch, tmp_path):
    old = here.secrets.current
    here.turn()
    here.rewrap()
    killed_while_destroying(here, old, monkeypatch, replaced=False)
    strange = Secrets.load(tmp_path / "another")
    with pytest.raises(KeyMissing):
        keys.destroy(here.opened, strange, key_id=old, actor="cli:keys", at=NOW + timedelta(days=1))
    assert told_of(here, old) == ["parties.key-destruction-begun"]


def test_a_key_that_came_back_with_an_old_file_is_told_again_when_it_is_destroyed_again(here):
    old, later = here.secrets.current, NOW + timedelta(days=1)
    here.turn()
    here.rewrap()
    before = (here.folder / FILE_NAME).read_bytes()
    assert destroy(here, old, later) == "destroyed"
    (here.folder / FILE_NAME).write_bytes(before)
    assert destroy(here, old, later) == "destroyed"
    assert told_of(here, old) == ["parties.key-destruction-begun", "parties.key-destroyed"] * 2


def test_a_database_that_holds_nothing_under_either_key_does_not_let_the_old_one_be_destroyed(database, conn, tmp_path):
    small_town.build(conn)
    conn.commit()
    old = Secrets.load(tmp_path)
    turned = old.with_next().turned(at=NOW)  # Everybody stands in another database, and under the old key there.
    with pytest.raises(KeyInUse, match="is it the one of this file"):
        keys.destroy(opened_on(conn), turned, key_id=old.current, actor="cli:keys", at=NOW + timedelta(days=2))
    assert set(Secrets.load(tmp_path).keys) == set(turned.keys)


def test_a_payment_request_signed_by_the_old_key_can_be_paid_to_its_end_and_keeps_the_key_until_then(here):
    old, until = here.secrets.current, NOW + timedelta(days=9)
    with here.opened() as conn:
        request = requesting.ask(
            conn, town_id=here.town.id, payee=here.town.parties["forn"], amount=Amount(12_50, "REC"),
            lasts=timedelta(days=9), idempotency_key="1", actor=OFFICER, at=NOW, secrets=here.secrets,
        )  # fmt: skip
    here.turn()
    here.rewrap()

    requesting.payable(request, town_id=here.town.id, at=NOW, secrets=here.secrets)
    assert free_from(here, old) == until
    assert destroy(here, old, until - timedelta(minutes=1)) == KeyInUse.code
    assert destroy(here, old, until) == "destroyed"


def test_a_file_that_somebody_looks_at_meanwhile_is_there_to_the_end_of_its_hour(here):
    with here.opened() as conn:
        sent = office.keep_upload(
            conn, town_id=here.town.id, user_id=7, kind="awards", file_name="a.csv", content=b"a;b", at=NOW,
            secrets=here.secrets,
        )  # fmt: skip
    here.turn()
    here.rewrap()
    with here.opened() as conn:
        look = {"town_id": here.town.id, "upload_id": sent, "user_id": 7, "secrets": here.secrets}
        assert office_queries.upload(conn, **look, at=NOW + timedelta(minutes=59)).content == b"a;b"
        under = {one.key_id: one.held for one in keys.standing(conn, here.secrets, at=NOW)}
    assert [held.get("files-looked-at") for held in under.values()] == [1, None]
