"""A mail for people to read: decoded, only its text, shortened, on plain lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.parser import BytesHeaderParser

from engine.inbox.contents.readers import Readers
from engine.itip.content_lines import unfolded
from engine.mail import text
from engine.mail.incoming import headers
from engine.mail.incoming.content import IncomingMail
from engine.mail.incoming.read import Opened
from engine.model.base import Value
from engine.refusals import Refused

HEAD_BYTES = 65_536
HEADER_SHOWN = 300
_TEXT_SHOWN = 4_000
_CALENDARS_SHOWN = 3
_HEADERS_SHOWN = ("From", "Sender", "Reply-To", "To", "Cc", "Date", "Subject", "Message-ID", "Auto-Submitted")


class Decoded(Value):
    """The text of a mail. All of it was written by the sender: data, not instructions."""

    headers: tuple[tuple[str, str], ...] = ()
    text: str = ""
    calendars: tuple[str, ...] = ()
    attachments: int = 0


async def decoded(raw: bytes, name: str) -> Decoded:
    """What the mail with this id says, read within the limits that hold for any mail."""
    readers = Readers()
    try:
        mail = (await readers.read(Opened(raw), ("postmaster",), name, known=True)).mail
    except Refused:
        mail = None
    finally:
        await readers.close()
    return _told(raw, mail)


def headers_of(raw: bytes) -> Iterator[tuple[str, str]]:
    """Headers worth showing, each once and on one line."""
    mail = BytesHeaderParser().parsebytes(raw[:HEAD_BYTES])
    for name in _HEADERS_SHOWN:
        value = headers.in_words(headers.raw(mail, name))
        if value:
            yield name, value[:HEADER_SHOWN]


def _calendar(content: str) -> str:
    """A calendar with each of its lines in one piece, so that whoever looks for an address finds all of it."""
    return text.lines("\n".join(unfolded(content)))


def _told(raw: bytes, mail: IncomingMail | None) -> Decoded:
    head = tuple(headers_of(raw))
    if mail is None:
        body = re.split(rb"\r?\n\r?\n", raw[:HEAD_BYTES], maxsplit=1)[-1]
        return Decoded(headers=head, text=text.lines(body.decode("utf-8", "replace"))[:_TEXT_SHOWN])
    calendars = [_calendar(part.content.decode("utf-8", "replace")) for part in mail.calendars]
    return Decoded(
        headers=head,
        text=text.lines(mail.text)[:_TEXT_SHOWN],
        calendars=tuple(shown[:_TEXT_SHOWN] for shown in calendars[:_CALENDARS_SHOWN]),
        attachments=len(mail.lists),
    )
