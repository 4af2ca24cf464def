"""Everything that is read of one mail, whoever it is from: its parts, its calendars, its lists, its rules."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator

from bench.hostile_mails import made
from engine.commands.tables import batchrows, csvlist
from engine.itip import read as itip_read
from engine.itip import recurrence
from engine.itip.message import ItipEvent
from engine.mail.incoming import read as mail_read
from engine.mail.incoming.content import ListPart
from engine.refusals import Refused

MEMORY = 1_000_000_000
CPU_S = 60
"""Generous: an end for what would never come to one, no figure."""


def outcomes(mail: bytes) -> list[str]:
    """What comes of a mail and of all that is in it, in a word each: its code where it is refused."""
    return list(_outcomes(mail))


def _outcomes(mail: bytes) -> Iterator[str]:
    try:
        found = mail_read.read(mail)
    except Refused as refused:
        yield refused.code.value
        return
    yield found.obstacle.code if found.obstacle else "read"
    for part in found.calendars:
        yield _became(lambda content=part.content, hint=part.method_hint: _calendar(content, hint))  # type: ignore[misc]
    for listed in found.lists:
        yield from _list(listed)


def _became(reading: Callable[[], str]) -> str:
    try:
        return reading()
    except Refused as refused:
        return refused.code.value


def _calendar(content: bytes, hint: str) -> str:
    message = itip_read.read(content, method_hint=hint)
    for event in message.events[:3]:
        _became(lambda event=event: _rule(event))  # type: ignore[misc]
    return f"{len(message.events)} events"


def _rule(event: ItipEvent) -> str:
    return recurrence.validated(event.recurrence, event.span) if event.recurrence and event.span else ""


def _list(part: ListPart) -> Iterator[str]:
    batchrows.fits(part.text)
    yield _became(lambda: f"{len(batchrows.read(part.text).rows)} commands")
    yield _became(lambda: f"{len(csvlist.read(part.text, 100_000))} rows")


def limited(mail: bytes) -> list[str]:
    """As `outcomes`, in a process of its own with so much memory and processor time; fails where it takes more."""
    (found,) = _in_a_process(mail)
    return found


def all_limited(names: Iterable[str]) -> list[list[str]]:
    """What comes of each of some hostile mails, in one such process."""
    return _in_a_process(b"", *names)


def _in_a_process(given: bytes, *names: str) -> list[list[str]]:
    command = [sys.executable, "-m", "tests.support.reading", *names]
    done = subprocess.run(command, input=given, capture_output=True, timeout=600, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr[-500:])
    return [line.split(",") for line in done.stdout.decode().splitlines()]


def limit() -> None:
    """Bound what this process may use, by the system."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))


if __name__ == "__main__":
    limit()
    for mail in map(made, sys.argv[1:]) if sys.argv[1:] else [sys.stdin.buffer.read()]:
        print(",".join(outcomes(mail)))
