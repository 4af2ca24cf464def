"""The daily digest: an owner reads what their agents' keys did, were refused and wait for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime

from pydantic import Field

from engine.commands import notices
from engine.commands.agents.limits import Limit
from engine.commands.agents.widening import widening
from engine.commands.base import Command, Work
from engine.commands.notifying import Progress
from engine.mail.outgoing import words
from engine.model.base import Value
from engine.model.held import HeldAction
from engine.model.keys import Key
from engine.model.messages import Notice

_SHOWN = 20
_CAMEL = re.compile(r"(?<!^)(?=[A-Z])")


class LastAction(Value):
    """One of the newest commands of a key, as the record says it."""

    at: str
    command: str
    outcome: str
    why: str = Field("", description="bound or code by which it was refused")


class KeyDay(Value):
    """What one key did in a day, what its bounds leave it, and what it asked for that waits."""

    key: Key
    done: tuple[tuple[str, str, int], ...] = Field((), description="command, what it came to, how often")
    limits: tuple[Limit, ...] = ()
    refused: tuple[tuple[str, int], ...] = Field((), description="by which bound, how often")
    held: tuple[HeldAction, ...] = ()
    last: tuple[LastAction, ...] = Field((), description="its newest commands, newest first")


class OweDigest(Command[Progress]):
    """Owe an owner the digest of a day, once."""

    owner: str
    day: date
    text: str

    async def carry_out(self, work: Work) -> Progress:
        """Owe the digest unless today's is owed already; `worked` is false then. Refuses nothing."""
        if not await work.unit.begin_digest(self.owner, self.day):
            return Progress(worked=False)
        if self.text:
            notice = Notice(
                subject=f"What your agents did until {words.day(self.day)}",
                text=self.text,
                reply_to=work.settings.mailbox("create"),
            )
            message = notices.message(work, self.owner, self.owner, notice, None)
            await work.unit.add_messages([message], priority=0)
        return Progress(worked=bool(self.text))


def digest_text(days: Sequence[KeyDay], waiting: Sequence[HeldAction], head: str, now: datetime) -> str:
    """The text of a digest; empty if there is nothing to say."""
    if not waiting and not any(day.done for day in days):
        return ""
    lines = [line for day in days for line in _key_lines(day, now)]
    if waiting:
        lines += ["Needs your approval:", *(f"- {_held_line(held)}" for held in waiting[:_SHOWN]), ""]
    if len(waiting) > _SHOWN:
        lines.append(f"And {len(waiting) - _SHOWN} more.")
    lines += [
        "A reply that begins with STOP stops all these keys. What widens a bound is typed at the server's command "
        "line, after the program's name.",
        "",
        "Keep this mail: the head of the record below proves later that nothing before it was changed.",
        "",
        head.rstrip(),
    ]
    return "\n".join(lines) + "\n"


def _key_lines(day: KeyDay, now: datetime) -> list[str]:
    key = day.key
    named = f" “{key.name}”" if key.name else ""
    state = " (stopped)" if key.stopped else " (ended)" if key.ended(now) else ""
    lines = [f"{key.id}{named}, for {key.address}{state}:"]
    for command, outcome, times in day.done[:_SHOWN]:
        lines.append(f"- {command_words(command)}: {outcome}, {times} times")
    lines += [] if day.done else ["- nothing"]
    return [*lines, *left_lines(day.limits), *refused_lines(day), ""]


def command_words(command: str) -> str:
    """A command by its name in words."""
    return _CAMEL.sub(" ", command).lower()


def left_lines(limits: Sequence[Limit]) -> list[str]:
    """What is left of each budget of the day."""
    budgets = [f"{one.bound} {one.left} of {one.allows}" for one in limits if one.left is not None]
    return [f"Left today: {', '.join(budgets)}."] if budgets else []


def refused_lines(day: KeyDay, program: str = "") -> list[str]:
    """By which bound something was refused, or would have been, and the command that widens it."""
    found = []
    for bound, times in day.refused:
        command = widening(day.key, bound)
        how = f"; to widen it: {program}{command}" if command else ""
        found.append(f"Refused by {bound}, {times} times{how}")
    return found


def _held_line(held: HeldAction) -> str:
    title = " ".join(held.preview.title.split())[:80]
    return f"{held.preview.action}: “{title}”, {held.preview.people} people (id {held.id})"


def counted(facts: Sequence[dict[str, object]]) -> tuple[tuple[str, str, int], ...]:
    """How often each command came to what, by rows of the record; the most often first."""
    found: Counter[tuple[str, str]] = Counter()
    for row in facts:
        outcome = str(row.get("outcome", ""))
        if row.get("observed"):
            outcome = f"{outcome}, only observed"
        why = ": ".join(str(row[name]) for name in ("code", "bound") if row.get(name))
        times = row.get("times", 1)
        assert isinstance(times, int)
        found[str(row.get("command", "")), f"{outcome} ({why})" if why else outcome] += times
    return tuple((command, outcome, n) for (command, outcome), n in found.most_common())
