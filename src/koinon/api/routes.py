"""Which address answers what: the table that serves requests and that OpenAPI is made from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from koinon.api.errors import MethodNotAllowed, NoSuchRoute
from koinon.api.types import Scope

if TYPE_CHECKING:
    from koinon.api.asking import Answer, Ask
    from koinon.kernel.errors import KoinonError

KIB = 1024
Handler = Callable[["Ask"], Awaitable["Answer"]]


@dataclass(frozen=True, slots=True)
class Route:
    """One address with one method.

    ``path`` begins after /api/v1 and names its variable parts in braces. ``scopes``: the credential has one of these.
    ``moves_money`` asks for an Idempotency-Key. ``refuses`` are the refusals that OpenAPI names beside the usual ones.
    """

    method: str
    path: str
    name: str
    handler: Handler
    summary: str
    description: str
    answers: Any
    status: int = 200
    asks: Any = None
    media_type: str = "application/json"
    parameters: Any = None
    scopes: tuple[Scope, ...] = ()
    public: bool = False
    moves_money: bool = False
    has_etag: bool = False
    limit: int = 16 * KIB
    refuses: Sequence[type[KoinonError]] = ()
    example: Mapping[str, Any] | None = None
    tag: str = "payments"
    needed: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "needed", frozenset(map(str, self.scopes)))


class Router:
    """Finds the route of a method and a path, and the variable parts of the path."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = tuple(routes)
        self._fixed: dict[str, dict[str, Route]] = {}
        self._variable: dict[int, list[tuple[tuple[str, ...], dict[str, Route]]]] = {}
        for route in routes:
            if "{" not in route.path:
                self._fixed.setdefault(route.path, {})[route.method] = route
                continue
            parts = tuple("" if part.startswith("{") else part for part in route.path[1:].split("/"))
            listed = self._variable.setdefault(len(parts), [])
            for known, methods in listed:
                if known == parts:
                    methods[route.method] = route
                    break
            else:
                listed.append((parts, {route.method: route}))

    def find(self, method: str, path: str) -> tuple[Route, list[str]]:
        """The route and its variable parts; ``NoSuchRoute`` or ``MethodNotAllowed``."""
        methods, given = self._fixed.get(path), []
        if methods is None:
            parts = path[1:].split("/")
            for pattern, offered in self._variable.get(len(parts), ()):
                if all(not fixed or fixed == part for fixed, part in zip(pattern, parts, strict=True)):
                    methods = offered
                    given = [part for fixed, part in zip(pattern, parts, strict=True) if not fixed]
                    break
            else:
                raise NoSuchRoute
        route = methods.get("GET" if method == "HEAD" else method)
        if route is None:
            raise MethodNotAllowed(allowed=sorted(methods))
        return route, given
