"""Delivery reports, complaints and read receipts about mail that we sent (RFC 3464, RFC 5965, RFC 8098)."""

from __future__ import annotations

import re
from email.message import Message
from email.parser import HeaderParser

from engine.mail.incoming.content import DeliveryReport, Fate, Reported
from engine.mail.incoming.headers import mailboxes, raw, whole

_IDENTIFIER = re.compile(r"<\s*([^<>\s]{1,900})\s*>")
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_REPLY = re.compile(r"(?:^|[;\s])([245])\d\d[\s-]")
_MAILTO = re.compile(r"mailto:([^<>\s?,]{1,320})(?=[<>\s?,]|$)", re.IGNORECASE)
_PARTS_MAX = 50
_TEXT_MAX = 100_000
_BLOCKS_MAX = 1_000
_RECIPIENTS_MAX = 100
_NOT_THE_ADDRESS = re.compile(r"5\.(?:2\.[234]|3\.4|6\.\d+|7\.\d+|4\.[67])")
"""Permanent failures that speak of this mail, of us or of a full mailbox, not of the address (RFC 3463)."""
_FATES = {
    "failed": Fate.FAILED,
    "delayed": Fate.DELAYED,
    "delivered": Fate.DELIVERED,
    "relayed": Fate.DELIVERED,
    "expanded": Fate.DELIVERED,
}
_NO_COMPLAINTS = {"not-spam", "auth-failure", "dmarc", "opt-out", "opt-out-list"}


def identifier(value: str) -> str:
    """The first message identifier in `value`, without its angle brackets; empty if there is none."""
    match = _IDENTIFIER.search(value)
    return match.group(1) if match else ""


def _parts(mail: Message) -> list[Message]:
    payload = mail.get_payload()
    return [part for part in payload if isinstance(part, Message)] if isinstance(payload, list) else []


def report(mail: Message) -> DeliveryReport | None:
    """The report that `mail` is; None if it is none."""
    parts = _parts(mail)[:_PARTS_MAX]
    for part in parts:
        kind = part.get_content_type()
        if kind in {"message/delivery-status", "message/global-delivery-status"}:
            return _report(_recipients(_blocks(part)), _original(parts))
        if kind == "message/feedback-report":
            return _complaint(_blocks(part), _original(parts))
        if kind in {"message/disposition-notification", "message/global-disposition-notification"}:
            return _read(_blocks(part))
    kind, about = mail.get_content_type(), mail.get_param("report-type")
    if kind == "multipart/report" and str(about).lower() == "disposition-notification":
        return DeliveryReport(recipients=(Reported(fate=Fate.READ),))
    return None


def _blocks(part: Message) -> list[Message]:
    """The groups of fields in a report, parsed by the library or, where it did not, by us."""
    blocks = _parts(part)[:_BLOCKS_MAX]
    if raw(part, "Content-Transfer-Encoding").strip().lower() == "base64":
        return _groups(_unpacked(blocks) if blocks else _decoded(part))
    if len(blocks) == 1 and isinstance(rest := blocks[0].get_payload(), str):
        return [*blocks, *_groups(rest)]
    return blocks or _groups(_decoded(part))


def _groups(text: str) -> list[Message]:
    texts = re.split(r"\r?\n\r?\n", _lines_of(text))[:_BLOCKS_MAX]
    return [HeaderParser().parsestr(text.lstrip()) for text in texts if text.strip()]


def _decoded(part: Message) -> str:
    data = part.get_payload(decode=True)
    return _lines_of((data if isinstance(data, bytes) else b"").decode("utf-8", "replace"))


def _lines_of(text: str) -> str:
    """`text`; of one that is too long, its first lines, none of them cut."""
    return text if len(text) <= _TEXT_MAX else text[:_TEXT_MAX].rpartition("\n")[0]


def _unpacked(blocks: list[Message]) -> str:
    """The text of a part whose base64 the library took for its fields."""
    whole = Message()
    whole["Content-Transfer-Encoding"] = "base64"
    whole.set_payload("\n".join(str(block.get_payload()) for block in blocks))
    return _decoded(whole)


