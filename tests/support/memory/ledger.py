"""A unit of work over a snapshot: the ledger and campaigns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from engine.model.bulk_changes import BulkAction, BulkChange
from engine.model.campaigns import Campaign, CampaignState
from engine.model.changes import ChangeKind
from engine.model.counters import PersonMails
from engine.model.list_rows import Recipient
from engine.model.messages import Fanout, Kind, Message, MessageState
from engine.model.people import Attendee, Partstat
from engine.refusals import Code
from engine.store import rules
from tests.support.memory.suppressions import SuppressionUnit
from tests.support.memory.tables import Owed, Tables, new_id

_GOES_ON = {CampaignState.RUNNING, CampaignState.CANCELLED}
_ENDED = {MessageState.FAILED, MessageState.WITHDRAWN}
_AT_REST = {
    CampaignState.FINISHED: ChangeKind.CAMPAIGN_FINISHED,
    CampaignState.CANCELLED: ChangeKind.CAMPAIGN_CANCELLED,
    CampaignState.PAUSED: ChangeKind.CAMPAIGN_PAUSED,
}


def opaque(place: int | str) -> str:
    """A cursor or an id of this store: letters in order, so that no one counts with it."""
    return place if isinstance(place, str) else f"{place:08d}".translate(_LETTERS)


def shown(owed: Owed) -> Message:
    """A message as others see it: being sent while somebody holds it."""
    if not owed.owner or not owed.message.state.pending:
        return owed.message
    values = {"state": MessageState.SENDING, "attempts": owed.message.attempts + 1}
    return owed.message.model_copy(update=values)


def touched(owed: Owed) -> bool:
    """True if the mail has left, or may have."""
    return bool(owed.owner and owed.message.state.pending) or owed.message.state is MessageState.SENT


_LETTERS = str.maketrans("0123456789", "abcdefghij")


class LedgerUnit(SuppressionUnit):
    """The part of a unit of work that concerns messages and campaigns."""

    note: Callable[..., None]
    items_per_unit = 30

    def __init__(self, tables: Tables) -> None:
        self.t = tables

    @property
    def rows_per_unit(self) -> int:
        return self.items_per_unit

    @property
    def invites_per_unit(self) -> int:
        return self.items_per_unit

    @property
    def writes(self) -> int:
        return self.t.writes

    def owed(self, fits: Callable[[Message], bool]) -> list[tuple[int, Owed]]:
        """The rows of the ledger whose message fits, oldest first."""
        return [(key, row) for key, row in self.t.of("message").items() if fits(row.message)]

    def messages_of(self, event_uid: str) -> list[Message]:
        return [row.message for _, row in self.owed(lambda m: m.event_uid == event_uid)]

    def attendees_of(self, event_uid: str) -> list[Attendee]:
        """The attendees of an event, without those whose invite was withdrawn."""
        return list(self.t.where("attendee", lambda a: a.event_uid == event_uid and a.withdrawn is None))

    async def person_mails(self, emails: Collection[str], now: datetime) -> dict[str, PersonMails]:
        found: dict[str, PersonMails] = {}
        for who in {rules.person(email) for email in emails}:
            today = self.owed(
                lambda m, who=who: (  # type: ignore[misc]
                    rules.counts_for_person(m)
                    and rules.person(m.email) == who
                    and rules.day(m.created) == rules.day(now)
                )
            )
            if today:
                prompted = sum(row.message.prompted for _, row in today)
                found[who] = PersonMails(all=len(today), prompted=prompted)
        return found

    async def drop_days(self, now: datetime, limit: int) -> int:
        return 0

    async def add_messages(self, messages: Sequence[Message], *, priority: int) -> None:
        ended = {
            rules.ledger_key(m): m.state in _ENDED and not m.in_doubt
            for _, row in self.owed(lambda m: bool(m.method) and not m.repeat)
            for m in [row.message]
        }
        uids = {m.event_uid for m in rules.updates(messages)}
        waiting = {
            row.message.email
            for _, row in self.owed(
                lambda m: m.event_uid in uids and m.kind is Kind.INVITE and m.state.pending
            )
            if not (row.owner or row.message.in_doubt or row.message.recurrence_id)
        }
        for message in rules.newly_owed(rules.not_covered(messages, waiting), ended):
            held = self._state_of(message.campaign_id) is CampaignState.PAUSED
            key = opaque(new_id())
            self.t.put("message", key, Owed(message.model_copy(update={"id": key}), priority, held))
            self.t.owed.append(message.message_id)

    def _state_of(self, campaign_id: str | None) -> CampaignState | None:
        campaign = self.t.get("campaign", campaign_id)
        return campaign.state if campaign else None

    async def last_message(self, event_uid: str, email: str) -> Message | None:
        return self._last(event_uid, email, lambda _: True)

    async def last_sent(self, event_uid: str, email: str) -> Message | None:
        return self._last(event_uid, email, touched)

    def _last(self, event_uid: str, email: str, fits: Callable[[Owed], bool]) -> Message | None:
        found = self.owed(lambda m: (m.event_uid, m.email) == (event_uid, email) and bool(m.method))
        return next((shown(row) for _, row in reversed(found) if fits(row)), None)

    async def last_report(self, event_uid: str, email: str) -> datetime | None:
        found = self.owed(lambda m: (m.kind, m.event_uid, m.email) == (Kind.REPORT, event_uid, email))
        return max((row.message.created for _, row in found), default=None)

    async def notified(self, event_uid: str, emails: Collection[str]) -> set[str]:
        found = self.owed(lambda m: m.event_uid == event_uid and m.email in emails and m.method == "REQUEST")
        return {row.message.email for _, row in found if touched(row) or row.message.in_doubt}

    async def sent_message(self, message_id: str, transport_id: str) -> Message | None:
        known = self.t.get("transport", transport_id)
        by_id = self.owed(lambda m: bool(message_id) and m.message_id == message_id)
        found = by_id or [(known, self.t.get("message", known))] * (known is not None)
        return shown(found[0][1]) if found else None

    async def bounce(self, message: Message, answer: str, now: datetime) -> bool:
        row = self.t.get("message", message.id)
        if row is None or not touched(row):
            return False
        self.settle([(message.id, row)], MessageState.FAILED, Code.BOUNCED, now, answer)
        return True

    async def note_answer(self, message: Message, answer: str) -> bool:
        row = self.t.get("message", message.id)
        if row is None or row.message.state is not MessageState.SENT:
            return False
        self.t.put("message", message.id, row.changed(answer=answer))
        return True

    def settle(
        self,
        rows: Iterable[tuple[int, Owed]],
        state: MessageState,
        code: str,
        now: datetime,
        answer: str = "",
    ) -> int:
        """Let messages end; returns how many."""
        count = 0
        for key, row in rows:
            values = {"state": state, "code": str(code), "settled": now}
            ended = row.changed(**values, **({"answer": answer} if answer else {}))
            self.t.put("message", key, ended)
            if state is MessageState.FAILED:
                self.note_failure(ended.message)
            count += 1
        return count

    async def hand_over(self, message: Message, now: datetime) -> None:
        self.settle(self._waiting(lambda m: m.id == message.id), MessageState.SENT, Code.HANDED_OVER, now)

    async def add_sent(self, messages: Sequence[Message], now: datetime) -> None:
        own = {"state": MessageState.SENT, "code": Code.HANDED_OVER.value}
        await self.add_messages(
            [m.model_copy(update={**own, "settled": m.created}) for m in messages], priority=1
        )

    def note_failure(self, m: Message) -> None:
        """A message failed, or came back."""
        kind = ChangeKind.MESSAGE_BOUNCED if m.code == Code.BOUNCED else ChangeKind.MESSAGE_FAILED
        values = {"organizer": m.organizer, "email": m.email, "campaign_id": m.campaign_id or ""}
        assert m.settled is not None
        self.note(
            m.event_uid,
            m.settled,
            kind,
            sequence=m.sequence,
            status=m.kind,
            code=m.code,
            words=m.answer,
            **values,
        )

    def _waiting(self, fits: Callable[[Message], bool]) -> list[tuple[int, Owed]]:
        return [(key, row) for key, row in self.owed(lambda m: m.state.pending and fits(m)) if not row.owner]

    async def withdraw_for_attendee(self, email: str, organizer: str, code: Code, now: datetime) -> int:
        uids = {e.uid for e in self.t.of("event").values() if e.organizer == organizer}
        rows = self._waiting(lambda m: m.email == email and m.event_uid in uids and bool(m.method))
        return self.settle(rows[: self.items_per_unit], MessageState.WITHDRAWN, code, now)

    async def withdraw_for_person(self, event_uid: str, email: str, code: Code, now: datetime) -> int:
        rows = self._waiting(lambda m: (m.event_uid, m.email) == (event_uid, email) and bool(m.method))
        return self.settle(rows, MessageState.WITHDRAWN, code, now)

    async def change_messages(self, change: BulkChange, now: datetime) -> str | None:
        if change.action is BulkAction.OWE_AGAIN:
            return self._owed_again(change)
        if change.action in {BulkAction.SEND_UNDECIDED, BulkAction.DROP_UNDECIDED}:
            return self._decided(change, now)
        if change.action is BulkAction.PUT_OFF:
            assert change.since
            assert change.due
            await self.put_off(change.event_uid, change.since, change.due)
            return None
        meant = self._waiting(lambda m: self._meant(change, m))
        chosen = [(key, row) for key, row in meant if opaque(key) > change.cursor][: self.items_per_unit]
        if change.action is BulkAction.WITHDRAW:
            self.settle(chosen, MessageState.WITHDRAWN, Code(change.code), now)
        else:
            for key, row in chosen:
                new = replace(row, held=change.action is BulkAction.HOLD)
                soon = change.action is BulkAction.DUE_NOW
                self.t.put("message", key, row.changed(due=now) if soon else new)
        return opaque(chosen[-1][0]) if len(chosen) == self.items_per_unit else None

    def undecided(self, key_id: str) -> list[tuple[str, Owed]]:
        codes = {Code.KEY_ENDED, Code.OUT_OF_BOUNDS}
        mine = self.owed(lambda m: m.state.pending and key_id in m.key.split() and m.code in codes)
        return [(key, row) for key, row in mine if row.held]

    def _decided(self, change: BulkChange, now: datetime) -> str | None:
        chosen = self.undecided(change.key)[: self.items_per_unit]
        if change.action is BulkAction.DROP_UNDECIDED:
            self.settle(chosen, MessageState.WITHDRAWN, Code(change.code), now)
        else:
            for key, row in chosen:
                self.t.put("message", key, replace(row.changed(code="", key=""), held=False))
        return opaque(chosen[-1][0]) if len(chosen) == self.items_per_unit else None

    def _owed_again(self, change: BulkChange) -> str | None:
        assert change.since
        since = change.since

        def meant(m: Message) -> bool:
            ended = m.state is MessageState.WITHDRAWN and m.settled is not None and m.settled >= since
            return ended and (m.event_uid, m.code) == (change.event_uid, change.code) and bool(m.method)

        chosen = [(key, row) for key, row in self.owed(meant) if opaque(key) > change.cursor]
        for key, row in chosen[: self.items_per_unit]:
            again = row.changed(state=MessageState.QUEUED, code="", settled=None)
            self.t.put("message", key, replace(again, held=False))
        return opaque(chosen[self.items_per_unit - 1][0]) if len(chosen) >= self.items_per_unit else None

    def _meant(self, change: BulkChange, m: Message) -> bool:
        if change.campaign_id:
            return m.campaign_id == change.campaign_id
        if change.event_uid:
            whole = m.method and m.kind is not Kind.WITHDRAWAL and m.sequence < change.before
            return m.event_uid == change.event_uid and bool(whole)
        paused = self._state_of(m.campaign_id) is CampaignState.PAUSED
        keyed = not change.key or change.key in m.key.split()
        keyed = keyed and change.due in {None, m.due}
        return not paused and keyed and change.organizer in {"", m.organizer}

    async def keep_bulk_change(self, change: BulkChange) -> None:
        self.t.put("bulk_change", change.scope, change)

    async def next_bulk_change(self) -> BulkChange | None:
        return next(iter(self.t.of("bulk_change").values()), None)

    async def bulk_change(self, scope: str) -> BulkChange | None:
        found: BulkChange | None = self.t.get("bulk_change", scope)
        return found

    async def end_bulk_change(self, change: BulkChange) -> None:
        self.t.drop("bulk_change", change.scope)

    # audiences and jobs

    def _audience(
        self,
        event_uid: str,
        partstats: Collection[Partstat],
        recurrence_id: date | datetime | None,
        emails: Collection[str] = (),
    ) -> list[Attendee]:
        instance = recurrence_id.isoformat() if recurrence_id else None
        others = {
            key[1]
            for key, answer in self.t.of("instance_answer").items()
            if key[0] == event_uid and answer.partstat in partstats and instance in {None, key[2]}
        }
        others |= set(emails)
        people, off = self.attendees_of(event_uid), self._called_off(event_uid)
        meant = {
            a.email for a in people if a.partstat in partstats and (a.receipt_arrived or a.email not in off)
        }
        return [a for a in people if a.proven and a.email in meant | others]

    def _called_off(self, event_uid: str) -> set[str]:
        """The people whose every request was withdrawn with its campaign, an invite among them."""
        requests = [m for m in self.messages_of(event_uid) if m.method == "REQUEST"]
        why = (MessageState.WITHDRAWN, Code.CAMPAIGN_CANCELLED, False)
        others = {m.email for m in requests if (m.state, m.code, m.in_doubt) != why}
        return {m.email for m in requests if m.kind is Kind.INVITE} - others

    async def audience_size(
        self,
        event_uid: str,
        partstats: Collection[Partstat],
        recurrence_id: date | datetime | None = None,
        emails: Collection[str] = (),
    ) -> int:
        return len(self._audience(event_uid, partstats, recurrence_id, emails))

    async def notified_size(
        self,
        event_uid: str,
        partstats: Collection[Partstat],
        recurrence_id: date | datetime | None = None,
        emails: Collection[str] = (),
    ) -> int:
        people = self._audience(event_uid, partstats, recurrence_id, emails)
        return len(await self.notified(event_uid, [a.email for a in people]))

    async def audience(self, job: Fanout, limit: int) -> tuple[list[Attendee], str | None]:
        people = self._audience(job.event_uid, job.partstats, job.recurrence_id, job.emails)
        order = {key: n for n, key in enumerate(self.t.of("attendee"), start=1)}
        places = [(opaque(order[a.event_uid, a.email]), a) for a in people]
        found = [(n, a) for n, a in places if n > job.cursor][:limit]
        return [a for _, a in found], found[-1][0] if len(found) == limit else None

    async def add_fanout(self, job: Fanout) -> None:
        self.t.add("fanout", job)

    async def next_fanout(self, now: datetime) -> Fanout | None:
        for key, job in self.t.of("fanout").items():
            state = self._state_of(job.campaign_id)
            if job.due and job.due > now and state is not CampaignState.CANCELLED:
                continue
            if job.campaign_id is None or state in _GOES_ON:
                return job.model_copy(update={"id": f"job {key}"})
        return None

    async def fanout_of(self, campaign_id: str) -> Fanout | None:
        found = ((key, job) for key, job in self.t.of("fanout").items() if job.campaign_id == campaign_id)
        return next((job.model_copy(update={"id": f"job {key}"}) for key, job in found), None)

    async def move_fanout(self, job: Fanout, cursor: str | None) -> None:
        key = int(job.id.removeprefix("job "))
        if cursor is None:
            self.t.drop("fanout", key)
        else:
            self.t.put("fanout", key, job.model_copy(update={"cursor": cursor}))

    # campaigns

    async def campaign(self, campaign_id: str) -> Campaign | None:
        return self.t.get("campaign", campaign_id)

    async def add_campaign(self, campaign: Campaign, rows: Sequence[Recipient]) -> None:
        self.t.put("campaign", campaign.id, campaign)
        self.t.drop("uploading", campaign.id)
        for row in rows:
            self.t.put("row", (campaign.id, row.row), row)

    async def upload_rows(self, campaign: Campaign, rows: Sequence[Recipient]) -> None:
        self.t.put("uploading", campaign.id, campaign.created)
        for row in rows:
            self.t.put("row", (campaign.id, row.row), row)

    async def abandoned_list(self, before: datetime) -> str | None:
        found = (key for key, begun in self.t.of("uploading").items() if begun < before)
        return next(found, None)

    async def drop_rows(self, campaign_id: str, limit: int) -> None:
        rows = [key for key in self.t.of("row") if key[0] == campaign_id]
        for key in rows[:limit]:
            self.t.drop("row", key)
        if len(rows) <= limit:
            self.t.drop("uploading", campaign_id)

    async def last_campaign(self, event_uid: str, organizer: str, kind: Kind) -> Campaign | None:
        found = self.t.where(
            "campaign", lambda c: (c.event_uid, c.organizer, c.kind) == (event_uid, organizer, kind)
        )
        return max(found, key=lambda c: c.created, default=None)

    async def last_campaigns(self, event_uid: str, organizer: str, limit: int) -> list[Campaign]:
        found = self.t.where("campaign", lambda c: (c.event_uid, c.organizer) == (event_uid, organizer))
        return sorted(found, key=lambda c: c.created, reverse=True)[:limit]

    async def save_campaign(self, campaign: Campaign) -> None:
        before, kind = self.t.get("campaign", campaign.id), _AT_REST.get(campaign.state)
        if kind and before.state is not campaign.state:
            at = campaign.finished or campaign.paused or campaign.created
            values = {"campaign_id": campaign.id, "status": campaign.state, "words": campaign.note}
            self.note(campaign.event_uid, at, kind, organizer=campaign.organizer, **values)
        self.t.put("campaign", campaign.id, campaign)

    def _rows(self, campaign_id: str, after: str | int, *, good: bool) -> list[Recipient]:
        rows = [
            row
            for key, row in self.t.of("row").items()
            if key[0] == campaign_id and opaque(key[1]) > opaque(after)
        ]
        return sorted((row for row in rows if good != bool(row.code)), key=lambda row: row.row)

    async def recipients(
        self, campaign_id: str, cursor: str, limit: int
    ) -> tuple[list[Recipient], str | None]:
        found = self._rows(campaign_id, cursor, good=True)[:limit]
        return found, opaque(found[-1].row) if len(found) == limit else None

    async def recipient(self, campaign_id: str, row: int) -> Recipient | None:
        return self.t.get("row", (campaign_id, row))

    async def mark_recipients(self, campaign_id: str, codes: Mapping[int, Code]) -> None:
        for number, code in codes.items():
            row = self.t.get("row", (campaign_id, number))
            self.t.put("row", (campaign_id, number), replace(row, code=code.value))

    async def skip_recipients(self, campaign_id: str, cursor: str, code: Code, limit: int) -> str | None:
        rows, rest = await self.recipients(campaign_id, cursor, limit)
        await self.mark_recipients(campaign_id, {row.row: code for row in rows})
        return rest

    async def skipped(self, campaign_id: str, limit: int, after: int = 0) -> list[Recipient]:
        return self._rows(campaign_id, after, good=False)[:limit]

    async def campaign_counts(self, campaign_id: str) -> dict[str, int]:
        states = Counter(shown(row).state for _, row in self.owed(lambda m: m.campaign_id == campaign_id))
        counts = {state.value: states[state] for state in MessageState}
        campaign, written = self.t.get("campaign", campaign_id), sum(states.values())
        skipped = len(self._rows(campaign_id, 0, good=False))
        if campaign is None or campaign.kind is Kind.INVITE:
            total = campaign.total if campaign else skipped + written
            if campaign and campaign.state is CampaignState.CANCELLED:
                skipped = total - written
            return {**counts, "skipped": skipped, "waiting": total - skipped - written}
        left = campaign.total - written
        job = any(job.campaign_id == campaign_id for job in self.t.of("fanout").values())
        return {**counts, "skipped": 0 if job else left, "waiting": left if job else 0}

    async def next_scheduled(self, now: datetime) -> Campaign | None:
        found = self.t.where(
            "campaign", lambda c: c.state is CampaignState.SCHEDULED and c.at and c.at <= now
        )
        return min(found, key=lambda c: c.at, default=None)

    async def sent_of_campaign(self, campaign_id: str, after: str, limit: int) -> tuple[list[str], str]:
        sent = [
            row.message
            for _, row in self.owed(lambda m: m.campaign_id == campaign_id and m.state is MessageState.SENT)
        ]
        sent.sort(key=lambda m: (m.settled, m.id))
        rest = sent[int(after or 0) :]
        more = str(int(after or 0) + limit) if len(rest) > limit else ""
        return [m.message_id for m in rest[:limit]], more

    async def next_drained(self) -> Campaign | None:
        busy = {job.campaign_id for job in self.t.of("fanout").values()}
        busy |= {row.message.campaign_id for _, row in self.owed(lambda m: m.state.pending)}
        running = self.t.where("campaign", lambda c: c.state is CampaignState.RUNNING)
        return next((c for c in running if c.id not in busy), None)

    async def next_failing(self, share: float) -> tuple[Campaign, int, int, str] | None:
        for campaign in self.t.where("campaign", lambda c: c.state is CampaignState.RUNNING):
            settled = self._newest_settled(campaign)
            failed = [m for m in settled if m.state is MessageState.FAILED]
            if rules.is_failing(len(failed), len(settled), share):
                return campaign, len(failed), len(settled), failed[0].answer
        return None

    def _newest_settled(self, campaign: Campaign) -> list[Any]:
        since = campaign.resumed or campaign.started
        found = self.owed(
            lambda m: (
                m.campaign_id == campaign.id
                and m.state in {MessageState.SENT, MessageState.FAILED}
                and m.settled is not None
                and (since is None or m.settled >= since)
            )
        )
        newest = sorted((row.message for _, row in found), key=lambda m: m.settled, reverse=True)  # type: ignore[arg-type, return-value]
        return newest[: rules.FAILING_WINDOW]
