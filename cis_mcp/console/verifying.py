"""The nine steps of CIS Verify with an event of the visitor's own: each is judged by what happened to the event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cis_mcp.views.events import counters
from engine.mail.locale.language import noop, noop_term
from engine.model.counters import Statistics
from engine.model.events import Event

State = Literal["Verified", "Skipped", "Waiting"]


@dataclass(frozen=True)
class SeenEvent:
    """What the server knows of the event, and what was noted when it was chosen."""

    event: Event
    counted: Statistics
    sequence: int
    """SEQUENCE of the event at step 2."""
    report_sent: bool
    levels: tuple[str, ...]
    """The levels at which the event was found: event, organizer, system."""


@dataclass(frozen=True)
class VerifierStep:
    """One step: what to do, and what the server must see."""

    number: int
    name: str
    todo: str
    wanted: str


@dataclass(frozen=True)
class JudgedStep:
    """A step, its state, and the facts behind it."""

    step: VerifierStep
    state: State
    message: str
    values: Mapping[str, Any]

    @property
    def response(self) -> str:
        """The facts behind its state, in English."""
        return self.message.format(**self.values)

    @property
    def words(self) -> str:
        """Name, response and validation, to be copied."""
        head = f"{self.step.number} {self.step.name}: {self.state}"
        return f"{head}\nresponse: {self.response}\nvalidation: {self.step.wanted}"


STEPS = (
    VerifierStep(
        1,
        "Create",
        noop("In your calendar, create an event and invite the address below."),
        noop("the event is here"),
    ),
    VerifierStep(
        2,
        "Confirm",
        noop("Nothing to do: the event is looked for."),
        noop("event, organizer and system know it"),
    ),
    VerifierStep(
        3,
        "Send",
        noop("Invite at least one address whose mailbox you can open."),
        noop("a mail server took an invite"),
    ),
    VerifierStep(
        4,
        "Attendees",
        noop("Nothing to do: the people who are invited are counted."),
        noop("1 attendee or more"),
    ),
    VerifierStep(
        5,
        "Answers",
        noop("In the invited calendar, answer Yes, No or Maybe."),
        noop("Yes + No + Maybe is 1 or more"),
    ),
    VerifierStep(
        6,
        "Update",
        noop("In your calendar, change the time or the place and send the update."),
        noop("the revision grew"),
    ),
    VerifierStep(7, "Report", noop("Have the report mailed to you."), noop("a mail server took the report")),
    VerifierStep(
        8,
        "Cancel",
        noop("In your calendar, cancel the event."),
        noop("cancelled, and the revision grew again"),
    ),
)
_TERMS = (
    noop_term("step", "Create"),
    noop_term("step", "Confirm"),
    noop_term("step", "Send"),
    noop_term("step", "Attendees"),
    noop_term("step", "Answers"),
    noop_term("step", "Update"),
    noop_term("step", "Report"),
    noop_term("step", "Cancel"),
    noop_term("mark", "Verified"),
    noop_term("mark", "Skipped"),
    noop_term("mark", "Waiting"),
    noop_term("mark", "Failed"),
)
RESULTS = 9


def judged(seen: SeenEvent, skipped: Iterable[int]) -> list[JudgedStep]:
    """The eight steps; what did happen counts, also where it was to be skipped."""
    passed, left_out = _passed(seen), frozenset(skipped)
    return [_one(step, *passed[step.number], skipped=step.number in left_out) for step in STEPS]


def _one(
    step: VerifierStep, done: bool, message: str, values: Mapping[str, Any], *, skipped: bool
) -> JudgedStep:
    state: State = "Verified" if done else "Skipped" if skipped else "Waiting"
    return JudgedStep(step, state, message, values)


def _passed(seen: SeenEvent) -> Mapping[int, tuple[bool, str, Mapping[str, Any]]]:
    """Of each step whether it is done, and what that is judged by: a message and its values."""
    event, told = seen.event, counters(seen.counted)
    rsvp, sent = told["rsvp"], told["delivery"].get("sent", 0)
    answers = {name: rsvp.get(name, 0) for name in ("accepted", "declined", "tentative")}
    revisions = {"now": event.sequence, "before": seen.sequence}
    grown = event.sequence - seen.sequence
    found = {"count": len(seen.levels), "revision": seen.sequence}
    report = noop("report sent") if seen.report_sent else noop("no report sent")
    cancelled = (
        noop("cancelled; revision {now}, was {before}")
        if event.cancelled
        else noop("not cancelled; revision {now}, was {before}")
    )
    return {
        1: (True, noop("uid {uid}"), {"uid": event.uid}),
        2: (len(seen.levels) > 1, noop("levels at which it was found: {count}; revision {revision}"), found),
        3: (sent > 0, noop("mails sent: {count}"), {"count": sent}),
        4: (told["attendees"] > 0, noop("attendees: {count}"), {"count": told["attendees"]}),
        5: (
            sum(answers.values()) > 0,
            noop("Yes: {accepted}, No: {declined}, Maybe: {tentative}"),
            answers,
        ),
        6: (grown > (1 if event.cancelled else 0), noop("revision {now}, was {before}"), revisions),
        7: (seen.report_sent, report, {}),
        8: (event.cancelled and grown > 0, cancelled, revisions),
    }


def summary(event: Event, steps: Iterable[JudgedStep], version: str, url: str) -> str:
    """The result of all steps, to be copied."""
    lines = [f"{one.step.number} {one.step.name:<10} {one.state:<9} {one.response}" for one in steps]
    return "\n".join([f"CIS Verify of {url}, cis-mcp {version}", f"event {event.uid}", *lines])
