"""The tools for bulk sends: a draft, and the campaign it becomes."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from cis_mcp.mcp.tools.arguments import Arguments
from cis_mcp.mcp.tools.base import CallContext, Reply, Result, Spec, reads, writes
from cis_mcp.mcp.tools.fitting import fitted
from cis_mcp.mcp.tools.lists import BulkSendArguments, rows_of
from cis_mcp.mcp.tools.schema import shown_by
from cis_mcp.mcp.tools.waiting import WAIT_MAX_S, until_at_rest
from cis_mcp.views.campaigns import (
    CampaignInfo,
    begin_at,
    campaign_info,
    campaign_lines,
    hides_rows,
    sample,
)
from cis_mcp.views.day_limit import day_limit
from engine.commands.campaigns.campaigns import CampaignAction, CampaignDone, ControlCampaign, DraftCampaign
from engine.engine import SYSTEM
from engine.model import cursors
from engine.model.campaigns import CampaignState
from engine.model.messages import Kind, MessageState
from engine.refusals import Code, Refused

_SKIPPED_SHOWN = 50

WaitS = Annotated[
    float,
    Field(
        description="seconds to wait until it is finished, paused or cancelled, with MCP progress",
        ge=0,
        le=WAIT_MAX_S,
    ),
]


class GetCampaignArguments(Arguments):
    """Arguments of get_campaign."""

    campaign_id: str | None = Field(
        None,
        description="of bulk_send, update_event, cancel_event; left out: list the newest",
        max_length=200,
    )
    wait_s: WaitS = 0
    limit: int = Field(20, description="campaigns, or skipped rows of the one", ge=1, le=100)
    cursor: str | None = Field(None, description="next_cursor of the previous page", max_length=200)


class ControlCampaignArguments(Arguments):
    """Arguments of control_campaign."""

    campaign_id: str = Field(description="id from bulk_send", min_length=1, max_length=200)
    action: CampaignAction = Field(description="cancel withdraws messages not yet sent")
    confirm_token: str | None = Field(None, description="for start: the token of the draft", max_length=200)
    wait_s: WaitS = 0


class CampaignResult(Result):
    """A campaign as it is now."""

    campaign: Annotated[CampaignInfo, shown_by("get_campaign")]


class CampaignsResult(Result):
    """The campaign that was asked for, or the newest ones."""

    campaign: CampaignInfo | None
    campaigns: list[CampaignInfo] = Field(description="newest first; only without an id")
    next_cursor: str | None = Field(description="more campaigns, or more skipped rows of the one")


async def bulk_send(call: CallContext, arguments: BulkSendArguments) -> Reply:
    """Draft invites to one event for a list of people: checks every row, says which it
    would skip and why, and shows a sample. Nothing is sent until control_campaign starts it with the confirm_token,
    unless start is true. For one person use send_invite."""
    rows = await rows_of(call, arguments)
    draft = DraftCampaign(
        uid=arguments.uid,
        recipients=rows,
        origin=arguments.origin,
        rate=arguments.rate,
        at=await begin_at(call.engine, call.actor, arguments.uid, arguments.at),
    )
    done = await call.apply(draft)
    token = done.confirm_token
    if arguments.start:
        done, token = await _started(call, done), ""
    return await _reply(call, done, token)


async def control_campaign(call: CallContext, arguments: ControlCampaignArguments) -> Reply:
    """Start, pause, resume or cancel a campaign; safe to repeat. Starting sends mail. It needs the confirm_token of
    bulk_send, which a change to the event voids. Follow it with get_campaign."""
    command = ControlCampaign(
        campaign_id=arguments.campaign_id,
        action=arguments.action,
        confirm_token=arguments.confirm_token or "",
    )
    done = await call.apply(command)
    await until_at_rest(call, done.campaign.id, arguments.wait_s)
    return await _reply(call, done, "")


async def get_campaign(call: CallContext, arguments: GetCampaignArguments) -> Reply:
    """Show the progress of a campaign (a bulk invite, or a change being announced): counts by state, skipped rows,
    first failures. With wait_s, wait until it ends. Without an id, list the newest. For answers use get_stats."""
    campaign_id, cursor = arguments.campaign_id, arguments.cursor
    if campaign_id:
        if arguments.wait_s:
            # Refused before any waiting where it is not the caller's.
            await call.engine.campaign(campaign_id, call.actor, skipped=0)
            await until_at_rest(call, campaign_id, arguments.wait_s)
        return await fitted(arguments.limit, lambda limit: _one(call, campaign_id, limit, cursor))
    if arguments.wait_s:
        raise Refused(Code.INVALID_ARGUMENT, "wait_s needs a campaign_id.", "Leave wait_s out to list all.")
    return await fitted(arguments.limit, lambda limit: _newest(call, limit, cursor))


async def _one(call: CallContext, campaign_id: str, limit: int, cursor: str | None) -> Reply:
    """A campaign with a page of its skipped rows."""
    after = int(str(cursors.opened(cursor, int)[0])) if cursor else 0
    view = await call.engine.campaign(campaign_id, call.actor, skipped=limit + 1, skipped_after=after)
    more = len(view.skipped) > limit
    info = campaign_info(
        view.model_copy(update={"skipped": view.skipped[:limit]}), masked=hides_rows(call.actor)
    )
    following = cursors.written(info.skipped[-1].row) if more else None
    lines = [*campaign_lines(info, view.event), *_more(following, "skipped rows")]
    if info.counts.get("queued") and (why := await day_limit(call.engine)):
        lines.append(f"It waits, since {why}.")
    return Reply("\n".join(lines), CampaignsResult(campaign=info, campaigns=[], next_cursor=following))


async def _newest(call: CallContext, limit: int, cursor: str | None) -> Reply:
    """A page of the caller's campaigns, newest first."""
    views = await call.engine.campaigns(call.actor, limit + 1, cursors.before(cursor))
    infos = [campaign_info(view, masked=hides_rows(call.actor)) for view in views[:limit]]
    last = views[limit - 1].campaign if len(views) > limit else None
    following = cursors.written(last.created.isoformat(), last.id) if last else None
    lines = [campaign_lines(info, view.event)[0] for info, view in zip(infos, views, strict=False)] or [
        "There are no campaigns."
    ]
    lines += _more(following, "campaigns")
    return Reply("\n".join(lines), CampaignsResult(campaign=None, campaigns=infos, next_cursor=following))


