"""Held actions: commands that wait for approval, each with its exact preview and the hash of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from engine.model.actors import Actor
from engine.model.base import Value
from engine.model.events import Override
from engine.model.times import Span


class HeldState(StrEnum):
    """What became of a held action."""

    WAITING = "waiting"
    APPROVED = "approved"
    """It was carried out, as its preview says."""
    REFUSED = "refused"
    EXPIRED = "expired"
    """It was not decided in time; that counts as a No."""
    VOID = "void"
    """What it was about has changed since, so nothing was carried out."""
    REPLACED = "replaced"
    """A newer edit of the same event waits instead, or needs no approval."""


class HoldReason(StrEnum):
    """Why a command waits for approval."""

    ORGANIZER = "organizer_approval"
    """The organizer has changes from their calendar client wait for a yes."""
    MODE = "mode"
    """Everything that the key asks waits: its mode is `hold`, or it is on probation."""
    NO_KEY = "no-live-key"
    """It came by mail from an address whose keys have all ended, or are stopped."""
    BOUNDS = "bounds"
    """A change for people already invited passes a bound of the key: it waits, and is not refused."""
    TRIGGER = "trigger"
    """A rule is standing authority: a key proposes it, and a person makes it live."""
    BULK = "bulk"
    NEW_DOMAIN = "new-domain"
    LINKS = "links"
    OUTSIDE_HOURS = "outside-hours"
    TIME_CHANGES = "time-changes"
    CHANGES = "changes"
    EVERYTHING = "everything"
    """These are what the bounds of the key name."""


class Channel(StrEnum):
    """How somebody decided."""

    PAGE = "page"
    COMMAND_LINE = "command_line"
    KEY = "key"
    FORM = "form"


class ShownTime(Value):
    """When an event takes place, kept as data so that it can be shown in the reader's language."""

    span: Span
    recurrence: str = ""


class Difference(Value):
    """A field that the command changes, as people read it; for a time also the data behind the text."""

    field: str
    before: str
    after: str
    times: tuple[ShownTime, ShownTime] | None = None


class SampleMail(Value):
    """The mail to the first person who is notified, as it will leave, but without its receipt token."""

    to: str
    subject: str
    text: str


LEFT_OUT_AT_ONCE = 20
"""Events of which texts that were left out are held in one unit of work."""


class LeftOutTexts(Value):
    """Texts of an event that were left out, since they link where its key may not; they wait for approval."""

    event_uid: str
    texts: Mapping[str, str]
    dates: tuple[Override, ...] = Field(
        (), description="all changed dates of the series, where one of them links so"
    )
    hosts: tuple[str, ...] = Field(description="to which they link; empty: no approval can allow it")


class HeldPreview(Value):
    """What an approval would carry out: who, how many, what they would read, and what changes."""

    action: str = Field(description="what it does, in a sentence")
    title: str = Field("", description="title of the event that it is about")
    when: str = Field("", description="when that is")
    time: ShownTime | None = Field(None, description="what `when` is told from")
    people: int = Field(0, description="people who are mailed, at least: more may join meanwhile")
    first: tuple[str, ...] = Field((), description="addresses of the first of them")
    left_out: Mapping[str, int] = Field(
        default_factory=dict, description="attendees who hear nothing, by answer"
    )
    differences: tuple[Difference, ...] = ()
    sample: SampleMail | None = None


class HeldCommand(Value):
    """A command as it is kept: its name and its arguments, and what it was about when it was asked for."""

    name: str
    arguments: str = Field(description="JSON")
    event_uid: str = ""
    sequence: int = Field(-1, description="revision of the event that it was asked for; -1: it is about none")
    policy: str = Field("", description="the rule by which it waits, as it was then")
    list_digest: str = Field("", description="hash of the list that it sends; empty: none")

    @property
    def digest(self) -> str:
        """SHA-256, hex: what an approval is bound to."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


class HeldAction(Value):
    """A command that waits for approval, and what became of it."""

    id: str
    code: str = Field(repr=False, description="unguessable; part of the link by which its decider decides")
    actor: Actor = Field(description="who asked for it")
    organizer: str
    key_name: str = Field("", description="name of the key that asked for it")
    attended: bool = Field(False, description="the key's own yes counts: a person attends to its client")
    address: str = Field("", description="who is asked by mail; empty: nobody, so the operator decides")
    command: HeldCommand
    digest: str = Field(description="of `command`")
    reasons: tuple[HoldReason, ...]
    preview: HeldPreview
    words: tuple[str, ...] = Field(
        (), repr=False, description="chance that the preview used, so that it comes true"
    )
    created: datetime
    expires: datetime
    state: HeldState = HeldState.WAITING
    decided: datetime | None = None
    decided_by: str = ""
    channel: Channel | None = None
    why: str = Field("", description="the reason of a No, or why it is void")
    made: str = Field(
        "", description="uid of the event that was made, or id of the campaign that tells of it"
    )
    notified: int = Field(0, description="people who are mailed since it was approved")

    @property
    def for_persons(self) -> bool:
        """True if no key may decide it: the organizer's own approval, and mail that no live key bounds."""
        return bool({HoldReason.ORGANIZER, HoldReason.NO_KEY} & set(self.reasons))

    def state_at(self, now: datetime) -> HeldState:
        """Its state at `now`: without a decision in time it has expired."""
        if self.state is HeldState.WAITING and self.expires <= now:
            return HeldState.EXPIRED
        return self.state


class OrganizerApproval(Value):
    """An organizer whose changes by mail need approval: by `approver`, or by the organizer if that is empty."""

    approver: str = ""
