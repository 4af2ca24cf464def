"""Two organizers with every right but the operator's: no page and no form lets one reach what is the other's."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from cis_mcp.console import words
from cis_mcp.console.routes import screens
from cis_mcp.console.sealing import Purpose
from engine.commands.agents.keys import CreateKey
from engine.commands.campaigns.campaigns import DraftCampaign
from engine.commands.pages.links import CreateLink
from engine.commands.pages.pages import CreatePage
from engine.commands.triggers.triggers import CreateTrigger
from engine.commands.webhooks.webhooks import CreateWebhook
from engine.engine import Engine
from engine.model.bounds import Bounds
from engine.model.inbox_messages import InboxMessage
from engine.model.list_rows import ListRow
from engine.model.triggers import Proof, Sender
from engine.model.verbs import Verb
from engine.refusals import Code, Refused
from engine.rules.reading import rules_of
from tests.console.person import SAME, Person, Seen, browser, crawled, with_key
from tests.support.approvals import waiting
from tests.support.engines import created, deliver, do, invite
from tests.triggers import crm

EVERY = frozenset(Verb) - {Verb.ADMIN}
OWN = {"/console/branding/preview/{what}"}
"""What shows the visitor's own, whatever is asked."""


async def furnished(engine: Engine, name: str) -> dict[str, str]:
    """All that a console shows, of an organizer whose every text holds their name: the ids by the paths of each."""
    address = f"{name}@example.com"
    key = await do(engine, CreateKey(name=f"Robot of {name}", address=address, bounds=Bounds(verbs=EVERY)))
    event = await created(
        engine, organizer=address, summary=f"{name}’s concert", recurrence="FREQ=WEEKLY;COUNT=5"
    )
    await invite(engine, event, f"guest@{name}.example", name=f"Guest of {name}")
    held = await waiting(engine, event.uid, location=f"{name} Stadium")
    rows = [ListRow(email=f"listed@{name}.example"), ListRow(email=f"wrong {name}")]
    draft = await do(engine, DraftCampaign(uid=event.uid, recipients=rows))
    actor = key.key.actor
    link = await do(
        engine, CreateLink(name=f"Letter of {name}", events=(event.id,), vendor="mailchimp"), actor
    )
    page = await do(engine, CreatePage(title=f"Season of {name}", slug=f"season-{name[0]}"), actor)
    rules = rules_of(crm.RULES)
    trigger = CreateTrigger(name=f"deals-{name[0]}", proof=Proof(sender=Sender.HMAC), rules=rules)
    await do(engine, trigger, actor)
    webhook = await do(engine, CreateWebhook(url=f"https://{name}.example/in", kinds=frozenset()), actor)
    message = InboxMessage(
        id=f"m{name[0]}1",
        at=datetime(2027, 1, 1, tzinfo=UTC),
        kind="mail",
        organizer=address,
        sender=f"writer@{name}.example",
        subject=f"Hello {name}",
        text="?",
        proof=f"{name}.example",
    )
    async with engine.store.unit() as unit:
        await unit.save_inbox_message(message)
    await deliver(engine)
    return {
        "uid": event.uid,
        "events": event.id,
        "lists": draft.campaign.id,
        "links": link.link.id,
        "pages": page.page.slug,
        "held": held,
        "keys": key.key.id,
        "triggers": f"deals-{name[0]}",
        "webhooks": webhook.webhook.id,
        "messages": message.id,
        "quarantine": "unknown",
    }


@dataclass(frozen=True)
class _Look:
    """A page without what is one organizer's own: its path, its words, and where its forms and links lead."""

    path: str
    words: str
    ways: tuple[str, ...]


def _look(path: str, text: str, name: str, ids: Mapping[str, str]) -> _Look:
    """The page as it would be of nobody: names, ids and seals of its organizer are all the same word."""
    seen = Seen(httpx.Response(200, text="" if path.endswith((".svg", ".png")) else text))
    ways = {*seen.links, *(form.action for form in seen.page.forms)}
    plain = [_plain(one, name, ids) for one in (path, seen.text, *sorted(ways))]
    return _Look(plain[0], plain[1], tuple(sorted(plain[2:])))


