"""The OpenAPI 3.1 document, from the table of routes and the definitions of messages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import msgspec

from koinon.api import errors, messages, problems, types, words
from koinon.api.routes import Route
from koinon.kernel.errors import KoinonError

_REF = "#/components/schemas/{name}"
_ALWAYS: tuple[type[KoinonError], ...] = (errors.HeadersAmbiguous,)
_WITH_CREDENTIAL: tuple[type[KoinonError], ...] = (errors.CredentialRefused, errors.TooManyRequests, errors.NotReady)
TAGS = {
    "payments": "Paying, one at a time or many at once.",
    "refunds": "Giving back.",
    "holds": "Reserving money now, to pay it later.",
    "requests": "Asking to be paid an amount, by whoever it is shown to.",
    "accounts": "What a party has, and what moved.",
    "webhooks": "Being told.",
    "credentials": "Who asks.",
    "service": "The service itself.",
}


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """The whole description, in JSON's own types."""
    told: list[Any] = [messages.Problem, messages.TokenRefused]
    for route in routes:
        told += [kind for kind in (route.asks, route.answers) if kind is not None and kind is not dict]
    _schemas, components = msgspec.json.schema_components(dict.fromkeys(told), ref_template=_REF)
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for route in routes:
        paths[route.path][route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Koinon",
            "version": version("koinon"),
            "summary": "Payments in a town's own currency.",
            "description": _ABOUT,
            "license": {"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
        },
        "servers": [{"url": problems.PREFIX}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": dict(paths),
        "components": {
            "schemas": components,
            "headers": _HEADERS,
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "koinon_live_… or koinon_test_…",
                    "description": "An API key, or an access token.",
                },
                "client": {
                    "type": "oauth2",
                    "description": "Client credentials (RFC 6749, 4.4).",
                    "flows": {
                        "clientCredentials": {
                            "tokenUrl": f"{problems.PREFIX}/oauth2/token",
                            "scopes": {str(scope): text for scope, text in types.WORDS.items()},
                        }
                    },
                },
            },
        },
    }


_ABOUT = """Amounts are whole minor units beside their unit: `1250` `XTS` is 12.50.

Requests that move money carry an `Idempotency-Key`. The same key with the same content gives the first result again, \
with the header `Idempotency-Replayed: true`; with other content it is refused. A refused request does not use its key up.

Errors are problem documents (RFC 9457) with a stable `code`. 503 and 429 say in `Retry-After` when to try again.
"""

_HEADERS: dict[str, Any] = {
    "RequestId": {
        "description": "Names this request in the log; the client's own X-Request-ID where that was sent.",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "What is left of the rate (draft-ietf-httpapi-ratelimit-headers).",
        "schema": {"type": "string", "examples": ['"default";r=983;t=1']},
    },
    "RateLimitPolicy": {
        "description": "The rate of this credential: so many requests in so many seconds.",
        "schema": {"type": "string", "examples": ['"default";q=1000;w=10']},
    },
    "RetryAfter": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}},
    "ETag": {"description": "Tag of what was read, for If-None-Match.", "schema": {"type": "string"}},
    "Location": {"description": "Where it can be read.", "schema": {"type": "string"}},
    "Link": {"description": "The first page and the next one (RFC 8288).", "schema": {"type": "string"}},
    "IdempotencyReplayed": {
        "description": "`true` where the key had been used before, and this is what came of it then.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "WwwAuthenticate": {"description": "How to authenticate (RFC 6750).", "schema": {"type": "string"}},
}


def _header(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/headers/{name}"}


def _operation(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "description": route.description,
        "tags": [route.tag],
        "parameters": _parameters(route),
        "responses": _responses(route),
    }
    if not found["parameters"]:
        del found["parameters"]
    if route.asks is not None:
        found["requestBody"] = {"required": True, "content": {route.media_type: _body(route)}}
    if route.public:
        found["security"] = []
    else:
        found["security"] = [{"key": []}] + [
            {"client": [str(scope)]} for scope in route.scopes or (next(iter(types.Scope)),)
        ]  # fmt: skip
    return found


def _body(route: Route) -> dict[str, Any]:
    if route.asks is dict:
        return {
            "schema": {
                "type": "object",
                "required": ["grant_type"],
                "properties": {
                    "grant_type": {"const": "client_credentials"},
                    "client_id": {"type": "string"},
                    "client_secret": {"type": "string"},
                    "scope": {"type": "string", "description": "Some of the client's scopes, by spaces; else all."},
                },
            },
            "example": route.example,
        }
    return {"schema": {"$ref": _REF.format(name=route.asks.__name__)}, "example": route.example}


def _parameters(route: Route) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = []
    for part in route.path.split("/"):
        if part.startswith("{"):
            name = part[1:-1]
            schema: dict[str, Any] = {"type": "string", "format": "uuid"}
            if name == "code":
                schema = {"type": "string", "examples": ["payments.not-payable"], "minLength": 1}
            listed.append({"name": name, "in": "path", "required": True, "schema": schema})
    if route.moves_money:
        listed.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": True,
                "description": "Names this request, for good: a UUID (version 7 is found fastest) or any text.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
                "example": "receipt-2041",
            }
        )
    if route.parameters is not None:
        schemas = msgspec.json.schema_components([route.parameters], ref_template=_REF)[1][route.parameters.__name__]
        for name, schema in schemas["properties"].items():
            listed.append({"name": name, "in": "query", "required": False, "schema": schema})
    if route.has_etag:
        listed.append(
            {
                "name": "If-None-Match",
                "in": "header",
                "required": False,
                "description": "The ETag of what the client has.",
                "schema": {"type": "string"},
            }
        )
    return listed


