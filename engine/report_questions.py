"""Questions about the whole installation: its organizers, their domains, and its figures."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection

from engine.commands.operators.operators import may_administer, may_see_all
from engine.model.actors import Actor
from engine.model.counters import DomainBrief, Figures, KeptSums, OrganizerBrief
from engine.model.events import Event
from engine.model.organizers import OrganizerProfile
from engine.model.queries import EventName
from engine.model.timing import AnswerTimes, SendHour
from engine.refusals import Code, Refused
from engine.store.protocol import Store


class ReportQuestions:
    """The questions of whoever may see several organizers, or watches the server."""

    store: Store

    @abstractmethod
    async def event(self, uid: str, actor: Actor) -> Event:
        """The event that `uid` names."""

    async def event_names(self, uids: Collection[str]) -> dict[str, EventName]:
        """What events are called by their uid, for texts about events that the caller was shown."""
        return await self.store.event_names(uids)

    async def answer_times(self, uid: str, actor: Actor) -> AnswerTimes:
        """How long after their invite the people of an event answered. Raises Refused: UNKNOWN_EVENT."""
        return await self.store.answer_times((await self.event(uid, actor)).uid)

    async def report_sent(self, uid: str, actor: Actor) -> bool:
        """True if a mail server took a report of the event. Raises Refused: UNKNOWN_EVENT."""
        return await self.store.report_sent((await self.event(uid, actor)).uid)

    async def profile(self, organizer: str, actor: Actor) -> OrganizerProfile:
        """The operator's settings for an organizer. Raises Refused: NOT_ALLOWED."""
        may_administer(actor)
        return await self.store.organizer_profile(organizer) or OrganizerProfile(address=organizer)

    async def zone_of(self, organizer: str) -> str:
        """The organizer's time zone, as the operator set it; otherwise UTC."""
        profile = await self.store.organizer_profile(organizer)
        return (profile.zone if profile else "") or "UTC"

    async def send_hours(self, scope: str, key: str, actor: Actor) -> list[SendHour]:
        """The hours in which invites of an event or an organizer were sent, and the answers to them.

        Raises Refused: UNKNOWN_EVENT, NOT_ALLOWED.
        """
        if scope == "event":
            return await self.store.send_hours("event", (await self.event(key, actor)).uid)
        if not (actor.may_read and actor.owns(key)):
            raise Refused(Code.NOT_ALLOWED, "Those are another organizer's.")
        return await self.store.send_hours("organizer", key)

    async def organizers(
        self, actor: Actor, *, domain: str = "", beginning: str = "", limit: int = 50, after: str = ""
    ) -> list[OrganizerBrief]:
        """Organizers by address, of one domain if given, whose address begins so, in order.

        Operators see all of them, the owner of a domain those of the domain, anyone else themselves.
        Raises Refused: NOT_ALLOWED.
        """
        if not actor.may_read:
            raise Refused(Code.NOT_ALLOWED, "This key may not read: it lacks “read”.")
        domain, beginning = domain.strip().lower().removeprefix("@"), beginning.strip().lower()
        if actor.domain:
            if domain not in {"", actor.domain}:
                raise Refused(Code.NOT_ALLOWED, f"You see only the organizers at {actor.domain}.")
            domain = actor.domain
        elif not may_see_all(actor):
            own = await self.store.organizers(actor.address.rpartition("@")[2], actor.address, 1)
            return [one for one in own if one.address == actor.address and after < one.address]
        return await self.store.organizers(domain, beginning, limit, after)

    async def organizer_domains(self, actor: Actor, limit: int = 50) -> list[DomainBrief]:
        """The domains with the most organizers, largest first. Raises Refused: NOT_ALLOWED."""
        may_administer(actor)
        return await self.store.organizer_domains(limit)

    async def figures(self) -> Figures:
        """Counters of the whole system, for those who watch the server."""
        return await self.store.figures()

    async def kept_sums(self) -> KeptSums:
        """How many mails that changed nothing are kept, for those who watch the server."""
        return await self.store.kept_sums()
