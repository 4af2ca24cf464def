"""What a visitor asks for, on a page or by a link: invites, or one mail that asks the owner of the address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from pydantic import Field

from engine.commands import notices, text
from engine.commands.agents.bounds import standing_for
from engine.commands.base import Done, Work, refuse_ended
from engine.commands.invites.invites import SendInvite
from engine.commands.invites.places import full, may_book_again, places_left
from engine.commands.pages.wording import line, please_confirm
from engine.commands.person_limit import refuse_person_limit
from engine.commands.randomness import TOKEN_LENGTH
from engine.mail.locale.language import SOURCE
from engine.mail.locale.language import language as locale
from engine.model.actors import Actor
from engine.model.bounds import Mode
from engine.model.events import Event
from engine.model.pages import PageRequest
from engine.model.people import Origin
from engine.refusals import Code, Refused
from engine.store.rules import PERSON_PROMPTED_DAY, person

EXPIRES = timedelta(days=7)
_DAY = timedelta(days=1)
_NAMED = 3
"""Events that a refusal names."""


class PageOutcome(StrEnum):
    """The outcome of a visitor's Send."""

    SENT = "sent"
    """Also for an address that wants no mail, or bounced: who asks does not learn it."""
    ASKED = "asked"
    """One mail is on its way; its button sends the rest."""


class PageSendDone(Done):
    """The outcome of a Send; `count`: the chosen events that are still available."""

    outcome: PageOutcome
    count: int
    failed: int = Field(0, description="events of which no invite can be made on a page")


@dataclass(frozen=True)
class Offer:
    """Where a visitor asks, and on whose behalf: a page by its slug, or a link by its id.

    `place` names it in the mail that asks. `certain`: the address is known to be on the organizer's list.
    `language`: the tag of the one in which they read it.
    """

    organizer: str
    origin: Origin
    place: str
    slug: str = ""
    link: str = ""
    consent: str = ""
    certain: bool = False
    language: str = ""


async def send_to_visitor(
    work: Work, offer: Offer, uids: Sequence[str], email: str, *, by_person: bool
) -> PageSendDone:
    """Owe a visitor the invites to events, or one mail that asks; `by_person`: a person used the form.

    Raises Refused: INVALID_ADDRESS, EVENT_CANCELLED, EVENT_FINISHED, EVENT_FULL, UNKNOWN_EVENT, PERSON_LIMIT,
    ORGANIZER_SUSPENDED.
    """
    email = _address(work, email)
    await work.refuse_suspended(offer.organizer)
    events = await _with_places(work, offer, await _standing(work, offer.organizer, uids))
    if await work.unit.barred(offer.organizer, [email]):
        return PageSendDone(outcome=PageOutcome.SENT, count=len(events))
    people = {event.uid: await work.unit.attendee(event.uid, email) for event in events}
    new = [event for event in events if people[event.uid] is None and await _may_have(work, event, email)]
    if not new and not any(people.values()):
        # Beyond the bounds of the keys that made the events: as for an address that wants no mail.
        return PageSendDone(outcome=PageOutcome.SENT, count=len(events))
    if new and (not by_person or await _asks_first(work, offer, email, len(new))):
        await _ask(work, offer, _request(work, offer, email, new), new)
        return PageSendDone(outcome=PageOutcome.ASKED, count=len(new))
    # Whoever was invited before gets no second mail, unless the first was lost; an organizer who withdrew
    # somebody's invite is not overruled.
    standing = [e for e in events if (known := people[e.uid]) is None or await may_book_again(work, known)]
    request = _request(work, offer, email, standing)
    sent = await send_some(work, request, request.uids, prompted=True)
    return PageSendDone(outcome=PageOutcome.SENT, count=len(events), failed=len(standing) - sent)


async def _may_have(work: Work, event: Event, email: str) -> bool:
    """True if the keys that made the event may mail the address, so that it is worth a question."""
    standing = await standing_for(work, event)
    return standing.mode(work.now) is Mode.OBSERVE or standing.may_mail(email)


