"""The mail of an event: as it leaves at each revision, and the organizer's own as it came; nothing in it runs here."""

from __future__ import annotations

from starlette.responses import Response

from cis_mcp.console.guard import Screen, Visit
from cis_mcp.pages.web import PRIVATE
from engine.inbox.originals import original
from engine.model.verbs import Verb
from engine.outbox.shown import ShownMail, shown
from engine.refusals import Code, Refused

_EVENT = "/console/events/{uid:str}"
_RAW_SHOWN = 100_000
"""Bytes of an original that a page shows; a download has it whole."""
SEALED_OFF = {
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": PRIVATE,
}
"""A mail's own HTML: no script, no form, no picture from elsewhere, and no part in our origin."""


async def show(visit: Visit) -> Response:
    """GET /console/events/{uid}/message?revision=: the mail of a revision, in its parts."""
    mail = await _mail(visit)
    event = await visit.engine.event(mail.uid, visit.actor)
    page = visit.show(
        "event_mail.html",
        title=f"Mail of “{event.summary}”",
        event=event,
        mail=mail,
        originals=await visit.engine.mails_of_event(mail.uid, visit.actor),
    )
    page.headers["Content-Security-Policy"] += "; frame-src 'self'"
    return page


async def body(visit: Visit) -> Response:
    """GET …/message/body?revision=: the HTML of that mail, for a frame that lets nothing of it act."""
    mail = await _mail(visit)
    return Response(mail.html, headers=SEALED_OFF, media_type="text/html")


async def _mail(visit: Visit) -> ShownMail:
    return await shown(visit.engine, visit.path("uid"), visit.actor, sequence=_revision(visit))


def _revision(visit: Visit) -> int | None:
    given = visit.asked("revision")
    if not given:
        return None
    if not (given.isascii() and given.isdigit() and len(given) < 10):
        raise Refused(Code.UNKNOWN_REVISION, "That is no revision.", "Choose one on the page of the mail.")
    return int(given)


async def came(visit: Visit) -> Response:
    """GET …/mails/{mail}: the organizer's mail as text, its first part; nothing of it is decoded."""
    event = await visit.engine.event(visit.path("uid"), visit.actor)
    raw = await original(visit.engine, event.uid, visit.path("mail"), visit.actor)
    return visit.show(
        "original.html",
        title="The organizer's mail",
        event=event,
        mail=visit.path("mail"),
        size=len(raw),
        text=raw[:_RAW_SHOWN].decode("utf-8", "replace").replace("\0", "\ufffd"),
        cut=len(raw) > _RAW_SHOWN,
    )


async def download(visit: Visit) -> Response:
    """GET …/mails/{mail}/original.eml: the same, exactly as it came."""
    raw = await original(visit.engine, visit.path("uid"), visit.path("mail"), visit.actor)
    headers = {**SEALED_OFF, "Content-Disposition": 'attachment; filename="original.eml"'}
    return Response(raw, headers=headers, media_type="message/rfc822")


SCREENS = (
    Screen("GET", f"{_EVENT}/message", show),
    Screen("GET", f"{_EVENT}/message/body", body),
    Screen("GET", f"{_EVENT}/mails/{{mail:str}}", came, Verb.REPORT),
    Screen("GET", f"{_EVENT}/mails/{{mail:str}}/original.eml", download, Verb.REPORT),
)
