"""Answers for single instances, proposals of other times, delegations, and automatic replies."""

from __future__ import annotations

from datetime import date, datetime

from engine.model.answers import Delegation, InstanceAnswer, Proposal, ProposalState
from engine.model.base import Value
from engine.model.changes import Change, ChangeKind
from engine.store.dynamodb.attendees import AttendeeQuestions, Attendees
from engine.store.dynamodb.ids import new_id
from engine.store.dynamodb.names import joined
from engine.store.dynamodb.rows import KindTable, Rows

_MAX = 10_000


class KeptProposal(Value):
    """A proposal with its place in the order of proposals."""

    place: str
    proposal: Proposal


class Alias(Value):
    """Another address from which an attendee answers."""

    event_uid: str
    email: str
    alias: str


class AutomaticReply(Value):
    """An automatic reply with its place in the order."""

    place: str
    change: Change


def _instance(recurrence_id: date | datetime) -> str:
    return recurrence_id.isoformat()


INSTANCE_ANSWERS = KindTable[InstanceAnswer](
    "event",
    InstanceAnswer,
    key=lambda a: (a.event_uid, "instance", _instance(a.recurrence_id), a.email),
    indexes={"instances": lambda a: [(joined(a.event_uid, a.email), joined(_instance(a.recurrence_id)))]},
    checked=False,
)
PROPOSALS = KindTable[KeptProposal](
    "event",
    KeptProposal,
    key=lambda kept: (kept.proposal.event_uid, "proposal", kept.proposal.email, kept.proposal.id),
    checked=False,
)
DELEGATIONS = KindTable[Delegation](
    "event",
    Delegation,
    key=lambda d: (d.event_uid, "delegation", d.delegator, d.delegate),
    indexes={"delegate": lambda d: [(joined(d.event_uid, d.delegate), joined(d.delegator))]},
    checked=False,
)
ALIASES = KindTable[Alias]("event", Alias, key=lambda one: (one.event_uid, "alias", one.email), checked=False)
AUTOMATIC_REPLIES = KindTable[AutomaticReply](
    "event",
    AutomaticReply,
    key=lambda one: (one.change.event_uid or "", "automatic", one.change.email, one.place),
    checked=False,
)


async def answers_to_instances(
    rows: Rows, event_uid: str, recurrence_id: date | datetime | None = None, limit: int | None = None
) -> list[InstanceAnswer]:
    """The answers for single instances of an event, or for one of them if it is given."""
    of = ["instance"] if recurrence_id is None else ["instance", _instance(recurrence_id)]
    return await rows.under(INSTANCE_ANSWERS, event_uid, *of, limit=limit)


class AnswerQuestions(AttendeeQuestions):
    """Questions about what attendees answer besides Yes, No or Maybe to a whole event."""

    async def instance_answer(
        self, event_uid: str, email: str, recurrence_id: date | datetime
    ) -> InstanceAnswer | None:
        """What an attendee answered for one instance, or None."""
        return await self.rows.get(INSTANCE_ANSWERS, event_uid, "instance", _instance(recurrence_id), email)

    async def instance_answers(
        self, event_uid: str, email: str | None = None, recurrence_id: date | datetime | None = None
    ) -> list[InstanceAnswer]:
        """Answers for single instances: of one attendee, or for one instance, if these are given."""
        if email is not None and recurrence_id is not None:
            one = await self.instance_answer(event_uid, email, recurrence_id)
            return [one] if one else []
        if email is not None:
            return await self.rows.by(INSTANCE_ANSWERS, "instances", joined(event_uid, email), limit=_MAX)
        return await answers_to_instances(self.rows, event_uid, recurrence_id, _MAX)

    async def proposals(
        self,
        event_uid: str,
        email: str | None = None,
        state: ProposalState | None = ProposalState.OPEN,
        limit: int = _MAX,
    ) -> list[Proposal]:
        """Proposals for an event, oldest first; of one attendee if given; `state` None: in any state."""
        of = ["proposal"] if email is None else ["proposal", email]
        found = await self.rows.under(PROPOSALS, event_uid, *of, limit=_MAX)
        kept = sorted(found, key=lambda one: one.place)
        return [one.proposal for one in kept if state in {None, one.proposal.state}][:limit]

    async def delegations(self, event_uid: str, email: str) -> list[Delegation]:
        """Delegations by an attendee and to them, oldest first."""
        by = await self.rows.under(DELEGATIONS, event_uid, "delegation", email)
        to = await self.rows.by(DELEGATIONS, "delegate", joined(event_uid, email))
        every = {(d.delegator, d.delegate): d for d in [*by, *to]}
        return sorted(every.values(), key=lambda d: d.at)

    async def alias(self, event_uid: str, email: str) -> str:
        """The other address from which an attendee answers; empty if none is known."""
        found = await self.rows.get(ALIASES, event_uid, "alias", email)
        return found.alias if found else ""

    async def automatic_replies(self, event_uid: str, email: str) -> list[Change]:
        """The automatic replies of one attendee of an event, oldest first."""
        found = await self.rows.under(AUTOMATIC_REPLIES, event_uid, "automatic", email)
        return [one.change for one in found]


