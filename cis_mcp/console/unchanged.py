"""Pages that are as they were when they were made last: what they show is read each time, and made again only where it
is another."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from starlette.responses import Response

from cis_mcp.console import web
from cis_mcp.console.guard import Visit
from cis_mcp.pages.web import CompressedBody

_KEPT, _LARGEST = 64, 64_000
"""So many pages are kept, and none that has more bytes once it is packed."""
_BODIES: dict[Hashable, CompressedBody] = {}


def shown(
    visit: Visit, template: str, title: str, of: Hashable, values: Callable[[], Mapping[str, Any]]
) -> Response:
    """A page of this session at this address: all of `values` follows from `of`, the visitor and the address."""
    scope = visit.request.scope
    made = (template, scope["path"], scope["query_string"], of, visit.own(title), visit.actor)
    asked = (*made, visit.brand.off, visit.frame)
    # What was done just now, and whose pages are looked at, stands above a page once.
    if b"done=" in scope["query_string"] or visit.chosen or visit.request.method != "GET":
        return visit.show(template, title=title, **values())
    kept = _BODIES.get(asked)
    if kept is not None:
        return web.answered(visit.request, kept, 200)
    return visit.show(template, title=title, on_made=lambda body: _keep(asked, body), **values())


def _keep(asked: Hashable, body: CompressedBody) -> None:
    if len(body.packed or body.raw) > _LARGEST:
        return
    if len(_BODIES) >= _KEPT:
        del _BODIES[next(iter(_BODIES))]
    _BODIES[asked] = body


class Same:
    """Stands for objects that never change in place: equal to what stands for the very same ones."""

    __slots__ = ("_ids", "_things")

    def __init__(self, things: Iterable[object]) -> None:
        # They are kept, so that no other object can take the place of one.
        self._things = tuple(things)
        self._ids = tuple(map(id, self._things))

    def __hash__(self) -> int:
        return hash(self._ids)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self._ids == other._ids
