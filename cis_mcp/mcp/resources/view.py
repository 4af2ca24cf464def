"""One caller's resources, and how to detect changes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from mcp.server.mcpserver.exceptions import ResourceNotFoundError

from cis_mcp.mcp.hints import sentence
from cis_mcp.mcp.resources.kinds import KINDS, ResourceKind
from cis_mcp.mcp.tools.base import CallContext
from engine.engine import SYSTEM
from engine.ownership import sees_addresses
from engine.refusals import Code, Refused
from engine.watching import Sight


@dataclass(frozen=True)
class ResourceView:
    """The resources that the caller of the current request may see.

    `permitted`: whether that caller may use a tool, by name.
    """

    call: CallContext
    permitted: Callable[[str], bool]

    def has(self, kind: ResourceKind) -> bool:
        """True if there are resources of this kind for the caller."""
        actor = self.call.actor
        allowed = self.permitted(kind.tool) and actor.may_read and (actor.everywhere or not kind.operators)
        return allowed and (sees_addresses(actor) or not kind.addresses)

    def found(self, uri: str) -> tuple[ResourceKind, str] | None:
        """The kind of `uri` and what it names; None if it is not one of ours."""
        named = ((kind, kind.named(uri)) for kind in KINDS)
        return next(((kind, name) for kind, name in named if name is not None), None)

    async def text(self, kind: ResourceKind, name: str) -> str:
        """The text of a resource. Raises ResourceNotFoundError if the caller has none of that name."""
        try:
            return await self._read(kind, name)
        except Refused as refused:
            raise ResourceNotFoundError(f"{refused.code.value}: {sentence(refused)}") from None

    async def sight(self, uri: str) -> Sight | None:
        """How to detect changes of a resource; None if `uri` is not one of ours.

        Raises Refused if the caller has no such resource.
        """
        found = self.found(uri)
        if found is None:
            return None
        kind, name = found
        engine = self.call.engine
        if kind.variable == "uid":
            self._require(kind)
            name = (await engine.event(name, self.call.actor)).uid
        await self._look(kind, name)
        event = await kind.event(engine, name) if kind.event else ""
        return Sight(partial(kind.state or kind.read, engine, SYSTEM, name), event)

    async def _read(self, kind: ResourceKind, name: str) -> str:
        self._require(kind)
        return await kind.read(self.call.engine, self.call.actor, name)

    async def _look(self, kind: ResourceKind, name: str) -> None:
        """Check that the caller may read a resource, without reading one that may be large."""
        self._require(kind)
        await (kind.state or kind.read)(self.call.engine, self.call.actor, name)

    def _require(self, kind: ResourceKind) -> None:
        if not self.has(kind):
            raise Refused(Code.NOT_ALLOWED, "There is no such resource for this caller.")
