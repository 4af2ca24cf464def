"""What an agent asks of the messages that people wrote to it."""

from __future__ import annotations

from engine.commands.agents.messages import unknown_message
from engine.model.actors import Actor
from engine.model.inbox_messages import InboxMessage
from engine.model.verbs import Verb
from engine.refusals import Code, Refused
from engine.store.protocol import Store


class MessageQuestions:
    """The questions about messages to agents."""

    store: Store

    async def messages(self, actor: Actor, limit: int, before: str | None = None) -> list[InboxMessage]:
        """The actor's newest messages, or all for the operator, newest first. Raises Refused: NOT_ALLOWED."""
        _may_read(actor)
        return await self.store.inbox_messages(None if actor.everywhere else actor.address, limit, before)

    async def message(self, message_id: str, actor: Actor) -> InboxMessage:
        """One message. Raises Refused: NOT_ALLOWED, UNKNOWN_MAIL."""
        _may_read(actor)
        found = await self.store.inbox_message(message_id)
        if found is None or not actor.owns(found.organizer):
            raise unknown_message(message_id)
        return found


def _may_read(actor: Actor) -> None:
    if Verb.REPLY not in actor.verbs:
        raise Refused(
            Code.NOT_ALLOWED,
            "This key may not read messages: it lacks “reply”.",
            "Ask the operator for a key.",
        )
