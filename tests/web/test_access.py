"""Who may open what: every address with every role, and nobody else's purse, till or sale."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import URLPattern, reverse
from django.utils import timezone

from koinon.db.connections import Database
from tests.conftest import django_on
from tests.web.doing_things import things
from tests.web.signing import in_browser
from tests.web.town import ROLES

ASKED_AGAIN = {"my-data-export"}  # Whoever opens it shows once more who they are.
SIGNED_IN = {
    "home",
    "account",
    "second-factor",
    "sessions",
    "address",
    "opened",
}  # For anybody with an account, whatever the role.


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    with django_on(town_database):
        yield town_database


def patterns() -> list[URLPattern]:
    from koinon.web import urls

    return list(urls.urlpatterns)


def client_of(role: str) -> Client:
    from koinon.parties.models import User

    return in_browser(User.objects.get(username=f"demo-{role}"))


def ids(officer: str = "demo-officer") -> dict[str, Any]:
    """A thing of each kind that an address names; a list that was sent is looked at by nobody but ``officer``."""
    from django.db import transaction

    from koinon.parties.connection import raw
    from koinon.parties.models import RoleGrant, Town
    from koinon.programmes.models import Cycle, Entitlement, Programme
    from koinon.treasury import queries as treasury

    town = Town.objects.get()
    shop = RoleGrant.objects.get(role="shop").party_id
    with transaction.atomic():
        conn = raw()
        sale, bought = (
            conn.execute(
                f"SELECT t.id FROM ledger.transfer AS t INNER JOIN ledger.account AS a ON a.id = t.{side}_account"
                " WHERE a.holder = %s AND t.code = 'pay' AND t.kind = 't' AND t.leg = 0 ORDER BY t.seq DESC LIMIT 1",
                [RoleGrant.objects.get(role=role).party_id],
            ).fetchone()
            for side, role in (("credit", "shop"), ("debit", "resident"))
        )
        run = treasury.runs(conn, town_id=town.pk)[0].id
        treasury_payment = treasury.payments(conn, town_id=town.pk, run_id=run)[0].id
        topup, own, campaign = rewarded(conn, town)
        counter = at_the_counter(conn, town.pk)
        bank = at_the_bank(conn, town)
        done = things(conn, town.pk, RoleGrant.objects.get(role="resident").party_id)
        asked, bill = (demanded(conn, town, RoleGrant.objects.get(role=role).party_id) for role in ("resident", "shop"))
        upload = sent_list(conn, town.pk, officer)
        at_work = at_work_by_themselves(conn, town.pk)
        folder = sent_folder(conn, town.pk, officer)
    assert sale is not None
    assert bought is not None
    return {
        **counter,
        **bank,
        **done,
        "sent": folder,
        "asked": asked,
        "bill": bill,
        "bank_payment": treasury_payment,
        "indicator": "multiplier",
        "payment": sale[0],
        "own payment": bought[0],
        "redemption": uuid4(),
        "programme": Cycle.objects.get(month="2026-10").programme_id,
        "party": RoleGrant.objects.get(role="resident").party_id,
        "organisation": shop,
        "saved": uuid4(),
        "cashier": uuid4(),
        "upload": upload,
        "cycle": Cycle.objects.get(month="2026-10").pk,
        "entitlement": Entitlement.objects.filter(cycle__month="2026-10").values_list("pk", flat=True)[0],
        "exception": uuid4(),
        "authorisation": uuid4(),
        "language": "el",
        "fund": Programme.objects.get(cycles__month="2026-10").fund_id,
        "version": uuid4(),
        "pair": uuid4(),
        "run": run,
        "topup": topup,
        "own topup": own,
        "campaign": campaign,
        "town": town.slug,
        "table": "months",
        "user": RoleGrant.objects.get(role="auditor", user__username="demo-auditor").user_id,
        "right": uuid4(),
        **at_work,
    }


def at_work_by_themselves(conn: Any, town_id: int) -> dict[str, Any]:
    """A key of a program, and an address that is told."""
    from koinon.api import operations as api
    from koinon.api import queries as kept
    from koinon.outbox import operations as outbox
    from koinon.outbox import queries as told
    from koinon.parties.secrets import Secrets

    how: dict[str, Any] = {"town_id": town_id, "actor": "user:1", "at": timezone.now()}
    if not kept.credentials(conn, town_id=town_id):
        api.add_key(conn, name="A till", scopes=["payments:read"], **how)
    if not told.endpoints(conn, town_id=town_id):
        outbox.add_endpoint(conn, url="https://example.org/told", kinds=["payment.posted"], keys=Secrets.load(), **how)
    return {
        "key": kept.credentials(conn, town_id=town_id)[0].id,
        "hook": told.endpoints(conn, town_id=town_id)[0].id,
    }


def demanded(conn: Any, town: Any, payee: Any) -> Any:
    """A request to be paid that nobody has paid, and a payee that has a code of its own; the same ones each time."""
    from koinon.kernel.money import Amount
    from koinon.parties.secrets import Secrets
    from koinon.payments import requesting

    requesting.have_code(conn, town_id=town.pk, payee=payee, actor="user:1", at=timezone.now())
    found = requesting.ask(
        conn, town_id=town.pk, payee=payee, amount=Amount(2_50, town.unit_code), lasts=timedelta(days=7),
        idempotency_key="ids", actor="user:1", at=timezone.now(), secrets=Secrets.load(),
    )  # fmt: skip
    return found.id


def at_the_counter(conn: Any, town_id: int) -> dict[str, Any]:
    """A card, and a complaint without a name; the same ones each time."""
    from koinon.casework import operations as casework
    from koinon.casework.types import About
    from koinon.instruments import operations as instruments
    from koinon.parties.secrets import Secrets
    from koinon.parties.vault import Vault

    how: dict[str, Any] = {"town_id": town_id, "idempotency_key": "ids", "actor": "user:1", "at": timezone.now()}
    secrets = Secrets.load()
    [card] = instruments.make_cards(conn, count=1, secrets=secrets, **how)
    complaint = casework.open_complaint(
        conn, about=About.OTHER, words="Nobody answers the telephone.", vault=Vault(conn, secrets), **how
    )
    return {"card": card.id, "batch": card.batch, "complaint": complaint.id, "document": uuid4()}


def at_the_bank(conn: Any, town: Any) -> dict[str, Any]:
    """A file that was imported, and its only entry; the same ones each time."""
    from koinon.banking import operations as banking
    from koinon.banking import queries
    from koinon.parties.secrets import Secrets
    from koinon.parties.vault import Vault
    from tests.banking.statements import Line, camt

    secrets = Secrets.load()
    iban = Vault(conn, secrets).get(town.party_id, ["iban"])["iban"]
    content = camt(Line("7.00", "PAGES"), account=iban.replace(" ", ""))
    how: dict[str, Any] = {"town_id": town.pk, "actor": "user:1", "at": timezone.now()}
    done = banking.import_file(conn, content=content, secrets=secrets, **how)
    return {"file": done.file_id, "entry": queries.entries(conn, town_id=town.pk, file=done.file_id)[0].id}


def sent_folder(conn: Any, town_id: int, officer: str) -> UUID:
    """A town folder, with faults, that this officer sent and looks at."""
    from koinon.office import operations as office
    from koinon.parties.models import User
    from koinon.parties.secrets import Secrets

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("town.toml", "no settings")
    return office.keep_upload(
        conn,
        town_id=town_id,
        user_id=User.objects.get(username=officer).pk,
        kind="town-folder",
        file_name="town.zip",
        content=packed.getvalue(),
        secrets=Secrets.load(),
        at=timezone.now(),
    )


def sent_list(conn: Any, town_id: int, officer: str) -> UUID:
    """A list of households that this officer sent and is about to take in."""
    from koinon.office import operations as office
    from koinon.parties.models import User
    from koinon.parties.secrets import Secrets

    return office.keep_upload(
        conn, town_id=town_id, user_id=User.objects.get(username=officer).pk, kind="households", file_name="list.csv",
        content=b"household;zone;members;income band;joined\nX-1;north;2;low;2026-10-01\n", secrets=Secrets.load(),
        at=timezone.now(),
    )  # fmt: skip


def rewarded(conn: Any, town: Any) -> tuple[UUID, UUID, UUID]:
    """Top-ups that the resident and the shop asked for, and a campaign that an officer drew up."""
    from datetime import UTC, date, datetime
    from fractions import Fraction

    from koinon.campaigns import operations as campaigns
    from koinon.campaigns.types import Terms, Trigger
    from koinon.kernel.money import Amount
    from koinon.parties.models import RoleGrant
    from koinon.programmes.models import Fund
    from koinon.treasury import topups
    from koinon.treasury.types import Way

    fund, _ = Fund.objects.get_or_create(town=town, code="gift", defaults={"name": "Gift"})
    common = {"town_id": town.pk, "at": datetime(2026, 11, 3, tzinfo=UTC), "actor": "user:1"}
    terms = Terms(
        "Autumn", fund.pk, Trigger.PURCHASE, Fraction(1, 5), 0, None, 10_00, date(2026, 11, 1), date(2030, 11, 30)
    )
    drawn = campaigns.draft(conn, code="autumn", terms=terms, **common)
    asked = [
        topups.request(
            conn, party=RoleGrant.objects.get(role=role).party_id, amount=Amount(10_00, town.unit_code), way=Way.CARD,
            idempotency_key=role, **common,
        )
        for role in ("resident", "shop")
    ]  # fmt: skip
    return asked[0].id, asked[1].id, drawn.id


def address(pattern: URLPattern, found: dict[str, Any]) -> str:
    assert pattern.name
    return reverse(pattern.name, kwargs={name: found[name] for name in pattern.pattern.converters})


def test_every_page_says_who_may_see_it() -> None:
    unsaid = [
        pattern.name
        for pattern in patterns()
        if pattern.name not in SIGNED_IN and not hasattr(pattern.callback, "seen_by")
    ]
    assert unsaid == []


@pytest.mark.parametrize("role", [None, *ROLES])
def test_a_role_opens_its_own_pages_and_no_others(site: Database, role: str | None) -> None:
    client = Client() if role is None else client_of(role)
    found = ids()
    if role == "shop":
        found["topup"] = found["own topup"]
    if role == "resident":
        found["payment"] = found["own payment"]
    wrong = {}
    for pattern in patterns():
        allowed = getattr(pattern.callback, "seen_by", None)
        url = address(pattern, found)
        status = client.get(url).status_code
        if pattern.name in SIGNED_IN:
            expected = {302} if role is None else {200, 302}
        elif allowed == ():
            expected = {200, 405} if pattern.name != "invitation-open" else {302}  # To whoever typed a code alone.
        elif role is None or (role in allowed and pattern.name in ASKED_AGAIN):
            expected = {302}
        elif role in allowed:
            expected = {200, 405}  # 405: a page that only acts, and is posted to.
        else:
            expected = {403}
        if status not in expected:
            wrong[url] = (status, expected)
    assert wrong == {}


@pytest.mark.parametrize("role", [None, *ROLES])
def test_posting_is_refused_to_those_who_may_not_look(site: Database, role: str | None) -> None:
    client = Client() if role is None else client_of(role)
    found = ids()
    opened = {}
    for pattern in patterns():
        allowed = getattr(pattern.callback, "seen_by", ())
        if allowed and role not in allowed:
            status = client.post(address(pattern, found)).status_code
            if status not in {302, 403} or (status == 302 and role is not None):
                opened[pattern.name] = status
    assert opened == {}


def test_a_stranger_is_sent_to_sign_in_and_back(site: Database) -> None:
    answer = Client().get("/purse/")
    assert answer.headers["Location"] == "/accounts/login/?next=/purse/"


def test_nobody_signs_up_alone(site: Database) -> None:
    from koinon.parties.models import User

    before = User.objects.count()
    asked = {"username": "stranger", "password1": "a long one of their own", "password2": "a long one of their own"}
    for answer in (Client().get("/accounts/signup/"), Client().post("/accounts/signup/", asked)):
        assert (answer.status_code, answer.headers["Location"]) == (302, "/invitation/")
    assert User.objects.count() == before


def test_a_shop_opens_no_other_shops_sale(site: Database) -> None:
    other = other_sale()
    client = client_of("shop")
    assert client.get(reverse("shop-sale", args=[other])).status_code == 404
    posted = client.post(reverse("shop-sale", args=[other]), {"form_id": str(uuid4()), "whole": "1"})
    assert posted.status_code == 404
    assert refunded_minor(other) == 0


def test_a_shop_takes_no_other_shops_request_back(site: Database) -> None:
    from django.db import transaction

    from koinon.parties.connection import raw
    from koinon.parties.models import RoleGrant

    shop = RoleGrant.objects.get(role="shop").party_id
    with transaction.atomic():
        row = raw().execute("SELECT id FROM treasury.redemption WHERE party <> %s LIMIT 1", [shop]).fetchone()
    assert row is not None
    assert client_of("shop").post(reverse("shop-payout-undo", args=[row[0]])).status_code == 404


def test_a_resident_sees_the_own_household_only(site: Database) -> None:
    """Two residents of different households see their own balance at the same address."""
    from koinon.kernel.money import Amount
    from koinon.parties.models import Household, RoleGrant, User
    from koinon.web import formats

    mine = RoleGrant.objects.get(role="resident")
    other = next(one for one in Household.objects.exclude(pk=mine.party_id) if balance(mine.town_id, one.pk))
    neighbour = User.objects.create(username="neighbour")
    RoleGrant.objects.create(user=neighbour, town=mine.town, role="resident", party_id=other.pk)
    theirs = in_browser(neighbour)
    assert mine.party_id is not None
    for client, party in ((client_of("resident"), mine.party_id), (theirs, other.pk)):
        shown = client.get("/purse/").content.decode()
        had = formats.amount(Amount(balance(mine.town_id, party), mine.town.unit_code), country=mine.town.country)
        assert f'<p class="big"><bdi class="money">{had}</bdi></p>' in shown


def test_an_unknown_grant_is_not_taken(site: Database) -> None:
    """Somebody else's role cannot be chosen."""
    from koinon.parties.models import RoleGrant

    client = client_of("resident")
    client.post("/home/", {"grant": str(RoleGrant.objects.get(role="treasurer").pk)})
    assert client.get("/treasury/").status_code == 403


