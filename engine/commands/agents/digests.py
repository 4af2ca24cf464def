"""The daily digest: an owner reads what their agents' keys did, were refused and wait for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from pydantic import Field

from engine.commands import notices
from engine.commands.agents import digest_words
from engine.commands.agents.limits import Limit
from engine.commands.agents.widening import widening
from engine.commands.base import Command, Work
from engine.commands.notifying import Progress
from engine.mail.locale.language import ENGLISH, Language
from engine.mail.outgoing import words
from engine.model.base import Value
from engine.model.held import HeldAction
from engine.model.keys import Key
from engine.model.messages import Notice

_SHOWN = 20


class LastAction(Value):
    """One of the newest commands of a key, as the record says it."""

    at: str
    command: str
    outcome: str
    why: str = Field("", description="bound or code by which it was refused")


class KeyDay(Value):
    """What one key did in a day or since the last digest, what its bounds leave it, and its requests that wait."""

    key: Key
    done: tuple[tuple[str, str, int], ...] = Field((), description="command, what it came to, how often")
    limits: tuple[Limit, ...] = ()
    refused: tuple[tuple[str, int], ...] = Field((), description="by which bound, how often")
    held: tuple[HeldAction, ...] = ()
    last: tuple[LastAction, ...] = Field((), description="its newest commands, newest first")


class OweDigest(Command[Progress]):
    """Owe an owner the digest of the day of `until`, once."""

    owner: str
    until: datetime
    text: str

    async def carry_out(self, work: Work) -> Progress:
        """Owe the digest unless today's is owed already; `worked` is false then. Refuses nothing."""
        if not await work.unit.begin_digest(self.owner, self.until):
            return Progress(worked=False)
        if self.text:
            language = await notices.language_of(work, self.owner)
            day = words.day(self.until.date(), language)
            notice = Notice(
                subject=language.say("What your agents did until {day}", day=day),
                text=self.text,
                reply_to=work.settings.mailbox("create"),
            )
            message = notices.message(work, self.owner, self.owner, notice, None)
            await work.unit.add_messages([message], priority=0)
        return Progress(worked=bool(self.text))


def digest_text(
    days: Sequence[KeyDay],
    waiting: Sequence[HeldAction],
    head: str,
    now: datetime,
    language: Language = ENGLISH,
) -> str:
    """The text of a digest; empty if there is nothing to say."""
    say = language.say
    if not waiting and not any(day.done for day in days):
        return ""
    lines = [line for day in days for line in _key_lines(day, now, language)]
    if waiting:
        asked = [f"- {_held_line(held, language)}" for held in waiting[:_SHOWN]]
        lines += [say("Needs your approval:"), *asked, ""]
    if len(waiting) > _SHOWN:
        lines.append(language.some("And {n} more.", "And {n} more.", len(waiting) - _SHOWN))
    lines += [
        say(
            "A reply that begins with STOP stops all these keys. What widens a bound is typed at the server's command "
            "line, after the program's name."
        ),
        "",
        say("Keep this mail: the head of the record below proves later that nothing before it was changed."),
        "",
        head.rstrip(),
    ]
    return "\n".join(lines) + "\n"


def _key_lines(day: KeyDay, now: datetime, language: Language) -> list[str]:
    key, say = day.key, language.say
    state = f" {say('(stopped)')}" if key.stopped else f" {say('(ended)')}" if key.ended(now) else ""
    lines = [f"{key_line(key, language)}{state}:"]
    for command, outcome, times in day.done[:_SHOWN]:
        what = f"{digest_words.command(command, language)}: {digest_words.outcome(outcome, language)}"
        lines.append("- " + language.some("{what}, {n} times", "{what}, {n} times", times, what=what))
    lines += [] if day.done else [f"- {say('nothing')}"]
    return [*lines, *left_lines(day.limits, language), *refused_lines(day, language=language), ""]


def key_line(key: Key, language: Language = ENGLISH) -> str:
    """One line: the key's id, name and the address it acts for."""
    named = f" “{key.name}”" if key.name else ""
    return language.say("{key}, for {address}", key=f"{key.id}{named}", address=key.address)


def left_lines(limits: Sequence[Limit], language: Language = ENGLISH) -> list[str]:
    """What is left of each budget of the day."""
    budgets = [
        language.say(
            "{bound} {left} of {all}",
            bound=digest_words.bound(one.bound, language),
            left=one.left,
            all=one.allows,
        )
        for one in limits
        if one.left is not None
    ]
    return [language.say("Left today: {budgets}.", budgets=", ".join(budgets))] if budgets else []


def refused_lines(day: KeyDay, program: str = "", language: Language = ENGLISH) -> list[str]:
    """The bounds that refused something, or would have, each with the command that widens it."""
    found = []
    for bound, times in day.refused:
        command = widening(day.key, bound)
        told = language.some(
            "Refused by {bound}, {n} times",
            "Refused by {bound}, {n} times",
            times,
            bound=digest_words.bound(bound, language),
        )
        how = language.say("; to widen it: {command}", command=f"{program}{command}") if command else ""
        found.append(told + how)
    return found


def _held_line(held: HeldAction, language: Language) -> str:
    return language.say(
        "{action}: “{title}”, {people} people (id {id})",
        action=language.say(held.preview.action),
        title=" ".join(held.preview.title.split())[:80],
        people=language.number(held.preview.people),
        id=held.id,
    )


def counted(facts: Sequence[dict[str, object]]) -> tuple[tuple[str, str, int], ...]:
    """How often each command had each outcome, by rows of the record, most frequent first."""
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
