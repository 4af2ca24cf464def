"""The calendar of a mail, read; what had to be repaired in it is said."""

from __future__ import annotations

import logging

from engine.inbox.taken import Taken
from engine.itip import read as itip_read
from engine.itip.message import ItipMessage
from engine.refusals import Refused

log = logging.getLogger(__name__)


def calendar_of(taken: Taken) -> tuple[Taken, ItipMessage]:
    """The mail with what was repaired in its calendar, and the first of its calendars that can be read.

    Raises Refused as the first one was refused.
    """
    first: Refused | None = None
    for part in taken.mail.calendars:
        try:
            message = itip_read.read(part.content, method_hint=part.method_hint)
        except Refused as refused:
            first = first or refused
            continue
        if message.repaired:
            log.info("mail %s: calendar repaired: %s", taken.envelope.id, "; ".join(message.repaired))
        return taken.model_copy(update={"repaired": message.repaired}), message
    assert first is not None, "only a mail with a calendar is read for it"
    raise first
