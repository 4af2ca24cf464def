"""Bulk sends: a draft that judges every row, then a campaign that is started, paused, resumed, cancelled."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from pydantic import Field, PrivateAttr

from engine.commands import bulk_changes
from engine.commands.agents import bounds, budgets
from engine.commands.base import Apply, Command, Done, Work
from engine.commands.campaigns import telling, uploading
from engine.commands.campaigns import validation as judging
from engine.commands.campaigns.uploading import Uploaded
from engine.commands.composing import personal_values
from engine.commands.operators.organizers import refuse_lists
from engine.commands.randomness import CAMPAIGN_ID_LENGTH
from engine.itip import personal
from engine.model import record
from engine.model.bulk_changes import BulkAction, BulkChange
from engine.model.campaigns import Campaign, CampaignState
from engine.model.events import Event
from engine.model.held import HeldState
from engine.model.list_rows import ListRow, Recipient
from engine.model.messages import Fanout, Kind
from engine.model.people import Attendee, Origin
from engine.process import pools
from engine.refusals import Code, Refused

ROWS_MAX = 1_000_000
_WAITING_MAX = 100
_UNSEEN_S = 10


class CampaignDone(Done):
    """A campaign, the event it sends, and for a draft: the token that starts it and a sample recipient."""

    campaign: Campaign
    event: Event
    confirm_token: str = ""
    sample: Recipient | None = None

    def recorded(self, salt: bytes) -> dict[str, object]:
        """The campaign, the length of its list, and a commitment to every row of it."""
        c = self.campaign
        listed = {"total": c.total, "valid": c.valid, "list": record.commitment(c.digest.encode(), salt)}
        return {"campaign": {"id": c.id, "state": c.state.value, **listed}}


class DraftCampaign(Command[CampaignDone]):
    """Judge a list for an event; nothing is sent before `ControlCampaign` starts it."""

    free: ClassVar[bool] = True

    uid: str
    recipients: Sequence[ListRow]
    origin: Origin = Origin.BULK
    rate: float | None = Field(None, gt=0)
    at: datetime | None = None
    report_to: str | None = None
    _rows: list[Recipient] = PrivateAttr(default_factory=list)
    _uploaded: list[Uploaded] = PrivateAttr(default_factory=list)

    def committed(self) -> bytes:
        """What was asked but for the rows, to which the row of the draft commits by their digest."""
        return self.model_dump_json(exclude={"recipients"}).encode(errors="surrogatepass")

    async def prepare(self) -> None:
        """Read the rows, in a thread: a hundred thousand addresses take seconds."""
        self._rows[:] = await pools.LISTS.run(judging.read_rows, self.recipients[: ROWS_MAX + 1])

    async def upload(self, apply: Apply) -> None:
        """Keep a long list in parts; a short one is kept with its draft."""
        uploaded = await uploading.upload(apply, self._usable, self._rows, self.origin)
        self._uploaded[:] = [uploaded] if uploaded else []

    async def carry_out(self, work: Work) -> CampaignDone:
        """Raises Refused: UNKNOWN_EVENT, EVENT_CANCELLED, EVENT_FINISHED, EMPTY_LIST, TOO_LARGE, INVALID_TIME."""
        event = await self._usable(work)
        for uploaded in self._uploaded:
            uploading.refuse_changed(event, uploaded.sequence)
            return await self._draft(work, event, uploaded.rows, uploaded.campaign_id)
        judged = await judging.judged(work, event, self._rows, self.origin)
        return await self._draft(work, event, judged.rows)

    async def _usable(self, work: Work) -> Event:
        work.require("bulk")
        event = await work.standing_event(self.uid)
        await refuse_lists(work, event.organizer)
        self._refuse_unusable(event, work.now)
        return event

    async def _draft(
        self, work: Work, event: Event, rows: list[Recipient], uploaded: str = ""
    ) -> CampaignDone:
        """The draft of a list whose rows are in the store already, under the id `uploaded`, or come with it."""
        good = [r for r in rows if not r.code]
        campaign = Campaign(
            id=uploaded or work.randomness.word(CAMPAIGN_ID_LENGTH),
            event_uid=event.uid,
            organizer=event.organizer,
            origin=self.origin,
            total=len(rows),
            valid=len(good),
            created=work.now,
            at=self.at,
            rate=self.rate,
            digest=_digest(rows),
            report_to=self.report_to,
            key=work.caused_by(event),
        )
        await _refuse_large(work, event, len(good))
        await work.unit.add_campaign(campaign, () if uploaded else rows)
        token = confirm_token(campaign, event)
        sample = good[0] if good else None
        return CampaignDone(campaign=campaign, event=event, confirm_token=token, sample=sample)

    def _refuse_unusable(self, event: Event, now: datetime) -> None:
        if not self.recipients:
            raise Refused(Code.EMPTY_LIST, "The list has no recipients.", "Give at least one email address.")
        if len(self.recipients) > ROWS_MAX:
            raise Refused(Code.TOO_LARGE, f"The list has more than {ROWS_MAX} rows.", "Split it.")
        refuse_time(self.at, event, now)


class ScheduleCampaign(Command[CampaignDone]):
    """Set when a draft begins once it is started, and how fast it sends; this changes its confirm token."""

    campaign_id: str
    at: datetime | None = None
    rate: float | None = Field(None, gt=0)

    async def carry_out(self, work: Work) -> CampaignDone:
        """Raises Refused: NOT_ALLOWED, UNKNOWN_CAMPAIGN, CAMPAIGN_STATE, INVALID_TIME."""
        work.require("bulk")
        campaign, event = await _owned_campaign(work, self.campaign_id)
        if campaign.state is not CampaignState.DRAFT:
            raise Refused(
                Code.CAMPAIGN_STATE, f"A campaign that is {campaign.state} cannot start at another time."
            )
        refuse_time(self.at, event, work.now)
        campaign = campaign.model_copy(update={"at": self.at, "rate": self.rate})
        await work.unit.save_campaign(campaign)
        return CampaignDone(campaign=campaign, event=event)


def refuse_time(at: datetime | None, event: Event, now: datetime) -> None:
    """Refuse with INVALID_TIME a time at which no campaign of `event` can begin."""
    if at and at.tzinfo is None:
        raise Refused(Code.INVALID_TIME, "“at” has no offset from UTC.", "Add one, such as +02:00.")
    if at and event.ends_at and at >= event.ends_at:
        raise Refused(
            Code.INVALID_TIME, "The campaign would start after the end of the event.", "Give an earlier “at”."
        )
    if at and at < now:
        raise Refused(Code.INVALID_TIME, "“at” is in the past.", "Leave it out to start at once.")


class CampaignAction(StrEnum):
    """What can be done with a campaign."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


