"""What is pasted into other sites: through a blog's filter, and in frames that a site locks up."""

from __future__ import annotations

import html
import re
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest

from cis_mcp.views import links as views
from engine.commands.pages.links import CreateLink
from engine.model.messages import Kind
from tests.cli.processes import ROOT
from tests.support.chromium import Browser
from tests.support.engines import deliver, do
from tests.support.waiting import DEADLINE_S, eventually
from tests.web.stage import Screen, Site, screen
from tests.web.test_examples import static

pytestmark = pytest.mark.asyncio(loop_scope="package")
ENTER, TAB = ("Enter", 13, "\r"), ("Tab", 9)


def filtered(snippet: str) -> str:
    """What a sanitizer of HTML leaves of it, as it is set where nobody sets it (nh3, which is ammonia)."""
    program = [str(ROOT / ".judges" / "python" / "bin" / "python"), "-c"]
    script = "import sys, nh3; sys.stdout.write(nh3.clean(sys.stdin.read()))"
    done = subprocess.run(
        [*program, script], input=snippet, capture_output=True, text=True, timeout=DEADLINE_S, check=True
    )
    return done.stdout


async def _code(site: Site, vendor: str) -> views.CodeToCopy:
    event = site.paths["event"].rpartition("/")[2]
    command = CreateLink(name="May", events=(event,), vendor=vendor, button="Register <Now>")
    link = (await do(site.engine, command)).link
    return await views.code_to_copy(site.engine, link, site.engine.local)


@pytest.mark.parametrize("vendor", ["mailchimp", "beehiiv", "brevo", "ghost"])
async def test_a_filter_of_html_leaves_the_button_a_link_with_its_words_and_tag(
    site: Site, vendor: str
) -> None:
    code = await _code(site, vendor)
    left = filtered(code.button_html)
    (address,) = re.findall(r'<a href="([^"]+)"', left)
    assert unquote(html.unescape(address)) == unquote(code.plain_link)
    assert "Register &lt;Now&gt;" in left


async def test_a_filter_that_takes_out_forms_leaves_a_link_to_the_page(site: Site) -> None:
    code = await _code(site, "own")
    left = filtered(code.form_html)
    assert "<form" not in left
    (address,) = re.findall(r'<a href="([^"]+)"', left)
    assert address == code.plain_link.partition("?")[0]
    assert "Register &lt;Now&gt;, on a page of its own" in left


async def _typed(seen: Screen, email: str, tabs: int) -> None:
    """Go into the frame by keyboard, write the address and press Enter."""
    await seen.until("document.querySelector('iframe').contentWindow.length === 0")
    for _ in range(tabs):
        await seen.tab.press(*TAB)
    assert await seen.js("document.activeElement.tagName") == "IFRAME"
    await seen.tab.type(email)
    await seen.tab.press(*ENTER)


@pytest.mark.parametrize(
    ("sandbox", "kind"), [("allow-forms", Kind.NOTICE), ("allow-forms allow-scripts", Kind.INVITE)]
)
async def test_a_page_in_a_locked_frame_sends_or_asks(
    browser: Browser, site: Site, tmp_path: Path, sandbox: str, kind: Kind
) -> None:
    """Without scripts nothing tells that a person used it, so that one mail asks."""
    await deliver(site.engine)
    email = f"{kind.value}@frames.example"
    framed = f'<iframe sandbox="{sandbox}" src="{site.address}/embed{site.paths["event"]}"></iframe>'
    (tmp_path / "blog.html").write_text(f"<!doctype html><title>Blog</title>{framed}")
    with static(tmp_path) as host:
        async with screen(browser, Site(site.engine, host, {})) as seen:
            await seen.go("/blog.html")
            await _typed(seen, email, tabs=2)
            assert await _mailed(site, email) == [kind]


async def test_the_form_in_a_locked_frame_makes_one_mail_that_asks(
    browser: Browser, site: Site, tmp_path: Path
) -> None:
    await deliver(site.engine)
    email = "form@frames.example"
    form = (await _code(site, "own")).form_html
    snippet = html.escape(form.replace(site.engine.settings.public_url.rstrip("/"), site.address))
    framed = f'<iframe sandbox="allow-forms allow-popups" srcdoc="{snippet}"></iframe>'
    (tmp_path / "blog.html").write_text(f"<!doctype html><title>Blog</title>{framed}")
    with static(tmp_path) as host:
        async with screen(browser, Site(site.engine, host, {})) as seen:
            await seen.go("/blog.html")
            await _typed(seen, email, tabs=1)
            assert await _mailed(site, email) == [Kind.NOTICE]


async def _mailed(site: Site, email: str) -> list[Kind]:
    found: list[Kind] = []

    async def arrived() -> bool:
        found.extend(m.kind for m in await deliver(site.engine) if m.email == email)
        return bool(found)

    await eventually(arrived)
    return found
