"""Send from a page: a visitor gives an address, and its owner gets what was chosen, or one mail that asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum

from pydantic import Field

from engine.commands import notices, text
from engine.commands.base import Command, Done, Work, refuse_ended
from engine.commands.invites.invites import SendInvite
from engine.commands.pages.pages import unknown_page
from engine.commands.pages.wording import please_confirm
from engine.commands.person_limit import refuse_person_limit
from engine.commands.randomness import TOKEN_LENGTH
from engine.model.actors import Actor
from engine.model.events import Event
from engine.model.pages import Page, PageRequest
from engine.model.people import Origin
from engine.refusals import Code, Refused
from engine.store.rules import PERSON_PROMPTED_DAY, person

FIRST_MAX = 5
"""Invites that an address gets in a day before its owner has confirmed once; with more, one mail asks."""
CHOSEN_MAX = 1_000
AT_ONCE = 50
"""Invites of one unit of work."""
EXPIRES = timedelta(days=7)
_DAY = timedelta(days=1)


class PageOutcome(StrEnum):
    """What a visitor's Send came to."""

    SENT = "sent"
    """Also for an address that wants no mail, or bounced: who asks does not learn it."""
    ASKED = "asked"
    """One mail is on its way; its button sends the rest."""


class PageSendDone(Done):
    """What came of a Send; `count`: the events that were chosen and can still be had."""

    outcome: PageOutcome
    count: int
    failed: int = Field(0, description="events of which no invite can be made on a page")


class SendFromPage(Command[PageSendDone]):
    """Send a visitor the invites that were chosen on a page.

    `by_person`: a person used the form; without it, one mail asks first. `single`: from an event's own page.
    """

    slug: str
    uids: tuple[str, ...]
    email: str
    by_person: bool = False
    single: bool = False
    consent: bool = False

    async def carry_out(self, work: Work) -> PageSendDone:
        """Raises Refused: UNKNOWN_PAGE, INVALID_ADDRESS, EMPTY_LIST, TOO_LARGE, EVENT_CANCELLED, EVENT_FINISHED,
        PERSON_LIMIT, INVALID_ARGUMENT, ORGANIZER_SUSPENDED."""
        page = await published(work, self.slug)
        email = _address(work, self.email)
        self._refuse_unasked(page)
        await work.refuse_suspended(page.organizer)
        events = await _standing(work, page, self.uids)
        if await work.unit.barred(page.organizer, [email]):
            return PageSendDone(outcome=PageOutcome.SENT, count=len(events))
        people = {event.uid: await work.unit.attendee(event.uid, email) for event in events}
        new = [event for event in events if people[event.uid] is None]
        if new and await self._asks_first(work, page, email, len(new)):
            await _ask(work, page, self._request(work, page, email, new), new)
            return PageSendDone(outcome=PageOutcome.ASKED, count=len(new))
        # Whoever was invited before gets no second mail, unless the first was lost; an organizer who withdrew
        # somebody's invite is not overruled.
        standing = [e for e in events if (known := people[e.uid]) is None or known.withdrawn is None]
        request = self._request(work, page, email, standing)
        sent = await _send(work, request, request.uids, prompted=True)
        return PageSendDone(outcome=PageOutcome.SENT, count=len(events), failed=len(standing) - sent)

    def subject(self) -> str:
        return f"page {self.slug[:60]}"

    def _refuse_unasked(self, page: Page) -> None:
        if page.consent and not self.consent:
            raise Refused(
                Code.INVALID_ARGUMENT, "The box below your address is not ticked.", "Tick it if you agree."
            )
        if not self.uids:
            raise Refused(Code.EMPTY_LIST, "Nothing is chosen.", "Tick what you want in your calendar.")
        if len(self.uids) > CHOSEN_MAX:
            raise Refused(
                Code.TOO_LARGE, f"Those are {len(self.uids)} events; {CHOSEN_MAX} can be chosen at once."
            )

    async def _asks_first(self, work: Work, page: Page, email: str, new: int) -> bool:
        """True where a mail asks the owner of the address before anything else is sent."""
        if not self.by_person or new > PERSON_PROMPTED_DAY:
            return True
        who = person(email)
        if await work.unit.confirmed_once(page.organizer, who):
            return False
        owed = (await work.unit.person_mails([email], work.now)).get(who)
        return new + (owed.prompted if owed else 0) > FIRST_MAX

    def _request(self, work: Work, page: Page, email: str, events: Sequence[Event]) -> PageRequest:
        return PageRequest(
            code=work.randomness.word(TOKEN_LENGTH),
            slug=page.slug,
            organizer=page.organizer,
            email=email,
            uids=tuple(event.uid for event in events),
            origin=Origin.LANDINGPAGE if self.single else Origin.MULTIEVENT,
            consent=f"{page.slug} revision {page.revision}: {page.consent}" if page.consent else "",
            created=work.now,
            expires=work.now + EXPIRES,
        )


