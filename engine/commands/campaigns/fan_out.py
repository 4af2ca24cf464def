"""The engine's own commands: fan out a change in chunks, start scheduled campaigns, close finished ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from engine.commands import recording
from engine.commands.agents.budgets import KeyPeople
from engine.commands.base import Command, Work
from engine.commands.campaigns import campaigns, telling
from engine.commands.invites.invites import invite_message, invite_messages, new_attendees, room_left
from engine.commands.notifying import Progress
from engine.commands.person_limit import PersonLimit
from engine.model.campaigns import Campaign, CampaignState
from engine.model.events import Event
from engine.model.keys import UNBOUNDED
from engine.model.list_rows import Recipient
from engine.model.messages import Fanout, Kind, Message
from engine.model.people import Attendee
from engine.refusals import Code, Refused


class FanOut(Command[Progress]):
    """Write the next chunk of messages of the oldest job, and move its cursor, in one transaction."""

    async def carry_out(self, work: Work) -> Progress:
        """Write one chunk of messages; `worked` is false if no job waits. Refuses nothing."""
        job = await work.unit.next_fanout(work.now)
        if job is None:
            return Progress(worked=False)
        event = await work.unit.event(job.event_uid)
        assert event is not None, "a fan-out job belongs to an event of the same store"
        cursor, people = await (_invite if job.kind is Kind.INVITE else _inform)(work, job, event)
        await work.unit.move_fanout(job, cursor)
        if job.campaign_id and job.key:
            await work.unit.release_reserve(job.campaign_id, None if cursor is None else people)
        if job.campaign_id and job.kind is not Kind.INVITE:
            await _grow(work, job.campaign_id)
        return Progress(worked=True)


async def _inform(work: Work, job: Fanout, event: Event) -> tuple[str | None, int]:
    """Owe the next attendees of the job's audience its message: the new cursor, None when all have it; how many."""
    if job.kind is Kind.CANCELLATION and job.recurrence_id is None and not event.cancelled:
        # It takes place after all: the job of that comes after this one.
        return None, 0
    chunk, cursor = await work.unit.audience(job, work.unit.items_per_unit)
    people = len(chunk)
    if job.kind is Kind.CANCELLATION:
        chunk = await _having_it(work, event, chunk)
    elif job.kind is Kind.REMINDER and not event.cancelled:
        chunk = await _remindable(work, job, event, chunk)
    elif event.cancelled:
        # The cancellation, whose job comes after this one, is all that is left to say.
        return None, 0
    messages = [_change_message(work, job, event, a) for a in chunk]
    await work.unit.add_messages(messages, priority=1)
    return cursor, people


async def _remindable(work: Work, job: Fanout, event: Event, chunk: list[Attendee]) -> list[Attendee]:
    emails = [a.email for a in chunk]
    may = await work.unit.remindable(event.uid, emails, work.now)
    limit = await PersonLimit.of(work, emails)
    people = await _key_people(work, job.key, emails, limit)
    return [a for a in chunk if a.email in may and limit.take(a.email) and people.take(a.email)]


async def _key_people(work: Work, key: str, emails: list[str], limit: PersonLimit) -> KeyPeople:
    """How often the keys may mail each person today: only who was mailed at all today is looked up."""
    standing = (await work.unit.standing(key.split())).in_force(work.now) if key else UNBOUNDED
    return await KeyPeople.of(work, standing, [email for email in emails if limit.mailed(email)])


async def _grow(work: Work, campaign_id: str) -> None:
    """Who answered after a change was made may have come into its audience: then the total is larger."""
    campaign = await work.unit.campaign(campaign_id)
    counts = await work.unit.campaign_counts(campaign_id)
    extra = -min(0, counts["skipped"], counts["waiting"])
    if campaign and extra:
        total = campaign.total + extra
        await work.unit.save_campaign(campaign.model_copy(update={"total": total, "valid": total}))


async def _having_it(work: Work, event: Event, chunk: list[Attendee]) -> list[Attendee]:
    """Those who have, or may have, the event in their calendars."""
    notified = await work.unit.notified(event.uid, [a.email for a in chunk])
    return [a for a in chunk if a.email in notified]


