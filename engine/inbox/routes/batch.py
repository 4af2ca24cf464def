"""Mail to create@ with a table of commands: each row is carried out once, and the answer tells of each."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.attendee_report import harmless
from engine.commands import notices
from engine.commands.approvals.policies import refuse_unasked
from engine.commands.base import Done, Work
from engine.commands.intake import NoChange
from engine.commands.mails import first_proof
from engine.commands.tables import batchrows
from engine.commands.tables.batch import Batch, BatchDone, Rehearsed, RequestOutcome, StepOutcome, tallied
from engine.commands.tables.batchrows import RowStep
from engine.engine import Engine
from engine.inbox.handling.once import ALREADY_RECEIVED, apply_once
from engine.inbox.handling.reading import tables_of
from engine.inbox.handling.received import MailAction, Outcome, ReceivedMail, ignored
from engine.inbox.routes.reach import weighed
from engine.model.actors import Actor
from engine.model.counters import Intake
from engine.refusals import Code, Refused
from engine.store.protocol import Unit

CHUNK = 50
"""Rows in one transaction: few, so that other mail and the dispatcher need not wait."""
_PART = "batch"
_COPY = ignored(Code.NO_CHANGE, "The same mail was carried out before.")
_HEADER = ("row", "action", "outcome", "uid", "code", "detail")


@dataclass(frozen=True)
class _MailedRow(RowStep):
    """A row that came by mail, noted in the transaction of its change: a crash repeats no row."""

    intake_id: str = ""

    async def before(self, work: Work) -> StepOutcome | None:
        """What the note says, where an earlier run carried this row out."""
        note = await work.unit.taken_in(self.intake_id)
        if note is None:
            return None
        became = RequestOutcome(note.action)
        return StepOutcome(name=self.name, action=self.asked(), became=became, uid=note.uid, code=note.code)

    async def also(self, work: Work, outcome: StepOutcome) -> None:
        """Note what became of the row."""
        intake = Intake(
            id=self.intake_id,
            at=work.now,
            mailbox="create",
            action=outcome.became.value,
            code=outcome.code,
            uid=outcome.uid,
        )
        await work.unit.take_in(intake)


async def handle(engine: Engine, received: ReceivedMail) -> Outcome:
    """Carry out each row of the attached tables for a sender who may organize, and answer with the outcomes.

    Raises Refused if no table can be read: CSV_NO_HEADER, CSV_UNREADABLE, EMPTY_LIST, TOO_LARGE.
    """
    if before := await _came_before(engine, received):
        return before
    steps, problems = _read(engine, received)
    received = await weighed(engine, received, lambda mail: _rehearsed(engine, mail, steps))
    outcomes = await apply_all(engine, steps, received.actor)
    return await _answer(engine, received, outcomes, problems)


async def _rehearsed(engine: Engine, received: ReceivedMail, steps: Sequence[RowStep]) -> list[Outcome]:
    """What the rows would do, all of it undone again; rows that were carried out before a crash do nothing more."""
    found: list[Outcome] = []
    for start in range(0, len(steps), CHUNK):
        try:
            await apply_steps(engine, steps[start : start + CHUNK], received.actor, dry_run=True)
        except Rehearsed as would:
            doings = first_proof.doings(BatchDone(outcomes=would.outcomes))
            found.append(Outcome(action=MailAction.BATCH, doings=doings))
    return found


async def apply_all(engine: Engine, steps: Sequence[RowStep], actor: Actor) -> list[StepOutcome]:
    """Apply rows in as many transactions as the store needs, and return their outcomes."""
    outcomes: list[StepOutcome] = []
    while rest := steps[len(outcomes) : len(outcomes) + CHUNK]:
        outcomes += await apply_steps(engine, rest, actor)
    return outcomes


async def apply_steps(
    engine: Engine, steps: Sequence[RowStep], actor: Actor, *, dry_run: bool = False
) -> tuple[StepOutcome, ...]:
    """Apply some rows in one transaction, as many as it takes, and return their outcomes."""
    done = await engine.apply(Batch(steps=tuple(steps), judge=refuse_unasked, dry_run=dry_run), actor)
    return done.outcomes


def _read(engine: Engine, received: ReceivedMail) -> tuple[list[_MailedRow], list[str]]:
    """The rows of all attached tables, and what was wrong with attachments that are none."""
    steps: list[_MailedRow] = []
    reasons: list[Refused] = []
    problems: list[str] = []
    tables = tables_of(received)
    several = len(tables) > 1
    defaults = {"organizer_name": received.mail.from_name} if received.mail.from_name else {}
    for number, part in enumerate(tables, start=1):
        found = part.found
        if isinstance(found, Refused):
            reasons.append(found)
            problems.append(f"{part.filename[:100]}: not carried out: {found} ({found.code})")
            continue
        problems += unknown_columns(found.unknown)
        for row in found.rows:
            noted = received.intake(ALREADY_RECEIVED, engine.clock(), f"row:{number}:{row.row}").id
            name = f"{part.filename[:100]} {row.row}" if several else str(row.row)
            steps.append(_MailedRow(row=row, name=name, defaults=defaults, intake_id=noted))
    if not steps:
        raise reasons[0]
    if len(steps) > batchrows.ROWS_MAX:
        raise Refused(
            Code.TOO_LARGE, f"The mail has {len(steps)} rows.", f"{batchrows.ROWS_MAX} are allowed."
        )
    return steps, problems


def unknown_columns(names: Iterable[str]) -> list[str]:
    """A line for each unknown column, so that a misspelt one is noticed."""
    return [
        f"The column “{name}” was passed over: it is not understood, or is there twice." for name in names
    ]


async def _came_before(engine: Engine, received: ReceivedMail) -> Outcome | None:
    """What becomes of a mail that was carried out already: nothing, where a crash has it handled again.

    Where it arrives a second time, the copy has a note of its own, as every mail has.
    """
    if not received.mail.message_id:
        return None
    noted = received.intake(ALREADY_RECEIVED, engine.clock(), _PART).id

    async def before(unit: Unit) -> Outcome | None:
        if await unit.remembered(received.actor.address, _mail_key(received)) is None:
            return None
        return ALREADY_RECEIVED if await unit.taken_in(noted) else _COPY

    return await engine.store.transact(before)


def _mail_key(received: ReceivedMail) -> str:
    return f"batch-mail:{hashlib.sha256(received.mail.message_id.encode(errors='surrogatepass')).hexdigest()}"


class _Remember(NoChange):
    """Remember a mail by its Message-ID, in the transaction of its answer."""

    key: str

    async def carry_out(self, work: Work) -> Done:
        if await work.unit.remembered(work.actor.address, self.key) is None:
            await work.unit.remember(work.actor.address, self.key, "", "", work.now)
        return Done()


async def _answer(
    engine: Engine, received: ReceivedMail, outcomes: Sequence[StepOutcome], problems: Sequence[str]
) -> Outcome:
    failed = [outcome for outcome in outcomes if outcome.became is RequestOutcome.FAILED]
    uninvited = [o for o in outcomes if o.action == "create" and o.code not in {"", Code.NO_CHANGE}]
    uninvited = [o for o in uninvited if o not in failed]
    outcome = Outcome(
        action=MailAction.BATCH,
        uid=outcomes[0].uid if len(outcomes) == 1 else "",
        code=next((outcome.code for outcome in (*failed, *uninvited)), ""),
        detail=in_words(outcomes),
    )
    problems = [*problems, *map(line, (*failed, *uninvited))]
    anything = len(failed) < len(outcomes)
    language = notices.spoken(await engine.organizer_language(received.actor.address))
    notice = notices.batch_done(
        in_words(outcomes), problems, table(outcomes), anything=anything, language=language
    )
    command = _Remember(key=_mail_key(received)) if received.mail.message_id else NoChange()
    return await apply_once(
        engine,
        received,
        command,
        received.actor,
        outcome=lambda _: outcome,
        notice=lambda _: notice,
        part=_PART,
    )


def in_words(outcomes: Sequence[StepOutcome]) -> str:
    """The number of rows by outcome: “Rows: 3; created 2, failed 1”."""
    counts = ", ".join(f"{name} {n}" for name, n in tallied(outcomes).items() if n)
    return f"Rows: {len(outcomes)}; {counts}"


def line(outcome: StepOutcome) -> str:
    """One outcome as a line of text."""
    return f"row {outcome.name}: {outcome.became}: {outcome.detail} ({outcome.code})"


def table(outcomes: Sequence[StepOutcome]) -> str:
    """The outcomes as CSV, a header first; no cell is a formula (RFC 4180)."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(_HEADER)
    for o in outcomes:
        writer.writerow(map(harmless, (o.name, o.action, o.became.value, o.uid, o.code, o.detail)))
    return buffer.getvalue()
