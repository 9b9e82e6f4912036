"""Personal data of the town's parties, each field sealed under the party's own key.

The key of a party (DEK) is wrapped by a key outside the database (``secrets.py``).
Destroying the wrapped key erases the party everywhere, backups of the database
included once they age out; the ledger knows opaque ids only and stays whole.

What goes in and comes out never shows in ``repr``, logs or refusals.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection, sql

from koinon.audit.operations import record
from koinon.db.statements import execute, many, maybe, statement
from koinon.db.transactions import savepoint
from koinon.outbox import operations as outbox
from koinon.parties import crypto
from koinon.parties.errors import IdentifierTaken, PartyErased, PartyNotFound, PublicBodyKept, SealBroken
from koinon.parties.rules import LOOKUP_KINDS, normal
from koinon.parties.secrets import Secrets

_FIELD = re.compile(r"[a-z][a-z0-9_]{0,39}")
_KEY_FIELD = "#key"  # Not a possible field name, so a wrapped key never opens as a field.
_PACKAGE = "koinon.parties"
_FIRST = UUID(int=0)  # No party's.


@dataclass(frozen=True, slots=True)
class _Owner:
    id: UUID
    town_id: int
    kind: str
    country: str
    erased: bool


@dataclass(frozen=True, slots=True)
class _Entry:
    party_id: UUID
    town_id: int
    key_id: str
    wrapped_key: bytes
    sealed: str


@dataclass(frozen=True, slots=True)
class _Holder:
    digest: bytes
    party_id: UUID


@dataclass(frozen=True, slots=True)
class _Reference:
    schema: str
    child: str
    child_column: str
    parent_column: str


class Vault:
    """Reads and writes sealed personal data on a connection whose transaction the caller owns."""

    def __init__(self, conn: Connection[Any], secrets: Secrets) -> None:
        self._conn = conn
        self._secrets = secrets

    def put(self, party_id: UUID, fields: Mapping[str, str]) -> bool:
        """Keep these fields of a party; an empty value removes one, fields not named stay.

        True when anything changed. ``IdentifierTaken`` when another party of the
        town has the same identifier.
        """
        return self.put_many({party_id: fields}) == 1

    def put_many(self, people: Mapping[UUID, Mapping[str, str]]) -> int:
        """``put`` for many parties in a handful of statements; how many changed. All or none."""
        owners = self._owners(people, lock=True)
        entries = {entry.party_id: entry for entry in self._entries(people, lock=True)}
        rows: list[tuple[UUID, int, str, bytes, str]] = []
        lookups: dict[tuple[UUID, str], bytes | None] = {}
        for party_id, fields in people.items():
            assert all(_FIELD.fullmatch(name) for name in fields)
            owner, entry = owners[party_id], entries.get(party_id)
            key = self._unwrap(entry) if entry else crypto.new_key()
            sealed: dict[str, str] = json.loads(entry.sealed) if entry else {}
            held = self._open(owner.town_id, party_id, key, sealed)
            changed = {name: value for name, value in fields.items() if held.get(name, "") != (value or "")}
            if not changed:
                continue
            for name, value in changed.items():
                if name in LOOKUP_KINDS:
                    lookups[party_id, name] = self._digest(owner, name, value)
                if value:
                    associated = crypto.place(owner.town_id, party_id, name)
                    sealed[name] = _text(crypto.seal(key, value.encode(), associated))
                else:
                    sealed.pop(name, None)
            key_id = entry.key_id if entry else self._secrets.current
            wrapped = entry.wrapped_key if entry else self._wrap(owner.town_id, party_id, key, key_id)
            rows.append((party_id, owner.town_id, key_id, wrapped, json.dumps(sealed)))
        if rows:
            with savepoint(self._conn):
                self._write(rows)
                self._write_lookups(owners, lookups)
        return len(rows)

    def get(self, party_id: UUID, fields: Collection[str] | None = None) -> dict[str, str]:
        """What is kept of a party, or of it only these fields; empty when nothing is."""
        return self.get_many([party_id], fields).get(party_id, {})

    def get_many(self, party_ids: Iterable[UUID], fields: Collection[str] | None = None) -> dict[UUID, dict[str, str]]:
        """``get`` for many parties in one statement; those of whom nothing is kept are left out."""
        opened = {}
        for entry in self._entries(party_ids, lock=False):
            wanted = {name: text for name, text in json.loads(entry.sealed).items() if fields is None or name in fields}
            opened[entry.party_id] = self._open(entry.town_id, entry.party_id, self._unwrap(entry), wanted)
        return opened

    def reveal(
        self, party_ids: Collection[UUID], fields: Collection[str], *, actor: str, reason: str, at: datetime
    ) -> dict[UUID, dict[str, str]]:
        """``get_many`` for a person who looks: who looked at which fields of whom, and why, is recorded."""
        for owner in self._owners(party_ids, erased_too=True).values():
            record(
                self._conn,
                town_id=owner.town_id,
                actor=actor,
                action="parties.revealed",
                subject=f"party:{owner.id}",
                reason=reason,
                after={"fields": sorted(fields)},
                at=at,
            )
        return self.get_many(party_ids, fields)

    def seal_for(self, party_id: UUID, what: str, value: bytes) -> bytes:
        """Seal something under a party's key for a table of another package; it ends when the party is erased.

        ``what`` names its place, such as ``note:<id>``: the bytes open nowhere else. Refuses with
        ``PartyNotFound`` and ``PartyErased``.
        """
        assert not _FIELD.fullmatch(what), "fields are put"
        owner = self._owners([party_id], lock=True)[party_id]
        entries = self._entries([party_id], lock=True)
        if entries:
            key = self._unwrap(entries[0])
        else:
            key = crypto.new_key()
            key_id = self._secrets.current
            self._write([(party_id, owner.town_id, key_id, self._wrap(owner.town_id, party_id, key, key_id), "{}")])
        return crypto.seal(key, value, crypto.place(owner.town_id, party_id, what))

    def unseal_for(self, party_id: UUID, what: str, sealed: bytes) -> bytes:
        """Open what ``seal_for`` sealed, or ``SealBroken``: also where the party was erased since."""
        entries = self._entries([party_id], lock=False)
        if not entries:
            raise SealBroken
        associated = crypto.place(entries[0].town_id, party_id, what)
        return crypto.unseal(self._unwrap(entries[0]), sealed, associated)

    def find(self, town_id: int, kind: str, value: str, *, country: str = "") -> UUID | None:
        """The party of the town with this identifier, phone, email or IBAN, however it is typed.

        None when nobody has it, or when several share it (a family's telephone):
        an identifier is never shared. ``country`` completes a telephone number
        without country code; without it, the town's.
        """
        found = self.find_all(town_id, kind, value, country=country)
        return found[0] if len(found) == 1 else None

    def find_all(self, town_id: int, kind: str, value: str, *, country: str = "") -> list[UUID]:
        """Every party of the town with this value."""
        return self._find_each(town_id, kind, [value], country).get(value, [])

    def find_many(self, town_id: int, kind: str, values: Iterable[str], *, country: str = "") -> dict[str, UUID]:
        """``find`` for many values in one statement; those that nobody has, or several share, are left out."""
        found = self._find_each(town_id, kind, values, country)
        return {value: parties[0] for value, parties in found.items() if len(parties) == 1}

    def erase(self, party_id: UUID, *, actor: str, reason: str, at: datetime) -> bool:
        """Destroy the party's key, lookups and sign-ins, and tell it nothing more. The books keep its opaque id, and stay whole.

        A second time does nothing, and answers False. ``reason`` is a short text
        for the audit trail without anything about the person. Refuses with
        ``PublicBodyKept``.
        """
        owner = self._owners([party_id], erased_too=True, lock=True)[party_id]
        if owner.erased:
            return False
        if owner.kind == "public_body":
            raise PublicBodyKept(party_id=party_id)
        execute(self._conn, statement(_PACKAGE, "vault_erase"), party_id=party_id)
        execute(self._conn, statement(_PACKAGE, "vault_erase_lookups"), party_id=party_id)
        execute(self._conn, statement(_PACKAGE, "erase_shop_sign"), party_id=party_id)
        execute(self._conn, statement(_PACKAGE, "erase_household_facts"), party_id=party_id)
        execute(self._conn, statement(_PACKAGE, "forget_notice_choices"), party_id=party_id)
        sign_ins = many(self._conn, statement(_PACKAGE, "users_of_party_only"), _UserId, party_id=party_id)
        execute(self._conn, statement(_PACKAGE, "revoke_grants_of_party"), party_id=party_id)
        execute(self._conn, statement(_PACKAGE, "forget_invitations_of_party"), party_id=party_id)
        _delete_with_dependents(self._conn, "public", "parties_user", "id", [str(user.user_id) for user in sign_ins])
        outbox.forget_party(self._conn, town_id=owner.town_id, party=party_id, actor=actor, at=at)
        execute(self._conn, statement(_PACKAGE, "mark_erased"), party_id=party_id, at=at)
        record(
            self._conn,
            town_id=owner.town_id,
            actor=actor,
            action="parties.erased",
            subject=f"party:{party_id}",
            reason=reason,
            at=at,
        )
        return True

    def rewrap(self, *, limit: int = 1000, after: UUID = _FIRST) -> list[UUID]:
        """Wrap up to ``limit`` keys that are not under the current key-encryption key again; whose, by id from ``after`` on.

        Go on behind the last one until none is left, then look once more from the beginning: entries that somebody
        was writing were passed over. The sealed data are not touched, and of whom nothing is left nothing comes back.
        """
        stale = many(
            self._conn,
            statement(_PACKAGE, "vault_wrapped_by_other_keys"),
            _Entry,
            key_id=self._secrets.current,
            after=after,
            size=limit,
        )
        execute(
            self._conn,
            statement(_PACKAGE, "vault_rewrap"),
            key_id=self._secrets.current,
            parties=[entry.party_id for entry in stale],
            wrapped=[self._wrapped_anew(entry) for entry in stale],
        )
        return [entry.party_id for entry in stale]

    # --- What it is made of -----------------------------------------------------------------------

    def _owners(self, party_ids: Iterable[UUID], *, erased_too: bool = False, lock: bool = False) -> dict[UUID, _Owner]:
        asked = list(party_ids)
        name = "vault_owners_locked" if lock else "vault_owners"
        owners = {owner.id: owner for owner in many(self._conn, statement(_PACKAGE, name), _Owner, party_ids=asked)}
        for party_id in asked:
            if party_id not in owners:
                raise PartyNotFound(party_id=party_id)
            if owners[party_id].erased and not erased_too:
                raise PartyErased(party_id=party_id)
        return owners

    def _find_each(self, town_id: int, kind: str, values: Iterable[str], country: str) -> dict[str, list[UUID]]:
        if kind == "phone" and not country:
            country = self._country(town_id)
        plain = {value: normal(kind, value, country=country) for value in values}
        digests = {
            value: crypto.digest(self._secrets.lookup, town_id, kind, text) for value, text in plain.items() if text
        }
        if not digests:
            return {}
        holders: dict[bytes, list[UUID]] = {}
        wanted = list(set(digests.values()))
        sql_text = statement(_PACKAGE, "vault_find_many")
        for row in many(self._conn, sql_text, _Holder, town_id=town_id, kind=kind, digests=wanted):
            holders.setdefault(bytes(row.digest), []).append(row.party_id)
        return {value: holders[digest] for value, digest in digests.items() if digest in holders}

    def _entries(self, party_ids: Iterable[UUID], *, lock: bool) -> list[_Entry]:
        name = "vault_entries_locked" if lock else "vault_entries"
        return many(self._conn, statement(_PACKAGE, name), _Entry, party_ids=list(party_ids))

    def _country(self, town_id: int) -> str:
        row = maybe(self._conn, statement(_PACKAGE, "town_country"), _Country, town_id=town_id)
        return row.country if row else ""

    def _wrap(self, town_id: int, party_id: UUID, key: bytes, key_id: str) -> bytes:
        return crypto.seal(self._secrets.key(key_id), key, crypto.place(town_id, party_id, _KEY_FIELD))

    def _unwrap(self, entry: _Entry) -> bytes:
        associated = crypto.place(entry.town_id, entry.party_id, _KEY_FIELD)
        return crypto.unseal(self._secrets.key(entry.key_id), bytes(entry.wrapped_key), associated)

    def _wrapped_anew(self, entry: _Entry) -> bytes:
        try:
            key = self._unwrap(entry)
        except SealBroken:
            raise SealBroken(place=f"party:{entry.party_id}") from None
        return self._wrap(entry.town_id, entry.party_id, key, self._secrets.current)

    def _open(self, town_id: int, party_id: UUID, key: bytes, sealed: Mapping[str, str]) -> dict[str, str]:
        return {
            name: crypto.unseal(key, base64.b64decode(text), crypto.place(town_id, party_id, name)).decode()
            for name, text in sealed.items()
        }

    def _digest(self, owner: _Owner, kind: str, value: str) -> bytes | None:
        plain = normal(kind, value, country=owner.country) if value else ""
        return crypto.digest(self._secrets.lookup, owner.town_id, kind, plain) if plain else None

    def _write(self, rows: list[tuple[UUID, int, str, bytes, str]]) -> None:
        parties, towns, key_ids, wrapped, sealed = map(list, zip(*rows, strict=True))
        execute(
            self._conn,
            statement(_PACKAGE, "vault_put"),
            parties=parties,
            towns=towns,
            key_ids=key_ids,
            wrapped=wrapped,
            sealed=sealed,
        )

    def _write_lookups(self, owners: Mapping[UUID, _Owner], lookups: Mapping[tuple[UUID, str], bytes | None]) -> None:
        if not lookups:
            return
        execute(
            self._conn,
            statement(_PACKAGE, "vault_forget_lookups"),
            parties=[party_id for party_id, _ in lookups],
            kinds=[kind for _, kind in lookups],
        )
        wanted = [
            (owners[party_id].town_id, kind, digest, party_id)
            for (party_id, kind), digest in lookups.items()
            if digest is not None
        ]
        if not wanted:
            return
        towns, kinds, digests, parties = map(list, zip(*wanted, strict=True))
        written = execute(
            self._conn,
            statement(_PACKAGE, "vault_put_lookups"),
            towns=towns,
            kinds=kinds,
            digests=digests,
            parties=parties,
        )
        if written != len(wanted):
            raise self._taken(wanted)

    def _taken(self, wanted: list[tuple[int, str, bytes, UUID]]) -> IdentifierTaken:
        identifiers = [row for row in wanted if row[1] == "identifier"]
        holders = {
            bytes(row.digest): row.party_id
            for row in many(
                self._conn,
                statement(_PACKAGE, "vault_holders"),
                _Holder,
                towns=[row[0] for row in identifiers],
                digests=[row[2] for row in identifiers],
            )
        }
        for _, _, digest, party_id in identifiers:
            if holders.get(digest, party_id) != party_id:
                return IdentifierTaken(party_id=party_id, holder=holders[digest])
        raise AssertionError("a lookup was not written, and no other party holds it")


@dataclass(frozen=True, slots=True)
class _UserId:
    user_id: int


@dataclass(frozen=True, slots=True)
class _Country:
    country: str


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _delete_with_dependents(conn: Connection[Any], schema: str, table: str, column: str, values: list[str]) -> None:
    """Delete rows and everything that refers to them: the sign-in's e-mail addresses, passkeys, codes.

    The tables are found in the catalogue, because which sign-in library keeps
    what about a user is not for this package to know.
    """
    if not values:
        return
    name = sql.Identifier(schema, table)
    references = many(conn, statement(_PACKAGE, "references_to_table"), _Reference, schema=schema, table=table)
    for reference in references:
        query = sql.SQL("SELECT {parent}::text FROM {table} WHERE {column}::text = ANY(%s)").format(
            parent=sql.Identifier(reference.parent_column), table=name, column=sql.Identifier(column)
        )
        parents = [row[0] for row in conn.execute(query, [values]).fetchall()]
        _delete_with_dependents(conn, reference.schema, reference.child, reference.child_column, parents)
    conn.execute(
        sql.SQL("DELETE FROM {table} WHERE {column}::text = ANY(%s)").format(table=name, column=sql.Identifier(column)),
        [values],
    )
