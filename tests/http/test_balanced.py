"""Several processes over one data folder behind a balancer that knows nothing of sessions, in both eras."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from mcp.client.context import ClientRequestContext
from mcp.server import MCPServer
from mcp.server.mcpserver.context import Context
from mcp.server.mcpserver.resolve import Elicit, Resolve
from mcp.types import ElicitRequestParams, ElicitResult
from pydantic import BaseModel

from engine.engine import Engine
from tests.cli.processes import run, serving
from tests.support.engines import created
from tests.support.waiting import DEADLINE_S
from tests.support.webs import INITIALIZE, JSON_HEADERS, LIST_TOOLS, Mode, bearing, client, key_for, served


class _Choice(BaseModel):
    seat: str


def _which(ctx: Context[Any, Any]) -> Elicit[_Choice]:
    return Elicit("Which seat?", _Choice)


def _asks(server: MCPServer[Any]) -> None:
    @server.tool()
    async def choose_seat(choice: Annotated[_Choice, Resolve(_which)]) -> str:
        """Ask which seat."""
        return f"seat {choice.seat}"


async def _answer(_context: ClientRequestContext, _params: ElicitRequestParams) -> ElicitResult:
    return ElicitResult(action="accept", content={"seat": "12A"})


async def test_a_question_asked_by_one_process_may_be_answered_to_another(engine: Engine) -> None:
    key = await key_for(engine)
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(served(engine, prepare=_asks)) for _ in range(2)]
        agent = await stack.enter_async_context(client(servers, key, elicitation_callback=_answer))
        for _ in range(3):
            result = await agent.call_tool("choose_seat", {})
            assert not result.is_error, result.content
            assert "seat 12A" in str(result.content)


async def _done(agent: Any, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await agent.call_tool(tool, arguments)
    assert not result.is_error, result.content
    found: dict[str, Any] = result.structured_content
    return found


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_main_loop_works_over_two_processes(tmp_path: Path, mode: Mode) -> None:
    _, key, _ = await run(tmp_path, "key", "create", "--horizon", "0")
    async with AsyncExitStack() as stack:
        started = [
            await stack.enter_async_context(serving(tmp_path, "--http", "127.0.0.1:0")) for _ in range(2)
        ]
        addresses = [address for address, _ in started]
        agent = await stack.enter_async_context(client(addresses, key.strip(), mode))
        event = {"summary": "Opener", "start": "2037-05-02T19:00:00Z", "duration": "PT2H", "timezone": "UTC"}
        uid = (await _done(agent, "create_event", **event))["event"]["uid"]
        sent = await _done(agent, "send_invite", uid=uid, email="ann@example.com", wait_s=20)
        assert sent["status"] == "sent"
        people = [{"email": f"p{n}@example.com"} for n in range(5)]
        bulk = await _done(agent, "bulk_send", uid=uid, recipients=people, rate=5)
        told: list[float] = []

        async def note(progress: float, total: float | None, message: str | None) -> None:
            told.append(progress)

        draft = bulk["campaign"]
        start = {"campaign_id": draft["id"], "action": "start", "confirm_token": draft["confirm_token"]}
        ended = await agent.call_tool("control_campaign", {**start, "wait_s": 20}, progress_callback=note)
        assert ended.structured_content is not None
        assert ended.structured_content["campaign"]["counts"]["sent"] == 5
        assert told
        for _ in range(4):
            assert (await _done(agent, "get_stats", scope="event", key=uid))["attendees"] == 6
        assert (await _done(agent, "cancel_event", uid=uid))["event"]["status"] == "cancelled"


async def _post(address: str, body: dict[str, Any], key: str, session: str = "") -> httpx.Response:
    headers = {**bearing(key), **({"mcp-session-id": session} if session else {})}
    async with httpx.AsyncClient(timeout=DEADLINE_S) as web:
        return await web.post(f"{address}/mcp", json=body, headers=headers)


async def test_a_session_is_served_by_a_process_that_did_not_open_it(engine: Engine) -> None:
    key = await key_for(engine)
    async with served(engine) as first:
        session = (await _post(first, INITIALIZE, key)).headers["mcp-session-id"]
        assert (await _post(first, LIST_TOOLS, key, session)).status_code == 200
        async with served(engine) as second:
            there = await _post(second, LIST_TOOLS, key, session)
            assert there.status_code == 200
            assert "create_event" in there.text
    # The process that opened it is gone, as after a restart.
    async with served(engine) as third:
        assert (await _post(third, LIST_TOOLS, key, session)).status_code == 200


async def test_a_session_that_no_process_opened_is_not_found(engine: Engine) -> None:
    key = await key_for(engine)
    async with served(engine) as first, served(engine) as second:
        session = (await _post(first, INITIALIZE, key)).headers["mcp-session-id"]
        for invented in (
            session[:-1] + ("0" if session[-1] != "0" else "1"),
            "x" * 65,
            "a-b",
            session[:32] + "-",
        ):
            assert (await _post(second, LIST_TOOLS, key, invented)).status_code == 404


async def test_a_session_that_was_ended_is_not_found(engine: Engine) -> None:
    key = await key_for(engine)
    async with served(engine) as address, httpx.AsyncClient(timeout=DEADLINE_S) as web:
        session = (await _post(address, INITIALIZE, key)).headers["mcp-session-id"]
        headers = {**bearing(key), "mcp-session-id": session}
        assert (await web.delete(f"{address}/mcp", headers=headers)).status_code == 200
        assert (await _post(address, LIST_TOOLS, key, session)).status_code == 404


async def test_a_session_opens_no_door_to_another_key(engine: Engine) -> None:
    mine, other = await key_for(engine), await key_for(engine, "bob@example.com")
    event = await created(engine)
    call = {"name": "get_event", "arguments": {"uid": event.uid}}
    body = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call}
    async with served(engine) as first, served(engine) as second:
        session = (await _post(first, INITIALIZE, mine)).headers["mcp-session-id"]
        assert (await _post(first, body, other, session)).status_code == 404
        assert "unknown_event" in (await _post(second, body, other, session)).text
        assert (await _post(second, body, "cis_guess", session)).status_code == 401


async def test_a_session_s_id_is_sealed_whatever_else_its_first_request_claims(engine: Engine) -> None:
    key = await key_for(engine)
    claims = [("mcp-protocol-version", "2025-11-25"), ("mcp-protocol-version", "2026-07-28")]
    async with served(engine) as address, httpx.AsyncClient(timeout=DEADLINE_S) as web:
        headers = [*JSON_HEADERS.items(), *bearing(key).items(), *claims]
        opened = await web.post(f"{address}/mcp", json=INITIALIZE, headers=headers)
        plain = (await _post(address, INITIALIZE, key)).headers["mcp-session-id"]
    assert len(opened.headers.get("mcp-session-id", plain)) == len(plain)
