"""Mail to console@: who is proven to have sent it, and is known here, is mailed a link that signs them in once."""

from __future__ import annotations

from engine.commands.signing_in import Asked, AskToSignIn
from engine.engine import Engine
from engine.inbox.handling.once import apply_once
from engine.inbox.handling.received import MailAction, Outcome, ReceivedMail, ignored
from engine.model.actors import Actor
from engine.refusals import Code


async def handle(engine: Engine, received: ReceivedMail) -> Outcome:
    """No answer but the link tells whether the address is known; unproven mail gets none at all."""
    mail = received.mail
    if mail.report or mail.automatic or received.envelope.sender == "":
        return ignored(Code.AUTOMATIC_MAIL, "An automatic mail cannot sign in.")
    if not received.verdict.passed:
        return ignored(Code.SENDER_UNAUTHENTICATED, "The sender who asks for a sign-in link is not proven.")
    asks = AskToSignIn(address=mail.from_address, proven=True)

    def outcome(_: Asked) -> Outcome:
        return Outcome(action=MailAction.LINK_ASKED)

    return await apply_once(engine, received, asks, Actor(kind="attendee", address=""), outcome=outcome)
