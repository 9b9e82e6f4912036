"""Personal data: sealed, found again, erased for good, and nowhere else."""

from __future__ import annotations

import time
import traceback
from datetime import date
from uuid import UUID

import psycopg
import pytest

from koinon.ledger import operations as ledger
from koinon.ledger import queries as books
from koinon.ledger import seals
from koinon.parties.errors import IdentifierTaken, KeyMissing, PartyErased, PartyNotFound, SealBroken
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from tests.programmes.small_town import NOON, OFFICER, build

ANA = {
    "name": "Ana Puigdevall i Ferrer",
    "identifier": "12.345.678-Z",
    "phone": "600 11 22 33",
    "email": "Ana.Puigdevall@example.org",
    "birth_date": "1987-03-14",
    "iban": "ES91 2100 0418 4502 0005 1332",
}


@pytest.fixture
def secrets() -> Secrets:
    return Secrets.fresh()


@pytest.fixture
def town(conn):
    town = build(conn)
    town.household("home")
    town.person("ana", household="home")
    town.person("pere", household="home")
    return town


@pytest.fixture
def vault(town, secrets) -> Vault:
    return Vault(town.conn, secrets)


def test_what_is_put_is_got_and_fields_not_named_stay(town, vault):
    ana = town.parties["ana"]
    vault.put(ana, ANA)
    vault.put(ana, {"phone": "", "name": "Ana Puig"})
    assert vault.get(ana) == {**{name: value for name, value in ANA.items() if name != "phone"}, "name": "Ana Puig"}
    assert vault.get(ana, ["name"]) == {"name": "Ana Puig"}
    assert vault.get(town.parties["pere"]) == {}


def test_a_second_import_of_the_same_data_writes_nothing(town, vault):
    ana = town.parties["ana"]
    assert vault.put(ana, ANA) is True
    before = town.conn.execute("SELECT wrapped_key, sealed::text FROM parties_vaultentry").fetchall()
    assert vault.put(ana, ANA) is False
    assert vault.put(ana, {"name": ANA["name"]}) is False
    assert town.conn.execute("SELECT wrapped_key, sealed::text FROM parties_vaultentry").fetchall() == before


@pytest.mark.parametrize(
    ("kind", "typed"),
    [
        ("identifier", "12345678z"),
        ("identifier", " 12 345 678 - Z"),
        ("phone", "+34 600-112-233"),
        ("phone", "0034600112233"),
        ("email", "ana.puigdevall@EXAMPLE.org "),
        ("iban", "es9121000418450200051332"),
    ],
)
def test_a_party_is_found_however_the_value_is_typed(town, vault, kind, typed):
    vault.put(town.parties["ana"], ANA)
    assert vault.find(town.id, kind, typed) == town.parties["ana"]
    assert vault.find(town.id + 1, kind, typed) is None


def test_a_changed_value_is_no_longer_found_under_the_old_one(town, vault):
    ana = town.parties["ana"]
    vault.put(ana, ANA)
    vault.put(ana, {"identifier": "X1234567L", "email": ""})
    assert vault.find(town.id, "identifier", "12345678Z") is None
    assert vault.find(town.id, "identifier", "X1234567L") == ana
    assert vault.find(town.id, "email", ANA["email"]) is None


def test_an_identifier_names_one_party_but_a_family_may_share_a_telephone(town, vault):
    ana, pere = town.parties["ana"], town.parties["pere"]
    vault.put(ana, ANA)
    with pytest.raises(IdentifierTaken) as refused:
        vault.put(pere, {"name": "Pere", "identifier": "12345678 z"})
    assert refused.value.fields == {"party_id": str(pere), "holder": str(ana)}
    assert vault.get(pere) == {}
    vault.put(pere, {"name": "Pere", "phone": "600112233"})
    assert vault.find(town.id, "phone", "600112233") is None
    assert set(vault.find_all(town.id, "phone", "600112233")) == {ana, pere}


def test_many_are_found_at_once_as_each_would_be_found_alone(town, vault):
    vault.put(town.parties["ana"], ANA)
    vault.put(town.parties["pere"], {"identifier": "X1234567L", "phone": ANA["phone"]})
    typed = ["12345678z", "12.345.678-Z", "X-1234567-L", "", "99999999R"]
    assert vault.find_many(town.id, "identifier", typed) == {
        "12345678z": town.parties["ana"],
        "12.345.678-Z": town.parties["ana"],
        "X-1234567-L": town.parties["pere"],
    }
    assert vault.find_many(town.id, "phone", ["600112233"]) == {}
    assert vault.find_many(town.id + 1, "identifier", typed) == {}
    assert vault.find_many(town.id, "identifier", []) == {}


