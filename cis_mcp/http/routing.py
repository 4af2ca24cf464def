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
    """Groups many routes, and tries only those with the first segments of a request's path, in order."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = list(routes)
        pairs: dict[str, list[tuple[str, Route]]] = {}
        for route in routes:
            first, second = segments(route.path)
            pairs.setdefault(first, []).append((second, route))
        self._routers = {
            (first, second): Router(_fitting(second, below))
            for first, below in pairs.items()
            for second in {second for second, _ in below if "{" not in second}
        }
        self._others = {first: Router(_fitting("{", below)) for first, below in pairs.items()}
        self._nothing = Router()

    def matches(self, _scope: Scope) -> tuple[Match, Scope]:
        """As Starlette's routes."""
        return Match.FULL, {}

    def url_path_for(self, name: str, /, **path_params: Any) -> NoReturn:
        """As Starlette's routes."""
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As Starlette's routes."""
        pair = segments(scope["path"])
        router = self._routers.get(pair) or self._others.get(pair[0], self._nothing)
        await router(scope, receive, send)


def _fitting(segment: str, below: Sequence[tuple[str, Route]]) -> list[BaseRoute]:
    """The routes, each with its second segment, that may fit a path which has `segment` there."""
    return [route for second, route in below if "{" in second or second == segment]
