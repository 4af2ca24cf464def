"""Views of the real server in a real browser, inside the official host (AppBridge of ext-apps)."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mcp import Client
from mcp.client.extension import advertise
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, TextResourceContents

from cis_mcp.mcp.server import build_server
from cis_mcp.mcp.tools import Selection
from engine.engine import Engine
from engine.model.actors import Actor
from tests.support.chromium import CHROMIUM, Browser, Tab
from tests.support.waiting import DEADLINE_S, eventually

_JUDGES = Path(__file__).resolve().parents[2] / ".judges" / "node_modules"
_ROLLDOWN = _JUDGES / ".bin" / "rolldown"
_BRIDGE = _JUDGES / "@modelcontextprotocol" / "ext-apps" / "dist" / "src" / "app-bridge.js"
_HOST = Path(__file__).with_name("host.js")

SHOWS_APPS = advertise(EXTENSION_ID, {"mimeTypes": [APP_MIME_TYPE]})
ENTER, SPACE, TAB, DOWN = ("Enter", 13, "\r"), (" ", 32, " "), ("Tab", 9), ("ArrowDown", 40)


def available() -> bool:
    """True where the browser, node and the host's library are installed."""
    return bool(CHROMIUM and shutil.which("node") and _ROLLDOWN.exists() and _BRIDGE.exists())


@cache
def host_script() -> str:
    """The official host as one script that defines `McpHost`, and ours that uses it."""
    command = (_ROLLDOWN, _BRIDGE, "--format", "iife", "--name", "McpHost", "--platform", "browser")
    bundled = subprocess.run(
        command, cwd=_JUDGES, capture_output=True, text=True, timeout=DEADLINE_S, check=True
    )
    return f"{bundled.stdout}\n{_HOST.read_text()}\nglobalThis.stage = stage;"


@dataclass
class View:
    """A page of ours as a person has it before them."""

    tab: Tab
    frame: str

    async def js(self, expression: str) -> Any:
        return await self.tab.evaluate(expression, self.frame)

    async def text(self, selector: str = "main") -> str:
        """What can be read there, on one line."""
        node = f"document.querySelector({json.dumps(selector)})"
        # Of what is hidden, innerText would tell everything.
        found = await self.js(f"{node}?.checkVisibility() ? {node}.innerText : ''")
        return " ".join(str(found).split())

    async def shows(self, words: str, selector: str = "main", seconds: float = DEADLINE_S) -> str:
        """The text of `selector` as soon as it holds `words`."""

        async def held() -> str:
            text = await self.text(selector)
            return text if words in text else ""

        try:
            return await eventually(held, seconds)
        except AssertionError:
            raise AssertionError(f"{words!r} is not in {await self.text(selector)!r}") from None

    async def until(self, expression: str, seconds: float = DEADLINE_S) -> Any:
        """The value of the expression as soon as it is truthy."""
        return await eventually(lambda: self.js(expression), seconds)

    async def click(self, selector: str) -> None:
        """Click the middle of what `selector` finds, as a mouse does."""
        found = json.dumps(selector)
        box = await self.js(
            f"(() => {{ const node = document.querySelector({found}); node.scrollIntoView({{block: 'center'}});"
            " const {x, y, width, height} = node.getBoundingClientRect(); return [x + width / 2, y + height / 2]; })()"
        )
        await self.tab.click(*box)

    async def type(self, selector: str, text: str) -> None:
        """Click into a field, and replace what is in it."""
        await self.click(selector)
        await self.js(f"document.querySelector({json.dumps(selector)}).select()")
        await self.tab.type(text)

    async def calls(self) -> list[dict[str, Any]]:
        """The tools that the view called, in order."""
        found: list[dict[str, Any]] = await self.tab.evaluate("stage.calls")
        return found

    async def told(self) -> list[str]:
        """What the model was told."""
        found: list[str] = await self.tab.evaluate("stage.told")
        return found

    async def dress(self, **context: Any) -> None:
        """The host's surroundings change."""
        await self.tab.evaluate(f"stage.bridge.sendHostContextChange({json.dumps(context)})")


@dataclass
class Stage:
    """A client that shows pages, and the tab in which it does."""

    client: Client
    tab: Tab

    async def open(
        self, tool: str, arguments: dict[str, Any], *, answered: bool = True, **context: Any
    ) -> View:
        """What a host does: call the tool, read its page, show it, hand it the answer."""
        result = await self._called(tool, arguments)
        surroundings = {"theme": "light", "locale": "en-US", "displayMode": "inline", **context}
        given = {
            "html": await self._page(tool),
            "context": surroundings,
            "input": arguments,
            "result": result if answered else None,
        }
        await self.tab.evaluate(f"show({json.dumps(given)})")
        tree = (await self.tab.send("Page.getFrameTree"))["frameTree"]
        return View(self.tab, tree["childFrames"][0]["frame"]["id"])

    async def answer(self, payload: str) -> None:
        """Pass a view's call on to the server, and its answer back."""
        asked = json.loads(payload)
        try:
            said: dict[str, Any] = {"result": await self._called(asked["name"], asked["arguments"])}
        except MCPError as error:
            said = {"error": str(error)}
        await self.tab.evaluate(f"answered({asked['id']}, {json.dumps(said)})")

    async def keeps(self, tool: str) -> None:
        """Keep what the tool answers from now on from the view, until `hands` it over."""
        await self.tab.evaluate(f"stage.late = {json.dumps(tool)}")

    async def kept(self) -> bool:
        return bool(await self.tab.evaluate("stage.kept.length > 0"))

    async def hands(self, view: View) -> None:
        """Hand over what was kept, and wait until the view has it: what is said to a view arrives in order."""
        await self.tab.evaluate("hand()")
        await view.dress(theme="dark")
        await view.until("document.documentElement.dataset.theme === 'dark'")

    async def _called(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        result = await self.client.call_tool(tool, arguments)
        assert isinstance(result, CallToolResult)
        return result.model_dump(mode="json", by_alias=True, exclude_none=True)

    async def _page(self, tool: str) -> str:
        listed = {one.name: one for one in (await self.client.list_tools()).tools}
        uri = (listed[tool].meta or {})["ui"]["resourceUri"]
        (content,) = (await self.client.read_resource(uri)).contents
        assert isinstance(content, TextResourceContents)
        return content.text


@asynccontextmanager
async def staging(
    browser: Browser,
    engine: Engine,
    *,
    width: int = 760,
    height: int = 900,
    scale: float = 1,
    selection: Selection = Selection(),  # noqa: B008 -- it is frozen
    actor: Actor | None = None,
) -> AsyncIterator[Stage]:
    """A stage over `engine`; at the end nothing may have been complained of, or asked of the network."""
    server = build_server(engine, actor=lambda: actor or engine.local, selection=selection)
    async with Client(server, extensions=[SHOWS_APPS]) as client, browser.tab(width, height, scale) as tab:
        stage = Stage(client, tab)
        await tab.bind("askServer", stage.answer)
        await tab.evaluate(host_script())
        yield stage
    assert tab.complaints == []
    assert [url for url in tab.requests if not url.startswith("about:")] == []