def _responses(route: Route) -> dict[str, Any]:
    headers: dict[str, Any] = {"X-Request-ID": _header("RequestId")}
    if not route.public:
        headers |= {"RateLimit": _header("RateLimit"), "RateLimit-Policy": _header("RateLimitPolicy")}
    good = dict(headers)
    if route.moves_money:
        good["Idempotency-Replayed"] = _header("IdempotencyReplayed")
    if route.status == 201 and route.name not in ("refund", "add_webhook"):
        good["Location"] = _header("Location")
    if route.has_etag:
        good["ETag"] = _header("ETag")
    if route.parameters is not None:
        good["Link"] = _header("Link")
    done = "What was asked for." if route.method == "GET" else f"{route.summary}: done."
    found: dict[str, Any] = {str(route.status): {"description": done, "headers": good}}
    if route.answers is not None:
        schema = {"type": "object"} if route.answers is dict else {"$ref": _REF.format(name=route.answers.__name__)}
        found[str(route.status)]["content"] = {"application/json": {"schema": schema}}
    if route.has_etag:
        found["304"] = {"description": "The client has it already.", "headers": good}
    refusals = [*_ALWAYS, *route.refuses]
    if not route.public:
        refusals += _WITH_CREDENTIAL
    by_status: dict[int, list[type[KoinonError]]] = defaultdict(list)
    for refusal in dict.fromkeys(refusals):
        by_status[problems.status_of(refusal)].append(refusal)
    if route.asks is not None and route.asks is not dict and route.moves_money:
        by_status[409] = by_status.get(409, [])
    for status, kinds in sorted(by_status.items()):
        found[str(status)] = _problem(status, kinds, headers)
    if route.name == "token":
        found |= _token_refusals(headers)
    found["500"] = _problem(500, [], headers)
    return found


def _problem(status: int, kinds: Sequence[type[KoinonError]], headers: dict[str, Any]) -> dict[str, Any]:
    told = dict(headers)
    if status in (429, 503):
        told["Retry-After"] = _header("RetryAfter")
    if status in (401, 403):
        told["WWW-Authenticate"] = _header("WwwAuthenticate")
    lines = [f"- `{kind.code}`: {problems.meaning(kind)}" for kind in kinds]
    if status == 409:
        lines.append("- any refusal of the payment rules or the ledger, by its code")
    if status == 500:
        lines = ["A defect of ours, which was noted."]
    content: dict[str, Any] = {"schema": {"$ref": _REF.format(name="Problem")}}
    if kinds:
        content["examples"] = {kind.code: {"value": _example(kind, status)} for kind in kinds}
    return {
        "description": "\n".join(lines),
        "headers": told,
        "content": {"application/problem+json": content},
    }


def _example(kind: type[KoinonError], status: int) -> dict[str, Any]:
    return {
        "type": f"{problems.PREFIX}/problems/{kind.code}",
        "title": words.title(kind.code, "en"),
        "status": status,
        "detail": problems.meaning(kind),
        "code": kind.code,
        "request_id": "k3zq7w2a-1f",
    }


def _token_refusals(headers: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": _REF.format(name="TokenRefused")}}}
    both = {**content, "application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}}
    return {
        "400": {"description": "The request makes no sense (RFC 6749, 5.2).", "headers": headers, "content": both},
        "401": {
            "description": "The client is not known by this name and secret (RFC 6749, 5.2).",
            "headers": {**headers, "WWW-Authenticate": _header("WwwAuthenticate")},
            "content": content,
        },
        "429": {
            "description": "Too many tokens; use one until it ends.",
            "headers": {**headers, "Retry-After": _header("RetryAfter")},
            "content": content,
        },
    }
