"""What the staff and a shop see of what every unit did: the books' own figures, and nobody else's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.db import transaction
from playwright.sync_api import Browser

from koinon.audit import operations as audit
from koinon.db.connections import Database, connect
from koinon.db.transactions import transaction as committed
from koinon.impact.town import following, queries
from koinon.impact.town.types import Flows
from koinon.ledger import queries as books
from koinon.parties.connection import raw
from tests.conftest import django_on
from tests.web.browsing import PHONE, look, signed_in, window_for_axe
from tests.web.test_access import client_of
from tests.web.town import TownSite
from tests.web.walking import in_one_transaction

NOW = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)


def follow(database: Database) -> None:
    conn = connect(database.app_url)
    with committed(conn):
        (town,) = conn.execute("SELECT id FROM parties_town").fetchone() or (0,)
        following.follow(conn, town_id=town, at=NOW, actor="test")
    conn.close()


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    with django_on(town_database):
        yield town_database


def words(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


def test_a_report_for_the_towns_own_use_is_made_from_one_moment(
    site: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody on another connection writes something down between two of its questions, and the second does not see it."""
    from koinon.web.views import reports

    build, seen = reports.build.build, []

    def and_something_comes(conn: Any, **asked: Any) -> Any:
        question = "SELECT count(*) FROM audit.entry"
        before = conn.execute(question).fetchone()
        with connect(site.app_url) as other, committed(other):
            audit.record(other, town_id=asked["town_id"], actor="test", action="test.came", subject="test:1", at=NOW)
        seen.append((before, conn.execute(question).fetchone()))
        return build(conn, **asked)

    monkeypatch.setattr(reports.build, "build", and_something_comes)
    client = client_of("officer")
    form = client.get("/impact/report/").content.decode()
    (month,) = set(re.findall(r'<option value="(\d{4}-\d{2})"', form))
    asked = {"first": month, "last": month, "audience": "house", "language": "en", "kind": "page"}
    answer = client.get("/impact/report/", asked)

    assert (answer.status_code, answer["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert [before == after for before, after in seen] == [True]
    with transaction.atomic():
        kept = raw().execute("SELECT count(*) FROM audit.entry WHERE action = 'impact.house-report-opened'").fetchone()
    assert kept == (1,)


def test_a_neighbourhood_keeps_its_name_whatever_its_code_is_elsewhere(site: Database) -> None:
    from koinon.parties.models import Town, Zone
    from koinon.web.views import impact

    found = Flows(
        rows=("food", "held", "unknown", "issued", "unknown origin"),
        columns=("food", "held", "unknown", "redeemed", "expired", "withdrawn", "held"),
        amounts=((0, 7, 0, 0, 0, 0, 0), (0, 0, 0, 3, 0, 0, 4), (0,) * 7, (7, 0, 0, 0, 0, 0, 0), (0,) * 7),
    )
    with transaction.atomic():
        town = Town.objects.get()
        for code, name in (("food", "Market Hill"), ("held", "Old Fort")):
            Zone.objects.create(town=town, code=code, name=name)
        labels = {by: impact._labels(town, by) for by in impact.WAYS}
        transaction.set_rollback(True)

    assert impact._flows(found, labels["zone"]) == impact.FlowTable(
        columns=("Market Hill", "Old Fort", "redeemed", "still held"),
        rows=(("given out", (7, 0, 0, 0)), ("Market Hill", (0, 7, 0, 0)), ("Old Fort", (0, 0, 3, 4))),
    )
    assert (labels["sector"]["food"], labels["sector"]["other"], labels["sse"]["other"]) == ("Food", "Other", "others")


def test_officer_sees_what_the_books_say_and_how_far_they_were_followed(site: Database) -> None:
    with connect(site.app_url) as conn:
        conn.execute("DELETE FROM impact.followed")  # All of it can be computed again.
    before = client_of("officer").get("/impact/")
    follow(site)
    after = words(client_of("officer").get("/impact/").content.decode())

    assert "have not been followed yet" in words(before.content.decode())
    assert "Every movement up to now is in it." in after
    with transaction.atomic():
        from koinon.parties.models import Town

        town = Town.objects.get()
        total = queries.followed(raw(), town_id=town.pk)["fifo"].total
        units = books.totals(raw(), town_id=town.pk)
    assert (total.volume, total.redeemed, total.expired) == (units.paid, units.redeemed, units.expired)
    assert f"{total.issued // 100:,}.{total.issued % 100:02}" in after
    for by in ("zone", "sector", "sse", "nothing-known"):
        assert client_of("officer").get(f"/impact/?by={by}").status_code == 200


def test_network_names_businesses_to_the_staff_and_no_resident_to_anybody(site: Database) -> None:
    from koinon.parties.models import Household, Organisation

    page = client_of("auditor").get("/impact/network/").content.decode()

    assert any(shop.trade_name in unescape(page) for shop in Organisation.objects.all())
    assert not any(str(home.pk) in page or home.pk.hex in page for home in Household.objects.all())
    assert client_of("shop").get("/impact/network/").status_code == 403


def test_network_names_who_trades_in_their_own_name_only_to_whom_may_see_people(site: Database) -> None:
    from koinon.parties.models import Organisation, RoleGrant
    from koinon.parties.naming import OWN_NAME_FORMS

    def seen_by(*, personal_data: bool) -> str:
        RoleGrant.objects.filter(role="officer").update(sees_personal_data=personal_data)
        return unescape(client_of("officer").get("/impact/network/?names=1").content.decode())

    with in_one_transaction():
        trading = [sign for sign in Organisation.objects.values_list("trade_name", flat=True) if sign]
        before = seen_by(personal_data=False)
        sign = next(sign for sign in sorted(trading, key=len, reverse=True) if f"<bdi>{sign}</bdi>" in before)
        shop = Organisation.objects.get(trade_name=sign)
        assert shop.legal_form not in OWN_NAME_FORMS
        Organisation.objects.filter(pk=shop.pk).update(legal_form="self-employed")
        unseen, seen = seen_by(personal_data=False), seen_by(personal_data=True)
        transaction.set_rollback(True)

    assert sign not in unseen
    assert "?names=1" not in unseen
    assert sign in seen


def test_shop_reads_its_own_sums_and_of_others_only_what_the_directory_says(site: Database) -> None:
    from koinon.impact.town import advice
    from koinon.parties.models import RoleGrant, Town
    from koinon.web.views.impact import window

    grant = RoleGrant.objects.get(role="shop")
    whole = client_of("shop").get("/shop/suppliers/").content.decode()
    page = words(whole)

    with transaction.atomic():
        start, until = window(Town.objects.get(), datetime.now(UTC))
        found = advice.advise(raw(), town_id=grant.town_id, party=grant.party_id, start=start, until=until)  # type: ignore[arg-type]
    own = {found.received_minor, found.paid_minor, found.redeemed_minor}
    shown = {int(text.replace(",", "").replace(".", "")) for text in re.findall(r"[\d,]+\.\d\d", page)}
    assert shown == own
    assert found.redeemed_minor > 0
    assert all(f"{at}. {one.trader.name}" in page for at, one in enumerate(found.proposals, 1))
    doors = [str(at) for at, one in enumerate(found.proposals, 1) if one.trader.latitude is not None]
    assert sorted(re.findall(r"<text[^>]*>(\d+)</text>", whole)) == sorted(doors)
    assert client_of("resident").get("/shop/suppliers/").status_code == 403


def test_nothing_is_wrong_with_the_pages_when_there_is_something_in_them(browser: Browser, town_site: TownSite) -> None:
    follow(town_site.site.database)
    found = signed_in(browser, town_site, "officer", size=PHONE)
    window = window_for_axe(found)
    wrong = {path: look(window, path, ("ar", "en")) for path in ("/impact/?by=sector", "/impact/network/")}
    found.context.close()

    assert [looked.findings for looked in wrong.values() if looked is not None] == [[], []]
