"""The options, the plan and the result of an import of a calendar."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from engine.commands.events import calendars, linking
from engine.commands.feeds.feeds import EntryStep
from engine.commands.tables.batch import RequestOutcome, Step, StepOutcome
from engine.itip.feed import Calendar
from engine.model.base import Value
from engine.model.feeds import Feed, FeedEntry
from engine.model.messages import Audience
from engine.refusals import Code

Gone = Literal["cancel", "keep"]

PROBLEMS_MAX = 50
_LEFT_OUT_SHOWN = 5
_OVER = frozenset({Code.EVENT_IN_PAST.value, Code.EVENT_FINISHED.value})


class ImportOptions(Value):
    """How a calendar is imported.

    `name` distinguishes an organizer's calendars; the default is the URL or the file's name. `timezone` is for times
    that name none. `seconds`: an import that takes longer stops; when repeated, it continues there.
    """

    organizer: str | None = None
    name: str = ""
    timezone: str | None = None
    gone: Gone = "cancel"
    force: bool = False
    audience: Audience | None = None
    dry_run: bool = False
    seconds: float = 300


class Imported(Value):
    """The result of an import, in numbers of events.

    `gone`: future events no longer in the calendar; `kept`: those of them that were left unchanged;
    `cancelled`: the others, and those that the calendar marks as cancelled; `past`: over, so skipped;
    `left`: not reached in time.
    """

    calendar: str
    organizer: str
    new: int = 0
    changed: int = 0
    gone: int = 0
    kept: int = 0
    cancelled: int = 0
    unchanged: int = 0
    past: int = 0
    failed: int = 0
    left: int = 0
    notified: int = 0
    problems: tuple[StepOutcome, ...] = ()
    dry_run: bool = False
    left_out: tuple[str, ...] = ()
    """Parts of events that were left out because they made no sense or were too long, one entry per event."""
    refresh_s: int = 0
    """The seconds after which the calendar asks to be read again; 0 if it does not say or was not read."""
    cut_off: bool = False
    """True if the calendar or page ends early or cannot be read completely, so that nothing was cancelled."""


@dataclass
class ImportPlan:
    """The steps of an import, and counts of the events that need none."""

    steps: list[Step] = field(default_factory=list)
    gone: list[FeedEntry] = field(default_factory=list)
    unchanged: int = 0
    past: int = 0
    whole: bool = True
    """True if the calendar is complete: only then are events that it lacks removed."""

    def cancelling(self, options: ImportOptions) -> bool:
        """True if removed events are to be cancelled."""
        return self.whole and options.gone == "cancel"


def in_words(imported: Imported) -> list[str]:
    """The result of an import in words, without its problems, which quote the calendar."""
    head = "Dry run, nothing was done; it would be: " if imported.dry_run else ""
    names = ("new", "changed", "gone", "cancelled", "unchanged", "past", "failed")
    counts = ", ".join(f"{name} {getattr(imported, name)}" for name in names)
    notified = f"People who {'would be' if imported.dry_run else 'are'} notified: {imported.notified}."
    lines = [f"{imported.calendar} for {imported.organizer}: {head}{counts}. {notified}"]
    if imported.cut_off:
        lines.append(
            "The calendar is cut off (no END:VCALENDAR or </html>, or a part that cannot be read), "
            "so nothing was cancelled for it."
        )
    if imported.kept:
        lines.append(f"{imported.kept} events that the calendar no longer has were left as they are.")
    if imported.left:
        lines.append(f"{imported.left} were not reached in time; repeat the import to go on.")
    return lines


def summed(
    feed: Feed,
    plan: ImportPlan,
    calendar: Calendar,
    outcomes: Sequence[StepOutcome],
    options: ImportOptions,
    *,
    left: int,
) -> Imported:
    over = [o for o in outcomes if o.code in _OVER]
    problems = [
        *_unreadable(calendar),
        *(o for o in outcomes if o.became is RequestOutcome.FAILED and o.code not in _OVER),
    ]
    counts = {became: sum(o.became is became for o in outcomes) for became in RequestOutcome}
    return Imported(
        calendar=feed.name,
        organizer=feed.organizer,
        new=counts[RequestOutcome.CREATED],
        changed=counts[RequestOutcome.UPDATED],
        gone=len(plan.gone),
        kept=0 if plan.cancelling(options) else len(plan.gone),
        cancelled=counts[RequestOutcome.CANCELLED],
        unchanged=plan.unchanged + counts[RequestOutcome.UNCHANGED],
        past=plan.past + len(over),
        failed=len(problems),
        left=left,
        notified=sum(o.notified for o in outcomes),
        problems=tuple(problems[:PROBLEMS_MAX]),
        dry_run=options.dry_run,
        left_out=tuple(_left_out(plan, outcomes))[:PROBLEMS_MAX],
        cut_off=not plan.whole,
        refresh_s=calendar.refresh_s,
    )


def _left_out(plan: ImportPlan, outcomes: Sequence[StepOutcome]) -> Iterator[str]:
    """The parts that were left out of events that were created or changed."""
    for step, outcome in zip(plan.steps, outcomes, strict=False):
        if isinstance(step, EntryStep) and outcome.became in {RequestOutcome.CREATED, RequestOutcome.UPDATED}:
            instances = step.entry.instances
            what = [*calendars.left_out(step.entry.event, instances)]
            what += [each for event in instances for each in calendars.left_out(event)]
            what += [linking.told(left) for left in step.left]
            if what:
                yield f"{step.name}: {'; '.join(what[:_LEFT_OUT_SHOWN])}"


def _unreadable(calendar: Calendar) -> Iterator[StepOutcome]:
    for bad in calendar.unreadable:
        yield StepOutcome(
            name=bad.uid, became=RequestOutcome.FAILED, code=bad.refused.code.value, detail=str(bad.refused)
        )
