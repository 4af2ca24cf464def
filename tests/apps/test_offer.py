"""Who is told of the pages, and what they are made of: nothing to load, nothing that data could become."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from pathlib import Path

import pytest
from mcp import Client
from mcp.types import TextResourceContents, Tool

from cis_mcp.mcp.apps import PAGES
from cis_mcp.mcp.apps.document import document
from cis_mcp.mcp.server import build_server
from cis_mcp.mcp.tools import Selection
from engine.engine import Engine
from engine.model.actors import Actor
from tests.apps.stage import SHOWS_APPS
from tests.bounds.making import made
from tests.tools.caller import Mode, agent

pytestmark = pytest.mark.asyncio(loop_scope="package")

DASHBOARD, PICKER = "ui://cis/dashboard.html", "ui://cis/picker.html"
SOURCES = sorted((Path(__file__).parents[2] / "cis_mcp" / "mcp" / "apps").glob("*.js"))
MODES: list[Mode] = ["auto", "legacy"]


@asynccontextmanager
async def _client(
    engine: Engine,
    mode: Mode = "auto",
    *,
    shows: bool = True,
    actor: Actor | None = None,
    selection: Selection = Selection(),  # noqa: B008 -- it is frozen
) -> AsyncIterator[Client]:
    server = build_server(engine, actor=lambda: actor or engine.local, selection=selection)
    async with Client(server, mode=mode, extensions=[SHOWS_APPS] if shows else None) as client:
        yield client


async def _pages(client: Client) -> dict[str, str]:
    """The page of each tool that has one."""
    tools: list[Tool] = (await client.list_tools()).tools
    return {tool.name: tool.meta["ui"]["resourceUri"] for tool in tools if tool.meta}


@pytest.mark.parametrize("mode", MODES)
async def test_a_client_that_shows_pages_is_told_which_tool_has_one(engine: Engine, mode: Mode) -> None:
    async with _client(engine, mode) as client:
        assert await _pages(client) == {
            "get_stats": DASHBOARD,
            "get_campaign": DASHBOARD,
            "control_campaign": DASHBOARD,
            "bulk_send": DASHBOARD,
            "search_events": PICKER,
        }
        listed = [str(resource.uri) for resource in (await client.list_resources()).resources]
        assert {DASHBOARD, PICKER} <= set(listed)


async def test_an_attended_key_without_the_verb_has_the_page_of_what_waits_and_no_other_key_has(
    engine: Engine,
) -> None:
    for attended in (True, False):
        key = await made(engine, verbs="create,send", mode="hold", attended=attended)
        async with _client(engine, actor=key.actor) as client:
            assert ("get_held_action" in await _pages(client)) is attended


@pytest.mark.parametrize("mode", MODES)
async def test_a_client_that_shows_none_gets_the_lists_without_them(engine: Engine, mode: Mode) -> None:
    async with _client(engine, mode, shows=False) as client:
        assert await _pages(client) == {}
        listed = [str(resource.uri) for resource in (await client.list_resources()).resources]
        assert [uri for uri in listed if uri.startswith("ui:")] == []


async def test_the_answers_are_the_same_with_and_without_pages(engine: Engine) -> None:
    answers = []
    for shows in (True, False):
        async with _client(engine, shows=shows) as client:
            answers.append((await client.call_tool("get_stats", {"scope": "system"})).model_dump())
    assert answers[0] == answers[1]
    assert answers[0]["content"][0]["text"]


async def test_a_page_that_would_call_what_the_caller_may_not_is_not_offered(engine: Engine) -> None:
    async with _client(engine, selection=Selection(read_only=True)) as client:
        assert set((await _pages(client)).values()) == {DASHBOARD}
    reader = agent("agent@cis.test", frozenset({"read"}))
    async with _client(engine, actor=reader) as client:
        assert set((await _pages(client)).values()) == {DASHBOARD}
    sender = agent("agent@cis.test", frozenset({"campaigns"}))
    async with _client(engine, actor=sender) as client:
        assert await _pages(client) == {}


async def test_the_page_of_a_held_action_is_offered_to_whoever_may_decide(engine: Engine) -> None:
    decides = agent("agent@cis.test", frozenset({"read", "approve"})).model_copy(update={"chain": ("k1",)})
    async with _client(engine, actor=decides) as client:
        assert (await _pages(client))["get_held_action"] == "ui://cis/held.html"
    asks = agent("agent@cis.test", frozenset({"read", "send"})).model_copy(update={"chain": ("k1",)})
    async with _client(engine, actor=asks) as client:
        assert "get_held_action" not in await _pages(client)


async def test_the_core_is_read_within_its_budget_with_pages_too(engine: Engine) -> None:
    async with _client(engine) as client:
        tools = (await client.list_tools()).model_dump(mode="json", by_alias=True, exclude_none=True)["tools"]
    size = len(json.dumps({"tools": tools}, separators=(",", ":"), ensure_ascii=False))
    assert size / 4 <= 6_500, f"tools/list with pages: {size // 4} tokens"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
async def test_a_page_is_read_as_an_app_that_asks_for_no_network(engine: Engine, page: object) -> None:
    uri = page.uri  # type: ignore[attr-defined]
    async with _client(engine) as client:
        (content,) = (await client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    assert content.mime_type == "text/html;profile=mcp-app"
    assert content.meta is not None
    assert content.meta["ui"]["csp"] == {"connectDomains": [], "resourceDomains": []}
    assert len(content.text) < 100_000


class _Elements(HTMLParser):
    """What a document holds: attributes by element, and the text of script and style."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        tag = self.elements[-1][0] if self.elements else ""
        if tag in {"script", "style"}:
            self.texts.setdefault(tag, data)


def _parsed(name: str) -> _Elements:
    parser = _Elements()
    parser.feed(document(name, "A page"))
    return parser


@pytest.mark.parametrize("name", ["dashboard", "picker", "held"])
async def test_a_page_runs_its_own_script_and_style_and_nothing_else(name: str) -> None:
    parsed = _parsed(name)
    (policy,) = [a["content"] for t, a in parsed.elements if t == "meta" and "http-equiv" in a]
    assert policy is not None
    for tag in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(parsed.texts[tag].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy


@pytest.mark.parametrize("name", ["dashboard", "picker", "held"])
async def test_a_page_loads_nothing_and_has_no_handlers_or_styles_in_its_markup(name: str) -> None:
    for tag, attributes in _parsed(name).elements:
        assert not {"src", "href", "style", "action", "srcdoc"} & set(attributes), (tag, attributes)
        assert not [attribute for attribute in attributes if attribute.startswith("on")]
    assert "url(" not in _parsed(name).texts["style"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
async def test_no_module_can_make_markup_of_text(source: Path) -> None:
    code = source.read_text()
    found = re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function|</script",
        code,
    )
    assert found == []
    assert code.startswith("// ")
    assert len(code.splitlines()) <= 300
