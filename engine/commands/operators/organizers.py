"""What the operator settles for an organizer: its name, zone and language, lists, and further addresses of it."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from engine.commands import plan_limits, text
from engine.commands.base import Command, Done, Work
from engine.commands.operators.operators import may_administer
from engine.itip import zones
from engine.mail.locale import choosing
from engine.model.organizers import OrganizerProfile
from engine.model.plans import Enrolment
from engine.refusals import Code, Refused

ADDRESSES_MAX = 20


class OrganizerSettled(Done):
    """An organizer as it is now."""

    profile: OrganizerProfile
    enrolment: Enrolment | None = Field(None, description="the plan that it is on, or was on last")


class SettleOrganizer(Command[OrganizerSettled]):
    """Change an organizer's settings; None leaves one as it is. Mail from `add` then counts as this organizer's."""

    address: str
    name: str | None = None
    timezone: str | None = Field(None, description="IANA name; empty: none")
    language: str | None = Field(None, description="tag such as de or pt-BR; empty: none")
    lists: bool | None = None
    drafts: bool | None = Field(None, description="lists that it mails wait as drafts")
    add: tuple[str, ...] = Field((), max_length=ADDRESSES_MAX)
    remove: tuple[str, ...] = Field((), max_length=ADDRESSES_MAX)
    plan: str | None = Field(None, description="name of a plan of CIS_PLANS; empty: none")
    plan_until: datetime | None = Field(None, description="when it ends; None: as the plan says")

    async def carry_out(self, work: Work) -> OrganizerSettled:
        """Raises Refused: NOT_ALLOWED, INVALID_ADDRESS, INVALID_ARGUMENT, UNKNOWN_TIMEZONE, TOO_MANY, TOO_LARGE."""
        may_administer(work.actor)
        address = text.address(self.address)
        if owner := await work.unit.organizer_of(address):
            raise _invalid(f"{address} is a further address of {owner}.", f"Name {owner}.")
        await work.unit.ensure_organizer(address, "", work.now)
        known = await work.unit.organizer_profile(address)
        assert known is not None, "it was ensured"
        changed = known.model_copy(
            update={**self._changed(), "addresses": await self._addresses(work, known)}
        )
        await work.unit.save_organizer(changed)
        await self._enrol(work, address)
        saved = await work.unit.organizer_profile(address)
        assert saved is not None, "it was there"
        return OrganizerSettled(profile=saved, enrolment=await work.unit.enrolment(address))

    async def _enrol(self, work: Work, address: str) -> None:
        """Put the organizer on the plan that is named, or on none."""
        if self.plan_until and not self.plan:
            raise _invalid("An end is the end of a plan.", "Name the plan too.")
        if self.plan is None:
            return
        if not self.plan:
            await work.unit.end_enrolment(address)
            return
        plan = work.settings.plans_by_name.get(self.plan.strip())
        if plan is None:
            known = ", ".join(sorted(work.settings.plans_by_name)) or "none"
            raise _invalid(f"CIS_PLANS has no plan “{self.plan[:40]}”.", f"It has: {known}.")
        enrolment = plan_limits.enrolled(None, address, plan, work.now)
        own = {"until": self.plan_until} if self.plan_until else {}
        await work.unit.save_enrolment(enrolment.model_copy(update=own))

    def _changed(self) -> dict[str, object]:
        found: dict[str, object] = {}
        if self.name is not None:
            found["name"] = text.name(self.name)
        if self.timezone is not None:
            found["zone"] = zones.require(self.timezone) if self.timezone else ""
        if self.language is not None:
            found["language"] = choosing.require(self.language) if self.language else ""
        if self.lists is not None:
            found["lists"] = self.lists
        if self.drafts is not None:
            found["drafts"] = self.drafts
        return found

    async def _addresses(self, work: Work, known: OrganizerProfile) -> tuple[str, ...]:
        gone = {text.address(one) for one in self.remove}
        added = [text.address(one) for one in self.add]
        for one in added:
            await _refuse_taken(work, known.address, one)
        kept = tuple(sorted({*known.addresses, *added} - gone))
        if len(kept) > ADDRESSES_MAX:
            raise Refused(Code.TOO_MANY, f"An organizer has at most {ADDRESSES_MAX} further addresses.")
        return kept


async def _refuse_taken(work: Work, organizer: str, address: str) -> None:
    """Refuse an address that is somebody else's, or is not one person's to write from."""
    owner = await work.unit.organizer_of(address)
    if owner not in {"", organizer}:
        raise _invalid(f"{address} is a further address of {owner}.", "Take it off there first.")
    if address == organizer or work.settings.is_own_mailbox(address):
        raise _invalid(
            f"{address} is no further address.", "Name an address from which the organizer writes."
        )
    keys = [key for key in await work.unit.keys_for(address) if not key.api]
    if keys or await work.unit.knows_organizer(address):
        raise _invalid(
            f"{address} organizes events itself, or a key acts for it.",
            "Name an address that has none of these.",
        )


def _invalid(why: str, hint: str) -> Refused:
    return Refused(Code.INVALID_ARGUMENT, why, hint)


async def refuse_lists(work: Work, organizer: str) -> None:
    """Refuse with NOT_ALLOWED a list of an organizer who may not send any."""
    profile = await work.unit.organizer_profile(organizer)
    if profile is not None and not profile.lists:
        raise Refused(
            Code.NOT_ALLOWED,
            "This organizer may not send to lists.",
            "Invite people one by one, or ask the operator for that right.",
        )
