"""Reads the content of a mail: its calendar, its lists, its tables of commands."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from engine.commands.tables import csvlist
from engine.itip import answers as itip_answers
from engine.itip import read as itip_read
from engine.itip.message import ItipEvent, ItipMessage
from engine.mail.incoming import read as mail_read
from engine.mail.incoming.calendars import MAX_CALENDARS
from engine.mail.incoming.content import CalendarPart, IncomingMail, ListPart
from engine.mail.incoming.read import Opened
from engine.model.list_rows import ListRow
from engine.refusals import Code, Refused

if TYPE_CHECKING:
    from engine.commands.tables.batchrows import BatchTable

S = TypeVar("S")
T = TypeVar("T")
_CALENDAR_BOXES = frozenset({"create", "rsvp"})
_MAILED_ROWS = 100_000
"""Rows of one mailed list: a mail is handled as a whole, while a tool's list comes from whoever holds a key."""
_CHEAP_CALENDAR_BYTES = 32_768
_CHEAP_COMPONENTS = 40
_CHEAP_RULES = 12
_TOGETHER = frozenset({"REQUEST", "PUBLISH", "ADD", "CANCEL"})
"""Methods by which an organizer makes, changes and ends events; one mail may do several of these."""
_CALENDAR_SHOWN = 32_768
"""Bytes of a calendar that are kept to be shown: enough for 4,000 characters, however they are folded."""
_RULES = (b"rrule", b"exrule", b"rdate", b"exdate")


@dataclass(frozen=True, slots=True)
class AttachedTable:
    """An attached table of commands, or the reason why it cannot be read."""

    filename: str
    fits: bool
    found: BatchTable | Refused


@dataclass(frozen=True, slots=True)
class Content:
    """What a mail carries, as far as the mailboxes that it came to can use it.

    `calendar`: the first calendar that can be read; why the first cannot, if none can; None without any. At create@
    with the events of the others that ask for the same; `others`: those that ask for something else, one for each
    METHOD; `left`: why further ones could not join.
    `quoted`: that calendar stands where what others wrote may stand. `tables`: for create@; `rows`: for bulk@, of
    each attached list. Of the texts that these were read from, `mail` keeps the start of each calendar, to be shown.
    """

    mail: IncomingMail
    calendar: ItipMessage | Refused | None = None
    quoted: bool = False
    others: tuple[ItipMessage, ...] = ()
    left: tuple[Refused, ...] = ()
    tables: tuple[AttachedTable, ...] = ()
    rows: tuple[tuple[ListRow, ...] | Refused, ...] = ()


def read(raw: bytes, boxes: Collection[str]) -> Content:
    """What the mail `raw` carries for our mailboxes named `boxes`. Raises Refused if it cannot be taken apart."""
    return _content(mail_read.read(raw), boxes)


def read_if_cheap(opened: Opened, boxes: Collection[str]) -> Content | None:
    """As `read`, if size and shape show that it costs next to nothing; else None. Raises Refused as `read` does."""
    if len(opened.raw) > mail_read.SMALL or _packed(opened.raw.lower()):
        return None
    mail = opened.read()
    return _content(mail, boxes) if _cheap(b"".join(part.content for part in mail.calendars)) else None


def _packed(raw: bytes) -> bool:
    """True if a part is of a type that may be packed: archives, TNEF, S/MIME are all of type application."""
    return raw.count(b"application/") > raw.count(b"application/ics")


def _cheap(calendar: bytes) -> bool:
    if len(calendar) > _CHEAP_CALENDAR_BYTES:
        return False
    calendar = calendar.lower()
    rules = sum(calendar.count(name) for name in _RULES)
    return calendar.count(b"begin:") <= _CHEAP_COMPONENTS and rules <= _CHEAP_RULES


def _content(mail: IncomingMail, boxes: Collection[str]) -> Content:
    answers = "create" not in boxes
    calendar, quoted = _calendar(mail, answers=answers) if _CALENDAR_BOXES & set(boxes) else (None, False)
    others, left = list[ItipMessage](), tuple[Refused, ...]()
    if "create" in boxes and len(mail.calendars) > 1 and isinstance(calendar, ItipMessage) and not quoted:
        (calendar, *others), left = _joined(mail.calendars)
    return Content(
        mail=_without_texts(mail) if mail.lists or mail.calendars else mail,
        calendar=calendar,
        quoted=quoted,
        others=tuple(others),
        left=left,
        tables=_tables(mail) if "create" in boxes and not mail.calendars else (),
        rows=_rows(mail) if "bulk" in boxes else (),
    )