class Answers(AnswerQuestions, Attendees):
    """Changes of these answers in a unit of work."""

    async def save_instance_answer(self, answer: InstanceAnswer) -> None:
        """Store an answer for one instance, replacing the one before."""
        await self.rows.put(INSTANCE_ANSWERS, answer)

    async def add_proposal(self, proposal: Proposal) -> None:
        """Add the proposal of another time."""
        await self.rows.put(PROPOSALS, KeptProposal(place=new_id(), proposal=proposal))
        if proposal.state is ProposalState.OPEN:
            await self._note_proposal(proposal)
            await self._count_open(proposal, 1)

    async def _note_proposal(self, proposal: Proposal) -> None:
        self.note(
            ChangeKind.PROPOSAL,
            at=proposal.arrived,
            organizer=await self._organizer(proposal.event_uid),
            event_uid=proposal.event_uid,
            email=proposal.email,
            sequence=proposal.sequence,
            status=proposal.state.value,
            words=proposal.comment,
            chain=await self.chain_of(proposal.event_uid, proposal.email, proposal.arrived),
        )

    async def _count_open(self, proposal: Proposal, n: int) -> None:
        self.count(proposal.event_uid, await self._organizer(proposal.event_uid), "proposals", n)

    async def settle_proposal(self, proposal: Proposal, state: ProposalState) -> Proposal:
        """Store the new state of a proposal, and return the proposal."""
        settled = proposal.model_copy(update={"state": state})
        opened = (state is ProposalState.OPEN) - (proposal.state is ProposalState.OPEN)
        if opened:
            await self._count_open(proposal, opened)
        kept = await self.rows.get(PROPOSALS, proposal.event_uid, "proposal", proposal.email, proposal.id)
        if kept:
            await self.rows.put(PROPOSALS, kept.model_copy(update={"proposal": settled}))
        return settled

    async def add_delegation(self, delegation: Delegation) -> None:
        """Store a delegation, once even if repeated."""
        await self.rows.add(DELEGATIONS, delegation)

    async def end_proxy(self, event_uid: str, delegate: str) -> None:
        """Let no one else answer for a delegate any more; the delegation itself stays known."""
        for one in await self.rows.by(DELEGATIONS, "delegate", joined(event_uid, delegate)):
            if one.added:
                await self.rows.put(DELEGATIONS, one.model_copy(update={"added": False}))

    async def add_alias(self, event_uid: str, email: str, alias: str) -> None:
        """Store the first other address from which an attendee answers; later ones are ignored."""
        await self.rows.add(ALIASES, Alias(event_uid=event_uid, email=email, alias=alias))

    async def note_automatic_reply(
        self, event_uid: str, email: str, words: str, now: datetime, most: int
    ) -> bool:
        """Store an automatic reply of an attendee; False without storing it if there are `most` already."""
        if len(await self.automatic_replies(event_uid, email)) >= most:
            return False
        noted = self.note(
            ChangeKind.AUTOMATIC_REPLY,
            at=now,
            organizer=await self._organizer(event_uid),
            event_uid=event_uid,
            email=email,
            words=words,
        )
        await self.rows.put(AUTOMATIC_REPLIES, AutomaticReply(place=new_id(), change=noted))
        return True
