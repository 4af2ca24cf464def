"""Bounces in plain text, from mail servers that send no delivery report, such as Exim and qmail."""

from __future__ import annotations

import re
from email.message import Message

from engine.mail.incoming.content import DeliveryReport, Fate
from engine.mail.incoming.headers import addresses
from engine.mail.incoming.reports import identifier, reported

_TEXT_MAX = 20_000
_QMAIL = re.compile(r"This is the (?:qmail-send program|mail delivery agent)", re.IGNORECASE)
_QMAIL_RECIPIENT = re.compile(r"^<([^<>\s]{3,320})>:[ \t]*$", re.MULTILINE)
_MESSAGE_ID = re.compile(r"^message-id:[ \t]*(<[^<>\s]{1,900}>)", re.IGNORECASE | re.MULTILINE)
_MAILTO = re.compile(
    r"^list-unsubscribe:.{0,900}?mailto:([^<>\s?,]{1,320})(?=[<>\s?,]|$)", re.IGNORECASE | re.MULTILINE
)
_REASON = re.compile(r"^.*?(?:\b[45]\.\d{1,3}\.\d{1,3}\b|\b[45]\d\d[ -]).*$", re.MULTILINE)


def bounce(mail: Message, text: str) -> DeliveryReport | None:
    """The bounce that `mail`, with the words `text`, is; None if it is none."""
    text = text if len(text) <= _TEXT_MAX else text[:_TEXT_MAX].rpartition("\n")[0]
    recipients = list(addresses(mail, "X-Failed-Recipients"))
    if not recipients and _QMAIL.search(text[:1_000]):
        recipients = [match.group(1).lower() for match in _QMAIL_RECIPIENT.finditer(text)]
    if not recipients:
        return None
    reason = _REASON.search(text)
    diagnostic = " ".join(reason.group(0).split())[:1_000] if reason else ""
    quoted = _MESSAGE_ID.search(text)
    return DeliveryReport(
        message_id=identifier(quoted.group(1)) if quoted else "",
        senders=tuple(match.group(1).lower() for match in _MAILTO.finditer(text))[:10],
        recipients=tuple(reported(Fate.FAILED, address, "", diagnostic) for address in recipients[:100]),
    )
