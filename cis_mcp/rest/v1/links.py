"""Links for newsletters, and the mail services that fill them in."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from cis_mcp.rest.endpoint import Call, DataResponse, Endpoint
from cis_mcp.rest.listing import place_after
from cis_mcp.rest.models import Body, Cursor, Limit, Nothing, Query
from cis_mcp.views import vendors as services
from cis_mcp.views.base import Data
from cis_mcp.views.links import CodeToCopy, LinkChange, LinkFields, LinkInfo, code_to_copy, link_info
from engine.commands.pages.landing_hosts import HOSTS_MAX, SettleLandingHosts
from engine.commands.pages.links import LinkDone
from engine.model import cursors
from engine.model.campaign_links import Vendor
from engine.model.queries import WHOLE_LIST
from engine.model.verbs import Verb


class OfLink(Query):
    """The link in the path."""

    id: Annotated[str, Field(min_length=1, max_length=100)]


class CodeOfLink(OfLink):
    """The link in the path, and for which mail service its code is wanted."""

    vendor: str = Field("", description="id of a mail service; empty: the link's own", max_length=100)


class ListingLinks(Query):
    """Some of the links."""

    limit: Limit = 20
    cursor: Cursor = None


class NewLink(LinkFields, Body):
    """A link to be made."""


class LinkChanges(LinkChange, Body):
    """What is to change; what is left out stays."""


class Links(Data):
    """Links, newest first."""

    links: list[LinkInfo]
    next_cursor: str | None


class ChangedLink(Data):
    """A link that was made or changed, with its code to copy."""

    link: LinkInfo
    code: CodeToCopy
    changed: list[str] = Field(description="fields that changed")


class LandingHosts(Body):
    """The hosts that are allowed from now on."""

    hosts: list[Annotated[str, Field(max_length=255, examples=["shop.example.com"])]] = Field(
        description="example.com, or *.example.com for all below it; none: only those of the operator",
        max_length=HOSTS_MAX,
    )
    organizer: str | None = Field(None, description="the organizer; left out: yourself", max_length=1_000)


class AllowedHosts(Data):
    """The hosts to which links and `landing=` of an organizer may lead, beside those of the operator."""

    organizer: str
    hosts: list[str]


class Vendors(Data):
    """Mail services, in the operator's order."""

    vendors: list[Vendor]


async def links(call: Call[ListingLinks, Body]) -> Links:
    """List your links for newsletters, the 10,000 newest, newest first, with their counters."""
    limit, cursor = call.query.limit, call.query.cursor
    every = await call.engine.links(call.actor, WHOLE_LIST)
    start = place_after([link.id for link in every], cursor)
    shown = every[start : start + limit]
    more = len(every) > start + limit
    infos = [await link_info(call.engine, link) for link in shown]
    return Links(links=infos, next_cursor=cursors.written(shown[-1].id) if more else None)


async def show_link(call: Call[OfLink, Body]) -> LinkInfo:
    """Show one of your links with its counters."""
    return await link_info(call.engine, await call.engine.link(call.query.id, call.actor))


async def link_code(call: Call[CodeOfLink, Body]) -> CodeToCopy:
    """Return the code to paste into a newsletter, for the link's mail service or another one."""
    link = await call.engine.link(call.query.id, call.actor)
    return await code_to_copy(call.engine, link, call.actor, call.query.vendor, narrowed=_makes_none(call))


async def make_link(call: Call[Query, NewLink]) -> DataResponse:
    """Make a link for newsletters: its page shows the events and one button that sends the invites. The
    same Idempotency-Key makes the same link once: a repetition answers 200 with the link that was made."""
    command = await call.body.command(call.engine)
    done = await call.apply(command.model_copy(update={"idempotency_key": call.idempotency_key}))
    status = 201 if done.changed else 200
    return DataResponse(await _changed(call, done), status, {"Location": f"/v1/links/{done.link.id}"})


async def change_link(call: Call[OfLink, LinkChanges]) -> ChangedLink:
    """Change a link, end it or put it back; its address stays. A repetition changes nothing."""
    return await _changed(call, await call.apply(call.body.command(call.query.id)))


async def vendors(call: Call[Nothing, Body]) -> Vendors:
    """List the mail services for which links are made, with the tag and the steps of each."""
    whose = "" if call.actor.everywhere else call.actor.address
    return Vendors(vendors=await services.vendors(call.engine, organizer=whose))


async def allow_hosts(call: Call[Nothing, LandingHosts]) -> AllowedHosts:
    """Allow links and `landing=` to lead to these hosts after a Send, and to no others of yours."""
    done = await call.apply(SettleLandingHosts(hosts=tuple(call.body.hosts), organizer=call.body.organizer))
    return AllowedHosts(organizer=done.organizer, hosts=list(done.hosts))


async def _changed(call: Call[Any, Any], done: LinkDone) -> ChangedLink:
    info = await link_info(call.engine, done.link)
    code = await code_to_copy(call.engine, done.link, call.actor, narrowed=_makes_none(call))
    return ChangedLink(link=info, code=code, changed=list(done.changed))


def _makes_none(call: Call[Any, Any]) -> bool:
    return not call.has("create_link")


def _reading(path: str, handler: Any, answer: type[Data], query: type[Query]) -> Endpoint:
    return Endpoint(
        "GET", path, handler, answer, Verb.READ, "links", query, tool="list_links", tier="extended"
    )


_LINKS, _LINK = "/v1/links", "/v1/links/{id}"
ENDPOINTS = (
    _reading(_LINKS, links, Links, ListingLinks),
    _reading(_LINK, show_link, LinkInfo, OfLink),
    _reading(f"{_LINK}/code", link_code, CodeToCopy, CodeOfLink),
    _reading("/v1/vendors", vendors, Vendors, Nothing),
    Endpoint(
        "POST",
        _LINKS,
        make_link,
        ChangedLink,
        Verb.PUBLISH,
        "links",
        Nothing,
        NewLink,
        201,
        tool="create_link",
        tier="extended",
        repeatable=True,
    ),
    Endpoint(
        "POST",
        "/v1/landing-hosts",
        allow_hosts,
        AllowedHosts,
        Verb.PUBLISH,
        "links",
        Nothing,
        LandingHosts,
        tool="set_landing_hosts",
        tier="extended",
    ),
    Endpoint(
        "PATCH",
        _LINK,
        change_link,
        ChangedLink,
        Verb.PUBLISH,
        "links",
        OfLink,
        LinkChanges,
        tool="update_link",
        tier="extended",
    ),
)
