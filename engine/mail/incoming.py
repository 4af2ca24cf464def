"""What an incoming mail holds that the engine cares for, as values."""

from __future__ import annotations

from engine.model import Value


class CalendarPart(Value):
    """A calendar as bytes, UTF-8 wherever its charset is known; `method_hint` is from the Content-Type."""

    content: bytes
    method_hint: str = ""


class ListPart(Value):
    """An attached list of recipients, decoded."""

    filename: str
    text: str


class DeliveryReport(Value):
    """What a mail server reports of a message that we sent (RFC 3464), or a complaint (RFC 5965)."""

    action: str = ""
    status: str = ""
    final_recipient: str = ""
    diagnostic: str = ""
    message_id: str = ""


class IncomingMail(Value):
    """One mail as it came. `calendars` is empty where `report` is set: reports quote our own invites."""

    from_address: str
    from_name: str = ""
    sender_address: str = ""
    recipients: tuple[str, ...] = ()
    subject: str = ""
    message_id: str = ""
    in_reply_to: str = ""
    automatic: bool = False
    authentication_results: str = ""
    calendars: tuple[CalendarPart, ...] = ()
    lists: tuple[ListPart, ...] = ()
    text: str = ""
    has_tnef: bool = False
    report: DeliveryReport | None = None
