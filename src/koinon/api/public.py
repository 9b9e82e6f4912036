"""What needs no credential: health, the description of the API, kinds of problems, and access tokens."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote_plus

from koinon.api import operations, problems, queries, words
from koinon.api.asking import Answer, Ask
from koinon.api.errors import NoSuchThing, ScopeUnknown
from koinon.api.limits import Bucket
from koinon.api.messages import HealthTold, ProblemTypeTold, TokenRefused, TokenTold, encode
from koinon.api.types import Credential, NewToken

NO_STORE = [(b"cache-control", b"no-store"), (b"pragma", b"no-cache")]
_HEALTHY_FOR_SECONDS = 1.0
_TOKENS_COST = 5  # An access token lasts an hour; a client that asks for one each time should notice.


async def health(ask: Ask) -> Answer:
    """The database answers. Asked at most once a second, however many want to know."""
    api = ask.api
    if api.clock() - api.healthy_at > _HEALTHY_FOR_SECONDS:
        began = api.clock()
        await ask.read(lambda conn: conn.execute("SELECT 1"))
        api.healthy_at = began
    return Answer(200, encode(HealthTold("ok")), NO_STORE)


async def openapi(ask: Ask) -> Answer:
    body, tag = ask.api.description()
    headers = [(b"etag", tag), (b"cache-control", b"public, max-age=300")]
    if ask.if_none_match is not None and tag in [
        one.strip().removeprefix(b"W/") for one in ask.if_none_match.split(b",")
    ]:
        return Answer(304, b"", headers)
    return Answer(200, body, headers)


async def problem_type(ask: Ask) -> Answer:
    kind = problems.every().get(ask.given[0])
    if kind is None:
        raise NoSuchThing
    told = ProblemTypeTold(
        kind.code, words.title(kind.code, "en"), problems.status_of(kind), problems.meaning(kind)
    )  # fmt: skip
    return Answer(200, encode(told), [(b"cache-control", b"public, max-age=300")])


Refusal = Literal[
    "invalid_request", "invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope"
]  # fmt: skip


class _NoToken(Exception):
    def __init__(self, error: Refusal, why: str, status: int = 400) -> None:
        self.told = TokenRefused(error, why)
        self.status = status
        super().__init__(why)


async def token(ask: Ask) -> Answer:
    """Client credentials (RFC 6749, 4.4): the client shows its secret by HTTP Basic or in the form, never both ways."""
    try:
        form = _form(ask.body)
        client_id, secret = _client(ask, form)
        if form.get("grant_type") is None:
            raise _NoToken("invalid_request", "grant_type is missing")
        if form["grant_type"] != "client_credentials":
            raise _NoToken("unsupported_grant_type", "the only grant_type here is client_credentials")

        def given(conn: Any) -> tuple[Credential, NewToken] | None:
            client = queries.client(conn, client_id=client_id, secret=secret)
            if client is None:
                return None
            bucket: Bucket = ask.api.credentials.bucket(client)
            if bucket.take(_TOKENS_COST, now=ask.api.clock()):
                raise _NoToken("invalid_request", "too many tokens; use one until it ends", 429)
            return client, operations.give_token(conn, client=client, scopes=form.get("scope", "").split(), at=ask.now)

        found = await ask.api.doorkeepers.run(given)
        if found is None:
            raise _NoToken("invalid_client", "there is no client with this name and secret", 401)
    except ScopeUnknown as refused:
        return Answer(400, encode(TokenRefused("invalid_scope", str(refused))), NO_STORE)
    except _NoToken as refused:
        headers = list(NO_STORE)
        if refused.status == 401:
            headers.append((b"www-authenticate", b'Basic realm="koinon"'))
        if refused.status == 429:
            headers.append((b"retry-after", b"10"))
        return Answer(refused.status, encode(refused.told), headers)
    made = found[1]
    told = TokenTold(made.access_token, "Bearer", made.expires_in, " ".join(made.scopes))
    return Answer(200, encode(told), NO_STORE)


def _form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError:
        raise _NoToken("invalid_request", "the form cannot be read") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise _NoToken("invalid_request", "a parameter is there more than once")
    return form


def _client(ask: Ask, form: dict[str, str]) -> tuple[str, str]:
    header = ask.authorization
    in_form = (form.get("client_id", ""), form.get("client_secret", ""))
    if header is None:
        if not all(in_form):
            raise _NoToken("invalid_client", "the client has not shown its name and secret", 401)
        return in_form
    if in_form[1]:
        raise _NoToken("invalid_request", "the client shows its secret in one way only")
    scheme, _space, rest = header.partition(b" ")
    try:
        if scheme.lower() != b"basic":
            raise ValueError
        name, colon, secret = b64decode(rest.strip(), validate=True).decode("ascii").partition(":")
    except (ValueError, binascii.Error):
        raise _NoToken("invalid_client", "the Authorization header cannot be read as Basic", 401) from None
    if not colon:
        raise _NoToken("invalid_client", "the Authorization header cannot be read as Basic", 401)
    name, secret = unquote_plus(name), unquote_plus(secret)
    if in_form[0] not in ("", name):
        raise _NoToken("invalid_request", "client_id is not the client that shows its secret")
    return name, secret
