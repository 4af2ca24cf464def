"""Judge the rows of a list: by themselves, against the rows before, and against what is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from engine.commands import text
from engine.commands.agents import bounds
from engine.commands.agents.personal_links import PersonalLinks
from engine.commands.base import Work
from engine.commands.composing import given
from engine.commands.invites.invites import room_left
from engine.itip import personal
from engine.model.events import Event
from engine.model.keys import Standing
from engine.model.list_rows import ListRow, Recipient
from engine.model.people import Origin
from engine.refusals import Code, Refused


def read_rows(rows: Sequence[ListRow]) -> list[Recipient]:
    """The rows as recipients, each with what is wrong with it by itself."""
    return [_read_row(row.number or number, row) for number, row in enumerate(rows, start=1)]


class Judged(NamedTuple):
    """The rows of a list with their verdicts, and how many of what is left of places or invites they take."""

    rows: list[Recipient]
    taken: int


async def judged(
    work: Work,
    event: Event,
    rows: list[Recipient],
    origin: Origin,
    before: Mapping[str, int] | None = None,
    taken: int = 0,
) -> Judged:
    """Every row with its verdict: an empty code is a good one.

    `before`: the good addresses in earlier parts of the list, with their rows; `taken`: what those take of what is
    left. Whoever is an attendee already, as from a list that was cancelled, counts already and takes nothing.
    """
    before = before or {}
    emails = list(dict.fromkeys(r.email for r in rows if not r.code))
    known = await work.unit.invited(event.uid, emails)
    barred = await work.unit.barred(event.organizer, emails)
    left, full = await room_left(work, event, origin)
    needed = personal.placeholders(event)
    counted = () if left is None else await work.unit.known_attendees(event.uid, emails)
    left = None if left is None else max(0, left - taken)
    judge = _Judge(known, barred, left, full, needed, before, {a.email for a in counted})
    standing = await bounds.standing_for(work, event)
    if standing.bounded:
        links = PersonalLinks(standing, event) if standing.bounds_links else None
        rows = [_within(work, standing, links, row) for row in rows]
    here = f"@{work.settings.domain}"
    found = [judge(_foreign(work, row) if row.email.endswith(here) else row) for row in rows]
    return Judged(found, judge.taken)


def _within(work: Work, standing: Standing, links: PersonalLinks | None, row: Recipient) -> Recipient:
    """`row` with a code if its key may not mail it, or may not link as its mail would."""
    if row.code:
        return row
    try:
        bounds.refuse_recipient(work, standing, row.email)
        if links:
            bounds.refuse_link(work, standing, links.outside(given(row.email, row.name, row.fields)))
    except Refused as refused:
        return replace(
            row, code=refused.code.value, detail=f"{refused.bound}: {refused.message}"[:_DETAIL_MAX]
        )
    return row


def _foreign(work: Work, row: Recipient) -> Recipient:
    """`row` with a code where its address is one of our own mailboxes."""
    own = not row.code and work.settings.is_own_mailbox(row.email)
    detail = "email: a mailbox of this server"
    return replace(row, code=Code.INVALID_ADDRESS.value, detail=detail) if own else row


_EMAIL_SHOWN = 253
_ALWAYS = frozenset({"name", "email"})
"""Values that a row with a name has, whatever its fields are."""
_NO_FIELDS: Mapping[str, str] = {}
_DETAIL_MAX = 300
_COLUMNS = {Code.INVALID_ADDRESS: "email: ", Code.UNKNOWN_TIMEZONE: "timezone: "}
"""Which column a refusal is about."""

_UNREAD = {Code.ADDRESS_SUPPRESSED.value: "email: has opted out where the list is kept"}


def _read_row(number: int, row: ListRow) -> Recipient:
    """A row read; its code says what is wrong with it by itself."""
    if row.code:
        why = _UNREAD.get(row.code, "a quote is inside a cell or not closed")
        return Recipient(row=number, email=row.email[:_EMAIL_SHOWN].lower(), code=row.code, detail=why)
    try:
        fields = text.fields(dict(row.fields)) if row.fields else _NO_FIELDS
        return Recipient(number, text.address(row.email), text.name(row.name), fields)
    except Refused as refused:
        shown = row.email if len(row.email) <= _EMAIL_SHOWN else f"{row.email[:_EMAIL_SHOWN]}…"
        column = _COLUMNS.get(refused.code, "")
        why = f"{column}{refused.message}"[:_DETAIL_MAX]
        return Recipient(row=number, email=shown.lower(), code=refused.code.value, detail=why)


_DETAILS = {
    Code.ALREADY_INVITED: "email: invited to this event before",
    Code.ATTENDEE_BLOCKED: "email: unsubscribed from this organizer",
    Code.ADDRESS_SUPPRESSED: "email: on the do-not-mail list, or mail to it bounced",
    Code.INVITE_LIMIT_REACHED: "the bulk invites of this event are used up",
    Code.EVENT_FULL: "all places of this event are taken",
}


class _Judge:
    """Judges rows one after the other: against what is known, and against the rows before."""

    def __init__(
        self,
        known: set[str],
        barred: dict[str, Code],
        left: int | None,
        full: Code,
        needed: frozenset[str],
        before: Mapping[str, int],
        counted: set[str],
    ) -> None:
        self._known, self._barred, self._needed = known, barred, needed
        self._name_suffices = needed <= _ALWAYS
        self._left, self._full, self._counted = left, full, counted
        self.taken = 0
        self._before, self._seen = before, dict[str, int]()

    def __call__(self, row: Recipient) -> Recipient:
        if row.code:
            return row
        if code := self._code(row):
            return replace(row, code=code.value, detail=self._detail(row, code))
        self._seen[row.email] = row.row
        self.taken += row.email not in self._counted
        return row

    def _code(self, row: Recipient) -> Code | None:
        email = row.email
        if email in self._seen or email in self._before:
            return Code.DUPLICATE_ROW
        if email in self._known:
            return Code.ALREADY_INVITED
        if email in self._barred:
            return self._barred[email]
        if not (self._name_suffices and row.name) and self._lacking(row):
            return Code.MISSING_FIELD
        full = self._left is not None and self.taken >= self._left and email not in self._counted
        return self._full if full else None

    def _lacking(self, row: Recipient) -> frozenset[str]:
        return self._needed - given(row.email, row.name, row.fields).keys()

    def _detail(self, row: Recipient, code: Code) -> str:
        if code is Code.DUPLICATE_ROW:
            earlier = self._seen.get(row.email) or self._before[row.email]
            return f"email: as in row {earlier}"
        if code is Code.MISSING_FIELD:
            return f"{', '.join(sorted(self._lacking(row)))}: empty, or no such column"[:_DETAIL_MAX]
        return _DETAILS.get(code, "")
