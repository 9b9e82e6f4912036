"""Two towns in one installation: whoever has a role in one opens, changes and takes along nothing of the other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from django.test import Client

from koinon.db.connections import Database
from koinon.db.transactions import transaction
from koinon.pilots import apply, townfolder
from tests.conftest import django_on
from tests.pilots import small_town
from tests.web.signing import in_browser
from tests.web.test_access import address, ids, patterns
from tests.web.town import ROLES

# What is public has no town to keep it in: open data, leaflets, and a certificate to whoever was given its code.
PUBLIC = {"how", "data-table", "leaflet", "certificate-check"}
# Everything a form might be asked for, so that what is posted is refused for whose it is and not for what it lacks.
POSTED = {
    "form_id": "00000000-0000-4000-8000-000000000001", "reason": "a reason", "why": "lost", "act": "invite",
    "answer": "yes", "step": "begin", "days": "5", "notice_days": "5", "warn_days": "2", "month": "2026-12",
}  # fmt: skip


@pytest.fixture(scope="module")
def there(town_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Things of the first town by the names that addresses have for them; then a second town comes, with its people."""
    from koinon.parties.models import Household, Organisation, RoleGrant, Town, User

    with django_on(town_database):
        found = ids()
        folder = tmp_path_factory.mktemp("other")
        small_town.write(folder, {})
        with psycopg.connect(town_database.app_url) as conn, transaction(conn):
            apply.apply(
                conn, townfolder.read(folder), at=datetime.now(UTC), actor="user:1", accept_warnings=True, dry_run=False
            )  # fmt: skip
        other = Town.objects.exclude(slug=found["town"]).get()
        own = {
            "resident": Household.objects.filter(party__town=other)[0].party_id,
            "shop": Organisation.objects.filter(party__town=other)[0].party_id,
        }
        for role in ROLES:
            user = User.objects.create(username=f"other-{role}")
            RoleGrant.objects.create(
                user=user, town=other, role=role, party_id=own.get(role), sees_personal_data=role not in own
            )
        yield found


def foreigner(role: str) -> Client:
    from koinon.parties.models import User

    return in_browser(User.objects.get(username=f"other-{role}"))


@pytest.mark.parametrize("role", ROLES)
def test_nobody_opens_what_is_of_another_town(there: dict[str, Any], role: str) -> None:
    client, opened = foreigner(role), {}
    for pattern in patterns():
        allowed = getattr(pattern.callback, "seen_by", None)
        if pattern.pattern.converters and pattern.name not in PUBLIC and (not allowed or role in allowed):
            answer = client.get(address(pattern, there))
            if answer.status_code not in {403, 404, 405, 409}:
                opened[pattern.name] = answer.status_code
    assert opened == {}


@pytest.mark.parametrize("role", ROLES)
def test_no_list_and_no_file_of_a_town_holds_a_party_of_another(
    there: dict[str, Any], town_database: Database, role: str
) -> None:
    with psycopg.connect(town_database.owner_url) as conn:
        parties = [
            str(row[0])
            for row in conn.execute(
                "SELECT party.id FROM parties_party AS party INNER JOIN parties_town AS town ON town.id = party.town_id"
                " WHERE town.slug = %s",
                [there["town"]],
            )
        ]
    client, told, looked = foreigner(role), {}, 0
    for pattern in patterns():
        allowed = getattr(pattern.callback, "seen_by", None)
        if pattern.pattern.converters or not allowed or role not in allowed:
            continue
        for query in ("", "?names=1", "?export=json"):
            answer = client.get(address(pattern, there) + query)
            content = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
            looked += answer.status_code == 200
            if found := [party for party in parties if party.encode() in content]:
                told[pattern.name, query] = found[:2]
    assert told == {}
    assert looked > 10


@pytest.mark.parametrize("role", ROLES)
def test_nobody_changes_what_is_of_another_town(there: dict[str, Any], town_database: Database, role: str) -> None:
    client = foreigner(role)
    with psycopg.connect(town_database.owner_url, autocommit=True) as conn:
        before = rows(conn, there["town"])
        for pattern in patterns():
            allowed = getattr(pattern.callback, "seen_by", None)
            if pattern.pattern.converters and (not allowed or role in allowed):
                client.post(address(pattern, there), POSTED)
        after = rows(conn, there["town"])
    assert {table for table in after if after[table] != before[table]} == set()
    assert len([count for count, _digest in before.values() if count]) > 20


def rows(conn: psycopg.Connection[Any], slug: str) -> dict[str, tuple[int, str]]:
    """How many rows of a town each table has, and a digest of them all."""
    tables = conn.execute(
        "SELECT namespace.nspname, held.relname FROM pg_class AS held"
        " INNER JOIN pg_namespace AS namespace ON namespace.oid = held.relnamespace"
        " INNER JOIN pg_attribute AS part ON part.attrelid = held.oid AND part.attname = 'town_id' AND NOT part.attisdropped"
        " WHERE held.relkind IN ('r', 'p') AND NOT held.relispartition"
    ).fetchall()
    return {
        f"{schema}.{table}": conn.execute(
            "SELECT count(*), coalesce(md5(string_agg(held::text, '' ORDER BY held::text)), '')"
            f' FROM "{schema}"."{table}" AS held INNER JOIN parties_town AS town ON town.id = held.town_id'
            " WHERE town.slug = %s",
            [slug],
        ).fetchone()  # type: ignore[misc]
        for schema, table in tables
    }


def test_a_letter_names_the_town_of_whom_it_goes_to(there: dict[str, Any]) -> None:
    from koinon.parties.models import User
    from koinon.web.accounts import Adapter

    def subject(username: str) -> str:
        user = User.objects.get(username=username)
        User.objects.filter(pk=user.pk).update(email=f"{username}@people.example")
        written = Adapter()._written("account/email/login_code", f"{username}@people.example", {"code": "1234-5678"})
        return str(written.subject)

    assert subject("other-resident") == "Παγγαίο: Code to sign in"
    assert subject("demo-resident") == "Eix Besòs: Code to sign in"