def _more(cursor: str | None, what: str) -> list[str]:
    return [f"There are more {what}; go on with cursor {cursor}"] if cursor else []


async def _started(call: CallContext, draft: CampaignDone) -> CampaignDone:
    start = CampaignAction.START
    command = ControlCampaign(campaign_id=draft.campaign.id, action=start, confirmed=True, unseen=True)
    try:
        done = await call.apply(command)
    except Refused as refused:
        skipped = f"All {draft.campaign.total} rows were skipped. " if not draft.campaign.valid else ""
        hint = f"{skipped}See the skipped rows with get_campaign(campaign_id=“{draft.campaign.id}”)."
        raise Refused(refused.code, refused.message, hint) from refused
    return done.model_copy(update={"sample": draft.sample})


async def _reply(call: CallContext, done: CampaignDone, token: str) -> Reply:
    # The command has checked whose campaign it is; a key that may send but not read sees this much.
    view = await call.engine.campaign(done.campaign.id, SYSTEM, skipped=_SKIPPED_SHOWN)
    shown = sample(done, call.engine.clock())
    info = campaign_info(view).model_copy(update={"sample": shown, "confirm_token": token or None})
    lines = [*campaign_lines(info, view.event), *_beginning(done), *_next(info)]
    return Reply("\n".join(lines), CampaignResult(campaign=info))


def _beginning(done: CampaignDone) -> list[str]:
    """When a scheduled campaign starts, in its event's zone."""
    if done.campaign.at is None or done.campaign.started:
        return []
    zone = done.event.span.timezone
    return [f"It begins {done.campaign.at.astimezone(ZoneInfo(zone)):%A %Y-%m-%d %H:%M} {zone}."]


def _next(info: CampaignInfo) -> list[str]:
    """What to do next."""
    match info.state:
        case CampaignState.DRAFT if info.confirm_token and info.valid:
            return [
                "Nothing was sent. To send: control_campaign("
                f"campaign_id=“{info.id}”, action=“start”, confirm_token=“{info.confirm_token}”)"
            ]
        case CampaignState.DRAFT:
            return ["Nothing was sent."]
        case CampaignState.RUNNING:
            return ["It is sending now; follow its progress with get_campaign."]
        case CampaignState.PAUSED:
            return [f"{_gone(info)} What is owed waits for action=“resume”."]
        case CampaignState.CANCELLED:
            return [f"{_gone(info)} Nothing else will."]
        case _:
            return []


def _gone(info: CampaignInfo) -> str:
    """How many messages have left already, which no pause or cancellation can recall."""
    sending = info.counts.get(MessageState.SENDING.value, 0)
    under_way = f" {sending} more may just be leaving." if sending else ""
    whole = f"{info.valid} valid" if info.kind == Kind.INVITE.value else str(info.total)
    return f"{info.counts.get(MessageState.SENT.value, 0)} of {whole} had gone out by then.{under_way}"


TOOLS = (
    Spec(bulk_send, "Invite many people", BulkSendArguments, CampaignResult, writes(mails=True), "bulk"),
    Spec(get_campaign, "Show a campaign", GetCampaignArguments, CampaignsResult, reads()),
    Spec(
        control_campaign,
        "Start, pause, resume or cancel a campaign",
        ControlCampaignArguments,
        CampaignResult,
        writes(destructive=True, idempotent=True, mails=True),
        "bulk",
    ),
)