_ALLOWED = {
    CampaignAction.START: {CampaignState.DRAFT},
    CampaignAction.PAUSE: {CampaignState.RUNNING},
    CampaignAction.RESUME: {CampaignState.PAUSED},
    CampaignAction.CANCEL: {
        CampaignState.DRAFT,
        CampaignState.SCHEDULED,
        CampaignState.RUNNING,
        CampaignState.PAUSED,
    },
}
_ALREADY = {
    CampaignAction.START: {CampaignState.RUNNING, CampaignState.SCHEDULED, CampaignState.FINISHED},
    CampaignAction.PAUSE: {CampaignState.PAUSED},
    CampaignAction.RESUME: {CampaignState.RUNNING},
    CampaignAction.CANCEL: {CampaignState.CANCELLED},
}
"""States in which an action has happened already: asking again is safe and changes nothing."""


class ControlCampaign(Command[CampaignDone]):
    """Start, pause, resume or cancel a campaign; safe to repeat."""

    campaign_id: str
    action: CampaignAction
    confirm_token: str = ""
    confirmed: bool = Field(False, description="the caller itself made the draft in this same request")
    unseen: bool = Field(False, description="nobody saw the draft before")

    async def carry_out(self, work: Work) -> CampaignDone:
        """Raises Refused: UNKNOWN_CAMPAIGN, CAMPAIGN_STATE, CONFIRM_TOKEN_INVALID, EVENT_CANCELLED, …"""
        work.require("bulk")
        campaign, event = await _owned_campaign(work, self.campaign_id)
        if campaign.state in _ALREADY[self.action]:
            return CampaignDone(campaign=campaign, event=event)
        if campaign.state not in _ALLOWED[self.action]:
            raise Refused(
                Code.CAMPAIGN_STATE,
                f"A campaign that is {campaign.state} cannot {self.action}.",
            )
        match self.action:
            case CampaignAction.START:
                campaign = await self._start(work, campaign, event)
            case CampaignAction.PAUSE:
                campaign = await pause(work, campaign)
            case CampaignAction.RESUME:
                campaign = await _resume(work, campaign)
            case CampaignAction.CANCEL:
                campaign = await cancel(work, campaign)
        return CampaignDone(campaign=campaign, event=event)

    async def _start(self, work: Work, campaign: Campaign, event: Event) -> Campaign:
        await work.standing_event(event.uid)
        await _refuse_large(work, event, campaign.valid)
        await _refuse_held(work, campaign)
        campaign = campaign.model_copy(update={"key": _both(campaign.key, work.key)})
        if not self.confirmed and not self.confirm_token:
            raise Refused(
                Code.CONFIRM_TOKEN_INVALID,
                "The confirm_token is missing.",
            )
        if not self.confirmed and not hmac.compare_digest(
            self.confirm_token.encode(), confirm_token(campaign, event).encode()
        ):
            raise Refused(
                Code.CONFIRM_TOKEN_INVALID,
                "The confirm_token is wrong, or the event changed since the draft was made.",
            )
        if not campaign.valid:
            raise Refused(
                Code.EMPTY_LIST, "No row of the list can be invited.", "See the skipped rows and their codes."
            )
        if campaign.at and campaign.at > work.now:
            values = {"state": CampaignState.SCHEDULED, "event_modified": event.modified}
            scheduled = campaign.model_copy(update=values)
            await work.unit.save_campaign(scheduled)
            return scheduled
        return await run(work, campaign, unseen=self.unseen and not work.approved)


