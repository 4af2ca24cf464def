"""Subscriptions: a client is notified of changes by any process, in both versions of the protocol."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from mcp.server import MCPServer, ServerRequestContext
from mcp.server.context import CallNext, HandlerResult
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
)
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    EmptyResult,
    SubscribeRequestParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    UnsubscribeRequestParams,
)

from cis_mcp.auth.callers import Caller, CallerAuthenticator, TokenRefused
from cis_mcp.mcp.callers import current
from cis_mcp.mcp.compat import connection as connection_of
from cis_mcp.mcp.compat import low_level
from cis_mcp.mcp.hints import sentence
from cis_mcp.mcp.notifier import Notifier
from cis_mcp.mcp.resources import ResourceView
from cis_mcp.mcp.resources.listing import listed
from engine.refusals import Refused
from engine.watching import Sight

URIS_MAX = 100
"""The most resources that one stream or session may watch."""
STREAMS_MAX = 32
"""The most open streams of one caller."""
_ALL_STREAMS_MAX = 1_024
_SESSION = "cis_mcp.mcp.subscriptions"
_LIST = "the list of "

Ctx = ServerRequestContext[Any, Any]
Welcome = Callable[[Caller | None], Awaitable[bool]]


def welcome(authenticator: CallerAuthenticator | None) -> Welcome:
    """Checks again whether a caller's token is valid; a caller without one may stay."""

    async def still(caller: Caller | None) -> bool:
        if caller is None or authenticator is None:
            return True
        try:
            return await authenticator.caller(caller.token) is not None
        except TokenRefused:
            return False

    return still


class StreamBus:
    """The notifications for one stream: those to all, and those about what this stream watches."""

    def __init__(self, shared: InMemorySubscriptionBus) -> None:
        self._shared = shared
        self._listener: Callable[[ServerEvent], None] = lambda _: None

    async def publish(self, event: ServerEvent) -> None:
        """Send an event to all listeners."""
        await self._shared.publish(event)

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        """Add a listener; call the result to remove it."""
        self._listener = listener
        return self._shared.subscribe(listener)

    async def tell(self, name: str) -> None:
        """Notify this stream that a resource, or the list of resources, has changed."""
        self._listener(ResourcesListChanged() if name.startswith(_LIST) else ResourceUpdated(uri=name))


@dataclass
class _Session:
    """The resources that one session of the older protocol watches, by URI, each with how to stop.

    `caller`: the caller of its latest request, since a session outlives its tokens.
    """

    notifier: Notifier
    caller: Caller | None
    watched: dict[str, Callable[[], None]] = field(default_factory=dict)

    def close(self) -> None:
        for leave in self.watched.values():
            leave()
        self.watched.clear()
        self.notifier.close()


