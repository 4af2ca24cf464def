"""A person at the console: signs in by the link of `cis-mcp console`, clicks and types; each of that is an action."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

from cis_mcp.console.sealing import Purpose, sealed
from engine.commands.agents.keys import CreateKey
from engine.commands.campaigns.campaigns import DraftCampaign
from engine.commands.invites.suppressing import Suppress
from engine.commands.pages.links import CreateLink
from engine.commands.pages.pages import CreatePage
from engine.commands.pages.pictures import KeepPicture
from engine.commands.signing_in import MakeSignInLink
from engine.engine import Engine
from engine.model.list_rows import ListRow
from engine.model.pages import Show
from tests.pages.test_pictures import png
from tests.pages.visitor import published
from tests.support.approvals import waiting
from tests.support.engines import created, deliver, do, invite
from tests.web.stage import LONG, Screen, Site

Picture = Callable[[str], Awaitable[None]]


async def no_picture(_name: str) -> None:
    """Takes none."""


@dataclass
class Hand:
    """What a person does at a screen, counted."""

    seen: Screen
    actions: list[str] = field(default_factory=list)

    async def open(self, link: str) -> None:
        """Open a link."""
        self.actions.append(f"open {link}")
        await self.seen.tab.send("Page.navigate", url=link)
        await self.seen.loaded()

    async def click(self, words: str, then: str = "") -> None:
        """Click the button or link with these words, and wait for the page that it leads to."""
        await self._click(f"[...document.querySelectorAll('a, button')]{_with(words)}", words)
        await self.seen.loaded(then)

    async def write(self, label: str, text: str) -> None:
        """Click the field with this label, and type."""
        await self._click(f"[...document.querySelectorAll('label')]{_with(label)}?.control", label)
        await self.seen.tab.type(text)

    async def choose(self, label: str, value: str) -> None:
        """Choose a date or an entry of a list, as its own dialog does."""
        self.actions.append(f"choose {label}")
        node = f"[...document.querySelectorAll('label')]{_with(label)}.control"
        changed = "it.dispatchEvent(new Event('input', {bubbles: true}))"
        await self.seen.js(f"(() => {{ const it = {node}; it.value = {json.dumps(value)}; {changed} }})()")

    async def upload(self, label: str, file: Path) -> None:
        """Choose a file, as the dialog of the field with this label does."""
        self.actions.append(f"upload {label}")
        node = f"[...document.querySelectorAll('label')]{_with(label)}.control"
        found = await self.seen.tab.send("Runtime.evaluate", expression=node)
        await self.seen.tab.send(
            "DOM.setFileInputFiles", files=[str(file)], objectId=found["result"]["objectId"]
        )

    async def _click(self, node: str, words: str) -> None:
        self.actions.append(words)
        await self.seen.until(f"!!({node})")
        place = await self.seen.js(
            f"(() => {{ const it = {node}; it.scrollIntoView({{block: 'center', behavior: 'instant'}});"
            "const box = it.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2] })()"
        )
        await self.seen.tab.click(*place)


def _with(words: str) -> str:
    return f".find(it => it.innerText.trim().startsWith({json.dumps(words)}))"


async def first_invite(hand: Hand, link: str, address: str, picture: Picture = no_picture) -> None:
    """From the link that the machine prints to an invite that a mail server took."""
    await hand.open(link)
    await hand.click("Sign in", "/console")
    await picture("overview")
    await hand.click("Create an event", "/console/events/new")
    await hand.write("Title", "Spring concert")
    await hand.choose("Begins", "2037-05-02T19:00")
    await hand.choose("Ends", "2037-05-02T21:00")
    await hand.write("Where", "Concert Hall")
    await picture("new")
    await hand.click("Create", "done=created")
    await hand.write("Address", address)
    await picture("event")
    await hand.click("Send the invite", "/people/")
    await hand.seen.until("document.body.innerText.includes('sent')")
    await picture("person")


async def sign_in(engine: Engine, seen: Screen) -> None:
    """As the operator."""
    made = await do(engine, MakeSignInLink())
    hand = Hand(seen)
    await hand.open(f"{seen.site.address}/signin/{made.code}")
    await seen.js("document.querySelector('form').requestSubmit()")
    await seen.loaded("/console")


async def show(seen: Screen, path: str) -> None:
    """Open a page of the console; an address in brackets becomes what stands for it in the links of this session."""
    if "[" in path:
        token = str(await seen.js("document.querySelector('input[name=token]').value"))
        path = in_session(path, SimpleNamespace(token=token))
    await seen.go(path)


def in_session(path: str, holder: SimpleNamespace) -> str:
    """The path as the links of a session have it: an address in brackets is sealed."""
    return re.sub(r"\[(.*)\]", lambda named: sealed(holder, named[1], Purpose.ORGANIZER), path)


async def furnished(engine: Engine, address: str) -> Site:
    """All that the console can show: long names, people, what waits, a draft with faults, a list that was sent."""
    event = await created(engine, summary="Gala", location="Hall 1", description="Dear {{name}},\n\ncome!")
    odd = await created(engine, organizer="o@cis.test", summary=LONG, location=LONG, description=LONG)
    for number in range(12):
        await invite(engine, event, f"guest{number}@example.net", name=f"Guest {number}")
    held = await waiting(engine, event.uid, location="Hall 2")
    await published(
        engine, title="Gala", banner=(await do(engine, KeepPicture(content=png(900, 200)))).picture.name
    )
    rows = [ListRow(email=f"p{n}@example.com", name=f"P {n}") for n in range(5)]
    faults = [ListRow(email="wrong"), ListRow(email="p1@example.com", name="Again")]
    draft = await do(engine, DraftCampaign(uid=event.uid, recipients=[*rows, *faults]))
    key = await do(engine, CreateKey(name="Robot", address="o@cis.test"))
    await do(engine, Suppress(targets=("never@example.com", "blocked.example")))
    link = (await do(engine, CreateLink(name=LONG[:60], events=(event.id,), vendor="mailchimp"))).link
    page = (await do(engine, CreatePage(title="Season", show=frozenset(Show)))).page
    await deliver(engine)
    at = f"/console/events/{event.id}"
    return Site(
        engine,
        address,
        {
            "overview": "/console",
            "events": "/console/events",
            "found": "/console/events?q=gala",
            "nothing found": "/console/events?q=xyzzy",
            "pictures of a page": "/console/pages/gala/pictures",
            "month": "/console/events?view=month&month=2027-05",
            "new event": "/console/events/new",
            "event": at,
            "long event": f"/console/events/{odd.id}",
            "change": f"{at}/edit",
            "cancel": f"{at}/cancel",
            "people": f"{at}/people",
            "list form": f"{at}/list",
            "lists": "/console/lists",
            "links": "/console/links",
            "new link": f"/console/links/new?event={event.id}",
            "link": f"/console/links/{link.id}",
            "pages": "/console/pages",
            "new page": f"/console/pages/-/new?event={event.id}",
            "page": f"/console/pages/{page.slug}",
            "draft": f"/console/lists/{draft.campaign.id}",
            "sample": f"/console/lists/{draft.campaign.id}/sample?row=2",
            "reports": "/console/reports",
            "report of a domain": "/console/reports/domains/cis.test",
            "report of an organizer": f"/console/reports/organizers/[{event.organizer}]",
            "report of an event": f"/console/reports/events/{event.id}",
            "answers to an organizer": f"/console/reports/organizers/[{event.organizer}]/answers",
            "events compared": f"/console/reports/compare?e={event.id}&e={odd.id}",
            "mail of an event": f"{at}/message",
            "agents": "/console/agents",
            "new key": "/console/keys/new",
            "key": f"/console/keys/{key.key.id}",
            "bounds": f"/console/keys/{key.key.id}/bounds",
            "triggers": "/console/triggers",
            "new trigger": "/console/triggers/-/new",
            "webhooks": "/console/webhooks",
            "mail to agents": "/console/messages",
            "organizers": "/console/organizers",
            "ask again": f"{at}/remind",
            "do not mail": "/console/do-not-mail",
            "quarantine": "/console/quarantine",
            "record": "/console/record",
            "developers": "/console/developer",
            "branding": "/console/branding",
            "branding in one language": "/console/branding?language=ar",
            "tables for analysis": "/console/exports",
            "verify": "/console/verify",
            "verify: choose": "/console/verify/events",
            "verify: steps": f"/console/verify/steps?event={event.id}&from=0&skip=6",
            "verify: by itself": "/console/verify/run",
            "held": f"/console/held/{held}",
            "not here": "/console/events/unknown",
        },
    )