async def _refuse_held(work: Work, campaign: Campaign) -> None:
    """Refuse with HELD_ACTION_STATE a key that starts a list for which another key has to wait."""
    if not work.actor.key or work.approved:
        return
    for held in await work.unit.waiting_for(campaign.event_uid, _WAITING_MAX):
        other = held.actor.key != work.actor.key and held.state_at(work.now) is HeldState.WAITING
        if other and held.command.list_digest == campaign.digest:
            raise Refused(
                Code.HELD_ACTION_STATE,
                f"This list needs approval: held action {held.id}.",
                "It starts once it is approved.",
            )


def _both(drafted: str, starts: str) -> str:
    """The keys of whoever drafted the list and of whoever starts it: it leaves within the bounds of all of them."""
    return " ".join(dict.fromkeys([*drafted.split(), *starts.split()]))


async def _refuse_large(work: Work, event: Event, rows: int) -> None:
    """Refuse with OUT_OF_BOUNDS a list of more rows than the key may send."""
    standing = await bounds.standing_for(work, event)
    most = standing.limit("bulk_max")
    if most and rows > most:
        bounds.refuse(
            work, standing, "bulk_max", f"the list has {rows} rows that can be invited; {most} may be."
        )


async def run(work: Work, campaign: Campaign, *, unseen: bool = False) -> Campaign:
    """Set `campaign` running and write the job that fans it out; one that nobody saw waits a little."""
    if campaign.key:
        standing = await work.unit.standing(campaign.key.split())
        await budgets.reserve_list(work, standing, campaign)
    running = campaign.model_copy(update={"state": CampaignState.RUNNING, "started": work.now})
    await work.unit.save_campaign(running)
    job = Fanout(
        event_uid=campaign.event_uid,
        kind=Kind.INVITE,
        campaign_id=campaign.id,
        key=campaign.key,
        due=work.not_before(undo_s(work, unseen=unseen)),
    )
    await work.unit.add_fanout(job)
    return running


def undo_s(work: Work, *, unseen: bool) -> int:
    """Seconds in which a campaign that starts now can be undone; `unseen`: its draft was shown to no one."""
    set_to = work.settings.undo_campaign_s
    return set_to if set_to is not None else _UNSEEN_S * unseen


