"""What `cis-mcp bulk` does: read a list, draft its invites, start a draft."""

from __future__ import annotations

import asyncio
import sys

import click

from cis_mcp.run.runtime import opened
from cis_mcp.views.campaigns import campaign_info, campaign_lines, sample
from engine import plainfile
from engine.commands.campaigns.campaigns import CampaignAction, CampaignDone, ControlCampaign, DraftCampaign
from engine.commands.tables import csvlist
from engine.engine import Engine
from engine.imports import audience
from engine.imports.lists import read_list
from engine.model.list_rows import ListRow
from engine.settings import Settings

_ON_AWS = ("s3://", "customer-profiles:", "ses-list:")
_SKIPPED_SHOWN = 50


async def draft(settings: Settings, uid: str, source: str, *, start: bool, as_json: bool) -> int:
    """Draft invites for a list, and start them if asked to. Raises Refused."""
    async with opened(settings, existing=True) as engine:
        rows = await _rows(engine, source)
        done = await engine.apply(DraftCampaign(uid=uid, recipients=rows), engine.local)
        if start:
            command = ControlCampaign(
                campaign_id=done.campaign.id, action=CampaignAction.START, confirmed=True
            )
            begun = await engine.apply(command, engine.local)
            done = begun.model_copy(update={"sample": done.sample})
        await _show(engine, done, as_json=as_json)
    return 0


async def start(settings: Settings, campaign_id: str, confirm_token: str, *, as_json: bool) -> int:
    """Start exactly the draft that was shown. Raises Refused."""
    command = ControlCampaign(
        campaign_id=campaign_id, action=CampaignAction.START, confirm_token=confirm_token
    )
    async with opened(settings, existing=True) as engine:
        await _show(engine, await engine.apply(command, engine.local), as_json=as_json)
    return 0


async def _rows(engine: Engine, source: str) -> list[ListRow]:
    if source.startswith(_ON_AWS):
        return await audience.read(engine, engine.local, source, patient=True)
    data = await asyncio.to_thread(_content, source)
    return await read_list(engine, data)


def _content(source: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read(csvlist.BYTES_MAX + 1)
    hint = "Give the path of a CSV file, “-” for stdin, or a list on AWS."
    return plainfile.read(source, csvlist.BYTES_MAX, hint=hint, argument="LIST")[1]


async def _show(engine: Engine, done: CampaignDone, *, as_json: bool) -> None:
    view = await engine.campaign(done.campaign.id, engine.local, skipped=_SKIPPED_SHOWN)
    shown = {"sample": sample(done, engine.clock()), "confirm_token": done.confirm_token or None}
    info = campaign_info(view).model_copy(update=shown)
    if as_json:
        click.echo(info.model_dump_json())
        return
    for line in campaign_lines(info, view.event):
        click.echo(line)
    if info.confirm_token and info.valid:
        click.echo(f"Nothing was sent. To send: cis-mcp bulk start {info.id} {info.confirm_token}")