def other_sale() -> UUID:
    from django.db import transaction

    from koinon.parties.connection import raw
    from koinon.parties.models import RoleGrant

    shop = RoleGrant.objects.get(role="shop").party_id
    with transaction.atomic():
        row = (
            raw()
            .execute(
                "SELECT t.id FROM ledger.transfer AS t INNER JOIN ledger.account AS a ON a.id = t.credit_account"
                " WHERE a.holder <> %s AND t.code = 'pay' AND t.kind = 't' AND t.leg = 0"
                " AND NOT EXISTS (SELECT FROM ledger.target AS g WHERE g.target_seq = t.seq) LIMIT 1",
                [shop],
            )
            .fetchone()
        )
    assert row is not None
    found: UUID = row[0]
    return found


def refunded_minor(payment: UUID) -> int:
    from django.db import transaction

    from koinon.parties.connection import raw
    from koinon.parties.models import Town
    from koinon.payments import queries

    with transaction.atomic():
        return queries.payment(raw(), town_id=Town.objects.get().pk, payment_id=payment).refunded_minor


def balance(town_id: int, party: UUID) -> int:
    from django.db import transaction

    from koinon.ledger import queries
    from koinon.parties.connection import raw

    with transaction.atomic():
        found = queries.accounts_of(raw(), town_id=town_id, holder=party)
        return sum(account.available.minor for account in found if account.kind != "member")