async def _asks_first(work: Work, offer: Offer, email: str, new: int) -> bool:
    """True if a mail asks the owner of the address before anything else is sent."""
    if new > min(PERSON_PROMPTED_DAY, work.unit.items_per_unit // 2):
        return True
    who = person(email)
    if offer.certain or await work.unit.confirmed_once(offer.organizer, who):
        return False
    owed = (await work.unit.person_mails([email], work.now)).get(who)
    return new + (owed.prompted if owed else 0) > work.settings.first_contact_max


def _request(work: Work, offer: Offer, email: str, events: Sequence[Event]) -> PageRequest:
    return PageRequest(
        code=work.randomness.word(TOKEN_LENGTH),
        slug=offer.slug,
        link=offer.link,
        organizer=offer.organizer,
        email=email,
        uids=tuple(event.uid for event in events),
        origin=offer.origin,
        consent=offer.consent,
        language=offer.language,
        created=work.now,
        expires=work.now + EXPIRES,
    )


def _address(work: Work, given: str) -> str:
    email = text.address(given)
    if work.settings.is_own_mailbox(email):
        raise Refused(Code.INVALID_ADDRESS, f"{email} is an address of this server.", "Give your own.")
    return email


async def _standing(work: Work, organizer: str, uids: Sequence[str]) -> list[Event]:
    """The chosen events that can still be had. Raises Refused if none can."""
    events: list[Event] = []
    why: Refused | None = None
    for uid in dict.fromkeys(uids):
        event = await work.unit.event(uid)
        if event is None or event.organizer != organizer:
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


async def _with_places(work: Work, offer: Offer, events: Sequence[Event]) -> Sequence[Event]:
    """The events of which a place is free. Raises Refused: EVENT_FULL.

    On a page, whose visitor may choose others, one that is full is enough for that. Whether the address has a
    place already is not looked at: who asks would learn it.
    """
    taken = [event for event in events if await places_left(work, event) == 0]
    if taken and (len(taken) == len(events) or not offer.link):
        refused = full(taken[0])
        if len(events) == 1:
            raise refused
        named = ", ".join(line(event) for event in taken[:_NAMED])
        rest = f" and {len(taken) - _NAMED} more" if len(taken) > _NAMED else ""
        raise Refused(
            refused.code, f"No place is free any more: {named}{rest}.", "Nothing was sent; send the others."
        )
    return [event for event in events if event not in taken]


async def _ask(work: Work, offer: Offer, request: PageRequest, events: Sequence[Event]) -> None:
    """Owe one mail that asks, unless the same was asked within a day and waits for its answer."""
    waiting = await work.unit.open_page_requests(request.email, work.now - _DAY)
    if any(
        (w.slug, w.link) == (request.slug, request.link) and set(w.uids) == set(request.uids) for w in waiting
    ):
        return
    await refuse_person_limit(work, request.email, prompted=True)
    await work.unit.save_page_request(request)
    notice = please_confirm(offer.place, request, events, work.settings, locale(offer.language or SOURCE))
    message = notices.message(work, request.email, offer.organizer, notice, None)
    await work.unit.add_messages([message.model_copy(update={"prompted": True})], priority=0)


async def _fields(work: Work, request: PageRequest) -> dict[str, str]:
    """What is kept of a visitor: what they agreed to; and their language, where the organizer has set none."""
    found: dict[str, str] = {}
    if request.consent:
        found = {"consent": request.consent, "consent_at": f"{request.created:%Y-%m-%dT%H:%M:%SZ}"}
    spoken = request.language not in {"", SOURCE}
    if spoken and not await work.unit.organizer_language(request.organizer):
        found[text.LANGUAGE] = request.language
    return found


async def send_some(work: Work, request: PageRequest, uids: Sequence[str], *, prompted: bool) -> int:
    """Owe the invites to `uids`; returns how many there were. Raises Refused: PERSON_LIMIT.

    An event that cannot be had any more, or whose text needs what a page does not know, is passed over.
    """
    inside = replace(work, actor=Actor(kind="organizer", address=request.organizer))
    fields = await _fields(work, request)
    sent = 0
    for uid in uids:
        one = SendInvite(
            uid=uid,
            email=request.email,
            origin=request.origin,
            prompted=prompted,
            fields=fields,
        )
        try:
            done = await one.carry_out(inside)
        except Refused as refused:
            if refused.code is Code.PERSON_LIMIT:
                raise
            continue
        if request.link and not done.already:
            await work.unit.note_link_invite(request.link, done.attendee.token)
        sent += 1
    return sent
