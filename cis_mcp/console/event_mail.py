"""The mail of an event: as it leaves at each revision, and the organizer's own as it came; nothing in it runs here.

Addresses in it are masked. Whoever may see them has them shown by a button, which leaves a row in the record.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from starlette.responses import Response

from cis_mcp.console.command_centre import on_screen
from cis_mcp.console.guard import Screen, Visit
from cis_mcp.console.sealing import Purpose
from cis_mcp.console.web import framing
from cis_mcp.pages.web import PRIVATE
from engine.commands.invites.addresses import ShowAddresses
from engine.inbox.decoded import decoded
from engine.inbox.originals import original
from engine.model.addresses import without_addresses
from engine.model.verbs import Verb
from engine.outbox.shown import ShownMail, shown
from engine.refusals import Code, Refused

_EVENT = "/console/events/{uid:str}"
_RAW_SHOWN = 100_000
"""Bytes of an original that a page shows; a download has it whole."""
_LOOKED = timedelta(minutes=5)
"""How long the frame of a page that shows addresses can be opened after the row in the record."""
SEALED_OFF = {
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": PRIVATE,
}
"""A mail's own HTML: no script, no form, no picture from elsewhere, and no part in our origin."""


async def show(visit: Visit) -> Response:
    """GET /console/events/{uid}/message?revision=, and POST with addresses in full: a revision's mail, in its parts."""
    full = await _looked(visit)
    mail = await _mail(visit, visit.given if full else visit.asked)
    event = await visit.engine.event(mail.uid, visit.actor)
    page = visit.show(
        "event_mail.html",
        title=visit.say("Mail of “{title}”", title=event.summary),
        event=event,
        mail=mail,
        full=full,
        permit=visit.seal(f"{mail.uid} {visit.engine.clock().isoformat()}", Purpose.PERMIT) if full else "",
        originals=await visit.engine.mails_of_event(mail.uid, visit.actor),
    )
    return framing(page)


async def _looked(visit: Visit) -> bool:
    """True for the form that shows addresses: a row in the record. Raises Refused: NOT_ALLOWED, UNKNOWN_EVENT."""
    if visit.request.method != "POST":
        return False
    on_screen(visit)
    await visit.apply(ShowAddresses(uid=visit.path("uid")))
    return True


async def body(visit: Visit) -> Response:
    """GET …/message/body?revision=: the HTML of that mail, for a frame that lets nothing of it act."""
    mail = await _mail(visit, visit.asked)
    html = mail.html if _passes(visit, mail.uid) else without_addresses(mail.html)
    return Response(html, headers=SEALED_OFF, media_type="text/html")


def _passes(visit: Visit, uid: str) -> bool:
    """True if the page around the frame was shown with addresses a moment ago, of which the record has a row."""
    permit = visit.asked("permit")
    if not permit or not visit.may(Verb.REPORT) or not visit.engine.settings.report_on_screen:
        return False
    whose, _, at = visit.unseal(permit, Purpose.PERMIT).partition(" ")
    if whose != uid:
        return False
    return timedelta() <= visit.engine.clock() - datetime.fromisoformat(at) < _LOOKED


async def _mail(visit: Visit, given: Callable[[str], str]) -> ShownMail:
    return await shown(visit.engine, visit.path("uid"), visit.actor, sequence=_revision(given("revision")))


def _revision(given: str) -> int | None:
    if not given:
        return None
    if not (given.isascii() and given.isdigit() and len(given) < 10):
        raise Refused(Code.UNKNOWN_REVISION, "That is no revision.", "Choose one on the page of the mail.")
    return int(given)


async def came(visit: Visit) -> Response:
    """GET …/mails/{mail}: what the organizer's mail says; and by POST with addresses, the mail as it came beside it."""
    full = await _looked(visit)
    event = await visit.engine.event(visit.path("uid"), visit.actor)
    raw = await original(visit.engine, event.uid, visit.path("mail"), visit.actor)
    return visit.show(
        "original.html",
        title=visit.say("The organizer's mail"),
        event=event,
        mail=visit.path("mail"),
        size=len(raw),
        full=full,
        told=await decoded(raw, visit.path("mail")),
        # No mask reaches into what is encoded.
        raw=raw[:_RAW_SHOWN].decode("utf-8", "replace").replace("\0", "\ufffd") if full else "",
        cut=len(raw) > _RAW_SHOWN,
    )


async def download(visit: Visit) -> Response:
    """POST …/mails/{mail}/original.eml: the same, exactly as it came: a row in the record."""
    await _looked(visit)
    raw = await original(visit.engine, visit.path("uid"), visit.path("mail"), visit.actor)
    headers = {**SEALED_OFF, "Content-Disposition": 'attachment; filename="original.eml"'}
    return Response(raw, headers=headers, media_type="message/rfc822")


SCREENS = (
    Screen("GET", f"{_EVENT}/message", show),
    Screen("POST", f"{_EVENT}/message", show, Verb.REPORT),
    Screen("GET", f"{_EVENT}/message/body", body),
    Screen("GET", f"{_EVENT}/mails/{{mail:str}}", came, Verb.REPORT),
    Screen("POST", f"{_EVENT}/mails/{{mail:str}}", came, Verb.REPORT),
    Screen("POST", f"{_EVENT}/mails/{{mail:str}}/original.eml", download, Verb.REPORT),
)