def _original(parts: list[Message]) -> Message:
    """The headers of the mail that the report is about; empty if it quotes none."""
    for part in parts:
        kind = part.get_content_type()
        if kind in {"message/rfc822", "message/global"} and _parts(part):
            return _parts(part)[0]
        if kind in {"text/rfc822-headers", "message/rfc822-headers", "message/global-headers"}:
            blocks = _blocks(part)
            return blocks[0] if blocks else Message()
    return Message()


def _report(recipients: list[Reported], original: Message) -> DeliveryReport:
    return DeliveryReport(
        message_id=identifier(whole(original, "Message-ID")),
        senders=_senders(original),
        recipients=tuple(recipients[:_RECIPIENTS_MAX]),
    )


def _senders(original: Message) -> tuple[str, ...]:
    """Addresses of the quoted mail that only its sender and its recipient know."""
    links = _MAILTO.findall(whole(original, "List-Unsubscribe"))
    paths = [box for _, box in mailboxes(whole(original, "Return-Path"))]
    return tuple(dict.fromkeys(address.lower() for address in [*paths, *links]))[:10]


def _after_type(value: str) -> str:
    """The address of a typed field such as `rfc822; jane@example.org`."""
    text = value.partition(";")[2] or value
    boxes = mailboxes(text.strip())
    return boxes[0][1] if boxes else ""


def _recipients(blocks: list[Message]) -> list[Reported]:
    found = [block for block in blocks if block.get("Final-Recipient") or block.get("Action")]
    return [_recipient(block) for block in found]


def _recipient(block: Message) -> Reported:
    action = raw(block, "Action").partition(" ")[0].strip().lower()
    diagnostic = raw(block, "Diagnostic-Code")[:1_000]
    return reported(
        _FATES.get(action, Fate.OTHER),
        _after_type(whole(block, "Original-Recipient")) or _after_type(whole(block, "Final-Recipient")),
        raw(block, "Status"),
        diagnostic,
    )


def reported(fate: Fate, recipient: str, status: str, diagnostic: str) -> Reported:
    """What a mail server said of one recipient; its words tell where its status says nothing (RFC 3463)."""
    match = _STATUS.search(status)
    code = match.group(1) if match else ""
    if not code or code.endswith(".0.0"):
        match = _STATUS.search(diagnostic)
        plain = _REPLY.search(diagnostic)
        code = match.group(1) if match else code or (f"{plain.group(1)}.0.0" if plain else "")
    final = fate is Fate.FAILED and code.startswith("5")
    return Reported(
        fate=fate,
        recipient=recipient,
        status=code,
        permanent=final and not _NOT_THE_ADDRESS.fullmatch(code),
        diagnostic=diagnostic,
    )


def _complaint(blocks: list[Message], original: Message) -> DeliveryReport:
    block = next((b for b in blocks if b.get("Feedback-Type")), Message())
    kind = raw(block, "Feedback-Type").strip().lower()[:100]
    fate = Fate.OTHER if kind in _NO_COMPLAINTS else Fate.COMPLAINED
    recipient = _after_type(whole(block, "Original-Rcpt-To")) or _after_type(whole(original, "To"))
    about = _report([Reported(fate=fate, recipient=recipient, diagnostic=kind)], original)
    mail_from = mailboxes(whole(block, "Original-Mail-From"))
    senders = (*(address for _, address in mail_from), *about.senders)
    return about.model_copy(update={"senders": senders})


def _read(blocks: list[Message]) -> DeliveryReport:
    block = next((b for b in blocks if b.get("Disposition")), Message())
    recipient = _after_type(whole(block, "Final-Recipient"))
    return DeliveryReport(
        message_id=identifier(whole(block, "Original-Message-ID")),
        recipients=(
            Reported(fate=Fate.READ, recipient=recipient, diagnostic=raw(block, "Disposition")[:200]),
        ),
    )
