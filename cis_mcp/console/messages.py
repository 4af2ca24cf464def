"""Mail to agents: what people wrote in free text, with what proves its sender, and an answer to it."""

from __future__ import annotations

from starlette.responses import Response

from cis_mcp.console.guard import Screen, Visit
from cis_mcp.views.messages import WHOLE, message_info
from engine.commands.agents.messages import ReplyMessage
from engine.commands.invites.addresses import AddressList
from engine.model.verbs import Verb

_HUB = "/console/messages"
_SHOWN = 50


async def every(visit: Visit) -> Response:
    """GET /console/messages, newest first; and by POST with addresses in full."""
    shown = visit.rows(_SHOWN)
    full = await visit.shows(AddressList.MESSAGES)
    before = (visit.given if full else visit.asked)("before")[:60]
    found = await visit.engine.messages(visit.actor, shown + 1, before or None)
    return visit.show(
        "messages.html",
        title=visit.say("Mail to agents"),
        messages=[message_info(one) for one in found[:shown]],
        sought=before,
        before=found[shown - 1].id if len(found) > shown else "",
        full=full,
    )


async def message(visit: Visit) -> Response:
    """GET /console/messages/{id}: its words, which are data."""
    found = await visit.engine.message(visit.path("id"), visit.actor)
    return visit.show("mail.html", title=visit.say("A message"), message=message_info(found, WHOLE))


async def reply(visit: Visit) -> Response:
    """POST: answer it by mail; the same answer is sent once."""
    command = ReplyMessage(
        message_id=visit.path("id"), body=visit.form.get("text", ""), title=visit.given("subject")
    )
    done = await visit.apply(command)
    said = "answered-before" if done.repeated else "answered"
    return visit.go(f"{_HUB}/{done.message.id}", said, done.undo)


SCREENS = (
    Screen("GET", _HUB, every, Verb.REPLY, of_one=True),
    Screen("POST", _HUB, every, Verb.REPLY),
    Screen("GET", f"{_HUB}/{{id:str}}", message, Verb.REPLY),
    Screen("POST", f"{_HUB}/{{id:str}}", reply, Verb.REPLY),
)
