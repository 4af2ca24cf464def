"""What holds in every store: what may leave, what is owed, how messages are paced, when a campaign fails. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple, Protocol

from engine.model.counters import Quota
from engine.model.events import Event
from engine.model.keys import Standing
from engine.model.messages import Kind, Message, Method
from engine.model.people import Attendee, Partstat
from engine.model.searching import Expansion
from engine.refusals import Code

_WHOLE = frozenset({Kind.CANCELLATION, Kind.WITHDRAWAL})
"""What is owed even if an invite is still waiting."""

_OWED_ANEW = frozenset({Kind.INVITE, Kind.WITHDRAWAL})
_OF_DATES = frozenset({Kind.INVITE, Kind.UPDATE, Kind.REMINDER, Kind.CANCELLATION})
"""What may be about one date of a series, and says how that date is."""
_MOMENT, _DATES_MOST = timedelta(microseconds=1), 5_000

LedgerKey = tuple[object, ...]
"""What makes a row of the ledger the only one of its kind (promise 3); the address comes last."""

REVISIONS_KEPT = 50
"""Replaced revisions of one event that are kept."""
RECEIPTS_MAX = 200
"""Newest answers of one person to an event among which the last one that counted is looked for."""
PERSON_DAY = 200
"""Mails that a person is owed in a day, but for notices, changes and cancellations."""
PERSON_PROMPTED_DAY = 20
"""Those of them that strangers ask for: on pages, by links, as delegates, by triggers."""
_DAY_S, _HOUR_S = 86_400, 3_600

LIST_KEPT = timedelta(hours=1)
"""How long a list waits for its draft: after that its command was refused, or its process died."""

FAILING_WINDOW = 1_000
"""Newest settled messages of a campaign by which it is judged."""
_FAILING_LEAST = 100
"""Fewer settled messages say nothing about a campaign."""
_ROUNDING = 1e-6

UNREAD_QUOTA = Quota(rate=1)
"""What goes through a mail service that has not said yet what it allows."""
QUOTA_S = 60.0
"""How long what a mail service said of its quota is taken for new."""
SLOWED_S, SLOWED_AGAIN_S = 60.0, 1.0
"""After throttling, how long a rate does not grow, and how long it is not halved again."""
SLOWEST = 1 / 64
"""The part of a rate below which throttling does not take it."""


class Waiting(Protocol):
    """A message that may be claimed, with everything that speaks against it."""

    @property
    def kind(self) -> str: ...
    @property
    def method(self) -> str | None: ...
    @property
    def recurrence_id(self) -> object:
        """The instance it is about; empty for the whole event."""
        ...

    @property
    def campaign_state(self) -> str | None: ...
    @property
    def suspended(self) -> int | None:
        """Whether its organizer is suspended."""
        ...

    @property
    def suppressed(self) -> int:
        """Whether its address takes no mail."""
        ...

    @property
    def blocked(self) -> str | None:
        """Why its address takes no mail from its organizer; empty if the attendee said so; None if it does."""
        ...

    @property
    def partstat(self) -> str | None:
        """What the attendee answered."""
        ...

    @property
    def proven(self) -> int | None:
        """Whether the attendee was invited, or proved to be one."""
        ...

    @property
    def withdrawn(self) -> int | None:
        """Whether the attendee's invite was withdrawn."""
        ...

    @property
    def in_doubt(self) -> int:
        """Whether it may have left already."""
        ...

    @property
    def reached(self) -> int | None:
        """Of a withdrawal by the organizer: whether a request has reached the attendee, or may yet have.

        None for any other message, and where no request was ever owed.
        """
        ...


def barred(message: Waiting, event: Event | None, now: datetime) -> Code | None:
    """Why a message may not leave, if so (promise 7)."""
    if message.suppressed:
        return Code.ADDRESS_SUPPRESSED
    if message.campaign_state == "cancelled":
        return Code.CAMPAIGN_CANCELLED
    if not message.method or event is None:
        return None
    if message.suspended:
        return Code.ORGANIZER_SUSPENDED
    if message.blocked is not None:
        return refuses(message.blocked)
    if not message.proven:
        return Code.SENDER_UNAUTHENTICATED
    if message.withdrawn and message.method == Method.REQUEST and not message.in_doubt:
        # It was being sent as the invite was withdrawn, and came back.
        return Code.INVITE_WITHDRAWN
    if _overtaken(message, event):
        return Code.SUPERSEDED
    if event.cancelled and message.kind not in {Kind.CANCELLATION, Kind.WITHDRAWAL}:
        return Code.EVENT_CANCELLED
    return Code.EVENT_FINISHED if event.closed(now) else None


