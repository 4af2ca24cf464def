"""Organizers as data, and as a line of text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import Field

from cis_mcp.views.base import Data
from cis_mcp.views.events import utc
from engine.model import cursors
from engine.model.counters import OrganizerBrief
from engine.model.organizers import OrganizerProfile
from engine.model.plans import Enrolment


class OrganizerInfo(Data):
    """An organizer in a list."""

    address: str
    invited: int = Field(description="people invited to its events")


class OrganizerList(Data):
    """Organizers in the order of their addresses."""

    organizers: list[OrganizerInfo]
    next_cursor: str | None


class OrganizerProfileInfo(Data):
    """An organizer as it is now."""

    address: str
    name: str
    timezone: str = Field(description="empty: none")
    language: str = Field(description="tag; empty: none")
    lists: bool = Field(description="may send to lists")
    drafts: bool = Field(False, description="lists that it mails to bulk@ wait as drafts")
    plan: str = Field("", description="plan it is on, or was on last; empty: none")
    plan_until: str | None = Field(None, description="null: the plan does not end")
    suspended: bool
    registered: bool
    addresses: list[str] = Field(description="further addresses")


class SuspendedOrganizer(Data):
    """An organizer and whether its mail is stopped."""

    address: str
    suspended: bool


class RegisteredOrganizer(Data):
    """An organizer that may create events by mail."""

    address: str
    mails: int = Field(description="waiting mails that are processed now")


def organizer_list(found: Sequence[OrganizerBrief], limit: int) -> OrganizerList:
    """A page of organizers; `found` holds one more than `limit` if there are more."""
    shown = found[:limit]
    more = len(found) > limit
    return OrganizerList(
        organizers=[OrganizerInfo(address=one.address, invited=one.invited) for one in shown],
        next_cursor=cursors.written(shown[-1].address) if more else None,
    )


def after_organizer(cursor: str | None) -> str:
    """The address after which a page starts. Raises Refused: INVALID_CURSOR."""
    return str(cursors.opened(cursor, str, longest=800)[0]) if cursor else ""


def profile_info(profile: OrganizerProfile, enrolment: Enrolment | None = None) -> OrganizerProfileInfo:
    """An organizer's settings as data."""
    return OrganizerProfileInfo(
        address=profile.address,
        name=profile.name,
        timezone=profile.zone,
        language=profile.language,
        lists=profile.lists,
        drafts=profile.drafts,
        plan=enrolment.plan if enrolment else "",
        plan_until=utc(enrolment.until) if enrolment and enrolment.until else None,
        suspended=profile.suspended,
        registered=profile.registered,
        addresses=list(profile.addresses),
    )


def organizer_line(
    profile: OrganizerProfile, enrolment: Enrolment | None = None, now: datetime | None = None
) -> str:
    """An organizer's settings as a line of text."""
    facts = [
        f"named {' '.join(profile.name.split())}" if profile.name else "",
        f"zone {profile.zone}" if profile.zone else "",
        f"language {profile.language}" if profile.language else "",
        "may send to lists" if profile.lists else "may not send to lists",
        "lists that it mails wait as drafts" if profile.drafts else "",
        "suspended" if profile.suspended else "",
        plan_line(enrolment, now),
        f"also writes from {', '.join(profile.addresses)}" if profile.addresses else "",
    ]
    return f"{profile.address}: {'; '.join(filter(None, facts))}."


def plan_line(enrolment: Enrolment | None, now: datetime | None = None) -> str:
    """The plan of an organizer, and when it ends or ended; empty without one."""
    if enrolment is None:
        return ""
    ends = f" until {enrolment.until:%Y-%m-%d %H:%M} UTC" if enrolment.until else ""
    over = now is not None and not enrolment.in_force(now)
    return f"plan {enrolment.plan}{ends}{', which is over' if over else ''}"
