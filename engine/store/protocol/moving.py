"""All that a store keeps, as documents of no backend, so that it can be moved to another store and recounted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

KINDS: Mapping[str, str] = {
    "organizer": "organizers with their profiles and further addresses",
    "approval": "who approves an organizer's changes by mail",
    "event": "events",
    "revision": "revisions of events that were replaced",
    "feed": "calendars that are imported again and again",
    "feed-entry": "their entries",
    "campaign": "campaigns, and lists that are being uploaded",
    "row": "rows of lists",
    "attendee": "attendees with their token, and each calendar message to them with its tries, the oldest first",
    "mail": "messages that are no calendar messages",
    "receipt": "answers, those that did not count among them",
    "instance": "answers for single instances",
    "proposal": "proposals of other times",
    "delegation": "who sends whom in their place",
    "alias": "other addresses under which attendees answer",
    "fanout": "jobs that write the messages of many",
    "bulk-change": "jobs that change the messages of many",
    "change": "the log of what happened",
    "confirmation": "what waits for the owner of an address",
    "held": "actions that wait for approval, or were decided",
    "key": "keys with their bounds",
    "address-list": "lists that bounds name",
    "stop": "what is stopped",
    "session": "sessions of the console",
    "sign-in": "links that begin them",
    "digest": "until which day owners had their digest",
    "telling": "when an address had its last notice, and what waits for the next",
    "prompt": "mails that strangers prompted",
    "proof": "what proved the mails of organizers",
    "trial": "how many people mails with new proofs reached",
    "do-not-mail": "addresses and domains that take no mail",
    "forgetting-key": "with what addresses of forgotten people are hashed",
    "forgetting": "people who are being forgotten",
    "key-day": "what keys have spent, by day",
    "reserve": "what is reserved for campaigns",
    "person": "how many mails a person is owed, by day and by key",
    "quota": "what mail services allow",
    "pace": "until when rates are used up",
    "sent-hour": "how many mails left in an hour",
    "intake": "what became of mails that came in",
    "remembered": "requests by their idempotency key",
    "kept-mail": "raw mails that changed nothing",
    "dropped": "how many of them were deleted to make room",
    "inbox-message": "messages to agents",
    "page": "public pages",
    "page-request": "what their visitors asked for",
    "confirmed": "visitors who confirmed once",
    "picture": "pictures with their bytes",
    "branding": "brandings",
    "link": "campaign links with their counters",
    "link-invite": "who is invited by them",
    "landing-hosts": "hosts to which visitors may be led",
    "vendor": "mail services that operators added",
    "enrolment": "plans of organizers",
    "purchase": "what was bought",
    "redaction": "whom a shop asks to forget",
    "trigger": "triggers with their secrets",
    "delivery": "what was delivered at their hooks",
    "object": "what they know of objects",
    "posted": "requests as they were posted",
    "webhook": "webhooks with their secrets",
    "posting": "what is posted there",
    "undo": "what can be taken back",
    "record": "rows of the record",
    "record-cut": "where the record begins",
    "record-salt": "salts of people in it",
    "old-line": "lines that were kept before there was a record",
}
"""What there is, in an order in which whatever another kind refers to comes first.

The document of each is the model's value as JSON knows it (`model_dump(mode="json")`), or has the names that the
backends give it (`tests/support/everything.py` makes one of each). Counters, indexes and what else a store derives from
these are not among them: the store that takes them makes its own.
"""


class Document(NamedTuple):
    """One value of a kind, as JSON knows it."""

    kind: str
    value: Mapping[str, Any]


class Movable(Protocol):
    """A store that is read or filled as a whole, while no server has it open."""

    async def refuse_in_use(self) -> None:
        """Raises Refused: BUSY if somebody uses it, as far as that can be seen."""
        ...

    async def holds_anything(self) -> bool:
        """True if anything is kept in it."""
        ...

    def documents(self) -> AsyncIterator[Sequence[Document]]:
        """All that is kept, some hundreds at a time; of what was being sent it says that it may have gone.

        Raises Refused: NOT_ALLOWED if a secret cannot be read.
        """
        ...

    async def changed(self) -> bool:
        """True if somebody wrote to it since `refuse_in_use`."""
        ...

    async def begin(self) -> None:
        """Begin to fill it: delete what an interrupted move left; no server opens it before `end`."""
        ...

    async def take(self, documents: Sequence[Document]) -> None:
        """Store these documents."""
        ...

    async def finish(self) -> None:
        """Build all derived data, once all documents are stored."""
        ...

    async def end(self) -> None:
        """Let servers open it: everything was stored and recounted."""
        ...

    async def close(self) -> None:
        """Close it."""
        ...


LOST = "the sender stopped before an answer was written down; the mail may have gone"
"""What is noted as the try of a message that was being sent."""

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_LENGTH = 13


def place_text(place: int) -> str:
    """A place in the order of keeping, below 2**63, as a text that sorts by it."""
    digits = ""
    for _ in range(_LENGTH):
        place, digit = divmod(place, 36)
        digits = _ALPHABET[digit] + digits
    return digits


def place_number(text: str) -> int:
    """The place of which `place_text` made a text."""
    return int(text, 36)