def _change_message(work: Work, job: Fanout, event: Event, attendee: Attendee) -> Message:
    message = invite_message(work, event, attendee, kind=job.kind, campaign_id=job.campaign_id, key=job.key)
    own = {"recurrence_id": job.recurrence_id, "note": job.note, "due": _due(work, job)}
    if job.kind is Kind.REMINDER:
        own["repeat"] = work.randomness.word(8)
    return message.model_copy(update=own)


def _due(work: Work, job: Fanout) -> datetime:
    return max(work.now, job.due) if job.due else work.now


async def _invite(work: Work, job: Fanout, event: Event) -> tuple[str | None, int]:
    """Invite the next rows of the campaign's list, and how many; each is judged again, for time has passed."""
    assert job.campaign_id is not None
    campaign = await work.unit.campaign(job.campaign_id)
    assert campaign is not None, "a fan-out job belongs to a campaign of the same store"
    if code := await _over(work, job, campaign, event):
        return await campaigns.skip_rest(work, campaign, job.cursor, code), 0
    rows, cursor = await work.unit.recipients(campaign.id, job.cursor, work.unit.invites_per_unit)
    known = {a.email: a for a in await work.unit.known_attendees(event.uid, [row.email for row in rows])}
    good, skipped = await _sifted(work, campaign, event, rows, known)
    await work.unit.mark_recipients(campaign.id, skipped)
    attendees = new_attendees(work, event, good, campaign.origin)
    if attendees:
        await work.unit.add_attendees(attendees)
        await _as_listed(work, good, known)
        pattern = invite_message(
            work, event, attendees[0], campaign_id=campaign.id, key=campaign.key, due=_due(work, job)
        )
        await work.unit.add_messages(invite_messages(work, attendees, pattern), priority=1)
    return cursor, len(rows)


async def _as_listed(work: Work, rows: Sequence[Recipient], known: Mapping[str, Attendee]) -> None:
    """Whoever is an attendee already gets the name and the fields of the list, by which it was judged and shown."""
    for row in rows:
        if old := known.get(row.email):
            was = old.model_copy(update={"proven": True})
            named = {"name": row.name or old.name, "fields": {**old.fields, **row.fields}}
            if (new := was.model_copy(update=named)) != was:
                await work.unit.change_attendee(was, new)


async def _over(work: Work, job: Fanout, campaign: Campaign, event: Event) -> Code | None:
    """Why no row of the list is invited any more, if so."""
    if event.cancelled:
        return Code.EVENT_CANCELLED
    if event.finished(work.now):
        return Code.EVENT_FINISHED
    if campaign.state is CampaignState.CANCELLED:
        return Code.CAMPAIGN_CANCELLED
    return Code.KEY_ENDED if await _ended(work, job) else None


async def _ended(work: Work, job: Fanout) -> bool:
    """True if a key that caused the job was revoked or has expired."""
    return bool(job.key) and (await work.unit.standing(job.key.split())).ended(work.now)


async def _sifted(
    work: Work, campaign: Campaign, event: Event, rows: list[Recipient], known: Mapping[str, Attendee]
) -> tuple[list[Recipient], dict[int, Code]]:
    """The rows that still may be invited, and the codes of the others by row number.

    Whoever is `known` as an attendee counts already, and takes nothing of what is left.
    """
    emails = [r.email for r in rows]
    invited = await work.unit.invited(event.uid, emails)
    barred = await work.unit.barred(campaign.organizer, emails)
    left, full = await room_left(work, event, campaign.origin)
    limit = await PersonLimit.of(work, emails)
    people = await _key_people(work, campaign.key, emails, limit)
    codes: dict[int, Code] = {}
    good: list[Recipient] = []
    new = 0
    for row in rows:
        if row.email in invited:
            codes[row.row] = Code.ALREADY_INVITED
        elif row.email in barred:
            codes[row.row] = barred[row.email]
        elif left is not None and new >= left and row.email not in known:
            codes[row.row] = full
        elif not limit.take(row.email):
            codes[row.row] = Code.PERSON_LIMIT
        elif not people.take(row.email):
            codes[row.row] = Code.OUT_OF_BOUNDS
        else:
            good.append(row)
            new += row.email not in known
    return good, codes


