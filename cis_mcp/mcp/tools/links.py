"""The tools for newsletter links."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from cis_mcp.mcp.tools.arguments import Arguments
from cis_mcp.mcp.tools.base import CallContext, Reply, Result, Spec, reads, writes
from cis_mcp.mcp.tools.fitting import fitted, listed, place_after
from cis_mcp.views.events import one_line, quoted
from cis_mcp.views.links import CodeToCopy, LinkChange, LinkFields, LinkInfo, code_to_copy, link_info
from engine.commands.pages.landing_hosts import HOSTS_MAX, SettleLandingHosts
from engine.commands.pages.links import LinkDone
from engine.model.campaign_links import CampaignLink
from engine.model.queries import WHOLE_LIST

_ID_MAX = 100


class CreateLinkArguments(LinkFields, Arguments):
    """Arguments of create_link."""


class UpdateLinkArguments(LinkChange, Arguments):
    """Arguments of update_link."""

    link: str = Field(description="its id", max_length=_ID_MAX)
    clear: list[Literal["landing"]] = Field([], description="fields to empty", max_length=1)


class ListLinksArguments(Arguments):
    """Arguments of list_links."""

    link: str | None = Field(
        None, description="id of one link: show only this one, with its code to copy", max_length=_ID_MAX
    )
    vendor: str | None = Field(
        None, description="mail service to show the code for; default: the link's own", max_length=100
    )
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, description="next_cursor of the previous page", max_length=_ID_MAX)


class SetLandingHostsArguments(Arguments):
    """Arguments of set_landing_hosts."""

    hosts: list[str] = Field(
        description="all hosts allowed from now on; *.example.com: all subdomains; an empty list: none",
        max_length=HOSTS_MAX,
        examples=[["shop.example.com"]],
    )
    organizer: str | None = Field(
        None, description="the organizer; leave out for yourself", examples=["ann@example.com"]
    )


class LandingHostsResult(Result):
    """The hosts that an organizer allows, beside those of the operator."""

    organizer: str
    hosts: list[str]


class LinkResult(Result):
    """A link that was made or changed."""

    link: LinkInfo
    code: CodeToCopy
    changed: list[str] = Field(description="fields that changed")


class LinkList(Result):
    """Links, newest first."""

    links: list[LinkInfo]
    next_cursor: str | None
    code: CodeToCopy | None = Field(description="of the one link you asked for")


async def create_link(call: CallContext, arguments: CreateLinkArguments) -> Reply:
    """Make a call-to-action link for a newsletter: it opens a page that shows the events with the reader's address
    filled in, and one button sends the invites. Returns the exact code for the mail service: give it to your user
    unchanged, with the steps and the test. Opening the link sends nothing, so mail scanners trigger no invites."""
    return await _reply(call, await call.apply(await arguments.command(call.engine)), "Made")


async def update_link(call: CallContext, arguments: UpdateLinkArguments) -> Reply:
    """Change a newsletter link, end it (active: false) or put it back. Its address and what you leave out stay."""
    emptied = arguments.model_copy(update=dict.fromkeys(arguments.clear, ""))
    done = await call.apply(emptied.command(arguments.link))
    return await _reply(call, done, "In use" if done.link.active else "Ended")


async def list_links(call: CallContext, arguments: ListLinksArguments) -> Reply:
    """List your newsletter links, newest first, with how often each was opened and pressed and how many people it
    invited; or show one with its code to copy."""
    if arguments.link is not None:
        one = await call.engine.link(arguments.link, call.actor)
        return await _listed(call, [one], 1, await _code(call, one, arguments.vendor or ""))
    links = await call.engine.links(call.actor, WHOLE_LIST)
    start = place_after([link.id for link in links], arguments.cursor)
    return await fitted(arguments.limit, lambda limit: _listed(call, links[start:], limit))


async def set_landing_hosts(call: CallContext, arguments: SetLandingHostsArguments) -> Reply:
    """Set the hosts to which your links may lead readers after they press the button; this replaces the earlier
    list. Ask your user first."""
    done = await call.apply(SettleLandingHosts(hosts=tuple(arguments.hosts), organizer=arguments.organizer))
    named = ", ".join(done.hosts) or "no host of their own"
    data = LandingHostsResult(organizer=done.organizer, hosts=list(done.hosts))
    return Reply(f"Links of {done.organizer} may lead to {named}.", data)


async def _listed(
    call: CallContext, links: Sequence[CampaignLink], limit: int, code: CodeToCopy | None = None
) -> Reply:
    shown = [await link_info(call.engine, link) for link in links[:limit]]
    more = shown[-1].id if len(links) > limit else None
    lines = [_line(info) for info in shown]
    lines += _code_lines(code) if code else []
    return listed(lines, more, "There are no links.", LinkList(links=shown, next_cursor=more, code=code))


def _line(info: LinkInfo) -> str:
    counts = info.counts
    state = "" if info.active else " (ended)"
    unmerged = f", {counts.unmerged} opened without an address" if counts.unmerged else ""
    return (
        f"- {info.id} {quoted(one_line(info.name))}{state}: shown {counts.shown}, pressed {counts.pressed}, "
        f"sent {counts.sent}, answered {counts.answered}{unmerged}"
    )


def _code_lines(code: CodeToCopy) -> list[str]:
    return [
        f"For {code.vendor}:",
        code.button_html,
        f"Plain link: {code.plain_link}",
        *[f"{n}. {step}" for n, step in enumerate(code.steps, 1)],
        f"To try it: {code.test}",
    ]


async def _reply(call: CallContext, done: LinkDone, state: str) -> Reply:
    code = await _code(call, done.link)
    data = LinkResult(link=await link_info(call.engine, done.link), code=code, changed=list(done.changed))
    named = f"{state}: link {done.link.id} {quoted(one_line(done.link.name))}."
    return Reply("\n".join([named, *_code_lines(code)]), data)


async def _code(call: CallContext, link: CampaignLink, vendor: str = "") -> CodeToCopy:
    narrowed = not call.has("create_link")
    return await code_to_copy(call.engine, link, call.actor, vendor, narrowed=narrowed)


TOOLS = (
    Spec(create_link, "Make a newsletter link", CreateLinkArguments, LinkResult, writes(), "publish"),
    Spec(
        update_link,
        "Change a newsletter link",
        UpdateLinkArguments,
        LinkResult,
        writes(destructive=True, idempotent=True),
        "publish",
    ),
    Spec(
        set_landing_hosts,
        "Allow landing hosts",
        SetLandingHostsArguments,
        LandingHostsResult,
        writes(destructive=True, idempotent=True),
        "publish",
    ),
    Spec(list_links, "List newsletter links", ListLinksArguments, LinkList, reads()),
)
