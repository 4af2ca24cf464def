"""Answers for single instances, proposals of other times, and delegations."""

from __future__ import annotations

from datetime import date, datetime

from engine.model.answers import Delegation, InstanceAnswer, Proposal, ProposalState
from engine.model.people import Partstat
from engine.store.sqlite import changes, rows
from engine.store.sqlite.session import Session

_MAX = 10_000
_ANSWER_COLUMNS = "event_uid, email, recurrence_id, partstat, sequence, dtstamp, arrived"


class Answers(Session):
    """The part of a unit of work for what attendees answer besides Yes, No or Maybe to an event."""

    # single instances

    async def instance_answer(
        self, event_uid: str, email: str, recurrence_id: date | datetime
    ) -> InstanceAnswer | None:
        found = await self.instance_answers(event_uid, email, recurrence_id, limit=1)
        return found[0] if found else None

    async def save_instance_answer(self, answer: InstanceAnswer) -> None:
        """Store an attendee's answer for one instance, replacing an earlier one."""
        await self.run(
            f"INSERT INTO instance_answer({_ANSWER_COLUMNS}) VALUES (?,?,?,?,?,?,?) "
            "ON CONFLICT DO UPDATE SET partstat = excluded.partstat, sequence = excluded.sequence, "
            "dtstamp = excluded.dtstamp, arrived = excluded.arrived",
            [
                answer.event_uid,
                answer.email,
                rows.instant_text(answer.recurrence_id),
                answer.partstat.value,
                answer.sequence,
                answer.dtstamp.timestamp(),
                answer.arrived.timestamp(),
            ],
        )

    async def instance_answers(
        self,
        event_uid: str,
        email: str | None = None,
        recurrence_id: date | datetime | None = None,
        *,
        limit: int = _MAX,
    ) -> list[InstanceAnswer]:
        """Answers for single instances; of one attendee or for one instance, if given."""
        where, values = ["event_uid = ?"], [event_uid]
        if email is not None:
            where.append("email = ?")
            values.append(email)
        if recurrence_id is not None:
            where.append("recurrence_id = ?")
            values.append(rows.instant_text(recurrence_id))
        found = await self.all(
            f"SELECT {_ANSWER_COLUMNS} FROM instance_answer WHERE {' AND '.join(where)} "
            "ORDER BY recurrence_id, email LIMIT ?",
            [*values, limit],
        )
        return [
            InstanceAnswer(
                event_uid=row["event_uid"],
                email=row["email"],
                recurrence_id=row["recurrence_id"],
                partstat=Partstat(row["partstat"]),
                sequence=row["sequence"],
                dtstamp=rows.at(row["dtstamp"]),
                arrived=rows.at(row["arrived"]),
            )
            for row in found
        ]

    # proposals

    async def add_proposal(self, proposal: Proposal) -> None:
        await self.run(
            "INSERT INTO proposal(id, event_uid, email, state, arrived, body) VALUES (?,?,?,?,?,?)",
            [
                proposal.id,
                proposal.event_uid,
                proposal.email,
                proposal.state.value,
                proposal.arrived.timestamp(),
                proposal.model_dump_json(),
            ],
        )
        if proposal.state is ProposalState.OPEN:
            await changes.note_proposal(self, proposal)
            await self._count_open(proposal, 1)

    async def settle_proposal(self, proposal: Proposal, state: ProposalState) -> Proposal:
        """Store the new state of a proposal."""
        settled = proposal.model_copy(update={"state": state})
        opened = (state is ProposalState.OPEN) - (proposal.state is ProposalState.OPEN)
        if opened:
            await self._count_open(proposal, opened)
        await self.run(
            "UPDATE proposal SET state = ?, body = ? WHERE id = ?",
            [state.value, settled.model_dump_json(), proposal.id],
        )
        return settled

    async def _count_open(self, proposal: Proposal, n: int) -> None:
        row = await self.one("SELECT organizer FROM event WHERE uid = ?", [proposal.event_uid])
        assert row is not None, "a proposal is for an event"
        self.tally.add(proposal.event_uid, row["organizer"], "proposals", n)

    async def proposals(
        self,
        event_uid: str,
        email: str | None = None,
        state: ProposalState | None = ProposalState.OPEN,
        limit: int = _MAX,
    ) -> list[Proposal]:
        """Proposals for an event, oldest first; only open ones unless `state` is given."""
        where, values = ["event_uid = ?"], [event_uid]
        if email is not None:
            where.append("email = ?")
            values.append(email)
        if state is not None:
            where.append("state = ?")
            values.append(state.value)
        found = await self.all(
            f"SELECT body FROM proposal WHERE {' AND '.join(where)} ORDER BY rowid LIMIT ?", [*values, limit]
        )
        return [Proposal.model_validate_json(row["body"]) for row in found]

    # delegations

    async def add_delegation(self, delegation: Delegation) -> None:
        await self.run(
            "INSERT OR IGNORE INTO delegation(event_uid, delegator, delegate, at, added) VALUES (?,?,?,?,?)",
            [
                delegation.event_uid,
                delegation.delegator,
                delegation.delegate,
                delegation.at.timestamp(),
                int(delegation.added),
            ],
        )

    async def end_proxy(self, event_uid: str, delegate: str) -> None:
        """End the right to answer for a delegate of those who added them; the delegation itself stays known."""
        await self.run(
            "UPDATE delegation SET added = 0 WHERE event_uid = ? AND delegate = ?", [event_uid, delegate]
        )

    async def delegations(self, event_uid: str, email: str) -> list[Delegation]:
        """Delegations by an attendee and to them, oldest first."""
        found = await self.all(
            "SELECT * FROM delegation WHERE event_uid = ? AND (delegator = ? OR delegate = ?) ORDER BY at",
            [event_uid, email, email],
        )
        return [
            Delegation(
                event_uid=r["event_uid"],
                delegator=r["delegator"],
                delegate=r["delegate"],
                at=rows.at(r["at"]),
                added=bool(r["added"]),
            )
            for r in found
        ]

    # aliases

    async def alias(self, event_uid: str, email: str) -> str:
        """The other address from which an attendee answers; empty if none is known."""
        row = await self.one("SELECT alias FROM alias WHERE event_uid = ? AND email = ?", [event_uid, email])
        return str(row["alias"]) if row else ""

    async def add_alias(self, event_uid: str, email: str, alias: str) -> None:
        """Store the first other address from which an attendee answers; later ones are ignored."""
        await self.run(
            "INSERT OR IGNORE INTO alias(event_uid, email, alias) VALUES (?,?,?)", [event_uid, email, alias]
        )
