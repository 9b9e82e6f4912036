"""A shop's software tries the API: from the sandbox's key to a webhook that it has verified, with the Python client."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from koinon.client.api import Client, new_key
from koinon.client.errors import NotAllowed, NotThere, NotVerified, Refused
from koinon.client.types import NewPayment, Payment
from koinon.client.webhooks import verify
from koinon.db.checks import run_checks
from koinon.db.connections import connect
from koinon.jobs.deliveries import Manner, delivering
from koinon.parties.secrets import Secrets
from tests.cli.command import koinon
from tests.conftest import PROJECT, VAR, Databases, LiveSite, serving
from tests.db.processes import until
from tests.jobs.receiver import Receiver, receiving


@pytest.fixture(scope="module")
def site(databases: Databases) -> Iterator[LiveSite]:
    with pytest.MonkeyPatch.context() as patch, databases.clone() as database:
        patch.setenv("KOINON_WEBHOOKS_INSIDE", "1")
        with serving(database) as site:
            yield site


@pytest.fixture
def receiver(site: LiveSite) -> Iterator[Receiver]:
    manner = Manner(inside=True, timeout_seconds=5, secrets=Secrets.load())
    with receiving() as receiver, delivering(site.database.app_url, manner):
        yield receiver


def run(site: LiveSite, *arguments: str, status: int = 0) -> Any:
    """What a command prints, as its JSON document."""
    database = site.database
    done = koinon(*arguments, "--json", var=VAR, url=database.app_url, owner_url=database.owner_url)
    assert done.status == status, done
    return done.document


def sandbox(site: LiveSite) -> Any:
    return run(site, "api", "sandbox", "--new-key")


def all_written_down(town: Client, webhook: UUID) -> bool:
    """Whether every delivery is known here to have come: we have a message before its sender has written that down."""
    return all(one.state == "delivered" for one in town.deliveries(webhook))


def test_from_the_sandboxs_key_to_a_verified_webhook(site, receiver):
    made = sandbox(site)
    assert made["sandbox"] is True
    assert made["unit"] == "XTS"
    assert made["key"].startswith("koinon_test_")
    payer = UUID(made["households"]["first household"])
    shop = UUID(made["shops"]["Bakery of the sandbox"])
    money: Any = {"payer": payer, "payee": shop, "unit": "XTS"}

    with Client(site.url, key=made["key"]) as town:
        who = town.whoami()
        assert (who.town, who.sandbox, who.exponent) == ("sandbox", True, 2)
        hook = town.add_webhook(f"{receiver.url}/koinon", ["payment.posted", "payment.refunded", "hold.placed"])
        before = town.purses(payer).available_minor

        # Charge, and charge again by mistake.
        key = new_key()
        charged = town.pay(**money, amount_minor=12_50, reference="till-1/1", key=key)
        again = town.pay(**money, amount_minor=12_50, reference="till-1/1", key=key)
        assert (charged.replayed, again.replayed, again.id) == (False, True, charged.id)

        # Reserve, take a part, give a part back.
        hold = town.place_hold(**money, amount_minor=20_00, lapses_at=datetime.now(UTC) + timedelta(hours=1))
        captured = town.capture(hold.id, amount_minor=15_00)
        refund = town.refund(charged.id, amount_minor=2_50)
        assert (captured.hold, town.hold(hold.id).state) == (hold.id, "captured")
        assert [one.id for one in town.refunds(charged.id)] == [refund.id]
        assert town.payment(charged.id).refunded_minor == 2_50
        assert town.purses(payer).available_minor == before - 12_50 - 15_00 + 2_50

        # Many at once; one of them cannot be.
        outcomes = town.pay_many(
            [
                NewPayment(payer, shop, 100, "XTS"),
                NewPayment(payer, shop, 10**9, "XTS"),
                NewPayment(payer, shop, 1, "XTS"),
            ]
        )
        assert [type(one) for one in outcomes] == [Payment, Refused, Payment]
        assert [one.signed_minor for one in town.movements(shop, page=2)] == [1, 100, -2_50, 15_00, 12_50]

        # The town told us, and it was the town.
        told = receiver.wait_for(6)
        verified = [verify(hook.secret, one.headers, one.body) for one in told]
        assert sorted(one.content["type"] for one in verified) == [
            "hold.placed",
            *["payment.posted"] * 4,
            "payment.refunded",
        ]
        assert len({one.id for one in verified}) == 6
        assert {str(charged.id), str(captured.id)} <= {one.content["subject"] for one in verified}
        with pytest.raises(NotVerified):
            verify(hook.secret, told[0].headers, told[0].body.replace(b"1", b"2"))

        # What was told can be looked at and told again.
        logged = list(town.deliveries(hook.webhook.id, page=2))
        assert len(logged) == 6
        until(lambda: all_written_down(town, hook.webhook.id), seconds=30)
        assert town.send_again(hook.webhook.id, logged[-1].event) == 1
        assert receiver.wait_for(7)[-1].content["id"] == str(logged[-1].event)

        # A new secret holds at once, and for a day the old one beside it. What was not disabled goes on as it is.
        changed = town.change_webhook_secret(hook.webhook.id)
        until(lambda: all_written_down(town, hook.webhook.id), seconds=30)
        assert town.send_again(hook.webhook.id, logged[-1].event) == 1
        again = receiver.wait_for(8)[-1]
        for secret in (changed.secret, hook.secret):
            assert verify(secret, again.headers, again.body).content["subject"] == str(logged[-1].subject)
        assert town.resume_webhook(hook.webhook.id) == changed.webhook
        town.remove_webhook(hook.webhook.id)
        assert town.webhooks() == []
        with pytest.raises(NotThere):
            list(town.deliveries(hook.webhook.id))

    with connect(site.database.app_url) as conn:
        assert [result.name for result in run_checks(conn) if not result.passed] == []


def test_a_sandbox_is_made_once_and_marked_wherever_it_shows(site):
    first, second = sandbox(site), sandbox(site)
    assert first["households"] == second["households"]
    assert first["key"] != second["key"]
    with connect(site.database.app_url) as conn:
        rows = conn.execute(
            "SELECT town.unit_code, town.national_currency, town.demonstrated_until IS NOT NULL "
            "FROM parties_town AS town INNER JOIN api.sandbox AS sandbox ON sandbox.town_id = town.id"
        ).fetchall()
    assert rows == [("XTS", "XTS", True)]


def test_the_site_answers_beside_the_api(site):
    import http.client

    host = site.url.removeprefix("http://")
    for path, kind in [
        ("/api/v1/health", "application/json"), ("/api/v1", "application/problem+json"),
        ("/api/v1/nothing", "application/problem+json"), ("/api/v2/x", "text/html; charset=utf-8"),
    ]:  # fmt: skip
        conn = http.client.HTTPConnection(host, timeout=20)
        conn.request("GET", path)
        assert conn.getresponse().getheader("Content-Type") == kind
        conn.close()


def test_a_key_of_nobody_opens_nothing(site):
    with Client(site.url, key="koinon_test_1_" + "0" * 49) as town, pytest.raises(NotAllowed):
        town.whoami()


def test_an_officer_gives_a_till_its_key_and_takes_it_back(site):
    made = sandbox(site)
    here = ("--town", "sandbox")
    run(site, "town", "staff", "add", "dora", "--role", "officer", *here)
    shop = made["shops"]["Bakery of the sandbox"]
    key = run(
        site, "api", "key", "add", "till 3", "--scope", "payments:charge", "--scope", "payments:read", "--party", shop,
        "--until", "30d", "--as", "dora", *here,
    )  # fmt: skip
    with Client(site.url, key=key["secret"]) as till:
        who = till.whoami()
        assert (str(who.party), who.scopes) == (shop, ["payments:charge", "payments:read"])
        paid = till.pay(
            payer=UUID(made["households"]["second household"]), payee=UUID(shop), amount_minor=1, unit="XTS"
        )
        assert till.payment(paid.id).payer is None
    listed = run(site, "api", "key", "list", *here)["keys"]
    assert listed[0]["name"] == "till 3"
    assert key["secret"] not in json.dumps(listed)
    assert run(site, "api", "key", "revoke", key["id"], "--as", "dora", *here)["revoked"] is True
    again = run(site, "api", "key", "revoke", key["id"], "--as", "dora", *here, status=1)
    assert again["refused"]["code"] == "api.credential-unknown"


def test_a_client_with_a_secret_buys_its_tokens_by_itself(site):
    sandbox(site)
    here = ("--town", "sandbox")
    run(site, "town", "staff", "add", "eleni", "--role", "officer", *here)
    made = run(site, "api", "key", "add", "books", "--scope", "payments:read", "--oauth", "--as", "eleni", *here)
    with Client(site.url, client_id=made["client_id"], client_secret=made["secret"]) as books:
        assert (books.whoami().kind, books.whoami().scopes) == ("client", ["payments:read"])
    wrong = made["secret"][:-1] + ("a" if made["secret"][-1] != "a" else "b")
    with pytest.raises(NotAllowed), Client(site.url, client_id=made["client_id"], client_secret=wrong) as books:
        books.whoami()


def test_the_guide_can_be_followed_to_its_end(site, capsys):
    made = sandbox(site)
    page = (PROJECT / "docs" / "guides" / "use-the-api.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {
        "url": site.url,
        "key": made["key"],
        "resident": UUID(made["households"]["third household"]),
        "shop": UUID(made["shops"]["Bakery of the sandbox"]),
    }
    for block in blocks:
        exec(compile(block, "use-the-api.md", "exec"), names)
    said = capsys.readouterr().out
    assert "payments.not-payable ['There is not enough money for this.']" in said
    assert "till-1/2041" in said
