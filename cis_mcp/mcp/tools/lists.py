"""The recipients of a bulk send: listed singly, as CSV text, from a file on this machine, or from a list on AWS."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, WithJsonSchema

from cis_mcp.mcp.tools.arguments import Arguments, Part
from cis_mcp.mcp.tools.base import CallContext
from cis_mcp.mcp.tools.event_arguments import Uid
from cis_mcp.mcp.tools.invites import ChannelOrigin, PersonalFields
from engine import plainfile
from engine.commands.tables import csvlist
from engine.imports.lists import read_list
from engine.model.list_rows import ListRow
from engine.model.people import Origin
from engine.process import pools
from engine.refusals import Code, Refused

_ROWS_NAMED = 5


class RecipientPart(Part):
    """One person of a list."""

    email: str = Field(max_length=1_000)
    name: str = Field("", max_length=1_000)
    fields: PersonalFields = Field(default_factory=dict)


class BulkSendArguments(Arguments):
    """Arguments of bulk_send."""

    uid: Uid
    recipients: list[RecipientPart] | None = Field(
        None, description="the people", examples=[[{"email": "ann@example.com", "name": "Ann Example"}]]
    )
    csv: str | None = Field(
        None,
        description="or CSV text: email, name, other columns as personal fields",
        max_length=csvlist.BYTES_MAX,
    )
    csv_path: str | None = Field(
        None,
        description="or a file on the server (local callers)",
        max_length=4_096,
    )
    source: str | None = Field(
        None, description="or s3://bucket/key, ses-list:NAME"
    )  # its length is bounded where it is read
    origin: Annotated[ChannelOrigin, WithJsonSchema({"type": "string"})] = Field(
        Origin.BULK, description="channel the invites come from, as in send_invite"
    )
    start: bool = Field(False, description="true: send at once, without a draft")
    rate: float | None = Field(None, gt=0, allow_inf_nan=False, description="messages a second")
    at: str | None = Field(
        None,
        description="ISO 8601 time to begin, in the event's zone or with an offset",
        max_length=40,
        examples=["2027-04-30T09:00:00"],
    )


async def rows_of(call: CallContext, arguments: BulkSendArguments) -> list[ListRow]:
    """The rows of the one list that was given.

    Raises Refused: INVALID_ARGUMENT, NOT_ALLOWED, PATH_NOT_READABLE, CSV_NO_HEADER, CSV_UNREADABLE, …
    """
    given = (arguments.recipients, arguments.csv, arguments.csv_path, arguments.source)
    if sum(one is not None for one in given) != 1:
        raise Refused(
            Code.INVALID_ARGUMENT,
            "Exactly one of recipients, csv, csv_path and source must be given.",
            'Example: recipients=[{"email": "ann@example.com", "name": "Ann Example"}].',
        )
    if arguments.recipients is not None:
        return await pools.LISTS.run(_from_parts, arguments.recipients)
    if arguments.csv_path is not None and call.actor.kind != "local":
        raise Refused(
            Code.NOT_ALLOWED,
            "csv_path reads files on the server's machine, which only local callers may do.",
            "Give the list as csv or recipients.",
        )
    if arguments.source is not None:
        # Imported here: a server that reads no list on AWS starts without what asks it.
        from engine.imports import audience

        rows = await audience.read(call.engine, call.actor, arguments.source)
    else:
        rows = await read_list(call.engine, await _csv(arguments))
    await _refuse_others(call, arguments.uid, rows)
    return rows


def _from_parts(parts: list[RecipientPart]) -> list[ListRow]:
    return [ListRow(email=part.email, name=part.name, fields=part.fields) for part in parts]


async def _csv(arguments: BulkSendArguments) -> str | bytes:
    if arguments.csv is not None:
        return arguments.csv
    # In a thread: the disk may be slow.
    return await pools.LISTS.run(_content, arguments.csv_path or "")


def _content(path: str) -> bytes:
    """The bytes of a regular file, up to one more than allowed. Raises Refused: PATH_NOT_READABLE."""
    hint = "Give the absolute path of a CSV file on the server's machine, or its content as csv."
    return plainfile.read(path, csvlist.BYTES_MAX, hint=hint, argument="csv_path")[1]


async def _refuse_others(call: CallContext, uid: str, rows: list[ListRow]) -> None:
    """Refuse rows that name another event, which must not be invited to this one."""
    others = [row.number for row in rows if row.uid and row.uid.lower() != uid.lower()]
    if others:
        event = await call.engine.event(uid, call.actor)
        names = {event.uid, event.id, uid.lower()}
        others = [row.number for row in rows if row.uid and row.uid.lower() not in names]
    if others:
        named = ", ".join(map(str, others[:_ROWS_NAMED])) + (", …" if len(others) > _ROWS_NAMED else "")
        raise Refused(
            Code.INVALID_ARGUMENT,
            f"Rows of the list name another event in their uid column: {named}.",
            "Make one bulk_send for each event, with only its rows, or leave the uid column out.",
        )
