"""Campaigns, and the jobs that write their messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from engine.model.base import Value
from engine.model.campaigns import Campaign, CampaignState
from engine.model.changes import ChangeKind
from engine.model.list_rows import Recipient
from engine.model.messages import Fanout, Kind, MessageState
from engine.store import rules
from engine.store.dynamodb.attendees import MAILED, ZONES
from engine.store.dynamodb.audiences import CHUNK_MOST
from engine.store.dynamodb.budgets import KEY_DAYS, PERSONS, RESERVES
from engine.store.dynamodb.events import EVENTS
from engine.store.dynamodb.ids import new_id
from engine.store.dynamodb.keys import KEYS
from engine.store.dynamodb.leases import LeaseQuestions, Leases
from engine.store.dynamodb.lists import MARKED, RESTS, SKIPPED, Lists
from engine.store.dynamodb.names import joined, moment, newest_first, number
from engine.store.dynamodb.new_people import NewPeople
from engine.store.dynamodb.owed import INVITEES, Owed, items_of_next
from engine.store.dynamodb.rows import Entry, KindTable
from engine.store.dynamodb.suppressions import FORGETTING_KEYS, SUPPRESSIONS, domains_of
from engine.store.dynamodb.touched import PEOPLED
from engine.store.rules import FAILING_WINDOW, is_failing

_ALL = "all"
_UPLOADING = "uploading"
_GOES_ON = frozenset({CampaignState.RUNNING, CampaignState.CANCELLED})
_PENDING = (MessageState.QUEUED, MessageState.SENDING, MessageState.DEFERRED)
_NOTED = {
    CampaignState.FINISHED: ChangeKind.CAMPAIGN_FINISHED,
    CampaignState.CANCELLED: ChangeKind.CAMPAIGN_CANCELLED,
    CampaignState.PAUSED: ChangeKind.CAMPAIGN_PAUSED,
}


class KeptCampaign(Value):
    """A campaign; `uploading`: only its list exists yet, and it is hidden."""

    campaign: Campaign
    uploading: bool = False


def _by_state(kept: KeptCampaign) -> Iterable[Entry]:
    c = kept.campaign
    state = _UPLOADING if kept.uploading else c.state.value
    due = c.at if c.state is CampaignState.SCHEDULED and c.at and not kept.uploading else c.created
    yield state, joined(moment(due), c.id)


def _by_age(kept: KeptCampaign) -> Iterable[Entry]:
    c = kept.campaign
    if not kept.uploading:
        place = joined(newest_first(c.created), _reversed(c.id))
        for name in (_ALL, f"of {c.organizer}", joined(c.event_uid, c.organizer)):
            yield name, place


def _reversed(campaign_id: str) -> str:
    """A text that sorts in the reverse order of ids, so that of the same age the greater id comes first."""
    return "".join(chr(0x7E - ord(c) % 0x7F + 0x20) if " " <= c <= "~" else c for c in campaign_id)


def _of_campaign(job: Fanout) -> Iterable[Entry]:
    if job.campaign_id:
        yield job.campaign_id, job.id


CAMPAIGNS = KindTable[KeptCampaign](
    "campaign",
    KeptCampaign,
    key=lambda kept: (kept.campaign.id,),
    indexes={"state": _by_state, "age": _by_age},
    # Pausing and cancelling are judged again when a message is claimed.
    checked=False,
)
FANOUTS = KindTable[Fanout](
    "fanout",
    Fanout,
    key=lambda job: (_ALL, job.id),
    indexes={"campaign": _of_campaign},
)


class CampaignQuestions(LeaseQuestions):
    """Questions about campaigns and jobs."""

    async def campaign(self, campaign_id: str) -> Campaign | None:
        """The campaign with this id, or None."""
        kept = await self.rows.get(CAMPAIGNS, campaign_id)
        return kept.campaign if kept and not kept.uploading else None

    async def in_state(self, state: CampaignState, limit: int | None = None) -> list[Campaign]:
        """The campaigns in a state, ordered by when they are due or were created."""
        found = await self.rows.by(CAMPAIGNS, "state", state.value, limit=limit)
        return [kept.campaign for kept in found]

    async def running_with_rate(self) -> list[Campaign]:
        """The running campaigns that have a rate of their own."""
        return [c for c in await self.in_state(CampaignState.RUNNING) if c.rate]

    async def last_campaigns(self, event_uid: str, organizer: str, limit: int) -> list[Campaign]:
        """The newest campaigns for an event of that organizer, newest first."""
        found = await self.rows.by(CAMPAIGNS, "age", joined(event_uid, organizer), limit=limit)
        return [kept.campaign for kept in found]

    async def last_campaign(self, event_uid: str, organizer: str, kind: Kind) -> Campaign | None:
        """The newest campaign of a kind for an event of that organizer, or None."""
        async for kept in self.rows.each_by(CAMPAIGNS, "age", joined(event_uid, organizer)):
            if kept.campaign.kind is kind:
                return kept.campaign
        return None

    async def abandoned_list(self, before: datetime) -> str | None:
        """The id of a list whose upload began before that time and whose campaign was never added."""
        found = await self.rows.by(CAMPAIGNS, "state", _UPLOADING, before=moment(before), limit=1)
        return found[0].campaign.id if found else None

    async def next_scheduled(self, now: datetime) -> Campaign | None:
        """A campaign whose time to start has come."""
        state = CampaignState.SCHEDULED.value
        found = await self.rows.by(CAMPAIGNS, "state", state, before=f"{moment(now)}$", limit=1)
        return found[0].campaign if found else None

    async def campaign_counts(self, campaign_id: str) -> dict[str, int]:
        """How many messages are in each state, and how many rows were skipped or not written yet."""
        tally = await self.campaign_tally(campaign_id)
        counts = {state.value: tally.get(state.value, 0) for state in MessageState}
        for owed in (await self.sending()).values():
            if owed.message.campaign_id == campaign_id:
                counts[owed.message.state.value] -= 1
                counts[MessageState.SENDING.value] += 1
        campaign, written = await self.campaign(campaign_id), sum(counts.values())
        if campaign is None or campaign.kind is Kind.INVITE:
            return counts | _rest_of_list(campaign, tally.get(SKIPPED, 0), written)
        left = campaign.total - written
        job = await self.fanout_of(campaign_id)
        return counts | ({"skipped": 0, "waiting": left} if job else {"skipped": left, "waiting": 0})

    async def backlog(self) -> int:
        """How many messages running campaigns without their own rate owe, written or not, except deferred ones."""
        owed = 0
        for campaign in await self.in_state(CampaignState.RUNNING):
            if not campaign.rate:
                tally = await self.campaign_tally(campaign.id)
                over = sum(tally.get(state, 0) for state in ("sent", "failed", "withdrawn", "deferred"))
                owed += max(0, campaign.valid - over)
        return owed

    async def next_drained(self) -> Campaign | None:
        """A running campaign whose messages are all written and settled."""
        for campaign in await self.in_state(CampaignState.RUNNING):
            tally = await self.campaign_tally(campaign.id)
            pending = sum(tally.get(state.value, 0) for state in _PENDING)
            if not pending and not await self.fanout_of(campaign.id):
                return campaign
        return None

    async def next_failing(self, share: float) -> tuple[Campaign, int, int, str] | None:
        """A running campaign in which more than `share` of the newest messages failed.

        Also returns how many failed, out of how many, and the last response of a mail server.
        """
        for campaign in await self.in_state(CampaignState.RUNNING):
            if not (await self.campaign_tally(campaign.id)).get(MessageState.FAILED.value):
                continue
            since = campaign.resumed or campaign.started
            settled, failed, answer = await self.newest_settled(campaign.id, since, FAILING_WINDOW)
            if is_failing(failed, settled, share):
                return campaign, failed, settled, answer
        return None

    async def next_fanout(self, now: datetime) -> Fanout | None:
        """The oldest job that may continue; jobs of paused campaigns, or not due yet, wait."""
        async for job in self.rows.each_under(FANOUTS, _ALL):
            await self._foresee(job, now)
            campaign = await self.campaign(job.campaign_id) if job.campaign_id else None
            state = campaign.state if campaign else None
            if job.due and job.due > now and state is not CampaignState.CANCELLED:
                continue
            if job.campaign_id is None or state is None or state in _GOES_ON:
                return job
        return None

    async def _foresee(self, job: Fanout, now: datetime) -> None:
        """Read in one request what a unit of work needs for a job."""

    async def fanout_of(self, campaign_id: str) -> Fanout | None:
        """The job of a campaign; None if there is none or it has ended."""
        return await self.rows.first_by(FANOUTS, "campaign", campaign_id)


class Campaigns(CampaignQuestions, NewPeople, Lists, Leases):
    """Changes of campaigns and jobs in a unit of work."""

    invites_per_unit = (CHUNK_MOST - 1) // 2

    async def fixed_campaign(self, campaign_id: str) -> Campaign | None:
        """The campaign with this id, which must be unchanged when this unit is kept."""
        await self.items.get_many([CAMPAIGNS.at(campaign_id)], checked=True)
        return await self.campaign(campaign_id)

    async def _foresee(self, job: Fanout, now: datetime) -> None:
        keys = job.key.split()
        wanted = [
            EVENTS.at(job.event_uid, "event"),
            FORGETTING_KEYS.at("key"),
            *(KEYS.at(key) for key in keys),
            *(KEY_DAYS.at(key, number(rules.day(now))) for key in keys),
        ]
        if job.campaign_id:
            wanted += [CAMPAIGNS.at(job.campaign_id), RESTS.at(job.campaign_id, "rest")]
            wanted += [MARKED.at(job.campaign_id, "marked")]
            wanted += [RESERVES.at(job.campaign_id)] if keys else []
        await self.items.get_many(wanted)

    async def recipients(
        self, campaign_id: str, cursor: str, limit: int
    ) -> tuple[list[Recipient], str | None]:
        """The next good rows of a list, and the new cursor, None after the last; also reads what is known of them."""
        found, place = await super().recipients(campaign_id, cursor, limit)
        campaign = await self.campaign(campaign_id)
        if campaign is None or not found:
            return found, place
        await self._foresee_people(campaign, [row.email for row in found])
        rows = await self._fitting(campaign, found)
        return rows, str(rows[-1].row) if len(rows) < len(found) else place

    async def _fitting(self, campaign: Campaign, rows: Sequence[Recipient]) -> list[Recipient]:
        """As many of these rows as one unit of work can invite: new domains and earlier messages take items too."""
        emails = [row.email for row in rows]
        people = {i.attendee.email: i for i in await self.invitees(campaign.event_uid, emails)}
        invited, items = await self.invited(campaign.event_uid, emails), 0
        domains: set[str] = set()
        for n, row in enumerate(rows):
            domains.add(row.email.rpartition("@")[2])
            items += 1 if row.email in invited else items_of_next(people.get(row.email), counted=True)
            if n and items + len(domains) > CHUNK_MOST:
                return list(rows[:n])
        return list(rows)

    async def _foresee_people(self, campaign: Campaign, emails: Sequence[str]) -> None:
        domains = {email.rpartition("@")[2] for email in emails}
        refusing = {one for email in emails for one in (email, *domains_of(email))}
        await self.items.get_many(
            [
                PEOPLED.at(campaign.organizer, campaign.event_uid),
                *(INVITEES.at(campaign.event_uid, "attendee", email) for email in emails),
                *(PERSONS.at(rules.person(email)) for email in emails),
                *(ZONES.at(campaign.organizer, email) for email in emails),
                *(MAILED.at(campaign.organizer, domain) for domain in domains),
                *(SUPPRESSIONS.at(one, who) for one in refusing for who in ("", campaign.organizer)),
            ]
        )

    async def add_campaign(self, campaign: Campaign, rows: Sequence[Recipient]) -> None:
        """Add a campaign with the rows of its list, or with the list that was uploaded under its id."""
        await self.rows.put(CAMPAIGNS, KeptCampaign(campaign=campaign))
        self.count_in_campaign(campaign.id, SKIPPED, await self.add_rows(campaign.id, rows))

    async def upload_rows(self, campaign: Campaign, rows: Sequence[Recipient]) -> None:
        """Store rows of a list whose campaign is added later; it is hidden until then."""
        await self.rows.add(CAMPAIGNS, KeptCampaign(campaign=campaign, uploading=True))
        known = await self.recipient(campaign.id, rows[0].row) if rows else None
        skipped = await self.add_rows(campaign.id, rows)
        if known is None:
            self.count_in_campaign(campaign.id, SKIPPED, skipped)

    async def drop_rows(self, campaign_id: str, limit: int) -> None:
        """Delete rows of such a list, and with the last ones the list itself."""
        if not await self.drop_some_rows(campaign_id):
            await self.rows.drop(CAMPAIGNS, campaign_id)

    async def save_campaign(self, campaign: Campaign) -> None:
        """Replace a campaign; if it comes to rest, that is logged."""
        before, kind = await self.campaign(campaign.id), _NOTED.get(campaign.state)
        if kind and before and before.state is not campaign.state:
            self.note(
                kind,
                at=campaign.finished or campaign.paused or campaign.created,
                organizer=campaign.organizer,
                event_uid=campaign.event_uid,
                campaign_id=campaign.id,
                status=campaign.state.value,
                words=campaign.note,
            )
        await self.rows.put(CAMPAIGNS, KeptCampaign(campaign=campaign))

    async def sent_of_campaign(self, campaign_id: str, after: str, limit: int) -> tuple[list[str], str]:
        """Message-IDs of a campaign's sent mails in a fixed order, and the next cursor, empty at the end."""
        campaign = await self.campaign(campaign_id)
        found, place = list[str](), joined("attendee", after) if after else ""
        if campaign is None:
            return found, ""
        async for invitee in self.rows.each_under(INVITEES, campaign.event_uid, "attendee", after=place):
            newest = [invitee.newest] if invitee.newest else []
            rows = [*await self.older(invitee), *newest]
            found += [owed.message.message_id for owed in rows if _sent_in(owed, campaign_id)]
            if len(found) >= limit:
                return found, invitee.attendee.email
        return found, ""

    async def add_fanout(self, job: Fanout) -> None:
        """Add a job that writes messages in chunks."""
        await self.rows.put(FANOUTS, job.model_copy(update={"id": new_id()}))

    async def move_fanout(self, job: Fanout, cursor: str | None) -> None:
        """Move a job's cursor; None ends the job."""
        if cursor is None:
            await self.rows.drop(FANOUTS, _ALL, job.id)
        elif await self.rows.get(FANOUTS, _ALL, job.id):
            await self.rows.put(FANOUTS, job.model_copy(update={"cursor": cursor}))


def _sent_in(owed: Owed, campaign_id: str) -> bool:
    return owed.message.campaign_id == campaign_id and owed.message.state is MessageState.SENT


def _rest_of_list(campaign: Campaign | None, skipped: int, written: int) -> dict[str, int]:
    total = campaign.total if campaign else skipped + written
    if campaign and campaign.state is CampaignState.CANCELLED:
        return {"skipped": total - written, "waiting": 0}
    return {"skipped": skipped, "waiting": total - skipped - written}
