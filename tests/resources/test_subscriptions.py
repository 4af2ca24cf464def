"""Who subscribed hears when its resource changes; nobody hears of what it may not see. Both eras."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import pytest
from mcp import Client, MCPError
from mcp.client.subscriptions import ResourcesListChanged, ResourceUpdated, Subscription, SubscriptionLost
from mcp.server.auth.middleware.auth_context import auth_context_var
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import ResourceUpdatedNotification

from cis_mcp.auth.callers import Caller
from cis_mcp.mcp import notifier, subscriptions
from cis_mcp.mcp.callers import user
from cis_mcp.mcp.server import build_server
from engine import watching
from engine.commands.approvals.deciding import Decide
from engine.commands.campaigns.campaigns import CampaignAction
from engine.commands.invites.invites import SendInvite
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.held import Channel
from engine.model.people import Partstat
from tests.bounds.making import made
from tests.support.engines import (
    ORGANIZER,
    answer,
    attendee,
    control,
    created,
    deliver,
    do,
    drafted,
    invite,
)
from tests.support.waiting import DEADLINE_S, eventually
from tests.tools.caller import Mode, agent

# what the SDK's client calls removed is what clients of the older protocol send
pytestmark = pytest.mark.filterwarnings("ignore:resources/(un)?subscribe is removed")
ANN = agent("ann@example.com")
Heard = list[str]


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LOOK_S", 0.01)


@asynccontextmanager
async def connected(
    engine: Engine, mode: Mode, actor: Actor | None = None, **server: Any
) -> AsyncIterator[tuple[Client, Heard]]:
    """A client, and the URIs of which it was told without a stream."""
    heard: Heard = []

    async def note(message: object) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            heard.append(message.params.uri)

    built = build_server(engine, actor=lambda: actor or engine.local, **server)
    async with Client(built, mode=mode, message_handler=note, raise_exceptions=True) as client:
        yield client, heard


@asynccontextmanager
async def hearing(
    engine: Engine, mode: Mode, *uris: str, actor: Actor | None = None
) -> AsyncIterator[Callable[[], set[str]]]:
    """What a client that subscribed to `uris` was told of, in either era."""
    async with connected(engine, mode, actor) as (client, heard):
        if mode == "legacy":
            for uri in uris:
                await client.subscribe_resource(uri)
            yield lambda: set(heard)
            return
        async with client.listen(resource_subscriptions=uris) as stream:
            assert stream.honored.resource_subscriptions == list(uris)
            noting = asyncio.create_task(_note(stream, heard))
            yield lambda: set(heard)
            noting.cancel()


async def _note(stream: Subscription, heard: Heard) -> None:
    async for event in stream:
        assert isinstance(event, ResourceUpdated)
        heard.append(event.uri)


async def test_an_answer_is_told_of_everything_that_it_changes(engine: Engine, mode: Mode) -> None:
    event = await created(engine)
    other = await created(engine)
    campaign = (await drafted(engine, event, ["x@example.com"])).campaign
    await invite(engine, event, "ann@example.com")
    told = {
        f"event://{event.uid}",
        f"report://{event.uid}.csv",
        f"campaign://{campaign.id}",
        f"stats://event/{event.uid}",
        f"stats://organizer/{ORGANIZER}",
        "stats://system",
    }
    silent = {
        f"event://{other.uid}",
        f"stats://event/{other.uid}",
        f"event://{event.uid}.ics",
        "cis://llms.txt",
    }
    async with hearing(engine, mode, *told, *silent) as heard:
        await answer(engine, await attendee(engine, event, "ann@example.com"), Partstat.ACCEPTED)
        await eventually(lambda: heard() == told)


async def test_a_change_of_the_event_and_a_running_campaign_are_told(engine: Engine, mode: Mode) -> None:
    event = await created(engine)
    draft = await drafted(engine, event, ["x@example.com"])
    uris = (f"event://{event.uid}.ics", f"campaign://{draft.campaign.id}")
    async with hearing(engine, mode, *uris) as heard:
        await control(engine, draft, CampaignAction.START)
        await deliver(engine)
        await eventually(lambda: heard() == {uris[1]})
        async with engine.store.unit() as unit:
            await unit.save_event(event.model_copy(update={"location": "Hall 2"}))
        await eventually(lambda: heard() == set(uris))


async def test_what_became_of_a_held_action_is_told_to_the_key_that_asked(engine: Engine, mode: Mode) -> None:
    key = await made(engine, mode="hold")
    done = await do(engine, SendInvite(uid=(await created(engine)).uid, email="ann@customer.com"), key.actor)
    assert done.held
    uri = f"held://{done.held.id}"
    async with hearing(engine, mode, uri, actor=key.actor) as heard:
        await do(engine, Decide(held_id=done.held.id, approve=True, channel=Channel.COMMAND_LINE))
        await eventually(lambda: heard() == {uri})


async def test_what_is_not_ones_own_cannot_be_watched(engine: Engine) -> None:
    event = await created(engine)
    mine = await created(engine, ANN)
    uris = [f"event://{event.uid}", "event://nothing", "stats://system", "other://x", f"event://{mine.uid}"]
    async with connected(engine, "auto", ANN) as (client, _), client.listen(resource_subscriptions=uris) as s:
        assert s.honored.resource_subscriptions == [f"event://{mine.uid}"]
        await invite(engine, event, "guest@example.com")
        await invite(engine, mine, "guest@example.com")
        assert await anext(s) == ResourceUpdated(uri=f"event://{mine.uid}")
    async with connected(engine, "legacy", ANN) as (client, _):
        for uri in uris[:-1]:
            with pytest.raises(MCPError) as raised:
                await client.subscribe_resource(uri)
            assert raised.value.code == -32602
            assert raised.value.data == {"uri": uri}


async def test_who_unsubscribed_hears_no_more(engine: Engine) -> None:
    one, two = await created(engine), await created(engine)
    async with connected(engine, "legacy") as (client, heard):
        for event in (one, two):
            await client.subscribe_resource(f"event://{event.uid}")
            await client.subscribe_resource(f"event://{event.uid}")
        await client.unsubscribe_resource(f"event://{one.uid}")
        await client.unsubscribe_resource(f"event://{one.uid}")
        await client.unsubscribe_resource("event://never")
        await invite(engine, one, "ann@example.com")
        await invite(engine, two, "ann@example.com")
        await eventually(lambda: f"event://{two.uid}" in heard)
        assert f"event://{one.uid}" not in heard


async def test_nothing_is_watched_once_the_clients_have_gone(engine: Engine, mode: Mode) -> None:
    event = await created(engine)
    async with hearing(engine, mode, f"event://{event.uid}"):
        assert engine.watch.watched == {f"event://{event.uid}"}
    await eventually(lambda: not engine.watch.watched)


async def test_the_list_of_resources_is_news_to_those_who_ask(engine: Engine) -> None:
    async with (
        connected(engine, "auto", ANN) as (client, _),
        client.listen(resources_list_changed=True) as stream,
    ):
        await created(engine)
        mine = await created(engine, ANN)
        assert await anext(stream) == ResourcesListChanged()
        listed = (await client.list_resources()).resources
        assert f"event://{mine.uid}" in [resource.uri for resource in listed]


async def test_one_stream_and_one_session_are_bounded(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "URIS_MAX", 2)
    uris = [f"event://{(await created(engine)).uid}" for _ in range(3)]
    async with connected(engine, "auto") as (client, _):
        with pytest.raises(MCPError, match="up to 2"):
            async with client.listen(resource_subscriptions=uris):
                pass
        async with client.listen(resource_subscriptions=[*uris[:2], uris[0]]):
            pass
    async with connected(engine, "legacy") as (client, _):
        for uri in uris[:2]:
            await client.subscribe_resource(uri)
        with pytest.raises(MCPError, match="up to 2"):
            await client.subscribe_resource(uris[2])


async def test_streams_are_bounded_by_caller(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "STREAMS_MAX", 1)
    async with connected(engine, "auto") as (client, _):
        async with client.listen(resource_subscriptions=["stats://system"]):
            with pytest.raises((MCPError, SubscriptionLost)):
                async with client.listen(resource_subscriptions=["stats://system"]):
                    pass
        await eventually(lambda: not engine.watch.watched)
        async with client.listen(resource_subscriptions=["stats://system"]):
            pass


async def test_streams_end_when_the_server_is_about_to_stop(engine: Engine) -> None:
    leaving = False
    async with (
        connected(engine, "auto", leaving=lambda: leaving) as (client, _),
        client.listen(resource_subscriptions=["stats://system"]) as stream,
    ):
        leaving = True
        async with asyncio.timeout(DEADLINE_S):
            assert [event async for event in stream] == []


async def test_a_connection_that_carries_no_notifications_is_told_so(engine: Engine) -> None:
    server = build_server(engine, actor=lambda: engine.local)
    app = server.streamable_http_app(
        stateless_http=True, transport_security=TransportSecuritySettings(allowed_hosts=["127.0.0.1"])
    )
    params = {"uri": "stats://system"}
    body = {"jsonrpc": "2.0", "id": 1, "method": "resources/subscribe", "params": params}
    headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-11-25"}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1") as web,
    ):
        said = await web.post("/mcp", json=body, headers=headers)
    assert "carries no notifications" in said.text
    assert not engine.watch.watched


async def test_a_burst_of_answers_is_a_few_notifications(engine: Engine, mode: Mode) -> None:
    event = await created(engine)
    guests = [(await invite(engine, event, f"p{n}@example.com")).attendee for n in range(50)]
    async with hearing(engine, mode, f"event://{event.uid}") as heard:
        for guest in guests:
            await answer(engine, guest, Partstat.ACCEPTED)
        await eventually(lambda: heard() == {f"event://{event.uid}"})


class _Tokens:
    """Lets in what is not on the list of the expired."""

    def __init__(self) -> None:
        self.expired: set[str] = set()
        self.busy = False

    async def caller(self, token: str) -> Caller | None:
        if self.busy:
            self.busy = False
            raise OSError("the disk is busy")
        return None if token in self.expired else _caller(token)


def _caller(token: str) -> Caller:
    return Caller(ANN, key="ann", subject=ANN.address, token=token)


@contextmanager
def _bearing(token: str) -> Iterator[None]:
    """What is done meanwhile is done with this token."""
    reset = auth_context_var.set(user(_caller(token)))
    try:
        yield
    finally:
        auth_context_var.reset(reset)


async def test_a_session_goes_on_with_a_new_token_and_ends_with_its_last(engine: Engine) -> None:
    one, two = await created(engine), await created(engine)
    tokens = _Tokens()
    async with connected(engine, "legacy", authenticator=tokens) as (client, heard):
        with _bearing("first"):
            await client.subscribe_resource(f"event://{one.uid}")
        with _bearing("second"):
            await client.list_prompts()
        tokens.expired.add("first")
        await invite(engine, one, "ann@example.com")
        await eventually(lambda: heard)
        tokens.expired.add("second")
        heard.clear()
        await invite(engine, one, "bob@example.com")
        await eventually(lambda: not engine.watch.watched)
        with _bearing("third"):
            await client.subscribe_resource(f"event://{two.uid}")
        await invite(engine, two, "ann@example.com")
        await eventually(lambda: heard)
    assert set(heard) == {f"event://{two.uid}"}


async def test_a_listener_who_cannot_be_checked_once_hears_the_news_all_the_same(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifier, "_CHECK_S", 0.01)
    event, tokens = await created(engine), _Tokens()
    async with connected(engine, "legacy", authenticator=tokens) as (client, heard):
        with _bearing("first"):
            await client.subscribe_resource(f"event://{event.uid}")
        tokens.busy = True
        await invite(engine, event, "ann@example.com")
        await eventually(lambda: not tokens.busy and heard)


async def test_the_owner_of_a_domain_watches_what_they_name_though_they_have_no_list(engine: Engine) -> None:
    event = await created(engine, ANN)
    owner = agent("@example.com", frozenset({"read", "report"}))
    uris = [f"event://{event.uid}"]
    async with (
        connected(engine, "auto", owner) as (client, _),
        client.listen(resource_subscriptions=uris, resources_list_changed=True) as stream,
    ):
        await invite(engine, event, "guest@example.com")
        assert await anext(stream) == ResourceUpdated(uri=uris[0])
