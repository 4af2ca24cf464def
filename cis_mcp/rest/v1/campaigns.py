"""Campaigns: draft, start, control, and follow their progress."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from pydantic import Field
from starlette.responses import Response, StreamingResponse

from cis_mcp.rest.endpoint import Call, DataResponse, Endpoint
from cis_mcp.rest.models import Body, Cursor, Limit, OfEvent, Query
from cis_mcp.rest.v1.people import Fields
from cis_mcp.views.base import Data
from cis_mcp.views.campaigns import CampaignInfo, begin_at, campaign_info, hides_rows, sample
from engine.campaign_questions import CampaignView
from engine.commands.campaigns.campaigns import CampaignAction, CampaignDone, ControlCampaign, DraftCampaign
from engine.commands.tables import csvlist
from engine.engine import SYSTEM
from engine.imports import audience
from engine.imports.lists import read_list
from engine.model import cursors
from engine.model.campaigns import CampaignState
from engine.model.list_rows import ListRow
from engine.model.people import Origin
from engine.model.verbs import Verb
from engine.refusals import Code, Refused

_SKIPPED_SHOWN = 50
_LOOK_S = 0.5
_SILENT_S = 15.0
"""Seconds after which a stream without news sends a comment, so that proxies keep it open."""
_MOVING = {CampaignState.SCHEDULED, CampaignState.RUNNING}


class Recipient(Body):
    """One person of a list."""

    email: str = Field(max_length=1_000)
    name: str = Field("", max_length=1_000)
    fields: Fields = Field(default_factory=dict)


class NewCampaign(Body):
    """The list of a draft, and how it is to be sent."""

    recipients: list[Recipient] | None = Field(None, description="the people")
    csv: str | None = Field(
        None,
        description="or CSV text: email, name, other columns as personal fields",
        max_length=csvlist.BYTES_MAX,
        examples=["email,name\nann@example.com,Ann Example"],
    )
    source: str | None = Field(
        None,
        description="or a list on AWS that the operator has opened: s3://bucket/key, "
        "customer-profiles:DOMAIN/SEGMENT?to=s3://…/, ses-list:NAME[/TOPIC]",
        max_length=audience.URL_MAX,
        examples=["s3://my-lists/spring.csv"],
    )
    origin: Origin = Origin.BULK
    rate: float | None = Field(None, gt=0, allow_inf_nan=False, description="messages a second")
    at: str | None = Field(
        None, description="ISO 8601 time to begin, in the event's zone or with an offset", max_length=40
    )


class Start(Body):
    """The token that starts exactly the list that was shown."""

    confirm_token: str = Field(description="of the draft", max_length=200)


class OfCampaign(Query):
    """The campaign in the path."""

    campaign_id: Annotated[str, Field(min_length=1, max_length=200)]


class Showing(OfCampaign):
    """A campaign, and which of its skipped rows."""

    limit: Limit = 20
    cursor: Cursor = None


class Newest(Query):
    """A page of campaigns."""

    limit: Limit = 20
    cursor: Cursor = None


class Campaign(Data):
    """A campaign as it is now."""

    campaign: CampaignInfo
    next_cursor: str | None = Field(None, description="more skipped rows, with GET")


class Campaigns(Data):
    """A page of campaigns, newest first."""

    campaigns: list[CampaignInfo]
    next_cursor: str | None


async def draft_campaign(call: Call[OfEvent, NewCampaign]) -> DataResponse:
    """Prepare invites to one event for a list of people: judges every row, names those it would skip and why, shows a
    sample. It is a draft: nothing is sent before it is started with its confirm_token."""
    body = call.body
    command = DraftCampaign(
        uid=call.query.uid,
        recipients=await _rows(call),
        origin=body.origin,
        rate=body.rate,
        at=await begin_at(call.engine, call.actor, call.query.uid, call.body.at),
    )
    done = await call.apply(command)
    shown = await _shown(call, done, sample(done, call.engine.clock()), done.confirm_token)
    return DataResponse(shown, 201, {"Location": f"/v1/campaigns/{done.campaign.id}"})


async def get_campaign(call: Call[Showing, Body]) -> Campaign:
    """Show a campaign: counts by state, skipped rows, first failures."""
    asked = call.query
    after = int(str(cursors.opened(asked.cursor, int)[0])) if asked.cursor else 0
    view = await call.engine.campaign(
        asked.campaign_id, call.actor, skipped=asked.limit + 1, skipped_after=after
    )
    return _page(view, asked.limit, masked=hides_rows(call.actor))


async def list_campaigns(call: Call[Newest, Body]) -> Campaigns:
    """List your campaigns, newest first."""
    limit = call.query.limit
    views = await call.engine.campaigns(call.actor, limit + 1, cursors.before(call.query.cursor))
    last = views[limit - 1].campaign if len(views) > limit else None
    following = cursors.written(last.created.isoformat(), last.id) if last else None
    infos = [campaign_info(view, masked=hides_rows(call.actor)) for view in views[:limit]]
    return Campaigns(campaigns=infos, next_cursor=following)


async def start_campaign(call: Call[OfCampaign, Start]) -> Campaign:
    """Start a draft with its confirm_token, which a change of the list or the event voids. Safe to repeat."""
    return await _controlled(call, CampaignAction.START, call.body.confirm_token)


async def pause_campaign(call: Call[OfCampaign, Body]) -> Campaign:
    """Pause a campaign: its unsent messages wait. Safe to repeat."""
    return await _controlled(call, CampaignAction.PAUSE)


async def resume_campaign(call: Call[OfCampaign, Body]) -> Campaign:
    """Resume a paused campaign. Safe to repeat."""
    return await _controlled(call, CampaignAction.RESUME)


async def cancel_campaign(call: Call[OfCampaign, Body]) -> Campaign:
    """Withdraw messages that were not sent yet; sent ones are not recalled. Safe to repeat."""
    return await _controlled(call, CampaignAction.CANCEL)


async def campaign_progress(call: Call[OfCampaign, Body]) -> Response:
    """Follow a campaign as server-sent events: `progress` with its state and counts at each change, and `end` once it
    is finished, paused or cancelled. A draft does not move, and ends at once. A stream that ends without `end` is to be
    asked for again: its server stopped, or its key has ended."""
    await call.engine.campaign_alone(call.query.campaign_id, call.actor)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_progress(call), media_type="text/event-stream", headers=headers)


async def _progress(call: Call[OfCampaign, Body]) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    told, silent, admitted = "", loop.time(), loop.time()
    while not call.leaving():
        if loop.time() - admitted >= _SILENT_S:
            if not await call.engine.key_stands(call.actor):
                return
            admitted = loop.time()
        signal = call.engine.owed.listen()
        campaign = await call.engine.campaign_alone(call.query.campaign_id, call.actor)
        counts = await call.engine.campaign_counts(campaign, call.actor)
        news = json.dumps(
            {"id": campaign.id, "state": campaign.state.value, "total": campaign.total, "counts": counts}
        )
        if campaign.state not in _MOVING:
            yield f"event: end\ndata: {news}\n\n"
            return
        if news != told:
            told, silent = news, loop.time()
            yield f"event: progress\ndata: {news}\n\n"
        elif loop.time() - silent >= _SILENT_S:
            silent = loop.time()
            yield ": still there\n\n"
        await signal.wait(_LOOK_S)


async def _controlled(call: Call[Any, Any], action: CampaignAction, confirm_token: str = "") -> Campaign:
    command = ControlCampaign(campaign_id=call.query.campaign_id, action=action, confirm_token=confirm_token)
    done = await call.apply(command)
    return await _shown(call, done, None, "")


async def _shown(call: Call[Any, Any], done: CampaignDone, shown: Any, token: str) -> Campaign:
    # The command has checked whose campaign it is; a key that may send but not read sees this much.
    view = await call.engine.campaign(done.campaign.id, SYSTEM, skipped=_SKIPPED_SHOWN + 1)
    found = _page(view, _SKIPPED_SHOWN)
    info = found.campaign.model_copy(update={"sample": shown, "confirm_token": token or None})
    return found.model_copy(update={"campaign": info})


def _page(view: CampaignView, limit: int, *, masked: bool = False) -> Campaign:
    """A campaign with up to `limit` of its skipped rows, of which `view` has one more if there are more."""
    more = len(view.skipped) > limit
    info = campaign_info(view.model_copy(update={"skipped": view.skipped[:limit]}), masked=masked)
    return Campaign(campaign=info, next_cursor=cursors.written(info.skipped[-1].row) if more else None)


async def _rows(call: Call[OfEvent, NewCampaign]) -> list[ListRow]:
    """The rows of the one list that was given. Raises Refused: INVALID_ARGUMENT, CSV_NO_HEADER, CSV_UNREADABLE."""
    people, text, source = call.body.recipients, call.body.csv, call.body.source
    if sum(one is not None for one in (people, text, source)) != 1:
        raise Refused(
            Code.INVALID_ARGUMENT,
            "Exactly one of recipients, csv and source must be given.",
            "Leave the others out.",
        )
    if people is not None:
        return [ListRow(email=one.email, name=one.name, fields=one.fields) for one in people]
    if source is not None:
        rows = await audience.read(call.engine, call.actor, source)
    else:
        rows = await read_list(call.engine, text or "")
    await _refuse_others(call, rows)
    return rows


async def _refuse_others(call: Call[OfEvent, NewCampaign], rows: list[ListRow]) -> None:
    """A row that names another event must not be invited to this one."""
    if not any(row.uid for row in rows):
        return
    event = await call.engine.event(call.query.uid, call.actor)
    names = {event.uid, event.id, call.query.uid.lower()}
    other = next((row.number for row in rows if row.uid and row.uid.lower() not in names), None)
    if other is not None:
        raise Refused(
            Code.INVALID_ARGUMENT,
            f"Row {other} of the list names another event in its uid column.",
            "Make one campaign for each event, or leave the uid column out.",
        )


def _control(name: str, handler: Callable[..., Any], body: type[Body] | None = None) -> Endpoint:
    return Endpoint(
        "POST",
        f"/v1/campaigns/{{campaign_id}}/{name}",
        handler,
        Campaign,
        Verb.BULK,
        "campaigns",
        OfCampaign,
        body,
        tool="control_campaign",
        undoable=name == "start",
    )


ENDPOINTS = (
    Endpoint(
        "POST",
        "/v1/events/{uid}/campaigns",
        draft_campaign,
        Campaign,
        Verb.BULK,
        "campaigns",
        OfEvent,
        NewCampaign,
        201,
        tool="bulk_send",
    ),
    Endpoint(
        "GET", "/v1/campaigns", list_campaigns, Campaigns, Verb.READ, "campaigns", Newest, tool="get_campaign"
    ),
    Endpoint(
        "GET",
        "/v1/campaigns/{campaign_id}",
        get_campaign,
        Campaign,
        Verb.READ,
        "campaigns",
        Showing,
        tool="get_campaign",
    ),
    _control("start", start_campaign, Start),
    _control("pause", pause_campaign),
    _control("resume", resume_campaign),
    _control("cancel", cancel_campaign),
    Endpoint(
        "GET",
        "/v1/campaigns/{campaign_id}/progress",
        campaign_progress,
        None,
        Verb.READ,
        "campaigns",
        OfCampaign,
        tool="get_campaign",
        media="text/event-stream",
    ),
)
