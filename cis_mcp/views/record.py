"""Rows of the record, as data."""

from __future__ import annotations

import json

from pydantic import Field

from cis_mcp.views.base import Data
from engine.model.record import ChainRow


class RecordRow(Data):
    """One command and what came of it."""

    row: int = Field(description="its number in the record of the whole server")
    at: str
    face: str = Field(description="by which face it came: mcp, cli, mail")
    key: str = Field(description="id of the key; empty: none")
    command: str
    outcome: str = Field(description="done, refused or dry_run")
    code: str = Field(description="why it was refused")
    event: str = Field(description="uid of the event, or id of the campaign")
    mails: int = Field(description="mails that it owed in the same moment")
    times: int = Field(description="how many equal refusals the row stands for")


def record_row(row: ChainRow) -> RecordRow:
    """A row of the record as data."""
    fields = json.loads(row.body)
    return RecordRow(
        row=fields["seq"],
        at=fields["at"],
        face=fields.get("face", ""),
        key=fields.get("key", ""),
        command=fields["command"],
        outcome=fields["outcome"],
        code=fields.get("code", ""),
        event=fields.get("event", ""),
        mails=fields.get("mails", {}).get("count", 0),
        times=fields.get("times", 1),
    )