def _without_texts(mail: IncomingMail) -> IncomingMail:
    lists = tuple(ListPart(filename=part.filename, text="") for part in mail.lists)
    return mail.model_copy(update={"lists": lists, "calendars": tuple(map(_shortened, mail.calendars))})


def _shortened(calendar: CalendarPart) -> CalendarPart:
    if len(calendar.content) <= _CALENDAR_SHOWN:
        return calendar
    return calendar.model_copy(update={"content": calendar.content[:_CALENDAR_SHOWN]})


def _calendar(mail: IncomingMail, *, answers: bool) -> tuple[ItipMessage | Refused | None, bool]:
    first: Refused | None = None
    for part in mail.calendars:
        try:
            reading = itip_answers.read if answers else itip_read.read
            return reading(part.content, method_hint=part.method_hint), part.quoted
        except Refused as refused:
            first = first or refused
    return first, False


def _joined(parts: Sequence[CalendarPart]) -> tuple[list[ItipMessage], tuple[Refused, ...]]:
    """The calendars that are the sender's own, one for each METHOD, and why others could not join."""
    own = [part for part in parts if not part.quoted]
    read = [_attempt(partial(itip_read.read, method_hint=part.method_hint), part.content) for part in own]
    messages = [message for message in read if isinstance(message, ItipMessage)]
    left = [message for message in read if isinstance(message, Refused)]
    methods = dict.fromkeys(message.method for message in messages)
    first, *others = [_as_one([m for m in messages if m.method == method]) for method in methods]
    together = [other for other in others if {first.method, other.method} <= _TOGETHER]
    left += [_of_another_method(other) for other in others if other not in together]
    left += [_too_many()] if len(parts) >= MAX_CALENDARS else []
    return [first, *together], tuple(left)


def _as_one(same: Sequence[ItipMessage]) -> ItipMessage:
    """Calendars of one METHOD as one; each event counts once."""
    events = {_key(event): event for message in reversed(same) for event in reversed(message.events)}
    repaired = tuple(dict.fromkeys(what for message in same for what in message.repaired))
    return same[0].model_copy(update={"events": tuple(reversed(events.values())), "repaired": repaired})


def _key(event: ItipEvent) -> tuple[object, ...]:
    return event.uid, event.recurrence_id, event.sequence, event.span and event.span.start_utc


def _of_another_method(message: ItipMessage) -> Refused:
    uids = ", ".join(event.uid[:60] for event in message.events[:5])
    return Refused(
        Code.UNSUPPORTED_METHOD,
        f"A calendar with METHOD:{message.method[:20]} was left out ({uids}), as the first of this mail has another.",
        "Send it in a mail of its own.",
    )


def _too_many() -> Refused:
    return Refused(
        Code.TOO_MANY,
        f"Of the calendars in this mail the first {MAX_CALENDARS} were read; there may be more.",
        "Send the others in further mails, or put their events into one calendar.",
    )


def _tables(mail: IncomingMail) -> tuple[AttachedTable, ...]:
    if not mail.lists:
        return ()
    # Commands are most of what a reader would import, and few mails hold any.
    from engine.commands.tables import batchrows

    fitting = [not p.filename.lower().endswith(".txt") or batchrows.fits(p.text) for p in mail.lists]
    if not any(fitting):
        return ()
    pairs = zip(mail.lists, fitting, strict=True)
    return tuple(AttachedTable(p.filename, fits, _attempt(batchrows.read, p.text)) for p, fits in pairs)


def _rows(mail: IncomingMail) -> tuple[tuple[ListRow, ...] | Refused, ...]:
    found = [_attempt(_listed, part.text) for part in mail.lists]
    return tuple(rows if isinstance(rows, Refused) else tuple(rows) for rows in found)


def _listed(text: str) -> list[ListRow]:
    return csvlist.read(text, _MAILED_ROWS)


def _attempt(reading: Callable[[S], T], text: S) -> T | Refused:
    try:
        return reading(text)
    except Refused as refused:
        return refused


def too_costly() -> Refused:
    """The refusal of a mail whose reading the system ended."""
    return Refused(
        Code.TOO_COSTLY,
        "Reading this mail takes more time or memory than the server allows.",
        "Send a plain mail with the calendar or the list attached.",
    )
