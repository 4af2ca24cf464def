"""Mail to the address of an agent: it is kept for the agent, who reads it as data."""

from __future__ import annotations

from engine.commands.agents.messages import MessageDone, TakeMessage
from engine.engine import Engine
from engine.inbox.handling.once import apply_once
from engine.inbox.handling.received import MailAction, Outcome, ReceivedMail, ignored, quarantined
from engine.inbox.routes import reports
from engine.inbox.routes.addressed import written_to
from engine.model.actors import Actor
from engine.refusals import Code, Refused


async def handle(engine: Engine, received: ReceivedMail) -> Outcome:
    """Keep what someone wrote to an agent; reports about mail of ours are recorded, as everywhere."""
    mail = received.mail
    if mail.report or not mail.from_address:
        return await reports.handle_for_operator(engine, received)
    organizer = f"{received.mailbox.token}@{engine.settings.domain}"
    command = TakeMessage(
        organizer=organizer,
        sender=mail.from_address,
        name=mail.from_name,
        title=mail.subject,
        body=mail.text,
        proof=received.sender if written_to(received, received.own | {organizer}) else "",
        automatic=mail.automatic,
        answerable=received.envelope.sender != "" and mail.from_address not in received.own,
        message_id=mail.message_id,
    )

    def outcome(_: MessageDone) -> Outcome:
        return Outcome(action=MailAction.MESSAGE)

    actor = Actor(kind="attendee", address=mail.from_address)
    return await apply_once(engine, received, command, actor, outcome=outcome, no=_turned_down)


def _turned_down(refused: Refused) -> Outcome:
    if refused.code is Code.FOR_OPERATOR:
        return quarantined(refused.code, str(refused))
    return ignored(refused.code, str(refused))