async def pause(work: Work, campaign: Campaign) -> Campaign:
    """Pause a campaign: what it owes is held, in parts."""
    paused = campaign.model_copy(update={"state": CampaignState.PAUSED, "paused": work.now})
    await work.unit.save_campaign(paused)
    await bulk_changes.begin(work, BulkChange(action=BulkAction.HOLD, campaign_id=campaign.id))
    return paused


async def _resume(work: Work, campaign: Campaign) -> Campaign:
    # What failed before the pause does not pause it again.
    running = campaign.model_copy(update={"state": CampaignState.RUNNING, "note": "", "resumed": work.now})
    await work.unit.save_campaign(running)
    await bulk_changes.begin(work, BulkChange(action=BulkAction.RELEASE, campaign_id=campaign.id))
    return running


async def cancel(work: Work, campaign: Campaign) -> Campaign:
    """Cancel `campaign`, and withdraw its messages that have not left."""
    values = {"state": CampaignState.CANCELLED, "finished": work.now}
    cancelled = campaign.model_copy(update=values)
    await work.unit.save_campaign(cancelled)
    await telling.report(work, cancelled, before=campaign.state)
    await work.unit.release_reserve(campaign.id, None)
    code = Code.CAMPAIGN_CANCELLED
    change = BulkChange(action=BulkAction.WITHDRAW, campaign_id=campaign.id, code=code.value)
    await bulk_changes.begin(work, change)
    job = await work.unit.fanout_of(campaign.id)
    if job is not None:
        await work.unit.move_fanout(job, await skip_rest(work, cancelled, job.cursor, code))
    elif campaign.started is None:
        await skip_list(work, cancelled, code)
    return cancelled


async def skip_list(work: Work, campaign: Campaign, code: Code) -> None:
    """Skip all rows of a campaign that never started; those that one unit does not take are left to a job."""
    cursor = await skip_rest(work, campaign, "", code)
    if cursor is not None:
        job = Fanout(event_uid=campaign.event_uid, kind=Kind.INVITE, campaign_id=campaign.id, cursor=cursor)
        await work.unit.add_fanout(job)


async def skip_rest(work: Work, campaign: Campaign, cursor: str, code: Code) -> str | None:
    """Skip the next rows of a list from `cursor` on; the new cursor, None after the last."""
    if campaign.kind is not Kind.INVITE:
        return None
    return await work.unit.skip_recipients(campaign.id, cursor, code, work.unit.items_per_unit)


async def _owned_campaign(work: Work, campaign_id: str) -> tuple[Campaign, Event]:
    campaign = await work.unit.campaign(campaign_id)
    if campaign is None or not work.actor.owns(campaign.organizer):
        raise unknown_campaign(campaign_id)
    return campaign, await work.owned_event(campaign.event_uid)


def unknown_campaign(campaign_id: str) -> Refused:
    """The refusal of an id that names no campaign of the caller (UNKNOWN_CAMPAIGN)."""
    return Refused(Code.UNKNOWN_CAMPAIGN, f"No campaign has the id “{campaign_id[:40]}”.")


def confirm_token(campaign: Campaign, event: Event) -> str:
    """The token that starts exactly this list with the event exactly as it is.

    A revision that changed nothing, because one person was invited again, leaves it valid.
    """
    bound = f"{campaign.id} {campaign.digest} {campaign.at} {campaign.rate} {event.uid} {event.modified.timestamp()}"
    return hashlib.sha256(bound.encode()).hexdigest()[:32]


def _digest(rows: list[Recipient]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        fields = sorted(row.fields.items()) if row.fields else []
        digest.update(f"{row.row}\0{row.email}\0{row.name}\0{fields}\0{row.code}\n".encode())
    return digest.hexdigest()


def as_attendee(recipient: Recipient, event: Event, now: datetime, origin: Origin) -> Attendee:
    """The attendee that `recipient` would become: for showing a sample."""
    return Attendee(
        event_uid=event.uid,
        email=recipient.email,
        token="sample",  # noqa: S106 -- shown, never sent
        name=recipient.name,
        origin=origin,
        fields=recipient.fields,
        created=now,
    )


def personal_event(event: Event, recipient: Recipient, now: datetime, origin: Origin) -> Event:
    """The event as `recipient` would see it."""
    return personal.personalize(event, personal_values(as_attendee(recipient, event, now, origin)))
