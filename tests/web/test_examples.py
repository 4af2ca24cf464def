"""The example pages of another site, in a browser: they show an organizer's events and send invites."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from engine.engine import Engine
from engine.model.people import Origin
from tests.cli.processes import ROOT
from tests.support.chromium import Browser
from tests.support.clock import Clock
from tests.support.engines import created, deliver, engine_in
from tests.support.webs import key_for, served
from tests.web.stage import MODULES, Screen, Site, screen

pytestmark = pytest.mark.asyncio(loop_scope="package")
ANN, KIM = "ann@example.com", "kim@example.com"


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name is the library's
        pass


@contextmanager
def static(folder: Path) -> Iterator[str]:
    """A static host of another origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def _bundled(folder: Path) -> None:
    """Make the script of the React page, as its README says."""
    (folder / "node_modules").symlink_to(MODULES)
    program = [str(MODULES / ".bin" / "rolldown"), "app.jsx", "--file", "app.js", "--format", "iife"]
    process = await asyncio.create_subprocess_exec(
        *program, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


@asynccontextmanager
async def _opened(browser: Browser, tmp_path: Path, example: str) -> AsyncIterator[tuple[Engine, Screen]]:
    """An example's page in a browser, and the server that it asks."""
    folder = tmp_path / example
    shutil.copytree(ROOT / "examples" / "web" / example, folder)
    if example == "react":
        await _bundled(folder)
    async with (
        engine_in(tmp_path / "data", Clock()) as engine,
        served(engine) as address,
    ):
        for summary in ("Spring <concert>", "Autumn concert"):
            await created(engine, organizer=ANN, summary=summary)
        key = await key_for(engine, api="standard")
        config = {"server": address, "key": key, "organizer": ANN}
        (folder / "config.json").write_text(json.dumps(config))
        with static(folder) as host:
            async with screen(browser, Site(engine, host, {})) as seen:
                await seen.go("/index.html")
                await seen.until("document.querySelectorAll('li').length === 2")
                assert "Spring <concert>" in await seen.text()
                yield engine, seen
                assert seen.tab.complaints == []


async def test_the_plain_page_sends_what_was_ticked(browser: Browser, tmp_path: Path) -> None:
    async with _opened(browser, tmp_path, "plain") as (engine, seen):
        await seen.js("document.querySelectorAll('input[name=uid]').forEach((box) => box.click())")
        await seen.js(f"document.querySelector('input[name=email]').value = {KIM!r}")
        await seen.js("document.querySelector('form').requestSubmit()")
        await seen.until("document.getElementById('state').textContent.includes('on their way')")
        sent = await deliver(engine)
        assert [mail.email for mail in sent] == [KIM, KIM]


async def test_the_react_page_sends_one_invite(browser: Browser, tmp_path: Path) -> None:
    async with _opened(browser, tmp_path, "react") as (engine, seen):
        await seen.js("document.querySelector('input[type=email]').focus()")
        await seen.tab.type(KIM)
        await seen.until("!document.querySelector('li button').disabled")
        await seen.js("document.querySelector('li button').click()")
        await seen.until("document.querySelector('li [role=status]').textContent.includes('on its way')")
        (mail,) = await deliver(engine)
        event = await engine.event(mail.event_uid or "", engine.local)
        guest = await engine.store.attendee(event.uid, KIM)
        assert guest is not None
        assert guest.origin is Origin.WEBFORM
