"""Who is notified of a change, and the job that notifies them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from pydantic import Field

from engine.commands.agents import bounds, budgets
from engine.commands.base import Work
from engine.commands.randomness import CAMPAIGN_ID_LENGTH
from engine.itip import personal, recurrence
from engine.model.base import Value
from engine.model.campaigns import Campaign, CampaignState
from engine.model.events import Event
from engine.model.messages import Audience, Chosen, Fanout, Kind, MessageState
from engine.model.people import Attendee, Origin, Partstat
from engine.refusals import Code, Refused
from engine.store.rules import budget_of

PREVIEWED = 20
"""People whom a preview names."""
NAMED_MAX = 200
"""Addresses that may be named one by one."""

_YES_OR_MAYBE = frozenset({Partstat.ACCEPTED, Partstat.TENTATIVE})
_EVERYBODY = frozenset(Partstat)
_NOT_DECLINED = _EVERYBODY - {Partstat.DECLINED}
_MISLEADING = frozenset(
    {"start", "end", "timezone", "location", "recurrence", "rdates", "exdates", "overrides", "status"}
)
"""Fields whose old value could leave somebody at the wrong time or place."""

_GROUPS = {
    Audience.ACCEPTED_OR_TENTATIVE: _YES_OR_MAYBE,
    Audience.NOT_DECLINED: _NOT_DECLINED,
    Audience.ALL: _EVERYBODY,
    Audience.NONE: frozenset[Partstat](),
}


def of_update(audience: Audience | Chosen, changed: Iterable[str], *, asks: bool = True) -> Chosen:
    """Who is notified of a change of the fields `changed`; everyone, if the event does not ask for answers."""
    if isinstance(audience, Chosen):
        return audience
    if audience is Audience.AUTO and not asks:
        return Chosen(partstats=_EVERYBODY)
    if audience is Audience.AUTO:
        return Chosen(partstats=_NOT_DECLINED if _MISLEADING & set(changed) else _YES_OR_MAYBE)
    return Chosen(partstats=_GROUPS[audience])


def misleading(changed: Iterable[str]) -> bool:
    """True if the old values of the fields `changed` could leave somebody at the wrong time or place."""
    return bool(_MISLEADING & set(changed))


def of_cancellation(audience: Audience | Chosen, *, asks: bool = True) -> Chosen:
    """Who is notified of a cancellation."""
    return of_update(audience, ("status",), asks=asks)


async def refuse_unknown(work: Work, event: Event, who: Audience | Chosen | None) -> None:
    """Refuse with UNKNOWN_ATTENDEE if an address that is named is not invited."""
    emails = who.emails if isinstance(who, Chosen) else frozenset[str]()
    if len(emails) > NAMED_MAX:
        raise Refused(
            Code.TOO_LARGE,
            f"{len(emails)} addresses are too many; at most {NAMED_MAX} can be named at once.",
            "Name answers instead, or send several requests.",
        )
    for email in sorted(emails):
        known = await work.unit.attendee(event.uid, email)
        if known is None or known.withdrawn is not None:
            raise Refused(
                Code.UNKNOWN_ATTENDEE,
                f"“{email[:80]}” is not invited to this event.",
                "Name attendees of the event, or one of their answers.",
            )


async def size(
    work: Work,
    event: Event,
    group: Chosen,
    kind: Kind = Kind.UPDATE,
    recurrence_id: date | datetime | None = None,
) -> int:
    """How many attendees of `event` in `group` a message of `kind` will be for.

    Whoever gave such an answer for the one instance, or for any where none is named, hears of it as well.
    """
    if kind is Kind.CANCELLATION:
        return await work.unit.notified_size(event.uid, group.partstats, recurrence_id, group.emails)
    return await work.unit.audience_size(event.uid, group.partstats, recurrence_id, group.emails)


async def calendars(work: Work, event: Event, *, dry_run: bool) -> int | None:
    """How many people were sent the revision of `event` that stands; counted for a dry run alone."""
    return await work.unit.calendars_changed(event.uid, event.sequence) if dry_run else None


class MailsSoFar(Value):
    """How far the mails of an earlier request have come: how many left, and how many are still owed."""

    sent: int
    owed: int
    total: int
    state: CampaignState


class Preview(Value):
    """Who is notified of a change, who is not, and the mail that the first of them gets."""

    first: tuple[Attendee, ...] = Field((), description="the first of those who hear of it")
    left_out: Mapping[str, int] = Field(
        default_factory=dict, description="attendees who do not, by their answer; `others`: not by answer"
    )
    sample: Event | None = Field(None, description="the event in the words of the first of them")


async def preview(
    work: Work,
    event: Event,
    group: Chosen,
    kind: Kind,
    recurrence_id: date | datetime | None = None,
) -> Preview:
    """Who in `group` is notified of a change."""
    job = Fanout(
        event_uid=event.uid,
        kind=kind,
        partstats=group.partstats,
        emails=group.emails,
        recurrence_id=recurrence_id,
    )
    found, _ = await work.unit.audience(job, PREVIEWED)
    if kind is Kind.CANCELLATION:
        notified = await work.unit.notified(event.uid, [a.email for a in found])
        found = [a for a in found if a.email in notified]
    counted = await work.unit.answers(event.uid)
    left_out = {p.label: n for p, n in counted.items() if n and p not in group.partstats}
    if group.emails and left_out:
        others = sum(left_out.values()) - len(group.emails)
        left_out = {"others": others} if others > 0 else {}
    shown = _alone(event, recurrence_id) if recurrence_id and kind is Kind.UPDATE else event
    return Preview(first=tuple(found), left_out=left_out, sample=_sample(shown, found))


def _alone(event: Event, recurrence_id: date | datetime) -> Event:
    """The one instance of a series that a mail speaks of, as an event."""
    own = recurrence.instance(event, recurrence_id)
    texts = {name: getattr(own, name) for name in ("span", "summary", "location", "description", "url")}
    return event.model_copy(update={**texts, "recurrence": "", "rdates": (), "exdates": (), "overrides": ()})


def _sample(event: Event, people: Sequence[Attendee]) -> Event | None:
    if not people:
        return None
    first = people[0]
    event = event.seen_by(first.partstat)
    values = {**first.fields, "name": first.name, "email": first.email}
    holes = dict.fromkeys(personal.placeholders(event), "")
    return personal.personalize(event, {**holes, **values})


async def notify(
    work: Work,
    event: Event,
    kind: Kind,
    group: Chosen,
    recurrence_id: date | datetime | None = None,
    *,
    note: str = "",
) -> str:
    """Write the one job that will write everybody's message (promise 2); returns the campaign to follow.

    Empty where nobody is to be told.
    """
    people = await size(work, event, group, kind, recurrence_id)
    return await start(work, event, kind, group, people, recurrence_id, note=note) if people else ""


async def told(work: Work, event: Event, kind: Kind) -> Campaign | None:
    """The campaign that told people of the newest revision, if any did."""
    last = await work.unit.last_campaign(event.uid, event.organizer, kind)
    return last if last and last.sequence == event.sequence else None


async def progress(work: Work, campaign: Campaign) -> MailsSoFar:
    """How far the mails of a campaign have come."""
    counts = await work.unit.campaign_counts(campaign.id)
    owed = sum(
        counts.get(state, 0) for state in ("waiting", *(one.value for one in MessageState if one.pending))
    )
    return MailsSoFar(
        sent=counts.get(MessageState.SENT.value, 0), owed=owed, total=campaign.total, state=campaign.state
    )


async def start(
    work: Work,
    event: Event,
    kind: Kind,
    group: Chosen,
    people: int,
    recurrence_id: date | datetime | None = None,
    *,
    note: str = "",
) -> str:
    """Write the job for `people` attendees; returns the id of its campaign."""
    standing = await bounds.standing_for(work, event)
    if kind is not Kind.REMINDER:
        await bounds.exceed_audience(work, standing, event, kind, group)
    if budget_of(kind) == "changes":
        await budgets.exceed_changes(work, standing, people)
    campaign = Campaign(
        id=work.randomness.word(CAMPAIGN_ID_LENGTH),
        event_uid=event.uid,
        organizer=event.organizer,
        kind=kind,
        origin=Origin.API,
        state=CampaignState.RUNNING,
        sequence=event.sequence,
        total=people,
        valid=people,
        created=work.now,
        started=work.now,
        # What passes a bound and was approved is the word of who approved it.
        key="" if work.approved and work.exceeded else work.caused_by(event),
    )
    due = work.not_before(work.settings.undo_s)
    if due:
        # Else what waits would leave sooner, and with the newest revision.
        await work.unit.put_off(event.uid, work.now, due)
    await work.unit.add_campaign(campaign, ())
    await budgets.reserve_change(work, standing, campaign)
    await work.unit.add_fanout(
        Fanout(
            event_uid=event.uid,
            kind=kind,
            partstats=group.partstats,
            emails=group.emails,
            note=note,
            recurrence_id=recurrence_id,
            campaign_id=campaign.id,
            key=campaign.key,
            due=due,
        )
    )
    return campaign.id
