"""A credential sees and moves what is its own, and nothing tells it what else there is."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from koinon.api import operations, rules
from koinon.api.credentials import STALE_AFTER_SECONDS
from koinon.api.errors import CredentialInvalid, CredentialUnknown, ScopeUnknown
from koinon.api.table import ROUTES
from koinon.api.types import Scope
from koinon.kernel.identifiers import new_id
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from tests.api.asking import EVERYTHING, build_books, fresh, payment

NOBODY = str(new_id())
ADDRESSES = [(route.method, route.path) for route in ROUTES if not route.public]


def filled(path: str) -> str:
    for name in ("payment", "hold", "party", "webhook", "event"):
        path = path.replace("{" + name + "}", NOBODY)
    return path


def later(hours: int = 1) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
def test_nothing_is_answered_without_a_valid_credential(asking, method, path):
    body = {} if method == "POST" else None
    tries = [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": "Basic YTpi"},
        {"authorization": "Bearer koinon_live_1_" + "0" * 49},
        {"authorization": f"Bearer {rules.new_secret('live', 1)}"},
        {"authorization": f"Bearer {rules.new_secret('token', 999999)}"},
        {"authorization": "Bearer " + "é" * 10},
    ]
    for headers in tries:
        told = asking(method, filled(path), json=body, key="k", headers=headers)
        assert (told.status, told.code) == (401, "api.credential-refused")
        assert told.headers["www-authenticate"].startswith('Bearer realm="koinon"')


@pytest.mark.parametrize("route", [route for route in ROUTES if route.scopes], ids=lambda route: route.name)
def test_every_address_asks_for_its_scope(books, asking, route):
    others = [scope for scope in Scope if scope not in route.scopes]
    by = books.key(f"all but {route.name}", scopes=others)
    told = asking(route.method, filled(route.path), json={} if route.asks else None, key=fresh(), by=by)
    assert (told.status, told.code) == (403, "api.scope-missing")
    assert 'error="insufficient_scope"' in told.headers["www-authenticate"]
    assert told.json["detail"].endswith(" or ".join(route.scopes))


# One party and another


@pytest.fixture
def shop(books):
    return books.key("forn's till", party="forn")


@pytest.fixture
def resident(books):
    return books.key("ana's app", party="ana")


def test_a_partys_key_pays_from_it_or_charges_to_it_and_nothing_else(books, asking, shop, resident):
    def status(by: str, payer: str, payee: str) -> int:
        return asking("POST", "/payments", json=payment(books, payer, payee, 1), key=fresh(), by=by).status

    assert status(resident, "ana", "forn") == 201
    assert status(shop, "ana", "forn") == 201
    assert status(shop, "forn", "llibres") == 201
    assert status(shop, "ana", "llibres") == 403
    assert status(resident, "pere", "llibres") == 403
    assert status(books.key("may not charge", party="forn", scopes=[Scope.PAYMENTS_WRITE]), "ana", "forn") == 403
    assert status(books.key("may only charge", party="forn", scopes=[Scope.PAYMENTS_CHARGE]), "forn", "llibres") == 403


def test_a_batch_is_judged_payment_by_payment(books, asking, shop):
    asked = [{"key": fresh(), **payment(books, "ana", payee, 1)} for payee in ("forn", "llibres")]
    outcomes = asking("POST", "/payments/batch", json={"payments": asked}, by=shop).json["outcomes"]
    assert [one["status"] for one in outcomes] == ["posted", "refused"]
    assert outcomes[1]["problem"]["code"] == "api.outside-of-party"


def test_whoever_charges_learns_nothing_about_the_payers_purses(books, asking, shop):
    body = payment(books, "ana", "forn", 900_00)
    single = asking("POST", "/payments", json=body, key=fresh(), by=shop).json
    in_batch = asking("POST", "/payments/batch", json={"payments": [{"key": "k", **body}]}, by=shop).json
    held = asking("POST", "/holds", json={**body, "lapses_at": later()}, key=fresh(), by=shop).json
    for problem in (single, in_batch["outcomes"][0]["problem"], held):
        assert problem["code"] == "payments.not-payable"
        assert {"grounds", "fields"} & set(problem) == set()
        assert not any(mark.isdigit() for mark in problem["detail"])


def test_a_party_reads_its_own_and_others_are_not_there(books, asking, shop, resident):
    made = asking("POST", "/payments", json=payment(books, "ana", "forn", 5), key=fresh(), by=books.key()).json["id"]
    other = asking("POST", "/payments", json=payment(books, "ana", "llibres", 5), key=fresh(), by=books.key()).json[
        "id"
    ]
    assert asking("GET", f"/payments/{made}", by=resident).json["payer"] == books.party("ana")
    assert asking("GET", f"/payments/{made}", by=shop).json["payer"] is None
    for path in (f"/payments/{other}", f"/payments/{other}/refunds", f"/payments/{NOBODY}"):
        told = asking("GET", path, by=shop)
        assert (told.status, told.code) == (404, "api.no-such-thing")
    for what in ("purses", "movements"):
        assert asking("GET", f"/parties/{books.party('forn')}/{what}", by=shop).status == 200
        answers = {
            asking("GET", f"/parties/{party}/{what}", by=shop).body.split(b'"request_id"')[0]
            for party in (books.party("ana"), NOBODY, "x", "1")
        }
        assert len(answers) == 1  # Somebody else's and nobody's read the same.


def test_movements_of_a_shop_do_not_say_which_people_paid(books, asking, shop):
    asking("POST", "/payments", json=payment(books, "ana", "forn", 5), key=fresh(), by=books.key())
    path = f"/parties/{books.party('forn')}/movements"
    assert asking("GET", path, by=shop).json["movements"][0]["counterparty"] is None
    assert asking("GET", path, by=books.key()).json["movements"][0]["counterparty"] == books.party("ana")


def test_only_the_payee_gives_back_captures_and_releases(books, asking, shop, resident):
    made = asking("POST", "/payments", json=payment(books, "ana", "forn", 5), key=fresh(), by=books.key()).json["id"]
    refunds = f"/payments/{made}/refunds"
    assert asking("POST", refunds, json={}, key=fresh(), by=resident).code == "api.outside-of-party"
    assert asking("POST", refunds, json={}, key=fresh(), by=books.key("b", party="llibres")).status == 404
    assert asking("POST", refunds, json={}, key=fresh(), by=shop).status == 201
    body = {**payment(books, "ana", "forn", 5), "lapses_at": later()}
    for verb in ("capture", "release"):
        hold = asking("POST", "/holds", json=body, key=fresh(), by=shop).json["id"]
        path = f"/holds/{hold}/{verb}"
        assert asking("POST", path, json={}, key=fresh(), by=resident).code == "api.outside-of-party"
        assert asking("POST", path, json={}, key=fresh(), by=books.key("b", party="llibres")).status == 404
        assert asking("POST", path, json={}, key=fresh(), by=shop).status in (200, 201)


def test_a_party_manages_its_own_webhooks_only(books, asking, shop):
    asked = {"url": "https://shop.example/hook", "events": ["payment.posted"]}
    mine = asking("POST", "/webhooks", json=asked, by=shop)
    assert (mine.status, mine.json["webhook"]["party"]) == (201, books.party("forn"))
    towns = asking("POST", "/webhooks", json=asked, by=books.key()).json["webhook"]["id"]
    assert asking("POST", "/webhooks", json={**asked, "party": books.party("ana")}, by=shop).status == 403
    listed = asking("GET", "/webhooks", by=shop).json["webhooks"]
    assert [one["id"] for one in listed] == [mine.json["webhook"]["id"]]
    for method, path in [
        ("GET", f"/webhooks/{towns}"),
        ("DELETE", f"/webhooks/{towns}"),
        ("POST", f"/webhooks/{towns}/secret"),
        ("POST", f"/webhooks/{towns}/resume"),
        ("GET", f"/webhooks/{towns}/deliveries"),
        ("POST", f"/webhooks/{towns}/deliveries/{NOBODY}/send-again"),
    ]:
        assert asking(method, path, by=shop).status == 404
    assert asking("DELETE", f"/webhooks/{mine.json['webhook']['id']}", by=shop).status == 204


def test_webhooks_are_not_sent_inside(books, asking):
    for url in ("http://shop.example/", "https://127.0.0.1/", "https://169.254.169.254/latest", "https://localhost/x"):
        told = asking("POST", "/webhooks", json={"url": url, "events": ["payment.posted"]}, by=books.key())
        assert (told.status, told.code) == (422, "outbox.address-refused")


# One town and another


def test_a_credential_is_of_one_town(books, asking):
    other = build_books(books.conn, slug=f"altra-{fresh()[:8]}")
    theirs = asking("POST", "/payments", json=payment(other, "ana", "forn", 5), key="k", by=other.key()).json["id"]
    for path in (
        f"/payments/{theirs}",
        f"/parties/{other.party('ana')}/purses",
        f"/parties/{other.party('ana')}/movements",
    ):
        assert asking("GET", path, by=books.key()).status == 404
    crossing = {"payer": books.party("ana"), "payee": other.party("forn"), "amount_minor": 1, "unit": "REC"}
    told = asking("POST", "/payments", json=crossing, key=fresh(), by=books.key())
    assert (told.status, told.code) == (404, "parties.not-found")
    assert asking("POST", f"/payments/{theirs}/refunds", json={}, key=fresh(), by=books.key()).status == 404


def test_a_secret_of_one_town_is_none_of_another(books, asking):
    secret = books.key()
    town = rules.town_of(secret)
    renamed = secret.replace(f"_{town}_", f"_{town + 1}_")
    assert rules.town_of(renamed) is None
    assert asking("GET", "/whoami", by=renamed).status == 401


# Ends and revocation


def test_a_revoked_key_is_not_taken_any_more_after_the_bound(books, asking, api):
    secret = books.key("to be revoked")
    assert asking("GET", "/whoami", by=secret).status == 200
    credential = books.secrets["to be revoked"].id
    operations.revoke_key(books.conn, town_id=books.town.id, credential=credential, actor="test", at=datetime.now(UTC))
    books.conn.commit()
    clock, api.credentials._clock = api.credentials._clock, lambda: clock() + STALE_AFTER_SECONDS
    try:
        assert asking("GET", "/whoami", by=secret).status == 401
    finally:
        api.credentials._clock = clock
    with pytest.raises(CredentialUnknown):
        operations.revoke_key(
            books.conn, town_id=books.town.id, credential=credential, actor="test", at=datetime.now(UTC)
        )
    books.conn.rollback()


def test_a_shops_key_takes_nothing_out_of_the_towns_own_till(books, asking):
    books.town.parties["the town"] = books.town.party
    by = books.key("forn's", party="forn")
    taken = payment(books, "the town", "forn", 1)
    for path, body in (("/payments", taken), ("/holds", taken | {"lapses_at": later()})):
        told = asking("POST", path, json=body, key=fresh(), by=by)
        assert (told.status, told.code) == (403, "api.town-credential-needed")
    asked = {"payments": [{"key": fresh(), **taken}]}
    [outcome] = asking("POST", "/payments/batch", json=asked, key=fresh(), by=by).json["outcomes"]
    assert (outcome["status"], outcome["problem"]["code"]) == ("refused", "api.town-credential-needed")


def test_whatever_the_programs_of_a_party_had_ends_with_the_partys_data(books, asking, api):
    gone = books.town.shop("gone")
    key = books.key("gone's key", party="gone")
    books.key("gone's client", kind="client", party="gone")
    client = books.secrets["gone's client"]
    form = {
        "grant_type": "client_credentials", "client_id": rules.client_id(books.town.id, client.id),
        "client_secret": client.secret,
    }  # fmt: skip
    secrets = [key, token(asking, form).json["access_token"]]
    assert [asking("GET", "/whoami", by=secret).status for secret in secrets] == [200, 200]
    Vault(books.conn, Secrets.fresh()).erase(gone, actor="user:1", reason="asked", at=datetime.now(UTC))
    books.conn.commit()
    clock, api.credentials._clock = api.credentials._clock, lambda: clock() + STALE_AFTER_SECONDS
    try:
        assert [asking("GET", "/whoami", by=secret).status for secret in secrets] == [401, 401]
    finally:
        api.credentials._clock = clock
    assert token(asking, form).status == 401


def test_a_key_is_not_taken_after_its_end(books, asking, api):
    secret = books.key("ends", expires_at=datetime.now(UTC) + timedelta(seconds=60))
    assert asking("GET", "/whoami", by=secret).status == 200
    clock, api.credentials._clock = api.credentials._clock, lambda: clock() + 0.5
    for known in api.credentials._known.values():
        if known.credential.name == "ends":
            known.ends = clock()
    try:
        # Its end has come while it was known; the database, asked anew, still has its real end.
        assert api.credentials.at_once(f"Bearer {secret}".encode()) is None
    finally:
        api.credentials._clock = clock


def test_only_a_hash_of_a_secret_is_kept(books):
    secret = books.key()
    kept = books.conn.execute("SELECT credential::text FROM api.credential AS credential").fetchall()
    books.conn.rollback()
    assert [rules.digest(secret).hex() in row[0] for row in kept].count(True) == 1
    assert not any(secret in row[0] or secret[14:] in row[0] for row in kept)


def test_a_credential_that_makes_no_sense_is_not_made(books):
    asked = {"town_id": books.town.id, "name": "x", "actor": "test", "at": datetime.now(UTC)}
    with pytest.raises(ScopeUnknown):
        operations.add_key(books.conn, **asked, scopes=["payments:write", "everything"])
    for wrong in ({"scopes": []}, {"expires_at": asked["at"]}, {"requests_per_second": 0}, {"name": "a\nb"}):
        with pytest.raises(CredentialInvalid):
            operations.add_key(books.conn, **{**asked, "scopes": EVERYTHING, **wrong})
    books.conn.rollback()


# OAuth2


def token(asking, form: dict[str, str], **headers: str):
    return asking(
        "POST", "/oauth2/token", body=urlencode(form).encode(),
        headers={"content-type": "application/x-www-form-urlencoded", **headers},
    )  # fmt: skip


@pytest.fixture
def client(books):
    books.key("client", kind="client", scopes=[Scope.PAYMENTS_READ, Scope.ACCOUNTS_READ])
    return books.secrets["client"]


def basic(name: str, secret: str) -> str:
    return "Basic " + b64encode(f"{name}:{secret}".encode()).decode()


def test_a_client_buys_a_token_by_either_way_of_showing_its_secret(asking, client):
    in_form = token(
        asking,
        {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": client.secret},
    )
    by_header = token(
        asking,
        {"grant_type": "client_credentials", "scope": "payments:read"},
        authorization=basic(client.client_id, client.secret),
    )
    assert (in_form.status, in_form.json["token_type"], in_form.json["expires_in"]) == (200, "Bearer", 3600)
    assert in_form.headers["cache-control"] == "no-store"
    assert by_header.json["scope"] == "payments:read"
    who = asking("GET", "/whoami", by=by_header.json["access_token"]).json
    assert (who["kind"], who["scopes"]) == ("client", ["payments:read"])
    assert asking("GET", f"/parties/{NOBODY}/purses", by=by_header.json["access_token"]).code == "api.scope-missing"


def test_a_clients_secret_is_no_key_and_a_key_buys_no_token(books, asking, client):
    assert asking("GET", "/whoami", by=client.secret).status == 401
    key = books.secrets.get("all") or (books.key() and books.secrets["all"])
    told = token(asking, {"grant_type": "client_credentials"}, authorization=basic(key.client_id, key.secret))
    assert (told.status, told.json["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("form", "header", "status", "error"),
    [
        ({}, "right", 400, "invalid_request"),
        ({"grant_type": "password"}, "right", 400, "unsupported_grant_type"),
        ({"grant_type": "client_credentials", "scope": "payments:write"}, "right", 400, "invalid_scope"),
        ({"grant_type": "client_credentials"}, "", 401, "invalid_client"),
        ({"grant_type": "client_credentials"}, "Basic !!!", 401, "invalid_client"),
        ({"grant_type": "client_credentials"}, "Bearer x", 401, "invalid_client"),
        ({"grant_type": "client_credentials"}, "wrong", 401, "invalid_client"),
        ({"grant_type": "client_credentials", "client_secret": "x"}, "right", 400, "invalid_request"),
        ({"grant_type": "client_credentials", "client_id": "x"}, "right", 400, "invalid_request"),
    ],
)
def test_a_token_is_refused_as_the_standard_has_it(asking, client, form, header, status, error):
    known = {
        "right": basic(client.client_id, client.secret),
        "wrong": basic(client.client_id, rules.new_secret("live", rules.town_of(client.secret))),
    }
    headers = {"authorization": known.get(header, header)} if header else {}
    told = token(asking, form, **headers)
    assert (told.status, told.json["error"]) == (status, error)
    assert told.status != 401 or told.headers["www-authenticate"].startswith("Basic")


def test_a_revoked_clients_tokens_end_with_it(books, asking, client, api):
    made = token(asking, {"grant_type": "client_credentials"}, authorization=basic(client.client_id, client.secret))
    access = made.json["access_token"]
    assert asking("GET", "/whoami", by=access).status == 200
    operations.revoke_key(books.conn, town_id=books.town.id, credential=client.id, actor="test", at=datetime.now(UTC))
    books.conn.commit()
    del books.secrets["client"]
    clock, api.credentials._clock = api.credentials._clock, lambda: clock() + STALE_AFTER_SECONDS
    try:
        assert asking("GET", "/whoami", by=access).status == 401
    finally:
        api.credentials._clock = clock


def test_a_flood_of_invented_keys_keeps_nobody_out(books, asking, api):
    """Each has a right checksum, so that each is looked up; who is known already does not wait behind them."""
    secret = books.key()
    assert asking("GET", "/whoami", by=secret).status == 200
    invented = [rules.new_secret("live", books.town.id) for _ in range(400)]
    flood = [asking.begin("GET", "/whoami", by=one) for one in invented]
    clock, api.credentials._clock = api.credentials._clock, lambda: clock() + STALE_AFTER_SECONDS
    try:
        assert asking("GET", "/whoami", by=secret).status == 200  # It had to be looked up anew.
    finally:
        api.credentials._clock = clock
    assert {one.result(60).status for one in flood} <= {401, 503}
