"""STOP as the first word of a mail: the owner of keys stops them; an attendee, at their token, wants no more mail."""

from __future__ import annotations

import re

from engine.commands.agents.stopping import OwnerStopped, StopByOwner
from engine.commands.answers.deliveries import Unsubscribe, UnsubscribeDone
from engine.engine import Engine
from engine.inbox.handling.once import apply_once
from engine.inbox.handling.received import MailAction, Outcome, ReceivedMail
from engine.inbox.routes.addressed import written_to
from engine.model.actors import Actor
from engine.refusals import Code, Refused

_FIRST = re.compile(r"[\s\ufeff>*_“”\"']*stop\b[\s.,:;!*_“”\"']*([^\r\n]{0,200})", re.IGNORECASE)
_ALONE = re.compile(r"[\s\ufeff*_“”\"']*stop[\s.!*_“”\"']*(?:[\r\n]|\Z)", re.IGNORECASE)


async def handle(engine: Engine, received: ReceivedMail) -> Outcome | None:
    """What became of a mail that begins with STOP; None if it is another."""
    mail = received.mail
    said = _FIRST.match(mail.text)
    if said is None or mail.report or mail.automatic:
        return None
    named = "" if _ALONE.match(mail.text) else said[1]
    if _by_its_sender(engine, received) and (done := await _by_owner(engine, received, named)):
        return done
    token = received.mailbox.token
    if received.mailbox.name != "rsvp" or not token or not _ALONE.match(mail.text):
        return None
    holder = await engine.store.attendee_by_token(token)
    if holder is None or holder.email != mail.from_address:
        return None

    def outcome(_: UnsubscribeDone) -> Outcome:
        return Outcome(action=MailAction.UNSUBSCRIBED)

    actor = Actor(kind="attendee", address=mail.from_address)
    return await apply_once(engine, received, Unsubscribe(token=token), actor, outcome=outcome)


def _by_its_sender(engine: Engine, received: ReceivedMail) -> bool:
    """True if it is proven that the sender said it to us: to a mailbox of the server, or to their agent's."""
    own = f"{received.mailbox.token}@{engine.settings.domain}"
    agent = {own} if received.mailbox.name == "organizer" else set()
    return written_to(received, received.own | agent)


def _carries_more(received: ReceivedMail) -> bool:
    """True if the mail carries a calendar or a list of its own."""
    mail = received.mail
    return bool(mail.lists) or any(not part.quoted for part in mail.calendars)


async def _by_owner(engine: Engine, received: ReceivedMail, named: str) -> Outcome | None:
    """Stop the keys of the sender; None if they own none."""

    def outcome(done: OwnerStopped) -> Outcome:
        return Outcome(
            action=MailAction.STOPPED, detail=", ".join(key.id for key in done.keys) or done.organizer
        )

    def no(refused: Refused) -> Outcome:
        return Outcome(action=MailAction.IGNORED, code=refused.code.value)

    actor = Actor(kind="owner", address=received.mail.from_address)
    command = StopByOwner(
        named=named,
        # The words of an invitation or of a list may begin so: “Stop by our new office”.
        alone=bool(named) and _carries_more(received),
        own_mail=received.mailbox.name not in {"rsvp", "unsubscribe"},
    )
    done = await apply_once(engine, received, command, actor, outcome=outcome, no=no)
    return None if done.code == Code.UNKNOWN_KEY else done
