"""The route for the mail of each mailbox."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from engine.engine import Engine
from engine.inbox.handling.received import Outcome, ReceivedMail
from engine.inbox.routes import bulk, confirm, create, messages, reports, rsvp, signing_in, stop

_ROUTES: Mapping[str, Callable[[Engine, ReceivedMail], Awaitable[Outcome]]] = {
    "create": create.handle,
    "bulk": bulk.handle,
    "rsvp": rsvp.handle,
    "unsubscribe": reports.handle_unsubscribe,
    "confirm": confirm.handle,
    "console": signing_in.handle,
    "organizer": messages.handle,
    "notification": reports.handle_for_nobody,
}
"""Mail at any other is for the operator."""


async def handle(engine: Engine, received: ReceivedMail) -> Outcome:
    """What became of a mail at its mailbox; a STOP of whoever may say it counts at each. Raises Refused, NewProof."""
    if stopped := await stop.handle(engine, received):
        return stopped
    route = _ROUTES.get(received.mailbox.name, reports.handle_for_operator)
    return await route(engine, received)
