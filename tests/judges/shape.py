"""A lint of bytes: line ends, line lengths, MIME shape, one attendee (RFC 5322, 5545, 6047)."""

from __future__ import annotations

import re
from email.message import Message
from email.parser import BytesParser
from email.utils import getaddresses, parsedate_to_datetime

_ONCE = ("UID", "DTSTAMP", "SEQUENCE", "DTSTART", "DTEND", "SUMMARY", "ORGANIZER", "ATTENDEE", "STATUS")
_DECLINED = ("UID", "DTSTAMP", "SEQUENCE", "ORGANIZER")


def _line_faults(data: bytes, limit: int) -> list[str]:
    faults = []
    if re.search(rb"(?<!\r)\n|\r(?!\n)", data):
        faults.append("a line does not end with CRLF")
    if not data.endswith(b"\r\n"):
        faults.append("no final CRLF")
    longest = max(data.split(b"\r\n"), key=len)
    if len(longest) > limit:
        faults.append(f"a line of {len(longest)} octets: {longest[:60]!r}")
    return faults


def _utf8_faults(calendar: bytes) -> list[str]:
    for line in calendar.split(b"\r\n"):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            return [f"a character is split by a fold: {line[:60]!r}"]
    return []


def calendar_faults(calendar: bytes) -> list[str]:
    """Faults in the bytes of a calendar that we send."""
    faults = [*_line_faults(calendar, 75), *_utf8_faults(calendar)]
    lines = calendar.replace(b"\r\n ", b"").decode("utf-8", "replace").split("\r\n")
    text = "\n".join(lines)
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text):
        faults.append("a control character")
    blocks = re.findall(r"^BEGIN:VEVENT\n(.*?)^END:VEVENT$", text, re.MULTILINE | re.DOTALL)
    if not blocks:
        faults.append("no VEVENT")
    for block in blocks:
        own = re.sub(r"^BEGIN:VALARM\n.*?^END:VALARM\n", "", block, flags=re.MULTILINE | re.DOTALL)
        names = [re.split("[;:]", line)[0] for line in own.split("\n")]
        once = _DECLINED if "METHOD:DECLINECOUNTER" in lines else _ONCE
        faults += [f"{names.count(name)} times {name}" for name in once if names.count(name) != 1]
    if "BEGIN:VTIMEZONE" in lines and lines.index("BEGIN:VTIMEZONE") > lines.index("BEGIN:VEVENT"):
        faults.append("VTIMEZONE after VEVENT")
    return faults


def mail_faults(raw_mail: bytes) -> list[str]:
    """Faults in the bytes and headers of any mail that we send."""
    faults = _line_faults(raw_mail, 998)
    head = raw_mail.partition(b"\r\n\r\n")[0]
    if not head.isascii():
        faults.append("a header is not ASCII")
    mail = BytesParser().parsebytes(raw_mail)
    for name in ("From", "To", "Date", "Message-ID", "MIME-Version", "Subject"):
        if len(mail.get_all(name, [])) != 1:
            faults.append(f"{len(mail.get_all(name, []))} times {name}")
    if str(mail["Date"]).rstrip().endswith("-0000") or parsedate_to_datetime(mail["Date"]).tzinfo is None:
        faults.append("Date has no zone")
    if len(getaddresses(mail.get_all("To", []))) != 1:
        faults.append("not exactly one recipient")
    if not re.fullmatch(r"<[^<>\s]+@[^<>\s]+>", str(mail["Message-ID"])):
        faults.append("Message-ID is malformed")
    defects = [defect for part in mail.walk() for defect in part.defects]
    return faults + [f"MIME: {defect!r}" for defect in defects]


def _parts(mail: Message) -> list[Message]:
    payload = mail.get_payload()
    return [part for part in payload if isinstance(part, Message)] if isinstance(payload, list) else []


def invitation_faults(raw_mail: bytes) -> list[str]:
    """Faults in the shape of a mail that carries a calendar."""
    mail = BytesParser().parsebytes(raw_mail)
    parts = _parts(mail)
    kinds = [part.get_content_type() for part in parts]
    if mail.get_content_type() != "multipart/mixed" or kinds != ["multipart/alternative", "application/ics"]:
        return [f"the mail is {mail.get_content_type()} of {kinds}"]
    choices = _parts(parts[0])
    order = [part.get_content_type() for part in choices]
    if order != ["text/plain", "text/html", "text/calendar"]:
        return [f"the alternatives are {order}"]
    faults = []
    inline, attached = choices[2].get_payload(decode=True), parts[1].get_payload(decode=True)
    if inline != attached or not isinstance(inline, bytes):
        return ["the attachment differs from the inline calendar"]
    method = re.search(rb"^METHOD:(\w+)\r$", inline, re.MULTILINE)
    if not method or choices[2].get_param("method") != method.group(1).decode():
        faults.append("method= differs from METHOD")
    if choices[2].get_content_charset() != "utf-8":
        faults.append("the calendar's charset is not utf-8")
    if parts[1].get_content_disposition() != "attachment":
        faults.append("application/ics is not an attachment")
    if b"\r\nList-Unsubscribe: <" not in raw_mail and mail["List-Unsubscribe"]:
        faults.append("List-Unsubscribe is folded")
    return faults
