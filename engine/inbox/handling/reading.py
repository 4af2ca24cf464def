"""What a mailbox uses of the content of a mail."""

from __future__ import annotations

import logging

from engine.inbox.contents.content import AttachedTable
from engine.inbox.handling.received import ReceivedMail
from engine.itip.message import ItipMessage
from engine.model.base import varied
from engine.model.list_rows import ListRow
from engine.refusals import Refused

log = logging.getLogger(__name__)


def calendar_of(received: ReceivedMail) -> tuple[ReceivedMail, ItipMessage]:
    """The mail with what was repaired in its calendar, and the first of its calendars that can be read.

    Raises Refused as the first one was refused.
    """
    content = received.content
    assert content is not None and content.calendar is not None, "only a mail with a calendar is read for it"
    message = content.calendar
    if isinstance(message, Refused):
        raise message
    if message.repaired:
        log.info("mail %s: calendar repaired: %s", received.envelope.id, "; ".join(message.repaired))
    return varied(received, repaired=message.repaired, quoted=content.quoted), message


def tables_of(received: ReceivedMail) -> tuple[AttachedTable, ...]:
    """The attached tables of commands, those included that are none; empty if no attachment is one."""
    return received.content.tables if received.content else ()


def rows_of(received: ReceivedMail) -> list[ListRow]:
    """The rows of all attached lists. Raises Refused as the first list was refused."""
    rows: list[ListRow] = []
    for found in received.content.rows if received.content else ():
        if isinstance(found, Refused):
            raise found
        rows.extend(found)
    return rows