class StartScheduled(Command[Progress]):
    """Start the next campaign whose time has come, unless its event changed, was cancelled or is over.

    It waits while that can be undone.
    """

    async def carry_out(self, work: Work) -> Progress:
        """Start one campaign whose time has come; `worked` is false if there is none. Refuses nothing."""
        campaign = await work.unit.next_scheduled(work.now)
        if campaign is None:
            return Progress(worked=False)
        try:
            _refuse_changed(await work.standing_event(campaign.event_uid), campaign)
            await campaigns.run(work, campaign)
        except Refused as refused:
            if until := await _undoable_until(work, campaign.event_uid):
                await work.unit.save_campaign(campaign.model_copy(update={"at": until}))
            else:
                await _give_up(work, campaign, refused.code, str(refused))
        return Progress(worked=True)


def _refuse_changed(event: Event, campaign: Campaign) -> None:
    """Refuse with CAMPAIGN_CANCELLED a list that was started with the event as it was before."""
    # One that an older version scheduled knows only when it was drafted.
    scheduled = campaign.event_modified
    changed = event.modified != scheduled if scheduled else event.modified > campaign.created
    if changed:
        raise Refused(Code.CAMPAIGN_CANCELLED, "The event changed after the campaign was scheduled.")


async def _undoable_until(work: Work, uid: str) -> datetime | None:
    """Until when the newest changes of an event can be undone, after which it may be again as it was; None if none."""
    undos = await work.unit.undos_of(uid, work.now)
    return max((undo.until for undo in undos if undo.before), default=None)


async def _give_up(work: Work, campaign: Campaign, code: Code, why: str) -> None:
    await campaigns.skip_list(work, campaign, code)
    values = {"state": CampaignState.CANCELLED, "finished": work.now, "note": why}
    await _close(work, campaign.model_copy(update=values))


class PauseFailing(Command[Progress]):
    """Pause the next campaign that fails too often, and say so: something is wrong with it or the way out."""

    async def carry_out(self, work: Work) -> Progress:
        """Pause one campaign of which too much fails; `worked` is false if there is none. Refuses nothing."""
        share = work.settings.fail_share
        found = await work.unit.next_failing(share) if share else None
        if found is None:
            return Progress(worked=False)
        campaign, failed, settled, answer = found
        note = f"Paused itself: {failed} of the last {settled} messages failed. A server said: {answer}"
        await telling.report(
            work, await campaigns.pause(work, campaign.model_copy(update={"note": note[:500]}))
        )
        return Progress(worked=True)


class FinishCampaign(Command[Progress]):
    """Close a campaign that owes nothing more, enter its last row, and report to whoever mailed its list.

    `root`: of the Message-IDs of its mails that were sent (RFC 6962), in hex.
    """

    campaign_id: str
    sent: int
    root: str

    async def carry_out(self, work: Work) -> Progress:
        """Close the campaign unless it owes something again; `worked` is false then. Refuses nothing."""
        campaign = await work.unit.next_drained()
        if campaign is None or campaign.id != self.campaign_id:
            return Progress(worked=False)
        values = {"state": CampaignState.FINISHED, "finished": work.now}
        campaign = campaign.model_copy(update=values)
        await _close(work, campaign)
        counts = await work.unit.campaign_counts(campaign.id)
        await recording.enter_finished(work, campaign, counts, {"count": self.sent, "root": self.root})
        return Progress(worked=True)


async def _close(work: Work, campaign: Campaign) -> None:
    await work.unit.save_campaign(campaign)
    await telling.report(work, campaign)


class DropDays(Command[Progress]):
    """Delete counters of days that are over, as many as one unit of work takes."""

    async def carry_out(self, work: Work) -> Progress:
        """Drop some counters of days that are over; `worked` is false if none is left. Refuses nothing."""
        dropped = await work.unit.drop_days(work.now, work.unit.items_per_unit)
        return Progress(worked=dropped > 0)