def _plain(text: str, name: str, ids: Mapping[str, str]) -> str:
    for own in sorted({*ids.values(), ids["uid"]} - {"unknown"}, key=len, reverse=True):
        text = text.replace(own, "ID")
    text = re.sub(r"[A-Za-z0-9_-]{24,}(={0,2}|(%3D){0,2})", "SEAL", text)
    text = re.sub(f"{name}|\\b{name[0]}(?=\\*{{7}})", "NAME", text, flags=re.IGNORECASE)
    return re.sub(rf"(deals|season)-{name[0]}", r"\1-N", text)


async def _both(engine: Engine) -> Mapping[str, dict[str, str]]:
    return {name: await furnished(engine, name) for name in ("annabel", "bertram")}


async def test_the_pages_of_two_organizers_with_every_right_have_nothing_of_each_other(
    engine: Engine,
) -> None:
    ids = await _both(engine)
    async with browser(engine) as first, browser(engine) as second:
        annabel = await with_key(engine, first, "annabel@example.com", scopes=EVERY)
        bertram = await with_key(engine, second, "bertram@example.com", scopes=EVERY)
        seen = {"annabel": await crawled(annabel), "bertram": await crawled(bertram)}
        for person, own, other in ((annabel, "annabel", "bertram"), (bertram, "bertram", "annabel")):
            assert [path for path, text in seen[own].items() if other in text.lower()] == []
            for words_ in ("concert", "Letter", "Season", "deals", "Hello", "Robot"):
                assert any(words_ in text for text in seen[own].values()), words_
            for path in seen[other].keys() - seen[own].keys():
                if not re.search(r"[?&](view|when|month)=", path):
                    assert (await person.go(path)).status in {403, 404}, path
        for key in await engine.store.keys():
            ids[key.address.partition("@")[0]][f"key {key.id}"] = key.id
        looks = {
            name: Counter(_look(path, text, name, ids[name]) for path, text in seen[name].items())
            for name in seen
        }
    assert looks["annabel"] == looks["bertram"], "both see the same pages, each with their own in it"


def _path(pattern: str, ids: Mapping[str, str], person: Person, other: str) -> str:
    """A route's path with the ids of the other organizer."""
    hub = pattern.split("/")[2]
    address = f"{other}@example.com"
    values = {
        "person": person.seal(f"guest@{other}.example", Purpose.PERSON),
        "address": person.seal(address),
        "who": person.seal(address),
        "domain": f"{other}.example",
        "scope": "events",
        "key": ids["events"],
        "date": "2027-05-02",
        "mail": "unknown",
        "ending": "svg",
        "uid": ids["events"],
    }
    return re.sub(r"\{(\w+):\w+\}", lambda found: values.get(found[1], ids.get(hub, "unknown")), pattern)


async def test_no_route_that_there_is_shows_or_changes_what_is_another_s(engine: Engine) -> None:
    """The table of routes forgets none: each is asked with the other's ids, and each form sent with a good token."""
    ids = (await _both(engine))["bertram"]
    async with browser(engine) as web:
        annabel = await with_key(engine, web, "annabel@example.com", scopes=EVERY)
        before = await engine.record(engine.local, 1)
        tried = 0
        for screen in screens():
            named = re.sub(r":\w+", "", screen.path)
            if "{" not in screen.path or named in OWN:
                continue
            path = _path(screen.path, ids, annabel, "bertram")
            form = {
                "token": annabel.token,
                "email": "x@example.net",
                "do": "save",
                "decision": "yes",
                "yes": "yes",
            }
            files = {"nothing": ("", b"")} if screen.uploads else None
            answer = (
                await web.get(path)
                if screen.method == "GET"
                else await web.post(path, data=form, files=files, headers=SAME)
            )
            tried += 1
            if screen.asks and answer.status_code == 303:
                answer = await web.get(answer.headers["location"])
            assert answer.status_code in {400, 403, 404}, (screen.method, path, answer.status_code)
            shown = re.sub(r'(href|action)="[^"]*"', "", answer.text)
            assert "bertram" not in shown.lower(), (screen.method, path)
        assert tried > 50
        after = await engine.record(engine.local, 500)
        new = [row for row in after if row.seq > before[0].seq]
        assert [row for row in new if '"outcome":"done"' in row.body] == []
    assert await deliver(engine) == []


def test_every_refusal_says_where_to_go_on_in_words_of_the_screen() -> None:
    for code in Code:
        hint = words.hint(Refused(code, "It cannot be."))
        assert hint, code
        assert not re.search(r"\b[a-z]+_[a-z_]+\b|cis-mcp |dry_run", hint), code
