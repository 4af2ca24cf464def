"""Each door by which people are invited counts them under its own origin (those of the reference product)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx

from engine.commands.campaigns.campaigns import CampaignAction
from engine.engine import Engine
from tests.pages.visitor import published
from tests.support.engines import attendee, control, created, deliver, drafted
from tests.support.waiting import DEADLINE_S
from tests.support.webs import key_for, served
from tests.tools.caller import calling


async def test_every_door_counts_whom_it_invited_under_its_own_origin(engine: Engine) -> None:
    """The console's two doors are shown by its own tests: singlesend and vip."""
    event = await created(engine)
    page = await published(engine)
    key = {"x-api-key": await key_for(engine, api="standard")}
    own = {"x-api-key": await key_for(engine, engine.local.address, scopes=frozenset({"publish", "send"}))}
    async with served(engine) as address, httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as web:

        async def form(path: str, email: str) -> httpx.Response:
            return await web.post(path, data={"e": event.id[:5], "email": email, "h": "1"})

        async def link(vendor: str, email: str) -> httpx.Response:
            asked = {"name": vendor, "events": [event.id], "vendor": vendor}
            made = (await web.post("/v1/links", json=asked, headers=own)).json()
            return await form(f"/c/{made['link']['url'].rpartition('/')[2]}", email)

        async def api(email: str, **query: str) -> httpx.Response:
            return await web.get(f"/event/{event.uid}/invite", params={"email": email, **query}, headers=key)

        doors: dict[str, tuple[str, Callable[[str], Awaitable[httpx.Response]]]] = {
            "schedule": ("multievent", lambda email: form(f"/s/{page.slug}", email)),
            "event": ("landingpage", lambda email: form(f"/e/{event.id}", email)),
            "mailchimp": ("mailchimpcta", lambda email: link("mailchimp", email)),
            "klaviyo": ("klaviyocta", lambda email: link("klaviyo", email)),
            "sendgrid": ("sendgridcta", lambda email: link("sendgrid", email)),
            "ghost": ("emailcta", lambda email: link("ghost", email)),
            "reference": ("api", api),
            "wix": ("wixv2", lambda email: api(email, origin="WIXV2")),
            "rest": (
                "api",
                lambda email: web.post(f"/v1/events/{event.uid}/invites", json={"email": email}, headers=own),
            ),
        }
        for door, (_, ask) in doors.items():
            answer = await ask(f"{door}@example.com")
            assert answer.status_code in {200, 201, 302, 303}, (door, answer.text[:300])
    async with calling(engine) as caller:
        await caller.ok("send_invite", uid=event.uid, email="tool@example.com", wait_s=0)
    await control(engine, await drafted(engine, event, ["list@example.com"]), CampaignAction.START)
    await deliver(engine)
    expected = {door: origin for door, (origin, _) in doors.items()} | {"tool": "api", "list": "bulk"}
    found = {door: (await attendee(engine, event, f"{door}@example.com")).origin for door in expected}
    assert found == expected
