"""Make and change campaign links, count who opens them, and send what their button promises."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from engine.commands import text
from engine.commands.agents.bounds import refuse_links, refuse_links_that_wait
from engine.commands.base import Command, Done, Work, refuse_ended
from engine.commands.pages import texts
from engine.commands.pages.landings import allowed_address
from engine.commands.pages.visitors import Offer, PageSendDone, send_to_visitor
from engine.commands.randomness import TOKEN_LENGTH, short_id
from engine.commands.repeating import digest_of, made_before, remember
from engine.mail.locale.choosing import matched
from engine.mail.locale.language import SOURCE
from engine.mail.locale.language import language as locale
from engine.model.campaign_links import BUDGET, BUTTON, EVENTS_MAX, CampaignLink
from engine.model.people import Origin
from engine.refusals import Code, Refused

NAME_MAX = 100
BUTTON_MAX = 40
_BUDGET_MAX = 10_000_000
_KEY_LENGTH = 32


class LinkDone(Done):
    """A link as it is now, and which of its fields changed."""

    link: CampaignLink
    changed: tuple[str, ...] = ()


class CreateLink(Command[LinkDone]):
    """Make a link to put into newsletters: its page shows the events and one button that sends them.

    `landing`: slug of a page of the organizer's, or an address on a host that was allowed.
    """

    name: str
    events: tuple[str, ...]
    vendor: str
    origin: Origin = Origin.EMAILCTA
    button: str = BUTTON
    landing: str = ""
    budget: int = BUDGET
    signed: bool = False
    idempotency_key: str | None = Field(None, max_length=200)

    async def carry_out(self, work: Work) -> LinkDone:
        """Raises Refused: NOT_ALLOWED, UNKNOWN_EVENT, EVENT_CANCELLED, EVENT_FINISHED, TOO_LARGE, EMPTY_LIST,
        INVALID_ARGUMENT, URL_NOT_ALLOWED, OUT_OF_BOUNDS, ORGANIZER_SUSPENDED, IDEMPOTENCY_CONFLICT."""
        work.require("publish")
        if before := await made_before(work, self.idempotency_key, digest_of(self)):
            return LinkDone(link=await owned_link(work, before))
        uids, organizer = await _events(work, self.events)
        await work.refuse_suspended(organizer)
        link = CampaignLink(
            id=short_id(work.randomness),
            token=work.randomness.word(TOKEN_LENGTH),
            name=_line(self.name, "name", NAME_MAX),
            organizer=organizer,
            uids=uids,
            vendor=self.vendor,
            origin=self.origin,
            button=_line(self.button, "button", BUTTON_MAX),
            landing=await _landing(work, organizer, self.landing),
            budget=_budget(self.budget),
            key=work.randomness.word(_KEY_LENGTH) if self.signed else "",
            created=work.now,
            changed=work.now,
        )
        refuse_links(work, work.bounds, [link.button, link.landing])
        refuse_links_that_wait(work, [link.button, link.landing])
        await work.unit.save_link(link)
        await remember(work, self.idempotency_key, digest_of(self), link.id)
        return LinkDone(link=link, changed=("id",))


class UpdateLink(Command[LinkDone]):
    """Change a link, end it, or put it back; what is left out stays, and so does its address."""

    link: str = Field(description="its id")
    name: str | None = None
    events: tuple[str, ...] | None = None
    button: str | None = None
    landing: str | None = None
    budget: int | None = None
    active: bool | None = None

    async def carry_out(self, work: Work) -> LinkDone:
        """Raises Refused: UNKNOWN_LINK, and as CreateLink."""
        work.require("publish")
        old = await owned_link(work, self.link)
        values = await self._values(work, old)
        changed = tuple(sorted(name for name, value in values.items() if getattr(old, name) != value))
        if not changed:
            return LinkDone(link=old)
        new = old.model_copy(update={**values, "changed": work.now})
        refuse_links(work, work.bounds, [new.button, new.landing])
        refuse_links_that_wait(
            work, [getattr(new, name) for name in ("button", "landing") if name in changed]
        )
        await work.unit.save_link(new)
        return LinkDone(link=new, changed=changed)

    async def _values(self, work: Work, old: CampaignLink) -> dict[str, object]:
        values: dict[str, object] = {}
        if self.events is not None:
            values["uids"], organizer = await _events(work, self.events)
            if organizer != old.organizer:
                raise Refused(Code.UNKNOWN_EVENT, f"{old.organizer} has no such event.")
        if self.name is not None:
            values["name"] = _line(self.name, "name", NAME_MAX)
        if self.button is not None:
            values["button"] = _line(self.button, "button", BUTTON_MAX)
        if self.landing is not None:
            values["landing"] = await _landing(work, old.organizer, self.landing)
        if self.budget is not None:
            values["budget"] = _budget(self.budget)
        if self.active is not None:
            values["active"] = self.active
        return values

    def subject(self) -> str:
        """What the record names it by, without secrets."""
        return f"link {self.link[:60]}"


class LinkSeen(Done):
    """Only a counter changed."""


class CountLinkView(Command[LinkSeen]):
    """Count that somebody, or a program, opened a link; `unmerged`: without an address that was filled in."""

    in_record = False

    link: str
    unmerged: bool = False

    async def carry_out(self, work: Work) -> LinkSeen:
        """Refuses nothing."""
        await work.unit.count_link(self.link, shown=1, unmerged=int(self.unmerged))
        return LinkSeen()


class SendFromLink(Command[PageSendDone]):
    """Send whoever pressed the button of a link its invites, or one mail that asks.

    `signature`: by which the mail service vouches for `email`. `by_person`: a person used the form. `language`: the
    tag of the one in which they read the page.
    """

    token: str
    email: str
    signature: str = ""
    by_person: bool = False
    language: str = ""

    async def carry_out(self, work: Work) -> PageSendDone:
        """Raises Refused: UNKNOWN_LINK, INVALID_ADDRESS, EVENT_CANCELLED, EVENT_FINISHED, PERSON_LIMIT,
        ORGANIZER_SUSPENDED."""
        link = await work.unit.link_by_token(self.token)
        if link is None or not link.active:
            raise unknown_link()
        signed, spoken = link.signs(self.email, self.signature), matched(self.language)
        offer = Offer(
            organizer=link.organizer,
            origin=link.origin,
            place=locale(spoken or SOURCE).say("By the button of a newsletter"),
            link=link.id,
            certain=signed,
            language=spoken,
        )
        trusted = signed if link.key else await self._within_budget(work, link)
        done = await send_to_visitor(work, offer, link.uids, self.email, by_person=self.by_person and trusted)
        await work.unit.count_link(link.id, pressed=1)
        return done

    async def _within_budget(self, work: Work, link: CampaignLink) -> bool:
        return not link.budget or await work.unit.link_pressed(link.id) < link.budget

    def subject(self) -> str:
        """What the record names it by, without secrets."""
        return "campaign link"


async def owned_link(work: Work, link_id: str) -> CampaignLink:
    """The link with this id, or Refused(UNKNOWN_LINK), also for one of somebody else."""
    link = await work.unit.link(link_id.strip().lower())
    if link is None or not work.actor.owns(link.organizer):
        raise unknown_link(link_id)
    return link


async def refuse_gone(work: Work, link_id: str) -> None:
    """Refuse with UNKNOWN_LINK if the link was ended."""
    link = await work.unit.link(link_id)
    if link is None or not link.active:
        raise unknown_link()


def unknown_link(link_id: str = "") -> Refused:
    """The refusal of an id that names no link (UNKNOWN_LINK)."""
    named = f"There is no link “{link_id[:60]}”." if link_id else "This link is no longer in use."
    return Refused(Code.UNKNOWN_LINK, named)


async def _events(work: Work, names: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """The uids of events that stand, in order of their start, and whose they are. Raises Refused."""
    if not names:
        raise Refused(Code.EMPTY_LIST, "The link has no event.", "Name at least one.")
    if len(names) > EVENTS_MAX:
        raise Refused(
            Code.TOO_LARGE,
            f"{len(names)} events are too many; a link has at most {EVENTS_MAX}.",
            "Make a schedule page, and link to it.",
        )
    found = [await work.owned_event(name) for name in dict.fromkeys(names)]
    for event in found:
        refuse_ended(event, work.now)
    if len({event.organizer for event in found}) > 1:
        raise Refused(
            Code.INVALID_ARGUMENT,
            "Those are events of several organizers.",
            "Make a link for each organizer.",
        )
    found.sort(key=lambda event: (event.span.start_utc, event.uid))
    return tuple(dict.fromkeys(event.uid for event in found)), found[0].organizer


async def _landing(work: Work, organizer: str, given: str) -> str:
    """A page of the organizer's by its slug, or an allowed address. Raises Refused: UNKNOWN_PAGE, URL_NOT_ALLOWED."""
    given = given.strip()
    if not set(given) & set("./:"):
        page = await work.unit.page(given.lower()) if given else None
        if given and (page is None or page.organizer != organizer):
            raise Refused(Code.UNKNOWN_PAGE, f"There is no page “{given[: texts.SLUG_MAX]}”.")
        return given.lower()
    found = allowed_address(work.settings, given, await work.unit.landing_hosts(organizer))
    if not found:
        raise Refused(
            Code.URL_NOT_ALLOWED,
            f"“{given[:80]}” is not on an allowed host.",
            "Name one of your pages by its slug, or allow the host first.",
        )
    return found


def _line(value: str, what: str, limit: int) -> str:
    value = " ".join(text.bounded(value, what, limit).split())
    if not value:
        raise Refused(Code.INVALID_ARGUMENT, f"{what} is empty.", "Give a few words.")
    return value


def _budget(value: int) -> int:
    if not 0 <= value <= _BUDGET_MAX:
        raise Refused(
            Code.INVALID_ARGUMENT,
            f"budget is {value}.",
            f"Give a number up to {_BUDGET_MAX:,}; 0 means no limit.",
        )
    return value
