"""Everything that is read of one mail, whoever it is from: its parts, its calendars, its lists, its rules."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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


class Limited:
    """Reads each mail in a process of its own with so much memory and processor time, and all imported."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin
        assert process.stdout
        self._given, self._answered = process.stdin, process.stdout
        self._made: dict[str, list[str]] = {}

    def read(self, mail: bytes) -> list[str]:
        """As `outcomes`; fails where it takes more."""
        return self._ask(mail, "")

    def read_made(self, name: str) -> list[str]:
        """What comes of a hostile mail at its full size, which is made there; read once, however often it is asked."""
        if name not in self._made:
            self._made[name] = self._ask(b"", name)
        return self._made[name]

    def _ask(self, mail: bytes, name: str) -> list[str]:
        self._given.write(b"%d %s\n%s" % (len(mail), name.encode(), mail))
        self._given.flush()
        *found, code = iter(self._line, "")
        assert code == "0"
        return found

    def _line(self) -> str:
        """A line of an answer, which ends with an empty one."""
        return self._answered.readline().decode().strip()


@contextmanager
def limited() -> Iterator[Limited]:
    """What reads mails within limits; its imports are paid for once."""
    command = [sys.executable, "-m", "tests.support.reading"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Limited(process)


def _serve() -> None:
    """Read one mail after the other, each in a process that the system limits."""
    while head := sys.stdin.buffer.readline().decode().strip("\n"):
        size, _, name = head.partition(" ")
        mail = sys.stdin.buffer.read(int(size))
        if (pid := os.fork()) == 0:
            limit()
            print(*outcomes(made(name) if name else mail), sep="\n", flush=True)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), end="\n\n", flush=True)


def limit() -> None:
    """Bound what this process may use, by the system."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))


if __name__ == "__main__":
    _serve()