def test_two_in_one_import_with_one_identifier_are_refused_together(town, vault):
    people = {town.parties[name]: {"identifier": "12345678Z"} for name in ("ana", "pere")}
    with pytest.raises(IdentifierTaken):
        vault.put_many(people)
    assert town.conn.execute("SELECT count(*) FROM parties_vaultentry").fetchone() == (0,)


def test_the_same_identifier_in_two_towns_is_two_parties(town, vault):
    other = build(town.conn, slug="other")
    other.person("ana")
    vault.put(town.parties["ana"], ANA)
    vault.put(other.parties["ana"], ANA)
    assert vault.find(other.id, "identifier", ANA["identifier"]) == other.parties["ana"]
    digests = town.conn.execute("SELECT count(DISTINCT digest) FROM parties_vaultlookup").fetchone()
    assert digests == (8,)  # Four kinds, each hashed with its town.


def test_fifteen_hundred_people_are_sealed_within_seconds(town, vault):
    people = {}
    for number in range(1500):
        people[town.person(f"p{number}")] = {**ANA, "identifier": f"{number:08d}T", "name": f"Person {number}"}
    began = time.process_time()
    assert vault.put_many(people) == 1500
    assert vault.get_many(people)[next(iter(people))]["identifier"] == "00000000T"
    assert time.process_time() - began < 5


def test_a_value_moved_to_another_party_field_or_town_does_not_open(town, vault):
    ana, pere = town.parties["ana"], town.parties["pere"]
    vault.put(ana, ANA)
    vault.put(pere, {"name": "Pere"})
    swapped = "sealed = jsonb_set(sealed, '{name}', sealed->'identifier')"
    borrowed = "(wrapped_key, sealed) = (SELECT wrapped_key, sealed FROM parties_vaultentry WHERE party_id = %(pere)s)"
    cut_short = "wrapped_key = decode('00', 'hex')"
    for tampering in (swapped, borrowed, cut_short):
        town.conn.execute("SAVEPOINT here")
        town.conn.execute(
            f"UPDATE parties_vaultentry SET {tampering} WHERE party_id = %(ana)s", {"ana": ana, "pere": pere}
        )
        with pytest.raises(SealBroken):
            vault.get(ana)
        town.conn.execute("ROLLBACK TO SAVEPOINT here")


def test_without_the_right_secrets_nothing_opens(town, vault, secrets):
    vault.put(town.parties["ana"], ANA)
    with pytest.raises(KeyMissing):
        Vault(town.conn, Secrets("other", {"other": b"x" * 32}, secrets.lookup)).get(town.parties["ana"])
    stranger = Secrets(secrets.current, {secrets.current: b"x" * 32}, b"y" * 32)
    with pytest.raises(SealBroken):
        Vault(town.conn, stranger).get(town.parties["ana"])
    assert Vault(town.conn, stranger).find(town.id, "identifier", ANA["identifier"]) is None


def test_a_new_key_takes_over_without_touching_the_data(town, vault, secrets):
    vault.put_many({town.parties["ana"]: ANA, town.parties["pere"]: {"name": "Pere"}})
    turned = Vault(town.conn, secrets.with_next().turned(at=NOON))
    assert turned.get(town.parties["ana"]) == ANA
    sealed = town.conn.execute("SELECT sealed::text FROM parties_vaultentry ORDER BY party_id").fetchall()
    both = sorted(town.parties[name] for name in ("ana", "pere"))
    assert [turned.rewrap(limit=1), turned.rewrap(limit=1), turned.rewrap()] == [both[:1], both[1:], []]
    assert town.conn.execute("SELECT sealed::text FROM parties_vaultentry ORDER BY party_id").fetchall() == sealed
    only_new = Vault(town.conn, turned._secrets.without(secrets.current))
    assert only_new.get(town.parties["ana"]) == ANA
    assert only_new.find(town.id, "identifier", ANA["identifier"]) == town.parties["ana"]


def test_a_person_who_looks_is_recorded_with_fields_and_reason_but_no_values(town, vault):
    vault.put(town.parties["ana"], ANA)
    seen = vault.reveal([town.parties["ana"]], ["name"], actor=OFFICER, reason="letter", at=NOON)
    assert seen == {town.parties["ana"]: {"name": ANA["name"]}}
    (row,) = town.conn.execute("SELECT actor, action, subject, reason, after FROM audit.entry").fetchall()
    assert row == (OFFICER, "parties.revealed", f"party:{town.parties['ana']}", "letter", {"fields": ["name"]})


def test_nothing_personal_and_no_key_shows_in_repr_or_tracebacks(town, vault, secrets):
    vault.put(town.parties["ana"], ANA)
    told = [repr(vault), repr(secrets), str(secrets)]
    with pytest.raises(IdentifierTaken) as refused:
        vault.put(town.parties["pere"], {"identifier": ANA["identifier"]})
    told += ["".join(traceback.format_exception(refused.value)), str(refused.value.fields)]
    for text in told:
        assert not any(value in text for value in ANA.values())
        assert "12345678Z" not in text
        assert str(secrets.lookup) not in text


