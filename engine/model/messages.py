"""Messages: the mails that are owed, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pydantic import Field

from engine.model.base import Value, Word
from engine.model.people import Partstat
from engine.model.times import Instant


class Method(Word):
    """The iTIP methods that the server sends (RFC 5546)."""

    REQUEST = "REQUEST"
    CANCEL = "CANCEL"
    DECLINECOUNTER = "DECLINECOUNTER"


class Kind(Word):
    """What a message is for."""

    INVITE = "invite"
    UPDATE = "update"
    CANCELLATION = "cancellation"
    REMINDER = "reminder"
    WITHDRAWAL = "withdrawal"
    DECLINED_PROPOSAL = "declined-proposal"
    REPORT = "report"
    NOTICE = "notice"
    REPLY = "reply"
    """What an agent answers to somebody's message."""

    @property
    def calendar(self) -> bool:
        """True if the message carries an event to an attendee."""
        return self not in _WITHOUT_CALENDAR

    @property
    def restamped(self) -> bool:
        """True if it repeats a revision, so that only a newer DTSTAMP tells its calendar that it is newer."""
        return self in _RESTAMPED

    @property
    def method(self) -> Method:
        """The iTIP method of a calendar message of this kind."""
        return _METHODS.get(self, Method.REQUEST)


_WITHOUT_CALENDAR = frozenset({Kind.REPORT, Kind.NOTICE, Kind.REPLY})
_RESTAMPED = frozenset({Kind.REMINDER, Kind.WITHDRAWAL})
_METHODS = {
    Kind.CANCELLATION: Method.CANCEL,
    Kind.WITHDRAWAL: Method.CANCEL,
    Kind.DECLINED_PROPOSAL: Method.DECLINECOUNTER,
}


class MessageState(Word):
    """What became of a message."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"

    @property
    def pending(self) -> bool:
        """True while the message is still owed."""
        return self in _PENDING


_PENDING = frozenset({MessageState.QUEUED, MessageState.SENDING, MessageState.DEFERRED})


class Audience(Word):
    """Who is notified of a change; `auto` depends on what changed."""

    AUTO = "auto"
    ACCEPTED_OR_TENTATIVE = "accepted-or-tentative"
    NOT_DECLINED = "not-declined"
    ALL = "all"
    NONE = "none"


class Chosen(Value):
    """Attendees who are named one by one, or by what they answered."""

    partstats: frozenset[Partstat] = frozenset()
    emails: frozenset[str] = Field(frozenset(), description="addresses in lower case, beside those answers")


class Notice(Value):
    """Subject and text of a mail that is not a calendar message: a notice or a report."""

    subject: str
    text: str
    report_uid: str | None = Field(None, description="attach this event's CSV report")
    outcomes: str = Field("", description="CSV of what became of each row of a batch, attached")
    reply_to: str = Field("", description="where an answer to it goes; empty: nowhere")
    from_name: str = Field("", description="in whose name it is sent; empty: the server's")
    in_reply_to: str = Field("", description="Message-ID of the mail that it answers")
    html: str = Field("", description="the same words with looks; empty: plain text alone")
    as_is: bool = Field(False, description="no branding is added: it has its own")
    warning: str = Field("", description="a last paragraph, which stays where several notices become one")

    @property
    def words(self) -> str:
        """The whole text of the mail."""
        return f"{self.text}\n{self.warning}\n" if self.warning else self.text


class Message(Value):
    """One mail that is owed to somebody: a row of the ledger."""

    id: str = Field("", description="the ledger's own name for the row, opaque; empty before it is kept")
    kind: Kind
    email: str
    organizer: str
    message_id: str = Field(description="without angle brackets; decided when the row is written")
    event_uid: str | None = None
    method: Method | None = None
    sequence: int = 0
    recurrence_id: Instant | None = None
    repeat: str = Field("", description="tells repeated messages of origin `test` apart; empty otherwise")
    campaign_id: str | None = None
    notice: Notice | None = None
    note: str = Field("", description="a personal line above the text of a calendar message")
    prompted: bool = Field(
        False, description="a stranger asked for it: on a page, by a link, as a delegate, by a trigger"
    )
    state: MessageState = MessageState.QUEUED
    attempts: int = 0
    created: datetime
    due: datetime
    settled: datetime | None = None
    code: str = ""
    answer: str = Field("", description="what the mail server said")
    in_doubt: bool = Field(False, description="a sender died holding it, so it may have gone out already")
    key: str = Field("", description="ids of the keys whose bounds hold for it, highest first; empty: none")


UNTRIED = "untried"
"""The code of an attempt in which the mail itself was not judged: its server could not be reached, or took nothing."""


class Attempt(Value):
    """One try to send a message that did not settle it."""

    at: datetime
    state: MessageState
    code: str = ""
    answer: str = Field("", description="what the mail server said")


def first_tried(attempts: Iterable[Attempt]) -> datetime | None:
    """When a message was first tried; None if it never was."""
    return min((attempt.at for attempt in attempts if attempt.code != UNTRIED), default=None)


def with_attempt(attempts: tuple[Attempt, ...], last: Attempt) -> tuple[Attempt, ...]:
    """The attempts and a new one; a server that stays away is noted once, however often it was called."""
    still = attempts and attempts[-1].code == last.code == UNTRIED
    return (*(attempts[:-1] if still else attempts), last)


class Fanout(Value):
    """A job that writes the messages of one change, or of one campaign, in chunks (promise 2)."""

    id: str = ""
    event_uid: str
    kind: Kind
    partstats: frozenset[Partstat] = frozenset()
    emails: frozenset[str] = Field(frozenset(), description="attendees beside those with these answers")
    note: str = ""
    recurrence_id: Instant | None = None
    campaign_id: str | None = None
    key: str = Field("", description="ids of the keys whose bounds hold for it, highest first; empty: none")
    due: datetime | None = Field(None, description="its messages leave no earlier; None: at once")
    cursor: str = Field("", description="how far it has come; opaque, empty at the beginning")


class History(Value):
    """One message of the ledger and the tries that did not settle it."""

    message: Message
    attempts: tuple[Attempt, ...] = ()
