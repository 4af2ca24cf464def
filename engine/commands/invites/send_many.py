"""Invite one person to several events in one go."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from engine.commands import text
from engine.commands.base import Command, Done, Work
from engine.commands.invites.invites import InviteDone, SendInvite
from engine.model.base import Value
from engine.model.people import Origin
from engine.refusals import Code, Refused

EVENTS_MAX = 50


class InviteRefusal(Value):
    """Why one of several invites was refused: nothing of it changed, nothing of it will be sent."""

    code: Code
    message: str
    hint: str = ""
    bound: str = ""

    @classmethod
    def of(cls, refused: Refused) -> InviteRefusal:
        """The refusal of one event, as data."""
        return cls(code=refused.code, message=refused.message, hint=refused.hint, bound=refused.bound)

    @property
    def refused(self) -> Refused:
        """The refusal as it is raised."""
        return Refused(self.code, self.message, self.hint, self.bound)


class Invited(Value):
    """What came of one of several invites: it is there, or was turned down."""

    uid: str
    done: InviteDone | None = None
    refusal: InviteRefusal | None = None


class InvitesDone(Done):
    """What came of each invite, in the order of the uids."""

    email: str
    invites: tuple[Invited, ...]


class SendInvites(Command[InvitesDone]):
    """Invite one person to up to 50 events: in one unit of work, each sent or turned down by itself."""

    uids: tuple[str, ...]
    email: str
    name: str = ""
    fields: Mapping[str, str] = Field(default_factory=dict)
    origin: Origin = Origin.API
    note: str = ""

    async def carry_out(self, work: Work) -> InvitesDone:
        """Raises Refused: NOT_ALLOWED, INVALID_ADDRESS, EMPTY_LIST, TOO_LARGE; then nobody is invited."""
        work.require("send")
        email = text.address(self.email)
        invites = [await self._invited(work, uid) for uid in self._each()]
        return InvitesDone(email=email, invites=tuple(invites))

    def subject(self) -> str:
        """What the record names it by, without secrets."""
        return ",".join(uid if len(uid) <= 40 else f"{uid[:40]}…" for uid in self._each())

    def _each(self) -> list[str]:
        uids = list(dict.fromkeys(self.uids))
        if not uids:
            raise Refused(Code.EMPTY_LIST, "No event is named.", "Name at least one.")
        if len(uids) > EVENTS_MAX:
            raise Refused(
                Code.TOO_LARGE,
                f"{len(uids)} events are too many; one call invites to at most {EVENTS_MAX}.",
                "Call again for each part of the list, or search with a smaller limit.",
            )
        return uids

    async def _invited(self, work: Work, uid: str) -> Invited:
        """A refusal comes before anything of that invite is written, so that the others can stand."""
        one = SendInvite(
            uid=uid,
            email=self.email,
            name=self.name,
            fields=self.fields,
            origin=self.origin,
            note=self.note,
        )
        try:
            done = await one.carry_out(work)
        except Refused as refused:
            return Invited(uid=uid, refusal=InviteRefusal.of(refused))
        return Invited(uid=done.attendee.event_uid, done=done)
