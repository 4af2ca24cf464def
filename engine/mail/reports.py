"""Delivery reports and complaints about mail that we sent (RFC 3464, RFC 5965)."""

from __future__ import annotations

import re
from email.message import Message
from email.parser import HeaderParser

from engine.mail.headers import mailboxes, raw
from engine.mail.incoming import DeliveryReport

_IDENTIFIER = re.compile(r"<\s*([^<>\s]{1,900})\s*>")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


def identifier(value: str) -> str:
    """The first message identifier in `value`, without its angle brackets; empty where there is none."""
    match = _IDENTIFIER.search(value)
    return match.group(1) if match else ""


def _parts(mail: Message) -> list[Message]:
    payload = mail.get_payload()
    return [part for part in payload if isinstance(part, Message)] if isinstance(payload, list) else []


def report(mail: Message) -> DeliveryReport | None:
    """The report that `mail` is, of its first failed recipient; None where it is no report."""
    parts = _parts(mail)[:50]
    for part in parts:
        kind = part.get_content_type()
        if kind == "message/delivery-status":
            return _delivery(_blocks(part), _original(parts))
        if kind == "message/feedback-report":
            return _complaint(_blocks(part), _original(parts))
    return None


def _blocks(part: Message) -> list[Message]:
    """The groups of fields in a report, parsed by the library or, where it did not, by us."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return [block for block in payload if isinstance(block, Message)][:1_000]
    texts = re.split(r"\r?\n\r?\n", str(payload)[:100_000])
    return [HeaderParser().parsestr(text.lstrip()) for text in texts if text.strip()]


def _original(parts: list[Message]) -> Message:
    """The headers of the mail that the report is about; empty where it quotes none."""
    for part in parts:
        kind = part.get_content_type()
        if kind == "message/rfc822" and _parts(part):
            return _parts(part)[0]
        if kind in {"text/rfc822-headers", "message/rfc822-headers", "message/rfc822"}:
            data = part.get_payload(decode=True)
            text = data.decode("utf-8", "replace") if isinstance(data, bytes) else str(part.get_payload())
            return HeaderParser().parsestr(text[:100_000])
    return Message()


def _after_type(value: str) -> str:
    """The address of a typed field such as `rfc822; jane@example.org`."""
    text = value.partition(";")[2] or value
    boxes = mailboxes(text.strip())
    return boxes[0][1] if boxes else ""


def _delivery(blocks: list[Message], original: Message) -> DeliveryReport:
    recipients = [block for block in blocks if block.get("Final-Recipient") or block.get("Action")]
    failed = [block for block in recipients if raw(block, "Action").strip().lower() == "failed"]
    block = next(iter(failed or recipients), Message())
    status = _STATUS.search(raw(block, "Status"))
    final = _after_type(raw(block, "Original-Recipient")) or _after_type(raw(block, "Final-Recipient"))
    return DeliveryReport(
        action=raw(block, "Action").partition(" ")[0].strip().lower()[:40],
        status=status.group(0) if status else "",
        final_recipient=final,
        diagnostic=raw(block, "Diagnostic-Code")[:1_000],
        message_id=identifier(raw(original, "Message-ID")),
    )


def _complaint(blocks: list[Message], original: Message) -> DeliveryReport:
    block = next((b for b in blocks if b.get("Feedback-Type")), Message())
    recipient = _after_type(raw(block, "Original-Rcpt-To")) or _after_type(raw(original, "To"))
    return DeliveryReport(
        action="complaint",
        final_recipient=recipient,
        diagnostic=raw(block, "Feedback-Type")[:100],
        message_id=identifier(raw(original, "Message-ID")),
    )
