"""The listener is killed while mails pour in: each that got 250 is there once, and counts once (promise 1)."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from functools import partial
from pathlib import Path

import aiosmtplib

from engine.commands.invites.invites import SendInvite
from engine.engine import system_clock
from engine.model.people import Attendee
from engine.model.queries import AttendeeQuery
from tests.faults.scene import PATIENCE_S, SOAK, asked, own_event
from tests.support import mails
from tests.support.engines import do, engine_in
from tests.support.ports import free_port, listens
from tests.support.processes import program
from tests.support.waiting import eventually

_MAILS = 2_000 if SOAK else 240
_GUESTS = 100 if SOAK else 60
_CONNECTIONS = 8
_KILLS = 10 if SOAK else 3
PARTS = ("new", "done", "quarantine")


async def hand_over(port: int, share: list[tuple[str, bytes]], taken: set[str]) -> None:
    """Hand mails over until the server dies; note the id of each that was taken."""
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False, timeout=PATIENCE_S)
    with suppress(aiosmtplib.SMTPException, OSError):
        await client.connect()
        while share:
            to, raw = share[-1]
            await client.mail("someone@example.com")
            await client.rcpt(to)
            answer = await client.data(raw)
            taken.add(answer.message.split()[-1])
            share.pop()
    client.close()


def letter(uid: str, guest: Attendee) -> tuple[str, bytes]:
    """A guest's answer, and where it goes."""
    to = f"rsvp+{guest.token}@cis.test"
    return to, mails.reply(uid, guest.email, to=to).as_bytes().replace(b"\n", b"\r\n")


def holds(taken: set[str], number: int) -> bool:
    return len(taken) >= number


def spooled(folder: Path) -> list[str]:
    return [p.name for part in PARTS for p in (folder / "inbox" / part).iterdir()]


def handled(folder: Path, taken: set[str]) -> bool:
    """All that was taken is over: none waits in `new`, nor in the journal for a file of its own."""
    waiting, *over = ({p.name for p in (folder / "inbox" / part).iterdir()} for part in PARTS)
    return not waiting and taken <= set().union(*over)


async def test_each_mail_that_was_taken_is_there_once_and_counts_once(tmp_path: Path) -> None:
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    async with engine_in(tmp_path, system_clock) as engine:
        event = await own_event(engine)
        for n in range(_GUESTS):
            await do(engine, SendInvite(uid=event.uid, email=f"p{n}@example.com"))
        guests = (await engine.store.attendees(AttendeeQuery(uid=event.uid, limit=_GUESTS))).attendees
    letters = [letter(event.uid, guest) for guest in guests]
    shares = [(letters * (_MAILS // _GUESTS))[n::_CONNECTIONS] for n in range(_CONNECTIONS)]
    taken: set[str] = set()
    for kill in range(_KILLS + 1):
        port = free_port()
        async with program(tmp_path, "worker", INBOX=f"smtp://127.0.0.1:{port}") as process:
            await eventually(partial(listens, port), PATIENCE_S)
            handing = asyncio.gather(*(hand_over(port, share, taken) for share in shares))
            if kill < _KILLS:
                enough = len(taken) + _MAILS // (_KILLS + 2)
                await eventually(partial(holds, taken, enough), PATIENCE_S)
                await asyncio.sleep(chance.uniform(0, 0.02))
                process.kill()
                await asyncio.wait_for(handing, PATIENCE_S)
            else:
                await asyncio.wait_for(handing, PATIENCE_S)
                await eventually(partial(handled, tmp_path, taken), PATIENCE_S)
    assert len(taken) == _MAILS
    there = spooled(tmp_path)
    assert len(there) == len(set(there))
    assert taken <= set(there)
    # A mail that was kept when the server died, before it could say so, has come twice.
    assert len(there) <= _MAILS + _KILLS * _CONNECTIONS
    assert asked(tmp_path, "SELECT count(*) FROM receipt") == [(len(there),)]
    accepted = f"SELECT n FROM tally WHERE scope = 'event' AND key = '{event.uid}' AND name = 'rsvp.accepted'"
    assert asked(tmp_path, accepted) == [(_GUESTS,)]
    async with program(tmp_path, "check") as check:
        assert await asyncio.wait_for(check.wait(), PATIENCE_S) == 0
