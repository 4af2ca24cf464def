"""The parts of an incoming mail that the engine uses, as values."""

from __future__ import annotations

from enum import StrEnum

from engine.model.base import Value


class CalendarPart(Value):
    """A calendar as bytes, UTF-8 wherever its charset is known; `method_hint` is from the Content-Type.

    `quoted`: it stands in the words of the mail, in its head, or in a mail attached to it, where what others wrote
    may stand as well.
    """

    content: bytes
    method_hint: str = ""
    quoted: bool = False


class ListPart(Value):
    """An attached list of recipients, decoded."""

    filename: str
    text: str


class Fate(StrEnum):
    """The outcome of a message for one recipient, as a report says."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    COMPLAINED = "complained"
    READ = "read"
    OTHER = "other"


class Reported(Value):
    """One recipient of a report. `permanent`: the address is at fault, and will take no mail later either."""

    fate: Fate
    recipient: str = ""
    status: str = ""
    permanent: bool = False
    diagnostic: str = ""


class DeliveryReport(Value):
    """What a mail server reports of one message that we sent (RFC 3464), or a complaint (RFC 5965).

    `message_id` is as in the quoted message, `transport_id` what the mail service called it; `senders` are the
    addresses of ours that it quotes. Any of them may be empty.
    """

    message_id: str = ""
    transport_id: str = ""
    senders: tuple[str, ...] = ()
    recipients: tuple[Reported, ...] = ()


class UnreadablePart(Value):
    """Why a part of a mail, which may have been its calendar, could not be read."""

    code: str
    detail: str


class IncomingMail(Value):
    """One mail as it came. `calendars` is empty if `report` is set: reports quote our own invites.

    Everything before `calendars` comes from the head of the mail, the rest from its content. `ambiguous`: programs
    may read its head, or its From, differently, so that nothing proves who sent it. `deciding`: the header fields of
    its head that decide how the body is read; `framed`, which its content tells: the body shows it on its own.
    """

    from_address: str
    from_name: str = ""
    sender_address: str = ""
    recipients: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    ambiguous: bool = False
    deciding: frozenset[str] = frozenset()
    framed: bool = False
    subject: str = ""
    message_id: str = ""
    in_reply_to: str = ""
    automatic: bool = False
    authentication_results: str = ""
    mentions_calendar: bool = False
    """True if the mail seems to carry a calendar; told without reading its content."""
    calendars: tuple[CalendarPart, ...] = ()
    lists: tuple[ListPart, ...] = ()
    text: str = ""
    has_tnef: bool = False
    obstacle: UnreadablePart | None = None
    report: DeliveryReport | None = None
