"""Send from a page: a visitor gives an address, and its owner gets what was chosen, or one mail that asks."""

from __future__ import annotations

from engine.commands.base import Command, Done, Work
from engine.commands.pages.links import refuse_gone
from engine.commands.pages.pages import unknown_page
from engine.commands.pages.visitors import Offer, PageSendDone, send_some, send_to_visitor
from engine.mail.locale.choosing import matched
from engine.mail.locale.language import SOURCE
from engine.mail.locale.language import language as locale
from engine.model.pages import Page, PageRequest
from engine.model.people import Origin
from engine.refusals import Code, Refused
from engine.store.rules import person

CHOSEN_MAX = 1_000
AT_ONCE = 50
"""Invites of one unit of work, or as many as the store takes."""


class SendFromPage(Command[PageSendDone]):
    """Send a visitor the invites that were chosen on a page.

    `by_person`: a person used the form; without it, one mail asks first. `single`: from an event's own page.
    `language`: the tag of the one in which the visitor read the page.
    """

    slug: str
    uids: tuple[str, ...]
    email: str
    by_person: bool = False
    single: bool = False
    consent: bool = False
    language: str = ""

    async def carry_out(self, work: Work) -> PageSendDone:
        """Raises Refused: UNKNOWN_PAGE, INVALID_ADDRESS, EMPTY_LIST, TOO_LARGE, EVENT_CANCELLED, EVENT_FINISHED,
        PERSON_LIMIT, INVALID_ARGUMENT, ORGANIZER_SUSPENDED."""
        page = await published(work, self.slug)
        self._refuse_unasked(page)
        spoken = matched(self.language)
        offer = Offer(
            organizer=page.organizer,
            origin=Origin.LANDINGPAGE if self.single else Origin.MULTIEVENT,
            place=locale(spoken or SOURCE).say("On the page “{title}”", title=page.title),
            language=spoken,
            slug=page.slug,
            consent=f"{page.slug} revision {page.revision}: {page.consent}" if page.consent else "",
        )
        return await send_to_visitor(work, offer, self.uids, self.email, by_person=self.by_person)

    def subject(self) -> str:
        """What the record names it by, without secrets."""
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


class RequestDone(Done):
    """A request after some of it was sent; `limited`: its person has had what a person gets in a day."""

    request: PageRequest
    limited: bool = False


class ConfirmPageRequest(Command[RequestDone]):
    """Send the next invites of a request that the owner of the address confirms; again, until it is done."""

    code: str

    async def carry_out(self, work: Work) -> RequestDone:
        """Raises Refused: CONFIRM_TOKEN_INVALID, UNKNOWN_PAGE, UNKNOWN_LINK, ORGANIZER_SUSPENDED."""
        request = usable(await work.unit.page_request(self.code), work)
        if request.used:
            return RequestDone(request=request)
        if request.link:
            await refuse_gone(work, request.link)
        else:
            await published(work, request.slug)
        await work.refuse_suspended(request.organizer)
        await work.unit.note_confirmed(request.organizer, person(request.email), work.now)
        most = min(AT_ONCE, work.unit.items_per_unit // 2)
        some = request.uids[request.cursor : request.cursor + most]
        done, sent = 0, 0
        for uid in some:
            try:
                sent += await send_some(work, request, [uid], prompted=False)
            except Refused as refused:
                if refused.code is not Code.PERSON_LIMIT:
                    raise
                break
            done += 1
        after = request.model_copy(update={"cursor": request.cursor + done, "sent": request.sent + sent})
        await work.unit.save_page_request(after)
        return RequestDone(request=after, limited=done < len(some))

    def subject(self) -> str:
        """What the record names it by, without secrets."""
        return "page request"


def usable(found: PageRequest | None, work: Work) -> PageRequest:
    """`found`, or Refused(CONFIRM_TOKEN_INVALID) if it is unknown or too old."""
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
