"""The tools for an organizer's public web pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from cis_mcp.mcp.tools.arguments import Arguments
from cis_mcp.mcp.tools.base import CallContext, Reply, Result, Spec, reads, writes
from cis_mcp.mcp.tools.fitting import fitted, listed, place_after
from cis_mcp.views import pages as views
from cis_mcp.views.events import one_line, quoted
from cis_mcp.views.pages import PageFields, PageInfo, page_info
from engine.commands.pages import texts
from engine.commands.pages.pages import CreatePage, PageDone, UpdatePage
from engine.commands.pages.publishing import PublishEvents
from engine.imports.pictures import FIELDS, with_pictures
from engine.model.pages import PageKind
from engine.model.queries import WHOLE_LIST


class CreatePageArguments(PageFields, Arguments):
    """Arguments of create_page."""

    title: str = Field(description="heading of the page", max_length=texts.TITLE_MAX)
    kind: PageKind = Field(
        PageKind.SCHEDULE,
        description="schedule: to choose from many events; upcoming: what comes next; events: no list, but each "
        "event of the organizer gets its own page at an unguessable address (list_pages with event shows it)",
    )
    slug: str | None = Field(
        None,
        description="last part of its address: a-z, 0-9 and hyphens; default: made from the title",
        max_length=texts.SLUG_MAX,
        examples=["orioles-2027"],
    )
    organizer: str | None = Field(
        None, description="the organizer; leave out for yourself", examples=["ann@example.com"]
    )


class UpdatePageArguments(PageFields, Arguments):
    """Arguments of update_page."""

    slug: str = Field(description="which page", max_length=200)
    title: str | None = Field(None, description="heading of the page", max_length=texts.TITLE_MAX)
    published: bool | None = Field(None, description="false: takes it off the web; true: puts it back")
    clear: list[Literal["intro", "closing", "month", "query", "consent", "logo", "banner", "background"]] = (
        Field([], description="fields to empty", max_length=8)
    )


class ListPagesArguments(Arguments):
    """Arguments of list_pages."""

    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, description="next_cursor of the previous page", max_length=100)
    event: str | None = Field(
        None, description="uid or id: also show the addresses of this event's own pages", max_length=200
    )


class PublishEventsArguments(Arguments):
    """Arguments of publish_events."""

    on: bool = Field(description="false: takes these pages off the web; pages made with create_page stay")
    organizer: str | None = Field(
        None, description="the organizer; leave out for yourself", examples=["ann@example.com"]
    )


class PageResult(Result):
    """A page that was made or changed."""

    page: PageInfo
    events: int = Field(description="events that it has now, including past and cancelled ones")
    changed: list[str] = Field(description="fields that changed")


class PublishingResult(Result):
    """Whether all events of an organizer are published."""

    on: bool
    page: PageInfo | None = Field(description="the page that lists what comes next; null: never made")
    events: int = Field(description="events that it has now")


class PageList(Result):
    """Pages, newest first."""

    pages: list[PageInfo]
    next_cursor: str | None
    event_urls: list[str] = Field(description="addresses of the event's own pages")


async def create_page(call: CallContext, arguments: CreatePageArguments) -> Reply:
    """Make a public web page of an organizer's events: people tick the ones they want and get real invites by mail.
    The page is online at once and follows every change of its events. Choose the events by month, by query or one
    by one; otherwise it shows all. Give the url to your user."""
    command = CreatePage(
        kind=arguments.kind,
        title=arguments.title,
        slug=arguments.slug,
        organizer=arguments.organizer,
        **await with_pictures(call.engine, call.actor, arguments.organizer, arguments.fields()),
    )
    return await _reply(call, await call.apply(command), "Online")


async def update_page(call: CallContext, arguments: UpdatePageArguments) -> Reply:
    """Change a public web page, take it off the web (published: false) or put it back. Fields you leave out stay."""
    given = arguments.fields()
    if set(FIELDS) & set(given):
        owner = (await call.engine.page(arguments.slug, call.actor)).organizer
        given = await with_pictures(call.engine, call.actor, owner, given)
    command = UpdatePage(
        slug=arguments.slug,
        title=arguments.title,
        published=arguments.published,
        **(given | dict.fromkeys([str(name) for name in arguments.clear], "")),
    )
    done = await call.apply(command)
    return await _reply(call, done, "Online" if done.page.published else "Off the web")


async def publish_events(call: CallContext, arguments: PublishEventsArguments) -> Reply:
    """Publish all events of an organizer, including those created later: each gets its own page, and one page lists
    what comes next. Ask your user first; on: false takes them off the web again. For a selection use create_page."""
    done = await call.apply(PublishEvents(on=arguments.on, organizer=arguments.organizer))
    if done.page is None:
        return Reply("Nothing was published.", PublishingResult(on=False, page=None, events=0))
    info, count = page_info(call.engine.settings, done.page), len(await call.engine.page_events(done.page))
    state = (
        f"Every event has a page; what comes next is at {info.url}" if done.on else f"Off the web: {info.url}"
    )
    return Reply(state, PublishingResult(on=done.on, page=info, events=count))


async def list_pages(call: CallContext, arguments: ListPagesArguments) -> Reply:
    """List your public web pages, newest first, with their addresses."""
    pages = [
        page_info(call.engine.settings, page) for page in await call.engine.pages(call.actor, WHOLE_LIST)
    ]
    start = place_after([page.slug for page in pages], arguments.cursor)
    urls = await _event_urls(call, arguments.event) if arguments.event else []
    return await fitted(arguments.limit, lambda limit: _listed(pages[start:], limit, urls))


async def _event_urls(call: CallContext, name: str) -> list[str]:
    """The URLs of the event's own page, the same for all pages that list it. Raises Refused: UNKNOWN_EVENT."""
    event = await call.engine.event(name, call.actor)
    return await views.event_urls(call.engine, event)


async def _listed(pages: Sequence[PageInfo], limit: int, urls: Sequence[str]) -> Reply:
    shown = list(pages[:limit])
    more = shown[-1].slug if len(pages) > limit else None
    lines = [f"- {quoted(one_line(page.title))}: {page.url or page.slug}{_state(page)}" for page in shown]
    lines += [f"The event is at {url}" for url in urls]
    data = PageList(pages=shown, next_cursor=more, event_urls=list(urls))
    return listed(lines, more, "There are no pages.", data)


def _state(page: PageInfo) -> str:
    return "" if page.published else " (off the web)"


async def _reply(call: CallContext, done: PageDone, state: str) -> Reply:
    info = page_info(call.engine.settings, done.page)
    count = len(await call.engine.page_events(done.page))
    where = f"at {info.url}" if info.url else "without a list, each event at an address of its own,"
    text = f"{state}: {quoted(one_line(info.title))} {where} with {count} events."
    if not count:
        text += " Nothing fits what it is to show."
    return Reply(text, PageResult(page=info, events=count, changed=list(done.changed)))


TOOLS = (
    Spec(create_page, "Make a web page", CreatePageArguments, PageResult, writes(), "publish"),
    Spec(
        update_page,
        "Change a web page",
        UpdatePageArguments,
        PageResult,
        writes(destructive=True, idempotent=True),
        "publish",
    ),
    Spec(
        publish_events,
        "Publish every event",
        PublishEventsArguments,
        PublishingResult,
        writes(destructive=True, idempotent=True),
        "publish",
    ),
    Spec(list_pages, "List web pages", ListPagesArguments, PageList, reads()),
)
