"""Finds a route by the first two segments of its path, however many routes there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from starlette.routing import BaseRoute, Match, NoMatchFound, Route, Router
from starlette.types import Receive, Scope, Send

_Segments = tuple[str, str]


def segments(path: str) -> _Segments:
    """The first two segments of a path; empty ones if it has fewer."""
    _, first, second, *_ = [*path.split("/", 3), "", ""]
    return first, second


class BySegments(BaseRoute):
    """Stands for many routes, of which only those with the first segments of a request's path are tried, in order."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = list(routes)
        found = {segments(route.path) for route in routes}
        plain = {pair for pair in found if "{" not in pair[1]}
        self._routers = {pair: Router(self._at(*pair)) for pair in plain}
        self._others = {first: Router(self._at(first, "{")) for first, _ in found}
        self._nothing = Router()

    def _at(self, first: str, second: str) -> list[BaseRoute]:
        """The routes that may fit a path with these segments."""
        pairs = [(route, segments(route.path)) for route in self.routes]
        return [route for route, pair in pairs if pair[0] == first and ("{" in pair[1] or pair[1] == second)]

    def matches(self, _scope: Scope) -> tuple[Match, Scope]:
        return Match.FULL, {}

    def url_path_for(self, name: str, /, **path_params: Any) -> NoReturn:
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        pair = segments(scope["path"])
        router = self._routers.get(pair) or self._others.get(pair[0], self._nothing)
        await router(scope, receive, send)
