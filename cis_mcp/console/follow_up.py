"""Ask again those who have not answered: first who would be mailed and who not, then, by a button, the mail."""

from __future__ import annotations

from starlette.responses import Response

from cis_mcp.console.command_centre import ANSWERS
from cis_mcp.console.guard import Screen, Visit
from engine.commands.invites.reminding import Remind
from engine.mail.locale.language import noop_term
from engine.model.messages import Chosen
from engine.model.people import Partstat
from engine.model.verbs import Verb
from engine.refusals import Code, Refused

_PATH = "/console/events/{uid:str}/remind"
WHO = (Partstat.NEEDS_ACTION, Partstat.TENTATIVE, Partstat.ACCEPTED)
REASONS = {
    "declined": noop_term("people left out", "said No")[1],
    "delegated": noop_term("people left out", "sent somebody else")[1],
    "barred": noop_term("people left out", "unsubscribed, or take no mail")[1],
    "bounced": noop_term("people left out", "mail to them came back")[1],
    "not_invited": noop_term("people left out", "have not got the invite yet")[1],
    "reminded_often": noop_term("people left out", "were reminded three times")[1],
    "reminded_today": noop_term("people left out", "were reminded within a day")[1],
    "person_limit": noop_term("people left out", "have received as many mails today as one person may")[1],
}
"""Why people are left out."""


async def show(visit: Visit) -> Response:
    """GET: whom to ask again, and with which line above the mail."""
    event = await visit.engine.event(visit.path("uid"), visit.actor)
    return visit.show(
        "remind.html",
        title=visit.say("Ask again about “{title}”", title=event.summary),
        event=event,
        who=_choices(),
        found=None,
        note="",
    )


def _choices(ticked: frozenset[Partstat] = frozenset({Partstat.NEEDS_ACTION})) -> list[tuple[str, str, bool]]:
    labels = dict(ANSWERS)
    return [(one.label, labels[one.label], one in ticked) for one in WHO]


async def remind(visit: Visit) -> Response:
    """POST: what it would do; with `do=send` it is done."""
    who = frozenset(one for one in WHO if visit.given(f"who-{one.label}"))
    if not who:
        raise Refused(Code.INVALID_ARGUMENT, "Nobody is meant.", "Go back, and tick whom to ask again.")
    sends = visit.given("do") == "send"
    command = Remind(
        uid=visit.path("uid"), who=Chosen(partstats=who), note=visit.given("note"), dry_run=not sends
    )
    found = await visit.apply(command)
    if sends:
        at = (
            f"/console/lists/{found.campaign_id}"
            if found.campaign_id
            else f"/console/events/{found.event.id}"
        )
        return visit.go(at, "reminded" if found.campaign_id else "unchanged", found.undo)
    return visit.show(
        "remind.html",
        title=visit.say("What this would do"),
        event=found.event,
        who=_choices(who),
        found=found,
        note=command.note,
        reasons=REASONS,
    )


SCREENS = (
    Screen("GET", _PATH, show, Verb.SEND),
    Screen("POST", _PATH, remind, Verb.SEND),
)
