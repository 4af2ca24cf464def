"""What is fuzzed: reading mails, calendars and lists, none of which may raise anything but Refused."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from engine.commands.tables import batchrows, csvlist, table
from engine.itip import feed, recurrence
from engine.itip import read as itip_read
from engine.mail.incoming import meeting, sesnotice, smime, tnef
from engine.mail.incoming import read as mail_read
from engine.mail.incoming.leaves import Unpacked
from engine.mail.incoming.lists import found
from engine.refusals import Refused
from tests.support.steps import MOST, steps_of

HEAD = b"From: Joe <joe@example.org>\r\nTo: create@cis.test\r\nMIME-Version: 1.0\r\n"


def mail(data: bytes) -> None:
    """Read `data` as a mail, as the rest of a mail, and as what mails carry; read the calendars in it."""
    for raw_mail in (data, HEAD + data):
        with suppress(Refused):
            for part in mail_read.read(raw_mail).calendars:
                calendar(part.content, part.method_hint)
    _packed(data)


def _packed(data: bytes) -> None:
    with suppress(Refused):
        smime.content(data)
    with suppress(Refused, tnef.Malformed):
        meeting.calendar(tnef.read(data), "joe@example.org")
    sesnotice.notice(data.decode("utf-8", "replace"))


def calendar(data: bytes, method_hint: str = "") -> None:
    """Read `data` as calendar text, by itself and as the inside of an event; check its recurrence rules."""
    for text in (data, b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\n" + data):
        with suppress(Refused):
            message = itip_read.read(text, method_hint=method_hint, default_zone="Europe/Paris")
            for event in message.events[:10]:
                if event.span and event.recurrence:
                    recurrence.validated(event.recurrence, event.span)


def lists(data: bytes) -> None:
    """Read `data` as a list, as the rows below a header, as a zip, and as a calendar to be imported."""
    with suppress(Refused):
        text = table.decode(data)
        for listed in (text, f"email,name\n{text}", f"action,key\n{text}"):
            batchrows.fits(listed)
            for read in (csvlist.read, batchrows.read):
                with suppress(Refused):
                    read(listed)
    with suppress(Refused):
        found([Unpacked(data, name="list.zip")])
    with suppress(Refused):
        feed.read_calendar(data, default_zone="Europe/Paris")


def counted(target: Callable[[bytes], None], data: bytes) -> None:
    """Run `target`, and fail if it took more steps than anything may."""
    steps = steps_of(lambda: target(data))
    assert steps < MOST, f"{steps:,} steps for {len(data)} bytes"
