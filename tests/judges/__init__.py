"""Independent judges of outgoing mail: a byte lint of our own, icalendar, libical and ical.js."""

from __future__ import annotations

import os
from email.message import Message
from email.parser import BytesParser

from tests.judges import icaljs, libical, library, shape

__all__ = ["calendar_of", "judge", "judge_calendar", "missing"]


def missing() -> list[str]:
    """The judges that are not installed here, with the way to get them."""
    absent = [name for name, judge in (("libical", libical), ("ical.js", icaljs)) if not judge.available()]
    return [f"{name} is not installed: run tests/judges/install.sh" for name in absent]


def calendar_of(raw_mail: bytes) -> bytes:
    """The bytes of the text/calendar part of a mail."""
    mail = BytesParser().parsebytes(raw_mail)
    part = next(p for p in mail.walk() if p.get_content_type() == "text/calendar")
    return _content(part)


def _content(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload


def judge_calendar(calendar: bytes) -> list[str]:
    """What the judges find wrong with an outgoing calendar; each fault begins with the judge's name."""
    faults = [f"lint: {fault}" for fault in shape.calendar_faults(calendar)]
    faults += [f"icalendar: {fault}" for fault in library.faults(calendar)]
    if libical.available():
        faults += [f"libical: {fault}" for fault in libical.faults(calendar)]
    if icaljs.available():
        faults += [f"ical.js: {fault}" for fault in icaljs.faults(calendar)]
    if os.environ.get("CIS_JUDGES") == "required":
        faults += missing()
    return faults


def judge(raw_mail: bytes) -> list[str]:
    """What the judges find wrong with an outgoing mail; of its calendar too, where it carries one."""
    faults = [f"lint: {fault}" for fault in shape.mail_faults(raw_mail)]
    mail = BytesParser().parsebytes(raw_mail)
    if any(part.get_content_type() == "text/calendar" for part in mail.walk()):
        faults += [f"lint: {fault}" for fault in shape.invitation_faults(raw_mail)]
        faults += judge_calendar(calendar_of(raw_mail))
    return faults