def test_parties_unknown_or_erased_are_refused(town, vault):
    with pytest.raises(PartyNotFound):
        vault.put(UUID(int=5), ANA)
    vault.erase(town.parties["ana"], actor=OFFICER, reason="asked", at=NOON)
    with pytest.raises(PartyErased):
        vault.put(town.parties["ana"], ANA)


# Erasure


def everything_in(conn: psycopg.Connection) -> str:
    """The text of every row of every table that is not the database's own."""
    tables = conn.execute(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
        "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    ).fetchall()
    assert len(tables) > 25
    return "\n".join(
        str(row[0])
        for (table,) in tables
        for row in conn.execute(f"SELECT t::text FROM {table} AS t").fetchall()  # type: ignore[arg-type]
    )


def test_erasing_a_person_leaves_the_books_whole_and_the_person_nowhere(database, conn, owner_conn, tmp_path):
    town = build(conn)
    town.fund("aid", last_day=date(2026, 12, 31))
    town.household("home")
    town.person("ana", household="home")
    town.shop("forn")
    town.give("home", "aid", "50.00")
    town.fund("gift", rule={"peers_allowed": True})
    town.give("home", "gift", "9.00")
    town.pay_for("home", "ana", "9.00")
    town.pay_for("ana", "forn", "4.00")
    ana, home, forn = (town.parties[name] for name in ("ana", "home", "forn"))
    user = town.user("ana.puig", "resident", party="ana", email="ana.puig@example.org")
    conn.execute(
        "INSERT INTO account_emailaddress (email, verified, \"primary\", user_id) VALUES ('ana.puig@example.org', TRUE, TRUE, %s)",
        [user],
    )
    vault = Vault(conn, Secrets.load(tmp_path))
    vault.put_many({ana: ANA, home: {"address": "Carrer del Rec 7"}, forn: {"name": "Forn Vell", "iban": ANA["iban"]}})
    conn.commit()
    block = ledger.seal(conn, town_id=town.id, at=NOON)
    conn.commit()
    assert block is not None
    before = [books.totals(conn, town_id=town.id), books.accounts_of(conn, town_id=town.id, holder=ana)]

    assert "ana.puig" in everything_in(owner_conn)

    vault.erase(ana, actor=OFFICER, reason="asked", at=NOON)
    vault.erase(ana, actor=OFFICER, reason="asked again", at=NOON)
    conn.commit()

    assert before == [books.totals(conn, town_id=town.id), books.accounts_of(conn, town_id=town.id, holder=ana)]
    assert town.broken() == []
    seals.verify(conn, town_id=town.id)
    assert books.head(conn, town_id=town.id) == block
    assert town.audited().count("parties.erased") == 1
    assert vault.get(ana) == {}
    assert vault.find(town.id, "identifier", ANA["identifier"]) is None
    assert vault.get(home) == {"address": "Carrer del Rec 7"}
    left = everything_in(owner_conn).casefold()
    for trace in ("Puigdevall", "12345678", "600112233", "ana.puig", "1987-03-14", "Ana "):
        assert trace.casefold() not in left
    assert conn.execute("SELECT count(*) FROM parties_vaultentry WHERE party_id = %s", [ana]).fetchone() == (0,)


def test_a_sole_traders_sign_comes_down_and_the_shop_takes_no_more_payments(town, vault):
    town.fund("aid")
    town.household("buyer")
    town.give("buyer", "aid", "5.00")
    town.shop("forn de la ana")
    vault.erase(town.parties["forn de la ana"], actor=OFFICER, reason="asked", at=NOON)
    assert town.grounds("buyer", "forn de la ana", "1.00") == ["payments.not-enough", "spending.not-taking-part"]
    assert "Ana" not in everything_in(town.conn)


def test_somebody_who_also_works_for_the_town_keeps_the_sign_in_but_not_the_persons_role(town, vault):
    user = town.user("omar", "resident", party="ana")
    town.conn.execute(
        "INSERT INTO parties_rolegrant (user_id, town_id, role) VALUES (%s, %s, 'officer')", [user, town.id]
    )
    vault.erase(town.parties["ana"], actor=OFFICER, reason="asked", at=NOON)
    assert town.conn.execute("SELECT role FROM parties_rolegrant WHERE user_id = %s", [user]).fetchall() == [
        ("officer",)
    ]


def test_an_erased_household_cannot_pay(town, vault):
    town.fund("aid")
    town.shop("forn")
    town.give("home", "aid", "5.00")
    vault.erase(town.parties["home"], actor=OFFICER, reason="asked", at=NOON)
    assert town.grounds("home", "forn", "1.00") == ["payments.payer-erased"]
