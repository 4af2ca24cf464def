"""An organizer's public web pages."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from cis_mcp.rest.endpoint import Call, DataResponse, Endpoint
from cis_mcp.rest.listing import place_after
from cis_mcp.rest.models import Body, Cursor, Limit, Nothing, Query
from cis_mcp.views.base import Data
from cis_mcp.views.pages import PageFields, PageInfo, page_info
from engine.commands.pages import texts
from engine.commands.pages.pages import CreatePage, FindPage, PageDone, UpdatePage
from engine.commands.pages.publishing import PublishEvents
from engine.commands.repeating import digest_of
from engine.imports.pictures import FIELDS, with_pictures
from engine.model import cursors
from engine.model.pages import PageKind
from engine.model.queries import WHOLE_LIST
from engine.model.verbs import Verb


class OfPage(Query):
    """The page in the path."""

    slug: Annotated[str, Field(min_length=1, max_length=200)]


class ListingPages(Query):
    """Some of the pages."""

    limit: Limit = 20
    cursor: Cursor = None


class NewPage(PageFields, Body):
    """A page to be made."""

    title: str = Field(description="heading of the page", max_length=texts.TITLE_MAX)
    kind: PageKind = Field(
        PageKind.SCHEDULE,
        description="schedule: to choose from many; upcoming: what comes next; events: no list, each event has a page "
        "at an address of its own",
    )
    slug: str | None = Field(
        None,
        description="last part of its address: a-z, 0-9 and hyphens; default: made from the title",
        max_length=texts.SLUG_MAX,
    )
    organizer: str | None = Field(None, description="the organizer; left out: yourself", max_length=1_000)


class PageChange(PageFields, Body):
    """What is to change; what is left out stays."""

    title: str | None = Field(None, max_length=texts.TITLE_MAX)
    published: bool | None = Field(None, description="false: takes it off the web; true: puts it back")


class Publishing(Body):
    """Whether all events of an organizer are to be published."""

    on: bool = Field(description="false: takes it off the web; pages that were made one by one stay")
    organizer: str | None = Field(None, description="the organizer; left out: yourself", max_length=1_000)


class Published(Data):
    """Whether all events of an organizer are published."""

    on: bool
    page: PageInfo | None = Field(description="the page that lists what comes next; null: never made")


class Pages(Data):
    """Pages, newest first."""

    pages: list[PageInfo]
    next_cursor: str | None


class ChangedPage(Data):
    """A page that was made or changed."""

    page: PageInfo
    events: int = Field(description="events that it has now, including past and cancelled ones")
    changed: list[str] = Field(description="fields that changed")


async def pages(call: Call[ListingPages, Body]) -> Pages:
    """List your public web pages, the 10,000 newest, newest first, with their addresses."""
    limit, cursor = call.query.limit, call.query.cursor
    every = await call.engine.pages(call.actor, WHOLE_LIST)
    start = place_after([page.slug for page in every], cursor)
    shown = every[start : start + limit]
    more = len(every) > start + limit
    infos = [page_info(call.engine.settings, page) for page in shown]
    return Pages(pages=infos, next_cursor=cursors.written(shown[-1].slug) if more else None)


async def show_page(call: Call[OfPage, Body]) -> PageInfo:
    """Show one of your pages with its addresses."""
    return page_info(call.engine.settings, await call.engine.page(call.query.slug, call.actor))


async def make_page(call: Call[Query, NewPage]) -> DataResponse:
    """Make a public web page with an organizer's events, from which people send themselves invites. It is online at
    once and follows every change of its events. The same Idempotency-Key makes the same page once: a repetition
    answers 200 with the page that was made."""
    body, given = call.body, call.body.fields()
    command = CreatePage(
        kind=body.kind,
        title=body.title,
        slug=body.slug,
        organizer=body.organizer,
        idempotency_key=call.idempotency_key,
        **given,
    )
    done = await _made_before(call, command)
    if done is None:
        # By the addresses of its pictures, as what they answer may be something else the next time.
        named = {"asked": digest_of(command)}
        named |= await with_pictures(call.engine, call.actor, body.organizer, given)
        done = await call.apply(command.model_copy(update=named))
    status = 201 if done.changed else 200
    return DataResponse(await _changed(call, done), status, {"Location": f"/v1/pages/{done.page.slug}"})


async def _made_before(call: Call[Query, NewPage], command: CreatePage) -> PageDone | None:
    if command.idempotency_key is None:
        return None
    asked = digest_of(command)
    found = (await call.apply(FindPage(idempotency_key=command.idempotency_key, asked=asked))).page
    return PageDone(page=found) if found else None


async def change_page(call: Call[OfPage, PageChange]) -> ChangedPage:
    """Change a page, take it off the web or put it back. A repetition changes nothing."""
    body, given = call.body, call.body.fields()
    if set(FIELDS) & set(given):
        owner = (await call.engine.page(call.query.slug, call.actor)).organizer
        given = await with_pictures(call.engine, call.actor, owner, given)
    command = UpdatePage(slug=call.query.slug, title=body.title, published=body.published, **given)
    return await _changed(call, await call.apply(command))


async def publish(call: Call[Nothing, Publishing]) -> Published:
    """Publish all events of an organizer, including future ones: each gets its own page, and one page lists what comes
    next; or take that off the web. A repetition changes nothing."""
    done = await call.apply(PublishEvents(on=call.body.on, organizer=call.body.organizer))
    return Published(on=done.on, page=page_info(call.engine.settings, done.page) if done.page else None)


async def _changed(call: Call[Any, Any], done: PageDone) -> ChangedPage:
    count = len(await call.engine.page_events(done.page))
    info = page_info(call.engine.settings, done.page)
    return ChangedPage(page=info, events=count, changed=list(done.changed))


_PAGES, _PAGE = "/v1/pages", "/v1/pages/{slug}"
ENDPOINTS = (
    Endpoint(
        "GET", _PAGES, pages, Pages, Verb.READ, "pages", ListingPages, tool="list_pages", tier="extended"
    ),
    Endpoint(
        "GET", _PAGE, show_page, PageInfo, Verb.READ, "pages", OfPage, tool="list_pages", tier="extended"
    ),
    Endpoint(
        "POST",
        _PAGES,
        make_page,
        ChangedPage,
        Verb.PUBLISH,
        "pages",
        Nothing,
        NewPage,
        201,
        tool="create_page",
        tier="extended",
        repeatable=True,
    ),
    Endpoint(
        "PATCH",
        _PAGE,
        change_page,
        ChangedPage,
        Verb.PUBLISH,
        "pages",
        OfPage,
        PageChange,
        tool="update_page",
        tier="extended",
    ),
    Endpoint(
        "POST",
        "/v1/publishing",
        publish,
        Published,
        Verb.PUBLISH,
        "pages",
        Nothing,
        Publishing,
        tool="publish_events",
        tier="extended",
    ),
)
