"""What an event's mails look like: as they leave at each revision, and as the organizer's came."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from starlette.responses import Response

from cis_mcp.rest.endpoint import Call, Endpoint
from cis_mcp.rest.models import Body, OfEvent
from cis_mcp.views.base import Data
from engine.inbox.originals import original
from engine.model.messages import Kind
from engine.model.verbs import Verb
from engine.outbox.shown import shown


class OfRevision(OfEvent):
    """An event, and whose mail of which revision is wanted."""

    revision: int | None = Field(None, ge=0, description="left out: the invite as it would leave now")
    email: str = Field("", description="an attendee, whose own values the mail has then", max_length=1_000)


class OfMail(OfEvent):
    """A mail that made or changed the event."""

    mail: Annotated[str, Field(description="id from `mails`", min_length=1, max_length=200)]


class EventMessage(Data):
    """A mail in its parts. No answer counts at the receipt address in it."""

    uid: str
    revision: int
    revisions: list[int] = Field(description="those that are kept")
    kind: Kind
    to: str = Field(description="empty: nobody in particular")
    subject: str
    text: str
    html: str
    calendar: str = Field(description="iCalendar")
    mails: list[str] = Field(description="ids of the mails that made or changed the event, newest first")


async def event_message(call: Call[OfRevision, Body]) -> EventMessage:
    """Show the mail of an event as it leaves: subject, text, HTML and iCalendar, of today or of a revision before.
    Nothing is sent."""
    asked = call.query
    mail = await shown(call.engine, asked.uid, call.actor, email=asked.email, sequence=asked.revision)
    return EventMessage(
        uid=mail.uid,
        revision=mail.sequence,
        revisions=list(mail.sequences),
        kind=mail.kind,
        to=mail.to,
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
        calendar=mail.calendar,
        mails=await call.engine.mails_of_event(mail.uid, call.actor),
    )


async def event_mail(call: Call[OfMail, Body]) -> Response:
    """The organizer's mail that made or changed the event, exactly as it came."""
    raw = await original(call.engine, call.query.uid, call.query.mail, call.actor)
    headers = {"Content-Disposition": 'attachment; filename="original.eml"', "Cache-Control": "no-store"}
    return Response(raw, media_type="message/rfc822", headers=headers)


_EVENT = "/v1/events/{uid}"
ENDPOINTS = (
    Endpoint(
        "GET",
        f"{_EVENT}/message",
        event_message,
        EventMessage,
        Verb.READ,
        "events",
        OfRevision,
        tool="get_event",
    ),
    Endpoint(
        "GET",
        f"{_EVENT}/mails/{{mail}}",
        event_mail,
        None,
        Verb.REPORT,
        "events",
        OfMail,
        tool="get_event",
        media="message/rfc822",
    ),
)
