"""Notifications of Amazon SES, as JSON that SNS sends by mail or by HTTP: bounces, complaints, deliveries."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from engine.mail.incoming.content import DeliveryReport, Fate, Reported
from engine.mail.incoming.reports import identifier, reported

_NAME = re.compile(r"[0-9a-f]{16}-[0-9a-f-]{36}-0{6}\b")
TAG_ROW, TAG_EVENT = "cis-row", "cis-event"
"""Names of the tags that our mails carry through SES: the row of the ledger, and the event."""
_NAME_ENDS = "-000000"
_LENGTH_MAX = 300_000
_RECIPIENTS_MAX = 100
_HEADERS_MAX = 1_000
_NESTED_MAX = 3
_SENDERS = {"return-path", "list-unsubscribe"}


def named(answer: str) -> str:
    """The id that SES gives a message in its answer over SMTP, in place of our Message-ID; empty without one."""
    match = _NAME.search(answer) if _NAME_ENDS in answer else None
    return match.group(0) if match else ""


_EVENTS = frozenset(
    {"send", "reject", "bounce", "complaint", "delivery", "deliverydelay", "open", "click", "subscription"}
)


def event(text: str) -> DeliveryReport | None:
    """As `notice`, but None for what is of another kind, such as mail that SES received."""
    found = inner(text)
    if not found or kind(found) not in _EVENTS:
        return None
    return _report(found)


def notice(text: str) -> DeliveryReport | None:
    """The report that `text` holds; None if it is no notification of SES.

    `text` is what SNS sends: its envelope around the notification, or the notification alone; SNS adds words
    below it in mails.
    """
    found = inner(text)
    return _report(found) if found else None


def inner(text: str) -> dict[str, object] | None:
    """The notification itself, out of what SNS puts around it."""
    found = _object(text)
    for _ in range(_NESTED_MAX):
        if found is None or isinstance(found.get("mail"), dict):
            break
        message = found.get("Message")
        found = (
            _object(message) if isinstance(message, str) else message if isinstance(message, dict) else None
        )
    return found


def kind(found: dict[str, object]) -> str:
    """What a notification is of, in lower case: bounce, received, …"""
    return (_text(found, "notificationType") or _text(found, "eventType")).lower()


def _object(text: str) -> dict[str, object] | None:
    """The JSON object that `text` begins with."""
    text = text[:_LENGTH_MAX].strip()
    if not text.startswith("{"):
        return None
    try:
        found, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _report(found: dict[str, object]) -> DeliveryReport | None:
    mail = found.get("mail")
    if not isinstance(mail, dict):
        return None
    headers = dict(_headers(mail.get("headers")))
    common = mail.get("commonHeaders")
    message_id = headers.get("message-id") or (_text(common, "messageId") if isinstance(common, dict) else "")
    links = [piece for name in _SENDERS for piece in _addresses(headers.get(name, ""))]
    return DeliveryReport(
        message_id=identifier(message_id),
        transport_id=_text(mail, "messageId"),
        senders=tuple(dict.fromkeys(s for s in (_text(mail, "source").lower(), *links) if s)),
        recipients=tuple(_recipients(found, mail))[:_RECIPIENTS_MAX],
    )


_VALUE_MAX = 1_000
_ADDRESS_MAX = 320


def _text(values: dict[str, object], name: str) -> str:
    """The text called `name`; one that is too long is none, for cut it may name someone else."""
    value = values.get(name)
    return value if isinstance(value, str) and len(value) <= _VALUE_MAX else ""


def _field(values: dict[str, object], name: str) -> str:
    """The words of a server, as far as they are shown."""
    value = values.get(name)
    return value[:_VALUE_MAX] if isinstance(value, str) else ""


def _objects(values: object) -> Iterator[dict[str, object]]:
    if isinstance(values, list):
        yield from (value for value in values[:_HEADERS_MAX] if isinstance(value, dict))


def _headers(values: object) -> Iterator[tuple[str, str]]:
    for header in _objects(values):
        yield _text(header, "name").lower(), _text(header, "value")


def _addresses(value: str) -> list[str]:
    pieces = value.replace("<", " ").replace(">", " ").replace(",", " ").split()
    return [p.removeprefix("mailto:").partition("?")[0].lower() for p in pieces if "@" in p][:5]


def _recipients(found: dict[str, object], mail: dict[str, object]) -> Iterator[Reported]:
    which = kind(found)
    about = found.get("deliveryDelay" if which == "deliverydelay" else which)
    about = about if isinstance(about, dict) else {}
    if which == "bounce":
        yield from _bounced(about)
    elif which == "complaint":
        diagnostic = _text(about, "complaintFeedbackType")
        fate = Fate.OTHER if diagnostic == "not-spam" else Fate.COMPLAINED
        for recipient in _objects(about.get("complainedRecipients")):
            address = _text(recipient, "emailAddress").lower()
            yield Reported(fate=fate, recipient=address, diagnostic=diagnostic)
    elif which == "reject":
        # SES took the mail and did not send it, for what is in it: the address is not at fault.
        yield from (
            Reported(fate=Fate.FAILED, recipient=address, diagnostic=_field(about, "reason"))
            for address in _addressees(mail.get("destination"))
        )
    elif which == "deliverydelay":
        yield from _delayed(about, mail)
    else:
        fate = Fate.DELIVERED if which == "delivery" else Fate.OTHER
        said = _field(about, "smtpResponse")
        for address in _addressees(about.get("recipients") or mail.get("destination")):
            yield Reported(fate=fate, recipient=address, diagnostic=said)


def _delayed(about: dict[str, object], mail: dict[str, object]) -> Iterator[Reported]:
    """SES goes on trying; each recipient has the words of its server, or all have the kind of the delay."""
    kind_of_delay = _text(about, "delayType")
    if found := list(_objects(about.get("delayedRecipients"))):
        for recipient in found:
            address, status = _text(recipient, "emailAddress").lower(), _text(recipient, "status")
            said = _field(recipient, "diagnosticCode") or kind_of_delay
            yield Reported(fate=Fate.DELAYED, recipient=address, status=status, diagnostic=said)
        return
    for address in _addressees(mail.get("destination")):
        yield Reported(fate=Fate.DELAYED, recipient=address, diagnostic=kind_of_delay)


def _addressees(values: object) -> list[str]:
    found = values[:_HEADERS_MAX] if isinstance(values, list) else []
    return [str(address).lower() for address in found if len(str(address)) <= _ADDRESS_MAX]


def _bounced(bounce: dict[str, object]) -> Iterator[Reported]:
    """SES has judged already whether the address is at fault: `Permanent`, or `Transient`, `Undetermined`."""
    permanent = _text(bounce, "bounceType").lower() == "permanent"
    for recipient in _objects(bounce.get("bouncedRecipients")):
        recipient_report = reported(
            Fate.FAILED,
            _text(recipient, "emailAddress").lower(),
            _text(recipient, "status"),
            _field(recipient, "diagnosticCode") or _text(bounce, "bounceSubType"),
        )
        yield recipient_report.model_copy(update={"permanent": permanent})
