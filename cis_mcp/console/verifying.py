"""The nine steps of CIS Verify with an event of the visitor's own: each is judged by what happened to the event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from cis_mcp.views.events import counters
from engine.model.counters import Statistics
from engine.model.events import Event

State = Literal["Verified", "Skipped", "Waiting"]


@dataclass(frozen=True)
class Seen:
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
class Judged:
    """A step, how it stands, and what that was judged by."""

    step: VerifierStep
    state: State
    response: str

    @property
    def words(self) -> str:
        """Name, response and validation, to be copied."""
        head = f"{self.step.number} {self.step.name}: {self.state}"
        return f"{head}\nresponse: {self.response}\nvalidation: {self.step.wanted}"


STEPS = (
    VerifierStep(
        1, "Create", "In your calendar, create an event and invite the address below.", "the event is here"
    ),
    VerifierStep(
        2, "Confirm", "Nothing to do: the event is looked for.", "event, organizer and system know it"
    ),
    VerifierStep(
        3, "Send", "Invite at least one address whose mailbox you can open.", "a mail server took an invite"
    ),
    VerifierStep(
        4, "Attendees", "Nothing to do: the people who are invited are counted.", "1 attendee or more"
    ),
    VerifierStep(
        5, "Answers", "In the invited calendar, answer Yes, No or Maybe.", "Yes + No + Maybe is 1 or more"
    ),
    VerifierStep(
        6,
        "Update",
        "In your calendar, change the time or the place and send the update.",
        "the revision grew",
    ),
    VerifierStep(7, "Report", "Have the report mailed to you.", "a mail server took the report"),
    VerifierStep(
        8, "Cancel", "In your calendar, cancel the event.", "cancelled, and the revision grew again"
    ),
)
RESULTS = 9


def judged(seen: Seen, skipped: Iterable[int]) -> list[Judged]:
    """The eight steps; what did happen counts, also where it was to be skipped."""
    passed, left_out = _passed(seen), frozenset(skipped)
    return [_one(step, *passed[step.number], skipped=step.number in left_out) for step in STEPS]


def _one(step: VerifierStep, done: bool, response: str, *, skipped: bool) -> Judged:
    return Judged(step, "Verified" if done else "Skipped" if skipped else "Waiting", response)


def _passed(seen: Seen) -> Mapping[int, tuple[bool, str]]:
    event, told = seen.event, counters(seen.counted)
    rsvp, sent = told["rsvp"], told["delivery"].get("sent", 0)
    answers = {name: rsvp.get(name, 0) for name in ("accepted", "declined", "tentative")}
    revision = f"sequence {event.sequence}, was {seen.sequence}"
    grown = event.sequence - seen.sequence
    return {
        1: (True, f"uid {event.uid}"),
        2: (len(seen.levels) > 1, f"found at: {', '.join(seen.levels)}; sequence {seen.sequence}"),
        3: (sent > 0, f"{sent} mails sent"),
        4: (told["attendees"] > 0, f"{told['attendees']} attendees"),
        5: (sum(answers.values()) > 0, ", ".join(f"{name} {n}" for name, n in answers.items())),
        6: (grown > (1 if event.cancelled else 0), revision),
        7: (seen.report_sent, "report sent" if seen.report_sent else "no report sent"),
        8: (event.cancelled and grown > 0, f"{event.status.value}, {revision}"),
    }


def summary(event: Event, steps: Iterable[Judged], version: str, url: str) -> str:
    """What the whole pipeline came to, to be copied."""
    lines = [f"{one.step.number} {one.step.name:<10} {one.state:<9} {one.response}" for one in steps]
    return "\n".join([f"CIS Verify of {url}, cis-mcp {version}", f"event {event.uid}", *lines])