class RequestDone(Done):
    """A request after some of it was sent; `limited`: its person has had what a person gets in a day."""

    request: PageRequest
    limited: bool = False


class ConfirmPageRequest(Command[RequestDone]):
    """Send the next invites of a request that the owner of the address confirms; again, until it is done."""

    code: str

    async def carry_out(self, work: Work) -> RequestDone:
        """Raises Refused: CONFIRM_TOKEN_INVALID, UNKNOWN_PAGE, ORGANIZER_SUSPENDED."""
        request = usable(await work.unit.page_request(self.code), work)
        if request.used:
            return RequestDone(request=request)
        await published(work, request.slug)
        await work.refuse_suspended(request.organizer)
        await work.unit.note_confirmed(request.organizer, person(request.email), work.now)
        some = request.uids[request.cursor : request.cursor + AT_ONCE]
        done, sent = 0, 0
        for uid in some:
            try:
                sent += await _send(work, request, [uid], prompted=False)
            except Refused as refused:
                if refused.code is not Code.PERSON_LIMIT:
                    raise
                break
            done += 1
        after = request.model_copy(update={"cursor": request.cursor + done, "sent": request.sent + sent})
        await work.unit.save_page_request(after)
        return RequestDone(request=after, limited=done < len(some))

    def subject(self) -> str:
        return "page request"


def usable(found: PageRequest | None, work: Work) -> PageRequest:
    """`found`, or Refused(CONFIRM_TOKEN_INVALID) where it is unknown or too old."""
    if found is None:
        raise Refused(
            Code.CONFIRM_TOKEN_INVALID,
            "There is nothing to confirm with this code.",
            "Ask on the page again.",
        )
    if found.expires <= work.now:
        raise Refused(Code.CONFIRM_TOKEN_INVALID, "This link has expired.", "Ask on the page again.")
    return found


async def published(work: Work, slug: str) -> Page:
    """The published page at `slug`, or Refused(UNKNOWN_PAGE)."""
    page = await work.unit.page(slug)
    if page is None or not page.published:
        raise unknown_page(slug)
    return page


def _address(work: Work, given: str) -> str:
    email = text.address(given)
    if work.settings.is_own_mailbox(email):
        raise Refused(Code.INVALID_ADDRESS, f"{email} is an address of this server.", "Give your own.")
    return email


async def _standing(work: Work, page: Page, uids: Sequence[str]) -> list[Event]:
    """The chosen events that can still be had. Raises Refused where none can."""
    events: list[Event] = []
    why: Refused | None = None
    for uid in dict.fromkeys(uids):
        event = await work.unit.event(uid)
        if event is None or event.organizer != page.organizer:
            continue
        try:
            refuse_ended(event, work.now)
        except Refused as refused:
            why = refused
            continue
        events.append(event)
    if not events:
        raise why or Refused(Code.UNKNOWN_EVENT, "What was chosen is no longer on this page.")
    return events


async def _ask(work: Work, page: Page, request: PageRequest, events: Sequence[Event]) -> None:
    """Owe one mail that asks, unless the same was asked within a day and waits for its answer."""
    waiting = await work.unit.open_page_requests(request.email, work.now - _DAY)
    if any(w.slug == request.slug and set(w.uids) == set(request.uids) for w in waiting):
        return
    await refuse_person_limit(work, request.email, prompted=True)
    await work.unit.save_page_request(request)
    notice = please_confirm(page, request, events, work.settings)
    message = notices.message(work, request.email, page.organizer, notice, None)
    await work.unit.add_messages([message.model_copy(update={"prompted": True})], priority=0)


async def _send(work: Work, request: PageRequest, uids: Sequence[str], *, prompted: bool) -> int:
    """Owe the invites to `uids`; returns how many there were. Raises Refused: PERSON_LIMIT.

    An event that cannot be had any more, or whose text needs what a page does not know, is passed over.
    """
    inside = replace(work, actor=Actor(kind="organizer", address=request.organizer))
    fields = {"consent": request.consent, "consent_at": f"{request.created:%Y-%m-%dT%H:%M:%SZ}"}
    sent = 0
    for uid in uids:
        one = SendInvite(
            uid=uid,
            email=request.email,
            origin=request.origin,
            prompted=prompted,
            fields=fields if request.consent else {},
        )
        try:
            await one.carry_out(inside)
        except Refused as refused:
            if refused.code is Code.PERSON_LIMIT:
                raise
            continue
        sent += 1
    return sent
