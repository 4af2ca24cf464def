"""Somebody who visits our pages: reads them, fills in their forms and follows where they lead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from html.parser import HTMLParser
from random import Random

import httpx

from engine.commands.events.timing import Timing
from engine.commands.pages.pages import CreatePage, UpdatePage
from engine.commands.randomness import ID_LENGTH, ID_LETTERS
from engine.engine import Engine
from engine.model.events import Event
from engine.model.messages import Kind, Message
from engine.model.pages import Page
from engine.model.times import Span
from engine.store.protocol import Unit
from tests.support.engines import created, deliver, do


class _Text(HTMLParser):
    """The text of a page, and what its forms and links hold."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.ticks: dict[str, bool] = {}
        self.links: list[str] = []
        self.inline: list[str] = []
        self._silent = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("name") == "e":
            self.ticks[given["value"] or ""] = "checked" in given
        if tag in {"a", "link", "script", "img"} and (to := given.get("href") or given.get("src")):
            self.links.append(to)
        self.inline += [name for name in given if name == "style" or name.startswith("on")]
        if tag in {"script", "style"}:
            self._silent = tag
            if "src" not in given and given.get("type") != "application/ld+json":
                self.inline.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == self._silent:
            self._silent = ""

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)


@dataclass
class Seen:
    """An answer as a person and a program see it."""

    answer: httpx.Response

    def __post_init__(self) -> None:
        self.page = _Text()
        self.page.feed(self.answer.text)

    @property
    def status(self) -> int:
        return self.answer.status_code

    @property
    def text(self) -> str:
        return " ".join("".join(self.page.words).split())

    @property
    def keys(self) -> list[str]:
        """What the rows that can be ticked are called."""
        return list(self.page.ticks)

    @property
    def ticked(self) -> list[str]:
        return [key for key, on in self.page.ticks.items() if on]


@dataclass
class Visitor:
    """A browser without JavaScript."""

    web: httpx.AsyncClient

    async def see(self, path: str, **headers: str) -> Seen:
        return Seen(await self.web.get(path, headers=headers))

    async def send(
        self,
        path: str,
        keys: Sequence[str],
        email: str = "ann@example.com",
        *,
        by_person: bool = True,
        **more: str,
    ) -> Seen:
        """Press Send and go where it leads."""
        answer = await self.post(path, keys, email, by_person=by_person, **more)
        while answer.status_code == 303:
            answer = await self.web.get(answer.headers["location"])
        return Seen(answer)

    async def post(
        self, path: str, keys: Sequence[str], email: str, *, by_person: bool = True, **more: str
    ) -> httpx.Response:
        fields = {"e": list(keys), "email": email, "h": "1" if by_person else "", **more}
        return await self.web.post(path, data=fields)


async def games(engine: Engine, count: int, **values: object) -> list[Event]:
    """So many games, a day apart from 1 May 2027 on."""
    return [await created(engine, **game(n, **values)) for n in range(count)]


def game(n: int, **values: object) -> dict[str, object]:
    day = f"2027-{5 + n // 28:02d}-{1 + n % 28:02d}"
    when = Timing(start=f"{day}T19:05", duration="PT3H", timezone="America/New_York")
    return {"summary": f"Owls at Foxes {n}", "location": "Fox Park", "when": when, **values}


TEAMS = [
    "Angels",
    "Astros",
    "Athletics",
    "Braves",
    "Brewers",
    "Cardinals",
    "Cubs",
    "Dodgers",
    "Foxes",
    "Giants",
    "Guardians",
    "Mariners",
    "Marlins",
    "Mets",
    "Nationals",
    "Orioles",
    "Otters",
    "Owls",
    "Padres",
    "Phillies",
    "Pirates",
    "Rangers",
    "Rays",
    "Reds",
    "Rockies",
    "Royals",
    "Tigers",
    "Twins",
    "Wolves",
    "Yaks",
]
ZONES = ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles")


async def season(engine: Engine, count: int) -> None:
    """A league's season, written in lots: up to 15 games a day of 30 teams in four zones."""
    first = datetime(2027, 3, 25, tzinfo=UTC)
    chance, lot = Random(7), engine.store.items_per_unit // 3

    async def work(unit: Unit, since: int) -> None:
        await unit.ensure_organizer(engine.local.address, "The League", first)
        for n in range(since, min(count, since + lot)):
            away, home = chance.sample(TEAMS, 2)
            hour = timedelta(
                days=n * 185 // count, hours=17, minutes=chance.choice((5, 10, 35, 100, 305, 430))
            )
            zone = ZONES[TEAMS.index(home) % 4]
            span = Span(start=first + hour, end=first + hour + timedelta(hours=3), timezone=zone)
            event = Event(
                uid=f"{n:05d}" + "".join(chance.choices("abcdefghjkmnpqrstuvwxyz", k=35)),
                id="".join(chance.choices(ID_LETTERS, k=ID_LENGTH)),
                organizer=engine.local.address,
                organizer_name="The League",
                summary=f"{away} at {home}",
                location=f"{home} Park",
                span=span,
                created=first,
                dtstamp=first,
                ends_at=span.end_utc,
            )
            await unit.add_event(event)

    for since in range(0, count, lot):
        await engine.store.transact(partial(work, since=since))


async def published(engine: Engine, **values: object) -> Page:
    """A page of all that the local organizer has."""
    return (await do(engine, CreatePage(**{"title": "Season", **values}))).page  # type: ignore[arg-type]


async def changed(engine: Engine, slug: str, **values: object) -> Page:
    return (await do(engine, UpdatePage(slug=slug, **values))).page  # type: ignore[arg-type]


async def invites(engine: Engine, email: str = "ann@example.com") -> list[Message]:
    """The invites that went to an address since this was asked last."""
    return [m for m in await deliver(engine) if m.email == email and m.kind is Kind.INVITE]


async def link_in_mail(engine: Engine, email: str = "ann@example.com") -> str:
    """The path of the page in the one notice that went to an address."""
    (mail,) = [m for m in await deliver(engine) if m.email == email]
    assert mail.kind is Kind.NOTICE
    assert mail.notice
    found = re.search(r"https://cis\.example\.com(/confirm/send/\S+)", mail.notice.text)
    assert found
    return found[1]
