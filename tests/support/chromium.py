"""Chromium without a window, driven by the DevTools protocol over a pair of pipes."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from tests.support.waiting import DEADLINE_S

CHROMIUM = shutil.which("chromium")

_MESSAGE_MAX = 64 << 20
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    # The pages' frames stay in the process of their host, where one session reaches them.
    "--disable-features=IsolateSandboxedIframes",
    "--remote-debugging-pipe",
)
# The browser reads commands at 3 and writes answers to 4, whatever numbers the pipes have here.
_AT_3_AND_4 = 'exec "$0" "$@" 3<&{commands} 4>&{answers}'

Event = dict[str, Any]


@dataclass
class Browser:
    """The protocol's connection: requests with their answers, and events to whoever listens."""

    write: Callable[[bytes], None]
    waiting: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    listeners: dict[str, Callable[[Event], None]] = field(default_factory=dict)
    ids: count[int] = field(default_factory=lambda: count(1))

    async def send(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """The answer to a command; an error of the browser fails the test."""
        number = next(self.ids)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self.waiting[number] = future
        command = {"id": number, "method": method, "params": params}
        if session:
            command["sessionId"] = session
        self.write(json.dumps(command).encode() + b"\0")
        answer = await asyncio.wait_for(future, DEADLINE_S)
        assert "error" not in answer, f"{method}: {answer['error']}"
        result: dict[str, Any] = answer["result"]
        return result

    async def listen(self, reader: asyncio.StreamReader) -> None:
        """Hand out what the browser says, until it is gone."""
        while True:
            try:
                message = json.loads((await reader.readuntil(b"\0"))[:-1])
            except asyncio.IncompleteReadError:
                return
            if "id" in message:
                asked = self.waiting.pop(message["id"])
                # Who asked may have given up: that test has failed, the next ones still need the browser.
                if not asked.done():
                    asked.set_result(message)
            elif listener := self.listeners.get(message.get("sessionId", "")):
                listener(message)

    @asynccontextmanager
    async def tab(self, width: int, height: int, scale: float = 1) -> AsyncIterator[Tab]:
        """A new empty tab of that size, closed at the end."""
        target = (await self.send("Target.createTarget", url="about:blank"))["targetId"]
        attached = await self.send("Target.attachToTarget", targetId=target, flatten=True)
        tab = Tab(self, attached["sessionId"])
        self.listeners[tab.session] = tab.hear
        for domain in ("Page", "Runtime", "Network", "Log", "Accessibility"):
            await tab.send(f"{domain}.enable")
        await tab.resize(width, height, scale)
        try:
            yield tab
        finally:
            for task in tab.tasks:
                task.cancel()
            await asyncio.gather(*tab.tasks, return_exceptions=True)
            del self.listeners[tab.session]
            await self.send("Target.closeTarget", targetId=target)


@dataclass
class Tab:
    """A tab: what runs in it, what it complained of and asked of the network."""

    browser: Browser
    session: str
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    contexts: dict[str, int] = field(default_factory=dict)
    bindings: dict[str, Callable[[str], Awaitable[None]]] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        return await self.browser.send(method, self.session, **params)

    async def resize(self, width: int, height: int, scale: float = 1) -> None:
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=False,
        )

    async def bind(self, name: str, handler: Callable[[str], Awaitable[None]]) -> None:
        """Give the page a function of that name, which calls `handler` with its one string."""
        self.bindings[name] = handler
        await self.send("Runtime.addBinding", name=name)

    async def evaluate(self, expression: str, frame: str | None = None) -> Any:
        """The value of an expression in the page or in one of its frames; a promise is awaited."""
        where = {} if frame is None else {"contextId": self.contexts[frame]}
        answer = await self.send(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            **where,
        )
        assert "exceptionDetails" not in answer, json.dumps(answer["exceptionDetails"])[:2_000]
        return answer["result"].get("value")

    async def click(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            await self.send(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1
            )

    async def press(self, key: str, code: int, text: str = "") -> None:
        """A key by its name and Windows key code."""
        spoken = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        await self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **spoken)
        await self.send("Input.dispatchKeyEvent", type="keyUp", **spoken)

    async def type(self, text: str) -> None:
        """Put `text` in where the cursor stands."""
        await self.send("Input.insertText", text=text)

    def hear(self, event: Event) -> None:
        params = event["params"]
        match event["method"]:
            case "Runtime.executionContextCreated":
                context = params["context"]
                if context["auxData"].get("isDefault"):
                    self.contexts[context["auxData"]["frameId"]] = context["id"]
            case "Runtime.bindingCalled":
                task = asyncio.create_task(self._answer(params["name"], params["payload"]))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(params["exceptionDetails"])[:2_000])
            case "Runtime.consoleAPICalled" if params["type"] in {"error", "warning", "assert"}:
                self.complaints.append(json.dumps(params["args"])[:2_000])
            case "Log.entryAdded":
                self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}".rstrip())
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])

    async def _answer(self, name: str, payload: str) -> None:
        await self.bindings[name](payload)


@asynccontextmanager
async def browsing(folder: Path) -> AsyncIterator[Browser]:
    """A browser with its profile in `folder`, killed at the end."""
    assert CHROMIUM is not None
    (commands, to_browser), (from_browser, answers) = _pipe(), _pipe()
    arguments = (CHROMIUM, *_FLAGS, f"--user-data-dir={folder}", "about:blank")
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", _AT_3_AND_4.format(commands=commands, answers=answers), *arguments),
        pass_fds=(commands, answers),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    os.close(commands)
    os.close(answers)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_MESSAGE_MAX)
    inward, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(from_browser, "rb", 0)
    )
    outward, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(to_browser, "wb", 0))
    browser = Browser(outward.write)
    listening = asyncio.create_task(browser.listen(reader))
    try:
        yield browser
        await browser.send("Browser.close")
        await asyncio.wait_for(process.wait(), DEADLINE_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        outward.close()
        inward.close()


def _pipe() -> tuple[int, int]:
    """A pipe whose ends are neither 3 nor 4, where the browser's own are to be."""
    ends = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return high[0], high[1]