def _overtaken(message: Waiting, event: Event) -> bool:
    """True for a message that says what is not so any more."""
    if message.kind == Kind.REMINDER:
        return message.partstat == Partstat.DECLINED
    if message.kind == Kind.WITHDRAWAL:
        # Whoever was invited again keeps the event: of the two, this CANCEL would be the newer one.
        return not message.withdrawn or message.reached == 0
    return message.kind == Kind.CANCELLATION and not (event.cancelled or message.recurrence_id)


def contradicted(
    kind: Kind, instance: date | datetime | None, event: Event, expand: Expansion | None
) -> bool:
    """True for a change to a date that the series no longer has, and for the cancellation of one that it has again.

    `expand` lists the dates of a series; without it only those are judged that were changed or cancelled.
    """
    if instance is None or event.cancelled or kind not in _OF_DATES:
        return False
    return _stands(event, instance, expand) is (kind is Kind.CANCELLATION)


def _stands(event: Event, instance: date | datetime, expand: Expansion | None) -> bool | None:
    """Whether the series has the date; None if that cannot be told."""
    if event.override(instance) is not None:
        return True
    if instance in event.exdates:
        return False
    if expand is None:
        return None
    begin = event.span.moment(instance)
    return any(span.start == instance for span in expand(event, begin, begin + _MOMENT, _DATES_MOST))


def refuses(reason: str) -> Code:
    """The code for an address that takes no mail from an organizer: the attendee's wish has no reason."""
    return Code.ADDRESS_SUPPRESSED if reason else Code.ATTENDEE_BLOCKED


def leaving_message_id(message_id: str, sequence: int, newest: int, *, in_doubt: bool) -> str:
    """The Message-ID under which a message leaves that was owed at `sequence`, of an event that is at `newest`.

    Mail servers drop what they have seen. So if an older revision may have left already, the newer one gets an id
    of its own (promise 4).
    """
    if not in_doubt or sequence >= newest:
        return message_id
    local, at, domain = message_id.partition("@")
    return f"{local.partition('.')[0]}.{newest}{at}{domain}"


def ledger_key(message: Message) -> LedgerKey:
    """The key of a message in the ledger."""
    instance = "" if message.recurrence_id is None else message.recurrence_id.isoformat()
    method = message.method.value if message.method else None
    return (message.event_uid, method, message.sequence, instance, message.email)


def newly_owed(messages: Sequence[Message], ended: Mapping[LedgerKey, bool]) -> list[Message]:
    """Those of `messages` that the ledger lacks (promise 3).

    `ended`: for each row that the ledger has of these, whether it ended without being sent; such an invite, or its
    withdrawal, is owed anew, in a row of its own.
    """
    known, owed = dict(ended), list[Message]()
    for message in messages:
        key = ledger_key(message)
        if message.method is None or message.repeat or key not in known:
            owed.append(message)
        elif known[key] and message.kind in _OWED_ANEW:
            owed.append(message.model_copy(update={"repeat": message.message_id.partition("@")[0][-8:]}))
        else:
            continue
        known[key] = False
    return owed


