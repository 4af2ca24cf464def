"""The SQLite store: one file, opened by several processes at once."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

import aiosqlite

from engine.model.answers import Delegation, InstanceAnswer, Proposal, ProposalState, Receipt
from engine.model.campaigns import Campaign
from engine.model.changes import Change, ChangeKind
from engine.model.claims import Claim, SendResult
from engine.model.counters import AnswerGroup, AnswerGrouping, Figures, Intake, Quota, Rates, Statistics
from engine.model.events import Event
from engine.model.keys import Key
from engine.model.list_rows import Recipient
from engine.model.messages import History, Message
from engine.model.people import Attendee
from engine.model.queries import AttendeePage, AttendeeQuery, ChangePage, EventName, EventPage, EventQuery
from engine.model.searching import Expansion
from engine.store.protocol import Job, Unit
from engine.store.repeating import repeated
from engine.store.sqlite import changes, jobs
from engine.store.sqlite.answers import Answers
from engine.store.sqlite.attendees import Attendees
from engine.store.sqlite.branding import BrandingAnswers
from engine.store.sqlite.campaigns import Campaigns
from engine.store.sqlite.candidates import ClaimableMessage, claims
from engine.store.sqlite.compat import in_thread
from engine.store.sqlite.connecting import connect_both, connected
from engine.store.sqlite.events import Events
from engine.store.sqlite.exports import ExportAnswers
from engine.store.sqlite.figures import FIRST_DUE, FigureQueries
from engine.store.sqlite.group_commit import asked
from engine.store.sqlite.held import HeldAnswers
from engine.store.sqlite.in_loop_reader import InLoopReader, too_long
from engine.store.sqlite.inbox_messages import InboxAsked
from engine.store.sqlite.inbox_questions import InboxQuestions
from engine.store.sqlite.links import LinkAnswers
from engine.store.sqlite.naming import Naming, event_names
from engine.store.sqlite.organizer_profiles import ProfileQuestions
from engine.store.sqlite.organizers import OrganizerAnswers
from engine.store.sqlite.page_questions import PageQuestions
from engine.store.sqlite.questions import Questions
from engine.store.sqlite.record_questions import RecordQuestions
from engine.store.sqlite.recount import recounted, recounted_if_little
from engine.store.sqlite.revisions import RevisionQuestions
from engine.store.sqlite.rows import moment
from engine.store.sqlite.session import Statements
from engine.store.sqlite.sessions import SessionAnswers
from engine.store.sqlite.stops import StopAnswers
from engine.store.sqlite.timing import TimingAnswers
from engine.store.sqlite.traces import TracesAsked
from engine.store.sqlite.triggers import TriggerAnswers
from engine.store.sqlite.unchanged import Unchanged
from engine.store.sqlite.unit import SqliteUnit
from engine.store.sqlite.webhooks import WebhookAnswers
from engine.store.sqlite.writing import UnitWriter

T = TypeVar("T")

_LITTLE_S = 1.0
"""The seconds for which the finding that there is little to search is cached."""


def _by_time(query: EventQuery) -> bool:
    """True if an index on times suffices: there are no words to search for and no people to count."""
    return not (query.query.strip() or query.location or query.status) and query.has_attendees is None


class SqliteStore(
    HeldAnswers,
    SessionAnswers,
    OrganizerAnswers,
    StopAnswers,
    RecordQuestions,
    PageQuestions,
    ProfileQuestions,
    RevisionQuestions,
    LinkAnswers,
    TracesAsked,
    InboxQuestions,
    TriggerAnswers,
    WebhookAnswers,
    InboxAsked,
    Naming,
    TimingAnswers,
    ExportAnswers,
    BrandingAnswers,
):
    """Stores everything in one SQLite file in WAL mode with `synchronous=FULL`."""

    items_per_unit = claims_at_once = SqliteUnit.items_per_unit

    def __init__(
        self,
        writer: aiosqlite.Connection,
        reader: aiosqlite.Connection,
        rates: Rates,
        path: Path,
        expand: Expansion | None = None,
    ) -> None:
        self._path = path
        self._writer = UnitWriter(writer, path, self._new_unit)
        self._reader = reader
        self._loop_reader = InLoopReader(path)
        self._unchanged = Unchanged(self._loop_reader.written_mark)
        self._unseen = 0
        self._rates = rates
        self._expand = expand
        self._little, self._little_until = False, 0.0
        self._questions = self._questions_over(reader)

    @classmethod
    async def open(
        cls, path: Path, rates: Rates | None = None, expand: Expansion | None = None
    ) -> SqliteStore:
        """Open the file, creating or migrating it as needed.

        `rates`: what all processes together may claim. `expand`: lists the instances of a series, so that each is
        found; without it only the first is. Raises NewerDatabase, OSError.
        """
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        try:
            writer, reader = await connect_both(path)
        except sqlite3.Error as error:
            raise OSError(errno.EIO, f"the database cannot be opened: {error}", str(path)) from error
        store = cls(writer, reader, rates or Rates(), path, expand)
        try:
            await store._make_findable()
        except BaseException:
            await store.close()
            raise
        return store

    async def _make_findable(self) -> None:
        """Index the events of an older database, some at a time, so that other processes can write too."""
        while self._expand and await self._questions.one("SELECT 1 FROM search_pending LIMIT 1"):
            async with self._writer.transaction() as unit:
                await unit.make_pending_findable()

    async def close(self) -> None:
        await self._writer.close()
        self._loop_reader.close()
        await self._reader.close()

    @asynccontextmanager
    async def unit(self) -> AsyncIterator[Unit]:
        """A unit of work, committed when the block ends and rolled back if it raises."""
        async with self._writer.transaction() as unit:
            yield unit

    def _new_unit(self, connection: Statements) -> SqliteUnit:
        unit = SqliteUnit(connection)
        unit.expand = self._expand
        return unit

    async def transact(self, work: Callable[[Unit], Coroutine[object, object, T]]) -> T:
        """A unit of work that waits for nothing but the store, and so delays others less."""
        return await repeated(lambda: self._writer.transact(work))

    # questions

    async def _in_loop(self, ask: Callable[[Statements], Coroutine[object, object, T]]) -> T:
        """Ask in the event loop, since for a few indexed rows sending the query to a thread takes longer."""
        try:
            return await ask(self._loop_reader.statements)
        except sqlite3.OperationalError as error:
            if not too_long(error):
                raise
            return await self._in_thread(ask)

    async def _in_thread(self, ask: Callable[[Statements], Coroutine[object, object, T]]) -> T:
        """Ask in the reader's thread, with all statements at once, for questions that may take long."""
        return await in_thread(self._reader, lambda connection: asked(connection, ask))

    def _questions_over(self, statements: Statements) -> Questions:
        questions = Questions(statements)
        questions.expand = self._expand
        return questions

    async def event(self, uid: str) -> Event | None:
        return await self._in_loop(lambda s: Questions(s).event(uid))

    async def event_names(self, uids: Collection[str]) -> dict[str, EventName]:
        return await self._in_loop(lambda s: event_names(s, uids))

    async def event_by_source(self, organizer: str, source_uid: str) -> Event | None:
        return await Events(self._reader).event_by_source(organizer, source_uid)

    async def attendee_by_token(self, token: str) -> Attendee | None:
        return await self._in_loop(lambda s: Attendees(s).attendee_by_token(token))

    async def events_named(self, name: str, actor: str) -> list[Event]:
        return await self._in_loop(lambda s: Events(s).events_named(name, actor))

    async def events_with_statistics(self, name: str, actor: str) -> list[tuple[Event, Statistics]]:
        return await self._in_loop(lambda s: Questions(s).events_with_statistics(name, actor))

    async def search(self, query: EventQuery) -> EventPage:
        little = await self._searched_soon()
        if little or _by_time(query):
            questions = self._questions_over(self._loop_reader.statements)
            questions.little = little
            try:
                return await questions.search(query)
            except sqlite3.OperationalError as error:
                if not too_long(error):
                    raise
        return await self._in_thread(lambda s: self._questions_over(s).search(query))

    async def _searched_soon(self) -> bool:
        """True if there is little to search; checked at most once a second."""
        if time.monotonic() > self._little_until:
            self._little = await self._in_loop(lambda s: Questions(s).searched_soon())
            self._little_until = time.monotonic() + _LITTLE_S
        return self._little

    async def listed(self, search_cursor: str) -> tuple[str, ...]:
        return await self._questions.listed(search_cursor)

    async def names(self, organizer: str | None, phrases: Collection[str]) -> frozenset[str]:
        return await self._in_thread(lambda s: self._questions_over(s).names(organizer, phrases))

    async def attendees(self, query: AttendeeQuery) -> AttendeePage:
        return await self._in_loop(lambda s: Questions(s).attendees(query))

    def every_attendee(self, uid: str) -> AsyncIterator[Attendee]:
        return self._questions.every_attendee(uid)

    async def statistics(self, scope: str, key: str) -> Statistics:
        return await self._in_loop(lambda s: Questions(s).statistics(scope, key))

    async def message_by_message_id(self, message_id: str) -> Message | None:
        return await self._in_loop(lambda s: Questions(s).message_by_message_id(message_id))

    async def campaign(self, campaign_id: str) -> Campaign | None:
        return await self._in_loop(lambda s: Campaigns(s).campaign(campaign_id))

    async def campaigns(
        self, organizer: str | None, limit: int, before: tuple[datetime, str] | None = None
    ) -> list[Campaign]:
        return await self._in_loop(lambda s: Questions(s).campaigns(organizer, limit, before))

    async def campaign_counts(self, campaign_id: str) -> dict[str, int]:
        return await self._in_loop(lambda s: Campaigns(s).campaign_counts(campaign_id))

    async def skipped(self, campaign_id: str, limit: int, after: int = 0) -> list[Recipient]:
        return await self._in_loop(lambda s: Campaigns(s).skipped(campaign_id, limit, after))

    async def failures(self, campaign_id: str, limit: int) -> list[Message]:
        return await self._in_loop(lambda s: Questions(s).failures(campaign_id, limit))

    async def attendee(self, event_uid: str, email: str) -> Attendee | None:
        return await self._in_loop(lambda s: Questions(s).attendee(event_uid, email))

    async def history(self, event_uid: str, email: str) -> list[History]:
        return await self._in_loop(lambda s: Questions(s).history(event_uid, email))

    async def receipts(self, event_uid: str, email: str) -> list[Receipt]:
        return await self._in_loop(lambda s: Questions(s).receipts(event_uid, email))

    async def instance_answers(
        self, event_uid: str, email: str | None = None, recurrence_id: date | datetime | None = None
    ) -> list[InstanceAnswer]:
        return await self._in_loop(lambda s: Answers(s).instance_answers(event_uid, email, recurrence_id))

    async def proposals(
        self, event_uid: str, email: str | None = None, state: ProposalState | None = ProposalState.OPEN
    ) -> list[Proposal]:
        return await self._in_loop(lambda s: Answers(s).proposals(event_uid, email, state))

    async def delegations(self, event_uid: str, email: str) -> list[Delegation]:
        return await self._in_loop(lambda s: Answers(s).delegations(event_uid, email))

    async def changes(
        self, owner: str | None, since: str | None, limit: int, *kinds: ChangeKind
    ) -> ChangePage:
        return await self._in_loop(lambda s: changes.page(Questions(s), owner, since, limit, kinds))

    async def automatic_replies(self, event_uid: str, email: str) -> list[Change]:
        return await self._in_loop(lambda s: changes.automatic_replies(Questions(s), event_uid, email))

    async def answer_groups(self, scope: str, key: str, by: AnswerGrouping, limit: int) -> list[AnswerGroup]:
        return await self._questions.answer_groups(scope, key, by, limit)

    async def key_by_digest(self, digest: str) -> Key | None:
        return await self._in_loop(lambda s: Questions(s).key_by_digest(digest))

    async def keys(self) -> list[Key]:
        return await self._in_loop(lambda s: Questions(s).keys())

    async def noted(self, intake_prefix: str) -> bool:
        return await self._questions.noted(intake_prefix)

    async def notes(self, intake_prefix: str) -> list[Intake]:
        return await self._questions.notes(intake_prefix)

    async def tokens(self, asked: Collection[str]) -> set[str]:
        return await self._questions.tokens(asked)

    def token_now(self, token: str) -> bool | None:
        return self._loop_reader.token(token)

    async def organizes(self, address: str) -> bool:
        return await self._questions.organizes(address)

    async def revision(self) -> int:
        mark = self._loop_reader.written_mark()
        if mark is None:
            self._unseen -= 1  # unlike any before: something may have been written
            return self._unseen
        return mark

    async def announce(self) -> None:
        """Nothing to do: the file itself shows what was written."""

    async def answered(self, after: str | None) -> tuple[str, frozenset[str]]:
        return await self._questions.answered(after)

    async def figures(self) -> Figures:
        return await FigureQueries(self._reader).figures()

    async def recount(self) -> list[str]:
        """Every difference between counters and rows at one instant; others write meanwhile."""
        found = await self._in_thread(recounted_if_little)
        if found is None:
            async with connected(self._path) as connection:
                found = await in_thread(connection, lambda inner: asked(inner, recounted))
        return found

    # the dispatcher's side

    async def claim_messages(
        self,
        owner: str,
        limit: int,
        clock: Callable[[], datetime],
        lease_s: float,
        *,
        reclaim: bool = True,
        quota: str = "",
    ) -> list[Claim]:
        async def work(unit: SqliteUnit) -> list[ClaimableMessage]:
            now = clock()
            if reclaim:
                await unit.reclaim(now, lease_s)
            return await unit.claim(owner, limit, now, lease_s, self._rates, quota)

        judged = await self._writer.transact(work)
        return await claims(judged)

    async def renew_leases(self, owner: str, clock: Callable[[], datetime], lease_s: float) -> set[str]:
        """Extend the leases of `owner` to `lease_s` seconds from now, and return the ids of their messages."""
        return await self._writer.transact(lambda unit: unit.renew(owner, clock().timestamp() + lease_s))

    async def write_answers(self, owner: str, answers: Sequence[SendResult], now: datetime) -> None:
        """Record the results of claimed messages, in one transaction."""
        await self._writer.transact(lambda unit: unit.write(owner, answers, now))

    async def due_jobs(self, now: datetime, fail_share: float = 0) -> frozenset[Job]:
        """The kinds of jobs that are due."""
        return await self._in_loop(lambda s: jobs.waiting(s, now, fail_share))

    async def quota_read(self, name: str) -> datetime | None:
        """When the quota was last read from its mail service; None if it never was."""
        row = await self._questions.one("SELECT read FROM quota WHERE name = ?", [name])
        return moment(row["read"]) if row else None

    async def read_quota(self, name: str, quota: Quota, now: datetime) -> None:
        """Store a quota as its mail service reported it."""
        await self._writer.transact(lambda unit: unit.read_quota(name, quota, now))

    async def slow_down(self, name: str, now: datetime, *, spent: bool) -> None:
        """Halve the rate of a quota whose service throttles; `spent`: send nothing more today."""
        await self._writer.transact(lambda unit: unit.slow_down(name, now, spent=spent))

    async def senders(self) -> int:
        """How many dispatchers hold messages now."""
        row = await self._questions.one("SELECT count(DISTINCT owner) AS n FROM lease")
        return int(row["n"]) if row else 0

    async def backlog(self) -> int:
        """How many messages running campaigns without their own rate owe, written or not, except deferred ones."""
        return await Campaigns(self._reader).backlog()

    async def next_due(self) -> datetime | None:
        """When the next message is due or the next lease may expire; None if nothing is owed."""
        sql = f"SELECT min(t) AS t FROM ({FIRST_DUE} UNION ALL SELECT min(until) FROM lease)"
        row = await self._in_loop(lambda s: Questions(s).one(sql))
        return moment(row["t"]) if row else None
