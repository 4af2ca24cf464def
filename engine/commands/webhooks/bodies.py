"""What is posted: a type, a time and data, as Standard Webhooks has it; texts of others in it are data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from engine.commands.base import Work
from engine.model.addresses import masked_address, without_addresses
from engine.model.changes import Change
from engine.model.events import Event
from engine.model.webhooks import OF_CHANGES, Outgoing, Posting, Webhook, WebhookKind

Body = dict[str, object]


def of_change(work: Work, webhook: Webhook, change: Change, event: Event | None, *, masked: bool) -> Outgoing:
    """What a line of the log of changes says to a receiver; `masked`: it may not read addresses."""
    lane = change.event_uid or change.held or change.campaign_id
    body = change_body(change, event, masked=masked)
    return _outgoing(work, webhook, OF_CHANGES[change.kind], lane, body, about=change.email or "")


def change_body(change: Change, event: Event | None, *, masked: bool = False) -> Body:
    """A line of the log of changes, as receivers and rules read it."""
    shown = masked_address(change.email) if masked and change.email else change.email
    words = without_addresses(change.words) if masked else change.words
    data = {
        "organizer": change.organizer,
        "event": _event(event) if event else None,
        "email": shown,
        "status": change.status,
        "sequence": change.sequence,
        "campaign_id": change.campaign_id,
        "held_id": change.held,
        "code": change.code,
        "words": words,
    }
    told = {name: value for name, value in data.items() if value not in ("", None)}
    chain = change.chain or f"{change.id}.0"
    return {**_body(OF_CHANGES[change.kind], change.at, told), "cis_chain": chain}


def of_instance(
    work: Work, webhook: Webhook, kind: WebhookKind, event: Event, start: datetime, end: datetime
) -> Outgoing:
    """That an event is about to begin, or has ended: of a series, which instance."""
    return _outgoing(work, webhook, kind, event.uid, instance_body(work, kind, event, start, end))


def instance_body(work: Work, kind: WebhookKind, event: Event, start: datetime, end: datetime) -> Body:
    """The same as receivers and rules read it."""
    instance = {"start": _utc(start), "end": _utc(end)}
    data = {"organizer": event.organizer, "event": _event(event), "instance": instance}
    return _body(kind, work.now, data)


def of_checkpoint(work: Work, webhook: Webhook, note: str) -> Outgoing:
    """The signed head of the record."""
    body = _body(WebhookKind.CHECKPOINT, work.now, {"note": note})
    return _outgoing(work, webhook, WebhookKind.CHECKPOINT, "checkpoint", body)


def _outgoing(
    work: Work, webhook: Webhook, kind: WebhookKind, lane: str, body: Body, about: str = ""
) -> Outgoing:
    name = f"msg_{work.randomness.word(24)}"
    posting = Posting(
        id=name, webhook_id=webhook.id, kind=kind, lane=lane or name, created=work.now, about=about
    )
    return Outgoing(posting=posting, body=_written(body))


def masked(one: Outgoing) -> Outgoing:
    """A posting without addresses in full, for a receiver that could read them when it was made."""
    body = json.loads(one.body)
    body["data"] = without_people(body["data"])
    return one.model_copy(update={"body": _written(body)})


def without_people(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data of a body, with the person that it names masked, in words too."""
    how = {"email": _address, "words": without_addresses}
    return {name: how[name](str(value)) if name in how else value for name, value in data.items()}


def _address(email: str) -> str:
    return masked_address(email) if "@" in email else ""


def _written(body: Body) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _body(kind: WebhookKind, at: datetime, data: Mapping[str, object]) -> Body:
    return {"type": kind.value, "timestamp": _utc(at), "data": data}


def _event(event: Event) -> dict[str, object]:
    return {
        "uid": event.uid,
        "id": event.id,
        "summary": event.summary,
        "start": _utc(event.span.start_utc),
        "end": _utc(event.span.end_utc),
        "timezone": event.span.timezone,
        "location": event.location,
        "sequence": event.sequence,
        "cancelled": event.cancelled,
    }


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