def day(moment: datetime) -> int:
    """The day of a moment, in days since 1970, UTC."""
    return int(moment.timestamp() // _DAY_S)


def hour(moment: datetime) -> int:
    """The hour of a moment, in hours since 1970, UTC."""
    return int(moment.timestamp() // _HOUR_S)


def left_of_day(limit: int, used: int) -> int:
    """How many mails may still be claimed of `limit` in 24 hours, of which `used` left or are held."""
    return max(0, limit - used)


def person(address: str) -> str:
    """`address` without what stands behind its plus sign, for that is the same person."""
    if "+" not in address:
        return address
    local, _, host = address.rpartition("@")
    return f"{local.partition('+')[0] or local}@{host}"


def counts_for_person(message: Message) -> bool:
    """True if a message counts towards what its person is owed in a day."""
    return message.kind is Kind.INVITE or message.kind is Kind.REMINDER or message.prompted


FOR_PERSONS = frozenset({Kind.INVITE, Kind.REMINDER})
"""What counts for each person whom a key mails."""
_MAILS = FOR_PERSONS | {Kind.REPORT, Kind.REPLY}
_CHANGES = frozenset({Kind.UPDATE, Kind.CANCELLATION, Kind.WITHDRAWAL, Kind.DECLINED_PROPOSAL})
_SOON = timedelta(hours=24)
_MINUTE_S = 60.0
CHANGES_LEAST = 100
_CHANGES_EACH = 3


def budget_of(kind: Kind) -> str:
    """Which budget of its key a message counts towards: `mails`, `changes`, or none."""
    if kind in _MAILS:
        return "mails"
    return "changes" if kind in _CHANGES else ""


def changes_allowed(met: int) -> int:
    """Changes and cancellations a day for people already invited, of whom a key has `met` so many."""
    return max(CHANGES_LEAST, _CHANGES_EACH * met)


class KeyVerdict(NamedTuple):
    """What its keys say of a message: it ends with `code`, or waits (`held`), or is due later."""

    code: Code | None = None
    held: bool = False
    due: datetime | None = None

    @property
    def leaves(self) -> bool:
        """True if nothing speaks against it."""
        return self == KeyVerdict()


LEAVES = KeyVerdict()
"""Nothing speaks against it."""
_JUDGED = FOR_PERSONS | _CHANGES - _WHOLE
"""What is held against recipients and hours: not what takes an entry out of a calendar, nor what the organizer gets."""


def by_keys(
    kind: Kind, email: str, event: Event | None, standing: Standing, keys: int, now: datetime
) -> KeyVerdict:
    """What the `keys` keys that caused a message say of it now.

    A change of what someone has in their calendar is never lost by a bound: it waits for a decision.
    """
    changes = kind in _CHANGES
    if len(standing.keys) < keys or standing.ended(now):
        return KeyVerdict(Code.KEY_ENDED, held=changes)
    if standing.stopped:
        return KeyVerdict(held=True)
    if kind not in _JUDGED:
        return LEAVES
    if not standing.may_mail(email):
        return KeyVerdict(Code.OUT_OF_BOUNDS, held=changes)
    opens = standing.opens(now)
    soon = changes and event is not None and event.span.start_utc <= now + _SOON
    return KeyVerdict(due=opens) if opens > now and not soon else LEAVES


def allowed_in_minute(limit: int, next_at: float | None, now: float, minute: int) -> int:
    """How many of `limit` messages a key may send now that sends `minute` in a minute, as a burst or one by one."""
    ahead = max(0.0, (next_at or 0.0) - now)
    return max(0, min(limit, int((_MINUTE_S - ahead) * minute / _MINUTE_S + _ROUNDING)))


def updates(messages: Sequence[Message]) -> list[Message]:
    """Those of `messages` that an invite which is still waiting may cover."""
    return [m for m in messages if m.event_uid and not m.repeat and m.kind is not Kind.INVITE]


def not_covered(messages: Sequence[Message], waiting: Collection[str]) -> list[Message]:
    """`messages` without updates to people whose invite is still waiting: it leaves with the newest revision.

    `waiting`: who has such an invite. Nothing else covers an update: a reminder may be withdrawn, and an older update
    cancelled with its campaign.
    """
    changes = {id(m) for m in updates(messages)}
    whole = {id(m) for m in messages if m.kind in _WHOLE and m.recurrence_id is None}
    covered = set(waiting) if changes else set()
    return [m for m in messages if m.email not in covered or m.repeat or id(m) in whole]


def allowed(limit: int, next_at: float | None, now: float, rate: float) -> int:
    """How many of `limit` messages the rate allows now: a burst is a second's worth, however long it was quiet.

    `rate`: messages a second, 0 is no limit; `next_at`: until when earlier messages used it up, in seconds.
    """
    if not rate:
        return limit
    ahead = max(0.0, (next_at or 0.0) - now)
    return max(0, min(limit, int((max(1.0, 1.0 / rate) - ahead) * rate + _ROUNDING)))


def is_failing(failed: int, settled: int, share: float) -> bool:
    """True if more than `share` of a campaign's newest settled messages failed."""
    return settled >= _FAILING_LEAST and failed > share * settled


def attendee_counters(attendee: Attendee) -> list[str]:
    """The names of the counters in which an attendee is counted; none once their invite was withdrawn."""
    if attendee.withdrawn is not None:
        return []
    names = ["attendees", f"rsvp.{attendee.partstat.label}", f"origin.{attendee.origin}"]
    return [*names, f"prodid.{attendee.prodid}"] if attendee.prodid else names


def turn_may_be_taken(ends: float, held: datetime | None, now: datetime, lease_s: float) -> bool:
    """True if a turn that ends then is over, or is the one that this process holds.

    One that ends later than any granted lately was written before the clock was set back.
    """
    mine = held is not None and same_turn(ends, held)
    return mine or not now.timestamp() < ends <= now.timestamp() + 2 * lease_s


def same_turn(ends: float, held: datetime) -> bool:
    """True if the turn that ends then is the one that ends at `held`."""
    return abs(ends - held.timestamp()) < _ROUNDING