class Subscriptions:
    """Serves `subscriptions/listen` (2026-07-28), and `resources/subscribe` of the protocol before it.

    `welcome` says whether a caller is still accepted, since keys are revoked and tokens expire.
    """

    def __init__(self, view: ResourceView, welcome: Welcome) -> None:
        self.bus = InMemorySubscriptionBus()
        self._view = view
        self._welcome = welcome
        self._streams: Counter[str] = Counter()
        self._server: MCPServer[Any] | None = None

    def add_to(self, server: MCPServer[Any]) -> None:
        """Add the handlers to `server`, which must use our bus."""
        self._server = server
        # The SDK's public way knows no subscriptions of the older protocol, and lets everybody hear everything.
        low = low_level(server)
        low.add_request_handler("subscriptions/listen", SubscriptionsListenRequestParams, self._listen)
        low.add_request_handler("resources/subscribe", SubscribeRequestParams, self._subscribe)
        low.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, self._unsubscribe)
        server.middleware.append(self._note_caller)

    # since 2026-07-28

    async def _listen(self, ctx: Ctx, params: SubscriptionsListenRequestParams) -> SubscriptionsListenResult:
        """Serve one stream until its client disconnects, for those resources that the caller has."""
        wanted = params.notifications
        uris = list(dict.fromkeys(wanted.resource_subscriptions or ()))
        if len(uris) > URIS_MAX:
            raise MCPError(INVALID_PARAMS, f"One stream watches up to {URIS_MAX} resources.")
        sights, honored = await self._visible(uris)
        if wanted.resources_list_changed:
            sights |= self._own_list()
        notifications = wanted.model_copy(update={"resource_subscriptions": honored})
        stream = StreamBus(self.bus)
        handler = ListenHandler(stream)
        with self._counted():
            async with self._hearing(sights, stream, handler):
                return await handler(ctx, params.model_copy(update={"notifications": notifications}))

    async def _visible(self, uris: list[str]) -> tuple[dict[str, Sight], list[str]]:
        """How to watch those of `uris` that the caller has and that can change; and all of them that it has."""
        sights: dict[str, Sight] = {}
        honored = []
        for uri in uris:
            with contextlib.suppress(Refused, MCPError):
                sight = await self._sight(uri)
                honored.append(uri)
                if sight:
                    sights[uri] = sight
        return sights, honored

    def _own_list(self) -> dict[str, Sight]:
        """How to detect changes of the caller's list of resources."""
        call = self._view.call
        actor, whose = call.actor, "all" if call.actor.everywhere else call.actor.address
        if not actor.may_read or actor.domain:
            return {}
        return {f"{_LIST}{whose}": Sight(partial(listed, call.engine, actor))}

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        address = self._view.call.actor.address
        if self._streams[address] >= STREAMS_MAX or self._streams.total() >= _ALL_STREAMS_MAX:
            raise MCPError(INTERNAL_ERROR, "Too many streams are open; close one first.")
        self._streams[address] += 1
        try:
            yield
        finally:
            self._streams -= Counter([address])

    @asynccontextmanager
    async def _hearing(
        self, sights: Mapping[str, Sight], stream: StreamBus, handler: ListenHandler
    ) -> AsyncIterator[None]:
        """Send changes of `sights` to `stream`, and end it once its caller is no longer accepted."""
        caller = current()
        notifier = Notifier(stream.tell, lambda news: self._stays(caller if news else None), handler.close)
        try:
            leave = await self._listened(sights, notifier)
            try:
                yield
            finally:
                leave()
        finally:
            notifier.close()

    # until 2025-11-25

    async def _subscribe(self, ctx: Ctx, params: SubscribeRequestParams) -> EmptyResult:
        session = self._session(ctx)
        uri = str(params.uri)
        if uri in session.watched:
            return EmptyResult()
        if len(session.watched) >= URIS_MAX:
            raise MCPError(INVALID_PARAMS, f"One session watches up to {URIS_MAX} resources.", {"uri": uri})
        session.watched[uri] = lambda: None
        try:
            sight = await self._sight(uri)
            leave = await self._listened({uri: sight} if sight else {}, session.notifier)
        except BaseException:
            session.watched.pop(uri, None)
            raise
        if session.watched.pop(uri, None) is None:
            leave()
        else:
            session.watched[uri] = leave
        return EmptyResult()

    async def _unsubscribe(self, ctx: Ctx, params: UnsubscribeRequestParams) -> EmptyResult:
        leave = self._session(ctx).watched.pop(str(params.uri), None)
        if leave:
            leave()
        return EmptyResult()

    def _session(self, ctx: Ctx) -> _Session:
        """The watched resources of this request's session, stored with its connection and closed with it."""
        connection = connection_of(ctx.session)
        if not connection.has_standalone_channel:
            raise MCPError(
                INVALID_REQUEST, "This connection carries no notifications; read the resource again."
            )
        found = connection.state.get(_SESSION)
        if not isinstance(found, _Session):
            found = connection.state[_SESSION] = self._new_session(ctx)
            connection.exit_stack.callback(found.close)
        return found

    def _new_session(self, ctx: Ctx) -> _Session:
        def end() -> None:
            session.close()
            connection_of(ctx.session).state.pop(_SESSION, None)

        async def stays(news: bool) -> bool:
            return await self._stays(session.caller if news else None)

        session = _Session(Notifier(ctx.session.send_resource_updated, stays, end), current())
        return session

    async def _note_caller(self, ctx: Ctx, call_next: CallNext) -> HandlerResult:
        session = connection_of(ctx.session).state.get(_SESSION)
        if isinstance(session, _Session):
            session.caller = current()
        return await call_next(ctx)

    # both

    async def _stays(self, caller: Caller | None) -> bool:
        """True while the server runs and `caller`, if given, is accepted."""
        return not self._view.call.leaving() and await self._welcome(caller)

    async def _sight(self, uri: str) -> Sight | None:
        """How to watch `uri`; None if it never changes. Raises MCPError if the caller has no such resource."""
        try:
            sight = await self._view.sight(uri)
        except Refused as refused:
            raise MCPError(
                INVALID_PARAMS, f"{refused.code.value}: {sentence(refused)}", {"uri": uri}
            ) from None
        if sight is None and uri not in await self._fixed():
            raise MCPError(INVALID_PARAMS, f"Unknown resource: {uri[:200]}", {"uri": uri[:2_000]})
        return sight

    async def _fixed(self) -> set[str]:
        return {resource.uri for resource in await self._server.list_resources()} if self._server else set()

    async def _listened(self, sights: Mapping[str, Sight], notifier: Notifier) -> Callable[[], None]:
        try:
            return await self._view.call.engine.watch.listen(sights, notifier.changed)
        except Refused as refused:
            raise MCPError(INTERNAL_ERROR, f"{refused.code.value}: {sentence(refused)}") from None
