"""What attendees answer beside Yes, No or Maybe to a whole event."""

from __future__ import annotations

from datetime import date, datetime
from typing import Protocol

from engine.model.answers import Delegation, InstanceAnswer, Proposal, ProposalState


class Answers(Protocol):
    """The part of a unit of work that concerns single instances, proposals, delegations and aliases."""

    async def instance_answer(
        self, event_uid: str, email: str, recurrence_id: date | datetime
    ) -> InstanceAnswer | None:
        """What an attendee answered for one instance, or None."""
        ...

    async def save_instance_answer(self, answer: InstanceAnswer) -> None:
        """Store an answer for one instance, replacing the previous one."""
        ...

    async def add_proposal(self, proposal: Proposal) -> None:
        """Add the proposal of another time."""
        ...

    async def settle_proposal(self, proposal: Proposal, state: ProposalState) -> Proposal:
        """Store the outcome of a proposal, and return the proposal with it."""
        ...

    async def proposals(
        self,
        event_uid: str,
        email: str | None = None,
        state: ProposalState | None = ProposalState.OPEN,
        limit: int = 10_000,
    ) -> list[Proposal]:
        """Proposals for an event, oldest first; of one attendee if given; `state` None: in any state."""
        ...

    async def add_delegation(self, delegation: Delegation) -> None:
        """Store a delegation; safe to repeat."""
        ...

    async def delegations(self, event_uid: str, email: str) -> list[Delegation]:
        """Delegations by an attendee and to them, oldest first."""
        ...

    async def end_proxy(self, event_uid: str, delegate: str) -> None:
        """From now on only the delegate answers for themselves; the delegation stays known."""
        ...

    async def alias(self, event_uid: str, email: str) -> str:
        """The other address under which an attendee answers; empty if none is known."""
        ...

    async def add_alias(self, event_uid: str, email: str, alias: str) -> None:
        """Note the first other address under which an attendee answers; a later one changes nothing."""
        ...
