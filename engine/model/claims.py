"""Claims: messages that a dispatcher holds, and the answers that settle them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from engine.model.events import Event
from engine.model.keys import UNBOUNDED, Standing
from engine.model.messages import Message, MessageState
from engine.model.people import Attendee


class Claim(NamedTuple):
    """A message that one dispatcher holds, with what its mail is made of, and the keys whose bounds hold for it.

    `first_tried`: the time of its first attempt; None if it was never tried. `lease`: names the lease under which it is
    held, where the store tells leases apart.
    """

    message: Message
    event: Event | None
    attendee: Attendee | None
    organizer_name: str = ""
    organizer_language: str = ""
    standing: Standing = UNBOUNDED
    first_tried: datetime | None = None
    lease: str = ""


class SendResult(NamedTuple):
    """What came of trying to send a claimed message.

    `message_id`: of the ledger row. `state`: sent, deferred or failed; queued gives it back untried.
    `due`: when to try again, where deferred. `untried`: the mail itself was not judged, so it counts as no
    attempt. `in_doubt`: the mail was handed over and no answer came. `transport_id`: what a mail service that
    gives names of its own calls the message. `lease`: that of the claim; what gives a message back ends no later one.
    """

    message_id: str
    state: MessageState
    code: str = ""
    text: str = ""
    due: datetime | None = None
    untried: bool = False
    in_doubt: bool = False
    transport_id: str = ""
    lease: str = ""
